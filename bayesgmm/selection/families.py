"""Which covariance families a choice by EM alone is between."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from bayesgmm.errors import ParameterError
from bayesgmm.mixture.covariance_family import CovarianceFamily
from bayesgmm.mixture.families import distinct_families, family_of
from bayesgmm.support.sentences import shown_value

__all__ = ["ALL", "Chosen", "chosen_families"]

ALL = "all"


@dataclass(frozen=True)
class Chosen:
    """Families, as the user calls them, in the user's order.

    Attributes
    ----------
    names : tuple of str
    coinciding : tuple of (str, str)
        Of one feature: a family that is left out, and the one of `names` that it is then.
    """

    names: tuple[str, ...]
    coinciding: tuple[tuple[str, str], ...] = ()


def chosen_families(families: Any, n_features: int) -> Chosen:
    """The families asked for.

    Parameters
    ----------
    families : "all", or iterable of str
    n_features : int

    Raises
    ------
    ParameterError
        Where there are none, one is unknown, or one is there twice.
    """
    if isinstance(families, str) and families == ALL:
        return Chosen(tuple(family.mclust for family in distinct_families(n_features)))
    if isinstance(families, str):
        families = [families]
    if not isinstance(families, Iterable):
        raise ParameterError(
            f"families must be 'all', or a list of covariance families such as ['full', 'tied']; got "
            f"{shown_value(families)}.",
            families=families,
        )
    names = list(families)
    if not names:
        raise ParameterError(
            "families must hold at least one covariance family, or be 'all'; got none.", families=()
        )
    found = [family_of(name) for name in names]
    for i, family in enumerate(found):
        before = found.index(family)
        if before < i:
            also = "" if names[i] == names[before] else f", which is {names[before]!r}, too"
            raise ParameterError(
                f"families must hold each covariance family once; got {names[i]!r} more than once{also}.",
                twice=names[i],
            )
    return _without_coinciding(names, found, n_features)


def _without_coinciding(
    names: Sequence[str], families: Sequence[CovarianceFamily], n_features: int
) -> Chosen:
    """Of one feature, families with as many parameters are the same: a variance each, or one for all."""
    first: dict[object, str] = {}
    coinciding = []
    for name, family in zip(names, families, strict=True):
        same = family.n_parameters(2, 1) if n_features == 1 else name
        if same in first:
            coinciding.append((name, first[same]))
        else:
            first[same] = name
    return Chosen(tuple(first.values()), tuple(coinciding))
