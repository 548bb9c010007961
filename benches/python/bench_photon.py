"""The `photon` engine against the fastest NumPy script that also simulates every attempt.

Both run the reference link of baseline_numpy.py on one thread, in turn within one process, and the ratio is
taken in each repetition: what else the machine does hits both alike. ionlink's run includes the record of
heralds as arrays.

    python benches/python/bench_photon.py [--write]    --write puts the table into benches/RESULTS.md
"""

import argparse
import statistics
import sys
import time

import baseline_numpy
import results

import ionlink as il

GOAL = 1.5  # times the attempts per second of the baseline
REPETITIONS = 7
ATTEMPTS_NUMPY = 30_000_000
ATTEMPTS_IONLINK = 300_000_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help="write the table to benches/RESULTS.md")
    arguments = parser.parse_args()

    deviations = baseline_numpy.check()
    efficiency = (baseline_numpy.EFFICIENCY,) * 2
    link = il.basic_link(efficiency=efficiency, dark_count_rate_hz=baseline_numpy.DARK_COUNT_RATE_HZ)
    exact = link.exact().herald_probability
    if abs(exact / baseline_numpy.herald_probability() - 1) > 1e-9:
        sys.exit("the two programs simulate different links")

    def numpy(seed: int) -> tuple[float, float]:
        start = time.perf_counter()
        heralds = baseline_numpy.heralds(ATTEMPTS_NUMPY, seed)
        elapsed_s = time.perf_counter() - start
        return ATTEMPTS_NUMPY / elapsed_s, heralds / elapsed_s

    def ionlink(seed: int) -> tuple[float, float]:
        start = time.perf_counter()
        run = link.sample(attempts=ATTEMPTS_IONLINK, seed=seed, threads=1, engine="photon")
        heralds = len(run.attempt)
        elapsed_s = time.perf_counter() - start
        return ATTEMPTS_IONLINK / elapsed_s, heralds / elapsed_s

    numpy(0), ionlink(0)  # fills caches
    pairs = [(numpy(seed), ionlink(seed)) for seed in range(1, REPETITIONS + 1)]
    ratios = [ours[0] / theirs[0] for theirs, ours in pairs]
    ratio = statistics.median(ratios)

    lines = ["| program | attempts/s | heralds/s |", "|---|---|---|"]
    for name, column in (("NumPy, every attempt", 0), ("ionlink, engine `photon`", 1)):
        attempts, heralds = (statistics.median(pair[column][kind] for pair in pairs) for kind in (0, 1))
        lines.append(f"| {name} | {attempts:.3g} | {heralds:.3g} |")
    table = "\n".join(lines)
    verdict = "met" if ratio >= GOAL else "missed"
    print(table)
    print(f"ratio {ratio:.2f} (from {min(ratios):.2f} to {max(ratios):.2f}), goal at least {GOAL}: {verdict}")

    if arguments.write:
        results.write(
            "Every attempt, one thread",
            f"""
Goal: at least {GOAL} times the attempts per second of the fastest NumPy script we know of that simulates
every attempt (`benches/python/baseline_numpy.py`). Ratio {ratio:.2f}, the median of {REPETITIONS} interleaved
repetitions (from {min(ratios):.2f} to {max(ratios):.2f}): {verdict}.

{table}

Rates are medians. The reference link: {efficiency[0]} from excited ion to click at both nodes,
{baseline_numpy.DARK_COUNT_RATE_HZ:g} dark counts/s per detector, window
{baseline_numpy.WINDOW_S * 1e9:g} ns, lifetime {baseline_numpy.LIFETIME_S * 1e9:g} ns: herald probability
{exact:.4e} per attempt. The baseline's own sampled value lies {deviations:+.1f} standard deviations from it.
ionlink returns attempt, pattern, cause and both click times of every herald, the baseline attempt and times.

Command: `make bench`. Machine: {results.machine()}; ionlink {il.__version__}.
""",
        )
    if ratio < GOAL:
        sys.exit(1)


if __name__ == "__main__":
    main()
