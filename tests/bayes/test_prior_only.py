"""Without the data's say the sampler gives back the prior; and the prior's own draws are what they claim to
be."""

import arviz_stats as azs
import numpy as np
import pytest
from covariance_families import TABLE
from scipy import stats
from scipy_std_priors import TRUTH, scipy_std_prior

from bayesgmm import Prior
from bayesgmm.bayes.log_laws import LogLaw, shape_density, volume_density, volume_law
from bayesgmm.bayes.prior_draws import draw_prior
from bayesgmm.bayes.target import Target
from bayesgmm.methods.laplace_approximation import laplace
from bayesgmm.methods.whitened_nuts import sample_nuts
from bayesgmm.rows.rows import Rows

# Of all features.
STDS = {family: [first for first, _ in TRUTH[family].numbers] for family in TRUTH}
CONCENTRATION, LOC, SCALE, ETA = (
    np.array([1.5, 3.0]),
    np.array([1.0, -20.0, 5.0]),
    np.array([2.0, 30.0, 0.5]),
    2.5,
)


def prior_of(std_family):
    return Prior(
        concentration=CONCENTRATION,
        mean_loc=LOC,
        mean_scale=SCALE,
        std_prior=(std_family, *STDS[std_family]),
        lkj_eta=ETA,
    )


def uniforms_of_products(stds, std_family):
    """The volume of each component, and ratios of its standard deviations, through their distribution
    functions; `test_log_laws` holds the densities against SciPy's."""
    law, x = prior_of(std_family).resolve(2, 3).std_law, np.linspace(-60, 60, 12_001)
    volumes, logs = volume_law(law), np.log(stds)
    two = LogLaw(law.form, law.power, law.first[:2], law.second[:2])

    def through(log_density, at):
        with np.errstate(over="ignore"):
            density = np.exp(log_density)
        below = np.concatenate([[0.0], np.cumsum((density[1:] + density[:-1]) / 2 * np.diff(x))])
        return np.interp(at, x, below)

    with np.errstate(over="ignore"):
        of_volumes, of_ratios = (
            volume_density(volumes, x, np),
            shape_density(two, np.stack([x, -x], axis=-1) / 2, np),
        )
    ratios = logs[..., :2] - logs[..., 1:]
    return [through(of_volumes, logs.mean(axis=-1)), through(of_ratios, ratios)]


def uniforms(values, std_family, covariance_type):
    """Every scalar parameter through its own distribution function, shape (..., Q): uniform where the draws
    are the prior's."""
    lead = values["weights"].shape[:-1]
    d = 3
    # A weight is Beta(a_k, rest); a correlation is Beta(b, b) on (-1, 1), b = eta - 1 + D / 2.
    parts = [
        stats.beta(CONCENTRATION[0], CONCENTRATION[1]).cdf(values["weights"][..., :1]),
        stats.norm(LOC, SCALE).cdf(values["means"]),
    ]
    if TABLE[covariance_type].volume is None:
        parts.append(scipy_std_prior(std_family, *STDS[std_family]).cdf(values["stds"]))
    else:
        parts += uniforms_of_products(values["stds"], std_family)
    if "corr_chol" in values:
        c = values["corr_chol"]
        correlations = (c @ np.swapaxes(c, -1, -2))[..., [1, 2, 2], [0, 0, 1]]
        parts.append(stats.beta(ETA - 1 + d / 2, ETA - 1 + d / 2).cdf((correlations + 1) / 2))
    return np.concatenate([p.reshape(*lead, -1) for p in parts], axis=-1)


@pytest.mark.parametrize(
    ("std_family", "covariance_type"),
    [*((s, "full") for s in STDS), *(("gamma", f) for f in list(TABLE)[1:])],
)
def test_a_likelihood_of_power_zero_leaves_the_prior(std_family, covariance_type):
    X = np.random.default_rng(0).normal(size=(5, 3)) * [1.0, 10.0, 0.1] + LOC
    # Standardised like a fit is, in one scale for the family that needs it.
    scale = np.full(3, 4.0) if covariance_type.endswith("spherical") else np.array([1.0, 10.0, 0.1])
    target = Target(Rows.unchecked(X), 2, prior_of(std_family), LOC, scale, covariance_type, beta=0.0)
    raw = sample_nuts(
        target,
        laplace(target, np.zeros(target.n_parameters)),
        draws=1500,
        tune=600,
        chains=4,
        cores=2,
        seed=np.random.SeedSequence(1),
    )
    u = uniforms(target.constrained(raw.q), std_family, covariance_type)
    for power, mean in ((1, 0.5), (2, 1 / 3), (3, 1 / 4)):
        for q in range(u.shape[-1]):
            x = u[..., q] ** power
            error = float(azs.mcse(x, method="mean"))
            assert error < 0.02
            assert abs(x.mean() - mean) < 4.5 * error


@pytest.mark.parametrize("covariance_type", list(TABLE))
@pytest.mark.parametrize("std_family", list(STDS))
def test_draws_from_the_prior(std_family, covariance_type):
    resolved = prior_of(std_family).resolve(2, 3, covariance_type)
    values = draw_prior(resolved, covariance_type, 2000, np.random.default_rng(2))
    u = uniforms(values, std_family, covariance_type)
    assert min(stats.kstest(u[:, q], "uniform").pvalue for q in range(u.shape[1])) > 1e-4
    if covariance_type == "full":
        # Of an LKJ matrix the determinant is a product of Betas (Lewandowski, Kurowicka and Joe 2009, section
        # 3.2).
        rng = np.random.default_rng(3)
        wanted = (1 - rng.beta(0.5, ETA + 0.5, 2000)) * (1 - rng.beta(1.0, ETA, 2000))
        determinant = np.linalg.det(values["corr_chol"][:, 0]) ** 2
        assert stats.ks_2samp(determinant, wanted).pvalue > 1e-4
