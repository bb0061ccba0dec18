"""Checks of plain arguments: a choice, a type, an integer, cores, the mass of an interval, a seed."""

import numbers
import os
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bayesgmm.errors import ParameterError

__all__ = [
    "as_array",
    "available_cores",
    "check_choice",
    "check_cores",
    "check_finite_array",
    "check_flag",
    "check_integer",
    "check_kind",
    "check_share",
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
            f"{name} must be one of {', '.join(map(repr, allowed))}; got {value!r}.",
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
            f"{name} must be an integer of at least {minimum}; got {value!r} ({type(value).__name__}).",
            name=name,
            value=value,
            minimum=minimum,
        )
    if value < minimum:
        raise ParameterError(
            f"{name} must be an integer of at least {minimum}; got {int(value)}.",
            name=name,
            value=int(value),
            minimum=minimum,
        )
    if value > LARGEST:
        raise ParameterError(
            f"{name} must be an integer from {minimum} to {LARGEST}; got {int(value):.3e}.",
            name=name,
            value=int(value),
            maximum=LARGEST,
        )
    return int(value)


def is_number(value: object, kind: type = numbers.Real) -> bool:
    """Whether a value is a single number; truth values and durations are none, whatever NumPy calls them."""
    return isinstance(value, kind) and not isinstance(value, bool | np.bool_ | np.timedelta64)


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


def as_array(values: Any, name: str) -> NDArray[Any]:
    """An array of whatever type, or a sentence that there is none."""
    try:
        return np.asarray(values)
    # Objects convert themselves, and may raise anything.
    except Exception as error:
        raise ParameterError(
            f"{name} cannot be read as an array; got {type(values).__name__}: {error}; pass a list or "
            f"an array of numbers.",
            name=name,
            got=type(values).__name__,
        ) from None


def check_finite_array(
    values: ArrayLike, name: str, shape: tuple[int, ...] | None = None
) -> NDArray[np.float64]:
    """An array of real and finite numbers, of exactly this shape where one is given."""
    try:
        a = as_array(values, name)
        if np.iscomplexobj(a) or a.dtype.kind in "mM":
            raise TypeError
        a = a.astype(float)
    except (TypeError, ValueError, OverflowError):
        raise ParameterError(
            f"{name} must hold real numbers; got {values!r}.", name=name, values=values
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
    if not is_number(value) or not 0 < float(value) < 1:
        raise ParameterError(
            f"{name} must be a number between 0 and 1; got {value!r}.", name=name, value=value
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
            f"got {random_state!r} ({type(random_state).__name__}).",
            random_state=random_state,
        )
    if random_state < 0:
        raise ParameterError(
            f"random_state must not be negative; got {int(random_state)}.", random_state=int(random_state)
        )
    return np.random.SeedSequence(int(random_state))
