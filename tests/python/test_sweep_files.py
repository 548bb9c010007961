"""Maps and checkpoints on disk: they come back equal, or are refused with the reason."""

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

import ionlink as il
from ionlink.digests import append_checksum
from ionlink.sweeping.points import fingerprint

xarray = pytest.importorskip("xarray")

VALUES = {"mode_overlap": [0.5, 0.75, 1.0], "station.window_duration_s": [1e-8, 2e-8]}
FORMATS = [("map.nc", "h5netcdf"), ("map.zarr", "zarr")]


@pytest.fixture
def data(bright):
    return il.sweep(bright, VALUES, heralds=100, seed=7)


@pytest.fixture
def kept(bright, tmp_path):
    """A finished checkpoint of six shards."""
    il.sweep(bright, VALUES, heralds=100, seed=7, checkpoint=tmp_path / "kept")
    return tmp_path / "kept"


def refused(path, message):
    with pytest.raises(il.ParameterError, match=message):
        il.load_sweep(path)


@pytest.mark.parametrize(("name", "engine"), FORMATS)
def test_a_saved_map_comes_back_identical(data, name, engine, tmp_path):
    package = pytest.importorskip(engine)
    assert package
    il.save_sweep(data, tmp_path / name)
    again = il.load_sweep(str(tmp_path / name))
    xarray.testing.assert_identical(again, data)
    for variable in data.variables:
        assert again[variable].values.tobytes() == data[variable].values.tobytes()
    # other programs read it too
    with xarray.open_dataset(tmp_path / name, engine=engine) as other:
        assert np.array_equal(other.sampled_fidelity, data.sampled_fidelity)
        assert other.rate_hz.units == "1/s"
    assert os.listdir(tmp_path) == [name]  # noqa: PTH208
    il.save_sweep(again, tmp_path / f"again-{name}")
    xarray.testing.assert_identical(il.load_sweep(tmp_path / f"again-{name}"), data)


def test_maps_with_nothing_in_places_come_back(tmp_path, bright):
    values = {"station.detectors.dead_time_s": [0.0, 5e-6], "mode_overlap": [0.5, 1.0]}
    data = il.sweep(bright, values, heralds=20, seed=1, zipped=True)
    for name, _ in FORMATS:
        il.save_sweep(data, tmp_path / name)
        xarray.testing.assert_identical(il.load_sweep(tmp_path / name), data)
    assert np.isnan(data.fidelity.values).sum() == 1


def test_what_the_user_adds_is_kept(data, tmp_path):
    path = tmp_path / "map.nc"
    il.save_sweep(data.assign(key_rate_hz=data.rate_hz / 2), path)
    assert np.array_equal(il.load_sweep(path).key_rate_hz, data.rate_hz / 2)


def test_changed_numbers_labels_and_attributes_are_found(data, tmp_path):
    path = tmp_path / "map.nc"
    changed = data.copy(deep=True)
    changed.fidelity.values[0, 0] += 1e-15
    for wrong in (
        changed,
        data.assign_attrs(seed="8"),
        data.assign_coords(mode_overlap=[0.5, 0.75, 0.9]),
        data.isel(mode_overlap=[1, 0, 2]),
        data.assign(rate_hz=data.rate_hz.assign_attrs(units="Hz")),
    ):
        write(wrong, path)
        refused(path, r"map\.nc: not a sweep saved by ionlink, or damaged: its numbers are not those that")
    write(data.drop_vars("fidelity"), path)
    refused(path, "damaged: .*fidelity")
    write(xarray.Dataset({"a": ("x", [1.0])}), path)
    refused(path, "its format is not 'ionlink sweep 1'")
    data.to_netcdf(path, engine="h5netcdf")
    refused(path, "it does not end with its checksum")


def write(dataset, path):
    """As `save_sweep`, without its checks."""
    dataset.to_netcdf(path, engine="h5netcdf")
    append_checksum(path)


CHANGES = {
    "isel": lambda data: data.isel(mode_overlap=0),
    "isel all": lambda data: data.isel(mode_overlap=[1, 0, 2]),
    "sel": lambda data: data.sel(mode_overlap=1.0),
    "transpose": lambda data: data.transpose(),
    "rename": lambda data: data.rename(fidelity="F"),
    "rename path": lambda data: data.rename(mode_overlap="M"),
    "one variable": lambda data: data[["fidelity"]],
    "numbers": lambda data: data.assign(fidelity=data.fidelity + 1e-15),
    "attributes": lambda data: data.assign_attrs(note="mine"),
    "units": lambda data: data.assign(rate_hz=data.rate_hz.assign_attrs(units="Hz")),
    "foreign": lambda _: xarray.Dataset({"a": ("x", [1.0])}),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("name", ["map.nc", "map.zarr"])
def test_what_could_not_be_loaded_again_is_not_saved(data, tmp_path, name, change):
    with pytest.raises(il.ParameterError, match=r"as it was made: .* save the whole map"):
        il.save_sweep(CHANGES[change](data), tmp_path / name)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["map.nc", "map.zarr"])
def test_names_that_files_do_not_allow_come_back(tmp_path, name):
    link = il.basic_link(efficiency=(0.4, 0.3))
    network = il.Network()
    for node in ("lab/a", "100%", "%2F"):
        network.add_node(node, communication_ions=1)
    network.add_link(link, between=("lab/a", "100%"))
    network.add_link(link, between=("100%", "%2F"))
    network.demand("lab/a", "100%", rate_hz=20.0)
    values = {f"nodes.{node}.communication_ions": [1, 2] for node in ("lab/a", "100%", "%2F")}
    data = il.sweep(network, values, duration_s=0.01, by_demand=True, seed=7)
    assert "nodes.lab/a.communication_ions" in data.dims
    il.save_sweep(data, tmp_path / name)
    xarray.testing.assert_identical(il.load_sweep(tmp_path / name), data)


def test_every_changed_bit_of_a_map_is_found_before_it_is_read(data, tmp_path, monkeypatch):
    """The library of HDF5 may never end with a damaged file."""
    path = tmp_path / "map.nc"
    il.save_sweep(data, path)
    monkeypatch.setattr(xarray, "open_dataset", None)
    whole = path.read_bytes()
    for place in [*range(0, len(whole), 61), *range(len(whole) - 90, len(whole))]:
        changed = bytearray(whole)
        changed[place] ^= 1 << place % 8
        path.write_bytes(bytes(changed))
        refused(path, "checksum")


def test_changed_bits_of_a_zarr_store_are_found(data, tmp_path):
    pytest.importorskip("zarr")
    path = tmp_path / "map.zarr"
    il.save_sweep(data, path)
    found, kept = 0, []
    for file in sorted(entry for entry in path.rglob("*") if entry.is_file()):
        whole = file.read_bytes()
        for place in range(0, len(whole), 97):
            changed = bytearray(whole)
            changed[place] ^= 1 << place % 8
            file.write_bytes(bytes(changed))
            try:
                again = il.load_sweep(path)
            except il.ParameterError:
                found += 1
            else:
                kept.append(again.identical(data))
        file.write_bytes(whole)
    assert all(kept)
    assert found > 50


def test_folders_and_files_have_names(data, bright):
    for wrong in (5, None, "", b"map.nc"):
        with pytest.raises(il.ParameterError, match="`path` must be the name of a file or folder"):
            il.save_sweep(data, wrong)
        with pytest.raises(il.ParameterError, match="`path` must be the name of a file or folder"):
            il.load_sweep(wrong)
        if wrong is not None:
            with pytest.raises(il.ParameterError, match="`checkpoint` must be the name of a file or folder"):
                il.sweep(bright, VALUES, checkpoint=wrong)


def test_a_manifest_that_another_share_puts_there_meanwhile_is_read(
    kept, data, bright, tmp_path, monkeypatch
):
    """Shares of a job array begin together: one looks, another writes, the first lists the folder."""
    folder, real, looks = tmp_path / "shared", Path.read_bytes, []
    folder.mkdir()

    def read_bytes(path):
        try:
            return real(path)
        except FileNotFoundError:
            looks.append(path)
            shutil.copy(kept / "manifest.json", folder / "manifest.json")
            raise

    monkeypatch.setattr(Path, "read_bytes", read_bytes)
    xarray.testing.assert_identical(il.sweep(bright, VALUES, heralds=100, seed=7, checkpoint=folder), data)
    assert looks == [folder / "manifest.json"]


def test_damaged_and_foreign_netcdf_files_are_refused(data, tmp_path):
    path = tmp_path / "map.nc"
    il.save_sweep(data, path)
    whole = path.read_bytes()
    number = whole.index(data.sampled_rate_hz.values.tobytes())
    flipped = bytearray(whole)
    flipped[number + 3] ^= 1
    for content in (b"", b"text", whole[:100], whole[: len(whole) // 2], whole[:-1], bytes(flipped)):
        path.write_bytes(content)
        refused(path, r"map\.nc: not a sweep saved by ionlink, or damaged: ")
    path.write_bytes(whole)
    xarray.testing.assert_identical(il.load_sweep(path), data)
    with pytest.raises(FileNotFoundError):
        il.load_sweep(tmp_path / "nothing.nc")


def test_damaged_zarr_folders_are_refused(data, tmp_path):
    path = tmp_path / "map.zarr"
    il.save_sweep(data, path)
    (chunk,) = [file for file in (path / "fidelity").iterdir() if not file.name.startswith(".")]
    whole = chunk.read_bytes()
    for content in (whole[:-1], whole[:20], b"", whole[:-1] + bytes([whole[-1] ^ 1])):
        chunk.write_bytes(content)
        refused(path, r"map\.zarr: not a sweep saved by ionlink, or damaged: ")
    chunk.unlink()  # Zarr reads what is not there as a fill value
    refused(path, "damaged: ")
    shutil.rmtree(path)
    path.mkdir()
    refused(path, "damaged: ")


def test_files_that_cannot_be_written_are_refused(data, tmp_path):
    for name in ("map.csv", "map", "no/such/map.nc"):
        with pytest.raises(il.ParameterError, match=r"ending in \.nc or \.zarr|no such folder"):
            il.save_sweep(data, tmp_path / name)
    il.save_sweep(data, tmp_path / "map.zarr")
    with pytest.raises(il.ParameterError, match="a name that is not in use"):
        il.save_sweep(data, tmp_path / "map.zarr")
    with pytest.raises(il.ParameterError, match=r"`sweep` must be an xarray\.Dataset"):
        il.save_sweep({"a": 1}, tmp_path / "map.nc")


def test_a_finished_checkpoint_is_a_map(kept, data, bright, monkeypatch):
    xarray.testing.assert_identical(il.load_sweep(kept), data)
    monkeypatch.setattr("ionlink.sweeping.tasks._row", None)  # nothing is computed again
    again = il.sweep(bright, VALUES, heralds=100, checkpoint=kept)  # the seed is the checkpoint's
    xarray.testing.assert_identical(again, data)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"heralds": 101}, r"`heralds` differs \(100 there, 101 here\)"),
        ({"heralds": None}, "`heralds` differs"),
        ({"seed": 8}, r"`seed` differs \(7 there, 8 here\)"),
        ({"engine": "photon"}, "`engine` differs"),
        ({"values": {**VALUES, "mode_overlap": [0.5, 0.75, 0.9]}}, "`points` differs"),
        ({"values": dict(reversed(VALUES.items()))}, "`points` differs"),
        ({"link": il.basic_link(efficiency=(0.4, 0.3))}, "`model` differs"),
    ],
)
def test_a_changed_sweep_is_not_mixed_with_another(kept, bright, changes, message):
    before = sorted(kept.iterdir())
    options = {"link": bright, "values": VALUES, "heralds": 100, "seed": 7, "checkpoint": kept}
    with pytest.raises(il.ParameterError, match=rf"kept holds another sweep: {message}"):
        il.sweep(**{**options, **changes})
    assert sorted(kept.iterdir()) == before


def test_other_versions_are_not_mixed(kept, bright, monkeypatch):
    manifest = json.loads((kept / "manifest.json").read_text("utf-8"))
    manifest["configuration"]["stream_version"] -= 1
    manifest["fingerprint"] = fingerprint(manifest["configuration"])
    (kept / "manifest.json").write_text(json.dumps(manifest), "utf-8")
    with pytest.raises(il.ParameterError, match="`stream_version` differs"):
        il.sweep(bright, VALUES, heralds=100, seed=7, checkpoint=kept)
    refused(kept, "its configuration is")  # shards of the version before


def test_every_changed_bit_of_a_shard_is_found(kept, data):
    """Any file that is read at all is the one that was written."""
    path = kept / "shard-000002.npz"
    whole = path.read_bytes()
    survived, found = 0, set()
    for place in range(0, len(whole), 7):
        changed = bytearray(whole)
        changed[place] ^= 1 << place % 8
        path.write_bytes(bytes(changed))
        try:
            again = il.load_sweep(kept)
        except il.ParameterError as error:
            found.add(str(error).partition(":")[2].partition(", or damaged")[0])
        else:
            survived += 1  # dates and the like
            xarray.testing.assert_identical(again, data)
    assert survived < len(whole) / 7 / 4
    assert found == {f" {path} is no shard of this sweep"}


def test_truncated_and_foreign_shards_are_refused(kept, bright, data, tmp_path):
    path = kept / "shard-000002.npz"
    whole = path.read_bytes()
    options = {"heralds": 100, "seed": 7}
    il.sweep(bright, VALUES, heralds=100, seed=8, checkpoint=tmp_path / "other")
    other = (tmp_path / "other" / "shard-000002.npz").read_bytes()
    next_one = (kept / "shard-000003.npz").read_bytes()
    np.savez(tmp_path / "foreign.npz", rows=np.zeros((1, 12)))
    foreign = (tmp_path / "foreign.npz").read_bytes()
    np.savez(tmp_path / "objects.npz", rows=np.array([{}]), record=np.array([{}]))
    objects = (tmp_path / "objects.npz").read_bytes()
    for content in (b"", whole[:10], whole[:-1], whole[: len(whole) // 2], other, next_one, foreign, objects):
        path.write_bytes(content)
        refused(kept, r"shard-000002\.npz is no shard of this sweep, or damaged")
        with pytest.raises(il.ParameterError, match=r"shard-000002\.npz is no shard of this sweep"):
            il.sweep(bright, VALUES, **options, checkpoint=kept)
    path.unlink()
    refused(kept, "lacks 1 of 6 shards, the first is number 2")
    xarray.testing.assert_identical(il.sweep(bright, VALUES, **options, checkpoint=kept), data)
    assert path.read_bytes()[-200:] != b""
    (kept / "shard-000006.npz").write_bytes(whole)
    refused(kept, r"shard-000006\.npz is not of this sweep, which has 6 shards")


def test_damaged_manifests_are_refused(kept, bright):
    path = kept / "manifest.json"
    whole = path.read_text("utf-8")
    for content in (
        "",
        "{}",
        "[]",
        whole[:-10],
        whole.replace('"heralds": 100', '"heralds": 1000'),
        "\ud800",
    ):
        path.write_bytes(content.encode("utf-8", "surrogatepass"))
        refused(kept, r"manifest\.json is no manifest of a sweep, or damaged")
        with pytest.raises(il.ParameterError, match="no manifest of a sweep, or damaged"):
            il.sweep(bright, VALUES, heralds=100, seed=7, checkpoint=kept)
    path.unlink()
    refused(kept, r"kept has no manifest\.json, but other files, such as shard-000000\.npz")


def test_folders_that_are_no_checkpoint_are_refused(bright, tmp_path):
    (tmp_path / "file").write_text("text", "utf-8")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "notes.txt").write_text("text", "utf-8")
    for name, message in (
        ("file", "`checkpoint` must be a folder"),
        ("file/inside", "`checkpoint` must be a folder that can be written"),
        ("folder", "has no manifest.json, but other files, such as notes.txt"),
    ):
        with pytest.raises(il.ParameterError, match=message):
            il.sweep(bright, VALUES, heralds=10**9, checkpoint=tmp_path / name)
    refused(tmp_path / "folder", "notes.txt")
    (tmp_path / "empty").mkdir()
    refused(tmp_path / "empty", "no folder of a sweep")
    assert il.sweep(bright, VALUES, checkpoint=tmp_path / "empty").sizes


def test_a_full_disk_loses_nothing_and_hides_nothing(bright, data, tmp_path, monkeypatch):
    """A shard that could not be written whole is not there at all."""
    real, calls = os.fsync, []

    def full(descriptor):
        calls.append(descriptor)
        if len(calls) == 7:
            raise OSError(28, "No space left on device")
        real(descriptor)

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        il.sweep(bright, VALUES, heralds=100, seed=7, checkpoint=tmp_path / "kept", threads=1)
    found = sorted(path.name for path in (tmp_path / "kept").iterdir())
    assert found == ["manifest.json", "shard-000000.npz", "shard-000001.npz"]
    monkeypatch.undo()
    again = il.sweep(bright, VALUES, heralds=100, seed=7, checkpoint=tmp_path / "kept")
    xarray.testing.assert_identical(again, data)
