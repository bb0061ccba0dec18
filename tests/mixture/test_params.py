"""The one currency between the folders."""

import numpy as np
import pytest
from examples import random_mixture
from numpy.testing import assert_allclose

from bayesgmm import MixtureParams
from bayesgmm.errors import ParameterError
from bayesgmm.mixture import density


def test_factors_rebuild_the_covariances():
    p = random_mixture(np.random.default_rng(0), 3, 4)
    assert_allclose(p.cholesky @ p.cholesky.transpose(0, 2, 1), p.covariances, rtol=1e-12)
    factor = p.stds[:, :, None] * p.corr_chol
    assert_allclose(factor @ factor.transpose(0, 2, 1), p.covariances, rtol=1e-12)
    assert_allclose((p.corr_chol**2).sum(axis=-1), 1, rtol=1e-12)


def test_rescaled_is_the_change_of_variables():
    rng = np.random.default_rng(1)
    p, X = random_mixture(rng, 2, 3), rng.normal(size=(20, 3))
    shift, scale = rng.normal(size=3), rng.uniform(0.5, 2, size=3)
    moved = density.log_likelihood_per_obs(shift + scale * X, p.rescaled(shift, scale))
    assert_allclose(moved + np.log(scale).sum(), density.log_likelihood_per_obs(X, p), rtol=1e-10)


def test_permuted_renames_the_components():
    p = random_mixture(np.random.default_rng(2), 3, 2)
    q = p.permuted([2, 0, 1])
    assert np.array_equal(q.means[0], p.means[2])
    assert np.array_equal(q.weights, p.weights[[2, 0, 1]])


def test_parameters_cannot_be_written_to():
    p = random_mixture(np.random.default_rng(3), 2, 2)
    with pytest.raises(ValueError, match="read-only"):
        p.means[0, 0] = 1.0


@pytest.mark.parametrize(
    ("weights", "means", "covariances", "details"),
    [
        (
            [0.5, 0.6],
            [[0.0], [1.0]],
            [[[1.0]], [[1.0]]],
            {},
        ),
        (
            [1.0],
            [[0.0]],
            [[1.0]],
            {"weights": (1,), "means": (1, 1), "covariances": (1, 1)},
        ),
        (
            [1.0],
            [[0.0, 0.0]],
            [[[1.0, 2.0], [2.0, 1.0]]],
            {"component": 0, "eigenvalue": -1.0},
        ),
    ],
)
def test_impossible_parameters_are_refused(weights, means, covariances, details, golden):
    with golden.raises(ParameterError, **details):
        MixtureParams(weights, means, covariances)
