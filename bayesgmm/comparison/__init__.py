"""EM held against the posterior: parameters, assignments, log-likelihood, and a verdict in plain words."""

from bayesgmm.comparison.result import Comparison, compare

__all__ = ["Comparison", "compare"]
