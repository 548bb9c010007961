//! Memory: what happens to the ions after their photons have left: local errors, then storage. A published state takes
//! the place of everything up to storage.

mod heralded;
mod storage;
#[cfg(test)]
mod tests;

pub use heralded::{HeraldedState, HeraldedStateParams};
pub(crate) use storage::decay_time;
pub use storage::{Decay, Memory, MemoryParams, Storage};

use crate::check;
use crate::error::{Error, Result};
use crate::math;
use crate::state::{self, State};
use crate::tree::OneOrMany;
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
    /// Probability that the readout of this ion shows the wrong outcome, one for both states or one for |0> and one for
    /// |1>. Measurements include it, states do not.
    #[serde(default = "never")]
    pub readout_error: OneOrMany<f64>,
}

fn never() -> OneOrMany<f64> {
    OneOrMany::One(0.0)
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
            readout_error: never(),
        }
    }
}

impl LocalErrorsParams {
    /// Probability to misread |0> and |1>.
    ///
    /// # Errors
    /// [`Error::Parameter`] naming `readout_error`.
    pub fn readout(&self) -> Result<[f64; 2]> {
        match &self.readout_error {
            OneOrMany::One(error) => check::probability("readout_error", *error).map(|error| [error; 2]),
            OneOrMany::Many(list) => {
                let Ok(errors) = <[f64; 2]>::try_from(list.as_slice()) else {
                    let given = format!("{} values", list.len());
                    let domain = "one number or one for |0> and one for |1> (2)";
                    return Err(Error::parameter("readout_error", given, domain, ""));
                };
                for (index, error) in errors.into_iter().enumerate() {
                    check::probability(&index.to_string(), error)
                        .map_err(|error| error.within("readout_error"))?;
                }
                Ok(errors)
            }
        }
    }

    /// Whether nothing changes a state: all neutral but the readout.
    pub fn leaves_states(&self) -> bool {
        Self { readout_error: never(), ..self.clone() } == Self::default()
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
    /// [`Error::Parameter`] naming the field.
    pub fn new(params: &LocalErrorsParams) -> Result<Self> {
        let fidelity = check::probability("ion_photon_fidelity", params.ion_photon_fidelity)?;
        for (index, &angle) in params.rotation_rad.iter().enumerate() {
            check::within(&index.to_string(), angle, -MAX_ROTATION_RAD, MAX_ROTATION_RAD, "rad")
                .map_err(|error| error.within("rotation_rad"))?;
        }
        params.readout()?;
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
        let mut rho = state::depolarized(rho, node, self.ion_photon_weight);
        if let Some(unitary) = &self.rotation {
            rho = state::rotated(&rho, node, unitary);
        }
        rho = state::depolarized(&rho, node, 1.0 - self.depolarizing_probability);
        if self.dephasing_probability > 0.0 {
            let kept = 1.0 - 2.0 * self.dephasing_probability;
            rho = state::turned(&rho, node, Complex64::new(kept, 0.0));
        }
        rho
    }
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
