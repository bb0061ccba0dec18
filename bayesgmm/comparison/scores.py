"""How well rows that were left out are predicted: by the posterior, and by EM."""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import logsumexp

from bayesgmm.comparison.extent import refits_for, rows_left_out
from bayesgmm.comparison.sides import Sides
from bayesgmm.em.problem import params_of, standardised_problem, state_of
from bayesgmm.em.run import Status, run_em
from bayesgmm.em.unbounded import no_maximum_of
from bayesgmm.fit import Fit
from bayesgmm.mixture import density
from bayesgmm.mixture.draws import evenly
from bayesgmm.mixture.params import MixtureParams
from bayesgmm.posterior.pointwise import log_densities
from bayesgmm.rows.part import part_of
from bayesgmm.rows.rows import Rows
from bayesgmm.support.smoothing import smoothed_log_weights
from bayesgmm.support.threads import shared, threads_for_runs
from bayesgmm.wording import Reason

__all__ = ["PredictiveScores", "leave_one_out", "predictive_scores"]

Array = NDArray[np.float64]

# Numbers held at a time by each thread.
AT_ONCE = 2_000_000
# Above it importance weights are too uneven to be trusted (Vehtari, Gelman and Gabry 2017, section 2.1).
LARGEST_K = 0.7
STEPS, TOLERANCE = 2000, 1e-9


@dataclass(frozen=True, eq=False)
class PredictiveScores:
    """Log predictive densities of rows, each left out of the fit that predicts it.

    Attributes
    ----------
    table : DataFrame
        One row each of the rows left out of both, by its name: ``bayes``, by Pareto-smoothed importance
        sampling, ``pareto_k``, and ``em``, of EM run to the maximum next to its estimate without the row; NaN
        where a component collapses then.
    elpd, elpd_se : float
        Sum over all rows by the posterior, and its standard error. Where some rows were left out, the sum is
        estimated from these, and the error of that is in it.
    n_rows : int
        Rows left out of the posterior: all that count, or 2,000 of more than 5,000.
    n_bad : int
        Of these, rows with a Pareto k above 0.7, whose share of elpd is not to be trusted.
    n_collapsed : int
        Rows left out without which EM collapses; they are not in the difference.
    difference, difference_se : float
        Posterior less EM, over the rows left out of both, scaled to all rows.
    em_is_standard : bool, default True
        Whether that difference tells of the two: not where the likelihood has no maximum, and EM's score is
        that of its floor.
    """

    table: pd.DataFrame
    elpd: float
    elpd_se: float
    n_rows: int
    n_bad: int
    n_collapsed: int
    difference: float
    difference_se: float
    em_is_standard: bool = True

    @property
    def finding(self) -> Reason:
        """Which of the two predicts rows better, and where that is not to be trusted."""
        if not self.em_is_standard:
            values = {"elpd": self.elpd, "standard_error": self.elpd_se, "n_bad": self.n_bad}
            return Reason("rows_left_out_of_posterior", values | {"largest_k": LARGEST_K})
        return Reason(
            "rows_left_out",
            {
                "difference": self.difference,
                "standard_error": self.difference_se,
                "n_bad": self.n_bad,
                "largest_k": LARGEST_K,
                "n_collapsed": self.n_collapsed,
            },
        )

    def __str__(self) -> str:
        return str(self.finding)


def leave_one_out(fit: Fit, some: NDArray[np.intp] | None = None) -> tuple[Array, Array]:
    """Log predictive density of each row that counts, or of some of these, given all others, and Pareto k,
    shape (M,) each; in blocks of rows.

    Vehtari, Gelman and Gabry (2017), Practical Bayesian model evaluation using leave-one-out cross-validation
    and WAIC, section 2. The smoothing is ArviZ's. Of a row that stands for several, by its weight, one is
    left out; of one that weighs less than one, all.
    """
    rows, draws = fit.rows.counting, fit.draws.stacked
    rows = rows if some is None else rows.taken(some)
    n_draws, ess = len(draws.means), fit.verdict.effective_draws
    efficiency = min(1.0, max(ess, 1.0) / n_draws) if np.isfinite(ess) else 1.0
    power = np.minimum(rows.weights, 1.0)

    def of(part: slice) -> tuple[Array, Array]:
        values = log_densities(rows.columns[part], *draws).T
        powers = power[part, None] if len(power) else 1.0
        log_weights, k = smoothed_log_weights(powers * values, efficiency)
        return logsumexp(values + log_weights, axis=1), k

    size = max(1, AT_ONCE // n_draws)
    # In one thread: the smoothing holds the interpreter's lock.
    parts = [of(slice(i, i + size)) for i in range(0, len(rows), size)]
    elpd, k = (np.concatenate(p) for p in zip(*parts, strict=True))
    return elpd, k


def predictive_scores(sides: Sides) -> PredictiveScores:
    """Leave-one-out scores of the posterior and of EM on the same rows."""
    fit, em = sides.fit, sides.em
    rows = fit.rows.counting
    left_out = part_of(len(rows), rows_left_out(len(rows)))
    elpd, k = leave_one_out(fit, left_out)
    at = evenly(len(left_out), refits_for(len(rows)))
    some = left_out[at]
    held = no_maximum_of(em)
    family, floor = (em.covariance_type, 0.0) if held is None else (held.family, held.floor)
    by_em = em_leave_one_out(rows, em.params_, family, some, fit.settings.cores, reg_covar=floor)
    table = pd.DataFrame({"bayes": elpd[at], "pareto_k": k[at], "em": by_em}, index=rows.index[some])
    finite = np.isfinite(by_em)
    of_both = rows.taken(some[finite])
    gain, gain_se = _sum_and_error(elpd[at][finite] - by_em[finite], of_both)
    total, total_se = _sum_and_error(elpd, rows.taken(left_out))
    if len(left_out) < len(rows):
        total, total_se = _estimated_sum(fit, elpd, left_out)
    scale = rows.total_weight / max(of_both.total_weight, 1.0)
    return PredictiveScores(
        table,
        total,
        total_se,
        len(left_out),
        int((~(k <= LARGEST_K)).sum()),
        int(np.isnan(by_em).sum()),
        gain * scale,
        gain_se * scale,
        sides.no_maximum is None,
    )


def _estimated_sum(fit: Fit, elpd: Array, some: NDArray[np.intp]) -> tuple[float, float]:
    """The sum over all rows of a value that is known of some, and its standard error.

    By differences from the log densities under EM's estimate, which are known of all rows and nearly the
    values: Magnusson, Andersen, Jonasson and Vehtari (2020), Leave-one-out cross-validation for Bayesian
    model comparison in large data, section 2.2. Rows are a random part.
    """
    rows = fit.rows.counting
    near = density.log_likelihood_per_obs(rows.values, fit.em.params_)
    away, of_some = elpd - near[some], rows.taken(some)
    n, m = rows.total_weight, of_some.total_weight
    total = rows.total(near) + n / m * of_some.total(away)
    _, error_of_values = _sum_and_error(elpd, of_some)
    _, error_of_differences = _sum_and_error(away, of_some)
    left = 1.0 - len(some) / len(rows)
    return total, float(
        np.hypot(np.sqrt(n / m) * error_of_values, np.sqrt(left) * n / m * error_of_differences)
    )


def _sum_and_error(values: Array, rows: Rows) -> tuple[float, float]:
    """Sum over rows, with their weights, of a value of each, and its standard error; NaN where there is one
    row."""
    n, total = rows.total_weight, rows.total(values)
    if n <= 1:
        return total, float("nan")
    if not len(rows.weights):
        return total, float(np.sqrt(n) * values.std(ddof=1))
    variance = rows.total((values - total / n) ** 2) / (n - 1)
    return total, float(np.sqrt(n * variance))


def em_leave_one_out(
    rows: Rows,
    params: MixtureParams,
    covariance_type: str,
    some: NDArray[np.intp],
    cores: int,
    *,
    reg_covar: float = 0.0,
) -> Array:
    """Log density of some rows, each under EM run to convergence without it, from the estimate on all rows,
    shape (M,).

    NaN where that collapses. Of a row that stands for several, by its weight, one is left out.
    """
    problem, units = standardised_problem(rows, covariance_type, reg_covar, 1)
    start = state_of(units.of_em(params))
    weights = rows.counts

    def without(row: int) -> float:
        rest = weights.copy()
        rest[row] = max(rest[row] - 1.0, 0.0)
        found = run_em(replace(problem, sample_weight=rest), start, max_iter=STEPS, tol=TOLERANCE)
        if found.status is Status.DEGENERATE:
            return float("nan")
        own = problem.seen[[row]]
        volume = np.log(np.diagonal(units.factor)) @ ~np.isnan(own[0])
        return float(density.log_likelihood_per_obs(own, params_of(found.state))[0] - volume)

    n_threads = threads_for_runs(len(rows), cores)
    return np.array(shared(without, [int(r) for r in some], n_threads))
