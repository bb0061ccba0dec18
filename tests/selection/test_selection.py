"""Criteria for the number of components against their formulas, brute force and data whose number is
known."""

import numpy as np
import pandas as pd
import pytest
from brute_force import prior_of, rows
from sklearn.exceptions import ConvergenceWarning

from bayesgmm import BayesGaussianMixture, EMGaussianMixture, Prior, datasets, select_components
from bayesgmm.comparison.scores import leave_one_out
from bayesgmm.errors import ColumnWarning, DataError, ParameterError, SamplingError
from bayesgmm.selection import Selection, criteria, occupied


@pytest.fixture(scope="module")
def choice():
    return select_components(
        datasets.faithful().X, [3, 1, 2], draws=300, n_bootstrap=19, random_state=0, progressbar=False
    )


def test_the_table_is_recomputed(choice):
    X, table = datasets.faithful().X, choice.table
    assert list(table.index) == [1, 2, 3]
    for k, row in table.iterrows():
        em = EMGaussianMixture(k, random_state=0).fit(X)
        assert row["log_likelihood"] == pytest.approx(em.log_likelihood_, rel=1e-6)
        assert row["bic"] == pytest.approx(-2 * row["log_likelihood"] + row["n_parameters"] * np.log(272))
        assert row["aic"] == pytest.approx(-2 * row["log_likelihood"] + 2 * row["n_parameters"])
        assert row["icl"] == pytest.approx(em.icl(X), rel=1e-5)
        assert row["elpd_loo"] == pytest.approx(leave_one_out(choice.fits[k].fit_)[0].sum())
        assert (row["log_evidence"], row["log_evidence_se"]) == choice.fits[k].log_evidence_
    odds = np.exp(table["log_evidence"] - table["log_evidence"].max())
    np.testing.assert_allclose(table["probability"], odds / odds.sum())
    assert table.loc[2, "lr_statistic"] == pytest.approx(2 * np.diff(table["log_likelihood"])[0])
    assert table.loc[choice.best["elpd_loo"], ["elpd_difference", "elpd_difference_se"]].tolist() == [0, 0]


def test_old_faithful_has_two_groups(choice):
    assert choice.best["bic"] == choice.best["icl"] == 2
    assert choice.table["log_evidence"].idxmin() == 1
    assert choice.best["likelihood_ratio"] >= 2
    found = {finding.code: finding.values for finding in choice.findings}
    assert found["probability_of_number"]["k"] == choice.best["log_evidence"]
    assert sum(map(len, found["criteria_prefer"]["criteria"])) == len(choice.best)
    assert choice.verdict in str(choice)


def test_the_same_seed_gives_the_same_table(choice):
    again = select_components(
        datasets.faithful().X, [1, 2], draws=300, n_bootstrap=0, cores=1, random_state=0, progressbar=False
    )
    assert np.isnan(again.table["lr_p_value"]).all()
    assert "likelihood_ratio" not in again.best
    other = select_components(
        datasets.faithful().X, [1, 2], draws=300, n_bootstrap=0, cores=2, random_state=0, progressbar=False
    )
    pd.testing.assert_frame_equal(again.table, other.table)


def test_the_likelihood_ratio_test_goes_up_until_chance_would_do():
    table = pd.DataFrame(
        {
            **{name: [1.0, 2.0, 3.0, 4.0] for name in ("bic", "aic", "icl", "elpd_loo", "log_evidence")},
            "lr_p_value": [np.nan, 0.01, 0.3, 0.01],
            "verdict": ["accepted", "accepted", "accepted", "refused"],
        },
        index=[1, 2, 3, 4],
    )
    best = criteria.best_numbers(table)
    assert best["likelihood_ratio"] == 2
    assert best["bic"] == 1
    # The draws with four components are not the posterior's, and four might be better than three.
    assert "log_evidence" not in best
    table.loc[4, "verdict"] = "accepted"
    assert criteria.best_numbers(table)["log_evidence"] == 4


def a_table(**columns):
    """Three numbers of components."""
    n = 3
    usual = {
        **{
            name: np.arange(n, dtype=float)
            for name in ("bic", "aic", "icl", "lr_p_value", "elpd_loo", "log_evidence")
        },
        "elpd_difference": [-9.0, -1.0, 0.0],
        "elpd_difference_se": [1.0, 2.0, 0.0],
        "n_bad_k": [0, 0, 0],
        "probability": [0.0, 0.3, 0.7],
        "verdict": ["accepted"] * n,
    }
    return pd.DataFrame(usual | columns, index=[1, 2, 3])


@pytest.mark.parametrize(
    ("ks", "p", "wanted"),
    [
        ([1, 2, 3], [np.nan, 0.02, 0.4], 2),
        ([1, 2, 3], [np.nan, 0.02, 0.02], 3),
        ([1, 3, 4], [np.nan, np.nan, 0.4], None),
        ([1, 2, 4], [np.nan, 0.02, np.nan], None),
        ([1, 2, 4], [np.nan, 0.5, np.nan], 1),
        ([1, 2, 3], [np.nan, np.nan, np.nan], None),
    ],
)
def test_the_test_prefers_nothing_where_a_number_is_missing(ks, p, wanted):
    assert criteria.best_numbers(a_table(lr_p_value=p).set_axis(ks)).get("likelihood_ratio") == wanted


@pytest.mark.parametrize(
    ("verdicts", "wanted"),
    [
        (["accepted"] * 3, {"bic": 1, "elpd_loo": 3, "log_evidence": 3}),
        # 3 is best of those that could be fitted, and its neighbour 2 could not.
        (["accepted", "failed", "accepted"], {}),
        (["accepted", "refused", "accepted"], {"bic": 1}),
        (["failed", "accepted", "accepted"], {"elpd_loo": 3, "log_evidence": 3}),
        (["accepted", "accepted", "refused"], {"bic": 1}),
        (["accepted", "failed", "failed"], {}),
    ],
)
def test_nothing_is_preferred_beside_a_number_that_could_not_be_judged(verdicts, wanted):
    table = a_table(verdict=verdicts)
    table.loc[[v == "failed" for v in verdicts], ["bic", "aic", "icl", "elpd_loo", "log_evidence"]] = np.nan
    best = criteria.best_numbers(table)
    assert {name: best.get(name) for name in ("bic", "elpd_loo", "log_evidence") if name in best} == wanted
    told = dict(codes(Selection(table, best, None, {})))
    assert ("preference_open" in told) == (len(wanted) < 3)
    assert ("probability_of_number" in told) == ("log_evidence" in wanted)


def test_zeros_beside_a_cluster_are_no_reason_to_prefer_one_component():
    """The likelihood of two and three components has no maximum; jittered, two are far better."""
    rng = np.random.default_rng(0)
    X = np.concatenate([np.zeros(80), rng.normal(5, 1, 120)])[:, None]
    with (
        pytest.warns(ColumnWarning, match="many rows at"),
        pytest.warns(ConvergenceWarning, match="no maximum of the likelihood"),
    ):
        found = select_components(X, [1, 2, 3], draws=100, n_bootstrap=19, random_state=0, progressbar=False)
    assert not found.failures
    assert not {"bic", "aic", "icl", "likelihood_ratio"} & set(found.best)
    assert found.best.get("log_evidence") != 1
    of_likelihood = ["log_likelihood", "bic", "aic", "icl", "lr_p_value"]
    assert found.table.loc[[2, 3], of_likelihood].isna().all(axis=None)
    assert ("likelihood_without_maximum", {"ks": (2, 3)}) in codes(found)


def codes(selection):
    return [(finding.code, finding.values) for finding in selection.findings]


def test_findings_are_those_of_the_table():
    whole = Selection(a_table(), {"elpd_loo": 3, "log_evidence": 3}, None, {})
    assert codes(whole) == [
        ("criteria_prefer", {"ks": (3,), "criteria": (("elpd_loo", "log_evidence"),)}),
        ("within_two_errors", {"k": 2, "best": 3}),
        ("probability_of_number", {"k": 3, "probability": 0.7}),
        ("largest_number_tried", {"k": 3}),
    ]
    assert whole.verdict == " ".join(map(str, whole.findings))
    doubtful = Selection(a_table(n_bad_k=[0, 0, 4]), {"elpd_loo": 3, "log_evidence": 3}, None, {})
    assert ("leave_one_out_unreliable", {"n_rows": 4, "k": 3}) in codes(doubtful)
    table = a_table(verdict=["failed", "accepted", "refused"])
    part = Selection(table, criteria.best_numbers(table), None, {})
    assert codes(part)[1:] == [
        ("preference_open", {"which": ("elpd_loo", "log_evidence"), "ks": (1, 3)}),
        ("posteriors_refused", {"ks": (3,)}),
        ("posteriors_failed", {"ks": (1,)}),
    ]
    none = Selection(a_table(verdict=["refused"] * 3), {"bic": 1}, None, {})
    assert [code for code, _ in codes(none)] == [
        "criteria_prefer",
        "no_posterior_accepted",
        "posteriors_refused",
    ]


def test_a_single_run_has_no_say():
    found = select_components(
        datasets.faithful().X, [1, 2], draws=200, chains=1, n_bootstrap=0, random_state=0, progressbar=False
    )
    assert set(found.table["verdict"]) == {"refused"}
    assert set(found.best) == {"bic", "aic", "icl"}
    assert found.table[["probability", "elpd_difference"]].isna().all().all()


def test_a_number_that_cannot_be_fitted_leaves_the_others(monkeypatch):
    real = BayesGaussianMixture.fit

    def failing(self, X):
        if self.n_components == 2:
            raise SamplingError("no luck")
        return real(self, X)

    monkeypatch.setattr(BayesGaussianMixture, "fit", failing)
    found = select_components(
        datasets.faithful().X, [1, 2], draws=200, n_bootstrap=19, random_state=0, progressbar=False
    )
    assert found.failures == {2: "no luck"}
    assert found.table.loc[2, "verdict"] == "failed"
    assert np.isnan(found.table.loc[2, "bic"])
    # It might have been better than one.
    assert found.best == {}
    with pytest.raises(SamplingError, match="no luck"):
        select_components(datasets.faithful().X, [2], draws=200, random_state=0, progressbar=False)


def test_a_frame_is_fitted_without_a_warning(recwarn):
    frame = datasets.faithful().frame[["eruptions", "waiting"]]
    found = select_components(
        frame, np.array([1, 2]), draws=100, n_bootstrap=0, random_state=0, progressbar=False
    )
    assert not [w for w in recwarn if "feature names" in str(w.message)]
    assert found.fits[2].feature_names_in_.tolist() == ["eruptions", "waiting"]


def test_settings_that_cannot_work_are_refused_first(monkeypatch):
    monkeypatch.setattr(BayesGaussianMixture, "fit", lambda self, X: pytest.fail("fitted"))
    X = datasets.faithful().X
    with pytest.raises(ParameterError, match="n_bootstrap must be 0, or at least 19"):
        select_components(X, [1, 2], n_bootstrap=10)
    with pytest.raises(ParameterError, match="prior must be a"):
        select_components(X, [1], prior={"concentration": 2})
    uneven = Prior(concentration=(1.0, 2.0), mean_loc=0.0, mean_scale=50.0, std_prior=("halfnormal", 9.0))
    with pytest.raises(ParameterError, match="must treat all components alike"):
        select_components(X, [2], prior=uneven)
    with pytest.raises(ParameterError, match="concentration"):
        select_components(X, [2, 3], prior=uneven)


@pytest.mark.parametrize(
    ("ks", "message"),
    [
        ([1, 2, 2], "ks must hold each number of components once; got 2 more than once"),
        ([0, 1], "each of ks must be an integer of at least 1; got 0"),
        ([], "ks must hold at least one number of components; got none"),
        (3, r"ks must be a list of numbers of components, such as range\(1, 7\); got 3"),
        ([1.5], "each of ks must be an integer"),
        (np.array(3), "ks must be a list"),
    ],
)
def test_numbers_that_are_none_are_refused(ks, message):
    with pytest.raises(ParameterError, match=message):
        select_components(datasets.faithful().X, ks)


def test_more_components_than_distinct_rows_are_refused():
    with pytest.raises(DataError, match="distinct"):
        select_components(np.repeat([[0.0], [1.0], [3.0]], 5, axis=0), [1, 2, 3, 4])
    with pytest.raises(DataError, match="at least 2 rows"):
        select_components([[1.0, 2.0]], [1])


def test_occupied_components_are_those_of_brute_force(monkeypatch):
    """Sum over all allocations of a few rows: how many components they name."""
    from itertools import product

    from brute_force import CONCENTRATION, grid, of_one_component
    from scipy.special import gammaln, logsumexp

    X, k, family = rows(1, n=7), 3, "inversegamma"
    at = grid(family, 1, 2.0)
    evidence = {}
    for subset in product([False, True], repeat=len(X)):
        evidence[subset] = of_one_component(X[list(subset)], *at)[0]
    logs = np.full(k + 1, -np.inf)
    for z in product(range(k), repeat=len(X)):
        counts = np.bincount(z, minlength=k)
        value = gammaln(counts + CONCENTRATION).sum()
        value += sum(evidence[tuple(i == j for i in z)] for j in range(k))
        logs[(counts > 0).sum()] = np.logaddexp(logs[(counts > 0).sum()], value)
    wanted = np.exp(logs - logsumexp(logs))[1:]
    fit = BayesGaussianMixture(
        k, prior=prior_of(family, 2.0), method="smc", draws=2000, random_state=0, progressbar=False
    ).fit(X)
    found = np.bincount(occupied.occupied_counts(fit), minlength=k + 1)[1:] / 8000
    np.testing.assert_allclose(found, wanted, atol=0.03)


def test_the_prior_of_occupied_components_is_that_of_the_dirichlet():
    """Rows one by one: a component that has m of n rows gets the next with probability (m + a) / (n + K
    a)."""
    k, a, n = 4, 0.3, 25
    chance = np.zeros(k + 1)
    chance[0] = 1.0
    for i in range(n):
        new = np.zeros(k + 1)
        for j in range(k + 1):
            fresh = (k - j) * a / (i + k * a)
            new[j] += chance[j] * (1 - fresh)
            if j < k:
                new[j + 1] += chance[j] * fresh
        chance = new
    counts = occupied._prior_counts(n, k, a, np.random.default_rng(0))
    np.testing.assert_allclose(occupied._shares(counts, k), chance[1:], atol=0.02)


@pytest.mark.slow
def test_what_is_not_needed_stays_empty():
    choice = select_components(
        datasets.faithful().X, [4], n_bootstrap=0, overfitted=True, random_state=0, progressbar=False
    )
    found = choice.occupied
    assert found.fit.verdict_.label_free_ok
    np.testing.assert_allclose(found.table.sum(), 1)
    # A row or two are soon found for a component, as the prior of the weights has it (column `prior`).
    assert found.table.loc[[2, 3], "posterior"].sum() > 0.4
    assert found.table.loc[1, "posterior"] == 0
    assert str(found) in choice.verdict
