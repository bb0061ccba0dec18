"""Small real data sets, ready to be clustered, each with its source.

==========  ====  ==  ==  ==========================================================
name           N   D   K  what
==========  ====  ==  ==  ==========================================================
faithful     272   2   2  Old Faithful geyser: two kinds of eruption
galaxies      82   1   3  velocities of galaxies: the classic of mixture papers
penguins     342   4   3  Palmer penguins of three species
banknote     200   6   2  Swiss banknotes, genuine and counterfeit
iris         150   4   3  iris flowers of three species, two of which overlap
==========  ====  ==  ==  ==========================================================

``load(name)`` or the function of that name returns a `Dataset`: ``.X`` goes into an estimator, or
``.frame[.features]`` with the names of columns and rows, ``.labels`` are the true groups where they are
known, ``.n_components`` is a sensible K. Sources and terms are in ``SOURCES.md`` beside the files.
"""

import difflib
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

# pandas, scikit-learn and bayesgmm.errors (which needs scikit-learn) take a second or two to import,
# so that they are imported by the functions that use them.
if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Dataset", "banknote", "faithful", "galaxies", "iris", "load", "names", "penguins"]

Array = NDArray[np.float64]

# Row 78, counted from 1, is the one cell in which the copies of the galaxies differ (SOURCES.md).
_RICHARDSON_GREEN_ROW_78 = 26960


@dataclass(frozen=True, eq=False)
class Dataset:
    """A data set with everything needed to cluster it and to judge the result.

    Attributes
    ----------
    name : str
    frame : DataFrame
        Every column of the source, in its units, and the rows of X by their numbers in the source, from 0:
        ``frame[features]`` can be fitted as it is.
    whole : DataFrame
        The same with the rows that lack a measurement.
    features : list of str
        The measurement columns to be clustered.
    X : ndarray, shape (N, D)
        The features in float64, in ``units``, without the rows that lack a measurement.
    labels : ndarray of str, shape (N,), or None
        True groups of the rows of X, where they are known.
    n_components : int
        A sensible number of components, K.
    source, description, units : str
    path : Path or None
        The csv file holding exactly these data, if there is one.
    """

    name: str
    frame: "pd.DataFrame" = field(repr=False)
    whole: "pd.DataFrame" = field(repr=False)
    features: list[str]
    X: Array = field(repr=False)
    labels: NDArray[np.str_] | None = field(repr=False)
    n_components: int
    source: str = field(repr=False)
    description: str
    units: str
    path: Path | None = field(repr=False)

    @property
    def feature_names(self) -> list[str]:
        """Names of the columns of X: the features."""
        return list(self.features)


def names() -> list[str]:
    """Names of the data sets.

    Examples
    --------
    >>> from bayesgmm import datasets
    >>> datasets.names()
    ['faithful', 'galaxies', 'penguins', 'banknote', 'iris']
    """
    return list(_LOADERS)


def load(name: str) -> Dataset:
    """The data set of that name.

    Raises
    ------
    ParameterError
        If there is no such data set.

    Examples
    --------
    >>> from bayesgmm import datasets
    >>> datasets.load("penguins").X.shape
    (342, 4)
    """
    if isinstance(name, str) and name in _LOADERS:
        return _LOADERS[name]()
    from bayesgmm.errors import ParameterError
    from bayesgmm.support.sentences import shown_value

    close = difflib.get_close_matches(shown_value(name).strip("'").lower(), _LOADERS, n=1)
    hint = f"; did you mean {close[0]!r}?" if close else "."
    raise ParameterError(
        f"There is no data set {shown_value(name)}{hint} The names are {', '.join(_LOADERS)}.", name=name
    )


def faithful() -> Dataset:
    """Old Faithful geyser: 272 eruptions, their length and the waiting time to the next, in minutes."""
    frame, path = _read("faithful.csv")
    return _dataset(
        "faithful",
        frame,
        features=["eruptions", "waiting"],
        n_components=2,
        source="Azzalini and Bowman (1990), Applied Statistics 39, 357-365; R package datasets",
        description="272 eruptions of the Old Faithful geyser: length, and waiting time to the next",
        units="minutes",
        path=path,
    )


def galaxies(version: str = "mass") -> Dataset:
    """Velocities of 82 galaxies in the Corona Borealis region, in 1000 km/s.

    Parameters
    ----------
    version : {"mass", "richardson_green"}
        Which of the two copies in circulation: they differ in row 78, which is 26690 km/s in the R package
        MASS and 26960 in Richardson and Green (1997). One of them is a known typo (``SOURCES.md``). The
        default is MASS's copy, the one that our reference log-likelihoods belong to.

    Returns
    -------
    Dataset
        ``X`` is in 1000 km/s, as in the literature; ``frame`` and ``whole`` keep the km/s of the source.

    Examples
    --------
    >>> from bayesgmm import datasets
    >>> datasets.galaxies().X[77], datasets.galaxies(version="richardson_green").X[77]
    (array([26.69]), array([26.96]))
    """
    if not isinstance(version, str) or version not in ("mass", "richardson_green"):
        from bayesgmm.errors import ParameterError
        from bayesgmm.support.sentences import shown_value

        raise ParameterError(
            f"version must be 'mass' or 'richardson_green'; got {shown_value(version)}.",
            version=version,
        )
    frame, path = _read("galaxies_mass.csv")
    copy = "R package MASS (row 78 is 26690)"
    if version == "richardson_green":
        frame.loc[77, "velocity"] = _RICHARDSON_GREEN_ROW_78
        path = None
        copy = (
            "Richardson and Green (1997), Journal of the Royal Statistical Society B 59, 731-792 (row 78 "
            "is 26960)"
        )
    return _dataset(
        "galaxies",
        frame,
        features=["velocity"],
        divisor=1000.0,
        n_components=3,
        source=f"Roeder (1990), Journal of the American Statistical Association 85, 617-624; {copy}",
        description="velocities of 82 galaxies in six conic sections of the Corona Borealis region",
        units="1000 km/s",
        path=path,
    )


def penguins() -> Dataset:
    """Palmer penguins of three species: bill, flipper and body mass; 342 of the 344 rows have
    measurements."""
    frame, path = _read("penguins.csv")
    return _dataset(
        "penguins",
        frame,
        features=["bill_length_mm", "bill_depth_mm", "flipper_length_mm", "body_mass_g"],
        label_column="species",
        n_components=3,
        source="Horst, Hill and Gorman (2020), R package palmerpenguins, CC0; "
        "Gorman, Williams and Fraser (2014), PLoS ONE 9(3), e90081",
        description="342 penguins of three species near Palmer Station, Antarctica",
        units="millimetres; body_mass_g in grams",
        path=path,
    )


def banknote() -> Dataset:
    """Old Swiss 1000-franc banknotes, 100 genuine and 100 counterfeit: six lengths in millimetres."""
    frame, path = _read("banknote.csv")
    return _dataset(
        "banknote",
        frame,
        features=["Length", "Left", "Right", "Bottom", "Top", "Diagonal"],
        label_column="Status",
        n_components=2,
        source="Flury and Riedwyl (1988), Multivariate Statistics: A Practical Approach, tables 1.1 and 1.2",
        description="200 old Swiss 1000-franc banknotes, 100 genuine and 100 counterfeit",
        units="millimetres",
        path=path,
    )


def iris() -> Dataset:
    """Fisher's iris flowers, 50 of each of three species: four lengths in centimetres; scikit-learn's
    copy."""
    from sklearn.datasets import load_iris

    bunch = load_iris(as_frame=True)
    return _dataset(
        "iris",
        bunch.data.assign(species=bunch.target_names[bunch.target]),
        features=list(bunch.feature_names),
        label_column="species",
        n_components=3,
        source="Fisher (1936), Annals of Eugenics 7, 179-188; scikit-learn's copy, which equals R's",
        description="150 iris flowers of three species",
        units="centimetres",
        path=None,
    )


_LOADERS: dict[str, Callable[[], Dataset]] = {
    "faithful": faithful,
    "galaxies": galaxies,
    "penguins": penguins,
    "banknote": banknote,
    "iris": iris,
}


def _read(file_name: str) -> "tuple[pd.DataFrame, Path | None]":
    import pandas as pd

    resource = files(__name__).joinpath(file_name)
    with resource.open("rb") as stream:
        frame = pd.read_csv(stream)
    # Inside a zip archive there is no path that another program could open.
    return frame, resource if isinstance(resource, Path) else None


def _dataset(
    name: str,
    frame: "pd.DataFrame",
    *,
    features: list[str],
    label_column: str | None = None,
    divisor: float = 1.0,
    **facts: Any,
) -> Dataset:
    measured = frame.dropna(subset=features)
    X = np.array(measured[features], dtype=np.float64, order="C") / divisor
    labels = None if label_column is None else np.array(measured[label_column], dtype=np.str_)
    return Dataset(name=name, frame=measured, whole=frame, features=features, X=X, labels=labels, **facts)
