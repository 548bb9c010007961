//! Clock: when attempts happen in the laboratory, reloading after losses of ions included.

use super::Link;
use super::schedule::Schedule;
use crate::error::{Error, Result};
use crate::math;
use crate::stream::{BlockKey, Key, Xoshiro};

/// Number that enters the seeds of losses, beside those of the engines and of measurements.
const STREAM: u64 = 20;
/// Mean number of losses in a block of attempts.
const LOSSES_PER_BLOCK: f64 = 64.0;
/// Longest block (attempts).
const LONGEST_BLOCK: f64 = (1_u64 << 62) as f64;
/// Blocks from one remembered sum to the next.
const STRIDE: u64 = 256;
/// Mean number of losses up to which they are counted: half a second or so, for eight years of a loss every second.
const MAX_LOSSES: f64 = (1_u64 << 28) as f64;

/// The comb of attempts as one run's laboratory sees it: losses of ions come at random, and each holds the comb up by the
/// time of reloading before the next attempt. Without losses it is the [`Schedule`], to the last bit.
///
/// Losses are a Poisson process in attempts. Attempts are cut into blocks with 64 losses each on average; the number of
/// losses in a block and their places are a function of (key, block) alone. So the time of an attempt is a function of
/// (schedule, key, attempt), the same in whatever order and pieces times are asked for.
///
/// Cost: the first look at an attempt grows with the number of losses before it over 64, about 0.1 µs each; later ones
/// cost tens of microseconds at most.
///
/// ```
/// use ionlink_core::{BasicLinkParams, Key, Link, link::params::ScheduleParams};
///
/// let schedule = ScheduleParams {
///     attempt_period_s: Some(1e-6), ion_loss_rate_hz: 100.0, reload_s: 0.5, ..ScheduleParams::default()
/// };
/// let link = Link::new(BasicLinkParams { schedule: Some(schedule), ..Default::default() }.link()?)?;
/// let mut clock = link.clock(Key::from_seed(7));
/// // a second of attempting costs 100 losses or so
/// let losses = clock.losses_before(1_000_000)?;
/// assert!((60..140).contains(&losses));
/// assert_eq!(clock.time_s(1_000_000)?, link.schedule().time_s(1_000_000) + 0.5 * losses as f64);
/// # Ok::<(), ionlink_core::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Clock {
    schedule: Schedule,
    key: Key,
    /// Attempts per block.
    length: u64,
    /// Probability of at most this many losses in a block; empty without interruptions.
    cumulative: Vec<f64>,
    /// Losses before every [`STRIDE`]th block, as far as they were counted.
    marks: Vec<u64>,
    block: u64,
    /// Losses before the block.
    before: u64,
    /// Attempts of the block's losses, counted within it, ascending; nothing until they are asked for.
    places: Option<Vec<u64>>,
}

impl Link {
    /// The clock of the runs with this key.
    pub fn clock(&self, key: Key) -> Clock {
        Clock::new(self.schedule, key)
    }
}

impl Clock {
    /// The clock of a schedule and the key of a run.
    pub fn new(schedule: Schedule, key: Key) -> Self {
        let loss = schedule.loss_per_attempt();
        let (length, cumulative) = if schedule.is_interrupted() {
            // at most one loss per attempt: at least 64 attempts
            let length = (LOSSES_PER_BLOCK / loss).clamp(1.0, LONGEST_BLOCK) as u64;
            (length, poisson_sums(loss * length as f64))
        } else {
            (u64::MAX, vec![])
        };
        Self { schedule, key, length, cumulative, marks: vec![0], block: 0, before: 0, places: None }
    }

    /// End of an attempt (s), pauses and reloading included.
    ///
    /// # Errors
    /// [`Error::Model`] for attempts with more than 2^28 losses before them on average.
    pub fn time_s(&mut self, attempt: u64) -> Result<f64> {
        Ok(self.schedule.time_s(attempt) + self.held_up_s(attempt)?)
    }

    /// Ends of several attempts (s); fastest for ascending ones.
    ///
    /// # Errors
    /// As [`Clock::time_s`].
    pub fn times_s(&mut self, attempts: &[u64]) -> Result<Vec<f64>> {
        attempts.iter().map(|attempt| self.time_s(*attempt)).collect()
    }

    /// As [`Schedule::duration_s`], with the reloading between the first and the last attempt.
    ///
    /// # Errors
    /// As [`Clock::time_s`].
    pub fn duration_s(&mut self, start_attempt: u64, attempts: u64) -> Result<f64> {
        let duration_s = self.schedule.duration_s(start_attempt, attempts);
        if attempts == 0 || self.cumulative.is_empty() {
            return Ok(duration_s);
        }
        let last = start_attempt.saturating_add(attempts - 1);
        let losses = self.losses_before(last)? - self.losses_before(start_attempt)?;
        Ok(duration_s + losses as f64 * self.schedule.reload_s())
    }

    /// Number of attempts that have ended after `duration_s`, counted from attempt 0.
    ///
    /// # Errors
    /// As [`Clock::time_s`].
    pub fn attempts_within(&mut self, duration_s: f64) -> Result<u64> {
        // reloading only makes it later
        let most = self.schedule.attempts_within(duration_s);
        if self.cumulative.is_empty() {
            return Ok(most);
        }
        let (mut low, mut step) = (0_u64, self.length);
        while low.saturating_add(step) < most && self.time_s(low + step - 1)? <= duration_s {
            low += step;
            step = step.saturating_mul(2);
        }
        let mut high = most.min(low.saturating_add(step));
        while low < high {
            let middle = low + (high - low) / 2;
            if self.time_s(middle)? <= duration_s {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        Ok(low)
    }

    /// First attempt that starts at `time_s` or later; nothing for a time that is not a number.
    ///
    /// # Errors
    /// As [`Clock::time_s`].
    pub fn first_attempt_from(&mut self, time_s: f64) -> Result<Option<u64>> {
        if time_s.is_nan() {
            return Ok(None);
        }
        if time_s <= 0.0 {
            return Ok(Some(0));
        }
        // attempts that have ended by then are over; the one after them may still be running
        let mut attempt = self.attempts_within(time_s)?;
        for _ in 0..4 {
            if attempt < u64::MAX && self.schedule.begin_s(attempt) + self.held_up_s(attempt)? < time_s {
                attempt += 1;
            }
        }
        Ok(Some(attempt))
    }

    /// Number of losses in the attempts before this one.
    ///
    /// # Errors
    /// As [`Clock::time_s`].
    pub fn losses_before(&mut self, attempt: u64) -> Result<u64> {
        if self.cumulative.is_empty() {
            return Ok(0);
        }
        self.schedule.check_losses(attempt as f64)?;
        self.seek(attempt / self.length);
        let offset = attempt % self.length;
        if offset == 0 {
            return Ok(self.before);
        }
        let block = BlockKey { key: self.key, engine: STREAM, block: self.block };
        let (cumulative, length) = (&self.cumulative, self.length);
        let places = self.places.get_or_insert_with(|| {
            let mut rng = block.scalar(0);
            let count = losses(cumulative, &mut rng);
            let place = |_| ((rng.uniform() * length as f64) as u64).min(length - 1);
            let mut places: Vec<u64> = (0..count).map(place).collect();
            places.sort_unstable();
            places
        });
        Ok(self.before + places.partition_point(|place| *place < offset) as u64)
    }

    /// Time that reloading has cost before an attempt (s).
    fn held_up_s(&mut self, attempt: u64) -> Result<f64> {
        Ok(self.losses_before(attempt)? as f64 * self.schedule.reload_s())
    }

    /// Moves to a block and counts the losses before it.
    fn seek(&mut self, block: u64) {
        if block == self.block {
            return;
        }
        let mark = (block / STRIDE).min(self.marks.len() as u64 - 1);
        let (mut at, mut before) = (mark * STRIDE, self.marks[mark as usize]);
        if (at..block).contains(&self.block) {
            (at, before) = (self.block, self.before);
        }
        while at < block {
            let key = BlockKey { key: self.key, engine: STREAM, block: at };
            before += losses(&self.cumulative, &mut key.scalar(0)) as u64;
            at += 1;
            if at == self.marks.len() as u64 * STRIDE {
                self.marks.push(before);
            }
        }
        (self.block, self.before, self.places) = (block, before, None);
    }
}

impl Schedule {
    /// Refuses attempts before which there are too many losses to count them one by one.
    pub(super) fn check_losses(&self, attempts: f64) -> Result<()> {
        let losses = attempts * self.loss_per_attempt();
        if self.is_interrupted() && losses > MAX_LOSSES {
            return Err(Error::Model {
                parameter: "schedule.ion_loss_rate_hz".into(),
                message: format!(
                    "{losses:e} losses in {attempts:e} attempts: more than 2^28 are not counted"
                ),
            });
        }
        Ok(())
    }
}

/// Probabilities of at most 0, 1, 2, ... events of a Poisson distribution, up to the last that a uniform number tells
/// from one.
fn poisson_sums(mean: f64) -> Vec<f64> {
    let mut term = math::exp(-mean);
    let mut sums = vec![term];
    let mut sum = term;
    let mut count = 0.0;
    while count <= mean || term > f64::EPSILON * f64::EPSILON {
        count += 1.0;
        term *= mean / count;
        sum += term;
        sums.push(sum);
    }
    sums
}

/// Number of losses in a block, by inversion: the first number its generator draws.
fn losses(cumulative: &[f64], rng: &mut Xoshiro) -> usize {
    let uniform = rng.uniform();
    cumulative.partition_point(|sum| *sum <= uniform)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::link::params::ScheduleParams;
    use crate::link::schedule::Passage;

    fn clock(ion_loss_rate_hz: f64, reload_s: f64, seed: u64) -> Clock {
        let params = ScheduleParams {
            attempt_period_s: Some(1e-6),
            attempts_per_burst: Some(100),
            pause_s: 1e-5,
            ion_loss_rate_hz,
            reload_s,
            ..ScheduleParams::default()
        };
        Clock::new(Schedule::new(&params, Passage::default()).unwrap(), Key::from_seed(seed))
    }

    #[test]
    fn without_losses_the_clock_is_the_comb() {
        for mut clock in [clock(0.0, 1.0, 1), clock(10.0, 0.0, 1)] {
            let schedule = clock.schedule;
            for attempt in [0, 1, 99, 100, 12_345_678, 1 << 61] {
                assert_eq!(clock.time_s(attempt).unwrap().to_bits(), schedule.time_s(attempt).to_bits());
                let end = schedule.time_s(attempt);
                assert_eq!(clock.attempts_within(end).unwrap(), schedule.attempts_within(end));
                assert_eq!(clock.duration_s(attempt, 7).unwrap(), schedule.duration_s(attempt, 7));
            }
        }
    }

    #[test]
    fn losses_are_a_poisson_process() {
        // the count up to attempt n has mean and variance l n, over keys; two stretches of it are independent
        let (loss, n, keys) = (0.01, 100_000_u64, 4000);
        let [mut sum, mut squares, mut product] = [0.0; 3];
        for seed in 0..keys {
            let mut clock = clock(1e4, 1e-3, seed);
            let (first, all) = (clock.losses_before(n / 4).unwrap(), clock.losses_before(n).unwrap());
            let all_off = all as f64 - loss * n as f64;
            let first_off = first as f64 - loss * n as f64 / 4.0;
            sum += all_off;
            squares += all_off * all_off;
            product += first_off * (all_off - first_off);
        }
        let (count, variance) = (keys as f64, loss * n as f64);
        assert!(sum.abs() / count < 4.0 * (variance / count).sqrt());
        // the variance of a variance is 2/n, that of a covariance the product of the variances over n
        assert!((squares / count / variance - 1.0).abs() < 4.0 * (2.0 / count).sqrt());
        assert!((product / count).abs() < 4.0 * variance * (0.25_f64 * 0.75 / count).sqrt());
        // negative control: the same counts do not belong to a loss rate 0.5 % higher
        assert!((sum / count - 0.005 * variance).abs() > 4.0 * (variance / count).sqrt());
    }

    #[test]
    fn places_within_a_block_are_uniform() {
        let (blocks, length) = (4000, 6400_u64);
        let mut thirds = [0_u64; 3];
        let mut clock = clock(1e4, 1e-3, 5);
        assert_eq!(clock.length, length);
        for block in 0..blocks {
            let mut before = clock.losses_before(block * length).unwrap();
            for (third, at) in thirds.iter_mut().zip([length / 4, length / 2, length]) {
                let upto = clock.losses_before(block * length + at).unwrap();
                *third += upto - before;
                before = upto;
            }
        }
        for (seen, share) in thirds.iter().zip([0.25, 0.25, 0.5]) {
            let mean = share * 64.0 * blocks as f64;
            assert!((*seen as f64 - mean).abs() < 4.0 * mean.sqrt(), "{thirds:?}");
        }
    }

    #[test]
    fn losses_do_not_depend_on_the_order_of_questions() {
        let questions: Vec<u64> = (0..400).map(|i| i * 7919 * 40_009 % 20_000_000).collect();
        let mut ascending = questions.clone();
        ascending.sort_unstable();
        let mut asked = clock(1e4, 1e-3, 9);
        let told: Vec<(u64, u64)> =
            ascending.iter().map(|k| (*k, asked.losses_before(*k).unwrap())).collect();
        assert!(told.windows(2).all(|pair| pair[0].1 <= pair[1].1));
        let mut again = clock(1e4, 1e-3, 9);
        for question in questions {
            let losses = again.losses_before(question).unwrap();
            assert_eq!(losses, clock(1e4, 1e-3, 9).losses_before(question).unwrap(), "alone");
            assert!(told.contains(&(question, losses)));
        }
    }

    #[test]
    fn times_ascend_and_tell_attempts_back() {
        let mut clock = clock(1e4, 1e-3, 3);
        let mut last_s = 0.0;
        for attempt in 0..3000 {
            let end = clock.time_s(attempt).unwrap();
            assert!(end > last_s);
            assert_eq!(clock.attempts_within(end).unwrap(), attempt + 1);
            assert_eq!(clock.attempts_within(end - 1e-9).unwrap(), attempt);
            // an attempt that begins between the last end and this one is this one
            let begin_s = end - 1e-6;
            assert_eq!(clock.first_attempt_from(begin_s - 1e-9).unwrap(), Some(attempt));
            assert_eq!(clock.first_attempt_from(begin_s + 1e-9).unwrap(), Some(attempt + 1));
            last_s = end;
        }
        assert!(clock.losses_before(3000).unwrap() > 10, "the test saw interruptions");
        let end = clock.time_s(10_000_000_000).unwrap();
        assert_eq!(clock.attempts_within(end).unwrap(), 10_000_000_001);
    }

    #[test]
    fn duration_is_the_difference_of_times() {
        let mut clock = clock(1e4, 1e-3, 4);
        let begin_s = clock.time_s(4999).unwrap();
        let pieces = clock.duration_s(0, 5000).unwrap();
        assert_eq!(pieces, begin_s);
        // up to the pause and the reloading between the two pieces
        let gap_s = clock.time_s(5000).unwrap() - begin_s - 1e-6;
        let whole = clock.duration_s(0, 20_000).unwrap();
        let sum = pieces + gap_s + clock.duration_s(5000, 15_000).unwrap();
        assert!((whole - sum).abs() < 1e-12 * whole);
    }

    #[test]
    fn more_losses_than_can_be_counted_are_refused() {
        let mut clock = clock(1e4, 1e-3, 4);
        let error = clock.time_s(1 << 60).unwrap_err().to_string();
        assert!(error.contains("ion_loss_rate_hz"), "{error}");
        assert!(clock.attempts_within(1e300).is_err());
    }
}
