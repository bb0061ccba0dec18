"""Are component-wise summaries identifiable? Convergence is judged on label-free quantities first."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import arviz_stats as azs
import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy import stats

from bayesgmm.mixture.draws import MixtureDraws
from bayesgmm.posterior.labelling import LabellingDiagnostics
from bayesgmm.posterior.pointwise import log_densities
from bayesgmm.rows.rows import Rows
from bayesgmm.wording import Reason
from bayesgmm.wording.verdict import readable_sentence, refused_sentence

__all__ = [
    "Diagnostics",
    "ImportanceCheck",
    "Quantities",
    "SamplerCheck",
    "TemperingCheck",
    "Verdict",
    "ancestral_ess",
    "diagnose",
    "judge",
    "label_free_quantities",
    "more_particles",
    "named_quantities",
    "sampler_check",
]

Array = NDArray[np.float64]

# Vehtari, Gelman, Simpson, Carpenter and Buerkner (2021), section 4.
LARGEST_R_HAT = 1.01
SMALLEST_ESS_PER_CHAIN = 100
# Betancourt (2016), Diagnosing suboptimal cotangent disintegrations in Hamiltonian Monte Carlo; the bound is Stan's.
SMALLEST_BFMI = 0.3
LARGEST_SHARE_OF_DEEPEST_TREES = 0.01
FEWEST_FAMILIES = 20
SHARE_OF_ONE_MODE = 0.9


class Quantities(NamedTuple):
    """Scalars of each draw, shape (chain, draw, Q), and a label for each."""

    values: Array
    labels: tuple[str, ...]

    @property
    def varying(self) -> "Quantities":
        """Without those that never change."""
        moved = self.values.max(axis=(0, 1)) > self.values.min(axis=(0, 1))
        labels = tuple(label for label, keep in zip(self.labels, moved, strict=True) if keep)
        return Quantities(self.values[..., moved], labels)


@dataclass(frozen=True)
class Diagnostics:
    """The worst of each kind over a set of quantities, and where it was seen; ``chain_means`` are those of ``r_hat_at``."""

    r_hat: float
    r_hat_at: str
    ess: float
    ess_at: str
    chain_means: tuple[float, ...] = ()


@dataclass(frozen=True)
class SamplerCheck:
    """What the sampler says of itself: divergent transitions, the smallest energy fraction (E-BFMI) of a chain, and the share
    of draws whose tree reached the largest depth."""

    divergences: int = 0
    bfmi: float = math.inf
    deepest: float = 0.0

    @property
    def reasons(self) -> list[Reason]:
        """One for each fault."""
        out = []
        if self.divergences:
            out.append(Reason("transitions_diverged", {"n": self.divergences}))
        if self.bfmi < SMALLEST_BFMI:
            out.append(Reason("low_energy_fraction", {"bfmi": self.bfmi, "wanted": SMALLEST_BFMI}))
        if self.deepest > LARGEST_SHARE_OF_DEEPEST_TREES:
            out.append(Reason("trajectories_cut_off", {"share": self.deepest}))
        return out


@dataclass(frozen=True)
class ImportanceCheck:
    """Of draws that were weighted rather than sampled: the Pareto shape k of the weights and how large it may be, and what the
    draws are worth in independent ones."""

    pareto_k: float
    largest_k: float
    ess: float

    def reasons(self, needed: int) -> list[Reason]:
        """One for each fault."""
        out = []
        # A tail that could not be fitted is no good sign either.
        if not self.pareto_k < self.largest_k:
            out.append(Reason("gaussian_does_not_fit", {"pareto_k": self.pareto_k, "wanted": self.largest_k}))
        if self.ess < needed:
            out.append(Reason("too_few_weighted_draws", {"ess": self.ess, "wanted": needed}))
        return out


@dataclass(frozen=True)
class TemperingCheck:
    """Of draws that were tempered: the last temperature that all runs have reached, how many modes hold 5 % of the posterior or
    more, the share of the largest, and of how many first particles the draws of a run descend at least."""

    temperature: float
    n_modes: int
    largest_share: float = 1.0
    n_families: int = FEWEST_FAMILIES

    @property
    def has_several_modes(self) -> bool:
        """Whether no single mode stands for the posterior."""
        return self.n_modes > 1 or self.largest_share < SHARE_OF_ONE_MODE

    @property
    def reasons(self) -> list[Reason]:
        """One for each fault."""
        if self.temperature < 1.0:
            return [Reason("tempering_stopped", {"beta": self.temperature})]
        if self.n_families < FEWEST_FAMILIES:
            return [Reason("too_few_ancestors", {"n": self.n_families, "wanted": FEWEST_FAMILIES})]
        return []

    @property
    def names_reasons(self) -> list[Reason]:
        """Why single components must not be read."""
        if not self.has_several_modes:
            return []
        values = {"n_modes": self.n_modes, "largest_share": self.largest_share}
        return [Reason("no_dominant_mode", values)]


@dataclass(frozen=True)
class Verdict:
    """Whether component-wise summaries may be read, and what speaks against it.

    ``ok`` is true where nothing does; ``reasons`` then is empty. ``label_free`` and ``components`` hold the diagnostics behind
    it, ``labelling`` the labelling diagnostics, ``sampler`` what the sampler says of itself, ``importance`` the check
    of weighted draws and ``tempering`` that of tempered ones; None where the draws come from chains. ``label_free_ok`` says whether at least what does not depend on labels
    may be read: densities, the log-likelihood, the similarity of observations, the partition.
    """

    ok: bool
    label_free_ok: bool
    reasons: tuple[Reason, ...]
    label_free: Diagnostics
    components: Diagnostics
    labelling: LabellingDiagnostics
    sampler: SamplerCheck = field(default_factory=SamplerCheck)
    importance: ImportanceCheck | None = None
    tempering: TemperingCheck | None = None

    @property
    def exploration(self) -> str:
        """What is known of the posterior as a whole.

        "not explored": chains or runs disagree, are stopped early or too short to tell, so that there may be more than they have seen. "several modes, explored": tempered
        runs agree, and what they know has several modes. "not identified": what does not depend on labels is known, and the data do
        not tell the components apart. "one mode": nothing speaks against it; of modes that no start has led to nothing is known.
        """
        if not self.label_free_ok:
            return "not explored"
        if self.tempering is not None and self.tempering.has_several_modes:
            return "several modes, explored"
        return "not identified" if self.labelling.reasons else "one mode"

    @property
    def divergences(self) -> int:
        """Number of divergent transitions."""
        return self.sampler.divergences

    @property
    def largest_r_hat(self) -> float:
        """Of what does not depend on labels, and of the components' parameters."""
        return max(self.label_free.r_hat, self.components.r_hat)

    @property
    def smallest_ess(self) -> float:
        """The same of effective sample sizes."""
        return min(self.label_free.ess, self.components.ess)

    @property
    def grounds(self) -> Reason:
        """What speaks for a reading of single components, where nothing speaks against it."""
        if self.importance is not None:
            check = self.importance
            values = {"pareto_k": check.pareto_k, "wanted": check.largest_k, "ess": check.ess}
            return Reason("gaussian_fits", values)
        values = {"r_hat": self.largest_r_hat, "ess": self.smallest_ess, "wanted": LARGEST_R_HAT}
        return Reason("chains_agree" if self.tempering is None else "runs_agree", values)

    def __str__(self) -> str:
        if self.ok:
            return readable_sentence(str(self.grounds), self.labelling.nearly_tied)
        return refused_sentence(self.exploration, [str(r) for r in self.reasons], self.label_free_ok)


def named_quantities(draws: MixtureDraws, names: Sequence[str]) -> Quantities:
    """Every parameter of every component, by its label."""
    return Quantities(draws.parameter_values, tuple(p.label(names) for p in draws.parameters))


def label_free_quantities(draws: MixtureDraws, log_likelihood: Array, points: Array) -> Quantities:
    """What is the same whatever the components are called.

    Log-likelihood, entropy of the weights and the sorted weights, log determinant of the whole mixture's covariance, and the
    log density at fixed points.

    Parameters
    ----------
    draws : MixtureDraws
    log_likelihood : ndarray, shape (chain, draw)
    points : ndarray, shape (M, D)
    """
    weights = np.sort(draws.weights, axis=-1)[..., ::-1]
    with np.errstate(divide="ignore", invalid="ignore"):
        entropy = -np.where(weights > 0, weights * np.log(weights), 0.0).sum(axis=-1)
    chains, n, k = weights.shape
    at_points = log_densities(Rows.unchecked(points).columns, *draws.stacked).reshape(chains, n, -1)
    blocks = [log_likelihood[..., None], _log_det_of_total(draws)[..., None], at_points]
    labels = ["log_likelihood", "log determinant of the total covariance"]
    labels += [f"log density at EM's mean {m}" for m in range(len(points))]
    # With one component weights and their entropy are constants.
    if k > 1:
        blocks += [entropy[..., None], weights]
        labels += ["entropy of the weights", *(f"weight of rank {r + 1}" for r in range(k))]
    return Quantities(np.concatenate(blocks, axis=-1), tuple(labels))


def _log_det_of_total(draws: MixtureDraws) -> Array:
    """Of the covariance of the whole mixture: within components and between them, shape (chain, draw)."""
    weights, means = draws.weights, draws.means
    centred = means - np.einsum("cdk,cdki->cdi", weights, means)[:, :, None]
    within = np.einsum("cdk,cdkij->cdij", weights, draws.covariances)
    between = np.einsum("cdk,cdki,cdkj->cdij", weights, centred, centred)
    return np.linalg.slogdet(within + between)[1]


def diagnose(quantities: Quantities, ancestor: NDArray[np.int64] | None = None) -> Diagnostics:
    """Largest rank-normalised R-hat and smallest bulk or tail effective sample size.

    Parameters
    ----------
    quantities : Quantities
    ancestor : ndarray of int, shape (chain, draw), optional
        Of tempered draws, which have families instead of autocorrelations; see :func:`ancestral_ess`.
    """
    values, names = quantities.varying
    chains, n, _ = values.shape
    if not names:
        return Diagnostics(1.0, "", float(chains * n), "")
    data = xr.Dataset({"value": (("chain", "draw", "parameter"), values)})
    r_hat = np.full(len(names), np.nan)
    if chains > 1:
        r_hat = azs.rhat(data)["value"].to_numpy()
    if ancestor is None:
        bulk = azs.ess(data, method="bulk")["value"].to_numpy()
        tail = azs.ess(data, method="tail")["value"].to_numpy()
        ess = np.fmin(bulk, tail)
    else:
        ess = ancestral_ess(values, ancestor)
    worst_r = int(np.nanargmax(r_hat)) if np.isfinite(r_hat).any() else 0
    worst_e = int(np.nanargmin(ess))
    means = values[..., worst_r].mean(axis=1)
    return Diagnostics(
        float(r_hat[worst_r]),
        names[worst_r],
        float(ess[worst_e]),
        names[worst_e],
        tuple(float(m) for m in means),
    )


def ancestral_ess(values: Array, ancestor: NDArray[np.int64]) -> Array:
    """Effective number of tempered draws, from the families that descend from one first particle.

    Lee and Whiteley (2018), Variance estimation in the particle filter, section 3: families are nearly independent, so that the squares
    of their sums tell the variance of a mean; with few families they tell little. Values are replaced by their ranks first, and by whether they lie in the lower or upper
    20th part; the smallest of the three counts.

    Parameters
    ----------
    values : ndarray, shape (chain, draw, Q)
    ancestor : ndarray of int, shape (chain, draw)

    Returns
    -------
    ndarray, shape (Q,)
    """
    chains, draws, _ = values.shape
    flat = values.reshape(chains * draws, -1)
    ranks = stats.rankdata(flat, axis=0)
    low, high = np.quantile(flat, [0.05, 0.95], axis=0)
    _, family = np.unique(ancestor + np.arange(chains)[:, None] * (ancestor.max() + 1), return_inverse=True)
    family = family.ravel()
    sizes = np.bincount(family)
    run_of = np.zeros(len(sizes), np.int64)
    run_of[family] = np.repeat(np.arange(chains), draws)
    # Sums around a run's own mean scatter less, by what its families have in common with that mean.
    free = 1.0 - np.bincount(run_of, (sizes / draws) ** 2, chains)
    if (free < 1e-12).any():
        return np.ones(values.shape[2])
    inflation = 1.0 / free
    smallest = np.full(flat.shape[1], float(chains * draws))
    for scores in (ranks, (flat <= low).astype(float), (flat >= high).astype(float)):
        per_chain = scores.reshape(chains, draws, -1)
        away = (per_chain - per_chain.mean(axis=1, keepdims=True)).reshape(chains * draws, -1)
        sums = np.zeros((len(run_of), flat.shape[1]))
        np.add.at(sums, family, away)
        spread = ((sums**2) * inflation[run_of][:, None]).sum(axis=0) / (chains * draws) ** 2
        varying = spread > 0
        ess = scores.var(axis=0)[varying] / spread[varying]
        smallest[varying] = np.minimum(smallest[varying], ess)
    return smallest


def sampler_check(found: Mapping[str, NDArray[Any]]) -> SamplerCheck:
    """From the sampler's statistics, those that it has."""
    if "energy" not in found:
        return SamplerCheck()
    energy = found["energy"]
    spread = energy.var(axis=1, ddof=1)
    moved = np.square(np.diff(energy, axis=1)).mean(axis=1)
    return SamplerCheck(
        int(found["diverging"].sum()),
        float((moved / np.where(spread > 0, spread, 1.0)).min()),
        float(found["maxdepth_reached"].mean()),
    )


def judge(
    label_free: Diagnostics,
    components: Diagnostics,
    labelling: LabellingDiagnostics,
    n_chains: int,
    sampler: SamplerCheck | None = None,
    importance: ImportanceCheck | None = None,
    tempering: TemperingCheck | None = None,
) -> Verdict:
    """Weigh convergence, what the sampler says of itself, and the certainty of the names, in this order."""
    sampler = sampler or SamplerCheck()
    needed = SMALLEST_ESS_PER_CHAIN * n_chains
    if importance is not None:
        # Weighted draws are independent by construction: neither agreement nor autocorrelation says anything of them.
        common, named = importance.reasons(needed), []
    else:
        common = [Reason("single_chain")] if n_chains < 2 else []
        common += tempering.reasons if tempering else []
        common += _faults(label_free, "label_free", needed) + sampler.reasons
        named = _faults(components, "components", needed)
        named += tempering.names_reasons if tempering else []
    reasons = (*common, *named, *labelling.reasons)
    return Verdict(
        not reasons, not common, reasons, label_free, components, labelling, sampler, importance, tempering
    )


def more_particles(found: Verdict, n_chains: int) -> int:
    """How many times the particles of a run of tempering that was not enough the next one should have."""
    needed = SMALLEST_ESS_PER_CHAIN * n_chains
    return min(3, max(2, math.ceil(1.5 * needed / max(found.label_free.ess, 1.0))))


def _faults(d: Diagnostics, scope: str, needed: int) -> list[Reason]:
    out = []
    if d.r_hat >= LARGEST_R_HAT:
        where = {"scope": scope, "r_hat": d.r_hat, "at": d.r_hat_at}
        out.append(Reason("chains_disagree", where | {"wanted": LARGEST_R_HAT, "chain_means": d.chain_means}))
    if d.ess < needed:
        values = {"scope": scope, "ess": d.ess, "at": d.ess_at, "wanted": needed}
        out.append(Reason("too_few_effective_draws", values))
    return out
