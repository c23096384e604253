//! The answers of an image that is loaded as a device loads it.

use super::answers::{AnswerBits, answers_of};
use crate::deploy::Golden;
use crate::deploy::image_memory::{ActivationMemory, IntegerMemory, ScaleMemory};
use anyhow::Result;
use ldnn_core::deploy::{Activate, Pipeline, standardise};
use ldnn_core::image::{Contents, Image};
use ldnn_core::quantised::Scratch;

pub fn answers_of_image(bytes: &[u8], golden: &Golden) -> Result<AnswerBits> {
    let image = Image::read(bytes).map_err(anyhow::Error::from)?;
    let float = |bits: &[u32]| bits.iter().map(|&b| f32::from_bits(b)).collect::<Vec<_>>();
    let (z, x) = (float(&golden.z), float(&golden.x));
    let mut answers = AnswerBits::new();

    let activations = match image.contents() {
        Contents::Activations(activations) => Some((activations, None)),
        Contents::Floats(network) => Some((*network.activations(), Some(network))),
        Contents::Integers(_) => None,
    };

    if let Some((records, network)) = activations {
        let mut memory = ActivationMemory::default();
        let loaded = memory.load(&records)?;

        for activation in &loaded {
            let mut y = z.clone();
            activation.apply(&mut y);
            answers.extend(y.iter().map(|y| y.to_bits()));
        }

        if let Some(network) = network {
            let shape = network.shape();
            let mut scales = ScaleMemory::default();
            let scaling = scales.load(network.scaling())?;
            let scaled = standardised(&x, scaling.inputs)?;
            let mut theta = vec![0.0; shape.theta_len()];

            network.theta(&mut theta)?;

            let (mut out, mut work) = (vec![0.0; shape.outputs()], vec![0.0; shape.run_len()]);

            for x in scaled.chunks_exact(shape.inputs()) {
                Pipeline::unscaled(shape, &theta, &loaded).predict(x, &mut out, &mut work)?;
                answers.extend(out.iter().map(|y| y.to_bits()));
            }

            let whole = Pipeline {
                shape,
                theta: &theta,
                activations: &loaded,
                scaling,
            };

            let mut run = |raw: &[f32], out: &mut [f32]| whole.run(raw, out, &mut work).ok();
            answers.extend(answers_of(&x, shape.inputs(), shape.outputs(), &mut run));
        }
    }

    if let Contents::Integers(network) = image.contents() {
        let (mut scales, mut memory) = (ScaleMemory::default(), IntegerMemory::of(&network));
        let scaling = scales.load(network.scaling())?;
        let scaled = standardised(&x, scaling.inputs)?;
        let network = network.load(memory.room())?;
        let shape = network.shape();
        let (mut q, mut out) = (vec![0; shape.inputs()], vec![0; shape.outputs()]);
        let mut work = vec![0; network.work_len()];

        for x in scaled.chunks_exact(shape.inputs()) {
            network.quantise(x, &mut q)?;
            network.predict(&q, &mut out, &mut work)?;
            answers.extend(out.iter().map(|&y| i32::from(y).cast_unsigned()));
        }

        let (inputs, outputs) = (shape.inputs(), shape.outputs());

        let mut run = |raw: &[f32], to: &mut [f32]| {
            let scratch = Scratch {
                q: &mut q,
                work: &mut work,
                y: &mut out,
            };
            network.run(&scaling, raw, to, scratch).ok()
        };

        answers.extend(answers_of(&x, inputs, outputs, &mut run));
    }

    Ok(answers)
}

fn standardised(x: &[f32], pairs: &[[f32; 2]]) -> Result<Vec<f32>> {
    let mut to = x.to_vec();
    if !pairs.is_empty() {
        for (x, to) in x.chunks(pairs.len()).zip(to.chunks_mut(pairs.len())) {
            standardise(x, pairs, to)?;
        }
    }
    Ok(to)
}
