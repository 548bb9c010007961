"""Two links compete for one ion, in SimPy: heralds are pulled one at a time, when the simulation wants them.

Carol has a single communication ion and links to Alice and to Bob. Whichever link holds the ion tries until
it heralds, uses the pair, and gives the ion back; the other one waits. The sampler starts trying at the time
the ion is handed over, so attempts that nobody makes herald nothing.

    pip install simpy
    python examples/simpy_heralds.py
"""

from collections.abc import Generator
from typing import Any

import numpy as np
import simpy

import ionlink as il

PAIRS = 200  # per link
USE_S = 2e-3  # what the application does with a pair: the ion is busy
SEED = 7
# the Bell states that links announce, in the basis 00, 01, 10, 11
ANNOUNCED = {
    "psi+": np.array([0, 1, 1, 0]) / np.sqrt(2),
    "psi-": np.array([0, 1, -1, 0]) / np.sqrt(2),
}


class Served:
    """What one link has delivered."""

    def __init__(self) -> None:
        self.waiting_s: list[float] = []
        self.fidelities: list[float] = []


def serve(
    env: simpy.Environment, ion: simpy.Resource, sampler: il.Sampler, served: Served
) -> Generator[simpy.Event, Any, None]:
    """Deliver pairs over one link: take the ion, wait for a herald, use the pair."""
    while len(served.waiting_s) < PAIRS:
        asked_s = env.now
        with ion.request() as granted:
            yield granted
            herald = sampler.next(not_before_s=env.now)
            yield env.timeout(herald.time_s - env.now)
            announced = ANNOUNCED[il.BELL_STATES[herald.bell_state]]
            served.fidelities.append(float((announced @ herald.rho @ announced).real))
            served.waiting_s.append(env.now - asked_s)
            yield env.timeout(USE_S)


def main() -> None:
    """Run both links to the end and print what each delivered."""
    links = {
        "alice - carol": il.presets.load("stephenson2020"),
        "bob - carol": il.basic_link(efficiency=(0.02, 0.015), dark_count_rate_hz=60.0, mode_overlap=0.95),
    }
    env = simpy.Environment()
    ion = simpy.Resource(env, capacity=1)
    served = {name: Served() for name in links}
    for number, (name, link) in enumerate(links.items()):
        env.process(serve(env, ion, link.sampler(seed=SEED + number), served[name]))
    env.run()

    print(f"{env.now:.2f} s of laboratory time for {PAIRS} pairs per link")
    for name, link in links.items():
        waiting_s, fidelity = np.mean(served[name].waiting_s), np.mean(served[name].fidelities)
        exact = link.exact()
        print(
            f"{name}: a pair after {1e3 * waiting_s:.1f} ms "
            f"({1e3 * exact.mean_time_s:.1f} ms if the ion were always free), "
            f"fidelity {fidelity:.4f} (exact {exact.fidelity:.4f})"
        )


if __name__ == "__main__":
    main()
