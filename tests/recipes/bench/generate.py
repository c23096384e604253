"""Smooth functions of a few sensor readings or states, as tables: calibration, kinematics, dynamics, control.

generate.py FOLDER DRAW: for each function NAME-DRAW.csv (800 rows to learn from) and NAME-DRAW-test.csv (2000 rows), uniform in
the ranges below. Nothing but Python is needed, and the same draw gives the same bytes everywhere.
"""

import math
import random
import sys
from math import atan2, cos, exp, hypot, log, pi, sin, sqrt, tanh


def lorenz(x, y, z):
    return x * (28 - z) - y


def duffing(x, v, phase):
    return -0.3 * v + x - x**3 + 0.5 * cos(phase)


def van_der_pol(x, v):
    return 2 * (1 - x * x) * v - x


def cart_pole(angle, rate, force):
    push = (force + 0.05 * rate**2 * sin(angle)) / 1.1
    return (9.8 * sin(angle) - cos(angle) * push) / (0.5 * (4 / 3 - 0.1 * cos(angle) ** 2 / 1.1))


def double_pendulum(a, b, rate_a, rate_b):
    d = a - b
    pull = -29.4 * sin(a) - 9.8 * sin(a - 2 * b)
    return (pull - 2 * sin(d) * (rate_b**2 + rate_a**2 * cos(d))) / (3 - cos(2 * d))


def fitzhugh_nagumo(v, w, current):
    return v - v**3 / 3 - w + current


def kepler(mean_anomaly, eccentricity):
    e = mean_anomaly
    for _ in range(50):
        e -= (e - eccentricity * sin(e) - mean_anomaly) / (1 - eccentricity * cos(e))
    return e


def robot_arm(a, b, c, d):
    angles = (a, a + b, a + b + c, a + b + c + d)
    return hypot(sum(map(cos, angles)), sum(map(sin, angles)))


def inverse_kinematics(x, y):
    """The elbow of an arm with links of 1 and 0.8."""
    c = (x * x + y * y - 1.64) / 1.6
    return math.acos(max(-1.0, min(1.0, c)))


def attitude(roll, pitch, p, q, r):
    return p + tan_clipped(pitch) * (q * sin(roll) + r * cos(roll))


def tan_clipped(x):
    return sin(x) / max(cos(x), 0.1)


def magnetic_levitation(current, gap):
    return current**2 / (1 + gap) ** 2 * 4 - 9.8


def stribeck_friction(speed, temperature):
    return (0.4 + 0.6 * exp(-((speed / 0.4) ** 2))) * tanh(speed / 0.1) * (1 - 0.004 * temperature) + 0.3 * speed


def thermistor(adc, supply):
    """Degrees from a divider with 10 kOhm, by Steinhart and Hart."""
    share = adc / 4095 * 3.3 / supply
    ohms = 10e3 * share / (1 - share)
    return 1 / (1.129e-3 + 2.341e-4 * log(ohms) + 8.775e-8 * log(ohms) ** 3) - 273.15


def thermocouple(millivolts, junction):
    """Degrees of type K, with a cold junction."""
    v = millivolts + 0.0395 * junction + 1.2e-5 * junction**2
    return 24.9 * v - 0.08 * v**2 + 0.002 * v**3 - 6 * sin(v / 4)


def pressure_bridge(bridge, temperature):
    """A piezoresistive cell: span and zero drift with temperature."""
    t = (temperature - 25) / 60
    span = 1 - 0.18 * t + 0.05 * t * t
    s = (bridge - 0.4 * t - 0.1 * t * t) / span
    return s + 0.06 * s * s - 0.03 * s**3


def battery_voltage(charge, current, temperature):
    z = charge
    rest = 3.2 + 0.9 * z - 0.25 * exp(-18 * z) + 0.12 * tanh(8 * (z - 0.85)) + 0.06 * sin(5 * z)
    return rest - current * (0.04 + 0.05 * exp(-(temperature + 20) / 25) + 0.03 * exp(-10 * z))


def heat_exchanger(hot_flow, cold_flow, hot, cold):
    ratio = min(hot_flow, cold_flow) / max(hot_flow, cold_flow)
    units = 1.5 / sqrt(min(hot_flow, cold_flow))
    effectiveness = (1 - exp(-units * (1 - ratio))) / (1 - ratio * exp(-units * (1 - ratio)) + 1e-9)
    return cold + effectiveness * min(1.0, hot_flow / cold_flow) * (hot - cold)


def stirred_tank(concentration, temperature, jacket):
    reaction = 7.2e10 * exp(-8750 / temperature) * concentration
    return (350 - temperature) + 209.2 * reaction + 2.092 * (jacket - temperature)


def solar_cell(irradiance, temperature, voltage):
    short = 8.2 * irradiance * (1 + 0.0005 * (temperature - 25))
    return short - 1e-9 * (exp(min(voltage / (0.026 * (273 + temperature) / 298 * 1.3), 40)) - 1)


def tyre(slip, load, camber):
    b, c, d = 8 + load / 4000, 1.4, load * (1.1 - load / 20000)
    x = slip + 0.1 * camber
    return d * sin(c * math.atan(b * x - 0.6 * (b * x - math.atan(b * x)))) / 1000


def quadrotor_thrust(speed, climb, density):
    inflow = climb / max(speed, 1) * 8
    return density * speed**2 * 1e-2 * (0.11 - 0.05 * inflow + 0.01 * sin(3 * inflow))


def compass_heading(x, y, tilt):
    """The sine of twice the heading of a magnetometer with an offset."""
    return sin(2 * atan2(y - 0.2 * sin(tilt), x + 0.3 * cos(tilt) + 1.5))


RANGES = {
    lorenz: [(-20, 20), (-25, 25), (5, 45)],
    duffing: [(-1.5, 1.5), (-1.5, 1.5), (0, 2 * pi)],
    van_der_pol: [(-2.5, 2.5), (-4, 4)],
    cart_pole: [(-pi, pi), (-4, 4), (-10, 10)],
    double_pendulum: [(-2, 2), (-2, 2), (-3, 3), (-3, 3)],
    fitzhugh_nagumo: [(-2, 2), (-1, 1.5), (0, 1)],
    kepler: [(-pi, pi), (0, 0.8)],
    robot_arm: [(-pi / 2, pi / 2)] * 4,
    inverse_kinematics: [(0.3, 1.2), (-1.2, 1.2)],
    attitude: [(-1.2, 1.2), (-1.2, 1.2), (-2, 2), (-2, 2), (-2, 2)],
    magnetic_levitation: [(0, 4), (0.2, 3)],
    stribeck_friction: [(-2, 2), (0, 80)],
    thermistor: [(300, 3300), (3.1, 3.5)],
    thermocouple: [(0, 20), (-10, 60)],
    pressure_bridge: [(-1, 1), (-40, 85)],
    battery_voltage: [(0.02, 1), (-3, 3), (-20, 45)],
    heat_exchanger: [(0.5, 3), (0.5, 3), (60, 95), (5, 30)],
    stirred_tank: [(0.1, 1), (320, 390), (290, 330)],
    solar_cell: [(0.1, 1.1), (-10, 60), (0, 0.75)],
    tyre: [(-0.4, 0.4), (1000, 7000), (-0.3, 0.3)],
    quadrotor_thrust: [(5, 40), (-6, 6), (0.9, 1.3)],
    compass_heading: [(-1, 1), (-1, 1), (-1, 1)],
}


def table(function, draw, rows, part):
    draws = random.Random(f"{function.__name__} {draw} {part}")
    names = function.__code__.co_varnames[: function.__code__.co_argcount]
    lines = [",".join([*names, "target"])]
    for _ in range(rows):
        x = [draws.uniform(low, high) for low, high in RANGES[function]]
        lines.append(",".join(f"{value:.7g}" for value in [*x, function(*x)]))
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    folder, draw = sys.argv[1:]
    for function in RANGES:
        for part, rows in (("", 800), ("-test", 2000)):
            with open(f"{folder}/{function.__name__}-{draw}{part}.csv", "w") as file:
                file.write(table(function, draw, rows, part))
