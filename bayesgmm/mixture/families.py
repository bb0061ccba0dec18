"""The registry of covariance families, by the names that users give them.

To add a family, add its record to ``FAMILIES``.
"""

from typing import Any

from bayesgmm.errors import ParameterError
from bayesgmm.mixture.covariance_family import CovarianceFamily
from bayesgmm.support.arguments import check_choice

__all__ = [
    "DEFAULT_FAMILY",
    "DIAGONAL_FAMILY",
    "FAMILIES",
    "NAMES",
    "distinct_families",
    "family_of",
    "nearest_families",
    "posterior_family_of",
    "uncorrelated_family",
]


def _by_name(*families: CovarianceFamily) -> dict[str, CovarianceFamily]:
    return {family.name: family for family in families}


_OWN_STDS, _OWN_MATRIX = ("cluster", "feature"), ("cluster",)
FAMILIES = _by_name(
    CovarianceFamily("full", "its own general covariance", _OWN_STDS, _OWN_MATRIX, "VVV"),
    CovarianceFamily("tied", "one general covariance for all", ("feature",), (), "EEE"),
    CovarianceFamily("diag", "its own variance for each feature", _OWN_STDS, None, "VVI"),
    CovarianceFamily("spherical", "its own single variance", ("cluster",), None, "VII"),
    CovarianceFamily("tied_diag", "one variance for each feature, for all", ("feature",), None, "EEI"),
    CovarianceFamily("tied_spherical", "one single variance for all", (), None, "EII"),
    CovarianceFamily("VEI", "diagonal, its own volume, one shape for all", _OWN_STDS, None, "VEI"),
    CovarianceFamily("EVI", "diagonal, one volume for all, its own shape", _OWN_STDS, None, "EVI"),
    CovarianceFamily("tied_corr", "its own variances, one correlation matrix for all", _OWN_STDS, (), ""),
    CovarianceFamily("VEE", "its own volume, one shape and orientation", _OWN_STDS, _OWN_MATRIX, "VEE"),
    CovarianceFamily("EVE", "one volume and orientation, its own shape", _OWN_STDS, _OWN_MATRIX, "EVE"),
    CovarianceFamily("VVE", "its own volume and shape, one orientation", _OWN_STDS, _OWN_MATRIX, "VVE"),
    CovarianceFamily("EEV", "one volume and shape, its own orientation", _OWN_STDS, _OWN_MATRIX, "EEV"),
    CovarianceFamily("VEV", "its own volume and orientation, one shape", _OWN_STDS, _OWN_MATRIX, "VEV"),
    CovarianceFamily("EVV", "one volume, its own shape and orientation", _OWN_STDS, _OWN_MATRIX, "EVV"),
)
# In mclust's order.
_MCLUST = ("EII", "VII", "EEI", "VEI", "EVI", "VVI", "EEE", "VEE", "EVE", "VVE", "EEV", "VEV", "EVV", "VVV")
_BY_MCLUST = {name: next(f for f in FAMILIES.values() if f.mclust == name) for name in _MCLUST}
# Every name that a user may write; with one feature mclust says E and V.
_OURS = {name: family for name, family in FAMILIES.items() if name != family.mclust}
NAMES = _OURS | _BY_MCLUST | {"E": _BY_MCLUST["EII"], "V": _BY_MCLUST["VII"]}
DEFAULT_FAMILY = "full"
# The one to suggest where correlations are too many.
DIAGONAL_FAMILY = "diag"


def family_of(covariance_type: Any) -> CovarianceFamily:
    """The family of that name, be it this package's or mclust's.

    Raises
    ------
    ParameterError
        Where there is none; the message lists those there are.

    Examples
    --------
    >>> from bayesgmm.mixture.families import family_of
    >>> family_of("tied").shapes(n_components=3, n_features=2)
    {'weights': (3,), 'means': (3, 2), 'stds': (2,), 'corr_chol': (2, 2)}
    >>> family_of("VVV").name
    'full'
    """
    check_choice(covariance_type, "covariance_type", NAMES)
    return NAMES[covariance_type]


def posterior_family_of(covariance_type: Any) -> CovarianceFamily:
    """The family of that name, for a posterior.

    Raises
    ------
    ParameterError
        Where there is none, or only EM fits it; the message names the nearest that have a posterior.
    """
    family = family_of(covariance_type)
    if not family.has_posterior:
        within, around = (f"{f.name!r}{f' ({f.mclust})' * bool(f.mclust)}" for f in nearest_families(family))
        raise ParameterError(
            f"covariance_type={family.name!r} is fitted by EM only, since the coordinates of the posterior "
            f"do not express it; of those that they express {within} lies within it, and {around} around it.",
            name="covariance_type",
            value=covariance_type,
            nearest=tuple(f.name for f in nearest_families(family)),
        )
    return family


def distinct_families(n_features: int) -> tuple[CovarianceFamily, ...]:
    """The families of mclust, in its order; of one feature the two that differ.

    Parameters
    ----------
    n_features : int
    """
    return tuple(_BY_MCLUST.values())[: None if n_features > 1 else 2]


def nearest_families(family: CovarianceFamily) -> tuple[CovarianceFamily, CovarianceFamily]:
    """Of those with a posterior the one within a family of mclust's that shares all that it may share, and
    the nearest one around it.

    Parameters
    ----------
    family : CovarianceFamily
    """
    within, around = (family.mclust.translate(str.maketrans("EV", 2 * letter)) for letter in "EV")
    # Covariances that are proportional have the same correlations.
    proportional = family.mclust.endswith("EE")
    return family_of(within), FAMILIES["tied_corr"] if proportional else family_of(around)


def uncorrelated_family(family: CovarianceFamily) -> CovarianceFamily:
    """The family with the same standard deviations and no correlations: what is left of one with a single
    feature.

    Parameters
    ----------
    family : CovarianceFamily
    """
    if not family.has_correlations:
        return family
    return next(f for f in FAMILIES.values() if f.std_dims == family.std_dims and not f.has_correlations)
