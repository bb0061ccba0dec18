"""Memory for compiled code, at a distance from all other memory.

LLVM guards a vectorised loop: where two of its arrays begin within some hundred bytes of each other, the loop
runs without vectors, although they do not overlap, and rounds differently. Small arrays lie as the allocator
happens to put them, so that the last bit of a gradient would change from call to call, and with it the draws
of one seed.
"""

import numpy as np

from bayesgmm.support.compilation import inlined

__all__ = ["APART", "empty", "piece", "zeros"]

# Numbers of 8 bytes between two arrays: guards ask for four vectors, of 32 bytes as LLVM prefers them.
APART = 16


@inlined
def empty(n):
    """An array of n numbers, not filled."""
    return np.empty(n + 2 * APART)[APART : APART + n]


@inlined
def zeros(n):
    """An array of n zeros."""
    out = empty(n)
    for i in range(n):
        out[i] = 0.0
    return out


@inlined
def piece(memory, at, n):
    """n numbers of a larger array from `at` on, and where the next piece may begin. One allocation for many
    arrays is felt."""
    return memory[at : at + n], at + n + APART
