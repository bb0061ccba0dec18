"""Are component-wise summaries identifiable? Convergence is judged on label-free quantities first."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import arviz_stats as azs
import numpy as np
import xarray as xr
from numpy.typing import NDArray

from bayesgmm.methods.check import SMALLEST_ESS_PER_CHAIN, MethodCheck
from bayesgmm.mixture.draws import MixtureDraws
from bayesgmm.posterior.labelling import LabellingDiagnostics
from bayesgmm.posterior.pointwise import log_densities
from bayesgmm.rows.rows import Rows
from bayesgmm.wording import Reason
from bayesgmm.wording.verdict import readable_sentence, refused_sentence

__all__ = [
    "Diagnostics",
    "Quantities",
    "Verdict",
    "agree",
    "diagnose",
    "judge",
    "label_free_quantities",
    "named_quantities",
]

Array = NDArray[np.float64]

# Vehtari, Gelman, Simpson, Carpenter and Buerkner (2021), section 4.
LARGEST_R_HAT = 1.01
# A mode that holds this much of the posterior makes it one with several modes.
LARGE_MODE = 0.05
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
    """The worst of each kind over some quantities, and where; ``chain_means`` are those of ``r_hat_at``."""

    r_hat: float
    r_hat_at: str
    ess: float
    ess_at: str
    chain_means: tuple[float, ...] = ()


@dataclass(frozen=True)
class Verdict:
    """Whether component-wise summaries are identifiable, and what speaks against it.

    ``ok`` is true where nothing does; ``reasons`` then is empty. ``label_free`` and ``components`` hold the
    diagnostics behind it, ``labelling`` the labelling diagnostics, and ``check`` what the method says of its
    draws. ``mode_shares`` are the shares of the posterior that its modes hold, where the draws can tell.
    ``label_free_ok`` says whether at least what does not depend on labels can be trusted: densities, the
    log-likelihood, the similarity of observations, the partition.
    """

    ok: bool
    label_free_ok: bool
    reasons: tuple[Reason, ...]
    label_free: Diagnostics
    components: Diagnostics
    labelling: LabellingDiagnostics
    check: MethodCheck = field(default_factory=MethodCheck)
    mode_shares: tuple[float, ...] = ()

    @property
    def exploration(self) -> str:
        """What is known of the posterior as a whole.

        "not explored": chains or runs disagree, are stopped early or too short to tell, so that there may be
        more than they have seen. "several modes, explored": tempered runs, or chains from several modes,
        agree, and what they know has several modes. "not identified": what does not depend on labels is
        known, and the data do not tell the components apart. "one mode": nothing speaks against it; of modes
        that no start has led to nothing is known.
        """
        if not self.label_free_ok:
            return "not explored"
        if self.has_several_modes:
            return "several modes, explored"
        return "not identified" if self.labelling.reasons else "one mode"

    @property
    def n_large_modes(self) -> int:
        """Number of modes that hold 5 % of the posterior or more."""
        return sum(share >= LARGE_MODE for share in self.mode_shares)

    @property
    def has_several_modes(self) -> bool:
        """Whether it is known that no single mode stands for the posterior."""
        if not self.mode_shares:
            return False
        return self.n_large_modes > 1 or max(self.mode_shares) < SHARE_OF_ONE_MODE

    @property
    def effective_draws(self) -> float:
        """Effective sample size of the draws, of what does not depend on labels."""
        return self.label_free.ess if self.check.ess is None else self.check.ess

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
        """What speaks for component-wise summaries, where nothing speaks against them."""
        return self.check.grounds(self.largest_r_hat, self.smallest_ess, LARGEST_R_HAT)

    def __str__(self) -> str:
        by_prior, tied = self.labelling.by_prior, self.labelling.nearly_tied
        if self.ok:
            return readable_sentence(str(self.grounds), tied, by_prior)
        reasons = [str(r) for r in self.reasons]
        return refused_sentence(self.exploration, reasons, self.label_free_ok, by_prior is not None)


def named_quantities(draws: MixtureDraws, names: Sequence[str]) -> Quantities:
    """Every parameter of every component, by its label."""
    return Quantities(draws.parameter_values, tuple(p.label(names) for p in draws.parameters))


def label_free_quantities(draws: MixtureDraws, log_likelihood: Array, points: Array) -> Quantities:
    """What is the same whatever the components are called.

    Log-likelihood, entropy of the weights and the sorted weights, log determinant of the whole mixture's
    covariance, and the log density at fixed points.

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


def diagnose(quantities: Quantities, sizes: Callable[[Array], Array | None] = lambda _: None) -> Diagnostics:
    """Largest rank-normalised R-hat and smallest bulk or tail effective sample size.

    Parameters
    ----------
    quantities : Quantities
    sizes : callable, optional
        Effective sample sizes, shape (Q,), of values of shape (chain, draw, Q); where it gives None, those
        that follow from autocorrelations.
    """
    values, names = quantities.varying
    chains, n, _ = values.shape
    if not names:
        return Diagnostics(1.0, "", float(chains * n), "")
    data = xr.Dataset({"value": (("chain", "draw", "parameter"), values)})
    r_hat = np.full(len(names), np.nan)
    # Chains that stand still, each elsewhere, have an infinite R-hat.
    with np.errstate(divide="ignore", invalid="ignore"):
        if chains > 1:
            r_hat = azs.rhat(data)["value"].to_numpy()
        ess = sizes(values)
        if ess is None:
            bulk = azs.ess(data, method="bulk")["value"].to_numpy()
            tail = azs.ess(data, method="tail")["value"].to_numpy()
            ess = np.fmin(bulk, tail)
    worst_r = 0 if np.isnan(r_hat).all() else int(np.nanargmax(r_hat))
    worst_e = int(np.nanargmin(ess))
    means = values[..., worst_r].mean(axis=1)
    return Diagnostics(
        float(r_hat[worst_r]),
        names[worst_r],
        float(ess[worst_e]),
        names[worst_e],
        tuple(float(m) for m in means),
    )


def agree(diagnostics: Diagnostics, n_chains: int) -> bool:
    """Whether chains or runs agree on some quantities and are long enough for them."""
    return not _faults(diagnostics, "label_free", SMALLEST_ESS_PER_CHAIN * n_chains)


def judge(
    label_free: Diagnostics,
    components: Diagnostics,
    labelling: LabellingDiagnostics,
    n_chains: int,
    check: MethodCheck | None = None,
    mode_shares: Sequence[float] = (),
    missed: Reason | None = None,
) -> Verdict:
    """Weigh convergence, what the method says of its draws, and the certainty of the labels, in this order.

    Parameters
    ----------
    label_free, components : Diagnostics
    labelling : LabellingDiagnostics
    n_chains : int
    check : MethodCheck, optional
        None for draws of which no method says anything.
    mode_shares : sequence of float, optional
        Shares of the posterior that its modes hold, where draws go from mode to mode.
    missed : Reason, optional
        What of the posterior no method can draw from.
    """
    check = check or MethodCheck()
    needed = SMALLEST_ESS_PER_CHAIN * n_chains
    found = Verdict(True, True, (), label_free, components, labelling, check, tuple(mode_shares))
    if check.is_weighted:
        # Weighted draws are independent by construction: neither agreement nor autocorrelation says anything
        # of them.
        common, named = [*check.faults(needed), *check.doubts()], []
    else:
        common = [Reason("single_chain")] if n_chains < 2 else []
        common += check.faults(needed) + _faults(label_free, "label_free", needed) + check.doubts()
        scope = "components" if labelling.by_prior is None else "own_components"
        named = _faults(components, scope, needed)
    common = common if missed is None else [missed, *common]
    if found.has_several_modes:
        values = {"n_modes": found.n_large_modes, "largest_share": max(mode_shares)}
        named.append(Reason("no_dominant_mode", values))
    reasons = (*common, *named, *labelling.reasons)
    return replace(found, ok=not reasons, label_free_ok=not common, reasons=reasons)


def _faults(d: Diagnostics, scope: str, needed: int) -> list[Reason]:
    out = []
    if d.r_hat >= LARGEST_R_HAT:
        where = {"scope": scope, "r_hat": d.r_hat, "at": d.r_hat_at}
        out.append(Reason("chains_disagree", where | {"wanted": LARGEST_R_HAT, "chain_means": d.chain_means}))
    if d.ess < needed:
        values = {"scope": scope, "ess": d.ess, "at": d.ess_at, "wanted": needed}
        out.append(Reason("too_few_effective_draws", values))
    return out
