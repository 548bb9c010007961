"""The package itself: light to import, complete, pictures on request."""

import subprocess
import sys

import numpy as np
import pytest

import ionlink as il


def python(script):
    result = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True
    )
    return result.stdout.split()


def test_importing_loads_neither_plots_nor_the_command_line():
    loaded = python("import ionlink, sys; print(*sys.modules)")
    for module in (
        "matplotlib",
        "tqdm",
        "argparse",
        "ionlink.cli",
        "ionlink.plot",
        "scipy",
        "pandas",
        "pyarrow",
        "xarray",
        "dask",
        "ionlink.sweeping",
    ):
        assert module not in loaded


def test_importing_takes_hardly_longer_than_numpy():
    """Each fresh interpreter times numpy first, then the rest of ionlink; the best of seven counts."""
    script = (
        "import time; a = time.perf_counter(); import numpy; b = time.perf_counter(); import ionlink;"
        "c = time.perf_counter(); print((c - a) / (b - a))"
    )
    assert min(float(python(script)[0]) for _ in range(7)) < 1.5


def test_everything_announced_exists():
    for name in il.__all__:
        assert getattr(il, name) is not None
        assert name in dir(il)
    with pytest.raises(AttributeError, match="nonsense"):
        _ = il.nonsense


def test_everything_public_is_documented():
    for name in il.__all__:
        thing = getattr(il, name)
        if callable(thing):
            assert thing.__doc__
            assert not thing.__doc__.startswith(f"{name}(")


@pytest.fixture
def pyplot():
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    from matplotlib import pyplot

    yield pyplot
    pyplot.close("all")


@pytest.mark.parametrize(
    "link",
    [
        il.presets.load("stephenson2020"),
        il.presets.load("krutyanskiy2019_50km"),
        il.basic_link(encoding="number", efficiency=(0.3, 0.2), bright_fraction=(0.1, 0.1)),
        il.basic_link(encoding="time-bin", efficiency=(0.3, 0.2), dead_time_s=1e-9, bin_separation_s=60e-9),
        il.basic_link(encoding="frequency", efficiency=(0.3, 0.2), mode_splitting_rad_per_s=1e9),
        il.basic_link(efficiency=(0.4, 0.3), lifetime_s=(7e-9, 9e-9), dark_count_rate_hz=2e5),
        il.basic_link(efficiency=(0.4, 0.3), window_duration_s=0.9e-6, dead_time_s=50e-9),
        il.basic_link(efficiency=(0.4, 0.3)).replace({"station.accepted_patterns": ["psi-"]}),
    ],
    ids=["preset", "ion-photon", "number", "time-bin", "frequency", "basic", "long window", "psi-"],
)
def test_links_can_be_drawn(pyplot, link, tmp_path):
    figure = il.plot.link(link, link.sample(heralds=200, seed=1))
    assert tuple(figure.get_size_inches()) == (11, 7)
    figure.savefig(tmp_path / "link.png")


def test_a_run_without_heralds_can_be_drawn(pyplot, tmp_path):
    link = il.basic_link(efficiency=(0.1, 0.1))
    il.plot.link(link, link.sample(attempts=0, seed=1)).savefig(tmp_path / "link.png")


def test_parts_can_be_drawn_into_given_axes(pyplot, bright):
    _, (left, right) = pyplot.subplots(1, 2)
    run = bright.sample(heralds=100, seed=1)
    assert il.plot.density_matrix(run.rho["psi+"], left) is left
    assert il.plot.click_times(run, right) is right
    assert il.plot.density_matrix(np.eye(4) / 4).patches
    assert il.plot.click_times(run).get_xlabel()


def test_plots_without_matplotlib_say_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.patches", None)
    with pytest.raises(il.IonlinkError, match=r"pip install ionlink\[plot\]"):
        il.plot.density_matrix(np.eye(4) / 4)
