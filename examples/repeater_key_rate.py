"""A repeater of three nodes against a direct link: secret bits per second over the distance.

All links have their station in the middle. The repeater stores the pair that comes first until the other half
of the way has one, swaps both, and loses coherence while it waits; the direct link loses photons instead.

    pip install "ionlink[plot]"
    python examples/repeater_key_rate.py
"""

import itertools
import sys

import matplotlib as mpl

mpl.use("agg")
from matplotlib import pyplot

import ionlink as il

DISTANCES_KM = range(20, 161, 20)
PAIRS = 3000  # to be delivered about
SPEED_M_PER_S = 299_792_458.0 / 1.468
SEED = 7


def link(length_km: float) -> il.Link:
    """A link with its station in the middle; an attempt waits for the answer."""
    return il.basic_link(
        efficiency=[0.2 * 10 ** (-0.2 * length_km / 2 / 10)] * 2,
        mode_overlap=0.97,
        dark_count_rate_hz=10.0,
        ion_photon_fidelity=(0.99, 0.99),
        attempt_period_s=20e-6 + 1e3 * length_km / SPEED_M_PER_S,
    )


def run(names: list[str], length_km: float) -> il.NetworkRun:
    """A chain of nodes over a distance, always asked for one pair more."""
    network = il.Network()
    segment = link(length_km / (len(names) - 1))
    for name in names:
        network.add_node(name, communication_ions=2, buffer_per_link=1, memory=il.Memory(t2_s=10.0))
    for between in itertools.pairwise(names):
        network.add_link(segment, between=between)
    network.demand("alice", "bob", saturate=True)
    return network.run(PAIRS / segment.exact().rate_hz, seed=SEED)


def main() -> None:
    """Print both rates at each distance and draw them."""
    picture = sys.argv[1] if len(sys.argv) > 1 else "repeater_key_rate.png"
    chains = {"direct": ["alice", "bob"], "repeater": ["alice", "repeater", "bob"]}
    keys: dict[str, list[float]] = {name: [] for name in chains}
    for length_km in DISTANCES_KM:
        parts = []
        for name, nodes in chains.items():
            made = run(nodes, length_km)
            bits = float(il.apps.qkd.bbm92(made.rho("alice", "bob")))
            keys[name].append(made.rate_hz("alice", "bob").value * bits)
            fidelity = made.fidelity("alice", "bob")
            parts.append(f"{name} {keys[name][-1]:8.3f} bits per second, fidelity {fidelity.value:.3f}")
        print(f"{length_km:3} km: {'; '.join(parts)}")
    _, axes = pyplot.subplots(figsize=(7, 4.5), layout="constrained")
    for name, rates_hz in keys.items():
        axes.semilogy(DISTANCES_KM, rates_hz, "o-", label=name)
    axes.set(xlabel="distance (km)", ylabel="secret bits per second (BBM92)")
    axes.legend()
    pyplot.savefig(picture, dpi=150)


if __name__ == "__main__":
    main()
