"""What an ion emits: the photon and its wave packet."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, TypeAlias

from ionlink.tables import Parameters, parts_of

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Emission", "Exponential", "Restart", "Smeared", "Tabulated", "WavePacket"]


_EQUAL_AMPLITUDES = (0.5**0.5, 0.5**0.5)


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
