"""The registry of covariance families against the table that writes them out."""

from itertools import product

import numpy as np
import pytest
from covariance_families import NONE, TABLE, free_parameters, log_std_matrix
from examples import random_mixture
from numpy.testing import assert_allclose, assert_array_equal
from slow_families import covariances_of, is_of, size

from bayesgmm import BayesGaussianMixture, EMGaussianMixture, Prior, select_components
from bayesgmm.bayes.distribution import GaussianMixture
from bayesgmm.bayes.model import build_model
from bayesgmm.bayes.prior_draws import draw_prior
from bayesgmm.bayes.target import Target
from bayesgmm.em.problem import standardised_problem
from bayesgmm.errors import ParameterError
from bayesgmm.mixture.covariance_family import CovarianceFamily
from bayesgmm.mixture.draws import MixtureDraws
from bayesgmm.mixture.families import FAMILIES, NAMES, family_of, uncorrelated_family
from bayesgmm.rows.rows import Rows

K, D = 3, 2
X = np.random.default_rng(0).normal(size=(30, D))
families = pytest.mark.parametrize("name", list(TABLE))


def of_family(name, k=K, d=D):
    """A mixture of the family, by its keys."""
    general, family = random_mixture(np.random.default_rng(1), k, d), TABLE[name]
    matrix, factors = log_std_matrix(name, k, d), np.empty((k, d, d))
    stds = np.exp(matrix @ np.linalg.pinv(matrix) @ np.log(general.stds).ravel()).reshape(k, d)
    for c in range(k):
        # Of those that are one the first.
        first = next(a for a in range(k) if family.correlation(a) == family.correlation(c))
        factors[c] = np.eye(d) if family.correlation(c) is NONE else general.corr_chol[first]
    cholesky = stds[:, :, None] * factors
    return type(general)(general.weights, general.means, cholesky @ np.swapaxes(cholesky, 1, 2))


def test_the_table_has_every_family():
    # What two maps cannot tell has no posterior, and is held against formulas of its own.
    assert list(TABLE) == [name for name, family in FAMILIES.items() if family.has_posterior]
    assert all(family.name == name for name, family in FAMILIES.items())
    assert len({family.title for family in FAMILIES.values()}) == len(FAMILIES)


@families
def test_both_maps_are_those_written_out(name):
    a, b, c = family_of(name).strides(D)
    places = list(product(range(K), range(D)))
    numbers = {at: a * at[0] + b * at[1] for at in places}
    for one, other in product(places, places):
        same = TABLE[name].std(*one) == TABLE[name].std(*other)
        assert (numbers[one] == numbers[other]) == same
    # No number is left out, so that they can be places in an array.
    assert set(numbers.values()) == set(range(len(set(numbers.values()))))
    correlations = [TABLE[name].correlation(k) for k in range(K)]
    wanted = [-1 if key is NONE else correlations.index(key) for key in correlations]
    assert [-1 if c < 0 else c * k for k in range(K)] == wanted


def has_one_correlation(covariances):
    stds = np.sqrt(np.diagonal(covariances, axis1=1, axis2=2))
    correlations = covariances / (stds[:, :, None] * stds[:, None, :])
    return bool(np.ptp(correlations, axis=0).max() < 1e-8)


@pytest.mark.parametrize("small", list(FAMILIES))
def test_a_family_contains_those_whose_mixtures_are_of_it(small):
    rng = np.random.default_rng(0)
    family = family_of(small)
    if family.mclust:
        covariances = covariances_of(
            family.mclust, rng.normal(scale=0.7, size=size(family.mclust, 3, 3)), 3, 3
        )
    else:
        covariances = of_family(small, 3, 3).covariances
    for large in FAMILIES.values():
        is_member = is_of(large.mclust, covariances) if large.mclust else has_one_correlation(covariances)
        assert large.contains(family) == is_member, large.name


@families
def test_shapes_and_counts_follow(name):
    family, written = family_of(name), TABLE[name]
    shapes = family.shapes(K, D)
    assert shapes["weights"] == (K,)
    assert shapes["means"] == (K, D)
    assert shapes["stds"] == written.std_shape
    assert shapes.get("corr_chol") == written.factor_shape
    assert family.has_correlations == (written.factor_shape is not None)
    for dims, lengths in ((family.dims(D), shapes), (family.dims(1), family.shapes(K, 1))):
        length = {"cluster": K, "feature": lengths["means"][1], "feature_bis": lengths["means"][1]}
        assert {v: tuple(length[x] for x in d) for v, d in dims.items()} == {v: lengths[v] for v in dims}
    assert "corr_chol" not in family.dims(1)
    for k, d in product(range(1, 4), range(1, 4)):
        assert family.n_parameters(k, d) == free_parameters(name, k, d)


@families
@pytest.mark.parametrize(("k", "d"), [(3, 2), (2, 2), (2, 3), (1, 1)])
def test_values_and_mixtures_are_inverse(name, k, d):
    family, params = family_of(name), of_family(name, k, d)
    values = family.values(params)
    assert {v: x.shape for v, x in values.items()} == family.shapes(k, d)
    stds = family.all_stds(values["stds"], k, d)
    factors = family.all_factors(values.get("corr_chol"), k, d)
    assert_allclose(stds, params.stds, rtol=1e-12)
    assert_allclose(stds[:, :, None] * factors, params.cholesky, rtol=1e-12, atol=1e-15)
    lead = np.broadcast_to(values["stds"], (4, 5, *values["stds"].shape))
    assert_array_equal(family.all_stds(lead, k, d)[1, 2], stds)
    assert_array_equal(family.std_values(family.all_stds(lead, k, d)), lead)


@families
def test_scikit_learns_shapes_and_back(name):
    family, params = family_of(name), of_family(name)
    small = family.compressed(params.covariances)
    assert small.shape == TABLE[name].covariance_shape
    assert small.flags.writeable
    again = family.expanded(small, K, D, "precisions_init")
    assert_allclose(again, params.covariances, rtol=1e-12, atol=1e-15)
    with pytest.raises(ParameterError) as error:
        family.expanded(np.ones((4, 4, 4, 4)), K, D, "precisions_init")
    assert error.value.details["expected"] == TABLE[name].covariance_shape


@families
def test_columns_share_a_scale_where_features_share_a_standard_deviation(name):
    scale, alike = np.array([3.0, 4.0]), TABLE[name].std(0, 0) == TABLE[name].std(0, 1)
    assert_allclose(family_of(name).scales(scale), np.full(2, np.sqrt(12.5)) if alike else scale)
    assert_array_equal(family_of(name).of_stds(scale), 3.0 if alike else scale)


@families
def test_without_correlations_a_family_keeps_its_standard_deviations(name):
    left = uncorrelated_family(family_of(name))
    assert not left.has_correlations
    assert left.std_dims == family_of(name).std_dims


def test_correlations_that_are_shared_otherwise_than_standard_deviations_are_refused():
    for std_dims, corr_dims in ((("cluster",), ()), ((), ()), (("feature",), ("cluster",))):
        with pytest.raises(ValueError, match="'odd'"):
            CovarianceFamily("odd", "an odd one", std_dims, corr_dims, "VVV")


PRIOR = Prior.from_data(X)
DOORS = {
    "EMGaussianMixture": lambda f: EMGaussianMixture(2, covariance_type=f).fit(X),
    "BayesGaussianMixture": lambda f: BayesGaussianMixture(2, covariance_type=f).fit(X),
    "select_components": lambda f: select_components(X, [1, 2], covariance_type=f),
    "GaussianMixture": lambda f: GaussianMixture.dist(np.ones(1), X[:1], np.ones(1), covariance_type=f),
    "build_model": lambda f: build_model(X, 2, PRIOR, covariance_type=f),
    "Prior.from_data": lambda f: Prior.from_data(X, covariance_type=f),
    "Prior.resolve": lambda f: PRIOR.resolve(2, 2, f),
    "Prior.describe": lambda f: PRIOR.describe(["a", "b"], 2, f),
    "draw_prior": lambda f: draw_prior(PRIOR.resolve(2, 2), f, 5, np.random.default_rng(0)),
    "Target": lambda f: Target.standardising(Rows.of(X), 2, PRIOR, f),
    "standardised_problem": lambda f: standardised_problem(Rows.of(X), f, 1e-6, 1),
    "MixtureDraws": lambda f: MixtureDraws.single(of_family("full"), f),
}


@pytest.mark.parametrize("door", list(DOORS))
@pytest.mark.parametrize("unknown", ["round", "tied_full", "Full", "", None, ["full"]])
def test_an_unknown_family_is_refused_and_taken_for_no_other(door, unknown):
    with pytest.raises(ParameterError) as error:
        DOORS[door](unknown)
    assert error.value.details == {
        "name": "covariance_type",
        "value": unknown,
        "choices": tuple(NAMES),
    }
    assert all(repr(name) in str(error.value) for name in NAMES)
