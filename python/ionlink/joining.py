"""Runs made of runs."""

from __future__ import annotations

from dataclasses import fields, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from ionlink import seeds
from ionlink.errors import ParameterError, refused
from ionlink.runs import HIDDEN, Coincidences, Run

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

_Scalar = TypeVar("_Scalar", bound=np.generic)

__all__ = ["merge"]


def merge(runs: Iterable[Run]) -> Run:
    """One run of runs whose attempts follow each other, bit for bit what one call would have drawn.

    Parameters
    ----------
    runs : iterable of Run
        Runs of one link, seed, engine and stream version, in any order: together they must cover their
        attempts without gaps or overlaps.

    Returns
    -------
    Run
        All their heralds. If every part ended with its planned number of heralds, so does the whole;
        otherwise its `herald_probability` is that of a fixed number of attempts. It ended as its last part
        did.

    Raises
    ------
    ParameterError
        If they do not belong together, with what does not fit.
    """
    parts = list(runs)
    if not parts:
        raise refused("runs", parts, "at least one run")
    for part in parts:
        if not isinstance(part, Run):
            raise refused("runs", part, "runs")
    parts.sort(key=lambda run: (run.start_attempt, run.attempts))
    first, last = parts[0], parts[-1]
    for part in parts[1:]:
        _check_alike(first, part)
    for before, after in pairwise(parts):
        _check_adjacent(before.start_attempt + before.attempts, after.start_attempt)

    def joined(columns: Iterable[NDArray[_Scalar]]) -> NDArray[_Scalar]:
        return np.concatenate(list(columns))

    hidden: dict[str, Any] = {}
    for name in HIDDEN:
        columns = [getattr(part, name) for part in parts if getattr(part, name) is not None]
        hidden[name] = joined(columns) if columns else None
    recorded = [part.coincidences for part in parts if part.coincidences is not None]
    return replace(
        first,
        attempts=last.start_attempt + last.attempts - first.start_attempt,
        attempt=joined(part.attempt for part in parts),
        pattern=joined(part.pattern for part in parts),
        cause=joined(part.cause for part in parts),
        click_time_s=joined(part.click_time_s for part in parts),
        **hidden,
        coincidences=Coincidences(
            *(joined(getattr(one, column.name) for one in recorded) for column in fields(Coincidences))
        )
        if recorded
        else None,
        ended=last.ended,
        at_herald=all(part.at_herald for part in parts),
    )


def _check_alike(first: Run, other: Run) -> None:
    traits = {
        "link": (first.link, other.link),
        "seed": (seeds.key(first.seed), seeds.key(other.seed)),
        "engine": (first.engine, other.engine),
        "stream version": (first.stream_version, other.stream_version),
        "coincidence window": (first.coincidence_window_s, other.coincidence_window_s),
        "selected window": (first.window_duration_s, other.window_duration_s),
        "choice whether to record coincidences": (first.coincidences is None, other.coincidences is None),
    }
    for name, (mine, theirs) in traits.items():
        if mine != theirs:
            message = f"`runs` must have one {name}: {first!r} and {other!r} differ in it"
            raise ParameterError(message, path="runs", domain=f"of one {name}")


def _check_adjacent(end: int, start: int) -> None:
    domain = "of adjacent attempts"
    if start > end:
        raise ParameterError(
            f"`runs` must cover their attempts without gaps: {end} up to {start} are missing",
            path="runs",
            domain=domain,
        )
    if start < end:
        raise ParameterError(
            f"`runs` must not overlap: {start} up to {end} are there twice", path="runs", domain=domain
        )
