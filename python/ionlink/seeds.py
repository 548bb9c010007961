"""From what users give as a seed to the key of a run's random numbers, and back."""

from __future__ import annotations

import operator
import os
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from ionlink import _core
from ionlink.errors import refused

if TYPE_CHECKING:
    from numpy.random import BitGenerator, Generator, SeedSequence

Seed: TypeAlias = "int | SeedSequence | Generator | BitGenerator | None"
"""What may be given as a seed."""

Replay: TypeAlias = "int | SeedSequence"
"""What a run reports as its seed: given again, it replays the run."""

_DOMAIN = "a whole number of at least 0, a NumPy SeedSequence, Generator or BitGenerator, or None"


def replayable(seed: object) -> Replay:
    """Seed that can be given again: the same one, or 128 bits drawn from a generator or from the system."""
    if seed is None:
        return int.from_bytes(os.urandom(16), "little")
    if isinstance(seed, np.random.SeedSequence):
        return seed
    if isinstance(seed, np.random.BitGenerator):
        seed = np.random.Generator(seed)
    if isinstance(seed, np.random.Generator):
        low, high = seed.integers(0, 2**64, size=2, dtype=np.uint64).tolist()
        return int(high << 64 | low)
    if isinstance(seed, bool):
        raise refused("seed", seed, _DOMAIN)
    try:
        number = operator.index(seed)  # type: ignore[arg-type]
    except TypeError:
        raise refused("seed", seed, _DOMAIN) from None
    if number < 0:
        raise refused("seed", seed, _DOMAIN)
    return number


def key(seed: Replay) -> tuple[int, int]:
    """Key of a seed: ``SeedSequence(seed).generate_state(2, numpy.uint64)``."""
    if isinstance(seed, np.random.SeedSequence):
        low, high = seed.generate_state(2, np.uint64).tolist()
        return low, high
    return _core.seed_key(seed)


def plain(seed: Replay) -> object:
    """Seed as JSON can hold it."""
    if isinstance(seed, np.random.SeedSequence):
        entropy = seed.entropy
        return {
            "entropy": [int(word) for word in entropy]
            if isinstance(entropy, list | tuple | np.ndarray)
            else entropy,
            "spawn_key": [int(word) for word in seed.spawn_key],
            "pool_size": seed.pool_size,
        }
    return seed


def from_plain(value: object) -> Replay:
    """Inverse of `plain`."""
    if isinstance(value, dict):
        return np.random.SeedSequence(**value)
    return replayable(operator.index(value))  # type: ignore[arg-type]


def text(seed: Replay) -> str:
    """Seed in one line."""
    import json  # takes longer to import than all of this module

    return json.dumps(plain(seed))
