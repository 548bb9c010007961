"""Checks of the few arguments that never reach the core as parameters of a link."""

from __future__ import annotations

import math
import operator
import os

from ionlink.errors import refused

_LARGEST = 2**62


def count(name: str, value: object, *, least: int = 0) -> int:
    """Whole number from `least` to 2**62, given as an integer or an integral float such as 1e6."""
    domain = f"a whole number from {least} to 2**62"
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
    if not least <= number <= _LARGEST:
        raise refused(name, value, domain)
    return number


def duration(name: str, value: object) -> float:
    """Finite time of at least 0 (s)."""
    domain = "finite and at least 0"
    if isinstance(value, bool | str | bytes):
        raise refused(name, value, domain, "s")
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        raise refused(name, value, domain, "s") from None
    if not (math.isfinite(number) and number >= 0):
        raise refused(name, value, domain, "s")
    return number


def threads(value: object) -> int:
    """Number of threads; None: as many as this process may use."""
    if value is not None:
        return count("threads", value, least=1)
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
