//! Background: light that comes with the pulse, such as laser light scattered from the trap.

use super::Window;
use crate::check;
use crate::emission::{Arrival, WavePacket};
use crate::error::{Error, Result};
use crate::kinds;
use serde::{Deserialize, Serialize};

kinds! {
    /// When background arrives.
    pub enum BackgroundProfileParams {
        /// From the arrival of an undelayed photon on, dying out exponentially.
        Decaying(DecayingParams) = "decaying",
        /// An intensity given point by point.
        Profile(ProfileParams) = "profile",
    }
}

/// Background that starts at t = 0, the arrival of an undelayed photon, and dies out exponentially.
///
/// | field | meaning | domain | unit |
/// |---|---|---|---|
/// | `decay_s` | time in which it falls to 1/e | (0, 1e3\] | s |
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DecayingParams {
    /// Time in which it falls to 1/e (s).
    pub decay_s: f64,
}

/// Background whose intensity is given point by point: linear between the points, zero outside.
///
/// | field | meaning | domain | unit |
/// |---|---|---|---|
/// | `times_s` | times of the points, from the arrival of an undelayed photon | finite, increasing, 2 to 100000 | s |
/// | `intensity` | intensity at the points, in any unit | >= 0, not all zero | |
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProfileParams {
    /// Times of the points (s).
    pub times_s: Vec<f64>,
    /// Relative intensity at each of them.
    pub intensity: Vec<f64>,
}

impl DecayingParams {
    /// Checks the fields.
    ///
    /// # Errors
    /// [`Error::Parameter`] naming the field.
    pub fn check(&self) -> Result<()> {
        check::positive("decay_s", self.decay_s, "s")?;
        check::within("decay_s", self.decay_s, 0.0, check::MAX_DURATION_S, "s").map(drop)
    }
}

impl ProfileParams {
    /// Checks the fields.
    ///
    /// # Errors
    /// [`Error::Parameter`] naming the field.
    pub fn check(&self) -> Result<()> {
        WavePacket::tabulated(&self.times_s, &self.intensity).map(drop)
    }
}

impl BackgroundProfileParams {
    pub(super) fn check(&self) -> Result<()> {
        match self {
            Self::Decaying(params) => params.check(),
            Self::Profile(params) => params.check(),
        }
    }
}

/// When background arrives, seen through the window.
#[derive(Debug, Clone, PartialEq)]
pub struct Background {
    /// Density of its arrival, of integral one over all times.
    arrival: WavePacket,
    window: Window,
    /// Part of it inside the window.
    captured: f64,
    inside: Arrival,
}

impl Background {
    /// Spread evenly over the window unless a profile is given.
    ///
    /// # Errors
    /// [`Error::Parameter`] naming the field.
    pub(crate) fn new(profile: Option<&BackgroundProfileParams>, window: &Window) -> Result<Self> {
        let arrival = match profile {
            None => WavePacket::tabulated(&[window.start_s, window.end_s], &[1.0, 1.0])?,
            Some(BackgroundProfileParams::Decaying(params)) => {
                params.check()?;
                WavePacket::exponential(params.decay_s, 0.0, 0.0, 0.0)
            }
            Some(BackgroundProfileParams::Profile(params)) => {
                WavePacket::tabulated(&params.times_s, &params.intensity)?
            }
        };
        let captured = if profile.is_none() { 1.0 } else { arrival.captured(window.start_s, window.end_s) };
        let inside = arrival.inside(window.start_s, window.end_s);
        Ok(Self { arrival, window: *window, captured, inside })
    }

    /// Part of it inside the window.
    pub fn captured(&self) -> f64 {
        self.captured
    }

    /// Density of its arrival at a time inside the window, given that it arrives there (1/s).
    pub fn density(&self, time_s: f64) -> f64 {
        if self.captured > 0.0 { self.arrival.intensity(time_s) / self.captured } else { 0.0 }
    }

    /// Part of what arrives inside the window that does so between two times.
    pub fn between(&self, from_s: f64, to_s: f64) -> f64 {
        if self.captured > 0.0 && to_s > from_s {
            (self.arrival.captured(from_s, to_s) / self.captured).min(1.0)
        } else {
            0.0
        }
    }

    /// A time inside the window up to which this part (of what arrives inside) has come.
    pub fn time_s(&self, part: f64) -> f64 {
        self.inside.time_s(part).clamp(self.window.start_s, self.window.end_s.next_down())
    }

    /// Part of it that arrives more than this long (s) before the window closes or after it opens: with the time between two
    /// windows, what another window would see.
    pub(crate) fn beyond(&self, reach_s: f64) -> f64 {
        let (from_s, to_s) = (self.window.end_s - reach_s, self.window.start_s + reach_s);
        self.arrival.captured(f64::NEG_INFINITY, from_s) + self.arrival.captured(to_s, f64::INFINITY)
    }

    /// A time of arrival anywhere.
    pub(crate) fn anywhere_s(&self, rng: &mut crate::stream::Xoshiro) -> f64 {
        self.arrival.sample(rng)
    }

    /// Time before which none arrives (s).
    pub(crate) fn earliest_s(&self) -> f64 {
        self.arrival.from_s()
    }

    /// Times at which its density is not smooth.
    pub(crate) fn kinks(&self) -> Vec<f64> {
        self.arrival.kinks()
    }

    /// Time on which its density varies (s).
    pub(crate) fn decay_s(&self) -> f64 {
        self.arrival.decay_s()
    }
}

/// Mean number of Poisson events for the probability that there is at least one.
pub(super) fn mean_of(probability: f64) -> Result<f64> {
    check::probability(NAME, probability)?;
    if probability >= 1.0 {
        return Err(Error::parameter(NAME, probability, "in [0, 1)", ""));
    }
    Ok(-crate::math::ln_1p(-probability))
}

const NAME: &str = "background_probability_per_attempt";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math;

    #[test]
    fn what_decays_dies_with_the_opening_of_the_window() {
        let profile = BackgroundProfileParams::Decaying(DecayingParams { decay_s: 5e-9 });
        let window = Window::new(10e-9, 40e-9).unwrap();
        let background = Background::new(Some(&profile), &window).unwrap();
        let expected = math::exp(-2.0) - math::exp(-10.0);
        assert!((background.captured() - expected).abs() < 1e-15);
        // the half-way point of what is inside, by its own definition
        let half = background.time_s(0.5);
        assert!((background.between(window.start_s, half) - 0.5).abs() < 1e-12);
        assert!((background.between(window.start_s, window.end_s) - 1.0).abs() < 1e-12);
    }

    #[test]
    fn without_a_profile_it_is_even() {
        let window = Window::new(-5e-9, 20e-9).unwrap();
        let background = Background::new(None, &window).unwrap();
        assert!((background.density(3e-9) * 20e-9 - 1.0).abs() < 1e-12);
        assert!((background.time_s(0.25)).abs() < 1e-20);
        assert!((background.between(0.0, 10e-9) - 0.5).abs() < 1e-12);
    }
}
