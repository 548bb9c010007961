"""After the herald: memories, a field that both ions share, published states; against Kraus sums in NumPy."""

import dataclasses
import math
import pickle
import tomllib

import numpy as np
import pytest

import ionlink as il

ONE = np.eye(2)
X, Y, Z = np.array([[0, 1], [1, 0]]), np.array([[0, -1j], [1j, 0]]), np.diag([1, -1])
PUBLISHED = np.array(
    [
        [0.02, 0.01j, 0, 0],
        [-0.01j, 0.5, 0.44 + 0.1j, 0.02],
        [0, 0.44 - 0.1j, 0.47, 0],
        [0, 0.02, 0, 0.01],
    ]
)


def on(node, operator):
    return np.kron(operator, ONE) if node == 0 else np.kron(ONE, operator)


def through(rho, node, kraus):
    return sum(on(node, k) @ rho @ on(node, k).conj().T for k in kraus)


def forgetting(p):
    return [math.sqrt(1 - 0.75 * p) * ONE, *(math.sqrt(p / 4) * pauli for pauli in (X, Y, Z))]


def stored(rho, node, memory, wait_s):
    """A memory as Kraus operators, in the order of the equations."""
    decayed = 1 - math.exp(-wait_s / memory.t1_s)
    damping = [np.diag([1, math.sqrt(1 - decayed)]), np.array([[0, math.sqrt(decayed)], [0, 0]])]
    t2_s = memory.t2_s * max(memory.decoupling_pulses, 1) ** memory.decoupling_exponent
    flip = (1 - math.exp(-((wait_s / t2_s) ** {"exponential": 1, "gaussian": 2}[memory.decay]))) / 2
    rho = through(rho, node, damping)
    rho = through(rho, node, [math.sqrt(1 - flip) * ONE, math.sqrt(flip) * Z])
    rho = through(rho, node, [np.diag([1, np.exp(1j * memory.frequency_offset_rad_per_s * wait_s)])])
    rho = through(rho, node, forgetting(1 - (1 - memory.decoupling_pulse_error) ** memory.decoupling_pulses))
    return through(rho, node, forgetting(1 - math.exp(-memory.loss_rate_hz * wait_s)))


def shared(rho, waits_s, time_s):
    """Mean over the Gaussian offset of the field, by Gauss and Hermite's rule."""
    points, weights = np.polynomial.hermite_e.hermegauss(120)
    total = np.zeros((4, 4), complex)
    for point, weight in zip(points, weights / weights.sum(), strict=True):
        turns = [np.exp(1j * point * math.sqrt(2) / time_s * wait_s) for wait_s in waits_s]
        unitary = np.kron(np.diag([1, turns[0]]), np.diag([1, turns[1]]))
        total += weight * unitary @ rho @ unitary.conj().T
    return total


MEMORIES = {
    "t1": il.Memory(t1_s=0.8, wait_s=0.3),
    "t2": il.Memory(t2_s=0.8, wait_s=0.3),
    "gaussian": il.Memory(t2_s=0.8, decay="gaussian", wait_s=0.3),
    "loss": il.Memory(loss_rate_hz=0.4, wait_s=0.3),
    "offset": il.Memory(frequency_offset_rad_per_s=2.5, wait_s=0.3),
    "pulses": il.Memory(t2_s=0.1, decoupling_pulses=20, decoupling_pulse_error=1e-3, wait_s=0.3),
    "all": il.Memory(
        t1_s=2.0,
        t2_s=0.4,
        decay="gaussian",
        loss_rate_hz=0.2,
        frequency_offset_rad_per_s=-1.5,
        wait_s=0.25,
        decoupling_pulses=5,
        decoupling_exponent=0.5,
        decoupling_pulse_error=2e-3,
    ),
}


def changed(link, memories, **changes):
    nodes = {f"nodes.{node}.memory": memory for node, memory in enumerate(memories)}
    return link.replace({**nodes, **changes})


@pytest.mark.parametrize("name", MEMORIES)
def test_exact_states_are_the_kraus_sums_of_the_states_before(bright, name):
    memory, other = MEMORIES[name], il.Memory(t2_s=3.0, t1_s=5.0, wait_s=0.6)
    after = changed(bright, (memory, other)).exact()
    before = bright.exact()
    assert math.isclose(after.herald_probability, before.herald_probability, rel_tol=1e-14)
    for bell, outcome in before.outcomes.items():
        expected = stored(stored(outcome.rho, 0, memory, memory.wait_s), 1, other, 0.6)
        np.testing.assert_allclose(after.outcomes[bell].rho, expected, atol=1e-14)
        assert abs(after.outcomes[bell].rho - outcome.rho).max() > 1e-2


def test_local_errors_come_before_the_memory(bright):
    """A rotation and damping do not commute: the other order is another state."""
    errors = il.LocalErrors(rotation_rad=(0.7, 0.0, 0.0))
    memory = il.Memory(t1_s=0.5, wait_s=0.5)
    link = bright.replace({"nodes.0.errors": errors, "nodes.0.memory": memory})
    rho = bright.exact().outcomes["psi+"].rho
    turn = [math.cos(0.35) * ONE - 1j * math.sin(0.35) * X]
    first = stored(through(rho, 0, turn), 0, memory, 0.5)
    second = through(stored(rho, 0, memory, 0.5), 0, turn)
    np.testing.assert_allclose(link.exact().outcomes["psi+"].rho, first, atol=1e-14)
    assert abs(first - second).max() > 0.05


@pytest.mark.parametrize("waits_s", [(0.2, 0.2), (0.1, 0.35)])
def test_a_shared_field_is_the_mean_over_its_offsets(bright, waits_s):
    memories = [il.Memory(wait_s=wait_s) for wait_s in waits_s]
    state = il.HeraldedState(PUBLISHED, bell_state="psi+")
    link = changed(bright, memories, collective_t2_s=0.3, heralded_state=state)
    rho = link.exact().outcomes["psi+"].rho
    np.testing.assert_allclose(rho, shared(PUBLISHED, waits_s, 0.3), atol=1e-13)


def test_psi_is_immune_to_a_shared_field_and_phi_decays_four_times_as_fast(bright):
    immune = changed(bright, [il.Memory(wait_s=0.2)] * 2, collective_t2_s=0.1)
    for bell, outcome in bright.exact().outcomes.items():
        np.testing.assert_allclose(
            immune.exact().outcomes[bell].rho[1:3, 1:3], outcome.rho[1:3, 1:3], atol=1e-15
        )
    phi = np.zeros((4, 4))
    phi[np.ix_([0, 3], [0, 3])] = 0.5
    # measured for phi+ and announced psi+: X on ion B, back again for the comparison
    link = il.basic_link(encoding="polarization", efficiency=(0.1, 0.1), memory=il.Memory(wait_s=0.1))
    state = il.HeraldedState(phi, bell_state="psi+")  # in the wrong Bell state on purpose
    rho = link.replace({"collective_t2_s": 0.2, "heralded_state": state}).exact().outcomes["psi+"].rho
    assert math.isclose(rho[0, 3].real, 0.5 * math.exp(-4 * 0.25), rel_tol=1e-13)


def test_a_memory_never_waits_without_a_path_and_waits_for_light_with_one():
    basic = il.basic_link(efficiency=(0.1, 0.1), memory=il.Memory(t2_s=1e-4))
    assert basic.exact().fidelity == il.basic_link(efficiency=(0.1, 0.1)).exact().fidelity
    fiber = il.Fiber(length_m=2000.0, attenuation_db_per_km=0.0, group_index=1.5)
    far = basic.replace({"paths": ((fiber,), ()), "schedule.attempt_period_s": 1e-3})
    kept = math.exp(-2 * far.sources[0].path_delay_s / 1e-4)
    assert math.isclose(far.exact().fidelity, (1 + kept) / 2, rel_tol=1e-12)
    given = far.replace({"nodes.0.memory.wait_s": 1e-4, "nodes.1.memory.wait_s": 2e-4})
    assert math.isclose(given.exact().fidelity, (1 + math.exp(-3)) / 2, rel_tol=1e-12)


@pytest.mark.parametrize("given", ["cause", "record"])
def test_states_of_a_run_average_to_the_exact_state(bright, given):
    link = changed(bright, [MEMORIES["all"], MEMORIES["t1"]], collective_t2_s=0.5)
    run = link.sample(heralds=20_000, seed=5)
    plain = bright.sample(heralds=20_000, seed=5)
    np.testing.assert_array_equal(run.attempt, plain.attempt)
    states = run.states(given=given)
    for bell, outcome in link.exact().outcomes.items():
        mine = states[run.bell_state == il.BELL_STATES.index(bell)]
        spread = mine.std(axis=0) / math.sqrt(len(mine))
        # five standard deviations of each of 16 elements; rounding where none varies
        assert (abs(mine.mean(axis=0) - outcome.rho) < 5 * spread + 1e-12).all()
        assert abs(mine.mean(axis=0) - bright.exact().outcomes[bell].rho).max() > 0.05
    # herald by herald it is the channel of the state without a memory
    for index in range(20):
        rho = stored(plain.states(index, given=given), 0, MEMORIES["all"], 0.25)
        rho = shared(stored(rho, 1, MEMORIES["t1"], 0.3), (0.25, 0.3), 0.5)
        np.testing.assert_allclose(states[index], rho, atol=1e-13)
    herald = link.sampler(seed=5).next()
    np.testing.assert_array_equal(herald.rho, run.states(0))


def test_losses_add_to_the_leakage(bright):
    leaky = bright.replace({"nodes.0.emission.excitation_probability": 0.9})
    before = leaky.exact().leakage
    assert before > 0
    after = changed(leaky, [il.Memory(loss_rate_hz=0.5, wait_s=0.2), il.Memory(loss_rate_hz=1.0, wait_s=0.3)])
    assert math.isclose(after.exact().leakage, 1 - (1 - before) * math.exp(-0.4), rel_tol=1e-12)


def test_the_budget_of_memories_gains_what_their_removal_does(bright):
    link = changed(bright, [MEMORIES["all"], MEMORIES["pulses"]], collective_t2_s=0.5)
    removals = {
        "memory_t1": ("memory.t1_s", math.inf),
        "memory_t2": ("memory.t2_s", math.inf),
        "memory_loss": ("memory.loss_rate_hz", 0.0),
        "field_difference": ("memory.frequency_offset_rad_per_s", 0.0),
        "decoupling_errors": ("memory.decoupling_pulse_error", 0.0),
    }
    budget, fidelity = link.error_budget(), link.exact().fidelity
    for mechanism, (field, value) in removals.items():
        better = link.replace({f"nodes.{node}.{field}": value for node in (0, 1)})
        assert abs(better.exact().fidelity - fidelity - budget[mechanism].off) < 1e-14
        assert budget[mechanism].off > 1e-4
    better = link.replace({"collective_t2_s": math.inf})
    assert abs(better.exact().fidelity - fidelity - budget["collective_dephasing"].off) < 1e-14


def test_an_ion_photon_link_has_the_memory_of_its_ion():
    memory = il.Memory(t1_s=0.5, t2_s=0.3, wait_s=0.2)
    link = il.basic_link(encoding="ion-photon", efficiency=(0.2, 0.2), dark_count_rate_hz=1e4)
    rho = link.replace({"nodes.0.memory": memory}).exact().outcomes["phi+"].rho
    expected = stored(link.exact().outcomes["phi+"].rho, 0, memory, 0.2)
    np.testing.assert_allclose(rho, expected, atol=1e-14)
    with pytest.raises(il.ModelError, match="`collective_t2_s`") as error:
        link.replace({"collective_t2_s": 1.0})
    assert error.value.path == "collective_t2_s"


# --- published states


def test_every_herald_is_in_the_published_state(bright):
    state = il.HeraldedState(PUBLISHED, bell_state="psi+")
    link = bright.replace({"heralded_state": state})
    exact, before = link.exact(), bright.exact()
    assert math.isclose(exact.herald_probability, before.herald_probability, rel_tol=1e-14)
    assert exact.leakage == 0
    turned = on(1, Z) @ PUBLISHED @ on(1, Z)
    np.testing.assert_allclose(exact.outcomes["psi+"].rho, PUBLISHED, atol=1e-15)
    np.testing.assert_allclose(exact.outcomes["psi-"].rho, turned, atol=1e-15)
    run, plain = link.sample(heralds=2000, seed=1), bright.sample(heralds=2000, seed=1)
    for column in ("attempt", "pattern", "cause", "click_time_s"):
        np.testing.assert_array_equal(getattr(run, column), getattr(plain, column))
    expected = np.where((run.bell_state == 2)[:, None, None], PUBLISHED, turned)
    for given in ("cause", "record"):
        np.testing.assert_allclose(run.states(given=given), expected, atol=1e-14)
    assert math.isclose(run.fidelity.value, il.bell.fidelity(PUBLISHED, "psi+"), rel_tol=1e-12)
    np.testing.assert_allclose(link.sampler(seed=1).next().rho, expected[0], atol=1e-14)
    # 5 standard deviations of a mean of ±1
    zz = run.measure("ZZ", seed=2).prod(axis=1).mean()
    assert abs(zz - np.trace(PUBLISHED @ np.kron(Z, Z)).real) < 5 * math.sqrt((1 - 0.94**2) / 2000)


@pytest.mark.parametrize("measured", il.BELL_STATES)
def test_a_pauli_operator_carries_the_published_state_to_what_is_announced(bright, measured):
    fidelity = il.bell.fidelity(PUBLISHED, measured)
    link = bright.replace({"heralded_state": il.HeraldedState(PUBLISHED, bell_state=measured)})
    for bell, outcome in link.exact().outcomes.items():
        assert math.isclose(outcome.fidelity, fidelity, rel_tol=1e-13)
        images = [on(1, pauli) @ PUBLISHED @ on(1, pauli).conj().T for pauli in (ONE, X, Y, Z)]
        assert min(abs(outcome.rho - image).max() for image in images) < 1e-15
        assert math.isclose(il.bell.fidelity(outcome.rho, bell), fidelity, rel_tol=1e-13)


def test_the_memory_begins_where_the_published_state_ends(bright):
    link = changed(
        bright, [MEMORIES["all"], None], heralded_state=il.HeraldedState(PUBLISHED, bell_state="psi+")
    )
    np.testing.assert_allclose(
        link.exact().outcomes["psi+"].rho, stored(PUBLISHED, 0, MEMORIES["all"], 0.25), atol=1e-14
    )
    assert math.isclose(link.exact().leakage, 1 - math.exp(-0.2 * 0.25), rel_tol=1e-12)


def test_the_budget_has_the_published_state_as_one_row(bright):
    link = bright.replace({"heralded_state": il.HeraldedState(PUBLISHED, bell_state="psi+")})
    budget = link.error_budget()
    assert math.isclose(budget["heralded_state"].alone, 1 - (0.485 + 0.44), rel_tol=1e-12)
    assert abs(budget.remainder) < 1e-14
    assert all(abs(row.off) < 1e-14 for row in budget if row.mechanism != "heralded_state")


def test_local_errors_beside_a_published_state_are_refused_but_for_the_readout(bright):
    link = bright.replace({"heralded_state": il.HeraldedState(PUBLISHED, bell_state="psi+")})
    for path, value in (
        ("nodes.1.errors.ion_photon_fidelity", 0.99),
        ("nodes.1.errors.rotation_rad", (0.1, 0, 0)),
        ("nodes.1.errors.depolarizing_probability", 0.1),
        ("nodes.1.errors.dephasing_probability", 0.1),
    ):
        with pytest.raises(il.ModelError, match=r"`nodes\.1\.errors`"):
            link.replace({path: value})
    with pytest.raises(il.ModelError, match="`phase_feed_forward`"):
        link.replace({"phase_feed_forward": True})
    read = link.replace({"nodes.1.errors.readout_error": 0.1})
    assert read.exact().fidelity == link.exact().fidelity


def test_a_heralded_state_takes_a_matrix_or_its_parts_and_comes_back_equal(bright, tmp_path):
    state = il.HeraldedState(PUBLISHED, bell_state="psi+")
    assert state == il.HeraldedState(real=PUBLISHED.real, imag=PUBLISHED.imag.tolist(), bell_state="psi+")
    assert state != il.HeraldedState(PUBLISHED, bell_state="psi-")
    np.testing.assert_array_equal(state.rho, PUBLISHED)
    assert pickle.loads(pickle.dumps(state)) == state
    assert hash(pickle.loads(pickle.dumps(state))) == hash(state)
    assert eval(repr(state), {"HeraldedState": il.HeraldedState}) == state
    assert dataclasses.replace(state, bell_state="phi+").rho.tolist() == PUBLISHED.tolist()
    with pytest.raises(dataclasses.FrozenInstanceError):
        state.bell_state = "phi+"
    link = changed(bright, [MEMORIES["all"], None], heralded_state=state, collective_t2_s=2.0)
    link.to_toml(tmp_path / "link.toml")
    assert il.Link.from_toml(tmp_path / "link.toml") == link
    assert tomllib.loads((tmp_path / "link.toml").read_text())["heralded_state"]["bell_state"] == "psi+"
    assert il.HeraldedState(np.eye(4) / 4, bell_state="phi-").imag == ((0.0,) * 4,) * 4


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "`rho`"),
        ({"rho": PUBLISHED, "real": PUBLISHED.real}, "`rho`"),
        ({"rho": PUBLISHED, "imag": PUBLISHED.imag}, "`imag`"),
        ({"rho": PUBLISHED[:3]}, "`real`"),
        ({"rho": [[1.0], [1.0, 2.0]]}, "`rho`"),
        ({"rho": 0.999 * PUBLISHED}, "nearest_state"),
        ({"rho": PUBLISHED + 1e-6 * np.eye(4, k=1)}, "Hermitian"),
        ({"rho": np.diag([0.6, 0.6, -0.2, 0.0])}, r"-2\.000e-1.*|.*nearest_state"),
        ({"rho": np.full((4, 4), np.nan)}, r"`real\.0\.0`"),
        ({"rho": PUBLISHED, "bell_state": "psi"}, "`bell_state`"),
        ({"rho": "psi+"}, "`real`"),
    ],
)
def test_matrices_that_are_no_states_are_refused(arguments, message):
    with pytest.raises(il.ParameterError, match=message):
        il.HeraldedState(**{"bell_state": "psi+", **arguments})


# --- memories and readouts as parameters


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("t1_s", 0.0),
        ("t2_s", math.nan),
        ("decay", "linear"),
        ("loss_rate_hz", -1.0),
        ("frequency_offset_rad_per_s", math.inf),
        ("wait_s", -1.0),
        ("wait_s", "late"),
        ("wait_s", [1.0]),
        ("wait_s", True),
        ("decoupling_pulses", -1),
        ("decoupling_pulses", 1.5),
        ("decoupling_exponent", 3.0),
        ("decoupling_pulse_error", 1.1),
    ],
)
def test_memories_outside_their_domain_are_refused(field, value):
    with pytest.raises(il.ParameterError, match=f"`{field}`"):
        il.Memory(**{field: value})
    with pytest.raises(il.ParameterError) as error:
        il.basic_link(efficiency=(0.1, 0.1), memory=il.Memory()).replace({f"nodes.1.memory.{field}": value})
    assert error.value.path == f"nodes.1.memory.{field}"


def seen(rho, operators, errors):
    """Probabilities of ++, +-, -+, -- by the table of misreadings of each ion."""
    tables = [np.array([[1 - zero, one], [zero, 1 - one]]) for zero, one in errors]
    projectors = [[(ONE + sign * operator) / 2 for sign in (1, -1)] for operator in operators]
    true = [np.trace(rho @ np.kron(a, b)).real for a in projectors[0] for b in projectors[1]]
    return np.kron(*tables) @ true


@pytest.mark.parametrize("basis", ["ZZ", "XX", "YZ"])
def test_unequal_misreadings_have_their_probabilities(bright, basis):
    errors = ((0.02, 0.15), (0.2, 0.0))
    link = bright.replace({"heralded_state": il.HeraldedState(PUBLISHED, bell_state="psi+")}).replace(
        {
            "station.accepted_patterns": ["psi+"],
            **{f"nodes.{node}.errors.readout_error": error for node, error in enumerate(errors)},
        }
    )
    assert link.node_a.errors.readout_error == errors[0]
    run = link.sample(heralds=40_000, seed=1)
    outcomes = run.measure(basis, seed=2)
    counts = np.bincount((outcomes < 0) @ [2, 1], minlength=4)
    operators = [{"X": X, "Y": Y, "Z": Z}[letter] for letter in basis]

    def chi_square(errors):
        expected = run.heralds * seen(PUBLISHED, operators, errors)
        return ((counts - expected) ** 2 / expected).sum()

    # beyond 27.9 with probability 4e-6 for three degrees of freedom
    assert chi_square(errors) < 27.9
    assert chi_square([error[::-1] for error in errors]) > 1000
    assert chi_square([(sum(error) / 2,) * 2 for error in errors]) > 500


def test_a_pair_of_equal_readout_errors_is_one(bright):
    one = bright.replace({"nodes.0.errors.readout_error": 0.1})
    two = bright.replace({"nodes.0.errors.readout_error": (0.1, 0.1)})
    runs = [link.sample(heralds=500, seed=1).measure("ZX", seed=1) for link in (one, two)]
    np.testing.assert_array_equal(*runs)
    for wrong, path in ((1.5, ""), ((0.1,), ""), ((0.1, -0.1), ".1"), ("no", "")):
        with pytest.raises(il.ParameterError) as error:
            il.LocalErrors(readout_error=wrong)
        assert error.value.path == f"readout_error{path}"
