//! Detection: efficiency, dark counts and what a slot reports.
//!
//! A slot is a place in which a photon can be registered: for polarization a (port, mode) pair with its own detector.
//! Every slot is open for the window [`window_start_s`, + `window_duration_s`]. Gated detectors are off outside it; others
//! count on, which may leave them blind when the window opens.

mod background;

pub use background::{Background, BackgroundProfileParams, DecayingParams, ProfileParams};

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
    /// Recovery (s) after the dead time: a time t later the efficiency has come back to 1 - exp(-t/recovery). Each click
    /// leaves the detector blind for a time drawn from this law.
    #[serde(default)]
    pub recovery_time_s: f64,
    /// Probability that a click, counted or not, is followed by a false one.
    #[serde(default)]
    pub afterpulse_probability: f64,
    /// Mean time (s) from the end of the dead time to the afterpulse, exponentially distributed.
    #[serde(default)]
    pub afterpulse_time_s: f64,
    /// Standard deviation (s) of the recorded time of a click, Gaussian. The window gates the events themselves.
    #[serde(default)]
    pub timing_jitter_s: f64,
    /// Whether the detector is off outside its windows. One that is not may be blinded before a window opens.
    #[serde(default = "yes")]
    pub gated: bool,
    /// Probability that light which comes with the pulse, such as scattered laser light, makes at least one event, per
    /// attempt and bin; Poisson.
    #[serde(default)]
    pub background_probability_per_attempt: f64,
    /// When that light arrives; left out: evenly over the window.
    #[serde(default)]
    pub background_profile: Option<BackgroundProfileParams>,
}

fn one() -> f64 {
    1.0
}

fn yes() -> bool {
    true
}

impl Default for DetectorParams {
    fn default() -> Self {
        Self {
            efficiency: 1.0,
            dark_count_rate_hz: 0.0,
            number_resolving: false,
            dead_time_s: 0.0,
            recovery_time_s: 0.0,
            afterpulse_probability: 0.0,
            afterpulse_time_s: 0.0,
            timing_jitter_s: 0.0,
            gated: true,
            background_probability_per_attempt: 0.0,
            background_profile: None,
        }
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
        check::within("dead_time_s", self.dead_time_s, 0.0, check::MAX_DURATION_S, "s")?;
        check::within("recovery_time_s", self.recovery_time_s, 0.0, check::MAX_DURATION_S, "s")?;
        check::probability("afterpulse_probability", self.afterpulse_probability)?;
        if self.afterpulse_probability > MOST_AFTERPULSES {
            let domain = format!("in [0, {MOST_AFTERPULSES}], so that chains of afterpulses end");
            return Err(Error::parameter("afterpulse_probability", self.afterpulse_probability, domain, ""));
        }
        check::within("afterpulse_time_s", self.afterpulse_time_s, 0.0, MOST_AFTERPULSE_TIME_S, "s")?;
        if self.afterpulse_probability > 0.0 && self.afterpulse_time_s == 0.0 {
            let domain = "above 0 beside afterpulse_probability";
            return Err(Error::parameter("afterpulse_time_s", 0.0, domain, "s"));
        }
        check::within("timing_jitter_s", self.timing_jitter_s, 0.0, check::MAX_DURATION_S, "s")?;
        background::mean_of(self.background_probability_per_attempt)?;
        if let Some(profile) = &self.background_profile {
            profile.check().map_err(|error| error.within("background_profile"))?;
        }
        Ok(())
    }

    /// Mean number of background events, in the window and outside.
    pub(crate) fn background_mean(&self) -> f64 {
        -math::ln_1p(-self.background_probability_per_attempt)
    }

    /// Longest time (s) that a click leaves the detector blind.
    pub(crate) fn longest_blind_s(&self) -> f64 {
        self.dead_time_s + LONGEST_EXPONENTIAL * self.recovery_time_s
    }

    /// Time (s) after which a chain of afterpulses that a click began has ended, except with a probability below 2^-64.
    ///
    /// A chain of n waits has the probability p^n and lasts longer than t with a probability below
    /// E\[exp(theta wait)\]^n exp(-theta t) for any theta; here E = exp(theta dead)/(1 - theta tau), and the largest theta
    /// with p E <= (1 + p)/2 bounds the sum over n.
    pub(crate) fn longest_chain_s(&self) -> f64 {
        let (p, tau_s) = (self.afterpulse_probability, self.afterpulse_time_s);
        if p == 0.0 {
            return 0.0;
        }
        let (mut low, mut high) = (0.0, 1.0 / tau_s);
        for _ in 0..60 {
            let theta = 0.5 * (low + high);
            if p * math::exp(theta * self.dead_time_s) <= 0.5 * (1.0 + p) * (1.0 - theta * tau_s) {
                low = theta;
            } else {
                high = theta;
            }
        }
        (LOG_NEVER - math::ln(0.5 * (1.0 - p))) / low
    }
}

/// Largest probability of an afterpulse.
const MOST_AFTERPULSES: f64 = 0.9;
/// A part of the background that is a rounding of what the window captures.
const ROUNDING: f64 = 1e-12;
/// Longest mean wait (s): beyond it more afterpulses would be under way than there is room for.
const MOST_AFTERPULSE_TIME_S: f64 = 1e-2;
/// -ln(2^-53): no exponential drawn from 53 bits is longer, in units of its mean.
const LONGEST_EXPONENTIAL: f64 = 36.74;
/// -ln(2^-64).
const LOG_NEVER: f64 = 44.37;

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
    /// Mean number of background events in the window.
    pub background_mean: f64,
    /// Probability of at least one count without photons in the window, dark or background, 1 - q.
    pub noise_probability: f64,
    /// See [`DetectorParams::number_resolving`].
    pub number_resolving: bool,
    /// See [`DetectorParams::dead_time_s`].
    pub dead_time_s: f64,
    /// See [`DetectorParams::timing_jitter_s`].
    pub timing_jitter_s: f64,
    /// See [`DetectorParams::recovery_time_s`].
    pub recovery_time_s: f64,
    /// See [`DetectorParams::afterpulse_probability`].
    pub afterpulse_probability: f64,
    /// See [`DetectorParams::afterpulse_time_s`].
    pub afterpulse_time_s: f64,
    /// See [`DetectorParams::gated`].
    pub gated: bool,
    /// Mean number of background events outside the window.
    pub background_outside_mean: f64,
    /// Longest time (s) that a click leaves the detector blind.
    pub longest_blind_s: f64,
    /// Time (s) after which the chain of afterpulses that a click began has ended.
    pub longest_chain_s: f64,
}

impl Slot {
    /// The slot of a detector that counts without photons at this rate (1/s), dark counts and the light of others together,
    /// with this part of its background inside the window.
    pub fn new(
        port: usize,
        mode: usize,
        relative_efficiency: f64,
        detector: &DetectorParams,
        rate_hz: f64,
        window: &Window,
        background_captured: f64,
    ) -> Self {
        let mut slot = Self {
            relative_efficiency,
            dark_count_rate_hz: rate_hz,
            dark_mean: rate_hz * window.duration_s(),
            background_mean: detector.background_mean() * background_captured,
            number_resolving: detector.number_resolving,
            dead_time_s: detector.dead_time_s,
            timing_jitter_s: detector.timing_jitter_s,
            recovery_time_s: detector.recovery_time_s,
            afterpulse_probability: detector.afterpulse_probability,
            afterpulse_time_s: detector.afterpulse_time_s,
            gated: detector.gated,
            background_outside_mean: if background_captured < 1.0 - ROUNDING {
                detector.background_mean() * (1.0 - background_captured)
            } else {
                0.0
            },
            longest_blind_s: detector.longest_blind_s(),
            longest_chain_s: detector.longest_chain_s(),
            ..Self::absent(port, mode)
        };
        slot.dim(1.0);
        slot
    }

    /// A slot without detector.
    pub fn absent(port: usize, mode: usize) -> Self {
        Self {
            port,
            mode,
            relative_efficiency: 0.0,
            dark_count_rate_hz: 0.0,
            dark_mean: 0.0,
            background_mean: 0.0,
            noise_probability: 0.0,
            number_resolving: false,
            dead_time_s: 0.0,
            timing_jitter_s: 0.0,
            recovery_time_s: 0.0,
            afterpulse_probability: 0.0,
            afterpulse_time_s: 0.0,
            gated: true,
            background_outside_mean: 0.0,
            longest_blind_s: 0.0,
            longest_chain_s: 0.0,
        }
    }

    /// Removes dark counts.
    pub fn silence(&mut self) {
        (self.dark_count_rate_hz, self.dark_mean) = (0.0, 0.0);
        self.dim(1.0);
    }

    /// Removes background.
    pub fn shield(&mut self) {
        (self.background_mean, self.background_outside_mean) = (0.0, 0.0);
        self.dim(1.0);
    }

    /// Multiplies the rate of counts without photons.
    pub fn dim(&mut self, factor: f64) {
        self.dark_count_rate_hz *= factor;
        self.dark_mean *= factor;
        self.background_mean *= factor;
        self.background_outside_mean *= factor;
        self.noise_probability = -math::exp_m1(-self.noise_mean());
    }

    /// Mean number of counts without photons in the window.
    pub fn noise_mean(&self) -> f64 {
        self.dark_mean + self.background_mean
    }

    /// Probability of no count without photons in the window, q = exp(-mean).
    pub fn silent_probability(&self) -> f64 {
        math::exp(-self.noise_mean())
    }

    /// Probability that dark counts alone make the slot report one click: with q of the dark counts, 1 - q for a threshold
    /// detector, -q ln q (exactly one Poisson event) for a number-resolving one, and no background beside them.
    pub fn dark_click_probability(&self) -> f64 {
        if self.number_resolving {
            self.dark_mean * self.silent_probability()
        } else {
            -math::exp_m1(-self.dark_mean) * math::exp(-self.background_mean)
        }
    }

    /// Probability that background makes the slot report one click, whether or not dark counts come with it.
    pub fn background_click_probability(&self) -> f64 {
        if self.number_resolving {
            self.background_mean * self.silent_probability()
        } else {
            -math::exp_m1(-self.background_mean)
        }
    }

    /// Time (s) of the click of a slot with dark counts and no background, for a uniform number in \[0, 1): the first of at
    /// least one for a threshold detector, anywhere in the window for a number-resolving one.
    #[inline]
    pub fn dark_click_time_s(&self, window: &Window, uniform: f64) -> f64 {
        if self.number_resolving {
            window.start_s + window.duration_s() * uniform
        } else {
            let any = if self.background_mean > 0.0 {
                -math::exp_m1(-self.dark_mean)
            } else {
                self.noise_probability
            };
            window.start_s - math::ln_1p(-uniform * any) / self.dark_count_rate_hz
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
        let detector = DetectorParams { number_resolving, ..Default::default() };
        Slot::new(0, 0, 1.0, &detector, 50.0, &Window::new(0.0, 40e-9).unwrap(), 1.0)
    }

    #[test]
    fn dark_probability_of_a_gate() {
        // 50 counts per second, 40 ns: reference value of the gate formula
        assert!((slot(false).noise_probability - 1.999_998_000_001_333e-6).abs() < 1e-18);
    }

    #[test]
    fn number_resolving_slots_count_exactly_one_event() {
        let slot = slot(true);
        let q = slot.silent_probability();
        // ln of a number rounded this close to one is good to 1e-16 / 2e-6
        assert!((slot.dark_click_probability() + q * libm::log(q)).abs() < 1e-10 * slot.dark_mean);
    }

    #[test]
    fn clicks_without_photons_are_dark_or_background() {
        for number_resolving in [false, true] {
            let detector = DetectorParams {
                background_probability_per_attempt: 0.2,
                number_resolving,
                ..Default::default()
            };
            let slot = Slot::new(0, 0, 1.0, &detector, 5e6, &Window::new(0.0, 40e-9).unwrap(), 0.5);
            // half of the background arrives inside: a mean of -ln(0.8)/2, beside 0.2 dark counts
            let mean = 0.2 - 0.5 * libm::log(0.8);
            let once = if number_resolving { mean * libm::exp(-mean) } else { 1.0 - libm::exp(-mean) };
            let sum = slot.dark_click_probability() + slot.background_click_probability();
            assert!((sum - once).abs() < 1e-15, "{sum} instead of {once}");
        }
    }

    #[test]
    fn chains_of_afterpulses_end_in_time() {
        // without dead time the length of a chain that lives is exponential with mean tau/(1 - p): exactly known
        let detector =
            DetectorParams { afterpulse_probability: 0.3, afterpulse_time_s: 1e-7, ..Default::default() };
        let length_s = detector.longest_chain_s();
        let left = 0.3 * libm::exp(-0.7 * length_s / 1e-7);
        assert!(left < libm::pow(2.0, -64.0) && left > 1e-40, "{left}");
    }
}
