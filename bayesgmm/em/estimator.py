"""`EMGaussianMixture`: maximum likelihood with scikit-learn's interface."""

import warnings
from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, DensityMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from bayesgmm import density, validation
from bayesgmm.em.climb import Climb, Status
from bayesgmm.em.search import Mode, search
from bayesgmm.errors import ConvergenceWarning, DegenerateFitError, ParameterError
from bayesgmm.params import MixtureParams

__all__ = ["EMGaussianMixture"]

Array = NDArray[np.float64]


class EMGaussianMixture(DensityMixin, BaseEstimator):
    """Gaussian mixture by maximum likelihood, as a reference that can be trusted.

    Many k-means++ starts are climbed by EM (Dempster, Laird and Rubin 1977); the best local maximum that is not
    degenerate is returned, and the table of the others kept in ``modes_``. Columns are standardised inside,
    so that results do not depend on the units.

    Parameters
    ----------
    n_components : int, default 1
        Number of components, K.
    covariance_type : {"full"}, default "full"
        Each component has its own general covariance.
    tol : float, default 1e-9
        A climb ends when the log-likelihood still to be gained, estimated from the last steps, is below
        ``tol`` times the total log-likelihood's size.
    max_iter : int, default 10000
        Largest number of EM steps of a climb.
    n_init : int, default 20
        Number of starts.
    random_state : int, Generator, RandomState or None, default None
        Seed of the starts.

    Attributes
    ----------
    weights_, means_, covariances_ : ndarrays, shapes (K,), (K, D), (K, D, D)
        The estimate, in the units of the data; components in the order of decreasing weight.
    params_ : MixtureParams
        The same in one object.
    log_likelihood_ : float
        Total log-likelihood at exactly these parameters.
    converged_ : bool
        Whether the climb ended because the log-likelihood had stopped rising.
    status_ : str
        How the climb ended, in words.
    n_iter_ : int
        EM steps of the climb that won.
    log_likelihood_trace_ : ndarray, shape (n_iter_ + 1,)
        Total log-likelihood before each step and at the end.
    modes_ : DataFrame
        The distinct local maxima found: log_likelihood, n_starts, smallest_weight, status.

    Examples
    --------
    >>> from bayesgmm import EMGaussianMixture, datasets
    >>> em = EMGaussianMixture(n_components=2, random_state=0).fit(datasets.faithful().X)
    >>> round(em.log_likelihood_, 2)
    -1130.26
    >>> em.weights_.round(2)
    array([0.64, 0.36])
    """

    def __init__(
        self,
        n_components: int = 1,
        *,
        covariance_type: str = "full",
        tol: float = 1e-9,
        max_iter: int = 10_000,
        n_init: int = 20,
        random_state: Any = None,
    ) -> None:
        self.n_components = n_components
        self.covariance_type = covariance_type
        self.tol = tol
        self.max_iter = max_iter
        self.n_init = n_init
        self.random_state = random_state

    def fit(self, X: ArrayLike, y: object = None, sample_weight: ArrayLike | None = None) -> Self:
        """Fit the mixture to the rows of X, shape (N, D).

        Parameters
        ----------
        X : array_like or data frame, shape (N, D)
        y : ignored
        sample_weight : array_like, shape (N,), optional
            A row of weight 3 counts as three rows.

        Returns
        -------
        self

        Raises
        ------
        DataError, ParameterError
            Where X or a setting is not usable; the message says which and what to try.
        DegenerateFitError
            Where every start ended in a collapsed component.
        """
        settings = self._settings()
        rows = self._rows(X, reset=True)
        names = validation.column_names(X, rows.shape[1])
        validation.check_varying_columns(rows, names)
        validation.check_distinct_rows(rows, settings["n_components"])
        weights = validation.check_sample_weight(sample_weight, len(rows))
        shift, scale = column_location_scale(rows, weights)
        rng = np.random.default_rng(validation.seed_sequence(self.random_state))
        scaled = np.asfortranarray((rows - shift) / scale)
        modes = search(scaled, weights, rng=rng, n_long=8, **settings)
        self._keep(modes, rows, weights, shift, scale)
        return self

    def _settings(self) -> dict[str, Any]:
        if self.covariance_type != "full":
            raise ParameterError(f"covariance_type must be 'full'; got {self.covariance_type!r}.")
        if not (isinstance(self.tol, float | int) and 0 < self.tol < 1):
            raise ParameterError(f"tol must be a number between 0 and 1; got {self.tol!r}.")
        return {
            "n_components": validation.check_integer(self.n_components, "n_components", 1),
            "n_init": validation.check_integer(self.n_init, "n_init", 1),
            "max_iter": validation.check_integer(self.max_iter, "max_iter", 1),
            "tol": float(self.tol),
        }

    def _rows(self, X: Any, reset: bool) -> Array:
        rows = validation.check_data(X)
        validate_data(self, X, reset=reset, skip_check_array=True)
        return rows

    def _keep(self, modes: list[Mode], rows: Array, weights: Array, shift: Array, scale: Array) -> None:
        best = modes[0].climb
        if best.status is Status.DEGENERATE:
            raise DegenerateFitError(
                f"All {self.n_init} starts with n_components={self.n_components} ended in a component that "
                f"collapsed onto a few of the {len(rows)} rows, where the likelihood has no upper bound; use fewer "
                "components, drop duplicated columns, or fit BayesGaussianMixture, whose prior forbids it."
            )
        order = np.argsort(-best.log_weights, kind="stable")
        self._set_params(_params(best).rescaled(shift, scale).permuted(order))
        per_row = density.log_likelihood_per_obs(rows, self.params_)
        self.log_likelihood_ = float(weights @ per_row if len(weights) else per_row.sum())
        self.converged_ = best.status is Status.CONVERGED
        self.status_ = best.status.value
        self.n_iter_ = best.n_iter
        mass = weights.sum() if len(weights) else len(rows)
        units = -mass * np.log(scale).sum()
        self.log_likelihood_trace_ = best.trace + units
        self.modes_ = _mode_table(modes, units)
        if not self.converged_:
            warnings.warn(f"EM ended {self.status_}.", ConvergenceWarning, stacklevel=3)

    def _set_params(self, params: MixtureParams) -> None:
        self.params_ = params
        # Plain arrays, as in scikit-learn; those of MixtureParams cannot be written to.
        self.weights_ = np.array(params.weights)
        self.means_ = np.array(params.means)
        self.covariances_ = np.array(params.covariances)

    def predict_proba(self, X: ArrayLike) -> Array:
        """Responsibilities p(z = k | x) at the estimate, shape (N, K); rows sum to one."""
        check_is_fitted(self)
        return density.responsibilities(self._rows(X, reset=False), self.params_)

    def predict(self, X: ArrayLike) -> NDArray[np.intp]:
        """The component with the largest responsibility, shape (N,)."""
        return self.predict_proba(X).argmax(axis=1)

    def fit_predict(
        self, X: ArrayLike, y: object = None, sample_weight: ArrayLike | None = None
    ) -> NDArray[np.intp]:
        """Fit, then assign each row to its most probable component, shape (N,)."""
        return self.fit(X, sample_weight=sample_weight).predict(X)

    def score_samples(self, X: ArrayLike) -> Array:
        """Log density of the mixture at each row, log p(x), shape (N,)."""
        check_is_fitted(self)
        return density.log_likelihood_per_obs(self._rows(X, reset=False), self.params_)

    def score(self, X: ArrayLike, y: object = None) -> float:
        """Mean over rows of the log density (scikit-learn's convention)."""
        return float(self.score_samples(X).mean())

    def n_parameters(self) -> int:
        """Number of free parameters: K - 1 weights, K D means, K D (D + 1) / 2 covariances."""
        check_is_fitted(self)
        k, d = self.means_.shape
        return k - 1 + k * d + k * d * (d + 1) // 2

    def bic(self, X: ArrayLike) -> float:
        """Bayesian information criterion, -2 log L + p log N; lower is better (Schwarz 1978)."""
        per_row = self.score_samples(X)
        return float(-2 * per_row.sum() + self.n_parameters() * np.log(len(per_row)))

    def aic(self, X: ArrayLike) -> float:
        """Akaike information criterion, -2 log L + 2 p; lower is better (Akaike 1974)."""
        return float(-2 * self.score_samples(X).sum() + 2 * self.n_parameters())

    def sample(self, n_samples: int = 1) -> tuple[Array, NDArray[np.intp]]:
        """Draw rows from the fitted mixture, with the components they come from."""
        check_is_fitted(self)
        n = validation.check_integer(n_samples, "n_samples", 1)
        return density.simulate(
            self.params_, n, np.random.default_rng(validation.seed_sequence(self.random_state))
        )


def em_dataset(em: EMGaussianMixture, feature_names: Sequence[str]) -> dict[str, xr.Dataset]:
    """A fitted estimator as labelled data sets: group ``em``, and its table of modes, ``em_modes``."""
    names = list(feature_names)
    estimate = xr.Dataset(
        {
            "weights": ("cluster", em.weights_),
            "means": (("cluster", "feature"), em.means_),
            "covariances": (("cluster", "feature", "feature_bis"), em.covariances_),
            "log_likelihood_trace": ("iteration", em.log_likelihood_trace_),
        },
        coords={"cluster": np.arange(len(em.weights_)), "feature": names, "feature_bis": names},
        attrs={
            "log_likelihood": em.log_likelihood_,
            "converged": int(em.converged_),
            "status": em.status_,
            "n_iter": em.n_iter_,
            "covariance_type": em.covariance_type,
        },
    )
    modes = xr.Dataset.from_dataframe(em.modes_.rename_axis("mode"))
    return {"em": estimate, "em_modes": modes}


def em_from_dataset(groups: Mapping[str, xr.Dataset]) -> EMGaussianMixture:
    """The estimator that :func:`em_dataset` was made of."""
    estimate = groups["em"]
    em = EMGaussianMixture(estimate.sizes["cluster"], covariance_type=str(estimate.attrs["covariance_type"]))
    em._set_params(MixtureParams(*(estimate[v].to_numpy() for v in ("weights", "means", "covariances"))))
    em.log_likelihood_ = float(estimate.attrs["log_likelihood"])
    em.converged_ = bool(estimate.attrs["converged"])
    em.status_ = str(estimate.attrs["status"])
    em.n_iter_ = int(estimate.attrs["n_iter"])
    em.log_likelihood_trace_ = estimate["log_likelihood_trace"].to_numpy()
    em.modes_ = groups["em_modes"].to_dataframe().rename_axis(None)
    return em


def column_location_scale(X: Array, sample_weight: Array) -> tuple[Array, Array]:
    """Mean and standard deviation of the columns, shape (D,) each; a deviation of zero becomes one."""
    w = sample_weight if len(sample_weight) else None
    shift = np.average(X, axis=0, weights=w)
    scale = np.sqrt(np.average((X - shift) ** 2, axis=0, weights=w))
    return shift, np.where(scale > 0, scale, 1.0)


def _params(c: Climb) -> MixtureParams:
    weights = np.exp(c.log_weights)
    covariances = c.cholesky @ np.swapaxes(c.cholesky, -1, -2)
    return MixtureParams(weights / weights.sum(), c.means, covariances)


def _mode_table(modes: list[Mode], units: float) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "log_likelihood": [m.climb.log_likelihood + units for m in modes],
            "n_starts": [m.n_starts for m in modes],
            "smallest_weight": [float(np.exp(m.climb.log_weights.min())) for m in modes],
            "status": [m.climb.status.value.split(":")[0] for m in modes],
        }
    )
