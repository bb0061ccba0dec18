"""Labels of parameters, and the tree."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from bayesgmm.mixture import draws


@pytest.fixture
def posterior():
    rng = np.random.default_rng(0)
    shape = (2, 5)
    a = rng.normal(size=(*shape, 3, 2, 2)) * 0.3 + np.eye(2)
    covariances = a @ np.swapaxes(a, -1, -2)
    stds = np.sqrt(np.diagonal(covariances, axis1=-2, axis2=-1))
    values = {
        "weights": rng.dirichlet(np.ones(3), size=shape),
        "means": rng.normal(size=(*shape, 3, 2)),
        "stds": stds,
        "corr_chol": np.linalg.cholesky(covariances) / stds[..., None],
    }
    return draws.posterior_dataset(values, ["a", "b"]), covariances


def test_covariances_are_rebuilt(posterior):
    dataset, covariances = posterior
    assert_allclose(draws.covariance_draws(dataset), covariances, rtol=1e-12)


def test_every_scalar_parameter_has_its_label_and_value(posterior):
    dataset, covariances = posterior
    table = draws.parameter_draws(dataset)
    assert table.sizes["parameter"] == 3 + 6 + 6 + 3
    picked = table.sel(parameter="correlations[2, a, b]").to_numpy()
    sigma = covariances[:, :, 2]
    assert_allclose(picked, sigma[..., 0, 1] / np.sqrt(sigma[..., 0, 0] * sigma[..., 1, 1]), rtol=1e-12)
    assert np.array_equal(table.sel(parameter="stds[1, b]"), dataset["stds"][:, :, 1, 1])
    assert np.array_equal(table.sel(parameter="means[0, a]"), dataset["means"][:, :, 0, 0])
    assert np.array_equal(table.sel(parameter="weights[2]"), dataset["weights"][:, :, 2])


def test_stacked_flattens_chains_and_draws(posterior):
    dataset, covariances = posterior
    log_weights, means, cholesky = draws.stacked(dataset)
    assert_allclose(np.exp(log_weights[6]), dataset["weights"][1, 1], rtol=1e-12)
    assert np.array_equal(means[6], dataset["means"][1, 1])
    assert_allclose(cholesky[6] @ cholesky[6].transpose(0, 2, 1), covariances[1, 1], rtol=1e-12)


def test_one_feature_has_no_correlations():
    values = {
        "weights": np.full((1, 2, 1), 1.0),
        "means": np.zeros((1, 2, 1, 1)),
        "stds": np.full((1, 2, 1, 1), 3.0),
        "corr_chol": np.ones((1, 2, 1, 1, 1)),
    }
    dataset = draws.posterior_dataset(values, ["a"])
    assert set(dataset) == {"weights", "means", "stds"}
    assert np.array_equal(draws.covariance_draws(dataset), np.full((1, 2, 1, 1, 1), 9.0))
