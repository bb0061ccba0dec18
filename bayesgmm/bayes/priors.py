"""`Prior`: what is believed of a mixture before the data, in plain numbers and in the units of the data.

weights ~ Dirichlet(concentration)
means ~ Normal(mean_loc, mean_scale), per component and feature
stds ~ a family of `std_priors.STD_PRIORS`, per component and feature, or one of
    `common_scales.COMMON_SCALES`, per feature for all components together; where components share only the
    volume or only the shape of their standard deviations, these have the laws that are derived from it
correlations ~ LKJ(lkj_eta), per component
and no covariance is narrower than the resolution of the data (`resolution`)
"""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bayesgmm.bayes.common_scales import CommonLaw, CommonScale
from bayesgmm.bayes.described import described
from bayesgmm.bayes.log_laws import LogLaw
from bayesgmm.bayes.prior_numbers import (
    by_component,
    check_own,
    check_parts,
    check_single,
    first,
    is_mixed,
    location_and_spread,
    plain,
    plain_concentration,
    plain_std_prior,
    spread_out,
)
from bayesgmm.bayes.resolution import column_resolutions
from bayesgmm.bayes.std_priors import StdPrior, std_prior_family
from bayesgmm.errors import ParameterError
from bayesgmm.mixture.families import DEFAULT_FAMILY, posterior_family_of
from bayesgmm.rows.checks import check_varying_columns
from bayesgmm.rows.rows import Rows
from bayesgmm.support.arguments import check_integer
from bayesgmm.support.sentences import shown_value

__all__ = ["Prior", "ResolvedPrior", "check_prior"]

Array = NDArray[np.float64]

# The default prior, weakly informative. Where s is the standard deviation of a whole column, a component's
# mean lies within about 3 s of the column's mean with probability 0.95. The scale of standard deviations is
# left to the data, and how much components differ from it, too: the tails are those of a t distribution.
# Weights are nearly even, or anything: one concentration is too large for small clusters, or too small for
# those that overlap.
# Chosen by measurement (reports/calibration.md).
DEFAULT_CONCENTRATION = ("mixture", 0.5, 20.0)
DEFAULT_MEAN_SCALE = 1.5
DEFAULT_STD_MEDIAN, DEFAULT_STD_COMMON, DEFAULT_STD_OWN, DEFAULT_STD_DF = 0.5, 1.5, 0.6, 4.0
DEFAULT_LKJ_ETA = 2.0


@dataclass(frozen=True, eq=False)
class ResolvedPrior:
    """A `Prior` for K components and D features, as arrays.

    Attributes
    ----------
    concentration : ndarray, shape (K,)
        Of a mixture of concentrations their geometric mean.
    mixed : ndarray, shape (M,)
        The concentrations of a mixture; (0,) where there is none.
    mean_loc, mean_scale : ndarrays, shape (K, D)
    std_family : str
    std_numbers : ndarray, shape (n, K, D)
        The numbers of the family, in the order in which `Prior` takes them.
    lkj_eta : float
    resolution : ndarray, shape (D,)
    """

    concentration: Array
    mixed: Array
    mean_loc: Array
    mean_scale: Array
    std_family: str
    std_numbers: Array
    lkj_eta: float
    resolution: Array

    @property
    def concentrations(self) -> Array:
        """The distinct concentrations that weights may have, the smallest first."""
        return np.unique(self.mixed if len(self.mixed) else self.concentration)

    @property
    def is_exchangeable(self) -> bool:
        """Whether the prior is the same for all components."""
        return not self.differing

    @property
    def differing(self) -> tuple[str, ...]:
        """What tells components apart: names of arguments of `Prior`."""
        by_component = {
            "concentration": self.concentration,
            "mean_loc": self.mean_loc,
            "mean_scale": self.mean_scale,
            "std_prior": np.moveaxis(self.std_numbers, 1, 0),
        }
        return tuple(name for name, values in by_component.items() if np.ptp(values, axis=0).any())

    @property
    def n_features(self) -> int:
        """Number of features, D."""
        return self.mean_loc.shape[1]

    @property
    def shared_std_numbers(self) -> Array:
        """The numbers of the family, shape (n, D), where components share a law."""
        return self.std_numbers[:, 0]

    @property
    def std_record(self) -> StdPrior | CommonScale:
        """The record of the family of standard deviations."""
        return std_prior_family(self.std_family)

    @property
    def std_law(self) -> LogLaw | CommonLaw:
        """The law of the logarithms of standard deviations, where components share one."""
        record = self.std_record
        if isinstance(record, CommonScale):
            return CommonLaw(*self.shared_std_numbers)
        return record.log_law(*self.shared_std_numbers)


@dataclass(frozen=True, kw_only=True)
class Prior:
    """A prior for the parameters of a Gaussian mixture, in the units of the data.

    Priors print as the call that makes them and compare by value.

    Where a prior tells components apart, by their numbers of their own or by their concentrations, the
    components of a posterior are those of the prior, in its order, and no draw is relabelled.

    Parameters
    ----------
    concentration : float, sequence of K floats, or tuple ("mixture", a, b, ...), default 1.0
        Of the Dirichlet distribution of the weights. A mixture says that weights have one of several
        concentrations, each as likely as another: with a large and a small one they are nearly even, or not,
        as the data will have it.
    mean_loc, mean_scale : float or sequence of D floats, or K sequences of D floats
        Mean and standard deviation of the normal distribution of the component means; K sequences give
        each component its own. A single sequence has one number per feature, also where D is 1.
    std_prior : tuple
        Distribution of the standard deviations: ``("halfnormal", sigma)``, ``("exponential", rate)``,
        ``("gamma", alpha, beta)`` with rate beta, ``("lognormal", mu, sigma)``,
        ``("inversegamma", alpha, beta)`` with scale beta, or ``("halfcauchy", beta)`` with scale beta; or,
        with a scale that all components share and the data decide, ``("hierarchical", mu, common, own, df)``
        or ``("hierarchical_gamma", alpha, g, h)``, see :mod:`bayesgmm.bayes.common_scales`. Each number may
        be a sequence of D floats; or K of these, unless components share a scale, or standard deviations.
    lkj_eta : float, default 2.0
        Of the LKJ distribution of the correlation matrices: 1 is uniform, more is closer to no correlation.
    resolution : float or sequence of D floats, default 0.0
        Of the columns, such as the unit that values are rounded to: no component is narrower than can be
        seen, see :mod:`bayesgmm.bayes.resolution`. Zero lets components be as narrow as they like.

    Raises
    ------
    ParameterError
        If a number is missing, not finite, or not positive where it must be, or there is no such family of
        standard deviations.

    Examples
    --------
    >>> from bayesgmm import Prior
    >>> prior = Prior(mean_loc=(3.5, 70.0), mean_scale=9.0, std_prior=("gamma", 2.0, 1.0))
    >>> prior.std_prior
    ('gamma', 2.0, 1.0)
    >>> prior == eval(repr(prior))
    True
    """

    concentration: ArrayLike = 1.0
    mean_loc: ArrayLike
    mean_scale: ArrayLike
    std_prior: tuple[Any, ...]
    lkj_eta: float = DEFAULT_LKJ_ETA
    resolution: ArrayLike = 0.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "concentration", plain_concentration(self.concentration))
        for name in ("mean_loc", "mean_scale"):
            numbers = plain(getattr(self, name), name, positive=name != "mean_loc", own=True)
            object.__setattr__(self, name, numbers)
        object.__setattr__(self, "std_prior", plain_std_prior(self.std_prior))
        eta = plain(self.lkj_eta, "lkj_eta", positive=True)
        if isinstance(eta, tuple):
            raise ParameterError(
                f"lkj_eta must be one number for all components; got {len(eta)} numbers.", given=len(eta)
            )
        object.__setattr__(self, "lkj_eta", eta)
        object.__setattr__(self, "resolution", plain(self.resolution, "resolution", least=0.0))

    @classmethod
    def from_data(
        cls, X: Any, sample_weight: ArrayLike | None = None, *, covariance_type: str = DEFAULT_FAMILY
    ) -> "Prior":
        """The default prior: weakly informative, scaled to the mean and standard deviation of each column.

        ``bayesgmm.plots.plot_prior`` shows what a fit's prior expected of the data.

        Parameters
        ----------
        X : array_like or data frame, shape (N, D), or Rows
            Missing cells, NaN, take no part.
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
        rows = Rows.of(X, sample_weight, may_miss=True)
        check_varying_columns(rows.values, rows.names)
        loc, sd = location_and_spread(rows.values, rows.weights, rows.names)
        spread = sd if family.by_feature else np.sqrt(np.mean(sd**2))
        mu = np.log(DEFAULT_STD_MEDIAN * spread)
        return cls(
            concentration=DEFAULT_CONCENTRATION,
            mean_loc=loc,
            mean_scale=DEFAULT_MEAN_SCALE * sd,
            std_prior=("hierarchical", mu, DEFAULT_STD_COMMON, DEFAULT_STD_OWN, DEFAULT_STD_DF),
            lkj_eta=DEFAULT_LKJ_ETA,
            resolution=column_resolutions(rows.counting.values, sd, rows.counting.weights),
        )

    @classmethod
    def richardson_green(
        cls, X: Any, sample_weight: ArrayLike | None = None, *, covariance_type: str = DEFAULT_FAMILY
    ) -> "Prior":
        """The prior of Richardson and Green (1997), On Bayesian analysis of mixtures, section 2.4.

        With R the range of a column: means Normal(midrange, R), precisions Gamma(2, b) with b ~ Gamma(0.2, 10
        / R^2), weights Dirichlet(1). They had one column; columns here are alike, and correlations LKJ(2).

        Parameters
        ----------
        X : array_like or data frame, shape (N, D), or Rows
            Missing cells, NaN, take no part.
        sample_weight : array_like, shape (N,), optional
            Rows of weight zero take no part.
        covariance_type : str, default "full"
            With "spherical" and "tied_spherical" the range of the standard deviations' prior is the root mean
            square of the columns' ranges.

        Raises
        ------
        DataError
            If a column has a single value.

        Examples
        --------
        >>> from bayesgmm import Prior
        >>> Prior.richardson_green([[-1.0], [1.0]]).std_prior
        ('hierarchical_gamma', 2.0, 0.2, (2.5,))
        """
        rows = Rows.of(X, sample_weight, may_miss=True).counting
        check_varying_columns(rows.values, rows.names)
        low, high = rows.outline.low, rows.outline.high
        squares = posterior_family_of(covariance_type).scales(high - low) ** 2
        return cls(
            concentration=1.0,
            mean_loc=(low + high) / 2,
            mean_scale=high - low,
            std_prior=("hierarchical_gamma", 2.0, 0.2, 10 / squares),
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
        concentration: Any = self.concentration
        mixed: list[float] = []
        if is_mixed(concentration):
            _, *mixed = concentration
            concentration = float(np.exp(np.log(mixed).mean()))
        family, *numbers = self.std_prior
        labels = [f"{name} of std_prior" for name in std_prior_family(family).numbers]
        check_own(numbers, labels, covariance_type)
        spread = [by_component(v, K, D, label) for v, label in zip(numbers, labels, strict=True)]
        if not posterior_family_of(covariance_type).by_feature:
            for values, label in zip(spread, labels, strict=True):
                check_single(values, label, covariance_type)
        check_parts(family, covariance_type)
        return ResolvedPrior(
            concentration=spread_out(concentration, K, "concentration", "component"),
            mixed=np.array(mixed),
            mean_loc=by_component(self.mean_loc, K, D, "mean_loc"),
            mean_scale=by_component(self.mean_scale, K, D, "mean_scale"),
            std_family=family,
            std_numbers=np.array(spread),
            lkj_eta=self.lkj_eta,
            resolution=spread_out(self.resolution, D, "resolution", "feature"),
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
            resolution=np.asarray(self.resolution) / scale,
        )

    @property
    def of_one_component(self) -> "Prior":
        """What is believed of the first component, for all and any number of them: the same belief, where
        the prior treats all alike."""
        concentration: Any = self.concentration
        several = isinstance(concentration, tuple) and not is_mixed(concentration)
        return dataclasses.replace(
            self,
            concentration=concentration[0] if several else concentration,
            mean_loc=first(self.mean_loc),
            mean_scale=first(self.mean_scale),
            std_prior=tuple(map(first, self.std_prior)),
        )

    def describe(
        self, feature_names: Sequence[str], n_components: int, covariance_type: str = DEFAULT_FAMILY
    ) -> list[str]:
        """One line per distribution, such as ``means[eruptions] ~ Normal(3.488, 1.71)``; one per component
        where these differ, such as ``means[component 0, eruptions] ~ Normal(2, 0.3)``.

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
        names = list(feature_names)
        return described(self.resolve(n_components, len(names), covariance_type), names, covariance_type)


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
