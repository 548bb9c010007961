"""Secret bits per pair: asymptotic rates of one-way key distillation, 0 below their threshold.

Rates count pairs that are used for the key: sifting, tests and finite statistics are not taken off.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ionlink import bell
from ionlink.apps.pairs import OF_STATES, numbers, plain, states
from ionlink.errors import ParameterError, refused

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from ionlink.apps.pairs import Figure, Pairs

__all__ = ["bbm92", "device_independent", "six_state"]

_TSIRELSON = 8**0.5


def bbm92(bell_diagonal: Pairs) -> Figure:
    """Secret bits per pair of BBM92, 1 - h(e_Z) - h(e_X) with the binary entropy h; docs/physics.md, (A2).

    e_Z and e_X are the probabilities that Z on both qubits, and X on both qubits, give different results.
    Bennett, Brassard and Mermin, Phys. Rev. Lett. 68, 557 (1992); the rate is that of Shor and Preskill,
    Phys. Rev. Lett. 85, 441 (2000).

    Parameters
    ----------
    bell_diagonal : array of 4 floats, state, batch of states, Run or Exact
        Weights of phi+, phi-, psi+, psi-, in [0, 1] with sum 1 within 1e-6; or the pairs that have them.

    Returns
    -------
    float, or float array of shape (n,) for a batch
        In [0, 1].

    Raises
    ------
    ParameterError
        For weights that are no probabilities, a matrix that is no state, a run without heralds.

    Examples
    --------
    >>> round(bbm92([0.95, 0.02, 0.02, 0.01]), 4)
    0.6112
    """
    weights = _weights(bell_diagonal)
    e_z, e_x = weights[..., 2] + weights[..., 3], weights[..., 1] + weights[..., 3]
    return plain((1 - _binary_entropy(e_z) - _binary_entropy(e_x)).clip(min=0))


def six_state(bell_diagonal: Pairs) -> Figure:
    """Secret bits per pair of the six-state protocol, 1 - H(weights), H the entropy; docs/physics.md, (A2).

    Bruß, Phys. Rev. Lett. 81, 3018 (1998); the rate is that of Lo, Quantum Inf. Comput. 1, 81 (2001).

    Parameters
    ----------
    bell_diagonal : array of 4 floats, state, batch of states, Run or Exact
        Weights of phi+, phi-, psi+, psi-, in [0, 1] with sum 1 within 1e-6; or the pairs that have them.

    Returns
    -------
    float, or float array of shape (n,) for a batch
        In [0, 1].

    Raises
    ------
    ParameterError
        As for `bbm92`.

    Examples
    --------
    >>> round(six_state([0.95, 0.02, 0.02, 0.01]), 4)
    0.6375
    """
    return plain((1 - _surprise(_weights(bell_diagonal)).sum(axis=-1)).clip(min=0))


def device_independent(chsh: Pairs, qber: ArrayLike | None = None) -> Figure:
    """Secret bits per pair with devices that nobody trusts; docs/physics.md, (A3).

    1 - h(Q) - h((1 + sqrt((S/2)^2 - 1))/2) with the binary entropy h, and 0 for S up to 2: Acín et al., Phys.
    Rev. Lett. 98, 230501 (2007). One basis makes the key; experiments that change between several have less.

    Parameters
    ----------
    chsh : float, array of float, state, batch of states, Run or Exact
        S in [0, 2 sqrt(2)]; or pairs, which are measured in the best settings: S is `ionlink.bell.chsh`, and
        Q = (1 - t)/2 with t the largest singular value of the correlations, which the settings of that S
        contain.
    qber : float or array of float, optional
        Probability Q in [0, 1] that the results of the key's setting differ; left out beside pairs.

    Returns
    -------
    float, or float array
        In [0, 1].

    Raises
    ------
    ParameterError
        For numbers outside their domain, a matrix that is no state, a run without heralds; for `qber` beside
        pairs or none beside a number.

    Examples
    --------
    >>> round(device_independent(2.578, 0.078), 4)
    0.1574
    """
    pairs = states("chsh", chsh)
    largest = "in [0, 2 sqrt(2)]"
    if pairs is not None:
        if qber is not None:
            raise refused("qber", qber, "left out beside pairs, whose correlations tell it")
        strengths = np.linalg.svd(bell._correlations(pairs), compute_uv=False)
        value = numbers("chsh", bell.chsh(pairs), _TSIRELSON, largest, slack=3 * OF_STATES)
        errors = numbers("qber", (1 - strengths[..., 0]) / 2, slack=OF_STATES)
    elif qber is None:
        message = "`qber` is missing: the number `chsh` alone does not tell it"
        raise ParameterError(message, path="qber")
    else:
        value, errors = numbers("chsh", chsh, _TSIRELSON, largest), numbers("qber", qber)
    known = _binary_entropy((1 + np.sqrt((value**2 / 4 - 1).clip(min=0))) / 2)
    return plain(np.where(value > 2, 1 - _binary_entropy(errors) - known, 0.0).clip(min=0))


def _weights(bell_diagonal: Pairs) -> NDArray[np.float64]:
    pairs = states("bell_diagonal", bell_diagonal)
    domain = "four weights in [0, 1] with sum 1, or states of shape (4, 4) or (n, 4, 4)"
    if pairs is not None:
        weights = bell.bell_diagonal(pairs)
        return numbers("bell_diagonal", weights, domain="states with weights in [0, 1]", slack=OF_STATES)
    weights = numbers("bell_diagonal", bell_diagonal, domain=domain)
    if weights.shape != (4,) or abs(weights.sum() - 1) > OF_STATES:
        raise refused("bell_diagonal", bell_diagonal, domain)
    return weights


def _surprise(probability: NDArray[np.float64]) -> NDArray[np.float64]:
    """-p log2 p, 0 for p = 0."""
    positive = np.where(probability > 0, probability, 1.0)
    surprise: NDArray[np.float64] = -positive * np.log2(positive)
    return surprise


def _binary_entropy(probability: NDArray[np.float64]) -> NDArray[np.float64]:
    return _surprise(probability) + _surprise((1 - probability).clip(min=0))
