"""Sentences of the estimate by EM alone."""

from bayesgmm.wording.reasons import worded

__all__: list[str] = []


@worded
def standard_errors_too_small(sure: float) -> str:
    """Where components overlap, an estimate's standard errors do not tell how wrong it may be."""
    return (
        f"These errors may be too small: on average a row is {100 * sure:.0f} % sure of its component, and "
        f"where components overlap like this and rows are few, intervals of 1.96 standard errors may cover "
        f"much less than 95 %; those of BayesGaussianMixture come nearer to it."
    )
