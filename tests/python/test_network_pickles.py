"""Runs of networks in other processes, and runs that no memory holds."""

import copy
import multiprocessing
import operator
import pickle
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import pytest

import ionlink as il

LINK = il.basic_link(efficiency=(0.2, 0.3), attempt_period_s=1e-5, dark_count_rate_hz=1e4)
JITTERY = LINK.replace({"station.detectors.timing_jitter_s": 1e-9, "station.detectors.dead_time_s": 3e-8})
DEPENDENT = LINK.replace({"station.detectors.dead_time_s": 3e-5})


def repeater(link):
    network = il.Network(policy=il.Policy(cutoff_s=0.01))
    for name in ("alice", "carol", "bob"):
        network.add_node(name, communication_ions=2, memory_ions=1, memory=il.Memory(t2_s=0.1))
    network.add_link(link, between=("alice", "carol"))
    network.add_link(link, between=("carol", "bob"))
    network.demand("alice", "bob", saturate=True)
    network.demand("bob", "carol", rate_hz=300.0, queue_limit=2)
    return network


def for_themselves(link):
    network = il.Network()
    network.add_links(link, [(0, 1), (1, 2), (2, 0)])
    network.saturate_links()
    return network


def hub(link):
    network = il.Network()
    for number in range(3):
        network.add_node(f"module {number}", communication_ions=1)
    network.add_station("pool", count=1)
    network.add_switch("xc", ports=8, loss_db=1.0)
    for ends in (("module 0", "module 1"), ("module 1", "module 2")):
        network.add_link(link, ends, station="pool", switch="xc")
        network.demand(*ends, saturate=True)
    return network


NETWORKS = [repeater(LINK), repeater(JITTERY), for_themselves(LINK), for_themselves(JITTERY), hub(LINK)]


def assert_same(run, other):
    """Whether two runs are equal in everything one can ask of them."""
    assert run == other
    assert str(run) == str(other)
    if run.record != "summary":
        assert np.array_equal(run.states(), other.states())
        assert np.array_equal(run.rho(), other.rho())
    if run.record == "trace":
        assert run.history(3) == other.history(3)
    for name in ("links", "nodes", "stations", "stored"):
        mine, theirs = (getattr(one.utilization, name) for one in (run, other))
        assert np.array_equal(mine, theirs, equal_nan=True)
    assert run.rate_hz() == other.rate_hz()
    assert np.array_equal(run.latency_histogram()[1], other.latency_histogram()[1])


@pytest.mark.parametrize("record", ["summary", "deliveries", "trace"])
@pytest.mark.parametrize("network", NETWORKS, ids=["repeater", "jitter", "links", "jittery links", "hub"])
def test_runs_come_back_equal(network, record):
    run = network.run(0.02, seed=7, record=record, repetitions=2)
    early = pickle.loads(pickle.dumps(run))  # nothing has been asked of it yet
    late = pickle.loads(pickle.dumps(run))
    assert_same(early, run)
    assert_same(pickle.loads(pickle.dumps(late)), run)  # bytes that nobody opened
    assert_same(copy.deepcopy(run), run)
    again = pickle.loads(pickle.dumps(early))  # after all has been asked
    assert_same(again, run)
    assert not again.attempts.flags.writeable
    if record != "summary":
        assert not again.deliveries.time_s.flags.writeable
    if record == "trace":
        assert not again.trace.time_s.flags.writeable


@pytest.mark.parametrize("states", ["sampled", "mean"])
def test_states_come_back(states):
    run = for_themselves(LINK).run(0.02, seed=7, states=states)
    assert np.array_equal(pickle.loads(pickle.dumps(run)).states(), run.states())
    if states == "sampled":
        run = for_themselves(DEPENDENT).run(0.02, seed=7)
        assert_same(pickle.loads(pickle.dumps(run)), run)


def test_runs_that_differ_are_not_equal():
    run = repeater(LINK).run(0.02, seed=7)
    assert run == repeater(LINK).run(0.02, seed=np.int64(7), threads=1)
    for other in (
        repeater(LINK).run(0.02, seed=8),
        repeater(LINK).run(0.021, seed=7),
        repeater(LINK).run(0.02, seed=7, record="trace"),
        repeater(JITTERY).run(0.02, seed=7),
        for_themselves(LINK).run(0.02, seed=7),
        "a run",
    ):
        assert run != other


drawn = operator.methodcaller("run", 0.02, seed=3, record="trace")


def test_runs_come_back_from_processes():
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(2, mp_context=context) as pool:
        found = list(pool.map(drawn, NETWORKS))
    for run, network in zip(found, NETWORKS, strict=True):
        assert_same(run, drawn(network))


def test_interrupted_runs_come_back():
    def stop(done_s, _):
        if done_s > 0.05:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt) as caught:
        repeater(LINK).run(1e3, seed=7, record="trace", progress=stop)
    partial = caught.value.partial
    assert partial.interrupted
    assert_same(pickle.loads(pickle.dumps(partial)), partial)


def test_the_core_refuses_bytes_of_anything_else():
    core = repeater(LINK).run(0.001, seed=1)._core
    make, (network, content) = core.__reduce__()
    assert make(network, content).duration_s == core.duration_s
    for damaged in (b"", content[:-1], content + b"\0", b"\xff" + content[1:], b"\1" + b"\xff" * 8):
        with pytest.raises(il.ParameterError, match="those of a run of a network"):
            make(network, damaged)


# --- more than memory holds


@pytest.mark.parametrize(("record", "more_bytes"), [("deliveries", 0), ("trace", 2 * 49)])
def test_more_than_memory_holds_is_refused_before_the_run(record, more_bytes):
    """Columns of a pair have 48 bytes; 4 + 24 to 40 say what its state follows from, or 128 more hold it."""
    rate_hz, span_s = LINK.exact().rate_hz, 1e6 * 2**20
    for network, most_hz, state_bytes in (
        (for_themselves(LINK), 3 * rate_hz, 0),
        # the weaker part of each way, and the requests of the second demand
        (repeater(LINK), rate_hz + 300.0, 128),
    ):
        with pytest.raises(il.SizeError, match='use `record="summary"`') as caught:
            network.run(1e6, seed=7, record=record, repetitions=2**20)
        error = caught.value
        assert error.needed_bytes > error.available_bytes > 0
        bytes_each = error.needed_bytes / (most_hz * span_s) - more_bytes - state_bytes
        assert 48 + 4 + 24 <= bytes_each <= 48 + 4 + 40


def test_what_is_not_known_or_bounded_by_requests_is_not_refused():
    few = repeater(LINK).replace({"demands.0": il.Demand(between=("alice", "bob"), times_s=[0.01, 0.02])})
    few = few.replace({"demands.1": il.Demand(between=("bob", "carol"), times_s=[0.015])})
    run = few.run(1e6, seed=7)  # after the last request nothing happens any more
    assert len(run.deliveries) == 3
    bounded = repeater(LINK).replace({"demands.0": il.Demand(between=("alice", "bob"), rate_hz=1e-3)})
    bounded = bounded.replace({"demands.1.rate_hz": 1e-3})
    assert len(bounded.run(1e4, seed=7).deliveries) < 60
    with pytest.raises(KeyboardInterrupt):
        for_themselves(DEPENDENT).run(1e6, seed=7, repetitions=1000, progress=_end)
    with pytest.raises(KeyboardInterrupt):
        for_themselves(LINK).run(1e6, seed=7, record="summary", repetitions=2**10, progress=_end)


def _end(*_):
    raise KeyboardInterrupt
