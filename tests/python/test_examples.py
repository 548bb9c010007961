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


def printed(example, picture):
    """What an example prints; it draws too."""
    pytest.importorskip("matplotlib")
    result = subprocess.run(
        [sys.executable, "-W", "error", EXAMPLES / example, picture],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (result.returncode, result.stderr) == (0, "")
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert picture.stat().st_size > 10_000
    return result.stdout


def test_distillation_makes_fewer_and_better_pairs(tmp_path):
    rows = printed("two_modules.py", tmp_path / "modules.png").splitlines()
    assert len(rows) == 3
    gates = [float(re.search(r"has fidelity (\S+)$", row)[1]) for row in rows]
    heralds = [float(re.search(r"(\S+) heralds each", row)[1]) for row in rows]
    assert gates == sorted(gates)
    assert heralds == [1, 2, 4]


def test_a_repeater_beats_the_direct_link_until_its_pairs_are_too_bad(tmp_path):
    rows = printed("repeater_key_rate.py", tmp_path / "repeater.png").splitlines()
    assert len(rows) == 8
    keys = [[float(number) for number in re.findall(r"(\S+) bits per second", row)] for row in rows]
    direct, repeated = zip(*keys, strict=True)
    assert list(direct) == sorted(direct, reverse=True)
    assert list(repeated) == sorted(repeated, reverse=True)
    assert all(repeater > link for link, repeater in keys[:3])


def test_a_city_heralds_as_often_as_it_must_and_serves_all(tmp_path):
    text = printed("metropolitan_network.py", tmp_path / "city.png")
    attempts, heralds = (int(number.replace(",", "")) for number in re.findall(r"[\d,]{5,}", text)[:2])
    assert attempts == 10**10
    assert abs(heralds - 1_684_521) < 4 * 1_298 + 100  # dark counts add a little
    rows = [line for line in text.splitlines() if " - " in line]
    assert len(rows) == 5
    assert all(int(row.split()[3].replace(",", "")) > 100 for row in rows)


def test_a_hub_of_modules_lacks_stations_not_ions(tmp_path):
    rows = printed("hub_of_modules.py", tmp_path / "hub.png").splitlines()[1:6]
    changes = {row[:24].strip(): float(row.split()[-1].rstrip("%")) for row in rows}
    # nine stations in place of eight; a photon pair passes 0.5 dB less twice; ions are not what is missing
    assert abs(changes["one more station"] - 12.5) < 6
    assert changes["switch of 0.5 dB"] > 10
    assert abs(changes["one more ion"]) < 6
