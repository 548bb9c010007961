"""Checks of the few arguments that never reach the core as parameters of a link."""

from __future__ import annotations

import math
import operator
import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ionlink.errors import refused

if TYPE_CHECKING:
    from collections.abc import Callable

_LARGEST = 2**62
COPIES = 2**20
"""Most repetitions of a network's run, and links side by side: memory holds them."""


def count(name: str, value: object, *, least: int = 0, most: int = _LARGEST) -> int:
    """Whole number from `least` to `most`, a power of two, as an integer or a float such as 1e6."""
    domain = f"a whole number from {least} to 2**{most.bit_length() - 1}"
    if isinstance(value, bool):
        raise refused(name, value, domain)
    try:
        number = operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        # np.float64 is a float; narrower NumPy floats answer is_integer too
        is_integer = getattr(value, "is_integer", None)
        if is_integer is None or not is_integer():
            raise refused(name, value, domain) from None
        number = int(value)  # type: ignore[call-overload]
    if not least <= number <= most:
        raise refused(name, value, domain)
    return number


def duration(name: str, value: object) -> float:
    """Finite time of at least 0 (s)."""
    return _number(name, value, "finite and at least 0", "s", lambda number: number >= 0)


def relative(name: str, value: object) -> float:
    """Relative precision above 0 and at most 0.5."""
    return _number(name, value, "in (0, 0.5]", "", lambda number: 0 < number <= 0.5)


def between(name: str, value: object, low: float, high: float, unit: str = "") -> float:
    """Number within bounds that belong to it."""
    return _number(name, value, f"in [{low:g}, {high:g}]", unit, lambda number: low <= number <= high)


def _number(name: str, value: object, domain: str, unit: str, fits: Callable[[float], bool]) -> float:
    if isinstance(value, bool | str | bytes):
        raise refused(name, value, domain, unit)
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        raise refused(name, value, domain, unit) from None
    if not (math.isfinite(number) and fits(number)):
        raise refused(name, value, domain, unit)
    return number


def flag(name: str, value: object) -> bool:
    """True or False."""
    if not isinstance(value, bool | np.bool_):
        raise refused(name, value, "True or False")
    return bool(value)


def word(value: object) -> str:
    """Text that the core will look up in a list of names; anything else as text that is in no such list."""
    return value if isinstance(value, str) and value.isascii() else ascii(value)


def path(name: str, value: object) -> Path:
    """Name of a file or folder; an empty one, which would be the folder at hand, is refused."""
    if not isinstance(value, str | os.PathLike) or not isinstance(os.fspath(value), str) or value == "":
        raise refused(name, value, "the name of a file or folder")
    return Path(value)


def threads(value: object) -> int:
    """Number of threads; None: as many as this process may use."""
    if value is not None:
        return count("threads", value, least=1)
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
