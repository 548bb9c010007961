"""Telling users how far a run is."""

from __future__ import annotations

import importlib
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeAlias

from ionlink.errors import refused

Observer: TypeAlias = Callable[[int, int], object]
"""Called with what is done and what there is to do, about every 20 ms, on the calling thread."""


@contextmanager
def reporter(progress: bool | Observer, unit: str) -> Iterator[Observer | None]:
    """Observer for the core: the one given, a bar on a terminal, or none."""
    if callable(progress):
        yield progress
    elif not isinstance(progress, bool):
        raise refused("progress", progress, "True, False or a function of (done, total)")
    elif not (progress and sys.stderr.isatty()):
        yield None
    else:
        try:
            tqdm = importlib.import_module("tqdm").tqdm
        except ImportError:
            with _line(unit) as line:
                yield line
            return
        with tqdm(unit=f" {unit}", unit_scale=True, leave=False, file=sys.stderr) as bar:

            def show(done: int, total: int) -> None:
                bar.total = total
                bar.update(done - bar.n)

            yield show


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
