"""What a mixture fitted by EM says of rows, in scikit-learn's words."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_is_fitted

from bayesgmm.mixture import density
from bayesgmm.mixture.conditional import Completion, completed
from bayesgmm.mixture.families import family_of
from bayesgmm.mixture.params import MixtureParams
from bayesgmm.rows.features import rows_for
from bayesgmm.rows.rows import Rows, RowsLike
from bayesgmm.support import arguments

__all__ = ["FittedMixture"]

Array = NDArray[np.float64]


class FittedMixture:
    """Memberships, densities and criteria; for an estimator that has ``params_`` when it is fitted."""

    covariance_type: str
    random_state: Any
    params_: MixtureParams
    means_: Array

    @property
    def precisions_(self) -> Array:
        """Inverse covariances, in the shape of ``covariances_``."""
        return family_of(self.covariance_type).compressed(np.linalg.inv(self.params_.covariances))

    @property
    def precisions_cholesky_(self) -> Array:
        """Upper triangular U with precision U U', in the shape of ``covariances_`` (scikit-learn's
        convention)."""
        factors = np.swapaxes(np.linalg.inv(self.params_.cholesky), -1, -2)
        return family_of(self.covariance_type).compressed(factors)

    def predict_proba(self, X: RowsLike) -> Array:
        """Responsibilities p(z = k | x) at the estimate, shape (N, K); rows sum to one."""
        check_is_fitted(self)
        return density.responsibilities(rows_for(self, X, reset=False).values, self.params_)

    def predict(self, X: RowsLike) -> NDArray[np.intp]:
        """The component with the largest responsibility, shape (N,)."""
        return self.predict_proba(X).argmax(axis=1)

    def score_samples(self, X: RowsLike) -> Array:
        """Log density of the mixture at each row, log p(x), shape (N,)."""
        check_is_fitted(self)
        return density.log_likelihood_per_obs(rows_for(self, X, reset=False).values, self.params_)

    def score(self, X: RowsLike, y: object = None, sample_weight: ArrayLike | None = None) -> float:
        """Mean over rows of the log density (scikit-learn's convention)."""
        rows = self._new_rows(X, sample_weight)
        return rows.total(self.score_samples(rows)) / rows.total_weight

    def _new_rows(self, X: RowsLike, sample_weight: ArrayLike | None) -> Rows:
        check_is_fitted(self)
        return rows_for(self, X, sample_weight, reset=False)

    def n_parameters(self) -> int:
        """Number of free parameters: K - 1 weights, K D means, and the family's covariances."""
        check_is_fitted(self)
        k, d = self.means_.shape
        return family_of(self.covariance_type).n_parameters(k, d)

    def bic(self, X: RowsLike, sample_weight: ArrayLike | None = None) -> float:
        """Bayesian information criterion, -2 log L + p log N; lower is better (Schwarz 1978).

        N is the sum of the weights of the rows.
        """
        rows = self._new_rows(X, sample_weight)
        total = rows.total(self.score_samples(rows))
        return float(-2 * total + self.n_parameters() * np.log(rows.total_weight))

    def aic(self, X: RowsLike, sample_weight: ArrayLike | None = None) -> float:
        """Akaike information criterion, -2 log L + 2 p; lower is better (Akaike 1974)."""
        rows = self._new_rows(X, sample_weight)
        return -2 * rows.total(self.score_samples(rows)) + 2 * self.n_parameters()

    def entropy(self, X: RowsLike, sample_weight: ArrayLike | None = None) -> float:
        """Entropy of the assignments, -sum_nk r log r, in nats; 0 where every row is certain."""
        rows = self._new_rows(X, sample_weight)
        r = self.predict_proba(rows)
        # 0.0 - x, so that certainty is 0 and not -0.
        return 0.0 - rows.total(np.sum(r * np.log(np.where(r > 0, r, 1.0)), axis=1))

    def icl(self, X: RowsLike, sample_weight: ArrayLike | None = None) -> float:
        """Integrated completed likelihood, BIC + 2 entropy; lower is better (Biernacki, Celeux and Govaert
        2000)."""
        rows = self._new_rows(X, sample_weight)
        return self.bic(rows) + 2 * self.entropy(rows)

    def impute(self, X: RowsLike) -> Completion:
        """Conditional means and standard deviations of the cells that are missing in X, NaN, at the estimate.

        Parameters
        ----------
        X : array_like or data frame, shape (N, D)

        Returns
        -------
        Completion
            ``values`` has the cells of X, and conditional means where these are missing; ``sd`` is zero where
            they are not. Neither knows that the estimate is uncertain.

        Examples
        --------
        >>> import numpy as np
        >>> from bayesgmm import EMGaussianMixture, datasets
        >>> X = datasets.faithful().X
        >>> em = EMGaussianMixture(n_components=2, missing="model", random_state=0).fit(X)
        >>> em.impute([[4.0, np.nan]]).values.round()
        array([[ 4., 78.]])
        """
        check_is_fitted(self)
        return completed(rows_for(self, X, reset=False).values, self.params_)

    def sample(self, n_samples: int = 1) -> tuple[Array, NDArray[np.intp]]:
        """Draw rows from the fitted mixture, with the components they come from."""
        check_is_fitted(self)
        n = arguments.check_integer(n_samples, "n_samples", 1)
        return density.simulate(
            self.params_, n, np.random.default_rng(arguments.seed_sequence(self.random_state))
        )
