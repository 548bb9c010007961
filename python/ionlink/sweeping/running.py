"""Tasks through executors: any that has `submit`, a dask client, or none."""

from __future__ import annotations

import queue
import threading
from concurrent.futures import BrokenExecutor, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, TypeVar

from ionlink.errors import refused
from ionlink.sweeping.tasks import watch_of

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

_Task = TypeVar("_Task")
_Result = TypeVar("_Result")

__all__ = ["checked_executor", "completed", "completed_by_threads"]

_DOMAIN = "an object with a method `submit`, such as a ProcessPoolExecutor or a dask.distributed Client"
_WAKE_S = 0.1


def checked_executor(executor: object) -> Any:
    """The executor itself, or that of a dask client; None as it is.

    Raises
    ------
    ParameterError
        For an object without `submit`, or a class in place of its instance.
    """
    if executor is None:
        return None
    if isinstance(executor, type) or getattr(executor, "asynchronous", False) is True:
        raise refused("executor", executor, _DOMAIN)
    own = getattr(executor, "get_executor", None)
    if callable(own):
        # a task of a dask client is known by its name: one that failed must not answer for the next try
        return own(pure=False)
    if not callable(getattr(executor, "submit", None)):
        raise refused("executor", executor, _DOMAIN)
    return executor


def completed(
    executor: Any, function: Callable[[_Task], _Result], tasks: Sequence[_Task]
) -> Generator[tuple[int, _Result]]:
    """Number and result of each task as they end; what has not begun is cancelled if one fails."""
    if executor is None:
        for index, task in enumerate(tasks):
            yield index, function(task)
        return
    # callbacks are all that futures of different executors have in common
    ended: queue.SimpleQueue[tuple[int, Any]] = queue.SimpleQueue()
    futures: dict[int, Any] = {}
    try:
        for index, task in enumerate(tasks):
            futures[index] = future = executor.submit(function, task)
            future.add_done_callback(lambda done, index=index: ended.put((index, done)))
        while futures:
            try:
                index, future = ended.get(timeout=_WAKE_S)
            except queue.Empty:  # lets Ctrl-C through where waiting would not
                continue
            yield index, future.result()
            del futures[index], future
    except BrokenExecutor:
        futures.clear()  # which the executor is ending itself, and takes it ill if others do
        raise
    finally:
        for future in futures.values():
            future.cancel()


def completed_by_threads(
    threads: int,
    function: Callable[[_Task, Callable[[int, int], object]], _Result],
    tasks: Sequence[_Task],
) -> Generator[tuple[int, _Result]]:
    """As `completed`, by threads of this process; `function` also gets an observer that ends it."""
    stopped = threading.Event()
    watch = watch_of(stopped)
    with ThreadPoolExecutor(threads, thread_name_prefix="ionlink-sweep") as pool:
        try:
            yield from completed(pool, lambda task: function(task, watch), tasks)
        finally:
            stopped.set()
