"""`partition` and what is label-free of a fit: the same whatever the components of the draws are called."""

import dataclasses
import warnings

import numpy as np
import pytest
from examples import named_again, with_fit, with_verdict

from bayesgmm import BayesGaussianMixture, datasets, load, partition, save
from bayesgmm.errors import DataError, ParameterError

QUICK = {"method": "nuts", "draws": 100, "tune": 150, "chains": 2, "random_state": 0, "progressbar": False}


def memberships(bayes, *args, **settings):
    """Without the warning of a fit too short to be believed."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return bayes.memberships(*args, **settings)


@pytest.fixture(scope="module")
def iris_fit():
    return BayesGaussianMixture(3, **QUICK).fit(datasets.load("iris").X)


def random_names(n, k, seed):
    rng = np.random.default_rng(seed)
    return np.array([rng.permutation(k) for _ in range(n)])


def renamed_at_random(bayes):
    """The fit whose draws came under other names, labelled again by the fit's own steps."""
    draws = bayes.fit_.draws
    lead, k = draws.weights.shape[:2], draws.n_components
    names = random_names(lead[0] * lead[1], k, 1).reshape(*lead, k)
    return with_fit(bayes, labels=named_again(bayes, draws.permuted(names)).labels)


def with_draws(bayes, draws):
    """The fit with other draws, and nothing else done."""
    return with_fit(bayes, labels=dataclasses.replace(bayes.fit_.labels, draws=draws))


def assert_same_by_a_bit(a, b):
    assert np.array_equal(a.similarity_, b.similarity_)
    i, j = np.arange(20), np.arange(60, 80)
    assert np.array_equal(a.similarity(i, j), b.similarity(i, j))
    for loss in ("vi", "binder"):
        first, second = partition(a, loss), partition(b, loss)
        assert np.array_equal(first.labels, second.labels)
        assert first.expected_loss == second.expected_loss
        assert (first.ball.radius, first.ball.mass) == (second.ball.radius, second.ball.mass)
        assert first.distances == second.distances


def test_nothing_label_free_depends_on_the_names_of_the_draws_by_a_bit(iris_fit):
    names = random_names(200, 3, 3).reshape(2, 100, 3)
    assert_same_by_a_bit(iris_fit, with_draws(iris_fit, iris_fit.fit_.draws.permuted(names)))


def test_a_fit_does_not_depend_on_the_names_that_the_chains_gave_by_a_bit(iris_fit):
    other = renamed_at_random(iris_fit)
    assert (other.relabelling_.permutations != iris_fit.relabelling_.permutations).any()
    assert np.array_equal(other.log_likelihood_draws_, iris_fit.log_likelihood_draws_)
    assert np.array_equal(other.membership_, iris_fit.membership_)
    for name in ("mean", "sd", "lower", "upper", "entropy", "changing"):
        assert np.array_equal(getattr(memberships(other), name), getattr(memberships(iris_fit), name))
    assert_same_by_a_bit(iris_fit, other)


def test_the_partition_of_clear_clusters_is_em_s(faithful_fit, faithful_frame):
    found = partition(faithful_fit)
    assert found.n_clusters == 2
    assert found.em_inside
    labels = faithful_fit.em_.predict(faithful_frame)
    same = found.labels == found.labels[0]
    assert np.mean(same == (labels == labels[0])) > 0.99
    assert found.expected_loss <= min(found.expected_losses.values()) + 1e-12
    assert found.ball.mass >= 0.95
    text = str(found)
    assert text.startswith("2 clusters of {} and {} rows; expected loss".format(*np.bincount(found.labels)))
    assert "EM's partition lies inside" in text


def test_similarity_queries_are_entries_of_the_matrix(iris_fit):
    matrix = iris_fit.similarity_
    assert np.array_equal(iris_fit.similarity_rows_, np.arange(150))
    np.testing.assert_allclose(
        iris_fit.similarity([0, 60], [[3], [100]]), matrix[np.ix_([3, 100], [0, 60])], rtol=1e-12
    )
    assert iris_fit.similarity(7, 7) == 1
    for wrong in (-1, 150, 0.5, []):
        with pytest.raises(
            ParameterError, match=r"^i must hold rows of the data, integers from 0 to 149; got"
        ):
            iris_fit.similarity(wrong, 0)


def test_memberships_of_new_rows_and_of_the_fitted_ones(iris_fit, golden):
    X = datasets.load("iris").X
    whole = memberships(iris_fit)
    np.testing.assert_allclose(whole.mean, iris_fit.membership_, rtol=1e-10, atol=1e-14)
    np.testing.assert_allclose(memberships(iris_fit, X[:4]).upper, whole.upper[:4], rtol=1e-12)
    assert (whole.lower <= whole.upper).all()
    with golden.raises(ParameterError, name="ci_prob", value=95):
        memberships(iris_fit, ci_prob=95)


def test_labelling_diagnostics_are_saved_and_loaded(iris_fit, tmp_path):
    again = load(save(iris_fit, tmp_path / "fit.nc"))
    assert again.labelling_ == iris_fit.labelling_
    assert set(again.labelling_.agreement) == {"iterative ECR", "Stephens", "parameters"}
    assert again.verdict_ == iris_fit.verdict_


def test_one_component_is_one_cluster():
    bayes = BayesGaussianMixture(1, **QUICK).fit(datasets.load("galaxies").X)
    found = partition(bayes)
    assert (found.n_clusters, found.expected_loss, found.ball.radius) == (1, 0.0, 0.0)
    assert (bayes.similarity_ == 1).all()
    assert memberships(bayes).uncertain.size == 0


def test_an_unknown_loss_is_refused(iris_fit, golden):
    with golden.raises(ParameterError, name="loss", value="hamming"):
        partition(iris_fit, loss="hamming")


def test_more_components_than_there_are_are_refused_in_words():
    """Two clear clusters and three components: names cannot be earned."""
    rng = np.random.default_rng(0)
    X = np.concatenate([rng.normal(size=(60, 2)), [8.0, 0.0] + rng.normal(size=(60, 2))])
    bayes = BayesGaussianMixture(3, **{**QUICK, "draws": 400, "chains": 4}).fit(X)
    assert not bayes.verdict_.ok
    assert bayes.labelling_.reasons
    assert partition(bayes).n_clusters == 2


def test_memberships_of_a_refused_fit_come_with_a_warning(iris_fit):
    refused = with_verdict(iris_fit, ok=False)
    with pytest.warns(UserWarning, match="see verdict_"):
        refused.memberships()


def test_a_draw_that_is_not_finite_is_named(iris_fit, golden):
    means = iris_fit.fit_.draws.means.copy()
    means[1, 7, 2, 0] = np.nan
    broken = with_draws(iris_fit, dataclasses.replace(iris_fit.fit_.draws, means=means))
    for ask in (lambda: broken.similarity_, lambda: partition(broken), lambda: memberships(broken)):
        with golden.raises(DataError, chain=1, draw=7):
            ask()


def test_em_and_kmeans_can_lie_outside():
    """Two long parallel clusters, aslant: k-means cuts across them."""
    rng = np.random.default_rng(0)
    X = np.concatenate([rng.normal(size=(80, 2)) * [8, 0.3], [0, 3] + rng.normal(size=(80, 2)) * [8, 0.3]])
    bayes = BayesGaussianMixture(2, **{**QUICK, "draws": 300}).fit(X @ [[1.0, 1.0], [-1.0, 1.0]])
    found = partition(bayes)
    assert (found.em_inside, found.kmeans_inside) == (True, False)
    moved = dataclasses.replace(found, distances={**found.distances, "em": found.ball.radius + 0.01})
    assert not moved.em_inside
