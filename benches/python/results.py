"""Keeps benches/RESULTS.md: one section per bench, replaced by the next run of that bench."""

import os
import platform
import re
import textwrap
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "benches" / "RESULTS.md"
HEAD = """# Bench results

Written by the benches themselves; each section names its command, the machine and the goal. Rates differ
between machines, ratios taken in one run much less.
"""


def machine() -> str:
    """Processor, number of cores and versions; nothing that identifies the machine."""
    return (
        f"{processor()}, {os.cpu_count()} cores, {platform.system()}; "
        f"Python {platform.python_version()}, NumPy {np.__version__}"
    )


def load() -> str:
    """How busy the machine was: mean number of processes that wanted a core in the last minute."""
    if not hasattr(os, "getloadavg"):
        return "load unknown"
    return f"load {os.getloadavg()[0]:.1f}, this bench included"


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


def write(title: str, body: str) -> None:
    """Replace or append the section `title`."""
    text = RESULTS.read_text(encoding="utf-8") if RESULTS.exists() else HEAD
    head, *sections = re.split(r"^## ", text, flags=re.MULTILINE)
    kept = {section.split("\n", 1)[0]: section.split("\n", 1)[1].strip() for section in sections}
    paragraphs = body.strip().split("\n\n")
    kept[title] = "\n\n".join(
        part if part.startswith("|") else textwrap.fill(part, 110) for part in paragraphs
    )
    text = "".join(f"\n## {name}\n\n{kept[name]}\n" for name in sorted(kept))
    RESULTS.write_text(head.strip() + "\n" + text, encoding="utf-8")
