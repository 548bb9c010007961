"""The parameters of a link, field for field as the core and the link files have them.

Every class is frozen, keyword-only, hashable, picklable, and checked by the core when it is made; fields that
hold several values take any sequence and keep a tuple.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from ionlink import _core
from ionlink.tables import Parameters, parts_of

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "Detector",
    "Emission",
    "Fiber",
    "Lens",
    "LocalErrors",
    "Loss",
    "Measured",
    "MeasuredEfficiency",
    "Node",
    "Polarization",
    "Published",
    "Schedule",
    "Station",
]

_EQUAL_AMPLITUDES = (0.5**0.5, 0.5**0.5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Emission(Parameters):
    """What a node's ion emits when an attempt excites it.

    If preparation, excitation and decay on the collected line all succeed, ion and photon are in
    ``c0 |0>|mode 0> + c1 |1>|mode 1>``; otherwise there is no photon and the ion has left the qubit.

    Parameters
    ----------
    lifetime_s : float
        Lifetime of the excited state (s), from 1e-18 to 1e3.
    preparation_probability : float, default 1
        Probability in [0, 1] that the ion starts in the right state.
    excitation_probability : float, default 1
        Probability in [0, 1] that the pulse excites it.
    branching_ratio : float, default 1
        Probability in [0, 1] that it decays on the collected line.
    amplitudes : (float, float), default (1/sqrt 2, 1/sqrt 2)
        c0 and c1 as emitted; their squares sum to 1.
    transitions : (str, str), optional
        Dipole pattern of each mode, ``"sigma"`` or ``"pi"``; a `Lens` needs it.
    detuning_rad_per_s : float, default 0
        Angular frequency relative to the common reference (rad/s), at most 1e18 either way.
    dephasing_rate_hz : float, default 0
        Pure dephasing of the photon (1/s), from 0 to 1e18.
    """

    _kind: ClassVar[str] = "emission"

    lifetime_s: float
    preparation_probability: float = 1.0
    excitation_probability: float = 1.0
    branching_ratio: float = 1.0
    amplitudes: Sequence[float] = _EQUAL_AMPLITUDES
    transitions: Sequence[str] | None = None
    detuning_rad_per_s: float = 0.0
    dephasing_rate_hz: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Lens(Parameters):
    """Collection computed from a lens's aperture; the emission must name its `transitions`.

    Parameters
    ----------
    numerical_aperture : float
        NA = sin b with b the half angle, in vacuum; in (0, 1].
    axis : {"perpendicular", "parallel"}, default "perpendicular"
        Direction of the optical axis with respect to the magnetic field.
    fiber_coupling : float, optional
        Efficiency in [0, 1] of the coupling into a single-mode fiber, relative to the free-space collection
        (1 - cos b)/2 of an unpolarized emitter; left out: free space.
    """

    _kind: ClassVar[str] = "lens"
    _tagged: ClassVar[bool] = True

    numerical_aperture: float
    axis: str = "perpendicular"
    fiber_coupling: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredEfficiency(Parameters):
    """A measured efficiency per emitted photon; the stages it includes are not applied again.

    Parameters
    ----------
    efficiency : float
        Probability in [0, 1] per emitted photon to pass all included stages. May be given without its name.
    includes : sequence of str
        Stages contained in the figure: ``"collection"`` (always), ``"path"``, ``"station"``, ``"detector"``,
        ``"window"``.
    at_window_s : (float, float), optional
        Start (finite) and duration (above 0) of the window in which it was measured (s); given if and only if
        `includes` names ``"window"``.
    """

    _kind: ClassVar[str] = "measured_efficiency"
    _tagged: ClassVar[bool] = True

    efficiency: float = field(kw_only=False)
    includes: Sequence[str]
    at_window_s: Sequence[float] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fiber(Parameters):
    """A fiber on a photon's path.

    Parameters
    ----------
    length_m : float
        Length (m), at least 0.
    attenuation_db_per_km : float
        Attenuation (dB/km), at least 0.
    group_index : float
        Group index, above 0; the delay is group index times length over c, compensated by the pulses' timing.
    """

    _kind: ClassVar[str] = "fiber"
    _tagged: ClassVar[bool] = True

    length_m: float
    attenuation_db_per_km: float
    group_index: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss(Parameters):
    """Any other loss on a photon's path: a coupler, a facet, a mirror.

    Parameters
    ----------
    transmission : float
        Probability in [0, 1] that a photon passes.
    """

    _kind: ClassVar[str] = "loss"
    _tagged: ClassVar[bool] = True

    transmission: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Polarization(Parameters):
    """Photonic qubit in two polarizations, told apart by four detectors.

    Parameters
    ----------
    mode_splitting_rad_per_s : float, default 0
        Angular frequency of mode 1 above mode 0, the same at both nodes (rad/s), at most 1e18 either way.
    """

    _kind: ClassVar[str] = "polarization"
    _tagged: ClassVar[bool] = True

    mode_splitting_rad_per_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
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
    """

    _kind: ClassVar[str] = "detector"

    efficiency: float = 1.0
    dark_count_rate_hz: float = 0.0
    number_resolving: bool = False
    dead_time_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalErrors(Parameters):
    """Local errors of one ion, applied to every herald in the order of the fields.

    Parameters
    ----------
    ion_photon_fidelity : float, default 1
        Measured fidelity F in [0, 1] of the ion-photon state, as depolarization of weight (4F - 1)/3.
    rotation_rad : (float, float, float), default (0, 0, 0)
        Rotation vector of the qubit about x, y, z (rad), finite.
    depolarizing_probability : float, default 0
        Probability in [0, 1] that the qubit's state is replaced by I/2.
    dephasing_probability : float, default 0
        Probability in [0, 1] of a phase flip.
    readout_error : float, default 0
        Probability in [0, 1] that the readout shows the wrong outcome; enters measurements, not states.
    """

    _kind: ClassVar[str] = "local_errors"

    ion_photon_fidelity: float = 1.0
    rotation_rad: Sequence[float] = (0.0, 0.0, 0.0)
    depolarizing_probability: float = 0.0
    dephasing_probability: float = 0.0
    readout_error: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Node(Parameters):
    """A node: an ion, and what happens to its photon and to itself.

    Parameters
    ----------
    name : str
        Name of the node, not empty. May be given without ``name=``.
    emission : Emission
        What the ion emits.
    collection : Lens or MeasuredEfficiency
        How the photon gets to the path.
    errors : LocalErrors, optional
        Local errors of the ion; none by default.
    """

    _kind: ClassVar[str] = "node"

    name: str = field(kw_only=False)
    emission: Emission = field(metadata=parts_of(Emission))
    collection: Lens | MeasuredEfficiency = field(metadata=parts_of(Lens, MeasuredEfficiency))
    errors: LocalErrors = field(default=LocalErrors(), metadata=parts_of(LocalErrors))


@dataclass(frozen=True, slots=True, kw_only=True)
class Station(Parameters):
    """The station: splitter, detectors, window and the click patterns it accepts.

    Parameters
    ----------
    detectors : Detector or sequence of 4 Detector, optional
        One model for all slots, or one per slot in the order 00, 01, 10, 11 (port, mode); ideal by default.
    reflectivity : float or (float, float), default 0.5
        Reflectivity of the splitter in [0, 1], one for both modes or one per mode.
    transmission : float, default 1
        Transmission in [0, 1] of the station's optics, the splitter's loss included.
    window_start_s : float, default 0
        Opening of the detection window after the arrival of an undelayed photon (s), at most 1e3 either way.
    window_duration_s : float
        Duration of the detection window (s), above 0 and at most 1e3.
    accepted_patterns : sequence of str, default ("psi+", "psi-")
        Accepted patterns by name, such as ``"00+11"``, or all of a Bell state's at once.
    """

    _kind: ClassVar[str] = "station"

    detectors: Detector | Sequence[Detector] = field(default=Detector(), metadata=parts_of(Detector))
    reflectivity: float | Sequence[float] = 0.5
    transmission: float = 1.0
    window_start_s: float = 0.0
    window_duration_s: float
    accepted_patterns: Sequence[str] = ("psi+", "psi-")


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule(Parameters):
    """A fixed comb of attempts: bursts with pauses between them; a herald does not reset it.

    Parameters
    ----------
    attempt_period_s : float
        Time from one attempt to the next (s), above 0.
    attempts_per_burst : int, optional
        Attempts between two pauses, at least 1; left out: no pauses.
    pause_s : float, default 0
        Pause after each burst (s), at least 0; 0 without `attempts_per_burst`.
    """

    _kind: ClassVar[str] = "schedule"

    attempt_period_s: float
    attempts_per_burst: int | None = None
    pause_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured(Parameters):
    """A published number; prints as ``0.940(5)``.

    Parameters
    ----------
    value : float
        The number, at least 0.
    uncertainty : float, optional
        One standard deviation, at least 0.
    source : str
        Where it stands.
    """

    _kind: ClassVar[str] = "measured"

    value: float
    uncertainty: float | None = None
    source: str

    def __str__(self) -> str:
        if not self.uncertainty:
            return f"{self.value:g}"
        spread = 1.96 * self.uncertainty
        return _core.format_estimate(self.value, self.value - spread, self.value + spread)


@dataclass(frozen=True, slots=True, kw_only=True)
class Published(Parameters):
    """Published results to compare with; they never enter a calculation.

    Parameters
    ----------
    herald_probability : Measured, optional
        Probability of a herald per attempt.
    rate_hz : Measured, optional
        Heralds per second, pauses included (1/s).
    fidelity : Measured, optional
        Fidelity to the announced Bell state.
    """

    _kind: ClassVar[str] = "published"

    herald_probability: Measured | None = field(default=None, metadata=parts_of(Measured))
    rate_hz: Measured | None = field(default=None, metadata=parts_of(Measured))
    fidelity: Measured | None = field(default=None, metadata=parts_of(Measured))
