"""Draws from the prior, without a model: for pictures of what it expects."""

import numpy as np
from numpy.typing import NDArray

from bayesgmm.bayes.log_laws import draw_volume, volume_law
from bayesgmm.bayes.priors import ResolvedPrior
from bayesgmm.mixture.families import posterior_family_of

__all__ = ["draw_prior"]

Array = NDArray[np.float64]


def draw_prior(
    prior: ResolvedPrior, covariance_type: str, size: int, rng: np.random.Generator
) -> dict[str, Array]:
    """Independent draws of weights, means, stds and, where the family has it, corr_chol.

    Shapes as those of posterior draws with `size` in place of (chain, draw).

    Parameters
    ----------
    prior : ResolvedPrior
    covariance_type : str
    size : int
    rng : numpy.random.Generator
    """
    k, d, family = len(prior.concentration), len(prior.mean_loc), posterior_family_of(covariance_type)
    shapes = {name: (size, *s) for name, s in family.shapes(k, d).items()}
    parts = family.std_parts(k)
    values = {
        "weights": rng.dirichlet(prior.concentration, size),
        "means": rng.normal(prior.mean_loc, prior.mean_scale, shapes["means"]),
    }
    # A prior that reaches very far may have draws that are infinite.
    with np.errstate(divide="ignore", over="ignore"):
        values["stds"] = (
            _products(prior, parts, size, rng)
            if any(parts)
            else prior.std_record.draw(rng, shapes["stds"], *map(family.of_stds, prior.std_numbers))
        )
    if "corr_chol" in shapes:
        values["corr_chol"] = _lkj(prior.lkj_eta, shapes["corr_chol"], rng)
    return values


def _products(prior: ResolvedPrior, parts: tuple[int, int], size: int, rng: np.random.Generator) -> Array:
    """Standard deviations (size, K, D) of volumes and shapes."""
    volumes, shapes = parts
    log_volumes = draw_volume(rng, (size, volumes), volume_law(prior.std_law))
    d = len(prior.mean_loc)
    log_shapes = np.log(prior.std_record.draw(rng, (size, shapes, d), *prior.std_numbers))
    log_shapes -= log_shapes.mean(axis=-1, keepdims=True)
    return np.exp(log_volumes[..., None] + log_shapes)


def _lkj(eta: float, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
    """Cholesky factors of LKJ correlation matrices, row by row: the onion method.

    Lewandowski, Kurowicka and Joe (2009), section 3.2: row i points in a uniform direction, and its squared
    length before the diagonal is Beta(i / 2, eta + (D - 1 - i) / 2).
    """
    d, lead = shape[-1], shape[:-2]
    factor = np.zeros(shape)
    factor[..., 0, 0] = 1.0
    for i in range(1, d):
        squared = rng.beta(i / 2, eta + (d - 1 - i) / 2, lead)
        direction = rng.standard_normal((*lead, i))
        direction /= np.linalg.norm(direction, axis=-1, keepdims=True)
        factor[..., i, :i] = np.sqrt(squared)[..., None] * direction
        factor[..., i, i] = np.sqrt(1 - squared)
    return factor
