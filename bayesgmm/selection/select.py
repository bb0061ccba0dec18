"""`select_components`: every criterion for the number of components in one table, and how far they
disagree."""

import numbers
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from html import escape
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bayesgmm.bayes.priors import Prior, check_prior
from bayesgmm.errors import BayesGMMError, ParameterError
from bayesgmm.estimator import BayesGaussianMixture
from bayesgmm.methods import WITH_EVIDENCE
from bayesgmm.mixture.families import DEFAULT_FAMILY, family_of
from bayesgmm.overview import panel, table_in_html
from bayesgmm.rows.checks import check_fittable
from bayesgmm.rows.rows import Rows, RowsLike
from bayesgmm.rows.unmeasured import tell_unmeasured
from bayesgmm.selection.criteria import UNUSABLE, best_numbers, criteria_table, open_criteria
from bayesgmm.selection.likelihood_ratio import LikelihoodRatioTest, likelihood_ratio_test
from bayesgmm.selection.occupied import Occupied, occupied_components
from bayesgmm.support import arguments
from bayesgmm.support.progress import Steps
from bayesgmm.support.sentences import count, shown_value
from bayesgmm.wording import Reason

__all__ = ["Selection", "select_components"]

Array = NDArray[np.float64]

# Fewer simulated data sets could not give a p-value that small.
FEWEST_REPLICATIONS = 19


@dataclass(frozen=True, eq=False)
class Selection:
    """Mixtures with several numbers of components, held against each other.

    Attributes
    ----------
    table : DataFrame
        One row a number of components. Of EM: ``log_likelihood``, ``n_parameters``, ``bic``, ``aic``, ``icl``
        (smaller is better), and ``lr_statistic`` and ``lr_p_value`` of the bootstrap likelihood-ratio test
        against one component less. Of the posterior: ``elpd_loo`` and ``elpd_se``; ``elpd_difference`` to the
        best and its standard error ``elpd_difference_se``; ``n_bad_k``, rows whose Pareto k is above 0.7;
        ``log_evidence`` and ``log_evidence_se``; ``probability`` of this number, those that have a say being
        equally likely before the data; ``occupied``, the posterior mean number of components that have rows.
        ``verdict``: "accepted", "label-free only", "few draws" (enough for these criteria, not for its
        quantiles), "refused" or "failed"; the last two have no say in what the posterior prefers.
    best : dict of int
        The number that each criterion prefers, of those that have a say. A criterion is left out where a
        neighbour of its best number has none: that one may be better.
    occupied : Occupied or None
        Of the overfitted fit, where it was asked for.
    fits : dict of BayesGaussianMixture
        By number of components, of those that could be fitted.
    failures : dict of str
        By number of components, why the others could not.
    """

    table: pd.DataFrame
    best: Mapping[str, int]
    occupied: Occupied | None
    fits: Mapping[int, BayesGaussianMixture]
    failures: Mapping[int, str] = field(default_factory=dict)

    @property
    def verdict(self) -> str:
        """Which number each criterion prefers, and how far they disagree, in sentences."""
        return " ".join(map(str, self.findings))

    @property
    def findings(self) -> list[Reason]:
        """The same as codes and numbers."""
        chosen: dict[int, list[str]] = {}
        for name, k in self.best.items():
            chosen.setdefault(k, []).append(name)
        ks = sorted(chosen)
        preferred = Reason("criteria_prefer", {"ks": ks, "criteria": [chosen[k] for k in ks]})
        found = [
            *([preferred] if ks else []),
            *self._about_open(),
            *self._about_rows_left_out(),
            *self._about_evidence(),
            *self._about_failures(),
        ]
        return found if self.occupied is None else [*found, *self.occupied.findings]

    def _about_open(self) -> list[Reason]:
        """Which criteria prefer nothing, for want of which numbers."""
        by_missing: dict[tuple[int, ...], list[str]] = {}
        for name, missing in open_criteria(self.table).items():
            by_missing.setdefault(missing, []).append(name)
        return [Reason("preference_open", {"which": names, "ks": ks}) for ks, names in by_missing.items()]

    def _about_rows_left_out(self) -> list[Reason]:
        if "elpd_loo" not in self.best:
            return []
        t, best, out = self.table, self.best["elpd_loo"], []
        near = t.index[(t["elpd_difference"].abs() <= 2 * t["elpd_difference_se"]) & (t.index < best)]
        if len(near):
            out.append(Reason("within_two_errors", {"k": int(near[0]), "best": best}))
        n_bad = int(t.loc[best, "n_bad_k"])
        return [*out, Reason("leave_one_out_unreliable", {"n_rows": n_bad, "k": best})] if n_bad else out

    def _about_evidence(self) -> list[Reason]:
        if "log_evidence" not in self.best:
            none_accepted = "log_evidence" not in open_criteria(self.table)
            return [Reason("no_posterior_accepted")] if none_accepted else []
        k, t = self.best["log_evidence"], self.table
        likely = Reason("probability_of_number", {"k": k, "probability": float(t.loc[k, "probability"])})
        if k == t.index[-1] and len(t) > 1:
            return [likely, Reason("largest_number_tried", {"k": k})]
        return [likely]

    def _about_failures(self) -> list[Reason]:
        graded = ((code, self.table.index[self.table["verdict"] == grade]) for code, grade in UNUSABLE)
        return [Reason(code, {"ks": ks}) for code, ks in graded if len(ks)]

    def __str__(self) -> str:
        return f"{self.verdict}\n\n{self._shown.to_string(float_format=lambda v: f'{v:.4g}')}"

    def _repr_html_(self) -> str:
        return panel(f"<p>{escape(self.verdict)}</p>", table_in_html(self._shown))

    @property
    def _shown(self) -> pd.DataFrame:
        return self.table.drop(columns=["n_parameters", "elpd_se"])


def select_components(
    X: RowsLike,
    ks: Iterable[int] = range(1, 7),
    *,
    covariance_type: str = DEFAULT_FAMILY,
    prior: Prior | None = None,
    draws: int = 500,
    chains: int = 4,
    n_bootstrap: int = 49,
    overfitted: bool = False,
    random_state: Any = None,
    cores: int | None = None,
    progressbar: bool = True,
) -> Selection:
    """Fit mixtures with several numbers of components by EM and by tempering, and compare them by every
    criterion.

    Parameters
    ----------
    X : array_like or data frame, shape (N, D)
    ks : iterable of int
        Numbers of components.
    covariance_type : {"full", "tied", "diag", "spherical", "tied_diag", "tied_spherical"}, default "full"
    prior : Prior, optional
        Of all fits; by default weakly informative and derived from the data. The evidence depends on it.
    draws, chains : int
        Particles of a run of tempering, and runs. A run that its verdict refuses is not repeated with more of
        them.
    n_bootstrap : int, default 49
        Largest number of data sets simulated for each likelihood-ratio test, at least 19; 0 leaves the tests
        out.
    overfitted : bool, default False
        Whether to fit the largest number once more with a small concentration, and ask how many components
        have rows.
    random_state : int, Generator, RandomState or None, default None
        None draws another seed in each call.
    cores : int, optional
        Threads, by default all; the result does not depend on it.
    progressbar : bool, default True

    Returns
    -------
    Selection
        A number of components that cannot be fitted has a row that says so.

    Raises
    ------
    DataError, ParameterError
        Where X, the numbers of components, the prior or a setting is not usable; nothing is fitted then.
    BayesGMMError
        Where no number of components can be fitted.

    Warns
    -----
    bayesgmm.errors.ColumnWarning
        Of columns that look like no measurements; once for the same rows.

    Notes
    -----
    ICL: Biernacki, Celeux and Govaert (2000). Likelihood-ratio test: McLachlan (1987); its choice goes up
    from the smallest number as long as one component more is significant at 5 %, and needs consecutive
    numbers. Leave-one-out: Vehtari, Gelman and Gabry (2017). The evidence counts all K! orders of the
    components.

    Examples
    --------
    >>> from bayesgmm import datasets, select_components
    >>> X = datasets.faithful().X
    >>> settings = {"draws": 200, "n_bootstrap": 19, "random_state": 0, "progressbar": False}
    >>> choice = select_components(X, [1, 2], **settings)
    >>> choice.best["bic"], choice.best["log_evidence"]
    (2, 2)
    """
    ks = checked_numbers(ks)
    rows = Rows.of(X, copy=True)
    if len(rows.weights):
        raise ParameterError(
            "select_components compares fits of rows that count once each; leave the weights out, or repeat "
            "the rows.",
            total_weight=rows.total_weight,
        )
    check_fittable(rows.values, rows.names, max(ks), family_of(covariance_type).has_correlations)
    _check_settings(n_bootstrap, overfitted, progressbar)
    check_prior(prior)
    tell_unmeasured(rows)
    prior = prior or Prior.from_data(rows, covariance_type=covariance_type)
    if not all(prior.resolve(k, rows.n_features, covariance_type).is_exchangeable for k in ks):
        raise ParameterError("The prior must treat all components alike; give it one concentration for all.")
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
    }
    with Steps(enabled=progressbar) as steps:
        fits, failures = _fitted(
            rows, dict(zip(ks, fit_seed.spawn(len(ks)), strict=True)), prior, settings, steps
        )
        # A test needs the fit with one component less.
        tested = {
            k: seed
            for k, seed in zip(ks, test_seed.spawn(len(ks)), strict=True)
            if n_bootstrap > 0 and {k - 1, k} <= fits.keys()
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


def _check_settings(n_bootstrap: int, overfitted: bool, progressbar: bool) -> None:
    """Refuse what is no flag, and so few simulated data sets that no p-value of 0.05 could come."""
    arguments.check_flag(overfitted, "overfitted")
    arguments.check_flag(progressbar, "progressbar")
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


def checked_numbers(ks: Iterable[int]) -> list[int]:
    """Distinct positive integers in increasing order.

    Raises
    ------
    ParameterError
        Where they are not.
    """
    if isinstance(ks, numbers.Integral | str) or not np.iterable(ks):
        raise ParameterError(
            f"ks must be a list of numbers of components, such as range(1, 7); got {shown_value(ks)}.",
            ks=ks,
        )
    found = [arguments.check_integer(k, "each of ks", 1) for k in ks]
    if not found:
        raise ParameterError("ks must hold at least one number of components; got none.", ks=())
    twice = sorted({k for k in found if found.count(k) > 1})
    if twice:
        raise ParameterError(
            f"ks must hold each number of components once; got {twice[0]} more than once.", twice=twice[0]
        )
    return sorted(found)
