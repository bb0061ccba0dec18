"""`EMGaussianMixture` against reference maxima, scikit-learn, and its own promises."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from sklearn.base import clone
from sklearn.mixture import GaussianMixture as SklearnMixture

from bayesgmm import EMGaussianMixture, datasets
from bayesgmm.errors import ConvergenceWarning, DataError, DegenerateFitError, ParameterError

REFERENCE = json.loads((Path(__file__).parents[1] / "reference" / "em_loglik.json").read_text())["results"]


def reference_value(dataset, n_components):
    for row in REFERENCE:
        if (row["dataset"], row["K"], row["covariance"]) == (dataset, n_components, "full"):
            return row["best_non_degenerate_loglik"]
    raise KeyError(dataset)


@pytest.mark.parametrize(
    ("name", "reference", "k"),
    [("faithful", "faithful", 2), ("iris", "iris_r", 3), ("galaxies", "galaxies_mass", 3)],
)
def test_log_likelihood_equals_the_reference(name, reference, k):
    em = EMGaussianMixture(k, random_state=0).fit(datasets.load(name).X)
    assert em.converged_
    assert_allclose(em.log_likelihood_, reference_value(reference, k), atol=1e-3)


def test_banknotes_reach_what_scikit_learn_reaches_from_many_starts():
    X = datasets.load("banknote").X
    em = EMGaussianMixture(2, random_state=0).fit(X)
    peer = SklearnMixture(2, n_init=40, tol=1e-9, max_iter=5000, reg_covar=0, random_state=0).fit(X)
    assert em.log_likelihood_ >= peer.score(X) * len(X) - 1e-3


def test_at_the_same_parameters_scikit_learn_agrees():
    X = datasets.load("iris").X
    em = EMGaussianMixture(3, random_state=0).fit(X)
    peer = SklearnMixture(3)
    peer.weights_, peer.means_, peer.covariances_ = em.weights_, em.means_, em.covariances_
    precisions = np.linalg.inv(em.covariances_)
    peer.precisions_cholesky_ = np.stack([np.linalg.cholesky(a) for a in precisions])
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


def test_the_input_is_never_written_to_and_names_are_kept():
    frame = pd.DataFrame(datasets.load("faithful").X, columns=["a", "b"])
    kept = frame.copy()
    em = clone(EMGaussianMixture(2, random_state=0)).fit(frame)
    pd.testing.assert_frame_equal(frame, kept)
    assert list(em.feature_names_in_) == ["a", "b"]


def test_running_out_of_iterations_warns_and_says_so():
    X = datasets.load("iris").X
    with pytest.warns(ConvergenceWarning, match="out of iterations: the log-likelihood was still rising"):
        em = EMGaussianMixture(3, max_iter=2, random_state=0).fit(X)
    assert not em.converged_
    assert em.status_.startswith("out of iterations")


def test_nothing_but_collapsed_components_is_an_error_with_a_remedy():
    X = np.array([[0.0, 0.0], [1.0, 1.0], [5.0, 4.0]])
    with pytest.raises(
        DegenerateFitError, match=r"All 20 starts with n_components=3 .* use fewer components"
    ):
        EMGaussianMixture(3, random_state=0).fit(X)


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"n_components": 0}, r"^n_components must be an integer of at least 1; got 0\.$"),
        ({"covariance_type": "round"}, r"^covariance_type must be 'full'; got 'round'\.$"),
        ({"tol": -1.0}, r"^tol must be a number between 0 and 1; got -1\.0\.$"),
        ({"n_init": True}, r"^n_init must be an integer of at least 1; got True \(bool\)\.$"),
    ],
)
def test_unusable_settings(settings, sentence):
    with pytest.raises(ParameterError, match=sentence):
        EMGaussianMixture(**settings).fit(np.arange(8.0).reshape(4, 2))


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
