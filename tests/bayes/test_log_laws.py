"""What the prior of standard deviations says of their volumes and shapes, against draws and quadrature."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import stats
from scipy.integrate import quad
from scipy_std_priors import TRUTH, scipy_std_prior

from bayesgmm import Prior
from bayesgmm.bayes.log_laws import (
    described_volume,
    draw_volume,
    log_density_of_products,
    shape_constant,
    shape_density,
    shape_kernel,
    volume_constant,
    volume_density,
    volume_kernel,
    volume_law,
)
from bayesgmm.bayes.prior_draws import draw_prior

# Numbers of the second and third feature follow from those of two.
NUMBERS = {f: [np.array([a, b, np.sqrt(abs(a * b)) + 0.1]) for a, b in t.numbers] for f, t in TRUTH.items()}
SHAPES = [[0.0, 0.0, 0.0], [0.3, 1.2, -1.5], [-4.0, 1.0, 3.0], [9.0, -3.0, -6.0]]
families = pytest.mark.parametrize("family", list(TRUTH))


def law_of(family, features=slice(None)):
    numbers = [n[features] for n in NUMBERS[family]]
    prior = Prior(mean_loc=0.0, mean_scale=1.0, std_prior=(family, *numbers))
    return prior.resolve(2, len(numbers[0])).std_law


def log_density(family, log_stds):
    """Of independent standard deviations, by their logarithms, shape (..., 3)."""
    return scipy_std_prior(family, *NUMBERS[family]).logpdf(np.exp(log_stds)) + log_stds


@families
@pytest.mark.parametrize("shape", SHAPES)
def test_the_density_of_a_shape_is_that_of_all_integrated_over_the_volume(family, shape):
    shape, law = np.array(shape), law_of(family)
    volumes = np.linspace(-60, 60, 200_001)
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        each = log_density(family, volumes[:, None] + shape).sum(axis=1)
    each = each[np.isfinite(each)]
    largest = each.max()
    wanted = largest + np.log(np.exp(each - largest).sum() * (volumes[1] - volumes[0]))
    assert_allclose(shape_density(law, shape, np), wanted, rtol=1e-9)
    # A volume is no part of a shape.
    assert_allclose(shape_density(law, shape + 1.7, np), wanted, rtol=1e-9)
    slopes = np.empty(3)
    value = shape_kernel(law.form, law.power, law.first, law.second, shape, slopes)
    assert_allclose(value + shape_constant(law), wanted, rtol=1e-9)
    steps = 1e-5 * np.eye(3)
    differences = [
        (shape_density(law, shape + s, np) - shape_density(law, shape - s, np)) / 2e-5 for s in steps
    ]
    assert_allclose(slopes, differences, rtol=1e-6, atol=1e-8)


@families
def test_compiled_and_plain_densities_of_many_features_are_one(family):
    law, slopes = law_of(family, [0] + [1] * 11), np.empty(12)
    shape = np.random.default_rng(0).normal(size=12)
    kernel = shape_kernel(law.form, law.power, law.first, law.second, shape, slopes)
    assert_allclose(kernel + shape_constant(law), shape_density(law, shape, np), rtol=1e-11)


@families
def test_the_density_of_a_shape_integrates_to_one(family):
    law = law_of(family, [0, 1])

    def density(h):
        return 2 * np.exp(shape_density(law, np.array([h, -h]), np))

    assert quad(density, -np.inf, np.inf, limit=400)[0] == pytest.approx(1.0, abs=1e-7)


@families
def test_a_volume_has_the_mean_and_variance_of_the_mean_logarithm(family):
    law = volume_law(law_of(family))

    def density(v):
        return float(np.exp(volume_density(law, v, np)))

    each = [scipy_std_prior(family, *(n[i] for n in NUMBERS[family])) for i in range(3)]
    # Logarithms by quantiles: an integral over (0, 1) whose ends are only logarithms.
    moments = [
        [quad(lambda u, p=p, d=d: np.log(d.ppf(u)) ** p, 0, 1, limit=500)[0] for p in (1, 2)] for d in each
    ]
    mean = np.mean([m for m, _ in moments])
    variance = sum(s - m**2 for m, s in moments) / 9
    at = np.linspace(mean - 40 * variance**0.5, mean + 40 * variance**0.5, 40_001)
    densities = np.exp(volume_density(law, at, np))
    total, first, second = (np.trapezoid(densities * (at - mean) ** p, at) for p in range(3))
    assert_allclose([total, first, second], [1.0, 0.0, variance], rtol=1e-5, atol=1e-6)
    draws = draw_volume(np.random.default_rng(0), (4000,), law)
    below = np.concatenate([[0.0], np.cumsum((densities[1:] + densities[:-1]) / 2 * np.diff(at))])
    assert stats.kstest(draws, lambda x: np.interp(x, at, below)).pvalue > 1e-4
    for v in (mean - 0.4, mean + 1.1):
        value, slope = volume_kernel(law.form, law.power, float(law.first), float(law.second), v)
        assert value + volume_constant(law) == pytest.approx(np.log(density(v)), rel=1e-11)
        difference = np.log(density(v + 1e-5)) - np.log(density(v - 1e-5))
        assert slope == pytest.approx(difference / 2e-5, rel=1e-6)


@families
def test_of_one_feature_the_volume_has_the_prior_of_the_standard_deviation(family):
    law = law_of(family, [1])
    one = scipy_std_prior(family, *(n[1] for n in NUMBERS[family]))
    for s in one.ppf([0.05, 0.5, 0.9]):
        wanted = one.logpdf(s) + np.log(s)
        assert float(volume_density(volume_law(law), np.log(s), np)) == pytest.approx(wanted, rel=1e-9)
        # There is one shape, and it says nothing.
        assert shape_density(law, np.zeros(1), np) == pytest.approx(0.0, abs=1e-12)
        stds = np.array([[s], [2 * s]])
        by_all = log_density_of_products(stds, (2, 1), law, np)
        assert float(by_all) == pytest.approx(one.logpdf(s) + one.logpdf(2 * s), rel=1e-9)


def test_the_volume_of_log_normal_standard_deviations_is_their_geometric_mean():
    law, draws = volume_law(law_of("lognormal")), np.random.default_rng(0).normal(size=(4000, 3))
    mu, sigma = NUMBERS["lognormal"]
    geometric = (mu + sigma * draws).mean(axis=1)
    assert stats.kstest(geometric, stats.norm(law.first, law.second).cdf).pvalue > 1e-4
    assert described_volume(law) == ("volume of stds", "LogNormal", (law.first, law.second))


@families
@pytest.mark.parametrize("covariance_type", ["VEI", "EVI"])
def test_standard_deviations_drawn_have_the_mean_and_spread_of_their_prior(family, covariance_type):
    # Alike but for their scale; there spreads are kept as well.
    numbers = [np.full(3, n[0]) for n in NUMBERS[family]]
    prior = Prior(mean_loc=0.0, mean_scale=1.0, std_prior=(family, *numbers)).resolve(2, 3)
    stds = draw_prior(prior, covariance_type, 20_000, np.random.default_rng(1))["stds"]
    assert stds.shape == (20_000, 2, 3)
    wanted = np.log(scipy_std_prior(family, *(n[0] for n in numbers)).rvs(200_000, random_state=2))
    logs = np.log(stds)
    # Ten thousand and more: two in a hundred are more than four standard errors of each.
    assert_allclose(logs.mean(axis=0), wanted.mean(), atol=0.05 * wanted.std())
    assert_allclose(logs.std(axis=0), wanted.std(), rtol=0.06)
    volumes = logs.mean(axis=2)
    ratios = logs - volumes[:, :, None]
    shared = volumes if covariance_type == "EVI" else ratios
    own = ratios if covariance_type == "EVI" else volumes
    assert_allclose(shared[:, 0], shared[:, 1], rtol=1e-9, atol=1e-9)
    assert abs(np.corrcoef(own[:, 0].ravel(), own[:, 1].ravel())[0, 1]) < 0.04


@pytest.mark.parametrize(
    ("family", "line"),
    [
        ("halfnormal", ("(volume of stds)^2", "Gamma")),
        ("exponential", ("volume of stds", "Gamma")),
        ("inversegamma", ("volume of stds", "InverseGamma")),
        ("halfcauchy", ("(volume of stds / 5.51)^2", "BetaPrime")),
    ],
)
def test_a_volume_is_described(family, line):
    law = volume_law(law_of(family))
    *found, numbers = described_volume(law)
    assert tuple(found) == line
    volumes = np.exp(draw_volume(np.random.default_rng(3), (4000,), law))
    if family == "halfcauchy":
        assert stats.kstest((volumes / law.second) ** 2, stats.betaprime(*numbers).cdf).pvalue > 1e-4
    elif family == "inversegamma":
        assert stats.kstest(volumes, stats.invgamma(numbers[0], scale=numbers[1]).cdf).pvalue > 1e-4
    else:
        power = 2 if family == "halfnormal" else 1
        assert stats.kstest(volumes**power, stats.gamma(numbers[0], scale=1 / numbers[1]).cdf).pvalue > 1e-4
