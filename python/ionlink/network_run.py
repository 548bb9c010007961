"""Runs of networks: delivered pairs, what became of the others, and what follows from them."""

from __future__ import annotations

import math
import pickle
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from ionlink import _core, checks, seeds
from ionlink.errors import refused
from ionlink.extras import imported
from ionlink.network_trace import EVENTS, Trace, counted, repetition_of
from ionlink.properties import cached_property
from ionlink.results import Estimate, table
from ionlink.runs import _Columns
from ionlink.runs import _same as same

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from ionlink._core import NetworkRun as CoreRun
    from ionlink.network_trace import Event, Layout
    from ionlink.parameters import Policy

__all__ = ["Deliveries", "NetworkRun", "Utilization"]

_MANY = 10**15
"""Trials so many that a number of successes has the Poisson distribution."""
_MOST_ROWS = 12


@dataclass(frozen=True, eq=False, repr=False)
class Deliveries(_Columns):
    """Delivered pairs, ascending in time within each repetition; arrays of one length, read-only.

    Parameters
    ----------
    demand : uint32 (n,)
        Number of the demand, or of the link where every link works for itself.
    time_s : float64 (n,)
        When both ends know that they have the pair (s), from the start of its repetition.
    latency_s : float64 (n,)
        Time since its request, or since the delivery before where there is always a request (s).
    fidelity : float64 (n,)
        Overlap with phi+.
    hops : uint32 (n,)
        Links on the way.
    raw_pairs : uint32 (n,)
        Heralds that went into the pair.
    repetition : uint32 (n,)
        Number of the repetition.
    pair : int64 (n,)
        Number of the pair in the trace of its repetition.
    """

    demand: NDArray[np.uint32]
    time_s: NDArray[np.float64]
    latency_s: NDArray[np.float64]
    fidelity: NDArray[np.float64]
    hops: NDArray[np.uint32]
    raw_pairs: NDArray[np.uint32]
    repetition: NDArray[np.uint32]
    pair: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.demand)

    def __repr__(self) -> str:
        return f"<{len(self)} deliveries>"


@dataclass(frozen=True, eq=False, repr=False)
class Utilization(_Columns):
    """How busy links and nodes were; read-only.

    Parameters
    ----------
    links : float64 (m,)
        Share of the time in which each link attempted, or waited for the message of its herald.
    nodes : float64 (n,)
        Share of each node's communication ions that was taken, by attempts and by stored qubits; NaN where
        their number has no limit.
    stations : float64 (k,)
        Share of each shared station's analyzers that was taken, the time to set the switch included.
    stored : float64 (n,)
        Mean number of qubits that each node stored.
    """

    links: NDArray[np.float64]
    nodes: NDArray[np.float64]
    stations: NDArray[np.float64]
    stored: NDArray[np.float64]


class NetworkRun:
    """What a run of a network wrote down; pickles, and is equal to another run that wrote down the same.

    Attributes
    ----------
    trace : Trace
        Everything that happened, with ``record="trace"``.
    seed : int or SeedSequence
        Given again, it replays the run.
    policy : Policy
        What nodes did.
    record : {"summary", "deliveries", "trace"}
        What was written down.
    repetitions : int
        Number of independent runs that were asked for.
    duration_s : float
        Time simulated, summed over repetitions (s); of interrupted runs the time that is complete.
    interrupted : bool
        Whether the user ended it.
    attempts : uint64 (m,)
        Attempts of each link.
    heralds : int
        Heralds of all links.
    requests : uint64 (d, 2)
        Requests of each demand that came, and how many of them found the queue full; none where there is
        always a request.
    version : str
        Version of ionlink that ran it.
    stream_version : int
        Version of the random stream.
    """

    # what this process has not asked for yet stays in the core, or in the bytes of a pickle
    _kept: CoreRun | bytes

    def __init__(
        self,
        core: CoreRun,
        layout: Layout,
        *,
        seed: seeds.Replay,
        policy: Policy,
        record: str,
        repetitions: int,
    ) -> None:
        self._kept = core
        self._layout = layout
        self.seed = seed
        self.policy = policy
        self.record = record
        self.repetitions = repetitions
        self.duration_s = core.duration_s
        self.interrupted = core.interrupted
        self.version = _core.__version__
        self.stream_version = _core.STREAM_VERSION
        self._summary = core.summary()
        self._protect()
        self.attempts = self._summary["attempts"]
        self.requests = self._summary["requests"]
        self.heralds = self._summary["fates"]["heralded"]
        trace: dict[str, Any] = dict(core.take_trace())
        self._trace = Trace(trace, core.trace_ends, layout) if record == "trace" else None

    def _protect(self) -> None:
        for value in self._summary.values():
            if isinstance(value, np.ndarray):
                value.setflags(write=False)

    @property
    def _core(self) -> CoreRun:
        if isinstance(self._kept, bytes):
            self._kept = cast("CoreRun", pickle.loads(self._kept))
        return self._kept

    def __getstate__(self) -> dict[str, object]:
        # as bytes, so that whoever gets a run makes its network only when asked for states
        kept = self._kept if isinstance(self._kept, bytes) else pickle.dumps(self._kept)
        return {**self.__dict__, "_kept": kept}

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        self.__dict__.update(state)
        self._protect()

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, NetworkRun):
            return NotImplemented
        names = (
            "seed", "policy", "record", "repetitions", "duration_s", "interrupted", "version",
            "stream_version", "_layout", "_trace", "deliveries",
        )  # fmt: skip
        mine, theirs = ([getattr(run, name) for name in names] for run in (self, other))
        summaries = zip(self._summary.values(), other._summary.values(), strict=True)
        return all(map(same, mine, theirs)) and all(same(one, two) for one, two in summaries)

    __hash__ = None  # type: ignore[assignment]

    @cached_property
    def deliveries(self) -> Deliveries:
        """Delivered pairs; none with ``record="summary"``.

        Those of an interrupted run are put in order when they are first asked for.
        """
        columns: dict[str, Any] = dict(self._core.take_deliveries())
        pair = columns.pop("pair").view(np.int64)
        return Deliveries(**columns, repetition=repetition_of(self._core.ends), pair=pair)

    @property
    def trace(self) -> Trace:
        """Everything that happened.

        Raises
        ------
        ParameterError
            Without ``record="trace"``.
        """
        if self._trace is None:
            raise refused("record", self.record, '"trace" for a trace')
        return self._trace

    # --- which pairs

    def _subjects(self, a: str | int | None, b: str | None) -> dict[int, bool]:
        """Numbers of demands, or of links that work for themselves, and whether they go from `b` to `a`."""
        layout = self._layout
        count = len(layout.pairs) if layout.saturated else len(layout.demands)
        what = "links" if layout.saturated else "demands"
        if a is None and b is None:
            return dict.fromkeys(range(count), False)
        if isinstance(a, str) and isinstance(b, str):
            for path, name in (("a", a), ("b", b)):
                if name not in layout.node_numbers:
                    raise refused(
                        path, name, f"the name of a node of the network{_meant(name, layout.nodes)}"
                    )
            if layout.saturated:
                ends = [layout.node_numbers[a], layout.node_numbers[b]]
                there = (layout.pairs == ends).all(axis=1)
                back = (layout.pairs == ends[::-1]).all(axis=1)
                found = {int(number): bool(back[number]) for number in np.flatnonzero(there | back)}
            else:
                found = {
                    number: tuple(demand.between) == (b, a)
                    for number, demand in enumerate(layout.demands)
                    if set(demand.between) == {a, b}
                }
            if not found:
                raise refused("a, b", (a, b), f"the ends of at least one of the {what}")
            return found
        if b is None and not isinstance(a, str):
            number = checks.count("a", a)
            if number < count:
                return {number: False}
        raise refused(
            "a, b", (a, b), f"the names of two nodes, the number of one of {count} {what}, or nothing"
        )

    def delivered(self, a: str | int | None = None, b: str | None = None) -> int:
        """Number of delivered pairs.

        Parameters
        ----------
        a, b : str, or int, optional
            Names of two nodes, in any order: pairs of the demands between them, or of the links between them
            where links work for themselves. A number alone: of this demand, or this link. Nothing: all pairs.
        """
        return int(self._summary["count"][list(self._subjects(a, b))].sum())

    def rate_hz(self, a: str | int | None = None, b: str | None = None) -> Estimate:
        """Delivered pairs per second (1/s).

        Parameters
        ----------
        a, b
            As for `delivered`.

        Notes
        -----
        The value is N/T. Where links work for themselves the interval is that of Clopper and Pearson for the
        N of their attempts. Where there is always a request deliveries renew the demand: with mean m and
        standard deviation s of the times between them the variance of N is T s²/m³ (for many deliveries,
        those of one demand independent of each other, which stored pairs of unserved parts make only nearly
        true). Other deliveries count as Poisson events; those of scheduled requests vary less. Demands count
        as independent.
        """
        chosen = list(self._subjects(a, b))
        count = self._summary["count"][chosen]
        total, span_s = int(count.sum()), self.duration_s
        if not span_s > 0:
            return Estimate(math.nan, 0.0, math.inf)
        if self._layout.saturated:
            trials = int(self.attempts[chosen].sum())
            return Estimate(*_core.proportion(total, trials)).scaled(trials / span_s)
        renewing = np.array([self._layout.demands[number].saturate for number in chosen])
        if renewing.any() and total > 1:
            first, second = self._summary["latency_s"][chosen].T
            with np.errstate(divide="ignore", invalid="ignore"):
                relative = np.maximum(second * count / first**2 - 1, 0)
            variance = np.where(renewing & (count > 1), relative, 1.0) * count
            half = 1.959964 * math.sqrt(float(variance.sum()))
            return Estimate(total / span_s, max(total - half, 0) / span_s, (total + half) / span_s)
        return Estimate(*_core.proportion(total, _MANY)).scaled(_MANY / span_s)

    def fidelity(self, a: str | int | None = None, b: str | None = None) -> Estimate:
        """Mean overlap of delivered pairs with phi+.

        Parameters
        ----------
        a, b
            As for `delivered`.
        """
        chosen = list(self._subjects(a, b))
        count = int(self._summary["count"][chosen].sum())
        first, second = self._summary["fidelity"][chosen].sum(axis=0).tolist()
        about_mean = max(second - first**2 / count, 0.0) if count else 0.0
        return Estimate(*_core.bounded_mean(count, first, about_mean))

    def latency_s(self, a: str | int | None = None, b: str | None = None) -> Estimate:
        """Mean time from request to delivery (s); where there is always a request from delivery to delivery.

        Parameters
        ----------
        a, b
            As for `delivered`.

        Notes
        -----
        The interval takes latencies as independent; those of requests that wait for each other are not.
        """
        chosen = list(self._subjects(a, b))
        count = int(self._summary["count"][chosen].sum())
        first, second = self._summary["latency_s"][chosen].sum(axis=0).tolist()
        if count < 2:
            return Estimate(first / count if count else math.nan, 0.0, math.inf)
        mean = first / count
        half = 1.959964 * math.sqrt(max(second / count - mean**2, 0.0) / (count - 1))
        return Estimate(mean, max(mean - half, 0.0), mean + half)

    def rho(self, a: str | int | None = None, b: str | None = None) -> NDArray[np.complex128]:
        """Mean state of delivered pairs: complex128 (4, 4), the first qubit that of `a`, about phi+.

        Parameters
        ----------
        a, b
            As for `delivered`; of a number the first qubit is that of the demand's, or link's, first node.

        Raises
        ------
        ParameterError
            If there are no pairs, and for links that work for themselves with ``record="summary"``.
        """
        chosen = self._subjects(a, b)
        count = int(self._summary["count"][list(chosen)].sum())
        if not count:
            raise refused("a, b", (a, b), "the ends of at least one delivered pair")
        total = np.zeros((4, 4), dtype=np.complex128)
        for turned in (False, True):
            numbers = [number for number, back in chosen.items() if back == turned]
            if not numbers:
                continue
            if self._layout.saturated:
                self._need_deliveries()
                flagged = np.zeros(len(self._layout.pairs), dtype=np.bool_)
                flagged[numbers] = True
                part = self._core.summed_states(flagged)
            else:
                part = self._summary["rho"][numbers].sum(axis=0)
            total += part.reshape(2, 2, 2, 2).transpose(1, 0, 3, 2).reshape(4, 4) if turned else part
        return total / count

    def _need_deliveries(self) -> None:
        if self.record == "summary":
            raise refused("record", self.record, '"deliveries" or "trace" for states')

    def states(self, which: slice | int | None = None) -> NDArray[np.complex128]:
        """States of delivered pairs, turned to phi+; computed when asked for.

        Parameters
        ----------
        which : slice or int, optional
            Which deliveries; all by default.

        Returns
        -------
        complex128 (n, 4, 4), or (4, 4)
            The first qubit is that of the first node of the demand, or link.

        Raises
        ------
        ParameterError
            With ``record="summary"``, and for an index out of range.
        """
        self._need_deliveries()
        count = len(self.deliveries)
        if isinstance(which, slice) or which is None:
            numbers = range(count)[which or slice(None)]
            if not numbers:
                return np.zeros((0, 4, 4), dtype=np.complex128)
            low, high = min(numbers[0], numbers[-1]), max(numbers[0], numbers[-1])
            found = self._core.states(low, high + 1)
            return (
                found[[number - low for number in numbers]]
                if abs(numbers.step) > 1
                else (found[:: numbers.step])
            )
        if isinstance(which, bool) or not isinstance(which, int | np.integer) or not -count <= which < count:
            raise refused("which", which, f"a slice, or an index of one of {count} deliveries")
        number = int(which) % count
        state: NDArray[np.complex128] = self._core.states(number, number + 1)[0]
        return state

    # --- the whole

    @property
    def pairs(self) -> dict[str, int]:
        """What became of pairs.

        Those `made` (heralds, and pairs made by swapping and distillation) were `delivered`, `used` (by
        these), `expired` or `rejected`, or are `stored`.
        """
        fates = dict(self._summary["fates"])
        del fates["heralded"]
        return fates

    @property
    def expired(self) -> int:
        """Pairs that were thrown away at the cut-off."""
        return self.pairs["expired"]

    @property
    def blocked(self) -> int:
        """Requests that found their queue full."""
        return int(self.requests[:, 1].sum())

    @property
    def utilization(self) -> Utilization:
        """How busy links and nodes were."""
        span_s = self.duration_s or math.nan
        links = self._summary["attempting_s"] / span_s
        nodes = self._summary["taken_s"] / (self._layout.ions * span_s)
        analyzing_s = self._summary["analyzing_s"]
        # links that never wait share nothing and store nothing
        shared = analyzing_s if len(analyzing_s) else np.zeros(len(self._layout.analyzers))
        stored_s = self._summary["stored_s"]
        stored = stored_s if len(stored_s) else np.zeros(len(self._layout.nodes))
        return Utilization(links, nodes, shared / (self._layout.analyzers * span_s), stored / span_s)

    def latency_histogram(self) -> tuple[NDArray[np.float64], NDArray[np.uint64]]:
        """Histogram of all latencies: edges (s), float64 (257,), and counts, uint64 (256,).

        Bins are four to a doubling: a latency of t picoseconds is in bin floor(4 log2(t + 1)).
        """
        edges_s = (2 ** (np.arange(257) / 4) - 1) * 1e-12
        return edges_s, self._summary["latencies"]

    def history(self, delivery: int) -> tuple[Event, ...]:
        """Events that made a delivered pair, in their order: heralds, distillations, swaps, the delivery.

        Parameters
        ----------
        delivery : int
            Its number among `deliveries`.

        Raises
        ------
        ParameterError
            Without ``record="trace"``, and for an index out of range.
        """
        trace, count = self.trace, len(self.deliveries)
        if (
            isinstance(delivery, bool)
            or not isinstance(delivery, int | np.integer)
            or not (-count <= delivery < count)
        ):
            raise refused("delivery", delivery, f"an index of one of {count} deliveries")
        number = int(delivery) % count
        repetition, pair = int(self.deliveries.repetition[number]), int(self.deliveries.pair[number])
        rows = trace.history(repetition, pair)
        last = np.flatnonzero(
            (trace.event == EVENTS.index("deliver")) & (trace.pair == pair) & (trace.repetition == repetition)
        )
        return tuple(trace.event_of(row) for row in (*rows, int(last[0])))

    def to_pandas(self) -> Any:
        """Table of the deliveries as a `pandas.DataFrame`, with the nodes' names as `a` and `b`.

        Raises
        ------
        MissingPackageError
            Without pandas; it is an `ImportError`.
        """
        pandas = imported("pandas", "data frames", "pandas")
        layout = self._layout
        ends = (
            layout.pairs
            if layout.saturated
            else np.array(
                [[layout.node_numbers[name] for name in demand.between] for demand in layout.demands]
            ).reshape(-1, 2)
        )
        names = {
            side: pandas.Categorical.from_codes(
                ends[self.deliveries.demand, index].astype(np.int64), layout.nodes
            )
            for index, side in enumerate(("a", "b"))
        }
        columns = ("demand", "time_s", "latency_s", "fidelity", "hops", "raw_pairs", "repetition", "pair")
        return pandas.DataFrame(names | {name: getattr(self.deliveries, name) for name in columns})

    def rows(self) -> Iterator[tuple[str, int | None]]:
        """Title and number of each demand, or of each link that works for itself."""
        layout = self._layout
        if layout.saturated:
            yield from ((layout.link_name(number), number) for number in range(len(layout.pairs)))
        else:
            yield from ((" - ".join(demand.between), number) for number, demand in enumerate(layout.demands))

    def __repr__(self) -> str:
        seed = seeds.text(self.seed)
        return f"<network run of {self.duration_s:g} s: {self.delivered():,} pairs, seed {seed}>"

    def __str__(self) -> str:
        layout = self._layout
        wants = "each for itself" if layout.saturated else counted(len(layout.demands), "demand")
        kind = "link" if layout.saturated else "demand"
        cells: list[tuple[str, ...]] = [(kind, "pairs", "rate (1/s)", "fidelity", "latency (s)")]
        count = len(layout.pairs) if layout.saturated else len(layout.demands)
        for (title, number), _ in zip(self.rows(), range(_MOST_ROWS), strict=False):
            cells.append(self._line(title, number))
        if count > _MOST_ROWS:
            cells.append((f"... {count - _MOST_ROWS:,} more", "", "", "", ""))
        if count > 1:
            cells.append(self._line("all", None))
        fates = ", ".join(f"{number:,} {name}" for name, number in self.pairs.items())
        return "\n".join(
            (
                f"{counted(len(layout.nodes), 'node')}, {counted(len(layout.pairs), 'link')}, {wants}",
                f"{self.duration_s:g} s{' in repetitions' if self.repetitions > 1 else ''}; "
                f"seed {seeds.text(self.seed)}{'; interrupted before its end' if self.interrupted else ''}",
                "",
                table(cells, "<>>>>"),
                "",
                f"pairs: {fates}",
            )
        )

    def _line(self, title: str, number: int | None) -> tuple[str, ...]:
        found = (self.rate_hz(number), self.fidelity(number), self.latency_s(number))
        return (title, f"{self.delivered(number):,}", *(str(estimate) for estimate in found))


def _meant(name: str, names: tuple[str, ...]) -> str:
    """The name that resembles another one most."""
    import difflib

    close = difflib.get_close_matches(name, names, n=1)
    return f'; did you mean "{close[0]}"?' if close else ""
