"""Numbers of components of rows with missing cells."""

import numpy as np
import pytest

from bayesgmm import EMGaussianMixture, datasets, select_components
from bayesgmm.errors import DataError, ParameterError


@pytest.fixture(scope="module")
def X():
    X = np.array(datasets.faithful().X)
    rng = np.random.default_rng(1)
    X[rng.random(X.shape) < 0.1] = np.nan
    return X[~np.isnan(X).all(axis=1)]


def test_criteria_of_em_are_those_of_single_fits(X):
    choice = select_components(
        X, [1, 2], families=["full", "diag"], criteria="em", missing="model", random_state=0
    )
    for family in ("full", "diag"):
        for k in (1, 2):
            em = EMGaussianMixture(k, covariance_type=family, missing="model", random_state=0).fit(X)
            row = choice.table.loc[family, k]
            assert row["log_likelihood"] == pytest.approx(em.log_likelihood_, rel=1e-6)
            assert row["bic"] == pytest.approx(em.bic(X), rel=1e-6)
    assert choice.best["bic"].n_components == 2
    assert choice.best_model_.missing == "model"


def test_every_criterion_takes_missing_cells(X):
    choice = select_components(
        X, [1, 2], draws=200, n_bootstrap=19, random_state=0, progressbar=False, missing="model"
    )
    assert choice.best["bic"] == choice.best["log_evidence"] == 2


def test_missing_cells_are_refused_unless_they_are_asked_for(X, golden):
    with golden.raises(DataError):
        select_components(X, [1, 2])
    with golden.raises(ParameterError, name="missing"):
        select_components(X, [1, 2], missing="drop")
