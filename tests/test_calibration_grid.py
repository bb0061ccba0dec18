"""The grid behind reports/calibration.md: what it simulates, and what it counts."""

import json
from dataclasses import replace

import numpy as np
import pytest
from calibration import page, scores, summary
from calibration.cells import CELLS, GROUPS, HALVES, Truth, _cells, matching
from calibration.records import Job, parts_of, prior_of, read, run

from bayesgmm import MixtureParams, Prior
from bayesgmm.mixture.density import log_likelihood_per_obs, simulate_from
from bayesgmm.mixture.draws import MixtureDraws

SHAPES = ("gauss", "t", "gamma", "lognormal")


def test_each_cell_has_a_name_and_a_group_of_its_own():
    assert len(CELLS) == len(list(_cells()))
    assert {cell.group for cell in CELLS.values()} == set(GROUPS)
    assert [c.group for c in matching("large, few*")] == ["few_rows"] * 2 + ["large"] * 4
    with pytest.raises(SystemExit, match="No cell matches 'larger'"):
        matching("larger")


@pytest.mark.parametrize("name", CELLS)
def test_halves_hold_other_data_sets(name):
    cell = CELLS[name]
    one, again, other = (cell.simulated(half, 3) for half in ("choose", "choose", "report"))
    np.testing.assert_array_equal(one.X, again.X)
    assert one.X.shape == (cell.n, cell.d)
    assert not np.array_equal(one.X, other.X)
    if cell.step:
        np.testing.assert_array_equal(one.X, cell.step * np.round(one.X / cell.step))


def test_overlapping_clusters_are_those_of_the_first_page():
    rng = np.random.default_rng([60, 2, HALVES["choose"] + 5])
    means = np.arange(2)[:, None] * np.array([rng.uniform(2, 3), 0.3])
    factors = np.array([[[1.0, 0.0], [0.0, 1.0]], [[1.2, 0.5], [0.0, 0.7]]])
    X, labels = simulate_from(np.array([0.6, 0.4]), means, factors, 60, rng)
    found = CELLS["overlapping-K2-D2-N60-2to3sd"].simulated("choose", 5)
    np.testing.assert_array_equal(found.X, X)
    np.testing.assert_array_equal(found.labels, labels)


@pytest.mark.parametrize("shape", SHAPES)
def test_noise_has_mean_0_variance_1_and_the_density_that_is_told(shape):
    truth = Truth(np.ones(1), np.array([[2.0]]), np.array([[[0.5]]]), shape)
    e, step = np.linspace(-150, 150, 600_001, retstep=True)
    density = 0.5 * np.exp(truth.log_density(2 + 0.5 * e[:, None]))
    moments = [(e**power * density).sum() * step for power in (0, 1, 2)]
    np.testing.assert_allclose(moments, [1, 0, 1], atol=1e-3)
    n = 40_000
    noise = (truth.simulated(n, np.random.default_rng(0))[0] - 2) / 0.5
    share = ((noise > -1) & (noise < 0)).mean()
    told = density[(e > -1) & (e < 0)].sum() * step
    # Five standard errors.
    assert abs(noise.mean()) < 5 / np.sqrt(n)
    assert abs(share - told) < 5 * np.sqrt(told * (1 - told) / n)


def test_density_in_several_features_is_that_of_the_rows():
    cell = CELLS["dimensions-K2-D5-N60-2.5to3sd"]
    truth = replace(cell.simulated("choose", 0).truth, shape="gauss")
    X = truth.simulated(9, np.random.default_rng(1))[0]
    params = MixtureParams.of_cholesky(truth.weights, truth.means, truth.cholesky)
    np.testing.assert_allclose(truth.log_density(X), log_likelihood_per_obs(X, params))
    np.testing.assert_allclose(truth.stds, params.stds)


def test_memberships_are_named_as_suits_them_best():
    labels = np.array([0, 0, 1, 2, 2])
    sure = np.eye(3)[labels] * 0.9 + 0.1 / 3
    found = scores.memberships_scored(sure[:, [2, 0, 1]], labels, 3)
    assert found["log_loss"] == pytest.approx(-np.log(0.9 + 0.1 / 3), abs=1e-5)
    assert found["accuracy"] == 1 and found["confidence"] == pytest.approx(0.9 + 0.1 / 3, abs=1e-5)
    # One of two components is two clusters'.
    merged = np.column_stack([sure[:, 0] + sure[:, 2], sure[:, 1]])
    assert scores.memberships_scored(merged, labels, 3)["accuracy"] == 1
    # Two of four components are one cluster's.
    split = np.column_stack([sure[:, 1], sure[:, 0] / 2, sure[:, 2], sure[:, 0] / 2])
    assert scores.memberships_scored(split, labels, 3)["brier"] == found["brier"]
    assert np.sum(found["bins"], axis=0) == pytest.approx([5, 5 * found["confidence"], 5], abs=1e-3)


def test_draws_take_the_order_of_the_nearest_true_means():
    truth = CELLS["separated-K3-D2-N36-6sd"].simulated("choose", 0).truth
    params = MixtureParams.of_cholesky(truth.weights, truth.means, truth.cholesky).permuted([2, 0, 1])
    draws = MixtureDraws.single(params, "full")
    found = scores.in_order_of(truth, draws)
    np.testing.assert_array_equal(found.means[0, 0], truth.means)
    values = scores.truth_values(truth)
    assert {kind: v.size for kind, v in values.items()} == {
        "weights": 3,
        "means": 6,
        "sds": 6,
        "correlations": 3,
    }
    np.testing.assert_allclose(found.parameter_values[0, 0], np.concatenate(list(values.values())))
    # A component that went astray is the one that is left over.
    means = np.array(draws.means)
    means[0, 0, 1] = 1e200
    astray = scores.in_order_of(truth, replace(draws, means=means))
    np.testing.assert_array_equal(astray.means[0, 0, 1:], truth.means[1:])


def test_places_tell_intervals():
    places = np.array(scores.places(np.arange(1000.0)[:, None], np.array([20.0, 30.0, 300.0, 500.0])))
    np.testing.assert_allclose(places, [0.02, 0.03, 0.3, 0.5])
    assert summary.coverage(places, 0.95) == 0.75
    assert summary.coverage(places, 0.5) == 0.5


def test_a_prior_as_text_is_in_units_of_the_columns():
    X = np.random.default_rng(0).normal([5, -3], [2, 40], (50, 2))
    default, found = Prior.from_data(X), prior_of("concentration=7, mean_scale=3", X)
    assert found.concentration == 7
    np.testing.assert_allclose(found.mean_scale, 3 * X.std(axis=0))
    np.testing.assert_allclose(found.mean_loc, default.mean_loc)
    assert parts_of('{"std_prior": ["gamma", 2, 1]}') == {"std_prior": ("gamma", 2, 1)}
    assert prior_of("", X) is None


def test_a_run_goes_on_where_it_was_stopped(tmp_path, monkeypatch, capsys):
    side = {"log_loss": 0.5, "brier": 0.3, "confidence": 0.8, "accuracy": 0.75, "bins": [[10, 8.0, 7]] * 7}
    settled = {"settled": True, "identifiable": False, "method": "nuts", "seconds": 1.0}
    places = {"density": [0.5, 0.99]}
    name = "few_rows-K2-D2-N30-4sd"
    jobs = [Job("report", name, i, False, "") for i in range(3)]
    lines = [
        json.dumps({**job._asdict(), **settled, "em": side, "bayes": side, "places": places, "em_places": {}})
        for job in jobs
    ]
    path = tmp_path / "fits.jsonl"
    path.write_text("\n".join([*lines, lines[0][:40]]))
    assert list(read(path)) == jobs
    run(jobs, path, 1)
    assert "3 fits, 3 of them known" in capsys.readouterr().out
    text = page.whole(read(path))
    assert (
        "| K2 D2 N30 4sd | 3 | 100 %, 0 % | +0.050 ± 0.000 | +0.050 ± 0.000 | 0.5, 0.5 | 0.3, 0.3 |" in text
    )
    assert "Other priors" not in text
