"""The door to the methods: one that is made up here passes everything that the package's own pass."""

import json
from dataclasses import replace
from html.parser import HTMLParser

import command_line
import numpy as np
import pytest
from numpy.testing import assert_array_equal

from bayesgmm import BayesGaussianMixture, compare, datasets, load, methods, save, write_report
from bayesgmm.errors import FileProblem, ParameterError
from bayesgmm.methods.check import MethodCheck
from bayesgmm.methods.method import Method
from bayesgmm.plots import trace_figure
from bayesgmm.report import write
from bayesgmm.report.drawing import Drawing


class AroundEM(Method):
    """Draws scattered around EM's estimate, in unconstrained coordinates: ten lines, and not a posterior."""

    name = "around_em"

    def draw(self, problem):
        settings, rng = problem.settings, np.random.default_rng(problem.seeds.draws)
        centre = problem.target.unconstrained(problem.em.params_)
        noise = rng.standard_normal((settings.chains, settings.draws, len(centre)))
        return self.drawn(problem, centre + 0.05 * noise)


@pytest.fixture
def around_em(monkeypatch):
    monkeypatch.setattr(methods, "METHODS", dict(methods.METHODS))
    methods.register(AroundEM())


@pytest.fixture
def made_up(around_em):
    X = datasets.faithful().X
    return BayesGaussianMixture(2, method="around_em", draws=500, random_state=0, progressbar=False).fit(X)


def test_its_draws_are_labelled_and_judged(made_up):
    assert made_up.method_ == "around_em"
    assert made_up.verdict_.ok
    assert made_up.verdict_.reasons == ()
    assert made_up.verdict_.check == MethodCheck()
    assert made_up.log_evidence_ is None
    # What is scattered is the mean in standardised coordinates.
    scatter = made_up.fit_.draws.means.std(axis=(0, 1)) / datasets.faithful().X.std(axis=0)
    np.testing.assert_allclose(scatter, 0.05, rtol=0.1)
    assert trace_figure(made_up).axes


def test_its_fit_comes_back_from_a_file_only_where_it_is_known(made_up, tmp_path, monkeypatch):
    path = save(made_up, tmp_path / "fit.nc")
    again = load(path)
    assert (again.method, again.method_, again.verdict_) == ("around_em", "around_em", made_up.verdict_)
    assert_array_equal(again.fit_.draws.means, made_up.fit_.draws.means)
    monkeypatch.delitem(methods.METHODS, "around_em")
    with pytest.raises(FileProblem, match="'around_em'"):
        load(path)


@pytest.mark.slow
def test_its_report_is_written_for_people_and_for_programs(made_up, tmp_path, monkeypatch):
    monkeypatch.setattr(write, "drawn", lambda sketch: Drawing(sketch, "<svg/>", 1, 1))
    page = write_report(made_up, tmp_path / "fit.html", interactive=False, progressbar=False)
    parser = HTMLParser()
    parser.feed(page.read_text(encoding="utf-8"))
    parser.close()
    assert AroundEM.story in page.read_text(encoding="utf-8")
    path = write_report(made_up, tmp_path / "fit.json", format="json", progressbar=False)
    found = json.loads(path.read_text(encoding="utf-8"))
    assert found["settings"]["method"] == "around_em"
    assert found["verdict"]["ok"]
    assert found["verdict"]["divergences"] is found["verdict"]["pareto_k"] is None
    assert len(found["parameters"]) == len(compare(made_up).parameters)


def test_the_command_line_tells_it_to_programs(made_up, tmp_path):
    save(made_up, tmp_path / "fit.nc")
    result = command_line.done("compare", str(tmp_path / "fit.nc"), "--json")
    found = json.loads(result.stdout)
    assert found["settings"]["method"] == "around_em"
    assert found["verdict"]["r_hat"] < 1.01


def test_an_unknown_method_is_refused_by_the_names_of_those_there_are(around_em):
    with pytest.raises(ParameterError) as raised:
        methods.find("vb")
    for name in ("auto", "nuts", "smc", "laplace", "around_em", "vb"):
        assert repr(name) in str(raised.value)
    with pytest.raises(ParameterError):
        BayesGaussianMixture(2, method="vb").fit(np.zeros((10, 2)))


def test_every_name_leads_to_a_method_of_that_name():
    assert methods.DEFAULT_METHOD in methods.METHODS
    assert methods.WITH_EVIDENCE in methods.METHODS
    for name in list(methods.METHODS):
        assert methods.find(name).name == name


@pytest.mark.parametrize("name", ["nuts", "smc", "laplace"])
def test_what_a_method_says_is_the_same_after_it_was_plain_numbers(name):
    check_type = methods.find(name).check_type
    check = check_type(**{field: i + 1.5 for i, field in enumerate(check_type.names())})
    if name != "smc":
        check = replace(check, start_shares=(1.0,))
    # A file gives a sequence of a single number back as that number.
    stored = {field: np.squeeze(value) for field, value in check.numbers().items()}
    assert check_type.from_numbers(stored) == check


def test_the_command_line_offers_the_methods_that_there_are():
    from bayesgmm.cli import main

    option = next(p for p in main.commands["fit"].params if p.name == "method")
    assert option.type.names() == list(methods.METHODS)
    assert option.default == methods.DEFAULT_METHOD
