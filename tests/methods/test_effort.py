"""What a fit would cost is said before it begins."""

import dataclasses

import numpy as np
import pytest

from bayesgmm import BayesGaussianMixture
from bayesgmm.errors import ParameterError
from bayesgmm.methods import effort


def settings(k, family="full", **other):
    return BayesGaussianMixture(k, covariance_type=family, **other)._settings()


@pytest.mark.parametrize(("shape", "k"), [((40, 2000), 2), ((40, 5000), 2)])
def test_more_parameters_than_can_be_drawn_are_refused_at_once(shape, k, golden):
    X = np.random.default_rng(0).normal(size=shape)
    n = k - 1 + k * (shape[1] + shape[1] * (shape[1] + 1) // 2)
    with golden.raises(ParameterError, n_parameters=n, most=10_000, n_features=shape[1]):
        BayesGaussianMixture(k, random_state=0).fit(X)


@pytest.mark.parametrize(
    ("asked", "details"),
    [
        ({"draws": 2**31 - 1, "chains": 2}, {"most_gigabytes": 64}),
        ({"chains": 1001}, {"chains": 1001, "most": 1000}),
    ],
)
def test_sizes_that_no_machine_has_are_refused_at_once(asked, details, golden):
    X = np.random.default_rng(0).normal(size=(40, 2))
    with golden.raises(ParameterError, **details):
        BayesGaussianMixture(2, **asked).fit(X)


def test_a_long_fit_is_announced_before_anything_begins(monkeypatch, golden):
    """40 rows of 60 columns: the parameters make it long, not the rows."""
    X = np.random.default_rng(0).normal(size=(40, 60))

    def begun(*_args, **_more):
        raise RuntimeError("begun")

    monkeypatch.setattr("bayesgmm.estimator.baseline", begun)
    with pytest.warns(UserWarning, match="parameters") as told, pytest.raises(RuntimeError, match="begun"):
        BayesGaussianMixture(2, random_state=0, progressbar=False).fit(X)
    golden(told[0].message)


def test_only_long_fits_of_chains_without_a_limit_are_announced(recwarn):
    long = settings(2)
    assert effort.seconds_of_nuts(long, 40, 60) > effort.LONG
    for other in (
        dataclasses.replace(long, max_time=60.0),
        dataclasses.replace(long, method="laplace"),
        dataclasses.replace(long, covariance_type="diag"),
    ):
        effort.announce(other, 40, 60)
    effort.announce(settings(3), 100_000, 4)
    assert not recwarn.list
    effort.announce(settings(3), 1_000_000, 4)
    assert len(recwarn.list) == 1
    effort.check_size(settings(2, "diag"), 2000)
