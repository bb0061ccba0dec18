"""`BayesGaussianMixture` end to end on real data."""

import copy
import pickle

import arviz_stats as azs
import numpy as np
import pytest
import xarray as xr
from covariance_families import TABLE
from examples import named_again
from numpy.testing import assert_allclose
from scipy.special import logsumexp
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture
from sklearn.utils.estimator_checks import parametrize_with_checks

from bayesgmm import BayesGaussianMixture, EMGaussianMixture, Prior, datasets, load, save
from bayesgmm.errors import DataError, ParameterError
from bayesgmm.mixture import density
from bayesgmm.mixture.params import MixtureParams
from bayesgmm.posterior import verdict as judging


def settled(bayes):
    """Whether chains agree on every parameter and leave enough independent draws, by ArviZ's own count."""
    values = bayes.fit_.draws.parameter_values
    draws = xr.Dataset({"value": (("chain", "draw", "parameter"), values)})
    r_hat = azs.rhat(draws)["value"]
    ess = np.minimum(*(azs.ess(draws, method=m)["value"] for m in ("bulk", "tail")))
    return bool(r_hat.max() < 1.01 and ess.min() > 400)


# The posterior of iris has a small second mode: now and then a chain goes there, and the verdict has to say
# so.
@pytest.mark.parametrize(("name", "k", "needed"), [("faithful", 2, 3), ("iris", 3, 2), ("banknote", 2, 3)])
def test_defaults_converge(name, k, needed):
    good = 0
    for seed in range(3):
        bayes = BayesGaussianMixture(k, method="nuts", random_state=seed, progressbar=False).fit(
            datasets.load(name).X
        )
        assert bayes.verdict_.ok <= settled(bayes)
        good += bayes.verdict_.ok
        assert int(bayes.posterior_["sample_stats"]["diverging"].sum()) == 0
    assert good >= needed


@pytest.mark.slow
def test_defaults_temper_where_chains_stay_at_one_of_several_modes():
    """Four components on Old Faithful: three ways to place them, each of which keeps the chains that start
    there."""
    means, shares = [], []
    for seed in range(3):
        bayes = BayesGaussianMixture(4, random_state=seed, progressbar=False).fit(datasets.faithful().X)
        assert bayes.method_ == "smc"
        assert bayes.verdict_.label_free_ok
        assert not bayes.verdict_.ok
        means.append(bayes.log_likelihood_draws_.mean())
        shares.append(bayes.mode_map_.table["share"][0])
    # Independent fits hold the modes in the same shares; the log-likelihood's sd is 3.6.
    assert max(means) - min(means) < 0.6
    assert max(shares) - min(shares) < 0.15


def mixtures(bayes, step):
    """Some draws as mixtures."""
    posterior = bayes.posterior_["posterior"].dataset
    weights, means = posterior["weights"].to_numpy(), posterior["means"].to_numpy()
    covariances = bayes.fit_.draws.covariances
    for c in range(weights.shape[0]):
        for d in range(0, weights.shape[1], step):
            yield MixtureParams(weights[c, d] / weights[c, d].sum(), means[c, d], covariances[c, d])


def test_memberships_and_densities_are_means_over_draws(faithful_frame):
    X = faithful_frame
    bayes = BayesGaussianMixture(2, draws=20, tune=100, chains=2, random_state=1, progressbar=False).fit(X)
    draws = list(mixtures(bayes, 1))
    rows = X.to_numpy()
    r = np.stack([density.responsibilities(rows, p) for p in draws])
    assert_allclose(bayes.membership_, r.mean(axis=0), atol=1e-10)
    assert_allclose(bayes.membership_sd_, r.std(axis=0), atol=1e-8)
    assert_allclose(bayes.predict_proba(X[:5]), r.mean(axis=0)[:5], atol=1e-10)
    log_p = np.stack([density.log_likelihood_per_obs(rows, p) for p in draws])
    assert_allclose(bayes.score_samples(X), logsumexp(log_p, axis=0) - np.log(len(draws)), rtol=1e-9)
    assert_allclose(bayes.log_likelihood_draws_.ravel(), log_p.sum(axis=1), rtol=1e-10)


def test_draws_are_named_after_the_em_components(faithful_fit):
    means = faithful_fit.posterior_["posterior"]["means"].mean(("chain", "draw"))
    assert_allclose(means, faithful_fit.em_.means_, rtol=0.02)


def test_the_posterior_is_in_the_users_units(faithful_frame):
    scale = np.array([1e-6, 1e6])
    settings = {"draws": 500, "random_state": 2, "progressbar": False}
    plain = BayesGaussianMixture(2, **settings).fit(faithful_frame.to_numpy())
    scaled = BayesGaussianMixture(2, **settings).fit(faithful_frame.to_numpy() * scale)
    a, b = (f.posterior_["posterior"]["means"].to_numpy() for f in (plain, scaled))
    sd = a.std(axis=(0, 1))
    assert np.all(np.abs((b / scale).mean(axis=(0, 1)) - a.mean(axis=(0, 1))) < 0.15 * sd)
    assert_allclose((b / scale).std(axis=(0, 1)), sd, rtol=0.15)


def test_a_given_prior_is_used_and_one_from_the_data_is_kept(faithful_frame):
    fit = BayesGaussianMixture(2, draws=20, tune=50, chains=2, random_state=0, progressbar=False).fit(
        faithful_frame
    )
    assert fit.prior_ == Prior.from_data(faithful_frame.to_numpy())
    tight = Prior(
        mean_loc=[3.0, 70.0], mean_scale=[0.01, 0.1], std_prior=("halfnormal", [1.0, 15.0]), resolution=0.01
    )
    settings = {"draws": 100, "tune": 100, "chains": 2, "random_state": 0, "progressbar": False}
    pulled = BayesGaussianMixture(2, method="nuts", prior=tight, **settings).fit(faithful_frame)
    means = pulled.posterior_["posterior"]["means"].mean(("chain", "draw"))
    assert np.all(np.abs(means - [3.0, 70.0]) < [0.1, 1.0])


def test_arviz_reads_the_tree(faithful_fit):
    summary = azs.summary(faithful_fit.posterior_, var_names=["weights", "means", "stds"], round_to="none")
    assert_allclose(
        summary.loc["weights[0]", "mean"], faithful_fit.posterior_["posterior"]["weights"][..., 0].mean()
    )


def test_the_model_is_there_for_everyone(faithful_fit):
    names = [v.name for v in faithful_fit.model_.free_RVs]
    assert names == ["weights", "means", "stds", "corr_chol"]
    assert faithful_fit.model_ is faithful_fit.model_


def test_refitting_builds_a_new_model():
    X = datasets.load("galaxies").X
    settings = {"draws": 20, "tune": 50, "chains": 2, "random_state": 0, "progressbar": False}
    bayes = BayesGaussianMixture(2, **settings).fit(X)
    first = bayes.model_
    bayes.fit(X[:40])
    assert bayes.model_ is not first
    assert bayes.model_.dim_lengths["obs"].eval() == 40


QUICK = {"draws": 20, "tune": 50, "chains": 2, "random_state": 0, "progressbar": False}


def test_draws_under_other_names_come_back_under_the_same(faithful_frame):
    """Draws whose components were renamed at random are labelled exactly like the draws themselves."""
    X = datasets.load("iris").X
    bayes = BayesGaussianMixture(3, **QUICK).fit(X)
    rng = np.random.default_rng(1)
    renamed = np.array([rng.permutation(3) for _ in range(40)]).reshape(2, 20, 3)
    again = named_again(bayes, bayes.fit_.draws.permuted(renamed))
    for name, value in bayes.fit_.draws.values.items():
        assert np.array_equal(again.draws.values[name], value)
    assert_allclose(again.labels.membership, bayes.membership_, rtol=1e-12, atol=1e-15)


def test_a_fit_survives_pickling_after_its_model_was_read(faithful_frame):
    bayes = BayesGaussianMixture(2, **QUICK).fit(faithful_frame)
    assert bayes.model_ is not None
    again = pickle.loads(pickle.dumps(bayes))
    assert np.array_equal(again.predict_proba(faithful_frame), bayes.predict_proba(faithful_frame))


def test_a_fit_does_not_share_memory_with_its_data():
    X = datasets.load("faithful").X.copy()
    bayes = BayesGaussianMixture(2, **QUICK).fit(X)
    before = bayes.posterior_["observed_data"]["x"].to_numpy().copy()
    X *= 2
    assert np.array_equal(bayes.posterior_["observed_data"]["x"], before)


def test_a_refit_that_fails_leaves_the_earlier_fit_whole():
    X = datasets.load("faithful").X
    bayes = BayesGaussianMixture(2, **QUICK).fit(X)
    before = bayes.predict_proba(X)
    with pytest.raises(DataError, match="constant"):
        bayes.fit(np.ones((10, 3)))
    assert np.array_equal(bayes.predict_proba(X), before)


@pytest.mark.parametrize("family", list(TABLE)[1:])
def test_every_covariance_family_converges_near_em(family, faithful_frame):
    bayes = BayesGaussianMixture(2, covariance_type=family, random_state=0, progressbar=False).fit(
        faithful_frame
    )
    assert bayes.verdict_.ok, bayes.verdict_
    stds = bayes.fit_.draws.component_stds.mean(axis=(0, 1))
    assert_allclose(stds, bayes.em_.params_.stds, rtol=0.06)


def test_the_input_is_never_written_to(faithful_frame):
    rows = faithful_frame.to_numpy().copy()
    rows.flags.writeable = False
    BayesGaussianMixture(1, draws=10, tune=40, chains=1, random_state=0, progressbar=False).fit(rows)


# ------------------------------------------------------------ one interface


def test_predictive_rows_have_the_posteriors_moments_and_labels(faithful_fit):
    draws = faithful_fit.fit_.draws
    n = 40_000
    rows, labels = faithful_fit.sample(n)
    assert rows.shape == (n, 2)
    share = draws.weights.mean(axis=(0, 1))
    assert_allclose(np.bincount(labels, minlength=2) / n, share, atol=4 * np.sqrt(0.25 / n))
    for k in range(2):
        own = rows[labels == k]
        mean = draws.means.mean(axis=(0, 1))[k]
        # Within draws and between them.
        covariance = draws.covariances.mean(axis=(0, 1))[k] + np.cov(draws.means[..., k, :].reshape(-1, 2).T)
        error = np.sqrt(np.diag(covariance) / len(own))
        assert (abs(own.mean(axis=0) - mean) < 4 * error).all()
        assert_allclose(np.cov(own.T), covariance, rtol=0.05)


def test_the_same_seed_gives_the_same_rows_and_a_generator_gives_others(faithful_fit):
    seeded = faithful_fit.sample(5)[0]
    assert np.array_equal(seeded, faithful_fit.sample(5)[0])
    for random_state in (None, np.random.default_rng(0), np.random.RandomState(0)):
        other = copy.copy(faithful_fit).set_params(random_state=random_state)
        assert not np.array_equal(other.sample(5)[0], other.sample(5)[0])
    with pytest.raises(ParameterError):
        faithful_fit.sample(0)


def test_fit_predict_is_fit_and_predict():
    X = datasets.load("faithful").X
    bayes = BayesGaussianMixture(2, **QUICK)
    labels = bayes.fit_predict(X)
    assert bayes.n_features_in_ == 2
    assert np.array_equal(labels, bayes.predict(X))


def test_a_prepared_em_estimator_is_fitted_with_its_settings_and_the_fits_seed():
    X = datasets.load("faithful").X
    prepared = EMGaussianMixture(2, n_init=1, init_params="random", tol=1e-3)
    fits = [BayesGaussianMixture(2, em=prepared, **QUICK).fit(X) for _ in range(2)]
    assert not hasattr(prepared, "params_")
    assert fits[0].em_.tol == 1e-3
    assert int(fits[0].em_.modes_["n_starts"].sum()) == 1
    # The seed is the fit's, so that a refit is the same.
    assert np.array_equal(fits[0].em_.means_, fits[1].em_.means_)
    own = BayesGaussianMixture(2, em=prepared.set_params(random_state=7), **QUICK).fit(X)
    assert np.array_equal(own.em_.means_, EMGaussianMixture(**prepared.get_params()).fit(X).means_)


def test_a_fitted_em_estimator_is_taken_as_it_is():
    X = datasets.load("faithful").X
    em = EMGaussianMixture(2, random_state=3, max_iter=5)
    with pytest.warns(ConvergenceWarning):
        em.fit(X)
    before = em.means_.copy()
    bayes = BayesGaussianMixture(2, em=em, **QUICK).fit(X)
    assert np.array_equal(bayes.em_.means_, before)
    assert bayes.em_.n_iter_ == em.n_iter_
    # What becomes of the user's estimator is no business of the fit's.
    em.set_params(max_iter=500).fit(X * 2)
    assert np.array_equal(bayes.em_.means_, before)


@pytest.mark.parametrize(
    ("em", "details"),
    [
        (GaussianMixture(2), {"got": "GaussianMixture"}),
        (EMGaussianMixture(3), {"name": "n_components", "em": 3, "fit": 2}),
        (
            EMGaussianMixture(2, covariance_type="diag"),
            {"name": "covariance_type", "em": "diag", "fit": "full"},
        ),
    ],
)
def test_an_em_estimator_of_another_model_is_refused(em, details, golden):
    with golden.raises(ParameterError, **details):
        BayesGaussianMixture(2, em=em, **QUICK).fit(datasets.load("faithful").X)


def test_an_em_estimator_of_other_data_is_refused(golden):
    X = datasets.load("faithful").X
    em = EMGaussianMixture(2, random_state=0).fit(X[1:])
    with golden.raises(ParameterError, em=em.log_likelihood_):
        BayesGaussianMixture(2, em=em, **QUICK).fit(X)
    em = EMGaussianMixture(2, random_state=0).fit(X[:, :1])
    with golden.raises(ParameterError, em=1, fit=2):
        BayesGaussianMixture(2, em=em, **QUICK).fit(X)


def test_the_labelled_data_are_the_users_and_the_record_is_the_fit(faithful_frame, tmp_path):
    bayes = BayesGaussianMixture(2, **QUICK).fit(faithful_frame)
    before = bayes.predict_proba(faithful_frame)
    tree = bayes.posterior_
    tree["posterior"]["means"][:] = 0.0
    tree["mine"] = xr.DataTree(xr.Dataset({"a": ("b", [1.0, 2.0])}))
    tree.attrs["note"] = "mine"
    assert bayes.posterior_ is tree
    assert np.array_equal(bayes.predict_proba(faithful_frame), before)
    again = load(save(bayes, tmp_path / "fit.nc"))
    assert np.array_equal(again.predict_proba(faithful_frame), before)
    assert (again.posterior_["posterior"]["means"] != 0).all()
    # What was added comes along.
    assert again.posterior_["mine"]["a"].to_numpy().tolist() == [1.0, 2.0]


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
@parametrize_with_checks([BayesGaussianMixture(1, **QUICK)])
def test_scikit_learns_estimator_checks(estimator, check):
    check(estimator)


def test_convergence_is_diagnosed_once_a_fit(faithful_frame, monkeypatch):
    """Of what depends on labels and of what does not, however often the record is given a reason or modes."""
    diagnosed = []
    diagnose = judging.diagnose
    monkeypatch.setattr(judging, "diagnose", lambda *a, **k: diagnosed.append(1) or diagnose(*a, **k))
    # Strategy "auto" asks for the verdict on these draws before it keeps them with a reason.
    settings = {"draws": 50, "chains": 2, "random_state": 0, "progressbar": False}
    bayes = BayesGaussianMixture(2, method="auto", **settings).fit(faithful_frame)
    before = bayes.verdict_
    assert bayes.method_reason_
    assert bayes.mode_map_.n_modes >= 1
    assert bayes.verdict_ == before
    assert len(diagnosed) == 2
