"""`plot_shapes`: intervals and EM's values of the table of shapes, and nothing where names are refused."""

import numpy as np
import pytest
from matplotlib.figure import Figure
from numpy.testing import assert_allclose

from bayesgmm import plots
from bayesgmm.errors import ParameterError


def read(ax):
    """EM's values, and the ends of the intervals, as they are drawn."""
    em = [line.get_xdata()[0] for line in ax.lines if line.get_marker() == "D" and line.get_zorder() == 4]
    intervals = [line.get_xdata() for line in ax.lines if len(line.get_xdata()) == 2]
    return np.array(em), np.array(intervals)


def test_em_stands_beside_the_intervals_of_the_draws(faithful):
    bayes, result = faithful
    volume, ratio, orientation = plots.plot_shapes(result).axes
    em = bayes.em_.covariances_
    assert_allclose(read(volume)[0], np.sqrt(np.linalg.det(em)))
    values, vectors = np.linalg.eigh(em)
    assert_allclose(read(ratio)[0], np.sqrt(values[:, 1] / values[:, 0]))
    slope = vectors[:, 1, 1] / vectors[:, 0, 1]
    assert_allclose(read(orientation)[0], np.degrees(np.arctan(slope)))
    posterior = bayes.posterior_["posterior"]
    s, c = posterior["stds"].to_numpy(), posterior["corr_chol"].to_numpy()
    volumes = s.prod(axis=-1) * c[..., 1, 1]
    assert_allclose(read(volume)[1], np.quantile(volumes, (0.025, 0.975), axis=(0, 1)).T, rtol=1e-9)


def test_every_number_of_components_and_features_draws(any_fit, with_verdict):
    bayes, result = with_verdict(any_fit, True)
    figure = plots.plot_shapes(result)
    figure.draw_without_rendering()
    d, k = bayes.n_features_in_, len(bayes.em_.weights_)
    assert len(figure.axes) == {1: 1, 2: 3}.get(d, 3)
    # Turns are measured from EM's axis, which needs no diamonds.
    assert [len(read(ax)[0]) for ax in figure.axes] == [
        k if d < 3 or i < 2 else 0 for i in range(len(figure.axes))
    ]
    coloured = [sum(line.get_linewidth() == 2.4 for line in ax.lines) for ax in figure.axes]
    assert coloured == [k] * len(figure.axes)


def test_values_outside_are_filled(faithful):
    _, result = faithful
    table = result.shapes
    before = table.copy()
    try:
        table.loc[(1, "volume"), "inside"] = False
        figure = plots.plot_shapes(result)
    finally:
        table.loc[:, "inside"] = before["inside"]
    diamonds = [line for line in figure.axes[0].lines if line.get_marker() == "D"]
    assert [line.get_markerfacecolor() == "white" for line in diamonds] == [True, False]
    assert "EM, outside" in [t.get_text() for t in figure.legends[0].get_texts()]


def test_shapes_are_not_drawn_where_labels_are_refused(any_fit, golden):
    with golden.raises(ParameterError):
        plots.plot_shapes(any_fit[1])


def test_one_axes_holds_one_kind_of_shape(faithful, line_fit, with_verdict):
    figure = Figure()
    ax = figure.subplots()
    with pytest.raises(ParameterError, match=r"draws 3 panels \(volume, axis ratio, orientation\)"):
        plots.plot_shapes(faithful[1], ax=ax)
    assert plots.plot_shapes(with_verdict(line_fit, True)[1], ax=ax) is figure
    assert ax.get_xlabel() == "standard deviation"
