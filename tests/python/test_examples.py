"""The examples run and say what they should."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


def test_two_links_share_an_ion_in_simpy():
    """Both wait for the other one: each takes longer than alone; the fidelities are those of the links."""
    pytest.importorskip("simpy")
    result = subprocess.run(
        [sys.executable, "-W", "error", EXAMPLES / "simpy_heralds.py"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (result.returncode, result.stderr) == (0, "")
    head, *rows = result.stdout.splitlines()
    assert "200 pairs per link" in head
    assert len(rows) == 2
    for row in rows:
        waited, alone, fidelity, exact = (float(number) for number in re.findall(r"\d+\.\d+", row))
        assert waited > 1.5 * alone
        # spread of single heralds below 0.1, 200 of them
        assert abs(fidelity - exact) < 5 * 0.1 / 200**0.5
