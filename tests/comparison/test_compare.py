"""The comparison against numbers recomputed from its parts."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import stats

from bayesgmm import compare, density
from bayesgmm.comparison import predictive, result
from bayesgmm.comparison.predictive import PredictiveCheck


@pytest.fixture(scope="module")
def comparison(faithful_fit):
    return compare(faithful_fit)


def test_parameters_are_recomputed(faithful_fit, comparison):
    draws = faithful_fit.posterior_["posterior"]["means"].to_numpy()[:, :, 1, 0].ravel()
    row = comparison.parameters.loc["means[1, eruptions]"]
    em = faithful_fit.em_.means_[1, 0]
    assert_allclose(
        row[["em", "mean", "sd"]].astype(float), [em, draws.mean(), draws.std(ddof=1)], rtol=1e-12
    )
    assert_allclose(row["difference"], (em - draws.mean()) / draws.std(ddof=1), rtol=1e-10)
    assert_allclose([row["lower"], row["upper"]], np.quantile(draws, [0.025, 0.975]), rtol=1e-12)


def test_em_correlations_are_those_of_its_covariances(faithful_fit, comparison):
    c = faithful_fit.em_.covariances_[0]
    wanted = c[0, 1] / np.sqrt(c[0, 0] * c[1, 1])
    assert_allclose(
        comparison.parameters.loc["correlations[0, eruptions, waiting]", "em"], wanted, rtol=1e-10
    )


def test_assignments_hold_both_probabilities(faithful_fit, faithful_frame, comparison):
    em = faithful_fit.em_.predict_proba(faithful_frame)
    table = comparison.assignments
    assert np.array_equal(table["em_label"], em.argmax(axis=1))
    assert np.array_equal(table["bayes_label"], faithful_fit.membership_.argmax(axis=1))
    assert_allclose(table["em_probability"], em.max(axis=1), rtol=1e-12)
    assert_allclose(table["difference"], table["em_probability"] - table["bayes_probability"], atol=1e-15)
    assert_allclose(
        table["largest_difference"], np.abs(em - faithful_fit.membership_).max(axis=1), rtol=1e-10
    )


def test_log_likelihoods(faithful_fit, faithful_frame, comparison):
    summary = comparison.log_likelihood
    rows = faithful_frame.to_numpy()
    assert_allclose(summary["em"], density.log_likelihood_per_obs(rows, faithful_fit.em_.params_).sum())
    assert_allclose(summary["largest"], faithful_fit.log_likelihood_draws_.max())
    assert summary["largest"] <= summary["em"]


def test_the_verdict_counts_what_the_tables_hold(comparison):
    assert f"All {len(comparison.parameters)} EM estimates lie inside" in comparison.verdict
    assert "assign 272 of 272 observations alike" in comparison.verdict
    assert "No draw exceeds EM's log-likelihood of -1130.26" in comparison.verdict


def test_a_draw_above_em_is_reported(comparison):
    summary = comparison.log_likelihood.copy()
    summary["largest"] = summary["em"] + 5
    assert result._likelihood_sentence(summary).startswith(
        "A posterior draw has a higher log-likelihood (-1125.26) than the EM fit (-1130.26)"
    )


def test_estimates_outside_are_counted(comparison):
    table = comparison.parameters.copy()
    table.loc["weights[0]", ["inside", "difference"]] = [False, -3.5]
    assert result._parameter_sentence(table) == (
        "1 of 12 EM estimates lie outside their 95 % posterior intervals; the largest difference is "
        "3.5 posterior sds, at weights[0]."
    )


def test_replications_look_like_the_fitted_mixture(faithful_fit):
    sets, again = (np.stack(list(predictive.replicate(faithful_fit, 200))) for _ in range(2))
    assert sets.shape == (200, 272, 2)
    assert np.array_equal(sets, again)
    posterior = faithful_fit.posterior_["posterior"]
    wanted = (posterior["weights"] * posterior["means"]).sum("cluster").mean(("chain", "draw"))
    error = sets.mean(axis=1).std(axis=0) / np.sqrt(200)
    assert np.all(np.abs(sets.mean(axis=(0, 1)) - wanted.to_numpy()) < 4 * error)


def test_observed_statistics_are_those_of_the_data(comparison, faithful_frame):
    observed = {c.name: c.observed for c in comparison.predictive}
    x = faithful_frame["eruptions"]
    assert_allclose(observed["skewness of eruptions"], stats.skew(x), rtol=1e-12)
    assert_allclose(observed["standard deviation of eruptions"], x.std(ddof=0), rtol=1e-12)
    assert_allclose(observed["smallest value of waiting"], faithful_frame["waiting"].min())
    assert_allclose(
        observed["correlation of eruptions and waiting"], faithful_frame.corr().iloc[0, 1], rtol=1e-12
    )


def test_p_values_and_their_error():
    check = PredictiveCheck("mean of a", 0.5, np.array([0.0, 0.5, 1.0, 2.0]))
    assert check.p_value == pytest.approx((2 + 0.5) / 4)
    assert check.mc_error == pytest.approx(np.sqrt(0.625 * 0.375 / 4))
    assert PredictiveCheck("x", 9.0, np.zeros(99)).p_value == 0
    assert PredictiveCheck("x", 9.0, np.zeros(99)).mc_error == pytest.approx(np.sqrt(0.01 * 0.99 / 99))
