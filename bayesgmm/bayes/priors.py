"""`Prior`: what is believed of a mixture before the data, in plain numbers and in the units of the data.

weights ~ Dirichlet(concentration)
means ~ Normal(mean_loc, mean_scale), per component and feature
stds ~ a family of `std_priors.STD_PRIORS`, per component and feature; where components share only the volume
    or only the shape of their standard deviations, these have the laws that `log_laws` derives from it
correlations ~ LKJ(lkj_eta), per component
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bayesgmm.bayes.log_laws import LogLaw, described_volume, volume_law
from bayesgmm.bayes.std_priors import StdPrior, std_prior_family
from bayesgmm.errors import DataError, ParameterError
from bayesgmm.mixture.families import DEFAULT_FAMILY, posterior_family_of
from bayesgmm.rows.checks import check_varying_columns
from bayesgmm.rows.rows import Rows
from bayesgmm.support.arguments import as_array, check_integer, check_unmasked
from bayesgmm.support.sentences import shown_value

__all__ = ["Prior", "ResolvedPrior", "check_prior"]

Array = NDArray[np.float64]
Number = float | tuple[float, ...]

# The default prior, weakly informative. Where s is the standard deviation of a whole column, a component's
# mean lies within about 3 s of the column's mean, and its standard deviation between 0.27 s and 2.2 s, each
# with probability 0.95. Chosen by measurement (reports/calibration.md). The inverse gamma's density near zero
# keeps a component from becoming very tight on equal values of a rounded column, which a log-normal does not.
DEFAULT_CONCENTRATION = 3.0
DEFAULT_MEAN_SCALE = 1.5
DEFAULT_STD_SHAPE, DEFAULT_STD_SCALE = 4.0, 2.4
DEFAULT_LKJ_ETA = 2.0


@dataclass(frozen=True, eq=False)
class ResolvedPrior:
    """A `Prior` for K components and D features, as arrays.

    Attributes
    ----------
    concentration : ndarray, shape (K,)
    mean_loc, mean_scale : ndarrays, shape (D,)
    std_family : str
    std_first, std_second : ndarrays, shape (D,)
        The numbers of the family, in the order in which `Prior` takes them; zeros where it has only one.
    lkj_eta : float
    """

    concentration: Array
    mean_loc: Array
    mean_scale: Array
    std_family: str
    std_first: Array
    std_second: Array
    lkj_eta: float

    @property
    def is_exchangeable(self) -> bool:
        """Whether the prior is the same for all components."""
        return bool(np.ptp(self.concentration) == 0)

    @property
    def std_record(self) -> StdPrior:
        """The record of the family of standard deviations."""
        return std_prior_family(self.std_family)

    @property
    def std_numbers(self) -> tuple[Array, ...]:
        """The family's own numbers, each of shape (D,)."""
        return (self.std_first, self.std_second)[: len(self.std_record.numbers)]

    @property
    def std_law(self) -> LogLaw:
        """The law of the logarithms of standard deviations."""
        return self.std_record.log_law(*self.std_numbers)


@dataclass(frozen=True, kw_only=True)
class Prior:
    """A prior for the parameters of a Gaussian mixture, in the units of the data.

    Priors print as the call that makes them and compare by value.

    Parameters
    ----------
    concentration : float or sequence of K floats, default 1.0
        Of the Dirichlet distribution of the weights.
    mean_loc, mean_scale : float or sequence of D floats
        Mean and standard deviation of the normal distribution of the component means.
    std_prior : tuple
        Distribution of the standard deviations: ``("halfnormal", sigma)``, ``("exponential", rate)``,
        ``("gamma", alpha, beta)`` with rate beta, ``("lognormal", mu, sigma)``,
        ``("inversegamma", alpha, beta)`` with scale beta, or ``("halfcauchy", beta)`` with scale beta; each
        number may be a sequence of D floats.
    lkj_eta : float, default 2.0
        Of the LKJ distribution of the correlation matrices: 1 is uniform, more is closer to no correlation.

    Raises
    ------
    ParameterError
        If a number is missing, not finite, or not positive where it must be, or there is no such family of
        standard deviations.

    Examples
    --------
    >>> from bayesgmm import Prior
    >>> prior = Prior(mean_loc=(3.5, 70.0), mean_scale=9.0, std_prior=("gamma", 2.0, 1.0))
    >>> prior
    Prior(concentration=1.0, mean_loc=(3.5, 70.0), mean_scale=9.0, std_prior=('gamma', 2.0, 1.0), lkj_eta=2.0)
    >>> prior == eval(repr(prior))
    True
    """

    concentration: ArrayLike = 1.0
    mean_loc: ArrayLike
    mean_scale: ArrayLike
    std_prior: tuple[Any, ...]
    lkj_eta: float = DEFAULT_LKJ_ETA

    def __post_init__(self) -> None:
        for name in ("concentration", "mean_loc", "mean_scale"):
            object.__setattr__(self, name, _plain(getattr(self, name), name, positive=name != "mean_loc"))
        object.__setattr__(self, "std_prior", _plain_std_prior(self.std_prior))
        eta = _plain(self.lkj_eta, "lkj_eta", positive=True)
        if isinstance(eta, tuple):
            raise ParameterError(
                f"lkj_eta must be one number for all components; got {len(eta)} numbers.", given=len(eta)
            )
        object.__setattr__(self, "lkj_eta", eta)

    @classmethod
    def from_data(
        cls, X: Any, sample_weight: ArrayLike | None = None, *, covariance_type: str = DEFAULT_FAMILY
    ) -> "Prior":
        """The default prior: weakly informative, scaled to the mean and standard deviation of each column.

        ``bayesgmm.plots.plot_prior`` shows what a fit's prior expected of the data.

        Parameters
        ----------
        X : array_like or data frame, shape (N, D), or Rows
        sample_weight : array_like, shape (N,), optional
            Weights of the rows.
        covariance_type : str, default "full"
            With "spherical" and "tied_spherical" the standard deviations' prior is scaled to all columns
            together.

        Raises
        ------
        DataError
            If a column has a single value, so that there is nothing to scale to.

        Examples
        --------
        >>> from bayesgmm import Prior
        >>> Prior.from_data([[-1.0], [1.0]]).mean_scale
        (1.5,)
        """
        family = posterior_family_of(covariance_type)
        rows = Rows.of(X, sample_weight)
        check_varying_columns(rows.values, rows.names)
        loc, sd = _location_and_spread(rows.values, rows.weights, rows.names)
        spread = sd if family.by_feature else np.sqrt(np.mean(sd**2))
        return cls(
            concentration=DEFAULT_CONCENTRATION,
            mean_loc=loc,
            mean_scale=DEFAULT_MEAN_SCALE * sd,
            std_prior=("inversegamma", DEFAULT_STD_SHAPE, DEFAULT_STD_SCALE * spread),
            lkj_eta=DEFAULT_LKJ_ETA,
        )

    def resolve(
        self, n_components: int, n_features: int, covariance_type: str = DEFAULT_FAMILY
    ) -> ResolvedPrior:
        """This prior for a given number of components and features, as arrays.

        Spherical covariances have one standard deviation a component, and so one prior for all features.

        Raises
        ------
        ParameterError
            If a sequence is not of that length.
        """
        K, D = check_integer(n_components, "n_components", 1), check_integer(n_features, "n_features", 1)
        family, *numbers = self.std_prior
        labels = [f"{name} of std_prior" for name in std_prior_family(family).numbers]
        first, *rest = (_spread(v, D, label, "feature") for v, label in zip(numbers, labels, strict=True))
        if not posterior_family_of(covariance_type).by_feature:
            for values, label in zip((first, *rest), labels, strict=False):
                _check_single(values, label, covariance_type)
        return ResolvedPrior(
            concentration=_spread(self.concentration, K, "concentration", "component"),
            mean_loc=_spread(self.mean_loc, D, "mean_loc", "feature"),
            mean_scale=_spread(self.mean_scale, D, "mean_scale", "feature"),
            std_family=family,
            std_first=first,
            std_second=rest[0] if rest else np.zeros(D),
            lkj_eta=self.lkj_eta,
        )

    def standardised(self, shift: ArrayLike, scale: ArrayLike) -> "Prior":
        """The same belief about ``(x - shift) / scale``; both numbers or of shape (D,), scale positive.

        Weights and correlations do not change; each family of standard deviations is closed under scaling.
        """
        shift, scale = np.asarray(shift, float), np.asarray(scale, float)
        family, *numbers = self.std_prior
        if not np.all(scale > 0):
            raise ParameterError(
                f"scale must be positive; got {shown_value(scale.tolist())}.", scale=scale.tolist()
            )
        return Prior(
            concentration=self.concentration,
            mean_loc=(np.asarray(self.mean_loc) - shift) / scale,
            mean_scale=np.asarray(self.mean_scale) / scale,
            std_prior=(family, *std_prior_family(family).scaled(scale, *map(np.asarray, numbers))),
            lkj_eta=self.lkj_eta,
        )

    def describe(
        self, feature_names: Sequence[str], n_components: int, covariance_type: str = DEFAULT_FAMILY
    ) -> list[str]:
        """One line per distribution, such as ``means[eruptions] ~ Normal(3.488, 1.71)``.

        Where components share only the volume or only the shape of their standard deviations, the volume is
        their geometric mean over features, and their ratios are those of independent ``shape of stds``.

        Examples
        --------
        >>> from bayesgmm import Prior
        >>> prior = Prior(mean_loc=0.0, mean_scale=3.0, std_prior=("gamma", 2.0, 0.5))
        >>> for line in prior.describe(["height"], n_components=2):
        ...     print(line)
        weights ~ Dirichlet(1, 1)
        means[height] ~ Normal(0, 3)
        stds[height] ~ Gamma(2, 0.5)
        """
        if isinstance(feature_names, str) or not np.iterable(feature_names):
            raise ParameterError(
                f"feature_names must be a list of names; got {shown_value(feature_names)}.",
                feature_names=feature_names,
            )
        feature_names = list(feature_names)
        p = self.resolve(n_components, len(feature_names), covariance_type)
        family = posterior_family_of(covariance_type)
        apart = any(family.std_parts(n_components))
        lines = [_line("weights", "Dirichlet", *p.concentration)]
        for j, name in enumerate(feature_names):
            lines.append(_line(f"means[{name}]", "Normal", p.mean_loc[j], p.mean_scale[j]))
        for j, name in enumerate(feature_names if family.by_feature else feature_names[:1]):
            variable = f"{'shape of ' * apart}stds[{name}]" if family.by_feature else "stds"
            lines.append(_line(variable, p.std_record.title, *(values[j] for values in p.std_numbers)))
        if apart:
            variable, title, numbers = described_volume(volume_law(p.std_law))
            lines.append(_line(variable, title, *numbers))
        if len(feature_names) > 1 and family.has_correlations:
            lines.append(_line("correlations", "LKJ", p.lkj_eta))
        return lines


def _location_and_spread(rows: Array, sample_weight: Array, names: Sequence[str]) -> tuple[Array, Array]:
    """Weighted mean and standard deviation (divided by the sum of weights) of each column, shape (D,)."""
    w = sample_weight if sample_weight.size else np.ones(len(rows))
    rows, w = rows[w > 0], w[w > 0]
    flat = np.flatnonzero(rows.max(axis=0) == rows.min(axis=0))
    if flat.size:
        raise DataError(
            f"Column {names[flat[0]]!r} has a single value ({rows[0, flat[0]]:g}) in the {len(rows)} row(s) "
            "that count, so that no default prior can be scaled to it; drop that column or pass a Prior.",
            column=int(flat[0]),
        )
    loc = np.average(rows, axis=0, weights=w)
    return loc, np.sqrt(np.average((rows - loc) ** 2, axis=0, weights=w))


def _plain(value: Any, name: str, positive: bool) -> Number:
    """A float, or a tuple of floats: what can be printed, hashed and compared."""
    check_unmasked(value, name)
    try:
        numbers = as_array(value, name)
        if numbers.dtype.kind not in "iuf":
            raise TypeError
    except (TypeError, ValueError):
        raise ParameterError(
            f"{name} must be a number or a sequence of numbers; got {shown_value(value, typed=True)}.",
            name=name,
            value=value,
        ) from None
    if numbers.ndim > 1 or numbers.size == 0:
        raise ParameterError(
            f"{name} must be a number or a sequence of numbers; got an array of shape {numbers.shape}.",
            name=name,
            shape=numbers.shape,
        )
    bad = ~np.isfinite(numbers) | ((numbers <= 0) & positive)
    if bad.any():
        place = f" in place {np.flatnonzero(bad)[0]}" if numbers.ndim else ""
        raise ParameterError(
            f"{name} must be {'positive and ' if positive else ''}finite; "
            f"got {float(np.atleast_1d(numbers)[np.atleast_1d(bad)][0])}{place}.",
            name=name,
            value=float(np.atleast_1d(numbers)[np.atleast_1d(bad)][0]),
            place=int(np.flatnonzero(bad)[0]) if numbers.ndim else None,
        )
    return float(numbers) if numbers.ndim == 0 else tuple(float(v) for v in numbers)


def _plain_std_prior(value: Any) -> tuple[Any, ...]:
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
    return family, *(
        _plain(v, f"{name} of std_prior", positive=name not in known.signed)
        for v, name in zip(numbers, names, strict=True)
    )


def _spread(value: Any, length: int, name: str, axis: str) -> Array:
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


def _check_single(values: Array, name: str, covariance_type: str) -> None:
    # Standardisation may leave rounding between numbers that were one.
    if np.ptp(values) > 1e-9 * np.abs(values).max():
        raise ParameterError(
            f"{name} must be the same for all features with covariance_type={covariance_type!r}, where a "
            f"component has one standard deviation; got {shown_value(values.tolist())}.",
            name=name,
            values=values.tolist(),
        )


def _line(variable: str, title: str, *numbers: float) -> str:
    return f"{variable} ~ {title}({', '.join(f'{v:.4g}' for v in numbers)})"


def check_prior(prior: object) -> None:
    """Refuse what is neither a prior nor None.

    Raises
    ------
    ParameterError
    """
    if prior is not None and not isinstance(prior, Prior):
        raise ParameterError(
            f"prior must be a bayesgmm.Prior or None; got {type(prior).__name__}.", got=type(prior).__name__
        )
