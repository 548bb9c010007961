"""Labelled results of sweeps, in memory and in files."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ionlink import seeds
from ionlink.errors import ParameterError, refused
from ionlink.extras import imported
from ionlink.sweeping.models import columns
from ionlink.sweeping.points import fingerprint, text

if TYPE_CHECKING:
    import os
    from collections.abc import Callable

    from ionlink.sweeping.models import Column
    from ionlink.sweeping.plan import Plan, Table

__all__ = ["check_path", "dataset", "load_sweep", "save_sweep", "xarray"]

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
            coords[f"{quantity.dimension}_name"] = (quantity.dimension, titles, title)
        values = np.ascontiguousarray(table.rows[:, column.start : column.stop : column.step]).reshape(shape)
        variables[_name(column)] = (named, values, _described(column))
    return _sealed(arrays.Dataset(variables, coords, _provenance(plan, table)))


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
        seal.update(text([name, list(map(str, variable.dims)), list(variable.shape)]).encode())
        if variable.dtype.kind == "f":
            seal.update(np.ascontiguousarray(variable.values, dtype="<f8").tobytes())
        else:  # files change the types of texts, and may change those of integers
            seal.update(text(variable.values.tolist()).encode())
    return seal.hexdigest()


def save_sweep(sweep: Any, path: str | os.PathLike[str]) -> None:
    """Write the result of `sweep` as NetCDF (``.nc``) or Zarr (``.zarr``).

    The file appears whole or not at all. `load_sweep` reads it back; so does any program for NetCDF or Zarr.

    Parameters
    ----------
    sweep : xarray.Dataset
        Result of `sweep`.
    path : path
        A file ending in ``.nc``, which is replaced, or a folder ending in ``.zarr``, which must not exist.

    Raises
    ------
    ParameterError
        For any other ending, a Zarr folder that is there, or something that is no dataset.
    MissingPackageError
        Without h5netcdf or zarr; it is an `ImportError`.
    """
    if not isinstance(sweep, xarray().Dataset):
        raise refused("sweep", sweep, "an xarray.Dataset")
    target, write = Path(path), check_path(path)
    folder = Path(tempfile.mkdtemp(prefix=f".{target.name}.", suffix=".tmp", dir=target.absolute().parent))
    try:
        made = folder / target.name
        write(sweep, made)
        made.replace(target)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def check_path(path: str | os.PathLike[str]) -> Callable[[Any, Path], None]:
    """Function that writes the format of a file's ending.

    Raises
    ------
    ParameterError
        For an unknown ending, or a file that cannot be there.
    """
    target = Path(path)
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
    source = Path(path)
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
        with arrays.open_dataset(source, engine=engine, decode_times=False) as opened:
            data = opened.load()
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
