"""Exponential and logarithm of whole arrays, in vector instructions.

The compiler calls the C library for one number at a time; these are as exact as need be, at most 2 ulp off,
and several times as quick.
"""

import math

import numpy as np
from numpy.polynomial import chebyshev

from bayesgmm.support.compilation import inlined_in_order

__all__ = ["exp_inplace", "log_inplace"]


def _exp_coefficients():
    """Of (exp(f) - 1 - f) / f^2 for |f| <= log(2)/2: interpolation at Chebyshev points, whose error is below
    1e-16.

    The series' first ten coefficients would need two more for as much.
    """
    half = 0.5 * math.log(2.0)

    def series(f):
        return sum(f**n / math.factorial(n + 2) for n in range(18))

    in_unit = chebyshev.cheb2poly(chebyshev.chebinterpolate(lambda t: series(half * t), 9))
    return tuple(float(c / half**n) for n, c in enumerate(in_unit))


_EXP_COEFFICIENTS = _exp_coefficients()
_LOG2_E = 1.0 / math.log(2.0)
# log(2) in two parts: the first has trailing zero bits, so that k * LN2_HIGH is exact.
_LN2_HIGH = 6.93147180369123816490e-01
_LN2_LOW = 1.90821492927058770002e-10
# Adding 1.5 * 2^52 leaves the nearest integer in the low bits of the mantissa.
_ROUNDING = 6755399441055744.0
_EXP_SMALLEST = -708.0
# log m = 2 atanh(s) with s = (m - 1) / (m + 1); for m within a factor sqrt(2) of one, s^2 < 0.0295, and what
# the series 2 s^(2n+1) / (2n+1) lacks after n = 10 is below 1e-18 of its sum.
_LOG_COEFFICIENTS = tuple(2.0 / (2 * n + 1) for n in range(11))
# Bits of the largest number below one, less those of sqrt(1/2): puts the cut between exponents at sqrt(2)
# instead of 2.
_ABOVE_ROOT = 0x3FF0000000000000 - 0x3FE6A09E667F3BCD
_BITS_OF_2_52 = 0x4330000000000000


@inlined_in_order
def exp_inplace(x, n, scratch):
    """Replace x[:n] by its exponential, for x <= 709, in vector instructions; at most 2 ulp off.

    Values below -708, among them -inf, give zero; NaN stays. `scratch` is a float64 array no shorter than n.
    """
    bits = scratch.view(np.int64)
    for i in range(n):
        v = _EXP_SMALLEST if x[i] < _EXP_SMALLEST else x[i]
        shifted = v * _LOG2_E + _ROUNDING
        scratch[i] = shifted
        k = shifted - _ROUNDING
        f = (v - k * _LN2_HIGH) - k * _LN2_LOW
        p = _EXP_COEFFICIENTS[9]
        p = p * f + _EXP_COEFFICIENTS[8]
        p = p * f + _EXP_COEFFICIENTS[7]
        p = p * f + _EXP_COEFFICIENTS[6]
        p = p * f + _EXP_COEFFICIENTS[5]
        p = p * f + _EXP_COEFFICIENTS[4]
        p = p * f + _EXP_COEFFICIENTS[3]
        p = p * f + _EXP_COEFFICIENTS[2]
        p = p * f + _EXP_COEFFICIENTS[1]
        p = p * f + _EXP_COEFFICIENTS[0]
        p = p * f + 1.0
        p = p * f + 1.0
        x[i] = 0.0 if x[i] < _EXP_SMALLEST else p
    # The low bits of the shifted value hold k; moved into the exponent they make 2^k.
    for i in range(n):
        bits[i] = (bits[i] + 1023) << 52
    for i in range(n):
        x[i] *= scratch[i]


@inlined_in_order
def log_inplace(x, n, scratch):
    """Replace x[:n] by its logarithm, for x from 1e-307 to 1e307, in vector instructions; at most 2 ulp off.

    NaN stays, and infinity becomes NaN. `scratch` is a float64 array no shorter than n.
    """
    bits = x.view(np.int64)
    exponent = scratch.view(np.int64)
    for i in range(n):
        # x = 2^k m with m from sqrt(1/2) to sqrt(2); k + 1023 goes to the low bits of 2^52.
        e = ((bits[i] + _ABOVE_ROOT) >> 52) & 0xFFF
        bits[i] -= (e - 1023) << 52
        exponent[i] = e | _BITS_OF_2_52
    for i in range(n):
        k = scratch[i] - (4503599627370496.0 + 1023.0)
        f = x[i] - 1.0
        s = f / (2.0 + f)
        q = s * s
        p = _LOG_COEFFICIENTS[10]
        p = p * q + _LOG_COEFFICIENTS[9]
        p = p * q + _LOG_COEFFICIENTS[8]
        p = p * q + _LOG_COEFFICIENTS[7]
        p = p * q + _LOG_COEFFICIENTS[6]
        p = p * q + _LOG_COEFFICIENTS[5]
        p = p * q + _LOG_COEFFICIENTS[4]
        p = p * q + _LOG_COEFFICIENTS[3]
        p = p * q + _LOG_COEFFICIENTS[2]
        p = p * q + _LOG_COEFFICIENTS[1]
        # log m = f - f^2/2 + s (f^2/2 + p q) keeps the largest term exact (identity 2 s = f - s f).
        half = 0.5 * f * f
        value = k * _LN2_HIGH - ((half - (s * (half + p * q) + k * _LN2_LOW)) - f)
        x[i] = np.nan if abs(k) >= 1023.0 else value
