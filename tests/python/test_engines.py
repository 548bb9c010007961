"""Engines: one seed, one result, however it is cut into calls, threads, chunks or single heralds."""

import itertools
import math
import os
import subprocess
import sys
import time

import numpy as np
import pytest

import ionlink as il

ENGINES = ("photon", "click", "herald")
COLUMNS = ("attempt", "pattern", "cause", "click_time_s", "time_s", "bell_state")
SEED = 0b1011_0110


@pytest.fixture(scope="module")
def blind():
    """Detectors that stay blind into the next window, so that attempts depend on each other."""
    return il.basic_link(
        efficiency=(0.4, 0.3), dark_count_rate_hz=2e5, window_duration_s=0.9e-6, dead_time_s=0.5e-6
    )


def assert_same_heralds(runs, whole):
    """Bit for bit, column by column."""
    for column in COLUMNS:
        joined = np.concatenate([getattr(run, column) for run in runs])
        assert joined.tobytes() == getattr(whole, column).tobytes(), column


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("threads", [2, 7])
def test_threads_change_nothing_with_any_engine(bright, engine, threads):
    options = {"heralds": 40_000, "engine": engine}
    one = bright.sample(**options, seed=SEED, threads=1)
    assert one.engine == engine
    many = bright.sample(**options, seed=SEED, threads=threads)
    assert many == one
    assert_same_heralds([many], one)


@pytest.mark.parametrize("engine", ENGINES)
def test_one_bit_of_the_seed_changes_everything(bright, engine):
    runs = [bright.sample(heralds=1000, seed=seed, engine=engine) for seed in (SEED, SEED ^ 1)]
    assert runs[0] != runs[1]
    for column in ("attempt", "click_time_s"):
        assert np.mean(getattr(runs[0], column) == getattr(runs[1], column)) < 0.05


def test_engines_draw_different_heralds_of_one_distribution(bright):
    """Five standard deviations: a false alarm in two million per comparison."""
    runs = [bright.sample(heralds=20_000, seed=SEED, engine=engine) for engine in ENGINES]
    assert len({run.attempt.tobytes() for run in runs}) == len(ENGINES)
    for run in runs:
        for estimate, exact in (
            (run.herald_probability, bright.exact().herald_probability),
            (run.fidelity, bright.exact().fidelity),
        ):
            deviation = (estimate.high - estimate.low) / (2 * 1.96)
            assert abs(estimate.value - exact) < 5 * deviation


@pytest.mark.parametrize("engine", ENGINES)
def test_ten_attempts_and_ninety_are_a_hundred_with_any_engine(bright, engine):
    options = {"seed": SEED, "engine": engine}
    parts = [
        bright.sample(attempts=10, **options),
        bright.sample(attempts=90, **options, start_attempt=10),
    ]
    whole = bright.sample(attempts=100, **options)
    assert whole.heralds > 0
    assert_same_heralds(parts, whole)
    assert il.merge(parts) == whole


@pytest.mark.parametrize("engine", ENGINES)
def test_merged_runs_are_the_big_run(bright, engine):
    options = {"seed": SEED, "engine": engine}
    starts = [0, 1, 777, 50_000, 50_000, 120_001]
    parts = [
        bright.sample(attempts=end - start, start_attempt=start, **options)
        for start, end in itertools.pairwise(starts)
    ]
    whole = bright.sample(attempts=120_001, **options)
    merged = il.merge(reversed(parts))
    assert merged == whole
    assert merged.herald_probability == whole.herald_probability
    assert_same_heralds([merged], whole)
    assert not merged.attempt.flags.writeable
    assert merged != bright.sample(attempts=120_001, seed=SEED ^ 1, engine=engine)
    assert il.merge(parts[:1]) == parts[0]


@pytest.mark.parametrize("engine", ENGINES)
def test_chunks_of_a_stream_are_one_big_sample(bright, engine):
    stream = bright.stream(chunk=1500, seed=SEED, engine=engine, start_attempt=17)
    runs = list(itertools.islice(stream, 4))
    whole = bright.sample(heralds=6000, seed=SEED, engine=engine, start_attempt=17)
    assert_same_heralds(runs, whole)
    # every part ended with its last herald, and so does the whole: its estimate is that of such a run
    assert il.merge(runs) == whole
    assert il.merge(runs).herald_probability == whole.herald_probability


@pytest.mark.parametrize("engine", ENGINES)
def test_a_sampler_draws_the_heralds_of_a_run(bright, engine):
    run = bright.sample(heralds=9000, seed=SEED, engine=engine)
    sampler = bright.sampler(seed=SEED, engine=engine)
    assert (sampler.engine, sampler.seed, sampler.link) == (engine, SEED, bright)
    heralds = [sampler.next() for _ in range(run.heralds)]
    for column in ("attempt", "time_s", "bell_state", "cause"):
        values = np.array([getattr(herald, column) for herald in heralds], dtype=getattr(run, column).dtype)
        assert values.tobytes() == getattr(run, column).tobytes(), column
    assert np.array([herald.rho for herald in heralds]).tobytes() == run.states().tobytes()
    other = bright.sampler(seed=SEED ^ 1, engine=engine)
    assert [other.next().attempt for _ in range(9)] != run.attempt[:9].tolist()


def test_a_sampler_waits_until_it_is_told(bright):
    run = bright.sample(attempts=200_000, seed=SEED)
    starts_s = run.time_s - bright.schedule.attempt_period_s
    sampler = bright.sampler(seed=SEED)
    seen = 0
    for not_before_s in (0.0, 1e-3, 0.5e-3, 20e-3, 20e-3, 150e-3):
        herald = sampler.next(not_before_s)
        expected = max(seen, np.searchsorted(starts_s, not_before_s - 1e-12))
        assert herald.attempt == run.attempt[expected]
        assert herald.time_s == run.time_s[expected]
        seen = expected + 1
    assert type(herald) is il.Herald
    assert herald._fields == ("attempt", "time_s", "bell_state", "cause", "rho")
    assert herald.rho.shape == (4, 4)
    assert herald.rho.dtype == np.complex128
    assert "seed 182" in repr(sampler)


def test_samplers_refuse_impossible_times_seeds_engines_and_links(bright):
    sampler = bright.sampler(seed=1)
    for not_before_s in (math.nan, math.inf, 1e300, 10**400, "1", None, 1j):
        with pytest.raises(il.ParameterError, match="not_before_s"):
            sampler.next(not_before_s)
    assert sampler.next(-1.0).attempt == bright.sampler(seed=1).next().attempt
    with pytest.raises(il.ParameterError, match="`seed`"):
        bright.sampler(seed=-1)
    with pytest.raises(il.ParameterError, match="`engine` must be one of"):
        bright.sampler(engine="fast")
    with pytest.raises(il.ModelError, match="never heralds"):
        il.basic_link(efficiency=(0.0, 0.0)).sampler()


def test_the_cheapest_exact_engine_is_taken_and_the_run_says_why(bright, blind):
    runs = {
        "herald": bright.sample(heralds=10, seed=1),
        "click": bright.sample(heralds=10, seed=1, record_coincidences=True),
    }
    for engine, run in runs.items():
        assert run.engine == engine
        assert run.engine_reason
    assert "remember" in blind.sample(heralds=10, seed=1).engine_reason
    assert bright.sample(heralds=10, seed=1, engine="photon").engine_reason == "as asked"
    # the reason is no part of what was drawn
    assert bright.sample(heralds=10, seed=1, engine="herald") == runs["herald"]


def test_detectors_that_remember_have_no_exact_results_but_can_be_sampled(blind):
    for impossible in (
        blind.exact,
        blind.error_budget,
        lambda: blind.sample(heralds=1, engine="herald"),
        lambda: blind.sampler(engine="herald"),
        lambda: blind.stream(engine="herald"),
    ):
        with pytest.raises(il.ModelError, match="dead time") as caught:
            impossible()
        assert "dead_time_s" in caught.value.path
    run = blind.sample(heralds=3000, seed=SEED)
    assert run.engine == "click"
    assert run.blind_s.shape == (3000, 4)
    assert run.blind_s.dtype == np.float64
    assert not run.blind_s.flags.writeable
    assert (run.blind_s > 0).any()
    assert np.all((run.blind_s >= 0) & (run.blind_s <= blind.station.window_duration_s))
    assert run.states().shape == (3000, 4, 4)
    np.testing.assert_array_equal(run.states(5), run.states()[5])
    assert str(run)


def test_a_dead_time_that_fits_into_the_gap_changes_nothing(bright):
    short = bright.replace({"station.detectors.dead_time_s": 0.9e-6})
    assert short.exact().fidelity == bright.exact().fidelity
    run = short.sample(heralds=100, seed=1)
    assert run.blind_s is None
    np.testing.assert_array_equal(run.attempt, bright.sample(heralds=100, seed=1).attempt)


@pytest.mark.parametrize("engine", ["photon", "click"])
def test_the_seed_contract_holds_for_detectors_that_remember(blind, engine):
    options = {"seed": SEED, "engine": engine}
    whole = blind.sample(attempts=30_000, **options)
    assert blind.sample(attempts=30_000, **options, threads=7) == whole
    parts = [
        blind.sample(attempts=10, **options),
        blind.sample(attempts=90, **options, start_attempt=10),
        blind.sample(attempts=29_900, **options, start_attempt=100),
    ]
    assert il.merge(parts) == whole
    assert il.merge(parts).herald_probability == whole.herald_probability
    sampler = blind.sampler(**options)
    assert [sampler.next().attempt for _ in range(500)] == whole.attempt[:500].tolist()


def test_coincidences_are_clicks_in_one_mode_and_different_ports(bright):
    run = bright.sample(attempts=50_000, seed=SEED, record_coincidences=True)
    found = run.coincidences
    assert len(found) == len(found.attempt) > 100
    assert (found.attempt.dtype, found.port.dtype, found.mode.dtype) == (np.uint64, np.uint8, np.uint8)
    assert found.port.shape == found.mode.shape == found.click_time_s.shape == (len(found), 2)
    assert np.all(found.port == [0, 1])
    assert np.all(found.mode[:, 0] == found.mode[:, 1])
    assert set(found.mode[:, 0]) == {0, 1}
    assert np.all(np.diff(found.attempt.astype(np.int64)) > 0)
    assert not np.isin(found.attempt, run.attempt).any()
    assert np.all((found.click_time_s >= 0) & (found.click_time_s <= bright.station.window_duration_s))
    assert not any(getattr(found, name).flags.writeable for name in ("attempt", "port", "mode"))
    assert f"{len(found)}" in repr(found)
    assert bright.sample(attempts=100, seed=1).coincidences is None


def test_equal_photons_never_coincide_and_different_ones_do():
    """Hong, Ou and Mandel: two equal photons leave a balanced splitter together."""
    for overlap, expected in ((1.0, False), (0.0, True)):
        link = il.basic_link(efficiency=(0.5, 0.5), mode_overlap=overlap)
        run = link.sample(attempts=20_000, seed=1, record_coincidences=True)
        assert (len(run.coincidences) > 0) == expected


def test_coincidences_keep_the_seed_contract(bright):
    options = {"seed": SEED, "record_coincidences": True}
    whole = bright.sample(heralds=6000, **options, threads=2)
    assert whole == bright.sample(heralds=6000, **options, threads=1)
    runs = list(itertools.islice(bright.stream(chunk=2000, **options), 3))
    assert il.merge(runs) == whole
    assert len(il.merge(runs).coincidences) == len(whole.coincidences) > 0
    assert bright.sample(heralds=6000, seed=SEED ^ 1, record_coincidences=True) != whole
    # recording changes nothing else
    np.testing.assert_array_equal(
        bright.sample(heralds=6000, seed=SEED, engine="click").attempt, whole.attempt
    )


def test_the_herald_engine_knows_no_coincidences(bright):
    for impossible in (bright.sample, bright.stream):
        with pytest.raises(il.ModelError, match="`click` or `photon`"):
            impossible(10, engine="herald", record_coincidences=True)


@pytest.mark.parametrize("threads", [1, 2])
def test_a_run_ends_when_its_results_are_precise_enough(bright, threads):
    until = il.RelativePrecision(herald_probability=0.02, fidelity=0.01)
    run = bright.sample(heralds=10**7, seed=SEED, until=until, threads=threads)
    assert run.ended == "enough"
    assert not run.interrupted
    assert 0 < run.heralds < 10**7
    for name in ("herald_probability", "fidelity"):
        estimate = getattr(run, name)
        assert (estimate.high - estimate.low) / 2 <= getattr(until, name) * estimate.value
    assert "enough" in str(run)
    # the same heralds as without a precision, and the same end on any number of threads
    assert run == bright.sample(heralds=10**7, seed=SEED, until=until, threads=3 - threads)
    assert run.attempt.tobytes() == bright.sample(attempts=run.attempts, seed=SEED).attempt.tobytes()


def test_a_precision_that_is_not_reached_changes_nothing(bright):
    until = il.RelativePrecision(fidelity=1e-9)
    run = bright.sample(heralds=1000, seed=SEED, until=until, timeout_s=1e6)
    assert run == bright.sample(heralds=1000, seed=SEED)
    assert run.ended == "planned"


def test_a_run_ends_when_its_time_is_over(stephenson):
    begun_s = time.perf_counter()
    run = stephenson.sample(heralds=10**7, seed=SEED, timeout_s=0.2, engine="photon", threads=1)
    assert time.perf_counter() - begun_s < 20
    assert run.ended == "enough"
    assert 0 < run.heralds < 10**7
    assert stephenson.sample(heralds=10**6, seed=SEED, timeout_s=0).ended == "enough"


@pytest.mark.parametrize(
    ("arguments", "path"),
    [
        ({}, None),
        ({"fidelity": 0.0}, "fidelity"),
        ({"fidelity": -1}, "fidelity"),
        ({"fidelity": 0.51}, "fidelity"),
        ({"herald_probability": math.nan}, "herald_probability"),
        ({"herald_probability": math.inf}, "herald_probability"),
        ({"herald_probability": "1"}, "herald_probability"),
        ({"fidelity": True}, "fidelity"),
    ],
)
def test_impossible_precisions_are_refused(arguments, path):
    with pytest.raises(il.ParameterError) as caught:
        il.RelativePrecision(**arguments)
    assert caught.value.path == path


def test_windows_must_end_before_the_next_attempt():
    with pytest.raises(il.ParameterError, match=r"`window_duration_s` must be at most the attempt period"):
        il.basic_link(efficiency=(0.1, 0.1), window_duration_s=2e-6)


SIMD = """
import hashlib
import ionlink as il

links = [
    il.basic_link(efficiency=(0.2, 0.3), dark_count_rate_hz=1e6),
    il.basic_link(efficiency=(0.4, 0.3), window_duration_s=0.9e-6, dead_time_s=0.5e-6),
    il.basic_link(encoding="number", efficiency=(0.3, 0.2), bright_fraction=(0.1, 0.15)),
    il.presets.load("stephenson2020"),
]
for link in links:
    for engine in ("photon", "click", "herald"):
        try:
            run = link.sample(heralds=2000, seed=5, engine=engine)
        except il.ModelError:
            continue
        digest = hashlib.sha256(run.attempt.tobytes() + run.click_time_s.tobytes() + run.cause.tobytes())
        print(engine, run.attempts, digest.hexdigest())
"""


def run_with_instructions(name):
    command = [sys.executable, "-c", SIMD]
    environment = {**os.environ, "IONLINK_SIMD": name}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_vector_instructions_change_nothing():
    baseline, best = (run_with_instructions(name) for name in ("baseline", ""))
    assert baseline.returncode == 0, baseline.stderr
    assert len(baseline.stdout.splitlines()) == 11
    assert baseline.stdout == best.stdout


def test_unknown_vector_instructions_are_refused():
    refused = run_with_instructions("mmx")
    assert refused.returncode != 0
    assert 'IONLINK_SIMD` must be "baseline", or "avx2"' in refused.stderr
    assert 'got "mmx"' in refused.stderr
