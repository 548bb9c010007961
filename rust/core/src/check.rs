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
