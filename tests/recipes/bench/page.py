"""docs/when-it-pays.md from the run folders that bench.sh made: page.py FOLDER."""

import csv
import json
import math
import re
import sys
from collections import defaultdict
from pathlib import Path
from statistics import mean, stdev

# Two-sided 95 % points of Student's distribution, by degrees of freedom.
STUDENT = [12.71, 4.30, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26, 2.23, 2.20, 2.18, 2.16, 2.14, 2.13, 2.12, 2.11, 2.10, 2.09, 2.09]
CLASSICAL = ["relu", "tanh", "sine", "swish"]


def interval(values):
    """Mean and half the 95 % interval."""
    if len(values) < 2:
        return mean(values), math.inf
    t = STUDENT[len(values) - 2] if len(values) - 2 < len(STUDENT) else 1.96 + 2.6 / (len(values) - 1)
    return mean(values), t * stdev(values) / math.sqrt(len(values))


def ratio(logs):
    m, width = interval(logs)
    return f"{math.exp(m):.2f} [{math.exp(m - width):.2f}, {math.exp(m + width):.2f}]"


def name_of(activation):
    return "learned" if activation.startswith("learning:") else activation


def runs(folder):
    """Of each table: for each draw the mean test value of each kind, the held-out value, and the kind of the model."""
    tables = defaultdict(list)
    for run in sorted(folder.glob("*.ldnn.run")):
        if not (run / "report.txt").exists():
            continue
        values = defaultdict(list)
        for line in open(run / "trainings.jsonl"):
            training = json.loads(line)
            curve = training["curve"]
            if not training["diverged"]:
                values[name_of(training["activation"])].append((curve["accuracy"] or curve["test_loss"])[-1])
        held_out = {name_of(c["activation"]): c["validation"] for c in json.loads((run / "chosen.json").read_text())}
        kept = re.search(r"The model has (?:the )?(\S+) activations", (run / "report.txt").read_text())[1]
        name, draw = run.name.removesuffix(".ldnn.run").rsplit("-", 1)
        tables[name].append((draw, {kind: mean(v) for kind, v in values.items()}, held_out, kept))
    return tables


def smooth(folder, width):
    tables = runs(folder / f"smooth-{width}")
    if not tables:
        return
    print(f"\n### {width} neurons\n")
    print("| table | ReLU | tanh | sine | swish | learned | learned / best classical |")
    print("|---|---|---|---|---|---|---|")
    logs = defaultdict(list)
    for name, draws in tables.items():
        percent = {k: mean(100 * math.sqrt(d[1][k]) for d in draws) for k in [*CLASSICAL, "learned"]}
        # The classical kind that a user without the test rows would take.
        best = mean(100 * math.sqrt(d[1][min(CLASSICAL, key=d[2].get)]) for d in draws)
        for k in CLASSICAL:
            logs[k].append(math.log(percent["learned"] / percent[k]))
        logs["best"].append(math.log(percent["learned"] / best))
        logs["all"].append(percent)
        print(f"| {name.replace('_', ' ')} | " + " | ".join(f"{percent[k]:.2f}" for k in percent) + f" | {percent['learned'] / best:.2f} |")
    together = {k: math.exp(mean(math.log(p[k]) for p in logs["all"])) for k in [*CLASSICAL, "learned"]}
    print("| **geometric mean** | " + " | ".join(f"**{v:.2f}**" for v in together.values()) + " | |")
    print("\n| learned against | ratio of RMSE, with 95 % interval over tables | smaller on |\n|---|---|---|")
    for kind, label in [("relu", "ReLU"), ("tanh", "tanh"), ("sine", "sine"), ("swish", "swish"), ("best", "the best classical by held-out rows")]:
        won = sum(x < 0 for x in logs[kind])
        print(f"| {label} | {ratio(logs[kind])} | {won} of {len(logs[kind])} tables |")


def real(folder):
    tables = runs(folder / "real")
    if not tables:
        return
    peers = defaultdict(dict)
    for path in (folder / "tables").glob("peers-*.csv"):
        for row in csv.DictReader(open(path)):
            peers[row["table"]].setdefault(row["peer"], {})[path.stem.split("-")[1]] = float(row["score"])

    classes = {n: d for n, d in tables.items() if max(d[0][1].values()) > 5}
    print("\n## Classification\n")
    print("Accuracy on the test rows in %. *Model* is what `ldnn train` writes: one network with the activations that it chose;"
          " boosting, MLP and linear are scikit-learn's HistGradientBoosting, MLP and logistic regression on the same rows.\n")
    kinds = [*CLASSICAL, "learned"]
    print("| table | " + " | ".join(kinds) + " | model | boosting | MLP | linear |\n|---|" + "---|" * (len(kinds) + 4))
    rows = []
    for name, draws in sorted(classes.items()):
        row = {k: mean(d[1].get(k, 0) for d in draws) for k in kinds}
        row["model"] = mean(d[1][d[3]] for d in draws)
        for peer in ("boosting", "mlp", "linear"):
            row[peer] = mean(100 * peers[name][peer][d[0]] for d in draws)
        rows.append(row)
        print(f"| {name} | " + " | ".join(f"{v:.1f}" for v in row.values()) + " |")
    columns = list(rows[0])
    print("| **mean** | " + " | ".join(f"**{mean(r[c] for r in rows):.2f}**" for c in columns) + " |")
    ranks = {c: mean(1 + sum(r[d] > r[c] for d in kinds) + sum(r[d] == r[c] for d in kinds if d != c) / 2 for r in rows) for c in kinds}
    print("| mean rank among the five kinds | " + " | ".join(f"{ranks[c]:.2f}" if c in ranks else "" for c in columns) + " |")
    print("\n| difference in points | mean with 95 % interval over tables | better / equal / worse |\n|---|---|---|")
    for a, b in [("model", "swish"), ("model", "boosting"), ("model", "mlp"), ("learned", "swish"), ("learned", "relu")]:
        d = [r[a] - r[b] for r in rows]
        m, width = interval(d)
        print(f"| {a} less {b} | {m:+.2f} ± {width:.2f} | {sum(x > 0.05 for x in d)} / {sum(abs(x) <= 0.05 for x in d)} / {sum(x < -0.05 for x in d)} |")


PREFACE = """# Where learned activations pay

What `ldnn train` does by default, on tables that nobody has prepared for it. This page is made by

    export DRAWS="{draws}"
    tests/recipes/bench.sh smooth; tests/recipes/bench.sh real; tests/recipes/bench.sh page

In short: on smooth functions of a few numbers learned activations have about half the error of the best classical ones, and eight
neurons with them have a smaller error than 32 of any classical kind (geometric means below). On classification tables no kind is
better than the others by more than luck.

*Learned* are activations that learn beside the weights ([training.md](training.md)), two types that start from tanh and sine.
Every kind has the same search for its learning rate, weight decay and length, on held-out training rows; values are means over five
networks and over the draws. The tables below say what came out.

## Smooth functions of a few numbers

Calibrations, kinematics, dynamics and control laws ([generate.py](../tests/recipes/bench/generate.py)): 800 rows to learn from, 2000 to
test, no noise. Numbers are the root mean squared error in % of the target's deviation.
"""

if __name__ == "__main__":
    folder = Path(sys.argv[1])
    draws = {draw for part in folder.glob("smooth-*") for table in runs(part).values() for draw, *_ in table}
    print(PREFACE.replace("{draws}", " ".join(sorted(draws))).rstrip())
    for width in (32, 8):
        smooth(folder, width)
    real(folder)
