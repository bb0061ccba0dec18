"""Threads that stay: one pool for each number of them, made when first asked for."""

import os
from concurrent.futures import ThreadPoolExecutor
from functools import cache

__all__ = ["pool"]


@cache
def pool(n_threads: int) -> ThreadPoolExecutor:
    """A pool of `n_threads` threads, always the same one."""
    return ThreadPoolExecutor(n_threads, thread_name_prefix="bayesgmm")


def _forget() -> None:
    pool.cache_clear()


# Threads do not survive a fork; a child makes its own.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
