"""`select_components`: every criterion for the number of components in one table, and how far they disagree."""

import numbers
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.special import logsumexp

from bayesgmm import validation
from bayesgmm.bayes.priors import Prior
from bayesgmm.comparison.occupied import Occupied, occupied_components, occupied_counts
from bayesgmm.comparison.scores import LARGEST_K, leave_one_out
from bayesgmm.em.likelihood_ratio import LikelihoodRatioTest, likelihood_ratio_test
from bayesgmm.errors import ParameterError
from bayesgmm.estimator import BayesGaussianMixture
from bayesgmm.progress import Steps

__all__ = ["Selection", "select_components"]

Array = NDArray[np.float64]

SIGNIFICANT = 0.05
# Whose smallest value is best, and whose largest.
SMALLEST, LARGEST = ("bic", "aic", "icl"), ("elpd_loo", "log_evidence")
TITLES = {
    "bic": "BIC",
    "aic": "AIC",
    "icl": "ICL",
    "likelihood_ratio": "the likelihood-ratio test",
    "elpd_loo": "leave-one-out",
    "log_evidence": "the evidence",
}


@dataclass(frozen=True, eq=False)
class Selection:
    """Mixtures with several numbers of components, held against each other.

    Attributes
    ----------
    table : DataFrame
        One row a number of components. Of EM: ``log_likelihood``, ``n_parameters``, ``bic``, ``aic``, ``icl`` (smaller is better), and
        ``lr_statistic`` and ``lr_p_value`` of the bootstrap likelihood-ratio test against one component less. Of the posterior:
        ``elpd_loo`` and ``elpd_se``; ``elpd_difference`` to the best and its standard error ``elpd_difference_se``; ``n_bad_k``, rows whose
        Pareto k is above 0.7; ``log_evidence`` and ``log_evidence_se``; ``probability`` of this number, all listed ones being equally likely
        before the data; ``occupied``, the posterior mean number of components that have rows; ``verdict``.
    best : dict of int
        The number that each criterion prefers.
    occupied : Occupied or None
        Of the overfitted fit, where it was asked for.
    fits : dict of BayesGaussianMixture
        By number of components.
    """

    table: pd.DataFrame
    best: Mapping[str, int]
    occupied: Occupied | None
    fits: Mapping[int, BayesGaussianMixture]

    @property
    def verdict(self) -> str:
        """Which number each criterion prefers, and how far they disagree."""
        chosen: dict[int, list[str]] = {}
        for name, k in self.best.items():
            chosen.setdefault(k, []).append(TITLES[name])
        parts = [
            f"{_listed(names)} {'prefers' if len(names) == 1 else 'prefer'} {k}"
            for k, names in sorted(chosen.items())
        ]
        text = f"{'; '.join(parts)}."
        text = text[0].upper() + text[1:]
        if len(chosen) == 1:
            text = f"All criteria prefer {next(iter(chosen))}."
        sentences = [text, *self._reservations()]
        if self.occupied is not None:
            sentences.append(str(self.occupied))
        return " ".join(sentences)

    def _reservations(self) -> list[str]:
        t, out = self.table, []
        if "elpd_loo" in self.best:
            near = t.index[
                (t["elpd_difference"].abs() <= 2 * t["elpd_difference_se"])
                & (t.index < self.best["elpd_loo"])
            ]
            if len(near):
                out.append(
                    f"By leave-one-out {near[0]} is within two standard errors of {self.best['elpd_loo']}."
                )
        if "log_evidence" in self.best:
            k = self.best["log_evidence"]
            out.append(
                f"If all were equally likely beforehand, {k} has probability {t.loc[k, 'probability']:.2f}."
            )
            ends = t.index[[0, -1]]
            if k == ends[1] and len(t) > 1:
                out.append(f"{k} is the largest number tried; try more.")
        refused = t.index[t["verdict"] == "refused"]
        if len(refused):
            out.append(
                f"The posterior with {_listed([str(k) for k in refused])} components is not to be trusted (see its verdict)."
            )
        return out

    def __str__(self) -> str:
        shown = self.table.drop(columns=["n_parameters", "elpd_se"])
        return f"{self.verdict}\n\n{shown.to_string(float_format=lambda v: f'{v:.4g}')}"


def select_components(
    X: ArrayLike,
    ks: Iterable[int] = range(1, 7),
    *,
    covariance_type: str = "full",
    prior: Prior | None = None,
    draws: int = 1000,
    chains: int = 4,
    n_bootstrap: int = 99,
    overfitted: bool = False,
    random_state: Any = 0,
    cores: int | None = None,
    progressbar: bool = True,
) -> Selection:
    """Fit mixtures with several numbers of components by EM and by tempering, and compare them by every criterion.

    Parameters
    ----------
    X : array_like or data frame, shape (N, D)
    ks : iterable of int
        Numbers of components.
    covariance_type : {"full", "tied", "diag", "spherical"}, default "full"
    prior : Prior, optional
        Of all fits; by default weakly informative and derived from the data. The evidence depends on it.
    draws, chains : int
        Particles of a run of tempering, and runs.
    n_bootstrap : int, default 99
        Largest number of data sets simulated for each likelihood-ratio test; 0 leaves the tests out.
    overfitted : bool, default False
        Whether to fit the largest number once more with a small concentration, and ask how many components have rows.
    random_state : int, SeedSequence or Generator
    cores : int, optional
        Threads, by default all; the result does not depend on it.
    progressbar : bool, default True

    Returns
    -------
    Selection

    Raises
    ------
    DataError, ParameterError
        Where X, the numbers of components or a setting is not usable; nothing is fitted then.

    Notes
    -----
    ICL: Biernacki, Celeux and Govaert (2000). Likelihood-ratio test: McLachlan (1987). Leave-one-out: Vehtari, Gelman and Gabry (2017). The
    evidence counts all K! orders of the components.

    Examples
    --------
    >>> from bayesgmm import datasets, select_components
    >>> X = datasets.faithful().X
    >>> choice = select_components(X, [1, 2], draws=200, n_bootstrap=19, progressbar=False)
    >>> choice.best["bic"], choice.best["log_evidence"]
    (2, 2)
    """
    numbers_of = checked_numbers(ks)
    rows = validation.check_data(X)
    names = validation.column_names(X, rows.shape[1])
    validation.check_choice(covariance_type, "covariance_type", ("full", "tied", "diag", "spherical"))
    validation.check_fittable(rows, names, max(numbers_of), covariance_type)
    validation.check_integer(n_bootstrap, "n_bootstrap", 0)
    prior = prior or Prior.from_data(rows, covariance_type=covariance_type)
    threads = validation.available_cores() if cores is None else validation.check_integer(cores, "cores", 1)
    fit_seed, test_seed, occupied_seed = validation.seed_sequence(random_state).spawn(3)
    settings: dict[str, Any] = {
        "covariance_type": covariance_type,
        "draws": draws,
        "chains": chains,
        "cores": threads,
        "method": "smc",
        "progressbar": False,
    }
    fits: dict[int, BayesGaussianMixture] = {}
    tests: dict[int, LikelihoodRatioTest] = {}
    elpd, bad = {}, {}
    with Steps(enabled=progressbar) as steps:
        for k, seed in zip(numbers_of, fit_seed.spawn(len(numbers_of)), strict=True):
            with steps.step(f"{k} component{'s' if k > 1 else ''}"):
                fits[k] = BayesGaussianMixture(k, prior=prior, random_state=seed, **settings).fit(X)
                elpd[k], pareto_k = leave_one_out(fits[k])
                bad[k] = int((pareto_k > LARGEST_K).sum())
        for k, seed in zip(numbers_of, test_seed.spawn(len(numbers_of)), strict=True):
            if k - 1 not in fits or n_bootstrap == 0:
                continue
            with steps.step(f"likelihood ratio, {k - 1} against {k}", total=n_bootstrap) as progress:
                tests[k] = likelihood_ratio_test(
                    rows,
                    fits[k - 1].em_.params_,
                    fits[k].em_.params_,
                    covariance_type,
                    n_replications=n_bootstrap,
                    seed=seed,
                    n_threads=threads,
                    progress=partial(_show, progress, n_bootstrap),
                )
        occupied = None
        if overfitted:
            with steps.step(f"overfitted, {max(numbers_of)} components"):
                occupied = occupied_components(
                    X, max(numbers_of), prior=prior, random_state=occupied_seed, **settings
                )
    table = _table(fits, tests, elpd, bad)
    return Selection(table, _best(table), occupied, fits)


def _show(progress: Callable[[int, int, int], None], total: int, done: int) -> None:
    progress(done, total, 0)


def checked_numbers(ks: Iterable[int]) -> list[int]:
    """Distinct positive integers in increasing order.

    Raises
    ------
    ParameterError
        Where they are not.
    """
    if isinstance(ks, numbers.Integral | str) or not isinstance(ks, Iterable):
        raise ParameterError(f"ks must be a list of numbers of components, such as range(1, 7); got {ks!r}.")
    found = [validation.check_integer(k, "each of ks", 1) for k in ks]
    if not found:
        raise ParameterError("ks must hold at least one number of components; got none.")
    twice = sorted({k for k in found if found.count(k) > 1})
    if twice:
        raise ParameterError(f"ks must hold each number of components once; got {twice[0]} more than once.")
    return sorted(found)


def _table(
    fits: Mapping[int, BayesGaussianMixture],
    tests: Mapping[int, LikelihoodRatioTest],
    elpd: Mapping[int, Array],
    bad: Mapping[int, int],
) -> pd.DataFrame:
    best = max(elpd.values(), key=lambda e: e.sum())
    rows = []
    for k, fit in fits.items():
        X, em = fit.posterior_["observed_data"]["x"].to_numpy(), fit.em_
        evidence, error = fit.log_evidence_ or (np.nan, np.nan)
        n, away = len(X), elpd[k] - best
        rows.append(
            {
                "log_likelihood": em.log_likelihood_,
                "n_parameters": em.n_parameters(),
                "bic": em.bic(X),
                "aic": em.aic(X),
                "icl": em.icl(X),
                "lr_statistic": tests[k].statistic if k in tests else np.nan,
                "lr_p_value": tests[k].p_value if k in tests else np.nan,
                "elpd_loo": elpd[k].sum(),
                "elpd_se": np.sqrt(n) * elpd[k].std(ddof=1),
                "elpd_difference": away.sum(),
                "elpd_difference_se": np.sqrt(n) * away.std(ddof=1),
                "n_bad_k": bad[k],
                "log_evidence": evidence,
                "log_evidence_se": error,
                "occupied": occupied_counts(fit).mean(),
                "verdict": "accepted"
                if fit.verdict_.ok
                else "label-free only"
                if fit.verdict_.label_free_ok
                else "refused",
            }
        )
    table = pd.DataFrame(rows, index=pd.Index(list(fits), name="n_components"))
    log_evidence = table["log_evidence"].to_numpy()
    at = table.columns.get_loc("occupied")
    table.insert(at, "probability", np.exp(log_evidence - logsumexp(log_evidence)))
    return table


def _best(table: pd.DataFrame) -> dict[str, int]:
    best = {name: int(table[name].idxmin()) for name in SMALLEST}
    p = table["lr_p_value"]
    if p.notna().any():
        # Upwards from the smallest for which there is a test, as long as one more is a gain.
        k = int(p.index[p.notna()][0]) - 1
        while k + 1 in p.index and p[k + 1] <= SIGNIFICANT:
            k += 1
        best["likelihood_ratio"] = k
    for name in LARGEST:
        # Draws that are not the posterior's have no say.
        values = table[name].where(table["verdict"] != "refused")
        if values.notna().any():
            best[name] = int(values.idxmax())
    return best


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
