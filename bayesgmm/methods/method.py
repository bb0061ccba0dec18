"""What a method of inference is, what it is given, and what it gives back."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, NamedTuple, Protocol

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from bayesgmm.bayes.priors import ResolvedPrior
from bayesgmm.bayes.target import Target
from bayesgmm.em import EMGaussianMixture
from bayesgmm.methods.check import MethodCheck
from bayesgmm.methods.settings import Settings
from bayesgmm.mixture.draws import MixtureDraws
from bayesgmm.rows.rows import Rows
from bayesgmm.support.checkpoints import Checkpoints
from bayesgmm.support.clock import Clock
from bayesgmm.support.progress import Steps
from bayesgmm.support.sentences import count
from bayesgmm.wording import Reason

__all__ = ["Assessment", "Drawn", "Method", "Problem", "Seeds"]

Array = NDArray[np.float64]


class Seeds(NamedTuple):
    """Independent seeds of the parts of a fit."""

    em: np.random.SeedSequence
    draws: np.random.SeedSequence
    predictive: np.random.SeedSequence
    tempering: np.random.SeedSequence
    climbs: np.random.SeedSequence

    @classmethod
    def of(cls, seed: np.random.SeedSequence) -> "Seeds":
        """Children of the fit's seed."""
        return cls(*seed.spawn(len(cls._fields)))


class Worst(Protocol):
    """The worst over some quantities."""

    @property
    def ess(self) -> float:
        """The smallest effective sample size."""
        ...


class Assessment(Protocol):
    """What a method may ask of the verdict on its draws; see :class:`bayesgmm.posterior.verdict.Verdict`."""

    @property
    def ok(self) -> bool:
        """Whether component-wise summaries are identifiable."""
        ...

    @property
    def label_free_ok(self) -> bool:
        """Whether the draws are of the posterior."""
        ...

    @property
    def reasons(self) -> Sequence[Reason]:
        """What speaks against it."""
        ...

    @property
    def label_free(self) -> Worst:
        """Diagnostics of what does not depend on labels."""
        ...


@dataclass(frozen=True, eq=False)
class Drawn:
    """Draws of a method, and what it says of them.

    Parameters
    ----------
    method : str
        Name of the method.
    draws : MixtureDraws
        In the user's units, components in any order.
    stats : mapping of ndarrays, shape (chain, draw)
        What was noted of each draw.
    check : MethodCheck
    log_evidence : tuple of two floats, optional
        In the user's units, all K! labellings counted, and its standard error.
    groups : mapping of Datasets
        Further groups for ``posterior_``; their names are those of ``Method.groups``.
    reason : Reason, optional
        Why this method was used, where it was chosen.
    """

    method: str
    draws: MixtureDraws
    stats: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    check: MethodCheck = field(default_factory=MethodCheck)
    log_evidence: tuple[float, float] | None = None
    groups: Mapping[str, xr.Dataset] = field(default_factory=dict)
    reason: Reason | None = None


@dataclass(frozen=True, eq=False)
class Problem:
    """What is to be drawn from, and what helps with it.

    Parameters
    ----------
    rows : Rows
    em : EMGaussianMixture
        The maximum of the likelihood, and others that were found.
    target : Target
        The log posterior in unconstrained coordinates.
    prior : ResolvedPrior
        In the user's units.
    settings : Settings
    seeds : Seeds
    steps : Steps
        Shows progress.
    judge : callable
        The verdict on some draws; it costs several passes over the data, the first time that it is asked of
        the same draws.
    clock : Clock
        What is left of the fit's ``max_time``.
    checkpoints : Checkpoints
        Pieces of the work that were ended before.
    """

    rows: Rows
    em: EMGaussianMixture
    target: Target
    prior: ResolvedPrior
    settings: Settings
    seeds: Seeds
    steps: Steps
    judge: Callable[[Drawn], Assessment]
    clock: Clock = field(default_factory=lambda: Clock(None))
    checkpoints: Checkpoints = field(default_factory=Checkpoints)


class Method(ABC):
    """A method of inference.

    A subclass has a ``name`` and draws; everything else has a default.
    """

    #: What users call it: a value of ``method``.
    name: ClassVar[str]
    #: What its draws are, in words that follow "The posterior is".
    title: ClassVar[str] = "draws by a further method"
    #: Heading of the report's section on its draws.
    heading: ClassVar[str] = "Draws"
    #: How its draws come about, in words that follow "The posterior of the same model is".
    story: ClassVar[str] = "drawn from by a further method"
    #: The type of what it says of its draws.
    check_type: ClassVar[type[MethodCheck]] = MethodCheck
    #: Names of groups that it adds to ``posterior_``.
    groups: ClassVar[tuple[str, ...]] = ()
    #: Whether its draws are chains, whose order means something.
    has_chains: ClassVar[bool] = False

    def check(self, settings: Settings) -> None:  # noqa: B027  (most methods refuse nothing)
        """Refuse settings that it cannot work with.

        Raises
        ------
        ParameterError
        """

    def check_prior(self, prior: ResolvedPrior) -> None:  # noqa: B027
        """Refuse a prior that it cannot work with.

        Raises
        ------
        ParameterError
        """

    @abstractmethod
    def draw(self, problem: Problem) -> Drawn:
        """Draw from the posterior.

        Raises
        ------
        SamplingError
            Where it cannot begin, or cannot come to an end.
        """

    def drawn(self, problem: Problem, q: Array, **more: Any) -> Drawn:
        """Vectors q, shape (chain, draw, n), as draws of this method; further fields of `Drawn` follow."""
        values = problem.target.constrained(q)
        return Drawn(self.name, MixtureDraws.of(values, problem.target.covariance_type), **more)

    def described(self, settings: Settings) -> list[tuple[str, str]]:
        """How many draws there are and of what kind, as titles and text for a list of how a fit was made."""
        return [
            ("Posterior draws", f"{count(settings.chains, 'batch', 'batches')} of {settings.draws} draws")
        ]
