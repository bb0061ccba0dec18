"""Numbers with sensible digits, and names that fit on a line."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import xarray as xr

from bayesgmm.support import sentences
from bayesgmm.support.sentences import plain, shorten

__all__ = ["Name", "Wording", "listed", "number", "probability", "quantities", "signed"]

LONGEST_NAME = 40
MOST_LISTED = 6


@dataclass(frozen=True)
class Name:
    """A name as it is shown, and in full; the page gives the latter where the two differ."""

    short: str
    full: str

    @classmethod
    def of(cls, name: str) -> "Name":
        """The name of a feature, on one line."""
        return cls(shorten(plain(name), LONGEST_NAME), plain(name))

    def joined(self, other: "Name") -> "Name":
        """Two names with an "and" between them."""
        return Name(f"{self.short} and {other.short}", f"{self.full} and {other.full}")


class Wording:
    """Shortens the long ones among a fit's feature names wherever they occur in a sentence."""

    def __init__(self, features: Sequence[str]) -> None:
        # The longest first: one name may be the beginning of another.
        long = sorted((f for f in features if len(f) > LONGEST_NAME), key=len, reverse=True)
        self._short = {name: shorten(plain(name), LONGEST_NAME) for name in long}

    def __call__(self, sentence: str) -> str:
        for name, short in self._short.items():
            sentence = sentence.replace(name, short)
        return plain(sentence)


def quantities(posterior: xr.Dataset, names: Sequence[Name]) -> list[tuple[Name, str]]:
    """What each row of a comparison's parameter table is, and of which component, in the order of that table.

    Parameters
    ----------
    posterior : Dataset
        Its dimensions tell what the components have each and what all of them share.
    names : sequence of Name
        The features.
    """
    out = []
    for variable, kind in (("weights", "weight"), ("means", "mean"), ("stds", "sd")):
        dims = posterior[variable].dims
        owned = [Name(kind, kind)]
        if "feature" in dims:
            owned = [Name(f"{kind} of {n.short}", f"{kind} of {n.full}") for n in names]
        out += [(name, c) for c in _components(posterior, variable) for name in owned]
    if "corr_chol" in posterior:
        pairs = [a.joined(b) for a, b in combinations(names, 2)]
        owned = [Name(f"correlation of {p.short}", f"correlation of {p.full}") for p in pairs]
        out += [(name, c) for c in _components(posterior, "corr_chol") for name in owned]
    return out


def _components(posterior: xr.Dataset, variable: str) -> list[str]:
    shared = "cluster" not in posterior[variable].dims
    return ["all"] if shared else [str(c) for c in range(posterior.sizes["cluster"])]


def listed(items: Sequence[str]) -> str:
    """``a, b and c``; of many the first few, and how many more there are."""
    return sentences.listed(items, MOST_LISTED)


def probability(p: float) -> str:
    """Three decimals; what would round to 0 or 1 without being it is shown as beyond a bound."""
    if 0 < p < 0.0005:
        return "< 0.001"
    if 0.9995 <= p < 1:
        return "> 0.999"
    return f"{p:.3f}"


def number(value: float) -> str:
    """Six significant digits, for values in the units of the data."""
    return f"{value:.6g}"


def signed(value: float) -> str:
    """Two decimals and a sign, except for what rounds to zero."""
    shown = f"{value:+.2f}"
    return "0.00" if float(shown) == 0 else shown
