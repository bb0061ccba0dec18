"""Arrays of compiled code lie apart, and hold what they should."""

import numpy as np
import pytest

from bayesgmm.support.allocation import APART, empty, piece, zeros
from bayesgmm.support.compilation import entry


@entry
def addresses(n, m):
    """Where a dozen arrays of n numbers begin, and pieces of a larger one."""
    a, b, c, d, e, f = empty(n), zeros(n), empty(n), zeros(n), empty(n), zeros(n)
    memory = zeros(2 * n + m + 2 * APART)
    first, at = piece(memory, 0, n)
    second, at = piece(memory, at, m)
    third, at = piece(memory, at, n)
    third[:] = 1.0
    arrays = np.array([x.ctypes.data for x in (a, b, c, d, e, f, first, second, third)])
    return arrays, (b.sum(), first.sum(), second.sum(), third.sum()), at


@pytest.mark.parametrize(("n", "m"), [(1, 1), (6, 3), (55, 2)])
def test_no_array_begins_within_128_bytes_of_the_end_of_another(n, m):
    for _ in range(50):
        begins, sums, end = addresses(n, m)
        sizes = 8 * np.array([*[n] * 6, n, m, n])
        order = np.argsort(begins)
        gaps = begins[order][1:] - (begins + sizes)[order][:-1]
        assert gaps.min() >= 128
        assert sums == (0, 0, 0, n)
        # The last piece ends where the memory does.
        assert end == 2 * n + m + 3 * APART
