//! Networks to measure, with data and memory.

use ldnn_core::network::{Data, Init, Pass, Target, init_phi, init_theta};
use ldnn_core::rng::{Draws, Stream};
use ldnn_core::table::{Tabulation, tabulated};
use ldnn_core::{Activation, Base, Shape};

pub const KNOTS: usize = 257;
pub const RANGE: f32 = 10.0;
pub const BATCH: usize = 200;
pub const ROWS: usize = 4000;

/// A network with data and all its buffers.
pub struct Setting {
    pub shape: Shape,
    pub params: Vec<f32>,
    pub x: Vec<f32>,
    pub labels: Vec<u16>,
    pub work: Vec<f32>,
}

impl Setting {
    pub fn new(shape: Shape, rows: usize) -> Setting {
        let mut params = vec![0.0; shape.param_len()];
        let (theta, phi) = params.split_at_mut(shape.theta_len());
        init_theta(&shape, Init::FanIn, 1, 0, theta).expect("the lengths are the shape's");
        init_phi(&shape, 1, phi).expect("the lengths are the shape's");

        let draws = Draws::new(9, Stream::User, 0, 0);
        let x = (0..rows * shape.inputs())
            .map(|i| 1.7 * draws.symmetric::<f32>(i as u32))
            .collect();
        let labels = (0..rows)
            .map(|i| draws.below(i as u32, shape.outputs() as u32) as u16)
            .collect();
        let work = vec![0.0; shape.workspace_len(rows.min(ROWS), Pass::SecondOrder)];

        Setting {
            shape,
            params,
            x,
            labels,
            work,
        }
    }

    /// With the tables of `direct` in place of its sub-networks.
    pub fn tabled(direct: &Setting) -> Setting {
        let shape = tabulated(&direct.shape, KNOTS, RANGE).expect("the form is possible");
        let mut setting = Setting::new(shape, direct.labels.len());
        let tabulation = Tabulation {
            from: &direct.shape,
            to: &shape,
        };
        let mut work = vec![0.0; tabulation.work_len()];
        let theta = shape.theta_len();
        let (phi, tables) = (&direct.params[theta..], &mut setting.params[theta..]);

        tabulation
            .build(phi, tables, &mut work)
            .expect("the lengths are the shape's");

        setting
    }

    pub fn data(&self) -> Data<'_, f32> {
        Data {
            x: &self.x,
            target: Target::Classes(&self.labels),
        }
    }
}

/// The network of the paper.
pub fn paper_shape() -> Shape {
    Shape::new(
        &[40, 100, 10],
        &[Activation::Learned {
            base: Base::Sine,
            units: 50,
        }; 2],
    )
}
