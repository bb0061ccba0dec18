"""Comparisons of very few rows, or of very few draws."""

import logging

import numpy as np
import pytest

from bayesgmm import BayesGaussianMixture, compare, partition
from bayesgmm.errors import DataError


@pytest.mark.filterwarnings("ignore:The 7 columns")
@pytest.mark.parametrize("method", ["laplace", "nuts"])
def test_fewer_rows_than_features(method):
    X = np.random.default_rng(0).normal(size=(4, 7))
    bayes = BayesGaussianMixture(1, method=method, draws=200, tune=200, random_state=0, progressbar=False)
    with np.errstate(all="ignore"):
        bayes.fit(X)
    result = compare(bayes)
    assert np.isfinite(result.scores.elpd)
    assert str(result) and partition(bayes).n_clusters == 1


def test_of_very_few_draws_rows_left_out_are_called_unreliable():
    X = np.random.default_rng(0).normal(size=(30, 2))
    bayes = BayesGaussianMixture(1, method="nuts", draws=5, tune=50, chains=1, random_state=0)
    bayes.set_params(progressbar=False).fit(X)
    result = compare(bayes)
    assert np.isfinite(result.scores.elpd) and result.scores.n_bad == 30
    with pytest.raises(DataError) as caught:
        result.sensitivity  # noqa: B018
    assert caught.value.details["reason"]


def test_sensitivity_prints_nothing_of_its_own(capfd, caplog):
    X = np.random.default_rng(0).normal(size=(6, 1))
    bayes = BayesGaussianMixture(1, method="laplace", draws=300, random_state=0, progressbar=False).fit(X)
    with caplog.at_level(logging.DEBUG):
        table = compare(bayes).sensitivity
    # Few rows: the prior has a say, and ArviZ would print of it.
    assert (table["diagnosis"] != "").any()
    # Compilers tell of themselves, where they have to work.
    records = [record for record in caplog.records if not record.name.startswith("numba")]
    assert capfd.readouterr() == ("", "") and not records
