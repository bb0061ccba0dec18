"""The verdict refuses what should be refused, in words."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from bayesgmm.methods.laplace import ImportanceCheck
from bayesgmm.methods.nuts import NutsCheck
from bayesgmm.methods.smc import TemperingCheck
from bayesgmm.mixture import density
from bayesgmm.mixture.draws import MixtureDraws
from bayesgmm.mixture.params import MixtureParams
from bayesgmm.posterior import verdict
from bayesgmm.posterior.labelling import LabellingDiagnostics
from bayesgmm.wording import Reason

GOOD = verdict.Diagnostics(1.001, "weights[0]", 2000.0, "means[0, a]")
AGREED = {"iterative ECR": 1.0, "Stephens": 1.0, "parameters": 1.0}
CERTAIN = LabellingDiagnostics(AGREED, 0.0, 0.0, (0, 0, 0, 0))


def quantities(values):
    return verdict.Quantities(values, tuple(f"q{i}" for i in range(values.shape[2])))


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


def some_posterior(rng, chains=2, draws=50, k=3, d=2):
    a = rng.normal(size=(chains, draws, k, d, d)) * 0.3 + np.eye(d)
    covariances = a @ np.swapaxes(a, -1, -2)
    stds = np.sqrt(np.diagonal(covariances, axis1=-2, axis2=-1))
    corr_chol = np.linalg.cholesky(covariances) / stds[..., None]
    weights = rng.dirichlet(np.ones(k), size=(chains, draws))
    values = {
        "weights": weights,
        "means": rng.normal(size=(chains, draws, k, d)),
        "stds": stds,
        "corr_chol": corr_chol,
    }
    return MixtureDraws.of(values, "full"), covariances


def test_label_free_quantities_are_those_of_the_definition_whatever_the_labels():
    rng = np.random.default_rng(3)
    draws, covariances = some_posterior(rng)
    log_likelihood, points = rng.normal(size=(2, 50)), np.asfortranarray(rng.normal(size=(4, 2)))
    found = verdict.label_free_quantities(draws, log_likelihood, points)
    renamed = draws.permuted(np.array([rng.permutation(3) for _ in range(100)]).reshape(2, 50, 3))
    again = verdict.label_free_quantities(renamed, log_likelihood, points)
    assert again.labels == found.labels
    assert_allclose(again.values, found.values, rtol=1e-9, atol=1e-12)
    w, m = draws.weights, draws.means
    by_label = dict(zip(found.labels, np.moveaxis(found.values, -1, 0), strict=True))
    assert_allclose(by_label["entropy of the weights"], -(w * np.log(w)).sum(axis=-1), rtol=1e-10)
    assert np.array_equal(by_label["log_likelihood"], log_likelihood)
    for c, s in ((0, 0), (1, 7)):
        p = MixtureParams(w[c, s], m[c, s], covariances[c, s])
        assert_allclose(
            [by_label[f"log density at EM's mean {i}"][c, s] for i in range(4)],
            density.log_likelihood_per_obs(points, p),
            rtol=1e-10,
        )
        # The second moments of the mixture, less those of its mean.
        second = sum(w[c, s, k] * (covariances[c, s, k] + np.outer(m[c, s, k], m[c, s, k])) for k in range(3))
        mean = w[c, s] @ m[c, s]
        wanted = np.log(np.linalg.det(second - np.outer(mean, mean)))
        assert_allclose(by_label["log determinant of the total covariance"][c, s], wanted, rtol=1e-10)


def test_nothing_wrong_means_ok(golden):
    found = verdict.judge(GOOD, GOOD, CERTAIN, 4)
    assert found.ok
    assert found.reasons == ()
    golden(str(found))


def test_each_fault_is_a_reason(golden):
    bad = verdict.Diagnostics(1.25, "weights[1]", 30.0, "stds[0, a]", (0.25, 0.5))
    tied = LabellingDiagnostics(AGREED, 1.0, 0.0, (0, 0, 0, 0))
    found = verdict.judge(bad, bad, tied, 4, NutsCheck(7, 0.12, 0.25, start_shares=(0.75, 0.125)))
    assert not found.ok
    assert not found.label_free_ok
    agreement = {"r_hat": 1.25, "at": "weights[1]", "wanted": 1.01, "chain_means": (0.25, 0.5)}
    few = {"ess": 30.0, "at": "stds[0, a]", "wanted": 400}
    assert found.reasons == (
        Reason("chains_disagree", {"scope": "label_free", **agreement}),
        Reason("too_few_effective_draws", {"scope": "label_free", **few}),
        Reason("transitions_diverged", {"n": 7}),
        Reason("low_energy_fraction", {"bfmi": 0.12, "wanted": 0.3}),
        Reason("modes_without_chains", {"share": 0.125}),
        Reason("trajectories_cut_off", {"share": 0.25}),
        Reason("chains_disagree", {"scope": "components", **agreement}),
        Reason("too_few_effective_draws", {"scope": "components", **few}),
        Reason("labels_nearly_tied", {"share": 1.0}),
    )
    golden(str(found))


def test_where_only_names_fail_the_rest_may_be_read(golden):
    tied = LabellingDiagnostics(AGREED, 0.4, 0.0, (0, 0, 0, 0))
    found = verdict.judge(GOOD, GOOD, tied, 4)
    assert (found.ok, found.label_free_ok) == (False, True)
    golden(str(found))


def test_what_the_sampler_says_is_read_off_its_statistics():
    rng = np.random.default_rng(5)
    energy = rng.normal(size=(2, 4000)).cumsum(axis=1)
    energy[0] = rng.normal(size=4000)
    deepest = np.zeros((2, 4000), bool)
    deepest[1, :40] = True
    stats = {"energy": energy, "diverging": deepest[:, ::-1], "maxdepth_reached": deepest}
    found = NutsCheck.of(stats, [], 4000)
    assert (found.divergences, found.share_at_largest_depth) == (40, 0.005)
    # Of independent energies it is two, of a random walk next to nothing.
    assert found.smallest_bfmi < 0.05
    first = NutsCheck.of({name: v[:1] for name, v in stats.items()}, [], 4000)
    assert first.smallest_bfmi == pytest.approx(2, abs=0.2)


def test_a_single_chain_cannot_be_judged():
    found = verdict.judge(verdict.Diagnostics(np.nan, "", 900.0, ""), GOOD, CERTAIN, 1)
    assert found.reasons == (Reason("single_chain"),)


def test_weighted_draws_are_judged_by_their_weights(golden):
    bad = verdict.Diagnostics(1.25, "weights[1]", 30.0, "stds[0, a]")
    # Weighted draws are independent: what chains would be refused for says nothing of them.
    found = verdict.judge(bad, bad, CERTAIN, 1, ImportanceCheck(0.4, 0.7, 900.0))
    assert found.ok
    golden(str(found))
    assert verdict.judge(GOOD, GOOD, CERTAIN, 4, ImportanceCheck(0.66, 0.64, 20.0)).reasons == (
        Reason("gaussian_does_not_fit", {"pareto_k": 0.66, "wanted": 0.64}),
        Reason("too_few_weighted_draws", {"ess": 20.0, "wanted": 400}),
    )
    assert not verdict.judge(GOOD, GOOD, CERTAIN, 4, ImportanceCheck(np.nan, 0.7, 900.0)).ok


def test_what_is_known_of_the_posterior_as_a_whole(golden):
    bad = verdict.Diagnostics(1.4, "entropy of the weights", 900.0, "entropy of the weights")
    tied = LabellingDiagnostics(AGREED, 0.3, 0.0, (0, 0))
    two = (TemperingCheck(1.0, 50), (0.6, 0.4))
    assert verdict.judge(GOOD, GOOD, CERTAIN, 4).exploration == "one mode"
    assert verdict.judge(GOOD, GOOD, tied, 4).exploration == "not identified"
    assert verdict.judge(bad, GOOD, CERTAIN, 4).exploration == "not explored"
    assert verdict.judge(bad, GOOD, CERTAIN, 4, *two).exploration == "not explored"
    found = verdict.judge(GOOD, bad, tied, 4, *two)
    assert found.exploration == "several modes, explored"
    golden(str(found))


def test_draws_that_stopped_on_the_way_are_refused():
    found = verdict.judge(GOOD, GOOD, CERTAIN, 4, TemperingCheck(0.25, 50))
    assert not found.label_free_ok
    assert found.reasons == (Reason("tempering_stopped", {"beta": 0.25}),)


def test_a_posterior_in_pieces_is_not_one_of_a_single_mode():
    found = verdict.judge(GOOD, GOOD, CERTAIN, 4, TemperingCheck(1.0, 50), (0.3, 0.04, 0.03))
    assert found.exploration == "several modes, explored"
    assert found.reasons == (Reason("no_dominant_mode", {"n_modes": 1, "largest_share": 0.3}),)


def test_few_ancestors_are_refused():
    found = verdict.judge(GOOD, GOOD, CERTAIN, 4, TemperingCheck(1.0, 7))
    assert not found.label_free_ok
    assert found.reasons == (Reason("too_few_ancestors", {"n": 7, "wanted": 20}),)
