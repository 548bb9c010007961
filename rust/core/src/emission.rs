//! Emission: from the laser pulse to an ion entangled with one photon.
//!
//! An attempt prepares the ion, excites it with a pulse much shorter than the lifetime and waits for the decay. If
//! preparation, excitation and decay into the collected line all succeed, ion and photon are in
//! c0 |0>|mode 0> + c1 |1>|mode 1> and the photon has the wave packet of [`WavePacket`]; otherwise there is no photon
//! and the ion has left the qubit (it enters the pair's state as I/2 and counts as leakage).

use crate::check;
use crate::error::{Error, Result};
use crate::kinds;
use crate::math;
use serde::{Deserialize, Serialize};

/// What a node's ion emits.
///
/// | field | meaning | domain | unit |
/// |---|---|---|---|
/// | `lifetime_s` | lifetime tau of the excited state | \[1e-18, 1e3\] | s |
/// | `preparation_probability` | the ion starts in the right state | \[0, 1\] | |
/// | `excitation_probability` | the pulse excites it | \[0, 1\] | |
/// | `branching_ratio` | the decay goes to the collected line | \[0, 1\] | |
/// | `amplitudes` | c0, c1 of c0\|0>\|mode 0> + c1\|1>\|mode 1>, as emitted | c0² + c1² = 1 | |
/// | `transitions` | the dipole pattern of each mode; a lens needs it | `sigma`, `pi` | |
/// | `detuning_rad_per_s` | angular frequency relative to the common reference | finite | rad/s |
/// | `dephasing_rate_hz` | pure dephasing g of the photon's phase | >= 0 | 1/s |
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EmissionParams {
    /// Lifetime of the excited state (s).
    pub lifetime_s: f64,
    /// Probability that optical pumping leaves the ion in the right state.
    #[serde(default = "one")]
    pub preparation_probability: f64,
    /// Probability that the pulse moves it to the excited state.
    #[serde(default = "one")]
    pub excitation_probability: f64,
    /// Probability that it decays on the collected line.
    #[serde(default = "one")]
    pub branching_ratio: f64,
    /// Amplitudes of the two ion-photon components at emission.
    #[serde(default = "equal_amplitudes")]
    pub amplitudes: [f64; 2],
    /// Dipole pattern of each mode; needed by a lens only.
    #[serde(default)]
    pub transitions: Option<[Transition; 2]>,
    /// Angular frequency of the photon relative to the common reference (rad/s).
    #[serde(default)]
    pub detuning_rad_per_s: f64,
    /// Pure dephasing of the photon (1/s).
    #[serde(default)]
    pub dephasing_rate_hz: f64,
}

/// Dipole pattern of a decay with respect to the magnetic field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Transition {
    /// Change of the magnetic quantum number by one: a dipole rotating about the field.
    Sigma,
    /// No change: a dipole along the field.
    Pi,
}

/// How the photon carries the qubit.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub struct PolarizationParams {
    /// Angular frequency of mode 1 above mode 0, the same at both nodes (rad/s).
    #[serde(default)]
    pub mode_splitting_rad_per_s: f64,
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

kinds! {
    /// The photonic qubit.
    pub enum EncodingParams {
        /// Two polarizations, told apart by four detectors.
        Polarization(PolarizationParams) = "polarization",
    }
}

fn one() -> f64 {
    1.0
}

fn equal_amplitudes() -> [f64; 2] {
    [std::f64::consts::FRAC_1_SQRT_2; 2]
}

/// Distance of c0² + c1² from one that rounding of decimal input explains.
const NORMALIZATION_TOLERANCE: f64 = 1e-9;

/// Checked emission of one node.
#[derive(Debug, Clone, PartialEq)]
pub struct Emission {
    /// Probability that an attempt yields a photon on the collected line.
    pub photon_probability: f64,
    /// Amplitudes at emission.
    pub amplitudes: [f64; 2],
    /// Dipole patterns, if known.
    pub transitions: Option<[Transition; 2]>,
    /// Lifetime (s).
    pub lifetime_s: f64,
    /// Angular frequency relative to the reference (rad/s).
    pub detuning_rad_per_s: f64,
    /// Pure dephasing (1/s).
    pub dephasing_rate_hz: f64,
}

impl Emission {
    /// Checks the parameters.
    ///
    /// # Errors
    /// [`Error::Parameter`] naming the field, its value, domain and unit.
    pub fn new(params: &EmissionParams) -> Result<Self> {
        let [c0, c1] = params.amplitudes;
        for (index, amplitude) in params.amplitudes.into_iter().enumerate() {
            if !(-1.0..=1.0).contains(&amplitude) {
                return Err(Error::parameter(format!("amplitudes.{index}"), amplitude, "in [-1, 1]", ""));
            }
        }
        let norm = c0 * c0 + c1 * c1;
        if (norm - 1.0).abs() > NORMALIZATION_TOLERANCE {
            let given = format!("[{c0}, {c1}], whose squares sum to {norm}");
            return Err(Error::parameter("amplitudes", given, "a pair whose squares sum to 1", ""));
        }
        let preparation = check::probability("preparation_probability", params.preparation_probability)?;
        let excitation = check::probability("excitation_probability", params.excitation_probability)?;
        let branching = check::probability("branching_ratio", params.branching_ratio)?;
        Ok(Self {
            photon_probability: preparation * excitation * branching,
            amplitudes: params.amplitudes,
            transitions: params.transitions,
            lifetime_s: check::within("lifetime_s", params.lifetime_s, 1e-18, check::MAX_DURATION_S, "s")?,
            detuning_rad_per_s: check::frequency("detuning_rad_per_s", params.detuning_rad_per_s, "rad/s")?,
            dephasing_rate_hz: check::rate("dephasing_rate_hz", params.dephasing_rate_hz, "1/s")?,
        })
    }
}

/// The wave of one photon at the station: f(t) = sqrt(1/tau) exp(-(t - d)/(2 tau) - i w (t - d)) for t >= d.
///
/// t = 0 is the arrival of an undelayed photon. |f|² integrates to one over all times.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WavePacket {
    /// tau (s).
    pub lifetime_s: f64,
    /// d (s).
    pub delay_s: f64,
    /// Angular frequency w of mode 0 relative to the reference (rad/s).
    pub detuning_rad_per_s: f64,
    /// Pure dephasing g (1/s).
    pub dephasing_rate_hz: f64,
}

impl WavePacket {
    /// Integral of |f|² over \[start, end\]: exp(-(x - d)/tau) between the limits, times before the delay left out.
    pub fn captured(&self, start_s: f64, end_s: f64) -> f64 {
        let from = start_s.max(self.delay_s);
        if end_s <= from {
            return 0.0;
        }
        let survived = math::exp(-(from - self.delay_s) / self.lifetime_s);
        -survived * math::exp_m1(-(end_s - from) / self.lifetime_s)
    }

    /// The arrival of a photon that is known to lie inside \[start, end\].
    pub fn inside(&self, start_s: f64, end_s: f64) -> Arrival {
        let from_s = start_s.max(self.delay_s);
        let captured = -math::exp_m1(-(end_s - from_s).max(0.0) / self.lifetime_s);
        Arrival { from_s, captured, lifetime_s: self.lifetime_s }
    }

    /// |f(t)|² (1/s).
    pub fn intensity(&self, time_s: f64) -> f64 {
        if time_s < self.delay_s {
            return 0.0;
        }
        math::exp(-(time_s - self.delay_s) / self.lifetime_s) / self.lifetime_s
    }
}

/// Arrival time of a photon inside a window: an exponential cut off at the window's end.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Arrival {
    from_s: f64,
    captured: f64,
    lifetime_s: f64,
}

impl Arrival {
    /// The time (s) for a uniform number in \[0, 1), by inversion.
    #[inline]
    pub fn time_s(&self, uniform: f64) -> f64 {
        self.from_s - self.lifetime_s * math::ln_1p(-uniform * self.captured)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn params() -> EmissionParams {
        EmissionParams {
            lifetime_s: 7.39e-9,
            preparation_probability: 0.99,
            excitation_probability: 0.97,
            branching_ratio: 0.95,
            amplitudes: equal_amplitudes(),
            transitions: None,
            detuning_rad_per_s: 0.0,
            dephasing_rate_hz: 0.0,
        }
    }

    #[test]
    fn photon_probability_is_the_product_of_its_steps() {
        let emission = Emission::new(&params()).unwrap();
        assert!((emission.photon_probability - 0.99 * 0.97 * 0.95).abs() < 1e-15);
    }

    #[test]
    fn amplitudes_off_the_unit_circle_are_refused_not_renormalized() {
        let error = Emission::new(&EmissionParams { amplitudes: [0.5, 0.5], ..params() }).unwrap_err();
        assert_eq!(
            error.to_string(),
            "`amplitudes` must be a pair whose squares sum to 1, got [0.5, 0.5], whose squares sum to 0.5"
        );
    }

    #[test]
    fn captured_fraction_is_one_minus_the_tail() {
        let packet =
            WavePacket { lifetime_s: 8e-9, delay_s: 1e-9, detuning_rad_per_s: 0.0, dephasing_rate_hz: 0.0 };
        assert_eq!(packet.captured(0.0, 1e-9), 0.0);
        assert!((packet.captured(0.0, 41e-9) - (1.0 - math::exp(-5.0))).abs() < 1e-15);
        assert_eq!(packet.captured(-1.0, f64::INFINITY), 1.0);
        // additive over adjoining windows
        let whole = packet.captured(0.0, 30e-9);
        assert!((packet.captured(0.0, 7e-9) + packet.captured(7e-9, 30e-9) - whole).abs() < 1e-15);
    }
}
