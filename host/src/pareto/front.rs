//! Pareto fronts: what nothing else beats in both of two things.

/// Which of these points of cost and error no other one beats: none is as good in both and better in
/// one. Points that are alike stand or fall together; what is not finite is never on a front.
#[must_use]
pub fn front(points: &[(f64, f64)]) -> Vec<bool> {
    let is_finite = |p: &(f64, f64)| p.0.is_finite() && p.1.is_finite();
    let beats = |a: &(f64, f64), b: &(f64, f64)| {
        is_finite(a) && a.0 <= b.0 && a.1 <= b.1 && (a.0 < b.0 || a.1 < b.1)
    };

    points
        .iter()
        .map(|p| is_finite(p) && !points.iter().any(|other| beats(other, p)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_front_is_what_nothing_beats_in_both() {
        let points = [
            (1.0, 9.0),
            (2.0, 5.0),
            (3.0, 5.0),
            (3.0, 4.0),
            (4.0, 4.5),
            (9.0, 1.0),
        ];
        assert_eq!(front(&points), [true, true, false, true, false, true]);
        assert!(front(&[]).is_empty());
    }

    #[test]
    fn twins_are_both_on_the_front_and_what_diverged_never_is() {
        let nan = f64::NAN;
        let points = [
            (1.0, 2.0),
            (1.0, 2.0),
            (1.0, 3.0),
            (0.5, nan),
            (nan, 0.0),
            (7.0, f64::INFINITY),
        ];
        assert_eq!(front(&points), [true, true, false, false, false, false]);
    }

    #[test]
    fn errors_fall_along_a_front() {
        // A spiral of points, in no order.
        let at = |i: usize| ((i * 37 % 101) as f64, (i * 61 % 89) as f64);
        let points: Vec<(f64, f64)> = (1..=80).map(at).collect();
        let flags = front(&points);

        let mut on: Vec<(f64, f64)> = points
            .iter()
            .zip(&flags)
            .filter(|(_, f)| **f)
            .map(|(p, _)| *p)
            .collect();
        on.sort_by(|a, b| a.0.total_cmp(&b.0));
        assert!(
            on.len() > 2 && on.windows(2).all(|w| w[1].1 < w[0].1),
            "{on:?}"
        );

        for (p, on_front) in points.iter().zip(flags) {
            let covered = on.iter().any(|o| o.0 <= p.0 && o.1 <= p.1);
            assert!(covered, "{p:?}, {on_front}");
        }
    }
}
