"""When attempts happen: computed periods, rounds of several ions, reloading after losses."""

import numpy as np
import pytest

import ionlink as il

TRAIN = il.Schedule(attempt_period_s=10e-6, ions_per_round=10)
LOSSY = il.Schedule(
    attempt_period_s=1e-6, attempts_per_burst=1000, pause_s=1e-4, ion_loss_rate_hz=500.0, reload_s=0.01
)


def link_of(schedule, **changes):
    return il.basic_link(**{"efficiency": (0.3, 0.3), **changes}, schedule=schedule)


@pytest.mark.parametrize(
    ("p", "ions", "round_s", "expected"),
    [(0.002, 10, 5e-4, 39.64191329610115), (1e-4, 44, 1.2e-4, 36.587943586964606)],
)
def test_rates_of_rounds_are_those_of_the_formula(p, ions, round_s, expected):
    """Reference rows MUX.rate: (1 - (1 - p)^m)/T."""
    efficiency = (2 * p) ** 0.5
    schedule = il.Schedule(attempt_period_s=round_s, ions_per_round=ions)
    link = link_of(schedule, efficiency=(efficiency,) * 2, lifetime_s=(1e-15, 1e-15))
    assert link.exact().rate_hz == pytest.approx(expected, rel=1e-9)
    assert link.exact().herald_probability == pytest.approx((1 - (1 - p) ** ions) / ions, rel=1e-9)


@pytest.mark.parametrize(
    ("burst", "pause_s", "expected"), [(None, 0.0, 0.005), (1000, 2e-4, 0.005903231442603861)]
)
def test_the_first_herald_takes_the_time_of_the_formula(burst, pause_s, expected):
    """Reference rows TIME.first; the period is the sum of its parts here."""
    schedule = il.Schedule(
        cooling_s=6e-7, preparation_s=3e-7, decision_s=1e-7, attempts_per_burst=burst, pause_s=pause_s
    )
    link = link_of(schedule, efficiency=(0.02, 0.02), lifetime_s=(1e-15, 1e-15))
    assert link.attempt_period_s == pytest.approx(1e-6, rel=1e-12)
    assert link.exact().mean_time_s == pytest.approx(expected, rel=1e-9)


def test_a_computed_period_follows_the_fibers():
    """Twice the longer way to the station, cooling, and the station's decision."""

    def node(name):
        return il.Node(
            name,
            emission=il.Emission(lifetime_s=8e-9),
            collection=il.MeasuredEfficiency(0.1, includes=("collection",)),
        )

    def link(**schedule):
        fibers = [
            [il.Fiber(length_m=length_m, attenuation_db_per_km=0.2, group_index=1.5)]
            for length_m in (400.0, 1000.0)
        ]
        return il.Link(
            node("a"),
            node("b"),
            paths=fibers,
            station=il.Station(window_duration_s=40e-9),
            schedule=il.Schedule(**schedule),
        )

    delays_s = [1.5 * length_m / 299_792_458 for length_m in (400.0, 1000.0)]
    far = link(cooling_s=3e-6, decision_s=2e-7)
    assert far.attempt_period_s == pytest.approx(2 * delays_s[1] + 3.2e-6, rel=1e-12)
    assert far.herald_delay_s == pytest.approx([delay_s + 2e-7 for delay_s in delays_s], rel=1e-12)
    spool = link(cooling_s=3e-6, return_delay_s=0.0)
    assert spool.attempt_period_s == pytest.approx(delays_s[1] + 3e-6, rel=1e-12)
    assert spool.herald_delay_s == (0.0, 0.0)
    assert link(attempt_period_s=1e-3).attempt_period_s == 1e-3
    longer = far.replace({"paths.0.0.length_m": 3000.0})
    assert longer.attempt_period_s == pytest.approx(2 * 7.5 * delays_s[0] + 3.2e-6, rel=1e-12)


def test_a_schedule_without_a_period_is_refused():
    with pytest.raises(il.ParameterError) as caught:
        link_of(il.Schedule())
    assert caught.value.path == "schedule.attempt_period_s"
    assert "cooling" in str(caught.value)
    with pytest.raises(
        il.ParameterError, match="`window_duration_s` must be at most the spacing of the ions"
    ):
        link_of(il.Schedule(attempt_period_s=1e-6, ions_per_round=4, ion_spacing_s=30e-9))


@pytest.mark.parametrize("engine", ["photon", "click", "herald"])
def test_a_round_has_one_herald_at_most(engine):
    link = link_of(TRAIN, efficiency=(0.7, 0.7))
    run = link.sample(attempts=200_000, seed=3, engine=engine)
    rounds = run.attempt // np.uint64(10)
    assert len(np.unique(rounds)) == run.heralds
    assert run.herald_probability.low < link.exact().herald_probability < run.herald_probability.high
    ions = run.attempt % np.uint64(10)
    ends = 10e-6 * (rounds + 1.0) - 1e-6 * (9 - ions.astype(float))
    np.testing.assert_allclose(run.time_s, ends, rtol=1e-13)
    assert run.duration_s == pytest.approx(0.2, rel=1e-12)
    parts = [
        link.sample(attempts=count, start_attempt=start, seed=3, engine=engine, threads=2)
        for start, count in ((0, 57), (57, 99_999), (100_056, 99_944))
    ]
    merged = il.merge(parts)
    assert np.array_equal(merged.attempt, run.attempt)
    assert merged == run


def test_rounds_are_counted_in_laboratory_time():
    link = link_of(TRAIN)
    assert link.ion_spacing_s == pytest.approx(1e-6, rel=1e-12)
    assert link.sample(duration_s=1e-3, seed=1).attempts == 1000
    assert link.sample(duration_s=0.9955e-3, seed=1).attempts == 995
    assert "rate" in str(link.exact())


def test_losses_move_times_and_nothing_else():
    link, plain = (
        link_of(LOSSY),
        link_of(il.Schedule(attempt_period_s=1e-6, attempts_per_burst=1000, pause_s=1e-4)),
    )
    run, same = link.sample(attempts=200_000, seed=5), plain.sample(attempts=200_000, seed=5)
    assert np.array_equal(run.attempt, same.attempt)
    assert run.herald_probability == same.herald_probability
    losses = (run.time_s - same.time_s) / 0.01
    np.testing.assert_allclose(losses, np.round(losses), atol=1e-9)
    assert np.all(np.diff(np.round(losses)) >= 0)
    assert np.all(np.diff(run.time_s) > 0)
    # 200,000 attempts of 1 µs at 500 losses per second, four standard deviations
    assert abs(round((run.duration_s - same.duration_s) / 0.01) - 100) < 40
    assert run.rate_hz.value == pytest.approx(same.rate_hz.value * 1.1 / 6.1, rel=1e-12)
    assert link.exact().rate_hz == pytest.approx(plain.exact().rate_hz * 1.1 / 6.1, rel=1e-12)
    other = link.sample(attempts=200_000, seed=6)
    assert other.duration_s != run.duration_s


def test_mean_rates_are_those_of_long_runs():
    """Heralds per second over many laboratories; without losses they would be 5.5 times as many."""
    link = link_of(LOSSY)
    runs = [link.sample(duration_s=1.0, seed=seed) for seed in range(200)]
    counts = np.array([run.heralds for run in runs])
    spread = counts.std() / np.sqrt(len(counts))
    # the second ends within an attempt or its reloading: below 6 µs and 10 ms times the chance of it
    assert counts.mean() == pytest.approx(link.exact().rate_hz, abs=4 * spread + 0.01 * link.exact().rate_hz)
    assert all(run.duration_s <= 1.0 for run in runs)
    assert all(run.time_s[-1] <= 1.0 for run in runs)


def test_times_do_not_depend_on_cuts_engines_and_storage(tmp_path):
    link = link_of(LOSSY)
    run = link.sample(attempts=100_000, seed=5)
    parts = [
        link.sample(attempts=count, start_attempt=start, seed=5, threads=2)
        for start, count in ((0, 12_345), (12_345, 87_655))
    ]
    assert np.array_equal(np.concatenate([part.time_s for part in parts]), run.time_s)
    merged = il.merge(parts)
    assert np.array_equal(merged.time_s, run.time_s)
    assert merged.duration_s == run.duration_s
    for engine in ("photon", "click"):
        other = link.sample(attempts=100_000, seed=5, engine=engine)
        assert other.duration_s == run.duration_s
    sampler = link.sampler(seed=5)
    assert [sampler.next().time_s for _ in range(run.heralds)] == run.time_s.tolist()
    chunks = link.stream(100, seed=5)
    streamed = np.concatenate([next(chunks).time_s for _ in range(3)])
    assert np.array_equal(streamed, run.time_s[:300])
    for ending in ("npz", "parquet"):
        path = tmp_path / f"run.{ending}"
        run.save(path)
        again = il.load_run(path)
        assert again == run
        assert np.array_equal(again.time_s, run.time_s)
    assert np.array_equal(run.to_arrow()["time_s"], run.time_s)
    assert np.array_equal(run.to_pandas()["time_s"], run.time_s)
    within = link.sample(duration_s=run.time_s[200], seed=5)
    assert within.attempts == run.attempt[200] + 1
    assert within.time_s[-1] == run.time_s[200]


def test_a_time_after_the_start_counts_from_there():
    link = link_of(LOSSY)
    whole = link.sample(attempts=50_000, seed=8)
    first = link.sample(duration_s=0.05, seed=8)
    second = link.sample(duration_s=0.05, seed=8, start_attempt=first.attempts)
    both = il.merge([first, second])
    assert np.array_equal(both.time_s, whole.time_s[: both.heralds])


def test_more_losses_than_can_be_counted_are_refused():
    link = link_of(LOSSY)
    with pytest.raises(il.ModelError, match="ion_loss_rate_hz") as caught:
        link.sample(attempts=2**50, seed=1)
    assert caught.value.path == "schedule.ion_loss_rate_hz"
    with pytest.raises(il.ModelError):
        link.sample(duration_s=1e30, seed=1)
    with pytest.raises(il.ModelError):
        link.sampler(seed=1).next(not_before_s=1e30)


def test_schedules_survive_a_round_trip(tmp_path):
    schedule = il.Schedule(
        cooling_s=1e-5,
        decision_s=1e-6,
        ions_per_round=3,
        ion_spacing_s=2e-6,
        ion_loss_rate_hz=1.0,
        reload_s=30.0,
    )
    link = link_of(schedule)
    link.to_toml(tmp_path / "link.toml")
    assert il.Link.from_toml(tmp_path / "link.toml") == link
