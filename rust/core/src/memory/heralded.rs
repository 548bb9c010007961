//! A published state in place of the computed one: a density matrix that every herald's ions are in.

use crate::error::{Error, Result};
use crate::state::{self, BellState, State};
use crate::tree::{closest, one_of, or_meant};
use num_complex::Complex64;
use serde::{Deserialize, Serialize};

/// The state of the ions of every herald, whatever the clicks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HeraldedStateParams {
    /// Real part of the density matrix; rows and columns |00>, |01>, |10>, |11>, node A first.
    pub real: [[f64; 4]; 4],
    /// Imaginary part; zero if left out.
    #[serde(default)]
    pub imag: [[f64; 4]; 4],
    /// The announced Bell state that it belongs to, such as `psi+`.
    pub bell_state: String,
}

/// How far a matrix may be from Hermitian, of trace one, and without negative eigenvalues.
const TOLERANCE: f64 = 1e-9;

/// The checked state, for each announced Bell state.
#[derive(Debug, Clone, PartialEq)]
pub struct HeraldedState {
    /// In the order of [`BellState::ALL`].
    states: [State; 4],
}

impl HeraldedState {
    /// Checks the parameters.
    ///
    /// # Errors
    /// [`Error::Parameter`] naming the field, for a matrix that is no density matrix.
    pub fn new(params: &HeraldedStateParams) -> Result<Self> {
        let name = params.bell_state.as_str();
        let Some(measured) = BellState::ALL.into_iter().find(|bell| bell.name() == name) else {
            let names = BellState::ALL.map(BellState::name);
            let domain = or_meant(&one_of(&names), closest(name, names.into_iter()).as_deref());
            return Err(Error::parameter("bell_state", format!("{name:?}"), domain, ""));
        };
        for (field, part) in [("real", &params.real), ("imag", &params.imag)] {
            for (index, element) in part.iter().flatten().enumerate() {
                // far from overflow; an element of a density matrix is at most 1
                if !element.is_finite() || element.abs() > 2.0 {
                    let path = format!("{field}.{}.{}", index / 4, index % 4);
                    return Err(Error::parameter(path, element, "in [-1, 1]", ""));
                }
            }
        }
        let rho: State = std::array::from_fn(|i| {
            std::array::from_fn(|j| Complex64::new(params.real[i][j], params.imag[i][j]))
        });
        check(&rho)?;
        let scale = 0.5 / state::trace(&rho);
        let rho: State =
            std::array::from_fn(|i| std::array::from_fn(|j| (rho[i][j] + rho[j][i].conj()) * scale));
        Ok(Self::of(&rho, measured))
    }

    /// The Bell states themselves.
    pub fn ideal() -> Self {
        let mut rho = state::ZERO;
        for (i, j) in [(0, 0), (0, 3), (3, 0), (3, 3)] {
            rho[i][j].re = 0.5;
        }
        Self::of(&rho, BellState::PhiPlus)
    }

    fn of(rho: &State, measured: BellState) -> Self {
        Self {
            states: BellState::ALL.map(|announced| match announced.carried_from(measured) {
                None => *rho,
                Some(pauli) => state::rotated(rho, 1, &pauli.matrix()),
            }),
        }
    }

    /// The state of a herald that announces this Bell state.
    pub fn state(&self, announced: BellState) -> &State {
        &self.states[announced as usize]
    }
}

/// Hermitian, of trace one, no negative eigenvalues.
fn check(rho: &State) -> Result<()> {
    for i in 0..4 {
        for j in 0..=i {
            let difference = rho[i][j] - rho[j][i].conj();
            // of the diagonal, the imaginary part
            let (field, gap) = if difference.im.abs() > difference.re.abs() {
                ("imag", difference.im)
            } else {
                ("real", difference.re)
            };
            if gap.abs() > TOLERANCE {
                let given = format!("elements {i}{j} and {j}{i} that differ by {gap:.3e}");
                return Err(Error::parameter(field, given, "part of a Hermitian matrix", ""));
            }
        }
    }
    let trace = state::trace(rho);
    if (trace - 1.0).abs() > TOLERANCE {
        let domain = format!("a density matrix of trace 1 ({NEAREST})");
        return Err(Error::parameter("real", format!("a trace of {trace}"), domain, ""));
    }
    if !positive_beyond(rho, -TOLERANCE) {
        let given = format!("one with the eigenvalue {:.3e}", smallest_eigenvalue(rho));
        let domain = format!("a density matrix, without negative eigenvalues ({NEAREST})");
        return Err(Error::parameter("real", given, domain, ""));
    }
    Ok(())
}

const NEAREST: &str = "il.bell.nearest_state makes one of a printed matrix";

/// Whether all eigenvalues of a Hermitian matrix lie above a bound: whether Cholesky's pivots are positive.
fn positive_beyond(rho: &State, bound: f64) -> bool {
    let mut rest = *rho;
    for pivot in 0..4 {
        let diagonal = rest[pivot][pivot].re - bound;
        if diagonal <= 0.0 {
            return false;
        }
        let row = rest[pivot];
        for i in pivot + 1..4 {
            let factor = rest[i][pivot] / diagonal;
            for j in pivot + 1..4 {
                rest[i][j] -= factor * row[j];
            }
        }
    }
    true
}

/// By bisection: for a message.
fn smallest_eigenvalue(rho: &State) -> f64 {
    let (mut low, mut high) = (-rho.iter().flatten().map(Complex64::norm_sqr).sum::<f64>().sqrt(), 0.0);
    for _ in 0..60 {
        let middle = 0.5 * (low + high);
        if positive_beyond(rho, middle) { low = middle } else { high = middle }
    }
    high
}
