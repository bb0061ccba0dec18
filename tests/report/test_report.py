"""The report as a reader and a browser meet it: what it says, what it leaves out, and that it is whole."""

import copy
import dataclasses
import re
from base64 import b64encode
from hashlib import sha256
from html.parser import HTMLParser
from importlib.resources import files
from itertools import pairwise
from unittest import mock

import examples
import matplotlib
import numpy as np
import pandas as pd
import pytest
from covariance_families import TABLE
from matplotlib.patches import PathPatch
from verdicts import MADE_UP, judged

from bayesgmm import BayesGaussianMixture, compare, load, partition, save
from bayesgmm.comparison import predictive
from bayesgmm.errors import FileProblem
from bayesgmm.mixture.draws import MixtureDraws
from bayesgmm.mixture.families import family_of
from bayesgmm.report import tables, write, write_report
from bayesgmm.report.drawing import Drawing
from bayesgmm.report.figures import sketches
from bayesgmm.report.names import Name, Shortener, quantities
from bayesgmm.report.summary import summarise
from bayesgmm.support.sentences import count, with_sd
from bayesgmm.wording import Reason
from bayesgmm.wording.numbers import number, probability, signed
from bayesgmm.wording.page import listed
from bayesgmm.wording.reasons import PAGE

VOID = {"meta", "img", "br", "link", "input", "hr"}
HOSTILE = ["<script>alert('1')</script> & \"é🦩 $x^2$", "long " * 2000 + "end"]


def without_scripts(html):
    return re.sub(r"<script.*?</script>", "", html, flags=re.DOTALL)


class Page(HTMLParser):
    """The elements of a page in their order, and the text of it without style."""

    def __init__(self, html):
        super().__init__()
        self.elements, self.open, self.texts = [], [], []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if not {"style", "script"} & set(self.open):
            self.texts.append(data)

    @property
    def text(self):
        return " ".join(" ".join(self.texts).split())

    def all(self, tag):
        return [attrs for name, attrs in self.elements if name == tag]


def written(bayes, folder, **options):
    path = write_report(bayes, folder / "report.html", progressbar=False, **options)
    return path.read_text(encoding="utf-8")


def refused(bayes):
    """The same fit with a verdict that forbids reading components."""
    return judged(bayes, False)


@pytest.fixture(scope="module", autouse=True)
def few_replications():
    """Enough to be shown; how many there are is no business of the page's."""
    with mock.patch.object(predictive, "REPLICATIONS", 100):
        yield


@pytest.fixture(scope="module")
def html(faithful_fit, tmp_path_factory):
    return written(faithful_fit, tmp_path_factory.mktemp("report"), title="Old Faithful")


@pytest.fixture(scope="module")
def result(faithful_fit):
    return compare(faithful_fit)


@pytest.fixture(scope="module")
def small_fit():
    """A quick fit of two well separated groups in one dimension; its verdict is of no interest."""
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"length": np.concatenate([rng.normal(0, 1, 40), rng.normal(9, 1, 40)])})
    settings = {"draws": 50, "tune": 50, "chains": 2, "random_state": 0, "progressbar": False}
    return BayesGaussianMixture(2, **settings).fit(X)


# ------------------------------------------------------------ the page


def test_the_page_is_well_formed_and_needs_nothing_else(html):
    page = Page(html)
    assert page.open == []
    assert page.all("html") == [{"lang": "en"}]
    assert page.all("h1")
    assert "Old Faithful" in page.text
    for _, attrs in page.elements:
        for name in ("src", "href"):
            assert attrs.get(name, "#").startswith(("data:image/", "#"))
    assert not page.all("link")
    # The libraries name addresses and fetch none: the browser is told to refuse them.
    assert not re.search(r"https?://", without_scripts(html))
    data, script = page.all("script")
    assert data == {"type": "application/json", "id": "view-data"}
    assert script == {"type": "module"}
    (policy,) = [a["content"] for a in page.all("meta") if a.get("http-equiv") == "Content-Security-Policy"]
    code = html.split('<script type="module">')[1].split("</script>")[0]
    digest = b64encode(sha256(code.encode()).digest()).decode()
    assert (
        f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-{digest}';"
        in policy
    )
    assert re.findall(r"url\(|@import", html.split("</style>")[0]) == []
    ids = [attrs["id"] for _, attrs in page.elements if "id" in attrs]
    assert len(ids) == len(set(ids))
    assert {a["href"][1:] for a in page.all("a")} <= set(ids)


def test_pictures_and_tables_can_be_read_aloud(html):
    page = Page(html)
    pictures = page.all("img")
    assert len(pictures) == 12
    assert all(len(p["alt"]) > 60 for p in pictures)
    assert len({p["alt"] for p in pictures}) == 12
    assert all(int(p["width"]) > 300 and int(p["height"]) > 200 for p in pictures)
    assert len(page.all("table")) == len(page.all("caption")) == 7
    assert all(th["scope"] in ("row", "col") for th in page.all("th"))
    kinds = [p["src"].split(";")[0].split(",")[0] for p in pictures]
    assert kinds.count("data:image/svg+xml") == 7


def test_headings_skip_no_level_and_each_section_has_one(html):
    page = Page(html)
    levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(b - a <= 1 for a, b in pairwise(levels))
    ids = {attrs["id"] for tag, attrs in page.elements if re.fullmatch(r"h[1-6]", tag) and "id" in attrs}
    assert all(section["aria-labelledby"] in ids for section in page.all("section"))


def test_the_page_is_small_enough_to_be_kept_with_the_source(html):
    assert len(html.encode()) < 2_000_000
    assert len(without_scripts(html).encode()) < 900_000


def test_contrast_of_all_text_colours_is_enough():
    def luminance(colour):
        channels = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
        linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
        return linear @ [0.2126, 0.7152, 0.0722]

    css = files("bayesgmm.report").joinpath("style.css").read_text(encoding="utf-8")
    variables = dict(re.findall(r"--(\w+): (#[0-9a-f]{6})", css))
    grounds = [variables["ground"], "#ffffff", *re.findall(r"background: (#[0-9a-f]{6});", css)]
    assert len(grounds) == 4
    # No text has another colour than these, and none is made paler.
    assert set(re.findall(r"[^-]color: ([^;]+);", css)) == {
        f"var(--{c})" for c in ("ink", "soft", "link", "good", "stop")
    }
    assert "opacity" not in css
    for name in ("ink", "soft", "link", "good", "stop"):
        for ground in grounds:
            bright, dark = luminance(ground), luminance(variables[name])
            assert (bright + 0.05) / (dark + 0.05) >= 4.5, (name, ground)


# ------------------------------------------------------------ what it says


def test_the_summary_says_what_the_objects_hold(html, faithful_fit, faithful_frame, result):
    text = Page(html).text
    em = faithful_fit.em_.predict_proba(faithful_frame)
    membership = faithful_fit.predict_proba(faithful_frame)
    sure = sum(max(row) > 0.95 for row in membership)
    em_sure = sum(max(row) > 0.95 for row in em)
    alike = sum(a.argmax() == b.argmax() for a, b in zip(em, membership, strict=True))
    assert alike == 272
    summary = summarise(faithful_fit, result, None)
    for finding in (summary.headline, *summary.grounds, *summary.points):
        assert finding.sentence(PAGE) in text
    counts = {"k": 2, "n": 272, "above": sure, "above_by_em": em_sure, "alike": 272, "threshold": 0.95}
    assert summary.headline == Reason("memberships", counts)
    found = {point.code: point.values for point in summary.points}
    assert found["assignments"]["differing"] == sum(
        max(abs(a - b)) > 0.1 for a, b in zip(em, membership, strict=True)
    )
    assert found["assignments"]["largest"] == pytest.approx(np.abs(em - membership).max())
    inside = sum(p.lower <= p.em <= p.upper for p in result.parameters.itertuples())
    assert (found["estimates"]["inside"], found["estimates"]["n"]) == (inside, 12)
    assert found["no_draw_exceeds_em"]["em"] == faithful_fit.em_.log_likelihood_
    odd = [c.name for c in result.predictive if not 0.025 <= c.p_value <= 0.975]
    checks = found.get("replications_alike") or found["replications_differ"]
    assert (checks["n"], list(checks.get("names", ()))) == (17, odd)
    assert found["em_starts"]["starts"] == faithful_fit.em_.modes_["n_starts"].sum()
    assert found["em_starts"]["ended"] == ""


@pytest.mark.slow
def test_a_spurious_maximum_is_called_one(faithful_fit, tmp_path):
    fit = examples.with_fit(faithful_fit, em=copy.copy(faithful_fit.em_))
    modes = fit.em_.modes_
    fit.em_.modes_ = pd.concat([modes.head(1)] * 3, ignore_index=True).assign(spurious=[True, True, False])
    text = Page(written(fit, tmp_path)).text
    found = summarise(fit, compare(fit), None).points[-1]
    assert (found.values["spurious"], found.values["kept_is_spurious"]) == (1, True)
    assert str(found) in text
    assert text.count("converged, looks spurious") == 2
    assert Reason("spurious_maximum") in compare(fit).findings
    assert Reason("spurious_maximum") not in compare(faithful_fit).findings


def test_the_tables_hold_the_numbers_of_the_comparison(html, result):
    text = Page(html).text
    p = result.parameters.loc["means[1, waiting]"]
    interval = f"{p.lower:.2f} to {p.upper:.2f}"
    row = f"mean of waiting 1 {p.em:.2f} {p['mean']:.2f} {p.sd:.2f} {interval} {signed(p.difference)}"
    assert p.inside and p.decided_by == "data"
    row += " inside data"
    assert row in text
    worst = result.assignments["largest_difference"].idxmax()
    a = result.assignments.loc[worst]
    assert (
        f"{worst} {a.em_label:.0f} {a.bayes_label:.0f} {a.em_probability:.3f} {a.bayes_probability:.3f}"
        in text
    )


@pytest.mark.parametrize("family", list(TABLE))
def test_parameters_are_named_in_the_order_of_the_comparison(family):
    kinds = {"weights": "weight", "means": "mean", "stds": "sd", "correlations": "correlation"}
    shapes = {"cluster": 3, "feature": 2, "feature_bis": 2}
    values = {
        name: np.tile(np.eye(2), (1, 1, *[shapes[d] for d in dims[:-2]], 1, 1))
        if name == "corr_chol"
        else np.ones((1, 1, *[shapes[d] for d in dims]))
        for name, dims in family_of(family).dims(2).items()
    }
    draws = MixtureDraws.of(values, family)
    labels = [p.label(["eruptions", "waiting"]) for p in draws.parameters]
    named = quantities(draws, [Name.of("eruptions"), Name.of("waiting")])
    for label, (name, component) in zip(labels, named, strict=True):
        kind, _, inner = label.rstrip("]").partition("[")
        parts = inner.split(", ") if inner else ["all"]
        features = [p for p in parts if not p.isdigit() and p != "all"]
        assert component == (parts[0] if parts[0].isdigit() else "all")
        assert name.full == " of ".join([kinds[kind], *([" and ".join(features)] if features else [])])


def test_the_fit_can_be_made_again_from_what_is_said(html, faithful_fit):
    text = Page(html).text
    attrs = faithful_fit.posterior_.attrs
    for key in ("data_sha256", "versions", "predictive_seed", "created_by"):
        assert str(attrs[key]) in text
    assert "random_state 0 " in text
    assert "Derived from these data" in text
    assert "4 chains of 1000 draws after 600 of warm-up" in text
    for line in faithful_fit.prior_.describe(["eruptions", "waiting"], 2):
        assert line in text


@pytest.mark.slow
def test_a_seed_that_is_no_number_and_another_family_are_told_as_they_are(tmp_path, faithful_frame):
    settings = {"draws": 60, "method": "laplace", "progressbar": False}
    bayes = BayesGaussianMixture(2, covariance_type="spherical", random_state=None, **settings).fit(
        faithful_frame * [20, 1]
    )
    text = Page(written(bayes, tmp_path)).text
    assert (
        f"random_state not a number; SeedSequence of entropy {bayes.posterior_.attrs['seed_entropy']}" in text
    )
    assert "correlations ~ LKJ" not in text
    assert "stds ~ Hierarchical" in text
    numpy_seed = BayesGaussianMixture(1, random_state=np.int64(3), **settings).fit(faithful_frame)
    assert "random_state 3 " in Page(written(numpy_seed, tmp_path)).text
    # The same again from what is said.
    seed = np.random.SeedSequence(int(bayes.posterior_.attrs["seed_entropy"]))
    again = BayesGaussianMixture(2, covariance_type="spherical", random_state=seed, **settings).fit(
        faithful_frame * [20, 1]
    )
    assert np.array_equal(again.posterior_["posterior"]["means"], bayes.posterior_["posterior"]["means"])


# ------------------------------------------------------------ where components must not be read


def test_a_refused_fit_says_so_first_and_shows_no_components(faithful_fit, tmp_path):
    html = written(refused(faithful_fit), tmp_path)
    page = Page(html)
    assert page.open == []
    text = page.text
    summary = text[text.index("Summary") :]
    assert re.match(rf"Summary [^.]*\. {MADE_UP} ", summary)
    assert Reason("components_left_out", {"label_free_ok": True}).sentence(PAGE) in text
    # What does not depend on names is offered instead.
    part = {"sizes": (175, 97), "em_inside": True, "kmeans_inside": True}
    assert Reason("one_partition", part).sentence(PAGE) in text
    ids = {attrs["id"] for _, attrs in page.elements if "id" in attrs}
    assert {i for i in ids if i.startswith("figure-")} == {
        f"figure-{k}"
        for k in ("fit", "similarity", "uncertainty", "likelihood", "predictive", "pit", "em", "prior")
    }
    assert "parameters" not in ids
    for gone in (
        "a membership above",
        "Share, Bayes",
        "mean of waiting",
        "p by EM",
        "posterior mean of the parameters",
    ):
        assert gone not in text
    pictures = "".join(p["alt"] for p in page.all("img"))
    assert "ellipse" not in pictures
    assert "component" not in pictures
    assert f"{faithful_fit.em_.log_likelihood_:.2f}" in text


def test_diagnostics_name_a_parameter_only_where_components_have_names(faithful_fit):
    shorten = Shortener(["eruptions", "waiting"])
    for bayes, named in ((faithful_fit, True), (refused(faithful_fit), False)):
        rows = {row[0]: row[2] for row in tables.diagnostics(bayes, shorten).rows}
        assert (rows["largest R-hat, parameters of the components"] != "–") == named
        assert rows["largest R-hat, label-free quantities"] != "–"


def test_the_pictures_of_a_refused_fit_are_label_free(faithful_fit, result):
    names, bayes = [Name.of("eruptions"), Name.of("waiting")], refused(faithful_fit)
    result = dataclasses.replace(result, bayes=bayes)
    drawn = {s.key: s.draw() for s in sketches(bayes, result, names, partition(bayes))}
    patches = [a for ax in drawn["fit"].axes for a in ax.get_children() if isinstance(a, PathPatch)]
    assert patches == []
    legend = [t.get_text() for t in drawn["fit"].legends[0].get_texts()]
    assert legend == ["EM density", "posterior mean density", "95 % posterior band"]
    assert not any("posterior mean" in t.get_text() for t in drawn["likelihood"].legends[0].get_texts())


# ------------------------------------------------------------ names that want to break the page


def test_hostile_names_and_titles_are_text_and_nothing_else(tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(60, 2)) + 20 * rng.integers(0, 2, (60, 1)), columns=HOSTILE)
    settings = {"draws": 50, "tune": 50, "chains": 2, "random_state": 0, "progressbar": False}
    bayes = BayesGaussianMixture(2, **settings).fit(X)
    # Both ways through the page: as it may be judged, and as if all were well.
    bayes = examples.with_verdict(bayes, ok=True, reasons=())
    html = written(bayes, tmp_path, title="<b>&\"'\x00\ud800")
    page = Page(html)
    assert page.open == []
    # The data of the view and its script, and none besides.
    assert len(page.all("script")) == html.count("<script") == html.count("</script") == 2
    assert not page.all("b")
    assert "<b>&\"'" in page.text
    assert HOSTILE[0] in page.text
    # In full only where the title attribute gives it.
    assert HOSTILE[1] not in page.text
    assert any(" ".join(HOSTILE[1].split()) in span.get("title", "") for span in page.all("span"))
    assert max(len(t) for t in page.texts) < 2000
    monkeypatch.setattr(write, "drawn", lambda sketch: Drawing(sketch, "<svg/>", 1, 1))
    refusal = Page(written(refused(bayes), tmp_path))
    assert len(refusal.all("script")) == 2
    assert max(len(t) for t in refusal.texts) < 2000


# ------------------------------------------------------------ the file


def test_without_the_view_a_page_runs_nothing_and_says_what_it_holds(small_fit, tmp_path, monkeypatch):
    monkeypatch.setattr(write, "drawn", lambda sketch: Drawing(sketch, "<svg/>", 1, 1))
    monkeypatch.setattr(write, "view_script", lambda: pytest.fail("the script was put together"))
    html = written(small_fit, tmp_path, interactive=False)
    assert "<script" not in html
    assert "script-src 'none'" in html
    assert len(html) < 150_000
    assert "holds values of observations themselves" in Page(html).text


def test_the_same_fit_gives_the_same_bytes_whatever_the_users_style_and_after_loading(small_fit, tmp_path):
    first = written(small_fit, tmp_path)
    with matplotlib.rc_context({"axes.facecolor": "black", "font.size": 30, "svg.hashsalt": None}):
        before = dict(matplotlib.rcParams)
        save(small_fit, tmp_path / "fit.nc")
        again = written(load(tmp_path / "fit.nc"), tmp_path)
        assert dict(matplotlib.rcParams) == before
    assert again == first


def test_nothing_is_half_written_when_a_picture_fails(small_fit, tmp_path, monkeypatch):
    target = tmp_path / "report.html"
    target.write_text("an older report")
    drawn = []

    def fails_later(sketch):
        drawn.append(sketch.key)
        if len(drawn) == 3:
            raise RuntimeError("no ink")
        return Drawing(sketch, "<svg/>", 1, 1)

    monkeypatch.setattr(write, "drawn", fails_later)
    with pytest.raises(RuntimeError, match="no ink"):
        write_report(small_fit, target, progressbar=False)
    assert target.read_text() == "an older report"
    assert [p.name for p in tmp_path.iterdir()] == ["report.html"]


def test_a_target_that_cannot_be_written_is_refused_before_any_work(small_fit, tmp_path, monkeypatch):
    monkeypatch.setattr(write, "compare", lambda *_, **__: pytest.fail("work was done"))
    with pytest.raises(FileProblem, match="does not exist; create it first"):
        write_report(small_fit, tmp_path / "nowhere" / "report.html")


def test_progress_counts_the_pictures(small_fit, tmp_path, monkeypatch):
    seen = []

    class Recorder(write.Steps):
        def step(self, name, total=None):
            seen.append((name, total))
            return super().step(name, total)

    monkeypatch.setattr(write, "Steps", Recorder)
    monkeypatch.setattr(write, "drawn", lambda sketch: Drawing(sketch, "<svg/>", 1, 1))
    html = written(small_fit, tmp_path)
    assert seen == [("report", len(Page(html).all("img")))]


# ------------------------------------------------------------ numbers and names


@pytest.mark.parametrize(
    ("value", "sd", "shown"),
    [
        (0.644127, 0.028612, "0.644"),
        (79.968121, 0.46361, "79.97"),
        (-80123.4, 1234.5, "-80123"),
        (1.0, 0.0, "1"),
        (2.036e-8, 2.87e-10, "2.036e-08"),
        (3.1e9, 4.2e7, "3.100e+09"),
        (0.0, 1e-12, "0.0e+00"),
    ],
)
def test_a_value_is_shown_with_the_digits_that_its_sd_leaves(value, sd, shown):
    assert with_sd(value, sd) == shown
    if sd:
        assert abs(float(shown) - value) < 0.06 * sd


def test_probabilities_never_round_to_certainty():
    shown = {
        0.0: "0.000",
        1e-9: "< 0.001",
        0.0005: "0.001",
        0.5: "0.500",
        0.9994: "0.999",
        0.9996: "> 0.999",
        1.0: "1.000",
    }
    assert {p: probability(p) for p in shown} == shown


def test_words_for_counts_lists_and_values():
    assert [count(n, "start") for n in (0, 1, 2)] == ["0 starts", "1 start", "2 starts"]
    assert listed(["a"]) == "a"
    assert listed(["a", "b", "c"]) == "a, b and c"
    assert listed(list("abcdefgh")) == "a, b, c, d, e, f and 2 more"
    assert number(214.90000001) == "214.9"
    assert [signed(v) for v in (-0.004, 0.0, 0.25, -3.0)] == ["0.00", "0.00", "+0.25", "-3.00"]


def test_long_names_are_shortened_inside_sentences():
    long = "x" * 100
    shorten = Shortener(["a", long, long + "y" * 100])
    sentence = shorten(f"at means[0, {long}] and means[1, {long + 'y' * 100}], not a")
    assert len(sentence) < 140
    assert sentence.count("…") == 2
    assert sentence.endswith("not a")
    assert Name.of(long).full == long
    assert len(Name.of(long).short) == 40
