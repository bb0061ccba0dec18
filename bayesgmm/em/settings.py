"""Settings of an EM estimator, checked when it is fitted, as scikit-learn asks of estimators."""

import numbers
from typing import TYPE_CHECKING

from bayesgmm.em.plan import Plan
from bayesgmm.em.run import ROUNDING
from bayesgmm.em.starts import MIXED, STARTS
from bayesgmm.errors import ParameterError
from bayesgmm.mixture.families import family_of
from bayesgmm.rows.features import MISSING
from bayesgmm.rows.rows import Rows
from bayesgmm.support import arguments
from bayesgmm.support.sentences import shown_value

if TYPE_CHECKING:
    from bayesgmm.em.estimator import EMGaussianMixture

__all__ = ["checked_plan", "order_of"]

BY_WEIGHTS = "weights"
# Of the features' names in a message.
MOST_NAMES = 10


def checked_plan(em: "EMGaussianMixture") -> tuple[Plan, int]:
    """How to search, and with how many threads.

    Raises
    ------
    ParameterError
        Where a setting is not usable.
    """
    family = family_of(em.covariance_type)
    arguments.check_choice(em.init_params, "init_params", (MIXED, *STARTS))
    arguments.check_choice(em.missing, "missing", MISSING)
    for name in ("tol", "reg_covar"):
        value = getattr(em, name)
        if not 0 <= arguments.as_real(value) < 1:
            raise ParameterError(
                f"{name} must be a number of at least 0 and below 1; got {shown_value(value)}.",
                name=name,
                value=value,
            )
    if family.has_own_m_step and em.reg_covar > 0:
        raise ParameterError(
            f"covariance_type={em.covariance_type!r} takes no reg_covar: kept at a floor one by one, "
            f"covariances leave the family; got {shown_value(em.reg_covar)}; set it to 0, or choose 'full', "
            f"'tied' or 'diag'.",
            name="reg_covar",
            value=em.reg_covar,
        )
    check = arguments.check_integer
    plan = Plan(
        n_components=check(em.n_components, "n_components", 1),
        init_params=em.init_params,
        n_init=None if em.n_init is None else check(em.n_init, "n_init", 1),
        # The first pass is no step.
        max_iter=check(em.max_iter, "max_iter", 0) + 1,
        tol=max(float(em.tol), ROUNDING),
    )
    arguments.check_flag(em.warm_start, "warm_start")
    check(em.verbose, "verbose", 0)
    check(em.verbose_interval, "verbose_interval", 1)
    return plan, arguments.check_cores(em.cores)


def order_of(em: "EMGaussianMixture", rows: Rows) -> int | None:
    """The feature whose means order the components, or None for their weights.

    Raises
    ------
    ParameterError
    """
    if isinstance(em.order, str) and em.order == BY_WEIGHTS:
        return None
    if isinstance(em.order, str) and em.order in rows.names:
        return rows.names.index(em.order)
    if arguments.is_number(em.order, numbers.Integral) and 0 <= int(em.order) < rows.n_features:
        return int(em.order)
    raise ParameterError(
        f"order must be 'weights', or one of the features {', '.join(rows.names[:MOST_NAMES])} by name or by "
        f"its number from 0; got {shown_value(em.order)}.",
        order=em.order,
        features=rows.names,
    )
