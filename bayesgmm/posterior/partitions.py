"""One partition of the rows that stands for all draws, and the ball around it that holds most of them.

Two losses between partitions, and both are sums of one function f over a contingency table n_ck:

    d(c, z) = sum_c f(n_c.) + sum_k f(n_.k) - 2 sum_ck f(n_ck)

* variation of information, in bits (Meila 2007, Journal of Multivariate Analysis 98, section 3):
  f(x) = x log2(x) / N;
* Binder's (1978, Biometrika 65), as the share of the N^2 ordered pairs on which two partitions disagree:
  f(x) = x^2 / N^2.

So one search serves both. It is of the kind of Dahl, Johnson and Mueller (2022), Search algorithms and loss
functions for Bayesian clustering, Journal of Computational and Graphical Statistics 31: rows are moved one at
a time to the cluster, or to a new one, where the expected loss is smallest; clusters are merged where that
helps; and single clusters are dissolved, one or two at a time, and built up again. With the increments g(x) =
f(x + 1) - f(x), putting a row into cluster c costs

    g(n_c.) - 2 mean over draws of g(n_ck),  k the row's component in the draw,

so that a sweep over N rows and C clusters costs O(S N C).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform

from bayesgmm.support.compilation import entry, inlined
from bayesgmm.support.threads import shared

__all__ = ["Ball", "best_partition", "credible_ball", "distances", "hierarchical_cuts", "loss_function"]

Array = NDArray[np.float64]
Labels = NDArray[np.int32]

LOSSES = ("vi", "binder")
# Smaller gains are rounding.
LEAST_GAIN = 1e-12
MOST_SWEEPS = 100
# How often a search dissolves clusters; fewer rows have more local minima for their size.
FEWEST_SHUFFLES, MOST_SHUFFLES = 12, 150


@dataclass(frozen=True, eq=False)
class Ball:
    """The smallest ball around a partition that holds a share of the posterior, and what lies outermost.

    Wade and Ghahramani (2018), Bayesian Analysis 13, section 4: the vertical bounds are the draws in the ball
    with fewest (upper) and with most clusters (lower), the horizontal bound is any draw; each time those
    farthest from the centre.

    Attributes
    ----------
    radius : float
        In units of the loss.
    mass : float
        Share of draws inside; at least what was asked for.
    upper, lower, horizontal : ndarrays of int, shape (M, N)
        Labels of the bounds; several where they tie.
    """

    radius: float
    mass: float
    upper: Labels
    lower: Labels
    horizontal: Labels


def loss_function(loss: str, n: int) -> Array:
    """f(0), ..., f(N) of a loss, see the module's text; shape (N + 1,)."""
    x = np.arange(n + 1, dtype=float)
    if loss == "binder":
        return (x / n) ** 2
    return x * np.log2(np.maximum(x, 1.0)) / n


def distances(draws: Labels, labels: Labels, f: Array) -> Array:
    """Loss between each draw (S, N) and one partition (N,), shape (S,). O(S (N + C K))."""
    compact = canonical(labels)
    out = np.empty(len(draws))
    _distances(draws, compact, int(draws.max()) + 1, int(compact.max()) + 1, f, out)
    return out


def canonical(labels: Labels) -> Labels:
    """The same partition with clusters numbered from 0 in the order of their first rows."""
    _, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[inverse].astype(np.int32)


def best_partition(
    draws: Labels,
    starts: Sequence[Labels],
    f: Array,
    rng: np.random.Generator,
    n_threads: int = 1,
) -> tuple[Labels, float]:
    """The partition with the smallest expected loss that the search finds, and that loss.

    Never worse than the best of the starts and of the draws, all of which are tried.

    Parameters
    ----------
    draws : ndarray of int32, shape (S, N)
        Partitions from the posterior.
    starts : sequence of ndarrays, shape (N,)
        Further partitions to begin from.
    f : ndarray, shape (N + 1,)
        From :func:`loss_function`.
    rng : numpy.random.Generator
    n_threads : int
        The result does not depend on it.
    """
    n = draws.shape[1]
    unique = np.unique(np.array([canonical(z) for z in draws]), axis=0)
    extremes = [np.zeros(n, np.int32), np.arange(n, dtype=np.int32)]
    candidates = [canonical(np.asarray(z)) for z in (*starts, *extremes)] + list(unique)
    expected = np.array(shared(lambda z: float(distances(draws, z, f).mean()), candidates, n_threads))
    best = [candidates[i] for i in np.argsort(expected, kind="stable")[:4]]
    # From nothing, too: rows are placed one after the other in random order.
    searches = [*best, *([np.full(n, -1, np.int32)] * _n_restarts(n))]
    rngs = rng.spawn(len(searches))
    # Tables have room for so many clusters; where a search needs more, it goes on with twice as many.
    first_room = min(n, 2 * max(int(z.max()) + 1 for z in [*best, *unique]) + 8)
    shuffles = int(np.clip(1200 // n, FEWEST_SHUFFLES, MOST_SHUFFLES))
    components = np.ascontiguousarray(draws.T)
    n_components = int(draws.max()) + 1

    def searched(i: int) -> tuple[float, Labels]:
        labels, room = searches[i].copy(), first_room
        _search(components, labels, f, room, n_components, rngs[i], shuffles)
        while labels.max() + 1 >= room and room < n:
            labels, room = canonical(labels), min(n, 2 * room)
            _search(components, labels, f, room, n_components, rngs[i], shuffles)
        return float(distances(draws, labels, f).mean()), canonical(labels)

    found = shared(searched, range(len(searches)), n_threads)
    loss, labels = min(found, key=lambda pair: pair[0])
    return labels, loss


def _n_restarts(n: int) -> int:
    """Fewer rows have fewer partitions, but a restart then costs nothing."""
    return int(np.clip(2000 // n, 4, 60))


def credible_ball(draws: Labels, centre: Labels, f: Array, mass: float = 0.95) -> Ball:
    """See :class:`Ball`."""
    d = distances(draws, centre, f)
    radius = float(np.sort(d)[math.ceil(mass * len(d)) - 1])
    # Equal losses differ by rounding.
    inside = d <= radius + 1e-9
    n_clusters = np.array([len(np.unique(z)) for z in draws])

    def farthest(chosen: NDArray[np.bool_]) -> Labels:
        at = chosen & (d >= d[chosen].max() - 1e-9)
        return np.unique(np.array([canonical(z) for z in draws[at]]), axis=0)

    return Ball(
        radius,
        float(inside.mean()),
        farthest(inside & (n_clusters == n_clusters[inside].min())),
        farthest(inside & (n_clusters == n_clusters[inside].max())),
        farthest(inside),
    )


def hierarchical_cuts(similarity: Array, most: int) -> list[Labels]:
    """Partitions into 1, ..., `most` clusters, (N,) each, by average linkage of 1 - similarity (N, N)."""
    n = len(similarity)
    if n == 1:
        return [np.zeros(1, np.int32)]
    distance = np.clip(1 - (similarity + similarity.T) / 2, 0, None)
    np.fill_diagonal(distance, 0)
    tree = linkage(squareform(distance, checks=False), method="average")
    return [fcluster(tree, k, criterion="maxclust").astype(np.int32) for k in range(1, min(most, n) + 1)]


@entry
def _distances(draws, labels, n_components, n_clusters, f, out):
    """Fill the loss between each draw and the labels, which are 0, ..., n_clusters - 1."""
    S, N = draws.shape
    sizes = np.zeros(n_clusters, np.int64)
    for n in range(N):
        sizes[labels[n]] += 1
    of_labels = 0.0
    for c in range(n_clusters):
        of_labels += f[sizes[c]]
    table = np.empty((n_components, n_clusters), np.int64)
    for s in range(S):
        table[:] = 0
        for n in range(N):
            table[draws[s, n], labels[n]] += 1
        total = of_labels
        for k in range(n_components):
            size = 0
            for c in range(n_clusters):
                size += table[k, c]
                total -= 2.0 * f[table[k, c]]
            total += f[size]
        # Never below zero but by rounding.
        out[s] = max(total, 0.0)


@inlined
def _cheapest(tables, sizes, mine, g):
    """The cluster where a row costs least, and that cost; `mine` is the row's component in each draw."""
    S = mine.shape[0]
    C = sizes.shape[0]
    best, least = 0, np.inf
    empty = -1
    for c in range(C):
        if sizes[c] == 0:
            if empty >= 0:
                continue
            empty = c
        cost = 0.0
        for s in range(S):
            cost += g[tables[c, s, mine[s]]]
        cost = g[sizes[c]] - 2.0 * cost / S
        if cost < least - LEAST_GAIN:
            best, least = c, cost
    return best, least


@inlined
def _put(tables, sizes, mine, c, step):
    """Add a row to cluster c (step 1), or take it out (step -1)."""
    sizes[c] += step
    for s in range(mine.shape[0]):
        tables[c, s, mine[s]] += step


@inlined
def _sweep(tables, sizes, components, labels, order, g):
    """Move each row to where it costs least; returns whether any moved. Rows labelled -1 are placed."""
    moved = False
    for n in order:
        old = labels[n]
        if old >= 0:
            _put(tables, sizes, components[n], old, -1)
        new, cost = _cheapest(tables, sizes, components[n], g)
        if old >= 0 and sizes[old] > 0:
            # A tie is no reason to move.
            stay = 0.0
            for s in range(components.shape[1]):
                stay += g[tables[old, s, components[n, s]]]
            if cost >= g[sizes[old]] - 2.0 * stay / components.shape[1] - LEAST_GAIN:
                new = old
        elif old >= 0 and sizes[new] == 0:
            new = old
        _put(tables, sizes, components[n], new, 1)
        moved |= new != old
        labels[n] = new
    return moved


@inlined
def _merge(tables, sizes, labels, f):
    """Join the two clusters whose union lowers the expected loss most; returns whether any does."""
    C, S, K = tables.shape
    a, b, least = -1, -1, -LEAST_GAIN
    for i in range(C):
        for j in range(i):
            if sizes[i] > 0 and sizes[j] > 0:
                change = 0.0
                for s in range(S):
                    for k in range(K):
                        x, y = tables[i, s, k], tables[j, s, k]
                        if x > 0 and y > 0:
                            change += f[x + y] - f[x] - f[y]
                change = f[sizes[i] + sizes[j]] - f[sizes[i]] - f[sizes[j]] - 2.0 * change / S
                if change < least:
                    a, b, least = i, j, change
    if a < 0:
        return False
    for n in range(labels.shape[0]):
        if labels[n] == b:
            labels[n] = a
    tables[a] += tables[b]
    tables[b] = 0
    sizes[a] += sizes[b]
    sizes[b] = 0
    return True


@inlined
def _descend(tables, sizes, components, labels, f, g, rng):
    """Sweeps and merges until neither lowers the expected loss."""
    for _ in range(MOST_SWEEPS):
        order = rng.permutation(labels.shape[0])
        if not _sweep(tables, sizes, components, labels, order, g) and not _merge(tables, sizes, labels, f):
            break


@inlined
def _expected(tables, sizes, f):
    """The expected loss without what all partitions share."""
    C, S, K = tables.shape
    total = 0.0
    for c in range(C):
        if sizes[c] > 0:
            shared_with = 0.0
            for s in range(S):
                for k in range(K):
                    shared_with += f[tables[c, s, k]]
            total += f[sizes[c]] - 2.0 * shared_with / S
    return total


@entry
def _search(components, labels, f, n_clusters, n_components, rng, n_shuffles):
    """Descend from `labels`, in place; then dissolve clusters one at a time and keep what is better.

    `components` are the draws with a row's components side by side, shape (N, S).
    """
    N, S = components.shape
    g = f[1:] - f[:-1]
    tables = np.zeros((n_clusters, S, n_components), np.int32)
    sizes = np.zeros(n_clusters, np.int64)
    for n in range(N):
        if labels[n] >= 0:
            _put(tables, sizes, components[n], labels[n], 1)
    _descend(tables, sizes, components, labels, f, g, rng)
    best = _expected(tables, sizes, f)
    kept = labels.copy()
    for _ in range(n_shuffles):
        # The cluster of a row at random, since large ones hold more that could be placed elsewhere; or those
        # of two rows.
        a, b = labels[rng.integers(0, N)], labels[rng.integers(0, N)]
        both = rng.random() < 0.5
        for n in range(N):
            if labels[n] == a or (both and labels[n] == b):
                _put(tables, sizes, components[n], labels[n], -1)
                labels[n] = -1
        _descend(tables, sizes, components, labels, f, g, rng)
        now = _expected(tables, sizes, f)
        if now < best - LEAST_GAIN:
            best = now
            kept[:] = labels
        else:
            labels[:] = kept
            tables[:] = 0
            sizes[:] = 0
            for n in range(N):
                _put(tables, sizes, components[n], labels[n], 1)
    labels[:] = kept
