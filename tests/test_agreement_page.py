"""docs/agreement.md names every family, its numbers that need no R are true, and its script has made it."""

import re
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from bayesgmm import EMGaussianMixture, datasets
from bayesgmm.mixture.families import FAMILIES, family_of

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "agreement.md").read_text()
TEXT = (ROOT / "tests" / "benchmarks" / "agreement.md").read_text()
# Half of the last digit that is printed, and as much for two ends of one run.
PRINTED = 1e-5
# The families that mclust has.
MCLUSTS = [family for family in FAMILIES.values() if family.mclust]


@pytest.fixture
def bench(monkeypatch):
    """The scripts that write the page and the report."""
    monkeypatch.syspath_prepend(ROOT / "tests" / "benchmarks")
    import bench_agreement
    import bench_mclust

    return bench_agreement, bench_mclust


def rows_below(title, text=PAGE):
    """Cells of the rows of the first table below a title."""
    table = re.search(r"\n((?:\|.*\n)+)", text[text.index(title) :])[1]
    # A bar within a cell has a backslash before it.
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", row)[1:-1]] for row in table.splitlines()][2:]


def of_data(name):
    return {row[0]: row for row in rows_below(f"**{name}**, N")}


def test_page_and_report_name_every_family(bench):
    named = {row[0] for row in rows_below("## Names")}
    expected = {f"`{f.name}`" if f.name == f.mclust else f"`{f.name}` or `{f.mclust}`" for f in MCLUSTS}
    assert named == expected
    for name in set(datasets.names()) - {"galaxies"}:
        assert of_data(name).keys() == {f.name for f in MCLUSTS}
    assert of_data("galaxies").keys() == {"spherical", "tied_spherical"}
    report = "\n".join(bench[1].report([], [], "", 1))
    assert all(family.mclust in report for family in MCLUSTS)


@pytest.mark.parametrize("name", ["faithful", "galaxies", "iris"])
def test_our_numbers_are_those_of_a_run(name, bench):
    case = bench[0].cases()[name]
    n, d, k = *case.X.shape, case.groups.max() + 1
    assert f"**{name}**, N = {n}, D = {d}, K = {k}; start: {case.told}" in PAGE
    for family, row in of_data(name).items():
        own = bench[0].own_fit(case, family_of(family))[1]
        assert own.log_likelihood == pytest.approx(float(row[3]), abs=PRINTED)
        assert family_of(family).n_parameters(k, d) == int(row[2])


@pytest.mark.parametrize("name", ["galaxies", "iris"])
def test_scikit_learns_numbers_are_those_of_a_run(name, bench):
    case = bench[0].cases()[name]
    rows = {family: row for family, row in of_data(name).items() if row[5]}
    assert rows.keys() == set(bench[0].OF_SKLEARN) & of_data(name).keys()
    for family, row in rows.items():
        peer = bench[0].sklearn_fit(case, family_of(family))
        assert peer.log_likelihood == pytest.approx(float(row[5]), abs=PRINTED)


@pytest.mark.parametrize("name", datasets.names())
def test_what_is_not_marked_agrees_as_printed(name):
    for row in of_data(name).values():
        printed = [float(cell) for cell in row[3:6] if cell]
        assert len(printed) >= 2
        agree = max(printed) - min(printed) <= PRINTED
        assert agree == ("differs" not in row[6])
        assert float(row[6].split()[0]) == pytest.approx(
            printed[0] - printed[1], abs=0.06 * np.ptp(printed) + 2e-5
        )


def test_published_values_stand_beside_a_default_fit():
    for name, chosen, *printed in rows_below("## Published values"):
        family, k = chosen.split(", ")
        X = datasets.load(name).X
        em = EMGaussianMixture(int(k), covariance_type=family, random_state=0).fit(X)
        total, bic, own_total, own_bic = map(float, printed)
        assert own_total == pytest.approx(em.log_likelihood_, abs=1e-4)
        assert own_bic == pytest.approx(-em.bic(X), abs=1e-4)
        # mclust's BIC is of its log-likelihood and our number of parameters, and no maximum is below.
        assert bic == pytest.approx(2 * total - em.n_parameters() * np.log(len(X)), abs=2e-3)
        assert em.log_likelihood_ >= total - 1e-4


def test_where_they_differ_ours_is_a_maximum_and_mclusts_end_is_none():
    for row in rows_below("**mclust's VVE.**"):
        assert row[1] == "VVE"
        ours, theirs, _, slope, slope_of_theirs, from_theirs = map(float, row[2:])
        assert ours > theirs
        assert from_theirs == pytest.approx(ours, abs=PRINTED)
        assert slope < 1e-4 * slope_of_theirs


def test_the_page_is_made_of_its_text():
    """Nobody has written into the page what a run would take out again."""
    parts = [part.replace("$$", "$") for part in re.split(r"(?<!\$)\$[a-z_]+", TEXT)]
    places = [PAGE.index(part) for part in parts if part.strip()]
    assert all(a < b for a, b in pairwise(places))
    assert "run: R with mclust" not in PAGE
