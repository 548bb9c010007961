"""Networks: a metropolitan mesh, shared ions, a chain, hubs, rules of one's own, a million links.

    python benches/python/bench_network.py [sizes] [hubs] [rules] [million]

One thread; medians of three runs. Goals: the mesh of 10,000 links in 2 s and 500 MB, shared ions in 10 s, a
million links in 200 s and 4 GB, a million requests at a hub in 30 s. `hubs` prints the table of
docs/networks.md beside Erlang's formulas, `rules` what a call of each rule costs there.
"""

from __future__ import annotations

import resource
import statistics
import sys
import time

import numpy as np

import ionlink as il

STATIONS = 8
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


def hub(modules, load, reconfiguration_s, discipline="queue"):
    """Requests between any two modules at eight stations behind a switch."""
    link = il.basic_link(efficiency=(0.02, 0.02))
    service_s = 1 / link.exact().rate_hz + reconfiguration_s
    network = il.Network()
    for module in range(modules):
        network.add_node(str(module))
    network.add_station("pool", count=STATIONS, discipline=discipline)
    network.add_switch("switch", ports=modules + 2 * STATIONS, reconfiguration_s=reconfiguration_s)
    pairs = [(a, b) for a in range(modules) for b in range(a)]
    network.add_links(link, pairs, station="pool", switch="switch")
    for a, b in pairs:
        network.demand(str(a), str(b), rate_hz=load * STATIONS / service_s / len(pairs))
    return network, service_s


def erlang_b(load, servers):
    """Share of requests that find all servers busy where nobody waits."""
    blocked = 1.0
    for n in range(1, servers + 1):
        blocked = load * blocked / (n + load * blocked)
    return blocked


def erlang_wait(load, servers):
    """Mean wait (services) where everybody does: Erlang's C over the servers that are left."""
    blocked = erlang_b(load, servers)
    return blocked / (1 - load / servers * (1 - blocked)) / (servers - load)


def repeater(**demand):
    """Two links to a node between, with room for several pairs."""
    network = il.Network()
    for name, ions in (("alice", 8), ("carol", 16), ("bob", 8)):
        network.add_node(name, communication_ions=ions)
    link = il.basic_link(efficiency=(0.2, 0.2), attempt_period_s=10e-6)
    network.add_link(link, ("alice", "carol"))
    network.add_link(link, ("carol", "bob"))
    network.demand("alice", "bob", saturate=True, **demand)
    return network


def grid(side):
    """Demands between the corners of a square, each with many ways."""
    network = il.Network()
    for node in range(side * side):
        network.add_node(str(node))
    link = il.basic_link(efficiency=(0.2, 0.2))
    for node in range(side * side):
        if node % side:
            network.add_link(link, (str(node - 1), str(node)))
        if node >= side:
            network.add_link(link, (str(node - side), str(node)))
    for _ in range(50):
        network.demand("0", str(side * side - 1), rate_hz=1.0)
    return network


class Counted:
    """Rules with one method, which answers what would be done anyway; how often it was asked."""

    def __init__(self, question, answer):
        self.calls = 0

        def asked(*arguments):
            self.calls += 1
            return answer(*arguments)

        setattr(self, question, asked)


def first_two(now_s, nodes, waiting):
    """The pairs that the policy would distill."""
    return (0, 1) if len(waiting) > 1 else None


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


def sizes():
    """Networks of all sizes: one line each."""
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
        # ten heralds per link or more; the difference of two runs is free of what is done once
        network, duration_s = ring(links), max(0.1, 1500.0 / links)
        short, few = timed(network, duration_s, record="summary")
        long, many = timed(network, 2 * duration_s, record="summary")
        event_s = (long - short) / (many.heralds - few.heralds)
        print(
            f"{f'ring of {links:,} links that share ions':42}{1e9 * event_s:8.0f} ns per herald, "
            f"{1e6 * (short - few.heralds * event_s) / links:.2f} us per link before the first"
        )


def hubs(repeat=4):
    """Waits and blocking at eight stations beside Erlang's formulas; figures with standard errors."""
    titles = ("modules", "reconfiguration", "load", "mean wait (services)", "Erlang C", "blocked", "Erlang B")
    print("|", " | ".join(titles), "|\n|" + "---|" * len(titles))
    for modules, requests in ((16, 1_000_000), (128, 200_000)):
        for reconfiguration_s in (1e-3, 5e-6):
            for load in (0.5, 0.8, 0.95):
                waits, shares = [], []
                for seed in range(repeat):
                    network, service_s = hub(modules, load, reconfiguration_s)
                    duration_s = requests * service_s / (STATIONS * load)
                    run = network.run(duration_s, seed=seed, threads=1, record="summary", states="mean")
                    # an analyzer that serves the same link again need not be set anew
                    taken_s = STATIONS * run.utilization.stations[0] * duration_s
                    served_s = taken_s / run.pairs["delivered"]
                    waits.append(run.latency_s().value / served_s - 1)
                    network, _ = hub(modules, load, reconfiguration_s, "loss")
                    run = network.run(duration_s, seed=seed, threads=1, record="summary", states="mean")
                    came, blocked = run.requests.sum(axis=0)
                    shares.append(blocked / came)
                wait, share = (
                    f"{np.mean(found):.4f} ± {np.std(found, ddof=1) / repeat**0.5:.4f}"
                    for found in (waits, shares)
                )
                offered = STATIONS * load
                print(
                    f"| {modules} | {1e6 * reconfiguration_s:,.0f} µs | {load:.0%} "
                    f"| {wait} | {erlang_wait(offered, STATIONS):.4f} "
                    f"| {share} | {erlang_b(offered, STATIONS):.4f} |",
                    flush=True,
                )


def rules():
    """What a call of each rule of one's own costs: time with it less time without, by the number of calls."""
    crowd, _ = hub(16, 0.8, 5e-6)
    plain, room = repeater(in_flight=4), repeater()
    distilled = {"policy": il.Policy(distill="dejmps", rounds=1)}
    for question, answer, network, duration_s, special in (
        ("next_link", lambda *asked: 0, crowd, 30.0, {}),
        ("swap_pair", lambda *asked: 0, plain, 20.0, {}),
        ("distill_pair", first_two, room, 40.0, distilled),
        ("cutoff_s", lambda *asked: None, plain, 20.0, {}),
        ("route", lambda *asked: 0, grid(8), 1e-6, {}),
    ):
        arguments = {"record": "summary", "states": "mean", **special}
        without, plainly = timed(network, duration_s, **arguments)
        counted = Counted(question, answer)
        with_it, run = timed(network, duration_s, 3, rules=counted, **arguments)
        assert run.pairs == plainly.pairs, "the rule was to change nothing"
        calls = counted.calls / 3
        print(f"{question:14}{calls:10,.0f} calls {1e6 * (with_it - without) / calls:8.2f} µs each")


def million():
    """A million links."""
    seconds, run = timed(mesh(316, 316), 1.0, 1, record="summary")
    print(f"{'mesh of 998,560 links':42}{seconds:8.1f} s {run.heralds:12,} heralds {peak_mb():7.0f} MB")


def main():
    """Run the parts that are named, or all."""
    parts = {part.__name__: part for part in (sizes, hubs, rules, million)}
    for name in sys.argv[1:] or parts:
        parts[name]()


if __name__ == "__main__":
    main()
