"""Every covariance family by every way through the package: one row of tests/covariance_families.py each."""

import json

import matplotlib
import numpy as np
import pytest
from command_line import QUICK, done
from covariance_families import TABLE, free_parameters, is_nested, log_std_matrix, pooled
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import logsumexp
from scipy.stats import multivariate_normal

from bayesgmm import BayesGaussianMixture, EMGaussianMixture, load, plots, save, write_report

matplotlib.use("agg")

METHODS = ("nuts", "smc", "laplace")
families = pytest.mark.parametrize("name", list(TABLE))


@pytest.fixture(scope="module")
def frame(faithful_frame):
    return faithful_frame[::3]


@pytest.fixture(scope="module")
def em_of(frame):
    """EM's fit in a family."""
    return {
        name: EMGaussianMixture(2, covariance_type=name, tol=1e-13, random_state=0).fit(frame)
        for name in TABLE
    }


@pytest.fixture(scope="module")
def fit(frame):
    """A fit with few draws in a family by a method, made once."""
    made = {}

    def of(name, method):
        if (name, method) not in made:
            settings = {"draws": 100, "tune": 150, "chains": 2, "random_state": 0, "progressbar": False}
            made[name, method] = BayesGaussianMixture(2, covariance_type=name, method=method, **settings).fit(
                frame
            )
        return made[name, method]

    return of


def log_densities(X, weights, means, covariances):
    """Weight times density of each component, shape (K, N), in logarithms, as a book has them."""
    parts = zip(weights, means, covariances, strict=True)
    return np.array([np.log(w) + multivariate_normal(m, c).logpdf(X) for w, m, c in parts])


def textbook_step(name, X, weights, means, covariances):
    """One step of EM, as a book has it."""
    joint = log_densities(X, weights, means, covariances)
    gamma = np.exp(joint - logsumexp(joint, axis=0))
    mass = gamma.sum(axis=1)
    means = gamma @ X / mass[:, None]
    own = np.stack([(g[:, None] * (X - m)).T @ (X - m) / g.sum() for g, m in zip(gamma, means, strict=True)])
    return mass / len(X), means, pooled(name, mass, own)


@families
def test_em_ends_where_the_textbooks_steps_end(name, frame, em_of):
    X, em = frame.to_numpy(), em_of[name]
    halves = X[:, 0] < 3
    means = np.array([X[~halves].mean(axis=0), X[halves].mean(axis=0)])
    at = np.array([0.5, 0.5]), means, pooled(name, np.ones(2), np.stack([np.cov(X.T)] * 2))
    before = -np.inf
    for _ in range(1000):
        value = logsumexp(log_densities(X, *at), axis=0).sum()
        # The likelihood never falls.
        assert value > before - 1e-9
        before, at = value, textbook_step(name, X, *at)
    assert_allclose(em.log_likelihood_, value, rtol=1e-9)
    assert_allclose(em.weights_, at[0], rtol=1e-5)
    assert_allclose(em.means_, at[1], rtol=1e-5)
    assert_allclose(em.params_.covariances, at[2], rtol=1e-4, atol=1e-7)
    assert em.n_parameters() == free_parameters(name, 2, 2)
    assert_allclose(em.bic(frame), -2 * value + free_parameters(name, 2, 2) * np.log(len(X)), rtol=1e-9)


@families
def test_of_one_component_covariances_are_those_of_the_columns(name, frame):
    X = frame.to_numpy()
    wanted = pooled(name, np.ones(1), np.cov(X.T, bias=True)[None])
    em = EMGaussianMixture(1, covariance_type=name, random_state=0).fit(X)
    assert_allclose(em.params_.covariances, wanted, rtol=1e-9, atol=1e-12)


def test_a_family_with_more_freedom_has_no_lower_a_maximum(em_of):
    pairs = [(a, b) for a in TABLE for b in TABLE if a != b and is_nested(a, b)]
    assert {("tied_spherical", "spherical"), ("tied_spherical", "tied_diag"), ("tied_diag", "diag")} <= set(
        pairs
    )
    assert {("tied_spherical", "EVI"), ("tied_diag", "EVI"), ("EVI", "diag"), ("spherical", "VEI")} <= set(
        pairs
    )
    assert {("tied_diag", "VEI"), ("VEI", "diag"), ("VEI", "full")} <= set(pairs)
    assert {("spherical", "EVI"), ("VEI", "EVI")}.isdisjoint(pairs)
    assert {("tied_diag", "tied"), ("spherical", "diag"), ("diag", "full"), ("tied", "full")} <= set(pairs)
    assert ("spherical", "tied") not in pairs
    for small, large in pairs:
        assert em_of[small].log_likelihood_ <= em_of[large].log_likelihood_ + 1e-6
        assert em_of[small].n_parameters() < em_of[large].n_parameters()


@families
@pytest.mark.parametrize("method", METHODS)
def test_every_method_draws_from_every_family(name, method, frame, fit):
    bayes = fit(name, method)
    posterior = bayes.posterior_["posterior"].dataset
    shapes = {v: x.shape[2:] for v, x in posterior.data_vars.items()}
    # The table's shapes are those of three components.
    written = TABLE[name]
    two = [2 if n == 3 else n for n in written.std_shape]
    assert shapes["stds"] == tuple(two)
    assert ("corr_chol" in shapes) == (written.factor_shape is not None)
    draws = bayes.fit_.draws
    for chain, draw in ((0, 0), (1, 99)):
        covariances = draws.covariances[chain, draw]
        assert_allclose(pooled(name, np.ones(2), covariances), covariances, rtol=1e-9)
        at = draws.weights[chain, draw], draws.means[chain, draw], covariances
        wanted = logsumexp(log_densities(frame.to_numpy(), *at), axis=0).sum()
        assert_allclose(bayes.log_likelihood_draws_[chain, draw], wanted, rtol=1e-10)
    # Half a posterior standard deviation is four standard errors of 64 independent draws.
    away = draws.mean_params.means - bayes.em_.means_
    assert (np.abs(away) < 1.5 * draws.means.std(axis=(0, 1))).all()


@families
def test_every_family_is_saved_and_loaded(name, fit, tmp_path):
    bayes = fit(name, "nuts")
    again = load(save(bayes, tmp_path / "fit.nc"))
    assert again.covariance_type == again.em_.covariance_type == name
    for variable, values in bayes.posterior_["posterior"].data_vars.items():
        assert_array_equal(again.posterior_["posterior"][variable], values)
    assert_array_equal(again.em_.covariances_, bayes.em_.covariances_)
    assert again.prior_.describe(["a", "b"], 2, name) == bayes.prior_.describe(["a", "b"], 2, name)


@families
def test_every_family_has_its_figures_and_report(name, fit, tmp_path):
    bayes = fit(name, "nuts")
    for draw in (plots.plot_fit, plots.plot_prior, plots.trace_figure):
        draw(bayes).draw_without_rendering()
    path = write_report(bayes, tmp_path / "report.json", format="json", progressbar=False)
    content = json.loads(path.read_text())
    assert content["settings"]["covariance_type"] == name
    # All weights are told, of which one is not free, and all standard deviations, whatever they are made of.
    free = log_std_matrix(name, 2, 2).shape[1]
    told = bayes.posterior_["posterior"]["stds"].isel(chain=0, draw=0).size
    assert len(content["parameters"]) == free_parameters(name, 2, 2) + 1 + told - free
    assert name in str(bayes)


@pytest.mark.parametrize("name", ["tied_diag", "tied_spherical"])
def test_the_command_line_takes_every_family(name, frame, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    frame.to_csv("data.csv", index=False)
    result = done("fit", "data.csv", "-k", "2", "--covariance-type", name, *QUICK, "--json")
    assert json.loads(result.stdout)["settings"]["covariance_type"] == name
