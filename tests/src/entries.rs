//! Where untrusted bytes come in: every reader of files as a function of bytes, followed by
//! what is done with what was read. libFuzzer (`fuzz/`) and `tests/strangers.rs` call the same
//! functions. None may panic, take long, or take memory that the bytes do not pay for.

use ldnn::config::{Layers, SettingsFile};
use ldnn::data::load::TableReader;
use ldnn::data::table::{Column, Reading, Table};
use ldnn::data::tabular::Tabular;
use ldnn::data::task::Task;
use ldnn::data::{Dataset, VanDerPolConfig, npz};
use ldnn::deploy::{ActivationMemory, Deployed, IntegerMemory, ScaleMemory, image_bytes};
use ldnn::formats::{self, Bundle, Import};
use ldnn::lab::reproduce::{Experiment, Preset, ReproduceConfig};
use ldnn::meta::MetaConfig;
use ldnn::model::{Model, NetworkFile};
use ldnn::report::Section;
use ldnn::run::folder::difference;
use ldnn::run::journal;
use ldnn::support::memory::MemoryBudget;
use ldnn::train::Training;
use ldnn_core::deploy::{Activate, Pipeline, RunError};
use ldnn_core::image::{Contents, HEADER, Image, checksum};
use ldnn_core::network::{self, Direction, GradientAndProduct, Network, Pass, Workspace};
use ldnn_core::quantised::Scratch;
use ldnn_core::table::TableForm;
use ldnn_core::table::compact::{Compact, Form, Knots, Symmetry};
use ldnn_core::{Activation, Base, Plain, Real, Shape};
use std::sync::OnceLock;

/// Reads bytes and uses what was read; one word for what came of it.
pub type Entry = fn(&[u8]) -> String;

/// All of them, by the names of their folders in `fuzz/corpus`.
pub const ENTRIES: [(&str, Entry); 16] = [
    ("image", image),
    ("data", data),
    ("csv", csv),
    ("npz", archive),
    ("npy", npy),
    ("shape", shape),
    ("table", tables),
    ("model", model),
    ("trained", trained),
    ("safetensors", safetensors),
    ("bundle", bundle),
    ("deployed", deployed),
    ("section", section),
    ("journal", journal),
    ("settings", settings),
    ("config", config),
];

/// What became of a result, with the message where it is none.
fn word<T>(result: anyhow::Result<T>) -> String {
    match result {
        Ok(_) => "Good".into(),
        Err(e) => {
            let message = format!("{e:#}");
            assert!(!message.is_empty());

            // Without the numbers and names that differ from input to input.
            message
                .split_whitespace()
                .filter(|w| w.chars().all(char::is_alphabetic))
                .take(8)
                .collect::<Vec<_>>()
                .join(" ")
        }
    }
}

/// Length and checksum of an image made right again.
pub fn seal(image: &mut [u8]) {
    if let Some((header, body)) = image.split_first_chunk_mut::<HEADER>() {
        header[8..12].copy_from_slice(&(body.len() as u32).to_le_bytes());
        header[12..].copy_from_slice(&checksum(body).to_le_bytes());
    }
}

/// The image of a model, as it is and sealed; what came of the latter.
fn image(bytes: &[u8]) -> String {
    let _ = image_outcome(bytes);
    let mut sealed = bytes.to_vec();
    seal(&mut sealed);
    image_outcome(&sealed)
}

/// Reads an image and uses everything in it; what came of it.
pub fn image_outcome(bytes: &[u8]) -> String {
    let image = match Image::read(bytes) {
        Ok(image) => image,
        Err(error) => {
            assert!(!error.to_string().is_empty());
            let name = format!("{error:?}");
            return name
                .split([' ', '(', '{'])
                .next()
                .unwrap_or_default()
                .into();
        }
    };

    let records = match image.contents() {
        Contents::Activations(all) => Some(all),
        Contents::Floats(network) => Some(*network.activations()),
        Contents::Integers(_) => None,
    };

    let (mut memory, mut scales) = (ActivationMemory::default(), ScaleMemory::default());
    let mut loaded = vec![];

    if let Some(records) = records {
        loaded = memory.load(&records).unwrap();

        for activation in &loaded {
            activation.apply(&mut [0.0, -1.0, 1e30, -1e30, f32::NAN, f32::INFINITY]);
        }
    }

    match image.contents() {
        Contents::Activations(_) => "Activations".into(),
        Contents::Floats(network) => {
            let shape = network.shape();
            let mut theta = vec![0.0; shape.theta_len()];
            network.theta(&mut theta).unwrap();

            let (x, mut out) = (vec![0.5; shape.inputs()], vec![0.0; shape.outputs()]);
            Pipeline::unscaled(shape, &theta, &loaded)
                .predict(&x, &mut out, &mut vec![0.0; shape.predict_len()])
                .unwrap();

            let scaling = scales.load(network.scaling()).unwrap();

            let model = Pipeline {
                shape,
                theta: &theta,
                activations: &loaded,
                scaling,
            };

            // There may be no answer; a wrong length there is none.
            let done = model.run(&x, &mut out, &mut vec![0.0; shape.run_len()]);

            assert!(!matches!(done, Err(RunError::Size(_))));

            "Floats".into()
        }
        Contents::Integers(network) => {
            let mut memory = IntegerMemory::of(&network);
            let scaling = scales.load(network.scaling()).unwrap();
            let network = network.load(memory.room()).unwrap();
            let (inputs, outputs) = (network.shape().inputs(), network.shape().outputs());
            let (mut q, mut work) = (vec![0; inputs], vec![0; network.work_len()]);

            let scratch = Scratch {
                q: &mut q,
                work: &mut work,
                y: &mut vec![0; outputs],
            };

            let done = network.run(
                &scaling,
                &vec![0.5; inputs],
                &mut vec![0.0; outputs],
                scratch,
            );

            assert!(!matches!(done, Err(RunError::Size(_))));

            let (x, mut out) = (
                vec![-128; network.shape().inputs()],
                vec![0; network.shape().outputs()],
            );

            network
                .predict(&x, &mut out, &mut vec![0; network.work_len()])
                .unwrap();

            "Integers".into()
        }
    }
}

/// A data file of any form, gzip too, as `ldnn train` takes it.
fn data(bytes: &[u8]) -> String {
    let budget = MemoryBudget::parse("64M").unwrap();
    let source = ldnn::data::source::InputFile::of(
        Box::new(std::io::Cursor::new(bytes.to_vec())),
        Some(bytes.len() as u64),
    );

    word(source.and_then(|source| {
        let mut stream = TableReader::of(source, &Reading::default(), "it", budget)?;
        stream.within()?;
        of_table(stream.rest()?)
    }))
}

/// A table of numbers and text, and a data set made of it: the last column is the target.
fn csv(bytes: &[u8]) -> String {
    word(Table::parse(bytes, &Reading::default()).and_then(of_table))
}

fn of_table(table: Table) -> anyhow::Result<()> {
    assert!(table.columns.iter().all(|c| match c {
        Column::Numbers(values) =>
            values.len() == table.rows() && values.iter().all(|v| v.is_finite()),
        Column::Text(values) => values.len() == table.rows(),
    }));

    let target = table.names.last().cloned().unwrap_or_default();
    let data = Tabular::new(table, &[target], None)?;
    let (train, test) = data.split(0.25, None, 1)?;
    let (purpose, inputs) = data.learn(&train);

    data.rows_of(&test, &purpose, &inputs)?;
    Ok(())
}

fn archive(bytes: &[u8]) -> String {
    word(
        npz::parse(bytes).map(|arrays| arrays.iter().map(|(_, a)| a.to_f64().len()).sum::<usize>()),
    )
}

fn npy(bytes: &[u8]) -> String {
    word(npz::parse_npy(bytes).map(|array| {
        assert_eq!(array.to_f64().len(), array.shape.iter().product::<usize>());
    }))
}

/// Numbers taken from bytes; zeros when there are no more.
struct Taken<'a>(&'a [u8]);

impl Taken<'_> {
    fn bits<const N: usize>(&mut self) -> [u8; N] {
        let mut bits = [0; N];
        let len = N.min(self.0.len());
        let (own, rest) = self.0.split_at(len);
        bits[..len].copy_from_slice(own);
        self.0 = rest;
        bits
    }

    fn byte(&mut self) -> u8 {
        u8::from_le_bytes(self.bits())
    }

    fn float(&mut self) -> f32 {
        f32::from_le_bytes(self.bits())
    }

    fn size(&mut self) -> usize {
        // Mostly small, sometimes absurd.
        match self.byte() {
            255 => u64::from_le_bytes(self.bits()) as usize,
            254 => usize::from(u16::from_le_bytes(self.bits())),
            small => usize::from(small),
        }
    }

    fn base(&mut self) -> Base {
        Base::ALL[usize::from(self.byte()) % Base::ALL.len()]
    }

    fn activation(&mut self) -> Activation {
        match self.byte() % 3 {
            0 => Activation::Base(self.base()),
            1 => Activation::Learned {
                base: self.base(),
                units: self.size(),
            },
            _ => Activation::Table(TableForm {
                base: self.base(),
                knots: self.size(),
                range: self.float(),
                readout: self.size(),
            }),
        }
    }
}

/// Any sizes of a network; where they are possible and small, all that can be done with one.
fn shape(bytes: &[u8]) -> String {
    let mut taken = Taken(bytes);
    let widths: Vec<usize> = (0..taken.byte() % 13).map(|_| taken.size()).collect();
    let activations: Vec<Activation> = (0..taken.byte() % 19).map(|_| taken.activation()).collect();
    let mut shape = match Shape::try_new(&widths, &activations) {
        Ok(shape) => shape,
        Err(e) => return e.message().into(),
    };

    for _ in 0..taken.byte() % 4 {
        let (layer, first, count) = (taken.size(), taken.size(), taken.size());
        shape = shape.with_layer_types(layer, first, count).unwrap_or(shape);
    }

    let (len, rows) = (shape.param_len(), usize::from(taken.byte() % 5) + 1);
    assert_eq!(len, shape.theta_len() + shape.phi_len());

    let [forward, backward, second] = [Pass::Forward, Pass::Backward, Pass::SecondOrder]
        .map(|pass| shape.workspace_len(rows, pass));

    assert!(forward <= backward && backward <= second);

    if len > 20_000 || second > 200_000 {
        return "Large".into();
    }

    let params: Vec<f32> = (0..len).map(|_| taken.float()).collect();
    let x: Vec<f32> = (0..rows * shape.inputs()).map(|_| taken.float()).collect();
    let labels: Vec<u16> = (0..rows).map(|_| taken.byte().into()).collect();

    walk(&shape, &params, &x, &labels)
}

fn walk<T: Real>(shape: &Shape, params: &[T], x: &[T], labels: &[u16]) -> String {
    let rows = labels.len();
    let data = network::Data {
        x,
        target: network::Target::Classes(labels),
    };

    let noise = Some(network::Noise {
        amplitude: T::ONE,
        seed: 1,
        step: 1,
    });

    let batch = network::Batch::all(data, shape.inputs()).with_noise(noise);
    let mut memory = vec![T::ZERO; shape.workspace_len(rows, Pass::SecondOrder)];
    let mut workspace = Workspace::new(shape, rows, Pass::SecondOrder, &mut memory).unwrap();
    let network = Network::new(shape, params).unwrap();

    let mut out = vec![T::ZERO; rows * shape.outputs()];
    network.predict(x, &mut out, &mut workspace).unwrap();

    let (mut gradient, mut product) = (vec![T::ZERO; params.len()], vec![T::ZERO; params.len()]);
    let out = GradientAndProduct {
        gradient: &mut gradient,
        product: &mut product,
    };
    let done =
        network.gradient_and_hessian_product(&batch, Direction::All(params), out, &mut workspace);

    if done.is_ok() { "Walked" } else { "Refused" }.into()
}

/// Tables of all forms with any numbers in them, at any points.
fn tables(bytes: &[u8]) -> String {
    let mut taken = Taken(bytes);
    let which = taken.byte();
    let (form, symmetry) = (
        [Form::Hermite, Form::Linear, Form::Pairs][usize::from(which % 3)],
        [Symmetry::None, Symmetry::Odd, Symmetry::Even][usize::from(which / 3 % 3)],
    );

    let (base, knots) = (
        taken.base(),
        Knots {
            low: taken.float(),
            high: taken.float(),
            count: taken.size() as u32,
        },
    );

    let points: Vec<f32> = (0..9).map(|_| taken.float()).collect();
    let entries: Vec<f32> = (0..form.entries(knots.count).min(2000))
        .map(|_| taken.float())
        .collect();

    let trained = TableForm {
        base,
        knots: entries.len() / 2,
        range: knots.high,
        readout: 0,
    };

    if Shape::try_new(&[1, 1, 1], &[Activation::Table(trained)]).is_ok() {
        let mut out = vec![0.0; points.len()];
        Activation::Table(trained)
            .eval(&entries[..2 * trained.knots], &points, &mut out)
            .unwrap();
    }

    match Compact::new(form, knots, symmetry, base, &entries) {
        Err(e) => format!("{e:?}")
            .split([' ', '(', '{'])
            .next()
            .unwrap_or_default()
            .into(),
        Ok(table) => {
            let mut z = points.clone();
            table.apply(&mut z);

            for (&z, &value) in points.iter().zip(&z) {
                let other = table.jet(z).0;
                // A NaN may have any payload.
                let is_same =
                    other.to_bits() == value.to_bits() || (other.is_nan() && value.is_nan());
                assert!(
                    is_same,
                    "two ways to the same value at {z}: {other:?} and {value:?}"
                );
            }

            let (mut z, mut h) = (points.clone(), points);
            table.apply_with_slopes(&mut z, &mut h).unwrap();
            "Evaluated".into()
        }
    }
}

/// A network as JSON.
fn model(bytes: &[u8]) -> String {
    let network = serde_json::from_slice::<NetworkFile>(bytes)
        .map_err(anyhow::Error::from)
        .and_then(|m| m.network());
    word(network.map(|n| {
        crate::outputs(Plain, &n.shape, &n.params, &vec![0.5; 2 * n.shape.inputs()]);
    }))
}

/// A model of `ldnn train`.
fn trained(bytes: &[u8]) -> String {
    word(Model::parse(bytes).and_then(|model| of_trained(&model)))
}

fn of_trained(model: &Model) -> anyhow::Result<()> {
    // Numbers can be so large that there is no answer.
    let _ = model.predict(&vec![0.5; 2 * model.features.len()]);

    if let Some(rows) = model.test_rows() {
        assert_eq!(rows.x.len(), rows.rows() * model.features.len());
    }
    Ok(())
}

/// Weights in a safetensors file, as a model by itself and as PyTorch's with names of ours.
fn safetensors(bytes: &[u8]) -> String {
    of_bundle(formats::safetensors::from_bytes(bytes))
}

/// The same in a NumPy archive.
fn bundle(bytes: &[u8]) -> String {
    of_bundle(formats::npz::from_bytes(bytes))
}

fn of_bundle(bundle: anyhow::Result<Bundle>) -> String {
    word(bundle.and_then(|bundle| {
        let _ = formats::unpack::activations(bundle.clone());

        let given = Import {
            activation: Some(("relu".into(), None)),
            regression: true,
            ..Import::default()
        };

        let _ = formats::import(bundle.clone(), &given).map(|m| of_trained(&m));
        let model = formats::import(bundle, &Import::default())?;
        of_trained(&model)?;

        // What was taken comes back as it was.
        formats::safetensors::to_bytes(&formats::of_trained(&model)?).map(drop)
    }))
}

/// The model.json of an export, and the image made of it.
fn deployed(bytes: &[u8]) -> String {
    let model = Deployed::from_json(&String::from_utf8_lossy(bytes));
    word(model.and_then(|m| image_bytes(&m)).map(|image| {
        Image::read(&image).unwrap();
    }))
}

/// The result of an experiment, as `ldnn show` reads it.
fn section(bytes: &[u8]) -> String {
    let section = serde_json::from_slice::<Section>(bytes).map_err(anyhow::Error::from);
    word(section.map(|s| {
        s.tables
            .iter()
            .map(|t| (t.to_text(), t.to_csv()))
            .collect::<Vec<_>>()
    }))
}

/// A journal of trainings, as a merge reads it. A line whose checksum is wrong is tried with the
/// right one. (That a process that goes on repairs it is tested in `sharing.rs`: it waits for the
/// disk, which is too slow for here.)
fn journal(bytes: &[u8]) -> String {
    let folder = std::env::temp_dir().join(format!("ldnn-journal-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();

    let path = folder.join("trainings.jsonl");
    let mut sealed = vec![];

    for line in bytes.split_inclusive(|&b| b == b'\n') {
        let whole = line.strip_suffix(b"}\n").map(|l| {
            &l[..l
                .windows(8)
                .rposition(|w| w == b",\"crc\":\"")
                .unwrap_or(l.len())]
        });

        match whole {
            Some(value) => sealed.extend(
                [
                    value,
                    format!(",\"crc\":\"{:08x}\"}}\n", checksum(value)).as_bytes(),
                ]
                .concat(),
            ),
            None => sealed.extend(line),
        }
    }

    let mut outcome = String::new();

    for text in [bytes, &sealed] {
        std::fs::write(&path, text).unwrap();
        let found = journal::read::<Training>(&path).unwrap();

        outcome = format!(
            "{} {} {}",
            found.lines.len().min(3),
            found.damaged.len().min(3),
            found.cut.min(1)
        );
    }

    let _ = std::fs::remove_dir_all(&folder);
    outcome
}

/// The settings of two runs, as they are compared.
fn settings(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let (a, b) = text.split_once("\n---\n").unwrap_or((&text, ""));
    let told = difference(a, b);
    (if told.is_empty() { "Same" } else { "Different" }).into()
}

/// A file of settings, then lines of assignments, above the settings of `meta` and of `reproduce`.
fn config(bytes: &[u8]) -> String {
    static STUDY: OnceLock<ReproduceConfig> = OnceLock::new();

    let study = STUDY.get_or_init(|| {
        let task = Task::new(&Dataset::vanderpol(&VanDerPolConfig::default()).unwrap());
        ReproduceConfig::new(
            Preset::Smoke,
            &[Experiment::Fig3, Experiment::Hessian, Experiment::Schedules],
            1,
            &task,
        )
    });

    let text = String::from_utf8_lossy(bytes);
    let (file, sets) = text.split_once("\n---\n").unwrap_or((&text, ""));
    let sets: Vec<String> = sets.lines().map(String::from).collect();

    word(SettingsFile::parse("file", file).and_then(|source| {
        let layers = Layers::above("meta", Some(source), &sets)?;
        let meta = layers.resolve(MetaConfig::default(), &Default::default());
        let study = layers.resolve(study.clone(), &Default::default());

        let _ = (
            layers.in_file("meta.steps"),
            layers.pick::<String>("task", None),
            layers.pick::<usize>("meta.steps", None),
        );

        meta.map(drop).or_else(|_| study.map(drop))
    }))
}
