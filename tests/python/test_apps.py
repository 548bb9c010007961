"""What pairs are good for, against rows of closed formulas and circuits written out here."""

import doctest
import importlib
import itertools
import json
import math
from pathlib import Path

import numpy as np
import pytest

import ionlink as il
from ionlink.apps import clocks, computing, qkd

FORMULAS = json.loads((Path(__file__).parents[1] / "data" / "formulas.json").read_text())["rows"]
BELL = np.array([[1, 0, 0, 1], [1, 0, 0, -1], [0, 1, 1, 0], [0, 1, -1, 0]]) / math.sqrt(2)
X, Z = np.array([[0, 1], [1, 0]]), np.diag([1, -1])
HADAMARD = np.array([[1, 1], [1, -1]]) / math.sqrt(2)
CNOT = np.eye(4)[[0, 1, 3, 2]]


def rows(family):
    found = [row for row in FORMULAS if row["formula_id"].startswith(family)]
    assert found
    return pytest.mark.parametrize("row", found, ids=lambda row: f"{row['formula_id']}-{row['expected']:.4g}")


def diagonal(weights):
    return np.einsum("b,bi,bj->ij", weights, BELL, BELL)


def werner(fidelity):
    return [fidelity, *[(1 - fidelity) / 3] * 3]


def random_states(count, seed=1):
    rng = np.random.default_rng(seed)
    roots = rng.normal(size=(count, 4, 4)) + 1j * rng.normal(size=(count, 4, 4))
    rho = roots @ roots.conj().swapaxes(1, 2) + 6 * diagonal([1, 0, 0, 0])
    return rho / np.trace(rho, axis1=1, axis2=2)[:, None, None]


@rows("TEL.")
def test_teleportation_has_the_values_of_the_formulas(row):
    teleported = {
        "TEL.state": computing.teleported_state_fidelity,
        "TEL.cnot": computing.teleported_gate_fidelity,
    }[row["formula_id"]]
    assert teleported(row["inputs"]["F"]) == pytest.approx(row["expected"], rel=1e-9)


@rows("QKD.")
def test_keys_have_the_values_of_the_formulas(row):
    inputs = row["inputs"]
    if row["formula_id"] == "QKD.di":
        value = qkd.device_independent(inputs["S"], inputs["Q"])
    else:
        key = {"QKD.bbm92": qkd.bbm92, "QKD.six": qkd.six_state}[row["formula_id"]]
        value = key(inputs["bell_diagonal"])
        assert key(diagonal(inputs["bell_diagonal"])) == pytest.approx(row["expected"], rel=1e-9)
    assert value == pytest.approx(row["expected"], rel=1e-9)


@rows("CLOCK.")
def test_clocks_have_the_values_of_the_formulas(row):
    inputs = row["inputs"]
    value = clocks.differential_gain(
        inputs["C_ent"], inputs["C_prod"], random_phase=inputs.get("random_phase", False)
    )
    assert value == pytest.approx(row["expected"], rel=1e-9)


def kron(*matrices):
    product = np.eye(1)
    for matrix in matrices:
        product = np.kron(product, matrix)
    return product


def teleported_cnot(resource):
    """What each pair of results makes of control c and target t over a pair a, b of this vector."""
    identity = np.eye(2)
    into = np.zeros((16, 4), complex)  # order c a b t
    for c, a, b, t in itertools.product((0, 1), repeat=4):
        into[8 * c + 4 * a + 2 * b + t, 2 * c + t] = resource[2 * a + b]
    kept = []
    for m, n in itertools.product((0, 1), repeat=2):
        control_meets_a = kron(CNOT, identity, identity)
        read_a = kron(identity, identity[[m]], identity, identity)
        correct_b = kron(identity, np.linalg.matrix_power(X, m), identity)
        b_meets_target = kron(identity, CNOT)
        read_b = kron(identity, identity[[n]] @ HADAMARD, identity)
        correct_c = kron(np.linalg.matrix_power(Z, n), identity)
        kept.append(correct_c @ read_b @ b_meets_target @ correct_b @ read_a @ control_meets_a @ into)
    return kept


def teleported_qubit(resource):
    """What each Bell result makes of a qubit q over a pair a, b of this vector; order q a b."""
    kept = []
    for m, n in itertools.product((0, 1), repeat=2):
        read = kron(np.eye(2)[[n]], np.eye(2)[[m]], np.eye(2))
        turn = np.linalg.matrix_power(Z, n) @ np.linalg.matrix_power(X, m)
        operator = turn @ read @ kron(HADAMARD, np.eye(4)) @ kron(CNOT, np.eye(2))
        kept.append(operator @ np.kron(np.eye(2), resource[:, None]))
    return kept


@pytest.mark.parametrize(
    ("circuit", "ideal", "fidelity"),
    [
        (teleported_cnot, CNOT, computing.teleported_gate_fidelity),
        (teleported_qubit, np.eye(2), computing.teleported_state_fidelity),
    ],
)
def test_teleportation_over_any_pair_is_the_circuit(circuit, ideal, fidelity):
    """(d F + 1)/(d + 1) with the entanglement fidelity F = sum over operators K of |Tr(ideal' K)|^2/d^2."""
    states = random_states(4)
    values = fidelity(states)
    d = len(ideal)
    for rho, value in zip(states, values, strict=True):
        weights, vectors = np.linalg.eigh(rho)
        entanglement = sum(
            weight * abs(np.trace(ideal.T @ operator)) ** 2 / d**2
            for weight, vector in zip(weights, vectors.T, strict=True)
            for operator in circuit(vector)
        )
        assert math.isclose(value, (d * entanglement + 1) / (d + 1), rel_tol=1e-12)
        # the control: another Bell state's weight is not it
        assert abs(value - fidelity(il.bell.to_phi_plus(rho, "psi+"))) > 0.01


def test_keys_end_at_their_thresholds():
    for key, threshold in ((qkd.bbm92, 0.83496), (qkd.six_state, 0.81072)):
        assert key(werner(threshold - 1e-5)) == 0
        assert 0 < key(werner(threshold + 1e-5)) < 1e-3
        assert key([1, 0, 0, 0]) == key([0, 0, 0, 1]) == 1
        assert key([0.25] * 4) == 0
    assert qkd.device_independent(2.0, 0.0) == 0
    assert qkd.device_independent(1.0, 0.0) == 0
    assert math.isclose(qkd.device_independent(2 * math.sqrt(2), 0.0), 1, rel_tol=1e-7)
    # errors of 7.1 % with white noise: Acin et al. (2007)
    error = 0.0715
    for qber, positive in ((error - 5e-4, True), (error + 5e-4, False)):
        assert (qkd.device_independent(2 * math.sqrt(2) * (1 - 2 * qber), qber) > 0) == positive


def test_device_independent_keys_of_states_use_the_best_settings():
    fidelity = 0.97
    rho, weight = diagonal(werner(fidelity)), (4 * fidelity - 1) / 3
    expected = qkd.device_independent(2 * math.sqrt(2) * weight, (1 - weight) / 2)
    assert math.isclose(qkd.device_independent(rho), expected, rel_tol=1e-12)
    assert expected > 0.3
    # a pair that dephases keeps one basis without error, whatever local turns do to it
    rho = diagonal([0.9, 0.1, 0, 0])
    turn = np.kron(HADAMARD, np.eye(2))
    expected = qkd.device_independent(2 * math.sqrt(1 + 0.8**2), 0.0)
    for state in (rho, turn @ rho @ turn):
        assert math.isclose(qkd.device_independent(state), expected, rel_tol=1e-9)


def test_runs_and_exact_results_are_turned_to_phi_plus_and_mixed():
    # dark counts on one side of a splitter that is not balanced: psi+ and psi- differ
    link = il.basic_link(efficiency=(0.3, 0.2), reflectivity=0.4, mode_overlap=0.95, dark_count_rate_hz=1e5)
    run = link.sample(heralds=2000, seed=3)
    exact = link.exact()
    outcomes = exact.outcomes
    assert abs(outcomes["psi+"].fidelity - outcomes["psi-"].fidelity) > 0.01
    for pairs, fidelity in ((run, run.fidelity.value), (exact, exact.fidelity)):
        expected = (4 * fidelity + 1) / 5
        assert math.isclose(computing.teleported_gate_fidelity(pairs), expected, rel_tol=1e-12)
        for function in (qkd.bbm92, qkd.six_state, qkd.device_independent, clocks.differential_gain):
            assert isinstance(function(pairs), float)
    # each herald by itself, turned, then the mean
    names = np.array(il.BELL_STATES)[run.bell_state]
    mean = np.mean([il.bell.to_phi_plus(*pair) for pair in zip(run.states(), names, strict=True)], axis=0)
    assert math.isclose(qkd.six_state(run), qkd.six_state(mean), rel_tol=1e-12)
    assert math.isclose(clocks.differential_gain(run), math.sqrt(2) * 2 * abs(mean[0, 3]), rel_tol=1e-12)
    # the control: without the turn nothing is left
    assert qkd.six_state(run) > 0.1
    assert computing.teleported_gate_fidelity(np.mean(run.states(), axis=0)) < 0.5


def test_batches_are_their_members_one_by_one():
    states = random_states(5)
    for function in (
        computing.teleported_gate_fidelity,
        computing.teleported_state_fidelity,
        qkd.bbm92,
        qkd.six_state,
        qkd.device_independent,
        clocks.differential_gain,
    ):
        values = function(states)
        assert values.shape == (5,)
        np.testing.assert_allclose(values, [function(rho) for rho in states], rtol=1e-12)
        assert function(states[:0]).shape == (0,)
    fidelities = np.array([[0.5, 0.9, 1.0]])
    np.testing.assert_allclose(computing.teleported_gate_fidelity(fidelities), (4 * fidelities + 1) / 5)
    assert qkd.device_independent([2.5, 2.7], 0.01).shape == (2,)


@pytest.mark.parametrize(
    ("function", "arguments", "path"),
    [
        (computing.teleported_gate_fidelity, (1.1,), "bell_fidelity"),
        (computing.teleported_gate_fidelity, (math.nan,), "bell_fidelity"),
        (computing.teleported_state_fidelity, ("0.9",), "bell_fidelity"),
        (computing.teleported_state_fidelity, (True,), "bell_fidelity"),
        (computing.teleported_state_fidelity, (None,), "bell_fidelity"),
        (computing.teleported_state_fidelity, (0.5 * np.eye(4),), "bell_fidelity"),
        (qkd.bbm92, (0.9,), "bell_diagonal"),
        (qkd.bbm92, ([0.9, 0.1, 0.1, 0.0],), "bell_diagonal"),
        (qkd.bbm92, ([1.1, -0.1, 0.0, 0.0],), "bell_diagonal"),
        (qkd.six_state, ([[0.9, 0.1], [0.0]],), "bell_diagonal"),
        (qkd.six_state, (np.diag([1.5, -0.5, 0, 0]) + np.fliplr(np.eye(4)),), "bell_diagonal"),
        (qkd.device_independent, (2.9, 0.0), "chsh"),
        (qkd.device_independent, (2.5, -0.1), "qber"),
        (qkd.device_independent, (2.5,), "qber"),
        (qkd.device_independent, (np.eye(4) / 4, 0.1), "qber"),
        (clocks.differential_gain, (1.2,), "contrast"),
        (clocks.differential_gain, (1.0, 0.0), "product_contrast"),
    ],
)
def test_what_is_no_figure_and_no_pair_is_refused(function, arguments, path):
    with pytest.raises(il.ParameterError) as caught:
        function(*arguments)
    assert caught.value.path == path


def test_runs_without_heralds_are_refused():
    link = il.basic_link(efficiency=(0.1, 0.1))
    with pytest.raises(il.ParameterError, match="`bell_diagonal` must be a run or link with heralds"):
        qkd.bbm92(link.sample(attempts=0, seed=1))
    with pytest.raises(il.ParameterError, match="`bell_fidelity` must be a run or link with heralds"):
        computing.teleported_gate_fidelity(il.basic_link(efficiency=(0.0, 0.0)).exact())
    with pytest.raises(il.ParameterError, match="random_phase"):
        clocks.differential_gain(1.0, random_phase=1)


@pytest.mark.parametrize("name", ["bell", "apps", "apps.clocks", "apps.computing", "apps.qkd"])
def test_examples_of_the_modules_hold(name):
    module = importlib.import_module(f"ionlink.{name}")
    found = doctest.testmod(module)
    assert found.attempted > 0
    assert found.failed == 0
