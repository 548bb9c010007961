"""Heralds of the reference link in NumPy, failures skipped: what a physicist writes who knows the trick.

The link of baseline_numpy.py. The gap to the next herald is geometric with the enumerated herald probability;
which photons and dark counts made it is drawn from the enumerated classes; click times follow. The record is
that of ionlink: attempt, pattern, cause and both click times of every herald. No states come out.

Written for speed: one ziggurat exponential per gap and per photon instead of logarithms, chunks that stay in
the cache, columns filled in place.

    python benches/python/baseline_numpy_skip.py    compares its samples with the enumeration
"""

import itertools
import math
from typing import NamedTuple

import baseline_numpy
import numpy as np
from baseline_numpy import DARK_COUNT_RATE_HZ, EFFICIENCY, LIFETIME_S, SLOTS, WINDOW_S

HERALDS_PER_CHUNK = 1 << 15  # the fastest of 2^11 to 2^18 where this was tuned, with 2^14 to 2^18 alike
# slots (2 port + mode) of the click in mode 0 and in mode 1
PATTERNS = ((0, 1), (2, 3), (0, 3), (2, 1))


class Classes(NamedTuple):
    """Every way to a herald, the most probable first."""

    probability: np.ndarray
    """Per attempt."""
    pattern: np.ndarray
    """Index into PATTERNS."""
    photons: np.ndarray
    """Photons in the slot of each mode: 0, 1 or 2."""
    dark: np.ndarray
    """Whether the slot of each mode has dark counts."""
    cause: np.ndarray
    """Slots without a photon: 0 photon-photon, 1 photon-dark, 2 dark-dark."""


class Record(NamedTuple):
    """Heralds in attempt order."""

    attempt: np.ndarray
    pattern: np.ndarray
    cause: np.ndarray
    click_time_s: np.ndarray


def classes(efficiency: float = EFFICIENCY, dark_count_rate_hz: float = DARK_COUNT_RATE_HZ) -> Classes:
    """Enumeration of photons and dark counts; equal modes bunch, opposite ones leave independently."""
    seen = -efficiency * math.expm1(-WINDOW_S / LIFETIME_S)
    dark_probability = -math.expm1(-dark_count_rate_hz * WINDOW_S)
    photons = [((1 - seen) ** 2, ())]
    photons += [(2 * seen * (1 - seen) / 4, (slot,)) for slot in range(SLOTS)]
    photons += [(seen * seen / 8, (slot, slot)) for slot in range(SLOTS)]
    photons += [(seen * seen / 8, pattern) for pattern in PATTERNS]
    found = []
    for (probability, where), dark in itertools.product(photons, itertools.product((0, 1), repeat=SLOTS)):
        weight = probability * math.prod(dark_probability if d else 1 - dark_probability for d in dark)
        clicking = {slot for slot in range(SLOTS) if slot in where or dark[slot]}
        for number, pattern in enumerate(PATTERNS):
            if clicking == set(pattern):
                counts = [where.count(slot) for slot in pattern]
                found.append((weight, number, counts, [dark[slot] for slot in pattern], counts.count(0)))
    columns = zip(*sorted(found, key=lambda entry: -entry[0]), strict=True)
    kinds = (np.float64, np.uint8, np.uint8, np.bool_, np.uint8)
    return Classes(*(np.array(column, dtype=kind) for column, kind in zip(columns, kinds, strict=True)))


CLASSES = classes()
HERALD_PROBABILITY = CLASSES.probability.sum()
LOG_FAILURE = math.log1p(-HERALD_PROBABILITY)
CUMULATED = np.cumsum(CLASSES.probability) / HERALD_PROBABILITY
CUMULATED[-1] = 1.0
PLAIN = (CLASSES.photons == 1).all(axis=1) & ~CLASSES.dark.any(axis=1)


def heralds(count: int, seed: int) -> Record:
    """So many heralds with all their columns."""
    rng = np.random.Generator(np.random.SFC64(seed))
    record = Record(
        np.empty(count, dtype=np.uint64),
        np.empty(count, dtype=np.uint8),
        np.empty(count, dtype=np.uint8),
        np.empty((count, 2)),
    )
    next_attempt = 0
    for start in range(0, count, HERALDS_PER_CHUNK):
        part = Record(*(column[start : start + HERALDS_PER_CHUNK] for column in record))
        next_attempt = fill(part, next_attempt, rng)
    return record


def fill(record: Record, next_attempt: int, rng: np.random.Generator) -> int:
    """Fills a part of the record; returns the attempt after its last herald."""
    size = len(record.attempt)
    # floor(E / -ln(1 - p)) failures, E exponential, then the herald
    gaps = (rng.standard_exponential(size) * (-1 / LOG_FAILURE)).astype(np.int64)
    np.cumsum(gaps + 1, out=gaps)
    record.attempt[:] = gaps + (next_attempt - 1)

    kind = np.searchsorted(CUMULATED, rng.random(size), side="right")
    record.pattern[:] = CLASSES.pattern[kind]
    record.cause[:] = CLASSES.cause[kind]
    record.click_time_s[:] = photon_times_s(rng, (size, 2))
    others = np.flatnonzero(~PLAIN[kind])
    if len(others):
        photons, dark = CLASSES.photons[kind[others]], CLASSES.dark[kind[others]]
        times_s = record.click_time_s[others]
        second_s = photon_times_s(rng, times_s.shape)
        times_s = np.where(photons == 2, np.minimum(times_s, second_s), times_s)
        times_s[photons == 0] = np.inf
        # one dark count, whose time is uniform: more than one has a relative probability of 1e-6
        dark_s = np.where(dark, WINDOW_S * rng.random(times_s.shape), np.inf)
        record.click_time_s[others] = np.minimum(times_s, dark_s)
    return next_attempt + int(gaps[-1])


def photon_times_s(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Emission times inside the window: the few later ones are drawn again."""
    times_s = rng.standard_exponential(shape)
    times_s *= LIFETIME_S
    while len(late := np.flatnonzero(times_s >= WINDOW_S)):
        times_s.flat[late] = LIFETIME_S * rng.standard_exponential(len(late))
    return times_s


def heralds_by_inversion(count: int, seed: int) -> int:
    """Labels and click times the textbook way, by logarithms, nothing kept; returns the attempts."""
    rng = np.random.Generator(np.random.PCG64(seed))
    captured = -math.expm1(-WINDOW_S / LIFETIME_S)
    last, chunk = 0, 1 << 14
    for start in range(0, count, chunk):
        size = min(chunk, count - start)
        attempts = last + np.cumsum(rng.geometric(HERALD_PROBABILITY, size))
        kind = np.searchsorted(CUMULATED, rng.random(size))
        times_s = -LIFETIME_S * np.log1p(-captured * rng.random((size, 2)))
        two = np.nonzero(CLASSES.photons[kind] == 2)
        times_s[two] = np.minimum(times_s[two], -LIFETIME_S * np.log1p(-captured * rng.random(len(two[0]))))
        times_s[CLASSES.photons[kind] == 0] = np.inf
        dark = np.nonzero(CLASSES.dark[kind])
        times_s[dark] = np.minimum(times_s[dark], WINDOW_S * rng.random(len(dark[0])))
        last = int(attempts[-1])
    return last


def check(count: int = 4_000_000, seed: int = 1) -> float:
    """Sampled minus enumerated herald probability in standard deviations; above 5 the baseline is wrong."""
    if abs(HERALD_PROBABILITY / baseline_numpy.herald_probability() - 1) > 1e-12:
        message = "the two baselines simulate different links"
        raise RuntimeError(message)
    return check_record(heralds(count, seed))


def check_record(record: Record) -> float:
    """As `check`, for heralds from the first attempt on."""
    count = len(record.attempt)
    attempts = int(record.attempt[-1]) + 1
    waited = count / HERALD_PROBABILITY
    deviations = {"herald probability": (waited - attempts) / (math.sqrt(count) / HERALD_PROBABILITY)}
    for cause in range(3):
        share = CLASSES.probability[CLASSES.cause == cause].sum() / HERALD_PROBABILITY
        expected, spread = count * share, math.sqrt(count * share * (1 - share))
        deviations[f"cause {cause}"] = (np.count_nonzero(record.cause == cause) - expected) / max(spread, 1)
    # mean of an exponential cut to the window; its spread is below that of the whole exponential
    mean_s = LIFETIME_S - WINDOW_S / math.expm1(WINDOW_S / LIFETIME_S)
    sampled_s = record.click_time_s[record.cause == 0].mean()
    deviations["click times"] = (sampled_s - mean_s) / (LIFETIME_S / math.sqrt(2 * count))
    for what, deviation in deviations.items():
        if abs(deviation) > 5:
            message = f"{what} of the baseline: {deviation:.1f} standard deviations off"
            raise RuntimeError(message)
    return deviations["herald probability"]


if __name__ == "__main__":
    print(f"herald probability {HERALD_PROBABILITY:.6e}, sampled {check():+.2f} standard deviations away")
