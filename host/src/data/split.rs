//! Which rows are learned from, which decide when to stop, which test: in shares of every class, or
//! with groups kept whole.

use super::Dataset;
use super::Standard;
use super::extremes::{Extremes, extreme_test_values, extreme_values};
use super::table::listed;
use super::tabular::Tabular;
use super::target::{Purpose, RawTarget};
use super::task::{Examples, Task};
use crate::support::draws::{DrawnFor, draws};
use anyhow::{Result, ensure};
use std::collections::BTreeMap;

/// A table before its rows are divided: with their groups, and the table that they are tested on, if
/// there is one.
#[derive(Clone, Debug)]
pub struct UndividedTable {
    /// What the rows are called in reports.
    pub name: String,
    /// The rows.
    pub data: Tabular,
    /// A group of each row; rows of one group stay together.
    pub groups: Option<Vec<String>>,
    /// Rows of another table, for testing.
    pub test: Option<Tabular>,
}

/// One division of a table: a data set of training and test rows, with what the table said about it.
#[derive(Clone, Debug)]
pub struct Split {
    /// Standardised rows.
    pub data: Dataset,
    /// What is predicted.
    pub purpose: Purpose,
    /// The names of the inputs.
    pub features: Vec<String>,
    /// Their standardisation.
    pub inputs: Vec<Standard>,
    /// Sets of training rows, by their places among these, that are held out one after the other
    /// while the others are learned from: they choose settings.
    pub validation: Vec<Vec<u32>>,
    /// The columns with extreme values among the training rows.
    pub extremes: Vec<Extremes>,
    /// The columns with test rows that are extreme beside the training rows.
    pub test_extremes: Vec<Extremes>,
    /// See [`Tabular::doubt`].
    pub doubt: Option<String>,
    /// The share of the rows that is kept for testing; none if the test rows were not drawn.
    pub test_share: Option<f64>,
}

impl Split {
    /// The training rows to learn from, and those that choose, for each set that is held out.
    ///
    /// # Errors
    /// If one of the two would be empty.
    pub fn rest_and_validation(&self, task: &Task) -> Result<Vec<(Examples, Examples)>> {
        let rows = task.train.rows() as u32;
        check_validation(rows as usize, &self.validation, &self.purpose)?;

        let without = |held_out: &Vec<u32>| {
            let rest: Vec<u32> = (0..rows)
                .filter(|i| held_out.binary_search(i).is_err())
                .collect();
            (task.train.pick(&rest), task.train.pick(held_out))
        };

        Ok(self.validation.iter().map(without).collect())
    }

    /// What to mind about the rows to learn from, a sentence each.
    #[must_use]
    pub fn notes(&self) -> Vec<String> {
        let rows = self.data.x.len() / self.data.features;
        let test = self.data.x_test.len() / self.data.features;

        let doubt = self
            .doubt
            .as_ref()
            .map(|doubt| format!("{doubt} (`classification` or `regression` says which it is)."));

        let notes = [
            doubt,
            self.few_rows_note(),
            extreme_values(&self.extremes, rows),
            extreme_test_values(&self.test_extremes, test),
        ];
        notes.into_iter().flatten().collect()
    }

    /// A sentence if more rows were drawn for testing than are left to learn from.
    fn few_rows_note(&self) -> Option<String> {
        let share = self.test_share?;
        let rows = self.data.x.len() / self.data.features;
        let test = self.data.x_test.len() / self.data.features;

        (rows < test).then(|| {
            format!(
                "Only {rows} of the {} rows are left to learn from: {test} are kept for testing (`test_share` {share}).",
                rows + test
            )
        })
    }
}

/// Whether each set that is held out has rows, and leaves others.
fn check_validation(rows: usize, validation: &[Vec<u32>], purpose: &Purpose) -> Result<()> {
    let is_part = |held_out: &Vec<u32>| !held_out.is_empty() && held_out.len() < rows;

    ensure!(
        !validation.is_empty() && validation.iter().all(is_part),
        too_few(rows, purpose)
    );
    Ok(())
}

/// What is lacking where the training rows cannot be divided.
fn too_few(rows: usize, purpose: &Purpose) -> String {
    let Purpose::Classification { column, classes } = purpose else {
        return format!(
            "{rows} training rows cannot be divided into rows to learn from and rows that choose settings; give \
             more rows"
        );
    };

    let are_numbers = classes.iter().all(|name| name.parse::<f64>().is_ok());
    let or_regression = match are_numbers {
        true => format!("; if '{column}' is a number, not classes, add `regression`"),
        false => String::new(),
    };

    format!(
        "there is one training row only of each class of '{column}'; a class needs one to learn from and another that \
         chooses settings, beside those for testing: give each class one more row{or_regression}"
    )
}

/// Fewer rows than this cannot be divided into rows to learn from and rows that choose.
pub const LEAST_ROWS: usize = 10;

/// A share that leaves enough rows to learn from in most tables.
const USUAL_TEST_SHARE: f64 = 0.2;

/// The share of the training rows that is held out where there are enough of them.
const VALIDATION: f64 = 0.2;
/// With fewer training rows than this a fifth of them says little: each is held out once then.
const MANY_ROWS: usize = 1000;
/// In so many sets.
const FOLDS: usize = 3;

impl UndividedTable {
    /// One division: the rows of the test table, or a share of all rows, for testing.
    ///
    /// # Errors
    /// If a part would be empty, too few rows are left to learn from, a class is too small, or the
    /// test table does not fit.
    pub fn divide(&self, test_share: f64, seed: u64) -> Result<Split> {
        match &self.test {
            Some(test) => {
                ensure!(
                    test.features == self.data.features,
                    "`test`: its inputs are {}, those of the training table {}",
                    listed(&test.features),
                    listed(&self.data.features)
                );

                let all = (0..test.rows() as u32).collect::<Vec<_>>();
                self.parts(&self.every(), (test, &all), seed)
            }
            None => {
                let (train, test) = self.data.split(test_share, self.groups.as_deref(), seed)?;
                self.check_share(test_share, train.len())?;
                let parts = self.parts(&train, (&self.data, &test), seed)?;

                Ok(Split {
                    test_share: Some(test_share),
                    ..parts
                })
            }
        }
    }

    /// `count` divisions: every row is in the test part of one of them. Of every class each fold
    /// has the same share; with groups, every group is in one fold.
    ///
    /// # Errors
    /// If there are fewer rows or groups than folds, or a class has one row only.
    pub fn folds(&self, count: usize, seed: u64) -> Result<Vec<Split>> {
        ensure!((2..=100).contains(&count), "`folds` {count}: use 2 to 100");
        ensure!(
            self.test.is_none(),
            "`folds` and `test`: a test table leaves nothing to fold; give one of the two"
        );

        let fold = self.assign_folds(count, seed)?;

        let rows = |keep: &dyn Fn(usize) -> bool| -> Vec<u32> {
            (0..self.data.rows() as u32)
                .filter(|&i| keep(fold[i as usize]))
                .collect()
        };

        let part =
            |k: usize| self.parts(&rows(&|f| f != k), (&self.data, &rows(&|f| f == k)), seed);
        (0..count).map(part).collect()
    }

    /// All rows for learning; the test part is the same rows, and says nothing about new ones.
    ///
    /// # Errors
    /// If there is a class too few or too many.
    pub fn whole(&self, seed: u64) -> Result<Split> {
        let parts = self.parts(&self.every(), (&self.data, &self.every()), seed)?;

        // The extreme values of the same rows are said once.
        Ok(Split {
            test_extremes: vec![],
            ..parts
        })
    }

    /// Whether the share that is kept for testing leaves enough rows.
    fn check_share(&self, test_share: f64, left: usize) -> Result<()> {
        let rows = self.data.rows();
        let usual_helps = (1.0 - USUAL_TEST_SHARE) * rows as f64 >= LEAST_ROWS as f64;
        let remedy = if usual_helps && test_share > USUAL_TEST_SHARE {
            format!("keep fewer for testing, as in `test_share` {USUAL_TEST_SHARE}")
        } else if rows > LEAST_ROWS && matches!(self.data.target, RawTarget::Values(_)) {
            // One row to test on.
            format!("give more rows, or `test_share` {:.2}", 1.0 / rows as f64)
        } else {
            "give more rows".into()
        };

        ensure!(
            left >= LEAST_ROWS,
            "`test_share` {test_share} leaves {left} of the {rows} rows to learn from; at least {LEAST_ROWS} are needed: {remedy}"
        );

        Ok(())
    }

    fn every(&self) -> Vec<u32> {
        (0..self.data.rows() as u32).collect()
    }

    fn parts(&self, train: &[u32], test: (&Tabular, &[u32]), seed: u64) -> Result<Split> {
        let (data, purpose, inputs) = self.data.dataset(&self.name, train, test)?;
        let validation = self.validation(train, seed);
        check_validation(train.len(), &validation, &purpose)?;

        let extremes = self.data.extremes(train, &purpose, &inputs);
        let test_extremes = test.0.test_extremes(test.1, &inputs);

        Ok(Split {
            data,
            purpose,
            features: self.data.features.clone(),
            inputs,
            validation,
            extremes,
            test_extremes,
            test_share: None,
            doubt: self.data.doubt.clone(),
        })
    }

    /// The class of a row; all rows of a regression have the same.
    fn class(&self, row: usize) -> &str {
        match &self.data.target {
            RawTarget::Classes(classes) => classes.of_row(row),
            RawTarget::Values(_) => "",
        }
    }

    /// Some rows, apart by their `label`: by group, or by class (the strata of a split).
    fn rows_by<'a>(&'a self, rows: &[u32], label: impl Fn(usize) -> &'a str) -> Vec<Vec<u32>> {
        let mut apart: BTreeMap<&str, Vec<u32>> = BTreeMap::new();
        rows.iter()
            .for_each(|&i| apart.entry(label(i as usize)).or_default().push(i));
        apart.into_values().collect()
    }

    /// The sets of training rows that are held out, by their places among them: a fifth of many
    /// rows, or few rows in three parts. Groups stay whole; else each set has its share of every
    /// class, and a class with one row is never held out.
    fn validation(&self, train: &[u32], seed: u64) -> Vec<Vec<u32>> {
        let groups = self
            .groups
            .as_ref()
            .map(|groups| self.rows_by(train, |i| &groups[i]))
            .filter(|groups| groups.len() >= 2);

        let chosen = match (groups, train.len() < MANY_ROWS) {
            (Some(groups), true) => groups_in_turn(&groups, seed),
            (Some(groups), false) => vec![some_groups(&groups, seed)],
            (None, true) => in_turn(&self.rows_by(train, |i| self.class(i)), seed),
            (None, false) => vec![some_rows(&self.rows_by(train, |i| self.class(i)), seed)],
        };

        let place = |row: &u32| train.binary_search(row).map(|i| i as u32).ok();
        let places = |rows: Vec<u32>| {
            let mut places: Vec<u32> = rows.iter().filter_map(place).collect();
            places.sort_unstable();
            places
        };

        chosen
            .into_iter()
            .map(places)
            .filter(|places| !places.is_empty())
            .collect()
    }

    /// The fold of every row.
    fn assign_folds(&self, count: usize, seed: u64) -> Result<Vec<usize>> {
        let mut fold = vec![0; self.data.rows()];
        let mut size = vec![0; count];

        if let Some(names) = &self.groups {
            let groups = self.rows_by(&self.every(), |i| &names[i]);

            ensure!(
                groups.len() >= count,
                "`folds` {count}: there are only {} groups",
                groups.len()
            );

            let mut order = shuffled(groups.len(), seed, 6);
            // The largest first, each where the fewest rows are.
            order.sort_by_key(|&g| std::cmp::Reverse(groups[g as usize].len()));

            for g in order {
                let least = (0..count).min_by_key(|&k| size[k]).unwrap_or(0);
                size[least] += groups[g as usize].len();
                groups[g as usize]
                    .iter()
                    .for_each(|&i| fold[i as usize] = least);
            }

            return Ok(fold);
        }

        ensure!(
            fold.len() >= count,
            "`folds` {count}: there are only {} rows",
            fold.len()
        );

        let mut next = 0;

        for (i, stratum) in self
            .rows_by(&self.every(), |i| self.class(i))
            .iter()
            .enumerate()
        {
            ensure!(
                stratum.len() >= 2,
                "class '{}' has one row only (line {}); it cannot be both learned and tested: add rows or remove it",
                self.class(stratum[0] as usize),
                self.data.lines[stratum[0] as usize]
            );

            for j in shuffled(stratum.len(), seed, 1000 + i as u64) {
                fold[stratum[j as usize] as usize] = next % count;
                next += 1;
            }
        }

        Ok(fold)
    }
}

/// The number of rows, or of groups, that a share of `n` is.
fn share_of(n: usize) -> usize {
    (n as f64 * VALIDATION).round() as usize
}

/// A share of the groups.
fn some_groups(groups: &[Vec<u32>], seed: u64) -> Vec<u32> {
    let order = shuffled(groups.len(), seed, 5);
    let count = share_of(groups.len()).clamp(1, groups.len() - 1);

    order[..count]
        .iter()
        .flat_map(|&g| groups[g as usize].clone())
        .collect()
}

/// All groups in up to [`FOLDS`] sets, the largest first, each where the fewest rows are.
fn groups_in_turn(groups: &[Vec<u32>], seed: u64) -> Vec<Vec<u32>> {
    let mut sets = vec![vec![]; FOLDS.min(groups.len())];
    let mut order = shuffled(groups.len(), seed, 5);
    order.sort_by_key(|&g| std::cmp::Reverse(groups[g as usize].len()));

    for g in order {
        if let Some(least) = sets.iter_mut().min_by_key(|set| set.len()) {
            least.extend(&groups[g as usize]);
        }
    }

    sets
}

/// A share of each stratum; at least one row stays.
fn some_rows(strata: &[Vec<u32>], seed: u64) -> Vec<u32> {
    let take = |(i, stratum): (usize, &Vec<u32>)| {
        let order = shuffled(stratum.len(), seed, 16 + i as u64);
        let count =
            share_of(stratum.len()).clamp(usize::from(stratum.len() > 1), stratum.len() - 1);

        order[..count]
            .iter()
            .map(|&j| stratum[j as usize])
            .collect::<Vec<_>>()
    };

    strata.iter().enumerate().flat_map(take).collect()
}

/// The rows of each stratum of two and more dealt out to [`FOLDS`] sets.
fn in_turn(strata: &[Vec<u32>], seed: u64) -> Vec<Vec<u32>> {
    let mut sets = vec![vec![]; FOLDS];
    let mut next = 0;

    for (i, stratum) in strata.iter().enumerate().filter(|(_, s)| s.len() > 1) {
        for j in shuffled(stratum.len(), seed, 16 + i as u64) {
            sets[next % FOLDS].push(stratum[j as usize]);
            next += 1;
        }
    }

    sets
}

fn shuffled(n: usize, seed: u64, step: u64) -> Vec<u32> {
    let mut order = vec![0; n];
    draws(DrawnFor::Folds, seed, step).permutation(&mut order);
    order
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::table::{Reading, Table};

    fn rows(
        count: usize,
        target: impl Fn(usize) -> String,
        groups: Option<usize>,
    ) -> UndividedTable {
        let line = |i: usize| format!("{},{},{}\n", i as f64 * 0.5, i % 7, target(i));
        let text = "a,b,y\n".to_string() + &(0..count).map(line).collect::<String>();
        let how = Reading {
            text: vec!["y"],
            ..Reading::default()
        };

        let data = Tabular::new(
            Table::parse(text.as_bytes(), &how).unwrap(),
            &["y".into()],
            None,
        )
        .unwrap();

        let groups = groups.map(|n| {
            (0..count)
                .map(|i| format!("person {}", i * i % n))
                .collect()
        });

        UndividedTable {
            name: "test".into(),
            data,
            groups,
            test: None,
        }
    }

    fn class(i: usize) -> String {
        if i.is_multiple_of(10) {
            "rare".into()
        } else {
            "often".into()
        }
    }

    #[test]
    fn every_row_is_tested_once_and_every_fold_has_its_share_of_each_class() {
        let rows = rows(100, class, None);
        let fold = rows.assign_folds(5, 3).unwrap();

        for k in 0..5 {
            let own: Vec<usize> = (0..100).filter(|&i| fold[i] == k).collect();
            assert_eq!(own.len(), 20);
            assert_eq!(own.iter().filter(|&i| i % 10 == 0).count(), 2);
        }

        assert_eq!(fold, rows.assign_folds(5, 3).unwrap());
        assert_ne!(fold, rows.assign_folds(5, 4).unwrap());

        let parts = rows.folds(5, 3).unwrap();

        assert!(
            parts
                .iter()
                .all(|p| p.data.x.len() == 160 && p.data.x_test.len() == 40)
        );

        assert_ne!(
            parts[0].inputs, parts[1].inputs,
            "standardisation comes from the training rows of each fold"
        );
    }

    #[test]
    fn no_group_is_in_two_folds_or_on_both_sides_of_the_validation_rows() {
        let rows = rows(100, class, Some(23));
        let groups = rows.groups.clone().unwrap();
        let fold = rows.assign_folds(3, 1).unwrap();

        for i in 0..100 {
            assert!((0..100).all(|j| groups[i] != groups[j] || fold[i] == fold[j]));
        }

        let train: Vec<u32> = (0..100).filter(|&i| fold[i as usize] != 0).collect();
        let group = |place: usize| &groups[train[place] as usize];
        let sets = rows.validation(&train, 1);
        assert_eq!(sets.len(), 3);

        for places in sets {
            assert!(!places.is_empty() && places.len() < train.len() / 2);

            for &v in &places {
                let others = (0..train.len()).filter(|&p| !places.contains(&(p as u32)));
                assert!(others.into_iter().all(|p| group(p) != group(v as usize)));
            }
        }
    }

    #[test]
    fn validation_rows_have_the_classes_in_their_shares_and_leave_one_row_of_each() {
        let rows = rows(3000, |i| if i < 3 { "few".into() } else { class(i) }, None);
        let train: Vec<u32> = (0..3000).filter(|i| i % 3 != 2).collect();
        let sets = rows.validation(&train, 1);
        assert_eq!(sets.len(), 1, "a fifth of many rows says enough");

        let validation: Vec<u32> = sets[0].iter().map(|&p| train[p as usize]).collect();
        assert!((395..=405).contains(&validation.len()));
        assert_eq!(
            validation.iter().filter(|&&i| i < 3).count(),
            1,
            "one of the two rows of 'few' that are there"
        );
    }

    #[test]
    fn each_of_few_rows_is_held_out_once_unless_it_is_alone_in_its_class() {
        let rows = rows(100, |i| if i == 7 { "once".into() } else { class(i) }, None);
        let train: Vec<u32> = (0..100).collect();
        let sets = rows.validation(&train, 1);
        let rare = |set: &Vec<u32>| set.iter().filter(|&&i| i % 10 == 0).count();

        assert_eq!(sets.iter().map(Vec::len).collect::<Vec<_>>(), [33, 33, 33]);
        assert!(sets.iter().all(|set| (3..=4).contains(&rare(set))));

        let mut all = sets.concat();
        all.sort_unstable();
        assert_eq!(all, (0..100).filter(|&i| i != 7).collect::<Vec<u32>>());
    }

    #[test]
    fn impossible_folds_are_refused() {
        let error = |rows: &UndividedTable, count: usize| {
            format!("{:#}", rows.folds(count, 1).unwrap_err())
        };
        assert!(error(&rows(40, class, None), 1).contains("`folds` 1: use 2 to 100"));
        assert!(error(&rows(40, class, Some(3)), 5).contains("`folds` 5: there are only"));
        let single = rows(40, |i| if i == 7 { "once".into() } else { class(i) }, None);
        assert!(error(&single, 3).contains("class 'once' has one row only (line 9)"));
    }
}
