"""Draws from the Gaussian at the posterior mode, weighted by how far it is from the posterior.

No chain runs. Proposals come from the Laplace approximation, each is weighted by posterior over Gaussian
density, the largest weights are smoothed, and draws are taken in proportion. Where the Gaussian is too narrow
somewhere, a few weights carry everything, and the shape k of their tail tells.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bayesgmm.bayes.target import Target
from bayesgmm.errors import SamplingError
from bayesgmm.methods.laplace_approximation import Laplace
from bayesgmm.methods.resampling import systematic
from bayesgmm.support.clock import Clock
from bayesgmm.support.smoothing import smoothed_log_weights
from bayesgmm.support.threads import shared

__all__ = ["ImportanceDraws", "sample_laplace"]

Array = NDArray[np.float64]

# Taken one in four, draws that occur twice are few.
PROPOSALS_PER_DRAW = 4
# Fewer do not have a tail to fit.
FEWEST_DRAWS = 50
LARGEST_K = 0.7
# Between two looks at the clock.
PROPOSALS_AT_ONCE = 1000


@dataclass(frozen=True)
class ImportanceDraws:
    """Draws of equal weight, and how good they are.

    Parameters
    ----------
    q : ndarray, shape (chain, draw, n)
        Unconstrained draws; each chain is taken from proposals of its own.
    log_posterior : ndarray, shape (chain, draw)
    pareto_k : float
        Shape of the generalised Pareto distribution fitted to the largest weights; above 0.7 they cannot be
        relied on.
    largest_k : float
        Up to which it is reliable with this many proposals, min(1 - 1 / log10 M, 0.7).
    ess : float
        What the draws are worth in independent ones: the proposals' 1 / sum of squared normalised weights,
        but no more than there are draws.
    """

    q: Array
    log_posterior: Array
    pareto_k: float
    largest_k: float
    ess: float


def sample_laplace(
    target: Target,
    approximation: Laplace,
    *,
    draws: int,
    chains: int,
    cores: int,
    seed: np.random.SeedSequence,
    clock: Clock | None = None,
) -> ImportanceDraws:
    """Sampling importance resampling from the Laplace approximation, with Pareto-smoothed weights.

    Rubin (1987), and for the smoothing Vehtari, Simpson, Gelman, Yao and Gabry (2024), Pareto smoothed
    importance sampling, Journal of Machine Learning Research 25, algorithm 1 and section 3.2.3. O(chains
    draws) evaluations of the posterior.

    Parameters
    ----------
    target : Target
    approximation : Laplace
        Mode and whitening.
    draws, chains : int
        Draws a chain; chains share nothing but the smoothing.
    cores : int
        Threads; the draws do not depend on it.
    seed : numpy.random.SeedSequence
    clock : Clock, optional

    Raises
    ------
    SamplingError
        Where no proposal has a finite log posterior, or the clock's time passes before all have one.
    """
    rngs = [np.random.default_rng(s) for s in seed.spawn(chains)]
    m = PROPOSALS_PER_DRAW * draws
    z = np.stack([rng.standard_normal((m, target.n_parameters)) for rng in rngs])
    q = approximation.mode + z @ approximation.whitening.T
    log_posterior = _log_posteriors(target, q.reshape(chains * m, -1), cores, clock).reshape(chains, m)
    # The Gaussian's constant is that of the weights, too, and drops out.
    log_ratios = log_posterior + 0.5 * (z**2).sum(axis=2)
    finite = np.isfinite(log_ratios)
    if not finite.any():
        raise SamplingError(
            "The log posterior is finite at no draw from the Gaussian at its mode; try method='nuts'."
        )
    # Smoothing takes logarithms of ratios to the largest.
    log_ratios = np.where(finite, log_ratios, log_ratios[finite].min() - 700.0)
    # ArviZ takes a log-likelihood, of which the log ratios of leave-one-out are the negative.
    log_weights, k = smoothed_log_weights(-log_ratios.ravel())
    weights = np.exp(log_weights).reshape(chains, m)
    taken = np.stack([systematic(w, draws, rng) for w, rng in zip(weights, rngs, strict=True)])
    return ImportanceDraws(
        np.take_along_axis(q, taken[..., None], axis=1),
        np.take_along_axis(log_posterior, taken, axis=1),
        float(k),
        min(1 - 1 / np.log10(chains * m), LARGEST_K),
        min(float(weights.sum() ** 2 / (weights**2).sum()), float(chains * draws)),
    )


def _log_posteriors(target: Target, q: Array, cores: int, clock: Clock | None) -> Array:
    """The log posterior at each row of q, shape (S,)."""
    found: list[float] = []
    while len(found) < len(q):
        if clock is not None and clock.is_over and found:
            raise SamplingError(
                f"max_time had passed when {len(found)} of {len(q)} proposals for method='laplace' were "
                "weighted; allow more time, or ask for fewer draws.",
                reached=len(found),
                wanted=len(q),
            )
        part = q[len(found) : len(found) + PROPOSALS_AT_ONCE]
        found += shared(lambda row: target(row)[0], list(part), cores)
    return np.array(found)
