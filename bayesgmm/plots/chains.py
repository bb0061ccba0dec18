"""ArviZ's trace and rank plots of a fit, as plain figures."""

from collections.abc import Callable, Iterator
from itertools import product
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
from bayesgmm.plots.style import colour, display_names, line_style

if TYPE_CHECKING:
    from bayesgmm.estimator import BayesGaussianMixture

__all__ = ["MOST_PANELS", "candidates", "chosen_draws", "rank_figure", "trace_figure"]

MOST_PANELS = 12
FEWEST_RANKS, MOST_RANKS = 20, 200
COLUMNS = 4


def trace_figure(bayes: "BayesGaussianMixture") -> Figure:
    """ArviZ's trace plot of weights, means and standard deviations, draw by draw, one line a chain.

    It shows how chains moved, also where component-wise summaries must not be used; a label may then not stand for one component. Where
    there are more than 12 parameters, the 12 with the smallest effective sample size (bulk or tail).

    Returns
    -------
    matplotlib.figure.Figure
    """
    import arviz_plots as azp

    chosen = chosen_draws(bayes.posterior_["posterior"].dataset)
    styles = ["-"] * bayes.posterior_["posterior"].sizes["chain"]
    stats = bayes.posterior_["sample_stats"].dataset
    return _drawn(azp.plot_trace, chosen, stats, "draw", styles, {"trace": {"width": 0.5, "alpha": 0.7}})


def rank_figure(bayes: "BayesGaussianMixture") -> Figure:
    """ArviZ's rank plot: lines of chains that agree stay near zero. Parameters as in :func:`trace_figure`.

    Each line is a chain's distribution of fractional ranks less the uniform one; p is ArviZ's test that all chains have the same
    distribution. It takes draws as independent, so that they are thinned to as many as the slowest of these parameters is worth (20 to
    200 of a chain); what is left of their dependence makes p too small.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ParameterError
        Where there is a single chain, which has nothing to be ranked against.
    """
    import arviz_plots as azp

    posterior = bayes.posterior_["posterior"].dataset
    chains, draws = posterior.sizes["chain"], posterior.sizes["draw"]
    if chains < 2:
        raise ParameterError("A rank plot compares chains, and this fit has a single one; fit with chains=4.")
    chosen = chosen_draws(posterior)
    worth = _sizes(chosen).min() / chains
    # The cost of the test grows faster than the number of draws, too.
    step = max(1, draws // int(np.clip(worth, FEWEST_RANKS, MOST_RANKS)))
    thinned = {label: v.isel(draw=slice(None, None, step)) for label, v in chosen.items()}
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
    chosen: dict[str, xr.DataArray],
    stats: xr.Dataset | None,
    xlabel: str,
    styles: list[Any],
    visuals: dict[str, Any],
) -> Figure:
    from arviz_base import rc_context
    from matplotlib import pyplot

    # A name may hold what xarray takes for a path.
    titles = {f"v{i}": label for i, label in enumerate(chosen)}
    draws = xr.Dataset(dict(zip(titles, chosen.values(), strict=True)))
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
                figure_kwargs={"figsize": (9.0, height), "layout": "constrained"},
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


def candidates(posterior: xr.Dataset) -> dict[str, xr.DataArray]:
    """Weights, means and standard deviations, each scalar by its name such as ``means[0, waiting]``."""
    short = display_names([str(f) for f in posterior["feature"].to_numpy()])
    # A single weight is the constant one.
    names = ["weights"] * (posterior.sizes["cluster"] > 1) + ["means", "stds"]
    return {label: scalar for name in names for label, scalar in _scalars(posterior[name], short)}


def chosen_draws(posterior: xr.Dataset) -> dict[str, xr.DataArray]:
    """Of the candidates at most 12, in their order: those that stand still, then those of the smallest effective sample size."""
    scalars = candidates(posterior)
    chosen = np.sort(np.argsort(_sizes(scalars), kind="stable")[:MOST_PANELS])
    labels = list(scalars)
    return {labels[i]: scalars[labels[i]] for i in chosen}


def _sizes(scalars: dict[str, xr.DataArray]) -> NDArray[np.float64]:
    """Effective sample size, bulk or tail if that is smaller; 0 where a chain stands still, whose equal draws would count in full."""
    values = np.stack([v.transpose("chain", "draw").to_numpy() for v in scalars.values()], axis=2)
    data = xr.DataArray(values, dims=("chain", "draw", "parameter")).to_dataset(name="v")
    sizes = np.fmin(*(azs.ess(data, method=method)["v"].to_numpy() for method in ("bulk", "tail")))
    return np.where((np.ptp(values, axis=1) == 0).any(axis=0) | ~np.isfinite(sizes), 0.0, sizes)


def _scalars(variable: xr.DataArray, features: list[str]) -> Iterator[tuple[str, xr.DataArray]]:
    dims = [str(d) for d in variable.dims if d not in {"chain", "draw"}]
    for at in product(*(range(variable.sizes[d]) for d in dims)):
        places = [features[i] if dim == "feature" else str(i) for dim, i in zip(dims, at, strict=True)]
        yield (
            f"{variable.name}[{', '.join(places)}]",
            variable.isel(dict(zip(dims, at, strict=True)), drop=True),
        )
