"""The lines that docs/sweeps.md gives for Slurm, under a Slurm, with smaller numbers."""

import re
import shutil
import subprocess
import time
from pathlib import Path

import pytest

import ionlink as il

xarray = pytest.importorskip("xarray")

PAGE = Path(__file__).resolve().parents[3] / "docs" / "sweeps.md"
FIBER = il.Fiber(length_m=10.0, attenuation_db_per_km=0.2, group_index=1.468)
LINK = il.basic_link(efficiency=(0.4, 0.3), dark_count_rate_hz=2e4).replace({"paths": [[FIBER], [FIBER]]})
VALUES = {"paths.1.0.length_m": range(0, 20_001, 5000), "mode_overlap": [0.9, 0.95, 1.0]}
ARRAY = {
    "--array=1-100": "--array=1-3",
    "--cpus-per-task=16": "--cpus-per-task=1",
    "0:20000:1001": "0:20000:5",
    "0.9:1:101": "0.9,0.95,1.0",
    "--heralds 1e5": "--heralds 3000",
}
CLIENT = {
    "cores=16, processes=16": "cores=1, processes=1",
    "32GB": "1GB",
    "02:00:00": "00:05:00",
    "jobs=20": "jobs=2",
    "heralds=100_000": "heralds=3000",
}
# a share that waits after its first shard, so that there is time to kill it
PATIENT = """
import sys, time
from ionlink import cli
from ionlink.sweeping.checkpoint import Checkpoint

store = Checkpoint.store
Checkpoint.store = lambda *given: (store(*given), "2/3" in sys.argv and time.sleep(100))
sys.exit(cli.main())
"""


def documented(first_line, changes):
    """The block of the page that begins so, with other numbers."""
    blocks = re.findall(r"^```text\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    (text,) = (block for block in blocks if block.startswith(first_line))
    for old, new in changes.items():
        assert text.count(old) == 1, f"{PAGE.name} no longer has {old}"
        text = text.replace(old, new)
    return text


@pytest.fixture(scope="module")
def reference():
    """One thread of this process."""
    return il.sweep(LINK, VALUES, heralds=3000, seed=7, threads=1)


@pytest.fixture
def folder(slurm, tmp_path, monkeypatch):
    """The working folder, which the jobs have too."""
    monkeypatch.chdir(tmp_path)
    LINK.to_toml("my_link.toml")
    return tmp_path


def submitted(script, *options):
    """Submit a job; its number."""
    Path("job.sh").write_text(script, encoding="utf-8")
    command = ["sbatch", "--parsable", *options, "job.sh"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def states(job):
    """State of each task of an array."""
    command = ["squeue", "--noheader", "--array", "--states=all", f"--jobs={job}", "--format=%K %T"]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    return {int(task): state for task, state in map(str.split, lines)}


def wait_until(condition):
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end, "nothing happened"
        time.sleep(0.1)


def ended(job):
    """States of the tasks of an array once all have ended."""
    going = {"PENDING", "CONFIGURING", "RUNNING", "COMPLETING"}
    wait_until(lambda: going.isdisjoint(states(job).values()))
    return states(job)


def merged(*more):
    """What `ionlink merge` says."""
    command = documented("ionlink merge", {}).split()
    return subprocess.run(command, capture_output=True, text=True, check=False)


def said(job, task):
    return Path(f"slurm-{job}_{task}.out").read_text(encoding="utf-8")


def test_a_job_array_computes_the_same_numbers(reference, folder):
    job = submitted(documented("#!/bin/bash", ARRAY))
    assert ended(job) == dict.fromkeys((1, 2, 3), "COMPLETED"), said(job, 1)
    assert "of 15 shards are in kept" in said(job, 3)
    result = merged()
    assert (result.returncode, result.stderr) == (0, "")
    xarray.testing.assert_identical(il.load_sweep("map.nc"), reference)


def test_a_killed_share_is_missed_and_submitted_again(reference, folder):
    script = documented("#!/bin/bash", ARRAY)
    Path("patient.py").write_text(PATIENT, encoding="utf-8")
    job = submitted(script.replace("ionlink sweep", "python patient.py sweep"))
    wait_until(Path("kept", "shard-000001.npz").exists)
    subprocess.run(["scancel", f"{job}_2"], check=True)
    assert ended(job) == {1: "COMPLETED", 2: "CANCELLED", 3: "COMPLETED"}, said(job, 2)
    early = merged()
    assert early.returncode == 2
    assert "kept lacks 4 of 15 shards, the first is number 4" in early.stderr
    alone = submitted(script, "--array=2")
    assert ended(alone) == {2: "FAILED"}
    assert "'2/1' is not I/N with I from 1 to N" in said(alone, 2)
    finished = {path: path.stat().st_mtime_ns for path in Path("kept").glob("shard-*")}
    again = submitted(script)
    assert ended(again) == dict.fromkeys((1, 2, 3), "COMPLETED")
    assert len(finished) == 11
    assert {path: path.stat().st_mtime_ns for path in finished} == finished
    assert merged().returncode == 0
    xarray.testing.assert_identical(il.load_sweep("map.nc"), reference)


def test_a_share_with_another_seed_is_refused(reference, folder):
    """Negative control: neither the job nor its shard gets into the map, and its numbers would be others."""
    script = documented("#!/bin/bash", ARRAY)
    assert ended(submitted(script, "--array=1")) == {1: "COMPLETED"}
    job = submitted(script.replace("--seed 7", "--seed 8"), "--array=1")
    assert ended(job) == {1: "FAILED"}
    assert "kept holds another sweep: `seed` differs (7 there, 8 here)" in said(job, 1)
    other = il.sweep(LINK, VALUES, heralds=3000, seed=8, checkpoint="elsewhere")
    assert (other.sampled_fidelity != reference.sampled_fidelity).any()
    shutil.copy("elsewhere/shard-000001.npz", "kept/shard-000001.npz")
    result = merged()
    assert result.returncode == 2
    assert "shard-000001.npz is no shard of this sweep, or damaged: its configuration is" in result.stderr


def test_workers_of_dask_jobqueue_compute_the_same_numbers(reference, folder):
    dask = pytest.importorskip("dask")
    pytest.importorskip("dask_jobqueue")
    names = {"il": il, "link": LINK, "values": VALUES}
    block = documented("from dask.distributed", CLIENT)
    with dask.config.set({"jobqueue.slurm.interface": "lo"}):
        exec(compile(block, str(PAGE), "exec"), names)
    xarray.testing.assert_identical(names["data"], reference)
    command = ["squeue", "--noheader", "--states=all", "--name=dask-worker", "--format=%i"]
    assert len(subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()) == 2
