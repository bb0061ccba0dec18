"""Every sentence with every count of 0, 1 and 2, as the golden file has it; and plurals are right."""

import inspect
import re

import pytest

from bayesgmm.wording import Reason, overview, view
from bayesgmm.wording.reasons import sentences

# A value for each name or type of a parameter; counts are those of type int.
NAMED = {
    "bounds": (0.0, 255.0),
    "cells": (1, 3),
    "codes": (-999.0, 9999.0),
    "elsewhere": ((), ()),
    "first": (1.0, 0.0),
    "gains": (5.25, 12.0),
    "gaps": (False, True),
    "last": (150.0, 1.0),
    "rows": (12, 20),
    "times": (1, 3),
    "values": ((0.0, 1.0), (1.0, 2.0, 3.0)),
    "at": "means[0, length]",
    "chain_means": (0.25, 0.5),
    "changes": (
        Reason("cluster_split", {"cluster": 1, "into": 2}),
        Reason("clusters_joined", {"clusters": (2, 3)}),
    ),
    "columns": ("length", "width"),
    "component": "0",
    "quantities": ("sd of length", "weight"),
    "owners": ("1", "0"),
    "estimates": (1.0, 0.5),
    "posterior_means": (1.25, 0.75),
    "posterior_sds": (0.125, 0.0625),
    "ci_prob": 0.95,
    "ended": "",
    "criteria": (("bic", "icl"), ("log_evidence",)),
    "exploration": "one mode",
    "families": ("tied", "VEV"),
    "clusters": (1, 2),
    "ks": (2, 3),
    "method": "Stephens",
    "missing": (44, 42),
    "names": ("mean of length", "range of length"),
    "n_replications": 1000,
    "onto": "60 rows that are alike, such as observation 0",
    "floor": 1e-4,
    "unbounded_by": "",
    "obstacle": Reason("components_not_alike"),
    "p_values": (0.0001, 0.98),
    "quantity": "mean of length",
    "scope": "label_free",
    "shares": (0.7, 0.25),
    "sizes": (30, 15),
    "threshold": 0.95,
    "why": Reason("single_chain"),
    "what": "clusters of 30 and 15 observations",
    "which": ("elpd_loo", "log_evidence"),
    "whose": "baseline",
}
TYPES = {int: 2, float: 0.25, bool: True, str: "x"}
# Further examples, where the branches of a sentence do not hang on a count.
FURTHER = {
    "chains_disagree": [{"chain_means": ()}, {"scope": "components"}],
    "codes_among_values": [
        {"elsewhere": ((), ("weight",)), "d": 9},
        {"elsewhere": (("weight", "size"), ("weight",))},
    ],
    "columns_add_up": [{"names": ("sand", "silt", "clay"), "d": 9}],
    "columns_at_a_bound": [{"names": ("grey", "grey"), "d": 9}],
    "columns_equally_spaced": [
        {"names": ("year",), "first": (1980.0,), "last": (2019.0,), "times": (1,), "d": 9}
    ],
    "columns_number_rows": [
        {"names": ("id",), "first": (1.0,), "last": (9.0,), "gaps": (False,), "d": 9},
        {"names": tuple("abcdefg"), "first": 7 * (1.0,), "last": 7 * (9.0,), "gaps": 7 * (True,), "d": 9},
    ],
    "columns_of_coarse_values": [{"names": ("q1",), "values": ((1.0, 2.0, 3.0, 4.0),), "d": 9}],
    "columns_of_few_values": [
        {"names": ("a",), "values": ((0.0, 1.0),), "d": 9},
        {"names": ("a", "b, c"), "values": 2 * ((0.0, 1.0),), "d": 9},
        {"names": ("n" * 70, "b"), "d": 9},
    ],
    "em_starts": [
        {"ended": "at the iteration limit", "kept_is_spurious": True},
        {"starts": 20, "best": 17, "n_maxima": 3, "degenerate": 1, "spurious": 1},
        {"starts": 20, "best": 20, "n_maxima": 1},
    ],
    "both_decide": [{"quantities": ("correlation of length and width",), "owners": ("0",)}],
    "data_decide": [
        {"of_baseline": False},
        {"quantities": ("mean of length",), "owners": ("0",)},
        {"quantities": 6 * ("mean of length",), "owners": tuple("012345")},
    ],
    "prior_decides": [
        {
            "quantities": ("sd of eruptions",),
            "owners": ("1",),
            "estimates": (0.25,),
            "posterior_means": (0.5,),
            "posterior_sds": (0.03,),
        },
        {
            "quantities": ("sd",),
            "owners": ("all",),
            "estimates": (0.25,),
            "posterior_means": (0.5,),
            "posterior_sds": (0.03,),
        },
    ],
    "better_maximum_known": [{"reached": -12.5, "em": -15.0, "highest": -11.0, "gain": 4.0, "whose": "draw"}],
    "estimates": [
        {"joint_share": None},
        {"joint_inside": False, "component": "all"},
        {"n": 12, "inside": 12, "by_prior": 0, "pulled": False},
        {"n": 12, "inside": 11, "by_prior": 0, "ci_prob": 0.8},
        {"n": 12, "inside": 11, "by_prior": 1, "joint_inside": False},
        {"n": 12, "inside": 9, "by_prior": 2},
        {"n": 12, "inside": 9, "by_prior": 3},
    ],
    "families_coincide": [{"names": ("diag",)}],
    "families_preferred": [{"families": ("full",), "ks": (1,), "criteria": (("bic",),)}],
    "hardly_worse": [
        {"families": ("full",), "ks": (1,), "most": 2.0},
        {"families": tuple("abcdef"), "ks": (1, 2, 3, 4, 5, 6), "most": 2.0},
    ],
    "labels_differ": [{"method": "iterative ECR"}, {"method": "parameters"}],
    "labels_exchangeable": [{"share": 0.0}, {"share": 0.004}],
    "mode": [{"is_first": False}, {"is_first": False, "changes": ()}, {"sizes": (1,)}],
    "mode_shares": [{"shares": (0.98,)}, {"shares": (0.5, 0.3, 0.2)}],
    "no_maximum": [{"unbounded_by": "stds"}, {"unbounded_by": "correlations"}],
    "one_partition": [{"sizes": (1,)}, {"kmeans_inside": False}],
    "posteriors_failed": [{"ks": (1,)}],
    "posteriors_refused": [{"ks": (1,)}],
    "preference_open": [{"which": ("bic",), "ks": (1,)}],
    "replications_differ": [{"n": 17}],
    "spurious_set_aside": [{"families": tuple("abcdef"), "ks": (1, 2, 3, 4, 5, 6), "gains": 6 * (0.5,)}],
    "rows_left_out": [{"difference": 9.0}, {"difference": -9.0}],
}

NOUNS = (
    "component|mode|row|observation|group|draw|check|feature|start|particle|"
    "transition|cluster|estimate|chain|run|ancestor"
)
WRONG = re.compile(rf"(?<![\d.])(1 (EM )?({NOUNS})s|(0|[2-9]|\d\d+) ({NOUNS}))\b")


def example(function):
    values = {}
    for name, parameter in inspect.signature(function).parameters.items():
        values[name] = NAMED[name] if name in NAMED else TYPES.get(parameter.annotation, 0.25)
    return values


def told(function):
    """One line an example: as it is, then each count as 0, 1 and 2, then the further ones."""
    base = example(function)
    cases = [base]
    for name, parameter in inspect.signature(function).parameters.items():
        if parameter.annotation is int and name not in NAMED:
            cases += [base | {name: n} for n in (0, 1)]
        elif parameter.annotation is bool:
            cases.append(base | {name: False})
    cases += [base | changes for changes in FURTHER.get(function.__name__, [])]
    return list(dict.fromkeys(function(**case) for case in cases))


@pytest.mark.parametrize(("audience", "code"), sorted(sentences()))
def test_every_sentence(audience, code, golden):
    lines = told(sentences()[audience, code])
    golden("\n".join(lines))
    assert [line for line in lines if WRONG.search(line)] == []


@pytest.mark.parametrize("wrong", ["has 1 modes that", "0 row was", "of 12 draw", "1 EM starts"])
def test_a_wrong_plural_would_be_found(wrong):
    assert WRONG.search(wrong)
    assert not WRONG.search("has 1 mode of 21 rows, 2 draws, the 1 % row and 1.1 rows; 1 EM start")


def test_headings_of_an_overview(golden):
    settings = {
        "covariance_type": "full",
        "log_likelihood": -1130.256,
        "method": "nuts",
        "chains": 4,
        "draws": 1000,
        "has_floor": False,
    }
    one = overview.heading(k=1, n=1, features=["a"], more_features=False, d=1, em_ended="", **settings)
    many = overview.heading(
        k=2,
        n=272,
        features=["a", "b"],
        more_features=True,
        d=9,
        em_ended="at the iteration limit",
        **settings,
    )
    golden(f"{one}\n{many}")
    golden("\n".join(overview.left_out(*n) for n in ((1, 0), (0, 1), (2, 2))))
    assert overview.left_out(0, -2) == ""
    settings["has_floor"] = True
    golden(overview.heading(k=1, n=1, features=["a"], more_features=False, d=1, em_ended="", **settings))


def test_words_around_a_view(golden):
    found = [
        view.alt(n_points=n, n_features=d, n_uncertain=u, by=by)
        for n, d, u, by in ((1, 1, 0, ""), (272, 2, 1, "component"), (150, 4, 2, "cluster of the partition"))
    ]
    found += [
        view.caption(rows="numbered from 0", by=by, most_values=8, threshold=0.95, ci_prob=0.95)
        for by in ("", "component", "cluster of the partition")
    ]
    found += [view.note(100, 272, 1, 2), view.note(100, 100, 30, 40), view.note(5, 6, 2, 2)]
    golden("\n".join(found))
    assert view.note(272, 272, 2, 2) == ""
