"""The parameters of a link, field for field as the core and the link files have them.

Every class is frozen, keyword-only, hashable, picklable, and checked by the core when it is made; fields that
hold several values take any sequence and keep a tuple. What prints is what differs from the defaults.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import inf
from typing import TYPE_CHECKING, ClassVar, TypeAlias

import numpy as np

from ionlink import _core
from ionlink.errors import refused
from ionlink.tables import Parameters, parts_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

__all__ = [
    "BackgroundProfile",
    "BarrettKok",
    "Cavity",
    "Converter",
    "DecayingBackground",
    "Detector",
    "Emission",
    "ErasureCheck",
    "Exponential",
    "Fiber",
    "Filter",
    "Frequency",
    "HeraldedState",
    "Input",
    "IonPhoton",
    "Lens",
    "LocalErrors",
    "Loss",
    "Measured",
    "MeasuredEfficiency",
    "Memory",
    "MotionalMode",
    "Node",
    "Number",
    "Polarization",
    "PolarizationLoss",
    "Published",
    "Restart",
    "Rotation",
    "Schedule",
    "Smeared",
    "Station",
    "Switch",
    "Tabulated",
    "TimeBin",
    "WavePlate",
]

_EQUAL_AMPLITUDES = (0.5**0.5, 0.5**0.5)

# --- emission -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True, repr=False, eq=False)
class Restart(Parameters):
    """A later start of the same photon: the ion scattered back to where it began and emitted anew.

    The photon is the mixture of its starts; the first one, without delay, has the probability that is left.

    Parameters
    ----------
    delay_s : float
        Time after the first start (s), from 0 to 1e3.
    probability : float
        Probability in [0, 1] that the photon starts here; those of all restarts sum to at most 1.
    """

    _kind: ClassVar[str] = "restart"

    delay_s: float
    probability: float


@dataclass(frozen=True, slots=True, kw_only=True, repr=False, eq=False)
class Exponential(Parameters):
    """Wave packet of a decay that starts at once, with the emission's lifetime.

    Parameters
    ----------
    restarts : sequence of Restart, default ()
        Later starts of the same photon, at most 1000.
    """

    _kind: ClassVar[str] = "exponential"
    _tagged: ClassVar[bool] = True

    restarts: Sequence[Restart] = field(default=(), metadata=parts_of(Restart))


@dataclass(frozen=True, slots=True, kw_only=True, repr=False, eq=False)
class Smeared(Parameters):
    """Wave packet of a decay convolved with a Gaussian: a pure photon with a soft edge.

    Parameters
    ----------
    rise_s : float
        Standard deviation of the Gaussian (s), from 0 to 1e3 and at most 1e6 lifetimes.
    restarts : sequence of Restart, default ()
        Later starts of the same photon, at most 1000.
    """

    _kind: ClassVar[str] = "smeared"
    _tagged: ClassVar[bool] = True

    rise_s: float
    restarts: Sequence[Restart] = field(default=(), metadata=parts_of(Restart))


@dataclass(frozen=True, slots=True, kw_only=True, repr=False, eq=False)
class Tabulated(Parameters):
    """Wave packet whose intensity is given point by point, such as a photon from a cavity.

    It is linear between the points, zero outside, and normalized; the amplitude is its square root. The
    emission has no lifetime of its own then.

    Parameters
    ----------
    times_s : sequence of float
        Times of the points, from the pulse (s): finite, increasing, 2 to 100000 of them.
    intensity : sequence of float
        Intensity at each of them in any unit, at least 0 and not all 0.
    restarts : sequence of Restart, default ()
        Later starts of the same photon, at most 1000.
    """

    _kind: ClassVar[str] = "tabulated"
    _tagged: ClassVar[bool] = True

    times_s: Sequence[float]
    intensity: Sequence[float]
    restarts: Sequence[Restart] = field(default=(), metadata=parts_of(Restart))


WavePacket: TypeAlias = Exponential | Smeared | Tabulated


@dataclass(frozen=True, slots=True, kw_only=True, repr=False, eq=False)
class Emission(Parameters):
    """What a node's ion emits when an attempt excites it.

    If preparation, excitation and decay on the collected line all succeed, ion and photon are in
    ``c0 |0>|mode 0> + c1 |1>|mode 1>``; otherwise there is no photon and the ion has left the qubit.

    Parameters
    ----------
    ion, line : str, optional
        An ion of `ionlink.atoms` and one of its lines, both or neither: they give wavelength, lifetime and
        branching ratio where these are left out.
    wavelength_nm : float, optional
        Wavelength of the photon (nm), finite and above 0; left out: the line's, or unknown.
    lifetime_s : float, optional
        Lifetime of the excited state (s), from 1e-18 to 1e3; left out: the line's. Needed without a line, and
        left out beside a `Tabulated` wave packet.
    preparation_probability : float, default 1
        Probability in [0, 1] that the ion starts in the right state.
    excitation_probability : float, default 1
        Probability in [0, 1] that the pulse excites it.
    branching_ratio : float, optional
        Probability in [0, 1] that it decays on the collected line; left out: the line's, and 1 without a
        line. A `Cavity` contains it: left out there.
    amplitudes : (float, float), default (1/sqrt 2, 1/sqrt 2)
        c0 and c1 as emitted; their squares sum to 1.
    transitions : (str, str), optional
        Dipole pattern of each mode, ``"sigma"`` or ``"pi"``; a `Lens` needs it.
    detuning_rad_per_s : float, default 0
        Angular frequency relative to the common reference (rad/s), at most 1e18 either way.
    dephasing_rate_hz : float, default 0
        Pure dephasing of the photon (1/s), from 0 to 1e18.
    pulse_duration_s : float, default 0
        Duration of the exciting pulse (s), from 0 to the lifetime; 0 is instantaneous. A longer one may make
        two photons.
    return_mode : int, optional
        Mode, 0 or 1, of a decay back to the pumped state. Needed with a pulse duration where the modes are
        polarizations or frequencies, left out otherwise.
    return_probability : float, optional
        Part in [0, 1] of the decays that go back to the pumped state; left out: the branching ratio, times
        the square of the return mode's amplitude if there is one. Left out without a pulse duration.
    wavepacket : Exponential, Smeared or Tabulated, optional
        Shape of the photon; a decay that starts at once by default.
    spectral_diffusion_rad_per_s : float, default 0
        Standard deviation of the photon's angular frequency from attempt to attempt (rad/s), from 0 to 1e18.
    arrival_jitter_s : float, default 0
        Standard deviation of the emission time from attempt to attempt (s), from 0 to 1e3 and at most 1e6
        lifetimes; for an `Exponential` wave packet.
    """

    _kind: ClassVar[str] = "emission"

    ion: str | None = None
    line: str | None = None
    wavelength_nm: float | None = None
    lifetime_s: float | None = None
    preparation_probability: float = 1.0
    excitation_probability: float = 1.0
    branching_ratio: float | None = None
    amplitudes: Sequence[float] = _EQUAL_AMPLITUDES
    transitions: Sequence[str] | None = None
    detuning_rad_per_s: float = 0.0
    dephasing_rate_hz: float = 0.0
    pulse_duration_s: float = 0.0
    return_mode: int | None = None
    return_probability: float | None = None
    wavepacket: WavePacket = field(default=Exponential(), metadata=parts_of(Exponential, Smeared, Tabulated))
    spectral_diffusion_rad_per_s: float = 0.0
    arrival_jitter_s: float = 0.0


# --- collection ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True, repr=False, eq=False)
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


@dataclass(frozen=True, slots=True, kw_only=True, repr=False, eq=False)
class Cavity(Parameters):
    """Collection computed from the rates of a cavity around the ion, resonant with the emission.

    All rates are angular half-widths: amplitudes decay with them. With the cooperativity C = g^2/(2 kappa
    gamma) the photon leaves through the cavity mode with probability 2C/(2C + 1), and with kappa/(kappa +
    gamma) of it after a prompt excitation. gamma contains all decay channels, so the emission has no
    branching ratio.

    Parameters
    ----------
    coupling_rad_per_s : float
        Coupling g of the ion to the cavity mode, half the vacuum Rabi frequency (rad/s), from 0 to 1e18.
    cavity_half_linewidth_rad_per_s : float
        Half-width kappa over all losses of the cavity (rad/s), from 1e-3 to 1e18.
    atomic_half_linewidth_rad_per_s : float
        Half-width gamma of the excited state over all its decays (rad/s), from 1e-3 to 1e18.
    drive : {"slow", "prompt"}
        ``"slow"``: a Raman transition slower than all rates. ``"prompt"``: an excitation faster than all.
    escape_probability : float
        Probability in [0, 1] that a photon leaves the cavity through the output mirror.
    transmission : float, default 1
        Transmission in [0, 1] of the optics behind the cavity.
    fiber_coupling : float, default 1
        Efficiency in [0, 1] of the coupling into a fiber.
    """

    _kind: ClassVar[str] = "cavity"
    _tagged: ClassVar[bool] = True

    coupling_rad_per_s: float
    cavity_half_linewidth_rad_per_s: float
    atomic_half_linewidth_rad_per_s: float
    drive: str
    escape_probability: float
    transmission: float = 1.0
    fiber_coupling: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True, repr=False, eq=False)
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


# --- path ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True, repr=False, eq=False)
class Fiber(Parameters):
    """A fiber on a photon's path.

    Parameters
    ----------
    length_m : float
        Length (m), at least 0.
    attenuation_db_per_km : float, optional
        Attenuation (dB/km), at least 0; left out: the catalog's.
    group_index : float, optional
        Group index, above 0; left out: the catalog's. The delay is group index times length over c, and the
        pulses are timed to compensate it.
    catalog : str, optional
        Name of the fiber in `ionlink.catalog`; needed where attenuation or group index are left out.
    wavelength_nm : float, optional
        Wavelength at which the catalog is read (nm), above 0; left out: that of the photon, behind the
        converters so far.
    """

    _kind: ClassVar[str] = "fiber"
    _tagged: ClassVar[bool] = True

    length_m: float
    attenuation_db_per_km: float | None = None
    group_index: float | None = None
    catalog: str | None = None
    wavelength_nm: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True, repr=False, eq=False)
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


@dataclass(frozen=True, slots=True, kw_only=True, repr=False, eq=False)
class Converter(Parameters):
    """A frequency converter: it passes the photon to another wavelength and adds noise photons of its pump.

    Parameters
    ----------
    efficiency : float
        Probability in [0, 1] that a photon is converted and leaves.
    noise_rate_hz : float, default 0
        Noise photons at the output, both polarizations together (1/s), from 0 to 1e18.
    bandwidth_hz : float, optional
        Width of the band that it converts and that its noise fills (Hz), above 0; left out: unknown, so that
        filters reduce the noise by their transmission alone.
    wavelength_nm : float, optional
        Wavelength behind it (nm), above 0; left out: unknown.
    """

    _kind: ClassVar[str] = "converter"
    _tagged: ClassVar[bool] = True

    efficiency: float
    noise_rate_hz: float = 0.0
    bandwidth_hz: float | None = None
    wavelength_nm: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True, repr=False, eq=False)
class Filter(Parameters):
    """A spectral filter around the photon.

    Parameters
    ----------
    transmission : float
        Probability in [0, 1] that a photon passes.
    bandwidth_hz : float, optional
        Width of its band (Hz), above 0; left out: noise loses by `transmission` alone.
    """

    _kind: ClassVar[str] = "filter"
    _tagged: ClassVar[bool] = True

    transmission: float
    bandwidth_hz: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True, repr=False, eq=False)
class Switch(Parameters):
    """An optical switch on a photon's path.

    Parameters
    ----------
    loss_db : float
        Insertion loss (dB), at least 0.
    """

    _kind: ClassVar[str] = "switch"
    _tagged: ClassVar[bool] = True

    loss_db: float


@dataclass(frozen=True, slots=True, kw_only=True, repr=False, eq=False)
class Rotation(Parameters):
    """A rotation of the polarization, [[cos a, -sin a], [sin a, cos a]] in the basis of the two modes.

    Parameters
    ----------
    angle_rad : float
        Angle a (rad), finite.
    """

    _kind: ClassVar[str] = "rotation"
    _tagged: ClassVar[bool] = True

    angle_rad: float


@dataclass(frozen=True, slots=True, kw_only=True, repr=False, eq=False)
class WavePlate(Parameters):
    """A wave plate, R(a) diag(exp(-i r/2), exp(i r/2)) R(-a) with R the rotation.

    Parameters
    ----------
    retardance_rad : float
        Retardance r (rad), finite: pi for a half-wave plate, pi/2 for a quarter-wave plate.
    angle_rad : float
        Angle a of the fast axis from mode 0 (rad), finite.
    """

    _kind: ClassVar[str] = "wave_plate"
    _tagged: ClassVar[bool] = True

    retardance_rad: float
    angle_rad: float


@dataclass(frozen=True, slots=True, kw_only=True, repr=False, eq=False)
class PolarizationLoss(Parameters):
    """A loss that differs between the two modes.

    Parameters
    ----------
    transmission : (float, float)
        Probability in [0, 1] that a photon of mode 0, of mode 1 passes.
    """

    _kind: ClassVar[str] = "polarization_loss"
    _tagged: ClassVar[bool] = True

    transmission: Sequence[float]


PORT_OPTICS = (Rotation, WavePlate, PolarizationLoss)
"""What may stand behind the exits of the splitter."""
ELEMENTS = (Fiber, Loss, Converter, Filter, Switch, *PORT_OPTICS)
"""What may stand on a path."""
PortOptics: TypeAlias = Rotation | WavePlate | PolarizationLoss
Element: TypeAlias = Fiber | Loss | Converter | Filter | Switch | PortOptics

# --- encoding -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True, repr=False, eq=False)
class Polarization(Parameters):
    """Photonic qubit in two polarizations, told apart by four detectors; a click in each mode heralds.

    Parameters
    ----------
    mode_splitting_rad_per_s : float, default 0
        Angular frequency of mode 1 above mode 0, the same at both nodes (rad/s), at most 1e18 either way.
    """

    _kind: ClassVar[str] = "polarization"
    _tagged: ClassVar[bool] = True

    mode_splitting_rad_per_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True, repr=False, eq=False)
class ErasureCheck(Parameters):
    """A check that finds ions outside the qubit and gives up the heralds in which it finds one.

    Parameters
    ----------
    detection_probability : float, default 1
        Probability in [0, 1] that an ion outside the qubit is found out.
    kept_fraction : float, default 1
        Fraction in [0, 1] of ions inside the qubit that pass.
    """

    _kind: ClassVar[str] = "erasure_check"

    detection_probability: float = 1.0
    kept_fraction: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True, repr=False, eq=False)
class TimeBin(Parameters):
    """Photonic qubit in two time bins; an ion is excited once in each, and a click in each heralds.

    Parameters
    ----------
    bin_separation_s : float
        Time from the early to the late pulse (s), above 0, at most 1e3, and at least the detection window.
    rotation_error_rad : (float, float), default (0, 0)
        Angle by which the rotation between the bins misses pi, for each node (rad), from -pi to pi.
    wrong_decay_probability : (float, float), default (0, 0)
        Probability in [0, 1], for each node, that an excited ion decays to the other ground state: that
        photon is filtered out, and an ion that should have emitted early is bright again in the late bin.
    coherence_time_s : (float, float), default (inf, inf)
        1/e time of the ions' coherence between the bins, for each node (s), above 0.
    erasure_check : ErasureCheck, optional
        Check of both ions for leakage after the clicks; none by default.
    """

    _kind: ClassVar[str] = "time-bin"
    _tagged: ClassVar[bool] = True

    bin_separation_s: float
    rotation_error_rad: Sequence[float] = (0.0, 0.0)
    wrong_decay_probability: Sequence[float] = (0.0, 0.0)
    coherence_time_s: Sequence[float] = (inf, inf)
    erasure_check: ErasureCheck | None = field(default=None, metadata=parts_of(ErasureCheck))


@dataclass(frozen=True, slots=True, kw_only=True, repr=False, eq=False)
class Frequency(Parameters):
    """Photonic qubit in two frequencies that the detectors do not tell apart; a click in each port heralds.

    Parameters
    ----------
    mode_splitting_rad_per_s : float
        Angular frequency of mode 1 above mode 0, the same at both nodes (rad/s), at most 1e18 either way.
    """

    _kind: ClassVar[str] = "frequency"
    _tagged: ClassVar[bool] = True

    mode_splitting_rad_per_s: float


@dataclass(frozen=True, slots=True, kw_only=True, repr=False, eq=False)
class Number(Parameters):
    """No photon or one: each ion emits with a small amplitude, and a single click heralds.

    Parameters
    ----------
    bright_fraction : (float, float)
        alpha in [0, 1] of ``sqrt(1 - alpha) |0>|no photon> + sqrt(alpha) |1>|photon>``, for each node; it
        takes the place of the emission's amplitudes.
    phase_jitter_rad : (float, float), default (0, 0)
        Standard deviation of each arm's optical phase (rad), at least 0; the variances add.
    """

    _kind: ClassVar[str] = "number"
    _tagged: ClassVar[bool] = True

    bright_fraction: Sequence[float]
    phase_jitter_rad: Sequence[float] = (0.0, 0.0)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False, eq=False)
class BarrettKok(Parameters):
    """Two rounds of no photon or one with a spin flip between them; a click in each round heralds.

    Parameters
    ----------
    round_separation_s : float
        Time from the first to the second round's pulse (s), above 0, at most 1e3, and at least the window.
    phase_jitter_rad : (float, float), default (0, 0)
        Standard deviation, for each arm, of the change of its optical phase between the rounds (rad), at
        least 0.
    """

    _kind: ClassVar[str] = "barrett-kok"
    _tagged: ClassVar[bool] = True

    round_separation_s: float
    phase_jitter_rad: Sequence[float] = (0.0, 0.0)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False, eq=False)
class IonPhoton(Parameters):
    """One node whose photon's polarization a receiver analyzes; a single click heralds.

    The state is that of the ion and of the photon: |1> of the second qubit is mode 1.

    Parameters
    ----------
    mode_splitting_rad_per_s : float, default 0
        Angular frequency of mode 1 above mode 0 (rad/s), at most 1e18 either way.
    """

    _kind: ClassVar[str] = "ion-photon"
    _tagged: ClassVar[bool] = True

    mode_splitting_rad_per_s: float = 0.0


ENCODINGS = (Polarization, TimeBin, Frequency, Number, BarrettKok, IonPhoton)
"""The photonic qubits."""
Encoding: TypeAlias = Polarization | TimeBin | Frequency | Number | BarrettKok | IonPhoton

# --- station, nodes, schedule -------------------------------------------------------------------------------


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
        Recovery after the dead time (s): a time t later the efficiency is back to 1 - exp(-t / recovery). Each
        click leaves the detector blind for a time drawn from this law.
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
        least one event, per attempt and bin; the number is Poisson. With a profile it counts at all times, and
        the window takes its part.
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
    readout_error : float or (float, float), default 0
        Probability in [0, 1] that the readout shows the wrong outcome, one for both states or one for |0> and
        one for |1>; enters measurements, not states. X and Y are turned to Z first: +1 is read as |0>.
    """

    _kind: ClassVar[str] = "local_errors"

    ion_photon_fidelity: float = 1.0
    rotation_rad: Sequence[float] = (0.0, 0.0, 0.0)
    depolarizing_probability: float = 0.0
    dephasing_probability: float = 0.0
    readout_error: float | Sequence[float] = 0.0


@dataclass(frozen=True, slots=True, kw_only=True, repr=False, eq=False)
class Memory(Parameters):
    """Storage of one ion's qubit: what a wait does to it, after its local errors and in this order.

    Damping by `t1_s`, pure dephasing by `t2_s`, the turn by `frequency_offset_rad_per_s`, the errors of
    decoupling pulses, the loss of the ion. Decoupling is an effective law: N pulses multiply `t2_s` by
    N**`decoupling_exponent` (de Lange et al., Science 330, 60 (2010)) and change nothing else.

    Parameters
    ----------
    t1_s : float, default inf
        1/e time of |1>, which decays to |0> (s), above 0; coherence keeps exp(-t/(2 t1_s)) of it.
    t2_s : float, default inf
        1/e time of the coherence by pure dephasing alone (s), above 0.
    decay : {"exponential", "gaussian"}, default "exponential"
        Pure dephasing keeps exp(-t/t2_s) or exp(-(t/t2_s)**2).
    loss_rate_hz : float, default 0
        Rate at which the ion is lost (1/s), from 0 to 1e18: it enters the state as I/2 and counts as leakage.
    frequency_offset_rad_per_s : float, default 0
        Angular frequency by which the stored qubit misses its frame (rad/s), at most 1e18 either way; the
        phase of |1> grows by it times the wait, and no calibration removes it.
    wait_s : float or "auto", default "auto"
        Time from emission to use (s), from 0 to 1e9; ``"auto"``: until the node knows of the herald, the
        delay of its path there and back.
    decoupling_pulses : int, default 0
        Pulses of dynamical decoupling during the wait, from 0 to 2**53.
    decoupling_exponent : float, default 2/3
        Power of the number of pulses that multiplies `t2_s`, in [0, 2].
    decoupling_pulse_error : float, default 0
        Probability in [0, 1] that a pulse replaces the qubit's state by I/2.
    """

    _kind: ClassVar[str] = "memory"

    t1_s: float = inf
    t2_s: float = inf
    decay: str = "exponential"
    loss_rate_hz: float = 0.0
    frequency_offset_rad_per_s: float = 0.0
    wait_s: float | str = "auto"
    decoupling_pulses: int = 0
    decoupling_exponent: float = 2 / 3
    decoupling_pulse_error: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True, repr=False, eq=False)
class MotionalMode(Parameters):
    """A motional mode of an ion along the kick that its photon gives it.

    Kicks at different times leave the mode in different states, which tell when, and so which, ion emitted.

    Parameters
    ----------
    lamb_dicke : float
        Lamb-Dicke parameter along this mode, from 0 to 10: of the difference of absorbed and emitted wave
        vector where the ions are excited at different times, of the emitted one where they are excited
        together.
    frequency_rad_per_s : float
        Angular frequency of the mode (rad/s), above 0 and at most 1e18.
    mean_phonons : float, default 0
        Mean number of phonons in the first attempt of a burst, from 0 to 1e9.
    phonons_per_attempt : float, default 0
        Phonons that every attempt of a burst adds, from 0 to 1e9; 0 without `Schedule.attempts_per_burst`.
    """

    _kind: ClassVar[str] = "motional_mode"

    lamb_dicke: float
    frequency_rad_per_s: float
    mean_phonons: float = 0.0
    phonons_per_attempt: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True, repr=False, eq=False)
class Node(Parameters):
    """A node: an ion, and what happens to its photon and to itself.

    Parameters
    ----------
    name : str
        Name of the node, not empty. May be given without ``name=``.
    emission : Emission
        What the ion emits.
    collection : Lens, Cavity or MeasuredEfficiency
        How the photon gets to the path.
    errors : LocalErrors, optional
        Local errors of the ion; none by default.
    memory : Memory, optional
        What happens to the ion while it waits; nothing by default.
    motion : sequence of MotionalMode, default ()
        Motional modes that the photon's recoil excites; without any the ion does not recoil. Not for
        `IonPhoton`, where recoil has no effect.
    """

    _kind: ClassVar[str] = "node"

    name: str = field(kw_only=False)
    emission: Emission = field(metadata=parts_of(Emission))
    collection: Lens | Cavity | MeasuredEfficiency = field(
        metadata=parts_of(Lens, Cavity, MeasuredEfficiency)
    )
    errors: LocalErrors = field(default=LocalErrors(), metadata=parts_of(LocalErrors))
    memory: Memory | None = field(default=None, metadata=parts_of(Memory))
    motion: Sequence[MotionalMode] = field(default=(), metadata=parts_of(MotionalMode))


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


@dataclass(frozen=True, slots=True, kw_only=True, repr=False, eq=False, init=False)
class HeraldedState(Parameters):
    """A published density matrix in which every herald leaves the ions, whatever the clicks.

    The photons then give probabilities, causes and times alone. Other announced Bell states get the matrix
    turned by the Pauli operator on ion B that carries one Bell state to the other. Local errors do not apply
    and are refused beside it, all but the readout; a `Memory` does.

    Parameters
    ----------
    rho : array_like of complex, shape (4, 4), optional
        The density matrix, rows and columns |00>, |01>, |10>, |11>, node A first. May be given without
        ``rho=``; `real` and `imag` in its place hold the parts.
    real, imag : array_like of float, shape (4, 4), optional
        Its real and imaginary part; without `imag` it is real.
    bell_state : {"phi+", "phi-", "psi+", "psi-"}
        The announced Bell state it was measured for.

    Raises
    ------
    ParameterError
        Beyond 1e-9 for a matrix that is not Hermitian, of trace 1 and without negative eigenvalues.
        `ionlink.bell.nearest_state` makes such a matrix of a printed one.
    """

    _kind: ClassVar[str] = "heralded_state"

    real: Sequence[Sequence[float]]
    imag: Sequence[Sequence[float]] = ((0.0,) * 4,) * 4
    bell_state: str

    def __init__(
        self,
        rho: ArrayLike | None = None,
        *,
        real: ArrayLike | None = None,
        imag: ArrayLike | None = None,
        bell_state: str,
    ) -> None:
        if (rho is None) == (real is None):
            raise refused("rho", rho, "given, or `real` in its place")
        if rho is not None and imag is not None:
            raise refused("imag", imag, "left out beside rho")
        try:
            whole = None if rho is None else np.asarray(rho)
            real_part = np.asarray(real) if whole is None else whole.real
            imag_part = np.zeros((4, 4)) if imag is None else np.asarray(imag)
            if whole is not None:
                imag_part = whole.imag
        except ValueError:  # rows of different lengths
            raise refused("rho", rho if real is None else real, "a matrix of shape (4, 4)") from None
        object.__setattr__(self, "real", real_part.tolist())
        object.__setattr__(self, "imag", imag_part.tolist())
        object.__setattr__(self, "bell_state", bell_state)
        self.__post_init__()

    @property
    def rho(self) -> NDArray[np.complex128]:
        """The density matrix, shape (4, 4), complex."""
        return np.array(self.real) + 1j * np.array(self.imag)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False, eq=False)
class Input(Parameters):
    """Where one parameter of a link comes from.

    Parameters
    ----------
    parameter : str
        Path of the parameter, such as ``nodes.0.collection.efficiency``; that of a table or list covers
        all of it.
    status : {"published", "secondary", "computed", "fitted", "assumed", "invented"}
        How well it is known: read in the publication; read in a text that cites it; arithmetic on numbers
        with a source; chosen so that a result comes out as measured; read nowhere; made up.
    source : str
        Where it stands, or how it was found.
    """

    _kind: ClassVar[str] = "input"

    parameter: str
    status: str
    source: str


@dataclass(frozen=True, slots=True, kw_only=True, repr=False, eq=False)
class Measured(Parameters):
    """A published number; prints as ``0.940(5)``, a bound as ``>= 0.94``.

    Parameters
    ----------
    value : float
        The number, at least 0.
    uncertainty : float, optional
        One standard deviation, at least 0.
    limit : {"lower", "upper"}, optional
        Given where only a bound was published; it has no uncertainty then.
    status : {"published", "secondary"}, default "published"
        ``"secondary"``: read in another text, for orientation only.
    source : str
        Where it stands.
    """

    _kind: ClassVar[str] = "measured"

    value: float
    uncertainty: float | None = None
    limit: str | None = None
    status: str = "published"
    source: str

    def __str__(self) -> str:
        if self.limit is not None:
            return f"{'>=' if self.limit == 'lower' else '<='} {self.value:g}"
        if not self.uncertainty:
            return f"{self.value:g}"
        spread = 1.96 * self.uncertainty
        return _core.format_estimate(self.value, self.value - spread, self.value + spread)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False, eq=False)
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
