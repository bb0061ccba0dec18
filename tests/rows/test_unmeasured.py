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


HONEST = {
    "rounded normals": lambda r, n: r.normal(170, 10, n).round(r.integers(0, 3)),
    "two groups": lambda r, n: np.where(r.random(n) < 0.4, r.normal(0, 1, n), r.normal(5, 2, n)).round(1),
    "lognormals": lambda r, n: r.lognormal(3, 1, n).round(r.integers(1, 4)),
    "counts": lambda r, n: r.poisson(r.uniform(5, 40), n),
    "counts of trials": lambda r, n: r.binomial(20, r.uniform(0.3, 0.7), n),
    "uniforms": lambda r, n: r.uniform(0, 100, n).round(r.integers(0, 4)),
    "waiting times": lambda r, n: r.exponential(30, n).round(r.integers(0, 3)),
    "ages": lambda r, n: r.integers(18, 95, n),
    "percentages": lambda r, n: (100 * r.beta(2, 3, n)).round(r.integers(0, 3)),
    "prices": lambda r, n: np.ceil(r.lognormal(3, 1, n)) - 0.01,
    "years of single events": lambda r, n: r.integers(1900, 2025, n),
    "heavy tails": lambda r, n: r.standard_t(3, n).round(2) * 10,
}


@pytest.mark.parametrize("kind", HONEST)
@pytest.mark.parametrize("seed", range(20))
def test_nothing_is_told_of_honest_columns(kind, seed):
    r = rng(seed)
    assert found(x=HONEST[kind](r, int(r.integers(60, 800)))) == {}


@pytest.mark.parametrize(
    ("column", "first", "last", "gaps"),
    [
        (np.arange(150) + 1.0, 1, 150, False),
        (np.arange(N)[::-1] * 1.0, 0, N - 1, False),
        (rng().permutation(N) * 1.0, 0, N - 1, False),
        # Rows have gone.
        (np.delete(np.arange(N + 2) + 1.0, [3, 50]), 1, N + 2, True),
    ],
    ids=["from 1", "downwards", "permuted", "gaps"],
)
def test_columns_that_number_the_rows(column, first, last, gaps):
    values = found(n=column)["columns_number_rows"]
    assert (values["names"], values["gaps"]) == (("n",), (gaps,))
    assert (values["first"], values["last"]) == ((first,), (last,))
    assert set(found(n=column)) == {"columns_number_rows"}


@pytest.mark.parametrize(
    ("column", "first", "last", "times"),
    [
        (np.arange(1980.0, 2020), 1980, 2019, 1),
        (np.linspace(0, 10, N), 0, 10, 1),
        (np.linspace(0, 10, N, dtype=np.float32).astype(float), 0, 10, 1),
        ((np.arange(N) + 0.5) / N, 0.5 / N, 1 - 0.5 / N, 1),
        (rng().permutation(N) * 5.0 + 100, 100, 100 + 5 * (N - 1), 1),
        # Days of each of four units, and minutes since 1970.
        (np.tile(np.arange(50.0), 4), 0, 49, 4),
        (1.6e9 + 60 * np.arange(N), 1.6e9, 1.6e9 + 60 * (N - 1), 1),
    ],
    ids=["years", "grid", "single precision", "quantiles", "permuted", "repeated", "time"],
)
def test_designs_and_times_are_no_numbers_of_rows(column, first, last, times):
    values = found(t=column)["columns_equally_spaced"]
    assert (values["names"], values["times"]) == (("t",), (times,))
    assert np.allclose([values["first"], values["last"]], [[first], [last]], rtol=1e-12)
    assert set(found(t=column)) == {"columns_equally_spaced"}


@pytest.mark.parametrize(
    "column",
    [
        np.repeat(np.arange(2010.0, 2020), 8),
        np.repeat(np.arange(8.0), 5),
        np.delete(np.arange(20.0, 45), [3, 8, 13, 20]),
        np.sort(rng().integers(0, 2000, N)) * 1.0,
        # Not each value equally often.
        np.append(np.arange(40.0), [20.0, 21.0]),
    ],
    ids=["few years", "doses", "distinct integers", "integers", "uneven"],
)
def test_few_steps_and_unequal_ones_are_not_called_a_design(column):
    assert found(x=column) == {}


@pytest.mark.parametrize("values", [[0, 1], [1, 2, 3], [0.5, 1.5, 9.0]])
def test_columns_of_few_values(values):
    column = rng().choice(values, N)
    told = found(a=column, b=column)
    assert set(told) == {"columns_of_few_values"}
    assert told["columns_of_few_values"]["names"] == ("a", "b")
    assert told["columns_of_few_values"]["values"] == (tuple(values), tuple(values))


@pytest.mark.parametrize(
    "column",
    [
        rng().integers(1, 6, N),
        rng().integers(1, 8, N),
        rng().poisson(1, N),
        rng().normal(1.75, 0.08, N).round(1),
        rng().choice([1, 2, 5, 20], N),
    ],
    ids=["Likert 5", "Likert 7", "counts", "heights", "unequal steps"],
)
def test_coarse_columns(column):
    told = found(x=column)
    assert set(told) == {"columns_of_coarse_values"}
    assert told["columns_of_coarse_values"]["values"] == (tuple(np.unique(column)),)
    assert 4 <= len(np.unique(column)) <= 7


@pytest.mark.parametrize(("low", "high"), [(-np.inf, 255), (0, np.inf), (0, 255)])
def test_columns_at_a_bound(low, high):
    x = rng().normal(130, 90, N).clip(low, high)
    values = found(x=x.round())["columns_at_a_bound"]
    wanted = [(b, int((x == b).sum())) for b in (low, high) if np.isfinite(b)]
    assert list(zip(values["bounds"], values["rows"], strict=True)) == wanted
    assert set(found(x=x)) == {"columns_at_a_bound"}


@pytest.mark.parametrize("digits", [None, 2, 1])
@pytest.mark.parametrize("bound", [7.3, 12.1])
def test_limits_of_detection_are_bounds(digits, bound):
    for seed in range(10):
        x = rng(seed).normal(10, 3, N)
        x = np.maximum(x, bound) if bound < 10 else np.minimum(x, bound)
        x = x if digits is None else x.round(digits)
        values = found(x=x)["columns_at_a_bound"]
        assert (values["bounds"], values["rows"]) == ((bound,), ((x == bound).sum(),))


@pytest.mark.parametrize("far", [1, -1])
def test_a_cluster_that_rounding_made_one_value_is_at_no_bound(far):
    for seed in range(40):
        r = rng(seed)
        clusters = [r.normal(0.2, 0.02, 60), r.normal(1.5, 0.3, 60), r.normal(2.2, 0.3, 60)]
        assert "columns_at_a_bound" not in found(x=far * np.concatenate(clusters).round(1))


def test_many_zeros_are_at_a_bound_though_others_are_far():
    x = np.append(np.zeros(80), rng().normal(5, 1, 120))
    assert found(x=x)["columns_at_a_bound"]["rows"] == (80,)


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


@pytest.mark.parametrize("price", [9.99, 99.99, 999.99])
def test_prices_are_no_codes(price):
    x = (price * rng().uniform(0.3, 1, N)).round(2)
    x[:4] = price
    assert found(x=x) == {}


def test_a_code_that_another_column_measures_is_not_to_be_dropped_everywhere(tmp_path, golden):
    kids = np.append(rng().integers(0, 10, N - 3), [99, 99, -999])
    weight = np.append(rng(1).integers(45, 105, N - 1), 99)
    frame = pd.DataFrame(
        {"kids": kids, "weight": weight, "height": np.append(rng(2).normal(170, 9, N - 1), -999)}
    )
    (reason,) = (r for r in find_unmeasured(Rows.of(frame)) if r.code == "codes_among_values")
    assert reason.values["codes"] == (-999.0, 99.0, -999.0)
    assert reason.values["elsewhere"] == ((), ("weight",), ())
    golden(str(reason))
    frame.to_csv(tmp_path / "x.csv", index=False)
    (reason,) = (r for r in find_unmeasured(read_table(tmp_path / "x.csv").rows) if "codes_a" in r.code)
    golden(str(reason))
    # Where it is a code of the other column as well, none is lost.
    frame["weight"] = np.append(rng(1).integers(45, 65, N - 1), 99)
    (reason,) = (r for r in find_unmeasured(Rows.of(frame)) if r.code == "codes_among_values")
    assert reason.values["elsewhere"] == 4 * ((),)


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


def test_a_constant_column_is_no_part_of_a_whole():
    parts = dict(zip("abc", (rng().dirichlet([4, 3, 2], N) * 100).round(1).T, strict=True))
    assert found(**parts, d=np.full(N, 5.0))["columns_add_up"]["names"] == ("a", "b", "c")
    assert found(c=np.full(N, 5.0), d=np.zeros(N)) == {}


def test_parts_of_a_whole_are_refused_with_a_remedy(golden):
    X = rng().dirichlet([4, 3, 2], 50) * 100
    with golden.raises(DataError, columns=["a", "b", "c"]):
        checks.check_collinear(X, ["a", "b", "c"])


def test_of_few_rows_nothing_is_told():
    assert find_unmeasured(Rows.of(np.arange(19.0)[:, None])) == []


# ------------------------------------------------------------ many rows


MANY = 20_000


def test_of_many_rows_the_same_is_told():
    r = rng(5)
    rare = r.normal(10, 3, MANY)
    rare[17] = -999
    columns = {
        "id": r.permutation(MANY) + 1.0,
        "gaps": np.sort(r.choice(MANY + 9, MANY, replace=False)) + 1.0,
        "time": np.repeat(np.linspace(0, 7, MANY // 4), 4),
        "binary": r.integers(0, 2, MANY),
        "likert": r.integers(1, 6, MANY),
        # Values that some of the rows do not hold are counted, too.
        "mostly": np.append(np.arange(1, 11), np.ones(MANY - 10)),
        "grey": r.normal(130, 80, MANY).clip(0, 255).round(),
        "limit": np.maximum(r.normal(10, 3, MANY), 5.2),
        "rare": rare,
        **dict(zip(("sand", "silt", "clay"), (r.dirichlet([4, 3, 2], MANY) * 100).round(1).T, strict=True)),
    }
    honest = {kind: make(r, MANY) for kind, make in HONEST.items()}
    told = {code: values["names"] for code, values in found(**columns, **honest).items()}
    assert told["columns_number_rows"] == ("id", "gaps")
    assert told["columns_equally_spaced"] == ("time",)
    assert told["columns_of_few_values"] == ("binary",)
    assert told["columns_of_coarse_values"] == ("likert",)
    assert told["columns_at_a_bound"] == ("mostly", "grey", "grey", "limit")
    assert told["codes_among_values"] == ("rare",)
    assert told["columns_add_up"] == ("sand", "silt", "clay")


def test_columns_are_sorted_only_where_something_may_be_told(monkeypatch):
    sizes = []
    unique = np.unique
    monkeypatch.setattr(np, "unique", lambda x, **o: (sizes.append(len(x)), unique(x, **o))[1])
    honest = {kind: make(rng(6), MANY) for kind, make in HONEST.items()}
    assert found(**honest) == {}
    assert max(sizes) < MANY
    found(**honest, id=np.arange(MANY))
    assert sizes.count(MANY) == 1


def test_the_largest_numbers_are_no_error():
    assert found(x=rng().normal(size=N) * 1e307) == {}


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
            "year": np.repeat(np.arange(N / 4) + 1970, 4),
            "sex": rng(4).integers(0, 2, N),
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
            "columns_equally_spaced",
            "columns_of_few_values",
            "columns_of_coarse_values",
            "columns_at_a_bound",
            "codes_among_values",
            "columns_add_up",
        ]
        golden("\n".join(map(str, reasons)))
    golden("\n".join(map(str, find_unmeasured(Rows.of(pd.DataFrame(likert))))))
