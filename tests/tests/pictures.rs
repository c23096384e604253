//! Pictures as text: a change of any element shows. `LDNN_BLESS=1` writes the files anew; then look
//! at them.

use ldnn::report::plot::{
    Band, Cloud, Drawing, Labels, NamedSample, Spread, boxes, joint, scaled_curves, violins,
};
use ldnn_tests::random;
use std::fs;
use std::path::Path;

fn sample(seed: u64, n: usize, centre: f64) -> Vec<f64> {
    random::<f64>(n, seed)
        .iter()
        .zip(random::<f64>(n, seed + 100))
        .map(|(a, b)| centre + a + b)
        .collect()
}

fn groups(centre: f64) -> Vec<NamedSample> {
    let names = ["relu", "type1", "mix"];
    let group = |(i, name): (usize, &&str)| NamedSample {
        name: name.to_string(),
        values: sample(i as u64, 12, centre + i as f64),
    };
    names.iter().enumerate().map(group).collect()
}

fn check(name: &str, drawing: &Drawing) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("golden/pictures")
        .join(format!("{name}.svg"));
    let svg = drawing.to_svg();

    if std::env::var_os("LDNN_BLESS").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, &svg).unwrap();
    }

    let golden = fs::read_to_string(&path).unwrap_or_default();
    let differs = svg.lines().zip(golden.lines()).find(|(a, b)| a != b);

    assert!(
        svg == golden,
        "{name}.svg differs, first at {differs:?}; if it is meant, LDNN_BLESS=1 and look at the picture"
    );
    assert!(drawing.to_png().unwrap().len() > 2000);
}

#[test]
fn violins_are_as_they_were() {
    check(
        "violins",
        &violins("three kinds", "test accuracy / %", &groups(60.0)),
    );
}

#[test]
fn boxes_are_as_they_were() {
    let places = [
        ("10".to_string(), groups(50.0)),
        ("100".to_string(), groups(60.0)),
    ];

    check(
        "boxes",
        &boxes(
            "at equal training",
            "neurons in a hidden layer",
            "test accuracy / %",
            &places,
        ),
    );
}

#[test]
fn joint_densities_are_as_they_were() {
    let cloud = |name: &str, seed: u64, at: f64| {
        let points = sample(seed, 15, at)
            .into_iter()
            .zip(sample(seed + 7, 15, 60.0 + at))
            .collect();

        Cloud {
            name: name.into(),
            points,
        }
    };

    let clouds = [cloud("relu", 1, 0.0), cloud("mix", 2, 2.0)];

    check(
        "joint",
        &joint(
            "two kinds",
            "participation ratio",
            "test accuracy / %",
            &clouds,
        ),
    );
}

#[test]
fn curves_on_all_kinds_of_axes_are_as_they_were() {
    let x: Vec<f64> = (1..=20).map(|i| 0.01 * 1.5f64.powi(i)).collect();
    let y: Vec<f64> = x.iter().map(|x| 3.0 / x).collect();
    let band = Band {
        half_width: y.iter().map(|y| y / 10.0).collect(),
        ..Band::line("type1", x.clone(), y.clone())
    };
    let lines = [
        band,
        Band::line("mix", x.iter().map(|x| x - 0.5).collect(), y),
    ];

    for (name, spread) in [
        ("curves-linear", (Spread::Linear, Spread::Linear)),
        ("curves-log", (Spread::Log, Spread::Log)),
        ("curves-asinh", (Spread::Asinh, Spread::Log)),
    ] {
        let labels = Labels {
            title: name,
            x: "threshold",
            y: "error / standard deviation",
        };
        check(name, &scaled_curves(labels, spread, &lines));
    }
}
