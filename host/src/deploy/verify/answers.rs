//! The answers of an export as bits, in the order in which programs print them.

use super::super::deployed::{Deployed, WeightFile};
use super::super::golden::Golden;
use anyhow::{Result, bail, ensure};

/// What a program printed, or the core gave: activations type by type, then outputs; bits, or
/// integers.
pub type AnswerBits = Vec<u32>;

/// All golden answers in the order in which programs print them.
pub fn expected(golden: &Golden) -> AnswerBits {
    let mut all = golden.activations.concat();
    all.extend(&golden.outputs);

    all.extend(
        golden
            .integers
            .iter()
            .map(|&y| i32::from(y).cast_unsigned()),
    );

    let width = golden.answers.len() / golden.classes.len().max(1);

    for (&class, answer) in golden
        .classes
        .iter()
        .zip(golden.answers.chunks(width.max(1)))
    {
        all.push(class.into());
        all.extend(answer);
    }

    for _ in BAD.iter().filter(|_| width > 0) {
        all.extend(refusal(width));
    }

    all
}

/// Inputs that have no answer; the programs of [`harness`] try them in place of the last input of
/// the first row.
const BAD: [f32; 3] = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY];
/// What is in the place of the answer before, and must be there afterwards.
const BEFORE: f32 = 7.0;

/// A refusal: -1, and the outputs as they were.
fn refusal(outputs: usize) -> AnswerBits {
    std::iter::once(u32::MAX)
        .chain(std::iter::repeat_n(BEFORE.to_bits(), outputs))
        .collect()
}

/// From raw inputs to the class, and the answer in the second argument; `None` if there is none.
type RunFn<'a> = dyn FnMut(&[f32], &mut [f32]) -> Option<usize> + 'a;

/// What `run` answers on every golden row, and to what has no answer.
pub fn answers_of(x: &[f32], inputs: usize, outputs: usize, run: &mut RunFn<'_>) -> AnswerBits {
    let mut all = AnswerBits::new();

    let mut add = |raw: &[f32]| {
        let mut out = vec![BEFORE; outputs];
        let class = run(raw, &mut out);
        all.push(class.map_or(u32::MAX, |class| class as u32));
        all.extend(out.iter().map(|y| y.to_bits()));
    };

    x.chunks_exact(inputs).for_each(&mut add);

    for bad in BAD {
        let mut raw = x[..inputs].to_vec();
        raw[inputs - 1] = bad;
        add(&raw);
    }

    all
}

pub fn compare(model: &Deployed, golden: &Golden, expected: &[u32], got: &[u32]) -> Result<()> {
    ensure!(
        expected.len() == got.len(),
        "{} answers instead of {}",
        got.len(),
        expected.len()
    );

    let Some(i) = (0..got.len()).find(|&i| expected[i] != got[i]) else {
        return Ok(());
    };
    let tables = golden.z.len() * golden.activations.len();

    let outputs = model
        .shape
        .as_ref()
        .and_then(|s| s.widths.last().copied())
        .unwrap_or(1);

    let runs = tables + golden.outputs.len() + golden.integers.len();
    let is_class = i >= runs && (i - runs).is_multiple_of(outputs + 1);

    let show = |bits: u32| {
        if is_class
            || (tables..runs).contains(&i) && matches!(model.weights, WeightFile::Integers(_))
        {
            format!("{}", bits.cast_signed())
        } else {
            format!("{:?} ({bits:#010x})", f32::from_bits(bits))
        }
    };

    let place = if i < tables {
        let z = f32::from_bits(golden.z[i % golden.z.len()]);
        format!(
            "activation type {} at {z:?} (index {})",
            i / golden.z.len() + 1,
            i % golden.z.len()
        )
    } else if i < runs {
        format!(
            "row {}, output {} of the network",
            (i - tables) / outputs,
            (i - tables) % outputs
        )
    } else {
        let (row, place) = ((i - runs) / (outputs + 1), (i - runs) % (outputs + 1));
        let row = match row.checked_sub(golden.classes.len()) {
            None => format!("row {row}"),
            Some(bad) => format!("row 0 with {} as the last input", BAD[bad]),
        };

        if is_class {
            format!("{row}, what run returns")
        } else {
            format!("{row}, out[{}]", place - 1)
        }
    };

    bail!(
        "the first difference is at {place}: {} instead of {}",
        show(got[i]),
        show(expected[i])
    )
}
