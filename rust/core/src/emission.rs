//! Emission: from the laser pulse to an ion entangled with one photon.
//!
//! An attempt prepares the ion, excites it and waits for the decay. If preparation, excitation and decay into the
//! collected line all succeed, ion and photon are in c0 |0>|mode 0> + c1 |1>|mode 1> and the photon has the wave packet of
//! [`WavePacket`]; otherwise there is no photon and the ion has left the qubit (it enters the pair's state as I/2 and counts
//! as leakage). A pulse that is not short against the lifetime may make two photons, [`DoubleEmission`].

mod arrival;
mod packet;
pub mod pulse;
mod shape;
mod smeared;
mod table;

pub use arrival::Arrival;
pub(crate) use packet::normal;
pub use packet::{Exponential, WavePacket};
pub use shape::{ExponentialParams, RestartParams, SmearedParams, TabulatedParams, WavePacketParams};

use crate::atoms;
use crate::check;
use crate::error::{Error, Result};
use packet::Shape;
use serde::{Deserialize, Serialize};

/// What a node's ion emits.
///
/// | field | meaning | domain | unit |
/// |---|---|---|---|
/// | `ion`, `line` | the ion and its transition by name; they fill in the next two and `branching_ratio` | both or neither | |
/// | `wavelength_nm` | wavelength of the photon | > 0 | nm |
/// | `lifetime_s` | lifetime tau of the excited state; left out with a tabulated wave packet | \[1e-18, 1e3\] | s |
/// | `preparation_probability` | the ion starts in the right state | \[0, 1\] | |
/// | `excitation_probability` | the pulse excites it | \[0, 1\] | |
/// | `branching_ratio` | the decay goes to the collected line | \[0, 1\] | |
/// | `amplitudes` | c0, c1 of c0\|0>\|mode 0> + c1\|1>\|mode 1>, as emitted | c0² + c1² = 1 | |
/// | `transitions` | the dipole pattern of each mode; a lens needs it | `sigma`, `pi` | |
/// | `detuning_rad_per_s` | angular frequency relative to the common reference | finite | rad/s |
/// | `dephasing_rate_hz` | pure dephasing g of the photon's phase | >= 0 | 1/s |
/// | `pulse_duration_s` | duration T of the pulse; 0 is instantaneous | \[0, tau\] | s |
/// | `return_mode` | the mode of a decay back to the pumped state; with a pulse duration, not for bins and number | 0, 1 | |
/// | `return_probability` | the part r of decays that go back there; `branching_ratio` times c_m², if there is a return mode m, where left out | \[0, 1\] | |
/// | `wavepacket` | shape of the photon | | |
/// | `spectral_diffusion_rad_per_s` | standard deviation of the angular frequency from attempt to attempt | >= 0 | rad/s |
/// | `arrival_jitter_s` | standard deviation of the emission time from attempt to attempt | \[0, 1e3\], at most 1e6 tau | s |
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EmissionParams {
    /// The ion, such as `88Sr+`.
    #[serde(default)]
    pub ion: Option<String>,
    /// Its transition, such as `422`.
    #[serde(default)]
    pub line: Option<String>,
    /// Wavelength of the photon (nm), instead of the line's.
    #[serde(default)]
    pub wavelength_nm: Option<f64>,
    /// Lifetime of the excited state (s), instead of the line's.
    #[serde(default)]
    pub lifetime_s: Option<f64>,
    /// Probability that optical pumping leaves the ion in the right state.
    #[serde(default = "one")]
    pub preparation_probability: f64,
    /// Probability that the pulse moves it to the excited state.
    #[serde(default = "one")]
    pub excitation_probability: f64,
    /// Probability that it decays on the collected line, instead of the line's; 1 without a line.
    #[serde(default)]
    pub branching_ratio: Option<f64>,
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
    /// Duration of the pulse (s).
    #[serde(default)]
    pub pulse_duration_s: f64,
    /// Mode of a decay back to the pumped state.
    #[serde(default)]
    pub return_mode: Option<u8>,
    /// Part of the decays that go back to the pumped state.
    #[serde(default)]
    pub return_probability: Option<f64>,
    /// Shape of the photon.
    #[serde(default)]
    pub wavepacket: WavePacketParams,
    /// Standard deviation of the photon's angular frequency, drawn anew every attempt (rad/s).
    #[serde(default)]
    pub spectral_diffusion_rad_per_s: f64,
    /// Standard deviation of the emission time, drawn anew every attempt (s).
    #[serde(default)]
    pub arrival_jitter_s: f64,
}

impl Default for EmissionParams {
    /// Everything neutral; the lifetime, which has no neutral value, is missing.
    fn default() -> Self {
        Self {
            ion: None,
            line: None,
            wavelength_nm: None,
            lifetime_s: None,
            preparation_probability: 1.0,
            excitation_probability: 1.0,
            branching_ratio: None,
            amplitudes: equal_amplitudes(),
            transitions: None,
            detuning_rad_per_s: 0.0,
            dephasing_rate_hz: 0.0,
            pulse_duration_s: 0.0,
            return_mode: None,
            return_probability: None,
            wavepacket: WavePacketParams::default(),
            spectral_diffusion_rad_per_s: 0.0,
            arrival_jitter_s: 0.0,
        }
    }
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

fn one() -> f64 {
    1.0
}

pub(crate) fn equal_amplitudes() -> [f64; 2] {
    [std::f64::consts::FRAC_1_SQRT_2; 2]
}

/// Distance of c0² + c1² from one that rounding of decimal input explains.
const NORMALIZATION_TOLERANCE: f64 = 1e-9;
/// Shortest lifetime (s); beyond it sums of exponents would overflow.
const MIN_LIFETIME_S: f64 = 1e-18;

/// What is known of an ion's transition.
struct LineData {
    wavelength_nm: f64,
    lifetime_s: f64,
    branching_ratio: f64,
}

/// The transition that the parameters name, if they name one.
fn line_of(params: &EmissionParams) -> Result<Option<LineData>> {
    match (&params.ion, &params.line) {
        (None, None) => Ok(None),
        (None, Some(_)) => Err(missing("ion")),
        (Some(_), None) => Err(missing("line")),
        (Some(ion), Some(line)) => {
            let line = atoms::line(ion, line)?;
            Ok(Some(LineData {
                wavelength_nm: line.wavelength_nm,
                lifetime_s: line.lifetime_s,
                branching_ratio: line.branching_ratio,
            }))
        }
    }
}

fn missing(field: &str) -> Error {
    Error::MissingField { path: field.into(), position: None }
}

/// Checked emission of one node.
#[derive(Debug, Clone, PartialEq)]
pub struct Emission {
    /// The ion starts in the right state.
    pub preparation_probability: f64,
    /// The pulse excites it.
    pub excitation_probability: f64,
    /// The decay goes to the collected line.
    pub branching_ratio: f64,
    /// Whether the branching ratio was given and not filled in.
    pub branching_given: bool,
    /// Amplitudes at emission.
    pub amplitudes: [f64; 2],
    /// Dipole patterns, if known.
    pub transitions: Option<[Transition; 2]>,
    /// Wavelength of the photon (nm), if known.
    pub wavelength_nm: Option<f64>,
    /// Its wave, undelayed.
    pub packet: WavePacket,
    /// The second photon of a pulse that takes its time.
    pub double: Option<DoubleEmission>,
}

/// Two photons of one pulse: the first decays back to the pumped state during the pulse, with the density of
/// [`pulse::first_photon_intensity`]; the ion is excited again, and the second photon starts afresh at the end of the pulse
/// and carries the entanglement. Times count from the pulse's beginning: the first photon comes between 0 and T, the wave
/// packet of the second one starts at T. A lone photon is taken to start at 0.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DoubleEmission {
    /// Its probability, given excitation: [`pulse::double_emission_probability`].
    pub probability: f64,
    /// Mode of the first photon, where the encoding does not decide it: in time bins it is that of the entangled photon.
    pub return_mode: Option<usize>,
    /// Duration of the pulse (s).
    pub pulse_duration_s: f64,
}

impl Emission {
    /// Checks the parameters.
    ///
    /// # Errors
    /// [`Error::Parameter`] naming the field, its value, domain and unit; [`Error::MissingField`] for a lifetime, an ion, a
    /// line or a return mode that is needed; [`Error::Model`] for jitter of a photon that is not a plain decay and for a
    /// pulse duration with a tabulated one.
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
        let line = line_of(params)?;
        let wavelength_nm = match params.wavelength_nm {
            Some(given) => Some(check::positive("wavelength_nm", given, "nm")?),
            None => line.as_ref().map(|line| line.wavelength_nm),
        };
        let branching_ratio = match params.branching_ratio {
            Some(given) => check::probability("branching_ratio", given)?,
            None => line.as_ref().map_or(1.0, |line| line.branching_ratio),
        };
        Ok(Self {
            preparation_probability: check::probability(
                "preparation_probability",
                params.preparation_probability,
            )?,
            excitation_probability: check::probability(
                "excitation_probability",
                params.excitation_probability,
            )?,
            branching_ratio,
            branching_given: params.branching_ratio.is_some(),
            amplitudes: params.amplitudes,
            transitions: params.transitions,
            wavelength_nm,
            packet: packet_of(params, line.as_ref())?,
            double: double_of(params, line.as_ref(), branching_ratio)?,
        })
    }

    /// Probability that an attempt yields a photon on the collected line.
    pub fn photon_probability(&self) -> f64 {
        self.preparation_probability * self.excitation_probability * self.branching_ratio
    }
}

/// The lifetime that was given, or else that of the line.
fn lifetime_of(params: &EmissionParams, line: Option<&LineData>) -> Result<Option<f64>> {
    match params.lifetime_s {
        Some(given) => {
            check::within("lifetime_s", given, MIN_LIFETIME_S, check::MAX_DURATION_S, "s").map(Some)
        }
        None => Ok(line.map(|line| line.lifetime_s)),
    }
}

/// The photon's wave.
fn packet_of(params: &EmissionParams, line: Option<&LineData>) -> Result<WavePacket> {
    let lifetime_s = lifetime_of(params, line)?;
    if let (WavePacketParams::Tabulated(_), Some(given)) = (&params.wavepacket, params.lifetime_s) {
        return Err(Error::parameter("lifetime_s", given, "left out beside a tabulated wave packet", "s"));
    }
    let within = |error: Error| match error {
        Error::MissingField { .. } => error,
        other => other.within("wavepacket"),
    };
    let shape = params.wavepacket.shape(lifetime_s).map_err(within)?;
    let starts = params.wavepacket.starts().map_err(within)?;
    let jitter_s = match (&shape, &lifetime_s) {
        (Shape::Exponential { lifetime_s }, _) | (_, Some(lifetime_s)) => {
            shape::deviation_s("arrival_jitter_s", params.arrival_jitter_s, *lifetime_s)?
        }
        (_, None) => {
            check::within("arrival_jitter_s", params.arrival_jitter_s, 0.0, check::MAX_DURATION_S, "s")?
        }
    };
    if jitter_s > 0.0 && !matches!(shape, Shape::Exponential { .. }) {
        return Err(Error::Model {
            parameter: "arrival_jitter_s".into(),
            message: "the jittered amplitude of a smeared or tabulated wave packet has no closed form: leave the jitter out \
                      and lower the link's mode_overlap by what it costs, or make the wave packet exponential"
                .into(),
        });
    }
    let mut packet = WavePacket::new(shape, starts, jitter_s);
    packet.detuning_rad_per_s = check::frequency("detuning_rad_per_s", params.detuning_rad_per_s, "rad/s")?;
    packet.dephasing_rate_hz = check::rate("dephasing_rate_hz", params.dephasing_rate_hz, "1/s")?;
    packet.spectral_diffusion_rad_per_s =
        check::rate("spectral_diffusion_rad_per_s", params.spectral_diffusion_rad_per_s, "rad/s")?;
    Ok(packet)
}

/// The second photon of a pulse that takes its time.
fn double_of(
    params: &EmissionParams,
    line: Option<&LineData>,
    branching_ratio: f64,
) -> Result<Option<DoubleEmission>> {
    let pulse_duration_s =
        check::within("pulse_duration_s", params.pulse_duration_s, 0.0, check::MAX_DURATION_S, "s")?;
    let return_mode = match params.return_mode {
        None => None,
        Some(mode @ (0 | 1)) => Some(usize::from(mode)),
        Some(mode) => return Err(Error::parameter("return_mode", mode, "0 or 1", "")),
    };
    let return_probability =
        params.return_probability.map(|given| check::probability("return_probability", given)).transpose()?;
    if pulse_duration_s <= 0.0 {
        let domain = "left out without pulse_duration_s";
        if let Some(mode) = return_mode {
            return Err(Error::parameter("return_mode", mode, domain, ""));
        }
        if let Some(probability) = return_probability {
            return Err(Error::parameter("return_probability", probability, domain, ""));
        }
        return Ok(None);
    }
    let lifetime_s = match &params.wavepacket {
        WavePacketParams::Tabulated(_) => None,
        _ => lifetime_of(params, line)?,
    };
    let Some(lifetime_s) = lifetime_s else {
        return Err(Error::Model {
            parameter: "pulse_duration_s".into(),
            message: "how often a photon of tabulated intensity is emitted twice does not follow from a lifetime: leave the \
                      pulse duration out, the table holds what the pulse makes"
                .into(),
        });
    };
    if pulse_duration_s > lifetime_s {
        // several returns in one pulse would be common, and the first photon no longer follows the pulse alone
        let domain = format!(
            "at most the lifetime, {lifetime_s:e}: a longer pulse drives many decays, not one excitation"
        );
        return Err(Error::parameter("pulse_duration_s", pulse_duration_s, domain, "s"));
    }
    let there = return_mode.map_or(1.0, |mode: usize| params.amplitudes[mode] * params.amplitudes[mode]);
    let returned = return_probability.unwrap_or(branching_ratio * there);
    let probability = pulse::double_emission_probability(pulse_duration_s, lifetime_s, returned);
    Ok(Some(DoubleEmission { probability, return_mode, pulse_duration_s }))
}

#[cfg(test)]
mod tests;
