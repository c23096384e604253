//! Affine layers alone.

use crate::measure::Bench;
use crate::naive;
use crate::setting::{BATCH, Setting};
use ldnn_core::Shape;
use ldnn_core::network::{Batch, Data, Network, Pass, Target, Workspace, Wrt};

/// One affine layer, at the sizes used and at odd ones.
pub fn run(bench: &mut Bench) {
    for (inputs, outputs) in [(40, 100), (100, 10), (40, 1), (7, 7), (33, 33), (100, 33)] {
        let name = format!("layer {inputs}-{outputs}");
        if !bench.wants(&name) {
            continue;
        }

        let shape = Shape::try_new(&[inputs, outputs], &[]).expect("a shape without hidden layers");
        let mut s = Setting::new(shape, BATCH);
        let (mut out, mut plain) = (vec![0.0; BATCH * outputs], vec![0.0; BATCH * outputs]);
        let macs = BATCH * inputs * outputs;
        let (level, params) = (bench.level, s.params.clone());
        let network = Network::new(&shape, &params)
            .expect("fits")
            .with_vector(level);

        let mut workspace =
            Workspace::new(&shape, BATCH, Pass::Backward, &mut s.work).expect("fits");

        let mut ours = || {
            network
                .predict(&s.x, &mut out, &mut workspace)
                .expect("fits")
        };

        let mut naive = || naive::affine(&params, &s.x, inputs, &mut plain);
        bench.against(&format!("{name} forward"), macs, 200, &mut ours, &mut naive);

        let target: Vec<f32> = vec![0.5; BATCH * outputs];
        let (mut grad, mut plain) = (vec![0.0; params.len()], vec![0.0; params.len()]);
        let data = Data {
            x: &s.x,
            target: Target::Values(&target),
        };
        let batch = Batch::range(data, 0, BATCH);

        let mut ours = || {
            network
                .gradient(&batch, Wrt::All, &mut grad, &mut workspace)
                .expect("fits");
        };

        let mut naive = || naive::affine_gradient(&params, &s.x, &target, inputs, &mut plain);

        bench.against(
            &format!("{name} gradient"),
            2 * macs,
            200,
            &mut ours,
            &mut naive,
        );
    }
}
