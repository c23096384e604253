//! Small drawings of functions for a terminal, in Braille dots: two by four a character.

/// Characters wide and high.
const SIZE: (usize, usize) = (40, 8);

/// A curve on its own axes, with the ends of both ranges beside it.
#[must_use]
pub fn sketch(name: &str, x: &[f64], y: &[f64]) -> String {
    let range = |v: &[f64]| {
        let finite = v.iter().copied().filter(|v| v.is_finite());
        finite.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| {
            (low.min(v), high.max(v))
        })
    };

    let ((left, right), (bottom, top)) = (range(x), range(y));
    let mut dots = vec![[0u8; SIZE.0]; SIZE.1];

    let place = |v: f64, (low, high): (f64, f64), count: usize| {
        let share = if high > low {
            (v - low) / (high - low)
        } else {
            0.5
        };
        (share * (count - 1) as f64).round() as usize
    };

    for (&x, &y) in x
        .iter()
        .zip(y)
        .filter(|(x, y)| x.is_finite() && y.is_finite())
    {
        let column = place(x, (left, right), 2 * SIZE.0);
        let row = 4 * SIZE.1 - 1 - place(y, (bottom, top), 4 * SIZE.1);
        dots[row / 4][column / 2] |= dot(column % 2, row % 4);
    }

    let mut text = format!("{name}\n");

    for (i, row) in dots.iter().enumerate() {
        let mark = match i {
            0 => number(top),
            i if i == SIZE.1 - 1 => number(bottom),
            _ => String::new(),
        };

        let row: String = row
            .iter()
            .map(|&bits| char::from_u32(0x2800 + u32::from(bits)).unwrap_or(' '))
            .collect();

        text += &format!("{mark:>8} |{row}|\n");
    }

    text + &format!("{:>8}  {:<20}{:>20}\n", "", number(left), number(right))
}

/// The bit of a dot in a Braille character; the last row was added to the code later.
fn dot(column: usize, row: usize) -> u8 {
    match row {
        3 => 0x40 << column,
        row => 1 << (row + 3 * column),
    }
}

fn number(x: f64) -> String {
    let text = format!("{x:.3}");
    if text.len() <= 8 {
        text
    } else {
        format!("{x:.1e}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rising_line_runs_from_corner_to_corner() {
        let x: Vec<f64> = (0..200).map(f64::from).collect();
        let text = sketch("line", &x, &x);
        let lines: Vec<&str> = text.lines().collect();

        assert_eq!(lines.len(), 10);
        assert_eq!(lines[0], "line");
        assert!(lines[1].starts_with(" 199.000 |"));

        let first_of = |line: &str| line.chars().nth(10).unwrap();
        let last_of = |line: &str| line.chars().rev().nth(1).unwrap();

        assert_eq!(
            (first_of(lines[1]), last_of(lines[8])),
            ('\u{2800}', '\u{2800}')
        );
        assert!(first_of(lines[8]) != '\u{2800}' && last_of(lines[1]) != '\u{2800}');
        assert!(sketch("flat", &[0.0, 1.0], &[2.0, f64::NAN]).contains("2.000"));
    }

    #[test]
    fn every_dot_of_a_character_is_another_bit() {
        let all = (0..2)
            .flat_map(|c| (0..4).map(move |r| dot(c, r)))
            .fold(0u8, |a, b| a ^ b);
        assert_eq!(all, 0xff);
    }
}
