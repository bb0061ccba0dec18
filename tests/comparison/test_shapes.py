"""Volume, axis ratio and orientation against ellipses whose axes are known."""

import numpy as np
import pytest

from bayesgmm import BayesGaussianMixture
from bayesgmm.comparison import shapes
from bayesgmm.comparison.sides import Sides


def ellipse(long, short, degrees):
    angle = np.radians(degrees)
    axes = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return axes @ np.diag([long**2, short**2]) @ axes.T


@pytest.mark.parametrize("degrees", [0.0, 30.0, 88.0, -60.0])
def test_an_ellipse_is_described_by_its_axes(degrees):
    found = shapes._shapes(
        ellipse(3, 0.5, degrees), np.stack([ellipse(2, 1, degrees + 5), ellipse(4, 1, degrees - 5)])
    )
    at_em, of_draws = found["volume"]
    assert at_em == pytest.approx(1.5)
    np.testing.assert_allclose(of_draws, [2, 4])
    at_em, of_draws = found["axis ratio"]
    assert at_em == pytest.approx(6)
    np.testing.assert_allclose(of_draws, [2, 4])
    at_em, of_draws = found["orientation"]
    assert at_em == pytest.approx(degrees)
    # Beyond 90 degrees an axis would come in again at -90; draws stay beside EM.
    np.testing.assert_allclose(of_draws, [degrees + 5, degrees - 5])


def test_in_more_dimensions_the_turn_from_ems_axis_is_told():
    turned = np.eye(3)
    turned[:2, :2] = ellipse(3, 1, 20)
    found = shapes._shapes(np.diag([9.0, 1.0, 1.0]), turned[None])
    assert "orientation" not in found
    np.testing.assert_allclose(found["turn"][1], [20])
    assert found["volume"][0] == pytest.approx(3)


@pytest.mark.parametrize(
    ("family", "wanted"),
    [
        ("spherical", ["volume"]),
        ("diag", ["volume", "axis ratio"]),
        ("tied_diag", ["volume", "axis ratio"]),
        ("tied_spherical", ["volume"]),
    ],
)
def test_families_without_axes_have_no_orientation(family, wanted, faithful_frame):
    settings = {"draws": 60, "method": "laplace", "progressbar": False, "random_state": 0}
    bayes = BayesGaussianMixture(2, covariance_type=family, **settings).fit(faithful_frame)
    assert list(shapes.shape_table(Sides.of(bayes)).loc[0].index) == wanted


def test_one_feature_has_a_volume_only():
    assert list(shapes._shapes(np.array([[4.0]]), np.array([[[9.0]]]))) == ["volume"]


def test_the_table_holds_all_components(faithful_fit):
    table = shapes.shape_table(Sides.of(faithful_fit))
    assert list(table.index) == [(k, s) for k in (0, 1) for s in ("volume", "axis ratio", "orientation")]
    draws = faithful_fit.fit_.draws.covariances[:, :, 1]
    wanted = np.sqrt(np.linalg.det(draws))
    row = table.loc[(1, "volume")]
    np.testing.assert_allclose([row["mean"], row["sd"]], [wanted.mean(), wanted.std(ddof=1)], rtol=1e-9)
    assert row["em"] == pytest.approx(np.sqrt(np.linalg.det(faithful_fit.em_.covariances_[1])))
    assert table["inside"].all()
