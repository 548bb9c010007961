//! Gates: what a node's operations on stored qubits take and cost. A network uses them; a link alone does nothing after
//! its herald, and its numbers do not depend on them.

use crate::check;
use crate::error::{Error, Result};
use crate::state::OperationNoise;
use serde::{Deserialize, Serialize};

/// Fidelities and durations of a node's operations. Each gate is perfect and then, with the weight that its average fidelity
/// says, its qubits are replaced by the fully mixed state.
///
/// ```
/// use ionlink_core::gates::GatesParams;
///
/// let gates = GatesParams { two_qubit_fidelity: 0.97, transfer_fidelity: 0.99, ..Default::default() };
/// gates.check()?;
/// assert!((gates.swap_noise().gate_weight - 0.96).abs() < 1e-15);
/// assert!((gates.transfer_weight() - 0.98).abs() < 1e-15);
/// assert_eq!(gates.correction_weight(), 1.0);
/// # Ok::<(), ionlink_core::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GatesParams {
    /// Average fidelity of a one-qubit gate, such as the correction after a Bell measurement.
    #[serde(default = "one")]
    pub one_qubit_fidelity: f64,
    /// Average fidelity of a two-qubit gate.
    #[serde(default = "one")]
    pub two_qubit_fidelity: f64,
    /// Duration of a two-qubit gate and the readout after it (s).
    #[serde(default)]
    pub duration_s: f64,
    /// Probability that a readout after a gate shows the wrong result, the same for |0> and |1>.
    #[serde(default)]
    pub readout_error: f64,
    /// Average fidelity of moving a qubit from a communication to a memory ion.
    #[serde(default = "one")]
    pub transfer_fidelity: f64,
    /// Duration of moving a qubit from a communication to a memory ion (s).
    #[serde(default)]
    pub transfer_duration_s: f64,
}

fn one() -> f64 {
    1.0
}

impl Default for GatesParams {
    fn default() -> Self {
        Self {
            one_qubit_fidelity: 1.0,
            two_qubit_fidelity: 1.0,
            duration_s: 0.0,
            readout_error: 0.0,
            transfer_fidelity: 1.0,
            transfer_duration_s: 0.0,
        }
    }
}

impl GatesParams {
    /// Checks every field. Fidelities reach down to that of a gate after which nothing is left: 1/2 for one qubit, 1/4 for two.
    ///
    /// # Errors
    /// [`Error::Parameter`] naming the field.
    pub fn check(&self) -> Result<()> {
        between("one_qubit_fidelity", self.one_qubit_fidelity, 0.5, 1.0)?;
        between("two_qubit_fidelity", self.two_qubit_fidelity, 0.25, 1.0)?;
        check::within("duration_s", self.duration_s, 0.0, check::MAX_DURATION_S, "s")?;
        between("readout_error", self.readout_error, 0.0, 0.5)?;
        between("transfer_fidelity", self.transfer_fidelity, 0.5, 1.0)?;
        check::within("transfer_duration_s", self.transfer_duration_s, 0.0, check::MAX_DURATION_S, "s")?;
        Ok(())
    }

    /// What a two-qubit gate and the readouts after it leave of the correlations they act on: swapping and distillation.
    pub fn swap_noise(&self) -> OperationNoise {
        OperationNoise::new(self.two_qubit_fidelity, self.readout_error)
    }

    /// Weight 2 F - 1 with which the one-qubit gate of a correction keeps its qubit's state.
    pub fn correction_weight(&self) -> f64 {
        2.0 * self.one_qubit_fidelity - 1.0
    }

    /// Weight 2 F - 1 with which a move from a communication to a memory ion keeps the qubit's state.
    pub fn transfer_weight(&self) -> f64 {
        2.0 * self.transfer_fidelity - 1.0
    }
}

fn between(name: &str, value: f64, low: f64, high: f64) -> Result<()> {
    if (low..=high).contains(&value) {
        Ok(())
    } else {
        Err(Error::parameter(name, value, format!("in [{low}, {high}]"), ""))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::{self, Pauli};
    use num_complex::Complex64;

    fn refusal(params: GatesParams) -> String {
        params.check().unwrap_err().to_string()
    }

    #[test]
    fn without_figures_gates_are_perfect_and_take_no_time() {
        let gates = GatesParams::default();
        gates.check().unwrap();
        assert_eq!(gates.swap_noise(), OperationNoise::NONE);
        assert_eq!((gates.correction_weight(), gates.transfer_weight()), (1.0, 1.0));
        assert_eq!((gates.duration_s, gates.transfer_duration_s), (0.0, 0.0));
    }

    #[test]
    fn the_worst_gates_leave_nothing() {
        let worst = GatesParams {
            one_qubit_fidelity: 0.5,
            two_qubit_fidelity: 0.25,
            duration_s: 1e3,
            readout_error: 0.5,
            transfer_fidelity: 0.5,
            transfer_duration_s: 1e3,
        };
        worst.check().unwrap();
        assert_eq!(worst.swap_noise(), OperationNoise { gate_weight: 0.0, readout_contrast: 0.0 });
        assert_eq!((worst.correction_weight(), worst.transfer_weight()), (0.0, 0.0));
    }

    #[test]
    fn values_outside_are_refused_by_name() {
        let gates = GatesParams::default();
        assert_eq!(
            refusal(GatesParams { two_qubit_fidelity: 0.2, ..gates }),
            "`two_qubit_fidelity` must be in [0.25, 1], got 0.2"
        );
        for (changed, name) in [
            (GatesParams { one_qubit_fidelity: 0.49, ..gates }, "`one_qubit_fidelity` must be in [0.5, 1]"),
            (GatesParams { transfer_fidelity: 1.01, ..gates }, "`transfer_fidelity` must be in [0.5, 1]"),
            (GatesParams { readout_error: 0.51, ..gates }, "`readout_error` must be in [0, 0.5]"),
            (GatesParams { readout_error: f64::NAN, ..gates }, "`readout_error`"),
            (GatesParams { duration_s: -1e-6, ..gates }, "`duration_s` must be in [0e0, 1e3] (s)"),
            (GatesParams { transfer_duration_s: f64::INFINITY, ..gates }, "`transfer_duration_s`"),
        ] {
            assert!(refusal(changed).starts_with(name), "{}", refusal(changed));
        }
    }

    /// The mean of |<v|E(v)|v>|^2 over the six eigenstates of X, Y, Z, a 2-design, is the average fidelity.
    #[test]
    fn weights_are_those_of_the_average_fidelity() {
        let gates = GatesParams { one_qubit_fidelity: 0.93, ..Default::default() };
        let mut mean = 0.0;
        for pauli in [Pauli::X, Pauli::Y, Pauli::Z] {
            for sign in [1.0, -1.0] {
                let matrix = pauli.matrix();
                let projector: [[Complex64; 2]; 2] = std::array::from_fn(|i| {
                    std::array::from_fn(|j| 0.5 * (f64::from(u8::from(i == j)) + sign * matrix[i][j]))
                });
                let mut rho = state::ZERO;
                for i in 0..2 {
                    for j in 0..2 {
                        rho[2 * i][2 * j] = projector[i][j];
                    }
                }
                let after = state::depolarized(&rho, 0, gates.correction_weight());
                for i in 0..2 {
                    for j in 0..2 {
                        mean += (projector[j][i] * after[2 * i][2 * j]).re / 6.0;
                    }
                }
            }
        }
        assert!((mean - 0.93).abs() < 1e-15, "{mean}");
    }
}
