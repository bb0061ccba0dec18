"""`volume_shape_stds`: standard deviations that are products of a volume and a shape, as a variable of a PyMC
model."""

import math
from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt
from pymc.distributions.shape_utils import rv_size_is_none
from pymc.logprob.transforms import Transform
from pytensor.tensor import TensorVariable

from bayesgmm.bayes.common_scales import CommonLaw
from bayesgmm.bayes.log_laws import LOGISTIC, NORMAL, LogLaw, log_density_of_products, volume_law
from bayesgmm.bayes.priors import ResolvedPrior
from bayesgmm.bayes.std_priors import StdPrior

__all__ = ["VolumeShape", "volume_shape_stds"]


class VolumeShape(Transform):
    """Standard deviations from free numbers: log tau_ki = v_k + h_ki with sum_i h_ki = 0.

    The numbers are the distinct v, and then the first D - 1 entries of each distinct h. There are fewer of
    them than standard deviations: what stands for a Jacobian is the factor between the density by these
    numbers and that of :func:`bayesgmm.bayes.log_laws.log_density_of_products`.

    Parameters
    ----------
    n_volumes, n_shapes : int
        K and 1, or 1 and K.
    n_features : int
        D.
    """

    name = "volumeshape"
    ndim_supp = 1

    def __init__(self, n_volumes: int, n_shapes: int, n_features: int) -> None:
        self.parts = n_volumes, n_shapes
        self.n_features = d = n_features
        k = max(self.parts)
        # Logarithms are linear in the numbers.
        matrix = np.zeros((k, d, n_volumes + n_shapes * (d - 1)))
        for c in range(k):
            start = n_volumes + min(c, n_shapes - 1) * (d - 1)
            matrix[c, :, min(c, n_volumes - 1)] = 1.0
            matrix[c, : d - 1, start : start + d - 1] += np.eye(d - 1)
            matrix[c, d - 1, start : start + d - 1] -= 1.0
        self.matrix = matrix

    def forward(self, value: TensorVariable, *inputs: TensorVariable) -> TensorVariable:
        """Free numbers (..., n) of standard deviations (..., K, D)."""
        log_stds = pt.log(value)
        volumes, shapes = self.parts
        log_volumes = log_stds.mean(axis=-1)
        log_shapes = (log_stds - log_volumes[..., None])[..., :shapes, : self.n_features - 1]
        flat = log_shapes.reshape((*log_shapes.shape[:-2], shapes * (self.n_features - 1)))
        return pt.concatenate([log_volumes[..., :volumes], flat], axis=-1)

    def backward(self, value: TensorVariable, *inputs: TensorVariable) -> TensorVariable:
        """Standard deviations (..., K, D) of free numbers (..., n)."""
        return pt.exp((self.matrix * pt.as_tensor(value)[..., None, None, :]).sum(axis=-1))

    def log_jac_det(self, value: TensorVariable, *inputs: TensorVariable) -> TensorVariable:
        """Sum of the log standard deviations, and the factor D of each shape, shape (...)."""
        along = (self.matrix.sum(axis=(0, 1)) * pt.as_tensor(value)).sum(axis=-1)
        return along + self.parts[1] * math.log(self.n_features)


def volume_shape_stds(
    resolved: ResolvedPrior, parts: tuple[int, int], dims: tuple[str, ...]
) -> TensorVariable:
    """Standard deviations ``stds`` (K, D) of so many volumes and shapes join the model in context."""
    K, D, law = max(parts), resolved.n_features, resolved.std_law

    def draw(size: Any) -> TensorVariable:
        lead = () if rv_size_is_none(size) else tuple(size)
        if isinstance(law, CommonLaw):
            log_volumes, log_shapes = _common_parts(law, parts, lead)
        else:
            log_volumes, log_shapes = _independent_parts(resolved, law, parts, lead)
        log_stds = log_volumes + log_shapes - log_shapes.mean(axis=-1, keepdims=True)
        return pt.specify_shape(pt.exp(log_stds), (*[None] * len(lead), K, D))

    return pm.CustomDist(
        "stds",
        dist=draw,
        logp=lambda value: log_density_of_products(value, parts, law, pt),
        signature="->(k,d)",
        shape=(K, D),
        dims=dims,
        default_transform=VolumeShape(*parts, D),
    )


def _independent_parts(
    resolved: ResolvedPrior, law: LogLaw, parts: tuple[int, int], lead: tuple[Any, ...]
) -> tuple[TensorVariable, TensorVariable]:
    r"""Log volumes (\*lead, volumes, 1) and log shapes (\*lead, shapes, D), the latter up to a constant."""
    (volumes, shapes), record = parts, resolved.std_record
    assert isinstance(record, StdPrior)
    numbers = dict(zip(record.pymc_numbers, resolved.shared_std_numbers, strict=True))
    stds = getattr(pm, record.pymc).dist(**numbers, size=(*lead, shapes, resolved.n_features))
    return _log_volumes(volume_law(law), (*lead, volumes, 1)), pt.log(stds)


def _common_parts(
    law: CommonLaw, parts: tuple[int, int], lead: tuple[Any, ...]
) -> tuple[TensorVariable, TensorVariable]:
    """The same around a common scale."""
    location, away, common, own, df = law.of_parts()

    def alike(n: int, d: int) -> TensorVariable:
        width = 1 / pt.sqrt(pm.Gamma.dist(0.5 * df, 0.5 * df, size=(*lead, 1, 1)))
        once = pm.Normal.dist(0.0, common, size=(*lead, 1, d))
        return width * (once + pm.Normal.dist(0.0, own, size=(*lead, n, d)))

    volumes, shapes = parts
    return location + alike(volumes, 1), away + alike(shapes, len(away))


def _log_volumes(law: LogLaw, shape: tuple[Any, ...]) -> TensorVariable:
    if law.form == NORMAL:
        return pm.Normal.dist(law.first, law.second, size=shape)
    log_gamma = pt.log(pm.Gamma.dist(law.first, 1.0, size=shape))
    if law.form == LOGISTIC:
        log_ratio = log_gamma - pt.log(pm.Gamma.dist(law.first, 1.0, size=shape))
        return np.log(law.second) + log_ratio / law.power
    return (log_gamma - np.log(law.second)) / law.power
