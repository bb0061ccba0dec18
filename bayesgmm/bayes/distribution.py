"""`GaussianMixture`: a mixture of Gaussians as a PyMC distribution.

The labels are summed out, so that no discrete variable is left to sample. Two Ops compute the density, with
:mod:`bayesgmm.mixture.kernels`:

* `MixtureLogDensity` gives log p(x_n) of each row, shape (N,): what ``pm.compute_log_likelihood`` stores and
  ``az.loo`` reads;
* `MixtureLogLikelihood` gives a weighted sum over rows **and** its gradient in one pass. With the cotangent
  as weights it is the gradient of the first. With no weights, or with those of the rows, it is the
  log-likelihood: PyMC simplifies the log density of a model before it differentiates it, and at that moment
  `fuse_sum` puts this Op in the place of the sum.

Gradients by the log weights take them as free numbers; the constraint that weights sum to one lies in the
transform of the weights. There is no gradient by the data.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytensor.tensor as pt
from numpy.typing import ArrayLike, NDArray
from pymc.distributions.dist_math import check_parameters
from pymc.distributions.distribution import Distribution, SymbolicRandomVariable
from pymc.distributions.shape_utils import rv_size_is_none
from pymc.logprob.abstract import _logprob
from pymc.pytensorf import normalize_rng_param
from pytensor.gradient import DisconnectedType, grad_not_implemented
from pytensor.graph.basic import Apply, Variable
from pytensor.graph.fg import FunctionGraph
from pytensor.graph.op import Op
from pytensor.graph.rewriting.basic import node_rewriter
from pytensor.link.numba.dispatch.basic import numba_njit, register_funcify_default_op_cache_key
from pytensor.tensor import TensorVariable
from pytensor.tensor.math import Sum
from pytensor.tensor.random.utils import normalize_size_param
from pytensor.tensor.rewriting.basic import register_canonicalize

from bayesgmm import __version__
from bayesgmm.bayes.shapes import check_shapes
from bayesgmm.errors import ParameterError
from bayesgmm.mixture import kernels, missing_cells
from bayesgmm.mixture.covariance_family import CovarianceFamily
from bayesgmm.mixture.families import DEFAULT_FAMILY, posterior_family_of
from bayesgmm.rows.checks import check_data
from bayesgmm.rows.sample_weight import check_sample_weight
from bayesgmm.support import compilation

__all__ = ["GaussianMixture"]

Array = NDArray[np.float64]
Variables = Sequence[Variable]
Storage = list[list[Any]]


def _kernel_version() -> int:
    """What PyTensor's cache on disk has to know of the code that its compiled functions call.

    The cache remembers neither the source of these kernels nor that they moved to another module, and would
    run the old code, or fail to find it; so this number stands for sources, module names and release.
    """
    digest = hashlib.sha256(f"{__version__} {kernels.__name__} {__name__}".encode())
    for file in (compilation.__file__, missing_cells.__file__, kernels.__file__, __file__):
        digest.update(Path(file).read_bytes())
    return int.from_bytes(digest.digest()[:7])


KERNEL_VERSION = _kernel_version()


def _has_density(X: Array, log_weights: Array, means: Array, cholesky: Array) -> bool:
    """Whether these parameters define a density; refuses shapes that would be read beyond their ends."""
    K, D = means.shape
    if X.shape[1] != D or log_weights.shape[0] != K or cholesky.shape != (K, D, D):
        raise ValueError(
            "A Gaussian mixture needs rows (N, D), weights (K,), means (K, D), cholesky (K, D, D)."
        )
    largest = -np.inf
    for k in range(K):
        largest = max(largest, log_weights[k])
        for i in range(D):
            if cholesky[k, i, i] <= 0.0:
                return False
    return largest > -np.inf


has_density = compilation.inlined(_has_density)


# The next two functions are what PyTensor's Python linker calls as they stand, and its numba linker compiled.
# Parameters are brought to one memory layout, so that there is one version of the kernels to compile.
def mixture_log_density(X: Array, log_weights: Array, means: Array, cholesky: Array) -> Array:
    """log p(x_n), shape (N,); -inf where the parameters define no density."""
    out = np.full(X.shape[0], -np.inf)
    if has_density(X, log_weights, means, cholesky):
        kernels.evaluate(
            X,
            np.ascontiguousarray(log_weights),
            np.ascontiguousarray(means),
            np.ascontiguousarray(cholesky),
            out,
            np.empty((0, log_weights.shape[0])),
        )
    return out


def mixture_log_likelihood(
    X: Array, sample_weight: Array, log_weights: Array, means: Array, cholesky: Array
) -> tuple[Array, Array, Array, Array]:
    """sum_n g_n log p(x_n) with row weights g, and its gradient by log weights, means and Cholesky factors.

    Empty row weights mean one each. The sums of :func:`bayesgmm.mixture.kernels.accumulate` are linear in
    them, so that they may have either sign.
    """
    if sample_weight.shape[0] != 0 and sample_weight.shape[0] != X.shape[0]:
        raise ValueError("The rows of a Gaussian mixture need one weight each, or none at all.")
    if not has_density(X, log_weights, means, cholesky):
        return np.asarray(-np.inf), np.zeros_like(log_weights), np.zeros_like(means), np.zeros_like(cholesky)
    factors = np.ascontiguousarray(cholesky)
    total, s0, s1, s2 = kernels.accumulate(
        X,
        np.ascontiguousarray(sample_weight),
        np.ascontiguousarray(log_weights),
        np.ascontiguousarray(means),
        factors,
    )
    by_log_weight, by_mean, by_cholesky = kernels.gradient(s0, s1, s2, factors)
    return np.asarray(total), by_log_weight, by_mean, by_cholesky


def _parameters(*values: Any) -> tuple[TensorVariable, ...]:
    """Rows, log weights, means and Cholesky factors as variables."""
    inputs = tuple(pt.as_tensor(v).astype("float64") for v in values)
    if [v.type.ndim for v in inputs] != [2, 1, 2, 3]:
        raise TypeError(
            "The mixture Ops take rows (N, D), log weights (K,), means (K, D) and cholesky (K, D, D); "
            f"got arrays of {', '.join(str(v.type.ndim) for v in inputs)} dimensions."
        )
    return inputs


def _no_data_gradient(op: Op, X: Variable) -> Variable:
    return grad_not_implemented(
        op, 0, X, "A GaussianMixture has no gradient by its data; use it as observed."
    )


class MixtureLogDensity(Op):
    """Rows (N, D), log weights (K,), means (K, D), Cholesky factors (K, D, D) -> log p(x_n), shape (N,)."""

    __props__ = ()
    gufunc_signature = "(n,d),(k),(k,d),(k,d,d)->(n)"

    def make_node(self, *inputs: Any) -> Apply:
        inputs = _parameters(*inputs)
        return Apply(self, list(inputs), [pt.tensor(dtype="float64", shape=inputs[0].type.shape[:1])])

    def infer_shape(self, node: Apply, shapes: list[tuple]) -> list[tuple]:
        return [shapes[0][:1]]

    def perform(self, node: Apply, inputs: Sequence[Any], output_storage: Storage) -> None:
        output_storage[0][0] = mixture_log_density(*inputs)

    def pullback(self, inputs: Variables, outputs: Variables, cotangents: Variables) -> list[Variable]:
        X, *parameters = inputs
        _, *gradient = log_likelihood.make_node(X, cotangents[0], *parameters).outputs
        return [_no_data_gradient(self, X), *gradient]


class MixtureLogLikelihood(Op):
    """The inputs of `MixtureLogDensity`, with row weights g after the rows -> sum_n g_n log p(x_n) and its
    gradient by log weights, means and Cholesky factors. Empty row weights, shape (0,), mean one each."""

    __props__ = ()
    default_output = 0
    gufunc_signature = "(n,d),(m),(k),(k,d),(k,d,d)->(),(k),(k,d),(k,d,d)"

    def make_node(self, *inputs: Any) -> Apply:
        X, sample_weight, *parameters = inputs
        X, *parameters = _parameters(X, *parameters)
        inputs = (X, pt.as_tensor(sample_weight).astype("float64"), *parameters)
        return Apply(self, list(inputs), [pt.dscalar(), *(v.type() for v in parameters)])

    def infer_shape(self, node: Apply, shapes: list[tuple]) -> list[tuple]:
        return [(), *shapes[2:]]

    def perform(self, node: Apply, inputs: Sequence[Any], output_storage: Storage) -> None:
        for storage, value in zip(output_storage, mixture_log_likelihood(*inputs), strict=True):
            storage[0] = value

    def pullback(self, inputs: Variables, outputs: Variables, cotangents: Variables) -> list[Variable]:
        g, *of_gradient = cotangents
        if not all(isinstance(c.type, DisconnectedType) for c in of_gradient):
            # Silence would make a Hessian that lacks the likelihood.
            comment = "Second derivatives are not implemented; take differences of the gradient."
            return [grad_not_implemented(self, i, v, comment) for i, v in enumerate(inputs)]
        X, sample_weight, *parameters = inputs
        # Of the rows' own weights, such as a power that is itself unknown; none where each counts once.
        if sample_weight.type.shape == (0,):
            of_sample_weight = pt.zeros_like(sample_weight)
        else:
            of_sample_weight = pt.mul(g, log_density(X, *parameters))
        return [_no_data_gradient(self, X), of_sample_weight, *(pt.mul(g, out) for out in outputs[1:])]


log_density: Any = MixtureLogDensity()
log_likelihood: Any = MixtureLogLikelihood()


@register_funcify_default_op_cache_key(MixtureLogDensity)
def _numba_log_density(op: Op, node: Apply | None = None, **kwargs: Any) -> tuple:
    return numba_njit(mixture_log_density), KERNEL_VERSION


@register_funcify_default_op_cache_key(MixtureLogLikelihood)
def _numba_log_likelihood(op: Op, node: Apply | None = None, **kwargs: Any) -> tuple:
    return numba_njit(mixture_log_likelihood), KERNEL_VERSION


@register_canonicalize
@node_rewriter([Sum])
def fuse_sum(fgraph: FunctionGraph, node: Apply) -> list[Variable] | None:
    """sum(MixtureLogDensity(...)) -> MixtureLogLikelihood(...), value and gradient in one node; rows may have
    weights."""
    rows, sample_weight = node.inputs[0].owner, pt.as_tensor(np.empty(0))
    if rows is not None and rows.op == pt.mul and len(rows.inputs) == 2:
        for density, factor in (rows.inputs, rows.inputs[::-1]):
            of_rows = factor.type.ndim == 1 and not factor.type.broadcastable[0]
            if of_rows and density.owner is not None and isinstance(density.owner.op, MixtureLogDensity):
                rows, sample_weight = density.owner, factor
                break
    if rows is None or not isinstance(rows.op, MixtureLogDensity):
        return None
    X, *parameters = rows.inputs
    return [log_likelihood(X, sample_weight, *parameters)]


class GaussianMixtureRV(SymbolicRandomVariable):
    """Random rows of a mixture: a label for each, then a row of its component."""

    name = "gaussian_mixture"
    extended_signature = "[rng],[size],(k),(k,d),(k,d,d),(m)->[rng],(d)"
    _print_name = ("GaussianMixture", "\\operatorname{GaussianMixture}")

    @classmethod
    def rv_op(
        cls, weights: Any, means: Any, cholesky: Any, sample_weight: Any, *, size: Any = None, rng: Any = None
    ) -> Variable:
        """The symbolic draw, shape (\\*size, D); the weights of the rows take no part in it."""
        rng = normalize_rng_param(rng)
        size = normalize_size_param(size)
        batch = () if rv_size_is_none(size) else tuple(size)
        middle, label = pt.random.categorical(weights, size=batch, rng=rng, return_next_rng=True)
        last, noise = pt.random.normal(size=(*batch, means.shape[1]), rng=middle, return_next_rng=True)
        rows = means[label] + (pt.tril(cholesky)[label] * noise[..., None, :]).sum(-1)
        inputs = [rng, size, weights, means, cholesky, sample_weight]
        return cls(inputs=inputs, outputs=[last, rows])(*inputs)


class GaussianMixture(Distribution):
    r"""A mixture of K Gaussians in D dimensions, with the labels summed out.

    .. math:: p(x) = \sum_k \pi_k N(x; \mu_k, L_k L_k')

    Parameters
    ----------
    weights : tensor_like, shape (K,)
        Non-negative, summing to one over the components. A weight of exactly zero is allowed.
    means : tensor_like, shape (K, D)
    cholesky : tensor_like
        What the covariances L L' are made of, in the shape of the family: lower Cholesky factors (K, D, D)
        full and tied_corr, one such factor (D, D) tied, standard deviations (K, D) diag, VEI and EVI, (K,)
        spherical, (D,) tied_diag or a single number tied_spherical. What lies above a diagonal is not read.
    covariance_type : str, default "full"
    sample_weight : tensor_like, shape (N,), optional
        A row of weight 3 counts as three rows: its log density is multiplied by 3. Draws take no notice.

    Raises
    ------
    ParameterError
        Where shapes do not belong together.
    DataError
        Where observed values are missing, infinite or masked.

    Notes
    -----
    An observation is a row of D numbers. The log density can be differentiated once, not twice, and not by
    the rows: use the distribution with ``observed=``.

    Examples
    --------
    >>> import numpy as np, pymc as pm
    >>> from bayesgmm.bayes.distribution import GaussianMixture
    >>> X = np.array([[-1.0], [0.5], [2.0]])
    >>> with pm.Model() as model:
    ...     weights = pm.Dirichlet("weights", np.ones(2))
    ...     means = pm.Normal("means", 0.0, 2.0, shape=(2, 1))
    ...     stds = pm.LogNormal("stds", 0.0, 0.5, shape=(2, 1))
    ...     x = GaussianMixture("x", weights=weights, means=means, cholesky=stds[..., None], observed=X)
    >>> model.observed_RVs
    [x]
    """

    rv_type = GaussianMixtureRV
    rv_op = GaussianMixtureRV.rv_op

    def __new__(cls, name: str, *args: Any, observed: Any = None, **kwargs: Any) -> Any:
        """PyMC would impute what is missing, without a word; here it is refused."""
        if observed is not None and not isinstance(observed, Variable) and np.ndim(observed) == 2:
            check_data(observed)
            weights = kwargs.get("sample_weight")
            if weights is not None and not isinstance(weights, Variable):
                check_sample_weight(weights, len(observed))
        return super().__new__(cls, name, *args, observed=observed, **kwargs)

    @classmethod
    def dist(
        cls,
        weights: ArrayLike,
        means: ArrayLike,
        cholesky: ArrayLike,
        *,
        covariance_type: str = DEFAULT_FAMILY,
        sample_weight: ArrayLike | None = None,
        **kwargs: Any,
    ) -> TensorVariable:
        """The distribution outside of a model; takes ``size``, ``shape`` and ``rng`` like any other."""
        family = posterior_family_of(covariance_type)
        parameters = [pt.as_tensor(v).astype("float64") for v in (weights, means, cholesky)]
        check_shapes([v.type.shape for v in parameters], family)
        factors = _factors(parameters[1], parameters[2], family)
        if sample_weight is None:
            sample_weight = np.empty(0)
        elif not isinstance(sample_weight, Variable) and np.ndim(sample_weight) == 1:
            check_sample_weight(sample_weight, len(np.asarray(sample_weight)))
        of_rows = pt.as_tensor(sample_weight).astype("float64")
        if of_rows.type.ndim != 1:
            raise ParameterError(
                f"sample_weight must have one axis, a weight for each row; got {of_rows.type.ndim} axes.",
                n_axes=of_rows.type.ndim,
            )
        return super().dist([*parameters[:2], factors, of_rows], **kwargs)

    @staticmethod
    def support_point(
        rv: TensorVariable, size: Any, weights: Any, means: Any, cholesky: Any, sample_weight: Any
    ) -> TensorVariable:
        """The mean of the mixture, for every row."""
        return pt.broadcast_to(weights @ means, rv.shape)


# Registered here rather than as a method of the class: PyMC would broadcast what a method returns to the
# number of rows, and the broadcast would come between the density and its sum.
@_logprob.register(GaussianMixtureRV)
def _mixture_logprob(
    op: Op, values: Any, rng: Any, size: Any, *parameters: Any, **kwargs: Any
) -> TensorVariable:
    (value,) = values
    weights, means, cholesky, sample_weight = parameters
    log_weights = check_parameters(
        pt.log(weights),
        pt.all(weights >= 0),
        pt.isclose(weights.sum(), 1.0),
        msg="weights of a GaussianMixture are non-negative and sum to one over the components",
    )
    if value.type.ndim == 2:
        density = log_density(value, log_weights, means, cholesky)
        return density if sample_weight.type.shape == (0,) else sample_weight * density
    if sample_weight.type.shape != (0,):
        raise ParameterError(
            f"sample_weight needs rows of shape (N, D); the value has {value.type.ndim} axes, not 2.",
            n_axes=value.type.ndim,
        )
    rows = value.reshape((-1, value.shape[-1]))
    return log_density(rows, log_weights, means, cholesky).reshape(value.shape[:-1])


def _factors(means: TensorVariable, cholesky: TensorVariable, family: CovarianceFamily) -> TensorVariable:
    """Cholesky factors (K, D, D) of what the family's user gives."""
    if family.has_correlations and family.by_component:
        return cholesky
    K, D = means.type.shape[0] or means.shape[0], means.type.shape[1] or means.shape[1]
    if family.has_correlations:
        return pt.broadcast_to(cholesky, (K, D, D))
    # Standard deviations with the axes (component, feature, 1), of length one where they are shared.
    axes = iter(range(cholesky.type.ndim))
    order = [next(axes) if dim in family.std_dims else "x" for dim in ("cluster", "feature")]
    factors = cholesky.dimshuffle(*order, "x") * pt.eye(D)
    return factors if family.by_component else pt.broadcast_to(factors, (K, D, D))
