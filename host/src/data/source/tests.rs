use super::*;
use std::io::Write;

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut to = flate2::write::GzEncoder::new(vec![], flate2::Compression::default());
    to.write_all(bytes).unwrap();
    to.finish().unwrap()
}

fn of(bytes: &[u8]) -> Result<InputFile> {
    InputFile::of(Box::new(Cursor::new(bytes.to_vec())), None)
}

#[test]
fn the_first_bytes_tell_the_kind_packed_or_not() {
    for (bytes, format) in [
        (&b"a,b\n1,2\n"[..], FileFormat::Csv),
        (b"# note\n\n@problemName X\n@data\n", FileFormat::Ts),
        (b"@name,@data\n1,2\n", FileFormat::Csv),
        (b"\x93NUMPY\x01\x00", FileFormat::Npy),
        (b"PK\x03\x04", FileFormat::Npz),
        (b"\0\0\x08\x01\0\0\0\0", FileFormat::Idx),
        ("\u{feff}ä;b\n".as_bytes(), FileFormat::Csv),
    ] {
        assert_eq!(of(bytes).unwrap().format, format);
        let packed = of(&gzip(bytes)).unwrap();
        assert_eq!(packed.format, format);
        assert_eq!(packed.all(1000).unwrap(), bytes);
    }

    let members = [gzip(b"a,b\n1,"), gzip(b""), gzip(b"2\n")].concat();
    assert_eq!(of(&members).unwrap().all(1000).unwrap(), b"a,b\n1,2\n");

    let filled_up = [&members[..], &[0; 100_000]].concat();
    assert_eq!(of(&filled_up).unwrap().all(1000).unwrap(), b"a,b\n1,2\n");
}

#[test]
fn what_is_cut_off_damaged_or_too_large_is_refused() {
    let error = |r: Result<Vec<u8>>| format!("{:#}", r.unwrap_err());
    let text = "1,2,3\n".repeat(10_000);
    let whole = gzip(text.as_bytes());

    for cut in [3, 12, whole.len() / 2, whole.len() - 3] {
        let read = of(&whole[..cut]).and_then(|s| s.all(1 << 20));
        assert!(error(read).contains("end too early"), "cut at {cut}");
    }

    for (rest, what) in [
        (&b"\0\0PK"[..], "no gzip member"),
        (b"Best regards", "no gzip member"),
        (b"\x1f\x8c", "no gzip member"),
        (b"\x1f", "end too early"),
        (&whole[..12], "end too early"),
    ] {
        let read = of(&[&whole[..], rest].concat()).and_then(|s| s.all(1 << 20));
        let message = error(read);
        assert!(message.contains(what), "{rest:?}: {message}");
    }

    let mut damaged = whole.clone();
    let at = damaged.len() - 6;
    damaged[at] ^= 1;

    assert!(error(of(&damaged).and_then(|s| s.all(1 << 20))).contains("damaged"));
    assert!(
        error(of(&whole).and_then(|s| s.all(1000))).contains("unpacks to more than 1000 bytes")
    );
    assert!(error(of(&gzip(&whole)).and_then(|s| s.all(1000))).contains("gzip within gzip"));
    assert!(error(of(b"").and_then(|s| s.all(1000))).contains("empty"));
    assert!(error(of(b"\x80\x04\x95").and_then(|s| s.all(1000))).contains("Python pickle"));
}

/// The local header of the first member of a ZIP archive.
fn zip(member: &str) -> Vec<u8> {
    let mut bytes = vec![0; 30];
    bytes[..4].copy_from_slice(b"PK\x03\x04");
    bytes[26] = member.len() as u8;
    [bytes, member.as_bytes().to_vec(), vec![0; 300]].concat()
}

#[test]
fn what_is_known_and_not_read_is_called_by_its_name_with_the_line_that_converts_it() {
    let folder = tempfile::tempdir().unwrap();
    let tar = [&[b'a'; 257][..], b"ustar", &[0; 250]].concat();

    for (name, bytes, what, line) in [
        (
            "a.mat",
            b"MATLAB 5.0 MAT-file, Platform: GLNXA64\0\0".to_vec(),
            "a MATLAB file",
            "loadmat('PLACE/a.mat')",
        ),
        (
            "b.mat",
            b"MATLAB 7.3 MAT-file".to_vec(),
            "HDF5",
            "h5py.File('PLACE/b.mat')",
        ),
        (
            "c.xlsx",
            zip("[Content_Types].xml"),
            "an Excel workbook",
            "to_csv('PLACE/c.csv'",
        ),
        (
            "d.xls",
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1".to_vec(),
            "an Excel workbook",
            "read_excel('PLACE/d.xls')",
        ),
        (
            "e.pkl",
            b"\x80\x04\x95".to_vec(),
            "a Python pickle",
            "read_pickle('PLACE/e.pkl')",
        ),
        (
            "f.h5",
            b"\x89HDF\r\n\x1a\n".to_vec(),
            "HDF5",
            "savez('PLACE/f.npz'",
        ),
        ("g.parquet", b"PAR1....".to_vec(), "Parquet", "read_parquet"),
        ("h.zip", zip("data/h.csv"), "a ZIP archive", "unpack it"),
        (
            "i.pt",
            zip("model/data.pkl"),
            "weights of PyTorch",
            "no table",
        ),
        (
            "j.png",
            b"\x89PNG\r\n\x1a\n".to_vec(),
            "a picture",
            "i.open('PLACE/j.png')",
        ),
        (
            "k32.csv",
            b"\xff\xfe\0\0a\0\0\0\n\0\0\0".to_vec(),
            "text in UTF-32",
            "encoding='utf-32'",
        ),
        (
            "k.csv",
            b"\xff\xfea\0,\0b\0\n\0".to_vec(),
            "text in UTF-16",
            "encoding='utf-16'",
        ),
        ("l.json", b"{\"a\": 1}".to_vec(), "JSON", "read_json"),
        (
            "m.arff",
            b"@relation iris\n@data\n".to_vec(),
            "ARFF",
            "loadarff",
        ),
        ("n.tar", tar, "an archive", "unpack it"),
        (
            "o.csv",
            b"<!DOCTYPE html>\n<p>404".to_vec(),
            "a web page",
            "fetched",
        ),
    ] {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();

        let refused = InputFile::open(Some(&path)).map(|s| s.format).unwrap_err();
        let refused = format!("{refused:#}");
        let line = line.replace("PLACE", folder.path().to_str().unwrap());

        assert!(
            refused.contains(&format!("it is {what}")) && refused.contains(&line),
            "{name}: {refused}"
        );
    }

    assert_eq!(of(&zip("x.npy")).unwrap().format, FileFormat::Npz);

    // Such a name would end the text in the line of Python.
    let path = folder.path().join("it's.pkl");
    std::fs::write(&path, b"\x80\x04\x95").unwrap();

    let refused = InputFile::open(Some(&path)).map(|s| s.format).unwrap_err();
    let refused = format!("{refused:#}");

    assert!(refused.contains("read_pickle('FILE')"), "{refused}");
}
