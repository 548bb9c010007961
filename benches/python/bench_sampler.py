"""One herald at a time: what a call of `Sampler.next` costs a simulator that brings its own clock.

python benches/python/bench_sampler.py [--write]    --write puts the table into benches/RESULTS.md
"""

import argparse
import statistics
import sys
import timeit

import results

import ionlink as il

GOAL_US = 5.0  # mean time per call, the state included
CALLS = 100_000
REPETITIONS = 9


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help="write the table to benches/RESULTS.md")
    arguments = parser.parse_args()

    links = {
        "stephenson2020": il.presets.load("stephenson2020"),
        "0.4 and 0.3 from excited ion to click": il.basic_link(
            efficiency=(0.4, 0.3), dark_count_rate_hz=2e4, mode_overlap=0.95
        ),
    }
    lines = ["| link | herald probability | µs per call | from | to |", "|---|---|---|---|---|"]
    slowest = 0.0
    for name, link in links.items():
        draw = link.sampler(seed=7).next
        times = timeit.repeat(draw, number=CALLS, repeat=REPETITIONS)
        times_us = [1e6 * time_s / CALLS for time_s in times]
        median = statistics.median(times_us)
        slowest = max(slowest, median)
        probability = link.exact().herald_probability
        lines.append(
            f"| {name} | {probability:.3g} | {median:.2f} | {min(times_us):.2f} | {max(times_us):.2f} |"
        )
    table = "\n".join(lines)
    verdict = "met" if slowest < GOAL_US else "missed"
    print(table)
    print(f"goal below {GOAL_US:g} µs per call: {verdict}")

    if arguments.write:
        results.write(
            "One herald at a time",
            f"""
Goal: a call of `Sampler.next` takes less than {GOAL_US:g} µs on average, blocks of attempts and the herald's
density matrix included: {verdict}.

{table}

Medians of {REPETITIONS} repetitions of {CALLS:,} calls each, engine `herald`.

Command: `python benches/python/bench_sampler.py --write`. Machine: {results.machine()}, {results.load()};
ionlink {il.__version__}.
""",
        )
    if slowest >= GOAL_US:
        sys.exit(1)


if __name__ == "__main__":
    main()
