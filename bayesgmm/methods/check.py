"""What a method says of its own draws."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from bayesgmm.wording import Reason

__all__ = ["SMALLEST_ESS_PER_CHAIN", "MethodCheck"]

Array = NDArray[np.float64]

# Vehtari, Gelman, Simpson, Carpenter and Buerkner (2021), section 4.
SMALLEST_ESS_PER_CHAIN = 100


@dataclass(frozen=True)
class MethodCheck:
    """The check of a method on its own draws.

    Beside it stands what is asked of any draws: that chains agree and are long enough.

    This one has nothing to say. A method that has derives a frozen dataclass of plain numbers from it, and
    answers some of the questions below. The numbers are what is stored, and what the report for programs
    holds, under their names.
    """

    #: Whether draws are independent by construction: neither agreement of chains nor autocorrelation then
    #: says anything of them.
    is_weighted: ClassVar[bool] = False

    @property
    def ess(self) -> float | None:
        """Effective sample size of all draws, where the method itself knows it."""
        return None

    def knows_shares(self, agree: bool) -> bool:
        """Whether draws go from mode to mode, so that their share at a mode is that of the posterior.

        Parameters
        ----------
        agree : bool
            Whether chains or runs agree on what does not depend on labels, and are long enough for it.
        """
        return False

    def faults(self, needed: int) -> list[Reason]:
        """What speaks against the draws before anything else is asked.

        Parameters
        ----------
        needed : int
            The effective sample size that is wanted.
        """
        return []

    def doubts(self) -> list[Reason]:
        """What speaks against them beside a lack of convergence."""
        return []

    def grounds(self, r_hat: float, ess: float, wanted: float) -> Reason:
        """What speaks for them, where nothing speaks against them.

        Parameters
        ----------
        r_hat, ess : float
            The largest R-hat and the smallest effective sample size.
        wanted : float
            Below which R-hat should be.
        """
        return Reason("chains_agree", {"r_hat": r_hat, "ess": ess, "wanted": wanted})

    def effective_sizes(self, values: Array, stats: Mapping[str, NDArray[Any]]) -> Array | None:
        """Effective sample sizes of quantities, shape (Q,); None where they follow from autocorrelations.

        Parameters
        ----------
        values : ndarray, shape (chain, draw, Q)
        stats : mapping of ndarrays, shape (chain, draw)
            What the method has noted of each draw.
        """
        return None

    def rows(self) -> list[tuple[str, str]]:
        """What is known, in words and as text, for a table of diagnostics."""
        return []

    @classmethod
    def names(cls) -> list[str]:
        """The names of :meth:`numbers`."""
        return [field.name for field in dataclasses.fields(cls)]

    def numbers(self) -> dict[str, Any]:
        """What is known, as plain numbers."""
        return dataclasses.asdict(self)

    @classmethod
    def from_numbers(cls, numbers: Mapping[str, Any]) -> Self:
        """The check whose :meth:`numbers` stand in a mapping, also as a file gives them back."""
        found = {}
        for field in dataclasses.fields(cls):
            # A file of an earlier version lacks what later ones have to say.
            if field.name not in numbers and field.default is not dataclasses.MISSING:
                continue
            value = numbers[field.name]
            value = value.tolist() if hasattr(value, "tolist") else value
            # A file turns a sequence into an array, and one of a single number into that number.
            many = isinstance(value, list | tuple) or str(field.type).startswith("tuple")
            found[field.name] = tuple(np.atleast_1d(value).tolist()) if many else value
        return cls(**found)
