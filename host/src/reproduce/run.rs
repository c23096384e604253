//! `ldnn reproduce fig3`: meta-learning and ensembles for both questions.

use super::claims::{Claim, Verdict, claim_table};
use super::config::{Preset, ReproduceConfig};
use super::{best, equal};
use crate::activations::{Activations, SAMPLE_RANGE, SAMPLES, grid};
use crate::folder::RunFolder;
use crate::meta::{self, MetaConfig};
use crate::progress::{Output, Progress};
use crate::stats::mean;
use crate::task::Task;
use crate::validate::ensembles;
use anyhow::{Result, ensure};
use rayon::prelude::*;
use std::fmt::Write;

/// Does all of it in `folder` and returns the report.
///
/// # Errors
/// If a setting is impossible, a file cannot be written, or the user stops it.
pub fn run(config: &ReproduceConfig, task: &Task, folder: &RunFolder, output: Output) -> Result<String> {
    ensure!(task.is_classification(), "reproduce fig3 needs a classification task; give class labels as whole numbers");
    let (authors, learned) = learn(config, task, folder, output)?;
    let equal_folder = folder.inside("equal", &config.equal)?;
    let trainings = ensembles(&config.equal, task, Some(&authors), &equal_folder, output)?;
    let equal = equal::answer(&trainings, &equal_folder)?;
    let best_folder = folder.inside("best", &config.select)?;
    let (select, train) = (&config.select, &config.equal.train);
    let best = best::answer(select, train, task, &learned, config.equal.seed, &best_folder, output)?;

    let mut claims = vec![diversity("the authors' objective", &authors)?];
    claims.extend(equal.claims);
    for (seed, activations) in &learned {
        claims.push(diversity(&format!("the held-out objective, seed {seed}"), activations)?);
    }
    claims.extend(best.claims);
    if config.preset == Preset::Smoke {
        claims.iter_mut().for_each(|c| c.verdict = Verdict::NotJudged("the smoke preset learns too little".into()));
    }
    folder.write("claims.json", serde_json::to_string_pretty(&claims)? + "\n")?;

    let mut report = String::new();
    // Writing to a string does not fail.
    let _ = writeln!(
        report,
        "1. At equal training (SGD {}, momentum {}, batch {})\n",
        train.rate, train.momentum, train.batch
    );
    let _ = writeln!(report, "{}", equal.tables);
    let _ = writeln!(report, "2. Each at its best\n\n{}\n", best.tables);
    let _ = writeln!(report, "3. The paper's claims\n\n{}\n", claim_table(&claims));
    if config.preset != Preset::Smoke {
        let _ = writeln!(report, "{}", sentence(&claims, best.summary));
    }
    let _ = writeln!(report, "\npictures:");
    for picture in pictures(config) {
        let _ = writeln!(report, "  {}", folder.file(&picture).display());
    }
    folder.write("report.txt", &report)?;
    Ok(report)
}

/// All meta-learning runs side by side: the authors' objective, and the held-out one at every outer seed.
fn learn(
    config: &ReproduceConfig,
    task: &Task,
    folder: &RunFolder,
    output: Output,
) -> Result<(Activations, Vec<(u64, Activations)>)> {
    let mut runs: Vec<(String, MetaConfig)> = vec![("meta-authors".into(), config.authors.clone())];
    runs.extend((0..config.outer_seeds).map(|i| (heldout_folder(config, i), config.heldout_run(i))));
    let progress = Progress::new(output, "meta-learning", runs.iter().map(|(_, c)| c.steps).sum());
    let learned = runs.par_iter().map(|(name, config)| {
        let folder = folder.inside(name, config)?;
        Ok((config.seed, meta::run(config, task, &folder, &progress)?))
    });
    // The longest runs differ little; one thread takes one run.
    let mut learned = learned.with_max_len(1).collect::<Result<Vec<_>>>()?;
    let (_, authors) = learned.remove(0);
    Ok((authors, learned))
}

fn heldout_folder(config: &ReproduceConfig, i: usize) -> String {
    format!("meta-heldout-{}", config.heldout_run(i).seed)
}

/// Curves with a smaller correlation are called diverse. At the start it is about 0.99.
const DIVERSE: f64 = 0.9;

/// The largest correlation of two of the learned curves; curves that only differ by offset and scale have 1.
fn diversity(of: &str, activations: &Activations) -> Result<Claim> {
    let z = grid(SAMPLES, SAMPLE_RANGE);
    let curves = activations.types.iter().map(|t| t.evaluate(&z)).collect::<Result<Vec<_>>>()?;
    let pairs = (0..curves.len()).flat_map(|a| (0..a).map(move |b| (a, b)));
    let largest = pairs.map(|(a, b)| correlation(&curves[a], &curves[b])).fold(f64::NEG_INFINITY, f64::max);
    Ok(Claim {
        claim: format!("types that start alike become diverse ({of})"),
        measured: format!("correlation of their curves on [-5, 5]: {largest:.2} (diverse: below {DIVERSE})"),
        verdict: if largest < DIVERSE { Verdict::Reproduced } else { Verdict::NotReproduced },
    })
}

fn correlation(a: &[f64], b: &[f64]) -> f64 {
    let (ma, mb) = (mean(a), mean(b));
    let product = |f: fn(f64, f64) -> f64| a.iter().zip(b).map(|(a, b)| f(a - ma, b - mb)).sum::<f64>();
    product(|a, b| a * b) / (product(|a, _| a * a) * product(|_, b| b * b)).sqrt()
}

fn sentence(claims: &[Claim], summary: Option<(f64, String, f64)>) -> String {
    let judged = |start: &str| {
        let of: Vec<_> = claims.iter().filter(|c| c.claim.starts_with(start)).collect();
        let held = of.iter().filter(|c| c.verdict == Verdict::Reproduced).count();
        (held, of.len())
    };
    let ((equal, of_equal), (best, of_best)) = (judged("at equal training"), judged("each at its best"));
    let mut text = format!(
        "At equal training the mix beats {equal} of {of_equal} others at every number of epochs compared; \
         with each at its best it beats {best} of {of_best}"
    );
    if let Some((mix, name, classical)) = summary {
        text += &format!(
            ", with a test accuracy of {mix:.1} % against {classical:.1} % for the best classical activation, {name} \
             ({:+.1} points)",
            mix - classical
        );
    }
    text + "."
}

fn pictures(config: &ReproduceConfig) -> Vec<String> {
    let mut paths = vec!["meta-authors/evolution.png".to_string()];
    paths.extend((0..config.outer_seeds).map(|i| format!("{}/evolution.png", heldout_folder(config, i))));
    paths.extend(["equal/violins.png", "equal/curves.png", "best/violins.png"].map(String::from));
    paths
}
