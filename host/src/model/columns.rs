//! The columns of a table as a model takes them: its inputs by name, and its targets.

use super::trained::Model;
use crate::data::table::{Column, Table, listed};
use crate::data::tabular::Tabular;
use crate::data::target::Purpose;
use crate::data::task::{ExampleTargets, Examples};
use crate::data::{Standard, Targets};
use anyhow::Result;
use std::collections::HashMap;

impl Model {
    /// The rows of a table that holds the targets, as the network takes them. Where the classes
    /// have names, numbers of classes will do: arrays hold numbers.
    ///
    /// # Errors
    /// If a column is missing, or a class is not known.
    pub fn set_of(&self, mut table: Table) -> Result<Examples> {
        if let Purpose::Classification { column, classes } = &self.purpose
            && classes.iter().all(|name| name.parse::<f64>().is_err())
            && let Some(at) = table.names.iter().position(|name| name == column)
        {
            let named = |i: &String| {
                i.parse::<usize>()
                    .ok()
                    .and_then(|i| classes.get(i).cloned())
            };

            let all: Option<Vec<String>> = table.columns[at]
                .clone()
                .into_text()
                .iter()
                .map(named)
                .collect();

            if let Some(all) = all {
                table.columns[at] = Column::Text(all);
            }
        }

        let x = self.inputs_of(&table)?;
        let width = self.inputs.len();

        let x = x
            .iter()
            .enumerate()
            .map(|(i, &x)| self.inputs[i % width].input(x))
            .collect();

        let target = match self.target_of(table)? {
            Targets::Classes { labels, .. } => ExampleTargets::Classes(labels),
            Targets::Values { values, .. } => {
                ExampleTargets::Values(values.iter().map(|&y| y as f32).collect())
            }
        };

        Ok(Examples::new(x, target, width))
    }

    /// The targets of a table: classes by number, or standardised values.
    pub(super) fn target_of(&self, table: Table) -> Result<Targets> {
        let classify = matches!(self.purpose, Purpose::Classification { .. });
        let data = Tabular::new(table, &self.targets(), Some(classify))?;
        let rows: Vec<u32> = (0..data.rows() as u32).collect();
        let scale = vec![Standard::PLAIN; data.features.len()];
        Ok(data.rows_of(&rows, &self.purpose, &scale)?.1)
    }

    /// Where the model's inputs are among the columns of a table; other columns do not matter. In a
    /// file without names (`named` says whether it has some) the inputs are in order.
    ///
    /// # Errors
    /// If a column is missing.
    pub fn places(&self, names: &[String], named: bool) -> Result<Vec<usize>> {
        let by_name: HashMap<&String, usize> = names
            .iter()
            .enumerate()
            .map(|(i, name)| (name, i))
            .collect();

        let missing = match self
            .features
            .iter()
            .find(|name| !by_name.contains_key(name))
        {
            None => {
                return Ok(self
                    .features
                    .iter()
                    .filter_map(|name| by_name.get(name).copied())
                    .collect());
            }
            Some(missing) => missing,
        };

        let targets = self.targets();
        let others: Vec<usize> = (0..names.len())
            .filter(|&i| !targets.contains(&names[i]))
            .collect();

        if !named && others.len() == self.features.len() {
            return Ok(others);
        }

        let there = if named {
            listed(names)
        } else {
            format!(
                "{} columns without names (if its first line has the names, add `header`)",
                names.len()
            )
        };

        anyhow::bail!(
            "the model needs a column '{missing}' (it has {} inputs); the table has {there}",
            self.features.len()
        )
    }

    /// The inputs of a table in the model's order, row-major.
    ///
    /// # Errors
    /// As [`Self::places`]; if one holds text.
    pub fn inputs_of(&self, table: &Table) -> Result<Vec<f64>> {
        let mut columns = vec![];

        for (i, name) in self
            .places(&table.names, table.named)?
            .into_iter()
            .zip(&self.features)
        {
            let Column::Numbers(values) = &table.columns[i] else {
                anyhow::bail!("column '{name}' holds text")
            };
            columns.push(values);
        }

        Ok((0..table.rows())
            .flat_map(|row| columns.iter().map(move |c| c[row]))
            .collect())
    }
}
