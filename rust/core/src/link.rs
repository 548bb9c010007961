//! A link: two nodes, two paths, one station; checked once, then ready for [`Link::exact`] and for sampling.

mod after;
mod attempt;
pub mod basic;
mod branch;
pub mod budget;
mod click;
pub mod clock;
pub(crate) mod conditional;
mod detectors;
mod draw;
pub mod exact;
mod fit;
mod herald;
pub mod measure;
mod node;
pub mod one;
mod operators;
pub mod params;
pub mod parts;
mod photon;
pub mod provenance;
pub mod record;
mod rounds;
pub mod run;
pub mod sampler;
pub mod schedule;
pub mod states;
mod station;
pub mod tags;
mod through;
mod waves;

use crate::check;
use crate::collection::Stage;
use crate::detection::{Background, Slot, Window};
use crate::emission::{DoubleEmission, WavePacket, normal};
use crate::encoding::{Carrier, EncodingParams, SLOTS};
use crate::error::{Error, Result};
use crate::herald::Pattern;
use crate::interference::{DARK, Gram, Optics};
use crate::memory::{HeraldedState, LocalErrors, Storage};
use crate::motion::Motion;
use crate::stream::Xoshiro;
use crate::tree::{AutoOr, Tree};
use crate::{math, presets};
use branch::Branch;
use detectors::Recall;
use exact::Exact;
use herald::Ways;
use node::{Parts, check_apertures, check_stages};
use num_complex::Complex64;
use params::{LinkParams, PhaseReference};
use provenance::check_inputs;
use schedule::Schedule;
use station::Station;
use std::sync::OnceLock;

/// One node's photon as the station sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct Source {
    /// Probability that an attempt leaves the ion in the qubit, with or without a photon.
    pub photon_probability: f64,
    /// Probability per emitted photon to be registered by the best detector of an endless window.
    pub efficiency: f64,
    /// Populations at emission: the state of an ion whose photon is lost. For number encoding 1 - alpha and alpha.
    pub populations: [f64; 2],
    /// Amplitudes c0, c1 of the collected photon.
    pub amplitudes: [f64; 2],
    /// Its wave.
    pub packet: WavePacket,
    /// A second photon from a pulse of finite duration.
    pub double: Option<DoubleEmission>,
    /// Probability that the rotation between time bins does not exchange the ion's states.
    pub rotation_missed: f64,
    /// Probability that a bright ion leaves the qubit instead of emitting, number encoding.
    pub bright_leak: f64,
    /// Probability of a decay to the other ground state, time bins.
    pub wrong_decay_probability: f64,
    /// Factor of the ion's coherence from what happens between bins or rounds.
    pub coherence: f64,
    /// Phase that does not depend on click times (rad), of |1> of this ion.
    pub static_phase_rad: f64,
}

/// A checked link. Cheap to share; everything that can be refused is refused by [`Link::new`].
///
/// ```
/// use ionlink_core::{BasicLinkParams, Link};
///
/// let link = Link::new(BasicLinkParams { efficiency: [0.02, 0.01], mode_overlap: 0.95, ..Default::default() }.link()?)?;
/// let exact = link.exact()?;
/// assert!((exact.herald_probability - 1e-4).abs() < 1e-6);
/// assert!((exact.fidelity - 0.975).abs() < 1e-3);
/// # Ok::<(), ionlink_core::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Link {
    pub(crate) params: LinkParams,
    pub(crate) sources: [Source; 2],
    /// The ways in which an attempt of each node can go.
    pub(crate) branches: [Vec<Branch>; 2],
    pub(crate) optics: Optics,
    pub(crate) slots: [Slot; SLOTS],
    /// Gram matrix of each slot, with the slot's efficiency relative to the best detector.
    pub(crate) grams: [Gram; SLOTS],
    /// The photon as a receiver analyzes it; nothing but for ion-photon links.
    pub(crate) received: Gram,
    pub(crate) window: Window,
    pub(crate) coincidence_window_s: Option<f64>,
    pub(crate) mode_overlap: f64,
    /// Angular frequency of mode 1 above mode 0 (rad/s).
    pub(crate) splitting: f64,
    /// From the window of mode 0 to that of mode 1 (s).
    pub(crate) bin_separation_s: f64,
    /// exp(-sigma²/2) of the arms' phase noise, number encoding.
    pub(crate) phase_kept: f64,
    pub(crate) patterns: Vec<Pattern>,
    pub(crate) schedule: Schedule,
    /// Of both ions.
    pub(crate) motion: Motion,
    path_delay_s: [f64; 2],
    errors: [LocalErrors; 2],
    /// When background arrives at each slot's detector, where there is any.
    pub(crate) backgrounds: [Option<Background>; SLOTS],
    pub(crate) recall: Recall,
    /// Whether detectors record clicks at other times than they happen, and whether some of the clicks are afterpulses.
    pub(crate) jitters: bool,
    pub(crate) afterpulses: bool,
    storage: Storage,
    heralded: Option<HeraldedState>,
    exact: OnceLock<Result<Exact>>,
    ways: OnceLock<Option<Box<Ways>>>,
}

impl Link {
    /// Checks every parameter and precomputes what sampling needs.
    ///
    /// # Errors
    /// The first parameter outside its domain, with its path, value, domain and unit.
    pub fn new(params: LinkParams) -> Result<Self> {
        let encoding = params.encoding.clone();
        encoding.check().map_err(|error| error.within("encoding"))?;
        let station = Station::new(&params.station, &encoding).map_err(|error| error.within("station"))?;
        let mode_overlap = check::probability("mode_overlap", params.mode_overlap)?;
        check::finite("bell_phase_rad", params.bell_phase_rad, "rad")?;
        for (index, &delay_s) in params.delay_s.iter().enumerate() {
            let checked = check::within(&index.to_string(), delay_s, 0.0, check::MAX_DURATION_S, "s");
            checked.map_err(|error| error.within("delay_s"))?;
        }
        let count = encoding.nodes();
        if params.nodes.len() != count {
            let domain = format!("{count} for the {} encoding", encoding.name());
            return Err(Error::parameter("nodes", format!("{} nodes", params.nodes.len()), domain, ""));
        }
        if !params.paths.is_empty() && params.paths.len() != count {
            let domain = format!("one path per node ({count}), or none at all");
            return Err(Error::parameter("paths", format!("{} paths", params.paths.len()), domain, ""));
        }
        if count == 2 && params.nodes[0].name == params.nodes[1].name {
            let name = format!("{:?}", params.nodes[1].name);
            return Err(Error::parameter("nodes.1.name", name, "different from the first node's", ""));
        }
        after::check_after(&params)?;
        fit::check_unused(&params)?;
        let heralded = params
            .heralded_state
            .as_ref()
            .map(|given| HeraldedState::new(given).map_err(|error| error.within("heralded_state")))
            .transpose()?;
        Schedule::check(&params.schedule).map_err(|error| error.within("schedule"))?;
        let mut parts = vec![];
        for (node, given) in params.nodes.iter().enumerate() {
            let elements = params.paths.get(node).map_or(&[][..], Vec::as_slice);
            parts.push(Parts::new(given, node, elements, &encoding)?);
        }
        let schedule = fit::schedule_of(&params, &parts)?;
        check_stages(&parts)?;
        check_apertures(&params)?;
        let detectors_included = parts[0].collection.includes(Stage::Detector);
        if detectors_included
            && station.detectors.iter().flatten().any(|d| Some(d.efficiency) != station.first_efficiency())
        {
            return Err(Error::Model {
                parameter: "station.detectors".into(),
                message: "detectors of unequal efficiency cannot be part of a measured efficiency: leave `detector` out \
                          of `includes`"
                    .into(),
            });
        }
        if count == 1 && station.detectors.iter().flatten().any(|d| Some(d) != station.detectors[0].as_ref())
        {
            return Err(Error::Model {
                parameter: "station.detectors".into(),
                message: "a receiver exchanges its detectors from basis to basis: give one model for both"
                    .into(),
            });
        }
        let best = if detectors_included {
            1.0
        } else {
            station.detectors.iter().flatten().fold(0.0, |best: f64, detector| best.max(detector.efficiency))
        };
        let modes = params.nodes.iter().map(|node| node.motion.as_slice());
        let motion = Motion::new(
            modes,
            params.schedule.attempts_per_burst,
            params.schedule.ions_per_round,
            params.encoding.bin_separation_s(),
            encoding.mode_splitting_rad_per_s() != 0.0,
        )?;
        let delays = arrivals(&params, &parts)?;
        let mut sources = vec![];
        for (node, part) in parts.iter().enumerate() {
            sources.push(part.source(node, &params, best, station.transmission, delays[node])?);
        }
        if count == 1 {
            sources.push(Source {
                photon_probability: 1.0,
                efficiency: 0.0,
                double: None,
                ..sources[0].clone()
            });
        }
        let optics = station.optics(&parts, &encoding);
        let noise = station.noise(&parts, &optics, count);
        let mut backgrounds: [Option<Background>; SLOTS] = std::array::from_fn(|_| None);
        for (index, background) in backgrounds.iter_mut().enumerate() {
            let Some(detector) = &station.detectors[index] else { continue };
            if detector.background_probability_per_attempt > 0.0 {
                let made = Background::new(detector.background_profile.as_ref(), &station.window);
                *background = Some(made.map_err(|error| error.within("station.detectors"))?);
            }
        }
        let slots = std::array::from_fn(|index| {
            let Some(detector) = &station.detectors[index] else { return Slot::absent(index / 2, index % 2) };
            let relative = match (detectors_included, best > 0.0) {
                (true, _) => 1.0,
                (false, true) => detector.efficiency / best,
                (false, false) => 0.0,
            };
            let rate_hz = detector.dark_count_rate_hz + noise[index] * detector.efficiency;
            let captured = backgrounds[index].as_ref().map_or(0.0, Background::captured);
            Slot::new(index / 2, index % 2, relative, detector, rate_hz, &station.window, captured)
        });
        if let Some(published) = &params.published {
            published.check().map_err(|error| error.within("published"))?;
        }
        check_inputs(&params)?;
        let mut errors: Vec<LocalErrors> = parts.iter().map(|part| part.errors.clone()).collect();
        if count == 1 {
            errors.push(LocalErrors::none());
        }
        let path_delay_s = [0, 1].map(|node: usize| parts.get(node).map_or(0.0, |part| part.path.delay_s));
        let phase_kept = match &encoding {
            EncodingParams::Number(number) => {
                let variance: f64 = number.phase_jitter_rad.iter().map(|sigma| sigma * sigma).sum();
                math::exp(-0.5 * variance)
            }
            _ => 1.0,
        };
        let two = |mut list: Vec<Source>| -> Result<[Source; 2]> {
            let (second, first) = (list.pop(), list.pop());
            first.zip(second).map(|(a, b)| [a, b]).ok_or_else(no_nodes)
        };
        let [errors_a, errors_b] = <[LocalErrors; 2]>::try_from(errors).map_err(|_| no_nodes())?;
        let mut link = Self {
            sources: two(sources)?,
            branches: [vec![], vec![]],
            received: DARK,
            optics,
            slots,
            grams: [DARK; SLOTS],
            window: station.window,
            coincidence_window_s: station.coincidence_window_s,
            mode_overlap,
            splitting: encoding.mode_splitting_rad_per_s(),
            bin_separation_s: encoding.bin_separation_s(),
            phase_kept,
            patterns: station.patterns,
            schedule,
            motion,
            path_delay_s,
            errors: [errors_a, errors_b],
            backgrounds,
            recall: Recall::default(),
            jitters: false,
            afterpulses: false,
            storage: Storage::none(),
            heralded,
            exact: OnceLock::new(),
            ways: OnceLock::new(),
            params,
        };
        link.storage = link.stored()?;
        link.set_static_phases();
        link.refresh();
        link.check_clicks()?;
        Ok(link)
    }

    /// Everything that follows from sources, optics and slots.
    pub(crate) fn refresh(&mut self) {
        self.grams = self.optics.grams();
        for (gram, slot) in self.grams.iter_mut().zip(&self.slots) {
            for element in gram.iter_mut().flatten() {
                *element *= slot.relative_efficiency;
            }
        }
        self.branches = [0, 1].map(|node: usize| self.sources[node].branches(&self.params.encoding));
        if self.params.nodes.len() == 1 {
            self.received = self.optics.received();
            // a receiver has no second ion
            self.branches[1] = vec![Branch::idle()];
        }
        self.recall = Recall::of(self);
        self.jitters = self.slots.iter().any(|slot| slot.timing_jitter_s > 0.0);
        self.afterpulses = self.recall.afterpulses;
        self.exact = OnceLock::new();
    }

    /// Static phases of both ions: none where they are calibrated away.
    pub(crate) fn set_static_phases(&mut self) {
        let calibrated = self.params.phase_reference == PhaseReference::Calibrated;
        for node in 0..2 {
            let source = &self.sources[node];
            let turn = match &self.params.encoding {
                EncodingParams::Number(_) => source.packet.detuning_rad_per_s,
                _ => self.splitting,
            };
            let mut phase_rad = turn * source.packet.delay_s;
            let last = self.params.nodes.len() - 1;
            if node == last {
                phase_rad += self.params.bell_phase_rad;
            }
            if calibrated {
                phase_rad = sign_phase_rad(&source.amplitudes);
            }
            self.sources[node].static_phase_rad = phase_rad;
        }
    }

    /// What the encoding asks of clicks and coincidences.
    fn check_clicks(&self) -> Result<()> {
        let single = self.patterns.iter().any(|pattern| pattern.slots.contains(&None));
        if single && self.coincidence_window_s.is_some() {
            return Err(Error::Model {
                parameter: "station.coincidence_window_s".into(),
                message: format!("the {} encoding heralds with one click", self.params.encoding.name()),
            });
        }
        if self.params.phase_feed_forward && matches!(self.params.encoding, EncodingParams::Frequency(_)) {
            return Err(Error::Model {
                parameter: "phase_feed_forward".into(),
                message: "clicks that do not tell the frequencies apart do not tell the phase to turn back"
                    .into(),
            });
        }
        self.check_detectors()
    }

    /// Reads a link from its tree of parameters: the one door for files, JSON and Python.
    ///
    /// # Errors
    /// As [`Link::new`], with line and column where the tree came from a text.
    pub fn from_tree(tree: &Tree) -> Result<Self> {
        let place = |error: Error| {
            let position = error.path().and_then(|path| tree.position_of(path));
            error.at(position)
        };
        Self::new(tree.read::<LinkParams>()?).map_err(place)
    }

    /// Reads a link file.
    ///
    /// # Errors
    /// As [`Link::new`], with line and column.
    pub fn from_toml(text: &str) -> Result<Self> {
        Self::from_tree(&Tree::from_toml(text)?)
    }

    /// Reads the same structure from JSON.
    ///
    /// # Errors
    /// As [`Link::new`].
    pub fn from_json(text: &str) -> Result<Self> {
        Self::from_tree(&Tree::from_json(text)?)
    }

    /// A shipped link file, see [`presets::names`].
    ///
    /// # Errors
    /// [`Error::Parameter`] for an unknown name.
    pub fn preset(name: &str) -> Result<Self> {
        Self::from_toml(presets::text(name)?)
    }

    /// The parameters as given.
    pub fn params(&self) -> &LinkParams {
        &self.params
    }

    /// Exact results, computed once.
    ///
    /// # Errors
    /// [`Error::Model`] when detectors remember clicks from one window to the next, for then attempts are not independent,
    /// and where a numerical integral would take too long.
    pub fn exact(&self) -> Result<&Exact> {
        match self.memory() {
            None => self.as_if_forgetful(),
            Some(error) => Err(error),
        }
    }

    /// Exact results of the same link with detectors that are ready at every window's opening.
    pub(crate) fn as_if_forgetful(&self) -> Result<&Exact> {
        self.exact.get_or_init(|| Exact::of(self)).as_ref().map_err(Clone::clone)
    }

    /// The ways in which heralds come about where the `herald` engine draws them from a table; found once.
    fn ways(&self) -> Option<&Ways> {
        self.ways.get_or_init(|| Ways::of(self).map(Box::new)).as_deref()
    }

    /// Whether detectors remember clicks from one window to the next, so that attempts are not independent.
    pub fn remembers(&self) -> bool {
        self.recall.carries
    }

    /// Why exact results are beyond reach, if they are: detectors that remember.
    pub(crate) fn memory(&self) -> Option<Error> {
        self.recall.refusal.clone()
    }

    /// How much later than it came each click is recorded (s).
    #[inline]
    pub(crate) fn jitter_s(&self, slots: [Option<usize>; 2], rng: &mut Xoshiro) -> [f64; 2] {
        if !self.jitters {
            return [0.0; 2];
        }
        slots.map(|slot| match slot.map(|slot| self.slots[slot].timing_jitter_s) {
            Some(jitter_s) if jitter_s > 0.0 => jitter_s * normal(rng),
            _ => 0.0,
        })
    }

    /// From the opening of an attempt's first window to the closing of its last (s).
    pub(crate) fn occupied_s(&self) -> f64 {
        self.bin_separation_s + self.window.duration_s()
    }

    /// Whether both ports of every mode lose equally: then exchange with a lost photon cancels.
    pub(crate) fn loses_evenly(&self) -> bool {
        (0..2).all(|row| {
            (2..4).all(|column| {
                let sum: Complex64 = self.grams.iter().map(|gram| gram[row][column]).sum();
                sum.norm_sqr() < NEGLIGIBLE
            })
        })
    }

    /// The slot that stands for a slot's detector: bins share the one of their port.
    pub(crate) fn detector_of(&self, slot: usize) -> usize {
        if self.optics.carrier == Carrier::Bins { slot - slot % 2 } else { slot }
    }

    /// Bins from one slot to another.
    pub(crate) fn bins_between(&self, first: usize, second: usize) -> i32 {
        if self.optics.carrier == Carrier::Bins {
            i32::from(second % 2 == 1) - i32::from(first % 2 == 1)
        } else {
            0
        }
    }

    /// The parameter that makes ions move.
    pub(crate) fn moving(&self) -> &'static str {
        if self.params.nodes[0].motion.is_empty() { "nodes.1.motion" } else { "nodes.0.motion" }
    }

    /// Why attempts of a burst differ, if they do: motion that heats up.
    pub(crate) fn heating(&self) -> Option<Error> {
        let nodes = self.params.nodes.iter().enumerate();
        let mut modes = nodes
            .flat_map(|(node, given)| given.motion.iter().enumerate().map(move |(m, mode)| (node, m, mode)));
        let (node, index, _) = modes
            .find(|(.., mode)| self.motion.heats() && mode.lamb_dicke * mode.phonons_per_attempt > 0.0)?;
        Some(Error::Model {
            parameter: format!("nodes.{node}.motion.{index}.phonons_per_attempt"),
            message: "the motion heats up along a burst, so the herald probability depends on the attempt; sample with \
                      the `click` or `photon` engine instead"
                .into(),
        })
    }

    /// The accepted patterns, in the order of the numbers in a run.
    pub fn patterns(&self) -> &[Pattern] {
        &self.patterns
    }

    /// The comb of attempts.
    pub fn schedule(&self) -> &Schedule {
        &self.schedule
    }

    /// The two sources; of an ion-photon link the first one.
    pub fn sources(&self) -> &[Source] {
        &self.sources[..self.params.nodes.len()]
    }

    /// Time from the arrival of the photons at the station until a node knows of the herald (s): the station's decision, and
    /// the message's way back, `schedule.return_delay_s` or as long as the node's own path.
    ///
    /// Photons arrive within the window, which is not part of it.
    pub fn herald_delay_s(&self, node: usize) -> f64 {
        let path_delay_s = self.path_delay_s.get(node).copied().unwrap_or(0.0);
        let schedule = &self.params.schedule;
        schedule.return_delay_s.unwrap_or(path_delay_s) + schedule.decision_s
    }

    /// Delay of each path (s), see `pulse_offset_s`.
    pub fn path_delay_s(&self) -> [f64; 2] {
        self.path_delay_s
    }
}

/// Squared elements of Gram matrices below this are rounding of sums of products of square roots.
pub(crate) const NEGLIGIBLE: f64 = 1e-28;

/// Phase of |1> that the signs of the amplitudes bring: it is static, so that calibration removes it too.
pub(crate) fn sign_phase_rad(amplitudes: &[f64; 2]) -> f64 {
    if amplitudes[0] * amplitudes[1] < 0.0 { std::f64::consts::PI } else { 0.0 }
}

fn no_nodes() -> Error {
    Error::parameter("nodes", "none", "one or two nodes", "")
}

/// Residual delay of each node's photon (s): given, and what pulses and paths bring.
fn arrivals(params: &LinkParams, parts: &[Parts]) -> Result<[f64; 2]> {
    let mut delays = params.delay_s;
    if let AutoOr::Given(offsets) = params.pulse_offset_s {
        let mut arrivals = [0.0; 2];
        for node in 0..2 {
            let checked = check::within(
                &node.to_string(),
                offsets[node],
                -check::MAX_DURATION_S,
                check::MAX_DURATION_S,
                "s",
            );
            arrivals[node] = checked.map_err(|error| error.within("pulse_offset_s"))?
                + parts.get(node).map_or(0.0, |part| part.path.delay_s);
        }
        // t = 0 is the arrival of the earlier photon
        let earliest = if parts.len() == 2 { arrivals[0].min(arrivals[1]) } else { arrivals[0] };
        for node in 0..parts.len() {
            delays[node] += arrivals[node] - earliest;
        }
    }
    Ok(delays)
}
