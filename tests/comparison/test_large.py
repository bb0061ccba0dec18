"""Many rows: what is asked of a part of them is told, near to what all would say, and all where they are
few."""

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

from bayesgmm import BayesGaussianMixture, MixtureParams, compare, partition, write_report
from bayesgmm.comparison import extent, partitioning, predictive, result
from bayesgmm.mixture import density
from bayesgmm.report import write


def rows(n, seed, apart=2.5):
    truth = MixtureParams([0.6, 0.4], [[0.0, 0.0], [apart, 1.0]], [np.eye(2), [[1.0, 0.5], [0.5, 1.0]]])
    return density.simulate(truth, n, np.random.default_rng(seed))


def fit(X, **settings):
    quick = {"method": "laplace", "draws": 100, "random_state": 0, "progressbar": False}
    return BayesGaussianMixture(2, **quick | settings).fit(X)


@pytest.fixture(scope="module")
def bayes():
    return fit(rows(400, 5, apart=5.0)[0])


@pytest.fixture(scope="module")
def whole(bayes):
    return compare(bayes)


def test_every_row_has_a_label_that_of_the_most_similar_cluster(bayes, monkeypatch):
    monkeypatch.setattr(partitioning, "ROWS", 90)
    found = partition(bayes)
    assert found.labels.shape == found.kmeans_labels.shape == (400,)
    assert len(found.rows) == 90
    assert np.array_equal(found.searched_labels, found.labels[found.rows])
    clusters = [found.rows[found.searched_labels == c] for c in range(found.n_clusters)]
    for row in np.setdiff1d(np.arange(400), found.rows)[::20]:
        mean = [bayes.similarity(row, members).mean() for members in clusters]
        assert found.labels[row] == np.argmax(mean)
    # In the order of their first rows.
    assert found.labels[0] == 0
    assert all(b.shape[1] == 90 for b in (found.ball.upper, found.ball.lower, found.ball.horizontal))


@pytest.mark.parametrize("seed", [5, 6])
def test_the_labels_of_a_part_are_nearly_those_of_all(seed, monkeypatch):
    bayes = fit(rows(600, seed)[0])
    every = partition(bayes)
    monkeypatch.setattr(partitioning, "ROWS", 200)
    found = partition(bayes)
    assert adjusted_rand_score(found.labels, every.labels) > 0.8
    assert adjusted_rand_score(found.kmeans_labels, every.kmeans_labels) > 0.8


def test_of_more_rows_than_are_searched_sizes_add_up_to_all():
    X, _ = rows(4300, 7, apart=6.0)
    found = partition(fit(X))
    assert found.n_clusters == 2
    assert len(found.labels) == 4300
    assert len(found.rows) == partitioning.ROWS
    sizes = np.bincount(found.labels)
    lines = str(found).splitlines()
    assert lines[0].startswith(f"2 clusters of {sizes[0]} and {sizes[1]} rows")
    assert any("4,000 rows" in line for line in lines)


def test_clusterings_are_of_all_rows(bayes, whole, monkeypatch):
    monkeypatch.setattr(partitioning, "ROWS", 100)
    labels = rows(400, 5, apart=5.0)[1]
    table = compare(bayes, labels).clusterings
    part = partition(bayes)
    wanted = adjusted_rand_score(labels, part.labels)
    assert table.loc["posterior", "rand_with_truth"] == pytest.approx(wanted)
    em = bayes.em_.predict(bayes.rows_)
    assert table.loc["em", "rand_with_posterior"] == pytest.approx(adjusted_rand_score(em, part.labels))


def test_few_rows_are_compared_whole(whole):
    assert whole.extent.is_whole
    assert whole.extent.rows_left_out == whole.extent.rows_left_out_of_em == 400
    assert whole.scores.n_rows == 400
    assert not [r for r in whole.findings if r.code == "compared_in_part"]


def test_many_rows_are_compared_in_part_and_nearly_alike(bayes, whole, monkeypatch):
    monkeypatch.setattr(extent, "MOST_ROWS", 399)
    monkeypatch.setattr(extent, "ROWS_LEFT_OUT", 100)
    monkeypatch.setattr(extent, "ROWS_CHECKED", 150)
    monkeypatch.setattr(extent, "ROWS_OF_REFITS", 50 * 400)
    monkeypatch.setattr(extent, "FEWEST_REFITS", 10)
    monkeypatch.setattr(extent, "NUMBERS", 250 * 800)
    part = compare(bayes)
    seen = part.extent
    assert (seen.n_rows, seen.n_draws, seen.n_repeated) == (400, 400, 400)
    assert (seen.rows_left_out, seen.rows_left_out_of_em, seen.rows_checked) == (100, 50, 150)
    assert seen.draws_of_intervals == 250
    assert len(part.scores.table) == 50
    told = [r for r in part.findings if r.code == "compared_in_part"]
    assert told == [seen.finding]
    assert str(told[0]) in part.verdict
    # The difference estimator knows all rows but for the little that EM's density leaves out.
    away = abs(part.scores.elpd - whole.scores.elpd)
    assert away < 1.0
    assert whole.scores.elpd_se <= part.scores.elpd_se * 1.3
    np.testing.assert_allclose(part.assignments["lower"], whole.assignments["lower"], atol=0.15)
    assert np.array_equal(part.assignments["bayes_probability"], whole.assignments["bayes_probability"])
    shares = [abs(a.p_value - b.p_value) for a, b in zip(part.predictive, whole.predictive, strict=True)]
    assert np.median(shares) < 0.3


def test_the_transforms_of_some_draws_are_nearly_those_of_all(bayes, monkeypatch):
    whole = predictive.pit_table(bayes.fit_)
    monkeypatch.setattr(predictive, "BLOCK", 64)
    np.testing.assert_allclose(predictive.pit_table(bayes.fit_), whole, rtol=1e-12)
    monkeypatch.setattr(extent, "NUMBERS", 1)
    some = predictive.pit_table(bayes.fit_)
    assert not np.array_equal(some, whole)
    np.testing.assert_allclose(some, whole, atol=0.02)


def test_rows_that_take_turns_are_all_looked_at(monkeypatch):
    """Every fourth row is of the same cluster, and every fourth row would be looked at."""
    monkeypatch.setattr(extent, "MOST_ROWS", 500)
    monkeypatch.setattr(extent, "ROWS_CHECKED", 300)
    monkeypatch.setattr(extent, "ROWS_LEFT_OUT", 300)
    centres = np.array([[0.0, 0.0], [6.0, 0.0], [0.0, 6.0], [6.0, 6.0]])
    z = np.arange(1200) % 4
    X = centres[z] + np.random.default_rng(4).normal(size=(1200, 2))
    quick = {"method": "laplace", "draws": 100, "random_state": 0, "progressbar": False}
    bayes = BayesGaussianMixture(4, **quick).fit(X)
    assert compare(bayes).misfit is None
    monkeypatch.setattr(partitioning, "ROWS", 300)
    found = partition(bayes)
    assert np.bincount(z[found.rows]).min() > 50
    assert adjusted_rand_score(found.kmeans_labels, z) > 0.9


def test_a_report_takes_the_comparison_that_is_at_hand(bayes, tmp_path, monkeypatch):
    held = compare(bayes)
    assert result.at_hand(bayes) is held
    with monkeypatch.context() as patched:
        patched.delattr(write, "compare")
        write_report(bayes, tmp_path / "page.json", format="json", progressbar=False)
    # Of other settings, or of nobody's any more, it is made anew.
    other = compare(bayes, ci_prob=0.5)
    assert result.at_hand(bayes) is held
    del held, other
    assert result.at_hand(bayes) is None


def test_a_comparison_of_an_earlier_fit_is_not_at_hand():
    X = rows(100, 8)[0]
    bayes = fit(X)
    held = compare(bayes)
    bayes.fit(X[:90])
    assert held is not None
    assert result.at_hand(bayes) is None
