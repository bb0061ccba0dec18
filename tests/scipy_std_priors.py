"""SciPy's distribution of a standard deviation for each prior family: what everything said of a family is
held against."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from scipy import stats


class Truth(NamedTuple):
    """A family's numbers for tests, one for each of two features, and SciPy's distribution of any numbers."""

    numbers: tuple[tuple[float, float], ...]
    distribution: Callable[..., Any]


# A new family is one more row.
TRUTH = {
    "halfnormal": Truth(((1.5, 20.0),), lambda sigma: stats.halfnorm(scale=sigma)),
    "exponential": Truth(((0.7, 0.05),), lambda rate: stats.expon(scale=1 / np.asarray(rate))),
    "gamma": Truth(
        ((2.5, 3.0), (1.2, 0.1)), lambda alpha, beta: stats.gamma(alpha, scale=1 / np.asarray(beta))
    ),
    "lognormal": Truth(((-0.3, 2.0), (0.5, 0.8)), lambda mu, sigma: stats.lognorm(sigma, scale=np.exp(mu))),
    "inversegamma": Truth(((3.0, 2.0), (1.5, 15.0)), lambda alpha, beta: stats.invgamma(alpha, scale=beta)),
    "halfcauchy": Truth(((1.5, 20.0),), lambda beta: stats.halfcauchy(scale=beta)),
}


def scipy_std_prior(family, *numbers):
    """SciPy's distribution of a family with the numbers that `Prior` takes."""
    return TRUTH[family].distribution(*numbers)
