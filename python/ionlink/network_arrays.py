"""Many links at once, from arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ionlink.errors import ModelError, refused
from ionlink.parameters import MeasuredEfficiency

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import ArrayLike, NDArray

    from ionlink.link import Link

__all__ = ["models_of", "numbered"]


def numbered(
    pairs: ArrayLike, numbers: Mapping[str, int], unknown: Callable[[str, str], object]
) -> tuple[NDArray[np.uint32], int]:
    """Numbers of the nodes of each link, and of the nodes that must be made for them."""
    domain = "an array of shape (n, 2) with the numbers or the names of nodes"
    given = np.asarray(pairs)
    if given.ndim != 2 or given.shape[1] != 2 or given.dtype.kind not in "iuUO":
        raise refused("pairs", f"shape {given.shape} of {given.dtype}", domain)
    if given.dtype.kind in "UO":
        for index, name in np.ndenumerate(given):
            if name not in numbers:
                where = f"pairs.{index[0]}.{index[1]}"
                if not isinstance(name, str):
                    raise refused(where, name, "the name of a node")
                unknown(name, where)
        given = np.array([numbers[name] for name in given.ravel()], dtype=np.int64).reshape(-1, 2)
    if given.dtype == np.uint64 and given.size and given.max() > 2**32:
        raise refused("pairs", int(given.max()), "numbers of nodes")
    given = given.astype(np.int64)
    highest = int(given.max(initial=-1))
    wanted = 0 if numbers else highest + 1
    count = len(numbers) + wanted
    if given.size and (given.min() < 0 or highest >= count):
        row = int(np.argmax((given < 0).any(axis=1) | (given >= count).any(axis=1)))
        value = given[row].tolist()
        raise refused(f"pairs.{row}", value, f"numbers of {count} nodes, counted from 0")
    alike = given[:, 0] == given[:, 1]
    if alike.any():
        row = int(np.argmax(alike))
        raise refused(f"pairs.{row}", given[row].tolist(), "two different nodes")
    return np.ascontiguousarray(given, dtype=np.uint32), wanted


def models_of(
    link: Link, count: int, efficiency: ArrayLike | None, parameters: dict[str, ArrayLike]
) -> tuple[list[Link], NDArray[np.intp]]:
    """The different links that the arrays make of one, and which of them each place has."""
    columns: dict[str, NDArray[Any]] = {}
    if efficiency is not None:
        values = np.asarray(efficiency, dtype=np.float64)
        if values.shape != (count, 2):
            raise refused("efficiency", f"shape {values.shape}", f"an array of shape ({count}, 2)")
        for side, node in enumerate(link.nodes):
            if not isinstance(node.collection, MeasuredEfficiency):
                message = (
                    f"`efficiency`: node {node.name!r} of the link has no measured efficiency to replace"
                )
                raise ModelError(message, path="efficiency")
            columns[f"nodes.{side}.collection.efficiency"] = values[:, side]
    for path, given in parameters.items():
        column = np.asarray(given)
        if column.ndim == 0 or len(column) != count:
            raise refused(
                f"parameters.{path}", f"shape {column.shape}", f"one value for each of {count} links"
            )
        if path in columns:
            raise refused(f"parameters.{path}", "a second array", "given once: `efficiency` sets it already")
        columns[path] = column
    code = np.zeros(count, dtype=np.int64)
    if not columns or not count:
        return [link], code
    for column in columns.values():
        axis = 0 if column.ndim > 1 else None
        different, inverse = np.unique(column, return_inverse=True, axis=axis)
        # numbers stay small, however many columns there are
        _, code = np.unique(code * len(different) + inverse.reshape(-1), return_inverse=True)
    _, rows = np.unique(code, return_index=True)
    models = [link.replace({path: column[row].tolist() for path, column in columns.items()}) for row in rows]
    return models, code
