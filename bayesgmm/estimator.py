"""`BayesGaussianMixture`: EM, then the posterior, then its labels, in that order and with one seed.

This is the only module that knows that there is an order of steps.
"""

import os
import warnings
from dataclasses import fields
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, DensityMixin, clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import Tags

from bayesgmm import methods
from bayesgmm.bayes.priors import Prior, check_prior
from bayesgmm.bayes.propriety import improper_by
from bayesgmm.bayes.target import Target
from bayesgmm.calibration import CalibrationCheck, check_calibration
from bayesgmm.em import EMGaussianMixture
from bayesgmm.em.baseline import baseline, check_prepared
from bayesgmm.errors import PriorWarning
from bayesgmm.fit import Fit
from bayesgmm.methods.checkpoints import checkpoints_of
from bayesgmm.methods.effort import announce, check_size
from bayesgmm.methods.method import Problem, Seeds
from bayesgmm.methods.settings import Settings
from bayesgmm.mixture.families import DEFAULT_FAMILY, family_of
from bayesgmm.posterior.imputation import Imputation, imputation
from bayesgmm.posterior.unbounded import about_no_maximum
from bayesgmm.recording import Recorder
from bayesgmm.results import PosteriorResults
from bayesgmm.rows.checks import check_fittable
from bayesgmm.rows.features import MODEL, REFUSE, note_columns
from bayesgmm.rows.rows import Rows, RowsLike
from bayesgmm.rows.sample_weight import check_total_weight
from bayesgmm.rows.unmeasured import tell_unmeasured
from bayesgmm.support import arguments
from bayesgmm.support.clock import Clock
from bayesgmm.support.progress import Steps
from bayesgmm.support.provenance import Provenance

__all__ = ["BayesGaussianMixture"]


class BayesGaussianMixture(PosteriorResults, DensityMixin, BaseEstimator):
    """Gaussian mixture by maximum likelihood and by full Bayes, for a comparison of the two.

    EM gives the baseline and starts. From its maxima the posterior's modes are found, their curvature
    measured, and NUTS run in coordinates in which the posterior is nearly round. Where that does not reach
    all of the posterior, tempering does. Draws are relabelled to the EM components afterwards, unless the
    prior tells components apart: these are its own then, and EM's are put in their order. ``verdict_`` says
    whether component-wise summaries are identifiable at all.

    Parameters
    ----------
    n_components : int, default 1
        Number of components, K.
    covariance_type : {"full", "tied", "diag", "spherical", "tied_diag", "tied_spherical", "tied_corr", ...}
        Each component its own general covariance, the default; one for all; its own diagonal; its own single
        variance; one diagonal for all; one variance for all; its own variances and one correlation matrix for
        all. Or "VEI", its own volume and one shape for all, and "EVI", one volume for all and its own shape,
        of diagonal covariances, or mclust's names of the others. Standard
        deviations have the prior's distribution one by one, correlation matrices the LKJ distribution one by
        one; volumes and shapes those that `bayesgmm.bayes.log_laws` derives from the prior's.
    method : {"auto", "nuts", "smc", "laplace"}, default "auto"
        "nuts": chains from the posterior modes that matter by Laplace's method, of those that EM's maxima and
        climbs from random mixtures lead to. "smc": tempering from up to 14 modes that optimisations from the
        same lead to, and the log evidence with it; for posteriors with several modes, and for more
        components than the data show. "auto": NUTS, and tempering where chains disagree, no mode holds nearly
        all of the posterior, or labels are ambiguous. "laplace": draws from the Gaussian at the mode that
        holds most of the posterior, weighted and checked: right only where ``verdict_`` says so (Pareto k
        below 0.7, or less with few draws, and no other modes that hold a tenth of the posterior).
    prior : Prior or None, default None
        In the units of the data; None derives a weakly informative one from the data (``Prior.from_data``).
    em : EMGaussianMixture or None, default None
        The baseline, prepared: of the same components and covariances. Before it is fitted, a copy is fitted
        with its settings, and with this seed where it has none of its own; one that was fitted to the same
        data is taken as it is. None means ``EMGaussianMixture`` at its defaults.
    draws : int, default 1000
        Kept draws per chain.
    tune : int or None, default None
        Warm-up draws per chain; None means 600. They are part of no result, and method "laplace" has none.
    chains : int, default 4
        With method "smc" independent runs, with method "laplace" independent batches of draws.
    cores : int or None, default None
        Chains that run at once; None means all cores. The draws do not depend on it.
    target_accept : float, default 0.8
        Acceptance rate that the step size of NUTS is adapted to.
    max_time : float or None, default None
        Seconds, from the beginning of the fit to the end of its draws. When they have passed, EM ends
        where it is, and warns; no further modes are looked for. NUTS keeps the draws so far, of each chain as
        many, where these are 50 or more, and the verdict says so; tempering ends with the last inverse
        temperature that it has reached, and the verdict says that the draws are not of the posterior. Where
        there is not enough to keep, or no mode is known, the fit ends with a SamplingError. Labels and
        memberships of the draws come after. None of it is repeated, and draws that were cut short differ
        from run to run.
    repeats : int, default 2
        How often method "smc" repeats runs that the verdict refuses, with more particles each time.
    random_state : int, Generator, RandomState or None, default None
        Seed of everything that is random, also of :meth:`sample`; None means other numbers each time.
    progressbar : bool, default True
        Show progress on a terminal or in a notebook.
    missing : {"refuse", "model"}, default "refuse"
        What is done where cells are missing, NaN. "model" takes them as missing at random: a row's density is
        that of its cells that are there, in EM and in the posterior, and nothing is filled in.

    Attributes
    ----------
    fit_ : Fit
        The record of the fit, which everything below is read off: :class:`bayesgmm.fit.Fit`.
    rows_ : Rows
        The data, with the names of rows and columns.
    em_ : EMGaussianMixture
        The baseline, fitted to the same data. Where every start of EM has collapsed there is no maximum of
        the likelihood: the baseline then has a floor (its ``reg_covar``), ``em_.no_maximum_`` says so, and
        so do ``fit_.no_maximum``, comparisons and reports.
    posterior_ : xarray.DataTree
        Groups posterior (relabelled, unless labels are those of the prior), sample_stats, log_prior,
        observed_data, constant_data (the prior's numbers), relabelling, membership, em and em_modes; on
        request log_likelihood and posterior_predictive. ArviZ reads it as it is. It is a copy that may be
        changed and added to; results are not read off it, and files keep the groups that were added.
    model_ : pymc.Model
        The model, open to anyone; built when first asked for.
    prior_ : Prior
        The prior used, in the units of the data.
    method_ : str
        The method used; ``method_reason_`` says why.
    log_evidence_ : tuple of two floats, or None
        Log evidence in the user's units, all K! labellings counted, and its standard error between runs,
        widened as Student's t is for few; of method "smc".
    mode_map_ : ModeMap
        The modes of the posterior that were found, what each holds of it, and what separates them.
    verdict_ : Verdict
        ``ok`` and ``reasons``.
    relabelling_ : Relabelling
        The permutations applied, and how certain they are; none, where the prior tells components apart.
    labelling_ : LabellingDiagnostics
        How far the labels of the components can be trusted: what other methods of relabelling say, and more.
    membership_, membership_sd_ : ndarrays, shape (N, K)
        Posterior mean and standard deviation of each row's responsibilities.
    similarity_ : ndarray, shape (N, N)
        P(two rows share a component), whatever the components are called; made when first asked for.
    log_likelihood_draws_ : ndarray, shape (chains, draws)
        Total log-likelihood of each draw.

    Examples
    --------
    >>> from bayesgmm import BayesGaussianMixture, datasets
    >>> X = datasets.faithful().X
    >>> bayes = BayesGaussianMixture(n_components=2, random_state=0, progressbar=False).fit(X)
    >>> bayes.verdict_.ok
    True
    """

    def __init__(
        self,
        n_components: int = 1,
        *,
        covariance_type: str = DEFAULT_FAMILY,
        method: str = methods.DEFAULT_METHOD,
        prior: Prior | None = None,
        em: EMGaussianMixture | None = None,
        draws: int = 1000,
        tune: int | None = None,
        chains: int = 4,
        cores: int | None = None,
        target_accept: float = 0.8,
        max_time: float | None = None,
        repeats: int = 2,
        random_state: Any = None,
        progressbar: bool = True,
        missing: str = REFUSE,
    ) -> None:
        self.n_components = n_components
        self.covariance_type = covariance_type
        self.method = method
        self.prior = prior
        self.em = em
        self.draws = draws
        self.tune = tune
        self.chains = chains
        self.cores = cores
        self.target_accept = target_accept
        self.max_time = max_time
        self.repeats = repeats
        self.random_state = random_state
        self.progressbar = progressbar
        self.missing = missing

    def fit(
        self,
        X: RowsLike,
        y: object = None,
        sample_weight: ArrayLike | None = None,
        *,
        checkpoint: str | os.PathLike[str] | None = None,
    ) -> Self:
        """Fit both ways to the rows of X, shape (N, D).

        Parameters
        ----------
        X : array_like or data frame, shape (N, D), or Rows
        y : ignored
        sample_weight : array_like, shape (N,), optional
            Powers of the rows' densities: the likelihood is prod_n p(x_n)^w_n, in EM and in the posterior.
            That is right where a row stands for w_n equal ones, as in a table of counts: the fit is that of
            the repeated rows. It is not where weights say how many others of a population a row of a survey
            stands for, nor where they say how precisely a row was measured: the posterior would be as narrow
            as if all of those had been seen. Rows of weight zero take no part in the fit, but have
            memberships. Memberships, similarities and partitions are of the rows as they are.
        checkpoint : str or path, optional
            A folder for what has been drawn, made where it is missing. After whatever has ended the program,
            the same call goes on from there, and gives the very same draws. Chains are kept when all from a
            mode are done, tempering every few seconds; EM and the search for modes are done again. It needs
            an integer as ``random_state``, and no ``max_time``. The folder stays: delete it when the fit is
            saved.

        Returns
        -------
        self

        Warns
        -----
        bayesgmm.errors.ColumnWarning
            Of columns that look like no measurements, such as numbers of the rows; once for the same rows.
        bayesgmm.errors.PriorWarning
            Where a given prior leaves the posterior improper on these rows.
        sklearn.exceptions.ConvergenceWarning
            Of an estimate of EM that is no ordinary maximum, or where the likelihood has none.
        RuntimeWarning
            Where a checkpoint cannot be written, such as on a full disk: the fit then goes on without.

        Raises
        ------
        DataError, ParameterError
            Where X, the prior or a setting is not usable; nothing is built or drawn then.
        DegenerateFitError
            Where every start of an `em` of the user's own has collapsed, or the scales of columns are at
            fault.
        FileProblem
            Where the folder of checkpoints cannot be used, has a damaged file, or is that of other data,
            settings, or versions of the packages.
        SamplingError
            Where a chain stopped before its last draw, or ``max_time`` passed before there were enough draws.
        """
        settings, may_miss = self._settings(), self.missing == MODEL
        rows = Rows.of(X, sample_weight, copy=True, may_miss=may_miss)
        clock = Clock(settings.max_time)
        k, family, counting = settings.n_components, settings.covariance_type, rows.counting
        check_fittable(counting.values, counting.names, k, family_of(family).has_correlations)
        # After the rows: of a single one without weights, its weight is not what is wrong.
        check_total_weight(rows.total_weight)
        tell_unmeasured(rows)
        check_size(settings, rows.n_features)
        announce(settings, len(counting), rows.n_features)
        prior = self.prior or Prior.from_data(rows, covariance_type=family)
        resolved = prior.resolve(k, rows.n_features, family)
        method = methods.find(settings.method)
        method.check_prior(resolved)
        improper = None if self.prior is None else improper_by(rows, resolved, family)
        if improper is not None:
            warnings.warn(str(improper), PriorWarning, stacklevel=2)
        seed = arguments.seed_sequence(self.random_state)
        seeds = Seeds.of(seed)
        provenance = Provenance.of(self.random_state, seed, seeds.predictive)
        checkpoints = checkpoints_of(checkpoint, rows, prior, self.em, settings, provenance)
        with Steps(enabled=self.progressbar) as steps:
            with steps.step("EM from many starts"):
                em = baseline(self.em, rows, k, family, seeds.em, settings.cores, clock)
            without = about_no_maximum(em, resolved, of_baseline=True)
            if without is not None:
                warnings.warn(str(without), ConvergenceWarning, stacklevel=2)
            recorder = Recorder(rows, em, prior, self.prior is not None, settings, provenance, steps)
            target = Target.standardising(rows, k, prior, family, em.params_)
            verdict = recorder.verdict
            problem = Problem(rows, em, target, resolved, settings, seeds, steps, verdict, clock, checkpoints)
            found = recorder.of(method.draw(problem))
        # Last: a fit that fails leaves an earlier one whole.
        note_columns(self, X, reset=True)
        self._forget()
        self.fit_ = found
        return self

    def __sklearn_tags__(self) -> Tags:
        tags: Tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = self.missing == MODEL
        return tags

    def fit_predict(
        self, X: RowsLike, y: object = None, sample_weight: ArrayLike | None = None
    ) -> NDArray[np.intp]:
        """Fit, then the component with the largest posterior mean membership of each row, shape (N,)."""
        return self.fit(X, sample_weight=sample_weight).membership_.argmax(axis=1)

    def impute(self, X: RowsLike | None = None, *, n_draws: int = 400) -> Imputation:
        """Missing cells: posterior means, standard deviations and draws, and EM's plug-in beside them.

        Parameters
        ----------
        X : array_like or data frame, shape (M, D), optional
            Rows with missing cells, NaN; by default those of the fit.
        n_draws : int, default 400
            How many draws of the posterior are used, spread over all of them.

        Returns
        -------
        Imputation

        Examples
        --------
        >>> from bayesgmm import BayesGaussianMixture, datasets
        >>> settings = {"draws": 250, "random_state": 0, "progressbar": False}
        >>> bayes = BayesGaussianMixture(2, missing="model", **settings).fit(datasets.faithful().X)
        >>> bayes.impute([[4.0, float("nan")]]).values.round()
        array([[ 4., 78.]])
        """
        n_draws = arguments.check_integer(n_draws, "n_draws", 2)
        rows, rng = self._rows(X), np.random.default_rng([self.predictive_seed_, 7])
        return imputation(rows, self._record.draws.stacked, self.em_.params_, n_draws, rng)

    def check_calibration(
        self,
        n: int = 50,
        *,
        records: str | os.PathLike[str] | None = None,
        random_state: int = 0,
        progressbar: bool = True,
    ) -> CalibrationCheck:
        """Whether the posterior of data like these is calibrated: intervals that hold what they say, and
        memberships that are as often right as they are sure.

        n times a draw of the posterior is taken for the truth and as many rows as there are, each counted by
        its weight, are simulated from it; all rows, the data and these, are fitted with the same prior and
        settings (after :func:`bayesgmm.load` with EM's default ones); and the truth is ranked among the new
        draws. Where everything is right, ranks are uniform. It says whether the computation can
        be trusted for such data, and what memberships are worth where the model holds; not whether the data
        are those of a mixture, of which posterior predictive checks tell.

        Parameters
        ----------
        n : int, default 50
            Number of refits, each of which takes about as long as a fit of twice the rows.
        records : str or path, optional
            A file of the refits that are done. An interrupted check is taken up again where it ended, and one
            with more refits continues it.
        random_state : int, default 0
            The same seed, the same refits.
        progressbar : bool, default True
            Show progress on a terminal or in a notebook.

        Returns
        -------
        CalibrationCheck
            ``ok``, ``ranks``, ``memberships`` and ``findings``; its text is ``print(check)``.

        Raises
        ------
        NotFittedError
            Before there is a fit.
        ParameterError
            Where an argument is not usable, or the verdict finds that the draws are not those of the
            posterior.
        FileProblem
            Where the file of records holds something else, or refits of another fit or seed, or cannot be
            written.

        Notes
        -----
        Säilynoja, Schmitt, Bürkner and Vehtari (2025), Posterior SBC: simulation-based calibration checking
        conditional on data, arXiv 2502.03279.

        Examples
        --------
        >>> from bayesgmm import BayesGaussianMixture, datasets
        >>> bayes = BayesGaussianMixture(1, draws=200, random_state=0, progressbar=False)
        >>> bayes = bayes.fit(datasets.galaxies().X)
        >>> check = bayes.check_calibration(3, progressbar=False)
        >>> check.ok
        True
        """
        fit = self._record
        settings = {f.name: getattr(fit.settings, f.name) for f in fields(Settings)}
        em = None if self.em is None else clone(self.em)

        def refit(rows: Rows, seed: np.random.SeedSequence) -> Fit:
            again = type(self)(**settings, prior=fit.prior, em=em, random_state=seed, progressbar=False)
            return again.fit(rows).fit_

        return check_calibration(fit, em, refit, n, records, random_state, progressbar)

    def _settings(self) -> Settings:
        check_prior(self.prior)
        arguments.check_flag(self.progressbar, "progressbar")
        settings = Settings.checked(**{f.name: getattr(self, f.name) for f in fields(Settings)})
        check_prepared(self.em, settings.n_components, settings.covariance_type)
        return settings
