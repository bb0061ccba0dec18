"""`dirichlet_weights`: the weights of components, as a variable of a PyMC model."""

from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt
from pymc.distributions import transforms
from pymc.distributions.shape_utils import rv_size_is_none
from pytensor.tensor import TensorVariable
from scipy.special import gammaln

from bayesgmm.bayes.priors import ResolvedPrior

__all__ = ["dirichlet_weights"]


def dirichlet_weights(resolved: ResolvedPrior) -> TensorVariable:
    """The variable ``weights``, shape (K,), of a Dirichlet distribution or of a mixture of some; it joins the
    model in context."""
    K, mixed = len(resolved.concentration), resolved.mixed
    if not len(mixed):
        return pm.Dirichlet("weights", resolved.concentration, shape=(K,), dims="cluster")
    constants = gammaln(K * mixed) - K * gammaln(mixed) - np.log(len(mixed))

    def draw(size: Any) -> TensorVariable:
        lead = () if rv_size_is_none(size) else tuple(size)
        which = pm.Categorical.dist(np.full(len(mixed), 1 / len(mixed)), size=(*lead, 1))
        gammas = pm.Gamma.dist(pt.as_tensor(mixed)[which], 1.0, size=(*lead, K))
        return pt.specify_shape(gammas / gammas.sum(axis=-1, keepdims=True), (*[None] * len(lead), K))

    def logp(value: TensorVariable) -> TensorVariable:
        along = pt.log(value).sum(axis=-1, keepdims=True)
        return pt.logsumexp(constants + (mixed - 1) * along, axis=-1)

    return pm.CustomDist(
        "weights",
        dist=draw,
        logp=logp,
        signature="->(k)",
        shape=(K,),
        dims="cluster",
        default_transform=transforms.simplex,
    )
