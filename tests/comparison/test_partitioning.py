"""`partition` and what is label-free of a fit: the same whatever the components of the draws are called."""

import copy

import numpy as np
import pytest

from bayesgmm import BayesGaussianMixture, datasets, load, partition, save
from bayesgmm.errors import ParameterError

QUICK = {"draws": 100, "tune": 150, "chains": 2, "random_state": 0, "progressbar": False}


@pytest.fixture(scope="module")
def iris_fit():
    return BayesGaussianMixture(3, **QUICK).fit(datasets.load("iris").X)


def renamed_at_random(bayes):
    """The fit whose draws came under other names, labelled again by the fit's own steps."""
    posterior = bayes.posterior_["posterior"]
    chains, draws, k = posterior["weights"].shape
    rng = np.random.default_rng(1)
    names = np.array([rng.permutation(k) for _ in range(chains * draws)]).reshape(chains, draws, k)
    values = {
        name: np.take_along_axis(v.to_numpy(), names.reshape(chains, draws, k, *(1,) * (v.ndim - 3)), axis=2)
        for name, v in posterior.data_vars.items()
    }
    stats = {name: v.to_numpy() for name, v in bayes.posterior_["sample_stats"].data_vars.items()}
    X = bayes.posterior_["observed_data"]["x"].to_numpy()
    features = [str(f) for f in posterior["feature"].to_numpy()]
    other = copy.copy(bayes)
    other._forget()
    other.posterior_ = bayes._labelled(
        values, stats, X, features, bayes.em_, bayes.prior_.resolve(k, X.shape[1])
    )
    other.posterior_.attrs.update(bayes.posterior_.attrs)
    return other


def test_nothing_depends_on_the_names_of_the_draws_by_a_bit(iris_fit):
    other = renamed_at_random(iris_fit)
    assert (other.relabelling_.permutations != np.arange(3)).any()
    assert np.array_equal(other.similarity_, iris_fit.similarity_)
    assert np.array_equal(other.log_likelihood_draws_, iris_fit.log_likelihood_draws_) or np.allclose(
        other.log_likelihood_draws_, iris_fit.log_likelihood_draws_, rtol=1e-14
    )
    for name in ("mean", "sd", "lower", "upper", "entropy", "changing"):
        assert np.array_equal(getattr(other.memberships(), name), getattr(iris_fit.memberships(), name))
    for loss in ("vi", "binder"):
        a, b = partition(iris_fit, loss), partition(other, loss)
        assert np.array_equal(a.labels, b.labels)
        assert a.expected_loss == b.expected_loss
        assert a.ball.radius == b.ball.radius
        assert a.distances == b.distances


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


def test_memberships_of_new_rows_and_of_the_fitted_ones(iris_fit):
    X = datasets.load("iris").X
    whole = iris_fit.memberships()
    np.testing.assert_allclose(whole.mean, iris_fit.membership_, rtol=1e-10, atol=1e-14)
    np.testing.assert_allclose(iris_fit.memberships(X[:4]).upper, whole.upper[:4], rtol=1e-12)
    assert (whole.lower <= whole.upper).all()
    with pytest.raises(ParameterError, match=r"^mass must be a number between 0 and 1; got 95\.$"):
        iris_fit.memberships(mass=95)


def test_the_certificate_is_saved_and_loaded(iris_fit, tmp_path):
    again = load(save(iris_fit, tmp_path / "fit.nc"))
    assert again.certificate_ == iris_fit.certificate_
    assert set(again.certificate_.agreement) == {"iterative ECR", "Stephens", "parameters"}
    assert again.verdict_ == iris_fit.verdict_


def test_one_component_is_one_cluster():
    bayes = BayesGaussianMixture(1, **QUICK).fit(datasets.load("galaxies").X)
    found = partition(bayes)
    assert (found.n_clusters, found.expected_loss, found.ball.radius) == (1, 0.0, 0.0)
    assert (bayes.similarity_ == 1).all()
    assert bayes.memberships().uncertain.size == 0


def test_an_unknown_loss_is_refused(iris_fit):
    with pytest.raises(ParameterError, match=r"^loss must be 'vi' or 'binder'; got 'hamming'\.$"):
        partition(iris_fit, loss="hamming")


def test_more_components_than_there_are_are_refused_in_words():
    """Two clear clusters and three components: names cannot be earned."""
    rng = np.random.default_rng(0)
    X = np.concatenate([rng.normal(size=(60, 2)), [8.0, 0.0] + rng.normal(size=(60, 2))])
    bayes = BayesGaussianMixture(3, **{**QUICK, "draws": 400, "chains": 4}).fit(X)
    assert not bayes.verdict_.ok
    assert bayes.certificate_.reasons
    assert partition(bayes).n_clusters == 2
