"""Parameters of networks by path: what a path names, and networks with other values."""

from __future__ import annotations

import copy
from array import array
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from ionlink import _core
from ionlink.errors import ModelError, ParameterError, refused
from ionlink.link import Link
from ionlink.network_files import EFFICIENCIES, refuse_without_efficiency
from ionlink.network_hub import passage_loss_db
from ionlink.parameters import Demand, HubStation, HubSwitch, NetworkNode, Policy
from ionlink.tables import Parameters, branches, not_set, plain, plant

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ionlink.network import Network
    from ionlink.parameters import Gates, Node

    _N = TypeVar("_N", bound=Network)

__all__ = ["replaced"]

_CLASSES: dict[str, type[Parameters]] = {
    "nodes": NetworkNode,
    "stations": HubStation,
    "switches": HubSwitch,
    "demands": Demand,
    "policy": Policy,
}
_PLACES = ("nodes", "stations", "switches", "links", "demands", "policy")
_TOPOLOGY = ("between", "name", "link", "switch")
"""What network files say of a link that is not its physics."""
_ALL = "*"


class _Change(NamedTuple):
    """One path, taken apart: which tables it is about, as the path names them, and what of each."""

    path: str
    place: str
    tables: str
    numbers: Sequence[int]
    inside: str
    value: object


def replaced(network: _N, changes: Mapping[str, object]) -> _N:
    """Network with other values; the given one stays as it is."""
    found = [_change(network, path, value) for path, value in changes.items()]
    _refuse_twice(found)
    state = {name: _own(value) for name, value in network.__getstate__().items()}
    hub = state["_hub"]
    for place, tables in (
        ("nodes", state["_nodes"]),
        ("demands", state["_demands"]),
        ("stations", hub.stations),
        ("switches", hub.switches),
    ):
        keys = list(tables) if isinstance(tables, dict) else range(len(tables))
        for number, here in _by_number(found, place):
            shown = f"{place}.{keys[number] if place != 'nodes' else network.node_names[number]}"
            tables[keys[number]] = _table(place, tables[keys[number]], [_shown(one, shown) for one in here])
    for _, here in _by_number(found, "policy"):
        state["policy"] = _table("policy", state["policy"], here)
    _replace_links(network, state, [change for change in found if change.place == "links"])
    made = network.__class__.__new__(network.__class__)
    made.__setstate__(state)
    return made


def _shown(change: _Change, tables: str) -> _Change:
    """A change of all tables as that of one of them."""
    return change._replace(tables=tables) if len(change.numbers) > 1 else change


def _own(value: Any) -> Any:
    """A container that the new network may change; what is in it is never changed in place."""
    made = copy.copy(value)
    if isinstance(getattr(made, "__dict__", None), dict) and not isinstance(made, Parameters):
        made.__dict__.update({name: copy.copy(part) for name, part in made.__dict__.items()})
    return made


# --- which tables a path is about


def _change(network: Network, path: object, value: object) -> _Change:
    if not isinstance(path, str) or not path:
        raise refused("changes", path, "a mapping whose keys are parameter paths")
    place, _, rest = path.partition(".")
    if place == "policy":
        return _Change(path, place, place, (0,), rest, value)
    if place not in _PLACES or not rest:
        raise _no_place(path, place)
    names = _names(network, place)
    count = len(network._physics) if place == "links" else len(names)
    steps = rest.split(".")
    if steps[0] == _ALL:
        if not count:
            raise ParameterError(f"`{path}`: the network has no {place}", path=path)
        return _Change(path, place, f"{place}.{_ALL}", range(count), ".".join(steps[1:]), value)
    # names may have dots of their own
    for end in range(len(steps), 0, -1):
        name = ".".join(steps[:end])
        if name in names:
            return _Change(path, place, f"{place}.{name}", (names[name],), ".".join(steps[end:]), value)
    number, inside = steps[0], ".".join(steps[1:])
    if number.isdecimal() and str(int(number)) == number and int(number) < count:
        return _Change(path, place, f"{place}.{number}", (int(number),), inside, value)
    if place == "links":
        found = _by_ends(network, steps)
        if found is not None:
            return _Change(path, place, found[0], (found[1],), found[2], value)
    if place == "demands" or (place == "links" and number.isdecimal()):
        message = f"`{place}.{number}` does not exist: there are {count} {place}, counted from 0"
        raise ParameterError(message, path=path)
    raise _unknown(path, f"{place}.{number}", [f"{place}.{name}" for name in names])


def _names(network: Network, place: str) -> Mapping[str, int]:
    """Numbers of what has a name of its own."""
    if place == "nodes":
        return network._numbers
    if place == "links":
        return network._link_numbers
    if place == "demands":
        return {str(number): number for number in range(len(network._demands))}
    tables = network._hub.stations if place == "stations" else network._hub.switches
    return {name: number for number, name in enumerate(tables)}


def _by_ends(network: Network, steps: list[str]) -> tuple[str, int, str] | None:
    """A link without a name of its own, by that which its nodes give it."""
    for end in range(len(steps), 0, -1):
        name = ".".join(steps[:end])
        if "-" not in name:
            continue
        numbers = [
            number
            for number in range(len(network._physics))
            if number not in network._link_names and network.link_name(number) == name
        ]
        if len(numbers) > 1:
            shown = ", ".join(f"`links.{number}`" for number in numbers[:8])
            message = f"`links.{name}` is the name of {len(numbers)} links: say which, {shown}"
            raise ParameterError(message, path=f"links.{name}", domain="the name of one link")
        if numbers:
            return f"links.{name}", numbers[0], ".".join(steps[end:])
    return None


def _no_place(path: str, place: str) -> ParameterError:
    if place in _PLACES:
        return refused("changes", path, f"paths to a parameter, such as `{place}.{_ALL}.FIELD`")
    if place == "models":
        message = f"`{path}`: the physics of links is `links.{_ALL}.PATH`, or `links.NAME.PATH`"
        return ParameterError(message, path=path)
    places = ", ".join(f"`{known}`" for known in _PLACES)
    return _unknown(path, place, _PLACES, f". Parameters of a network begin with {places}")


def _unknown(path: str, wrong: str, names: Iterable[str], more: str = "") -> ParameterError:
    import difflib

    close = difflib.get_close_matches(wrong, list(names), n=1, cutoff=0.7)
    hint = f"; did you mean `{close[0]}`?" if close else ""
    message = f"`{wrong}` does not exist{hint}{more}"
    return ParameterError(message, path=path, suggestion=close[0] if close else None)


def _refuse_twice(changes: list[_Change]) -> None:
    """Refuse two values for one parameter: which of them held would depend on the order."""
    for number, one in enumerate(changes):
        for other in changes[:number]:
            if one.place != other.place or set(one.numbers).isdisjoint(other.numbers):
                continue
            if any(_overlap(a, b) for a in _paths(one) for b in _paths(other)):
                message = (
                    f"`{other.path}` and `{one.path}` must not both be given: they are about one parameter"
                )
                raise ParameterError(message, path=one.path, domain="independent paths")


def _paths(change: _Change) -> tuple[str, ...]:
    return EFFICIENCIES if (change.place, change.inside) == ("links", "efficiency") else (change.inside,)


def _overlap(one: str, other: str) -> bool:
    outer, inner = sorted((one, other), key=len)
    return not outer or inner == outer or inner.startswith(f"{outer}.")


def _by_number(changes: list[_Change], place: str) -> Iterable[tuple[int, list[_Change]]]:
    found: dict[int, list[_Change]] = {}
    for change in changes:
        if change.place == place:
            for number in change.numbers:
                found.setdefault(number, []).append(change)
    return found.items()


# --- tables of the network itself


def _table(place: str, table: Parameters | str, changes: list[_Change]) -> Any:
    """A node, station, switch, demand or policy with other values."""
    known = NetworkNode(table) if isinstance(table, str) else table
    kind = _CLASSES[place]
    branch = branches(known)
    prefix = changes[0].tables
    for change in changes:
        if not change.inside:
            branch = _whole(change, kind, known)
            continue
        if change.inside == "name" and place != "demands":
            raise refused(change.path, change.value, "left out: names stay, for paths are made of them")
        _put(known, branch, change)
    try:
        _core.check(kind._kind, branch)
    except (ParameterError, ModelError) as error:
        raise _within(error, prefix if error.path or len(changes) > 1 else changes[0].path) from None
    made: Any = kind.__new__(kind)
    plant(made, branch)
    return made


def _whole(change: _Change, kind: type[Parameters], known: Parameters) -> dict[str, object]:
    value = change.value
    if isinstance(value, Parameters) and type(value) is not kind:
        raise refused(change.path, value, f"an il.{kind.__name__}")
    given = plain(value)
    if not isinstance(given, dict):
        raise refused(change.path, value, f"an il.{kind.__name__}, or a parameter of one")
    name = getattr(known, "name", None)
    if name is not None and given.setdefault("name", name) != name:
        raise refused(f"{change.path}.name", given["name"], f"{name!r}: names stay")
    return given


def _put(known: Parameters, branch: dict[str, Any], change: _Change) -> None:
    """Set what a path leads to in a tree of plain values."""
    *way, last = change.inside.split(".")
    here: Any = branch
    for depth, step in enumerate([*way, last]):
        done = ".".join([*way, last][:depth])
        if here is None:
            error = not_set(known, done, [change.inside])
            raise _no_part(change, here, done, step) if error is None else _within(error, change.tables)
        if isinstance(here, list) and step.isdecimal() and int(step) < len(here):
            key: Any = int(step)
        elif isinstance(here, dict) and (step in here or depth == len(way)):
            key = step  # a last name that is unknown is refused with all else, and what was meant
        else:
            raise _no_part(change, here, done, step)
        if depth == len(way):
            here[key] = plain(change.value)
        else:
            here = here[key]


def _no_part(change: _Change, here: object, done: str, wrong: str) -> ParameterError:
    begun = f"{change.tables}.{done}" if done else change.tables
    names = [f"{begun}.{name}" for name in here] if isinstance(here, dict) else []
    return _unknown(change.path, f"{begun}.{wrong}", names)


def _within(error: ParameterError | ModelError, prefix: str) -> ParameterError | ModelError:
    """The error of a table, at the table's place in the network."""
    path = f"{prefix}.{error.path}" if error.path else prefix
    # what is wrong with a value that is no value at all has no path of its own
    text = str(error).replace(f"`{error.path or 'the parameters'}`", f"`{path}`")
    error.args = (text if path in text else f"`{path}`: {text}",)
    error.path = path
    return error


# --- links


def _replace_links(network: Network, state: dict[str, Any], changes: list[_Change]) -> None:
    """Set the physics of links, what switches before them leave of it, and what is known of nodes by it."""
    hub, old = state["_hub"], network._hub
    losses = {name: passage_loss_db(switch) for name, switch in hub.switches.items()}
    lossier = {name for name, loss_db in losses.items() if loss_db != passage_loss_db(old.switches[name])}
    if not changes and not lossier:
        return
    of_link: dict[int, tuple[int, ...]] = {}
    for index, change in enumerate(changes):
        _check_link_change(network, change)
        for number in change.numbers:
            of_link[number] = (*of_link.get(number, ()), index)
    # each kind of place once, however many links are of it
    made: dict[tuple[int, str | None, tuple[int, ...]], int] = {}
    models: list[Link] = []
    numbers: dict[Link, int] = {}
    bares: dict[int, Link] = {}
    physics = array("I")
    for link, before in enumerate(network._physics):
        through = old.shared.get(link, (None, None))[1]
        key = (before, through, of_link.get(link, ()))
        if key not in made:
            bare = (
                network._models[before] if through is None else old.bare.get(before, network._models[before])
            )
            bare = _changed_link(bare, [changes[index] for index in key[2]], link)
            loss_db = 0.0 if through is None else losses[through]
            seen = bare.through(loss_db) if loss_db > 0 else bare
            made[key] = number = numbers.setdefault(seen, len(models))
            if number == len(models):
                models.append(seen)
            if seen is not bare:
                bares[number] = bare
        physics.append(made[key])
    state.update(_models=models, _model_numbers=numbers, _physics=physics)
    hub.bare = bares
    about_nodes = [change for change in changes if change.inside.split(".")[0] in ("", "nodes", "efficiency")]
    if about_nodes:
        _learn(network, state, about_nodes[0].path)


def _check_link_change(network: Network, change: _Change) -> None:
    first = change.inside.partition(".")[0]
    shared = first == "station" and change.inside == first and isinstance(change.value, str | None)
    if first in _TOPOLOGY or shared:
        domain = "left out: nodes, names, stations and switches of links stay; make another network"
        raise refused(change.path, change.value, domain)
    steps = change.inside.split(".")
    if steps[0] == "nodes" and steps[2:3] == ["gates"] and steps[1] in ("0", "1"):
        ends = {network._ends[2 * number + int(steps[1])] for number in change.numbers}
        if all(network._has_gates(end) for end in ends):
            message = (
                f"`{change.path}` changes nothing: nodes have gates of their own there, `nodes.NAME.gates`"
            )
            raise ModelError(message, path=change.path)


def _changed_link(link: Link, changes: list[_Change], number: int) -> Link:
    """Link with all changes at once: what fits together need not fit to what was there before."""
    inside: dict[str, object] = {}
    for change in changes:
        if not change.inside:
            return _whole_link(change)  # nothing else is changed in it
        inside |= _of_link(link, change)
    if not inside:
        return link
    try:
        return link.replace(inside)
    except (ParameterError, ModelError) as error:
        wrong = error.path or ""
        alike = [change for change in changes if wrong and change.inside.startswith(wrong.split(".")[0])]
        change = (alike or changes)[0]
        raise _within(error, change.tables if len(change.numbers) == 1 else f"links.{number}") from None


def _of_link(link: Link, change: _Change) -> dict[str, object]:
    """Paths of `Link.replace` and their values."""
    if change.inside != "efficiency":
        return {change.inside: change.value}
    pair = plain(change.value)
    if not isinstance(pair, list) or len(pair) != 2:
        raise refused(change.path, change.value, "a pair of efficiencies")
    refuse_without_efficiency(link, pair, change.path)
    return dict(zip(EFFICIENCIES, pair, strict=True))


def _whole_link(change: _Change) -> Link:
    if isinstance(change.value, Link):
        return change.value
    given = plain(change.value)
    if not isinstance(given, dict):
        raise refused(change.path, change.value, "an il.Link, or a parameter of one")
    if "node_a" in given:  # a link as a plain value
        given["nodes"] = [
            node for node in (given.pop("node_a"), given.pop("node_b", None)) if node is not None
        ]
    try:
        return Link.from_tree(given)
    except (ParameterError, ModelError) as error:
        raise _within(error, change.path) from None


def _learn(network: Network, state: dict[str, Any], path: str) -> None:
    """What the network knows of nodes by its links, after a path has changed nodes of links."""
    names, ends, models = network.node_names, network._ends, state["_models"]
    known, bare = state["_known"], state["_hub"].bare
    gates: dict[int, Gates] = {}
    there: dict[str, Node] = {}
    for link, physics in enumerate(state["_physics"]):
        nodes = bare.get(physics, models[physics]).nodes
        if len(nodes) != 2:
            continue  # refused by the network itself
        for side, node in enumerate(nodes):
            end = ends[2 * link + side]
            table = state["_nodes"][end]
            if node.gates is not None and (isinstance(table, str) or table.gates is None):
                gates[end] = node.gates
            if node.name != names[end] or node.name not in known.definitions:
                continue
            if there.setdefault(node.name, node) != node:
                message = (
                    f"`{path}`: node {node.name!r} would have two definitions, one of link "
                    f"{network.link_name(link)!r}: change it for all of its links at once"
                )
                raise ParameterError(message, path=path, domain="nodes that all links agree on")
    known.gates = gates
    for name, node in there.items():
        known.definitions[name] = (node, known.definitions[name][1])
