"""The plot of a page's view, described by Altair."""

from typing import TYPE_CHECKING, Any

from bayesgmm.plots.style import N_COLOURS, colour, marker
from bayesgmm.report.points import Points

if TYPE_CHECKING:
    import altair as alt

__all__ = ["DATA", "chart"]

# What the chart calls its data.
DATA = "points"
HEIGHT = 420
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


def chart(
    fields: dict[str, str], first: tuple[str, str], points: Points, records: list[dict[str, Any]]
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
    plot = alt.Chart(alt.NamedData(name=DATA)).transform_calculate(x="datum[x_feature]", y="datum[y_feature]")
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


def _look(points: Points) -> dict[str, Any]:
    """Colour and shape by group; the uncertain ones are larger, with a thick outline, and the one whose row
    was typed stands out."""
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


def _ranges(fields: dict[str, str], points: Points, records: list[dict[str, Any]]) -> "list[alt.Chart]":
    """The range of each feature, drawn so that nobody sees it."""
    import altair as alt

    ends = []
    for field in [*fields, "u"]:
        values = [record[field] for record in records if record[field] is not None]
        ends.append({"field": field, "low": min(values), "high": max(values)})
    out = []
    for axis, across in (("x", "y"), ("y", "x")):
        rule = alt.Chart(alt.InlineData(values=ends)).transform_filter(f"datum.field === {axis}_feature")
        along = {axis: "low:Q", f"{axis}2": "high:Q", across: alt.value(0)}
        out.append(rule.mark_rule(opacity=0, aria=False, tooltip=None).encode(**along))
    return out
