//! The command line: raw arguments are resolved into a plan, which is checked, shown by
//! `--dry-run`, and carried out.

mod analyze;
mod apply;
mod common;
mod data;
mod dataset;
mod ensemble;
mod export;
mod files;
mod flags;
mod for_others;
mod idle;
mod import;
mod inspect;
mod meta;
mod plan;
mod reproduce;
mod run;
mod runs;
mod scale;
mod settings;
mod streams;
mod tables;
mod train;
mod tune;
mod validate;
mod verify;

use crate::support::interrupt;
use crate::support::notice::notice;
use crate::support::progress::Output;
use crate::support::stop::{self, STOPPED, Stopped};
use crate::support::text::printable;
use anyhow::{Context, Result, ensure};
use clap::{ArgMatches, CommandFactory, FromArgMatches, Parser, Subcommand};
use common::{flagged, innermost, say};
use files::Files;
use plan::{Mode, Plan};
use std::process::ExitCode;
use streams::StreamRefused;

/// Neural networks whose neurons learn their own activation functions.
#[derive(Parser)]
#[command(version, bin_name = "ldnn", max_term_width = 110, after_help = EXAMPLES)]
struct Cli {
    #[command(subcommand)]
    command: Command,

    /// Threads to use; results do not depend on it [default: all processors]
    #[arg(long, global = true, value_name = "N")]
    jobs: Option<usize>,

    /// Show no progress
    #[arg(long, short, global = true)]
    quiet: bool,
}

const EXAMPLES: &str = "\
Examples:
  ldnn reproduce                            the paper's Figure 3 in a few minutes
  ldnn reproduce all                        every figure, one report
  ldnn meta --steps 500 --out out/meta      learn two activations on MNIST-1D
  ldnn validate --activations out/meta --compare relu,type1,type2,mix --out out/validate
  ldnn train gestures.csv --target label    your own table
  ldnn data mnist1d --out mnist1d.npz       the canonical data set, made here

Settings: every command takes --config FILE.toml and --set a.b=c, and shows what comes out with --print-config. A run stores
its settings as config.toml, which --config takes.

Exit codes: 0 done, 1 the work failed, 2 the request was wrong, 75 not finished: it was stopped, or waits for other shards; the same
command goes on.";

#[derive(Subcommand)]
enum Command {
    /// Do the paper's experiments and judge its claims
    Reproduce(reproduce::ReproduceArgs),
    /// Meta-learn activations
    Meta(Box<meta::MetaArgs>),
    /// Train ensembles of networks with given activations and compare them
    Validate(Box<validate::ValidateArgs>),
    /// Accuracy or loss against the size of the network
    Sizes(Box<analyze::SizesArgs>),
    /// Forecast a dynamical system in closed loop
    Forecast(Box<analyze::ForecastArgs>),
    /// Analyze trained networks: participation ratio, Hessian
    Analyze(analyze::AnalyzeArgs),
    /// Cluster learned activations and draw the family
    Cluster(analyze::ClusterArgs),
    /// Train a network with learned activations on a table of numbers
    Train(Box<train::TrainArgs>),
    /// Search settings for `ldnn train` within a budget
    Tune(Box<tune::TuneArgs>),
    /// Evaluate a model on a table
    Eval(apply::EvalArgs),
    /// Predict the rows of a table
    Predict(apply::PredictArgs),
    /// Show what a model is
    Inspect(inspect::InspectArgs),
    /// Write learned activations or a whole network for a microcontroller or for other programs
    /// (PyTorch, ONNX, NumPy)
    Export(Box<export::ExportArgs>),
    /// Make a model from the weights of another program (safetensors)
    Import(import::ImportArgs),
    /// Compile and run an export, and compare it bit for bit
    Verify(verify::VerifyArgs),
    /// Do a study: settings with sweeps over any of them
    Run(run::RunArgs),
    /// Make the results of a run whose shards have done their parts
    Merge(scale::MergeArgs),
    /// Show how far the shards of a run are
    Status(scale::StatusArgs),
    /// Print a script that does a study on a cluster with Slurm
    Slurm(run::SlurmArgs),
    /// List run folders
    List(runs::ListArgs),
    /// Show a run's settings and report
    Show(runs::ShowArgs),
    /// Compare the ensembles of two runs
    Compare(runs::CompareArgs),
    /// Write a built-in data set
    Data(data::DataArgs),
}

impl Plan for Box<dyn Plan> {
    fn describe(&self) -> Result<String> {
        (**self).describe()
    }

    fn config(&self) -> Result<String> {
        (**self).config()
    }

    fn called(&mut self, command: &str) {
        (**self).called(command);
    }

    fn files(&self) -> Result<Files> {
        (**self).files()
    }

    fn execute(&self, output: Output) -> Result<String> {
        (**self).execute(output)
    }
}

/// The commands and flags, as `--help` shows them.
#[must_use]
pub fn command() -> clap::Command {
    Cli::command()
}

/// Parses, resolves, carries out.
pub fn main() -> ExitCode {
    let mut command = Cli::command();

    // Before anything is said.
    if let Err(error) = streams::check_arguments(std::env::args_os()) {
        return fail(&error, 2, &command);
    }

    let matches = command
        .try_get_matches_from_mut(std::env::args_os())
        .unwrap_or_else(|error| refuse(&error));
    let own = innermost_command(&command, &matches);

    if let Some(message) = flags::too_large(own, innermost(&matches)) {
        return fail(&anyhow::anyhow!(message), 2, own);
    }

    if std::env::current_dir().is_err() {
        let gone = "the current folder does not exist any more; go to one that does";
        return fail(&anyhow::anyhow!(gone), 2, own);
    }

    let cli = Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    interrupt::install();

    let output = if cli.quiet {
        Output::Quiet
    } else {
        Output::Normal
    };

    let (mut plan, mode) = match prepare(&cli, &matches) {
        Ok(prepared) => prepared,
        Err(error) if error.is::<Stopped>() => return fail(&error, STOPPED, own),
        Err(error) => return fail(&error, 2, own),
    };

    plan.called(&command_of(&matches));

    if let Mode::Work = mode
        && let Err(error) = may_work(&plan, &matches)
    {
        return fail(&error, 2, own);
    }

    let result = match mode {
        Mode::Work => plan.execute(output),
        Mode::DryRun => plan.describe(),
        Mode::PrintConfig => plan.config(),
    };

    let result = match mode {
        Mode::Work => result.map(|text| flags::fields_as_flags(&text, own, &self::command())),
        _ => result,
    };

    match result.and_then(|text| say(&text)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&error, common::exit_code(&error), own),
    }
}

/// Ends the program for a command line that is none.
fn refuse(error: &clap::Error) -> ! {
    let args = || std::env::args().collect::<Vec<_>>();
    let dashed = || flags::dashed(error, &args(), &command());
    let Some(message) = flags::renamed(error).or_else(dashed) else {
        error.exit()
    };
    notice!("error: {}", printable(&message));
    std::process::exit(2)
}

/// The command that the user gave: `validate`, `analyze hessian`.
fn command_of(matches: &ArgMatches) -> String {
    let (mut words, mut inside) = (vec![], matches);
    while let Some((word, own)) = inside.subcommand() {
        words.push(word);
        inside = own;
    }
    words.join(" ")
}

/// The command that is done, with the flags that all have.
fn innermost_command<'a>(command: &'a clap::Command, matches: &ArgMatches) -> &'a clap::Command {
    let Some((name, inside)) = matches.subcommand() else {
        return command;
    };
    command
        .find_subcommand(name)
        .map_or(command, |own| innermost_command(own, inside))
}

/// Refuses a plan that would write where it must not.
fn may_work(plan: &impl Plan, matches: &ArgMatches) -> Result<()> {
    let files = plan.files()?;
    if files.keep_work() {
        stop::work_is_kept();
    }
    files.check(files::config(innermost(matches)).as_deref())
}

fn prepare(cli: &Cli, matches: &ArgMatches) -> Result<(Box<dyn Plan>, Mode)> {
    if let Some(jobs) = cli.jobs {
        ensure!(
            (1..=1024).contains(&jobs),
            "--jobs {jobs}: use 1 to 1024 threads"
        );

        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(jobs)
            .build_global();
        pool.with_context(|| format!("--jobs {jobs}: the threads cannot be started; use fewer"))?;
    }

    use analyze::AnalyzeCommand;

    Ok(match &cli.command {
        Command::Sizes(args) => (Box::new(args.resolve()?), args.out.mode()),
        Command::Forecast(args) => (Box::new(args.resolve()?), args.out.mode()),
        Command::Analyze(analyze::AnalyzeArgs {
            what: AnalyzeCommand::Participation(args),
        }) => (Box::new(args.resolve()?), args.out.mode()),
        Command::Analyze(analyze::AnalyzeArgs {
            what: AnalyzeCommand::Hessian(args),
        }) => (args.resolve()?, args.out.mode()),
        Command::Cluster(args) => (Box::new(args.resolve()?), args.out.mode()),
        Command::Reproduce(args) => (Box::new(args.resolve()?), args.out.mode()),
        Command::Meta(args) => (Box::new(args.resolve()?), args.out.mode()),
        Command::Validate(args) => (Box::new(args.resolve()?), args.out.mode()),
        Command::Export(args) => (args.resolve()?, args.out.mode()),
        Command::Import(args) => {
            flagged(args, &args.config, matches, |all| all.resolve(args.replace))?
        }
        Command::Tune(args) => (Box::new(args.resolve()?), args.out.mode()),
        Command::Train(args) => (Box::new(args.resolve()?), args.mode()),
        Command::Eval(args) => flagged(args, &args.config, matches, apply::EvalArgs::resolve)?,
        Command::Predict(args) => {
            flagged(args, &args.config, matches, |all| all.resolve(args.replace))?
        }
        Command::Inspect(args) => {
            flagged(args, &args.config, matches, |all| all.resolve(args.replace))?
        }
        Command::Verify(args) => flagged(args, &args.config, matches, verify::VerifyArgs::resolve)?,
        Command::Run(args) => (args.resolve()?, args.mode()),
        Command::Merge(args) => flagged(args, &args.config, matches, scale::MergeArgs::resolve)?,
        Command::Status(args) => flagged(args, &args.config, matches, scale::StatusArgs::resolve)?,
        Command::Slurm(args) => flagged(args, &args.config, matches, run::SlurmArgs::resolve)?,
        Command::List(args) => flagged(args, &args.config, matches, runs::ListArgs::resolve)?,
        Command::Show(args) => flagged(args, &args.config, matches, runs::ShowArgs::resolve)?,
        Command::Compare(args) => flagged(args, &args.config, matches, runs::CompareArgs::resolve)?,
        Command::Data(args) => (Box::new(args.resolve()?), args.mode()),
    })
}

fn fail(error: &anyhow::Error, code: u8, command: &clap::Command) -> ExitCode {
    let message = flags::settled(&format!("error: {error:#}"), command, &self::command());

    match error.downcast_ref::<StreamRefused>() {
        Some(refused) => refused.say(&printable(&message)),
        None => notice!("{}", printable(&message)),
    }

    ExitCode::from(code)
}
