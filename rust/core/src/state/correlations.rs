//! Pairs of qubits as their correlations Tr(rho P ⊗ Q): sixteen real numbers, in which what happens to stored pairs is short.

use super::{BellState, State};
use num_complex::Complex64;

/// The correlations Tr(rho P ⊗ Q) of a pair; P (first index) acts on the first qubit, Q on the second, both in the order
/// identity, X, Y, Z. The trace stands first: 1 for a normalized state.
///
/// The same information as a [`State`] in half the room: rho = 1/4 sum over P, Q of Tr(rho P ⊗ Q) P ⊗ Q.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Correlations(pub [[f64; 4]; 4]);

const I: usize = 0;
const X: usize = 1;
const Y: usize = 2;
const Z: usize = 3;

/// What the gates and readouts of an operation on stored pairs leave of the correlations they act on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OperationNoise {
    /// Weight w of a two-qubit gate that replaces its qubits by I/4 with probability 1 - w: (4 F - 1)/3 of its average fidelity.
    pub gate_weight: f64,
    /// 1 - 2 e, with e the probability that a readout shows the wrong result.
    pub readout_contrast: f64,
}

impl OperationNoise {
    /// Perfect gates and readouts.
    pub const NONE: Self = Self { gate_weight: 1.0, readout_contrast: 1.0 };

    /// From the average fidelity of the two-qubit gate and the probability of a wrong readout.
    ///
    /// ```
    /// use ionlink_core::state::OperationNoise;
    /// assert_eq!(OperationNoise::new(1.0, 0.0), OperationNoise::NONE);
    /// assert_eq!(OperationNoise::new(0.25, 0.5), OperationNoise { gate_weight: 0.0, readout_contrast: 0.0 });
    /// ```
    pub fn new(two_qubit_fidelity: f64, readout_error: f64) -> Self {
        Self {
            gate_weight: (4.0 * two_qubit_fidelity - 1.0) / 3.0,
            readout_contrast: 1.0 - 2.0 * readout_error,
        }
    }
}

/// XX, YY and ZZ of a Bell state.
fn signs(bell: BellState) -> [f64; 3] {
    match bell {
        BellState::PhiPlus => [1.0, -1.0, 1.0],
        BellState::PhiMinus => [-1.0, 1.0, 1.0],
        BellState::PsiPlus => [1.0, 1.0, -1.0],
        BellState::PsiMinus => [-1.0, -1.0, -1.0],
    }
}

impl Correlations {
    /// The correlations of a state.
    pub fn of(rho: &State) -> Self {
        // <P> of one qubit from its matrix elements 00, 01, 10, 11, first for the second qubit, then for the first
        let combined = |elements: [Complex64; 4]| {
            let [zero, upper, lower, one] = elements;
            let turned = upper - lower;
            [zero + one, upper + lower, Complex64::new(-turned.im, turned.re), zero - one]
        };
        let mut second = [[Complex64::ZERO; 4]; 4];
        for a in 0..2 {
            for b in 0..2 {
                let element = |c: usize, d: usize| rho[2 * a + c][2 * b + d];
                second[2 * a + b] = combined([element(0, 0), element(0, 1), element(1, 0), element(1, 1)]);
            }
        }
        let mut correlations = [[0.0; 4]; 4];
        for q in 0..4 {
            let column = combined([second[0][q], second[1][q], second[2][q], second[3][q]]);
            for p in 0..4 {
                correlations[p][q] = column[p].re;
            }
        }
        Self(correlations)
    }

    /// The state with these correlations.
    pub fn state(&self) -> State {
        let elements = |[i, x, y, z]: [Complex64; 4]| {
            let turned = Complex64::new(y.im, -y.re);
            [i + z, x + turned, x - turned, i - z].map(|element| element * 0.5)
        };
        let rows = self.0.map(|row| elements(row.map(|value| Complex64::new(value, 0.0))));
        let mut rho = super::ZERO;
        for second in 0..4 {
            let column = elements([rows[I][second], rows[X][second], rows[Y][second], rows[Z][second]]);
            for (first, element) in column.into_iter().enumerate() {
                rho[first / 2 * 2 + second / 2][first % 2 * 2 + second % 2] = element;
            }
        }
        rho
    }

    /// The sum with another, unnormalized.
    #[must_use]
    pub fn plus(&self, other: &Self) -> Self {
        Self(std::array::from_fn(|p| std::array::from_fn(|q| self.0[p][q] + other.0[p][q])))
    }

    /// The same with trace one.
    #[must_use]
    pub fn normalized(&self) -> Self {
        let trace = self.trace();
        Self(self.0.map(|row| row.map(|value| value / trace)))
    }

    /// The trace.
    pub fn trace(&self) -> f64 {
        self.0[I][I]
    }

    /// Overlap with a Bell state, the squared one: (1 + s_X XX + s_Y YY + s_Z ZZ)/4.
    pub fn fidelity(&self, bell: BellState) -> f64 {
        let [x, y, z] = signs(bell);
        0.25 * (self.0[I][I] + x * self.0[X][X] + y * self.0[Y][Y] + z * self.0[Z][Z])
    }

    /// The pair with its qubits in the other order.
    #[must_use]
    pub fn reversed(&self) -> Self {
        Self(std::array::from_fn(|p| std::array::from_fn(|q| self.0[q][p])))
    }

    /// Multiplies what acts on one qubit (0 or 1) as X, Y or Z by a factor each.
    #[must_use]
    pub fn shrunk(&self, qubit: usize, [x, y, z]: [f64; 3]) -> Self {
        let factors = [1.0, x, y, z];
        let mut result = *self;
        for p in 0..4 {
            for q in 0..4 {
                result.0[p][q] *= factors[if qubit == 0 { p } else { q }];
            }
        }
        result
    }

    /// The second qubit turned by the Pauli operator that carries one Bell state to another.
    #[must_use]
    pub fn carried(&self, from: BellState, to: BellState) -> Self {
        let (from, to) = (signs(from), signs(to));
        self.shrunk(1, std::array::from_fn(|axis| from[axis] * to[axis]))
    }

    /// w rho + (1 - w) I/2 for one qubit, w the weight.
    #[must_use]
    pub fn depolarized(&self, qubit: usize, weight: f64) -> Self {
        self.shrunk(qubit, [weight; 3])
    }

    /// One qubit's coherence multiplied by a factor: <1|rho|0> by it, <0|rho|1> by its conjugate.
    #[must_use]
    pub fn turned(&self, qubit: usize, factor: Complex64) -> Self {
        let mut result = *self;
        for other in 0..4 {
            let at = |axis: usize| if qubit == 0 { (axis, other) } else { (other, axis) };
            let ((xp, xq), (yp, yq)) = (at(X), at(Y));
            // <1|rho|0> = (X + iY)/2
            let turned = Complex64::new(self.0[xp][xq], self.0[yp][yq]) * factor;
            (result.0[xp][xq], result.0[yp][yq]) = (turned.re, turned.im);
        }
        result
    }

    /// One qubit has gone from |1> to |0> with this probability; coherences are left to [`Correlations::turned`].
    #[must_use]
    pub fn decayed(&self, qubit: usize, probability: f64) -> Self {
        self.decayed_if_there(qubit, probability, 1.0)
    }

    /// The same of a qubit that is still there with a probability, and otherwise I/2, which does not decay.
    #[must_use]
    pub fn decayed_if_there(&self, qubit: usize, probability: f64, there: f64) -> Self {
        let mut result = *self;
        for other in 0..4 {
            let at = |axis: usize| if qubit == 0 { (axis, other) } else { (other, axis) };
            let ((ip, iq), (zp, zq)) = (at(I), at(Z));
            result.0[zp][zq] = (1.0 - probability) * self.0[zp][zq] + probability * there * self.0[ip][iq];
        }
        result
    }

    /// Entanglement swapping: the first qubit of this pair with the second of `other`, after a Bell measurement of the two
    /// between them and the correction that it asks for, averaged over its results. Phi+ with phi+ gives phi+.
    ///
    /// (P, Q) = R(P, Q) S(Q, Q) c(Q) n(Q), with R and S the correlations of the pairs, c = 1, 1, -1, 1 and
    /// n = 1, w r, w r², w r: the correction turns the second qubit, which the results then leave as often in one frame as
    /// in any other. Source: Żukowski et al., Phys. Rev. Lett. 71, 4287 (1993); docs/physics.md, Pairs.
    #[must_use]
    pub fn swapped(&self, other: &Self, noise: OperationNoise) -> Self {
        let OperationNoise { gate_weight: w, readout_contrast: r } = noise;
        let kept = [1.0, w * r, -w * r * r, w * r];
        Self(std::array::from_fn(|p| std::array::from_fn(|q| self.0[p][q] * other.0[q][q] * kept[q])))
    }

    /// The part of [`Correlations::swapped`] whose results ask for a correction by X or Y (`flipped`), or for none of these: its
    /// trace is the probability that they do. With sx = -1 if `flipped`, else 1, and n as there,
    ///
    /// (P, I) = [R(P, I) S(I, I) + sx n_Z R(P, Z) S(Z, I)]/2, (P, Z) = [n_Z R(P, Z) S(Z, Z) + sx R(P, I) S(I, Z)]/2,
    /// (P, X) = [n_X R(P, X) S(X, X) - sx n_Y R(P, Y) S(Y, X)]/2, (P, Y) = [-n_Y R(P, Y) S(Y, Y) + sx n_X R(P, X) S(X, Y)]/2.
    #[must_use]
    pub fn swapped_given(&self, other: &Self, noise: OperationNoise, flipped: bool) -> Self {
        let OperationNoise { gate_weight: w, readout_contrast: r } = noise;
        let sx = if flipped { -0.5 } else { 0.5 };
        let (one, both) = (w * r, w * r * r);
        let s = &other.0;
        Self(self.0.map(|row| {
            [
                0.5 * row[I] * s[I][I] + sx * one * row[Z] * s[Z][I],
                0.5 * one * row[X] * s[X][X] - sx * both * row[Y] * s[Y][X],
                sx * one * row[X] * s[X][Y] - 0.5 * both * row[Y] * s[Y][Y],
                sx * row[I] * s[I][Z] + 0.5 * one * row[Z] * s[Z][Z],
            ]
        }))
    }

    /// The Werner state of the same fidelity to phi+ and trace.
    #[must_use]
    pub fn twirled(&self) -> Self {
        let weight = (4.0 * self.fidelity(BellState::PhiPlus) - self.trace()) / 3.0;
        let mut result = [[0.0; 4]; 4];
        result[I][I] = self.trace();
        for (axis, sign) in [X, Y, Z].into_iter().zip(signs(BellState::PhiPlus)) {
            result[axis][axis] = sign * weight;
        }
        Self(result)
    }

    /// Distillation by two CNOT gates from this pair to `other`, one at each side with its noise, and equal results of reading out
    /// `other`: the pair that is kept, normalized, and the probability that it is.
    ///
    /// In the Heisenberg picture a kept correlation (P, Q) is half of R(P, Q) S(t P, t Q), with t X = t Y = X and t Z = 1, and of
    /// the same times Z of all four qubits.
    fn filtered(&self, other: &Self, noise: [OperationNoise; 2]) -> (Self, f64) {
        /// For each operator of the qubit that is kept: the one of the other qubit, and both times Z with the sign that is left.
        const AFTER: [(usize, (usize, usize, f64)); 4] =
            [(I, (Z, Z, 1.0)), (X, (Y, Y, -1.0)), (X, (X, Y, 1.0)), (I, (I, Z, 1.0))];
        let touched =
            |side: usize, operator: usize| if operator == I { 1.0 } else { noise[side].gate_weight };
        let both: f64 = noise.iter().map(|side| side.gate_weight * side.readout_contrast).product();
        let mut kept = [[0.0; 4]; 4];
        for p in 0..4 {
            for q in 0..4 {
                let ((tp, (zp, up, sp)), (tq, (zq, uq, sq))) = (AFTER[p], AFTER[q]);
                let plain = touched(0, p) * touched(1, q) * self.0[p][q] * other.0[tp][tq];
                kept[p][q] = 0.5 * (plain + both * sp * sq * self.0[zp][zq] * other.0[up][uq]);
            }
        }
        let probability = kept[I][I];
        let pair = Self(kept.map(|row| row.map(|value| value / probability)));
        (pair, probability)
    }

    /// BBPSSW distillation: both pairs made Werner states, then filtered. The pair that is kept and the probability that it is;
    /// for pairs of trace one. The probability is at least 1/3.
    ///
    /// Source: Bennett et al., Phys. Rev. Lett. 76, 722 (1996).
    pub fn bbpssw(&self, other: &Self, noise: [OperationNoise; 2]) -> (Self, f64) {
        self.twirled().filtered(&other.twirled(), noise)
    }

    /// DEJMPS distillation: the qubits of both pairs turned by a quarter about X, the first ones and the second ones in opposite
    /// directions, then filtered. The pair that is kept and the probability that it is; for pairs of trace one.
    ///
    /// Source: Deutsch et al., Phys. Rev. Lett. 77, 2818 (1996).
    pub fn dejmps(&self, other: &Self, noise: [OperationNoise; 2]) -> (Self, f64) {
        self.quarter_turned().filtered(&other.quarter_turned(), noise)
    }

    /// (Y, Z) of the first qubit become (Z, -Y), of the second (-Z, Y).
    fn quarter_turned(&self) -> Self {
        const FIRST: [(usize, f64); 4] = [(I, 1.0), (X, 1.0), (Z, 1.0), (Y, -1.0)];
        const SECOND: [(usize, f64); 4] = [(I, 1.0), (X, 1.0), (Z, -1.0), (Y, 1.0)];
        Self(std::array::from_fn(|p| {
            std::array::from_fn(|q| {
                let ((a, s), (b, t)) = (FIRST[p], SECOND[q]);
                s * t * self.0[a][b]
            })
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math;
    use crate::state::{self, Pauli, expectation, overlap};
    use crate::stream::Key;

    /// A mixture of two random pure states.
    fn random_state(seed: u64) -> State {
        let mut rng = crate::stream::BlockKey { key: Key::from_seed(seed), engine: 0, block: 0 }.scalar(0);
        let mut sum = state::ZERO;
        for weight in [0.7, 0.3] {
            let v: [Complex64; 4] =
                std::array::from_fn(|_| Complex64::new(rng.uniform() - 0.5, rng.uniform() - 0.5));
            let norm: f64 = v.iter().map(Complex64::norm_sqr).sum();
            for i in 0..4 {
                for j in 0..4 {
                    sum[i][j] += v[i] * v[j].conj() * weight / norm;
                }
            }
        }
        sum
    }

    fn bell(state: BellState) -> State {
        let mut rho = state::ZERO;
        let (i, j, sign) = match state {
            BellState::PhiPlus => (0, 3, 1.0),
            BellState::PhiMinus => (0, 3, -1.0),
            BellState::PsiPlus => (1, 2, 1.0),
            BellState::PsiMinus => (1, 2, -1.0),
        };
        (rho[i][i].re, rho[j][j].re) = (0.5, 0.5);
        (rho[i][j].re, rho[j][i].re) = (0.5 * sign, 0.5 * sign);
        rho
    }

    fn assert_close(a: &State, b: &State) {
        for i in 0..4 {
            for j in 0..4 {
                assert!((a[i][j] - b[i][j]).norm_sqr() < 1e-28, "{i} {j}: {} and {}", a[i][j], b[i][j]);
            }
        }
    }

    #[test]
    fn correlations_are_expectations_and_give_the_state_back() {
        let rho = random_state(1);
        let correlations = Correlations::of(&rho);
        let operators = [None, Some(Pauli::X), Some(Pauli::Y), Some(Pauli::Z)];
        for (p, a) in operators.into_iter().enumerate() {
            for (q, b) in operators.into_iter().enumerate() {
                assert!((correlations.0[p][q] - expectation(&rho, a, b)).abs() < 1e-15, "{a:?} {b:?}");
            }
        }
        assert_close(&correlations.state(), &rho);
        for bell in BellState::ALL {
            assert!((correlations.fidelity(bell) - overlap(&rho, bell)).abs() < 1e-15);
        }
    }

    #[test]
    fn what_happens_to_one_qubit_is_what_happens_to_the_matrix() {
        let rho = random_state(2);
        let pair = Correlations::of(&rho);
        let factor = math::phase(0.4) * 0.8;
        for qubit in 0..2 {
            assert_close(&pair.turned(qubit, factor).state(), &state::turned(&rho, qubit, factor));
            assert_close(&pair.decayed(qubit, 0.3).state(), &state::decayed(&rho, qubit, 0.3));
            assert_close(&pair.depolarized(qubit, 0.6).state(), &state::depolarized(&rho, qubit, 0.6));
        }
        for (from, to) in
            [(BellState::PsiMinus, BellState::PhiPlus), (BellState::PhiMinus, BellState::PsiPlus)]
        {
            let carried = to.carried_from(from).map_or(rho, |pauli| state::rotated(&rho, 1, &pauli.matrix()));
            assert_close(&pair.carried(from, to).state(), &carried);
        }
        let mut exchanged = state::ZERO;
        for i in 0..4 {
            for j in 0..4 {
                let other = |index: usize| index % 2 * 2 + index / 2;
                exchanged[other(i)][other(j)] = rho[i][j];
            }
        }
        assert_close(&pair.reversed().state(), &exchanged);
    }

    #[test]
    fn swapping_bell_states_adds_their_numbers() {
        for a in BellState::ALL {
            for b in BellState::ALL {
                let (first, second) = (Correlations::of(&bell(a)), Correlations::of(&bell(b)));
                let expected = BellState::ALL[a as usize ^ b as usize];
                let swapped = first.swapped(&second, OperationNoise::NONE);
                assert!((swapped.fidelity(expected) - 1.0).abs() < 1e-15, "{a:?} {b:?}");
            }
        }
    }

    #[test]
    fn results_of_a_swap_that_ask_for_flips_are_those_of_the_matrices() {
        let (first, second) = (random_state(5), random_state(6));
        let (r, s) = (Correlations::of(&first), Correlations::of(&second));
        // the Bell state found between the pairs, and the correction of the outer qubit, as signs of X, Y, Z
        let results = [
            (BellState::PhiPlus, false, [1.0, 1.0, 1.0]),
            (BellState::PhiMinus, false, [-1.0, -1.0, 1.0]),
            (BellState::PsiPlus, true, [1.0, -1.0, -1.0]),
            (BellState::PsiMinus, true, [-1.0, 1.0, -1.0]),
        ];
        let mut both = Correlations([[0.0; 4]; 4]);
        for flipped in [false, true] {
            let mut expected = Correlations([[0.0; 4]; 4]);
            for (found, _, signs) in results.into_iter().filter(|(_, other, _)| *other == flipped) {
                let projector = bell(found);
                let mut outer = state::ZERO;
                for index in 0..256 {
                    let bit = |place: usize| index >> place & 1;
                    let [a, b, c, d, a1, b1, c1, d1] = std::array::from_fn(bit);
                    outer[2 * a + d][2 * a1 + d1] += first[2 * a + b][2 * a1 + b1]
                        * second[2 * c + d][2 * c1 + d1]
                        * projector[2 * b1 + c1][2 * b + c];
                }
                expected = expected.plus(&Correlations::of(&outer).shrunk(1, signs));
            }
            let given = r.swapped_given(&s, OperationNoise::NONE, flipped);
            for p in 0..4 {
                for q in 0..4 {
                    assert!((given.0[p][q] - expected.0[p][q]).abs() < 1e-15, "{flipped} {p} {q}");
                }
            }
            both = both.plus(&r.swapped_given(&s, OperationNoise::new(0.97, 0.02), flipped));
        }
        let swapped = r.swapped(&s, OperationNoise::new(0.97, 0.02));
        for p in 0..4 {
            for q in 0..4 {
                assert!((both.0[p][q] - swapped.0[p][q]).abs() < 1e-15, "{p} {q}");
            }
        }
    }

    #[test]
    fn distillation_keeps_phi_plus_and_shows_bit_flips() {
        let pair = |state| Correlations::of(&bell(state));
        let perfect = pair(BellState::PhiPlus);
        for both in [Correlations::bbpssw, Correlations::dejmps] {
            let (kept, probability) = both(&perfect, &perfect, [OperationNoise::NONE; 2]);
            assert!(
                (kept.fidelity(BellState::PhiPlus) - 1.0).abs() < 1e-15 && (probability - 1.0).abs() < 1e-15
            );
        }
        // a flipped pair beside a perfect one: never kept
        let (_, probability) = pair(BellState::PsiPlus).filtered(&perfect, [OperationNoise::NONE; 2]);
        assert_eq!(probability, 0.0);
        // without contrast the results are equal half of the time, whatever the pairs
        let blind = OperationNoise { gate_weight: 1.0, readout_contrast: 0.0 };
        assert_eq!(pair(BellState::PsiPlus).filtered(&perfect, [blind; 2]).1, 0.5);
    }
}
