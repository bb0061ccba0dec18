"""Laws of the logarithm of a standard deviation s, and what they say of volumes and shapes.

Every family of `std_priors` is of one of three forms, in which first and second are positive numbers but for
the mean of a normal distribution:

* GAMMA: second s^power ~ Gamma(first, 1);
* NORMAL: log s ~ Normal(first, second);
* LOGISTIC: (s / second)^2 ~ BetaPrime(first, first), so that 2 log s is symmetric about 2 log second.

Of D independent standard deviations, log s_i = v + h_i with sum_i h_i = 0, these laws tell two things:

* the law of their shape h, exactly: the density of D independent numbers, integrated over v;
* a law of their log volume v, which is of the same form and power, with the mean and the variance that the
  mean of D independent log s_i has. It is exact for D = 1 and for NORMAL.

Where components share only a volume or only a shape, the prior takes both, independent of each other. The
mean of each log s_i then is that of its law. So is its variance where the laws of all features are alike but
for their location, since the mean of such numbers is uncorrelated with their differences; otherwise it is
var_i (1 - 2 / D) + 2 sum_j var_j / D^2.
"""

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaln, digamma, gammaln, polygamma

from bayesgmm.support.allocation import empty
from bayesgmm.support.compilation import inlined_in_order

__all__ = [
    "FORMS",
    "GAMMA",
    "LOGISTIC",
    "NORMAL",
    "LogLaw",
    "described_volume",
    "draw_volume",
    "log_density_of_products",
    "log_sum_exp",
    "shape_constant",
    "shape_density",
    "shape_kernel",
    "volume_constant",
    "volume_density",
    "volume_kernel",
    "volume_law",
]

Array = NDArray[np.float64]

FORMS = GAMMA, NORMAL, LOGISTIC = 0, 1, 2

# The integral over the volume of LOGISTIC is a sum at equal distances, which converges geometrically. The
# integrand is the narrower the more features there are: its distance is this over sqrt(1 + sum first).
DISTANCE = 0.28
# The integrand falls by this power of e before the sum ends.
FALL = 40.0
NODES = 512
# Of the logarithms of two standard deviations of a component; beyond it the density is taken for zero.
FURTHEST = 500.0


class LogLaw(NamedTuple):
    """Laws of one form: numbers of shape (D,) of features, or () of a volume."""

    form: int
    power: float
    first: Array
    second: Array


def volume_law(law: LogLaw) -> LogLaw:
    """The law of the log volume of D standard deviations."""
    d = len(law.first)
    if law.form == NORMAL:
        return law._replace(
            first=np.asarray(law.first.mean()), second=np.asarray(np.sqrt(np.sum(law.second**2)) / d)
        )
    first = np.asarray(_inverse_trigamma(float(np.sum(polygamma(1, law.first))) / d**2))
    if law.form == LOGISTIC:
        return law._replace(first=first, second=np.asarray(np.exp(np.log(law.second).mean())))
    log_mean = np.mean(digamma(law.first) - np.log(law.second))
    return law._replace(first=first, second=np.asarray(np.exp(digamma(first) - log_mean)))


def _inverse_trigamma(y: float) -> float:
    """The x whose trigamma is y, by Newton's steps for 1 / y, which is nearly linear in x."""
    x = 0.5 + 1 / y
    for _ in range(50):
        value = polygamma(1, x)
        step = value * (1 - value / y) / polygamma(2, x)
        x += step
        if abs(step) <= 1e-15 * x:
            break
    return x


def draw_volume(rng: np.random.Generator, shape: tuple[int, ...], law: LogLaw) -> Array:
    """Log volumes; `law` is that of volumes."""
    if law.form == NORMAL:
        return rng.normal(law.first, law.second, shape)
    gammas = rng.gamma(law.first, 1.0, shape)
    if law.form == LOGISTIC:
        ratio = np.log(gammas) - np.log(rng.gamma(law.first, 1.0, shape))
        return np.asarray(np.log(law.second) + ratio / law.power)
    return np.asarray((np.log(gammas) - np.log(law.second)) / law.power)


def described_volume(law: LogLaw) -> tuple[str, str, tuple[float, ...]]:
    """A variable, its distribution and the numbers of that, which tell the law of volumes."""
    first, second = float(law.first), float(law.second)
    if law.form == NORMAL:
        return "volume of stds", "LogNormal", (first, second)
    if law.form == LOGISTIC:
        return f"(volume of stds / {second:.4g})^{law.power:g}", "BetaPrime", (first, first)
    if law.power == -1:
        return "volume of stds", "InverseGamma", (first, second)
    variable = "volume of stds" if law.power == 1 else f"(volume of stds)^{law.power:g}"
    return variable, "Gamma", (first, second)


# ------------------------------------------------------------ densities of arrays


def volume_constant(law: LogLaw) -> float:
    """What :func:`volume_density` adds to the kernel."""
    if law.form == NORMAL:
        return float(-np.log(law.second) - 0.5 * math.log(2 * math.pi))
    if law.form == LOGISTIC:
        return float(math.log(abs(law.power)) - betaln(law.first, law.first))
    return float(math.log(abs(law.power)) + law.first * np.log(law.second) - gammaln(law.first))


def volume_density(law: LogLaw, log_volume: Any, xp: Any) -> Any:
    """Log density of log volumes; `xp` is NumPy, or another module with its functions."""
    if law.form == NORMAL:
        kernel = -0.5 * ((log_volume - law.first) / law.second) ** 2
    elif law.form == LOGISTIC:
        kernel = _logistic(law.power * (log_volume - np.log(law.second)), law.first, xp)
    else:
        kernel = law.power * law.first * log_volume - law.second * xp.exp(law.power * log_volume)
    return volume_constant(law) + kernel


def shape_constant(law: LogLaw) -> float:
    """What :func:`shape_density` adds to the kernel."""
    d, power = len(law.first), math.log(abs(law.power)) if law.form != NORMAL else 0.0
    if law.form == NORMAL:
        width = 0.5 * math.log(2 * math.pi / np.sum(law.second**-2.0))
        return float(width - np.sum(np.log(law.second) + 0.5 * math.log(2 * math.pi)))
    if law.form == LOGISTIC:
        return float(d * power - betaln(law.first, law.first).sum())
    each = law.first * np.log(law.second) - gammaln(law.first)
    return float((d - 1) * power + each.sum() + gammaln(law.first.sum()))


def shape_density(law: LogLaw, log_shape: Any, xp: Any) -> Any:
    """Log density of log shapes (..., D), as that of (h_1 + v, ..., h_D + v) integrated over v.

    `xp` is NumPy, or another module with its functions. A density by D - 1 of the entries of h, of which the
    last is minus their sum, has a further factor D.
    """
    if law.form == NORMAL:
        precision, away = law.second**-2.0, log_shape - law.first
        along = (precision * away).sum(axis=-1)
        kernel = 0.5 * (along**2 / precision.sum() - (precision * away**2).sum(axis=-1))
    elif law.form == LOGISTIC:
        kernel = _integrated_logistic(law, log_shape - np.log(law.second), xp)
    else:
        scaled = law.power * log_shape
        whole = log_sum_exp(np.log(law.second) + scaled, xp)
        kernel = (law.first * scaled).sum(axis=-1) - law.first.sum() * whole
    return shape_constant(law) + kernel


def log_density_of_products(stds: Any, parts: tuple[int, int], law: Any, xp: Any) -> Any:
    """Log density of standard deviations (..., K, D) made of `parts` volumes and shapes, shape (...).

    By the logarithms of the volumes and the entries of the log shapes, less the sum of all log standard
    deviations: of one component this is the density by its standard deviations.
    """
    (volumes, shapes), log_stds = parts, xp.log(stds)
    log_volumes = log_stds.mean(axis=-1)
    log_shapes = log_stds[..., :shapes, :] - log_volumes[..., :shapes, None]
    if not isinstance(law, LogLaw):
        of_parts = law.log_density_of_parts(log_volumes[..., :volumes], log_shapes, parts, xp)
        return of_parts - log_stds.sum(axis=(-2, -1))
    of_volumes = volume_density(volume_law(law), log_volumes[..., :volumes], xp).sum(axis=-1)
    return of_volumes + shape_density(law, log_shapes, xp).sum(axis=-1) - log_stds.sum(axis=(-2, -1))


def _logistic(y: Any, first: Any, xp: Any) -> Any:
    size = xp.abs(y)
    return -first * (size + 2 * xp.log1p(xp.exp(-size)))


def _integrated_logistic(law: LogLaw, away: Any, xp: Any) -> Any:
    beyond = FALL / (law.power * law.first.sum())
    start = -away.max(axis=-1, keepdims=True) - beyond
    distance = (away.max(axis=-1, keepdims=True) - away.min(axis=-1, keepdims=True) + 2 * beyond) / NODES
    log_volumes = start + distance * np.arange(NODES + 1)
    at = _logistic(law.power * (log_volumes[..., None] + away[..., None, :]), law.first, xp)
    return log_sum_exp(at.sum(axis=-1), xp) + xp.log(distance[..., 0])


def log_sum_exp(x: Any, xp: Any, axis: int = -1) -> Any:
    """log sum exp along an axis; `xp` is NumPy, or another module with its functions."""
    largest = x.max(axis=axis, keepdims=True)
    return largest.sum(axis=axis) + xp.log(xp.exp(x - largest).sum(axis=axis))


# ------------------------------------------------------------ compiled, without constants


@inlined_in_order
def volume_kernel(form, power, first, second, log_volume):
    """Log density of a log volume without its constant, and its derivative."""
    if form == NORMAL:
        z = (log_volume - first) / second
        return -0.5 * z * z, -z / second
    if form == LOGISTIC:
        return _logistic_kernel(power, first, log_volume - math.log(second))
    s = second * math.exp(power * log_volume)
    return power * first * log_volume - s, power * (first - s)


@inlined_in_order
def _logistic_kernel(power, first, away):
    y = power * away
    size = abs(y)
    return -first * (size + 2.0 * math.log1p(math.exp(-size))), -power * first * math.tanh(0.5 * y)


@inlined_in_order
def shape_kernel(form, power, first, second, log_shape, gradient):
    """Log density of a log shape (D,) without its constant; fills the gradient, as if its entries were
    free."""
    D = len(log_shape)
    value, whole = 0.0, 0.0
    if form == LOGISTIC:
        return _integrated_kernel(power, first, second, log_shape, gradient)
    if form == NORMAL:
        along = 0.0
        for i in range(D):
            gradient[i] = (log_shape[i] - first[i]) / (second[i] * second[i])
            value -= 0.5 * gradient[i] * (log_shape[i] - first[i])
            along += gradient[i]
            whole += 1.0 / (second[i] * second[i])
        for i in range(D):
            gradient[i] = along / whole / (second[i] * second[i]) - gradient[i]
        return value + 0.5 * along * along / whole
    largest, total = -math.inf, 0.0
    for i in range(D):
        gradient[i] = math.log(second[i]) + power * log_shape[i]
        largest = max(largest, gradient[i])
        value += power * first[i] * log_shape[i]
        total += first[i]
    for i in range(D):
        gradient[i] = math.exp(gradient[i] - largest)
        whole += gradient[i]
    for i in range(D):
        gradient[i] = power * (first[i] - total * gradient[i] / whole)
    return value - total * (largest + math.log(whole))


@inlined_in_order
def _integrated_kernel(power, first, second, log_shape, gradient):
    D = len(log_shape)
    low, high, total = math.inf, -math.inf, 0.0
    for i in range(D):
        low = min(low, log_shape[i] - math.log(second[i]))
        high = max(high, log_shape[i] - math.log(second[i]))
        total += first[i]
        gradient[i] = 0.0
    beyond = FALL / (power * total)
    distance = DISTANCE / math.sqrt(1.0 + total)
    if high - low > FURTHEST:
        return -math.inf
    n = int((high - low + 2.0 * beyond) / distance) + 1
    at = empty(n)
    largest, sum_of = -math.inf, 0.0
    for j in range(n):
        at[j] = 0.0
        for i in range(D):
            away = log_shape[i] - math.log(second[i]) - high - beyond + distance * j
            at[j] += _logistic_kernel(power, first[i], away)[0]
        largest = max(largest, at[j])
    for j in range(n):
        share = math.exp(at[j] - largest)
        sum_of += share
        for i in range(D):
            away = log_shape[i] - math.log(second[i]) - high - beyond + distance * j
            gradient[i] += share * _logistic_kernel(power, first[i], away)[1]
    for i in range(D):
        gradient[i] /= sum_of
    return largest + math.log(sum_of * distance)
