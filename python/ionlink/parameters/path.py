"""What a photon passes on its way to the station."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, TypeAlias

from ionlink.tables import Parameters

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "ELEMENTS",
    "PORT_OPTICS",
    "Converter",
    "Element",
    "Fiber",
    "Filter",
    "Loss",
    "PolarizationLoss",
    "PortOptics",
    "Rotation",
    "Switch",
    "WavePlate",
]


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
