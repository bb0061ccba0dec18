"""`Prior`: what it stores, what it refuses, and that scaling the data and scaling the prior are the same."""

import dataclasses
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from scipy_std_priors import TRUTH

from bayesgmm.bayes.priors import Prior
from bayesgmm.errors import DataError, ParameterError


def prior(**changes):
    given = {"mean_loc": 0.0, "mean_scale": 1.0, "std_prior": ("halfnormal", 1.0)}
    return Prior(**given | changes)


def test_what_is_stored_is_plain_prints_and_compares():
    p = Prior(
        concentration=np.float32(2.0),
        mean_loc=np.array([3, 70]),
        mean_scale=[1.5, 20.0],
        std_prior=["lognormal", np.log([1.0, 8.0]), 1],
        lkj_eta=4,
    )
    assert repr(p) == (
        "Prior(concentration=2.0, mean_loc=(3.0, 70.0), mean_scale=(1.5, 20.0), "
        f"std_prior=('lognormal', (0.0, {np.log(8.0)!s}), 1.0), lkj_eta=4.0)"
    )
    again = eval(repr(p))
    assert again == p
    assert hash(again) == hash(p)
    assert p != dataclasses.replace(p, mean_loc=(3.0, 71.0))
    with pytest.raises(dataclasses.FrozenInstanceError):
        p.mean_loc = 0.0


def test_scales_without_a_meaning_have_no_default():
    with pytest.raises(TypeError, match="'mean_loc', 'mean_scale', and 'std_prior'"):
        Prior()


def test_resolve_gives_arrays_per_component_and_feature():
    p = Prior(
        concentration=(1.0, 2.0, 3.0),
        mean_loc=(3.0, 70.0),
        mean_scale=5.0,
        std_prior=("gamma", 2.0, (1.0, 0.1)),
        lkj_eta=3.0,
    ).resolve(3, 2)
    assert_allclose(p.concentration, [1.0, 2.0, 3.0], rtol=0)
    assert_allclose(p.mean_loc, [3.0, 70.0], rtol=0)
    assert_allclose(p.mean_scale, [5.0, 5.0], rtol=0)
    assert p.std_family == "gamma"
    assert_allclose(p.std_first, [2.0, 2.0], rtol=0)
    assert_allclose(p.std_second, [1.0, 0.1], rtol=0)
    assert p.lkj_eta == 3.0


def test_resolve_fills_zeros_where_a_family_has_one_number():
    p = prior(std_prior=("exponential", (2.0, 3.0))).resolve(4, 2)
    assert_allclose(p.std_first, [2.0, 3.0], rtol=0)
    assert_allclose(p.std_second, [0.0, 0.0], rtol=0)
    assert_allclose(p.concentration, np.ones(4), rtol=0)


def test_default_is_scaled_to_each_column():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(50, 2)) * [1.0, 30.0] + [0.0, 1e4]
    p = Prior.from_data(X).resolve(2, 2)
    sd = np.sqrt(((X - X.mean(axis=0)) ** 2).mean(axis=0))
    assert_allclose(p.concentration, [3.0, 3.0], rtol=0)
    assert_allclose(p.mean_loc, X.mean(axis=0), rtol=1e-13)
    assert_allclose(p.mean_scale, 1.5 * sd, rtol=1e-13)
    assert p.std_family == "inversegamma"
    assert_allclose(p.std_first, [4.0, 4.0], rtol=0)
    assert_allclose(p.std_second, 2.4 * sd, rtol=1e-12)
    assert p.lkj_eta == 2.0


def test_integer_weights_are_repeated_rows():
    rng = np.random.default_rng(1)
    X, w = rng.normal(size=(30, 2)), rng.integers(0, 4, size=30)
    weighted, repeated = Prior.from_data(X, sample_weight=w), Prior.from_data(np.repeat(X, w, axis=0))
    for field in ("mean_loc", "mean_scale"):
        assert_allclose(getattr(weighted, field), getattr(repeated, field), rtol=1e-12, atol=1e-15)
    assert_allclose(weighted.std_prior[2], repeated.std_prior[2], rtol=1e-12)


@pytest.mark.parametrize("family", TRUTH)
def test_standardised_is_the_same_distribution_of_the_scaled_quantity(family):
    """With s' = s / c, the densities obey p(s) = p'(s / c) / c."""
    shift, scale = np.array([3.0, 70.0]), np.array([1.1, 14.0])
    before = Prior(
        concentration=2.0,
        mean_loc=(2.0, 60.0),
        mean_scale=(1.0, 9.0),
        std_prior=(family, *TRUTH[family].numbers),
    )
    after = before.standardised(shift, scale)
    a, b = before.resolve(2, 2), after.resolve(2, 2)
    s = scale * np.array([0.1, 0.5, 1.0, 2.5])[:, None]
    density = TRUTH[family].distribution(*a.std_numbers).logpdf(s)
    scaled = TRUTH[family].distribution(*b.std_numbers).logpdf(s / scale) - np.log(scale)
    assert_allclose(scaled, density, rtol=1e-12)
    assert_allclose(b.mean_loc, ([2.0, 60.0] - shift) / scale, rtol=1e-15)
    assert_allclose(b.mean_scale, [1.0, 9.0] / scale, rtol=1e-15)
    assert (after.concentration, after.lkj_eta) == (before.concentration, before.lkj_eta)


def test_standardising_by_one_number_keeps_one_number():
    p = prior(mean_loc=4.0, mean_scale=2.0, std_prior=("inversegamma", 3.0, 5.0)).standardised(2.0, 4.0)
    assert p == prior(mean_loc=0.5, mean_scale=0.5, std_prior=("inversegamma", 3.0, 1.25))


def test_standardised_needs_a_positive_scale():
    with pytest.raises(ParameterError) as e:
        prior().standardised(0.0, [1.0, -2.0])
    assert str(e.value) == "scale must be positive; got [1.0, -2.0]."


@pytest.mark.parametrize(
    ("std_prior", "line"),
    [
        (("halfnormal", 2.0), "HalfNormal(2)"),
        (("exponential", 0.25), "Exponential(0.25)"),
        (("gamma", 2.0, 0.1), "Gamma(2, 0.1)"),
        (("lognormal", -0.35, 0.5), "LogNormal(-0.35, 0.5)"),
        (("inversegamma", 3.0, 2.0), "InverseGamma(3, 2)"),
    ],
)
def test_describe_names_every_distribution(std_prior, line):
    p = Prior(concentration=4.0, mean_loc=(3.48778, 70.9), mean_scale=(1.7096, 20.4), std_prior=std_prior)
    assert p.describe(["eruptions", "waiting"], n_components=2) == [
        "weights ~ Dirichlet(4, 4)",
        "means[eruptions] ~ Normal(3.488, 1.71)",
        "means[waiting] ~ Normal(70.9, 20.4)",
        f"stds[eruptions] ~ {line}",
        f"stds[waiting] ~ {line}",
        "correlations ~ LKJ(2)",
    ]


def test_describe_of_one_feature_has_no_correlations():
    assert prior().describe(["x"], n_components=1) == [
        "weights ~ Dirichlet(1)",
        "means[x] ~ Normal(0, 1)",
        "stds[x] ~ HalfNormal(1)",
    ]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"mean_scale": 0.0}, "mean_scale must be positive and finite; got 0.0."),
        ({"mean_scale": (1.0, -2.0)}, "mean_scale must be positive and finite; got -2.0 in place 1."),
        ({"mean_loc": (np.nan, 1.0)}, "mean_loc must be finite; got nan in place 0."),
        ({"mean_loc": np.inf}, "mean_loc must be finite; got inf."),
        ({"concentration": -1}, "concentration must be positive and finite; got -1.0."),
        ({"concentration": np.nan}, "concentration must be positive and finite; got nan."),
        ({"lkj_eta": 0}, "lkj_eta must be positive and finite; got 0.0."),
        ({"lkj_eta": (1.0, 2.0)}, "lkj_eta must be one number for all components; got 2 numbers."),
        ({"mean_loc": "a"}, "mean_loc must be a number or a sequence of numbers; got 'a' (str)."),
        ({"mean_loc": True}, "mean_loc must be a number or a sequence of numbers; got True (bool)."),
        (
            {"mean_loc": [[0.0, 1.0]]},
            "mean_loc must be a number or a sequence of numbers; got an array of shape (1, 2).",
        ),
        ({"mean_loc": []}, "mean_loc must be a number or a sequence of numbers; got an array of shape (0,)."),
        (
            {"mean_loc": [[0.0], [1.0, 2.0]]},
            "mean_loc must be a number or a sequence of numbers; got [[0.0], [1.0, 2.0]] (list).",
        ),
        (
            {"std_prior": 2.0},
            "std_prior must be a family and its numbers, such as ('halfnormal', 2.0); got 2.0.",
        ),
        (
            {"std_prior": "halfnormal"},
            "std_prior must be a family and its numbers, such as ('halfnormal', 2.0); got 'halfnormal'.",
        ),
        (
            {"std_prior": ("gamma", 2.0)},
            "std_prior 'gamma' takes 2 number(s), ('gamma', alpha, beta); got 1.",
        ),
        (
            {"std_prior": ("exponential", 2.0, 1.0)},
            "std_prior 'exponential' takes 1 number(s), ('exponential', rate); got 2.",
        ),
        (
            {"std_prior": ("exponential", -1.0)},
            "rate of std_prior must be positive and finite; got -1.0.",
        ),
        (
            {"std_prior": ("lognormal", 0.0, (1.0, 0.0))},
            "sigma of std_prior must be positive and finite; got 0.0 in place 1.",
        ),
        ({"std_prior": ("lognormal", np.nan, 1.0)}, "mu of std_prior must be finite; got nan."),
    ],
)
def test_what_cannot_be_a_prior_is_refused(changes, message):
    with pytest.raises(ParameterError) as e:
        prior(**changes)
    assert str(e.value) == message


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"mean_loc": (0.0, 1.0, 2.0)},
            "mean_loc has 3 number(s), one per feature, but there are 2 features; "
            "pass 2 numbers, or a single one for all.",
        ),
        (
            {"std_prior": ("gamma", 1.0, (1.0,))},
            "beta of std_prior has 1 number(s), one per feature, but there are 2 features; "
            "pass 2 numbers, or a single one for all.",
        ),
        (
            {"concentration": (1.0, 1.0)},
            "concentration has 2 number(s), one per component, but there are 3 components; "
            "pass 3 numbers, or a single one for all.",
        ),
    ],
)
def test_resolve_refuses_other_lengths(changes, message):
    with pytest.raises(ParameterError) as e:
        prior(**changes).resolve(3, 2)
    assert str(e.value) == message


def test_default_needs_columns_that_vary_where_they_count():
    X = pd.DataFrame({"a": [1.0, 2.0, 3.0], "b": [5.0, 5.0, 6.0]})
    with pytest.raises(DataError) as e:
        Prior.from_data(X, sample_weight=[1.0, 2.0, 0.0])
    assert str(e.value) == (
        "Column 'b' has a single value (5) in the 2 row(s) that count, so that no default prior can be "
        "scaled to it; drop that column or pass a Prior."
    )
    with pytest.raises(DataError) as e:
        Prior.from_data([[7.0]])
    assert str(e.value) == (
        "Column 'x0' has a single value (7) in the 1 row(s) that count, so that no default prior can be "
        "scaled to it; drop that column or pass a Prior."
    )


def test_a_prior_does_not_import_pymc():
    code = "import sys; from bayesgmm import Prior; sys.exit('pymc' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
