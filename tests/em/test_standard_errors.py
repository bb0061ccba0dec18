"""Standard errors against formulas, a Hessian typed out, simulation, and each other."""

import itertools
import warnings

import numpy as np
import pandas as pd
import pytest
from covariance_families import AVERAGED
from examples import random_mixture
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import logsumexp
from scipy.stats import multivariate_normal
from sklearn.exceptions import ConvergenceWarning

from bayesgmm import EMGaussianMixture, MixtureParams, datasets
from bayesgmm.em.bootstrap import align
from bayesgmm.em.holding import hold_params
from bayesgmm.em.problem import Problem
from bayesgmm.errors import DataError, DegenerateFitError, ParameterError
from bayesgmm.mixture import density
from bayesgmm.mixture.draws import MixtureDraws
from bayesgmm.mixture.families import family_of

SEPARATED = MixtureParams(
    [0.6, 0.4],
    [[0.0, 0.0], [6.0, 4.0]],
    [[[1.0, 0.5], [0.5, 1.0]], [[0.5, -0.3], [-0.3, 1.2]]],
)
OVERLAPPING = MixtureParams(
    [0.65, 0.35], [[0.0, 0.0], [2.5, 1.0]], [[[1.0, 0.5], [0.5, 1.0]], [[0.5, -0.3], [-0.3, 1.2]]]
)


def simulated(params, n, seed):
    return density.simulate(params, n, np.random.default_rng(seed))[0]


def flat(errors):
    """Everything that the family leaves free, in one array."""
    i, j = np.triu_indices(errors.means.shape[1], 1)
    return np.concatenate(
        [errors.weights, errors.means.ravel(), errors.stds.ravel(), errors.correlations[:, i, j].ravel()]
    )


@pytest.fixture(scope="module")
def faithful():
    X = datasets.faithful().X
    return X, EMGaussianMixture(2, tol=1e-13, random_state=0).fit(X)


# --- one component: formulas
# -----------------------------------------------------------------------------------


@pytest.mark.parametrize("covariance_type", ["full", "tied"])
def test_of_one_component_they_are_the_textbooks(covariance_type):
    X = simulated(random_mixture(np.random.default_rng(1), 1, 3), 500, 2) * [1.0, 50.0, 1e-3]
    em = EMGaussianMixture(1, covariance_type=covariance_type, random_state=0).fit(X)
    errors = em.standard_errors(X)
    sd, r = X.std(axis=0), np.corrcoef(X, rowvar=False)
    assert_allclose(errors.means[0], sd / np.sqrt(500), rtol=1e-8)
    assert_allclose(errors.stds[0], sd / np.sqrt(1000), rtol=1e-8)
    assert_allclose(errors.correlations[0], (1 - r**2) / np.sqrt(500), rtol=1e-8, atol=1e-12)
    assert_array_equal(errors.weights, [0.0])


def test_of_one_diagonal_and_one_spherical_component_they_are_the_textbooks():
    X = simulated(random_mixture(np.random.default_rng(1), 1, 3), 500, 2) * [1.0, 3.0, 0.5]
    diag = EMGaussianMixture(1, covariance_type="diag", random_state=0).fit(X).standard_errors(X)
    assert_allclose(diag.stds[0], X.std(axis=0) / np.sqrt(1000), rtol=1e-8)
    spherical = EMGaussianMixture(1, covariance_type="spherical", random_state=0).fit(X).standard_errors(X)
    sd = np.sqrt(X.var(axis=0).mean())
    assert_allclose(spherical.means[0], np.full(3, sd / np.sqrt(500)), rtol=1e-8)
    # Three features estimate one standard deviation.
    assert_allclose(spherical.stds[0], np.full(3, sd / np.sqrt(2 * 500 * 3)), rtol=1e-8)
    assert not diag.correlations.any() and not spherical.correlations.any()


# --- two components: the Hessian by natural parameters
# ----------------------------------------------------------


def covariance_2d(a, b, r):
    return np.array([[a * a, r * a * b], [r * a * b, b * b]])


# Natural parameters: the first weight, the four means, then what the family has; and how to read them.
NATURAL = {
    "full": lambda v: [covariance_2d(v[5], v[6], v[9]), covariance_2d(v[7], v[8], v[10])],
    "tied": lambda v: [covariance_2d(v[5], v[6], v[7])] * 2,
    "diag": lambda v: [np.diag(v[5:7] ** 2), np.diag(v[7:9] ** 2)],
    "spherical": lambda v: [v[5] ** 2 * np.eye(2), v[6] ** 2 * np.eye(2)],
    "tied_diag": lambda v: [np.diag(v[5:7] ** 2)] * 2,
    "tied_spherical": lambda v: [v[5] ** 2 * np.eye(2)] * 2,
}


def natural_values(p, covariance_type):
    s, r = p.stds, [(c / np.sqrt(np.outer(np.diag(c), np.diag(c))))[0, 1] for c in p.covariances]
    rest = {
        "full": [*s.ravel(), *r],
        "tied": [*s[0], r[0]],
        "diag": s.ravel(),
        "spherical": s[:, 0],
        "tied_diag": s[0],
        "tied_spherical": s[0, :1],
    }[covariance_type]
    return np.array([p.weights[0], *p.means.ravel(), *rest])


def natural_log_likelihood(X, v, covariance_type):
    weights = v[0], 1 - v[0]
    covariances = NATURAL[covariance_type](v)
    terms = [
        np.log(weights[k]) + multivariate_normal(v[1 + 2 * k : 3 + 2 * k], covariances[k]).logpdf(X)
        for k in (0, 1)
    ]
    return logsumexp(terms, axis=0).sum()


def second_differences(f, x, h):
    """Hessian from function values alone; errors of order h^2 are extrapolated away."""

    def plain(h):
        H = np.empty((len(x), len(x)))
        for i, j in itertools.combinations_with_replacement(range(len(x)), 2):
            a, b = np.eye(len(x))[i] * h[i], np.eye(len(x))[j] * h[j]
            value = f(x + a + b) - f(x + a - b) - f(x - a + b) + f(x - a - b)
            H[i, j] = H[j, i] = value / (4 * h[i] * h[j])
        return H

    return (4 * plain(h) - plain(2 * h)) / 3


def natural_errors(X, p, covariance_type):
    x = natural_values(p, covariance_type)
    step = np.full(len(x), 2e-3)
    H = second_differences(lambda v: natural_log_likelihood(X, v, covariance_type), x, step)
    return np.sqrt(np.diag(np.linalg.inv(-H)))


@pytest.mark.parametrize("covariance_type", AVERAGED)
def test_information_equals_the_hessian_by_natural_parameters(covariance_type):
    X = simulated(OVERLAPPING, 500, 3)
    em = EMGaussianMixture(2, covariance_type=covariance_type, tol=1e-13, random_state=0).fit(X)
    errors = em.standard_errors(X)
    wanted = natural_errors(X, em.params_, covariance_type)
    got = {
        "full": [*errors.stds.ravel(), *errors.correlations[:, 0, 1]],
        "tied": [*errors.stds[0], errors.correlations[0, 0, 1]],
        "diag": errors.stds.ravel(),
        "spherical": errors.stds[:, 0],
        "tied_diag": errors.stds[0],
        "tied_spherical": errors.stds[0, :1],
    }[covariance_type]
    assert_allclose([errors.weights[0], *errors.means.ravel(), *got], wanted, rtol=1e-5)
    assert_allclose(errors.weights[1], errors.weights[0], rtol=1e-9)
    if covariance_type.startswith("tied"):
        assert_allclose(errors.stds[1], errors.stds[0], rtol=1e-9)


# --- truth by simulation
# ----------------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_estimates_of_simulated_data_spread_as_information_says():
    n, replications, large = 800, 400, 50_000
    precisions = np.linalg.inv(SEPARATED.covariances)
    settings = {
        "weights_init": SEPARATED.weights,
        "means_init": SEPARATED.means,
        "precisions_init": precisions,
        "cores": 1,
    }
    estimates = []
    for seed in range(replications):
        p = EMGaussianMixture(2, **settings).fit(simulated(SEPARATED, n, seed)).params_
        r = p.covariances[:, 0, 1] / p.stds.prod(axis=1)
        estimates.append(np.concatenate([p.weights, p.means.ravel(), p.stds.ravel(), r]))
    X = simulated(SEPARATED, large, 10_000)
    said = flat(EMGaussianMixture(2, **settings).fit(X).standard_errors(X)) * np.sqrt(large / n)
    ratio = np.std(estimates, axis=0, ddof=1) / said
    # The relative error of a standard deviation from R values is 1 / sqrt(2 R): 3.5 % here.
    error = 1 / np.sqrt(2 * replications)
    assert error < 0.04
    assert np.abs(ratio - 1).max() < 4 * error
    # Eleven nearly independent ratios: their mean is three times as exact.
    assert abs(ratio.mean() - 1) < 4 * error / 3


# --- bootstrap
# --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["bootstrap", "parametric"])
@pytest.mark.parametrize("covariance_type", AVERAGED)
def test_bootstrap_agrees_with_information_where_data_are_many(method, covariance_type):
    truth = MixtureParams([0.6, 0.4], SEPARATED.means, [1.0 * np.eye(2), 1.0 * np.eye(2)])
    X = simulated(SEPARATED if covariance_type == "full" else truth, 3000, 5)
    em = EMGaussianMixture(2, covariance_type=covariance_type, cores=1, random_state=0).fit(X)
    information = em.standard_errors(X)
    errors = em.standard_errors(X, method=method, n_bootstrap=300, random_state=0)
    assert (errors.n_replications, errors.n_failed, errors.alignment) == (300, 0, 1.0)
    free = flat(information) > 0
    assert_array_equal(flat(errors) > 0, free)
    error = 1 / np.sqrt(2 * 300)
    assert error < 0.05
    # What the rows' own sampling adds to the nonparametric bootstrap, a few per cent, is within the fourth
    # error.
    assert np.abs(flat(errors)[free] / flat(information)[free] - 1).max() < 4.5 * error


def test_only_the_parametric_bootstrap_believes_in_the_normal_distribution():
    X = np.random.default_rng(3).uniform(size=(2000, 1))
    em = EMGaussianMixture(1, random_state=0).fit(X)
    sd, n, r = X.std(), len(X), 400
    kurtosis = np.mean((X - X.mean()) ** 4) / sd**4
    error = 1 / np.sqrt(2 * r)
    resampled = em.standard_errors(X, method="bootstrap", n_bootstrap=r, random_state=0)
    believing = em.standard_errors(X, method="parametric", n_bootstrap=r, random_state=0)
    # Variance of a standard deviation: sd^2 (kurtosis - 1) / (4 N); the kurtosis of a normal distribution is
    # 3.
    assert abs(resampled.stds[0, 0] / (sd * np.sqrt((kurtosis - 1) / (4 * n))) - 1) < 4 * error
    assert abs(believing.stds[0, 0] / (sd / np.sqrt(2 * n)) - 1) < 4 * error
    assert resampled.stds[0, 0] < 0.8 * believing.stds[0, 0]


def test_bootstrap_counts_weights_as_rows():
    X = simulated(SEPARATED, 600, 6)
    w = np.random.default_rng(0).integers(0, 4, 600)
    em = EMGaussianMixture(2, random_state=0).fit(X, sample_weight=w)
    for method in ("bootstrap", "parametric"):
        weighted = em.standard_errors(X, w, method=method, n_bootstrap=400, random_state=1)
        repeated = em.standard_errors(np.repeat(X, w, axis=0), method=method, n_bootstrap=400, random_state=2)
        # Two independent spreads, each with a relative error of 1 / sqrt(800).
        assert np.abs(flat(weighted) / flat(repeated) - 1).max() < 4.5 * np.sqrt(2 / 800)


def test_one_seed_gives_one_result(faithful):
    X, em = faithful
    first, again, other = (
        flat(em.standard_errors(X, method="bootstrap", n_bootstrap=20, random_state=s)) for s in (7, 7, 8)
    )
    assert_array_equal(first, again)
    assert np.abs(first / other - 1).max() > 0.01


def test_names_that_the_data_do_not_settle_lower_the_alignment():
    # One normal cloud and four components: nothing tells them apart.
    X = np.random.default_rng(8).normal(size=(150, 1))
    em = EMGaussianMixture(4, covariance_type="tied", random_state=0).fit(X)
    errors = em.standard_errors(X, method="bootstrap", n_bootstrap=60, random_state=0)
    assert 0 < errors.alignment < 1
    assert errors.n_replications + errors.n_failed == 60


def test_matching_finds_the_best_names_and_its_runner_up():
    rng = np.random.default_rng(4)
    for _ in range(20):
        reference, other = (random_mixture(rng, 4, 2, spread=0.7) for _ in range(2))
        X = simulated(reference, 100, rng.integers(1000))
        w = rng.uniform(0, 2, 100)
        problem = Problem(X, w, family_of("full"), 1e-6, 1)
        overlap = (density.responsibilities(X, reference) * w[:, None]).T @ density.responsibilities(X, other)
        ranked = sorted(
            itertools.permutations(range(4)), key=lambda o: -sum(overlap[k, o[k]] for k in range(4))
        )
        best, second = (sum(overlap[k, o[k]] for k in range(4)) for o in ranked[:2])
        aligned, certain = align(other, reference, problem)
        assert_array_equal(aligned.means, other.means[list(ranked[0])])
        assert certain == (best - second > 0.02 * w.sum())
        assert_array_equal(
            align(reference.permuted([2, 0, 3, 1]), reference, problem)[0].means, reference.means
        )


# --- units, weights, names
# --------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["information", "bootstrap", "parametric"])
def test_they_scale_with_the_units(faithful, method):
    X, em = faithful
    scale = np.array([1e6, 1e-6])
    other = EMGaussianMixture(2, tol=1e-13, random_state=0).fit(X * scale + [5.0, 0.0])
    small, large = (
        e.standard_errors(Y, method=method, n_bootstrap=10, random_state=0)
        for e, Y in ((em, X), (other, X * scale + [5.0, 0.0]))
    )
    # The two runs stop within rounding of each other only.
    assert_allclose(large.means, small.means * scale, rtol=1e-5)
    assert_allclose(large.stds, small.stds * scale, rtol=1e-5)
    assert_allclose(large.weights, small.weights, rtol=1e-5)
    assert_allclose(large.correlations, small.correlations, rtol=1e-5)


def test_a_common_scale_changes_spherical_components_by_that_scale(faithful):
    X, _ = faithful
    fits = [
        EMGaussianMixture(2, covariance_type="spherical", tol=1e-13, random_state=0).fit(X * s)
        for s in (1, 1e6)
    ]
    small, large = (em.standard_errors(X * s) for em, s in zip(fits, (1, 1e6), strict=True))
    assert_allclose(large.stds, small.stds * 1e6, rtol=1e-5)


def test_a_row_of_weight_three_equals_three_rows():
    X = simulated(OVERLAPPING, 400, 9)
    w = np.random.default_rng(1).integers(0, 4, 400)
    em = EMGaussianMixture(2, random_state=0).fit(X, sample_weight=w)
    weighted, repeated = em.standard_errors(X, w), em.standard_errors(np.repeat(X, w, axis=0))
    assert_allclose(flat(weighted), flat(repeated), rtol=1e-8)


def test_ten_times_the_data_give_a_tenth_of_the_variance(faithful):
    X, em = faithful
    w = np.full(len(X), 10.0)
    ten = EMGaussianMixture(2, tol=1e-13, random_state=0).fit(X, sample_weight=w)
    assert_allclose(flat(ten.standard_errors(X, w)), flat(em.standard_errors(X)) / np.sqrt(10), rtol=1e-5)


def test_the_table_is_labelled_as_the_posterior_is():
    frame = datasets.faithful().frame[["eruptions", "waiting"]]
    em = EMGaussianMixture(2, random_state=0).fit(frame)
    errors, p = em.standard_errors(frame), em.params_
    wanted = MixtureDraws.single(p, "full")
    assert list(errors.table.index) == [q.label(list(frame.columns)) for q in wanted.parameters]
    assert_allclose(errors.table.estimate, wanted.parameter_values[0, 0], rtol=1e-12)
    assert_array_equal(errors.table.standard_error, flat(errors))
    assert errors.table.standard_error["means[0, waiting]"] == errors.means[0, 1]
    assert "means[0, waiting]" in str(errors)


def test_the_table_leaves_out_what_the_family_fixes(faithful):
    X, _ = faithful
    table = EMGaussianMixture(2, covariance_type="diag", random_state=0).fit(X).standard_errors(X).table
    assert list(table.index[:4]) == ["weights[0]", "weights[1]", "means[0, x0]", "means[0, x1]"]
    assert not table.index.str.startswith("correlations").any()
    assert (table.standard_error > 0).all()


def test_names_are_those_of_fit(faithful):
    X, _ = faithful
    em = EMGaussianMixture(2, random_state=0).fit(pd.DataFrame(X, columns=["a", "b"]))
    with pytest.warns(UserWarning, match="feature names"):
        table = em.standard_errors(X).table
    assert "stds[1, b]" in table.index


# --- failures
# ---------------------------------------------------------------------------------------------------


def test_two_copies_of_one_component_have_no_standard_errors(golden):
    X = simulated(SEPARATED, 200, 11)
    start = {
        "weights_init": [0.5, 0.5],
        "means_init": np.tile(X.mean(axis=0), (2, 1)),
        "precisions_init": [np.eye(2)] * 2,
    }
    with pytest.warns(ConvergenceWarning, match="saddle"):
        em = EMGaussianMixture(2, **start).fit(X)
    with pytest.raises(DegenerateFitError) as info:
        em.standard_errors(X)
    golden(info.value, hide=[r"-\S+(?=, so)"])
    assert info.value.details["eigenvalue"] < 0


def test_other_rows_than_those_of_fit_are_refused(faithful, golden):
    X, em = faithful
    for method in ("information", "bootstrap"):
        with golden.raises(DataError, log_likelihood=pytest.approx(em.score_samples(X[:-1]).sum())):
            em.standard_errors(X[:-1], method=method)
    with pytest.raises(DataError, match="not what the estimate was made of"):
        em.standard_errors(X, np.full(len(X), 2.0))


def test_an_estimate_that_is_no_maximum_is_refused(golden):
    X = simulated(OVERLAPPING, 500, 3)
    em = EMGaussianMixture(2, random_state=0).fit(X)
    # As an EM run leaves it that stopped half a standard error too early.
    p, away = em.params_, np.zeros((2, 2))
    away[1, 0] = 0.5 * em.standard_errors(X).means[1, 0]
    hold_params(em, MixtureParams(p.weights, p.means + away, p.covariances))
    em.log_likelihood_ = em.score_samples(X).sum()
    with pytest.raises(DataError) as info:
        em.standard_errors(X)
    golden(info.value, hide=[r"-?\d+\.\d+(e-\d+)?"])
    # No less than the half that one parameter alone is off, and more where it is tied to others.
    assert 0.45 < info.value.details["distance"] < 2


def test_a_covariance_at_the_floor_is_refused():
    X = np.random.default_rng(0).normal(size=(5, 8))
    with pytest.warns(UserWarning, match="collinear, or nearly so, within its 5 rows"):
        em = EMGaussianMixture(1, random_state=0).fit(X)
    with pytest.raises(DegenerateFitError) as info:
        em.standard_errors(X)
    assert info.value.details == {"reg_covar": 0.0}


def outliers(n):
    rng = np.random.default_rng(0)
    return np.concatenate([rng.normal(size=(100, 2)), rng.normal(size=(n, 2)) + 20])


def test_replications_that_fail_are_counted_and_left_out():
    X = outliers(7)
    em = EMGaussianMixture(2, random_state=0).fit(X)
    errors = em.standard_errors(X, method="bootstrap", n_bootstrap=100, random_state=0)
    # With 7 rows on average, fewer than 3 distinct ones are drawn in some 3 % of the replications.
    assert 0 < errors.n_failed < 30
    assert errors.n_replications == 100 - errors.n_failed
    assert np.isfinite(flat(errors)).all()


def test_a_bootstrap_that_mostly_fails_is_refused(golden):
    X = outliers(3)
    em = EMGaussianMixture(2, means_init=[[0, 0], [20, 20]], random_state=0).fit(X)
    with pytest.raises(DegenerateFitError) as info:
        em.standard_errors(X, method="bootstrap", n_bootstrap=50, random_state=0)
    failed = info.value.details["n_failed"]
    assert failed > 25
    golden(info.value, hide=[r"^\d+"])


def test_weights_that_sum_to_one_leave_nothing_to_draw(faithful, golden):
    X, _ = faithful
    w = np.full(len(X), 1 / len(X))
    em = EMGaussianMixture(2, random_state=0).fit(X, sample_weight=w)
    with golden.raises(DataError, total_weight=1.0):
        em.standard_errors(X, w, method="bootstrap")


def test_settings_are_checked(faithful):
    X, em = faithful
    with pytest.raises(
        ParameterError, match=r"method must be one of 'information', 'bootstrap', 'parametric'"
    ):
        em.standard_errors(X, method="jackknife")
    with pytest.raises(ParameterError, match="n_bootstrap must be an integer of at least 2; got 1"):
        em.standard_errors(X, method="bootstrap", n_bootstrap=1)


def test_errors_of_components_that_overlap_are_doubted(golden):
    """And rightly: intervals of such data hold the truth less often than they say."""
    X = simulated(OVERLAPPING, 200, 0)
    em = EMGaussianMixture(2, random_state=0).fit(X)
    found = em.standard_errors(X)
    assert found.sure == pytest.approx(em.predict_proba(X).max(axis=1).mean())
    golden(str(found.doubt))
    assert str(found).endswith(str(found.doubt))
    weights = 1.0 + (X[:, 0] > 0)
    weighted = EMGaussianMixture(2, random_state=0).fit(X, sample_weight=weights)
    sure = weighted.standard_errors(X, sample_weight=weights).sure
    assert sure == pytest.approx(np.average(weighted.predict_proba(X).max(axis=1), weights=weights))
    apart = simulated(SEPARATED, 200, 0)
    certain = EMGaussianMixture(2, random_state=0).fit(apart).standard_errors(apart)
    assert certain.doubt is None
    assert str(certain) == certain.table.to_string(float_format=lambda v: f"{v:.4g}")


@pytest.mark.slow
def test_intervals_cover_what_they_say_where_components_are_apart_only():
    """As the documentation has it; 100 data sets of 60 rows."""
    inside = {}
    for truth in (SEPARATED, OVERLAPPING):
        held = []
        for seed in range(100):
            X = simulated(truth, 60, seed)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ConvergenceWarning)
                em = EMGaussianMixture(2, random_state=0).fit(X)
            order = np.argsort(em.means_[:, 0])
            try:
                se = em.standard_errors(X)
            except DegenerateFitError:
                continue
            held.append(abs(em.means_[order] - truth.means) < 1.96 * se.means[order])
        inside[truth] = np.mean(held)
    assert inside[SEPARATED] > 0.9
    assert inside[OVERLAPPING] < 0.8
