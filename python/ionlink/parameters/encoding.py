"""How a photon carries its qubit."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import inf
from typing import TYPE_CHECKING, ClassVar, TypeAlias

from ionlink.tables import Parameters, parts_of

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "ENCODINGS",
    "BarrettKok",
    "Encoding",
    "ErasureCheck",
    "Frequency",
    "IonPhoton",
    "Number",
    "Polarization",
    "TimeBin",
]


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
