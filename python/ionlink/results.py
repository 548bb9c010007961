"""What links answer: estimates, exact results, runs."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import numpy as np

from ionlink import _core, seeds

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping, Sequence

    from numpy.typing import ArrayLike, NDArray

    from ionlink._core import _Exact
    from ionlink.link import Link

_Scalar = TypeVar("_Scalar", bound=np.generic)

__all__ = ["Estimate", "Exact", "Outcome", "PatternOutcome", "Run"]

_CHUNK = 65_536
"""Heralds whose states are held at once: 16 MiB."""


class Estimate(NamedTuple):
    """A sampled value with its 95 % interval; prints as ``0.9403(5)``, one standard deviation in brackets.

    Parameters
    ----------
    value, low, high : float
        Estimate and the ends of its interval.
    """

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return _core.format_estimate(*self)

    def __format__(self, spec: str) -> str:
        return format(self.value if spec.endswith(tuple("eEfFgG%")) else str(self), spec)

    def scaled(self, factor: float) -> Estimate:
        """Estimate of the quantity times a positive number."""
        return Estimate(*(factor * number for number in self))


@dataclass(frozen=True, eq=False)
class Outcome:
    """What the heralds of one Bell state look like.

    Parameters
    ----------
    probability : float
        Probability per attempt.
    fidelity : float
        Fidelity to the announced state; NaN if it is never announced.
    rho : complex128 (4, 4)
        The ions' state, basis 00, 01, 10, 11 with node A first, trace 1; read-only.
    """

    probability: float
    fidelity: float
    rho: NDArray[np.complex128] = field(repr=False)


@dataclass(frozen=True, eq=False)
class PatternOutcome:
    """What the heralds of one click pattern look like.

    Parameters
    ----------
    name : str
        Its two clicks as port and mode, such as ``"00+11"``.
    bell_state : str
        The announced Bell state.
    probability : float
        Probability per attempt.
    by_cause : (float, float, float)
        Its parts in the order of `ionlink.CAUSES`.
    rho : complex128 (4, 4)
        The ions' state, unnormalized: its trace is the probability; read-only.
    """

    name: str
    bell_state: str
    probability: float
    by_cause: tuple[float, float, float]
    rho: NDArray[np.complex128] = field(repr=False)


@dataclass(frozen=True, eq=False)
class Exact:
    """Results of a link without random numbers.

    Parameters
    ----------
    herald_probability : float
        Probability of a herald per attempt.
    rate_hz : float
        Heralds per second, pauses included (1/s).
    fidelity : float
        Mean fidelity to the announced Bell state over the accepted patterns; NaN without heralds.
    mean_time_s : float
        Mean time to the first herald (s); infinite without heralds.
    leakage : float
        Probability, given a herald, that at least one ion is outside the qubit; NaN without heralds.
    outcomes : dict of str to Outcome
        Per announced Bell state.
    patterns : tuple of PatternOutcome
        Per accepted click pattern, in the order of `Run.patterns`.
    """

    herald_probability: float
    rate_hz: float
    fidelity: float
    mean_time_s: float
    leakage: float
    outcomes: dict[str, Outcome]
    patterns: tuple[PatternOutcome, ...]

    @classmethod
    def _of(cls, exact: _Exact) -> Exact:
        for part in (*exact["outcomes"].values(), *exact["patterns"]):
            part["rho"].setflags(write=False)
        outcomes = {name: Outcome(**outcome) for name, outcome in exact["outcomes"].items()}
        patterns = tuple(PatternOutcome(**pattern) for pattern in exact["patterns"])
        return cls(
            exact["herald_probability"],
            exact["rate_hz"],
            exact["fidelity"],
            exact["mean_time_s"],
            exact["leakage"],
            outcomes,
            patterns,
        )

    def __str__(self) -> str:
        rows = [
            ("herald probability", f"{self.herald_probability:.6g}", "per attempt"),
            ("rate", f"{self.rate_hz:.6g}", "1/s"),
            ("mean time to a herald", f"{self.mean_time_s:.6g}", "s"),
            ("fidelity", f"{self.fidelity:.6f}", ""),
            *(
                (f"  {name}", f"{outcome.fidelity:.6f}", f"probability {outcome.probability:.6g} per attempt")
                for name, outcome in self.outcomes.items()
            ),
            ("leakage", f"{self.leakage:.6g}", "per herald"),
        ]
        return table(rows)


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Run:
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
        Times of the clicks from the opening of the window (s); column m is mode m.
    herald_probability : Estimate
        Probability of a herald per attempt, right for the way the run ended.
    seed : int or SeedSequence
        Given again, it replays the run.
    engine : str
        How attempts became heralds.
    start_attempt : int
        Number of the first attempt.
    interrupted : bool
        Whether the run was ended early.
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
    herald_probability: Estimate
    seed: seeds.Replay
    engine: str
    start_attempt: int = 0
    interrupted: bool = False
    stream_version: int = _core.STREAM_VERSION
    version: str = _core.__version__

    def __post_init__(self) -> None:
        self.__setstate__({})

    def __setstate__(self, state: Mapping[str, object]) -> None:
        self.__dict__.update(state)
        for column in (self.attempt, self.pattern, self.cause, self.click_time_s):
            column.setflags(write=False)

    def __getstate__(self) -> dict[str, object]:
        return {column.name: getattr(self, column.name) for column in fields(self)}

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Run):
            return NotImplemented
        pairs = ((getattr(self, column.name), getattr(other, column.name)) for column in fields(self))
        return all(_same(mine, theirs) for mine, theirs in pairs)

    __hash__ = None  # type: ignore[assignment]

    @property
    def heralds(self) -> int:
        """Number of heralds."""
        return len(self.attempt)

    @property
    def duration_s(self) -> float:
        """Laboratory time of the attempts, pauses between them included (s)."""
        return self.link.core.duration_s(self.start_attempt, self.attempts)

    @property
    def rate_hz(self) -> Estimate:
        """Heralds per second, pauses included (1/s)."""
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
        record = (self.pattern[selection], self.cause[selection], self.click_time_s[selection])
        return Estimate(*self.link.core.sampled_fidelity(*record))

    @cached_property
    def time_s(self) -> NDArray[np.float64]:
        """End of each herald's attempt (s), pauses included: float64 (n,)."""
        return _frozen(self.link.core.time_s(self.attempt))

    @cached_property
    def bell_state(self) -> NDArray[np.uint8]:
        """Announced Bell state, index into `ionlink.BELL_STATES`: uint8 (n,)."""
        announced = np.array([bell_state for _, _, bell_state in self.link.core.patterns], dtype=np.uint8)
        return _frozen(announced[self.pattern])

    @property
    def patterns(self) -> tuple[tuple[tuple[int, int], tuple[int, int]], ...]:
        """Accepted patterns: (port, mode) of the click of mode 0 and of mode 1."""
        return tuple(slots for _, slots, _ in self.link.core.patterns)

    @property
    def pattern_names(self) -> tuple[str, ...]:
        """Names of the accepted patterns, such as ``"00+11"``."""
        return tuple(name for name, _, _ in self.link.core.patterns)

    @property
    def _announced(self) -> list[int]:
        return sorted({bell_state for _, _, bell_state in self.link.core.patterns})

    def states(self, selection: ArrayLike | slice = slice(None)) -> NDArray[np.complex128]:
        """States of the ions given what caused the clicks and when they came.

        Parameters
        ----------
        selection : slice, int, int array or bool array (n,), default all
            Which heralds, as for indexing an array.

        Returns
        -------
        complex128 (m, 4, 4)
            Basis 00, 01, 10, 11 with node A first, trace 1; (4, 4) for a single index.
        """
        index: Any = selection
        pattern, cause, times = self.pattern[index], self.cause[index], self.click_time_s[index]
        if np.ndim(pattern) == 0:
            single = self.link.core.states(np.atleast_1d(pattern), np.atleast_1d(cause), times[np.newaxis])
            return single.reshape(4, 4)
        return self.link.core.states(pattern, cause, times)

    @cached_property
    def rho(self) -> dict[str, NDArray[np.complex128]]:
        """Mean state of each Bell state's heralds: complex128 (4, 4), NaN without any."""
        sums = {index: np.zeros((4, 4), dtype=np.complex128) for index in self._announced}
        for start in range(0, self.heralds, _CHUNK):
            part = slice(start, start + _CHUNK)
            states, announced = self.states(part), self.bell_state[part]
            for index, total in sums.items():
                np.add(total, states[announced == index].sum(axis=0), out=total)
        counts = np.bincount(self.bell_state, minlength=len(_core.BELL_STATES))
        return {
            _core.BELL_STATES[index]: _frozen(total / counts[index] if counts[index] else total * np.nan)
            for index, total in sums.items()
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
                ", ".join(f"{n:,} {name}" for n, name in zip(causes, _core.CAUSES, strict=True)),
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
        return table(rows) + ("\ninterrupted before its end" if self.interrupted else "")

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the run: ``.npz`` holds all of it (see `load_run`), ``.csv`` one row per herald for reading.

        Raises
        ------
        ParameterError
            For any other ending.
        """
        from ionlink import storage

        storage.save(self, path)


def _same(mine: Any, theirs: Any) -> bool:
    if isinstance(mine, np.ndarray | Estimate):
        return bool(np.array_equal(mine, theirs, equal_nan=True))
    if isinstance(mine, int | np.random.SeedSequence) and isinstance(theirs, int | np.random.SeedSequence):
        return mine is theirs or seeds.key(mine) == seeds.key(theirs)
    return bool(mine == theirs)


def _frozen(array: NDArray[_Scalar]) -> NDArray[_Scalar]:
    array.setflags(write=False)
    return array


def table(rows: Sequence[tuple[str, ...]], align: str = "<<<") -> str:
    """Rows as text in aligned columns; `align` has ``<`` or ``>`` for each."""
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    lines = (
        "  ".join(f"{cell:{side}{width}}" for cell, side, width in zip(row, align, widths, strict=True))
        for row in rows
    )
    return "\n".join(line.rstrip() for line in lines)
