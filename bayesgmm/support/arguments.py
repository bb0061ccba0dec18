"""Checks of plain arguments: a choice, a type, an integer, cores, the mass of an interval, a seed."""

import math
import numbers
import os
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bayesgmm.errors import BayesGMMError, ParameterError
from bayesgmm.support.sentences import count, shown_error, shown_value

__all__ = [
    "as_array",
    "as_real",
    "available_cores",
    "check_choice",
    "check_cores",
    "check_finite_array",
    "check_flag",
    "check_integer",
    "check_kind",
    "check_share",
    "check_unmasked",
    "interval_ends",
    "is_number",
    "seed_sequence",
]


# Of a count: no array has more rows.
LARGEST = 2**31 - 1


def check_choice(value: Any, name: str, choices: Iterable[str]) -> None:
    """Refuse what is not one of the choices."""
    allowed = list(choices)
    if not isinstance(value, str) or value not in allowed:
        raise ParameterError(
            f"{name} must be one of {', '.join(map(repr, allowed))}; got {shown_value(value)}.",
            name=name,
            value=value,
            choices=tuple(allowed),
        )


def available_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def check_cores(cores: Any) -> int:
    """How many threads or processes to use: those asked for, or where `cores` is None all that there are."""
    return available_cores() if cores is None else check_integer(cores, "cores", 1)


def check_integer(value: Any, name: str, minimum: int) -> int:
    """An integer not below `minimum`; booleans and floats such as 2.0 are refused."""
    if not is_number(value, numbers.Integral):
        raise ParameterError(
            f"{name} must be an integer of at least {minimum}; got {shown_value(value, typed=True)}.",
            name=name,
            value=value,
            minimum=minimum,
        )
    if value < minimum:
        raise ParameterError(
            f"{name} must be an integer of at least {minimum}; got {shown_value(int(value))}.",
            name=name,
            value=int(value),
            minimum=minimum,
        )
    if value > LARGEST:
        raise ParameterError(
            f"{name} must be an integer from {minimum} to {LARGEST}; got {Decimal(int(value)):.3e}.",
            name=name,
            value=int(value),
            maximum=LARGEST,
        )
    return int(value)


def is_number(value: object, kind: type = numbers.Real) -> bool:
    """Whether a value is a single number; truth values and durations are none, whatever NumPy calls them."""
    return isinstance(value, kind) and not isinstance(value, bool | np.bool_ | np.timedelta64)


def as_real(value: object) -> float:
    """A single number as a float; not a number (NaN), which passes no test of its size, where the value is
    none, or is too large for one."""
    try:
        return float(value) if is_number(value) else math.nan  # type: ignore[arg-type]
    except OverflowError:
        return math.nan


def check_flag(value: object, name: str) -> bool:
    """True or False, and nothing that only counts as one of them."""
    check_kind(value, name, (bool, np.bool_), "True or False")
    return bool(value)


def check_kind(value: object, name: str, kinds: Any, expected: str, hint: str = "") -> None:
    """Refuse what is of none of the kinds; `expected` says in words what they are, `hint` what to try."""
    if not isinstance(value, kinds):
        got = f"the class {value.__name__}" if isinstance(value, type) else type(value).__name__
        raise ParameterError(
            f"{name} must be {expected}; got {got}{hint and '; '}{hint}.",
            name=name,
            expected=expected,
            got=type(value).__name__,
        )


def check_unmasked(
    values: Any, name: str, error: type[BayesGMMError] = ParameterError, remedy: str = "pass a plain array"
) -> None:
    """Refuse an array whose mask would be lost."""
    if isinstance(values, np.ma.MaskedArray):
        n_masked = int(np.ma.count_masked(values))
        raise error(
            f"{name} is a masked array with {count(n_masked, 'masked value')}, which would be read as data; "
            f"{remedy}.",
            name=name,
            n_masked=n_masked,
        )


def as_array(values: Any, name: str) -> NDArray[Any]:
    """An array of whatever type, or a sentence that there is none, or that a mask would be lost."""
    check_unmasked(values, name)
    try:
        return np.asarray(values)
    # Objects convert themselves, and may raise anything.
    except Exception as error:
        raise ParameterError(
            f"{name} cannot be read as an array; got {type(values).__name__}: {shown_error(error)}; pass a "
            f"list or an array of numbers.",
            name=name,
            got=type(values).__name__,
        ) from None


def check_finite_array(
    values: ArrayLike, name: str, shape: tuple[int, ...] | None = None
) -> NDArray[np.float64]:
    """An array of real and finite numbers, of exactly this shape where one is given."""
    check_unmasked(values, name)
    try:
        a = as_array(values, name)
        if np.iscomplexobj(a) or a.dtype.kind in "mM":
            raise TypeError
        a = a.astype(float)
    except (TypeError, ValueError, OverflowError):
        raise ParameterError(
            f"{name} must hold real numbers; got {shown_value(values)}.", name=name, values=values
        ) from None
    if shape is not None and a.shape != shape:
        raise ParameterError(
            f"{name} must be of shape {shape}; got shape {a.shape}.",
            name=name,
            expected=shape,
            shape=a.shape,
        )
    if not np.isfinite(a).all():
        at = tuple(int(i) for i in np.argwhere(~np.isfinite(a))[0]) if a.ndim else ()
        raise ParameterError(
            f"{name} must be finite; got {a[at]} in place {at}.", name=name, at=at, value=float(a[at])
        )
    return a


def check_share(value: Any, name: str) -> float:
    """A number strictly between 0 and 1."""
    if not 0 < as_real(value) < 1:
        raise ParameterError(
            f"{name} must be a number between 0 and 1; got {shown_value(value)}.", name=name, value=value
        )
    return float(value)


def interval_ends(ci_prob: float) -> tuple[float, float]:
    """Between which quantiles a central interval of that mass lies."""
    # Rounded, so that 0.95 gives 0.025 and not the next number above it.
    below = round(0.5 - ci_prob / 2, 12)
    return below, 1 - below


def seed_sequence(random_state: Any) -> np.random.SeedSequence:
    """The one door for randomness: None, an integer, a Generator, RandomState or SeedSequence."""
    if isinstance(random_state, np.random.SeedSequence):
        return random_state
    if isinstance(random_state, np.random.Generator):
        return np.random.SeedSequence(random_state.integers(0, 2**32, 4).tolist())
    if isinstance(random_state, np.random.RandomState):
        return np.random.SeedSequence(random_state.randint(0, 2**31 - 1, 4).tolist())
    if random_state is None:
        return np.random.SeedSequence()
    if not is_number(random_state, numbers.Integral):
        raise ParameterError(
            "random_state must be None, a non-negative integer, a numpy Generator or a RandomState; "
            f"got {shown_value(random_state, typed=True)}.",
            random_state=random_state,
        )
    if random_state < 0:
        raise ParameterError(
            f"random_state must not be negative; got {shown_value(int(random_state))}.",
            random_state=int(random_state),
        )
    return np.random.SeedSequence(int(random_state))
