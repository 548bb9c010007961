//! A link of which only total efficiencies are known.

use super::Link;
use super::params::{LinkParams, NodeParams, PhaseReference, ScheduleParams, StationParams};
use crate::check;
use crate::collection::{CollectionParams, MeasuredEfficiencyParams, Stage};
use crate::detection::DetectorParams;
use crate::emission::EmissionParams;
use crate::encoding::{
    EncodingParams, FrequencyParams, IonPhotonParams, NumberParams, PolarizationParams, TimeBinParams,
};
use crate::error::{Error, Result};
use crate::memory::{LocalErrorsParams, MemoryParams};
use crate::tree::{AutoOr, OneOrMany};
use serde::{Deserialize, Serialize};

/// A link in one line. Every field has a neutral default except `efficiency`; phases are raw.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BasicLinkParams {
    /// Kind of photonic qubit.
    #[serde(default = "polarization")]
    pub encoding: String,
    /// Probability of each node from excited ion to click, for an endless window.
    pub efficiency: [f64; 2],
    /// Lifetime of each node's excited state (s).
    #[serde(default = "lifetime")]
    pub lifetime_s: [f64; 2],
    /// Residual delay of each photon (s).
    #[serde(default)]
    pub delay_s: [f64; 2],
    /// Angular frequency of each photon relative to the reference (rad/s).
    #[serde(default)]
    pub detuning_rad_per_s: [f64; 2],
    /// Angular frequency of mode 1 above mode 0 (rad/s).
    #[serde(default)]
    pub mode_splitting_rad_per_s: f64,
    /// Amplitudes c0, c1 of each node; not with number encoding.
    #[serde(default)]
    pub amplitudes: Option<[[f64; 2]; 2]>,
    /// Phase that multiplies c1 of node B (rad).
    #[serde(default)]
    pub bell_phase_rad: f64,
    /// Squared overlap M of the photons' modes.
    #[serde(default = "one")]
    pub mode_overlap: f64,
    /// Pure dephasing of each photon (1/s).
    #[serde(default)]
    pub dephasing_per_photon_per_s: f64,
    /// Reflectivity of the splitter, one or one per mode.
    #[serde(default = "balanced")]
    pub reflectivity: OneOrMany<f64>,
    /// Dark counts of each detector (1/s).
    #[serde(default)]
    pub dark_count_rate_hz: f64,
    /// Duration of the detection window (s).
    #[serde(default = "window")]
    pub window_duration_s: f64,
    /// Ion-photon fidelity of each node.
    #[serde(default = "ones")]
    pub ion_photon_fidelity: [f64; 2],
    /// Whether detectors tell one event from more.
    #[serde(default)]
    pub number_resolving: bool,
    /// Time after a click in which a detector is blind (s).
    #[serde(default)]
    pub dead_time_s: f64,
    /// Time from the early to the late bin (s), time-bin encoding; left out: `window_duration_s`.
    #[serde(default)]
    pub bin_separation_s: Option<f64>,
    /// Bright fraction alpha of each node; number encoding, which needs it.
    #[serde(default)]
    pub bright_fraction: Option<[f64; 2]>,
    /// Standard deviation of the optical phase between the arms (rad), number encoding.
    #[serde(default)]
    pub phase_jitter_rad: Option<f64>,
    /// Longest time between the two clicks of a herald (s); left out: the window.
    #[serde(default)]
    pub coincidence_window_s: Option<f64>,
    /// Whether the phase that the click times reveal is removed.
    #[serde(default)]
    pub phase_feed_forward: bool,
    /// Time from one attempt to the next (s); not together with `schedule`.
    #[serde(default)]
    pub attempt_period_s: Option<f64>,
    /// When attempts happen, its period given or computed; left out: attempts every `attempt_period_s` (default 1 µs) without pauses.
    #[serde(default)]
    pub schedule: Option<ScheduleParams>,
    /// What happens to both ions while they wait; left out: nothing.
    #[serde(default)]
    pub memory: Option<MemoryParams>,
}

fn polarization() -> String {
    "polarization".into()
}

fn lifetime() -> [f64; 2] {
    [7.4e-9; 2]
}

fn one() -> f64 {
    1.0
}

fn ones() -> [f64; 2] {
    [1.0; 2]
}

fn balanced() -> OneOrMany<f64> {
    OneOrMany::One(0.5)
}

fn window() -> f64 {
    40e-9
}

/// Attempts per microsecond unless said otherwise.
const ATTEMPT_PERIOD_S: f64 = 1e-6;

impl Default for BasicLinkParams {
    /// Perfect photons and detectors; give `efficiency`.
    fn default() -> Self {
        Self {
            encoding: polarization(),
            efficiency: ones(),
            lifetime_s: lifetime(),
            delay_s: [0.0; 2],
            detuning_rad_per_s: [0.0; 2],
            mode_splitting_rad_per_s: 0.0,
            amplitudes: None,
            bell_phase_rad: 0.0,
            mode_overlap: 1.0,
            dephasing_per_photon_per_s: 0.0,
            reflectivity: balanced(),
            dark_count_rate_hz: 0.0,
            window_duration_s: window(),
            ion_photon_fidelity: ones(),
            number_resolving: false,
            dead_time_s: 0.0,
            bin_separation_s: None,
            bright_fraction: None,
            phase_jitter_rad: None,
            coincidence_window_s: None,
            phase_feed_forward: false,
            attempt_period_s: None,
            schedule: None,
            memory: None,
        }
    }
}

impl BasicLinkParams {
    /// The checked link; errors name the argument given here rather than the link's own path.
    ///
    /// # Errors
    /// As [`Link::new`].
    pub fn checked(&self) -> Result<Link> {
        Link::new(self.link()?).map_err(|error| error.renamed(argument_of))
    }

    /// The ordinary link these numbers stand for.
    ///
    /// # Errors
    /// [`Error::Parameter`] for an unknown encoding or an ambiguous schedule; numbers are checked by
    /// [`Link::new`] under the link's own paths.
    pub fn link(&self) -> Result<LinkParams> {
        let encoding = self.encoding()?;
        let schedule = match (&self.schedule, self.attempt_period_s) {
            (Some(_), Some(period)) => {
                return Err(Error::parameter("attempt_period_s", period, "left out beside schedule", "s"));
            }
            (Some(schedule), None) => schedule.clone(),
            (None, period) => ScheduleParams {
                attempt_period_s: Some(period.unwrap_or(ATTEMPT_PERIOD_S)),
                ..ScheduleParams::default()
            },
        };
        let node = |index: usize, name: &str| NodeParams {
            name: name.into(),
            emission: EmissionParams {
                amplitudes: self
                    .amplitudes
                    .map_or_else(crate::emission::equal_amplitudes, |amplitudes| amplitudes[index]),
                detuning_rad_per_s: self.detuning_rad_per_s[index],
                dephasing_rate_hz: self.dephasing_per_photon_per_s,
                lifetime_s: Some(self.lifetime_s[index]),
                ..EmissionParams::default()
            },
            collection: CollectionParams::MeasuredEfficiency(MeasuredEfficiencyParams {
                efficiency: self.efficiency[index],
                includes: vec![Stage::Collection, Stage::Path, Stage::Station, Stage::Detector],
                at_window_s: None,
            }),
            motion: vec![],
            errors: LocalErrorsParams {
                ion_photon_fidelity: self.ion_photon_fidelity[index],
                ..LocalErrorsParams::default()
            },
            memory: self.memory.clone(),
            gates: None,
        };
        Ok(LinkParams {
            name: None,
            reference: None,
            mode_overlap: self.mode_overlap,
            delay_s: self.delay_s,
            pulse_offset_s: AutoOr::Auto,
            bell_phase_rad: self.bell_phase_rad,
            phase_reference: PhaseReference::Raw,
            phase_feed_forward: self.phase_feed_forward,
            collective_t2_s: f64::INFINITY,
            nodes: ["a", "b"][..encoding.nodes()]
                .iter()
                .enumerate()
                .map(|(index, name)| node(index, name))
                .collect(),
            encoding,
            paths: vec![],
            station: StationParams {
                detectors: OneOrMany::One(DetectorParams {
                    efficiency: 1.0,
                    dark_count_rate_hz: self.dark_count_rate_hz,
                    number_resolving: self.number_resolving,
                    dead_time_s: self.dead_time_s,
                    ..DetectorParams::default()
                }),
                reflectivity: self.reflectivity.clone(),
                transmission: 1.0,
                window_start_s: 0.0,
                window_duration_s: self.window_duration_s,
                coincidence_window_s: self.coincidence_window_s,
                extinction_ratio: OneOrMany::One(f64::INFINITY),
                port_optics: [vec![], vec![]],
                accepted_patterns: None,
            },
            schedule,
            heralded_state: None,
            inputs: vec![],
            published: None,
        })
    }
}

impl BasicLinkParams {
    /// The encoding, with what belongs to it; arguments of another encoding are refused.
    fn encoding(&self) -> Result<EncodingParams> {
        let name = self.encoding.as_str();
        let foreign = |argument: &str, given: String| {
            Err(Error::parameter(argument, given, format!("left out for encoding \"{name}\""), ""))
        };
        if let (true, Some(separation_s)) = (name != "time-bin", self.bin_separation_s) {
            return foreign("bin_separation_s", separation_s.to_string());
        }
        if let (true, Some([a, b])) = (name != "number", self.bright_fraction) {
            return foreign("bright_fraction", format!("[{a}, {b}]"));
        }
        if let (true, Some(jitter)) = (name != "number", self.phase_jitter_rad) {
            return foreign("phase_jitter_rad", jitter.to_string());
        }
        let splitting = self.mode_splitting_rad_per_s;
        if matches!(name, "time-bin" | "number") && splitting != 0.0 {
            return Err(Error::parameter(
                "mode_splitting_rad_per_s",
                splitting,
                format!("0 for encoding \"{name}\""),
                "rad/s",
            ));
        }
        Ok(match name {
            "polarization" => {
                EncodingParams::Polarization(PolarizationParams { mode_splitting_rad_per_s: splitting })
            }
            "time-bin" => EncodingParams::TimeBin(TimeBinParams::of_separation(
                self.bin_separation_s.unwrap_or(self.window_duration_s),
            )),
            "frequency" => EncodingParams::Frequency(FrequencyParams { mode_splitting_rad_per_s: splitting }),
            "number" => {
                let bright_fraction = self
                    .bright_fraction
                    .ok_or_else(|| Error::MissingField { path: "bright_fraction".into(), position: None })?;
                if let Some([[c0, c1], _]) = self.amplitudes {
                    return foreign("amplitudes", format!("[[{c0}, {c1}], ...]"));
                }
                check::non_negative("phase_jitter_rad", self.phase_jitter_rad.unwrap_or(0.0), "rad")?;
                // the arms share the variance of their difference
                let jitter = self.phase_jitter_rad.unwrap_or(0.0) * std::f64::consts::FRAC_1_SQRT_2;
                EncodingParams::Number(NumberParams { bright_fraction, phase_jitter_rad: [jitter; 2] })
            }
            "ion-photon" => {
                EncodingParams::IonPhoton(IonPhotonParams { mode_splitting_rad_per_s: splitting })
            }
            _ => {
                let domain =
                    "one of \"polarization\", \"time-bin\", \"frequency\", \"number\", \"ion-photon\"";
                return Err(Error::parameter("encoding", format!("{name:?}"), domain, ""));
            }
        })
    }
}

/// The argument behind a path of the link it makes.
fn argument_of(path: &str) -> Option<String> {
    if let Some(rest) = path.strip_prefix("nodes.") {
        let (node, field) = rest.split_once('.')?;
        let (stage, field) = field.split_once('.')?;
        return match (stage, field) {
            ("emission", "dephasing_rate_hz") => Some("dephasing_per_photon_per_s".into()),
            // one memory for both nodes
            ("memory", field) => Some(format!("memory.{field}")),
            ("emission" | "collection" | "errors", field) => {
                let (name, rest) =
                    field.split_once('.').map_or((field, None), |(name, rest)| (name, Some(rest)));
                Some(rest.map_or_else(|| format!("{name}.{node}"), |rest| format!("{name}.{node}.{rest}")))
            }
            _ => None,
        };
    }
    let rest = path.strip_prefix("encoding.").or_else(|| path.strip_prefix("station."));
    let rest = rest.map(|rest| rest.strip_prefix("detectors.").unwrap_or(rest));
    rest.map(Into::into)
}
