"""Sentences of a comparison of numbers of components."""

from bayesgmm.support.sentences import count, listed
from bayesgmm.wording.reasons import Reason, worded

__all__ = ["CRITERIA"]

MOST_LISTED = 4
# How a criterion is called inside a sentence, by its column.
CRITERIA = {
    "bic": "BIC",
    "aic": "AIC",
    "icl": "ICL",
    "likelihood_ratio": "the likelihood-ratio test",
    "elpd_loo": "leave-one-out",
    "log_evidence": "the evidence",
}


@worded
def criteria_prefer(ks: tuple[int, ...], criteria: tuple[tuple[str, ...], ...]) -> str:
    """Which criteria prefer each number; `criteria` has those of each of `ks`."""
    return _preferences([str(k) for k in ks], criteria)


@worded
def families_preferred(
    families: tuple[str, ...], ks: tuple[int, ...], criteria: tuple[tuple[str, ...], ...]
) -> str:
    """Which criteria prefer each family and number; `criteria` has those of each."""
    return _preferences(_fits(families, ks), criteria)


def _preferences(preferred: list[str], criteria: tuple[tuple[str, ...], ...]) -> str:
    parts = []
    for at, names in zip(preferred, criteria, strict=True):
        verb = "prefers" if len(names) == 1 else "prefer"
        parts.append(f"{listed([CRITERIA[name] for name in names])} {verb} {at}")
    text = f"{'; '.join(parts)}."
    return text[0].upper() + text[1:]


@worded
def hardly_worse(families: tuple[str, ...], ks: tuple[int, ...], most: float) -> str:
    """Fits whose BIC is nearly that of the best."""
    verb = "is" if len(families) == 1 else "are"
    return (
        f"{listed(_fits(families, ks), MOST_LISTED)} {verb} within {most:g} units of BIC of the best: hardly "
        f"worse."
    )


@worded
def spurious_set_aside(families: tuple[str, ...], ks: tuple[int, ...], gains: tuple[float, ...]) -> str:
    """Fits of which a higher maximum is known that looks spurious."""
    which = [f"{at} ({gain:.4g})" for at, gain in zip(_fits(families, ks), gains, strict=True)]
    return (
        f"Of {listed(which, MOST_LISTED)} a maximum with a higher log-likelihood (by the number in brackets) "
        f"was set aside, since it looks spurious: a component with hardly more rows than its covariance "
        f"needs, and much tighter than the others."
    )


@worded
def no_fit_accepted() -> str:
    return "No family and number of components is preferred, since no fit has a say."


@worded
def fits_spurious(n: int, of: int) -> str:
    return (
        f"{n} of {count(of, 'fit')} {'has' if n == 1 else 'have'} no say, since every maximum found looks "
        f"spurious: a component with hardly more rows than its covariance needs, and much tighter than the "
        f"data."
    )


@worded
def fits_failed(n: int, of: int) -> str:
    return (
        f"{n} of {count(of, 'fit')} could not be had: a component collapses, or the rows do not suffice; "
        f"failures tells which."
    )


@worded
def fit_collapsed(family: str, k: int, n_rows: int) -> str:
    """Why a cell of the table is empty."""
    return (
        f"Every start of {_fits((family,), (k,))[0]} ended in a component that lost its rows, or collapsed "
        f"onto a point or plane of the {count(n_rows, 'row')}."
    )


@worded
def families_coincide(kept: str, names: tuple[str, ...]) -> str:
    """Families that are the same as another with one column."""
    verb = "is" if len(names) == 1 else "are"
    return f"With one column {listed(names)} {verb} the same as {kept}, and not fitted again."


def _fits(families: tuple[str, ...], ks: tuple[int, ...]) -> list[str]:
    return [f"{family} with {count(k, 'component')}" for family, k in zip(families, ks, strict=True)]


@worded
def preference_open(which: tuple[str, ...], ks: tuple[int, ...]) -> str:
    """Criteria whose best number has neighbours that have no say."""
    text = listed([CRITERIA[name] for name in which])
    verb = "prefers" if len(which) == 1 else "prefer"
    it = "it" if len(which) == 1 else "they"
    return (
        f"{text[0].upper()}{text[1:]} {verb} no number: next to the best of those that {it} could judge, "
        f"{_numbers(ks)} could not be judged."
    )


@worded
def likelihood_without_maximum(ks: tuple[int, ...]) -> str:
    return (
        f"With {_numbers(ks)} every start of EM collapsed, so that the likelihood has no maximum there, and "
        f"BIC, AIC, ICL and the likelihood-ratio test have no say; what the posterior says does not need one."
    )


@worded
def within_two_errors(k: int, best: int) -> str:
    return f"By leave-one-out {k} is within two standard errors of {best}."


@worded
def leave_one_out_unreliable(n_rows: int, k: int) -> str:
    return f"Leave-one-out is not to be trusted at {count(n_rows, 'row')} with {count(k, 'component')}."


@worded
def probability_of_number(k: int, probability: float) -> str:
    return f"If all were equally likely beforehand, {k} has probability {probability:.2f}."


@worded
def largest_number_tried(k: int) -> str:
    return f"{k} is the largest number tried; try more."


@worded
def no_posterior_accepted() -> str:
    return "Leave-one-out and the evidence have no say, since no posterior was accepted."


@worded
def posteriors_refused(ks: tuple[int, ...]) -> str:
    return f"The posterior with {_numbers(ks)} is not to be trusted."


@worded
def posteriors_failed(ks: tuple[int, ...]) -> str:
    return f"The posterior with {_numbers(ks)} could not be had."


def _numbers(ks: tuple[int, ...]) -> str:
    return f"{listed([str(k) for k in ks])} {'component' if ks == (1,) else 'components'}"


@worded
def components_occupied(
    n_components: int, concentration: float, k: int, posterior: float, prior: float
) -> str:
    return (
        f"Of {count(n_components, 'component')} with concentration {concentration:g}, {k} "
        f"{'has' if k == 1 else 'have'} rows with probability {posterior:.2f} ({prior:.2f} before the data)."
    )


@worded
def draws_not_trusted(why: Reason) -> str:
    return f"The draws behind it are not to be trusted: {why}"
