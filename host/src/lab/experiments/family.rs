//! Clusters of learned activations, drawn as a family portrait (what the paper leaves for the
//! future).
//!
//! A network does not care whether a neuron's function is shifted up, stretched, turned over or
//! mirrored: the weights around it can undo each of these. So curves are centred and scaled before
//! they are compared, and compared in all four ways of turning them.

use crate::model::activations::{SAMPLE_RANGE, SAMPLES, grid};
use crate::report::plot::{self, Band, Labels, Spread};
use crate::report::stats::mean;
use crate::report::{ReportTable, Section};
use crate::run::RunFolder;
use crate::support::text::csv_lines;
use crate::train::SeededActivations;
use anyhow::{Result, ensure};
use kodama::{Method, linkage};

/// A learned curve.
struct Member {
    name: String,
    group: String,
    /// Centred, of length 1.
    curve: Vec<f64>,
}

/// The largest number of clusters that is tried.
const MOST: usize = 8;

/// Clusters the types of all groups (a name, and what was learned under it): average linkage over
/// `1 - |correlation|`, the number of clusters with the best mean silhouette.
///
/// # Errors
/// If there are fewer than three types, a type is malformed, or a file cannot be written.
pub fn run(groups: &[(String, Vec<SeededActivations>)], folder: &RunFolder) -> Result<Section> {
    let members = members(groups)?;
    let n = members.len();

    ensure!(
        n >= 3,
        "clusters need at least 3 learned types; there are {n}: give more runs with `activations`"
    );

    let distance = |a: usize, b: usize| 1.0 - similarity(&members[a].curve, &members[b].curve).0;
    let mut condensed: Vec<f64> = (0..n)
        .flat_map(|a| (a + 1..n).map(move |b| (a, b)))
        .map(|(a, b)| distance(a, b))
        .collect();
    let tree = linkage(&mut condensed, n, Method::Average);
    let best = (2..=MOST.min(n - 1))
        .map(|k| cut(&tree, n, k))
        .map(|c| (silhouette(&c, n, &distance), c));
    let (score, clusters) = best
        .reduce(|a, b| if b.0 > a.0 { b } else { a })
        .unwrap_or((0.0, vec![0; n]));

    let mut section = Section::new("A family portrait of learned activations");
    let count = clusters.iter().max().map_or(0, |c| c + 1);

    section.text.push(format!(
        "{n} types from {} runs fall into {count} clusters (mean silhouette {score:.2}; 1 is well apart, 0 is arbitrary). \
         Curves on [-5, 5] are centred and scaled, and turned over or mirrored to fit the middle one of their cluster.",
        groups.iter().map(|g| g.1.len()).sum::<usize>()
    ));

    let mut table = ReportTable::new(
        "clusters",
        &[
            "cluster",
            "types",
            "from",
            "mean correlation with the middle one",
            "odd part",
        ],
    );

    let head = ["cluster", "name", "group", "input", "activation"].map(String::from);
    let mut curves = vec![head];

    for c in 0..count {
        let own: Vec<usize> = (0..n).filter(|&i| clusters[i] == c).collect();
        let sum = |i: usize| own.iter().map(|&j| distance(i, j)).sum::<f64>();

        let Some(middle) = own
            .iter()
            .copied()
            .min_by(|&a, &b| sum(a).total_cmp(&sum(b)))
        else {
            continue;
        };

        let z = grid(SAMPLES, SAMPLE_RANGE);
        let mut lines = Vec::new();

        for &i in std::iter::once(&middle).chain(own.iter().filter(|&&i| i != middle)) {
            let turned = turn(
                &members[i].curve,
                similarity(&members[middle].curve, &members[i].curve).1,
            );
            let Member { name, group, .. } = &members[i];

            let record = |(z, y): (&f64, &f64)| {
                [
                    (c + 1).to_string(),
                    name.clone(),
                    group.clone(),
                    z.to_string(),
                    y.to_string(),
                ]
            };

            curves.extend(z.iter().zip(&turned).map(record));

            if lines.len() < 7 {
                lines.push(Band::line(&members[i].name, z.clone(), turned));
            }
        }

        let title = format!("cluster {}: {} of {n} types", c + 1, own.len());

        let labels = Labels {
            title: &title,
            x: "input",
            y: "activation, centred and scaled",
        };

        let drawing = plot::scaled_curves(labels, (Spread::Linear, Spread::Linear), &lines);
        let caption = format!(
            "Cluster {}: its middle type first, and up to six others",
            c + 1
        );

        section.draw(folder, &format!("cluster-{}", c + 1), &drawing, &caption)?;

        let fit = mean(
            &own.iter()
                .map(|&i| 1.0 - distance(middle, i))
                .collect::<Vec<_>>(),
        );

        table.row([
            (c + 1).to_string(),
            own.len().to_string(),
            from(&own, &members),
            format!("{fit:.2}"),
            format!("{:.2}", odd_share(&members[middle].curve)),
        ]);
    }

    folder.write(
        "family.csv",
        csv_lines(curves.iter().map(<[String; 5]>::as_slice)),
    )?;
    section.tabulate(folder, "clusters", table)?;
    section.save(folder)?;

    Ok(section)
}

fn members(groups: &[(String, Vec<SeededActivations>)]) -> Result<Vec<Member>> {
    let z = grid(SAMPLES, SAMPLE_RANGE);
    let mut members = Vec::new();

    for (group, learned) in groups {
        for (seed, activations) in learned {
            for (t, learned_type) in activations.types.iter().enumerate() {
                let name = format!("{group} {seed} type {}", t + 1);
                let y = learned_type.evaluate(&z)?;
                let centre = mean(&y);
                let length = y.iter().map(|v| (v - centre).powi(2)).sum::<f64>().sqrt();

                ensure!(
                    length > 0.0,
                    "{name} is constant, which no cluster can hold"
                );

                let curve = y.iter().map(|v| (v - centre) / length).collect();

                members.push(Member {
                    name,
                    group: group.clone(),
                    curve,
                });
            }
        }
    }

    Ok(members)
}

/// Turned over (sign), mirrored (order), or both.
type Turn = (f64, bool);

fn turn(curve: &[f64], (sign, mirrored): Turn) -> Vec<f64> {
    let n = curve.len();
    (0..n)
        .map(|i| sign * curve[if mirrored { n - 1 - i } else { i }])
        .collect()
}

/// The largest correlation of `b`, turned in any way, with `a`; and that turn.
fn similarity(a: &[f64], b: &[f64]) -> (f64, Turn) {
    let turns = [(1.0, false), (-1.0, false), (1.0, true), (-1.0, true)];
    let with = |t: Turn| (a.iter().zip(turn(b, t)).map(|(a, b)| a * b).sum::<f64>(), t);

    turns
        .into_iter()
        .map(with)
        .fold((f64::NEG_INFINITY, turns[0]), |best, next| {
            if next.0 > best.0 { next } else { best }
        })
}

/// The share of a curve's variation that is odd about 0.
fn odd_share(curve: &[f64]) -> f64 {
    let mirrored = turn(curve, (1.0, true));
    curve
        .iter()
        .zip(&mirrored)
        .map(|(a, b)| ((a - b) / 2.0).powi(2))
        .sum()
}

/// The cluster of each of `n` members when the tree is cut into `k`, numbered by first member.
fn cut(tree: &kodama::Dendrogram<f64>, n: usize, k: usize) -> Vec<usize> {
    let mut parent: Vec<usize> = (0..2 * n).collect();

    for (i, step) in tree.steps().iter().take(n - k).enumerate() {
        parent[step.cluster1] = n + i;
        parent[step.cluster2] = n + i;
    }

    let root = |mut i: usize| {
        while parent[i] != i {
            i = parent[i];
        }
        i
    };

    let mut seen = Vec::new();

    let number = |i: usize| {
        let r = root(i);
        seen.iter().position(|s| *s == r).unwrap_or_else(|| {
            seen.push(r);
            seen.len() - 1
        })
    };

    (0..n).map(number).collect()
}

/// The mean silhouette (Rousseeuw 1987); members alone in their cluster count 0.
fn silhouette(clusters: &[usize], n: usize, distance: &impl Fn(usize, usize) -> f64) -> f64 {
    let to = |i: usize, c: usize| {
        let others: Vec<f64> = (0..n)
            .filter(|&j| j != i && clusters[j] == c)
            .map(|j| distance(i, j))
            .collect();
        (!others.is_empty()).then(|| mean(&others))
    };

    let count = clusters.iter().max().map_or(0, |c| c + 1);

    let one = |i: usize| {
        let own = to(i, clusters[i])?;
        let other = (0..count)
            .filter(|&c| c != clusters[i])
            .filter_map(|c| to(i, c))
            .fold(f64::INFINITY, f64::min);
        Some((other - own) / own.max(other).max(f64::MIN_POSITIVE))
    };

    mean(&(0..n).map(|i| one(i).unwrap_or(0.0)).collect::<Vec<_>>())
}

fn from(own: &[usize], members: &[Member]) -> String {
    let mut counts: Vec<(&str, usize)> = Vec::new();

    for &i in own {
        let group = members[i].group.as_str();
        match counts.iter_mut().find(|(g, _)| *g == group) {
            Some((_, n)) => *n += 1,
            None => counts.push((group, 1)),
        }
    }

    counts
        .iter()
        .map(|(g, n)| format!("{g} ({n})"))
        .collect::<Vec<_>>()
        .join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::activations::{LearnedActivations, LearnedType as Type};

    fn run_of(f: impl Fn(f64) -> f64) -> SeededActivations {
        let y = grid(SAMPLES, SAMPLE_RANGE)
            .into_iter()
            .map(|z| f(z) as f32)
            .collect();
        let types = vec![Type::Samples { range: 5.0, y }];

        (
            1,
            LearnedActivations {
                version: 1,
                provenance: String::new(),
                layers: 1,
                types,
            },
        )
    }

    #[test]
    fn bumps_and_steps_fall_into_two_clusters_however_they_are_turned() {
        let steps = vec![
            run_of(|z| z.tanh()),
            run_of(|z| 3.0 - 2.0 * (1.1 * z).tanh()),
            run_of(|z| (0.9 * z).tanh()),
        ];

        let bumps = vec![
            run_of(|z| (-z * z).exp()),
            run_of(|z| -5.0 * (-0.9 * z * z).exp()),
            run_of(|z| (-1.1 * z * z).exp()),
        ];

        let dir = tempfile::tempdir().unwrap();
        let settings = crate::config::StoredConfig::new(
            "cluster",
            &std::collections::BTreeMap::from([("a", 1)]),
        )
        .unwrap();
        let folder = RunFolder::open(&dir.path().join("f"), &settings, false).unwrap();
        let section = run(&[("steps".into(), steps), ("bumps".into(), bumps)], &folder).unwrap();

        assert!(
            section.text[0].contains("6 types from 6 runs fall into 2 clusters"),
            "{}",
            section.text[0]
        );

        let rows = &section.tables[0].rows;
        assert_eq!(
            (rows[0][2].as_str(), rows[1][2].as_str()),
            ("steps (3)", "bumps (3)")
        );

        assert_eq!(
            (rows[0][4].as_str(), rows[1][4].as_str()),
            ("1.00", "0.00"),
            "odd and even"
        );
    }
}
