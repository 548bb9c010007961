"""When attempts happen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ionlink.tables import Parameters

__all__ = ["Schedule"]


@dataclass(frozen=True, slots=True, kw_only=True, repr=False, eq=False)
class Schedule(Parameters):
    """A fixed comb of attempts: bursts of rounds with pauses between them; a herald does not reset it.

    A round is one attempt, or one with each of `ions_per_round` ions of a node; at most one herald of a round
    is kept, the first.

    Parameters
    ----------
    attempt_period_s : float, optional
        Time from one attempt, or round of attempts, to the next (s), above 0. Left out, it is the sum of
        `cooling_s`, `preparation_s`, the longer pulse, the longer path's delay, `return_delay_s` and
        `decision_s`, which must be above 0; `Link.attempt_period_s` has it.
    attempts_per_burst : int, optional
        Rounds (attempts, for one ion per round) between two pauses, at least 1; left out: no pauses.
    pause_s : float, default 0
        Pause after each burst (s), at least 0; 0 without `attempts_per_burst`.
    cooling_s, preparation_s : float, default 0
        Cooling and optical pumping before each round (s), at least 0; left out beside `attempt_period_s`.
    return_delay_s : float, optional
        Delay of the message from the station to the nodes (s), at least 0. Left out: that of the node's own
        path, in the period that of the longer one.
    decision_s : float, default 0
        Time the station takes to decide about a herald (s), at least 0.
    ions_per_round : int, default 1
        Ions of each node that are excited one after the other in a round, from 1 to 2**20.
    ion_spacing_s : float, optional
        Time from one ion of a round to the next (s), above 0 and at most the period over the number of ions,
        which is the default; for several ions only.
    ion_loss_rate_hz : float, default 0
        Ion losses per second of attempting (1/s), those of both nodes together; at most one per attempt.
    reload_s : float, default 0
        Time that a loss costs before the next attempt (s), at least 0.
    """

    _kind: ClassVar[str] = "schedule"

    attempt_period_s: float | None = None
    attempts_per_burst: int | None = None
    pause_s: float = 0.0
    cooling_s: float = 0.0
    preparation_s: float = 0.0
    return_delay_s: float | None = None
    decision_s: float = 0.0
    ions_per_round: int = 1
    ion_spacing_s: float | None = None
    ion_loss_rate_hz: float = 0.0
    reload_s: float = 0.0
