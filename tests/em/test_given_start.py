"""A start of the user's own: each thing that can be wrong with it, and what is said of it."""

import numpy as np
import pytest

from bayesgmm import EMGaussianMixture
from bayesgmm.errors import ParameterError

X = np.random.default_rng(0).normal(size=(40, 2))
ONE = np.eye(2)


@pytest.mark.parametrize(
    ("start", "details"),
    [
        ({"means_init": [[0.0, np.nan], [1.0, 1.0]]}, {"name": "means_init", "at": (0, 1), "value": np.nan}),
        ({"means_init": [[0.0, 1.0], [np.inf, 1.0]]}, {"name": "means_init", "at": (1, 0), "value": np.inf}),
        ({"means_init": [[0.0, 1.0]]}, {"name": "means_init", "expected": (2, 2), "shape": (1, 2)}),
        ({"means_init": [[0.0, 1.0], [1.0]]}, {"name": "means_init"}),
        ({"weights_init": [0.5, np.nan]}, {"name": "weights_init", "at": (1,), "value": np.nan}),
        ({"weights_init": [np.inf, 0.5]}, {"name": "weights_init", "at": (0,), "value": np.inf}),
        ({"weights_init": [1.5, -0.5]}, {"name": "weights_init", "component": 1, "value": -0.5}),
        ({"weights_init": [1.0, 0.0]}, {"name": "weights_init", "component": 1, "value": 0.0}),
        ({"weights_init": [0.5, 0.6]}, {"name": "weights_init", "total": 1.1}),
        ({"weights_init": [0.5]}, {"name": "weights_init", "expected": (2,), "shape": (1,)}),
        ({"precisions_init": [ONE, np.full((2, 2), np.nan)]}, {"name": "precisions_init", "at": (1, 0, 0)}),
        ({"precisions_init": [ONE, np.diag([np.inf, 1.0])]}, {"name": "precisions_init"}),
        ({"precisions_init": [ONE, [[1.0, 0.9], [0.0, 1.0]]]}, {"component": 1, "entry": (0, 1)}),
        ({"precisions_init": [ONE, -ONE]}, {"component": 1, "eigenvalue": -1.0}),
        ({"precisions_init": [[[1.0, 2.0], [2.0, 1.0]], ONE]}, {"component": 0, "eigenvalue": -1.0}),
        ({"precisions_init": [ONE, 0 * ONE]}, {"component": 1, "eigenvalue": 0.0}),
        ({"precisions_init": ONE}, {"name": "precisions_init", "expected": (2, 2, 2), "shape": (2, 2)}),
        ({"precisions_init": [["a", "b"]]}, {"name": "precisions_init"}),
        ({"precisions_init": [1j * ONE, ONE]}, {"name": "precisions_init"}),
    ],
)
def test_what_is_no_start(start, details, golden):
    with golden.raises(ParameterError, hide=["array.*"], **details):
        EMGaussianMixture(2, **start).fit(X)


@pytest.mark.parametrize(
    ("family", "precisions", "details"),
    [
        ("diag", [[1.0, 1.0], [1.0, -2.0]], {"component": 1, "eigenvalue": -2.0}),
        ("spherical", [1.0, 0.0], {"component": 1, "eigenvalue": 0.0}),
        ("tied", [[1.0, 0.0], [0.5, 1.0]], {"component": 0, "entry": (0, 1)}),
        ("tied_spherical", np.nan, {"at": ()}),
    ],
)
def test_precisions_of_other_families(family, precisions, details, golden):
    with golden.raises(ParameterError, **details):
        EMGaussianMixture(2, covariance_type=family, precisions_init=precisions).fit(X)
