//! The `photon` engine: every attempt, photon by photon.
//!
//! An attempt draws, without skipping, whether each node's photon survives the product of its losses and whether each
//! slot has dark counts. Attempts in which fewer events remain than a pattern needs end there; in all others modes,
//! emission times, exits of the splitter, detection and dark count times are drawn one after the other.
//!
//! Draws for 32 attempts stand side by side: one step of the eight generators gives 32 digits of 16 bits, the leading
//! digits of the uniform numbers that 32 attempts compare with one probability. A digit decides unless it equals the
//! leading digit of the probability; then further bits do, so that every probability is exact.

use super::Link;
use super::attempt::{Attempts, KINDS, Times};
use super::detectors::Detectors;
use super::draw::{Block, Engine, Record};
use super::rounds::OnePerRound;
use crate::stream::Threshold;

/// Attempts that share one step of the generators.
const GROUP: u64 = 32;
/// Attempts between two looks at the stop flag: below a millisecond at ordinary speed.
const ATTEMPTS_PER_POLL: u64 = 1 << 14;

/// The engine, ready to draw.
#[derive(Debug)]
pub(super) struct PhotonEngine<'a> {
    link: &'a Link,
    attempts: Attempts<'a>,
    thresholds: [Threshold; KINDS],
    /// Kinds with a probability above zero, the only ones that are drawn.
    active: Vec<usize>,
}

impl<'a> PhotonEngine<'a> {
    pub(super) fn new(link: &'a Link, record_coincidences: bool) -> Self {
        let attempts = Attempts::new(link, Times::Free, record_coincidences);
        let probability = attempts.probabilities();
        Self {
            link,
            attempts,
            thresholds: probability.map(Threshold::new),
            active: (0..KINDS).filter(|kind| probability[*kind] > 0.0).collect(),
        }
    }
}

impl Engine for PhotonEngine<'_> {
    const NUMBER: u64 = 1;

    fn block_length(&self) -> u64 {
        (1_u64 << 20).next_multiple_of(self.link.schedule.ions_per_round())
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
        let mut lanes = block.key.lanes();
        let mut rng = block.key.scalar(0);
        let least = self.attempts.least();
        let mut rounds = OnePerRound::new(&self.link.schedule);
        let mut done = 0;
        while done < block.attempts.end {
            if done.is_multiple_of(ATTEMPTS_PER_POLL) && stopped(done) {
                return done;
            }
            let mut digits = [[0_u16; GROUP as usize]; KINDS];
            let mut masks = [0_u32; KINDS];
            let (mut once, mut twice) = (0, 0);
            for &kind in &self.active {
                digits[kind] = lanes.digits();
                let mask = self.thresholds[kind].mask(&digits[kind]);
                masks[kind] = mask;
                twice |= once & mask;
                once |= mask;
            }
            let mut candidates = if least == 1 { once } else { twice };
            loop {
                let candidate = (candidates != 0).then(|| done + u64::from(candidates.trailing_zeros()));
                // afterpulses may fall into attempts in which nothing else happens
                let afterpulse = detectors.next_afterpulse().map(|attempt| attempt - block.first_attempt);
                let afterpulse = afterpulse.filter(|within| *within < done + GROUP);
                let Some(within) = candidate.into_iter().chain(afterpulse).min() else { break };
                if within >= block.attempts.end {
                    break;
                }
                let mut happened = [false; KINDS];
                if candidate == Some(within) {
                    candidates &= candidates - 1;
                    let lane = (within - done) as usize;
                    happened = std::array::from_fn(|kind| {
                        masks[kind] >> lane & 1 == 1
                            && self.thresholds[kind].decide(digits[kind][lane], &mut rng)
                    });
                    if happened.iter().filter(|happened| **happened).count() < least {
                        continue;
                    }
                }
                let attempt = block.first_attempt + within;
                let outcome = self.attempts.resolve(block.key.key, attempt, happened, &mut rng, detectors);
                let outcome = rounds.first(attempt, outcome);
                if block.attempts.contains(&within) {
                    record.add(attempt, outcome, self.attempts.link);
                }
                if record.heralds.len() >= limit {
                    return within + 1;
                }
            }
            done += GROUP;
        }
        block.attempts.end
    }
}
