"""The vector that samplers move: both ways, its layout, and compiled code against plain."""

import math
from itertools import product

import numpy as np
import pytest
from covariance_families import NONE, TABLE, log_std_matrix
from examples import random_mixture
from numpy.testing import assert_allclose, assert_array_equal

from bayesgmm import MixtureParams
from bayesgmm.mixture import coordinates as compiled
from bayesgmm.mixture.coordinates import Coordinates, unconstrained
from bayesgmm.mixture.families import family_of

SHAPES = [(3, 2), (2, 3), (2, 2), (1, 2), (2, 1)]
cases = pytest.mark.parametrize(("name", "k", "d"), [(n, *s) for n, s in product(TABLE, SHAPES)])


def some(name, k, d, size=5):
    coordinates = Coordinates(k, d, family_of(name))
    return coordinates, np.random.default_rng(k + 10 * d).normal(size=(size, coordinates.size))


def written_out(name, k, d, q):
    """Weights, means, standard deviations and correlation factors of one vector, number by number."""
    family, numbers = TABLE[name], iter(q)
    free = [next(numbers) for _ in range(k - 1)]
    weights = np.exp([*free, -sum(free)])
    means = np.array([[next(numbers) for _ in range(d)] for _ in range(k)])
    matrix, below = log_std_matrix(name, k, d), {}
    log_stds = matrix @ np.array([next(numbers) for _ in range(matrix.shape[1])])
    for c in range(k):
        key = family.correlation(c)
        if key is not NONE and key not in below:
            below[key] = {(i, j): next(numbers) for i in range(d) for j in range(i)}
    assert next(numbers, None) is None
    stds = np.exp(log_stds).reshape(k, d)
    factors = np.tile(np.eye(d), (k, 1, 1))
    for c in range(k):
        for (i, j), value in below.get(family.correlation(c), {}).items():
            factors[c, i, j] = value
        factors[c] /= [[math.sqrt(sum(x * x for x in row))] for row in factors[c]]
    return weights / weights.sum(), means, stds, factors


@cases
def test_every_number_has_its_place(name, k, d):
    coordinates, q = some(name, k, d)
    values = coordinates.constrained(q)
    for s, row in enumerate(q):
        weights, means, stds, factors = written_out(name, k, d, row)
        family = coordinates.family
        assert_allclose(values["weights"][s], weights, rtol=1e-12)
        assert_array_equal(values["means"][s], means)
        assert_array_equal(coordinates.means(row), means)
        assert_allclose(family.all_stds(values["stds"][s], k, d), stds, rtol=1e-12)
        corr_chol = values["corr_chol"][s] if "corr_chol" in values else None
        assert_allclose(family.all_factors(corr_chol, k, d), factors, rtol=1e-12, atol=1e-15)


@cases
def test_the_way_there_and_back(name, k, d):
    coordinates, q = some(name, k, d)
    values = coordinates.constrained(q)
    assert_allclose(unconstrained(values, coordinates.family), q, rtol=1e-9, atol=1e-12)
    # Any leading axes.
    lead = {v: np.broadcast_to(x, (2, *x.shape)) for v, x in values.items()}
    assert_allclose(unconstrained(lead, coordinates.family)[1], q, rtol=1e-9, atol=1e-12)
    family = coordinates.family
    stds = family.all_stds(values["stds"], k, d)[0]
    corr_chol = values["corr_chol"][0] if "corr_chol" in values else None
    cholesky = stds[:, :, None] * family.all_factors(corr_chol, k, d)
    params = MixtureParams(values["weights"][0], values["means"][0], cholesky @ np.swapaxes(cholesky, 1, 2))
    assert_allclose(coordinates.unconstrained(params), q[0], rtol=1e-7, atol=1e-9)


@cases
def test_what_a_component_owns_is_what_moves_it_alone(name, k, d):
    coordinates, q = some(name, k, d, 1)
    before = written_out(name, k, d, q[0])[1:]
    moved = set()
    for place in range(k - 1, coordinates.size):
        other = q[0].copy()
        other[place] += 0.1
        after = written_out(name, k, d, other)[1:]
        changed = {
            c for a, b in zip(before, after, strict=True) for c in range(k) if not np.array_equal(a[c], b[c])
        }
        owners = {c for c in range(k) if place in coordinates.own[c]}
        # With a single component nothing is shared, yet a family that shares keeps it apart.
        assert owners == changed if len(owners) == 1 else (owners == set() and changed == set(range(k)))
        moved |= owners
    assert moved == set(range(k))
    assert_array_equal(q[0][coordinates.own[:, :d]], before[0])


@pytest.mark.parametrize(("name", "k", "d"), [(n, *s) for n, s in product(TABLE, SHAPES) if s[0] > 1])
def test_pieces_are_the_logit_of_the_weight_and_what_is_owned(name, k, d):
    coordinates, q = some(name, k, d)
    weights = coordinates.constrained(q)["weights"]
    pieces, at = coordinates.pieces(q), coordinates.piece_parts
    assert_allclose(pieces[:, :, at.logit], np.log(weights / (1 - weights)), rtol=1e-9)
    assert_array_equal(pieces[:, :, at.means], coordinates.means(q))
    log_stds = np.log(coordinates.constrained(q)["stds"])
    if TABLE[name].std(0, 0) == TABLE[name].std(1, 0):
        wanted = np.empty((len(q), k, 0))
    elif TABLE[name].volume is NONE:
        wanted = log_stds.reshape(len(q), k, -1)
    else:
        volumes = log_stds.mean(axis=2, keepdims=True)
        wanted = (
            volumes if TABLE[name].volume(0) != TABLE[name].volume(1) else (log_stds - volumes)[:, :, :-1]
        )
    assert_allclose(pieces[:, :, at.log_stds], wanted, rtol=1e-9, atol=1e-12)
    below = d * (d - 1) // 2 if coordinates.family.own_correlations else 0
    assert pieces[:, :, at.below].shape[2] == below


def test_components_are_sorted_along_a_direction():
    coordinates, q = some("full", 3, 2)
    direction = np.array([1.0, -2.0])
    there, order = coordinates.sorted_along(direction, q)
    keys = coordinates.means(q) @ direction
    assert_array_equal(np.argsort(keys, axis=1), order)
    assert_array_equal(coordinates.means(there) @ direction, np.sort(keys, axis=1))
    before, after = coordinates.constrained(q), coordinates.constrained(there)
    for name, x in before.items():
        wanted = np.stack([v[o] for v, o in zip(x, order, strict=True)])
        assert_allclose(after[name], wanted, rtol=1e-12, atol=1e-15)


def test_compiled_code_reads_the_same_mixture():
    for name, k, d in (
        ("full", 3, 2),
        ("tied", 2, 3),
        ("spherical", 2, 2),
        ("tied_spherical", 2, 2),
        ("VEI", 3, 3),
        ("EVI", 2, 3),
        ("EVI", 2, 1),
    ):
        coordinates, q = some(name, k, d, 2)
        for row in q:
            weights, means, stds, factors = written_out(name, k, d, row)
            found = compiled.mixture_of(row, coordinates.layout)
            assert_allclose(np.exp(found.log_weights), weights, rtol=1e-12)
            assert_array_equal(found.means, means)
            assert_allclose(found.stds, stds, rtol=1e-12)
            assert_allclose(found.corr_chol, factors, rtol=1e-12, atol=1e-15)
            assert_allclose(found.cholesky, stds[:, :, None] * factors, rtol=1e-12, atol=1e-15)
            again = row.copy()
            compiled.put_log_weights(found.log_weights, again)
            assert_allclose(again, row, rtol=1e-12)


def test_a_weight_of_zero_has_a_finite_place():
    p = random_mixture(np.random.default_rng(6), 2, 2)
    q = Coordinates(2, 2, family_of("full")).unconstrained(MixtureParams([1.0, 0.0], p.means, p.covariances))
    assert np.isfinite(q).all()
