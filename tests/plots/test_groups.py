"""Clusterings numbered alike, and the features that tell their groups apart."""

from itertools import permutations

import numpy as np
import pytest

from bayesgmm.errors import ParameterError
from bayesgmm.plots import groups


def test_numbers_are_those_with_which_most_rows_agree():
    rng = np.random.default_rng(0)
    for _ in range(20):
        labels, reference = rng.integers(0, 4, (2, 30))
        best = max((np.array(p)[labels] == reference).sum() for p in permutations(range(4)))
        found = groups.matched(labels, reference)
        assert (found == reference).sum() == best
        assert len(set(zip(found.tolist(), labels.tolist(), strict=True))) == len(np.unique(labels))


def test_clusters_that_are_left_over_get_numbers_of_their_own():
    reference = np.repeat([0, 1], 4)
    found = groups.matched(np.array([5, 5, 5, 9, 2, 2, 2, 7]), reference)
    assert found.tolist()[:3] + found.tolist()[4:7] == [0, 0, 0, 1, 1, 1]
    assert {found[3], found[7]} == {2, 3}


def test_a_cluster_takes_no_number_of_rows_that_it_does_not_hold():
    assert groups.matched(np.array([0, 0, 0, 1, 0]), np.array([0, 0, 0, 0, 1])).tolist() == [0, 0, 0, 2, 0]


def test_fewer_clusters_than_in_the_reference():
    assert groups.matched(np.array([1, 1, 1, 0]), np.array([2, 2, 1, 0])).tolist() == [2, 2, 2, 0]


def test_the_telling_features_are_those_with_the_largest_share_of_variance_between_groups():
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1], 50)
    X = rng.normal(size=(100, 5)) * [1, 1, 100, 1, 1]
    X[:, 1] += 5 * labels
    X[:, 3] -= 5 * labels
    assert groups.telling_features(X, labels) == [1, 3]
    assert groups.telling_features(X[:, :1], labels) == [0]


def test_features_are_taken_by_name_and_by_number():
    assert groups.chosen_features(["a", "b", "c"], ["c", np.int64(0)]) == [2, 0]
    assert groups.chosen_features(["ab", "b"], "ab") == [0]


@pytest.mark.parametrize("features", [["d"], [3], [-1], ["a", "a"], ["a", 0], [], ["a", "b", "c"]])
def test_features_that_the_data_do_not_have_are_refused(features):
    with pytest.raises(
        ParameterError,
        match=r"features must hold one or two different ones of a, b, c, by name or by number; got \[",
    ):
        groups.chosen_features(["a", "b", "c"], features)
