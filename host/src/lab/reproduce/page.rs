//! The report: all parts with their claims, as a page and as text.

use super::config::{Preset, ReproduceConfig};
use crate::report::{Page, Part, Section, Verdict, claim_table};
use std::path::Path;

/// The page, with how many claims were reproduced at its top.
pub fn page(study: &ReproduceConfig, parts: Vec<Part>) -> Page {
    let preset = toml_name(study.preset);

    let count = |f: fn(&Verdict) -> bool| {
        parts
            .iter()
            .flat_map(|p| &p.section.claims)
            .filter(|c| f(&c.verdict))
            .count()
    };

    let total = count(|_| true);

    let summary = format!(
        "Of {total} claims about learned-diversity neural networks: {} reproduced, {} in part, {} not, {} undecided or not judged \
         at this preset.",
        count(|v| *v == Verdict::Reproduced),
        count(|v| matches!(v, Verdict::Partly(_))),
        count(|v| *v == Verdict::NotReproduced),
        count(|v| matches!(v, Verdict::Undecided | Verdict::NotJudged(_))),
    );

    let seeds: Vec<String> = study
        .stages
        .iter()
        .map(|l| format!("{}: {} from {}", l.name, l.seeds, l.meta.seed))
        .collect();

    let paper = "The paper: Choudhary, Radhakrishnan, Lindner, Sinha, Ditto, Neural networks embrace learned diversity, \
                 arXiv 2204.04348 (2022). Figure numbers are the paper's.";

    Page {
        title: "Neural networks embrace learned diversity: a reproduction".into(),
        summary: vec![summary, paper.into()],
        facts: vec![
            ("preset".into(), preset),
            (
                "version".into(),
                format!("ldnn {}", env!("CARGO_PKG_VERSION")),
            ),
            (
                "outer seeds (meta-learning runs) by stage".into(),
                seeds.join("; "),
            ),
        ],
        parts,
    }
}

fn toml_name(preset: Preset) -> String {
    format!("{preset:?}").to_lowercase()
}

/// The report as text; `html` is the way to the same in pictures.
pub fn text(page: &Page, html: &Path) -> String {
    let mut text = format!("{}\n\n{}\n", page.title, page.summary.join("\n\n"));

    for part in &page.parts {
        let without_claims = Section {
            claims: vec![],
            pictures: vec![],
            ..part.section.clone()
        };
        text += &format!("\n\n{}", without_claims.to_file_text());
    }

    text += &format!(
        "\n\nClaims (95 % intervals, p corrected for their number (Benjamini and Hochberg)):\n{}\n",
        claim_table(&page.claims()).to_text()
    );
    text += &format!("\n{}\n\nreport: {}\n", page.summary[0], html.display());

    text
}
