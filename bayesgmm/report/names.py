"""Names that fit on a line."""

from collections.abc import Sequence
from dataclasses import dataclass

from bayesgmm.mixture.draws import MixtureDraws
from bayesgmm.posterior import decided
from bayesgmm.support.sentences import plain, shorten

__all__ = ["Name", "Shortener", "quantities"]

LONGEST_NAME = 40


@dataclass(frozen=True)
class Name:
    """A name as it is shown, and in full; the page gives the latter where the two differ."""

    short: str
    full: str

    @classmethod
    def of(cls, name: str) -> "Name":
        """The name of a feature, on one line."""
        return cls(shorten(plain(name), LONGEST_NAME), plain(name))


class Shortener:
    """Shortens the long ones among a fit's feature names wherever they occur in a sentence."""

    def __init__(self, features: Sequence[str]) -> None:
        # The longest first: one name may be the beginning of another.
        long = sorted((f for f in features if len(f) > LONGEST_NAME), key=len, reverse=True)
        self._short = {name: shorten(plain(name), LONGEST_NAME) for name in long}

    def __call__(self, sentence: str) -> str:
        for name, short in self._short.items():
            sentence = sentence.replace(name, short)
        return plain(sentence)


def quantities(draws: MixtureDraws, names: Sequence[Name]) -> list[tuple[Name, str]]:
    """What each row of a comparison's parameter table is, and of which component, in the order of that table.

    Parameters
    ----------
    draws : MixtureDraws
    names : sequence of Name
        The features.
    """
    short, full = (
        decided.quantities(draws, features)
        for features in ([n.short for n in names], [n.full for n in names])
    )
    return [(Name(s, f), component) for (s, component), (f, _) in zip(short, full, strict=True)]
