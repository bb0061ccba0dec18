"""A user's own EM fit held against the posterior: its numbers in the tables, and whether a better maximum is
known."""

import json
import warnings
from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import stats
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture

from bayesgmm import BayesGaussianMixture, EMGaussianMixture, MixtureParams, compare, datasets, write_report
from bayesgmm.comparison.better import BetterMaximum
from bayesgmm.comparison.sides import Sides
from bayesgmm.errors import ParameterError

TIGHT = {"tol": 1e-12, "max_iter": 10_000}


@pytest.fixture(scope="module")
def galaxies():
    """A quick fit whose likelihood has several maxima, the best of them at -203.18."""
    X = datasets.galaxies().X
    settings = {"method": "laplace", "draws": 100, "random_state": 0, "progressbar": False}
    return X, BayesGaussianMixture(3, **settings).fit(X)


def theirs(X, k, **settings):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return GaussianMixture(k, **settings).fit(X)


def known_maxima(bayes):
    return bayes.em_.modes_["log_likelihood"].to_list()


# ------------------------------------------------------------ whether a better maximum is known


def test_a_poorer_maximum_is_told_with_what_is_lost(galaxies):
    X, bayes = galaxies
    gm = theirs(X, 3, init_params="random", random_state=1, **TIGHT)
    poor = gm.score_samples(X).sum()
    best = known_maxima(bayes)[0]
    # It is a maximum, and EM knows a better one.
    assert poor == pytest.approx(-212.08, abs=0.01)
    assert best == pytest.approx(-203.18, abs=0.01)
    result = compare(bayes, em=gm)
    found = result.better_maximum
    assert (found.known, found.whose, found.converged) == (True, "baseline", True)
    assert found.gain == pytest.approx(best - poor, abs=1e-3)
    reason = next(f for f in result.findings if f.code == "better_maximum_known")
    assert reason.values["gain"] == found.gain
    assert str(reason) in result.verdict
    assert result.log_likelihood["em"] == pytest.approx(poor, rel=1e-12)


def test_a_fit_that_was_stopped_is_no_poorer_maximum(galaxies):
    """Scikit-learn's default tolerance ends this one 17 below the maximum that it was on the way to."""
    X, bayes = galaxies
    found = compare(bayes, em=theirs(X, 3, init_params="random", random_state=0)).better_maximum
    assert (found.known, found.whose, found.converged) == (False, "own", False)
    assert found.reached == pytest.approx(known_maxima(bayes)[0], rel=1e-6)
    assert found.gain == pytest.approx(17.09, abs=0.01)
    assert found.finding.code == "maximum_not_reached"


def test_a_stopped_fit_on_its_way_to_a_poorer_maximum_is_told_both(galaxies):
    X, bayes = galaxies
    found = compare(bayes, em=theirs(X, 3, init_params="random", random_state=1)).better_maximum
    assert (found.known, found.converged) == (True, False)
    values = found.finding.values
    assert values["em"] < values["reached"] < values["highest"]


@pytest.mark.parametrize("kind", ["scikit-learn", "EMGaussianMixture", "MixtureParams"])
def test_the_best_maximum_is_told_as_such(kind, faithful_fit):
    X = faithful_fit.rows_.values
    em = {
        "scikit-learn": theirs(X, 2, random_state=0, reg_covar=0, **TIGHT),
        "EMGaussianMixture": EMGaussianMixture(2, random_state=5).fit(X),
        "MixtureParams": faithful_fit.em_.params_.permuted([1, 0]),
    }[kind]
    found = compare(faithful_fit, em=em).better_maximum
    assert (found.known, found.whose, found.converged) == (False, "own", True)
    assert abs(found.gain) < 1e-4
    assert found.finding.code == "highest_maximum_known"


def test_of_a_smaller_family_it_cannot_be_told(faithful_fit):
    X = faithful_fit.rows_.values
    gm = theirs(X, 2, covariance_type="diag", random_state=0, **TIGHT)
    result = compare(faithful_fit, em=gm)
    found = result.better_maximum
    assert not found.known
    assert found.finding.values["n_more"] == 2
    assert found.gain == pytest.approx(faithful_fit.em_.log_likelihood_ - gm.score_samples(X).sum())
    correlation = result.parameters.loc["correlations[0, eruptions, waiting]"]
    assert correlation["em"] == 0
    # What a family fixes has no standard error; what it estimates has that of an estimate of its own family.
    assert np.isnan(correlation["em_se"])
    own = EMGaussianMixture(2, covariance_type="diag", random_state=0).fit(X).standard_errors(X)
    assert result.parameters.loc["means[0, waiting]", "em_se"] == pytest.approx(own.means[0, 1], rel=1e-3)


BEST = BetterMaximum(
    log_likelihood=-100.0,
    reached=-100.0,
    baseline=-100.0,
    draw=-103.0,
    mean_draw=-105.0,
    spurious=False,
    n_parameters=5,
    n_parameters_of_posterior=5,
    is_baseline=False,
    size=200.0,
)


@pytest.mark.parametrize(
    ("changes", "known", "whose", "gain", "code"),
    [
        ({}, False, "own", 0.0, "highest_maximum_known"),
        # Two runs of EM to the same maximum differ by this much.
        ({"baseline": -100.0 + 1e-5}, False, "own", 1e-5, "highest_maximum_known"),
        ({"baseline": -98.0}, True, "baseline", 2.0, "better_maximum_known"),
        ({"draw": -99.0}, True, "draw", 1.0, "better_maximum_known"),
        ({"baseline": -98.0, "draw": -97.0}, True, "draw", 3.0, "better_maximum_known"),
        ({"reached": -99.5, "baseline": -99.5}, False, "own", 0.5, "maximum_not_reached"),
        ({"reached": -99.5, "baseline": -98.0}, True, "baseline", 2.0, "better_maximum_known"),
        ({"baseline": -102.0}, False, "own", 0.0, "maximum_above_known"),
        ({"baseline": -np.inf, "spurious": True}, False, "own", 0.0, "maximum_above_known"),
        ({"n_parameters": 3, "baseline": -98.0}, False, "baseline", 2.0, "em_of_smaller_family"),
        ({"is_baseline": True}, False, "own", 0.0, "no_draw_exceeds_em"),
        ({"is_baseline": True, "draw": -99.0}, True, "draw", 1.0, "draw_exceeds_em"),
    ],
)
def test_what_is_known_of_maxima(changes, known, whose, gain, code):
    found = replace(BEST, **changes)
    assert (found.known, found.whose, found.finding.code) == (known, whose, code)
    assert found.gain == pytest.approx(gain)
    # Of what is not there JSON has null.
    assert json.loads(json.dumps(found.to_json()))["baseline"] in (found.baseline, None)


# ------------------------------------------------------------ the tables


@pytest.fixture(scope="module")
def other(faithful_fit):
    """A fit of scikit-learn's with its components the other way round, and the comparison with it."""
    X = faithful_fit.rows_.values
    gm = theirs(X, 2, means_init=faithful_fit.em_.means_[::-1], random_state=0)
    assert gm.weights_[0] < gm.weights_[1]
    return gm, compare(faithful_fit, em=gm)


def test_components_are_those_of_the_posterior_that_they_share_rows_with(other, faithful_fit):
    gm, result = other
    assert_allclose(result.em.means_, gm.means_[::-1], rtol=1e-12)
    assert_allclose(result.em.params_.means, faithful_fit.em_.means_, rtol=1e-2)
    table = result.assignments
    assert np.array_equal(table["em_label"], 1 - gm.predict(faithful_fit.rows_.values))
    assert (table["em_label"] == table["bayes_label"]).mean() > 0.98


def test_every_table_is_of_the_given_fit(other, faithful_fit):
    gm, result = other
    X = faithful_fit.rows_.values
    em = result.parameters["em"]
    assert em["weights[0]"] == pytest.approx(gm.weights_[1])
    assert em["means[1, waiting]"] == pytest.approx(gm.means_[0, 1])
    assert em["stds[1, waiting]"] == pytest.approx(np.sqrt(gm.covariances_[0, 1, 1]))
    volume = np.sqrt(np.linalg.det(gm.covariances_[1]))
    assert result.shapes.loc[(0, "volume"), "em"] == pytest.approx(volume)
    assert result.assignments["em_probability"].to_numpy() == pytest.approx(gm.predict_proba(X).max(axis=1))
    assert result.log_likelihood["em"] == pytest.approx(gm.score_samples(X).sum())
    assert result.joint.distance != compare(faithful_fit).joint.distance
    by_name = {c.name: c for c in result.predictive}
    simulated = by_name["median of waiting"].by_em
    wanted = np.median(np.random.default_rng(0).permutation(gm.sample(200_000)[0][:, 1]))
    assert abs(simulated.mean() - wanted) < 4 * simulated.std() / np.sqrt(len(simulated)) + 0.05


def test_the_baseline_itself_makes_the_comparison_that_is_made_without(faithful_fit):
    default, given = compare(faithful_fit), compare(faithful_fit, em=faithful_fit.em_)
    assert given.sides.is_baseline
    assert default.verdict == given.verdict
    assert default.parameters.equals(given.parameters)


@pytest.mark.parametrize(
    "em", [GaussianMixture(2), "em", MixtureParams([1.0], [[3.0, 70.0]], [np.diag([1.0, 100.0])])]
)
def test_what_cannot_be_held_against_the_posterior_is_refused(em, faithful_fit):
    with pytest.raises(ParameterError) as e:
        compare(faithful_fit, em=em)
    assert {"type", "what"} & set(e.value.details)


# ------------------------------------------------------------ intervals


def test_intervals_have_the_mass_that_is_asked_for(faithful_fit):
    result = compare(faithful_fit, ci_prob=0.5)
    table = result.parameters
    draws = faithful_fit.fit_.draws.means[:, :, 1, 0].ravel()
    assert_allclose(
        table.loc["means[1, eruptions]", ["lower", "upper"]].astype(float), np.quantile(draws, [0.25, 0.75])
    )
    assert_allclose(
        result.log_likelihood[["lower", "upper"]],
        np.quantile(faithful_fit.log_likelihood_draws_, [0.25, 0.75]),
    )
    intervals = faithful_fit.memberships(ci_prob=0.5)
    at = np.arange(272), result.assignments["em_label"]
    assert_allclose(result.assignments["lower"], intervals.lower[at], atol=1e-12)
    covariances = faithful_fit.fit_.draws.covariances[:, :, 0].reshape(-1, 2, 2)
    volumes = np.sqrt(np.linalg.det(covariances))
    assert_allclose(
        result.shapes.loc[(0, "volume"), ["lower", "upper"]].astype(float), np.quantile(volumes, [0.25, 0.75])
    )
    assert (result.ci_prob, result.joint.ci_prob) == (0.5, 0.5)
    assert result.joint.inside == (result.joint.share < 0.5)
    about = next(f for f in result.findings if f.code == "estimates").values
    assert (about["ci_prob"], about["inside"]) == (0.5, int(table["inside"].sum()))
    # A normal posterior's quartiles lie two thirds of its sd from the middle.
    spread = (table["upper"] - table["lower"]) / table["sd"]
    assert spread.median() == pytest.approx(2 * stats.norm.ppf(0.75), abs=0.1)


@pytest.mark.parametrize("ci_prob", [0, 1, 95, np.nan, True, "0.95"])
def test_masses_that_are_none_are_refused(ci_prob, faithful_fit):
    for ask in (
        lambda: Sides.of(faithful_fit, ci_prob=ci_prob),
        lambda: faithful_fit.memberships(ci_prob=ci_prob),
    ):
        with pytest.raises(ParameterError) as e:
            ask()
        assert e.value.details["name"] == "ci_prob"


# ------------------------------------------------------------ for programs


def test_json_has_the_given_fit_and_what_is_known(other, faithful_fit, tmp_path):
    gm, result = other
    path = write_report(
        faithful_fit, tmp_path / "a.json", format="json", comparison=result, progressbar=False
    )
    found = json.loads(path.read_text("utf-8"))
    assert found["better_maximum"] == json.loads(json.dumps(result.better_maximum.to_json()))
    assert found["compared_em"]["is_baseline"] is False
    assert_allclose(found["compared_em"]["means"], gm.means_[::-1], rtol=1e-12)
    assert found["ci_prob"] == 0.95


# ------------------------------------------------------------ three components, weights and units


def laplace(X, k, **more):
    bayes = BayesGaussianMixture(k, method="laplace", draws=300, chains=2, random_state=0, progressbar=False)
    return bayes.fit(X, **more)


@pytest.fixture(scope="module")
def three():
    """Rows of three clusters far apart, and their posterior."""
    rng = np.random.default_rng(3)
    X = np.concatenate([rng.normal(c, 1, (n, 2)) for c, n in ((0, 60), (20, 40), (40, 20))])
    return X, laplace(X, 3)


@pytest.mark.parametrize("order", [[0, 1, 2], [1, 2, 0], [2, 0, 1], [1, 0, 2]])
def test_components_in_a_circle_are_matched_as_well(order, three):
    """An order of three that is not its own inverse."""
    _, bayes = three
    result = compare(bayes, em=bayes.em_.params_.permuted(order))
    assert_allclose(result.em.means_, bayes.em_.means_)


def test_with_row_weights_the_given_fit_is_held_against_the_same_maximum(three):
    X, _ = three
    weights = np.arange(len(X)) % 3 + 0.5
    bayes = laplace(X, 3, sample_weight=weights)
    own = EMGaussianMixture(3, random_state=5).fit(X, sample_weight=weights)
    found = compare(bayes, em=own).better_maximum
    assert found.reached == pytest.approx(bayes.em_.log_likelihood_, rel=1e-9)
    assert found.finding.code == "highest_maximum_known"


@pytest.mark.parametrize("unit", [1.0, 1e8, 1e-8])
def test_what_is_found_does_not_depend_on_units(unit, three):
    X, _ = three
    bayes = laplace(X * unit, 3)
    q = bayes.em_.params_
    means = q.means.copy()
    means[0, 0] += 0.02 * q.stds[0, 0]
    given = compare(bayes, em=MixtureParams(q.weights, means, q.covariances))
    assert given.better_maximum.finding.code == "maximum_not_reached"
    assert given.better_maximum.gain == pytest.approx(60 * 0.02**2 / 2, rel=0.3)
    assert not given.em.converged_


def test_a_setting_that_was_changed_after_the_fit_is_not_believed(three):
    X, bayes = three
    em = EMGaussianMixture(3, covariance_type="diag", random_state=0).fit(X)
    em.set_params(covariance_type="full")
    assert compare(bayes, em=em).better_maximum.finding.code == "em_of_smaller_family"
