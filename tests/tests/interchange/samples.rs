//! Learned activations as samples and in every file that has them; the authors' own reading of
//! ours.

use super::*;
use approx::assert_abs_diff_eq;

/// What the authors' program does with the numbers of a line: straight lines between samples on
/// equal steps over [-5, 5], the first and the last one going on beyond the ends; in single
/// precision.
fn theirs(line: &[f32], z: f32) -> f32 {
    let x = |i: usize| -5.0 + 10.0 * i as f32 / (line.len() - 1) as f32;
    let after = (0..line.len()).take_while(|&i| x(i) < z).count();
    let cell = after.saturating_sub(1).min(line.len() - 2);
    let slope = (line[cell + 1] - line[cell]) / (f32::EPSILON + (x(cell + 1) - x(cell)));
    line[cell] + slope * (z - x(cell))
}

#[test]
fn the_authors_interpolation_takes_our_samples() {
    let set = learned(&[Base::Sine, Base::Tanh], 5, 1);

    for (samples, bound) in [(50, 0.03), (100, 0.008), (1000, 1e-4)] {
        let choices = Choices { samples, ..CHOICES };
        let text = formats::bytes(Content::Activations(&set), ExportFormat::Txt, choices).unwrap();
        let text = String::from_utf8(text).unwrap();
        let lines: Vec<Vec<f32>> = text
            .lines()
            .map(|l| l.split(' ').map(|x| x.parse().unwrap()).collect())
            .collect();

        assert_eq!(
            lines.iter().map(Vec::len).collect::<Vec<_>>(),
            [samples, samples]
        );

        for (line, t) in lines.iter().zip(&set.types) {
            for (y, exact) in line
                .iter()
                .zip(t.evaluate(&grid(samples, SAMPLE_RANGE)).unwrap())
            {
                assert_abs_diff_eq!(f64::from(*y), exact, epsilon = 1e-6);
            }

            let z = grid(3001, SAMPLE_RANGE);
            let exact = t.evaluate(&z).unwrap();

            let worst = z
                .iter()
                .zip(&exact)
                .map(|(&z, e)| (f64::from(theirs(line, z as f32)) - e).abs())
                .fold(0.0, f64::max);

            // A straight line over a step h is off by at most h^2/8 times the curvature.
            assert!(worst < bound, "{samples}: {worst}");

            let [a, b, c] = [5.0, 6.0, 7.0].map(|z| theirs(line, z));
            assert!(
                ((c - b) - (b - a)).abs() < 1e-5,
                "beyond the end it is no line"
            );
        }
    }
}

#[test]
fn samples_and_exports_are_read_wherever_activations_are() {
    let place = tempfile::tempdir().unwrap();
    let set = learned(&[Base::Sine, Base::Relu], 4, 1);
    let z = grid(100, SAMPLE_RANGE);

    for form in [
        ExportFormat::Safetensors,
        ExportFormat::Npz,
        ExportFormat::Txt,
    ] {
        let path = place.path().join(format!("a.{}", form.extension()));

        fs::write(
            &path,
            formats::bytes(Content::Activations(&set), form, CHOICES).unwrap(),
        )
        .unwrap();

        let back = read_activations(&path).unwrap();

        if form == ExportFormat::Txt {
            for (a, b) in set.types.iter().zip(&back.types) {
                let (a, b) = (a.evaluate(&z).unwrap(), b.evaluate(&z).unwrap());
                for (a, b) in a.iter().zip(&b) {
                    assert_abs_diff_eq!(a, b, epsilon = 1e-6);
                }
            }
        } else {
            assert_eq!(back, set);
        }
    }

    // Of whole models, the activations in them; of a network of sub-networks, those.
    for (name, model) in models() {
        let path = place.path().join("m.safetensors");
        fs::write(&path, bytes(&model, ExportFormat::Safetensors)).unwrap();

        match &model.learned {
            Some(learned) => assert_eq!(&read_activations(&path).unwrap(), learned, "{name}"),
            None => {
                assert!(
                    format!("{:#}", read_activations(&path).unwrap_err())
                        .contains("has no learned sub-networks")
                )
            }
        }
    }

    let (_, direct) = models().swap_remove(1);

    fs::write(
        place.path().join("n.safetensors"),
        formats::bytes(
            Content::Network(&direct.network, None),
            ExportFormat::Safetensors,
            CHOICES,
        )
        .unwrap(),
    )
    .unwrap();

    let back = read_activations(&place.path().join("n.safetensors")).unwrap();
    assert_eq!(back.types, direct.learned.unwrap().types);

    fs::write(
        place.path().join("p.safetensors"),
        safetensors::to_bytes(&plain(["0", "2"])).unwrap(),
    )
    .unwrap();

    let error = read_activations(&place.path().join("p.safetensors")).unwrap_err();
    assert!(
        format!("{error:#}").contains("no activations that `ldnn export` wrote"),
        "{error:#}"
    );
}
