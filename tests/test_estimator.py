"""`BayesGaussianMixture` end to end on real data."""

import arviz_stats as azs
import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.special import logsumexp

from bayesgmm import BayesGaussianMixture, Prior, datasets, density
from bayesgmm.params import MixtureParams
from bayesgmm.posterior.draws import covariance_draws, parameter_draws


@pytest.mark.parametrize(("name", "k"), [("faithful", 2), ("iris", 3), ("galaxies", 3), ("banknote", 2)])
def test_defaults_converge(name, k):
    bayes = BayesGaussianMixture(k, random_state=0, progressbar=False).fit(datasets.load(name).X)
    draws = parameter_draws(bayes.posterior_["posterior"].dataset)
    r_hat = azs.rhat(draws.to_dataset())["value"]
    ess = azs.ess(draws.to_dataset())["value"]
    assert float(r_hat.max()) < 1.01
    assert float(ess.min()) > 400
    assert int(bayes.posterior_["sample_stats"]["diverging"].sum()) == 0
    assert bayes.verdict_.ok, bayes.verdict_


def mixtures(bayes, step):
    """Some draws as mixtures."""
    posterior = bayes.posterior_["posterior"].dataset
    weights, means = posterior["weights"].to_numpy(), posterior["means"].to_numpy()
    covariances = covariance_draws(posterior)
    for c in range(weights.shape[0]):
        for d in range(0, weights.shape[1], step):
            yield MixtureParams(weights[c, d] / weights[c, d].sum(), means[c, d], covariances[c, d])


def test_memberships_and_densities_are_means_over_draws(faithful_frame):
    X = faithful_frame
    bayes = BayesGaussianMixture(2, draws=20, tune=100, chains=2, random_state=1, progressbar=False).fit(X)
    draws = list(mixtures(bayes, 1))
    rows = X.to_numpy()
    r = np.stack([density.responsibilities(rows, p) for p in draws])
    assert_allclose(bayes.membership_, r.mean(axis=0), atol=1e-10)
    assert_allclose(bayes.membership_sd_, r.std(axis=0), atol=1e-8)
    assert_allclose(bayes.predict_proba(X[:5]), r.mean(axis=0)[:5], atol=1e-10)
    log_p = np.stack([density.log_likelihood_per_obs(rows, p) for p in draws])
    assert_allclose(bayes.score_samples(X), logsumexp(log_p, axis=0) - np.log(len(draws)), rtol=1e-9)
    assert_allclose(bayes.log_likelihood_draws_.ravel(), log_p.sum(axis=1), rtol=1e-10)


def test_draws_are_named_after_the_em_components(faithful_fit):
    means = faithful_fit.posterior_["posterior"]["means"].mean(("chain", "draw"))
    assert_allclose(means, faithful_fit.em_.means_, rtol=0.02)


def test_the_posterior_is_in_the_users_units(faithful_frame):
    scale = np.array([1e-6, 1e6])
    settings = {"draws": 500, "random_state": 2, "progressbar": False}
    plain = BayesGaussianMixture(2, **settings).fit(faithful_frame.to_numpy())
    scaled = BayesGaussianMixture(2, **settings).fit(faithful_frame.to_numpy() * scale)
    a, b = (f.posterior_["posterior"]["means"].to_numpy() for f in (plain, scaled))
    sd = a.std(axis=(0, 1))
    assert np.all(np.abs((b / scale).mean(axis=(0, 1)) - a.mean(axis=(0, 1))) < 0.15 * sd)
    assert_allclose((b / scale).std(axis=(0, 1)), sd, rtol=0.15)


def test_a_given_prior_is_used_and_one_from_the_data_is_kept(faithful_frame):
    fit = BayesGaussianMixture(2, draws=20, tune=50, chains=2, random_state=0, progressbar=False).fit(
        faithful_frame
    )
    assert fit.prior_ == Prior.from_data(faithful_frame.to_numpy())
    tight = Prior(mean_loc=[3.0, 70.0], mean_scale=[0.01, 0.1], std_prior=("halfnormal", [1.0, 15.0]))
    settings = {"draws": 100, "tune": 100, "chains": 2, "random_state": 0, "progressbar": False}
    pulled = BayesGaussianMixture(2, prior=tight, **settings).fit(faithful_frame)
    means = pulled.posterior_["posterior"]["means"].mean(("chain", "draw"))
    assert np.all(np.abs(means - [3.0, 70.0]) < [0.1, 1.0])


def test_arviz_reads_the_tree(faithful_fit):
    summary = azs.summary(faithful_fit.posterior_, var_names=["weights", "means", "stds"], round_to="none")
    assert_allclose(
        summary.loc["weights[0]", "mean"], faithful_fit.posterior_["posterior"]["weights"][..., 0].mean()
    )


def test_the_model_is_there_for_everyone(faithful_fit):
    names = [v.name for v in faithful_fit.model_.free_RVs]
    assert names == ["weights", "means", "stds", "corr_chol"]
    assert faithful_fit.model_ is faithful_fit.model_


def test_refitting_builds_a_new_model():
    X = datasets.load("galaxies").X
    settings = {"draws": 20, "tune": 50, "chains": 2, "random_state": 0, "progressbar": False}
    bayes = BayesGaussianMixture(2, **settings).fit(X)
    first = bayes.model_
    bayes.fit(X[:40])
    assert bayes.model_ is not first
    assert bayes.model_.dim_lengths["obs"].eval() == 40


def test_the_input_is_never_written_to(faithful_frame):
    rows = faithful_frame.to_numpy().copy()
    rows.flags.writeable = False
    BayesGaussianMixture(1, draws=10, tune=40, chains=1, random_state=0, progressbar=False).fit(rows)
