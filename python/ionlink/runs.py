"""Runs: heralds drawn from a link, and what follows from them."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields, replace
from functools import cache
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

import numpy as np

from ionlink import _core, checks, seeds
from ionlink.errors import ModelError, ParameterError, refused
from ionlink.extras import imported
from ionlink.properties import cached_property
from ionlink.results import Estimate, table

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping

    from numpy.typing import ArrayLike, NDArray

    from ionlink.link import Link
    from ionlink.seeds import Seed

_Scalar = TypeVar("_Scalar", bound=np.generic)

__all__ = ["Coincidences", "RelativePrecision", "Run"]

SLOTS = ("00", "01", "10", "11")
"""Port and mode of each slot."""

HIDDEN: dict[str, tuple[type, int | None, tuple[str, ...]]] = {
    "blind_s": (np.float64, 4, tuple(f"blind_{slot}_s" for slot in SLOTS)),
    "jitter_s": (np.float64, 2, ("jitter_0_s", "jitter_1_s")),
    "afterpulses": (np.uint8, None, ("afterpulses",)),
}
"""Columns that only some links have, which no laboratory sees: type, width, and their names in tables."""

Slot: TypeAlias = tuple[int, int] | None
"""Port and mode of a click; None for the missing click of a single-click herald."""


@dataclass(frozen=True, kw_only=True)
class RelativePrecision:
    """Precision at which a run may end early; if several are given, all must be reached.

    Parameters
    ----------
    herald_probability, fidelity : float, optional
        Half-width of the 95 % interval over the value, above 0 and at most 0.5; at least one of them.
    """

    herald_probability: float | None = None
    fidelity: float | None = None

    def __post_init__(self) -> None:
        wanted = {column.name: getattr(self, column.name) for column in fields(self)}
        if all(value is None for value in wanted.values()):
            raise ParameterError("a precision must be given for at least one of " + ", ".join(wanted))
        for name, value in wanted.items():
            if value is not None:
                object.__setattr__(self, name, checks.relative(name, value))


class _Columns:
    """Arrays that are read-only, also after pickling, and compared as a whole."""

    def __post_init__(self) -> None:
        self.__setstate__({})

    def __setstate__(self, state: Mapping[str, object]) -> None:
        self.__dict__.update(state)
        for value in self.__getstate__().values():
            if isinstance(value, np.ndarray):
                value.setflags(write=False)

    def __getstate__(self) -> dict[str, object]:
        return {name: getattr(self, name) for name in _names(type(self))}  # type: ignore[arg-type]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, type(self)):
            return NotImplemented
        compared = (column.name for column in fields(self) if column.compare)  # type: ignore[arg-type]
        return all(_same(getattr(self, name), getattr(other, name)) for name in compared)

    __hash__ = None  # type: ignore[assignment]


@cache
def _names(columns: Any) -> tuple[str, ...]:
    # looked up once per class: `fields` would be a fifth of the cost of a run with one herald
    return tuple(column.name for column in fields(columns))


def _same(mine: Any, theirs: Any) -> bool:
    if isinstance(mine, np.ndarray) or isinstance(theirs, np.ndarray):
        return mine is not None and theirs is not None and np.array_equal(mine, theirs, equal_nan=True)
    if isinstance(mine, int | np.random.SeedSequence) and isinstance(theirs, int | np.random.SeedSequence):
        return mine is theirs or seeds.key(mine) == seeds.key(theirs)
    return bool(mine == theirs)


@dataclass(frozen=True, eq=False, repr=False)
class Coincidences(_Columns):
    """Attempts with two clicks in one mode and different ports, where interference shows; read-only.

    Parameters
    ----------
    attempt : uint64 (n,)
        Number of the attempt, ascending.
    port : uint8 (n, 2)
        Ports of the clicks: 0 and 1.
    mode : uint8 (n, 2)
        Modes of the clicks: equal.
    click_time_s : float64 (n, 2)
        Times of the clicks from the opening of the window (s); column p is port p.
    """

    attempt: NDArray[np.uint64]
    port: NDArray[np.uint8]
    mode: NDArray[np.uint8]
    click_time_s: NDArray[np.float64]

    @classmethod
    def _of(
        cls, attempt: NDArray[np.uint64], mode: NDArray[np.uint8], click_time_s: NDArray[np.float64]
    ) -> Coincidences:
        """From one mode each."""
        ports = np.tile(np.array([0, 1], dtype=np.uint8), (len(attempt), 1))
        return cls(attempt, ports, np.repeat(mode[:, np.newaxis], 2, axis=1), click_time_s)

    def __len__(self) -> int:
        return len(self.attempt)

    def __repr__(self) -> str:
        return f"<{len(self)} coincidences>"

    def _only(self, kept: NDArray[np.bool_]) -> Coincidences:
        return Coincidences(*(getattr(self, column.name)[kept] for column in fields(self)))


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Run(_Columns):
    """Heralds drawn from a link. Arrays have one entry per herald, in attempt order, and are read-only.

    Parameters
    ----------
    link : Link
        The link they were drawn from.
    attempts : int
        Attempts made; a run asked for heralds ends with the attempt of the last one.
    attempt : uint64 (n,)
        Number of the attempt, ascending.
    pattern : uint8 (n,)
        Index into `patterns` and `pattern_names`.
    cause : uint8 (n,)
        Index into `ionlink.CAUSES`: what made the clicks.
    click_time_s : float64 (n, 2)
        Times of the clicks from the opening of the window (s), of each bin's or round's own where there are
        two; column m is mode m, and port m where detectors do not tell modes apart. NaN for the missing click
        of a single-click herald.
    blind_s : float64 (n, 4), optional
        With detectors that remember clicks from one window to the next: when each slot (00, 01, 10, 11) was
        ready, from the opening of the window (s).
    jitter_s : float64 (n, 2), optional
        With detectors that have timing jitter: how much later than it came each click was recorded (s).
    afterpulses : uint8 (n,), optional
        With detectors that have afterpulses: which clicks are some, bit m for column m.
    coincidences : Coincidences, optional
        Clicks in one mode and different ports, if they were to be recorded.
    seed : int or SeedSequence
        Given again, it replays the run.
    engine : {"photon", "click", "herald"}
        How attempts became heralds.
    engine_reason : str
        Why this engine.
    start_attempt : int
        Number of the first attempt.
    ended : {"planned", "enough", "interrupted"}
        Why it ended: with the planned herald or attempt; early, with the precision asked for or the time
        allowed; early, by the user.
    at_herald : bool
        Whether it ended with the planned number of heralds, at an attempt that was not fixed beforehand.
    coincidence_window_s, window_duration_s : float, optional
        What `select` kept.
    stream_version : int
        Version of the random stream; runs of equal seed and stream version are equal.
    version : str
        Version of ionlink that drew it.
    """

    link: Link
    attempts: int
    attempt: NDArray[np.uint64]
    pattern: NDArray[np.uint8]
    cause: NDArray[np.uint8]
    click_time_s: NDArray[np.float64]
    blind_s: NDArray[np.float64] | None = None
    jitter_s: NDArray[np.float64] | None = None
    afterpulses: NDArray[np.uint8] | None = None
    coincidences: Coincidences | None = None
    seed: seeds.Replay
    engine: str
    engine_reason: str = field(default="", compare=False)
    start_attempt: int = 0
    ended: str = "planned"
    at_herald: bool = False
    coincidence_window_s: float | None = None
    window_duration_s: float | None = None
    stream_version: int = _core.STREAM_VERSION
    version: str = _core.__version__

    @property
    def heralds(self) -> int:
        """Number of heralds."""
        return len(self.attempt)

    @property
    def interrupted(self) -> bool:
        """Whether the user ended the run."""
        return self.ended == "interrupted"

    @cached_property
    def herald_probability(self) -> Estimate:
        """Probability of a herald per attempt, right for the way the run ended."""
        counted = (self.attempt, self.start_attempt, self.attempts, self.at_herald)
        return Estimate(*self.link.core.herald_probability(*counted))

    @property
    def duration_s(self) -> float:
        """Laboratory time of the attempts, pauses and reloading between them included (s)."""
        return self.link.core.duration_s(seeds.key(self.seed), self.start_attempt, self.attempts)

    @property
    def rate_hz(self) -> Estimate:
        """Heralds per second in the mean over pauses and reloading (1/s)."""
        return self.herald_probability.scaled(self.link.core.attempt_rate_hz)

    @cached_property
    def fidelity(self) -> Estimate:
        """Mean fidelity to the announced Bell states; computed when first asked for."""
        return self._fidelity(slice(None))

    @cached_property
    def fidelities(self) -> dict[str, Estimate]:
        """Mean fidelity of each Bell state's heralds; computed when first asked for."""
        return {
            _core.BELL_STATES[index]: self._fidelity(self.bell_state == index) for index in self._announced
        }

    def _fidelity(self, selection: slice | NDArray[np.bool_]) -> Estimate:
        return Estimate(*self.link.core.sampled_fidelity(self._record(selection)))

    def _record(self, selection: Any) -> dict[str, NDArray[Any] | None]:
        """Columns from which states follow."""
        columns: dict[str, NDArray[Any] | None] = {}
        for name in ("attempt", "pattern", "cause", "click_time_s", *HIDDEN):
            column = getattr(self, name)
            columns[name] = None if column is None else column[selection]
        return columns

    @cached_property
    def time_s(self) -> NDArray[np.float64]:
        """End of each herald's attempt (s), pauses and reloading included: float64 (n,)."""
        return _frozen(self.link.core.time_s(seeds.key(self.seed), self.attempt))

    @cached_property
    def bell_state(self) -> NDArray[np.uint8]:
        """Announced Bell state, index into `ionlink.BELL_STATES`: uint8 (n,)."""
        announced = np.array([bell_state for _, _, bell_state in self.link.core.patterns], dtype=np.uint8)
        return _frozen(announced[self.pattern])

    @property
    def patterns(self) -> tuple[tuple[Slot, Slot], ...]:
        """Accepted patterns: (port, mode) of the click in each column of `click_time_s`, None for none."""
        return tuple(slots for _, slots, _ in self.link.core.patterns)

    @property
    def pattern_names(self) -> tuple[str, ...]:
        """Names of the accepted patterns, such as ``"00+11"``."""
        return tuple(name for name, _, _ in self.link.core.patterns)

    @property
    def _announced(self) -> list[int]:
        return sorted({bell_state for _, _, bell_state in self.link.core.patterns})

    def states(
        self, selection: ArrayLike | slice = slice(None), given: str = "cause"
    ) -> NDArray[np.complex128]:
        """States of the ions given when the clicks came and, unless said otherwise, what caused them.

        Parameters
        ----------
        selection : slice, int, int array or bool array (n,), default all
            Which heralds, as for indexing an array.
        given : {"cause", "record"}, default "cause"
            ``"cause"``: the state given cause and click times, which the simulator knows. ``"record"``: given
            pattern and click times alone, the causes mixed by their probabilities at these times, which is
            what a laboratory can know. Both have the same mean.

        Returns
        -------
        complex128 (m, 4, 4)
            Basis 00, 01, 10, 11 with node A first, trace 1; (4, 4) for a single index. Second is the photon
            where there is no node B.
        """
        record = self._record(selection)
        if np.ndim(np.asarray(record["pattern"])) == 0:
            one = self._record(np.atleast_1d(np.asarray(selection)))
            return self.link.core.states(one, checks.word(given)).reshape(4, 4)
        return self.link.core.states(record, checks.word(given))

    def measure(self, basis: str, seed: Seed = None) -> NDArray[np.int8]:
        """Outcomes of measuring one Pauli operator on each ion, as the laboratory would see them.

        Parameters
        ----------
        basis : str
            Two of the letters X, Y, Z, such as ``"XX"``: the operator for node A, then for node B or the
            photon.
        seed : int, SeedSequence, Generator, BitGenerator, optional
            Source of the random numbers, as for `Link.sample`: one seed gives independent runs and, for each
            basis, measurements. Outcomes belong to attempts: those of a selection are the selected ones.

        Returns
        -------
        int8 (n, 2)
            +1 or -1 for node A and node B, drawn from the state given cause and click times; +1 is read as
            |0> and -1 as |1>, each misread with the node's `readout_error` for it.
        """
        used = seeds.key(seeds.replayable(seed))
        return self.link.core.measure(checks.word(basis), used, self.attempt, self._record(slice(None)))

    def select(
        self, coincidence_window_s: float | None = None, window_duration_s: float | None = None
    ) -> Run:
        """What a tighter cut would have kept of the same attempts; nothing is drawn again.

        Parameters
        ----------
        coincidence_window_s : float, optional
            Largest time between the two clicks (s), at least 0 and at most the link's own.
        window_duration_s : float, optional
            Latest click, from the opening of the window (s), at least 0 and at most the link's window. A
            missing click is never late.

        Returns
        -------
        Run
            The heralds, and coincidences, inside all cuts made so far. Its `herald_probability` is that of a
            fixed number of attempts. Its states are those of the full record: nothing else clicked in the
            whole window. An attempt that only the shorter window would have accepted, because a further click
            came after it, is not there.

        Raises
        ------
        ParameterError
            For a cut that is no time or looser than the link's own.
        ModelError
            For a coincidence window of heralds that have one click.
        """
        if coincidence_window_s is not None and any(None in slots for slots in self.patterns):
            message = "`coincidence_window_s`: the heralds of this link have one click"
            raise ModelError(message, path="coincidence_window_s")
        station = self.link.station
        own_s = math.inf if station.coincidence_window_s is None else station.coincidence_window_s
        cuts = {
            "coincidence_window_s": (coincidence_window_s, own_s, "coincidence window"),
            "window_duration_s": (window_duration_s, station.window_duration_s, "window"),
        }
        tighter: dict[str, float | None] = {}
        for name, (cut, most, limit) in cuts.items():
            limits = [] if cut is None else [checks.duration(name, cut)]
            if limits and limits[0] > most:
                raise refused(name, cut, f"at most the link's {limit}, {most:g}", "s")
            earlier: float | None = getattr(self, name)
            tighter[name] = min([*limits, *([] if earlier is None else [earlier])], default=None)
        kept = _inside(self.click_time_s, **tighter)
        columns = ("attempt", "pattern", "cause", "click_time_s")
        changes: dict[str, Any] = {name: getattr(self, name)[kept] for name in columns} | tighter
        for name in HIDDEN:
            column = getattr(self, name)
            if column is not None:
                changes[name] = column[kept] if kept.any() else None
        if self.coincidences is not None:
            inside = _inside(self.coincidences.click_time_s, **tighter)
            changes["coincidences"] = self.coincidences._only(inside)
        return replace(self, **changes, at_herald=False)

    @cached_property
    def rho(self) -> dict[str, NDArray[np.complex128]]:
        """Mean state of each Bell state's heralds: complex128 (4, 4), NaN without any."""
        sums = self.link.core.summed_states(self._record(slice(None)))
        counts = np.bincount(self.bell_state, minlength=len(_core.BELL_STATES))
        return {
            _core.BELL_STATES[index]: _frozen(
                sums[index] / counts[index] if counts[index] else sums[index] * np.nan
            )
            for index in self._announced
        }

    def __repr__(self) -> str:
        counts = f"{self.heralds} heralds in {self.attempts} attempts"
        return f"<Run of {self.link}: {counts}, seed {seeds.text(self.seed)}>"

    def __str__(self) -> str:
        announced = np.bincount(self.bell_state, minlength=len(_core.BELL_STATES))
        causes = np.bincount(self.cause, minlength=len(_core.CAUSES))
        first, last = self.start_attempt, self.start_attempt + self.attempts
        rows = [
            ("link", str(self.link), ""),
            (
                "heralds",
                f"{self.heralds:,}",
                ", ".join(f"{n:,} {name}" for n, name in zip(causes, _core.CAUSES, strict=True) if n),
            ),
            ("attempts", f"{self.attempts:,}", f"{first:,} up to {last:,}" if first else ""),
            ("laboratory time", f"{self.duration_s:.6g}", "s"),
            ("herald probability", str(self.herald_probability), "per attempt"),
            ("rate", str(self.rate_hz), "1/s"),
            ("fidelity", str(self.fidelity), ""),
            *(
                (f"  {name}", str(estimate), f"{announced[_core.BELL_STATES.index(name)]:,} heralds")
                for name, estimate in self.fidelities.items()
            ),
            ("seed", seeds.text(self.seed), ""),
            ("engine", self.engine, f"stream version {self.stream_version}, ionlink {self.version}"),
        ]
        for title, cut_s in (
            ("coincidence window", self.coincidence_window_s),
            ("selected window", self.window_duration_s),
        ):
            if cut_s is not None:
                rows.append((title, f"{cut_s:g}", "s"))
        if self.coincidences is not None:
            rows.append(("coincidences", f"{len(self.coincidences):,}", ""))
        endings = {"interrupted": "\ninterrupted before its end", "enough": "\nended early: enough"}
        return table(rows) + endings.get(self.ended, "")

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """One row per herald by the Arrow C stream interface, for every library that reads it.

        Columns: attempt (uint64), time_s (float64), bell_state, pattern, cause (dictionaries of strings),
        click_time_0_s, click_time_1_s (float64, NaN for a missing click), and blind_00_s to blind_11_s,
        jitter_0_s, jitter_1_s and afterpulses (uint8) where there are `blind_s`, `jitter_s`, `afterpulses`.
        The schema's metadata has the link file and the provenance.
        """
        from ionlink import storage

        record = self._record(slice(None))
        return self.link.core.arrow_stream(seeds.key(self.seed), self.attempt, record, storage.metadata(self))

    def to_arrow(self) -> Any:
        """Table of the heralds as a `pyarrow.Table`; the run itself can be given to whatever reads Arrow.

        Raises
        ------
        MissingPackageError
            Without pyarrow; it is an `ImportError`.
        """
        return imported("pyarrow", "Arrow tables", "ionlink[parquet]").table(self)

    def to_pandas(self) -> Any:
        """Table of the heralds as a `pandas.DataFrame`, with the columns of `to_arrow`.

        Raises
        ------
        MissingPackageError
            Without pandas; it is an `ImportError`.
        """
        pandas = imported("pandas", "data frames", "pandas")
        named = {
            "bell_state": (self.bell_state, _core.BELL_STATES),
            "pattern": (self.pattern, self.pattern_names),
            "cause": (self.cause, _core.CAUSES),
        }
        columns = {"attempt": self.attempt, "time_s": self.time_s}
        columns |= {
            name: pandas.Categorical.from_codes(codes, names) for name, (codes, names) in named.items()
        }
        columns |= {f"click_time_{mode}_s": self.click_time_s[:, mode] for mode in (0, 1)}
        for hidden, (_, width, titles) in HIDDEN.items():
            column = getattr(self, hidden)
            if column is not None:
                columns |= dict(zip(titles, [column] if width is None else column.T, strict=True))
        return pandas.DataFrame(columns)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the run in the format of the file's ending.

        ``.npz`` holds all of it; ``.parquet`` (with ``ionlink[parquet]``) all but coincidences, for many
        programs to read; `load_run` reads both back. ``.csv`` has one row per herald for reading.

        Raises
        ------
        ParameterError
            For any other ending, or coincidences and ``.parquet``.
        MissingPackageError
            For ``.parquet`` without pyarrow; it is an `ImportError`.
        """
        from ionlink import storage

        storage.save(self, path)


def _inside(
    click_time_s: NDArray[np.float64], coincidence_window_s: float | None, window_duration_s: float | None
) -> NDArray[np.bool_]:
    kept = np.ones(len(click_time_s), dtype=np.bool_)
    if coincidence_window_s is not None:
        kept &= np.abs(click_time_s[:, 0] - click_time_s[:, 1]) <= coincidence_window_s
    if window_duration_s is not None:
        # a missing click is not a number, and never late
        kept &= ~(click_time_s > window_duration_s).any(axis=1)
    return kept


def _frozen(array: NDArray[_Scalar]) -> NDArray[_Scalar]:
    array.setflags(write=False)
    return array
