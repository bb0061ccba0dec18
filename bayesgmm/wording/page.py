"""Sentences of the page, for a reader who is not a statistician, where they differ from the console's."""

from bayesgmm.wording.reasons import worded_for_page

__all__: list[str] = []


@worded_for_page
def chains_agree(r_hat: float, ess: float, wanted: float) -> str:
    return _agree("chains of the sampler", r_hat, ess, wanted)


@worded_for_page
def runs_agree(r_hat: float, ess: float, wanted: float) -> str:
    return _agree("runs of tempering", r_hat, ess, wanted)


def _agree(who: str, r_hat: float, ess: float, wanted: float) -> str:
    return (
        f"Independent {who} agree (largest R-hat {r_hat:.3f}, where below {wanted} is wanted; "
        f"smallest effective sample size {ess:.0f})."
    )


@worded_for_page
def gaussian_fits(pareto_k: float, wanted: float, ess: float) -> str:
    return (
        f"The Gaussian at the posterior's mode fits the posterior there: Pareto k is {pareto_k:.2f} (below "
        f"{wanted:.2f} is wanted), and the weighted draws are worth {ess:.0f} independent ones. Whether there are other "
        "modes they cannot tell."
    )
