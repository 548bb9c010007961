"""Figures of two-qubit states against closed forms and sums written out here."""

import itertools
import math
import subprocess
import sys
import warnings

import numpy as np
import pytest

import ionlink as il
from ionlink import bell

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
