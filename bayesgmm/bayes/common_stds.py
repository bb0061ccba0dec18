"""`common_scale_stds`: standard deviations whose scale components share, as a variable of a PyMC model."""

from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt
from pymc.distributions.shape_utils import rv_size_is_none
from pymc.logprob.transforms import Transform
from pytensor.tensor import TensorVariable

from bayesgmm.bayes.common_scales import CommonScale
from bayesgmm.bayes.priors import ResolvedPrior
from bayesgmm.mixture.covariance_family import CovarianceFamily

__all__ = ["JointLog", "common_scale_stds"]


class JointLog(Transform):
    """Logarithms of the numbers of one draw: PyMC's own would keep a Jacobian for each number.

    Parameters
    ----------
    ndim : int
        Dimensions of a draw.
    """

    name = "log"

    def __init__(self, ndim: int) -> None:
        self.ndim_supp = ndim

    def forward(self, value: TensorVariable, *inputs: TensorVariable) -> TensorVariable:
        """Free numbers of standard deviations."""
        return pt.log(value)

    def backward(self, value: TensorVariable, *inputs: TensorVariable) -> TensorVariable:
        """Standard deviations of free numbers."""
        return pt.exp(value)

    def log_jac_det(self, value: TensorVariable, *inputs: TensorVariable) -> TensorVariable:
        """Sum of the free numbers of each draw."""
        return pt.as_tensor(value).sum(axis=tuple(range(-self.ndim_supp, 0)))


def common_scale_stds(
    resolved: ResolvedPrior, family: CovarianceFamily, dims: tuple[str, ...]
) -> TensorVariable:
    """The variable ``stds``, of the family's shape; it joins the model in context."""
    record = resolved.std_record
    assert isinstance(record, CommonScale)
    K, D = resolved.mean_loc.shape
    numbers = [np.atleast_1d(family.of_stds(v)) for v in resolved.shared_std_numbers]
    shape = family.shapes(K, D)["stds"]
    # A component and a feature axis, also where standard deviations lack one.
    grid = (K if family.by_component else 1, len(numbers[0]))

    def draw(size: Any) -> TensorVariable:
        lead = () if rv_size_is_none(size) else tuple(size)
        stds = pt.exp(_log_stds(record.name, numbers, lead, grid)).reshape((*lead, *shape))
        return pt.specify_shape(stds, (*[None] * len(lead), *shape))

    def logp(value: TensorVariable) -> TensorVariable:
        stds = pt.as_tensor(value).reshape((*value.shape[: value.ndim - len(shape)], *grid))
        return record.log_density(stds, grid[0], pt, *numbers).sum(axis=-1)

    return pm.CustomDist(
        "stds",
        dist=draw,
        logp=logp,
        signature=f"->({','.join('kd'[: len(shape)])})",
        shape=shape,
        dims=dims or None,
        default_transform=JointLog(len(shape)),
    )


def _log_stds(name: str, numbers: list[Any], lead: tuple[Any, ...], grid: tuple[int, int]) -> TensorVariable:
    """Logarithms of draws, shape (\\*lead, K, D)."""
    once, every = (*lead, 1, grid[1]), (*lead, *grid)
    if name == "hierarchical":
        mu, common, own, df = numbers
        width = 1 / pt.sqrt(pm.Gamma.dist(0.5 * df, 0.5 * df, size=once))
        scale = pm.Normal.dist(0.0, common, size=once) + pm.Normal.dist(0.0, own, size=every)
        return mu + width * scale
    alpha, g, h = numbers
    log_rate = pt.log(pm.Gamma.dist(g + 1, 1.0, size=once)) + pt.log(pm.Uniform.dist(0, 1, size=once)) / g
    return 0.5 * (log_rate - np.log(h) - pt.log(pm.Gamma.dist(alpha, 1.0, size=every)))
