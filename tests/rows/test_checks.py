"""Each sentence, and each input that has to work as it is."""

import re
from datetime import datetime

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy import sparse

from bayesgmm.errors import DataError, ParameterError
from bayesgmm.rows import checks as validation
from bayesgmm.support import arguments

GOOD = np.arange(12.0).reshape(6, 2)


@pytest.mark.parametrize(
    ("X", "error", "sentence"),
    [
        (sparse.csr_matrix(GOOD), TypeError, "Sparse data were passed, but a Gaussian mixture needs a dense array; try X.toarray()."),
        (np.ma.masked_less(GOOD, 3), DataError, "X is a masked array with 3 masked values, which would be read as data; drop or impute them first and pass a plain array."),
        (GOOD + 1j, DataError, "Complex data not supported: a Gaussian mixture is fitted to real numbers."),
        (np.array([["2020-01-01"]], dtype="datetime64[D]"), TypeError, "X holds dates or durations (datetime64[D]); convert them to numbers first, such as days since a start."),
        (GOOD[:, 0], DataError, "Expected 2D array, got 1D array of shape (6,). Reshape your data with X.reshape(-1, 1) if it has a single feature."),
        (GOOD[None], DataError, "Expected 2D array, got 3D array of shape (1, 6, 2). Pass one row per observation and one column per feature."),
        (np.empty((0, 2)), DataError, "Found array with 0 sample(s) and 2 feature(s) (shape=(0, 2)) while a minimum of 1 is required."),
        (pd.DataFrame({"a": [1.0, np.nan], "b": [np.inf, np.nan]}), DataError, "X contains 2 missing (NaN) and 1 infinite (inf) value(s), the first in row 0, column 'b'; drop or impute those rows first."),
        (pd.DataFrame({"a": [1.0, 2.0], "b": ["3", "x"]}), DataError, "X must hold numbers, but row 1, column 'b' holds 'x' (str); drop or encode that column. An argument must be a string or a real number."),
        (pd.DataFrame({"a": [1, None], "b": [2, 3]}).convert_dtypes(), DataError, "X contains 1 missing (NaN) value(s), the first in row 1, column 'a'; drop or impute those rows first."),
        (np.array([[1, np.datetime64("2020")], [2, 3]], dtype=object), TypeError, "X holds dates or durations (in an object array); convert them to numbers first, such as days since a start."),
        (pl.DataFrame({"a": [1, 2], "t": [datetime(2020, 1, 1), datetime(2021, 1, 1)]}), TypeError, "X holds dates or durations (Datetime(time_unit='us', time_zone=None)); convert them to numbers first, such as days since a start."),
        (np.array([[10**400, 1], [2, 3]], dtype=object), DataError, f"X must hold numbers, but row 0, column 0 holds {10**400!r} (int); drop or encode that column. An argument must be a string or a real number."),
        (7, TypeError, "X must be a two-dimensional array or data frame; got int."),
    ],
)  # fmt: skip
def test_unusable_data(X, error, sentence):
    with pytest.raises(error, match=f"^{re.escape(sentence)}$"):
        validation.check_data(X)


@pytest.mark.parametrize(
    "X",
    [
        GOOD.astype(np.float32),
        GOOD.astype(int),
        GOOD[::2],
        np.asfortranarray(GOOD),
        GOOD.tolist(),
        pd.DataFrame(GOOD),
    ],
    ids=["float32", "int", "strided", "fortran", "list", "frame"],
)
def test_usable_data(X):
    out = validation.check_data(X)
    assert out.dtype == np.float64
    assert np.array_equal(out, np.asarray(X, dtype=float))


def test_a_read_only_input_works_and_is_not_copied_into():
    X = GOOD.copy()
    X.flags.writeable = False
    assert np.array_equal(validation.check_data(X), GOOD)


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        (True, "n_components must be an integer of at least 1; got True (bool)."),
        (2.0, "n_components must be an integer of at least 1; got 2.0 (float)."),
        (0, "n_components must be an integer of at least 1; got 0."),
        ("3", "n_components must be an integer of at least 1; got '3' (str)."),
    ],
)
def test_what_is_no_count(value, sentence):
    with pytest.raises(ParameterError, match=f"^{re.escape(sentence)}$"):
        arguments.check_integer(value, "n_components", 1)


def test_a_constant_column_is_named():
    X = GOOD.copy()
    X[:, 1] = 4.5
    sentence = "Column 'width' is constant (every value is 4.5), so that no Gaussian has a density for it; drop that column."
    with pytest.raises(DataError, match=f"^{re.escape(sentence)}$"):
        validation.check_varying_columns(X, ["length", "width"])


def test_a_column_whose_variance_underflows_is_named():
    with pytest.raises(DataError, match=r"^Column 'a' spans .* its variance underflows; rescale it\.$"):
        validation.check_varying_columns(GOOD * 1e-170, ["a", "b"])


def test_one_giant_row_does_not_make_columns_collinear():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(50, 2))
    validation.check_collinear(np.vstack([X, [[1e9, 1e9]]]), ["a", "b"])
    with pytest.raises(DataError, match="Columns 'a', 'b' are collinear"):
        validation.check_collinear(np.vstack([X[:, [0, 0]], [[1e9, 1e9]]]), ["a", "b"])


def test_more_components_than_distinct_rows():
    X = np.repeat([[0.0, 1.0], [2.0, 3.0]], 5, axis=0)
    validation.check_distinct_rows(X, 2)
    sentence = (
        "n_components=3 components cannot be told apart with 2 distinct row(s) (n_samples = 10); "
        "choose n_components <= 2."
    )
    with pytest.raises(DataError, match=f"^{re.escape(sentence)}$"):
        validation.check_distinct_rows(X, 3)


@pytest.mark.parametrize(
    ("weights", "sentence"),
    [
        ([1.0, 2.0], "sample_weight must have one value per row, shape (3,); got shape (2,)."),
        ([1.0, -1.0, 1.0], "sample_weight must be finite and not negative; row 1 has -1.0."),
        ([1.0, 1.0, np.nan], "sample_weight must be finite and not negative; row 2 has nan."),
        ([1j, 1.0, 1.0], "sample_weight must hold real numbers, one per row."),
        (["a", "b", "c"], "sample_weight must hold real numbers, one per row."),
        ([1e308, 1e308, 1e308], "sample_weight sums to infinity; rescale it."),
        ([0.0, 0.0, 0.0], "sample_weight is zero for every row, so that nothing is left to fit."),
    ],
)
def test_unusable_weights(weights, sentence):
    with pytest.raises(DataError, match=f"^{re.escape(sentence)}$"):
        validation.check_sample_weight(weights, 3)


def test_no_weights_are_an_empty_array():
    assert validation.check_sample_weight(None, 3).shape == (0,)


@pytest.mark.parametrize(("seed", "got"), [(True, "True (bool)"), (1.5, "1.5 (float)"), ("a", "'a' (str)")])
def test_what_is_no_seed(seed, got):
    sentence = (
        f"random_state must be None, a non-negative integer, a numpy Generator or a RandomState; got {got}."
    )
    with pytest.raises(ParameterError, match=f"^{re.escape(sentence)}$"):
        arguments.seed_sequence(seed)


def test_a_negative_seed_is_refused():
    with pytest.raises(ParameterError, match=r"^random_state must not be negative; got -1\.$"):
        arguments.seed_sequence(-1)


@pytest.mark.parametrize(
    "make", [lambda: 5, lambda: np.random.default_rng(5), lambda: np.random.RandomState(5)]
)
def test_equal_seeds_give_equal_streams(make):
    first, second = (arguments.seed_sequence(make()).generate_state(4) for _ in range(2))
    assert np.array_equal(first, second)
