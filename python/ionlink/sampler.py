"""One herald at a time, for simulators that bring their own clock."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ionlink import seeds
from ionlink.errors import refused

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ionlink.link import Link

__all__ = ["Herald", "Sampler"]


class Herald(NamedTuple):
    """A herald with the state it leaves.

    Parameters
    ----------
    attempt : int
        Number of the attempt.
    time_s : float
        End of the attempt (s), pauses and reloading included.
    bell_state : int
        Announced Bell state, index into `ionlink.BELL_STATES`.
    cause : int
        What made the clicks, index into `ionlink.CAUSES`.
    rho : complex128 (4, 4)
        The ions' state given cause and click times, basis 00, 01, 10, 11 with node A first, trace 1.
    """

    attempt: int
    time_s: float
    bell_state: int
    cause: int
    rho: NDArray[np.complex128]


class Sampler:
    """Draws the heralds of one seed one at a time: those of `Link.sample`, bit for bit. See `Link.sampler`.

    Attributes
    ----------
    link : Link
        The link they are drawn from.
    seed : int or SeedSequence
        Given again, it replays the heralds.
    engine : str
        How attempts become heralds.
    """

    __slots__ = ("_draw", "engine", "link", "seed")

    def __init__(self, link: Link, seed: seeds.Replay, engine: str) -> None:
        core = link.core.sampler(seeds.key(seed), engine)
        self.link = link
        self.seed = seed
        self.engine = core.engine
        self._draw = core.next

    def next(self, not_before_s: float = 0.0) -> Herald:
        """Next herald of an attempt that starts at `not_before_s` or later, and after the last herald.

        Parameters
        ----------
        not_before_s : float, default 0
            Time from which the link tries again (s). Attempts stay where the schedule has them; heralds of
            those that start earlier are passed over. Detectors that remember still see their clicks.

        Returns
        -------
        Herald
            Always later than the one before.

        Raises
        ------
        ParameterError
            For a time that is not a number or beyond the last countable attempt.
        ModelError
            For a time after more than about 2**28 losses of ions.
        KeyboardInterrupt
            On Ctrl-C while waiting for a rare herald; no herald is lost.
        """
        try:
            return Herald._make(self._draw(not_before_s))
        except (TypeError, OverflowError):
            raise refused("not_before_s", not_before_s, "a number", "s") from None

    def __repr__(self) -> str:
        return f"<Sampler of {self.link}: seed {seeds.text(self.seed)}, engine {self.engine}>"
