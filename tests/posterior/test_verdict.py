"""The verdict refuses what should be refused, in words."""

import numpy as np
import xarray as xr
from numpy.testing import assert_allclose

from bayesgmm.posterior import verdict
from bayesgmm.posterior.relabel import Relabelling

GOOD = verdict.Diagnostics(1.001, "weights[0]", 2000.0, "means[0, a]")
CERTAIN = Relabelling(np.tile(np.arange(2), (4, 10, 1)), np.full((4, 10), 0.5))


def quantities(values):
    return xr.DataArray(
        values,
        dims=("chain", "draw", "parameter"),
        coords={"parameter": [f"q{i}" for i in range(values.shape[2])]},
    )


def test_independent_draws_pass():
    found = verdict.diagnose(quantities(np.random.default_rng(0).normal(size=(4, 1000, 3))))
    assert found.r_hat < 1.01
    assert 3000 < found.ess < 5500


def test_a_chain_elsewhere_is_found_and_named():
    values = np.random.default_rng(1).normal(size=(4, 500, 3))
    values[2, :, 1] += 3
    found = verdict.diagnose(quantities(values))
    assert found.r_hat > 1.3
    assert found.r_hat_at == "q1"
    # The only draws that count are the chains themselves.
    assert found.ess < 20


def test_constants_are_left_out():
    values = np.random.default_rng(2).normal(size=(4, 200, 2))
    values[..., 0] = 1.0
    assert verdict.diagnose(quantities(values)).ess_at == "q1"


def test_label_free_quantities_do_not_depend_on_labels():
    rng = np.random.default_rng(3)
    weights = rng.dirichlet(np.ones(3), size=(2, 50))
    log_likelihood = rng.normal(size=(2, 50))
    original = xr.Dataset({"weights": (("chain", "draw", "cluster"), weights)})
    shuffled = original.copy(data={"weights": rng.permuted(weights, axis=2)})
    first, second = (verdict.label_free_quantities(d, log_likelihood) for d in (original, shuffled))
    assert np.array_equal(first, second)
    entropy = -(weights * np.log(weights)).sum(axis=-1)
    assert_allclose(first.sel(parameter="entropy of the weights"), entropy, rtol=1e-10)


def test_nothing_wrong_means_ok():
    found = verdict.judge(GOOD, GOOD, CERTAIN, 0, 4)
    assert found.ok
    assert found.reasons == ()
    assert str(found) == (
        "The components may be read one by one: chains agree (largest R-hat 1.001, smallest effective "
        "sample size 2000), and names are in doubt in 0.0 % of the draws."
    )


def test_each_fault_is_a_sentence():
    bad = verdict.Diagnostics(1.25, "weights[1]", 30.0, "stds[0, a]")
    tied = Relabelling(CERTAIN.permutations, np.zeros((4, 10)))
    found = verdict.judge(bad, bad, tied, 7, 4)
    assert not found.ok
    assert found.reasons == (
        "Chains disagree on label-free quantities: R-hat is 1.250 at weights[1] (below 1.01 is wanted).",
        "Too few effective draws of label-free quantities: 30 at stds[0, a] (at least 400 are wanted); increase draws.",
        "Chains disagree on relabelled parameters: R-hat is 1.250 at weights[1] (below 1.01 is wanted).",
        "Too few effective draws of relabelled parameters: 30 at stds[0, a] (at least 400 are wanted); increase draws.",
        "7 transitions diverged, so that a part of the posterior may be missing; raise target_accept.",
        "In 100 % of the draws two components could exchange their names at next to no cost: "
        "what is called one component here is not one thing.",
    )
    assert str(found).startswith("The components must not be read one by one: Chains disagree")


def test_a_single_chain_cannot_be_judged():
    found = verdict.judge(verdict.Diagnostics(np.nan, "", 900.0, ""), GOOD, CERTAIN, 0, 1)
    assert found.reasons == ("A single chain cannot show whether chains agree; use chains=4.",)


def test_weighted_draws_are_judged_by_their_weights():
    bad = verdict.Diagnostics(1.25, "weights[1]", 30.0, "stds[0, a]")
    # Weighted draws are independent: what chains would be refused for says nothing of them.
    found = verdict.judge(bad, bad, CERTAIN, 0, 1, verdict.ImportanceCheck(0.4, 0.7, 900.0))
    assert found.ok
    assert str(found) == (
        "The components may be read one by one: the Gaussian at the posterior mode fits there (Pareto k 0.40, worth 900 "
        "independent draws), and names are in doubt in 0.0 % of the draws."
    )
    assert verdict.judge(GOOD, GOOD, CERTAIN, 0, 4, verdict.ImportanceCheck(0.66, 0.64, 20.0)).reasons == (
        "The Gaussian at the posterior mode does not fit the posterior there: Pareto k is 0.66 (below 0.64 is wanted); "
        'use method="nuts".',
        "The weighted draws are worth 20 independent ones (at least 400 are wanted); increase draws, or use "
        'method="nuts".',
    )
    assert not verdict.judge(GOOD, GOOD, CERTAIN, 0, 4, verdict.ImportanceCheck(np.nan, 0.7, 900.0)).ok
