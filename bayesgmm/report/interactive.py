"""The one view of a page that answers a hand: a scatter plot with two features to choose, and what is known of each point.

Altair describes the plot; `view.js` shows it, together with the libraries it needs, as one script inside the page.
"""

import json
import math
import subprocess
import sys
from base64 import b64encode
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bayesgmm.mixture import density
from bayesgmm.mixture.density import CERTAIN
from bayesgmm.mixture.draws import evenly
from bayesgmm.plots.groups import em_labels, telling_features
from bayesgmm.plots.style import N_COLOURS, colour, marker
from bayesgmm.posterior.memberships import membership_intervals
from bayesgmm.report.names import Name
from bayesgmm.rows.labels import text
from bayesgmm.rows.rows import Rows
from bayesgmm.support.sentences import count, distinct, plain
from bayesgmm.wording.rows import called

if TYPE_CHECKING:
    import altair as alt

    from bayesgmm.comparison.partitioning import Partition
    from bayesgmm.estimator import BayesGaussianMixture

__all__ = ["View", "interactive_view", "view_script"]

Array = NDArray[np.float64]

POINTS = "points"

MOST_POINTS = 5000
MOST_FEATURES = 30
# As in view.js.
MOST_VALUES = 8
HEIGHT = 420
# Seconds; it takes two.
LONGEST_WAIT = 60
# Memberships that would be shown as 0.000 are not listed.
SMALLEST_SHOWN = 0.0005
# Vega's names, and paths in a box of -1 to 1, for the markers of matplotlib.
_SHAPES = {
    "o": "circle",
    "s": "square",
    "^": "triangle-up",
    "D": "diamond",
    "v": "triangle-down",
    "P": "cross",
    "X": "M-.9,-.5L-.5,-.9L0,-.4L.5,-.9L.9,-.5L.4,0L.9,.5L.5,.9L0,.4L-.5,.9L-.9,.5L-.4,0Z",
    "*": "M0,-1.1L.26,-.36L1.05,-.34L.43,.14L.65,.89L0,.45L-.65,.89L-.43,.14L-1.05,-.34L-.26,-.36Z",
}


@dataclass(frozen=True)
class View:
    """What the page needs: ``data`` is JSON and ``script`` JavaScript, both safe inside a script element.

    ``fingerprint`` is the script's, by which a browser knows the one that may run.
    """

    data: str
    script: str
    fingerprint: str
    alt: str
    caption: str
    note: str


@dataclass(frozen=True, eq=False)
class _Points:
    """The rows to be shown, (M,), the group of each and how uncertain that is, and what is said of it: any JSON."""

    rows: NDArray[np.intp]
    groups: Sequence[str]
    labels: NDArray[np.integer]
    doubt: Array
    told: Sequence[Any]

    @property
    def uncertain(self) -> NDArray[np.bool_]:
        return self.doubt > 1 - CERTAIN


def interactive_view(
    bayes: "BayesGaussianMixture", names: Sequence[Name], part: "Partition | None"
) -> View | None:
    """The view, of 5,000 observations and 30 features at the most; None of one group in one dimension, where nothing can be chosen.

    Parameters
    ----------
    bayes : BayesGaussianMixture
    names : sequence of Name
        The features.
    part : Partition or None
        Whose clusters are shown where component-wise summaries must not be used; None elsewhere.
    """
    X = bayes.rows_.values
    k, d = bayes.em_.params_.means.shape
    if k == 1 and d == 1:
        return None
    points = _of_one_group(X) if k == 1 else _of_components(bayes) if part is None else _of(part, bayes)
    shown = min(d, MOST_FEATURES)
    fields = {f"f{j}": name for j, name in enumerate(distinct([n.short for n in names[:shown]]))}
    doubt = "1 − largest membership" if part is None else "1 − similarity to the own cluster"
    records = _records(X[:, :shown], points, bayes.rows_)
    chart = _chart(fields, _first_two(X[:, :shown], bayes), points, records)
    spec = chart.to_dict()
    # Not given to the chart: Altair would copy the points a dozen times, one by one.
    spec["datasets"] |= {POINTS: records}
    content = {
        "spec": spec,
        "names": fields | {"u": doubt},
        "heading": "Component" if part is None else "Cluster",
    }
    script = view_script()
    return View(
        # A script element ends where its text says so, whatever a name may hold.
        json.dumps(content, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c"),
        script,
        "sha256-" + b64encode(sha256(script.encode()).digest()).decode("ascii"),
        _alt(points, d, part is None),
        _caption(bayes.rows_, k, part is None),
        _note(len(points.rows), len(X), shown, d),
    )


@cache
def view_script() -> str:
    """Vega, Vega-Lite, vega-embed and `view.js` in one; about 0.9 MB, and seconds of compiled code when first asked for."""
    import altair as alt

    here = files("bayesgmm.report")
    own = here.joinpath("view.js").read_text(encoding="utf-8")
    licences = here.joinpath("view_licences.txt").read_text(encoding="utf-8")
    version = alt.SCHEMA_VERSION.removeprefix("v").rsplit(".", 1)[0]
    whole = f"/*!\n{licences}*/\n{_bundle(own, version)}"
    return whole.replace("\r\n", "\n").replace("</script", "<\\/script")


def _bundle(own: str, version: str) -> str:
    """Our script and what it needs, put together by vl-convert."""
    # It holds the interpreter's lock all the while: in a process of its own, pictures are drawn beside it.
    if sys.executable and not getattr(sys, "frozen", False):
        with suppress(OSError, subprocess.SubprocessError):
            done = subprocess.run(
                [sys.executable, "-P", "-c", _BUNDLER, version],
                input=own.encode(),
                capture_output=True,
                check=True,
                timeout=LONGEST_WAIT,
                creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
            )
            # An interpreter of another program may print anything; what has this sum is the bundle.
            digest, _, bundle = done.stdout.partition(b"\n")
            if digest.decode("ascii", "replace") == sha256(bundle).hexdigest():
                return bundle.decode()
    import vl_convert

    return vl_convert.javascript_bundle(own, vl_version=version)


_BUNDLER = """
import hashlib, sys, vl_convert
own = sys.stdin.buffer.read().decode()
bundle = vl_convert.javascript_bundle(own, vl_version=sys.argv[1]).encode()
sys.stdout.buffer.write(hashlib.sha256(bundle).hexdigest().encode() + b"\\n" + bundle)
"""


# ------------------------------------------------------------ what is told of each point


def _of_components(bayes: "BayesGaussianMixture") -> _Points:
    """Components with their memberships, by the posterior and by EM."""
    rows = evenly(len(bayes.rows_), MOST_POINTS)
    some = bayes.rows_.taken(rows)
    found = membership_intervals(some, *bayes.fit_.draws.stacked, n_threads=bayes.fit_.settings.cores)
    em = density.responsibilities(some.columns, bayes.em_.params_)
    table = np.round(np.stack([found.mean, found.lower, found.upper, em], axis=2), 3)
    told = []
    for n, mean in enumerate(found.mean):
        likeliest = [c for c in np.argsort(-mean, kind="stable") if max(mean[c], em[n, c]) >= SMALLEST_SHOWN]
        told.append([[int(c), *table[n, c].tolist()] for c in likeliest])
    groups = [f"component {c}" for c in range(em.shape[1])]
    return _Points(rows, groups, found.labels, 1 - found.mean.max(axis=1), told)


def _of(part: "Partition", bayes: "BayesGaussianMixture") -> _Points:
    """Clusters of the partition with the similarity to their rows, which depends on no labels."""
    own, other = _similarities(bayes.similarity_, part.labels)
    groups = [f"cluster {c}" for c in range(part.n_clusters)]
    told = np.round(np.column_stack([own, other]), 3).tolist()
    return _Points(part.rows, groups, part.labels, 1 - own, told)


def _similarities(similarity: Array, labels: NDArray[np.integer]) -> tuple[Array, Array]:
    """Mean similarity of each row to the other rows of its cluster, and to the nearest other cluster; shape (M,) each.

    A row that is alone has no others in its cluster: there it is the probability that it belongs to no other.
    """
    members = np.eye(labels.max() + 1)[labels]
    sizes, at = members.sum(axis=0), np.arange(len(labels))
    sums = similarity @ members
    means = sums / sizes
    means[at, labels] = -1.0
    other = np.maximum(means.max(axis=1), 0.0)
    rest = sizes[labels] - 1
    own = np.divide(sums[at, labels] - similarity[at, at], rest, out=np.zeros(len(labels)), where=rest > 0)
    return np.clip(np.where(rest > 0, own, 1 - other), 0.0, 1.0), other


def _of_one_group(X: Array) -> _Points:
    rows = evenly(len(X), MOST_POINTS)
    nothing = np.zeros(len(rows))
    return _Points(rows, [], nothing.astype(np.intp), nothing, [[]] * len(rows))


def _records(X: Array, points: _Points, rows: Rows) -> list[dict[str, Any]]:
    """One a point, the uncertain ones last, so that they lie on top."""
    names = rows.index[points.rows]
    labels = names.tolist() if names.dtype.kind in "iu" else [plain(text(name)) for name in names]
    values = [_rounded(column).tolist() for column in X[points.rows].T]
    doubt = np.round(points.doubt, 4).tolist()
    out = []
    for n in np.argsort(points.uncertain, kind="stable"):
        record: dict[str, Any] = {f"f{j}": column[n] for j, column in enumerate(values)}
        record |= {"row": labels[n], "u": doubt[n], "uncertain": bool(points.uncertain[n])}
        record["told"] = points.told[n]
        if points.groups:
            record["group"] = points.groups[points.labels[n]]
        out.append(record)
    return out


def _rounded(column: Array) -> Array:
    """To a ten-thousandth of the standard deviation or finer, which no plot shows."""
    sd = float(column.std())
    decimals = 4 - math.floor(math.log10(sd)) if sd > 0 else 0
    return np.round(column, decimals) if 0 <= decimals < 300 else column


def _first_two(X: Array, bayes: "BayesGaussianMixture") -> tuple[str, str]:
    """What is drawn at first; one feature stands against the doubt."""
    if X.shape[1] == 1:
        return "f0", "u"
    x, y = telling_features(X, em_labels(bayes))
    return f"f{x}", f"f{y}"


# ------------------------------------------------------------ the plot


def _chart(
    fields: dict[str, str], first: tuple[str, str], points: _Points, records: list[dict[str, Any]]
) -> "alt.LayerChart":
    """Points over two invisible rules, which keep the axes where they are when points are left out."""
    import altair as alt

    params = [_feature(axis, first[i], fields) for i, axis in enumerate(("x", "y"))]
    uncertain = int(points.uncertain.sum())
    if points.groups:
        box = alt.binding_checkbox(name=f"Only uncertain observations ({uncertain})")
        params.append(alt.param(name="only_uncertain", value=False, bind=box))
    row = alt.binding(input="text", name="Row", debounce=400, autocomplete="off")
    params.append(alt.param(name="row", value="", bind=row))
    plot = alt.Chart(alt.NamedData(name=POINTS)).transform_calculate(
        x="datum[x_feature]", y="datum[y_feature]"
    )
    if points.groups:
        plot = plot.transform_filter("!only_uncertain || datum.uncertain")
    axes = {
        axis: getattr(alt, axis.upper())(
            f"{axis}:Q", title=f"{axis}_feature", scale=alt.Scale(zero=False, padding=12)
        )
        for axis in ("x", "y")
    }
    marks = plot.mark_point(filled=True, stroke="#333333", opacity=1, aria=False, tooltip={"content": "data"})
    marks = marks.encode(**axes, **_look(points))
    layers = [*_ranges(fields, points, records), marks]
    return (
        alt.layer(*layers)
        .add_params(*params)
        .properties(width="container", height=HEIGHT, description="Scatter plot; see the text around it")
        .configure(font="system-ui, -apple-system, Segoe UI, Roboto, Helvetica Neue, Arial, sans-serif")
        .configure_axis(
            labelFontSize=12,
            labelSeparation=6,
            tickCount=8,
            titleFontSize=13,
            titleFontWeight="normal",
            gridColor="#e8ebee",
        )
        .configure_legend(labelFontSize=13, symbolSize=90)
        .configure_view(stroke="#9aa5b0")
    )


def _feature(axis: str, first: str, fields: dict[str, str]) -> "alt.Parameter":
    """The feature of an axis, to be chosen where there are several."""
    import altair as alt

    name = {"x": "Horizontal axis", "y": "Vertical axis"}[axis]
    if len(fields) == 1:
        return alt.param(name=f"{axis}_feature", value=first)
    select = alt.binding_select(options=list(fields), labels=list(fields.values()), name=name)
    return alt.param(name=f"{axis}_feature", value=first, bind=select)


def _look(points: _Points) -> dict[str, Any]:
    """Colour and shape by group; the uncertain ones are larger, with a thick outline, and the one whose row was typed stands out."""
    import altair as alt

    if not points.groups:
        size, width = _by_doubt(300, 40, 40), _by_doubt(4, 0.5, 0.5)
        return {"color": alt.value(colour(0)), "size": size, "strokeWidth": width}
    number = range(len(points.groups))
    # Three to a line fit a phone.
    legend = alt.Legend(title=None, orient="top", direction="horizontal", columns=3, symbolStrokeWidth=0.5)
    groups = list(points.groups)
    colours = alt.Scale(domain=groups, range=[colour(c) for c in number])
    # Where colours come round again, shapes are others.
    shapes = alt.Scale(domain=groups, range=[_SHAPES[marker(c + c // N_COLOURS)] for c in number])
    return {
        "color": alt.Color("group:N", scale=colours, legend=legend),
        "shape": alt.Shape("group:N", scale=shapes, legend=legend),
        "size": _by_doubt(300, 110, 45),
        "strokeWidth": _by_doubt(4, 1.9, 0.5),
        "fillOpacity": alt.value(0.8),
    }


def _by_doubt(chosen: float, uncertain: float, others: float) -> Any:
    """A value for the point whose row was typed, for those uncertain, and for the others."""
    import altair as alt

    typed = alt.when("row !== '' && toString(datum.row) === trim(row)").then(alt.value(chosen))
    return typed.when("datum.uncertain").then(alt.value(uncertain)).otherwise(alt.value(others))


def _ranges(fields: dict[str, str], points: _Points, records: list[dict[str, Any]]) -> "list[alt.Chart]":
    """The range of each feature, drawn so that nobody sees it."""
    import altair as alt

    ends = []
    for field in [*fields, "u"]:
        values = [record[field] for record in records]
        ends.append({"field": field, "low": min(values), "high": max(values)})
    out = []
    for axis, across in (("x", "y"), ("y", "x")):
        rule = alt.Chart(alt.InlineData(values=ends)).transform_filter(f"datum.field === {axis}_feature")
        along = {axis: "low:Q", f"{axis}2": "high:Q", across: alt.value(0)}
        out.append(rule.mark_rule(opacity=0, aria=False, tooltip=None).encode(**along))
    return out


# ------------------------------------------------------------ words


def _alt(points: _Points, d: int, names_hold: bool) -> str:
    axes = "two features to be chosen" if d > 1 else "the feature against how uncertain each observation is"
    marked = ""
    if points.groups:
        by = "component" if names_hold else "cluster of the partition"
        uncertain = int(points.uncertain.sum())
        marked = (
            f", by colour and shape the {by}; {uncertain} uncertain ones are larger and have a thick outline"
        )
    return f"Scatter plot of {count(len(points.rows), 'observation')}: {axes}{marked}."


def _caption(rows: Rows, k: int, names_hold: bool) -> str:
    named = called(rows)
    point = f"Point at an observation, tap it, or type its row, for its values (of {MOST_VALUES} features at the most)"
    if k == 1:
        return f"{point}. Rows are {named}."
    if names_hold:
        return (
            f"{point}, and for the probability of each component by the posterior (with its 95 % interval) and by EM. Uncertain ones, "
            f"whose likeliest component has a probability below {CERTAIN}, are larger and have a thick outline. Rows are {named}."
        )
    return (
        f"{point}, and for how probably it shares a group with the others of its cluster, on average. Clusters are those of the one partition "
        f"for all draws; they are not the groups of the mixture. Uncertain ones, where that probability is below {CERTAIN}, are larger and have a "
        f"thick outline. Rows are {named}."
    )


def _note(shown: int, n: int, features: int, d: int) -> str:
    """What is not there."""
    left_out = [f"{shown} of {n} observations, evenly spaced"] if shown < n else []
    left_out += [f"the first {features} of {d} features"] if features < d else []
    return f"Shown here: {' and '.join(left_out)}." if left_out else ""
