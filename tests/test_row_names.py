"""A row's name from the data to tables, labelled data and files, whatever its kind."""

import copy
import json
import warnings
from dataclasses import replace

import arviz_stats as azs
import numpy as np
import pandas as pd
import pytest
import xarray as xr

from bayesgmm import BayesGaussianMixture, compare, load, save, write_report
from bayesgmm.bayes.model import build_model
from bayesgmm.errors import DataError, FileProblem
from bayesgmm.plots import plot_responsibilities
from bayesgmm.report import tables
from bayesgmm.report.interactive import interactive_view
from bayesgmm.report.machine import numbers
from bayesgmm.report.names import Name
from bayesgmm.rows import checks
from bayesgmm.rows.files import read_table
from bayesgmm.rows.labels import text
from bayesgmm.rows.rows import Rows
from bayesgmm.storage.seal import sealed
from bayesgmm.wording.numbers import number
from bayesgmm.wording.rows import axis_title, called, numbering

N = 40
INDEXES = {
    "strings": pd.Index([f"p{i // 2}" for i in range(N)], name="patient"),
    "dates": pd.date_range("2024-01-01", periods=N),
    "numbers": pd.Index(np.arange(N)[::-1]),
    "levels": pd.MultiIndex.from_product([["a", "b"], range(N // 2)], names=["site", "visit"]),
}


@pytest.fixture(scope="module")
def frame():
    rng = np.random.default_rng(0)
    values = np.concatenate([rng.normal(0, 1, (N // 2, 2)), rng.normal(8, 1, (N // 2, 2))])
    return pd.DataFrame(values, columns=["a", "b"], index=INDEXES["strings"])


@pytest.fixture(scope="module")
def fitted(frame):
    return BayesGaussianMixture(
        2, method="laplace", draws=300, chains=2, random_state=0, progressbar=False
    ).fit(frame)


def renamed(bayes, index):
    """The same fit of rows with other names."""
    other = copy.copy(bayes)
    other._forget()
    other.fit_ = replace(bayes.fit_, rows=bayes.rows_.renamed(index))
    return other


def with_obs(tree):
    """The groups that have rows."""
    return {name: group for name, group in tree.children.items() if "obs" in group.dims}


@pytest.fixture(params=list(INDEXES))
def named(request, fitted):
    return renamed(fitted, INDEXES[request.param]), INDEXES[request.param]


def test_tables_are_indexed_by_the_names_of_the_rows(named):
    bayes, index = named
    result = compare(bayes)
    for table in (result.assignments, result.pit, result.scores.table, bayes.memberships().table):
        assert table.index.equals(index)
        assert table.index.names == (index.names if index.nlevels > 1 else [index.name or "obs"])


def test_tables_of_new_rows_have_their_own_names(fitted, frame):
    new = frame.iloc[:3].set_axis(["x", "y", "z"])
    assert list(fitted.memberships(new).table.index) == ["x", "y", "z"]
    assert list(fitted.memberships(frame.iloc[:2]).table.index) == ["p0", "p0"]


def test_labelled_data_and_files_have_the_names(named, tmp_path):
    bayes, index = named
    bayes.add_log_likelihood().add_posterior_predictive()
    assert bayes.mode_map_.n_modes == 1
    labels = [", ".join(map(str, name)) for name in index] if index.nlevels > 1 else list(index)
    groups = with_obs(bayes.posterior_)
    assert set(groups) == {
        "observed_data",
        "membership",
        "modes",
        "log_likelihood",
        "posterior_predictive",
    }
    again = load(save(bayes, tmp_path / "fit.nc"))
    for tree in (bayes.posterior_, again.posterior_):
        for group in with_obs(tree).values():
            assert list(pd.Index(group["obs"].to_numpy())) == labels
    assert list(again.rows_.index) == labels
    assert again.rows_.index.name == (index.name or "obs")
    # Some rows of so few are influential, and ArviZ warns of them.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        assert np.isfinite(azs.loo(again.posterior_).elpd)


def test_rows_of_a_file_keep_its_name_when_a_fit_is_loaded(fitted, tmp_path):
    bayes = copy.copy(fitted)
    bayes._forget()
    bayes.fit_ = replace(
        fitted.fit_,
        rows=replace(
            fitted.rows_,
            index=pd.RangeIndex(1, N + 1, name="row"),
            source="x.csv",
            has_file_numbers=True,
        ),
    )
    again = load(save(bayes, tmp_path / "fit.nc"))
    assert again.rows_.row(17) == "row 18 of x.csv"


CALLED = {
    **INDEXES,
    "places": pd.RangeIndex(N),
    "places as numbers": pd.Index(np.arange(N)),
    "places with a name": pd.RangeIndex(N, name="patient"),
    "numbers as objects": pd.Index(np.arange(N)[::-1], dtype=object),
    "numbers and text": pd.Index([1, "a"] * (N // 2)),
    "periods": pd.period_range("2024-01", periods=N, freq="M"),
    "zoned": pd.date_range("2024-01-01", periods=N, tz="UTC"),
    "a number as name": pd.Index(np.arange(N) + 3, name=0),
}


@pytest.mark.parametrize("kind", CALLED)
@pytest.mark.parametrize("source", ["", "x.csv"])
def test_a_loaded_fit_calls_its_rows_as_the_saved_one_did(kind, source, fitted, tmp_path):
    bayes = renamed(fitted, CALLED[kind])
    bayes.fit_ = replace(bayes.fit_, rows=replace(bayes.rows_, source=source))
    again = load(save(bayes, tmp_path / "fit.nc"))
    for call in (called, axis_title, lambda rows: rows.row(3), lambda rows: rows.label(3)):
        assert call(again.rows_) == call(bayes.rows_)


@pytest.mark.parametrize("name", ["row", "num", "id"])
def test_numbers_of_a_column_are_not_told_as_those_of_the_file(name, tmp_path):
    (tmp_path / "d.csv").write_text(f"{name},a\n" + "".join(f"{7 * i},{i % 5}\n" for i in range(9)))
    rows = read_table(tmp_path / "d.csv", id_column=name).rows
    assert rows.row(3) == f"row with {name} 21 of d.csv"
    assert called(rows) == f"called by column {name!r} of d.csv"
    assert not rows.has_file_numbers and not rows.is_numbered
    plain = read_table(tmp_path / "d.csv").rows
    assert plain.row(3) == "row 4 of d.csv"
    assert not plain.renamed(list("abcdefghi")).has_file_numbers


def test_a_bad_weight_is_told_by_the_name_of_its_row(frame):
    with pytest.raises(DataError, match="row 'p1' has -5"):
        Rows.of(frame, np.where(np.arange(N) == 2, -5.0, 1.0))


@pytest.mark.parametrize("index", [3, np.zeros((N, 2)), [None] * N, ["a"]])
def test_names_that_are_none_are_refused(index, fitted):
    with pytest.raises(DataError):
        fitted.rows_.renamed(index)


def test_rows_without_names_are_numbered_before_and_after(fitted, tmp_path):
    bayes = renamed(fitted, pd.RangeIndex(N))
    again = load(save(bayes, tmp_path / "fit.nc"))
    assert bayes.rows_.is_numbered and again.rows_.is_numbered
    assert again.posterior_["observed_data"]["obs"].dtype.kind == "i"


def test_a_file_whose_names_are_incomplete_is_refused(fitted, tmp_path, golden):
    path = save(fitted, tmp_path / "fit.nc")
    with xr.open_datatree(path) as opened:
        tree = opened.load()
    incomplete = np.where(np.arange(N) == 7, np.nan, np.arange(N))
    tree["observed_data"] = tree["observed_data"].dataset.assign_coords(obs=incomplete)
    tree.to_netcdf(path, engine="h5netcdf")
    path.write_bytes(sealed(path.read_bytes()))
    with golden.raises(FileProblem, hide=[str(tmp_path)], row=7, n_missing=1):
        load(path)


def test_the_model_has_the_names(fitted, frame):
    for index in INDEXES.values():
        model = build_model(frame.set_axis(index), 2, fitted.prior_)
        assert list(model.coords["obs"]) == list(Rows.of(frame.set_axis(index)).obs)


def test_reports_have_the_names(named):
    bayes, index = named
    result, names = compare(bayes), [Name.of("a"), Name.of("b")]
    labels = [", ".join(map(str, name)) for name in index] if index.nlevels > 1 else list(map(text, index))
    by_difference = np.argsort(-result.assignments["largest_difference"].to_numpy(), kind="stable")
    table = tables.assignments(bayes, result, names)
    assert [row[0] for row in table.rows] == [labels[i] for i in by_difference[: len(table.rows)]]
    assert [row[7] for row in table.rows] == [
        number(bayes.rows_.values[i, 0]) for i in by_difference[: len(table.rows)]
    ]
    view = json.loads(interactive_view(bayes, names, None).data)
    assert sorted(str(p["row"]) for p in view["spec"]["datasets"]["points"]) == sorted(labels)
    content = numbers(bayes, result)
    assert list(map(str, content["row_names"])) == labels
    figure = plot_responsibilities(bayes, result)
    shown = [tick.get_text() for tick in figure.axes[0].get_xticklabels()]
    assert set(shown) <= set(labels) and len(shown) > 10


def test_a_report_of_numbered_rows_says_so(fitted, golden):
    bayes = renamed(fitted, pd.RangeIndex(N))
    of_file = replace(bayes.rows_, index=pd.RangeIndex(1, N + 1, name="row"), source="x.csv")
    by_column = replace(of_file, index=INDEXES["strings"])
    for rows in (bayes.rows_, bayes.rows_.renamed(INDEXES["dates"]), fitted.rows_, of_file, by_column):
        golden(f"{numbering(rows, 'Groups')}. Rows are {called(rows)}. [{axis_title(rows)}]")
    assert numbers(bayes, compare(bayes))["row_names"] is None


def test_data_are_checked_once(frame, tmp_path, monkeypatch):
    calls, check = [], checks.check_data
    monkeypatch.setattr(checks, "check_data", lambda X, *how: calls.append(X) or check(X, *how))
    bayes = BayesGaussianMixture(2, method="laplace", draws=300, chains=2, random_state=0, progressbar=False)
    result = compare(bayes.fit(frame))
    write_report(bayes, tmp_path / "report.html", comparison=result, interactive=False, progressbar=False)
    assert len(calls) == 1
