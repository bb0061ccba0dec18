"""The comparison against numbers recomputed from its parts."""

from dataclasses import replace

import arviz_stats as azs
import numpy as np
import pytest
import xarray as xr
from covariance_families import TABLE
from numpy.testing import assert_allclose
from scipy import stats

from bayesgmm import BayesGaussianMixture, compare, datasets
from bayesgmm.comparison import findings, predictive, tables
from bayesgmm.comparison.predictive import PredictiveCheck
from bayesgmm.comparison.sides import Sides
from bayesgmm.comparison.tables import JointDistance
from bayesgmm.errors import ColumnWarning
from bayesgmm.mixture import density
from bayesgmm.report.machine import numbers
from bayesgmm.report.summary import summarise
from bayesgmm.rows.part import part_of
from bayesgmm.wording import Reason


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


def test_the_findings_count_what_the_tables_hold(comparison):
    found = {finding.code: finding.values for finding in comparison.findings}
    table = comparison.parameters
    assert (found["estimates"]["n"], found["estimates"]["inside"]) == (len(table), len(table))
    assert found["estimates"]["largest"] == table["difference"].abs().max()
    assert (found["assignments"]["n"], found["assignments"]["alike"]) == (272, 272)
    assert found["no_draw_exceeds_em"]["em"] == pytest.approx(-1130.26, abs=0.005)
    told = [str(comparison.bayes.verdict_), *map(str, comparison.findings)]
    assert comparison.verdict == " ".join(told)


def test_a_draw_above_em_is_reported(comparison):
    found = comparison.better_maximum
    em = found.log_likelihood
    above = replace(found, draw=em + 5)
    assert (above.known, above.whose, above.gain) == (True, "draw", pytest.approx(5))
    assert above.finding == Reason("draw_exceeds_em", {"em": em, "largest": em + 5})
    # By rounding alone a draw may be as high.
    assert replace(found, draw=em + 1e-6).finding.code == "no_draw_exceeds_em"


def test_estimates_outside_are_counted(faithful_fit, comparison):
    table = comparison.parameters.copy()
    table.loc["means[1, waiting]", ["inside", "difference"]] = [False, -3.5]
    found = findings.about_estimates(faithful_fit.fit_, table, JointDistance(4.2, 0.97)).values
    assert (found["n"], found["inside"], found["largest"]) == (12, 11, 3.5)
    assert [found[name] for name in ("at", "quantity", "component")] == [
        "means[1, waiting]",
        "mean of waiting",
        "1",
    ]
    assert (found["joint_inside"], found["joint_share"]) == (False, 0.97)
    few = findings.about_estimates(faithful_fit.fit_, table, JointDistance(np.nan, np.nan))
    assert few.values["joint_share"] is None


def test_replications_look_like_the_fitted_mixture(faithful_fit):
    sets, again = (np.stack(list(predictive.replicate(faithful_fit.fit_, 200))) for _ in range(2))
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


def test_em_brings_its_standard_errors(faithful_fit, faithful_frame, comparison):
    wanted = faithful_fit.em_.standard_errors(faithful_frame).table["standard_error"]
    assert_allclose(comparison.parameters["em_se"], wanted.loc[comparison.parameters.index], rtol=1e-9)


@pytest.mark.parametrize("family", list(TABLE)[1:])
def test_standard_errors_follow_what_a_family_shares(family, faithful_frame):
    settings = {"draws": 60, "method": "laplace", "progressbar": False, "random_state": 0}
    bayes = BayesGaussianMixture(2, covariance_type=family, **settings).fit(faithful_frame)
    table = tables.parameter_table(Sides.of(bayes))
    wanted = bayes.em_.standard_errors(faithful_frame)
    last = wanted.stds[1, 1]
    shared = {"tied": "stds[waiting]", "tied_diag": "stds[waiting]", "spherical": "stds[1]"}
    name = (shared | {"tied_spherical": "stds"}).get(family, "stds[1, waiting]")
    assert_allclose(table.loc[name, "em_se"], last, rtol=1e-9)
    assert_allclose(table.loc["means[1, waiting]", "em_se"], wanted.means[1, 1], rtol=1e-9)


def test_the_joint_distance_is_that_of_logarithms_and_correlations(faithful_fit, comparison):
    """In coordinates that are linear in ours: log ratios of weights, means, log standard deviations, rows of
    the factors."""
    posterior, em = faithful_fit.posterior_["posterior"].dataset, faithful_fit.em_.params_

    def coordinates(weights, means, stds, corr):
        below = corr[..., 1, 0] / corr[..., 1, 1]
        flat = (np.log(weights[..., :1] / weights[..., 1:]), means, np.log(stds), below)
        lead = weights.shape[:-1]
        return np.concatenate([v.reshape(*lead, -1) for v in flat], axis=-1)

    draws = coordinates(*(posterior[n].to_numpy() for n in ("weights", "means", "stds", "corr_chol")))
    draws = draws.reshape(-1, draws.shape[-1])
    at = coordinates(em.weights, em.means, em.stds, em.corr_chol)
    precision = np.linalg.inv(np.cov(draws.T))
    away = draws - draws.mean(axis=0)
    own = np.sqrt(np.einsum("si,ij,sj->s", away, precision, away))
    wanted = np.sqrt((at - draws.mean(axis=0)) @ precision @ (at - draws.mean(axis=0)))
    assert comparison.joint.distance == pytest.approx(wanted, rel=1e-6)
    assert comparison.joint.share == pytest.approx((own < wanted).mean(), abs=0.002)


def test_intervals_of_assignments_are_those_of_the_draws(faithful_fit, comparison):
    intervals = faithful_fit.memberships()
    table = comparison.assignments
    at = np.arange(len(table)), table["em_label"].to_numpy()
    assert_allclose(table["lower"], intervals.lower[at], atol=1e-12)
    assert_allclose(table["upper"], intervals.upper[at], atol=1e-12)
    wanted = (table["em_probability"] >= 0.95) & (table["bayes_probability"] < 0.95)
    assert np.array_equal(table["overconfident"], wanted)


def test_pit_values_are_those_of_simulated_rows(faithful_fit, faithful_frame, comparison):
    """Share of values below the row's in data sets drawn from the posterior."""
    pit = comparison.pit
    assert pit.shape == (272, 2)
    simulated = np.concatenate(list(predictive.replicate(faithful_fit.fit_, 400)))
    for j, name in enumerate(("eruptions", "waiting")):
        at = faithful_frame[name].to_numpy()
        wanted = np.searchsorted(np.sort(simulated[:, j]), at) / len(simulated)
        assert_allclose(pit[name], wanted, atol=0.015)
        # The model fits: the values are spread evenly.
        assert stats.kstest(pit[name], "uniform").pvalue > 0.05


def test_hardly_more_rows_than_components_are_compared():
    X = np.array([[0.0], [1.0], [5.0], [6.0], [9.5]])
    bayes = BayesGaussianMixture(
        3, covariance_type="tied", method="laplace", draws=60, random_state=0, progressbar=False
    ).fit(X)
    found = compare(bayes, [0, 0, 1, 1, 2])
    assert np.isfinite(found.scores.elpd)
    assert 0 <= found.scores.n_collapsed <= 5
    assert found.clusterings.loc["em", "n_clusters"] <= 3


def test_modes_are_counted():
    rng = np.random.default_rng(0)
    apart = np.concatenate([rng.normal(-1, 0.1, 200), rng.normal(1, 0.1, 200)])
    assert predictive._number_of_modes(apart) == 2
    assert predictive._number_of_modes(rng.normal(size=2000)) == 1


def test_all_statistics_are_those_of_the_data(comparison, faithful_frame):
    observed = {c.name: c.observed for c in comparison.predictive}
    z = (faithful_frame - faithful_frame.mean()) / faithful_frame.std(ddof=0)
    assert observed["share beyond two sds of waiting"] == (z["waiting"].abs() > 2).mean()
    assert observed["number of modes of eruptions"] == 2
    distances = np.sqrt(((z.to_numpy()[:, None] - z.to_numpy()) ** 2).sum(axis=2))
    np.fill_diagonal(distances, np.inf)
    some = part_of(len(z), predictive.ROWS_FOR_NEIGHBOURS)
    wanted = distances.min(axis=1)[some].mean()
    assert_allclose(observed["mean distance to the nearest neighbour"], wanted, atol=1e-3)


def test_data_unlike_the_model_are_told_from_replications():
    rng = np.random.default_rng(0)
    lattice = np.stack(np.meshgrid(np.arange(14.0), np.arange(14.0)), axis=-1).reshape(-1, 2)
    X = lattice + 0.02 * rng.normal(size=lattice.shape)
    bayes = BayesGaussianMixture(1, method="laplace", random_state=0, progressbar=False).fit(X)
    by_name = {c.name: c for c in compare(bayes).predictive}
    # A lattice keeps its points apart, and has no tails.
    assert by_name["mean distance to the nearest neighbour"].p_value < 0.01
    assert by_name["share beyond two sds of x0"].p_value > 0.99
    assert by_name["largest value of x0"].p_value > 0.99


def test_rounding_alone_is_not_found_odd():
    waiting = datasets.faithful().X[:, 1:]
    bayes = BayesGaussianMixture(2, method="laplace", random_state=0, progressbar=False).fit(waiting)
    by_name = {c.name: c for c in compare(bayes).predictive}
    assert 0.01 < by_name["mean distance to the nearest neighbour"].p_value < 0.99


def test_one_component_and_one_feature_are_compared():
    X = datasets.galaxies().X
    bayes = BayesGaussianMixture(1, random_state=0, progressbar=False).fit(X)
    found = compare(bayes)
    assert "weights[0]" not in found.sensitivity.index
    assert np.isfinite(found.sensitivity[["prior", "likelihood"]].to_numpy()).all()
    assert list(found.shapes.index) == [(0, "volume")]
    assert found.joint.inside


def test_replications_of_the_fitted_model_look_like_it(faithful_fit, comparison):
    """The discrepancy of the log-likelihood, and EM beside the posterior."""
    by_name = {c.name: c for c in comparison.predictive}
    assert 0.05 < by_name["log-likelihood, less that of the data"].p_value < 0.95
    assert len(by_name["median of waiting"].by_em) == predictive.FEWER_REPLICATIONS
    # Simulated from EM, the statistics lie about where the posterior's lie.
    for check in comparison.predictive:
        assert abs(check.p_value - check.em_p_value) < 0.35


def test_sensitivities_are_arvizs_of_the_whole_prior(faithful_fit, comparison):
    """Against ArviZ on the tree itself, whose log prior is kept variable by variable."""
    tree = faithful_fit.posterior_.copy()
    tree["log_likelihood"] = xr.DataTree(
        xr.Dataset({"x": (("chain", "draw"), tree["sample_stats"]["total_log_likelihood"].to_numpy())})
    )
    wanted = azs.psense_summary(tree, var_names=["weights", "means"])
    for name in ("weights[0]", "means[1, waiting]"):
        np.testing.assert_allclose(
            comparison.sensitivity.loc[name, ["prior", "likelihood"]].astype(float),
            wanted.loc[name, ["prior", "likelihood"]].astype(float),
            atol=2e-3,
        )
    table = comparison.sensitivity
    assert {"prior", "likelihood", "diagnosis"} <= set(table.columns)
    assert "weights[0]" in table.index
    assert "log_likelihood" in table.index
    assert (table[["prior", "likelihood"]] >= 0).all().all()
    # Of 272 rows the likelihood has more to say than the prior.
    assert table.loc["means[0, waiting]", "likelihood"] > table.loc["means[0, waiting]", "prior"]


def test_a_fit_whose_names_do_not_hold_is_compared_all_the_same(faithful_frame):
    bayes = BayesGaussianMixture(3, method="smc", draws=200, chains=2, random_state=0, progressbar=False).fit(
        faithful_frame
    )
    found = compare(bayes)
    assert not found.components_readable
    codes = [finding.code for finding in found.findings]
    assert codes[0] == "components_not_compared"
    assert "rows_left_out" in codes
    assert "estimates" not in codes
    assert "weights[0]" not in found.sensitivity.index
    assert "weight of rank 1" in found.sensitivity.index


# ------------------------------------------------------------ a mixture that does not describe the data


def checks(n, n_odd):
    """Checks of which some lie above all replications."""
    return tuple(
        PredictiveCheck(f"c{i}", 2.0 if i < n_odd else 0.5, np.linspace(0, 1, 101)) for i in range(n)
    )


@pytest.mark.parametrize("n", [9, 17, 36, 47, 122])
def test_more_failed_checks_than_chance_allows(n):
    # The fewest that a binomial exceeds with a probability below 0.001.
    allowed = next(m for m in range(n) if stats.binom(n, 0.05).sf(m) < 0.001)
    assert findings.about_misfit(checks(n, allowed)) is None
    values = {"n": n, "odd": allowed + 1, "allowed": allowed, "chance": 0.001}
    assert findings.about_misfit(checks(n, allowed + 1)) == Reason("data_not_described", values)


@pytest.mark.parametrize("seed", range(3))
def test_data_of_the_model_are_described(seed):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(150, 2)) + 6 * rng.integers(0, 2, (150, 1))
    bayes = BayesGaussianMixture(2, method="laplace", draws=200, random_state=0, progressbar=False).fit(X)
    assert compare(bayes).misfit is None


@pytest.fixture(scope="module")
def likert_comparison():
    """Answers of two kinds of people to six questions."""
    rng = np.random.default_rng(1)
    kind = rng.integers(0, 2, (300, 1))
    X = np.where(kind, rng.integers(1, 4, (300, 6)), rng.integers(3, 6, (300, 6)))
    bayes = BayesGaussianMixture(2, method="laplace", draws=200, random_state=0, progressbar=False)
    with pytest.warns(ColumnWarning, match="only 5 values"):
        bayes.fit(X)
    return compare(bayes)


def test_a_misfit_stands_before_the_verdict(comparison, likert_comparison):
    assert comparison.misfit is None
    misfit = likert_comparison.misfit
    assert misfit.values["odd"] > misfit.values["allowed"]
    assert misfit.values["odd"] == sum(check.odd for check in likert_comparison.predictive)
    assert likert_comparison.findings[0] == misfit
    told = [str(r) for r in (misfit, likert_comparison.bayes.verdict_, *likert_comparison.findings[1:])]
    assert likert_comparison.verdict == " ".join(told)


def test_a_misfit_stands_before_the_headline_of_the_report(comparison, likert_comparison):
    for result in (comparison, likert_comparison):
        summary = numbers(result.bayes, result)["summary"]
        headline = summarise(result.bayes, result, None).headline.sentence("page")
        misfit = "" if result.misfit is None else result.misfit.sentence("page") + " "
        assert summary["headline"] == misfit + headline
        wanted = None if result.misfit is None else "data_not_described"
        assert (summary["findings"]["misfit"] or {"code": None})["code"] == wanted
