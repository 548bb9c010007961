"""Gates and qubits sent between nodes by teleportation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ionlink import bell
from ionlink.apps.pairs import OF_STATES, numbers, plain, states

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ionlink.apps.pairs import Figure, Pairs

__all__ = ["teleported_gate_fidelity", "teleported_state_fidelity"]


def teleported_gate_fidelity(bell_fidelity: Pairs) -> Figure:
    """Average fidelity (4F + 1)/5 of a CNOT or CZ that is teleported over one pair; docs/physics.md, (A1).

    Gates, readout and corrections at the nodes are perfect. Only the pair's fidelity F to phi+ enters,
    whatever else it is: other Bell states make Pauli errors.

    Parameters
    ----------
    bell_fidelity : float, array of float, state, batch of states, Run or Exact
        F in [0, 1], or the pairs that have it. Arrays of shape (..., 4, 4) are states.

    Returns
    -------
    float, or float array with one value per fidelity or state

    Raises
    ------
    ParameterError
        For a fidelity outside its domain, a matrix that is no state, a run without heralds.

    Examples
    --------
    >>> round(teleported_gate_fidelity(0.97), 12)
    0.976
    """
    return plain((4 * _fidelity(bell_fidelity) + 1) / 5)


def teleported_state_fidelity(bell_fidelity: Pairs) -> Figure:
    """Average fidelity (2F + 1)/3 of a qubit that is teleported over one pair; docs/physics.md, (A1).

    Gates, readout and corrections are perfect. Horodecki, Horodecki and Horodecki, Phys. Rev. A 60, 1888
    (1999).

    Parameters
    ----------
    bell_fidelity : float, array of float, state, batch of states, Run or Exact
        F in [0, 1], or the pairs that have it, as for `teleported_gate_fidelity`.

    Returns
    -------
    float, or float array with one value per fidelity or state

    Raises
    ------
    ParameterError
        As for `teleported_gate_fidelity`.

    Examples
    --------
    >>> round(teleported_state_fidelity(0.97), 12)
    0.98
    """
    return plain((2 * _fidelity(bell_fidelity) + 1) / 3)


def _fidelity(bell_fidelity: Pairs) -> NDArray[np.float64]:
    pairs = states("bell_fidelity", bell_fidelity)
    if pairs is None:
        return numbers("bell_fidelity", bell_fidelity)
    return numbers("bell_fidelity", bell.fidelity(pairs, "phi+"), slack=OF_STATES)
