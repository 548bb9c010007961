//! Storage: what the ions go through while they wait, each in its own surroundings and both in a common field.

use crate::check;
use crate::error::{Error, Result};
use crate::math;
use crate::state::{self, State};
use crate::tree::AutoOr;
use num_complex::Complex64;
use serde::{Deserialize, Serialize};

/// The memory of one ion: what a waiting time does to its qubit, after its local errors.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MemoryParams {
    /// 1/e time of |1>, which decays to |0> (s).
    #[serde(default = "forever")]
    pub t1_s: f64,
    /// 1/e time of the coherence by pure dephasing alone (s).
    #[serde(default = "forever")]
    pub t2_s: f64,
    /// How pure dephasing goes with time.
    #[serde(default)]
    pub decay: Decay,
    /// Rate at which the ion is lost, its qubit with it (1/s).
    #[serde(default)]
    pub loss_rate_hz: f64,
    /// Angular frequency by which the stored qubit misses its frame (rad/s): |1> turns by it times the wait.
    #[serde(default)]
    pub frequency_offset_rad_per_s: f64,
    /// Time from emission to use (s), or `"auto"`: until the node knows of the herald.
    #[serde(default)]
    pub wait_s: AutoOr<f64>,
    /// Pulses of dynamical decoupling during the wait.
    #[serde(default)]
    pub decoupling_pulses: u64,
    /// Power of the number of pulses by which they prolong `t2_s`.
    #[serde(default = "two_thirds")]
    pub decoupling_exponent: f64,
    /// Probability that a pulse replaces the qubit's state by I/2.
    #[serde(default)]
    pub decoupling_pulse_error: f64,
}

/// Law of pure dephasing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decay {
    /// exp(-t/T2): fast noise.
    #[default]
    Exponential,
    /// exp(-(t/T2)²): noise that stands still during a wait.
    Gaussian,
}

fn forever() -> f64 {
    f64::INFINITY
}

fn two_thirds() -> f64 {
    2.0 / 3.0
}

impl Default for MemoryParams {
    fn default() -> Self {
        Self {
            t1_s: forever(),
            t2_s: forever(),
            decay: Decay::default(),
            loss_rate_hz: 0.0,
            frequency_offset_rad_per_s: 0.0,
            wait_s: AutoOr::Auto,
            decoupling_pulses: 0,
            decoupling_exponent: two_thirds(),
            decoupling_pulse_error: 0.0,
        }
    }
}

/// Thirty years.
const MAX_WAIT_S: f64 = 1e9;
/// Counts up to here are exact as floating-point numbers.
const MAX_PULSES: u64 = 1 << 53;
/// Twice what a hard edge of the noise's spectrum gives.
const MAX_EXPONENT: f64 = 2.0;

/// A 1/e time: above zero, possibly infinite.
pub(crate) fn decay_time(name: &str, time_s: f64) -> Result<f64> {
    if time_s > 0.0 { Ok(time_s) } else { Err(Error::parameter(name, time_s, "above 0", "s")) }
}

impl MemoryParams {
    /// Checks the fields.
    ///
    /// # Errors
    /// [`Error::Parameter`] naming the field.
    pub fn check(&self) -> Result<()> {
        Memory::new(self, 0.0).map(drop)
    }

    /// 1/e time of the coherence as the decoupling pulses prolong it (s).
    pub(crate) fn prolonged_t2_s(&self) -> f64 {
        match self.decoupling_pulses {
            0 => self.t2_s,
            pulses => self.t2_s * math::pow(pulses as f64, self.decoupling_exponent),
        }
    }
}

/// What one ion's wait does to it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Memory {
    wait_s: f64,
    /// Probability that |1> has decayed.
    decayed: f64,
    /// Factor of <1|rho|0>.
    coherence: Complex64,
    /// Probability that a decoupling pulse replaced the state by I/2.
    scrambled: f64,
    /// Probability that the ion is gone.
    lost: f64,
}

impl Memory {
    /// Checks the parameters; `auto_wait_s` is the wait that `"auto"` stands for.
    ///
    /// # Errors
    /// [`Error::Parameter`] naming the field.
    pub fn new(params: &MemoryParams, auto_wait_s: f64) -> Result<Self> {
        let t1_s = decay_time("t1_s", params.t1_s)?;
        decay_time("t2_s", params.t2_s)?;
        let loss_rate_hz = check::rate("loss_rate_hz", params.loss_rate_hz, "1/s")?;
        let offset =
            check::frequency("frequency_offset_rad_per_s", params.frequency_offset_rad_per_s, "rad/s")?;
        let wait_s = match params.wait_s {
            AutoOr::Auto => auto_wait_s,
            AutoOr::Given(wait_s) => check::within("wait_s", wait_s, 0.0, MAX_WAIT_S, "s")?,
        };
        if params.decoupling_pulses > MAX_PULSES {
            let domain = format!("in [0, {MAX_PULSES}]");
            return Err(Error::parameter("decoupling_pulses", params.decoupling_pulses, domain, ""));
        }
        check::within("decoupling_exponent", params.decoupling_exponent, 0.0, MAX_EXPONENT, "")?;
        let pulse_error = check::probability("decoupling_pulse_error", params.decoupling_pulse_error)?;
        let pulses = params.decoupling_pulses as f64;
        let ratio = wait_s / params.prolonged_t2_s();
        let exponent = match params.decay {
            Decay::Exponential => ratio,
            Decay::Gaussian => ratio * ratio,
        };
        let kept = math::exp(-(exponent + 0.5 * wait_s / t1_s));
        // no pulse makes no error, however certain each one's is
        let scrambled = if params.decoupling_pulses > 0 {
            -math::exp_m1(pulses * math::ln_1p(-pulse_error))
        } else {
            0.0
        };
        Ok(Self {
            wait_s,
            decayed: -math::exp_m1(-wait_s / t1_s),
            coherence: math::phase(offset * wait_s) * kept,
            scrambled,
            lost: -math::exp_m1(-loss_rate_hz * wait_s),
        })
    }

    /// A photon's: it does not wait.
    pub fn none() -> Self {
        Self { wait_s: 0.0, decayed: 0.0, coherence: Complex64::ONE, scrambled: 0.0, lost: 0.0 }
    }

    /// Time from emission to use (s).
    pub fn wait_s(&self) -> f64 {
        self.wait_s
    }

    /// Damping, then pulses, then loss.
    fn apply(&self, rho: &State, node: usize) -> State {
        let mut rho = *rho;
        if self.decayed > 0.0 {
            rho = state::decayed(&rho, node, self.decayed);
        }
        if self.coherence != Complex64::ONE {
            rho = state::turned(&rho, node, self.coherence);
        }
        rho = state::depolarized(&rho, node, 1.0 - self.scrambled);
        state::depolarized(&rho, node, 1.0 - self.lost)
    }
}

/// What waiting does to the pair.
#[derive(Debug, Clone, PartialEq)]
pub struct Storage {
    ions: [Memory; 2],
    /// Factors of the pair's elements by noise that both ions share; nothing without such noise.
    shared: Option<[[f64; 4]; 4]>,
}

impl Storage {
    /// Both ions' memories and the 1/e time of one ion's coherence in the field that both share.
    pub fn new(ions: [Memory; 2], collective_t2_s: f64) -> Self {
        let difference =
            |i: usize, j: usize, stride: usize| (i / stride % 2) as f64 - (j / stride % 2) as f64;
        let shared = (collective_t2_s < f64::INFINITY).then(|| {
            std::array::from_fn(|i| {
                std::array::from_fn(|j| {
                    // in units of the decay time, where no product overflows
                    let [a, b] = [0, 1].map(|node: usize| {
                        difference(i, j, 2 - node) * (ions[node].wait_s / collective_t2_s)
                    });
                    // opposite turns cancel, though both may be beyond all numbers
                    let turned = if a == -b { 0.0 } else { a + b };
                    math::exp(-turned * turned)
                })
            })
        });
        Self { ions, shared }
    }

    /// Nothing waits.
    pub fn none() -> Self {
        Self { ions: [Memory::none(); 2], shared: None }
    }

    /// The memory of each ion.
    pub fn ions(&self) -> &[Memory; 2] {
        &self.ions
    }

    /// Applies both memories, then the shared field, which commutes with them.
    #[must_use]
    pub fn apply(&self, rho: &State) -> State {
        let mut rho = *rho;
        for (node, ion) in self.ions.iter().enumerate() {
            rho = ion.apply(&rho, node);
        }
        if let Some(shared) = &self.shared {
            for (row, factors) in rho.iter_mut().zip(shared) {
                for (element, factor) in row.iter_mut().zip(factors) {
                    *element *= *factor;
                }
            }
        }
        rho
    }

    /// Probability that an ion is outside the qubit, losses while waiting added.
    pub fn leakage(&self, before: f64) -> f64 {
        if self.ions.iter().all(|ion| ion.lost == 0.0) {
            return before;
        }
        1.0 - (1.0 - before) * self.ions.iter().map(|ion| 1.0 - ion.lost).product::<f64>()
    }
}
