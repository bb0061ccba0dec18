"""`select_components`: every criterion for the number of components in one table, and how far they
disagree."""

import numbers
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Literal, overload

import numpy as np

from bayesgmm.errors import ParameterError
from bayesgmm.mixture.families import DEFAULT_FAMILY, family_of
from bayesgmm.rows.features import MISSING, MODEL, REFUSE
from bayesgmm.rows.rows import Rows, RowsLike
from bayesgmm.rows.unmeasured import tell_unmeasured
from bayesgmm.selection.by_em import select_by_em
from bayesgmm.selection.em_selection import EMSelection
from bayesgmm.selection.families import Chosen, chosen_families
from bayesgmm.support import arguments
from bayesgmm.support.sentences import shown_value

if TYPE_CHECKING:
    from bayesgmm.bayes.priors import Prior
    from bayesgmm.selection.result import Selection

__all__ = ["select_components"]

EVERYTHING, EM_ALONE = "all", "em"


@overload
def select_components(
    X: RowsLike,
    ks: Iterable[int] = ...,
    *,
    covariance_type: str = ...,
    families: str | Iterable[str] | None = ...,
    criteria: Literal["all"] = ...,
    prior: "Prior | None" = ...,
    draws: int = ...,
    chains: int = ...,
    n_bootstrap: int = ...,
    overfitted: bool = ...,
    random_state: Any = ...,
    cores: int | None = ...,
    progressbar: bool = ...,
    missing: str = ...,
) -> "Selection": ...


@overload
def select_components(
    X: RowsLike,
    ks: Iterable[int] = ...,
    *,
    covariance_type: str = ...,
    families: str | Iterable[str] | None = ...,
    criteria: Literal["em"],
    prior: "Prior | None" = ...,
    draws: int = ...,
    chains: int = ...,
    n_bootstrap: int = ...,
    overfitted: bool = ...,
    random_state: Any = ...,
    cores: int | None = ...,
    progressbar: bool = ...,
    missing: str = ...,
) -> EMSelection: ...


def select_components(
    X: RowsLike,
    ks: Iterable[int] = range(1, 7),
    *,
    covariance_type: str = DEFAULT_FAMILY,
    families: str | Iterable[str] | None = None,
    criteria: str = "all",
    prior: "Prior | None" = None,
    draws: int = 500,
    chains: int = 4,
    n_bootstrap: int = 49,
    overfitted: bool = False,
    random_state: Any = None,
    cores: int | None = None,
    progressbar: bool = True,
    missing: str = REFUSE,
) -> "Selection | EMSelection":
    """Fit mixtures with several numbers of components by EM and by tempering, and compare them by every
    criterion; or by EM alone, with ``criteria="em"``, also mixtures of several covariance families.

    Parameters
    ----------
    X : array_like or data frame, shape (N, D)
    ks : iterable of int
        Numbers of components.
    covariance_type : str, default "full"
        As the estimators take it.
    families : "all" or iterable of str, optional
        Covariance families to choose from with ``criteria="em"``, by the names that `covariance_type` has;
        by default that one. "all" are the fourteen of mclust.
    criteria : {"all", "em"}, default "all"
        "em": BIC, ICL and AIC alone, which take about a second for all families with nine numbers of
        components on a few hundred rows; no posterior is drawn from, and what speaks of the posterior below
        does not apply.
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
    missing : {"refuse", "model"}, default "refuse"
        What is done where cells are missing, as for the estimators.

    Returns
    -------
    Selection, or EMSelection with ``criteria="em"``
        A number of components that cannot be fitted has a row that says so.

    Raises
    ------
    DataError, ParameterError
        Where X, the numbers of components, the families, the prior or a setting is not usable; nothing is
        fitted then.
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

    By EM alone, starts are shared between families and numbers of components, and the search goes on where
    a better maximum would matter: far from the best a value may fall short of what `EMGaussianMixture` finds.
    The fit that BIC prefers, ``best_model_``, is what that returns, or a better one. BIC is -2 log L + p log
    N, minus mclust's. Where every maximum found is spurious a fit has no say, and none where a component
    collapses in all.

    Examples
    --------
    >>> from bayesgmm import datasets, select_components
    >>> X = datasets.faithful().X
    >>> settings = {"draws": 200, "n_bootstrap": 19, "random_state": 0, "progressbar": False}
    >>> choice = select_components(X, [1, 2], **settings)
    >>> choice.best["bic"], choice.best["log_evidence"]
    (2, 2)

    By EM alone, of two families:

    >>> choice = select_components(
    ...     X, range(1, 7), families=["tied", "full"], criteria="em", random_state=0
    ... )
    >>> choice.best["bic"]
    Choice(covariance_type='tied', n_components=3)
    >>> choice.wide("bic").round(1).loc[2].to_dict()
    {'tied': 2325.2, 'full': 2322.2}
    >>> round(choice.best_model_.bic(X), 1)
    2314.3
    """
    ks = checked_numbers(ks)
    arguments.check_choice(criteria, "criteria", (EVERYTHING, EM_ALONE))
    arguments.check_flag(progressbar, "progressbar")
    arguments.check_choice(missing, "missing", MISSING)
    rows = Rows.of(X, copy=True, may_miss=missing == MODEL)
    if len(rows.weights):
        raise ParameterError(
            "select_components compares fits of rows that count once each; leave the weights out, or repeat "
            "the rows.",
            total_weight=rows.total_weight,
        )
    if criteria == EM_ALONE:
        _refuse_of_posterior(prior, overfitted)
        chosen = _families(families, covariance_type, rows.n_features)
        tell_unmeasured(rows)
        return select_by_em(rows, ks, chosen, random_state=random_state, cores=arguments.check_cores(cores))
    if families is not None:
        raise ParameterError(
            "families are compared by criteria='em' only (--em-only on the command line), since posterior "
            "criteria for several families are not available yet; give criteria='em', or one "
            "covariance_type.",
            families=families,
        )
    # A choice by EM alone must not wait for what the posterior needs.
    from bayesgmm.selection.by_all import select_by_all

    return select_by_all(
        rows,
        ks,
        covariance_type=covariance_type,
        prior=prior,
        draws=draws,
        chains=chains,
        n_bootstrap=n_bootstrap,
        overfitted=overfitted,
        random_state=random_state,
        cores=cores,
        progressbar=progressbar,
    )


def _families(families: str | Iterable[str] | None, covariance_type: str, n_features: int) -> Chosen:
    """Those asked for under either name.

    Raises
    ------
    ParameterError
        Where both say something, or what they say is not usable.
    """
    if families is None:
        family_of(covariance_type)
        return Chosen((covariance_type,))
    if covariance_type != DEFAULT_FAMILY:
        raise ParameterError(
            f"families and covariance_type both say which covariance families to fit; got "
            f"{shown_value(families)} and {shown_value(covariance_type)}: leave one out.",
            families=families,
            covariance_type=covariance_type,
        )
    return chosen_families(families, n_features)


def _refuse_of_posterior(prior: "Prior | None", overfitted: bool) -> None:
    """Refuse with criteria="em" what would change nothing."""
    if prior is not None or overfitted:
        name = "overfitted" if prior is None else "prior"
        raise ParameterError(
            f"{name} is of the posterior, from which criteria='em' (--em-only on the command line) does not "
            f"draw; leave it out, or give criteria='all'.",
            name=name,
        )


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
