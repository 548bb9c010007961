"""From parameter objects to the trees of plain values that the core reads, and back."""

from __future__ import annotations

from dataclasses import MISSING, dataclass, fields
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from ionlink import _core
from ionlink.errors import refused

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True, eq=False)
class Parameters:
    """A table of parameters: its kind in the core, and whether files name the kind to tell it apart.

    Comparison and hash stand here once: thirty classes with methods of their own would double the time of
    the import.
    """

    _kind: ClassVar[str]
    _tagged: ClassVar[bool] = False

    def __post_init__(self) -> None:
        settle(self)
        _core.check(self._kind, branches(self))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Parameters) or type(other) is not type(self):
            return NotImplemented
        return _values(self) == _values(other)

    def __hash__(self) -> int:
        return hash((type(self), *_values(self)))

    def __repr__(self) -> str:
        values = ((column, getattr(self, column.name)) for column in fields(self))
        changed = (
            f"{column.name}={value!r}"
            for column, value in values
            if column.default is MISSING or value != column.default
        )
        return f"{type(self).__name__}({', '.join(changed)})"


def _values(table: Parameters) -> tuple[object, ...]:
    return tuple(getattr(table, column.name) for column in fields(table))


def parts_of(*classes: type[Parameters]) -> dict[str, tuple[type[Parameters], ...]]:
    """Metadata of a field that holds parameters: the classes it takes."""
    return {"classes": classes}


def settle(table: Parameters) -> None:
    """Make the sequences of a new table tuples, and refuse parts of the wrong class."""
    for column in fields(table):
        value = _settled(column.name, getattr(table, column.name), column.metadata.get("classes"))
        object.__setattr__(table, column.name, value)


def _settled(path: str, value: object, classes: tuple[type[Parameters], ...] | None) -> object:
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if isinstance(value, list | tuple):
        return tuple(_settled(f"{path}.{index}", item, classes) for index, item in enumerate(value))
    if classes and value is not None and not isinstance(value, classes):
        raise refused(path, value, " or ".join(known.__name__ for known in classes))
    return value


def branches(table: Parameters) -> dict[str, object]:
    """Fields of a table as plain values, without its kind."""
    return {column.name: tree(getattr(table, column.name)) for column in fields(table)}


def tree(value: object) -> object:
    """Parameters, and sequences of them, as the plain dicts and lists that the core reads."""
    if isinstance(value, Parameters):
        return {"kind": value._kind, **branches(value)} if value._tagged else branches(value)
    if isinstance(value, list | tuple):
        return [tree(item) for item in value]
    return value


def arguments(cls: type[Parameters], branch: Mapping[str, object]) -> dict[str, object]:
    """Arguments that make a table of class `cls` from its branch of a checked tree."""
    classes = {column.name: column.metadata.get("classes") for column in fields(cls)}
    return {name: _planted(value, classes[name]) for name, value in branch.items() if name != "kind"}


def _planted(value: object, classes: tuple[type[Parameters], ...] | None) -> object:
    if classes is None:
        return value
    if isinstance(value, list):
        return [_planted(item, classes) for item in value]
    if not isinstance(value, dict):
        return value
    kind = value.get("kind")
    cls = next(known for known in classes if kind == (known._kind if known._tagged else None))
    return cls(**arguments(cls, value))
