"""Sweeps of networks: what they compute, the same bits from any workers, what they refuse."""

import json
import math
import multiprocessing
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import numpy as np
import pytest

import ionlink as il
from ionlink.sweeping import tasks

xarray = pytest.importorskip("xarray")

ESTIMATES = ("rate_hz", "fidelity", "latency_s")
COUNTS = ("delivered", "requests", "blocked")
ENDS = ("", "_low", "_high")
OVERLAP, LOAD = "links.*.mode_overlap", "demands.1.rate_hz"
GRID = {OVERLAP: [0.8, 0.9, 1.0], LOAD: [50.0, 200.0, 800.0, 3200.0]}


def repeater():
    """Two links that share the ions of the middle, a saturated demand and one with a short queue."""
    link = il.basic_link(efficiency=(0.2, 0.2), attempt_period_s=1e-5)
    network = il.Network(policy=il.Policy(cutoff_s=0.01))
    for name in ("alice", "carol", "bob"):
        network.add_node(name, communication_ions=2, memory=il.Memory(t2_s=0.05))
    network.add_link(link, between=("alice", "carol"))
    network.add_link(link, between=("carol", "bob"), name="east")
    network.demand("alice", "bob", saturate=True)
    network.demand("alice", "carol", rate_hz=100.0, queue_limit=2)
    return network


NETWORK = repeater()
SWEEP = {"duration_s": 0.05, "seed": 7}


def assert_same(one, other):
    """To the last bit: labels, numbers, intervals and attributes."""
    assert one.attrs["digest"] == other.attrs["digest"]
    assert one.identical(other)


@pytest.fixture(scope="module")
def reference():
    return il.sweep(NETWORK, GRID, **SWEEP, by_demand=True, threads=1)


@pytest.fixture(scope="module")
def processes():
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
        yield pool


# --- what is computed


def test_every_point_is_a_run_of_the_changed_network(reference):
    names = [f"sampled_{name}{end}" for name in ESTIMATES for end in ENDS]
    names += [f"sampled_{name}" for name in COUNTS]
    each = [name.replace("sampled_", "sampled_demand_") for name in names]
    assert list(reference.data_vars) == names + each
    assert dict(reference.sizes) == {OVERLAP: 3, LOAD: 4, "demand": 2}
    for overlap in GRID[OVERLAP]:
        for load in GRID[LOAD]:
            point = {LOAD: load, OVERLAP: overlap}
            run = NETWORK.replace(point).run(0.05, seed=il.point_seed(7, point), record="summary")
            here = reference.sel(point)
            for name in ESTIMATES:
                for number, prefix in ((None, ""), (0, "demand_"), (1, "demand_")):
                    found = [here[f"sampled_{prefix}{name}{end}"] for end in ENDS]
                    found = [float(one if number is None else one[number]) for one in found]
                    np.testing.assert_array_equal(found, getattr(run, name)(number))
            assert here.sampled_delivered == run.delivered()
            assert list(here.sampled_demand_delivered) == [run.delivered(0), run.delivered(1)]
            assert list(here.sampled_demand_requests) == run.requests[:, 0].tolist()
            assert list(here.sampled_demand_blocked) == run.requests[:, 1].tolist()
            assert (here.sampled_requests, here.sampled_blocked) == tuple(run.requests.sum(axis=0))


def test_results_are_labelled_and_know_where_they_come_from(reference, tmp_path):
    expected = {"duration_s": 0.05, "repetitions": 1, "seed": "7", "version": il.__version__}
    assert {name: reference.attrs[name] for name in expected} == expected
    assert not {"heralds", "engine", "link", "without_exact"} & set(reference.attrs)
    assert list(reference.demand_name.values) == ["alice - bob", "alice - carol"]
    assert (reference[LOAD].attrs["units"], reference.sampled_latency_s.attrs["units"]) == ("Hz", "s")
    assert "95 %" in reference.sampled_latency_s_low.attrs["long_name"]
    assert "counted" in reference.sampled_blocked.attrs["long_name"]
    # the network in the attributes stands by itself, and is the one that was swept
    (tmp_path / "again.toml").write_text(reference.attrs["network"], encoding="utf-8")
    again = il.Network.from_toml(tmp_path / "again.toml")
    assert again == NETWORK
    assert_same(il.sweep(again, GRID, **SWEEP, by_demand=True), reference)


def test_repetitions_zipped_points_and_links_that_work_for_themselves():
    network = il.Network()
    link = il.basic_link(efficiency=(0.1, 0.1), attempt_period_s=1e-5)
    network.add_links(link, [(0, 1), (1, 2)], efficiency=[(0.1, 0.1), (0.2, 0.2)])
    network.saturate_links()
    values = {"links.*.mode_overlap": [0.8, 0.9], "links.0.efficiency": [(0.1, 0.2), (0.3, 0.3)]}
    data = il.sweep(network, values, duration_s=0.1, repetitions=3, zipped=True, by_demand=True, seed=1)
    assert dict(data.sizes) == {"point": 2, "link": 2}
    assert data.attrs["repetitions"] == 3
    assert not {"sampled_requests", "sampled_link_requests"} & set(data.data_vars)
    assert list(data["links.0.efficiency"].values) == ["[0.1,0.2]", "[0.3,0.3]"]
    assert list(data.link_name.values) == ["0-1", "1-2"]
    point = {"links.0.efficiency": (0.3, 0.3), "links.*.mode_overlap": 0.9}
    run = network.replace(point).run(0.1, seed=il.point_seed(1, point), repetitions=3)
    assert data.sampled_rate_hz[1] == run.rate_hz().value
    assert data.sampled_link_fidelity_low[1, 1] == run.fidelity(1).low
    assert data.sampled_link_delivered[1].sum() == len(run.deliveries)


def misses(data, expected):
    """Points whose interval does not hold what is expected there."""
    inside = (data.sampled_rate_hz_low <= expected) & (expected <= data.sampled_rate_hz_high)
    return int((~inside).sum())


def test_a_saturated_pair_of_nodes_has_the_exact_rate_everywhere():
    """Of 40 intervals of 95 % more than 10 miss with probability 3e-6; those of a rate 3 % off do."""
    link = il.basic_link(efficiency=(0.1, 0.1), dark_count_rate_hz=2e4, attempt_period_s=1e-5)
    network = il.Network()
    network.add_link(link)
    network.saturate_links()
    efficiencies, windows = np.linspace(0.05, 0.3, 10).tolist(), [5e-9, 10e-9, 20e-9, 40e-9]
    axes = {
        "links.0.efficiency": [(value, value) for value in efficiencies],
        "links.0.station.window_duration_s": windows,
    }
    data = il.sweep(network, axes, duration_s=20.0, repetitions=2, seed=7)
    paths = {name: f"nodes.{side}.collection.efficiency" for side, name in enumerate("ab")}
    exact = np.array(
        [
            [
                link.replace({paths["a"]: value, paths["b"]: value, "station.window_duration_s": window_s})
                .exact()
                .rate_hz
                for window_s in windows
            ]
            for value in efficiencies
        ]
    )
    relative = (data.sampled_rate_hz_high - data.sampled_rate_hz_low) / data.sampled_rate_hz
    assert misses(data, exact) <= 10
    assert misses(data, exact * 1.03) >= (relative < 0.02).sum() > 15
    assert np.abs(data.sampled_rate_hz / exact - 1).mean() < 0.02


# --- the same bits


def test_another_seed_or_number_differs(reference):
    """Negative control of all comparisons."""
    with pytest.raises(AssertionError):
        assert_same(il.sweep(NETWORK, GRID, duration_s=0.05, seed=8, by_demand=True), reference)
    with pytest.raises(AssertionError):
        assert_same(il.sweep(NETWORK, GRID, duration_s=0.06, seed=7, by_demand=True), reference)
    some = il.sweep(NETWORK, {LOAD: [800.0], OVERLAP: [0.9]}, **SWEEP)
    assert some.sampled_fidelity.item() == reference.sampled_fidelity.sel({LOAD: 800.0, OVERLAP: 0.9})
    assert repeater() == NETWORK


def test_threads_and_processes(reference, processes):
    for options in ({"threads": 2}, {"executor": processes}, {"executor": processes, "threads": 2}):
        assert_same(il.sweep(NETWORK, GRID, **SWEEP, by_demand=True, **options), reference)
    with ThreadPoolExecutor(2) as pool:
        assert_same(il.sweep(NETWORK, GRID, **SWEEP, by_demand=True, executor=pool), reference)


def test_dask_workers(reference):
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(n_workers=2, processes=False, dashboard_address=None) as cluster,
        distributed.Client(cluster) as client,
    ):
        assert_same(il.sweep(NETWORK, GRID, **SWEEP, by_demand=True, executor=client), reference)


def test_files(reference, tmp_path):
    for name in ("map.nc", "map.zarr"):
        il.save_sweep(reference, tmp_path / name)
        assert_same(il.load_sweep(tmp_path / name), reference)


def test_what_is_finished_is_kept(reference, tmp_path, monkeypatch):
    kept = {"checkpoint": tmp_path / "kept", "by_demand": True}

    def stop(finished, _):
        if finished == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        il.sweep(NETWORK, GRID, **SWEEP, **kept, progress=stop, threads=1)
    there = sorted((tmp_path / "kept").glob("shard-*.npz"))
    assert len(there) == 5
    computed = []
    count = tasks.compute

    def counting(task, watch=None):
        computed.append(task.first)
        return count(task, watch)

    monkeypatch.setattr("ionlink.sweeping.plan.compute", counting)
    assert_same(il.sweep(NETWORK, GRID, duration_s=0.05, **kept), reference)  # with the seed of the folder
    assert len(computed) == 12 - 5
    assert_same(il.load_sweep(tmp_path / "kept"), reference)
    for other in ({"duration_s": 0.06}, {"repetitions": 2}, {"by_demand": False}):
        with pytest.raises(il.ParameterError, match=f"`{next(iter(other))}` differs"):
            il.sweep(NETWORK, GRID, **{**SWEEP, **kept, **other})
    with pytest.raises(il.ParameterError, match="`model` differs"):
        il.sweep(NETWORK.replace({"nodes.bob.memory_ions": 1}), GRID, **SWEEP, **kept)


def test_ctrl_c_ends_points_under_way():
    """Runs that would take hours end when the first look says so."""
    looked = []

    def watch(*_):
        looked.append(True)
        if len(looked) > 3:
            raise KeyboardInterrupt

    plan = il.sweeping.main.planned(
        NETWORK, {LOAD: [1.0]}, il.sweeping.models.Arguments(duration_s=1e6), 7, False, None
    )
    task = tasks.Task(NETWORK, 0, plan.points.part(0, 1), plan.effort, (0, 0))
    with pytest.raises(KeyboardInterrupt):
        tasks.compute(task, watch)


# --- the command line


def command(*more, file="network.toml"):
    vary = ["--vary", f"{OVERLAP}=0.8:1:3", "--vary", f"{LOAD}=50.0,200.0,800.0,3200.0"]
    sweep = [sys.executable, "-W", "error", "-m", "ionlink", "sweep", file, *vary]
    return [*sweep, "--duration", "0.05", "--seed", "7", *more]


def called(arguments, folder):
    return subprocess.run(arguments, cwd=folder, capture_output=True, text=True, check=False)


def test_the_command_line(reference, tmp_path):
    # a file that needs others, which manifests must not
    NETWORK.links[0].to_toml(tmp_path / "module.toml")
    whole = reference.attrs["network"]
    start = whole.index("[models.")
    name = whole[start + 8 : whole.index(".", start + 8)].split("]")[0]
    text = whole[:start] + f'[models.{name}]\nfile = "module.toml"\n'
    (tmp_path / "network.toml").write_text(text, encoding="utf-8")
    result = called(command("--by-demand", "--out", "map.nc", "--checkpoint", "kept"), tmp_path)
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.startswith("12 points, 0.05 s each, seed 7\n")
    assert "sampled_blocked" in result.stdout
    assert "demand_" not in result.stdout
    overlaps = il.load_sweep(tmp_path / "map.nc")[OVERLAP].values
    assert overlaps.tolist() == [0.8, 0.9, 1.0]
    assert_same(il.load_sweep(tmp_path / "map.nc"), reference)
    (tmp_path / "module.toml").unlink()
    (tmp_path / "network.toml").unlink()
    merged = called([*command()[:5], "merge", "kept", "--out", "again.nc"], tmp_path)
    assert (merged.returncode, merged.stderr, merged.stdout) == (0, "", result.stdout)
    assert_same(il.load_sweep(tmp_path / "again.nc"), reference)


def test_shares_of_a_job_array_merged(reference, tmp_path):
    NETWORK.to_toml(tmp_path / "network.toml")
    for number in (2, 1):
        share = command("--by-demand", "--checkpoint", "kept", "--shard", f"{number}/2")
        result = called(share, tmp_path)
        assert (result.returncode, result.stderr) == (0, "")
        assert result.stdout == "6 of 12 shards are in kept\n"
    assert_same(il.load_sweep(tmp_path / "kept"), reference)
    seedless = [word for word in share if word not in ("--seed", "7")]
    refused = called(seedless, tmp_path)
    assert refused.returncode == 2
    assert "`--shard` needs `--seed`" in refused.stderr


def test_the_command_line_refuses_what_is_of_links(tmp_path):
    NETWORK.to_toml(tmp_path / "network.toml")
    for more, message in (
        (("--heralds", "100"), "`heralds` must be left out"),
        (("--engine", "click"), "`engine` must be left out"),
    ):
        result = called(command(*more), tmp_path)
        assert result.returncode == 2
        assert message in result.stderr
    link = called(
        [*command(file="stephenson2020")[:7], "--vary", "mode_overlap=0.9", "--duration", "1"], tmp_path
    )
    assert link.returncode == 2
    assert "`duration_s` must be left out" in link.stderr


# --- what is refused


BAD_VALUES = [
    ({"links.*.mode_overlapp": [1.0]}, "did you mean `mode_overlap`"),
    ({OVERLAP: [0.5, 2.0]}, r"`links\.0\.mode_overlap` must be in \[0, 1\], got 2"),
    ({LOAD: [10.0, -1.0]}, r"`demands\.1\.rate_hz` must be"),
    ({"demands.7.rate_hz": [10.0]}, r"`demands\.7` does not exist"),
    ({"mode_overlap": [0.5]}, r"`mode_overlap` does not exist\. Parameters of a network begin with"),
    ({"policy.cutoff_s": [0.1, "never"]}, r"`policy\.cutoff_s` must be"),
    ({OVERLAP: [0.5], "links.east.mode_overlap": [0.6]}, "must not both be given"),
    ({"nodes.carol.communication_ions": [2, 0]}, r"`nodes\.carol\.communication_ions`"),
    ({"links.*.nodes.0.collection.efficiency": [0.1, 0.0], "links.*.station.dark": [1]}, "dark"),
    ({LOAD: []}, "a sequence of at least one value"),
]


@pytest.mark.parametrize(("values", "message"), BAD_VALUES)
def test_values_are_checked_before_anything_runs(values, message, tmp_path, monkeypatch):
    monkeypatch.setattr("ionlink.sweeping.tasks.compute", None)
    with pytest.raises(il.ParameterError, match=message):
        il.sweep(NETWORK, values, duration_s=1e6, seed=1, checkpoint=tmp_path / "kept")
    assert not (tmp_path / "kept").exists()


def test_networks_that_cannot_run_are_refused_before_any_does(tmp_path, monkeypatch):
    monkeypatch.setattr("ionlink.sweeping.tasks.compute", None)
    options = {"duration_s": 1e6, "checkpoint": tmp_path / "kept"}
    with pytest.raises(il.ModelError, match="it must store 2 qubits and has 1 ions") as caught:
        il.sweep(NETWORK, {"nodes.carol.communication_ions": [2, 1]}, **options)
    assert caught.value.__notes__ == ["at the point nodes.carol.communication_ions = 1.0"]
    with pytest.raises(il.ParameterError, match=r"links\.0\.herald_probability"):
        il.sweep(NETWORK, {"links.0.efficiency": [(0.1, 0.1), (0.0, 0.0)]}, **options)
    with pytest.raises(il.ParameterError, match="`links` must be at least one"):
        il.sweep(il.Network(), {"policy.cutoff_s": [1.0]}, duration_s=1.0)
    assert not (tmp_path / "kept").exists()


BAD_ARGUMENTS = [
    ({"heralds": 100}, "`heralds` must be left out"),
    ({"engine": "click"}, "`engine` must be left out"),
    ({"duration_s": None}, "`duration_s` must be given"),
    ({"duration_s": 0}, "`duration_s` must be above 0"),
    ({"duration_s": math.inf}, "`duration_s` must be"),
    ({"duration_s": "long"}, "`duration_s` must be"),
    ({"repetitions": 0}, "`repetitions` must be"),
    ({"repetitions": 2**21}, "`repetitions` must be"),
    ({"by_demand": 1}, "`by_demand` must be True or False"),
    ({"seed": -1}, "`seed` must be"),
    ({"threads": 0}, "`threads` must be"),
]


@pytest.mark.parametrize(("options", "message"), BAD_ARGUMENTS)
def test_arguments_are_refused_by_name(options, message, tmp_path):
    with pytest.raises(il.ParameterError, match=message):
        il.sweep(NETWORK, GRID, **{**SWEEP, "checkpoint": tmp_path / "kept", **options})
    assert not (tmp_path / "kept").exists()


@pytest.mark.parametrize("option", [{"duration_s": 1.0}, {"repetitions": 2}, {"by_demand": True}])
def test_links_refuse_what_is_for_networks(bright, option):
    with pytest.raises(il.ParameterError, match=f"`{next(iter(option))}` must be left out"):
        il.sweep(bright, {"mode_overlap": [0.5]}, **option)


def test_manifests_of_links_are_what_they_were(bright, tmp_path):
    il.sweep(bright, {"mode_overlap": [0.5]}, heralds=10, seed=7, checkpoint=tmp_path / "kept")
    document = json.loads((tmp_path / "kept" / "manifest.json").read_text(encoding="utf-8"))
    names = [
        "kind",
        "model",
        "points",
        "heralds",
        "engine",
        "seed",
        "points_per_shard",
        "stream_version",
        "version",
    ]
    assert list(document["configuration"]) == names
    assert document["configuration"]["kind"] == "link"


def test_demands_whose_ends_are_swept_have_no_names():
    network = il.Network()
    for name in ("alice", "carol", "bob"):
        network.add_node(name, communication_ions=2)
    for between in (("alice", "carol"), ("carol", "bob")):
        network.add_link(il.basic_link(efficiency=(0.4, 0.3)), between=between)
    network.demand("alice", "carol", rate_hz=20.0)
    options = {"duration_s": 0.01, "seed": 7, "by_demand": True}
    for values in (
        {"demands.0.between": [("alice", "carol"), ("carol", "bob")]},
        {"demands.*.between": [("alice", "carol"), ("carol", "bob")]},
        {"demands.0": [il.Demand(between=("carol", "bob"), rate_hz=rate_hz) for rate_hz in (1.0, 2.0)]},
    ):
        data = il.sweep(network, values, **options)
        assert "demand_name" not in data.coords
        assert data.demand.values.tolist() == [0]
    named = il.sweep(network, {"demands.0.rate_hz": [20.0, 40.0]}, **options)
    assert named.demand_name.values.tolist() == ["alice - carol"]
