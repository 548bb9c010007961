"""Pictures of links, networks and runs; needs matplotlib (``pip install ionlink[plot]``)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ionlink import _core
from ionlink.errors import refused
from ionlink.parameters import Cavity, Detector, Exponential, Fiber, IonPhoton, Lens, Polarization
from ionlink.plot_blocking import blocking
from ionlink.plot_networks import network, network_run, waiting_times
from ionlink.plot_style import (
    BLUE,
    FAINT,
    INK,
    MUTED,
    ORANGE,
    PAPER,
    RED,
    STYLE,
    TEAL,
    VIOLET,
    axes_or_new,
    matplotlib,
    si,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import ArrayLike, NDArray

    from ionlink.link import Link, Source
    from ionlink.parameters import Measured, Node
    from ionlink.results import Estimate, Exact
    from ionlink.runs import Run

__all__ = ["blocking", "click_times", "density_matrix", "link", "network", "network_run", "waiting_times"]

_PHASES = (("0", BLUE), ("π/2", TEAL), ("π", ORANGE), ("-π/2", VIOLET))
_CAUSE_COLORS = (BLUE, ORANGE, VIOLET, TEAL, RED, BLUE, ORANGE, "#b7950b", "#c2568f")


def check_format(path: str) -> None:
    """Refuse a picture's file name whose ending matplotlib does not know.

    Raises
    ------
    ParameterError
        With the endings that exist.
    """
    known = sorted(matplotlib("backend_bases").FigureCanvasBase.get_supported_filetypes())
    if path.rpartition(".")[2].lower() not in known:
        raise refused("plot", path, f"a file name ending in one of {', '.join(known)}")


def density_matrix(rho: ArrayLike, ax: Axes | None = None) -> Axes:
    """Draw a state of two ions: the area of a square is the modulus of an element, its color the phase.

    Parameters
    ----------
    rho : complex (4, 4)
        The state, basis 00, 01, 10, 11.
    ax : matplotlib Axes, optional
        Where to draw; by default a new figure.

    Returns
    -------
    matplotlib Axes
    """
    patches, colors = matplotlib("patches"), matplotlib("colors")
    ax = axes_or_new(ax, 3.0, 3.0)
    matrix = np.asarray(rho, dtype=np.complex128)
    wheel = [color for _, color in _PHASES]
    phase_color = colors.LinearSegmentedColormap.from_list("phase", [*wheel, wheel[0]])
    modulus = np.abs(matrix)
    largest = np.nanmax(modulus, initial=0.0)
    for row, column in np.ndindex(4, 4):
        cell = patches.Rectangle((column - 0.47, row - 0.47), 0.94, 0.94, color=PAPER, linewidth=0)
        ax.add_patch(cell)
        # smaller elements would be specks
        if not modulus[row, column] > 1e-4:
            continue
        side = 0.94 * float(np.sqrt(modulus[row, column] / largest))
        turns = float(np.angle(matrix[row, column]) / (2 * np.pi)) % 1.0
        corner = (column - side / 2, row - side / 2)
        ax.add_patch(patches.Rectangle(corner, side, side, color=phase_color(turns), linewidth=0))
        if modulus[row, column] > 0.15 * largest:
            number = f"{modulus[row, column]:.2f}"
            ax.text(column, row, number, ha="center", va="center", color="white", fontsize=7)
    basis = ["00", "01", "10", "11"]
    ax.set(xlim=(-0.5, 3.5), ylim=(3.5, -0.5), aspect="equal")
    ax.set_xticks(range(4), [f"|{name}⟩" for name in basis])
    ax.set_yticks(range(4), [f"⟨{name}|" for name in basis])
    ax.tick_params(length=0, labelsize=7.5, labelcolor=INK)
    ax.spines[:].set_visible(False)
    return ax


def click_times(run: Run, ax: Axes | None = None) -> Axes:
    """Draw when the clicks of a run's heralds came, by what caused them.

    Parameters
    ----------
    run : Run
        The run; all clicks of each herald count.
    ax : matplotlib Axes, optional
        Where to draw; by default a new figure.

    Returns
    -------
    matplotlib Axes
    """
    ax = axes_or_new(ax, 4.5, 3.2)
    station = run.link.station
    edges_ns = np.linspace(0.0, station.window_duration_s * 1e9, 61)
    for index, (name, color) in enumerate(zip(_core.CAUSES, _CAUSE_COLORS, strict=True)):
        heralds = run.cause == index
        times_ns = _clicks_ns(run.click_time_s[heralds])
        if times_ns.size:
            counts = np.histogram(times_ns, edges_ns)[0]
            label = f"{name} ({np.count_nonzero(heralds):,})"
            alpha = 0.45 if color == BLUE else 0.9
            ax.stairs(counts, edges_ns, fill=True, color=color, alpha=alpha, label=label)
    lifetime_ns = _common_lifetime_ns(run.link)
    if run.heralds and lifetime_ns is not None:
        shape = np.exp(-edges_ns / lifetime_ns)
        clicks = _clicks_ns(run.click_time_s).size
        expected = clicks * (shape[:-1] - shape[1:]) / (shape[0] - shape[-1])
        centers_ns = (edges_ns[:-1] + edges_ns[1:]) / 2
        ax.plot(centers_ns, expected, color=INK, linewidth=1.1, label=f"exp(-t/{lifetime_ns:.3g} ns)")
    ax.set_yscale("log")
    ax.set(xlim=(0.0, edges_ns[-1]), xlabel="click after the window opens (ns)")
    ax.set_ylabel(f"clicks per {edges_ns[1]:.3g} ns")
    ax.set_ylim(bottom=0.7)
    if run.heralds:
        ax.legend(loc="upper right", fontsize=7.5, handlelength=1.2)
    return ax


def _clicks_ns(click_time_s: NDArray[np.float64]) -> NDArray[np.float64]:
    """Times of the clicks that there are (ns)."""
    times_s = click_time_s.ravel()
    return times_s[~np.isnan(times_s)] * 1e9


def _common_lifetime_ns(link: Link) -> float | None:
    """Lifetime with which all clicks decay from the opening of the window on (ns), if there is one."""
    lifetimes = {source.lifetime_s for source in link.sources}
    plain = all(
        node.emission.wavepacket == Exponential() and node.emission.arrival_jitter_s == 0
        for node in link.nodes
    )
    latest_s = max(source.delay_s for source in link.sources)
    if len(lifetimes) > 1 or not plain or latest_s > link.station.window_start_s:
        return None
    lifetime_s = lifetimes.pop()
    return None if lifetime_s is None else lifetime_s * 1e9


def link(link: Link, run: Run) -> Figure:
    """Draw a link, its heralds, their states, and what the window does to them; about 11 x 7 inch.

    Parameters
    ----------
    link : Link
        The link.
    run : Run
        Heralds drawn from it.

    Returns
    -------
    matplotlib Figure
        Ready for ``savefig``.
    """
    pyplot = matplotlib("pyplot")
    with pyplot.rc_context(STYLE):
        figure: Figure = pyplot.figure(figsize=(11, 7), layout="constrained")
        engine: Any = figure.get_layout_engine()
        engine.set(w_pad=0.1, h_pad=0.06)
        panels: Any = figure.subfigures(2, 1, height_ratios=(1.0, 1.25))
        exact = link.exact()
        _schematic(link, exact, panels[0].add_axes((0.0, 0.0, 1.0, 1.0)))
        left, middle, right = panels[1].subfigures(1, 3, width_ratios=(1.0, 1.25, 0.95))
        click_times(run, left.subplots()).set_title("When the clicks came")
        _states(run, exact, middle)
        _window_scan(link, exact, right)
    return figure


def _states(run: Run, exact: Exact, panel: Any) -> None:
    """Mean states of the run's heralds, and below them the numbers side by side."""
    patches = matplotlib("patches")
    names = list(exact.outcomes)
    axes = panel.subplot_mosaic(
        [names, ["key"] * len(names), ["numbers"] * len(names)], height_ratios=(2, 0.3, 1.1)
    )
    for name in names:
        density_matrix(run.rho[name], axes[name]).set_title(
            f"{_ket(name)}   F = {_short(run.fidelities[name])}"
        )
    handles = [patches.Patch(color=color, label=label) for label, color in _PHASES]
    axes["key"].legend(
        handles=handles,
        title="area: modulus, color: phase",
        title_fontsize=7.5,
        fontsize=7.5,
        ncols=4,
        loc="center",
        handlelength=0.9,
        handleheight=0.9,
        columnspacing=1.2,
    )
    axes["key"].axis("off")
    _numbers(run, exact, axes["numbers"])


def _numbers(run: Run, exact: Exact, ax: Axes) -> None:
    published = run.link.published
    rows: list[tuple[str, ...]] = [("", "exact", "sampled", "published" if published else "")]
    for label, name in (
        ("herald prob.", "herald_probability"),
        ("rate (1/s)", "rate_hz"),
        ("fidelity", "fidelity"),
    ):
        measured = getattr(published, name, None)
        rows.append((label, f"{getattr(exact, name):.4g}", _short(getattr(run, name)), str(measured or "")))
    for row, cells in enumerate(rows):
        for x, cell in zip((0.0, 0.45, 0.74, 1.0), cells, strict=True):
            color = MUTED if row == 0 or x == 0.0 else INK
            side = "left" if x == 0.0 else "right"
            ax.text(x, 0.95 - 0.3 * row, cell, ha=side, va="center", color=color, fontsize=8.5)
    ax.axhline(0.8, color=FAINT, linewidth=1)
    ax.set(xlim=(0, 1), ylim=(0, 1.1))
    ax.axis("off")


def _window_scan(link: Link, exact: Exact, panel: Any) -> None:
    """Fidelity and herald probability of the same link with other windows; the link's own is marked."""
    axes = panel.subplots(2, 1, sharex=True)
    window_s = link.station.window_duration_s
    # exact results need every detector ready before its next window; the factor keeps rounding out of it
    period_s, separation_s = link.ion_spacing_s, _separation_s(link)
    gaps_s = [period_s] if separation_s == 0 else [separation_s, period_s - separation_s]
    longest_s = min(2 * window_s, (min(gaps_s) - _dead_time_s(link)) * (1 - 1e-9))
    windows_s = np.linspace(0.02, 1.0, 60) * longest_s
    scan = [link.replace({"station.window_duration_s": float(window)}).exact() for window in windows_s]
    for ax, name in zip(axes, ("fidelity", "herald_probability"), strict=True):
        measured: Measured | None = getattr(link.published, name, None)
        ax.axvline(window_s * 1e9, color=FAINT, linewidth=6, zorder=0)
        ax.plot(windows_s * 1e9, [getattr(point, name) for point in scan], color=BLUE, linewidth=1.6)
        ax.plot(window_s * 1e9, getattr(exact, name), "o", color=BLUE, markersize=5, label="exact")
        if measured is not None:
            ax.errorbar(
                window_s * 1e9,
                measured.value,
                measured.uncertainty,
                fmt={None: "D", "lower": "^", "upper": "v"}[measured.limit],
                color=RED,
                markersize=4.5,
                markerfacecolor="white",
                capsize=2.5,
                linewidth=1.2,
                label="published" if measured.limit is None else f"published, {measured.limit} limit",
            )
        ax.set_ylabel(name.replace("_", " "))
        ax.set_xlim(0, windows_s[-1] * 1e9)
    axes[0].set_title("What the window trades")
    axes[1].set_ylim(bottom=0)
    axes[1].ticklabel_format(axis="y", scilimits=(-2, 3), useMathText=True)
    axes[1].set_xlabel("window duration (ns)")
    axes[1].legend(loc="lower right", fontsize=7.5)
    panel.align_ylabels(axes)


def _dead_time_s(link: Link) -> float:
    detectors = link.station.detectors
    several: Sequence[Detector] = (detectors,) if isinstance(detectors, Detector) else detectors
    return max(detector.dead_time_s for detector in several)


def _separation_s(link: Link) -> float:
    """Time between the two windows of an attempt (s); 0 if there is one."""
    encoding = link.encoding
    names = ("bin_separation_s", "round_separation_s")
    return max(float(getattr(encoding, name, 0.0)) for name in names)


def _schematic(link: Link, exact: Exact, ax: Axes) -> None:
    """The link from left to right: ion, fiber, station and, if there are two, fiber, ion; headline above."""
    ax.set(xlim=(0, 11), ylim=(0, 3.1))
    ax.axis("off")
    ax.text(0.35, 2.82, link.name or "link", fontsize=15, fontweight="bold", va="center")
    if link.reference:
        ax.text(0.35, 2.5, link.reference, fontsize=8, color=MUTED, va="center")
    headline = (
        (si(exact.rate_hz, "/s"), "heralds"),
        (f"{exact.fidelity:.4f}", "fidelity"),
        (si(exact.mean_time_s, "s"), "to a herald"),
    )
    for x, (number, meaning) in zip((7.55, 9.15, 10.4), headline, strict=True):
        ax.text(x, 2.84, number, fontsize=13, ha="center", va="center", color=BLUE)
        ax.text(x, 2.55, meaning, fontsize=8, ha="center", va="center", color=MUTED)
    _station(link, ax, 5.5, 1.25)
    paths = link.paths or ((),) * len(link.nodes)
    # an ion-photon link has the left side only
    sides = zip(link.nodes, link.sources, paths, (1.35, 9.65), (1, -1), strict=False)
    for node, source, elements, x, side in sides:
        _node(node, source, ax, x, 1.25)
        _fiber(ax, x + 0.62 * side, 5.5 - 0.36 * side, 1.25)
        length_m = sum(element.length_m for element in elements if isinstance(element, Fiber))
        label = f"{si(length_m, 'm')} of fiber" if length_m else "photon"
        ax.text((x + 5.5) / 2, 1.72, label, ha="center", fontsize=8.5, color=INK)


def _node(node: Node, source: Source, ax: Axes, x: float, y: float) -> None:
    patches = matplotlib("patches")
    for edge in (y - 0.42, y + 0.3):
        ax.add_patch(
            patches.FancyBboxPatch(
                (x - 0.5, edge),
                1.0,
                0.12,
                boxstyle="round,pad=0.0,rounding_size=0.05",
                color=MUTED,
                linewidth=0,
            )
        )
    for size, alpha in ((26, 0.10), (17, 0.22), (9, 1.0)):
        ax.plot(x, y, "o", color=BLUE, markersize=size, alpha=alpha, markeredgewidth=0)
    ax.text(x, y + 0.62, node.name, ha="center", fontsize=11, fontweight="bold")
    collection = node.collection
    if isinstance(collection, Lens):
        collected = f"lens, NA {collection.numerical_aperture:.3g}"
    elif isinstance(collection, Cavity):
        collected = f"cavity, {collection.drive} drive"
    else:
        collected = f"efficiency {collection.efficiency:.3g} (measured)"
    emitted = "tabulated photon" if source.lifetime_s is None else f"lifetime {si(source.lifetime_s, 's')}"
    facts = [emitted if node.emission.ion is None else f"{node.emission.ion}, {emitted}", collected]
    if node.errors.ion_photon_fidelity < 1:
        facts.append(f"ion-photon fidelity {node.errors.ion_photon_fidelity:.4g}")
    ax.text(x, y - 0.56, "\n".join(facts), ha="center", va="top", fontsize=8, color=MUTED, linespacing=1.45)


def _fiber(ax: Axes, start: float, end: float, y: float) -> None:
    """A line with a wave packet traveling to the station."""
    ax.plot([start, end], [y, y], color=INK, linewidth=1.4, solid_capstyle="round")
    middle = (start + end) / 2
    x = np.linspace(middle - 0.5, middle + 0.5, 300)
    ax.plot(
        x,
        y + 0.2 * np.exp(-(((x - middle) / 0.2) ** 2)) * np.cos(50 * (x - middle)),
        color=ORANGE,
        linewidth=1.3,
    )


def _station(link: Link, ax: Axes, x: float, y: float) -> None:
    patches = matplotlib("patches")
    station = link.station
    half = 0.3
    ax.add_patch(patches.Rectangle((x - half, y - half), 2 * half, 2 * half, facecolor=PAPER, edgecolor=INK))
    receives = isinstance(link.encoding, IonPhoton)
    # a coupler with two inputs and two exits: both photons reach both ports; or the analyzer of one photon
    ax.text(x, y, "R" if receives else "2x2", ha="center", va="center", fontsize=9, color=INK)
    for port, side in ((0, 1), (1, -1)):
        # one detector each for port and mode, for mode, or for port
        for mode, label in enumerate((f"{port}0", f"{port}1") if _tells_modes(link) else (f"{port}",)):
            angle = 90 * side + ((18 if mode else -18) if _tells_modes(link) else 0)
            dx, dy = np.cos(np.deg2rad(angle)), np.sin(np.deg2rad(angle))
            ax.plot([x + 0.1 * dx, x + 0.82 * dx], [y + half * side, y + 0.72 * dy], color=MUTED, linewidth=1)
            ax.add_patch(
                patches.Wedge(
                    (x + 0.86 * dx, y + 0.7 * dy), 0.13, angle - 90, angle + 90, facecolor=INK, linewidth=0
                )
            )
            ax.text(
                x + 0.86 * dx + (0.24 if dx > -1e-9 else -0.24),
                y + 0.78 * dy,
                label,
                ha="center",
                va="center",
                fontsize=7,
                color=MUTED,
            )
    detectors = station.detectors if isinstance(station.detectors, tuple) else (station.detectors,)
    darks = sorted({detector.dark_count_rate_hz for detector in detectors})
    dark = " to ".join(f"{rate:g}" for rate in {darks[0]: None, darks[-1]: None})
    reflectivity = np.atleast_1d(station.reflectivity)
    facts = [f"{link.encoding._kind} encoding", f"window {si(station.window_duration_s, 's')}"]
    facts.append(f"{dark} dark counts/s")
    if not receives:
        facts.append(f"reflectivity {', '.join(f'{value:.4g}' for value in reflectivity)}")
        facts.append(f"overlap {link.mode_overlap:.4g}")
    ax.text(x, 0.18, "   ·   ".join(facts), ha="center", va="center", fontsize=8, color=MUTED)


def _tells_modes(link: Link) -> bool:
    """Whether there is a detector for each mode behind each port."""
    return isinstance(link.encoding, Polarization)


def _short(estimate: Estimate) -> str:
    """An estimate without its interval where that is not symmetric."""
    text = str(estimate)
    return f"{estimate.value:.4g}" if "[" in text else text


def _ket(bell_state: str) -> str:
    letters = {"phi": "Φ", "psi": "Ψ"}
    signs = {"+": "⁺", "-": "⁻"}
    return f"|{letters[bell_state[:3]]}{signs[bell_state[3]]}⟩"
