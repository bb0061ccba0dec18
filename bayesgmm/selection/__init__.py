"""How many components, and of which family: every criterion in one table, and the fits behind it.

``Selection``, of all criteria, is imported when it is asked for: a choice by EM alone needs nothing of it.
"""

from typing import TYPE_CHECKING, Any

from bayesgmm.selection.em_selection import Choice, EMSelection
from bayesgmm.selection.select import select_components

if TYPE_CHECKING:
    from bayesgmm.selection.result import Selection as Selection

__all__ = ["Choice", "EMSelection", "Selection", "select_components"]


def __getattr__(name: str) -> Any:
    if name == "Selection":
        from bayesgmm.selection.result import Selection

        return Selection
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
