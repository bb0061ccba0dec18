"""What an EM estimator prints and warns of once it is fitted."""

import warnings
from typing import TYPE_CHECKING

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from bayesgmm.em.few_rows import about_few_distinct_rows
from bayesgmm.em.floor import floor_at_work
from bayesgmm.em.maxima import Mode, gained_by_chance
from bayesgmm.em.problem import Problem, state_of
from bayesgmm.em.units import Units
from bayesgmm.rows.rows import Rows

if TYPE_CHECKING:
    from bayesgmm.em.estimator import EMGaussianMixture

__all__ = ["EVERY", "HIGHER", "tell_maxima", "warn_of_doubts"]

# How the sentences begin that tell of a higher maximum which was set aside, and that there is no other kind.
HIGHER = "Another maximum has a log-likelihood"
EVERY = "Every maximum found"


def tell_maxima(em: "EMGaussianMixture") -> None:
    """Print what `verbose` asks for."""
    if em.verbose:
        print(em.modes_.to_string())
    if em.verbose > 1:
        for i in range(0, len(em.log_likelihood_trace_), em.verbose_interval):
            print(f"step {i}: log-likelihood {em.log_likelihood_trace_[i]:.10g}")


def warn_of_doubts(
    em: "EMGaussianMixture",
    rows: Rows,
    modes: list[Mode],
    start: tuple[Problem, Units, bool],
    *,
    stacklevel: int,
) -> None:
    """Warn of an estimate that is not an ordinary maximum.

    Parameters
    ----------
    em : EMGaussianMixture
    rows : Rows
    modes : list of Mode
        The best first.
    start : Problem, Units and bool
        With the last, whether the start was the user's.
    stacklevel : int
        As for `warnings.warn` in this function.
    """
    problem, units, given = start
    state = state_of(units.of_em(em.params_))
    if em.regularised_ and em.reg_covar > 0:
        text = floor_at_work(problem, rows, state, float(em.reg_covar))
    elif em.regularised_:
        text = (
            f"The {rows.n_features} columns of X are collinear, or nearly so, within its {len(rows)} rows: "
            f"in some direction they do not vary, and covariances are kept at 1e-6 of the columns' variances "
            f"there; drop columns, or choose covariance_type='diag'."
        )
    else:
        text = about_few_distinct_rows(problem, rows, state, em.covariance_type) or _about_maxima(
            em, problem, modes, given
        )
    if text:
        warnings.warn(text, ConvergenceWarning, stacklevel=stacklevel)


def _about_maxima(em: "EMGaussianMixture", problem: Problem, modes: list[Mode], given: bool) -> str:
    """Empty where the best is an ordinary maximum, and none that may be more than chance is higher."""
    # A run that was stopped on its way into a collapse has come to none.
    above = max((m.run.log_likelihood for m in modes if m.spurious and not m.degenerate), default=-np.inf)
    higher = above - modes[0].run.log_likelihood
    if modes[0].spurious:
        return (
            f"{'The maximum found' if given else EVERY} with n_components={em.n_components} looks "
            f"spurious: a component with hardly more rows than its covariance needs, and much "
            f"tighter than the data; use fewer components."
        )
    if higher > gained_by_chance(problem):
        return (
            f"{HIGHER} {higher:.4g} higher, but looks spurious: a component with hardly more rows than its "
            f"covariance needs, and much tighter than the others; see modes_ and mode_params_ for it, if "
            f"such a small group is what you look for."
        )
    return "" if em.converged_ else f"EM ended {em.status_}."
