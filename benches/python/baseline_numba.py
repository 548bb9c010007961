"""The reference link in compiled Python: plain loops over attempts and over heralds, one thread.

`heralds_by_loop` draws every attempt and counts heralds. `heralds_by_skip` jumps from herald to herald as
baseline_numpy_skip.py does, with its classes and its full record.

    python benches/python/baseline_numba.py    compares both with the enumerated herald probability
"""

import math

import baseline_numpy
import baseline_numpy_skip
import numba
import numpy as np
from baseline_numpy import DARK_PROBABILITY, EFFICIENCY, LIFETIME_S, SLOTS, WINDOW_S
from baseline_numpy_skip import CLASSES, CUMULATED, LOG_FAILURE, PLAIN, Record

ACCEPTED = baseline_numpy.ACCEPTED
ANY_DARK_PROBABILITY = baseline_numpy.ANY_DARK_PROBABILITY


def heralds_by_loop(attempts: int, seed: int) -> int:
    """Number of heralds in so many attempts."""
    return attempt_loop(np.random.Generator(np.random.SFC64(seed)), attempts)


def heralds_by_skip(count: int, seed: int) -> Record:
    """So many heralds with all their columns."""
    record = Record(
        np.empty(count, dtype=np.uint64),
        np.empty(count, dtype=np.uint8),
        np.empty(count, dtype=np.uint8),
        np.empty((count, 2)),
    )
    kinds = (CLASSES.pattern, CLASSES.photons, CLASSES.dark, CLASSES.cause)
    herald_loop(np.random.Generator(np.random.SFC64(seed)), record, CUMULATED, PLAIN, kinds)
    return record


@numba.njit
def attempt_loop(rng, attempts):
    count = 0
    for _ in range(attempts):
        photon_a = rng.random() < EFFICIENCY
        photon_b = rng.random() < EFFICIENCY
        any_dark = rng.random() < ANY_DARK_PROBABILITY
        if (photon_a and photon_b) or any_dark:
            photon_a = photon_a and LIFETIME_S * rng.standard_exponential() < WINDOW_S
            photon_b = photon_b and LIFETIME_S * rng.standard_exponential() < WINDOW_S
            count += ACCEPTED[clicks(rng, photon_a, photon_b, any_dark)]
    return count


@numba.njit
def clicks(rng, photon_a, photon_b, any_dark):
    """Slots that click, as bits; equal modes bunch, opposite ones leave by independent ports."""
    pattern = 0
    if photon_a and photon_b:
        slot = int(SLOTS * rng.random())
        pattern = 1 << slot
        if rng.random() < 0.5:
            other_port = slot // 2 if rng.random() < 0.5 else 1 - slot // 2
            pattern |= 1 << (2 * other_port + 1 - slot % 2)
    elif photon_a or photon_b:
        pattern = 1 << int(SLOTS * rng.random())
    if any_dark:
        found = 0
        while found == 0:
            for slot in range(SLOTS):
                if rng.random() < DARK_PROBABILITY:
                    found |= 1 << slot
        pattern |= found
    return pattern


@numba.njit
def photon_time_s(rng):
    while True:
        time_s = LIFETIME_S * rng.standard_exponential()
        if time_s < WINDOW_S:
            return time_s


@numba.njit
def herald_loop(rng, record, cumulated, plain, kinds):
    pattern, photons, dark, cause = kinds
    attempt = -1
    for herald in range(len(record.attempt)):
        attempt += 1 + int(rng.standard_exponential() / -LOG_FAILURE)
        drawn = rng.random()
        kind = 0
        while drawn >= cumulated[kind]:
            kind += 1
        record.attempt[herald] = attempt
        record.pattern[herald] = pattern[kind]
        record.cause[herald] = cause[kind]
        for mode in range(2):
            time_s = photon_time_s(rng) if plain[kind] else math.inf
            if not plain[kind]:
                for _ in range(photons[kind, mode]):
                    time_s = min(time_s, photon_time_s(rng))
                # one dark count, whose time is uniform: more than one has a relative probability of 1e-6
                if dark[kind, mode]:
                    time_s = min(time_s, WINDOW_S * rng.random())
            record.click_time_s[herald, mode] = time_s


def check(attempts: int = 20_000_000, count: int = 4_000_000, seed: int = 1) -> None:
    """Raise where a loop lies more than five standard deviations from the enumeration."""
    probability = baseline_numpy.herald_probability()
    sampled = heralds_by_loop(attempts, seed)
    deviation = (sampled - attempts * probability) / math.sqrt(attempts * probability)
    if abs(deviation) > 5:
        message = f"the loop's herald probability is {deviation:.1f} standard deviations off"
        raise RuntimeError(message)
    baseline_numpy_skip.check_record(heralds_by_skip(count, seed))


if __name__ == "__main__":
    check()
    print("both loops agree with the enumeration")
