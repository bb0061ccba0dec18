"""The picture of a choice by EM alone holds the numbers of its table."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from bayesgmm import plots
from bayesgmm.errors import ParameterError
from bayesgmm.selection import EMSelection, Selection
from bayesgmm.selection.em_selection import preferred


@pytest.fixture(scope="module")
def choice():
    index = pd.MultiIndex.from_product(
        [["tied", "full", "diag"], [1, 2, 4]], names=["covariance_type", "n_components"]
    )
    table = pd.DataFrame(
        {
            "bic": [900.0, 310.0, 305.0, 900.0, 300.0, 330.0, 4000.0, np.nan, 290.0],
            "icl": [900.0, 311.0, 340.0, 900.0, 301.0, 331.0, 4000.0, np.nan, 290.0],
            "aic": [890.0, 290.0, 250.0, 890.0, 270.0, 240.0, 3990.0, np.nan, 200.0],
            "log_likelihood": 0.0,
            "n_parameters": 1.0,
            "verdict": ["accepted"] * 7 + ["failed", "spurious"],
        },
        index=index,
    )
    return EMSelection(table, preferred(table), None)


def test_lines_hold_the_numbers_of_the_table(choice):
    for name in ("bic", "icl", "aic"):
        figure = plots.plot_families(choice, criterion=name)
        (ax,) = figure.axes
        lines = {line.get_label(): line for line in ax.lines if line.get_label() in choice.wide().columns}
        assert list(lines) == ["tied", "full", "diag"]
        accepted = choice.table[choice.table["verdict"] == "accepted"][name]
        for family, line in lines.items():
            np.testing.assert_array_equal(line.get_xdata(), [1, 2, 4])
            wanted = accepted[family].reindex([1, 2, 4]) - accepted.min()
            np.testing.assert_array_equal(np.asarray(line.get_ydata(), float), wanted)
        assert f"{accepted.min():.1f}" in ax.get_title()


def test_the_best_is_on_top_and_every_number_within(choice):
    (ax,) = plots.plot_families(choice).axes
    low, high = ax.get_ylim()
    assert low > 3700 > 0 > high


def test_fits_that_are_preferred_are_ringed_and_named(choice):
    (ax,) = plots.plot_families(choice).axes
    rings = [line for line in ax.lines if line.get_marker() == "o" and line.get_linestyle() == "None"]
    assert {(int(r.get_xdata()[0]), float(r.get_ydata()[0])) for r in rings} == {(2, 0.0), (4, 30.0)}
    assert {(t.get_text(), t.xy[0]) for t in ax.texts} == {("BIC, ICL", 2), ("AIC", 4)}


def test_what_criteria_prefer_looks_the_same_in_both_pictures(choice):
    of_posterior = pd.DataFrame(
        {"bic": [9.0, 5.0], "aic": [8.0, 5.0], "icl": [9.0, 5.0], "verdict": "accepted"}
        | dict.fromkeys(("elpd_difference", "elpd_difference_se", "log_evidence", "log_evidence_se"), 0.0),
        index=pd.Index([1, 2], name="n_components"),
    )
    best = dict.fromkeys(("bic", "aic", "icl", "elpd_loo", "log_evidence"), 2)
    looks = set()
    for figure in (plots.plot_families(choice), plots.plot_criteria(Selection(of_posterior, best, None, {}))):
        rings = [r for ax in figure.axes for r in ax.lines if r.get_markerfacecolor() == "none"]
        assert len(rings) == (2 if len(figure.axes) == 1 else 5)
        looks |= {(r.get_marker(), r.get_markersize(), r.get_color(), r.get_linestyle()) for r in rings}
    assert len(looks) == 1


def test_families_differ_by_more_than_their_colour():
    names = [f"family {i}" for i in range(14)]
    index = pd.MultiIndex.from_product([names, [1, 2]], names=["covariance_type", "n_components"])
    numbers = {name: np.arange(28.0) for name in ("bic", "icl", "aic", "log_likelihood", "n_parameters")}
    table = pd.DataFrame({**numbers, "verdict": "accepted"}, index=index)
    (ax,) = plots.plot_families(EMSelection(table, preferred(table), None)).axes
    lines = [line for line in ax.lines if line.get_label() in names]
    assert len({(line.get_marker(), line.get_linestyle()) for line in lines}) == 14


def test_axes_of_the_users_own_are_drawn_into(choice):
    figure = Figure()
    ax = figure.subplots()
    assert plots.plot_families(choice, ax=ax) is figure
    assert len(ax.get_legend().get_texts()) == 3
    assert figure.legends == []


def test_what_is_no_choice_by_em_is_refused(choice, golden):
    with golden.raises(ParameterError):
        plots.plot_families(choice.table)
    with golden.raises(ParameterError):
        plots.plot_families(choice, criterion="elpd_loo")
