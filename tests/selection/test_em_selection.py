"""Choosing by EM alone: the table against scikit-learn, fits of their own and its formulas; what has no say;
refusals."""

import subprocess
import sys
import warnings

import numpy as np
import pandas as pd
import pytest
from covariance_families import TABLE, free_parameters
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture

from bayesgmm import EMGaussianMixture, datasets, select_components
from bayesgmm.em import telling
from bayesgmm.errors import DataError, ParameterError
from bayesgmm.mixture import families
from bayesgmm.rows.rows import Rows
from bayesgmm.selection import EMSelection, em_selection
from bayesgmm.selection.by_em import IN_REACH
from bayesgmm.selection.em_selection import Choice
from bayesgmm.support.clock import Clock

SKLEARN = ("full", "tied", "diag", "spherical")
# Tolerance of a log-likelihood that was not run to the end, and twice that of BIC.
LOOSE = 5e-3


def chosen(X, ks, names, **settings):
    return select_components(X, ks, families=names, criteria="em", **({"random_state": 0} | settings))


@pytest.fixture(scope="module")
def iris():
    return datasets.iris().X


@pytest.fixture(scope="module")
def choice(iris):
    return chosen(iris, [4, 1, 2, 3], list(TABLE))


def test_the_table_is_that_of_its_formulas(choice, iris):
    table, (n, d) = choice.table, iris.shape
    assert list(table.index) == [(name, k) for name in TABLE for k in (1, 2, 3, 4)]
    assert (table["verdict"] == "accepted").all()
    for (name, k), row in table.iterrows():
        p = free_parameters(name, k, d)
        assert row["n_parameters"] == p
        assert row["bic"] == pytest.approx(-2 * row["log_likelihood"] + p * np.log(n), abs=1e-9)
        assert row["aic"] == pytest.approx(-2 * row["log_likelihood"] + 2 * p, abs=1e-9)
        # Entropy is that of one component, none, or more.
        assert row["icl"] - row["bic"] == pytest.approx(0, abs=1e-9) if k == 1 else row["icl"] > row["bic"]


@pytest.mark.parametrize("name", SKLEARN)
def test_no_value_is_above_scikit_learns(choice, iris, name):
    for k in (1, 2, 3, 4):
        peer = GaussianMixture(k, covariance_type=name, n_init=10, tol=1e-8, max_iter=1000, random_state=0)
        bic = peer.fit(iris).bic(iris)
        found = choice.table.loc[(name, k), "bic"]
        # scikit-learn adds 1e-6 to variances.
        assert found <= bic + 0.02
        if k == 1:
            assert found == pytest.approx(bic, abs=0.02)


def test_what_is_in_reach_is_what_fits_of_their_own_find(choice, iris):
    table = choice.table
    near = table.index[table["bic"] < table["bic"].min() + IN_REACH]
    assert len(near) >= 2
    for name, k in near:
        em = EMGaussianMixture(k, covariance_type=name, random_state=3).fit(iris)
        row = table.loc[(name, k)]
        assert row["log_likelihood"] >= em.log_likelihood_ - LOOSE
        if abs(row["log_likelihood"] - em.log_likelihood_) < LOOSE:
            assert row["icl"] == pytest.approx(em.icl(iris), abs=0.1)


def test_few_values_fall_short_elsewhere(choice, iris):
    gaps = []
    for (name, k), row in choice.table.iterrows():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            em = EMGaussianMixture(k, covariance_type=name, random_state=0).fit(iris)
        gaps.append(em.log_likelihood_ - row["log_likelihood"])
    assert np.mean(np.array(gaps) > 0.1) <= 0.1
    assert max(gaps) < 10


def test_the_best_model_is_that_of_an_estimator_or_better(choice, iris):
    em = choice.best_model_
    assert Choice(em.covariance_type, em.n_components) == choice.best["bic"] == ("full", 2)
    alone = EMGaussianMixture(em.n_components, covariance_type=em.covariance_type, random_state=0).fit(iris)
    assert em.log_likelihood_ >= alone.log_likelihood_ - 1e-9 * abs(alone.log_likelihood_)
    assert em.converged_
    assert not em.modes_["spurious"][0]
    row = choice.table.loc[choice.best["bic"]]
    assert row["bic"] == em.bic(iris)
    assert row["icl"] == em.icl(iris)
    assert row["aic"] == em.aic(iris)


def test_a_known_better_mixture_wins_over_the_search(iris):
    alone = EMGaussianMixture(3, n_init=1, init_params="random", max_iter=3, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        poor = alone.fit(iris).log_likelihood_
        better = EMGaussianMixture(3, random_state=0).fit(iris)
        alone.fit_within(iris, Clock(None), known=[better.params_])
    assert poor < better.log_likelihood_ - 1
    assert alone.log_likelihood_ == pytest.approx(better.log_likelihood_, abs=1e-6)


def test_best_is_the_smallest_that_has_a_say(choice):
    for name in ("bic", "icl", "aic"):
        assert choice.best[name] == choice.table[name].idxmin()
    spoilt = choice.table.copy()
    spoilt.loc[("full", 2), "verdict"] = "spurious"
    spoilt.loc[("full", 3), "verdict"] = "failed"
    rest = spoilt.drop([("full", 2), ("full", 3)])
    assert em_selection.preferred(spoilt)["bic"] == rest["bic"].idxmin()
    found = EMSelection(spoilt, em_selection.preferred(spoilt), None)
    assert np.isnan(found.wide("bic").loc[[2, 3], "full"]).all()
    assert len(found.ranking) == len(spoilt) - 2
    assert [f.code for f in found.findings][-2:] == ["fits_spurious", "fits_failed"]
    assert [f.values["n"] for f in found.findings[-2:]] == [1, 1]
    spoilt["verdict"] = "spurious"
    nothing = EMSelection(spoilt, em_selection.preferred(spoilt), None)
    assert nothing.best == {}
    assert [f.code for f in nothing.findings] == ["no_fit_accepted", "fits_spurious"]
    assert nothing.verdict in str(nothing)


def test_the_wide_table_has_the_same_numbers(choice):
    for name in ("bic", "icl", "aic", "log_likelihood"):
        wide = choice.wide(name)
        assert list(wide.columns) == list(TABLE)
        assert list(wide.index) == [1, 2, 3, 4]
        for (family, k), row in choice.table.iterrows():
            assert wide.loc[k, family] == row[name]


def test_findings(choice, golden):
    first, *others = choice.findings
    assert first.code == "families_preferred"
    stated = {}
    for family, k, names in zip(
        first.values["families"], first.values["ks"], first.values["criteria"], strict=True
    ):
        stated |= dict.fromkeys(names, (family, k))
    assert stated == choice.best
    assert [f.code for f in others] == ["spurious_set_aside"] * len(others)
    for aside in others:
        for *at, gain in zip(*(aside.values[name] for name in ("families", "ks", "gains")), strict=True):
            row = choice.table.loc[tuple(at)]
            assert any(
                row[name] - 2 * gain < choice.table.loc[best, name] for name, best in choice.best.items()
            )
    golden(choice.verdict)
    assert choice.verdict in str(choice)
    assert "574.0" in str(choice)


def a_table(bic, **columns):
    index = pd.MultiIndex.from_tuples(
        [("full", 1), ("full", 2), ("tied", 1), ("tied", 2)], names=["covariance_type", "n_components"]
    )
    usual = {name: np.array(bic, float) for name in ("bic", "icl", "aic", "log_likelihood", "n_parameters")}
    return pd.DataFrame(usual | {"verdict": "accepted"} | columns, index=index)


def test_rivals_and_the_largest_number_are_told():
    table = a_table([9, 1, 2.5, 3.1])
    found = EMSelection(table, em_selection.preferred(table), None)
    told = {f.code: f.values for f in found.findings}
    assert told["hardly_worse"]["families"] == ("tied",)
    assert told["hardly_worse"]["ks"] == (1,)
    assert told["largest_number_tried"] == {"k": 2}
    table = a_table([1, 9, 9, 9])
    found = EMSelection(table, em_selection.preferred(table), None)
    assert [f.code for f in found.findings] == ["families_preferred"]


def test_html_holds_the_sentences_and_the_numbers(choice):
    html = choice._repr_html_()
    assert choice.verdict in html
    assert f"{choice.table['bic'].min():.4g}" in html
    assert "<script" not in html


def test_one_seed_gives_one_table(choice, iris):
    again = chosen(iris, [1, 2, 3, 4], list(TABLE), cores=1)
    pd.testing.assert_frame_equal(again.table, choice.table)
    assert again.best == choice.best


def test_units_change_nothing_but_the_constant(choice, iris):
    units = np.array([1e-3, 7.0, 1e4, 0.3])
    names = [name for name in TABLE if families.family_of(name).by_feature]
    found = chosen(iris * units + 5, [1, 2, 3, 4], names)
    shift = 2 * len(iris) * np.log(units).sum()
    wanted = choice.table.loc[names, "bic"] + shift
    near = wanted < wanted.min() + IN_REACH
    np.testing.assert_allclose(found.table["bic"][near], wanted[near], atol=0.05)
    assert found.best["bic"] == choice.best["bic"]


def test_of_one_column_the_same_families_are_fitted_once():
    X = datasets.galaxies().X
    found = chosen(X, [1, 2, 3], ["full", "tied", "diag", "tied_spherical"])
    assert list(found.table.index.unique("covariance_type")) == ["full", "tied"]
    assert found.coinciding == (("diag", "full"), ("tied_spherical", "tied"))
    assert [f.values for f in found.findings if f.code == "families_coincide"] == [
        {"kept": "full", "names": ("diag",)},
        {"kept": "tied", "names": ("tied_spherical",)},
    ]
    every = chosen(X, [1, 2, 3], "all")
    assert len(every.table.index.unique("covariance_type")) == 2
    assert every.table["bic"].min() == pytest.approx(found.table["bic"].min(), abs=1e-4)


def test_all_families_are_distinct(iris):
    found = chosen(iris, [1, 2], "all")
    names = found.table.index.unique("covariance_type")
    members = [families.family_of(name) for name in names]
    assert len({member.name for member in members}) == len(names) == 14
    assert {member.name for member in members} >= {name for name in TABLE if families.family_of(name).mclust}


def test_a_spurious_maximum_has_no_say():
    """Nine components for 82 galaxies: each maximum has one around two or three of them."""
    found = chosen(datasets.galaxies().X, [3, 9], ["full"])
    assert found.table.loc[("full", 9), "verdict"] == "spurious"
    assert found.best == {"bic": ("full", 3), "icl": ("full", 3), "aic": ("full", 3)}
    alone = chosen(datasets.galaxies().X, [9], ["full"])
    assert alone.best == {}
    assert alone.best_model_ is None
    assert alone.findings[0].code == "no_fit_accepted"


def test_a_higher_maximum_that_looks_spurious_is_told_once(golden):
    """Five components for the galaxies: a search of its own knows that maximum, and calls it spurious."""
    X = datasets.galaxies().X
    found = chosen(X, range(1, 7), "all")
    modes = EMGaussianMixture(5, random_state=0).fit(X).modes_
    highest = modes.loc[modes["log_likelihood"].idxmax()]
    assert highest["spurious"]
    at = Choice("VII", 5)
    known = found.table.loc[at, "log_likelihood"] + found.set_aside[at]
    assert known == pytest.approx(highest["log_likelihood"], abs=LOOSE)
    (told,) = [f for f in found.findings if f.code == "spurious_set_aside"]
    assert told.values == {"families": ("VII",), "ks": (5,), "gains": (found.set_aside[at],)}
    golden(told)


@pytest.mark.filterwarnings("error::sklearn.exceptions.ConvergenceWarning")
def test_what_the_preferred_fit_has_set_aside_is_told_with_the_others(monkeypatch):
    """Once, and not by a warning of that fit, which names neither family nor number."""
    X = datasets.galaxies().X
    monkeypatch.setattr(telling, "gained_by_chance", lambda problem: 0.0)
    with pytest.warns(ConvergenceWarning):
        alone = EMGaussianMixture(5, covariance_type="VII", random_state=0).fit(X)
    found = chosen(X, [5], ["VII"])
    (told,) = [f for f in found.findings if f.code == "spurious_set_aside"]
    assert (told.values["families"], told.values["ks"]) == (("VII",), (5,))
    higher = alone.modes_["log_likelihood"][alone.modes_["spurious"]].max() - alone.log_likelihood_
    assert told.values["gains"] == pytest.approx([higher], abs=LOOSE)


@pytest.mark.parametrize(("gain", "told"), [(0.4, False), (0.6, True)])
def test_what_was_set_aside_is_told_where_a_criterion_would_prefer_it(gain, told):
    table = a_table([9, 3, 4.1, 7])
    aside = {Choice("tied", 1): gain, Choice("full", 1): 1.0}
    found = EMSelection(table, em_selection.preferred(table), None, set_aside=aside)
    reasons = [f.values for f in found.findings if f.code == "spurious_set_aside"]
    assert reasons == ([{"families": ("tied",), "ks": (1,), "gains": (gain,)}] if told else [])


def test_cells_without_a_fit_are_empty_and_have_a_reason(golden):
    X = np.random.default_rng(0).normal(size=(12, 3))
    found = chosen(X, [1, 2, 6, 13, 20], ["full", "tied_spherical"])
    failed = found.table["verdict"] == "failed"
    assert set(found.failures) == set(found.table.index[failed])
    assert {("full", 6), ("full", 13), ("tied_spherical", 20)} <= set(found.failures)
    assert found.table.loc[failed, ["log_likelihood", "bic", "icl", "aic"]].isna().all(axis=None)
    assert found.table.loc[("full", 1), "verdict"] == "accepted"
    golden(found.failures["full", 6])
    golden(found.failures["full", 13])


def test_collinear_columns_leave_the_families_without_correlations(iris):
    X = np.column_stack([iris, iris.sum(axis=1)])
    found = chosen(X, [1, 2], ["full", "diag"])
    assert set(found.failures) == {("full", 1), ("full", 2)}
    assert found.best["bic"] == ("diag", 2)


def test_rows_that_allow_no_fit_are_refused(golden):
    with golden.raises(DataError):
        chosen(np.ones((20, 2)), [1, 2], "all")
    with golden.raises(DataError):
        chosen(np.arange(6.0).reshape(3, 2) ** 2, [5, 7], "all")


@pytest.mark.parametrize(
    "settings",
    [
        {"families": 5},
        {"families": []},
        {"families": 3},
        {"families": ["full", "tied", "full"]},
        {"families": ["full", "fulll"]},
        {"families": ["tied"], "covariance_type": "diag"},
        {"families": ["tied"], "criteria": "all"},
        {"families": ["tied"], "criteria": "bic"},
        {"covariance_type": "nope"},
        {"families": "all", "overfitted": True},
    ],
    ids=str,
)
def test_refusals(settings, iris, golden):
    with golden.raises(ParameterError):
        select_components(iris, [1, 2], **({"criteria": "em"} | settings))


def test_one_family_under_two_names_is_refused(iris, monkeypatch, golden):
    names = getattr(families, "NAMES", families.FAMILIES)
    monkeypatch.setitem(names, "another", families.FAMILIES["full"])
    with golden.raises(ParameterError, twice="another"):
        chosen(iris, [1, 2], ["full", "another"])


def test_weights_are_refused(iris, golden):
    with golden.raises(ParameterError, total_weight=300.0):
        chosen(Rows.of(iris, np.full(150, 2.0)), [1, 2], "all")


def test_the_family_is_that_of_covariance_type_by_default(iris, choice):
    found = select_components(iris, [1, 2, 3, 4], covariance_type="tied", criteria="em", random_state=0)
    assert list(found.table.index) == [("tied", k) for k in (1, 2, 3, 4)]
    np.testing.assert_allclose(found.table["bic"], choice.table.loc[["tied"], "bic"], atol=0.1)


def test_many_rows_are_searched_on_a_part_and_told_of_all():
    rng = np.random.default_rng(0)
    centres = np.array([[0.0, 0.0], [6.0, 0.0], [0.0, 6.0]])
    X = centres[rng.integers(3, size=12_000)] + rng.normal(size=(12_000, 2))
    found = chosen(X, [1, 2, 3, 4], ["full", "tied_spherical"])
    assert found.best["bic"] == ("tied_spherical", 3)
    for k in (1, 3):
        em = EMGaussianMixture(k, random_state=0).fit(X)
        assert found.table.loc[("full", k), "log_likelihood"] == pytest.approx(em.log_likelihood_, abs=0.05)


def test_nothing_of_the_posterior_is_imported():
    code = (
        "import sys; from bayesgmm import datasets, select_components\n"
        "select_components(datasets.galaxies().X, [1, 2], criteria='em', random_state=0)\n"
        "print([m for m in ('pymc', 'pytensor', 'arviz', 'xarray', 'matplotlib') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
