"""Clusterings against each other and against true labels."""

from itertools import permutations

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

from bayesgmm import compare, partition
from bayesgmm.comparison.clusterings import checked_labels, log_loss
from bayesgmm.errors import ParameterError


@pytest.fixture(scope="module")
def labelled(faithful_fit, faithful_frame):
    return compare(faithful_fit, np.where(faithful_frame["eruptions"] > 3, "long", "short"))


def test_the_table_holds_what_scikit_learn_finds(faithful_fit, faithful_frame, labelled):
    table, part = labelled.clusterings, partition(faithful_fit)
    em = faithful_fit.em_.predict(faithful_frame)
    true = faithful_frame["eruptions"] > 3
    assert table.loc["em", "rand_with_posterior"] == pytest.approx(adjusted_rand_score(part.labels, em))
    assert table.loc["em", "rand_with_truth"] == pytest.approx(adjusted_rand_score(true, em))
    assert table.loc["posterior", "vi_with_posterior"] == 0
    assert table.loc["em", "vi_with_posterior"] == pytest.approx(part.distances["em"])
    assert table.loc["k-means", "n_clusters"] == 2
    assert np.isnan(table.loc["k-means", "log_loss"])


def test_without_labels_nothing_is_said_of_the_truth(faithful_fit):
    assert list(compare(faithful_fit).clusterings.columns) == [
        "n_clusters",
        "rand_with_posterior",
        "vi_with_posterior",
    ]


def test_log_loss_is_the_smallest_over_namings():
    rng = np.random.default_rng(0)
    m, labels = rng.dirichlet(np.ones(3), 40), rng.integers(3, size=40)
    rows = np.arange(40)
    wanted = min(-np.log(m[:, list(p)][rows, labels]).mean() for p in permutations(range(3)))
    assert log_loss(m, labels.astype(np.int32)) == pytest.approx(wanted)


def test_labels_that_no_component_can_stand_for_are_wrong():
    m = np.array([[0.9, 0.1], [0.1, 0.9], [0.5, 0.5]])
    wanted = (-np.log(0.9) * 2 - np.log(1e-12)) / 3
    assert log_loss(m, np.array([0, 1, 2], np.int32)) == pytest.approx(wanted)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([1, 2], r"labels must hold one label for each of the 3 rows; got shape \(2,\)"),
        ([[1], [2], [3]], r"got shape \(3, 1\)"),
        ([1, None, 2], "labels must not be missing; row 1 has none"),
        (["a", float("nan"), "b"], "labels must not be missing; row 1 has none"),
    ],
)
def test_labels_that_do_not_fit_are_refused(labels, message):
    with pytest.raises(ParameterError, match=message):
        checked_labels(labels, 3)
