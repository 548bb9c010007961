"""Comparison of two clocks whose atoms share a pair."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ionlink import checks
from ionlink.apps.pairs import OF_STATES, numbers, plain, states
from ionlink.errors import refused

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from ionlink.apps.pairs import Figure, Pairs

__all__ = ["differential_gain"]


def differential_gain(
    contrast: Pairs, product_contrast: ArrayLike = 1.0, *, random_phase: bool = False
) -> Figure:
    """Uncertainty of a frequency difference with separate atoms over that with a pair; docs/physics.md, (A4).

    For one shot each: sqrt(2) C/C_0; where the laser's phase is random between shots 2 C/C_0^2. C and C_0 are
    the contrasts of the fringes with a pair and with separate atoms. Nichol et al., Nature 609, 689 (2022).

    Parameters
    ----------
    contrast : float, array of float, state, batch of states, Run or Exact
        C in [0, 1]; or pairs, whose contrast is 2 |<00|rho|11>| about phi+.
    product_contrast : float or array of float, default 1
        C_0, above 0 and at most 1.
    random_phase : bool, default False
        Whether the phase of the laser is random from shot to shot, so that separate atoms are compared within
        each shot.

    Returns
    -------
    float, or float array
        Above 1 where the pair helps.

    Raises
    ------
    ParameterError
        For contrasts outside their domain, a matrix that is no state, a run without heralds.

    Examples
    --------
    >>> round(differential_gain(1.0), 4), round(differential_gain(1.0, random_phase=True), 4)
    (1.4142, 2.0)
    """
    random_phase = checks.flag("random_phase", random_phase)
    pairs = states("contrast", contrast)
    if pairs is None:
        entangled = numbers("contrast", contrast)
    else:
        entangled = numbers("contrast", 2 * np.abs(pairs[..., 0, 3]), slack=OF_STATES)
    domain = "above 0 and at most 1"
    product = numbers("product_contrast", product_contrast, domain=domain)
    if not (product > 0).all():
        raise refused("product_contrast", product_contrast, domain)
    return plain(2 * entangled / product**2 if random_phase else 2**0.5 * entangled / product)
