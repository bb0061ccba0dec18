"""Gaussian mixtures fitted twice, by EM and by full Bayes, and where the two agree.

The names below are the public ones. They are imported when first used, so that
``import bayesgmm`` is cheap and has no side effects.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.2.0"

_HOMES = {
    "BayesGaussianMixture": "bayesgmm.estimator",
    "EMGaussianMixture": "bayesgmm.em",
    "MixtureParams": "bayesgmm.mixture.params",
    "Prior": "bayesgmm.bayes.priors",
    "compare": "bayesgmm.comparison",
    "datasets": "bayesgmm.rows.datasets",
    "load": "bayesgmm.storage",
    "partition": "bayesgmm.comparison",
    "save": "bayesgmm.storage",
    "select_components": "bayesgmm.selection",
    "write_report": "bayesgmm.report",
}

__all__ = ["__version__", *sorted(_HOMES)]

if TYPE_CHECKING:
    from bayesgmm.bayes.priors import Prior as Prior
    from bayesgmm.comparison import compare as compare
    from bayesgmm.comparison import partition as partition
    from bayesgmm.em import EMGaussianMixture as EMGaussianMixture
    from bayesgmm.estimator import BayesGaussianMixture as BayesGaussianMixture
    from bayesgmm.mixture.params import MixtureParams as MixtureParams
    from bayesgmm.report import write_report as write_report
    from bayesgmm.rows import datasets as datasets
    from bayesgmm.selection import select_components as select_components
    from bayesgmm.storage import load as load
    from bayesgmm.storage import save as save


def __getattr__(name: str) -> Any:
    if name == "datasets":
        return import_module("bayesgmm.rows.datasets")
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'bayesgmm' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
