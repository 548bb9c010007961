//! Rounds of several ions: at most one herald of each is kept, the first.

use super::attempt::Outcome;
use super::schedule::Schedule;
use crate::estimate::{self, Estimate};
use std::ops::Range;

/// Drops heralds of ions that are not the first of their round to herald. Blocks hold whole rounds, so that nothing has
/// to be known from before a block.
#[derive(Debug)]
pub(super) struct OnePerRound {
    ions: u64,
    heralded: Option<u64>,
}

impl OnePerRound {
    pub(super) fn new(schedule: &Schedule) -> Self {
        Self { ions: schedule.ions_per_round(), heralded: None }
    }

    /// Whether a herald is kept; heralds must come in attempt order, those that the run does not want included.
    #[inline]
    pub(super) fn keeps(&mut self, attempt: u64) -> bool {
        if self.ions == 1 {
            return true;
        }
        let round = Some(attempt / self.ions);
        let first = self.heralded != round;
        self.heralded = round;
        first
    }

    /// The outcome of an attempt, without a herald that is not kept.
    #[inline]
    pub(super) fn first(&mut self, attempt: u64, outcome: Outcome) -> Outcome {
        match outcome {
            Outcome::Herald(_) if !self.keeps(attempt) => Outcome::Nothing,
            outcome => outcome,
        }
    }
}

/// Attempts of a run, and its heralds.
#[derive(Debug, Clone)]
pub(super) struct Counted<'a> {
    pub(super) attempts: Range<u64>,
    pub(super) heralds: &'a [u64],
    /// Whether it ended, as planned, with the last of them.
    pub(super) at_herald: bool,
}

impl Counted<'_> {
    /// Herald probability per attempt with its 95 % interval.
    ///
    /// Rounds are independent, their attempts are not: with several ions whole rounds are counted, and those that the run
    /// cuts left out. A run that ends with a herald knows all about its last round.
    pub(super) fn herald_probability(&self, ions: u64) -> Estimate {
        let Range { start, end } = self.attempts;
        let first = start.div_ceil(ions);
        let last = if self.at_herald { end.div_ceil(ions) } else { end / ions };
        if ions == 1 || last <= first {
            return self.estimate(self.heralds.len(), end - start);
        }
        let before = |round: u64| self.heralds.partition_point(|attempt| *attempt / ions < round);
        self.estimate(before(last) - before(first), last - first).scaled(1.0 / ions as f64)
    }

    fn estimate(&self, heralds: usize, trials: u64) -> Estimate {
        if self.at_herald {
            estimate::negative_binomial(heralds as u64, trials)
        } else {
            estimate::binomial(heralds as u64, trials)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_rounds_are_counted() {
        let heralds = [3, 12, 25, 39];
        let counted = |attempts: Range<u64>, at_herald: bool| {
            let inside = heralds.iter().filter(|herald| attempts.contains(herald)).copied();
            let heralds: Vec<u64> = inside.collect();
            Counted { attempts, heralds: &heralds, at_herald }.herald_probability(10)
        };
        assert_eq!(counted(0..40, false), estimate::binomial(4, 4).scaled(0.1));
        assert_eq!(counted(0..50, false), estimate::binomial(4, 5).scaled(0.1));
        // rounds 1 and 2 are whole, 0 and 3 are cut
        assert_eq!(counted(2..38, false), estimate::binomial(2, 2).scaled(0.1));
        // the last round is as good as whole
        assert_eq!(counted(5..26, true), estimate::negative_binomial(2, 2).scaled(0.1));
        // not a single whole round
        assert_eq!(counted(12..14, false), estimate::binomial(1, 2));
    }
}
