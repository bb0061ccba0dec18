"""Leave-one-out scores against ArviZ, against refits, and against EM fitted again."""

import arviz_stats as azs
import numpy as np
import pytest
from scipy.special import logsumexp

from bayesgmm import BayesGaussianMixture, EMGaussianMixture, MixtureParams, Prior, datasets
from bayesgmm.comparison import extent, scores
from bayesgmm.comparison.scores import em_leave_one_out, leave_one_out, predictive_scores
from bayesgmm.comparison.sides import Sides
from bayesgmm.posterior.pointwise import log_likelihood_dataset
from bayesgmm.rows.rows import Rows


def test_it_is_arvizs_leave_one_out(faithful_fit, monkeypatch):
    posterior = faithful_fit.posterior_["posterior"].dataset
    tree = faithful_fit.posterior_.copy()
    tree["log_likelihood"] = log_likelihood_dataset(faithful_fit.fit_.draws, faithful_fit.rows_)
    n_draws = posterior.sizes["chain"] * posterior.sizes["draw"]
    efficiency = min(1.0, faithful_fit.verdict_.label_free.ess / n_draws)
    wanted = azs.loo(tree, pointwise=True, reff=efficiency)
    for at_once in (scores.AT_ONCE, 7 * n_draws):
        monkeypatch.setattr(scores, "AT_ONCE", at_once)
        elpd, k = leave_one_out(faithful_fit.fit_)
        np.testing.assert_allclose(elpd, wanted.elpd_i.to_numpy(), rtol=1e-10)
        np.testing.assert_allclose(k, wanted.pareto_k.to_numpy(), rtol=1e-8)


@pytest.mark.slow
def test_it_is_what_refits_without_each_row_foresee():
    """Exact leave-one-out: a fit without each row, its own predictive density of that row."""
    X = datasets.faithful().X[::9]
    prior = Prior.from_data(X)
    settings = {"prior": prior, "method": "nuts", "progressbar": False}
    # Importance sampling takes more draws than a refit does.
    whole = BayesGaussianMixture(2, random_state=0, draws=4000, **settings).fit(X)
    elpd, k = leave_one_out(whole.fit_)
    exact, errors = [], []
    for i in range(len(X)):
        fit = BayesGaussianMixture(2, random_state=1 + i, **settings).fit(np.delete(X, i, axis=0))
        values = log_likelihood_dataset(fit.fit_.draws, whole.rows_.taken(np.array([i])))["x"].to_numpy()
        by_chain = logsumexp(values[..., 0], axis=1) - np.log(values.shape[1])
        exact.append(logsumexp(by_chain) - np.log(len(by_chain)))
        errors.append(by_chain.std(ddof=1) / np.sqrt(len(by_chain)))
    good = k < 0.5
    assert good.mean() > 0.8
    away = elpd - np.array(exact)
    assert np.abs(away[good]).max() < 0.1
    error = np.hypot(np.linalg.norm(errors), 0.02 * np.sqrt(len(X)))
    assert abs(away.sum()) < 4 * error


def test_em_without_a_row_is_em_fitted_to_the_others():
    X = datasets.faithful().X
    em = EMGaussianMixture(2, random_state=0).fit(X)
    rows = np.array([0, 100, 148])
    found = em_leave_one_out(Rows.unchecked(X), em.params_, "full", rows, 2)
    for i, value in zip(rows, found, strict=True):
        again = EMGaussianMixture(2, random_state=0).fit(np.delete(X, i, axis=0))
        assert value == pytest.approx(again.score_samples(X[[i]])[0], abs=1e-4)
        assert value < em.score_samples(X[[i]])[0]


def test_rows_without_which_em_collapses_are_not_counted():
    rng = np.random.default_rng(0)
    X = np.concatenate([rng.normal(size=(60, 2)), [[9.0, 9.0], [9.1, 9.3], [9.4, 9.0]]])
    labels = np.repeat([0, 1], [60, 3])
    groups = [X[labels == g] for g in (0, 1)]
    params = MixtureParams(
        [60 / 63, 3 / 63], [g.mean(axis=0) for g in groups], [np.cov(g.T, ddof=0) for g in groups]
    )
    found = em_leave_one_out(Rows.unchecked(X), params, "full", np.array([0, 60, 61, 62]), 1)
    assert np.isfinite(found[0])
    assert np.isnan(found[1:]).all()


def test_the_scores_add_up(faithful_fit):
    found = predictive_scores(Sides.of(faithful_fit))
    assert len(found.table) == 272
    assert found.elpd == pytest.approx(found.table["bayes"].sum())
    gain = found.table["bayes"] - found.table["em"]
    assert found.difference == pytest.approx(gain.sum())
    assert found.difference_se == pytest.approx(np.sqrt(272) * gain.std())
    assert found.n_bad == (found.table["pareto_k"] > 0.7).sum()


def test_of_many_rows_some_are_left_out_of_em(faithful_fit, monkeypatch):
    whole = predictive_scores(Sides.of(faithful_fit))
    monkeypatch.setattr(extent, "MOST_REFITS", 68)
    part = predictive_scores(Sides.of(faithful_fit))
    assert len(part.table) == 68
    assert part.elpd == pytest.approx(whole.elpd)
    assert abs(part.difference - whole.difference) < 4 * part.difference_se
    assert part.difference_se > whole.difference_se
