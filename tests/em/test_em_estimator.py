"""`EMGaussianMixture` against reference maxima, scikit-learn, and its own promises."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn import config_context
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture as SklearnMixture
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from bayesgmm import EMGaussianMixture, datasets
from bayesgmm.errors import DataError, DegenerateFitError, ParameterError
from bayesgmm.mixture.families import FAMILIES
from bayesgmm.mixture.families import NAMES as FAMILY_NAMES

REFERENCE = json.loads((Path(__file__).parents[1] / "reference" / "em_loglik.json").read_text())["results"]


NAMES = {"faithful": "faithful", "iris_r": "iris", "galaxies_mass": "galaxies"}


def often_found(row):
    """The highest maximum that five or more of the reference's forty random starts have ended in."""
    return max(
        (m["loglik"] for m in row["local_maxima"] if m["hits"] >= 5 and not m["looks_degenerate"]),
        default=None,
    )


@pytest.mark.parametrize(
    "row",
    [r for r in REFERENCE if often_found(r) is not None],
    ids=lambda r: f"{r['dataset']}-{r['K']}-{r['covariance']}",
)
def test_log_likelihood_is_at_least_the_references(row):
    X = datasets.load(NAMES[row["dataset"]]).X
    em = EMGaussianMixture(row["K"], covariance_type=row["covariance"], random_state=0).fit(X)
    assert em.converged_
    assert not em.regularised_
    assert em.log_likelihood_ >= often_found(row) - 1e-4
    assert em.n_parameters() == row["n_parameters"]


@pytest.mark.parametrize(
    "row", [r for r in REFERENCE if r["K"] == 1], ids=lambda r: f"{r['dataset']}-{r['covariance']}"
)
def test_a_single_component_is_the_closed_form(row):
    em = EMGaussianMixture(1, covariance_type=row["covariance"], random_state=0).fit(
        datasets.load(NAMES[row["dataset"]]).X
    )
    assert_allclose(em.log_likelihood_, row["best_non_degenerate_loglik"], atol=1e-4)


def test_the_published_value_of_old_faithful_with_three_equal_covariances():
    em = EMGaussianMixture(3, covariance_type="tied", random_state=0).fit(datasets.load("faithful").X)
    assert_allclose(em.log_likelihood_, -1126.3159, atol=1e-4)


def test_banknotes_reach_what_scikit_learn_reaches_from_many_starts():
    X = datasets.load("banknote").X
    em = EMGaussianMixture(2, random_state=0).fit(X)
    peer = SklearnMixture(2, n_init=40, tol=1e-9, max_iter=5000, reg_covar=0, random_state=0).fit(X)
    assert em.log_likelihood_ >= peer.score(X) * len(X) - 1e-3


@pytest.mark.parametrize("family", ["full", "tied", "diag", "spherical"])
def test_at_the_same_parameters_scikit_learn_agrees(family):
    X = datasets.load("iris").X
    em = EMGaussianMixture(3, covariance_type=family, random_state=0).fit(X)
    peer = SklearnMixture(3, covariance_type=family)
    peer.weights_, peer.means_, peer.covariances_ = em.weights_, em.means_, em.covariances_
    peer.precisions_cholesky_ = em.precisions_cholesky_
    assert_allclose(em.score_samples(X), peer.score_samples(X), rtol=1e-9)
    assert_allclose(em.predict_proba(X), peer.predict_proba(X), atol=1e-9)
    assert_allclose(
        [em.bic(X), em.aic(X), em.score(X)], [peer.bic(X), peer.aic(X), peer.score(X)], rtol=1e-10
    )


def test_log_likelihood_belongs_to_the_returned_parameters():
    X = datasets.load("faithful").X
    em = EMGaussianMixture(3, random_state=0).fit(X)
    assert_allclose(em.score_samples(X).sum(), em.log_likelihood_, rtol=1e-12)
    assert_allclose(em.log_likelihood_trace_[-1], em.log_likelihood_, rtol=1e-12)
    assert em.modes_.log_likelihood[0] == em.log_likelihood_trace_[-1]
    assert_allclose(em.lower_bound_ * len(X), em.log_likelihood_, rtol=1e-12)


@pytest.mark.parametrize("scale", [1e-8, 1e8])
def test_units_do_not_matter(scale):
    X = datasets.load("faithful").X
    em = EMGaussianMixture(2, random_state=0).fit(X)
    other = EMGaussianMixture(2, random_state=0).fit(X * scale)
    assert_allclose(other.weights_, em.weights_, rtol=1e-6)
    assert_allclose(other.means_, em.means_ * scale, rtol=1e-6)
    assert_allclose(other.covariances_, em.covariances_ * scale**2, rtol=1e-5)
    assert_allclose(other.log_likelihood_, em.log_likelihood_ - 2 * len(X) * np.log(scale), rtol=1e-9)


def test_components_stand_in_order_of_weight():
    em = EMGaussianMixture(3, random_state=1).fit(datasets.load("iris").X)
    assert np.all(np.diff(em.weights_) <= 0)


def test_one_seed_gives_one_fit():
    X = datasets.load("galaxies").X
    first, second = (EMGaussianMixture(4, random_state=3).fit(X) for _ in range(2))
    assert np.array_equal(first.means_, second.means_)


def test_weights_of_rows_equal_repeated_rows():
    X = datasets.load("faithful").X
    weights = np.random.default_rng(0).integers(1, 4, size=len(X))
    weighted = EMGaussianMixture(2, random_state=0, tol=1e-12).fit(X, sample_weight=weights)
    repeated = EMGaussianMixture(2, random_state=0, tol=1e-12).fit(np.repeat(X, weights, axis=0))
    assert_allclose(weighted.log_likelihood_, repeated.log_likelihood_, rtol=1e-10)
    assert_allclose(weighted.means_, repeated.means_, rtol=1e-5)


def test_criteria_count_a_row_of_weight_three_as_three():
    X = datasets.load("iris").X
    weights = np.random.default_rng(1).integers(0, 4, len(X))
    em = EMGaussianMixture(2, random_state=0, n_init=5).fit(X)
    repeated = np.repeat(X, weights, axis=0)
    for criterion in (em.score, em.aic, em.bic, em.icl, em.entropy):
        assert_allclose(criterion(X, sample_weight=weights), criterion(repeated), rtol=1e-10)


def test_polars_frames_work_alone_and_in_pipelines():
    X = datasets.load("faithful").X
    frame = pl.DataFrame(X, schema=["a", "b"])
    em = EMGaussianMixture(2, random_state=0, n_init=5).fit(frame)
    assert list(em.feature_names_in_) == ["a", "b"]
    assert_allclose(em.log_likelihood_, -1130.2640, atol=1e-4)
    assert_array_equal(em.predict(frame), em.predict(frame.to_pandas()))
    pipeline = make_pipeline(StandardScaler(), clone(em)).set_output(transform="polars").fit(frame)
    assert list(pipeline[-1].feature_names_in_) == ["a", "b"]
    assert_array_equal(pipeline.predict(frame), em.predict(frame))


def test_weights_are_routed_through_a_pipeline():
    X = datasets.load("faithful").X
    weights = np.random.default_rng(2).integers(0, 3, len(X)).astype(float)
    em = EMGaussianMixture(2, random_state=0, n_init=5)
    with config_context(enable_metadata_routing=True):
        scaler = StandardScaler().set_fit_request(sample_weight=False)
        pipeline = make_pipeline(scaler, clone(em).set_fit_request(sample_weight=True))
        routed = pipeline.fit(X, sample_weight=weights)[-1]
    direct = em.fit(scaler.fit_transform(X), sample_weight=weights)
    assert_allclose(routed.means_, direct.means_, rtol=1e-12)


def test_the_input_is_never_written_to_and_names_are_kept():
    frame = pd.DataFrame(datasets.load("faithful").X, columns=["a", "b"])
    kept = frame.copy()
    em = clone(EMGaussianMixture(2, random_state=0)).fit(frame)
    pd.testing.assert_frame_equal(frame, kept)
    assert list(em.feature_names_in_) == ["a", "b"]


def test_running_out_of_iterations_warns_and_says_so():
    X = datasets.load("iris").X
    with pytest.warns(ConvergenceWarning, match="out of iterations: the log-likelihood was still rising"):
        em = EMGaussianMixture(3, max_iter=4, random_state=0).fit(X)
    assert not em.converged_
    assert em.status_.startswith("out of iterations")


def test_nothing_but_collapsed_components_is_an_error_with_a_remedy():
    X = np.array([[0.0, 0.0], [1.0, 1.0], [5.0, 4.0]])
    with pytest.raises(
        DegenerateFitError, match=r"All 20 starts with n_components=3 .* use fewer components"
    ):
        EMGaussianMixture(3, random_state=0).fit(X)


@pytest.mark.parametrize(
    ("settings", "details"),
    [
        ({"n_components": 0}, {"name": "n_components", "value": 0, "minimum": 1}),
        (
            {"covariance_type": "round"},
            {
                "name": "covariance_type",
                "value": "round",
                "choices": tuple(FAMILY_NAMES),
            },
        ),
        (
            {"init_params": 3},
            {
                "name": "init_params",
                "value": 3,
                "choices": ("auto", "k-means++", "kmeans", "random", "random_from_data", "ward"),
            },
        ),
        ({"reg_covar": -1e-3}, {"name": "reg_covar", "value": -1e-3}),
        ({"means_init": [[1.0]]}, {"name": "means_init", "expected": (1, 2), "shape": (1, 1)}),
        ({"weights_init": [0.5]}, {"total": 0.5}),
        (
            {"precisions_init": [[[1.0, 2.0], [2.0, 1.0]]]},
            {},
        ),
        (
            {"precisions_init": [1.0]},
            {"name": "precisions_init", "expected": (1, 2, 2), "shape": (1,)},
        ),
        (
            {"precisions_init": [[[1.0, 0.9], [0.0, 1.0]]]},
            {},
        ),
        (
            {"precisions_init": [[[np.nan, 0.0], [0.0, 1.0]]]},
            {},
        ),
        ({"means_init": [["a", "b"]]}, {"name": "means_init", "values": [["a", "b"]]}),
        ({"tol": -1.0}, {"name": "tol", "value": -1.0}),
        ({"n_init": True}, {"name": "n_init", "value": True, "minimum": 1}),
    ],
)
def test_unusable_settings(settings, details, golden):
    with golden.raises(ParameterError, **details):
        EMGaussianMixture(**settings).fit(np.random.default_rng(0).normal(size=(9, 2)))


def test_unusable_data_reach_no_kernel():
    X = np.ones((10, 2))
    with pytest.raises(DataError, match="Column 'x0' is constant"):
        EMGaussianMixture(2).fit(X)


def test_sampling_from_the_fit_is_reproducible():
    em = EMGaussianMixture(2, random_state=0).fit(datasets.load("faithful").X)
    rows, labels = em.sample(50)
    again, _ = em.sample(50)
    assert rows.shape == (50, 2)
    assert labels.shape == (50,)
    assert np.array_equal(rows, again)


@parametrize_with_checks([EMGaussianMixture()])
@pytest.mark.filterwarnings("default")
def test_scikit_learns_estimator_checks(estimator, check):
    check(estimator)


@pytest.mark.parametrize("kind", ["k-means++", "kmeans", "random", "random_from_data", "ward"])
def test_every_kind_of_start_finds_two_clear_clusters(kind):
    X = datasets.load("faithful").X
    em = EMGaussianMixture(2, init_params=kind, n_init=5, random_state=0).fit(X)
    assert_allclose(em.log_likelihood_, -1130.2640, atol=1e-3)


def test_a_start_of_the_users_own_is_the_only_one():
    X = datasets.load("faithful").X
    best = EMGaussianMixture(2, random_state=0).fit(X)
    em = EMGaussianMixture(
        2, weights_init=best.weights_, means_init=best.means_, precisions_init=best.precisions_
    ).fit(X)
    assert em.modes_.n_starts.tolist() == [1]
    assert_allclose(em.log_likelihood_trace_[0], best.log_likelihood_, rtol=1e-9)
    assert_allclose(em.means_, best.means_, rtol=1e-5)


def test_warm_start_goes_on_from_the_last_estimate():
    X = datasets.load("iris").X
    em = EMGaussianMixture(3, random_state=0, warm_start=True).fit(X)
    once = em.log_likelihood_
    em.fit(X)
    assert_allclose(em.log_likelihood_trace_[0], once, rtol=1e-10)


def test_a_warm_start_in_another_family_begins_afresh():
    X = datasets.load("iris").X
    em = EMGaussianMixture(3, random_state=0, warm_start=True).fit(X)
    for family in list(FAMILIES)[1:]:
        em.set_params(covariance_type=family).fit(X)
        fresh = EMGaussianMixture(3, covariance_type=family, random_state=0).fit(X)
        assert_allclose(em.log_likelihood_, fresh.log_likelihood_, rtol=1e-8)
        assert_allclose(em.log_likelihood_trace_[-1], em.log_likelihood_, rtol=1e-10)


def test_the_starts_of_the_best_maximum_are_counted():
    X = datasets.load("faithful").X
    em = EMGaussianMixture(2, n_init=6, init_params="k-means++", random_state=0).fit(X)
    assert em.modes_.n_starts.sum() == 6
    assert em.modes_.n_starts.iloc[0] > 1


def test_passes_of_the_short_run_count():
    X = datasets.load("iris").X
    em = EMGaussianMixture(3, n_init=2, init_params="random", max_iter=40, random_state=0)
    with pytest.warns(ConvergenceWarning, match="out of iterations"):
        em.fit(X)
    assert em.n_iter_ == 40
    # The passes after the short run are five at the most.
    assert len(em.log_likelihood_trace_) > 6
    assert np.all(np.diff(em.log_likelihood_trace_) >= -1e-9)


def test_rows_of_weight_zero_take_no_part_whatever_they_hold():
    X = datasets.load("faithful").X
    absurd = np.vstack([X, [[1e200, 0.0]]])
    weights = np.append(np.ones(len(X)), 0.0)
    plain = EMGaussianMixture(2, random_state=0).fit(X)
    em = EMGaussianMixture(2, random_state=0).fit(absurd, sample_weight=weights)
    assert_allclose(em.log_likelihood_, plain.log_likelihood_, rtol=1e-12)
    assert_allclose(em.bic(absurd, weights), plain.bic(X), rtol=1e-12)
    errors = em.standard_errors(absurd, weights)
    assert_allclose(errors.means, plain.standard_errors(X).means, rtol=1e-8)


def test_weights_of_large_data_stay_with_their_rows():
    """Starts see a part of the rows; rows of next to no weight must not lead them."""
    rng = np.random.default_rng(0)
    X = np.concatenate([rng.normal(size=(4000, 2)), rng.normal(size=(4000, 2)) + [9.0, 0.0]])
    decoy = rng.normal(scale=0.1, size=(8000, 2)) + [0.0, 30.0]
    weights = np.concatenate([np.ones(8000), np.full(8000, 1e-9)])
    shuffled = rng.permutation(16_000)
    em = EMGaussianMixture(2, n_init=2, random_state=0).fit(
        np.concatenate([X, decoy])[shuffled], sample_weight=weights[shuffled]
    )
    assert_allclose(np.sort(em.means_[:, 0]), [0.0, 9.0], atol=0.1)


def test_an_outlier_beyond_all_bounds_is_not_called_collinearity():
    X = np.vstack([datasets.load("faithful").X, [[1e9, 1e9]]])
    with pytest.raises(DegenerateFitError, match="collapsed onto a point"):
        EMGaussianMixture(2, random_state=0, n_init=5).fit(X)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_single_bad_start_is_not_called_twenty():
    X = datasets.load("faithful").X
    with pytest.raises(
        DegenerateFitError, match=r"^The only start with n_components=2 ended in a component that lost"
    ):
        EMGaussianMixture(2, means_init=[[3.0, 70.0], [1e6, 1e6]]).fit(X)


def test_spurious_maxima_are_flagged_and_do_not_win():
    em = EMGaussianMixture(5, n_init=40, random_state=0).fit(datasets.load("galaxies").X)
    assert em.modes_.spurious.any()
    assert not em.modes_.spurious[0]
    assert em.modes_.log_likelihood.max() > em.log_likelihood_


def test_collinear_columns_are_named():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(50, 3)), columns=["a", "b", "c"])
    frame["d"] = frame["a"] - 2 * frame["c"]
    with pytest.raises(
        DataError, match=r"^Columns 'a', 'c', 'd' are collinear: one of them is a linear combination"
    ):
        EMGaussianMixture(2).fit(frame)
    EMGaussianMixture(2, covariance_type="diag", random_state=0).fit(frame)


def test_fewer_rows_than_columns_are_kept_from_singularity_and_say_so():
    X = np.random.default_rng(0).normal(size=(4, 6))
    with pytest.warns(
        ConvergenceWarning, match=r"^The 6 columns of X are collinear, or nearly so, within its 4 rows"
    ):
        em = EMGaussianMixture(1, random_state=0).fit(X)
    assert em.regularised_
    assert np.isfinite(em.log_likelihood_)


def test_icl_is_bic_plus_twice_the_entropy():
    X = datasets.load("iris").X
    em = EMGaussianMixture(3, random_state=0).fit(X)
    r = np.clip(em.predict_proba(X), 1e-300, 1)
    assert_allclose(em.entropy(X), -(r * np.log(r)).sum(), rtol=1e-10)
    assert_allclose(em.icl(X), em.bic(X) + 2 * em.entropy(X), rtol=1e-12)


@pytest.mark.parametrize("family", list(FAMILIES))
def test_one_giant_outlier_breaks_nothing(family):
    X = np.vstack([datasets.load("faithful").X, [1e6, 1e6]])
    em = EMGaussianMixture(2, covariance_type=family, random_state=0, n_init=5)
    try:
        em.fit(X)
    except DegenerateFitError:
        return
    assert np.isfinite(em.log_likelihood_)


@pytest.mark.parametrize("order", [[1, 0], [0, 1]])
def test_columns_may_stand_in_any_order(order):
    X = datasets.load("faithful").X
    em = EMGaussianMixture(2, random_state=0).fit(X[:, order])
    assert_allclose(em.log_likelihood_, -1130.2640, atol=1e-4)


@pytest.mark.parametrize(("n", "d"), [(25_000, 2), (3_000, 40)])
def test_threads_do_not_change_the_result(n, d):
    rng = np.random.default_rng(0)
    X = np.concatenate([rng.normal(size=(n - n // 3, d)), rng.normal(2, 1, size=(n // 3, d))])
    one, two = (EMGaussianMixture(2, n_init=2, cores=t, random_state=0).fit(X) for t in (1, 2))
    assert np.array_equal(one.means_, two.means_)
    assert one.log_likelihood_ == two.log_likelihood_
