//! Jumping over failures.

use crate::math;
use crate::stream::Xoshiro;

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
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stream::{BlockKey, Key};

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
        // certain success and certain failure
        assert_eq!(Geometric::from_log_failure(f64::NEG_INFINITY).sample(10, &mut rng), Some(0));
        assert_eq!(Geometric::from_log_failure(0.0).sample(u64::MAX, &mut rng), None);
        assert_eq!(Geometric::from_log_failure(-0.0).sample(u64::MAX, &mut rng), None);
    }
}
