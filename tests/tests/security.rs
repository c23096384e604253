//! Untrusted files are input: names stay text wherever they go, sizes in headers reserve
//! nothing, and nothing is run or written elsewhere.

use ldnn::config::StoredConfig;
use ldnn::data::npz::{self, NpyArray};
use ldnn::report::plot::{self, Band};
use ldnn::report::{Page, Part, ReportTable, Section};
use ldnn::run::RunFolder;
use ldnn_tests::program::{path, refuse, run, succeed};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

const HOSTILE: &str = "<script>alert(1)</script>&\"']]>\x1b[31m\u{0}";

/// Everything between tags that a browser shows or runs.
fn assert_plain(text: &str, what: &str) {
    for bad in ["<script", "<b>", "]]>", "\x1b", "\u{0}"] {
        assert!(!text.contains(bad), "{what} holds {bad:?}");
    }
}

#[test]
fn whatever_a_name_holds_it_is_text_in_the_report_and_its_pictures() {
    let place = tempfile::tempdir().unwrap();
    let stored = StoredConfig::new("validate", &BTreeMap::from([("a", 1)])).unwrap();
    let folder = RunFolder::open(&place.path().join("run"), &stored, false).unwrap();
    let line = Band::line(HOSTILE, vec![0.0, 1.0], vec![0.0, 1.0]);
    let drawing = plot::curves(HOSTILE, HOSTILE, HOSTILE, &[line]);
    let mut section = Section::new(HOSTILE);

    section.text.push(HOSTILE.into());
    section.draw(&folder, "picture", &drawing, HOSTILE).unwrap();

    let mut table = ReportTable::new(HOSTILE, &[HOSTILE]);
    table.row([HOSTILE.to_string()]);
    section.tabulate(&folder, "table", table).unwrap();

    let part = Part {
        folder: String::new(),
        section,
        settings: HOSTILE.into(),
    };

    let fact = (HOSTILE.to_string(), HOSTILE.to_string());

    let page = Page {
        title: HOSTILE.into(),
        summary: vec![HOSTILE.into()],
        facts: vec![fact],
        parts: vec![part],
    };

    page.save(&folder).unwrap();

    let svg = fs::read_to_string(folder.file("picture.svg")).unwrap();
    assert_plain(&svg, "the picture");

    assert!(svg.contains("&lt;script&gt;alert(1)"));

    let html = fs::read_to_string(folder.file("report.html")).unwrap();
    assert!(
        !html.contains("<script") && html.matches("&lt;script&gt;").count() >= 10,
        "{html}"
    );
}

/// Learned activations in files whose names are names of types in pictures, tables and the report.
#[test]
fn a_file_with_a_name_like_code_is_a_name_in_everything_that_comes_out() {
    let place = tempfile::tempdir().unwrap();
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden/activations.json");
    let files = ["=1+cmd|'<b>x&\".json", "<script>alert(1)<", "plain.json"]
        .map(|n| n.replace("1)<", "1)&.json"));

    for file in &files {
        fs::copy(&golden, place.path().join(file)).unwrap();
    }

    let [a, b, c] = &files;
    let said = succeed(
        place.path(),
        &["cluster", a, b, c, "--out", "out", "--quiet"],
    );

    assert!(said.contains("<script>alert"), "the names are in the text");

    let out = place.path().join("out");
    let read = |name: &str| fs::read_to_string(out.join(name)).unwrap();
    assert_plain(&read("report.html"), "the report");

    assert!(read("report.html").contains("&lt;script&gt;alert"));

    let svgs: Vec<String> = fs::read_dir(&out)
        .unwrap()
        .map(|f| f.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(".svg"))
        .collect();

    assert!(!svgs.is_empty());

    svgs.iter().for_each(|name| assert_plain(&read(name), name));

    for table in ["family.csv", "clusters.csv"] {
        let mut reader = csv::Reader::from_reader(fs::File::open(out.join(table)).unwrap());
        for cell in reader
            .records()
            .flat_map(|r| r.unwrap().iter().map(String::from).collect::<Vec<_>>())
        {
            let formula = cell.starts_with(['=', '@', '+', '-']) && cell.parse::<f64>().is_err();
            assert!(!formula, "{table}: {cell}");
        }
    }

    assert!(read("family.csv").contains("'=1+cmd|"));
}

/// Runs the program with 300 MB of address space.
fn in_little_memory(folder: &Path, args: &[&str]) -> Output {
    let script = "ulimit -v 300000; exec \"$0\" \"$@\"";
    Command::new("bash")
        .current_dir(folder)
        .args(["-c", script])
        .arg(path())
        .args(args)
        .output()
        .unwrap()
}

/// An array of eight numbers under a header that says otherwise.
fn with_header(descr: &str, shape: &str) -> Vec<u8> {
    let honest = npz::npy(&NpyArray::matrix(vec![1.0; 8], 2));
    let header = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': ({shape}), }}");
    let body = honest.windows(8).rposition(|w| w[7] == b'\n').unwrap() + 8;
    let padded = format!("{header:<width$}\n", width = body - 11);

    [
        &honest[..8],
        &(padded.len() as u16).to_le_bytes(),
        padded.as_bytes(),
        &honest[body..],
    ]
    .concat()
}

/// A ZIP archive of one member, by the program's own writer, with the body put in afterwards.
fn archive(member: &str, body: &[u8]) -> Vec<u8> {
    // The writer makes honest members only, so a member of as many bytes is written and replaced.
    let (mut out, crc) = (vec![], ldnn_core::image::checksum(body).to_le_bytes());
    let len = (body.len() as u32).to_le_bytes();
    let fixed = [20, 0, 0, 0, 0, 0, 0, 0, 33, 0];
    let name_len = (member.len() as u16).to_le_bytes();
    let entry = [&fixed[..], &crc, &len, &len, &name_len, &[0; 2]].concat();

    out.extend([&b"PK\x03\x04"[..], &entry, member.as_bytes(), body].concat());

    let start = (out.len() as u32).to_le_bytes();

    let directory = [
        &b"PK\x01\x02\x14\x00"[..],
        &entry,
        &[0; 14],
        member.as_bytes(),
    ]
    .concat();

    out.extend(&directory);
    out.extend(b"PK\x05\x06\0\0\0\0\x01\0\x01\0");
    out.extend([&(directory.len() as u32).to_le_bytes()[..], &start, &[0; 2]].concat());

    out
}

#[test]
fn sizes_that_a_header_claims_reserve_no_memory() {
    let place = tempfile::tempdir().unwrap();
    let model = r#"{"version":1,"provenance":"","widths":[1048576,1048576,1048576],"kinds":[{"form":"base","name":"tanh"}],"layers":[[0,1]],"params":[1]}"#;
    fs::write(place.path().join("huge.json"), model).unwrap();

    for (name, descr, shape) in [
        ("rows.npz", "<f8", "99999999999, 2"),
        ("product.npz", "<f8", "9999999999999, 9999999999999"),
        ("bytes.npz", "|u1", "4294967295, 4"),
        ("nothing.npz", "<f8", "99999999999, 0"),
    ] {
        fs::write(
            place.path().join(name),
            archive("x.npy", &with_header(descr, shape)),
        )
        .unwrap();

        let output = in_little_memory(place.path(), &["validate", "--data", name, "--dry-run"]);
        let said = String::from_utf8_lossy(&output.stderr);

        assert_eq!(output.status.code(), Some(2), "{name}: {said}");
        assert!(said.contains("x") && said.contains(name), "{name}: {said}");
    }

    let output = in_little_memory(
        place.path(),
        &["analyze", "hessian", "--model", "huge.json", "--dry-run"],
    );
    let said = String::from_utf8_lossy(&output.stderr);

    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("params"), "{said}");
}

#[test]
fn a_pickle_is_refused_by_name_of_its_type_and_never_read() {
    let place = tempfile::tempdir().unwrap();
    // What NumPy writes for an array of objects; os.system would run when it is loaded.
    let pickle = b"\x80\x02cposix\nsystem\nX\x0c\x00\x00\x00touch owned!\x85R.";
    let header = with_header("|O", "1,");
    let body = [&header[..header.len() - 64], pickle].concat();

    fs::write(place.path().join("evil.npz"), archive("x.npy", &body)).unwrap();

    let said = refuse(
        place.path(),
        &["validate", "--data", "evil.npz", "--dry-run"],
        2,
    );

    assert!(said.contains("'|O'"), "{said}");

    assert_eq!(
        fs::read_dir(place.path()).unwrap().count(),
        1,
        "nothing else is there"
    );
}

#[test]
fn names_in_an_archive_are_names_and_no_paths() {
    let place = tempfile::tempdir().unwrap();
    let inside = place.path().join("a/b");
    fs::create_dir_all(&inside).unwrap();

    let body = npz::npy(&NpyArray::matrix(vec![1.0; 8], 2));

    for name in ["../../x.npy", "/tmp/ldnn-escaped.npy", "..\\x.npy"] {
        fs::write(inside.join("evil.npz"), archive(name, &body)).unwrap();
        let said = refuse(&inside, &["validate", "--data", "evil.npz", "--dry-run"], 2);
        assert!(said.contains("array 'x' is missing"), "{said}");
    }

    assert!(!place.path().join("x.npy").exists() && !Path::new("/tmp/ldnn-escaped.npy").exists());

    for name in ["../out", "a/b", "/etc/x", "a b", "x;rm"] {
        let said = refuse(&inside, &["export", "x.json", "--name", name], 2);
        assert!(!said.is_empty() && !place.path().join("out").exists());
    }
}

#[test]
fn a_name_in_a_message_cannot_steer_the_terminal() {
    let place = tempfile::tempdir().unwrap();
    let name = "\x1b]0;owned\x07\x1b[31m.csv";
    let said = refuse(place.path(), &["train", name, "--target", "y"], 2);

    assert!(
        said.contains("]0;owned") && !said.contains(['\x1b', '\x07']),
        "{said:?}"
    );

    fs::write(place.path().join("t.csv"), "a,\u{1b}[2J\n1,x\n").unwrap();

    let output = run(place.path(), &["train", "t.csv", "--target", "y"]);
    let said = String::from_utf8_lossy(&output.stderr);

    assert!(said.contains("[2J") && !said.contains('\x1b'), "{said:?}");
}
