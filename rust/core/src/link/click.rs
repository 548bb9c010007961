//! The `click` engine: from one attempt with an event to the next, photon by photon from there.
//!
//! An event is a photon that survives its losses and falls into the window, or a dark count. Attempts without one are
//! jumped over by a geometric number; which of the 63 sets of events happened comes from an alias table.

use super::Link;
use super::attempt::{Attempts, KINDS, SETS, Times};
use super::detectors::Detectors;
use super::draw::{Block, Engine, Record, block_length_for};
use super::rounds::OnePerRound;
use crate::math;
use crate::simd::Level;
use crate::stream::{Alias, BATCH, Geometric};

/// Visits between two looks at the stop flag: below a millisecond.
pub(super) const VISITS_PER_POLL: u32 = 1 << 13;
/// The same where each looks back at a thousand attempts.
pub(super) const SLOW_VISITS_PER_POLL: u32 = 1 << 6;
/// A batch of events without a visit costs as much as so many visits, at most.
const VISITS_PER_BATCH: u32 = 16;
/// Events per block, about: large enough that seeding costs nothing, small enough to share among threads.
const EVENTS_PER_BLOCK: f64 = 4096.0;

/// The engine, ready to draw.
#[derive(Debug)]
pub(super) struct ClickEngine<'a> {
    link: &'a Link,
    pub(super) attempts: Attempts<'a>,
    pub(super) gap: Geometric,
    /// Over the sets of events, as bits; nothing if no event can happen.
    pub(super) events: Option<Alias>,
    /// Sets that are resolved when they come, one bit for each; of others nothing is recorded, and what they leave behind is
    /// asked for later.
    pub(super) visited: u64,
    block_length: u64,
    pub(super) level: Level,
}

impl<'a> ClickEngine<'a> {
    pub(super) fn new(link: &'a Link, level: Level, record_coincidences: bool) -> Self {
        let attempts = Attempts::new(link, Times::Inside, record_coincidences);
        let probability = attempts.probabilities();
        let log_nothing: f64 = probability.iter().map(|p| math::ln_1p(-p)).sum();
        let weights: Vec<f64> =
            (0..SETS).map(|set| if set == 0 { 0.0 } else { set_probability(set, &probability) }).collect();
        let ions = link.schedule.ions_per_round();
        Self {
            visited: attempts.visited_sets(),
            link,
            attempts,
            gap: Geometric::from_log_failure(log_nothing),
            events: Alias::new(&weights),
            block_length: block_length_for(EVENTS_PER_BLOCK, -math::exp_m1(log_nothing), ions),
            level,
        }
    }
}

/// Probability that exactly this set of events happens, as bits.
pub(super) fn set_probability(set: usize, probability: &[f64; KINDS]) -> f64 {
    (0..KINDS)
        .map(|kind| if set >> kind & 1 == 1 { probability[kind] } else { 1.0 - probability[kind] })
        .product()
}

impl Engine for ClickEngine<'_> {
    const NUMBER: u64 = 2;

    fn block_length(&self) -> u64 {
        self.block_length
    }

    fn remembers(&self) -> bool {
        self.attempts.link.recall.carries
    }

    fn run_block(
        &self,
        block: &Block,
        limit: usize,
        detectors: &mut Detectors,
        stopped: &mut dyn FnMut(u64) -> bool,
        record: &mut Record,
    ) -> u64 {
        let Some(events) = &self.events else { return block.attempts.end };
        if stopped(0) {
            return 0;
        }
        let mut lanes = block.key.lanes(self.level);
        let mut rng = block.key.scalar(0);
        // of no use where attempts wait: each of them has a generator of its own
        let mut own = rng.clone();
        let mut rounds = OnePerRound::new(&self.link.schedule);
        let recall = &self.link.recall;
        let per_poll = if recall.looks_back { SLOW_VISITS_PER_POLL } else { VISITS_PER_POLL };
        let (mut visits, mut polled) = (0_u32, 0);
        // what an attempt shows, and whether that is the last wanted herald
        let mut visit = |within: u64, set: usize, detectors: &mut Detectors| {
            let attempt = block.first_attempt + within;
            let outcome = self.attempts.visit(block.key.key, attempt, set, &mut rng, detectors);
            let outcome = rounds.first(attempt, outcome);
            if block.attempts.contains(&within) {
                record.add(attempt, outcome, self.attempts.link);
            }
            record.heralds.len() >= limit
        };
        let (mut words, mut numbers, mut sets) = ([0; BATCH], [0; BATCH], [0_usize; BATCH]);
        let end = block.attempts.end;
        let mut done = 0;
        while done < end {
            lanes.fill(&mut words);
            self.gap.successes(self.level, &words, done, &mut numbers);
            lanes.fill(&mut words);
            let mut wanted = 0_u64;
            for (index, word) in words.into_iter().enumerate() {
                sets[index] = events.choose(word);
                wanted |= (self.visited >> sets[index] & 1) << index;
            }
            visits += VISITS_PER_BATCH;
            let within = numbers.partition_point(|number| *number < end);
            let attempt = |index: usize| block.first_attempt + numbers[index];
            // the first event of the batch that was not resolved
            let mut kept = 0;
            if recall.waits && within < BATCH {
                wanted &= (1 << within) - 1;
            }
            while wanted != 0 {
                let index = wanted.trailing_zeros() as usize;
                wanted &= wanted - 1;
                let next = numbers[index].min(end);
                if recall.afterpulses {
                    // they may fall into attempts in which nothing else happens
                    while let Some(attempt) = detectors.next_afterpulse()
                        && attempt < block.first_attempt + next
                    {
                        let within = attempt - block.first_attempt;
                        visits += 1;
                        if visits - polled >= per_poll {
                            polled = visits;
                            if stopped(within) {
                                return within;
                            }
                        }
                        if visit(within, 0, detectors) {
                            return within + 1;
                        }
                    }
                }
                if next == end {
                    return end;
                }
                if recall.waits {
                    self.attempts.link_up(kept..index, attempt, &sets, detectors);
                    kept = index + 1;
                }
                visits += 1;
                if visits - polled >= per_poll {
                    polled = visits;
                    if stopped(next) {
                        return next;
                    }
                }
                if visit(next, sets[index], detectors) {
                    return next + 1;
                }
            }
            if recall.waits && kept < within {
                let last = within - 1;
                self.attempts.link_up(kept..last, attempt, &sets, detectors);
                detectors.wait(attempt(last), sets[last]);
                if detectors.full() {
                    self.attempts.settle(block.key.key, &mut own, detectors);
                }
            }
            done = numbers[BATCH - 1].min(end) + 1;
        }
        end
    }
}
