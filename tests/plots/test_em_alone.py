"""Figures of a fit by EM alone, and of an EM fit that is not the posterior's baseline."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import PathCollection
from matplotlib.patches import PathPatch
from numpy.testing import assert_allclose
from scipy import stats
from sklearn.mixture import GaussianMixture

from bayesgmm import EMGaussianMixture, compare, datasets, plots
from bayesgmm.errors import ParameterError
from bayesgmm.mixture.draws import evenly
from bayesgmm.plots.style import EM


@pytest.fixture(scope="module", params=[1, 2, 3])
def em_fit(request):
    X = datasets.iris().X[:, : request.param]
    return EMGaussianMixture(min(3, request.param + 1), n_init=5, random_state=0).fit(X), X


@pytest.fixture(scope="module")
def other(faithful_fit):
    """An EM fit far from the posterior's baseline, the comparison with it, and the posterior."""
    poor = GaussianMixture(2, max_iter=1, tol=1e9, init_params="random", random_state=0)
    with pytest.warns(UserWarning, match="converge"):
        poor.fit(faithful_fit.rows_.values)
    return faithful_fit, compare(faithful_fit, em=poor)


def dashed(ax):
    """EM's density in an axes."""
    (line,) = [line for line in ax.lines if line.get_linestyle() == "--"]
    return line.get_data()


def density(x, em, j):
    """By SciPy, one component at a time."""
    covariances = em.covariances_
    return sum(
        em.weights_[k] * stats.norm.pdf(x, em.means_[k, j], covariances[k, j, j] ** 0.5)
        for k in range(len(em.weights_))
    )


def test_the_figure_of_em_alone_has_its_density_and_nothing_of_a_posterior(em_fit):
    em, X = em_fit
    figure = plots.plot_fit(em, X=X, components=False)
    for j in range(X.shape[1]):
        ax = figure.axes[[0, 2, 5][j]]
        x, y = dashed(ax)
        assert_allclose(y, density(x, em, j), rtol=1e-9)
        assert len(ax.lines) == 1
        assert not ax.collections
    told = " ".join(t.get_text() for legend in figure.legends for t in legend.get_texts())
    assert "posterior" not in told
    figure.draw_without_rendering()


def test_its_components_are_those_of_largest_responsibility():
    X = datasets.faithful().X
    em = EMGaussianMixture(2, n_init=5, random_state=0).fit(X)
    ax = plots.plot_fit(em, X=X).axes[0]
    drawn = [c.get_offsets() for c in ax.collections if isinstance(c, PathCollection)]
    labels = em.predict(X)
    assert [len(points) for points in drawn] == np.bincount(labels).tolist()
    for k, points in enumerate(drawn):
        assert_allclose(points, X[labels == k])
    ellipses = [p for p in ax.get_children() if isinstance(p, PathPatch)]
    assert [p.get_linestyle() for p in ellipses] == ["--", "--"]


@pytest.mark.parametrize("k", [1, 2, 3])
def test_its_responsibilities_stand_alone(k):
    X = pd.DataFrame(datasets.faithful().X, index=[f"r{i}" for i in range(272)], columns=["a", "b"])
    em = EMGaussianMixture(k, n_init=3, random_state=0).fit(X)
    figure = plots.plot_responsibilities(em, X=X)
    shown = [int(t.get_text()[1:]) for t in figure.axes[-1].get_xticklabels()]
    for c, ax in enumerate(figure.axes):
        (line,) = ax.lines
        assert_allclose(line.get_ydata(), em.predict_proba(X)[shown, c])
        assert not ax.collections
    assert [t.get_text() for t in figure.legends[0].get_texts()] == ["EM responsibility"]


def test_its_run_and_maxima_are_drawn_without_rows(faithful_fit):
    ours, alone = plots.plot_em(faithful_fit), plots.plot_em(faithful_fit.em_)
    for a, b in zip(ours.axes, alone.axes, strict=True):
        for one, two in zip(a.lines, b.lines, strict=True):
            assert_allclose(one.get_data(), two.get_data())


def test_row_weights_stand_in_the_histogram():
    X = np.array([[0.0], [1.0], [2.0], [10.0], [11.0], [12.0]])
    weights = np.array([5.0, 5.0, 5.0, 1.0, 1.0, 1.0])
    em = EMGaussianMixture(1).fit(X, sample_weight=weights)
    bars = plots.plot_fit(em, X=X, sample_weight=weights).axes[0].patches
    left = sum(b.get_height() * b.get_width() for b in bars if b.get_x() < 5)
    assert_allclose(left, 15 / 18)


def test_the_comparisons_own_em_fit_is_drawn(other):
    bayes, result = other
    x, y = dashed(plots.plot_fit(bayes, result, components=False).axes[0])
    assert_allclose(y, density(x, result.em, 0), rtol=1e-9)
    assert np.abs(y - density(x, bayes.em_, 0)).max() > 0.01
    (ax,) = plots.plot_responsibilities(bayes, result).axes
    shown = [int(t.get_text()) for t in ax.get_xticklabels()]
    hollow = next(line for line in ax.lines if line.get_markeredgecolor() == EM)
    assert_allclose(hollow.get_ydata(), result.em.predict_proba(bayes.rows_)[shown, 0])
    uniform = [np.histogram(em, np.linspace(0, 1, 19))[0] for em in by_em(bayes, result)]
    drawn = [ax.patches[-1].get_data().values for ax in plots.plot_pit(result).axes]
    assert [a.tolist() for a in drawn] == [a.tolist() for a in uniform]


def by_em(bayes, result):
    """Probability of a smaller value, feature by feature."""
    em, X = result.em, bayes.rows_.values
    for j in range(2):
        yield sum(
            em.weights_[k] * stats.norm.cdf(X[:, j], em.means_[k, j], em.covariances_[k, j, j] ** 0.5)
            for k in range(2)
        )


def test_kmeans_stands_beside_the_comparisons_own_em_fit(other):
    bayes, result = other
    titles = [ax.get_title() for ax in plots.plot_kmeans(bayes, result).axes]
    em, posterior = result.em.predict(bayes.rows_), bayes.predict(bayes.rows_)
    differing = min(int((em != posterior).sum()), int((em == posterior).sum()))
    assert differing > 0
    assert f"{differing} of 272" in titles[1]


@pytest.mark.parametrize("ci_prob", [0.5, 0.9])
def test_the_band_has_the_mass_that_is_asked_for(ci_prob, faithful_fit):
    figure = plots.plot_fit(faithful_fit, components=False, ci_prob=ci_prob)
    (band,) = figure.axes[0].collections
    ends = band.get_paths()[0].vertices
    x = dashed(figure.axes[0])[0]
    at = 150
    draws = faithful_fit.fit_.draws
    weights, means, stds = (
        np.exp(draws.stacked[0]),
        draws.stacked[1][:, :, 0],
        draws.stacked[2][:, :, 0, 0],
    )
    some = evenly(len(weights), 1000)
    values = [stats.norm.pdf(x[at], means[s], stds[s]) @ weights[s] for s in some]
    wanted = np.quantile(values, [0.5 - ci_prob / 2, 0.5 + ci_prob / 2])
    drawn = np.sort(ends[np.isclose(ends[:, 0], x[at], atol=1e-9), 1])
    assert_allclose(drawn, wanted, rtol=1e-9)
    told = [t.get_text() for t in figure.legends[0].get_texts()]
    assert f"{100 * ci_prob:g} % posterior band" in told


@pytest.mark.parametrize("draw", [plots.plot_fit, plots.plot_responsibilities])
def test_em_alone_needs_its_rows_and_a_posterior_has_its_own(draw, faithful_fit):
    X = datasets.faithful().X
    with pytest.raises(ParameterError, match="X=None"):
        draw(EMGaussianMixture(2, random_state=0).fit(X))
    with pytest.raises(ParameterError, match="leave out X"):
        draw(faithful_fit, X=X)


def test_a_comparison_of_another_fit_is_refused(other, line_fit):
    with pytest.raises(ParameterError, match="another one"):
        plots.plot_fit(line_fit[0], other[1], components=False)


def test_masses_that_are_none_are_refused(faithful_fit):
    with pytest.raises(ParameterError, match="ci_prob"):
        plots.plot_fit(faithful_fit, ci_prob=95)


@pytest.mark.parametrize(
    "draw",
    [
        lambda bayes, gm: plots.plot_fit(gm, X=bayes.rows_.values),
        lambda bayes, gm: plots.plot_responsibilities(gm, X=bayes.rows_.values),
        lambda bayes, gm: plots.plot_em(gm),
        lambda bayes, gm: plots.plot_fit(bayes.em_.params_, X=bayes.rows_.values),
        lambda bayes, gm: plots.plot_fit(bayes, bayes.em_),
        lambda bayes, gm: plots.plot_fit(bayes.em_, bayes.rows_.values),
        lambda bayes, gm: plots.plot_responsibilities(bayes, "result"),
    ],
)
def test_what_is_no_fit_or_no_comparison_is_refused(draw, faithful_fit):
    gm = GaussianMixture(2, random_state=0).fit(faithful_fit.rows_.values)
    with pytest.raises(ParameterError, match="must be"):
        draw(faithful_fit, gm)
