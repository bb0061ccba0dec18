"""Words that several sentences of the package are made of."""

from collections.abc import Sequence

__all__ = ["listed"]


def listed(items: Sequence[str], most: int | None = None) -> str:
    """``a, b and c``; of more than `most` the first few, and how many more there are."""
    shown = list(items[:most])
    if len(items) > len(shown):
        return f"{', '.join(shown)} and {len(items) - len(shown)} more"
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"
