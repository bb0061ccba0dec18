"""What is no fit, no comparison and no partition is refused wherever one belongs."""

import numpy as np
import pytest
from matplotlib.figure import Figure
from sklearn.exceptions import NotFittedError

from bayesgmm import BayesGaussianMixture, EMGaussianMixture, compare, partition, plots, save, write_report
from bayesgmm.errors import FileProblem, ParameterError

OF_A_FIT = {
    "compare": compare,
    "partition": partition,
    "save": lambda bayes: save(bayes, "fit.nc"),
    "write_report": lambda bayes: write_report(bayes, "page.html"),
    **{
        name: getattr(plots, name)
        for name in (
            *("plot_kmeans", "plot_labelling", "plot_modes", "plot_pit", "plot_prior", "plot_similarity"),
            *("plot_uncertainty", "trace_figure", "rank_figure"),
        )
    },
    "plot_ball": lambda bayes: plots.plot_ball(bayes, None),
    "plot_log_likelihood": lambda bayes: plots.plot_log_likelihood(bayes, None),
}
OF_A_COMPARISON = ("plot_parameters", "plot_predictive", "plot_shapes", "plot_pit")


@pytest.fixture(scope="module")
def em():
    return EMGaussianMixture(2, n_init=1, random_state=0).fit(np.random.default_rng(0).normal(size=(30, 2)))


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    yield
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", OF_A_FIT)
def test_a_fit_by_em_alone_or_anything_else_is_refused(name, em):
    for value in (em, None, 3, "fit.nc", BayesGaussianMixture, np.ones((3, 2))):
        with pytest.raises(ParameterError) as caught:
            OF_A_FIT[name](value)
        assert caught.value.details["got"] == type(value).__name__
    with pytest.raises(NotFittedError):
        OF_A_FIT[name](BayesGaussianMixture(2))


def test_a_fit_by_em_alone_is_told_where_it_belongs(em, golden):
    with golden.raises(ParameterError, name="bayes", got="EMGaussianMixture"):
        compare(em)
    with golden.raises(ParameterError, name="bayes", got="type"):
        save(BayesGaussianMixture, "fit.nc")


@pytest.mark.parametrize("name", OF_A_COMPARISON)
def test_what_is_no_comparison_is_refused(name, em):
    for value in (em, None, 3, "x"):
        with pytest.raises(ParameterError) as caught:
            getattr(plots, name)(value)
        assert caught.value.details["name"] == "result"


def test_what_is_no_partition_selection_or_axes_is_refused(faithful_fit):
    refused = {
        "part": lambda value: plots.plot_ball(faithful_fit, value),
        "choice": plots.plot_criteria,
        "ax": lambda value: plots.plot_prior(faithful_fit, ax=value),
    }
    for value in (3, "x", Figure()):
        for name in ("part", "choice"):
            with pytest.raises(ParameterError) as caught:
                refused[name](value)
            assert caught.value.details["name"] == name
        with pytest.raises(ParameterError):
            refused["ax"](value)
        with pytest.raises(ParameterError):
            plots.plot_uncertainty(faithful_fit, ax=value)
        with pytest.raises(ParameterError):
            plots.plot_similarity(faithful_fit, value)


def test_features_that_are_none_are_refused(faithful_fit):
    for value in (3, True, [True, False], [[1], [2]], [None], 1.5):
        with pytest.raises(ParameterError):
            plots.plot_uncertainty(faithful_fit, features=value)


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        ({"title": 3}, "title"),
        ({"title": b"x"}, "title"),
        ({"format": ["html"]}, "format"),
        ({"format": np.ones(2)}, "format"),
        ({"comparison": 3}, "comparison"),
    ],
)
def test_a_report_refuses_other_arguments(arguments, name, faithful_fit):
    with pytest.raises(ParameterError) as caught:
        write_report(faithful_fit, "page.html", **arguments)
    assert caught.value.details["name"] == name


@pytest.mark.parametrize("path", [None, 3, b"x", "a\0b", "\ud800", ["x"], ""])
def test_what_is_no_path_to_be_written_is_refused(path, faithful_fit):
    with pytest.raises(FileProblem):
        save(faithful_fit, path)
    with pytest.raises(FileProblem):
        write_report(faithful_fit, path)
