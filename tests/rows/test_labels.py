"""Names of rows: as text, in sentences, and through a netCDF file and back."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from bayesgmm.errors import DataError
from bayesgmm.rows import labels

NOON = pd.Timestamp("2024-02-29 12:00")

# An index of three rows, what the first is called, and the kind of array that a file holds of it.
KINDS = {
    "default": (pd.RangeIndex(3), "0", "i"),
    "numbers": (pd.Index([5, 3, 5]), "5", "i"),
    "decimals": (pd.Index([1.5, 2.5, 2.5]), "1.5", "f"),
    "truths": (pd.Index([True, False, True]), "True", "b"),
    "strings": (pd.Index(["Ann", "Bob", "Ann"]), "Ann", "O"),
    "days": (pd.date_range("2024-02-29", periods=3), "2024-02-29", "M"),
    "times": (pd.DatetimeIndex([NOON, NOON, NOON]), "2024-02-29 12:00:00", "M"),
    "zoned": (pd.date_range("2024-02-29", periods=3, tz="UTC"), "2024-02-29 00:00:00+00:00", "O"),
    "long ago": (pd.DatetimeIndex(["1066-10-14"] * 3).as_unit("s"), "1066-10-14", "O"),
    "levels": (pd.MultiIndex.from_tuples([("a", 3), ("b", 4), ("a", 3)]), "a, 3", "O"),
    "periods": (pd.period_range("2024-02", periods=3, freq="M"), "2024-02", "O"),
    "categories": (pd.CategoricalIndex(["x", "y", "x"]), "x", "O"),
    "intervals": (pd.interval_range(0, 3), "(0, 1]", "O"),
    "spans": (pd.timedelta_range("1h", periods=3, freq="h"), "0 days 01:00:00", "O"),
    "mixed": (pd.Index([1, "a", 2.5]), "1", "O"),
    "large": (pd.Index([2**70, 1, 2]), str(2**70), "O"),
    "odd text": (pd.Index(["é\0x", "\ud800", "日"], dtype=object), "é\0x", "O"),
}


@pytest.mark.parametrize(("index", "first", "kind"), KINDS.values(), ids=list(KINDS))
def test_names_of_any_kind_become_text_and_come_back_from_a_file(index, first, kind, tmp_path):
    index = labels.index_of(index, 3)
    assert labels.text(index[0]) == first
    stored = labels.storable(index)
    assert stored.dtype.kind == kind
    tree = xr.DataTree.from_dict({"a": xr.Dataset({"x": ("obs", [1.0, 2.0, 3.0])}, coords={"obs": stored})})
    tree.to_netcdf(tmp_path / "rows.nc", engine="h5netcdf")
    with xr.open_datatree(tmp_path / "rows.nc", engine="h5netcdf") as opened:
        loaded = opened.load()["a"]["obs"].to_numpy()
    again = labels.restored(loaded, {"row_names": str(index.name), "row_kinds": labels.kinds(index)})
    assert list(again) == list(index if labels.kinds(index) else pd.Index(stored))
    assert labels.is_default(again) == labels.is_default(index)
    if kind != "O" or labels.kinds(index):
        assert [*map(type, again)] == [*map(type, index)]
        assert list(again) == list(index)
    elif isinstance(index[0], str):
        # A file holds no zero bytes and no halves of characters; these are written out.
        assert list(again) == [s.replace("\0", "\\0").replace("\ud800", "\\ud800") for s in index]


@pytest.mark.parametrize(
    ("kind", "sentence"),
    [
        ("strings", "'Ann'"),
        ("numbers", "5"),
        ("days", "2024-02-29"),
        ("levels", "'a, 3'"),
        ("mixed", "'1'"),
        ("decimals", "1.5"),
    ],
)
def test_sentences_put_what_becomes_text_in_quotation_marks(kind, sentence):
    index = KINDS[kind][0]
    assert labels.quoted(index[0], index) == sentence


def test_an_index_without_a_name_is_called_obs_and_one_with_a_name_keeps_it():
    assert labels.index_of(pd.Index(["a", "b"]), 2).name == "obs"
    assert labels.index_of(pd.Index(["a", "b"], name="patient"), 2).name == "patient"
    assert labels.index_of(np.zeros((2, 1)), 2).equals(pd.RangeIndex(2))
    # A method of the same name is no index.
    assert labels.index_of([[1.0], [2.0]], 2).equals(pd.RangeIndex(2))


@pytest.mark.parametrize(
    ("index", "details"),
    [
        (pd.Index(["a", None, "c"]), {"row": 1, "n_missing": 1}),
        (pd.DatetimeIndex(["2024-01-01", None, None]), {"row": 1, "n_missing": 2}),
        (pd.MultiIndex.from_tuples([("a", 1), ("b", 2), ("c", None)]), {"row": 2, "n_missing": 1}),
        (pd.Index(["a", "b"]), {"n_names": 2, "n_rows": 3}),
    ],
    ids=["missing", "missing date", "missing level", "too few"],
)
def test_missing_names_and_another_number_of_them_are_refused(index, details, golden):
    with golden.raises(DataError, **details):
        labels.index_of(index, 3)
