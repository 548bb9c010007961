//! Exact results of a link: no random numbers.
//!
//! Every operator on the two ions is an integral over the window of the densities of docs/physics.md, section
//! Interference, sorted by what is registered: both photons, exactly one, neither; dark counts and extra photons then
//! decide which of these cases shows an accepted pattern. Plain exponential photons have closed forms. Where the click times
//! themselves decide (coincidence window, feed-forward), the density of records is integrated by Gauss's rule.

mod records;

use super::Link;
use super::branch::Extra;
use super::operators::Pair;
use super::waves::{Grid, Span};
use crate::detection::Slot;
use crate::encoding::SLOTS;
use crate::error::{Error, Result};
use crate::herald::{Cause, Noise, Pattern};
use crate::state::{self, BellState, State};
use records::{RULE, SMEARED_PER_RECORD, integrated, record_edges_s, smearing_pieces};

/// Exact results of a link.
#[derive(Debug, Clone, PartialEq)]
pub struct Exact {
    /// Probability of a herald per attempt; with several ions per round, of one that is the first of its round.
    pub herald_probability: f64,
    /// Probability that an attempt shows an accepted pattern, first of its round or not.
    pub attempt_probability: f64,
    /// Heralds per second, pauses and reloading included: p/period times duty (1/s).
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
    pub by_cause: [State; Cause::COUNT],
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
        if self.patterns.iter().any(|pattern| pattern.slots.contains(&None)) {
            return 0.0;
        }
        let operators = Operators::of(self);
        let probability = |mode: usize| {
            let by_cause = operators.by_cause(Pattern::coincidence(mode));
            by_cause.iter().map(|(rho, _)| state::trace(rho)).sum::<f64>()
        };
        probability(0) + probability(1)
    }

    /// The parameter that makes a numerical integral long.
    fn slow_parameter(&self) -> &'static str {
        let branches = || self.branches.iter().flatten().filter_map(|branch| branch.photon.as_ref());
        if !self.motion.is_closed() && branches().all(|photon| photon.packet.exponential_parts().is_some()) {
            self.moving()
        } else if self.coincidence_window_s.is_some() {
            "station.coincidence_window_s"
        } else if self.blinds_partly() {
            "station.detectors.dead_time_s"
        } else if self.params.phase_feed_forward {
            "phase_feed_forward"
        } else if self.splitting == 0.0 {
            "nodes.0.emission.wavepacket"
        } else {
            "encoding.mode_splitting_rad_per_s"
        }
    }

    /// Whether the times of the clicks decide about a herald or its state.
    fn timed(&self) -> bool {
        self.params.phase_feed_forward || self.coincidence_window_s.is_some() || self.blinds_partly()
    }

    /// Whether a click in the early bin blinds its detector for a part of the late one.
    fn blinds_partly(&self) -> bool {
        self.recall.orders && self.slots.iter().any(|slot| self.blind_part(slot) == BlindPart::Some)
    }

    /// How much of the late window a click in the early one blinds.
    fn blind_part(&self, slot: &Slot) -> BlindPart {
        let (separation_s, window_s) = (self.bin_separation_s, self.window.duration_s());
        if separation_s == 0.0 || slot.dead_time_s <= separation_s - window_s {
            BlindPart::None
        } else if slot.dead_time_s >= separation_s + window_s {
            BlindPart::All
        } else {
            BlindPart::Some
        }
    }

    /// Opening of each slot, given that these click, where clicks blind all of a window or nothing (s).
    fn open_s(&self, clicks: &[usize]) -> [f64; SLOTS] {
        let mut open_s = [self.window.start_s; SLOTS];
        for &early in clicks {
            if self.detector_of(early) == early && self.blind_part(&self.slots[early]) == BlindPart::All {
                open_s[early + 1] = self.window.end_s;
            }
        }
        open_s
    }
}

/// How much of a window is blinded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum BlindPart {
    None,
    Some,
    All,
}

impl Exact {
    /// # Errors
    /// [`Error::Model`] where a numerical integral would take too long.
    pub(super) fn of(link: &Link) -> Result<Self> {
        let operators = Operators::of(link);
        operators.check_work()?;
        let mut patterns = Vec::with_capacity(link.patterns.len());
        let mut leaked = 0.0;
        for &pattern in &link.patterns {
            let by_cause =
                if link.timed() { integrated(link, pattern)? } else { operators.by_cause(pattern) };
            leaked += by_cause.iter().map(|(_, leaked)| leaked).sum::<f64>();
            patterns.push(PatternOutcome {
                pattern,
                by_cause: by_cause.map(|(operator, _)| {
                    // most causes are those of effects that the link has not
                    if operator == state::ZERO {
                        operator
                    } else {
                        link.finished(&operator, pattern.bell_state)
                    }
                }),
            });
        }
        let mut outcomes: Vec<_> = BellState::ALL
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
        // certain heralds may sum to a last bit above one, impossible ones to one below zero
        let attempt_probability =
            outcomes.iter().map(|outcome| outcome.probability).sum::<f64>().clamp(0.0, 1.0);
        let weighted = |outcome: &Outcome| {
            if outcome.probability > 0.0 { outcome.probability * outcome.fidelity } else { 0.0 }
        };
        let fidelity = outcomes.iter().map(weighted).sum::<f64>() / attempt_probability;
        let herald_probability = link.schedule.first_of_round(attempt_probability);
        if link.schedule.ions_per_round() > 1 && attempt_probability > 0.0 {
            // which ion of a round heralds first says nothing about how
            let kept = herald_probability / attempt_probability;
            for outcome in &mut outcomes {
                outcome.probability *= kept;
            }
            for operator in patterns.iter_mut().flat_map(|outcome| &mut outcome.by_cause) {
                *operator = state::scaled(operator, kept);
            }
        }
        Ok(Self {
            herald_probability,
            attempt_probability,
            rate_hz: herald_probability * link.schedule.attempt_rate_hz(),
            fidelity,
            mean_time_s: link.schedule.mean_time_s(attempt_probability),
            leakage: link.finished_leakage(leaked / attempt_probability),
            outcomes,
            patterns,
        })
    }
}

/// Points along one axis of a numerical integral: squared, about ten million.
const MOST_POINTS: usize = 3000;
/// Records of branches whose densities have a closed form: below a microsecond each, so that `auto` decides within seconds.
const MOST_RECORDS: usize = 5_000_000;
/// Records whose densities have not: up to a tenth of a millisecond each.
const MOST_SLOW_RECORDS: usize = 100_000;

/// Operators and leaked probabilities by cause.
type ByCause = [(State, f64); Cause::COUNT];

/// What is registered over the whole window, for every pair of branches.
pub(super) struct Operators<'a> {
    link: &'a Link,
    pairs: Vec<Pair<'a>>,
}

impl<'a> Operators<'a> {
    pub(super) fn of(link: &'a Link) -> Self {
        Self { link, pairs: Pair::all(link, Grid::Fine) }
    }

    /// Refuses what would take minutes.
    fn check_work(&self) -> Result<()> {
        let refused = |what: String| {
            Err(Error::Model {
                parameter: self.link.slow_parameter().into(),
                message: format!(
                    "a numerical integral over {what} would take too long: sample with the `click` or `photon` engine, or use \
                     exponential wave packets without restarts, jitter and spectral diffusion"
                ),
            })
        };
        let points = self.pairs.iter().map(|pair| pair.photons.points()).max().unwrap_or(0);
        if points > MOST_POINTS {
            return refused(format!("{points} points in a row"));
        }
        if self.link.timed() {
            let row = record_edges_s(self.link).len() * RULE;
            // a record with dark counts sums integrals over the beats of the motion, which cost less than the rest of it
            let dark = self.link.slots.iter().any(|slot| slot.dark_count_rate_hz > 0.0);
            let motion = &self.link.motion;
            let beats = match (dark, motion.is_closed_for_records(self.link.splitting != 0.0)) {
                (false, _) => 1,
                (true, true) => (motion.mean().strong_beats().len() / 4).max(1),
                (true, false) => MOST_RECORDS / MOST_SLOW_RECORDS,
            };
            let each = self.pairs.len() * self.link.patterns.len() * beats;
            let each = each * smearing_pieces(self.link).div_ceil(SMEARED_PER_RECORD);
            let (work, most) = (row * row * each, if points > 0 { MOST_SLOW_RECORDS } else { MOST_RECORDS });
            if work > most {
                return refused(format!("{work} records"));
            }
        }
        Ok(())
    }

    /// Ways to a pattern: how many photons are registered in each of its slots, where extra photons are. Calls `add` with the
    /// operator of the photons, the weight of everything else, and the cause.
    pub(super) fn ways(&self, pattern: Pattern, mut add: impl FnMut(Way, &State, f64, bool)) {
        let link = self.link;
        let clicks: Vec<usize> = pattern.clicks().map(|(_, slot)| slot).collect();
        let open_s = link.open_s(&clicks);
        let blind = |slot: usize| open_s[slot] >= link.window.end_s;
        if clicks.iter().any(|slot| blind(*slot)) {
            return;
        }
        let silent: f64 = (0..SLOTS)
            .filter(|slot| !clicks.contains(slot) && !blind(*slot))
            .map(|slot| link.slots[slot].silent_probability())
            .product();
        let all = Span::From(link.window.start_s);
        let recoil = link.motion.mean();
        let counts: &[[u32; 2]] = if clicks.len() == 2 {
            &[[0, 0], [1, 0], [0, 1], [1, 1], [2, 0], [0, 2]]
        } else {
            &[[0, 0], [1, 0], [2, 0]]
        };
        for pair in &self.pairs {
            for photons in counts {
                if !pair.photons.can_register(photons.iter().sum::<u32>() as usize) {
                    continue;
                }
                let mut operator = None;
                let places = |extra: Option<&Extra>| {
                    if extra.is_some() { (0..=clicks.len()).collect::<Vec<_>>() } else { vec![clicks.len()] }
                };
                for &first in &places(pair.extras[0]) {
                    for &second in &places(pair.extras[1]) {
                        let extras = [first, second];
                        // by the worst of what makes a slot click without photon
                        let mut weights = [pair.probability * silent, 0.0];
                        let mut with_photon = 0;
                        for (click, slot) in clicks.iter().enumerate() {
                            let slot = &link.slots[*slot];
                            let count = photons[click]
                                + extras.iter().filter(|place| **place == click).count() as u32;
                            with_photon += usize::from(count > 0);
                            let [dark, lit] = match count {
                                0 => [slot.dark_click_probability(), slot.background_click_probability()],
                                1 => [slot.photon_click_probability(), 0.0],
                                _ if slot.number_resolving => [0.0; 2],
                                _ => [1.0, 0.0],
                            };
                            weights = [weights[0] * dark, weights[1] * (dark + lit) + weights[0] * lit];
                        }
                        let mut kind = None;
                        for node in 0..2 {
                            if let Some(extra) = pair.extras[node] {
                                let weight = match clicks.get(extras[node]) {
                                    Some(slot) => {
                                        kind = kind.max(Some(extra.kind));
                                        extra.slot_efficiency(node, &link.grams[*slot])
                                            * extra.captured(link.window.start_s, link.window.end_s)
                                    }
                                    None => {
                                        1.0 - extra.registered(node, &link.grams, &open_s, link.window.end_s)
                                    }
                                };
                                weights = weights.map(|other| other * weight);
                            }
                        }
                        if weights[0] + weights[1] <= 0.0 {
                            continue;
                        }
                        let rho = operator.get_or_insert_with(|| match *photons {
                            [0, 0] => pair.photons.none(&open_s, &recoil),
                            [1, 0] => pair.photons.lone(clicks[0], all, &open_s, &recoil),
                            [0, 1] => pair.photons.lone(clicks[1], all, &open_s, &recoil),
                            [2, 0] => pair.photons.same_slot(clicks[0], all, &recoil),
                            [0, 2] => pair.photons.same_slot(clicks[1], all, &recoil),
                            _ => pair.photons.pair([clicks[0], clicks[1]], [all; 2], &recoil),
                        });
                        for (weight, noise) in weights.into_iter().zip([Noise::Dark, Noise::Background]) {
                            if weight > 0.0 {
                                let cause = Cause::of(clicks.len(), with_photon, kind, noise);
                                add(Way { cause, photons: *photons }, rho, weight, pair.leaked);
                            }
                        }
                    }
                }
            }
        }
    }

    /// Operators per attempt for one pattern.
    fn by_cause(&self, pattern: Pattern) -> ByCause {
        let mut by_cause = [(state::ZERO, 0.0); Cause::COUNT];
        self.ways(pattern, |way, rho, weight, is_leaked| {
            let (sum, leaked) = &mut by_cause[way.cause as usize];
            state::add(sum, rho, weight);
            if is_leaked {
                *leaked += weight * state::trace(rho);
            }
        });
        by_cause
    }
}

/// One way in which a pattern comes about.
#[derive(Debug, Clone, Copy)]
pub(super) struct Way {
    pub(super) cause: Cause,
    /// Entangled photons registered in each clicking slot.
    pub(super) photons: [u32; 2],
}
