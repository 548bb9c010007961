"""The points of a sweep: a grid or a list, the canonical text of each, and the seed that follows from it."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice, pairwise
from math import prod
from typing import Any

import numpy as np

from ionlink import seeds
from ionlink.errors import ParameterError, refused
from ionlink.tables import plain

__all__ = ["Points", "point_seed"]

_SEED_RULE = b"ionlink sweep point 1\n"
_FEW = 12
"""Values that messages show before they are cut."""


def point_seed(seed: seeds.Seed, point: Mapping[str, object]) -> int:
    """Seed of one point of a sweep: `Link.sample` of the changed link draws what `sweep` drew there.

    Parameters
    ----------
    seed : int, SeedSequence, Generator or BitGenerator
        Seed of the sweep.
    point : mapping of str to object
        The point's parameters, as for `Link.replace`.

    Returns
    -------
    int
        A number of 256 bits that depends on the seed and on the point alone, not on the order of its paths
        or on the other points.

    Examples
    --------
    >>> import ionlink as il
    >>> point = {"station.window_duration_s": 20e-9}
    >>> link = il.basic_link(efficiency=(0.2, 0.2)).replace(point)
    >>> link.sample(heralds=100, seed=il.point_seed(7, point)).heralds
    100
    """
    return seed_of(seeds.key(seeds.replayable(seed)), {path: plain(value) for path, value in point.items()})


def seed_of(key: tuple[int, int], point: Mapping[str, object]) -> int:
    """Seed of a point of plain values under the key of the sweep's seed."""
    words = b"".join(word.to_bytes(8, "little") for word in key)
    digest = hashlib.sha256(_SEED_RULE + words + text(point).encode())
    return int.from_bytes(digest.digest(), "little")


def canonical(value: object) -> object:
    """Equal parameters as equal values: whole numbers as floats where these hold them, no negative zero."""
    if isinstance(value, list | tuple):
        value = [canonical(item) for item in value]
    elif isinstance(value, Mapping):
        value = {name: canonical(item) for name, item in value.items()}
    elif isinstance(value, float):
        value += 0.0
    elif isinstance(value, int) and not isinstance(value, bool):
        with contextlib.suppress(OverflowError):
            value = float(value) if float(value) == value else value
    elif not isinstance(value, bool | str | None):
        value = repr(value)  # left to the core, which refuses it by its path
    return value


def text(value: object) -> str:
    """Canonical text of a value: shortest digits of each float, names in order, no spaces."""
    return json.dumps(canonical(value), sort_keys=True, separators=(",", ":"))


def fingerprint(value: object) -> str:
    """SHA-256 of the canonical text."""
    return hashlib.sha256(text(value).encode()).hexdigest()


@dataclass(frozen=True)
class Points:
    """Values of some parameters: all combinations, the last one running fastest, or one after the other.

    Parameters
    ----------
    axes : dict of str to tuple
        Plain values of each path.
    zipped : bool
        Whether the values belong together one by one.
    """

    axes: dict[str, tuple[Any, ...]]
    zipped: bool

    @classmethod
    def of(cls, values: object, zipped: bool) -> Points:
        """Points of what a user gave, their values not yet checked against a link.

        Raises
        ------
        ParameterError
            For anything but paths with at least one value each, for values that are there twice, for paths
            inside each other, for zipped values of unequal number.
        """
        if not isinstance(values, Mapping) or not values:
            raise refused("values", values, "a mapping of at least one parameter path to its values")
        axes = {_path(path): _values(path, given) for path, given in values.items()}
        for outer, inner in pairwise(sorted(axes, key=lambda path: path.split("."))):
            if inner.startswith(f"{outer}."):
                message = f"`values` must not have paths inside each other: `{inner}` is part of `{outer}`"
                raise ParameterError(message, path="values", domain="independent paths")
        points = cls(axes, zipped)
        if zipped:
            counts = {path: len(axis) for path, axis in axes.items()}
            if len(set(counts.values())) > 1:
                found = ", ".join(f"{count} of `{path}`" for path, count in counts.items())
                raise ParameterError(
                    f"`values` must be equally many if they are zipped, got {found}",
                    path="values",
                    domain="equally many",
                )
            _check_different("values", zip(*axes.values(), strict=True), tuple(axes))
        else:
            for path, axis in axes.items():
                _check_different(path, axis)
        return points

    @property
    def shape(self) -> tuple[int, ...]:
        """Length of each dimension."""
        lengths = tuple(len(axis) for axis in self.axes.values())
        return lengths[:1] if self.zipped else lengths

    @property
    def size(self) -> int:
        """Number of points."""
        return prod(self.shape)

    def __getitem__(self, index: int) -> dict[str, object]:
        if self.zipped:
            return {path: axis[index] for path, axis in self.axes.items()}
        places = np.unravel_index(index, self.shape)
        return {path: axis[place] for (path, axis), place in zip(self.axes.items(), places, strict=True)}

    def part(self, start: int, stop: int) -> Part:
        """Points from `start` up to `stop`."""
        if not self.zipped:
            return Part(self, start, stop)
        # a worker needs the values of its own points only
        axes = {path: axis[start:stop] for path, axis in self.axes.items()}
        return Part(Points(axes, zipped=True), 0, stop - start)

    def document(self) -> dict[str, object]:
        """The points as JSON can hold them, in an order of paths that JSON keeps."""
        return {"zipped": self.zipped, "paths": list(self.axes), "values": [*map(list, self.axes.values())]}

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Points:
        """Inverse of `document`."""
        axes = dict(zip(document["paths"], document["values"], strict=True))
        return cls.of(axes, bool(document["zipped"]))


@dataclass(frozen=True)
class Part:
    """Consecutive points, made one by one when they are asked for."""

    points: Points
    start: int
    stop: int

    def __iter__(self) -> Iterator[dict[str, object]]:
        return (self.points[index] for index in range(self.start, self.stop))


def _path(path: object) -> str:
    if not isinstance(path, str) or not path:
        raise refused("values", path, "a mapping whose keys are parameter paths")
    return path


def _values(path: str, given: object) -> tuple[Any, ...]:
    domain = "a sequence of at least one value"
    if not isinstance(given, Iterable) or getattr(given, "ndim", 1) == 0:
        raise refused(path, given, domain)
    if isinstance(given, str | bytes | Mapping | set | frozenset):  # no values, or no order of them
        raise refused(path, given, domain)
    values = tuple(plain(value) for value in given)
    if not values:
        raise refused(path, given, domain)
    return values


def _check_different(path: str, values: Iterable[object], names: tuple[str, ...] = ()) -> None:
    """One point twice would draw one stream twice: no independent repetition, and no place of its own."""
    seen = set()
    for value in values:
        known = _hashable(canonical(value))
        if known in seen:
            shown = dict(zip(names, value, strict=True)) if names and isinstance(value, tuple) else value
            message = (
                f"`{path}` must not have a value twice, got {shown!r} again: for independent repetitions "
                "sweep with several seeds"
            )
            raise ParameterError(message, path=path, value=shown, domain="different values")
        seen.add(known)


def _hashable(value: object) -> object:
    if isinstance(value, list):
        return tuple(_hashable(item) for item in value)
    return json.dumps(value, sort_keys=True) if isinstance(value, dict) else value


def shown(point: Mapping[str, object]) -> str:
    """A point for messages."""
    pairs = [f"{path} = {text(value)}" for path, value in islice(point.items(), _FEW)]
    return ", ".join(pairs) + (", ..." if len(point) > _FEW else "")
