"""What happened in a run of a network, event by event."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ionlink import _core
from ionlink.errors import refused
from ionlink.extras import imported
from ionlink.properties import cached_property

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from ionlink.parameters import Demand

__all__ = ["Event", "Trace"]

EVENTS = tuple(_core.network_events())
"""Names of what happens, in the order of their numbers."""

_MADE = frozenset(EVENTS.index(name) for name in ("herald", "swap", "distill"))
_OF_LINKS = frozenset(("start", "herald", "distill", "distill_failed", "time_out", "unwanted"))
_OF_NODES = frozenset(("swap", "swap_failed"))


@dataclass(frozen=True, eq=False)
class Layout:
    """What results must know of a network as it was when it ran."""

    nodes: tuple[str, ...]
    ions: NDArray[np.float64]
    pairs: NDArray[np.uint32]
    link_names: dict[int, str]
    demands: tuple[Demand, ...]
    saturated: bool
    analyzers: NDArray[np.float64]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Layout):
            return NotImplemented
        mine, theirs = ([getattr(layout, field.name) for field in fields(layout)] for layout in (self, other))
        return all(
            np.array_equal(one, two, equal_nan=one.dtype.kind == "f")
            if isinstance(one, np.ndarray)
            else one == two
            for one, two in zip(mine, theirs, strict=True)
        )

    __hash__ = None  # type: ignore[assignment]

    def link_name(self, number: int) -> str:
        if not 0 <= number < len(self.pairs):
            raise refused("link", number, f"the number of one of {len(self.pairs)} links")
        given = self.link_names.get(number)
        return "-".join(self.ends(number)) if given is None else given

    def ends(self, link: int) -> tuple[str, str]:
        first, second = self.pairs[link].tolist()
        return self.nodes[first], self.nodes[second]

    def subject(self, event: str, number: int) -> dict[str, object]:
        """Names of what an event of a trace is about."""
        if event in _OF_NODES:
            return {"node": self.nodes[number]}
        if event in _OF_LINKS or self.saturated:
            return {"link": self.link_name(number), "between": self.ends(number)}
        return {"demand": number, "between": tuple(self.demands[number].between)}

    @cached_property
    def node_numbers(self) -> dict[str, int]:
        return {name: number for number, name in enumerate(self.nodes)}


class Event(NamedTuple):
    """One thing that happened.

    Parameters
    ----------
    time_s : float
        When (s), from the start of its repetition.
    event : str
        What: see ``docs/networks.md``.
    where : str
        Name of the link or node, or the names of a demand's nodes.
    pair : int or None
        Number of the pair it is about.
    parts : tuple of int
        Numbers of the pairs it was made of.
    fidelity : float
        Overlap of the pair with phi+; NaN without.
    """

    time_s: float
    event: str
    where: str
    pair: int | None
    parts: tuple[int, ...]
    fidelity: float


class Trace:
    """Everything that happened, ascending in time within each repetition; arrays of one length, read-only.

    Attributes
    ----------
    time_s : float64 (n,)
        When (s), from the start of its repetition.
    event : uint8 (n,)
        Index into `events`: what happened.
    subject : uint32 (n,)
        Number of the link, node or demand it happened to.
    pair : int64 (n,)
        Number of the pair it is about, counted from 0 in each repetition; -1 without.
    parts : int64 (n, 2)
        Numbers of the pairs it was made of; -1 without.
    fidelity : float64 (n,)
        Overlap of the pair with phi+; NaN without.
    repetition : uint32 (n,)
        Number of the repetition.
    events : tuple of str
        Names of what happens.
    """

    events = EVENTS

    def __init__(self, columns: dict[str, NDArray[Any]], ends: list[int], layout: Layout) -> None:
        self.time_s: NDArray[np.float64] = columns["time_s"]
        self.event: NDArray[np.uint8] = columns["event"]
        self.subject: NDArray[np.uint32] = columns["subject"]
        # what is none is the largest number there, and -1 here
        self.pair: NDArray[np.int64] = columns["pair"].view(np.int64)
        self.parts: NDArray[np.int64] = columns["parts"].view(np.int64)
        self.fidelity: NDArray[np.float64] = columns["fidelity"]
        self.repetition = repetition_of(ends)
        self._ends = ends
        self._layout = layout
        self.__setstate__({})

    def __setstate__(self, state: Mapping[str, object]) -> None:
        self.__dict__.update(state)
        for column in self._columns().values():
            column.setflags(write=False)

    def __getstate__(self) -> dict[str, object]:
        return {name: value for name, value in self.__dict__.items() if name != "_makers"}

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Trace):
            return NotImplemented
        theirs = other._columns()
        return self._layout == other._layout and all(
            np.array_equal(column, theirs[name], equal_nan=name in ("time_s", "fidelity"))
            for name, column in self._columns().items()
        )

    __hash__ = None  # type: ignore[assignment]

    def __len__(self) -> int:
        return len(self.time_s)

    def __repr__(self) -> str:
        return f"<trace of {len(self)} events>"

    def _columns(self) -> dict[str, NDArray[Any]]:
        names = ("repetition", "time_s", "event", "subject", "pair", "parts", "fidelity")
        return {name: getattr(self, name) for name in names}

    def _rows(self) -> Iterator[dict[str, object]]:
        columns = [column.tolist() for column in self._columns().values()]
        subjects: dict[tuple[str, int], dict[str, object]] = {}
        for repetition, time_s, number, subject, pair, parts, fidelity in zip(*columns, strict=True):
            event = EVENTS[number]
            row: dict[str, object] = {"repetition": repetition, "time_s": time_s, "event": event}
            if (event, subject) not in subjects:
                subjects[event, subject] = self._layout.subject(event, subject)
            row |= subjects[event, subject]
            if pair >= 0:
                row["pair"] = pair
            if known := [part for part in parts if part >= 0]:
                row["parts"] = known
            if not math.isnan(fidelity):
                row["fidelity"] = fidelity
            yield row

    def to_jsonl(self, path: str | os.PathLike[str]) -> None:
        """Write a line of JSON for each event, with the names of links and nodes."""
        from pathlib import Path

        with Path(path).open("w", encoding="utf-8") as file:
            for row in self._rows():
                file.write(json.dumps(row, ensure_ascii=False) + "\n")

    def to_arrow(self) -> Any:
        """The columns as a `pyarrow.Table`, events by their names.

        Raises
        ------
        MissingPackageError
            Without pyarrow; it is an `ImportError`.
        """
        pyarrow = imported("pyarrow", "Arrow tables", "ionlink[parquet]")
        columns = self._columns()
        first, second = columns.pop("parts").T
        events = pyarrow.DictionaryArray.from_arrays(pyarrow.array(columns["event"]), list(EVENTS))
        return pyarrow.table(
            columns | {"event": events, "part_0": np.array(first), "part_1": np.array(second)}
        )

    def event_of(self, row: int) -> Event:
        """One row with its names."""
        event = EVENTS[int(self.event[row])]
        names = self._layout.subject(event, int(self.subject[row]))
        where = names.get("node") or names.get("link") or "-".join(names["between"])  # type: ignore[arg-type]
        pair = int(self.pair[row])
        parts = tuple(int(part) for part in self.parts[row] if part >= 0)
        fidelity = float(self.fidelity[row])
        return Event(float(self.time_s[row]), event, str(where), pair if pair >= 0 else None, parts, fidelity)

    @cached_property
    def _makers(self) -> list[dict[int, int]]:
        """For each repetition the row in which each pair was made."""
        made = np.isin(self.event, list(_MADE))
        found = []
        for start, end in zip([0, *self._ends], self._ends, strict=False):
            rows = start + np.flatnonzero(made[start:end])
            found.append(dict(zip(self.pair[rows].tolist(), rows.tolist(), strict=True)))
        return found

    def history(self, repetition: int, pair: int) -> list[int]:
        """Rows in which a pair and the pairs it was made of were made, in their order."""
        rows, waiting = [], [pair]
        makers = self._makers[repetition]
        while waiting:
            row = makers[waiting.pop()]
            rows.append(row)
            waiting += [int(part) for part in self.parts[row] if part >= 0]
        return sorted(rows)


def counted(number: int, thing: str) -> str:
    """A number of things in words."""
    return f"{number:,} {thing}" if number == 1 else f"{number:,} {thing}s"


def repetition_of(ends: list[int]) -> NDArray[np.uint32]:
    """Number of the repetition of each row, from where repetitions end."""
    counts = np.diff(ends, prepend=0)
    return np.repeat(np.arange(len(ends), dtype=np.uint32), counts)
