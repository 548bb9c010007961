//! Collection: which part of the emission a lens, a cavity or a measured efficiency hands to the path.

mod cavity;
mod lens;
mod measured;
mod pupil;

pub use cavity::{CavityParams, Drive};
pub use lens::{
    Axis, LensParams, collected_fraction, polarization_overlap_infidelity, wrong_polarization_adapted,
    wrong_polarization_fixed,
};
pub use measured::MeasuredEfficiencyParams;
pub use pupil::Pupil;

use crate::emission::Emission;
use crate::error::Result;
use crate::kinds;
use serde::{Deserialize, Serialize};

/// A stage of the photon's way that a measured efficiency may contain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Lens, cavity, fiber coupling.
    Collection,
    /// Fibers and other elements.
    Path,
    /// Optics of the station up to the detectors.
    Station,
    /// Detector efficiency.
    Detector,
    /// The part of the wave packet inside the detection window.
    Window,
}

impl Stage {
    /// The name in link files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Collection => "collection",
            Self::Path => "path",
            Self::Station => "station",
            Self::Detector => "detector",
            Self::Window => "window",
        }
    }
}

kinds! {
    /// How photons get from the ion to the path.
    pub enum CollectionParams {
        /// A lens computed from its aperture.
        Lens(LensParams) = "lens",
        /// A cavity computed from its rates.
        Cavity(CavityParams) = "cavity",
        /// A measured number.
        MeasuredEfficiency(MeasuredEfficiencyParams) = "measured_efficiency",
    }
}

/// What the collection makes of an emitted photon.
#[derive(Debug, Clone, PartialEq)]
pub struct Collection {
    /// Amplitudes of the collected photon, normalized. What is not collected leaves its ion in the emitted populations.
    pub amplitudes: [f64; 2],
    /// Probability per emitted photon to pass the stages below, for an infinite detection window.
    pub efficiency: f64,
    /// Stages after the collection that `efficiency` contains already.
    pub includes: Vec<Stage>,
    /// Where behind the collection which polarization is.
    pub pupil: Pupil,
    /// Whether `efficiency` contains the branching ratio of the emission, which must not be applied again.
    pub branching_included: bool,
}

impl Collection {
    /// Checks the parameters and applies them to what the node emits.
    ///
    /// An efficiency measured inside a window is that of an undelayed photon.
    ///
    /// # Errors
    /// [`Error::Parameter`](crate::Error::Parameter), [`Error::MissingField`](crate::Error::MissingField) or
    /// [`Error::Model`](crate::Error::Model) naming the field.
    pub fn new(params: &CollectionParams, emission: &Emission) -> Result<Self> {
        match params {
            CollectionParams::Lens(lens) => lens::collection(lens, emission),
            CollectionParams::Cavity(cavity) => cavity::collection(cavity, emission),
            CollectionParams::MeasuredEfficiency(measured) => measured::collection(measured, emission),
        }
    }

    /// Whether a later stage is contained in the efficiency already.
    pub fn includes(&self, stage: Stage) -> bool {
        self.includes.contains(&stage)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use crate::emission::{Emission, EmissionParams};
    use crate::tree::Tree;

    /// Two parts sigma, one part pi, as strontium's P1/2 state emits.
    pub(crate) fn strontium() -> Emission {
        emission(2.0 / 3.0, "[\"sigma\", \"pi\"]")
    }

    pub(crate) fn emission(population: f64, transitions: &str) -> Emission {
        let (c0, c1) = (population.sqrt(), (1.0 - population).sqrt());
        let text = format!(
            "lifetime_s = 7.39e-9\namplitudes = [{c0:?}, {c1:?}]\ntransitions = {transitions}\nbranching_ratio = 0.9"
        );
        let params: EmissionParams = Tree::from_toml(&text).unwrap().read().unwrap();
        Emission::new(&params).unwrap()
    }
}
