"""The posterior of a Gaussian mixture.

`priors` says what is believed beforehand, `model` writes the mixture as a PyMC model, `distribution` is the
likelihood as a PyMC distribution that fits into anyone's model, and `target` is the same log posterior
compiled for the methods of inference.
"""

from typing import TYPE_CHECKING, Any

from bayesgmm.bayes.priors import Prior

if TYPE_CHECKING:
    from bayesgmm.bayes.distribution import GaussianMixture

__all__ = ["GaussianMixture", "Prior"]


def __getattr__(name: str) -> Any:
    # PyMC takes seconds to import, and a fit does not need it.
    if name == "GaussianMixture":
        from bayesgmm.bayes.distribution import GaussianMixture

        return GaussianMixture
    raise AttributeError(f"module 'bayesgmm.bayes' has no attribute {name!r}")
