"""Runs: one seed, one result, however it is asked for."""

import itertools
import math
import os
import pickle
import signal
import subprocess
import sys
import textwrap
import time

import numpy as np
import pytest

import ionlink as il
from ionlink import seeds

COLUMNS = ("attempt", "pattern", "cause", "click_time_s", "time_s", "bell_state")


def joined(runs, column):
    return np.concatenate([getattr(run, column) for run in runs])


def test_a_run_has_the_shapes_and_types_it_promises(bright):
    run = bright.sample(heralds=1000, seed=7)
    assert run.heralds == 1000
    shapes = {
        "attempt": np.uint64,
        "pattern": np.uint8,
        "cause": np.uint8,
        "time_s": float,
        "bell_state": np.uint8,
    }
    for name, dtype in shapes.items():
        column = getattr(run, name)
        assert column.shape == (1000,)
        assert column.dtype == dtype
        assert not column.flags.writeable
    assert run.click_time_s.shape == (1000, 2)
    assert not run.click_time_s.flags.writeable
    assert run.attempt[-1] + 1 == run.attempts
    assert np.all(np.diff(run.attempt.astype(np.int64)) > 0)
    assert np.all((run.click_time_s >= 0) & (run.click_time_s <= bright.station.window_duration_s))
    assert run.pattern_names == ("00+01", "10+11", "00+11", "10+01")
    assert run.patterns[0] == ((0, 0), (0, 1))
    assert {il.BELL_STATES[index] for index in run.bell_state} == {"psi+", "psi-"}
    assert run.pattern.max() < len(run.patterns)
    assert run.cause.max() < len(il.CAUSES)
    assert (run.engine, run.version, run.stream_version) == ("herald", il.__version__, il.STREAM_VERSION)
    assert run.link == bright
    assert run.ended == "planned"
    assert not run.interrupted


def test_estimates_agree_with_exact_results(bright):
    """Five standard deviations: a false alarm in two million."""
    run, exact = bright.sample(heralds=20_000, seed=11), bright.exact()
    for estimate, truth in (
        (run.herald_probability, exact.herald_probability),
        (run.rate_hz, exact.rate_hz),
        (run.fidelity, exact.fidelity),
        *((run.fidelities[name], exact.outcomes[name].fidelity) for name in exact.outcomes),
    ):
        deviation = (estimate.high - estimate.low) / (2 * 1.96)
        assert abs(estimate.value - truth) < 5 * deviation
    for name, outcome in exact.outcomes.items():
        # each element of a state is bounded by one, so its mean deviates by at most 1/sqrt(n)
        assert np.abs(run.rho[name] - outcome.rho).max() < 5 / math.sqrt(run.heralds / 2)


LINKS = {
    "time-bin": {
        "mode_overlap": 0.9,
        "coincidence_window_s": 10e-9,
        "detuning_rad_per_s": (0.0, 5e7),
        "phase_feed_forward": True,
    },
    "frequency": {"mode_overlap": 0.9, "mode_splitting_rad_per_s": 1e9, "dark_count_rate_hz": 1e4},
    "number": {
        "mode_overlap": 0.9,
        "bright_fraction": (0.1, 0.15),
        "phase_jitter_rad": 0.2,
        "dark_count_rate_hz": 1e5,
    },
    "ion-photon": {"dark_count_rate_hz": 1e6, "ion_photon_fidelity": (0.97, 1.0)},
}


@pytest.mark.parametrize("engine", ["photon", "click", "herald"])
@pytest.mark.parametrize("encoding", LINKS)
def test_engines_agree_with_exact_results_for_every_encoding(encoding, engine):
    """Five standard deviations: a false alarm in two million."""
    link = il.basic_link(encoding=encoding, efficiency=(0.4, 0.3), **LINKS[encoding])
    run, exact = link.sample(heralds=4000, seed=3, engine=engine), link.exact()
    estimate, truth = run.herald_probability, exact.herald_probability
    assert abs(estimate.value - truth) < 5 * (estimate.high - estimate.low) / (2 * 1.96)
    counts = np.bincount(run.pattern, minlength=len(run.patterns))
    for count, pattern in zip(counts, exact.patterns, strict=True):
        share = pattern.probability / exact.herald_probability
        assert abs(count - 4000 * share) <= 5 * math.sqrt(4000 * share * (1 - share))
        assert sum(pattern.by_cause) == pytest.approx(pattern.probability)
    causes = np.bincount(run.cause, minlength=len(il.CAUSES))
    expected = np.sum([pattern.by_cause for pattern in exact.patterns], axis=0) / exact.herald_probability
    assert np.all(np.abs(causes - 4000 * expected) <= 5 * np.sqrt(4000 * expected * (1 - expected)))
    for name, outcome in exact.outcomes.items():
        states = run.states(run.bell_state == il.BELL_STATES.index(name))
        assert np.abs(states.mean(axis=0) - outcome.rho).max() < 5 / math.sqrt(len(states))
        for given in ("cause", "record"):
            states = run.states(run.bell_state == il.BELL_STATES.index(name), given=given)
            assert np.abs(states.mean(axis=0) - outcome.rho).max() < 5 / math.sqrt(len(states))


def test_a_single_click_leaves_the_other_column_without_a_time(single):
    run = single.sample(heralds=500, seed=1)
    assert run.patterns == (((0, 0), None), (None, (1, 0)))
    assert run.pattern_names == ("0", "1")
    assert {il.CAUSES[cause] for cause in run.cause} == {"photon", "dark"}
    missing = np.isnan(run.click_time_s)
    np.testing.assert_array_equal(missing[:, 0], run.pattern == 1)
    np.testing.assert_array_equal(missing[:, 1], run.pattern == 0)
    times_s = run.click_time_s[~missing]
    assert np.all((times_s >= 0) & (times_s <= single.station.window_duration_s))
    np.testing.assert_allclose(np.trace(run.states(), axis1=1, axis2=2), 1.0, atol=1e-12)
    assert "photon-dark" not in str(run)
    parts = [single.sample(attempts=n, seed=9, start_attempt=start) for start, n in ((0, 10), (10, 90))]
    assert il.merge(parts) == single.sample(attempts=100, seed=9)
    sampler = single.sampler(seed=1)
    assert [sampler.next().attempt for _ in range(20)] == run.attempt[:20].tolist()


def test_coincidences_have_ports_modes_and_times(bright):
    found = bright.sample(heralds=300, seed=1, record_coincidences=True).coincidences
    n = len(found)
    assert n > 0
    assert found.attempt.shape == (n,)
    for name, dtype in (("port", np.uint8), ("mode", np.uint8), ("click_time_s", np.float64)):
        column = getattr(found, name)
        assert (column.shape, column.dtype) == ((n, 2), dtype)
    assert np.all(found.port == (0, 1))
    assert np.all(found.mode[:, 0] == found.mode[:, 1])
    assert set(found.mode[:, 0]) == {0, 1}


def test_states_are_density_matrices_and_follow_the_selection(bright):
    run = bright.sample(heralds=200, seed=3)
    states = run.states()
    assert states.shape == (200, 4, 4)
    assert states.dtype == np.complex128
    np.testing.assert_allclose(np.trace(states, axis1=1, axis2=2), 1.0, atol=1e-12)
    np.testing.assert_allclose(states, states.conj().swapaxes(1, 2), atol=1e-15)
    assert np.linalg.eigvalsh(states).min() > -1e-12
    mask = run.bell_state == 2
    for selection in (slice(10, 90, 3), np.array([5, 3, 3]), mask, [1, 2], -1, np.int64(4), slice(0, 0)):
        np.testing.assert_array_equal(run.states(selection), states[selection])
    with pytest.raises(IndexError):
        run.states(200)
    np.testing.assert_allclose(run.rho["psi+"], states[mask].mean(axis=0), atol=1e-14)


def test_mean_states_in_parts_are_the_mean_of_all(bright):
    run = bright.sample(heralds=500, seed=3)  # the core begins with 16 and doubles
    whole = run.states()
    for name, rho in run.rho.items():
        np.testing.assert_allclose(
            rho, whole[run.bell_state == il.BELL_STATES.index(name)].mean(axis=0), atol=1e-14
        )


def test_an_empty_run_has_no_states_and_wide_open_estimates(bright):
    run = bright.sample(heralds=0, seed=1)
    assert (run.heralds, run.attempts) == (0, 0)
    assert run.states().shape == (0, 4, 4)
    assert np.isnan(run.rho["psi+"]).all()
    assert str(run)
    run = bright.sample(attempts=0, seed=1)
    assert run.heralds == 0


@pytest.mark.parametrize("threads", [2, 7])
def test_threads_change_nothing(stephenson, threads):
    assert stephenson.sample(heralds=1500, seed=5, threads=1) == stephenson.sample(
        heralds=1500, seed=5, threads=threads
    )
    assert stephenson.sample(attempts=4e6, seed=5, threads=1) == stephenson.sample(
        attempts=4_000_000, seed=5, threads=threads
    )


def test_ten_attempts_and_ninety_are_a_hundred(bright):
    parts = [bright.sample(attempts=10, seed=9), bright.sample(attempts=90, seed=9, start_attempt=10)]
    whole = bright.sample(attempts=100, seed=9)
    assert sum(part.heralds for part in parts) == whole.heralds > 0
    for column in COLUMNS:
        np.testing.assert_array_equal(joined(parts, column), getattr(whole, column))


def test_heralds_and_attempts_tell_the_same_story(bright):
    run = bright.sample(heralds=321, seed=2)
    same = bright.sample(attempts=run.attempts, seed=2)
    np.testing.assert_array_equal(run.attempt, same.attempt)
    np.testing.assert_array_equal(run.click_time_s, same.click_time_s)


def test_a_stream_is_one_big_sample(bright):
    runs = list(itertools.islice(bright.stream(chunk=100, seed=4, start_attempt=17), 5))
    assert [run.heralds for run in runs] == [100] * 5
    whole = bright.sample(heralds=500, seed=4, start_attempt=17)
    for column in COLUMNS:
        np.testing.assert_array_equal(joined(runs, column), getattr(whole, column))
    assert sum(run.attempts for run in runs) == whole.attempts


def test_a_stream_from_a_generator_keeps_one_seed(bright):
    runs = list(itertools.islice(bright.stream(chunk=50, seed=np.random.default_rng(1)), 3))
    assert len({run.seed for run in runs}) == 1
    np.testing.assert_array_equal(joined(runs, "attempt"), bright.sample(150, seed=runs[0].seed).attempt)


def test_laboratory_time_counts_pauses(stephenson):
    """500 attempts of 1 us and a pause of 100 us: 600 us per burst."""
    run = stephenson.sample(duration_s=0.6, seed=1)
    assert run.attempts == 500_000
    assert run.duration_s <= 0.6
    assert stephenson.sample(duration_s=550e-6, seed=1).attempts == 500
    assert stephenson.sample(duration_s=0, seed=1).attempts == 0
    later = stephenson.sample(duration_s=0.6, seed=1, start_attempt=500_000)
    assert later.attempts == 500_000
    np.testing.assert_allclose(run.time_s, (run.attempt + 1) * 1e-6 + run.attempt // 500 * 100e-6, rtol=1e-12)


@pytest.mark.parametrize(
    "seed",
    [
        0,
        2**200,
        np.uint8(5),
        np.random.SeedSequence(3, spawn_key=(1, 2)),
        np.random.SeedSequence([1, 2**40]),
        np.random.default_rng(1),
        np.random.Generator(np.random.MT19937(1)),
        np.random.Philox(1),
        None,
    ],
    ids=str,
)
def test_the_reported_seed_replays_the_run(bright, seed):
    run = bright.sample(heralds=50, seed=seed)
    assert bright.sample(heralds=50, seed=run.seed) == run


def test_keys_are_those_of_numpy_seed_sequences():
    for entropy in (0, 1, 7, 2**32, 2**64 - 1, 2**128 + 5, 3**200):
        expected = tuple(np.random.SeedSequence(entropy).generate_state(2, np.uint64).tolist())
        assert seeds.key(entropy) == expected


def test_seeds_of_different_kinds_but_equal_keys_give_equal_runs(bright):
    assert bright.sample(100, seed=5) == bright.sample(100, seed=np.random.SeedSequence(5))
    assert bright.sample(100, seed=5) != bright.sample(100, seed=6)


def test_generators_move_on_and_unseeded_runs_differ(bright):
    generator = np.random.default_rng(8)
    assert bright.sample(50, seed=generator).seed != bright.sample(50, seed=generator).seed
    assert bright.sample(50).seed != bright.sample(50).seed
    spawned = np.random.SeedSequence(1).spawn(2)
    assert bright.sample(50, seed=spawned[0]) != bright.sample(50, seed=spawned[1])


@pytest.mark.parametrize("seed", [-1, 1.0, True, "7", b"7", [1, 2], np.random.RandomState(1), float("nan")])
def test_other_seeds_are_refused(bright, seed):
    with pytest.raises(il.ParameterError, match="`seed` must be a whole number"):
        bright.sample(heralds=1, seed=seed)


def test_the_observer_hears_of_progress_and_may_end_the_run(stephenson):
    seen = []
    run = stephenson.sample(
        heralds=20_000,
        seed=1,
        engine="photon",
        threads=1,
        progress=lambda done, total: seen.append((done, total)),
    )
    assert seen
    assert all(total == 20_000 for _, total in seen)
    assert seen == sorted(seen)

    def enough(done, total):
        raise LookupError("enough")

    with pytest.raises(LookupError, match="enough") as caught:
        stephenson.sample(heralds=10**6, seed=1, engine="photon", progress=enough)
    partial = caught.value.partial
    assert partial.interrupted
    assert 0 < partial.heralds < 10**6
    np.testing.assert_array_equal(partial.attempt[:20_000], run.attempt[: partial.heralds])


@pytest.mark.skipif(os.name == "nt", reason="no pseudo-terminals")
@pytest.mark.parametrize("tqdm", [True, False])
def test_progress_is_shown_on_a_terminal_with_or_without_tqdm(tqdm):
    import pty
    import termios

    hide = "" if tqdm else "import sys; sys.modules['tqdm'] = None; "
    script = (
        f"{hide}import ionlink as il; link = il.presets.load('stephenson2020');"
        "link.sample(20_000, seed=1, engine='photon', progress=True)"
    )
    leader, follower = pty.openpty()
    termios.tcsetwinsize(follower, (24, 80))
    os.set_blocking(leader, False)
    subprocess.run([sys.executable, "-W", "error", "-c", script], stderr=follower, check=True, timeout=60)
    shown = os.read(leader, 100_000).decode()
    os.close(follower)
    os.close(leader)
    assert "heralds" in shown
    assert "Error" not in shown


def test_nothing_is_shown_where_there_is_no_terminal(stephenson, capfd):
    stephenson.sample(20_000, seed=1, engine="photon", progress=True)
    assert capfd.readouterr() == ("", "")


def test_runs_survive_pickling(bright):
    run = bright.sample(heralds=100, seed=np.random.SeedSequence(1))
    twin = pickle.loads(pickle.dumps(run))
    assert twin == run
    assert not twin.attempt.flags.writeable


def test_results_print_themselves(stephenson):
    text = str(stephenson.exact())
    for word in ("herald probability", "1/s", "psi+", "leakage", "mean time"):
        assert word in text
    run = stephenson.sample(heralds=200, seed=7)
    for word in ("200", "seed", "psi-", "stream version", "photon-photon"):
        assert word in str(run)
    assert "seed 7" in repr(run)
    assert str(il.Estimate(0.9403, 0.9393, 0.9413)) == "0.9403(5)"
    assert f"{il.Estimate(0.9403, 0.9393, 0.9413):>12}" == "   0.9403(5)"
    assert f"{il.Estimate(0.9403, 0.9393, 0.9413):.2f}" == "0.94"


INTERRUPTED = """
    import sys, time
    import ionlink as il
    link = il.presets.load("stephenson2020")
    print("ready", flush=True)
    try:
        link.sample(heralds=10**8, seed=1, engine="photon", threads=int(sys.argv[1]))
    except KeyboardInterrupt as interrupt:
        caught, run = time.time(), interrupt.partial
        assert run.interrupted and run.heralds and run.attempts > run.attempt[-1]
        same = link.sample(attempts=run.attempts, seed=1, engine="photon")
        assert (same.attempt == run.attempt).all()
        print(caught)
"""


@pytest.mark.skipif(os.name == "nt", reason="SIGINT cannot be sent to one process")
@pytest.mark.parametrize("threads", [1, 2])
def test_ctrl_c_ends_a_run_at_once_and_keeps_what_was_drawn(threads, ended):
    script = textwrap.dedent(INTERRUPTED)
    with subprocess.Popen(
        [sys.executable, "-c", script, str(threads)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == "ready\n"
        time.sleep(0.5)
        sent = time.time()
        process.send_signal(signal.SIGINT)
        output = ended(process)[0]
    assert process.returncode == 0
    assert float(output) - sent < 0.1
