"""Rules of one's own: what a network asks its user while it runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from ionlink.errors import refused

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["Candidate", "CandidateRoute", "Rules", "WaitingPair", "functions"]


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
    """A stored pair.

    Parameters
    ----------
    pair : int
        Number of the pair in the trace.
    other_end : int
        Number of the node at its other end; the second of its `nodes` where both are given.
    oldest_s : float
        Herald of its oldest part (s).
    heralds : int
        Heralds that went into it.
    rounds : int
        Rounds of distillation behind it. A pair that was used as it is counts as having all of them.
    """

    pair: int
    other_end: int
    oldest_s: float
    heralds: int
    rounds: int


class CandidateRoute(NamedTuple):
    """A way that a demand could take.

    Parameters
    ----------
    nodes : tuple of int
        Numbers of the nodes on the way, both ends included.
    time_s : float
        Sum of the links' mean times to a herald (s).
    fidelity : float
        Fidelity to phi+ of what perfect swaps make of the links' mean pairs, taken as Werner states.

    Notes
    -----
    Of links side by side the best by the demand's `weight` counts. `time_s` and `fidelity` are nan on the way
    over a link whose attempts depend on each other: nobody knows them before the run.
    """

    nodes: tuple[int, ...]
    time_s: float
    fidelity: float


class Rules(Protocol):
    """Rules of one's own: any object with one or more of these methods.

    Only the questions whose methods are there are asked; the policy, the stations and the demands answer all
    others. Choices are places in the sequence that is given, counted from 0. The same questions must get the
    same answers, or the run is not reproducible; with several threads, repetitions ask at the same time. An
    answer that is none ends the run with a `ParameterError`, and whatever a method raises ends it too and
    has the run so far as `partial`.
    """

    def next_link(self, now_s: float, station: int, waiting: Sequence[Candidate]) -> int | None:
        """Link that a station serves next, in place of its own scheduling.

        Of the links that wait for the station and could start at once, the one that has waited longest first.
        None: all of them wait until something else happens.
        """

    def swap_pair(self, now_s: float, node: int, left: bool, waiting: Sequence[WaitingPair]) -> int | None:
        """Pair that a node swaps, asked for each side once both have one.

        `left` is the side toward the first node of the demand; of the pairs there that could be swapped, the
        one that came first is first. None: all of them wait until something else happens.
        """

    def distill_pair(
        self, now_s: float, nodes: tuple[int, int], waiting: Sequence[WaitingPair]
    ) -> int | tuple[int, int] | None:
        """What is done with the pairs of a link that wait to be distilled for one demand.

        Asked whenever a pair joins them, and again after each answer that is not None. `nodes` are the
        numbers of the link's nodes, in the order of the demand's way. Two places: that of the pair to be
        kept and that of the one to be spent, with the policy's circuit; if it works, the pair has one round
        more behind it than the one of them that had more. One place: that pair is used as it is. None: all
        of them wait until another one joins them. Pairs with all of the policy's `rounds` behind them are
        used without a question; a policy that distills nothing does not ask, and is refused.
        """

    def cutoff_s(self, now_s: float, nodes: tuple[int, int], pair: WaitingPair) -> float | None:
        """Age that a pair may reach before it is thrown away (s), at least 0.

        Asked once for each pair that a herald, a swap or a distillation makes, when it is made; `nodes` are
        the numbers of those that hold its qubits. As with the policy's `cutoff_s`, age counts from the herald
        of the pair's oldest part. None: what the policy says.
        """

    def route(self, demand: int, ways: Sequence[CandidateRoute]) -> int | None:
        """Way of a demand, asked once for each one without a `route` of its own, before the run.

        Of the up to eight shortest ways by the demand's `weight` that visit no node twice, the shortest
        first; all repetitions take the same one. None: the shortest.
        """


class Functions(NamedTuple):
    """What the core calls for rules of one's own."""

    next_link: Callable[..., object] | None = None
    swap_pair: Callable[..., object] | None = None
    distill_pair: Callable[..., object] | None = None
    cutoff_s: Callable[..., object] | None = None
    route: Callable[..., object] | None = None


def functions(rules: object) -> Functions:
    """What the core calls for rules of one's own."""
    if rules is None:
        return Functions()
    found: Any = Functions(*(getattr(rules, name, None) for name in Functions._fields))
    for name, function in zip(Functions._fields, found, strict=True):
        if function is not None and not callable(function):
            raise refused(f"rules.{name}", function, "a method, or left out")
    if not any(found):
        raise refused("rules", rules, f"an object with a method {', '.join(Functions._fields)}")

    def next_link(now_s: float, station: int, waiting: list[Any]) -> object:
        return found.next_link(now_s, station, [Candidate(*row) for row in waiting])

    def swap_pair(now_s: float, node: int, left: bool, waiting: list[Any]) -> object:
        return found.swap_pair(now_s, node, left, [WaitingPair(*row) for row in waiting])

    def distill_pair(now_s: float, nodes: tuple[int, int], waiting: list[Any]) -> object:
        return found.distill_pair(now_s, nodes, [WaitingPair(*row) for row in waiting])

    def cutoff_s(now_s: float, nodes: tuple[int, int], pair: Any) -> object:
        return found.cutoff_s(now_s, nodes, WaitingPair(*pair))

    def route(demand: int, ways: list[Any]) -> object:
        return found.route(
            demand, [CandidateRoute(tuple(nodes), time_s, fidelity) for nodes, time_s, fidelity in ways]
        )

    called: tuple[Callable[..., object], ...] = (next_link, swap_pair, distill_pair, cutoff_s, route)
    return Functions(*(own if given else None for own, given in zip(called, found, strict=True)))
