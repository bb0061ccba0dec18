"""Where every start of EM collapses there is no maximum-likelihood estimate, and the posterior is had all the
same, with a sentence on both."""

import warnings
from functools import cache
from types import SimpleNamespace

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.exceptions import ConvergenceWarning

from bayesgmm import (
    BayesGaussianMixture,
    EMGaussianMixture,
    Prior,
    compare,
    datasets,
    load,
    save,
    write_report,
)
from bayesgmm.cli.text import show_fit
from bayesgmm.em.baseline import baseline
from bayesgmm.em.unbounded import FLOOR, NoMaximum, kept_from_collapse, mark, no_maximum_of
from bayesgmm.errors import ColumnWarning, DataError, DegenerateFitError
from bayesgmm.posterior.unbounded import about_no_maximum
from bayesgmm.report.machine import numbers
from bayesgmm.rows.rows import Rows
from bayesgmm.support.clock import Clock

SETTINGS = {"draws": 100, "chains": 2, "repeats": 0, "random_state": 0, "progressbar": False}
# What is said of EM as if it were a standard, and not said here.
OF_A_MAXIMUM = {"estimates", "draw_exceeds_em", "no_draw_exceeds_em", "rows_left_out", "spurious_maximum"}


def normal(*shape, mean=0.0):
    return np.random.default_rng(0).normal(mean, 1.0, shape)


def with_zeros():
    X = normal(150, 2, mean=3.0)
    X[:60, 0] = 0.0
    return X


def censored():
    X = normal(150, 2, mean=3.0)
    X[:, 1] = np.minimum(X[:, 1], 3.5)
    return X


DATA = {
    "ten rows": (normal(10, 3), 3),
    "zeros": (np.concatenate([np.zeros(60), normal(140, mean=4.0)])[:, None], 2),
    "two tied groups": (np.repeat([0.0, 1.0], [60, 80])[:, None], 2),
    "40 % zeros": (with_zeros(), 2),
    "censored": (censored(), 2),
}


@cache
def fit_of(name):
    X, k = DATA[name]
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        bayes = BayesGaussianMixture(k, **SETTINGS).fit(X)
    told = [w for w in told if w.category is not ColumnWarning]
    return SimpleNamespace(X=X, k=k, bayes=bayes, told=told)


@pytest.fixture(params=DATA)
def fitted(request):
    return fit_of(request.param)


def test_the_posterior_is_had_and_it_is_said_that_em_has_no_maximum(fitted, golden):
    bayes, found = fitted.bayes, fitted.bayes.fit_.no_maximum
    assert found.code == "no_maximum"
    assert found.values["k"] == fitted.k
    assert found.values["of_baseline"]
    assert found.values["unbounded_by"] == ""
    assert found.values["n_starts"] > 1
    assert np.isfinite(bayes.log_likelihood_draws_).all()
    assert bayes.membership_.shape == (len(fitted.X), fitted.k)
    assert [(w.category, str(w.message)) for w in fitted.told] == [(ConvergenceWarning, str(found))]
    assert str(found) in str(bayes)
    golden(found)


def test_em_is_no_standard(fitted):
    result = compare(fitted.bayes)
    codes = [finding.code for finding in result.findings]
    assert codes[: codes.index("no_maximum")] == ["data_not_described"] * (result.misfit is not None)
    assert not OF_A_MAXIMUM & set(codes)
    assert {"log_likelihoods_beside", "rows_left_out_of_posterior"} <= set(codes)
    assert not result.better_maximum.known
    assert str(result.no_maximum) in result.verdict
    assert result.parameters["em_se"].isna().all()
    assert np.isfinite(result.scores.elpd)


def test_a_report_says_it_first(fitted, tmp_path):
    bayes = fitted.bayes
    said = bayes.fit_.no_maximum.sentence("page")
    content = numbers(bayes, compare(bayes))
    assert content["summary"]["points"][0] == said
    assert content["em"]["no_maximum"] == bayes.fit_.no_maximum.to_json()
    page = write_report(bayes, tmp_path / "page.html", progressbar=False, interactive=False)
    assert said.split(":")[0] in page.read_text("utf-8")


def test_a_file_keeps_the_mark(fitted, tmp_path):
    again = load(save(fitted.bayes, tmp_path / "fit.nc"))
    assert again.em_.no_maximum_ == fitted.bayes.em_.no_maximum_
    assert again.fit_.no_maximum == fitted.bayes.fit_.no_maximum
    assert again.em_.reg_covar == fitted.bayes.em_.reg_covar == FLOOR


def test_the_console_says_it(capsys):
    fitted = fit_of("zeros")
    show_fit(fitted.bayes, compare(fitted.bayes))
    assert str(fitted.bayes.fit_.no_maximum) in " ".join(capsys.readouterr().out.split())


def test_an_em_fit_of_the_users_own_is_no_standard_either():
    fitted = fit_of("zeros")
    result = compare(fitted.bayes, em=fitted.bayes.em_.params_)
    assert not result.no_maximum.values["of_baseline"]
    assert not OF_A_MAXIMUM & {finding.code for finding in result.findings}


@pytest.mark.filterwarnings("ignore::bayesgmm.errors.ColumnWarning")
def test_em_by_itself_refuses_as_before():
    X, k = DATA["zeros"]
    for estimator in (EMGaussianMixture(k), BayesGaussianMixture(k, em=EMGaussianMixture(k), **SETTINGS)):
        with pytest.raises(DegenerateFitError) as caught:
            estimator.fit(X)
        assert caught.value.details["n_held"] == 60


def test_data_that_no_mixture_can_be_fitted_to_are_refused_as_before():
    X = normal(50, 2)
    for column in (np.ones(50), 2 * X[:, 0]):
        with pytest.raises(DataError):
            BayesGaussianMixture(2, **SETTINGS).fit(np.column_stack([X[:, 0], column]))


def em_of(X, k, family="full"):
    return baseline(None, Rows.of(X), k, family, np.random.SeedSequence(0), 1)


@pytest.mark.filterwarnings("ignore::bayesgmm.errors.ColumnWarning")
@pytest.mark.parametrize("name", DATA)
def test_the_floor_does_not_depend_on_units(name):
    X, k = DATA[name]
    here, there = em_of(X, k), em_of(1e6 * X - 1e3, k)
    assert_allclose(there.params_.means, 1e6 * here.params_.means - 1e3, rtol=1e-6, atol=1.0)
    assert_allclose(there.params_.stds, 1e6 * here.params_.stds, rtol=1e-5)


@pytest.mark.filterwarnings("ignore::bayesgmm.errors.ColumnWarning")
@pytest.mark.parametrize(("family", "within"), [("tied_corr", "diag"), ("full", "full")])
def test_families_that_take_no_floor_begin_within_themselves(family, within):
    em = em_of(*DATA["40 % zeros"], family)
    assert em.covariance_type == family
    assert no_maximum_of(em).family == within
    assert em.params_.stds.min() < 0.05


@pytest.mark.filterwarnings("ignore::bayesgmm.errors.ColumnWarning")
def test_a_new_fit_of_the_estimator_takes_the_mark_off():
    em = em_of(*DATA["zeros"])
    assert isinstance(no_maximum_of(em), NoMaximum)
    em.fit(normal(200, 1))
    assert no_maximum_of(em) is None


def test_a_maximum_that_the_floor_has_no_part_in_is_an_ordinary_one():
    X = datasets.faithful().X
    error = DegenerateFitError("", onto="", n_starts=1, n_held=1, by_correlations=False)
    found = kept_from_collapse(
        error, EMGaussianMixture(2, cores=1), Rows.of(X), np.random.SeedSequence(0), Clock(None)
    )
    assert no_maximum_of(found) is None
    assert_allclose(found.log_likelihood_, EMGaussianMixture(2, random_state=0).fit(X).log_likelihood_)


@pytest.mark.parametrize(
    ("std_prior", "by_correlations", "n_held", "wanted"),
    [
        (("inversegamma", 4.0, 2.0), False, 60, ""),
        (("lognormal", 0.0, 1.0), False, 60, ""),
        (("halfnormal", 1.0), False, 60, "stds"),
        (("exponential", 1.0), False, 2, "stds"),
        (("halfcauchy", 1.0), False, 1, ""),
        (("gamma", 30.0, 1.0), False, 20, ""),
        (("gamma", 30.0, 1.0), False, 60, "stds"),
        (("inversegamma", 4.0, 2.0), True, 60, "correlations"),
        (("inversegamma", 4.0, 2.0), True, 2, ""),
    ],
)
def test_whether_the_prior_bounds_the_posterior(std_prior, by_correlations, n_held, wanted):
    em = EMGaussianMixture(2, random_state=0).fit(datasets.faithful().X)
    mark(em, NoMaximum(20, "some rows", n_held, by_correlations, "full", FLOOR))
    prior = Prior(mean_loc=0.0, mean_scale=1.0, std_prior=std_prior).resolve(2, 2, "full")
    found = about_no_maximum(em, prior, of_baseline=False)
    assert found.values["unbounded_by"] == wanted


@pytest.mark.filterwarnings("ignore::bayesgmm.errors.ColumnWarning")
@pytest.mark.parametrize(("family", "wanted"), [("full", True), ("diag", False), ("tied_corr", False)])
def test_equal_rows_leave_correlations_free(family, wanted):
    X = np.concatenate([np.zeros((60, 2)), normal(140, 2, mean=4.0)])
    assert no_maximum_of(em_of(X, 2, family)).by_correlations == wanted


@pytest.mark.filterwarnings("ignore::bayesgmm.errors.ColumnWarning")
def test_a_line_of_rows_leaves_correlations_free_and_a_constant_column_does_not():
    X = normal(150, 2, mean=3.0)
    X[:100, 1] = X[:100, 0]
    X[100:] += 6.0
    assert no_maximum_of(em_of(X, 2)).by_correlations
    assert not no_maximum_of(em_of(with_zeros(), 2)).by_correlations
