"""Pictures of links and runs; needs matplotlib (``pip install ionlink[plot]``)."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

import numpy as np

from ionlink import _core
from ionlink.errors import IonlinkError
from ionlink.parameters import Fiber

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from ionlink.link import Link
    from ionlink.results import Run

__all__ = ["click_times", "density_matrix", "link"]
