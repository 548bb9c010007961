"""Parameters of networks by path: changed copies, and what is refused."""

import dataclasses
import pickle

import pytest

import ionlink as il

LINK = il.basic_link(efficiency=(0.2, 0.2), attempt_period_s=1e-5)
OTHER = il.basic_link(efficiency=(0.1, 0.3), attempt_period_s=1e-5, mode_overlap=0.8)


def repeater(link=LINK, other=LINK, **nodes):
    """Two links in a row with a name on the second one, and two demands."""
    network = il.Network()
    for name in ("alice", "carol", "bob"):
        network.add_node(name, communication_ions=2, **nodes)
    network.add_link(link, between=("alice", "carol"))
    network.add_link(other, between=("carol", "bob"), name="east")
    network.demand("alice", "bob", saturate=True)
    network.demand("alice", "carol", rate_hz=100.0, queue_limit=2)
    return network


def hub(loss_db=1.0, link=LINK):
    """Three modules around a station behind a switch, and one link beside it."""
    network = il.Network()
    for number in range(3):
        network.add_node(f"module {number}", communication_ions=2)
    network.add_station("pool", count=1)
    network.add_switch("xc", ports=8, loss_db=loss_db)
    for a, b in ((0, 1), (1, 2)):
        ends = (f"module {a}", f"module {b}")
        network.add_link(link, ends, station="pool", switch="xc")
        network.demand(*ends, saturate=True)
    network.add_link(link, ("module 0", "module 2"), name="direct")
    return network


def test_a_changed_copy_is_the_network_that_was_made_so():
    network = repeater()
    before = pickle.loads(pickle.dumps(network))
    memory = il.Memory(t2_s=1.0)
    changed = network.replace(
        {
            "links.*.mode_overlap": 0.9,
            "links.east.station.window_duration_s": 20e-9,
            "nodes.*.memory": memory,
            "nodes.carol.memory_ions": 3,
            "demands.1.rate_hz": 50,
            "policy.cutoff_s": 0.1,
        }
    )
    expected = il.Network(policy=il.Policy(cutoff_s=0.1))
    for name, ions in (("alice", 0), ("carol", 3), ("bob", 0)):
        expected.add_node(name, communication_ions=2, memory_ions=ions, memory=memory)
    expected.add_link(LINK.replace({"mode_overlap": 0.9}), between=("alice", "carol"))
    east = LINK.replace({"mode_overlap": 0.9, "station.window_duration_s": 20e-9})
    expected.add_link(east, between=("carol", "bob"), name="east")
    expected.demand("alice", "bob", saturate=True)
    expected.demand("alice", "carol", rate_hz=50.0, queue_limit=2)
    assert changed == expected != network == before
    assert changed.run(0.05, seed=1) == expected.run(0.05, seed=1) != network.run(0.05, seed=1)
    # neither knows what becomes of the other
    changed.add_node("dave")
    changed.demand("carol", "bob", saturate=True)
    assert (network.node_names, len(network.demands)) == (("alice", "carol", "bob"), 2)
    assert network == before


def test_names_and_numbers_lead_to_the_same():
    network = repeater()
    for one, other, value in (
        ("nodes.carol.memory_ions", "nodes.1.memory_ions", 1),
        ("links.east.mode_overlap", "links.1.mode_overlap", 0.5),
        ("links.alice-carol.mode_overlap", "links.0.mode_overlap", 0.5),
    ):
        assert network.replace({one: value}) == network.replace({other: value}) != network
    dotted = il.Network()
    for name in ("a.b", "a", "1", "0"):
        dotted.add_node(name, communication_ions=2)
    dotted.add_link(LINK, between=("a.b", "a"))
    dotted.add_link(LINK, between=("1", "0"), name="0")
    dotted.saturate_links()
    assert [node.memory_ions for node in dotted.replace({"nodes.a.b.memory_ions": 7}).nodes] == [7, 0, 0, 0]
    assert [node.memory_ions for node in dotted.replace({"nodes.0.memory_ions": 7}).nodes] == [0, 0, 0, 7]
    assert [link.mode_overlap for link in dotted.replace({"links.0.mode_overlap": 0.5}).links] == [1.0, 0.5]
    assert dotted.replace({"links.a.b-a.mode_overlap": 0.5}).links[0].mode_overlap == 0.5


def test_whole_tables_and_links_can_be_given():
    network = repeater()
    changed = network.replace(
        {
            "nodes.alice": il.NetworkNode("alice", memory_ions=4),
            "nodes.bob": {"memory_ions": 5},
            "demands.1": il.Demand(between=("carol", "bob"), saturate=True),
            "policy": il.Policy(swap="nested"),
            "links.*": OTHER,
        }
    )
    assert changed.nodes[0] == il.NetworkNode("alice", memory_ions=4)
    assert changed.nodes[2] == il.NetworkNode("bob", memory_ions=5)
    assert changed.demands[1] == il.Demand(between=("carol", "bob"), saturate=True)
    assert (changed.policy, changed.links) == (il.Policy(swap="nested"), (OTHER, OTHER))
    assert network.replace({"links.*": OTHER.tree()}) == network.replace({"links.*": OTHER})
    assert network.replace({"links.1.efficiency": (0.1, 0.3)}).links == (
        LINK,
        il.basic_link(efficiency=(0.1, 0.3), attempt_period_s=1e-5),
    )
    deeper = network.replace({"nodes.carol.memory": il.Memory(t2_s=1.0), "nodes.carol.gates": il.Gates()})
    deeper = deeper.replace({"nodes.carol.memory.t2_s": 0.5, "nodes.carol.gates.readout_error": 0.01})
    assert deeper.nodes[1].memory == il.Memory(t2_s=0.5)
    assert deeper.nodes[1].gates == il.Gates(readout_error=0.01)


def test_physics_that_links_share_is_changed_once():
    network = il.Network()
    pairs = [(number, number + 1) for number in range(500)]
    network.add_links(LINK, pairs, efficiency=[(0.1, 0.1)] * 250 + [(0.2, 0.2)] * 250)
    network.saturate_links()
    changed = network.replace({"links.*.mode_overlap": 0.9})
    assert len({id(link) for link in changed.links}) == 2
    assert {link.mode_overlap for link in changed.links} == {0.9}


def test_the_loss_of_a_switch_stays_with_the_links_behind_it():
    network = hub()
    for changed, expected in (
        (network.replace({"switches.xc.loss_db": 3.0}), hub(loss_db=3.0)),
        (network.replace({"switches.0.loss_db": 0.0}), hub(loss_db=0.0)),
        (network.replace({"links.*.mode_overlap": 0.9}), hub(link=LINK.replace({"mode_overlap": 0.9}))),
        (
            network.replace({"links.*.mode_overlap": 0.9, "switches.*.loss_db": 2.0}),
            hub(loss_db=2.0, link=LINK.replace({"mode_overlap": 0.9})),
        ),
    ):
        assert changed == expected != network
        assert changed.replace({"switches.xc.loss_db": 1.0, "links.*.mode_overlap": 1.0}) == network
        assert changed.run(0.01, seed=1) == expected.run(0.01, seed=1)
    one, two = (network.replace({"stations.pool.count": count}).run(0.1, seed=1).heralds for count in (1, 2))
    assert two > 1.5 * one


def test_what_links_know_of_nodes_changes_with_them():
    emission = il.Emission(lifetime_s=7.4e-9)
    alice = il.Node(
        "alice", emission=emission, collection=il.MeasuredEfficiency(0.1, includes=("collection",))
    )
    bob, carol = dataclasses.replace(alice, name="bob"), dataclasses.replace(alice, name="carol")
    rest = {"station": il.Station(window_duration_s=40e-9), "schedule": il.Schedule(attempt_period_s=1e-6)}
    network = il.Network()
    network.add_link(il.Link(alice, bob, **rest))
    network.add_link(il.Link(alice, carol, **rest))
    path = "nodes.0.collection.efficiency"
    changed = network.replace({f"links.*.{path}": 0.2})
    brighter = dataclasses.replace(alice, collection=il.MeasuredEfficiency(0.2, includes=("collection",)))
    changed.add_link(il.Link(brighter, bob, **rest))
    with pytest.raises(il.ParameterError, match="two definitions of one name"):
        network.add_link(il.Link(brighter, bob, **rest))
    with pytest.raises(
        il.ParameterError, match=r"`links\.0\.nodes\.0.*node 'alice' would have two definitions"
    ):
        network.replace({f"links.0.{path}": 0.2})
    gates = network.replace({"links.*.nodes.0.gates": il.Gates(readout_error=0.1)})
    with pytest.raises(il.ModelError, match="other gates for node 'alice'"):
        gates.add_link(LINK.replace({"nodes.0.gates": il.Gates()}), between=("alice", "bob"))


BAD = [
    ({"nodes.alicee.memory_ions": 1}, "`nodes.alicee` does not exist; did you mean `nodes.alice`?"),
    ({"nodes.alice.memory_ion": 1}, "`nodes.alice.memory_ion` does not exist; did you mean `memory_ions`?"),
    ({"nodes.alice.memory_ions": -1}, "`nodes.alice.memory_ions` must be a whole number"),
    ({"nodes.*.memory_ions": "many"}, "`nodes.alice.memory_ions` must be"),
    ({"nodes.alice.memory_ions": 1 + 0j}, "`nodes.alice.memory_ions` must be a number"),
    ({"nodes.alice.memory.t2_s": 1.0}, "`nodes.alice.memory` is not set, so that there is no `t2_s` in it"),
    ({"nodes.alice.name": "eve"}, "`nodes.alice.name` must be left out"),
    ({"nodes.alice": il.Policy()}, "`nodes.alice` must be an il.NetworkNode"),
    ({"nodes.alice": il.NetworkNode("eve")}, "`nodes.alice.name` must be 'alice'"),
    ({"nodes.alice": 3}, "`nodes.alice` must be an il.NetworkNode"),
    ({"demands.2.rate_hz": 1.0}, "`demands.2` does not exist: there are 2 demands, counted from 0"),
    ({"demands.1.rate_hz": 0.0}, "`demands.1.rate_hz` must be"),
    ({"demands.0.rate_hz": 5.0}, "exactly one of rate_hz, times_s and saturate"),
    ({"demands.1.between": ("alice", "eve")}, '`demands.1.between.1` must be the name of a node'),
    ({"policy.cutof_s": 1}, "`policy.cutof_s` does not exist; did you mean `cutoff_s`?"),
    ({"policy.swap.way": 1}, "`policy.swap.way` does not exist"),
    ({"stations.hub.count": 1}, "`stations.hub` does not exist"),
    ({"switches.*.loss_db": 1}, "`switches.*.loss_db`: the network has no switches"),
    ({"links.*.mode_overlap": 2}, "`links.0.mode_overlap` must be in [0, 1]"),
    ({"links.east.mode_overlapp": 1}, "`links.east.mode_overlapp` does not exist; did you mean `mode_ov"),
    ({"links.*.nodes.0.memory.t2_s": 1}, "set `links.0.nodes.0.memory` to il.Memory(...)"),
    ({"links.7.mode_overlap": 1}, "`links.7` does not exist: there are 2 links, counted from 0"),
    ({"links.west.mode_overlap": 1}, "`links.west` does not exist"),
    ({"links.0.between": ("a", "b")}, "`links.0.between` must be left out"),
    ({"links.0.station": "pool"}, "`links.0.station` must be left out"),
    ({"links.0.efficiency": 0.1}, "`links.0.efficiency` must be a pair of efficiencies"),
    ({"links.0": "stephenson2020"}, "`links.0` must be an il.Link"),
    ({"links.*.encoding": il.IonPhoton()}, "links.0"),
    ({"links.*.mode_overlap": 1, "links.1.mode_overlap": 1}, "must not both be given"),
    ({"nodes.alice.memory_ions": 1, "nodes.0.memory_ions": 2}, "must not both be given"),
    ({"links.0.efficiency": (0.1, 0.1), "links.*.nodes.1.collection.efficiency": 0.1}, "must not both"),
    ({"policy": il.Policy(), "policy.cutoff_s": 1.0}, "must not both be given"),
    ({"model.near.mode_overlap": 1}, "`model` does not exist. Parameters of a network begin with `nodes`"),
    ({"models.near.mode_overlap": 1}, "the physics of links is `links.*.PATH`"),
    ({"node.alice.memory_ions": 1}, "`node` does not exist; did you mean `nodes`?"),
    ({"links": 1}, "`changes` must be paths to a parameter, such as `links.*.FIELD`"),
    ({3: 1}, "`changes` must be a mapping whose keys are parameter paths"),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "message"), BAD)
def test_bad_paths_and_values_are_refused_by_name(changes, message):
    network = repeater()
    before = pickle.loads(pickle.dumps(network))
    with pytest.raises((il.ParameterError, il.ModelError)) as caught:
        network.replace(changes)
    assert message in str(caught.value)
    assert network == before


def test_what_would_change_nothing_or_be_anything_is_refused():
    own = repeater(gates=il.Gates())
    with pytest.raises(il.ModelError, match=r"`links\.\*\.nodes\.0\.gates` changes nothing"):
        own.replace({"links.*.nodes.0.gates": il.Gates(readout_error=0.1)})
    parallel = il.Network()
    for name in ("alice", "bob"):
        parallel.add_node(name)
    parallel.add_link(LINK, between=("alice", "bob"), parallel=2)
    with pytest.raises(il.ParameterError, match=r"is the name of 2 links: say which, `links\.0`, `links\.1`"):
        parallel.replace({"links.alice-bob.mode_overlap": 0.5})
    lossy = repeater(link=il.presets.load("saha2025"))
    with pytest.raises((il.ParameterError, il.ModelError), match="efficiency"):
        lossy.replace({"links.0.efficiency": (0.1, 2.0)})


def test_no_changes_make_an_equal_network():
    for network in (repeater(), hub()):
        copy = network.replace({})
        assert copy == network
        assert copy is not network
        assert copy.run(0.01, seed=1) == network.run(0.01, seed=1)
