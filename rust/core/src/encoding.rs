//! Encoding: how a photon carries the qubit that its ion keeps.
//!
//! | encoding | mode 0 and mode 1 | slots | a herald is |
//! |---|---|---|---|
//! | polarization | two polarizations | (port, polarization) | one click in each mode |
//! | time-bin | early and late bin | (port, bin) | one click in each bin |
//! | barrett-kok | first and second round | (port, round) | one click in each round |
//! | frequency | two frequencies, not resolved | port | one click in each port |
//! | number | no photon and one photon | port | one click |
//! | ion-photon | two polarizations, analyzed by a receiver | polarization | one click |

use crate::check;
use crate::error::{Error, Result};
use crate::kinds;
use serde::{Deserialize, Serialize};

/// Slots of a station: two ports times two modes. Encodings that do not resolve the mode use slot `slot_index(port, 0)`.
pub const SLOTS: usize = 4;

/// Index of the slot at an exit of the splitter for a mode.
pub const fn slot_index(port: usize, mode: usize) -> usize {
    2 * port + mode
}

/// Two polarizations, told apart by four detectors.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub struct PolarizationParams {
    /// Angular frequency of mode 1 above mode 0, the same at both nodes (rad/s).
    #[serde(default)]
    pub mode_splitting_rad_per_s: f64,
}

/// Two time bins, told apart by the clock; an ion is excited once in each.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TimeBinParams {
    /// Time from the early to the late pulse (s).
    pub bin_separation_s: f64,
    /// Angle by which the rotation between the bins misses pi, for each node (rad).
    #[serde(default)]
    pub rotation_error_rad: [f64; 2],
    /// Probability, for each node, that an excited ion decays to the other ground state: that photon is filtered out,
    /// and an ion that should have emitted early is bright again in the late bin.
    #[serde(default)]
    pub wrong_decay_probability: [f64; 2],
    /// 1/e time of the ions' coherence between the bins, for each node (s).
    #[serde(default = "forever")]
    pub coherence_time_s: [f64; 2],
    /// Check of both ions for leakage after the clicks; left out: none.
    #[serde(default)]
    pub erasure_check: Option<ErasureCheckParams>,
}

/// A check that tells ions outside the qubit from ions inside it and gives up the heralds in which it finds one.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ErasureCheckParams {
    /// Probability that an ion outside the qubit is found out.
    #[serde(default = "one")]
    pub detection_probability: f64,
    /// Fraction of ions inside the qubit that pass.
    #[serde(default = "one")]
    pub kept_fraction: f64,
}

/// Two frequencies that the detectors do not tell apart.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FrequencyParams {
    /// Angular frequency of mode 1 above mode 0, the same at both nodes (rad/s).
    pub mode_splitting_rad_per_s: f64,
}

/// No photon or one: each ion is left bright, and emits, with a small amplitude.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NumberParams {
    /// alpha of sqrt(1 - alpha)|0>|no photon> + sqrt(alpha)|1>|photon>, for each node.
    pub bright_fraction: [f64; 2],
    /// Standard deviation of each arm's optical phase (rad); the variances add.
    #[serde(default)]
    pub phase_jitter_rad: [f64; 2],
}

/// Two rounds with a spin flip between them, one click in each (Barrett and Kok).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BarrettKokParams {
    /// Time from the first to the second round's pulse (s).
    pub round_separation_s: f64,
    /// Standard deviation, for each arm, of the change of its optical phase from round to round (rad).
    #[serde(default)]
    pub phase_jitter_rad: [f64; 2],
}

/// One node: a receiver analyzes the polarization of the photon.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub struct IonPhotonParams {
    /// Angular frequency of mode 1 above mode 0 (rad/s).
    #[serde(default)]
    pub mode_splitting_rad_per_s: f64,
}

fn forever() -> [f64; 2] {
    [f64::INFINITY; 2]
}

fn one() -> f64 {
    1.0
}

kinds! {
    /// The photonic qubit.
    pub enum EncodingParams {
        /// Two polarizations.
        Polarization(PolarizationParams) = "polarization",
        /// Two time bins.
        TimeBin(TimeBinParams) = "time-bin",
        /// Two frequencies.
        Frequency(FrequencyParams) = "frequency",
        /// No photon or one.
        Number(NumberParams) = "number",
        /// Two rounds of no photon or one.
        BarrettKok(BarrettKokParams) = "barrett-kok",
        /// The photon itself is analyzed.
        IonPhoton(IonPhotonParams) = "ion-photon",
    }
}

impl PolarizationParams {
    /// Checks the fields.
    ///
    /// # Errors
    /// [`Error::Parameter`] naming the field.
    pub fn check(&self) -> Result<()> {
        check::frequency("mode_splitting_rad_per_s", self.mode_splitting_rad_per_s, "rad/s").map(drop)
    }
}

impl IonPhotonParams {
    /// Checks the fields.
    ///
    /// # Errors
    /// [`Error::Parameter`] naming the field.
    pub fn check(&self) -> Result<()> {
        check::frequency("mode_splitting_rad_per_s", self.mode_splitting_rad_per_s, "rad/s").map(drop)
    }
}

impl FrequencyParams {
    /// Checks the fields.
    ///
    /// # Errors
    /// [`Error::Parameter`] naming the field.
    pub fn check(&self) -> Result<()> {
        check::frequency("mode_splitting_rad_per_s", self.mode_splitting_rad_per_s, "rad/s").map(drop)
    }
}

impl ErasureCheckParams {
    /// Checks the fields.
    ///
    /// # Errors
    /// [`Error::Parameter`] naming the field.
    pub fn check(&self) -> Result<()> {
        check::probability("detection_probability", self.detection_probability)?;
        check::probability("kept_fraction", self.kept_fraction).map(drop)
    }
}

impl TimeBinParams {
    /// Ions and rotations without errors.
    pub fn of_separation(bin_separation_s: f64) -> Self {
        Self {
            bin_separation_s,
            rotation_error_rad: [0.0; 2],
            wrong_decay_probability: [0.0; 2],
            coherence_time_s: forever(),
            erasure_check: None,
        }
    }

    /// Checks the fields.
    ///
    /// # Errors
    /// [`Error::Parameter`] naming the field.
    pub fn check(&self) -> Result<()> {
        separation("bin_separation_s", self.bin_separation_s)?;
        each("rotation_error_rad", self.rotation_error_rad, |name, angle| {
            check::within(name, angle, -std::f64::consts::PI, std::f64::consts::PI, "rad")
        })?;
        each("wrong_decay_probability", self.wrong_decay_probability, check::probability)?;
        each("coherence_time_s", self.coherence_time_s, |name, time_s| {
            if time_s > 0.0 { Ok(time_s) } else { Err(Error::parameter(name, time_s, "above 0", "s")) }
        })?;
        self.erasure_check
            .map_or(Ok(()), |erasure| erasure.check().map_err(|error| error.within("erasure_check")))
    }
}

impl NumberParams {
    /// Checks the fields.
    ///
    /// # Errors
    /// [`Error::Parameter`] naming the field.
    pub fn check(&self) -> Result<()> {
        each("bright_fraction", self.bright_fraction, check::probability)?;
        each("phase_jitter_rad", self.phase_jitter_rad, |name, sigma| check::non_negative(name, sigma, "rad"))
    }
}

impl BarrettKokParams {
    /// Checks the fields.
    ///
    /// # Errors
    /// [`Error::Parameter`] naming the field.
    pub fn check(&self) -> Result<()> {
        separation("round_separation_s", self.round_separation_s)?;
        each("phase_jitter_rad", self.phase_jitter_rad, |name, sigma| check::non_negative(name, sigma, "rad"))
    }
}

fn separation(name: &str, value: f64) -> Result<()> {
    check::positive(name, value, "s")?;
    check::within(name, value, 0.0, check::MAX_DURATION_S, "s").map(drop)
}

/// Checks the value of each node.
fn each(name: &str, values: [f64; 2], checked: impl Fn(&str, f64) -> Result<f64>) -> Result<()> {
    for (node, value) in values.into_iter().enumerate() {
        checked(&node.to_string(), value).map_err(|error| error.within(name))?;
    }
    Ok(())
}

impl EncodingParams {
    /// Checks the fields of the kind.
    ///
    /// # Errors
    /// [`Error::Parameter`] naming the field.
    pub fn check(&self) -> Result<()> {
        match self {
            Self::Polarization(params) => params.check(),
            Self::TimeBin(params) => params.check(),
            Self::Frequency(params) => params.check(),
            Self::Number(params) => params.check(),
            Self::BarrettKok(params) => params.check(),
            Self::IonPhoton(params) => params.check(),
        }
    }

    /// The name in link files.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Polarization(_) => "polarization",
            Self::TimeBin(_) => "time-bin",
            Self::Frequency(_) => "frequency",
            Self::Number(_) => "number",
            Self::BarrettKok(_) => "barrett-kok",
            Self::IonPhoton(_) => "ion-photon",
        }
    }

    /// Where photons of the two modes go.
    pub fn carrier(&self) -> Carrier {
        match self {
            Self::Polarization(_) | Self::IonPhoton(_) => Carrier::Polarization,
            Self::TimeBin(_) | Self::BarrettKok(_) => Carrier::Bins,
            Self::Frequency(_) | Self::Number(_) => Carrier::Shared,
        }
    }

    /// Angular frequency of mode 1 above mode 0 (rad/s). Bins are told apart by time: each has its own clock.
    pub fn mode_splitting_rad_per_s(&self) -> f64 {
        match self {
            Self::Polarization(params) => params.mode_splitting_rad_per_s,
            Self::Frequency(params) => params.mode_splitting_rad_per_s,
            Self::IonPhoton(params) => params.mode_splitting_rad_per_s,
            Self::TimeBin(_) | Self::Number(_) | Self::BarrettKok(_) => 0.0,
        }
    }

    /// Number of nodes.
    pub fn nodes(&self) -> usize {
        if matches!(self, Self::IonPhoton(_)) { 1 } else { 2 }
    }

    /// Time from the window of mode 0 to that of mode 1 (s).
    pub fn bin_separation_s(&self) -> f64 {
        match self {
            Self::TimeBin(params) => params.bin_separation_s,
            Self::BarrettKok(params) => params.round_separation_s,
            _ => 0.0,
        }
    }
}

/// Where photons of the two modes go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Carrier {
    /// The mode is a polarization: each has a detector of its own behind a polarizing splitter.
    Polarization,
    /// The mode is a time bin: one detector per port, a slot for each bin.
    Bins,
    /// One slot per port takes both modes.
    Shared,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_names_the_field_and_the_node() {
        let params = NumberParams { bright_fraction: [0.1, 1.5], phase_jitter_rad: [0.0; 2] };
        assert_eq!(params.check().unwrap_err().to_string(), "`bright_fraction.1` must be in [0, 1], got 1.5");
    }

    #[test]
    fn a_coherence_time_may_be_infinite_but_not_zero() {
        let params = |coherence_time_s| TimeBinParams {
            bin_separation_s: 1e-6,
            rotation_error_rad: [0.0; 2],
            wrong_decay_probability: [0.0; 2],
            coherence_time_s,
            erasure_check: None,
        };
        assert!(params(forever()).check().is_ok());
        assert!(params([1.0, 0.0]).check().unwrap_err().to_string().contains("coherence_time_s.1"));
    }
}
