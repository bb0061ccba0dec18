"""Clusters much tighter than the data, linear maps of the rows, and what does collapse."""

import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import adjusted_rand_score

from bayesgmm import EMGaussianMixture, MixtureParams, datasets, select_components
from bayesgmm.em.problem import standardised_problem
from bayesgmm.em.run import Status, Walk
from bayesgmm.em.saddle import missing_information, ways_up
from bayesgmm.em.starts import nearest, start_of_responsibilities
from bayesgmm.em.units import Units
from bayesgmm.errors import BayesGMMError, ColumnWarning, DegenerateFitError, ParameterError
from bayesgmm.mixture import density
from bayesgmm.rows.rows import Rows


def two_clusters(rng, n_features, distance, correlated):
    """Rows and labels; the distance is in standard deviations of the clusters."""
    sizes = rng.integers(20, 200, 2)
    labels = np.repeat([0, 1], sizes)
    along = rng.normal(size=n_features)
    z = rng.normal(size=(len(labels), n_features))
    z += np.outer(labels, distance * along / np.linalg.norm(along))
    within = np.full((n_features, n_features), 0.9 if correlated else 0.0)
    np.fill_diagonal(within, 1.0)
    units = rng.uniform(0.001, 10, n_features)
    return z @ np.linalg.cholesky(within).T * units + rng.normal(size=n_features), labels


def wrong(n_features, distance, correlated, family, seeds):
    """Seeds for which two clusters are not found."""
    found = []
    for seed in seeds:
        X, labels = two_clusters(np.random.default_rng([seed, n_features]), n_features, distance, correlated)
        try:
            em = EMGaussianMixture(2, covariance_type=family, random_state=seed).fit(X)
            right = em.converged_ and adjusted_rand_score(labels, em.predict(X)) > 0.97
        except BayesGMMError:
            right = False
        if not right:
            found.append(seed)
    return found


@pytest.mark.parametrize("family", ["full", "tied"])
@pytest.mark.parametrize("distance", [10, 2e3, 1e5, 1e6])
@pytest.mark.parametrize(("n_features", "correlated"), [(1, False), (2, False), (2, True), (5, True)])
def test_two_clusters_are_found_however_far_apart(n_features, distance, correlated, family):
    assert wrong(n_features, distance, correlated, family, range(4)) == []


@pytest.mark.slow
@pytest.mark.parametrize("distance", [10, 100, 2e3, 5e3, 1e5, 1e6])
@pytest.mark.parametrize(
    ("n_features", "correlated"), [(1, False), (2, False), (2, True), (5, False), (5, True)]
)
def test_two_clusters_are_found_in_all_of_200_draws(n_features, distance, correlated):
    assert wrong(n_features, distance, correlated, "full", range(1000, 1200)) == []


@pytest.mark.parametrize("family", ["full", "tied"])
@pytest.mark.parametrize("condition", [10.0, 1e6])
@pytest.mark.parametrize(("name", "k"), [("penguins", 3), ("banknote", 2)])
def test_linear_maps_change_the_log_likelihood_as_they_change_volumes(family, condition, name, k):
    X = datasets.load(name).X
    n, d = X.shape
    rng = np.random.default_rng(4)
    u, v = (np.linalg.qr(rng.normal(size=(d, d)))[0] for _ in range(2))
    A = u * np.geomspace(1, condition, d) @ v / X.std(axis=0)
    plain, mapped = (
        EMGaussianMixture(k, covariance_type=family, random_state=0).fit(rows) for rows in (X, X @ A.T)
    )
    volume = n * np.linalg.slogdet(A)[1]
    assert_allclose(mapped.log_likelihood_ + volume, plain.log_likelihood_, rtol=1e-6)


def test_rows_between_tight_clusters_and_wide_ones_keep_their_places():
    rng = np.random.default_rng(0)
    X = np.concatenate([rng.normal(0, 0.1, 50), rng.normal(1, 0.1, 50), rng.normal(100, 0.1, 5)])[:, None]
    em = EMGaussianMixture(3, random_state=0).fit(X)
    assert_array_equal(np.sort(np.bincount(em.predict(X))), [5, 50, 50])
    assert not em.modes_.spurious[0]


@pytest.mark.filterwarnings("ignore::bayesgmm.errors.ColumnWarning")
@pytest.mark.parametrize(
    ("X", "details"),
    [
        (
            np.r_[np.zeros(60), np.linspace(3, 5, 140)][:, None],
            {"n_held": 60, "first": "0", "values": {"x0": 0.0}},
        ),
        (np.r_[np.linspace(-1, 1, 99), 1e6][:, None], {"n_held": 1, "first": "99", "values": {"x0": 1e6}}),
    ],
)
def test_a_true_collapse_is_told_with_its_rows(X, details, golden):
    with pytest.raises(DegenerateFitError) as info:
        EMGaussianMixture(2, random_state=0).fit(X)
    assert details.items() <= info.value.details.items()
    golden(info.value)


def test_a_column_with_one_value_in_a_cluster_is_named():
    rng = np.random.default_rng(0)
    X = np.column_stack([rng.normal(size=(100, 2)), rng.integers(0, 2, 100)])
    with pytest.warns(ColumnWarning), pytest.raises(DegenerateFitError) as info:
        EMGaussianMixture(3, random_state=0).fit(X)
    assert set(info.value.details["values"]) == {"x2"}


@pytest.mark.filterwarnings("ignore::bayesgmm.errors.ColumnWarning")
def test_a_floor_of_the_users_own_keeps_what_would_collapse():
    rng = np.random.default_rng(0)
    X = np.r_[np.zeros(60), rng.normal(4, 1, 140)][:, None]
    with pytest.warns(ConvergenceWarning):
        em = EMGaussianMixture(2, reg_covar=1e-3, random_state=0).fit(X)
    assert em.converged_ and em.regularised_
    assert_allclose(np.sort(em.weights_), [0.3, 0.7], atol=1e-3)
    assert np.all(np.diff(em.log_likelihood_trace_) >= -1e-9)


@pytest.mark.parametrize("family", ["full", "diag", "tied", "spherical"])
def test_a_floor_that_binds_is_called_no_collapse(family, golden):
    """Two clusters of many rows each; one of them is thin in a column, and neither is in rows that lie in a
    plane."""
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1], [120, 80])
    stds = {"tied": [[1.0, 0.1], [1.0, 0.1]], "spherical": [[1.0, 1.0], [0.1, 0.1]]}
    of_rows = np.array(stds.get(family, [[1.0, 1.0], [1.0, 0.1]]))[labels]
    X = rng.normal(size=(200, 2)) * of_rows + 9.0 * labels[:, None]
    floor = 0.005
    with pytest.warns(ConvergenceWarning) as told:
        em = EMGaussianMixture(2, covariance_type=family, reg_covar=floor, random_state=0).fit(X)
    assert_array_equal(em.predict(X), labels)
    for k in (0, 1):
        assert np.linalg.matrix_rank(X[labels == k] - X[labels == k].mean(axis=0)) == 2
    # The covariances that the clusters have on their own, in the units of the floor.
    free = EMGaussianMixture(2, covariance_type=family, random_state=0).fit(X)
    below = free.modes_.smallest_eigenvalue[0]
    assert below < floor <= em.modes_.smallest_eigenvalue[0] * (1 + 1e-9)
    golden(told[0].message)


@pytest.mark.filterwarnings("ignore::bayesgmm.errors.ColumnWarning")
def test_a_floor_that_keeps_what_would_collapse_names_its_rows(golden):
    """Also where the floor lets rows around take part."""
    rng = np.random.default_rng(0)
    X = np.r_[np.zeros(60), rng.normal(0, 1, 140)][:, None]
    with pytest.warns(ConvergenceWarning) as told:
        em = EMGaussianMixture(2, reg_covar=1e-3, random_state=0).fit(X)
    assert len(np.unique(X[em.predict(X) == em.weights_.argmin()])) > 1
    golden(told[0].message)


@pytest.mark.filterwarnings("ignore::bayesgmm.errors.ColumnWarning")
@pytest.mark.parametrize(
    ("family", "k", "needed"),
    [("tied", 5, 7), ("tied", 4, 6), ("tied", 3, 5), ("tied_diag", 5, 6), ("tied_spherical", 5, 6)],
)
def test_too_few_distinct_rows_are_the_cause_that_is_told(family, k, needed, golden):
    """Five places: a mixture around them has any likelihood where what all share may become flat."""
    places = 3 * np.random.default_rng(0).normal(size=(5, 2))
    X = np.repeat(places, [10, 20, 30, 40, 50], axis=0)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always", ConvergenceWarning)
        em = EMGaussianMixture(k, covariance_type=family, random_state=0).fit(X)
    assert (needed > 5) == bool(told)
    # A component at each of the first places, and the last one around the others.
    labels = np.minimum(np.arange(5), k - 1).repeat([10, 20, 30, 40, 50])
    means = np.array([X[labels == j].mean(axis=0) for j in range(k)])
    within = (X - means[labels]).T @ (X - means[labels]) / len(X)
    assert (np.linalg.matrix_rank(within, tol=1e-9) < 2) == (needed > 5)
    for tight in (1e-6, 1e-9) if told else ():
        covariances = np.tile(within + tight * np.eye(2), (k, 1, 1))
        higher = MixtureParams(np.bincount(labels) / len(X), means, covariances)
        assert density.log_likelihood_per_obs(X, higher).sum() > em.log_likelihood_ + 100
    for message in told:
        golden(message.message)


@pytest.mark.parametrize("family", ["EVE", "VVE", "EEV", "VEV"])
def test_columns_of_scales_too_far_apart_are_named(family, golden):
    X = datasets.load("iris").X * [1, 1e7, 1, 1]
    stds = X.std(axis=0)
    with pytest.raises(DegenerateFitError) as info:
        EMGaussianMixture(2, covariance_type=family, random_state=0).fit(X)
    assert info.value.details["ratio"] == pytest.approx(stds[1] / stds[[0, 2, 3]].max())
    golden(info.value, largest="x1", smaller=("x0", "x2", "x3"))
    choice = select_components(X, [2], families=["full", family], criteria="em", random_state=0)
    assert choice.failures == {(family, 2): str(info.value)}
    # The remedies that it tells of are some.
    assert EMGaussianMixture(2, covariance_type=family, random_state=0).fit(X / stds).converged_
    assert choice.table.loc[("full", 2), "verdict"] == "accepted"


@pytest.mark.filterwarnings("ignore::bayesgmm.errors.ColumnWarning")
@pytest.mark.parametrize("family", ["VVE", "VEV"])
def test_a_true_collapse_is_not_called_one_of_scales(family):
    """Also where these are far apart."""
    rng = np.random.default_rng(0)
    X = np.vstack([np.zeros((60, 2)), 9.0 + rng.normal(size=(60, 2))]) * [1.0, 1e7]
    with pytest.raises(DegenerateFitError) as info:
        EMGaussianMixture(2, covariance_type=family, random_state=0).fit(X)
    assert info.value.details["values"] == {"x0": 0.0, "x1": 0.0}


@pytest.mark.filterwarnings("ignore::bayesgmm.errors.ColumnWarning")
@pytest.mark.filterwarnings("error::sklearn.exceptions.ConvergenceWarning")
def test_what_collapses_is_no_higher_maximum():
    X = np.repeat(3 * np.random.default_rng(0).normal(size=(5, 2)), 20, axis=0)
    em = EMGaussianMixture(2, covariance_type="diag", random_state=0).fit(X)
    highest = em.modes_.loc[em.modes_["log_likelihood"].idxmax()]
    assert highest["status"] == "degenerate" and highest["spurious"]
    assert em.converged_


def test_a_giant_outlier_in_the_table_of_maxima_ends_no_fit():
    rng = np.random.default_rng(0)
    X = np.vstack([rng.normal(size=(990, 2)), 1e6 + rng.normal(size=(10, 2))])
    em = EMGaussianMixture(2, n_init=8, random_state=0).fit(X)
    assert_allclose(np.sort(em.weights_), [0.01, 0.99], atol=1e-6)
    assert len(em.mode_params_) == len(em.modes_)


@pytest.mark.filterwarnings("ignore::bayesgmm.errors.ColumnWarning")
def test_a_saddle_is_not_called_converged():
    X = np.repeat([[-1.0], [1.0]], 20, axis=0)
    with pytest.warns(ConvergenceWarning, match="saddle"):
        em = EMGaussianMixture(
            2, weights_init=[0.5, 0.5], means_init=[[0.0], [0.0]], precisions_init=[[[1.0]], [[1.0]]]
        ).fit(X)
    assert not em.converged_


def test_missing_information_bounds_what_em_leaves_of_an_error():
    """Near a maximum EM takes an error times one minus the ratio of the two informations."""
    problem, _ = standardised_problem(Rows.of(datasets.load("faithful").X), "full", 0.0, 1)
    start = start_of_responsibilities(problem, nearest(problem.X, np.array([[-1.0, 1.0], [1.0, -1.0]])))
    walk = Walk(problem, start, accelerate=False)
    walk.go(500, 1e-15)
    gains = np.diff(walk.trace)
    rate = np.sqrt(gains[10] / gains[9])
    assert rate <= missing_information(problem, walk.state) < 1
    assert ways_up(problem, walk.state) == []


@pytest.mark.parametrize("accelerate", [True, False])
@pytest.mark.parametrize("family", ["full", "tied", "diag", "spherical", "VEI", "VVE", "VEV"])
def test_a_compiled_leg_takes_the_steps_of_single_passes(family, accelerate, monkeypatch):
    rows = Rows.of(datasets.load("iris").X)
    problem, _ = standardised_problem(rows, family, 0.0, 1)
    rng = np.random.default_rng(3)
    start = start_of_responsibilities(problem, rng.dirichlet(np.ones(3), size=len(rows)))
    compiled = Walk(problem, start, accelerate=accelerate)
    compiled.go(5000, 1e-9)
    one_by_one, _ = standardised_problem(rows, family, 0.0, 1)
    vars(one_by_one)["is_in_one_piece"] = False
    single = Walk(one_by_one, start, accelerate=accelerate)
    single.go(5000, 1e-9)
    assert compiled.status is single.status is Status.CONVERGED
    assert compiled.n_iter == single.n_iter
    assert_allclose(compiled.trace, single.trace, rtol=1e-9)


def test_units_lead_there_and_back():
    rng = np.random.default_rng(0)
    factor = np.tril(rng.normal(size=(3, 3)))
    np.fill_diagonal(factor, [2.0, -0.5, 3.0])
    a = rng.normal(size=(2, 3, 3))
    params = MixtureParams([0.3, 0.7], rng.normal(size=(2, 3)), a @ a.transpose(0, 2, 1) + np.eye(3))
    units = Units(rng.normal(size=3), factor)
    there = units.of_data(params)
    z = rng.normal(size=(5, 3))
    expected = density.log_likelihood_per_obs(z, params) - units.log_volume
    assert_allclose(density.log_likelihood_per_obs(units.shift + z @ factor.T, there), expected)
    assert_allclose(units.of_em(there).covariances, params.covariances)
    assert_allclose(units.points(there.means), params.means)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize(("k", "floor"), [(3, 0.1), (5, 0.001), (3, 0.3)])
@pytest.mark.parametrize("family", ["full", "tied", "diag", "spherical"])
def test_no_estimate_lies_below_a_floor_of_the_users_own(family, k, floor):
    X = datasets.load("iris").X
    em = EMGaussianMixture(k, covariance_type=family, reg_covar=floor, random_state=0).fit(X)
    assert em.converged_
    assert em.modes_.smallest_eigenvalue[0] >= floor * (1 - 1e-9)
    free = EMGaussianMixture(k, covariance_type=family, random_state=0).fit(X)
    assert em.log_likelihood_ <= free.modes_.log_likelihood.max() + 1e-6
    again = free.set_params(reg_covar=floor, warm_start=True).fit(X)
    assert again.modes_.smallest_eigenvalue[0] >= floor * (1 - 1e-9)


def test_families_that_a_floor_would_lead_out_of_take_none():
    with pytest.raises(ParameterError) as info:
        EMGaussianMixture(2, covariance_type="VEI", reg_covar=0.1).fit(datasets.load("iris").X)
    assert info.value.details == {"name": "reg_covar", "value": 0.1}


def test_a_tight_cluster_of_many_rows_for_its_family_is_not_called_spurious():
    rng = np.random.default_rng(6)
    X = np.vstack([rng.normal(size=(500, 30)), 2 + 0.05 * rng.normal(size=(80, 30))])
    em = EMGaussianMixture(2, covariance_type="spherical", random_state=0).fit(X)
    assert_array_equal(np.sort(np.bincount(em.predict(X))), [80, 500])
    assert em.converged_


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("seed", range(4))
def test_a_saddle_is_not_preferred_to_a_small_tight_cluster(seed):
    rng = np.random.default_rng(seed)
    X = np.vstack([rng.normal(size=(200, 2)), 8 + 0.02 * rng.normal(size=(7, 2))])
    em = EMGaussianMixture(2, random_state=0).fit(X)
    one = EMGaussianMixture(1).fit(X).log_likelihood_
    assert em.log_likelihood_ > one + 100


def test_uniform_weights_of_any_size_are_the_same_as_none():
    X = datasets.load("galaxies").X
    plain = EMGaussianMixture(5, random_state=0).fit(X)
    for size in (1e-6, 1e6):
        weighted = EMGaussianMixture(5, random_state=0).fit(X, sample_weight=np.full(len(X), size))
        assert_allclose(weighted.log_likelihood_ / size, plain.log_likelihood_, rtol=1e-9)
        assert weighted.modes_.spurious[0] == plain.modes_.spurious[0]
