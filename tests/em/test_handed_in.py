"""Fits that were not made here, read and taken on: against scikit-learn's own numbers, and what is
refused."""

import warnings

import numpy as np
import pandas as pd
import pytest
from examples import random_mixture
from numpy.testing import assert_allclose
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import BayesianGaussianMixture, GaussianMixture

from bayesgmm import EMGaussianMixture, MixtureParams, datasets
from bayesgmm.em.handed_in import fitted_at, handed_in
from bayesgmm.errors import ParameterError
from bayesgmm.mixture.families import family_of
from bayesgmm.rows.rows import Rows


@pytest.fixture(scope="module")
def rows():
    return Rows.of(datasets.faithful().X)


def theirs(rows, family="full", k=2, **settings):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return GaussianMixture(k, covariance_type=family, random_state=0, **settings).fit(rows.values)


@pytest.mark.parametrize("family", ["full", "tied", "diag", "spherical"])
def test_scikit_learns_fits_of_all_families_are_read(family, rows):
    gm = theirs(rows, family)
    params, found = handed_in(gm, rows, 2, family)
    assert found.name == family
    em = fitted_at(params, rows, found, 1)
    assert_allclose(em.predict_proba(rows), gm.predict_proba(rows.values), rtol=1e-9, atol=1e-12)
    assert em.log_likelihood_ == pytest.approx(gm.score_samples(rows.values).sum(), rel=1e-12)
    assert em.bic(rows) == pytest.approx(gm.bic(rows.values), rel=1e-12)
    assert_allclose(em.covariances_, gm.covariances_, rtol=1e-12)


@pytest.mark.parametrize("family", ["tied", "diag", "spherical"])
def test_a_smaller_family_may_be_held_against_a_larger(family, rows):
    _, found = handed_in(theirs(rows, family), rows, 2, "full")
    assert found.name == family


def test_a_declared_family_that_is_no_smaller_makes_no_difference():
    one = Rows.of(datasets.galaxies().X)
    assert handed_in(theirs(one, "diag"), one, 2, "full")[1].name == "full"
    assert handed_in(theirs(one, "full"), one, 2, "diag")[1].name == "diag"


def test_of_weighted_rows_the_log_likelihood_is_weighted(rows):
    params = EMGaussianMixture(2, random_state=0).fit(rows).params_
    weights = np.arange(len(rows)) % 3
    em = fitted_at(params, Rows.of(rows.values, weights), family_of("full"), 1)
    assert em.log_likelihood_ == pytest.approx(
        EMGaussianMixture(2, random_state=0).fit(rows).score(np.repeat(rows.values, weights, axis=0))
        * weights.sum()
    )


def test_an_estimate_at_its_maximum_has_converged_and_one_that_was_stopped_has_not(rows):
    best = EMGaussianMixture(2, random_state=0).fit(rows)
    at = fitted_at(best.params_, rows, family_of("full"), 1)
    assert at.converged_
    assert at.modes_["log_likelihood"].tolist() == pytest.approx([best.log_likelihood_], rel=1e-10)
    stopped = theirs(rows, max_iter=1, n_init=1)
    params, family = handed_in(stopped, rows, 2, "full")
    em = fitted_at(params, rows, family, 1)
    assert not em.converged_
    assert em.log_likelihood_ < em.modes_["log_likelihood"].iloc[0] - 1e-3
    assert em.modes_["log_likelihood"].iloc[0] == pytest.approx(best.log_likelihood_, rel=1e-8)


def test_standard_errors_are_those_of_an_estimate_fitted_here(rows):
    best = EMGaussianMixture(2, random_state=0).fit(rows)
    numbers = MixtureParams(best.weights_, best.means_, best.covariances_)
    em = fitted_at(numbers, rows, family_of("full"), 1)
    wanted = best.standard_errors(rows).table["standard_error"]
    assert_allclose(em.standard_errors(rows).table["standard_error"], wanted, rtol=1e-6)


@pytest.mark.parametrize("em", [KMeans(2), BayesianGaussianMixture(), "em", {"weights": [1.0]}])
def test_other_things_are_refused(em, rows, golden):
    with golden.raises(ParameterError, type=type(em).__name__):
        handed_in(em, rows, 2, "full")


@pytest.mark.parametrize("em", [GaussianMixture(2), EMGaussianMixture(2)])
def test_what_is_not_fitted_is_refused(em, rows, golden):
    with golden.raises(ParameterError, type=type(em).__name__):
        handed_in(em, rows, 2, "full")


def test_other_numbers_of_components_and_features_are_refused(rows, golden):
    with golden.raises(ParameterError, what="components", expected=3, got=2):
        handed_in(theirs(rows), rows, 3, "full")
    wide = random_mixture(np.random.default_rng(0), 2, 3)
    with golden.raises(ParameterError, what="features", expected=2, got=3):
        handed_in(wide, rows, 2, "full")


def test_columns_in_another_order_are_refused(rows, golden):
    frame = pd.DataFrame(rows.values, columns=["eruptions", "waiting"])
    gm = GaussianMixture(2, random_state=0).fit(frame[["waiting", "eruptions"]])
    with golden.raises(ParameterError, expected=("eruptions", "waiting"), got=("waiting", "eruptions")):
        handed_in(gm, Rows.of(frame), 2, "full")
    # Without names nothing can be told.
    assert handed_in(gm, rows, 2, "full")[1].name == "full"


@pytest.mark.parametrize(("given", "own"), [("estimator", "full"), ("numbers", None)])
def test_covariances_that_the_posteriors_family_cannot_have_are_refused(given, own, rows, golden):
    gm = theirs(rows)
    em = gm if given == "estimator" else MixtureParams(gm.weights_, gm.means_, gm.covariances_)
    with golden.raises(ParameterError, family="diag", own=own) as caught:
        handed_in(em, rows, 2, "diag")
    stds = np.sqrt(np.diagonal(gm.covariances_, axis1=1, axis2=2))
    correlations = np.abs(gm.covariances_[:, 0, 1] / stds.prod(axis=1))
    assert caught.value.details["deviation"] == pytest.approx(correlations.max())


@pytest.mark.parametrize(("larger", "family"), [("diag", "VEI"), ("diag", "EVI"), ("full", "tied_corr")])
def test_covariances_are_held_against_volumes_shapes_and_correlations_that_are_shared(larger, family, rows):
    # An array has room for all of them, so that its shape says nothing.
    of_family = EMGaussianMixture(2, covariance_type=family, random_state=0).fit(rows.values)
    assert handed_in(of_family, rows, 2, family)[1].name == family
    assert handed_in(of_family, rows, 2, larger)[1].name == family
    with pytest.raises(ParameterError) as caught:
        handed_in(
            EMGaussianMixture(2, covariance_type=larger, random_state=0).fit(rows.values), rows, 2, family
        )
    assert caught.value.details["deviation"] > 0.01
