"""Maximum likelihood by expectation-maximisation.

`starts` proposes where to begin, `run` iterates EM from one start until it converges, `search` does so from
many and keeps the table of local maxima, and `estimator` is the scikit-learn face of it all.
"""

from bayesgmm.em.estimator import EMGaussianMixture

__all__ = ["EMGaussianMixture"]
