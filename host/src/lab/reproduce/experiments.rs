//! Every experiment: its folder, what it is done with, and its section of the report.

use super::config::Experiment;
use super::diversity::{become_diverse, stay_diverse};
use super::progression::DepthConfig;
use super::reproduction::Reproduction;
use super::stage::TaskName;
use crate::lab::experiments::progression::LearnedBefore;
use crate::lab::experiments::transfer::TransferTask;
use crate::lab::experiments::variants::Variant;
use crate::lab::experiments::{
    best, equal, family, forecast, hessian, participation, progression, sizes, transfer, variants,
};
use crate::report::{Picture, Section};
use crate::run::{RunFolder, all};
use crate::train::{Hyperparameters, SeededActivations, ValidateConfig};
use anyhow::{Context, Result};
use serde::Serialize;

/// An experiment that is done for both questions.
struct Twice<'a, S> {
    name: &'a str,
    title: &'a str,
    settings: &'a S,
    ensemble: &'a ValidateConfig,
    /// The stage for equal training, and the one for each at its best.
    stages: (&'a str, &'a str),
}

fn toml_of(settings: &impl Serialize) -> Result<String> {
    toml::to_string(settings).context("the settings cannot be written as TOML")
}

impl Reproduction<'_> {
    /// An experiment's folder, section and settings.
    pub fn experiment(&self, experiment: Experiment) -> Result<(String, Section, String)> {
        let s = self.study;

        match experiment {
            Experiment::Fig1 => self.fig1(),
            Experiment::Fig3 => self.fig3(),
            Experiment::Fig4 => {
                let (title, stages) = ("Fig. 4: accuracy against network size", ("zero", "zero"));

                let twice = Twice {
                    name: "fig4",
                    title,
                    settings: &s.sizes,
                    ensemble: &s.sizes.ensemble,
                    stages,
                };

                self.twice(twice, |l, c, f| {
                    sizes::run(&s.sizes, self.main(), l, c, f, self.output)
                })
            }
            Experiment::Fig5 => self.fig5(),
            Experiment::Fig6 => {
                let (title, stages) = (
                    "Fig. 6: accuracy against participation ratio",
                    ("authors", "sine"),
                );
                let of = &s.participation;

                let twice = Twice {
                    name: "fig6",
                    title,
                    settings: of,
                    ensemble: of,
                    stages,
                };

                self.twice(twice, |l, c, f| {
                    participation::run(of, self.main(), l, c, f, self.output)
                })
            }
            Experiment::Hessian => {
                let (title, stages) = ("The Hessian at the end of training", ("authors", "sine"));

                let twice = Twice {
                    name: "hessian",
                    title,
                    settings: &s.hessian,
                    ensemble: &s.hessian.ensemble,
                    stages,
                };

                self.twice(twice, |l, c, f| {
                    hessian::run(&s.hessian, self.main(), l, c, f, self.output)
                })
            }
            Experiment::Bases => self.variants(
                "bases",
                "From other starting points",
                &[
                    ("from sine", "sine"),
                    ("from zero", "zero"),
                    ("from identity", "identity"),
                    ("from relu", "relu"),
                    ("from tanh", "tanh"),
                    ("from sigmoid", "sigmoid"),
                    ("from elu", "elu"),
                ],
            ),
            Experiment::Depth => self.variants(
                "depth",
                "More layers, more types",
                &[
                    ("100-100 shared", "two-layers"),
                    ("100-100 own", "two-layers-own"),
                    ("three types", "three-types"),
                ],
            ),
            Experiment::Schedules => self.variants(
                "schedules",
                "Schedules on the same budget",
                &[("unrolled", "sine"), ("alternating", "alternating")],
            ),
            Experiment::Transfer => self.transfer(),
            Experiment::Family => self.family(),
        }
    }

    /// An experiment on the main task at equal training, and with each at its best.
    fn twice<S: Serialize>(
        &self,
        Twice {
            name,
            title,
            settings,
            ensemble,
            stages,
        }: Twice<S>,
        run: impl Fn(&[SeededActivations], Option<&[Hyperparameters]>, &RunFolder) -> Result<Section>,
    ) -> Result<(String, Section, String)> {
        let folder = self.folder.inside(name, settings)?;
        let mut section = Section::new(title);
        let first = folder.inside("equal", settings)?;
        let second = folder.inside("best", settings)?;
        let equal = || run(self.stages.get(stages.0)?, None, &first);
        let best = || {
            let chosen = self.chosen(&self.study.select, TaskName::Main, stages.1, ensemble)?;
            run(self.stages.get(stages.1)?, Some(&chosen), &second)
        };

        section.absorb_both(equal(), best(), ["equal", "best"])?;
        section.save(&folder)?;
        Ok((name.into(), section, toml_of(settings)?))
    }

    fn fig1(&self) -> Result<(String, Section, String)> {
        let s = self.study;
        let folder = self.folder.inside("fig1", &s.progression_equal)?;
        let mut section = Section::new("Fig. 1: from homogeneous to learned diverse layers");

        let at_best = s.progression.iter().map(|depth| self.depth(depth));
        let equal = std::iter::once_with(|| {
            let stage = self.stages.get("authors")?;
            let own = folder.inside("equal", &s.progression_equal)?;
            equal::run(&s.progression_equal, self.main(), stage, &own, self.output)
        });

        let names = s.progression.iter().map(|depth| depth.name.as_str());
        let sections = all(at_best.chain(equal))?;
        for (part, inside) in sections.into_iter().zip(names.chain(["equal"])) {
            section.absorb(part, inside);
        }

        self.show_evolution(&mut section, "two", "the default recipe of `ldnn meta`")?;
        section
            .claims
            .push(stay_diverse("the default recipe", self.stages.get("two")?)?);
        section.save(&folder)?;
        Ok(("fig1".into(), section, toml_of(&s.progression_equal)?))
    }

    /// Fig. 1, each at its best, in networks of one depth.
    fn depth(&self, depth: &DepthConfig) -> Result<Section> {
        let folder = self.folder_of(depth)?;
        let [one, two] = &depth.stages;
        let (one, two) = (self.stages.get(one), self.stages.get(two));
        let [one, two] = all([one, two])?[..] else {
            anyhow::bail!("two stages are two");
        };

        let learned = LearnedBefore { one, two };
        progression::run(
            &depth.progression,
            self.main(),
            &learned,
            &folder,
            self.output,
        )
    }

    fn fig3(&self) -> Result<(String, Section, String)> {
        let (s, folder) = (self.study, self.folder.inside("fig3", &self.study.equal)?);
        let mut section = Section::new("Fig. 3: two types learned from a sine, and their mix");
        let equal_folder = folder.inside("equal", &s.equal)?;
        let best_folder = folder.inside("best", &s.best)?;

        let equal = || {
            equal::run(
                &s.equal,
                self.main(),
                self.stages.get("authors")?,
                &equal_folder,
                self.output,
            )
        };

        let best = || {
            let chosen = self.chosen(&s.select, TaskName::Main, "sine", &s.best)?;
            best::run(
                &s.best,
                self.main(),
                self.stages.get("sine")?,
                &chosen,
                &best_folder,
                self.output,
            )
        };

        let (equal, best) = (equal(), best());

        for (stage, of) in [
            ("authors", "the authors' objective"),
            ("sine", "the held-out objective"),
        ] {
            self.show_evolution(&mut section, stage, of)?;
            section
                .claims
                .push(become_diverse(of, self.stages.get(stage)?)?);
        }

        section.absorb_both(equal, best, ["equal", "best"])?;
        section.save(&folder)?;
        Ok(("fig3".into(), section, toml_of(&s.equal)?))
    }

    /// The pictures of how the activations of a stage evolved.
    fn show_evolution(&self, section: &mut Section, name: &str, of: &str) -> Result<()> {
        let stage = self
            .study
            .stages
            .iter()
            .find(|l| l.name == name)
            .context("a stage is missing")?;

        let caption = |i: usize| {
            format!(
                "Evolution of the types from {}, {of}, outer seed number {}",
                stage.meta.base,
                i + 1
            )
        };

        let picture = |i: usize| Picture {
            file: format!("../{}/evolution", stage.folder(i)),
            caption: caption(i),
        };

        section.pictures.extend((0..stage.seeds).map(picture));
        Ok(())
    }

    fn fig5(&self) -> Result<(String, Section, String)> {
        let (s, task) = (self.study, self.tasks.get(TaskName::Vanderpol));
        let folder = self.folder.inside("fig5", &s.forecast)?;
        let learned = self.stages.get("vanderpol")?;
        let mut section = Section::new("Fig. 5: van der Pol, regression and forecast");

        self.show_evolution(&mut section, "vanderpol", "on van der Pol")?;

        let equal = || forecast::run(&s.forecast, task, learned, None, &folder, self.output);

        let best = || {
            let chosen = self.chosen(
                &s.forecast_select,
                TaskName::Vanderpol,
                "vanderpol",
                &s.forecast.ensemble,
            )?;

            forecast::run(
                &s.forecast,
                task,
                learned,
                Some(&chosen),
                &folder,
                self.output,
            )
        };

        section.absorb_both(equal(), best(), [".", "."])?;
        section.save(&folder)?;
        Ok(("fig5".into(), section, toml_of(&s.forecast)?))
    }

    fn variants(
        &self,
        name: &str,
        title: &str,
        of: &[(&str, &str)],
    ) -> Result<(String, Section, String)> {
        let folder = self.folder.inside(name, &self.study.variants)?;

        let variant = |&(name, stage): &(&str, &str)| {
            let settings = self
                .study
                .stages
                .iter()
                .find(|l| l.name == stage)
                .context("a stage is missing")?;

            let (name, hidden) = (name.to_string(), settings.meta.hidden.clone());

            Ok(Variant {
                name,
                hidden,
                learned: self.stages.get(stage)?.to_vec(),
            })
        };

        let variants_of = of.iter().map(variant).collect::<Result<Vec<_>>>()?;

        let mut section = variants::run(
            title,
            &self.study.variants,
            self.main(),
            &variants_of,
            &folder,
            self.output,
        )?;

        if name == "bases" {
            for (_, stage) in of {
                self.show_evolution(&mut section, stage, "the held-out objective")?;
            }
        }

        Ok((name.into(), section, toml_of(&self.study.variants)?))
    }

    fn transfer(&self) -> Result<(String, Section, String)> {
        let named = [
            (TaskName::Main, "sine"),
            (TaskName::Vanderpol, "vanderpol"),
            (TaskName::Digits, "digits"),
        ];

        let place = |((on, stage), ensemble): (&(TaskName, &str), &ValidateConfig)| {
            let (task, learned) = (
                self.tasks.get(*on).clone(),
                self.stages.get(stage)?.to_vec(),
            );

            Ok(TransferTask {
                task,
                learned,
                ensemble: ensemble.clone(),
            })
        };

        let places = named
            .iter()
            .zip(&self.study.transfer)
            .map(place)
            .collect::<Result<Vec<_>>>()?;

        let settings = toml_of(&std::collections::BTreeMap::from([(
            "transfer",
            &self.study.transfer,
        )]))?;
        let folder = self.folder.inside(
            "transfer",
            &std::collections::BTreeMap::from([("transfer", &self.study.transfer)]),
        )?;

        Ok((
            "transfer".into(),
            transfer::run(&places, &folder, self.output)?,
            settings,
        ))
    }

    fn family(&self) -> Result<(String, Section, String)> {
        let names = ["sine", "zero", "identity", "relu", "tanh", "sigmoid", "elu"];
        let group = |name: &&str| Ok((name.to_string(), self.stages.get(name)?.to_vec()));
        let groups = names.iter().map(group).collect::<Result<Vec<_>>>()?;
        let settings = std::collections::BTreeMap::from([("stages", names)]);
        let folder = self.folder.inside("family", &settings)?;

        Ok((
            "family".into(),
            family::run(&groups, &folder)?,
            toml_of(&settings)?,
        ))
    }
}
