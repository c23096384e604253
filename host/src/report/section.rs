//! What an experiment brings: text, tables, pictures, claims; for the terminal, for Markdown and
//! for the HTML report.

use super::claim::{Claim, judge};
use crate::report::plot::{self, Drawing};
use crate::run::{RunFolder, all};
use crate::support::text::csv_lines;
use anyhow::Result;
use comfy_table::presets;
use serde::{Deserialize, Serialize};

/// The file of a section in its run folder.
pub const SECTION: &str = "section.json";

/// The result of one experiment.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Section {
    /// The heading.
    pub title: String,
    /// What was done and what came out, a paragraph each.
    pub text: Vec<String>,
    /// The figures in numbers.
    pub tables: Vec<ReportTable>,
    /// The pictures, as files of the section's folder.
    pub pictures: Vec<Picture>,
    /// The claims.
    pub claims: Vec<Claim>,
}

/// A section as its file holds it: with what it is, and the version of the program that wrote it.
#[derive(Serialize)]
struct Saved<'a> {
    kind: &'static str,
    version: &'static str,
    #[serde(flatten)]
    section: &'a Section,
}

/// A table.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ReportTable {
    /// What it shows.
    pub caption: String,
    /// The names of the columns.
    pub head: Vec<String>,
    /// The rows.
    pub rows: Vec<Vec<String>>,
}

/// A picture.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Picture {
    /// The path in the section's folder, without `.svg` or `.png`.
    pub file: String,
    /// What it shows.
    pub caption: String,
}

impl ReportTable {
    /// An empty table.
    #[must_use]
    pub fn new(caption: impl Into<String>, head: &[&str]) -> ReportTable {
        ReportTable {
            caption: caption.into(),
            head: head.iter().map(ToString::to_string).collect(),
            rows: vec![],
        }
    }

    /// Adds a row.
    pub fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// For a page of Markdown, where a bar in a cell would end it.
    #[must_use]
    pub fn to_markdown(&self) -> String {
        let escaped =
            |cells: &Vec<String>| cells.iter().map(|cell| cell.replace('|', "\\|")).collect();
        let rows = self.rows.iter().map(escaped).collect();

        let table = ReportTable {
            caption: String::new(),
            head: escaped(&self.head),
            rows,
        };
        table.to_text()
    }

    /// With lines of text, for a terminal.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut table = comfy_table::Table::new();
        table
            .load_style(presets::ASCII_MARKDOWN)
            .set_header(&self.head);

        for row in &self.rows {
            table.add_row(row);
        }

        table.to_string()
    }

    /// As a CSV file.
    #[must_use]
    pub fn to_csv(&self) -> String {
        csv_lines(
            std::iter::once(&self.head)
                .chain(&self.rows)
                .map(Vec::as_slice),
        )
    }
}

impl Section {
    /// With a heading only.
    #[must_use]
    pub fn new(title: impl Into<String>) -> Section {
        Section {
            title: title.into(),
            ..Section::default()
        }
    }

    /// Adds a picture, written as SVG and PNG.
    ///
    /// # Errors
    /// If the folder cannot be written to.
    pub fn draw(
        &mut self,
        folder: &RunFolder,
        file: &str,
        drawing: &Drawing,
        caption: &str,
    ) -> Result<()> {
        plot::save(folder, file, drawing)?;
        self.pictures.push(Picture {
            file: file.into(),
            caption: caption.into(),
        });
        Ok(())
    }

    /// Adds a table, written as CSV too.
    ///
    /// # Errors
    /// If the folder cannot be written to.
    pub fn tabulate(&mut self, folder: &RunFolder, file: &str, table: ReportTable) -> Result<()> {
        folder.write(&format!("{file}.csv"), table.to_csv())?;
        self.tables.push(table);
        Ok(())
    }

    /// Takes another section's contents over; its pictures are in the folder `inside`.
    pub fn absorb(&mut self, other: Section, inside: &str) {
        self.text.extend(other.text);
        self.tables.extend(other.tables);
        let moved = |p: Picture| Picture {
            file: format!("{inside}/{}", p.file),
            ..p
        };

        self.pictures.extend(other.pictures.into_iter().map(moved));
        self.claims.extend(other.claims);
    }

    /// Takes two sections over, each with its folder; if one is incomplete, the other has been
    /// worked for all the same.
    ///
    /// # Errors
    /// The first of theirs that is not [`crate::run::Incomplete`], or both of those together.
    pub fn absorb_both(
        &mut self,
        first: Result<Section>,
        second: Result<Section>,
        inside: [&str; 2],
    ) -> Result<()> {
        for (section, inside) in all([first, second])?.into_iter().zip(inside) {
            self.absorb(section, inside);
        }
        Ok(())
    }

    /// Writes `section.json` and `report.txt`, its claims judged by themselves.
    ///
    /// # Errors
    /// If the folder cannot be written to.
    pub fn save(&self, folder: &RunFolder) -> Result<()> {
        let mut own = self.clone();
        judge(&mut own.claims);

        let saved = Saved {
            kind: "section",
            version: env!("CARGO_PKG_VERSION"),
            section: &own,
        };

        folder.write(SECTION, serde_json::to_string_pretty(&saved)? + "\n")?;
        folder.write("report.txt", own.to_file_text())
    }

    /// For a terminal: the paths of pictures lead through the run folder.
    #[must_use]
    pub fn to_text(&self, folder: &RunFolder) -> String {
        self.text_with(|file| folder.file(file).display().to_string())
    }

    /// For a file of the run folder: the paths of pictures are relative to it, so that the same
    /// results are the same bytes wherever the folder is.
    #[must_use]
    pub fn to_file_text(&self) -> String {
        self.text_with(ToString::to_string)
    }

    fn text_with(&self, path: impl Fn(&str) -> String) -> String {
        let mut text = format!(
            "{}\n{}\n",
            self.title,
            "=".repeat(self.title.chars().count())
        );

        for paragraph in &self.text {
            text += &format!("\n{paragraph}\n");
        }

        for table in &self.tables {
            text += &format!("\n{}:\n{}\n", table.caption, table.to_text());
        }

        if !self.claims.is_empty() {
            text += &format!(
                "\nClaims (95 % intervals, p corrected for their number (Benjamini and Hochberg)):\n{}\n",
                claim_table(&self.claims).to_text()
            );
        }

        if !self.pictures.is_empty() {
            text += "\nPictures:\n";
            for p in &self.pictures {
                text += &format!("  {} ({})\n", path(&format!("{}.png", p.file)), p.caption);
            }
        }

        text
    }
}

/// All claims as a table.
#[must_use]
pub fn claim_table(claims: &[Claim]) -> ReportTable {
    let mut table = ReportTable::new("claims", &["claim", "measured", "verdict"]);
    for c in claims {
        table.row([
            c.claim.clone(),
            c.measured().join("; "),
            c.verdict.to_string(),
        ]);
    }

    table
}
