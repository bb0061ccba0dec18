"""The Ops on JAX against the kernel."""

import numpy as np
import pymc as pm
import pytensor
import pytensor.tensor as pt
import pytest
from numpy.testing import assert_allclose

jax = pytest.importorskip("jax")

from pytensor.compile.mode import Mode  # noqa: E402

import bayesgmm.bayes.jax  # noqa: E402, F401
from bayesgmm.bayes import GaussianMixture  # noqa: E402
from bayesgmm.bayes.distribution import log_density, log_likelihood  # noqa: E402

PYTHON = Mode(linker="py", optimizer="fast_compile").excluding("BlasOpt")
jax.config.update("jax_enable_x64", True)


def case(seed=0, K=3, D=2, N=40):
    rng = np.random.default_rng(seed)
    factors = np.tril(rng.normal(size=(K, D, D)), -1) + np.eye(D) * rng.uniform(0.5, 2, size=(K, D, 1))
    return rng.normal(size=(N, D)), np.log(rng.dirichlet(np.ones(K))), rng.normal(size=(K, D)), factors


def both(inputs, outputs, *values):
    on_jax = pytensor.function(inputs, outputs, mode="JAX")(*values)
    return on_jax, pytensor.function(inputs, outputs, mode=PYTHON)(*values)


@pytest.mark.parametrize("weighted", [False, True])
def test_values_and_gradients_are_the_kernels(weighted):
    X, *parameters = case()
    g = np.random.default_rng(1).uniform(0, 3, len(X)) if weighted else np.empty(0)
    inputs = [pt.dvector("lw"), pt.dmatrix("m"), pt.dtensor3("c")]
    density = log_density(X, *inputs)
    outputs = [density, *log_likelihood.make_node(X, g, *inputs).outputs]
    for a, b in zip(*both(inputs, outputs, *parameters), strict=True):
        assert_allclose(a, b, rtol=1e-10, atol=1e-10)


def test_parameters_without_a_density_give_minus_infinity():
    X, log_weights, means, factors = case()
    factors[1, 0, 0] = 0.0
    inputs = [pt.dvector("lw"), pt.dmatrix("m"), pt.dtensor3("c")]
    (on_jax,), _ = both(inputs, [log_likelihood(X, np.empty(0), *inputs)], log_weights, means, factors)
    assert on_jax == -np.inf


def test_a_model_has_the_same_gradient_on_jax():
    X, log_weights, means, factors = case()
    with pm.Model() as model:
        m = pm.Normal("m", 0, 2, shape=means.shape)
        GaussianMixture("x", np.exp(log_weights), m, factors, observed=X)
    of = {m.name: means}
    logp = model.compile_fn(model.dlogp(), mode="JAX")(of)
    assert_allclose(logp, model.compile_fn(model.dlogp(), mode=PYTHON)(of), rtol=1e-9)
