"""The station: detectors, splitter, window."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import inf
from typing import TYPE_CHECKING, ClassVar

from ionlink.parameters.path import PORT_OPTICS, PortOptics
from ionlink.tables import Parameters, parts_of

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["BackgroundProfile", "DecayingBackground", "Detector", "Station"]


@dataclass(frozen=True, slots=True, kw_only=True, repr=False, eq=False)
class DecayingBackground(Parameters):
    """Background that starts when an undelayed photon arrives and dies out exponentially.

    Parameters
    ----------
    decay_s : float
        Time in which it falls to 1/e (s), above 0 and at most 1e3.
    """

    _kind: ClassVar[str] = "decaying"
    _tagged: ClassVar[bool] = True

    decay_s: float


@dataclass(frozen=True, slots=True, kw_only=True, repr=False, eq=False)
class BackgroundProfile(Parameters):
    """Background whose intensity is given point by point: linear between the points, zero outside.

    Parameters
    ----------
    times_s : sequence of float
        Times of the points, from the arrival of an undelayed photon (s): finite, increasing, 2 to 100000.
    intensity : sequence of float
        Intensity at each of them in any unit, at least 0 and not all 0.
    """

    _kind: ClassVar[str] = "profile"
    _tagged: ClassVar[bool] = True

    times_s: Sequence[float]
    intensity: Sequence[float]


@dataclass(frozen=True, slots=True, kw_only=True, repr=False, eq=False)
class Detector(Parameters):
    """A single-photon detector.

    Parameters
    ----------
    efficiency : float, default 1
        Probability in [0, 1] that an arriving photon is registered.
    dark_count_rate_hz : float, default 0
        Rate of dark counts (1/s), Poisson, from 0 to 1e18.
    number_resolving : bool, default False
        False: any number of events in a window is one click at the time of the first. True: exactly one event
        is a click and more reject the attempt.
    dead_time_s : float, default 0
        Time after a click in which the detector is blind (s), at least 0.
    recovery_time_s : float, default 0
        Recovery after the dead time (s): a time t later the efficiency is back to 1 - exp(-t / recovery).
        Each click leaves the detector blind for a time drawn from this law.
    afterpulse_probability : float, default 0
        Probability in [0, 0.9] that a click, counted or not, is followed by a false one.
    afterpulse_time_s : float, default 0
        Mean time from the end of the dead time to the afterpulse (s), exponentially distributed; above 0
        where there are afterpulses.
    timing_jitter_s : float, default 0
        Standard deviation of the recorded time of a click (s), Gaussian. The window gates the events
        themselves: recorded times may lie a little outside.
    gated : bool, default True
        Whether the detector is off outside its windows. One that is not may be blind when a window opens.
    background_probability_per_attempt : float, default 0
        Probability in [0, 1) that light which comes with the pulse, such as scattered laser light, makes at
        least one event, per attempt and bin; the number is Poisson. With a profile it counts at all times,
        and the window takes its part.
    background_profile : DecayingBackground or BackgroundProfile, optional
        When that light arrives; by default evenly over the window.
    """

    _kind: ClassVar[str] = "detector"

    efficiency: float = 1.0
    dark_count_rate_hz: float = 0.0
    number_resolving: bool = False
    dead_time_s: float = 0.0
    recovery_time_s: float = 0.0
    afterpulse_probability: float = 0.0
    afterpulse_time_s: float = 0.0
    timing_jitter_s: float = 0.0
    gated: bool = True
    background_probability_per_attempt: float = 0.0
    background_profile: DecayingBackground | BackgroundProfile | None = field(
        default=None, metadata=parts_of(DecayingBackground, BackgroundProfile)
    )


@dataclass(frozen=True, slots=True, kw_only=True, repr=False, eq=False)
class Station(Parameters):
    """The station: splitter, detectors, window and the click patterns it accepts.

    Parameters
    ----------
    detectors : Detector or sequence of Detector, optional
        One model for all; or one each: for two polarizations 4 in the order 00, 01, 10, 11 (port, mode),
        otherwise 2, one per port. A receiver's detectors are alike. Ideal by default.
    reflectivity : float or (float, float), default 0.5
        Reflectivity of the splitter in [0, 1], one for both modes or one per mode.
    transmission : float, default 1
        Transmission in [0, 1] of the station's optics, the splitter's loss included.
    window_start_s : float, default 0
        Opening of the detection window after the arrival of an undelayed photon (s), at most 1e3 either way.
    window_duration_s : float
        Duration of the detection window (s), above 0 and at most 1e3.
    coincidence_window_s : float, optional
        Longest time between the two clicks of a herald (s), above 0; left out: the window. Not for encodings
        that herald with one click.
    extinction_ratio : float or sequence of 4 float, default inf
        Light of a polarization that its polarizer sends to the right detector over light that it sends to the
        wrong one, for all or for each slot (00, 01, 10, 11); at least 1, infinite for ideal polarizers.
    port_optics : (sequence, sequence), default ((), ())
        `Rotation`, `WavePlate` and `PolarizationLoss` behind each exit of the splitter, in order.
    accepted_patterns : sequence of str, optional
        Accepted patterns by name, such as ``"00+11"``, or all of a Bell state's at once (``"psi-"``); left
        out: all.
    """

    _kind: ClassVar[str] = "station"

    detectors: Detector | Sequence[Detector] = field(default=Detector(), metadata=parts_of(Detector))
    reflectivity: float | Sequence[float] = 0.5
    transmission: float = 1.0
    window_start_s: float = 0.0
    window_duration_s: float
    coincidence_window_s: float | None = None
    extinction_ratio: float | Sequence[float] = inf
    port_optics: Sequence[Sequence[PortOptics]] = field(default=((), ()), metadata=parts_of(*PORT_OPTICS))
    accepted_patterns: Sequence[str] | None = None
