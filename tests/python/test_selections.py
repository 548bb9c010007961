"""What follows from a run: tighter cuts, measurements, states without the cause, runs made of runs."""

import math

import numpy as np
import pytest

import ionlink as il

PAULIS = {
    "X": np.array([[0, 1], [1, 0]]),
    "Y": np.array([[0, -1j], [1j, 0]]),
    "Z": np.diag([1.0, -1.0]),
}
BASES = [first + second for first in PAULIS for second in PAULIS]


def expectation(rho, basis):
    return float(np.trace(rho @ np.kron(*(PAULIS[letter] for letter in basis))).real)


def deviation(products, expected):
    """How many standard deviations a mean of +1 and -1 lies from what was expected."""
    return abs(np.mean(products) - expected) / math.sqrt((1 - expected**2) / len(products) + 1e-12)


@pytest.fixture(scope="module")
def run(bright):
    return bright.sample(heralds=20_000, seed=3)


# --- select


@pytest.mark.parametrize(
    ("coincidence_window_s", "window_duration_s"), [(2e-9, None), (None, 12e-9), (5e-9, 20e-9), (0.0, 0.0)]
)
def test_a_cut_keeps_what_a_mask_keeps(run, coincidence_window_s, window_duration_s):
    part = run.select(coincidence_window_s, window_duration_s)
    first, second = run.click_time_s.T
    kept = np.ones(run.heralds, dtype=bool)
    if coincidence_window_s is not None:
        kept &= abs(first - second) <= coincidence_window_s
    if window_duration_s is not None:
        kept &= np.maximum(first, second) <= window_duration_s
    for column in ("attempt", "pattern", "cause", "click_time_s", "time_s", "bell_state"):
        np.testing.assert_array_equal(getattr(part, column), getattr(run, column)[kept])
    np.testing.assert_array_equal(part.states(), run.states()[kept])
    assert (part.attempts, part.duration_s, part.seed) == (run.attempts, run.duration_s, run.seed)
    assert part.herald_probability.value == kept.sum() / run.attempts
    assert part.herald_probability.low < part.herald_probability.high
    assert not part.attempt.flags.writeable
    assert (part.coincidence_window_s, part.window_duration_s) == (coincidence_window_s, window_duration_s)


def test_no_cut_keeps_everything(run):
    whole = run.select()
    np.testing.assert_array_equal(whole.attempt, run.attempt)
    assert whole.herald_probability.value == run.heralds / run.attempts


def test_cuts_add_up_and_are_told(run):
    both = run.select(coincidence_window_s=5e-9).select(window_duration_s=20e-9)
    assert both == run.select(5e-9, 20e-9)
    assert both.select(coincidence_window_s=8e-9) == both
    assert "5e-09" in str(both)
    assert "2e-08" in str(both)


def test_a_tighter_coincidence_window_raises_the_fidelity_of_detuned_photons():
    """Photons of different color stay coherent over short times only."""
    link = il.basic_link(efficiency=(0.5, 0.5), detuning_rad_per_s=(0.0, 2e8))
    run = link.sample(heralds=5000, seed=1)
    assert run.select(coincidence_window_s=1e-9).fidelity.low > run.fidelity.high


def test_cuts_apply_to_coincidences_and_blind_times_too():
    link = il.basic_link(
        efficiency=(0.4, 0.3), dark_count_rate_hz=2e5, window_duration_s=0.9e-6, dead_time_s=0.5e-6
    )
    run = link.sample(heralds=2000, seed=1, record_coincidences=True)
    part = run.select(coincidence_window_s=100e-9)
    kept = abs(np.subtract(*run.click_time_s.T)) <= 100e-9
    np.testing.assert_array_equal(part.blind_s, run.blind_s[kept])
    np.testing.assert_array_equal(part.states(), run.states()[kept])
    found = run.coincidences
    kept = abs(np.subtract(*found.click_time_s.T)) <= 100e-9
    np.testing.assert_array_equal(part.coincidences.attempt, found.attempt[kept])
    assert 0 < len(part.coincidences) < len(found)


@pytest.mark.parametrize("cut", [-1e-9, math.nan, math.inf, "1", True, [1e-9]])
@pytest.mark.parametrize("name", ["coincidence_window_s", "window_duration_s"])
def test_impossible_cuts_are_refused_by_name(run, name, cut):
    with pytest.raises(il.ParameterError) as caught:
        run.select(**{name: cut})
    assert caught.value.path == name


def test_a_window_longer_than_the_recorded_one_is_no_cut(run):
    with pytest.raises(il.ParameterError, match="at most the link's window"):
        run.select(window_duration_s=41e-9)


def test_a_missing_click_is_never_late(single):
    run = single.sample(heralds=2000, seed=1)
    part = run.select(window_duration_s=5e-9)
    kept = np.nanmax(run.click_time_s, axis=1) <= 5e-9
    assert 0 < kept.sum() < run.heralds
    np.testing.assert_array_equal(part.attempt, run.attempt[kept])
    np.testing.assert_array_equal(part.click_time_s, run.click_time_s[kept])
    np.testing.assert_array_equal(part.states(), run.states()[kept])
    np.testing.assert_array_equal(part.measure("ZZ", seed=1), run.measure("ZZ", seed=1)[kept])


def test_single_clicks_have_no_coincidence_window(single):
    run = single.sample(heralds=10, seed=1)
    with pytest.raises(il.ModelError, match="one click") as caught:
        run.select(coincidence_window_s=1e-9)
    assert caught.value.path == "coincidence_window_s"
    with pytest.raises(il.ModelError, match=r"`station\.coincidence_window_s`.*one click") as caught:
        single.replace({"station.coincidence_window_s": 1e-9})
    assert caught.value.path == "station.coincidence_window_s"


def test_a_cut_keeps_what_a_link_with_that_coincidence_window_keeps(bright):
    """Five standard deviations."""
    run = bright.sample(heralds=20_000, seed=1)
    narrow = bright.replace({"station.coincidence_window_s": 3e-9})
    exact, cut = narrow.exact(), run.select(coincidence_window_s=3e-9)
    for estimate, truth in (
        (cut.herald_probability, exact.herald_probability),
        (cut.fidelity, exact.fidelity),
    ):
        assert abs(estimate.value - truth) < 5 * (estimate.high - estimate.low) / (2 * 1.96)
    assert exact.herald_probability < bright.exact().herald_probability
    with pytest.raises(il.ParameterError, match="at most the link's coincidence window"):
        narrow.sample(heralds=5, seed=1).select(coincidence_window_s=4e-9)


# --- measure


def test_measurements_agree_with_the_mean_states(run):
    """Four standard deviations in 18 comparisons; the wrong Bell state is hundreds away."""
    for number, basis in enumerate(BASES):
        outcomes = run.measure(basis, seed=number)
        assert outcomes.shape == (run.heralds, 2)
        assert outcomes.dtype == np.int8
        assert set(np.unique(outcomes)) == {-1, 1}
        products = outcomes.prod(axis=1)
        for name, other in (("psi+", "psi-"), ("psi-", "psi+")):
            mine = products[run.bell_state == il.BELL_STATES.index(name)]
            assert deviation(mine, expectation(run.rho[name], basis)) < 4
            if basis in {"XX", "YY"}:
                assert deviation(mine, expectation(run.rho[other], basis)) > 100


def test_measurements_of_single_ions_agree_with_the_mean_states(run):
    rho = sum(run.rho[name] * np.mean(run.bell_state == il.BELL_STATES.index(name)) for name in run.rho)
    outcomes = run.measure("ZX", seed=5)
    assert deviation(outcomes[:, 0], float(np.trace(rho @ np.kron(PAULIS["Z"], np.eye(2))).real)) < 4
    assert deviation(outcomes[:, 1], float(np.trace(rho @ np.kron(np.eye(2), PAULIS["X"])).real)) < 4


def test_readout_errors_lower_the_contrast_of_each_ion(bright, run):
    """Each flips with probability e: (1 - 2 e_a)(1 - 2 e_b) remains; without it, the means are far away."""
    errors = (0.1, 0.04)
    noisy = bright.replace({f"nodes.{node}.errors.readout_error": error for node, error in enumerate(errors)})
    seen = noisy.sample(heralds=20_000, seed=3)
    np.testing.assert_array_equal(seen.attempt, run.attempt)
    np.testing.assert_array_equal(seen.states(slice(9)), run.states(slice(9)))
    contrast = math.prod(1 - 2 * error for error in errors)
    for number, basis in enumerate(("XX", "YY", "ZZ")):
        products = seen.measure(basis, seed=number).prod(axis=1)[seen.bell_state == 2]
        ideal = expectation(run.rho["psi+"], basis)
        assert deviation(products, contrast * ideal) < 4
        assert deviation(products, ideal) > 10


def test_equal_readout_errors_square(bright):
    noisy = bright.replace({"nodes.0.errors.readout_error": 0.1, "nodes.1.errors.readout_error": 0.1})
    run = noisy.sample(heralds=20_000, seed=4)
    products = run.measure("ZZ", seed=4).prod(axis=1)
    ideal = sum(
        expectation(run.rho[name], "ZZ") * np.mean(run.bell_state == il.BELL_STATES.index(name))
        for name in run.rho
    )
    assert deviation(products, (1 - 2 * 0.1) ** 2 * ideal) < 4


def test_measurements_follow_their_seed(run):
    first = run.measure("ZZ", seed=1)
    np.testing.assert_array_equal(run.measure("ZZ", seed=1), first)
    assert (run.measure("ZZ", seed=1 ^ 1) != first).any()
    assert (run.measure("ZZ") != run.measure("ZZ")).any()
    # outcomes belong to attempts, and each basis has its own random numbers
    kept = abs(np.subtract(*run.click_time_s.T)) <= 5e-9
    np.testing.assert_array_equal(run.select(5e-9).measure("ZZ", seed=1), first[kept])
    assert abs(np.mean(run.measure("XX", seed=1)[:, 0] * first[:, 0])) < 5 / run.heralds**0.5
    # the random numbers are not those that drew the run
    products = run.measure("ZZ", seed=run.seed).prod(axis=1)[run.bell_state == 2]
    assert deviation(products, expectation(run.rho["psi+"], "ZZ")) < 4


@pytest.mark.parametrize("basis", ["", "X", "XXX", "xx", "XI", "Ä", "\ud800Z", None, 7, b"XX"])
def test_unknown_bases_are_refused(run, basis):
    with pytest.raises(il.ParameterError, match="`basis` must be two of the letters X, Y, Z"):
        run.measure(basis, seed=1)


# --- states without the cause


def deviations(states, exact):
    """Of the real and imaginary parts of a mean state from the exact one, in standard deviations."""
    parts = np.concatenate([states.real.reshape(-1, 16), states.imag.reshape(-1, 16)], axis=1)
    expected = np.concatenate([exact.real.ravel(), exact.imag.ravel()])
    spread = parts.std(axis=0) / math.sqrt(len(parts))
    return np.abs(parts.mean(axis=0) - expected) / (spread + 1e-12)


@pytest.mark.parametrize("given", ["cause", "record"])
def test_states_have_the_exact_mean_with_and_without_the_cause(bright, run, given):
    """Four standard deviations in 64 comparisons; a link of another overlap is far away."""
    other = bright.replace({"mode_overlap": 0.8}).exact()
    for name, outcome in bright.exact().outcomes.items():
        states = run.states(run.bell_state == il.BELL_STATES.index(name), given=given)
        assert deviations(states, outcome.rho).max() < 4
        assert deviations(states, other.outcomes[name].rho).max() > 10


def test_without_the_cause_states_are_mixed(run):
    known, mixed = run.states(), run.states(given="record")
    np.testing.assert_allclose(np.trace(mixed, axis1=1, axis2=2), 1, atol=1e-12)
    np.testing.assert_array_equal(run.states(7, given="record"), mixed[7])
    np.testing.assert_array_equal(run.states(-1, given="record"), mixed[-1])
    # knowing less spreads the states less
    assert mixed.std(axis=0).sum() < known.std(axis=0).sum()


@pytest.mark.parametrize("given", ["nothing", "", None, 1, "\ud800"])
def test_other_conditions_are_refused(run, given):
    with pytest.raises(il.ParameterError, match='`given` must be "cause" or "record"'):
        run.states(given=given)


# --- merge


def test_runs_that_do_not_belong_together_are_refused(bright, stephenson):
    def part(link=bright, start=0, attempts=100, seed=1, **options):
        return link.sample(attempts=attempts, seed=seed, start_attempt=start, **options)

    wrong = {
        "one link": part(stephenson, 100),
        "one seed": part(start=100, seed=2),
        "one engine": part(start=100, engine="click"),
        "one stream version": il.Run(**{**vars(part(start=100)), "stream_version": 99}),
        "one coincidence window": part(start=100).select(coincidence_window_s=1e-9),
        "one selected window": part(start=100).select(window_duration_s=1e-9),
        r"gaps: 100 up to 101 are missing": part(start=101),
        r"overlap: 99 up to 100 are there twice": part(start=99),
    }
    for message, other in wrong.items():
        for runs in ([part(), other], [other, part()]):
            with pytest.raises(il.ParameterError, match=message) as caught:
                il.merge(runs)
            assert caught.value.path == "runs"
    with pytest.raises(il.ParameterError, match="whether to record coincidences"):
        il.merge([part(engine="click"), part(start=100, record_coincidences=True)])
    with pytest.raises(il.ParameterError, match="at least one run"):
        il.merge([])
    with pytest.raises(il.ParameterError, match="`runs` must be runs"):
        il.merge([part(), 7])


def test_a_whole_of_different_endings_counts_as_a_fixed_number_of_attempts(bright):
    first = bright.sample(heralds=100, seed=1)
    second = bright.sample(attempts=500, seed=1, start_attempt=first.attempts)
    whole = il.merge([first, second])
    assert (first.at_herald, second.at_herald, whole.at_herald) == (True, False, False)
    assert whole == bright.sample(attempts=first.attempts + 500, seed=1)
    assert whole.herald_probability.value == whole.heralds / whole.attempts
    again = il.merge([whole, bright.sample(heralds=10, seed=1, start_attempt=whole.attempts)])
    assert not again.at_herald


def test_cut_runs_merge_into_the_cut_whole(bright):
    parts = [bright.sample(attempts=500, seed=1, start_attempt=start) for start in (0, 500)]
    cut = il.merge(part.select(coincidence_window_s=2e-9) for part in parts)
    assert cut == il.merge(parts).select(coincidence_window_s=2e-9)


def test_equal_seeds_of_different_kinds_merge(bright):
    first = bright.sample(attempts=50, seed=5)
    second = bright.sample(attempts=50, seed=np.random.SeedSequence(5), start_attempt=50)
    assert il.merge([second, first]) == bright.sample(attempts=100, seed=5)
