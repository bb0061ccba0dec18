"""Standard deviations whose scale components share: densities are those with the scale integrated out."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import integrate, stats

from bayesgmm import Prior
from bayesgmm.bayes.common_scales import COMMON_SCALES, CommonLaw
from bayesgmm.bayes.log_prior import log_prior
from bayesgmm.bayes.prior_draws import draw_prior
from bayesgmm.bayes.std_priors import CODES, MOST_NUMBERS, add_log_density
from bayesgmm.errors import ParameterError

NUMBERS = {
    "hierarchical": np.array([[0.3, -1.0], [1.5, 0.7], [0.6, 0.2], [4.0, 9.0]]),
    "hierarchical_gamma": np.array([[2.0, 1.3], [0.4, 2.0], [1.5, 0.3]]),
}
STDS = np.array([[0.4, 0.2], [2.0, 0.5], [0.9, 0.3]])


def truth(name, s, *numbers):
    """Log density of the K standard deviations of one feature."""
    k, log_s = len(s), np.log(s)
    if name == "hierarchical":
        mu, common, own, df = numbers
        scale = own**2 * np.eye(k) + common**2
        return stats.multivariate_t(np.full(k, mu), scale, df).logpdf(log_s) - log_s.sum()
    alpha, g, h = numbers

    def joint(log_b):
        of_precisions = stats.gamma(alpha, scale=np.exp(-log_b)).logpdf(s**-2.0)
        jacobians = np.log(2) - 3 * log_s
        return np.exp(
            (of_precisions + jacobians).sum() + stats.gamma(g, scale=1 / h).logpdf(np.exp(log_b)) + log_b
        )

    return np.log(integrate.quad(joint, -40, 10, limit=500, points=[-2.0, 0.0, 2.0])[0])


@pytest.mark.parametrize("name", COMMON_SCALES)
def test_the_density_is_that_with_the_scale_integrated_out(name):
    found = COMMON_SCALES[name].log_density(STDS, 3, np, *NUMBERS[name])
    wanted = [truth(name, STDS[:, j], *NUMBERS[name][:, j]) for j in range(2)]
    assert_allclose(found, wanted, rtol=1e-8)


@pytest.mark.parametrize("name", COMMON_SCALES)
def test_the_compiled_kernel_and_its_slopes_are_the_densitys(name):
    numbers = np.zeros((MOST_NUMBERS, 2))
    numbers[: len(NUMBERS[name])] = NUMBERS[name]
    record, log_s, slopes = COMMON_SCALES[name], np.log(STDS).ravel(), np.empty(6)

    def density(log_s):
        stds = np.exp(log_s).reshape(3, 2)
        return record.log_density(stds, 3, np, *NUMBERS[name]).sum() + log_s.sum()

    value = add_log_density(CODES[name], 7.0, log_s, numbers, slopes)
    constant = np.sum(record.log_constant(3, *NUMBERS[name]))
    assert_allclose(value + constant, 7.0 + density(log_s), rtol=1e-12)
    wanted = [(density(log_s + e) - density(log_s - e)) / 2e-6 for e in 1e-6 * np.eye(6)]
    assert_allclose(slopes, wanted, rtol=1e-7, atol=1e-7)


@pytest.mark.parametrize("name", COMMON_SCALES)
def test_slopes_are_numbers_far_out(name):
    numbers = np.zeros((MOST_NUMBERS, 1))
    numbers[: len(NUMBERS[name])] = NUMBERS[name][:, :1]
    for log_s in (np.array([-300.0, 0.0]), np.array([300.0, 0.0]), np.array([-300.0, 300.0])):
        slopes = np.empty(2)
        assert np.isfinite(add_log_density(CODES[name], 0.0, log_s, numbers, slopes))
        assert np.isfinite(slopes).all()


def test_draws_of_one_component_and_of_ratios_follow_their_t():
    mu, common, own, df = NUMBERS["hierarchical"][:, 0]
    log_s = np.log(
        COMMON_SCALES["hierarchical"].draw(
            np.random.default_rng(1), (4000, 3, 1), *NUMBERS["hierarchical"][:, :1]
        )
    )
    alone = stats.t(df, mu, np.hypot(common, own)).cdf(log_s[:, 1, 0])
    apart = stats.t(df, 0.0, own * np.sqrt(2)).cdf(log_s[:, 0, 0] - log_s[:, 2, 0])
    assert min(stats.kstest(u, "uniform").pvalue for u in (alone, apart)) > 1e-3


def test_draws_of_precisions_follow_their_beta_prime():
    """Of 1 / s^2 = Gamma(alpha) / b with b ~ Gamma(g, h): its h-th part is BetaPrime(alpha, g)."""
    alpha, g, h = NUMBERS["hierarchical_gamma"][:, 0]
    s = COMMON_SCALES["hierarchical_gamma"].draw(np.random.default_rng(1), (4000, 3, 1), alpha, g, h)
    y = s[:, :, 0] ** -2.0
    assert stats.kstest(stats.betaprime(alpha, g).cdf(y[:, 1] / h), "uniform").pvalue > 1e-3
    # Two of a draw share b, which their ratio does not know.
    assert stats.kstest(stats.betaprime(alpha, alpha).cdf(y[:, 0] / y[:, 2]), "uniform").pvalue > 1e-3


@pytest.mark.parametrize("name", COMMON_SCALES)
def test_scaled_numbers_are_those_of_the_scaled_quantity(name):
    record, scale = COMMON_SCALES[name], np.array([1.1, 14.0])
    scaled = record.scaled(scale, *NUMBERS[name])
    assert_allclose(
        record.log_density(STDS / scale, 3, np, *scaled) - 3 * np.log(scale),
        record.log_density(STDS, 3, np, *NUMBERS[name]),
        rtol=1e-12,
    )


@pytest.mark.parametrize("parts", [(3, 1), (1, 3)])
def test_draws_of_volumes_and_shapes_have_the_density(parts):
    """Of the log density of its own draws the slope by its numbers is zero on average."""
    law = CommonLaw(*(np.full(3, v) for v in (0.3, 1.5, 0.6, 40.0)))
    volumes, shapes = law.draw_parts(np.random.default_rng(3), 20_000, parts)
    assert_allclose(shapes.sum(axis=-1), 0.0, atol=1e-12)

    def density(c):
        moved = law._replace(common=law.common * c, own=law.own * c)
        return moved.log_density_of_parts(volumes, shapes, parts, np)

    slopes = (density(1.001) - density(0.999)) / 0.002
    assert abs(slopes.mean()) < 4 * slopes.std() / np.sqrt(len(slopes))


@pytest.mark.parametrize("covariance_type", ["full", "diag", "spherical", "tied"])
def test_a_prior_takes_densities_and_draws_from_the_record(covariance_type):
    name, numbers = "hierarchical", NUMBERS["hierarchical"][:, 0]
    prior = Prior(mean_loc=0.0, mean_scale=1.0, std_prior=(name, *numbers)).resolve(3, 2, covariance_type)
    values = draw_prior(prior, covariance_type, 5, np.random.default_rng(2))
    found = log_prior({v: x[None] for v, x in values.items()}, prior, covariance_type)["stds"]
    stds = values["stds"]
    grid = {"spherical": stds[..., None], "tied": stds[:, None, :]}.get(covariance_type, stds)
    wanted = [sum(truth(name, s[:, j], *numbers) for j in range(s.shape[1])) for s in grid]
    assert_allclose(found[0], wanted, rtol=1e-10)


def test_a_family_that_knows_no_volumes_is_refused_where_they_are_shared(golden):
    prior = Prior(mean_loc=0.0, mean_scale=1.0, std_prior=("hierarchical_gamma", 2.0, 0.2, 1.0))
    with golden.raises(ParameterError, family="hierarchical_gamma", covariance_type="VEI"):
        prior.resolve(2, 3, "VEI")


@pytest.mark.parametrize(
    "numbers",
    [
        ("hierarchical", 0.0, 1e3, 0.6, 4.0),
        ("hierarchical", 0.0, 1.5, 0.6, 0.05),
        ("hierarchical_gamma", 2.0, 1e-3, 1.0),
        ("hierarchical", 0.0, 0.0, 0.6, 4.0),
        ("hierarchical", 0.0, 1.5, 0.6),
        ("hierarchical", 0.0, 1.5, np.inf, 4.0),
        ("hierarchical_gamma", 2.0, -0.2, 1.0),
    ],
    ids=str,
)
def test_hyperpriors_that_make_no_scale_are_refused(numbers, golden):
    with golden.raises(ParameterError):
        Prior(mean_loc=0.0, mean_scale=1.0, std_prior=numbers)


def test_numbers_of_another_length_are_refused(golden):
    prior = Prior(mean_loc=0.0, mean_scale=1.0, std_prior=("hierarchical", (0.0, 1.0, 2.0), 1.5, 0.6, 4.0))
    with golden.raises(ParameterError, expected=2, given=3):
        prior.resolve(3, 2)


def test_the_reach_is_that_of_nearly_all_draws():
    for name, numbers in NUMBERS.items():
        record = COMMON_SCALES[name]
        draws = np.log(record.draw(np.random.default_rng(1), (20_000, 2, 2), *numbers))
        assert (np.abs(draws - np.median(draws, axis=0)) > record.reach(*numbers)).mean() < 0.002
