"""Figures against numbers found in another way: what is drawn must be what is true."""

import dataclasses
from itertools import pairwise, product

import arviz_stats as azs
import examples
import matplotlib
import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot
from matplotlib.collections import PathCollection
from matplotlib.figure import Figure
from matplotlib.patches import PathPatch
from numpy.testing import assert_allclose
from scipy import stats
from scipy.special import logsumexp

from bayesgmm import BayesGaussianMixture, MixtureParams, plots
from bayesgmm.errors import ParameterError
from bayesgmm.mixture.draws import MixtureDraws
from bayesgmm.plots import fitted, style
from bayesgmm.plots.chains import chosen_draws
from bayesgmm.selection import Selection
from bayesgmm.selection.occupied import Occupied
from bayesgmm.support import sentences
from bayesgmm.wording.numbers import p_value


def on_the_curve(path):
    """Points of a curve, not of its control polygon."""
    return np.concatenate([curve(np.linspace(0, 1, 9)) for curve, _ in path.iter_bezier()])


def squared_distance(points, mean, covariance):
    """Mahalanobis distances, squared, one by one."""
    inverse = np.linalg.inv(covariance)
    return np.array([(p - mean) @ inverse @ (p - mean) for p in points])


def every_draw(bayes):
    """The mixtures of a posterior, one by one."""
    draws = bayes.fit_.draws
    for chain, draw in product(range(draws.n_chains), range(draws.n_draws)):
        weights, means, covariances = (
            v[chain, draw] for v in (draws.values["weights"], draws.values["means"], draws.covariances)
        )
        yield MixtureParams(weights / weights.sum(), means, covariances)


def log_densities(X, params):
    """Of components, by SciPy, shape (N, K)."""
    both = zip(params.means, params.covariances, strict=True)
    return np.stack([stats.multivariate_normal.logpdf(X, *each).reshape(len(X)) for each in both], axis=-1)


def diamonds(ax):
    """What is held against intervals, by row of a forest."""
    found = {}
    for line in ax.lines:
        if line.get_marker() in ("D", ">", "<") and line.get_zorder() == 4:
            found[int(line.get_ydata()[0])] = float(line.get_xdata()[0])
    return found


# ------------------------------------------------------------ curves


def test_an_ellipse_is_where_the_mahalanobis_distance_is_the_chi_square_quantile():
    mean, covariance = np.array([3.0, -200.0]), np.array([[2.0, 9.0], [9.0, 90.0]])
    points = on_the_curve(fitted.ellipse(mean, covariance))
    assert_allclose(squared_distance(points, mean, covariance), stats.chi2.ppf(0.95, 2), rtol=1e-4)


@pytest.mark.parametrize("mass", [0.5, 0.95])
def test_an_ellipse_holds_its_mass(mass):
    mean, covariance = np.array([1.0, 2.0]), np.array([[1.0, -0.8], [-0.8, 1.0]])
    n = 40_000
    draws = np.random.default_rng(0).multivariate_normal(mean, covariance, n)
    inside = fitted.ellipse(mean, covariance, mass).to_polygons()[0]
    share = matplotlib.path.Path(inside).contains_points(draws).mean()
    error = np.sqrt(mass * (1 - mass) / n)
    assert error < 0.003
    assert abs(share - mass) < 4 * error + 1e-3  # a polygon stands in for the curve here


def test_marginal_densities_are_sums_of_normal_densities():
    rng = np.random.default_rng(1)
    w, m, s = rng.dirichlet([1, 1, 1], 5), rng.normal(size=(5, 3)), rng.uniform(0.1, 2, (5, 3))
    x = np.linspace(-3, 3, 11)
    slow = [
        [sum(w[i, k] * stats.norm.pdf(v, m[i, k], s[i, k]) for k in range(3)) for v in x] for i in range(5)
    ]
    assert_allclose(fitted.marginal_density(x, w, m, s), slow, rtol=1e-12)


@pytest.mark.parametrize("n", [1, 5, 300, 20_000])
def test_bins_hold_all_data_and_are_of_one_width(n):
    column = np.random.default_rng(n).normal(5e8, 3.0, n)
    edges = fitted.histogram_edges(column)
    assert edges[0] <= column.min()
    assert edges[-1] >= column.max() - 1e-6
    assert len(edges) <= 62
    assert_allclose(np.diff(edges), np.diff(edges)[0], rtol=1e-5)


def test_bins_of_rounded_data_hold_the_same_number_of_possible_values():
    column = np.round(np.random.default_rng(0).normal(3, 0.4, 300), 1)
    edges = fitted.histogram_edges(column)
    possible = np.round(np.arange(edges[0] + 0.05, edges[-1], 0.1), 1)
    held = [((possible > a) & (possible < b)).sum() for a, b in pairwise(edges)]
    assert len(set(held)) == 1
    assert held[0] >= 1


# ------------------------------------------------------------ names and looks


def test_eight_components_differ_in_colour_and_in_marker():
    assert len({style.colour(k) for k in range(8)}) == 8
    assert len({style.marker(k) for k in range(8)}) == 8
    assert len({str(style.line_style(k)) for k in range(8)}) == 8
    assert style.EM not in {style.colour(k) for k in range(8)}


def test_long_names_lose_their_middle():
    assert sentences.shorten("waiting") == "waiting"
    short = sentences.shorten("first " + "x" * 10_000 + " last", 40)
    assert len(short) == 40
    assert short.startswith("first ")
    assert short.endswith(" last")


def test_equal_names_are_told_apart_also_from_names_that_look_like_it():
    assert sentences.distinct(["a", "b"]) == ["a", "b"]
    assert sentences.distinct(["a", "b", "a"]) == ["a (0)", "b", "a (2)"]
    assert len(set(sentences.distinct(["a", "a", "a (1)"]))) == 3


def test_names_become_one_printable_line():
    assert sentences.plain("a\n\tb\x00\u202e c") == "a b c"
    assert sentences.plain("\n") == "(no name)"


def test_dollars_are_no_mathematics_and_equal_names_are_told_apart():
    assert style.text("$x$") == r"\$x\$"
    names = style.display_names(["p" + "x" * 90 + "q", "p" + "x" * 91 + "q", "z"])
    assert len(set(names)) == 3
    assert names[2] == "z"


# ------------------------------------------------------------ everything draws


def test_every_figure_draws_without_a_warning_and_leaves_no_figure_behind(any_fit, with_verdict):
    bayes, result = with_verdict(any_fit, True)
    before = pyplot.get_fignums()
    figures = [
        plots.plot_fit(bayes),
        plots.plot_responsibilities(bayes, result),
        plots.plot_log_likelihood(bayes, result),
        plots.plot_parameters(result),
        plots.plot_predictive(result),
        plots.plot_em(bayes),
        plots.plot_prior(bayes),
    ]
    if bayes.n_features_in_ < 3:
        figures.append(plots.plot_fit(bayes, components=False))
    for figure in figures:
        assert isinstance(figure, Figure)
        figure.draw_without_rendering()
        assert figure.axes
    assert pyplot.get_fignums() == before


@pytest.mark.parametrize("draw", [plots.trace_figure, plots.rank_figure])
def test_pictures_of_the_chains_have_a_panel_a_parameter_and_leave_no_figure_behind(line_fit, draw):
    before = pyplot.get_fignums()
    figure = draw(line_fit[0])
    assert pyplot.get_fignums() == before
    figure.draw_without_rendering()
    titles = [ax.get_title() for ax in figure.axes if ax.get_title()]
    expected = [f"weights[{c}]" for c in range(2)]
    expected += [f"{name}[{c}, x0]" for name in ("means", "stds") for c in range(2)]
    assert titles == expected


@pytest.fixture
def crowded():
    """Three components of four features, with chains apart, a chain that creeps, and one that stands
    still."""
    rng = np.random.default_rng(0)
    k, d = 3, 4
    values = {
        "weights": rng.dirichlet(np.ones(k), (4, 200)),
        "means": rng.normal(size=(4, 200, k, d)),
        "stds": rng.uniform(1, 2, (4, 200, k, d)),
        "corr_chol": np.tile(np.eye(d), (4, 200, k, 1, 1)),
    }
    values["means"][..., 2, 1] += 5 * np.arange(4)[:, None]
    values["stds"][..., 1, 3] = 5 + np.cumsum(rng.normal(size=(4, 200)), axis=1) / 50
    values["stds"][1, :, 0, 0] = 1.5
    return values


def test_of_many_parameters_those_are_shown_whose_chains_tell_least(crowded):
    draws, names = MixtureDraws.of(crowded, "full"), ["a", "b", "c", "d"]
    chosen = chosen_draws(draws, names)
    picked = draws.to_dataset(names)[["weights", "means", "stds"]]
    bulk, tail = (azs.ess(picked, method=method) for method in ("bulk", "tail"))
    every = {
        f"{name}[{', '.join(map(str, at))}]": min(float(size[name].sel(where)) for size in (bulk, tail))
        for name in ("weights", "means", "stds")
        for at in product(*(bulk[name][dim].to_numpy().tolist() for dim in bulk[name].dims))
        for where in [dict(zip(bulk[name].dims, at, strict=True))]
    }
    assert len(every) == 27
    still = "stds[0, a]"
    least = sorted(set(every) - {still}, key=every.get)[:11]
    assert set(chosen) == {still, *least}
    assert {"means[2, b]", "stds[1, d]"} <= set(chosen)
    # In the order of the tables.
    assert list(chosen) == [name for name in every if name in chosen]
    np.testing.assert_array_equal(chosen["means[2, b]"], crowded["means"][..., 2, 1])


def test_a_single_weight_is_not_shown():
    values = {
        "weights": np.ones((2, 20, 1)),
        "means": np.random.default_rng(0).normal(size=(2, 20, 1, 1)),
        "stds": np.random.default_rng(1).uniform(1, 2, (2, 20, 1, 1)),
        "corr_chol": np.ones((2, 20, 1, 1, 1)),
    }
    assert list(chosen_draws(MixtureDraws.of(values, "full"), ["a"])) == ["means[0, a]", "stds[0, a]"]


@pytest.mark.parametrize("family", ["full", "tied", "tied_spherical"])
def test_chains_are_drawn_under_any_names(family):
    names = ["speed km/h", "x" * 30 + "1" + "y" * 30, "x" * 30 + "2" + "y" * 30]
    X = pd.DataFrame(np.random.default_rng(0).normal(size=(40, 3)), columns=names)
    settings = {
        "draws": 30,
        "tune": 60,
        "chains": 2,
        "random_state": 0,
        "progressbar": False,
        "method": "nuts",
    }
    bayes = BayesGaussianMixture(2, covariance_type=family, **settings).fit(X)
    for draw in (plots.trace_figure, plots.rank_figure):
        figure = draw(bayes)
        figure.draw_without_rendering()
        titles = [ax.get_title() for ax in figure.axes if ax.get_title()]
        assert (
            len(titles)
            == len(set(titles))
            == min(12, 2 + 6 + {"full": 6, "tied": 3, "tied_spherical": 1}[family])
        )
        assert any("speed km/h" in title for title in titles)


def test_ranks_are_of_as_many_draws_as_the_slowest_parameter_is_worth(line_fit):
    bayes, labels = line_fit[0], line_fit[0].fit_.labels
    means = labels.draws.means.copy()
    noise = np.random.default_rng(0).normal(size=means.shape[:2])
    for s in range(1, means.shape[1]):
        noise[:, s] += 0.98 * noise[:, s - 1]
    means[:, :, 0, 0] = noise
    draws = dataclasses.replace(labels.draws, means=means)
    bayes = examples.with_fit(bayes, labels=dataclasses.replace(labels, draws=draws))
    line = plots.rank_figure(bayes).axes[0].lines[0]
    assert 20 <= len(line.get_xdata()) < 60


def test_a_single_chain_has_no_rank_plot(golden):
    X = np.random.default_rng(0).normal(size=(30, 1))
    bayes = BayesGaussianMixture(1, draws=20, tune=50, chains=1, random_state=0, progressbar=False).fit(X)
    with golden.raises(ParameterError):
        plots.rank_figure(bayes)
    plots.trace_figure(bayes).draw_without_rendering()


# ------------------------------------------------------------ what is drawn


def test_the_fit_in_two_dimensions_shows_the_ellipses_of_em_of_the_posterior_mean_and_of_draws(faithful):
    bayes, _ = faithful
    ax = plots.plot_fit(bayes).axes[0]
    patches = [a for a in ax.get_children() if isinstance(a, PathPatch)]
    mean = bayes.fit_.draws.mean_params
    for dashed, params in ((True, bayes.em_.params_), (False, mean)):
        drawn = [p for p in patches if (p.get_linestyle() == "--") == dashed]
        assert len(drawn) == 2
        for k, patch in enumerate(drawn):
            points = on_the_curve(patch.get_path())
            distance = squared_distance(points, params.means[k], params.covariances[k])
            assert_allclose(distance, stats.chi2.ppf(0.95, 2), rtol=1e-4)
    fans = [c for c in ax.collections if isinstance(c, PathCollection) and len(c.get_paths()) == 40]
    assert len(fans) == 2
    shown = sum(len(c.get_offsets()) for c in ax.collections if c not in fans)
    assert shown == 272


def test_observations_are_coloured_by_the_posteriors_component(faithful):
    bayes, result = faithful
    ax = plots.plot_fit(bayes).axes[0]
    clouds = [c for c in ax.collections if len(c.get_offsets()) > 2]
    X = bayes.posterior_["observed_data"]["x"].to_numpy()
    for k, cloud in enumerate(clouds):
        rows = result.assignments["bayes_label"].to_numpy() == k
        assert_allclose(cloud.get_offsets(), X[rows])
        assert_allclose(cloud.get_facecolor()[0, :3], matplotlib.colors.to_rgb(style.colour(k)))


def test_the_fit_in_one_dimension_shows_the_densities(line_fit):
    bayes, _ = line_fit
    ax = plots.plot_fit(bayes).axes[0]
    dashed = next(line for line in ax.lines if line.get_linestyle() == "--")
    solid = next(line for line in ax.lines if line.get_linestyle() == "-")
    x = dashed.get_xdata()
    assert_allclose(dashed.get_ydata(), np.exp(bayes.em_.score_samples(x[:, None])), rtol=1e-9)
    # There are fewer than 1000 draws, so that all of them are in the mean.
    assert_allclose(solid.get_ydata(), np.exp(bayes.score_samples(x[:, None])), rtol=1e-9)
    band = ax.collections[0].get_paths()[0].vertices
    middle = np.interp(x, solid.get_xdata(), solid.get_ydata())
    assert band[:, 1].min() <= middle.min()
    assert band[:, 1].max() >= middle.max()


def test_given_axes_are_drawn_on(faithful, line_fit):
    figure = Figure()
    axes = figure.subplots(2, 4).ravel()[:7]
    bayes, result = faithful
    assert plots.plot_fit(bayes, ax=axes[0]) is figure
    assert plots.plot_fit(line_fit[0], ax=axes[1]) is figure
    assert plots.plot_log_likelihood(bayes, result, ax=axes[2]) is figure
    assert plots.plot_parameters(result, ax=axes[3]) is figure
    assert plots.plot_predictive(result, ax=axes[4]) is figure
    assert plots.plot_prior(line_fit[0], ax=axes[5]) is figure
    assert plots.plot_responsibilities(bayes, result, ax=axes[6]) is figure
    assert len(figure.axes) == 8
    assert all(ax.has_data() for ax in axes)
    with pytest.raises(ParameterError, match="plot_prior draws 2 features on 2 axes"):
        plots.plot_prior(bayes, ax=axes[5])
    with pytest.raises(ParameterError, match="2 features on many axes"):
        plots.plot_fit(bayes, components=False, ax=axes[5])


def test_components_are_drawn_only_where_the_verdict_allows_it(faithful, with_verdict, golden):
    bayes, result = with_verdict(faithful, False)
    refused = [
        lambda: plots.plot_fit(bayes, components=True),
        lambda: plots.plot_parameters(result),
        lambda: plots.plot_responsibilities(bayes, result),
        lambda: plots.plot_log_likelihood(bayes, result, components=True),
        lambda: plots.plot_shapes(result),
    ]
    for draw in refused:
        with golden.raises(ParameterError):
            draw()
    patches = [a for ax in plots.plot_fit(bayes).axes for a in ax.get_children() if isinstance(a, PathPatch)]
    assert not patches
    lines = plots.plot_log_likelihood(bayes, result).axes[0].lines
    assert [line.get_label().split(":")[0] for line in lines] == ["EM", "mean of the draws"]


def test_several_components_do_not_share_one_axes(any_fit, with_verdict):
    bayes, result = with_verdict(any_fit, True)
    k = len(bayes.em_.weights_)
    if k > 2:
        with pytest.raises(ParameterError, match=f"draws {k} components on {k} axes"):
            plots.plot_responsibilities(bayes, result, ax=Figure().subplots())


def test_the_prior_predictive_density_is_the_integral_over_the_prior(faithful):
    bayes, _ = faithful
    prior = bayes.prior_.resolve(2, 2)
    for j, ax in enumerate(plots.plot_prior(bayes).axes):
        x, dashed = ax.lines[-2].get_data()
        mu, common, own, df = prior.shared_std_numbers[:, j]
        s = np.exp(stats.t(df, mu, np.hypot(common, own)).ppf(np.arange(0.0005, 1, 0.001)))
        wide = np.hypot(prior.mean_scale[0, j], s)
        wanted = stats.norm.pdf(x[:, None], prior.mean_loc[0, j], wide).mean(axis=1)
        # Of 2,000 draws with two components each, of which the narrowest leave spikes.
        assert np.quantile(np.abs(dashed - wanted), 0.8) < 0.07 * wanted.max()
        assert ax.lines[-2].get_linestyle() == "--"


def test_the_log_likelihood_has_lines_at_em_and_at_the_posterior_mean(faithful):
    bayes, result = faithful
    X = bayes.posterior_["observed_data"]["x"].to_numpy()
    mean = bayes.fit_.draws.mean_params
    at_mean = sum(
        np.log(
            sum(
                w * stats.multivariate_normal.pdf(x, m, c)
                for w, m, c in zip(mean.weights, mean.means, mean.covariances, strict=True)
            )
        )
        for x in X
    )
    ax = plots.plot_log_likelihood(bayes, result).axes[0]
    places = [line.get_xdata()[0] for line in ax.lines]
    assert_allclose(
        places, [bayes.em_.log_likelihood_, at_mean, bayes.log_likelihood_draws_.mean()], rtol=1e-9
    )
    assert sum(p.get_height() for p in ax.patches) == bayes.log_likelihood_draws_.size
    without = plots.plot_log_likelihood(bayes, result, components=False).axes[0]
    assert len(without.lines) == 2


def test_the_forest_of_parameters_shows_em_against_the_posterior_in_its_sds(faithful):
    _, result = faithful
    ax = plots.plot_parameters(result).axes[0]
    labels = [t.get_text() for t in ax.get_yticklabels()]
    headings = ["Weights", "Means", "Standard deviations", "Correlations"]
    assert [t for t in labels if t in headings] == headings
    rows = [i for i, t in enumerate(labels) if t not in headings]
    assert [labels[i] for i in rows] == [p.split("[")[1][:-1] for p in result.parameters.index]
    at = diamonds(ax)
    t = result.parameters
    assert_allclose([at[i] for i in rows], (t["em"] - t["mean"]) / t["sd"], atol=1e-12)
    ends = [
        line.get_xdata() for line in ax.lines if len(line.get_xdata()) == 2 and line.get_linewidth() == 2.4
    ]
    assert_allclose([e[0] for e in ends], (t["lower"] - t["mean"]) / t["sd"])
    assert_allclose([e[1] for e in ends], (t["upper"] - t["mean"]) / t["sd"])


def test_of_many_parameters_those_that_differ_most_are_shown(any_fit, with_verdict):
    _, result = with_verdict(any_fit, True)
    ax = plots.plot_parameters(result).axes[0]
    shown = np.sort(np.abs(list(diamonds(ax).values())))
    largest = np.sort(result.parameters["difference"].abs())[-60:]
    assert_allclose(shown, np.minimum(largest, 6), atol=1e-12)
    assert (f"60 of {len(result.parameters)}" in ax.get_title()) == (len(result.parameters) > 60)


def test_predictive_checks_stand_against_their_replications(faithful):
    _, result = faithful
    ax = plots.plot_predictive(result).axes[0]
    assert [t.get_text() for t in ax.get_yticklabels()] == [c.name for c in result.predictive]
    at = diamonds(ax)
    for i, check in enumerate(result.predictive):
        expected = (check.observed - check.replicated.mean()) / (check.replicated.std() or 1.0)
        assert_allclose(at[i], np.clip(expected, -6, 6))
        above = np.mean([r > check.observed for r in check.replicated])
        ties = np.mean([r == check.observed for r in check.replicated])
        assert check.odd == (not 0.025 <= above + ties / 2 <= 0.975)
        assert p_value(check.p_value, len(check.replicated)) in ax.texts[i].get_text()


def test_em_is_drawn_as_the_gap_to_its_end_and_its_maxima(faithful):
    bayes, _ = faithful
    left, right = plots.plot_em(bayes).axes
    trace = bayes.em_.log_likelihood_trace_
    steps, gap = left.lines[0].get_data()
    assert_allclose(gap, (trace[-1] - trace)[steps])
    # All steps but those after which only rounding was left.
    assert set(np.flatnonzero(trace[-1] - trace > 1e-8)) <= set(steps)
    assert left.get_yscale() == "log"
    assert_allclose([line.get_xdata()[0] for line in right.lines], bayes.em_.modes_["log_likelihood"])
    assert [t.get_text().split()[0] for t in right.texts] == [str(n) for n in bayes.em_.modes_["n_starts"]]


def test_responsibilities_are_those_of_the_observations_that_are_least_sure(any_fit, with_verdict):
    bayes, result = with_verdict(any_fit, True)
    X = bayes.posterior_["observed_data"]["x"].to_numpy()
    em = bayes.em_.predict_proba(X)
    certainty = np.minimum(em.max(axis=1), bayes.membership_.max(axis=1))
    figure = plots.plot_responsibilities(bayes, result)
    shown = [int(t.get_text()) for t in figure.axes[-1].get_xticklabels()]
    assert 12 <= len(shown) <= 40
    assert len(set(shown)) == len(shown)
    hidden = np.setdiff1d(np.arange(len(X)), shown)
    assert certainty[shown].max() <= certainty[hidden].min()
    k = bayes.membership_.shape[1]
    assert len(figure.axes) == (1 if k == 2 else k)
    assert f"{len(shown)} of {len(X)} observations" in figure.get_suptitle()
    for c, ax in enumerate(figure.axes):
        hollow, posterior = ax.lines
        assert_allclose(posterior.get_ydata(), bayes.membership_[shown, c])
        assert_allclose(hollow.get_ydata(), em[shown, c])
        low, high = np.array([s[:, 1] for s in ax.collections[0].get_segments()]).T
        # Of quick chains some draws give a row no density above what a number holds.
        r = np.array([np.log(p.weights) + log_densities(X[shown], p) for p in every_draw(bayes)])
        r = np.exp(r[..., c] - logsumexp(r, axis=-1))
        assert_allclose([low, high], np.quantile(r, [0.025, 0.975], axis=0), atol=1e-9)


@pytest.fixture(scope="module")
def choice(faithful):
    """Numbers as select_components gives them."""
    table = pd.DataFrame(
        {
            "bic": [2608.0, 2322.0, 2324.0],
            "aic": [2590.0, 2283.0, 2263.0],
            "icl": [2608.0, 2324.0, 2377.0],
            "elpd_difference": [-157.7, -5.0, 0.0],
            "elpd_difference_se": [14.1, 4.0, 0.0],
            "log_evidence": [-1309.0, -1164.2, -1163.7],
            "log_evidence_se": [0.01, 0.02, 0.04],
            "verdict": ["accepted", "refused", "accepted"],
        },
        index=pd.Index([1, 2, 3], name="n_components"),
    )
    shares = pd.DataFrame({"prior": [0.5, 0.3, 0.2], "posterior": [0.0, 0.9, 0.1]}, index=[1, 2, 3])
    best = {"bic": 2, "aic": 3, "icl": 2, "elpd_loo": 3, "log_evidence": 3}
    return Selection(table, best, Occupied(shares, 0.2, faithful[0]), {})


def test_criteria_are_drawn_from_their_best_downwards(choice):
    axes = plots.plot_criteria(choice).axes
    assert len(axes) == 4
    lines = {line.get_label(): line.get_ydata() for line in axes[0].lines}
    np.testing.assert_allclose(lines["BIC"], [-143, 0, -1])
    np.testing.assert_allclose(lines["ICL"], [-142, 0, -26.5])
    (drawn,) = [line for line in axes[2].lines if line.get_marker() == "o" and len(line.get_xdata()) == 3]
    np.testing.assert_allclose(np.asarray(drawn.get_ydata(), float), [-145.3, -0.5, 0], atol=1e-9)
    (refused,) = [line for line in axes[2].lines if line.get_label() == "refused"]
    assert list(refused.get_xdata()) == [2]
    assert [bar.get_height() for bar in axes[3].patches] == [0.5, 0.3, 0.2, 0.0, 0.9, 0.1]
    without = Selection(choice.table, choice.best, None, {})
    assert len(plots.plot_criteria(without).axes) == 3
