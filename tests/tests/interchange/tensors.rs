//! Safetensors and NumPy archives: there and back, plain weights of PyTorch, and whatever is wrong
//! with a file.

use super::*;
use approx::assert_abs_diff_eq;

#[test]
fn safetensors_and_npz_give_back_every_model_to_the_bit() {
    for (name, model) in models() {
        let back = formats::import(
            safetensors::from_bytes(&bytes(&model, ExportFormat::Safetensors)).unwrap(),
            &Import::default(),
        );

        assert_eq!(back.unwrap(), model, "{name}");

        let bundle = npz::from_bytes(&bytes(&model, ExportFormat::Npz)).unwrap();

        assert_eq!(
            formats::import(bundle, &Import::default()).unwrap(),
            model,
            "{name}"
        );

        let rowless = Model {
            rows: None,
            ranges: None,
            ..model
        };

        let bundle = formats::of_trained(&rowless).unwrap();

        assert!(
            !bundle
                .tensors
                .keys()
                .any(|name| name.starts_with("rows") || name.starts_with("ranges")),
            "{name}"
        );

        assert_eq!(
            formats::import(bundle, &Import::default()).unwrap(),
            rowless,
            "{name}"
        );
    }
}

#[test]
fn rows_of_an_older_file_are_left_behind() {
    let (_, model) = models().swap_remove(0);

    let rowless = Model {
        rows: None,
        ranges: None,
        ..model
    };

    let mut bundle = formats::of_trained(&rowless).unwrap();
    bundle.put("rows.seen", Tensor::matrix(vec![0.5; 6], 3));
    bundle.put("rows.kept", Tensor::matrix(vec![0.5; 3], 3));
    bundle.put("rows.classes", Tensor::whole(vec![1]));

    assert_eq!(
        formats::import(bundle, &Import::default()).unwrap(),
        rowless
    );
}

/// Name to shape, type and bytes, read by the letter of the format: eight bytes of length, JSON,
/// numbers.
fn by_hand(file: &[u8]) -> Vec<(String, String, Vec<u64>, Vec<u8>)> {
    let length = u64::from_le_bytes(file[..8].try_into().unwrap()) as usize;
    let header: serde_json::Value = serde_json::from_slice(&file[8..8 + length]).unwrap();

    let entry = |(name, e): (&String, &serde_json::Value)| {
        let [start, end] =
            [0, 1].map(|i| 8 + length + e["data_offsets"][i].as_u64().unwrap() as usize);

        let shape = e["shape"]
            .as_array()
            .unwrap()
            .iter()
            .map(|n| n.as_u64().unwrap())
            .collect();

        (
            name.clone(),
            e["dtype"].as_str().unwrap().into(),
            shape,
            file[start..end].to_vec(),
        )
    };

    header
        .as_object()
        .unwrap()
        .iter()
        .filter(|(name, _)| *name != "__metadata__")
        .map(entry)
        .collect()
}

#[test]
fn tensors_have_the_names_and_layouts_of_pytorch() {
    let (_, model) = models().swap_remove(0);
    let file = bytes(&model, ExportFormat::Safetensors);
    let tensors = by_hand(&file);

    let find = |name: &str| {
        tensors
            .iter()
            .find(|t| t.0 == name)
            .unwrap_or_else(|| panic!("no {name}"))
    };

    let numbers = |name: &str| -> Vec<f32> {
        find(name)
            .3
            .as_chunks::<4>()
            .0
            .iter()
            .map(|b| f32::from_le_bytes(*b))
            .collect()
    };

    let shape = model.network.network().unwrap().shape;

    for (l, dims) in [[8, 3], [5, 8], [4, 5]].into_iter().enumerate() {
        let (weight, bias) = (format!("layers.{l}.weight"), format!("layers.{l}.bias"));
        assert_eq!(
            (find(&weight).1.as_str(), &find(&weight).2[..]),
            ("F32", &dims[..])
        );
        assert_eq!(
            numbers(&weight),
            model.network.params[shape.weights_at(l)..shape.biases_at(l)]
        );
        assert_eq!(
            numbers(&bias),
            model.network.params[shape.biases_at(l)..][..dims[0] as usize]
        );
    }

    let Some(LearnedType::Subnet { u, d, .. }) = model.learned.as_ref().map(|l| &l.types[1]) else {
        panic!()
    };

    assert_eq!(
        (numbers("learned.1.u"), numbers("learned.1.d")),
        (u.clone(), vec![*d])
    );
    assert_eq!(find("activations.0.values").2, [257]);

    assert_eq!(
        (
            find("inputs.sd").1.as_str(),
            find("rows.classes").1.as_str()
        ),
        ("F64", "I64")
    );

    let length = u64::from_le_bytes(file[..8].try_into().unwrap()) as usize;
    let header: serde_json::Value = serde_json::from_slice(&file[8..8 + length]).unwrap();
    let about: serde_json::Value =
        serde_json::from_str(header["__metadata__"]["ldnn"].as_str().unwrap()).unwrap();

    assert_eq!(
        about["model"]["purpose"]["classes"][2],
        "d\u{e9}j\u{e0} \"2\", vu"
    );

    // Eight neurons, three types: the remainder goes to the last ones.
    let ends: Vec<_> = (0..3)
        .map(|i| about["network"]["blocks"][0][i]["end"].as_u64().unwrap())
        .collect();

    assert_eq!(ends, [2, 5, 8]);
    assert_eq!(about["network"]["activations"][2]["base"], "relu");

    assert_eq!(
        bytes(&model, ExportFormat::Safetensors),
        file,
        "another time, other bytes"
    );
}

fn with(activation: &str) -> Import {
    Import {
        activation: Some((activation.into(), None)),
        ..Import::default()
    }
}

#[test]
fn weights_of_pytorch_are_taken_under_every_usual_name() {
    let mut first = None;

    for names in [
        ["layers.0", "layers.1"],
        ["0", "2"],
        ["fc1", "fc2"],
        ["model.net.9", "model.net.10"],
    ] {
        let bundle =
            safetensors::from_bytes(&safetensors::to_bytes(&plain(names)).unwrap()).unwrap();
        let model = formats::import(bundle, &with("tanh")).unwrap();

        assert_eq!(
            (&model.network.widths[..], model.features.join(",")),
            (&[2, 6, 3][..], "column1,column2".into())
        );

        let reference = first.get_or_insert_with(|| model.network.clone());
        assert_eq!(&model.network, reference, "{names:?}");
    }

    // The outputs, by the formula.
    let model = formats::import(plain(["0", "2"]), &with("tanh")).unwrap();
    let x = [0.3, -0.8];

    let layer = |l: usize, x: &[f64], inputs: usize, outputs: usize| -> Vec<f64> {
        let (w, b): (Vec<f64>, Vec<f64>) = (
            random(inputs * outputs, l as u64),
            random(outputs, 5 + l as u64),
        );

        w.chunks(inputs)
            .zip(b)
            .map(|(w, b)| w.iter().zip(x).map(|(w, x)| w * x).sum::<f64>() + b)
            .collect()
    };

    let hidden: Vec<f64> = layer(0, &x, 2, 6).iter().map(|z| z.tanh()).collect();
    let weights: Vec<f64> = layer(1, &hidden, 6, 3).iter().map(|y| y.exp()).collect();
    let Predictions::Classes(_, chances) = model.predict(&x).unwrap() else {
        panic!()
    };
    let total: f64 = weights.iter().sum();

    for (&chance, weight) in chances.iter().zip(&weights) {
        assert_abs_diff_eq!(chance, weight / total, epsilon = 1e-6);
    }
}

#[test]
fn learned_activations_names_and_scales_go_with_plain_weights() {
    let mut bundle = plain(["0", "2"]);
    bundle.put("inputs.mean", Tensor::wide(vec![1.0, -2.0]));

    bundle.put(
        "inputs.sd",
        Tensor {
            shape: vec![2],
            numbers: Numbers::F32(vec![0.5, 4.0]),
        },
    );

    bundle.put("outputs.mean", Tensor::wide(vec![0.0, 10.0, 20.0]));
    bundle.put("outputs.sd", Tensor::wide(vec![1.0, 2.0, 3.0]));

    let set = learned(&[Base::Sine, Base::Sine], 3, 1);

    let given = Import {
        activation: Some(("mix".into(), Some(set.clone()))),
        features: vec!["a".into(), "b".into()],
        target: ["u", "v", "w"].map(String::from).to_vec(),
        regression: true,
        ..Import::default()
    };

    let model = formats::import(bundle, &given).unwrap();
    assert_eq!(model.inputs[1], Standard::new(-2.0, 4.0));
    assert_eq!(
        (model.targets().join(","), model.learned),
        ("u,v,w".into(), Some(set))
    );

    let Purpose::Regression { scale, .. } = model.purpose else {
        panic!()
    };

    assert_eq!(scale[2], Standard::new(20.0, 3.0));
}

#[test]
fn weights_that_make_no_network_are_refused_with_the_tensor() {
    let refused = |change: &dyn Fn(&mut Bundle), expected: &str| {
        let mut bundle = plain(["layers.0", "layers.1"]);
        change(&mut bundle);
        let error = format!("{:#}", formats::import(bundle, &with("relu")).unwrap_err());
        assert!(error.contains(expected), "{expected}: {error}");
    };

    let put =
        |name: &'static str, tensor: Tensor| move |b: &mut Bundle| b.put(name, tensor.clone());
    refused(
        &|b| drop(b.tensors.remove("layers.1.bias")),
        "there is no tensor 'layers.1.bias'",
    );
    refused(
        &|b| drop(b.tensors.remove("layers.0.weight")),
        "there is no tensor 'layers.0.weight'",
    );
    refused(&|b| b.tensors.clear(), "there are no weights in it");
    refused(
        &put("layers.1.weight", Tensor::matrix(vec![0.0; 15], 5)),
        "takes 5 inputs, but 'layers.0.weight' has 6",
    );
    refused(
        &put("layers.1.weight", Tensor::vector(vec![0.0; 6])),
        "has the shape [6]; the weights of a linear layer",
    );
    refused(
        &put("layers.1.weight", Tensor::matrix(vec![], 6)),
        "has the shape [0, 6]",
    );
    refused(
        &put("layers.1.bias", Tensor::vector(vec![0.0; 4])),
        "'layers.1.bias' has the shape [4]; [3] is needed",
    );

    refused(
        &put(
            "layers.0.bias",
            Tensor::vector(vec![0.0, f32::NAN, 0.0, 0.0, 0.0, 0.0]),
        ),
        "'layers.0.bias', element 1",
    );

    refused(
        &put("layers.0.bias", Tensor::wide(vec![1e300; 6])),
        "element 0: inf is no finite number",
    );
    refused(
        &put("other.0.weight", Tensor::matrix(vec![0.0; 4], 2)),
        "different names: 'layers.N', 'other.N'",
    );
    refused(
        &put("head.weight", Tensor::matrix(vec![0.0; 4], 2)),
        "'head.weight': the name of a layer must end in its number",
    );
    refused(
        &put("running", Tensor::vector(vec![0.0])),
        "a tensor 'running' that no part of the model needs",
    );
    refused(
        &put("inputs.sd", Tensor::vector(vec![1.0, 1.0])),
        "there is no tensor 'inputs.mean'",
    );

    let mut scaled = plain(["0", "1"]);
    scaled.put("inputs.mean", Tensor::wide(vec![0.0; 2]));
    scaled.put("inputs.sd", Tensor::wide(vec![1.0, 0.0]));

    let error = formats::import(scaled, &with("relu")).unwrap_err();
    assert!(
        format!("{error:#}").contains("'inputs.sd', element 1: 0 is no standard deviation"),
        "{error:#}"
    );

    let error = formats::import(plain(["0", "1"]), &Import::default()).unwrap_err();
    assert!(
        format!("{error:#}").contains("`activation` relu"),
        "{error:#}"
    );

    let wrong = Import {
        classes: vec!["a".into()],
        ..with("relu")
    };

    assert!(
        format!(
            "{:#}",
            formats::import(plain(["0", "1"]), &wrong).unwrap_err()
        )
        .contains("`classes`: 1 names")
    );
}

#[test]
fn a_file_of_our_own_that_was_changed_is_refused_with_the_place() {
    let (_, model) = models().swap_remove(0);

    let refused = |change: &dyn Fn(&mut Bundle), expected: &str| {
        let mut bundle = formats::of_trained(&model).unwrap();
        change(&mut bundle);
        let error = format!(
            "{:#}",
            formats::import(bundle, &Import::default()).unwrap_err()
        );
        assert!(error.contains(expected), "{expected}: {error}");
    };

    fn about(b: &mut Bundle) -> &mut formats::About {
        b.about.as_mut().unwrap()
    }

    refused(
        &|b| drop(b.tensors.remove("activations.1.slopes")),
        "there is no tensor 'activations.1.slopes'",
    );
    refused(
        &|b| drop(b.tensors.remove("learned.2.u")),
        "there is no tensor 'learned.2.u'",
    );
    refused(
        &|b| b.put("rows.classes", Tensor::whole(vec![0, 4, 0])),
        "element 1: 4 is no class; there are 0 to 3",
    );
    refused(
        &|b| b.put("rows.x", Tensor::matrix(vec![0.0; 12], 4)),
        "'rows.x' has the shape [3, 4]; [3, 3]",
    );
    refused(
        &|b| drop(b.tensors.remove("ranges.types")),
        "there is no tensor 'ranges.types'",
    );

    refused(
        &|b| {
            b.put(
                "ranges.types",
                Tensor::matrix((0..39).map(|i| -(i as f32)).collect(), 13),
            )
        },
        "ascending numbers",
    );

    refused(
        &|b| b.put("inputs.offset", Tensor::wide(vec![f64::NAN, 0.0, 0.0])),
        "'inputs.offset', element 0",
    );
    refused(
        &|b| about(b).network.as_mut().unwrap().blocks[0][1].end = 4,
        "'blocks': the types of a layer",
    );
    refused(
        &|b| about(b).network.as_mut().unwrap().blocks[0].clear(),
        "hidden layer 0 has no block",
    );
    refused(
        &|b| about(b).model.as_mut().unwrap().features.truncate(2),
        "'inputs.mean' has the shape [3]; [2]",
    );

    let given = with("relu");
    let error = formats::import(formats::of_trained(&model).unwrap(), &given).unwrap_err();

    assert!(
        format!("{error:#}").contains("leave `activation`"),
        "{error:#}"
    );
}

#[test]
fn files_that_are_no_safetensors_are_refused_before_anything_is_read() {
    let refused = |file: &[u8], expected: &str| {
        let error = format!("{:#}", safetensors::from_bytes(file).unwrap_err());
        assert!(error.contains(expected), "{expected}: {error}");
    };

    refused(b"", "too short");
    refused(
        b"PK\x03\x04 and what torch.save writes",
        "it is a pickle or a ZIP archive",
    );
    refused(b"\x80\x02}q\x00(X\x06\x00\x00\x00", "it is a pickle");
    refused(
        &[&(1u64 << 40).to_le_bytes()[..], b"{}"].concat(),
        "at most 16777216 are read",
    );
    refused(
        &[&2u64.to_le_bytes()[..], b"[]"].concat(),
        "no sound safetensors file",
    );

    let file = |header: &str, data: &[u8]| {
        [
            &(header.len() as u64).to_le_bytes()[..],
            header.as_bytes(),
            data,
        ]
        .concat()
    };

    let mask = r#"{"a":{"dtype":"BOOL","shape":[2],"data_offsets":[0,2]}}"#;
    refused(
        &file(mask, &[0, 1]),
        "tensor 'a' has elements of type BOOL; F32, F64",
    );
    refused(
        &file(&mask.replace("[0,2]", "[0,3]"), &[0, 1]),
        "no sound safetensors file",
    );
    refused(
        &file(r#"{"__metadata__":{"ldnn":"{\"version\":9}"}}"#, &[]),
        "version 9 is not known",
    );

    refused(
        &file(
            r#"{"__metadata__":{"ldnn":"{\"version\":1,\"what\":0}"}}"#,
            &[],
        ),
        "unknown field `what`",
    );

    let half = r#"{"0.bias":{"dtype":"F16","shape":[2],"data_offsets":[0,4]}}"#;
    let read = safetensors::from_bytes(&file(half, &[0, 0x3c, 0, 0xc0])).unwrap();

    assert_eq!(
        read.tensors["0.bias"].numbers,
        Numbers::F32(vec![1.0, -2.0])
    );

    let brain =
        safetensors::from_bytes(&file(&half.replace("F16", "BF16"), &[0x80, 0x3f, 0, 0xc0]))
            .unwrap();

    assert_eq!(
        brain.tensors["0.bias"].numbers,
        Numbers::F32(vec![1.0, -2.0])
    );
}

/// What came of a damaged file: refused, or a sound model. A panic fails the test.
fn tried(parsed: anyhow::Result<Bundle>) -> bool {
    match parsed.and_then(|b| formats::import(b, &Import::default())) {
        Ok(model) => model.checked().is_ok(),
        Err(_) => false,
    }
}

#[test]
fn damaged_files_are_refused_without_a_panic_wherever_they_are_damaged() {
    let (_, model) = models().swap_remove(3);
    let (tensors, archive) = (
        bytes(&model, ExportFormat::Safetensors),
        bytes(&model, ExportFormat::Npz),
    );
    let text = String::from_utf8(bytes(&model, ExportFormat::Txt)).unwrap();

    for cut in 0..tensors.len() {
        assert!(
            !tried(safetensors::from_bytes(&tensors[..cut])),
            "cut at {cut}"
        );
    }

    for cut in 0..archive.len() {
        assert!(!tried(npz::from_bytes(&archive[..cut])), "cut at {cut}");
    }

    let draws: Vec<f64> = random(3 * 6000, 21);
    let number = |x: f64, below: usize| (((x + 1.0) / 2.0 * below as f64) as usize).min(below - 1);
    let place = tempfile::tempdir().unwrap();
    let mut sound = 0;

    for (i, draw) in draws.chunks(3).enumerate() {
        let change = |file: &[u8]| {
            let mut file = file.to_vec();
            let at = number(draw[0], file.len());
            file[at] ^= 1 << number(draw[1], 8);

            if draw[2] > 0.5 {
                let other = number(draw[2], file.len());
                file.swap(at, other);
            }

            file
        };

        sound += usize::from(tried(safetensors::from_bytes(&change(&tensors))));
        tried(npz::from_bytes(&change(&archive)));

        if i % 20 == 0 {
            let path = place.path().join("a.txt");
            fs::write(&path, change(text.as_bytes())).unwrap();
            let _ = read_activations(&path);
        }
    }

    // A changed digit of a weight cannot be told from a right one; a changed header can.
    assert!(sound > 0 && sound < 6000, "{sound}");
}
