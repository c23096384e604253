//! Question 1, the paper's: at equal training, is the mix better than every other one?

use super::authors::{self, MARKS};
use super::claims::{Claim, Verdict, points};
use crate::folder::RunFolder;
use crate::plot;
use crate::stats::{Comparison, Summary};
use crate::train::Training;
use crate::validate::{Group, Metric, csv_of, draw, group, pair_table, table};
use anyhow::Result;

/// What question 1 brings.
pub struct Answer {
    /// Accuracies beside those of the authors' code.
    pub tables: String,
    /// One claim an opponent of the mix.
    pub claims: Vec<Claim>,
}

/// Writes pictures and CSV, and compares the mix with the others at each mark that was reached.
///
/// # Errors
/// If a file cannot be written.
pub fn answer(trainings: &[Training], folder: &RunFolder) -> Result<Answer> {
    let groups = group(trainings);
    folder.write("trainings.csv", csv_of(trainings))?;
    draw("at equal training", &groups, Metric::Accuracy, folder)?;
    let marks: Vec<usize> = (0..MARKS.len()).filter(|&m| at_mark(&groups, m).is_some()).collect();
    for &m in &marks {
        let name = format!("violins-{}", MARKS[m]);
        let title = format!("at equal training, {} epochs", MARKS[m]);
        let sample = |g: &Group| plot::Group { name: g.name.clone(), values: values_at(g, m) };
        let samples: Vec<plot::Group> = groups.iter().map(sample).collect();
        plot::save(folder, &name, &plot::violins(&title, Metric::Accuracy.label(), &samples))?;
    }
    let pairs = pair_table(&groups, "mix", Metric::Accuracy).map_or(String::new(), |t| t.to_string());
    let tables = format!(
        "{}\n\nmix against the others at the last epoch, paired by seed:\n{pairs}\n",
        mark_table(&groups, &marks)
    );
    folder.write("report.txt", &tables)?;
    Ok(Answer { tables, claims: claims(&groups, &marks) })
}

/// The number of the recorded epoch of mark `m`, if all trainings reached it.
fn at_mark(groups: &[Group], m: usize) -> Option<usize> {
    groups.first()?.epochs().iter().position(|&e| e == MARKS[m])
}

fn values_at(group: &Group, m: usize) -> Vec<f64> {
    let at = group.epochs().iter().position(|&e| e == MARKS[m]);
    at.map_or(vec![], |i| group.values(Metric::Accuracy, i))
}

fn mark_table(groups: &[Group], marks: &[usize]) -> String {
    let mut head = vec!["activation".to_string(), "n".into()];
    head.extend(marks.iter().map(|&m| format!("{} epochs", MARKS[m])));
    head.extend(marks.iter().map(|&m| format!("authors' code, {}", MARKS[m])));
    let mut table = table(&head.iter().map(String::as_str).collect::<Vec<_>>());
    for g in groups {
        let mut row = vec![g.name.clone(), g.trainings.len().to_string()];
        row.extend(marks.iter().map(|&m| {
            let s = Summary::of(&values_at(g, m));
            format!("{:.1} ± {:.1}", s.mean, s.half_width)
        }));
        row.extend(marks.iter().map(|&m| authors::accuracy(&g.name, m).map_or(String::new(), |a| format!("{a:.1}"))));
        table.add_row(row);
    }
    format!("test accuracy in %, mean ± half of the 95 % interval:\n{table}")
}

fn claims(groups: &[Group], marks: &[usize]) -> Vec<Claim> {
    let Some(mix) = groups.iter().find(|g| g.name == "mix") else { return vec![] };
    let others = groups.iter().filter(|g| g.name != "mix");
    others.map(|other| claim(mix, other, marks)).collect()
}

fn claim(mix: &Group, other: &Group, marks: &[usize]) -> Claim {
    let found: Vec<(usize, Comparison)> =
        marks.iter().map(|&m| (MARKS[m], Comparison::paired(&values_at(mix, m), &values_at(other, m)))).collect();
    let measured: Vec<String> =
        found.iter().map(|(e, c)| format!("{} at {e} epochs", points(c.difference, c.half_width))).collect();
    let held: Vec<usize> = found.iter().filter(|(_, c)| c.is_above(0.0)).map(|(e, _)| *e).collect();
    Claim {
        claim: format!("at equal training, mix beats {}", other.name),
        measured: measured.join("; "),
        verdict: match held.len() {
            _ if found.is_empty() => Verdict::NotJudged("too few epochs".into()),
            0 => Verdict::NotReproduced,
            n if n == found.len() => Verdict::Reproduced,
            _ => Verdict::Partly(format!("at {} epochs only", list(&held))),
        },
    }
}

fn list(numbers: &[usize]) -> String {
    numbers.iter().map(usize::to_string).collect::<Vec<_>>().join(" and ")
}
