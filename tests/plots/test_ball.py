"""`plot_ball`: distances on the line, and which rows differ."""

import dataclasses
from itertools import permutations

import numpy as np
import pytest
from numpy.testing import assert_allclose

from bayesgmm import partition, plots
from bayesgmm.errors import ParameterError


def variation_of_information(a, b):
    """In bits, H(A) + H(B) - 2 I(A, B), pair of clusters by pair of clusters."""
    total = 0.0
    for i in np.unique(a):
        for j in np.unique(b):
            both = np.mean((a == i) & (b == j))
            if both > 0:
                total -= both * (np.log2(both / np.mean(a == i)) + np.log2(both / np.mean(b == j)))
    return total


def on_the_line(ax):
    """Distances of the others, in the order of their letters."""
    return [line.get_xdata()[0] for line in ax.lines if line.get_marker() in ("D", "|")]


def test_the_line_holds_the_distances_and_the_ball(faithful):
    bayes, _ = faithful
    part = partition(bayes)
    line, *panels = plots.plot_ball(bayes, part).axes
    assert_allclose(line.patches[0].get_width(), part.ball.radius)
    em = bayes.em_.predict_proba(bayes_frame(bayes)).argmax(axis=1)
    others = [em, part.kmeans_labels, part.ball.horizontal[0], part.ball.upper[0], part.ball.lower[0]]
    wanted = sorted({round(variation_of_information(part.labels, z), 9) for z in others})
    assert_allclose(sorted(set(np.round(on_the_line(line), 9))), wanted, atol=1e-9)
    assert on_the_line(line) == sorted(on_the_line(line))
    assert len(panels) == 1 + len(on_the_line(line))


def bayes_frame(bayes):
    """The fitted rows with their names."""
    return bayes.posterior_["observed_data"]["x"].to_pandas()


def test_rings_mark_the_rows_of_other_clusters(faithful):
    bayes, _ = faithful
    part = partition(bayes)
    moved = part.labels.copy()
    moved[[3, 50, 51]] = 1 - moved[[3, 50, 51]]
    # The same clustering under other numbers, but for three rows.
    other = dataclasses.replace(part, kmeans_labels=(1 - moved).astype(np.int32))
    figure = plots.plot_ball(bayes, other)
    (panel,) = [ax for ax in figure.axes if "k-means" in ax.get_title()]
    assert "3 rows differ" in panel.get_title()
    (rings,) = [line for line in panel.lines if line.get_markerfacecolor() == "none"]
    X = bayes.posterior_["observed_data"]["x"].to_numpy()
    assert_allclose(np.column_stack(rings.get_data()), X[[3, 50, 51]])


def test_equal_partitions_share_a_panel(faithful):
    bayes, _ = faithful
    part = partition(bayes)
    same = dataclasses.replace(part, kmeans_labels=part.ball.horizontal[0])
    titles = [" ".join(ax.get_title().split()) for ax in plots.plot_ball(bayes, same).axes[1:]]
    (shared,) = [t for t in titles if "k-means" in t]
    assert "farthest in the ball" in shared


def test_every_fit_has_a_ball_that_draws(any_fit):
    bayes, _ = any_fit
    part = partition(bayes)
    figure = plots.plot_ball(bayes, part)
    figure.draw_without_rendering()
    n = int(part.labels.max()) + 1
    assert figure.axes[1].get_title().startswith(f"the partition\n{n} cluster")
    if n < 5:
        labels = part.kmeans_labels
        most = max(
            (np.array(p)[labels] == part.labels).sum() for p in permutations(range(max(n, labels.max() + 1)))
        )
        title = next(ax.get_title() for ax in figure.axes[1:] if "k-means" in ax.get_title())
        differing = len(labels) - most
        assert ("no row differs" if differing == 0 else f" {differing} row") in title


def test_a_partition_of_other_data_is_refused(faithful, line_fit):
    with pytest.raises(ParameterError, match=r"The partition is of 272 rows, and the fit of 120"):
        plots.plot_ball(line_fit[0], partition(faithful[0]))
