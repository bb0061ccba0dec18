"""Coordinates that are turned: the same posterior, by numerical Jacobians, and by exact evidences."""

from dataclasses import replace

import numpy as np
import pytest
from exact_evidence import exact_evidence
from examples import random_mixture
from numpy.testing import assert_allclose
from scipy.optimize import approx_fprime

from bayesgmm import BayesGaussianMixture, EMGaussianMixture, MixtureParams, Prior
from bayesgmm.bayes.rotation import mapped_values, rotation_of
from bayesgmm.bayes.target import Target
from bayesgmm.mixture.families import family_of
from bayesgmm.rows.rows import Rows

TURN = np.array([[0.9, 0.0, 0.0], [-0.7, 0.4, 0.0], [0.3, 1.1, 0.2]])


def targets(family, weighted=False, d=3, std_prior=("hierarchical", 0.3, 1.5, 0.6, 4.0)):
    """Of the same rows and prior, one as it is and one that is turned."""
    rng = np.random.default_rng(d)
    weights = rng.uniform(0.5, 3, 20) if weighted else None
    rows = Rows.of(rng.normal(size=(20, d)) * 3 + 1, weights)
    prior = Prior(mean_loc=0.5, mean_scale=4.0, std_prior=std_prior, lkj_eta=1.7, resolution=0.9)
    plain = Target.standardising(rows, 2, prior, family)
    assert not plain.is_turned
    return plain, replace(plain, rotation=TURN[:d, :d])


@pytest.mark.parametrize("family", ["full", "tied"])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("std_prior", [("hierarchical", 0.3, 1.5, 0.6, 4.0), ("gamma", 2.0, 0.8)])
def test_the_density_is_that_of_the_same_mixture_by_the_other_coordinates(family, weighted, std_prior):
    plain, turned = targets(family, weighted, std_prior=std_prior)
    rng = np.random.default_rng(1)
    volume = turned.data.total_weight * np.log(np.diagonal(TURN)).sum()
    for _ in range(5):
        q = turned.unconstrained(random_mixture(rng, 2, 3)) if family == "full" else rng.normal(size=13)
        jacobian = approx_fprime(q, lambda v: plain.vectors(turned.constrained(v)), 1e-7)
        there = plain.vectors(turned.constrained(q))
        expected = plain(there)[0] + volume + np.linalg.slogdet(jacobian)[1]
        assert turned(q)[0] == pytest.approx(expected, abs=2e-5 * max(1.0, abs(expected)))


@pytest.mark.parametrize("family", ["full", "tied"])
def test_the_gradient_is_that_of_differences(family):
    _, turned = targets(family, weighted=True)
    rng = np.random.default_rng(2)
    # As wide as the rows: the factors for what can be seen are steep where components are narrow.
    wide = MixtureParams([0.4, 0.6], rng.normal(size=(2, 3)), 9 * np.tile(np.eye(3), (2, 1, 1)))
    middle = turned.unconstrained(wide)
    for _ in range(3):
        q = middle + 0.2 * rng.normal(size=len(middle))
        numeric = [(turned(q + h)[0] - turned(q - h)[0]) / 2e-5 for h in 1e-5 * np.eye(len(q))]
        assert_allclose(turned(q)[1], numeric, rtol=2e-5, atol=2e-5)


def test_vectors_and_parameters_are_inverse():
    _, turned = targets("full")
    params = random_mixture(np.random.default_rng(3), 2, 3)
    values = turned.constrained(turned.unconstrained(params))
    assert_allclose(values["means"], params.means, rtol=1e-12, atol=1e-12)
    assert_allclose(values["stds"], params.stds, rtol=1e-12)
    assert_allclose(values["corr_chol"], params.corr_chol, rtol=1e-10, atol=1e-12)
    assert_allclose(turned.vectors(values), turned.unconstrained(params), rtol=1e-10, atol=1e-12)
    assert_allclose(turned.stds(turned.unconstrained(params)), params.stds / turned.scale, rtol=1e-12)


def test_mapped_values_are_those_of_mapped_covariances():
    rng = np.random.default_rng(4)
    params = random_mixture(rng, 2, 3)
    values = {"weights": params.weights, "means": params.means, "stds": params.stds}
    found = mapped_values(values | {"corr_chol": params.corr_chol}, TURN)
    cholesky = found["stds"][..., None] * found["corr_chol"]
    assert_allclose(cholesky @ np.swapaxes(cholesky, 1, 2), TURN @ params.covariances @ TURN.T, rtol=1e-10)
    assert_allclose(found["means"], params.means @ TURN.T)


def test_columns_are_turned_where_they_nearly_tell_each_other_within_components():
    def mixture(*covariances):
        k = len(covariances)
        return MixtureParams.of_cholesky(
            np.full(k, 1 / k), 50.0 * np.arange(2 * k).reshape(k, 2), np.linalg.cholesky(covariances)
        )

    def near(rest):
        return np.array([[1.0, 1.0], [1.0, 1.0 + rest**2]])

    full = family_of("full")
    for rest, turns in ((1.0, False), (0.1, False), (1e-3, True), (1e-6, True)):
        assert (len(rotation_of(mixture(near(rest), near(rest)), full)) > 0) is turns
    # Where one component only is that narrow nothing can be done for it.
    assert rotation_of(mixture(near(1e-3), np.eye(2)), full).shape == (0, 0)
    both = mixture(near(1e-3), 4 * near(1e-3))
    factor = rotation_of(both, full)
    assert_allclose(factor @ factor.T, both.covariances.mean(axis=0), rtol=1e-8)
    for name in ("diag", "tied_corr", "spherical", "VEI"):
        assert rotation_of(both, family_of(name)).shape == (0, 0)
    assert len(rotation_of(both, family_of("tied"))) == 2


def test_clusters_far_apart_and_giant_outliers_turn_nothing():
    """Within components columns are independent, whatever the rows as a whole look like."""
    rng = np.random.default_rng(6)
    centres = np.repeat([0.0, 1000.0], 100)
    far = np.column_stack([centres + rng.normal(size=200), centres + 1e-4 * rng.normal(size=200)])
    outlier = rng.normal(size=(200, 2))
    outlier[0] = 812_345.6
    one = MixtureParams([0.995, 0.005], [[0.0, 0.0], outlier[0]], [np.eye(2), 1e-2 * np.eye(2)])
    for X, near in ((far, EMGaussianMixture(2, random_state=0).fit(far).params_), (outlier, one)):
        rows = Rows.of(X)
        assert not Target.standardising(rows, 2, Prior.from_data(rows), "full", near).is_turned


@pytest.mark.parametrize("noise", [1.0, 0.03, 1e-3, 1e-6])
def test_the_evidence_of_collinear_columns_is_exact(noise):
    """The issue that it had been off by whole units."""
    rng = np.random.default_rng(1)
    x = rng.normal(size=60)
    X = np.column_stack([x, 2 * x + noise * rng.normal(size=60)])
    prior = Prior(mean_loc=0.0, mean_scale=5.0, std_prior=("gamma", 2.0, 1.0))
    bayes = BayesGaussianMixture(1, method="smc", prior=prior, random_state=0, progressbar=False).fit(X)
    assert bayes.verdict_.ok
    estimate, error = bayes.log_evidence_
    assert abs(estimate - exact_evidence(X, prior)) < 4 * error
    assert error < 0.1
