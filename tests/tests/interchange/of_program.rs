//! The program: one file or a folder, import, and requests that make no sense.

use super::*;

fn write(place: &Path, model: &Model) {
    model.write(&place.join("m.ldnn")).unwrap();
}

#[test]
fn the_program_exports_one_file_or_a_folder_and_imports_it_again() {
    let place = tempfile::tempdir().unwrap();
    let place = place.path();
    let (_, model) = models().swap_remove(0);
    write(place, &model);

    for form in ExportFormat::ALL {
        let name = format!("m.{}", form.extension());
        let said = succeed(place, &["export", "m.ldnn", "--out", &name]);
        assert!(said.starts_with(&name), "{said}");
        assert!(
            fs::read(place.join(&name)).unwrap() == bytes(&model, form),
            "{name}"
        );
    }

    succeed(place, &["import", "m.safetensors", "--out", "back.ldnn"]);
    assert!(fs::read(place.join("back.ldnn")).unwrap() == fs::read(place.join("m.ldnn")).unwrap());

    let said = succeed(
        place,
        &[
            "export",
            "m.ldnn",
            "--format",
            "onnx,npz,safetensors,txt",
            "--name",
            "n",
            "--out",
            "all",
        ],
    );

    assert!(
        said.contains("n.onnx (") && !said.contains("ldnn verify"),
        "{said}"
    );
    assert!(fs::read(place.join("all/n.onnx")).unwrap() == bytes(&model, ExportFormat::Onnx));
    assert!(!place.join("all/model.json").exists());

    let both = [
        "export", "m.ldnn", "--format", "c,onnx", "--what", "network", "--golden", "2", "--out",
        "both",
    ];

    succeed(place, &both);
    assert!(
        place.join("both/ldnn_model.c").exists() && place.join("both/ldnn_model.onnx").exists()
    );

    succeed(
        place,
        &[
            "export",
            "m.txt",
            "--format",
            "safetensors,txt",
            "--samples",
            "50",
            "--out",
            "again",
        ],
    );

    let text = fs::read_to_string(place.join("again/ldnn_model.txt")).unwrap();

    assert_eq!(
        text.lines()
            .map(|l| l.split(' ').count())
            .collect::<Vec<_>>(),
        [50; 3]
    );
}

#[test]
fn the_program_takes_weights_with_activations_and_exports_them_for_devices_with_rows() {
    let place = tempfile::tempdir().unwrap();
    let place = place.path();

    fs::write(
        place.join("w.safetensors"),
        safetensors::to_bytes(&plain(["fc1", "fc2"])).unwrap(),
    )
    .unwrap();

    let set = learned(&[Base::Sine, Base::Tanh], 3, 1);

    fs::write(
        place.join("a.txt"),
        formats::bytes(Content::Activations(&set), ExportFormat::Txt, CHOICES).unwrap(),
    )
    .unwrap();

    let said = succeed(
        place,
        &[
            "import",
            "w.safetensors",
            "--activation",
            "a.txt",
            "--classes",
            "run,sit,walk",
            "--features",
            "a,b",
        ],
    );

    assert!(
        said.contains("A network 2-6-3")
            && said.contains("one of 3 classes")
            && said.contains("needs rows, with --data"),
        "{said}"
    );

    fs::write(place.join("x.csv"), "a,b\n0.5,1\n-1,2\n").unwrap();

    let predicted = succeed(place, &["predict", "model.ldnn", "x.csv"]);
    assert!(
        predicted.starts_with("class,P(run),P(sit),P(walk)"),
        "{predicted}"
    );

    let error = refuse(
        place,
        &["export", "model.ldnn", "--what", "network", "--format", "c"],
        2,
    );

    assert!(
        error.contains("does not know which ranges")
            && error.contains("give rows with --data FILE"),
        "{error}"
    );

    use ldnn::data::npz::{NpyArray, write};

    let rows: Vec<f64> = random(80, 1);
    let labels = NpyArray::labels((0..40).map(|i| i % 3).collect());

    let all = [
        ("x", NpyArray::matrix(rows.clone(), 2)),
        ("y", labels.clone()),
        ("x_test", NpyArray::matrix(rows, 2)),
        ("y_test", labels),
    ];

    fs::write(place.join("rows.npz"), write(&all)).unwrap();

    let export = [
        "export",
        "model.ldnn",
        "--what",
        "network",
        "--format",
        "c",
        "--data",
        "rows.npz",
        "--golden",
        "5",
    ];

    assert!(succeed(place, &export).contains("ldnn_model.c"));
}

#[test]
fn requests_that_make_no_sense_are_refused_with_what_to_do_and_leave_nothing() {
    let place = tempfile::tempdir().unwrap();
    let place = place.path();
    let (_, model) = models().swap_remove(0);
    write(place, &model);

    fs::write(
        place.join("w.safetensors"),
        safetensors::to_bytes(&plain(["0", "2"])).unwrap(),
    )
    .unwrap();

    fs::write(place.join("torch.pt"), b"PK\x03\x04....").unwrap();

    fs::write(
        place.join("short.safetensors"),
        &bytes(&model, ExportFormat::Safetensors)[..500],
    )
    .unwrap();

    let cases: [(&[&str], i32, &str); 12] = [
        (
            &["export", "m.ldnn", "--out", "x.tflite"],
            2,
            "no format tflite; one file can be .safetensors, .onnx, .npz, .txt",
        ),
        (
            &["export", "m.ldnn", "--out", "x.c"],
            2,
            "give --format c --name x --out FOLDER",
        ),
        (
            &["export", "m.ldnn", "--out", "x.ldnn"],
            2,
            "give --format postcard --name x --out FOLDER",
        ),
        (
            &["export", "m.ldnn", "--format", "npz", "--out", "x.onnx"],
            2,
            "names one file of the format onnx",
        ),
        (
            &["export", "m.ldnn", "--samples", "3", "--out", "x.txt"],
            2,
            "--samples 3: use 4 to",
        ),
        (
            &["export", "relu", "--out", "x.safetensors"],
            2,
            "add --what network",
        ),
        (
            &["export", "relu", "--out", "x.onnx"],
            2,
            "ONNX holds whole networks; add --what network",
        ),
        (
            &["import", "w.safetensors", "--out", "x.ldnn"],
            2,
            "say what the hidden layers do with --activation relu",
        ),
        (
            &[
                "import",
                "w.safetensors",
                "--activation",
                "rele",
                "--out",
                "x.ldnn",
            ],
            2,
            "no base function 'rele'",
        ),
        (
            &["import", "torch.pt", "--out", "x.ldnn"],
            2,
            "safetensors.torch.save_file",
        ),
        (
            &["import", "short.safetensors", "--out", "x.ldnn"],
            2,
            "no sound safetensors file",
        ),
        (
            &["import", "nowhere.safetensors", "--out", "x.ldnn"],
            2,
            "cannot read 'nowhere.safetensors'",
        ),
    ];

    for (arguments, code, expected) in cases {
        let error = refuse(place, arguments, code);
        assert!(error.contains(expected), "{arguments:?}: {error}");
    }

    let left: Vec<_> = fs::read_dir(place)
        .unwrap()
        .map(|e| e.unwrap().file_name())
        .collect();

    assert!(
        left.iter()
            .all(|name| !name.to_string_lossy().starts_with('x')),
        "{left:?}"
    );
}
