"""EM held against the posterior: parameters, assignments, log-likelihood, partitions, and a verdict in plain
words."""

from bayesgmm.comparison.partitioning import Partition, partition
from bayesgmm.comparison.result import Comparison, compare

__all__ = ["Comparison", "Partition", "compare", "partition"]
