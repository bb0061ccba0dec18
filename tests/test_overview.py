"""What fits and comparisons show of themselves when they are printed or stand at the end of a notebook's
cell."""

import dataclasses
import re
from html.parser import HTMLParser

import examples
import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

import bayesgmm
from bayesgmm import BayesGaussianMixture, compare, datasets, overview
from bayesgmm.wording import Reason
from bayesgmm.wording import overview as wording

FAULT = Reason("made_up_fault", {"of": "<names>"})


@pytest.fixture
def refused(faithful_fit):
    """The same fit as if the verdict had refused its names."""
    return examples.with_verdict(faithful_fit, ok=False, reasons=(FAULT,))


class Page(HTMLParser):
    """Text and tags of a piece of HTML; a tag that is not closed fails."""

    def __init__(self, html):
        super().__init__()
        self.open, self.tags, self.words = [], [], []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in ("br", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)

    @property
    def text(self):
        return " ".join("".join(self.words).split())


def test_a_printed_fit_tells_data_verdict_components_and_where_to_look(faithful_fit):
    text = str(faithful_fit)
    assert "272 observations of 2 features: eruptions, waiting." in text
    assert f"EM converged at a log-likelihood of {faithful_fit.em_.log_likelihood_:.2f}." in text
    assert "Posterior: nuts, 4 x 1000 draws." in text
    assert str(faithful_fit.verdict_) in text
    posterior = faithful_fit.posterior_["posterior"]
    rows = {re.split("  +", line)[0]: re.split("  +", line)[1:] for line in text.splitlines() if "±" in line}
    assert list(rows) == ["Posterior mean ± sd:", "weight", "mean of eruptions", "mean of waiting"]
    draws = [posterior["weights"], *(posterior["means"][..., j] for j in range(2))]
    for cells, values in zip(list(rows.values())[1:], draws, strict=True):
        for k, cell in enumerate(cells):
            mean, sd = map(float, cell.split(" ± "))
            # Half a unit of the second digit of the standard deviation.
            assert sd == pytest.approx(values[..., k].to_numpy().std(), rel=0.05)
            assert mean == pytest.approx(values[..., k].to_numpy().mean(), abs=0.05 * sd)
        assert len(cells) == 2
    assert max(map(len, text.splitlines())) < 200


@pytest.mark.slow
def test_what_is_said_to_be_next_runs(faithful_fit, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = {"bayes": faithful_fit} | {
        name: getattr(bayesgmm, name) for name in ("compare", "write_report", "partition")
    }
    for code, _ in wording.NEXT:
        assert code in str(faithful_fit)
        exec(code, dict(names))
    for code in re.findall(r"partition\(bayes\)|bayes\.\w+", wording.COMPONENTS_HIDDEN):
        exec(code, dict(names))
    assert (tmp_path / "report.html").is_file()


def test_before_a_fit_all_is_as_in_scikit_learn():
    bayes = BayesGaussianMixture(3, random_state=1)
    assert str(bayes) == repr(bayes) == "BayesGaussianMixture(n_components=3, random_state=1)"
    assert bayes._repr_mimebundle_()["text/plain"] == repr(bayes)
    assert "sk-top-container" in bayes._repr_mimebundle_()["text/html"]
    assert "sk-top-container" in bayes._repr_html_()


def test_a_clone_of_a_fit_is_unfitted_and_the_repr_is_that_of_scikit_learn(faithful_fit):
    assert repr(faithful_fit) == repr(clone(faithful_fit)) == str(clone(faithful_fit))


def test_a_notebook_shows_the_fit(faithful_fit):
    bundle = faithful_fit._repr_mimebundle_()
    assert bundle["text/html"] == faithful_fit._repr_html_()
    assert bundle["text/plain"] == str(faithful_fit)
    page = Page(bundle["text/html"])
    assert str(faithful_fit.verdict_) in page.text
    for cell in overview.component_table(faithful_fit).to_numpy().ravel():
        assert cell in page.text
    assert not {"script", "link", "img", "iframe"} & {tag for tag, _ in page.tags}
    assert "http" not in bundle["text/html"]
    # Text has the colour of the page around it, whether that is light or dark.
    styles = " ".join(attrs.get("style", "") for _, attrs in page.tags)
    assert not re.search(r"(?<![-\w])(color:(?!inherit)|background)", styles)


def test_where_names_are_refused_no_component_is_shown(refused):
    for shown in (str(refused), Page(refused._repr_html_()).text):
        assert str(FAULT) in shown
        assert wording.COMPONENTS_HIDDEN in shown
        assert "±" not in shown


def test_names_of_columns_are_escaped_and_cut():
    X = np.random.default_rng(0).normal(size=(40, 7))
    names = ["<b>&", '"q"', "=1+1", "🐧", "\u202eabc", "x" * 10_000, "weight"]
    bayes = BayesGaussianMixture(1, draws=50, chains=2, method="nuts", random_state=0, progressbar=False)
    bayes.fit(pd.DataFrame(X, columns=names))
    bayes = examples.with_verdict(bayes, ok=True)
    html = bayes._repr_html_()
    page = Page(html)
    assert not {"b"} & {tag for tag, _ in page.tags}
    assert "mean of <b>&" in page.text
    assert "\u202e" not in html
    assert "\u202e" not in str(bayes)
    assert len(html) < 10_000
    assert "1 more features" not in str(bayes)
    assert "And 1 more feature." in str(bayes)
    assert "And 1 more feature." in page.text


def test_html_of_a_comparison_and_of_a_selection(faithful_fit, refused):
    result = compare(refused)
    readable = dataclasses.replace(result, components_readable=True)
    assert result.verdict in Page(result._repr_html_()).text
    assert not [tag for tag, _ in Page(result._repr_html_()).tags if tag == "table"]
    shown = Page(readable._repr_html_()).text
    assert all(name in shown for name in readable.parameters.index)
    choice = bayesgmm.select_components(
        datasets.galaxies().X, [1, 2], draws=100, n_bootstrap=0, random_state=0, progressbar=False
    )
    shown = Page(choice._repr_html_()).text
    assert choice.verdict in shown
    assert f"{choice.table.loc[2, 'bic']:.4g}" in shown
    assert "NaN" not in shown
