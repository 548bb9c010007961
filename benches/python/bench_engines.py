"""All engines against the best NumPy scripts we know of, and what single calls cost. One thread throughout.

Programs that are compared run in turn within one process and the ratio is taken in each repetition: what else
the machine does hits both alike. Rows are medians of the repetitions, with lowest and highest in brackets.

    python benches/python/bench_engines.py [--write]    --write puts the table into benches/RESULTS.md
"""

import argparse
import itertools
import statistics
import sys
import time
from collections.abc import Callable
from typing import NamedTuple

import baseline_numpy
import baseline_numpy_skip
import results

import ionlink as il

REPETITIONS = 9
ATTEMPTS_NUMPY = 10_000_000
ATTEMPTS_PHOTON = 50_000_000
ATTEMPTS_CLICK = 200_000_000
ATTEMPTS_BLIND = 50_000_000
HERALDS = 500_000
CALLS = 300
NEXT_CALLS = 50_000
DEAD_TIME_S = 2e-6

Work = Callable[[int], float]
"""A piece of work with a seed, and how much of it was done."""


class Row(NamedTuple):
    """A line of the table."""

    what: str
    rate: str
    measured: str
    goal: str
    met: bool | None


def reference_link(scale: float = 1.0, **changes: object) -> il.Link:
    """The link of the baselines; a scale dims photons and dark counts alike."""
    efficiency = (scale * baseline_numpy.EFFICIENCY,) * 2
    dark_count_rate_hz = scale * baseline_numpy.DARK_COUNT_RATE_HZ
    return il.basic_link(efficiency=efficiency, dark_count_rate_hz=dark_count_rate_hz, **changes)


def seconds(work: Work, seed: int) -> float:
    """Time per piece (s)."""
    start = time.perf_counter()
    pieces = work(seed)
    return (time.perf_counter() - start) / pieces


def interleaved(*works: Work) -> list[list[float]]:
    """Times per piece (s) of each work and repetition; a first round fills caches and is dropped."""
    rounds = [[seconds(work, seed) for work in works] for seed in range(REPETITIONS + 1)]
    return [list(column) for column in zip(*rounds[1:], strict=True)]


def spread(values: list[float]) -> str:
    return f"{statistics.median(values):.2f} [{min(values):.2f}, {max(values):.2f}]"


def attempts(link: il.Link, engine: str, count: int) -> Work:
    """Attempts with the full record of their heralds."""

    def work(seed: int) -> float:
        return link.sample(attempts=count, seed=seed, threads=1, engine=engine).attempts

    return work


def heralds(link: il.Link, count: int) -> Work:
    """Heralds of the `herald` engine with their full record."""

    def work(seed: int) -> float:
        return link.sample(heralds=count, seed=seed, threads=1, engine="herald").heralds

    return work


def numpy_attempts(seed: int) -> float:
    baseline_numpy.heralds(ATTEMPTS_NUMPY, seed)
    return ATTEMPTS_NUMPY


def numpy_heralds(seed: int) -> float:
    return len(baseline_numpy_skip.heralds(HERALDS, seed).attempt)


def numpy_inversion(seed: int) -> float:
    baseline_numpy_skip.heralds_by_inversion(HERALDS, seed)
    return HERALDS


def faster(what: str, theirs: list[float], ours: list[float], unit: str, goal: float | None) -> Row:
    """A row that compares ionlink with a baseline."""
    ratios = [t / o for t, o in zip(theirs, ours, strict=True)]
    ratio = statistics.median(ratios)
    rate = f"{1 / statistics.median(ours):.3g} {unit}/s, NumPy {1 / statistics.median(theirs):.3g}"
    wanted, met = ("none", None) if goal is None else (f"at least {goal:g}", ratio >= goal)
    return Row(what, rate, f"{spread(ratios)} times NumPy", wanted, met)


def called(what: str, times: list[float], goal_us: float | None = None) -> Row:
    """A row on the time of a call."""
    micro = [1e6 * value for value in times]
    median = statistics.median(micro)
    wanted, met = ("none", None) if goal_us is None else (f"below {goal_us:g} µs", median < goal_us)
    return Row(what, f"{1 / statistics.median(times):.3g} calls/s", f"{spread(micro)} µs", wanted, met)


def every_attempt() -> list[Row]:
    """`photon` and `click` against NumPy that draws every attempt."""
    link, blind = reference_link(), reference_link(dead_time_s=DEAD_TIME_S)
    theirs, photon, click, remembering = interleaved(
        numpy_attempts,
        attempts(link, "photon", ATTEMPTS_PHOTON),
        attempts(link, "click", ATTEMPTS_CLICK),
        attempts(blind, "click", ATTEMPTS_BLIND),
    )
    return [
        faster("`photon`, every attempt", theirs, photon, "attempts", 1.5),
        faster("`click`", theirs, click, "attempts", 5.0),
        faster("`click`, dead time of two attempts", theirs, remembering, "attempts", None),
    ]


def skipping() -> list[Row]:
    """`herald` against NumPy that jumps from herald to herald, and against itself on a dimmer link."""
    link, dim = reference_link(), reference_link(scale=0.1)
    textbook, tuned, ours, dimmer = interleaved(
        numpy_inversion, numpy_heralds, heralds(link, HERALDS), heralds(dim, HERALDS)
    )
    rarer = link.exact().herald_probability / dim.exact().herald_probability
    changes = [d / o for d, o in zip(dimmer, ours, strict=True)]
    change = statistics.median(changes)
    cost = f"{1e9 * statistics.median(ours):.0f} and {1e9 * statistics.median(dimmer):.0f} ns per herald"
    return [
        faster("`herald`, full record, NumPy by inversion without record", textbook, ours, "heralds", 1.0),
        faster("`herald`, full record, NumPy by ziggurat with record", tuned, ours, "heralds", None),
        Row(
            f"`herald`, heralds {rarer:.0f} times rarer",
            cost,
            f"{spread(changes)} times the time per herald",
            "changes by less than 10 %",
            abs(change - 1) < 0.1,
        ),
    ]


def calls() -> list[Row]:
    """What a call costs that does next to nothing."""
    link = reference_link()

    def following(seed: int) -> float:
        sampler = link.sampler(seed=seed)
        for _ in range(NEXT_CALLS):
            sampler.next()
        return NEXT_CALLS

    def repeated(call: Callable[[], object]) -> Work:
        def work(_: int) -> float:
            for _ in itertools.repeat(None, CALLS):
                call()
            return CALLS

        return work

    times = interleaved(
        following,
        repeated(reference_link),
        repeated(lambda: reference_link().exact()),
        repeated(lambda: link.sample(heralds=1, seed=1)),
    )
    return [
        called("`sampler.next()`", times[0], 5.0),
        called("`basic_link(...)`", times[1]),
        called("`basic_link(...).exact()`", times[2]),
        called("`link.sample(heralds=1, seed=1)`", times[3]),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help="write the table to benches/RESULTS.md")
    arguments = parser.parse_args()

    deviations = baseline_numpy.check(), baseline_numpy_skip.check()
    exact = reference_link().exact().herald_probability
    if abs(exact / baseline_numpy.herald_probability() - 1) > 1e-9:
        sys.exit("baselines and ionlink simulate different links")

    rows = [*every_attempt(), *skipping(), *calls()]
    verdicts = {True: "met", False: "missed", None: ""}
    cells = [(row.what, row.rate, row.measured, row.goal, verdicts[row.met]) for row in rows]
    head = ("what", "rate", "measured", "goal", ""), ("---",) * 5
    table = "\n".join(f"| {' | '.join(row)} |" for row in (*head, *cells))
    print(table)

    if arguments.write:
        results.write(
            "Engines, one thread",
            f"""
Goals are ratios to the fastest NumPy scripts we know of, which run in turn with ionlink: one draws every
attempt (`benches/python/baseline_numpy.py`), the others jump from herald to herald
(`benches/python/baseline_numpy_skip.py`): by inversion, the textbook way, without keeping a record, and with
ziggurat exponentials and the full record, which is faster than ionlink for now. Medians of
{REPETITIONS} repetitions, lowest and highest in brackets.

{table}

The reference link: {baseline_numpy.EFFICIENCY} from excited ion to click at both nodes,
{baseline_numpy.DARK_COUNT_RATE_HZ:g} dark counts/s per detector, window {baseline_numpy.WINDOW_S * 1e9:g} ns,
lifetime {baseline_numpy.LIFETIME_S * 1e9:g} ns: herald probability {exact:.4e} per attempt. The samples of
the two baselines lie {deviations[0]:+.1f} and {deviations[1]:+.1f} standard deviations from it. ionlink
returns attempt, pattern, cause and both click times of every herald. The rarer link has a tenth of the
efficiency and of the dark counts.

Command: `make bench`. Machine: {results.machine()}; {results.load()}; ionlink {il.__version__}.
""",
        )
    if any(row.met is False for row in rows):
        sys.exit(1)


if __name__ == "__main__":
    main()
