"""What can only be measured in a fresh process: imports and memory."""

import subprocess
import sys
import tempfile

IMPORT = "import time; start = time.perf_counter(); import {}; print(time.perf_counter() - start)"
STATISTICS = """
import resource
import sys

import ionlink as il


def peak_kib():
    # of this program alone: what getrusage says on Linux starts at the peak of the process that started it
    try:
        with open("/proc/self/status") as status:
            return next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))
    except OSError:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak // 1024 if sys.platform == "darwin" else peak


before = peak_kib()
link = il.basic_link(efficiency=({efficiency},) * 2, dark_count_rate_hz={dark_count_rate_hz})
run = link.sample(attempts={attempts}, seed=1, threads=1)
run.herald_probability, run.rate_hz, run.fidelity, run.rho
print(peak_kib() - before, run.heralds)
"""


def import_time_s(module: str) -> float:
    """Time of one import in a fresh interpreter."""
    return float(output(IMPORT.format(module)))


def statistics_memory_mb(attempts: int, efficiency: float, dark_count_rate_hz: float) -> tuple[float, int]:
    """Peak memory above that of the import (MB) for the statistics of a run, and its heralds."""
    kib, heralds = output(
        STATISTICS.format(attempts=attempts, efficiency=efficiency, dark_count_rate_hz=dark_count_rate_hz)
    ).split()
    return int(kib) * 1024 / 1e6, int(heralds)


def output(program: str) -> str:
    """What a fresh interpreter prints, away from the sources."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-c", program]
        return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout
