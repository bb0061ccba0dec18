"""What a fit was asked for, checked."""

from dataclasses import dataclass
from typing import Any

from bayesgmm.errors import ParameterError
from bayesgmm.methods import find
from bayesgmm.mixture.families import posterior_family_of
from bayesgmm.support.arguments import as_real, check_cores, check_integer
from bayesgmm.support.sentences import shown_value

__all__ = ["Settings"]

DEFAULT_TUNE = 600


@dataclass(frozen=True)
class Settings:
    """Settings of one fit; see ``BayesGaussianMixture`` for what each means. Make them with :meth:`checked`.

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
    repeats : int
        How often a run that its verdict refuses may be repeated with more effort.
    """

    n_components: int
    covariance_type: str
    method: str
    draws: int
    tune: int
    chains: int
    cores: int
    target_accept: float
    max_time: float | None
    repeats: int

    @classmethod
    def checked(
        cls,
        *,
        n_components: Any,
        covariance_type: Any,
        method: Any,
        draws: Any,
        tune: Any,
        chains: Any,
        cores: Any,
        target_accept: Any,
        max_time: Any,
        repeats: Any,
    ) -> "Settings":
        """What a user asked for, refused where it is not usable, also by the method.

        Raises
        ------
        ParameterError
        """
        settings = cls(
            n_components=check_integer(n_components, "n_components", 1),
            covariance_type=posterior_family_of(covariance_type).name,
            method=find(method).name,
            draws=check_integer(draws, "draws", 4),
            tune=DEFAULT_TUNE if tune is None else check_integer(tune, "tune", 20),
            chains=check_integer(chains, "chains", 1),
            cores=check_cores(cores),
            target_accept=_rate(target_accept),
            max_time=None if max_time is None else _seconds(max_time),
            repeats=check_integer(repeats, "repeats", 0),
        )
        find(method).check(settings)
        return settings


def _rate(value: Any) -> float:
    if not 0 < as_real(value) < 1:
        raise ParameterError(
            f"target_accept must be a number between 0 and 1; got {shown_value(value)}.", target_accept=value
        )
    return float(value)


def _seconds(value: Any) -> float:
    if not as_real(value) > 0:
        raise ParameterError(
            f"max_time must be a positive number of seconds or None; got {shown_value(value)}.",
            max_time=value,
        )
    return float(value)
