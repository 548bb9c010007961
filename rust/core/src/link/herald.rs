//! The `herald` engine: from one herald to the next.
//!
//! Failures are jumped over by a geometric number with the exact herald probability. How the herald came about (which
//! pattern, which photon where, which dark counts) comes from an alias table over exact probabilities; click times are
//! then drawn conditioned on it.

use super::Link;
use super::conditional::Conditional;
use super::draw::{Block, Detectors, Engine, Record, block_length_for};
use super::exact::Registered;
use crate::emission::Arrival;
use crate::herald::Cause;
use crate::math;
use crate::state;
use crate::stream::{Alias, Geometric, Xoshiro};

/// Heralds between two looks at the stop flag: below a millisecond.
const HERALDS_PER_POLL: usize = 1 << 12;
/// Heralds per block, about.
const HERALDS_PER_BLOCK: f64 = 4096.0;

/// The engine, ready to draw.
#[derive(Debug)]
pub(super) struct HeraldEngine<'a> {
    link: &'a Link,
    conditional: Conditional<'a>,
    gap: Geometric,
    /// Over `ways`; nothing if the link never heralds.
    choice: Option<Alias>,
    ways: Vec<Way>,
    inside: [Arrival; 2],
    block_length: u64,
}

/// One way in which a pattern comes about.
#[derive(Debug, Clone, Copy)]
struct Way {
    pattern: u8,
    events: Events,
}

#[derive(Debug, Clone, Copy)]
enum Events {
    /// A photon in each slot, that of `node` in the first.
    PhotonPhoton { node: usize },
    /// One photon in a slot of the pattern, dark counts in the other.
    PhotonDark { seen: usize },
    /// Both photons in a slot of the pattern, dark counts in the other.
    PairDark { seen: usize },
    /// Dark counts alone.
    DarkDark,
}

impl<'a> HeraldEngine<'a> {
    pub(super) fn new(link: &'a Link) -> Self {
        let registered = Registered::of(link);
        let (mut ways, mut weights) = (vec![], vec![]);
        for (number, pattern) in link.patterns.iter().enumerate() {
            let mut add = |events: Events, weight: f64| {
                ways.push(Way { pattern: number as u8, events });
                weights.push(weight);
            };
            let pieces = registered.pieces(link, *pattern);
            for node in 0..2 {
                add(Events::PhotonPhoton { node }, pieces.photon_photon[node]);
            }
            for seen in 0..2 {
                add(Events::PhotonDark { seen }, state::trace(&pieces.photon_dark[seen]));
                add(Events::PairDark { seen }, state::trace(&pieces.pair_dark[seen]));
            }
            add(Events::DarkDark, state::trace(&pieces.dark_dark));
        }
        let probability: f64 = weights.iter().filter(|weight| **weight > 0.0).sum();
        Self {
            link,
            conditional: Conditional::new(link),
            gap: Geometric::from_log_failure(math::ln_1p(-probability.min(1.0))),
            choice: Alias::new(&weights),
            ways,
            inside: [0, 1].map(|node: usize| link.arrival_inside(node)),
            block_length: block_length_for(HERALDS_PER_BLOCK, probability),
        }
    }

    /// Click times (s, from the opening of the window) of one way.
    fn times(&self, way: Way, rng: &mut Xoshiro) -> [f64; 2] {
        let slots = self.link.patterns[usize::from(way.pattern)].slots;
        let mut times = [0.0; 2];
        match way.events {
            Events::PhotonPhoton { node } => {
                for (place, source) in [(0, node), (1, 1 - node)] {
                    times[place] =
                        self.first_event(slots[place], self.inside[source].time_s(rng.uniform()), rng);
                }
            }
            Events::PhotonDark { seen } => {
                times[seen] = self.first_event(slots[seen], self.lone_photon(slots[seen], rng), rng);
                times[1 - seen] = self.dark(slots[1 - seen], rng);
            }
            Events::PairDark { seen } => {
                times[seen] = self.first_event(slots[seen], self.earlier_of_pair(rng), rng);
                times[1 - seen] = self.dark(slots[1 - seen], rng);
            }
            Events::DarkDark => {
                for place in 0..2 {
                    times[place] = self.dark(slots[place], rng);
                }
            }
        }
        times.map(|time| time - self.link.window.start_s)
    }

    /// The photon, or a dark count before it in a slot that reports its first event.
    fn first_event(&self, slot: usize, photon_s: f64, rng: &mut Xoshiro) -> f64 {
        let slot = &self.link.slots[slot];
        let rate = slot.dark_count_rate_hz;
        if rate == 0.0 || slot.number_resolving {
            return photon_s;
        }
        // 1 - exp(-x) <= x: most draws need no logarithm
        let draw = rng.uniform();
        let start = self.link.window.start_s;
        if draw >= rate * (photon_s - start) {
            return photon_s;
        }
        photon_s.min(start - math::ln_1p(-draw) / rate)
    }

    /// Click of a slot by dark counts alone.
    fn dark(&self, slot: usize, rng: &mut Xoshiro) -> f64 {
        self.link.slots[slot].dark_click_time_s(&self.link.window, rng.uniform())
    }

    /// Arrival in `slot` of a photon whose partner is registered nowhere. Where ports lose differently the partner
    /// interferes although it is lost: then the times are proposed without that and accepted by what it leaves.
    fn lone_photon(&self, slot: usize, rng: &mut Xoshiro) -> f64 {
        let [weight_a, weight_b] = self.conditional.lone_weights(slot);
        loop {
            let node = usize::from(rng.uniform() * (weight_a + weight_b) >= weight_a);
            let time = self.inside[node].time_s(rng.uniform());
            if !self.link.ports_differ() || rng.uniform() < self.conditional.lone_fraction(slot, time) {
                return time;
            }
        }
    }

    /// Earlier arrival of two photons that left by one exit in one mode: bunching favours times at which they interfere.
    fn earlier_of_pair(&self, rng: &mut Xoshiro) -> f64 {
        loop {
            let times = self.inside.map(|arrival| arrival.time_s(rng.uniform()));
            if rng.uniform() < self.conditional.bunching(times) {
                return times[0].min(times[1]);
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
        let Some(choice) = &self.choice else { return block.attempts.end };
        if stopped(0) {
            return 0;
        }
        let mut rng = block.key.scalar(0);
        let mut done = 0;
        let mut count = 0_usize;
        while let Some(gap) = self.gap.sample(block.attempts.end - done, &mut rng) {
            let within = done + gap;
            count += 1;
            if count.is_multiple_of(HERALDS_PER_POLL) && stopped(done) {
                return done;
            }
            let way = self.ways[choice.sample(&mut rng)];
            let times = self.times(way, &mut rng);
            if within >= block.attempts.start {
                let cause = match way.events {
                    Events::PhotonPhoton { .. } => Cause::PhotonPhoton,
                    Events::PhotonDark { .. } | Events::PairDark { .. } => Cause::PhotonDark,
                    Events::DarkDark => Cause::DarkDark,
                };
                record.heralds.push(block.first_attempt + within, way.pattern, cause, times);
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
