"""k-means beside EM, against loops and scikit-learn."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import logsumexp
from scipy.stats import multivariate_normal
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score

from bayesgmm import EMGaussianMixture, MixtureParams, datasets
from bayesgmm.comparison.kmeans import kmeans_comparison
from bayesgmm.errors import DataError
from bayesgmm.mixture import density


def standardised(X):
    return (X - X.mean(axis=0)) / X.std(axis=0)


def squares_by_loops(X, labels):
    total = 0.0
    for k in set(labels.tolist()):
        rows = [x for x, label in zip(X, labels, strict=True) if label == k]
        mean = sum(rows) / len(rows)
        for x in rows:
            total += sum((a - b) ** 2 for a, b in zip(x, mean, strict=True))
    return total


@pytest.fixture(scope="module")
def iris():
    X = datasets.iris().X
    em = EMGaussianMixture(3, random_state=0).fit(X)
    return X, em, kmeans_comparison(em, X)


def test_sums_of_squares_equal_loops_and_scikit_learn(iris):
    X, em, result = iris
    Z = standardised(X)
    assert list(result.table.index) == ["k-means", "EM"]
    squares = result.table.sum_of_squares
    assert_allclose(squares["k-means"], squares_by_loops(Z, result.labels), rtol=1e-12)
    assert_allclose(squares["EM"], squares_by_loops(Z, em.predict(X)), rtol=1e-12)
    assert squares["k-means"] < squares["EM"]
    peer = KMeans(3, n_init=50, tol=0, random_state=1).fit(Z)
    assert_allclose(squares["k-means"], peer.inertia_, rtol=1e-10)
    assert adjusted_rand_score(peer.labels_, result.labels) == 1.0


def test_centres_are_means_and_the_nearest_to_their_rows(iris):
    X, _, result = iris
    for k in range(3):
        assert_allclose(result.centres[k], X[result.labels == k].mean(axis=0), rtol=1e-12)
    gaps = (X[:, None] - result.centres) / X.std(axis=0)
    assert_array_equal((gaps**2).sum(axis=2).argmin(axis=1), result.labels)


def test_log_likelihoods_are_those_of_the_two_mixtures(iris):
    X, em, result = iris
    n, d = X.shape
    variance = squares_by_loops(standardised(X), result.labels) / (n * d)
    terms = [
        np.log(1 / 3) + multivariate_normal(c, variance * np.diag(X.var(axis=0))).logpdf(X)
        for c in result.centres
    ]
    found = result.table.log_likelihood
    assert_allclose(found["k-means"], logsumexp(terms, axis=0).sum(), rtol=1e-12)
    assert_allclose(found["EM"], em.log_likelihood_, rtol=1e-12)
    assert found["k-means"] < found["EM"]


def test_uncertain_rows_parameters_and_agreement(iris):
    X, em, result = iris
    r = em.predict_proba(X)
    assert list(result.table.uncertain_rows) == [0, sum(max(row) < 0.95 for row in r)]
    assert 0 < result.table.uncertain_rows["EM"] < 20
    assert list(result.table.free_parameters) == [3 * 4 + 1, 2 + 12 + 30]
    assert_allclose(result.adjusted_rand, adjusted_rand_score(result.labels, em.predict(X)), rtol=1e-12)
    assert_array_equal(result.em_labels, em.predict(X))
    assert 0.5 < result.adjusted_rand < 0.99


def test_clusters_are_numbered_as_components(iris):
    X, em, result = iris
    agreement = (result.labels == em.predict(X)).mean()
    for order in ([0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]):
        assert (np.array(order)[result.labels] == em.predict(X)).mean() < agreement


def test_units_do_not_matter(iris):
    X, _, result = iris
    scale = np.array([1e6, 1.0, 1e-6, 1e3])
    other = kmeans_comparison(EMGaussianMixture(3, random_state=0).fit(X * scale), X * scale)
    assert_array_equal(other.labels, result.labels)
    assert_allclose(other.centres, result.centres * scale, rtol=1e-9)
    assert_allclose(other.table.sum_of_squares, result.table.sum_of_squares, rtol=1e-9)
    moved = result.table.log_likelihood - len(X) * np.log(scale).sum()
    assert_allclose(other.table.log_likelihood, moved, rtol=1e-8)


def test_on_round_equal_distant_clusters_the_two_agree():
    truth = MixtureParams([0.5, 0.5], [[0, 0], [20, 20]], np.tile(np.eye(2), (2, 1, 1)))
    X, labels = density.simulate(truth, 400, np.random.default_rng(0))
    em = EMGaussianMixture(2, covariance_type="spherical", random_state=0).fit(X)
    result = kmeans_comparison(em, X)
    assert result.adjusted_rand == 1.0 == adjusted_rand_score(result.labels, labels)
    assert result.table.uncertain_rows["EM"] == 0
    assert_allclose(result.table.sum_of_squares["EM"], result.table.sum_of_squares["k-means"], rtol=1e-12)
    # Hard assignment costs nothing here; unequal weights and variances are worth a few units at the most.
    gap = result.table.log_likelihood["EM"] - result.table.log_likelihood["k-means"]
    assert 0 <= gap < 8


def test_spherical_fits_are_compared_under_one_common_scale():
    X = datasets.faithful().X
    em = EMGaussianMixture(2, covariance_type="spherical", random_state=0).fit(X)
    result = kmeans_comparison(em, X)
    peer = KMeans(2, n_init=10, tol=0, random_state=1).fit(X / np.sqrt(X.var(axis=0).mean()))
    assert_allclose(result.table.sum_of_squares["k-means"], peer.inertia_, rtol=1e-10)


def test_of_one_cluster_the_sum_of_squares_is_all_there_is():
    X = datasets.faithful().X
    result = kmeans_comparison(EMGaussianMixture(1, random_state=0).fit(X), X)
    assert_allclose(result.table.sum_of_squares, [X.size, X.size], rtol=1e-12)
    assert result.adjusted_rand == 1.0
    # Equal weights and unit variances leave the correlation alone to make a difference.
    r = np.corrcoef(X, rowvar=False)[0, 1]
    gap = result.table.log_likelihood["EM"] - result.table.log_likelihood["k-means"]
    assert_allclose(gap, -len(X) / 2 * np.log(1 - r**2), rtol=1e-9)


def test_a_row_of_weight_three_counts_as_three():
    X = datasets.iris().X
    weights = np.random.default_rng(0).integers(0, 4, len(X))
    em = EMGaussianMixture(3, random_state=0, n_init=5).fit(X, sample_weight=weights)
    weighted = kmeans_comparison(em, X, weights)
    repeated = kmeans_comparison(em, np.repeat(X, weights, axis=0))
    assert_allclose(weighted.table, repeated.table, rtol=1e-9)
    assert_allclose(weighted.adjusted_rand, repeated.adjusted_rand, rtol=1e-10)
    assert_allclose(weighted.centres, repeated.centres, rtol=1e-9)


def test_it_prints(iris):
    text = str(iris[2])
    assert "k-means" in text and "uncertain_rows" in text
    assert text.endswith(f"Adjusted Rand index of the two partitions: {iris[2].adjusted_rand:.3f}")


def test_rows_that_all_lie_on_centres_are_refused(golden):
    em = EMGaussianMixture(2, random_state=0).fit(datasets.faithful().X)
    with golden.raises(DataError, n_rows=2, n_clusters=2):
        kmeans_comparison(em, [[2.0, 50.0], [4.0, 80.0]])
