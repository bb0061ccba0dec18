"""`plot_labelling`: what speaks for the labels, and what exchanging them would cost."""

import copy

from numpy.testing import assert_allclose

from bayesgmm import plots
from bayesgmm.posterior.labelling import LabellingDiagnostics


def with_labelling(bayes, labelling):
    """The same fit, with labelling diagnostics of one's own and the verdict of the real ones."""
    fit = copy.copy(bayes)
    fit.__class__ = type(
        "WithLabelling", (type(bayes),), {"labelling_": labelling, "verdict_": bayes.verdict_}
    )
    return fit


def points(ax):
    """Share, marker and colour of each row, from the top."""
    found = [line for line in ax.lines if line.get_marker() in ("o", "X")]
    return [(line.get_xdata()[0], line.get_marker()) for line in found]


def test_each_row_holds_the_share_of_draws_that_speaks_for_the_labels(faithful):
    given = LabellingDiagnostics(
        {"iterative ECR": 0.96, "Stephens": 0.9, "parameters": 1.0}, 0.07, 0.05, (0, 3)
    )
    figure = plots.plot_labelling(with_labelling(faithful[0], given))
    left, right = figure.axes
    shares = [share for share, _ in points(left)]
    assert_allclose(shares, [0.96, 0.9, 1.0, 0.95, 0.93])
    # A rate of exactly 5 % is allowed.
    assert [shape for _, shape in points(left)] == ["o", "X", "o", "o", "X"]
    assert [t.get_text() for t in left.texts] == ["96.0 %", "90.0 %", "100 %", "95.0 %", "93.0 %"]
    assert "not to be trusted" in figure.get_suptitle()
    assert right.get_title() == "Label switches, by chain:\n0 and 3"


def test_crosses_are_the_reasons_of_the_verdict(any_fit):
    bayes, _ = any_fit
    figure = plots.plot_labelling(bayes)
    figure.draw_without_rendering()
    crosses = [shape for _, shape in points(figure.axes[0])].count("X")
    assert crosses == len(bayes.labelling_.reasons)
    # The verdict refuses these fits for want of draws, whatever the labelling diagnostics say.
    assert ("other reasons" if crosses == 0 else "not to be trusted") in figure.get_suptitle()


def test_costs_of_exchanging_labels_are_counted(any_fit):
    bayes, _ = any_fit
    margins = bayes.relabelling_.margins.ravel()
    right = plots.plot_labelling(bayes).axes[1]
    if len(bayes.em_.weights_) == 1:
        assert "nothing to exchange" in right.texts[0].get_text()
        return
    assert sum(bar.get_height() for bar in right.patches) == len(margins)
    tied = sum(margin < 0.02 for margin in margins) / len(margins)
    assert right.texts[0].get_text() == f"{100 * tied:.1f} % ambiguous"
    below = [bar for bar in right.patches if bar.get_x() + bar.get_width() <= right.lines[0].get_xdata()[0]]
    assert sum(bar.get_height() for bar in below) <= sum(margins < 0.02)


def test_almost_all_draws_are_not_all(faithful):
    shares = {"iterative ECR": 0.9999, "Stephens": 1.0, "parameters": 1.0}
    figure = plots.plot_labelling(with_labelling(faithful[0], LabellingDiagnostics(shares, 0.0, 0.0, (0,))))
    assert [t.get_text() for t in figure.axes[0].texts][:2] == ["99.9 %", "100 %"]
    assert figure.axes[1].get_title() == "The labels of no chain switched"
    assert "nothing speaks against them" in figure.get_suptitle()
