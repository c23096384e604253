//! What a sweep found, as a report: a table, two pictures, and what stands in them in words.

use super::error::ErrorUnit;
use super::front::front;
use super::picture::{FLASH, INSTRUCTIONS, draw, of_networks, short_name};
use super::sweep::{Size, SizedArm, Sizes};
use crate::model::names::is_any_learned;
use crate::report::stats::mean;
use crate::report::{ReportTable, Section, short};
use crate::run::RunFolder;
use anyhow::{Context, Result};

/// By how much the error of a network may be above the best one, to be as good for most uses.
const CLOSE: f64 = 1.1;

/// Writes all candidates as a table of numbers, and a report; `notes` are sentences about the rows
/// and the trainings. The smallest candidate that is close to the best one comes with it.
///
/// # Errors
/// If every network diverged, or a file cannot be written.
pub fn report<'a>(
    all: &'a [SizedArm],
    unit: &ErrorUnit,
    name: &str,
    notes: Vec<String>,
    folder: &RunFolder,
) -> Result<(Section, &'a SizedArm)> {
    let trained = trained(all);
    let close = smallest_close(&trained)
        .context("every network diverged on all training rows; give smaller `lr`, such as 0.001")?;
    let mut section = Section::new(format!("How small a network for {name} can be"));

    section.text.push(about(&trained));
    section.text.push(close_sentence(&trained, close, unit));
    section.text.extend(fewer_neurons(&trained, unit));
    section.text.extend(notes);

    folder.write("pareto.csv", numbers(&trained, unit).to_csv())?;
    section.tables.push(shown(&trained, unit));

    for (file, price) in [("flash", FLASH), ("instructions", INSTRUCTIONS)] {
        let on = on_front(&trained, price.of);
        let marked: Vec<(&SizedArm, bool)> = trained
            .iter()
            .map(|(candidate, _)| *candidate)
            .zip(on)
            .collect();
        let title = "test error of the networks, with 95 % intervals";
        let caption = format!(
            "error on the test rows against {}; rings: no other network has both a smaller error on held-out training \
             rows and a smaller price",
            price.label
        );
        section.draw(folder, file, &draw(title, unit, price, &marked), &caption)?;
    }

    section.save(folder)?;
    Ok((section, close.0))
}

/// Those with sizes.
type Trained<'a> = (&'a SizedArm, &'a Sizes);

fn trained(all: &[SizedArm]) -> Vec<Trained<'_>> {
    all.iter()
        .filter_map(|c| Some((c, c.sizes.as_ref()?)))
        .collect()
}

/// Which candidates nothing beats in both held-out error and price.
fn on_front(all: &[Trained], price: fn(&Size) -> f64) -> Vec<bool> {
    let points: Vec<(f64, f64)> = all
        .iter()
        .map(|(c, s)| (price(&s.f32), c.held_out))
        .collect();
    front(&points)
}

fn best_held_out(all: &[Trained]) -> f64 {
    let errors = all.iter().map(|(c, _)| c.held_out);
    errors.fold(f64::INFINITY, f64::min)
}

/// The one of fewest bytes whose held-out error is close to the best one.
fn smallest_close<'a>(all: &[Trained<'a>]) -> Option<Trained<'a>> {
    let most = CLOSE * best_held_out(all);
    let close = all.iter().copied().filter(|(c, _)| c.held_out <= most);

    close.min_by(|a, b| {
        let order = a.1.f32.flash.cmp(&b.1.f32.flash);
        order.then(a.0.held_out.total_cmp(&b.0.held_out))
    })
}

fn about(all: &[Trained]) -> String {
    let networks = all.iter().map(|(_, s)| s.test.len()).max().unwrap_or(0);
    format!(
        "{} widths and activations, each with the learning rate, weight decay and epochs that were best on held-out \
         training rows, and with {networks} networks trained on all training rows. Test errors are means over these; bytes and \
         instructions are those of the first. Bytes are those of weights, tables and scales as `ldnn export` writes them; the \
         code comes on top. Instructions are estimates for one answer from raw inputs by \
         the Rust of an export (docs/devices.md says how good they are).",
        all.len()
    )
}

fn close_sentence(all: &[Trained], (candidate, sizes): Trained, unit: &ErrorUnit) -> String {
    let best = best_held_out(all);
    let is_best = candidate.held_out <= best;

    let what = match is_best {
        true => "The network with the best error on held-out rows is also the smallest within 1.1 times of it".to_string(),
        false => format!(
            "The smallest network within 1.1 times the best error on held-out rows ({})",
            unit.words(best)
        ),
    };

    format!(
        "{what}{} {} with {}: {} there, {} on the test rows, {} bytes, about {} \
         instructions. With int8 weights: {} on the test rows, {} bytes.",
        if is_best { ":" } else { " has" },
        neurons(candidate.width),
        short_name(candidate.name()),
        unit.words(candidate.held_out),
        unit.words(of_networks(sizes).mean),
        sizes.f32.flash,
        rounded(sizes.f32.instructions),
        unit.words(mean(&sizes.test_int8)),
        sizes.int8.flash
    )
}

/// Whether learned activations need fewer neurons than the best network with classical ones, in a
/// sentence, if there are both. It holds on held-out and on test rows, or it is not said.
fn fewer_neurons(all: &[Trained], unit: &ErrorUnit) -> Option<String> {
    let (learned, classical): (Vec<Trained>, Vec<Trained>) = all
        .iter()
        .copied()
        .partition(|(c, _)| is_any_learned(c.name()));
    let rival = classical
        .into_iter()
        .min_by(|a, b| a.0.held_out.total_cmp(&b.0.held_out))?;
    let reaches = |(c, s): &Trained| {
        c.held_out <= rival.0.held_out && of_networks(s).mean <= of_networks(rival.1).mean
    };
    let fewest = learned
        .iter()
        .copied()
        .filter(reaches)
        .min_by_key(|(c, _)| c.width);

    if learned.is_empty() {
        return None;
    }

    let best_classical = format!(
        "{} with {}, the best network with classical activations ({} on the test rows)",
        neurons(rival.0.width),
        short_name(rival.0.name()),
        unit.words(of_networks(rival.1).mean)
    );

    Some(match fewest {
        Some((c, s)) => {
            let bytes = s.f32.flash as f64 / rival.1.f32.flash as f64;
            let instructions = s.f32.instructions / rival.1.f32.instructions;
            let saved = match bytes < 1.0 || instructions < 1.0 {
                true => "",
                false => ": nothing is saved",
            };

            format!(
                "{} with learned activations reach, on held-out and on test rows, the error of {best_classical}: {} on the \
                 test rows, with {} times the bytes and {} times the instructions{saved}.",
                neurons(c.width),
                unit.words(of_networks(s).mean),
                short(bytes),
                short(instructions)
            )
        }
        None => format!(
            "No network with learned activations has, on held-out and on test rows, the error of {best_classical}."
        ),
    })
}

pub(super) fn neurons(count: usize) -> String {
    match count {
        1 => "1 neuron".into(),
        _ => format!("{count} neurons"),
    }
}

/// Instructions with the digits that an estimate deserves.
pub(super) fn rounded(instructions: f64) -> String {
    format!("{:.0}", (instructions / 10.0).round() * 10.0)
}

/// For people.
fn shown(all: &[Trained], unit: &ErrorUnit) -> ReportTable {
    let (by_flash, by_work) = (on_front(all, FLASH.of), on_front(all, INSTRUCTIONS.of));
    let caption = format!(
        "{} of networks with one hidden layer, and what they take on a device; front: of bytes (b) and of instructions (i), \
         by held-out error",
        unit.label()
    );
    let in_units = match unit {
        ErrorUnit::Target(name, _) => Some(format!("RMSE of {name}")),
        _ => None,
    };

    let mut head = vec!["neurons", "activations", "held out", "test", "± (95 %)"];
    head.extend(in_units.as_deref());
    head.extend([
        "bytes",
        "instructions",
        "front",
        "int8: test",
        "bytes",
        "instructions",
    ]);
    let mut table = ReportTable::new(caption, &head);

    for (i, (candidate, sizes)) in all.iter().enumerate() {
        let test = of_networks(sizes);
        let mut row = vec![
            candidate.width.to_string(),
            short_name(candidate.name()),
            short(candidate.held_out),
            short(test.mean),
            short(test.half_width),
        ];
        row.extend(unit.in_units(test.mean).map(short));

        let fronts = [(by_flash[i], "b"), (by_work[i], "i")];
        let fronts = fronts
            .iter()
            .filter(|(on, _)| *on)
            .map(|(_, letter)| *letter);
        row.extend([
            sizes.f32.flash.to_string(),
            rounded(sizes.f32.instructions),
            fronts.collect::<Vec<_>>().join(" "),
            short(mean(&sizes.test_int8)),
            sizes.int8.flash.to_string(),
            rounded(sizes.int8.instructions),
        ]);
        table.row(row);
    }

    table
}

/// For programs: every number with all its digits.
fn numbers(all: &[Trained], unit: &ErrorUnit) -> ReportTable {
    let head = [
        "neurons",
        "activations",
        "lr",
        "weight_decay",
        "epochs",
        "held_out_error_percent",
        "test_error_percent",
        "test_error_sd",
        "networks",
        "test_rmse",
        "int8_test_error_percent",
        "flash_f32",
        "instructions_f32",
        "flash_int8",
        "instructions_int8",
        "front_flash",
        "front_instructions",
    ];

    let (by_flash, by_work) = (on_front(all, FLASH.of), on_front(all, INSTRUCTIONS.of));
    let mut table = ReportTable::new("every width and kind of activations", &head);

    for (i, (candidate, sizes)) in all.iter().enumerate() {
        let (test, chosen) = (of_networks(sizes), &candidate.chosen);

        table.row([
            candidate.width.to_string(),
            candidate.name().to_string(),
            chosen.lr.to_string(),
            chosen.weight_decay.map_or(String::new(), |d| d.to_string()),
            chosen.epochs.to_string(),
            candidate.held_out.to_string(),
            test.mean.to_string(),
            test.sd.to_string(),
            test.n.to_string(),
            unit.in_units(test.mean)
                .map_or(String::new(), |e| e.to_string()),
            mean(&sizes.test_int8).to_string(),
            sizes.f32.flash.to_string(),
            format!("{:.0}", sizes.f32.instructions),
            sizes.int8.flash.to_string(),
            format!("{:.0}", sizes.int8.instructions),
            by_flash[i].to_string(),
            by_work[i].to_string(),
        ]);
    }

    table
}
