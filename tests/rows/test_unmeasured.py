"""Columns that are no measurements: found by codes and values, told once a fit, never of the data sets."""

import warnings

import numpy as np
import pandas as pd
import pytest

from bayesgmm import BayesGaussianMixture, EMGaussianMixture, datasets, select_components
from bayesgmm.errors import ColumnWarning, DataError
from bayesgmm.rows import checks
from bayesgmm.rows.files import read_table
from bayesgmm.rows.rows import Rows
from bayesgmm.rows.unmeasured import find_unmeasured

N = 200


def rng(seed=0):
    return np.random.default_rng(seed)


def found(**columns):
    """Code and values of what is found, beside a column that was measured."""
    frame = pd.DataFrame({"measured": rng(99).normal(size=len(next(iter(columns.values())))), **columns})
    return {r.code: r.values for r in find_unmeasured(Rows.of(frame))}


@pytest.mark.parametrize("name", datasets.names())
def test_nothing_is_told_of_the_data_sets(name):
    data = datasets.load(name)
    assert find_unmeasured(Rows.of(pd.DataFrame(data.X, columns=data.feature_names))) == []


@pytest.mark.parametrize("digits", [None, 2, 1, 0])
@pytest.mark.parametrize("seed", range(5))
def test_nothing_is_told_of_measurements_however_rounded(digits, seed):
    x = np.concatenate([rng(seed).normal(0, 4, 150), rng(seed).normal(30, 6, 150)])
    y = rng(seed).gamma(3, 9, 300)
    z = rng(seed).standard_t(3, 300) * 10
    if digits is not None:
        x, y, z = x.round(digits), y.round(digits), z.round(digits)
    assert found(x=x, y=y, z=z) == {}


@pytest.mark.parametrize(
    ("column", "first", "last", "times"),
    [
        (np.arange(N) + 1.0, 1, N, 1),
        (np.arange(N)[::-1] * 1.0, 0, N - 1, 1),
        (rng().permutation(N) * 5.0 + 100, 100, 100 + 5 * (N - 1), 1),
        (np.linspace(0, 1, N), 0, 1, 1),
        # Rows have gone.
        (np.delete(np.arange(N + 2) + 1.0, [3, 50]), 1, N + 2, 1),
        # Within groups.
        (np.tile(np.arange(50.0), 4), 0, 49, 4),
    ],
    ids=["from 1", "downwards", "permuted", "fractions", "gaps", "groups"],
)
def test_columns_that_number_the_rows(column, first, last, times):
    values = found(n=column)["columns_number_rows"]
    assert values["names"] == ("n",)
    assert (values["first"], values["last"], values["times"]) == ((first,), (last,), (times,))


@pytest.mark.parametrize(
    ("column", "n"),
    [
        (rng().integers(0, 2, N), 2),
        (rng().integers(1, 6, N), 5),
        (rng().choice([0.5, 1.5, 9.0], N), 3),
        (rng().integers(1, 8, N), 7),
    ],
)
def test_columns_of_few_values(column, n):
    values = found(a=column, b=column)["columns_of_few_values"]
    assert values["names"] == ("a", "b")
    assert [len(v) for v in values["values"]] == [n, n]


@pytest.mark.parametrize(("low", "high"), [(-np.inf, 255), (0, np.inf), (0, 255)])
def test_columns_at_a_bound(low, high):
    x = rng().normal(130, 90, N).clip(low, high)
    values = found(x=x.round())["columns_at_a_bound"]
    wanted = [(b, int((x == b).sum())) for b in (low, high) if np.isfinite(b)]
    assert list(zip(values["bounds"], values["rows"], strict=True)) == wanted
    assert set(found(x=x)) == {"columns_at_a_bound"}


@pytest.mark.parametrize("code", [-999.0, 999.0, 9999.0, -9999.0, -99.0, 99.9, -32768.0, 1e20])
@pytest.mark.parametrize("cells", [1, 4])
def test_codes_among_values(code, cells):
    x = rng().normal(10, 3, N)
    x[:cells] = code
    values = found(x=x)["codes_among_values"]
    assert (values["names"], values["codes"], values["cells"]) == (("x",), (code,), (cells,))


def test_two_codes_and_values_that_are_none():
    x = rng().normal(10, 3, N)
    x[:3] = [-999, 9999, 9999]
    assert found(x=x)["codes_among_values"]["codes"] == (9999.0, -999.0)
    for value in (1000.0, 998.0, 9.0, 19.0):
        x[:3] = value
        assert "codes_among_values" not in found(x=x)
    # Not far from all others.
    assert "codes_among_values" not in found(x=np.append(rng().uniform(0, 90, N), 99.0))


@pytest.mark.parametrize("whole", [1, 100])
@pytest.mark.parametrize("digits", [None, 1, 2])
@pytest.mark.parametrize("seed", range(3))
def test_columns_that_add_up(whole, digits, seed):
    parts = rng(seed).dirichlet([4, 3, 2, 5], N) * whole
    if digits is not None:
        parts = parts.round(digits + (whole == 1) * 2)
    # Others between 0 and the whole take no part in it.
    other = rng(seed + 50).uniform(0, whole, N)
    columns = dict(zip("abcd", parts.T, strict=True)) | {"other": other}
    values = found(**columns)["columns_add_up"]
    assert (values["names"], values["whole"]) == (("a", "b", "c", "d"), whole)


def test_columns_that_nearly_add_up_are_not_called_a_whole():
    parts = rng().dirichlet([4, 3, 2], N) * 100 + rng(1).normal(0, 0.5, (N, 3))
    assert found(**dict(zip("abc", parts.T, strict=True))) == {}


def test_parts_of_a_whole_are_refused_with_a_remedy(golden):
    X = rng().dirichlet([4, 3, 2], 50) * 100
    with golden.raises(DataError, columns=["a", "b", "c"]):
        checks.check_collinear(X, ["a", "b", "c"])


def test_of_few_rows_nothing_is_told():
    assert find_unmeasured(Rows.of(np.arange(19.0)[:, None])) == []


# ------------------------------------------------------------ told once, before the fit


FRAME = pd.DataFrame({"id": np.arange(60.0) + 1, "x": rng(3).normal(size=60)})


def told(fit):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        fit()
    return [w for w in caught if "rows rather than" in str(w.message)]


def test_it_is_told_once_a_fit():
    quick = {"draws": 100, "method": "laplace", "random_state": 0, "progressbar": False}
    bayes = BayesGaussianMixture(1, **quick)
    for fit in (
        lambda: bayes.fit(FRAME),
        lambda: EMGaussianMixture(1, random_state=0).fit(FRAME),
        lambda: select_components(FRAME, [1, 2], draws=100, n_bootstrap=0, random_state=0, progressbar=False),
    ):
        (one,) = told(fit)
        assert one.category is ColumnWarning
        assert issubclass(ColumnWarning, UserWarning)
        assert one.filename == __file__
    # Of rows that were looked at before nothing is said again.
    assert told(lambda: bayes.predict_proba(FRAME)) == []
    rows = Rows.of(FRAME)
    assert len(told(lambda: [EMGaussianMixture(1).fit(rows) for _ in range(3)])) == 1


def test_rows_of_weight_zero_do_not_count():
    frame = pd.DataFrame({"x": [*rng().normal(10, 1, 50), -999.0]})
    rows = Rows.of(frame, np.append(np.ones(50), 0))
    assert find_unmeasured(rows.counting) == []


def test_sentences(golden, tmp_path):
    likert = {f"q{j}": rng(j).integers(1, 6, N) for j in range(8)}
    x = rng().normal(10, 3, N)
    x[:2] = -999
    frame = pd.DataFrame(
        {
            "id": np.arange(N) + 1,
            "x": x,
            "grey": rng(1).normal(200, 60, N).clip(0, 255),
            **dict(zip(("sand", "silt", "clay"), rng(2).dirichlet([3, 3, 3], N).round(3).T, strict=True)),
            **likert,
        }
    )
    for is_file in (False, True):
        if is_file:
            frame.to_csv(tmp_path / "x.csv", index=False)
            rows = read_table(tmp_path / "x.csv").rows
        else:
            rows = Rows.of(frame)
        reasons = find_unmeasured(rows)
        assert [r.code for r in reasons] == [
            "columns_number_rows",
            "columns_of_few_values",
            "columns_at_a_bound",
            "codes_among_values",
            "columns_add_up",
        ]
        golden("\n".join(map(str, reasons)))
    golden("\n".join(map(str, find_unmeasured(Rows.of(pd.DataFrame(likert))))))
