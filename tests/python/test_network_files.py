"""Networks as files, as graphs and on the command line."""

import json
import math
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

import ionlink as il

FILE = """
[[nodes]]
name = "alice"
communication_ions = 2
position = [0.0, 1.0]
[[nodes]]
name = "carol"
communication_ions = 2
memory = { t2_s = 0.5 }
gates = { two_qubit_fidelity = 0.99, duration_s = 1e-4 }
[[nodes]]
name = "bob"

[[links]]
between = ["alice", "carol"]
name = "west"
link = "near"
[[links]]
between = ["carol", "bob"]
link = "near"
[[links]]
between = ["alice", "bob"]
link = "far"
efficiency = [0.1, 0.2]

[[demands]]
between = ["alice", "bob"]
rate_hz = 10.0
route = ["alice", "carol", "bob"]
min_fidelity = 0.6

[policy]
swap_success_probability = 0.5

[models.near]
preset = "stephenson2020"
[models.far]
file = "far.toml"
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "net.toml").write_text(FILE, encoding="utf-8")
    il.basic_link(efficiency=(0.01, 0.02), mode_overlap=0.9).to_toml(tmp_path / "far.toml")
    return tmp_path


def test_a_file_is_what_it_says(folder):
    network = il.Network.from_toml(folder / "net.toml")
    near, again, far = network.links
    assert near is again
    assert near == il.presets.load("stephenson2020")
    assert far == il.basic_link(efficiency=(0.1, 0.2), mode_overlap=0.9)
    assert network.pairs.tolist() == [[0, 1], [1, 2], [0, 2]]
    assert [network.link_name(number) for number in range(3)] == ["west", "carol-bob", "alice-bob"]
    alice, carol, bob = network.nodes
    assert alice == il.NetworkNode("alice", communication_ions=2, position=(0.0, 1.0))
    assert carol.memory == il.Memory(t2_s=0.5)
    assert carol.gates == il.Gates(two_qubit_fidelity=0.99, duration_s=1e-4)
    assert bob == il.NetworkNode("bob")
    assert network.demands == (
        il.Demand(between=("alice", "bob"), rate_hz=10.0, route=("alice", "carol", "bob"), min_fidelity=0.6),
    )
    assert network.policy == il.Policy(swap_success_probability=0.5)
    assert not network.saturated


def test_files_and_graphs_come_back_equal(folder):
    networkx = pytest.importorskip("networkx")
    network = il.Network.from_toml(folder / "net.toml")
    network.to_toml(folder / "again.toml")
    again = il.Network.from_toml(folder / "again.toml")
    assert again == network
    graph = network.to_networkx()
    assert isinstance(graph, networkx.MultiGraph)
    assert il.Network.from_networkx(graph) == network
    run, twin = network.run(1.0, seed=1), again.run(1.0, seed=1)
    assert run.deliveries == twin.deliveries
    saturated = il.Network()
    saturated.add_links(il.basic_link(efficiency=(0.1, 0.1)), [(0, 1), (2, 1), (1, 0)])
    saturated.saturate_links()
    saturated.to_toml(folder / "saturated.toml")
    assert il.Network.from_toml(folder / "saturated.toml") == saturated != network
    assert il.Network.from_networkx(saturated.to_networkx()) == saturated


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("memory = {", "memories = {", "`nodes.1.memories` does not exist; did you mean"),
        ("t2_s = 0.5", "t2_s = -1", "`nodes.1.memory.t2_s` must be"),
        ('name = "bob"', 'name = "alice"', "'alice'"),
        ('["carol", "bob"]', '["carol", "bobb"]', 'did you mean "bob"?'),
        ('link = "far"', 'link = "fare"', "`links.2.link` must be one of the models near, far"),
        ("efficiency = [0.1, 0.2]", "efficiency = [0.1, 1.2]", "efficiency"),
        ("rate_hz = 10.0", "rate_hz = 0.0", "`demands.0.rate_hz` must be"),
        ("rate_hz = 10.0", "", "exactly one of rate_hz, times_s and saturate"),
        ("[policy]", "[policies]", "`policies` does not exist; did you mean `policy`?"),
        ("swap_success", "swap_succes", "`policy.swap_succes_probability` does not exist"),
        ('preset = "stephenson2020"', 'preset = "stephenson"', "stephenson2020"),
        ('preset = "stephenson2020"', 'preset = "stephenson2020"\nname = "x"', "`models.near.name` must be"),
        ('preset = "stephenson2020"', "mode_overlap = 2", "`models.near"),
        ("[models.far]", "[models.far", "net.toml: line"),
    ],
)  # fmt: skip
def test_what_is_wrong_in_a_file_is_named(folder, old, new, message):
    path = folder / "net.toml"
    assert old in FILE
    path.write_text(FILE.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(il.ParameterError) as caught:
        il.Network.from_toml(path)
    assert message in str(caught.value)
    assert str(path) in str(caught.value)


def test_files_that_are_not_there_or_no_text(folder):
    (folder / "far.toml").unlink()
    with pytest.raises(OSError, match=r"far\.toml"):
        il.Network.from_toml(folder / "net.toml")
    (folder / "net.toml").write_bytes(b"\xff")
    with pytest.raises(il.ParameterError, match="not a text in UTF-8"):
        il.Network.from_toml(folder / "net.toml")


def test_graphs_of_networkx_become_networks():
    networkx = pytest.importorskip("networkx")
    link = il.basic_link(efficiency=(0.2, 0.2))
    network = il.Network.from_networkx(networkx.random_geometric_graph(30, 0.3, seed=1), link)
    assert len(network.nodes) == 30
    assert all(node.position is not None for node in network.nodes)
    graph = networkx.path_graph(["a", "b", "c"])
    graph.nodes["b"]["memory_ions"] = 3
    graph.edges["a", "b"].update(name="first", efficiency=(0.1, 0.3), between=("b", "a"))
    graph.graph["demands"] = [il.Demand(between=("a", "c"), saturate=True)]
    network = il.Network.from_networkx(graph, link)
    assert network.nodes[1] == il.NetworkNode("b", memory_ions=3)
    assert network.link_name(0) == "first"
    assert network.pairs.tolist() == [[1, 0], [1, 2]]
    assert network.links == (il.basic_link(efficiency=(0.1, 0.3)), link)
    assert network.run(0.01, seed=1).delivered() > 0
    for place, message in (
        (lambda graph: graph.nodes["a"], "`nodes.a.ions` must be left out"),
        (lambda graph: graph.edges["a", "b"], "`edges.a.b.ions` must be left out"),
        (lambda graph: graph.graph, "`graph.ions` must be left out"),
    ):
        graph = networkx.path_graph(["a", "b", "c"])
        place(graph)["ions"] = 3
        with pytest.raises(il.ParameterError) as caught:
            il.Network.from_networkx(graph, link)
        assert message in str(caught.value)
    graph = networkx.path_graph(["a", "b", "c"])
    with pytest.raises(il.ParameterError, match=r"`edges\.a\.b\.link` must be an il\.Link"):
        il.Network.from_networkx(graph)
    with pytest.raises(il.ParameterError, match="an undirected graph"):
        il.Network.from_networkx(networkx.DiGraph([("a", "b")]), link)
    with pytest.raises(il.ParameterError, match=r"`graph` must be a networkx\.Graph"):
        il.Network.from_networkx([("a", "b")], link)


def ionlink(*arguments, **options):
    return subprocess.run(
        [sys.executable, "-W", "error", "-m", "ionlink", *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        **options,
    )


@pytest.mark.parametrize(
    "text",
    [
        '[[nodes]]\nname = "a"\n',
        '[[nodes]]\nname = "a"\ncommunication_ions = 2\nmemory = { t2_s = 1.0 }\n',
        '[[nodes]]\nname = "a"\n[[demands]]\nbetween = ["a", "b"]\nsaturate = true\n',
        "[policy]\ncutoff_s = 1.0\n",
        "saturate_links = true\n",
    ],
)
def test_a_network_that_lacks_its_links_is_a_network_all_the_same(tmp_path, text):
    path = tmp_path / "net.toml"
    path.write_text(text, encoding="utf-8")
    result = ionlink("run", str(path), "--duration", "1")
    assert result.returncode != 0
    assert "`links` is missing" in result.stderr
    assert "emission" not in result.stderr


def test_a_link_that_lacks_its_station_is_a_link_all_the_same(tmp_path):
    path = tmp_path / "link.toml"
    path.write_text('[[nodes]]\nname = "a"\nemission = { lifetime_s = 8e-9 }\n', encoding="utf-8")
    result = ionlink("run", str(path), "--heralds", "1")
    assert result.returncode != 0
    assert "nodes.0.collection" in result.stderr, result.stderr


def test_the_command_line_runs_networks(folder):
    path, trace = str(folder / "net.toml"), folder / "trace.jsonl"
    result = ionlink("run", path, "--duration", "2", "--seed", "7", "--trace", str(trace))
    assert (result.returncode, result.stderr) == (0, "")
    run = il.Network.from_toml(path).run(2.0, seed=7, record="trace")
    assert result.stdout == f"{run}\n"
    assert "alice - bob" in result.stdout
    lines = trace.read_text(encoding="utf-8").splitlines()
    assert len(lines) == len(run.trace)
    assert json.loads(lines[0])["repetition"] == 0


def test_the_command_line_answers_machines(folder):
    path = str(folder / "net.toml")
    result = ionlink("run", path, "--duration", "0.5", "--seed", "7", "--repetitions", "3", "--json")
    assert (result.returncode, result.stderr) == (0, "")
    answer = json.loads(result.stdout, parse_constant=pytest.fail)
    run = il.Network.from_toml(path).run(0.5, seed=7, repetitions=3)
    assert answer["results"][0]["name"] == "alice - bob"
    assert answer["all"]["pairs"] == run.delivered()
    assert math.isclose(answer["all"]["rate_hz"]["value"], run.rate_hz().value)
    assert (answer["seed"], answer["repetitions"]) == (7, 3)
    assert answer["duration_s"] == pytest.approx(1.5)


def test_the_command_line_draws_networks(folder):
    pytest.importorskip("matplotlib")
    path, picture = str(folder / "net.toml"), folder / "net.png"
    result = ionlink(
        "run", path, "--duration", "0.5", "--seed", "7", "--record", "summary", "--plot", picture
    )
    assert (result.returncode, result.stderr) == (0, "")
    assert picture.read_bytes().startswith(b"\x89PNG")
    # a picture that cannot be written is refused before a run that would never end
    for name, message in (("net.docx", "ending in one of"), ("no/net.png", "no such folder")):
        result = ionlink("run", path, "--duration", "1e6", "--plot", folder / name)
        assert (result.returncode, result.stdout) == (2, "")
        assert message in result.stderr


def test_options_of_links_and_of_networks_are_not_mixed_up(folder):
    path = str(folder / "net.toml")
    for arguments, message in (
        ((path,), "a network needs --duration"),
        ((path, "--heralds", "10"), "--heralds is for links"),
        ((path, "--duration", "1", "--engine", "herald"), "--engine is for links"),
        (
            (path, "--duration", "1", "--trace", "x.jsonl", "--record", "summary"),
            "--trace needs --record trace",
        ),
        ((path, "--duration", "1", "--trace", str(folder / "no" / "x.jsonl")), "no such folder"),
        (("stephenson2020", "--repetitions", "2"), "--repetitions is for networks"),
        (("stephenson2020", "--record", "trace"), "--record is for networks"),
    ):
        result = ionlink("run", *arguments)
        assert (result.returncode, result.stdout) == (2, "")
        assert message in result.stderr
        assert len(result.stderr.splitlines()) == 1


@pytest.mark.skipif(os.name == "nt", reason="SIGINT cannot be sent to one process")
def test_ctrl_c_prints_what_was_delivered(folder, ended):
    path = folder / "long.toml"
    text = FILE.replace("rate_hz = 10.0", "saturate = true").replace(
        'preset = "stephenson2020"', 'file = "far.toml"'
    )
    path.write_text(text, encoding="utf-8")
    il.basic_link(efficiency=(0.5, 0.5)).to_toml(folder / "far.toml")
    arguments = ["run", str(path), "--duration", "1e5", "--seed", "1", "--record", "summary"]
    with subprocess.Popen(
        [sys.executable, "-m", "ionlink", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        time.sleep(2.0)
        process.send_signal(signal.SIGINT)
        output, errors = ended(process)
    assert process.returncode == 130
    assert "interrupted before its end" in output
    assert errors == ""


def test_numbers_of_nodes_may_be_any_integers(folder):
    network = il.Network()
    network.add_links(il.basic_link(efficiency=(0.1, 0.1)), np.array([[0, 3]], dtype=np.uint8))
    assert network.node_names == ("0", "1", "2", "3")
