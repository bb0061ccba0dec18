"""Quick fits that are drawn in several files; each is made once a run."""

import dataclasses
from unittest import mock

import examples
import numpy as np
import pytest

from bayesgmm import BayesGaussianMixture, MixtureParams, compare
from bayesgmm.comparison import predictive
from bayesgmm.mixture import density

CASES = [(1, 1), (1, 8), (2, 8), (3, 1), (6, 2), (6, 8)]


def small_fit(n_features, n_components, n_rows=120):
    """A quick fit to well separated components, good enough to be drawn; its verdict refuses names, for want
    of draws."""
    rng = np.random.default_rng(n_features * 10 + n_components)
    centres = rng.permutation(np.repeat(np.arange(n_components), n_features)).reshape(n_components, -1)
    centres[:, 0] = np.arange(n_components)
    truth = MixtureParams(
        np.full(n_components, 1 / n_components),
        10.0 * centres,
        np.tile(0.5 + 0.5 * np.eye(n_features), (n_components, 1, 1)),
    )
    X, _ = density.simulate(truth, n_rows, rng)
    settings = {"draws": 50, "tune": 50, "chains": 2, "random_state": 0, "progressbar": False}
    bayes = BayesGaussianMixture(n_components, **settings).fit(X)
    with mock.patch.object(predictive, "REPLICATIONS", 60):
        return bayes, compare(bayes)


# The largest takes ten seconds to fit, in every file anew.
LARGEST = (6, 8)
PARAMS = [
    pytest.param((d, k), id=f"D{d}-K{k}", marks=[pytest.mark.slow] if (d, k) == LARGEST else [])
    for d, k in CASES
]


@pytest.fixture(scope="session", params=PARAMS)
def any_fit(request):
    return small_fit(*request.param)


@pytest.fixture(scope="session")
def line_fit():
    return small_fit(1, 2)


@pytest.fixture(scope="session")
def faithful(faithful_fit):
    return faithful_fit, compare(faithful_fit)


@pytest.fixture(scope="session")
def with_verdict():
    """The same fit and comparison, as if the verdict allowed names, or refused them."""

    def changed(pair, ok):
        bayes, result = examples.with_verdict(pair[0], ok=ok), pair[1]
        return bayes, dataclasses.replace(result, components_readable=ok, bayes=bayes)

    return changed
