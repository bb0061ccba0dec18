"""What a fit was asked for, checked."""

from dataclasses import dataclass

__all__ = ["Settings"]


@dataclass(frozen=True)
class Settings:
    """Settings of one fit; see ``BayesGaussianMixture`` for what each means.

    Parameters
    ----------
    n_components : int
    covariance_type : str
    method : str
        What was asked for, which may be a strategy that chooses among methods.
    draws, tune, chains, cores : int
    target_accept : float
    max_time : float or None
        Seconds.
    """

    n_components: int
    covariance_type: str
    method: str
    draws: int
    tune: int
    chains: int
    cores: int
    target_accept: float
    max_time: float | None = None
