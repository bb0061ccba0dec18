"""The shipped data against facts that were printed elsewhere."""

import dataclasses
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from bayesgmm import EMGaussianMixture, datasets
from bayesgmm.errors import ParameterError

# N, D, K and the column means as R prints them (rounded), in the units of X.
FACTS = {
    "faithful": (272, 2, 2, [3.4878, 70.8971], 4),
    "galaxies": (82, 1, 3, [20.82817], 5),
    "penguins": (342, 4, 3, [43.92193, 17.15117, 200.9152, 4201.754], 3),
    "banknote": (200, 6, 2, [214.896, 130.1215, 129.9565, 9.4175, 10.6505, 140.4835], 4),
    "iris": (150, 4, 3, [5.843333, 3.057333, 3.758, 1.199333], 6),
}
LABELS = {
    "penguins": {"Adelie": 151, "Chinstrap": 68, "Gentoo": 123},
    "banknote": {"genuine": 100, "counterfeit": 100},
    "iris": {"setosa": 50, "versicolor": 50, "virginica": 50},
}


def test_names():
    assert datasets.names() == ["faithful", "galaxies", "penguins", "banknote", "iris"]


@pytest.mark.parametrize("name", FACTS)
def test_size_and_means_are_the_published_ones(name):
    n, d, k, means, decimals = FACTS[name]
    data = datasets.load(name)
    assert data.name == name
    assert data.X.shape == (n, d)
    assert data.X.dtype == np.float64 and data.X.flags["C_CONTIGUOUS"] and data.X.flags["WRITEABLE"]
    assert np.isfinite(data.X).all()
    assert data.n_components == k
    assert_allclose(data.X.mean(axis=0), means, rtol=0, atol=0.51 * 10.0**-decimals)


@pytest.mark.parametrize("name", FACTS)
def test_labels_have_the_published_counts(name):
    labels = datasets.load(name).labels
    if name not in LABELS:
        assert labels is None
        return
    assert labels.dtype.kind == "U"
    values, counts = np.unique(labels, return_counts=True)
    assert dict(zip(values.tolist(), counts.tolist(), strict=True)) == LABELS[name]


@pytest.mark.parametrize(
    ("name", "label", "means"),
    [
        ("banknote", "genuine", [214.969, 129.943, 129.720, 8.305, 10.168, 141.517]),
        ("banknote", "counterfeit", [214.823, 130.300, 130.193, 10.530, 11.133, 139.450]),
        ("iris", "virginica", [6.588, 2.974, 5.552, 2.026]),
    ],
)
def test_labels_belong_to_the_rows_of_X(name, label, means):
    data = datasets.load(name)
    assert_allclose(data.X[data.labels == label].mean(axis=0), means, rtol=0, atol=0.00051)


def test_labels_of_penguins_skip_the_rows_without_measurements():
    data = datasets.penguins()
    gentoo = data.X[data.labels == "Gentoo"]
    # The means per species of the palmerpenguins article: Gentoo are the heavy ones.
    assert_allclose(gentoo[:, 3].mean(), 5076.016, rtol=0, atol=0.001)
    incomplete = data.whole.index[data.whole[data.features].isna().any(axis=1)]
    assert incomplete.tolist() == [3, 271]
    assert len(data.whole) == 344 and data.frame.index.equals(data.whole.index.drop([3, 271]))


@pytest.mark.parametrize("name", FACTS)
def test_the_way_of_the_readme_works_for_each(name):
    data = datasets.load(name)
    em = EMGaussianMixture(data.n_components, n_init=2, random_state=0).fit(data.frame[data.features])
    unit = 1000 if name == "galaxies" else 1
    other = EMGaussianMixture(data.n_components, n_init=2, random_state=0).fit(data.X * unit)
    assert_allclose(em.means_, other.means_)
    assert em.feature_names_in_.tolist() == data.features


@pytest.mark.parametrize("name", FACTS)
def test_features_are_columns_of_the_frame(name):
    data = datasets.load(name)
    assert isinstance(data.frame, pd.DataFrame)
    assert data.feature_names == data.features == [c for c in data.frame.columns if c in data.features]
    assert not {"species", "island", "sex", "year", "Status"} & set(data.features)
    divisor = 1000 if name == "galaxies" else 1
    assert_array_equal(data.X, data.frame[data.features].to_numpy(dtype=float) / divisor)
    pd.testing.assert_frame_equal(data.frame, data.whole.dropna(subset=data.features))


def test_frame_keeps_all_columns():
    columns = datasets.penguins().frame.columns.tolist()
    assert columns[:2] == ["species", "island"] and columns[-2:] == ["sex", "year"] and len(columns) == 8


@pytest.mark.parametrize("name", FACTS)
def test_path_is_a_csv_with_exactly_these_data(name):
    data = datasets.load(name)
    if name == "iris":
        assert data.path is None
        return
    assert isinstance(data.path, Path) and data.path.suffix == ".csv"
    pd.testing.assert_frame_equal(pd.read_csv(data.path), data.whole)


def test_galaxies_versions_differ_in_row_78_only():
    mass, other = datasets.galaxies(), datasets.galaxies(version="richardson_green")
    assert_array_equal(np.flatnonzero(mass.X != other.X) + 1, [78])
    assert mass.X[77, 0] == 26.690 and other.X[77, 0] == 26.960
    assert mass.frame["velocity"][77] == 26690 and other.frame["velocity"][77] == 26960
    assert mass.units == other.units == "1000 km/s"
    assert "MASS (row 78 is 26690)" in mass.source and "(row 78 is 26960)" in other.source
    # No file holds the other version, so that none is named.
    assert mass.path.name == "galaxies_mass.csv" and other.path is None
    assert_array_equal(datasets.galaxies("mass").X, mass.X)


def test_galaxies_match_the_reference_likelihood():
    # A single Gaussian has its maximum in closed form; the number is that of the reference EM, K = 1.
    X = datasets.galaxies().X
    log_likelihood = -0.5 * len(X) * (np.log(2 * np.pi * X.var()) + 1)
    assert_allclose(log_likelihood, -240.33789, rtol=0, atol=1e-5)


def test_galaxies_refuses_another_version(golden):
    with golden.raises(ParameterError, version="roeder"):
        datasets.galaxies(version="roeder")


@pytest.mark.parametrize(
    ("name", "details"),
    [
        ("Penguin", {"name": "Penguin"}),
        ("wine", {"name": "wine"}),
        (3, {"name": 3}),
    ],
)
def test_unknown_name(name, details, golden):
    with golden.raises(ParameterError, **details):
        datasets.load(name)


def test_data_sets_are_frozen_and_not_shared():
    first = datasets.faithful()
    with pytest.raises(dataclasses.FrozenInstanceError):
        first.name = "other"
    first.X[:] = 0
    assert datasets.faithful().X[0, 0] == 3.6


@pytest.mark.parametrize("name", FACTS)
def test_words_are_there(name):
    data = datasets.load(name)
    assert re.search(r"\(\d{4}\)", data.source)
    assert data.description and data.units
    assert name in repr(data) and len(repr(data)) < 500


def test_sources_name_every_file():
    folder = Path(datasets.__file__).parent
    sources = (folder / "SOURCES.md").read_text(encoding="utf-8")
    shipped = sorted(p.name for p in folder.glob("*.csv"))
    assert shipped == ["banknote.csv", "faithful.csv", "galaxies_mass.csv", "penguins.csv"]
    assert all(f"`{name}`" in sources for name in shipped)


def test_import_is_cheap():
    code = "import sys, bayesgmm.rows.datasets; print({'pandas', 'sklearn', 'pymc'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def exactly(sentence):
    return f"^{re.escape(sentence)}$"
