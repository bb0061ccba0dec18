"""Prior families of standard deviations whose scale all components share and the data decide: one record each
in `COMMON_SCALES`.

Of each feature, independently of the others, the K standard deviations have a common scale that is itself
unknown. It is integrated out in closed form: what is left is a density of all K together, so that the scale
is no coordinate to sample, and what is known of it after the data follows from the standard deviations.

* ``hierarchical``: log s_k = c + e_k, c ~ Normal(mu, common / sqrt(w)), e_k ~ Normal(0, own / sqrt(w)),
  w ~ Gamma(df / 2, df / 2). Without c and w the logarithms are multivariate t, with location mu and scale
  matrix own^2 I + common^2 1 1'. The heavy tails let go of components that are far from alike.
* ``hierarchical_gamma``: 1 / s_k^2 ~ Gamma(alpha, b), b ~ Gamma(g, h), with rates b and h (Richardson and
  Green 1997, section 2.4).
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln, stdtrit

from bayesgmm.bayes.log_laws import log_sum_exp
from bayesgmm.support.allocation import empty
from bayesgmm.support.compilation import inlined_in_order

__all__ = ["COMMON_SCALES", "CommonLaw", "CommonScale", "add_common_log_density", "student_kernel"]

Array = NDArray[np.float64]


RARE = 1e-3


class CommonLaw(NamedTuple):
    """The numbers of ``hierarchical``, each of shape (D,)."""

    mu: Array
    common: Array
    own: Array
    df: Array

    def of_parts(self) -> tuple[float, Array, float, float, float]:
        """What it says of volumes and shapes: location of log volumes, that of log shapes (D,), and one
        common, own and df for both: where they differ by feature, the root of the mean square, and the
        smallest df."""
        location = float(self.mu.mean())
        common, own = (float(np.sqrt(np.mean(v**2))) for v in (self.common, self.own))
        return location, self.mu - location, common, own, float(self.df.min())

    def draw_parts(self, rng: np.random.Generator, size: int, parts: tuple[int, int]) -> tuple[Array, Array]:
        """Log volumes (size, volumes) and log shapes (size, shapes, D)."""
        location, away, common, own, df = self.of_parts()
        volumes, shapes = parts

        def alike(n: int, d: int) -> Array:
            """n x d numbers, each d-vector around a common one."""
            width = 1 / np.sqrt(rng.gamma(df / 2, 2 / df, (size, 1, 1)))
            scale = common * rng.standard_normal((size, 1, d)) + own * rng.standard_normal((size, n, d))
            return np.asarray(width * scale)

        log_shapes = alike(shapes, len(away))
        log_shapes -= log_shapes.mean(axis=-1, keepdims=True)
        return location + alike(volumes, 1)[:, :, 0], away + log_shapes

    def constant_of_parts(self, parts: tuple[int, int]) -> float:
        """What the kernels leave out of :meth:`log_density_of_parts`."""
        (volumes, shapes), d = parts, len(self.mu)
        _, _, common, own, df = self.of_parts()
        constant = _student_constant(volumes, 1, common, own, df)
        if d > 1:
            constant += _student_constant(shapes, d - 1, common, own, df) - 0.5 * shapes * math.log(d)
        return float(constant)

    def log_density_of_parts(self, log_volumes: Any, log_shapes: Any, parts: tuple[int, int], xp: Any) -> Any:
        """Log density of log volumes (..., volumes) and log shapes (..., shapes, D), each a multivariate t.

        Of shapes as that of (h_1 + v, ..., h_D + v), of independent features, integrated over each v.
        """
        location, away, common, own, df = self.of_parts()
        (volumes, shapes), d = parts, len(away)
        found = _alike(log_volumes[..., None] - location, volumes, 1, common, own, df, xp)
        if d > 1:
            # A step of v along (1, ..., 1) has the length sqrt(D).
            found = found + _alike(log_shapes - away, shapes, d - 1, common, own, df, xp)
            found = found - 0.5 * shapes * math.log(d)
        return found


def _alike(away: Any, k: int, dims: int, common: Any, own: Any, df: Any, xp: Any) -> Any:
    """Log density of K vectors (..., K, D) around a common one, which vary in `dims` dimensions."""
    middle = away.mean(axis=-2)
    within = ((away - middle[..., None, :]) ** 2).sum(axis=(-2, -1))
    return _student(within, (middle**2).sum(axis=-1), k, dims, common, own, df, xp)


def _student(within: Any, between: Any, k: int, dims: int, common: Any, own: Any, df: Any, xp: Any) -> Any:
    """Log density of the multivariate t: `within` is the sum of squares around the mean of the K, `between`
    the square of that mean."""
    free, whole = k * dims, own**2 + k * common**2
    distance = within / own**2 + k * between / whole
    return _student_constant(k, dims, common, own, df) - 0.5 * (df + free) * xp.log1p(distance / df)


def _student_constant(k: int, dims: int, common: Any, own: Any, df: Any) -> Any:
    free, whole = k * dims, own**2 + k * common**2
    width = 0.5 * dims * ((k - 1) * np.log(own**2) + np.log(whole)) + 0.5 * free * np.log(df * math.pi)
    return gammaln(0.5 * (df + free)) - gammaln(0.5 * df) - width


@dataclass(frozen=True, kw_only=True)
class CommonScale:
    """A family of distributions of the K standard deviations of a feature.

    Parameters
    ----------
    name, title : str
        As ``Prior.std_prior`` gives it, and as tables and reports write it.
    numbers : tuple of str
        Names of its numbers.
    signed : tuple of str
        Those of them that may have either sign; the others are positive.
    scaled : callable
        ``scaled(scale, *numbers)`` gives the numbers of the distribution of s / scale, as a tuple.
    log_density : callable
        ``log_density(s, k, xp, *numbers)``, shape (..., D), of standard deviations (..., K, D), with k = K;
        `xp` is NumPy, or another module with its functions.
    log_constant : callable
        ``log_constant(k, *numbers)``: what its kernel leaves out.
    draw : callable
        ``draw(rng, shape, *numbers)``, of a shape that ends with K and D.
    reach : callable
        ``reach(*numbers)``: how far the logarithm of a standard deviation may lie from its median, but for
        one draw in a thousand.
    words : callable
        ``words(*numbers)`` of one feature, each a number.
    has_parts : bool
        Whether it also tells laws of volumes and shapes that components share.
    """

    name: str
    title: str
    numbers: tuple[str, ...]
    signed: tuple[str, ...] = ()
    scaled: Callable[..., tuple[Array, ...]]
    log_density: Callable[..., Any]
    log_constant: Callable[..., Array]
    draw: Callable[..., Array]
    reach: Callable[..., Array]
    words: Callable[..., str]
    has_parts: bool


def _hierarchical_density(s: Any, k: int, xp: Any, mu: Any, common: Any, own: Any, df: Any) -> Any:
    log_s = xp.log(s)
    away = log_s - mu
    middle = away.mean(axis=-2)
    within = ((away - middle[..., None, :]) ** 2).sum(axis=-2)
    return _student(within, middle**2, k, 1, common, own, df, xp) - log_s.sum(axis=-2)


def _hierarchical_draw(
    rng: np.random.Generator, shape: tuple[int, ...], mu: Any, common: Any, own: Any, df: Any
) -> Array:
    once = (*shape[:-2], 1, shape[-1])
    width = 1 / np.sqrt(rng.gamma(np.broadcast_to(0.5 * df, once), 2 / df))
    scale = common * rng.standard_normal(once) + own * rng.standard_normal(shape)
    return np.exp(mu + width * scale)


def _hierarchical_words(mu: float, common: float, own: float, df: float) -> str:
    quantile = float(stdtrit(df, 0.975))
    scale, within, apart = np.exp([mu, common * quantile, own * quantile])
    return (
        f"a common scale near {scale:.4g}, by a factor of {within:.2g} more or less, and each component's by "
        f"a factor of {apart:.2g} from it, with probability 0.95"
    )


def _gamma_density(s: Any, k: int, xp: Any, alpha: Any, g: Any, h: Any) -> Any:
    log_s = xp.log(s)
    # log(h + sum_k 1 / s_k^2), without squares that overflow.
    terms = xp.concatenate([-2 * log_s, xp.zeros_like(log_s[..., :1, :]) + np.log(h)], axis=-2)
    whole = log_sum_exp(terms, xp, axis=-2)
    kernel = -2 * alpha * log_s.sum(axis=-2) - (k * alpha + g) * whole
    return _gamma_constant(k, alpha, g, h) + kernel - log_s.sum(axis=-2)


def _gamma_constant(k: int, alpha: Any, g: Any, h: Any) -> Any:
    of_rate = g * np.log(h) - gammaln(g) + gammaln(k * alpha + g)
    return k * (math.log(2) - gammaln(alpha)) + of_rate


def _gamma_draw(rng: np.random.Generator, shape: tuple[int, ...], alpha: Any, g: Any, h: Any) -> Array:
    once = (*shape[:-2], 1, shape[-1])
    # By logarithms: with a g near zero most draws of b are smaller than any positive number.
    log_b = np.log(rng.gamma(np.broadcast_to(g + 1.0, once))) + np.log(rng.random(once)) / g - np.log(h)
    return np.exp(0.5 * (log_b - np.log(rng.gamma(alpha, 1.0, shape))))


_FAMILIES = (
    CommonScale(
        name="hierarchical",
        title="Hierarchical",
        numbers=("mu", "common", "own", "df"),
        signed=("mu",),
        scaled=lambda scale, mu, common, own, df: (mu - np.log(scale), common, own, df),
        log_density=_hierarchical_density,
        log_constant=lambda k, mu, common, own, df: _student_constant(k, 1, common, own, df),
        draw=_hierarchical_draw,
        reach=lambda mu, common, own, df: np.hypot(common, own) * stdtrit(df, 1 - RARE / 2),
        words=_hierarchical_words,
        has_parts=True,
    ),
    CommonScale(
        name="hierarchical_gamma",
        title="HierarchicalGamma",
        numbers=("alpha", "g", "h"),
        scaled=lambda scale, alpha, g, h: (alpha, g, h * scale**2),
        log_density=_gamma_density,
        log_constant=_gamma_constant,
        draw=_gamma_draw,
        # A Gamma(g) number x with a small g has P(log x < -y) near exp(-g y).
        reach=lambda alpha, g, h: -0.5 * np.log(RARE) * (1 / g + 1 / alpha),
        words=lambda alpha, g, h: f"1 / stds^2 ~ Gamma({alpha:.4g}, b), b ~ Gamma({g:.4g}, {h:.4g})",
        has_parts=False,
    ),
)
COMMON_SCALES = {family.name: family for family in _FAMILIES}


# ------------------------------------------------------------ compiled, without constants


@inlined_in_order
def student_kernel(away, common, own, df, dims, gradient):
    """Log density of K vectors (K, D) around a common one, which vary in `dims` dimensions, given by their
    distance from its location; fills the gradient (K, D)."""
    K, D = away.shape
    precision, of_middle, distance = 1.0 / (own * own), 1.0 / (own * own + K * common * common), 0.0
    for i in range(D):
        middle = 0.0
        for k in range(K):
            middle += away[k, i] / K
        distance += K * middle * middle * of_middle
        for k in range(K):
            from_middle = away[k, i] - middle
            distance += from_middle * from_middle * precision
            gradient[k, i] = from_middle * precision + middle * of_middle
    free = df + K * dims
    factor = -free / (df + distance)
    for k in range(K):
        for i in range(D):
            gradient[k, i] *= factor
    return -0.5 * free * math.log1p(distance / df)


@inlined_in_order
def _gamma_kernel(log_stds, alpha, g, h, gradient):
    """The same of ``hierarchical_gamma`` for one feature: logarithms and gradient of shape (K, 1)."""
    K = len(log_stds)
    largest, total, value = math.log(h), 0.0, 0.0
    for k in range(K):
        largest = max(largest, -2.0 * log_stds[k, 0])
        value -= 2.0 * alpha * log_stds[k, 0]
    for k in range(K):
        gradient[k, 0] = math.exp(-2.0 * log_stds[k, 0] - largest)
        total += gradient[k, 0]
    total += math.exp(math.log(h) - largest)
    power = K * alpha + g
    for k in range(K):
        gradient[k, 0] = 2.0 * power * gradient[k, 0] / total - 2.0 * alpha
    return value - power * (largest + math.log(total))


@inlined_in_order
def add_common_log_density(is_gamma, value, log_stds, numbers, gradient):
    """`value` plus the log densities of logarithms of standard deviations (K n,), feature after feature
    within a component; `numbers` is (4, D), of which the first n columns count. Fills the gradient."""
    n = numbers.shape[1]
    K = len(log_stds) // n
    away, slopes = empty(K).reshape((K, 1)), empty(K).reshape((K, 1))
    for i in range(n):
        for k in range(K):
            away[k, 0] = log_stds[k * n + i] - (0.0 if is_gamma else numbers[0, i])
        if is_gamma:
            value += _gamma_kernel(away, numbers[0, i], numbers[1, i], numbers[2, i], slopes)
        else:
            value += student_kernel(away, numbers[1, i], numbers[2, i], numbers[3, i], 1, slopes)
        for k in range(K):
            gradient[k * n + i] = slopes[k, 0]
    return value
