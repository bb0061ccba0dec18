"""Many mixtures: what is read off them, and their labelled form."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from bayesgmm import MixtureParams
from bayesgmm.errors import DataError
from bayesgmm.mixture.draws import MixtureDraws
from bayesgmm.mixture.families import family_of

LEAD, K = (2, 5), 3
NAMES = ["a", "b", "c"]
# Which standard deviation and which correlation matrix component k has of those that a draw holds.
STD_SHAPES = {
    "full": (K, -1),
    "tied": (-1,),
    "diag": (K, -1),
    "spherical": (K,),
    "tied_diag": (-1,),
    "tied_spherical": (),
    "VEI": (K, -1),
    "tied_corr": (K, -1),
}
CORR_SHAPES = {"full": (K, -1, -1), "tied": (-1, -1), "tied_corr": (-1, -1)}


def some_draws(family, d=2, seed=0):
    rng = np.random.default_rng(seed)

    def shape(of):
        return (*LEAD, *(d if n == -1 else n for n in of))

    values = {
        "weights": rng.dirichlet(np.ones(K), size=LEAD),
        "means": rng.normal(size=(*LEAD, K, d)),
        "stds": rng.uniform(0.5, 2.0, shape(STD_SHAPES[family])),
    }
    if family in CORR_SHAPES:
        a = rng.normal(size=shape(CORR_SHAPES[family])) * 0.3 + np.eye(d)
        factor = np.linalg.cholesky(a @ np.swapaxes(a, -1, -2))
        values["corr_chol"] = factor / np.linalg.norm(factor, axis=-1, keepdims=True)
    return MixtureDraws.of(values, family), values


def covariance(values, c, s, k, family):
    """By hand, of one component of one draw."""
    stds = values["stds"][c, s]
    stds = stds[k] if STD_SHAPES[family][:1] == (K,) else stds
    d = values["means"].shape[-1]
    corr = np.eye(d)
    if "corr_chol" in values:
        factor = values["corr_chol"][c, s]
        factor = factor[k] if family == "full" else factor
        corr = factor @ factor.T
    return np.diag(np.broadcast_to(stds, d)) @ corr @ np.diag(np.broadcast_to(stds, d))


@pytest.fixture(params=list(STD_SHAPES))
def family(request):
    return request.param


def test_covariances_are_those_of_the_definition_in_every_form(family):
    draws, values = some_draws(family)
    log_weights, means, cholesky = draws.stacked
    for c, s, k in ((0, 0, 0), (1, 1, 2), (1, 4, 1)):
        wanted, flat = covariance(values, c, s, k, family), c * LEAD[1] + s
        assert_allclose(draws.covariances[c, s, k], wanted, rtol=1e-12)
        assert_allclose(cholesky[flat, k] @ cholesky[flat, k].T, wanted, rtol=1e-12)
        assert_array_equal(np.triu(cholesky[flat, k], 1), 0.0)
        assert_allclose(draws.component_stds[c, s, k] ** 2, np.diag(wanted), rtol=1e-12)
        assert_allclose(np.exp(log_weights[flat]), values["weights"][c, s], rtol=1e-12)
        assert_array_equal(means[flat], values["means"][c, s])


def test_the_mean_mixture_is_the_mean_of_weights_means_and_covariances(family):
    draws, values = some_draws(family)
    wanted = np.mean(
        [covariance(values, c, s, 1, family) for c in range(LEAD[0]) for s in range(LEAD[1])], axis=0
    )
    found = draws.mean_params
    assert_allclose(found.covariances[1], wanted, rtol=1e-12)
    assert_allclose(found.weights, values["weights"].mean(axis=(0, 1)), rtol=1e-12)
    assert_array_equal(found.means, values["means"].mean(axis=(0, 1)))


def test_every_scalar_parameter_has_its_label_and_value(family):
    draws, values = some_draws(family)
    labels = [p.label(NAMES) for p in draws.parameters]
    found = dict(zip(labels, np.moveaxis(draws.parameter_values, -1, 0), strict=True))
    assert len(found) == draws.parameter_values.shape[-1]
    assert_array_equal(found["weights[2]"], values["weights"][..., 2])
    assert_array_equal(found["means[1, a]"], values["means"][..., 1, 0])
    shared = {"tied": "stds[b]", "tied_diag": "stds[b]", "spherical": "stds[1]", "tied_spherical": "stds"}
    std = shared.get(family, "stds[1, b]")
    assert_allclose(found[std][1, 3] ** 2, covariance(values, 1, 3, 1, family)[1, 1], rtol=1e-12)
    if family not in CORR_SHAPES:
        assert not any(label.startswith("correlations") for label in labels)
        return
    sigma = covariance(values, 0, 2, 2, family)
    wanted = sigma[0, 1] / np.sqrt(sigma[0, 0] * sigma[1, 1])
    label = "correlations[2, a, b]" if family == "full" else "correlations[a, b]"
    assert_allclose(found[label][0, 2], wanted, rtol=1e-12)


@pytest.mark.parametrize(
    ("name", "k", "d", "expected"),
    [
        ("full", 1, 2, [0] * 6),
        ("full", 2, 1, [0, 1] * 3),
        ("spherical", 2, 2, [0, 1, 0, 0, 1, 1, 0, 1]),
        ("tied", 2, 2, [0, 1, 0, 0, 1, 1, None, None, None]),
        ("tied", 2, 1, [0, 1, 0, 1, None]),
        ("tied_diag", 2, 2, [0, 1, 0, 0, 1, 1, None, None]),
        ("tied_spherical", 2, 2, [0, 1, 0, 0, 1, 1, None]),
    ],
)
def test_parameters_know_their_component(name, k, d, expected):
    values = {v: np.ones((1, 1, *shape)) for v, shape in family_of(name).shapes(k, d).items()}
    parameters = MixtureDraws.of(values, name).parameters
    assert [p.component for p in parameters] == expected
    # What all components and features share has no index.
    if name == "tied_spherical":
        assert parameters[-1].label(["a", "b"]) == "stds"


def test_one_feature_has_no_correlations():
    draws, _ = some_draws("full", d=1)
    assert draws.corr_chol is None
    assert set(draws.values) == {"weights", "means", "stds"}
    assert_allclose(draws.covariances[..., 0, 0], draws.stds[..., 0] ** 2, rtol=1e-12)
    assert "corr_chol" not in draws.to_dataset(["a"])


def test_components_under_other_names_are_the_same_mixtures(family):
    draws, values = some_draws(family)
    rng = np.random.default_rng(1)
    order = np.array([rng.permutation(K) for _ in range(LEAD[0] * LEAD[1])]).reshape(*LEAD, K)
    renamed = draws.permuted(order)
    c, s = 1, 3
    assert_array_equal(renamed.weights[c, s], values["weights"][c, s][order[c, s]])
    assert_array_equal(renamed.means[c, s], values["means"][c, s][order[c, s]])
    for k in range(K):
        assert_allclose(
            renamed.covariances[c, s, k], covariance(values, c, s, order[c, s, k], family), rtol=1e-12
        )
    # In canonical order nothing is left of the names.
    assert (np.diff(renamed.in_canonical_order.means[..., 0], axis=-1) >= 0).all()
    for first, second in zip(
        draws.in_canonical_order.stacked, renamed.in_canonical_order.stacked, strict=True
    ):
        assert_array_equal(first, second)


def test_the_labelled_form_comes_back(family):
    draws, values = some_draws(family)
    labelled = draws.to_dataset(NAMES[:2])
    assert labelled["means"].dims == ("chain", "draw", "cluster", "feature")
    assert list(labelled["feature"]) == NAMES[:2]
    again = MixtureDraws.from_dataset(labelled, family)
    for name, value in values.items():
        assert_array_equal(again.values[name], value)


def test_a_single_mixture_takes_the_shapes_of_its_family(family):
    _, values = some_draws(family)
    covariances = np.stack([covariance(values, 0, 0, k, family) for k in range(K)])
    params = MixtureParams(values["weights"][0, 0], values["means"][0, 0], covariances)
    found = MixtureDraws.single(params, family)
    assert found.stds.shape == (1, 1, *values["stds"].shape[2:])
    assert_allclose(found.covariances[0, 0], covariances, rtol=1e-12)


def test_a_draw_that_is_not_finite_is_named():
    draws, _ = some_draws("diag")
    draws.means[1, 2, 0, 0] = np.nan
    with pytest.raises(DataError) as raised:
        draws.stacked  # noqa: B018
    assert raised.value.details == {"chain": 1, "draw": 2}
