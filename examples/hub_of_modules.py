"""Sixty-four ion-trap modules around an optical crossconnect with a pool of Bell stations.

Every module wants pairs with every other one. Which resource limits, and what would one more station, one
more ion per module or a better switch bring? The link is the published one of Stephenson et al., its light
passing the switch.

    pip install "ionlink[plot]"
    python examples/hub_of_modules.py hub.png
"""

import sys

from matplotlib.figure import Figure

import ionlink as il

MODULES = 64
PAIRS = [(a, b) for a in range(MODULES) for b in range(a)]


def hub(
    *, stations=8, ions=1, loss_db=1.0, reconfiguration_s=1e-3, requests_per_s=1000.0, discipline="queue"
):
    """The hub with all-to-all demand."""
    link = il.presets.load("stephenson2020")
    network = il.Network()
    for module in range(MODULES):
        network.add_node(f"module {module}", communication_ions=ions)
    network.add_station("pool", count=stations, discipline=discipline)
    network.add_switch("crossconnect", ports=512, loss_db=loss_db, reconfiguration_s=reconfiguration_s)
    network.add_links(link, PAIRS, station="pool", switch="crossconnect")
    for a, b in PAIRS:
        network.demand(f"module {a}", f"module {b}", rate_hz=requests_per_s / len(PAIRS))
    return network


def figures(seed=7, duration_s=3.0, **changes):
    """Pairs per second, mean latency (s), and use of stations and ions."""
    run = hub(**changes).run(duration_s, seed=seed, record="deliveries", states="mean")
    use = run.utilization
    return run, len(run.deliveries) / duration_s, use.stations[0], use.nodes.mean()


def main(path="hub.png"):
    """Compare purchases; draw the hub, waiting times, and latency against load."""
    print(f"{'':24}{'pairs/s':>9}{'stations':>10}{'ions':>8}   (share in use)")
    base = None
    for name, changes in {
        "8 stations, 1 ion": {},
        "one more station": {"stations": 9},
        "one more ion": {"ions": 2},
        "switch in 5 us": {"reconfiguration_s": 5e-6},
        "switch of 0.5 dB": {"loss_db": 0.5},
    }.items():
        run, rate, stations, ions = figures(**changes)
        base = (run, rate) if base is None else base
        print(f"{name:24}{rate:9.0f}{stations:10.2f}{ions:8.2f}   {rate / base[1] - 1:+.1%}")

    figure = Figure(figsize=(13, 4), layout="constrained")
    diagram, waits, load = figure.subplots(1, 3)
    network = hub(requests_per_s=500.0)
    run = network.run(3.0, seed=7, states="mean")
    il.plot.network(network, run, diagram)
    il.plot.waiting_times(run, waits).set_title("waiting, 500 requests/s")
    for stations in (8, 9):
        # one run of each load: intervals are those of requests blocked independently of each other
        runs = [
            (rate, figures(stations=stations, requests_per_s=rate, discipline="loss")[0])
            for rate in (200.0, 400.0, 600.0, 800.0, 1000.0)
        ]
        il.plot.blocking(runs, load, label=f"{stations} stations")
    load.set_title("blocking where nobody waits")
    figure.savefig(path)
    print(f"The picture is {path}")


if __name__ == "__main__":
    main(*sys.argv[1:])
