"""Sweeps on the command line."""

import argparse
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

import ionlink as il
from ionlink.cli import main
from ionlink.cli_sweeps import share, vary

xarray = pytest.importorskip("xarray")

WINDOW = "station.window_duration_s=10e-9:30e-9:3"
OVERLAP = "mode_overlap=0.95,1"
SHARE = ("sweep", "stephenson2020", "--vary", OVERLAP, "--shard", "1/2", "--checkpoint", "a")


def refused(capsys, *arguments):
    """What a refused command says, in one line."""
    try:
        code = main(arguments)
    except SystemExit as exit_of_parser:
        code = exit_of_parser.code
    said = capsys.readouterr().err
    assert (code, len(said.splitlines())) == (2, 1)
    return said


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("0:2000:21", list(range(0, 2001, 100))),
        ("10:0:3", [10, 5, 0]),
        ("0:1:5", [0.0, 0.25, 0.5, 0.75, 1.0]),
        ("0.0:20:3", [0.0, 10.0, 20.0]),
        ("5:5:1", [5]),
        ("1:100:3:log", [1.0, 10.0, 100.0]),
        ("1,2.5,inf,true,raw", [1, 2.5, float("inf"), True, "raw"]),
        ("7", [7]),
    ],
)
def test_ranges_and_lists_of_values(text, values):
    path, found = vary(f"a.b={text}")
    assert (path, found) == ("a.b", values)
    assert list(map(type, found)) == list(map(type, values))


NO_RANGES = "1:2 1:2:x 1:2:0 1:2:1 1:1:2 0:1:3:log 1:2:3:4 1:inf:3 x:1:2 1:2:3:log:log"


@pytest.mark.parametrize("text", ["a", "a=", "=1", *(f"a={given}" for given in NO_RANGES.split())])
def test_other_ranges_are_refused(text, capsys):
    with pytest.raises(argparse.ArgumentTypeError):
        vary(text)
    assert "--vary" in refused(capsys, "sweep", "stephenson2020", "--vary", text)


def test_shares_count_from_one():
    assert share("1/1") == (1, 1)
    assert share("3/12") == (3, 12)
    for text in ("0/3", "4/3", "1", "1/", "a/b", "-1/3", "1/0"):
        with pytest.raises(argparse.ArgumentTypeError, match="I/N with I from 1 to N"):
            share(text)


def test_sweeps_are_printed_and_saved(stephenson, tmp_path, capsys):
    out = tmp_path / "sweep.nc"
    options = ("--vary", WINDOW, "--vary", OVERLAP, "--heralds", "1e3", "--seed", "7")
    assert main(("sweep", "stephenson2020", *options, "--out", str(out))) == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    values = {"station.window_duration_s": np.linspace(10e-9, 30e-9, 3), "mode_overlap": [0.95, 1]}
    data = il.sweep(stephenson, values, heralds=1000, seed=7)
    xarray.testing.assert_identical(il.load_sweep(out), data)
    head, _, titles, *rows = printed.out.splitlines()
    assert head == "6 points, 1,000 heralds each, seed 7"
    assert titles.split()[:3] == ["station.window_duration_s", "mode_overlap", "herald_probability"]
    assert len(rows) == 6
    assert rows[-1].split()[:2] == ["3e-08", "1"]
    assert float(rows[-1].split()[4]) == pytest.approx(float(data.fidelity[-1, -1]), abs=1e-6)


def test_zipped_and_long_sweeps_are_printed_too(tmp_path, capsys):
    zipped = ("--vary", "station.window_duration_s=1e-9:9e-9:2", "--vary", OVERLAP, "--zip")
    assert main(("sweep", "stephenson2020", *zipped)) == 0
    assert [line.split()[:2] for line in capsys.readouterr().out.splitlines()[-2:]] == [
        ["1e-09", "0.95"],
        ["9e-09", "1"],
    ]
    assert main(("sweep", "stephenson2020", "--vary", "mode_overlap=0:1:100")) == 0
    output = capsys.readouterr().out
    assert output.startswith("100 points\n\n")
    assert "least" in output
    path = tmp_path / "blind.toml"
    il.basic_link(efficiency=(0.5, 0.4)).to_toml(path)
    dead = "station.detectors.dead_time_s=0,5e-6"
    assert main(("sweep", str(path), "--vary", dead, "--heralds", "20")) == 0
    output = capsys.readouterr().out
    assert "without exact: 1 of 2 points; the first is number 1: " in output


def test_workers_draw_the_same(tmp_path):
    options = ["--vary", "mode_overlap=0.5:1:4", "--heralds", "500", "--seed", "7", "--out"]
    command = [sys.executable, "-W", "error", "-m", "ionlink", "sweep", "stephenson2020", *options]
    for more in (["one.nc"], ["two.nc", "--workers", "2"]):
        result = subprocess.run([*command, *more], cwd=tmp_path, capture_output=True, text=True, check=False)
        assert (result.returncode, result.stderr) == (0, "")
    xarray.testing.assert_identical(il.load_sweep(tmp_path / "one.nc"), il.load_sweep(tmp_path / "two.nc"))


@pytest.mark.skipif(os.name == "nt", reason="SIGINT cannot be sent to one process")
@pytest.mark.parametrize("more", [(), ("--workers", "2")])
def test_ctrl_c_ends_a_sweep_soon(more, tmp_path, ended):
    """Within the few points under way, of some hundred."""
    options = ["--vary", "mode_overlap=0:1:999", "--heralds", "2e4", "--checkpoint", "kept", *more]
    command = [sys.executable, "-m", "ionlink", "sweep", "stephenson2020", *options]
    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as process:
        while not list(tmp_path.glob("kept/manifest.json")):
            assert process.poll() is None
            time.sleep(0.05)
        begun = time.monotonic()
        process.send_signal(signal.SIGINT)
        _, errors = ended(process)
    assert (process.returncode, errors) == (130, "")
    assert time.monotonic() - begun < 20


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("sweep", "stephenson2020"), "--vary"),
        (("sweep", "nonsense", "--vary", OVERLAP), "neither a preset"),
        (("sweep", "stephenson2020", "--vary", "mode_overlp=1"), "did you mean `mode_overlap`"),
        (("sweep", "stephenson2020", "--vary", OVERLAP, "--vary", "mode_overlap=0"), "each path once"),
        (("sweep", "stephenson2020", "--vary", "mode_overlap=2"), "`mode_overlap` must be in [0, 1], got 2"),
        (("sweep", "stephenson2020", "--vary", OVERLAP, "--heralds", "0"), "`heralds`"),
        (("sweep", "stephenson2020", "--vary", OVERLAP, "--workers", "0"), "`workers`"),
        (("sweep", "stephenson2020", "--vary", OVERLAP, "--threads", "0"), "`threads`"),
        (("sweep", "stephenson2020", "--vary", OVERLAP, "--out", "map.csv"), "ending in .nc or .zarr"),
        (("sweep", "stephenson2020", "--vary", OVERLAP, "--out", "no/map.nc"), "no such folder"),
        (("sweep", "stephenson2020", "--vary", OVERLAP, "--shard", "1/2"), "needs `--checkpoint`"),
        (("sweep", "stephenson2020", "--vary", OVERLAP, "--shard", "3/2"), "I from 1 to N"),
        ((*SHARE, "--heralds", "9"), "needs `--seed`"),
        ((*SHARE, "--out", "a.nc"), "`ionlink merge` writes `--out`"),
        (("merge", "nowhere"), "no folder of a sweep"),
        (("merge", ".", "--out", "map.csv"), "ending in .nc or .zarr"),
    ],
)  # fmt: skip
def test_errors_are_one_line_and_exit_code_two(arguments, message, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert message in refused(capsys, *arguments)
    assert list(tmp_path.iterdir()) == []


def test_errors_name_the_point(capsys):
    told = refused(capsys, "sweep", "stephenson2020", "--vary", "mode_overlap=0.5,2")
    assert told.rstrip().endswith("; at the point mode_overlap = 2.0")


SLASHED = """saturate_links = true
[[nodes]]
name = "lab/a"
[[nodes]]
name = "bob"
[[links]]
between = ["lab/a", "bob"]
link = "module"
[models.module]
preset = "stephenson2020"
"""


@pytest.mark.parametrize("name", ["map.nc", "map.zarr"])
def test_nodes_with_slashes_in_their_names_are_saved(tmp_path, name):
    (tmp_path / "pair.toml").write_text(SLASHED, "utf-8")
    path, out = "nodes.lab/a.communication_ions", tmp_path / name
    options = ("--vary", f"{path}=1,2", "--duration", "0.01", "--seed", "7", "--out", str(out))
    assert main(("sweep", str(tmp_path / "pair.toml"), *options)) == 0
    assert il.load_sweep(out)[path].values.tolist() == [1, 2]
    assert sorted(entry.name for entry in tmp_path.iterdir()) == [name, "pair.toml"]


def test_a_map_that_cannot_be_saved_is_not_computed(tmp_path, capsys, monkeypatch):
    def full(*_arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("ionlink.sweeping.dataset.append_checksum", full)
    monkeypatch.setattr("ionlink.sweeping.main.computed", None)
    out = str(tmp_path / "map.nc")
    told = refused(capsys, "sweep", "stephenson2020", "--vary", OVERLAP, "--out", out)
    assert "this map cannot be saved as" in told
    assert "No space left on device" in told
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks for processes in /proc")
def test_workers_end_with_a_command_that_is_killed(tmp_path, ended):
    """The system tells workers nothing; they see that their parent is gone."""
    options = ["--vary", "mode_overlap=0:1:999", "--heralds", "1e8", "--seed", "7", "--workers", "2"]
    command = [sys.executable, "-m", "ionlink", "sweep", "stephenson2020", *options]
    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.DEVNULL) as process:
        workers = {}
        deadline = time.monotonic() + 60
        while sum("spawn_main" in line for line in workers.values()) < 2:
            assert time.monotonic() < deadline
            time.sleep(0.1)
            workers = {number: line_of(number) for number in children_of(process.pid)}
        time.sleep(2)  # until they compute
        process.kill()
        ended(process)
    deadline = time.monotonic() + 20
    while alive := [number for number, line in workers.items() if line and line_of(number) == line]:
        if time.monotonic() > deadline:
            for number in alive:
                os.kill(number, signal.SIGKILL)
            pytest.fail(f"{len(alive)} processes were left behind")
        time.sleep(0.1)


def children_of(number):
    stats = {int(path.name): path / "stat" for path in Path("/proc").iterdir() if path.name.isdecimal()}
    found = []
    for child, stat in stats.items():
        with suppress(OSError):  # it ended meanwhile
            parent = stat.read_text("utf-8", "replace").rpartition(")")[2].split()[1]
            found += [child] * (int(parent) == number)
    return found


def line_of(number):
    """Command line of a process; nothing if it is gone."""
    try:
        return Path(f"/proc/{number}/cmdline").read_text("utf-8")
    except OSError:
        return ""
