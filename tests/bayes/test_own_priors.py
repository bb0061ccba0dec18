"""Priors that give each component numbers of its own: what they may be, their densities against SciPy's, and
which component is which."""

import itertools

import numpy as np
import pytest
from examples import random_mixture
from numpy.testing import assert_allclose
from scipy import stats
from scipy.special import softmax
from scipy_std_priors import TRUTH, scipy_std_prior

from bayesgmm import Prior
from bayesgmm.bayes.component_priors import in_order_of_prior, log_density_in_place, order_probabilities
from bayesgmm.bayes.log_prior import log_prior
from bayesgmm.bayes.prior_draws import draw_prior
from bayesgmm.bayes.prior_text import prior_parts
from bayesgmm.bayes.target import Target
from bayesgmm.errors import ParameterError
from bayesgmm.mixture.draws import MixtureDraws
from bayesgmm.rows.rows import Rows

LOC = np.array([[1.0, -20.0], [4.0, 5.0], [-2.0, 30.0]])
SCALE = np.array([[2.0, 30.0], [0.7, 3.0], [1.5, 9.0]])
# Factors of a family's numbers, for components of their own.
FACTORS = np.array([1.0, 1.7, 0.6])


def numbers_of(family, same_features=False):
    """The family's numbers for each component and feature, shape (n, K, D)."""
    first = np.array([np.resize(v[:1], 2) if same_features else v for v in TRUTH[family].numbers])
    return first[:, None, :] * FACTORS[:, None]


def own_prior(family, same_features=False, **more):
    given = {"mean_loc": LOC, "mean_scale": SCALE, "std_prior": (family, *numbers_of(family, same_features))}
    return Prior(**given | more)


# ------------------------------------------------------------------ the numbers


def test_what_is_stored_is_plain_prints_and_compares():
    prior = Prior(
        mean_loc=np.array([[3, 70], [1, 2]]),
        mean_scale=[[1.5, 20.0], (2, 3)],
        std_prior=["gamma", [[1, 2], [3, 4]], 1.0],
    )
    assert prior.mean_loc == ((3.0, 70.0), (1.0, 2.0))
    assert prior.std_prior == ("gamma", ((1.0, 2.0), (3.0, 4.0)), 1.0)
    again = eval(repr(prior))
    assert again == prior
    assert hash(again) == hash(prior)
    assert Prior(**prior_parts(repr(prior))) == prior
    assert prior_parts("mean_loc=((0, 1), [5, -6]), std_prior=gamma(((1, 2), (3, 4)), 1)") == {
        "mean_loc": ((0.0, 1.0), (5.0, -6.0)),
        "std_prior": prior.std_prior,
    }


def test_one_sequence_has_a_number_for_each_feature():
    one = Prior(mean_loc=(3.0, 70.0), mean_scale=2.0, std_prior=("exponential", 0.5)).resolve(2, 2)
    assert_allclose(one.mean_loc, [[3.0, 70.0], [3.0, 70.0]], rtol=0)
    assert one.differing == ()
    own = Prior(mean_loc=((3.0,), (70.0,)), mean_scale=2.0, std_prior=("exponential", 0.5)).resolve(2, 1)
    assert_allclose(own.mean_loc, [[3.0], [70.0]], rtol=0)
    assert_allclose(own.mean_scale, [[2.0], [2.0]], rtol=0)
    assert own.std_numbers.shape == (1, 2, 1)
    assert own.differing == ("mean_loc",)
    assert not own.is_exchangeable


def test_what_differs_is_told_and_equal_numbers_do_not():
    alike = Prior(mean_loc=((1.0, 2.0),) * 3, mean_scale=2.0, std_prior=("gamma", ((1.0, 2.0),) * 3, 1.0))
    assert alike.resolve(3, 2).is_exchangeable
    assert alike.of_one_component == Prior(
        mean_loc=(1.0, 2.0), mean_scale=2.0, std_prior=("gamma", (1.0, 2.0), 1.0)
    )
    every = own_prior("gamma", concentration=(1.0, 2.0, 3.0)).resolve(3, 2)
    assert every.differing == ("concentration", "mean_loc", "mean_scale", "std_prior")
    assert own_prior("gamma", mean_loc=0.0, mean_scale=1.0).resolve(3, 2).differing == ("std_prior",)


@pytest.mark.parametrize("family", TRUTH)
def test_standardised_is_the_same_distribution_of_the_scaled_quantity(family):
    shift, scale = np.array([3.0, 70.0]), np.array([1.1, 14.0])
    before = own_prior(family)
    after = before.standardised(shift, scale)
    s = scale * np.array([0.1, 0.5, 2.5])[:, None]
    a, b = before.resolve(3, 2), after.resolve(3, 2)
    density = scipy_std_prior(family, *a.std_numbers).logpdf(s)
    scaled = scipy_std_prior(family, *b.std_numbers).logpdf(s / scale) - np.log(scale)
    assert_allclose(scaled, density, rtol=1e-12)
    assert_allclose(b.mean_loc, (LOC - shift) / scale, rtol=1e-15)
    assert_allclose(b.mean_scale, SCALE / scale, rtol=1e-15)


def test_a_line_for_each_component_where_they_differ(golden):
    prior = own_prior("gamma", mean_scale=(2.0, 30.0))
    lines = prior.describe(["height", "width"], 3)
    assert lines[1:4] == [f"means[component {k}, height] ~ Normal({LOC[k, 0]:.4g}, 2)" for k in range(3)]
    golden("\n".join(lines))
    means_alone = Prior(mean_loc=LOC, mean_scale=2.0, std_prior=("halfnormal", 1.0))
    golden("\n".join(means_alone.describe(["height", "width"], 3)))
    spherical = own_prior("halfnormal", same_features=True, mean_loc=0.0, mean_scale=1.0)
    golden("\n".join(spherical.describe(["height", "width"], 3, "spherical")))


@pytest.mark.parametrize(
    ("changes", "details"),
    [
        ({"mean_loc": [[[1.0]]]}, {"name": "mean_loc", "shape": (1, 1, 1)}),
        ({"mean_loc": [[0.0], [1.0, 2.0]]}, {"name": "mean_loc"}),
        ({"mean_loc": [[], []]}, {"name": "mean_loc", "shape": (2, 0)}),
        ({"mean_loc": [[0.0, np.nan], [1.0, 2.0]]}, {"name": "mean_loc", "place": (0, 1)}),
        ({"mean_scale": [[1.0, 2.0], [3.0, -4.0]]}, {"name": "mean_scale", "value": -4.0, "place": (1, 1)}),
        ({"concentration": [[1.0, 2.0]]}, {"name": "concentration", "shape": (1, 2)}),
        ({"resolution": [[1.0, 2.0]]}, {"name": "resolution", "shape": (1, 2)}),
        ({"std_prior": ("gamma", [[1.0, 0.0]], 1.0)}, {"name": "alpha of std_prior", "place": (0, 1)}),
        ({"std_prior": ("hierarchical", 0.0, [[1.0, 2.0]], 1.0, 4.0)}, {"name": "common"}),
        ({"std_prior": ("hierarchical_gamma", [[1.0, 2.0]], 1.0, 4.0)}, {"name": "alpha"}),
    ],
)
def test_what_cannot_be_a_prior_is_refused(changes, details, golden):
    given = {"mean_loc": 0.0, "mean_scale": 1.0, "std_prior": ("halfnormal", 1.0)}
    with golden.raises(ParameterError, **details):
        Prior(**given | changes)


@pytest.mark.parametrize(
    ("changes", "shape", "details"),
    [
        ({"mean_loc": LOC}, (2, 2), {"name": "mean_loc", "expected": 2, "given": 3}),
        ({"mean_scale": SCALE}, (3, 1), {"name": "mean_scale", "expected": 1, "given": 2}),
        ({"mean_loc": (1.0, 2.0, 3.0)}, (3, 1), {"name": "mean_loc", "expected": 1, "given": 3}),
        ({"std_prior": ("halfnormal", SCALE)}, (4, 2), {"name": "sigma of std_prior", "given": 3}),
        ({"std_prior": ("halfnormal", SCALE)}, (3, 2, "tied"), {"covariance_type": "tied"}),
        ({"std_prior": ("halfnormal", SCALE)}, (3, 2, "tied_diag"), {"covariance_type": "tied_diag"}),
        ({"std_prior": ("halfnormal", SCALE)}, (3, 2, "VEI"), {"covariance_type": "VEI"}),
        ({"std_prior": ("halfnormal", SCALE)}, (3, 2, "EVI"), {"covariance_type": "EVI"}),
        ({"std_prior": ("halfnormal", SCALE)}, (3, 2, "spherical"), {"values": [2.0, 30.0]}),
    ],
)
def test_resolve_refuses_what_does_not_fit(changes, shape, details, golden):
    given = {"mean_loc": 0.0, "mean_scale": 1.0, "std_prior": ("halfnormal", 1.0)}
    with golden.raises(ParameterError, **details):
        Prior(**given | changes).resolve(*shape)


# ------------------------------------------------------------------ the densities


def scipy_of_stds(family, stds, covariance_type, k):
    """Log density of component k's standard deviations, by SciPy."""
    if covariance_type == "spherical":
        return scipy_std_prior(family, *numbers_of(family, True)[:, k, 0]).logpdf(stds[k])
    return scipy_std_prior(family, *numbers_of(family)[:, k]).logpdf(stds[k]).sum()


@pytest.mark.parametrize("covariance_type", ["full", "diag", "spherical", "tied_corr"])
@pytest.mark.parametrize("family", TRUTH)
def test_the_log_density_is_scipys(family, covariance_type):
    """At the same q Jacobians, correlations and the likelihood cancel in a difference of two priors."""
    same = covariance_type == "spherical"
    own = own_prior(family, same, concentration=(1.0, 2.0, 3.0))
    other = Prior(mean_loc=0.0, mean_scale=5.0, std_prior=("exponential", 0.5))
    X = np.random.default_rng(0).normal(size=(20, 2))
    one, two = (
        Target(Rows.unchecked(X), 3, p, np.zeros(2), np.ones(2), covariance_type) for p in (own, other)
    )
    for q in 0.5 * np.random.default_rng(1).normal(size=(3, one.n_parameters)):
        values = one.constrained(q)
        w, means, stds = values["weights"], values["means"], values["stds"]
        wanted = stats.dirichlet([1.0, 2.0, 3.0]).logpdf(w) - stats.dirichlet([1.0, 1.0, 1.0]).logpdf(w)
        for k in range(3):
            wanted += stats.norm(LOC[k], SCALE[k]).logpdf(means[k]).sum()
            wanted += scipy_of_stds(family, stds, covariance_type, k)
        wanted -= stats.norm(0, 5).logpdf(means).sum() + stats.expon(scale=2).logpdf(stds).sum()
        assert_allclose(one(q)[0] - two(q)[0], wanted, rtol=1e-9)
        mine = log_prior(values, own.resolve(3, 2, covariance_type), covariance_type)
        theirs = log_prior(values, other.resolve(3, 2, covariance_type), covariance_type)
        assert_allclose(sum(mine[v].sum() - theirs[v].sum() for v in mine), wanted, rtol=1e-9)


@pytest.mark.parametrize("covariance_type", ["full", "spherical"])
def test_the_gradient_equals_differences(covariance_type):
    prior = own_prior("gamma", covariance_type == "spherical", concentration=(1.0, 2.0, 3.0))
    X = np.random.default_rng(0).normal(size=(20, 2))
    target = Target(Rows.unchecked(X), 3, prior, np.zeros(2), np.ones(2), covariance_type)
    q, step = 0.5 * np.random.default_rng(2).normal(size=target.n_parameters), 1e-6
    numerical = [(target(q + step * e)[0] - target(q - step * e)[0]) / (2 * step) for e in np.eye(len(q))]
    assert_allclose(target(q)[1], numerical, rtol=1e-6, atol=1e-5)


@pytest.mark.parametrize("covariance_type", ["full", "spherical", "tied_corr"])
@pytest.mark.parametrize("family", TRUTH)
def test_draws_are_each_components_own(family, covariance_type):
    same = covariance_type == "spherical"
    resolved = own_prior(family, same).resolve(3, 2, covariance_type)
    values = draw_prior(resolved, covariance_type, 2000, np.random.default_rng(3))
    for k in range(3):
        numbers = numbers_of(family, same)[:, k]
        u = stats.norm(LOC[k], SCALE[k]).cdf(values["means"][:, k])
        v = scipy_std_prior(family, *(numbers[:, 0] if same else numbers)).cdf(values["stds"][:, k])
        for column in np.column_stack([u, v]).T:
            assert stats.kstest(column, "uniform").pvalue > 1e-4


# ------------------------------------------------------------------ which component is which


def all_orders(target, params):
    """Log posterior of a mixture in each order of its components."""
    orders = list(itertools.permutations(range(params.n_components)))
    return orders, np.array([target(target.unconstrained(params.permuted(order)))[0] for order in orders])


def target_of(prior, k, covariance_type="full", units=1.0):
    X = units * np.random.default_rng(4).normal(size=(30, 2))
    return Target(
        Rows.unchecked(X), k, prior, np.array([0.3, -1.0]), np.full(2, 1.7 * units), covariance_type
    )


PRIORS = {
    "all": own_prior("gamma", concentration=(1.0, 2.0, 3.0)),
    "stds": own_prior("lognormal", mean_loc=0.0, mean_scale=3.0),
    "concentration": Prior(
        concentration=(1.0, 9.0, 3.0), mean_loc=0.0, mean_scale=3.0, std_prior=("hierarchical", 0, 1, 1, 4)
    ),
    "means": Prior(mean_loc=LOC, mean_scale=SCALE, std_prior=("hierarchical", 0.0, 1.0, 1.0, 4.0)),
}


@pytest.mark.parametrize("name", PRIORS)
@pytest.mark.parametrize("seed", range(3))
def test_orders_have_the_probabilities_of_their_posterior_densities(name, seed):
    target = target_of(PRIORS[name], 3)
    params = random_mixture(np.random.default_rng(seed), 3, 2)
    orders, values = all_orders(target, params)
    found = in_order_of_prior(target, params)
    assert np.array_equal(found.means, params.means[list(orders[values.argmax()])])
    draw = MixtureDraws.single(params, "full")
    in_place = log_density_in_place(
        draw.weights[0], draw.means[0], draw.component_stds[0], PRIORS[name].resolve(3, 2), True
    )
    own, other = order_probabilities(in_place)
    shares = softmax(values)
    assert_allclose(own, shares[0], rtol=1e-6, atol=1e-12)
    assert_allclose(other, shares[1:].max(), rtol=1e-6, atol=1e-12)


def test_exchangeable_priors_leave_the_order():
    params = random_mixture(np.random.default_rng(0), 3, 2)
    prior = Prior(mean_loc=0.0, mean_scale=3.0, std_prior=("gamma", 2.0, 1.0))
    assert in_order_of_prior(target_of(prior, 3), params) is params


def test_of_many_components_the_likeliest_order_is_among_those_looked_at():
    """A cycle of all eight is no exchange of two, and still it is found."""
    k = 8
    rng = np.random.default_rng(5)
    log_density = rng.normal(size=(4, k, k))
    log_density[0] += 20 * np.roll(np.eye(k), 1, axis=1)
    log_density[1] += 20 * np.eye(k)
    log_density[2] = 0.0
    own, other = order_probabilities(log_density)
    assert own[0] < 1e-6
    assert other[0] > 0.99
    assert own[1] > 0.99
    # Nothing tells: as many as are looked at share it.
    assert_allclose(own[2], 1 / (1 + k * (k - 1) / 2), rtol=1e-12)
    for s in (0, 1, 3):
        scores = [log_density[s, range(k), order].sum() for order in itertools.permutations(range(k))]
        assert own[s] >= softmax(scores)[0] - 1e-12
