"""Kinds of arguments that once ended in an error of another library, or in many lines, one or two of each."""

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from bayesgmm import (
    BayesGaussianMixture,
    EMGaussianMixture,
    MixtureParams,
    Prior,
    compare,
    datasets,
    load,
    partition,
    save,
    select_components,
    write_report,
)
from bayesgmm.errors import BayesGMMError, DataError, FileProblem, ParameterError
from bayesgmm.plots import plot_fit
from bayesgmm.support.sentences import shown_value

X = np.random.default_rng(0).normal(size=(30, 2))
DAY = np.timedelta64(1, "D")
PRIOR = Prior(mean_loc=0.0, mean_scale=1.0, std_prior=("halfnormal", 1.0))
PARAMS = MixtureParams([0.5, 0.5], [[0.0, 0.0], [1.0, 1.0]], [np.eye(2)] * 2)
HUGE = np.array([[10**400, 1]], dtype=object)
# Fewer characters than a terminal's screen has.
LONGEST = 500


class Unreadable:
    """Something that says it is an array, and is none."""

    def __array__(self, *_, **__):
        raise RuntimeError("no array")


class Silent:
    """Something that cannot be shown."""

    def __repr__(self):
        raise RuntimeError("no repr")


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
    "a count beyond all numbers": lambda: EMGaussianMixture(10**400).fit(X),
    "a count below all numbers": lambda: EMGaussianMixture(-(10**5000)).fit(X),
    "a seed below all numbers": lambda: EMGaussianMixture(random_state=-(10**5000)).fit(X),
    "a tolerance beyond all numbers": lambda: EMGaussianMixture(tol=10**400).fit(X),
    "a floor beyond all numbers": lambda: EMGaussianMixture(reg_covar=10**400).fit(X),
    "a rate beyond all numbers": lambda: BayesGaussianMixture(target_accept=10**400).fit(X),
    "a limit beyond all numbers": lambda: BayesGaussianMixture(max_time=10**400).fit(X),
    "masked weights": lambda: EMGaussianMixture().fit(X, sample_weight=np.ma.masked_less(np.ones(30), 0)),
    "a masked prior": lambda: Prior(
        mean_loc=np.ma.masked_array([1.0, 2.0], [0, 1]), mean_scale=1.0, std_prior=("halfnormal", 1.0)
    ),
    "a masked scale of a prior": lambda: Prior(
        mean_loc=0.0, mean_scale=np.ma.masked_array([1.0, 2.0], [0, 1]), std_prior=("halfnormal", 1.0)
    ),
    "a masked start": lambda: EMGaussianMixture(means_init=np.ma.masked_array(X[:1])).fit(X),
    "more draws than fit into any memory": lambda: BayesGaussianMixture(draws=2**31 - 1).fit(X),
    "more chains than anyone runs": lambda: BayesGaussianMixture(chains=2**31 - 1).fit(X),
    "weights next to nothing": lambda: EMGaussianMixture().fit(X, sample_weight=np.full(30, 1e-300)),
    "weights next to infinity": lambda: EMGaussianMixture().fit(X, sample_weight=np.full(30, 1e300)),
    "values that cannot be squared": lambda: EMGaussianMixture().fit(X * 1e200),
    "values that cannot be added": lambda: EMGaussianMixture().fit(X / abs(X).max() * 1.7e308),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_refused_in_a_sentence_of_the_package(kind):
    with pytest.raises(BayesGMMError) as caught:
        REFUSED[kind]()
    assert isinstance(caught.value, ParameterError | DataError)
    assert is_sentence(str(caught.value))


def is_sentence(message):
    return "\n" not in message and 0 < len(message) <= LONGEST


UNSHOWN = {
    "nothing to show": Silent(),
    "400 digits": 10**400,
    "5,000 digits": 10**5000,
    "a matrix": np.zeros((3, 3)),
    "a frame": pd.DataFrame({"a": [1, 2]}),
    "a sparse matrix": sparse.csr_matrix(np.eye(3)),
    "many numbers": np.arange(900.0),
    "many texts": ["text\n"] * 900,
}
TAKES = {
    "n_components": lambda v: EMGaussianMixture(v).fit(X),
    "covariance_type": lambda v: EMGaussianMixture(covariance_type=v).fit(X),
    "init_params": lambda v: EMGaussianMixture(init_params=v).fit(X),
    "tol": lambda v: EMGaussianMixture(tol=v).fit(X),
    "order": lambda v: EMGaussianMixture(order=v).fit(X),
    "weights_init": lambda v: EMGaussianMixture(2, weights_init=v).fit(X),
    "target_accept": lambda v: BayesGaussianMixture(target_accept=v).fit(X),
    "max_time": lambda v: BayesGaussianMixture(max_time=v).fit(X),
    "method": lambda v: BayesGaussianMixture(method=v).fit(X),
    "em": lambda v: BayesGaussianMixture(em=EMGaussianMixture(v)).fit(X),
    "ks": lambda v: select_components(X, v, n_bootstrap=-1),
    "mean_loc": lambda v: Prior(mean_loc=[[v]], mean_scale=1.0, std_prior=("gamma", 1.0, 1.0)),
    "std_prior": lambda v: Prior(mean_loc=0.0, mean_scale=1.0, std_prior=v),
    "scale of std_prior": lambda v: Prior(mean_loc=0.0, mean_scale=1.0, std_prior=("halfnormal", [v])),
    "concentration": lambda v: Prior(
        concentration=v, mean_loc=[0.0, np.nan], mean_scale=1.0, std_prior=("gamma", 1.0, 1.0)
    ),
    "names of features": lambda v: PRIOR.describe(v, 2, "none"),
    "an order": lambda v: PARAMS.permuted(v),
    "weights": lambda v: MixtureParams(v, [[0.0]], [[[v]]]),
    "a data set": lambda v: datasets.load(v),
    "a version": lambda v: datasets.galaxies(v),
    "a file": lambda v: load(v),
}


@pytest.mark.parametrize("value", UNSHOWN)
@pytest.mark.parametrize("name", TAKES)
def test_what_is_refused_is_told_on_one_line(name, value):
    with pytest.raises(BayesGMMError) as caught:
        TAKES[name](UNSHOWN[value])
    assert is_sentence(str(caught.value)), str(caught.value)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a  b", "'a  b'"),
        (2.5, "2.5"),
        (Silent(), "Silent"),
        (np.zeros((2, 3)), "ndarray of shape (2, 3)"),
        (pd.Series([1, 2]), "Series of shape (2,)"),
        (np.array([1, 2]), "array([1, 2])"),
        (np.float64(2), "np.float64(2.0)"),
        (np.ndarray, "<class 'numpy.ndarray'>"),
        (10**400, "1" + 51 * "0" + "…" + 27 * "0"),
    ],
    ids=lambda case: case if isinstance(case, str) else "",
)
def test_a_value_as_sentences_show_it(value, text):
    assert shown_value(value) == text


def test_a_value_and_its_type():
    assert shown_value(2.0, typed=True) == "2.0 (float)"
    # Whose type is told already.
    assert shown_value(np.eye(2), typed=True) == "ndarray of shape (2, 2)"
    assert shown_value(Silent(), typed=True) == "Silent"


def test_weights_of_any_size_that_can_be_added_up_give_the_same_estimate():
    likeliest = EMGaussianMixture(2, random_state=0).fit(X)
    for size in (1e-7, 1e13):
        weighted = EMGaussianMixture(2, random_state=0).fit(X, sample_weight=np.full(len(X), size))
        np.testing.assert_allclose(weighted.means_, likeliest.means_, rtol=1e-6)


def test_sizes_of_weights_that_are_refused(golden):
    with golden.raises(DataError, total=3e-8):
        EMGaussianMixture().fit(X, sample_weight=1e-9)
    with golden.raises(DataError, total=3e16):
        EMGaussianMixture().fit(X, sample_weight=1e15)


def test_masks_are_told_of(golden):
    with golden.raises(DataError, n_masked=30):
        EMGaussianMixture().fit(X, sample_weight=np.ma.masked_greater(np.ones(30), 0))
    with golden.raises(ParameterError, n_masked=1):
        Prior(
            concentration=np.ma.masked_array([1.0, 2.0], [0, 1]),
            mean_loc=0.0,
            mean_scale=1.0,
            std_prior=("gamma", 1.0, 1.0),
        )


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
        lambda: faithful_fit.sample(10**400),
        lambda: faithful_fit.similarity(np.zeros((3, 3)), 1),
        lambda: compare(faithful_fit, ci_prob=10**400),
        lambda: compare(faithful_fit, progressbar="no"),
        lambda: compare(faithful_fit, progressbar=pd.DataFrame()),
        lambda: compare(faithful_fit, np.ma.masked_array(np.zeros(272))),
        lambda: partition(faithful_fit, np.zeros((3, 3))),
        lambda: plot_fit(faithful_fit, components=pd.DataFrame()),
        lambda: plot_fit(faithful_fit, components=[]),
    ):
        with pytest.raises(ParameterError) as caught:
            call()
        assert is_sentence(str(caught.value))


@pytest.mark.parametrize("path", [Silent(), 10**5000, pd.DataFrame()], ids=["silent", "huge", "frame"])
def test_what_is_no_path_is_told_on_one_line(path, faithful_fit):
    for write in (save, write_report):
        with pytest.raises(FileProblem) as caught:
            write(faithful_fit, path)
        assert is_sentence(str(caught.value))
