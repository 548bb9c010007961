"""A sweep as a plan: what is to be computed, in which shards, and the results put together."""

from __future__ import annotations

from concurrent.futures import BrokenExecutor
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ionlink import _core, checks, seeds
from ionlink.errors import IonlinkError, ModelError, ParameterError
from ionlink.properties import cached_property
from ionlink.sweeping.checkpoint import Checkpoint, manifest
from ionlink.sweeping.models import Arguments, Kind, Quantity, kind_named, width
from ionlink.sweeping.points import Points, shown
from ionlink.sweeping.running import completed, completed_by_threads
from ionlink.sweeping.tasks import Refusal, Results, Task, compute, merged_refusals

if TYPE_CHECKING:
    import os
    from collections.abc import Generator

    from numpy.typing import NDArray

    from ionlink.progress import Observer

__all__ = ["Plan", "Share", "Table"]

_HERALDS_PER_SHARD = 2_000_000
"""A few seconds at most: what a killed run loses, and still much longer than handing a task over."""
_POINTS_PER_SHARD = 1000
_FEWEST_SHARDS, _MOST_SHARDS = 32, 4096
_PATIENT_HERALDS = 500_000
"""Heralds of a point up to which threads share points: on Ctrl-C the points under way are finished first."""

Share = tuple[int, int]
"""One of how many equal parts of all shards, from 1."""


def shard_size(points: int, heralds: int | None, most: int = _POINTS_PER_SHARD) -> int:
    """Points per shard: a function of the sweep alone, so that any engine finds the shards of another."""
    size = most
    if heralds is not None:
        size = max(1, min(size, _HERALDS_PER_SHARD // heralds))
    size = min(size, -(-points // _FEWEST_SHARDS))
    return max(size, -(-points // _MOST_SHARDS))


@dataclass(frozen=True)
class Table:
    """Numbers of all points in their order, and refusals."""

    rows: NDArray[np.float64]
    refused: dict[str, Refusal]


@dataclass(frozen=True)
class Plan:
    """All that the numbers of a sweep follow from.

    Parameters
    ----------
    model : Link or Network
        The model before any change.
    kind : Kind
        How to sweep it.
    points : Points
        Changes of each point.
    effort : Effort or Simulation
        How points are sampled, if they are.
    seed : int, SeedSequence or None
        Seed of the sweep; None if nothing is sampled.
    points_per_shard : int
        What is computed, stored and lost at a time; changes no number.
    stream_version, version
        Those of the ionlink that computes, or computed, the numbers.
    """

    model: Any
    kind: Kind
    points: Points
    effort: Any
    seed: seeds.Replay | None
    points_per_shard: int
    stream_version: int = _core.STREAM_VERSION
    version: str = _core.__version__

    @cached_property
    def bounds(self) -> list[tuple[int, int]]:
        """First point and end of each shard."""
        size, count = self.points_per_shard, self.points.size
        return [(first, min(first + size, count)) for first in range(0, count, size)]

    @property
    def columns(self) -> int:
        """Numbers of each point."""
        return width(self.quantities, self.sampled)

    @cached_property
    def quantities(self) -> tuple[Quantity, ...]:
        """What each point is reduced to."""
        return self.kind.quantities(self.model, self.effort)

    @property
    def sampled(self) -> bool:
        """Whether points are sampled."""
        return self.kind.samples(self.effort)

    @property
    def options(self) -> dict[str, Any]:
        """How points are sampled, as JSON holds it."""
        return {name: value for name, value in self.effort._asdict().items() if name != "threads"}

    def configuration(self) -> dict[str, Any]:
        """The plan as JSON holds it."""
        return {
            "kind": self.kind.name,
            "model": self.kind.text(self.model),
            "points": self.points.document(),
            **self.options,
            "seed": None if self.seed is None else seeds.plain(self.seed),
            "points_per_shard": self.points_per_shard,
            "stream_version": self.stream_version,
            "version": self.version,
        }

    @classmethod
    def from_folder(cls, folder: str | os.PathLike[str]) -> Plan:
        """The plan whose finished shards a folder holds.

        Raises
        ------
        ParameterError
            If it is not the folder of a sweep.
        """
        known = manifest(folder)
        if known is None:
            raise ParameterError(f"{folder}: no folder of a sweep", path="checkpoint")
        try:
            kind = kind_named(known["kind"])
            model = kind.of_text(known["model"])
            given = {name: known[name] for name in Arguments._fields if name in known}
            plan = cls(
                model=model,
                kind=kind,
                points=Points.from_document(known["points"]),
                effort=kind.effort(model, Arguments(**given)),
                seed=None if known["seed"] is None else seeds.from_plain(known["seed"]),
                points_per_shard=known["points_per_shard"],
                stream_version=known["stream_version"],
                version=known["version"],
            )
        except (IonlinkError, AttributeError, KeyError, TypeError, ValueError) as error:
            message = f"{folder}: its manifest is of another version of ionlink, or damaged: {error}"
            raise ParameterError(message, path="checkpoint") from error
        return plan

    def kept_in(self, folder: str | os.PathLike[str]) -> Checkpoint:
        """The folder of this plan's finished shards.

        Raises
        ------
        ParameterError
            As `Checkpoint`.
        """
        return Checkpoint(folder, self.configuration(), self.bounds, self.columns)

    def check(self, shards: list[int]) -> None:
        """Refuse any point of these shards that is no model, or that cannot be sampled as planned.

        Raises
        ------
        ParameterError, ModelError
            As `replace` and `sample` or `run`, with the point in a note.
        """
        effort = self.effort if self.sampled else None
        for shard in shards:
            for point in self.points.part(*self.bounds[shard]):
                try:
                    self.kind.check(self.model.replace(point), effort)
                except IonlinkError as error:
                    error.add_note(f"at the point {shown(point)}")
                    raise

    def share(self, share: Share | None) -> list[int]:
        """Shards of a share: every n-th, so that shares cost about the same."""
        number, count = (1, 1) if share is None else share
        return list(range(number - 1, len(self.bounds), count))

    def run(
        self,
        executor: Any = None,
        checkpoint: Checkpoint | None = None,
        threads: int | None = None,
        share: Share | None = None,
        observer: Observer | None = None,
    ) -> Table | None:
        """Compute what is not in the checkpoint; the table of all points, or nothing for a share of them."""
        wanted = self.share(share)
        rows, refusals = self._empty(), []
        missing = wanted
        if checkpoint is not None:
            done = checkpoint.finished()
            missing = [shard for shard in wanted if shard not in done]
            for shard in sorted(done.intersection(wanted)):
                rows[slice(*self.bounds[shard])], refused = checkpoint.load(shard)
                refusals.append(refused)
        total = sum(self._points_in(shard) for shard in wanted)
        finished = total - sum(self._points_in(shard) for shard in missing)
        if observer is not None:
            observer(finished, total)
        with closing(self._results(missing, executor, threads)) as results:
            try:
                for shard, result in results:
                    if checkpoint is not None:
                        checkpoint.store(shard, result)
                    rows[slice(*self.bounds[shard])] = result.rows
                    refusals.append(result.refused)
                    finished += self._points_in(shard)
                    if observer is not None:
                        observer(finished, total)
            except BrokenExecutor as error:
                kept = "lost: give a `checkpoint` to keep them" if checkpoint is None else "kept: call again"
                error.add_note(f"{finished} of {total} points were finished, and are {kept}")
                raise
        if share is not None:
            return None
        return self._complete(Table(rows, merged_refusals(refusals)))

    def blank(self) -> Table:
        """The table before anything is computed."""
        return Table(self._empty(), {})

    def _empty(self) -> NDArray[np.float64]:
        return np.full((self.points.size, self.columns), np.nan)

    def _points_in(self, shard: int) -> int:
        first, end = self.bounds[shard]
        return end - first

    def _results(
        self, shards: list[int], executor: Any, threads: int | None
    ) -> Generator[tuple[int, Results]]:
        """Shards as they end."""
        # an executor has workers of its own
        workers = checks.threads(1 if executor is not None and threads is None else threads)
        side_by_side = 1
        if executor is None and self.sampled and (self.kind.heralds(self.effort) or 0) <= _PATIENT_HERALDS:
            side_by_side = min(workers, len(shards))
        effort = None
        if self.sampled:
            effort = self.effort._replace(threads=max(1, workers // max(1, side_by_side)))
        key = (0, 0) if self.seed is None else seeds.key(self.seed)
        tasks = [
            Task(self.model, self.bounds[shard][0], self.points.part(*self.bounds[shard]), effort, key)
            for shard in shards
        ]
        if side_by_side > 1:
            results = completed_by_threads(side_by_side, compute, tasks)
        else:
            results = completed(executor, compute, tasks)
        with closing(results):
            for index, result in results:
                yield shards[index], result

    def collected(self, checkpoint: Checkpoint) -> Table:
        """The table of all points, from a checkpoint that has every shard.

        Raises
        ------
        ParameterError
            If shards are missing.
        """
        missing = sorted(set(range(len(self.bounds))) - checkpoint.finished())
        if missing:
            message = (
                f"`checkpoint`: {checkpoint.folder} lacks {len(missing)} of {len(self.bounds)} shards, "
                f"the first is number {missing[0]}: sweep again with it to compute them"
            )
            raise ParameterError(message, path="checkpoint")
        rows, refusals = self._empty(), []
        for shard, bounds in enumerate(self.bounds):
            rows[slice(*bounds)], refused = checkpoint.load(shard)
            refusals.append(refused)
        return self._complete(Table(rows, merged_refusals(refusals)))

    def _complete(self, table: Table) -> Table:
        """The table, unless it has no number at all."""
        expected = ["exact"] * (self.kind.exact is not None) + ["sampled"] * self.sampled
        if all(what in table.refused and table.refused[what].points == self.points.size for what in expected):
            first = table.refused[expected[0]]
            raise ModelError(f"no point has results; the first, {shown(self.points[0])}: {first.reason}")
        return table
