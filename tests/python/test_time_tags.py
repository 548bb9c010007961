"""Time tags: in memory, in files, read by the formats' own readers."""

import json
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

import ionlink as il
from ionlink import seeds
from ionlink.cli import main
from ionlink.digests import append_checksum

FILES = ("clicks.h5", "clicks.parquet")


@pytest.fixture(scope="module")
def stream(bright):
    return bright.click_stream(attempts=20_000, seed=7)


def heralds(stream, window_s=40e-9, period_ps=1_000_000):
    """A laboratory's coincidence count on times and channels alone: exact patterns of two opposite modes."""
    attempt = stream.time_ps // period_ps
    first = {}
    for place, since, channel in zip(attempt, stream.time_ps % period_ps, stream.channel, strict=True):
        slots = first.setdefault(int(place), {})
        slots.setdefault(int(channel), int(since))
    patterns = {tuple(sorted(2 * p + m for p, m in slots)): n for n, (_, slots, _) in enumerate(PATTERNS)}
    found = []
    for place, slots in first.items():
        number = patterns.get(tuple(sorted(slots)))
        if number is not None:
            found.append((place, number, *(slots[2 * p + m] for p, m in PATTERNS[number][1])))
    return np.array(found)


PATTERNS = il.basic_link(efficiency=(0.1, 0.1)).core.patterns


def test_a_coincidence_count_on_times_and_channels_finds_the_heralds(bright, stream):
    run = bright.sample(attempts=20_000, seed=7, engine="click")
    found = heralds(stream)
    assert np.array_equal(found[:, 0], run.attempt)
    assert np.array_equal(found[:, 1], run.pattern)
    assert np.all(np.abs(found[:, 2:] - run.click_time_s * 1e12) <= 0.5 + 1e-6)
    other = bright.sample(attempts=20_000, seed=8, engine="click")
    assert not np.array_equal(other.attempt, run.attempt), "negative control"


def test_columns_and_what_they_mean(bright, stream):
    types = {"time_ps": "int64", "channel": "uint8", "attempt": "uint64", "kind": "uint8"}
    assert {name: str(getattr(stream, name).dtype) for name in types} == types
    assert len(stream) == len(stream.time_ps)
    assert not stream.time_ps.flags.writeable
    assert np.all(np.diff(stream.time_ps) >= 0)
    assert np.array_equal(stream.attempt, stream.time_ps // 1_000_000)
    assert stream.channels == ("00", "01", "10", "11")
    assert stream.kinds == ("photon", "dark", "background", "afterpulse")
    assert set(stream.kind.tolist()) == {0, 1}
    assert stream.sync_period_s == 1e-6
    assert stream.duration_s == pytest.approx(0.02, rel=1e-12)
    assert "time tags of 20,000 attempts" in repr(stream)
    assert stream.link is bright


def test_the_same_seed_gives_the_same_stream_however_it_is_cut(bright, stream):
    assert bright.click_stream(attempts=20_000, seed=7) == stream
    assert bright.click_stream(attempts=20_000, seed=8) != stream
    assert bright.click_stream(duration_s=0.02, seed=7) == stream
    first = bright.click_stream(attempts=7_000, seed=7)
    second = bright.click_stream(attempts=13_000, seed=7, start_attempt=7_000)
    assert np.array_equal(np.concatenate([first.time_ps, second.time_ps]), stream.time_ps)
    assert np.array_equal(np.concatenate([first.kind, second.kind]), stream.kind)
    assert len(bright.click_stream(attempts=0, seed=7)) == 0


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        ({}, "attempts"),
        ({"attempts": 10, "duration_s": 1.0}, "attempts"),
        ({"attempts": -1}, "attempts"),
        ({"attempts": 1.5}, "attempts"),
        ({"duration_s": float("nan")}, "duration_s"),
        ({"attempts": 10, "start_attempt": -1}, "start_attempt"),
        ({"attempts": 10, "seed": -1}, "seed"),
        ({"attempts": 10, "progress": 1}, "progress"),
    ],
)
def test_impossible_arguments_are_refused(bright, arguments, name):
    with pytest.raises(il.ParameterError, match=name):
        bright.click_stream(**arguments)


def test_what_does_not_fit_is_refused(bright):
    with pytest.raises(il.ModelError, match="tags reach to"):
        bright.click_stream(attempts=10, start_attempt=2**45, seed=1)
    with pytest.raises(il.SizeError):
        bright.click_stream(attempts=2**42, seed=1)


def test_progress_is_told(bright):
    told = []
    bright.click_stream(attempts=300_000, seed=1, progress=lambda done, total: told.append((done, total)))
    assert told[-1] == (300_000, 300_000)
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    assert len(told) > 2


@pytest.mark.parametrize("name", FILES)
def test_files_come_back_equal(bright, stream, tmp_path, name):
    pytest.importorskip("h5py")
    pytest.importorskip("pyarrow")
    path = tmp_path / name
    assert il.save_click_stream(bright, path, attempts=20_000, seed=7) == len(stream)
    assert il.load_click_stream(path) == stream
    (stream.to_photon_hdf5 if name.endswith("h5") else stream.to_parquet)(path)
    again = il.load_click_stream(path)
    assert again == stream
    assert again.link == bright
    assert [*tmp_path.iterdir()] == [path]
    # several parts, a seed with many numbers, and nothing at all
    seed = np.random.SeedSequence([1, 2], spawn_key=(3,))
    assert il.save_click_stream(bright, path, attempts=300_000, seed=seed, start_attempt=5) > 2 * 65_536
    assert il.load_click_stream(path) == bright.click_stream(attempts=300_000, seed=seed, start_attempt=5)
    assert il.save_click_stream(bright, path, attempts=0, seed=1) == 0
    assert len(il.load_click_stream(path)) == 0


ENCODINGS = {
    "polarization": il.basic_link(efficiency=(0.3, 0.2)),
    "time-bin": il.basic_link(encoding="time-bin", efficiency=(0.3, 0.2), bin_separation_s=60e-9),
    "frequency": il.basic_link(encoding="frequency", efficiency=(0.3, 0.2), mode_splitting_rad_per_s=1e9),
    "number": il.basic_link(encoding="number", efficiency=(0.3, 0.2), bright_fraction=(0.1, 0.1)),
    "ion-photon": il.presets.load("krutyanskiy2019_50km"),
}


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.filterwarnings("ignore")  # of the reader's own dependencies
def test_the_reader_of_photon_hdf5_accepts_and_reads_the_file(tmp_path, encoding):
    hdf5 = pytest.importorskip("phconvert.hdf5")
    link = ENCODINGS[encoding]
    stream = link.click_stream(attempts=200_000, seed=7)
    path = tmp_path / "clicks.h5"
    stream.to_photon_hdf5(path)
    # names, descriptions and types of all fields, and what the format makes mandatory, are checked
    with hdf5.load_photon_hdf5(str(path), warnings=False, strict_description=True) as file:
        data = file.root.photon_data
        assert np.array_equal(data.timestamps.read(), stream.time_ps)
        assert np.array_equal(data.detectors.read(), stream.channel)
        assert data.timestamps_specs.timestamps_unit.read() == 1e-12
        assert data.measurement_specs.laser_repetition_rate.read() == pytest.approx(1 / link.ion_spacing_s)
        detectors = file.root.setup.detectors
        assert detectors.label.read().tolist() == [name.encode() for name in stream.channels]
        assert (
            detectors.counts.read().tolist()
            == np.bincount(stream.channel, minlength=len(stream.channels)).tolist()
        )
        own = file.root.user.ionlink
        assert np.array_equal(own.attempt.read(), stream.attempt)
        assert il.Link._of(il._core.Link.from_toml(own.link.read().decode())) == link
        assert json.loads(own.provenance.read())["seed"] == 7
        assert file.root.acquisition_duration.read() == stream.duration_s
    assert il.load_click_stream(path) == stream


@pytest.mark.filterwarnings("ignore")
def test_the_reader_would_find_a_fault(stream, tmp_path):
    hdf5 = pytest.importorskip("phconvert.hdf5")
    h5py, tables = pytest.importorskip("h5py"), pytest.importorskip("tables")
    path = tmp_path / "clicks.h5"
    for field in ("photon_data/timestamps_specs", "identity/software", "setup/num_pixels"):
        stream.to_photon_hdf5(path)
        with h5py.File(path, "a") as file:
            del file[field]
        refused = pytest.raises((hdf5.Invalid_PhotonHDF5, AttributeError))
        with tables.open_file(str(path)) as file, refused:
            hdf5.assert_valid_photon_hdf5(file, warnings=False)


def test_other_readers_of_parquet_see_plain_columns(stream, tmp_path):
    duckdb = pytest.importorskip("duckdb")
    pytest.importorskip("pyarrow")
    path = tmp_path / "clicks.parquet"
    stream.to_parquet(path)
    rows = duckdb.sql(f"select channel, count(*) from '{path}' group by channel order by channel").fetchall()
    assert rows == list(enumerate(np.bincount(stream.channel).tolist()))
    table = stream.to_arrow()
    assert table.column_names == ["time_ps", "channel", "attempt", "kind", "attempt_start_ps"]
    assert (
        il.Link._of(il._core.Link.from_toml(table.schema.metadata[b"ionlink.link"].decode())) == stream.link
    )


def heralds_of_a_file(path):
    """A laboratory's count on a file alone: channels by sync marker, two alone in opposite modes."""
    if path.suffix == ".parquet":
        table = pytest.importorskip("pyarrow.parquet").read_table(path)
        times, channels, markers = (
            table[name].to_pylist() for name in ("time_ps", "channel", "attempt_start_ps")
        )
    else:
        with pytest.importorskip("h5py").File(path, "r") as file:
            times = file["photon_data/timestamps"][()].tolist()
            channels = file["photon_data/detectors"][()].tolist()
            markers = file["user/ionlink/attempt_start_ps"][()].tolist()
    first = {}
    for time_ps, channel, marker in zip(times, channels, markers, strict=True):
        first.setdefault(marker, {}).setdefault(channel, time_ps - marker)
    patterns = [{0, 1}, {2, 3}, {0, 3}, {2, 1}]
    return [
        (marker, patterns.index(set(clicks)), sorted(clicks.values()))
        for marker, clicks in sorted(first.items())
        if set(clicks) in patterns
    ]


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize(
    ("preset", "attempts", "least"), [("stephenson2020", 2e6, 300), ("commercial_module_pair", 5e7, 30)]
)
def test_a_count_on_a_file_alone_finds_the_heralds_of_presets_with_pauses(
    tmp_path, name, preset, attempts, least
):
    pytest.importorskip("h5py")
    pytest.importorskip("pyarrow")
    link, path = il.presets.load(preset), tmp_path / name
    assert link.schedule.pause_s > 0
    il.save_click_stream(link, path, attempts=attempts, seed=7)
    found = heralds_of_a_file(path)
    run = link.sample(attempts=attempts, seed=7, engine="click")
    assert len(found) == run.heralds > least
    # a period of whole picoseconds or not: a run tells the end of each attempt
    starts_ps = (run.time_s - link.ion_spacing_s) * 1e12
    assert np.all(np.abs(np.array([marker for marker, _, _ in found]) - starts_ps) < 1)
    assert [pattern for _, pattern, _ in found] == run.pattern.tolist()
    times = np.array([clicks for _, _, clicks in found])
    assert np.all(np.abs(times - np.sort(run.click_time_s, axis=1) * 1e12) <= 1)
    # negative control: the comb without pauses counts other attempts
    stream = il.load_click_stream(path)
    assert not np.array_equal(stream.time_ps // round(link.ion_spacing_s * 1e12), stream.attempt)


def test_markers_are_exact_with_pauses_rounds_and_reloading():
    """Against fractions: floating-point parameters are exact there, and so is every product."""
    schedule = il.Schedule(
        attempt_period_s=1.23e-6,
        attempts_per_burst=7,
        pause_s=4.5e-6,
        ions_per_round=3,
        ion_spacing_s=2e-7,
        ion_loss_rate_hz=1e3,
        reload_s=1e-3,
    )
    link = il.basic_link(efficiency=(0.4, 0.4)).replace({"schedule": schedule})
    for start in (0, 10**9):
        stream = link.click_stream(attempts=20_000, seed=3, start_attempt=start)
        ends_s = link.core.time_s(seeds.key(3), stream.attempt)
        for attempt, marker, end_s in zip(
            stream.attempt.tolist(), stream.attempt_start_ps.tolist(), ends_s.tolist(), strict=True
        ):
            turn, ion = divmod(attempt, 3)
            comb = (turn + 1) * 1_230_000 + turn // 7 * 4_500_000 - (3 - ion) * 200_000
            losses, rest = divmod(marker - comb, 10**9)
            assert rest == 0
            assert losses >= 0
            assert abs(marker * 1e-12 - (end_s - 2e-7)) < 1e-15 * max(1.0, end_s)
        assert not stream.attempt_start_ps.flags.writeable
        assert np.all(stream.time_ps >= stream.attempt_start_ps)
    assert losses > 100, "reloading was there"


@pytest.mark.parametrize("name", FILES)
def test_every_changed_bit_of_a_stream_is_found(bright, tmp_path, name):
    pytest.importorskip("h5py")
    pytest.importorskip("pyarrow")
    stream, path = bright.click_stream(attempts=300, seed=7), tmp_path / name
    (stream.to_photon_hdf5 if name.endswith("h5") else stream.to_parquet)(path)
    whole = path.read_bytes()
    found, kept, stride = 0, [], 97 if name.endswith("h5") else 5
    for place in range(0, len(whole), stride):
        changed = bytearray(whole)
        changed[place] ^= 1 << place % 8
        path.write_bytes(bytes(changed))
        try:
            again = il.load_click_stream(path)
        except il.ParameterError as error:
            found += str(path) in str(error)
        else:
            found += 1
            kept.append(again == stream)
    assert all(kept)
    assert found == len(range(0, len(whole), stride)), "every error names the file"
    assert len(kept) < len(whole) / stride / 2


def test_streams_without_a_digest_are_refused(stream, tmp_path):
    parquet, path = pytest.importorskip("pyarrow.parquet"), tmp_path / "clicks.parquet"
    table = stream.to_arrow()
    parquet.write_table(table, path)
    assert il.load_click_stream(path) == stream
    known = {name: value for name, value in table.schema.metadata.items() if name != b"ionlink.digest"}
    parquet.write_table(table.replace_schema_metadata(known), path)
    with pytest.raises(il.ParameterError, match="it has no digest: an older ionlink or another program"):
        il.load_click_stream(path)
    h5py, path = pytest.importorskip("h5py"), tmp_path / "clicks.h5"
    stream.to_photon_hdf5(path)
    with h5py.File(path, "a") as file:
        file["setup/detectors/positions"] = np.zeros(4)
    with pytest.raises(
        il.ParameterError, match=r"does not end with its checksum|its bytes, which were changed"
    ):
        il.load_click_stream(path)


@pytest.mark.parametrize("name", FILES)
def test_damaged_and_foreign_files_are_refused(bright, stream, tmp_path, name):
    pytest.importorskip("h5py")
    pytest.importorskip("pyarrow")
    path = tmp_path / name
    il.save_click_stream(bright, path, attempts=20_000, seed=7)
    whole = path.read_bytes()
    for content in (b"", b"PAR1", whole[:8], whole[: len(whole) // 2], whole[:-100], b"nothing of the kind"):
        path.write_bytes(content)
        with pytest.raises(il.ParameterError, match="not a click stream saved by ionlink, or damaged"):
            il.load_click_stream(path)
    with pytest.raises(FileNotFoundError):
        il.load_click_stream(tmp_path / "missing.h5")


def test_files_of_others_are_refused(bright, stream, tmp_path):
    h5py = pytest.importorskip("h5py")
    pytest.importorskip("pyarrow")
    run = tmp_path / "run.parquet"
    bright.sample(heralds=10, seed=1).save(run)
    other = tmp_path / "other.h5"
    with h5py.File(other, "w") as file:
        file["photon_data/timestamps"] = np.arange(10)
    for path in (run, other):
        with pytest.raises(il.ParameterError, match="not a click stream"):
            il.load_click_stream(path)
    changes = {
        "photon_data/timestamps": lambda column: column[::-1],
        "photon_data/detectors": lambda column: column + 4,
        "user/ionlink/attempt": lambda column: column + 10,
        "user/ionlink/kind": lambda column: column[:-1],
        "photon_data/timestamps_specs/timestamps_unit": lambda unit: 2 * unit,
    }
    for field, change in changes.items():
        stream.to_photon_hdf5(other)
        with h5py.File(other, "a") as file:
            column = change(file[field][()])
            del file[field]
            file[field] = column
        append_checksum(other)
        with pytest.raises(il.ParameterError, match="not a click stream"):
            il.load_click_stream(other)


def test_unknown_endings_and_missing_packages_are_refused_before_anything_is_drawn(
    bright, stream, tmp_path, monkeypatch
):
    with pytest.raises(il.ParameterError, match=r"\.h5, \.hdf5 or \.parquet"):
        il.save_click_stream(bright, tmp_path / "clicks.csv", attempts=2**55)
    for name, package in zip(FILES, ("h5py", "pyarrow.parquet"), strict=True):
        monkeypatch.setitem(sys.modules, package, None)
        with pytest.raises(il.MissingPackageError, match=r"pip install ionlink\[timetags\]"):
            il.save_click_stream(bright, tmp_path / name, attempts=2**40)
    with pytest.raises(il.MissingPackageError):
        stream.to_photon_hdf5(tmp_path / "clicks.h5")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", FILES)
def test_a_stream_that_is_interrupted_leaves_no_file(tmp_path, ended, name):
    pytest.importorskip("h5py")
    pytest.importorskip("pyarrow")
    arguments = ["clicks", "stephenson2020", "--attempts", "1e11", "--seed", "1", "--out", name]
    process = subprocess.Popen([sys.executable, "-m", "ionlink", *arguments], cwd=tmp_path)
    unfinished = tmp_path / f"{name}.part"
    deadline = time.monotonic() + 60
    while not unfinished.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    ended(process)
    assert process.returncode == 130
    assert not list(tmp_path.iterdir())


def test_long_streams_take_little_memory(tmp_path):
    """Nine million tags, 160 MB as arrays, pass through the file writer."""
    pytest.importorskip("h5py")
    script = (
        "import resource, ionlink as il; link = il.basic_link(efficiency=(0.4, 0.4))\n"
        "small = il.save_click_stream(link, 'clicks.h5', attempts=1e5, seed=1)\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "count = il.save_click_stream(link, 'clicks.h5', attempts=12e6, seed=1)\n"
        "print(count, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)"
    )
    result = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    count, grown_mb = map(float, result.stdout.split())
    assert count > 9e6
    assert grown_mb < 40


@pytest.mark.parametrize("name", FILES)
def test_the_command_line_writes_files(tmp_path, monkeypatch, capsys, name):
    pytest.importorskip("h5py")
    pytest.importorskip("pyarrow")
    monkeypatch.chdir(tmp_path)
    assert main(["clicks", "stephenson2020", "--attempts", "1e5", "--seed", "7", "--out", name]) == 0
    stream = il.load_click_stream(name)
    assert capsys.readouterr().out == f"{len(stream):,} time tags in {name}; seed 7\n"
    assert stream == il.presets.load("stephenson2020").click_stream(attempts=1e5, seed=7)
    assert main(["clicks", "stephenson2020", "--duration", "0.01", "--out", name]) == 0
    again = il.load_click_stream(name)
    assert again == again.link.click_stream(duration_s=0.01, seed=again.seed)
    assert main(["clicks", "stephenson2020", "--attempts", "10", "--out", "clicks.txt"]) == 2
    assert main(["clicks", "stephenson2020", "--attempts", "10", "--out", f"missing/{name}"]) == 2
