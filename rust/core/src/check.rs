//! Domain checks with one wording: "`name` must be DOMAIN (unit), got VALUE". NaN fails every one of them.

use crate::error::{Error, Result};

/// A probability or efficiency in \[0, 1\].
pub(crate) fn probability(name: &str, value: f64) -> Result<f64> {
    if (0.0..=1.0).contains(&value) { Ok(value) } else { Err(Error::parameter(name, value, "in [0, 1]", "")) }
}

/// A finite number above zero.
pub(crate) fn positive(name: &str, value: f64, unit: &'static str) -> Result<f64> {
    if value > 0.0 && value.is_finite() {
        Ok(value)
    } else {
        Err(Error::parameter(name, value, "finite and above 0", unit))
    }
}

/// A finite number, zero included, not below zero.
pub(crate) fn non_negative(name: &str, value: f64, unit: &'static str) -> Result<f64> {
    if value >= 0.0 && value.is_finite() {
        Ok(value)
    } else {
        Err(Error::parameter(name, value, "finite and at least 0", unit))
    }
}

/// A finite number of either sign.
pub(crate) fn finite(name: &str, value: f64, unit: &'static str) -> Result<f64> {
    if value.is_finite() { Ok(value) } else { Err(Error::parameter(name, value, "finite", unit)) }
}

/// A number inside bounds that no experiment reaches but beyond which sums of exponents would overflow.
pub(crate) fn within(name: &str, value: f64, low: f64, high: f64, unit: &'static str) -> Result<f64> {
    if (low..=high).contains(&value) {
        Ok(value)
    } else {
        Err(Error::parameter(name, value, format!("in [{low:e}, {high:e}]"), unit))
    }
}

/// A rate or an angular frequency of either sign.
pub(crate) fn frequency(name: &str, value: f64, unit: &'static str) -> Result<f64> {
    within(name, value, -MAX_FREQUENCY, MAX_FREQUENCY, unit)
}

/// A rate.
pub(crate) fn rate(name: &str, value: f64, unit: &'static str) -> Result<f64> {
    within(name, value, 0.0, MAX_FREQUENCY, unit)
}

/// Beyond any optical frequency.
const MAX_FREQUENCY: f64 = 1e18;
/// A duration inside an attempt (s) cannot be longer.
pub(crate) const MAX_DURATION_S: f64 = 1e3;
