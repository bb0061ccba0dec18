"""What an EM estimator prints and warns of once it is fitted."""

import warnings
from typing import TYPE_CHECKING

from sklearn.exceptions import ConvergenceWarning

from bayesgmm.rows.rows import Rows

if TYPE_CHECKING:
    from bayesgmm.em.estimator import EMGaussianMixture

__all__ = ["tell_maxima", "warn_of_doubts"]


def tell_maxima(em: "EMGaussianMixture") -> None:
    """Print what `verbose` asks for."""
    if em.verbose:
        print(em.modes_.to_string())
    if em.verbose > 1:
        for i in range(0, len(em.log_likelihood_trace_), em.verbose_interval):
            print(f"step {i}: log-likelihood {em.log_likelihood_trace_[i]:.10g}")


def warn_of_doubts(
    em: "EMGaussianMixture", rows: Rows, spurious: bool, given: bool, *, stacklevel: int
) -> None:
    """Warn of an estimate that is not an ordinary maximum.

    Parameters
    ----------
    em : EMGaussianMixture
    rows : Rows
    spurious : bool
        Whether the maximum looks spurious.
    given : bool
        Whether the start was the user's.
    stacklevel : int
        As for `warnings.warn` in this function.
    """
    if em.regularised_:
        text = (
            f"The {rows.n_features} columns of X are collinear, or nearly so, within its {len(rows)} rows or "
            f"those of a component: in some direction their variance is not above the floor that covariances "
            f"are kept at (reg_covar={em.reg_covar:g}); drop columns, or choose covariance_type='diag'."
        )
    elif spurious:
        text = (
            f"{'The' if given else 'Every'} maximum found with n_components={em.n_components} looks "
            f"spurious: a component with hardly more rows than its covariance needs, and much "
            f"tighter than the data; use fewer components."
        )
    elif not em.converged_:
        text = f"EM ended {em.status_}."
    else:
        return
    warnings.warn(text, ConvergenceWarning, stacklevel=stacklevel)
