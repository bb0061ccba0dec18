"""`PosteriorResults`: what a fit offers beside its draws; and the verdict on them."""

import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_is_fitted

from bayesgmm import overview
from bayesgmm.bayes.priors import Prior
from bayesgmm.em import EMGaussianMixture
from bayesgmm.errors import ParameterError
from bayesgmm.fit import Fit
from bayesgmm.posterior import passes, pointwise, relabel, verdict
from bayesgmm.posterior.labelling import LabellingDiagnostics
from bayesgmm.posterior.memberships import Memberships, membership_intervals
from bayesgmm.posterior.modes import ModeMap, modes_dataset
from bayesgmm.posterior.similarity import pairwise_similarity, similarity_matrix
from bayesgmm.rows.features import rows_for
from bayesgmm.rows.part import part_of
from bayesgmm.rows.rows import Rows, RowsLike
from bayesgmm.support import arguments
from bayesgmm.support.sentences import shown_value

if TYPE_CHECKING:
    import pymc as pm

__all__ = ["PosteriorResults", "check_fit"]

Array = NDArray[np.float64]

# Rows of the largest similarity matrix: 128 MB.
LARGEST_MATRIX = 4000
# Made when asked for. A PyMC model cannot be pickled, and the matrix is large; the tree may hold what a user
# has added.
_NOT_PICKLED = ("_model", "_similarity")
_MADE_WHEN_ASKED_FOR = (*_NOT_PICKLED, "_tree")


def check_fit(bayes: object, name: str = "bayes") -> None:
    """Refuse what is no fit by full Bayes, or is not fitted yet.

    Raises
    ------
    ParameterError
        Where it is something else, such as a fit by EM alone.
    NotFittedError
    """
    alone = isinstance(bayes, EMGaussianMixture)
    hint = "fit the same rows by BayesGaussianMixture, and hold the two together by compare(bayes, em=em)"
    arguments.check_kind(
        bayes, name, PosteriorResults, "a fitted BayesGaussianMixture", hint if alone else ""
    )
    check_is_fitted(bayes)


class PosteriorResults:
    """Everything that is read off the record of a fit, ``fit_``; the estimator adds how to make one."""

    fit_: Fit
    random_state: Any
    _tree: xr.DataTree

    def __getstate__(self) -> dict[str, Any]:
        state: dict[str, Any] = dict(super().__getstate__())  # type: ignore[call-overload]
        for name in _NOT_PICKLED:
            state.pop(name, None)
        return state

    def __str__(self) -> str:
        return overview.as_text(self) if self._is_fitted else repr(self)

    # Notebooks ask for the one or for the other; scikit-learn's diagram of parameters is shown until there is
    # a fit.
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
        return "fit_" in vars(self)

    def _forget(self) -> None:
        """Drop what was made of an earlier fit."""
        for name in _MADE_WHEN_ASKED_FOR:
            self.__dict__.pop(name, None)

    @property
    def _record(self) -> Fit:
        """The record of the fit, or scikit-learn's error that there is none."""
        check_is_fitted(self)
        return self.fit_

    @property
    def _cores(self) -> int:
        return self._record.settings.cores

    @property
    def rows_(self) -> Rows:
        """The rows of the data, with the names that they had."""
        return self._record.rows

    @property
    def em_(self) -> EMGaussianMixture:
        """The baseline by EM, fitted to the same data."""
        return self._record.em

    @property
    def prior_(self) -> Prior:
        """The prior used, in the units of the data."""
        return self._record.prior

    @property
    def verdict_(self) -> verdict.Verdict:
        """Whether component-wise summaries are identifiable, and what speaks against it."""
        return self._record.verdict

    @property
    def predictive_seed_(self) -> int:
        """Seed of what is simulated from the fit."""
        return self._record.provenance.predictive_seed

    @property
    def posterior_(self) -> xr.DataTree:
        """The fit as labelled data, for ArviZ: a copy that may be changed and added to.

        Results are read off the record ``fit_`` and not off this tree.
        """
        if not hasattr(self, "_tree"):
            self._tree = self._record.tree().copy(deep=True)
        return self._tree

    @property
    def model_(self) -> "pm.Model":
        """The PyMC model of the posterior, in the units of the data; built when first asked for."""
        fit = self._record
        if not hasattr(self, "_model"):
            from bayesgmm.bayes.model import build_model

            k, family = fit.draws.n_components, fit.covariance_type
            self._model = build_model(fit.rows, k, fit.prior, covariance_type=family)
        return self._model

    @property
    def method_(self) -> str:
        """The method used."""
        return self._record.method

    @property
    def method_reason_(self) -> str:
        """Why that method was used, where it was chosen; empty otherwise."""
        reason = self._record.method_reason
        return "" if reason is None else str(reason)

    @property
    def log_evidence_(self) -> tuple[float, float] | None:
        """Log evidence, in the user's units and with all K! labellings counted, and its standard error.

        The error is that between runs, widened as Student's t is for few, so that 1.96 of it are 95 %. None
        where the method gives none.
        """
        return self._record.log_evidence

    @property
    def mode_map_(self) -> ModeMap:
        """The modes of the posterior that the draws have seen, and the share of the draws at each.

        That is the share of the posterior only where the verdict finds that chains or runs agree: a chain
        stays at its mode, however small that is. Made when first asked for: some hundred optimisations.
        """
        found = self._record.modes
        if found is None:
            found = self.fit_.find_modes(self._cores)
            self.fit_ = self.fit_.with_modes(found)
            if hasattr(self, "_tree"):
                self._add_group("modes", modes_dataset(found, self.fit_.rows))
        return found

    @property
    def membership_(self) -> Array:
        """Posterior mean of each row's responsibilities, shape (N, K)."""
        return self._record.labels.membership

    @property
    def membership_sd_(self) -> Array:
        """Standard deviation between draws of each row's responsibilities, shape (N, K)."""
        return self._record.labels.membership_sd

    @property
    def log_likelihood_draws_(self) -> Array:
        """Total log-likelihood of each draw, shape (chains, draws)."""
        return self._record.labels.log_likelihood

    @property
    def relabelling_(self) -> relabel.Relabelling:
        """The permutations applied to the draws, and how certain they are."""
        return self._record.labels.relabelling

    @property
    def labelling_(self) -> LabellingDiagnostics:
        """The labelling diagnostics: how far the labels of the components can be trusted."""
        return self._record.labels.diagnostics

    def memberships(self, X: RowsLike | None = None, *, ci_prob: float = 0.95) -> Memberships:
        """Memberships with intervals.

        The uncertainty of the parameters is in them, which EM's responsibilities leave out.

        Parameters
        ----------
        X : array_like, shape (M, D), optional
            New rows; by default those of the fit.
        ci_prob : float, default 0.95
            Mass of the central intervals between draws.

        Returns
        -------
        Memberships
            ``mean``, ``sd``, ``lower`` and ``upper`` of shape (M, K), ``entropy`` and ``changing`` (M,), the
            rows that are ``uncertain``, and all of it as a ``table``.

        Raises
        ------
        ParameterError
            Where `ci_prob` does not lie between 0 and 1.

        Warns
        -----
        UserWarning
            Where the verdict refuses component-wise summaries.

        Notes
        -----
        O(S M K (log S + D^2)) for S draws.
        """
        ci_prob = arguments.check_share(ci_prob, "ci_prob")
        rows = self._rows(X)
        if not self.verdict_.ok:
            warnings.warn(
                "Component-wise summaries must not be used (see verdict_), and so neither must these "
                "memberships; similarity_ and partition do not depend on labels.",
                UserWarning,
                stacklevel=2,
            )
        draws = self._record.draws.stacked
        return membership_intervals(rows, *draws, ci_prob, self._cores)

    @property
    def similarity_(self) -> Array:
        """P(rows i and j share a component) of all rows; of ``similarity_rows_`` where they are above 4,000.

        It does not depend on the labels of the components. Made when first asked for: O(S N K (N + D^2)).
        """
        if not hasattr(self, "_similarity"):
            rows = self.rows_.taken(self.similarity_rows_)
            draws = self._record.draws.in_canonical_order
            self._similarity = similarity_matrix(rows.columns, *draws.stacked, self._cores)
        return self._similarity

    @property
    def similarity_rows_(self) -> NDArray[np.intp]:
        """The rows of ``similarity_``: all, or 4,000, spread over them."""
        return part_of(len(self.rows_), LARGEST_MATRIX)

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
        rows_i, rows_j = self._indices(i, "i"), self._indices(j, "j")
        try:
            first, second = np.broadcast_arrays(rows_i, rows_j)
        except ValueError:
            raise ParameterError(
                f"i and j must have shapes that go together; got {rows_i.shape} and {rows_j.shape}; give one "
                f"row of each pair in i, and the other in j.",
                i=rows_i.shape,
                j=rows_j.shape,
            ) from None
        one, other = (self.rows_.taken(k.ravel()).columns for k in (first, second))
        values = pairwise_similarity(one, other, *self._record.draws.in_canonical_order.stacked)
        return np.where(first == second, 1.0, values.reshape(first.shape))

    def _indices(self, value: ArrayLike, name: str) -> NDArray[np.intp]:
        index, n = arguments.as_array(value, name), len(self.rows_)
        if index.dtype.kind not in "iu" or index.size == 0 or index.min() < 0 or index.max() >= n:
            raise ParameterError(
                f"{name} must hold rows of the data, integers from 0 to {n - 1}; got {shown_value(value)}.",
                name=name,
                n_rows=n,
                value=value,
            )
        return index.astype(np.intp)

    def _added_groups(self, own: xr.DataTree) -> dict[str, xr.DataTree]:
        """Groups that were added to ``posterior_`` and are not part of the record, whose tree is `own`."""
        tree = vars(self).get("_tree")
        return (
            {} if tree is None else {n: group for n, group in tree.children.items() if n not in own.children}
        )

    def _add_group(self, name: str, group: xr.Dataset) -> None:
        self.posterior_.update({name: xr.DataTree(group)})

    def add_log_likelihood(self) -> Self:
        """Add the group log_likelihood, log p(x_n) of each draw and row: what ``az.loo`` reads.

        With weights it is w_n log p(x_n), as the likelihood has it, and ``az.loo`` then leaves out a row with
        all that it stands for; ``compare`` leaves out one of the rows that it stands for.

        Chains x draws x N numbers of 8 bytes.
        """
        fit = self._record
        self._add_group("log_likelihood", pointwise.log_likelihood_dataset(fit.draws, fit.rows))
        return self

    def add_posterior_predictive(self) -> Self:
        """Add the group posterior_predictive: of each draw a simulated data set of N rows, always the same.

        Each row once, whatever it weighs.

        Chains x draws x N x D numbers of 8 bytes.
        """
        fit, rng = self._record, np.random.default_rng(self.predictive_seed_)
        replicated = pointwise.predictive_dataset(fit.draws, fit.rows, rng)
        self._add_group("posterior_predictive", replicated)
        return self

    def _rows(self, X: RowsLike | None) -> Rows:
        """Those of the fit, or new ones."""
        check_is_fitted(self)
        return self.rows_ if X is None else rows_for(self, X, reset=False)

    def _memberships(self, X: RowsLike) -> tuple[Array, Array, Array]:
        return passes.memberships(self._rows(X).columns, *self._record.draws.stacked, self._cores)

    def sample(self, n_samples: int = 1) -> tuple[Array, NDArray[np.intp]]:
        """Draw rows from the posterior predictive distribution, each from the mixture of a draw of its own.

        As in scikit-learn, an integer ``random_state`` gives the same rows each time.

        Parameters
        ----------
        n_samples : int, default 1

        Returns
        -------
        rows : ndarray, shape (n_samples, D)
        labels : ndarray of int, shape (n_samples,)
            The component of each; components mean something only where ``verdict_`` allows it.
        """
        draws = self._record.draws
        n = arguments.check_integer(n_samples, "n_samples", 1)
        rng = np.random.default_rng(arguments.seed_sequence(self.random_state))
        return pointwise.predictive_rows(draws, n, rng)

    def predict_proba(self, X: RowsLike) -> Array:
        """Posterior mean membership of each row, E[p(z = k | x, parameters)], shape (N, K)."""
        return self._memberships(X)[0]

    def predict(self, X: RowsLike) -> NDArray[np.intp]:
        """The component with the largest posterior mean membership, shape (N,)."""
        return self.predict_proba(X).argmax(axis=1)

    def score_samples(self, X: RowsLike) -> Array:
        """Log posterior predictive density of each row, log E[p(x | parameters)], shape (N,)."""
        return self._memberships(X)[2]

    def score(self, X: RowsLike, y: object = None, sample_weight: ArrayLike | None = None) -> float:
        """Mean over rows, with their weights, of the log posterior predictive density."""
        check_is_fitted(self)
        rows = rows_for(self, X, sample_weight, reset=False)
        return rows.total(self.score_samples(rows)) / rows.total_weight
