"""`Prior`: what it stores, what it refuses, and that scaling the data and scaling the prior are the same."""

import dataclasses
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from scipy import stats
from scipy_std_priors import TRUTH

from bayesgmm.bayes.log_prior import log_prior
from bayesgmm.bayes.prior_draws import draw_prior
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
        f"std_prior=('lognormal', (0.0, {np.log(8.0)!s}), 1.0), lkj_eta=4.0, resolution=0.0)"
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
    assert_allclose(p.mean_loc, [[3.0, 70.0]] * 3, rtol=0)
    assert_allclose(p.mean_scale, [[5.0, 5.0]] * 3, rtol=0)
    assert p.std_family == "gamma"
    assert_allclose(p.shared_std_numbers, [[2.0, 2.0], [1.0, 0.1]], rtol=0)
    assert p.lkj_eta == 3.0


def test_resolve_gives_as_many_numbers_as_a_family_has():
    p = prior(std_prior=("exponential", (2.0, 3.0))).resolve(4, 2)
    assert_allclose(p.shared_std_numbers, [[2.0, 3.0]], rtol=0)
    assert_allclose(p.concentration, np.ones(4), rtol=0)


def test_default_is_scaled_to_each_column():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(50, 2)) * [1.0, 30.0] + [0.0, 1e4]
    p = Prior.from_data(X).resolve(2, 2)
    sd = np.sqrt(((X - X.mean(axis=0)) ** 2).mean(axis=0))
    assert_allclose(p.mixed, [0.5, 20.0], rtol=0)
    assert_allclose(p.mean_loc[0], X.mean(axis=0), rtol=1e-13)
    assert_allclose(p.mean_scale[0], 1.5 * sd, rtol=1e-13)
    assert p.std_family == "hierarchical"
    assert_allclose(p.shared_std_numbers[0], np.log(0.5 * sd), rtol=1e-12)
    assert_allclose(p.shared_std_numbers[1:], [[1.5, 1.5], [0.6, 0.6], [4.0, 4.0]], rtol=0)
    assert p.lkj_eta == 2.0


def test_the_prior_of_richardson_and_green():
    """Their numbers for the range R: mean N(midrange, R^2), sd^-2 ~ Gamma(2, b), b ~ Gamma(.2, 10 / R^2)."""
    X = np.array([[3.0, -20.0], [8.0, 0.0], [5.0, 20.0], [100.0, 0.0]])
    p = Prior.richardson_green(X, sample_weight=[1, 1, 1, 0])
    assert p == Prior(
        concentration=1.0,
        mean_loc=(5.5, 0.0),
        mean_scale=(5.0, 40.0),
        std_prior=("hierarchical_gamma", 2.0, 0.2, (10 / 25, 10 / 1600)),
    )


def test_a_mixture_of_concentrations_prints_compares_and_resolves():
    p = prior(concentration=["mixture", 1, 16])
    assert p.concentration == ("mixture", 1.0, 16.0)
    assert eval(repr(p)) == p
    resolved = p.resolve(3, 1)
    assert_allclose(resolved.mixed, [1.0, 16.0], rtol=0)
    assert_allclose(resolved.concentration, np.full(3, 4.0), rtol=1e-12)
    assert resolved.is_exchangeable
    assert p.describe(["x"], n_components=2)[0] == "weights ~ Dirichlet(1, 1) or Dirichlet(16, 16)"


def test_weights_of_a_mixture_have_its_density_and_draws():
    resolved = prior(concentration=("mixture", 0.7, 9.0)).resolve(3, 1)
    values = draw_prior(resolved, "full", 4000, np.random.default_rng(1))
    w = values["weights"]
    each = [stats.dirichlet(np.full(3, a)).pdf(w[:20].T) for a in (0.7, 9.0)]
    found = log_prior({v: x[None, :20] for v, x in values.items()}, resolved, "full")["weights"]
    assert_allclose(found[0], np.log(np.mean(each, axis=0)), rtol=1e-10)
    # One weight of a Dirichlet distribution is Beta(a, 2 a).
    u = np.mean([stats.beta(a, 2 * a).cdf(w[:, 0]) for a in (0.7, 9.0)], axis=0)
    assert stats.kstest(u, "uniform").pvalue > 1e-3


@pytest.mark.parametrize(
    "bad", [("mixture",), ("mixture", 1.0), ("mixture", 1.0, -2.0), ("mixture", 1.0, "a")]
)
def test_what_cannot_be_a_mixture_is_refused(bad, golden):
    with golden.raises(ParameterError):
        prior(concentration=bad)


def test_integer_weights_are_repeated_rows():
    rng = np.random.default_rng(1)
    X, w = rng.normal(size=(30, 2)), rng.integers(0, 4, size=30)
    weighted, repeated = Prior.from_data(X, sample_weight=w), Prior.from_data(np.repeat(X, w, axis=0))
    for field in ("mean_loc", "mean_scale"):
        assert_allclose(getattr(weighted, field), getattr(repeated, field), rtol=1e-12, atol=1e-15)
    assert_allclose(weighted.std_prior[1], repeated.std_prior[1], rtol=1e-12)


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
    density = TRUTH[family].distribution(*a.shared_std_numbers).logpdf(s)
    scaled = TRUTH[family].distribution(*b.shared_std_numbers).logpdf(s / scale) - np.log(scale)
    assert_allclose(scaled, density, rtol=1e-12)
    assert_allclose(b.mean_loc[0], ([2.0, 60.0] - shift) / scale, rtol=1e-15)
    assert_allclose(b.mean_scale[0], [1.0, 9.0] / scale, rtol=1e-15)
    assert (after.concentration, after.lkj_eta) == (before.concentration, before.lkj_eta)


def test_standardising_by_one_number_keeps_one_number():
    p = prior(mean_loc=4.0, mean_scale=2.0, std_prior=("inversegamma", 3.0, 5.0)).standardised(2.0, 4.0)
    assert p == prior(mean_loc=0.5, mean_scale=0.5, std_prior=("inversegamma", 3.0, 1.25))


def test_standardised_needs_a_positive_scale(golden):
    with golden.raises(ParameterError, scale=[1.0, -2.0]):
        prior().standardised(0.0, [1.0, -2.0])


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


def test_describe_says_in_words_what_components_share():
    """Of a t distribution with 4 degrees of freedom 95 % lie within 2.776."""
    told = prior(std_prior=("hierarchical", 0.0, 1.5, 0.6, 4.0), resolution=0.5).describe(["x"], 2)
    line, resolution = told[-2:]
    assert line.startswith("stds[x] ~ Hierarchical(0, 1.5, 0.6, 4): ")
    assert [f"{np.exp(2.7764 * v):.2g}" in line for v in (1.5, 0.6)] == [True, True]
    assert resolution == "resolution[x] = 0.5"
    told = prior(std_prior=("hierarchical_gamma", 2.0, 0.2, 0.3)).describe(["x"], 2)
    assert told[-1].endswith("1 / stds^2 ~ Gamma(2, b), b ~ Gamma(0.2, 0.3)")


def test_describe_of_one_feature_has_no_correlations():
    assert prior().describe(["x"], n_components=1) == [
        "weights ~ Dirichlet(1)",
        "means[x] ~ Normal(0, 1)",
        "stds[x] ~ HalfNormal(1)",
    ]


@pytest.mark.parametrize(
    ("changes", "details"),
    [
        ({"mean_scale": 0.0}, {"name": "mean_scale", "value": 0.0, "place": None}),
        ({"mean_scale": (1.0, -2.0)}, {"name": "mean_scale", "value": -2.0, "place": 1}),
        ({"mean_loc": (np.nan, 1.0)}, {"name": "mean_loc", "place": 0}),
        ({"mean_loc": np.inf}, {"name": "mean_loc", "place": None}),
        ({"concentration": -1}, {"name": "concentration", "value": -1.0, "place": None}),
        ({"concentration": np.nan}, {"name": "concentration", "place": None}),
        ({"lkj_eta": 0}, {"name": "lkj_eta", "value": 0.0, "place": None}),
        ({"lkj_eta": (1.0, 2.0)}, {"given": 2}),
        ({"mean_loc": "a"}, {"name": "mean_loc", "value": "a"}),
        ({"mean_loc": True}, {"name": "mean_loc", "value": True}),
        (
            {"mean_loc": [[[0.0, 1.0]]]},
            {"name": "mean_loc", "shape": (1, 1, 2)},
        ),
        ({"mean_loc": []}, {"name": "mean_loc", "shape": (0,)}),
        (
            {"mean_loc": [[0.0], [1.0, 2.0]]},
            {"name": "mean_loc", "value": [[0.0], [1.0, 2.0]]},
        ),
        (
            {"std_prior": 2.0},
            {"value": 2.0},
        ),
        (
            {"std_prior": "halfnormal"},
            {"value": "halfnormal"},
        ),
        (
            {"std_prior": ("gamma", 2.0)},
            {"family": "gamma", "expected": 2, "given": 1},
        ),
        (
            {"std_prior": ("exponential", 2.0, 1.0)},
            {"family": "exponential", "expected": 1, "given": 2},
        ),
        (
            {"std_prior": ("exponential", -1.0)},
            {"name": "rate of std_prior", "value": -1.0, "place": None},
        ),
        (
            {"std_prior": ("lognormal", 0.0, (1.0, 0.0))},
            {"name": "sigma of std_prior", "value": 0.0, "place": 1},
        ),
        ({"std_prior": ("lognormal", np.nan, 1.0)}, {"name": "mu of std_prior", "place": None}),
    ],
)
def test_what_cannot_be_a_prior_is_refused(changes, details, golden):
    with golden.raises(ParameterError, **details):
        prior(**changes)


@pytest.mark.parametrize(
    ("changes", "details"),
    [
        (
            {"mean_loc": (0.0, 1.0, 2.0)},
            {"name": "mean_loc", "expected": 2, "given": 3},
        ),
        (
            {"std_prior": ("gamma", 1.0, (1.0,))},
            {"name": "beta of std_prior", "expected": 2, "given": 1},
        ),
        (
            {"concentration": (1.0, 1.0)},
            {"name": "concentration", "expected": 3, "given": 2},
        ),
    ],
)
def test_resolve_refuses_other_lengths(changes, details, golden):
    with golden.raises(ParameterError, **details):
        prior(**changes).resolve(3, 2)


def test_default_needs_columns_that_vary_where_they_count(golden):
    X = pd.DataFrame({"a": [1.0, 2.0, 3.0], "b": [5.0, 5.0, 6.0]})
    with golden.raises(DataError, column=1):
        Prior.from_data(X, sample_weight=[1.0, 2.0, 0.0])
    with golden.raises(DataError, column=0):
        Prior.from_data([[7.0]])


def test_a_prior_does_not_import_pymc():
    code = "import sys; from bayesgmm import Prior; sys.exit('pymc' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
