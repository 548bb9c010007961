"""Times taken in turn, and rows that compare them.

Programs that are compared run in turn within one process, and the ratio is taken in each repetition: what
else the machine does hits both alike. This is why the benches do not stand on pytest-benchmark, which times
one program to its end before it starts the next and so compares medians minutes apart: on a shared machine
these differ by half, where medians of ratios of neighbors differ by a few percent.
"""

import statistics
import time
from collections.abc import Callable
from typing import NamedTuple

REPETITIONS = 9

Work = Callable[[int], float]
"""A piece of work with a seed, and how much of it was done."""


class TimedWork(NamedTuple):
    """Work that another process does and times."""

    run: Callable[[int], tuple[float, float]]
    """With a seed: time (s) and how much was done."""


class Row(NamedTuple):
    """A line of the table."""

    group: str
    what: str
    rate: str
    baseline: str
    """What it is compared with, and its rate."""
    measured: str
    goal: str = ""
    met: bool | None = None


def seconds(work: Work | TimedWork, seed: int) -> float:
    """Time per piece (s)."""
    if isinstance(work, TimedWork):
        elapsed, pieces = work.run(seed)
        return elapsed / pieces
    start = time.perf_counter()
    pieces = work(seed)
    return (time.perf_counter() - start) / pieces


def interleaved(works: dict[str, Work | TimedWork], repetitions: int = REPETITIONS) -> dict[str, list[float]]:
    """Times per piece (s) of each work and repetition; a first round fills caches and is dropped."""
    rounds = [[seconds(work, seed) for work in works.values()] for seed in range(repetitions + 1)]
    return dict(zip(works, map(list, zip(*rounds[1:], strict=True)), strict=True))


def ratios(above: list[float], below: list[float]) -> list[float]:
    """Ratio of each repetition."""
    return [a / b for a, b in zip(above, below, strict=True)]


def spread(values: list[float]) -> str:
    """Median, lowest and highest."""
    return f"{statistics.median(values):.3g} [{min(values):.3g}, {max(values):.3g}]"


def rate(times_s: list[float], unit: str) -> str:
    """Pieces per second."""
    return f"{1 / statistics.median(times_s):.3g} {unit}/s"


def faster(
    group: str,
    what: str,
    ours: list[float],
    theirs: list[float],
    unit: str,
    other: str,
    goal: float | None = None,
) -> Row:
    """How many times as fast as another program in the same repetition."""
    found = ratios(theirs, ours)
    baseline = f"{other}: {1 / statistics.median(theirs):.3g}"
    wanted, met = ("", None) if goal is None else (f"at least {goal:g}", statistics.median(found) >= goal)
    return Row(group, what, rate(ours, unit), baseline, f"{spread(found)} times", wanted, met)


def called(group: str, what: str, times_s: list[float], goal_us: float | None = None) -> Row:
    """What a call costs."""
    micro = [1e6 * value for value in times_s]
    wanted, met = (
        ("", None) if goal_us is None else (f"below {goal_us:g} µs", statistics.median(micro) < goal_us)
    )
    return Row(group, what, rate(times_s, "calls"), "", f"{spread(micro)} µs", wanted, met)
