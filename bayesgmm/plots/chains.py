"""ArviZ's trace and rank plots of a fit, as plain figures."""

from collections.abc import Callable, Iterator
from itertools import product
from typing import TYPE_CHECKING, Any

import arviz_stats as azs
import numpy as np
import xarray as xr
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from bayesgmm.errors import ParameterError
from bayesgmm.plots.style import colour, display_names, line_style

if TYPE_CHECKING:
    from bayesgmm.estimator import BayesGaussianMixture

__all__ = ["chosen_draws", "rank_figure", "trace_figure"]

MOST_PANELS = 12
MOST_RANKS = 200
COLUMNS = 4


def trace_figure(bayes: "BayesGaussianMixture") -> Figure:
    """ArviZ's trace plot of weights, means and standard deviations, draw by draw, one line a chain.

    It shows how chains moved, also where the verdict refuses names; what is called one component may then not be one thing. Where
    there are more than 12 parameters, the 12 with the smallest effective sample size (bulk): where these look
    well, the others do.

    Returns
    -------
    matplotlib.figure.Figure
    """
    import arviz_plots as azp

    draws = chosen_draws(bayes.posterior_["posterior"].dataset)
    styles = ["-"] * draws.sizes["chain"]
    stats = bayes.posterior_["sample_stats"].dataset
    tree = xr.DataTree.from_dict({"posterior": draws, "sample_stats": stats})
    return _drawn(azp.plot_trace, tree, "draw", styles, {"trace": {"width": 0.5, "alpha": 0.7}})


def rank_figure(bayes: "BayesGaussianMixture") -> Figure:
    """ArviZ's rank plot: lines of chains that agree stay near zero. Parameters as in :func:`trace_figure`.

    Each line is a chain's distribution of fractional ranks less the uniform one, over at most 200 evenly
    spaced draws of a chain; p is ArviZ's test that all chains have the same distribution, which takes draws as independent.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ParameterError
        Where there is a single chain, which has nothing to be ranked against.
    """
    import arviz_plots as azp

    draws = chosen_draws(bayes.posterior_["posterior"].dataset)
    chains = draws.sizes["chain"]
    if chains < 2:
        raise ParameterError("A rank plot compares chains, and this fit has a single one; fit with chains=4.")
    # The test takes draws as independent, which neighbours are not; and its cost grows faster than their number.
    thinned = draws.isel(draw=slice(None, None, -(-draws.sizes["draw"] // MOST_RANKS)))
    tree = xr.DataTree.from_dict({"posterior": thinned})
    figure = _drawn(azp.plot_rank, tree, "fractional rank", [line_style(c) for c in range(chains)], {})
    for ax in figure.axes:
        ax.set_xticks([0, 0.5, 1], ["0", "0.5", "1"])
        for note in ax.texts:
            note.set_fontsize(8)
    return figure


def _drawn(
    plot: Callable[..., Any], tree: xr.DataTree, xlabel: str, styles: list[Any], visuals: dict[str, Any]
) -> Figure:
    from arviz_base import rc_context
    from matplotlib import pyplot

    draws = tree["posterior"].dataset
    panels = len(draws.data_vars)
    colours = [colour(c) for c in range(draws.sizes["chain"])]
    height = 1.3 * -(-panels // COLUMNS) + 0.7
    before = set(pyplot.get_fignums())
    # ArviZ draws through pyplot: what it leaves there is taken away again, whatever happens.
    try:
        with rc_context({"plot.max_subplots": MOST_PANELS}), pyplot.ioff():
            collection = plot(
                tree,
                backend="matplotlib",
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


def chosen_draws(posterior: xr.Dataset) -> xr.Dataset:
    """Weights, means and standard deviations that vary, a variable each: at most 12, of the smallest effective sample size."""
    short = display_names([str(f) for f in posterior["feature"].to_numpy()])
    draws = posterior.assign_coords(feature=short)
    # A single weight is the constant one.
    names = ["weights"] * (posterior.sizes["cluster"] > 1) + ["means", "stds"]
    scalars = {
        labelled: draws[name].sel(selection, drop=True)
        for name in names
        for labelled, selection in _scalars(draws[name])
    }
    values = np.stack([v.transpose("chain", "draw").to_numpy() for v in scalars.values()], axis=2)
    sizes = azs.ess(xr.DataArray(values, dims=("chain", "draw", "parameter")).to_dataset(name="v"))["v"]
    chosen = np.sort(np.argsort(sizes.to_numpy(), kind="stable")[:MOST_PANELS])
    labels = list(scalars)
    return xr.Dataset({labels[i]: scalars[labels[i]] for i in chosen})


def _scalars(variable: xr.DataArray) -> Iterator[tuple[str, dict[str, Any]]]:
    """The name of each scalar, such as ``means[0, waiting]``, and how to select it."""
    dims = [str(d) for d in variable.dims if d not in {"chain", "draw"}]
    for at in product(*(variable[d].to_numpy().tolist() for d in dims)):
        yield f"{variable.name}[{', '.join(map(str, at))}]", dict(zip(dims, at, strict=True))
