"""Simulation-based calibration of the whole chain, and that it would find faults.

The simulator and what is ranked are plain NumPy; bench_sbc has more simulations and settings.
"""

import numpy as np
import pytest
from sbc import simulator
from sbc.chain import AMONG, OF_DRAWS, simulation
from sbc.quantities import log_joint
from scipy import stats

from bayesgmm.calibration.ranks import LEVEL, p_values, smallest_p, smallest_p_if_uniform

SIMULATIONS, SIMULATIONS_WITH_MISSING = 150, 200


@pytest.fixture(scope="module")
def found():
    return [simulation((index, "auto", 2, 2, 50, "full", 0.0, "")) for index in range(SIMULATIONS)]


def outside(found, fault):
    """Quantities whose ranks leave the band of 99 %."""
    if_uniform = smallest_p_if_uniform(len(found), AMONG + 1, np.random.default_rng(0))
    names = list(found[0][0][fault])
    p = {name: smallest_p([ranks[fault][name] for ranks, *_ in found], AMONG + 1) for name in names}
    return [name for name in names if p_values(p[name], if_uniform, AMONG + 1) < (1 - LEVEL) / len(names)]


@pytest.mark.slow
def test_ranks_of_the_truth_are_uniform(found):
    assert outside(found, "") == []
    accepted = sum(label_free_ok for _, label_free_ok, *_ in found)
    assert accepted > 0.9 * len(found)


@pytest.mark.slow
def test_ranks_are_uniform_where_a_fifth_of_the_cells_is_missing():
    found = [
        simulation((index, "nuts", 2, 2, 50, "full", 0.2, "")) for index in range(SIMULATIONS_WITH_MISSING)
    ]
    assert outside(found, "") == []


@pytest.mark.slow
@pytest.mark.parametrize("fault", OF_DRAWS)
def test_a_fault_of_draws_is_found(found, fault):
    assert outside(found, fault) != []


@pytest.mark.slow
def test_a_fit_of_half_of_the_data_is_found():
    fault = "half of the data"
    found = [simulation((index, "nuts", 2, 2, 50, "full", 0.0, fault)) for index in range(SIMULATIONS)]
    assert outside(found, fault) != []


def test_the_simulator_draws_what_it_says():
    """Each correlation of LKJ(eta) is beta on (-1, 1), with both numbers eta - 1 + D / 2."""
    rng = np.random.default_rng(3)
    d, a = 3, simulator.ETA - 1 + 3 / 2
    drawn = np.array([simulator.lkj(d, rng) for _ in range(4000)])
    assert np.linalg.eigvalsh(drawn).min() > 0
    for i, j in ((0, 1), (0, 2), (1, 2)):
        assert stats.kstest(drawn[:, i, j], stats.beta(a, a, loc=-1, scale=2).cdf).pvalue > 1e-3


def test_the_slow_formula_is_the_density():
    truth = simulator.simulated(2, 3, 5, "full", np.random.default_rng(4))
    found = log_joint(truth.weights[None], truth.means[None], truth.covariances[None], truth.X)[0]
    for c in range(2):
        law = stats.multivariate_normal(truth.means[c], truth.covariances[c])
        np.testing.assert_allclose(found[:, c], np.log(truth.weights[c]) + law.logpdf(truth.X), rtol=1e-9)
