"""Pictures of networks: who is connected with whom and how busy everything is, and how long pairs took."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from ionlink.errors import MissingPackageError, refused
from ionlink.extras import imported
from ionlink.network import Network
from ionlink.network_run import NetworkRun
from ionlink.network_trace import counted
from ionlink.plot_style import BLUE, FAINT, INK, MUTED, ORANGE, PAPER, STYLE, axes_or_new, matplotlib, prefix

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import ArrayLike, NDArray

    # both ends of each line, and how many links are at work along it
    _Lines = list[tuple[NDArray[np.float64], float]]

__all__ = ["network", "network_run", "waiting_times"]

_MOST_NAMES = 24
"""Nodes whose names have room."""
_MOST_SPRINGS = 500
"""Nodes from which on springs take seconds, and SciPy."""
_ROW = 4
"""Stations, or switches, that stand side by side; more of them stand in a ring."""


def network(network: Network, run: NetworkRun | None = None, ax: Axes | None = None) -> Axes:
    """Draw the nodes, links, stations and switches of a network and, of a run, what share of each was in use.

    Nodes are circles, stations squares, switches diamonds. With a run their color is the share of their ions
    and analyzers that was in use (gray where a node has as many ions as it needs), and the
    width of a line grows with the mean number of links at work along it.

    Parameters
    ----------
    network : Network
        The network.
    run : NetworkRun, optional
        A run of this network.
    ax : matplotlib Axes, optional
        Where to draw; by default a new figure.

    Returns
    -------
    matplotlib Axes
        Its artists have the gids ``nodes``, ``stations``, ``switches``, ``links`` (those with a station of
        their own) and ``spokes`` (from nodes to switches and stations).

    Raises
    ------
    ParameterError
        For a run of another network.

    Notes
    -----
    Nodes stand at their `position` if all have one. If not, they stand on a circle around shared stations
    and switches, if there are any; else where springs pull them (`networkx.spring_layout`, always with the
    same seed) if networkx is there and they are at most 500; else on a circle.
    """
    _check(network, run)
    return _diagram(network, run, axes_or_new(ax, 5.4, 4.6))


def _diagram(network: Network, run: NetworkRun | None, ax: Axes) -> Axes:
    hub = network._hub
    places = _node_places(network)
    stations, switches = _middle(places, len(hub.stations), len(hub.switches))
    use = None if run is None else run.utilization
    at_work = None if use is None else use.links
    links, spokes = _lines(network, places, stations, switches, at_work)
    most = max((load for lines in (links, spokes) for _, load in lines), default=0.0)
    for gid, lines in (("links", links), ("spokes", spokes)):
        if lines:
            _draw_lines(ax, gid, lines, most, measured=run is not None)
    marks = [
        ("nodes", places, "o", 150 if len(places) <= _MOST_NAMES else 45, None if use is None else use.nodes),
        ("switches", switches, "D", 120, None),
        ("stations", stations, "s", 170, None if use is None else use.stations),
    ]
    for gid, points, marker, size, shares in marks:
        if len(points):
            _draw_marks(ax, gid, points, marker, size, shares, measured=run is not None)
    _name_nodes(ax, network.node_names, places)
    _name_middle(ax, network, stations, switches, None if use is None else use.stations)
    if use is not None:
        _color_bar(ax)
        ax.set_xlabel(f"line width: links at work at a time, up to {most:.2g}", fontsize=7.5)
    title = f"{counted(len(network.nodes), 'node')}, {counted(len(network.pairs), 'link')}"
    ax.set_title(title if run is None else f"{title}, {run.duration_s:g} s", loc="left", fontsize=10)
    ax.set(aspect="equal", xticks=[], yticks=[])
    ax.spines[:].set_visible(False)
    ax.margins(0.16)
    return ax


def _check(network: object, run: object) -> None:
    if not isinstance(network, Network):
        raise refused("network", network, "an il.Network; its run is the second argument")
    if run is None:
        return
    if not isinstance(run, NetworkRun):
        raise refused("run", run, "an il.NetworkRun, or left out")
    if run._layout != network._layout():
        raise refused("run", run, "a run of this network")


# --- where things stand


def _circle(count: int, radius: float = 1.0) -> NDArray[np.float64]:
    """Places on a circle, from the top on, clockwise."""
    angles = np.pi / 2 - 2 * np.pi * np.arange(count) / max(count, 1)
    return radius * np.stack([np.cos(angles), np.sin(angles)], axis=1)


def _node_places(network: Network) -> NDArray[np.float64]:
    """Where nodes stand: float64 (n, 2), about within the unit circle."""
    given = [node.position for node in network.nodes]
    if given and all(position is not None for position in given):
        places = np.array(given, dtype=np.float64)
    elif network._hub.stations or network._hub.switches or len(given) > _MOST_SPRINGS:
        return _circle(len(given))
    else:
        places = _pulled(len(given), network.pairs)
    low, high = places.min(axis=0, initial=math.inf), places.max(axis=0, initial=-math.inf)
    half = float((high - low).max(initial=0.0)) / 2
    return (places - (low + high) / 2) / half if half > 0 else _circle(len(given))


def _pulled(count: int, pairs: NDArray[np.uint32]) -> NDArray[np.float64]:
    """Where springs along links pull nodes; a circle without networkx."""
    # two and three nodes have no other shape worth the springs
    if count <= 3:
        return _circle(count)
    try:
        networkx = imported("networkx", "springs", "networkx")
    except MissingPackageError:
        return _circle(count)
    graph = networkx.Graph()
    graph.add_nodes_from(range(count))
    graph.add_edges_from(pairs.tolist())
    found = networkx.spring_layout(graph, seed=1)
    return np.array([found[number] for number in range(count)], dtype=np.float64)


def _middle(
    places: NDArray[np.float64], stations: int, switches: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Where stations and switches stand: amid the nodes, switches above."""
    apart = 0.3 if stations and switches else 0.0

    def placed(count: int, y: float, radius: float) -> NDArray[np.float64]:
        if count > _ROW:
            return _circle(count, radius)
        x = (np.arange(count) - (count - 1) / 2) * 0.36
        return np.stack([x, np.full(count, y)], axis=1)

    return placed(stations, -apart, 0.55), placed(switches, apart, 0.25)


def _lines(
    network: Network,
    places: NDArray[np.float64],
    stations: NDArray[np.float64],
    switches: NDArray[np.float64],
    at_work: NDArray[np.float64] | None,
) -> tuple[_Lines, _Lines]:
    """Lines of links with their own stations, one each, and lines from nodes through switches to stations."""
    hub = network._hub
    station_numbers, switch_numbers = (
        {name: number for number, name in enumerate(names)} for names in (hub.stations, hub.switches)
    )
    alone: dict[tuple[int, int], list[int]] = {}
    spokes: dict[tuple[str, int, int], float] = {}
    for number, (first, second) in enumerate(network.pairs.tolist()):
        if number not in hub.shared:
            alone.setdefault((min(first, second), max(first, second)), []).append(number)
            continue
        station, switch = hub.shared[number]
        load = 0.0 if at_work is None else float(at_work[number])
        target = station_numbers[station]
        ways = [("station", node, target) for node in (first, second)]
        if switch is not None:
            through = switch_numbers[switch]
            ways = [("switch", node, through) for node in (first, second)] + [("between", through, target)]
        for way in ways:
            spokes[way] = spokes.get(way, 0.0) + load
    links: _Lines = []
    for (first, second), numbers in alone.items():
        ends = places[[first, second]]
        along = ends[1] - ends[0]
        aside = np.array([-along[1], along[0]]) / (float(np.hypot(*along)) or 1.0)
        for index, number in enumerate(numbers):
            # parallel links side by side
            shift = (index - (len(numbers) - 1) / 2) * 0.05 * aside
            links.append((ends + shift, 0.0 if at_work is None else float(at_work[number])))
    ends_of = {"station": (places, stations), "switch": (places, switches), "between": (switches, stations)}
    drawn: _Lines = []
    for (kind, start, end), load in spokes.items():
        starts, stops = ends_of[kind]
        drawn.append((np.stack([starts[start], stops[end]]), load))
    return links, drawn


# --- what is drawn


def _draw_lines(ax: Axes, gid: str, lines: _Lines, most: float, *, measured: bool) -> None:
    collections = matplotlib("collections")
    # one link always at work is 4 points wide, unless more work along one line
    widths = [0.5 + 3.5 * load / max(most, 1.0) if measured else 1.2 for _, load in lines]
    made = collections.LineCollection([ends for ends, _ in lines], linewidths=widths, colors=MUTED, zorder=1)
    made.set(gid=gid, capstyle="round", alpha=0.8)
    ax.add_collection(made)


def _shade() -> Any:
    """Colors of shares; things without a share are gray."""
    return matplotlib("pyplot").get_cmap("viridis").with_extremes(bad=FAINT)


def _draw_marks(
    ax: Axes,
    gid: str,
    points: NDArray[np.float64],
    marker: str,
    size: float,
    shares: NDArray[np.float64] | None,
    *,
    measured: bool,
) -> None:
    if shares is None:
        look: dict[str, Any] = {"c": PAPER if measured or gid == "switches" else BLUE}
    else:
        look = {"c": shares, "cmap": _shade(), "vmin": 0.0, "vmax": 1.0, "plotnonfinite": True}
    made = ax.scatter(
        points[:, 0], points[:, 1], s=size, marker=marker, edgecolors=INK, linewidths=0.8, zorder=3, **look
    )
    made.set_gid(gid)


def _name_nodes(ax: Axes, names: Sequence[str], places: NDArray[np.float64]) -> None:
    """Names on the side away from the middle, where there is room for them."""
    if len(names) > _MOST_NAMES:
        return
    for name, place in zip(names, places, strict=True):
        length = float(np.hypot(*place))
        away = place / length if length > 1e-9 else np.array([0.0, 1.0])
        sides = ("right", "center", "left")
        across = sides[int(np.sign(np.round(away[0], 1))) + 1]
        upright = ("top", "center", "bottom")[int(np.sign(np.round(away[1], 1))) + 1]
        ax.annotate(
            name, tuple(place), tuple(9 * away), textcoords="offset points", ha=across, va=upright, fontsize=8
        )


def _name_middle(
    ax: Axes,
    network: Network,
    stations: NDArray[np.float64],
    switches: NDArray[np.float64],
    shares: NDArray[np.float64] | None,
) -> None:
    hub = network._hub
    box = {"boxstyle": "round,pad=0.2", "facecolor": "white", "alpha": 0.85, "linewidth": 0}

    def write(text: str, place: NDArray[np.float64], side: int) -> None:
        upright = "bottom" if side > 0 else "top"
        ax.annotate(
            text, tuple(place), (0, 10 * side), textcoords="offset points", ha="center", va=upright,
            fontsize=8, bbox=box, zorder=4,
        )  # fmt: skip

    for number, station in enumerate(hub.stations.values()):
        text = f"{station.name}\n{counted(station.count, 'analyzer')}"
        write(text if shares is None else f"{text}\n{shares[number]:.0%} in use", stations[number], -1)
    for switch, place in zip(hub.switches.values(), switches, strict=True):
        write(f"{switch.name}\n{switch.ports} ports", place, 1)


def _color_bar(ax: Axes) -> None:
    mappable = matplotlib("cm").ScalarMappable(matplotlib("colors").Normalize(0.0, 1.0), _shade())
    figure: Any = ax.figure
    bar = figure.colorbar(mappable, ax=ax, shrink=0.75, label="ions and analyzers in use (%)")
    bar.set_ticks([0.0, 0.25, 0.5, 0.75, 1.0], labels=["0", "25", "50", "75", "100"])
    bar.outline.set_visible(False)


# --- waiting


def waiting_times(
    run: NetworkRun,
    ax: Axes | None = None,
    *,
    a: str | int | None = None,
    b: str | None = None,
    percentiles: Sequence[float] = (50.0, 95.0),
    density: Callable[[NDArray[np.float64]], ArrayLike] | tuple[ArrayLike, ArrayLike] | None = None,
) -> Axes:
    """Draw the distribution of latencies of delivered pairs, with their mean and percentiles.

    Parameters
    ----------
    run : NetworkRun
        The run. With ``record="summary"`` its `latency_histogram` is drawn, whose bins are 19 % wide;
        percentiles are then interpolated within them.
    ax : matplotlib Axes, optional
        Where to draw; by default a new figure.
    a, b
        Which pairs, as in `NetworkRun.delivered`; all by default.
    percentiles : sequence of float, default (50, 95)
        Percentiles to be marked (%), above 0 and below 100.
    density : callable or (time_s, density), optional
        Density to compare with (1/s): a function of times (s), float64 (n,), or times (s) and the densities
        there, two arrays of one length.

    Returns
    -------
    matplotlib Axes
        Empty but for the comparison if nothing was delivered.

    Raises
    ------
    ParameterError
        For `a` and `b` with ``record="summary"``, whose histogram is that of all pairs, and for percentiles
        and densities that are none.
    """
    if not isinstance(run, NetworkRun):
        raise refused("run", run, "an il.NetworkRun")
    try:
        marks = np.asarray(percentiles, dtype=np.float64)
    except (TypeError, ValueError):
        marks = np.full(1, math.nan)
    if marks.ndim != 1 or not np.all((marks > 0) & (marks < 100)):
        raise refused("percentiles", percentiles, "numbers in (0, 100)", "%")
    edges_s, counts, quantiles_s = _latencies(run, a, b, marks)
    ax = axes_or_new(ax, 4.8, 3.4)
    mean_s = run.latency_s(a, b).value
    total = counts.sum()
    # by the longest time that is written, so that none needs a power of ten
    unit_s, letter = prefix(float(np.max([mean_s, *quantiles_s])))
    if total:
        heights = counts / total / np.diff(edges_s) * unit_s
        ax.stairs(heights, edges_s / unit_s, fill=True, color=BLUE, alpha=0.45, label=f"{int(total):,} pairs")
    if density is not None:
        times_s, values = _curve(density, edges_s)
        ax.plot(times_s / unit_s, values * unit_s, color=INK, linewidth=1.3, label="comparison")
    if total:
        ax.axvline(
            mean_s / unit_s, color=ORANGE, linewidth=1.6, label=f"mean {mean_s / unit_s:.3g} {letter}s"
        )
        dashes = ("--", ":", "-.")
        for index, (mark, quantile_s) in enumerate(zip(marks.tolist(), quantiles_s.tolist(), strict=True)):
            label = f"{mark:g} % within {quantile_s / unit_s:.3g} {letter}s"
            ax.axvline(
                quantile_s / unit_s, color=INK, linestyle=dashes[index % 3], linewidth=1.1, label=label
            )
    else:
        ax.text(0.5, 0.5, "no pairs delivered", transform=ax.transAxes, ha="center", color=MUTED)
    ax.set(xlabel=f"{_what(run, a, b)} ({letter}s)", ylabel=f"density (1/{letter}s)")
    ax.set_xlim(0.0, float(edges_s[-1]) / unit_s)
    ax.set_ylim(bottom=0.0)
    if total or density is not None:
        ax.legend(loc="upper right", fontsize=7.5, handlelength=1.6)
    return ax


def _latencies(
    run: NetworkRun, a: str | int | None, b: str | None, marks: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Edges of bins (s), counts in them, and percentiles (s)."""
    chosen = list(run._subjects(a, b))
    if run.record == "summary":
        if (a, b) != (None, None):
            raise refused(
                "a, b", (a, b), 'left out: with record="summary" there is one histogram, of all pairs'
            )
        edges_s, found = run.latency_histogram()
        filled = np.flatnonzero(found)
        if not filled.size:
            return _nothing(run, marks)
        used = slice(filled[0], filled[-1] + 1)
        edges_s, counts = edges_s[used.start : used.stop + 1], found[used].astype(np.float64)
        shares = np.concatenate([[0.0], np.cumsum(counts)]) / counts.sum()
        return edges_s, counts, np.interp(marks / 100, shares, edges_s)
    latencies_s = run.deliveries.latency_s[np.isin(run.deliveries.demand, chosen)]
    if not latencies_s.size:
        return _nothing(run, marks)
    bins = int(np.clip(math.ceil(math.sqrt(latencies_s.size)), 10, 60))
    # a single latency of zero still needs a bin to be in
    longest_s = float(latencies_s.max()) or 1e-12
    counts, edges_s = np.histogram(latencies_s, bins, (0.0, longest_s))
    return edges_s, counts.astype(np.float64), np.percentile(latencies_s, marks)


def _nothing(
    run: NetworkRun, marks: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    return np.array([0.0, run.duration_s or 1.0]), np.zeros(1), np.full(len(marks), math.nan)


def _curve(density: object, edges_s: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Times (s) and densities (1/s) of the comparison."""
    domain = "a function of times, or times and densities, of one length and finite"
    try:
        if callable(density):
            times = np.linspace(0.0, float(edges_s[-1]), 400)
            values = np.asarray(density(times), dtype=np.float64)
        else:
            given = cast("tuple[ArrayLike, ArrayLike]", density)
            times, values = (np.asarray(column, dtype=np.float64) for column in given)
    except (TypeError, ValueError):
        raise refused("density", density, domain) from None
    if times.ndim != 1 or times.shape != values.shape or not np.isfinite([times, values]).all():
        raise refused("density", density, domain)
    return times, values


def _what(run: NetworkRun, a: str | int | None, b: str | None) -> str:
    """What a latency is the time between."""
    layout = run._layout
    if layout.saturated:
        return "time from pair to pair"
    kinds = {layout.demands[number].saturate for number in run._subjects(a, b)}
    if kinds == {True}:
        return "time from pair to pair"
    return "time from request to pair" if kinds == {False} else "latency"


def network_run(network: Network, run: NetworkRun) -> Figure:
    """Draw a network with what was in use in a run, and its waiting times beside it; about 11 x 4.6 inch.

    Parameters
    ----------
    network : Network
        The network.
    run : NetworkRun
        A run of it.

    Returns
    -------
    matplotlib Figure
        Ready for ``savefig``.

    Raises
    ------
    ParameterError
        For a run of another network.
    """
    if run is None:
        raise refused("run", run, "an il.NetworkRun")
    _check(network, run)
    pyplot = matplotlib("pyplot")
    with pyplot.rc_context(STYLE):
        figure: Figure = pyplot.figure(figsize=(11, 4.6), layout="constrained")
        left, right = figure.subplots(1, 2, width_ratios=(1.15, 1.0))
        _diagram(network, run, left)
        waiting_times(run, right).set_title("Waiting times")
    return figure
