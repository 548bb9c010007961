"""Rules of one's own, as users write them: what each question means, and what is no answer."""

import math
from itertools import combinations, islice

import numpy as np
import pytest

import ionlink as il

LINK = il.basic_link(
    efficiency=(0.2, 0.2), mode_overlap=0.9, lifetime_s=(1e-15, 1e-15), attempt_period_s=1e-5
)
POLICY = il.Policy(distill="dejmps", rounds=2, cutoff_s=0.03)


def ring(nodes=5, *, links=None, in_flight=2, station=True):
    network = il.Network()
    for node in range(nodes):
        network.add_node(f"n{node}", communication_ions=12, memory=il.Memory(t2_s=0.02), loss_rate_hz=5.0)
    if station:
        network.add_station("pool", count=2)
    for node in range(nodes):
        link = LINK if links is None else links[node]
        ends = (f"n{node}", f"n{(node + 1) % nodes}")
        network.add_link(link, ends, station="pool" if station else None)
    network.demand("n0", "n2", saturate=True, in_flight=in_flight)
    return network


def equal(one, other):
    columns = ("time_s", "latency_s", "fidelity", "hops", "raw_pairs", "pair", "repetition")
    same = all(
        np.array_equal(getattr(one.deliveries, name), getattr(other.deliveries, name)) for name in columns
    )
    return same and one.pairs == other.pairs and np.array_equal(one.states(), other.states())


class Same:
    """What the network does anyway."""

    def next_link(self, now_s, station, waiting):
        assert all(isinstance(link, il.Candidate) and link.since_s <= now_s for link in waiting)
        return 0

    def swap_pair(self, now_s, node, left, waiting):
        assert all(isinstance(pair, il.WaitingPair) and pair.oldest_s <= now_s for pair in waiting)
        return 0

    def distill_pair(self, now_s, nodes, waiting):
        for (a, first), (b, second) in combinations(enumerate(waiting), 2):
            assert first.other_end == second.other_end == nodes[1]
            if first.rounds == second.rounds:
                return a, b
        return None

    def cutoff_s(self, now_s, nodes, pair):
        assert pair.other_end == nodes[1]
        return np.float64(POLICY.cutoff_s)

    def route(self, demand, ways):
        assert all(isinstance(way, il.CandidateRoute) for way in ways)
        assert demand == 0
        return np.int64(0)


def only(name, function):
    """Rules with one method."""
    return type("Only", (), {name: lambda self, *asked: function(*asked)})()


def test_rules_that_do_what_is_done_anyway_change_nothing():
    network = ring()
    built_in = network.run(1.0, seed=7, policy=POLICY, repetitions=3)
    assert len(built_in.deliveries) > 30
    for threads in (1, 2):
        own = network.run(1.0, seed=7, policy=POLICY, repetitions=3, threads=threads, rules=Same())
        assert equal(own, built_in)
    assert not equal(network.run(1.0, seed=8, policy=POLICY, repetitions=3), built_in)
    traces = [
        network.run(0.5, seed=7, policy=POLICY, record="trace", rules=rules).trace for rules in (None, Same())
    ]
    for name in ("time_s", "event", "subject", "pair", "parts", "fidelity"):
        one, other = (getattr(trace, name) for trace in traces)
        assert np.array_equal(one, other, equal_nan=name == "fidelity")


def test_repetitions_ask_the_same_whatever_the_threads():
    class Freshest:
        def swap_pair(self, now_s, node, left, waiting):
            return max(range(len(waiting)), key=lambda place: waiting[place].oldest_s)

        def cutoff_s(self, now_s, nodes, pair):
            return 0.02 / pair.heralds

    network = ring(in_flight=4)
    runs = [network.run(1.0, seed=3, repetitions=4, threads=n, rules=Freshest()) for n in (1, 2)]
    assert equal(*runs)
    assert not equal(runs[0], network.run(1.0, seed=3, repetitions=4))


def test_a_cut_off_by_rule_is_the_policys():
    network = ring()
    rules = only("cutoff_s", lambda *asked: 0.004)
    own = network.run(3.0, seed=7, rules=rules)
    assert equal(own, network.run(3.0, seed=7, policy=il.Policy(cutoff_s=0.004)))
    assert not equal(own, network.run(3.0, seed=7, policy=il.Policy(cutoff_s=0.005)))
    assert own.pairs["expired"] > 20


def test_pairs_are_used_as_they_are_or_distilled():
    network = il.Network()
    for name in ("a", "b"):
        network.add_node(name, buffer_per_link=4)
    network.add_link(LINK, ("a", "b"))
    network.demand("a", "b", saturate=True)
    plain = network.run(2.0, seed=7)
    policy = il.Policy(distill="dejmps", rounds=1)
    own = network.run(2.0, seed=7, policy=policy, rules=only("distill_pair", lambda *asked: 0))
    assert equal(own, plain)
    assert (own.deliveries.raw_pairs == 1).all()
    always = only("distill_pair", lambda now_s, nodes, waiting: (0, 1) if len(waiting) > 1 else None)
    distilled = network.run(2.0, seed=7, policy=policy)
    assert equal(network.run(2.0, seed=7, policy=policy, rules=always), distilled)
    assert (distilled.deliveries.raw_pairs == 2).all()
    # every other pair as it is
    mixed = only(
        "distill_pair",
        lambda now_s, nodes, waiting: (
            0 if waiting[0].pair % 2 else always.distill_pair(now_s, nodes, waiting)
        ),
    )
    raw = network.run(2.0, seed=7, policy=policy, rules=mixed).deliveries.raw_pairs
    assert set(raw.tolist()) == {1, 2}
    # a rule that never has enough stops its demand; nothing else happens
    never = network.run(2.0, seed=7, policy=policy, rules=only("distill_pair", lambda *asked: None))
    assert never.pairs["made"] == never.pairs["stored"] == 2


def test_a_demand_goes_the_chosen_way():
    nx = pytest.importorskip("networkx")
    links = [LINK.replace({"nodes.0.collection.efficiency": 0.1 + 0.02 * n}) for n in range(9)]
    graph = nx.Graph()
    network = il.Network()
    for node in range(6):
        network.add_node(f"n{node}")
    # a ring of six with its three diameters: thirteen or more ways between any two
    for link, (a, b) in zip(
        links, [*((n, (n + 1) % 6) for n in range(6)), (0, 3), (1, 4), (2, 5)], strict=True
    ):
        network.add_link(link, (f"n{a}", f"n{b}"))
        graph.add_edge(a, b, time_s=1 / link.exact().rate_hz, werner=(4 * link.exact().fidelity - 1) / 3)
    network.demand("n0", "n2", saturate=True, weight="rate")
    asked = []

    def second(demand, ways):
        asked.append((demand, ways))
        return 1

    run = network.run(0.2, seed=1, repetitions=3, rules=only("route", second))
    ((demand, ways),) = asked
    assert demand == 0
    expected = list(islice(nx.shortest_simple_paths(graph, 0, 2, weight="time_s"), 8))
    assert [list(way.nodes) for way in ways] == expected
    assert tuple(f"n{node}" for node in ways[0].nodes) == network.route(0)
    for way in ways:
        assert way.time_s == pytest.approx(nx.path_weight(graph, way.nodes, "time_s"), rel=1e-12)
        werner = math.prod(
            graph.edges[pair]["werner"] for pair in zip(way.nodes, way.nodes[1:], strict=False)
        )
        assert way.fidelity == pytest.approx(0.25 + 0.75 * werner, rel=1e-12)
    assert len(run.deliveries) > 20
    assert (run.deliveries.hops == len(expected[1]) - 1).all()
    attempted = run.utilization.links > 0
    used = [{a, b} for (a, b), tried in zip(network.pairs.tolist(), attempted, strict=True) if tried]
    assert sorted(map(sorted, used)) == sorted(map(sorted, zip(expected[1], expected[1][1:], strict=False)))


def raising(*asked):
    raise RuntimeError("no idea")


@pytest.mark.parametrize("name", ["next_link", "swap_pair", "distill_pair", "cutoff_s", "route"])
def test_what_a_rule_raises_ends_the_run(name):
    with pytest.raises(RuntimeError, match="no idea") as caught:
        ring().run(1e3, seed=7, policy=POLICY, rules=only(name, raising), repetitions=2, threads=2)
    assert caught.value.partial.duration_s < 0.1


def test_a_run_that_a_rule_ends_is_a_prefix_of_the_whole_one():
    whole = ring().run(1.0, seed=7)

    def until(now_s, nodes, pair):
        if now_s > 0.5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt) as caught:
        ring().run(1.0, seed=7, rules=only("cutoff_s", until))
    part = caught.value.partial
    assert 0.5 < part.duration_s < 0.6
    count = int(np.count_nonzero(whole.deliveries.time_s < part.duration_s))
    assert len(part.deliveries) == count > 10
    assert np.array_equal(part.deliveries.fidelity, whole.deliveries.fidelity[:count])


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        *((name, answer) for name in ("next_link", "swap_pair", "route") for answer in (99, -1, 0.5, "no")),
        *(("distill_pair", answer) for answer in (99, -1, 0.5, (0, 0), (0, 99), (0, -1), (0,), "no")),
        *(("cutoff_s", answer) for answer in (-1e-12, math.nan, math.inf, "no", (1.0,))),
    ],
)
def test_answers_that_are_none_are_refused(name, answer):
    with pytest.raises(il.ParameterError, match=rf"rules\.{name}") as caught:
        ring().run(1e3, seed=7, policy=POLICY, rules=only(name, lambda *asked: answer))
    assert caught.value.path == f"rules.{name}"


def test_questions_that_cannot_come_up_are_refused():
    with pytest.raises(il.ModelError, match=r"rules\.distill_pair"):
        ring().run(1.0, seed=1, rules=Same())
    alone = il.Network()
    for name in ("n0", "n1"):
        alone.add_node(name)
    alone.add_link(LINK, ("n0", "n1"))
    alone.saturate_links()
    for name in ("swap_pair", "distill_pair", "cutoff_s", "route"):
        with pytest.raises(il.ModelError, match=rf"rules\.{name}"):
            alone.run(1.0, seed=1, policy=POLICY, rules=only(name, lambda *asked: None))
    with pytest.raises(il.ParameterError, match=r"rules\.route"):
        ring().run(1.0, seed=1, rules=type("Wrong", (), {"route": 3})())
