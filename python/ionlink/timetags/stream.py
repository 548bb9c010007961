"""Time tags in memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ionlink import _core, checks, seeds
from ionlink.errors import ParameterError
from ionlink.extras import imported
from ionlink.progress import reporter
from ionlink.properties import cached_property
from ionlink.runs import _Columns
from ionlink.timetags.markers import Markers

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from ionlink.link import Link
    from ionlink.progress import Observer
    from ionlink.seeds import Replay, Seed

__all__ = ["ClickStream"]

EXTRA = "ionlink[timetags]"
DTYPES: dict[str, type] = {
    "time_ps": np.int64,
    "channel": np.uint8,
    "attempt": np.uint64,
    "kind": np.uint8,
}
"""Type of each column."""
PART = 65_536
"""Tags that are drawn at once, at least: a few hundredths of a second."""


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class ClickStream(_Columns):
    """Time tags of attempts, ascending in time; read-only. `Link.click_stream` draws them.

    Parameters
    ----------
    link : Link
        The link they are drawn from.
    time_ps : int64 (n,)
        When each click was recorded (ps): the start of its attempt, at which its first window opens, and the
        time of the click from there, rounded. The comb of attempts starts at 0.
    channel : uint8 (n,)
        The detector that clicked, index into `channels`.
    attempt : uint64 (n,)
        Number of the attempt, which a laboratory tells from `time_ps` and the comb.
    kind : uint8 (n,)
        What made the click, index into `kinds`; no laboratory sees it.
    attempts : int
        Number of attempts.
    start_attempt : int
        Number of the first one.
    seed : int or SeedSequence
        Given again, it replays the stream.
    stream_version : int
        Version of the mapping from seeds to random numbers.
    version : str
        Version of the package.
    """

    link: Link
    time_ps: NDArray[np.int64]
    channel: NDArray[np.uint8]
    attempt: NDArray[np.uint64]
    kind: NDArray[np.uint8]
    attempts: int
    start_attempt: int
    seed: Replay
    stream_version: int = _core.STREAM_VERSION
    version: str = _core.__version__

    def __len__(self) -> int:
        return len(self.time_ps)

    def __repr__(self) -> str:
        return f"<ClickStream of {self.link}: {len(self):,} time tags of {self.attempts:,} attempts>"

    @property
    def channels(self) -> tuple[str, ...]:
        """Names of the channels: port and mode of the slot (``"01"``), or the port, or the mode, alone."""
        return tuple(self.link.core.channels)

    @property
    def kinds(self) -> tuple[str, ...]:
        """Names of what makes clicks: photon, dark, background, afterpulse."""
        return _core.TAG_KINDS

    @property
    def duration_s(self) -> float:
        """Laboratory time of the attempts (s), pauses and reloading included."""
        return self.link.core.duration_s(seeds.key(self.seed), self.start_attempt, self.attempts)

    @property
    def sync_period_s(self) -> float:
        """Time from one sync marker, the start of an attempt, to the next (s), pauses apart."""
        return self.link.ion_spacing_s

    @cached_property
    def attempt_start_ps(self) -> NDArray[np.int64]:
        """Sync marker of each tag: when its attempt started (ps), pauses and reloading included; int64 (n,).

        ``time_ps - attempt_start_ps`` is the time since the opening of the attempt's first window. Files have
        it as a column. Not always the nearest marker before a tag: jitter may put a tag before its own.
        """
        starts_ps = Markers(self.link, seeds.key(self.seed)).starts_ps(self.attempt)
        starts_ps.setflags(write=False)
        return starts_ps

    def to_arrow(self) -> Any:
        """Table of pyarrow: the columns, `attempt_start_ps`; link file, seed, versions as metadata.

        Raises
        ------
        MissingPackageError
            Without pyarrow.
        """
        from ionlink.timetags.files import arrow_table

        return arrow_table(self)

    def to_photon_hdf5(self, path: str | os.PathLike[str]) -> None:
        """Write a Photon-HDF5 file (version 0.5).

        Raises
        ------
        MissingPackageError
            Without h5py.
        OSError
            If the file cannot be written.
        """
        from ionlink.timetags.files import save

        save(self, path, "photon-hdf5")

    def to_parquet(self, path: str | os.PathLike[str]) -> None:
        """Write a Parquet file.

        Raises
        ------
        MissingPackageError
            Without pyarrow.
        OSError
            If the file cannot be written.
        """
        from ionlink.timetags.files import save

        save(self, path, "parquet")


@dataclass(frozen=True)
class Job:
    """Checked arguments: what to draw."""

    link: Link
    start: int
    attempts: int
    seed: Replay

    def part(self, columns: tuple[NDArray[Any], ...]) -> ClickStream:
        """Stream of the job's attempts."""
        time_ps, channel, attempt, kind = columns
        return ClickStream(
            link=self.link,
            time_ps=time_ps,
            channel=channel,
            attempt=attempt,
            kind=kind,
            attempts=self.attempts,
            start_attempt=self.start,
            seed=self.seed,
        )

    def columns(self, progress: bool | Observer) -> Iterator[tuple[NDArray[Any], ...]]:
        """Columns part by part; the observer is told the attempts so far, those of the last tag."""
        source = _core.ClickStream(self.link.core, seeds.key(self.seed), self.start, self.attempts)
        with reporter(progress, "attempts") as observer:
            while (columns := source.next(PART)) is not None:
                if observer is not None and len(columns[2]):
                    observer(int(columns[2][-1]) + 1 - self.start, self.attempts)
                yield columns
            if observer is not None:
                observer(self.attempts, self.attempts)


def job(
    link: Link, attempts: float | None, duration_s: float | None, seed: Seed, start_attempt: float
) -> Job:
    """Check what is asked for, in the words of `Link.sample`."""
    if (attempts is None) == (duration_s is None):
        got = "neither" if attempts is None else "both"
        raise ParameterError(
            f"exactly one of `attempts` and `duration_s` must be given, got {got}",
            path="attempts",
            domain="exactly one of attempts and duration_s",
        )
    start = checks.count("start_attempt", start_attempt)
    used = seeds.replayable(seed)
    if attempts is not None:
        return Job(link, start, checks.count("attempts", attempts), used)
    span_s = checks.duration("duration_s", duration_s)
    key = seeds.key(used)
    limit = link.core.attempts_within(key, link.core.duration_s(key, 0, start) + span_s) - start
    return Job(link, start, checks.count("duration_s", max(limit, 0)), used)


def drawn(wanted: Job, progress: bool | Observer) -> ClickStream:
    """All tags at once."""
    wanted.link.core.check_tags(wanted.attempts)
    parts = [*wanted.columns(progress)]
    empty: tuple[NDArray[Any], ...] = tuple(np.empty(0, dtype) for dtype in DTYPES.values())
    return wanted.part(tuple(np.concatenate(columns) for columns in zip(empty, *parts, strict=True)))


def pyarrow(module: str = "pyarrow") -> Any:
    """The package of tables, or a part of it."""
    return imported(module, "tables of time tags", EXTRA)
