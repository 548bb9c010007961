"""SHA-256 in files: of columns with what identifies them, and of whole files before a reader sees them."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["DIGEST", "ColumnsDigest", "append_checksum", "check_checksum", "check_digest"]

DIGEST = "ionlink.digest"
"""Name of the digest in the metadata of tables."""
_MARK = b"\nionlink SHA-256 "
_LENGTH = len(_MARK) + 64 + 1


class ColumnsDigest:
    """SHA-256 of columns, their names, types and order, and of what identifies them; fed part by part.

    Parameters
    ----------
    identity : mapping of str to object
        All else that the file tells, as JSON holds it.
    """

    def __init__(self, identity: Mapping[str, object]) -> None:
        self._identity = dict(identity)
        self._columns: dict[str, tuple[str, list[int], Any]] = {}
        self._rows: dict[str, int] = {}

    def add(self, columns: Mapping[str, NDArray[Any]]) -> None:
        """Add rows at the end of each column."""
        for name, column in columns.items():
            # files keep values, not the order of their bytes
            plain = np.ascontiguousarray(column, dtype=column.dtype.newbyteorder("<"))
            entry = (plain.dtype.str, list(plain.shape[1:]))
            kept = self._columns.setdefault(name, (*entry, hashlib.sha256()))
            if kept[:2] != entry:
                raise ValueError(f"{name} has dtype {column.dtype} and shape {column.shape}")
            kept[2].update(plain.data.cast("B") if plain.size else b"")
            self._rows[name] = self._rows.get(name, 0) + len(plain)

    def hexdigest(self) -> str:
        """The digest of what was added so far."""
        columns = [
            [name, dtype, self._rows[name], *shape, seal.hexdigest()]
            for name, (dtype, shape, seal) in self._columns.items()
        ]
        content = json.dumps([self._identity, columns], sort_keys=True)
        return hashlib.sha256(content.encode()).hexdigest()


def check_digest(stored: object, identity: Mapping[str, object], columns: Mapping[str, NDArray[Any]]) -> None:
    """Refuse content that is not what was written.

    Raises
    ------
    ValueError
        If the file has no digest, or that of other content.
    """
    if stored is None:
        raise ValueError("it has no digest: an older ionlink or another program wrote it")
    digest = ColumnsDigest(identity)
    digest.add(columns)
    if stored != digest.hexdigest():
        raise ValueError("its digest is not that of its content, which was changed")


def append_checksum(path: Path) -> None:
    """Put the SHA-256 of a file behind its end, where readers of HDF5 do not look."""
    seal = _sum(path, path.stat().st_size)
    with path.open("ab") as file:
        file.write(_MARK + seal.encode() + b"\n")


def check_checksum(path: Path) -> None:
    """Refuse a file that is not, to the last bit, what `append_checksum` left.

    Raises
    ------
    ValueError
        If the checksum is missing or that of another content.
    OSError
        If the file cannot be read.
    """
    size = path.stat().st_size - _LENGTH
    tail = b""
    if size >= 0:
        with path.open("rb") as file:
            file.seek(size)
            tail = file.read()
    if not (tail.startswith(_MARK) and tail.endswith(b"\n")):
        raise ValueError("it does not end with its checksum: it was cut, or another program wrote it")
    if tail[len(_MARK) : -1] != _sum(path, size).encode():
        raise ValueError("its checksum is not that of its bytes, which were changed")


def _sum(path: Path, size: int) -> str:
    """SHA-256 of the first bytes of a file, in pieces: files may be larger than the memory."""
    seal = hashlib.sha256()
    with path.open("rb") as file:
        while size > 0 and (piece := file.read(min(size, 1 << 20))):
            seal.update(piece)
            size -= len(piece)
    return seal.hexdigest()
