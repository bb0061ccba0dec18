"""A fit by EM that was not made here: scikit-learn's, or bare numbers from elsewhere, read, checked and taken
on."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import NotFittedError
from sklearn.mixture import GaussianMixture
from sklearn.utils.validation import check_is_fitted

from bayesgmm.em.estimator import EMGaussianMixture
from bayesgmm.em.holding import hold_modes, hold_params
from bayesgmm.em.maxima import SAME_MAXIMUM
from bayesgmm.em.plan import Plan
from bayesgmm.em.problem import standardised_problem, state_of
from bayesgmm.em.run import Status
from bayesgmm.em.search import search
from bayesgmm.errors import ParameterError
from bayesgmm.mixture import density
from bayesgmm.mixture.coordinates import Coordinates
from bayesgmm.mixture.covariance_family import CovarianceFamily
from bayesgmm.mixture.families import DEFAULT_FAMILY, family_of
from bayesgmm.mixture.params import MixtureParams
from bayesgmm.rows.features import missing_of, note_columns
from bayesgmm.rows.rows import Rows

__all__ = ["fitted_at", "handed_in"]

Array = NDArray[np.float64]

# Covariances are of a family when they differ from their nearest of it by no more than this, relative to
# their stds.
IN_FAMILY = 1e-6
# How the taken-on fit says that it has ended.
STATUS = "handed in: the parameters are as they were given"


def handed_in(
    em: Any, rows: Rows, n_components: int, covariance_type: str
) -> tuple[MixtureParams, CovarianceFamily]:
    """The mixture that a user hands in, and the covariance family that it was fitted in.

    Parameters
    ----------
    em : EMGaussianMixture, sklearn.mixture.GaussianMixture or MixtureParams
        A fitted estimator, of any covariance family, or the parameters themselves.
    rows : Rows
        The rows that it is to be held against.
    n_components, covariance_type : int and str
        Of the model that it is to be held against.

    Returns
    -------
    params : MixtureParams
    family : CovarianceFamily
        A smaller one than `covariance_type` where the estimator has a smaller one.

    Raises
    ------
    ParameterError
        Where it is none of these, not fitted, of another number of components or features, of columns with
        other names, or has covariances that the model cannot have.
    """
    params, own = _read(em)
    _check_size(params, rows, n_components)
    _check_columns(em, rows)
    family = family_of(covariance_type)
    _check_family(params, family, own)
    if own is None:
        return params, family
    k, d = n_components, rows.n_features
    return params, own if own.n_parameters(k, d) < family.n_parameters(k, d) else family


def fitted_at(params: MixtureParams, rows: Rows, family: CovarianceFamily, cores: int) -> EMGaussianMixture:
    """An estimator whose estimate these parameters are, as if it had been fitted to the rows.

    Its ``modes_`` has one row, the maximum that EM leads to from there, and ``converged_`` says whether this
    is where the parameters are.

    Parameters
    ----------
    params : MixtureParams
        Of the family.
    rows : Rows
    family : CovarianceFamily
    cores : int
        Threads; the result does not depend on it.
    """
    em = EMGaussianMixture(
        params.n_components, covariance_type=family.name, missing=missing_of(rows), cores=cores
    )
    note_columns(em, rows, reset=True)
    problem, units = standardised_problem(rows.counting.by_pattern, family.name, em.reg_covar, cores)
    plan = Plan(params.n_components, em.init_params, 1, em.max_iter, em.tol)
    start = state_of(units.of_em(params))
    reached = search(problem, plan, np.random.default_rng(0), start)
    hold_params(em, params)
    hold_modes(em, reached, -problem.log_volume(units), units)
    em.log_likelihood_ = rows.total(density.log_likelihood_per_obs(rows.values, params))
    em.lower_bound_ = em.log_likelihood_ / rows.total_weight
    gain = float(em.modes_["log_likelihood"].iloc[0]) - em.log_likelihood_
    ended = reached[0].run.status is Status.CONVERGED
    # In standardised units, so that those of the data do not matter.
    em.converged_ = ended and abs(gain) <= SAME_MAXIMUM * max(abs(reached[0].run.log_likelihood), 1.0)
    em.regularised_ = reached[0].held
    em.status_, em.n_iter_ = STATUS, 0
    em.log_likelihood_trace_ = np.array([em.log_likelihood_])
    return em


def _read(em: Any) -> tuple[MixtureParams, CovarianceFamily | None]:
    """Parameters of any kind of fit, and the family that it names, if it names one."""
    if isinstance(em, MixtureParams):
        return em, None
    if not isinstance(em, EMGaussianMixture | GaussianMixture):
        raise ParameterError(
            "em must be a fitted EMGaussianMixture, a fitted GaussianMixture of scikit-learn, or "
            f"MixtureParams; got {type(em).__name__}.",
            type=type(em).__name__,
        )
    try:
        check_is_fitted(em)
    except NotFittedError:
        raise ParameterError(
            f"em must be fitted, but this {type(em).__name__} is not; call its fit first.",
            type=type(em).__name__,
        ) from None
    if isinstance(em, EMGaussianMixture):
        # A setting may have been changed since.
        return em.params_, family_of(em._fitted_type)
    family = family_of(em.covariance_type)
    k, d = em.means_.shape
    covariances = family.expanded(em.covariances_, k, d, "covariances_")
    return MixtureParams(em.weights_ / em.weights_.sum(), em.means_, covariances), family


def _check_size(params: MixtureParams, rows: Rows, n_components: int) -> None:
    for what, expected, got in (
        ("components", n_components, params.n_components),
        ("features", rows.n_features, params.n_features),
    ):
        if expected != got:
            raise ParameterError(
                f"em has {got} {what}, but the posterior that it is to be held against has {expected}; fit "
                f"both with the same number on the same columns.",
                what=what,
                expected=expected,
                got=got,
            )


def _check_columns(em: Any, rows: Rows) -> None:
    names = getattr(em, "feature_names_in_", None)
    if names is None or not rows.named:
        return
    given = tuple(str(name) for name in names)
    if given != rows.names:
        raise ParameterError(
            f"em was fitted to the columns {', '.join(given)}, but the posterior to {', '.join(rows.names)}; "
            f"fit both to the same columns in the same order.",
            expected=rows.names,
            got=given,
        )


def _nearest(params: MixtureParams, family: CovarianceFamily) -> Array:
    """Covariances (K, D, D) of a family that share what they share with the first component."""
    k, d = params.n_components, params.n_features
    coordinates = Coordinates(k, d, family)
    values = coordinates.constrained(coordinates.unconstrained(params))
    factors = family.all_factors(values.get("corr_chol"), k, d)
    cholesky = family.all_stds(values["stds"], k, d)[:, :, None] * factors
    return np.asarray(cholesky @ np.swapaxes(cholesky, 1, 2))


def _check_family(params: MixtureParams, family: CovarianceFamily, own: CovarianceFamily | None) -> None:
    nearest = _nearest(params, family)
    size = params.stds[:, :, None] * params.stds[:, None, :]
    away = float((np.abs(params.covariances - nearest) / size).max())
    if away <= IN_FAMILY:
        return
    which = "" if own is None else f", fitted with covariance_type={own.name!r},"
    raise ParameterError(
        f"em{which} has covariances that a posterior with covariance_type={family.name!r} does not have: "
        f"they lie as far as {away:.2g} times a product of standard deviations from the nearest ones of that "
        f"family; fit the posterior with a larger family, such as covariance_type={DEFAULT_FAMILY!r}.",
        family=family.name,
        own=None if own is None else own.name,
        deviation=away,
    )
