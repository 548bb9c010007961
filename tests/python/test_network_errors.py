"""Bad networks are refused before they run: errors name parameter, value, domain and unit."""

import dataclasses

import numpy as np
import pytest

import ionlink as il

LINK = il.basic_link(efficiency=(0.2, 0.2), attempt_period_s=1e-5)
EMISSION = il.Emission(lifetime_s=7.4e-9)
COLLECTION = il.MeasuredEfficiency(0.1, includes=("collection",))
ALICE = il.Node("alice", emission=EMISSION, collection=COLLECTION)
BOB = dataclasses.replace(ALICE, name="bob")


def pair(**options):
    """Two nodes with a link."""
    network = il.Network()
    for name in ("alice", "bob"):
        network.add_node(name, **options)
    network.add_link(LINK, between=("alice", "bob"))
    return network


def link_of(node_a=ALICE, node_b=BOB):
    return il.Link(
        node_a,
        node_b,
        station=il.Station(window_duration_s=40e-9),
        schedule=il.Schedule(attempt_period_s=1e-6),
    )


def test_unknown_nodes_are_named_with_what_was_meant():
    network = pair()
    for refused, path in (
        (lambda: network.add_link(LINK, between=("alice", "bobb")), r"links\.1\.between\.1"),
        (lambda: network.add_links(LINK, [["alice", "bobb"]]), r"pairs\.0\.1"),
        (lambda: network.demand("alice", "bobb", saturate=True), r"demands\.0\.between\.1"),
        (lambda: network.demand("alice", "bob", saturate=True, route=["alice", "bobb"]), r"route\.1"),
        (lambda: network.run(1.0), r"demands"),
    ):
        with pytest.raises(il.ParameterError, match=path) as caught:
            refused()
        if path != "demands":
            assert 'got "bobb"' in str(caught.value)
            assert 'did you mean "bob"?' in str(caught.value)
    assert repr(network) == "<network of 2 nodes, 1 link, 0 demands>"


@pytest.mark.parametrize(
    ("route", "given"),
    [
        ([], "no node"),
        (["alice"], '"alice" alone'),
        (["bob", "alice"], 'from "bob" to "alice"'),
    ],
)
def test_a_route_from_elsewhere_is_shown_as_it_is(route, given):
    network = pair()
    network.demand("alice", "bob", saturate=True, route=route)
    with pytest.raises(il.ParameterError, match=r"`demands\.0\.route` must be from the first") as caught:
        network.run(1.0, seed=1)
    assert str(caught.value).endswith(f"got {given}")


def test_no_more_copies_than_memory_holds():
    network = pair()
    network.demand("alice", "bob", saturate=True)
    for refused, name in (
        (lambda: network.run(1.0, repetitions=2**20 + 1), "repetitions"),
        (lambda: network.add_link(LINK, ("alice", "bob"), parallel=2**20 + 1), "parallel"),
    ):
        with pytest.raises(il.ParameterError, match=rf"`{name}` must be a whole number from 1 to 2\*\*20"):
            refused()
    assert len(network.links) == 1


def test_time_outs_are_compared_with_links_in_use():
    network = pair(communication_ions=1)
    network.add_node("carol")
    slow = il.basic_link(efficiency=(0.2, 0.2), attempt_period_s=1e-3)
    network.add_link(slow, between=("alice", "carol"))
    network.demand("alice", "bob", saturate=True)
    brief = il.Policy(attempt_timeout_s=2e-5)
    assert network.run(0.1, seed=1, policy=brief).attempts[0] > 0
    network.demand("alice", "carol", saturate=True)
    with pytest.raises(
        il.ParameterError, match=r'link 1 \("alice" to "carol"\) takes 1e-3 \(s\), got 0.00002'
    ):
        network.run(0.1, seed=1, policy=brief)


def test_a_name_has_one_definition():
    network = il.Network()
    network.add_node(ALICE, communication_ions=2)
    with pytest.raises(il.ParameterError, match="'alice'") as caught:
        network.add_node(ALICE, communication_ions=2)
    assert "another definition" not in str(caught.value)
    with pytest.raises(il.ParameterError, match="there already, with another definition"):
        network.add_node("alice")
    other = dataclasses.replace(ALICE, emission=il.Emission(lifetime_s=8e-9))
    with pytest.raises(
        il.ParameterError, match="node 'alice' of link 'alice-bob' differs from node 'alice' of"
    ):
        network.add_link(link_of(other))
    assert len(network.nodes) == 1
    network.add_link(link_of())
    assert network.node_names == ("alice", "bob")
    with pytest.raises(il.ParameterError, match="differs from node 'bob' of link 'alice-bob'"):
        network.add_link(link_of(node_b=dataclasses.replace(other, name="bob")))
    with pytest.raises(il.ParameterError, match="two definitions of one name"):
        network.add_links(link_of(other), [("alice", "bob")])
    # elsewhere the link's alice is not the network's
    network.add_node("carol")
    network.add_link(link_of(other), between=("carol", "bob"))


def test_a_node_brings_its_memory_and_gates():
    gates, memory = il.Gates(two_qubit_fidelity=0.99), il.Memory(t2_s=1.0)
    node = dataclasses.replace(ALICE, gates=gates, memory=memory)
    network = il.Network()
    network.add_node(node)
    assert (network.nodes[0].gates, network.nodes[0].memory) == (gates, memory)
    for name, value in (("gates", il.Gates()), ("memory", il.Memory())):
        with pytest.raises(
            il.ParameterError, match=f"`{name}` must be left out: node 'alice' brings its own"
        ):
            il.Network().add_node(node, **{name: value})


def test_links_bring_the_same_gates_or_the_node_has_its_own():
    noisy = dataclasses.replace(ALICE, gates=il.Gates(two_qubit_fidelity=0.9), name="x")
    better = dataclasses.replace(noisy, gates=il.Gates(two_qubit_fidelity=0.99))
    network = il.Network()
    for name in ("alice", "bob", "carol"):
        network.add_node(name)
    network.add_link(link_of(noisy), between=("alice", "bob"))
    with pytest.raises(il.ModelError, match=r"`links\.1` brings other gates for node 'alice'"):
        network.add_link(link_of(better), between=("alice", "carol"))
    with pytest.raises(il.ModelError, match="brings other gates for node 'alice'"):
        network.add_links(link_of(better), [("bob", "carol"), ("alice", "carol")])
    assert len(network.links) == 1
    network.add_link(link_of(better), between=("carol", "bob"))


def test_names_of_links_are_unique():
    network = il.Network()
    network.add_links(LINK, [(0, 1), (1, 2)], names=["a", "b"])
    for refused in (
        lambda: network.add_link(LINK, between=("0", "2"), name="b"),
        lambda: network.add_links(LINK, [(0, 2)], names=["a"]),
        lambda: network.add_links(LINK, [(0, 2), (0, 2)], names=["c", "c"]),
        lambda: network.add_links(LINK, [(0, 2)], names=["c", "d"]),
        lambda: network.add_link(LINK, between=("0", "2"), name=""),
    ):
        with pytest.raises(il.ParameterError, match="name"):
            refused()
    assert len(network.links) == 2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"communication_ions": 0}, r"`communication_ions` must be in \[1, 1073741824\], got 0"),
        ({"memory_ions": -1}, "`memory_ions`"),
        ({"buffer_per_link": 0}, r"`buffer_per_link` must be in \[1"),
        ({"dephasing_per_attempt": 0.6}, r"`dephasing_per_attempt` must be in .*, got 0.6"),
        ({"storage": il.Memory()}, "`storage`"),
        ({"memory": "good"}, "`memory` must be Memory"),
        ({"position": (float("nan"), 0.0)}, "`position`"),
    ],
)
def test_impossible_nodes(options, message):
    with pytest.raises(il.IonlinkError, match=message):
        il.Network().add_node("alice", **options)


def test_nodes_and_links_are_what_they_should_be():
    network = pair()
    for refused, message in (
        (lambda: network.add_node(3), "`node` must be an il.Node or the name of one, got 3"),
        (lambda: network.add_node(""), '`name` must be at least one character, got ""'),
        (lambda: network.add_link("stephenson2020"), "`link` must be an il.Link"),
        (lambda: network.add_link(LINK, between="ab"), "`links.1.between` must be the names of two nodes"),
        (
            lambda: network.add_link(LINK, between=("alice", "alice")),
            "`links.1.between.1` must be another node",
        ),
        (lambda: network.add_links(LINK, [[0, 1, 2]]), "`pairs` must be an array of shape"),
        (
            lambda: network.add_links(LINK, [[0, 2]]),
            "`pairs.0` must be numbers of 2 nodes, counted from 0, got",
        ),
        (lambda: network.add_links(LINK, [[0, 1], [1, 1]]), "`pairs.1` must be two different nodes"),
        (lambda: network.add_links(LINK, [[0, 1]], efficiency=[0.1, 0.1]), "`efficiency` must be an array"),
        (lambda: network.add_links(LINK, [[0, 1]], efficiency=[[0.1, 1.1]]), "efficiency` must be in"),
        (
            lambda: network.add_links(LINK, [[0, 1]], parameters={"nonsense": [1]}),
            "`nonsense` does not exist",
        ),
        (
            lambda: network.add_links(LINK, [[0, 1]], parameters={"mode_overlap": [1, 2]}),
            "one value for each",
        ),
        (lambda: il.Network(policy="asap"), "`policy` must be an il.Policy"),
        (lambda: network.route(0), "`demand` must be the number of one of 0 demands"),
        (lambda: network.link_name(1), "`link` must be the number of one of 1 links"),
    ):
        with pytest.raises(il.ParameterError) as caught:
            refused()
        assert message in str(caught.value)
    assert repr(network) == "<network of 2 nodes, 1 link, 0 demands>"
    ion_photon = il.basic_link(encoding="ion-photon", efficiency=(0.1, 0.1))
    with pytest.raises(il.ModelError, match="networks need two nodes"):
        network.add_link(ion_photon, between=("alice", "bob"))
    emission = il.Emission(lifetime_s=7.4e-9, transitions=("sigma", "pi"))
    lens = dataclasses.replace(ALICE, emission=emission, collection=il.Lens(numerical_aperture=0.6))
    with pytest.raises(
        il.ModelError, match="`efficiency`: node 'alice' of the link has no measured efficiency"
    ):
        il.Network().add_links(link_of(lens), [[0, 1]], efficiency=[[0.1, 0.1]])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "`demands.0.rate_hz`|`rate_hz` must be exactly one of rate_hz, times_s and saturate"),
        ({"saturate": True, "rate_hz": 1.0}, "exactly one of"),
        ({"rate_hz": -1.0}, r"`rate_hz` must be .* \(1/s\), got -1"),
        ({"times_s": [1.0, -1.0]}, r"`times_s\.1` must be ascending, .* \(s\), got -1"),
        ({"saturate": True, "min_fidelity": 1.5}, r"`min_fidelity` must be in \[0, 1\], got 1.5"),
        ({"saturate": True, "queue_limit": 0}, "`queue_limit` must be at least 1, got 0"),
        ({"saturate": True, "weight": "length"}, "`weight` must be one of"),
    ],
)
def test_impossible_demands(options, message):
    with pytest.raises(il.ParameterError, match=message):
        pair().demand("alice", "bob", **options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"swap": "never"}, "`swap` must be"),
        ({"swap_success_probability": 1.2}, r"`swap_success_probability` must be in \[0, 1\], got 1.2"),
        ({"cutoff_s": -1.0}, r"`cutoff_s` must be .* \(s\), got -1"),
        ({"rounds": 2}, "`rounds` must be left out without `distill`, got 2"),
        ({"distill": "dejmps", "rounds": 20}, r"`rounds` must be in \[1, 16\], got 20"),
        ({"attempt_timeout_s": 0.0}, "`attempt_timeout_s` must be"),
        ({"contention": "first"}, "`contention` must be"),
    ],
)
def test_impossible_policies(options, message):
    with pytest.raises(il.ParameterError, match=message):
        il.Policy(**options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"duration_s": -1.0}, r"`duration_s` must be finite and at least 0 \(s\), got -1"),
        ({"duration_s": 0.0}, r"`duration_s` must be above 0, at most 1e6 \(s\), got 0"),
        ({"duration_s": float("inf")}, "`duration_s`"),
        ({"repetitions": 0}, "`repetitions`"),
        ({"threads": 0}, "`threads`"),
        ({"record": "all"}, '`record` must be one of "summary", "deliveries", "trace", got "all"'),
        ({"states": "exact"}, '`states` must be one of "sampled", "mean"'),
        ({"policy": "asap"}, "`policy` must be an il.Policy"),
        ({"seed": -1}, "`seed`"),
        ({"progress": 3}, "`progress`"),
    ],
)
def test_impossible_runs(options, message):
    network = pair()
    network.demand("alice", "bob", saturate=True)
    with pytest.raises(il.ParameterError, match=message):
        network.run(**{"duration_s": 1.0, **options})


def test_networks_that_cannot_work():
    with pytest.raises(il.ParameterError, match="`links` must be at least one, got none"):
        il.Network().run(1.0)
    with pytest.raises(il.ParameterError, match="`demands` must be at least one"):
        pair().run(1.0)
    network = pair()
    network.add_node("carol")
    network.demand("alice", "carol", saturate=True)
    message = r'`demands\.0\.between` must be connected by links, got "alice" and "carol"'
    with pytest.raises(il.ParameterError, match=message):
        network.run(1.0)
    with pytest.raises(il.ParameterError, match=message):
        network.route(0)
    network = pair()
    network.saturate_links()
    network.demand("alice", "bob", saturate=True)
    with pytest.raises(il.ModelError, match="nothing left for demands"):
        network.run(1.0)
    dark = il.Network()
    dark.add_links(il.basic_link(efficiency=(0.0, 0.0)), [[0, 1]])
    dark.saturate_links()
    with pytest.raises(il.ParameterError, match="herald_probability"):
        dark.run(1.0)
    small = pair(communication_ions=1)
    small.demand("alice", "bob", saturate=True)
    with pytest.raises(il.ModelError, match="must store 2 qubits and has 1 ions"):
        small.run(1.0, policy=il.Policy(distill="dejmps"))


def test_questions_that_have_no_answer():
    network = pair()
    network.add_node("carol")
    network.demand("alice", "bob", saturate=True)
    run = network.run(0.01, seed=1, record="trace")
    for question, message in (
        (
            lambda: run.rate_hz("alice", "bobb"),
            'must be the name of a node of the network; did you mean "bob"?',
        ),
        (lambda: run.rate_hz("alice", "carol"), "must be the ends of at least one of the demands"),
        (lambda: run.fidelity(1), "the number of one of 1 demands"),
        (lambda: run.rho("alice"), "the names of two nodes"),
        (lambda: run.states(len(run.deliveries)), "`which` must be a slice, or an index of one of"),
        (lambda: run.history(len(run.deliveries)), "`delivery` must be an index of one of"),
    ):
        with pytest.raises(il.ParameterError) as caught:
            question()
        assert message in str(caught.value)
    empty = network.run(1e-6, seed=1)
    assert (len(empty.deliveries), empty.states().shape) == (0, (0, 4, 4))
    assert np.isnan(empty.fidelity().value)
    with pytest.raises(il.ParameterError, match="at least one delivered pair"):
        empty.rho("alice", "bob")
    assert "NaN" in str(empty) or "nan" in str(empty)
