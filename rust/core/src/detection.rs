//! Detection: efficiency, dark counts and what a slot reports.
//!
//! A slot is a place in which a photon can be registered: for polarization a (port, mode) pair with its own detector.
//! Every slot is open for the window [`window_start_s`, + `window_duration_s`]; detectors are off outside it.

use crate::check;
use crate::error::{Error, Result};
use crate::math;
use serde::{Deserialize, Serialize};

/// A single-photon detector.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DetectorParams {
    /// Probability that an arriving photon is registered.
    #[serde(default = "one")]
    pub efficiency: f64,
    /// Rate of dark counts (1/s), Poisson.
    #[serde(default)]
    pub dark_count_rate_hz: f64,
    /// Whether the detector tells one event from more. A threshold detector reports any number as one click at the
    /// first event's time; a number-resolving one counts exactly one event and rejects the attempt on more.
    #[serde(default)]
    pub number_resolving: bool,
    /// Time after a click in which the detector is blind (s). A click is a registered event; blindness ends this long
    /// after it, whatever arrives meanwhile. A number-resolving detector still resolves all events of one window.
    #[serde(default)]
    pub dead_time_s: f64,
}

fn one() -> f64 {
    1.0
}

impl Default for DetectorParams {
    fn default() -> Self {
        Self { efficiency: 1.0, dark_count_rate_hz: 0.0, number_resolving: false, dead_time_s: 0.0 }
    }
}

impl DetectorParams {
    /// Checks the fields.
    ///
    /// # Errors
    /// [`Error::Parameter`] naming the field.
    pub fn check(&self) -> Result<()> {
        check::probability("efficiency", self.efficiency)?;
        check::rate("dark_count_rate_hz", self.dark_count_rate_hz, "1/s")?;
        check::non_negative("dead_time_s", self.dead_time_s, "s")?;
        Ok(())
    }
}

/// The detection window, in seconds from the arrival of an undelayed photon.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Window {
    /// Opening.
    pub start_s: f64,
    /// Closing.
    pub end_s: f64,
}

impl Window {
    /// Checks start and duration.
    ///
    /// # Errors
    /// [`Error::Parameter`] naming the field.
    pub fn new(start_s: f64, duration_s: f64) -> Result<Self> {
        check::within("window_start_s", start_s, -check::MAX_DURATION_S, check::MAX_DURATION_S, "s")?;
        check::positive("window_duration_s", duration_s, "s")?;
        check::within("window_duration_s", duration_s, 0.0, check::MAX_DURATION_S, "s")?;
        let end_s = start_s + duration_s;
        if end_s <= start_s {
            let domain = "long enough to differ from zero beside window_start_s";
            return Err(Error::parameter("window_duration_s", duration_s, domain, "s"));
        }
        Ok(Self { start_s, end_s })
    }

    /// Duration (s).
    pub fn duration_s(&self) -> f64 {
        self.end_s - self.start_s
    }
}

/// One slot of the station.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Slot {
    /// Exit of the splitter, 0 or 1.
    pub port: usize,
    /// Mode of the photonic qubit, 0 or 1.
    pub mode: usize,
    /// Efficiency relative to the best detector; the common factor belongs to the photons' way.
    pub relative_efficiency: f64,
    /// Rate of counts without photons of the ions (1/s): dark counts, and noise photons of the paths.
    pub dark_count_rate_hz: f64,
    /// Mean number of dark counts in the window.
    pub dark_mean: f64,
    /// Probability of at least one dark count in the window, 1 - q.
    pub dark_probability: f64,
    /// See [`DetectorParams::number_resolving`].
    pub number_resolving: bool,
    /// See [`DetectorParams::dead_time_s`].
    pub dead_time_s: f64,
}

impl Slot {
    /// The slot of a detector that counts without photons at this rate (1/s), dark counts and the light of others together.
    pub fn new(
        port: usize,
        mode: usize,
        relative_efficiency: f64,
        detector: &DetectorParams,
        rate_hz: f64,
        window: &Window,
    ) -> Self {
        let dark_mean = rate_hz * window.duration_s();
        Self {
            port,
            mode,
            relative_efficiency,
            dark_count_rate_hz: rate_hz,
            dark_mean,
            dark_probability: -math::exp_m1(-dark_mean),
            number_resolving: detector.number_resolving,
            dead_time_s: detector.dead_time_s,
        }
    }

    /// A slot without detector.
    pub fn absent(port: usize, mode: usize) -> Self {
        Self {
            port,
            mode,
            relative_efficiency: 0.0,
            dark_count_rate_hz: 0.0,
            dark_mean: 0.0,
            dark_probability: 0.0,
            number_resolving: false,
            dead_time_s: 0.0,
        }
    }

    /// Removes everything that counts without photons.
    pub fn silence(&mut self) {
        self.dim(0.0);
    }

    /// Multiplies the rate of counts without photons.
    pub fn dim(&mut self, factor: f64) {
        self.dark_count_rate_hz *= factor;
        self.dark_mean *= factor;
        self.dark_probability = -math::exp_m1(-self.dark_mean);
    }

    /// Probability of no dark count in the window, q = exp(-rate W).
    pub fn silent_probability(&self) -> f64 {
        math::exp(-self.dark_mean)
    }

    /// Probability that dark counts alone make the slot report one click: 1 - q for a threshold detector, -q ln q
    /// (exactly one Poisson event) for a number-resolving one.
    pub fn dark_click_probability(&self) -> f64 {
        if self.number_resolving { self.dark_mean * self.silent_probability() } else { self.dark_probability }
    }

    /// Time (s) of the click of a slot with dark counts, for a uniform number in \[0, 1): the first of at least one for a
    /// threshold detector, anywhere in the window for a number-resolving one.
    #[inline]
    pub fn dark_click_time_s(&self, window: &Window, uniform: f64) -> f64 {
        if self.number_resolving {
            window.start_s + window.duration_s() * uniform
        } else {
            window.start_s - math::ln_1p(-uniform * self.dark_probability) / self.dark_count_rate_hz
        }
    }

    /// Probability that a slot with one photon reports one click: certain for a threshold detector, q (no dark count
    /// besides) for a number-resolving one.
    pub fn photon_click_probability(&self) -> f64 {
        if self.number_resolving { self.silent_probability() } else { 1.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slot(number_resolving: bool) -> Slot {
        Slot {
            port: 0,
            mode: 0,
            relative_efficiency: 1.0,
            dark_count_rate_hz: 50.0,
            dark_mean: 50.0 * 40e-9,
            dark_probability: -math::exp_m1(-50.0 * 40e-9),
            number_resolving,
            dead_time_s: 0.0,
        }
    }

    #[test]
    fn dark_probability_of_a_gate() {
        // 50 counts per second, 40 ns: reference value of the gate formula
        assert!((slot(false).dark_probability - 1.999_998_000_001_333e-6).abs() < 1e-18);
    }

    #[test]
    fn number_resolving_slots_count_exactly_one_event() {
        let slot = slot(true);
        let q = slot.silent_probability();
        // ln of a number rounded this close to one is good to 1e-16 / 2e-6
        assert!((slot.dark_click_probability() + q * libm::log(q)).abs() < 1e-10 * slot.dark_mean);
    }
}
