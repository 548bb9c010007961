//! The comb of attempts in integers, which stay exact however late an attempt is.

use super::super::Link;
use super::super::clock::Clock;
use crate::error::Result;

/// 1e-21 s: as fine as the floating-point parameters of a comb, so that a period of whole picoseconds stays one.
const PER_SECOND: f64 = 1e21;
const PER_PICOSECOND: i128 = 1_000_000_000;

/// A time in units of 1e-21 s.
pub(super) fn zeptoseconds(time_s: f64) -> i128 {
    (time_s * PER_SECOND).round() as i128
}

/// The nearest picosecond.
pub(super) fn picoseconds(time_zs: i128) -> i64 {
    let rounded = (time_zs + PER_PICOSECOND / 2).div_euclid(PER_PICOSECOND);
    // times that would not fit were refused
    i64::try_from(rounded).unwrap_or(if rounded < 0 { i64::MIN } else { i64::MAX })
}

/// When attempts start, in units of 1e-21 s.
#[derive(Debug, Clone, Copy)]
pub(super) struct Comb {
    round_zs: i128,
    spacing_zs: i128,
    pause_zs: i128,
    reload_zs: i128,
    ions: u64,
    rounds_per_burst: Option<u64>,
}

impl Comb {
    pub(super) fn new(link: &Link) -> Self {
        let schedule = &link.schedule;
        Self {
            round_zs: zeptoseconds(schedule.round_period_s()),
            spacing_zs: zeptoseconds(schedule.attempt_period_s()),
            pause_zs: zeptoseconds(schedule.pause_s()),
            reload_zs: zeptoseconds(schedule.reload_s()),
            ions: schedule.ions_per_round(),
            rounds_per_burst: schedule.rounds_per_burst(),
        }
    }

    /// Start of an attempt, of ion i in round r: (r + 1) period + floor(r/N) pause - (m - i) spacing, and what reloading has
    /// cost before it.
    pub(super) fn start_zs(&self, attempt: u64, clock: &mut Clock) -> Result<i128> {
        let (round, ion) = (attempt / self.ions, attempt % self.ions);
        let pauses = self.rounds_per_burst.map_or(0, |burst| round / burst);
        let comb_zs = (i128::from(round) + 1) * self.round_zs + i128::from(pauses) * self.pause_zs
            - i128::from(self.ions - ion) * self.spacing_zs;
        Ok(comb_zs + i128::from(clock.losses_before(attempt)?) * self.reload_zs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::BasicLinkParams;
    use crate::link::params::ScheduleParams;
    use crate::stream::Key;

    fn link(schedule: ScheduleParams) -> Link {
        BasicLinkParams { schedule: Some(schedule), ..Default::default() }.checked().unwrap()
    }

    #[test]
    fn whole_picoseconds_stay_whole_however_late() {
        for period_s in [1e-6, 1.7e-6, 3.3e-7, 1e-3, 2.5e-5] {
            let link = link(ScheduleParams { attempt_period_s: Some(period_s), ..Default::default() });
            let period_ps = (period_s * 1e12).round() as i64;
            let mut clock = link.clock(Key::from_seed(1));
            for attempt in [0, 1, 999, 1_234_567_891] {
                let start_zs = Comb::new(&link).start_zs(attempt, &mut clock).unwrap();
                assert_eq!(picoseconds(start_zs), attempt.cast_signed() * period_ps, "{period_s}");
            }
        }
    }

    #[test]
    fn starts_follow_the_clock() {
        let link = link(ScheduleParams {
            attempt_period_s: Some(1.23e-6),
            attempts_per_burst: Some(7),
            pause_s: 4.5e-6,
            ions_per_round: 3,
            ion_spacing_s: Some(2e-7),
            ion_loss_rate_hz: 1e3,
            reload_s: 1e-3,
            ..Default::default()
        });
        let mut clock = link.clock(Key::from_seed(3));
        for attempt in (0..400).chain([99_999, 100_000]) {
            let start_zs = Comb::new(&link).start_zs(attempt, &mut clock).unwrap();
            // an attempt lasts as long as its ion's turn
            let expected_s = clock.time_s(attempt).unwrap() - 2e-7;
            assert!((start_zs as f64 * 1e-21 - expected_s).abs() < 1e-15 * 1e5 * 1e-3, "{attempt}");
        }
        assert!(clock.losses_before(100_000).unwrap() > 10);
    }

    #[test]
    fn rounding_goes_to_the_nearest() {
        for (time_zs, time_ps) in
            [(0, 0), (499_999_999, 0), (500_000_000, 1), (-499_999_999, 0), (-600_000_000, -1)]
        {
            assert_eq!(picoseconds(time_zs), time_ps);
        }
    }
}
