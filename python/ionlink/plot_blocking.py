"""The picture of blocking: the share of requests that are blocked against the load."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ionlink import _core, checks
from ionlink.errors import refused
from ionlink.network_run import NetworkRun
from ionlink.plot_style import BLUE, INK, ORANGE, RED, TEAL, VIOLET, axes_or_new

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

__all__ = ["blocking"]

_COLORS, _MARKERS = (BLUE, ORANGE, TEAL, VIOLET, RED), "osD^vP"
_MOST_CURVES = 8
_DOMAIN = (
    "a dataset of il.sweep of a network with demands, a list of such datasets of other seeds, "
    "pairs of a load and an il.NetworkRun, or three arrays: loads, requests and blocked requests"
)
# two-sided 95 % of Student's distribution for 1 to 10 degrees of freedom
_STUDENT = (12.7062, 4.3027, 3.1824, 2.7764, 2.5706, 2.4469, 2.3646, 2.3060, 2.2622, 2.2281)
_NORMAL = 1.959964


class _Points(NamedTuple):
    """One curve: loads (1/s), (n,), and what came and was blocked in each independent run, (n, r)."""

    label: str | None
    load_hz: NDArray[np.float64]
    requests: NDArray[np.float64]
    blocked: NDArray[np.float64]


def blocking(
    data: Any,
    ax: Axes | None = None,
    *,
    along: str | None = None,
    label: str | None = None,
    servers: int | None = None,
    service_s: float | None = None,
) -> Axes:
    """Draw the share of requests that were blocked against the load, with 95 % intervals.

    Parameters
    ----------
    data : Dataset, list of Dataset, sequence of (float, NetworkRun), or three arrays
        Of `il.sweep` of a network: its load is that of the requests that came, of all demands together. A
        list has the same sweep with other seeds. Pairs: a load (1/s) and a run; several runs of equal load
        are taken together. Arrays: loads (1/s), float64 (n,), requests and blocked requests, whole numbers
        (n,) or, of r independent runs each, (n, r).
    ax : matplotlib Axes, optional
        Where to draw; by default a new figure. Several calls draw into the same one.
    along : str, optional
        Dimension of a dataset along which points make a curve; by default the only one, or the only one
        that is the rate of demands. Each value of the other dimensions has its own curve, at most 8 in all.
    label : str, optional
        Name of the curve in the legend; put before the names of a dataset's curves.
    servers : int, optional
        Draw Erlang's formula for so many servers, from 1 to 2**20; needs `service_s`.
    service_s : float, optional
        Mean time that a request takes a server (s), above 0.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    ParameterError
        For data that are none of these, more blocked than came, more than 8 curves, and `servers` without
        `service_s` or the other way round.

    Notes
    -----
    Blocked share p = sum b_i / sum n_i over independent runs i. Requests are blocked in bunches, so the
    interval is that between runs: p -+ t sqrt(r / (r - 1) sum (b_i - p n_i)^2) / sum n_i, with Student's t of
    r - 1 degrees of freedom (ratio estimator: Cochran, Sampling Techniques, 3rd ed., Wiley 1977, chapter 6),
    and never narrower than that of Clopper and Pearson for independent requests. Of a single run only the
    latter is known, which is too narrow: give several where it matters. Points where nothing came are left
    out.

    Erlang's formula for c servers and a load of a = rate x `service_s` is
    B(c) = (a^c / c!) / sum_{k=0..c} a^k / k!, computed by B(0) = 1, B(k) = a B(k-1) / (k + a B(k-1))
    (Erlang, Post Office Electrical Engineers' Journal 10, 189 (1918)).

    Examples
    --------
    >>> import ionlink as il
    >>> rates_hz, requests, blocked = [100.0, 200.0], [1000, 2000], [8, 55]
    >>> ax = il.plot.blocking((rates_hz, requests, blocked), servers=4, service_s=0.01)  # doctest: +SKIP
    """
    if (servers is None) != (service_s is None):
        name, value = ("servers", servers) if service_s is None else ("service_s", service_s)
        raise refused(name, value, "left out, or `servers` and `service_s` given together")
    erlang = None
    if servers is not None and service_s is not None:
        count = checks.count("servers", servers, least=1)
        if count > 2**20:
            raise refused("servers", servers, "a whole number from 1 to 2**20")
        erlang = (count, checks.duration("service_s", service_s))
        if not erlang[1] > 0:
            raise refused("service_s", service_s, "above 0", "s")
    curves = _curves(data, along, label)
    ax = axes_or_new(ax, 4.8, 3.4)
    for curve in curves:
        _draw(ax, curve)
    if erlang is not None:
        top_hz = max((float(curve.load_hz.max(initial=0.0)) for curve in curves), default=0.0)
        loads_hz = np.linspace(0.0, 1.05 * top_hz, 200)
        shares = _erlang_b(erlang[0], loads_hz * erlang[1])
        title = f"Erlang B, {erlang[0]} server{'s' if erlang[0] > 1 else ''}"
        ax.plot(loads_hz, 100 * shares, color=INK, linestyle="--", linewidth=1.1, zorder=1, label=title)
    ax.set(xlabel="requests (1/s)", ylabel="blocked requests (%)")
    ax.set_xlim(left=0.0)
    ax.set_ylim(bottom=0.0)
    if ax.get_legend_handles_labels()[1]:
        ax.legend(loc="upper left", fontsize=7.5)
    return ax


def _draw(ax: Axes, curve: _Points) -> None:
    share, low, high = _shares(curve.requests, curve.blocked)
    known = np.isfinite(share)
    order = np.argsort(curve.load_hz[known], kind="stable")
    load_hz, share, low, high = (column[known][order] for column in (curve.load_hz, share, low, high))
    before = len(ax.containers)
    ax.errorbar(
        load_hz,
        100 * share,
        100 * np.stack([share - low, high - share]),
        fmt=f"{_MARKERS[before % len(_MARKERS)]}-",
        color=_COLORS[before % len(_COLORS)],
        markersize=4,
        linewidth=1.3,
        capsize=2.5,
        label=curve.label,
    )


def _shares(
    requests: NDArray[np.float64], blocked: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Blocked share of each point and the ends of its interval; NaN where nothing came."""
    rows = []
    for came, refusals in zip(requests, blocked, strict=True):
        total = came.sum()
        if not total > 0:
            rows.append((math.nan,) * 3)
            continue
        share, low, high = _core.proportion(int(refusals.sum()), int(total))
        runs = len(came)
        if runs > 1:
            spread = math.sqrt(runs / (runs - 1) * float(((refusals - share * came) ** 2).sum())) / total
            half = _student(runs - 1) * spread
            low, high = min(low, max(share - half, 0.0)), max(high, min(share + half, 1.0))
        rows.append((share, low, high))
    shares, lows, highs = np.array(rows, dtype=np.float64).reshape(-1, 3).T
    return shares, lows, highs


def _student(degrees: int) -> float:
    """Two-sided 95 % of Student's distribution; above the table by Cornish and Fisher's series."""
    if degrees <= len(_STUDENT):
        return _STUDENT[degrees - 1]
    z = _NORMAL
    second = (5 * z**5 + 16 * z**3 + 3 * z) / (96 * degrees**2)
    return z + (z**3 + z) / (4 * degrees) + second


def _erlang_b(servers: int, load: NDArray[np.float64]) -> NDArray[np.float64]:
    """Blocked share where `servers` serve a load in units of one server (erlang)."""
    share = np.ones_like(load)
    for number in range(1, servers + 1):
        share = load * share / (number + load * share)
    return share


# --- data of any kind


def _curves(data: Any, along: str | None, label: str | None) -> list[_Points]:
    if hasattr(data, "data_vars"):
        return _of_datasets([data], along, label)
    if isinstance(data, list | tuple) and data and all(hasattr(one, "data_vars") for one in data):
        return _of_datasets(list(data), along, label)
    if along is not None:
        raise refused("along", along, "left out: it is for datasets")
    if isinstance(data, list | tuple) and data and all(_is_pair(one) for one in data):
        return [_of_runs(data, label)]
    if isinstance(data, list | tuple) and len(data) == 3:
        return [_of_arrays(data, label)]
    raise refused("data", type(data).__name__, _DOMAIN)


def _is_pair(one: object) -> bool:
    return isinstance(one, list | tuple) and len(one) == 2 and isinstance(one[1], NetworkRun)


def _of_runs(pairs: Any, label: str | None) -> _Points:
    runs: dict[float, list[NetworkRun]] = {}
    for load, run in pairs:
        runs.setdefault(checks.duration("load", load), []).append(run)
    least, most = min(map(len, runs.values())), max(map(len, runs.values()))
    if least < most:
        raise refused("data", f"{least} to {most} runs", "pairs with equally many runs of each load")
    several = [[run.requests.sum(axis=0, dtype=np.float64) for run in there] for there in runs.values()]
    counts = np.array(several)
    return _Points(label, np.array(list(runs)), counts[..., 0], counts[..., 1])


def _of_arrays(columns: Any, label: str | None) -> _Points:
    names = ("loads", "requests", "blocked")
    try:
        load_hz, requests, blocked = (np.asarray(column, dtype=np.float64) for column in columns)
    except (TypeError, ValueError):
        raise refused("data", "columns that are no numbers", _DOMAIN) from None
    if load_hz.ndim != 1 or requests.ndim not in {1, 2} or len(requests) != len(load_hz):
        raise refused("data", [load_hz.shape, requests.shape], "arrays of shapes (n,) and (n,) or (n, r)")
    if requests.shape != blocked.shape:
        raise refused("data", [requests.shape, blocked.shape], "requests and blocked requests of one shape")
    for name, column in zip(names, (load_hz, requests, blocked), strict=True):
        bad = column[~(np.isfinite(column) & (column >= 0))]
        if bad.size:
            raise refused(f"data: {name}", float(bad[0]), "finite and at least 0")
    bad = (requests % 1 != 0) | (blocked % 1 != 0) | (blocked > requests)
    if bad.any():
        found = f"{blocked[bad][0]:g} of {requests[bad][0]:g}"
        raise refused("data", found, "whole numbers, no more blocked than came")
    several = (requests, blocked) if requests.ndim == 2 else (requests[:, None], blocked[:, None])
    return _Points(label, load_hz, *several)


def _of_datasets(several: list[Any], along: str | None, label: str | None) -> list[_Points]:
    first = several[0]
    for data in several:
        for name in ("sampled_requests", "sampled_blocked"):
            if name not in data.data_vars:
                raise refused("data", list(data.data_vars), f"a sweep of a network with demands: no `{name}`")
        if data.sampled_requests.dims != first.sampled_requests.dims or not data.coords.equals(first.coords):
            raise refused("data", list(data.coords), "sweeps over the same values")
    seeds = [data.attrs.get("seed") for data in several]
    if len(several) > 1 and len(set(seeds)) < len(several):
        raise refused("data", seeds, "sweeps with different seeds")
    dims = list(first.sampled_requests.dims)
    line = _dimension(dims, along)
    others = [name for name in dims if name != line]
    curves = math.prod(first.sizes[name] for name in others)
    if curves > _MOST_CURVES:
        raise refused("data", f"{curves} curves", f"at most {_MOST_CURVES} curves: choose with `data.sel`")
    # points that were not computed are points where nothing came
    requests, blocked = (
        np.stack(
            [np.nan_to_num(data[name].transpose(*others, line).to_numpy()) for data in several], axis=-1
        ).reshape(curves, first.sizes[line], len(several))
        for name in ("sampled_requests", "sampled_blocked")
    )
    spans_s = [float(data.attrs["duration_s"]) * int(data.attrs["repetitions"]) for data in several]
    load_hz = requests.sum(axis=-1) / sum(spans_s)
    titles = []
    for place in np.ndindex(*(first.sizes[name] for name in others)):
        named = [f"{name} = {_value(first, name, at)}" for name, at in zip(others, place, strict=True)]
        titles.append(", ".join(([label] if label else []) + named) or None)
    return [_Points(titles[at], load_hz[at], requests[at], blocked[at]) for at in range(curves)]


def _dimension(dims: list[str], along: str | None) -> str:
    names = ", ".join(f'"{name}"' for name in dims)
    if along is not None:
        if along not in dims:
            raise refused("along", along, f"one of the dimensions {names}")
        return along
    rates = [name for name in dims if name.startswith("demands.") and name.endswith(".rate_hz")]
    candidates = dims if len(dims) == 1 else rates
    if len(candidates) != 1:
        raise refused("along", along, f"the dimension of the load: one of {names}")
    return candidates[0]


def _value(data: Any, name: str, place: int) -> str:
    if name not in data.coords:
        return str(place)
    value = data.coords[name].to_numpy()[place]
    return f"{value:g}" if isinstance(value, int | float | np.number) else str(value)
