"""The mode map on data whose modes are known."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from bayesgmm import BayesGaussianMixture, Prior, load, save
from bayesgmm.posterior import modes
from bayesgmm.wording import Reason


@pytest.fixture(scope="module")
def mirrored():
    """Three groups and two components: the one in the middle joins one side or the other, with probability
    one half."""
    side = np.random.default_rng(0).normal(0, 0.3, 15)
    X = np.concatenate([side - 4, 4 - side, np.linspace(-0.5, 0.5, 15)])[:, None]
    prior = Prior(mean_loc=0.0, mean_scale=4.0, std_prior=("lognormal", 0.0, 0.7))
    return BayesGaussianMixture(2, method="smc", prior=prior, random_state=0, progressbar=False).fit(X)


def test_two_mirrored_modes_hold_half_each(mirrored):
    found = mirrored.mode_map_
    assert found.n_modes == 2
    assert_allclose(found.table["share"], 0.5, atol=0.05 + 2 * found.table["share_se"][0])
    assert_allclose(found.table["log_posterior"], 0, atol=1e-3)
    assert sorted(map(tuple, np.sort([np.bincount(p) for p in found.partitions], axis=1))) == [
        (15, 30),
        (15, 30),
    ]
    assert mirrored.verdict_.exploration == "several modes, explored"
    means = sorted(float(p.means[0, 0]) for p in found.params)
    assert_allclose(means, [-2, 2], atol=0.3)


def test_what_separates_modes_is_found(mirrored, golden):
    first, second = (finding.values["what"] for finding in mirrored.mode_map_.findings)
    whole = Reason("clusters_divided", {"clusters": (1, 2), "every": True, "into": 2})
    assert first.values == {"sizes": (30, 15), "n_empty": 0, "changes": (), "is_first": True}
    assert second.values == {"sizes": (30, 15), "n_empty": 0, "changes": (whole,), "is_first": False}
    assert list(mirrored.mode_map_.table["what"]) == [str(first), str(second)]
    golden(str(mirrored.mode_map_), hide=[r"\d+(?= %)", r"(?<=error )\d+"])


@pytest.mark.parametrize(
    ("first", "second", "changes"),
    [
        ("000111", "000112", [("cluster_split", {"cluster": 2, "into": 2})]),
        ("001122", "000022", [("clusters_joined", {"clusters": (1, 2)})]),
        ("000111", "111000", []),
        (
            "0000001111112222",
            "0000011111122222",
            [("clusters_divided", {"clusters": (1, 2, 3), "every": True, "into": 3})],
        ),
        (
            "00000011111122223333",
            "00000111111222223333",
            [("clusters_divided", {"clusters": (1, 2, 3), "every": False, "into": 3})],
        ),
    ],
)
def test_differences_of_groupings(first, second, changes):
    one, other = (np.array([int(c) for c in text]) for text in (first, second))
    assert [(change.code, change.values) for change in modes._changes(one, other)] == changes


def test_empty_components_are_counted():
    found = modes._about(np.repeat([0, 2], [3, 5]), 4, None)
    assert (found.values["sizes"], found.values["n_empty"]) == ((5, 3), 2)


def test_groupings_are_alike_up_to_names():
    labels = np.array([0, 0, 1, 1, 2, 2])
    assert modes._alike(labels, (labels + 1) % 3) == 1
    assert modes._alike(labels, np.array([0, 0, 1, 1, 2, 1])) == pytest.approx(5 / 6)
    # Refinement is not likeness: both directions count.
    assert modes._alike(np.zeros(6, int), labels) == pytest.approx(1 / 3)


def test_a_stored_map_comes_back(mirrored, tmp_path):
    again = load(save(mirrored, tmp_path / "fit.nc"))
    assert again.mode_map_.table.equals(mirrored.mode_map_.table)
    np.testing.assert_array_equal(again.mode_map_.partitions, mirrored.mode_map_.partitions)
    assert again.log_evidence_ == mirrored.log_evidence_
    assert again.verdict_ == mirrored.verdict_
    assert (again.method, again.max_time) == ("smc", None)


def test_after_nuts_the_map_is_made_when_asked_for(faithful_fit):
    found = faithful_fit.mode_map_
    assert found.n_modes == 1
    assert found.table["share"][0] > 0.97
    assert_allclose(found.params[0].means, faithful_fit.em_.means_, rtol=0.05)


def test_the_picture_has_a_panel_a_mode(mirrored):
    from bayesgmm.plots import plot_modes

    figure = plot_modes(mirrored)
    titles = [ax.get_title() for ax in figure.axes]
    assert [t.split(":")[0] for t in titles if t] == ["mode 1", "mode 2"]
