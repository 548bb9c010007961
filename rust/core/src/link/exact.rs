//! Exact results of a link: no random numbers.
//!
//! Every operator on the two ions is an integral over the window of the densities of docs/physics.md, section
//! Interference, sorted by what is registered: both photons, exactly one, neither; dark counts and extra photons then
//! decide which of these cases shows an accepted pattern. Plain exponential photons have closed forms. Where the click times
//! themselves decide (coincidence window, feed-forward), the density of records is integrated by Gauss's rule.

use super::Link;
use super::branch::Extra;
use super::conditional::{Conditional, Seen};
use super::operators::Pair;
use super::waves::{Grid, Span};
use crate::encoding::SLOTS;
use crate::error::{Error, Result};
use crate::herald::{Cause, Pattern};
use crate::math;
use crate::state::{self, BellState, State};

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
        if self.coincidence_window_s.is_some() {
            "station.coincidence_window_s"
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
        self.params.phase_feed_forward || self.coincidence_window_s.is_some()
    }
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
            let by_cause = if link.timed() { integrated(link, pattern) } else { operators.by_cause(pattern) };
            leaked += by_cause.iter().map(|(_, leaked)| leaked).sum::<f64>();
            patterns.push(PatternOutcome {
                pattern,
                by_cause: by_cause.map(|(operator, _)| link.finished(&operator)),
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
        // certain heralds may sum to a last bit above one, impossible ones to one below zero
        let herald_probability =
            outcomes.iter().map(|outcome| outcome.probability).sum::<f64>().clamp(0.0, 1.0);
        let weighted = |outcome: &Outcome| {
            if outcome.probability > 0.0 { outcome.probability * outcome.fidelity } else { 0.0 }
        };
        Ok(Self {
            herald_probability,
            rate_hz: herald_probability * link.schedule.attempt_rate_hz(),
            fidelity: outcomes.iter().map(weighted).sum::<f64>() / herald_probability,
            mean_time_s: link.schedule.mean_time_s(herald_probability),
            leakage: leaked / herald_probability,
            outcomes,
            patterns,
        })
    }
}

/// Points along one axis of a numerical integral: squared, about ten million.
const MOST_POINTS: usize = 3000;
/// Records of branches whose densities have a closed form: a microsecond each.
const MOST_RECORDS: usize = 10_000_000;
/// Records whose densities have not: up to a tenth of a millisecond each.
const MOST_SLOW_RECORDS: usize = 400_000;

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
            let each = self.pairs.len() * self.link.patterns.len();
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
        let silent: f64 = (0..SLOTS)
            .filter(|slot| !clicks.contains(slot))
            .map(|slot| link.slots[slot].silent_probability())
            .product();
        let open_s = [link.window.start_s; SLOTS];
        let all = Span::From(link.window.start_s);
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
                        let mut weight = pair.probability * silent;
                        let mut with_photon = 0;
                        for (click, slot) in clicks.iter().enumerate() {
                            let slot = &link.slots[*slot];
                            let count = photons[click]
                                + extras.iter().filter(|place| **place == click).count() as u32;
                            with_photon += usize::from(count > 0);
                            weight *= match count {
                                0 => slot.dark_click_probability(),
                                1 => slot.photon_click_probability(),
                                _ if slot.number_resolving => 0.0,
                                _ => 1.0,
                            };
                        }
                        let mut kind = None;
                        for node in 0..2 {
                            if let Some(extra) = pair.extras[node] {
                                weight *= match clicks.get(extras[node]) {
                                    Some(slot) => {
                                        kind = kind.max(Some(extra.kind));
                                        extra.slot_efficiency(node, &link.grams[*slot])
                                            * extra.captured(link.window.start_s, link.window.end_s)
                                    }
                                    None => {
                                        1.0 - extra.registered(node, &link.grams, &open_s, link.window.end_s)
                                    }
                                };
                            }
                        }
                        if weight <= 0.0 {
                            continue;
                        }
                        let rho = operator.get_or_insert_with(|| match *photons {
                            [0, 0] => pair.photons.none(&open_s),
                            [1, 0] => pair.photons.lone(clicks[0], all, &open_s),
                            [0, 1] => pair.photons.lone(clicks[1], all, &open_s),
                            [2, 0] => pair.photons.same_slot(clicks[0], all),
                            [0, 2] => pair.photons.same_slot(clicks[1], all),
                            _ => pair.photons.pair([clicks[0], clicks[1]], [all; 2]),
                        });
                        let way =
                            Way { cause: Cause::of(clicks.len(), with_photon, kind), photons: *photons };
                        add(way, rho, weight, pair.leaked);
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

/// Order of the Gauss rule for records.
const RULE: usize = 10;

/// Points between which densities of records are smooth, coincidence window and diagonal apart.
fn record_edges_s(link: &Link) -> Vec<f64> {
    let (start, end) = (link.window.start_s, link.window.end_s);
    let (mut marks, mut grid) = (vec![start, end], vec![]);
    let mut longest = end - start;
    let mut fastest = link.splitting.abs();
    for branch in link.branches.iter().flatten() {
        if let Some(photon) = &branch.photon {
            let packet = &photon.packet;
            if packet.is_smooth() {
                // a fine grid, finer than this rule needs
                grid.extend(packet.kinks().into_iter().step_by(3));
            } else {
                marks.push(packet.from_s());
                marks.extend(packet.kinks());
            }
            longest = longest.min(2.0 * packet.decay_s());
            fastest = fastest.max(packet.dephasing_rate_hz + packet.spectral_diffusion_rad_per_s);
        }
        if let Some(extra) = &branch.extra {
            marks.extend(extra.kinks());
        }
    }
    let [a, b] = &link.sources;
    fastest =
        fastest.max((a.packet.detuning_rad_per_s - b.packet.detuning_rad_per_s).abs() + link.splitting.abs());
    for slot in &link.slots {
        fastest = fastest.max(slot.dark_count_rate_hz);
    }
    if fastest > 0.0 {
        longest = longest.min(3.0 / fastest);
    }
    if let Some(window_s) = link.coincidence_window_s {
        // where the band meets a kink of the other time
        let others: Vec<f64> = marks.iter().flat_map(|mark| [mark - window_s, mark + window_s]).collect();
        marks.extend(others);
    }
    marks.extend(grid);
    marks.retain(|mark| (start..=end).contains(mark));
    marks.sort_by(f64::total_cmp);
    marks.dedup();
    let mut edges = vec![start];
    for pair in marks.windows(2) {
        let count = ((pair[1] - pair[0]) / longest).ceil().clamp(1.0, MOST_POINTS as f64);
        edges.extend((1..=count as usize).map(|k| pair[0] + (pair[1] - pair[0]) * k as f64 / count));
    }
    edges
}

/// The density of records integrated over the click times that herald.
fn integrated(link: &Link, pattern: Pattern) -> ByCause {
    // records with dark counts need an integral each where waves have no closed form
    let conditional = Conditional::new(link, Grid::Coarse);
    let edges = record_edges_s(link);
    let rule = math::gauss_rule(RULE);
    let mut sum = [(state::ZERO, 0.0); Cause::COUNT];
    let mut add = |times_s: [f64; 2], weight: f64| {
        let seen = Seen { pattern, times_s, open_s: [link.window.start_s; SLOTS] };
        for ((sum, sum_leaked), (rho, leaked)) in sum.iter_mut().zip(conditional.densities(&seen, |_| true)) {
            state::add(sum, &rho, weight);
            *sum_leaked += weight * leaked;
        }
    };
    let single = pattern.slots.contains(&None);
    for outer in edges.windows(2) {
        for (x, weight_x) in rule {
            let width = outer[1] - outer[0];
            let t = outer[0] + width * x;
            if single {
                add([t; 2], weight_x * width);
                continue;
            }
            let (low, high) =
                link.coincidence_window_s.map_or((link.window.start_s, link.window.end_s), |window_s| {
                    ((t - window_s).max(link.window.start_s), (t + window_s).min(link.window.end_s))
                });
            for inner in edges.windows(2) {
                // the diagonal is a kink
                let (from, to) = (inner[0].max(low), inner[1].min(high));
                if to <= from {
                    continue;
                }
                let cut = t.clamp(from, to);
                for (from, to) in [(from, cut), (cut, to)] {
                    for (y, weight_y) in rule {
                        if to > from {
                            add([t, from + (to - from) * y], weight_x * width * weight_y * (to - from));
                        }
                    }
                }
            }
        }
    }
    sum
}
