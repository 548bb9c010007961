//! Exact results of a link: no random numbers, no quadrature.
//!
//! Every operator on the two ions is an integral over the window of the densities of docs/physics.md, section
//! Interference, sorted by what is registered: `pair(k, l)` both photons, `single(k)` exactly one, `none` neither; dark
//! counts then decide which of these cases shows an accepted pattern.

use super::{Link, add_cross, projected};
use crate::herald::{Cause, Pattern, SLOTS, slot_index};
use crate::math;
use crate::state::{self, BellState, State};
use num_complex::Complex64;

/// Exact results of a link.
#[derive(Debug, Clone, PartialEq)]
pub struct Exact {
    /// Probability of a herald per attempt.
    pub herald_probability: f64,
    /// Heralds per second, pauses included: p/period times duty (1/s).
    pub rate_hz: f64,
    /// Mean fidelity to the announced Bell state over the accepted patterns; NaN without heralds.
    pub fidelity: f64,
    /// Mean time to the first herald (s); infinite without heralds.
    pub mean_time_s: f64,
    /// Probability, given a herald, that at least one ion is outside the qubit; NaN without heralds.
    pub leakage: f64,
    /// Per announced Bell state.
    pub outcomes: Vec<Outcome>,
    /// Per accepted pattern, in the order of [`Link::patterns`].
    pub patterns: Vec<PatternOutcome>,
}

/// What one Bell state's heralds look like.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// The announced state.
    pub bell_state: BellState,
    /// Probability per attempt.
    pub probability: f64,
    /// Fidelity to the announced state; NaN without heralds.
    pub fidelity: f64,
    /// The ions' state, trace one; NaN without heralds.
    pub rho: State,
}

/// What one pattern's heralds look like.
#[derive(Debug, Clone, PartialEq)]
pub struct PatternOutcome {
    /// The pattern.
    pub pattern: Pattern,
    /// The ions' state by cause, in the order of [`Cause::ALL`], unnormalized: its trace is the probability per attempt.
    pub by_cause: [State; 3],
}

impl PatternOutcome {
    /// Probability per attempt.
    pub fn probability(&self) -> f64 {
        self.by_cause.iter().map(state::trace).sum()
    }

    /// Probability per attempt with this cause.
    pub fn probability_of(&self, cause: Cause) -> f64 {
        state::trace(&self.by_cause[cause as usize])
    }

    /// The ions' state, unnormalized: its trace is the probability per attempt.
    pub fn rho(&self) -> State {
        let mut sum = state::ZERO;
        for operator in &self.by_cause {
            state::add(&mut sum, operator, 1.0);
        }
        sum
    }
}

impl Link {
    /// Probability per attempt of two clicks in one mode and different ports, all else silent.
    pub(super) fn coincidence_probability(&self) -> f64 {
        let registered = Registered::of(self);
        let probability = |mode: usize| {
            let slots = [slot_index(0, mode), slot_index(1, mode)];
            let pieces = registered.pieces(self, Pattern { slots, bell_state: BellState::PsiMinus });
            pieces.by_cause().iter().map(state::trace).sum::<f64>()
        };
        probability(0) + probability(1)
    }
}

impl Exact {
    pub(super) fn of(link: &Link) -> Self {
        let registered = Registered::of(link);
        let mut patterns = Vec::with_capacity(link.patterns.len());
        let mut leaked = 0.0;
        for &pattern in &link.patterns {
            let pieces = registered.pieces(link, pattern);
            leaked += pieces.leaked;
            let by_cause = pieces.by_cause();
            patterns.push(PatternOutcome {
                pattern,
                by_cause: by_cause.map(|operator| link.finished(&operator)),
            });
        }
        let outcomes: Vec<_> = BellState::ALL
            .into_iter()
            .filter(|bell| link.patterns.iter().any(|pattern| pattern.bell_state == *bell))
            .map(|bell_state| {
                let mut sum = state::ZERO;
                for outcome in patterns.iter().filter(|outcome| outcome.pattern.bell_state == bell_state) {
                    state::add(&mut sum, &outcome.rho(), 1.0);
                }
                let probability = state::trace(&sum);
                let rho = state::scaled(&sum, 1.0 / probability);
                Outcome { bell_state, probability, fidelity: state::overlap(&rho, bell_state), rho }
            })
            .collect();
        // certain heralds may sum to a last bit above one
        let herald_probability = outcomes.iter().map(|outcome| outcome.probability).sum::<f64>().min(1.0);
        let weighted = |outcome: &Outcome| {
            if outcome.probability > 0.0 { outcome.probability * outcome.fidelity } else { 0.0 }
        };
        Self {
            herald_probability,
            rate_hz: herald_probability * link.schedule.attempt_rate_hz(),
            fidelity: outcomes.iter().map(weighted).sum::<f64>() / herald_probability,
            mean_time_s: link.schedule.mean_time_s(herald_probability),
            leakage: leaked / herald_probability,
            outcomes,
            patterns,
        }
    }
}

/// Operators on the ions for every way in which photons can be registered, darks apart.
pub(super) struct Registered {
    /// Probability that a node's photon, once emitted, is registered in a slot.
    photon: [[f64; SLOTS]; 2],
    /// Both photons registered, in these slots.
    pair: [[State; SLOTS]; SLOTS],
    /// Exactly one registered, both emitted.
    single: [State; SLOTS],
    /// None registered, both emitted.
    none: State,
    /// Exactly one registered, only the photon of this node emitted; the other ion is I/2.
    alone: [[State; SLOTS]; 2],
    /// None registered, only the photon of this node emitted.
    alone_none: [State; 2],
    /// Weights of: both emitted, only A, only B, none.
    emitted: [f64; 4],
}

const MIXED: [f64; 2] = [0.5; 2];

impl Registered {
    pub(super) fn of(link: &Link) -> Self {
        let inside = [0, 1]
            .map(|node: usize| link.sources[node].packet.captured(link.window.start_s, link.window.end_s));
        // probability that the photon of a node, once emitted, is registered in a slot
        let registered = [0, 1].map(|node: usize| {
            std::array::from_fn::<f64, SLOTS, _>(|slot| {
                let amplitude = link.sources[node].amplitudes[link.slots[slot].mode];
                amplitude * amplitude * link.slot_efficiency(node, slot) * inside[node]
            })
        });
        let cross_integral = link.mode_overlap * overlap_integral(link);

        let pair: [[State; SLOTS]; SLOTS] = std::array::from_fn(|k| {
            std::array::from_fn(|l| {
                let (p, q) = (link.slots[k].mode, link.slots[l].mode);
                let mut rho = state::ZERO;
                rho[2 * p + q][2 * p + q].re += registered[0][k] * registered[1][l];
                rho[2 * q + p][2 * q + p].re += registered[1][k] * registered[0][l];
                add_cross(&mut rho, p, q, Complex64::new(link.cross_weight(k, l) * cross_integral, 0.0));
                // two photons in one slot have no order
                if k == l { state::scaled(&rho, 0.5) } else { rho }
            })
        });
        // populations of an ion whose photon is registered nowhere; rounding must not make them negative
        let lost = [0, 1].map(|node: usize| {
            let mut left = link.sources[node].populations;
            for (slot, probability) in registered[node].iter().enumerate() {
                left[link.slots[slot].mode] -= probability;
            }
            left.map(|population| population.max(0.0))
        });
        let any = |node: usize, slot: usize, other: [f64; 2]| {
            projected(node, link.slots[slot].mode, registered[node][slot], other)
        };
        let mut single: [State; SLOTS] = std::array::from_fn(|k| {
            let mut rho = any(0, k, lost[1]);
            state::add(&mut rho, &any(1, k, lost[0]), 1.0);
            rho
        });
        let mut none = state::diagonal_product(lost[0], lost[1]);
        if link.ports_differ() {
            // Over all exits, that of loss included, interference changes no sum. Where ports lose differently, what it
            // moves into registered pairs is missing from one registered photon, and half of it is back in none.
            for k in 0..SLOTS {
                for l in 0..SLOTS {
                    let moved = Complex64::new(link.cross_weight(k, l) * cross_integral, 0.0);
                    let (p, q) = (link.slots[k].mode, link.slots[l].mode);
                    add_cross(&mut single[k], p, q, -moved);
                    add_cross(&mut none, p, q, 0.5 * moved);
                }
            }
        }
        let alone = [0, 1].map(|node: usize| std::array::from_fn(|slot| any(node, slot, MIXED)));
        let alone_none = [0, 1].map(|node: usize| {
            if node == 0 {
                state::diagonal_product(lost[0], MIXED)
            } else {
                state::diagonal_product(MIXED, lost[1])
            }
        });
        let [a, b] = [0, 1].map(|node: usize| link.sources[node].photon_probability);
        let emitted = [a * b, a * (1.0 - b), (1.0 - a) * b, (1.0 - a) * (1.0 - b)];
        Self { photon: registered, pair, single, none, alone, alone_none, emitted }
    }

    /// Operators per attempt for one pattern, piece by piece.
    pub(super) fn pieces(&self, link: &Link, pattern: Pattern) -> Pieces {
        let slots = pattern.slots;
        let [j, k] = slots;
        let silent: f64 = (0..SLOTS)
            .filter(|slot| !slots.contains(slot))
            .map(|slot| link.slots[slot].silent_probability())
            .product();
        let dark = |index: usize| link.slots[index].dark_click_probability();
        let photon = |index: usize| link.slots[index].photon_click_probability();
        let [both, only_a, only_b, neither] = self.emitted;
        let mut leaked = 0.0;

        let weight = both * silent * photon(j) * photon(k);
        let by_assignment =
            [[0, 1], [1, 0]].map(|[first, second]| weight * self.photon[first][j] * self.photon[second][k]);

        let mut photon_dark = [state::ZERO; 2];
        let mut pair_dark = [state::ZERO; 2];
        for (place, (seen, empty)) in [(j, k), (k, j)].into_iter().enumerate() {
            let weight = silent * photon(seen) * dark(empty);
            state::add(&mut photon_dark[place], &self.single[seen], both * weight);
            if !link.slots[seen].number_resolving {
                state::add(&mut pair_dark[place], &self.pair[seen][seen], both * silent * dark(empty));
            }
            for (node, emitted) in [(0, only_a), (1, only_b)] {
                state::add(&mut photon_dark[place], &self.alone[node][seen], emitted * weight);
                leaked += emitted * weight * state::trace(&self.alone[node][seen]);
            }
        }

        let dark_weight = silent * dark(j) * dark(k);
        let mut dark_dark = state::scaled(&self.none, both * dark_weight);
        for (node, emitted) in [(0, only_a), (1, only_b)] {
            state::add(&mut dark_dark, &self.alone_none[node], emitted * dark_weight);
            leaked += emitted * dark_weight * state::trace(&self.alone_none[node]);
        }
        state::add(&mut dark_dark, &state::diagonal_product(MIXED, MIXED), neither * dark_weight);
        leaked += neither * dark_weight;

        Pieces {
            photon_photon_state: state::scaled(&self.pair[j][k], weight),
            photon_photon: by_assignment,
            photon_dark,
            pair_dark,
            dark_dark,
            leaked,
        }
    }
}

/// What leads to one pattern; operators are unnormalized, their traces probabilities per attempt.
pub(super) struct Pieces {
    /// One photon in each slot.
    photon_photon_state: State,
    /// Its probability, with node A's or node B's photon in the slot of mode 0.
    pub(super) photon_photon: [f64; 2],
    /// One photon registered, in the slot of mode 0 or 1, dark counts in the other.
    pub(super) photon_dark: [State; 2],
    /// Both photons in the slot of mode 0 or 1, dark counts in the other.
    pub(super) pair_dark: [State; 2],
    /// Dark counts alone.
    pub(super) dark_dark: State,
    /// Part of the traces with at least one ion outside the qubit.
    leaked: f64,
}

impl Pieces {
    fn by_cause(&self) -> [State; 3] {
        let mut photon_dark = state::ZERO;
        for operator in self.photon_dark.iter().chain(&self.pair_dark) {
            state::add(&mut photon_dark, operator, 1.0);
        }
        let mut by_cause = [state::ZERO; 3];
        by_cause[Cause::PhotonPhoton as usize] = self.photon_photon_state;
        by_cause[Cause::PhotonDark as usize] = photon_dark;
        by_cause[Cause::DarkDark as usize] = self.dark_dark;
        by_cause
    }
}

/// Integral over the window, squared, of f_A(s) f_B*(s) f_B(t) f_A*(t) exp(-g |s - t|), static phases apart.
///
/// Both waves are present from a = max(start, d_A, d_B) on. With L the time left, G = (1/tau_A + 1/tau_B)/2, D the
/// detuning and g the sum of both dephasings, substituting u = |s - t| gives
/// 2 |f_A(a) f_B(a)|² L² Re exp\[0, -(G + g - iD) L, -2 G L\] with the divided difference of the exponential.
fn overlap_integral(link: &Link) -> f64 {
    let [a, b] = [&link.sources[0].packet, &link.sources[1].packet];
    let from = link.window.start_s.max(a.delay_s).max(b.delay_s);
    let left = link.window.end_s - from;
    if left <= 0.0 {
        return 0.0;
    }
    let decay = 0.5 * (1.0 / a.lifetime_s + 1.0 / b.lifetime_s);
    let detuning = a.detuning_rad_per_s - b.detuning_rad_per_s;
    let dephasing = a.dephasing_rate_hz + b.dephasing_rate_hz;
    let difference = math::exp_difference_2([
        Complex64::ZERO,
        Complex64::new(-(decay + dephasing) * left, detuning * left),
        Complex64::new(-2.0 * decay * left, 0.0),
    ]);
    2.0 * a.intensity(from) * left * (b.intensity(from) * left) * difference.re
}
