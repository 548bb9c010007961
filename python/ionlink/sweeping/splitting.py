"""One long run of one link, cut into ranges of attempts for several workers."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

from ionlink import checks, seeds
from ionlink.errors import refused
from ionlink.joining import merge
from ionlink.link import Link
from ionlink.progress import reporter
from ionlink.sweeping.running import checked_executor, completed

if TYPE_CHECKING:
    from ionlink.progress import Observer
    from ionlink.runs import Run
    from ionlink.seeds import Seed

__all__ = ["sample_split"]


class _Range(NamedTuple):
    """Attempts of one worker."""

    link: Link
    start_attempt: int
    attempts: int
    seed: seeds.Replay
    engine: str
    threads: int
    record_coincidences: bool


def _drawn(part: _Range) -> Run:
    options = part._asdict()
    return part.link.sample(**{name: value for name, value in options.items() if name != "link"})


def sample_split(
    link: Link,
    attempts: float,
    *,
    executor: Any,
    parts: int = 32,
    seed: Seed = None,
    engine: str = "auto",
    threads: int = 1,
    start_attempt: float = 0,
    record_coincidences: bool = False,
    progress: bool | Observer = False,
) -> Run:
    """One run of a link by several workers: bit for bit that of `Link.sample`.

    Parameters
    ----------
    link : Link
        The link.
    attempts : int
        Number of attempts.
    executor : object
        As for `sweep`.
    parts : int, default 32
        Ranges of attempts, at least 1, that workers draw: several per worker, so that all end together.
        Changes no result. Each range replays up to one block of attempts, about 4,096 heralds, before it.
    seed, engine, start_attempt, record_coincidences
        As for `Link.sample`.
    threads : int, default 1
        Threads of each worker.
    progress : bool or callable, default False
        As for `Link.sample`; it counts finished parts.

    Returns
    -------
    Run
        Equal to ``link.sample(attempts=attempts, ...)``. All heralds come into the memory of this process.

    Raises
    ------
    ParameterError, ModelError
        As `Link.sample`, and for an executor without `submit`.

    Examples
    --------
    >>> import ionlink as il
    >>> from concurrent.futures import ThreadPoolExecutor
    >>> link = il.basic_link(efficiency=(0.2, 0.2))
    >>> with ThreadPoolExecutor(2) as pool:
    ...     run = il.sample_split(link, 1e6, executor=pool, parts=4, seed=7)
    >>> run == link.sample(attempts=1e6, seed=7)
    True
    """
    if not isinstance(link, Link):
        raise refused("link", link, "an il.Link")
    count = checks.count("attempts", attempts)
    start = checks.count("start_attempt", start_attempt)
    most = checks.count("parts", parts, least=1)
    record_coincidences = checks.flag("record_coincidences", record_coincidences)
    chosen, reason = link.core.engine(checks.word(engine), record_coincidences)
    workers = checks.threads(threads)
    executor = checked_executor(executor)
    used = seeds.replayable(seed)
    pieces = max(1, min(most, count))
    edges = [start + count * piece // pieces for piece in range(pieces + 1)]
    ranges = [
        _Range(link, first, end - first, used, chosen, workers, record_coincidences)
        for first, end in pairwise(edges)
    ]
    runs: list[Run] = []
    with reporter(progress, "parts") as observer, closing(completed(executor, _drawn, ranges)) as results:
        for _, run in results:
            runs.append(run)
            if observer is not None:
                observer(len(runs), pieces)
    return replace(merge(runs), link=link, seed=used, engine_reason=reason)
