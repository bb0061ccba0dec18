"""A quick fit that the verdict accepts, and a check of it."""

import pytest
from two_clusters import SETTINGS, two_clusters

from bayesgmm import BayesGaussianMixture


@pytest.fixture(scope="session")
def apart():
    return BayesGaussianMixture(2, **SETTINGS).fit(two_clusters(6.0))


@pytest.fixture(scope="session")
def check(apart):
    return apart.check_calibration(6, random_state=1, progressbar=False)
