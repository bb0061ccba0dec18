"""Where a prior tells components apart, labels are its own: no draw is relabelled, EM's components follow,
and the verdict says how much of the probability other labels have."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import stats
from scipy.special import logsumexp

from bayesgmm import BayesGaussianMixture, EMGaussianMixture, Prior, compare, load, plots, save
from bayesgmm.errors import ParameterError
from bayesgmm.posterior.labelling import PRIOR
from bayesgmm.wording import Reason

QUIET = {"random_state": 0, "progressbar": False, "cores": 2}
# In the order of increasing weight: EM's is the opposite.
CENTRES = np.array([[6.0, 0.0], [0.0, 6.0], [-6.0, -6.0]])
SIZES = (40, 80, 160)


def rows():
    rng = np.random.default_rng(1)
    return np.concatenate([c + rng.normal(size=(n, 2)) for c, n in zip(CENTRES, SIZES, strict=True)])


def prior_at(centres, scale=2.0, **more):
    return Prior(mean_loc=centres, mean_scale=scale, std_prior=("lognormal", 0.0, 0.5), **more)


@pytest.fixture(scope="module")
def named():
    return BayesGaussianMixture(3, prior=prior_at(CENTRES), draws=700, **QUIET).fit(rows())


def test_the_posterior_keeps_the_priors_order(named):
    em = EMGaussianMixture(3, random_state=0).fit(rows())
    assert_allclose(em.means_, CENTRES[::-1], atol=0.5)
    draws = named.fit_.draws
    assert_allclose(draws.mean_params.means, CENTRES, atol=0.5)
    assert (np.linalg.norm(draws.means - CENTRES, axis=-1) < 2).all()
    assert_allclose(draws.weights.mean(axis=(0, 1)), np.array(SIZES) / sum(SIZES), atol=0.05)
    assert np.array_equal(named.relabelling_.permutations, np.broadcast_to(range(3), (4, 700, 3)))
    assert named.predict(rows()).tolist() == np.repeat(range(3), SIZES).tolist()


def test_the_verdict_says_whose_labels_they_are(named, golden):
    assert named.verdict_.ok, str(named.verdict_)
    found = named.labelling_
    assert found.agreement == {PRIOR: found.by_prior}
    assert found.by_prior > 0.999
    assert found.grounds == Reason("labels_of_the_prior", {"share": 1 - found.by_prior})
    golden(str(named.verdict_), hide=[r"\(largest.*?\)"])


def test_ems_components_follow(named):
    assert_allclose(named.em_.means_, CENTRES, atol=0.5)
    assert_allclose(named.em_.mode_params_[0].means, named.em_.means_, rtol=0)
    table = compare(named).assignments
    assert (table["em_label"] == table["bayes_label"]).mean() > 0.98


@pytest.mark.parametrize("method", ["nuts", "laplace"])
@pytest.mark.parametrize("order", [(0, 1, 2), (1, 2, 0), (2, 1, 0)])
def test_any_order_of_the_prior_is_kept(method, order):
    prior = prior_at(CENTRES[list(order)])
    bayes = BayesGaussianMixture(3, method=method, prior=prior, draws=200, tune=200, **QUIET).fit(rows())
    assert_allclose(bayes.fit_.draws.mean_params.means, CENTRES[list(order)], atol=0.5)
    assert_allclose(bayes.em_.means_, CENTRES[list(order)], atol=0.5)


def test_standard_deviations_alone_name_components():
    rng = np.random.default_rng(2)
    X = np.concatenate([rng.normal(0, 5, 150), rng.normal(0, 0.5, 90)])[:, None]
    prior = Prior(mean_loc=0.0, mean_scale=3.0, std_prior=("lognormal", ((-0.7,), (1.6,)), 0.3))
    bayes = BayesGaussianMixture(2, prior=prior, draws=500, **QUIET).fit(X)
    assert_allclose(bayes.fit_.draws.stds.mean(axis=(0, 1)).ravel(), [0.5, 5.0], rtol=0.2)
    assert bayes.labelling_.reasons == []


def posterior_mean_of_first(X, locs, scale):
    """E[mu_0] of two components of weight one half and standard deviation one, by quadrature over both
    means, prior Normal(locs, scale)."""
    grid = np.linspace(-4, 8, 400)
    log_f = stats.norm.logpdf(X[:, None], grid)
    log_p = np.logaddexp(log_f[:, :, None], log_f[:, None, :]).sum(axis=0)
    log_p += stats.norm.logpdf(grid, locs[0], scale)[:, None] + stats.norm.logpdf(grid, locs[1], scale)
    p = np.exp(log_p - logsumexp(log_p))
    return float((p.sum(axis=1) * grid).sum())


def test_overlapping_components_have_the_posterior_of_quadrature():
    """Means of components that overlap are held against an integral."""
    rng = np.random.default_rng(3)
    X = np.concatenate([rng.normal(0, 1, 30), rng.normal(2.0, 1, 30)])
    # Weights and standard deviations are known but for a hundredth.
    prior = Prior(
        concentration=1e5, mean_loc=((2.5,), (-0.5,)), mean_scale=0.6, std_prior=("lognormal", 0.0, 0.005)
    )
    bayes = BayesGaussianMixture(2, method="nuts", prior=prior, draws=1500, **QUIET).fit(X[:, None])
    first = bayes.fit_.draws.means[:, :, 0, 0]
    error = first.std() / np.sqrt(bayes.verdict_.smallest_ess)
    assert error < 0.02
    assert abs(first.mean() - posterior_mean_of_first(X, (2.5, -0.5), 0.6)) < 4 * error + 0.01


@pytest.fixture(scope="module")
def tied():
    """A prior that differs by next to nothing between components."""
    prior = prior_at(((0.0, 0.0), (0.01, 0.0), (0.0, 0.01)), 20.0)
    return BayesGaussianMixture(3, prior=prior, draws=300, **QUIET).fit(rows())


def test_priors_that_tie_do_not_identify(tied, golden):
    assert not tied.verdict_.ok
    found = tied.labelling_
    # Six orders share the probability alike.
    assert_allclose(found.by_prior, 1 / 6, atol=0.01)
    assert found.nearly_tied > 0.9
    assert found.reasons == [Reason("prior_leaves_labels_open", {"share": 1 - found.by_prior})]
    golden(str(found.reasons[0]))
    assert found.reasons[0] in tied.verdict_.reasons
    assert tied.method_ == "nuts"
    assert tied.fit_.method_reason.values["obstacle"] == Reason("components_not_alike")


def test_concentrations_that_differ_pin_labels_too():
    """Of what a component's weight says in the prior's favour: the odds of two orders are a power of their
    ratio."""
    X = rows()[40:]
    prior = prior_at(((0.0, 0.0),) * 2, 20.0, concentration=(1.0, 3.0))
    bayes = BayesGaussianMixture(2, prior=prior, draws=300, **QUIET).fit(X)
    w = bayes.fit_.draws.weights
    own = w[..., 1] ** 2 / (w**2).sum(axis=-1)
    assert_allclose(bayes.labelling_.by_prior, own.mean(), rtol=1e-10)
    assert not bayes.verdict_.ok


def test_methods_that_exchange_components_refuse(golden):
    with golden.raises(ParameterError, differing=("mean_loc",)):
        BayesGaussianMixture(3, method="smc", prior=prior_at(CENTRES), **QUIET).fit(rows())


def test_numbers_given_alike_for_all_can_be_tempered():
    X, own = rows()[40:, :1], ("lognormal", ((0.5,), (0.5,)), 0.6)
    several = Prior(mean_loc=((-2.0,), (-2.0,)), mean_scale=6.0, std_prior=own)
    one = Prior(mean_loc=-2.0, mean_scale=6.0, std_prior=("lognormal", 0.5, 0.6))
    fits = [
        BayesGaussianMixture(2, method="smc", prior=p, draws=200, chains=2, repeats=0, **QUIET).fit(X)
        for p in (several, one)
    ]
    assert fits[0].log_evidence_ == fits[1].log_evidence_
    assert fits[0].labelling_.by_prior is None


def test_a_fit_is_saved_and_shown(named, tmp_path):
    again = load(save(named, tmp_path / "fit.nc"))
    assert again.prior_ == named.prior_
    assert again.labelling_ == named.labelling_
    assert str(again.verdict_) == str(named.verdict_)
    constants = named.posterior_["constant_data"]
    assert constants["mean_loc"].dims == ("cluster", "feature")
    assert_allclose(constants["mean_loc"], CENTRES, rtol=0)
    left, right = plots.plot_labelling(named).axes
    assert len(left.get_yticks()) == 2
    assert "prior" in right.get_title()
    assert len(plots.plot_prior(named).axes) == 2
