"""Two clusters in one dimension, and settings under which a fit of them takes a tenth of a second."""

import numpy as np

SETTINGS = {"method": "laplace", "draws": 250, "chains": 2, "random_state": 0, "progressbar": False}


def two_clusters(distance, n=20):
    """Rows of two clusters of standard deviation 1 and n rows each, shape (2 n, 1)."""
    rng = np.random.default_rng(0)
    return np.concatenate([rng.normal(0, 1, n), rng.normal(distance, 1, n)])[:, None]
