"""Draws from the prior, without a model: for pictures of what it expects."""

import numpy as np
from numpy.typing import NDArray

from bayesgmm.bayes.common_scales import CommonLaw, CommonScale
from bayesgmm.bayes.log_laws import draw_volume, volume_law
from bayesgmm.bayes.log_prior import log_visibility_of
from bayesgmm.bayes.priors import ResolvedPrior
from bayesgmm.errors import SamplingError
from bayesgmm.mixture.covariance_family import CovarianceFamily
from bayesgmm.mixture.families import posterior_family_of

__all__ = ["draw_prior", "log_seen"]

Array = NDArray[np.float64]

# Of draws of a prior: at least this share must be of what the resolution lets see.
SMALLEST_KEPT = 1e-3
DRAWS_FOR_SHARE = 20_000


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
    if not prior.resolution.any():
        return _draws(prior, covariance_type, size, rng)
    # The factor for what can be seen is at most 1: draws are kept with that probability.
    family, kept, parts, tried = posterior_family_of(covariance_type), 0, [], 0
    while kept < size:
        values = _draws(prior, covariance_type, size, rng)
        chances = np.exp(log_visibility_of(values, prior.resolution, family))
        seen = rng.random(size) < chances
        tried, kept = tried + size, kept + int(seen.sum())
        parts.append({name: x[seen] for name, x in values.items()})
        if kept < SMALLEST_KEPT * tried:
            raise SamplingError(
                f"Of {tried} draws of the prior {kept} are of components that the resolution of the data "
                f"lets see; choose a prior of wider components, or a smaller resolution.",
                tried=tried,
                kept=kept,
            )
    return {name: np.concatenate([part[name] for part in parts])[:size] for name in parts[0]}


def log_seen(prior: ResolvedPrior, covariance_type: str) -> float:
    """Log of the share of the prior that its resolution leaves, by draws of a fixed seed."""
    if not prior.resolution.any():
        return 0.0
    values = _draws(prior, covariance_type, DRAWS_FOR_SHARE, np.random.default_rng(0))
    family = posterior_family_of(covariance_type)
    return float(np.log(np.exp(log_visibility_of(values, prior.resolution, family)).mean()))


def _draws(
    prior: ResolvedPrior, covariance_type: str, size: int, rng: np.random.Generator
) -> dict[str, Array]:
    """The same as if everything could be seen."""
    (k, d), family = prior.mean_loc.shape, posterior_family_of(covariance_type)
    shapes = {name: (size, *s) for name, s in family.shapes(k, d).items()}
    values = {
        "weights": _weights(prior, size, rng),
        "means": rng.normal(prior.mean_loc, prior.mean_scale, shapes["means"]),
    }
    # A prior that reaches very far may have draws that are infinite.
    with np.errstate(divide="ignore", over="ignore"):
        values["stds"] = _stds(prior, family, size, rng).reshape(shapes["stds"])
    if "corr_chol" in shapes:
        values["corr_chol"] = _lkj(prior.lkj_eta, shapes["corr_chol"], rng)
    return values


def _weights(prior: ResolvedPrior, size: int, rng: np.random.Generator) -> Array:
    if not len(prior.mixed):
        return rng.dirichlet(prior.concentration, size)
    # Of small concentrations all gammas may be zero, of which Dirichlet draws know how to take care.
    which = rng.integers(len(prior.mixed), size=size)
    weights = np.empty((size, len(prior.concentration)))
    for m, a in enumerate(prior.mixed):
        weights[which == m] = rng.dirichlet(np.full(weights.shape[1], a), int((which == m).sum()))
    return weights


def _stds(prior: ResolvedPrior, family: CovarianceFamily, size: int, rng: np.random.Generator) -> Array:
    """Standard deviations (size, K or 1, D or 1)."""
    (k, d), record = prior.mean_loc.shape, prior.std_record
    parts = family.std_parts(k)
    if any(parts):
        return _products(prior, parts, size, rng)
    n, m = k if family.by_component else 1, d if family.by_feature else 1
    # Those of a common scale are of features alone.
    rows = 1 if isinstance(record, CommonScale) else n
    return record.draw(rng, (size, n, m), *(v[:rows, :m] for v in prior.std_numbers))


def _products(prior: ResolvedPrior, parts: tuple[int, int], size: int, rng: np.random.Generator) -> Array:
    """Standard deviations (size, K, D) of volumes and shapes."""
    law, record, (volumes, shapes) = prior.std_law, prior.std_record, parts
    if isinstance(law, CommonLaw):
        log_volumes, log_shapes = law.draw_parts(rng, size, parts)
        return np.exp(log_volumes[..., None] + log_shapes)
    log_volumes = draw_volume(rng, (size, volumes), volume_law(law))
    log_shapes = np.log(record.draw(rng, (size, shapes, prior.n_features), *prior.shared_std_numbers))
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
