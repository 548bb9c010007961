"""Networks as `sweep` sees them: simulated for a time at each point, without exact numbers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ionlink import checks
from ionlink.errors import refused
from ionlink.network import Network
from ionlink.network_files import of_text, text_of
from ionlink.sweeping.models import Arguments, Kind, Quantity
from ionlink.tables import branches

if TYPE_CHECKING:
    from ionlink.network_run import NetworkRun
    from ionlink.progress import Observer

__all__ = ["NETWORK", "Simulation"]


class Simulation(NamedTuple):
    """How a point of a network is sampled.

    Parameters
    ----------
    duration_s : float
        Time that is simulated (s), once for each repetition.
    repetitions : int
        Independent runs.
    by_demand : bool
        Whether each demand, or link that works for itself, has numbers of its own.
    threads : int
        Threads of the run; changes no number.
    """

    duration_s: float
    repetitions: int
    by_demand: bool
    threads: int = 1


def _effort(_network: Network, given: Arguments) -> Simulation:
    for name, usual in (("heralds", None), ("engine", "auto")):
        if getattr(given, name) != usual:
            raise refused(name, getattr(given, name), "left out: it is for links, networks have `duration_s`")
    if given.duration_s is None:
        raise refused("duration_s", None, "given: the time to simulate at each point", "s")
    return Simulation(
        duration_s=checks.duration("duration_s", given.duration_s),
        repetitions=1
        if given.repetitions is None
        else checks.count("repetitions", given.repetitions, least=1, most=checks.COPIES),
        by_demand=checks.flag("by_demand", given.by_demand),
    )


def _check(network: Network, effort: Simulation | None) -> None:
    if effort is not None:
        network._core.check(
            duration_s=effort.duration_s,
            policy=branches(network.policy),
            repetitions=effort.repetitions,
        )


_ESTIMATES = (
    ("rate_hz", "1/s", "delivered pairs per second"),
    ("fidelity", "1", "mean fidelity of delivered pairs to phi+"),
    ("latency_s", "s", "mean time from request to delivery"),
)
_COUNTS = (
    ("delivered", "1", "delivered pairs"),
    ("requests", "1", "requests that came"),
    ("blocked", "1", "requests that found their queue full"),
)


def _quantities(network: Network, effort: Simulation) -> tuple[Quantity, ...]:
    found = [Quantity(*known, exact=False) for known in _ESTIMATES]
    # where links work for themselves there are no requests
    counts = _COUNTS[:1] if network.saturated else _COUNTS
    found += [Quantity(*known, exact=False, ends=False) for known in counts]
    if effort.by_demand:
        if network.saturated:
            dimension = "link"
            things = tuple(network.link_name(number) for number in range(len(network.links)))
        else:
            dimension = "demand"
            things = tuple(" - ".join(demand.between) for demand in network.demands)
        found += [
            one._replace(
                name=f"{dimension}_{one.name}",
                title=f"{one.title}, of each {dimension}",
                dimension=dimension,
                things=things,
            )
            for one in found
        ]
    return tuple(found)


def _sampled(network: Network, effort: Simulation, seed: int, watch: Observer | None) -> tuple[float, ...]:
    run = network.run(
        effort.duration_s,
        seed=seed,
        record="summary",
        repetitions=effort.repetitions,
        threads=effort.threads,
        progress=_times(watch),  # type: ignore[arg-type]
    )
    row: list[float] = []
    things: tuple[int | None, ...] = (None,)
    for quantity in _quantities(network, effort):
        if quantity.dimension is not None:
            things = tuple(range(len(quantity.things)))
        name = quantity.name.removeprefix(f"{quantity.dimension}_")
        for thing in things:
            row += getattr(run, name)(thing) if quantity.ends else (_counted(run, name, thing),)
    return tuple(row)


def _times(watch: Observer | None) -> object:
    """What a run calls with times, for an observer of counts: it only wants to know that it may go on."""
    return False if watch is None else lambda _done_s, _total_s: watch(0, 0)


def _counted(run: NetworkRun, name: str, thing: int | None) -> float:
    if name == "delivered":
        return run.delivered(thing)
    chosen = run.requests if thing is None else run.requests[thing : thing + 1]
    return float(chosen[:, 0 if name == "requests" else 1].sum())


NETWORK = Kind(
    name="network",
    effort=_effort,
    samples=lambda _effort: True,
    quantities=_quantities,
    check=_check,
    exact=None,
    sampled=_sampled,
    text=text_of,
    # it names no other files
    of_text=lambda text: of_text(Network, text, Path()),
    heralds=lambda _effort: None,
    # a run takes much longer than to hand it over
    points_per_shard=1,
)
