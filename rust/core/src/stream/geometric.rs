//! Jumping over failures.

use super::xoshiro::uniform_in_lanes;
use super::{BATCH, Xoshiro};
use crate::math;
use crate::simd::{Level, vectorized};

/// Number of failures before the next success, P(k) = (1 - p)^k p, by inversion: floor(ln U / ln(1 - p)).
///
/// Source: Devroye, Non-Uniform Random Variate Generation (1986), chapter X.2. The logarithm of the failure
/// probability is given, so that tiny success probabilities are not rounded away; gaps come in steps of 2^-53/p where
/// that exceeds one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Geometric {
    inverse_log_failure: f64,
}

impl Geometric {
    /// From ln(1 - p), which is at most zero; minus infinity means certain success.
    pub fn from_log_failure(log_failure: f64) -> Self {
        // a zero of either sign means never
        Self { inverse_log_failure: 1.0 / -log_failure.abs() }
    }

    /// Draws a number of failures, if it is below `limit`.
    #[inline]
    pub fn sample(&self, limit: u64, rng: &mut Xoshiro) -> Option<u64> {
        let failures = math::ln(rng.uniform_open()) * self.inverse_log_failure;
        // ln(1 - p) = 0 gives nan or infinity
        if failures < limit as f64 { Some((failures as u64).min(limit - 1)) } else { None }
    }

    /// Numbers of the next successes, the first of them at `from` or later, for random words; the failures between them are
    /// those that [`Geometric::sample`] draws, but never more than [`Geometric::MOST`].
    #[inline]
    pub fn successes(&self, level: Level, words: &[u64; BATCH], from: u64, numbers: &mut [u64; BATCH]) {
        failures(level, self.inverse_log_failure, words, numbers);
        let mut next = from;
        for number in numbers {
            next += *number;
            *number = next;
            next += 1;
        }
    }

    /// Largest number of failures in a batch, beyond which no run goes.
    pub const MOST: u64 = (1 << 52) - 1;
}

vectorized! {
    fn failures(inverse_log_failure: f64, words: &[u64; BATCH], failures: &mut [u64; BATCH]) {
        for (failures, word) in failures.iter_mut().zip(words) {
            let number = math::ln_normal(1.0 - uniform_in_lanes(*word)) * inverse_log_failure;
            // zero times infinity is no number, and counts as the most
            *failures = math::floor_normal(number.min(Geometric::MOST as f64));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stream::{BlockKey, Key, uniform};

    #[test]
    fn mean_and_limits() {
        let mut rng = BlockKey { key: Key::from_seed(5), engine: 0, block: 0 }.scalar(0);
        let p: f64 = 0.02;
        let geometric = Geometric::from_log_failure(libm::log1p(-p));
        let n = 100_000;
        let mean =
            (0..n).map(|_| geometric.sample(u64::MAX, &mut rng).unwrap() as f64).sum::<f64>() / f64::from(n);
        let (expected, spread) = ((1.0 - p) / p, (1.0 - p).sqrt() / p / f64::from(n).sqrt());
        assert!((mean - expected).abs() < 4.0 * spread);
        // batches draw the same numbers
        for level in [Some(Level::BASELINE), Level::avx2()].into_iter().flatten() {
            for log_failure in [-1e-14, -2.4e-4, -0.3, f64::NEG_INFINITY] {
                let geometric = Geometric::from_log_failure(log_failure);
                let words: [u64; BATCH] = std::array::from_fn(|_| rng.next_u64());
                let (mut numbers, mut next) = ([0; BATCH], 7);
                geometric.successes(level, &words, next, &mut numbers);
                for (word, number) in words.into_iter().zip(numbers) {
                    let failures = math::ln(1.0 - uniform(word)) * geometric.inverse_log_failure;
                    assert_eq!(number, next + failures as u64);
                    next = number + 1;
                }
            }
            let never = Geometric::from_log_failure(0.0);
            for word in [0, u64::MAX] {
                let mut numbers = [0; BATCH];
                never.successes(level, &[word; BATCH], 0, &mut numbers);
                assert_eq!(numbers[..2], [Geometric::MOST, 2 * Geometric::MOST + 1]);
            }
        }
        // certain success and certain failure
        assert_eq!(Geometric::from_log_failure(f64::NEG_INFINITY).sample(10, &mut rng), Some(0));
        assert_eq!(Geometric::from_log_failure(0.0).sample(u64::MAX, &mut rng), None);
        assert_eq!(Geometric::from_log_failure(-0.0).sample(u64::MAX, &mut rng), None);
    }
}
