"""`plot_kmeans`: the clusters of k-means, of EM and of the posterior, and which rows differ."""

from itertools import permutations

import numpy as np
from matplotlib.colors import to_rgb
from matplotlib.patches import PathPatch
from numpy.testing import assert_allclose
from sklearn.cluster import KMeans
from sklearn.preprocessing import StandardScaler

from bayesgmm import compare, partition, plots


def rows_at(X, line):
    """Rows at the places of a drawn line."""
    places = np.column_stack(line.get_data())
    return {tuple(p) for p in places} & {tuple(x) for x in X}


def differing(labels, reference):
    """Fewest rows that can differ, over all ways to number two clusters."""
    return min((np.array(p)[labels] != reference).sum() for p in permutations(range(2)))


def test_panels_count_the_rows_that_differ_and_ring_them(faithful):
    bayes, _ = faithful
    X = bayes.posterior_["observed_data"]["x"].to_numpy()
    part = partition(bayes)
    figure = plots.plot_kmeans(bayes)
    assert [ax.get_title().splitlines()[0] for ax in figure.axes] == ["k-means", "EM", "posterior"]
    kmeans = KMeans(2, n_init=10, random_state=0).fit_predict(StandardScaler().fit_transform(X))
    em = bayes.em_.predict_proba(bayes.posterior_["observed_data"]["x"].to_pandas()).argmax(axis=1)
    for ax, labels in zip(figure.axes[:2], (kmeans, em), strict=True):
        n = differing(labels, part.labels)
        assert f"{n} of 272 rows differ" in ax.get_title()
        rings = [line for line in ax.lines if line.get_markerfacecolor() == "none"]
        assert sum(len(line.get_xdata()) for line in rings) == n


def test_a_cluster_has_the_colour_of_the_component_that_it_is(faithful):
    bayes, _ = faithful
    X = bayes.posterior_["observed_data"]["x"].to_numpy()
    for ax in plots.plot_kmeans(bayes).axes:
        clouds = [line for line in ax.lines if len(line.get_xdata()) > 20]
        for k, line in enumerate(clouds):
            rows = X[bayes.membership_.argmax(axis=1) == k]
            assert len(rows_at(rows, line)) > 0.9 * len({tuple(x) for x in rows})
            assert to_rgb(line.get_color()) == to_rgb(plots.style.colour(k))


def test_crosses_are_means_and_ellipses_are_ems(faithful):
    bayes, _ = faithful
    X = bayes.posterior_["observed_data"]["x"].to_numpy()
    figure = plots.plot_kmeans(bayes)
    (crosses,) = [line for line in figure.axes[0].lines if line.get_marker() == "x"]
    found = KMeans(2, n_init=10, random_state=0).fit(StandardScaler().fit_transform(X)).labels_
    wanted = sorted(X[found == c].mean(axis=0).tolist() for c in range(2))
    assert_allclose(sorted(np.column_stack(crosses.get_data()).tolist()), wanted)
    ellipses = [a for a in figure.axes[1].get_children() if isinstance(a, PathPatch)]
    for curve, mean in zip(ellipses, bayes.em_.means_, strict=True):
        box = curve.get_path().get_extents()
        assert_allclose([(box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2], mean)


def test_true_labels_have_a_panel_of_their_own(line_fit):
    bayes, _ = line_fit
    truth = np.repeat(["b", "a"], 60)
    figure = plots.plot_kmeans(bayes, compare(bayes, truth))
    assert len(figure.axes) == 4
    part = partition(bayes)
    n = differing((truth == "a").astype(int), part.labels)
    assert figure.axes[3].get_title() == f"true labels\n2 clusters, {n} of 120 rows differ"


def test_every_number_of_components_and_features_draws(any_fit):
    bayes, _ = any_fit
    figure = plots.plot_kmeans(bayes)
    figure.draw_without_rendering()
    k = len(bayes.em_.weights_)
    assert figure.axes[0].get_title().split("\n")[1].startswith(f"{k} cluster")
    X = bayes.posterior_["observed_data"]["x"].to_numpy()
    clouds = [line for line in figure.axes[2].lines if line.get_markerfacecolor() != "none"]
    assert sum(len(line.get_xdata()) for line in clouds) == len(X)
