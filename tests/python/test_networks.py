"""The face of networks: what runs tell, by names and by numbers."""

import itertools
import json
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


def chain(link, names=("alice", "carol", "bob"), **options):
    """Nodes in a row with two ions each, and a demand from end to end."""
    network = il.Network()
    for name in names:
        network.add_node(name, communication_ions=2, buffer_per_link=1, **options)
    for pair in itertools.pairwise(names):
        network.add_link(link, between=pair)
    network.demand(names[0], names[-1], saturate=True)
    return network


@pytest.fixture(scope="module")
def link():
    """p = 0.1 per attempt, whatever else."""
    efficiency = 0.2**0.5
    return il.basic_link(
        efficiency=(efficiency, efficiency),
        lifetime_s=(1e-15, 1e-15),
        mode_overlap=0.9,
        attempt_period_s=1e-6,
    )


@pytest.fixture(scope="module")
def run(link):
    return chain(link).run(0.1, seed=7, record="trace")


def test_two_segments_take_as_long_as_the_slower_one(link, run):
    """Mean rounds of the later of two geometric variables: (3 - 2p)/(p (2 - p)), 14.7368421 for p = 0.1."""
    p = link.exact().herald_probability
    assert p == pytest.approx(0.1, rel=1e-9)
    rounds = (3 - 2 * p) / (p * (2 - p))
    latency_s = run.deliveries.latency_s
    error = latency_s.std() / math.sqrt(len(latency_s))
    assert abs(latency_s.mean() - rounds * 1e-6) < 4 * error
    assert abs(latency_s.mean() - 1.1 * rounds * 1e-6) > 8 * error  # negative control
    estimate = run.latency_s("alice", "bob")
    assert estimate.value == pytest.approx(latency_s.mean())
    assert estimate.high - estimate.value == pytest.approx(1.96 * error, rel=1e-3)


def test_rates_of_renewals_are_as_certain_as_they_claim(link):
    """95 % intervals of 200 runs: between 180 and 198 hold the rate (each outside with probability 1e-3)."""
    network = chain(link)
    rate_hz = 1e6 / ((3 - 2 * 0.1) / (0.1 * 1.9))
    found = [network.run(2e-3, seed=seed, record="summary").rate_hz() for seed in range(200)]
    assert 180 <= sum(one.low <= rate_hz <= one.high for one in found) <= 198
    # Poisson counts would be too careful: the intervals are narrower than theirs
    width = np.mean([one.high - one.value for one in found])
    assert width < 0.9 * 1.96 * math.sqrt(rate_hz / 2e-3)


def test_deliveries_are_columns(run):
    deliveries = run.deliveries
    types = {
        "demand": np.uint32,
        "time_s": np.float64,
        "latency_s": np.float64,
        "fidelity": np.float64,
        "hops": np.uint32,
        "raw_pairs": np.uint32,
        "repetition": np.uint32,
        "pair": np.int64,
    }
    for name, dtype in types.items():
        column = getattr(deliveries, name)
        assert (column.shape, column.dtype) == ((len(deliveries),), dtype)
        assert not column.flags.writeable
    assert (np.diff(deliveries.time_s) >= 0).all()
    assert set(deliveries.hops) == {2}
    assert set(deliveries.raw_pairs) == {2}
    np.testing.assert_allclose(np.diff(deliveries.time_s), deliveries.latency_s[1:], atol=1e-12)
    assert run.delivered() == run.delivered("bob", "alice") == run.delivered(0) == len(deliveries)


def test_states_are_those_of_the_fidelities(run):
    states = run.states()
    assert states.shape == (len(run.deliveries), 4, 4)
    np.testing.assert_allclose(il.bell.fidelity(states, "phi+"), run.deliveries.fidelity, atol=1e-12)
    np.testing.assert_array_equal(run.states(slice(10, 2, -3)), states[10:2:-3])
    np.testing.assert_array_equal(run.states(-1), states[-1])
    assert run.states(slice(5, 5)).shape == (0, 4, 4)
    np.testing.assert_allclose(run.rho("alice", "bob"), states.mean(axis=0), atol=1e-12)
    assert run.fidelity().value == pytest.approx(run.deliveries.fidelity.mean())


def test_the_mean_state_is_that_of_the_exact_link_swapped(link):
    """Sampled states average to what `il.bell.swap` makes of the exact ones; the same for the mean states."""
    outcomes = link.exact().outcomes
    single = sum(
        outcome.probability * il.bell.to_phi_plus(outcome.rho, name)
        for name, outcome in outcomes.items()
        if outcome.probability > 0
    )
    expected = il.bell.swap(single / np.trace(single), single / np.trace(single))
    for states in ("sampled", "mean"):
        run = chain(link).run(0.05, seed=3, states=states)
        spread = run.states().std(axis=0) / math.sqrt(len(run.deliveries))
        assert (abs(run.rho() - expected) <= 4 * spread + 1e-12).all()


def test_names_of_nodes_come_in_any_order_and_turn_the_state(link):
    """A field offset and T1 at one end make the qubits differ."""
    network = il.Network()
    network.add_node("alice", communication_ions=2, memory=il.Memory(t1_s=1e-5))
    network.add_node("carol", communication_ions=2)
    network.add_node("bob", communication_ions=2)
    network.add_link(link, between=("alice", "carol"))
    network.add_link(link, between=("carol", "bob"))
    network.demand("alice", "bob", saturate=True)
    run = network.run(0.01, seed=1)
    there, back = run.rho("alice", "bob"), run.rho("bob", "alice")
    order = [0, 2, 1, 3]
    np.testing.assert_allclose(back, there[np.ix_(order, order)], atol=1e-15)
    assert abs(there[1, 1] - there[2, 2]) > 0.01  # 01 and 10 with alice first
    np.testing.assert_array_equal(run.rho(0), there)


def test_links_for_themselves_have_the_rates_and_states_of_the_links(link):
    network = il.Network()
    for name in ("alice", "carol", "bob"):
        network.add_node(name)
    network.add_link(link, between=("alice", "carol"), name="near")
    network.add_link(link, between=("bob", "carol"))
    network.saturate_links()
    run = network.run(0.05, seed=2)
    for number, ends in enumerate((("carol", "alice"), ("bob", "carol"))):
        rate_hz = run.rate_hz(*ends)
        assert rate_hz == run.rate_hz(number)
        assert rate_hz.low < 1e5 < rate_hz.high
        assert rate_hz.high - rate_hz.value == pytest.approx(1.96 * math.sqrt(1e5 * 0.9 / 0.05), rel=0.05)
        assert run.fidelity(number).low < link.exact().fidelity < run.fidelity(number).high
    assert run.delivered() == run.heralds == run.delivered(0) + run.delivered(1)
    assert run.attempts.tolist() == [50_000, 50_000]
    states = run.states()
    mine = run.deliveries.demand == 1
    np.testing.assert_allclose(run.rho("bob", "carol"), states[mine].mean(axis=0), atol=1e-12)
    assert "near" in str(run)
    assert "bob-carol" in str(run)
    assert run.utilization.links.tolist() == [1, 1]
    assert np.isnan(run.utilization.nodes).all()


def test_histories_tell_how_a_pair_was_made(link):
    network = chain(link, ("a", "b", "c", "d"))
    run = network.run(2e-3, seed=1, record="trace", repetitions=3)
    assert set(run.deliveries.repetition) == {0, 1, 2}
    for number in (0, 5, len(run.deliveries) - 1):
        history = run.history(number)
        events = [event.event for event in history]
        assert sorted(events) == ["deliver", "herald", "herald", "herald", "swap", "swap"]
        assert events[-1] == "deliver"
        assert [event.time_s for event in history] == sorted(event.time_s for event in history)
        assert {event.where for event in history if event.event == "herald"} == {"a-b", "b-c", "c-d"}
        assert history[-1].time_s == run.deliveries.time_s[number]
        assert history[-1].fidelity == run.deliveries.fidelity[number]
        made = {event.pair for event in history[:-1]}
        assert {part for event in history for part in event.parts} <= made
    assert run.history(-1) == run.history(len(run.deliveries) - 1)


def test_traces_can_be_read_by_a_person(run, tmp_path):
    trace = run.trace
    assert (np.diff(trace.time_s) >= 0).all()
    path = tmp_path / "trace.jsonl"
    trace.to_jsonl(path)
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert len(rows) == len(trace)
    assert rows[0] == {
        "repetition": 0, "time_s": 0.0, "event": "start", "link": "alice-carol", "between": ["alice", "carol"]
    }  # fmt: skip
    swap = next(row for row in rows if row["event"] == "swap")
    assert swap["node"] == "carol"
    assert len(swap["parts"]) == 2
    deliver = next(row for row in rows if row["event"] == "deliver")
    assert deliver["between"] == ["alice", "bob"]
    counts = {name: sum(row["event"] == name for row in rows) for name in ("herald", "swap", "deliver")}
    assert counts["herald"] == run.heralds
    assert counts["herald"] + counts["swap"] == run.pairs["made"]
    assert counts["deliver"] == run.delivered()
    pytest.importorskip("pyarrow")
    table = trace.to_arrow()
    assert table.num_rows == len(trace)
    assert table["event"][0].as_py() == "start"


def test_histograms_count_every_latency(run):
    edges_s, counts = run.latency_histogram()
    assert (len(edges_s), len(counts)) == (257, 256)
    assert counts.sum() == len(run.deliveries)
    expected, _ = np.histogram(run.deliveries.latency_s + 0.5e-12, bins=edges_s)
    np.testing.assert_array_equal(counts, expected)


def test_tables_have_names(run):
    pytest.importorskip("pandas")
    frame = run.to_pandas()
    assert len(frame) == len(run.deliveries)
    assert set(frame["a"]) == {"alice"}
    assert set(frame["b"]) == {"bob"}
    np.testing.assert_array_equal(frame["latency_s"], run.deliveries.latency_s)


def test_runs_print_themselves(run):
    for word in ("3 nodes", "2 links", "alice - bob", "rate (1/s)", "seed 7", "delivered"):
        assert word in str(run)
    assert "seed 7" in repr(run)
    assert repr(chain(il.basic_link(efficiency=(0.1, 0.1)))) == "<network of 3 nodes, 2 links, 1 demand>"


def test_summaries_have_the_numbers_of_deliveries(link, run):
    summary = chain(link).run(0.1, seed=7, record="summary")
    assert len(summary.deliveries) == 0
    for name in ("rate_hz", "fidelity", "latency_s", "delivered"):
        assert getattr(summary, name)() == getattr(run, name)()
    np.testing.assert_array_equal(summary.rho("alice", "bob"), run.rho("alice", "bob"))
    assert summary.pairs == run.pairs
    with pytest.raises(il.ParameterError, match='`record` must be "deliveries" or "trace" for states'):
        summary.states()
    with pytest.raises(il.ParameterError, match='`record` must be "trace" for a trace'):
        _ = summary.trace


def test_requests_come_at_random_or_as_scheduled_and_are_blocked(link):
    network = chain(link)
    rate_hz = 2e4
    scheduled = il.Network()
    for name in ("alice", "bob"):
        scheduled.add_node(name, communication_ions=1)
    scheduled.add_link(link, between=("alice", "bob"))
    scheduled.demand("alice", "bob", times_s=[1e-3, 1e-3, 2e-3])
    run = scheduled.run(3e-3, seed=1)
    assert run.requests.tolist() == [[3, 0]]
    assert len(run.deliveries) == 3
    asked_s = run.deliveries.time_s - run.deliveries.latency_s
    np.testing.assert_allclose(asked_s, [1e-3, 1e-3, 2e-3], atol=1e-11)
    network = il.Network()
    for name in ("alice", "bob"):
        network.add_node(name, communication_ions=1)
    network.add_link(link, between=("alice", "bob"))
    network.demand("alice", "bob", rate_hz=rate_hz, queue_limit=1)
    run = network.run(1.0, seed=1)
    asked, blocked = run.requests[0].tolist()
    assert abs(asked - rate_hz) < 4 * math.sqrt(rate_hz)
    # what comes while another is served is lost: 1/p attempts, and half of one until the next begins
    busy = rate_hz * 10.5e-6
    spread = math.sqrt((busy + (rate_hz * 1e-6) ** 2 * 90) / (asked - blocked)) / (1 + busy) ** 2
    assert abs(blocked / asked - busy / (1 + busy)) < 4 * spread
    assert abs(blocked / asked - 2 * busy / (1 + 2 * busy)) > 8 * spread  # negative control
    assert run.blocked == blocked
    assert run.delivered() in (asked - blocked, asked - blocked - 1)


def test_policies_are_kept_by_the_network_or_given_to_a_run(link):
    network = chain(link)
    lossy = il.Policy(swap_success_probability=0.5)
    network.policy = lossy
    run = network.run(0.02, seed=1)
    assert run.policy == lossy
    # (3 - 2p)/(a p (2 - p)): each failure starts both segments again
    error = run.deliveries.latency_s.std() / math.sqrt(len(run.deliveries))
    assert abs(run.deliveries.latency_s.mean() - 29.4736842e-6) < 4 * error
    assert network.run(0.02, seed=1, policy=il.Policy()).policy == il.Policy()
    cut = network.run(0.02, seed=1, policy=il.Policy(cutoff_s=3e-6))
    assert cut.expired > 0
    assert cut.pairs["expired"] == cut.expired


def test_routes_are_found_or_given(link):
    network = il.Network()
    for name in "abcd":
        network.add_node(name)
    for pair in ("ab", "bc", "cd", "ad"):
        network.add_link(link, between=tuple(pair))
    assert network.route(network.demand("a", "d", saturate=True)) == ("a", "d")
    given = network.demand("a", "d", saturate=True, route=("a", "b", "c", "d"))
    assert network.route(given) == ("a", "b", "c", "d")
    slow = network.demand("a", "c", saturate=True, weight="rate")
    assert network.route(slow) in {("a", "b", "c"), ("a", "d", "c")}


def test_runs_are_those_of_their_seeds(link, run):
    network = chain(link)
    again = network.run(0.1, seed=run.seed, record="trace", threads=2)
    assert again.deliveries == run.deliveries
    np.testing.assert_array_equal(again.states(), run.states())
    assert network.run(0.01).seed != network.run(0.01).seed
    both = network.run(0.01, seed=5, repetitions=2, threads=2)
    first = network.run(0.01, seed=5)
    kept = both.deliveries.repetition == 0
    np.testing.assert_array_equal(both.deliveries.time_s[kept], first.deliveries.time_s)
    assert not np.array_equal(both.deliveries.time_s[~kept][:10], first.deliveries.time_s[:10])
    assert both.duration_s == pytest.approx(0.02)
    assert (run.version, run.stream_version) == (il.__version__, il.STREAM_VERSION)


def test_a_network_may_change_after_its_run(link):
    network = chain(link)
    run = network.run(0.01, seed=1)
    states = run.states()
    network.add_node("dave")
    network.add_link(link, between=("bob", "dave"))
    network.demand("alice", "dave", saturate=True)
    np.testing.assert_array_equal(run.states(), states)
    assert run.delivered() == run.delivered("alice", "bob")


def test_networks_survive_pickling(link):
    network = chain(link)
    network.add_node("dave", position=(1.0, 2.0), storage=il.Memory(t2_s=1.0), memory_ions=1)
    network.add_link(link, between=("bob", "dave"), name="last")
    twin = pickle.loads(pickle.dumps(network))
    assert twin == network
    assert twin.run(0.01, seed=1).deliveries == network.run(0.01, seed=1).deliveries
    twin.demand("alice", "dave", saturate=True)
    assert twin != network


def metropolis():
    """W3: a torus of 40 x 25 nodes 2 km apart with ten links each, stations in the middle, 0.2 dB/km."""
    x, y = (grid.ravel() for grid in np.mgrid[:40, :25])
    offsets = ((1, 0), (0, 1), (1, 1), (1, -1), (2, 0), (0, 2), (2, 1), (2, -1), (1, 2), (1, -2))
    pairs = [np.column_stack((x * 25 + y, (x + dx) % 40 * 25 + (y + dy) % 25)) for dx, dy in offsets]
    arms_km = np.repeat([np.hypot(*offset) for offset in offsets], 1000)
    efficiency = np.repeat(0.02 * 10 ** (-0.02 * arms_km), 2).reshape(-1, 2)
    return np.concatenate(pairs), efficiency


def test_ten_thousand_links_are_four_and_herald_as_often_as_they_must():
    pairs, efficiency = metropolis()
    link = il.basic_link(efficiency=(0.02, 0.02))
    began = time.perf_counter()
    network = il.Network()
    assert network.add_links(link, pairs, efficiency=efficiency) == range(10_000)
    assert time.perf_counter() - began < 0.5  # one physics each would take seconds
    assert len(set(map(id, network.links))) == 4  # ten offsets have four lengths
    assert network.node_names[:2] == ("0", "1")
    network.saturate_links()
    run = network.run(1.0, seed=1, record="summary")
    assert run.attempts.sum() == 10**10
    assert abs(run.heralds - 1_684_521) < 4 * 1_298
    assert abs(run.heralds - 1_699_758) > 8 * 1_298  # negative control: nothing lost at the window's end
    estimate = run.rate_hz()
    assert estimate.value == pytest.approx(run.heralds)
    assert estimate.high - estimate.value == pytest.approx(1.96 * 1_298, rel=0.01)


def test_arrays_set_any_parameter(link):
    network = il.Network()
    for name in ("alice", "bob", "carol"):
        network.add_node(name)
    numbers = network.add_links(
        link,
        [("alice", "bob"), ("carol", "bob"), ("alice", "carol"), ("bob", "alice")],
        parameters={
            "mode_overlap": [0.9, 0.8, 0.9, 0.9],
            "station.detectors.dark_count_rate_hz": np.array([10.0, 10.0, 10.0, 20.0]),
            "delay_s": np.array([[0, 0], [0, 0], [0, 0], [0, 1e-16]]),
        },
        names=["one", "two", "three", "four"],
    )
    assert numbers == range(4)
    first, second, third, fourth = network.links
    assert first is third
    assert (second.mode_overlap, fourth.mode_overlap) == (0.8, 0.9)
    assert fourth.station.detectors == il.Detector(dark_count_rate_hz=20.0)
    assert fourth.delay_s == (0, 1e-16)
    assert network.pairs.tolist() == [[0, 1], [2, 1], [0, 2], [1, 0]]
    assert [network.link_name(number) for number in numbers] == ["one", "two", "three", "four"]


INTERRUPTED = """
    import sys, time
    import ionlink as il
    link = il.basic_link(efficiency=(0.2, 0.2), mode_overlap=0.9)
    network = il.Network()
    for name in ("alice", "carol", "bob"):
        network.add_node(name, communication_ions=2)
    network.add_link(link, between=("alice", "carol"))
    network.add_link(link, between=("carol", "bob"))
    if sys.argv[1] == "links":
        network.saturate_links()
    else:
        network.demand("alice", "bob", saturate=True)
    print("ready", flush=True)
    try:
        span_s = 30.0 if sys.argv[1] == "links" else 10.0
        network.run(span_s, seed=1, repetitions=30, threads=int(sys.argv[2]))
    except KeyboardInterrupt as interrupt:
        caught, run = time.time(), interrupt.partial
        assert run.interrupted and "interrupted" in str(run)
        pairs = run.pairs
        assert pairs.pop("made") == sum(pairs.values())
        assert run.delivered() == len(run.deliveries) == pairs["delivered"]
        if sys.argv[1] != "links":
            assert run.delivered() > 100 and 0 < run.duration_s < 300
            assert run.rate_hz().low < 14_000 < run.rate_hz().high * 1.2
        print(caught)
"""


@pytest.mark.skipif(os.name == "nt", reason="SIGINT cannot be sent to one process")
@pytest.mark.parametrize("kind", ["demand", "links"])
@pytest.mark.parametrize("threads", [1, 2])
def test_ctrl_c_ends_a_run_at_once_and_keeps_what_was_delivered(kind, threads, ended):
    script = textwrap.dedent(INTERRUPTED)
    with subprocess.Popen(
        [sys.executable, "-c", script, kind, str(threads)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == "ready\n"
        time.sleep(0.2)
        sent = time.time()
        process.send_signal(signal.SIGINT)
        output = ended(process)[0]
    assert process.returncode == 0
    assert float(output) - sent < 0.1


def test_the_observer_hears_of_progress_and_may_end_the_run(link):
    seen = []

    def enough(done_s, total_s):
        seen.append((done_s, total_s))
        if len(seen) > 2:
            raise LookupError("enough")

    with pytest.raises(LookupError, match="enough") as caught:
        chain(link).run(100.0, seed=1, progress=enough)
    assert {total_s for _, total_s in seen} == {100.0}
    assert seen == sorted(seen)
    partial = caught.value.partial
    assert partial.interrupted
    assert partial.delivered() > 0
