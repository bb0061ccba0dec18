"""`build_model` against its density written out with SciPy, and against the model in PyMC's own terms."""

import warnings

import numpy as np
import pymc as pm
import pytensor
import pytensor.tensor as pt
import pytest
import xarray as xr
from numpy.testing import assert_allclose
from pytensor.compile.mode import Mode
from scipy import stats
from scipy.special import betaln, logsumexp
from scipy_std_priors import TRUTH, scipy_std_prior

from bayesgmm.bayes.model import build_model
from bayesgmm.bayes.priors import Prior
from bayesgmm.bayes.transforms import CorrelationCholesky
from bayesgmm.errors import DataError, ParameterError

# Compiling a model with numba takes most of a minute when nothing is cached, with the Python linker a second.
PYTHON = Mode(linker="py", optimizer="fast_compile").excluding("BlasOpt")

# K, D, and numbers that differ between features, so that one that goes to the wrong axis is noticed.
CASES = {
    "1x1-halfnormal": (1, 1, ("halfnormal", 2.0)),
    "3x1-exponential": (3, 1, ("exponential", 0.4)),
    "2x2-gamma": (2, 2, ("gamma", (2.0, 3.0), (1.2, 0.8))),
    "3x2-lognormal": (3, 2, ("lognormal", (0.1, 0.6), (0.5, 0.9))),
    "1x2-halfnormal": (1, 2, ("halfnormal", (1.0, 3.0))),
    "2x3-inversegamma": (2, 3, ("inversegamma", (3.0, 2.0, 4.0), (1.5, 2.5, 0.5))),
}


def rows(N, D):
    return 2 + 3 * np.random.default_rng(N + D).normal(size=(N, D))


def case_prior(K, D, std_prior, lkj_eta=1.7):
    return Prior(
        concentration=np.linspace(0.7, 2.5, K),
        mean_loc=np.linspace(1.0, 3.0, D),
        mean_scale=np.linspace(4.0, 2.0, D),
        std_prior=std_prior,
        lkj_eta=lkj_eta,
    )


def case_model(case, N=30):
    K, D, _ = CASES[case]
    X, prior = rows(N, D), case_prior(*CASES[case])
    return X, prior, build_model(X, K, prior)


def n_free(K, D):
    return K - 1 + 2 * K * D + K * D * (D - 1) // 2


def logp_and_gradient(model, mode=PYTHON):
    """Log density (with Jacobians) and its gradient, as a function of the raveled unconstrained vector."""
    K, D = (model.dim_lengths[d].get_value() for d in ("cluster", "feature"))
    # PyMC would compile its own starting point, for a single component in C.
    shapes = [(K - 1,), (K, D), (K, D), (K, D * (D - 1) // 2)][: len(model.value_vars)]
    start = {v.name: np.zeros(shape) for v, shape in zip(model.value_vars, shapes, strict=True)}
    f = model.logp_dlogp_function(ravel_inputs=True, initial_point=start, mode=mode)
    return f._pytensor_function


# ------------------------------------------------------------------ the density, written out


def weights_of(v):
    """Centred softmax; works for complex numbers, too."""
    e = np.exp(np.append(v, -v.sum()))
    return e / e.sum()


def correlation_of(v, D):
    """Free numbers row by row below a diagonal of ones; rows divided by their lengths."""
    y = np.eye(D, dtype=v.dtype)
    y[np.tril_indices(D, -1)] = v
    c = y / np.sqrt((y**2).sum(axis=1, keepdims=True))
    return c, c @ c.T


def log_abs_det(f, v):
    """log |det| of the Jacobian of f at v by complex steps: exact to rounding."""
    if len(v) == 0:
        return 0.0
    steps = v + 1e-30j * np.eye(len(v))
    return np.linalg.slogdet(np.array([f(s).imag / 1e-30 for s in steps]))[1]


def log_lkj(R, eta):
    """Density of a correlation matrix by its entries below the diagonal; LKJ (2009), eqs. 15 and 16."""
    D = len(R)
    k = np.arange(1, D)
    b = eta + (D - k - 1) / 2
    log_c = np.log(2) * ((2 * eta - 2 + D - k) * (D - k)).sum() + ((D - k) * betaln(b, b)).sum()
    return (eta - 1) * np.linalg.slogdet(R)[1] - log_c


def reference_logp(q, X, K, prior):
    """Log likelihood + log priors + log Jacobians at the unconstrained vector q."""
    N, D = X.shape
    p = prior.resolve(K, D)
    free = np.split(q, np.cumsum([K - 1, K * D, K * D]))
    means, log_stds = free[1].reshape(K, D), free[2].reshape(K, D)
    stds = np.exp(log_stds)
    weights = weights_of(free[0])
    total = stats.dirichlet(p.concentration).logpdf(weights) if K > 1 else 0.0
    total += log_abs_det(lambda v: weights_of(v)[:-1], free[0])
    total += stats.norm(p.mean_loc, p.mean_scale).logpdf(means).sum()
    total += scipy_std_prior(p.std_family, *p.std_numbers).logpdf(stds).sum() + log_stds.sum()
    log_densities = np.empty((K, N))
    below = np.tril_indices(D, -1)
    for k, v in enumerate(free[3].reshape(K, -1)):
        R = correlation_of(v, D)[1]
        if D > 1:
            total += log_lkj(R, p.lkj_eta) + log_abs_det(lambda v: correlation_of(v, D)[1][below], v)
        component = stats.multivariate_normal(means[k], R * np.outer(stds[k], stds[k]))
        log_densities[k] = np.log(weights[k]) + component.logpdf(X)
    return total + logsumexp(log_densities, axis=0).sum()


# ------------------------------------------------------------------ tests


@pytest.mark.parametrize("case", CASES)
def test_logp_is_likelihood_priors_and_jacobians(case):
    X, prior, model = case_model(case)
    K, D, _ = CASES[case]
    logp = logp_and_gradient(model)
    rng = np.random.default_rng(0)
    for _ in range(3):
        q = rng.normal(size=n_free(K, D))
        assert_allclose(logp(q)[0], reference_logp(q, X, K, prior), rtol=1e-9)


@pytest.mark.parametrize("case", CASES)
def test_gradient_is_that_of_differences(case):
    K, D, _ = CASES[case]
    logp = logp_and_gradient(case_model(case)[2])
    q = np.random.default_rng(1).normal(size=n_free(K, D))
    steps = 1e-5 * np.eye(len(q))
    expected = [(logp(q + s)[0] - logp(q - s)[0]) / 2e-5 for s in steps]
    assert_allclose(logp(q)[1], expected, rtol=1e-6, atol=1e-6 * np.abs(expected).max())


@pytest.mark.parametrize(
    "case", ["3x1-exponential", pytest.param("2x3-inversegamma", marks=pytest.mark.slow)]
)
def test_logp_is_that_of_pymcs_own_mixture(case):
    """Constrained, without Jacobians: priors by PyMC, likelihood by ``pm.Mixture`` of ``pm.MvNormal``."""
    X, prior, model = case_model(case)
    K, D, (_, first, *second) = CASES[case]
    p = prior.resolve(K, D)
    with pm.Model() as plain:
        w = pm.Dirichlet("weights", p.concentration)
        mu = pm.Normal("means", p.mean_loc, p.mean_scale, shape=(K, D))
        family = pm.InverseGamma if second else pm.Exponential
        sd = family("stds", first, *second, shape=(K, D))
        chol = sd[..., None]
        if D > 1:
            chol = chol * pm.LKJCorr("corr_chol", n=D, eta=prior.lkj_eta, shape=(K, D, D))
        pm.Mixture("x", w=w, comp_dists=pm.MvNormal.dist(mu=mu, chol=chol), observed=X)
    with pytensor.config.change_flags(mode="FAST_COMPILE"):
        points = pm.sample_prior_predictive(3, model=model, random_seed=1, var_names=unobserved(model))
    ours, theirs = (logp_of_constrained(m) for m in (model, plain))
    for draw in range(3):
        values = [points.prior[v.name].values[0, draw] for v in model.free_RVs]
        assert_allclose(ours(*values), theirs(*values), rtol=1e-9)


def unobserved(model):
    return [v.name for v in model.free_RVs]


def logp_of_constrained(model):
    """Log density of a model as a function of its constrained free variables."""
    values = [v.type() for v in model.free_RVs]
    data = {v: model.rvs_to_values[v] for v in model.observed_RVs}
    variables = dict(zip(model.free_RVs, values, strict=True)) | data
    terms = pm.logprob.conditional_logp(variables)
    return pytensor.function(values, pt.add(*(t.sum() for t in terms.values())), mode=PYTHON)


def test_names_dims_and_coordinates():
    X = rows(7, 2)
    model = build_model(X, 3, Prior.from_data(X), feature_names=["length", "width"])
    assert [v.name for v in model.free_RVs] == ["weights", "means", "stds", "corr_chol"]
    assert [v.name for v in model.observed_RVs] == ["x"]
    assert set(model.named_vars) == {"weights", "means", "stds", "corr_chol", "resolution", "x"}
    assert [v.name for v in model.value_vars] == [
        "weights_simplex__",
        "means",
        "stds_log__",
        "corr_chol_cholcorr__",
    ]
    assert dict(model.named_vars_to_dims) == {
        "weights": ("cluster",),
        "means": ("cluster", "feature"),
        "stds": ("cluster", "feature"),
        "corr_chol": ("cluster", "feature", "feature_bis"),
        "x": ("obs", "feature"),
    }
    assert model.coords == {
        "cluster": (0, 1, 2),
        "feature": ("length", "width"),
        "feature_bis": ("length", "width"),
        "obs": tuple(range(7)),
    }


@pytest.mark.parametrize("family", TRUTH)
def test_standard_deviations_are_free_as_logarithms_whatever_their_family(family):
    model = build_model(
        rows(5, 2), 2, case_prior(2, 2, (family, *TRUTH[family].numbers)), covariance_type="diag"
    )
    assert [v.name for v in model.value_vars] == ["weights_simplex__", "means", "stds_log__"]


def test_the_data_are_not_part_of_the_compiled_graph():
    """As a constant they would be compiled in, and every data set would be compiled anew."""
    X, _, model = case_model("2x2-gamma")
    data = model.rvs_to_values[model["x"]]
    assert isinstance(data, pytensor.compile.SharedVariable)
    assert_allclose(data.get_value(), X, rtol=0)
    q = np.random.default_rng(3).normal(size=n_free(2, 2))
    logp = logp_and_gradient(model)
    data.set_value(X[:11])
    assert_allclose(logp(q)[0], reference_logp(q, X[:11], 2, case_prior(*CASES["2x2-gamma"])), rtol=1e-9)


def test_standardised_data_and_prior_give_the_same_posterior():
    """log p(q) = log p'(q') - (N + K) sum log c, with q' the means and log stds in the new units."""
    X, prior, model = case_model("3x2-lognormal")
    K, D = 3, 2
    shift, scale = np.array([2.0, -1.0]), np.array([3.0, 0.01])
    scaled = build_model((X - shift) / scale, K, prior.standardised(shift, scale))
    q = np.random.default_rng(4).normal(size=n_free(K, D))
    a, b, c = K - 1, K - 1 + K * D, K - 1 + 2 * K * D
    moved = q.copy()
    moved[a:b] = ((q[a:b].reshape(K, D) - shift) / scale).ravel()
    moved[b:c] = (q[b:c].reshape(K, D) - np.log(scale)).ravel()
    expected = logp_and_gradient(scaled)(moved)[0] - (len(X) + K) * np.log(scale).sum()
    assert_allclose(logp_and_gradient(model)(q)[0], expected, rtol=1e-10)


@pytest.mark.parametrize("D", [2, 3, 5])
def test_correlation_transform(D):
    transform = CorrelationCholesky(D)
    value, n = pt.dmatrix(), D * (D - 1) // 2
    backward = pytensor.function(
        [value],
        [
            transform.backward(value),
            transform.log_jac_det(value),
            transform.forward(transform.backward(value)),
        ],
        mode=PYTHON,
    )
    v = np.random.default_rng(D).normal(size=(4, n)) * 2
    c, log_jacobian, again = backward(v)
    below = np.tril_indices(D, -1)
    assert_allclose(again, v, rtol=1e-12)
    for k in range(4):
        assert_allclose(c[k], correlation_of(v[k], D)[0], rtol=1e-14, atol=1e-16)
        expected = log_abs_det(lambda s: correlation_of(s, D)[0][below], v[k])
        assert_allclose(log_jacobian[k], expected, rtol=1e-11)


def test_prior_draws_have_the_moments_of_the_prior():
    """Of 3,000 draws, with errors of the order of 1/sqrt(3000)."""
    X = rows(4, 3)
    prior = case_prior(2, 3, ("gamma", (4.0, 6.0, 9.0), (2.0, 1.0, 3.0)))
    model = build_model(X, 2, prior)
    with pytensor.config.change_flags(mode="FAST_COMPILE"):
        tree = pm.sample_prior_predictive(3000, model=model, random_seed=2)
    draws = {v: tree.prior[v].values[0] for v in ("weights", "means", "stds", "corr_chol")}
    a = np.linspace(0.7, 2.5, 2)
    R = draws["corr_chol"] @ draws["corr_chol"].swapaxes(-1, -2)
    # Each correlation is Beta(b, b) on (-1, 1), b = eta - 1 + D / 2, with variance 1 / (2 b + 1).
    b = prior.lkj_eta - 1 + 3 / 2
    expected = {
        "weights": (draws["weights"], a / a.sum()),
        "means": (draws["means"], np.broadcast_to([1.0, 2.0, 3.0], (2, 3))),
        "means squared": ((draws["means"] - [1.0, 2.0, 3.0]) ** 2, np.broadcast_to([16.0, 9.0, 4.0], (2, 3))),
        "stds": (draws["stds"], np.broadcast_to([2.0, 6.0, 3.0], (2, 3))),
        "correlations squared": (R[:, :, [1, 2, 2], [0, 0, 1]] ** 2, np.full((2, 3), 1 / (2 * b + 1))),
    }
    assert stats.kstest((R[:, :, [1, 2, 2], [0, 0, 1]].ravel() + 1) / 2, stats.beta(b, b).cdf).pvalue > 1e-4
    for sample, mean in expected.values():
        error = sample.std(axis=0) / np.sqrt(len(sample))
        assert (error < 0.05 * mean.max() + 0.01).all()
        assert (np.abs(sample.mean(axis=0) - mean) < 4.5 * error).all()
    assert tree.prior_predictive["x"].shape == (1, 3000, 4, 3)


def posterior_tree(model, draws):
    """A stand-in for a posterior: draws from the prior, as ArviZ would hold them."""
    prior = pm.sample_prior_predictive(draws, model=model, random_seed=5, var_names=unobserved(model))
    return xr.DataTree.from_dict({"posterior": prior["prior"].to_dataset()})


@pytest.fixture
def tools_of_pymc():
    with pytensor.config.change_flags(mode="FAST_COMPILE"):
        yield


def assert_pymc_tools_work(case):
    X, _, model = case_model(case)
    D = X.shape[1]
    tree = posterior_tree(model, draws=2)
    with model, warnings.catch_warnings():
        # Among others the warning that the model's data changed since the draws were made.
        warnings.simplefilter("error")
        pm.compute_log_likelihood(tree, progressbar=False)
        pm.stats.compute_log_prior(tree, progressbar=False)
        predictive = pm.sample_posterior_predictive(tree, random_seed=6, progressbar=False)
    assert tree.log_likelihood["x"].dims == ("chain", "draw", "obs")
    assert predictive.posterior_predictive["x"].shape == (1, 2, *X.shape)
    assert set(tree.log_prior.data_vars) == set(unobserved(model))
    for draw in range(2):
        p = {v: tree.posterior[v].values[0, draw] for v in unobserved(model)}
        covariances = [
            (s[:, None] * c) @ (s[:, None] * c).T for s, c in zip(p["stds"], p["corr_chol"], strict=True)
        ]
        parts = [
            np.log(w) + stats.multivariate_normal(m, S).logpdf(X)
            for w, m, S in zip(p["weights"], p["means"], covariances, strict=True)
        ]
        assert_allclose(tree.log_likelihood["x"].values[0, draw], logsumexp(parts, axis=0), rtol=1e-9)
        of_means = stats.norm(np.linspace(1.0, 3.0, D), np.linspace(4.0, 2.0, D)).logpdf(p["means"])
        assert_allclose(tree.log_prior["means"].values[0, draw], of_means, rtol=1e-9)


def test_log_likelihood_log_prior_and_predictions_of_a_posterior(tools_of_pymc):
    assert_pymc_tools_work("2x3-inversegamma")


@pytest.mark.slow
def test_the_same_compiled_with_numba():
    """As users run it: the default mode, for PyMC's tools and for the sampler's function."""
    assert_pymc_tools_work("2x2-gamma")
    model = case_model("2x2-gamma")[2]
    compiled, interpreted = logp_and_gradient(model, mode="NUMBA"), logp_and_gradient(model)
    for seed in range(3):
        q = np.random.default_rng(seed).normal(size=n_free(2, 2))
        for a, b in zip(compiled(q), interpreted(q), strict=True):
            assert_allclose(a, b, rtol=1e-11, atol=1e-11 * np.abs(b).max())


@pytest.mark.parametrize(
    ("error", "arguments", "details"),
    [
        (
            ParameterError,
            (np.ones((3, 2)), 2, case_prior(2, 2, ("halfnormal", 1.0)), ["a"]),
            {"n_names": 1, "n_columns": 2},
        ),
        (
            ParameterError,
            (np.ones((3, 2)), 0, case_prior(2, 2, ("halfnormal", 1.0))),
            {"name": "n_components", "value": 0, "minimum": 1},
        ),
        (
            ParameterError,
            (np.ones((3, 2)), 2, case_prior(2, 3, ("halfnormal", 1.0))),
            {"name": "mean_loc", "expected": 2, "given": 3},
        ),
        (
            DataError,
            (np.array([[1.0, np.nan]]), 2, case_prior(2, 2, ("halfnormal", 1.0))),
            {"row": 0, "column": 1},
        ),
    ],
)
def test_what_no_model_can_be_built_of_is_refused(error, arguments, details, golden):
    with golden.raises(error, **details):
        build_model(*arguments)
