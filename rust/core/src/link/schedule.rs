//! Schedule: the fixed comb of attempts and the times that follow from it.

use super::params::ScheduleParams;
use crate::check;
use crate::error::{Error, Result};
use crate::math;

/// Thirty years.
const MAX_PERIOD_S: f64 = 1e9;
/// Attempts up to here are exact as floating-point numbers.
const MAX_BURST: u64 = 1 << 53;

/// A checked comb: bursts of attempts with pauses between them. Attempts count from 0; a herald does not reset it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Schedule {
    attempt_period_s: f64,
    attempts_per_burst: Option<u64>,
    pause_s: f64,
}

impl Schedule {
    /// Checks the parameters.
    ///
    /// # Errors
    /// [`Error::Parameter`] naming the field.
    pub fn new(params: &ScheduleParams) -> Result<Self> {
        let attempt_period_s = check::positive("attempt_period_s", params.attempt_period_s, "s")?;
        check::within("attempt_period_s", attempt_period_s, 0.0, MAX_PERIOD_S, "s")?;
        let pause_s = check::within("pause_s", params.pause_s, 0.0, MAX_PERIOD_S, "s")?;
        if let Some(burst) = params.attempts_per_burst
            && !(1..=MAX_BURST).contains(&burst)
        {
            return Err(Error::parameter("attempts_per_burst", burst, format!("in [1, {MAX_BURST}]"), ""));
        }
        if params.attempts_per_burst.is_none() && pause_s > 0.0 {
            let domain = "0 unless attempts_per_burst is given";
            return Err(Error::parameter("pause_s", pause_s, domain, "s"));
        }
        Ok(Self { attempt_period_s, attempts_per_burst: params.attempts_per_burst, pause_s })
    }

    /// End of an attempt (s): (k + 1) period + floor(k/N) pause.
    pub fn time_s(&self, attempt: u64) -> f64 {
        let pauses = self.attempts_per_burst.map_or(0, |burst| attempt / burst);
        (attempt as f64 + 1.0) * self.attempt_period_s + pauses as f64 * self.pause_s
    }

    /// Time from the end of the attempt before `start_attempt` to the end of the last of `attempts` attempts (s); the
    /// pause before the first one belongs to the burst before it.
    pub fn duration_s(&self, start_attempt: u64, attempts: u64) -> f64 {
        if attempts == 0 {
            return 0.0;
        }
        let begin = self.time_s(start_attempt) - self.attempt_period_s;
        self.time_s(start_attempt.saturating_add(attempts - 1)) - begin
    }

    /// Time between the starts of two attempts (s), pauses included; exact differences however late the attempts.
    pub fn between_s(&self, earlier: u64, later: u64) -> f64 {
        let pauses = self.attempts_per_burst.map_or(0, |burst| later / burst - earlier / burst);
        (later - earlier) as f64 * self.attempt_period_s + pauses as f64 * self.pause_s
    }

    /// The attempt in whose time falls what happens `offset_s >= 0` after the start of `attempt`, and how long after its own
    /// start (s). An attempt lasts until the next one starts: a pause belongs to the last attempt of its burst.
    pub fn locate(&self, attempt: u64, offset_s: f64) -> (u64, f64) {
        let period_s = self.attempt_period_s;
        let within = |attempt: u64, offset_s: f64, most: u64| {
            let steps = ((offset_s / period_s).floor() as u64).min(most);
            (attempt + steps, (offset_s - steps as f64 * period_s).max(0.0))
        };
        let Some(burst) = self.attempts_per_burst else { return within(attempt, offset_s, u64::MAX >> 2) };
        let left = burst - attempt % burst;
        let rest_s = left as f64 * period_s + self.pause_s;
        if offset_s < rest_s {
            return within(attempt, offset_s, left - 1);
        }
        let cycle_s = burst as f64 * period_s + self.pause_s;
        let cycles = ((offset_s - rest_s) / cycle_s).floor();
        let first = attempt + left + (cycles as u64).saturating_mul(burst);
        within(first, (offset_s - rest_s - cycles * cycle_s).max(0.0), burst - 1)
    }

    /// Time from one attempt to the next inside a burst (s).
    pub fn attempt_period_s(&self) -> f64 {
        self.attempt_period_s
    }

    /// Share of the time that is spent on attempts.
    pub fn duty(&self) -> f64 {
        self.attempts_per_burst.map_or(1.0, |burst| {
            let busy = burst as f64 * self.attempt_period_s;
            busy / (busy + self.pause_s)
        })
    }

    /// Attempts per second, pauses included (1/s).
    pub fn attempt_rate_hz(&self) -> f64 {
        self.duty() / self.attempt_period_s
    }

    /// Number of attempts that have ended after `duration_s`, counted from attempt 0.
    pub fn attempts_within(&self, duration_s: f64) -> u64 {
        let mut count = match self.attempts_per_burst {
            None => (duration_s / self.attempt_period_s).floor() as u64,
            Some(burst) => {
                let cycle_s = burst as f64 * self.attempt_period_s + self.pause_s;
                let cycles = (duration_s / cycle_s).floor();
                let rest = ((duration_s - cycles * cycle_s) / self.attempt_period_s).floor() as u64;
                (cycles as u64).saturating_mul(burst).saturating_add(rest.min(burst))
            }
        };
        // The division rounds; the comb itself decides, as far as floating-point times tell attempts apart.
        for _ in 0..4 {
            if count > 0 && self.time_s(count - 1) > duration_s {
                count -= 1;
            } else if count < u64::MAX && self.time_s(count) <= duration_s {
                count += 1;
            }
        }
        count
    }

    /// Mean time to the first herald (s): period/p + pause Q/(1 - Q) with Q = (1 - p)^N.
    ///
    /// Source: geometric waiting time; a pause falls due after every N failures (docs/physics.md, Timing).
    pub fn mean_time_s(&self, herald_probability: f64) -> f64 {
        if herald_probability <= 0.0 {
            return f64::INFINITY;
        }
        let attempts_s = self.attempt_period_s / herald_probability;
        let pauses = self.attempts_per_burst.filter(|_| herald_probability < 1.0).map_or(0.0, |burst| {
            let log_failure = burst as f64 * math::ln_1p(-herald_probability);
            -math::exp(log_failure) / math::exp_m1(log_failure)
        });
        attempts_s + pauses * self.pause_s
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn comb(burst: u64, pause_s: f64) -> Schedule {
        Schedule::new(&ScheduleParams { attempt_period_s: 1e-6, attempts_per_burst: Some(burst), pause_s })
            .unwrap()
    }

    #[test]
    fn mean_time_to_the_first_herald() {
        // reference rows TIME.first
        assert!((comb(1000, 0.0).mean_time_s(2e-4) - 0.005).abs() < 1e-9 * 0.005);
        let expected = 0.005_903_231_442_603_861;
        assert!((comb(1000, 2e-4).mean_time_s(2e-4) - expected).abs() < 1e-9 * expected);
    }

    #[test]
    fn mean_time_equals_the_sum_over_attempts() {
        let (schedule, p) = (comb(3, 5e-6), 0.2);
        let sum: f64 = (0..400).map(|k| p * libm::pow(1.0 - p, k as f64) * schedule.time_s(k)).sum();
        assert!((schedule.mean_time_s(p) - sum).abs() < 1e-12 * sum);
        assert!((schedule.mean_time_s(1.0) - 1e-6).abs() < 1e-21);
    }

    #[test]
    fn attempts_within_a_time_are_those_that_ended() {
        let schedule = comb(3, 5e-6);
        for attempt in 0..50 {
            let end = schedule.time_s(attempt);
            assert_eq!(schedule.attempts_within(end), attempt + 1);
            assert_eq!(schedule.attempts_within(end - 1e-9), attempt);
        }
        assert!((schedule.duty() - 3.0 / 8.0).abs() < 1e-15);
    }

    #[test]
    fn a_pause_without_bursts_is_refused() {
        let params = ScheduleParams { attempt_period_s: 1e-6, attempts_per_burst: None, pause_s: 1.0 };
        assert!(Schedule::new(&params).unwrap_err().to_string().contains("pause_s"));
    }
}
