"""Who decided, data or prior: planted conflicts are named, and none is where there is none."""

import examples
import numpy as np
import pytest
from numpy.testing import assert_allclose

from bayesgmm import BayesGaussianMixture, Prior, compare, datasets
from bayesgmm.comparison import findings, tables
from bayesgmm.comparison.sides import Sides
from bayesgmm.posterior.decided import Pull, decided_by, pull_of_prior, set_by_prior
from bayesgmm.report.summary import summarise
from bayesgmm.wording.reasons import PAGE

SETTINGS = {"method": "nuts", "draws": 500, "random_state": 0, "progressbar": False}


@pytest.fixture(scope="module")
def X():
    """Two clusters of 50 rows, of standard deviation 1, 20 apart."""
    rng = np.random.default_rng(0)
    return np.concatenate([rng.normal(0, 1, 50), rng.normal(20, 1, 50)])[:, None]


@pytest.fixture(scope="module")
def wide_stds(X):
    """Under a prior that expects standard deviations near that of the column, which is ten times theirs."""
    s = X.std(axis=0)
    prior = Prior(
        concentration=3, mean_loc=X.mean(0), mean_scale=1.5 * s, std_prior=("inversegamma", 4.0, 2.4 * s)
    )
    return BayesGaussianMixture(2, prior=prior, **SETTINGS).fit(X)


@pytest.fixture(scope="module")
def wrong_mean(X):
    """Under a prior that expects both means near the middle between the clusters."""
    default = Prior.from_data(X)
    prior = Prior(
        concentration=3,
        mean_loc=X.mean(0),
        mean_scale=1.0,
        std_prior=default.std_prior,
        resolution=default.resolution,
    )
    return BayesGaussianMixture(2, prior=prior, **SETTINGS).fit(X)


def told_parameters(conflict):
    return set(zip(conflict.values["quantities"], conflict.values["owners"], strict=True))


@pytest.mark.parametrize(
    ("planted", "quantity"), [("wide_stds", "sd of x0"), ("wrong_mean", "mean of x0")], ids=["sd", "mean"]
)
def test_a_planted_conflict_is_named(planted, quantity, request):
    bayes = request.getfixturevalue(planted)
    conflict, result = bayes.fit_.prior_conflict, compare(bayes)
    assert bayes.verdict_.ok
    assert conflict.code == "prior_decides"
    assert told_parameters(conflict) == {(quantity, "0"), (quantity, "1")}
    # First in the printed fit, among the findings, and on the page.
    text = str(bayes)
    assert 0 < text.index(str(conflict)) < text.index(str(bayes.verdict_))
    assert result.findings[0] == conflict
    assert result.verdict.startswith(f"{bayes.verdict_} {conflict}")
    assert summarise(bayes, result, None).points[0] == conflict
    assert conflict.sentence(PAGE) in bayes._repr_html_().replace("&#x27;", "'")
    chosen = result.parameters["decided_by"] == "prior"
    kind = {"sd of x0": "stds", "mean of x0": "means"}[quantity]
    assert list(result.parameters.index[chosen]) == [f"{kind}[0, x0]", f"{kind}[1, x0]"]
    # ArviZ finds the same parameters sensitive to the prior.
    assert (result.sensitivity.loc[result.parameters.index[chosen], "prior"] > 0.05).all()


def test_a_conflict_in_one_component_alone_is_named_there(X):
    """Beside a second cluster that the prior of standard deviations fits."""
    rng = np.random.default_rng(1)
    rows = np.concatenate([X[:50], rng.normal(60, 8, (400, 1))])
    prior = Prior(concentration=3, mean_loc=30, mean_scale=45, std_prior=("inversegamma", 10.0, 80.0))
    bayes = BayesGaussianMixture(2, prior=prior, **SETTINGS).fit(rows)
    tight = int(bayes.em_.means_[:, 0].argmin())
    assert told_parameters(bayes.fit_.prior_conflict) == {("sd of x0", str(tight))}


@pytest.mark.parametrize("method", ["laplace", "smc"])
def test_weighted_and_tempered_draws_find_it_too(method, wide_stds, X):
    settings = SETTINGS | {"method": method}
    bayes = BayesGaussianMixture(2, prior=wide_stds.prior_, **settings).fit(X)
    assert told_parameters(bayes.fit_.prior_conflict) == told_parameters(wide_stds.fit_.prior_conflict)


def test_em_is_not_called_wrong_for_what_the_prior_did(wide_stds):
    result = compare(wide_stds)
    found = {reason.code: reason.values for reason in result.findings}
    outside = int((~result.parameters["inside"]).sum())
    assert outside == found["estimates"]["n"] - found["estimates"]["inside"] > 0
    assert found["estimates"]["by_prior"] == outside
    assert found["estimates"]["pulled"]
    assert "data_decide" not in found


def test_the_default_prior_decides_nothing_of_planted_clusters(X):
    bayes = BayesGaussianMixture(2, **SETTINGS).fit(X)
    assert bayes.fit_.prior_conflict is None
    assert set(compare(bayes).parameters["decided_by"]) == {"data"}


@pytest.mark.parametrize(("name", "k"), [("faithful", 2), ("iris", 3), ("banknote", 2)])
def test_no_conflict_is_named_on_shipped_data(name, k):
    data = datasets.load(name)
    bayes = BayesGaussianMixture(k, **SETTINGS | {"draws": 1000}).fit(data.frame[data.features])
    assert bayes.verdict_.ok
    assert bayes.fit_.prior_conflict is None
    table = tables.parameter_table(Sides.of(bayes))
    assert not (table["decided_by"] == "prior").any()
    agree = table["difference"].abs() < 1
    assert set(table.loc[agree, "decided_by"]) == {"data"}
    codes = [reason.code for reason in findings.about_deciders(Sides.of(bayes), table)]
    assert "prior_decides" not in codes


def test_nothing_is_named_where_components_must_not_be_read(wide_stds):
    assert examples.with_verdict(wide_stds, ok=False).fit_.prior_conflict is None


# ------------------------------------------------------------ the numbers


def test_the_shift_is_what_reweighted_draws_do(wide_stds):
    """Central difference of the means of draws with weights prior^0.01 and prior^-0.01; and the sign that
    ArviZ's distances lack."""
    fit = wide_stds.fit_
    values = fit.draws.parameter_values.reshape(-1, len(fit.draws.parameters))
    log_prior = sum(v.reshape(len(values), -1).sum(axis=1) for v in fit.log_prior.values())

    def mean(power):
        weights = np.exp(power * (log_prior - log_prior.max()))
        return weights @ values / weights.sum()

    wanted = (mean(0.01) - mean(-0.01)) / 0.02 / values.std(axis=0)
    assert_allclose(fit.prior_pull.shift, wanted, atol=2e-3)
    # To first order, without the prior the standard deviations would be where EM has them.
    table = compare(wide_stds).parameters
    for name in ("stds[0, x0]", "stds[1, x0]"):
        assert abs(table.loc[name, "difference"] + table.loc[name, "prior_shift"]) < 0.6


def test_shift_and_share_of_a_normal_model_are_exact():
    """Prior Normal(m0, s0), likelihood Normal(m1, s1) in the mean: |shift| = (1 - share) |difference|."""
    rng = np.random.default_rng(0)
    m0, s0, m1, s1 = 3.0, 0.5, 1.0, 0.8
    precision = 1 / s0**2 + 1 / s1**2
    mean, sd = (m0 / s0**2 + m1 / s1**2) / precision, precision**-0.5
    draws = mean + sd * rng.normal(size=(40_000, 1))
    pull = pull_of_prior(draws, -0.5 * ((draws[:, 0] - m0) / s0) ** 2, 40_000)
    difference = (m1 - mean) / sd
    share = 1 / s0**2 / precision
    assert abs(pull.share[0] - share) < 4 * pull.share_error[0] < 0.2
    assert abs(pull.shift[0] + (1 - share) * difference) < 4 * pull.shift_error[0] < 0.2
    assert decided_by(np.array([difference]), pull) == ["prior"]
    # A change of units changes nothing.
    again = pull_of_prior(1e8 + 1e-3 * draws, -0.5 * ((draws[:, 0] - m0) / s0) ** 2 - 1e4, 40_000)
    assert_allclose(again.shift, pull.shift, rtol=1e-3)


def test_a_wide_prior_has_no_shift():
    draws = np.random.default_rng(0).normal(size=(4000, 2))
    pull = pull_of_prior(draws, -0.5 * (draws**2).sum(axis=1) / 1e6, 4000)
    assert np.abs(pull.shift).max() < 1e-5
    assert list(decided_by(np.array([0.2, 2.5]), pull)) == ["data", "data"]


RULES = [
    # difference, shift, share, and who decided
    (0.3, 0.2, 0.1, "data"),
    (2.5, -0.2, 0.1, "data"),
    (2.5, -0.9, 0.1, "both"),
    (2.5, -1.4, 0.1, "prior"),
    (-2.5, 1.4, 0.1, "prior"),
    # Towards EM: in spite of the prior they differ.
    (2.5, 1.4, 0.1, "data"),
    (0.3, 1.2, 0.1, "both"),
    (0.3, 0.2, 0.8, "both"),
    (40.0, -0.5, 0.97, "prior"),
    (float("nan"), float("nan"), float("nan"), ""),
]


@pytest.mark.parametrize(("difference", "shift", "share", "who"), RULES)
def test_the_rule(difference, shift, share, who):
    pull = Pull(*(np.array([v]) for v in (shift, share, 0.02 + 0 * shift, 0.02)))
    assert decided_by(np.array([difference]), pull) == [who]


def test_what_a_held_parameter_has_done_to_others_is_not_laid_to_the_data():
    pull = Pull(np.array([0.5, 0.05]), np.array([0.98, 0.1]), np.full(2, 0.02), np.full(2, 0.02))
    assert list(decided_by(np.array([-43.0, -2.8]), pull)) == ["prior", "both"]
    assert list(set_by_prior(np.array([-43.0, -2.8]), pull)) == [True, False]


def test_too_few_draws_tell_nothing():
    pull = Pull(np.array([-1.5]), np.array([0.1]), np.array([0.6]), np.array([0.5]))
    assert decided_by(np.array([2.0]), pull) == [""]


# ------------------------------------------------------------ of the data


def test_where_the_likelihood_is_skewed_the_data_decide(X):
    """A table as if EM lay outside two intervals, for neither of which the prior is the reason."""
    bayes = BayesGaussianMixture(2, **SETTINGS).fit(X)
    sides = Sides.of(bayes)
    table = tables.parameter_table(sides)
    table.loc["stds[0, x0]", ["inside", "difference", "decided_by"]] = [False, -2.4, "data"]
    table.loc["means[1, x0]", ["inside", "difference", "decided_by"]] = [False, -3.1, "both"]
    found = findings.about_deciders(sides, table)
    assert [(r.code, r.values["quantities"], r.values["owners"]) for r in found] == [
        ("data_decide", ("sd of x0",), ("0",)),
        ("both_decide", ("mean of x0",), ("1",)),
    ]
    assert found[0].values["of_baseline"]


def test_arviz_and_the_shift_agree_on_what_is_sensitive(wrong_mean):
    """The distances of ArviZ are of whole distributions; where a mean moves by more than half a posterior sd
    they are above its 0.05."""
    result = compare(wrong_mean)
    moved = result.parameters.index[result.parameters["prior_shift"].abs() > 0.5]
    assert len(moved)
    assert (result.sensitivity.loc[moved, "prior"] >= 0.05).all()
