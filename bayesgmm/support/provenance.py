"""What a later run needs to give the same numbers, beside data and settings."""

import numbers
import platform
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import numpy as np

import bayesgmm

__all__ = ["Provenance"]

PACKAGES = ("nutpie", "numpy", "numba", "scipy", "scikit-learn", "arviz", "pymc")


@dataclass(frozen=True)
class Provenance:
    """Versions and seeds.

    Parameters
    ----------
    created_by, versions, python : str
    random_state : int or None
        Where the seed was an integer.
    seed_entropy : str
        Of the seed, whatever kind was given.
    predictive_seed : int
        Of what is simulated from a fit.
    """

    created_by: str
    versions: str
    python: str
    random_state: int | None
    seed_entropy: str
    predictive_seed: int

    @classmethod
    def of(
        cls, random_state: Any, seed: np.random.SeedSequence, predictive: np.random.SeedSequence
    ) -> "Provenance":
        """Of this package as it runs now.

        Parameters
        ----------
        random_state : int, Generator, RandomState or None
            As it was asked for.
        seed : numpy.random.SeedSequence
            What was made of it.
        predictive : numpy.random.SeedSequence
        """
        this = f"bayesgmm {bayesgmm.__version__}"
        return cls(
            created_by=this,
            versions=", ".join([this, *(f"{package} {version(package)}" for package in PACKAGES)]),
            python=platform.python_version(),
            random_state=int(random_state) if isinstance(random_state, numbers.Integral) else None,
            seed_entropy=str(seed.entropy),
            predictive_seed=int(predictive.generate_state(1)[0]),
        )
