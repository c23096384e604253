//! All sections of a run as one page that needs nothing else: `report.html`, and the same in short
//! as `report.md`.

use super::claim::Claim;
use super::section::{Section, claim_table};
use crate::run::RunFolder;
use crate::support::regular::{self, Most};
use anyhow::{Context, Result};
use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, Value, context};

/// The file of a page in its run folder.
pub const REPORT: &str = "report.html";

const TEMPLATE: &str = include_str!("../../assets/report.html");

/// A section with its folder inside the run folder.
pub struct Part {
    /// The folder's name; empty for the run folder itself.
    pub folder: String,
    /// What is in it.
    pub section: Section,
    /// Its settings, as TOML.
    pub settings: String,
}

/// The whole report.
pub struct Page {
    /// The heading.
    pub title: String,
    /// What the reader should know first.
    pub summary: Vec<String>,
    /// Names and values: preset, seeds, version. Nothing that differs between machines or runs.
    pub facts: Vec<(String, String)>,
    /// The sections.
    pub parts: Vec<Part>,
}

impl Page {
    /// Every claim, section by section.
    #[must_use]
    pub fn claims(&self) -> Vec<Claim> {
        self.parts
            .iter()
            .flat_map(|p| p.section.claims.clone())
            .collect()
    }

    /// Writes `report.html` and `report.md` into `folder`, which holds the parts' folders.
    ///
    /// # Errors
    /// If a picture is not there or a file cannot be written.
    pub fn save(&self, folder: &RunFolder) -> Result<()> {
        if !folder.mode().has_results() {
            return Ok(());
        }
        folder.write(REPORT, self.to_html(folder)?)?;
        folder.write("report.md", self.to_markdown())
    }

    fn to_html(&self, folder: &RunFolder) -> Result<String> {
        let mut environment = Environment::new();
        // Whatever the name of the template: everything but our own pictures is escaped.
        environment.set_auto_escape_callback(|_| AutoEscape::Html);
        environment
            .add_template("report", TEMPLATE)
            .context("the report's template is broken")?;

        let parts = self
            .parts
            .iter()
            .map(|p| part(p, folder))
            .collect::<Result<Vec<_>>>()?;

        let page = context! {
            title => self.title.as_str(),
            summary => Value::from(Serde(&self.summary)),
            facts => Value::from(Serde(&self.facts)),
            claims => rows_of(&self.claims()),
            parts => parts,
        };

        environment
            .get_template("report")?
            .render(page)
            .context("the report cannot be written")
    }

    fn to_markdown(&self) -> String {
        let mut text = format!("# {}\n", self.title);

        for paragraph in &self.summary {
            text += &format!("\n{paragraph}\n");
        }

        text += "\n## Claims\n\n95 % intervals; p-values corrected for their number (Benjamini and Hochberg).\n\n";
        text += &claim_table(&self.claims()).to_markdown();
        text += "\n\n## Settings\n\n";

        for (name, value) in &self.facts {
            text += &format!("* {name}: {value}\n");
        }

        for part in &self.parts {
            text += &format!("\n## {}\n", part.section.title);

            for paragraph in &part.section.text {
                text += &format!("\n{paragraph}\n");
            }

            for table in &part.section.tables {
                text += &format!("\n{}:\n\n{}\n", table.caption, table.to_markdown());
            }

            for p in &part.section.pictures {
                text += &format!(
                    "\n![{}]({})\n",
                    p.caption.replace(['[', ']'], ""),
                    path(&part.folder, &p.file, "png")
                );
            }
        }

        text
    }
}

/// From the page to a picture of a part in `folder`; without the detours of `.` and `..`.
fn path(folder: &str, file: &str, ending: &str) -> String {
    let mut way: Vec<&str> = vec![];

    for step in folder
        .split('/')
        .chain(file.split('/'))
        .filter(|s| !s.is_empty() && *s != ".")
    {
        match step {
            ".." if way.last().is_some_and(|s| *s != "..") => drop(way.pop()),
            step => way.push(step),
        }
    }

    format!("{}.{ending}", way.join("/"))
}

fn part(part: &Part, folder: &RunFolder) -> Result<Value> {
    let picture = |p: &super::Picture| {
        let file = path(&part.folder, &p.file, "svg");
        let svg = regular::read_to_string(&folder.file(&file), Most::Text)
            .with_context(|| format!("the picture '{file}' is missing"))?;
        Ok(
            context! { svg => Value::from_safe_string(svg), caption => p.caption.as_str(), file => file },
        )
    };

    let pictures = part
        .section
        .pictures
        .iter()
        .map(picture)
        .collect::<Result<Vec<_>>>()?;

    let section = &part.section;

    Ok(context! {
        title => section.title.as_str(),
        text => Value::from(Serde(&section.text)),
        tables => Value::from(Serde(&section.tables)),
        pictures => pictures,
        settings => part.settings.as_str(),
    })
}

/// Claims for the template: sentence, measures, verdict, and its kind for the colour.
fn rows_of(claims: &[Claim]) -> Vec<Value> {
    use super::Verdict::{NotJudged, NotReproduced, Partly, Reproduced, Undecided};

    let kind = |c: &Claim| match c.verdict {
        Reproduced => "yes",
        Partly(_) => "partly",
        NotReproduced => "no",
        Undecided | NotJudged(_) => "open",
    };

    let row = |c: &Claim| {
        context! { claim => c.claim.as_str(), measured => c.measured(), verdict => c.verdict.to_string(), kind => kind(c) }
    };

    claims.iter().map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::path;

    #[test]
    fn paths_have_no_detours() {
        assert_eq!(
            path("fig3", "../learned/sine-101/evolution", "svg"),
            "learned/sine-101/evolution.svg"
        );
        assert_eq!(path("fig5", "./orbit", "png"), "fig5/orbit.png");
        assert_eq!(path("", "curves", "svg"), "curves.svg");
        assert_eq!(path("", "../a", "svg"), "../a.svg");
    }
}
