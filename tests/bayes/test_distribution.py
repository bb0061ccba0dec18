"""`GaussianMixture`: density against SciPy, gradients against differences, draws against moments."""

import numpy as np
import pymc as pm
import pytensor
import pytensor.tensor as pt
import pytest
from numpy.testing import assert_allclose
from pymc.logprob.utils import ParameterValueError
from pytensor.compile.mode import Mode
from pytensor.gradient import NullTypeGradError, verify_grad
from pytensor.graph.replace import vectorize_graph
from pytensor.graph.traversal import ancestors
from scipy.special import logsumexp
from scipy.stats import multivariate_normal

from bayesgmm.bayes import distribution
from bayesgmm.bayes.distribution import (
    GaussianMixture,
    MixtureLogDensity,
    MixtureLogLikelihood,
    log_density,
    log_likelihood,
)
from bayesgmm.errors import DataError, ParameterError

# Compiling with numba takes seconds a graph; the Python linker runs the same kernels through `perform`.
PYTHON = Mode(linker="py", optimizer="fast_compile").excluding("BlasOpt")
SHAPES = [(1, 1), (3, 1), (2, 2), (3, 3)]
NO_WEIGHTS = np.empty(0)


def random_mixture(seed, K, D):
    """Weights (K,), means (K, D) and Cholesky factors (K, D, D)."""
    rng = np.random.default_rng(seed)
    cholesky = np.tril(rng.normal(size=(K, D, D)), -1) + np.eye(D) * rng.uniform(0.5, 2.0, size=(K, D, 1))
    return rng.dirichlet(np.full(K, 3.0)), 2 * rng.normal(size=(K, D)), cholesky


def random_rows(seed, N, D):
    return 3 * np.random.default_rng(seed + 1000).normal(size=(N, D))


def scipy_log_density(X, weights, means, cholesky):
    parts = [
        np.log(w) + multivariate_normal(m, L @ L.T).logpdf(X)
        for w, m, L in zip(weights, means, cholesky, strict=True)
    ]
    return logsumexp(np.stack([np.atleast_1d(p) for p in parts]), axis=0)


def python_function(inputs, outputs):
    return pytensor.function(inputs, outputs, mode=PYTHON)


@pytest.fixture(scope="module")
def logp():
    """The distribution's log density as a function of rows, weights, means and Cholesky factors."""
    inputs = [pt.dmatrix("X"), pt.dvector("w"), pt.dmatrix("m"), pt.dtensor3("c")]
    X, w, m, c = inputs
    return python_function(inputs, pm.logp(GaussianMixture.dist(weights=w, means=m, cholesky=c), X))


@pytest.mark.parametrize(("K", "D"), SHAPES)
@pytest.mark.parametrize("N", [1, 300])
def test_log_density_is_scipys(logp, K, D, N):
    X, mixture = random_rows(K, N, D), random_mixture(K, K, D)
    assert_allclose(logp(X, *mixture), scipy_log_density(X, *mixture), rtol=1e-10)


def test_sum_is_scipys():
    X, (w, m, c) = random_rows(0, 300, 2), random_mixture(0, 3, 2)
    total = log_likelihood(X, NO_WEIGHTS, np.log(w), m, c).eval(mode=PYTHON)
    assert_allclose(total, scipy_log_density(X, w, m, c).sum(), rtol=1e-12)


def test_log_density_of_any_number_of_leading_axes():
    w, m, c = random_mixture(1, 2, 3)
    X = random_rows(1, 12, 3)
    expected = scipy_log_density(X, w, m, c)
    dist = GaussianMixture.dist(w, m, c)
    assert_allclose(pm.logp(dist, X[0]).eval(mode=PYTHON), expected[0], rtol=1e-12)
    grid = pm.logp(GaussianMixture.dist(w, m, c, size=(3, 4)), X.reshape(3, 4, 3))
    assert_allclose(grid.eval(mode=PYTHON), expected.reshape(3, 4), rtol=1e-12)


def test_log_density_of_many_draws_at_once():
    draws = [random_mixture(seed, 2, 2) for seed in range(4)]
    X = random_rows(2, 5, 2)
    w, m, c = pt.dvector(), pt.dmatrix(), pt.dtensor3()
    of_one = pm.logp(GaussianMixture.dist(w, m, c), X)
    stacked = [np.stack(v) for v in zip(*draws, strict=True)]
    of_all = vectorize_graph(of_one, replace=dict(zip((w, m, c), map(pt.as_tensor, stacked), strict=True)))
    assert_allclose(of_all.eval(mode=PYTHON), [scipy_log_density(X, *d) for d in draws], rtol=1e-10)


def central_differences(f, values, step=1e-5):
    """Gradient of the scalar f by each of several arrays; its error is about 1e-10 of the largest numbers."""
    gradients = []
    for which, value in enumerate(values):
        gradient = np.empty_like(value)
        for at in np.ndindex(value.shape):
            moved = []
            for sign in (1, -1):
                shifted = [v.copy() for v in values]
                shifted[which][at] += sign * step
                moved.append(f(*shifted))
            gradient[at] = (moved[0] - moved[1]) / (2 * step)
        gradients.append(gradient)
    return gradients


def assert_gradients_close(actual, expected):
    for a, b in zip(actual, expected, strict=True):
        assert_allclose(a, b, rtol=1e-6, atol=1e-6 * max(1.0, np.abs(b).max()))


@pytest.mark.parametrize(("K", "D"), SHAPES)
def test_gradients_are_those_of_differences(K, D):
    """Of a sum over rows with weights g of both signs, through the rows; and of the plain sum."""
    X, (w, m, c) = random_rows(3, 20, D), random_mixture(3, K, D)
    parameters = [pt.dvector("lw"), pt.dmatrix("m"), pt.dtensor3("c")]
    values = [np.log(w), m, c]
    g = np.random.default_rng(3).normal(size=len(X))
    for total in (pt.dot(g, log_density(X, *parameters)), 2.0 * log_likelihood(X, NO_WEIGHTS, *parameters)):
        f = python_function(parameters, total)
        gradient = python_function(parameters, pt.grad(total, parameters))
        assert_gradients_close(gradient(*values), central_differences(f, values))


@pytest.mark.slow
def test_numba_gives_what_python_gives():
    inputs = [pt.dmatrix("X"), pt.dvector("g"), pt.dvector("lw"), pt.dmatrix("m"), pt.dtensor3("c")]
    X, g, *parameters = inputs
    outputs = [log_density(X, *parameters), *log_likelihood.make_node(*inputs).outputs]
    compiled, interpreted = pytensor.function(inputs, outputs, mode="NUMBA"), python_function(inputs, outputs)
    rows, (w, m, c) = random_rows(5, 200, 2), random_mixture(5, 3, 2)
    for sample_weight in (NO_WEIGHTS, np.random.default_rng(5).normal(size=len(rows))):
        values = [rows, sample_weight, np.log(w), m, c]
        for a, b in zip(compiled(*values), interpreted(*values), strict=True):
            assert_allclose(a, b, rtol=1e-12, atol=1e-12 * np.abs(b).max())


def test_a_weight_of_zero_leaves_its_component_out():
    X, (w, m, c) = random_rows(6, 40, 2), random_mixture(6, 3, 2)
    w = np.array([0.3, 0.0, 0.7])
    expected = scipy_log_density(X, w[[0, 2]], m[[0, 2]], c[[0, 2]])
    with np.errstate(divide="ignore"):
        log_weights = np.log(w)
    assert_allclose(log_density(X, log_weights, m, c).eval(mode=PYTHON), expected, rtol=1e-12)
    outputs = log_likelihood.make_node(X, NO_WEIGHTS, log_weights, m, c).outputs
    total, *gradient = python_function([], outputs)()
    assert_allclose(total, expected.sum(), rtol=1e-12)
    assert all(np.isfinite(v).all() for v in gradient)
    assert all((v[1] == 0).all() for v in gradient)


@pytest.mark.parametrize("fault", ["cholesky", "weights"])
def test_parameters_without_a_density_give_minus_infinity(fault):
    X, (w, m, c) = random_rows(7, 10, 2), random_mixture(7, 2, 2)
    log_weights = np.log(w)
    if fault == "cholesky":
        c[1, 1, 1] = 0.0
    else:
        log_weights[:] = -np.inf
    assert (log_density(X, log_weights, m, c).eval(mode=PYTHON) == -np.inf).all()
    outputs = log_likelihood.make_node(X, NO_WEIGHTS, log_weights, m, c).outputs
    total, *gradient = python_function([], outputs)()
    assert total == -np.inf
    assert [v.shape for v in gradient] == [(2,), (2, 2), (2, 2, 2)]
    assert all((v == 0).all() for v in gradient)


def test_the_model_takes_value_and_gradient_from_one_node():
    w, m, c = random_mixture(8, 2, 2)
    X = random_rows(8, 30, 2)
    with pm.Model() as model:
        means = pm.Normal("means", 0.0, 3.0, shape=(2, 2))
        GaussianMixture("x", weights=w, means=means, cholesky=c, observed=X)
    f = model.logp_dlogp_function(ravel_inputs=True, mode=PYTHON)
    ops = [type(node.op) for node in f._pytensor_function.maker.fgraph.toposort()]
    assert ops.count(MixtureLogLikelihood) == 1
    assert ops.count(MixtureLogDensity) == 0
    # Row by row it stays what leave-one-out needs.
    (rows,) = model.logp(sum=False, vars=[model["x"]])
    nodes = {type(v.owner.op) for v in ancestors([rows]) if v.owner is not None}
    assert MixtureLogDensity in nodes
    assert rows.eval({model.rvs_to_values[means]: m}, mode=PYTHON).shape == (30,)


FACTORS = {
    "tied": (lambda c: c[0], lambda c: np.stack([c[0]] * len(c))),
    "diag": (
        lambda c: np.diagonal(c, axis1=1, axis2=2),
        lambda c: np.stack([np.diag(np.diag(f)) for f in c]),
    ),
    "spherical": (lambda c: c[:, 0, 0], lambda c: np.stack([f[0, 0] * np.eye(len(f)) for f in c])),
    "tied_diag": (lambda c: np.diag(c[0]), lambda c: np.stack([np.diag(np.diag(c[0]))] * len(c))),
    "tied_spherical": (lambda c: c[0, 0, 0], lambda c: np.stack([c[0, 0, 0] * np.eye(len(c[0]))] * len(c))),
}


@pytest.mark.parametrize("family", list(FACTORS))
@pytest.mark.parametrize(("K", "D"), [(1, 1), (3, 2), (2, 2), (2, 3)])
def test_families_are_full_covariances_of_their_shape(family, K, D):
    X, (w, m, c) = random_rows(20, 30, D), random_mixture(20, K, D)
    given, full = FACTORS[family]
    expected = scipy_log_density(X, w, m, full(c))
    dist = GaussianMixture.dist(w, m, given(c), covariance_type=family)
    assert_allclose(pm.logp(dist, X).eval(mode=PYTHON), expected, rtol=1e-10)


def test_a_row_of_weight_three_is_three_rows_and_costs_one_pass():
    X, (w, m, c) = random_rows(21, 30, 2), random_mixture(21, 2, 2)
    sample_weight = np.random.default_rng(21).integers(0, 4, 30)
    with pm.Model() as weighted:
        means = pm.Normal("means", 0.0, 3.0, shape=(2, 2))
        GaussianMixture("x", w, means, c, sample_weight=sample_weight, observed=X)
    with pm.Model() as repeated:
        GaussianMixture(
            "x",
            w,
            pm.Normal("means", 0.0, 3.0, shape=(2, 2)),
            c,
            observed=np.repeat(X, sample_weight, axis=0),
        )
    functions = [v.logp_dlogp_function(ravel_inputs=True, mode=PYTHON) for v in (weighted, repeated)]
    for a, b in zip(functions[0](m.ravel()), functions[1](m.ravel()), strict=True):
        assert_allclose(a, b, rtol=1e-12)
    ops = [type(node.op) for node in functions[0]._pytensor_function.maker.fgraph.toposort()]
    assert ops.count(MixtureLogLikelihood) == 1
    assert ops.count(MixtureLogDensity) == 0
    (rows,) = weighted.logp(sum=False, vars=[weighted["x"]])
    got = rows.eval({weighted.rvs_to_values[means]: m}, mode=PYTHON)
    assert_allclose(got, sample_weight * scipy_log_density(X, w, m, c), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("weights", [[-1.0, 1.0, 1.0], [np.nan, 1.0, 1.0], [0.0, 0.0, 0.0]])
def test_what_is_no_weight_is_refused(weights):
    with pytest.raises(DataError, match="sample_weight"):
        GaussianMixture.dist([1.0], np.zeros((1, 2)), np.eye(2)[None], sample_weight=weights)


def test_weights_of_other_rows_are_refused():
    with pm.Model(), pytest.raises(DataError, match=r"shape \(5,\)"):
        GaussianMixture(
            "x", [1.0], np.zeros((1, 2)), np.eye(2)[None], sample_weight=np.ones(3), observed=np.eye(5, 2)
        )


def test_sample_weight_of_two_axes_are_refused(golden):
    w, m, c = random_mixture(22, 2, 2)
    with golden.raises(ParameterError, n_axes=2):
        GaussianMixture.dist(w, m, c, sample_weight=np.ones((3, 1)))


def test_the_gradient_by_the_rows_weights_is_their_log_density():
    X, (w, m, c) = random_rows(23, 7, 2), random_mixture(23, 2, 2)
    sample_weight = pt.dvector("sample_weight")
    rows = log_density(X, np.log(w), m, c)
    for total in (log_likelihood(X, sample_weight, np.log(w), m, c), (sample_weight * rows).sum()):
        gradient = pt.grad(total, sample_weight).eval({sample_weight: np.arange(7.0)}, mode=PYTHON)
        assert_allclose(gradient, scipy_log_density(X, w, m, c), rtol=1e-10)


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        (
            lambda X: np.where(X[2, 1] == X, np.nan, X),
            r"^X contains 1 missing \(NaN\) value\(s\), the first in row 2",
        ),
        (lambda X: np.ma.masked_equal(X, X[0, 0]), r"^X is a masked array with 1 masked value,"),
    ],
)
def test_missing_values_are_refused_instead_of_imputed(fault, sentence):
    w, m, c = random_mixture(24, 2, 2)
    with pm.Model(), pytest.raises(DataError, match=sentence):
        GaussianMixture("x", w, m, c, observed=fault(random_rows(24, 5, 2)))


def test_draws_and_density_read_the_same_half_of_a_factor():
    w, m, c = random_mixture(25, 2, 2)
    above = c + np.triu(np.full((2, 2), 9.0), 1)
    clean, junk = (
        pm.draw(GaussianMixture.dist(w, m, f, size=(50,)), random_seed=3, mode=PYTHON) for f in (c, above)
    )
    assert np.array_equal(clean, junk)
    X = random_rows(25, 5, 2)
    assert_allclose(
        pm.logp(GaussianMixture.dist(w, m, above), X).eval(mode=PYTHON),
        scipy_log_density(X, w, m, c),
        rtol=1e-10,
    )


def test_a_sum_over_groups_of_rows_is_left_alone():
    w, m, c = random_mixture(9, 2, 2)
    X = random_rows(9, 6, 2)
    expected = scipy_log_density(X, w, m, c)
    sums = log_density(X, np.log(w), m, c).reshape((2, 3)).sum(axis=1).eval(mode=PYTHON)
    assert_allclose(sums, expected.reshape(2, 3).sum(axis=1), rtol=1e-12)


def test_draws_have_the_moments_of_the_mixture():
    """Of each component apart: they lie so far from each other that every row shows where it is from."""
    N = 40_000
    w, _, c = random_mixture(10, 3, 2)
    m = np.array([[0.0, 0.0], [100.0, 0.0], [0.0, 100.0]])
    x = pm.draw(GaussianMixture.dist(w, m, c, size=(N,)), random_seed=1, mode=PYTHON)
    label = np.square(x[:, None, :] - m).sum(axis=2).argmin(axis=1)
    for k in range(3):
        own = x[label == k] - m[k]
        products = np.einsum("ni,nj->nij", own, own)
        for sample, expected in ((label == k, w[k]), (own, np.zeros(2)), (products, c[k] @ c[k].T)):
            error = sample.std(axis=0) / np.sqrt(len(sample))
            assert (error < 0.1).all()
            assert (np.abs(sample.mean(axis=0) - expected) < 4.5 * error).all()


def test_draws_repeat_with_the_seed_and_differ_between_draws():
    dist = GaussianMixture.dist(*random_mixture(11, 2, 2), size=(5,))
    a, b = (pm.draw(dist, draws=2, random_seed=3, mode=PYTHON) for _ in range(2))
    assert_allclose(a, b, rtol=0)
    assert (a[0] != a[1]).all()
    assert pm.draw(GaussianMixture.dist(*random_mixture(11, 2, 3)), mode=PYTHON).shape == (3,)


def test_integers_and_data_frames_can_be_observed():
    pd = pytest.importorskip("pandas")
    w, m, c = random_mixture(12, 2, 2)
    X = pd.DataFrame({"a": [0, 1, -2], "b": [3, 0, 1]})
    with pm.Model(coords={"obs": range(3), "feature": ["a", "b"]}) as model:
        GaussianMixture("x", weights=w, means=m, cholesky=c, observed=X, dims=("obs", "feature"))
    (rows,) = model.logp(sum=False)
    assert_allclose(rows.eval(mode=PYTHON), scipy_log_density(X.to_numpy(), w, m, c), rtol=1e-10)


def test_weights_that_do_not_sum_to_one_are_refused_outside_a_model_and_impossible_inside():
    _, m, c = random_mixture(13, 2, 2)
    X, w = random_rows(13, 3, 2), np.array([0.5, 0.6])
    with pytest.raises(ParameterValueError) as e:
        pm.logp(GaussianMixture.dist(w, m, c), X).eval(mode=PYTHON)
    assert str(e.value).splitlines()[0] == (
        "weights of a GaussianMixture are non-negative and sum to one over the components"
    )
    with pm.Model() as model:
        GaussianMixture("x", w, m, c, observed=X)
    assert model.compile_logp(mode=PYTHON)({}) == -np.inf


@pytest.mark.parametrize(
    "shapes",
    [
        [(3,), (2, 2), (2, 2, 2)],
        [(2,), (2, 2), (2, 2)],
        [(2,), (2, 3), (2, 2, 2)],
        [(2,), (2, 2), (2, 2, 3)],
        [(1, 2), (2, 2), (2, 2, 2)],
        [(3,), (3, 2), (3, 3, 3)],
    ],
)
def test_shapes_that_disagree_are_refused(shapes, golden):
    with golden.raises(ParameterError, shapes=shapes):
        GaussianMixture.dist(*(np.ones(s) for s in shapes))


def test_shapes_of_other_families_are_refused(golden):
    with golden.raises(ParameterError, shapes=[(2,), (2, 3), (3, 3)]):
        GaussianMixture.dist(np.ones(2), np.ones((2, 3)), np.ones((3, 3)), covariance_type="diag")
    with pytest.raises(ParameterError, match="covariance_type must be one of 'full', 'tied'"):
        GaussianMixture.dist(np.ones(2), np.ones((2, 3)), np.ones((3, 3)), covariance_type="round")


def test_unknown_lengths_print_as_such(golden):
    with golden.raises(ParameterError, shapes=[(None,), (None, None), (None, None)]):
        GaussianMixture.dist(pt.dvector(), pt.dmatrix(), pt.dmatrix())


def test_shapes_that_disagree_when_it_runs_are_refused(golden):
    """Without a check the kernels would read beyond the ends of their arrays."""
    inputs = [pt.dmatrix(), pt.dvector(), pt.dmatrix(), pt.dtensor3()]
    f = python_function(inputs, log_density(*inputs))
    w, m, c = random_mixture(14, 2, 2)
    for wrong in ((random_rows(0, 4, 3), w, m, c), (random_rows(0, 4, 2), w[:1], m, c)):
        with pytest.raises(ValueError, match="A Gaussian mixture needs rows") as e:
            f(*wrong)
        golden(str(e.value).splitlines()[0])


def test_sample_weight_of_another_length_are_refused(golden):
    w, m, c = random_mixture(14, 2, 2)
    with pytest.raises(ValueError, match="The rows of") as e:
        log_likelihood(random_rows(0, 4, 2), np.ones(3), np.log(w), m, c).eval(mode=PYTHON)
    golden(str(e.value).splitlines()[0])


def test_ops_refuse_other_numbers_of_axes(golden):
    with golden.raises(TypeError):
        log_density(np.ones(2), np.ones(2), np.ones((2, 2)), np.ones((2, 2, 2)))


def test_a_gradient_that_does_not_exist_is_an_error_not_a_zero():
    w, m, c = random_mixture(15, 2, 2)
    X, means = pt.dmatrix("X"), pt.dmatrix("means")
    total = log_likelihood(X, NO_WEIGHTS, np.log(w), means, c)
    for of in (total, log_density(X, np.log(w), m, c).sum()):
        with pytest.raises(NullTypeGradError, match="has no gradient by its data; use it as observed"):
            pt.grad(of, X)
    with pytest.raises(NullTypeGradError, match="Second derivatives are not implemented"):
        pt.grad(pt.grad(total, means).sum(), means)


def test_the_cache_is_told_of_changed_kernels(tmp_path, monkeypatch):
    """PyTensor would otherwise run the old machine code after an upgrade."""
    assert distribution._kernel_version() == distribution.KERNEL_VERSION
    changed = tmp_path / "kernels.py"
    changed.write_text("# another kernel")
    monkeypatch.setattr(distribution.kernels, "__file__", str(changed))
    assert distribution._kernel_version() != distribution.KERNEL_VERSION
    for dispatch in (distribution._numba_log_density, distribution._numba_log_likelihood):
        assert dispatch(None)[1] == distribution.KERNEL_VERSION


def test_pytensors_own_check_of_gradients_passes():
    X, (w, m, c) = random_rows(23, 15, 2), random_mixture(23, 2, 2)
    lower = np.tril(np.ones((2, 2)))
    for of in (
        lambda lw, m, c: log_density(X, lw, m, c * lower),
        lambda lw, m, c: log_likelihood(X, np.arange(15.0), lw, m, c * lower),
    ):
        verify_grad(of, [np.log(w), m, c], rng=np.random.default_rng(0), mode=PYTHON)
