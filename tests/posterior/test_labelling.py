"""Labelling diagnostics: silent where labels are certain, and not where they are not."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from bayesgmm.mixture.draws import MixtureDraws
from bayesgmm.posterior import labelling, relabel
from bayesgmm.posterior.relabel import DenseResponsibilities, Relabelling


def draws(apart, s=400, n=80, seed=0):
    """Component parameters (S, 2, 1) and responsibilities (S, N, 2) of two components so far apart."""
    rng = np.random.default_rng(seed)
    X = np.concatenate([rng.normal(size=n // 2), apart + rng.normal(size=n // 2)])
    means = np.array([0.0, apart]) + 0.3 * rng.normal(size=(s, 2))
    log_p = -0.5 * (X[None, :, None] - means[:, None]) ** 2
    r = np.exp(log_p - log_p.max(axis=2, keepdims=True))
    return means[..., None], r / r.sum(axis=2, keepdims=True)


def diagnosed(apart):
    parameters, r = draws(apart)
    responsibilities = DenseResponsibilities(r)
    n = r.shape[1] // 2
    found = relabel.match(responsibilities.overlaps(np.repeat(np.eye(2), n, axis=0)).reshape(2, 200, 2, 2))
    named = found.permutations.reshape(-1, 2)
    parameters = np.take_along_axis(parameters, named[..., None], axis=1)
    r = np.take_along_axis(r, named[:, None, :], axis=2)
    return labelling.diagnose_labelling(DenseResponsibilities(r), r.mean(axis=0), parameters, found)


def test_components_far_apart_are_told_apart():
    found = diagnosed(8.0)
    assert found.reasons == []
    assert set(found.agreement.values()) == {1.0}
    assert found.non_permutation_rate == 0
    assert found.switches == (0, 0)


def test_components_that_coincide_are_refused():
    found = diagnosed(0.0)
    assert found.nearly_tied > 0.05
    assert found.non_permutation_rate > 0.3


def test_components_that_differ_in_their_correlation_only_are_told_apart():
    """Same means and standard deviations, crossing: the parameters that tell them apart must be looked at."""
    rng = np.random.default_rng(4)
    s, rho = 300, np.array([0.95, -0.95])
    correlations = np.tanh(np.arctanh(rho) + 0.1 * rng.normal(size=(1, s, 2)))
    corr_chol = np.zeros((1, s, 2, 2, 2))
    corr_chol[..., 0, 0], corr_chol[..., 1, 0] = 1.0, correlations
    corr_chol[..., 1, 1] = np.sqrt(1 - correlations**2)
    values = {
        "weights": np.full((1, s, 2), 0.5),
        "means": 0.1 * rng.normal(size=(1, s, 2, 2)),
        "stds": np.exp(0.1 * rng.normal(size=(1, s, 2, 2))),
        "corr_chol": corr_chol,
    }
    parameters = MixtureDraws.of(values, "full").component_parameters
    assert parameters.shape == (s, 2, 5)
    assert labelling.non_permutation_rate(parameters) == 0
    assert labelling.non_permutation_rate(parameters[..., :4]) > 0.3
    start = np.tile([0, 1], (s, 1))
    assert labelling.same_labels(start, relabel.by_parameters(parameters, start)) == 1


def test_each_doubt_is_a_reason():
    agreement = {"iterative ECR": 0.9, "Stephens": 1.0, "parameters": 0.8}
    found = labelling.LabellingDiagnostics(agreement, 0.3, 0.2, (0, 4))
    assert [(reason.code, reason.values) for reason in found.reasons] == [
        ("labels_nearly_tied", {"share": 0.3}),
        ("labels_differ", {"method": "iterative ECR", "share": pytest.approx(0.1)}),
        ("labels_differ", {"method": "parameters", "share": pytest.approx(0.2)}),
        ("components_of_one_kind", {"share": 0.2}),
    ]


def test_names_are_compared_up_to_one_renaming_of_all():
    rng = np.random.default_rng(1)
    first = np.array([rng.permutation(4) for _ in range(50)])
    renamed = first[:, [2, 0, 3, 1]]
    assert labelling.same_labels(first, renamed) == 1
    renamed[:10] = renamed[:10][:, [1, 0, 2, 3]]
    assert labelling.same_labels(first, renamed) == pytest.approx(0.8)


def test_the_rate_counts_draws_with_two_components_of_one_kind():
    rng = np.random.default_rng(2)
    parameters = np.array([0.0, 10.0, 20.0]) + 0.1 * rng.normal(size=(200, 3))
    assert labelling.non_permutation_rate(parameters[..., None]) == 0
    parameters[:10, 1] = 20 + 0.1 * rng.normal(size=10)
    assert_allclose(labelling.non_permutation_rate(parameters[..., None]), 0.05)
    # Two that are the same are told apart no better than by chance.
    same = rng.normal(size=(4000, 2, 1))
    assert labelling.non_permutation_rate(same) > 0.4


def test_one_component_has_its_name():
    ones = DenseResponsibilities(np.ones((6, 5, 1)))
    alone = Relabelling(np.zeros((2, 3, 1), int), np.full((2, 3), np.inf))
    assert labelling.diagnose_labelling(ones, np.ones((5, 1)), np.zeros((6, 1, 2)), alone).reasons == []
