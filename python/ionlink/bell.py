"""Two-qubit states: their figures, the state nearest to a matrix, and swapping and distillation of pairs.

Every function takes one density matrix, shape (4, 4), or a batch, shape (n, 4, 4), with rows and columns
|00>, |01>, |10>, |11>, node A first, as `Link.exact` and `Run.states` give them.

>>> import ionlink as il
>>> rho = il.basic_link(efficiency=(0.02, 0.01), mode_overlap=0.9).exact().outcomes["psi+"].rho
>>> round(il.bell.fidelity(rho, "psi+"), 3), round(il.bell.concurrence(rho), 3), round(il.bell.chsh(rho), 3)
(0.95, 0.9, 2.691)

Swapping and distillation take pairs that approximate phi+; `to_phi_plus` turns others.

>>> pair = il.bell.to_phi_plus(rho, "psi+")
>>> kept, probability = il.bell.dejmps(pair, pair, gate_fidelity=0.99)
>>> round(il.bell.fidelity(pair, "phi+"), 3), round(il.bell.fidelity(kept, "phi+"), 3), round(probability, 3)
(0.95, 0.986, 0.894)
"""

from __future__ import annotations

import itertools
import warnings
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from ionlink import _core, checks
from ionlink._core import BELL_STATES
from ionlink.errors import refused

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import ArrayLike, NDArray

    States: TypeAlias = NDArray[np.complex128]

__all__ = [
    "bbpssw",
    "bell_diagonal",
    "chsh",
    "concurrence",
    "dejmps",
    "fidelity",
    "nearest_state",
    "swap",
    "to_phi_plus",
    "twirl",
]

_ROUNDING = 1e-12
_TOLERANCE = 1e-6
"""How far a pair's trace and symmetry may be off: printed matrices with six digits pass."""

_HALF = 0.5**0.5
_BELL = dict(
    zip(
        ("phi+", "phi-", "psi+", "psi-"),
        np.array([[1, 0, 0, 1], [1, 0, 0, -1], [0, 1, 1, 0], [0, 1, -1, 0]]) * _HALF,
        strict=True,
    )
)
_PAULIS = np.array([[[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]]])
_PRODUCTS = np.array([[np.kron(a, b) for b in _PAULIS] for a in _PAULIS])
_BOTH_FLIPPED = np.kron(_PAULIS[1], _PAULIS[1])
_TO_PHI_PLUS = {
    "phi+": np.eye(4),
    "phi-": np.kron(np.eye(2), _PAULIS[2]),
    "psi+": np.kron(np.eye(2), _PAULIS[0]),
    "psi-": np.kron(np.eye(2), _PAULIS[1]),
}


def _states(rho: ArrayLike, name: str = "rho") -> States:
    """Checked array of complex matrices, shape (4, 4) or (n, 4, 4)."""
    domain = "a complex matrix of shape (4, 4) or a batch of shape (n, 4, 4)"
    try:
        states = np.asarray(rho, dtype=np.complex128)
    except (TypeError, ValueError):
        raise refused(name, rho, domain) from None
    if states.ndim not in {2, 3} or states.shape[-2:] != (4, 4):
        raise refused(name, _Words(f"shape {states.shape}"), domain)
    if not np.isfinite(states).all():
        raise refused(name, _Words("elements that are not finite"), "finite")
    return states


def _pairs(rho: ArrayLike, name: str) -> States:
    """Checked array of density matrices, but for the signs of their eigenvalues."""
    states = _states(rho, name)
    advice = f"within {_TOLERANCE:g}; il.bell.nearest_state makes one of a printed matrix"
    # one element at a time: a large batch as a whole would be copied several times
    skew = max(
        abs(states[..., i, j] - states[..., j, i].conj()).max(initial=0)
        for i, j in itertools.combinations_with_replacement(range(4), 2)
    )
    if skew > _TOLERANCE:
        raise refused(name, _Words(f"elements that differ by {skew:.3g}"), f"a Hermitian matrix {advice}")
    traces = states.trace(axis1=-2, axis2=-1).real.ravel()
    off = traces[abs(traces - 1) > _TOLERANCE]
    if off.size:
        raise refused(name, _Words(f"trace {off[0]:.9g}"), f"a matrix of trace 1 {advice}")
    return states


class _Words(str):
    """Text that an error shows without quotes."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def _vector(bell_state: str) -> NDArray[np.float64]:
    if not isinstance(bell_state, str) or bell_state not in _BELL:
        names = ", ".join(f'"{name}"' for name in BELL_STATES)
        raise refused("bell_state", bell_state, f"one of {names}")
    vector: NDArray[np.float64] = _BELL[bell_state]
    return vector


def _numbers(values: NDArray[np.float64]) -> float | NDArray[np.float64]:
    return values if values.ndim else float(values)


def nearest_state(rho: ArrayLike) -> States:
    """Density matrix of a printed one: Hermitian part, negative eigenvalues set to 0, trace set to 1.

    Parameters
    ----------
    rho : array_like of complex, shape (4, 4) or (n, 4, 4)
        Matrices that rounding or a linear reconstruction took out of the set of states; finite.

    Returns
    -------
    complex, same shape
        Hermitian, of trace 1, without negative eigenvalues beyond rounding. A state comes back as it is, but
        for rounding.

    Warns
    -----
    UserWarning
        Saying what was changed and by how much, where it is more than 1e-12.

    Raises
    ------
    ParameterError
        For another shape, and where no positive eigenvalue is left.
    """
    states = _states(rho)
    hermitian = (states + states.conj().swapaxes(-1, -2)) / 2
    values, vectors = np.linalg.eigh(hermitian)
    clipped = values.clip(min=0)
    trace = clipped.sum(axis=-1)
    if not (trace > 0).all():
        raise refused("rho", _Words("no positive eigenvalue"), "a matrix with a positive eigenvalue")
    skew = abs(states - hermitian).max(initial=0)
    negative = (clipped - values).max(initial=0)
    given = hermitian.trace(axis1=-2, axis2=-1).real
    off = (given - 1).flat[abs(given - 1).argmax()] if given.size else 0.0
    changes = [
        f"{what} {how}"
        for size, what, how in (
            (skew, "an anti-Hermitian part of up to", f"{skew:.3g} left out"),
            (negative, "negative eigenvalues down to", f"{-negative:.3g} set to 0"),
            (abs(off), "a trace of", f"{1 + off:.6g} set to 1"),
        )
        if size > _ROUNDING
    ]
    if changes:
        warnings.warn(f"nearest_state changed the matrix: {'; '.join(changes)}", UserWarning, stacklevel=2)
    else:
        clipped, trace = values, values.sum(axis=-1)
    nearest: States = np.einsum("...ik,...k,...jk->...ij", vectors, clipped, vectors.conj())
    nearest /= trace[..., None, None]
    return nearest


def fidelity(rho: ArrayLike, bell_state: str) -> float | NDArray[np.float64]:
    """Overlap <b|rho|b> with a Bell state, the squared one.

    Parameters
    ----------
    rho : array_like of complex, shape (4, 4) or (n, 4, 4)
        Density matrices.
    bell_state : {"phi+", "phi-", "psi+", "psi-"}
        The Bell state b.

    Returns
    -------
    float, or float array of shape (n,)
        In [0, 1] for states.
    """
    vector = _vector(bell_state)
    return _numbers(np.einsum("i,...ij,j->...", vector, _states(rho), vector).real)


def concurrence(rho: ArrayLike) -> float | NDArray[np.float64]:
    """Concurrence, max(0, l1 - l2 - l3 - l4) with Wootters' numbers (Phys. Rev. Lett. 80, 2245 (1998)).

    They are the singular values of R^T (Y x Y) R for any R with rho = R R^dagger, in descending order.

    Parameters
    ----------
    rho : array_like of complex, shape (4, 4) or (n, 4, 4)
        Density matrices. Negative eigenvalues count as 0; `nearest_state` says whether there are any.

    Returns
    -------
    float, or float array of shape (n,)
        In [0, 1] for states: 0 for separable ones, 1 for Bell states.
    """
    values, vectors = np.linalg.eigh(_states(rho))
    root = vectors * np.sqrt(values.clip(min=0))[..., None, :]
    singular = np.linalg.svd(root.swapaxes(-1, -2) @ _BOTH_FLIPPED @ root, compute_uv=False)
    return _numbers((2 * singular[..., 0] - singular.sum(axis=-1)).clip(min=0))


def chsh(rho: ArrayLike) -> float | NDArray[np.float64]:
    """Largest CHSH value over all settings, 2 sqrt(m): Horodecki, Phys. Lett. A 200, 340 (1995).

    m is the sum of the two largest squared singular values of the correlations Tr(rho P x Q), P and Q each
    one of X, Y, Z.

    Parameters
    ----------
    rho : array_like of complex, shape (4, 4) or (n, 4, 4)
        Density matrices.

    Returns
    -------
    float, or float array of shape (n,)
        Above 2 where a CHSH inequality can be violated; at most 2 sqrt(2).
    """
    singular = np.linalg.svd(_correlations(_states(rho)), compute_uv=False)
    return _numbers(2 * np.sqrt(singular[..., 0] ** 2 + singular[..., 1] ** 2))


def _correlations(states: States) -> NDArray[np.float64]:
    """Tr(rho P x Q), P and Q each one of X, Y, Z."""
    correlations: NDArray[np.float64] = np.einsum("...ij,pqji->...pq", states, _PRODUCTS).real
    return correlations


def twirl(rho: ArrayLike, bell_state: str = "phi+") -> States:
    """Werner state with the same fidelity to a Bell state.

    The mean over random local rotations that leave the Bell state alone; for psi- the same rotation of both
    qubits (Bennett et al., Phys. Rev. A 54, 3824 (1996)).

    Parameters
    ----------
    rho : array_like of complex, shape (4, 4) or (n, 4, 4)
        Density matrices.
    bell_state : {"phi+", "phi-", "psi+", "psi-"}, default "phi+"
        The Bell state b.

    Returns
    -------
    complex, same shape
        F |b><b| + (1 - F) (1 - |b><b|)/3, times the trace of `rho`, with F the fidelity relative to it.
    """
    states = _states(rho)
    vector = _vector(bell_state)
    projector = np.outer(vector, vector)
    kept = np.asarray(fidelity(states, bell_state))[..., None, None]
    rest = states.trace(axis1=-2, axis2=-1).real[..., None, None] - kept
    werner: States = kept * projector + rest / 3 * (np.eye(4) - projector) + 0j
    return werner


def bell_diagonal(rho: ArrayLike) -> NDArray[np.float64]:
    """Weights <b|rho|b> of the four Bell states b.

    Parameters
    ----------
    rho : array_like of complex, shape (4, 4) or (n, 4, 4)
        Density matrices.

    Returns
    -------
    float array, shape (4,) or (n, 4)
        In the order phi+, phi-, psi+, psi-; their sum is the trace.
    """
    states = _states(rho)
    return np.stack([np.asarray(fidelity(states, name)) for name in BELL_STATES], axis=-1)


def to_phi_plus(rho: ArrayLike, bell_state: str) -> States:
    """Pair turned by the Pauli operator on its second qubit that carries a Bell state to phi+.

    Parameters
    ----------
    rho : array_like of complex, shape (4, 4) or (n, 4, 4)
        Density matrices.
    bell_state : {"phi+", "phi-", "psi+", "psi-"}
        The Bell state that they approximate, such as the announced one.

    Returns
    -------
    complex, same shape
        Their fidelity to phi+ is that of `rho` to `bell_state`.
    """
    _vector(bell_state)
    turn = _TO_PHI_PLUS[bell_state]
    turned: States = turn @ _states(rho) @ turn.conj().T
    return turned


def swap(
    rho_1: ArrayLike, rho_2: ArrayLike, gate_fidelity: float = 1.0, readout_error: float = 0.0
) -> States:
    """Pair of the outer qubits after entanglement swapping: docs/physics.md, (G2).

    A CNOT from the second qubit of pair 1 to the first of pair 2, a Hadamard gate on the former, readout of
    both, and a Pauli correction of the second qubit of pair 2, such that phi+ with phi+ gives phi+; the mean
    over the results of the readout. Corrections are perfect.

    Parameters
    ----------
    rho_1, rho_2 : array_like of complex, shape (4, 4) or (n, 4, 4)
        Density matrices of the pairs, Hermitian and of trace 1 within 1e-6; `nearest_state` makes such of
        printed ones. Signs of eigenvalues are not checked. One stands for all against a batch.
    gate_fidelity : float, default 1
        Average fidelity F of the CNOT in [0.25, 1]: its qubits are replaced by I/4 with probability
        1 - (4F - 1)/3.
    readout_error : float, default 0
        Probability in [0, 0.5] that a readout shows the wrong result.

    Returns
    -------
    complex128, shape (4, 4), or (n, 4, 4) for a batch

    Raises
    ------
    ParameterError
        For matrices that are no states, batches of different length, numbers outside their domain.
    """
    first, second, single = _partners(rho_1, rho_2)
    swapped = _core.bell_swap(first, second, *_noise(gate_fidelity, readout_error))
    return swapped[0] if single else swapped


def bbpssw(
    rho_1: ArrayLike, rho_2: ArrayLike, gate_fidelity: float = 1.0, readout_error: float = 0.0
) -> tuple[States, float | NDArray[np.float64]]:
    """Distillation by BBPSSW: docs/physics.md, (G4). Bennett et al., Phys. Rev. Lett. 76, 722 (1996).

    Both pairs are twirled to Werner states about phi+; then CNOTs from both qubits of pair 1 to those of
    pair 2, whose qubits are read out. Pair 1 is kept where the results are equal.

    Parameters
    ----------
    rho_1, rho_2 : array_like of complex, shape (4, 4) or (n, 4, 4)
        The pair that may be kept and the one that is read out, as in `swap`.
    gate_fidelity : float, default 1
        Average fidelity of each of the two CNOTs in [0.25, 1], as in `swap`.
    readout_error : float, default 0
        Probability in [0, 0.5] that a readout shows the wrong result.

    Returns
    -------
    rho : complex128, shape (4, 4), or (n, 4, 4) for a batch
        The pair that is kept, of trace 1.
    probability : float, or float array of shape (n,)
        Probability that it is; at least 1/3.

    Raises
    ------
    ParameterError
        As for `swap`.
    """
    return _distilled(_core.bell_bbpssw, rho_1, rho_2, gate_fidelity, readout_error)


def dejmps(
    rho_1: ArrayLike, rho_2: ArrayLike, gate_fidelity: float = 1.0, readout_error: float = 0.0
) -> tuple[States, float | NDArray[np.float64]]:
    """Distillation by DEJMPS: docs/physics.md, (G5). Deutsch et al., Phys. Rev. Lett. 77, 2818 (1996).

    As `bbpssw`, but in place of the twirl the first qubits turn by -pi/2 and the second ones by pi/2 about X.

    Parameters
    ----------
    rho_1, rho_2 : array_like of complex, shape (4, 4) or (n, 4, 4)
        The pair that may be kept and the one that is read out, as in `swap`.
    gate_fidelity : float, default 1
        Average fidelity of each of the two CNOTs in [0.25, 1], as in `swap`.
    readout_error : float, default 0
        Probability in [0, 0.5] that a readout shows the wrong result.

    Returns
    -------
    rho : complex128, shape (4, 4), or (n, 4, 4) for a batch
        The pair that is kept, of trace 1; NaN where none ever is, which is where the probability is below
        1e-12 and nothing but rounding.
    probability : float, or float array of shape (n,)
        Probability that it is kept; 0 where none ever is, as for phi+ with phi-.

    Raises
    ------
    ParameterError
        As for `swap`.
    """
    return _distilled(_core.bell_dejmps, rho_1, rho_2, gate_fidelity, readout_error)


def _distilled(
    protocol: Callable[[States, States, float, float], tuple[States, NDArray[np.float64]]],
    rho_1: ArrayLike,
    rho_2: ArrayLike,
    gate_fidelity: float,
    readout_error: float,
) -> tuple[States, float | NDArray[np.float64]]:
    first, second, single = _partners(rho_1, rho_2)
    kept, probability = protocol(first, second, *_noise(gate_fidelity, readout_error))
    never = probability < _ROUNDING
    kept[never] = complex(np.nan, np.nan)
    probability[never] = 0
    return (kept[0], float(probability[0])) if single else (kept, probability)


def _partners(rho_1: ArrayLike, rho_2: ArrayLike) -> tuple[States, States, bool]:
    """Batches of pairs, and whether both were single ones."""
    first, second = _pairs(rho_1, "rho_1"), _pairs(rho_2, "rho_2")
    if first.ndim == second.ndim == 3 and len(first) != len(second):
        raise refused(
            "rho_2", _Words(f"{len(second)} states"), f"one state or as many as rho_1, {len(first)}"
        )
    single = first.ndim == second.ndim == 2
    return first.reshape(-1, 4, 4), second.reshape(-1, 4, 4), single


def _noise(gate_fidelity: float, readout_error: float) -> tuple[float, float]:
    return (
        checks.between("gate_fidelity", gate_fidelity, 0.25, 1),
        checks.between("readout_error", readout_error, 0, 0.5),
    )
