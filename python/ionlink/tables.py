"""From parameter objects to the trees of plain values that the core reads, and back."""

from __future__ import annotations

from dataclasses import MISSING, Field, dataclass, fields
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np

from ionlink import _core
from ionlink.errors import ParameterError, refused

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping


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
        values = ((column, getattr(self, column.name)) for column in columns(type(self)))
        changed = (
            f"{column.name}={value!r}"
            for column, value in values
            if column.default is MISSING or value != column.default
        )
        return f"{type(self).__name__}({', '.join(changed)})"


class Column(NamedTuple):
    """What one field of a class of tables is to this module; `put` sets it in a table, frozen or not."""

    name: str
    default: object
    classes: tuple[type[Parameters], ...]
    by_kind: dict[str | None, type[Parameters]]
    put: Callable[[Parameters, object], None]


_columns: dict[type[Parameters], tuple[Column, ...]] = {}


def columns(cls: type[Parameters]) -> tuple[Column, ...]:
    """Fields of a class of tables, in order; looked up once per class."""
    if cls not in _columns:
        _columns[cls] = tuple(_column(cls, column) for column in fields(cls))
    return _columns[cls]


def _column(cls: type[Parameters], column: Field[Any]) -> Column:
    classes = column.metadata.get("classes", ())
    by_kind = {known._kind if known._tagged else None: known for known in classes}
    return Column(column.name, column.default, classes, by_kind, getattr(cls, column.name).__set__)


def _values(table: Parameters) -> tuple[object, ...]:
    return tuple(getattr(table, column.name) for column in columns(type(table)))


def parts_of(*classes: type[Parameters]) -> dict[str, tuple[type[Parameters], ...]]:
    """Metadata of a field that holds parameters: the classes it takes."""
    return {"classes": classes}


def settle(table: Parameters) -> None:
    """Make the sequences of a new table tuples, and refuse parts of the wrong class."""
    for name, _, classes, _, put in columns(type(table)):
        value = getattr(table, name)
        if classes or type(value) not in _PLAIN:
            put(table, _settled(name, value, classes))


_SEQUENCES = (list, tuple)
_PLAIN = frozenset({float, int, bool, str, type(None)})
"""Types of most values, which are the same here and in trees: a call each would take longer than all else."""


def _settled(path: str, value: object, classes: tuple[type[Parameters], ...]) -> object:
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if isinstance(value, _SEQUENCES):
        return tuple(_settled(f"{path}.{index}", item, classes) for index, item in enumerate(value))
    if classes and value is not None and not isinstance(value, classes):
        raise refused(path, value, " or ".join(known.__name__ for known in classes))
    return value


def branches(table: Parameters) -> dict[str, object]:
    """Fields of a table as plain values, without its kind."""
    result = {}
    for column in columns(type(table)):
        value = getattr(table, column.name)
        result[column.name] = value if type(value) in _PLAIN else tree(value)
    return result


def tree(value: object) -> object:
    """Parameters, and sequences of them, as the plain dicts and lists that the core reads."""
    if isinstance(value, Parameters):
        return {"kind": value._kind, **branches(value)} if value._tagged else branches(value)
    if isinstance(value, _SEQUENCES):
        return [item if type(item) in _PLAIN else tree(item) for item in value]
    return value


def plain(value: object) -> object:
    """A value of a parameter as numbers, texts, lists and dicts: the same for a list and a NumPy array."""
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    value = tree(value)
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {name: plain(item) for name, item in value.items()}
    return value


def plant(table: Parameters, branch: Mapping[str, object]) -> None:
    """Set the fields of an empty table from its branch of a tree of the core, which has checked it."""
    for name, default, _, by_kind, put in columns(type(table)):
        value = branch.get(name, default)
        put(table, value if type(value) in _PLAIN else _planted(value, by_kind))


def not_set(table: Parameters, path: str, changes: Iterable[str]) -> ParameterError | None:
    """Error for a change that leads into the part at `path` where none is set; None if that is not so."""
    inside = next((change for change in changes if change.startswith(f"{path}.")), None)
    classes = _classes_unset(table, path)
    if inside is None or not classes:
        return None
    whole = " or ".join(f"il.{known.__name__}(...)" for known in classes)
    name = inside.removeprefix(f"{path}.")
    message = f"`{path}` is not set, so that there is no `{name}` in it to change: set `{path}` to {whole}"
    return ParameterError(message, path=path, domain=whole)


def _classes_unset(table: Parameters, path: str) -> tuple[type[Parameters], ...]:
    *way, last = path.split(".")
    place: object = table
    for step in way:
        if isinstance(place, tuple):
            place = place[int(step)] if step.isdecimal() and int(step) < len(place) else None
        else:
            place = getattr(place, step, None)
    for column in columns(type(place)) if isinstance(place, Parameters) else ():
        if column.name == last and getattr(place, last) is None:
            return column.classes
    return ()


def _planted(value: object, by_kind: dict[str | None, type[Parameters]]) -> object:
    if isinstance(value, list):
        return tuple([item if type(item) in _PLAIN else _planted(item, by_kind) for item in value])
    if isinstance(value, dict):
        cls = by_kind[value.get("kind")]
        table: Any = cls.__new__(cls)
        plant(table, value)
        return table
    return value
