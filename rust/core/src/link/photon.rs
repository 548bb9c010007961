//! The `photon` engine: every attempt, photon by photon.
//!
//! An attempt draws, without skipping, whether each node's photon survives the product of its losses and whether each
//! slot has dark counts. Attempts in which fewer events remain than a pattern needs end there; in all others modes,
//! emission times, exits of the splitter, detection and dark count times are drawn one after the other.
//!
//! Draws for many attempts stand side by side: eight words of the generators give 32 digits of 16 bits, the leading digits
//! of the uniform numbers that 32 attempts compare with one probability. A digit decides unless it equals the leading digit
//! of the probability; then further bits do, so that every probability is exact.

use super::Link;
use super::attempt::{Attempts, KINDS, Times, sets_of_at_least};
use super::detectors::Detectors;
use super::draw::{Block, Engine, Record};
use super::rounds::OnePerRound;
use crate::simd::Level;
use crate::stream::{BATCH, ROWS, Threshold, digit};

/// Attempts that share a row of eight words.
const GROUP: u64 = 32;
/// Attempts that share a batch of words.
const GROUPS: u64 = GROUP * ROWS as u64;
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
    /// Sets of which anything may be recorded or remembered, one bit for each.
    visited: u64,
    level: Level,
}

impl<'a> PhotonEngine<'a> {
    pub(super) fn new(link: &'a Link, level: Level, record_coincidences: bool) -> Self {
        let attempts = Attempts::new(link, Times::Free, record_coincidences);
        let probability = attempts.probabilities();
        Self {
            link,
            visited: sets_of_at_least(attempts.least()),
            attempts,
            thresholds: probability.map(Threshold::new),
            active: (0..KINDS).filter(|kind| probability[*kind] > 0.0).collect(),
            level,
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
        let mut lanes = block.key.lanes(self.level);
        let mut rng = block.key.scalar(0);
        let least = self.attempts.least();
        let mut rounds = OnePerRound::new(&self.link.schedule);
        let mut done = 0;
        let mut words = [[0; BATCH]; KINDS];
        let mut masks = [[0; ROWS]; KINDS];
        while done < block.attempts.end {
            let row = (done % GROUPS / GROUP) as usize;
            if row == 0 {
                if done.is_multiple_of(ATTEMPTS_PER_POLL) && stopped(done) {
                    return done;
                }
                for &kind in &self.active {
                    lanes.fill(&mut words[kind]);
                    self.thresholds[kind].masks(self.level, &words[kind], &mut masks[kind]);
                }
            }
            let (mut once, mut twice) = (0, 0);
            for mask in &masks {
                twice |= once & mask[row];
                once |= mask[row];
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
                let mut set = 0;
                if candidate == Some(within) {
                    candidates &= candidates - 1;
                    let lane = (within - done) as usize;
                    for &kind in &self.active {
                        let happened = masks[kind][row] >> lane & 1 == 1
                            && self.thresholds[kind].decide(digit(&words[kind], row, lane), &mut rng);
                        set |= usize::from(happened) << kind;
                    }
                    if self.visited >> set & 1 == 0 {
                        continue;
                    }
                }
                let attempt = block.first_attempt + within;
                if self.attempts.put_off(attempt, set, detectors) {
                    continue;
                }
                let outcome = self.attempts.visit(block.key.key, attempt, set, &mut rng, detectors);
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
