"""Every attempt of the reference link in NumPy: the fastest plain script we know of.

The link: two nodes, two-photon heralds, polarization encoding. In every attempt each node's photon
survives with probability `EFFICIENCY`, leaves a balanced splitter and meets one of four threshold detectors
with dark counts; arrival times are exponential and cut by the window. Herald: exactly two slots clicked, of
opposite polarization.

Loss and the presence of dark counts are drawn for every attempt; everything else only for the few attempts in
which a herald is still possible. Equal photons are taken as perfectly indistinguishable, and no states come
out: less than ionlink does for the same attempts.

    python benches/python/baseline_numpy.py    compares the sampled herald probability with the enumerated one
"""

import itertools
import math

import numpy as np

EFFICIENCY = 0.0218
WINDOW_S = 40e-9
LIFETIME_S = 7.4e-9
DARK_COUNT_RATE_HZ = 60.0
ATTEMPTS_PER_CHUNK = 1 << 17  # the fastest of 2^14 to 2^19 where this was tuned

SLOTS = 4  # port 0 mode 0, port 0 mode 1, port 1 mode 0, port 1 mode 1
DARK_PROBABILITY = -math.expm1(-DARK_COUNT_RATE_HZ * WINDOW_S)
ANY_DARK_PROBABILITY = -math.expm1(-SLOTS * DARK_COUNT_RATE_HZ * WINDOW_S)
# probability that the first slot with a dark count is slot d, given that there is one
FIRST_DARK = (1 - DARK_PROBABILITY) ** np.arange(SLOTS) * DARK_PROBABILITY / ANY_DARK_PROBABILITY
BIT = (1 << np.arange(SLOTS)).astype(np.uint8)
ACCEPTED = np.zeros(1 << SLOTS, dtype=bool)
ACCEPTED[[0b0011, 0b1100, 0b1001, 0b0110]] = True


def heralds(attempts: int, seed: int) -> int:
    """Number of heralds in so many attempts."""
    rng = np.random.Generator(np.random.SFC64(seed))
    count = done = 0
    while done < attempts:
        size = min(ATTEMPTS_PER_CHUNK, attempts - done)
        count += len(chunk(rng, size)[0])
        done += size
    return count


def chunk(rng: np.random.Generator, size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Attempt numbers and both click times of the heralds among `size` attempts."""
    photon_a = rng.random(size) < EFFICIENCY
    photon_b = rng.random(size) < EFFICIENCY
    any_dark = rng.random(size) < ANY_DARK_PROBABILITY
    kept = np.flatnonzero((photon_a & photon_b) | any_dark)
    photon = np.stack([photon_a[kept], photon_b[kept]], axis=1)
    dark = dark_slots(rng, any_dark[kept])

    photon_s = rng.exponential(LIFETIME_S, photon.shape)
    photon &= photon_s < WINDOW_S
    slot = photon_slots(rng, len(kept))
    click_s = np.full((len(kept), SLOTS), np.inf)
    for node in (0, 1):
        rows = np.flatnonzero(photon[:, node])
        columns = slot[rows, node]
        click_s[rows, columns] = np.minimum(click_s[rows, columns], photon_s[rows, node])
    rows, columns = np.nonzero(dark)
    click_s[rows, columns] = np.minimum(click_s[rows, columns], WINDOW_S * rng.random(len(rows)))

    pattern = np.isfinite(click_s) @ BIT
    accepted = np.flatnonzero(ACCEPTED[pattern])
    times_s = np.sort(click_s[accepted], axis=1)
    return kept[accepted], times_s[:, 0], times_s[:, 1]


def photon_slots(rng: np.random.Generator, size: int) -> np.ndarray:
    """Slot of each node's photon: equal modes bunch, opposite modes leave by independent ports."""
    port, mode, equal_mode, equal_port = rng.integers(0, 2, (4, size))
    opposite = 2 * np.where(equal_port, port, 1 - port) + 1 - mode
    slot_a = 2 * port + mode
    return np.stack([slot_a, np.where(equal_mode, slot_a, opposite)], axis=1)


def dark_slots(rng: np.random.Generator, any_dark: np.ndarray) -> np.ndarray:
    """Which slots have dark counts, in rows where at least one has."""
    dark = np.zeros((len(any_dark), SLOTS), dtype=bool)
    rows = np.flatnonzero(any_dark)
    first = rng.choice(SLOTS, size=len(rows), p=FIRST_DARK)
    later = np.arange(SLOTS) > first[:, None]
    dark[rows] = later & (rng.random((len(rows), SLOTS)) < DARK_PROBABILITY)
    dark[rows, first] = True
    return dark


def herald_probability() -> float:
    """Herald probability by enumeration of everything that can click."""
    seen = -EFFICIENCY * math.expm1(-WINDOW_S / LIFETIME_S)
    photons = [((1 - seen) ** 2, 0)]
    photons += [(2 * seen * (1 - seen) / 4, 1 << slot) for slot in range(SLOTS)]
    photons += [(seen * seen / 8, 1 << slot) for slot in range(SLOTS)]
    photons += [(seen * seen / 8, mask) for mask in (0b0011, 0b1100, 0b1001, 0b0110)]
    total = 0.0
    for (probability, mask), dark in itertools.product(photons, itertools.product((0, 1), repeat=SLOTS)):
        pattern = mask | sum(1 << slot for slot in range(SLOTS) if dark[slot])
        if ACCEPTED[pattern]:
            total += probability * math.prod(DARK_PROBABILITY if d else 1 - DARK_PROBABILITY for d in dark)
    return total


def check(attempts: int = 50_000_000, seed: int = 1) -> float:
    """Sampled minus enumerated herald probability in standard deviations; above 5 the baseline is wrong."""
    probability = herald_probability()
    deviation = math.sqrt(attempts * probability * (1 - probability))
    difference = (heralds(attempts, seed) - attempts * probability) / deviation
    if abs(difference) > 5:
        message = f"the baseline's herald probability is {difference:.1f} standard deviations off"
        raise RuntimeError(message)
    return difference


if __name__ == "__main__":
    print(f"herald probability {herald_probability():.6e}, sampled {check():+.2f} standard deviations away")
