"""A part of many rows."""

import numpy as np
from numpy.typing import NDArray

__all__ = ["part_of"]


def part_of(size: int, at_most: int) -> NDArray[np.intp]:
    """Places of all of `size` rows, or of so many: one at random out of each of as many equal stretches.

    Rows at equal distances would fall in step with whatever comes round among them, such as conditions that
    take turns. The same places always come of the same numbers.

    Examples
    --------
    >>> import numpy as np
    >>> from bayesgmm.rows.part import part_of
    >>> part_of(3, 4)
    array([0, 1, 2])
    >>> np.bincount(part_of(12_000, 3_000) % 4).min() > 600
    np.True_
    """
    if size <= at_most:
        return np.arange(size)
    edges = np.arange(at_most + 1) * size // at_most
    within = np.random.default_rng([size, at_most]).random(at_most)
    return edges[:-1] + (within * np.diff(edges)).astype(np.intp)
