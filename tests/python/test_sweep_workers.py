"""The same bits from any workers, and from runs that were killed and continued."""

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool

import numpy as np
import pytest

import ionlink as il

xarray = pytest.importorskip("xarray")

pytestmark = pytest.mark.skipif(os.name == "nt", reason="processes are killed by signals here")

LINK = il.basic_link(efficiency=(0.4, 0.3), dark_count_rate_hz=2e4, mode_overlap=0.95)
VALUES = {"station.window_duration_s": np.linspace(10e-9, 45e-9, 8), "mode_overlap": np.linspace(0.3, 1, 8)}
SWEEP = {"heralds": 3000, "seed": 7}


@pytest.fixture(scope="module")
def reference():
    """One thread of one process."""
    return il.sweep(LINK, VALUES, **SWEEP, threads=1)


@pytest.fixture(scope="module")
def cluster():
    """A dask cluster of two processes."""
    distributed = pytest.importorskip("distributed")
    options = {"n_workers": 2, "threads_per_worker": 1, "processes": True, "dashboard_address": None}
    # or the client would wait half a minute for an answer of a worker that was killed
    impatient = pytest.importorskip("dask").config.set({"distributed.comm.timeouts.connect": "3s"})
    with impatient, distributed.LocalCluster(**options) as local, distributed.Client(local) as client:
        yield client


@pytest.fixture
def processes():
    """A pool of two processes that share nothing with this one."""
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
        yield pool


def assert_same(one, other):
    """Equal to the last bit, attributes included."""
    xarray.testing.assert_identical(one, other)
    for name, variable in one.variables.items():
        assert variable.values.tobytes() == other[name].values.tobytes(), name


def test_other_bits_would_be_found(reference):
    """Negative control: another seed, and one changed last bit."""
    with pytest.raises(AssertionError):
        assert_same(il.sweep(LINK, VALUES, heralds=3000, seed=8), reference)
    changed = reference.copy(deep=True)
    numbers = changed.sampled_fidelity.values
    numbers[3, 4] = np.nextafter(numbers[3, 4], 1)
    with pytest.raises(AssertionError):
        assert_same(changed, reference)


def test_two_threads_of_this_process(reference):
    assert_same(il.sweep(LINK, VALUES, **SWEEP, threads=2), reference)


def test_two_threads_of_an_executor(reference):
    with ThreadPoolExecutor(2) as pool:
        assert_same(il.sweep(LINK, VALUES, **SWEEP, executor=pool), reference)


def test_two_threads_per_point(reference, monkeypatch):
    """As where points have so many heralds that they follow one another."""
    monkeypatch.setattr("ionlink.sweeping.plan._PATIENT_HERALDS", 0)
    assert_same(il.sweep(LINK, VALUES, **SWEEP, threads=2), reference)


class Backwards:
    """All that an executor needs: `submit`, and futures with callbacks. Its tasks end in the wrong order."""

    def __init__(self):
        self.waiting = []

    def submit(self, function, *arguments):
        future = Future()
        self.waiting.append((future, function, arguments))
        if len(self.waiting) == 32:
            for last, work, given in reversed(self.waiting):
                last.set_result(work(*given))
        return future


def test_any_executor_in_any_order(reference):
    assert_same(il.sweep(LINK, VALUES, **SWEEP, executor=Backwards()), reference)


def test_two_processes(reference, processes):
    assert_same(il.sweep(LINK, VALUES, **SWEEP, executor=processes), reference)


def test_a_killed_process_breaks_a_pool_and_loses_nothing_finished(reference, processes, tmp_path):
    done = []

    def kill(finished, _):
        done.append(finished)
        if len(done) == 2:  # the other one too, or it might end all before anybody notices
            for process in list(processes._processes):
                os.kill(process, signal.SIGKILL)

    with pytest.raises(BrokenProcessPool) as caught:
        il.sweep(LINK, VALUES, **SWEEP, executor=processes, checkpoint=tmp_path / "kept", progress=kill)
    assert caught.value.__notes__ == [f"{done[-1]} of 64 points were finished, and are kept: call again"]
    again = []
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
        options = {"executor": pool, "checkpoint": tmp_path / "kept"}
        data = il.sweep(LINK, VALUES, **SWEEP, **options, progress=lambda *counts: again.append(counts))
    assert 0 < again[0][0] == done[-1] < 64
    assert_same(data, reference)


def test_two_dask_workers(reference, cluster):
    assert len(cluster.scheduler_info()["workers"]) == 2
    seen = []
    assert_same(
        il.sweep(LINK, VALUES, **SWEEP, executor=cluster, progress=lambda *counts: seen.append(counts)),
        reference,
    )
    assert seen[0] == (0, 64)
    assert seen[-1] == (64, 64)
    with cluster.get_executor() as executor:
        assert_same(il.sweep(LINK, VALUES, **SWEEP, executor=executor), reference)


def test_errors_of_dask_workers_arrive(cluster):
    values = {"mode_overlap": [0.5], "station.detectors.dead_time_s": [5e-6]}
    with pytest.raises(il.ModelError, match=r"no point has results; the first, .* = 5e-06"):
        il.sweep(LINK, values, executor=cluster)


def test_one_dask_worker_killed_mid_run(reference, cluster):
    """Its tasks go to the other one; nothing else is asked of the user."""
    killed = []

    def kill_one(finished, _):
        if finished and not killed:
            killed.append(next(iter(workers.values())))
            os.kill(killed[0], signal.SIGKILL)

    workers = cluster.run(os.getpid)
    assert_same(il.sweep(LINK, VALUES, **SWEEP, executor=cluster, progress=kill_one), reference)
    assert killed
    cluster.wait_for_workers(2, timeout=30)
    assert killed[0] not in cluster.run(os.getpid).values()


def command(*more):
    """The sweep on the command line."""
    vary = ["--vary", "station.window_duration_s=10e-9:45e-9:8", "--vary", "mode_overlap=0.3:1:8"]
    sweep = [sys.executable, "-W", "error", "-m", "ionlink", "sweep", "link.toml", *vary]
    return [*sweep, "--heralds", "3000", "--seed", "7", *more]


def test_a_run_killed_and_resumed(reference, tmp_path):
    LINK.to_toml(tmp_path / "link.toml")
    # slowed down, so that there is time to kill it between two shards
    slow = (
        "import time, sys, ionlink.cli, ionlink.sweeping.checkpoint as kept\n"
        "store = kept.Checkpoint.store\n"
        "kept.Checkpoint.store = lambda *given: (store(*given), time.sleep(0.1))\n"
        "sys.exit(ionlink.cli.main())"
    )
    first = command("--checkpoint", "kept", "--threads", "2")
    with subprocess.Popen([sys.executable, "-c", slow, *first[5:]], cwd=tmp_path) as process:
        while len(shards(tmp_path)) < 3:
            assert process.poll() is None
            time.sleep(0.01)
        process.kill()
    found = shards(tmp_path)
    assert 3 <= len(found) < 32
    times = {path: path.stat().st_mtime_ns for path in found}
    (tmp_path / "kept" / ".shard-000031.npz.0.tmp").write_bytes(b"half")
    second = command("--checkpoint", "kept", "--out", "map.nc")
    result = subprocess.run(second, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stderr) == (0, "")
    assert len(shards(tmp_path)) == 32
    assert {path: path.stat().st_mtime_ns for path in found} == times
    assert_same(il.load_sweep(tmp_path / "map.nc"), reference)


def shards(folder):
    return sorted((folder / "kept").glob("shard-*.npz"))


def test_shares_of_a_job_array_merged(reference, tmp_path):
    LINK.to_toml(tmp_path / "link.toml")
    shares = [command("--checkpoint", "kept", "--shard", f"{number}/3") for number in (3, 1, 2)]
    merge = [*shares[0][:5], "merge", "kept", "--out", "map.nc"]
    for call in shares[:2]:
        result = subprocess.run(call, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert (result.returncode, result.stderr) == (0, "")
        assert result.stdout in {f"{n} of 32 shards are in kept\n" for n in (10, 11)}
    early = subprocess.run(merge, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert early.returncode == 2
    assert "kept lacks 11 of 32 shards, the first is number 1" in early.stderr
    subprocess.run(shares[2], cwd=tmp_path, capture_output=True, check=True)
    late = subprocess.run(merge, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (late.returncode, late.stderr) == (0, "")
    assert late.stdout.startswith("64 points, 3,000 heralds each, seed 7\n")
    assert_same(il.load_sweep(tmp_path / "map.nc"), reference)
    assert_same(il.load_sweep(tmp_path / "kept"), reference)
    assert_same(il.sweep(LINK, VALUES, heralds=3000, checkpoint=tmp_path / "kept"), reference)


@pytest.mark.parametrize("engine", ["auto", "click"])
@pytest.mark.parametrize("parts", [1, 7])
def test_one_long_run_split_over_threads(engine, parts):
    options = {"seed": 7, "engine": engine, "start_attempt": 12_345, "record_coincidences": engine == "click"}
    whole = LINK.sample(attempts=1_000_003, **options)
    with ThreadPoolExecutor(2) as pool:
        split = il.sample_split(LINK, 1_000_003, executor=pool, parts=parts, **options)
    assert split == whole
    assert (split.engine_reason, split.ended) == (whole.engine_reason, whole.ended)
    assert split.herald_probability == whole.herald_probability
    assert split != LINK.sample(attempts=1_000_003, **{**options, "seed": 8})


def test_one_long_run_split_over_processes_and_dask(processes, cluster):
    remembering = il.basic_link(efficiency=(0.1, 0.1), dead_time_s=5e-6)
    for link, attempts in ((LINK, 1e6), (remembering, 1e5), (LINK, 3), (LINK, 0)):
        whole = link.sample(attempts=attempts, seed=7)
        for executor in (processes, cluster):
            assert il.sample_split(link, attempts, executor=executor, parts=5, seed=7) == whole


def test_split_runs_refuse_what_cannot_be(bright):
    for options, name in (
        ({"attempts": -1}, "attempts"),
        ({"parts": 0}, "parts"),
        ({"executor": "two"}, "executor"),
        ({"threads": 0}, "threads"),
        ({"engine": "fast"}, "engine"),
        ({"seed": "x"}, "seed"),
    ):
        with pytest.raises(il.ParameterError, match=f"`{name}`"):
            il.sample_split(bright, **{"attempts": 100, "executor": None, **options})
    with pytest.raises(il.ParameterError, match="`link`"):
        il.sample_split("bright", 100, executor=None)
    seen = []
    run = il.sample_split(bright, 100, executor=None, parts=4, progress=lambda *counts: seen.append(counts))
    assert seen == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert run == bright.sample(attempts=100, seed=run.seed)
