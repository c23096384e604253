use super::*;

fn file(descr: &str, fortran: &str, shape: &str, data: &[u8]) -> Vec<u8> {
    let header = format!("{{'descr': {descr}, 'fortran_order': {fortran}, 'shape': {shape}, }}\n");

    [
        b"\x93NUMPY\x01\x00",
        &(header.len() as u16).to_le_bytes()[..],
        header.as_bytes(),
        data,
    ]
    .concat()
}

#[test]
fn arrays_come_back_as_they_were_written() {
    let text = NpyValues::Text(["walk", "", "später"].map(String::from).to_vec());

    for array in [
        NpyArray::matrix(vec![1.5, -2.0, 3.0, f64::NEG_INFINITY], 2),
        NpyArray::labels(vec![3, -4, 5]),
        NpyArray {
            shape: vec![2, 1, 2],
            values: NpyValues::F64(vec![1.0, 2.0, 3.0, 4.0]),
        },
        NpyArray {
            shape: vec![3],
            values: text,
        },
    ] {
        assert_eq!(parse_npy(&npy(&array)).unwrap(), array);
    }
}

#[test]
fn every_type_of_number_is_read() {
    let read = |descr: &str, data: &[u8]| {
        parse_npy(&file(descr, "False", "(2,)", data))
            .unwrap()
            .to_f64()
    };

    for (descr, data, expected) in [
        (
            "'<f4'",
            [1.5f32.to_le_bytes(), (-2.0f32).to_le_bytes()].concat(),
            [1.5, -2.0],
        ),
        // numpy.array([-1.5, 6e-8], "<f2").tobytes()
        (
            "'<f2'",
            vec![0x00, 0xbe, 0x01, 0x00],
            [-1.5, 2f64.powi(-24)],
        ),
        (
            "'<i4'",
            [(-7i32).to_le_bytes(), 9i32.to_le_bytes()].concat(),
            [-7.0, 9.0],
        ),
        ("'<i2'", vec![0xff, 0xff, 0x00, 0x01], [-1.0, 256.0]),
        ("'|i1'", vec![0x80, 0x7f], [-128.0, 127.0]),
        ("'|u1'", vec![0x80, 0x7f], [128.0, 127.0]),
        ("'|b1'", vec![1, 0], [1.0, 0.0]),
        ("'<u2'", vec![0xff, 0xff, 0x00, 0x01], [65535.0, 256.0]),
        (
            "'<u4'",
            vec![0xff, 0xff, 0xff, 0xff, 1, 0, 0, 0],
            [4_294_967_295.0, 1.0],
        ),
        (
            "'<u8'",
            [3u64.to_le_bytes(), 4u64.to_le_bytes()].concat(),
            [3.0, 4.0],
        ),
        // As other writers than NumPy have them.
        ("'<u1'", vec![0x80, 0x7f], [128.0, 127.0]),
        ("'>i1'", vec![0x80, 0x7f], [-128.0, 127.0]),
        ("'=b1'", vec![1, 0], [1.0, 0.0]),
        (
            "'=f8'",
            [1.5f64.to_le_bytes(), (-2.0f64).to_le_bytes()].concat(),
            [1.5, -2.0],
        ),
        (
            "'f4'",
            [1.5f32.to_le_bytes(), (-2.0f32).to_le_bytes()].concat(),
            [1.5, -2.0],
        ),
    ] {
        assert_eq!(read(descr, &data), expected, "{descr}");
    }
}

#[test]
fn lengths_and_types_of_other_writers_are_read() {
    let data: Vec<u8> = [1.0f64, 2.0, 3.0, 4.0, 5.0, 6.0]
        .iter()
        .flat_map(|x| x.to_le_bytes())
        .collect();
    let python2 = parse_npy(&file("'<f8'", "False", "(2L, 3L)", &data)).unwrap();

    assert_eq!(
        python2,
        NpyArray::matrix(vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0], 3)
    );

    assert_eq!(
        parse_npy(&file("'<f8'", "False", "(6L,)", &data))
            .unwrap()
            .shape,
        [6]
    );

    let text = parse_npy(&file("'<S3'", "False", "(2,)", b"ab\0cde")).unwrap();
    assert_eq!(
        text.values,
        NpyValues::Text(["ab", "cde"].map(String::from).to_vec())
    );

    for shape in ["(L,)", "(2LL,)", "(2l,)"] {
        let error = format!(
            "{:#}",
            parse_npy(&file("'<f8'", "False", shape, &data)).unwrap_err()
        );
        assert!(error.contains("malformed shape"), "{shape}: {error}");
    }
}

#[test]
fn fortran_order_is_read_as_what_it_means() {
    let data: Vec<u8> = [1.0f64, 4.0, 2.0, 5.0, 3.0, 6.0]
        .iter()
        .flat_map(|x| x.to_le_bytes())
        .collect();
    let array = parse_npy(&file("'<f8'", "True", "(2, 3)", &data)).unwrap();

    assert_eq!(
        array,
        NpyArray::matrix(vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0], 3)
    );

    // numpy.asfortranarray(numpy.arange(8, dtype="u1").reshape(2, 2, 2)).tobytes("A")
    let cube = parse_npy(&file(
        "'|u1'",
        "True",
        "(2, 2, 2)",
        &[0, 4, 2, 6, 1, 5, 3, 7],
    ))
    .unwrap();

    assert_eq!(cube.values, NpyValues::I64((0..8).collect()));
}

#[test]
fn what_is_not_read_is_refused_with_what_to_do() {
    for (bytes, expected) in [
        (
            file("'|O'", "False", "(1,)", b"\x80\x04."),
            "Python objects ('|O', a pickle), which are never read",
        ),
        (
            file("'>f8'", "False", "(1,)", &[0; 8]),
            "is big-endian ('>f8'); save a.astype('<f8')",
        ),
        (
            file("'<c16'", "False", "(1,)", &[0; 16]),
            "elements of type '<c16'",
        ),
        (
            file("'<M8[ns]'", "False", "(1,)", &[0; 8]),
            "elements of type '<M8[ns]'",
        ),
        (
            file("[('a', '<f8')]", "False", "(1,)", &[0; 8]),
            "named fields",
        ),
        (file("'<f8'", "False", "()", &[0; 8]), "has 0 dimensions"),
        (
            file("'<f8'", "False", "(1, 1, 1, 1, 1)", &[0; 8]),
            "has 5 dimensions",
        ),
        (
            file("'<f8'", "False", "(2,)", &[0; 8]),
            "holds 8 bytes, but its shape needs 16 (2 elements of 8); it was cut off",
        ),
        (file("'<f8'", "False", "(1,)", &[0; 9]), "holds 9 bytes"),
        (
            file("'<f8'", "False", "(4294967296, 4294967296, 3)", &[0; 8]),
            "larger than any memory",
        ),
        (
            file("'<f8'", "False", "(1152921504606846976, 16)", &[0; 8]),
            "larger than any memory",
        ),
        (file("'<f8'", "False", "(-1,)", &[0; 8]), "malformed shape"),
        (
            file("'<f8'", "Maybe", "(1,)", &[0; 8]),
            "malformed 'fortran_order'",
        ),
        (file("'<u8'", "False", "(1,)", &[0xff; 8]), "beyond 2^63"),
        (b"\x93NUMPY\x09\x00".to_vec(), "version 9"),
        (
            b"\x93NUMPY\x02\x00\xff\xff\xff\xff".to_vec(),
            "header of 4294967295 bytes",
        ),
        (b"hello".to_vec(), "no .npy array"),
    ] {
        let error = format!("{:#}", parse_npy(&bytes).unwrap_err());
        assert!(error.contains(expected), "{expected}: {error}");
    }

    let whole = npy(&NpyArray::vector(vec![1.0, 2.0]));
    assert!((0..whole.len()).all(|cut| parse_npy(&whole[..cut]).is_err()));
}
