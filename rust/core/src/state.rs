//! The toolbox of two-ion states: 4x4 density matrices in the basis |00>, |01>, |10>, |11>, node A first.

mod correlations;

pub use correlations::{Correlations, OperationNoise};
use num_complex::Complex64;

/// Density matrix of two ions, not necessarily normalized; rows and columns in the order |00>, |01>, |10>, |11>.
pub type State = [[Complex64; 4]; 4];

/// The four Bell states, in the order of their numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum BellState {
    /// (|00> + |11>)/√2
    PhiPlus = 0,
    /// (|00> - |11>)/√2
    PhiMinus = 1,
    /// (|01> + |10>)/√2
    PsiPlus = 2,
    /// (|01> - |10>)/√2
    PsiMinus = 3,
}

impl BellState {
    /// All four in the order of their numbers.
    pub const ALL: [Self; 4] = [Self::PhiPlus, Self::PhiMinus, Self::PsiPlus, Self::PsiMinus];

    /// The name users see.
    pub fn name(self) -> &'static str {
        match self {
            Self::PhiPlus => "phi+",
            Self::PhiMinus => "phi-",
            Self::PsiPlus => "psi+",
            Self::PsiMinus => "psi-",
        }
    }

    /// The Pauli operator of one ion, ion B, say, that carries `other` to this state; nothing if they are the same.
    pub fn carried_from(self, other: Self) -> Option<Pauli> {
        // the numbers hold the sign in their first bit and the parity in their second
        match self as u8 ^ other as u8 {
            0 => None,
            1 => Some(Pauli::Z),
            2 => Some(Pauli::X),
            _ => Some(Pauli::Y),
        }
    }

    /// The two basis states it is made of and the sign between them.
    fn parts(self) -> (usize, usize, f64) {
        match self {
            Self::PhiPlus => (0, 3, 1.0),
            Self::PhiMinus => (0, 3, -1.0),
            Self::PsiPlus => (1, 2, 1.0),
            Self::PsiMinus => (1, 2, -1.0),
        }
    }
}

/// A Pauli operator of one ion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pauli {
    /// |0><1| + |1><0|
    X = 0,
    /// -i|0><1| + i|1><0|
    Y = 1,
    /// |0><0| - |1><1|
    Z = 2,
}

impl Pauli {
    /// Its matrix.
    pub fn matrix(self) -> [[Complex64; 2]; 2] {
        std::array::from_fn(|row| std::array::from_fn(|column| Self::element(Some(self), row, column)))
    }

    fn element(operator: Option<Self>, row: usize, column: usize) -> Complex64 {
        let diagonal = row == column;
        let (real, imaginary) = match operator {
            None if diagonal => (1.0, 0.0),
            Some(Self::Z) if diagonal => (if row == 0 { 1.0 } else { -1.0 }, 0.0),
            Some(Self::X) if !diagonal => (1.0, 0.0),
            Some(Self::Y) if !diagonal => (0.0, if row == 0 { -1.0 } else { 1.0 }),
            _ => (0.0, 0.0),
        };
        Complex64::new(real, imaginary)
    }
}

/// Tr(rho A ⊗ B); nothing in place of an operator is the identity.
pub fn expectation(rho: &State, a: Option<Pauli>, b: Option<Pauli>) -> f64 {
    let mut sum = Complex64::ZERO;
    for i in 0..4 {
        for j in 0..4 {
            sum += rho[i][j] * Pauli::element(a, j / 2, i / 2) * Pauli::element(b, j % 2, i % 2);
        }
    }
    sum.re
}

/// The zero matrix.
pub const ZERO: State = [[Complex64::ZERO; 4]; 4];

/// Real part of the trace.
pub fn trace(rho: &State) -> f64 {
    (0..4).map(|i| rho[i][i].re).sum()
}

/// <bell|rho|bell>: the fidelity of a normalized state.
pub fn overlap(rho: &State, bell: BellState) -> f64 {
    let (i, j, sign) = bell.parts();
    0.5 * (rho[i][i].re + rho[j][j].re) + sign * rho[i][j].re
}

/// `rho` times a number.
#[must_use]
pub fn scaled(rho: &State, factor: f64) -> State {
    rho.map(|row| row.map(|element| element * factor))
}

/// Adds `weight` times `term`.
pub fn add(rho: &mut State, term: &State, weight: f64) {
    for (row, term) in rho.iter_mut().zip(term) {
        for (element, term) in row.iter_mut().zip(term) {
            *element += term * weight;
        }
    }
}

/// The tensor product of two diagonal one-ion operators.
pub fn diagonal_product(a: [f64; 2], b: [f64; 2]) -> State {
    let mut rho = ZERO;
    for i in 0..4 {
        rho[i][i] = Complex64::new(a[i / 2] * b[i % 2], 0.0);
    }
    rho
}

/// Applies a one-ion operator U rho U† to the ion of `node` (0 or 1).
#[must_use]
pub fn rotated(rho: &State, node: usize, unitary: &[[Complex64; 2]; 2]) -> State {
    let stride = 2 - node; // bit of the node in the basis index
    let mut left = ZERO;
    for i in 0..4 {
        let bit = i / stride % 2;
        for k in 0..2 {
            let source = i - bit * stride + k * stride;
            for j in 0..4 {
                left[i][j] += unitary[bit][k] * rho[source][j];
            }
        }
    }
    let mut result = ZERO;
    for j in 0..4 {
        let bit = j / stride % 2;
        for k in 0..2 {
            let source = j - bit * stride + k * stride;
            for i in 0..4 {
                result[i][j] += left[i][source] * unitary[bit][k].conj();
            }
        }
    }
    result
}

/// Multiplies the coherence of the ion of `node` by a factor: <1|rho|0> by it, <0|rho|1> by its conjugate.
#[must_use]
pub fn turned(rho: &State, node: usize, factor: Complex64) -> State {
    let stride = 2 - node;
    let mut rho = *rho;
    for (i, row) in rho.iter_mut().enumerate() {
        for (j, element) in row.iter_mut().enumerate() {
            match (i / stride % 2, j / stride % 2) {
                (1, 0) => *element *= factor,
                (0, 1) => *element *= factor.conj(),
                _ => {}
            }
        }
    }
    rho
}

/// I/2 on the ion of `node`, tensor the other ion's reduced state.
#[must_use]
pub fn forgotten(rho: &State, node: usize) -> State {
    let stride = 2 - node;
    let mut result = ZERO;
    for i in 0..4 {
        for j in 0..4 {
            if i / stride % 2 != j / stride % 2 {
                continue;
            }
            let (i0, j0) = (i - i / stride % 2 * stride, j - j / stride % 2 * stride);
            result[i][j] = 0.5 * (rho[i0][j0] + rho[i0 + stride][j0 + stride]);
        }
    }
    result
}

/// w rho + (1 - w) I/2 ⊗ rest for the ion of `node`.
#[must_use]
pub fn depolarized(rho: &State, node: usize, weight: f64) -> State {
    if weight >= 1.0 {
        return *rho;
    }
    let mut result = scaled(rho, weight);
    add(&mut result, &forgotten(rho, node), 1.0 - weight);
    result
}

/// The ion of `node` in |1> has gone to |0> with this probability; coherences are left to [`turned`].
#[must_use]
pub fn decayed(rho: &State, node: usize, probability: f64) -> State {
    let stride = 2 - node;
    let mut result = *rho;
    for i in (0..4).filter(|i| i / stride % 2 == 1) {
        for j in (0..4).filter(|j| j / stride % 2 == 1) {
            result[i - stride][j - stride] += rho[i][j] * probability;
            result[i][j] *= 1.0 - probability;
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math;

    fn example() -> State {
        // |v><v| with v = (1, 2i, 3, -i)/√15
        let v = [
            Complex64::new(1.0, 0.0),
            Complex64::new(0.0, 2.0),
            Complex64::new(3.0, 0.0),
            Complex64::new(0.0, -1.0),
        ];
        std::array::from_fn(|i| std::array::from_fn(|j| v[i] * v[j].conj() / 15.0))
    }

    #[test]
    fn bell_states_are_orthonormal() {
        for bell in BellState::ALL {
            let (i, j, sign) = bell.parts();
            let mut rho = ZERO;
            rho[i][i].re = 0.5;
            rho[j][j].re = 0.5;
            rho[i][j].re = 0.5 * sign;
            rho[j][i].re = 0.5 * sign;
            for other in BellState::ALL {
                assert_eq!(overlap(&rho, other), if bell == other { 1.0 } else { 0.0 });
            }
        }
    }

    #[test]
    fn bell_states_have_their_correlations() {
        for (bell, signs) in
            BellState::ALL.into_iter().zip([[1, -1, 1], [-1, 1, 1], [1, 1, -1], [-1, -1, -1]])
        {
            let (i, j, sign) = bell.parts();
            let mut rho = ZERO;
            rho[i][i].re = 0.5;
            rho[j][j].re = 0.5;
            rho[i][j].re = 0.5 * sign;
            rho[j][i].re = 0.5 * sign;
            for (pauli, expected) in [Pauli::X, Pauli::Y, Pauli::Z].into_iter().zip(signs) {
                assert_eq!(
                    expectation(&rho, Some(pauli), Some(pauli)),
                    f64::from(expected),
                    "{bell:?} {pauli:?}"
                );
                assert_eq!(expectation(&rho, Some(pauli), None), 0.0);
            }
            assert_eq!(expectation(&rho, None, None), 1.0);
        }
    }

    #[test]
    fn forgetting_an_ion_keeps_the_other_and_the_trace() {
        let rho = example();
        for node in 0..2 {
            let gone = forgotten(&rho, node);
            assert!((trace(&gone) - 1.0).abs() < 1e-15);
            let again = forgotten(&gone, node);
            for i in 0..4 {
                for j in 0..4 {
                    assert!((gone[i][j] - again[i][j]).norm_sqr() < 1e-30);
                }
            }
        }
        // populations of |0?>: (1 + 4)/15; forgetting ion A spreads |?0>: (1 + 9)/30 each
        assert!((forgotten(&rho, 0)[0][0].re - 10.0 / 30.0).abs() < 1e-15);
        assert!((forgotten(&rho, 1)[0][0].re - 5.0 / 30.0).abs() < 1e-15);
        // coherence <00|rho|01> survives on ion B alone: ((1)(-2i) + 3(i))/15/2
        assert!((forgotten(&rho, 0)[0][1] - Complex64::new(0.0, 1.0 / 30.0)).norm_sqr() < 1e-30);
    }

    #[test]
    fn a_phase_on_ion_b_turns_the_psi_coherence_backwards() {
        let mut rho = ZERO;
        rho[1][2] = Complex64::new(0.5, 0.0);
        rho[2][1] = Complex64::new(0.5, 0.0);
        let turn = [[Complex64::ONE, Complex64::ZERO], [Complex64::ZERO, math::phase(0.3)]];
        // |01> carries the phase: <01|rho|10> turns by +0.3
        assert!((rotated(&rho, 1, &turn)[1][2] - 0.5 * math::phase(0.3)).norm_sqr() < 1e-30);
        assert!((rotated(&rho, 0, &turn)[1][2] - 0.5 * math::phase(-0.3)).norm_sqr() < 1e-30);
        // the same without the whole matrix
        for node in 0..2 {
            let (short, long) =
                (turned(&example(), node, math::phase(0.3)), rotated(&example(), node, &turn));
            assert!((0..16).all(|k| (short[k / 4][k % 4] - long[k / 4][k % 4]).norm_sqr() < 1e-30));
        }
    }

    #[test]
    fn one_pauli_operator_carries_each_bell_state_to_each_other() {
        for from in BellState::ALL {
            let (i, j, sign) = from.parts();
            let mut rho = ZERO;
            (rho[i][i].re, rho[j][j].re) = (0.5, 0.5);
            (rho[i][j].re, rho[j][i].re) = (0.5 * sign, 0.5 * sign);
            for to in BellState::ALL {
                let carried = to.carried_from(from).map_or(rho, |pauli| rotated(&rho, 1, &pauli.matrix()));
                assert_eq!(overlap(&carried, to), 1.0, "{from:?} to {to:?}");
            }
        }
    }
}
