"""All engines, encodings and calls against their goals, and against the best baselines known, in one run.

Baselines run in turn with ionlink (see timing.py); where ionlink is not said to use two threads it uses one.

    python benches/python/bench_link.py [--write]    --write puts the table into benches/RESULTS.md
"""

import argparse
import importlib.util
import itertools
import statistics
import sys
import time
from collections.abc import Callable

import baseline_numpy
import baseline_numpy_skip
import baseline_rust
import probes
import recorded
import results
from links import DEAD_TIME_S, bright_link, encodings, far_link, reference_link
from timing import Row, TimedWork, Work, called, faster, interleaved, rate, ratios, spread

import ionlink as il

HAS_NUMBA = importlib.util.find_spec("numba") is not None
if HAS_NUMBA:
    import baseline_numba

ATTEMPTS_BASELINE = 20_000_000
ATTEMPTS_PHOTON = 50_000_000
ATTEMPTS_CLICK = 200_000_000
ATTEMPTS_BLIND = 50_000_000
ATTEMPTS_BRIGHT = 2_000_000
ATTEMPTS_RUST_SKIP = 4_000_000_000
HERALDS = 1_000_000
HERALDS_WITH_STATES = 50_000
HERALDS_OF_TRIES = 200_000
CALLS = 200
NEXT_CALLS = 20_000
PAIRS = 5
IMPORTS = 9
ATTEMPTS_STATISTICS = 10**9
MAX_MEMORY_MB = 20.0
MAX_IMPORT_RATIO = 1.5

NUMPY = "NumPy"
INVERSION = "NumPy by inversion"
ZIGGURAT = "NumPy by ziggurat"


def attempts(link: il.Link, engine: str, count: int, threads: int = 1) -> Work:
    """Attempts with the full record of their heralds."""

    def work(seed: int) -> float:
        return link.sample(attempts=count, seed=seed, threads=threads, engine=engine).attempts

    return work


def heralds(link: il.Link, count: int, *, states: bool = False, threads: int = 1) -> Work:
    """Heralds of the `herald` engine with their full record, and with the states of their ions."""

    def work(seed: int) -> float:
        run = link.sample(heralds=count, seed=seed, threads=threads, engine="herald")
        if states:
            run.states()
        return run.heralds

    return work


def numpy_attempts(seed: int) -> float:
    baseline_numpy.heralds(ATTEMPTS_BASELINE, seed)
    return ATTEMPTS_BASELINE


def numpy_ziggurat(seed: int) -> float:
    return len(baseline_numpy_skip.heralds(HERALDS, seed).attempt)


def numpy_inversion(seed: int) -> float:
    baseline_numpy_skip.heralds_by_inversion(HERALDS, seed)
    return HERALDS


def numba_attempts(seed: int) -> float:
    baseline_numba.heralds_by_loop(ATTEMPTS_BASELINE, seed)
    return ATTEMPTS_BASELINE


def numba_heralds(seed: int) -> float:
    return len(baseline_numba.heralds_by_skip(HERALDS, seed).attempt)


def rust_attempts(method: str) -> TimedWork:
    return TimedWork(lambda seed: (baseline_rust.run(method, ATTEMPTS_BASELINE, seed)[0], ATTEMPTS_BASELINE))


RUST_HERALDS = TimedWork(lambda seed: baseline_rust.run("skip", ATTEMPTS_RUST_SKIP, seed))


def every_attempt() -> list[Row]:
    """`photon` and `click` against programs that draw every attempt."""
    works = {
        NUMPY: numpy_attempts,
        "plain Rust": rust_attempts("loop"),
        "plain Rust, 8 lanes": rust_attempts("lanes"),
        "photon": attempts(reference_link(), "photon", ATTEMPTS_PHOTON),
        "click": attempts(reference_link(), "click", ATTEMPTS_CLICK),
        "blind": attempts(reference_link(dead_time_s=DEAD_TIME_S), "click", ATTEMPTS_BLIND),
    }
    if HAS_NUMBA:
        works["Numba"] = numba_attempts
    times = interleaved(works)

    def row(what: str, ours: str, other: str, goal: float | None = None) -> Row:
        return faster("engine", what, times[ours], times[other], "attempts", other, goal)

    others = [name for name in works if name not in ("photon", "click", "blind", NUMPY)]
    return [
        row("`photon`, every attempt", "photon", NUMPY, 2.5),
        *(row("`photon`, every attempt", "photon", other) for other in others),
        row("`click`", "click", NUMPY, 5.0),
        row("`click`, dead time of two attempts", "blind", NUMPY, 15.0),
    ]


def skipping() -> list[Row]:
    """`herald` against programs that jump from herald to herald, and against itself on a dimmer link."""
    link, dim = reference_link(), reference_link(scale=0.1)
    works = {
        INVERSION: numpy_inversion,
        ZIGGURAT: numpy_ziggurat,
        "plain Rust, nothing recorded": RUST_HERALDS,
        "herald": heralds(link, HERALDS),
        "states": heralds(link, HERALDS_WITH_STATES, states=True),
        "dim": heralds(dim, HERALDS),
    }
    if HAS_NUMBA:
        works["Numba"] = numba_heralds
    times = interleaved(works)

    def row(what: str, ours: str, other: str, goal: float | None = None) -> Row:
        return faster("engine", what, times[ours], times[other], "heralds", other, goal)

    others = [name for name in works if name not in ("herald", "states", "dim", INVERSION, ZIGGURAT)]
    changes = ratios(times["dim"], times["herald"])
    rarer = link.exact().herald_probability / dim.exact().herald_probability
    return [
        *(row("`herald`, full record", "herald", other, 3.0) for other in (INVERSION, ZIGGURAT)),
        *(row("`herald`, full record", "herald", other) for other in others),
        *(row("`herald`, full record and states", "states", other, 1.2) for other in (INVERSION, ZIGGURAT)),
        Row(
            "engine",
            f"`herald`, heralds {rarer:.0f} times rarer",
            rate(times["dim"], "heralds"),
            "reference link",
            f"{spread(changes)} times the time per herald",
            "changes by less than 10 %",
            abs(statistics.median(changes) - 1) < 0.1,
        ),
    ]


def threads() -> list[Row]:
    """Two threads against one."""
    link = reference_link()
    kinds = {
        "`photon`": ("attempts", lambda count: attempts(link, "photon", 2 * ATTEMPTS_PHOTON, count)),
        "`click`": ("attempts", lambda count: attempts(link, "click", 4 * ATTEMPTS_CLICK, count)),
        "`herald`": ("heralds", lambda count: heralds(link, 4 * HERALDS, threads=count)),
    }
    rows = []
    for name, (unit, work) in kinds.items():
        times = interleaved({"one": work(1), "two": work(2)}, PAIRS)
        rows.append(
            faster("threads", f"{name}, two threads", times["two"], times["one"], unit, "one thread", 1.7)
        )
    return rows


def all_encodings() -> list[Row]:
    """The `herald` engine and its states, link by link."""
    links = {f"{name} encoding": link for name, link in encodings().items()}
    links |= {"100 km of fiber": far_link(), "efficiency 0.5": bright_link()}
    times = interleaved({name: heralds(link, HERALDS_OF_TRIES) for name, link in links.items()})
    usual = times["polarization encoding"]
    found = [
        Row(
            "link",
            f"`herald`, {name}",
            rate(column, "heralds"),
            f"polarization: {1 / statistics.median(usual):.3g}",
            f"{spread(ratios(column, usual))} times the time",
        )
        for name, column in times.items()
        if column is not usual
    ]
    bright = interleaved(
        {engine: attempts(bright_link(), engine, ATTEMPTS_BRIGHT) for engine in ("photon", "click")}
    )
    return found + [
        Row(
            "link",
            f"`{engine}`, efficiency 0.5",
            rate(column, "attempts"),
            "",
            f"{spread([1e9 * time_s for time_s in column])} ns per attempt",
        )
        for engine, column in bright.items()
    ]


def repeated(call: Callable[[], object]) -> Work:
    """A call many times."""

    def work(_: int) -> float:
        for _ in itertools.repeat(None, CALLS):
            call()
        return CALLS

    return work


def exact_results() -> list[Row]:
    """`exact` of links that are ready: links keep what they computed, so each is asked once."""

    def work(link: il.Link) -> TimedWork:
        def run(_: int) -> tuple[float, float]:
            links = [link.replace({"name": "another"}) for _ in range(CALLS)]
            start = time.perf_counter()
            for fresh in links:
                fresh.exact()
            return time.perf_counter() - start, CALLS

        return TimedWork(run)

    times = interleaved({name: work(link) for name, link in encodings().items()})
    return [called("exact", f"`exact()`, {name} encoding", column) for name, column in times.items()]


def calls() -> list[Row]:
    """What a call costs that does next to nothing."""
    link = reference_link()

    def following(seed: int) -> float:
        sampler = link.sampler(seed=seed)
        for _ in itertools.repeat(None, NEXT_CALLS):
            sampler.next()
        return NEXT_CALLS

    goals: dict[str, tuple[Work, float]] = {
        "`sampler.next()`": (following, 5.0),
        "`link.sample(heralds=1, seed=1)`": (repeated(lambda: link.sample(heralds=1, seed=1)), 50.0),
        "`basic_link(...)`": (repeated(reference_link), 150.0),
        "`basic_link(...).exact()`": (repeated(lambda: reference_link().exact()), 350.0),
    }
    times = interleaved({name: work for name, (work, _) in goals.items()})
    return [called("call", name, times[name], goal) for name, (_, goal) in goals.items()]


def fresh_processes() -> list[Row]:
    """Import and memory."""
    modules = ("numpy", "ionlink")
    works = {name: TimedWork(lambda _, name=name: (probes.import_time_s(name), 1)) for name in modules}
    times = interleaved(works, IMPORTS)
    found = ratios(times["ionlink"], times["numpy"])
    milliseconds = " and ".join(f"{1e3 * statistics.median(column):.0f} ms" for column in times.values())
    memory_mb, kept = probes.statistics_memory_mb(
        ATTEMPTS_STATISTICS, baseline_numpy.EFFICIENCY, baseline_numpy.DARK_COUNT_RATE_HZ
    )
    return [
        Row(
            "import",
            "`import ionlink`, NumPy included",
            milliseconds,
            "`import numpy`",
            f"{spread(found)} times",
            f"at most {MAX_IMPORT_RATIO:g}",
            statistics.median(found) <= MAX_IMPORT_RATIO,
        ),
        Row(
            "memory",
            f"statistics of {ATTEMPTS_STATISTICS:.0e} attempts",
            f"{kept:,} heralds",
            "",
            f"{memory_mb:.1f} MB above the import",
            f"at most {MAX_MEMORY_MB:g} MB",
            memory_mb <= MAX_MEMORY_MB,
        ),
    ]


def recorded_rows() -> list[Row]:
    """Packages that do not run here."""
    rows = []
    for package, what, pace, slower in recorded.RECORDED:
        measured = ", ".join(filter(None, (f"recorded {recorded.DATE}", slower)))
        rows.append(Row("recorded", f"{package}, {what}", pace, "", measured))
    return rows


def checked() -> tuple[float, float]:
    """Deviations of the NumPy baselines (standard deviations), after all baselines were found to be right."""
    exact = reference_link().exact().herald_probability
    if abs(exact / baseline_numpy.herald_probability() - 1) > 1e-9:
        sys.exit("baselines and ionlink simulate different links")
    baseline_rust.check()
    if HAS_NUMBA:
        baseline_numba.check()
    return baseline_numpy.check(), baseline_numpy_skip.check()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help="write the table to benches/RESULTS.md")
    arguments = parser.parse_args()

    load_before = results.load()
    deviations = checked()
    rows: list[Row] = []
    for part in (
        every_attempt,
        skipping,
        threads,
        all_encodings,
        exact_results,
        calls,
        fresh_processes,
        recorded_rows,
    ):
        rows += part()
        print(f"{part.__name__} done", file=sys.stderr)
    verdicts = {True: "met", False: "**not met**", None: ""}
    cells = [(*row[:-1], verdicts[row.met]) for row in rows]
    head = ("", "what", "rate", "baseline", "measured", "goal", ""), ("---",) * 7
    table = "\n".join(f"| {' | '.join(row)} |" for row in (*head, *cells))
    print(table)
    missed = sum(row.met is False for row in rows)
    goals = sum(row.met is not None for row in rows)
    print(f"{goals - missed} of {goals} goals met")
    if arguments.write:
        results.write(text(table, deviations, results.described(load_before)))
    sys.exit(1 if missed else 0)


def text(table: str, deviations: tuple[float, float], load: str) -> str:
    """The body of benches/RESULTS.md."""
    numba = "" if HAS_NUMBA else " Numba is not installed here, so its rows are missing."
    return f"""
Every figure but the recorded ones comes from one run. Ratios are taken in each repetition between programs
that run in turn, and are given as median [lowest, highest]; goals are judged by the median. One thread,
unless said otherwise.

{table}

The reference link: {baseline_numpy.EFFICIENCY} from excited ion to click at both nodes,
{baseline_numpy.DARK_COUNT_RATE_HZ:g} dark counts/s per detector, window {baseline_numpy.WINDOW_S * 1e9:g}
ns, lifetime {baseline_numpy.LIFETIME_S * 1e9:g} ns: herald probability
{baseline_numpy.herald_probability():.4e} per attempt. The samples of the two NumPy baselines lie
{deviations[0]:+.1f} and {deviations[1]:+.1f} standard deviations from it. ionlink returns attempt, pattern,
cause and both click times of every herald. The link of rarer heralds has a tenth of the efficiency and of
the dark counts. Other links differ from the reference link in what the row says.

Baselines, all on the reference link: NumPy that draws every attempt (`benches/python/baseline_numpy.py`);
NumPy that jumps from herald to herald, by inversion without a record, the textbook way, and by ziggurat
with the full record (`benches/python/baseline_numpy_skip.py`); Numba, every attempt without a record and
skipping with the full record (`benches/python/baseline_numba.py`); plain Rust compiled for this processor,
without a record (`benches/rust/plain_link.rs`). None of them gives states.{numba}

Recorded rows were measured on {recorded.DATE} on another machine, see `benches/python/recorded.py`; they
are no part of this run. Real time is a million attempts and 236 heralds per second.

Command: `make bench`. Machine: {results.machine()}; {load}; ionlink {il.__version__}.
"""


if __name__ == "__main__":
    main()
