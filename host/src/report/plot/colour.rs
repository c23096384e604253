//! Colours: a palette for groups that colour-blind people can tell apart, and the rainbow for time.

/// Okabe and Ito's palette, without its yellow, which is faint on white.
const PALETTE: [&str; 7] = [
    "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#555555",
];

/// The colour of group `i`.
#[must_use]
pub fn group(i: usize) -> &'static str {
    PALETTE[i % PALETTE.len()]
}

/// Violet at 0 through blue, green, yellow to red at 1.
#[must_use]
pub fn rainbow(at: f64) -> String {
    let hue = 270.0 * (1.0 - at.clamp(0.0, 1.0));

    let channel = |shift: f64| {
        let k = (shift + hue / 60.0) % 6.0;
        let v = 0.9 * (1.0 - (k.min(4.0 - k)).clamp(0.0, 1.0));
        (v * 255.0).round() as u8
    };

    format!(
        "#{:02x}{:02x}{:02x}",
        channel(5.0),
        channel(3.0),
        channel(1.0)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rainbow_runs_from_violet_to_red() {
        assert_eq!(rainbow(1.0), "#e60000");
        assert_eq!(rainbow(0.0), "#7300e6");
    }
}
