"""How probable it is that two rows share a component, given all draws; it does not depend on labels.

Given the parameters rows are independent, so that the probability is the mean over draws of sum_k r_ik r_jk:
no component has to be sampled (Rao-Blackwell), and the draws' labels do not matter.
"""

from functools import partial
from itertools import combinations_with_replacement

import numpy as np
from numpy.typing import NDArray

from bayesgmm.posterior.passes import responsibility_draws
from bayesgmm.support.threads import one_blas_thread, shared

__all__ = ["pairwise_similarity", "similarity_matrix"]

Array = NDArray[np.float64]

# Bytes of the responsibilities that are held at a time.
AT_ONCE = 48e6
# Of rows, whose products are shared among threads.
BLOCKS = 4


def similarity_matrix(
    X: Array, log_weights: Array, means: Array, cholesky: Array, n_threads: int = 1
) -> Array:
    """P(rows i and j share a component), shape (N, N), with ones on the diagonal.

    Fritsch and Ickstadt (2009), Improved criteria for clustering based on the posterior similarity matrix,
    section 2, with the expectation over the labels done exactly. O(S N K (N + D^2)) time; beyond the matrix
    150 MB and another one.

    Parameters
    ----------
    X : float64 array, shape (N, D)
    log_weights, means, cholesky : float64 arrays, shapes (S, K), (S, K, D), (S, K, D, D)
    n_threads : int
        The result does not depend on it by a bit.
    """
    n, (s, k) = len(X), log_weights.shape
    total = np.zeros((n, n))
    blocks = [slice(i, i + -(-n // BLOCKS)) for i in range(0, n, -(-n // BLOCKS))]
    pairs = list(combinations_with_replacement(blocks, 2))
    # BLAS with threads of its own would round otherwise with another number of them.
    with one_blas_thread():
        for part in _batches(s, n * k):
            draws = log_weights[part], means[part], cholesky[part]
            made = shared(partial(_of_rows, X, draws), blocks, n_threads)
            r = np.concatenate(made).reshape(n, -1)
            shared(partial(_add_product, total, r), pairs, n_threads)
    for first, second in pairs:
        total[second, first] = total[first, second].T
    total /= s
    np.fill_diagonal(total, 1.0)
    return np.minimum(total, 1.0, out=total)


def _of_rows(X: Array, draws: tuple[Array, Array, Array], rows: slice) -> Array:
    return responsibility_draws(X[rows], *draws)


def _add_product(total: Array, r: Array, pair: tuple[slice, slice]) -> None:
    """Add the product of two blocks of rows; of a block with itself NumPy sees the symmetry, and does half
    the work."""
    first, second = pair
    total[first, second] += r[first] @ r[second].T


def pairwise_similarity(
    first: Array, second: Array, log_weights: Array, means: Array, cholesky: Array
) -> Array:
    """P(a row of `first` and the row of `second` beside it share a component), shape (M,), of rows (M, D).

    O(S M K D^2).
    """
    m, (s, k) = len(first), log_weights.shape
    total = np.zeros(m)
    for part in _batches(s, 2 * m * k):
        draws = log_weights[part], means[part], cholesky[part]
        total += np.einsum(
            "msk,msk->m", responsibility_draws(first, *draws), responsibility_draws(second, *draws)
        )
    return np.minimum(total / s, 1.0)


def _batches(n_draws: int, numbers_per_draw: int) -> list[slice]:
    size = max(1, int(AT_ONCE / 8 / numbers_per_draw))
    return [slice(i, i + size) for i in range(0, n_draws, size)]
