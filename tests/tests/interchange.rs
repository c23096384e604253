//! Files for other programs, and from them: nothing is lost, other readers get the same outputs, and bad files are refused.

use ldnn::activations::{Activations, Learned, SAMPLE_RANGE, grid};
use ldnn::data::tabular::{Purpose, Standard};
use ldnn::fit::{Predictions, Trained};
use ldnn::interchange::onnx::{Meaning, Way};
use ldnn::interchange::{self, Bundle, Choices, Content, Form, Import, Numbers, Tensor, npz, safetensors};
use ldnn::model::Model;
use ldnn::train::Network;
use ldnn_core::{Base, Kind, Shape};
use ldnn_tests::onnx::{self, Array};
use ldnn_tests::program::{refuse, succeed};
use ldnn_tests::random;
use std::fs;
use std::path::{Path, PathBuf};

fn golden(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("golden/interchange").join(file)
}

fn same(file: &str, got: &[u8]) {
    if std::env::var("LDNN_BLESS").is_ok() {
        fs::create_dir_all(golden("")).unwrap();
        fs::write(golden(file), got).unwrap();
    }
    let there = fs::read(golden(file)).unwrap();
    assert!(got == there, "{file} has changed; if it should, run with LDNN_BLESS=1 and look at it");
}

/// Sub-networks on these bases.
fn learned(bases: &[Base], units: usize, layers: usize) -> Activations {
    let subnet = |(i, base): (usize, &Base)| {
        let numbers: Vec<f32> = random(3 * units + 1, 40 + i as u64);
        Learned::from_phi(*base, &numbers.iter().map(|x| 2.0 * x).collect::<Vec<_>>())
    };
    let types = bases.iter().enumerate().map(subnet).collect();
    Activations { version: Activations::VERSION, provenance: "a \"test\"".into(), layers, types }
}

/// A network with random weights.
fn network(shape: Shape, phi: &[f32]) -> Model {
    let theta: Vec<f32> = random(shape.theta_len(), 7);
    Model::of(&Network { shape, params: [&theta[..], phi].concat() }, "a network for tests".into())
}

/// A model of `widths`; raw inputs have means and sizes that differ much.
fn model(network: Model, learned: Option<Activations>, regression: bool) -> Trained {
    let (width, outputs) = (network.widths[0], *network.widths.last().unwrap());
    let purpose = if regression {
        let scale = |i: usize| Standard { mean: 5000.1 - 3e3 * i as f64, sd: 0.01 + 300.3 * i as f64 };
        Purpose::Regression {
            columns: (0..outputs).map(|i| format!("y{i}")).collect(),
            scale: (0..outputs).map(scale).collect(),
        }
    } else {
        let name = |i: usize| format!("d\u{e9}j\u{e0} \"{i}\", vu");
        Purpose::Classification { column: "label".into(), classes: (0..outputs).map(name).collect() }
    };
    Trained {
        version: Trained::VERSION,
        provenance: "a model for tests".into(),
        features: (0..width).map(|i| format!("x{i}")).collect(),
        inputs: (0..width).map(|i| Standard { mean: 1e3 / 3.0 * i as f64, sd: 0.1 + 20.0 * i as f64 }).collect(),
        activation: "mix".into(),
        learned,
        network,
        seen: random(5 * width, 8),
        kept: random(3 * width, 9),
        kept_classes: if regression { vec![] } else { vec![1, 0, 1] },
        kept_values: if regression { random(3 * outputs, 10) } else { vec![] },
        purpose,
    }
}

/// Types of a set as a network takes them, directly or as tables.
fn kinds(set: &Activations, exact: bool) -> (Vec<Kind>, Vec<f32>) {
    let each = set.types.iter().map(|t| if exact { t.direct().unwrap() } else { t.tabulated().unwrap() });
    let (kinds, phi): (Vec<Kind>, Vec<Vec<f32>>) = each.unzip();
    (kinds, phi.concat())
}

/// Models of every kind that there is.
fn models() -> Vec<(&'static str, Trained)> {
    let set = learned(&[Base::Sine, Base::Elu, Base::Relu], 4, 1);
    let (tables, table_phi) = kinds(&set, false);
    let (subnets, phi) = kinds(&set, true);
    let per_layer = learned(&[Base::Tanh, Base::Zero, Base::Sigmoid, Base::Identity], 3, 2);
    let (own, own_phi) = kinds(&per_layer, false);
    let own_shape =
        Shape::new(&[3, 7, 5, 2], &own).with_layer_types(0, 0, 2).unwrap().with_layer_types(1, 2, 2).unwrap();
    let samples = Activations {
        types: vec![Learned::Samples { range: 5.0, y: random(12, 3) }, set.types[0].clone()],
        ..set.clone()
    };
    let (mixed, mixed_phi) = kinds(&samples, true);
    let bases: Vec<Kind> = Base::ALL.into_iter().map(Kind::Base).collect();
    vec![
        ("tables", model(network(Shape::new(&[3, 8, 5, 4], &tables), &table_phi), Some(set.clone()), false)),
        ("sub-networks", model(network(Shape::new(&[2, 9, 3], &subnets), &phi), Some(set), true)),
        ("layers of their own", model(network(own_shape, &own_phi), Some(per_layer), false)),
        ("samples", model(network(Shape::new(&[2, 5, 2], &mixed), &mixed_phi), Some(samples), true)),
        ("bases", model(network(Shape::new(&[2, 15, 3], &bases), &[]), None, false)),
        ("one base", model(network(Shape::new(&[1, 4, 1], &[Kind::Base(Base::Relu)]), &[]), None, true)),
        ("no hidden layer", model(network(Shape::new(&[3, 2], &[]), &[]), None, false)),
    ]
}

const CHOICES: Choices = Choices { way: Way::Tables, samples: 100 };

fn bytes(model: &Trained, form: Form) -> Vec<u8> {
    interchange::bytes(Content::Trained(model), form, CHOICES).unwrap()
}

/// Raw rows, in single precision as ONNX takes them, that spread over and beyond the tables.
fn rows(model: &Trained, count: usize) -> Vec<f64> {
    let numbers: Vec<f64> = random(count * model.features.len(), 11);
    let raw = |(i, x): (usize, &f64)| f64::from(model.inputs[i % model.inputs.len()].undo(9.0 * x) as f32);
    numbers.iter().enumerate().map(raw).collect()
}

// ---------------------------------------------------------------------------------------------------------------- safetensors

#[test]
fn safetensors_and_npz_give_back_every_model_to_the_bit() {
    for (name, model) in models() {
        let back = interchange::import(
            safetensors::from_bytes(&bytes(&model, Form::Safetensors)).unwrap(),
            &Import::default(),
        );
        assert_eq!(back.unwrap(), model, "{name}");
        let bundle = npz::from_bytes(&bytes(&model, Form::Npz)).unwrap();
        assert_eq!(interchange::import(bundle, &Import::default()).unwrap(), model, "{name}");
        let rowless = Trained { seen: vec![], kept: vec![], kept_classes: vec![], kept_values: vec![], ..model };
        let bundle = interchange::of_trained(&rowless).unwrap();
        assert_eq!(interchange::import(bundle, &Import::default()).unwrap(), rowless, "{name}");
    }
}

/// Name to shape, type and bytes, read by the letter of the format: eight bytes of length, JSON, numbers.
fn by_hand(file: &[u8]) -> Vec<(String, String, Vec<u64>, Vec<u8>)> {
    let length = u64::from_le_bytes(file[..8].try_into().unwrap()) as usize;
    let header: serde_json::Value = serde_json::from_slice(&file[8..8 + length]).unwrap();
    let entry = |(name, e): (&String, &serde_json::Value)| {
        let [start, end] = [0, 1].map(|i| 8 + length + e["data_offsets"][i].as_u64().unwrap() as usize);
        let shape = e["shape"].as_array().unwrap().iter().map(|n| n.as_u64().unwrap()).collect();
        (name.clone(), e["dtype"].as_str().unwrap().into(), shape, file[start..end].to_vec())
    };
    header.as_object().unwrap().iter().filter(|(name, _)| *name != "__metadata__").map(entry).collect()
}

#[test]
fn tensors_have_the_names_and_layouts_of_pytorch() {
    let (_, model) = models().swap_remove(0);
    let file = bytes(&model, Form::Safetensors);
    let tensors = by_hand(&file);
    let find = |name: &str| tensors.iter().find(|t| t.0 == name).unwrap_or_else(|| panic!("no {name}"));
    let numbers =
        |name: &str| -> Vec<f32> { find(name).3.as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect() };
    let shape = model.network.network().unwrap().shape;
    for (l, dims) in [[8, 3], [5, 8], [4, 5]].into_iter().enumerate() {
        let (weight, bias) = (format!("layers.{l}.weight"), format!("layers.{l}.bias"));
        assert_eq!((find(&weight).1.as_str(), &find(&weight).2[..]), ("F32", &dims[..]));
        assert_eq!(numbers(&weight), model.network.params[shape.weights_at(l)..shape.biases_at(l)]);
        assert_eq!(numbers(&bias), model.network.params[shape.biases_at(l)..][..dims[0] as usize]);
    }
    let Some(Learned::Subnet { u, d, .. }) = model.learned.as_ref().map(|l| &l.types[1]) else { panic!() };
    assert_eq!((numbers("learned.1.u"), numbers("learned.1.d")), (u.clone(), vec![*d]));
    assert_eq!(find("activations.0.values").2, [257]);
    assert_eq!((find("inputs.sd").1.as_str(), find("rows.classes").1.as_str()), ("F64", "I64"));
    let length = u64::from_le_bytes(file[..8].try_into().unwrap()) as usize;
    let header: serde_json::Value = serde_json::from_slice(&file[8..8 + length]).unwrap();
    let about: serde_json::Value = serde_json::from_str(header["__metadata__"]["ldnn"].as_str().unwrap()).unwrap();
    assert_eq!(about["model"]["purpose"]["classes"][2], "d\u{e9}j\u{e0} \"2\", vu");
    // Eight neurons, three types: the remainder goes to the last ones.
    let ends: Vec<_> = (0..3).map(|i| about["network"]["blocks"][0][i]["end"].as_u64().unwrap()).collect();
    assert_eq!(ends, [2, 5, 8]);
    assert_eq!(about["network"]["activations"][2]["base"], "relu");
    assert_eq!(bytes(&model, Form::Safetensors), file, "another time, other bytes");
}

/// Weights as somebody else names them.
fn plain(names: [&str; 2]) -> Bundle {
    let mut bundle = Bundle::default();
    for (l, name) in names.into_iter().enumerate() {
        let (inputs, outputs) = [(2, 6), (6, 3)][l];
        bundle.put(format!("{name}.weight"), Tensor::matrix(random(inputs * outputs, l as u64), inputs));
        bundle.put(format!("{name}.bias"), Tensor::vector(random(outputs, 5 + l as u64)));
    }
    bundle
}

fn with(activation: &str) -> Import {
    Import { activation: Some((activation.into(), None)), ..Import::default() }
}

#[test]
fn weights_of_pytorch_are_taken_under_every_usual_name() {
    let mut first = None;
    for names in [["layers.0", "layers.1"], ["0", "2"], ["fc1", "fc2"], ["model.net.9", "model.net.10"]] {
        let bundle = safetensors::from_bytes(&safetensors::to_bytes(&plain(names)).unwrap()).unwrap();
        let model = interchange::import(bundle, &with("tanh")).unwrap();
        assert_eq!((&model.network.widths[..], model.features.join(",")), (&[2, 6, 3][..], "column1,column2".into()));
        let reference = first.get_or_insert_with(|| model.network.clone());
        assert_eq!(&model.network, reference, "{names:?}");
    }
    // The outputs, by the formula.
    let model = interchange::import(plain(["0", "2"]), &with("tanh")).unwrap();
    let x = [0.3, -0.8];
    let layer = |l: usize, x: &[f64], inputs: usize, outputs: usize| -> Vec<f64> {
        let (w, b): (Vec<f64>, Vec<f64>) = (random(inputs * outputs, l as u64), random(outputs, 5 + l as u64));
        w.chunks(inputs).zip(b).map(|(w, b)| w.iter().zip(x).map(|(w, x)| w * x).sum::<f64>() + b).collect()
    };
    let hidden: Vec<f64> = layer(0, &x, 2, 6).iter().map(|z| z.tanh()).collect();
    let weights: Vec<f64> = layer(1, &hidden, 6, 3).iter().map(|y| y.exp()).collect();
    let Predictions::Classes(_, chances) = model.predict(&x).unwrap() else { panic!() };
    let total: f64 = weights.iter().sum();
    assert!(chances.iter().zip(&weights).all(|(p, w)| (p - w / total).abs() < 1e-6), "{chances:?}");
}

#[test]
fn learned_activations_names_and_scales_go_with_plain_weights() {
    let mut bundle = plain(["0", "2"]);
    bundle.put("inputs.mean", Tensor::wide(vec![1.0, -2.0]));
    bundle.put("inputs.sd", Tensor { shape: vec![2], numbers: Numbers::F32(vec![0.5, 4.0]) });
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
    let model = interchange::import(bundle, &given).unwrap();
    assert_eq!(model.inputs[1], Standard { mean: -2.0, sd: 4.0 });
    assert_eq!((model.targets().join(","), model.learned), ("u,v,w".into(), Some(set)));
    let Purpose::Regression { scale, .. } = model.purpose else { panic!() };
    assert_eq!(scale[2], Standard { mean: 20.0, sd: 3.0 });
}

#[test]
fn weights_that_make_no_network_are_refused_with_the_tensor() {
    let refused = |change: &dyn Fn(&mut Bundle), expected: &str| {
        let mut bundle = plain(["layers.0", "layers.1"]);
        change(&mut bundle);
        let error = format!("{:#}", interchange::import(bundle, &with("relu")).unwrap_err());
        assert!(error.contains(expected), "{expected}: {error}");
    };
    let put = |name: &'static str, tensor: Tensor| move |b: &mut Bundle| b.put(name, tensor.clone());
    refused(&|b| drop(b.tensors.remove("layers.1.bias")), "there is no tensor 'layers.1.bias'");
    refused(&|b| drop(b.tensors.remove("layers.0.weight")), "there is no tensor 'layers.0.weight'");
    refused(&|b| b.tensors.clear(), "there are no weights in it");
    refused(&put("layers.1.weight", Tensor::matrix(vec![0.0; 15], 5)), "takes 5 inputs, but 'layers.0.weight' has 6");
    refused(&put("layers.1.weight", Tensor::vector(vec![0.0; 6])), "has the shape [6]; the weights of a linear layer");
    refused(&put("layers.1.weight", Tensor::matrix(vec![], 6)), "has the shape [0, 6]");
    refused(&put("layers.1.bias", Tensor::vector(vec![0.0; 4])), "'layers.1.bias' has the shape [4]; [3] is needed");
    refused(
        &put("layers.0.bias", Tensor::vector(vec![0.0, f32::NAN, 0.0, 0.0, 0.0, 0.0])),
        "'layers.0.bias', element 1",
    );
    refused(&put("layers.0.bias", Tensor::wide(vec![1e300; 6])), "element 0: inf is no finite number");
    refused(&put("other.0.weight", Tensor::matrix(vec![0.0; 4], 2)), "different names: 'layers.N', 'other.N'");
    refused(
        &put("head.weight", Tensor::matrix(vec![0.0; 4], 2)),
        "'head.weight': the name of a layer must end in its number",
    );
    refused(&put("running", Tensor::vector(vec![0.0])), "a tensor 'running' that no part of the model needs");
    refused(&put("inputs.sd", Tensor::vector(vec![1.0, 1.0])), "there is no tensor 'inputs.mean'");
    let mut scaled = plain(["0", "1"]);
    scaled.put("inputs.mean", Tensor::wide(vec![0.0; 2]));
    scaled.put("inputs.sd", Tensor::wide(vec![1.0, 0.0]));
    let error = interchange::import(scaled, &with("relu")).unwrap_err();
    assert!(format!("{error:#}").contains("'inputs.sd', element 1: 0 is no standard deviation"), "{error:#}");
    let error = interchange::import(plain(["0", "1"]), &Import::default()).unwrap_err();
    assert!(format!("{error:#}").contains("--activation relu"), "{error:#}");
    let wrong = Import { classes: vec!["a".into()], ..with("relu") };
    assert!(
        format!("{:#}", interchange::import(plain(["0", "1"]), &wrong).unwrap_err()).contains("--classes: 1 names")
    );
}

#[test]
fn a_file_of_our_own_that_was_changed_is_refused_with_the_place() {
    let (_, model) = models().swap_remove(0);
    let refused = |change: &dyn Fn(&mut Bundle), expected: &str| {
        let mut bundle = interchange::of_trained(&model).unwrap();
        change(&mut bundle);
        let error = format!("{:#}", interchange::import(bundle, &Import::default()).unwrap_err());
        assert!(error.contains(expected), "{expected}: {error}");
    };
    fn about(b: &mut Bundle) -> &mut interchange::About {
        b.about.as_mut().unwrap()
    }
    refused(&|b| drop(b.tensors.remove("activations.1.slopes")), "there is no tensor 'activations.1.slopes'");
    refused(&|b| drop(b.tensors.remove("learned.2.u")), "there is no tensor 'learned.2.u'");
    refused(&|b| b.put("rows.classes", Tensor::whole(vec![0, 4, 0])), "element 1: 4 is no class; there are 0 to 3");
    refused(&|b| b.put("rows.kept", Tensor::matrix(vec![0.0; 12], 4)), "'rows.kept' has the shape [3, 4]; [3, 3]");
    refused(&|b| about(b).network.as_mut().unwrap().blocks[0][1].end = 4, "'blocks': the types of a layer");
    refused(&|b| about(b).network.as_mut().unwrap().blocks[0].clear(), "hidden layer 0 has no block");
    refused(&|b| about(b).model.as_mut().unwrap().features.truncate(2), "'inputs.mean' has the shape [3]; [2]");
    let given = with("relu");
    let error = interchange::import(interchange::of_trained(&model).unwrap(), &given).unwrap_err();
    assert!(format!("{error:#}").contains("leave --activation"), "{error:#}");
}

#[test]
fn files_that_are_no_safetensors_are_refused_before_anything_is_read() {
    let refused = |file: &[u8], expected: &str| {
        let error = format!("{:#}", safetensors::from_bytes(file).unwrap_err());
        assert!(error.contains(expected), "{expected}: {error}");
    };
    refused(b"", "too short");
    refused(b"PK\x03\x04 and what torch.save writes", "it is a pickle or a ZIP archive");
    refused(b"\x80\x02}q\x00(X\x06\x00\x00\x00", "it is a pickle");
    refused(&[&(1u64 << 40).to_le_bytes()[..], b"{}"].concat(), "at most 16777216 are read");
    refused(&[&2u64.to_le_bytes()[..], b"[]"].concat(), "no sound safetensors file");
    let file = |header: &str, data: &[u8]| [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), data].concat();
    let mask = r#"{"a":{"dtype":"BOOL","shape":[2],"data_offsets":[0,2]}}"#;
    refused(&file(mask, &[0, 1]), "tensor 'a' has elements of type BOOL; F32, F64");
    refused(&file(&mask.replace("[0,2]", "[0,3]"), &[0, 1]), "no sound safetensors file");
    refused(&file(r#"{"__metadata__":{"ldnn":"{\"version\":9}"}}"#, &[]), "version 9 is not known");
    refused(&file(r#"{"__metadata__":{"ldnn":"{\"version\":1,\"what\":0}"}}"#, &[]), "unknown field `what`");
    let half = r#"{"0.bias":{"dtype":"F16","shape":[2],"data_offsets":[0,4]}}"#;
    let read = safetensors::from_bytes(&file(half, &[0, 0x3c, 0, 0xc0])).unwrap();
    assert_eq!(read.tensors["0.bias"].numbers, Numbers::F32(vec![1.0, -2.0]));
    let brain = safetensors::from_bytes(&file(&half.replace("F16", "BF16"), &[0x80, 0x3f, 0, 0xc0])).unwrap();
    assert_eq!(brain.tensors["0.bias"].numbers, Numbers::F32(vec![1.0, -2.0]));
}

/// What came of a damaged file: refused, or a sound model. A panic fails the test.
fn tried(parsed: anyhow::Result<Bundle>) -> bool {
    match parsed.and_then(|b| interchange::import(b, &Import::default())) {
        Ok(model) => model.checked().is_ok(),
        Err(_) => false,
    }
}

#[test]
fn damaged_files_are_refused_without_a_panic_wherever_they_are_damaged() {
    let (_, model) = models().swap_remove(3);
    let (tensors, archive) = (bytes(&model, Form::Safetensors), bytes(&model, Form::Npz));
    let text = String::from_utf8(bytes(&model, Form::Txt)).unwrap();
    for cut in 0..tensors.len() {
        assert!(!tried(safetensors::from_bytes(&tensors[..cut])), "cut at {cut}");
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
            let _ = Activations::read(&path);
        }
    }
    // A changed digit of a weight cannot be told from a right one; a changed header can.
    assert!(sound > 0 && sound < 6000, "{sound}");
}

// ----------------------------------------------------------------------------------------------------------------------- ONNX

/// The largest difference of the interpreter's outputs from the model's own, relative to their size; infinite if a class differs.
fn difference(model: &Trained, file: &[u8], count: usize) -> f64 {
    let x = rows(model, count);
    let outputs = onnx::Network::decode(file).run(Array { shape: vec![count, model.features.len()], data: x.clone() });
    let close = |a: &[f64], b: &[f64], scale: &dyn Fn(usize) -> f64| {
        assert_eq!(a.len(), b.len());
        a.iter().zip(b).enumerate().fold(0.0f64, |worst, (i, (a, b))| worst.max((a - b).abs() / scale(i)))
    };
    match (model.predict(&x).unwrap(), &model.purpose) {
        (Predictions::Classes(classes, chances), _) => {
            let wide: Vec<f64> = classes.iter().map(|&c| c.into()).collect();
            if outputs["class"] != (Array { shape: vec![count], data: wide }) {
                return f64::INFINITY;
            }
            assert_eq!(outputs["probabilities"].shape, outputs["logits"].shape);
            close(&outputs["probabilities"].data, &chances, &|_| 1.0)
        }
        (Predictions::Values(values), Purpose::Regression { scale, .. }) => {
            close(&outputs["values"].data, &values, &|i| scale[i % scale.len()].sd)
        }
        _ => unreachable!(),
    }
}

#[test]
fn onnx_files_give_the_outputs_of_the_model_from_raw_inputs() {
    for (name, model) in models() {
        let file = bytes(&model, Form::Onnx);
        let worst = difference(&model, &file, 200);
        // The model computes in single precision, the interpreter in double.
        assert!(worst < 1e-5, "{name}: {worst:e}");
        let decoded = onnx::Network::decode(&file);
        let (inputs, outputs) = decoded.signature();
        assert_eq!(inputs, [("input".to_string(), 1, vec![None, Some(model.features.len() as i64)])]);
        let names: Vec<&str> = outputs.iter().map(|o| o.0.as_str()).collect();
        let features: Vec<String> = serde_json::from_str(decoded.metadata("features").unwrap()).unwrap();
        assert_eq!(features, model.features);
        match &model.purpose {
            Purpose::Classification { classes, .. } => {
                assert_eq!(names, ["probabilities", "logits", "class"]);
                assert_eq!((outputs[2].1, &outputs[2].2), (7, &vec![None]));
                let stored: Vec<String> = serde_json::from_str(decoded.metadata("classes").unwrap()).unwrap();
                assert_eq!(&stored, classes);
            }
            Purpose::Regression { .. } => assert_eq!(names, ["values"]),
        }
    }
}

#[test]
fn a_wrong_constant_in_an_onnx_file_would_be_seen() {
    let (_, model) = models().swap_remove(0);
    let right = interchange::onnx::model(
        &model.network,
        None,
        Way::Tables,
        Meaning { features: &model.features, inputs: &model.inputs, purpose: Some(&model.purpose) },
    );
    assert!(difference(&model, &right.unwrap(), 50) < 1e-5);
    // A weight, and the knot at 0 of the last table.
    for i in [0, model.network.params.len() - 258] {
        let mut wrong = model.clone();
        wrong.network.params[i] += 0.1;
        assert!(difference(&model, &bytes(&wrong, Form::Onnx), 200) > 1e-4, "parameter {i}");
    }
    let mut wrong = model.clone();
    wrong.inputs[1].mean += 1.0;
    assert!(difference(&model, &bytes(&wrong, Form::Onnx), 200) > 1e-4);
}

#[test]
fn onnx_files_with_sub_networks_look_nothing_up_and_agree_within_the_tables_range() {
    for (name, mut model) in models().into_iter().filter(|(n, _)| ["tables", "layers of their own"].contains(n)) {
        // Beyond its range a table goes on along a line, which a sub-network does not: small weights stay within.
        model.network.params[..30].iter_mut().for_each(|w| *w *= 0.3);
        let choices = Choices { way: Way::Subnets, ..CHOICES };
        let file = interchange::bytes(Content::Trained(&model), Form::Onnx, choices).unwrap();
        let operators = onnx::Network::decode(&file).operators().into_keys().map(str::to_string).collect::<Vec<_>>();
        assert!(!operators.contains(&"Gather".to_string()) && operators.contains(&"Tanh".to_string()), "{operators:?}");
        let worst = difference(&model, &file, 200);
        assert!(worst < 1e-5, "{name}: {worst:e}");
    }
    let (_, samples) = models().swap_remove(3);
    let choices = Choices { way: Way::Subnets, ..CHOICES };
    let error = interchange::bytes(Content::Trained(&samples), Form::Onnx, choices).unwrap_err();
    assert!(format!("{error:#}").contains("samples, not sub-networks"), "{error:#}");
    let (_, alone) = models().swap_remove(0);
    let error = interchange::bytes(Content::Network(&alone.network, None), Form::Onnx, choices).unwrap_err();
    assert!(format!("{error:#}").contains("use --onnx-activations tables"), "{error:#}");
}

#[test]
fn a_scale_that_single_precision_does_not_hold_is_refused() {
    let (_, mut model) = models().swap_remove(4);
    model.inputs[1].sd = 1e-60;
    let error = interchange::bytes(Content::Trained(&model), Form::Onnx, CHOICES).unwrap_err();
    assert!(format!("{error:#}").contains("input 2: its mean"), "{error:#}");
}

// ---------------------------------------------------------------------------------------------------------------- activations

/// What the authors' program does with the numbers of a line: straight lines between samples on equal steps over [-5, 5], the
/// first and the last one going on beyond the ends; in single precision.
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
        let text = interchange::bytes(Content::Activations(&set), Form::Txt, choices).unwrap();
        let text = String::from_utf8(text).unwrap();
        let lines: Vec<Vec<f32>> = text.lines().map(|l| l.split(' ').map(|x| x.parse().unwrap()).collect()).collect();
        assert_eq!(lines.iter().map(Vec::len).collect::<Vec<_>>(), [samples, samples]);
        for (line, t) in lines.iter().zip(&set.types) {
            for (y, exact) in line.iter().zip(t.evaluate(&grid(samples, SAMPLE_RANGE)).unwrap()) {
                assert!((f64::from(*y) - exact).abs() < 1e-6);
            }
            let z = grid(3001, SAMPLE_RANGE);
            let exact = t.evaluate(&z).unwrap();
            let worst =
                z.iter().zip(&exact).map(|(&z, e)| (f64::from(theirs(line, z as f32)) - e).abs()).fold(0.0, f64::max);
            // A straight line over a step h is off by at most h^2/8 times the curvature.
            assert!(worst < bound, "{samples}: {worst}");
            let [a, b, c] = [5.0, 6.0, 7.0].map(|z| theirs(line, z));
            assert!(((c - b) - (b - a)).abs() < 1e-5, "beyond the end it is no line");
        }
    }
}

#[test]
fn samples_and_exports_are_read_wherever_activations_are() {
    let place = tempfile::tempdir().unwrap();
    let set = learned(&[Base::Sine, Base::Relu], 4, 1);
    let z = grid(100, SAMPLE_RANGE);
    for form in [Form::Safetensors, Form::Npz, Form::Txt] {
        let path = place.path().join(format!("a.{}", form.extension()));
        fs::write(&path, interchange::bytes(Content::Activations(&set), form, CHOICES).unwrap()).unwrap();
        let back = Activations::read(&path).unwrap();
        if form == Form::Txt {
            for (a, b) in set.types.iter().zip(&back.types) {
                let (a, b) = (a.evaluate(&z).unwrap(), b.evaluate(&z).unwrap());
                assert!(a.iter().zip(&b).all(|(a, b)| (a - b).abs() < 1e-6));
            }
        } else {
            assert_eq!(back, set);
        }
    }
    // Of whole models, the activations in them; of a network of sub-networks, those.
    for (name, model) in models() {
        let path = place.path().join("m.safetensors");
        fs::write(&path, bytes(&model, Form::Safetensors)).unwrap();
        match &model.learned {
            Some(learned) => assert_eq!(&Activations::read(&path).unwrap(), learned, "{name}"),
            None => {
                assert!(format!("{:#}", Activations::read(&path).unwrap_err()).contains("has no learned sub-networks"))
            }
        }
    }
    let (_, direct) = models().swap_remove(1);
    fs::write(
        place.path().join("n.safetensors"),
        interchange::bytes(Content::Network(&direct.network, None), Form::Safetensors, CHOICES).unwrap(),
    )
    .unwrap();
    let back = Activations::read(&place.path().join("n.safetensors")).unwrap();
    assert_eq!(back.types, direct.learned.unwrap().types);
    fs::write(place.path().join("p.safetensors"), safetensors::to_bytes(&plain(["0", "2"])).unwrap()).unwrap();
    let error = Activations::read(&place.path().join("p.safetensors")).unwrap_err();
    assert!(format!("{error:#}").contains("no activations that `ldnn export` wrote"), "{error:#}");
}

// --------------------------------------------------------------------------------------------------------------------- golden

#[test]
fn files_keep_their_form() {
    let set = learned(&[Base::Sine, Base::Relu], 2, 1);
    let few = |t: &Learned| {
        let (kind, phi) = t.tabulated().unwrap();
        let Kind::Table(form) = kind else { panic!() };
        // Every 32nd of 257 knots; slopes are in knot spacings.
        let knots = phi.as_chunks::<2>().0.iter().step_by(32).flat_map(|&[y, m]| [y, 32.0 * m]).collect::<Vec<f32>>();
        (Kind::Table(ldnn_core::table::TableForm { knots: 9, ..form }), knots)
    };
    let (kinds, phi): (Vec<Kind>, Vec<Vec<f32>>) = set.types.iter().map(few).unzip();
    let small = model(network(Shape::new(&[2, 3, 2], &kinds), &phi.concat()), Some(set), false);
    for form in Form::ALL {
        let choices = Choices { samples: 5, ..CHOICES };
        let got = interchange::bytes(Content::Trained(&small), form, choices).unwrap();
        same(&format!("small.{}", form.extension()), &got);
    }
    let choices = Choices { way: Way::Subnets, ..CHOICES };
    same("small_subnets.onnx", &interchange::bytes(Content::Trained(&small), Form::Onnx, choices).unwrap());
    assert_eq!(
        interchange::import(interchange::read(&golden("small.safetensors")).unwrap(), &Import::default()).unwrap(),
        small
    );
    assert_eq!(
        interchange::import(interchange::read(&golden("small.npz")).unwrap(), &Import::default()).unwrap(),
        small
    );
    assert!(difference(&small, &fs::read(golden("small.onnx")).unwrap(), 50) < 1e-5);
}

// ---------------------------------------------------------------------------------------------------------------- the program

fn write(place: &Path, model: &Trained) {
    model.write(&place.join("m.ldnn")).unwrap();
}

#[test]
fn the_program_exports_one_file_or_a_folder_and_imports_it_again() {
    let place = tempfile::tempdir().unwrap();
    let place = place.path();
    let (_, model) = models().swap_remove(0);
    write(place, &model);
    for form in Form::ALL {
        let name = format!("m.{}", form.extension());
        let said = succeed(place, &["export", "m.ldnn", "--out", &name]);
        assert!(said.starts_with(&name), "{said}");
        assert!(fs::read(place.join(&name)).unwrap() == bytes(&model, form), "{name}");
    }
    succeed(place, &["import", "m.safetensors", "--out", "back.ldnn"]);
    assert!(fs::read(place.join("back.ldnn")).unwrap() == fs::read(place.join("m.ldnn")).unwrap());
    let said =
        succeed(place, &["export", "m.ldnn", "--format", "onnx,npz,safetensors,txt", "--name", "n", "--out", "all"]);
    assert!(said.contains("n.onnx (") && !said.contains("ldnn verify"), "{said}");
    assert!(fs::read(place.join("all/n.onnx")).unwrap() == bytes(&model, Form::Onnx));
    assert!(!place.join("all/model.json").exists());
    let both = ["export", "m.ldnn", "--format", "c,onnx", "--what", "network", "--golden", "2", "--out", "both"];
    succeed(place, &both);
    assert!(place.join("both/ldnn_model.c").exists() && place.join("both/ldnn_model.onnx").exists());
    succeed(place, &["export", "m.txt", "--format", "safetensors,txt", "--samples", "50", "--out", "again"]);
    let text = fs::read_to_string(place.join("again/ldnn_model.txt")).unwrap();
    assert_eq!(text.lines().map(|l| l.split(' ').count()).collect::<Vec<_>>(), [50; 3]);
}

#[test]
fn the_program_takes_weights_with_activations_and_exports_them_for_devices_with_rows() {
    let place = tempfile::tempdir().unwrap();
    let place = place.path();
    fs::write(place.join("w.safetensors"), safetensors::to_bytes(&plain(["fc1", "fc2"])).unwrap()).unwrap();
    let set = learned(&[Base::Sine, Base::Tanh], 3, 1);
    fs::write(place.join("a.txt"), interchange::bytes(Content::Activations(&set), Form::Txt, CHOICES).unwrap())
        .unwrap();
    let said = succeed(
        place,
        &["import", "w.safetensors", "--activation", "a.txt", "--classes", "run,sit,walk", "--features", "a,b"],
    );
    assert!(
        said.contains("A network 2-6-3") && said.contains("one of 3 classes") && said.contains("keeps no rows"),
        "{said}"
    );
    fs::write(place.join("x.csv"), "a,b\n0.5,1\n-1,2\n").unwrap();
    let predicted = succeed(place, &["predict", "model.ldnn", "x.csv"]);
    assert!(predicted.starts_with("class,P(run),P(sit),P(walk)"), "{predicted}");
    let error = refuse(place, &["export", "model.ldnn", "--what", "network", "--format", "c"], 2);
    assert!(error.contains("the model keeps no rows") && error.contains("--data FILE.npz"), "{error}");
    use ldnn::data::npz::{Array, write};
    let rows: Vec<f64> = random(80, 1);
    let labels = Array::labels((0..40).map(|i| i % 3).collect());
    let all = [
        ("x", Array::matrix(rows.clone(), 2)),
        ("y", labels.clone()),
        ("x_test", Array::matrix(rows, 2)),
        ("y_test", labels),
    ];
    fs::write(place.join("rows.npz"), write(&all)).unwrap();
    let export = ["export", "model.ldnn", "--what", "network", "--format", "c", "--data", "rows.npz", "--golden", "5"];
    assert!(succeed(place, &export).contains("ldnn_model.c"));
}

#[test]
fn requests_that_make_no_sense_are_refused_with_what_to_do_and_leave_nothing() {
    let place = tempfile::tempdir().unwrap();
    let place = place.path();
    let (_, model) = models().swap_remove(0);
    write(place, &model);
    fs::write(place.join("w.safetensors"), safetensors::to_bytes(&plain(["0", "2"])).unwrap()).unwrap();
    fs::write(place.join("torch.pt"), b"PK\x03\x04....").unwrap();
    fs::write(place.join("short.safetensors"), &bytes(&model, Form::Safetensors)[..500]).unwrap();
    let cases: [(&[&str], i32, &str); 9] = [
        (&["export", "m.ldnn", "--format", "npz", "--out", "x.onnx"], 2, "names one file of the format onnx"),
        (&["export", "m.ldnn", "--samples", "3", "--out", "x.txt"], 2, "--samples 3: use 4 to"),
        (&["export", "relu", "--out", "x.safetensors"], 1, "add --what network"),
        (&["export", "relu", "--out", "nowhere/x.onnx"], 1, "ONNX holds whole networks; add --what network"),
        (&["import", "w.safetensors", "--out", "x.ldnn"], 2, "say what the hidden layers do with --activation relu"),
        (&["import", "w.safetensors", "--activation", "rele", "--out", "x.ldnn"], 2, "no base function 'rele'"),
        (&["import", "torch.pt", "--out", "x.ldnn"], 2, "safetensors.torch.save_file"),
        (&["import", "short.safetensors", "--out", "x.ldnn"], 2, "no sound safetensors file"),
        (&["import", "nowhere.safetensors", "--out", "x.ldnn"], 2, "cannot open 'nowhere.safetensors'"),
    ];
    for (arguments, code, expected) in cases {
        let error = refuse(place, arguments, code);
        assert!(error.contains(expected), "{arguments:?}: {error}");
    }
    let left: Vec<_> = fs::read_dir(place).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert!(left.iter().all(|name| !name.to_string_lossy().starts_with('x')), "{left:?}");
}
