"""What was published: states, results, and where inputs come from."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from ionlink import _core
from ionlink.errors import refused
from ionlink.tables import Parameters, parts_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

__all__ = ["HeraldedState", "Input", "Measured", "Published"]


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
