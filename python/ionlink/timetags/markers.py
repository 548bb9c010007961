"""Sync markers: when attempts start, in whole picoseconds as the tags themselves."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from ionlink.errors import ParameterError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ionlink.link import Link

__all__ = ["Markers"]

_PER_SECOND = 1e21
_PER_PICOSECOND = 10**9
_LOW_BITS = 25
_MOST = 2**58
"""Multiples up to which products of halves fit into 64 bits; a comb that reaches it is 32 ps fine or less."""


class Markers:
    """Starts of attempts, in integers of 1e-21 s until they are rounded, as the core has them.

    Parameters
    ----------
    link : Link
        Whose schedule it is.
    key : (int, int)
        Key of the seed, from which losses of ions follow.
    """

    def __init__(self, link: Link, key: tuple[int, int]) -> None:
        schedule = link.schedule
        self._key = key
        self._ions = schedule.ions_per_round
        self._rounds_per_burst = schedule.attempts_per_burst
        self._round_zs = _zeptoseconds(link.attempt_period_s)
        self._spacing_zs = _zeptoseconds(link.ion_spacing_s)
        self._pause_zs = _zeptoseconds(schedule.pause_s)
        self._reload_zs = _zeptoseconds(schedule.reload_s)
        self._counting = None
        if schedule.ion_loss_rate_hz > 0 and schedule.reload_s > 0:
            # losses do not depend on what they cost: at a second each, times tell how many there were
            paths = ("schedule.reload_s", "schedule.ion_loss_rate_hz")
            self._counting = link.replace({paths[0]: 1.0}).core, link.replace(dict.fromkeys(paths, 0.0)).core

    def starts_ps(self, attempt: NDArray[np.uint64]) -> NDArray[np.int64]:
        """Start of each attempt (ps), rounded to the nearest."""
        if len(attempt) and int(attempt.max()) >= _MOST:
            raise ParameterError(f"`attempt` must be below {_MOST} to have a marker", path="attempt")
        number = attempt.astype(np.int64)
        rounds, ion = np.divmod(number, self._ions)
        # (r + 1) period - (m - i) spacing, with what is the same for all taken out first
        offset_zs = self._round_zs - self._ions * self._spacing_zs
        terms = [(rounds, self._round_zs), (ion, self._spacing_zs)]
        if self._rounds_per_burst is not None:
            terms.append((rounds // self._rounds_per_burst, self._pause_zs))
        if self._counting is not None:
            with_losses, without = (core.time_s(self._key, attempt) for core in self._counting)
            terms.append((np.rint(with_losses - without).astype(np.int64), self._reload_zs))
        whole, rest = divmod(offset_zs, _PER_PICOSECOND)
        starts_ps: NDArray[np.int64] = np.full(len(number), whole, np.int64)
        rest_zs = np.full(len(number), rest, np.int64)
        for count, unit_zs in terms:
            more_ps, more_zs = _product(count, unit_zs)
            starts_ps += more_ps
            rest_zs += more_zs
        starts_ps += (rest_zs + _PER_PICOSECOND // 2) // _PER_PICOSECOND
        return starts_ps


def _zeptoseconds(time_s: float) -> int:
    scaled = time_s * _PER_SECOND
    whole = math.floor(scaled)
    return whole + (scaled - whole >= 0.5)


def _product(count: NDArray[np.int64], unit_zs: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Multiples of a time: whole picoseconds and the rest (1e-21 s), by halves that 64 bits hold."""
    unit_ps, fine_zs = divmod(unit_zs, _PER_PICOSECOND)
    high, low = count >> _LOW_BITS, count & ((1 << _LOW_BITS) - 1)
    high_ps, high_zs = np.divmod(high * fine_zs, _PER_PICOSECOND)
    more_ps, rest_zs = np.divmod((high_zs << _LOW_BITS) + low * fine_zs, _PER_PICOSECOND)
    return count * unit_ps + (high_ps << _LOW_BITS) + more_ps, rest_zs
