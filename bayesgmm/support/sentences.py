"""Words that several sentences of the package are made of."""

import math
from collections import Counter
from collections.abc import Iterable, Sequence

__all__ = [
    "count",
    "distinct",
    "listed",
    "plain",
    "shorten",
    "shown",
    "shown_error",
    "shown_value",
    "with_sd",
]

LONGEST_NAME, LONGEST_VALUE, LONGEST_ERROR = 60, 80, 200


def listed(items: Sequence[str], most: int | None = None) -> str:
    """``a, b and c``; of more than `most` the first few, and how many more there are."""
    shown = list(items[:most])
    if len(items) > len(shown):
        return f"{', '.join(shown)} and {len(items) - len(shown)} more"
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"


def count(n: int, noun: str, plural: str = "") -> str:
    """A number and its noun: ``1 start``, ``20 starts``."""
    return f"{n} {noun}" if n == 1 else f"{n} {plural or noun + 's'}"


def distinct(names: Sequence[str]) -> list[str]:
    """The names, with their places behind those that are equal."""
    out = list(names)
    while len(set(out)) < len(out):
        taken = Counter(out)
        out = [f"{name} ({j})" if taken[name] > 1 else name for j, name in enumerate(out)]
    return out


def shown(names: Iterable[str]) -> list[str]:
    """Names as sentences, tables and figures call them: plain, and distinct."""
    return distinct([plain(str(name)) for name in names])


def plain(name: str) -> str:
    """A name on one line, without characters that cannot be printed."""
    printable = "".join(c if c.isprintable() else " " for c in name)
    return " ".join(printable.split()) or "(no name)"


def shorten(name: str, limit: int = LONGEST_NAME) -> str:
    """A name of at most `limit` characters; the middle goes, since names tend to differ at their ends."""
    if len(name) <= limit:
        return name
    head = (limit - 1) * 2 // 3
    return f"{name[:head]}…{name[-(limit - 1 - head) :]}"


def shown_value(value: object, *, typed: bool = False) -> str:
    """A value as a message echoes it: as Python writes it, on one line and cut; of tables and matrices their
    type and shape, and the type alone of what cannot be written. With `typed` the type is told of each."""
    kind = type(value).__name__
    # Objects write themselves, and may raise anything.
    try:
        shape = getattr(value, "shape", ())
        if isinstance(shape, tuple) and len(shape) > (kind == "ndarray"):
            return f"{kind} of shape {shape}"
        text = " ".join(line.strip() for line in repr(value).splitlines())
    except Exception:
        return kind
    return f"{shorten(text, LONGEST_VALUE)} ({kind})" if typed else shorten(text, LONGEST_VALUE)


def shown_error(error: Exception) -> str:
    """What another library has said, on one line and cut."""
    return shorten(plain(str(error)), LONGEST_ERROR)


def with_sd(value: float, sd: float) -> str:
    """A value with the digits that its standard deviation leaves: two of the latter's."""
    if not (sd > 0 and math.isfinite(sd)):
        return f"{value:.6g}"
    decimals = 1 - math.floor(math.log10(sd))
    if decimals > 7 or abs(value) >= 1e7:
        size = max(abs(value), sd)
        return f"{value:.{max(1, math.floor(math.log10(size)) + decimals)}e}"
    return f"{value:.{max(0, decimals)}f}"
