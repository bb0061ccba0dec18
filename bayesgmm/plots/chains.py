"""ArviZ's trace and rank plots of a fit, as plain figures."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import arviz_stats as azs
import numpy as np
import xarray as xr
from arviz_base.labels import BaseLabeller
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from bayesgmm.errors import ParameterError
from bayesgmm.mixture.draws import MixtureDraws
from bayesgmm.plots.style import ShownFigure, colour, display_names, line_style
from bayesgmm.results import check_fit

if TYPE_CHECKING:
    from bayesgmm.estimator import BayesGaussianMixture

__all__ = ["MOST_PANELS", "candidates", "chosen_draws", "rank_figure", "trace_figure"]

Array = NDArray[np.float64]

MOST_PANELS = 12
FEWEST_RANKS, MOST_RANKS = 20, 200
COLUMNS = 4


def trace_figure(bayes: "BayesGaussianMixture") -> Figure:
    """ArviZ's trace plot of weights, means and standard deviations, draw by draw, one line a chain.

    It shows how chains moved, also where component-wise summaries must not be used; a label may then not
    stand for one component. Where there are more than 12 parameters, the 12 with the smallest effective
    sample size (bulk or tail).

    Returns
    -------
    matplotlib.figure.Figure
    """
    import arviz_plots as azp

    check_fit(bayes)
    fit = bayes.fit_
    chosen = chosen_draws(fit.draws, fit.names)
    styles = ["-"] * fit.draws.n_chains
    # ArviZ marks the draws that diverged.
    stats = xr.Dataset({name: (("chain", "draw"), v) for name, v in fit.sampler.items()})
    return _drawn(azp.plot_trace, chosen, stats, "draw", styles, {"trace": {"width": 0.5, "alpha": 0.7}})


def rank_figure(bayes: "BayesGaussianMixture") -> Figure:
    """ArviZ's rank plot: lines of chains that agree stay near zero. Parameters as in :func:`trace_figure`.

    Each line is a chain's distribution of fractional ranks less the uniform one; p is ArviZ's test that all
    chains have the same distribution. It takes draws as independent, so that they are thinned to as many as
    the slowest of these parameters is worth (20 to 200 of a chain); what is left of their dependence makes p
    too small.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ParameterError
        Where there is a single chain, which has nothing to be ranked against.
    """
    import arviz_plots as azp

    check_fit(bayes)
    fit = bayes.fit_
    chains, draws = fit.draws.n_chains, fit.draws.n_draws
    if chains < 2:
        raise ParameterError("A rank plot compares chains, and this fit has a single one; fit with chains=4.")
    chosen = chosen_draws(fit.draws, fit.names)
    worth = _sizes(chosen).min() / chains
    # The cost of the test grows faster than the number of draws, too.
    step = max(1, draws // int(np.clip(worth, FEWEST_RANKS, MOST_RANKS)))
    thinned = {label: v[:, ::step] for label, v in chosen.items()}
    styles = [line_style(c) for c in range(chains)]
    figure = _drawn(azp.plot_rank, thinned, None, "fractional rank", styles, {})
    for ax in figure.axes:
        ax.set_xticks([0, 0.5, 1], ["0", "0.5", "1"])
        for note in ax.texts:
            note.set_fontsize(8)
    return figure


class _Titles(BaseLabeller):
    """The name of each variable, by the one that it has for ArviZ."""

    def __init__(self, titles: dict[str, str]) -> None:
        self.titles = titles

    def make_label_vert(self, var_name: str | None, sel: Any, isel: Any) -> str:
        return self.titles[str(var_name)]


def _drawn(
    plot: Callable[..., Any],
    chosen: Mapping[str, Array],
    stats: xr.Dataset | None,
    xlabel: str,
    styles: list[Any],
    visuals: dict[str, Any],
) -> Figure:
    from arviz_base import rc_context
    from matplotlib import pyplot

    # A name may hold what xarray takes for a path.
    titles = {f"v{i}": label for i, label in enumerate(chosen)}
    sampled = zip(titles, chosen.values(), strict=True)
    draws = xr.Dataset(
        {title: (("chain", "draw"), v) for title, v in sampled},
        coords={"chain": np.arange(len(styles)), "draw": np.arange(next(iter(chosen.values())).shape[1])},
    )
    groups = {"posterior": draws} if stats is None else {"posterior": draws, "sample_stats": stats}
    colours = [colour(c) for c in range(draws.sizes["chain"])]
    height = 1.3 * -(-len(titles) // COLUMNS) + 0.7
    before = set(pyplot.get_fignums())
    # ArviZ draws through pyplot: what it leaves there is taken away again, whatever happens.
    try:
        with rc_context({"plot.max_subplots": MOST_PANELS}), pyplot.ioff():
            collection = plot(
                xr.DataTree.from_dict(groups),
                backend="matplotlib",
                labeller=_Titles(titles),
                visuals=visuals | {"xlabel": False, "title": {"size": 8}},
                aes={"color": ["chain"], "linestyle": ["chain"], "overlay": ["chain"]},
                color=colours,
                linestyle=styles,
                col_wrap=COLUMNS,
                figure_kwargs={
                    "figsize": (9.0, height),
                    "layout": "constrained",
                    "FigureClass": ShownFigure,
                },
            )
            figure = collection.viz["figure"].item()
    finally:
        for number in set(pyplot.get_fignums()) - before:
            pyplot.close(number)
    FigureCanvasAgg(figure)
    figure.supxlabel(xlabel, fontsize="small")
    handles = [
        Line2D([], [], color=c, linestyle=s, label=f"chain {i}")
        for i, (c, s) in enumerate(zip(colours, styles, strict=True))
    ]
    figure.legend(handles=handles, loc="outside upper center", ncols=8, frameon=False, fontsize="small")
    return figure


def candidates(draws: MixtureDraws, names: Sequence[str]) -> dict[str, Array]:
    """Weights, means and standard deviations, each scalar by its name such as ``means[0, waiting]``."""
    short = display_names(list(names))
    # A single weight is the constant one.
    kinds = {"means", "stds"} if draws.n_components == 1 else {"weights", "means", "stds"}
    values = np.moveaxis(draws.parameter_values, -1, 0)
    found = zip(draws.parameters, values, strict=True)
    return {parameter.label(short): scalar for parameter, scalar in found if parameter.kind in kinds}


def chosen_draws(draws: MixtureDraws, names: Sequence[str]) -> dict[str, Array]:
    """Of the candidates at most 12, in their order: those that stand still, then those of the smallest
    effective sample size."""
    scalars = candidates(draws, names)
    chosen = np.sort(np.argsort(_sizes(scalars), kind="stable")[:MOST_PANELS])
    labels = list(scalars)
    return {labels[i]: scalars[labels[i]] for i in chosen}


def _sizes(scalars: Mapping[str, Array]) -> Array:
    """Effective sample size, bulk or tail if that is smaller; 0 where a chain stands still, whose equal draws
    would count in full."""
    values = np.stack(list(scalars.values()), axis=2)
    data = xr.DataArray(values, dims=("chain", "draw", "parameter")).to_dataset(name="v")
    sizes = np.fmin(*(azs.ess(data, method=method)["v"].to_numpy() for method in ("bulk", "tail")))
    return np.where((np.ptp(values, axis=1) == 0).any(axis=0) | ~np.isfinite(sizes), 0.0, sizes)
