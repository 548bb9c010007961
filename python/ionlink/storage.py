"""Runs in files: all of it as ``.npz``, one row per herald as ``.csv``."""

from __future__ import annotations

import csv
import json
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ionlink import _core, seeds
from ionlink.errors import ParameterError, refused
from ionlink.link import Link
from ionlink.results import Estimate, Run

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterator, Mapping

    from numpy.typing import NDArray

__all__ = ["load_run", "save"]

_CHUNK = 65_536
_FORMAT = "ionlink run 1"
_COLUMNS = {"attempt": np.uint64, "pattern": np.uint8, "cause": np.uint8, "click_time_s": np.float64}


def save(run: Run, path: str | os.PathLike[str]) -> None:
    """Write a run in the format of the file's ending."""
    writer_for(path)(run, Path(path))


def writer_for(path: str | os.PathLike[str]) -> Callable[[Run, Path], None]:
    """Function that writes the format of a file's ending.

    Raises
    ------
    ParameterError
        For an unknown ending.
    """
    writer = {".npz": _save_npz, ".csv": _save_csv}.get(Path(path).suffix.lower())
    if writer is None:
        raise refused("path", str(path), "a file name ending in .npz or .csv")
    return writer


def _provenance(run: Run) -> dict[str, object]:
    return {
        "format": _FORMAT,
        "version": run.version,
        "stream_version": run.stream_version,
        "engine": run.engine,
        "seed": seeds.plain(run.seed),
        "start_attempt": run.start_attempt,
        "attempts": run.attempts,
        "interrupted": run.interrupted,
        "herald_probability": list(run.herald_probability),
        "link": _core.link_to_toml(run.link.tree()),
    }


def _save_npz(run: Run, path: Path) -> None:
    columns: dict[str, Any] = {name: getattr(run, name) for name in _COLUMNS}
    with path.open("wb") as file:
        np.savez(file, provenance=np.array(json.dumps(_provenance(run))), **columns)


def _save_csv(run: Run, path: Path) -> None:
    provenance = _provenance(run)
    toml = str(provenance.pop("link"))
    with path.open("w", encoding="utf-8", newline="") as file:
        for name, value in provenance.items():
            file.write(f"# {name}: {value if isinstance(value, str) else json.dumps(value)}\n")
        file.writelines(f"# {line}".rstrip() + "\n" for line in ("link:", *toml.splitlines()))
        writer = csv.writer(file, lineterminator="\n")
        clicks = ("click_time_0_s", "click_time_1_s")
        writer.writerow(("attempt", "time_s", "bell_state", "pattern", "cause", *clicks))
        for start in range(0, run.heralds, _CHUNK):
            writer.writerows(_csv_rows(run, slice(start, start + _CHUNK)))


def _csv_rows(run: Run, part: slice) -> Iterator[tuple[object, ...]]:
    return zip(
        run.attempt[part].tolist(),
        run.time_s[part].tolist(),
        np.array(_core.BELL_STATES)[run.bell_state[part]].tolist(),
        np.array(run.pattern_names)[run.pattern[part]].tolist(),
        np.array(_core.CAUSES)[run.cause[part]].tolist(),
        *run.click_time_s[part].T.tolist(),
        strict=True,
    )


def load_run(path: str | os.PathLike[str]) -> Run:
    """Read a run written by `Run.save` as ``.npz``; equal to the one that was saved.

    Raises
    ------
    ParameterError
        If the file is something else, or damaged.
    OSError
        If the file cannot be read.
    """
    with Path(path).open("rb") as file:
        try:
            if not zipfile.is_zipfile(file):
                raise ValueError("not an .npz file")
            file.seek(0)
            with np.load(file, allow_pickle=False) as archive:
                return _restored(archive)
        except (
            AttributeError,
            EOFError,
            KeyError,
            NotImplementedError,
            OverflowError,
            TypeError,
            ValueError,
            zipfile.BadZipFile,
        ) as error:
            message = f"{path}: not a run saved by ionlink, or damaged: {error}"
            raise ParameterError(message, path="path") from error


def _restored(archive: Mapping[str, NDArray[Any]]) -> Run:
    provenance = json.loads(str(archive["provenance"]))
    if not isinstance(provenance, dict) or provenance.get("format") != _FORMAT:
        raise ValueError(f"its format is not {_FORMAT!r}")
    columns: dict[str, NDArray[Any]] = {name: archive[name] for name in _COLUMNS}
    heralds = len(columns["attempt"])
    for name, column in columns.items():
        shape = (heralds, 2) if name == "click_time_s" else (heralds,)
        if column.dtype != _COLUMNS[name] or column.shape != shape:
            raise ValueError(f"{name} has dtype {column.dtype} and shape {column.shape}")
    run = Run(
        link=Link._grown(_core.link_from_toml(provenance["link"])),
        attempts=provenance["attempts"],
        **columns,
        herald_probability=Estimate(*provenance["herald_probability"]),
        seed=seeds.from_plain(provenance["seed"]),
        engine=provenance["engine"],
        start_attempt=provenance["start_attempt"],
        interrupted=provenance["interrupted"],
        stream_version=provenance["stream_version"],
        version=provenance["version"],
    )
    if heralds:
        _check_record(run)
    return run


def _check_record(run: Run) -> None:
    inside = run.start_attempt <= run.attempt[0] and run.attempt[-1] < run.start_attempt + run.attempts
    if not inside or np.any(run.attempt[1:] <= run.attempt[:-1]):
        raise ValueError("attempt does not ascend within the run")
    if run.pattern.max() >= len(run.patterns) or run.cause.max() >= len(_core.CAUSES):
        raise ValueError("it has patterns or causes that its link does not have")
