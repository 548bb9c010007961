"""The command line of sweeps: ``ionlink sweep`` and ``ionlink merge``."""

from __future__ import annotations

import argparse
import math
import multiprocessing
import os
import signal
import threading
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from ionlink.errors import ParameterError
from ionlink.results import table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from concurrent.futures import Future

    from ionlink.link import Link
    from ionlink.network import Network

__all__ = ["add"]

_MOST_ROWS = 40
_THINGS = ("demand", "link")
"""Dimensions of what has numbers of its own at each point; tables leave them out."""
_WORDS = {"true": True, "false": False, "inf": math.inf, "-inf": -math.inf}


def add(commands: Any) -> None:
    """Add the commands to the parser's."""
    from ionlink.cli import number

    sweep = commands.add_parser(
        "sweep",
        help="results over values of parameters",
        description=(
            "Results over all combinations of values: of a link exact, and sampled with --heralds; of a "
            "network simulated for --duration."
        ),
    )
    sweep.add_argument("link", help="name of a preset, a link file, or a network file")
    sweep.add_argument(
        "--vary",
        action="append",
        required=True,
        type=vary,
        metavar="PATH=VALUES",
        help="START:STOP:COUNT, START:STOP:COUNT:log, or values with commas; once per parameter",
    )
    sweep.add_argument("--zip", action="store_true", help="values belong together one by one")
    sweep.add_argument("--heralds", type=number, metavar="N", help="heralds per point (default: exact only)")
    sweep.add_argument("--duration", type=number, metavar="S", help="networks: time per point (s)")
    sweep.add_argument("--repetitions", type=number, metavar="N", help="networks: runs per point (default 1)")
    sweep.add_argument("--by-demand", action="store_true", help="networks: numbers of each demand, in --out")
    sweep.add_argument("--seed", type=int, metavar="S", help="whole number; default: drawn and reported")
    sweep.add_argument(
        "--engine", default="auto", metavar="E", help="auto (default), photon, click or herald"
    )
    sweep.add_argument("--threads", type=int, metavar="T", help="default: all; changes no result")
    sweep.add_argument("--workers", type=number, metavar="W", help="compute in so many processes")
    sweep.add_argument("--checkpoint", metavar="FOLDER", help="keep finished shards; compute missing ones")
    sweep.add_argument(
        "--shard",
        type=share,
        metavar="I/N",
        help="compute one of N equal shares, I from 1, into --checkpoint",
    )
    sweep.add_argument("--out", metavar="FILE", help="save the map (.nc or .zarr)")
    sweep.set_defaults(command=_sweep)

    merge = commands.add_parser("merge", help="the map of a checkpoint whose shards are all finished")
    merge.add_argument("folder", help="the --checkpoint of the sweep")
    merge.add_argument("--out", metavar="FILE", help="save the map (.nc or .zarr)")
    merge.set_defaults(command=_merge)


def vary(argument: str) -> tuple[str, list[object]]:
    """Path and values of ``path=start:stop:count``, ``path=start:stop:count:log`` or ``path=value,value``."""
    path, equals, given = argument.partition("=")
    if not (path and equals and given):
        raise argparse.ArgumentTypeError(f"{argument!r} is not PATH=VALUES, such as mode_overlap=0.9:1:11")
    return path, _range(given) if ":" in given else [_value(word.strip()) for word in given.split(",")]


def _range(given: str) -> list[object]:
    words = given.split(":")
    try:
        if len(words) > 4 or words[3:] not in ([], ["log"]):
            raise ValueError
        start, stop, count = _number(words[0]), _number(words[1]), int(words[2])
    except (IndexError, ValueError):
        message = f"{given!r} is not START:STOP:COUNT or START:STOP:COUNT:log"
        raise argparse.ArgumentTypeError(message) from None
    ends = math.isfinite(start) and math.isfinite(stop)
    if not ends or count < 1 or (count == 1) != (start == stop):
        raise argparse.ArgumentTypeError(f"{given!r} is no range of COUNT different values")
    if words[3:]:
        if min(start, stop) <= 0:
            raise argparse.ArgumentTypeError(f"{given!r} has no logarithms: both ends must be above 0")
        return list(np.geomspace(start, stop, count).tolist())
    if isinstance(start, int) and isinstance(stop, int) and (stop - start) % max(count - 1, 1) == 0:
        step = (stop - start) // max(count - 1, 1)
        return [start + index * step for index in range(count)]  # parameters that count want whole numbers
    return list(np.linspace(start, stop, count).tolist())


def _number(word: str) -> int | float:
    try:
        return int(word)
    except ValueError:
        return float(word)


def _value(word: str) -> object:
    """A number, true or false; any other word is text."""
    try:
        return _WORDS[word] if word in _WORDS else _number(word)
    except ValueError:
        return word


def share(argument: str) -> tuple[int, int]:
    """Number and count of ``i/n``."""
    number, _, count = argument.partition("/")
    if not (number.isdecimal() and count.isdecimal() and 1 <= int(number) <= int(count)):
        raise argparse.ArgumentTypeError(f"{argument!r} is not I/N with I from 1 to N")
    return int(number), int(count)


def _sweep(options: argparse.Namespace) -> int:
    from ionlink.sweeping import dataset, main
    from ionlink.sweeping.models import Arguments

    model = _model(options.link)
    values = dict(options.vary)
    if len(values) < len(options.vary):
        raise ParameterError("`--vary` must name each path once", path="--vary")
    _check_share(options)
    if options.shard is None:
        dataset.xarray()
    if options.out is not None:
        dataset.check_path(options.out)
    given = Arguments(
        options.heralds, options.engine, options.duration, options.repetitions, options.by_demand
    )
    plan = main.planned(model, values, given, options.seed, options.zip, options.checkpoint)
    if options.out is not None:
        # a map that cannot be saved must not be computed first
        dataset.rehearse(dataset.dataset(plan, plan.blank()), options.out)
    with _pool(options.workers) as pool:
        numbers = main.computed(plan, pool, options.threads, options.checkpoint, options.shard, progress=True)
    if options.shard is not None:
        done, count = len(plan.share(options.shard)), len(plan.bounds)
        print(f"{done} of {count} shards are in {options.checkpoint}")
        return 0
    return _told(dataset.dataset(plan, numbers), options.out)


def _model(name: str) -> Link | Network:
    """Link of a preset or of a file, or network of a file."""
    from pathlib import Path

    from ionlink import network_files, presets
    from ionlink.cli import link_named

    if name not in presets.names() and Path(name).is_file() and network_files.is_network(name):
        from ionlink.network import Network

        return Network.from_toml(name)
    return link_named(name)


def _check_share(options: argparse.Namespace) -> None:
    if options.shard is None:
        return
    if options.checkpoint is None:
        raise ParameterError("`--shard` needs `--checkpoint`, where all shares meet", path="--shard")
    if options.out is not None:
        raise ParameterError("`--shard` computes a part: `ionlink merge` writes `--out`", path="--out")
    if (options.heralds, options.duration) != (None, None) and options.seed is None:
        raise ParameterError("`--shard` needs `--seed`, the same for all shares", path="--seed")


@contextmanager
def _pool(workers: float | None) -> Iterator[_Obedient | None]:
    """Processes of this command alone; with an error or on Ctrl-C they end with the point under way."""
    if workers is None:
        yield None
        return
    from ionlink import checks

    # forked processes would inherit threads that are not there
    context = multiprocessing.get_context("spawn")
    count, stopped = checks.count("workers", workers, least=1), context.Event()
    with ProcessPoolExecutor(count, mp_context=context, initializer=_obey, initargs=(stopped,)) as pool:
        try:
            yield _Obedient(pool)
        except BaseException:
            stopped.set()
            raise


_watch: Callable[[int, int], object] | None = None
"""In a worker: what ends its task when the command ends."""


def _obey(stopped: Any) -> None:
    """Begin a worker, which ends by the event: a terminal's Ctrl-C reaches workers too."""
    from ionlink.sweeping import tasks

    global _watch  # noqa: PLW0603 (a process has no other place that its tasks find)
    _watch = tasks.watch_of(stopped)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, name="ionlink-parent", daemon=True).start()


def _end_with_parent() -> None:
    """End this process, task and all, once the command is gone: one that was killed tells nobody."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _watched(function: Callable[..., object], task: object) -> object:
    return function(task, _watch)


class _Obedient:
    """An executor whose tasks end when the command does."""

    def __init__(self, pool: ProcessPoolExecutor) -> None:
        self._pool = pool

    def submit(self, function: Callable[..., object], task: object) -> Future[object]:
        """Hand a task over."""
        return self._pool.submit(_watched, function, task)


def _merge(options: argparse.Namespace) -> int:
    from ionlink.sweeping import dataset, main

    dataset.xarray()
    if options.out is not None:
        dataset.check_path(options.out)
    return _told(main.collected(options.folder), options.out)


def _told(sweep: Any, out: str | None) -> int:
    """Save a map, and print it: point by point, or the range of each number where points are many."""
    from ionlink.sweeping import dataset

    if out is not None:
        dataset.save_sweep(sweep, out)
    known = sweep.attrs
    drawn = ""
    if "heralds" in known:
        drawn = f", {known['heralds']:,} heralds each, seed {known['seed']}"
    elif "duration_s" in known:
        times = f"{known['repetitions']:,} times " if known["repetitions"] > 1 else ""
        drawn = f", {times}{known['duration_s']:g} s each, seed {known['seed']}"
    points = math.prod(length for name, length in sweep.sizes.items() if name not in _THINGS)
    print(f"{points:,} points{drawn}\n")
    rows = _rows(sweep) if points <= _MOST_ROWS else _ranges(sweep)
    print(table(rows, ">" * len(rows[0])))
    for what in ("without_exact", "without_sampled"):
        if what in known:
            print(f"\n{what.replace('_', ' ')}: {known[what]}")
    return 0


def _axes(sweep: Any) -> list[str]:
    return [name for name, axis in sweep.coords.items() if axis.dims[0] not in _THINGS]


def _variables(sweep: Any) -> list[str]:
    return [name for name, variable in sweep.data_vars.items() if variable.dims[-1] not in _THINGS]


def _rows(sweep: Any) -> list[tuple[str, ...]]:
    names = [name for name in _variables(sweep) if not name.endswith(("_low", "_high"))]
    places = _axes(sweep)
    axes = [sweep[name].values for name in places]
    grid = axes if "point" in sweep.dims else np.meshgrid(*axes, indexing="ij")
    columns = [*grid, *(sweep[name].values for name in names)]
    cells = [[_cell(value) for value in column.ravel()] for column in columns]
    return [(*places, *names), *zip(*cells, strict=True)]


def _ranges(sweep: Any) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = [("", "least", "most")]
    for name in (*_axes(sweep), *_variables(sweep)):
        values = sweep[name].values
        if values.dtype.kind not in "fiu":
            rows.append((name, f"{len(values)} values", ""))
        elif np.isfinite(values).any():
            rows.append((name, _cell(np.nanmin(values)), _cell(np.nanmax(values))))
        else:
            rows.append((name, "-", "-"))
    return rows


def _cell(value: Any) -> str:
    if isinstance(value, float | np.floating):
        return "-" if np.isnan(value) else f"{value:.6g}"
    return str(value)
