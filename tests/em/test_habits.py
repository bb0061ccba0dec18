"""What users of scikit-learn's GaussianMixture are used to, and the order of labels."""

import warnings

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture

from bayesgmm import BayesGaussianMixture, EMGaussianMixture, datasets
from bayesgmm.errors import ParameterError
from bayesgmm.mixture import density

X = datasets.faithful().X


def test_every_setting_of_scikit_learns_is_there():
    assert set(GaussianMixture().get_params()) <= set(EMGaussianMixture().get_params())


@pytest.mark.parametrize("settings", [{"reg_covar": 0}, {"tol": 0.0}, {"reg_covar": 0.0, "tol": 0}])
def test_zero_is_as_small_as_can_be(settings):
    em = EMGaussianMixture(2, random_state=0, **settings).fit(X)
    assert em.converged_
    assert em.log_likelihood_ == pytest.approx(EMGaussianMixture(2, random_state=0).fit(X).log_likelihood_)


@pytest.mark.parametrize("max_iter", [0, 1, 2, 5])
def test_running_out_of_iterations_warns_in_scikit_learns_class(max_iter):
    em = EMGaussianMixture(3, n_init=1, init_params="random", max_iter=max_iter, random_state=0)
    with pytest.warns(ConvergenceWarning, match="out of iterations"):
        em.fit(X)
    assert not em.converged_
    assert em.n_iter_ <= max_iter
    assert em.log_likelihood_ == pytest.approx(em.score_samples(X).sum())
    assert_allclose(em.log_likelihood_trace_[-1], em.log_likelihood_)


def test_without_steps_the_start_comes_back():
    start = {"weights_init": [0.4, 0.6], "means_init": [[2.0, 50.0], [4.0, 80.0]]}
    start["precisions_init"] = np.tile(np.diag([4.0, 0.04]), (2, 1, 1))
    with pytest.warns(ConvergenceWarning):
        em = EMGaussianMixture(2, max_iter=0, order=0, **start).fit(X)
    assert_allclose(em.weights_, [0.4, 0.6])
    assert_allclose(em.means_, start["means_init"])
    assert_allclose(em.precisions_, start["precisions_init"], atol=1e-14)


def test_one_step_is_the_textbooks():
    """Against the E step and the M step as a textbook writes them."""
    start = {"weights_init": [0.4, 0.6], "means_init": [[2.0, 50.0], [4.0, 80.0]]}
    start["precisions_init"] = np.tile(np.diag([4.0, 0.04]), (2, 1, 1))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        first, second = (EMGaussianMixture(2, max_iter=n, order=0, **start).fit(X) for n in (0, 1))
    r = density.responsibilities(X, first.params_)
    assert_allclose(second.weights_, r.mean(axis=0), rtol=1e-9)
    assert_allclose(second.means_, r.T @ X / r.sum(axis=0)[:, None], rtol=1e-9)


def test_steps_of_successive_fits_count_together():
    em = EMGaussianMixture(2, warm_start=True, max_iter=1, random_state=0)
    before = -np.inf
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        for _ in range(500):
            em.fit(X)
            assert em.log_likelihood_ >= before - 1e-9
            before = em.log_likelihood_
            if em.converged_:
                break
    assert em.converged_
    wanted = EMGaussianMixture(2, random_state=0).fit(X).log_likelihood_
    assert em.log_likelihood_ == pytest.approx(wanted, rel=1e-8)


def test_successive_fits_end_at_the_same_step_whatever_the_units():
    def steps(unit):
        em = EMGaussianMixture(3, warm_start=True, max_iter=1, tol=1e-5, random_state=0)
        for n in range(1000):
            if em.fit(X * unit).converged_:
                return n
        raise AssertionError("never converged")

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        assert steps(1e8) == steps(1.0) == steps(1e-8)


def test_steps_on_other_rows_do_not_count():
    em = EMGaussianMixture(2, warm_start=True, max_iter=1, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        for _ in range(100):
            em.fit(X)
        assert em.converged_
        assert not em.fit(X + 1.0).converged_


@pytest.mark.parametrize("order", ["waiting", 1, np.int64(1)])
def test_labels_are_in_the_order_that_was_asked_for(order):
    frame = pd.DataFrame(X, columns=["eruptions", "waiting"])
    for k in (2, 3, 4):
        em = EMGaussianMixture(k, order=order, random_state=0).fit(frame)
        assert (np.diff(em.means_[:, 1]) > 0).all()
        assert em.log_likelihood_ == pytest.approx(em.score_samples(frame).sum())
        for params in em.mode_params_:
            assert (np.diff(params.means[:, 1]) > 0).all()


def test_the_posteriors_labels_are_in_the_order_of_a_prepared_estimator():
    settings = {"method": "laplace", "draws": 100, "random_state": 0, "progressbar": False}
    bayes = BayesGaussianMixture(2, em=EMGaussianMixture(2, order=0, random_state=0), **settings).fit(X)
    assert (np.diff(bayes.fit_.draws.mean_params.means[:, 0]) > 0).all()
    other = BayesGaussianMixture(2, **settings).fit(X)
    assert np.array_equal(other.fit_.draws.mean_params.means.argsort(axis=0)[:, 0], [1, 0])


@pytest.mark.parametrize("order", ["weight", "x2", 2, -1, True, None, 0.0])
def test_an_order_that_is_none_is_refused(order):
    with pytest.raises(ParameterError, match="order must be"):
        EMGaussianMixture(2, order=order).fit(X)


@pytest.mark.parametrize(
    ("verbose", "told"), [(0, []), (1, ["log_likelihood"]), (2, ["log_likelihood", "step 0:"])]
)
def test_maxima_and_steps_are_printed_where_that_is_asked_for(verbose, told, capsys):
    em = EMGaussianMixture(2, verbose=verbose, verbose_interval=3, random_state=0).fit(X)
    printed = capsys.readouterr().out
    assert all(word in printed for word in told)
    assert bool(printed) == (verbose > 0)
    if verbose > 1:
        assert printed.count("step ") == len(range(0, len(em.log_likelihood_trace_), 3))


@pytest.mark.parametrize(
    "settings", [{"verbose": -1}, {"verbose_interval": 0}, {"max_iter": -1}, {"tol": -1e-3}]
)
def test_settings_out_of_range_are_refused(settings):
    with pytest.raises(ParameterError, match=next(iter(settings))):
        EMGaussianMixture(2, **settings).fit(X)
