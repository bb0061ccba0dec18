"""Names of columns that files, sentences or terminals cannot take: refused, or right everywhere."""

import io
import json
import unicodedata
import warnings
from contextlib import redirect_stdout

import arviz_stats as azs
import numpy as np
import pandas as pd
import pytest

from bayesgmm import (
    BayesGaussianMixture,
    EMGaussianMixture,
    compare,
    load,
    partition,
    plots,
    save,
    write_report,
)
from bayesgmm.errors import DataError, DataTypeError, ParameterError
from bayesgmm.posterior.verdict import Diagnostics
from bayesgmm.rows.rows import Rows
from bayesgmm.wording import Reason

VALUES = np.random.default_rng(0).normal(size=(60, 2)) + np.repeat([[0.0, 0.0], [6.0, 6.0]], 30, axis=0)
NAMES = {
    "empty": ["", " "],
    "blanks": [" ", "  "],
    "NUL": ["a\0b", "a"],
    "NUL at the end": ["a\0", "a"],
    "surrogate": ["\ud800", "b\udc80"],
    "escape sequence": ["\x1b[31mred", "\x1b]0;title\x07"],
    "direction": ["\u202eabc", "\u200b"],
    "lines": ["bill\nlength", "bill\tdepth\r"],
    "long": ["x" * 5000, "x" * 5001],
    "alike when printed": ["a\x1b", "a\0"],
    "as made": ["a", "a (0)"],
    "markup": ["<b>&", "{{ 7 }} $x$ %s"],
}
HOSTILE = ("\x1b", "\0", "\x07", "\ud800", "\u202e", "\r", "\t")
QUICK = {"method": "laplace", "draws": 60, "chains": 2, "random_state": 0, "progressbar": False}


def fitted(names, index=None):
    frame = pd.DataFrame(VALUES, columns=pd.Index(names, dtype=object), index=index)
    return BayesGaussianMixture(2, **QUICK).fit(frame), frame


def strings(value):
    """All texts of JSON, names among them."""
    if isinstance(value, dict):
        value = [*value, *value.values()]
    return (
        [s for v in value for s in strings(v)]
        if isinstance(value, list)
        else [value] * isinstance(value, str)
    )


def is_printable(text):
    return all(c == "\n" or unicodedata.category(c) not in ("Cc", "Cs", "Cf") for c in text)


@pytest.mark.parametrize("kind", NAMES)
def test_such_columns_are_right_everywhere(kind, tmp_path):
    names = NAMES[kind]
    bayes, frame = fitted(names)
    result = compare(bayes)
    assert bayes.rows_.names == tuple(names) == tuple(bayes.feature_names_in_)
    for thing in (bayes, bayes.verdict_, result, partition(bayes), result.findings[0]):
        assert is_printable(str(thing)), repr(str(thing))
    assert is_printable(result.parameters.to_string()) and result.parameters.index.is_unique
    assert result.sensitivity.index.is_unique
    again = load(save(bayes.add_log_likelihood().add_posterior_predictive(), tmp_path / "fit.nc"))
    assert again.rows_.names == tuple(names) == tuple(again.feature_names_in_)
    assert str(again) == str(bayes)
    assert np.array_equal(again.predict_proba(frame), bayes.predict_proba(frame))
    assert np.array_equal(again.em_.predict(frame), bayes.em_.predict(frame))
    assert bayes.posterior_["posterior"]["feature"].to_index().is_unique
    azs.summary(bayes.posterior_, var_names=["means"])
    assert bayes.model_.coords["feature"] == tuple(bayes.posterior_["posterior"]["feature"].to_numpy())
    report = write_report(bayes, tmp_path / "fit.json", format="json", comparison=result, progressbar=False)
    told = json.loads(report.read_text("utf-8"))
    assert all(map(is_printable, strings(told)))
    plots.plot_fit(bayes, result).canvas.draw()
    plots.plot_predictive(result).canvas.draw()


@pytest.mark.slow
def test_a_page_of_such_columns(tmp_path):
    bayes, _ = fitted(NAMES["escape sequence"])
    page = write_report(bayes, tmp_path / "page.html", interactive=False, progressbar=False).read_text(
        "utf-8"
    )
    assert not any(c in page for c in ("\x1b", "\0", "\x07"))


@pytest.mark.parametrize("names", [["a", "a"], ["", ""], ["\x1b[31m", "\x1b[31m"], [None, None], [3, 3]])
def test_columns_with_the_same_name_are_refused_in_a_sentence(names, golden):
    frame = pd.DataFrame(VALUES, columns=names)
    for model in (EMGaussianMixture(2), BayesGaussianMixture(2, **QUICK)):
        with golden.raises(DataError, name=str(names[0]), times=2):
            model.fit(frame)


@pytest.mark.parametrize("other", [1, None, np.nan, ("b", "c"), pd.NaT, b"b"])
def test_mixed_names_are_refused_in_a_sentence(other):
    frame = pd.DataFrame(VALUES, columns=pd.Index(["a", other], dtype=object, tupleize_cols=False))
    for model in (EMGaussianMixture(2), BayesGaussianMixture(2, **QUICK)):
        with pytest.raises(DataTypeError) as caught:
            model.fit(frame)
        assert caught.value.details["string"] == "a"


@pytest.mark.parametrize("names", [[None, 3], [1.5, 2.5], [pd.NaT, np.nan], [("a", "b"), ("c", "d")]])
def test_columns_without_a_string_have_no_names(names):
    frame = pd.DataFrame(VALUES, columns=pd.Index(names, dtype=object, tupleize_cols=False))
    bayes = BayesGaussianMixture(2, **QUICK).fit(frame)
    assert bayes.rows_.names == ("x0", "x1") and not bayes.rows_.named
    assert np.array_equal(bayes.predict(frame), bayes.predict(VALUES))


def test_hostile_names_of_rows(tmp_path):
    index = pd.Index([f"\x1b[31m{i}" for i in range(60)], name="\x1b[31m\0\ud800")
    bayes, _ = fitted(["a", "b"], index)
    assert is_printable(str(bayes)) and is_printable(str(compare(bayes)))
    assert is_printable(bayes.rows_.row(3))
    with warnings.catch_warnings(action="ignore"):
        memberships = bayes.memberships()
    for told in (str(memberships), repr(memberships)):
        assert is_printable(told) and "x1b[31m3" in told
    again = load(save(bayes, tmp_path / "fit.nc"))
    assert again.rows_.row(3) == bayes.rows_.row(3)
    report = write_report(bayes, tmp_path / "fit.html", interactive=False, progressbar=False)
    assert "\x1b" not in report.read_text("utf-8")


def test_sentences_of_such_names_obey_nobody():
    names = [*HOSTILE, "x\x1b[31m"]
    reason = Reason("chains_disagree", {"scope": "components", "r_hat": 2.0, "at": "".join(names)} | {
        "wanted": 1.01, "chain_means": (1.0,)
    })  # fmt: skip
    unknown = Reason("never_heard_of", {"at": "\x1b[31m"})
    assert is_printable(str(reason)) and is_printable(str(unknown))
    assert isinstance(Diagnostics(1.0, "", 1.0, "").r_hat_at, str)


def test_errors_and_warnings_of_such_names_obey_nobody():
    bad = "\x1b[31mred"
    flat = pd.DataFrame({bad: np.ones(9), "b": np.arange(9.0)})
    holed = pd.DataFrame({bad: [1.0, np.nan], "b": [1.0, 2.0]}, index=["\x1b[0m", "\x1b[1m"])
    em = EMGaussianMixture(1).fit(pd.DataFrame({bad: VALUES[:, 0], "b": VALUES[:, 1]}))
    refused = [
        (DataError, lambda: EMGaussianMixture(1).fit(flat)),
        (DataError, lambda: Rows.of(holed)),
        (ParameterError, lambda: EMGaussianMixture(1, order="none").fit(em_frame())),
        (ValueError, lambda: em.predict(pd.DataFrame(VALUES, columns=["\x1b[32m", "b"]))),
    ]
    for kind, call in refused:
        with pytest.raises(kind) as caught:
            call()
        assert is_printable(str(caught.value)), repr(str(caught.value))
    with warnings.catch_warnings(record=True) as told, redirect_stdout(io.StringIO()) as printed:
        warnings.simplefilter("always")
        flat = VALUES[:6].reshape(3, 4)
        EMGaussianMixture(1, verbose=2).fit(pd.DataFrame(flat, columns=[bad, "b", "c", "d"]))
        print(em.standard_errors(pd.DataFrame({bad: VALUES[:, 0], "b": VALUES[:, 1]})))
    assert told and all(is_printable(str(w.message)) for w in told) and is_printable(printed.getvalue())


def em_frame():
    return pd.DataFrame({"\x1b[31m": VALUES[:, 0], "b": VALUES[:, 1]})
