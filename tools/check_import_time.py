"""Check that `import ionlink` takes at most 1.5 times as long as `import numpy`, which it cannot avoid.

Both are timed in fresh interpreters, in turn, and medians are compared: what else the machine does hits both.
"""
# ruff: noqa: T201 (a script prints)

import statistics
import subprocess
import sys
import tempfile

MAX_RATIO = 1.5
REPETITIONS = 15
PROBE = "import time; start = time.perf_counter(); import {}; print(time.perf_counter() - start)"


def import_time_s(module: str, folder: str) -> float:
    """Time of one import in a fresh interpreter."""
    command = [sys.executable, "-c", PROBE.format(module)]
    return float(subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout)


def main() -> None:
    """Time both imports and compare the medians."""
    times_s: dict[str, list[float]] = {"numpy": [], "ionlink": []}
    with tempfile.TemporaryDirectory() as folder:
        for module in times_s:
            import_time_s(module, folder)  # fills caches
        for _ in range(REPETITIONS):
            for module, times in times_s.items():
                times.append(import_time_s(module, folder))
    numpy_s, ionlink_s = (statistics.median(times) for times in times_s.values())
    ratio = ionlink_s / numpy_s
    print(f"import numpy {numpy_s * 1e3:.0f} ms, import ionlink {ionlink_s * 1e3:.0f} ms, ratio {ratio:.2f}")
    if ratio > MAX_RATIO:
        sys.exit(f"`import ionlink` must take at most {MAX_RATIO} times as long as `import numpy`")


if __name__ == "__main__":
    main()
