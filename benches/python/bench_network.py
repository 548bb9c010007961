"""Networks: a metropolitan mesh, shared ions, a chain, a hub, and the cost of an event by size of network.

    python benches/python/bench_network.py

One thread; medians of three runs. Goals: the mesh of 10,000 links in 2 s and 500 MB, shared ions in 10 s, a
million links in 200 s and 4 GB, a million requests at a hub in 30 s.
"""

from __future__ import annotations

import resource
import statistics
import time

import numpy as np

import ionlink as il

OFFSETS = [(1, 0), (0, 1), (1, 1), (1, -1), (2, 0), (0, 2), (2, 1), (2, -1), (1, 2), (1, -2)]
LIGHT_M_PER_S = 299_792_458.0


def mesh(columns, rows, *, ions=None, travel=False):
    """Torus with ten links per node, 2 km apart, stations half-way, every link for itself."""
    network = il.Network()
    for node in range(columns * rows):
        network.add_node(str(node), communication_ions=ions)
    x, y = np.divmod(np.arange(columns * rows), rows)
    for dx, dy in OFFSETS:
        distance_km = 2 * np.hypot(dx, dy)
        arm = 0.02 * 10 ** (-0.2 * distance_km / 2 / 10)
        period_s = max(1e-6, 1.468 * 1e3 * distance_km / LIGHT_M_PER_S) if travel else 1e-6
        link = il.basic_link(efficiency=(arm, arm), attempt_period_s=period_s)
        ends = (x + dx) % columns * rows + (y + dy) % rows
        network.add_links(link, np.stack([np.arange(columns * rows), ends], axis=1))
    network.saturate_links()
    return network


def ring(links):
    """Links that share one ion at each node with the next: what an event costs in networks of all sizes."""
    network = il.Network()
    for node in range(links):
        network.add_node(str(node), communication_ions=1)
    first = np.arange(links)
    network.add_links(il.basic_link(efficiency=(0.02, 0.02)), np.stack([first, (first + 1) % links], axis=1))
    network.saturate_links()
    return network


def chain(nodes):
    """A thousand nodes, swapping as soon as they can."""
    network = il.Network()
    for node in range(nodes):
        network.add_node(str(node), communication_ions=2)
    link = il.basic_link(efficiency=(0.316, 0.316))
    for node in range(nodes - 1):
        network.add_link(link, (str(node), str(node + 1)))
    network.demand("0", str(nodes - 1), saturate=True)
    return network


def hub(modules, load, reconfiguration_s):
    """Requests between any two modules at eight stations behind a switch."""
    link = il.basic_link(efficiency=(0.02, 0.02))
    service_s = 1 / link.exact().rate_hz + reconfiguration_s
    network = il.Network()
    for module in range(modules):
        network.add_node(str(module))
    network.add_station("pool", count=8)
    network.add_switch("switch", ports=modules + 16, reconfiguration_s=reconfiguration_s)
    pairs = [(a, b) for a in range(modules) for b in range(a)]
    network.add_links(link, pairs, station="pool", switch="switch")
    for a, b in pairs:
        network.demand(str(a), str(b), rate_hz=load * 8 / service_s / len(pairs))
    return network, service_s


def timed(network, duration_s, repeat=3, **arguments):
    """Median time (s) and the last run."""
    times = []
    for seed in range(repeat):
        start = time.process_time()
        run = network.run(duration_s, seed=seed, threads=1, **arguments)
        times.append(time.process_time() - start)
    return statistics.median(times), run


def peak_mb():
    """Largest memory so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main():
    """Print one line for each network."""
    for what, network, duration_s, arguments in (
        ("mesh of 10,000 links", mesh(40, 25), 1.0, {}),
        ("the same, summary", mesh(40, 25), 1.0, {"record": "summary"}),
        ("the same, one ion per node, light travel", mesh(40, 25, ions=1, travel=True), 1.0, {}),
        ("chain of 1,000 nodes", chain(1000), 0.1, {"states": "mean"}),
    ):
        seconds, run = timed(network, duration_s, **arguments)
        print(
            f"{what:42}{seconds:8.3f} s {run.heralds:12,} heralds {len(run.deliveries):10,} pairs "
            f"{peak_mb():7.0f} MB"
        )
    for links in (100, 1_000, 10_000, 100_000):
        seconds, run = timed(ring(links), 1500.0 / links, record="summary")
        print(
            f"{f'ring of {links:,} links that share ions':42}{1e9 * seconds / run.heralds:8.0f} ns per herald"
        )
    for modules in (16, 128):
        for reconfiguration_s in (1e-3, 5e-6):
            for load in (0.5, 0.8, 0.95):
                network, service_s = hub(modules, load, reconfiguration_s)
                duration_s = 100_000 * service_s / (8 * load)
                seconds, run = timed(network, duration_s, 1, record="summary", states="mean")
                came = int(run.requests[:, 0].sum())
                wait_s = run.latency_s().value - service_s
                print(
                    f"{f'hub, {modules} modules, {1e6 * reconfiguration_s:.0f} us, load {load}':42}"
                    f"{seconds:8.3f} s {came:12,} requests, mean wait {wait_s / service_s:.3f} services, "
                    f"stations {run.utilization.stations[0]:.2f} in use"
                )
    seconds, run = timed(mesh(316, 316), 1.0, 1, record="summary")
    print(f"{'mesh of 998,560 links':42}{seconds:8.1f} s {run.heralds:12,} heralds {peak_mb():7.0f} MB")


if __name__ == "__main__":
    main()
