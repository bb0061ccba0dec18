"""Two forests: parameters in posterior standard deviations, predictive checks in those of the replications."""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from bayesgmm.plots.style import BAYES, EM, WARNING, axes_for, colour, figure_of, legend_below, marker, text

if TYPE_CHECKING:
    from bayesgmm.comparison import Comparison
    from bayesgmm.comparison.predictive import PredictiveCheck

__all__ = ["is_odd", "p_text", "plot_parameters", "plot_predictive"]

MOST_ROWS = 60
ROW = 0.2
FARTHEST = 6.0
_TITLES = {
    "weights": "Weights",
    "means": "Means",
    "stds": "Standard deviations",
    "correlations": "Correlations",
}


def is_odd(check: "PredictiveCheck") -> bool:
    """Whether fewer than 2.5 % of the replications are as far out on one side as the data."""
    return min(check.p_value, 1 - check.p_value) < 0.025


def p_text(check: "PredictiveCheck") -> str:
    """The p-value with as much precision as the replications can give."""
    finest = 1 / len(check.replicated)
    if check.p_value < finest:
        return f"< {finest:.2g}"
    if check.p_value > 1 - finest:
        return f"> {1 - finest:.4g}"
    return f"{check.p_value:.3f}" if finest < 0.01 else f"{check.p_value:.2f}"


def plot_parameters(result: "Comparison", *, ax: Axes | None = None) -> Figure:
    """EM's estimate of every parameter against its posterior interval, in units of the posterior standard deviation.

    Zero is the posterior mean. Where there are more than 60 parameters, those with the largest differences are shown.

    Parameters
    ----------
    result : Comparison
        ``compare(bayes)``.
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib.figure.Figure
    """
    table = _largest(result.parameters, result.parameters["difference"].abs())
    rows = _grouped(table.index)
    own = ax is None
    ax = axes_for(ax, 7.6, 1.5 + ROW * len(rows))
    for place, (label, _) in enumerate(rows):
        if label is not None:
            _draw_parameter(ax, place, table.loc[label], _component(label))
    _name_rows(ax, rows)
    ax.axvline(0, color="#666666", linewidth=0.8, zorder=1)
    size = len(result.parameters)
    note = (
        f"the {len(table)} of {size} parameters that differ most"
        if len(table) < size
        else f"all {size} parameters"
    )
    ax.set_xlabel("distance from the posterior mean, in posterior standard deviations")
    ax.set_title(f"EM and 95 % posterior intervals\n{note}")
    legend_below(ax, _parameter_handles(table), own)
    return figure_of(ax)


def _largest(table: pd.DataFrame, size: pd.Series) -> pd.DataFrame:
    """The rows of largest size, in their own order."""
    kept = np.sort(np.argsort(-size.to_numpy(), kind="stable")[:MOST_ROWS])
    return table.iloc[kept]


def _grouped(labels: pd.Index) -> list[tuple[str | None, str]]:
    """Rows of the forest from the top: (parameter or None for a heading, what is written beside it)."""
    rows: list[tuple[str | None, str]] = []
    last = None
    for label in labels:
        kind, inner = label.split("[", 1)
        if kind != last:
            rows.append((None, _TITLES[kind]))
            last = kind
        rows.append((label, text(inner[:-1], 60)))
    return rows


def _component(label: str) -> int:
    return int(label.split("[", 1)[1].rstrip("]").split(",", 1)[0])


def _name_rows(ax: Axes, rows: list[tuple[str | None, str]]) -> None:
    ax.set_yticks(range(len(rows)), [name for _, name in rows], fontsize="small")
    for (label, _), tick in zip(rows, ax.yaxis.get_major_ticks(), strict=True):
        if label is None:
            tick.label1.set_fontweight("bold")
            tick.tick1line.set_visible(False)
    ax.set_ylim(len(rows) - 0.4, -0.6)


def _draw_parameter(ax: Axes, place: int, row: pd.Series, k: int) -> None:
    unit = row["sd"] if row["sd"] > 0 else 1.0
    low, high = (row["lower"] - row["mean"]) / unit, (row["upper"] - row["mean"]) / unit
    ax.plot([low, high], [place, place], color=colour(k), linewidth=2.4, solid_capstyle="butt", zorder=2)
    ax.plot(
        0,
        place,
        marker=marker(k),
        color=colour(k),
        markersize=5,
        markeredgecolor="#333333",
        markeredgewidth=0.4,
        zorder=3,
    )
    _draw_observed(ax, row["difference"], place, not row["inside"])


def _draw_observed(ax: Axes, at: float, place: int, outside: bool) -> None:
    """What is held against an interval: a hollow diamond, filled where it lies outside, an arrow where it is far off."""
    shape = "D" if abs(at) <= FARTHEST else ">" if at > 0 else "<"
    edge = WARNING if outside else EM
    ax.plot(
        np.clip(at, -FARTHEST, FARTHEST),
        place,
        marker=shape,
        markersize=5,
        linestyle="",
        zorder=4,
        markeredgecolor=edge,
        markerfacecolor=WARNING if outside else "white",
        markeredgewidth=1.2,
    )


def _parameter_handles(table: pd.DataFrame) -> list[Line2D]:
    components = sorted({_component(label) for label in table.index})
    handles = [
        Line2D(
            [],
            [],
            color=colour(k),
            marker=marker(k),
            linewidth=2.4,
            markersize=5,
            label=f"component {k}",
        )
        for k in components
    ]
    return handles + _observed_handles("EM, inside", "EM, outside", bool((~table["inside"]).any()))


def _observed_handles(inside: str, outside: str, any_outside: bool) -> list[Line2D]:
    look = {"marker": "D", "linestyle": "", "markersize": 5, "markeredgewidth": 1.2}
    handles = [Line2D([], [], markeredgecolor=EM, markerfacecolor="white", label=inside, **look)]
    if any_outside:
        handles.append(
            Line2D([], [], markeredgecolor=WARNING, markerfacecolor=WARNING, label=outside, **look)
        )
    return handles


def plot_predictive(result: "Comparison", *, ax: Axes | None = None) -> Figure:
    """Every posterior predictive check: the data against the replicated data sets, with the p-value at the side.

    Replications are standardised by their mean and standard deviation: the thick line holds the middle half of
    them, the thin one 95 %. Where there are more than 60 checks, those farthest out are shown.

    Parameters
    ----------
    result : Comparison
        ``compare(bayes)``.
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib.figure.Figure
    """
    checks = _farthest_out(result.predictive)
    own = ax is None
    ax = axes_for(ax, 7.6, 1.7 + ROW * len(checks))
    for place, check in enumerate(checks):
        _draw_check(ax, place, check)
    _name_rows(ax, [(c.name, text(c.name, 60)) for c in checks])
    ax.set_xlabel("standard deviations of the replications")
    note = (
        f"\nthe {len(checks)} of {len(result.predictive)} checks that are farthest out"
        if len(checks) < len(result.predictive)
        else ""
    )
    ax.set_title(f"Would the fitted mixture produce such data?{note}")
    look = {"color": BAYES, "solid_capstyle": "butt"}
    handles = [
        Line2D([], [], linewidth=5, alpha=0.6, label="50 % of the replications", **look),
        Line2D([], [], linewidth=1.4, label="95 %", **look),
    ]
    observed = _observed_handles("data", "data, p outside 0.025 to 0.975", any(map(is_odd, checks)))
    legend_below(ax, handles + observed, own)
    return figure_of(ax)


def _farthest_out(checks: "tuple[PredictiveCheck, ...]") -> "list[PredictiveCheck]":
    distance = np.array([abs(c.p_value - 0.5) for c in checks])
    return [checks[i] for i in np.sort(np.argsort(-distance, kind="stable")[:MOST_ROWS])]


def _draw_check(ax: Axes, place: int, check: "PredictiveCheck") -> None:
    centre, unit = check.replicated.mean(), check.replicated.std() or 1.0
    q = (np.quantile(check.replicated, (0.025, 0.25, 0.75, 0.975)) - centre) / unit
    ax.plot(q[[0, 3]], [place, place], color=BAYES, linewidth=1.4, solid_capstyle="butt")
    ax.plot(q[[1, 2]], [place, place], color=BAYES, linewidth=5, alpha=0.6, solid_capstyle="butt")
    odd = is_odd(check)
    _draw_observed(ax, (check.observed - centre) / unit, place, odd)
    p = p_text(check)
    ax.annotate(
        f"p {p}" if p[0] in "<>" else f"p = {p}",
        (1.01, place),
        xycoords=ax.get_yaxis_transform(),
        va="center",
        fontsize="small",
        color=WARNING if odd else "#333333",
        weight="bold" if odd else "normal",
        annotation_clip=False,
    )
