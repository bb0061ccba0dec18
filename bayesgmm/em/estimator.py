"""`EMGaussianMixture`: maximum likelihood with scikit-learn's interface."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, DensityMixin
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted

from bayesgmm.em.collapse import no_maximum
from bayesgmm.em.fitted import FittedMixture
from bayesgmm.em.given_start import user_start
from bayesgmm.em.holding import hold_modes, hold_params, sorted_params
from bayesgmm.em.problem import Problem, standardised_problem, state_of
from bayesgmm.em.run import Status, has_stopped
from bayesgmm.em.search import Mode, search
from bayesgmm.em.settings import checked_plan, order_of
from bayesgmm.em.standard_errors import Estimate, StandardErrors, standard_errors
from bayesgmm.em.starts import MIXED
from bayesgmm.em.steps import State
from bayesgmm.em.telling import tell_maxima, warn_of_doubts
from bayesgmm.em.units import Units
from bayesgmm.mixture import density
from bayesgmm.mixture.families import DEFAULT_FAMILY, family_of
from bayesgmm.mixture.params import MixtureParams
from bayesgmm.rows.checks import check_fittable
from bayesgmm.rows.features import MODEL, REFUSE, rows_for
from bayesgmm.rows.rows import Rows, RowsLike
from bayesgmm.rows.unmeasured import tell_unmeasured
from bayesgmm.support import arguments
from bayesgmm.support.clock import Clock
from bayesgmm.support.threads import one_blas_thread

__all__ = ["EMGaussianMixture"]

Array = NDArray[np.float64]


class EMGaussianMixture(FittedMixture, DensityMixin, BaseEstimator):
    """Gaussian mixture by maximum likelihood, as a reference that can be trusted.

    EM runs from starts of several kinds, accelerated (Dempster, Laird and Rubin 1977; Varadhan and Roland
    2008); the best local maximum that is neither degenerate nor spurious is returned, and the table of all
    kept in ``modes_``. Columns are standardised inside, so that results do not depend on their units; but for
    "spherical", "tied_spherical", EVE, VVE, EEV and VEV, where the ratios of units are part of the model.

    Parameters
    ----------
    n_components : int, default 1
        Number of components, K.
    covariance_type : {"full", "tied", "diag", "spherical", "tied_diag", "tied_spherical", "tied_corr", ...}
        Each component its own general covariance, the default; one for all; its own diagonal; its own single
        variance; one diagonal for all; one variance for all; its own variances and one correlation matrix.
        Or by mclust's names VVV, EEE, VVI, VII, EEI, EII, VEI, EVI, VEE, EVE, VVE, EEV, VEV, EVV of volume,
        shape, orientation: own (V), shared (E), none (I; Celeux and Govaert 1995); of one feature E and V.
    tol : float, default 1e-10
        An EM run ends when the log-likelihood still to be gained, estimated from the last steps, is below
        ``tol`` times the total log-likelihood's size.
    reg_covar : float, default 0
        Smallest eigenvalue of a covariance, against that of all rows (or the columns' variances, in a family
        without correlations); nothing is added to others. With 0 what collapses is no estimate.
    max_iter : int, default 10000
        Largest number of steps in an EM run, each a pass over the data, after one that tells of the start;
        with 0 the best start is returned as it is.
    n_init : int or None, default None
        Number of starts. None searches on from the best maximum, by moves to others until 25 in a row, or K^3
        (from K=4 on 4 K^3), have found nothing better, or some K^2 15 ms of one core (of many rows 5 ms) and
        three passes over all rows have been spent.
    init_params : {"auto", "k-means++", "kmeans", "random", "random_from_data", "ward"}, default "auto"
        Kind of starts; "auto" takes one of Ward's clustering and mixes the others.
    weights_init, means_init, precisions_init : array_like, optional
        A start of the user's own, in scikit-learn's shapes; what is not given is filled in. It is the only
        one then.
    random_state : int, Generator, RandomState or None, default None
        Seed of the starts.
    warm_start : bool, default False
        Whether a second call of ``fit`` starts from the estimate of the first, and from nothing else. Steps
        of successive calls on the same rows count together for ``converged_``.
    order : "weights", or a feature's name or number, default "weights"
        Of the components: by decreasing weight, or by increasing mean of that feature.
    verbose : int, default 0
        1 prints the maxima found; 2 also the log-likelihood along the run that won.
    verbose_interval : int, default 10
        Steps between the printed ones.
    missing : {"refuse", "model"}, default "refuse"
        What is done where cells are missing, NaN. "model" takes them as missing at random: a row's density is
        that of its cells that are there, and nothing is filled in.
    cores : int or None, default None
        Threads for large data; None means all cores. The result does not depend on it.

    Attributes
    ----------
    weights_, means_ : ndarrays, shapes (K,), (K, D)
        The estimate, in the units of the data; components in the order that `order` says.
    covariances_ : ndarray
        Shape (K, D, D) full, (D, D) tied, (K, D) diag, (K,) spherical, (D,) tied_diag, () tied_spherical;
        VEI and EVI as diag, tied_corr and the others of mclust as full.
    precisions_, precisions_cholesky_ : ndarrays
        Inverses of the covariances and their upper Cholesky factors, in scikit-learn's shapes.
    params_ : MixtureParams
        The estimate in one object, covariances (K, D, D) whatever the family.
    log_likelihood_ : float
        Total log-likelihood at exactly these parameters; ``lower_bound_`` is its mean over rows.
    converged_ : bool
        Whether the EM run ended because the log-likelihood had stopped rising.
    status_ : str
        How the EM run ended, in words.
    regularised_ : bool
        Whether a covariance was kept at the floor that ``reg_covar`` sets.
    n_iter_ : int
        Steps of the run that won, each a pass over all rows; of more than 10,000 rows parts came before.
    log_likelihood_trace_ : ndarray
        Total log-likelihood at the states passed through, those of EM steps and of quasi-Newton ends.
    modes_ : DataFrame
        The distinct local maxima found, best first: log_likelihood, n_starts (and moves that led there; those
        left on the way are not counted), smallest_weight, smallest_eigenvalue (in the units of reg_covar),
        spurious, tol (to which it was run; looser where it could not be the best), status.
    mode_params_ : list of MixtureParams
        The parameters at each of them.

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
        covariance_type: str = DEFAULT_FAMILY,
        tol: float = 1e-10,
        reg_covar: float = 0.0,
        max_iter: int = 10_000,
        n_init: int | None = None,
        init_params: str = MIXED,
        weights_init: ArrayLike | None = None,
        means_init: ArrayLike | None = None,
        precisions_init: ArrayLike | None = None,
        random_state: Any = None,
        warm_start: bool = False,
        order: str | int = "weights",
        verbose: int = 0,
        verbose_interval: int = 10,
        missing: str = REFUSE,
        cores: int | None = None,
    ) -> None:
        self.n_components = n_components
        self.covariance_type = covariance_type
        self.tol = tol
        self.reg_covar = reg_covar
        self.max_iter = max_iter
        self.n_init = n_init
        self.init_params = init_params
        self.weights_init = weights_init
        self.means_init = means_init
        self.precisions_init = precisions_init
        self.random_state = random_state
        self.warm_start = warm_start
        self.order = order
        self.verbose = verbose
        self.verbose_interval = verbose_interval
        self.missing = missing
        self.cores = cores

    def fit(self, X: RowsLike, y: object = None, sample_weight: ArrayLike | None = None) -> Self:
        """Fit the mixture to the rows of X, shape (N, D).

        Parameters
        ----------
        X : array_like or data frame, shape (N, D), or Rows
        y : ignored
        sample_weight : array_like, shape (N,), optional
            A row of weight 3 counts as three rows, so that weights that sum to one claim a single row: bic,
            standard errors and the spurious flag then have next to no data.

        Returns
        -------
        self

        Warns
        -----
        bayesgmm.errors.ColumnWarning
            Of columns that look like no measurements, such as numbers of the rows; once for the same rows.

        Raises
        ------
        DataError, ParameterError
            Where X or a setting is not usable; the message says which and what to try.
        DegenerateFitError
            Where every start ended in a collapsed component.
        """
        return self.fit_within(X, Clock(None), sample_weight)

    def __sklearn_tags__(self) -> Tags:
        tags: Tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = self.missing == MODEL
        return tags

    def fit_within(
        self,
        X: RowsLike,
        clock: Clock,
        sample_weight: ArrayLike | None = None,
        known: Sequence[MixtureParams] = (),
    ) -> Self:
        """The same; once the time of a clock has passed, runs end where they are.

        Parameters
        ----------
        X, sample_weight
            See :meth:`fit`.
        clock : Clock
        known : sequence of MixtureParams
            Mixtures found elsewhere, which compete with what the search finds.
        """
        (plan, n_threads), family = checked_plan(self), family_of(self.covariance_type)
        # Rows that do not count must not take part in subsamples and starts either.
        every = rows_for(self, X, sample_weight, reset=True)
        rows = every.counting.by_pattern
        # Matrices are small, and threads of BLAS would mostly wait for each other.
        with one_blas_thread():
            check_fittable(rows.values, rows.names, plan.n_components, family.has_correlations)
            tell_unmeasured(every)
            by = order_of(self, rows)
            problem, units = standardised_problem(rows, family.name, float(self.reg_covar), n_threads)
            rng = np.random.default_rng(arguments.seed_sequence(self.random_state))
            given, others = self._given(problem, units), [state_of(units.of_em(params)) for params in known]
            modes = search(problem, replace(plan, clock=clock), rng, given, others)
        self._keep(modes, problem, rows, units, by, given is not None)
        return self

    def _given(self, problem: Problem, units: Units) -> State | None:
        """A start of the user's, or that of the last fit, in standardised coordinates."""
        if (
            self.warm_start
            and hasattr(self, "params_")
            # Factors of another family would never enter this one.
            and family_of(self._fitted_type) is family_of(self.covariance_type)
            and self.params_.means.shape == (self.n_components, problem.X.shape[1])
        ):
            return state_of(units.of_em(self.params_))
        return user_start(
            problem,
            self.n_components,
            self.covariance_type,
            (self.weights_init, self.means_init, self.precisions_init),
            units,
            np.random.default_rng(arguments.seed_sequence(self.random_state)),
        )

    def _keep(
        self,
        modes: list[Mode],
        problem: Problem,
        rows: Rows,
        units: Units,
        by: int | None,
        given: bool,
    ) -> None:
        best = modes[0].run
        if modes[0].degenerate:
            raise no_maximum(problem, rows, modes)
        before = getattr(self, "log_likelihood_trace_", None) if self.warm_start else None
        hold_params(self, sorted_params(modes[0], units, by))
        mass = rows.total_weight
        self.log_likelihood_ = rows.total(density.log_likelihood_per_obs(rows.values, self.params_))
        self.lower_bound_ = self.log_likelihood_ / mass
        self.converged_ = best.status is Status.CONVERGED
        self.regularised_ = modes[0].held
        self.status_ = best.status.value
        self.n_iter_ = best.n_iter - 1
        offset = -problem.log_volume(units)
        self.log_likelihood_trace_ = best.trace + offset
        if before is not None and best.status is Status.OUT_OF_ITERATIONS:
            # In standardised units, so that those of the data do not matter.
            self.converged_ = has_stopped(before - offset, best.trace, problem, float(self.tol))
            self.status_ = Status.CONVERGED.value if self.converged_ else self.status_
        hold_modes(self, modes, offset, units, by)
        tell_maxima(self)
        # Of the user's call of fit.
        warn_of_doubts(self, rows, modes, (problem, units, given), stacklevel=5)

    def fit_predict(
        self, X: RowsLike, y: object = None, sample_weight: ArrayLike | None = None
    ) -> NDArray[np.intp]:
        """Fit, then assign each row to its most probable component, shape (N,)."""
        rows = rows_for(self, X, sample_weight, reset=True)
        return self.fit(rows).predict(rows)

    def standard_errors(
        self,
        X: RowsLike,
        sample_weight: ArrayLike | None = None,
        *,
        method: str = "information",
        n_bootstrap: int = 200,
        random_state: Any = None,
    ) -> StandardErrors:
        """Standard errors of the estimate, from the rows that it was fitted to.

        See :func:`bayesgmm.em.standard_errors.standard_errors` for what the methods assume.

        Parameters
        ----------
        X : array_like or data frame, shape (N, D)
        sample_weight : array_like, shape (N,), optional
        method : {"information", "bootstrap", "parametric"}, default "information"
            Curvature of the log-likelihood; resampled rows; rows simulated from the estimate.
        n_bootstrap : int, default 200
        random_state : int, Generator, RandomState or None, default None
        """
        check_is_fitted(self)
        rows = rows_for(self, X, sample_weight, reset=False)
        how = {"method": method, "n_bootstrap": n_bootstrap, "random_state": random_state}
        return standard_errors(Estimate.of(self, rows), rows, **how)
