"""Maximum likelihood by expectation-maximisation.

`starts` proposes where to begin, `climb` goes uphill from one start, `search` climbs from many
and keeps the table of local maxima, and `estimator` is the scikit-learn face of it all.
"""

from bayesgmm.em.estimator import EMGaussianMixture

__all__ = ["EMGaussianMixture"]
