"""Each prior family's record says the same distribution everywhere: SciPy's."""

import numpy as np
import pymc as pm
import pytest
from numpy.testing import assert_allclose
from pytensor.compile.mode import Mode
from scipy import stats
from scipy_std_priors import TRUTH

from bayesgmm import Prior
from bayesgmm.bayes.log_prior import log_prior
from bayesgmm.bayes.prior_draws import draw_prior
from bayesgmm.bayes.std_priors import (
    CODES,
    EVERY_FAMILY,
    MOST_NUMBERS,
    STD_PRIORS,
    add_log_density,
    std_prior_family,
)
from bayesgmm.errors import ParameterError

PYTHON = Mode(linker="py", optimizer="fast_compile")
# Far into both tails, also where a power of s would overflow.
FAR = np.geomspace(1e-12, 1e12, 49)


def first_numbers(family):
    return [values[0] for values in TRUTH[family].numbers]


def padded(numbers, n_features):
    """As compiled code takes them."""
    out = np.zeros((MOST_NUMBERS, n_features))
    out[: len(numbers)] = numbers
    return out


def compiled(family, s):
    """Log density of log s and its derivative by the compiled kernel, with the constant."""
    numbers = [np.array([v]) for v in first_numbers(family)]
    numbers_of_all = padded(numbers, 1)
    slopes, values = np.empty(len(s)), np.empty(len(s))
    for j, log_s in enumerate(np.log(s)):
        values[j] = add_log_density(CODES[family], 0.0, np.array([log_s]), numbers_of_all, slopes[j : j + 1])
    return values + STD_PRIORS[family].log_constant(*numbers), slopes


def test_every_family_has_a_truth():
    assert list(STD_PRIORS) == list(TRUTH)
    assert [family.name for family in STD_PRIORS.values()] == list(STD_PRIORS)


@pytest.mark.parametrize("family", STD_PRIORS)
def test_the_log_density_is_scipys(family):
    wanted = TRUTH[family].distribution(*first_numbers(family)).logpdf(FAR)
    assert_allclose(STD_PRIORS[family].log_density(FAR, *first_numbers(family)), wanted, rtol=1e-13)


@pytest.mark.parametrize("family", STD_PRIORS)
def test_the_compiled_kernel_is_scipys_density_of_the_logarithm(family):
    values, _ = compiled(family, FAR)
    wanted = TRUTH[family].distribution(*first_numbers(family)).logpdf(FAR) + np.log(FAR)
    assert_allclose(values, wanted, rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("family", STD_PRIORS)
def test_the_compiled_derivative_is_that_of_scipys_density(family):
    truth, log_s, step = TRUTH[family].distribution(*first_numbers(family)), np.linspace(-3, 3, 13), 1e-6
    low, high = (truth.logpdf(np.exp(log_s + d)) for d in (-step, step))
    assert_allclose(compiled(family, np.exp(log_s))[1], 1 + (high - low) / (2 * step), rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("family", STD_PRIORS)
def test_compiled_densities_add_up_with_the_numbers_of_each_feature(family):
    numbers = [np.array(v) for v in TRUTH[family].numbers]
    s = np.linspace(0.5, 3.0, 6)
    total = add_log_density(CODES[family], 7.0, np.log(s), padded(numbers, 2), np.empty(6))
    total += 3 * STD_PRIORS[family].log_constant(*numbers).sum()
    of_features = TRUTH[family].distribution(*TRUTH[family].numbers).logpdf(s.reshape(3, 2))
    assert_allclose(total, 7.0 + of_features.sum() + np.log(s).sum(), rtol=1e-12)


@pytest.mark.parametrize("family", STD_PRIORS)
def test_the_derivative_is_a_number_far_out(family):
    """Or an infinity with the sign that leads back, never a NaN."""
    slopes = compiled(family, FAR)[1]
    assert not np.isnan(slopes).any()
    assert slopes[0] > 0 > slopes[-1]


@pytest.mark.parametrize("family", STD_PRIORS)
def test_draws_follow_scipys_distribution(family):
    rng = np.random.default_rng(1)
    x = STD_PRIORS[family].draw(rng, (3000, 2), *map(np.asarray, TRUTH[family].numbers))
    u = TRUTH[family].distribution(*TRUTH[family].numbers).cdf(x)
    assert x.shape == (3000, 2)
    assert min(stats.kstest(u[:, j], "uniform").pvalue for j in range(2)) > 1e-3


@pytest.mark.parametrize("family", STD_PRIORS)
def test_scaled_numbers_are_those_of_the_scaled_quantity(family):
    """With s' = s / c, the densities obey p(s) = p'(s / c) / c."""
    truth, scale = TRUTH[family], np.array([1.1, 14.0])
    s = scale * np.array([0.1, 0.5, 1.0, 2.5])[:, None]
    scaled = STD_PRIORS[family].scaled(scale, *map(np.asarray, truth.numbers))
    assert_allclose(
        truth.distribution(*scaled).logpdf(s / scale) - np.log(scale),
        truth.distribution(*truth.numbers).logpdf(s),
        rtol=1e-12,
    )


@pytest.mark.parametrize("family", STD_PRIORS)
def test_pymcs_class_is_scipys_distribution(family):
    # Arrays, as the model has them: PyMC reckons with plain numbers in single precision.
    record, numbers = STD_PRIORS[family], list(map(np.asarray, first_numbers(family)))
    variable = getattr(pm, record.pymc).dist(**dict(zip(record.pymc_numbers, numbers, strict=True)))
    s = np.geomspace(0.1, 30.0, 7)
    found = pm.logp(variable, s).eval(mode=PYTHON)
    # The log(2) of PyMC's half-Cauchy distribution is in single precision, too.
    assert_allclose(found, TRUTH[family].distribution(*numbers).logpdf(s), rtol=1e-8)


@pytest.mark.parametrize("covariance_type", ["full", "spherical"])
@pytest.mark.parametrize("family", STD_PRIORS)
def test_a_prior_takes_densities_and_draws_from_the_record(family, covariance_type):
    numbers = TRUTH[family].numbers if covariance_type == "full" else first_numbers(family)
    prior = Prior(mean_loc=0.0, mean_scale=1.0, std_prior=(family, *numbers)).resolve(3, 2, covariance_type)
    values = draw_prior(prior, covariance_type, 40, np.random.default_rng(2))
    densities = log_prior({v: x[None] for v, x in values.items()}, prior, covariance_type)["stds"]
    assert densities.shape == ((1, 40, 3, 2) if covariance_type == "full" else (1, 40, 3))
    assert_allclose(densities[0], TRUTH[family].distribution(*numbers).logpdf(values["stds"]), rtol=1e-12)


@pytest.mark.parametrize(
    "make", [std_prior_family, lambda name: Prior(mean_loc=0, mean_scale=1, std_prior=(name, 1))]
)
def test_an_unknown_family_is_refused_with_those_there_are(make, golden):
    with golden.raises(ParameterError, family="Half-Cauchy", known=tuple(EVERY_FAMILY)):
        make("Half-Cauchy")
    with golden.raises(ParameterError, family="wishart", known=tuple(EVERY_FAMILY)):
        make("wishart")
