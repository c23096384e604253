//! Tables that are made, not kept.

/// Numbers that look random, in [-0.5, 0.5).
pub fn noise(i: usize) -> f64 {
    ((i as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40) as f64 / (1 << 24) as f64 - 0.5
}

/// Three classes in two inputs of very different sizes, an identifier, and who it was.
pub fn gestures(rows: usize) -> String {
    let mut text = "id;person;slow;fast;label\n".to_string();

    for i in 0..rows {
        let class = i % 3;
        let slow = class as f64 + noise(i);
        let fast = 1000.0 * ((3.0 * slow).sin() + class as f64 + noise(i + 7919));

        text += &format!(
            "row{i};p{};{slow:.5};{fast:.3};{}\n",
            i / 7 % 5,
            ["run", "sit", "walk"][class]
        );
    }

    text
}

/// Two numbers to be told from two others.
pub fn numbers(rows: usize) -> String {
    let mut text = "a,b,y,z\n".to_string();
    for i in 0..rows {
        let (a, b) = (noise(i) * 4.0, noise(i + 31337));
        text += &format!("{a},{b},{},{}\n", 5000.0 + 300.0 * a, 0.001 * b - 0.001 * a);
    }
    text
}
