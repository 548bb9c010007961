//! Error budget: every infidelity has a name.

use super::exact::Exact;
use super::params::PhaseReference;
use super::{Link, sign_phase_rad};
use crate::channel::identity;
use crate::collection::Pupil;
use crate::detection::Slot;
use crate::encoding::{EncodingParams, SLOTS};
use crate::error::Result;
use crate::interference::Splitter;
use crate::memory::{HeraldedState, LocalErrors, LocalErrorsParams, MemoryParams};
use crate::motion::Motion;
use crate::state::BellState;

/// Where the infidelity of a link comes from, from exact results.
#[derive(Debug, Clone, PartialEq)]
pub struct ErrorBudget {
    /// One entry per mechanism, in the order of the photon's path.
    pub contributions: Vec<Contribution>,
    /// Infidelity of the link, 1 - F.
    pub infidelity: f64,
    /// Infidelity that no single removal explains: `infidelity` minus the sum of all `off`. It is what mechanisms do
    /// together, such as two errors that both ruin the same herald.
    pub remainder: f64,
}

/// What one mechanism does.
#[derive(Debug, Clone, PartialEq)]
pub struct Contribution {
    /// Its name.
    pub mechanism: &'static str,
    /// Infidelity with every other mechanism ideal.
    pub alone: f64,
    /// The same for each announced Bell state, in the order of [`Exact::outcomes`].
    pub alone_by_state: Vec<(BellState, f64)>,
    /// Fidelity gained by removing only this one.
    pub off: f64,
    /// Change of the herald probability on its removal.
    pub herald_probability: f64,
}

/// A mechanism: its name and what its absence means.
struct Mechanism {
    name: &'static str,
    remove: fn(&mut Link),
}

static MECHANISMS: [Mechanism; 36] = [
    Mechanism {
        name: "emission_failure",
        remove: |link| {
            for source in &mut link.sources {
                (source.photon_probability, source.bright_leak) = (1.0, 0.0);
            }
        },
    },
    Mechanism {
        name: "double_emission",
        remove: |link| link.sources.iter_mut().for_each(|source| source.double = None),
    },
    Mechanism {
        name: "bin_rotation",
        remove: |link| link.sources.iter_mut().for_each(|source| source.rotation_missed = 0.0),
    },
    Mechanism {
        name: "wrong_decay",
        remove: |link| link.sources.iter_mut().for_each(|source| source.wrong_decay_probability = 0.0),
    },
    Mechanism {
        name: "bin_dephasing",
        remove: |link| link.sources.iter_mut().for_each(|source| source.coherence = 1.0),
    },
    Mechanism {
        name: "bright_fraction",
        remove: |link| {
            if matches!(link.params.encoding, EncodingParams::Number(_)) {
                for source in &mut link.sources {
                    let bright = SMALL_FRACTION * source.populations[1];
                    source.populations = [1.0 - bright, bright];
                }
                // dark counts keep their share of the clicks
                link.slots.iter_mut().for_each(|slot| slot.dim(SMALL_FRACTION));
            }
        },
    },
    Mechanism {
        name: "amplitude_imbalance",
        remove: |link| {
            if matches!(link.params.encoding, EncodingParams::Number(_)) {
                let mean = 0.5 * (link.sources[0].populations[1] + link.sources[1].populations[1]);
                for source in &mut link.sources {
                    source.populations = [1.0 - mean, mean];
                }
                let efficiency = 0.5 * (link.sources[0].efficiency + link.sources[1].efficiency);
                link.sources.iter_mut().for_each(|source| source.efficiency = efficiency);
                return;
            }
            for source in &mut link.sources {
                source.amplitudes = [std::f64::consts::FRAC_1_SQRT_2; 2];
                source.populations = [0.5; 2];
                // a sign in the amplitudes was calibrated by the static phase: both go together
                if link.params.phase_reference == PhaseReference::Calibrated {
                    source.static_phase_rad = 0.0;
                }
            }
        },
    },
    Mechanism {
        name: "lifetime_mismatch",
        remove: |link| {
            if let [Some(a), Some(b)] = [0, 1].map(|node: usize| link.sources[node].packet.lifetime_s()) {
                for source in &mut link.sources {
                    source.packet = source.packet.with_lifetime(0.5 * (a + b));
                }
            }
        },
    },
    Mechanism {
        name: "wavepacket",
        remove: |link| {
            let [a, b] = &mut link.sources;
            b.packet = b.packet.with_shape_of(&a.packet);
        },
    },
    Mechanism {
        name: "detuning",
        remove: |link| link.sources.iter_mut().for_each(|source| source.packet.detuning_rad_per_s = 0.0),
    },
    Mechanism {
        name: "photon_dephasing",
        remove: |link| link.sources.iter_mut().for_each(|source| source.packet.dephasing_rate_hz = 0.0),
    },
    Mechanism {
        name: "spectral_diffusion",
        remove: |link| {
            link.sources.iter_mut().for_each(|source| source.packet = source.packet.without_diffusion());
        },
    },
    Mechanism {
        name: "arrival_jitter",
        remove: |link| {
            link.sources.iter_mut().for_each(|source| source.packet = source.packet.without_jitter());
        },
    },
    Mechanism {
        name: "restarts",
        remove: |link| {
            link.sources.iter_mut().for_each(|source| source.packet = source.packet.without_restarts());
        },
    },
    Mechanism { name: "recoil", remove: |link| link.motion = Motion::default() },
    Mechanism {
        name: "delay",
        remove: |link| {
            let earliest_s = link.sources[0].packet.delay_s.min(link.sources[1].packet.delay_s);
            for source in &mut link.sources {
                source.packet = source.packet.delayed(earliest_s - source.packet.delay_s);
            }
        },
    },
    Mechanism {
        name: "static_phase",
        remove: |link| {
            for source in &mut link.sources {
                source.static_phase_rad = sign_phase_rad(&source.amplitudes);
            }
        },
    },
    Mechanism { name: "phase_jitter", remove: |link| link.phase_kept = 1.0 },
    Mechanism { name: "mode_overlap", remove: |link| link.mode_overlap = 1.0 },
    Mechanism {
        name: "polarization_optics",
        remove: |link| {
            let optics = &mut link.optics;
            optics.paths = [identity(); 2];
            optics.ports = [identity(); 2];
            optics.extinction_ratio = [f64::INFINITY; SLOTS];
            let aligned = Pupil::uniform().overlap(&Pupil::uniform());
            optics.overlaps = [[aligned; 2]; 2];
        },
    },
    Mechanism {
        name: "splitter",
        remove: |link| {
            if link.params.nodes.len() == 2 {
                link.optics.splitter = Splitter::balanced();
            }
        },
    },
    Mechanism {
        name: "detector_imbalance",
        remove: |link| {
            let used = |slot: &&mut Slot| slot.relative_efficiency > 0.0 || slot.dark_count_rate_hz > 0.0;
            let count = link.slots.iter_mut().filter(used).count().max(1);
            let mean = link.slots.iter().map(|slot| slot.relative_efficiency).sum::<f64>() / count as f64;
            link.slots.iter_mut().filter(used).for_each(|slot| slot.relative_efficiency = mean);
        },
    },
    Mechanism { name: "dark_counts", remove: |link| link.slots.iter_mut().for_each(Slot::silence) },
    Mechanism { name: "background", remove: |link| link.slots.iter_mut().for_each(Slot::shield) },
    Mechanism {
        name: "timing_jitter",
        remove: |link| link.slots.iter_mut().for_each(|slot| slot.timing_jitter_s = 0.0),
    },
    Mechanism {
        name: "ion_photon_fidelity",
        remove: |link| without_local(link, |errors| errors.ion_photon_fidelity = 1.0),
    },
    Mechanism {
        name: "rotation",
        remove: |link| without_local(link, |errors| errors.rotation_rad = [0.0; 3]),
    },
    Mechanism {
        name: "depolarizing",
        remove: |link| without_local(link, |errors| errors.depolarizing_probability = 0.0),
    },
    Mechanism {
        name: "dephasing",
        remove: |link| without_local(link, |errors| errors.dephasing_probability = 0.0),
    },
    Mechanism {
        name: "heralded_state",
        remove: |link| link.heralded = link.heralded.as_ref().map(|_| HeraldedState::ideal()),
    },
    Mechanism {
        name: "memory_t1",
        remove: |link| without_memory(link, |memory| memory.t1_s = f64::INFINITY),
    },
    Mechanism {
        name: "memory_t2",
        remove: |link| without_memory(link, |memory| memory.t2_s = f64::INFINITY),
    },
    Mechanism {
        name: "field_difference",
        remove: |link| without_memory(link, |memory| memory.frequency_offset_rad_per_s = 0.0),
    },
    Mechanism {
        name: "decoupling_errors",
        remove: |link| without_memory(link, |memory| memory.decoupling_pulse_error = 0.0),
    },
    Mechanism {
        name: "memory_loss",
        remove: |link| without_memory(link, |memory| memory.loss_rate_hz = 0.0),
    },
    Mechanism {
        name: "collective_dephasing",
        remove: |link| {
            link.params.collective_t2_s = f64::INFINITY;
            restore(link);
        },
    },
];

/// A bright fraction that makes no errors.
const SMALL_FRACTION: f64 = 1e-9;

fn without_local(link: &mut Link, remove: fn(&mut LocalErrorsParams)) {
    for node in &mut link.params.nodes {
        remove(&mut node.errors);
    }
    restore(link);
}

fn without_memory(link: &mut Link, remove: fn(&mut MemoryParams)) {
    for node in &mut link.params.nodes {
        node.memory.iter_mut().for_each(remove);
    }
    restore(link);
}

/// Local errors and storage of changed parameters.
fn restore(link: &mut Link) {
    // parameters were checked when the link was made, and a neutral value passes every check
    for (node, errors) in link.params.nodes.iter().zip(&mut link.errors) {
        if let Ok(changed) = LocalErrors::new(&node.errors) {
            *errors = changed;
        }
    }
    if let Ok(storage) = link.stored() {
        link.storage = storage;
    }
}

impl Link {
    /// Whether anything that a mechanism removes differs.
    fn differs(&self, other: &Self) -> bool {
        self.sources != other.sources
            || self.optics != other.optics
            || self.slots != other.slots
            || self.errors != other.errors
            || self.storage != other.storage
            || self.heralded != other.heralded
            || self.motion != other.motion
            || self.mode_overlap != other.mode_overlap
            || self.phase_kept != other.phase_kept
    }

    /// Names every infidelity: what each mechanism costs alone, and what its removal would gain.
    ///
    /// A mechanism is removed by its ideal value: no dark counts, a balanced splitter, M = 1, equal frequencies,
    /// lifetimes and arrival times, perfect emission, no local errors, nothing lost in storage.
    ///
    /// ```
    /// let budget = ionlink_core::Link::preset("stephenson2020")?.error_budget()?;
    /// let splitter = budget.contributions.iter().find(|part| part.mechanism == "splitter").expect("it is listed");
    /// assert!((splitter.alone - 1.74e-3).abs() < 2e-5);
    /// # Ok::<(), ionlink_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Link::exact`].
    pub fn error_budget(&self) -> Result<ErrorBudget> {
        let total = self.exact()?;
        let without = |chosen: &dyn Fn(usize) -> bool| -> Result<Exact> {
            let mut link = self.clone();
            for (index, mechanism) in MECHANISMS.iter().enumerate() {
                if chosen(index) {
                    (mechanism.remove)(&mut link);
                }
            }
            link.refresh();
            Exact::of(&link)
        };
        let ideal = without(&|_| true)?;
        let contribution = |index: usize| {
            let mechanism = &MECHANISMS[index];
            let mut link = self.clone();
            (mechanism.remove)(&mut link);
            // a mechanism that this link has not
            let (alone, off) = if link.differs(self) {
                (without(&|other| other != index)?, without(&|other| other == index)?)
            } else {
                (ideal.clone(), total.clone())
            };
            let by_state = alone.outcomes.iter().map(|outcome| (outcome.bell_state, 1.0 - outcome.fidelity));
            Ok(Contribution {
                mechanism: mechanism.name,
                alone: 1.0 - alone.fidelity,
                alone_by_state: by_state.collect(),
                off: off.fidelity - total.fidelity,
                herald_probability: off.herald_probability - total.herald_probability,
            })
        };
        let contributions = (0..MECHANISMS.len()).map(contribution).collect::<Result<Vec<_>>>()?;
        let infidelity = 1.0 - total.fidelity;
        let remainder = infidelity - contributions.iter().map(|contribution| contribution.off).sum::<f64>();
        Ok(ErrorBudget { contributions, infidelity, remainder })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named<'a>(budget: &'a ErrorBudget, name: &str) -> &'a Contribution {
        budget.contributions.iter().find(|contribution| contribution.mechanism == name).unwrap()
    }

    #[test]
    fn budget_of_the_oxford_link() {
        let link = Link::preset("stephenson2020").unwrap();
        let budget = link.error_budget().unwrap();
        // computed from the published splitter: psi+ 5.8e-6, psi- 3.47e-3, mean 1.74e-3
        let splitter = named(&budget, "splitter");
        assert!((splitter.alone - 1.74e-3).abs() < 2e-5, "{splitter:?}");
        for (bell, infidelity) in &splitter.alone_by_state {
            match bell {
                BellState::PsiPlus => assert!(*infidelity < 1e-5),
                _ => assert!((infidelity - 3.47e-3).abs() < 5e-6, "{infidelity}"),
            }
        }
        // false heralds times 3/4
        assert!((named(&budget, "dark_counts").alone - 5.0e-4).abs() < 5e-5);
        // (1 - M)/2
        assert!((named(&budget, "mode_overlap").alone - 0.013).abs() < 1e-12);
        assert!(budget.remainder.abs() < 0.05 * budget.infidelity, "{budget:?}");
    }

    #[test]
    fn removing_everything_leaves_a_perfect_link() {
        let mut link = Link::preset("stephenson2020").unwrap();
        for mechanism in &MECHANISMS {
            (mechanism.remove)(&mut link);
        }
        link.refresh();
        assert!((Exact::of(&link).unwrap().fidelity - 1.0).abs() < 1e-14);
    }
}
