"""How many components: every criterion in one table, and the fits behind it."""

from bayesgmm.selection.select import Selection, select_components

__all__ = ["Selection", "select_components"]
