"""Priors as one line of text: what is written is what `Prior` would hold, and a refusal points at the
part."""

import pytest

from bayesgmm import Prior
from bayesgmm.bayes.prior_text import PARTS, prior_parts
from bayesgmm.bayes.std_priors import STD_PRIORS
from bayesgmm.errors import ParameterError


def test_a_whole_prior():
    text = "concentration=1, mean_loc=3.5, mean_scale=9, std_prior=gamma(2,1), lkj_eta=2"
    assert Prior(**prior_parts(text)) == Prior(
        concentration=1, mean_loc=3.5, mean_scale=9, std_prior=("gamma", 2, 1), lkj_eta=2
    )


@pytest.mark.parametrize("family", STD_PRIORS)
def test_what_a_prior_prints_is_read(family):
    numbers = [(0.5, 1.5e-3)] * len(STD_PRIORS[family].numbers)
    prior = Prior(mean_loc=(-3.5, 70.0), mean_scale=1e9, std_prior=(family, *numbers))
    assert Prior(**prior_parts(repr(prior))) == prior
    called = f"{family}({', '.join(map(repr, numbers))})"
    assert prior_parts(f"std_prior={called}") == {"std_prior": prior.std_prior}


def test_parts_may_be_left_out_and_spaces_put_in():
    assert prior_parts(" lkj_eta = 1\n,mean_loc = [ -1, +2e3 ] ") == {
        "lkj_eta": 1.0,
        "mean_loc": (-1.0, 2000.0),
    }
    assert set(PARTS) == set(Prior.__dataclass_fields__)


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("", ""),
        ("  ", "  "),
        ("mean_loc=", "mean_loc="),
        ("mean_loc=1,", ""),
        ("mean_loc=3.5, , mean_scale=9", ""),
        ("mean_loc=3.5 mean_scale=9", "mean_loc=3.5 mean_scale=9"),
        ("mean_loc=3.5, mean_scale=(9, 1", "mean_scale=(9, 1"),
        ("mean_loc=3.5), mean_scale=9", "mean_loc=3.5), mean_scale=9"),
        ("mean_loc=3.5) + Prior(mean_loc=1", "mean_loc=3.5) + Prior(mean_loc=1"),
        ("mean_loc=3.5, gamma(2, 1)", "gamma(2, 1)"),
        ("mean_lok=3.5", "mean_lok=3.5"),
        ("sigma=1", "sigma=1"),
        ("**x", "**x"),
        ("mean_loc=1, mean_scale=2, mean_loc=3", None),
        ("mean_loc=wide", "mean_loc=wide"),
        ("mean_loc=(1, wide)", "mean_loc=(1, wide)"),
        ("mean_loc=nan", "mean_loc=nan"),
        ("mean_loc=1+1", "mean_loc=1+1"),
        ("mean_loc='1'", "mean_loc='1'"),
        ("mean_loc=True", "mean_loc=True"),
        ("mean_loc=__import__('os').getcwd()", "mean_loc=__import__('os').getcwd()"),
        ("lkj_eta=2, mean_scale=-9", "mean_scale=-9"),
        ("lkj_eta=(1, 2)", "lkj_eta=(1, 2)"),
        ("mean_scale=1e999", "mean_scale=1e999"),
        ("std_prior=gamma", "std_prior=gamma"),
        ("std_prior=gamma(2)", "std_prior=gamma(2)"),
        ("std_prior=gamma(alpha=2, beta=1)", "std_prior=gamma(alpha=2, beta=1)"),
        ("std_prior=gama(2, 1)", "std_prior=gama(2, 1)"),
        ("std_prior=gamma(2, x)", "std_prior=gamma(2, x)"),
        ("std_prior=gamma(2, -1)", "std_prior=gamma(2, -1)"),
        ("std_prior=3", "std_prior=3"),
    ],
)
def test_a_refusal_points_at_the_part(text, part, golden):
    with golden.raises(ParameterError) as caught:
        prior_parts(text)
    if part is not None:
        assert caught.value.details["part"] == part
