"""How a search goes about."""

from dataclasses import dataclass, field

from bayesgmm.support.clock import Clock

__all__ = ["Plan"]


@dataclass(frozen=True)
class Plan:
    """Kind and number of starts, the rules of a run, and a time after which no further run begins.

    Without a number of starts, ``n_init``, the search goes on until better maxima have become improbable.
    """

    n_components: int
    init_params: str
    n_init: int | None
    max_iter: int
    tol: float
    clock: Clock = field(default_factory=lambda: Clock(None))
