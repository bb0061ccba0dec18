"""Prior families for standard deviations: one record each in `STD_PRIORS`, which is all that the package
knows of them; those whose scale components share are in `common_scales`.

`Prior` checks and scales by a family's record, reports take its title, pictures its draws, the PyMC model its
class, and the compiled log posterior its kernel. A new family is one more record here, and one row of the
table in ``tests/scipy_std_priors.py``, against which everything that a record says is tested.

A family has one or two numbers, in the order in which ``Prior.std_prior`` takes them. All functions of a
record but its kernel take arrays of any shapes that broadcast.
"""

import difflib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from scipy.special import gammaln

from bayesgmm.bayes.common_scales import COMMON_SCALES, CommonScale, add_common_log_density
from bayesgmm.bayes.log_laws import GAMMA, LOGISTIC, NORMAL, LogLaw
from bayesgmm.errors import ParameterError
from bayesgmm.support.compilation import inlined, inlined_in_order
from bayesgmm.support.sentences import shown_value

__all__ = [
    "CODES",
    "EVERY_FAMILY",
    "MOST_NUMBERS",
    "STD_PRIORS",
    "StdPrior",
    "add_log_density",
    "std_prior_family",
]

Array = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class StdPrior:
    """A family of distributions of a standard deviation s.

    Parameters
    ----------
    name : str
        As ``Prior.std_prior`` gives it.
    title : str
        As tables and reports write it.
    numbers : tuple of str
        Names of its one or two numbers.
    signed : tuple of str
        Those of them that may have either sign; the others are positive.
    scaled : callable
        ``scaled(scale, *numbers)`` gives the numbers of the distribution of s / scale, as a tuple.
    log_density : callable
        ``log_density(s, *numbers)``.
    kernel : callable
        ``kernel(log_s, s, first, second)``, for compiled code: the log density of log s without its constant,
        and its derivative by log s. `second` is zero where there is one number.
    log_constant : callable
        ``log_constant(*numbers)``: what the kernel leaves out.
    draw : callable
        ``draw(rng, shape, *numbers)``.
    log_law : callable
        ``log_law(*numbers)``: the law of log s, as a `LogLaw`.
    pymc : str
        Name of its class in PyMC.
    pymc_numbers : tuple of str
        The arguments of that class which take the numbers.
    """

    name: str
    title: str
    numbers: tuple[str, ...]
    signed: tuple[str, ...] = ()
    scaled: Callable[..., tuple[Array, ...]]
    log_density: Callable[..., Array]
    kernel: Callable[..., tuple[float, float]]
    log_constant: Callable[..., Array]
    draw: Callable[..., Array]
    log_law: Callable[..., LogLaw]
    pymc: str
    pymc_numbers: tuple[str, ...]


def std_prior_family(name: str) -> StdPrior | CommonScale:
    """The record of a family, of independent standard deviations or of some with a common scale.

    Raises
    ------
    ParameterError
        If there is none of that name; ``details`` has ``family`` and ``known``.
    """
    if name not in EVERY_FAMILY:
        close = difflib.get_close_matches(str(name).lower(), EVERY_FAMILY, n=1)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        raise ParameterError(
            f"The family of std_prior must be one of {', '.join(map(repr, EVERY_FAMILY))}; got "
            f"{shown_value(name)}.{hint}",
            family=name,
            known=tuple(EVERY_FAMILY),
        )
    return EVERY_FAMILY[name]


def _halfnormal(log_s, s, sigma, _):
    z = s / sigma
    squared = z * z
    return log_s - 0.5 * squared, 1.0 - squared


def _exponential(log_s, s, rate, _):
    return log_s - rate * s, 1.0 - rate * s


def _gamma(log_s, s, alpha, beta):
    return alpha * log_s - beta * s, alpha - beta * s


def _lognormal(log_s, _, mu, sigma):
    z = (log_s - mu) / sigma
    return -0.5 * (z * z), -z / sigma


def _inversegamma(log_s, s, alpha, beta):
    return -alpha * log_s - beta / s, beta / s - alpha


def _halfcauchy(log_s, _, beta, __):
    # With v = log(s / beta) the density of v is 1 / (pi cosh v), written so that no power overflows.
    v = log_s - math.log(beta)
    return -abs(v) - math.log1p(math.exp(-2.0 * abs(v))), -math.tanh(v)


def _gamma_constant(alpha: Array, beta: Array) -> Array:
    return alpha * np.log(beta) - gammaln(alpha)


_FAMILIES = (
    StdPrior(
        name="halfnormal",
        title="HalfNormal",
        numbers=("sigma",),
        scaled=lambda scale, sigma: (sigma / scale,),
        log_density=lambda s, sigma: stats.halfnorm.logpdf(s, scale=sigma),
        kernel=_halfnormal,
        log_constant=lambda sigma: 0.5 * math.log(2 / math.pi) - np.log(sigma),
        draw=lambda rng, shape, sigma: np.abs(rng.normal(0.0, sigma, shape)),
        log_law=lambda sigma: LogLaw(GAMMA, 2.0, np.full_like(sigma, 0.5), 0.5 / sigma**2),
        pymc="HalfNormal",
        pymc_numbers=("sigma",),
    ),
    StdPrior(
        name="exponential",
        title="Exponential",
        numbers=("rate",),
        scaled=lambda scale, rate: (rate * scale,),
        log_density=lambda s, rate: stats.expon.logpdf(s, scale=1 / rate),
        kernel=_exponential,
        log_constant=lambda rate: np.log(rate),
        draw=lambda rng, shape, rate: rng.exponential(1 / rate, shape),
        log_law=lambda rate: LogLaw(GAMMA, 1.0, np.ones_like(rate), rate),
        pymc="Exponential",
        pymc_numbers=("lam",),
    ),
    StdPrior(
        name="gamma",
        title="Gamma",
        numbers=("alpha", "beta"),
        scaled=lambda scale, alpha, beta: (alpha, beta * scale),
        log_density=lambda s, alpha, beta: stats.gamma.logpdf(s, alpha, scale=1 / beta),
        kernel=_gamma,
        log_constant=_gamma_constant,
        draw=lambda rng, shape, alpha, beta: rng.gamma(alpha, 1 / beta, shape),
        log_law=lambda alpha, beta: LogLaw(GAMMA, 1.0, alpha, beta),
        pymc="Gamma",
        pymc_numbers=("alpha", "beta"),
    ),
    StdPrior(
        name="lognormal",
        title="LogNormal",
        numbers=("mu", "sigma"),
        signed=("mu",),
        scaled=lambda scale, mu, sigma: (mu - np.log(scale), sigma),
        log_density=lambda s, mu, sigma: stats.lognorm.logpdf(s, sigma, scale=np.exp(mu)),
        kernel=_lognormal,
        log_constant=lambda mu, sigma: -np.log(sigma) - 0.5 * math.log(2 * math.pi),
        draw=lambda rng, shape, mu, sigma: rng.lognormal(mu, sigma, shape),
        log_law=lambda mu, sigma: LogLaw(NORMAL, 1.0, mu, sigma),
        pymc="LogNormal",
        pymc_numbers=("mu", "sigma"),
    ),
    StdPrior(
        name="inversegamma",
        title="InverseGamma",
        numbers=("alpha", "beta"),
        scaled=lambda scale, alpha, beta: (alpha, beta / scale),
        log_density=lambda s, alpha, beta: stats.invgamma.logpdf(s, alpha, scale=beta),
        kernel=_inversegamma,
        log_constant=_gamma_constant,
        draw=lambda rng, shape, alpha, beta: beta / rng.gamma(alpha, 1.0, shape),
        log_law=lambda alpha, beta: LogLaw(GAMMA, -1.0, alpha, beta),
        pymc="InverseGamma",
        pymc_numbers=("alpha", "beta"),
    ),
    StdPrior(
        name="halfcauchy",
        title="HalfCauchy",
        numbers=("beta",),
        scaled=lambda scale, beta: (beta / scale,),
        log_density=lambda s, beta: stats.halfcauchy.logpdf(s, scale=beta),
        kernel=_halfcauchy,
        log_constant=lambda beta: np.full(np.shape(beta), math.log(2 / math.pi)),
        draw=lambda rng, shape, beta: beta * np.abs(rng.standard_cauchy(shape)),
        log_law=lambda beta: LogLaw(LOGISTIC, 2.0, np.full_like(beta, 0.5), beta),
        pymc="HalfCauchy",
        pymc_numbers=("beta",),
    ),
)
STD_PRIORS = {family.name: family for family in _FAMILIES}
EVERY_FAMILY: dict[str, StdPrior | CommonScale] = STD_PRIORS | COMMON_SCALES
# How compiled code names the families: those with a common scale from FIRST_COMMON on.
CODES = {name: code for code, name in enumerate(EVERY_FAMILY)}
FIRST_COMMON = len(STD_PRIORS)


def _summed(kernel: Any) -> Any:
    """Compiled code that adds up a family's log densities.

    A loop to each family, which makes no choices; and in order, so that it rounds alike whatever the loops of
    the other families are.
    """
    kernel = inlined_in_order(kernel)

    @inlined_in_order
    def summed(value, log_stds, first, second, gradient):
        for start in range(0, len(log_stds), len(first)):
            for i in range(len(first)):
                log_s = log_stds[start + i]
                density, slope = kernel(log_s, math.exp(log_s), first[i], second[i])
                value += density
                gradient[start + i] = slope
        return value

    return summed


def _dispatcher(kernels: Sequence[Any], code: int = 0) -> Any:
    """One compiled function for all families, which compares their codes in order."""
    here = _summed(kernels[0])
    if len(kernels) == 1:
        return inlined(
            lambda _, value, log_stds, first, second, gradient: here(value, log_stds, first, second, gradient)
        )
    others = _dispatcher(kernels[1:], code + 1)

    @inlined
    def dispatch(family, value, log_stds, first, second, gradient):
        if family == code:
            return here(value, log_stds, first, second, gradient)
        return others(family, value, log_stds, first, second, gradient)

    return dispatch


_add_independent = _dispatcher([family.kernel for family in _FAMILIES])
_IS_GAMMA = CODES["hierarchical_gamma"]
# Rows of the array of numbers that compiled code takes.
MOST_NUMBERS = 4


@inlined_in_order
def add_log_density(family, value, log_stds, numbers, gradient):
    """`value` plus the log densities of standard deviations, given by their logarithms, without constants;
    fills the gradient.

    `family` is a code. `numbers`, shape (MOST_NUMBERS, n), are those of one feature after the other, and
    begin again where standard deviations go on.
    """
    if family >= FIRST_COMMON:
        return add_common_log_density(family == _IS_GAMMA, value, log_stds, numbers, gradient)
    return _add_independent(family, value, log_stds, numbers[0], numbers[1], gradient)
