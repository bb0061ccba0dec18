"""The figure of a check by refits: lines of ranks, and a mark a refit."""

from dataclasses import replace

import numpy as np
import pytest

from bayesgmm.calibration import CalibrationCheck
from bayesgmm.errors import ParameterError
from bayesgmm.plots import plot_calibration


@pytest.fixture(scope="module")
def check(apart):
    return apart.check_calibration(4, random_state=1, progressbar=False)


def test_lines_and_marks_are_those_of_the_check(check):
    ranks, *scores = plot_calibration(check).axes
    lines = [line for line in ranks.lines if len(line.get_xdata()) > 2]
    assert len(lines) == len(check.ranks)
    first = np.array([refit.ranks[check.ranks.index[0]] for refit in check.refits])
    places = np.arange(1, 100)
    below = np.array([(first < place).mean() for place in places])
    np.testing.assert_allclose(lines[0].get_ydata(), below - places / 100)
    for ax, what in zip(scores, ("pairs", "rows"), strict=True):
        em, posterior = (points.get_offsets() for points in ax.collections)
        np.testing.assert_allclose(posterior, [getattr(r, what)["posterior"] for r in check.refits])
        np.testing.assert_allclose(em, [getattr(r, what)["em"] for r in check.refits])


def test_what_leaves_the_band_is_told_apart_and_nothing_may_be_left(apart, check):
    lowest = [replace(refit, ranks=dict.fromkeys(refit.ranks, 0)) for refit in check.refits] * 8
    found = CalibrationCheck.of(lowest, apart.fit_)
    assert not found.ranks["inside"].any()
    figure = plot_calibration(found)
    assert {line.get_linestyle() for line in figure.axes[0].lines} >= {"--"}
    assert [t.get_text() for t in figure.legends[0].get_texts()][2] == "outside the band"
    failed = replace(check.refits[0], outcome="failed", ranks={}, pairs={}, rows={})
    assert len(plot_calibration(CalibrationCheck.of([failed], apart.fit_)).axes) == 1


def test_something_else_is_refused(golden):
    with golden.raises(ParameterError):
        plot_calibration("check")
