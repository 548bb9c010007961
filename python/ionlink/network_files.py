"""Networks as files and as graphs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from ionlink import _core, presets
from ionlink.errors import ParameterError, refused
from ionlink.extras import imported
from ionlink.link import Link
from ionlink.parameters import Demand, HubStation, HubSwitch, MeasuredEfficiency, NetworkNode, Node, Policy
from ionlink.tables import branches, columns, plant

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Mapping

    from ionlink.network import Network
    from ionlink.tables import Parameters

    _N = TypeVar("_N", bound=Network)

EFFICIENCIES = tuple(f"nodes.{side}.collection.efficiency" for side in (0, 1))
_OF_NODES = tuple(column.name for column in columns(NetworkNode) if column.name != "name")
_OF_LINK_NODES = {column.name for column in columns(Node)} - {column.name for column in columns(NetworkNode)}
_OF_NETWORKS = ("links", "models", "demands", "policy", "stations", "switches", "saturate_links")
_OF_EDGES = ("link", "name", "efficiency", "between", "number", "station", "switch")


# --- files


def is_network(path: str | os.PathLike[str]) -> bool:
    """Whether a file is a network's: it has tables that no link has, or nodes alone that no link has."""
    import tomllib

    try:
        found = tomllib.loads(Path(path).read_bytes().decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError):
        return False  # the reader of link files says what is wrong
    if not found.keys().isdisjoint(_OF_NETWORKS):
        return True
    nodes = found.get("nodes")
    if found.keys() != {"nodes"} or not isinstance(nodes, list):
        return False
    return all(isinstance(node, dict) and node.keys().isdisjoint(_OF_LINK_NODES) for node in nodes)


def read(cls: type[_N], path: str | os.PathLike[str]) -> _N:
    """Network of a file."""
    file = Path(path)
    try:
        text = file.read_bytes().decode()
    except UnicodeDecodeError as error:
        raise ParameterError(f"{path}: not a text in UTF-8 (byte {error.start})") from None
    try:
        return of_text(cls, text, file.parent)
    except ParameterError as error:
        error.args = (f"{path}: {error}",)
        raise


def of_text(cls: type[_N], text: str, folder: Path) -> _N:
    """Network of the text of a file in a folder."""
    return _network(cls, _core.network_file(text), folder)


def _network(cls: type[_N], found: dict[str, Any], folder: Path) -> _N:
    network = cls(policy=_made(Policy, found["policy"]))
    for node in found["nodes"]:
        network._add(_made(NetworkNode, node))
    for station in found["stations"]:
        network._core.add_station(station)
        network._hub.stations[station["name"]] = _made(HubStation, station)
    for switch in found["switches"]:
        network._core.add_switch(switch)
        network._hub.switches[switch["name"]] = _made(HubSwitch, switch)
    models = {name: _model(name, model, folder) for name, model in found["models"].items()}
    changed: dict[tuple[str, float, float], Link] = {}
    for number, place in enumerate(found["links"]):
        link, efficiency = models[place["link"]], place.get("efficiency")
        if efficiency is not None:
            key = (place["link"], *efficiency)
            if key not in changed:
                changed[key] = _with_efficiency(link, efficiency, f"links.{number}.efficiency")
            link = changed[key]
        shared = {name: place[name] for name in ("station", "switch") if name in place}
        network.add_link(link, between=place["between"], name=place.get("name"), **shared)
    for demand in found["demands"]:
        network._add_demand(_made(Demand, demand))
    if found["saturate_links"]:
        network.saturate_links()
    return network


def _made(cls: type[Any], branch: Mapping[str, object]) -> Any:
    """Table of a branch that the core has checked."""
    made: Any = cls.__new__(cls)  # type: ignore[call-overload]
    plant(made, branch)
    return made


def _model(name: str, model: object, folder: Path) -> Link:
    here = f"models.{name}"
    if not isinstance(model, dict):
        raise refused(here, model, "a table: of a link, or with `preset` or `file`")
    for source in ("preset", "file"):
        if source not in model:
            continue
        if len(model) > 1:
            other = next(key for key in model if key != source)
            raise refused(f"{here}.{other}", model[other], f"left out beside `{source}`")
        if not isinstance(model[source], str):
            raise refused(f"{here}.{source}", model[source], "a text")
        load: Callable[[str], Link] = (
            presets.load if source == "preset" else lambda file: Link.from_toml(folder / file)
        )
        return load(model[source])
    try:
        return Link.from_tree(model)
    except ParameterError as error:
        path = f"{here}.{error.path}" if error.path else here
        error.args = (str(error).replace(f"`{error.path}`", f"`{path}`", 1),)
        error.path = path
        raise


def _with_efficiency(link: Link, efficiency: Any, path: str) -> Link:
    refuse_without_efficiency(link, efficiency, path)
    return link.replace(dict(zip(EFFICIENCIES, efficiency, strict=True)))


def refuse_without_efficiency(link: Link, efficiency: Any, path: str) -> None:
    """Refuse efficiencies for a link that has none which are measured; `path` names them."""
    for node in link.nodes:
        if not isinstance(node.collection, MeasuredEfficiency):
            domain = f"left out: node {node.name!r} of the link has no measured efficiency"
            raise refused(path, efficiency, domain)


def write(network: Network, path: str | os.PathLike[str]) -> None:
    """Write a network as a file."""
    Path(path).write_bytes(text_of(network).encode())


def text_of(network: Network) -> str:
    """A network as the text of a file that names no others."""
    names = _model_names(network)
    links = [
        {
            "between": [network.node_names[end] for end in pair],
            "name": network._link_names.get(number),
            "link": names[physics],
            **_shared(network, number),
        }
        for number, (pair, physics) in enumerate(zip(network.pairs.tolist(), network._physics, strict=True))
    ]
    document = {
        "saturate_links": network.saturated,
        "policy": _changed(network.policy),
        "nodes": [_changed(node) for node in network.nodes],
        "stations": [_changed(station) for station in network._hub.stations.values()],
        "switches": [_changed(switch) for switch in network._hub.switches.values()],
        "links": links,
        "demands": [_changed(demand) for demand in network.demands],
        # a switch's loss is added again by whoever reads the file
        "models": {name: _bare(network, number).core.tree() for number, name in names.items()},
    }
    for empty in ("policy", "nodes", "stations", "switches", "demands"):
        if not document[empty]:
            del document[empty]
    return _core.toml_text(document)


def _shared(network: Network, number: int) -> dict[str, str]:
    """Station and switch of a place, if it shares any."""
    station, switch = network._hub.shared.get(number, (None, None))
    return {name: value for name, value in (("station", station), ("switch", switch)) if value is not None}


def _bare(network: Network, physics: int) -> Link:
    """Physics as it was before a switch."""
    return network._hub.bare.get(physics, network._models[physics])


def _model_names(network: Network) -> dict[int, str]:
    """A name for the physics of each place: that of the link, where it has one of its own."""
    names: dict[int, str] = {}
    for number in dict.fromkeys(network._physics):
        name = network._models[number].name or "link"
        taken = set(names.values())
        names[number] = name if name not in taken else f"{name}_{number}"
    return names


def _changed(table: Parameters) -> dict[str, object]:
    """Fields of a table that differ from their defaults."""
    branch = branches(table)
    kept = (column for column in columns(type(table)) if getattr(table, column.name) != column.default)
    return {column.name: branch[column.name] for column in kept}


# --- graphs


def from_graph(cls: type[_N], graph: Any, link: Link | None) -> _N:
    """Network of a networkx graph."""
    for method in ("nodes", "edges", "is_directed"):
        if not hasattr(graph, method):
            raise refused("graph", graph, "a networkx.Graph or networkx.MultiGraph")
    if graph.is_directed():
        raise refused("graph", graph, "an undirected graph: links have no direction")
    _known("graph", graph.graph, ("policy", "demands", "saturate_links", "stations", "switches"))
    network = cls(policy=graph.graph.get("policy"))
    for station in graph.graph.get("stations", ()):
        network._core.add_station(branches(station))
        network._hub.stations[station.name] = station
    for switch in graph.graph.get("switches", ()):
        network._core.add_switch(branches(switch))
        network._hub.switches[switch.name] = switch
    _add_edges(network, graph, link, _add_nodes(network, graph))
    for demand in graph.graph.get("demands", ()):
        if not isinstance(demand, Demand):
            raise refused("demands", demand, "il.Demand objects")
        network._add_demand(demand)
    if graph.graph.get("saturate_links", False):
        network.saturate_links()
    return network


def _add_nodes(network: Network, graph: Any) -> dict[Any, str]:
    labels: dict[Any, str] = {}
    for label, attributes in graph.nodes(data=True):
        given = dict(attributes)
        if "pos" in given and "position" not in given:  # what generators of networkx call it
            given["position"] = given.pop("pos")
        _known(f"nodes.{label}", given, ("node", *_OF_NODES))
        node = given.pop("node", str(label))
        labels[label] = node if isinstance(node, str) else node.name
        network.add_node(node, **given)
    return labels


def _add_edges(network: Network, graph: Any, link: Link | None, labels: dict[Any, str]) -> None:
    edges = list(graph.edges(data=True))
    if all("number" in attributes for _, _, attributes in edges):
        edges.sort(key=lambda edge: edge[2]["number"])
    changed: dict[tuple[int, float, float], Link] = {}
    for a, b, attributes in edges:
        here = f"edges.{a}.{b}"
        _known(here, attributes, _OF_EDGES)
        found = attributes.get("link", link)
        if found is None:
            raise refused(f"{here}.link", None, "an il.Link, unless `link` is given for all")
        efficiency = attributes.get("efficiency")
        if efficiency is not None:
            key = (id(found), float(efficiency[0]), float(efficiency[1]))
            if key not in changed:
                changed[key] = _with_efficiency(found, tuple(efficiency), f"{here}.efficiency")
            found = changed[key]
        between = attributes.get("between", (a, b))
        if set(between) != {a, b}:
            raise refused(f"{here}.between", between, "the two nodes of the edge")
        shared = {name: attributes[name] for name in ("station", "switch") if name in attributes}
        network.add_link(found, [labels[end] for end in between], attributes.get("name"), **shared)


def _known(path: str, attributes: Mapping[str, object], names: tuple[str, ...]) -> None:
    for name, value in attributes.items():
        if name not in names:
            raise refused(f"{path}.{name}", value, f"left out: attributes here are {', '.join(names)}")


def graph(network: Network) -> Any:
    """Graph of a network."""
    networkx = imported("networkx", "graphs", "ionlink[networkx]")
    made = networkx.MultiGraph(
        policy=network.policy,
        demands=network.demands,
        saturate_links=network.saturated,
        stations=tuple(network._hub.stations.values()),
        switches=tuple(network._hub.switches.values()),
    )
    for node in network.nodes:
        kept = _changed(node).keys() - {"name"}
        made.add_node(node.name, **{name: getattr(node, name) for name in kept})
    names = network.node_names
    for number, (pair, physics) in enumerate(zip(network.pairs.tolist(), network._physics, strict=True)):
        between = tuple(names[end] for end in pair)
        given = network._link_names.get(number)
        extra = {**({} if given is None else {"name": given}), **_shared(network, number)}
        made.add_edge(*between, link=_bare(network, physics), between=between, number=number, **extra)
    return made
