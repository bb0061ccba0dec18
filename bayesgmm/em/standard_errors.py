"""Standard errors of the maximum-likelihood estimate: how far it would move with other data of the same kind.

* information: the curvature of the log-likelihood at the estimate, inverted (McLachlan and Peel 2000, section 2.15;
  Boldea and Magnus 2009). Takes a moment, and is right where data are many and components apart.
* bootstrap: the spread of the estimates from resampled rows (Efron 1979; for mixtures McLachlan and Peel 2000,
  section 2.16). Assumes no more than independent rows.
* parametric: the same with rows simulated from the estimate. Assumes that the mixture is the truth.

The curvature is that of free coordinates in which the estimate lies at the origin and every component is a standard
normal: means mu + L a and Cholesky factors L G, with `a` near 0 and G near I. One step then fits all differences,
however tight or tilted a component is, and nothing depends on units. The delta method leads from there to the parameters.
"""

# This file is longer than most: two methods, one result, and the sentences for where there is none.

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import solve_triangular

from bayesgmm.em.problem import Problem, params_of, standardised_problem, state_of
from bayesgmm.em.run import Status, run_em
from bayesgmm.em.steps import State
from bayesgmm.errors import DataError, DegenerateFitError
from bayesgmm.mixture import density
from bayesgmm.mixture.families import CovarianceFamily, family_of
from bayesgmm.mixture.kernels import gradient
from bayesgmm.mixture.matching import best_match
from bayesgmm.mixture.params import MixtureParams
from bayesgmm.rows.features import rows_for
from bayesgmm.rows.rows import Rows, RowsLike
from bayesgmm.support import arguments

if TYPE_CHECKING:
    from bayesgmm.em.estimator import EMGaussianMixture

__all__ = ["StandardErrors", "standard_errors"]

Array = NDArray[np.float64]

METHODS = ("information", "bootstrap", "parametric")
# Differences of fourth order: at this step their error, of the order of step^4, and that of rounding, of the order of
# 1e-16 / step, are both far below what the inverse of an information can magnify.
STEP = 3e-4
# The smallest eigenvalue of an information of unit diagonal that still counts as positive.
SINGULAR = 1e-8
# An estimate further from the maximum than this many standard errors is not the maximum.
FAR = 0.1
# A replication is named with certainty where the best matching beats the runner-up by more than this share of the rows.
NEARLY_TIED = 0.02
# Two sums of the log-likelihood over the same rows differ by less than this, per unit of their size.
SAME_DATA = 1e-6


@dataclass(frozen=True, eq=False)
class StandardErrors:
    """Standard errors of an EM estimate, in the units of the data.

    Attributes
    ----------
    weights : ndarray, shape (K,)
    means, stds : ndarrays, shape (K, D)
    correlations : ndarray, shape (K, D, D)
        Zeros on the diagonal; zeros everywhere in the families "diag" and "spherical", which have no correlations.
    method : {"information", "bootstrap", "parametric"}
    n_replications : int
        Replications of the bootstrap whose estimates were used; 0 with "information".
    n_failed : int
        Replications left out since their EM run collapsed or did not converge.
    alignment : float or None
        Share of the replications used whose components could be named with certainty: the best matching with the
        estimate beats the runner-up by more than 2 % of the rows. None with "information".
    table : DataFrame
        One row a parameter, labelled such as ``means[0, waiting]``: ``estimate`` and ``standard_error``. What the
        family fixes, such as the correlations of "diag", is left out.
    """

    weights: Array
    means: Array
    stds: Array
    correlations: Array
    method: str
    n_replications: int
    n_failed: int
    alignment: float | None
    table: pd.DataFrame = field(repr=False)

    def __str__(self) -> str:
        return self.table.to_string(float_format=lambda v: f"{v:.4g}")


@dataclass(frozen=True)
class _Spread:
    """Standard errors as bare arrays, and what is to be told of the replications behind them."""

    weights: Array
    means: Array
    stds: Array
    correlations: Array
    n_replications: int = 0
    n_failed: int = 0
    alignment: float | None = None


def standard_errors(
    em: "EMGaussianMixture",
    X: RowsLike,
    sample_weight: ArrayLike | None = None,
    *,
    method: str = "information",
    n_bootstrap: int = 200,
    random_state: Any = None,
) -> StandardErrors:
    """Standard errors of weights, means, standard deviations and correlations.

    Parameters
    ----------
    em : EMGaussianMixture
        A fitted one.
    X : array_like or data frame, shape (N, D), or Rows
        The rows that it was fitted to.
    sample_weight : array_like, shape (N,), optional
        The weights that it was fitted with. A row of weight 3 counts as three rows, so that weights that sum to one
        claim a single row; the bootstrap draws as many rows as the weights sum to.
    method : {"information", "bootstrap", "parametric"}, default "information"
    n_bootstrap : int, default 200
        Number of replications of the bootstrap, at least 2.
    random_state : int, Generator, RandomState, SeedSequence or None, default None
        Seed of the bootstrap.

    Returns
    -------
    StandardErrors

    Raises
    ------
    DataError
        Where X is not what the estimate was made of, or the estimate is no maximum.
    DegenerateFitError
        Where the information is not positive definite, a covariance is held at the floor, or most replications failed.

    Notes
    -----
    McLachlan and Peel (2000), Finite Mixture Models, sections 2.15 and 2.16; Boldea and Magnus (2009), Maximum
    likelihood estimation of the multivariate normal mixture model, JASA 104.

    Examples
    --------
    >>> from bayesgmm import EMGaussianMixture, datasets
    >>> X = datasets.faithful().X
    >>> em = EMGaussianMixture(n_components=2, random_state=0).fit(X)
    >>> em.standard_errors(X).means.round(3)
    array([[0.031, 0.456],
           [0.027, 0.592]])
    """
    arguments.check_choice(method, "method", METHODS)
    n_bootstrap = arguments.check_integer(n_bootstrap, "n_bootstrap", 2)
    seed = arguments.seed_sequence(random_state)
    rows = rows_for(em, X, sample_weight, reset=False).counting
    _check_data_of_fit(em, rows)
    problem, shift, scale = standardised_problem(
        rows, em.covariance_type, float(em.reg_covar), arguments.check_cores(em.cores)
    )
    params = em.params_.rescaled(-shift / scale, 1 / scale)
    if method == "information":
        spread = _delta_method(problem, params)
    else:
        replications = _Replications(problem, params, method == "parametric", em.max_iter, em.tol)
        spread = _bootstrap(replications, n_bootstrap, np.random.default_rng(seed))
    names = getattr(em, "feature_names_in_", rows.names)
    return _in_units(spread, scale, method, em, [str(name) for name in names])


def _in_units(
    spread: _Spread, scale: Array, method: str, em: "EMGaussianMixture", names: Sequence[str]
) -> StandardErrors:
    means, stds = spread.means * scale, spread.stds * scale
    return StandardErrors(
        spread.weights,
        means,
        stds,
        spread.correlations,
        method,
        spread.n_replications,
        spread.n_failed,
        spread.alignment,
        _table(em, (spread.weights, means, stds, spread.correlations), names),
    )


def _check_data_of_fit(em: "EMGaussianMixture", rows: Rows) -> None:
    here = rows.total(density.log_likelihood_per_obs(rows.values, em.params_))
    if not abs(here - em.log_likelihood_) <= SAME_DATA * max(abs(here), rows.total_weight):
        raise DataError(
            f"X is not what the estimate was made of: its log-likelihood is {here:.8g} here, and was "
            f"{em.log_likelihood_:.8g} in fit; pass the rows and the sample_weight that fit was given.",
            log_likelihood=here,
        )
    if em.regularised_:
        raise DegenerateFitError(
            f"A covariance of the estimate is held at the floor that reg_covar={em.reg_covar:g} sets, where the "
            "log-likelihood has no maximum and the estimate no standard errors; drop collinear columns, or choose "
            "covariance_type='diag'.",
            reg_covar=em.reg_covar,
        )


@dataclass(frozen=True)
class _Chart:
    """Free coordinates around an estimate, which lies at their origin.

    In this order: K - 1 logits of the weights against component 0; `a`, shape (K, D), with means mu + L a; for each
    covariance that the family has, the coefficients c of G = I + sum_p c_p B_p, with Cholesky factors L G.
    """

    origin: State
    family: CovarianceFamily

    @property
    def shape(self) -> tuple[int, int]:
        """K and D."""
        return self.origin.means.shape

    @cached_property
    def basis(self) -> Array:
        """B, the directions in which the family lets a factor move, shape (P, D, D)."""
        d = self.shape[1]
        if not self.family.by_feature:
            return np.eye(d)[None]
        i, j = np.diag_indices(d) if not self.family.has_correlations else np.tril_indices(d)
        basis = np.zeros((len(i), d, d))
        basis[np.arange(len(i)), i, j] = 1.0
        return basis

    @property
    def n_covariances(self) -> int:
        """Covariances that the family has: one or K."""
        return self.shape[0] if self.family.by_component else 1

    @property
    def size(self) -> int:
        """Number of free coordinates."""
        k, d = self.shape
        return k - 1 + k * d + self.n_covariances * len(self.basis)

    def of_mean(self, k: int) -> slice:
        """Where the mean of component k stands."""
        n, d = self.shape
        return slice(n - 1 + k * d, n - 1 + (k + 1) * d)

    def of_covariance(self, k: int) -> slice:
        """Where the covariance of component k stands."""
        n, d = self.shape
        start = n - 1 + n * d + (k if self.family.by_component else 0) * len(self.basis)
        return slice(start, start + len(self.basis))

    def state(self, at: Array) -> State:
        """The mixture at these coordinates."""
        k, d = self.shape
        logits, a, c = np.split(at, [k - 1, k - 1 + k * d])
        log_weights = self.origin.log_weights + np.concatenate([[0.0], logits])
        log_weights -= np.logaddexp.reduce(log_weights)
        means = self.origin.means + np.einsum("kij,kj->ki", self.origin.cholesky, a.reshape(k, d))
        inner = np.eye(d) + np.einsum("kp,pij->kij", c.reshape(self.n_covariances, -1), self.basis)
        return State(log_weights, means, self.origin.cholesky @ inner)

    def score(self, problem: Problem, at: Array) -> Array:
        """Gradient of the log-likelihood by the coordinates: the kernel's, and the chain rule."""
        state = self.state(at)
        sums = problem.expect(state)
        by_weight, by_mean, by_factor = gradient(sums.s0, sums.s1, sums.s2, state.cholesky)
        by_logit = by_weight - np.exp(state.log_weights) * by_weight.sum()
        back = np.swapaxes(self.origin.cholesky, 1, 2)
        by_a = np.einsum("kij,kj->ki", back, by_mean)
        by_c = np.einsum("kij,pij->kp", back @ by_factor, self.basis)
        if not self.family.by_component:
            by_c = by_c.sum(axis=0)
        return np.concatenate([by_logit[1:], by_a.ravel(), by_c.ravel()])


def _delta_method(problem: Problem, params: MixtureParams) -> _Spread:
    """Standard errors of the parameters, from the covariance of the free coordinates."""
    chart = _Chart(state_of(params), problem.family)
    covariance = _covariance(chart, problem)
    k, d = chart.shape
    by_logit = (np.diag(params.weights) - np.outer(params.weights, params.weights))[1:]
    weights = _errors(by_logit, covariance[: k - 1, : k - 1])
    means, stds, correlations = np.empty((k, d)), np.empty((k, d)), np.empty((k, d, d))
    for j in range(k):
        m, c = chart.of_mean(j), chart.of_covariance(j)
        means[j] = _errors(params.cholesky[j].T, covariance[m, m])
        by_std, by_correlation = _shape_jacobian(params, j, chart.basis)
        stds[j] = _errors(by_std, covariance[c, c])
        correlations[j] = _errors(by_correlation.reshape(len(by_std), -1), covariance[c, c]).reshape(d, d)
    return _Spread(weights, means, stds, correlations)


def _shape_jacobian(params: MixtureParams, k: int, basis: Array) -> tuple[Array, Array]:
    """Derivatives of a component's standard deviations (P, D) and correlations (P, D, D) by its P coordinates.

    With R the correlations and C their factor, Sigma = L G G' L' moves by t_i t_j W_ij, where W = C (B + B') C' and
    t are the standard deviations: so t_i moves by t_i W_ii / 2, and R_ij by W_ij - R_ij (W_ii + W_jj) / 2.
    """
    factor = params.corr_chol[k]
    moved = factor @ (basis + np.swapaxes(basis, 1, 2)) @ factor.T
    relative = np.diagonal(moved, axis1=1, axis2=2) / 2
    by_correlation = moved - factor @ factor.T * (relative[:, :, None] + relative[:, None, :])
    i = np.arange(params.n_features)
    by_correlation[:, i, i] = 0.0
    return params.stds[k] * relative, by_correlation


def _errors(jacobian: Array, covariance: Array) -> Array:
    """Standard errors of M functions of P coordinates; the Jacobian is (P, M)."""
    return np.sqrt(np.maximum(np.sum(jacobian * (covariance @ jacobian), axis=0), 0.0))


def _covariance(chart: _Chart, problem: Problem) -> Array:
    """Inverse of the observed information, by way of a matrix of unit diagonal."""
    information = _information(chart, problem)
    size = np.sqrt(np.maximum(np.diagonal(information), np.finfo(float).tiny))
    smallest = float(np.linalg.eigvalsh(information / np.outer(size, size))[0])
    if not smallest > SINGULAR:
        raise DegenerateFitError(
            f"The observed information is not positive definite: scaled to a unit diagonal, its smallest eigenvalue "
            f"is {smallest:.3g}, so that the data do not determine the estimate's {chart.size} free parameters; "
            "use fewer components or a simpler covariance_type, or try method='bootstrap'.",
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


def _information(chart: _Chart, problem: Problem) -> Array:
    """Observed information, shape (P, P): minus the derivative of the exact score, by central differences."""
    columns = np.empty((chart.size, chart.size))
    for p, direction in enumerate(np.eye(chart.size)):
        once, twice = (
            chart.score(problem, h * direction) - chart.score(problem, -h * direction)
            for h in (STEP, 2 * STEP)
        )
        columns[p] = (twice - 8 * once) / (12 * STEP)
    return (columns + columns.T) / 2


@dataclass(frozen=True)
class _Replications:
    """What each replication does: new rows, and an EM run from the estimate."""

    problem: Problem
    params: MixtureParams
    parametric: bool
    max_iter: int
    tol: float

    @property
    def n_rows(self) -> int:
        """Rows that a replication draws."""
        return round(self.problem.total_weight)

    def replicate(self, rng: np.random.Generator) -> MixtureParams | None:
        """The estimate from new rows; None where there is none."""
        end = run_em(self._drawn(rng), state_of(self.params), max_iter=self.max_iter, tol=self.tol)
        return params_of(end.state) if end.status is Status.CONVERGED else None

    def _drawn(self, rng: np.random.Generator) -> Problem:
        if self.parametric:
            rows, _ = density.simulate(self.params, self.n_rows, rng)
            return replace(self.problem, X=Rows.unchecked(rows).columns, sample_weight=np.empty(0))
        # Rows drawn with replacement are the same rows with other weights.
        w = self.problem.sample_weight
        shares = w / w.sum() if len(w) else np.full(len(self.problem.X), 1 / len(self.problem.X))
        counts = rng.multinomial(self.n_rows, shares).astype(np.float64)
        return replace(self.problem, sample_weight=counts)


def _bootstrap(replications: _Replications, n: int, rng: np.random.Generator) -> _Spread:
    """Standard deviations of the estimates over replications, their components named as in the estimate."""
    if replications.n_rows < 2:
        raise DataError(
            f"The bootstrap draws as many rows as sample_weight sums to, which is {replications.problem.total_weight:.3g}; "
            "a row of weight 3 counts as three rows: multiply the weights accordingly.",
            total_weight=replications.problem.total_weight,
        )
    found = [p for p in (replications.replicate(rng) for _ in range(n)) if p is not None]
    if len(found) < max(2, n / 2):
        raise DegenerateFitError(
            f"{n - len(found)} of {n} replications of the bootstrap ended in a collapsed component or did not "
            "converge, so that the spread of the others says little; use fewer components, a simpler "
            "covariance_type, or a larger max_iter.",
            n_failed=n - len(found),
        )
    aligned, certain = zip(
        *(_aligned(p, replications.params, replications.problem) for p in found), strict=True
    )

    def spread(values: list[Array]) -> Array:
        return np.std(values, axis=0, ddof=1)

    correlations = spread([p.corr_chol @ np.swapaxes(p.corr_chol, 1, 2) for p in aligned])
    i = np.arange(replications.params.n_features)
    correlations[:, i, i] = 0.0
    return _Spread(
        spread([p.weights for p in aligned]),
        spread([p.means for p in aligned]),
        spread([p.stds for p in aligned]),
        correlations,
        len(found),
        n - len(found),
        float(np.mean(certain)),
    )


def _aligned(params: MixtureParams, reference: MixtureParams, problem: Problem) -> tuple[MixtureParams, bool]:
    """The mixture with its components named as the reference's, and whether their names are certain.

    The best matching has the largest overlap of responsibilities on the data, an assignment problem. Every other
    matching lacks at least one of its pairs, so that the runner-up is the best of K problems with one pair forbidden.
    """
    mine = density.responsibilities(problem.X, reference)
    if len(problem.sample_weight):
        mine = mine * problem.sample_weight[:, None]
    overlap = mine.T @ density.responsibilities(problem.X, params)
    rows, order = np.arange(len(overlap)), best_match(overlap)
    margin = np.inf
    for k in range(len(order) if len(order) > 1 else 0):
        other = overlap.copy()
        # Worse than any matching, yet finite.
        other[k, order[k]] = -problem.total_weight
        second = other[rows, best_match(other)].sum()
        margin = min(margin, overlap[rows, order].sum() - second)
    return params.permuted(order), bool(margin > NEARLY_TIED * problem.total_weight)


def _table(
    em: "EMGaussianMixture", errors: tuple[Array, Array, Array, Array], names: Sequence[str]
) -> pd.DataFrame:
    """One row a parameter that a person reads, labelled as the posterior's are."""
    p = em.params_
    components = range(p.n_components)
    labels = [f"weights[{k}]" for k in components]
    for what in ("means", "stds"):
        labels += [f"{what}[{k}, {f}]" for k in components for f in names]
    estimates, widths = [p.weights, p.means.ravel(), p.stds.ravel()], [e.ravel() for e in errors[:3]]
    if family_of(em.covariance_type).has_correlations:
        i, j = np.triu_indices(p.n_features, 1)
        labels += [f"correlations[{k}, {a}, {b}]" for k in components for a, b in combinations(names, 2)]
        correlations = p.corr_chol @ np.swapaxes(p.corr_chol, 1, 2)
        estimates.append(correlations[:, i, j].ravel())
        widths.append(errors[3][:, i, j].ravel())
    return pd.DataFrame(
        {"estimate": np.concatenate(estimates), "standard_error": np.concatenate(widths)},
        index=pd.Index(labels, name="parameter"),
    )
