//! The `herald` engine: from one herald to the next.
//!
//! Failures are jumped over by a geometric number with the exact herald probability. What made the herald is then drawn in
//! one of two ways. Where photons of the two modes never share a slot and are plain exponentials, how the herald came
//! about (which pattern, which photon where, which dark counts) comes from an alias table over exact probabilities and the
//! click times are drawn conditioned on it, many heralds side by side. Everywhere else attempts with enough events are
//! resolved photon by photon until one heralds.

use super::Link;
use super::attempt::{Attempts, Heralded, Outcome, SETS, Times};
use super::click::set_probability;
use super::detectors::Detectors;
use super::draw::{Block, Engine, Record, block_length_for};
use super::exact::Operators;
use super::record::{Batch, Code};
use super::rounds::OnePerRound;
use crate::emission::{Arrival, Exponential};
use crate::encoding::{Carrier, SLOTS};
use crate::error::Result;
use crate::herald::Cause;
use crate::math;
use crate::simd::Level;
use crate::state;
use crate::stream::{Alias, BATCH, Geometric, Key, Xoshiro};

/// Attempts tried for a herald between two looks at the stop flag: below a millisecond.
const TRIES_PER_POLL: usize = 1 << 12;
/// The same for batches of heralds that come from a table.
const BATCHES_PER_POLL: usize = 1 << 6;
/// Heralds per block, about.
const HERALDS_PER_BLOCK: f64 = 4096.0;

/// The engine, ready to draw.
#[derive(Debug)]
pub(super) struct HeraldEngine<'a> {
    link: &'a Link,
    gap: Geometric,
    origin: Origin<'a>,
    block_length: u64,
    level: Level,
}

/// How the circumstances of a herald are drawn.
#[derive(Debug)]
enum Origin<'a> {
    /// The link never heralds.
    Never,
    /// From exact probabilities, then times given those.
    Ways(&'a Ways),
    /// By trying attempts with enough events.
    Tries { attempts: Box<Attempts<'a>>, events: Alias },
}

impl<'a> HeraldEngine<'a> {
    /// # Errors
    /// As [`Link::exact`].
    pub(super) fn new(link: &'a Link, level: Level) -> Result<Self> {
        // of every attempt: heralds that are not the first of their round are drawn and dropped
        let probability = link.exact()?.attempt_probability;
        let origin = if probability <= 0.0 {
            Origin::Never
        } else if let Some(ways) = link.ways() {
            Origin::Ways(ways)
        } else {
            let attempts = Attempts::new(link, Times::Inside, false);
            let (single, least) = (attempts.probabilities(), attempts.least());
            let weights: Vec<f64> = (0..SETS)
                .map(
                    |set| {
                        if set.count_ones() as usize >= least { set_probability(set, &single) } else { 0.0 }
                    },
                )
                .collect();
            match Alias::new(&weights) {
                Some(events) => Origin::Tries { attempts: Box::new(attempts), events },
                None => Origin::Never,
            }
        };
        Ok(Self {
            link,
            gap: Geometric::from_log_failure(math::ln_1p(-probability.min(1.0))),
            origin,
            block_length: block_length_for(HERALDS_PER_BLOCK, probability, link.schedule.ions_per_round()),
            level,
        })
    }
}

/// One way in which a pattern comes about.
#[derive(Debug, Clone, Copy)]
struct Way {
    pattern: u8,
    cause: Cause,
    slots: [usize; 2],
    events: Events,
}

#[derive(Debug, Clone, Copy)]
enum Events {
    /// A photon in each slot, those of the nodes exchanged or not, and dark counts in some.
    PhotonPhoton { exchanged: bool, dark: [bool; 2] },
    /// One photon in a slot of the pattern, dark counts in the other.
    PhotonDark { seen: usize },
    /// Both photons in a slot of the pattern, dark counts in the other.
    PairDark { seen: usize },
    /// Dark counts alone.
    DarkDark,
}

impl Code {
    fn of_way(way: &Way) -> Self {
        match way.events {
            Events::PhotonPhoton { exchanged, dark: [false, false] } => {
                Self::new(way.pattern, way.cause, exchanged, false)
            }
            // there is more to its times than two photons
            _ => Self::new(way.pattern, way.cause, false, true),
        }
    }
}

/// All ways of a link whose modes never share a slot.
#[derive(Debug, Clone)]
pub(super) struct Ways {
    choice: Alias,
    list: Vec<Way>,
    codes: Vec<Code>,
    inside: [Arrival; 2],
    waves: [Exponential; 2],
    /// Weight of each node's photon as the only one registered, for each slot.
    lone: [[f64; 2]; SLOTS],
}

impl Ways {
    /// Nothing if the link has more to it than two plain photons, each in a slot of its own mode.
    pub(super) fn of(link: &Link) -> Option<Self> {
        let one_photon = |node: usize| {
            let with_photon = link.branches[node].iter().filter(|branch| branch.photon.is_some());
            with_photon.count() == 1 && link.branches[node].iter().all(|branch| branch.extra.is_none())
        };
        let own_mode = |slot: usize| {
            let mode = link.slots[slot].mode;
            (0..4).all(|index| index % 2 == mode || link.grams[slot][index][index].re == 0.0)
        };
        let plain = link.optics.carrier != Carrier::Shared
            && link.params.nodes.len() == 2
            && link.coincidence_window_s.is_none()
            && link.kept_by_check() == [1.0; 2]
            && !link.recall.orders
            && link.slots.iter().all(|slot| slot.background_mean == 0.0)
            && (0..2).all(one_photon)
            && (0..SLOTS).all(own_mode)
            // lost photons interfere visibly where the ports of a mode lose differently
            && link.loses_evenly();
        if !plain {
            return None;
        }
        let waves =
            [link.sources[0].packet.exponential_parts()?, link.sources[1].packet.exponential_parts()?];
        let captured = [0, 1]
            .map(|node: usize| link.sources[node].packet.captured(link.window.start_s, link.window.end_s));
        // probability that an emitted photon of a node is registered in a slot
        let registered = |node: usize, slot: usize| {
            let index = 2 * node + link.slots[slot].mode;
            let amplitude = link.sources[node].amplitudes[link.slots[slot].mode];
            amplitude
                * amplitude
                * link.sources[node].efficiency
                * link.grams[slot][index][index].re
                * captured[node]
        };
        // of the one branch with a photon
        let emitted = [0, 1].map(|node: usize| {
            let with_photon = link.branches[node].iter().filter(|branch| branch.photon.is_some());
            with_photon.map(|branch| branch.probability).sum::<f64>()
        });
        let missing = [0, 1].map(|node: usize| {
            let seen: f64 = (0..SLOTS).map(|slot| registered(node, slot)).sum();
            1.0 - emitted[node] * seen
        });
        let lone = std::array::from_fn(|slot| {
            [0, 1].map(|node: usize| emitted[node] * registered(node, slot) * missing[1 - node])
        });
        let operators = Operators::of(link);
        let (mut ways, mut weights) = (vec![], vec![]);
        for (number, pattern) in link.patterns.iter().enumerate() {
            let [Some(first), Some(second)] = pattern.slots else { return None };
            let slots = [first, second];
            let mut by_kind = [0.0; 6];
            operators.ways(*pattern, |way, rho, weight, _| {
                let kind = match way.photons {
                    [1, 0] => 1,
                    [0, 1] => 2,
                    [2, 0] => 3,
                    [0, 2] => 4,
                    [0, 0] => 5,
                    _ => 0,
                };
                by_kind[kind] += weight * state::trace(rho);
            });
            // photons of opposite modes go to orthogonal states of the ions: nothing but products
            let share = registered(0, first) * registered(1, second);
            let exchanged = registered(1, first) * registered(0, second);
            let direct = if share + exchanged > 0.0 { share / (share + exchanged) } else { 0.0 };
            let mut add = |cause: Cause, events: Events, weight: f64| {
                ways.push(Way { pattern: number as u8, cause, slots, events });
                weights.push(weight);
            };
            // dark counts beside a photon matter where the first event of a slot is its click
            let dark_probability = slots.map(|slot| {
                let slot = &link.slots[slot];
                if slot.number_resolving { 0.0 } else { slot.dark_click_probability() }
            });
            for dark in [[false, false], [true, false], [false, true], [true, true]] {
                let place = |place: usize| {
                    if dark[place] { dark_probability[place] } else { 1.0 - dark_probability[place] }
                };
                let weight = by_kind[0] * place(0) * place(1);
                let photons = |exchanged| Events::PhotonPhoton { exchanged, dark };
                add(Cause::PhotonPhoton, photons(false), weight * direct);
                add(Cause::PhotonPhoton, photons(true), weight * (1.0 - direct));
            }
            for seen in 0..2 {
                add(Cause::PhotonDark, Events::PhotonDark { seen }, by_kind[1 + seen]);
                add(Cause::PhotonDark, Events::PairDark { seen }, by_kind[3 + seen]);
            }
            add(Cause::DarkDark, Events::DarkDark, by_kind[5]);
        }
        Some(Self {
            choice: Alias::new(&weights)?,
            codes: ways.iter().map(Code::of_way).collect(),
            list: ways,
            inside: [0, 1]
                .map(|node: usize| link.sources[node].packet.inside(link.window.start_s, link.window.end_s)),
            waves,
            lone,
        })
    }

    /// Click times (s) of one way, given those of each node's photon were it the one registered.
    #[inline]
    fn times(&self, link: &Link, way: &Way, photon_s: [f64; 2], rng: &mut Xoshiro) -> [f64; 2] {
        let slots = way.slots;
        match way.events {
            Events::PhotonPhoton { exchanged, dark } => {
                let [a, b] = photon_s;
                let mut times = if exchanged { [b, a] } else { [a, b] };
                if dark != [false; 2] {
                    for place in (0..2).filter(|place| dark[*place]) {
                        times[place] = times[place].min(dark_click(link, slots[place], rng));
                    }
                }
                times
            }
            Events::PhotonDark { seen } => {
                let mut times = [0.0; 2];
                times[seen] = first_event(link, slots[seen], self.lone_photon(slots[seen], rng), rng);
                times[1 - seen] = dark_click(link, slots[1 - seen], rng);
                times
            }
            Events::PairDark { seen } => {
                let mut times = [0.0; 2];
                times[seen] = first_event(link, slots[seen], self.earlier_of_pair(link, rng), rng);
                times[1 - seen] = dark_click(link, slots[1 - seen], rng);
                times
            }
            Events::DarkDark => slots.map(|slot| dark_click(link, slot, rng)),
        }
    }

    /// Arrival in `slot` of a photon whose partner is registered nowhere.
    fn lone_photon(&self, slot: usize, rng: &mut Xoshiro) -> f64 {
        let [weight_a, weight_b] = self.lone[slot];
        let node = usize::from(rng.uniform() * (weight_a + weight_b) >= weight_a);
        self.inside[node].time_s(rng.uniform())
    }

    /// Earlier arrival of two photons that left by one exit in one mode: bunching favours times at which they interfere.
    fn earlier_of_pair(&self, link: &Link, rng: &mut Xoshiro) -> f64 {
        loop {
            let [x, y] = [0, 1].map(|node: usize| self.inside[node].time_s(rng.uniform()));
            if rng.uniform() < self.bunching(link, x, y) {
                return x.min(y);
            }
        }
    }

    /// Density of two photons in one mode leaving by one exit at these times, relative to twice that of independent ones.
    fn bunching(&self, link: &Link, x: f64, y: f64) -> f64 {
        let [a, b] = &self.waves;
        if x < b.delay_s || y < a.delay_s {
            return 0.5;
        }
        let swapped = math::exp((x - y) * (1.0 / a.lifetime_s - 1.0 / b.lifetime_s));
        let dephasing = a.dephasing_rate_hz + b.dephasing_rate_hz;
        let beat = math::cos((a.detuning_rad_per_s - b.detuning_rad_per_s) * (x - y));
        let kept = math::exp(-dephasing * (x - y).abs()) * link.motion.mean().kept(x - y);
        let cross = swapped.sqrt() * beat * kept;
        0.5 + link.mode_overlap * cross / (1.0 + swapped)
    }
}

/// The photon, or a dark count before it in a slot that reports its first event.
fn first_event(link: &Link, slot: usize, photon_s: f64, rng: &mut Xoshiro) -> f64 {
    let slot = &link.slots[slot];
    let rate = slot.dark_count_rate_hz;
    if rate == 0.0 || slot.number_resolving {
        return photon_s;
    }
    // 1 - exp(-x) <= x: most draws need no logarithm
    let draw = rng.uniform();
    let start = link.window.start_s;
    if draw >= rate * (photon_s - start) {
        return photon_s;
    }
    photon_s.min(start - math::ln_1p(-draw) / rate)
}

/// Click of a slot by dark counts alone.
fn dark_click(link: &Link, slot: usize, rng: &mut Xoshiro) -> f64 {
    link.slots[slot].dark_click_time_s(&link.window, rng.uniform())
}

impl HeraldEngine<'_> {
    /// The number of failures before a herald.
    pub(super) fn gap(&self) -> &Geometric {
        &self.gap
    }

    /// One herald, whatever attempt it comes from; nothing if there is none.
    pub(super) fn draw_one(&self, rng: &mut Xoshiro) -> Option<Heralded> {
        match &self.origin {
            Origin::Never => None,
            Origin::Ways(ways) => {
                let way = &ways.list[ways.choice.sample(rng)];
                let photon_s = [0, 1].map(|node: usize| ways.inside[node].time_s(rng.uniform()));
                let start_s = self.link.window.start_s;
                let times_s = ways.times(self.link, way, photon_s, rng);
                let jitter_s =
                    if self.link.jitters { self.link.jitter_s(way.slots.map(Some), rng) } else { [0.0; 2] };
                Some(Heralded {
                    pattern: way.pattern,
                    cause: way.cause,
                    click_time_s: [0, 1].map(|column: usize| times_s[column] - start_s + jitter_s[column]),
                    blind_s: [0.0; SLOTS],
                    jitter_s,
                    afterpulses: 0,
                })
            }
            Origin::Tries { attempts, events } => {
                let nowhere = Key([0; 2]);
                let mut ready = Detectors::ready();
                loop {
                    let set = events.sample(rng);
                    let happened = std::array::from_fn(|kind| set >> kind & 1 == 1);
                    if let Outcome::Herald(herald) = attempts.resolve(nowhere, 0, happened, rng, &mut ready) {
                        return Some(herald);
                    }
                }
            }
        }
    }
}

impl Engine for HeraldEngine<'_> {
    const NUMBER: u64 = 3;

    fn block_length(&self) -> u64 {
        self.block_length
    }

    fn run_block(
        &self,
        block: &Block,
        limit: usize,
        _detectors: &mut Detectors,
        stopped: &mut dyn FnMut(u64) -> bool,
        record: &mut Record,
    ) -> u64 {
        if stopped(0) {
            return 0;
        }
        match &self.origin {
            Origin::Never => block.attempts.end,
            Origin::Ways(ways) => self.by_table(ways, block, limit, stopped, record),
            Origin::Tries { attempts, events } => {
                self.by_trial(attempts, events, block, limit, stopped, record)
            }
        }
    }
}

impl HeraldEngine<'_> {
    /// Gaps, ways and times of many heralds side by side; the rare rest one by one.
    fn by_table(
        &self,
        ways: &Ways,
        block: &Block,
        limit: usize,
        stopped: &mut dyn FnMut(u64) -> bool,
        record: &mut Record,
    ) -> u64 {
        let mut lanes = block.key.lanes(self.level);
        let mut rng = block.key.scalar(0);
        // of its own, so that the jitter of a herald depends on the heralds before it and not on where the batch is cut
        let mut late = block.key.scalar(1);
        let mut rounds = OnePerRound::new(&self.link.schedule);
        let start_s = self.link.window.start_s;
        let (mut words, mut numbers, mut photon_s) = ([0; BATCH], [0; BATCH], [[0.0; BATCH]; 2]);
        let mut batch = Batch::new();
        let mut codes = [Code::default(); BATCH];
        let mut jitters_s = [[0.0; 2]; BATCH];
        let (start, end) = (block.attempts.start, block.attempts.end);
        let mut done = 0;
        let mut drawn = 0_usize;
        while done < end {
            drawn += 1;
            if drawn.is_multiple_of(BATCHES_PER_POLL) && stopped(done) {
                return done;
            }
            lanes.fill(&mut words);
            self.gap.successes(self.level, &words, done, &mut numbers);
            for (arrival, photon_s) in ways.inside.iter().zip(&mut photon_s) {
                lanes.fill(&mut words);
                arrival.each(self.level, &words, photon_s);
            }
            lanes.fill(&mut words);
            for (index, word) in words.iter_mut().enumerate() {
                let way = ways.choice.choose(*word);
                *word = way as u64;
                codes[index] = ways.codes[way];
            }
            let rare = batch.fill(self.level, &codes, &numbers, block.first_attempt, &photon_s, start_s);
            let within = numbers.partition_point(|number| *number < end);
            if rare {
                for index in (0..within).filter(|index| codes[*index].is_rare()) {
                    let way = &ways.list[words[index] as usize];
                    let times_s =
                        ways.times(self.link, way, [photon_s[0][index], photon_s[1][index]], &mut rng);
                    batch.click_time_s[index] = times_s.map(|time_s| time_s - start_s);
                }
            }
            if self.link.jitters {
                for index in 0..within {
                    let way = &ways.list[words[index] as usize];
                    jitters_s[index] = self.link.jitter_s(way.slots.map(Some), &mut late);
                    for column in 0..2 {
                        batch.click_time_s[index][column] += jitters_s[index][column];
                    }
                }
            }
            let mut count = within;
            if numbers[0] < start || self.link.schedule.ions_per_round() > 1 {
                count = 0;
                for index in 0..within {
                    if rounds.keeps(batch.attempt[index]) && numbers[index] >= start {
                        batch.shift(index, count);
                        jitters_s[count] = jitters_s[index];
                        count += 1;
                    }
                }
            }
            let room = limit - record.heralds.len();
            record.heralds.extend(&batch, count.min(room));
            if self.link.jitters {
                record.heralds.jitter_s.extend_from_slice(&jitters_s[..count.min(room)]);
            }
            if count >= room {
                return batch.attempt[room - 1] - block.first_attempt + 1;
            }
            done = numbers[BATCH - 1].min(end - 1) + 1;
        }
        end
    }

    /// Attempts with enough events, one after the other, until one heralds.
    fn by_trial(
        &self,
        attempts: &Attempts<'_>,
        events: &Alias,
        block: &Block,
        limit: usize,
        stopped: &mut dyn FnMut(u64) -> bool,
        record: &mut Record,
    ) -> u64 {
        let mut rng = block.key.scalar(0);
        let mut ready = Detectors::ready();
        let mut rounds = OnePerRound::new(&self.link.schedule);
        let mut done = 0;
        let mut count = 0_usize;
        while let Some(gap) = self.gap.sample(block.attempts.end - done, &mut rng) {
            let within = done + gap;
            let herald = loop {
                count += 1;
                if count.is_multiple_of(TRIES_PER_POLL) && stopped(done) {
                    return done;
                }
                let set = events.sample(&mut rng);
                let happened = std::array::from_fn(|kind| set >> kind & 1 == 1);
                let outcome = attempts.resolve(block.key.key, 0, happened, &mut rng, &mut ready);
                if let Outcome::Herald(herald) = outcome {
                    break herald;
                }
            };
            let first = rounds.keeps(block.first_attempt + within);
            if first && within >= block.attempts.start {
                record.add_herald(block.first_attempt + within, &herald, self.link);
                if record.heralds.len() >= limit {
                    return within + 1;
                }
            }
            done = within + 1;
            if done >= block.attempts.end {
                break;
            }
        }
        block.attempts.end
    }
}
