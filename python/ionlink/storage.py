"""Runs in files: all of it as ``.npz``, one row per herald as ``.parquet`` and ``.csv``."""

from __future__ import annotations

import csv
import json
import operator
import zipfile
from typing import TYPE_CHECKING, Any

import numpy as np

from ionlink import _core, checks, seeds
from ionlink.digests import DIGEST, ColumnsDigest, check_digest
from ionlink.errors import MissingPackageError, ParameterError, refused
from ionlink.extras import imported
from ionlink.link import Link
from ionlink.runs import HIDDEN, Coincidences, Run

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Container, Iterator, Mapping, Sequence
    from pathlib import Path
    from typing import BinaryIO

    from numpy.typing import NDArray

__all__ = ["load_run", "save"]

_CHUNK = 65_536
_FORMAT = "ionlink run 1"
_COLUMNS: dict[str, tuple[type, int | None]] = {
    "attempt": (np.uint64, None),
    "pattern": (np.uint8, None),
    "cause": (np.uint8, None),
    "click_time_s": (np.float64, 2),
}
"""Type and width of each column."""
_COINCIDENCES: dict[str, tuple[type, int | None]] = {
    "attempt": (np.uint64, None),
    "mode": (np.uint8, None),
    "click_time_s": (np.float64, 2),
}
_PREFIX = "coincidence_"
_ENDINGS = ("planned", "enough", "interrupted")


def save(run: Run, path: str | os.PathLike[str]) -> None:
    """Write a run in the format of the file's ending."""
    target = checks.path("path", path)
    writer_for(target)(run, target)


def writer_for(path: str | os.PathLike[str]) -> Callable[[Run, Path], None]:
    """Function that writes the format of a file's ending.

    Raises
    ------
    ParameterError
        For an unknown ending.
    """
    ending = checks.path("path", path).suffix.lower()
    writer = {".npz": _save_npz, ".parquet": _save_parquet, ".csv": _save_csv}.get(ending)
    if writer is None:
        raise refused("path", str(path), "a file name ending in .npz, .parquet or .csv")
    if writer is _save_parquet:
        _parquet()
    return writer


def _parquet() -> Any:
    return imported("pyarrow.parquet", "Parquet files", "ionlink[parquet]")


def _provenance(run: Run) -> dict[str, object]:
    return {
        "format": _FORMAT,
        "version": run.version,
        "stream_version": run.stream_version,
        "engine": run.engine,
        "engine_reason": run.engine_reason,
        "seed": seeds.plain(run.seed),
        "start_attempt": run.start_attempt,
        "attempts": run.attempts,
        "ended": run.ended,
        "at_herald": run.at_herald,
        "coincidence_window_s": run.coincidence_window_s,
        "window_duration_s": run.window_duration_s,
        "link": run.link.core.to_toml(),
    }


def metadata(run: Run) -> dict[str, str]:
    """What the schema of an Arrow table tells about a run: link file, all else that is no column, digest."""
    provenance = _provenance(run)
    digest = _digest(provenance, _rows(run))
    link = str(provenance.pop("link"))
    return {"ionlink.provenance": json.dumps(provenance), "ionlink.link": link, DIGEST: digest}


def _rows(run: Run) -> dict[str, Any]:
    """The columns that heralds are restored from, in the order of the digest."""
    columns: dict[str, Any] = {name: getattr(run, name) for name in _COLUMNS}
    return columns | {name: getattr(run, name) for name in HIDDEN if getattr(run, name) is not None}


def _content(run: Run) -> dict[str, Any]:
    """All columns that a run is restored from: tables have no place for coincidences."""
    columns = _rows(run)
    if run.coincidences is not None:
        columns |= {f"{_PREFIX}{name}": getattr(run.coincidences, name) for name in _COINCIDENCES}
        columns[f"{_PREFIX}mode"] = run.coincidences.mode[:, 0]
    return columns


def _digest(provenance: Mapping[str, object], columns: Mapping[str, NDArray[Any]]) -> str:
    digest = ColumnsDigest(provenance)
    digest.add(columns)
    return digest.hexdigest()


def _save_npz(run: Run, path: Path) -> None:
    columns, provenance = _content(run), _provenance(run)
    digest = np.array(_digest(provenance, columns))
    with path.open("wb") as file:
        np.savez(file, provenance=np.array(json.dumps(provenance)), digest=digest, **columns)


def _save_parquet(run: Run, path: Path) -> None:
    if run.coincidences is not None:
        raise refused("path", str(path), "a file name ending in .npz for a run with coincidences")
    table = run.to_arrow()
    with path.open("wb") as file:
        _parquet().write_table(table, file, write_page_checksum=True)


def _save_csv(run: Run, path: Path) -> None:
    provenance = _provenance(run)
    toml = str(provenance.pop("link"))
    provenance["herald_probability"] = list(run.herald_probability)
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
    """Read a run written by `Run.save` as ``.npz`` or ``.parquet``; equal to the one that was saved.

    Raises
    ------
    ParameterError
        If the file is something else, or damaged.
    MissingPackageError
        For a Parquet file without pyarrow; it is an `ImportError`.
    OSError
        If the file cannot be read.
    """
    source = checks.path("path", path)
    with source.open("rb") as file:
        is_parquet = file.read(4) == b"PAR1"
        file.seek(0)
        try:
            return _load_parquet(file) if is_parquet else _load_npz(file)
        except MissingPackageError:
            raise
        except Exception as error:  # whatever a damaged file makes of its reader
            reason = " ".join(str(error).split()) or type(error).__name__
            message = f"{source}: not a run saved by ionlink, or damaged: {reason}"
            raise ParameterError(message, path="path") from error


def _load_npz(file: BinaryIO) -> Run:
    if not zipfile.is_zipfile(file):
        raise ValueError("neither an .npz nor a Parquet file")
    file.seek(0)
    with np.load(file, allow_pickle=False) as archive:
        provenance = _checked(json.loads(str(archive["provenance"])))
        columns = _columns(archive, _COLUMNS | _hidden(archive))
        kept = dict(columns)
        coincidences = None
        if f"{_PREFIX}attempt" in archive:
            found = _columns({name: archive[f"{_PREFIX}{name}"] for name in _COINCIDENCES}, _COINCIDENCES)
            kept |= {f"{_PREFIX}{name}": column for name, column in found.items()}
            coincidences = Coincidences._of(**found)
        check_digest(str(archive["digest"]) if "digest" in archive else None, provenance, kept)
    return _restored(provenance, columns, coincidences)


def _load_parquet(file: BinaryIO) -> Run:
    table = _parquet().ParquetFile(file, page_checksum_verification=True).read()
    known = table.schema.metadata or {}
    provenance = _checked(json.loads(known[b"ionlink.provenance"]))
    provenance["link"] = known[b"ionlink.link"].decode()
    patterns = [name for name, _, _ in _link(provenance).core.patterns]
    rows = {"attempt": np.asarray(table["attempt"])}
    rows["pattern"] = _indices(table["pattern"], patterns)
    rows["cause"] = _indices(table["cause"], _core.CAUSES)
    several = {"click_time_s": [f"click_time_{mode}_s" for mode in (0, 1)]}
    for name, (_, width, titles) in HIDDEN.items():
        if titles[0] in table.column_names and width is None:
            rows[name] = np.asarray(table[titles[0]])
        elif titles[0] in table.column_names:
            several[name] = list(titles)
    for name, parts in several.items():
        rows[name] = np.column_stack([np.asarray(table[part]) for part in parts])
    columns = _columns(rows, _COLUMNS | _hidden(rows))
    stored = known.get(DIGEST.encode())
    check_digest(None if stored is None else stored.decode(), provenance, columns)
    return _restored(provenance, columns, None)


def _indices(column: Any, names: Sequence[str]) -> NDArray[np.uint8]:
    """Positions of a column's strings among the names; Parquet does not keep the order of a dictionary."""
    parts = [np.empty(0, dtype=np.uint8)]
    for chunk in column.chunks:
        positions = [names.index(name) for name in chunk.dictionary.to_pylist()]
        parts.append(np.array(positions, dtype=np.uint8)[np.asarray(chunk.indices)])
    return np.concatenate(parts)


def _checked(provenance: Any) -> dict[str, Any]:
    if not isinstance(provenance, dict) or provenance.get("format") != _FORMAT:
        raise ValueError(f"its format is not {_FORMAT!r}")
    return provenance


def _hidden(found: Container[str]) -> dict[str, tuple[type, int | None]]:
    return {name: HIDDEN[name][:2] for name in HIDDEN if name in found}


def _columns(
    found: Mapping[str, NDArray[Any]], wanted: Mapping[str, tuple[type, int | None]]
) -> dict[str, NDArray[Any]]:
    columns = {name: found[name] for name in wanted}
    rows = len(columns["attempt"])
    for name, column in columns.items():
        dtype, width = wanted[name]
        if column.dtype != dtype or column.shape != ((rows,) if width is None else (rows, width)):
            raise ValueError(f"{name} has dtype {column.dtype} and shape {column.shape}")
    return columns


def _link(provenance: Mapping[str, Any]) -> Link:
    return Link._of(_core.Link.from_toml(provenance["link"]))


def _restored(
    provenance: Mapping[str, Any], columns: dict[str, NDArray[Any]], coincidences: Coincidences | None
) -> Run:
    if provenance["ended"] not in _ENDINGS:
        raise ValueError(f"ended is {provenance['ended']!r}")
    run = Run(
        link=_link(provenance),
        attempts=operator.index(provenance["attempts"]),
        **columns,
        coincidences=coincidences,
        seed=seeds.from_plain(provenance["seed"]),
        engine=provenance["engine"],
        engine_reason=provenance["engine_reason"],
        start_attempt=operator.index(provenance["start_attempt"]),
        ended=provenance["ended"],
        at_herald=bool(provenance["at_herald"]),
        coincidence_window_s=provenance["coincidence_window_s"],
        window_duration_s=provenance["window_duration_s"],
        stream_version=provenance["stream_version"],
        version=provenance["version"],
    )
    missing_columns = [name for name in run.link.core.hidden_columns if getattr(run, name) is None]
    if run.heralds and missing_columns:
        raise ValueError(f"its link needs the column {missing_columns[0]}")
    for attempt in (run.attempt, *(() if coincidences is None else (coincidences.attempt,))):
        _check_attempts(run, attempt)
    patterns, causes = len(run.patterns), len(_core.CAUSES)
    if run.heralds and (run.pattern.max() >= patterns or run.cause.max() >= causes):
        raise ValueError("it has patterns or causes that its link does not have")
    missing = np.array([[slot is None for slot in slots] for slots in run.patterns])
    if np.any(np.isnan(run.click_time_s) != missing[run.pattern]):
        raise ValueError(
            "click times are missing where its patterns have clicks, or there where they have none"
        )
    return run


def _check_attempts(run: Run, attempt: NDArray[np.uint64]) -> None:
    if not len(attempt):
        return
    inside = run.start_attempt <= attempt[0] and attempt[-1] < run.start_attempt + run.attempts
    if not inside or np.any(attempt[1:] <= attempt[:-1]):
        raise ValueError("attempt does not ascend within the run")
