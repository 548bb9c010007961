"""How a photon is collected."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from ionlink.tables import Parameters

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Cavity", "Lens", "MeasuredEfficiency"]


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
