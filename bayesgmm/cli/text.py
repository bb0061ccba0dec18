"""Results, as text for people and as JSON for programs."""

import json
import math
import re
from typing import TYPE_CHECKING

import click

from bayesgmm.cli.streams import Page
from bayesgmm.support.json_values import as_json
from bayesgmm.support.sentences import count, shorten, shown
from bayesgmm.wording.comparison import LIKELIHOOD
from bayesgmm.wording.rows import about_missing
from bayesgmm.wording.selection import CRITERIA

if TYPE_CHECKING:
    from bayesgmm import BayesGaussianMixture
    from bayesgmm.comparison import Comparison
    from bayesgmm.selection import EMSelection, Selection

__all__ = [
    "print_em_selection",
    "print_fit",
    "print_selection",
    "sentences",
    "show_em_selection",
    "show_fit",
    "show_selection",
]

# Of the fits that a choice by EM alone has made, the best by BIC.
MOST_FITS = 5


# ------------------------------------------------------------ a fit


def show_fit(
    bayes: "BayesGaussianMixture", result: "Comparison", *, dropped: int | None = None, **files: str
) -> None:
    """Data, verdict, comparison, parameters and the files written, in that order."""
    page = Page()
    page.line(_heading(bayes, dropped), style="bold")
    missing = about_missing(bayes.rows_)
    if missing is not None:
        page.line(str(missing))
    page.line()
    first, *rest = sentences(result.verdict)
    page.line(first, style="green" if bayes.verdict_.ok and result.misfit is None else "bold red")
    for sentence in rest:
        page.line(sentence)
    _show_tempering(page, bayes)
    if not bayes.em_.converged_:
        page.line(f"EM ended {bayes.em_.status_}.", style="bold red")
    page.line()
    if bayes.verdict_.ok:
        _show_parameters(page, result)
        page.line()
    # The posterior mean of the parameters is an average component by component.
    shown = result.log_likelihood if bayes.verdict_.ok else result.log_likelihood.drop("at_posterior_mean")
    told = ", ".join(f"{LIKELIHOOD[k]} {v:.2f}" for k, v in shown.items())
    page.line(f"Log-likelihood: {told}")
    if files:
        page.line()
    for what, path in files.items():
        page.line(f"{what} written to {path!r}", wrap=False)


def _show_tempering(page: Page, bayes: "BayesGaussianMixture") -> None:
    """Why a method was chosen, and what tempering tells of the whole posterior."""
    if bayes.method_reason_:
        page.line(bayes.method_reason_)
    if bayes.log_evidence_ is not None:
        value, error = bayes.log_evidence_
        page.line(f"Log evidence {value:.2f}, standard error between runs {error:.2f}.")
    modes = bayes.fit_.modes
    if modes is not None and modes.n_modes > 1:
        page.line()
        for line in str(modes).splitlines():
            page.line(line)


def _heading(bayes: "BayesGaussianMixture", dropped: int | None) -> str:
    n, d = bayes.rows_.values.shape
    features = ", ".join(shorten(name) for name in shown(bayes.rows_.names))
    left_out = "" if dropped is None else f" ({count(dropped, 'row')} with a missing value left out)"
    components = count(bayes.em_.params_.n_components, "component")
    return f"{count(n, 'observation')}{left_out}, {count(d, 'column')} ({features}), {components}"


def _show_parameters(page: Page, result: "Comparison") -> None:
    table = result.parameters
    page.line(
        "EM estimate; posterior mean, sd and 95 % interval; difference (EM minus mean) in posterior sds:",
        style="dim",
    )
    numbers = ["em", "mean", "sd", "lower", "upper", "difference"]
    columns = {"parameter": [shorten(str(name)) for name in table.index]}
    columns |= {name: [f"{value:.4g}" for value in table[name]] for name in numbers}
    columns["inside"] = ["yes" if inside else "no" for inside in table["inside"]]
    columns["decided by"] = [who or "–" for who in table["decided_by"]]
    page.table(
        columns,
        right=[*numbers, "inside"],
        optional=[["sd"], ["lower", "upper"], ["inside"], ["difference"], ["decided by"]],
    )


def sentences(text: str) -> list[str]:
    """The sentences of a text, without words that would fill a page."""
    # A verdict quotes names of columns, and these may be of any length.
    readable = re.sub(r"\S{121,}", lambda word: shorten(word.group()), text)
    return re.split(r"(?<=[.]) +(?=[A-Z])", readable)


def print_fit(
    bayes: "BayesGaussianMixture", result: "Comparison", *, dropped: int | None = None, **files: str | None
) -> None:
    """The same as :func:`show_fit` for programs: one JSON object, and numbers in full."""
    from bayesgmm.report.machine import numbers

    content = numbers(bayes, result) | {"n_dropped": dropped, "files": files}
    click.echo(json.dumps(content, indent=2, allow_nan=False))


# ------------------------------------------------------------ several numbers of components


def show_selection(choice: "Selection", dropped: int | None, figure: str | None) -> None:
    """What the criteria prefer, and the table."""
    page, t = Page(), choice.table
    page.line(choice.verdict, style="bold")
    if dropped is not None:
        page.line(f"{count(dropped, 'row')} with a missing value left out.")
    page.line()

    def numbers(name: str, digits: int = 1) -> list[str]:
        return [f"{v:.{digits}f}" if math.isfinite(v) else "" for v in t[name]]

    def with_errors(name: str, digits: int) -> list[str]:
        both = zip(numbers(name, digits), numbers(f"{name}_se", digits), strict=True)
        return [f"{value} ± {error}" if value else "" for value, error in both]

    columns = {
        "K": [str(k) for k in t.index],
        "log-likelihood": numbers("log_likelihood", 2),
        "BIC": numbers("bic"),
        "AIC": numbers("aic"),
        "ICL": numbers("icl"),
        "LR p": numbers("lr_p_value", 2),
        "left out": with_errors("elpd_difference", 1),
        "log evidence": with_errors("log_evidence", 2),
        "probability": numbers("probability", 2),
        "occupied": numbers("occupied"),
        "verdict": list(t["verdict"]),
    }
    # The first is the last to go: K, BIC, the evidence and the verdict are kept.
    optional = [["LR p"], ["probability"], ["ICL"], ["left out"], ["log-likelihood"], ["occupied"], ["AIC"]]
    page.table(columns, right=[name for name in columns if name != "verdict"], optional=optional)
    if figure is not None:
        page.line()
        page.line(f"Figure written to {figure!r}", wrap=False)


def print_selection(choice: "Selection", dropped: int) -> None:
    """The same for programs."""
    occupied = choice.occupied
    found = {
        "verdict": choice.verdict,
        "findings": [finding.to_json() for finding in choice.findings],
        "best": dict(choice.best),
        "table": choice.table.reset_index().to_dict("records"),
        "occupied": None if occupied is None else occupied.table.reset_index().to_dict("records"),
        "rows_left_out": dropped,
    }
    click.echo(json.dumps(as_json(found), indent=2, allow_nan=False))


def show_em_selection(choice: "EMSelection", dropped: int | None, figure: str | None) -> None:
    """What the criteria of EM prefer, the best fits, and BIC of all."""
    page = Page()
    page.line(choice.verdict, style="bold")
    if dropped is not None:
        page.line(f"{count(dropped, 'row')} with a missing value left out.")
    page.line()
    best = choice.ranking.head(MOST_FITS)
    if len(best):
        columns = {
            "family": [family for family, _ in best.index],
            "K": [str(k) for _, k in best.index],
            "log-likelihood": [f"{v:.2f}" for v in best["log_likelihood"]],
            "parameters": [f"{v:.0f}" for v in best["n_parameters"]],
            **{CRITERIA[name]: [f"{v:.1f}" for v in best[name]] for name in ("bic", "icl", "aic")},
        }
        page.table(columns, right=list(columns)[1:], optional=[["parameters"], ["log-likelihood"]])
        page.line()
    wide = choice.wide("bic")
    page.line("BIC by family and number of components")
    table = {"family": list(wide.columns)}
    table |= {str(k): ["" if math.isnan(v) else f"{v:.1f}" for v in wide.loc[k]] for k in wide.index}
    # Numbers far from the best are the first to go.
    near = sorted(wide.index, key=lambda k: wide.loc[k].min() if wide.loc[k].notna().any() else math.inf)
    page.table(table, right=list(table)[1:], optional=[[str(k)] for k in near[1:]])
    if figure is not None:
        page.line()
        page.line(f"Figure written to {figure!r}", wrap=False)


def print_em_selection(choice: "EMSelection", dropped: int) -> None:
    """The same for programs."""
    found = {
        "verdict": choice.verdict,
        "findings": [finding.to_json() for finding in choice.findings],
        "best": {name: at._asdict() for name, at in choice.best.items()},
        "table": choice.table.reset_index().to_dict("records"),
        "failures": [{**at._asdict(), "why": why} for at, why in choice.failures.items()],
        "rows_left_out": dropped,
    }
    click.echo(json.dumps(as_json(found), indent=2, allow_nan=False))
