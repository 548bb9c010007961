"""Two modules of a quantum computer share pairs: as the link makes them, and distilled once and twice.

Both modules have gates and memory ions; a pair is worth as much as the gate that it teleports. Distillation
buys fidelity with pairs, ions and time, and its gates and readout cost fidelity themselves.

    pip install "ionlink[plot]"
    python examples/two_modules.py
"""

import sys

import matplotlib as mpl

mpl.use("agg")
from matplotlib import pyplot

import ionlink as il

DURATION_S = 30.0
SEED = 7


def modules() -> il.Network:
    """Two modules, joined by the link of a published experiment."""
    gates = il.Gates(two_qubit_fidelity=0.998, readout_error=0.001, duration_s=200e-6)
    network = il.Network()
    for name in ("module 1", "module 2"):
        network.add_node(
            name, communication_ions=1, memory_ions=4, gates=gates, storage=il.Memory(t1_s=100.0, t2_s=10.0)
        )
    network.add_link(il.presets.load("stephenson2020"), between=("module 1", "module 2"))
    network.demand("module 1", "module 2", saturate=True)
    return network


def main() -> None:
    """Run the three policies, print what they deliver and draw it."""
    picture = sys.argv[1] if len(sys.argv) > 1 else "two_modules.png"
    network = modules()
    _, axes = pyplot.subplots(figsize=(7, 4.5), layout="constrained")
    for rounds in range(3):
        policy = il.Policy(distill="dejmps", rounds=rounds) if rounds else il.Policy()
        run = network.run(DURATION_S, seed=SEED, policy=policy)
        fidelity = run.fidelity()
        gate = il.apps.computing.teleported_gate_fidelity(fidelity.value)
        heralds = run.deliveries.raw_pairs.mean()
        print(
            f"{rounds} rounds: {run.rate_hz():>10} pairs per second of fidelity {fidelity:>12}, "
            f"{heralds:.2f} heralds each; a teleported gate has fidelity {gate:.4f}"
        )
        axes.hist(
            run.deliveries.fidelity, bins=120, range=(0.85, 1), histtype="step", label=f"{rounds} rounds"
        )
    axes.set(xlabel="fidelity of delivered pairs", ylabel="pairs", yscale="log")
    axes.legend(title="DEJMPS")
    pyplot.savefig(picture, dpi=150)


if __name__ == "__main__":
    main()
