"""Standard errors from the curvature of the log-likelihood at the estimate.

The curvature is that of free coordinates in which the estimate lies at the origin and every component is a
standard normal: means mu + L a and, in most families, Cholesky factors L G, with `a` near 0 and G near I. One
step then fits all differences, however tight or tilted a component is, and nothing depends on units. The
delta method leads from there to the parameters.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve_triangular

from bayesgmm.em.factor_charts import FactorChart, factor_chart
from bayesgmm.em.problem import Problem, state_of
from bayesgmm.em.spread import Spread
from bayesgmm.em.steps import State
from bayesgmm.errors import DataError, DegenerateFitError
from bayesgmm.mixture.covariance_family import CovarianceFamily
from bayesgmm.mixture.kernels import gradient
from bayesgmm.mixture.params import MixtureParams

__all__ = ["Chart", "delta_method"]

Array = NDArray[np.float64]

# Differences of fourth order: at this step their error, of the order of step^4, and that of rounding, of the
# order of 1e-16 / step, are both far below what the inverse of an information can magnify.
STEP = 3e-4
# The smallest eigenvalue of an information of unit diagonal that still counts as positive.
SINGULAR = 1e-8
# An estimate further from the maximum than this many standard errors is not the maximum.
FAR = 0.1


@dataclass(frozen=True)
class Chart:
    """Free coordinates around an estimate, which lies at their origin.

    In this order: K - 1 logits of the weights against component 0; `a`, shape (K, D), with means mu + L a;
    those of the covariances, as :mod:`bayesgmm.em.factor_charts` has them for the family.
    """

    origin: State
    family: CovarianceFamily

    @property
    def shape(self) -> tuple[int, int]:
        """K and D."""
        return self.origin.means.shape

    @cached_property
    def factors(self) -> FactorChart:
        """Coordinates of the covariances."""
        return factor_chart(self.origin.cholesky, self.family)

    @property
    def before_factors(self) -> int:
        """Number of coordinates of weights and means."""
        k, d = self.shape
        return k - 1 + k * d

    @property
    def size(self) -> int:
        """Number of free coordinates."""
        return self.before_factors + self.factors.size

    def of_mean(self, k: int) -> slice:
        """Where the mean of component k stands."""
        n, d = self.shape
        return slice(n - 1 + k * d, n - 1 + (k + 1) * d)

    def of_covariance(self, k: int) -> NDArray[np.intp]:
        """Where the coordinates stand that the covariance of component k depends on."""
        return self.before_factors + self.factors.places(k)

    def state(self, at: Array) -> State:
        """The mixture at these coordinates."""
        k, d = self.shape
        logits, a, c = np.split(at, [k - 1, self.before_factors])
        log_weights = self.origin.log_weights + np.concatenate([[0.0], logits])
        log_weights -= np.logaddexp.reduce(log_weights)
        means = self.origin.means + np.einsum("kij,kj->ki", self.origin.cholesky, a.reshape(k, d))
        return State(log_weights, means, self.factors.cholesky(c))

    def score(self, problem: Problem, at: Array) -> Array:
        """Gradient of the log-likelihood by the coordinates."""
        return self.value_and_score(problem, at)[1]

    def value_and_score(self, problem: Problem, at: Array) -> tuple[float, Array]:
        """Log-likelihood and its gradient by the coordinates: the kernel's, and the chain rule."""
        state = self.state(at)
        sums = problem.expect(state)
        by_weight, by_mean, by_factor = gradient(sums.s0, sums.s1, sums.s2, state.cholesky)
        by_logit = by_weight - np.exp(state.log_weights) * by_weight.sum()
        back = np.swapaxes(self.origin.cholesky, 1, 2)
        by_a = np.einsum("kij,kj->ki", back, by_mean)
        by_c = self.factors.pulled_back(at[self.before_factors :], by_factor, state.cholesky, sums)
        return sums.log_likelihood, np.concatenate([by_logit[1:], by_a.ravel(), by_c])


def delta_method(problem: Problem, estimate: MixtureParams, params: MixtureParams) -> Spread:
    """Standard errors of the parameters, from the covariance of the free coordinates.

    Parameters
    ----------
    problem : Problem
    estimate, params : MixtureParams
        The same mixture in the problem's coordinates, and in those of the standard errors. The free
        coordinates are the same in both.
    """
    chart = Chart(state_of(estimate), problem.family)
    covariance = _covariance(chart, problem)
    k, d = chart.shape
    by_logit = (np.diag(params.weights) - np.outer(params.weights, params.weights))[1:]
    weights = _errors(by_logit, covariance[: k - 1, : k - 1])
    means, stds, correlations = np.empty((k, d)), np.empty((k, d)), np.empty((k, d, d))
    for j in range(k):
        m, c = chart.of_mean(j), chart.of_covariance(j)
        means[j] = _errors(params.cholesky[j].T, covariance[m, m])
        by_std, by_correlation = _shape_jacobian(params, j, chart.factors.moves(j))
        own = covariance[np.ix_(c, c)]
        stds[j] = _errors(by_std, own)
        correlations[j] = _errors(by_correlation.reshape(len(by_std), -1), own).reshape(d, d)
    return Spread(weights, means, stds, correlations)


def _shape_jacobian(params: MixtureParams, k: int, moves: Array) -> tuple[Array, Array]:
    """Derivatives of a component's standard deviations (P, D) and correlations (P, D, D) by its P
    coordinates.

    With R the correlations and C their factor, Sigma moves by t_i t_j W_ij, where W = C M C' with M = L^-1
    dSigma L'^-1, and t are the standard deviations: so t_i moves by t_i W_ii / 2, and R_ij by W_ij - R_ij
    (W_ii + W_jj) / 2.
    """
    factor = params.corr_chol[k]
    moved = factor @ moves @ factor.T
    relative = np.diagonal(moved, axis1=1, axis2=2) / 2
    by_correlation = moved - factor @ factor.T * (relative[:, :, None] + relative[:, None, :])
    i = np.arange(params.n_features)
    by_correlation[:, i, i] = 0.0
    return params.stds[k] * relative, by_correlation


def _errors(jacobian: Array, covariance: Array) -> Array:
    """Standard errors of M functions of P coordinates; the Jacobian is (P, M)."""
    return np.sqrt(np.maximum(np.sum(jacobian * (covariance @ jacobian), axis=0), 0.0))


def _covariance(chart: Chart, problem: Problem) -> Array:
    """Inverse of the observed information, by way of a matrix of unit diagonal."""
    information = _information(chart, problem)
    diagonal = np.diagonal(information)
    # A rotation of what is round moves nothing; its information, all rounding, is not for a unit diagonal.
    size = np.sqrt(np.maximum(diagonal, max(SINGULAR * diagonal.max(), np.finfo(float).tiny)))
    smallest = float(np.linalg.eigvalsh(information / np.outer(size, size))[0])
    if not smallest > SINGULAR:
        raise DegenerateFitError(
            "The observed information is not positive definite: scaled to a unit diagonal, its smallest "
            "eigenvalue "
            f"is {smallest:.3g}, so that the data do not determine the estimate's {chart.size} free "
            "parameters; use fewer components or a simpler covariance_type, or try method='bootstrap'.",
            eigenvalue=smallest,
        )
    factor = np.linalg.cholesky(information / np.outer(size, size))
    inverse = solve_triangular(factor, np.diag(1 / size), lower=True)
    # What Newton's method would still move, measured in standard errors.
    away = float(np.linalg.norm(inverse @ chart.score(problem, np.zeros(chart.size))))
    if away > FAR:
        raise DataError(
            f"The estimate is {away:.2g} standard errors from the maximum of the log-likelihood, so that the "
            "curvature there says nothing; fit with a smaller tol and a larger max_iter.",
            distance=away,
        )
    return inverse.T @ inverse


def _information(chart: Chart, problem: Problem) -> Array:
    """Observed information, shape (P, P): minus the derivative of the exact score, by central differences."""
    columns = np.empty((chart.size, chart.size))
    for p, direction in enumerate(np.eye(chart.size)):
        once, twice = (
            chart.score(problem, h * direction) - chart.score(problem, -h * direction)
            for h in (STEP, 2 * STEP)
        )
        columns[p] = (twice - 8 * once) / (12 * STEP)
    return (columns + columns.T) / 2
