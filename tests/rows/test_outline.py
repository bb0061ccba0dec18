"""What is quickly known of columns, against NumPy's own of all rows at once."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from bayesgmm.rows import outline
from bayesgmm.rows.rows import Rows


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("n", [1, 7, 64, 65, 200])
def test_in_parts_of_the_rows_as_in_one(n, order, monkeypatch):
    monkeypatch.setattr(outline, "ROWS_AT_ONCE", 64)
    X = np.asarray(np.random.default_rng(n).normal(1e6, 1.0, size=(n, 3)), order=order)
    found = outline.outline_of(X)
    assert_array_equal(found.low, X.min(axis=0))
    assert_array_equal(found.high, X.max(axis=0))
    assert_allclose(found.mean, X.mean(axis=0), rtol=1e-14)
    # The mean itself is known to 1e-10 here.
    assert_allclose(found.std, X.std(axis=0), rtol=1e-8, atol=1e-9)


def test_numbers_whose_squares_overflow_are_told_and_not_warned_of():
    found = outline.outline_of(np.array([[1e200, 1.0], [-1e200, 2.0]]))
    assert not np.isfinite(found.std[0]) and found.std[1] == 0.5


@pytest.mark.parametrize("n", [2, 3, 4, 5, 8, 101])
def test_the_scale_of_columns_goes_by_observed_quartiles(n):
    X = np.random.default_rng(n).standard_cauchy(size=(n, 2))
    plain = Rows.of(X)
    low, high = np.quantile(X, [0.25, 0.75], axis=0, method="inverted_cdf")
    robust = (high - low) / 1.349
    expected = np.where(robust > 0, np.minimum(robust, X.std(axis=0)), X.std(axis=0))
    assert_allclose(plain.location_scale[1], expected, rtol=1e-12)
    assert_allclose(plain.location_scale[0], X.mean(axis=0), rtol=1e-12)
