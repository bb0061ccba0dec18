"""A fit in a file: saved, and loaded again without trust in where the file has been."""

from bayesgmm.storage.fits import load, save

__all__ = ["load", "save"]
