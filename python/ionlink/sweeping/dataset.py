"""Labelled results of sweeps, in memory and in files."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ionlink import checks, seeds
from ionlink.digests import append_checksum, check_checksum
from ionlink.errors import ParameterError, refused
from ionlink.extras import imported
from ionlink.sweeping.models import columns
from ionlink.sweeping.points import fingerprint, text

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable, Iterator

    from ionlink.sweeping.models import Column
    from ionlink.sweeping.plan import Plan, Table

__all__ = ["check_path", "dataset", "load_sweep", "rehearse", "save_sweep", "xarray"]

_FORMAT = "ionlink sweep 1"
_EXTRA = "ionlink[sweep]"
_UNITS = {
    "rad_per_s": "rad/s", "per_s": "1/s", "db_per_km": "dB/km", "s": "s", "hz": "Hz", "m": "m", "rad": "rad",
    "nm": "nm", "db": "dB",
}  # fmt: skip
"""Units by the endings of parameters' names, longer ones first."""


def xarray() -> Any:
    """The package of labelled arrays."""
    return imported("xarray", "sweeps", _EXTRA)


def dataset(plan: Plan, table: Table) -> Any:
    """Dataset of a finished sweep."""
    arrays = xarray()
    axes = plan.points.axes
    dims = ("point",) if plan.points.zipped else tuple(axes)
    coords = {}
    for path, axis in axes.items():
        coords[path] = ("point" if plan.points.zipped else path, *_labels(path, axis))
    variables: dict[str, Any] = {}
    for column in columns(plan.quantities, plan.sampled):
        quantity, shape, named = column.quantity, plan.points.shape, dims
        if quantity.dimension is not None:
            shape, named = (*shape, len(quantity.things)), (*dims, quantity.dimension)
            numbers, titles = np.arange(len(quantity.things)), np.array(quantity.things, dtype=np.str_)
            coords[quantity.dimension] = (quantity.dimension, numbers, {"long_name": quantity.dimension})
            title = {"long_name": f"name of each {quantity.dimension}"}
            if not _renamed(axes):
                coords[f"{quantity.dimension}_name"] = (quantity.dimension, titles, title)
        values = np.ascontiguousarray(table.rows[:, column.start : column.stop : column.step]).reshape(shape)
        variables[_name(column)] = (named, values, _described(column))
    return _sealed(arrays.Dataset(variables, coords, _provenance(plan, table)))


def _renamed(axes: Iterable[str]) -> bool:
    """Whether the ends of demands change from point to point: then no name is that of all points."""
    steps = [path.split(".") for path in axes]
    return any(step[0] == "demands" and (len(step) == 2 or step[2] == "between") for step in steps)


def _name(column: Column) -> str:
    quantity, block = column.quantity, column.block
    if not block:
        return quantity.name
    return f"sampled_{quantity.name}" + (f"_{block}" if block in ("low", "high") else "")


def _described(column: Column) -> dict[str, str]:
    quantity = column.quantity
    how = {
        "": "exact",
        "value": "sampled",
        "low": "sampled, lower end of the 95 % interval",
        "high": "sampled, upper end of the 95 % interval",
        "count": "counted",
    }[column.block]
    return {"units": quantity.units, "long_name": f"{quantity.title}, {how}"}


def _labels(path: str, axis: tuple[Any, ...]) -> tuple[Any, dict[str, str]]:
    """Values of a parameter as a coordinate: numbers and texts as they are, all else as canonical text."""
    numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for value in axis)
    if numbers:
        integral = all(isinstance(value, int) and abs(value) < 2**63 for value in axis)
        labels = np.array(axis, dtype=np.int64 if integral else np.float64)
    elif all(isinstance(value, bool) for value in axis):
        labels = np.array(axis, dtype=np.bool_)
    else:
        labels = np.array([value if isinstance(value, str) else text(value) for value in axis], dtype=np.str_)
    attributes = {"long_name": path}
    ending = next((ending for ending in _UNITS if path.endswith(f"_{ending}")), None)
    if numbers and ending is not None:
        attributes["units"] = _UNITS[ending]
    return labels, attributes


def _provenance(plan: Plan, table: Table) -> dict[str, str | float]:
    attributes: dict[str, str | float] = {
        "format": _FORMAT,
        "version": plan.version,
        "stream_version": plan.stream_version,
        plan.kind.name: plan.kind.text(plan.model),
    }
    if plan.seed is not None:
        # files have no type for truth
        effort = {name: value for name, value in plan.options.items() if not isinstance(value, bool)}
        attributes |= {**effort, "seed": seeds.text(plan.seed)}
    for what, refusal in sorted(table.refused.items()):
        attributes[f"without_{what}"] = (
            f"{refusal.points} of {plan.points.size} points; the first is number {refusal.first}: "
            f"{refusal.reason}"
        )
    return attributes


def _sealed(data: Any) -> Any:
    """The dataset with the digest of its content, by which `load_sweep` knows that nothing was changed."""
    names = sorted([*data.data_vars, *data.coords])
    data.attrs["variables"] = text(names)
    data.attrs["digest"] = _digest(data, names)
    return data


def _digest(data: Any, names: list[str]) -> str:
    seal = hashlib.sha256()
    attributes = {name: str(value) for name, value in data.attrs.items() if name != "digest"}
    seal.update(fingerprint(attributes).encode())
    for name in names:
        variable = data[name]
        own = {key: str(value) for key, value in variable.attrs.items()}
        seal.update(text([name, list(map(str, variable.dims)), list(variable.shape), own]).encode())
        if variable.dtype.kind == "f":
            seal.update(np.ascontiguousarray(variable.values, dtype="<f8").tobytes())
        else:  # files change the types of texts, and may change those of integers
            seal.update(text(variable.values.tolist()).encode())
    return seal.hexdigest()


def save_sweep(sweep: Any, path: str | os.PathLike[str]) -> None:
    """Write the result of `sweep` as NetCDF (``.nc``) or Zarr (``.zarr``).

    The file appears whole or not at all. `load_sweep` reads it back; so does any program for NetCDF or Zarr.
    In names, ``%`` and ``/``, which files do not allow, are written ``%25`` and ``%2F``.

    Parameters
    ----------
    sweep : xarray.Dataset
        Result of `sweep` as it was made, with or without variables that you added. What was selected, renamed
        or changed is no longer that sweep: save the whole map and select again, or use xarray's `to_netcdf`.
    path : path
        A file ending in ``.nc``, which is replaced, or a folder ending in ``.zarr``, which must not exist.

    Raises
    ------
    ParameterError
        For any other ending, a Zarr folder that is there, something that is no dataset, or a dataset that is
        not, or no longer, the result of a sweep.
    MissingPackageError
        Without h5netcdf or zarr; it is an `ImportError`.
    """
    if not isinstance(sweep, xarray().Dataset):
        raise refused("sweep", sweep, "an xarray.Dataset")
    write, target = check_path(path), Path(path)
    _check_seal(sweep)
    with _folder_beside(target) as folder:
        made = folder / target.name
        write(_in_file(sweep), made)
        made.replace(target)


def rehearse(sweep: Any, path: str | os.PathLike[str]) -> None:
    """Write and read a dataset where `save_sweep` will write one like it, before its numbers are computed.

    Raises
    ------
    ParameterError
        If the file could not be written, or would not come back as it was.
    """
    write, target = check_path(path), Path(path)
    try:
        with _folder_beside(target) as folder:
            write(_in_file(sweep), folder / target.name)
            load_sweep(folder / target.name)
    except Exception as error:  # whatever the format's package does not like
        reason = " ".join(str(error).split())
        raise ParameterError(f"`path`: this map cannot be saved as {path}: {reason}", path="path") from error


@contextmanager
def _folder_beside(target: Path) -> Iterator[Path]:
    """A folder for unfinished files, on the same disk, that does not stay."""
    folder = Path(tempfile.mkdtemp(prefix=f".{target.name}.", suffix=".tmp", dir=target.absolute().parent))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _check_seal(sweep: Any) -> None:
    """Refuse what `load_sweep` would refuse."""
    try:
        whole = sweep.attrs["format"] == _FORMAT
        whole = whole and sweep.attrs["digest"] == _digest(sweep, json.loads(sweep.attrs["variables"]))
    except (KeyError, TypeError, ValueError):
        whole = False
    if not whole:
        message = (
            "`sweep` must be the result of il.sweep as it was made: this one was selected from, renamed, "
            "changed, or comes from elsewhere; save the whole map, and what is derived from it with its own "
            "to_netcdf or to_zarr"
        )
        raise ParameterError(message, path="sweep", domain="the whole result of a sweep")


def _in_file(sweep: Any) -> Any:
    """The dataset under names that files can have: no slash, which separates groups."""
    return _with_names(sweep, lambda name: name.replace("%", "%25").replace("/", "%2F"))


def _in_memory(stored: Any) -> Any:
    return _with_names(stored, lambda name: name.replace("%2F", "/").replace("%25", "%"))


def _with_names(data: Any, renamed: Callable[[str], str]) -> Any:
    names = [name for name in {*data.variables, *data.dims} if isinstance(name, str)]
    changed = {name: renamed(name) for name in names if renamed(name) != name}
    return data.rename(changed) if changed else data


def check_path(path: str | os.PathLike[str]) -> Callable[[Any, Path], None]:
    """Function that writes the format of a file's ending.

    Raises
    ------
    ParameterError
        For an unknown ending, or a file that cannot be there.
    """
    target = checks.path("path", path)
    writer = {".nc": _write_netcdf, ".zarr": _write_zarr}.get(target.suffix.lower())
    if writer is None:
        raise refused("path", str(path), "a name ending in .nc or .zarr")
    if not target.absolute().parent.is_dir():
        raise ParameterError(f"{path}: no such folder", path="path")
    if target.is_dir() or (writer is _write_zarr and target.exists()):
        raise refused("path", str(path), "a name that is not in use")
    xarray()
    _package(writer is _write_zarr)
    return writer


def _package(is_zarr: bool) -> Any:
    return imported("zarr" if is_zarr else "h5netcdf", "Zarr stores" if is_zarr else "NetCDF files", _EXTRA)


def _write_netcdf(sweep: Any, path: Path) -> None:
    sweep.to_netcdf(path, engine="h5netcdf")
    append_checksum(path)


def _write_zarr(sweep: Any, path: Path) -> None:
    # format 2, which has a standard for texts
    sweep.to_zarr(path, zarr_format=2, consolidated=True)


def load_sweep(path: str | os.PathLike[str]) -> Any:
    """Read a sweep from a NetCDF file, a Zarr folder, or the folder of a finished checkpoint.

    Parameters
    ----------
    path : path
        What `save_sweep` wrote, or the `checkpoint` of a sweep.

    Returns
    -------
    xarray.Dataset
        In memory, identical to the one that was saved.

    Raises
    ------
    ParameterError
        If it is something else, damaged, or was changed since; for a checkpoint also if shards are missing.
    MissingPackageError
        Without xarray, h5netcdf or zarr; it is an `ImportError`.
    OSError
        If the file cannot be read.
    """
    source = checks.path("path", path)
    arrays = xarray()
    if source.is_dir() and source.suffix.lower() != ".zarr":
        from ionlink.sweeping.main import collected

        return collected(source)
    is_zarr = source.is_dir()
    if not is_zarr:
        with source.open("rb"):
            pass
    _package(is_zarr)
    try:
        engine = "zarr" if is_zarr else "h5netcdf"
        if not is_zarr:  # first: damaged files can send the library of HDF5 round in circles
            check_checksum(source)
        with arrays.open_dataset(source, engine=engine, decode_times=False) as opened:
            data = _in_memory(opened.load())
        if data.attrs.get("format") != _FORMAT:
            raise ValueError(f"its format is not {_FORMAT!r}")
        for name, variable in data.variables.items():
            if variable.dtype == object:
                data[name] = (variable.dims, variable.values.astype(np.str_), variable.attrs)
        if data.attrs["digest"] != _digest(data, json.loads(data.attrs["variables"])):
            raise ValueError("its numbers are not those that were written")
    except Exception as error:  # whatever a damaged file makes of its reader
        reason = " ".join(str(error).split())
        message = f"{path}: not a sweep saved by ionlink, or damaged: {reason}"
        raise ParameterError(message, path="path") from error
    for variable in data.variables.values():
        variable.encoding = {}
    data.encoding = {}
    return data
