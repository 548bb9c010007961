"""Figures of two-qubit states against closed forms and sums written out here."""

import itertools
import json
import math
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

import ionlink as il
from ionlink import bell

FORMULAS = json.loads((Path(__file__).parents[1] / "data" / "formulas.json").read_text())["rows"]
VECTORS = {
    "phi+": np.array([1, 0, 0, 1]) / math.sqrt(2),
    "phi-": np.array([1, 0, 0, -1]) / math.sqrt(2),
    "psi+": np.array([0, 1, 1, 0]) / math.sqrt(2),
    "psi-": np.array([0, 1, -1, 0]) / math.sqrt(2),
}
PAULIS = [np.array([[0, 1], [1, 0]]), np.array([[0, -1j], [1j, 0]]), np.diag([1, -1])]
# magnitude and phase/pi of the remote pair of Main et al. (2025) as printed, arXiv:2407.00835
MAGNITUDE = [
    [0.012, 0.014, 0.014, 0.000],
    [0.014, 0.508, 0.475, 0.008],
    [0.014, 0.475, 0.479, 0.009],
    [0.000, 0.008, 0.009, 0.000],
]
PHASE_OVER_PI = [
    [0.0, -1.850, -1.825, -0.985],
    [1.850, 0.0, -0.002, -0.902],
    [1.825, 0.002, 0.0, -0.931],
    [0.985, 0.902, 0.931, 0.0],
]
PRINTED = np.array(MAGNITUDE) * np.exp(1j * np.pi * np.array(PHASE_OVER_PI))
# the same with real and imaginary parts rounded to six decimals
ROUNDED = np.round(PRINTED, 6)


def random_states(count, seed=1, rank=4):
    rng = np.random.default_rng(seed)
    roots = rng.normal(size=(count, 4, rank)) + 1j * rng.normal(size=(count, 4, rank))
    rho = roots @ roots.conj().swapaxes(1, 2)
    return rho / np.trace(rho, axis1=1, axis2=2)[:, None, None]


def werner(weight, name="psi+"):
    return weight * np.outer(VECTORS[name], VECTORS[name]) + (1 - weight) * np.eye(4) / 4


def test_names_and_order_are_those_of_the_package():
    assert tuple(VECTORS) == il.BELL_STATES == tuple(bell._BELL)


@pytest.mark.parametrize(("name", "other"), [*itertools.product(VECTORS, VECTORS)])
def test_bell_states_have_fidelity_one_or_zero(name, other):
    rho = np.outer(VECTORS[name], VECTORS[name])
    assert math.isclose(bell.fidelity(rho, other), name == other, abs_tol=1e-15)


@pytest.mark.parametrize("weight", [0.0, 0.2, 1 / 3, 0.5, 0.8, 1.0])
def test_werner_states_have_their_closed_forms(weight):
    rho = werner(weight)
    assert math.isclose(bell.fidelity(rho, "psi+"), (1 + 3 * weight) / 4, rel_tol=1e-14)
    assert math.isclose(bell.concurrence(rho), max(0, (3 * weight - 1) / 2), abs_tol=1e-14)
    assert math.isclose(bell.chsh(rho), 2 * math.sqrt(2) * weight, abs_tol=1e-14)
    np.testing.assert_allclose(bell.twirl(rho, "psi+"), rho, atol=1e-15)


def test_pure_states_have_concurrence_two_times_the_determinant():
    rng = np.random.default_rng(3)
    for vector in rng.normal(size=(20, 4)) + 1j * rng.normal(size=(20, 4)):
        v = vector / np.linalg.norm(vector)
        expected = 2 * abs(v[0] * v[3] - v[1] * v[2])
        # a numerical zero eigenvalue of 1e-17 has the root 3e-9
        assert math.isclose(bell.concurrence(np.outer(v, v.conj())), expected, abs_tol=1e-7)
        assert math.isclose(bell.chsh(np.outer(v, v.conj())), 2 * math.sqrt(1 + expected**2), rel_tol=1e-13)


def test_concurrence_is_that_of_the_eigenvalues_of_wootters_product():
    flip = np.kron(PAULIS[1], PAULIS[1])
    for rho in random_states(50, rank=2):
        product = np.linalg.eigvals(rho @ flip @ rho.conj() @ flip)
        roots = np.sort(np.sqrt(product.real.clip(min=0)))
        assert math.isclose(bell.concurrence(rho), max(0, roots[3] - roots[:3].sum()), abs_tol=1e-6)
    product = np.kron(np.diag([0.3, 0.7]), np.full((2, 2), 0.5))
    assert bell.concurrence(product) < 1e-7


def test_chsh_is_the_largest_over_settings():
    """No settings exceed it, and the best of a fine search come close."""
    rng = np.random.default_rng(5)
    for rho in [werner(0.9, "phi-"), *random_states(5, rank=1)]:
        correlations = np.array([[np.trace(rho @ np.kron(a, b)).real for b in PAULIS] for a in PAULIS])
        first, second = (
            settings / np.linalg.norm(settings, axis=-1, keepdims=True)
            for settings in rng.normal(size=(2, 50_000, 3))
        )
        # the best settings of A for b and b' are along T(b + b') and T(b - b')
        values = sum(np.linalg.norm((first + sign * second) @ correlations.T, axis=1) for sign in (1, -1))
        largest = bell.chsh(rho)
        assert values.max() <= largest + 1e-12
        assert values.max() > 0.98 * largest


@pytest.mark.parametrize("name", VECTORS)
def test_twirling_is_the_mean_over_rotations_that_leave_the_bell_state_alone(name):
    rng = np.random.default_rng(7)
    vector = VECTORS[name]
    rho = random_states(1, seed=9)[0]
    werner_state = bell.twirl(rho, name)
    assert math.isclose(bell.fidelity(werner_state, name), bell.fidelity(rho, name), rel_tol=1e-13)
    assert math.isclose(np.trace(werner_state).real, 1, rel_tol=1e-14)
    # psi-'s partner of U is U itself; the others' follow by the Pauli operator that carries psi- to them
    matrix = vector.reshape(2, 2) * math.sqrt(2)
    total = np.zeros((4, 4), complex)
    count = 20_000
    for quaternion in rng.normal(size=(count, 4)):
        a, b, c, d = quaternion / np.linalg.norm(quaternion)
        unitary = np.array([[a + 1j * b, c + 1j * d], [-c + 1j * d, a - 1j * b]])
        pair = np.kron(unitary, (matrix.conj().T @ unitary.conj() @ matrix))
        total += pair @ rho @ pair.conj().T
    # elements of states scatter by less than 1
    assert abs(total / count - werner_state).max() < 5 / math.sqrt(count)
    assert abs(rho - werner_state).max() > 0.1


def test_twirl_is_to_phi_plus_unless_told():
    rho = random_states(1)[0]
    np.testing.assert_array_equal(bell.twirl(rho), bell.twirl(rho, "phi+"))


@pytest.mark.parametrize(
    "figure",
    [bell.concurrence, bell.chsh, bell.twirl, bell.nearest_state, lambda rho: bell.fidelity(rho, "phi-")],
    ids=["concurrence", "chsh", "twirl", "nearest_state", "fidelity"],
)
def test_a_batch_is_its_members_one_by_one(figure):
    states = random_states(7)
    values = figure(states)
    assert values.shape == (7, *np.shape(figure(states[0])))
    np.testing.assert_allclose(values, [figure(rho) for rho in states], atol=1e-15)
    assert figure(states[:0]).shape[0] == 0
    if values.ndim == 1:
        assert isinstance(figure(states[0]), float)


def test_the_nearest_state_of_the_printed_matrix_of_main2025():
    """0.96925 lies on the edge of a fourth digit: parts to six decimals give 0.9693, magnitudes 0.9692."""
    words = r"eigenvalues down to -0\.000217 set to 0; a trace of 0\.999 set to 1"
    fidelities = []
    for matrix in (ROUNDED, PRINTED):
        with pytest.warns(UserWarning, match=words):
            rho = bell.nearest_state(matrix)
        assert math.isclose(np.trace(rho).real, 1, rel_tol=1e-14)
        assert np.linalg.eigvalsh(rho).min() > -1e-15
        # without the eigenvector v of the negative eigenvalue l: (<b|rho|b> - l |<b|v>|^2)/(Tr rho - l)
        values, vectors = np.linalg.eigh(matrix)
        part = abs(VECTORS["psi+"] @ vectors[:, 0]) ** 2
        given = (matrix[1, 1] + matrix[2, 2] + matrix[1, 2] + matrix[2, 1]).real / 2
        expected = (given - values[0] * part) / (0.999 - values[0])
        fidelities.append(bell.fidelity(rho, "psi+"))
        assert math.isclose(fidelities[-1], expected, rel_tol=1e-13)
        link = il.basic_link(efficiency=(0.1, 0.1)).replace(
            {"heralded_state": il.HeraldedState(rho, bell_state="psi+")}
        )
        assert math.isclose(link.exact().fidelity, expected, rel_tol=1e-13)
        with pytest.raises(il.ParameterError, match=r"il\.bell\.nearest_state"):
            il.HeraldedState(matrix, bell_state="psi+")
    assert round(fidelities[0], 4) == 0.9693
    assert abs(fidelities[0] - fidelities[1]) < 5e-7


def test_states_come_back_without_a_word():
    states = random_states(20)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        np.testing.assert_allclose(bell.nearest_state(states), states, atol=1e-15)
        bell.nearest_state(np.diag([1.0, 0, 0, 0]))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda rho: 0.9 * rho, "a trace of 0.9 set to 1"),
        (lambda rho: rho + 1e-3j * np.eye(4), "an anti-Hermitian part of up to 0.001 left out"),
        (lambda rho: rho + 0.5 * np.diag([1, -1, 0, 0]), "negative eigenvalues"),
    ],
)
def test_each_change_is_told_alone(change, words):
    rho = random_states(1)[0]
    with pytest.warns(UserWarning, match=words) as caught:
        nearest = bell.nearest_state(change(rho))
    assert len(caught) == 1
    # eigenvalues, trace and symmetry of a state
    il.HeraldedState(nearest, bell_state="psi+")


@pytest.mark.parametrize("figure", [bell.concurrence, bell.chsh, bell.twirl, bell.nearest_state])
@pytest.mark.parametrize(
    "wrong",
    [np.eye(2), np.eye(4)[0], np.zeros((2, 2, 4, 4)), "rho", None, [[1, 2], [3]], 1.0],
    ids=lambda wrong: type(wrong).__name__,
)
def test_wrong_shapes_are_refused(figure, wrong):
    with pytest.raises(
        il.ParameterError, match=r"`rho` must be a complex matrix of shape \(4, 4\) or a batch"
    ):
        figure(wrong)


def test_numbers_that_are_no_numbers_and_names_that_are_no_names_are_refused():
    with pytest.raises(il.ParameterError, match="finite"):
        bell.concurrence(np.full((4, 4), np.nan))
    with pytest.raises(il.ParameterError, match="positive eigenvalue"):
        bell.nearest_state(-np.eye(4))
    for wrong in ("psi", None, 2):
        with pytest.raises(il.ParameterError, match='`bell_state` must be one of "phi\\+"'):
            bell.fidelity(np.eye(4) / 4, wrong)
        with pytest.raises(il.ParameterError, match="bell_state"):
            bell.twirl(np.eye(4) / 4, wrong)


def test_the_module_is_loaded_when_asked_for():
    script = (
        "import sys, ionlink; before = 'ionlink.bell' in sys.modules; ionlink.bell.chsh; "
        "print(before, 'ionlink.bell' in sys.modules)"
    )
    out = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    )
    assert out.stdout.split() == ["False", "True"]


HADAMARD = np.array([[1, 1], [1, -1]]) / math.sqrt(2)
CNOT = np.eye(4)[[0, 1, 3, 2]]


def on(matrix, qubits, count=4):
    """An operator on some of several qubits as a matrix on all: element by element."""
    full = np.zeros((2**count, 2**count), complex)
    bits = list(itertools.product((0, 1), repeat=count))
    for row, i in enumerate(bits):
        for column, j in enumerate(bits):
            if all(i[q] == j[q] for q in range(count) if q not in qubits):
                a, b = (sum(n[q] << s for s, q in enumerate(reversed(qubits))) for n in (i, j))
                full[row, column] = matrix[a, b]
    return full


def conjugated(rho, matrix):
    return matrix @ rho @ matrix.conj().T


def mixed_away(rho, qubits, weight):
    """Depolarizing as the mean over all Pauli operators on the qubits."""
    total = np.zeros_like(rho)
    for factors in itertools.product([np.eye(2), *PAULIS], repeat=len(qubits)):
        pauli = factors[0] if len(factors) == 1 else np.kron(*factors)
        total += conjugated(rho, on(pauli, qubits))
    return weight * rho + (1 - weight) * total / 4 ** len(qubits)


def only(rho, first, second):
    """State of two of four qubits."""
    kept = np.zeros((4, 4), complex)
    others = [q for q in range(4) if q not in (first, second)]
    for a, b, c, d, e, f in itertools.product((0, 1), repeat=6):
        row, column = [0] * 4, [0] * 4
        row[first], row[second], column[first], column[second] = a, b, c, d
        row[others[0]] = column[others[0]] = e
        row[others[1]] = column[others[1]] = f
        i, j = (sum(bit << 3 - q for q, bit in enumerate(bits)) for bits in (row, column))
        kept[2 * a + b, 2 * c + d] += rho[i, j]
    return kept


def read(rho, qubit, result, error):
    """What a readout that shows this result leaves, unnormalized."""
    projectors = [np.diag([1, 0]), np.diag([0, 1])]
    right, wrong = (conjugated(rho, on(projectors[n], [qubit])) for n in (result, 1 - result))
    return (1 - error) * right + error * wrong


def swap_circuit(rho_1, rho_2, gate_fidelity, readout_error, corrected=True):
    """Qubits 0, 1 of pair 1 and 2, 3 of pair 2; Bell measurement of 1 and 2, correction of 3."""
    rho = conjugated(np.kron(rho_1, rho_2), on(CNOT, [1, 2]))
    rho = mixed_away(rho, [1, 2], (4 * gate_fidelity - 1) / 3)
    rho = conjugated(rho, on(HADAMARD, [1]))
    total = np.zeros((4, 4), complex)
    for phase, parity in itertools.product((0, 1), repeat=2):
        result = read(read(rho, 1, phase, readout_error), 2, parity, readout_error)
        turn = np.linalg.matrix_power(PAULIS[2], phase) @ np.linalg.matrix_power(PAULIS[0], parity)
        total += only(conjugated(result, on(turn, [3])) if corrected else result, 0, 3)
    return total


def distillation_circuit(rho_1, rho_2, gate_fidelity, readout_error):
    """Qubits 0, 1 of the pair that is kept, 2, 3 of the one that is read out."""
    rho = np.kron(rho_1, rho_2)
    for qubits in ([0, 2], [1, 3]):
        rho = mixed_away(conjugated(rho, on(CNOT, qubits)), qubits, (4 * gate_fidelity - 1) / 3)
    equal = sum(read(read(rho, 2, n, readout_error), 3, n, readout_error) for n in (0, 1))
    kept = only(equal, 0, 1)
    return kept / np.trace(kept), np.trace(kept).real


def turned_about_x(rho):
    turns = [
        math.cos(a / 2) * np.eye(2) - 1j * math.sin(a / 2) * PAULIS[0] for a in (-math.pi / 2, math.pi / 2)
    ]
    return conjugated(rho, np.kron(*turns))


NOISE = [(1.0, 0.0), (0.97, 0.0), (1.0, 0.02), (0.9, 0.05), (0.25, 0.5)]


@pytest.mark.parametrize(("gate_fidelity", "readout_error"), NOISE)
def test_swapping_is_the_circuit(gate_fidelity, readout_error):
    for rho_1, rho_2 in random_states(6, seed=11).reshape(3, 2, 4, 4):
        expected = swap_circuit(rho_1, rho_2, gate_fidelity, readout_error)
        found = bell.swap(rho_1, rho_2, gate_fidelity, readout_error)
        np.testing.assert_allclose(found, expected, atol=1e-12)
        # the control: neither the circuit without corrections nor one with more noise is it
        if gate_fidelity > 0.25:
            bare = swap_circuit(rho_1, rho_2, gate_fidelity, readout_error, corrected=False)
            assert abs(found - bare).max() > 1e-3
            worse = swap_circuit(rho_1, rho_2, gate_fidelity, readout_error + 0.01)
            assert abs(found - worse).max() > 1e-5


@pytest.mark.parametrize(("gate_fidelity", "readout_error"), NOISE)
def test_distillation_is_the_circuit(gate_fidelity, readout_error):
    for pair in random_states(6, seed=12).reshape(3, 2, 4, 4):
        for protocol, prepared in ((bell.bbpssw, bell.twirl), (bell.dejmps, turned_about_x)):
            expected = distillation_circuit(*map(prepared, pair), gate_fidelity, readout_error)
            rho, probability = protocol(*pair, gate_fidelity, readout_error)
            np.testing.assert_allclose(rho, expected[0], atol=1e-12)
            assert math.isclose(probability, expected[1], rel_tol=1e-12)
            # the control: pairs that were not prepared, and more noise; gates that leave nothing hide both
            if gate_fidelity > 0.25:
                bare = distillation_circuit(*pair, gate_fidelity, readout_error)
                assert abs(rho - bare[0]).max() > 1e-3
                worse = distillation_circuit(*map(prepared, pair), gate_fidelity, readout_error + 0.01)
                assert abs(rho - worse[0]).max() > 1e-5


def test_turns_of_dejmps_in_the_other_directions_exchange_both_bits():
    first, second = random_states(2, seed=13)
    both = np.kron(PAULIS[0], PAULIS[0])
    flipped = [conjugated(rho, both) for rho in (first, second)]
    rho, probability = bell.dejmps(first, second)
    other, same = bell.dejmps(*flipped)
    np.testing.assert_allclose(conjugated(other, both), rho, atol=1e-14)
    assert math.isclose(probability, same, rel_tol=1e-14)


def diagonal(weights):
    return sum(p * np.outer(v, v) for p, v in zip(weights, VECTORS.values(), strict=True))


def family(prefix):
    rows = [row for row in FORMULAS if row["formula_id"].startswith(prefix)]
    assert rows
    return pytest.mark.parametrize("row", rows, ids=lambda row: f"{row['formula_id']}-{row['expected']:.4g}")


@family("SWAP.")
def test_swapping_has_the_values_of_the_formulas(row):
    inputs = row["inputs"]
    if row["formula_id"] == "SWAP.W":
        pair = werner((4 * inputs["F"] - 1) / 3, "phi+")
        rho = pair
        for _ in range(inputs["n"] - 1):
            rho = bell.swap(rho, pair)
    else:
        gate_fidelity = (3 * inputs.get("w", 1.0) + 1) / 4
        rho = bell.swap(diagonal(inputs["a"]), diagonal(inputs["b"]), gate_fidelity, inputs.get("em", 0.0))
    assert bell.fidelity(rho, "phi+") == pytest.approx(row["expected"], rel=1e-9)


@family("DIST.")
def test_distillation_has_the_values_of_the_formulas(row):
    inputs = row["inputs"]
    if "BBPSSW" in row["formula_id"]:
        # any state with this fidelity: the rest is twirled away
        rho, probability = bell.bbpssw(*(diagonal([inputs[f], 1 - inputs[f], 0, 0]) for f in ("F1", "F2")))
    else:
        rho, probability = bell.dejmps(diagonal(inputs["s"]), diagonal(inputs["t"]))
    value = probability if row["formula_id"].endswith(".p") else bell.fidelity(rho, "phi+")
    assert value == pytest.approx(row["expected"], rel=1e-9)


def test_one_pair_meets_a_batch_and_batches_meet_pair_by_pair():
    states, others = random_states(5), random_states(5, seed=2)
    for first, second in (
        (states, others),
        (states, others[0]),
        (states[0], others),
        (states[:0], others[0]),
    ):
        count = min(len(batch) for batch in (first, second) if batch.ndim == 3)
        one = [batch if batch.ndim == 3 else [batch] * count for batch in (first, second)]
        found = bell.swap(first, second, 0.98, 0.01)
        assert found.shape == (count, 4, 4)
        for k, pair in enumerate(zip(*one, strict=True)):
            np.testing.assert_array_equal(found[k], bell.swap(*pair, 0.98, 0.01))
        for protocol in (bell.bbpssw, bell.dejmps):
            rho, probability = protocol(first, second, readout_error=0.01)
            assert rho.shape == (count, 4, 4)
            assert probability.shape == (count,)
            for k, pair in enumerate(zip(*one, strict=True)):
                expected = protocol(*pair, readout_error=0.01)
                np.testing.assert_array_equal(rho[k], expected[0])
                assert probability[k] == expected[1]
    assert isinstance(bell.dejmps(states[0], others[0])[1], float)
    # whatever lies how in memory
    np.testing.assert_array_equal(bell.swap(states[::2], others[::-2]), bell.swap(states, others[::-1])[::2])


def test_pairs_that_are_never_kept_have_no_state():
    perfect, flipped = (diagonal(weights) for weights in ([1, 0, 0, 0], [0, 1, 0, 0]))
    rho, probability = bell.dejmps(perfect, flipped)
    assert probability == 0
    assert np.isnan(rho).all()
    rho, probability = bell.dejmps(np.stack([perfect, flipped]), perfect)
    np.testing.assert_allclose(probability, [1, 0], atol=1e-15)
    np.testing.assert_allclose(rho[0], perfect, atol=1e-15)
    assert np.isnan(rho[1]).all()
    # misread results keep some
    assert math.isclose(bell.dejmps(perfect, flipped, readout_error=0.1)[1], 0.18, rel_tol=1e-12)
    # twirled pairs are kept in a third of all cases, however far from phi+ one is
    assert math.isclose(bell.bbpssw(perfect, flipped)[1], 1 / 3, rel_tol=1e-12)


@pytest.mark.parametrize("operation", [bell.swap, bell.bbpssw, bell.dejmps])
def test_operations_refuse_what_is_no_pair(operation):
    good = werner(0.9, "phi+")
    with pytest.raises(il.ParameterError, match=r"`rho_2` must be a matrix of trace 1 .* got trace 0\.99$"):
        operation(good, 0.99 * good)
    with pytest.raises(il.ParameterError, match=r"`rho_1` must be a Hermitian matrix within 1e-06; il\.bell"):
        operation(good + 1e-3j * np.fliplr(np.eye(4)), good)
    with pytest.raises(il.ParameterError, match=r"`rho_2` must be one state or as many as rho_1, 3, got 2"):
        operation(random_states(3), random_states(2))
    with pytest.raises(il.ParameterError, match=r"`rho_1` must be a complex matrix"):
        operation(np.eye(2), good)
    operation(good * (1 + 5e-7), good)
    for wrong in (0.2, 1.1, math.nan, "1", None, True):
        with pytest.raises(il.ParameterError, match=r"`gate_fidelity` must be in \[0\.25, 1\], got"):
            operation(good, good, gate_fidelity=wrong)
    for wrong in (-0.1, 0.6, [0.1]):
        with pytest.raises(il.ParameterError, match=r"`readout_error` must be in \[0, 0\.5\], got"):
            operation(good, good, readout_error=wrong)


@pytest.mark.parametrize("name", VECTORS)
def test_pairs_turn_to_phi_plus(name):
    states = random_states(3, seed=4)
    turned = bell.to_phi_plus(states, name)
    np.testing.assert_allclose(bell.fidelity(turned, "phi+"), bell.fidelity(states, name), atol=1e-15)
    np.testing.assert_allclose(bell.concurrence(turned), bell.concurrence(states), atol=1e-7)
    # by an operator on the second qubit alone: the first keeps its state
    traced = [np.einsum("nikjk->nij", rho.reshape(-1, 2, 2, 2, 2)) for rho in (states, turned)]
    np.testing.assert_allclose(*traced, atol=1e-15)
    weights = bell.bell_diagonal(states)
    assert weights.shape == (3, 4)
    np.testing.assert_allclose(weights[:, list(VECTORS).index(name)], bell.fidelity(states, name), atol=1e-15)
    np.testing.assert_allclose(weights.sum(axis=1), 1, atol=1e-14)
    assert bell.bell_diagonal(states[0]).shape == (4,)
