"""The picture of blocking: shares, intervals that hold for bunches, Erlang's formula, what is refused."""

import math

import numpy as np
import pytest

import ionlink as il

matplotlib = pytest.importorskip("matplotlib")
LINK = il.basic_link(efficiency=(0.2, 0.2), attempt_period_s=1e-5)
RATES, REQUESTS, BLOCKED = [300.0, 100.0, 200.0], [3000, 1000, 2000], [300, 10, 90]


@pytest.fixture(autouse=True)
def pyplot():
    matplotlib.use("Agg")
    from matplotlib import pyplot

    yield pyplot
    pyplot.close("all")


def curves(ax):
    """x, y, and the ends of the intervals of each curve, by its label."""
    found = {}
    for container in ax.containers:
        line, _, (bars,) = container.lines
        ends = np.array([segment[:, 1] for segment in bars.get_segments()]).reshape(-1, 2)
        found[container.get_label()] = (*line.get_data(), *ends.T)
    return found


def curve(ax):
    (found,) = curves(ax).values()
    return found


def test_arrays_are_drawn_in_order_with_intervals_of_independent_requests():
    ax = il.plot.blocking((RATES, REQUESTS, BLOCKED))
    load, share, low, high = curve(ax)
    assert load.tolist() == [100, 200, 300]
    np.testing.assert_allclose(share, [1.0, 4.5, 10.0])
    # 10 of 1000: Clopper and Pearson's interval, from tables
    assert (low[0], high[0]) == (pytest.approx(0.4806, abs=1e-4), pytest.approx(1.8314, abs=1e-4))
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("requests (1/s)", "blocked requests (%)")


def test_points_where_nothing_came_are_left_out():
    load, share, *_ = curve(il.plot.blocking(([1.0, 2.0], [0, 10], [0, 0])))
    assert (load.tolist(), share.tolist()) == ([2.0], [0.0])
    assert not curve(il.plot.blocking(([], [], [])))[0].size


def test_several_runs_give_the_interval_between_them():
    requests, blocked = np.array([[100, 200, 300]]), np.array([[0, 40, 90]])
    _, share, low, high = curve(il.plot.blocking(([5.0], requests, blocked)))
    # p = 130/600; residuals b - p n; t of two degrees of freedom is 4.303
    p = 130 / 600
    squares = (0 - p * 100) ** 2 + (40 - p * 200) ** 2 + (90 - p * 300) ** 2
    half = 4.303 * math.sqrt(3 / 2 * squares) / 600
    assert share[0] == pytest.approx(100 * p)
    assert (low[0], high[0]) == (pytest.approx(100 * max(p - half, 0)), pytest.approx(100 * (p + half), 1e-4))
    # runs that agree better than independent requests could do not make the interval narrower than theirs
    alone = curve(il.plot.blocking(([5.0], [400], [40])))
    agreed = curve(il.plot.blocking(([5.0], [[100] * 4], [[10] * 4])))
    np.testing.assert_array_equal(agreed, alone)


def loss_system(rng, servers, load, requests, warm=30):
    """Blocked requests of an M/M/c/c system after `warm` others, by a loop over arrivals."""
    now, busy, blocked = 0.0, [], 0
    count = warm + requests
    gaps, services = rng.exponential(1 / load, count).tolist(), rng.exponential(1.0, count).tolist()
    for number, (gap, service) in enumerate(zip(gaps, services, strict=True)):
        now += gap
        busy = [end for end in busy if end > now]
        if len(busy) < servers:
            busy.append(now + service)
        elif number >= warm:
            blocked += 1
    return blocked


def test_intervals_hold_erlangs_share_although_requests_are_blocked_in_bunches():
    """Of 200 intervals of 95 % more than 24 miss with probability 3e-5; those of independent requests do."""
    rng = np.random.default_rng(7)
    size, runs, trials = 250, 4, 200
    expected = 100 * (3**3 / 6) / sum(3**k / math.factorial(k) for k in range(4))
    blocked = np.array([[loss_system(rng, 3, 3.0, size) for _ in range(runs)] for _ in range(trials)])
    requests, loads = np.full((trials, runs), size), np.arange(1.0, trials + 1)
    _, _, low, high = curve(il.plot.blocking((loads, requests, blocked)))
    assert np.sum((low > expected) | (high < expected)) <= 24
    _, _, low, high = curve(il.plot.blocking((loads, requests.sum(axis=1), blocked.sum(axis=1))))
    assert np.sum((low > expected) | (high < expected)) > 24


def test_erlangs_formula_is_the_sum_over_states():
    ax = il.plot.blocking((RATES, REQUESTS, BLOCKED), servers=4, service_s=0.02)
    (line,) = [one for one in ax.lines if one.get_label() == "Erlang B, 4 servers"]
    rates_hz, shares = line.get_data()
    assert rates_hz[-1] == pytest.approx(315.0)
    for rate_hz, share in zip(rates_hz[::40], shares[::40], strict=True):
        terms = [(0.02 * rate_hz) ** k / math.factorial(k) for k in range(5)]
        assert share == pytest.approx(100 * terms[4] / sum(terms))


def pool(rate_hz=20.0):
    network = il.Network()
    for name in "abcd":
        network.add_node(name, communication_ions=4)
    network.add_station("pool", count=2, discipline="loss")
    for pair in ("ab", "bc", "cd"):
        network.add_link(LINK, tuple(pair), station="pool")
        network.demand(*pair, rate_hz=rate_hz)
    return network


def test_runs_of_equal_load_are_taken_together():
    runs = [(300.0, pool(100.0).run(0.5, seed=seed, states="mean")) for seed in range(3)]
    runs += [(30.0, pool(10.0).run(0.5, seed=seed, states="mean")) for seed in range(3)]
    load, share, low, high = curve(il.plot.blocking(runs, label="two analyzers"))
    assert load.tolist() == [30.0, 300.0]
    came, refusals = counts(runs).sum(axis=2)
    np.testing.assert_allclose(share, (100 * refusals / came)[::-1])
    by_hand = il.plot.blocking(([300.0, 30.0], *counts(runs)), label="two analyzers")
    np.testing.assert_array_equal(curve(by_hand), (load, share, low, high))
    with pytest.raises(il.ParameterError, match="equally many runs of each load"):
        il.plot.blocking(runs[1:])


def counts(runs):
    """Requests and blocked ones: a row for each load, a column for each run."""
    return np.array([run.requests.sum(axis=0) for _, run in runs]).reshape(2, 3, 2).transpose(2, 0, 1)


def test_sweeps_are_drawn_against_the_requests_that_came():
    pytest.importorskip("xarray")
    values = {"demands.*.rate_hz": [50.0, 200.0], "stations.pool.count": [1, 2, 3]}
    parts = [il.sweep(pool(), values, duration_s=0.5, repetitions=2, seed=seed) for seed in (1, 2)]
    found = curves(il.plot.blocking(parts[0], label="pool"))
    assert list(found) == [f"pool, stations.pool.count = {count}" for count in (1, 2, 3)]
    for number, (load, share, *_) in enumerate(found.values()):
        here = parts[0].isel({"stations.pool.count": number})
        np.testing.assert_allclose(load, here.sampled_requests / 1.0)
        np.testing.assert_allclose(share, 100 * here.sampled_blocked / here.sampled_requests)
    both = parts[0].sampled_requests + parts[1].sampled_requests
    for number, (load, share, *_) in enumerate(curves(il.plot.blocking(parts)).values()):
        np.testing.assert_allclose(load, both[:, number] / 2.0)
        blocked = sum(part.sampled_blocked for part in parts)
        np.testing.assert_allclose(share, 100 * blocked[:, number] / both[:, number])
    other = curves(il.plot.blocking(parts[0], along="stations.pool.count"))
    assert list(other) == ["demands.*.rate_hz = 50", "demands.*.rate_hz = 200"]
    zipped = {"demands.0.rate_hz": [50.0, 200.0], "demands.1.rate_hz": [200.0, 800.0]}
    data = il.sweep(pool(), zipped, duration_s=0.5, zipped=True, seed=1)
    np.testing.assert_allclose(curve(il.plot.blocking(data))[0], data.sampled_requests / 0.5)
    (alone,) = curves(il.plot.blocking(parts[0].isel({"stations.pool.count": 0})))
    assert alone.startswith("_")
    # points that were not computed have no requests
    data = data.astype(float).copy(deep=True)
    data["sampled_requests"][0] = data["sampled_blocked"][0] = math.nan
    assert len(curve(il.plot.blocking(data))[0]) == 1
    for wrong, said in (
        ([parts[0], parts[0]], "different seeds"),
        ([parts[0], parts[1].isel({"stations.pool.count": [0, 1]})], "sweeps over the same values"),
        (parts[0].drop_vars("sampled_blocked"), "no `sampled_blocked`"),
        (parts[0].rename({"demands.*.rate_hz": "rates"}), "`along` must be the dimension of the load"),
    ):
        with pytest.raises(il.ParameterError, match=said):
            il.plot.blocking(wrong)
    with pytest.raises(il.ParameterError, match="`along` must be one of the dimensions"):
        il.plot.blocking(parts[0], along="nonsense")
    many = il.sweep(
        pool(),
        {"demands.0.rate_hz": [5.0], "stations.pool.count": list(range(1, 10))},
        duration_s=0.01,
        seed=1,
    )
    with pytest.raises(il.ParameterError, match="at most 8 curves"):
        il.plot.blocking(many)


def test_several_calls_draw_different_marks_into_the_same_axes(pyplot):
    _, ax = pyplot.subplots()
    for label in ("one", "other"):
        assert il.plot.blocking((RATES, REQUESTS, BLOCKED), ax, label=label) is ax
    first, second = (container.lines[0] for container in ax.containers)
    assert first.get_color() != second.get_color()
    assert first.get_marker() != second.get_marker()
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["one", "other"]


@pytest.mark.parametrize(
    ("data", "options", "said"),
    [
        (3.0, {}, "`data` must be a dataset"),
        ((RATES, REQUESTS), {}, "`data` must be a dataset"),
        ((RATES, REQUESTS, "many"), {}, "`data` must be"),
        ((RATES, REQUESTS[:2], BLOCKED[:2]), {}, "arrays of shapes"),
        ((RATES, REQUESTS, BLOCKED[:2]), {}, "of one shape"),
        ((RATES, BLOCKED, REQUESTS), {}, "no more blocked than came"),
        (([1.0], [1.5], [0]), {}, "whole numbers"),
        (([-1.0], [1], [0]), {}, "`data: loads` must be finite"),
        (([1.0], [math.nan], [0]), {}, "`data: requests` must be finite"),
        ((RATES, REQUESTS, BLOCKED), {"along": "x"}, "it is for datasets"),
        ((RATES, REQUESTS, BLOCKED), {"servers": 4}, "`servers` must be left out, or"),
        ((RATES, REQUESTS, BLOCKED), {"service_s": 0.1}, "`service_s` must be left out, or"),
        ((RATES, REQUESTS, BLOCKED), {"servers": 0, "service_s": 0.1}, "`servers` must be a whole number"),
        ((RATES, REQUESTS, BLOCKED), {"servers": 2**21, "service_s": 0.1}, r"from 1 to 2\*\*20"),
        ((RATES, REQUESTS, BLOCKED), {"servers": 4, "service_s": 0.0}, r"`service_s` must be above 0 \(s\)"),
    ],
)
def test_wrong_arguments_are_refused(data, options, said):
    with pytest.raises(il.ParameterError, match=said):
        il.plot.blocking(data, **options)
