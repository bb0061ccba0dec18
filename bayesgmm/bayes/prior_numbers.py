"""The numbers that a prior is given by: what they may be, and how many of them."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayesgmm.bayes.common_scales import CommonScale
from bayesgmm.bayes.std_priors import std_prior_family
from bayesgmm.errors import DataError, ParameterError
from bayesgmm.mixture.families import posterior_family_of
from bayesgmm.support.arguments import as_array, check_unmasked
from bayesgmm.support.sentences import shown_value

__all__ = [
    "Number",
    "by_component",
    "check_own",
    "check_parts",
    "check_single",
    "first",
    "is_mixed",
    "location_and_spread",
    "plain",
    "plain_concentration",
    "plain_std_prior",
    "spread_out",
]

Array = NDArray[np.float64]
Number = float | tuple[float, ...] | tuple[tuple[float, ...], ...]


def plain(value: Any, name: str, positive: bool = False, least: float = -np.inf, own: bool = False) -> Number:
    """A float, or a tuple of floats: what can be printed, hashed and compared; where components may have
    their own, also a tuple of tuples."""
    wanted = "a number, a sequence of numbers, or one such sequence for each component"
    wanted = wanted if own else "a number or a sequence of numbers"
    check_unmasked(value, name)
    try:
        numbers = as_array(value, name)
        if numbers.dtype.kind not in "iuf":
            raise TypeError
    except (TypeError, ValueError):
        raise ParameterError(
            f"{name} must be {wanted}; got {shown_value(value, typed=True)}.",
            name=name,
            value=value,
        ) from None
    if numbers.ndim > 1 + own or numbers.size == 0:
        raise ParameterError(
            f"{name} must be {wanted}; got an array of shape {numbers.shape}.",
            name=name,
            shape=numbers.shape,
        )
    bad = ~np.isfinite(numbers) | ((numbers <= 0) & positive) | (numbers < least)
    if bad.any():
        at = [int(i) for i in np.argwhere(bad)[0]]
        place = f" in place {at[-1]}" if at else ""
        place += f" of component {at[0]}" if len(at) > 1 else ""
        sign = "positive and " if positive else "at least 0 and " if least == 0 else ""
        raise ParameterError(
            f"{name} must be {sign}finite; got {float(numbers[tuple(at)])}{place}.",
            name=name,
            value=float(numbers[tuple(at)]),
            place=tuple(at) if len(at) > 1 else at[0] if at else None,
        )
    return _nested(numbers.astype(float).tolist())


def _nested(values: Any) -> Any:
    return tuple(_nested(v) for v in values) if isinstance(values, list) else values


def _is_own(value: Any) -> bool:
    """Whether a plain value has numbers for each component."""
    return isinstance(value, tuple) and isinstance(value[0], tuple)


def first(value: Any) -> Any:
    """A plain value's numbers of the first component."""
    return value[0] if _is_own(value) else value


MIXTURE = "mixture"
# Of the logarithm of a standard deviation, from its median; beyond 700 its exponential is no number.
FURTHEST = 300.0


def is_mixed(concentration: Any) -> bool:
    """Whether a concentration of weights is a mixture of several."""
    is_list = isinstance(concentration, tuple | list) and len(concentration) > 0
    return is_list and isinstance(concentration[0], str) and concentration[0] == MIXTURE


def plain_concentration(value: Any) -> Any:
    """What `plain` makes of the concentration of weights; a mixture as a tuple that begins with its name."""
    if not is_mixed(value):
        return plain(value, "concentration", positive=True)
    _, *numbers = value
    if len(numbers) < 2:
        raise ParameterError(
            f"A mixture of concentrations is given as ('mixture', a, b, ...), with two numbers or more; got "
            f"{shown_value(value)}.",
            value=value,
        )
    return MIXTURE, *np.atleast_1d(plain(numbers, "concentration", positive=True)).tolist()


def plain_std_prior(value: Any) -> tuple[Any, ...]:
    if (
        isinstance(value, str)
        or not isinstance(value, Sequence)
        or not value
        or not isinstance(value[0], str)
    ):
        raise ParameterError(
            f"std_prior must be a family and its numbers, such as ('halfnormal', 2.0); got "
            f"{shown_value(value)}.",
            value=value,
        )
    family, *numbers = value
    known = std_prior_family(family)
    names = known.numbers
    if len(numbers) != len(names):
        raise ParameterError(
            f"std_prior {family!r} takes {len(names)} number(s), ({family!r}, {', '.join(names)}); "
            f"got {len(numbers)}.",
            family=family,
            expected=len(names),
            given=len(numbers),
        )
    found = [
        plain(v, f"{name} of std_prior", positive=name not in known.signed, own=True)
        for v, name in zip(numbers, names, strict=True)
    ]
    if isinstance(known, CommonScale):
        _check_common(known, found)
    return family, *found


def _check_common(family: CommonScale, numbers: Sequence[Any]) -> None:
    """Refuse numbers for single components, and those under which scales are often zero or infinite; lengths
    are looked at later."""
    for value, name in zip(numbers, family.numbers, strict=True):
        if _is_own(value):
            raise ParameterError(
                f"{name} of std_prior cannot differ between components with {family.name!r}, whose scale "
                "they share; pass one number per feature, or choose an independent family such as "
                "'lognormal'.",
                family=family.name,
                name=name,
            )
    arrays = [np.atleast_1d(v) for v in numbers]
    if len({len(a) for a in arrays} - {1}) > 1:
        return
    reach = float(np.max(family.reach(*arrays)))
    if not reach < FURTHEST:
        raise ParameterError(
            f"std_prior {shown_value((family.name, *numbers))} makes a standard deviation as extreme as "
            f"exp(+-{reach:.4g}), which is zero or infinite to a computer; choose numbers that keep it "
            f"within exp(+-{FURTHEST:g}).",
            family=family.name,
            reach=reach,
        )


def spread_out(value: Any, length: int, name: str, axis: str) -> Array:
    """The value as an array with one number per component or feature."""
    if isinstance(value, tuple) and len(value) != length:
        raise ParameterError(
            f"{name} has {len(value)} number(s), one per {axis}, but there are {length} {axis}s; "
            f"pass {length} numbers, or a single one for all.",
            name=name,
            expected=length,
            given=len(value),
        )
    return np.broadcast_to(np.asarray(value, float), (length,)).copy()


def by_component(value: Any, n_components: int, n_features: int, name: str) -> Array:
    """The value as an array with one number per component and feature, shape (K, D)."""
    shape = n_components, n_features
    if not _is_own(value):
        if isinstance(value, tuple) and len(value) == n_components != n_features:
            raise ParameterError(
                f"{name} has {len(value)} number(s), one per feature, but there are {n_features} features; "
                f"for one per component, pass {n_components} sequences of {n_features} number(s).",
                name=name,
                expected=n_features,
                given=len(value),
            )
        return np.broadcast_to(spread_out(value, n_features, name, "feature"), shape).copy()
    found = np.asarray(value, float)
    counted = {"component": "sequence(s) of numbers", "feature": "number(s) for each component"}
    for given, length, (axis, what) in zip(found.shape, shape, counted.items(), strict=True):
        if given != length:
            raise ParameterError(
                f"{name} has {given} {what}, one per {axis}, but there are {length} {axis}s; pass "
                f"{n_components} sequence(s) of {n_features} number(s), or what holds for all components.",
                name=name,
                expected=length,
                given=given,
            )
    return found


def check_own(numbers: Sequence[Any], labels: Sequence[str], covariance_type: str) -> None:
    """Refuse numbers for each component where components share standard deviations, or a part of them.

    Raises
    ------
    ParameterError
    """
    family = posterior_family_of(covariance_type)
    if family.by_component and not any(family.std_parts(2)):
        return
    for value, label in zip(numbers, labels, strict=True):
        if _is_own(value):
            shared = "a part of their" if family.by_component else "their"
            raise ParameterError(
                f"{label} cannot differ between components with covariance_type={covariance_type!r}, where "
                f"they share {shared} standard deviations; pass one number per feature.",
                name=label,
                covariance_type=covariance_type,
            )


def check_parts(std_family: str, covariance_type: str) -> None:
    """Refuse a family of standard deviations that has no law of what components share.

    Raises
    ------
    ParameterError
    """
    record = std_prior_family(std_family)
    is_silent = isinstance(record, CommonScale) and not record.has_parts
    if is_silent and any(posterior_family_of(covariance_type).std_parts(2)):
        raise ParameterError(
            f"std_prior {std_family!r} says nothing of a volume or a shape that components share, as with "
            f"covariance_type={covariance_type!r}; choose 'hierarchical', or another covariance_type.",
            family=std_family,
            covariance_type=covariance_type,
        )


def check_single(values: Array, name: str, covariance_type: str) -> None:
    """Refuse numbers of a component, shape (K, D), that differ between features."""
    # Standardisation may leave rounding between numbers that were one.
    differ = np.ptp(values, axis=1) > 1e-9 * np.abs(values).max(axis=1)
    if differ.any():
        values = values[np.argmax(differ)]
        raise ParameterError(
            f"{name} must be the same for all features with covariance_type={covariance_type!r}, where a "
            f"component has one standard deviation; got {shown_value(values.tolist())}.",
            name=name,
            values=values.tolist(),
        )


def location_and_spread(rows: Array, sample_weight: Array, names: Sequence[str]) -> tuple[Array, Array]:
    """Weighted mean and standard deviation (divided by the sum of weights) of the cells of each column that
    are there, shape (D,)."""
    w = sample_weight if sample_weight.size else np.ones(len(rows))
    rows, w = rows[w > 0], w[w > 0]
    highest = np.fmax.reduce(rows)
    flat = np.flatnonzero(highest == np.fmin.reduce(rows))
    if flat.size:
        raise DataError(
            f"Column {names[flat[0]]!r} has a single value ({highest[flat[0]]:g}) in the {len(rows)} row(s) "
            "that count, so that no default prior can be scaled to it; drop that column or pass a Prior.",
            column=int(flat[0]),
        )
    if np.isnan(rows).any():
        w = np.where(np.isnan(rows), 0.0, w[:, None])
        rows = np.nan_to_num(rows)
    loc = np.average(rows, axis=0, weights=w)
    return loc, np.sqrt(np.average((rows - loc) ** 2, axis=0, weights=w))
