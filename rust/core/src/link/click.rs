//! The `click` engine: from one attempt with an event to the next, photon by photon from there.
//!
//! An event is a photon that survives its losses and falls into the window, or a dark count. Attempts without one are
//! jumped over by a geometric number; which of the 63 sets of events happened comes from an alias table.

use super::Link;
use super::attempt::{Attempts, KINDS, Times};
use super::detectors::Detectors;
use super::draw::{Block, Engine, Record, block_length_for};
use super::rounds::OnePerRound;
use crate::math;
use crate::stream::{Alias, Geometric, Xoshiro};

/// Events between two looks at the stop flag: below a millisecond.
const EVENTS_PER_POLL: u32 = 1 << 13;
/// The same where each event looks back at a thousand attempts.
const SLOW_EVENTS_PER_POLL: u32 = 1 << 6;
/// Events per block, about: large enough that seeding costs nothing, small enough to share among threads.
const EVENTS_PER_BLOCK: f64 = 4096.0;

/// The engine, ready to draw.
#[derive(Debug)]
pub(super) struct ClickEngine<'a> {
    link: &'a Link,
    attempts: Attempts<'a>,
    gap: Geometric,
    /// Over the sets of events, as bits; nothing if no event can happen.
    events: Option<Alias>,
    block_length: u64,
}

impl<'a> ClickEngine<'a> {
    pub(super) fn new(link: &'a Link, record_coincidences: bool) -> Self {
        let attempts = Attempts::new(link, Times::Inside, record_coincidences);
        let probability = attempts.probabilities();
        let log_nothing: f64 = probability.iter().map(|p| math::ln_1p(-p)).sum();
        let weights: Vec<f64> =
            (0..SETS).map(|set| if set == 0 { 0.0 } else { set_probability(set, &probability) }).collect();
        let ions = link.schedule.ions_per_round();
        Self {
            link,
            attempts,
            gap: Geometric::from_log_failure(log_nothing),
            events: Alias::new(&weights),
            block_length: block_length_for(EVENTS_PER_BLOCK, -math::exp_m1(log_nothing), ions),
        }
    }
}

/// Number of sets of events.
pub(super) const SETS: usize = 1 << KINDS;

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
        let mut rng = block.key.scalar(0);
        let least = self.attempts.least();
        let mut rounds = OnePerRound::new(&self.link.schedule);
        let mut done = 0;
        let mut count = 0_u32;
        let end = block.attempts.end;
        let per_poll =
            if self.attempts.link.recall.looks_back { SLOW_EVENTS_PER_POLL } else { EVENTS_PER_POLL };
        // what an attempt shows, and whether that is the last wanted herald
        let mut visit = |within: u64, happened, rng: &mut Xoshiro, detectors: &mut Detectors| {
            let attempt = block.first_attempt + within;
            let outcome = self.attempts.resolve(block.key.key, attempt, happened, rng, detectors);
            let outcome = rounds.first(attempt, outcome);
            if block.attempts.contains(&within) {
                record.add(attempt, outcome, self.attempts.link);
            }
            record.heralds.len() >= limit
        };
        while done < end {
            let gap = self.gap.sample(end - done, &mut rng);
            let next = gap.map_or(end, |gap| done + gap);
            // afterpulses may fall into attempts in which nothing else happens
            while let Some(attempt) = detectors.next_afterpulse()
                && attempt < block.first_attempt + next
            {
                let within = attempt - block.first_attempt;
                count += 1;
                if count.is_multiple_of(per_poll) && stopped(within) {
                    return within;
                }
                if visit(within, [false; KINDS], &mut rng, detectors) {
                    return within + 1;
                }
            }
            if gap.is_none() {
                break;
            }
            count += 1;
            if count.is_multiple_of(per_poll) && stopped(done) {
                return done;
            }
            let set = events.sample(&mut rng);
            if set.count_ones() as usize >= least {
                let happened = std::array::from_fn(|kind| set >> kind & 1 == 1);
                if visit(next, happened, &mut rng, detectors) {
                    return next + 1;
                }
            }
            done = next + 1;
        }
        block.attempts.end
    }
}
