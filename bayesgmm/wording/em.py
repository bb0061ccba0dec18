"""Sentences of the estimate by EM alone."""

from bayesgmm.wording.reasons import worded

__all__: list[str] = []


@worded
def standard_errors_too_small(sure: float) -> str:
    """Where components overlap, an estimate's standard errors do not tell how wrong it may be."""
    return (
        f"These errors are likely to be too small: on average a row is {100 * sure:.0f} % sure of its "
        f"component, and where components overlap like this, intervals of 1.96 standard errors cover less "
        f"than 95 %, often much less; BayesGaussianMixture has intervals that do."
    )
