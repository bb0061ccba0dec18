"""Components that sit on equal values of a rounded column."""

import numpy as np
import pytest

from bayesgmm import MixtureParams, Prior, datasets
from bayesgmm.bayes.target import Target
from bayesgmm.methods.initial_mixture import log_evidence, posterior_modes
from bayesgmm.methods.laplace_approximation import laplace
from bayesgmm.methods.rounding import is_artefact, resolutions
from bayesgmm.methods.starts import find_starts
from bayesgmm.rows.rows import Rows


def test_the_resolution_of_a_rounded_column_is_its_unit():
    x = np.random.default_rng(0).normal(size=400)
    found = resolutions(np.column_stack([np.round(x, 1), np.round(2 * x), x]))
    np.testing.assert_allclose(found, [0.1, 1.0, 0.0], atol=1e-12)


@pytest.fixture(scope="module")
def iris():
    X = datasets.iris().X
    s = X.std(axis=0)
    prior = Prior(
        concentration=2.0,
        mean_loc=X.mean(axis=0),
        mean_scale=1.5 * s,
        std_prior=("lognormal", np.log(0.65 * s), 0.5),
    )
    return Target.standardising(Rows.unchecked(X), 3, prior, "full")


@pytest.fixture(scope="module")
def spike(iris):
    """The mode with a component on the 29 flowers whose petals are 0.2 cm wide."""
    X, width = iris.X, iris.X[:, 3]
    parts = [X[np.isclose(width, 0.2)], X[(width < 0.8) & ~np.isclose(width, 0.2)], X[width > 0.8]]
    covariances = [np.cov(p.T) + 1e-4 * np.eye(4) for p in parts]
    start = MixtureParams(
        np.array([len(p) for p in parts]) / len(X), [p.mean(axis=0) for p in parts], covariances
    )
    return start, laplace(iris, iris.unconstrained(start))


def test_a_spike_on_equal_values_has_more_evidence_and_is_left_out(iris, spike):
    start, mode = spike
    resolution = resolutions(iris.rows)
    assert is_artefact(iris, mode.mode, resolution)
    direction = np.array([0.0, 0.0, 1.0, 0.0])
    found = posterior_modes(iris, [start], direction, np.random.default_rng(0), 2)
    assert not any(is_artefact(iris, m.mode, resolution) for m in found)
    assert log_evidence(mode) > log_evidence(found[0]) + 3
    species = MixtureParams([1 / 3] * 3, *_moments(iris.X, datasets.iris().labels))
    starts = find_starts(iris, [start, species])
    assert len(starts) == 1
    assert not is_artefact(iris, starts[0].approximation.mode, resolution)


def _moments(X, labels):
    groups = [X[labels == g] for g in np.unique(labels)]
    return [g.mean(axis=0) for g in groups], [np.cov(g.T) for g in groups]


def test_the_default_prior_has_no_such_mode(iris, spike):
    target = Target.standardising(Rows.unchecked(iris.X), 3, Prior.from_data(iris.X), "full")
    mode = laplace(target, target.unconstrained(spike[0]))
    assert not is_artefact(target, mode.mode, resolutions(target.rows))
