"""Hubs: shared stations, switches, links side by side, rules of one's own, as users see them."""

import math

import numpy as np
import pytest

import ionlink as il

SECOND = il.basic_link(efficiency=(math.sqrt(2e-3),) * 2, lifetime_s=(1e-15, 1e-15), attempt_period_s=1e-3)
"""A link that takes a second per pair, within a thousandth."""


def hub(modules=8, count=1, *, rate_hz=None, discipline="queue", scheduling="longest_waiting", **switch):
    network = il.Network()
    for module in range(modules):
        network.add_node(f"module {module}")
    network.add_station("pool", count=count, discipline=discipline, scheduling=scheduling)
    if switch:
        network.add_switch("crossconnect", ports=modules + 2 * count, **switch)
    pairs = [(a, b) for a in range(modules) for b in range(a)]
    through = "crossconnect" if switch else None
    network.add_links(SECOND, pairs, station="pool", switch=through)
    if rate_hz is None:
        network.saturate_links()
    else:
        for a, b in pairs:
            network.demand(f"module {a}", f"module {b}", rate_hz=rate_hz / len(pairs))
    return network


def erlang_b(load, servers):
    blocked = 1.0
    for n in range(1, servers + 1):
        blocked = load * blocked / (n + load * blocked)
    return blocked


def test_requests_are_blocked_as_erlang_says():
    shares = []
    network = hub(60, 3, rate_hz=2.0, discipline="loss")
    for seed in range(20):
        run = network.run(1000.0, seed=seed, record="summary", states="mean")
        came, blocked = run.requests.sum(axis=0)
        shares.append(blocked / came)
    expected = erlang_b(2.0, 3)
    # a pair that is being served blocks its own requests too: 2 (1 - B) of 1770 pairs are
    expected += (1 - expected) * 2 * (1 - expected) / 1770
    pull = (np.mean(shares) - expected) / (np.std(shares, ddof=1) / math.sqrt(len(shares)))
    assert abs(pull) < 4
    other = (np.mean(shares) - erlang_b(2.0, 4)) / (np.std(shares, ddof=1) / math.sqrt(len(shares)))
    assert abs(other) > 8


def test_an_analyzer_serves_one_link_at_a_time_and_a_switch_takes_its_time():
    run = hub(8, 1, reconfiguration_s=0.25).run(2000.0, seed=3)
    assert run.utilization.stations[0] == pytest.approx(1.0, abs=1e-9)
    # 28 links take turns: a second and a quarter each
    assert abs(len(run.deliveries) - 1600) < 4 * 1600**0.5
    assert (np.diff(run.deliveries.time_s) > 0.25).all()


def test_the_loss_of_a_switch_is_in_the_physics_of_its_links():
    network = hub(4, 1, loss_db=1.0)
    lossy = network.links[0]
    passed = 10 ** (-2 * 1.0 / 10)
    assert lossy.exact().herald_probability == pytest.approx(
        passed * SECOND.exact().herald_probability, rel=1e-12
    )
    fibers = [il.Fiber(length_m=10.0, attenuation_db_per_km=0.2, group_index=1.468)]
    node = il.Node(
        "alice",
        emission=il.Emission(lifetime_s=8e-9),
        collection=il.MeasuredEfficiency(0.1, includes=("collection",)),
    )
    station = il.Station(window_duration_s=50e-9)
    other = il.Network()
    other.add_node(node)
    other.add_node(il.Node("bob", emission=node.emission, collection=node.collection))
    other.add_station("hub", station, count=2)
    other.add_switch("xc", ports=6, loss_db=2.0)
    number = other.connect(
        "alice",
        "bob",
        station="hub",
        switch="xc",
        paths=(fibers, fibers),
        schedule=il.Schedule(attempt_period_s=1e-5),
    )
    assert other.links[number].paths[0] == (*fibers, il.Switch(loss_db=2.0))
    other.demand("alice", "bob", saturate=True)
    assert other.run(1.0, seed=1).deliveries.hops.tolist()[:1] == [1]


def test_links_side_by_side_serve_one_demand():
    network = il.Network()
    for name in ("a", "b"):
        network.add_node(name)
    network.add_link(SECOND, ("a", "b"), parallel=5)
    network.demand("a", "b", saturate=True)
    run = network.run(4000.0, seed=5)
    rate = 1e3 * (1 - (1 - 1e-3) ** 5)
    assert abs(len(run.deliveries) - 4000 * rate) < 4 * math.sqrt(4000 * rate)


class Youngest:
    """The link that came last."""

    def __init__(self):
        self.asked = 0

    def next_link(self, now_s, station, waiting):
        self.asked += 1
        assert waiting[0].since_s <= waiting[-1].since_s <= now_s
        return len(waiting) - 1


def test_rules_of_ones_own_decide():
    rules = Youngest()
    network = hub(8, 1)
    run = network.run(200.0, seed=3, rules=rules)
    assert rules.asked > 100
    assert np.count_nonzero(np.bincount(run.deliveries.demand, minlength=28)) <= 2
    same = network.run(200.0, seed=3, rules=Youngest())
    assert (same.deliveries.time_s == run.deliveries.time_s).all()

    class Broken:
        def next_link(self, now_s, station, waiting):
            raise RuntimeError("no idea")

    with pytest.raises(RuntimeError, match="no idea"):
        network.run(200.0, seed=3, rules=Broken())
    with pytest.raises(il.ParameterError, match="next_link"):
        network.run(1.0, seed=1, rules=object())


def test_the_youngest_pair_waits_shortest():
    """Swapping the youngest of several stored pairs gives better pairs than swapping the oldest."""

    class Freshest:
        def swap_pair(self, now_s, node, left, waiting):
            return max(range(len(waiting)), key=lambda place: waiting[place].oldest_s)

    network = il.Network()
    network.add_node("a")
    network.add_node("s", communication_ions=8, buffer_per_link=6, memory=il.Memory(t2_s=10.0))
    network.add_node("b")
    network.add_link(SECOND, ("a", "s"))
    network.add_link(SECOND, ("s", "b"))
    network.demand("a", "b", saturate=True, in_flight=6)
    oldest = network.run(4000.0, seed=2).deliveries.fidelity
    freshest = network.run(4000.0, seed=2, rules=Freshest()).deliveries.fidelity
    error = math.hypot(oldest.std() / math.sqrt(len(oldest)), freshest.std() / math.sqrt(len(freshest)))
    assert freshest.mean() - oldest.mean() > 4 * error


def test_each_stage_of_an_omega_switch_loses_light():
    # six ports: three stages
    network = hub(4, 1, loss_db=0.5, loss_per_stage_db=0.4, topology="omega")
    assert network.links[0] == SECOND.through(0.5 + 3 * 0.4)
    passed = 10 ** (-2 * 1.7 / 10)
    heralded = network.links[0].exact().herald_probability
    assert heralded == pytest.approx(passed * SECOND.exact().herald_probability, rel=1e-12)
    worse = network.replace({"switches.crossconnect.loss_per_stage_db": 0.5})
    assert worse.links[0] == SECOND.through(2.0)
    assert worse.replace({"switches.crossconnect.loss_per_stage_db": 0.4}) == network
    wider = network.replace({"switches.crossconnect.ports": 9})
    assert wider.links[0] == SECOND.through(0.5 + 4 * 0.4)


@pytest.mark.parametrize(
    ("modules", "count", "ports"),
    [(4, 1, 8), (8, 1, 10), (8, 1, 1024), (8, 2, 16), (8, 4, 16), (16, 4, 32), (16, 8, 32)],
)
def test_an_empty_omega_switch_connects_any_two_modules(modules, count, ports):
    network = il.Network()
    for module in range(modules):
        network.add_node(f"module {module}")
    network.add_station("pool", count=count)
    network.add_switch("crossconnect", ports=ports, topology="omega")
    quick = il.basic_link(efficiency=(0.5, 0.5), attempt_period_s=1e-6)
    pairs = [(a, b) for a in range(modules) for b in range(a)]
    network.add_links(quick, pairs, station="pool", switch="crossconnect")
    for a, b in pairs:
        # so few that the switch is nearly always empty
        network.demand(f"module {a}", f"module {b}", rate_hz=20.0)
    run = network.run(2.0, seed=1, states="mean")
    assert run.utilization.stations[0] < 0.05
    assert (run.attempts > 0).all()
    assert run.pairs["delivered"] == run.requests[:, 0].sum()


def test_what_is_saturated_waits_also_where_requests_are_blocked():
    network = hub(4, 1, discipline="loss")
    patient = hub(4, 1)
    runs = [each.run(200.0, seed=4) for each in (network, patient)]
    assert (runs[0].deliveries.time_s == runs[1].deliveries.time_s).all()
    demands = il.Network()
    for name in "abcd":
        demands.add_node(name)
    demands.add_station("pool", count=1, discipline="loss")
    for pair in (("a", "b"), ("c", "d")):
        demands.add_link(SECOND, pair, station="pool")
        demands.demand(*pair, saturate=True)
    run = demands.run(200.0, seed=4)
    assert run.blocked == 0
    assert (run.attempts > 0).all()


@pytest.mark.parametrize(("reconfiguration_s", "least"), [(0.0, "1e-3"), (0.5, "5.01e-1")])
def test_a_time_out_shorter_than_an_attempt_is_refused(reconfiguration_s, least):
    network = hub(4, 1, reconfiguration_s=reconfiguration_s)
    long_enough = float(least)
    assert network.run(20.0, seed=1, policy=il.Policy(attempt_timeout_s=long_enough)).attempts.all()
    with pytest.raises(il.ParameterError) as caught:
        network.run(20.0, seed=1, policy=il.Policy(attempt_timeout_s=long_enough - 1e-9))
    assert caught.value.path == "policy.attempt_timeout_s"
    assert f"at least {least}" in str(caught.value)
    assert "link 0" in str(caught.value)
    assert ('"crossconnect"' in str(caught.value)) == (reconfiguration_s > 0)


def test_hubs_survive_files_graphs_and_pickles(tmp_path):
    import pickle

    network = hub(4, 1, loss_db=1.0, loss_per_stage_db=0.1, reconfiguration_s=1e-3, topology="omega")
    network.to_toml(tmp_path / "hub.toml")
    for other in (
        il.Network.from_toml(tmp_path / "hub.toml"),
        il.Network.from_networkx(network.to_networkx()),
        pickle.loads(pickle.dumps(network)),
    ):
        assert other == network
        runs = [each.run(50.0, seed=9).deliveries.time_s for each in (network, other)]
        assert (runs[0] == runs[1]).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda net: net.add_station("pool"), "different from every other station's"),
        (lambda net: net.add_station("other", count=0), "count"),
        (lambda net: net.add_switch("xc", ports=3), "ports"),
        (lambda net: net.add_switch("xc", ports=8, loss_db=-1.0), "loss_db"),
        (lambda net: net.add_switch("xc", ports=8, topology="ring"), "topology"),
        (
            lambda net: net.add_switch("xc", ports=8, loss_per_stage_db=500.0, topology="omega"),
            "loss_per_stage_db",
        ),
        (
            lambda net: net.add_link(SECOND, ("module 0", "module 1"), parallel=10**10),
            r"`parallel` must be a whole number from 1 to 2\*\*20",
        ),
        (lambda net: net.add_link(SECOND, ("module 0", "module 1"), station="pol"), '"pool"'),
        (
            lambda net: net.add_link(SECOND, ("module 0", "module 1"), switch="xc"),
            "left out without `station`",
        ),
        (lambda net: net.connect("module 0", "module 1", station="pool", schedule=None), "il.Node"),
    ],
)
def test_impossible_hubs_are_refused(change, message):
    with pytest.raises(il.ParameterError, match=message):
        change(hub(4))


def test_a_crossbar_has_no_stages_that_lose_light():
    with pytest.raises(il.ModelError, match=r"`loss_per_stage_db`.*crossbar"):
        hub(4).add_switch("xc", ports=8, loss_per_stage_db=0.1)


def test_a_switch_with_too_few_ports_is_refused():
    network = hub(4, 1, loss_db=0.0)
    network.add_node("one too many")
    network.add_link(SECOND, ("module 0", "one too many"), station="pool", switch="crossconnect")
    with pytest.raises(il.ParameterError, match=r"switches.0.ports.*at least 7"):
        network.run(1.0, seed=1)
