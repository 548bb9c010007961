//! Parameters of the photon's wave packet.

use super::packet::{Shape, Start};
use super::table::Table;
use crate::check;
use crate::error::{Error, Result};
use crate::kinds;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Most restarts.
const MAX_RESTARTS: usize = 1000;
/// Most points of a table times starts: beyond it the time to prepare a link would grow to minutes.
const MAX_KINKS: usize = 200_000;
/// Widest Gaussian in lifetimes: beyond it digits are lost.
const MAX_BLUR: f64 = 1e6;
/// Distance of the sum of probabilities above one that rounding of decimal input explains.
const SUM_TOLERANCE: f64 = 1e-9;

kinds! {
    /// Shape of the photon's wave packet.
    pub enum WavePacketParams {
        /// A decay that starts at once: exp(-t/tau)/tau.
        Exponential(ExponentialParams) = "exponential",
        /// A decay convolved with a Gaussian, in amplitude the square root: a pure photon with a soft edge.
        Smeared(SmearedParams) = "smeared",
        /// An intensity given point by point, in amplitude the square root: for instance a photon from a cavity.
        Tabulated(TabulatedParams) = "tabulated",
    }
}

impl Default for WavePacketParams {
    fn default() -> Self {
        Self::Exponential(ExponentialParams::default())
    }
}

/// A decay that starts at once.
///
/// | field | meaning | domain |
/// |---|---|---|
/// | `restarts` | later starts of the same photon | at most 1000 |
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub struct ExponentialParams {
    /// Later starts.
    #[serde(default)]
    pub restarts: Vec<RestartParams>,
}

/// A decay convolved with a Gaussian.
///
/// | field | meaning | domain | unit |
/// |---|---|---|---|
/// | `rise_s` | standard deviation of the Gaussian | \[0, 1e3\], at most 1e6 lifetimes | s |
/// | `restarts` | later starts of the same photon | at most 1000 | |
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SmearedParams {
    /// Standard deviation of the Gaussian (s).
    pub rise_s: f64,
    /// Later starts.
    #[serde(default)]
    pub restarts: Vec<RestartParams>,
}

/// An intensity given point by point, linear between the points and zero outside; it is normalized.
///
/// | field | meaning | domain | unit |
/// |---|---|---|---|
/// | `times_s` | times of the points, from the pulse | finite, increasing, 2 to 100000 | s |
/// | `intensity` | intensity at the points, in any unit | >= 0, not all zero | |
/// | `restarts` | later starts of the same photon | at most 1000 | |
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TabulatedParams {
    /// Times of the points (s).
    pub times_s: Vec<f64>,
    /// Relative intensity at each of them.
    pub intensity: Vec<f64>,
    /// Later starts.
    #[serde(default)]
    pub restarts: Vec<RestartParams>,
}

/// A later start of the photon: the ion scattered back to where it began, which its surroundings know, and emitted anew.
///
/// The photon is the mixture rho(t, t') = sum_s P(s) psi(t - d_s) psi*(t' - d_s). The first start, at d = 0, has the
/// probability that the restarts leave.
///
/// | field | meaning | domain | unit |
/// |---|---|---|---|
/// | `delay_s` | d_s | \[0, 1e3\] | s |
/// | `probability` | P(s) | \[0, 1\], in sum at most 1 | |
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RestartParams {
    /// Time after the first start (s).
    pub delay_s: f64,
    /// Probability that the photon starts here.
    pub probability: f64,
}

/// The longest lifetime there is: what fits no lifetime fits not this one either.
const ANY_LIFETIME_S: f64 = check::MAX_DURATION_S;

impl ExponentialParams {
    /// Checks the fields.
    ///
    /// # Errors
    /// [`Error::Parameter`] naming the field.
    pub fn check(&self) -> Result<()> {
        WavePacketParams::Exponential(self.clone()).check()
    }
}

impl SmearedParams {
    /// Checks the fields, apart from the lifetime that goes with them.
    ///
    /// # Errors
    /// [`Error::Parameter`] naming the field.
    pub fn check(&self) -> Result<()> {
        WavePacketParams::Smeared(self.clone()).check()
    }
}

impl TabulatedParams {
    /// Checks the fields.
    ///
    /// # Errors
    /// [`Error::Parameter`] naming the field.
    pub fn check(&self) -> Result<()> {
        WavePacketParams::Tabulated(self.clone()).check()
    }
}

impl RestartParams {
    /// Checks the fields.
    ///
    /// # Errors
    /// [`Error::Parameter`] naming the field.
    pub fn check(&self) -> Result<()> {
        check::within("delay_s", self.delay_s, 0.0, check::MAX_DURATION_S, "s")?;
        check::probability("probability", self.probability).map(drop)
    }
}

impl WavePacketParams {
    fn check(&self) -> Result<()> {
        self.starts()?;
        self.shape(Some(ANY_LIFETIME_S)).map(drop)
    }

    fn restarts(&self) -> &[RestartParams] {
        match self {
            Self::Exponential(params) => &params.restarts,
            Self::Smeared(params) => &params.restarts,
            Self::Tabulated(params) => &params.restarts,
        }
    }

    /// The starts, the first one first, with their probabilities.
    ///
    /// # Errors
    /// [`Error::Parameter`] naming the field.
    pub(super) fn starts(&self) -> Result<Vec<Start>> {
        let restarts = self.restarts();
        if restarts.len() > MAX_RESTARTS {
            let domain = format!("at most {MAX_RESTARTS} restarts");
            return Err(Error::parameter("restarts", format!("{} of them", restarts.len()), domain, ""));
        }
        let mut sum = 0.0;
        let mut later = vec![];
        for (index, restart) in restarts.iter().enumerate() {
            let place = |error: Error| error.within(index).within("restarts");
            let shift_s = check::within("delay_s", restart.delay_s, 0.0, check::MAX_DURATION_S, "s");
            let shift_s = shift_s.map_err(place)?;
            let weight = check::probability("probability", restart.probability).map_err(place)?;
            sum += weight;
            if weight > 0.0 {
                later.push(Start { weight, shift_s });
            }
        }
        if sum > 1.0 + SUM_TOLERANCE {
            let given = format!("probabilities of sum {sum}");
            return Err(Error::parameter("restarts", given, "of probabilities whose sum is at most 1", ""));
        }
        let mut starts = vec![Start { weight: (1.0 - sum).max(0.0), shift_s: 0.0 }];
        starts.append(&mut later);
        Ok(starts)
    }

    /// The shape; `lifetime_s` is there unless it is tabulated.
    ///
    /// # Errors
    /// [`Error::Parameter`] naming the field, [`Error::MissingField`] without the lifetime.
    pub(super) fn shape(&self, lifetime_s: Option<f64>) -> Result<Shape> {
        let needed = || lifetime_s.ok_or(Error::MissingField { path: "lifetime_s".into(), position: None });
        match self {
            Self::Exponential(_) => Ok(Shape::Exponential { lifetime_s: needed()? }),
            Self::Smeared(params) => {
                let lifetime_s = needed()?;
                let rise_s = deviation_s("rise_s", params.rise_s, lifetime_s)?;
                Ok(Shape::Smeared { lifetime_s, rise_s })
            }
            Self::Tabulated(params) => {
                let table = Table::new(&params.times_s, &params.intensity)?;
                let starts = params.restarts.len() + 1;
                if table.len() * starts > MAX_KINKS {
                    let domain =
                        format!("fewer: {starts} starts of {} points exceed {MAX_KINKS}", table.len());
                    let given = format!("{} of them", params.restarts.len());
                    return Err(Error::parameter("restarts", given, domain, ""));
                }
                Ok(Shape::Tabulated(Arc::new(table)))
            }
        }
    }
}

/// A standard deviation in time that is small enough for its lifetime.
pub(super) fn deviation_s(name: &str, value: f64, lifetime_s: f64) -> Result<f64> {
    let value = check::within(name, value, 0.0, check::MAX_DURATION_S, "s")?;
    if value > MAX_BLUR * lifetime_s {
        let domain = format!("at most {MAX_BLUR:e} lifetimes, {:e}", MAX_BLUR * lifetime_s);
        return Err(Error::parameter(name, value, domain, "s"));
    }
    Ok(value)
}
