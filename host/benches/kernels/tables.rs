//! Tables of learned activations: made, and evaluated.

use crate::measure::Bench;
use crate::naive;
use crate::setting::{KNOTS, RANGE, Setting};
use ldnn_core::table::{TableForm, Tabulation};
use ldnn_core::{Activation, Vector};

/// A table made from a sub-network and its gradient brought back; a table in place of a
/// sub-network.
pub fn run(bench: &mut Bench, direct: &Setting, tabled: &Setting) {
    let (from, to) = (direct.shape, tabled.shape);
    let theta = from.theta_len();
    let (phi, mut out) = (&direct.params[theta..], vec![0.0; to.phi_len()]);
    let tabulation = Tabulation {
        from: &from,
        to: &to,
    };
    let mut work = vec![0.0; tabulation.work_len()];

    if bench.wants("table build") {
        bench.add("table build, 2 types", 0, 50, &mut || {
            tabulation.build(phi, &mut out, &mut work).expect("fits");
        });

        let (tables, mut dphi) = (tabled.params[theta..].to_vec(), vec![0.0; from.phi_len()]);
        bench.add("table build transposed, 2 types", 0, 50, &mut || {
            tabulation
                .build_adjoint(phi, &tables, &mut dphi, &mut work)
                .expect("fits");
        });
    }

    if bench.wants("table evaluate") {
        let form = TableForm::fixed(KNOTS, RANGE);
        let params = tabled.params[theta..][..form.param_len()].to_vec();
        let z: Vec<f32> = tabled.x.iter().copied().take(20_000).collect();
        let (mut out, mut plain) = (vec![0.0; z.len()], vec![0.0; z.len()]);
        let level = bench.level;

        let mut ours = || {
            level.run(
                #[inline(always)]
                || {
                    Activation::Table(form)
                        .eval(&params, &z, &mut out)
                        .expect("fits")
                },
            );
        };

        let sub = &direct.params[theta..];

        bench.against(
            "table evaluate, 20 000 (naive: the sub-network)",
            0,
            20,
            &mut ours,
            &mut || {
                naive::subnet(sub, 50, &z, &mut plain);
            },
        );
    }
}
