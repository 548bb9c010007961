"""Figures of two-qubit states: fidelity, concurrence, CHSH, Werner states, the state nearest to a matrix.

Every function takes one density matrix, shape (4, 4), or a batch, shape (n, 4, 4), with rows and columns
|00>, |01>, |10>, |11>, node A first, as `Link.exact` and `Run.states` give them.

>>> import ionlink as il
>>> rho = il.basic_link(efficiency=(0.02, 0.01), mode_overlap=0.9).exact().outcomes["psi+"].rho
>>> round(il.bell.fidelity(rho, "psi+"), 3), round(il.bell.concurrence(rho), 3), round(il.bell.chsh(rho), 3)
(0.95, 0.9, 2.691)
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from ionlink._core import BELL_STATES
from ionlink.errors import refused

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    States: TypeAlias = NDArray[np.complex128]

__all__ = ["chsh", "concurrence", "fidelity", "nearest_state", "twirl"]

_ROUNDING = 1e-12

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


def _states(rho: ArrayLike) -> States:
    """Checked array of complex matrices, shape (4, 4) or (n, 4, 4)."""
    domain = "a complex matrix of shape (4, 4) or a batch of shape (n, 4, 4)"
    try:
        states = np.asarray(rho, dtype=np.complex128)
    except (TypeError, ValueError):
        raise refused("rho", rho, domain) from None
    if states.ndim not in {2, 3} or states.shape[-2:] != (4, 4):
        raise refused("rho", _Words(f"shape {states.shape}"), domain)
    if not np.isfinite(states).all():
        raise refused("rho", _Words("elements that are not finite"), "finite")
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
    correlations = np.einsum("...ij,pqji->...pq", _states(rho), _PRODUCTS).real
    singular = np.linalg.svd(correlations, compute_uv=False)
    return _numbers(2 * np.sqrt(singular[..., 0] ** 2 + singular[..., 1] ** 2))


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
