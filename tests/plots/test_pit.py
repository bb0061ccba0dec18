"""`plot_pit`: heights of the histograms, and the band that uniform values keep to."""

from unittest import mock

import numpy as np
from numpy.testing import assert_allclose
from scipy import stats

from bayesgmm import plots
from bayesgmm.plots.pit import em_pit


def heights(ax):
    """Of the posterior's and of EM's histogram."""
    posterior, em = ax.patches[-2:]
    assert em.get_linestyle() == "--"
    return posterior.get_data().values, em.get_data().values


def test_ems_transforms_are_those_of_its_mixture(any_fit):
    bayes, _ = any_fit
    X, em = bayes.posterior_["observed_data"]["x"].to_numpy(), bayes.em_
    found = em_pit(em.params_, X)
    for i in range(0, len(X), 13):
        for j in range(X.shape[1]):
            wanted = sum(
                em.weights_[k] * stats.norm.cdf(X[i, j], em.means_[k, j], em.covariances_[k, j, j] ** 0.5)
                for k in range(len(em.weights_))
            )
            assert_allclose(found[i, j], wanted, rtol=1e-9)


def test_bars_hold_the_transforms_of_the_comparison(faithful):
    bayes, result = faithful
    by_em = em_pit(bayes.em_.params_, bayes.rows_.values)
    for j, ax in enumerate(plots.plot_pit(result).axes):
        posterior, em = heights(ax)
        bins = len(posterior)
        assert bins == 272 // 15
        counts = np.bincount((bins * result.pit.to_numpy()[:, j]).astype(int), minlength=bins)
        assert posterior.tolist() == counts.tolist()
        assert em.tolist() == np.bincount((bins * by_em[:, j]).astype(int), minlength=bins).tolist()
        assert ax.get_title() == ["eruptions", "waiting"][j]


def test_the_band_holds_about_95_percent_of_uniform_bars(faithful):
    ax = plots.plot_pit(faithful[1]).axes[0]
    band = ax.patches[0]
    low, high = band.get_y(), band.get_y() + band.get_height()
    counts = np.random.default_rng(0).multinomial(272, np.full(18, 1 / 18), 4000)
    share = ((counts >= low) & (counts <= high)).mean()
    # Whole numbers of rows: a little more than was asked for.
    assert 0.945 < share < 0.985


def test_every_number_of_features_draws_from_the_fit_alone(any_fit):
    bayes, _ = any_fit
    figure = plots.plot_pit(bayes)
    figure.draw_without_rendering()
    assert len(figure.axes) == bayes.n_features_in_
    for ax in figure.axes:
        posterior, em = heights(ax)
        assert posterior.sum() == em.sum() == len(bayes.membership_)


def test_no_bar_is_cut_off(any_fit):
    bayes, _ = any_fit
    # The last feature has all its values in one bar.
    table = plots.pit.pit_table(bayes.fit_)
    table.iloc[:, -1] = 0.5
    with mock.patch.object(plots.pit, "pit_table", return_value=table):
        figure = plots.plot_pit(bayes)
    for ax in figure.axes:
        assert ax.get_ylim()[0] == 0
        assert ax.get_ylim()[1] > max(map(max, heights(ax)))
