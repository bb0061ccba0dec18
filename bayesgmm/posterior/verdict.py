"""May the components be read one by one? Convergence, judged on label-free quantities first."""

from dataclasses import dataclass

import arviz_stats as azs
import numpy as np
import xarray as xr
from numpy.typing import NDArray

from bayesgmm.posterior.relabel import Relabelling

__all__ = ["Diagnostics", "ImportanceCheck", "Verdict", "diagnose", "judge"]

Array = NDArray[np.float64]

# Vehtari, Gelman, Simpson, Carpenter and Buerkner (2021), section 4.
LARGEST_R_HAT = 1.01
SMALLEST_ESS_PER_CHAIN = 100
LARGEST_TIED_SHARE = 0.05


@dataclass(frozen=True)
class Diagnostics:
    """The worst of each kind over a set of quantities, and where it was seen."""

    r_hat: float
    r_hat_at: str
    ess: float
    ess_at: str


@dataclass(frozen=True)
class ImportanceCheck:
    """Of draws that were weighted rather than sampled: the Pareto shape k of the weights and how large it may be, and what the
    draws are worth in independent ones."""

    pareto_k: float
    largest_k: float
    ess: float


@dataclass(frozen=True)
class Verdict:
    """Whether component-wise summaries may be read, and what speaks against it.

    ``ok`` is true where nothing does; ``reasons`` then is empty. ``label_free`` and ``components``
    hold the diagnostics behind it, ``tied_share`` the share of draws in which two components could exchange names,
    and ``importance`` the check of weighted draws; None where the draws come from chains.
    """

    ok: bool
    reasons: tuple[str, ...]
    label_free: Diagnostics
    components: Diagnostics
    divergences: int
    tied_share: float
    importance: ImportanceCheck | None = None

    def __str__(self) -> str:
        if self.ok and self.importance:
            return (
                "The components may be read one by one: the Gaussian at the posterior mode fits there "
                f"(Pareto k {self.importance.pareto_k:.2f}, worth {self.importance.ess:.0f} independent draws), "
                f"and names are in doubt in {100 * self.tied_share:.1f} % of the draws."
            )
        if self.ok:
            return (
                "The components may be read one by one: chains agree "
                f"(largest R-hat {self.components.r_hat:.3f}, smallest effective sample size {self.components.ess:.0f}), "
                f"and names are in doubt in {100 * self.tied_share:.1f} % of the draws."
            )
        return "The components must not be read one by one: " + " ".join(self.reasons)


def label_free_quantities(posterior: xr.Dataset, log_likelihood: Array) -> xr.DataArray:
    """Log-likelihood, sorted weights and their entropy: the same whatever the names of the components."""
    weights = np.sort(posterior["weights"].to_numpy(), axis=-1)[..., ::-1]
    with np.errstate(divide="ignore", invalid="ignore"):
        entropy = -np.where(weights > 0, weights * np.log(weights), 0.0).sum(axis=-1)
    k = weights.shape[-1]
    blocks, labels = [log_likelihood[..., None]], ["log_likelihood"]
    # With one component weights and their entropy are constants.
    if k > 1:
        blocks += [entropy[..., None], weights]
        labels += ["entropy of the weights", *(f"weight of rank {r + 1}" for r in range(k))]
    return xr.DataArray(
        np.concatenate(blocks, axis=-1),
        dims=("chain", "draw", "parameter"),
        coords={"parameter": labels},
        name="value",
    )


def diagnose(quantities: xr.DataArray) -> Diagnostics:
    """Largest rank-normalised R-hat and smallest bulk or tail effective sample size.

    Parameters
    ----------
    quantities : DataArray, dims (chain, draw, parameter)
    """
    varying = (quantities.max(("chain", "draw")) > quantities.min(("chain", "draw"))).to_numpy()
    if not varying.any():
        return Diagnostics(1.0, "", float(quantities.sizes["chain"] * quantities.sizes["draw"]), "")
    data = quantities.isel(parameter=varying).to_dataset(name="value")
    names = data["parameter"].to_numpy()
    r_hat = np.full(len(names), np.nan)
    if quantities.sizes["chain"] > 1:
        r_hat = azs.rhat(data)["value"].to_numpy()
    bulk = azs.ess(data, method="bulk")["value"].to_numpy()
    tail = azs.ess(data, method="tail")["value"].to_numpy()
    ess = np.fmin(bulk, tail)
    worst_r = int(np.nanargmax(r_hat)) if np.isfinite(r_hat).any() else 0
    worst_e = int(np.nanargmin(ess))
    return Diagnostics(float(r_hat[worst_r]), str(names[worst_r]), float(ess[worst_e]), str(names[worst_e]))


def judge(
    label_free: Diagnostics,
    components: Diagnostics,
    relabelling: Relabelling,
    divergences: int,
    n_chains: int,
    importance: ImportanceCheck | None = None,
) -> Verdict:
    """Weigh convergence, divergences and the certainty of the labels."""
    reasons = _faults_of_weights(importance, n_chains) if importance else []
    if n_chains < 2 and importance is None:
        reasons.append("A single chain cannot show whether chains agree; use chains=4.")
    needed = SMALLEST_ESS_PER_CHAIN * n_chains
    both = ((label_free, "label-free quantities"), (components, "relabelled parameters"))
    # Weighted draws are independent by construction: neither agreement nor autocorrelation says anything of them.
    for d, what in both if importance is None else ():
        if d.r_hat >= LARGEST_R_HAT:
            reasons.append(
                f"Chains disagree on {what}: R-hat is {d.r_hat:.3f} at {d.r_hat_at} (below {LARGEST_R_HAT} is wanted)."
            )
        if d.ess < needed:
            reasons.append(
                f"Too few effective draws of {what}: {d.ess:.0f} at {d.ess_at} (at least {needed} are wanted); "
                "increase draws."
            )
    if divergences:
        reasons.append(
            f"{divergences} transitions diverged, so that a part of the posterior may be missing; raise target_accept."
        )
    if relabelling.nearly_tied > LARGEST_TIED_SHARE:
        reasons.append(
            f"In {100 * relabelling.nearly_tied:.0f} % of the draws two components could exchange their names at next to "
            "no cost: what is called one component here is not one thing."
        )
    return Verdict(
        not reasons, tuple(reasons), label_free, components, divergences, relabelling.nearly_tied, importance
    )


def _faults_of_weights(check: ImportanceCheck, n_chains: int) -> list[str]:
    reasons = []
    # A tail that could not be fitted is no good sign either.
    if not check.pareto_k < check.largest_k:
        reasons.append(
            f"The Gaussian at the posterior mode does not fit the posterior there: Pareto k is {check.pareto_k:.2f} "
            f'(below {check.largest_k:.2f} is wanted); use method="nuts".'
        )
    needed = SMALLEST_ESS_PER_CHAIN * n_chains
    if check.ess < needed:
        reasons.append(
            f"The weighted draws are worth {check.ess:.0f} independent ones (at least {needed} are wanted); "
            'increase draws, or use method="nuts".'
        )
    return reasons
