//! Whether settings can be carried out, before anything is.

use super::config::ReproduceConfig;
use super::learn::ReproduceTasks;
use super::stage::TaskName;
use crate::data::task::Task;
use anyhow::{Context, Result, ensure};

impl ReproduceConfig {
    /// Whether every part can be done.
    ///
    /// # Errors
    /// With the setting and what to do, for the first one that is impossible.
    pub fn check(&self, task: &Task) -> Result<()> {
        let ensembles = [
            ("progression_equal", &self.progression_equal),
            ("equal", &self.equal),
            ("best", &self.best),
            ("sizes.ensemble", &self.sizes.ensemble),
            ("forecast.ensemble", &self.forecast.ensemble),
            ("participation", &self.participation),
            ("hessian.ensemble", &self.hessian.ensemble),
            ("variants", &self.variants),
        ];

        let transfer = self.transfer.iter().map(|ensemble| ("transfer", ensemble));
        for (name, ensemble) in ensembles.into_iter().chain(transfer) {
            ensure!(
                ensemble.runs > 0,
                "reproduce.{name}.runs=0: must be at least 1"
            );

            ensemble
                .train
                .check()
                .with_context(|| format!("reproduce.{name}.train"))?;
        }

        for (i, depth) in self.progression.iter().enumerate() {
            depth
                .progression
                .check()
                .with_context(|| format!("reproduce.progression.{i}"))?;
        }

        for (name, select) in [
            ("select", &self.select),
            ("forecast_select", &self.forecast_select),
        ] {
            ensure!(
                select.runs > 0 && select.epochs > 0,
                "reproduce.{name}: runs and epochs must be at least 1"
            );

            let good =
                !select.lr.is_empty() && select.lr.iter().all(|lr| lr.is_finite() && *lr > 0.0);

            ensure!(
                good,
                "reproduce.{name}.lr: must be positive numbers, e.g. 0.01"
            );

            select
                .train
                .check()
                .with_context(|| format!("reproduce.{name}.train"))?;
        }

        let widths = &self.sizes.widths;
        ensure!(
            !widths.is_empty() && !widths.contains(&0),
            "reproduce.sizes.widths: must be numbers of at least 1"
        );

        self.hessian
            .spectrum
            .check()
            .context("reproduce.hessian.spectrum")?;

        let tasks = ReproduceTasks::new(task)?;
        self.forecast
            .check(tasks.get(TaskName::Vanderpol))
            .context("reproduce.forecast")?;

        for (i, stage) in self.stages.iter().enumerate() {
            ensure!(
                stage.seeds > 0,
                "reproduce.stages.{i}.seeds=0: must be at least 1"
            );

            stage
                .meta
                .check(tasks.get(stage.on))
                .with_context(|| format!("reproduce.stages.{i}.meta"))?;
        }

        Ok(())
    }
}
