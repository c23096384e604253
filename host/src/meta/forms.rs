//! The network in the form that is learned and the form that is trained.

use super::config::MetaConfig;
use crate::data::task::Task;
use anyhow::Result;
use ldnn_core::Shape;
use ldnn_core::table::Tabulation;

/// Both forms of the network, and how to go from one to the other.
pub struct Forms {
    /// With sub-networks.
    pub direct: Shape,
    /// As it is trained: with tables, or the same.
    pub trained: Shape,
    work: Vec<f32>,
}

impl Forms {
    pub fn new(config: &MetaConfig, task: &Task) -> Result<Forms> {
        let (direct, trained) = (config.direct_shape(task)?, config.trained_shape(task)?);

        let len = if config.exact {
            0
        } else {
            Tabulation {
                from: &direct,
                to: &trained,
            }
            .work_len()
        };

        Ok(Forms {
            direct,
            trained,
            work: vec![0.0; len],
        })
    }

    fn is_exact(&self) -> bool {
        self.direct == self.trained
    }

    /// The activation parameters of the trained network.
    pub fn build(&mut self, phi: &[f32], to: &mut [f32]) -> Result<()> {
        if self.is_exact() {
            to.copy_from_slice(phi);
        } else {
            Tabulation {
                from: &self.direct,
                to: &self.trained,
            }
            .build(phi, to, &mut self.work)?;
        }

        Ok(())
    }

    /// `dphi`, overwritten, from the gradient in the trained network's parameters.
    pub fn adjoint(&mut self, phi: &[f32], from: &[f32], dphi: &mut [f32]) -> Result<()> {
        dphi.fill(0.0);

        if self.is_exact() {
            dphi.copy_from_slice(from);
        } else {
            let tabulation = Tabulation {
                from: &self.direct,
                to: &self.trained,
            };
            tabulation.build_adjoint(phi, from, dphi, &mut self.work)?;
        }

        Ok(())
    }
}
