"""Kinds of data on which a posterior is easily misjudged: functions that simulate rows, and say K."""

import numpy as np

__all__ = ["GROUPS"]


def integers(rng):
    return np.round(3 * rng.normal(size=(150, 2))), 2


def integers_on_a_diagonal(rng):
    return np.r_[np.round(3 * rng.normal(size=(100, 2))), np.c_[np.arange(15), np.arange(15)]], 2


def collinear_rows(rng):
    x = rng.normal(size=10)
    return np.r_[rng.normal(size=(90, 2)), np.c_[x, 0.5 * x + 1]], 2


def zeros(rng):
    return np.r_[np.zeros(60), rng.normal(4, 1, 140)][:, None], 2


def zeros_in_one_of_two(rng):
    X = rng.normal(size=(150, 2)) + 2.5
    X[rng.random(150) < 0.4, 1] = 0.0
    return X, 2


def censored(rng):
    return np.minimum(rng.normal(size=(150, 1)) + 3.5 * (rng.random((150, 1)) < 0.5), 4.0), 2


def tied_groups(rng):
    return np.r_[np.full(30, 1.0), np.full(30, 2.0), rng.normal(5, 1, 60)][:, None], 3


def duplicated_rows(rng):
    X = rng.normal(size=(80, 2))
    return np.r_[X, np.tile(X[:2], (8, 1))], 2


def one_decimal(rng):
    X = rng.normal(size=(120, 2)) @ [[0.3, 0.2], [0.0, 0.1]] + 0.8 * (rng.random((120, 1)) < 0.4)
    return X.round(1), 2


def coarse_grid(rng):
    return np.round(rng.normal(size=(100, 2)) + 3 * (rng.random((100, 1)) < 0.5)), 2


def counts(rng):
    return np.where(rng.random(150) < 0.6, rng.poisson(2, 150), rng.poisson(9, 150)).astype(float)[:, None], 2


def nearly_a_multiple(rng):
    x = rng.normal(size=100) + 4 * (rng.random(100) < 0.5)
    return np.c_[x, 2 * x + 1e-6 * rng.normal(size=100)], 2


def three_scales(rng):
    """One component too few: the best pair of groups is not that of the widest gap."""
    return np.r_[rng.normal(-6, 0.1, 34), rng.normal(0, 1, 33), rng.normal([-10] * 16 + [34] * 17, 5)][
        :, None
    ], 2


def tight_pair(rng):
    return np.r_[rng.normal(0, 0.01, 20), rng.normal(0.1, 0.01, 20), rng.normal(0, 1, 60)][:, None], 2


def two_ties_and_a_cloud(rng):
    return np.r_[np.full(30, 1.0), np.full(30, 2.0), rng.normal(5, 1, 60)][:, None], 2


def crossing(rng):
    X = rng.normal(size=(100, 2)) * [3.0, 0.5]
    X[50:] = X[50:, ::-1]
    return X, 2


def triangle(rng):
    """Three clusters at the same distances, for two components: three modes alike."""
    corners = np.array([[0.0, 0.0], [6.0, 0.0], [3.0, 5.2]])
    return np.repeat(corners, 20, axis=0) + rng.normal(size=(60, 2)), 2


def square(rng):
    corners = np.array([[0.0, 0.0], [5.0, 0.0], [0.0, 5.0], [5.0, 5.0]])
    return np.repeat(corners, 20, axis=0) + rng.normal(size=(80, 2)), 3


def outliers(rng):
    return np.r_[rng.normal(size=(95, 2)), rng.uniform(-15, 15, (5, 2))], 2


def narrow_in_wide(rng):
    return np.r_[rng.normal(0, 0.2, 50), rng.normal(0, 3, 50)][:, None], 2


def uniform(rng):
    return rng.uniform(size=(100, 2)), 3


def heavy_tails(rng):
    return rng.standard_t(3, size=(120, 1)), 2


def two_small_groups(rng):
    return np.r_[rng.normal(0, 1, 90), rng.normal(6, 0.5, 6), rng.normal(-7, 0.3, 4)][:, None], 2


def five_groups(rng):
    centres = rng.uniform(-8, 8, (5, 2))
    return np.repeat(centres, 20, axis=0) + rng.normal(size=(100, 2)) * np.repeat(
        [0.3, 0.5, 1.0, 1.5, 2.0], 20
    )[:, None], 4


def exponential(rng):
    return rng.exponential(size=(120, 1)), 2


def banana(rng):
    x = rng.normal(size=120)
    return np.c_[x, x**2 + 0.3 * rng.normal(size=120)], 3


# What the rows are, and the functions.
GROUPS = {
    "ties": (
        *(integers, integers_on_a_diagonal, collinear_rows, zeros, zeros_in_one_of_two, censored),
        *(tied_groups, duplicated_rows, one_decimal, coarse_grid, counts, nearly_a_multiple),
    ),
    "modes": (
        *(three_scales, tight_pair, two_ties_and_a_cloud, crossing, triangle, square, outliers),
        *(narrow_in_wide, uniform, heavy_tails, two_small_groups, five_groups, exponential, banana),
    ),
}
