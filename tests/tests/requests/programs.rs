//! Exports for other programs: what verifies them, and what takes their place.

use crate::train_tables;
use ldnn_tests::prepared::scratch;
use ldnn_tests::program::{refuse, succeed};
use serde_json::Value;
use std::fs;

#[test]
fn an_export_for_other_programs_alone_is_verified_by_what_it_was_made_from() {
    let dir = scratch();
    let at = dir.path();
    let few = ["--what", "network", "--epochs", "1", "--hidden", "5"];

    for (from, more, formats) in [
        ("m.ldnn", &[][..], "onnx,npz,safetensors"),
        ("net.json", &[], "onnx"),
        ("a", &[], "npz,safetensors,txt"),
        ("a", &few, "onnx"),
        ("relu", &[&few[..], &["--data", "n.npz"]].concat(), "onnx"),
    ] {
        let args = [
            &[
                "export",
                from,
                "--format",
                formats,
                "--out",
                "e",
                "--replace",
            ],
            more,
        ]
        .concat();
        succeed(at, &args);

        let said = succeed(at, &["verify", "e"]);
        for form in formats.split(',') {
            let line = format!("ldnn_model.{form}: what config.toml gives, byte for byte; not run");
            assert!(said.contains(&line), "{from}: {said}");

            let file = at.join("e").join(format!("ldnn_model.{form}"));
            let right = fs::read(&file).unwrap();
            let mut wrong = right.clone();
            *wrong.last_mut().unwrap() ^= 1;

            fs::write(&file, wrong).unwrap();
            let message = refuse(at, &["verify", "e"], 1);
            assert!(
                message.contains(&format!("ldnn_model.{form} is not what config.toml gives")),
                "{message}"
            );
            fs::write(&file, right).unwrap();
        }
    }

    fs::remove_file(at.join("e/ldnn_model.onnx")).unwrap();
    assert!(refuse(at, &["verify", "e"], 1).contains("ldnn_model.onnx"));

    // No export at all.
    assert!(refuse(at, &["verify", "v"], 2).contains("no settings of an export"));
}

#[test]
fn an_activation_that_no_layer_has_is_no_part_of_an_export() {
    let dir = scratch();
    let at = dir.path();
    let text = fs::read_to_string(at.join("net.json")).unwrap();
    let mut network: Value = serde_json::from_str(&text).unwrap();

    network.as_object_mut().unwrap().remove("checksum");
    let unused = serde_json::json!({"form": "base", "name": "tanh"});
    network["kinds"].as_array_mut().unwrap().push(unused);
    fs::write(at.join("more.json"), network.to_string()).unwrap();

    for weights in ["f32", "int8"] {
        let with = |from, out| {
            let args = [
                "export",
                from,
                "-q",
                "--weights",
                weights,
                "--format",
                "c",
                "--name",
                "one",
                "--out",
                out,
            ];
            succeed(at, &args);
            fs::read_to_string(at.join(out).join("one.c")).unwrap()
        };
        // Apart from the names of the files that they are of.
        let code = |text: String| text.replace("more.json", "net.json");
        let (plain, more) = (format!("plain-{weights}"), format!("more-{weights}"));
        assert!(code(with("net.json", &plain)) == code(with("more.json", &more)));
    }
}

#[test]
fn another_models_file_for_other_programs_is_kept() {
    let dir = scratch();
    let at = dir.path();
    train_tables(at);

    for form in ["onnx", "npz", "safetensors"] {
        let file = format!("x.{form}");
        let first = ["export", "m.ldnn", "--out", &file];
        let other = ["export", "l.ldnn", "--out", &file];

        succeed(at, &first);
        let before = fs::read(at.join(&file)).unwrap();
        succeed(at, &first);

        assert!(refuse(at, &other, 2).contains("--replace"));
        assert!(fs::read(at.join(&file)).unwrap() == before);

        succeed(at, &[&other[..], &["--replace"]].concat());
        assert!(fs::read(at.join(&file)).unwrap() != before);
    }
}
