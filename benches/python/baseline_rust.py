"""Compiles benches/rust/plain_link.rs for the machine at hand and runs it; it times itself.

python benches/python/baseline_rust.py    compares its herald counts with the enumerated herald probability
"""

import functools
import math
import subprocess
import tempfile
from pathlib import Path

import baseline_numpy

SOURCE = Path(__file__).resolve().parents[1] / "rust" / "plain_link.rs"
METHODS = ("loop", "lanes", "skip")


@functools.cache
def program() -> Path:
    """The compiled program, in a folder that goes with this process."""
    folder = tempfile.TemporaryDirectory()
    path = Path(folder.name) / "plain_link"
    options = ("--edition", "2024", "-C", "opt-level=3", "-C", "target-cpu=native")
    subprocess.run(["rustc", *options, "-o", path, SOURCE], check=True)
    program.folder = folder  # keeps it alive
    return path


def run(method: str, attempts: int, seed: int) -> tuple[float, int]:
    """Time (s) and number of heralds."""
    command = [program(), method, str(attempts), str(seed + 1)]
    seconds, heralds, _ = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    return float(seconds), int(heralds)


def check(attempts: int = 40_000_000) -> None:
    """Raise where a method lies more than five standard deviations from the enumeration."""
    probability = baseline_numpy.herald_probability()
    for method in METHODS:
        made = attempts * (50 if method == "skip" else 1)
        _, heralds = run(method, made, 1)
        deviation = (heralds - made * probability) / math.sqrt(made * probability)
        if abs(deviation) > 5:
            message = f"{method}: herald probability {deviation:.1f} standard deviations off"
            raise RuntimeError(message)


if __name__ == "__main__":
    check()
    print("all methods agree with the enumeration")
