"""EM held against the posterior: parameters, assignments, log-likelihood, partitions, and a verdict in plain words."""

from bayesgmm.comparison.partitioning import Partition, partition
from bayesgmm.comparison.result import Comparison, compare
from bayesgmm.comparison.selection import Selection, select_components

__all__ = ["Comparison", "Partition", "Selection", "compare", "partition", "select_components"]
