"""What holds of every network, on networks that hypothesis makes up."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ionlink as il

LINKS = (
    il.basic_link(efficiency=(0.4, 0.5), mode_overlap=0.9, attempt_period_s=1e-5),
    il.basic_link(
        efficiency=(0.3, 0.3), dark_count_rate_hz=1e4, ion_photon_fidelity=(0.95, 0.97), attempt_period_s=2e-5
    ),
    il.basic_link(
        encoding="number", efficiency=(0.3, 0.2), bright_fraction=(0.1, 0.1), attempt_period_s=1e-5
    ),
    il.basic_link(
        efficiency=(0.5, 0.4),
        schedule=il.Schedule(attempt_period_s=1e-5, attempts_per_burst=50, pause_s=2e-4),
        memory=il.Memory(t1_s=0.1, t2_s=0.01, loss_rate_hz=2.0),
    ),
)
MEMORIES = (
    None,
    il.Memory(t2_s=1e-3),
    il.Memory(t1_s=0.01, t2_s=5e-3, decay="gaussian", frequency_offset_rad_per_s=30.0),
)
GATES = il.Gates(
    one_qubit_fidelity=0.999,
    two_qubit_fidelity=0.98,
    readout_error=0.005,
    duration_s=3e-5,
    transfer_fidelity=0.99,
    transfer_duration_s=1e-5,
)


@st.composite
def networks(draw):
    """A connected network of up to six nodes that can serve up to three demands, and a policy for it."""
    network = il.Network()
    count = draw(st.integers(2, 6))
    rounds = draw(st.integers(0, 2))
    for number in range(count):
        memory_ions = draw(st.integers(0, 6))
        network.add_node(
            f"n{number}",
            communication_ions=draw(st.sampled_from((None, 6, 8))),
            memory_ions=memory_ions,
            buffer_per_link=draw(st.integers(1 + rounds, 4)),
            memory=draw(st.sampled_from(MEMORIES)),
            storage=draw(st.sampled_from(MEMORIES)) if memory_ions else None,
            gates=draw(st.sampled_from((None, GATES))),
            dephasing_per_attempt=draw(st.sampled_from((0.0, 1e-4))),
        )
    for number in range(1, count):
        other = draw(st.integers(0, number - 1))
        between = draw(st.permutations((f"n{number}", f"n{other}")))
        network.add_link(draw(st.sampled_from(LINKS)), between=between)
    for _ in range(draw(st.integers(0, 2))):
        a, b = draw(st.permutations([f"n{number}" for number in range(count)]))[:2]
        network.add_link(draw(st.sampled_from(LINKS)), between=(a, b))
    if draw(st.integers(0, 3)) == 0:
        network.saturate_links()
    else:
        for _ in range(draw(st.integers(1, 3))):
            a, b = draw(st.permutations([f"n{number}" for number in range(count)]))[:2]
            wants = draw(
                st.sampled_from(({"saturate": True}, {"rate_hz": 200.0}, {"times_s": (0.0, 1e-3, 5e-3)}))
            )
            network.demand(
                a,
                b,
                **wants,
                min_fidelity=draw(st.sampled_from((0.0, 0.6))),
                queue_limit=draw(st.sampled_from((None, 2))),
                weight=draw(st.sampled_from(("hops", "rate", "fidelity"))),
            )
    network.policy = il.Policy(
        swap=draw(st.sampled_from(("asap", "nested"))),
        swap_success_probability=draw(st.sampled_from((1.0, 0.7))),
        cutoff_s=draw(st.sampled_from((None, 2e-3))),
        distill=draw(st.sampled_from(("bbpssw", "dejmps"))) if rounds else None,
        rounds=rounds or None,
        contention=draw(st.sampled_from(("longest_waiting", "hold_and_wait"))),
        attempt_timeout_s=draw(st.sampled_from((None, 5e-4))),
    )
    return network


@settings(max_examples=200)
@given(networks(), st.integers(0, 2**64 - 1), st.sampled_from(("sampled", "mean")))
def test_pairs_are_counted_time_goes_on_and_states_are_states(network, seed, states):
    run = network.run(0.02, seed=seed, record="trace", states=states, threads=1)
    pairs = run.pairs
    assert pairs.pop("made") == sum(pairs.values())
    assert pairs["delivered"] == run.delivered() == len(run.deliveries)
    trace, deliveries = run.trace, run.deliveries
    for time_s in (trace.time_s, deliveries.time_s):
        assert (np.diff(time_s) >= 0).all()
        assert ((time_s >= 0) & (time_s <= 0.02)).all()
    assert (deliveries.latency_s >= 0).all()
    names = np.array(trace.events)[trace.event]
    assert (names == "herald").sum() == run.heralds
    assert (run.attempts.sum() >= run.heralds) or not run.heralds
    found = run.states()
    np.testing.assert_allclose(found.trace(axis1=1, axis2=2), 1, atol=1e-12)
    np.testing.assert_allclose(found, found.conj().swapaxes(1, 2), atol=1e-15)
    if len(found):
        assert np.linalg.eigvalsh(found).min() > -1e-12
        np.testing.assert_allclose(il.bell.fidelity(found, "phi+"), deliveries.fidelity, atol=1e-12)
        np.testing.assert_allclose(run.rho(), found.mean(axis=0), atol=1e-12)
    for demand, least in enumerate(demand.min_fidelity for demand in network.demands):
        assert (deliveries.fidelity[deliveries.demand == demand] >= least).all()
    busy = run.utilization
    assert ((busy.links >= 0) & (busy.links <= 1 + 1e-12)).all()
    limited = busy.nodes[~np.isnan(busy.nodes)]
    assert ((limited >= 0) & (limited <= 1 + 1e-12)).all() or network.saturated


@settings(max_examples=60)
@given(networks(), st.integers(0, 2**32))
def test_every_pair_is_made_once_and_used_once(network, seed):
    run = network.run(0.02, seed=seed, record="trace")
    trace = run.trace
    names = np.array(trace.events)[trace.event]
    made = trace.pair[np.isin(names, ("herald", "swap", "distill"))]
    assert len(set(made.tolist())) == len(made)
    parts = trace.parts[np.isin(names, ("swap", "swap_failed", "distill", "distill_failed"))].ravel().tolist()
    parts = [part for part in parts if part >= 0]  # swaps of what an earlier failure has broken
    gone = trace.pair[np.isin(names, ("deliver", "expire", "reject", "unwanted"))].tolist()
    ends = parts + gone
    assert len(set(ends)) == len(ends)
    assert set(ends) <= set(made.tolist())
    assert (names == "deliver").sum() == len(run.deliveries)
    for number in range(0, len(run.deliveries), 7):
        history = run.history(number)
        heralds = sum(event.event == "herald" for event in history)
        assert heralds == run.deliveries.raw_pairs[number]


@settings(max_examples=60)
@given(networks(), st.integers(0, 2**32))
def test_threads_change_nothing_and_repetitions_are_runs(network, seed):
    one = network.run(5e-3, seed=seed, repetitions=3, threads=1, record="trace")
    two = network.run(5e-3, seed=seed, repetitions=3, threads=2, record="trace")
    assert one.deliveries == two.deliveries
    np.testing.assert_array_equal(one.states(), two.states())
    np.testing.assert_array_equal(one.trace.time_s, two.trace.time_s)
    assert (one.pairs, str(one)) == (two.pairs, str(two))
    alone = network.run(5e-3, seed=seed)
    first = one.deliveries.repetition == 0
    np.testing.assert_array_equal(one.deliveries.time_s[first], alone.deliveries.time_s)
    np.testing.assert_array_equal(one.states()[first], alone.states())
    np.testing.assert_array_equal(one.trace.repetition, np.sort(one.trace.repetition))


@settings(max_examples=15)
@given(networks(), st.integers(0, 2**32))
def test_files_and_graphs_keep_everything(tmp_path_factory, network, seed):
    pytest.importorskip("networkx")
    path = tmp_path_factory.mktemp("network") / "net.toml"
    network.to_toml(path)
    for twin in (il.Network.from_toml(path), il.Network.from_networkx(network.to_networkx())):
        assert twin == network
        assert twin.run(2e-3, seed=seed).deliveries == network.run(2e-3, seed=seed).deliveries
