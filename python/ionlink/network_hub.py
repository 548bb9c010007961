"""Hubs of networks: the stations and switches that links share, and rules of one's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol, runtime_checkable

from ionlink.errors import refused

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ionlink.link import Link
    from ionlink.parameters import HubStation, HubSwitch, Station

__all__ = ["Candidate", "Hub", "Rules", "WaitingPair", "functions"]


class Candidate(NamedTuple):
    """A link that waits for a station and could start.

    Parameters
    ----------
    link : int
        Number of the link.
    nodes : (int, int)
        Numbers of its nodes.
    since_s : float
        Since when it waits (s).
    requests : int
        Requests that wait for its pairs.
    """

    link: int
    nodes: tuple[int, int]
    since_s: float
    requests: int


class WaitingPair(NamedTuple):
    """A pair that waits at a node and could be swapped there.

    Parameters
    ----------
    pair : int
        Number of the pair in the trace.
    other_end : int
        Number of the node at its other end.
    oldest_s : float
        Herald of its oldest part (s).
    heralds : int
        Heralds that went into it.
    """

    pair: int
    other_end: int
    oldest_s: float
    heralds: int


@runtime_checkable
class Rules(Protocol):
    """Rules of one's own: any object with one or both of these methods.

    Each answers with the place of what it chooses among those that wait, the longest waiting first, or None:
    to let all of them wait until something else happens. The same questions must get the same answers, or
    the run is not reproducible.
    """

    def next_link(self, now_s: float, station: int, waiting: Sequence[Candidate]) -> int | None:
        """Link that a station serves next, in place of its own scheduling."""

    def swap_pair(self, now_s: float, node: int, left: bool, waiting: Sequence[WaitingPair]) -> int | None:
        """Pair that a node swaps, asked for each side once both have one.

        `left` is the side toward the first node of the demand.
        """


def functions(rules: object) -> tuple[Callable[..., int | None] | None, Callable[..., int | None] | None]:
    """What the core calls for rules of one's own."""
    found = [getattr(rules, name, None) for name in ("next_link", "swap_pair")]
    if rules is not None and not any(callable(function) for function in found):
        raise refused("rules", rules, "an object with a method next_link or swap_pair")
    next_link, swap_pair = found

    def link(
        now_s: float, station: int, waiting: list[tuple[int, tuple[int, int], float, int]]
    ) -> int | None:
        return next_link(now_s, station, [Candidate(*row) for row in waiting])  # type: ignore[misc, no-any-return]

    def pair(now_s: float, node: int, left: bool, waiting: list[tuple[int, int, float, int]]) -> int | None:
        return swap_pair(now_s, node, left, [WaitingPair(*row) for row in waiting])  # type: ignore[misc, no-any-return]

    return (link if callable(next_link) else None, pair if callable(swap_pair) else None)


class Hub:
    """Stations and switches of a network, and which links share them."""

    def __init__(self) -> None:
        self.stations: dict[str, HubStation] = {}
        self.physics: dict[str, Station] = {}
        self.switches: dict[str, HubSwitch] = {}
        self.shared: dict[int, tuple[str, str | None]] = {}
        # physics with the loss of a switch, and what it was without
        self.bare: dict[int, Link] = {}

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Hub):
            return NotImplemented
        mine = (self.stations, self.switches, self.shared)
        return mine == (other.stations, other.switches, other.shared)

    __hash__ = None  # type: ignore[assignment]

    def places(self, station: object, switch: object) -> tuple[int, int | None, float]:
        """Numbers of a station and a switch, and the loss on the way (dB)."""
        if not isinstance(station, str) or station not in self.stations:
            names = ", ".join(f'"{name}"' for name in self.stations)
            known = f"the name of a station: {names}" if names else "left out: there are no stations yet"
            raise refused("station", station, known)
        number = list(self.stations).index(station)
        if switch is None:
            return number, None, 0.0
        if not isinstance(switch, str) or switch not in self.switches:
            names = ", ".join(f'"{name}"' for name in self.switches)
            known = f"the name of a switch: {names}" if names else "left out: there are no switches yet"
            raise refused("switch", switch, known)
        return number, list(self.switches).index(switch), self.switches[switch].loss_db
