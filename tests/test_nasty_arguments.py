"""Kinds of arguments that once ended in an error of another library, one or two of each."""

import numpy as np
import pandas as pd
import pytest

from bayesgmm import (
    BayesGaussianMixture,
    EMGaussianMixture,
    MixtureParams,
    Prior,
    compare,
    datasets,
    select_components,
    write_report,
)
from bayesgmm.errors import BayesGMMError, DataError, ParameterError

X = np.random.default_rng(0).normal(size=(30, 2))
DAY = np.timedelta64(1, "D")
PRIOR = Prior(mean_loc=0.0, mean_scale=1.0, std_prior=("halfnormal", 1.0))
PARAMS = MixtureParams([0.5, 0.5], [[0.0, 0.0], [1.0, 1.0]], [np.eye(2)] * 2)
HUGE = np.array([[10**400, 1]], dtype=object)


class Unreadable:
    """Something that says it is an array, and is none."""

    def __array__(self, *_, **__):
        raise RuntimeError("no array")


REFUSED = {
    "a duration as a count": lambda: EMGaussianMixture(DAY).fit(X),
    "a duration as a tolerance": lambda: EMGaussianMixture(tol=DAY).fit(X),
    "a duration as a limit": lambda: BayesGaussianMixture(max_time=DAY).fit(X),
    "a duration as an order": lambda: EMGaussianMixture(order=np.timedelta64(0, "D")).fit(X),
    "a duration as a seed": lambda: EMGaussianMixture(random_state=DAY).fit(X),
    "a count without bound": lambda: EMGaussianMixture(10**30).fit(X),
    "a count beyond 64 bits": lambda: BayesGaussianMixture(draws=np.uint64(2**63)).fit(X),
    "an array as a switch": lambda: EMGaussianMixture(warm_start=X).fit(X),
    "text as a switch": lambda: BayesGaussianMixture(progressbar="no").fit(X),
    "a number as a switch": lambda: select_components(X, [1], overfitted=2),
    "rows that are unreadable": lambda: EMGaussianMixture().fit(Unreadable()),
    "weights that are unreadable": lambda: EMGaussianMixture().fit(X, sample_weight=Unreadable()),
    "weights beyond all numbers": lambda: EMGaussianMixture().fit(X, sample_weight=HUGE),
    "a start that is unreadable": lambda: EMGaussianMixture(means_init=Unreadable()).fit(X),
    "a start beyond all numbers": lambda: EMGaussianMixture(means_init=HUGE).fit(X),
    "a prior that is unreadable": lambda: Prior(
        mean_loc=Unreadable(), mean_scale=1.0, std_prior=("halfnormal", 1.0)
    ),
    "a prior for no number of components": lambda: PRIOR.resolve(None, 2),
    "a prior for less than no features": lambda: PRIOR.resolve(2, -1),
    "names that are none": lambda: PRIOR.describe(3, 2),
    "names that are one text": lambda: PRIOR.describe("ab", 2),
    "an order that is none": lambda: PARAMS.permuted([0, 0]),
    "a ragged order": lambda: PARAMS.permuted([[1, 2], [3]]),
    "a shift of text": lambda: PARAMS.rescaled("", 1.0),
    "a scale of another size": lambda: PARAMS.rescaled(0.0, [1.0, 1.0, 1.0]),
    "means of text": lambda: MixtureParams([1.0], [["a"]], [[[1.0]]]),
    "means that are missing": lambda: MixtureParams([1.0], [[np.nan]], [[[1.0]]]),
    "covariances that are missing": lambda: MixtureParams([1.0], [[0.0]], [[[np.nan]]]),
    "covariances that are complex": lambda: MixtureParams([1.0], [[0.0]], [[[1j]]]),
    "a version that is a table": lambda: datasets.galaxies(pd.Series([1, 2])),
    "a version that is missing": lambda: datasets.galaxies(pd.NA),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_refused_in_a_sentence_of_the_package(kind):
    with pytest.raises(BayesGMMError) as caught:
        REFUSED[kind]()
    assert isinstance(caught.value, ParameterError | DataError)


def test_half_a_covariance_is_refused(golden):
    with golden.raises(ParameterError, component=1, entry=(0, 1)):
        MixtureParams([0.5, 0.5], np.zeros((2, 2)), [np.eye(2), [[1.0, 0.5], [0.0, 1.0]]])


def test_of_a_fit_likewise(faithful_fit):
    for call in (
        lambda: compare(faithful_fit, [[1, 2], [3]]),
        lambda: compare(faithful_fit, Unreadable()),
        lambda: compare(faithful_fit, ci_prob=DAY),
        lambda: faithful_fit.similarity([[1, 2], [3]], 1),
        lambda: faithful_fit.similarity(1, Unreadable()),
        lambda: compare(faithful_fit, pd.Series([[1]] * len(faithful_fit.rows_))),
        lambda: faithful_fit.similarity([0, 1], [0, 1, 2]),
        lambda: faithful_fit.sample(10**30),
        lambda: faithful_fit.em_.sample(np.uint64(2**63)),
        lambda: write_report(faithful_fit, "page.html", interactive="no"),
    ):
        with pytest.raises(ParameterError):
            call()
