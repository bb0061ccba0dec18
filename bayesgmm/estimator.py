"""`BayesGaussianMixture`: EM, then the posterior, then its labels, in that order and with one seed.

This is the only module that knows that there is an order of steps.
"""

import dataclasses
import numbers
import platform
import time
import warnings
from contextlib import suppress
from dataclasses import dataclass, replace
from importlib.metadata import version
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, DensityMixin

import bayesgmm
from bayesgmm.bayes.priors import Prior, ResolvedPrior
from bayesgmm.bayes.target import Target
from bayesgmm.em import EMGaussianMixture
from bayesgmm.errors import BayesGMMError, ParameterError, SamplingError
from bayesgmm.fit import Fit, Provenance
from bayesgmm.methods.importance import FEWEST_DRAWS
from bayesgmm.methods.running import (
    Drawn,
    by_laplace,
    by_nuts,
    by_smc,
    seconds_of_tempering,
    tempering_reference,
)
from bayesgmm.methods.settings import Settings
from bayesgmm.methods.tempering import FEWEST_PARTICLES, is_exchangeable
from bayesgmm.mixture.draws import MixtureDraws
from bayesgmm.mixture.families import DEFAULT_FAMILY, family_of
from bayesgmm.posterior.labels import labelled
from bayesgmm.posterior.verdict import more_particles
from bayesgmm.results import PosteriorResults
from bayesgmm.rows.checks import check_fittable
from bayesgmm.rows.features import note_columns
from bayesgmm.rows.rows import Rows, RowsLike
from bayesgmm.support import arguments
from bayesgmm.support.progress import Steps

__all__ = ["BayesGaussianMixture"]

Array = NDArray[np.float64]

DEFAULT_TUNE = 600
METHODS = ("auto", "nuts", "smc", "laplace")
# What "auto" may take for a first run of tempering, in seconds; a second may take several times as long.
LONGEST_TEMPERING = 120
# Of tempering that the verdict refuses, and of particles for each draw then.
MOST_TEMPERED_RUNS = 3
MOST_PARTICLES = 6


class BayesGaussianMixture(PosteriorResults, DensityMixin, BaseEstimator):
    """Gaussian mixture by maximum likelihood and by full Bayes, for a comparison of the two.

    EM gives the baseline and starts. From its maxima the posterior's modes are climbed to, their curvature measured, and NUTS run
    in coordinates in which the posterior is nearly round. Where that does not reach all of the posterior, tempering does.
    Draws are relabelled to the EM components afterwards, and ``verdict_`` says whether component-wise summaries are
    identifiable at all.

    Parameters
    ----------
    n_components : int, default 1
        Number of components, K.
    covariance_type : {"full", "tied", "diag", "spherical"}, default "full"
        Each component its own general covariance; one for all; its own diagonal; its own single variance. Standard deviations
        have the prior's distribution one by one, correlation matrices the LKJ distribution one by one.
    method : {"auto", "nuts", "smc", "laplace"}, default "auto"
        "nuts": chains from the posterior modes that matter by Laplace's method, of those that EM's maxima lead to. "smc": tempering
        from up to 14 modes that climbs from EM's maxima and from random mixtures lead to, and the log evidence with it; for posteriors with several modes, and for more components than the data
        show. "auto": NUTS, and tempering where chains disagree or labels are ambiguous. "laplace": draws from the Gaussian
        at the posterior mode, weighted and checked: quicker, and right only where ``verdict_`` says so (Pareto k below 0.7, or less
        with few draws), and of the mode that EM found.
    prior : Prior or None, default None
        In the units of the data; None derives a weakly informative one from the data (``Prior.from_data``).
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
        Seconds for method "smc": it then ends with the last temperature that was finished, and the verdict says that the draws are
        not of the posterior. EM and the search for modes come before, take what they take, and count; a run that the verdict refuses
        is not repeated with more particles.
    random_state : int, Generator, RandomState or None, default None
    progressbar : bool, default True
        Show progress on a terminal or in a notebook.

    Attributes
    ----------
    em_ : EMGaussianMixture
        The baseline, fitted to the same data.
    posterior_ : xarray.DataTree
        Groups posterior (relabelled), sample_stats, log_prior, observed_data, constant_data (the prior's numbers), relabelling,
        membership, em and em_modes; on request log_likelihood and posterior_predictive. ArviZ reads it as it is.
    model_ : pymc.Model
        The model, open to anyone; built when first asked for.
    prior_ : Prior
        The prior used, in the units of the data.
    method_ : str
        The method used; ``method_reason_`` says why.
    log_evidence_ : tuple of two floats, or None
        Log evidence in the user's units, all K! labellings counted, and its standard error between runs; of method "smc".
    mode_map_ : ModeMap
        The modes of the posterior that were found, what each holds of it, and what separates them.
    verdict_ : Verdict
        ``ok`` and ``reasons``.
    relabelling_ : Relabelling
        The permutations applied, and how certain they are.
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
        method: str = "auto",
        prior: Prior | None = None,
        draws: int = 1000,
        tune: int | None = None,
        chains: int = 4,
        cores: int | None = None,
        target_accept: float = 0.8,
        max_time: float | None = None,
        random_state: Any = None,
        progressbar: bool = True,
    ) -> None:
        self.n_components = n_components
        self.covariance_type = covariance_type
        self.method = method
        self.prior = prior
        self.draws = draws
        self.tune = tune
        self.chains = chains
        self.cores = cores
        self.target_accept = target_accept
        self.max_time = max_time
        self.random_state = random_state
        self.progressbar = progressbar

    def fit(self, X: RowsLike, y: object = None) -> Self:
        """Fit both ways to the rows of X, shape (N, D).

        Returns
        -------
        self

        Raises
        ------
        DataError, ParameterError
            Where X, the prior or a setting is not usable; nothing is built or drawn then.
        SamplingError
            Where a chain stopped before its last draw.
        """
        settings = self._settings()
        rows = Rows.of(X, copy=True)
        has_correlations = family_of(self.covariance_type).has_correlations
        check_fittable(rows.values, rows.names, settings.n_components, has_correlations)
        prior = self.prior or Prior.from_data(rows, covariance_type=self.covariance_type)
        resolved = prior.resolve(settings.n_components, rows.n_features, self.covariance_type)
        self._check_tempering(resolved)
        seed = arguments.seed_sequence(self.random_state)
        em_seed, chain_seed, predictive_seed, tempering_seed = seed.spawn(4)
        provenance = self._provenance(seed, int(predictive_seed.generate_state(1)[0]))
        with Steps(enabled=self.progressbar) as steps:
            with steps.step("EM from many starts"):
                em = self._em(rows, settings.n_components, em_seed)
            target = Target.standardising(rows, settings.n_components, prior, self.covariance_type)
            start = _Start(target, em, rows, resolved, settings, steps, provenance, self.prior is not None)
            asked = dataclasses.asdict(settings)
            if self.method == "laplace":
                found = start.labelled(by_laplace(target, em.params_, asked, chain_seed, steps))
            elif self.method == "smc":
                found = self._tempered(start, tempering_seed)
            else:
                drawn = by_nuts(target, em.mode_params_, asked, self.target_accept, chain_seed, steps)
                found = self._second_try(start, start.labelled(drawn), tempering_seed)
        # Together and last: a fit that fails leaves an earlier one whole.
        note_columns(self, X, reset=True)
        self._forget()
        self.fit_ = found
        return self

    def _settings(self) -> Settings:
        if self.prior is not None and not isinstance(self.prior, Prior):
            raise ParameterError(
                f"prior must be a bayesgmm.Prior or None; got {type(self.prior).__name__}.",
                got=type(self.prior).__name__,
            )
        if not (isinstance(self.target_accept, numbers.Real) and 0 < self.target_accept < 1):
            raise ParameterError(
                f"target_accept must be a number between 0 and 1; got {self.target_accept!r}.",
                target_accept=self.target_accept,
            )
        family_of(self.covariance_type)
        arguments.check_choice(self.method, "method", METHODS)
        if self.max_time is not None and not (
            isinstance(self.max_time, numbers.Real)
            and not isinstance(self.max_time, bool)
            and self.max_time > 0
        ):
            raise ParameterError(
                f"max_time must be a positive number of seconds or None; got {self.max_time!r}.",
                max_time=self.max_time,
            )
        check = arguments.check_integer
        settings = Settings(
            n_components=check(self.n_components, "n_components", 1),
            covariance_type=self.covariance_type,
            method=self.method,
            draws=check(self.draws, "draws", 4),
            tune=DEFAULT_TUNE if self.tune is None else check(self.tune, "tune", 20),
            chains=check(self.chains, "chains", 1),
            cores=arguments.check_cores(self.cores),
            target_accept=float(self.target_accept),
            max_time=None if self.max_time is None else float(self.max_time),
        )
        total = settings.draws * settings.chains
        if self.method == "laplace" and total < FEWEST_DRAWS:
            raise ParameterError(
                f'method="laplace" needs at least {FEWEST_DRAWS} draws in all for its check; got {total} '
                f"(draws={settings.draws} times chains={settings.chains}).",
                needed=FEWEST_DRAWS,
                draws=settings.draws,
                chains=settings.chains,
            )
        if self.method == "smc" and settings.draws < FEWEST_PARTICLES:
            raise ParameterError(
                f'method="smc" needs at least {FEWEST_PARTICLES} draws, which are the particles of a run; '
                f"got draws={settings.draws}.",
                needed=FEWEST_PARTICLES,
                draws=settings.draws,
            )
        return settings

    def _check_tempering(self, prior: ResolvedPrior) -> None:
        if self.method == "smc" and not is_exchangeable(prior):
            raise ParameterError(
                'method="smc" needs a prior that treats all components alike, one concentration for all; got '
                f"{prior.concentration.tolist()}. Use one number, or method='nuts'.",
                concentration=prior.concentration.tolist(),
            )

    def _em(self, rows: Rows, n_components: int, seed: np.random.SeedSequence) -> EMGaussianMixture:
        return EMGaussianMixture(
            n_components,
            covariance_type=self.covariance_type,
            random_state=np.random.default_rng(seed),
            cores=self.cores,
        ).fit(rows)

    def _tempered(self, start: "_Start", seed: np.random.SeedSequence) -> Fit:
        """By tempering; where that is not enough, again from where the particles went, and with more of them."""
        began = time.monotonic()

        def left() -> float | None:
            return None if self.max_time is None else max(0.0, self.max_time - (time.monotonic() - began))

        em_seed, place_seed, *run_seeds = seed.spawn(2 + MOST_TEMPERED_RUNS)
        mixtures, k, asked = list(start.em.mode_params_), start.settings.n_components, start.asked
        if k > 1:
            # A smaller mixture has its own maxima; those that look spurious warn in a fit of their own.
            with warnings.catch_warnings(), suppress(BayesGMMError):
                warnings.simplefilter("ignore")
                mixtures += self._em(start.rows, k - 1, em_seed).mode_params_
        reference = tempering_reference(start.target, mixtures, asked, place_seed, start.steps, left())
        thin, chains = 1, start.settings.chains
        for run, run_seed in enumerate(run_seeds, start=1):
            kept, particles = by_smc(
                start.target, reference, asked, run_seed, start.steps, thin=thin, max_time=left()
            )
            found = start.labelled(kept)
            last = run == MOST_TEMPERED_RUNS or self.max_time is not None or chains < 2
            if found.verdict.label_free_ok or last:
                break
            reference = reference.refitted(np.concatenate(list(particles.q)))
            thin = min(MOST_PARTICLES, thin * more_particles(found.verdict, chains))
        return start.mapped(found) if found.numbers["temperature"] == 1.0 else found

    def _second_try(self, start: "_Start", first: Fit, seed: np.random.SeedSequence) -> Fit:
        """Of method "auto": tempering where NUTS was not enough."""
        if first.verdict.ok or self.method != "auto" or start.settings.chains < 2:
            return first
        why = first.verdict.reasons[0]
        obstacle = ""
        seconds = seconds_of_tempering(start.target, start.asked)
        if not is_exchangeable(start.prior):
            obstacle = "the prior does not treat all components alike."
        elif start.settings.draws < FEWEST_PARTICLES:
            obstacle = f"tempering needs draws={FEWEST_PARTICLES} or more."
        elif seconds > LONGEST_TEMPERING:
            obstacle = f"tempering would take {seconds / 60:.0f} minutes or more; ask for it by method='smc'."
        else:
            try:
                second = self._tempered(start, seed)
            except SamplingError as error:
                obstacle = f"tempering failed: {error}"
            else:
                unfinished = second.numbers["temperature"] < 1.0
                if not unfinished and (second.verdict.label_free_ok or not first.verdict.label_free_ok):
                    return replace(second, method_reason=f"Tempering, after NUTS, whose verdict was: {why}")
                obstacle = f"tempering was worse: {second.verdict.reasons[0]}"
        return replace(first, method_reason=f"NUTS, since {obstacle} But its verdict is: {why}")

    def _provenance(self, seed: np.random.SeedSequence, predictive_seed: int) -> Provenance:
        packages = ("bayesgmm", "nutpie", "numpy", "numba", "scipy", "scikit-learn", "arviz", "pymc")
        return Provenance(
            created_by=f"bayesgmm {bayesgmm.__version__}",
            versions=", ".join(f"{p} {version(p)}" for p in packages),
            python=platform.python_version(),
            random_state=int(self.random_state) if isinstance(self.random_state, numbers.Integral) else None,
            # What a later fit needs to draw the same, whatever kind of seed was given.
            seed_entropy=str(seed.entropy),
            predictive_seed=predictive_seed,
        )


@dataclass(frozen=True)
class _Start:
    """What all methods start from, and how their draws become the record of a fit."""

    target: Target
    em: EMGaussianMixture
    rows: Rows
    prior: ResolvedPrior
    settings: Settings
    steps: Steps
    provenance: Provenance
    prior_given: bool

    @property
    def asked(self) -> dict[str, Any]:
        return dataclasses.asdict(self.settings)

    def labelled(self, found: Drawn) -> Fit:
        """The record with relabelled draws and its verdict."""
        with self.steps.step("labels and memberships"):
            draws = MixtureDraws.of(found.values, self.target.covariance_type)
            fit = Fit(
                rows=self.rows,
                em=self.em,
                prior=self.target.prior,
                prior_given=self.prior_given,
                settings=self.settings,
                provenance=self.provenance,
                method=found.method,
                method_reason="",
                labels=labelled(draws, self.em.params_, self.rows, self.settings.cores),
                sampler=found.stats,
                numbers=found.attrs,
                groups=found.groups,
            )
            # Made here, so that its time counts as that of this step.
            fit.verdict  # noqa: B018
            return fit

    def mapped(self, fit: Fit) -> Fit:
        """With the modes of the posterior of tempered draws."""
        with self.steps.step("modes of the posterior"):
            return replace(fit, modes=fit.find_modes(self.settings.cores))
