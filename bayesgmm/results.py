"""`PosteriorResults`: what a fit offers beside its draws; and the verdict on them."""

import numbers
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_is_fitted

from bayesgmm import overview
from bayesgmm.bayes.priors import Prior
from bayesgmm.bayes.target import Target
from bayesgmm.em import EMGaussianMixture
from bayesgmm.errors import ParameterError
from bayesgmm.mixture import draws as drawn
from bayesgmm.mixture.draws import evenly, finite
from bayesgmm.posterior import passes, pointwise, relabel, verdict
from bayesgmm.posterior.labelling import Certificate
from bayesgmm.posterior.memberships import Memberships, membership_intervals
from bayesgmm.posterior.modes import ModeMap, find_modes, mode_map, modes_dataset
from bayesgmm.posterior.similarity import pairwise_similarity, similarity_matrix
from bayesgmm.posterior.tree import certificate, relabelling
from bayesgmm.rows.features import rows_for
from bayesgmm.rows.rows import Rows, RowsLike
from bayesgmm.support import arguments

if TYPE_CHECKING:
    import pymc as pm

__all__ = ["PosteriorResults", "judged"]

Array = NDArray[np.float64]

# Rows of the largest similarity matrix: 128 MB.
LARGEST_MATRIX = 4000
# A mode that holds this much of the posterior makes it one with several modes.
LARGE_MODE = 0.05
# A PyMC model cannot be pickled, and the matrix is large.
_MADE_WHEN_ASKED_FOR = ("_model", "_similarity")


class PosteriorResults:
    """Everything that is read off a relabelled posterior; the estimator adds how to get one."""

    rows_: Rows
    em_: EMGaussianMixture
    prior_: Prior
    posterior_: xr.DataTree
    verdict_: verdict.Verdict
    predictive_seed_: int

    def __getstate__(self) -> dict[str, Any]:
        state: dict[str, Any] = dict(super().__getstate__())  # type: ignore[call-overload]
        for name in _MADE_WHEN_ASKED_FOR:
            state.pop(name, None)
        return state

    def __str__(self) -> str:
        return overview.as_text(self) if self._is_fitted else repr(self)

    # Notebooks ask for the one or for the other; scikit-learn's diagram of parameters is shown until there is a fit.
    @property
    def _repr_html_(self) -> Callable[[], str]:
        theirs: Callable[[], str] = super()._repr_html_  # type: ignore[misc]
        return (lambda: overview.as_html(self)) if self._is_fitted else theirs

    def _repr_mimebundle_(self, **options: Any) -> dict[str, str]:
        bundle: dict[str, str] = super()._repr_mimebundle_(**options)  # type: ignore[misc]
        if self._is_fitted:
            bundle["text/plain"] = overview.as_text(self)
            if "text/html" in bundle:
                bundle["text/html"] = overview.as_html(self)
        return bundle

    @property
    def _is_fitted(self) -> bool:
        return hasattr(self, "posterior_")

    def _forget(self) -> None:
        """Drop what was made of an earlier fit."""
        for name in _MADE_WHEN_ASKED_FOR:
            self.__dict__.pop(name, None)

    @property
    def model_(self) -> "pm.Model":
        """The PyMC model of the posterior, in the units of the data; built when first asked for."""
        check_is_fitted(self)
        if not hasattr(self, "_model"):
            from bayesgmm.bayes.model import build_model

            self._model = build_model(
                self.rows_,
                self.em_.params_.n_components,
                self.prior_,
                covariance_type=str(self.posterior_.attrs["covariance_type"]),
            )
        return self._model

    @property
    def method_(self) -> str:
        """The method used."""
        return str(self.posterior_.attrs["method"])

    @property
    def method_reason_(self) -> str:
        """Why that method was used, where it was chosen; empty otherwise."""
        return str(self.posterior_.attrs["method_reason"])

    @property
    def log_evidence_(self) -> tuple[float, float] | None:
        """Log evidence and its standard error, in the user's units, all K! labellings counted; None where the method gives none."""
        attrs = self.posterior_.attrs
        if "log_evidence" not in attrs:
            return None
        return float(attrs["log_evidence"]), float(attrs["log_evidence_se"])

    @property
    def mode_map_(self) -> ModeMap:
        """The modes of the posterior that the draws have seen, and the share of the draws at each.

        That is the share of the posterior only where the verdict finds that chains or runs agree: a chain stays at its mode, however small that
        is. Made when first asked for: some hundred climbs.
        """
        check_is_fitted(self)
        if "modes" not in self.posterior_:
            family = str(self.posterior_.attrs["covariance_type"])
            target = Target.standardising(self.rows_, self.em_.params_.n_components, self.prior_, family)
            found = find_modes(target, self.posterior_["posterior"].dataset, arguments.available_cores())
            self.posterior_["modes"] = xr.DataTree(modes_dataset(found))
        return mode_map(self.posterior_["modes"].dataset)

    @property
    def membership_(self) -> Array:
        """Posterior mean of each row's responsibilities, shape (N, K)."""
        return self.posterior_["membership"]["mean"].to_numpy()

    @property
    def membership_sd_(self) -> Array:
        """Standard deviation between draws of each row's responsibilities, shape (N, K)."""
        return self.posterior_["membership"]["sd"].to_numpy()

    @property
    def log_likelihood_draws_(self) -> Array:
        """Total log-likelihood of each draw, shape (chains, draws)."""
        return self.posterior_["sample_stats"]["total_log_likelihood"].to_numpy()

    @property
    def relabelling_(self) -> relabel.Relabelling:
        """The permutations applied to the draws, and how certain they are."""
        return relabelling(self.posterior_)

    @property
    def certificate_(self) -> Certificate:
        """How far the names of the components can be trusted."""
        return certificate(self.posterior_)

    def memberships(self, X: RowsLike | None = None, *, mass: float = 0.95) -> Memberships:
        """Memberships with intervals: the uncertainty of the parameters is in them, which EM's responsibilities leave out.

        Parameters
        ----------
        X : array_like, shape (M, D), optional
            New rows; by default those of the fit.
        mass : float, default 0.95
            Of the central intervals between draws.

        Returns
        -------
        Memberships
            ``mean``, ``sd``, ``lower`` and ``upper`` of shape (M, K), ``entropy`` and ``changing`` (M,), the rows that are ``uncertain``,
            and all of it as a ``table``.

        Raises
        ------
        ParameterError
            Where `mass` does not lie between 0 and 1.

        Warns
        -----
        UserWarning
            Where the verdict refuses a reading of single components.

        Notes
        -----
        O(S M K (log S + D^2)) for S draws.
        """
        if not (isinstance(mass, numbers.Real) and 0 < mass < 1):
            raise ParameterError(f"mass must be a number between 0 and 1; got {mass!r}.", mass=mass)
        rows = self._rows(X)
        if not self.verdict_.ok:
            warnings.warn(
                "The components must not be read one by one (see verdict_), and so neither must these memberships; similarity_ and "
                "partition do not depend on components.",
                UserWarning,
                stacklevel=2,
            )
        return membership_intervals(rows.columns, *self._draws, float(mass), arguments.available_cores())

    @property
    def similarity_(self) -> Array:
        """P(rows i and j share a component) of all rows, or of ``similarity_rows_`` where there are more than 4,000.

        It does not depend on the names of the components. Made when first asked for: O(S N K (N + D^2)).
        """
        if not hasattr(self, "_similarity"):
            rows = self.rows_.taken(self.similarity_rows_)
            self._similarity = similarity_matrix(rows.columns, *drawn.in_canonical_order(self._draws))
        return self._similarity

    @property
    def similarity_rows_(self) -> NDArray[np.intp]:
        """The rows of ``similarity_``: all, or 4,000 evenly spaced ones."""
        check_is_fitted(self)
        return evenly(len(self.rows_), LARGEST_MATRIX)

    def similarity(self, i: ArrayLike, j: ArrayLike) -> Array:
        """P(rows i and j of the fitted data share a component), for pairs of rows; i and j are broadcast.

        Parameters
        ----------
        i, j : int or array_like of int

        Returns
        -------
        ndarray
            Of the broadcast shape.

        Raises
        ------
        ParameterError
            Where an index is not that of a row.
        """
        first, second = np.broadcast_arrays(self._indices(i, "i"), self._indices(j, "j"))
        one, other = (self.rows_.taken(k.ravel()).columns for k in (first, second))
        values = pairwise_similarity(one, other, *drawn.in_canonical_order(self._draws))
        return np.where(first == second, 1.0, values.reshape(first.shape))

    def _indices(self, value: ArrayLike, name: str) -> NDArray[np.intp]:
        check_is_fitted(self)
        index, n = np.asarray(value), len(self.rows_)
        if index.dtype.kind not in "iu" or index.size == 0 or index.min() < 0 or index.max() >= n:
            raise ParameterError(
                f"{name} must hold rows of the data, integers from 0 to {n - 1}; got {value!r}.",
                name=name,
                n_rows=n,
                value=value,
            )
        return index.astype(np.intp)

    @property
    def _draws(self) -> tuple[Array, Array, Array]:
        return finite(
            drawn.stacked(self.posterior_["posterior"].dataset), self.posterior_["posterior"].sizes["draw"]
        )

    def add_log_likelihood(self) -> Self:
        """Add the group log_likelihood, log p(x_n) of each draw and row: what ``az.loo`` reads.

        Chains x draws x N numbers of 8 bytes.
        """
        check_is_fitted(self)
        posterior = self.posterior_["posterior"].dataset
        self.posterior_["log_likelihood"] = xr.DataTree(
            pointwise.log_likelihood_dataset(posterior, self.rows_)
        )
        return self

    def add_posterior_predictive(self) -> Self:
        """Add the group posterior_predictive, a simulated data set of N rows from each draw; always the same ones.

        Chains x draws x N x D numbers of 8 bytes.
        """
        check_is_fitted(self)
        posterior, rng = self.posterior_["posterior"].dataset, np.random.default_rng(self.predictive_seed_)
        replicated = pointwise.predictive_dataset(posterior, len(self.rows_), rng)
        self.posterior_["posterior_predictive"] = xr.DataTree(replicated)
        return self

    def _rows(self, X: RowsLike | None) -> Rows:
        """Those of the fit, or new ones."""
        check_is_fitted(self)
        return self.rows_ if X is None else rows_for(self, X, reset=False)

    def _memberships(self, X: RowsLike) -> tuple[Array, Array, Array]:
        return passes.memberships(self._rows(X).columns, *self._draws, arguments.available_cores())

    def predict_proba(self, X: RowsLike) -> Array:
        """Posterior mean membership of each row, E[p(z = k | x, parameters)], shape (N, K)."""
        return self._memberships(X)[0]

    def predict(self, X: RowsLike) -> NDArray[np.intp]:
        """The component with the largest posterior mean membership, shape (N,)."""
        return self.predict_proba(X).argmax(axis=1)

    def score_samples(self, X: RowsLike) -> Array:
        """Log posterior predictive density of each row, log E[p(x | parameters)], shape (N,)."""
        return self._memberships(X)[2]

    def score(self, X: RowsLike, y: object = None) -> float:
        """Mean over rows of the log posterior predictive density."""
        return float(self.score_samples(X).mean())


def judged(tree: xr.DataTree) -> verdict.Verdict:
    """The verdict on a relabelled tree."""
    posterior, stats, attrs = tree["posterior"].dataset, tree["sample_stats"].dataset, tree.attrs
    importance = None
    if "pareto_k" in attrs:
        names = ("pareto_k", "largest_k", "importance_ess")
        importance = verdict.ImportanceCheck(*(float(attrs[name]) for name in names))
    tempering, ancestor = None, None
    if "ancestor" in stats:
        ancestor = stats["ancestor"].to_numpy()
        shares = tree["modes"]["share"].to_numpy() if "modes" in tree else np.ones(1)
        tempering = verdict.TemperingCheck(
            float(attrs["temperature"]),
            int((shares >= LARGE_MODE).sum()),
            float(shares.max()),
            min(len(np.unique(row)) for row in ancestor),
        )
    label_free = verdict.label_free_quantities(
        posterior, stats["total_log_likelihood"].to_numpy(), tree["em"]["means"].to_numpy()
    )
    return verdict.judge(
        verdict.diagnose(label_free, ancestor),
        verdict.diagnose(drawn.parameter_draws(posterior), ancestor),
        certificate(tree),
        posterior.sizes["chain"],
        verdict.sampler_check(stats),
        importance,
        tempering,
    )
