"""Our draws against those of the same model as the manuals write it: pm.Mixture of MvNormal."""

from dataclasses import replace

import arviz_stats as azs
import numpy as np
import pymc as pm
import pytensor.tensor as pt
import pytest

from bayesgmm import BayesGaussianMixture, Prior, datasets
from bayesgmm.mixture.draws import MixtureDraws


def by_hand(X, k, prior):
    """With the common scale of the standard deviations, and the width of their distribution, as variables."""
    resolved, d = prior.resolve(k, X.shape[1]), X.shape[1]
    mu, common, own, df = resolved.shared_std_numbers
    with pm.Model() as model:
        w = pm.Dirichlet("w", resolved.concentration)
        width = pm.Gamma("width", df / 2, df / 2, shape=d)
        scale = pm.Normal("scale", mu, common / pt.sqrt(width), shape=d)
        components = []
        for j in range(k):
            mean = pm.Normal(f"mean_{j}", resolved.mean_loc[j], resolved.mean_scale[j], shape=d)
            log_std = pm.Normal(f"log_std_{j}", scale, own / pt.sqrt(width), shape=d)
            corr = pm.LKJCorr(f"corr_{j}", n=d, eta=resolved.lkj_eta, shape=(d, d))
            components.append(pm.MvNormal.dist(mu=mean, chol=pt.exp(log_std)[:, None] * corr))
        pm.Mixture("x", w=w, comp_dists=components, observed=X)
    return model


def draws_by_hand(X, k, bayes):
    """Weights (chain, draw, K), means (.., K, D) and covariances (.., K, D, D) by nutpie, each component
    where it started."""
    import nutpie

    p = bayes.fit_.draws.mean_params
    start = {"w": np.array(p.weights), "scale": np.log(p.stds).mean(axis=0)}
    for j in range(k):
        start |= {
            f"mean_{j}": np.array(p.means[j]),
            f"log_std_{j}": np.log(p.stds[j]),
            f"corr_{j}": np.array(p.corr_chol[j]),
        }
    compiled = nutpie.compile_pymc_model(by_hand(X, k, bayes.prior_), initial_points=start, jitter_rvs=set())
    posterior = nutpie.sample(compiled, draws=1500, tune=700, chains=4, seed=3, progress_bar=False)[
        "posterior"
    ]
    means, log_stds, corr = (
        np.stack([posterior[f"{name}_{j}"].to_numpy() for j in range(k)], axis=2)
        for name in ("mean", "log_std", "corr")
    )
    factors = np.exp(log_stds)[..., None] * corr
    return posterior["w"].to_numpy(), means, factors @ factors.swapaxes(-1, -2)


def quantities(weights, means, covariances):
    """Whatever a person reads, and squares for second moments, shape (chain, draw, Q)."""
    stds = np.sqrt(np.diagonal(covariances, axis1=-2, axis2=-1))
    i, j = np.tril_indices(means.shape[-1], -1)
    correlations = covariances[..., i, j] / (stds[..., i] * stds[..., j])
    flat = [v.reshape(*v.shape[:2], -1) for v in (weights, means, np.log(stds), correlations)]
    return np.concatenate(flat, axis=-1)


def errors(x):
    """Mean, standard deviation and the Monte-Carlo errors of both, over chains and draws."""
    ess = np.array([azs.ess(x[..., q], method="bulk") for q in range(x.shape[-1])])
    sd = x.std(axis=(0, 1))
    return x.mean(axis=(0, 1)), sd, sd / np.sqrt(ess), azs_sd_error(x)


def azs_sd_error(x):
    return np.array([azs.mcse(x[..., q], method="sd") for q in range(x.shape[-1])])


def assert_alike(ours, theirs):
    mean, sd, mean_error, sd_error = errors(ours)
    their_mean, their_sd, their_mean_error, their_sd_error = errors(theirs)
    # The errors are small: the comparison could fail.
    assert (mean_error < 0.1 * sd).all()
    assert (their_mean_error < 0.1 * sd).all()
    by_mean = (mean - their_mean) / np.hypot(mean_error, their_mean_error)
    by_sd = (sd - their_sd) / np.hypot(sd_error, their_sd_error)
    for z in (by_mean, by_sd):
        # A hundred of them, with errors that are themselves estimated, of correlations above all: one in ten
        # pairs of runs of the same sampler has one beyond 4.
        assert np.abs(z).max() < 5
        assert np.mean(z**2) < 2.5


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize(("name", "k"), [("faithful", 2), ("banknote", 2)])
def test_draws_are_those_of_the_model_written_by_hand(name, k):
    X = datasets.load(name).X
    # Neither of them is anything that the manuals know of.
    prior = replace(Prior.from_data(X), concentration=3.0, resolution=0.0)
    bayes = BayesGaussianMixture(k, prior=prior, draws=1500, random_state=4, progressbar=False).fit(X)
    p = bayes.fit_.draws
    ours = quantities(p.weights, p.means, p.covariances)
    theirs = quantities(*draws_by_hand(X, k, bayes))
    assert_alike(ours, theirs)


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
def test_pymcs_own_sampler_on_our_model_agrees(faithful_fit):
    model = faithful_fit.model_
    model.set_initval(model["means"], faithful_fit.em_.means_)
    tree = pm.sample(
        1000,
        tune=800,
        chains=2,
        random_seed=5,
        model=model,
        nuts_sampler="pymc",
        init="adapt_diag",
        progressbar=False,
    )
    both = (faithful_fit.fit_.draws, MixtureDraws.from_dataset(tree["posterior"].dataset, "full"))
    assert_alike(*(quantities(p.weights, p.means, p.covariances) for p in both))
