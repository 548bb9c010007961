"""One call from a link or a network to a map."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ionlink import checks, seeds
from ionlink.progress import reporter
from ionlink.sweeping.checkpoint import manifest
from ionlink.sweeping.dataset import dataset, xarray
from ionlink.sweeping.models import Arguments, kind_of
from ionlink.sweeping.plan import Plan, shard_size
from ionlink.sweeping.points import Points
from ionlink.sweeping.running import checked_executor

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Mapping

    from ionlink.link import Link
    from ionlink.network import Network
    from ionlink.progress import Observer
    from ionlink.seeds import Seed
    from ionlink.sweeping.plan import Share

__all__ = ["collected", "planned", "sweep"]


def sweep(
    link: Link | Network,
    values: Mapping[str, Iterable[object]],
    heralds: float | None = None,
    *,
    duration_s: float | None = None,
    repetitions: float | None = None,
    by_demand: bool = False,
    seed: Seed = None,
    zipped: bool = False,
    engine: str = "auto",
    executor: Any = None,
    threads: int | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    progress: bool | Observer = False,
) -> Any:
    """Results of a link or a network over values of its parameters, as a labelled dataset.

    All paths and values are checked before anything is computed.

    Parameters
    ----------
    link : Link or Network
        The model; values that are not swept are its own.
    values : mapping of str to sequence
        Values of each parameter path of `Link.replace` or `Network.replace`: numbers, texts, sequences,
        parameter objects; none twice.
    heralds : int, optional
        Of links: heralds to draw at each point, at least 1; None: exact results only.
    duration_s : float, optional
        Of networks, which need it: time to simulate at each point (s), above 0 and at most 1e6.
    repetitions : int, optional
        Of networks: independent runs of this time at each point, from 1, the default, to 2**20.
    by_demand : bool, default False
        Of networks: whether each demand, or each link where links work for themselves, has numbers of its
        own, in a dimension `demand` or `link`.
    seed : int, SeedSequence, Generator, BitGenerator, optional
        Source of the random numbers; None draws one from the system, or takes that of the checkpoint. What a
        point draws depends on the seed and the point's own values, not on other points, order or workers:
        `point_seed`.
    zipped : bool, default False
        False: all combinations, one dimension per path. True: values belong together one by one, in one
        dimension `point` with the parameters as coordinates.
    engine : {"auto", "photon", "click", "herald"}, default "auto"
        Of links, as for `Link.sample`; ``"auto"`` chooses at each point.
    executor : object, optional
        Who computes: a `concurrent.futures.Executor`, anything else with its `submit`, or a
        `dask.distributed.Client`. By default the threads of this process. Processes that are started by
        spawning need the usual ``if __name__ == "__main__"``.
    threads : int, optional
        Threads of this process or, with an executor, of each of its tasks; by default all and one. Changes
        no result.
    checkpoint : path, optional
        Folder that keeps finished shards; the same call with it computes what is missing.
    progress : bool or callable, default False
        True: a bar in terminals and notebooks. A function is called with the numbers of finished and of all
        points.

    Returns
    -------
    xarray.Dataset
        Data variables of links: `herald_probability`, `rate_hz` (1/s) and `fidelity`, float64, exact; with
        heralds also `sampled_...`, with the ends `..._low` and `..._high` of its 95 % interval. Of networks,
        which have no exact results: `sampled_rate_hz` (1/s), `sampled_fidelity` and `sampled_latency_s`, with
        the ends of their intervals, and counts `sampled_delivered` and, of demands, `sampled_requests` and
        `sampled_blocked`, as `NetworkRun` has them for all pairs. Attributes have the link or network file,
        the seed, engine or duration, and versions. Numbers that do not exist are NaN, as the fidelity of a
        link that never heralds; where `exact` or sampling refuses a point, the attributes `without_exact`
        and `without_sampled` say at how many and why.

    Raises
    ------
    ParameterError
        For unknown paths, impossible values and arguments, a checkpoint of another sweep or a damaged one.
    ModelError
        For an engine that is not exact for a point, a network that cannot run at one, or if no point has
        results at all.
    MissingPackageError
        Without xarray; it is an `ImportError`.

    Examples
    --------
    >>> import ionlink as il
    >>> link = il.basic_link(efficiency=(0.02, 0.02), dark_count_rate_hz=60.0)
    >>> data = il.sweep(link, {"station.window_duration_s": [10e-9, 40e-9], "mode_overlap": [0.9, 1.0]})
    >>> dict(data.sizes)
    {'station.window_duration_s': 2, 'mode_overlap': 2}
    """
    xarray()
    if checkpoint is not None:
        checks.path("checkpoint", checkpoint)
    given = Arguments(heralds, engine, duration_s, repetitions, by_demand)
    plan = planned(link, values, given, seed, zipped, checkpoint)
    table = computed(plan, checked_executor(executor), threads, checkpoint, None, progress)
    return dataset(plan, table)


def planned(
    model: Link | Network,
    values: object,
    given: Arguments,
    seed: Seed,
    zipped: bool,
    checkpoint: str | os.PathLike[str] | None,
) -> Plan:
    """The plan of a sweep, its arguments checked; its points are checked when it runs."""
    kind = kind_of(model)
    points = Points.of(values, checks.flag("zipped", zipped))
    effort = kind.effort(model, given)
    known = None if checkpoint is None else manifest(checkpoint)
    if seed is None and known is not None and known.get("seed") is not None:
        used = seeds.from_plain(known["seed"])
    else:
        used = seeds.replayable(seed)
    return Plan(
        model=model,
        kind=kind,
        points=points,
        effort=effort,
        seed=used if kind.samples(effort) else None,
        points_per_shard=shard_size(points.size, kind.heralds(effort), kind.points_per_shard),
    )


def computed(
    plan: Plan,
    executor: Any,
    threads: int | None,
    checkpoint: str | os.PathLike[str] | None,
    share: Share | None,
    progress: bool | Observer,
) -> Any:
    """Run a plan; the table of its numbers, or nothing for a share of it."""
    if threads is not None:
        checks.threads(threads)
    with reporter(progress, "points") as observer:
        # before the folder is made: what cannot be computed leaves nothing behind
        plan.check(plan.share(share))
        kept = None if checkpoint is None else plan.kept_in(checkpoint)
        return plan.run(executor, kept, threads, share, observer)


def collected(folder: str | os.PathLike[str]) -> Any:
    """Dataset of a checkpoint in which every shard is finished.

    Raises
    ------
    ParameterError
        If the folder is something else, shards are missing or files are damaged.
    """
    plan = Plan.from_folder(folder)
    return dataset(plan, plan.collected(plan.kept_in(folder)))
