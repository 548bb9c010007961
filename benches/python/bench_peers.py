"""The scaling families of other network simulators, at their parameters.

    python benches/python/bench_peers.py

MQNS (github.com/usnistgov/mqns, examples/scalability_randomtopo): random graphs of 16 to 512 nodes, 1.25
links of 30 km per node, 10 pairs of qubits per link, swapping as soon as possible with success 1/2, pairs
kept for 5 ms, requests between a tenth as many pairs of nodes, 2 to 5 links apart; 3 s simulated.
Recorded with its own code, 16 to 128 nodes: 670 to 760 link pairs per CPU second with MQNS 0.1.0, 73 with
SeQUeNCe 0.7.6. Left out here: classical packets, routing messages and a controller (ways are found before
the run); left out there: photons, detectors, states that depend on clicks (pairs have a fixed fidelity of
0.99).

SeQUeNCe: a line of 1,024 nodes, every link for itself and end to end, 1 s.
"""

from __future__ import annotations

import math
import time

import numpy as np

import ionlink as il

SPEED_M_PER_S = 2e8
LENGTH_M = 30e3
COHERENCE_S = 5e-3


def link():
    """30 km with a station half-way; source and detector 0.95; states of fidelity 0.99."""
    arm = 0.95 * 0.95 * 10 ** (-0.2 * LENGTH_M / 2e3 / 10)
    period_s = il.handshakes.period_s(
        "request", distance_m=LENGTH_M, local_s=1e-6, group_index=299_792_458.0 / SPEED_M_PER_S
    )
    weight = math.sqrt((0.99 - 0.25) / 0.75)
    kept = (1 + 3 * weight) / 4
    return il.basic_link(
        efficiency=(arm, arm),
        lifetime_s=(1e-15, 1e-15),
        ion_photon_fidelity=(kept, kept),
        attempt_period_s=period_s,
    )


def random_graph(nodes, edges, seed):
    """A random tree and further links between nodes that have none."""
    rng = np.random.default_rng(seed)
    pairs = [(int(rng.integers(0, i, endpoint=True)), i + 1) for i in range(nodes - 1)]
    known = {frozenset(pair) for pair in pairs}
    while len(pairs) < edges:
        a, b = (int(rng.integers(0, nodes)) for _ in range(2))
        if a != b and frozenset((a, b)) not in known:
            known.add(frozenset((a, b)))
            pairs.append((a, b))
    return pairs, rng


def family(nodes, seed):
    """The network of this size and its requests."""
    pairs, rng = random_graph(nodes, nodes * 5 // 4, seed)
    network = il.Network(policy=il.Policy(swap_success_probability=0.5, cutoff_s=COHERENCE_S))
    for node in range(nodes):
        network.add_node(str(node), memory=il.Memory(t2_s=COHERENCE_S))
    physics = link()
    for a, b in pairs:
        network.add_link(physics, (str(a), str(b)), parallel=10)
    neighbors = [[] for _ in range(nodes)]
    for a, b in pairs:
        neighbors[a].append(b)
        neighbors[b].append(a)
    wanted = max(2, nodes // 10)
    used = set()
    while len(network.demands) < wanted:
        a, b = (int(rng.integers(0, nodes)) for _ in range(2))
        if a in used or b in used or not 2 <= distance(neighbors, a, b) <= 5:
            continue
        used |= {a, b}
        network.demand(str(a), str(b), saturate=True, in_flight=10)
    return network


def distance(neighbors, a, b):
    """Links between two nodes."""
    reached, front, steps = {a}, [a], 0
    while front and b not in reached:
        steps += 1
        front = [near for node in front for near in neighbors[node] if near not in reached]
        reached |= set(front)
    return steps if a != b else 0


def line(nodes, *, ends):
    """A line, every link for itself or for its ends."""
    network = il.Network(policy=il.Policy(swap_success_probability=1.0))
    for node in range(nodes):
        network.add_node(str(node))
    physics = link()
    for node in range(nodes - 1):
        network.add_link(physics, (str(node), str(node + 1)))
    if ends:
        network.demand("0", str(nodes - 1), saturate=True, in_flight=10)
    else:
        network.saturate_links()
    return network


def main():
    """Print one line for each network."""
    for nodes in (16, 32, 64, 128, 256, 512):
        built = time.process_time()
        networks = [family(nodes, seed) for seed in range(200, 205)]
        built = time.process_time() - built
        start = time.process_time()
        runs = [network.run(3.0, seed=1, threads=1) for network in networks]
        seconds = time.process_time() - start
        heralds = sum(run.heralds for run in runs)
        delivered = sum(len(run.deliveries) for run in runs)
        print(
            f"MQNS family, {nodes:4} nodes: {seconds / 5:7.3f} CPU s a run, {heralds / 5:9.0f} link pairs, "
            f"{delivered / 5:7.0f} delivered; {heralds / seconds:10.3g} link pairs per CPU s "
            f"(built in {built / 5:.2f} s)"
        )
    for ends in (False, True):
        network = line(1024, ends=ends)
        start = time.perf_counter()
        run = network.run(1.0, seed=1, threads=1)
        seconds = time.perf_counter() - start
        what = "end to end" if ends else "link by link"
        print(
            f"line of 1,024 nodes, {what}: {seconds:.3f} s, {run.heralds:,} heralds, "
            f"{len(run.deliveries):,} pairs"
        )


if __name__ == "__main__":
    main()
