"""Sweeps: what they compute, which random numbers they draw, what they refuse."""

import hashlib
import json
import pickle
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import ionlink as il
from ionlink.sweeping.plan import shard_size
from ionlink.sweeping.points import Points
from ionlink.sweeping.running import completed_by_threads
from ionlink.sweeping.tasks import Task, compute

xarray = pytest.importorskip("xarray")

WINDOW, OVERLAP = "station.window_duration_s", "mode_overlap"
GRID = {WINDOW: [10e-9, 20e-9, 40e-9], OVERLAP: [0.9, 1.0]}


def same(one, other):
    """Whether two sweeps are the same to the last bit: labels, numbers, intervals and attributes."""
    return one.attrs["digest"] == other.attrs["digest"] and one.identical(other)


def test_every_point_is_the_changed_link(bright):
    data = il.sweep(bright, GRID, heralds=200, seed=7)
    assert dict(data.sizes) == {WINDOW: 3, OVERLAP: 2}
    exact = ["herald_probability", "rate_hz", "fidelity"]
    ends = ["", "_low", "_high"]
    assert list(data.data_vars) == exact + [f"sampled_{name}{end}" for name in exact for end in ends]
    for window_s in GRID[WINDOW]:
        for overlap in GRID[OVERLAP]:
            point = {OVERLAP: overlap, WINDOW: window_s}
            link = bright.replace(point)
            run = link.sample(heralds=200, seed=il.point_seed(7, point))
            here = data.sel({WINDOW: window_s, OVERLAP: overlap})
            for name in exact:
                assert here[name] == getattr(link.exact(), name)
                assert tuple(float(here[f"sampled_{name}{end}"]) for end in ends) == getattr(run, name)


def test_results_are_labelled_and_know_where_they_come_from(bright):
    data = il.sweep(bright, GRID, heralds=10, seed=7)
    assert (data.rate_hz.attrs["units"], data[WINDOW].attrs["units"]) == ("1/s", "s")
    assert "units" not in data[OVERLAP].attrs
    assert "95 %" in data.sampled_fidelity_low.attrs["long_name"]
    expected = {"heralds": 10, "engine": "auto", "seed": "7", "version": il.__version__}
    assert {name: data.attrs[name] for name in expected} == expected
    assert data.attrs["stream_version"] == il.STREAM_VERSION
    assert data.attrs["link"] == bright.core.to_toml()
    exact = il.sweep(bright, GRID)
    assert list(exact.data_vars) == ["herald_probability", "rate_hz", "fidelity"]
    assert not {"heralds", "seed", "without_exact", "without_sampled"} & set(exact.attrs)


def test_a_point_draws_the_same_wherever_it_stands(bright):
    data = il.sweep(bright, GRID, heralds=50, seed=7)
    turned = il.sweep(bright, {OVERLAP: [1, np.float32(0.5)], WINDOW: (40e-9, 10e-9)}, heralds=50, seed=7)
    assert np.array_equal(
        data.sampled_fidelity.sel({OVERLAP: 1.0}).values[[2, 0]], turned.sampled_fidelity.values[0]
    )
    pairs = {WINDOW: np.array([20e-9, 40e-9]), OVERLAP: [0.9, 1.0]}
    zipped = il.sweep(bright, pairs, heralds=50, seed=7, zipped=True)
    assert zipped.sampled_rate_hz.dims == ("point",)
    assert zipped[WINDOW].dims == zipped[OVERLAP].dims == ("point",)
    assert list(zipped.sampled_rate_hz) == [data.sampled_rate_hz[1, 0], data.sampled_rate_hz[2, 1]]


def test_points_and_seeds_draw_independently(bright):
    """Negative control of all comparisons: another seed, and points of equal physics, draw other heralds."""
    data = il.sweep(bright, GRID, heralds=50, seed=7)
    other = il.sweep(bright, GRID, heralds=50, seed=8)
    assert not same(data, other)
    assert (data.sampled_rate_hz != other.sampled_rate_hz).all()
    assert (data.fidelity == other.fidelity).all()
    names = il.sweep(bright, {"name": ["one", "two"]}, heralds=50, seed=7)
    assert names.fidelity[0] == names.fidelity[1]
    assert names.sampled_rate_hz[0] != names.sampled_rate_hz[1]


def test_the_seed_of_a_point_is_a_hash_of_seed_and_point():
    point = {WINDOW: np.float64(10e-9), "b": 1, "c": [True, -0.0, None, "ä"]}
    text = '{"b":1.0,"c":[true,0.0,null,"\\u00e4"],"station.window_duration_s":1e-08}'
    assert json.loads(text) == json.loads(json.dumps({**point, WINDOW: 1e-8}))
    key = np.random.SeedSequence(7).generate_state(2, np.uint64).astype("<u8").tobytes()
    digest = hashlib.sha256(b"ionlink sweep point 1\n" + key + text.encode()).digest()
    assert il.point_seed(7, point) == int.from_bytes(digest, "little")
    assert il.point_seed(np.random.SeedSequence(7), dict(reversed(point.items()))) == il.point_seed(7, point)
    assert il.point_seed(7, {"a": 2**53 + 1}) != il.point_seed(7, {"a": 2**53})
    assert il.point_seed(8, point) != il.point_seed(7, point)


def test_a_seed_that_is_not_given_is_drawn_and_told(bright):
    data = il.sweep(bright, GRID, heralds=20)
    again = il.sweep(bright, GRID, heralds=20, seed=json.loads(data.attrs["seed"]))
    assert same(data, again)
    assert not same(data, il.sweep(bright, GRID, heralds=20))
    generators = [il.sweep(bright, GRID, heralds=20, seed=np.random.default_rng(1)) for _ in range(2)]
    assert same(*generators)


def test_texts_tables_sequences_and_flags_can_be_swept(bright, tmp_path):
    link = bright.replace({"station.accepted_patterns": ["psi-"]})
    bins = il.TimeBin(bin_separation_s=60e-9)
    data = il.sweep(
        link,
        {
            "encoding": [il.Polarization(), bins],
            "station.accepted_patterns": [["psi+"], ["psi+", "psi-"]],
            "phase_reference": ["raw", "calibrated"],
            "phase_feed_forward": [False, True],
            "schedule.attempts_per_burst": [10, 20],
        },
    )
    assert list(data.phase_reference.values) == ["raw", "calibrated"]
    assert data["station.accepted_patterns"].values[1] == '["psi+","psi-"]'
    assert (data.phase_feed_forward.dtype, data["schedule.attempts_per_burst"].dtype) == (bool, np.int64)
    assert '"kind":"time-bin"' in data["encoding"].values[1]
    for name in ("map.nc", "map.zarr"):
        il.save_sweep(data, tmp_path / name)
        assert same(il.load_sweep(tmp_path / name), data)
    here = data.isel(dict.fromkeys(data.sizes, -1))
    last = {"encoding": bins, "station.accepted_patterns": ["psi+", "psi-"], "phase_feed_forward": True}
    assert here.fidelity == link.replace({**last, "phase_reference": "calibrated"}).exact().fidelity


BAD_VALUES = [
    ({"station.window_duration": [1e-9]}, "did you mean `window_duration_s`"),
    ({WINDOW: [1e-9, 2e-9, -1.0]}, r"`station.window_duration_s` must be .*got -1"),
    ({WINDOW: [1e-9], OVERLAP: [0.5, "much"]}, "`mode_overlap` must be"),
    ({OVERLAP: [0.5, float("nan")]}, "`mode_overlap` must be"),
    ({WINDOW: []}, "`station.window_duration_s` must be a sequence of at least one value"),
    ({WINDOW: 1e-9}, "a sequence of at least one value"),
    ({WINDOW: np.array(1e-9)}, "a sequence of at least one value"),
    ({"phase_reference": "raw"}, "a sequence of at least one value"),
    ({WINDOW: {1e-9, 2e-9}}, "a sequence of at least one value"),
    ({}, "`values` must be a mapping of at least one parameter path"),
    ([1, 2], "`values` must be a mapping"),
    ({7: [1]}, "whose keys are parameter paths"),
    ({OVERLAP: [0, 0.5, 0.0]}, "`mode_overlap` must not have a value twice, got 0.0 again"),
    ({"station": [il.Station(window_duration_s=1e-9)], WINDOW: [1e-9]}, "is part of `station`"),
    ({OVERLAP: [1 + 0j]}, "mode_overlap"),
    ({"nodes.0.memory.t2_s": [0.1]}, "is not set"),
]


@pytest.mark.parametrize(("values", "message"), BAD_VALUES)
def test_values_are_checked_before_anything_runs(bright, values, message, tmp_path, monkeypatch):
    monkeypatch.setattr("ionlink.sweeping.tasks.compute", None)
    folder = tmp_path / "checkpoint"
    with pytest.raises(il.ParameterError, match=message):
        il.sweep(bright, values, heralds=10**9, seed=1, checkpoint=folder)
    assert not folder.exists()


BAD_ARGUMENTS = [
    ({"heralds": 0}, "`heralds` must be a whole number from 1"),
    ({"heralds": 0.5}, "`heralds` must be a whole number"),
    ({"heralds": "7"}, "`heralds` must be a whole number"),
    ({"seed": -1}, "`seed` must be"),
    ({"engine": "fast"}, "`engine` must be one of"),
    ({"engine": "fast", "heralds": None}, "`engine` must be one of"),
    ({"zipped": 1}, "`zipped` must be True or False"),
    ({"zipped": True}, "equally many if they are zipped, got 3 of `station.window_duration_s`, 2 of"),
    ({"executor": 2}, "`executor` must be an object with a method `submit`"),
    ({"executor": ThreadPoolExecutor}, "`executor` must be an object"),
    ({"threads": 0}, "`threads` must be"),
    ({"progress": "yes"}, "`progress` must be"),
]


@pytest.mark.parametrize(("options", "message"), BAD_ARGUMENTS)
def test_arguments_are_refused_by_name(bright, options, message, tmp_path):
    folder = tmp_path / "checkpoint"
    with pytest.raises(il.ParameterError, match=message):
        il.sweep(bright, GRID, **{"heralds": 10**9, "checkpoint": folder, **options})
    assert not folder.exists()


def test_only_links_are_swept(bright):
    for other in (None, "stephenson2020", bright.station):
        with pytest.raises(il.ParameterError, match=r"`link` must be an il\.Link"):
            il.sweep(other, GRID)


def test_zipped_points_must_differ(bright):
    pairs = {WINDOW: [1e-9, 1e-9, 1e-9], OVERLAP: [0.5, 0.6, 0.5]}
    with pytest.raises(il.ParameterError, match=r"must not have a value twice, got .*0\.5"):
        il.sweep(bright, pairs, zipped=True)
    assert il.sweep(bright, {name: values[:2] for name, values in pairs.items()}, zipped=True).sizes


def test_an_engine_must_be_exact_for_every_point(bright):
    values = {"station.detectors.dead_time_s": [0.0, 5e-6]}
    with pytest.raises(il.ModelError, match="engine") as caught:
        il.sweep(bright, values, heralds=10**9, engine="herald")
    assert caught.value.__notes__ == ["at the point station.detectors.dead_time_s = 5e-06"]


def test_points_that_only_sampling_answers_say_so(bright):
    values = {"station.detectors.dead_time_s": [0.0, 5e-6, 6e-6]}
    data = il.sweep(bright, values, heralds=20, seed=1)
    assert list(np.isnan(data.fidelity)) == [False, True, True]
    assert np.isfinite(data.sampled_fidelity).all()
    assert data.attrs["without_exact"].startswith("2 of 3 points; the first is number 1: ")
    assert "dead time" in data.attrs["without_exact"]
    with pytest.raises(il.ModelError, match=r"no point has results; the first, .*dead_time_s = 5e-06: "):
        il.sweep(bright, {name: given[1:] for name, given in values.items()})


def test_points_that_never_herald_say_so():
    dark = il.basic_link(efficiency=(0.4, 0.4))
    data = il.sweep(dark, {"nodes.0.collection.efficiency": [0.4, 0.0]}, heralds=20, seed=1)
    assert (float(data.rate_hz[1]), np.isnan(data.fidelity[1])) == (0.0, True)
    assert np.isnan(data.sampled_rate_hz[1])
    assert np.isfinite(data.sampled_rate_hz[0])
    assert "1 of 2 points; the first is number 1" in data.attrs["without_sampled"]
    assert "never heralds" in data.attrs["without_sampled"]


def test_errors_of_a_point_name_it_and_survive_pickling(bright, monkeypatch):
    def broken(*_):
        raise il.SizeError("too much")

    monkeypatch.setattr("ionlink.sweeping.tasks.seed_of", broken)
    with pytest.raises(il.SizeError) as caught:
        il.sweep(bright, {OVERLAP: [0.5]}, heralds=10)
    assert pickle.loads(pickle.dumps(caught.value)).__notes__ == ["at the point mode_overlap = 0.5"]


def test_shards_follow_from_the_sweep_alone():
    assert [shard_size(points, heralds) for points, heralds in (
        (1, None), (100, None), (10**4, None), (10**6, None), (10**7, None),
        (1, 10**5), (1000, 10**5), (10**6, 10**5), (100, 10**9),
    )] == [1, 4, 313, 1000, 2442, 1, 20, 245, 1]  # fmt: skip


def test_progress_counts_points(bright):
    seen = []
    il.sweep(bright, GRID, progress=lambda *counts: seen.append(counts))
    assert seen == [(done, 6) for done in range(7)]


def test_progress_is_drawn_in_notebooks(bright, monkeypatch, capsys):
    """With a notebook's shell, but no widgets, bars are text; without tqdm they are a line."""
    pytest.importorskip("tqdm")
    shell = type("ZMQInteractiveShell", (), {})()
    notebook = type(sys)("IPython")
    notebook.get_ipython = lambda: shell
    monkeypatch.setitem(sys.modules, "IPython", notebook)
    monkeypatch.setitem(sys.modules, "ipywidgets", None)
    il.sweep(bright, GRID, progress=True)
    assert " points" in capsys.readouterr().err
    monkeypatch.setitem(sys.modules, "tqdm", None)
    il.sweep(bright, GRID, progress=True)
    assert "of 6 points" in capsys.readouterr().err
    notebook.get_ipython = lambda: None
    il.sweep(bright, GRID, progress=True)
    assert capsys.readouterr().err == ""


def test_ctrl_c_stops_threads_that_share_points(bright, monkeypatch):
    """What a thread is drawing ends with its next look; here that of 1e11 attempts."""

    def endless(link, watch):
        link.sample(attempts=10**11, seed=1, engine="photon", threads=1, progress=watch)

    results = completed_by_threads(2, endless, [bright, bright])
    begun = time.monotonic()
    monkeypatch.setattr("ionlink.sweeping.running.queue.SimpleQueue", _Interrupted)
    with pytest.raises(KeyboardInterrupt):
        next(results)
    assert time.monotonic() - begun < 20


def test_a_task_looks_between_its_points_whether_it_is_still_wanted(bright):
    points = Points.of({OVERLAP: [0.5, 0.6, 0.7]}, zipped=False)
    looked = []

    def watch(done, _):
        looked.append(done)
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        compute(Task(bright, 0, points.part(0, 3), None, (0, 0)), watch)
    assert looked == [0, 1, 2]


class _Interrupted:
    """A queue at which Ctrl-C is pressed."""

    def put(self, _):
        """Nobody is there to take it."""

    def get(self, timeout):
        time.sleep(timeout)
        raise KeyboardInterrupt


def test_points_cost_less_than_a_millisecond_each(bright):
    """Of processor time, so that other programs do not count; twenty times what it takes."""
    values = {WINDOW: np.linspace(5e-9, 80e-9, 50), OVERLAP: np.linspace(0.9, 1.0, 20)}
    begun = time.process_time()
    il.sweep(bright, values)
    assert time.process_time() - begun < 1e-3 * 1000 * 3  # exact results included


def test_importing_and_missing_packages(bright):
    script = (
        "import sys; sys.modules['xarray'] = None; import ionlink as il\n"
        "link = il.presets.load('stephenson2020')\n"
        "try: il.sweep(link, {'mode_overlap': [1]})\n"
        "except ImportError as error: print(type(error).__name__, error)"
    )
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert result.stdout == "MissingPackageError sweeps need xarray: pip install ionlink[sweep]\n"
