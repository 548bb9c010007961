"""The states behind what the applications are given."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from ionlink import bell
from ionlink._core import BELL_STATES
from ionlink.errors import refused

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from ionlink.results import Exact
    from ionlink.runs import Run

    Pairs: TypeAlias = ArrayLike | Run | Exact
    Figure: TypeAlias = float | NDArray[np.float64]

_ROUNDING = 1e-12
OF_STATES = 1e-6
"""How far the figures of states may be off, whose traces may be off as much."""


def states(name: str, value: Pairs) -> NDArray[np.complex128] | None:
    """Density matrices about phi+, shape (4, 4) or (n, 4, 4); nothing for a value that holds none."""
    if isinstance(rho := getattr(value, "rho", None), Mapping):
        counts = np.bincount(value.bell_state, minlength=len(BELL_STATES))  # type: ignore[union-attr]
        weights = dict(zip(BELL_STATES, counts.tolist(), strict=True))
        return _mixture(name, value, {state: (weights[state], rho[state]) for state in rho})
    if isinstance(outcomes := getattr(value, "outcomes", None), Mapping):
        parts = {state: (outcome.probability, outcome.rho) for state, outcome in outcomes.items()}
        return _mixture(name, value, parts)
    try:
        shape: tuple[int, ...] = np.shape(value)  # type: ignore[arg-type]
    except ValueError:  # nested sequences of different lengths
        return None
    if shape[-2:] != (4, 4):
        return None
    return bell._pairs(value, name)  # type: ignore[arg-type]


def _mixture(name: str, value: object, parts: dict[str, tuple[float, Any]]) -> NDArray[np.complex128]:
    total = sum(weight for weight, _ in parts.values())
    if not total > 0:
        raise refused(name, value, "a run or link with heralds")
    # the state of a Bell state without heralds is NaN
    turned = [weight * bell.to_phi_plus(rho, state) for state, (weight, rho) in parts.items() if weight > 0]
    mixture: NDArray[np.complex128] = np.sum(turned, axis=0) / total
    return mixture


def numbers(
    name: str,
    value: object,
    high: float = 1.0,
    domain: str = "in [0, 1]",
    slack: float = _ROUNDING,
) -> NDArray[np.float64]:
    """Array of real numbers from 0 to a bound; what rounding, the slack, puts outside is put back."""
    try:
        given = np.asarray(value)
        array = given.astype(np.float64, casting="same_kind")
    except (TypeError, ValueError):
        raise refused(name, value, domain) from None
    if given.dtype == bool or not ((array >= -slack) & (array <= high + slack)).all():
        raise refused(name, value, domain)
    clipped: NDArray[np.float64] = array.clip(0, high)
    return clipped


def plain(values: NDArray[np.float64]) -> Figure:
    """Numbers without dimensions as floats."""
    return values if values.ndim else float(values)
