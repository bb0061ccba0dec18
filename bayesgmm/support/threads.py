"""Sharing work between threads that stay: one pool for each number of them, made when first asked for."""

import os
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from typing import Any

from threadpoolctl import ThreadpoolController

__all__ = ["one_blas_thread", "shared", "threads_for_runs"]

ROWS_FOR_THREADS = 1500


def shared[Item, Result](
    function: Callable[[Item], Result], items: Sequence[Item], n_threads: int
) -> list[Result]:
    """The function's result for each item, in their order; each thread takes the next item when it is free.

    The calling thread is one of the `n_threads`, so that handing out work costs as little as can be: an EM
    step of a few milliseconds feels it.
    """
    helpers = min(n_threads, len(items)) - 1
    if helpers < 1:
        return [function(item) for item in items]
    results: dict[int, Result] = {}
    # Taking from a deque is one atomic step.
    left = deque(range(len(items)))

    def work() -> None:
        while True:
            try:
                i = left.popleft()
            except IndexError:
                return
            results[i] = function(items[i])

    others = [_pool(n_threads - 1).submit(work) for _ in range(helpers)]
    try:
        work()
    except BaseException:
        left.clear()
        raise
    finally:
        for other in others:
            other.result()
    return [results[i] for i in range(len(items))]


def threads_for_runs(n_rows: int, n_threads: int) -> int:
    """How many threads to share EM runs among.

    With few rows they would wait for the interpreter's lock, and take longer than one alone.
    """
    return n_threads if n_rows >= ROWS_FOR_THREADS else 1


@cache
def _pool(n_threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(n_threads, thread_name_prefix="bayesgmm")


def _forget() -> None:
    _pool.cache_clear()


@cache
def _blas() -> ThreadpoolController:
    return ThreadpoolController()


_limited = threading.Lock()
_limits: list[Any] = []
_users = 0


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """BLAS on one thread, in the whole process; uses that overlap in time share one limit, and the last lifts
    it."""
    global _users
    with _limited:
        if _users == 0:
            _limits.append(_blas().limit(limits=1, user_api="blas"))
        _users += 1
    try:
        yield
    finally:
        with _limited:
            _users -= 1
            if _users == 0:
                _limits.pop().restore_original_limits()


# Threads do not survive a fork; a child makes its own.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
