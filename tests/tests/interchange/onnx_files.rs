//! ONNX by an interpreter of its operators: the outputs of the model, from raw inputs.

use super::*;

/// The largest difference of the interpreter's outputs from the model's own, relative to their
/// size; infinite if a class differs.
pub fn difference(model: &Model, file: &[u8], count: usize) -> f64 {
    let x = rows(model, count);
    let outputs = onnx::Network::decode(file).run(Array {
        shape: vec![count, model.features.len()],
        data: x.clone(),
    });

    let close = |a: &[f64], b: &[f64], scale: &dyn Fn(usize) -> f64| {
        assert_eq!(a.len(), b.len());

        a.iter()
            .zip(b)
            .enumerate()
            .fold(0.0f64, |worst, (i, (a, b))| {
                worst.max((a - b).abs() / scale(i))
            })
    };

    match (model.predict(&x).unwrap(), &model.purpose) {
        (Predictions::Classes(classes, chances), _) => {
            let wide: Vec<f64> = classes.iter().map(|&c| c.into()).collect();

            if outputs["class"]
                != (Array {
                    shape: vec![count],
                    data: wide,
                })
            {
                return f64::INFINITY;
            }

            assert_eq!(outputs["probabilities"].shape, outputs["logits"].shape);

            close(&outputs["probabilities"].data, &chances, &|_| 1.0)
        }
        (Predictions::Values(values), Purpose::Regression { scale, .. }) => {
            close(&outputs["values"].data, &values, &|i| {
                scale[i % scale.len()].sd
            })
        }
        _ => unreachable!(),
    }
}

#[test]
fn onnx_files_give_the_outputs_of_the_model_from_raw_inputs() {
    for (name, model) in models() {
        let file = bytes(&model, ExportFormat::Onnx);
        let worst = difference(&model, &file, 200);

        // The model computes in single precision, the interpreter in double.
        assert!(worst < 1e-5, "{name}: {worst:e}");

        let decoded = onnx::Network::decode(&file);
        let (inputs, outputs) = decoded.signature();
        // Readings with an offset need double precision.
        let kind = if model.inputs.iter().any(|s| s.offset != 0.0) {
            11
        } else {
            1
        };

        assert_eq!(
            inputs,
            [(
                "input".to_string(),
                kind,
                vec![None, Some(model.features.len() as i64)]
            )]
        );

        let names: Vec<&str> = outputs.iter().map(|o| o.0.as_str()).collect();
        let features: Vec<String> =
            serde_json::from_str(decoded.metadata("features").unwrap()).unwrap();

        assert_eq!(features, model.features);

        match &model.purpose {
            Purpose::Classification { classes, .. } => {
                assert_eq!(names, ["probabilities", "logits", "class"]);
                assert_eq!((outputs[2].1, &outputs[2].2), (7, &vec![None]));
                let stored: Vec<String> =
                    serde_json::from_str(decoded.metadata("classes").unwrap()).unwrap();
                assert_eq!(&stored, classes);
            }
            Purpose::Regression { .. } => assert_eq!(names, ["values"]),
        }
    }
}

#[test]
fn a_wrong_constant_in_an_onnx_file_would_be_seen() {
    let (_, model) = models().swap_remove(0);
    let right = formats::onnx::model(
        &model.network,
        None,
        OnnxActivations::Tables,
        Interface {
            features: &model.features,
            inputs: &model.inputs,
            purpose: Some(&model.purpose),
        },
    );

    assert!(difference(&model, &right.unwrap(), 50) < 1e-5);

    // A weight, and the knot at 0 of the last table.
    for i in [0, model.network.params.len() - 258] {
        let mut wrong = model.clone();
        wrong.network.params[i] += 0.1;
        assert!(
            difference(&model, &bytes(&wrong, ExportFormat::Onnx), 200) > 1e-4,
            "parameter {i}"
        );
    }

    let mut wrong = model.clone();
    wrong.inputs[1].mean += 1.0;

    assert!(difference(&model, &bytes(&wrong, ExportFormat::Onnx), 200) > 1e-4);
}

#[test]
fn onnx_files_with_sub_networks_look_nothing_up_and_agree_within_the_tables_range() {
    for (name, mut model) in models()
        .into_iter()
        .filter(|(n, _)| ["tables", "layers of their own"].contains(n))
    {
        // Beyond its range a table goes on along a line, which a sub-network does not: small
        // weights stay within.
        model.network.params[..30]
            .iter_mut()
            .for_each(|w| *w *= 0.3);

        let choices = Choices {
            onnx_activations: OnnxActivations::Subnets,
            ..CHOICES
        };
        let file = formats::bytes(Content::Model(&model), ExportFormat::Onnx, choices).unwrap();

        let operators = onnx::Network::decode(&file)
            .operators()
            .into_keys()
            .map(str::to_string)
            .collect::<Vec<_>>();

        assert!(
            !operators.contains(&"Gather".to_string()) && operators.contains(&"Tanh".to_string()),
            "{operators:?}"
        );

        let worst = difference(&model, &file, 200);
        assert!(worst < 1e-5, "{name}: {worst:e}");
    }

    let (_, samples) = models().swap_remove(3);
    let choices = Choices {
        onnx_activations: OnnxActivations::Subnets,
        ..CHOICES
    };
    let error = formats::bytes(Content::Model(&samples), ExportFormat::Onnx, choices).unwrap_err();

    assert!(
        format!("{error:#}").contains("samples, not sub-networks"),
        "{error:#}"
    );

    let (_, alone) = models().swap_remove(0);
    let error = formats::bytes(
        Content::Network(&alone.network, None),
        ExportFormat::Onnx,
        choices,
    )
    .unwrap_err();

    assert!(
        format!("{error:#}").contains("use `onnx_activations` tables"),
        "{error:#}"
    );
}

#[test]
fn an_input_that_is_no_number_spoils_its_own_row_alone() {
    for (name, model) in models() {
        let width = model.features.len();

        for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            let mut x = rows(&model, 3);
            x[width] = bad;

            let run = |x: &[f64]| {
                let array = Array {
                    shape: vec![x.len() / width, width],
                    data: x.to_vec(),
                };
                onnx::Network::decode(&bytes(&model, ExportFormat::Onnx)).run(array)
            };

            let (all, first, last) = (run(&x), run(&x[..width]), run(&x[2 * width..]));
            for (output, array) in &all {
                let n = array.data.len() / 3;
                assert_eq!(array.data[..n], first[output].data, "{name}: {output}");
                assert_eq!(array.data[2 * n..], last[output].data, "{name}: {output}");

                let spoiled = &array.data[n..2 * n];

                let right = if output == "class" {
                    spoiled == [-1.0]
                } else {
                    spoiled.iter().all(|y| y.is_nan())
                };

                assert!(right, "{name}, {bad}: {output} is {spoiled:?}");
            }
        }
    }
}

#[test]
fn a_row_that_overflows_within_the_network_has_no_class() {
    let mut overflows = 0;

    for (name, mut model) in models() {
        if !matches!(model.purpose, Purpose::Classification { .. }) {
            continue;
        }

        let width = model.features.len();
        model.network.params.iter_mut().for_each(|p| *p *= 1e37);
        let data = vec![1e300, -1e300]
            .into_iter()
            .flat_map(|x| vec![x; width])
            .collect();

        let shape = vec![2, width];
        let all =
            onnx::Network::decode(&bytes(&model, ExportFormat::Onnx)).run(Array { shape, data });
        let (logits, chances) = (&all["logits"].data, &all["probabilities"].data);
        let outputs = logits.len() / 2;

        for row in 0..2 {
            let of = |data: &[f64]| data[row * outputs..][..outputs].to_vec();
            if of(logits).iter().all(|y| y.is_finite()) {
                continue;
            }

            overflows += 1;
            assert_eq!(all["class"].data[row], -1.0, "{name}");
            assert!(of(chances).iter().all(|p| p.is_nan()), "{name}");
        }
    }

    assert!(overflows > 0, "no row overflowed: the test shows nothing");
}

#[test]
fn a_scale_that_single_precision_does_not_hold_is_refused() {
    let (_, mut model) = models().swap_remove(4);
    model.inputs[1].sd = 1e-60;
    let error = formats::bytes(Content::Model(&model), ExportFormat::Onnx, CHOICES).unwrap_err();
    assert!(
        format!("{error:#}").contains("input 2: its mean"),
        "{error:#}"
    );
}
