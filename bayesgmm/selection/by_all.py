"""Numbers of components by every criterion, those of EM and those of the posterior."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np

from bayesgmm.bayes.priors import Prior, check_prior
from bayesgmm.errors import BayesGMMError, ParameterError
from bayesgmm.estimator import BayesGaussianMixture
from bayesgmm.methods import WITH_EVIDENCE
from bayesgmm.mixture.families import family_of
from bayesgmm.rows.checks import check_fittable
from bayesgmm.rows.features import missing_of
from bayesgmm.rows.rows import Rows
from bayesgmm.rows.unmeasured import tell_unmeasured
from bayesgmm.selection.criteria import best_numbers, criteria_table
from bayesgmm.selection.likelihood_ratio import LikelihoodRatioTest, likelihood_ratio_test
from bayesgmm.selection.occupied import occupied_components
from bayesgmm.selection.result import Selection
from bayesgmm.support import arguments
from bayesgmm.support.progress import Steps
from bayesgmm.support.sentences import count, listed

__all__ = ["select_by_all"]

# Fewer simulated data sets could not give a p-value that small.
FEWEST_REPLICATIONS = 19


def select_by_all(
    rows: Rows,
    ks: list[int],
    *,
    covariance_type: str,
    prior: Prior | None,
    draws: int,
    chains: int,
    n_bootstrap: int,
    overfitted: bool,
    random_state: Any,
    cores: int | None,
    progressbar: bool,
) -> Selection:
    """All fits and tests, and their table.

    Parameters
    ----------
    rows : Rows
    ks : list of int
        Numbers of components, in increasing order.
    covariance_type, prior, draws, chains, n_bootstrap, overfitted, random_state, cores, progressbar
        As of :func:`bayesgmm.selection.select_components`.

    Returns
    -------
    Selection

    Raises
    ------
    DataError
        Where the rows allow no fit of the largest number.
    ParameterError
        Where a setting is not usable, or the prior tells components apart.
    BayesGMMError
        Where no number of components can be fitted.
    """
    check_fittable(rows.values, rows.names, max(ks), family_of(covariance_type).has_correlations)
    _check_settings(n_bootstrap, overfitted)
    check_prior(prior)
    tell_unmeasured(rows)
    prior = prior or Prior.from_data(rows, covariance_type=covariance_type)
    for k in ks:
        differing = prior.resolve(k, rows.n_features, covariance_type).differing
        if differing:
            raise ParameterError(
                "The prior must treat all components alike, where their number is looked for; this one tells "
                f"them apart by {listed(differing)}. Give what holds for all components.",
                differing=differing,
            )
    threads = arguments.check_cores(cores)
    fit_seed, test_seed, occupied_seed = arguments.seed_sequence(random_state).spawn(3)
    settings: dict[str, Any] = {
        "covariance_type": covariance_type,
        "draws": draws,
        "chains": chains,
        "cores": threads,
        "method": WITH_EVIDENCE,
        # One run each.
        "repeats": 0,
        "progressbar": False,
        "missing": missing_of(rows),
    }
    with Steps(enabled=progressbar) as steps:
        fits, failures = _fitted(
            rows, dict(zip(ks, fit_seed.spawn(len(ks)), strict=True)), prior, settings, steps
        )
        # A test needs the fit with one component less, and the largest likelihoods of both.
        with_maximum = {k for k, fit in fits.items() if fit.fit_.no_maximum is None}
        tested = {
            k: seed
            for k, seed in zip(ks, test_seed.spawn(len(ks)), strict=True)
            if n_bootstrap > 0 and {k - 1, k} <= with_maximum
        }
        tests = _tested(rows, fits, tested, n_bootstrap, threads, steps)
        occupied = None
        if overfitted:
            with steps.step(f"overfitted, {max(ks)} components"):
                # Its components without rows need more particles, and a second run where one is not enough.
                more = {**settings, "draws": 2 * draws, "repeats": 2}
                occupied = occupied_components(rows, max(ks), prior=prior, random_state=occupied_seed, **more)
    table = criteria_table(ks, fits, tests)
    return Selection(table, best_numbers(table), occupied, fits, {k: str(e) for k, e in failures.items()})


def _check_settings(n_bootstrap: int, overfitted: bool) -> None:
    """Refuse what is no flag, and so few simulated data sets that no p-value of 0.05 could come."""
    arguments.check_flag(overfitted, "overfitted")
    if 0 < arguments.check_integer(n_bootstrap, "n_bootstrap", 0) < FEWEST_REPLICATIONS:
        raise ParameterError(
            f"n_bootstrap must be 0, or at least {FEWEST_REPLICATIONS} for a p-value of 0.05 to be possible; "
            f"got {n_bootstrap}.",
            n_bootstrap=n_bootstrap,
            minimum=FEWEST_REPLICATIONS,
        )


def _fitted(
    rows: Rows,
    seeds: Mapping[int, np.random.SeedSequence],
    prior: Prior,
    settings: Mapping[str, Any],
    steps: Steps,
) -> tuple[dict[int, BayesGaussianMixture], dict[int, BayesGMMError]]:
    """A fit for each number of components that has a seed, and why there is none.

    Raises
    ------
    ParameterError
        Where a setting is not usable.
    BayesGMMError
        Where no number of components can be fitted.
    """
    fits: dict[int, BayesGaussianMixture] = {}
    failures: dict[int, BayesGMMError] = {}
    for k, seed in seeds.items():
        with steps.step(count(k, "component")):
            estimator = BayesGaussianMixture(k, prior=prior, random_state=seed, **settings)
            try:
                fits[k] = estimator.fit(rows)
            except ParameterError:
                raise
            except BayesGMMError as error:
                failures[k] = error
    if not fits:
        raise failures[min(failures)]
    return fits, failures


def _tested(
    rows: Rows,
    fits: Mapping[int, BayesGaussianMixture],
    seeds: Mapping[int, np.random.SeedSequence],
    n_bootstrap: int,
    cores: int,
    steps: Steps,
) -> dict[int, LikelihoodRatioTest]:
    """The test of each number of components that has a seed against one component less."""
    tests = {}
    for k, seed in seeds.items():
        with steps.step(f"likelihood ratio, {k - 1} against {k}", total=n_bootstrap) as progress:
            tests[k] = likelihood_ratio_test(
                rows.values,
                fits[k - 1].em_.params_,
                fits[k].em_.params_,
                fits[k].covariance_type,
                n_replications=n_bootstrap,
                seed=seed,
                n_threads=cores,
                progress=partial(_show, progress, n_bootstrap),
            )
    return tests


def _show(progress: Callable[[int, int, int], None], total: int, done: int) -> None:
    progress(done, total, 0)
