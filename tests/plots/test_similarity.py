"""`plot_similarity`: pairs in the order of the partition, with lines between its clusters."""

from unittest import mock

import numpy as np
import pytest
from matplotlib.figure import Figure
from numpy.testing import assert_allclose

from bayesgmm import partition, plots
from bayesgmm.errors import ParameterError
from bayesgmm.plots import similarity as similarity_module


def test_pairs_stand_by_cluster(faithful):
    bayes, _ = faithful
    part = partition(bayes)
    shown = np.asarray(plots.plot_similarity(bayes, part).axes[0].images[0].get_array())
    sizes = np.bincount(part.labels)
    assert shown.shape == (272, 272)
    start = 0
    for c, size in enumerate(sizes):
        end = start + size
        inside = shown[start:end, start:end]
        wanted = bayes.similarity_[np.ix_(part.labels == c, part.labels == c)]
        assert_allclose(np.sort(inside.ravel()), np.sort(wanted.ravel()))
        start = end


def test_within_a_cluster_rows_stand_beside_those_like_them():
    part = np.random.default_rng(0).integers(0, 3, 60)
    labels = (part == 2).astype(np.int32)
    similarity = np.where(part[:, None] == part, 0.9, np.where(labels[:, None] == labels, 0.3, 0.0))
    order = similarity_module.sorted_rows(similarity, labels)
    assert sorted(order) == list(range(60))
    assert np.count_nonzero(np.diff(part[order])) == 2
    assert (np.diff(labels[order]) >= 0).all()


def test_lines_stand_between_clusters_and_numbers_in_their_middle(any_fit):
    bayes, _ = any_fit
    part = partition(bayes)
    figure = plots.plot_similarity(bayes, part)
    figure.draw_without_rendering()
    ax = figure.axes[0]
    ends = np.cumsum(np.bincount(part.labels))
    across = [line.get_ydata()[0] for line in ax.lines if line.get_ydata()[0] == line.get_ydata()[1]]
    assert_allclose(across, ends[:-1] - 0.5)
    numbers = [int(t.get_text()) for t in ax.get_yticklabels()]
    for c, place in zip(numbers, ax.get_yticks(), strict=True):
        rows = np.flatnonzero(np.sort(part.labels) == c)
        assert_allclose(place, rows.mean())


def test_many_rows_are_thinned_evenly_over_the_clusters(faithful):
    bayes, _ = faithful
    part = partition(bayes)
    with mock.patch.object(similarity_module, "MOST_ROWS", 60):
        figure = plots.plot_similarity(bayes, part)
    ax = figure.axes[0]
    assert ax.images[0].get_array().shape == (60, 60)
    share = (ax.lines[0].get_ydata()[0] + 0.5) / 60
    assert abs(share - (part.labels == 0).mean()) < 1 / 60
    assert "60 of 272 observations" in ax.get_title()


def test_a_partition_of_other_data_is_refused_and_given_axes_are_drawn_on(faithful, line_fit):
    part = partition(line_fit[0])
    with pytest.raises(ParameterError, match=r"The partition is of 120 rows, and the fit of 272"):
        plots.plot_similarity(faithful[0], part)
    figure = Figure()
    ax = figure.subplots()
    assert plots.plot_similarity(line_fit[0], part, ax=ax) is figure
    assert ax.images
