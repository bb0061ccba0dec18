"""Two forests: parameters in posterior standard deviations, predictive checks in those of the
replications."""

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from bayesgmm.comparison.result import check_comparison
from bayesgmm.plots.style import (
    BAYES,
    EM,
    WARNING,
    axes_for,
    check_readable,
    colour,
    figure_of,
    legend_below,
    marker,
    text,
)
from bayesgmm.wording.numbers import p_value, percent

if TYPE_CHECKING:
    from bayesgmm.comparison import Comparison
    from bayesgmm.comparison.predictive import PredictiveCheck

__all__ = ["plot_parameters", "plot_predictive"]

Array = NDArray[np.float64]

MOST_ROWS = 60
ROW = 0.2
LONGEST_LABEL = 52
FARTHEST = 6.0
SHARED = "#666666"
_TITLES = {
    "weights": "Weights",
    "means": "Means",
    "stds": "Standard deviations",
    "correlations": "Correlations",
}


def plot_parameters(result: "Comparison", *, ax: Axes | None = None) -> Figure:
    """EM's estimate of every parameter against its posterior interval, in units of the posterior standard
    deviation.

    Zero is the posterior mean. Where there are more than 60 parameters, those with the largest differences
    are shown.

    Parameters
    ----------
    result : Comparison
        ``compare(bayes)``.
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ParameterError
        Where the verdict refuses component-wise summaries.
    """
    check_comparison(result)
    check_readable(result.components_readable, "plot_parameters")
    table = result.parameters
    kept = _largest(table["difference"].abs().to_numpy())
    # By position and not by name: names with commas in them can make two of these equal.
    rows = _grouped(list(table.index), kept)
    owner = [p.component for p in result.bayes.fit_.draws.parameters]
    own = ax is None
    ax = axes_for(ax, 7.6, 1.5 + ROW * len(rows))
    for place, (i, _) in enumerate(rows):
        if i is not None:
            _draw_parameter(ax, place, table.iloc[i], owner[i])
    _name_rows(ax, rows)
    ax.axvline(0, color="#666666", linewidth=0.8, zorder=1)
    all_or_some = f"all {len(table)} parameters"
    if len(kept) < len(table):
        all_or_some = f"the {len(kept)} of {len(table)} parameters that differ most"
    ax.set_xlabel("distance from the posterior mean, in posterior sd")
    ax.set_title(f"EM and {percent(result.ci_prob)} posterior intervals\n{all_or_some}")
    outside = bool((~table["inside"].iloc[kept]).any())
    legend_below(ax, _parameter_handles({owner[i] for i in kept}, outside), own)
    return figure_of(ax)


def _largest(size: Array) -> list[int]:
    """Places of the 60 largest, in their own order."""
    return np.sort(np.argsort(-size, kind="stable")[:MOST_ROWS]).tolist()


def _grouped(labels: list[str], kept: list[int]) -> list[tuple[int | None, str]]:
    """Rows of the forest from the top: (place of the parameter, or None for a heading; what is written beside
    it)."""
    rows: list[tuple[int | None, str]] = []
    last = None
    for i in kept:
        kind, _, inner = labels[i].partition("[")
        if kind != last:
            rows.append((None, _TITLES[kind]))
            last = kind
        # What all components and features share has no index.
        rows.append((i, text(inner[:-1], LONGEST_LABEL) if inner else "all"))
    return rows


def _name_rows(ax: Axes, rows: list[tuple[int | None, str]]) -> None:
    ax.set_yticks(range(len(rows)), [name for _, name in rows], fontsize="small")
    for (i, _), tick in zip(rows, ax.yaxis.get_major_ticks(), strict=True):
        if i is None:
            tick.label1.set_fontweight("bold")
            tick.tick1line.set_visible(False)
    ax.set_ylim(len(rows) - 0.4, -0.6)


def _draw_parameter(ax: Axes, place: int, row: pd.Series, k: int | None) -> None:
    unit = row["sd"] if row["sd"] > 0 else 1.0
    low, high = (row["lower"] - row["mean"]) / unit, (row["upper"] - row["mean"]) / unit
    shade, shape = _look(k)
    ax.plot([low, high], [place, place], color=shade, linewidth=2.4, solid_capstyle="butt", zorder=2)
    edge: dict[str, Any] = {"markeredgecolor": "#333333", "markeredgewidth": 0.4}
    ax.plot(0, place, marker=shape, color=shade, markersize=5, zorder=3, **edge)
    _draw_observed(ax, row["difference"], place, not row["inside"])


def _draw_observed(ax: Axes, at: float, place: int, outside: bool) -> None:
    """What is held against an interval: a hollow diamond, filled where it lies outside, an arrow where it is
    far off."""
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


def _look(k: int | None) -> tuple[str, str]:
    """Colour and marker of component k, or of what all components share."""
    return (SHARED, "|") if k is None else (colour(k), marker(k))


def _parameter_handles(shown: set[int | None], any_outside: bool) -> list[Line2D]:
    handles = []
    for k in sorted(shown, key=lambda k: (k is None, k)):
        shade, shape = _look(k)
        name = "shared by all" if k is None else f"component {k}"
        handles.append(Line2D([], [], color=shade, marker=shape, linewidth=2.4, markersize=5, label=name))
    return handles + _observed_handles("EM, inside", "EM, outside", any_outside)


def _observed_handles(inside: str, outside: str, any_outside: bool) -> list[Line2D]:
    look: dict[str, Any] = {"marker": "D", "linestyle": "", "markersize": 5, "markeredgewidth": 1.2}
    handles = [Line2D([], [], markeredgecolor=EM, markerfacecolor="white", label=inside, **look)]
    if any_outside:
        handles.append(
            Line2D([], [], markeredgecolor=WARNING, markerfacecolor=WARNING, label=outside, **look)
        )
    return handles


def plot_predictive(result: "Comparison", *, ax: Axes | None = None) -> Figure:
    """Every posterior predictive check: the data against the replicated data sets, with the p-value at the
    side.

    Replications are standardised by their mean and standard deviation: the thick line holds the middle half
    of them, the thin one 95 %. Where there are more than 60 checks, those farthest out are shown.

    Parameters
    ----------
    result : Comparison
        ``compare(bayes)``.
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib.figure.Figure
    """
    check_comparison(result)
    checks = _farthest_out(result.predictive)
    own = ax is None
    ax = axes_for(ax, 7.6, 1.7 + ROW * len(checks))
    for place, check in enumerate(checks):
        _draw_check(ax, place, check)
    _name_rows(ax, [(i, text(c.name, LONGEST_LABEL)) for i, c in enumerate(checks)])
    ax.set_xlabel("standard deviations of the replications")
    note = (
        f"\nthe {len(checks)} of {len(result.predictive)} checks that are farthest out"
        if len(checks) < len(result.predictive)
        else ""
    )
    ax.set_title(f"Would the fitted mixture produce such data?{note}")
    look: dict[str, Any] = {"color": BAYES, "solid_capstyle": "butt"}
    handles = [
        Line2D([], [], linewidth=5, alpha=0.6, label="50 % of the replications", **look),
        Line2D([], [], linewidth=1.4, label="95 %", **look),
    ]
    observed = _observed_handles("data", "data, p outside 0.025 to 0.975", any(check.odd for check in checks))
    legend_below(ax, handles + observed, own)
    return figure_of(ax)


def _farthest_out(checks: "tuple[PredictiveCheck, ...]") -> "list[PredictiveCheck]":
    return [checks[i] for i in _largest(np.array([abs(c.p_value - 0.5) for c in checks]))]


def _draw_check(ax: Axes, place: int, check: "PredictiveCheck") -> None:
    centre, unit = check.replicated.mean(), check.replicated.std() or 1.0
    q = (np.quantile(check.replicated, (0.025, 0.25, 0.75, 0.975)) - centre) / unit
    ax.plot(q[[0, 3]], [place, place], color=BAYES, linewidth=1.4, solid_capstyle="butt")
    ax.plot(q[[1, 2]], [place, place], color=BAYES, linewidth=5, alpha=0.6, solid_capstyle="butt")
    odd = check.odd
    _draw_observed(ax, (check.observed - centre) / unit, place, odd)
    p = p_value(check.p_value, len(check.replicated))
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
