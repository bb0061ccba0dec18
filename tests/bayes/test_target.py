"""The compiled log posterior is the PyMC model's, in every prior family and shape."""

from dataclasses import replace

import numpy as np
import pytest
from examples import random_mixture
from numpy.testing import assert_allclose
from pytensor.compile.mode import Mode
from scipy import stats
from scipy_std_priors import TRUTH

from bayesgmm import MixtureParams, Prior
from bayesgmm.bayes.compiled_prior import lkj_log_normaliser
from bayesgmm.bayes.model import build_model
from bayesgmm.bayes.target import Target, log_posterior, log_posterior_alone
from bayesgmm.mixture import density
from bayesgmm.rows.rows import Rows

# Compiling a model with numba takes most of a minute when nothing is cached, with the Python linker a second.
PYTHON = Mode(linker="py", optimizer="fast_compile").excluding("BlasOpt")
CASES = {
    **{f"2x2-{family}": (2, 2, (family, *truth.numbers), "full") for family, truth in TRUTH.items()},
    "1x1-halfnormal": (1, 1, ("halfnormal", 2.0), "full"),
    "3x1-exponential": (3, 1, ("exponential", 0.4), "full"),
    "3x2-lognormal": (3, 2, ("lognormal", (0.1, 0.6), (0.5, 0.9)), "full"),
    "2x3-inversegamma": (2, 3, ("inversegamma", (3.0, 2.0, 4.0), (1.5, 2.5, 0.5)), "full"),
    "2x3-tied": (2, 3, ("gamma", (2.0, 3.0, 1.5), 0.8), "tied"),
    "3x1-tied": (3, 1, ("lognormal", 0.2, 0.7), "tied"),
    "3x2-diag": (3, 2, ("halfnormal", (1.0, 2.0)), "diag"),
    "3x2-spherical": (3, 2, ("inversegamma", 2.0, 1.5), "spherical"),
    "3x2-tied_diag": (3, 2, ("gamma", (2.0, 3.0), 0.8), "tied_diag"),
    "2x1-tied_diag": (2, 1, ("halfnormal", 2.0), "tied_diag"),
    "2x3-tied_spherical": (2, 3, ("lognormal", 0.2, 0.7), "tied_spherical"),
    "3x2-VEI": (3, 2, ("inversegamma", (3.0, 2.0), (1.5, 2.5)), "VEI"),
    "2x3-VEI": (2, 3, ("halfcauchy", (1.5, 2.0, 0.4)), "VEI"),
    "3x1-VEI": (3, 1, ("halfnormal", 2.0), "VEI"),
    "2x3-EVI": (2, 3, ("lognormal", (0.1, 0.6, -0.3), (0.5, 0.9, 0.7)), "EVI"),
    "3x2-EVI": (3, 2, ("exponential", 0.4), "EVI"),
    "2x3-tied_corr": (2, 3, ("gamma", (2.0, 3.0, 1.5), 0.8), "tied_corr"),
    "3x1-tied_corr": (3, 1, ("halfcauchy", 2.0), "tied_corr"),
    "2x1-EVI": (2, 1, ("halfcauchy", 2.0), "EVI"),
}
HIERARCHICAL = "hierarchical", 0.3, 1.5, (0.6, 0.9), 4.0
CASES |= {
    f"{K}x2-{family}-common": (K, 2, HIERARCHICAL, family)
    for K, family in (
        *((3, "full"), (2, "tied"), (3, "diag"), (2, "tied_diag")),
        *((2, "VEI"), (3, "EVI"), (2, "tied_corr")),
    )
}
CASES |= {
    "3x3-common": (3, 3, ("hierarchical", (0.3, -0.2, 0.9), (1.5, 0.4, 2.0), (0.6, 0.9, 0.3), 3.0), "full"),
    "3x2-spherical-common": (3, 2, ("hierarchical", 0.3, 1.5, 0.6, 4.0), "spherical"),
    "3x2-tied_spherical-common": (3, 2, ("hierarchical", 0.3, 1.5, 0.6, 4.0), "tied_spherical"),
    "3x1-VEI-common": (3, 1, ("hierarchical", 0.3, 1.5, 0.6, 4.0), "VEI"),
    "2x3-common-gamma": (2, 3, ("hierarchical_gamma", (2.0, 3.0, 1.5), 0.2, (1.5, 0.3, 7.0)), "full"),
    "3x2-spherical-common-gamma": (3, 2, ("hierarchical_gamma", 2.0, 0.5, 1.5), "spherical"),
}
OWN = ((2.0, 3.0), (1.5, 0.9), (4.0, 2.5))
CASES |= {
    # Means of each component's own with any, standard deviations where components do not share them.
    "3x2-own-gamma": (3, 2, ("gamma", OWN, (0.8, 1.3)), "full"),
    "3x2-own-halfcauchy": (3, 2, ("halfcauchy", OWN), "tied_corr"),
    "3x2-own-lognormal": (3, 2, ("lognormal", 0.1, OWN), "diag"),
    "3x1-own-exponential": (3, 1, ("exponential", ((2.0,), (0.3,), (1.0,))), "full"),
    "3x2-own-spherical": (3, 2, ("inversegamma", ((2.0, 2.0), (3.0, 3.0), (1.0, 1.0)), 1.5), "spherical"),
    "3x2-own-tied": (3, 2, ("halfnormal", (1.0, 2.0)), "tied"),
    "3x2-own-VEI": (3, 2, ("inversegamma", (3.0, 2.0), (1.5, 2.5)), "VEI"),
    "3x2-own-common": (3, 2, HIERARCHICAL, "full"),
}


def problem(case):
    K, D, std_prior, family = CASES[case]
    rng = np.random.default_rng(K + 10 * D)
    X = 2 + 3 * rng.normal(size=(30, D))
    own = np.linspace(1.0, 1.6, K)[:, None] if "own" in case else 1.0
    prior = Prior(
        concentration=("mixture", 0.7, 2.5, 6.0) if "gamma" in case else np.linspace(0.7, 2.5, K),
        mean_loc=own * np.linspace(1.0, 3.0, D),
        mean_scale=own * np.linspace(4.0, 2.0, D),
        std_prior=std_prior,
        lkj_eta=1.7,
        # Such that what can be seen makes a difference at the points below.
        resolution=np.linspace(0.8, 1.6, D) if "common" in case else 0.0,
    )
    scale = rng.uniform(0.5, 3, size=D)
    if family in ("spherical", "tied_spherical"):
        scale[:] = scale[0]
    target = Target(Rows.unchecked(X), K, prior, rng.normal(size=D), scale, family)
    return target, 0.7 * rng.normal(size=(3, target.n_parameters))


def pymc_value_and_gradient(target, q):
    """The PyMC model at the point q, whose means and log stds it takes in the user's units."""
    K, D = target.shape
    family = target.covariance_type
    model = build_model(target.data, K, target.prior, covariance_type=family)
    shared = {"tied": (D,), "tied_diag": (D,), "spherical": (K,), "tied_spherical": ()}
    shared |= {"VEI": (K + D - 1,), "EVI": (1 + K * (D - 1),)}
    std_shape = shared.get(family, (K, D))
    below = D * (D - 1) // 2
    shapes = [(K - 1,), (K, D), std_shape, (below,) if family in ("tied", "tied_corr") else (K, below)][
        : len(model.value_vars)
    ]
    start = {v.name: np.zeros(s) for v, s in zip(model.value_vars, shapes, strict=True)}
    function = model.logp_dlogp_function(
        ravel_inputs=True, initial_point=start, mode=PYTHON
    )._pytensor_function
    stretch = np.ones(len(q))
    moved = q.copy()
    means = slice(K - 1, K - 1 + K * D)
    stds = slice(means.stop, means.stop + int(np.prod(std_shape)))
    stretch[means] = np.tile(target.scale, K)
    moved[means] = np.tile(target.shift, K) + stretch[means] * q[means]
    # One scale where features share a standard deviation, otherwise one for each feature of each component.
    log_scale = np.log(target.scale)
    by_number = np.resize(log_scale, std_shape or 1).ravel()
    if family in ("VEI", "EVI"):
        # Volumes take the mean, and shapes what is left.
        volumes, shapes = (K, 1) if family == "VEI" else (1, K)
        middle = log_scale.mean()
        by_number = np.append(np.full(volumes, middle), np.tile((log_scale - middle)[:-1], shapes))
    moved[stds] = q[stds] + by_number
    value, gradient = function(moved)
    return float(value), np.asarray(gradient) * stretch


@pytest.mark.parametrize("case", CASES)
def test_value_and_gradient_are_the_pymc_models(case):
    target, points = problem(case)
    # The densities of x and of the means change with the units.
    units = -(target.data.total_weight + target.n_components) * np.log(target.scale).sum()
    for q in points[:2]:
        value, gradient = target(q)
        wanted, slope = pymc_value_and_gradient(target, q)
        assert_allclose(value + units, wanted, rtol=1e-10)
        assert_allclose(gradient, slope, rtol=1e-8, atol=1e-8)


def with_holes(target):
    """The target on the same rows, some of whose cells are missing."""
    rng = np.random.default_rng(9)
    X = np.where(rng.random(target.X.shape) < 0.3, np.nan, target.X)
    X[np.isnan(X).all(axis=1), 0] = 0.5
    return replace(target, data=Rows.of(X, may_miss=True).by_pattern)


@pytest.mark.parametrize("case", [case for case in CASES if "x1-" not in case])
def test_with_missing_cells_the_posterior_is_the_pymc_models(case):
    target, points = problem(case)
    target = with_holes(target)
    there = (~np.isnan(target.X)).sum(axis=0) + target.n_components
    for q in points[:2]:
        value, gradient = target(q)
        wanted, slope = pymc_value_and_gradient(target, q)
        assert_allclose(value - there @ np.log(target.scale), wanted, rtol=1e-9)
        assert_allclose(gradient, slope, rtol=1e-8, atol=1e-8)
        unused = np.empty(target.n_parameters)
        alone = log_posterior_alone(
            q, target.rows, target.sample_weight, target.packed_prior, np.empty(len(target.rows)), unused
        )
        assert_allclose(alone, value, rtol=1e-12)
    assert_allclose(target.log_volume, (there - target.n_components) @ np.log(target.scale), rtol=1e-12)


@pytest.mark.parametrize("beta", [0.0, 0.3, 1.0])
def test_gradient_equals_differences_at_any_inverse_temperature(beta):
    target, points = problem("3x2-lognormal")
    q, step = points[2], 1e-6
    target = replace(target, beta=beta)
    _, gradient = target(q)
    numerical = [(target(q + step * e)[0] - target(q - step * e)[0]) / (2 * step) for e in np.eye(len(q))]
    assert_allclose(gradient, numerical, rtol=1e-6, atol=1e-6)


def test_the_likelihood_is_the_mixtures():
    target, points = problem("2x3-inversegamma")
    _, log_likelihood = log_posterior(
        points[0], target.rows, target.sample_weight, target.packed_prior, 1.0, np.empty(target.n_parameters)
    )
    values = target.constrained(points[0])
    factor = values["stds"][..., None] * values["corr_chol"]
    p = MixtureParams(values["weights"], values["means"], factor @ factor.transpose(0, 2, 1))
    wanted = density.log_likelihood_per_obs(target.X, p).sum() + len(target.X) * np.log(target.scale).sum()
    assert_allclose(log_likelihood, wanted, rtol=1e-11)


def weighted(target):
    """The target with whole weights, zeros among them, and that of the repeated rows."""
    weights = np.random.default_rng(8).integers(0, 4, len(target.data)).astype(float)
    repeated = Rows.unchecked(np.repeat(target.X, weights.astype(int), axis=0))
    return replace(target, data=Rows.of(target.X, weights).counting), replace(target, data=repeated)


@pytest.mark.parametrize("case", CASES)
def test_whole_weights_are_repeated_rows(case):
    target, points = problem(case)
    target, repeated = weighted(target)
    unused = np.empty(target.n_parameters)
    for q in points:
        (value, gradient), (wanted, slope) = target(q), repeated(q)
        assert_allclose(value, wanted, rtol=1e-12)
        assert_allclose(gradient, slope, rtol=1e-10, atol=1e-10)
        alone = log_posterior_alone(
            q, target.rows, target.sample_weight, target.packed_prior, np.empty(len(target.rows)), unused
        )
        assert_allclose(alone, value, rtol=1e-12)


def test_with_weights_the_posterior_is_the_pymc_models():
    target, points = problem("3x2-lognormal")
    target, _ = weighted(target)
    target = replace(target, data=Rows.of(target.data, target.sample_weight * 0.4))
    units = -(target.data.total_weight + target.n_components) * np.log(target.scale).sum()
    value, gradient = target(points[0])
    wanted, slope = pymc_value_and_gradient(target, points[0])
    assert_allclose(value + units, wanted, rtol=1e-10)
    assert_allclose(gradient, slope, rtol=1e-8, atol=1e-8)


def test_a_standardising_target_leaves_rows_of_weight_zero_out():
    target, _ = problem("3x2-lognormal")
    weights = np.where(np.arange(len(target.X)) < 5, 0.0, 1.0)
    rows = Rows.of(target.X, weights)
    found = Target.standardising(rows, 3, target.prior, "full")
    assert np.array_equal(found.X, target.X[5:])
    assert_allclose(found.shift, target.X[5:].mean(axis=0), rtol=1e-12)


@pytest.mark.parametrize("case", CASES)
def test_the_value_alone_is_the_value_with_the_gradient(case):
    target, points = problem(case)
    by_row, unused = np.empty(len(target.rows)), np.empty(target.n_parameters)
    for q in points:
        alone = log_posterior_alone(q, target.rows, target.sample_weight, target.packed_prior, by_row, unused)
        assert_allclose(alone, target(q)[0], rtol=1e-12)


def test_unconstrained_and_constrained_are_inverse():
    target, _ = problem("2x3-inversegamma")
    p = random_mixture(np.random.default_rng(5), 2, 3)
    values = target.constrained(target.unconstrained(p))
    assert_allclose(values["weights"], p.weights, rtol=1e-12)
    assert_allclose(values["means"], p.means, rtol=1e-10)
    assert_allclose(values["stds"], p.stds, rtol=1e-12)
    assert_allclose(values["corr_chol"], p.corr_chol, atol=1e-12)


def test_a_weight_of_zero_gives_a_finite_start():
    target, _ = problem("3x2-diag")
    start = MixtureParams([1.0, 0.0, 0.0], np.zeros((3, 2)), np.tile(np.eye(2), (3, 1, 1)))
    assert np.isfinite(target(target.unconstrained(start))[0])


@pytest.mark.parametrize("eta", [1.0, 2.0, 4.0])
def test_lkj_constant_in_two_dimensions_is_a_beta_distributions(eta):
    # (1 + r) / 2 ~ Beta(eta, eta), and the factor's density carries the Jacobian dr = dC_21.
    r = 0.3
    wanted = stats.beta(eta, eta).logpdf((1 + r) / 2) - np.log(2)
    c22 = np.sqrt(1 - r**2)
    assert_allclose(lkj_log_normaliser(2, eta) + (2 * eta - 2) * np.log(c22), wanted, rtol=1e-12)
