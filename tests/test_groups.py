"""Groups of the result beside the draws, against PyMC; and ArviZ on the tree as it is."""

import warnings

import arviz as az
import matplotlib.pyplot
import numpy as np
import pytest
from numpy.testing import assert_allclose
from pymc.stats import compute_log_likelihood, compute_log_prior

from bayesgmm import BayesGaussianMixture, Prior, datasets, load, save
from bayesgmm.errors import PriorWarning

matplotlib.use("agg")

QUICK = {"draws": 50, "tune": 100, "chains": 2, "random_state": 0, "progressbar": False}
STDS = {
    "full": ("gamma", 2.0, 0.1),
    "tied": ("exponential", 0.5),
    "diag": ("inversegamma", 3.0, 2.0),
    "spherical": ("halfnormal", 9.0),
    "tied_diag": ("lognormal", (-1.0, 2.0), 0.5),
    "tied_spherical": ("gamma", 2.0, 0.5),
    "VEI": ("inversegamma", (3.0, 4.0), (2.0, 20.0)),
    "tied_corr": ("gamma", 2.0, 0.1),
    "EVI": ("halfcauchy", (1.0, 6.0)),
}


@pytest.mark.parametrize(
    "family", ["full", *(pytest.param(f, marks=pytest.mark.slow) for f in list(STDS)[1:])]
)
def test_log_prior_and_log_likelihood_are_pymcs(family, faithful_frame):
    prior = Prior(
        concentration=[1.5, 3.0],
        mean_loc=[3.0, 70.0],
        mean_scale=[2.0, 20.0],
        std_prior=STDS[family],
        lkj_eta=3.0,
    )
    with warnings.catch_warnings():
        # A half-normal is improper on rounded columns, and its density is no less what it is.
        warnings.simplefilter("ignore", PriorWarning)
        bayes = BayesGaussianMixture(2, covariance_type=family, prior=prior, **QUICK).fit(faithful_frame)
    bayes.add_log_likelihood()
    tree = bayes.posterior_.copy().drop_nodes(["log_prior", "log_likelihood"])
    with bayes.model_:
        compute_log_prior(tree, progressbar=False)
        compute_log_likelihood(tree, progressbar=False)
    assert set(tree["log_prior"].data_vars) == set(bayes.posterior_["log_prior"].data_vars)
    for name, wanted in tree["log_prior"].data_vars.items():
        ours = bayes.posterior_["log_prior"][name]
        assert ours.dims == wanted.dims
        assert_allclose(ours, wanted, rtol=1e-9, atol=1e-9)
    assert_allclose(bayes.posterior_["log_likelihood"]["x"], tree["log_likelihood"]["x"], rtol=1e-9)
    totals = bayes.posterior_["log_likelihood"]["x"].sum("obs")
    assert_allclose(totals, bayes.log_likelihood_draws_, rtol=1e-10)


def test_replications_are_drawn_from_each_draws_mixture(faithful_frame):
    bayes = BayesGaussianMixture(2, **{**QUICK, "draws": 400}).fit(faithful_frame)
    bayes.add_posterior_predictive()
    x = bayes.posterior_["posterior_predictive"]["x"]
    assert x.dims == ("chain", "draw", "obs", "feature")
    posterior = bayes.posterior_["posterior"]
    wanted = (posterior["weights"] * posterior["means"]).sum("cluster")
    gap = (x.mean("obs") - wanted) / x.std("obs") * np.sqrt(len(faithful_frame))
    # Standard normal, a number for each of 800 draws.
    assert np.abs(gap.mean(("chain", "draw"))).max() < 4 / np.sqrt(800)
    assert_allclose(gap.std(("chain", "draw")), 1, atol=0.15)
    again = bayes.add_posterior_predictive().posterior_["posterior_predictive"]["x"]
    assert np.array_equal(x, again)


def test_arviz_works_on_the_tree_as_it_is(tmp_path):
    bayes = BayesGaussianMixture(2, **{**QUICK, "draws": 300}).fit(datasets.faithful().X)
    bayes.add_log_likelihood().add_posterior_predictive()
    tree = load(save(bayes, tmp_path / "fit.nc")).posterior_
    names = ["weights", "means", "stds"]
    assert len(az.summary(tree, var_names=names)) == 10
    loo = az.loo(tree)
    # Eleven free parameters.
    assert 6 < loo.p < 18
    assert len(az.psense_summary(tree, var_names=names)) == 10
    for plot in (az.plot_trace, az.plot_rank, az.plot_forest, az.plot_dist):
        assert plot(tree, var_names=["weights"]) is not None
    matplotlib.pyplot.close("all")


def test_the_priors_numbers_are_kept(faithful_fit):
    constant = faithful_fit.posterior_["constant_data"]
    resolved = faithful_fit.prior_.resolve(2, 2)
    assert np.array_equal(constant["mean_scale"], resolved.mean_scale)
    assert np.array_equal(constant["concentration"], resolved.concentration)
    assert constant.attrs["std_family"] == "hierarchical"
