"""What a fit was asked for, checked."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from bayesgmm.errors import ParameterError
from bayesgmm.methods import find
from bayesgmm.mixture.families import posterior_family_of
from bayesgmm.rows.features import MISSING, REFUSE
from bayesgmm.support.arguments import as_real, available_cores, check_choice, check_cores, check_integer
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
    missing : {"refuse", "model"}
        What is done where cells are missing.
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
    missing: str = REFUSE

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
        missing: Any = REFUSE,
    ) -> "Settings":
        """What a user asked for, refused where it is not usable, also by the method.

        Raises
        ------
        ParameterError
        """
        check_choice(missing, "missing", MISSING)
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
            missing=missing,
        )
        find(method).check(settings)
        return settings

    @classmethod
    def of_attributes(cls, attrs: Mapping[str, Any]) -> "Settings":
        """Those of a fit, from the attributes of its tree."""
        return cls(
            n_components=int(attrs["n_components"]),
            covariance_type=str(attrs["covariance_type"]),
            method=str(attrs["method_asked"]),
            draws=int(attrs["draws"]),
            tune=int(attrs["tune"]),
            chains=int(attrs["chains"]),
            cores=available_cores(),
            target_accept=float(attrs["target_accept"]),
            max_time=None if np.isnan(attrs["max_time"]) else float(attrs["max_time"]),
            repeats=int(attrs["repeats"]),
            missing=str(attrs.get("missing", REFUSE)),
        )


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
