//! Errors as people ask for them: in the units of the target, or in percent.

use crate::data::target::Purpose;
use crate::model::LossAndAccuracy;
use crate::model::metrics::Metrics;
use crate::report::short;
use crate::train::Metric;
use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// The largest error that is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(try_from = "Written")]
pub enum MaxError {
    /// Of a regression, in the units of the target; of classes, wrong rows in percent.
    Units(f64),
    /// Of a regression, in percent of the target's standard deviation; of classes the same as
    /// above.
    Percent(f64),
}

/// How a file of settings has it.
#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    Number(f64),
    Text(String),
}

impl TryFrom<Written> for MaxError {
    type Error = String;

    fn try_from(written: Written) -> Result<MaxError, String> {
        match written {
            Written::Number(number) => number.to_string().parse(),
            Written::Text(text) => text.parse(),
        }
    }
}

impl FromStr for MaxError {
    type Err = String;

    fn from_str(text: &str) -> Result<MaxError, String> {
        let (number, is_percent) = match text.trim().strip_suffix('%') {
            Some(number) => (number, true),
            None => (text, false),
        };

        let error: f64 = number
            .trim()
            .parse()
            .ok()
            .filter(|e: &f64| e.is_finite() && *e >= 0.0)
            .ok_or("give a number of 0 or more, such as 0.5, or 2% of the target's deviation")?;

        Ok(match is_percent {
            true => MaxError::Percent(error),
            false => MaxError::Units(error),
        })
    }
}

impl fmt::Display for MaxError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            MaxError::Units(error) => write!(f, "{error}"),
            MaxError::Percent(error) => write!(f, "{error}%"),
        }
    }
}

impl Serialize for MaxError {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// What errors of a task are measured in. They are kept in percent: of wrong rows, or of the
/// targets' standard deviations on the training rows (with several targets, the root of the mean of
/// their squares).
#[derive(Clone, Debug, PartialEq)]
pub enum ErrorUnit {
    /// Wrong rows in percent.
    WrongRows,
    /// Of one target with this name and standard deviation.
    Target(String, f64),
    /// Of targets with these standard deviations.
    Targets(Vec<f64>),
}

impl ErrorUnit {
    /// Of what is predicted.
    #[must_use]
    pub fn of(purpose: &Purpose) -> ErrorUnit {
        match purpose {
            Purpose::Classification { .. } => ErrorUnit::WrongRows,
            Purpose::Regression { columns, scale } => match (&columns[..], &scale[..]) {
                ([name], [scale]) => ErrorUnit::Target(name.clone(), scale.sd),
                _ => ErrorUnit::Targets(scale.iter().map(|s| s.sd).collect()),
            },
        }
    }

    /// The error of a mean metric on standardised rows.
    #[must_use]
    pub fn of_metric(metric: Metric, value: f64) -> f64 {
        match metric {
            Metric::Accuracy => 100.0 - value,
            Metric::Loss => 100.0 * value.max(0.0).sqrt(),
        }
    }

    /// The error of a network on standardised rows.
    #[must_use]
    pub fn of_score(score: LossAndAccuracy) -> f64 {
        match score.accuracy {
            Some(accuracy) => ErrorUnit::of_metric(Metric::Accuracy, accuracy),
            None => ErrorUnit::of_metric(Metric::Loss, score.loss),
        }
    }

    /// The error of a model on rows of the table.
    #[must_use]
    pub fn of_metrics(&self, metrics: &Metrics) -> f64 {
        let mean_square = |rmse: &[f64], deviations: &[f64]| {
            let squares = rmse.iter().zip(deviations).map(|(e, sd)| (e / sd).powi(2));
            squares.sum::<f64>() / deviations.len().max(1) as f64
        };

        match (metrics, self) {
            (Metrics::Classification { accuracy, .. }, _) => 100.0 - accuracy,
            (Metrics::Regression { rmse, .. }, ErrorUnit::Target(_, sd)) => {
                100.0 * mean_square(rmse, &[*sd]).sqrt()
            }
            (Metrics::Regression { rmse, .. }, ErrorUnit::Targets(all)) => {
                100.0 * mean_square(rmse, all).sqrt()
            }
            (Metrics::Regression { .. }, ErrorUnit::WrongRows) => f64::NAN,
        }
    }

    /// The largest error in percent.
    ///
    /// # Errors
    /// If nothing can have it, or several targets have no unit in common.
    pub fn limit(&self, most: MaxError) -> Result<f64> {
        let percent = match (self, most) {
            (_, MaxError::Percent(percent)) | (ErrorUnit::WrongRows, MaxError::Units(percent)) => {
                percent
            }
            (ErrorUnit::Target(_, sd), MaxError::Units(error)) => 100.0 * error / sd,
            (ErrorUnit::Targets(_), MaxError::Units(error)) => anyhow::bail!(
                "`max_error` {error}: several targets have no unit in common; give a share of their deviations, such as \
                 `max_error` 2%"
            ),
        };

        ensure!(
            *self != ErrorUnit::WrongRows || percent <= 100.0,
            "`max_error` {most}: use 0 to 100, wrong rows in percent, such as 5"
        );
        ensure!(
            *self == ErrorUnit::WrongRows || percent > 0.0,
            "`max_error` {most}: no network of numbers has no error; give more than 0, such as 2% of the target's deviation"
        );

        Ok(percent)
    }

    /// An error in the units of the one target, if there is one.
    #[must_use]
    pub fn in_units(&self, percent: f64) -> Option<f64> {
        match self {
            ErrorUnit::Target(_, sd) => Some(percent * sd / 100.0),
            ErrorUnit::WrongRows | ErrorUnit::Targets(_) => None,
        }
    }

    /// An error in words.
    #[must_use]
    pub fn words(&self, percent: f64) -> String {
        match self {
            ErrorUnit::WrongRows => format!("{} % of rows wrong", short(percent)),
            ErrorUnit::Target(_, sd) => format!(
                "an RMSE of {} ({} % of the deviation)",
                short(percent * sd / 100.0),
                short(percent)
            ),
            ErrorUnit::Targets(_) => {
                format!("an RMSE of {} % of the deviations", short(percent))
            }
        }
    }

    /// What one types after `max_error` to allow an error: the same with two digits, rounded up.
    #[must_use]
    pub fn allowing(&self, percent: f64) -> String {
        match (self, self.in_units(percent)) {
            (_, Some(error)) => rounded_up(error),
            (ErrorUnit::WrongRows, None) => rounded_up(percent.min(100.0)),
            (_, None) => format!("{}%", rounded_up(percent)),
        }
    }

    /// What an axis and a column are called.
    #[must_use]
    pub const fn label(&self) -> &'static str {
        match self {
            ErrorUnit::WrongRows => "wrong rows / %",
            ErrorUnit::Target(..) => "RMSE / % of the target's deviation",
            ErrorUnit::Targets(_) => "RMSE / % of the targets' deviations",
        }
    }
}

/// A number with two digits that is no smaller.
fn rounded_up(x: f64) -> String {
    if !(x > 0.0 && x.is_finite()) {
        return x.to_string();
    }

    let power = x.log10().floor() as i32 - 1;
    let digits = (x / 10f64.powi(power)).ceil();
    match power {
        0.. => format!("{}", digits * 10f64.powi(power)),
        _ => format!(
            "{:.*}",
            power.unsigned_abs() as usize,
            digits * 10f64.powi(power)
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_a_number_or_a_share() {
        assert_eq!("0.5".parse(), Ok(MaxError::Units(0.5)));
        assert_eq!("2 %".parse(), Ok(MaxError::Percent(2.0)));
        for wrong in ["", "%", "-1", "nan", "inf", "two"] {
            assert!(wrong.parse::<MaxError>().is_err(), "{wrong}");
        }

        #[derive(Debug, PartialEq, Serialize, Deserialize)]
        struct Settings {
            e: MaxError,
        }
        let read = |text: &str| toml::from_str::<Settings>(text).unwrap().e;
        assert_eq!(read("e = 0.5"), MaxError::Units(0.5));
        assert_eq!(read("e = \"2%\""), MaxError::Percent(2.0));

        let written = toml::to_string(&Settings {
            e: MaxError::Percent(2.5),
        })
        .unwrap();
        assert_eq!(written, "e = \"2.5%\"\n");
        assert_eq!(read(&written), MaxError::Percent(2.5));
    }

    #[test]
    fn limits_are_in_the_units_of_the_table() {
        let target = ErrorUnit::Target("y".into(), 4.0);
        assert_eq!(target.limit(MaxError::Units(0.5)).unwrap(), 12.5);
        assert_eq!(target.limit(MaxError::Percent(2.0)).unwrap(), 2.0);
        assert_eq!(target.in_units(12.5), Some(0.5));
        assert!(target.limit(MaxError::Units(0.0)).is_err());

        let classes = ErrorUnit::WrongRows;
        assert_eq!(classes.limit(MaxError::Units(5.0)).unwrap(), 5.0);
        assert_eq!(classes.limit(MaxError::Units(0.0)).unwrap(), 0.0);
        assert!(classes.limit(MaxError::Units(101.0)).is_err());

        let several = ErrorUnit::Targets(vec![1.0, 2.0]);
        let error = several.limit(MaxError::Units(1.0)).unwrap_err().to_string();
        assert!(error.contains("`max_error` 2%"), "{error}");
    }

    #[test]
    fn errors_of_several_targets_are_the_root_of_the_mean_of_their_squares() {
        let metrics = Metrics::Regression {
            columns: vec!["a".into(), "b".into()],
            rmse: vec![0.3, 0.8],
            mae: vec![0.0; 2],
            r2: vec![0.0; 2],
        };

        // 0.3 / 1 and 0.8 / 2.
        let expected = 100.0 * ((0.09f64 + 0.16) / 2.0).sqrt();
        let found = ErrorUnit::Targets(vec![1.0, 2.0]).of_metrics(&metrics);
        assert!((found - expected).abs() < 1e-9, "{found}");

        let score = |loss, accuracy| LossAndAccuracy { loss, accuracy };
        assert_eq!(ErrorUnit::of_score(score(0.0625, None)), 25.0);
        assert_eq!(ErrorUnit::of_score(score(0.5, Some(97.0))), 3.0);
    }

    #[test]
    fn what_is_proposed_allows_the_error() {
        for error in [0.001_234, 0.0995, 0.5, 1.0, 12.34, 99.1, 1234.0] {
            let typed = rounded_up(error);
            let number: f64 = typed.parse().unwrap();
            assert!((error..=1.1 * error).contains(&number), "{error}: {typed}");
        }

        assert_eq!(ErrorUnit::Target("y".into(), 2.0).allowing(12.34), "0.25");
        assert_eq!(ErrorUnit::Targets(vec![1.0; 2]).allowing(12.34), "13%");
        assert_eq!(ErrorUnit::WrongRows.allowing(99.7), "100");
    }
}
