//! The comb of a link's attempts in whole picoseconds.

use crate::error::{Error, Result};
use crate::link::schedule::Schedule;

/// Picoseconds in a second.
pub(super) const PS_PER_S: f64 = 1e12;

/// The nearest number of picoseconds; beyond 213 days the largest one.
pub(super) fn picoseconds(time_s: f64) -> u64 {
    // a cast saturates
    (time_s * PS_PER_S).round() as u64
}

/// Seconds; exact to the bit that a double has.
pub(super) fn seconds(time_ps: u64) -> f64 {
    time_ps as f64 / PS_PER_S
}

/// When attempts start and end: the [`Schedule`] with its times rounded to picoseconds, so that sums of them are exact.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Comb {
    round_ps: u64,
    /// Attempts per round.
    ions: u64,
    spacing_ps: u64,
    /// Time of a round before its first ion.
    lead_ps: u64,
    rounds_per_burst: Option<u64>,
    pause_ps: u64,
}

impl Comb {
    pub(super) fn new(schedule: &Schedule) -> Result<Self> {
        let round_ps = picoseconds(schedule.round_period_s());
        let ions = schedule.ions_per_round();
        // never more than a round has
        let spacing_ps = if ions == 1 { round_ps } else { (schedule.attempt_period_s() * PS_PER_S) as u64 }
            .min(round_ps / ions);
        if spacing_ps == 0 {
            let period_s = schedule.attempt_period_s();
            return Err(Error::parameter(
                "schedule.attempt_period_s",
                period_s,
                "at least 1e-12 in networks",
                "s",
            ));
        }
        Ok(Self {
            round_ps,
            ions,
            spacing_ps,
            lead_ps: round_ps - ions * spacing_ps,
            rounds_per_burst: schedule.rounds_per_burst(),
            pause_ps: picoseconds(schedule.pause_s()),
        })
    }

    /// Ions of each node that attempt in a round.
    pub(super) fn ions(&self) -> u64 {
        self.ions
    }

    /// Shortest time of an attempt (ps).
    pub(super) fn spacing_ps(&self) -> u64 {
        self.spacing_ps
    }

    fn round_start_ps(&self, round: u64) -> u64 {
        let pauses = self.rounds_per_burst.map_or(0, |burst| round / burst);
        round.saturating_mul(self.round_ps).saturating_add(pauses.saturating_mul(self.pause_ps))
    }

    /// Start of an attempt; what goes before the ions of a round belongs to the first of them.
    pub(super) fn start_ps(&self, attempt: u64) -> u64 {
        let (round, ion) = (attempt / self.ions, attempt % self.ions);
        let before_ps = if ion == 0 { 0 } else { self.lead_ps + ion * self.spacing_ps };
        self.round_start_ps(round).saturating_add(before_ps)
    }

    /// End of an attempt.
    pub(super) fn end_ps(&self, attempt: u64) -> u64 {
        let (round, ion) = (attempt / self.ions, attempt % self.ions);
        self.round_start_ps(round).saturating_add(self.lead_ps + (ion + 1) * self.spacing_ps)
    }

    /// The first attempt that starts at a time or later; so many start before it.
    pub(super) fn first_from(&self, time_ps: u64) -> u64 {
        let (bursts, within_ps) = match self.rounds_per_burst {
            None => (0, time_ps),
            Some(burst) => {
                let cycle_ps = burst.saturating_mul(self.round_ps).saturating_add(self.pause_ps);
                (time_ps / cycle_ps, time_ps % cycle_ps)
            }
        };
        let burst = self.rounds_per_burst.unwrap_or(u64::MAX);
        let round = within_ps / self.round_ps;
        let first_round = bursts.saturating_mul(if bursts == 0 { 0 } else { burst });
        if round >= burst {
            // in a pause
            return (first_round + burst) * self.ions;
        }
        let since_ps = within_ps % self.round_ps;
        let ion = match since_ps {
            0 => 0,
            _ => since_ps.saturating_sub(self.lead_ps).div_ceil(self.spacing_ps).clamp(1, self.ions),
        };
        (first_round + round) * self.ions + ion
    }

    /// Number of attempts that have ended at a time.
    pub(super) fn ended_by(&self, time_ps: u64) -> u64 {
        let mut count = self.first_from(time_ps);
        while count > 0 && self.end_ps(count - 1) > time_ps {
            count -= 1;
        }
        count
    }

    /// The first attempt of the first round that starts at a time or later.
    pub(super) fn first_round_from(&self, time_ps: u64) -> u64 {
        self.first_from(time_ps).div_ceil(self.ions).saturating_mul(self.ions)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::link::params::ScheduleParams;
    use crate::link::schedule::Passage;

    fn comb(params: &ScheduleParams) -> (Comb, Schedule) {
        let schedule = Schedule::new(params, Passage::default()).unwrap();
        (Comb::new(&schedule).unwrap(), schedule)
    }

    #[test]
    fn attempts_start_and_end_as_in_the_schedule() {
        let plain = ScheduleParams { attempt_period_s: Some(1e-6), ..ScheduleParams::default() };
        let bursts = ScheduleParams { attempts_per_burst: Some(3), pause_s: 5e-6, ..plain.clone() };
        let rounds = ScheduleParams { ions_per_round: 4, ion_spacing_s: Some(2e-7), ..bursts.clone() };
        for params in [plain, bursts, rounds] {
            let (comb, schedule) = comb(&params);
            for attempt in 0..50 {
                let end_ps = comb.end_ps(attempt);
                assert!((seconds(end_ps) - schedule.time_s(attempt)).abs() < 1e-15);
                let start_ps = comb.start_ps(attempt);
                assert_eq!(comb.first_from(start_ps), attempt, "{params:?}");
                assert_eq!(comb.first_from(start_ps + 1), attempt + 1, "{params:?}");
                assert_eq!(comb.ended_by(end_ps), attempt + 1);
                assert_eq!(comb.ended_by(end_ps - 1), attempt);
                let round = attempt.div_ceil(comb.ions()) * comb.ions();
                assert_eq!(comb.first_round_from(start_ps), round, "{params:?}");
            }
        }
    }

    #[test]
    fn times_beyond_all_counting_do_not_wrap() {
        let params = ScheduleParams { attempt_period_s: Some(1e-3), ..ScheduleParams::default() };
        let (comb, _) = comb(&params);
        assert_eq!(comb.end_ps(u64::MAX / 2), u64::MAX);
    }
}
