//! One attempt, photon by photon: what both click-level engines do once they know that something happened.

use super::branch::{Branch, ExtraArrival};
use super::detectors::{Arrived, Clicks, Detectors, Listener, OWN, Photons, forgotten};
use super::{Link, NEGLIGIBLE};
use crate::emission::{Arrival, Exponential};
use crate::encoding::SLOTS;
use crate::herald::{Cause, ExtraKind, Noise};
use crate::math;
use crate::stream::{BATCH, BlockKey, Key, Xoshiro};
use num_complex::Complex64;
use std::ops::Range;

/// Kinds of things that can happen in an attempt: photons of each node, dark counts in each slot.
pub(super) const KINDS: usize = 2 + SLOTS;

/// Number of sets of kinds.
pub(super) const SETS: usize = 1 << KINDS;

/// Sets of at least so many kinds, one bit for each.
pub(super) fn sets_of_at_least(least: usize) -> u64 {
    (0..SETS).filter(|set| set.count_ones() as usize >= least).fold(0, |sets, set| sets | 1 << set)
}

/// Whether emission times may lie anywhere or are known to lie inside the window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Times {
    /// Any time after the pulse; the window is tested afterwards.
    Free,
    /// Inside the window.
    Inside,
}

/// Rules by which attempts of a link are resolved.
#[derive(Debug)]
pub(super) struct Attempts<'a> {
    pub(super) link: &'a Link,
    times: Times,
    nodes: [NodeEvents<'a>; 2],
    splits: Splits,
    /// Number of the accepted pattern for each set of clicking slots.
    pattern_of_mask: [Option<u8>; 1 << SLOTS],
    record_coincidences: bool,
    /// Number of kinds that must happen for anything to be recorded, were there no afterpulses.
    least_recorded: usize,
    /// Sets of so many kinds, one bit for each.
    recorded_sets: u64,
    /// Probability that an ion inside, and one outside the qubit, passes the check, if there is one.
    kept_by_check: Option<[f64; 2]>,
}

/// What can come from one node.
#[derive(Debug)]
struct NodeEvents<'a> {
    /// Probability that at least one photon survives.
    probability: f64,
    /// The ways in which that happens.
    details: Vec<Detail>,
    branches: &'a [Branch],
    /// Arrival of the photon of each branch, for [`Times::Inside`].
    inside: Vec<Option<Arrival>>,
    /// The same of its extra photon.
    extra_inside: Vec<Option<ExtraArrival>>,
    /// Probability to be outside the qubit, given that no photon survives.
    leaked_if_dark: f64,
}

/// A branch and which of its photons survive.
#[derive(Debug, Clone, Copy)]
struct Detail {
    /// Probability, summed up to this one.
    cumulative: f64,
    branch: usize,
    entangled: bool,
    extra: bool,
}

impl<'a> NodeEvents<'a> {
    fn new(link: &'a Link, node: usize, times: Times) -> Self {
        let branches = &link.branches[node];
        let window = link.window;
        let mut details: Vec<Detail> = vec![];
        let mut cumulative = 0.0;
        let mut leaked = 0.0;
        for (branch, way) in branches.iter().enumerate() {
            let entangled = way.photon.as_ref().map_or(0.0, |photon| {
                let captured = match times {
                    Times::Free => 1.0,
                    Times::Inside => photon.packet.captured(window.start_s, window.end_s),
                };
                let there: f64 = photon.amplitudes.iter().map(|amplitude| amplitude * amplitude).sum();
                there.min(1.0) * link.sources[node].efficiency * captured
            });
            let extra = way.extra.as_ref().map_or(0.0, |extra| {
                let captured = match times {
                    Times::Free => 1.0,
                    Times::Inside => extra.captured(window.start_s, window.end_s),
                };
                extra.efficiency * captured
            });
            if way.leaked {
                leaked += way.probability;
            }
            for (has_photon, has_extra) in [(true, false), (false, true), (true, true)] {
                let chance = |has: bool, p: f64| if has { p } else { 1.0 - p };
                let probability = way.probability * chance(has_photon, entangled) * chance(has_extra, extra);
                if probability > 0.0 {
                    cumulative += probability;
                    details.push(Detail { cumulative, branch, entangled: has_photon, extra: has_extra });
                }
            }
        }
        let inside = branches
            .iter()
            .map(|way| way.photon.as_ref().map(|photon| photon.packet.inside(window.start_s, window.end_s)));
        Self {
            probability: cumulative.min(1.0),
            details,
            inside: inside.collect(),
            extra_inside: branches
                .iter()
                .map(|way| way.extra.as_ref().map(|extra| extra.inside(window.start_s, window.end_s)))
                .collect(),
            branches,
            leaked_if_dark: if cumulative < 1.0 { (leaked / (1.0 - cumulative)).min(1.0) } else { 0.0 },
        }
    }

    /// Which way it happened, given that it did.
    #[inline(always)]
    fn detail(&self, rng: &mut Xoshiro) -> Detail {
        let last = self.details[self.details.len() - 1];
        if self.details.len() == 1 {
            return last;
        }
        let draw = rng.uniform() * last.cumulative;
        self.details.iter().find(|detail| draw < detail.cumulative).copied().unwrap_or(last)
    }
}

/// Where photons go: the slot of one photon, and the exchange of two.
#[derive(Debug)]
struct Splits {
    /// Probability of each slot for a photon of a node and mode; what is missing is lost.
    slot: [[[f64; SLOTS]; 2]; 2],
    /// Gram matrix element between node A's mode and node B's in each slot, the last one for lost photons.
    exchange: [[[Complex64; SLOTS + 1]; 2]; 2],
    /// Whether photons of these modes interfere anywhere.
    interfere: [[bool; 2]; 2],
    /// Both waves, if they are plain exponentials.
    plain: Option<[Exponential; 2]>,
}

impl Splits {
    fn new(link: &Link) -> Self {
        let slot = [0, 1].map(|node: usize| {
            [0, 1].map(|mode: usize| {
                std::array::from_fn(|k| link.grams[k][2 * node + mode][2 * node + mode].re.max(0.0))
            })
        });
        let exchange = [0, 1].map(|a: usize| {
            [0, 1].map(|b: usize| {
                let mut elements = [Complex64::ZERO; SLOTS + 1];
                for k in 0..SLOTS {
                    elements[k] = link.grams[k][a][2 + b];
                    // photons that enter by different ports share no mode: over all exits, loss included, nothing is left
                    elements[SLOTS] -= elements[k];
                }
                elements
            })
        });
        let interfere = exchange.map(|of_a| {
            of_a.map(|elements| {
                link.mode_overlap > 0.0 && elements.iter().any(|element| element.norm_sqr() > NEGLIGIBLE)
            })
        });
        let [a, b] = [0, 1].map(|node: usize| link.sources[node].packet.exponential_parts());
        Self { slot, exchange, interfere, plain: a.zip(b).map(|(a, b)| [a, b]) }
    }

    /// The slot of one photon, or none.
    fn one(&self, node: usize, mode: usize, rng: &mut Xoshiro) -> Option<usize> {
        let mut left = rng.uniform();
        for (slot, probability) in self.slot[node][mode].iter().enumerate() {
            left -= probability;
            if left < 0.0 {
                return Some(slot);
            }
        }
        // lost, or a last bit beyond the sum of certain slots
        None
    }

    /// Probability of a slot, or of loss.
    fn probability(&self, node: usize, mode: usize, exit: usize) -> f64 {
        let slots = &self.slot[node][mode];
        slots.get(exit).copied().unwrap_or_else(|| (1.0 - slots.iter().sum::<f64>()).max(0.0))
    }
}

/// A photon that survived: its branch's wave is known to the caller.
#[derive(Debug, Clone, Copy)]
struct Flying {
    mode: usize,
    time_s: f64,
}

/// A herald, before it is written down.
#[derive(Debug, Clone, Copy)]
pub(super) struct Heralded {
    pub(super) pattern: u8,
    pub(super) cause: Cause,
    /// From the opening of the window (s).
    pub(super) click_time_s: [f64; 2],
    /// From the opening of the window until each slot was ready (s).
    pub(super) blind_s: [f64; SLOTS],
    /// How much later than it came each click was recorded (s).
    pub(super) jitter_s: [f64; 2],
    /// Which clicks are afterpulses, one bit for each column.
    pub(super) afterpulses: u8,
}

/// Two clicks in one mode and different ports.
#[derive(Debug, Clone, Copy)]
pub(super) struct Coincided {
    pub(super) mode: u8,
    pub(super) click_time_s: [f64; 2],
}

/// What an attempt shows.
#[derive(Debug, Clone, Copy)]
pub(super) enum Outcome {
    Nothing,
    Herald(Heralded),
    Coincidence(Coincided),
}

impl<'a> Attempts<'a> {
    pub(super) fn new(link: &'a Link, times: Times, record_coincidences: bool) -> Self {
        let times = if link.recall.looks_back { Times::Free } else { times };
        let mut pattern_of_mask = [None; 1 << SLOTS];
        for (index, pattern) in link.patterns.iter().enumerate() {
            pattern_of_mask[pattern.mask() as usize] = Some(index as u8);
        }
        let kept = link.kept_by_check();
        let nodes = [NodeEvents::new(link, 0, times), NodeEvents::new(link, 1, times)];
        let mut splits = Splits::new(link);
        let undelayed = (0..2).all(|node: usize| {
            let first = nodes[node].branches[0].photon.as_ref();
            first.is_some_and(|photon| photon.packet == link.sources[node].packet)
        });
        if !undelayed {
            splits.plain = None;
        }
        let mut attempts = Self {
            link,
            times,
            nodes,
            splits,
            pattern_of_mask,
            record_coincidences,
            least_recorded: 1,
            recorded_sets: 0,
            kept_by_check: (kept != [1.0; 2]).then_some(kept),
        };
        // one click is enough, or one node may send two photons
        let single = link.patterns.iter().any(|pattern| pattern.slots.contains(&None));
        let extras = attempts.nodes.iter().any(|node| node.details.iter().any(|detail| detail.extra));
        if !single && !extras {
            attempts.least_recorded = 2;
        }
        attempts.recorded_sets = sets_of_at_least(attempts.least_recorded);
        attempts
    }

    /// Probability that each kind happens; with [`Times::Inside`] a photon counts only inside the window.
    pub(super) fn probabilities(&self) -> [f64; KINDS] {
        std::array::from_fn(|kind| {
            if kind >= 2 { self.link.count_probability(kind - 2) } else { self.nodes[kind].probability }
        })
    }

    /// Number of kinds that must happen for anything to be recorded or remembered.
    pub(super) fn least(&self) -> usize {
        if self.link.recall.carries { 1 } else { self.least_recorded }
    }

    /// Sets that are to be visited when they come, one bit for each.
    ///
    /// Where detectors remember clicks, most attempts can do no more than leave a detector blind: they wait, and are resolved
    /// only if one that may herald follows before they are forgotten. When an attempt is resolved changes no draw, for each
    /// has a generator of its own.
    pub(super) fn visited_sets(&self) -> u64 {
        if self.link.recall.waits { self.recorded_sets } else { sets_of_at_least(self.least()) }
    }

    /// Puts off an attempt, the kinds that happened given as bits, if nobody needs to know what it shows; attempts come in
    /// their order.
    #[inline]
    pub(super) fn put_off(&self, attempt: u64, set: usize, detectors: &mut Detectors) -> bool {
        if !self.link.recall.waits {
            return false;
        }
        detectors.forget_before(self.link, attempt);
        let idle = self.recorded_sets >> set & 1 == 0 && !detectors.full();
        if idle {
            detectors.wait(attempt, set);
        }
        idle
    }

    /// Puts off those of a batch's attempts `part` with events that are felt at the attempt after them, `part.end`; forgets
    /// all others, and those that waited before if none of them is felt.
    #[inline]
    pub(super) fn link_up(
        &self,
        part: Range<usize>,
        attempt: impl Fn(usize) -> u64,
        sets: &[usize; BATCH],
        detectors: &mut Detectors,
    ) {
        let mut from = part.end;
        while from > part.start && !forgotten(self.link, attempt(from - 1), attempt(from)) {
            from -= 1;
        }
        if from > part.start {
            detectors.forget();
        } else {
            detectors.forget_before(self.link, attempt(from));
        }
        for index in from..part.end {
            detectors.wait(attempt(index), sets[index]);
        }
    }

    /// Resolves the attempts that wait.
    pub(super) fn settle(&self, key: Key, rng: &mut Xoshiro, detectors: &mut Detectors) {
        let happened = |set: usize| std::array::from_fn(|kind| set >> kind & 1 == 1);
        for (earlier, set) in detectors.take_waiting() {
            self.resolve(key, earlier, happened(set), rng, detectors);
        }
    }

    /// What an attempt shows that was not put off; those that were come first.
    pub(super) fn visit(
        &self,
        key: Key,
        attempt: u64,
        set: usize,
        rng: &mut Xoshiro,
        detectors: &mut Detectors,
    ) -> Outcome {
        if detectors.waits() {
            self.settle(key, rng, detectors);
        }
        let happened = std::array::from_fn(|kind| set >> kind & 1 == 1);
        self.resolve(key, attempt, happened, rng, detectors)
    }

    /// Resolves an attempt in which `happened` is known.
    ///
    /// `key` is that of the run.
    pub(super) fn resolve(
        &self,
        key: Key,
        attempt: u64,
        happened: [bool; KINDS],
        rng: &mut Xoshiro,
        detectors: &mut Detectors,
    ) -> Outcome {
        self.resolve_told(key, attempt, happened, rng, detectors, &mut ())
    }

    /// As [`resolve`](Self::resolve), told to a listener, who changes nothing.
    ///
    /// There are two of it, with and without a listener: what it calls once must be told to be inlined, as it was in one.
    pub(super) fn resolve_told(
        &self,
        key: Key,
        attempt: u64,
        happened: [bool; KINDS],
        rng: &mut Xoshiro,
        detectors: &mut Detectors,
        listener: &mut impl Listener,
    ) -> Outcome {
        let [a, b, noisy @ ..] = happened;
        let recall = &self.link.recall;
        // what detectors remember, and which attempts wait, must not move the draws of other attempts
        let mut own = recall.carries.then(|| BlockKey { key, engine: OWN, block: attempt }.scalar(0));
        let rng = own.as_mut().unwrap_or(rng);
        let mut photons = Photons::default();
        self.add_photons(attempt, [a, b], rng, &mut photons);
        let clicks = if recall.orders {
            Clicks::in_order(self.link, (key, attempt), &photons, noisy, rng, detectors, listener)
        } else {
            Clicks::of_ready(self.link, &photons, noisy, rng, listener)
        };
        let opening = self.link.window.start_s;
        let mut mask = 0;
        for index in 0..SLOTS {
            if self.link.slots[index].number_resolving && clicks.count[index] > 1 {
                return Outcome::Nothing;
            }
            mask |= usize::from(clicks.count[index] > 0) << index;
        }
        if let Some(number) = self.pattern_of_mask[mask] {
            let pattern = self.link.patterns[usize::from(number)];
            let jitter_s = self.link.jitter_s(pattern.slots, rng);
            listener.jitter(pattern.slots, jitter_s);
            let mut click_time_s =
                pattern.slots.map(|slot| slot.map_or(f64::NAN, |slot| clicks.first[slot] - opening));
            for (time_s, jitter_s) in click_time_s.iter_mut().zip(jitter_s) {
                *time_s += jitter_s;
            }
            let [first, second] = click_time_s;
            if self.link.coincidence_window_s.is_some_and(|window_s| (first - second).abs() > window_s) {
                return Outcome::Nothing;
            }
            if !self.passes_check([a, b], rng) {
                return Outcome::Nothing;
            }
            let mut with_photon = 0;
            let mut extra = None;
            let mut count = 0;
            let mut noise = Noise::Dark;
            let mut afterpulses = 0;
            for (column, slot) in pattern.clicks() {
                count += 1;
                with_photon += usize::from(clicks.photon[slot]);
                extra = extra.max(clicks.extra[slot]);
                afterpulses |= u8::from(clicks.afterpulse[slot]) << column;
                if !clicks.photon[slot] {
                    noise = noise.max(if clicks.background[slot] {
                        Noise::Background
                    } else if clicks.afterpulse[slot] {
                        Noise::Afterpulse
                    } else {
                        Noise::Dark
                    });
                }
            }
            return Outcome::Herald(Heralded {
                pattern: number,
                cause: Cause::of(count, with_photon, extra, noise),
                click_time_s,
                blind_s: clicks.open.map(|open| open - opening),
                jitter_s,
                afterpulses,
            });
        }
        // jitter is drawn whether or not coincidences are recorded, which must not move later attempts
        if self.record_coincidences || self.link.jitters {
            for mode in 0..2 {
                let slots = [mode, 2 + mode];
                if mask == 1 << slots[0] | 1 << slots[1] {
                    let jitter_s = self.link.jitter_s(slots.map(Some), rng);
                    listener.jitter(slots.map(Some), jitter_s);
                    let mut click_time_s = slots.map(|slot| clicks.first[slot] - opening);
                    for (time_s, jitter_s) in click_time_s.iter_mut().zip(jitter_s) {
                        *time_s += jitter_s;
                    }
                    if self.record_coincidences {
                        return Outcome::Coincidence(Coincided { mode: mode as u8, click_time_s });
                    }
                }
            }
        }
        Outcome::Nothing
    }

    /// Whether both ions pass the erasure check.
    #[inline(always)]
    fn passes_check(&self, happened: [bool; 2], rng: &mut Xoshiro) -> bool {
        let Some(kept) = self.kept_by_check else { return true };
        let mut passed = true;
        for node in 0..2 {
            // an ion outside the qubit emitted nothing
            let leaked = !happened[node] && rng.uniform() < self.nodes[node].leaked_if_dark;
            passed &= rng.uniform() < kept[usize::from(leaked)];
        }
        passed
    }

    /// Slot and time of each registered photon, were its detector ready.
    #[inline(always)]
    fn add_photons(&self, attempt: u64, survived: [bool; 2], rng: &mut Xoshiro, events: &mut Photons) {
        let mut entangled: [Option<(Flying, usize)>; 2] = [None; 2];
        for node in 0..2 {
            if !survived[node] {
                continue;
            }
            let ways = &self.nodes[node];
            let detail = ways.detail(rng);
            let branch = &ways.branches[detail.branch];
            if let (true, Some(photon)) = (detail.entangled, &branch.photon) {
                let [c0, c1] = photon.amplitudes;
                let share = c0 * c0 / (c0 * c0 + c1 * c1);
                let mode = usize::from(share < 1.0 && rng.uniform() >= share);
                let time_s = match (self.times, &ways.inside[detail.branch]) {
                    (Times::Inside, Some(arrival)) => arrival.time_s(rng.uniform()),
                    _ => photon.packet.sample(rng),
                };
                entangled[node] = Some((Flying { mode, time_s }, detail.branch));
            }
            if let (true, Some(extra)) = (detail.extra, &branch.extra) {
                let time_s = match (self.times, &ways.extra_inside[detail.branch]) {
                    (Times::Inside, Some(arrival)) => arrival.time_s(rng.uniform()),
                    _ => extra.sample(rng),
                };
                if let Some(slot) = self.splits.one(node, extra.mode, rng) {
                    self.add(events, slot, time_s, Some(extra.kind));
                }
            }
        }
        match entangled {
            [Some((a, branch_a)), Some((b, branch_b))] => {
                let exits = if self.splits.interfere[a.mode][b.mode] {
                    self.exchanged(attempt, [a, b], [branch_a, branch_b], rng)
                } else {
                    [self.splits.one(0, a.mode, rng), self.splits.one(1, b.mode, rng)]
                };
                for (exit, photon) in exits.into_iter().zip([a, b]) {
                    if let Some(slot) = exit {
                        self.add(events, slot, photon.time_s, None);
                    }
                }
            }
            [Some((photon, _)), None] => self.add_one(0, photon, rng, events),
            [None, Some((photon, _))] => self.add_one(1, photon, rng, events),
            [None, None] => {}
        }
    }

    fn add_one(&self, node: usize, photon: Flying, rng: &mut Xoshiro, events: &mut Photons) {
        if let Some(slot) = self.splits.one(node, photon.mode, rng) {
            self.add(events, slot, photon.time_s, None);
        }
    }

    fn inside_window(&self, time_s: f64) -> bool {
        time_s >= self.link.window.start_s && time_s < self.link.window.end_s
    }

    fn add(&self, events: &mut Photons, slot: usize, time_s: f64, extra: Option<ExtraKind>) {
        // what comes outside may blind detectors that are not gated
        if self.inside_window(time_s) || self.link.recall.looks_back {
            events.push(Arrived { slot, time_s, extra });
        }
    }

    /// Exits of two photons that interfere. Given their modes a, b and times x, y, the exits j, k have the probabilities
    /// |A1|² + |A2|² + 2 Re V A1 A2*, where A1 has node A's photon in j at x and A2 has the two exchanged. The marginal of
    /// modes and times knows nothing of interference.
    #[inline(always)]
    fn exchanged(
        &self,
        attempt: u64,
        [a, b]: [Flying; 2],
        branches: [usize; 2],
        rng: &mut Xoshiro,
    ) -> [Option<usize>; 2] {
        let (swapped, turn) = self.swapped([a, b], branches);
        // modes that interfere share a bin
        let turn = turn * self.link.motion.at(attempt).kept(a.time_s - b.time_s);
        let elements = &self.splits.exchange[a.mode][b.mode];
        let mut left = rng.uniform() * (1.0 + swapped);
        for j in 0..=SLOTS {
            for k in 0..=SLOTS {
                let direct = self.splits.probability(0, a.mode, j) * self.splits.probability(1, b.mode, k);
                let crossed = self.splits.probability(0, a.mode, k) * self.splits.probability(1, b.mode, j);
                let interference = 2.0 * (elements[j] * elements[k].conj() * turn).re;
                left -= direct + crossed * swapped + interference;
                if left < 0.0 {
                    return [j, k].map(|exit| (exit < SLOTS).then_some(exit));
                }
            }
        }
        [None; 2]
    }

    /// Weight of the exchanged times relative to the drawn ones, and the coherence between the two.
    #[inline(always)]
    fn swapped(&self, [a, b]: [Flying; 2], branches: [usize; 2]) -> (f64, Complex64) {
        let link = self.link;
        let (x, y) = (a.time_s, b.time_s);
        let splitting = (a.mode as f64 - b.mode as f64) * link.splitting;
        if let (Some([wave_a, wave_b]), [0, 0]) = (&self.splits.plain, branches) {
            if x < wave_b.delay_s || y < wave_a.delay_s {
                return (0.0, Complex64::ZERO);
            }
            let swapped = math::exp((x - y) * (1.0 / wave_a.lifetime_s - 1.0 / wave_b.lifetime_s));
            let dephasing = wave_a.dephasing_rate_hz + wave_b.dephasing_rate_hz;
            let visibility = link.mode_overlap * math::exp(-dephasing * (x - y).abs());
            let detuning = wave_a.detuning_rad_per_s - wave_b.detuning_rad_per_s + splitting;
            return (swapped, visibility * swapped.sqrt() * math::phase(-detuning * (x - y)));
        }
        let packet =
            |node: usize| self.nodes[node].branches[branches[node]].photon.as_ref().map(|p| &p.packet);
        let [Some(wave_a), Some(wave_b)] = [packet(0), packet(1)] else { return (0.0, Complex64::ZERO) };
        let drawn = wave_a.intensity(x) * wave_b.intensity(y);
        if drawn <= 0.0 {
            return (0.0, Complex64::ZERO);
        }
        let swapped = wave_a.intensity(y) * wave_b.intensity(x) / drawn;
        let coherence = wave_a.coherence(x, y) * wave_b.coherence(y, x) / drawn;
        (swapped, link.mode_overlap * coherence * math::phase(-splitting * (x - y)))
    }
}
