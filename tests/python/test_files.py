"""Link files: what is read, written, replaced and refused."""

import dataclasses

import pytest

import ionlink as il
from ionlink import _core

FULL = il.Link(
    il.Node(
        "north",
        emission=il.Emission(
            lifetime_s=7.4e-9, amplitudes=(0.6, -0.8), transitions=("sigma", "pi"), dephasing_rate_hz=1e3
        ),
        collection=il.Lens(numerical_aperture=0.6, axis="perpendicular", fiber_coupling=0.3),
        errors=il.LocalErrors(rotation_rad=(0.1, 0.0, -0.2), dephasing_probability=0.01),
    ),
    il.Node(
        'süd "2"',
        emission=il.Emission(lifetime_s=8e-9, detuning_rad_per_s=-1e6),
        collection=il.MeasuredEfficiency(0.02, includes=("collection", "window"), at_window_s=(0.0, 30e-9)),
    ),
    encoding=il.Polarization(mode_splitting_rad_per_s=2e7),
    paths=(
        [],
        [il.Loss(transmission=0.9), il.Fiber(length_m=10, attenuation_db_per_km=0.2, group_index=1.47)],
    ),
    station=il.Station(
        detectors=[il.Detector(efficiency=0.5 + 0.1 * index, dark_count_rate_hz=10) for index in range(4)],
        reflectivity=(0.4, 0.6),
        window_start_s=-1e-9,
        window_duration_s=50e-9,
        accepted_patterns=("psi-", "00+01"),
    ),
    schedule=il.Schedule(attempt_period_s=2e-6, attempts_per_burst=100, pause_s=1e-3),
    mode_overlap=0.9,
    delay_s=(0.0, 1e-10),
    bell_phase_rad=0.3,
    phase_reference="raw",
    name="full",
    reference="a note\nof two lines",
    published=il.Published(rate_hz=il.Measured(value=3.0, uncertainty=0.1, source="table 1")),
)


@pytest.mark.parametrize(
    "link",
    [FULL, il.basic_link(efficiency=(0.1, 1)), il.presets.load("stephenson2020")],
    ids=["full", "basic", "preset"],
)
def test_a_link_survives_the_round_trip_through_its_file(link, tmp_path):
    path = tmp_path / "link.toml"
    link.to_toml(path)
    again = il.Link.from_toml(str(path))
    assert again == link
    assert hash(again) == hash(link)
    assert again.exact().fidelity == link.exact().fidelity
    assert il.Link.from_tree(link.tree()) == link


def test_presets_are_the_links_of_their_texts(tmp_path):
    assert "stephenson2020" in il.presets.names()
    path = tmp_path / "copy.toml"
    path.write_text(il.presets.text("stephenson2020"), encoding="utf-8")
    assert il.Link.from_toml(path) == il.presets.load("stephenson2020")
    with pytest.raises(il.ParameterError, match="stephenson2020"):
        il.presets.load("stephenson2021")


def test_errors_in_a_file_name_the_file_the_line_and_the_column(tmp_path):
    path = tmp_path / "link.toml"
    lines = il.presets.text("stephenson2020").splitlines()
    number = next(index for index, line in enumerate(lines) if line.startswith("mode_overlap"))
    lines[number] = "mode_overlap = 1.5"
    path.write_text("\n".join(lines), encoding="utf-8")
    with pytest.raises(il.ParameterError) as caught:
        il.Link.from_toml(path)
    error = caught.value
    assert str(error) == f"{path}: line {number + 1}, column 16: `mode_overlap` must be in [0, 1], got 1.5"
    assert (error.path, error.line, error.column) == ("mode_overlap", number + 1, 16)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("mode_overlap = 0.974", "mode_overlap = ", "line"),
        ("mode_overlap = 0.974", "mode_overlapp = 0.974", "did you mean `mode_overlap`"),
        ("mode_overlap = 0.974", "mode_overlap = '1'", "mode_overlap"),
        ("mode_overlap = 0.974", "mode_overlap = nan", "got NaN"),
        ("attempt_period_s = 1e-6", "attempt_period_s = 0", "`schedule.attempt_period_s` must be"),
        ("window_duration_s = 30e-9", "", "`station.window_duration_s` is missing"),
        ('kind = "polarization"', 'kind = "polarisation"', "polarization"),
    ],
)
def test_a_spoiled_file_is_refused_with_a_clear_message(old, new, message, tmp_path):
    path = tmp_path / "link.toml"
    text = il.presets.text("stephenson2020")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(il.ParameterError) as caught:
        il.Link.from_toml(path)
    assert message in str(caught.value)
    assert str(caught.value).startswith(f"{path}: ")
    assert caught.value.line is not None


def test_files_that_are_no_text_or_do_not_exist_are_refused(tmp_path):
    path = tmp_path / "link.toml"
    path.write_bytes(b'name = "\xff"')
    with pytest.raises(il.ParameterError, match="UTF-8"):
        il.Link.from_toml(path)
    with pytest.raises(FileNotFoundError):
        il.Link.from_toml(tmp_path / "none.toml")
    path.write_bytes(b"")
    with pytest.raises(il.ParameterError, match="is missing"):
        il.Link.from_toml(path)


def test_replace_changes_any_parameter_by_its_path(stephenson):
    changed = stephenson.replace(
        {
            "station.window_duration_s": 20e-9,
            "paths.0.0.length_m": 1000.0,
            "nodes.1.errors.rotation_rad.2": 0.1,
            "station.detectors": il.Detector(dark_count_rate_hz=10.0),
            "published": None,
        }
    )
    assert changed.station.window_duration_s == 20e-9
    assert changed.paths[0][0].length_m == 1000.0
    assert changed.node_b.errors.rotation_rad == (0.0, 0.0, 0.1)
    assert changed.station.detectors == il.Detector(dark_count_rate_hz=10.0)
    assert changed.published is None
    assert changed.station == dataclasses.replace(
        stephenson.station, window_duration_s=20e-9, detectors=il.Detector(dark_count_rate_hz=10.0)
    )
    assert stephenson == il.presets.load("stephenson2020")
    assert stephenson.replace({}) == stephenson


def test_replace_refuses_what_does_not_exist_or_does_not_fit(stephenson):
    with pytest.raises(il.ParameterError) as caught:
        stephenson.replace({"station.window_durations_s": 1e-9})
    assert "window_duration_s" in caught.value.suggestion
    with pytest.raises(il.ParameterError, match=r"`station\.window_duration_s`.*got 0"):
        stephenson.replace({"station.window_duration_s": 0.0})
    for path in ("", ".", "paths.2", "paths.0.7.length_m", "nodes.-1.name", "station.window_duration_s.0"):
        with pytest.raises(il.ParameterError):
            stephenson.replace({path: 1.0})


@pytest.mark.parametrize(
    ("part", "name", "whole"),
    [
        ("nodes.0.memory", "t2_s", "il.Memory(...)"),
        ("nodes.1.memory", "dynamical_decoupling.pulses", "il.Memory(...)"),
        ("heralded_state", "bell_state", "il.HeraldedState(...)"),
        (
            "station.detectors.background_profile",
            "decay_s",
            "il.DecayingBackground(...) or il.BackgroundProfile(...)",
        ),
    ],
)
def test_replace_says_how_to_set_a_part_that_is_not_set(stephenson, part, name, whole):
    with pytest.raises(il.ParameterError) as caught:
        stephenson.replace({f"{part}.{name}": 1.0})
    message = f"`{part}` is not set, so that there is no `{name}` in it to change: set `{part}` to {whole}"
    assert str(caught.value) == message
    assert (caught.value.path, caught.value.domain) == (part, whole)


def test_replace_changes_a_part_that_an_earlier_change_sets(stephenson):
    memory = il.Memory(t1_s=2.0)
    changed = stephenson.replace({"nodes.0.memory": memory, "nodes.0.memory.t2_s": 1.0})
    assert changed.node_a.memory == dataclasses.replace(memory, t2_s=1.0)
    # what is wrong with the part itself is said as ever
    with pytest.raises(il.ParameterError, match=r"`nodes\.0\.memory` must be a table, got 5"):
        stephenson.replace({"nodes.0.memory": 5})
    with pytest.raises(il.ParameterError, match=r"`nodes\.0\.memory\.t3_s` does not exist"):
        stephenson.replace({"nodes.0.memory": {"t3_s": 1.0}})
    with pytest.raises(il.ParameterError, match=r"`nodes\.0\.memoy` does not exist"):
        stephenson.replace({"nodes.0.memoy.t2_s": 1.0})


def test_the_core_reads_what_it_writes():
    assert _core.Link.from_toml(FULL.core.to_toml()).tree() == FULL.core.tree()
