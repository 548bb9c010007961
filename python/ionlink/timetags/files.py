"""Time tags in files: Photon-HDF5 and Parquet, written part by part."""

from __future__ import annotations

import json
import operator
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from ionlink import _core, checks, seeds
from ionlink.digests import DIGEST, ColumnsDigest, append_checksum, check_digest
from ionlink.errors import MissingPackageError, ParameterError, refused
from ionlink.extras import imported
from ionlink.link import Link
from ionlink.timetags import photon_hdf5
from ionlink.timetags.markers import Markers
from ionlink.timetags.stream import DTYPES, EXTRA, ClickStream, Job, job, pyarrow

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from ionlink.progress import Observer
    from ionlink.seeds import Seed

__all__ = ["load_click_stream", "save_click_stream"]

_FORMAT = "ionlink click stream 1"
_COLUMNS: dict[str, type] = {**DTYPES, "attempt_start_ps": np.int64}
"""Columns of files: those of a stream, and its sync markers, which follow from them."""
_ENDINGS = {".h5": "photon-hdf5", ".hdf5": "photon-hdf5", ".parquet": "parquet"}
_HDF5_MAGIC, _PARQUET_MAGIC = b"\x89HDF\r\n\x1a\n", b"PAR1"


class _Writer(Protocol):
    def append(self, columns: tuple[NDArray[Any], ...]) -> None: ...
    def close(self) -> None: ...


def save_click_stream(
    link: Link,
    path: str | os.PathLike[str],
    attempts: float | None = None,
    duration_s: float | None = None,
    *,
    seed: Seed = None,
    start_attempt: float = 0,
    progress: bool | Observer = False,
) -> int:
    """Draw time tags into a file, part by part: memory stays bounded however long the stream is.

    Parameters
    ----------
    link : Link
        The link.
    path : str or path
        File to write: Photon-HDF5 for ``.h5`` and ``.hdf5``, Parquet for ``.parquet``. It appears when it is
        complete; until then there is a file with ``.part`` after its name.
    attempts, duration_s, seed, start_attempt, progress
        As for `Link.click_stream`.

    Returns
    -------
    int
        Number of time tags: those that `Link.click_stream` draws.

    Raises
    ------
    ParameterError, ModelError
        For impossible arguments, an unknown ending, or attempts so late that 64 bits do not hold their
        picoseconds.
    MissingPackageError
        Without h5py or pyarrow.
    OSError
        If the file cannot be written.
    """
    kind = format_of(path)
    wanted = job(link, attempts, duration_s, seed, start_attempt)
    return _write(wanted, wanted.columns(progress), path, kind)


def format_of(path: str | os.PathLike[str]) -> str:
    """Format of a file's ending, once the package that writes it is there."""
    ending = checks.path("path", path).suffix.lower()
    if ending not in _ENDINGS:
        raise refused("path", str(path), "a file name ending in .h5, .hdf5 or .parquet")
    kind = _ENDINGS[ending]
    _package(kind)
    return kind


def _package(kind: str) -> Any:
    return pyarrow("pyarrow.parquet") if kind == "parquet" else imported("h5py", "Photon-HDF5 files", EXTRA)


def save(stream: ClickStream, path: str | os.PathLike[str], kind: str) -> None:
    """Write a stream that is in memory."""
    _package(kind)
    wanted = Job(stream.link, stream.start_attempt, stream.attempts, stream.seed)
    _write(wanted, [tuple(getattr(stream, name) for name in DTYPES)], path, kind)


def _write(
    wanted: Job, parts: Iterable[tuple[NDArray[Any], ...]], path: str | os.PathLike[str], kind: str
) -> int:
    count, target = 0, checks.path("path", path)
    markers = Markers(wanted.link, seeds.key(wanted.seed))
    with _complete(target) as unfinished:
        with _writer(wanted, unfinished, target, kind) as writer:
            for columns in parts:
                writer.append((*columns, markers.starts_ps(columns[2])))
                count += len(columns[0])
        if kind == "photon-hdf5":
            append_checksum(unfinished)
    return count


@contextmanager
def _complete(path: Path) -> Iterator[Path]:
    """Name of a file that takes its place once it is whole, and is removed if it does not become so."""
    unfinished = path.with_name(path.name + ".part")
    try:
        yield unfinished
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


@contextmanager
def _writer(wanted: Job, unfinished: Path, path: Path, kind: str) -> Iterator[_Writer]:
    provenance = _provenance(wanted)
    writer: _Writer
    if kind == "parquet":
        writer = _Parquet(unfinished, provenance)
    else:
        duration_s = wanted.link.core.duration_s(seeds.key(wanted.seed), wanted.start, wanted.attempts)
        writer = photon_hdf5.Writer(_package(kind), unfinished, path, wanted.link, provenance, duration_s)
    try:
        yield writer
    finally:
        writer.close()


def _provenance(wanted: Job) -> dict[str, Any]:
    return {
        "format": _FORMAT,
        "version": _core.__version__,
        "stream_version": _core.STREAM_VERSION,
        "seed": seeds.plain(wanted.seed),
        "start_attempt": wanted.start,
        "attempts": wanted.attempts,
        "channels": wanted.link.core.channels,
        "kinds": _core.TAG_KINDS,
        "sync_period_s": wanted.link.ion_spacing_s,
        "link": wanted.link.core.to_toml(),
        "created": time.strftime("%Y-%m-%d %H:%M:%S"),
    }


def _metadata(provenance: dict[str, Any]) -> dict[str, str]:
    rest = {name: value for name, value in provenance.items() if name not in ("link", "created")}
    return {"ionlink.provenance": json.dumps(rest), "ionlink.link": provenance["link"]}


def _identity(provenance: dict[str, Any]) -> dict[str, Any]:
    """What the digest covers beside the columns: all but the clock."""
    return {name: value for name, value in provenance.items() if name != "created"}


def _schema(metadata: dict[str, str]) -> Any:
    arrow = pyarrow()
    fields = [arrow.field(name, arrow.from_numpy_dtype(dtype), False) for name, dtype in _COLUMNS.items()]
    return arrow.schema(fields, metadata)


def arrow_table(stream: ClickStream) -> Any:
    """Table with the metadata that files have."""
    wanted = Job(stream.link, stream.start_attempt, stream.attempts, stream.seed)
    provenance = _provenance(wanted)
    columns = {name: getattr(stream, name) for name in _COLUMNS}
    digest = ColumnsDigest(_identity(provenance))
    digest.add(columns)
    schema = _schema({**_metadata(provenance), DIGEST: digest.hexdigest()})
    return pyarrow().Table.from_arrays([*columns.values()], schema=schema)


class _Parquet:
    """Row groups, one for each part; the digest comes with the end."""

    def __init__(self, path: Path, provenance: dict[str, Any]) -> None:
        self._schema = _schema(_metadata(provenance))
        self._writer = pyarrow("pyarrow.parquet").ParquetWriter(path, self._schema, write_page_checksum=True)
        self._digest = ColumnsDigest(_identity(provenance))
        self._digest.add({name: np.empty(0, dtype) for name, dtype in _COLUMNS.items()})

    def append(self, columns: tuple[NDArray[Any], ...]) -> None:
        self._writer.write_table(pyarrow().Table.from_arrays([*columns], schema=self._schema))
        self._digest.add(dict(zip(_COLUMNS, columns, strict=True)))

    def close(self) -> None:
        self._writer.add_key_value_metadata({DIGEST: self._digest.hexdigest()})
        self._writer.close()


def load_click_stream(path: str | os.PathLike[str]) -> ClickStream:
    """Read a click stream that ionlink wrote, as Photon-HDF5 or Parquet; equal to the one that was written.

    Raises
    ------
    ParameterError
        If the file is something else, or damaged.
    MissingPackageError
        Without h5py or pyarrow.
    OSError
        If the file cannot be read.
    """
    source = checks.path("path", path)
    with source.open("rb") as file:
        magic = file.read(8)
    try:
        if magic.startswith(_PARQUET_MAGIC):
            return _restored(*_read_parquet(source))
        if magic == _HDF5_MAGIC:
            return _restored(*photon_hdf5.read(_package("photon-hdf5"), source))
        raise ValueError("neither HDF5 nor Parquet")
    except MissingPackageError:
        raise
    except Exception as error:  # whatever a damaged file makes of its reader
        reason = " ".join(str(error).split()) or type(error).__name__
        message = f"{source}: not a click stream saved by ionlink, or damaged: {reason}"
        raise ParameterError(message, path="path") from error


def _read_parquet(path: Path) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    with pyarrow("pyarrow.parquet").ParquetFile(path, page_checksum_verification=True) as file:
        table, known = file.read(), file.metadata.metadata or {}
    provenance = json.loads(known[b"ionlink.provenance"])
    provenance["link"] = known[b"ionlink.link"].decode()
    if provenance.get("format") != _FORMAT:
        raise ValueError(f"its format is not {_FORMAT!r}")
    columns = {name: table[name].to_numpy() for name in _COLUMNS}
    stored = known.get(DIGEST.encode())
    check_digest(None if stored is None else stored.decode(), provenance, columns)
    return provenance, columns


def _restored(provenance: dict[str, Any], columns: dict[str, NDArray[Any]]) -> ClickStream:
    if provenance.get("format") != _FORMAT:
        raise ValueError(f"its format is not {_FORMAT!r}")
    link = Link._of(_core.Link.from_toml(provenance["link"]))
    for name, dtype in DTYPES.items():
        column = columns[name]
        if column.dtype != dtype or column.shape != columns["time_ps"].shape or column.ndim != 1:
            raise ValueError(f"{name} has dtype {column.dtype} and shape {column.shape}")
    stream = ClickStream(
        link=link,
        **{name: np.array(columns[name]) for name in DTYPES},
        attempts=operator.index(provenance["attempts"]),
        start_attempt=operator.index(provenance["start_attempt"]),
        seed=seeds.from_plain(provenance["seed"]),
        stream_version=provenance["stream_version"],
        version=provenance["version"],
    )
    if len(stream):
        if np.any(stream.time_ps[1:] < stream.time_ps[:-1]):
            raise ValueError("time_ps does not ascend")
        first, last = int(stream.attempt.min()), int(stream.attempt.max())
        if first < stream.start_attempt or last >= stream.start_attempt + stream.attempts:
            raise ValueError("it has attempts that it says it has not")
        if stream.channel.max() >= len(stream.channels) or stream.kind.max() >= len(stream.kinds):
            raise ValueError("it has channels or kinds that its link does not have")
    return stream
