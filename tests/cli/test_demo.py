"""The demonstration: one page for each shipped data set, and an index that shows them."""

import re
from pathlib import Path

import numpy as np
import pytest
from command_line import done, refusal
from PIL import Image
from verdicts import MADE_UP, judged

from bayesgmm import BayesGaussianMixture, EMGaussianMixture, compare, datasets
from bayesgmm.cli.demo import PAGES, _entry


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(autouse=True)
def reports(monkeypatch):
    """Short fits by one method; and reports, which have tests of their own, as a line with the title."""
    defaults = BayesGaussianMixture.__init__.__kwdefaults__
    for name, value in {"draws": 50, "chains": 2, "method": "nuts"}.items():
        monkeypatch.setitem(defaults, name, value)
    calls = {}

    def write_report(bayes, path, *, title=None, comparison=None, progressbar=True):
        assert comparison.bayes is bayes
        calls[title] = bayes
        Path(path).write_text(f"<title>{title}</title>")

    monkeypatch.setattr("bayesgmm.report.write_report", write_report)
    return calls


def test_every_data_set_has_a_page_with_its_number_of_groups():
    assert list(PAGES) == datasets.names()
    for name, page in PAGES.items():
        dataset = datasets.load(name)
        assert page.n_components == dataset.n_components
        if dataset.labels is not None:
            assert page.n_components == len(set(dataset.labels))


@pytest.mark.parametrize("ok", [True, False])
def test_the_index_gives_the_headline_and_what_speaks_against_names(faithful_fit, ok):
    bayes = judged(faithful_fit, ok)
    entry = _entry(PAGES["faithful"], datasets.load("faithful"), compare(bayes))
    assert entry.startswith("## [Old Faithful](old_faithful.html)")
    above = int((faithful_fit.membership_.max(axis=1) > 0.95).sum())
    assert (f"{above} of 272 observations" in entry) == ok
    assert (str(MADE_UP) in entry) == (not ok)


@pytest.mark.slow
def test_all_pages_with_an_index(reports, folder):
    result = done("demo", "--all", "--output", "pages")
    index = Path("pages/README.md").read_text()
    links = re.findall(r"\]\(([^)]+)\)", index)
    assert links == [
        place for page in PAGES.values() for place in (f"{page.file}.html", f"figures/{page.file}.png")
    ]
    written = {str(path.relative_to("pages")) for path in Path("pages").rglob("*") if path.is_file()}
    assert written == {*links, "README.md"}
    lines = result.stdout.splitlines()
    assert len(lines) == len(PAGES) + 1
    for (name, page), line in zip(PAGES.items(), lines, strict=False):
        bayes = reports[page.title]
        np.testing.assert_array_equal(bayes.posterior_["observed_data"]["x"], datasets.load(name).X)
        title, verdict = line.split(": ", 1)
        assert title == page.title
        assert str(bayes.verdict_).startswith(verdict)
        # So few draws are refused, and the index says so.
        assert not bayes.verdict_.ok
        assert str(bayes.verdict_.reasons[0]) in index
        picture = Path(f"pages/figures/{page.file}.png")
        assert picture.stat().st_size < 150_000
        with Image.open(picture) as image:
            assert min(image.size) > 300
    announced = [line for line in result.stderr.splitlines() if re.search(r", \d of \d", line)]
    assert announced == [
        f"bayesgmm: {page.title}, {i} of {len(PAGES)} ..." for i, page in enumerate(PAGES.values(), start=1)
    ]


@pytest.mark.slow
def test_all_pages_are_the_same_bytes_each_time(monkeypatch):
    monkeypatch.delitem(PAGES, "penguins")
    monkeypatch.delitem(PAGES, "banknote")
    monkeypatch.delitem(PAGES, "iris")
    found = []
    for style in ("default", "dark_background"):
        import matplotlib.style

        with matplotlib.style.context(style):
            done("demo", "--all", "--output", style, "--quiet")
        found.append({path.name: path.read_bytes() for path in Path(style).rglob("*.*")})
    assert found[0] == found[1]


def test_a_readme_of_something_else_is_kept():
    Path("pages").mkdir()
    Path("pages/README.md").write_text("# My project\n")
    assert "is not an index of reports" in refusal("demo", "--all", "--output", "pages")
    assert Path("pages/README.md").read_text() == "# My project\n"
    assert not list(Path("pages").glob("*.html"))


def test_the_reason_for_the_galaxies_is_true():
    X = datasets.galaxies().X
    bic = {k: EMGaussianMixture(k, random_state=0).fit(X).bic(X) for k in range(1, 6)}
    assert min(bic, key=bic.get) == PAGES["galaxies"].n_components


def test_what_cannot_be_written_is_refused_before_any_fit(monkeypatch, golden):
    monkeypatch.setattr(BayesGaussianMixture, "fit", None)
    Path("pages/README.md").mkdir(parents=True)
    golden(refusal("demo", "--all", "--output", "pages"))
    Path("other").mkdir()
    Path("other/figures").write_text("")
    golden(refusal("demo", "--all", "--output", "other"))
