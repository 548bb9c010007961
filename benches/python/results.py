"""Writes benches/RESULTS.md, and says what machine it was."""

import os
import platform
import re
import textwrap
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "benches" / "RESULTS.md"
IDLE = 0.5
HEAD = """# Bench results

Written by `make bench`. Rates differ between machines, ratios taken in one run much less.
"""


def machine() -> str:
    """Processor, number of cores and versions; nothing that identifies the machine."""
    return (
        f"{processor()}, {os.cpu_count()} cores, {platform.system()}; "
        f"Python {platform.python_version()}, NumPy {np.__version__}"
    )


def load() -> float | None:
    """How busy the machine is: mean number of processes that wanted a core in the last minute."""
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else None


def described(load_before: float | None) -> str:
    """What that load means for the figures."""
    if load_before is None:
        return "load unknown"
    told = f"load {load_before:.1f} before the run"
    if load_before > IDLE:
        told += (
            ", so that other work took part of the cores: rates are too low, and two threads had no two cores"
        )
    return told


def processor() -> str:
    """Model name of the processor, with family and model numbers where the name says little."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return platform.processor() or platform.machine()
    fields = dict(re.findall(r"^(model name|cpu family|model)\s*: (.*)$", text, re.MULTILINE))
    if "model name" not in fields:
        return platform.machine()
    numbers = f"family {fields['cpu family']} model {fields['model']}" if "model" in fields else ""
    return f"{fields['model name'].strip()} ({numbers})" if numbers else fields["model name"].strip()


def write(body: str) -> None:
    """Write benches/RESULTS.md: the head, then the paragraphs and tables of `body`."""
    paragraphs = [
        part if part.startswith("|") else textwrap.fill(part, 110) for part in body.strip().split("\n\n")
    ]
    RESULTS.write_text("\n\n".join([HEAD.strip(), *paragraphs]) + "\n", encoding="utf-8")
