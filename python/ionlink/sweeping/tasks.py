"""The work of a sweep: consecutive points, computed by whoever gets them."""

from __future__ import annotations

from math import nan
from typing import TYPE_CHECKING, Any, NamedTuple

from ionlink.errors import ModelError
from ionlink.sweeping.models import kind_of, width
from ionlink.sweeping.points import seed_of, shown

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from threading import Event

    from ionlink.sweeping.models import Kind, Model
    from ionlink.sweeping.points import Part

__all__ = ["Results", "Stopped", "Task", "compute", "merged_refusals", "watch_of"]


class Task(NamedTuple):
    """Points to compute; all that a worker needs, picklable.

    Parameters
    ----------
    model : Link or Network
        The model before any change.
    first : int
        Number of the first point.
    points : Part
        Changes of each point.
    effort : Effort, Simulation or None
        How to sample; None: exact only.
    key : (int, int)
        Key of the sweep's seed.
    """

    model: Model
    first: int
    points: Part
    effort: Any
    key: tuple[int, int]


class Refusal(NamedTuple):
    """Points without numbers: how many, the first of them, and why that one."""

    points: int
    first: int
    reason: str


class Results(NamedTuple):
    """Numbers of consecutive points, and why some have none.

    Parameters
    ----------
    rows : list of tuple of float
        For each point its exact numbers and, if sampled, value, low and high of each estimate, and counts;
        NaN where refused.
    refused : dict of str to Refusal
        For ``"exact"`` and ``"sampled"``, where points were refused.
    """

    rows: list[tuple[float, ...]]
    refused: dict[str, Refusal]


class Stopped(BaseException):
    """Nobody waits for this task any more."""


def watch_of(stopped: Event) -> Callable[[int, int], None]:
    """Observer for `compute` that ends it once the event is set."""

    def watch(_done: int, _total: int) -> None:
        if stopped.is_set():
            raise Stopped

    return watch


def compute(task: Task, watch: Callable[[int, int], object] | None = None) -> Results:
    """Results of some points.

    A link that only sampling can answer has no exact numbers; one that never heralds has no sampled ones.
    Any other error ends the sweep.

    Parameters
    ----------
    task : Task
        The points.
    watch : callable, optional
        Called now and then with what is done; it ends the work by raising.
    """
    kind = kind_of(task.model)
    rows: list[tuple[float, ...]] = []
    refused: dict[str, Refusal] = {}
    for index, point in enumerate(task.points, task.first):
        if watch is not None:
            watch(index - task.first, 0)
        try:
            row, refusals = _row(kind, task, point, watch)
        except Exception as error:
            error.add_note(f"at the point {shown(point)}")
            raise
        rows.append(row)
        for what, reason in refusals.items():
            known = refused.get(what, Refusal(0, index, reason))
            refused[what] = known._replace(points=known.points + 1)
    return Results(rows, refused)


def _row(
    kind: Kind,
    task: Task,
    point: Mapping[str, object],
    watch: Callable[[int, int], object] | None,
) -> tuple[tuple[float, ...], dict[str, str]]:
    model, refusals = task.model.replace(point), {}
    quantities = kind.quantities(model, task.effort)
    row: tuple[float, ...] = ()
    if kind.exact is not None:
        try:
            row = kind.exact(model)
        except ModelError as error:
            row, refusals["exact"] = (nan,) * width(quantities, False), str(error)
    if task.effort is not None:
        try:
            row += kind.sampled(model, task.effort, seed_of(task.key, point), watch)
        except ModelError as error:
            row += (nan,) * (width(quantities, True) - width(quantities, False))
            refusals["sampled"] = str(error)
    return row, refusals


def merged_refusals(parts: Sequence[Mapping[str, Refusal]]) -> dict[str, Refusal]:
    """Refusals of all points from those of their parts, in whatever order these come."""
    merged: dict[str, Refusal] = {}
    for part in parts:
        for what, refusal in part.items():
            known = merged.get(what, refusal._replace(points=0))
            first = min(known, refusal, key=lambda one: one.first)
            merged[what] = first._replace(points=known.points + refusal.points)
    return merged
