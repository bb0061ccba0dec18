"""Fits that several tests look at; a fit is made once a run."""

import pytest

from bayesgmm import BayesGaussianMixture, datasets


@pytest.fixture(scope="session")
def faithful_frame():
    data = datasets.load("faithful")
    return data.frame[data.features]


@pytest.fixture(scope="session")
def faithful_fit(faithful_frame):
    return BayesGaussianMixture(2, random_state=0, progressbar=False).fit(faithful_frame)
