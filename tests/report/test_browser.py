"""The page in a real browser, worked with mouse and keyboard."""

import io
import re
import shutil
from unittest import mock

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgb
from PIL import Image
from verdicts import judged

from bayesgmm import BayesGaussianMixture, datasets, write_report
from bayesgmm.comparison import predictive
from bayesgmm.plots.style import colour
from bayesgmm.report import write
from bayesgmm.report.drawing import Drawing

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(BROWSER is None, reason="there is no chromium; apt-get install chromium"),
]

POINTS = "#view-plot g.mark-symbol.role-mark path"
NAMES = [
    "</script><script>window.broken = 1</script><img src=x onerror='window.broken = 1'>",
    "image",
    'datum["x"].y[0]\\',
    "x" * 10_000 + "a",
    "x" * 10_000 + "b",
    "=HYPERLINK('http://example.org')",
    "\u202eright to left 🦩",
]


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        # Without a sandbox, for the sake of containers whose user is root.
        chromium = play.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        yield chromium
        chromium.close()


class Visit:
    """A page that is open, with what the browser has complained of and asked for."""

    def __init__(self, browser, path, **settings):
        self.page = browser.new_page(**({"viewport": {"width": 1000, "height": 900}} | settings))
        self.complaints, self.requests = [], []
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.address = path.as_uri()
        self.page.goto(self.address)
        if settings.get("java_script_enabled", True):
            self.page.locator(POINTS).first.wait_for()

    @property
    def points(self):
        return self.page.locator(POINTS).count()

    def titles(self):
        """Of the horizontal and the vertical axis."""
        return self.page.locator("#view-plot g.role-axis-title").all_text_contents()

    def point_at(self, place):
        self.page.locator(POINTS).nth(place).scroll_into_view_if_needed()
        box = self.page.locator(POINTS).nth(place).bounding_box()
        self.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        tip = self.page.locator("#vg-tooltip-element.visible")
        tip.wait_for()
        return tip.inner_text()

    def is_quiet(self):
        """Nothing went wrong, and nothing was fetched but the page itself and what it holds."""
        fetched = [u for u in self.requests if u != self.address and not u.startswith("data:")]
        return self.complaints == [] and fetched == []


@pytest.fixture
def open_page(browser):
    visits = []

    def opened(path, **settings):
        visits.append(Visit(browser, path, **settings))
        return visits[-1]

    yield opened
    for visit in visits:
        visit.page.close()


@pytest.fixture(scope="module", autouse=True)
def few_replications():
    with mock.patch.object(predictive, "REPLICATIONS", 100):
        yield


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("pages")


@pytest.fixture(scope="module")
def faithful_page(faithful_fit, folder):
    return write_report(faithful_fit, folder / "faithful.html", progressbar=False)


@pytest.fixture(scope="module")
def refused_page(faithful_fit, folder):
    return write_report(judged(faithful_fit, False), folder / "refused.html", progressbar=False)


def quickly(bayes, path):
    """A page whose static figures are left blank."""
    blank = '<svg xmlns="http://www.w3.org/2000/svg"/>'
    with mock.patch.object(write, "drawn", lambda sketch: Drawing(sketch, blank, 400, 300)):
        return write_report(bayes, path, progressbar=False)


QUICK = {"draws": 50, "tune": 50, "chains": 2, "random_state": 0, "progressbar": False, "method": "nuts"}


@pytest.fixture(scope="module")
def hostile_page(folder):
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(60, 7)) + 20 * rng.integers(0, 2, (60, 1)), columns=NAMES)
    return quickly(judged(BayesGaussianMixture(2, **QUICK).fit(X), True), folder / "hostile.html")


def test_pointing_at_an_observation_tells_its_row_values_and_memberships(
    open_page, faithful_page, faithful_fit, faithful_frame
):
    visit = open_page(faithful_page)
    assert visit.points == 272
    text = visit.point_at(100)
    n = int(re.search(r"Row (\d+)", text)[1])
    table = faithful_fit.memberships()
    k = table.labels[n]
    assert f"eruptions\t{faithful_frame['eruptions'][n]:g}" in text
    assert f"waiting\t{faithful_frame['waiting'][n]:g}" in text
    interval = f"{table.lower[n, k]:.3f} to {table.upper[n, k]:.3f}"
    em = faithful_fit.em_.predict_proba(faithful_frame)[n, k]
    assert f"{k}\t{table.mean[n, k]:.3f}\t{interval}\t{em:.3f}" in text
    assert visit.is_quiet(), visit.complaints + visit.requests


def test_another_feature_changes_the_axis_and_the_checkbox_leaves_fewer_points(open_page, faithful_page):
    visit = open_page(faithful_page)
    page = visit.page
    assert visit.titles() == ["eruptions", "waiting"]
    before = page.locator(POINTS).nth(100).get_attribute("transform")
    page.get_by_label("Horizontal axis").select_option("waiting")
    assert visit.titles() == ["waiting", "waiting"]
    assert page.locator(POINTS).nth(100).get_attribute("transform") != before
    page.get_by_label("Vertical axis").select_option("eruptions")
    assert visit.titles() == ["waiting", "eruptions"]
    ticks = page.locator("#view-plot g.role-axis-label").all_text_contents()
    page.get_by_label("Only uncertain observations (1)").check()
    assert visit.points == 1
    # The axes stay where they are.
    assert page.locator("#view-plot g.role-axis-label").all_text_contents() == ticks
    page.get_by_label("Only uncertain observations (1)").uncheck()
    assert visit.points == 272
    assert visit.is_quiet(), visit.complaints + visit.requests


def test_the_controls_can_be_reached_and_worked_by_keyboard(open_page, faithful_page):
    visit = open_page(faithful_page)
    keys = visit.page.keyboard
    visit.page.locator("#figure-fit .scroll").focus()
    keys.press("Tab")
    keys.press("ArrowDown")
    assert visit.titles() == ["waiting", "waiting"]
    keys.press("Tab")
    keys.press("ArrowUp")
    assert visit.titles() == ["waiting", "eruptions"]
    keys.press("Tab")
    keys.press("Space")
    assert visit.points == 1


def test_a_row_can_be_typed_instead_of_pointed_at(open_page, faithful_page, faithful_fit, faithful_frame):
    from playwright.sync_api import expect

    visit = open_page(faithful_page)
    page, told = visit.page, visit.page.locator("#view-told")
    assert told.get_attribute("role") == "status"
    assert told.inner_text() == ""
    page.get_by_label("Row").focus()
    page.keyboard.type("17")
    expect(told).to_contain_text("Row 17")
    text, table = told.inner_text(), faithful_fit.memberships()
    k = table.labels[17]
    assert f"waiting\t{faithful_frame['waiting'][17]:g}" in text
    assert f"{k}\t{table.mean[17, k]:.3f}\t{table.lower[17, k]:.3f} to {table.upper[17, k]:.3f}" in text
    large = [i for i in range(272) if page.locator(POINTS).nth(i).get_attribute("stroke-width") == "4"]
    assert len(large) == 1
    assert "Row 17\n" in visit.point_at(large[0]) + "\n"
    assert told.locator("th[scope=row]").first.inner_text() == "eruptions"
    page.get_by_label("Only uncertain observations (1)").check()
    expect(told).to_contain_text("It is not drawn")
    page.get_by_label("Only uncertain observations (1)").uncheck()
    page.get_by_label("Row").focus()
    page.keyboard.press("End")
    page.keyboard.type("000")
    expect(told).to_contain_text("no row 17000")
    assert visit.points == 272
    assert visit.is_quiet(), visit.complaints + visit.requests


def test_a_refused_fit_is_shown_without_components(open_page, refused_page):
    visit = open_page(refused_page)
    assert visit.points == 272
    text = visit.point_at(100)
    assert "Shares a group with" in text
    assert "omponent" not in text
    legend = visit.page.locator("#view-plot g.role-legend-label").all_text_contents()
    assert legend == ["cluster 0", "cluster 1"]
    assert visit.is_quiet(), visit.complaints + visit.requests


def test_names_that_want_to_run_or_to_fetch_are_shown_as_they_are(open_page, hostile_page):
    visit = open_page(hostile_page)
    page = visit.page
    assert visit.points == 60
    assert page.evaluate("window.broken") is None
    options = page.get_by_label("Horizontal axis").locator("option").all_text_contents()
    assert len(options) == len(set(options)) == 7
    assert options[1:3] == ["image", NAMES[2]]
    for value, option in zip(range(7), options, strict=True):
        page.get_by_label("Horizontal axis").select_option(f"f{value}")
        assert option in visit.titles()[0]
        text = visit.point_at(3)
        assert f"{option}\t" in text
        assert page.locator("#vg-tooltip-element img").count() == 0
    assert page.evaluate("window.broken") is None
    assert visit.is_quiet(), visit.complaints + visit.requests


def test_a_script_that_is_not_ours_does_not_run(open_page, faithful_page, folder):
    page = folder / "tampered.html"
    html = faithful_page.read_text(encoding="utf-8")
    page.write_text(
        html.replace("</footer>", "<script>window.broken = 1</script></footer>"), encoding="utf-8"
    )
    visit = open_page(page)
    assert visit.page.evaluate("window.broken") is None
    assert any("Content Security Policy" in text for text in visit.complaints)


def test_one_dimension_stands_against_doubt(open_page, folder):
    bayes = judged(BayesGaussianMixture(2, **QUICK).fit(datasets.galaxies().frame[["velocity"]]), True)
    visit = open_page(quickly(bayes, folder / "one.html"))
    assert visit.titles() == ["velocity", "1 − largest membership"]
    assert visit.page.locator("#view-controls select").count() == 0
    assert visit.is_quiet(), visit.complaints + visit.requests


def test_it_fits_a_phone_stays_out_of_print_and_is_missed_by_nobody_without_scripts(open_page, faithful_page):
    phone = open_page(faithful_page, viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True)
    assert phone.page.evaluate("document.documentElement.scrollWidth") <= 360
    assert phone.page.locator("#view-plot svg").bounding_box()["width"] <= 340
    phone.page.emulate_media(media="print")
    assert not phone.page.locator("#view-plot").is_visible()
    without = open_page(faithful_page, java_script_enabled=False)
    assert "needs JavaScript" in without.page.locator("noscript p").inner_text()


@pytest.mark.parametrize("which", ["faithful_page", "refused_page", "hostile_page"])
def test_accessibility_rules_are_kept(open_page, which, request):
    from axe_playwright_python.sync_playwright import Axe

    visit = open_page(request.getfixturevalue(which))
    found = Axe().run(visit.page, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21aa", "best-practice"]})
    assert found.violations_count == 0, found.generate_report()


@pytest.mark.parametrize("width", [1000, 360])
@pytest.mark.parametrize("which", ["faithful_page", "refused_page", "hostile_page"])
def test_nothing_sticks_out_of_a_page_and_the_points_are_in_their_colours(open_page, which, width, request):
    visit = open_page(request.getfixturevalue(which), viewport={"width": width, "height": 900})
    visit.page.get_by_label("Row").fill("17")
    visit.page.get_by_text("Row 17", exact=True).wait_for()
    assert visit.page.evaluate("document.documentElement.scrollWidth") <= width
    plot = Image.open(io.BytesIO(visit.page.locator("#view-plot svg").screenshot())).convert("RGB")
    # Without the legend above it, whose symbols have the same colours.
    seen = plot.crop((0, 60, *plot.size)).getcolors(2**24)
    for group in range(2):
        # Points are drawn at four fifths of their colour's strength on white.
        mixed = [round(255 * (0.2 + 0.8 * c)) for c in to_rgb(colour(group))]
        like = [n for n, pixel in seen if max(abs(a - b) for a, b in zip(pixel, mixed, strict=True)) <= 2]
        assert sum(like) > 30
