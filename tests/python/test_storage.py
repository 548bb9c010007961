"""Runs in files."""

import csv
import json
import zipfile

import numpy as np
import pytest

import ionlink as il


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


def test_an_empty_run_and_a_huge_seed_come_back_equal(bright, tmp_path):
    for run in (bright.sample(attempts=0, seed=2**190), bright.sample(heralds=0, seed=1)):
        run.save(tmp_path / "RUN.NPZ")
        assert il.load_run(tmp_path / "RUN.NPZ") == run


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
    for name in ("run.parquet", "run", "run.npz.gz"):
        with pytest.raises(il.ParameterError, match=r"\.npz or \.csv"):
            run.save(tmp_path / name)
        assert not (tmp_path / name).exists()


def test_a_file_that_does_not_exist_is_an_os_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        il.load_run(tmp_path / "none.npz")


def rewritten(path, **changes):
    with np.load(path) as archive:
        arrays = dict(archive)
    provenance = json.loads(str(arrays["provenance"]))
    for name, change in changes.items():
        if name in arrays:
            arrays[name] = change(arrays[name])
        else:
            provenance[name] = change(provenance[name])
    arrays["provenance"] = np.array(json.dumps(provenance))
    np.savez(path, **arrays)


@pytest.mark.parametrize(
    "changes",
    [
        {"attempt": lambda array: array[::-1]},
        {"attempt": lambda array: array[:-1]},
        {"attempt": lambda array: array.astype(float)},
        {"pattern": lambda array: array + np.uint8(4)},
        {"cause": lambda array: array + np.uint8(3)},
        {"click_time_s": lambda array: array.T},
        {"attempts": lambda value: value - 10},
        {"attempts": str},
        {"format": lambda _: "something else"},
        {"seed": lambda _: -1},
        {"seed": lambda _: {"nonsense": 1}},
        {"link": lambda text: text.replace("mode_overlap", "overlap")},
        {"herald_probability": lambda _: [1.0]},
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
