"""What several test files make their inputs with."""

import numpy as np

from bayesgmm import MixtureParams


def random_mixture(rng, n_components, n_features, spread=2.0):
    """A mixture with covariances of moderate condition, for tests that need any."""
    a = rng.normal(size=(n_components, n_features, n_features)) * 0.4 + np.eye(n_features)
    return MixtureParams(
        rng.dirichlet(np.full(n_components, 3.0)),
        rng.normal(scale=spread, size=(n_components, n_features)),
        a @ np.swapaxes(a, 1, 2),
    )
