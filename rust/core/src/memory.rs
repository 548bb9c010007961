//! Memory: what happens to the ions after their photons have left, as local error channels.

use crate::check;
use crate::error::Result;
use crate::math;
use crate::state::{self, State};
use num_complex::Complex64;
use serde::{Deserialize, Serialize};

/// Local errors of one ion, applied to every herald in the order of the fields.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LocalErrorsParams {
    /// Measured fidelity F of the ion-photon state: rho -> w rho + (1 - w) I/2 ⊗ rest with w = (4F - 1)/3.
    #[serde(default = "one")]
    pub ion_photon_fidelity: f64,
    /// Rotation vector of the qubit about x, y, z (rad): U = exp(-i (r · sigma)/2).
    #[serde(default)]
    pub rotation_rad: [f64; 3],
    /// Probability p of losing the qubit's state: rho -> (1 - p) rho + p I/2 ⊗ rest.
    #[serde(default)]
    pub depolarizing_probability: f64,
    /// Probability p of a phase flip: rho -> (1 - p) rho + p Z rho Z; p = (1 - exp(-t/T2))/2 for a wait t.
    #[serde(default)]
    pub dephasing_probability: f64,
    /// Probability that the readout of this ion shows the wrong outcome. Measurements include it, states do not.
    #[serde(default)]
    pub readout_error: f64,
}

fn one() -> f64 {
    1.0
}

impl Default for LocalErrorsParams {
    fn default() -> Self {
        Self {
            ion_photon_fidelity: 1.0,
            rotation_rad: [0.0; 3],
            depolarizing_probability: 0.0,
            dephasing_probability: 0.0,
            readout_error: 0.0,
        }
    }
}

/// Many turns, and far from where squares overflow.
const MAX_ROTATION_RAD: f64 = 1e3;

/// The checked channel of one ion.
#[derive(Debug, Clone, PartialEq)]
pub struct LocalErrors {
    /// Weight kept by the ion-photon infidelity, possibly negative down to -1/3.
    ion_photon_weight: f64,
    rotation: Option<[[Complex64; 2]; 2]>,
    depolarizing_probability: f64,
    dephasing_probability: f64,
}

impl LocalErrors {
    /// None at all.
    pub fn none() -> Self {
        Self {
            ion_photon_weight: 1.0,
            rotation: None,
            depolarizing_probability: 0.0,
            dephasing_probability: 0.0,
        }
    }

    /// Checks the parameters.
    ///
    /// # Errors
    /// [`Error::Parameter`](crate::Error::Parameter) naming the field.
    pub fn new(params: &LocalErrorsParams) -> Result<Self> {
        let fidelity = check::probability("ion_photon_fidelity", params.ion_photon_fidelity)?;
        for (index, &angle) in params.rotation_rad.iter().enumerate() {
            check::within(&index.to_string(), angle, -MAX_ROTATION_RAD, MAX_ROTATION_RAD, "rad")
                .map_err(|error| error.within("rotation_rad"))?;
        }
        check::probability("readout_error", params.readout_error)?;
        Ok(Self {
            ion_photon_weight: (4.0 * fidelity - 1.0) / 3.0,
            rotation: rotation(params.rotation_rad),
            depolarizing_probability: check::probability(
                "depolarizing_probability",
                params.depolarizing_probability,
            )?,
            dephasing_probability: check::probability("dephasing_probability", params.dephasing_probability)?,
        })
    }

    /// Applies the channel to the ion of `node`.
    #[must_use]
    pub fn apply(&self, rho: &State, node: usize) -> State {
        let mut rho = depolarized(rho, node, self.ion_photon_weight);
        if let Some(unitary) = &self.rotation {
            rho = state::rotated(&rho, node, unitary);
        }
        rho = depolarized(&rho, node, 1.0 - self.depolarizing_probability);
        if self.dephasing_probability > 0.0 {
            let kept = 1.0 - 2.0 * self.dephasing_probability;
            rho = state::turned(&rho, node, Complex64::new(kept, 0.0));
        }
        rho
    }
}

/// w rho + (1 - w) I/2 ⊗ rest.
fn depolarized(rho: &State, node: usize, weight: f64) -> State {
    if weight >= 1.0 {
        return *rho;
    }
    let mut result = state::scaled(rho, weight);
    state::add(&mut result, &state::forgotten(rho, node), 1.0 - weight);
    result
}

/// exp(-i (r · sigma)/2), or nothing for no rotation.
fn rotation([x, y, z]: [f64; 3]) -> Option<[[Complex64; 2]; 2]> {
    let angle = (x * x + y * y + z * z).sqrt();
    if angle == 0.0 {
        return None;
    }
    let (cosine, sine) = (math::cos(angle / 2.0), math::sin(angle / 2.0) / angle);
    Some([
        [Complex64::new(cosine, -sine * z), Complex64::new(-sine * y, -sine * x)],
        [Complex64::new(sine * y, -sine * x), Complex64::new(cosine, sine * z)],
    ])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::BellState;

    fn psi_plus() -> State {
        let mut rho = state::ZERO;
        for (i, j) in [(1, 1), (1, 2), (2, 1), (2, 2)] {
            rho[i][j].re = 0.5;
        }
        rho
    }

    fn fidelity_after(params: &LocalErrorsParams) -> f64 {
        let channel = LocalErrors::new(params).unwrap();
        let rho = channel.apply(&psi_plus(), 0);
        assert!((state::trace(&rho) - 1.0).abs() < 1e-15);
        state::overlap(&rho, BellState::PsiPlus)
    }

    #[test]
    fn ion_photon_fidelity_is_the_fidelity_left_by_one_node() {
        let params = LocalErrorsParams { ion_photon_fidelity: 0.979, ..Default::default() };
        assert!((fidelity_after(&params) - 0.979).abs() < 1e-15);
    }

    #[test]
    fn rotation_about_any_axis_leaves_the_square_of_the_half_cosine() {
        for axis in 0..3 {
            let mut rotation_rad = [0.0; 3];
            rotation_rad[axis] = 0.4;
            let params = LocalErrorsParams { rotation_rad, ..Default::default() };
            let expected = math::cos(0.2) * math::cos(0.2);
            assert!((fidelity_after(&params) - expected).abs() < 1e-15, "axis {axis}");
        }
    }

    #[test]
    fn depolarizing_and_dephasing_cost_three_quarters_and_all_of_their_probability() {
        let params = LocalErrorsParams { depolarizing_probability: 0.1, ..Default::default() };
        assert!((fidelity_after(&params) - (1.0 - 0.75 * 0.1)).abs() < 1e-15);
        let params = LocalErrorsParams { dephasing_probability: 0.1, ..Default::default() };
        assert!((fidelity_after(&params) - 0.9).abs() < 1e-15);
    }
}
