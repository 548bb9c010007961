"""What links answer without random numbers, and the form of what they answer with them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from ionlink import _core
from ionlink.errors import refused

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from ionlink._core import _Budget, _Exact

__all__ = ["Contribution", "ErrorBudget", "Estimate", "Exact", "Outcome", "PatternOutcome"]

_NOTHING = 1e-12
"""Contributions below this are rounding."""


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
        The ions' state, basis 00, 01, 10, 11 with node A first (the photon second where there is no node B),
        trace 1; read-only.
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
        Its clicks as port and mode, such as ``"00+11"``; the port alone where modes are not told apart
        (``"0+1"``), the port or mode of a single click (``"0"``).
    bell_state : str
        The announced Bell state.
    probability : float
        Probability per attempt.
    by_cause : tuple of float
        Its parts in the order of `ionlink.CAUSES`.
    rho : complex128 (4, 4)
        The ions' state, unnormalized: its trace is the probability; read-only.
    """

    name: str
    bell_state: str
    probability: float
    by_cause: tuple[float, ...]
    rho: NDArray[np.complex128] = field(repr=False)


@dataclass(frozen=True, eq=False)
class Exact:
    """Results of a link without random numbers.

    Parameters
    ----------
    herald_probability : float
        Probability of a herald per attempt; with several ions per round, of one that is the first of its
        round.
    rate_hz : float
        Heralds per second, pauses and reloading included (1/s).
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


@dataclass(frozen=True)
class Contribution:
    """What one mechanism does to a link.

    Parameters
    ----------
    mechanism : str
        Its name.
    alone : float
        Infidelity with every other mechanism ideal.
    alone_by_state : dict of str to float
        The same for each announced Bell state.
    off : float
        Fidelity gained by removing only this one.
    herald_probability : float
        Change of the herald probability on its removal, per attempt.
    """

    mechanism: str
    alone: float
    alone_by_state: dict[str, float]
    off: float
    herald_probability: float


@dataclass(frozen=True)
class ErrorBudget:
    """Where the infidelity of a link comes from; iterable, and indexed by the names of the mechanisms.

    Parameters
    ----------
    rows : tuple of Contribution
        One per mechanism, in the order of the photon's path; those that do nothing are not printed.
    infidelity : float
        Infidelity of the link, 1 - F.
    remainder : float
        `infidelity` minus the sum of all `off`: what mechanisms do together, such as two errors that both
        ruin the same herald.
    """

    rows: tuple[Contribution, ...]
    infidelity: float
    remainder: float

    @classmethod
    def _of(cls, budget: _Budget) -> ErrorBudget:
        rows = tuple(Contribution(**row) for row in budget["contributions"])
        return cls(rows, budget["infidelity"], budget["remainder"])

    def __getitem__(self, mechanism: str) -> Contribution:
        for row in self.rows:
            if row.mechanism == mechanism:
                return row
        raise refused("mechanism", mechanism, "one of " + ", ".join(row.mechanism for row in self.rows))

    def __iter__(self) -> Iterator[Contribution]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def __str__(self) -> str:
        states = list(self.rows[0].alone_by_state) if self.rows else []
        head = ("in %", "off", "alone", *(f"alone, {name}" for name in states), "change of p")
        cells = [
            (
                row.mechanism,
                *(_percent(value) for value in (row.off, row.alone, *row.alone_by_state.values())),
                # below rounding of probabilities
                f"{row.herald_probability:+.2e}" if abs(row.herald_probability) > 1e-18 else "0",
            )
            for row in self.rows
            # not a number is something
            if not max(abs(row.alone), abs(row.off)) < _NOTHING
        ]
        empty = [""] * (len(states) + 2)
        ends = [
            ("remainder", _percent(self.remainder), *empty),
            ("all", _percent(self.infidelity), *empty),
        ]
        return table([head, *cells, *ends], "<" + ">" * (len(head) - 1))


def _percent(value: float) -> str:
    return f"{100 * value:.4f}"


def table(rows: Sequence[tuple[str, ...]], align: str = "<<<") -> str:
    """Rows as text in aligned columns; `align` has ``<`` or ``>`` for each."""
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    lines = (
        "  ".join(f"{cell:{side}{width}}" for cell, side, width in zip(row, align, widths, strict=True))
        for row in rows
    )
    return "\n".join(line.rstrip() for line in lines)
