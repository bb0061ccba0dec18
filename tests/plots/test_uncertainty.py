"""`plot_uncertainty`: what is shaded is how uncertain the posterior is."""

import numpy as np
import pytest
from matplotlib.figure import Figure
from numpy.testing import assert_allclose

from bayesgmm import plots
from bayesgmm.errors import ParameterError
from bayesgmm.plots.uncertainty import uncertainty


def drawn(figure):
    """Places, values and sizes of the observations, in the order in which they are drawn."""
    cloud = figure.axes[0].collections[0]
    return np.asarray(cloud.get_offsets()), np.asarray(cloud.get_array()), cloud.get_sizes()


def test_the_least_sure_observations_are_the_darkest_the_largest_and_on_top(faithful):
    bayes, _ = faithful
    X = bayes.posterior_["observed_data"]["x"].to_numpy()
    figure = plots.plot_uncertainty(bayes)
    places, values, sizes = drawn(figure)
    assert_allclose(values, np.sort(1 - bayes.membership_.max(axis=1)), atol=1e-12)
    assert (np.diff(sizes) >= 0).all()
    assert sizes[-1] > 2 * sizes[0]
    order = np.argsort(1 - bayes.membership_.max(axis=1), kind="stable")
    assert_allclose(places[-20:], X[order][-20:])
    assert "largest membership" in figure.axes[1].get_ylabel()


def test_without_names_it_is_the_error_of_guessing_who_shares_a_component(any_fit):
    bayes, _ = any_fit
    assert not bayes.verdict_.ok
    n = len(bayes.membership_)
    for i in range(0, n, 17):
        errors = []
        for j in range(n):
            if j != i:
                together = float(bayes.similarity(i, j))
                errors.append(1 - together if together > 0.5 else together)
        assert_allclose(uncertainty(bayes)[i], np.mean(errors), atol=1e-9)


def test_both_measures_agree_between_two_sure_groups(faithful, with_verdict):
    bayes, _ = faithful
    named = uncertainty(bayes)
    nameless = uncertainty(with_verdict(faithful, False)[0])
    uncertain = named > 0.01
    assert 2 <= uncertain.sum() < 30
    # The others are sure to within this, on average.
    assert np.abs(nameless - named)[uncertain].max() < 2 * named.mean()


def test_names_are_not_used_where_the_verdict_refuses_them(any_fit):
    bayes, _ = any_fit
    figure = plots.plot_uncertainty(bayes)
    texts = [ax.get_ylabel() for ax in figure.axes] + [figure.axes[0].get_title()]
    assert not any("membership" in t or "assignment" in t for t in texts)
    figure.draw_without_rendering()


def test_one_feature_is_drawn_against_the_uncertainty_itself(faithful, line_fit):
    for bayes, features in ((faithful[0], ["waiting"]), (line_fit[0], None)):
        figure = plots.plot_uncertainty(bayes, features=features)
        places, values, _ = drawn(figure)
        assert len(figure.axes) == 1
        assert_allclose(places[:, 1], values)
    assert sorted(places[:, 0]) == sorted(bayes.posterior_["observed_data"]["x"].to_numpy()[:, 0])


def test_chosen_features_are_drawn_on_given_axes(faithful):
    bayes, _ = faithful
    figure = Figure()
    ax = figure.subplots()
    assert plots.plot_uncertainty(bayes, features=["waiting", "eruptions"], ax=ax) is figure
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("waiting", "eruptions")
    with pytest.raises(
        ParameterError, match=r"features must hold one or two different ones of eruptions, waiting"
    ):
        plots.plot_uncertainty(bayes, features=["length"])
