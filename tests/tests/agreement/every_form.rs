//! Every form of export on random tables.

use crate::answers::{difference, of_c, of_image, predicted};
use crate::random_models::{COLUMNS, Neurons, config, model, table};
use ldnn::config::StoredConfig;
use ldnn::data::task::{ExampleTargets, Examples, Task};
use ldnn::deploy::{FormChoice, Given, Weights, run as export, verify};
use ldnn::run::RunFolder;
use proptest::prelude::*;
use std::fs;

proptest! {
    #![proptest_config(ProptestConfig { cases: 4, ..ProptestConfig::default() })]
    #[test]
    fn every_export_answers_as_predict_does_on_raw_rows(
        columns in prop::collection::vec(prop::sample::select(&COLUMNS[..]), 1..5),
        target in prop::option::of(prop::sample::select(&[(150.0, 77.0), (-2e-5, 1e-6), (1.7e9, 40.0), (1e9, 1e-3)][..])),
        hidden in 3..20usize, seed in 0..1000u64,
    ) {
        let data = table(&columns, target, seed);
        for neurons in [Neurons::Relu, Neurons::Tanh, Neurons::Learned] {
            let model = model(&data, neurons, hidden, seed);
            let right = predicted(&model, &data.x);
            let forms = [FormChoice::Hermite, FormChoice::Linear, FormChoice::Pairs, FormChoice::I16, FormChoice::I8];
            let exports = forms.map(|form| (form, Weights::F32)).into_iter().chain([(FormChoice::Auto, Weights::Int8)]);
            for (form, weights) in exports {
                let place = tempfile::tempdir().unwrap();
                let config = config(form, weights);
                let folder = RunFolder::open(&place.path().join("out"), &StoredConfig::new("export", &config).unwrap(), false).unwrap();
                let inputs = model.inputs.len();
                let none = Examples::new(vec![], ExampleTargets::Classes(vec![]), inputs);
                let task = Task { name: "none".into(), inputs, outputs: 1, train: none.clone(), test: none, scales: ldnn::data::Standardisation::default() };
                export(&config, &Given::Model(Box::new(model.clone())), &task, &folder).unwrap();
                // The golden rows: the core, the image, and C, to the bit; and predict, within the
                // stated tolerance.
                let said = verify::at_once(folder.path());
                prop_assert!(said.is_ok(), "{neurons:?}, {form:?}, {weights:?}: {:#}", said.unwrap_err());

                let got = of_image(&fs::read(folder.path().join("net.ldnn")).unwrap(), &data.x);
                let largest = difference(&model, &got, &right);
                let most = match (neurons, form, weights) {
                    (_, _, Weights::Int8) => 0.5,
                    // Nothing is approximated: every bit is the same.
                    (Neurons::Relu, ..) => 0.0,
                    // Inputs of tables rounded to 8 bits.
                    (_, FormChoice::I8, _) => 0.25,
                    _ => 0.02,
                };
                prop_assert!(largest <= most, "{neurons:?}, {form:?}, {weights:?}: {largest:e}");
                if let Some(c) = of_c(folder.path(), &model, &data.x) {
                    prop_assert_eq!(&c, &got, "C is not the image, {:?}, {:?}", form, weights);
                }
            }
        }
    }
}
