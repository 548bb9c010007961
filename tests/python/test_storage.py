"""Runs in files."""

import csv
import json
import zipfile

import numpy as np
import pytest

import ionlink as il
from ionlink import storage


@pytest.fixture
def saved(bright, tmp_path):
    run = bright.sample(heralds=300, seed=np.random.SeedSequence([1, 2], spawn_key=(3,)), start_attempt=5)
    path = tmp_path / "run.npz"
    run.save(path)
    return run, path


def test_a_saved_run_comes_back_equal(saved):
    run, path = saved
    again = il.load_run(str(path))
    assert again == run
    assert again.link == run.link
    assert again.fidelity == run.fidelity
    assert again.link.sample(heralds=300, seed=again.seed, start_attempt=5) == run
    assert not again.attempt.flags.writeable


@pytest.mark.parametrize("name", ["run.npz", "run.parquet"])
def test_every_kind_of_run_comes_back_equal(bright, tmp_path, name):
    if name.endswith("parquet"):
        pytest.importorskip("pyarrow")
    until = il.RelativePrecision(herald_probability=0.1)
    run = bright.sample(heralds=10**6, seed=2**190, until=until)
    cut = run.select(coincidence_window_s=1e-9)
    for each in (run, cut, bright.sample(heralds=0, seed=1), bright.sample(attempts=3, seed=1)):
        each.save(tmp_path / name)
        again = il.load_run(tmp_path / name)
        assert again == each
        assert (again.ended, again.at_herald, again.engine_reason) == (
            each.ended,
            each.at_herald,
            each.engine_reason,
        )
        assert again.rate_hz == each.rate_hz or each.attempts == 0
        assert not again.pattern.flags.writeable
    assert (run.ended, cut.coincidence_window_s) == ("enough", 1e-9)


def test_coincidences_are_kept_in_npz_and_refused_elsewhere(bright, tmp_path):
    run = bright.sample(heralds=300, seed=1, record_coincidences=True)
    run.save(tmp_path / "run.npz")
    again = il.load_run(tmp_path / "run.npz")
    assert again == run
    assert again.coincidences.port.shape == (len(run.coincidences), 2)
    assert not again.coincidences.mode.flags.writeable
    rewritten(tmp_path / "run.npz", coincidence_attempt=lambda array: array[::-1])
    with pytest.raises(il.ParameterError, match="damaged"):
        il.load_run(tmp_path / "run.npz")
    pytest.importorskip("pyarrow")
    with pytest.raises(il.ParameterError, match=r"\.npz for a run with coincidences"):
        run.save(tmp_path / "run.parquet")
    assert not (tmp_path / "run.parquet").exists()


def test_parquet_files_of_others_and_damaged_ones_are_refused(saved, tmp_path):
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    run, _ = saved
    path = tmp_path / "run.parquet"
    run.save(path)
    whole = path.read_bytes()
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 0xFF
    for content in (whole[:4], whole[: len(whole) // 2], whole[:-1], b"PAR1" + bytes(200) + b"PAR1"):
        path.write_bytes(content)
        with pytest.raises(il.ParameterError, match=r"run\.parquet: not a run saved by ionlink, or damaged"):
            il.load_run(path)
    table = run.to_arrow()
    text = pyarrow.array(["sunshine"] * run.heralds).dictionary_encode()
    position = table.column_names.index("cause")
    strange = [
        pyarrow.table({"a": [1, 2]}),
        table.drop_columns(["cause"]),
        table.set_column(position, "cause", text),
        table.set_column(position, "cause", table["attempt"]),
        table.set_column(0, "attempt", table["time_s"]),
        table.take(list(range(run.heralds))[::-1]),
        table.replace_schema_metadata({}),
    ]
    for other in strange:
        parquet.write_table(other, path)
        with pytest.raises(il.ParameterError, match="damaged"):
            il.load_run(path)


def test_a_table_that_was_written_in_pieces_is_read(saved, tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    run, _ = saved
    parquet.write_table(run.to_arrow(), tmp_path / "run.parquet", row_group_size=7)
    assert il.load_run(tmp_path / "run.parquet") == run


def test_a_table_of_a_run_with_coincidences_is_read_without_them(bright, tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    run = bright.sample(heralds=300, seed=1, record_coincidences=True)
    assert len(run.coincidences)
    parquet.write_table(run.to_arrow(), tmp_path / "run.parquet")
    again = il.load_run(tmp_path / "run.parquet")
    assert again.coincidences is None
    assert np.array_equal(again.click_time_s, run.click_time_s)


@pytest.mark.parametrize("name", ["run.npz", "run.parquet"])
@pytest.mark.parametrize("encoding", ["number", "ion-photon", "time-bin", "frequency"])
def test_runs_of_every_encoding_come_back_equal(tmp_path, encoding, name):
    if name.endswith("parquet"):
        pytest.importorskip("pyarrow")
    bright = {"bright_fraction": (0.1, 0.2)} if encoding == "number" else {}
    link = il.basic_link(encoding=encoding, efficiency=(0.4, 0.3), dark_count_rate_hz=1e5, **bright)
    run = link.sample(heralds=300, seed=1)
    run.save(tmp_path / name)
    again = il.load_run(tmp_path / name)
    assert again == run
    np.testing.assert_array_equal(np.isnan(again.click_time_s), np.isnan(run.click_time_s))
    np.testing.assert_array_equal(again.states(), run.states())


def test_missing_clicks_are_nan_in_every_table(single, tmp_path):
    run = single.sample(heralds=200, seed=1)
    missing = np.isnan(run.click_time_s)
    assert (missing.sum(axis=1) == 1).all()
    run.save(tmp_path / "run.csv")
    lines = (tmp_path / "run.csv").read_text(encoding="utf-8").splitlines()
    rows = list(csv.DictReader(line for line in lines if not line.startswith("#")))
    for mode in (0, 1):
        times = [float(row[f"click_time_{mode}_s"]) for row in rows]
        np.testing.assert_array_equal(times, run.click_time_s[:, mode])
    pytest.importorskip("pandas")
    frame = run.to_pandas()
    np.testing.assert_array_equal(frame[["click_time_0_s", "click_time_1_s"]].isna(), missing)
    pytest.importorskip("pyarrow")
    table = run.to_arrow()
    np.testing.assert_array_equal(table["click_time_1_s"].to_numpy(), run.click_time_s[:, 1])


def test_clicks_where_a_pattern_has_none_are_refused(single, tmp_path):
    single.sample(heralds=50, seed=1).save(tmp_path / "run.npz")
    rewritten(tmp_path / "run.npz", click_time_s=lambda array: array[:, ::-1])
    with pytest.raises(il.ParameterError, match="damaged: click times are missing"):
        il.load_run(tmp_path / "run.npz")


def test_an_empty_run_and_a_huge_seed_come_back_equal(bright, tmp_path):
    for run in (bright.sample(attempts=0, seed=2**190), bright.sample(heralds=0, seed=1)):
        run.save(tmp_path / "RUN.NPZ")
        assert il.load_run(tmp_path / "RUN.NPZ") == run


def test_a_run_with_blind_detectors_keeps_when_they_were_ready(tmp_path):
    link = il.basic_link(efficiency=(0.5, 0.4), dead_time_s=5e-6, dark_count_rate_hz=1e4)
    run = link.sample(heralds=500, seed=1)
    assert run.blind_s.shape == (500, 4)
    assert run.blind_s.max() > 0
    assert not run.blind_s.flags.writeable
    np.testing.assert_array_equal(run.states(7), run.states()[7])
    run.save(tmp_path / "run.npz")
    assert il.load_run(tmp_path / "run.npz") == run


def test_a_table_has_one_row_per_herald_and_says_where_it_comes_from(saved, tmp_path):
    run, _ = saved
    path = tmp_path / "run.csv"
    run.save(path)
    lines = path.read_text(encoding="utf-8").splitlines()
    comments = [line for line in lines if line.startswith("#")]
    assert any(f"version: {il.__version__}" in line for line in comments)
    assert any("spawn_key" in line for line in comments)
    assert any("[[nodes]]" in line for line in comments)
    rows = list(csv.DictReader(line for line in lines if not line.startswith("#")))
    assert len(rows) == run.heralds
    assert [int(row["attempt"]) for row in rows] == run.attempt.tolist()
    assert [float(row["time_s"]) for row in rows] == run.time_s.tolist()
    assert [float(row["click_time_1_s"]) for row in rows] == run.click_time_s[:, 1].tolist()
    assert {row["bell_state"] for row in rows} == {"psi+", "psi-"}
    assert {row["cause"] for row in rows} <= set(il.CAUSES)


def test_other_endings_are_refused(saved, tmp_path):
    run, _ = saved
    for name in (5, None, "", b"run.npz"):
        with pytest.raises(il.ParameterError, match="`path` must be the name of a file"):
            run.save(name)
        with pytest.raises(il.ParameterError, match="`path` must be the name of a file"):
            il.load_run(name)
    for name in ("run.arrow", "run", "run.npz.gz"):
        with pytest.raises(il.ParameterError, match=r"\.npz, \.parquet or \.csv"):
            run.save(tmp_path / name)
        assert not (tmp_path / name).exists()


def test_a_file_that_does_not_exist_is_an_os_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        il.load_run(tmp_path / "none.npz")


def rewritten(path, **changes):
    """The file with other content and, as if it had been written so, the digest of that."""
    with np.load(path) as archive:
        arrays = dict(archive)
    del arrays["digest"]
    provenance = json.loads(str(arrays["provenance"]))
    for name, change in changes.items():
        if name in arrays:
            arrays[name] = change(arrays[name])
        else:
            provenance[name] = change(provenance[name])
    arrays["provenance"] = np.array(json.dumps(provenance))
    columns = {name: column for name, column in arrays.items() if name != "provenance"}
    arrays["digest"] = np.array(storage._digest(provenance, columns))
    np.savez(path, **arrays)


def test_content_that_was_changed_is_refused_by_its_digest(saved):
    run, path = saved
    rewritten(path)
    assert il.load_run(path) == run, "negative control"
    with np.load(path) as archive:
        arrays = dict(archive)
    later = {**arrays, "click_time_s": np.nextafter(arrays["click_time_s"], 1)}
    other = {**arrays, "provenance": np.array(str(arrays["provenance"]).replace('"seed"', '"seed" '))}
    np.savez(path, **other)
    assert il.load_run(path) == run, "the same provenance in other words"
    for name in ("attempts", "stream_version"):
        provenance = json.loads(str(arrays["provenance"]))
        provenance[name] += 1
        np.savez(path, **{**arrays, "provenance": np.array(json.dumps(provenance))})
        with pytest.raises(il.ParameterError, match="its digest is not that of its content"):
            il.load_run(path)
    np.savez(path, **later)
    with pytest.raises(il.ParameterError, match=r"run\.npz: .*its digest is not that of its content"):
        il.load_run(path)
    del arrays["digest"]
    np.savez(path, **arrays)
    with pytest.raises(il.ParameterError, match="it has no digest: an older ionlink or another program"):
        il.load_run(path)


@pytest.mark.parametrize("name", ["run.npz", "run.parquet"])
def test_every_changed_bit_of_a_run_is_found(bright, tmp_path, name):
    """Any file that is read at all gives the run that was written."""
    if name.endswith("parquet"):
        pytest.importorskip("pyarrow")
    run, path = bright.sample(heralds=100, seed=3), tmp_path / name
    run.save(path)
    whole = path.read_bytes()
    found, kept = 0, []
    for place in range(0, len(whole), 5):
        changed = bytearray(whole)
        changed[place] ^= 1 << place % 8
        path.write_bytes(bytes(changed))
        try:
            again = il.load_run(path)
        except il.ParameterError as error:
            found += str(path) in str(error)
        else:
            found += 1
            kept.append(again == run)
    assert all(kept)
    assert found == len(range(0, len(whole), 5)), "every error names the file"
    assert len(kept) < len(whole) / 5 / 2


@pytest.mark.parametrize(
    "error", [MemoryError(), IndexError("place"), OSError("deep inside"), RuntimeError()]
)
def test_whatever_a_damaged_file_makes_of_its_reader_is_one_error(saved, monkeypatch, error):
    _, path = saved

    def broken(*_arguments, **_options):
        raise error

    monkeypatch.setattr("numpy.load", broken)
    with pytest.raises(il.ParameterError, match=r"run\.npz: not a run saved by ionlink, or damaged: \w+"):
        il.load_run(path)


@pytest.mark.parametrize(
    "changes",
    [
        {"attempt": lambda array: array[::-1]},
        {"attempt": lambda array: array[:-1]},
        {"attempt": lambda array: array.astype(float)},
        {"pattern": lambda array: array + np.uint8(4)},
        {"cause": lambda array: array + np.uint8(len(il.CAUSES))},
        {"click_time_s": lambda array: array.T},
        {"click_time_s": lambda array: array * np.nan},
        {"attempts": lambda value: value - 10},
        {"attempts": str},
        {"format": lambda _: "something else"},
        {"seed": lambda _: -1},
        {"seed": lambda _: {"nonsense": 1}},
        {"link": lambda text: text.replace("mode_overlap", "overlap")},
        {"start_attempt": lambda value: value + 100},
        {"ended": lambda _: "never"},
        {"ended": lambda _: ["planned"]},
    ],
    ids=str,
)
def test_changed_files_are_refused(saved, changes):
    _, path = saved
    rewritten(path, **changes)
    with pytest.raises(il.ParameterError, match="not a run saved by ionlink, or damaged"):
        il.load_run(path)


def test_foreign_and_damaged_files_are_refused(saved, tmp_path):
    _, path = saved
    whole = path.read_bytes()
    other = tmp_path / "other.npz"
    damaged = [b"", b"PK", b"attempt,time_s\n1,2\n", whole[: len(whole) // 2], whole[100:]]
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 0xFF
    damaged.append(bytes(flipped))
    for content in damaged:
        other.write_bytes(content)
        with pytest.raises(il.ParameterError, match=r"other\.npz: not a run saved by ionlink"):
            il.load_run(other)
    np.savez(other, a=np.arange(3))
    with pytest.raises(il.ParameterError, match="provenance"):
        il.load_run(other)
    with zipfile.ZipFile(other, "w") as archive:
        archive.writestr("provenance.npy", b"not numpy")
    with pytest.raises(il.ParameterError):
        il.load_run(other)


def test_objects_in_files_are_never_unpickled(saved):
    _, path = saved
    with np.load(path) as archive:
        arrays = dict(archive)
    arrays["attempt"] = np.array([object()], dtype=object)
    np.savez(path, **arrays)
    with pytest.raises(il.ParameterError, match="damaged"):
        il.load_run(path)
