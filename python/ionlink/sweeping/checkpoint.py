"""Finished parts of a sweep on disk: a manifest, and one small file per shard, there whole or not at all."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import re
import uuid
from typing import TYPE_CHECKING, Any

import numpy as np

from ionlink import checks
from ionlink.errors import ParameterError, refused
from ionlink.sweeping.points import fingerprint, text
from ionlink.sweeping.tasks import Refusal, Results

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["Checkpoint", "manifest"]

_MANIFEST = "manifest.json"
_MANIFEST_FORMAT = "ionlink sweep checkpoint 1"
_SHARD_FORMAT = "ionlink sweep shard 1"
_SHARD = re.compile(r"shard-(\d{6,})\.npz")
_LONG = 60
"""Characters that messages show of a configuration's entry."""


def manifest(folder: str | os.PathLike[str]) -> dict[str, Any] | None:
    """Configuration of the sweep that a folder holds; None for a folder that is empty or not there.

    Raises
    ------
    ParameterError
        For a folder of something else, or a damaged manifest.
    """
    path = checks.path("checkpoint", folder)
    if not path.exists():
        return None
    if not path.is_dir():
        raise refused("checkpoint", str(folder), "a folder")
    content = _content(path / _MANIFEST)
    if content is None:
        # what a run that was killed early leaves behind is no reason to refuse
        found = sorted(entry.name for entry in path.iterdir() if not entry.name.endswith(".tmp"))
        if not found:
            return None
        # another share may have put it there, and shards after it, since we looked
        content = _content(path / _MANIFEST)
        if content is None:
            raise _bad(f"{path} has no {_MANIFEST}, but other files, such as {found[0]}")
    try:
        document = json.loads(content)
        configuration = document["configuration"]
        if document["format"] != _MANIFEST_FORMAT:
            raise ValueError(f"its format is not {_MANIFEST_FORMAT!r}")
        if document["fingerprint"] != fingerprint(configuration):
            raise ValueError("it is not what was written")
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise _bad(f"{path / _MANIFEST} is no manifest of a sweep, or damaged: {error}") from error
    return dict(configuration)


def _content(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


class Checkpoint:
    """A folder of finished shards of one configuration.

    Parameters
    ----------
    folder : path
        Made if it is not there.
    configuration : dict
        All that the numbers follow from, as JSON holds it.
    bounds : list of (int, int)
        First point and end of each shard.
    columns : int
        Numbers of each point.

    Raises
    ------
    ParameterError
        If the folder holds another sweep or something else, or cannot be written.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        configuration: Mapping[str, Any],
        bounds: list[tuple[int, int]],
        columns: int,
    ) -> None:
        self.folder = checks.path("checkpoint", folder)
        self._fingerprint = fingerprint(configuration)
        self._bounds = bounds
        self._columns = columns
        known = manifest(self.folder)
        if known is None:
            document = {
                "format": _MANIFEST_FORMAT,
                "fingerprint": self._fingerprint,
                "configuration": dict(configuration),
            }
            try:
                self.folder.mkdir(parents=True, exist_ok=True)
                self._put(_MANIFEST, json.dumps(document, indent=1).encode())
            except OSError as error:
                raise refused("checkpoint", str(folder), f"a folder that can be written ({error})") from error
        elif fingerprint(known) != self._fingerprint:
            raise _bad(f"{self.folder} holds another sweep: {_difference(known, configuration)}")

    def _put(self, name: str, content: bytes) -> None:
        """Write a file under another name, and give it its own once it is safely on disk."""
        temporary = self.folder / f".{name}.{uuid.uuid4().hex}.tmp"
        try:
            with temporary.open("xb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(self.folder / name)
        except BaseException:
            with contextlib.suppress(OSError):
                temporary.unlink()
            raise
        if os.name != "nt":  # where folders cannot be opened
            descriptor = os.open(self.folder, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)

    def store(self, shard: int, results: Results) -> None:
        """Keep the results of a shard."""
        rows = np.array(results.rows, dtype="<f8").reshape(len(results.rows), self._columns)
        record = {
            "format": _SHARD_FORMAT,
            "configuration": self._fingerprint,
            "shard": shard,
            "points": self._bounds[shard],
            "refused": results.refused,
            "digest": _digest(rows),
        }
        content = io.BytesIO()
        np.savez(content, rows=rows, record=np.array(json.dumps(record)))
        self._put(_name(shard), content.getvalue())

    def finished(self) -> set[int]:
        """Shards that are there.

        Raises
        ------
        ParameterError
            For shards that this sweep does not have.
        """
        found = set()
        for entry in self.folder.iterdir():
            match = _SHARD.fullmatch(entry.name)
            if match is None:
                continue
            shard = int(match[1])
            if shard >= len(self._bounds) or entry.name != _name(shard):
                raise _bad(f"{entry} is not of this sweep, which has {len(self._bounds)} shards")
            found.add(shard)
        return found

    def load(self, shard: int) -> tuple[NDArray[np.float64], dict[str, Refusal]]:
        """Rows and refusals of a finished shard.

        Raises
        ------
        ParameterError
            If the file is damaged, or of another sweep or shard.
        """
        path = self.folder / _name(shard)
        first, end = self._bounds[shard]
        content = path.read_bytes()
        try:
            with np.load(io.BytesIO(content), allow_pickle=False) as archive:
                rows, record = archive["rows"], json.loads(str(archive["record"]))
            expected = {
                "format": _SHARD_FORMAT,
                "configuration": self._fingerprint,
                "shard": shard,
                "points": [first, end],
                "digest": _digest(rows),
            }
            for name, value in expected.items():
                if record[name] != value:
                    raise ValueError(f"its {name} is {record[name]!r}, should be {value!r}")
            if rows.dtype != np.dtype("<f8") or rows.shape != (end - first, self._columns):
                raise ValueError(f"its rows have type {rows.dtype} and shape {rows.shape}")
            refusals = {what: Refusal(*refusal) for what, refusal in record["refused"].items()}
        except Exception as error:  # whatever a damaged file makes of its reader
            message = f"{path} is no shard of this sweep, or damaged: {error}; delete it to compute it again"
            raise _bad(message) from error
        return rows, refusals


def _name(shard: int) -> str:
    return f"shard-{shard:06}.npz"


def _digest(rows: NDArray[np.float64]) -> str:
    return hashlib.sha256(np.ascontiguousarray(rows).tobytes()).hexdigest()


def _bad(message: str) -> ParameterError:
    return ParameterError(f"`checkpoint`: {message}", path="checkpoint")


def _difference(there: Mapping[str, Any], here: Mapping[str, Any]) -> str:
    """In words, the first entries in which two configurations differ."""
    parts = []
    for name in sorted({*there, *here}):
        if text(there.get(name)) != text(here.get(name)):
            old, new = (json.dumps(side.get(name)) for side in (there, here))
            both = f" ({old} there, {new} here)" if len(old) + len(new) <= _LONG else ""
            parts.append(f"`{name}` differs{both}")
    return "; ".join(parts) + "; use another folder, or the configuration it was begun with"
