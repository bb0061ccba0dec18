"""Where tempering starts: a mixture of t distributions around the modes that optimisations have found.

Two kinds of regions hold the mass of a mixture's posterior. Around a mode at which every component has rows
of its own, the Laplace approximation tells shape and size. Where the data do not need all components, some
have next to no rows and are spread as in the prior; such a region is described by a mode with one or two
components fewer, and draws from the prior for those that are left over. What a first run of tempering has
drawn tells more: :meth:`InitialMixture.refitted`.

The posterior is the same for all K! orders of the components. The initial mixture knows one: components
sorted by the projection of their means on a direction. A mixture is sorted before its density is asked for.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln, logsumexp

from bayesgmm.bayes.prior_draws import draw_prior
from bayesgmm.bayes.target import Target
from bayesgmm.errors import SamplingError
from bayesgmm.methods.climbs import distinct_ends, in_order_along, is_same_mode, random_mixtures
from bayesgmm.methods.laplace_approximation import SMALLEST_CURVATURE, Laplace, laplace, optimised
from bayesgmm.methods.needles import is_drawable
from bayesgmm.methods.rounding import without_artefacts
from bayesgmm.mixture.coordinates import Coordinates, unconstrained
from bayesgmm.mixture.params import MixtureParams
from bayesgmm.support.clock import Clock
from bayesgmm.support.threads import shared

__all__ = [
    "InitialMixture",
    "find_initial_mixture",
    "log_evidence",
    "log_share_of_empty",
    "modes_from",
    "posterior_modes",
]

Array = NDArray[np.float64]

DEGREES_OF_FREEDOM = 8.0
# Scale matrices are wider than the approximations, so that weights of particles vary less; where components
# have no rows, tails may be heavier than the initial mixture's all the same, and tempering makes up for it.
BROADER = 1.3**2
BROADER_WHERE_EMPTY = BROADER_REFITTED = 1.15**2
MOST_MODES = 14
# Of the ends of optimisations, by density, whose evidence is asked for.
MOST_SHARPENED = 40
MOST_EMPTY = 2
MOST_SMALLER_MODES = 3
# In log evidence behind the best; what is further behind holds next to nothing.
FURTHEST = 12.0
FURTHEST_SMALLER = 6.0
# Of the initial mixture's weight, what is spread evenly: evidence by Laplace is no more than a guess, and
# more so of components without rows.
EVEN_SHARE = 0.2
EVEN_SHARE_OF_EMPTY = 0.5
DRAWS_FOR_MOMENTS = 4000
# Of these, what an order of the components needs to have moments of its own.
FEWEST_IN_ORDER = 0.01
# A refit is steadied by what was there before, with the weight of so many draws for each coordinate, and by a
# share of the weights.
REFITS = 8
STEADIED_CENTRE, STEADIED_SCALE, STEADIED_SHARE = 0.1, 2.0, 0.1
# Draws from a component of the initial mixture, of mixtures whose components overlap, may be sorted in one of
# K! only.
MOST_ROUNDS = 5000
FURTHEST_COORDINATE = 1e6


@dataclass(frozen=True)
class InitialMixture:
    """M multivariate t distributions in the coordinates of :class:`Target`, restricted to sorted components.

    Parameters
    ----------
    centres : ndarray, shape (M, n)
    factors, inverses : ndarrays, shape (M, n, n)
        Lower Cholesky factors of the scale matrices, and their inverses.
    weights : ndarray, shape (M,)
    log_constants : ndarray, shape (M,)
        Log of weight times normaliser of each t density.
    direction : ndarray, shape (D,)
        Components are sorted by the projection of their means on it.
    broader : ndarray, shape (M,)
        How much wider the scale matrices are than what is known of the posterior there.
    """

    centres: Array
    factors: Array
    inverses: Array
    weights: Array
    log_constants: Array
    direction: Array
    broader: Array

    @classmethod
    def of(
        cls, components: Sequence[tuple[Array, Array, float]], direction: Array, broader: Array
    ) -> "InitialMixture":
        """From centres, scale matrices, weights, and factors to broaden the scale matrices by, shape (M,)."""
        centres, scales, weights = (np.array(x) for x in zip(*components, strict=True))
        weights = weights / weights.sum()
        factors = np.linalg.cholesky(broader[:, None, None] * scales)
        n, nu = centres.shape[1], DEGREES_OF_FREEDOM
        normaliser = gammaln((nu + n) / 2) - gammaln(nu / 2) - 0.5 * n * math.log(nu * math.pi)
        log_det = np.log(np.diagonal(factors, axis1=1, axis2=2)).sum(axis=1)
        constants = np.log(weights) + normaliser - log_det
        return cls(centres, factors, np.linalg.inv(factors), weights, constants, direction, broader)

    def draw(self, size: int, coordinates: Coordinates, rng: np.random.Generator) -> tuple[Array, float]:
        """Sorted draws, shape (size, n), and the share of all draws that are sorted.

        Raises
        ------
        SamplingError
            Where next to none is.
        """
        kept: list[Array] = []
        tried = accepted = 0
        # Some rounds more than needed: the share is a factor of the evidence.
        while accepted < size or tried < 16 * size:
            if tried >= MOST_ROUNDS * size:
                raise SamplingError("No draw has its components sorted; use fewer components.")
            m = rng.choice(len(self.weights), size, p=self.weights)
            z = rng.standard_normal((size, self.centres.shape[1]))
            z *= np.sqrt(DEGREES_OF_FREEDOM / rng.chisquare(DEGREES_OF_FREEDOM, size))[:, None]
            q = self.centres[m] + np.einsum("nij,nj->ni", self.factors[m], z)
            q = q[(np.diff(coordinates.means(q) @ self.direction, axis=1) >= 0).all(axis=1)]
            tried, accepted = tried + size, accepted + len(q)
            kept.append(q)
        return np.concatenate(kept)[:size], accepted / tried

    def refitted(self, q: Array) -> "InitialMixture":
        """As many t distributions, fitted to draws of the posterior, shape (S, n), by EM.

        Peel and McLachlan (2000), Robust mixture modelling using the t distribution, section 4; steadied,
        since some components have few draws.
        """
        n, nu = q.shape[1], DEGREES_OF_FREEDOM
        scales = self.factors @ np.swapaxes(self.factors, 1, 2) / self.broader[:, None, None]
        as_fitted, broader = np.ones(len(scales)), np.full(len(scales), BROADER_REFITTED)
        found = self
        components: list[tuple[Array, Array, float]] = []
        for _ in range(REFITS):
            distances = np.stack(
                [
                    np.square((q - c) @ inverse.T).sum(axis=1)
                    for c, inverse in zip(found.centres, found.inverses, strict=True)
                ]
            )
            log_densities = found.log_constants[:, None] - 0.5 * (nu + n) * np.log1p(distances / nu)
            shares = np.exp(log_densities - logsumexp(log_densities, axis=0))
            pulls = shares * (nu + n) / (nu + distances)
            components = []
            for m, (share, pull) in enumerate(zip(shares, pulls, strict=True)):
                steady = STEADIED_CENTRE * n
                centre = (pull @ q + steady * self.centres[m]) / (pull.sum() + steady)
                away = q - centre
                steady = STEADIED_SCALE * n
                scale = (away.T * pull) @ away + steady * scales[m]
                weight = (1 - STEADIED_SHARE) * share.mean() + STEADIED_SHARE * self.weights[m]
                components.append((centre, scale / (share.sum() + steady), float(weight)))
            found = InitialMixture.of(components, self.direction, as_fitted)
        return InitialMixture.of(components, self.direction, broader)


def find_initial_mixture(
    target: Target,
    starts: Sequence[MixtureParams],
    rng: np.random.Generator,
    cores: int,
    clock: Clock | None = None,
) -> InitialMixture:
    """A t distribution for each mode, and for modes of fewer components beside some that have no rows.

    Parameters
    ----------
    target : Target
    starts : sequence of MixtureParams
        In the user's units; where optimisations start, beside random ones, each for its own number of
        components.
    rng : numpy.random.Generator
    cores : int
        Threads; the result does not depend on it.
    clock : Clock, optional

    Raises
    ------
    SamplingError
        Where no mode is found, or a clock's time has passed before they are known.
    """
    k = target.n_components
    rows = target.filled_rows
    direction = np.linalg.svd(rows - rows.mean(axis=0), full_matrices=False)[2][0]
    # What holds for all components may have been given K times.
    concentrations = target.resolved_prior.concentrations
    prior = target.prior.of_one_component
    groups, evidence = [], []
    for empty in range(min(MOST_EMPTY, k - 1) + 1):
        fewer = replace(target, n_components=k - empty, prior=prior)
        own = [p for p in starts if p.n_components == k - empty]
        modes = posterior_modes(fewer, own, direction, rng, cores, clock)
        best = log_evidence(modes[0])
        evidence.append(best + log_share_of_empty(concentrations, target.data.total_weight, k, empty))
        if empty == 0:
            groups.append(
                [
                    (m.mode, m.whitening @ m.whitening.T, share)
                    for m, share in zip(modes, _shares(modes), strict=True)
                ]
            )
        else:
            modes = [m for m in modes[:MOST_SMALLER_MODES] if log_evidence(m) > best - FURTHEST_SMALLER]
            groups.append(
                [
                    (q, scale, share * of_order)
                    for mode, share in zip(modes, _shares(modes), strict=True)
                    for q, scale, of_order in _beside_empty_ones(fewer, mode, empty, direction, rng)
                ]
            )
    of_group = _softened(np.array(evidence), EVEN_SHARE_OF_EMPTY)
    components = [
        (q, scale, of * share)
        for of, group in zip(of_group, groups, strict=True)
        for q, scale, share in group
    ]
    broader = np.full(len(components), BROADER_WHERE_EMPTY)
    broader[: len(groups[0])] = BROADER
    return InitialMixture.of(components, direction, broader)


def posterior_modes(
    target: Target,
    starts: Sequence[MixtureParams],
    direction: Array,
    rng: np.random.Generator,
    cores: int,
    clock: Clock | None = None,
) -> list[Laplace]:
    """Up to 14 distinct modes of the posterior, in the order of their evidence by Laplace's method.

    Optimisations start at the given mixtures, and at random ones around rows of the data; artefacts of
    rounding are left out.
    """
    first = [target.unconstrained(p) for p in starts]
    first += list(random_mixtures(target, rng)) if target.n_components > 1 else []
    return modes_from(target, first or list(random_mixtures(target, rng)[:1]), direction, cores, clock)


def modes_from(
    target: Target, first: Sequence[Array], direction: Array, cores: int, clock: Clock | None = None
) -> list[Laplace]:
    """The same from optimisations that start at vectors of the target's coordinates."""
    in_order = partial(in_order_along, target.coordinates, direction)

    def loose(q: Array) -> tuple[Array, float]:
        end, value = optimised(target, q, tolerance=1e-9, iterations=400, clock=clock)
        return in_order(end), value

    def sharp(end: tuple[Array, float]) -> Laplace | None:
        try:
            mode = laplace(target, end[0], clock)
            again = in_order(mode.mode)
            return mode if np.array_equal(again, mode.mode) else laplace(target, again, clock)
        except SamplingError:
            if clock is not None and clock.is_over:
                raise
            return None

    ends = sorted(shared(loose, first, cores), key=lambda end: -end[1])
    distinct = distinct_ends(ends)
    # Evidence is what counts in the end, but a mode far below the best in density rarely makes up for it.
    modes: list[Laplace] = []
    for mode in shared(sharp, distinct[:MOST_SHARPENED], cores):
        if mode is not None and not any(
            is_same_mode((mode.mode, mode.log_posterior), (m.mode, m.log_posterior)) for m in modes
        ):
            modes.append(mode)
    modes = without_artefacts(target, modes)
    modes = [mode for mode in modes if is_drawable(target, mode.mode)] or modes
    if not modes:
        raise SamplingError(
            "The log posterior is finite at none of the starts; the prior may be too wide for the data."
        )
    modes.sort(key=lambda m: -log_evidence(m))
    best = log_evidence(modes[0])
    return [m for m in modes[:MOST_MODES] if log_evidence(m) > best - FURTHEST]


def log_evidence(mode: Laplace) -> float:
    """Laplace's approximation to the integral of the posterior density around a mode, one of K! copies."""
    curvatures = np.maximum(mode.curvatures, SMALLEST_CURVATURE)
    n = len(curvatures)
    return float(mode.log_posterior + 0.5 * n * math.log(2 * math.pi) - 0.5 * np.log(curvatures).sum())


def _shares(modes: Sequence[Laplace]) -> Array:
    return _softened(np.array([log_evidence(m) for m in modes]), EVEN_SHARE)


def _softened(evidence: Array, even: float) -> Array:
    # The root: where the approximation errs, it errs by orders of magnitude.
    shares = np.exp(0.5 * (evidence - evidence.max()))
    return (1 - even) * shares / shares.sum() + even / len(shares)


def log_share_of_empty(concentrations: Array, n: float, n_components: int, empty: int) -> float:
    """Log probability, by Dirichlet distributions that are as likely, that the last of K components have no
    rows, over their orders."""
    all_of, rest = concentrations * n_components, concentrations * (n_components - empty)
    each = gammaln(all_of) - gammaln(rest) + gammaln(n + rest) - gammaln(n + all_of)
    return float(logsumexp(each) - math.log(len(each)) - gammaln(empty + 1))


def _beside_empty_ones(
    fewer: Target, mode: Laplace, empty: int, direction: Array, rng: np.random.Generator
) -> list[tuple[Array, Array, float]]:
    """Centres, scale matrices and shares of a mode beside components of the prior, in each order."""
    k, d = fewer.shape
    n, family = DRAWS_FOR_MOMENTS * empty, fewer.covariance_type
    q = mode.mode + rng.standard_normal((n, len(mode.mode))) @ mode.whitening.T
    values = fewer.coordinates.constrained(q)
    prior = fewer.prior.standardised(fewer.shift, fewer.scale)
    others = fewer.turned_values(draw_prior(prior.resolve(empty, d, family), family, n, rng))
    # What the Dirichlet leaves to components without rows.
    resolved = prior.resolve(k + empty, d, family)
    # The smallest of several concentrations is the one that leaves components empty.
    a = float(resolved.concentrations[0])
    left = rng.beta(a * empty, fewer.data.total_weight + a * k, n)[:, None]
    both = dict(values)
    both["weights"] = np.concatenate([values["weights"] * (1 - left), others["weights"] * left], axis=1)
    for name in fewer.family.own:
        both[name] = np.concatenate([values[name], others[name]], axis=1)
    joined = unconstrained(both, fewer.family)
    # Priors that reach very far have draws beyond all numbers.
    joined = joined[(np.abs(joined) < FURTHEST_COORDINATE).all(axis=1)]
    there, order = Coordinates(k + empty, d, fewer.family).sorted_along(direction, joined)
    # Which of the components from the prior is which does not matter.
    _, at, counts = np.unique(np.minimum(order, k), axis=0, return_inverse=True, return_counts=True)
    out = []
    for i in np.flatnonzero(counts >= FEWEST_IN_ORDER * n):
        some, p = there[at.ravel() == i], there.shape[1]
        scale = np.atleast_2d(np.cov(some.T))
        # Few draws tell variances but not all covariances.
        scale = (len(some) * scale + p * np.diag(np.diag(scale))) / (len(some) + p)
        out.append((some.mean(axis=0), scale, counts[i] / n))
    return out
