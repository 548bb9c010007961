"""Telling users how far a run is."""

from __future__ import annotations

import importlib
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias

from ionlink.errors import refused

Observer: TypeAlias = Callable[[int, int], object]
"""Called with what is done and what there is to do, about every 20 ms, on the calling thread."""


@contextmanager
def reporter(progress: bool | Observer, unit: str) -> Iterator[Observer | None]:
    """Observer for the core: the one given, a bar in a terminal or notebook, or none."""
    if callable(progress):
        yield progress
        return
    if not isinstance(progress, bool):
        raise refused("progress", progress, "True, False or a function of (done, total)")
    notebook = progress and _in_notebook()
    if not (progress and (notebook or sys.stderr.isatty())):
        yield None
        return
    bars = _bars(notebook)
    if bars is None:
        with _line(unit) as line:
            yield line
        return
    with bars(unit=f" {unit}", unit_scale=True, leave=False, file=sys.stderr) as bar:

        def show(done: int, total: int) -> None:
            if bar.total is None:
                bar.reset(total)  # a notebook's bar takes its length in no other way
            bar.total = total
            bar.update(done - bar.n)

        yield show


def _in_notebook() -> bool:
    """Whether what is written to stderr appears in a notebook, which is no terminal."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return type(shell).__name__ == "ZMQInteractiveShell"


def _bars(notebook: bool) -> Any:
    """Class of tqdm's bars: those of a notebook where it can draw them, else text; None without tqdm."""
    try:
        if notebook:
            try:
                importlib.import_module("ipywidgets")
                return importlib.import_module("tqdm.notebook").tqdm
            except ImportError:
                pass
        return importlib.import_module("tqdm").tqdm
    except ImportError:
        return None


@contextmanager
def _line(unit: str) -> Iterator[Observer]:
    shown_at = -1.0

    def show(done: int, total: int) -> None:
        nonlocal shown_at
        now = time.monotonic()
        if now - shown_at > 0.2:
            shown_at = now
            sys.stderr.write(f"\r{done:,} of {total:,} {unit} ({done / max(total, 1):.0%})")
            sys.stderr.flush()

    try:
        yield show
    finally:
        if shown_at >= 0:
            sys.stderr.write("\r\033[K")
            sys.stderr.flush()
