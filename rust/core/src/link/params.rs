//! The parameters of a link: what a link file holds, field for field.

use super::provenance::{InputParams, PublishedParams};
use crate::channel::ElementParams;
use crate::collection::CollectionParams;
use crate::detection::DetectorParams;
use crate::emission::EmissionParams;
use crate::encoding::{EncodingParams, PolarizationParams};
use crate::gates::GatesParams;
use crate::memory::{HeraldedStateParams, LocalErrorsParams, MemoryParams};
use crate::motion::MotionalModeParams;
use crate::tree::{AutoOr, OneOrMany};
use serde::{Deserialize, Serialize};

/// One heralded link between two nodes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LinkParams {
    /// Short name.
    #[serde(default)]
    pub name: Option<String>,
    /// The paper or note the numbers come from.
    #[serde(default)]
    pub reference: Option<String>,
    /// Squared overlap M = Tr(rho_a rho_b) of the two photons' modes, delays and detunings apart.
    #[serde(default = "one")]
    pub mode_overlap: f64,
    /// Residual delay of each node's photon at the station (s), beside what pulses and paths bring.
    #[serde(default)]
    pub delay_s: [f64; 2],
    /// Time of each node's pulse (s), or `"auto"`: pulses are timed so that both photons arrive together.
    #[serde(default)]
    pub pulse_offset_s: AutoOr<[f64; 2]>,
    /// Phase that multiplies the amplitude c1 of node B (rad).
    #[serde(default)]
    pub bell_phase_rad: f64,
    /// Whether states keep the static phases or are given in the frame that removes them.
    #[serde(default)]
    pub phase_reference: PhaseReference,
    /// Whether the phase that the recorded click times reveal is removed from each state (a turn of ion B).
    #[serde(default)]
    pub phase_feed_forward: bool,
    /// 1/e time of one ion's coherence in the field that both ions share, drawn once per attempt (s).
    #[serde(default = "forever")]
    pub collective_t2_s: f64,
    /// The two nodes, A first; one node for ion-photon links.
    pub nodes: Vec<NodeParams>,
    /// The photonic qubit.
    #[serde(default = "polarization")]
    pub encoding: EncodingParams,
    /// The path of each node's photon, elements in order.
    #[serde(default)]
    pub paths: Vec<Vec<ElementParams>>,
    /// The station in the middle.
    pub station: StationParams,
    /// When attempts happen.
    pub schedule: ScheduleParams,
    /// The state of the ions of every herald, where it was measured; left out: computed.
    #[serde(default)]
    pub heralded_state: Option<HeraldedStateParams>,
    /// Where parameters come from.
    #[serde(default)]
    pub inputs: Vec<InputParams>,
    /// What was measured, for links that exist.
    #[serde(default)]
    pub published: Option<PublishedParams>,
}

fn one() -> f64 {
    1.0
}

fn forever() -> f64 {
    f64::INFINITY
}

fn polarization() -> EncodingParams {
    EncodingParams::Polarization(PolarizationParams::default())
}

/// The frame of the announced Bell states.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PhaseReference {
    /// Static phases (Bell phase, mode splitting times delay) are known to the laboratory and removed.
    #[default]
    Calibrated,
    /// The state as the photons leave it.
    Raw,
}

/// A node: an ion and what happens to its photon and to itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NodeParams {
    /// Name of the node.
    pub name: String,
    /// What the ion emits.
    pub emission: EmissionParams,
    /// How the photon is collected.
    pub collection: CollectionParams,
    /// Local errors of the ion.
    #[serde(default)]
    pub errors: LocalErrorsParams,
    /// What happens to the ion while it waits; left out: nothing.
    #[serde(default)]
    pub memory: Option<MemoryParams>,
    /// Motional modes of the ion, which its photon's recoil excites; none: an ion that does not recoil.
    #[serde(default)]
    pub motion: Vec<MotionalModeParams>,
    /// Operations of the node on stored qubits, for networks: nothing of the link itself depends on them; left out: perfect and
    /// instantaneous.
    #[serde(default)]
    pub gates: Option<GatesParams>,
}

/// The station: splitter, detectors, window and the patterns it accepts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StationParams {
    /// One detector model for all, or one each: for polarization in the order 00, 01, 10, 11 (port, mode), for ion-photon
    /// links one per mode, otherwise one per port.
    #[serde(default = "ideal_detectors")]
    pub detectors: OneOrMany<DetectorParams>,
    /// Reflectivity of the splitter, one for both modes or one per mode.
    #[serde(default = "balanced")]
    pub reflectivity: OneOrMany<f64>,
    /// Transmission of the station's optics, the splitter's loss included.
    #[serde(default = "one")]
    pub transmission: f64,
    /// Opening of the detection window after the arrival of an undelayed photon (s).
    #[serde(default)]
    pub window_start_s: f64,
    /// Duration of the detection window (s).
    pub window_duration_s: f64,
    /// Longest time between the two clicks of a herald (s); left out: the window.
    #[serde(default)]
    pub coincidence_window_s: Option<f64>,
    /// Light of a polarization that its polarizer sends to the right detector over light that it sends to the wrong one, for
    /// all or for each slot (4: 00, 01, 10, 11); infinite for ideal polarizers.
    #[serde(default = "ideal_polarizers")]
    pub extinction_ratio: OneOrMany<f64>,
    /// Rotations, wave plates and polarization losses behind each exit of the splitter, elements in order.
    #[serde(default)]
    pub port_optics: [Vec<ElementParams>; 2],
    /// Accepted patterns, by name (`00+11`) or all of a Bell state's at once (`psi-`); left out: all.
    #[serde(default)]
    pub accepted_patterns: Option<Vec<String>>,
}

fn ideal_detectors() -> OneOrMany<DetectorParams> {
    OneOrMany::One(DetectorParams::default())
}

fn balanced() -> OneOrMany<f64> {
    OneOrMany::One(0.5)
}

fn ideal_polarizers() -> OneOrMany<f64> {
    OneOrMany::One(f64::INFINITY)
}

/// A fixed comb of attempts: bursts of rounds with pauses between them; a herald does not reset it.
///
/// ```
/// use ionlink_core::link::params::ScheduleParams;
/// let schedule = ScheduleParams { attempt_period_s: Some(1e-6), ..ScheduleParams::default() };
/// assert_eq!(schedule.ions_per_round, 1);
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScheduleParams {
    /// Time from one attempt to the next, with several ions per round from one round to the next (s); left out: the sum of
    /// its parts.
    #[serde(default)]
    pub attempt_period_s: Option<f64>,
    /// Rounds (attempts, for one ion per round) between two pauses; left out: no pauses.
    #[serde(default)]
    pub attempts_per_burst: Option<u64>,
    /// Pause after each burst (s).
    #[serde(default)]
    pub pause_s: f64,
    /// Cooling before each round (s), part of a computed period.
    #[serde(default)]
    pub cooling_s: f64,
    /// Optical pumping before each round (s), part of a computed period.
    #[serde(default)]
    pub preparation_s: f64,
    /// Delay of the message from the station to the nodes (s); left out: that of each node's path.
    #[serde(default)]
    pub return_delay_s: Option<f64>,
    /// Time the station takes to decide about a herald (s).
    #[serde(default)]
    pub decision_s: f64,
    /// Ions of each node that are excited one after the other in a round.
    #[serde(default = "one_ion")]
    pub ions_per_round: u64,
    /// Time from one ion of a round to the next (s); left out: the period over the number of ions.
    #[serde(default)]
    pub ion_spacing_s: Option<f64>,
    /// Ion losses per second of attempting (1/s), those of both nodes together.
    #[serde(default)]
    pub ion_loss_rate_hz: f64,
    /// Time that a loss costs before the next attempt (s).
    #[serde(default)]
    pub reload_s: f64,
}

fn one_ion() -> u64 {
    1
}

impl Default for ScheduleParams {
    /// Nothing but neutral values: it still needs a period or parts of one.
    fn default() -> Self {
        Self {
            attempt_period_s: None,
            attempts_per_burst: None,
            pause_s: 0.0,
            cooling_s: 0.0,
            preparation_s: 0.0,
            return_delay_s: None,
            decision_s: 0.0,
            ions_per_round: one_ion(),
            ion_spacing_s: None,
            ion_loss_rate_hz: 0.0,
            reload_s: 0.0,
        }
    }
}
