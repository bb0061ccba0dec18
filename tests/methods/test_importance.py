"""Weighted draws from the Gaussian at the mode: right where it fits, and not silent where it does not."""

import numpy as np
from numpy.testing import assert_allclose
from scipy import stats

from bayesgmm import BayesGaussianMixture, Prior, datasets, load, save
from bayesgmm.bayes.target import Target
from bayesgmm.errors import ParameterError
from bayesgmm.methods.importance import sample_laplace
from bayesgmm.methods.laplace_approximation import laplace
from bayesgmm.rows.rows import Rows
from bayesgmm.wording import Reason

QUIET = {"method": "laplace", "random_state": 0, "progressbar": False}


def draws_of(target, start, **changes):
    sizes = {"draws": 1000, "chains": 4, "cores": 2, "seed": np.random.SeedSequence(1)} | changes
    return sample_laplace(target, laplace(target, start), **sizes)


def one_gaussian(n):
    X = np.random.default_rng(0).normal(loc=3.0, scale=2.0, size=(n, 1))
    prior = Prior(mean_loc=1.0, mean_scale=2.0, std_prior=("gamma", 2.0, 1.0))
    return Target(Rows.unchecked(X), 1, prior, np.zeros(1), np.ones(1))


def test_weights_turn_the_gaussian_into_the_posterior():
    """Of thirty rows the posterior of the standard deviation is skew, and the Gaussian alone is wrong."""
    target, start = one_gaussian(30), np.array([3.0, 0.7])
    runs = [draws_of(target, start, chains=1, seed=np.random.SeedSequence(i)) for i in range(20)]
    mean, log_std = np.linspace(-5, 9, 500), np.linspace(-1.5, 3.5, 500)
    log_p = (
        stats.norm(1.0, 2.0).logpdf(mean)[:, None]
        + stats.gamma(2.0).logpdf(np.exp(log_std))
        + log_std
        + stats.norm.logpdf(target.X[:, 0, None, None], mean[:, None], np.exp(log_std)).sum(axis=0)
    )
    p = np.exp(log_p - log_p.max())
    p /= p.sum()
    assert np.median([run.pareto_k for run in runs]) < 0.7
    mode = laplace(target, start).mode
    for axis, grid in ((0, mean), (1, log_std)):
        wanted = p.sum(axis=1 - axis) @ grid
        found = np.array([run.q[..., axis].mean() for run in runs])
        # The runs are independent, and tell their own error.
        error = found.std(ddof=1) / np.sqrt(len(runs))
        assert abs(found.mean() - wanted) < 4 * error
        # The Gaussian's own mean of the logarithm would have been caught.
        assert axis == 0 or abs(mode[1] - wanted) > 10 * error


def test_k_and_worth_of_the_weights_tell_a_bad_gaussian_from_a_good_one():
    good = draws_of(one_gaussian(200), np.array([3.0, 0.7]))
    # Two rows, three components: far from a Gaussian.
    X = np.array([[0.0], [1.0]])
    bad_target = Target(
        Rows.unchecked(X),
        3,
        Prior(mean_loc=0.5, mean_scale=50.0, std_prior=("halfnormal", 10.0)),
        np.zeros(1),
        np.ones(1),
    )
    start = np.concatenate([[0.1, 0.0], [0.0, 0.5, 1.0], [0.0, 0.1, 0.2]])
    bad = draws_of(bad_target, start)
    assert good.pareto_k < 0.5
    # No more than there are draws, though the proposals are worth more.
    assert good.ess == 4000
    assert good.largest_k == 0.7
    assert bad.pareto_k > 0.7
    assert bad.ess < 1000


def test_draws_depend_on_the_seed_and_not_on_cores():
    target, start = one_gaussian(30), np.array([3.0, 0.7])
    one, two = (draws_of(target, start, draws=50, cores=c) for c in (1, 2))
    other = draws_of(target, start, draws=50, seed=np.random.SeedSequence(2))
    assert np.array_equal(one.q, two.q)
    assert not np.array_equal(one.q, other.q)


def test_the_log_posterior_of_each_draw_is_the_targets():
    target = one_gaussian(30)
    found = draws_of(target, np.array([3.0, 0.7]), draws=20)
    wanted = [[target(q)[0] for q in chain] for chain in found.q]
    assert_allclose(found.log_posterior, wanted, rtol=1e-14)


def test_a_fit_agrees_with_nuts_where_its_check_passes(faithful_frame, faithful_fit):
    quick = BayesGaussianMixture(2, **QUIET).fit(faithful_frame)
    assert quick.method_ == "laplace"
    assert quick.verdict_.ok
    assert quick.verdict_.check.pareto_k < 0.7
    assert "Pareto k" in str(quick.verdict_)
    for name in ("weights", "means", "stds"):
        a, b = (f.posterior_["posterior"][name].stack(s=("chain", "draw")) for f in (quick, faithful_fit))
        error = b.std("s") * np.sqrt(1 / 1000 + 1 / faithful_fit.verdict_.components.ess)
        assert (np.abs(a.mean("s") - b.mean("s")) < 4 * error).all()
        assert_allclose(a.std("s"), b.std("s"), rtol=0.15)


def test_a_fit_whose_check_fails_says_so_and_what_to_do():
    bayes = BayesGaussianMixture(3, **QUIET).fit(datasets.load("faithful").X[:30])
    assert not bayes.verdict_.ok
    k = bayes.verdict_.check.pareto_k
    assert Reason("gaussian_does_not_fit", {"pareto_k": k, "wanted": 0.7}) in bayes.verdict_.reasons


def test_a_saved_fit_remembers_its_method_and_check(tmp_path, faithful_frame):
    bayes = BayesGaussianMixture(2, draws=100, chains=2, **QUIET).fit(faithful_frame)
    again = load(save(bayes, tmp_path / "fit.nc"))
    assert (again.method, again.method_) == ("laplace", "laplace")
    assert again.verdict_ == bayes.verdict_


def test_with_fewer_draws_k_has_to_be_smaller():
    few = draws_of(one_gaussian(30), np.array([3.0, 0.7]), draws=100, chains=1)
    # Vehtari et al. (2024), section 3.2.3, at 400 proposals.
    assert_allclose(few.largest_k, 1 - 1 / np.log10(400))


def test_too_few_draws_for_the_check_are_refused(golden):
    with golden.raises(ParameterError, needed=50, draws=10, chains=2):
        BayesGaussianMixture(1, method="laplace", draws=10, chains=2).fit(np.zeros((10, 2)))


def test_an_unknown_method_is_refused(golden):
    with golden.raises(ParameterError, value="vb"):
        BayesGaussianMixture(2, method="vb").fit(np.zeros((10, 2)))
