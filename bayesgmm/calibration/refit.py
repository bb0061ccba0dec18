"""One refit: rows simulated from a draw of a fit, all rows fitted again, and where the draw's numbers lie.

Given the data, a draw of their posterior and rows simulated from it belong together as the truth and its data
do: the draw is then a draw of the posterior given both, whatever the data are.
"""

import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bayesgmm.calibration.ranks import rank_of
from bayesgmm.errors import DegenerateFitError, SamplingError
from bayesgmm.fit import Fit
from bayesgmm.mixture.conditional import lacking_like
from bayesgmm.mixture.density import responsibilities, simulate_from
from bayesgmm.mixture.draws import MixtureDraws, evenly
from bayesgmm.mixture.matching import best_match
from bayesgmm.posterior.passes import responsibility_draws
from bayesgmm.posterior.pointwise import log_densities
from bayesgmm.posterior.similarity import pairwise_similarity
from bayesgmm.posterior.verdict import Quantities, label_free_quantities, named_quantities
from bayesgmm.rows.rows import Rows

__all__ = ["AMONG", "MAKERS", "SCORED", "Refit", "Score", "n_simulated", "refitted"]

Array = NDArray[np.float64]
Refitting = Callable[[Rows, np.random.SeedSequence], Fit]

# Draws that a truth is ranked among: one fewer than there are ranks.
AMONG = 99
# Pairs of simulated rows that are looked at, and pairs of the data among which the least clear one is taken.
MOST_PAIRS, PAIRS_TRIED = 2_000, 500
MAKERS = ("posterior", "em")


class Score(NamedTuple):
    """How sure of something, on average, and how often right."""

    confidence: float
    accuracy: float


@dataclass(frozen=True)
class Refit:
    """What one refit has shown, in numbers that a file holds.

    Parameters
    ----------
    outcome : {"accepted", "components refused", "refused", "failed"}
        What the verdict on the refit says: all of it, all but single components, or none may be read; or that
        the fit ended with an error.
    ranks : dict of int
        Of each quantity among :data:`AMONG` draws; components are in the order of the fit. Empty where the
        draws must not be read.
    pairs, rows : dict of Score
        By posterior and EM: whether two simulated rows share a component, and which a row is of; empty with a
        single component, `rows` also where the verdict refuses components.
    """

    outcome: str
    ranks: dict[str, int]
    pairs: dict[str, Score]
    rows: dict[str, Score]

    def to_json(self) -> dict[str, Any]:
        """As JSON holds it."""
        return {"outcome": self.outcome, "ranks": self.ranks, "pairs": self.pairs, "rows": self.rows}

    @classmethod
    def from_json(cls, found: Any) -> "Refit":
        """What :meth:`to_json` was made of."""
        scores = [{maker: Score(*map(float, found[what][maker])) for maker in found[what]} for what in SCORED]
        ranks = {str(name): int(rank) for name, rank in found["ranks"].items()}
        if any(not 0 <= rank <= AMONG for rank in ranks.values()):
            raise ValueError("a rank is none")
        return cls(str(found["outcome"]), ranks, *scores)


SCORED = ("pairs", "rows")


def refitted(fit: Fit, refit: Refitting, seed: np.random.SeedSequence) -> Refit:
    """Simulate as many rows as there are, each counted by its weight, from a random draw; fit all; rank.

    Säilynoja, Schmitt, Bürkner and Vehtari (2025), Posterior SBC, arXiv 2502.03279, section 3.

    Parameters
    ----------
    fit : Fit
    refit : callable
        Fits rows as `fit` was, with the same prior and another seed.
    seed : numpy.random.SeedSequence
    """
    own, of_refit = seed.spawn(2)
    rng = np.random.default_rng(own)
    chain, draw = int(rng.integers(fit.draws.n_chains)), int(rng.integers(fit.draws.n_draws))
    truth = _only(fit.draws, chain, draw)
    log_weights, means, cholesky = (values[0] for values in truth.stacked)
    n = n_simulated(fit.rows)
    simulated, components = simulate_from(np.exp(log_weights), means, cholesky, n, rng)
    simulated = lacking_like(simulated, fit.rows.values, fit.rows.counts / fit.rows.total_weight, rng)
    rows = _together(fit.rows, simulated)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = refit(rows, of_refit)
            verdict = found.verdict
    except (SamplingError, DegenerateFitError):
        return Refit("failed", {}, {}, {})
    if not verdict.label_free_ok:
        return Refit("refused", {}, {}, {})
    order = _order(fit, found)
    draws = found.draws.permuted(np.broadcast_to(order, (*found.draws.weights.shape[:2], len(order))))
    readable = verdict.ok and fit.verdict.ok
    pair = _least_clear_pair(fit)
    true, drawn = (
        _quantities(fit, rows, mixtures, pair, log_likelihood, readable)
        for mixtures, log_likelihood in (
            (truth, np.array([[rows.total(log_densities(rows.columns, *truth.stacked)[0])]])),
            (draws, found.labels.log_likelihood),
        )
    )
    at = evenly(draws.n_chains * draws.n_draws, AMONG)
    values = drawn.values.reshape(-1, len(drawn.labels))[at]
    ranks = {
        name: rank_of(true.values[0, 0, q], values[:, q], rng)
        for q, name in enumerate(drawn.labels)
        # The weight of a single component is a constant.
        if np.ptp(values[:, q]) > 0
    }
    outcome = "accepted" if verdict.ok else "components refused"
    if len(order) == 1:
        return Refit(outcome, ranks, {}, {})
    by_em = responsibilities(simulated, found.em.params_)[:, order]
    by_posterior = found.labels.membership[len(fit.rows) :, order]
    of_pairs = _scores_of_pairs(simulated, components, draws, by_em, rng)
    of_rows = {"posterior": _of_rows(by_posterior, components), "em": _of_rows(by_em, components)}
    return Refit(outcome, ranks, of_pairs, of_rows if readable else {})


def n_simulated(rows: Rows) -> int:
    """How many rows are simulated: as many as there are, each counted by its weight."""
    return max(1, round(rows.total_weight))


def _only(draws: MixtureDraws, chain: int, draw: int) -> MixtureDraws:
    one = {name: v[chain : chain + 1, draw : draw + 1] for name, v in draws.values.items()}
    return MixtureDraws.of(one, draws.covariance_type)


def _together(rows: Rows, simulated: Array) -> Rows:
    """The data and simulated rows, each of which counts once, in this order."""
    both = Rows.unchecked(np.concatenate([rows.values, simulated]))
    weights = np.concatenate([rows.weights, np.ones(len(simulated))]) if len(rows.weights) else rows.weights
    return replace(both, names=rows.names, named=rows.named, weights=weights)


def _order(fit: Fit, found: Fit) -> NDArray[np.intp]:
    """The refit's components in the order of the fit's: with the same rows of the data."""
    if not fit.resolved_prior.is_exchangeable:
        return np.arange(fit.draws.n_components)
    weighted = fit.labels.membership * fit.rows.counts[:, None]
    return best_match(weighted.T @ found.labels.membership[: len(fit.rows)])


def _least_clear_pair(fit: Fit) -> Array | None:
    """Two rows of the data, shape (2, D), of which it is least clear whether they share a component; always
    the same of the same fit. None with a single component."""
    if fit.draws.n_components == 1:
        return None
    rng = np.random.default_rng([len(fit.rows), fit.draws.n_draws])
    i, j = rng.integers(len(fit.rows), size=(2, PAIRS_TRIED))
    columns = fit.rows.columns
    at = evenly(fit.draws.n_chains * fit.draws.n_draws, AMONG)
    similarity = pairwise_similarity(columns[i], columns[j], *(v[at] for v in fit.draws.stacked))
    least = np.abs(np.where(i == j, 1.0, similarity) - 0.5).argmin()
    return fit.rows.values[[i[least], j[least]]]


def _quantities(
    fit: Fit, rows: Rows, draws: MixtureDraws, pair: Array | None, log_likelihood: Array, readable: bool
) -> Quantities:
    """What is ranked: what does not depend on labels, and parameters where components may be read."""
    parts = [label_free_quantities(draws, log_likelihood, fit.em.params_.means)]
    if pair is not None:
        r = responsibility_draws(np.asfortranarray(pair), *draws.stacked)
        shared = (r[0] * r[1]).sum(axis=1).reshape(draws.n_chains, draws.n_draws, 1)
        parts.append(Quantities(shared, ("two rows share a component",)))
    if readable:
        parts.append(named_quantities(draws, rows.shown))
    return Quantities(np.concatenate([p.values for p in parts], axis=-1), sum((p.labels for p in parts), ()))


def _scores_of_pairs(
    simulated: Array,
    components: NDArray[np.intp],
    draws: MixtureDraws,
    by_em: Array,
    rng: np.random.Generator,
) -> dict[str, Score]:
    i, j = rng.integers(len(simulated), size=(2, MOST_PAIRS))
    i, j = i[i != j], j[i != j]
    same = components[i] == components[j]
    at = evenly(draws.n_chains * draws.n_draws, 10 * AMONG)
    columns = np.asfortranarray(simulated)
    posterior = pairwise_similarity(columns[i], columns[j], *(v[at] for v in draws.stacked))
    em = (by_em[i] * by_em[j]).sum(axis=1)
    return {
        maker: Score(float(np.maximum(p, 1 - p).mean()), float(((p > 0.5) == same).mean()))
        for maker, p in (("posterior", posterior), ("em", em))
    }


def _of_rows(membership: Array, components: NDArray[np.intp]) -> Score:
    right = membership.argmax(axis=1) == components
    return Score(float(membership.max(axis=1).mean()), float(right.mean()))
