//! A link: two nodes, two paths, one station; checked once, then ready for [`Link::exact`] and for sampling.

mod attempt;
pub mod basic;
pub mod budget;
mod click;
pub(crate) mod conditional;
mod draw;
pub mod exact;
mod herald;
pub mod measure;
pub mod params;
pub mod parts;
mod photon;
pub mod record;
pub mod run;
pub mod sampler;
pub mod schedule;

use crate::channel::Path;
use crate::check;
use crate::collection::{Collection, Stage};
use crate::detection::{DetectorParams, Slot, Window};
use crate::emission::{Arrival, Emission, EncodingParams, WavePacket};
use crate::error::{Error, Result};
use crate::herald::{Pattern, SLOTS, accepted_patterns, slot_index};
use crate::interference::Splitter;
use crate::memory::LocalErrors;
use crate::state::{self, State};
use crate::tree::{OneOrMany, Tree};
use crate::{math, presets};
use exact::Exact;
use num_complex::Complex64;
use params::{LinkParams, MeasuredParams, NodeParams, PhaseReference, PublishedParams, StationParams};
use schedule::Schedule;
use std::sync::OnceLock;

/// One node's photon as the station sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct Source {
    /// Probability that an attempt yields a photon.
    pub photon_probability: f64,
    /// Probability per emitted photon to be registered by the best detector of an endless window.
    pub efficiency: f64,
    /// Populations |c0|², |c1|² at emission: the state of an ion whose photon is lost.
    pub populations: [f64; 2],
    /// Amplitudes c0, c1 of the collected photon.
    pub amplitudes: [f64; 2],
    /// Its wave.
    pub packet: WavePacket,
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
    params: LinkParams,
    pub(crate) sources: [Source; 2],
    pub(crate) splitter: Splitter,
    pub(crate) slots: [Slot; SLOTS],
    pub(crate) window: Window,
    pub(crate) mode_overlap: f64,
    /// Phase of <01|rho|10> that no click time changes (rad).
    pub(crate) static_phase_rad: f64,
    pub(crate) patterns: Vec<Pattern>,
    pub(crate) schedule: Schedule,
    path_delay_s: [f64; 2],
    errors: [LocalErrors; 2],
    exact: OnceLock<Exact>,
}

impl Link {
    /// Checks every parameter and precomputes what sampling needs.
    ///
    /// # Errors
    /// The first parameter outside its domain, with its path, value, domain and unit.
    pub fn new(params: LinkParams) -> Result<Self> {
        let station = Station::new(&params.station).map_err(|error| error.within("station"))?;
        let splitting = match &params.encoding {
            EncodingParams::Polarization(polarization) => {
                polarization.check().map_err(|error| error.within("encoding"))?;
                polarization.mode_splitting_rad_per_s
            }
        };
        let mode_overlap = check::probability("mode_overlap", params.mode_overlap)?;
        let bell_phase_rad = check::finite("bell_phase_rad", params.bell_phase_rad, "rad")?;
        for (index, &delay_s) in params.delay_s.iter().enumerate() {
            let checked = check::within(&index.to_string(), delay_s, 0.0, check::MAX_DURATION_S, "s");
            checked.map_err(|error| error.within("delay_s"))?;
        }
        if params.nodes[0].name == params.nodes[1].name {
            let name = format!("{:?}", params.nodes[1].name);
            return Err(Error::parameter("nodes.1.name", name, "different from the first node's", ""));
        }
        let schedule = Schedule::new(&params.schedule).map_err(|error| error.within("schedule"))?;
        if station.window.duration_s() > schedule.attempt_period_s() {
            let domain = format!("at most the attempt period, {}", schedule.attempt_period_s());
            let window_s = params.station.window_duration_s;
            return Err(Error::parameter("station.window_duration_s", window_s, domain, "s"));
        }

        let paths =
            [0, 1].map(|node| Path::new(&params.paths[node]).map_err(|e| e.within(node).within("paths")));
        let [path_a, path_b] = paths;
        let paths = [path_a?, path_b?];
        let parts = [0, 1]
            .map(|node| NodeParts::new(&params.nodes[node]).map_err(|e| e.within(node).within("nodes")));
        let [part_a, part_b] = parts;
        let parts = [part_a?, part_b?];

        for stage in [Stage::Station, Stage::Detector] {
            if parts[0].collection.includes(stage) != parts[1].collection.includes(stage) {
                return Err(Error::Model {
                    parameter: "nodes.1.collection.includes".into(),
                    message: format!(
                        "both nodes share the station: either both include \"{}\" in a measured efficiency or neither (a \
                         lens includes nothing but the collection)",
                        stage.name()
                    ),
                });
            }
        }
        let detectors_included = parts[0].collection.includes(Stage::Detector);
        let best = if detectors_included {
            1.0
        } else {
            station.detectors.iter().fold(0.0, |best: f64, detector| best.max(detector.efficiency))
        };
        let slots = std::array::from_fn(|index| {
            let detector = &station.detectors[index];
            let dark_mean = detector.dark_count_rate_hz * station.window.duration_s();
            Slot {
                port: index / 2,
                mode: index % 2,
                relative_efficiency: if detectors_included {
                    1.0
                } else if best > 0.0 {
                    detector.efficiency / best
                } else {
                    0.0
                },
                dark_count_rate_hz: detector.dark_count_rate_hz,
                dark_mean,
                dark_probability: -math::exp_m1(-dark_mean),
                number_resolving: detector.number_resolving,
                dead_time_s: detector.dead_time_s,
            }
        });
        let sources = [0, 1].map(|node| {
            let NodeParts { emission, collection, .. } = &parts[node];
            let mut efficiency = collection.efficiency * best;
            if !collection.includes(Stage::Path) {
                efficiency *= paths[node].transmission;
            }
            if !collection.includes(Stage::Station) {
                efficiency *= station.transmission;
            }
            Source {
                photon_probability: emission.photon_probability,
                efficiency,
                populations: emission.amplitudes.map(|c| c * c),
                amplitudes: collection.amplitudes,
                packet: WavePacket {
                    lifetime_s: emission.lifetime_s,
                    delay_s: params.delay_s[node],
                    detuning_rad_per_s: emission.detuning_rad_per_s,
                    dephasing_rate_hz: emission.dephasing_rate_hz,
                },
            }
        });
        if detectors_included
            && station.detectors.iter().any(|d| d.efficiency != station.detectors[0].efficiency)
        {
            return Err(Error::Model {
                parameter: "station.detectors".into(),
                message: "detectors of unequal efficiency cannot be part of a measured efficiency: leave `detector` out \
                          of `includes`"
                    .into(),
            });
        }
        let static_phase_rad = match params.phase_reference {
            PhaseReference::Calibrated => sign_phase_rad(&sources),
            PhaseReference::Raw => bell_phase_rad + splitting * (params.delay_s[1] - params.delay_s[0]),
        };
        if let Some(published) = &params.published {
            check_published(published).map_err(|error| error.within("published"))?;
        }
        let errors = parts.map(|part| part.errors);
        let link = Self {
            sources,
            splitter: station.splitter,
            slots,
            window: station.window,
            mode_overlap,
            static_phase_rad,
            patterns: station.patterns,
            schedule,
            path_delay_s: paths.map(|path| path.delay_s),
            errors,
            exact: OnceLock::new(),
            params,
        };
        // the number of dark counts in one window is drawn by inversion, which needs exp(-mean)
        if link.remembers() && link.slots.iter().any(|slot| slot.dark_mean > MAX_REMEMBERED_DARKS) {
            return Err(Error::Model {
                parameter: "station.detectors.dark_count_rate_hz".into(),
                message: format!(
                    "more than {MAX_REMEMBERED_DARKS} dark counts per window and a dead time beyond the gap: shorten one"
                ),
            });
        }
        Ok(link)
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
    /// [`Error::Model`] when detectors remember clicks from one window to the next: then attempts are not independent.
    pub fn exact(&self) -> Result<&Exact> {
        match self.memory() {
            None => Ok(self.as_if_forgetful()),
            Some(error) => Err(error),
        }
    }

    /// Exact results of the same link with detectors that are ready at every window's opening.
    pub(crate) fn as_if_forgetful(&self) -> &Exact {
        self.exact.get_or_init(|| Exact::of(self))
    }

    /// Whether detectors remember clicks from one window to the next, so that attempts are not independent.
    pub fn remembers(&self) -> bool {
        self.memory().is_some()
    }

    /// Why attempts are not independent, if they are not: a dead time longer than the gap between windows.
    pub(crate) fn memory(&self) -> Option<Error> {
        let gap_s = self.schedule.attempt_period_s() - self.window.duration_s();
        let longest_s = self.longest_dead_time_s();
        (longest_s > gap_s).then(|| Error::Model {
            parameter: "station.detectors.dead_time_s".into(),
            message: format!(
                "a dead time of {longest_s} s outlasts the gap of {gap_s} s between two windows, so attempts are not \
                 independent; sample with the `click` or `photon` engine instead"
            ),
        })
    }

    pub(crate) fn longest_dead_time_s(&self) -> f64 {
        self.slots.iter().fold(0.0, |longest: f64, slot| longest.max(slot.dead_time_s))
    }

    /// The accepted patterns, in the order of the numbers in a run.
    pub fn patterns(&self) -> &[Pattern] {
        &self.patterns
    }

    /// The comb of attempts.
    pub fn schedule(&self) -> &Schedule {
        &self.schedule
    }

    /// The two sources.
    pub fn sources(&self) -> &[Source; 2] {
        &self.sources
    }

    /// Delay of each path (s), compensated by the timing of the pulses.
    pub fn path_delay_s(&self) -> [f64; 2] {
        self.path_delay_s
    }

    /// From the state that the clicks leave to the state users see: static phases and local errors.
    pub(crate) fn finished(&self, rho: &State) -> State {
        let mut rho = *rho;
        let turn = math::phase(self.static_phase_rad);
        rho[1][2] *= turn;
        rho[2][1] *= turn.conj();
        for (node, errors) in self.errors.iter().enumerate() {
            rho = errors.apply(&rho, node);
        }
        rho
    }

    /// Arrival of a node's photon that is known to lie inside the window.
    pub(crate) fn arrival_inside(&self, node: usize) -> Arrival {
        self.sources[node].packet.inside(self.window.start_s, self.window.end_s)
    }

    /// Whether the two ports of a mode lose differently: only then do lost photons interfere visibly.
    pub(crate) fn ports_differ(&self) -> bool {
        (0..2).any(|mode| self.slots[mode].relative_efficiency != self.slots[2 + mode].relative_efficiency)
    }

    /// Product of the four amplitudes of a slot pair's cross term, U_p\[d,A\] U_q\[e,B\] U_p\[d,B\] U_q\[e,A\] c_p c_q c_p c_q,
    /// with all efficiencies.
    pub(crate) fn cross_weight(&self, first: usize, second: usize) -> f64 {
        let (k, l) = (&self.slots[first], &self.slots[second]);
        let [a, b] = &self.sources;
        let u = |slot: &Slot, source| self.splitter.amplitude(slot.mode, slot.port, source);
        a.amplitudes[k.mode]
            * b.amplitudes[l.mode]
            * a.amplitudes[l.mode]
            * b.amplitudes[k.mode]
            * (u(k, 0) * u(l, 1) * u(k, 1) * u(l, 0))
            * (k.relative_efficiency * l.relative_efficiency)
            * (a.efficiency * b.efficiency)
    }

    /// Probability that an emitted photon of `source`, given mode and an endless window, is registered in `slot`.
    pub(crate) fn slot_efficiency(&self, source: usize, slot: usize) -> f64 {
        let slot = &self.slots[slot];
        self.sources[source].efficiency
            * slot.relative_efficiency
            * self.splitter.probability(slot.mode, slot.port, source)
    }
}

/// Phase of <01|rho|10> that the signs of the amplitudes bring: it is static, so that calibration removes it too.
pub(crate) fn sign_phase_rad(sources: &[Source; 2]) -> f64 {
    let [a, b] = sources;
    let product = a.amplitudes[0] * a.amplitudes[1] * b.amplitudes[0] * b.amplitudes[1];
    if product < 0.0 { std::f64::consts::PI } else { 0.0 }
}

struct NodeParts {
    emission: Emission,
    collection: Collection,
    errors: LocalErrors,
}

impl NodeParts {
    fn new(params: &NodeParams) -> Result<Self> {
        if params.name.is_empty() {
            return Err(Error::parameter("name", "\"\"", "a name", ""));
        }
        let emission = Emission::new(&params.emission).map_err(|error| error.within("emission"))?;
        let collection =
            Collection::new(&params.collection, &emission).map_err(|error| error.within("collection"))?;
        let errors = LocalErrors::new(&params.errors).map_err(|error| error.within("errors"))?;
        Ok(Self { emission, collection, errors })
    }
}

/// A checked station.
struct Station {
    splitter: Splitter,
    detectors: [DetectorParams; SLOTS],
    transmission: f64,
    window: Window,
    patterns: Vec<Pattern>,
}

impl Station {
    fn new(params: &StationParams) -> Result<Self> {
        let reflectivity = match &params.reflectivity {
            OneOrMany::One(r) => [*r; 2],
            OneOrMany::Many(list) => <[f64; 2]>::try_from(list.as_slice()).map_err(|_| {
                let given = format!("{} values", list.len());
                Error::parameter("reflectivity", given, "one number or one per mode (2)", "")
            })?,
        };
        let detectors = match &params.detectors {
            OneOrMany::One(detector) => {
                detector.check().map_err(|error| error.within("detectors"))?;
                std::array::from_fn(|_| detector.clone())
            }
            OneOrMany::Many(list) => {
                for (index, detector) in list.iter().enumerate() {
                    detector.check().map_err(|error| error.within(index).within("detectors"))?;
                }
                <[DetectorParams; SLOTS]>::try_from(list.clone()).map_err(|list| {
                    let domain = "one detector or one per slot (4: 00, 01, 10, 11)";
                    Error::parameter("detectors", format!("{} detectors", list.len()), domain, "")
                })?
            }
        };
        Ok(Self {
            splitter: Splitter::new(reflectivity)?,
            detectors,
            transmission: check::probability("transmission", params.transmission)?,
            window: Window::new(params.window_start_s, params.window_duration_s)?,
            patterns: accepted_patterns(&params.accepted_patterns)?,
        })
    }
}

pub(crate) fn check_published(published: &PublishedParams) -> Result<()> {
    let entries = [
        ("herald_probability", &published.herald_probability),
        ("rate_hz", &published.rate_hz),
        ("fidelity", &published.fidelity),
    ];
    for (name, entry) in entries {
        if let Some(entry) = entry {
            check_measured(entry).map_err(|error| error.within(name))?;
            if name != "rate_hz" {
                check::probability("value", entry.value).map_err(|error| error.within(name))?;
            }
        }
    }
    Ok(())
}

fn check_measured(measured: &MeasuredParams) -> Result<()> {
    check::non_negative("value", measured.value, "")?;
    if let Some(uncertainty) = measured.uncertainty {
        check::non_negative("uncertainty", uncertainty, "")?;
    }
    Ok(())
}

/// Mean number of dark counts per window up to which detectors that remember are simulated.
const MAX_REMEMBERED_DARKS: f64 = 500.0;

/// |m><m| on one ion and a diagonal operator on the other, as populations of the pair.
pub(crate) fn projected(node: usize, mode: usize, weight: f64, other: [f64; 2]) -> State {
    let mut projector = [0.0; 2];
    projector[mode] = weight;
    if node == 0 {
        state::diagonal_product(projector, other)
    } else {
        state::diagonal_product(other, projector)
    }
}

/// Adds the cross term |chi1><chi2| + |chi2><chi1| of a photon of mode p in the first slot and q in the second.
pub(crate) fn add_cross(rho: &mut State, p: usize, q: usize, cross: Complex64) {
    let (row, column) = (2 * p + q, 2 * q + p);
    rho[row][column] += cross;
    rho[column][row] += cross.conj();
}

const _: () = assert!(slot_index(1, 1) + 1 == SLOTS);
