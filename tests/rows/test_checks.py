"""Each refusal, and each input that has to work as it is."""

from datetime import datetime

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy import sparse

from bayesgmm.errors import DataError, DataTypeError, ParameterError
from bayesgmm.rows import checks as validation
from bayesgmm.rows.sample_weight import check_sample_weight
from bayesgmm.support import arguments

GOOD = np.arange(12.0).reshape(6, 2)


@pytest.mark.parametrize(
    ("X", "error", "details"),
    [
        (sparse.csr_matrix(GOOD), DataTypeError, {}),
        (np.ma.masked_less(GOOD, 3), DataError, {"n_masked": 3}),
        (GOOD + 1j, DataError, {}),
        (np.array([["2020-01-01"]], dtype="datetime64[D]"), DataTypeError, {}),
        (GOOD[:, 0], DataError, {"shape": (6,)}),
        (GOOD[None], DataError, {"shape": (1, 6, 2)}),
        (np.empty((0, 2)), DataError, {"shape": (0, 2)}),
        (pd.DataFrame({"a": [1.0, np.nan], "b": [np.inf, np.nan]}), DataError, {"row": 0, "column": 1}),
        (pd.DataFrame({"a": [1.0, 2.0], "b": ["3", "x"]}), DataTypeError, {"row": 1, "column": 1}),
        (pd.DataFrame({"a": [1, None], "b": [2, 3]}).convert_dtypes(), DataError, {"row": 1, "column": 0}),
        (np.array([[1, np.datetime64("2020")], [2, 3]], dtype=object), DataTypeError, {}),
        (pl.DataFrame({"a": [1, 2], "t": [datetime(2020, 1, 1), datetime(2021, 1, 1)]}), DataTypeError, {}),
        (np.array([[10**400, 1], [2, 3]], dtype=object), DataTypeError, {"row": 0, "column": 0}),
        (7, DataTypeError, {}),
    ],
)  # fmt: skip
def test_unusable_data(X, error, details, golden):
    with golden.raises(error, **details):
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
    ("value", "details"),
    [
        (True, {"name": "n_components", "value": True, "minimum": 1}),
        (2.0, {"name": "n_components", "value": 2.0, "minimum": 1}),
        (0, {"name": "n_components", "value": 0, "minimum": 1}),
        ("3", {"name": "n_components", "value": "3", "minimum": 1}),
    ],
)
def test_what_is_no_count(value, details, golden):
    with golden.raises(ParameterError, **details):
        arguments.check_integer(value, "n_components", 1)


def test_a_constant_column_is_named(golden):
    X = GOOD.copy()
    X[:, 1] = 4.5
    with golden.raises(DataError, column=1):
        validation.check_varying_columns(X, ["length", "width"])


def test_a_column_whose_variance_underflows_is_named(golden):
    with golden.raises(DataError, column=0):
        validation.check_varying_columns(GOOD * 1e-170, ["a", "b"])


def test_one_giant_row_does_not_make_columns_collinear(golden):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(50, 2))
    validation.check_collinear(np.vstack([X, [[1e9, 1e9]]]), ["a", "b"])
    with golden.raises(DataError, columns=["a", "b"]):
        validation.check_collinear(np.vstack([X[:, [0, 0]], [[1e9, 1e9]]]), ["a", "b"])


def test_more_components_than_distinct_rows(golden):
    X = np.repeat([[0.0, 1.0], [2.0, 3.0]], 5, axis=0)
    validation.check_distinct_rows(X, 2)
    with golden.raises(DataError, distinct=2):
        validation.check_distinct_rows(X, 3)


@pytest.mark.parametrize(
    ("weights", "details"),
    [
        ([1.0, 2.0], {"expected": (3,), "shape": (2,)}),
        ([1.0, -1.0, 1.0], {"row": 1}),
        ([1.0, 1.0, np.nan], {"row": 2}),
        ([1j, 1.0, 1.0], {}),
        (["a", "b", "c"], {}),
        ([1e308, 1e308, 1e308], {}),
        ([0.0, 0.0, 0.0], {"total": 0.0}),
    ],
)
def test_unusable_weights(weights, details, golden):
    with golden.raises(DataError, **details):
        check_sample_weight(weights, 3)


def test_no_weights_are_an_empty_array():
    assert check_sample_weight(None, 3).shape == (0,)


@pytest.mark.parametrize(
    ("seed", "details"),
    [(True, {"random_state": True}), (1.5, {"random_state": 1.5}), ("a", {"random_state": "a"})],
)
def test_what_is_no_seed(seed, details, golden):
    with golden.raises(ParameterError, **details):
        arguments.seed_sequence(seed)


def test_a_negative_seed_is_refused(golden):
    with golden.raises(ParameterError, random_state=-1):
        arguments.seed_sequence(-1)


@pytest.mark.parametrize(
    "make", [lambda: 5, lambda: np.random.default_rng(5), lambda: np.random.RandomState(5)]
)
def test_equal_seeds_give_equal_streams(make):
    first, second = (arguments.seed_sequence(make()).generate_state(4) for _ in range(2))
    assert np.array_equal(first, second)


@pytest.mark.parametrize(
    ("X", "details"),
    [
        ([[1, 2], [3]], {"row": 1, "expected": 2, "got": 1}),
        ([[1, 2], [3, 4], 5], {"row": 2, "expected": 2, "got": None}),
        ([[1, 2], [3, [4]]], {}),
        ([range(2), range(3)], {"row": 1, "expected": 2, "got": 3}),
    ],
)
def test_rows_of_different_lengths(X, details, golden):
    with golden.raises(DataError, **details):
        validation.check_data(X)


@pytest.mark.parametrize("X", [pd.DataFrame, np.ndarray, pl.DataFrame, float])
def test_a_class_is_no_data(X):
    with pytest.raises(DataTypeError) as caught:
        validation.check_data(X)
    assert caught.value.details["got"] == f"the class {X.__name__}"


BOOLS = np.random.default_rng(0).random((40, 2)) < 0.5


@pytest.mark.parametrize(
    "X",
    [
        BOOLS,
        BOOLS.tolist(),
        pd.DataFrame(BOOLS, columns=["a", "b"]),
        pd.DataFrame(BOOLS, columns=["a", "b"]).astype("boolean"),
        pl.DataFrame(BOOLS, schema=["a", "b"]),
        pd.DataFrame({"a": BOOLS[:, 0], "b": BOOLS[:, 1].astype(float)}),
        pd.DataFrame({"a": pd.array(BOOLS[:, 0]), "b": BOOLS[:, 1].astype(int)}),
        BOOLS.astype(object),
    ],
    ids=["array", "list", "frame", "nullable", "polars", "mixed", "nullable and int", "object"],
)
def test_truth_values_are_zeros_and_ones(X):
    out = validation.check_data(X)
    assert out.dtype == np.float64 and np.array_equal(out, BOOLS)
