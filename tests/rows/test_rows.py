"""`Rows`: checked once, with the names that a user has given, and the same figures as NumPy and scikit-learn
have."""

import pickle

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_allclose
from scipy import stats
from sklearn.base import BaseEstimator

from bayesgmm.errors import DataError, DataTypeError
from bayesgmm.rows.features import note_columns, rows_for
from bayesgmm.rows.rows import Rows

X = np.random.default_rng(0).normal(size=(40, 3)) * [1.0, 10.0, 0.1] + 5.0
WEIGHTS = np.random.default_rng(1).integers(0, 4, 40).astype(float)


def test_a_data_frame_keeps_the_names_of_its_rows_and_columns():
    frame = pd.DataFrame(X[:3], columns=["a", "b", "c"], index=["Ann", "Bob", "Ann"])
    rows = Rows.of(frame)
    assert rows.named and rows.names == ("a", "b", "c")
    assert list(rows.index) == ["Ann", "Bob", "Ann"]
    assert (rows.label(1), rows.row(1)) == ("Bob", "row 'Bob'")
    assert Rows.of(rows) is rows


@pytest.mark.parametrize("kind", [np.asarray, list, pl.DataFrame, pd.DataFrame])
def test_others_are_numbered_from_zero(kind):
    rows = Rows.of(kind(X))
    assert rows.is_numbered
    assert (rows.label(17), rows.row(17)) == ("17", "observation 17")
    assert np.array_equal(rows.values, X)
    assert rows.named == (kind is pl.DataFrame)


def test_rows_of_a_file_are_called_by_their_numbers_in_it():
    rows = Rows(
        X, ("a", "b", "c"), pd.RangeIndex(1, 41, name="row"), source="penguins.csv", has_file_numbers=True
    )
    assert rows.row(17) == "row 18 of penguins.csv"
    assert rows.taken(np.array([4, 17])).row(1) == "row 18 of penguins.csv"
    assert rows.renamed([f"p{i}" for i in range(40)]).row(17) == "row 'p17' of penguins.csv"


@pytest.mark.parametrize(("names", "details"), [(["a"], {"n_names": 1}), ([None] * 40, {"n_missing": 40})])
def test_rows_take_no_other_number_of_names(names, details):
    with pytest.raises(DataError) as caught:
        Rows.of(X).renamed(names)
    assert caught.value.details.items() >= details.items()


def test_a_missing_value_is_said_by_the_names_of_its_row_and_column(golden):
    frame = pd.DataFrame({"a": [1.0, 2.0], "b": [3.0, np.nan]}, index=["Ann", "Bob"])
    with golden.raises(DataError, row=1, column=1):
        Rows.of(frame)
    with golden.raises(DataError, row=1, column=1):
        Rows.of(frame.to_numpy())


def test_names_of_columns_that_are_partly_strings_are_refused(golden):
    with golden.raises(DataTypeError):
        Rows.of(pd.DataFrame(X, columns=["a", 1, 2]))


def test_weights_count_rows_several_times():
    rows, repeated = Rows.of(X, WEIGHTS), Rows.of(np.repeat(X, WEIGHTS.astype(int), axis=0))
    assert rows.total_weight == repeated.total_weight == len(repeated)
    for one, other in zip(rows.location_scale, repeated.location_scale, strict=True):
        assert_allclose(one, other, rtol=1e-13)
    value = np.where(WEIGHTS > 0, X[:, 0], np.nan)
    assert_allclose(rows.total(value), np.repeat(X[:, 0], WEIGHTS.astype(int)).sum(), rtol=1e-13)
    assert rows.counting.index.equals(rows.index[WEIGHTS > 0])
    assert np.array_equal(rows.counting.weights, WEIGHTS[WEIGHTS > 0])
    assert Rows.of(rows, np.ones(40)).total_weight == 40


def test_rows_are_repeated_as_often_as_they_weigh():
    whole = Rows.of(X, WEIGHTS).repeated
    assert np.array_equal(whole.values, np.repeat(X, WEIGHTS.astype(int), axis=0))
    assert not len(whole.weights)
    halves = Rows.of(X, np.full(40, 0.5)).repeated
    assert len(halves) == 20 and len(set(halves.index)) == 20
    plain = Rows.of(X)
    assert plain.repeated is plain


def test_rows_that_stand_for_very_many_are_repeated_in_proportion(monkeypatch):
    monkeypatch.setattr("bayesgmm.rows.rows.MOST_REPEATED", 1000)
    counts = Rows.of(X, WEIGHTS * 1e9).repeated.index.value_counts().reindex(range(40), fill_value=0)
    assert counts.sum() == 1000
    assert np.abs(counts - 1000 * WEIGHTS / WEIGHTS.sum()).max() <= 1


def test_locations_are_means_and_scales_standard_deviations_or_less():
    shift, scale = Rows.of(X).location_scale
    assert_allclose(shift, X.mean(axis=0))
    iqr = stats.iqr(X, axis=0, interpolation="inverted_cdf") / 1.349
    assert_allclose(scale, np.minimum(X.std(axis=0), iqr))


def test_standardised_values_are_made_once_and_lie_feature_by_feature():
    rows = Rows.of(X)
    made = rows.standardised(*rows.location_scale)
    assert_allclose(made, (X - rows.location_scale[0]) / rows.location_scale[1], rtol=1e-15)
    assert made.flags.f_contiguous and rows.columns.flags.f_contiguous
    assert rows.standardised(*rows.location_scale) is made
    assert rows.standardised(np.zeros(3), np.ones(3)) is not made


def test_a_copy_does_not_follow_the_input():
    source = X.copy()
    shared, own = Rows.of(source), Rows.of(source, copy=True)
    source[0] = 0.0
    assert np.array_equal(shared.values[0], np.zeros(3)) and np.array_equal(own.values, X)


def test_what_is_made_when_asked_for_is_not_pickled():
    rows = Rows.of(X)
    small = len(pickle.dumps(rows))
    assert rows.columns is rows.columns and rows.sha256
    rows.standardised(*rows.location_scale)
    assert len(pickle.dumps(rows)) == small
    again = pickle.loads(pickle.dumps(rows))
    assert np.array_equal(again.columns, X) and again.index.equals(rows.index)


class Knowing(BaseEstimator):
    """An estimator that knows columns."""


def test_an_estimator_learns_the_columns_of_rows_as_of_their_frame():
    frame = pd.DataFrame(X, columns=["a", "b", "c"])
    of_frame, of_rows = Knowing(), Knowing()
    rows = rows_for(of_frame, frame, reset=True)
    note_columns(of_rows, rows, reset=True)
    assert list(of_frame.feature_names_in_) == list(of_rows.feature_names_in_) == ["a", "b", "c"]
    assert of_frame.n_features_in_ == of_rows.n_features_in_ == 3
    with pytest.raises(ValueError, match="feature names should match"):
        rows_for(of_rows, Rows.of(frame[["b", "a", "c"]]), reset=False)
    unnamed = Knowing()
    note_columns(unnamed, X, reset=True)
    with pytest.raises(ValueError, match="expecting 3 features"):
        rows_for(unnamed, Rows.of(X[:, :2]), reset=False)
