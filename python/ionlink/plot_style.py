"""What all pictures share: colors, style, and matplotlib itself, imported when one is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ionlink.extras import imported

if TYPE_CHECKING:
    from matplotlib.axes import Axes

INK, MUTED, FAINT, PAPER = "#1f2933", "#7b8794", "#e4e7eb", "#f7f9fb"
BLUE, TEAL, ORANGE, VIOLET, RED = "#2b6cb0", "#3a9e92", "#dd8a2e", "#8266b5", "#c2383f"
STYLE = {
    "font.size": 9,
    "text.color": INK,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 10,
    "axes.titlelocation": "left",
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "legend.frameon": False,
}


def matplotlib(module: str) -> Any:
    """Import a module of matplotlib only when a picture is asked for."""
    return imported(f"matplotlib.{module}", "plots", "ionlink[plot]")


def axes_or_new(ax: Axes | None, width: float, height: float) -> Axes:
    """Axes that were given, or those of a new figure (inch)."""
    if ax is not None:
        return ax
    pyplot = matplotlib("pyplot")
    with pyplot.rc_context(STYLE):
        axes: Axes = pyplot.subplots(figsize=(width, height), layout="constrained")[1]
        return axes


def prefix(value: float) -> tuple[float, str]:
    """Factor and letter of the prefix that keeps a number between 1 and 1000."""
    if not 0 < value < np.inf:
        return 1.0, ""
    prefixes = {-4: "p", -3: "n", -2: "µ", -1: "m", 0: "", 1: "k", 2: "M"}
    power = int(np.clip(np.floor(np.log10(value) / 3 + 1e-12), -4, 2))
    return 1000.0**power, prefixes[power]


def si(value: float, unit: str) -> str:
    """Number with the prefix that keeps it between 1 and 1000."""
    if not 0 < value < np.inf:
        return f"{value:g} {unit}"
    factor, letter = prefix(value)
    return f"{value / factor:.3g} {letter}{unit}"
