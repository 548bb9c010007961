"""A metropolitan network: 1,000 nodes, 10,000 links, a second of 10 billion attempts; pairs across the city.

Nodes lie on a grid of 2 km that closes on itself; each has links to twenty neighbors, with a station in the
middle. First every link works for itself. Then five pairs of nodes far apart ask for entanglement: each way
is the one with the least sum of mean waiting times, and nodes on it swap as soon as they can.

    pip install "ionlink[plot]"
    python examples/metropolitan_network.py
"""

import sys

import matplotlib as mpl

mpl.use("agg")
import numpy as np
from matplotlib import pyplot

import ionlink as il

COLUMNS, ROWS, SPACING_KM = 40, 25, 2.0
OFFSETS = [(1, 0), (0, 1), (1, 1), (1, -1), (2, 0), (0, 2), (2, 1), (2, -1), (1, 2), (1, -2)]
DEMANDS = [
    ((3, 3), (17, 9)),
    ((5, 20), (12, 8)),
    ((22, 4), (36, 18)),
    ((30, 22), (38, 2)),
    ((20, 20), (26, 9)),
]
SEED = 7


def mesh() -> il.Network:
    """The nodes with their places, and their links with the losses of half their length on each side."""
    network = il.Network()
    for x in range(COLUMNS):
        for y in range(ROWS):
            position = (SPACING_KM * x, SPACING_KM * y)
            network.add_node(f"{x},{y}", position=position, memory=il.Memory(t2_s=1.0))
    x, y = (grid.ravel() for grid in np.mgrid[:COLUMNS, :ROWS])
    pairs, efficiency = [], []
    for dx, dy in OFFSETS:
        other = (x + dx) % COLUMNS * ROWS + (y + dy) % ROWS
        pairs.append(np.column_stack((x * ROWS + y, other)))
        arm_km = SPACING_KM * np.hypot(dx, dy) / 2
        efficiency.append(np.full((len(x), 2), 0.02 * 10 ** (-0.2 * arm_km / 10)))
    link = il.basic_link(efficiency=(0.02, 0.02), mode_overlap=0.99, dark_count_rate_hz=10.0)
    network.add_links(link, np.concatenate(pairs), efficiency=np.concatenate(efficiency))
    return network


def main() -> None:
    """Run the benchmark and the demands, and draw the map with the five ways."""
    picture = sys.argv[1] if len(sys.argv) > 1 else "metropolitan_network.png"
    network = mesh()
    network.saturate_links()
    run = network.run(1.0, seed=SEED)
    print(f"{run.attempts.sum():,} attempts, {run.heralds:,} heralds, each with its time and its state")

    network = mesh()
    for a, b in DEMANDS:
        network.demand(",".join(map(str, a)), ",".join(map(str, b)), saturate=True, weight="rate")
    served = network.run(5.0, seed=SEED)
    print(served)

    places = {node.name: node.position for node in network.nodes}
    rates_hz = np.bincount(run.deliveries.demand, minlength=len(network.pairs))
    _, axes = pyplot.subplots(figsize=(11, 7), layout="constrained")
    ends = np.array([node.position for node in network.nodes])[network.pairs]
    # links that close the grid on itself would cross the whole map
    near = np.abs(ends[:, 0] - ends[:, 1]).max(axis=1) < 10
    lines = mpl.collections.LineCollection(ends[near], cmap="viridis", linewidths=0.8, alpha=0.7)
    lines.set_array(rates_hz[near])
    axes.add_collection(lines)
    axes.figure.colorbar(lines, label="pairs per second of each link", shrink=0.8)
    for number, demand in enumerate(network.demands):
        way = np.array([places[name] for name in network.route(number)])
        crossings = np.flatnonzero(np.abs(np.diff(way, axis=0)).max(axis=1) > 10) + 1
        way = np.insert(way, crossings, np.nan, axis=0)  # a line ends at one border and goes on at the other
        label = f"{' to '.join(demand.between)}: {served.rate_hz(number)} pairs per second"
        axes.plot(*way.T, "o-", color=f"C{number + 1}", linewidth=2.5, label=label)
    axes.set(xlabel="km", ylabel="km", aspect="equal")
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.1), ncols=2)
    pyplot.savefig(picture, dpi=150)


if __name__ == "__main__":
    main()
