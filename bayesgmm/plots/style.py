"""Colours, markers, names and empty figures that all drawings share."""

from collections.abc import Sequence
from io import BytesIO
from typing import Any

from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke

from bayesgmm.errors import ParameterError
from bayesgmm.support.arguments import check_kind
from bayesgmm.support.sentences import distinct, plain, shorten

__all__ = [
    "BAYES",
    "EM",
    "N_COLOURS",
    "PALE",
    "SHADES",
    "WARNING",
    "ShownFigure",
    "axes_for",
    "check_readable",
    "colour",
    "display_names",
    "figure_of",
    "legend_below",
    "line_style",
    "marker",
    "new_figure",
    "number_label",
    "ring",
    "text",
]

# Okabe and Ito (2008), Color Universal Design; black is kept for EM, so that grey is the eighth.
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#F0E442", "#999999")
N_COLOURS = len(_COLOURS)
_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
_LINE_STYLES: tuple[Any, ...] = (
    "-",
    "--",
    "-.",
    ":",
    (0, (5, 1)),
    (0, (3, 1, 1, 1)),
    (0, (1, 1)),
    (0, (8, 2)),
)

EM = "#1a1a1a"
BAYES = "#0072B2"
WARNING = "#D55E00"
PALE = "#c9ced6"
# From nothing to much; lightness alone tells it.
SHADES = LinearSegmentedColormap.from_list("shades", ["#f2f4f7", "#9fc3de", BAYES, "#00233d"])

LONGEST_NAME = 24


def colour(k: int) -> str:
    """Colour of component k."""
    return _COLOURS[k % len(_COLOURS)]


def marker(k: int) -> str:
    """Marker of component k."""
    return _MARKERS[k % len(_MARKERS)]


def line_style(k: int) -> Any:
    """Line style of component or chain k."""
    return _LINE_STYLES[k % len(_LINE_STYLES)]


class ShownFigure(Figure):
    """A figure that a notebook shows as a picture where it is the last line of a cell.

    For a figure of matplotlib that is pyplot's work, and of pyplot this one knows nothing. Where pyplot shows
    pictures in notebooks, as after ``%matplotlib inline``, its way comes before this one: no picture is shown
    twice.
    """

    def _repr_png_(self) -> bytes:
        picture = BytesIO()
        self.savefig(picture, format="png")
        return picture.getvalue()

    def __repr__(self) -> str:
        return super().__repr__().replace(type(self).__name__, Figure.__name__, 1)


def new_figure(width: float, height: float) -> Figure:
    """An empty figure, in inches, that pyplot does not know of and notebooks show by themselves."""
    return ShownFigure(figsize=(width, height), layout="constrained")


def axes_for(ax: Axes | None, width: float, height: float) -> Axes:
    """The given axes, or those of a new figure.

    Raises
    ------
    ParameterError
        Where `ax` is something else.
    """
    check_kind(ax, "ax", (Axes, type(None)), "axes of matplotlib, or None")
    return new_figure(width, height).subplots() if ax is None else ax


def check_readable(allowed: bool, what: str) -> None:
    """Refuse a figure of component-wise summaries where the verdict does not allow them.

    Raises
    ------
    ParameterError
    """
    if not allowed:
        raise ParameterError(
            f"Component-wise summaries must not be used (see verdict_), so that {what} would mislead; "
            "plot_similarity, plot_uncertainty and plot_ball do not depend on labels.",
            what=what,
        )


def figure_of(ax: Axes) -> Figure:
    """The figure that holds the axes, also where a subfigure is in between."""
    figure = ax.get_figure(root=True)
    assert isinstance(figure, Figure)
    return figure


def legend_below(ax: Axes, handles: list[Any], own: bool, columns: int = 4) -> None:
    """A legend under the figure where the figure is ours, and within the axes where they were given."""
    if own:
        columns = min(columns, len(handles))
        look: dict[str, Any] = {"loc": "outside lower center", "ncols": columns}
        figure_of(ax).legend(handles=handles, frameon=False, fontsize="small", **look)
    else:
        ax.legend(handles=handles, loc="best", fontsize="small")


def number_label(ax: Axes, x: float, y: float, k: int) -> None:
    """The number of component k, readable on any ground."""
    halo = [withStroke(linewidth=2.5, foreground="white")]
    ax.text(x, y, str(k), ha="center", va="center", weight="bold", path_effects=halo, zorder=6, clip_on=True)


def ring(ax: Axes, x: float, y: float) -> None:
    """A ring around what a criterion prefers."""
    ax.plot([x], [y], marker="o", markersize=12, markerfacecolor="none", color=WARNING, linestyle="none")


def text(name: str, limit: int = 40) -> str:
    """A shortened name for matplotlib, which would take dollars for mathematics."""
    return shorten(plain(name), limit).replace("$", r"\$")


def display_names(names: Sequence[str], limit: int = LONGEST_NAME) -> list[str]:
    """Short names for the axes of a figure, made distinct again where shortening made them equal."""
    return distinct([text(n, limit) for n in names])
