"""The demonstration: a report on Old Faithful, or on every shipped data set with an index."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

import bayesgmm
from bayesgmm.cli.files import check_folder, write, write_folder, write_report
from bayesgmm.cli.group import main
from bayesgmm.cli.options import QUIET, Folder
from bayesgmm.cli.program import Stop
from bayesgmm.cli.running import run_comparison, run_fit
from bayesgmm.cli.streams import Page, busy, say
from bayesgmm.cli.text import sentences, show_fit

if TYPE_CHECKING:
    from bayesgmm import BayesGaussianMixture
    from bayesgmm.comparison import Comparison
    from bayesgmm.rows.datasets import Dataset

__all__ = ["PAGES", "DemoPage", "demo"]

# Pictures of four or six features stay below 150 kB.
PICTURE_DPI, PICTURE_COLOURS = 80, 64


@dataclass(frozen=True)
class DemoPage:
    """A page of the demonstration: its file, its title, the number of components and why that number."""

    file: str
    title: str
    n_components: int
    reason: str


PAGES = {
    "faithful": DemoPage("old_faithful", "Old Faithful", 2, "short eruptions and long ones; BIC prefers it"),
    "galaxies": DemoPage(
        "galaxies", "Velocities of 82 galaxies", 3, "BIC prefers it; the evidence prefers more"
    ),
    "penguins": DemoPage("penguins", "Palmer penguins", 3, "three species"),
    "banknote": DemoPage("banknote", "Swiss banknotes", 2, "genuine and counterfeit"),
    "iris": DemoPage("iris", "Fisher's iris", 3, "three species"),
}


@main.command()
@click.option(
    "--output",
    type=Folder(),
    default="reports",
    show_default=True,
    metavar="DIR",
    help="Folder of the report.",
)
@click.option("--all", "everything", is_flag=True, help="A page for each shipped data set, and an index.")
@QUIET
def demo(output: str, everything: bool, quiet: bool) -> None:
    """Fit the Old Faithful geyser both ways and write a report.

    272 eruptions, their length and the waiting time to the next, two components, seed 0. The report
    is old_faithful.html; its folder is created if it is missing. With --all there is one for each shipped
    data set, and README.md with a sentence and a picture of each.

    \b
    Examples:
      bayesgmm demo
      bayesgmm demo --output geyser
      bayesgmm demo --all --output pages
    """
    folder = Path(output)
    pages = PAGES if everything else {"faithful": PAGES["faithful"]}
    _check_targets(folder, pages, everything, quiet)
    if everything:
        _write_all(folder, quiet)
        return
    page = PAGES["faithful"]
    bayes = _fitted(page, bayesgmm.datasets.load("faithful"), quiet)
    result = run_comparison(bayes, quiet)
    target = folder / f"{page.file}.html"
    write_folder(folder)
    write_report(bayes, target, quiet, title=page.title, comparison=result)
    show_fit(bayes, result, Report=str(target))


def _check_targets(folder: Path, pages: dict[str, DemoPage], everything: bool, quiet: bool) -> None:
    """Refuse what cannot be written before anything is fitted."""
    from bayesgmm.support.files import check_writable

    figures = folder / "figures"
    check_folder(figures if everything else folder)
    targets = [folder / f"{page.file}.html" for page in pages.values()]
    if everything:
        targets += [folder / "README.md", *(figures / f"{page.file}.png" for page in pages.values())]
        index = folder / "README.md"
        if index.is_file() and not index.read_bytes().startswith(_HEAD.splitlines()[0].encode()):
            raise Stop(f"{str(index)!r} is not an index of reports; name another folder with --output.")
    with busy("starting", quiet):
        for target in targets:
            if target.parent.exists():
                check_writable(target)


def _fitted(page: DemoPage, dataset: "Dataset", quiet: bool) -> "BayesGaussianMixture":
    import pandas as pd

    from bayesgmm.rows.rows import Rows

    rows = Rows.of(pd.DataFrame(dataset.X, columns=dataset.feature_names))
    return run_fit(rows, quiet, n_components=page.n_components, random_state=0)


def _write_all(folder: Path, quiet: bool) -> None:
    """A page and a picture for each data set, a line on standard output for each, and the index at the
    end."""
    out, entries = Page(), []
    write_folder(folder / "figures")
    for done, (name, page) in enumerate(PAGES.items(), start=1):
        say(f"{page.title}, {done} of {len(PAGES)}", quiet)
        dataset = bayesgmm.datasets.load(name)
        bayes = _fitted(page, dataset, quiet)
        result = run_comparison(bayes, quiet)
        target = folder / f"{page.file}.html"
        write_report(bayes, target, quiet, title=page.title, comparison=result)
        _write_picture(bayes, folder / "figures" / f"{page.file}.png")
        verdict = sentences(str(bayes.verdict_))[0]
        entries.append(_entry(page, dataset, result))
        out.line(f"{page.title}: {verdict}")
    text = "\n\n".join([_HEAD, *entries]) + "\n"
    _write_text(folder / "README.md", text)
    out.line(f"Index written to {str(folder / 'README.md')!r}", wrap=False)


def _write_picture(bayes: "BayesGaussianMixture", target: Path) -> None:
    import io

    import matplotlib.style
    from PIL import Image

    from bayesgmm.plots import plot_fit
    from bayesgmm.support.files import replace_file

    drawn = io.BytesIO()
    # Whatever the user has set, the file is the same.
    with matplotlib.style.context("default"):
        figure = plot_fit(bayes, components=bayes.verdict_.ok)
        figure.savefig(drawn, format="png", dpi=PICTURE_DPI)
    # A palette makes the file a third as large.
    image = Image.open(drawn).convert("RGB").quantize(PICTURE_COLOURS)
    write(target, lambda: replace_file(target, lambda part: image.save(part, "PNG", optimize=True)))


def _write_text(target: Path, text: str) -> None:
    from bayesgmm.support.files import replace_file

    write(target, lambda: replace_file(target, lambda part: part.write_text(text, "utf-8", newline="\n")))


_HEAD = """# Reports on the shipped data sets

`bayesgmm demo --all` writes these pages, their pictures and this list.
Each page is one file that opens in any browser."""


def _entry(page: DemoPage, dataset: "Dataset", result: "Comparison") -> str:
    """What the index says of a page: the data, the sentence at its top, and the picture."""
    from bayesgmm.report.machine import numbers

    headline = numbers(result.bayes, result)["summary"]["headline"]
    refused = "Summaries of single groups must not be used:"
    found = (
        headline if result.components_readable else f"{headline} {refused} {result.bayes.verdict_.reasons[0]}"
    )
    description = dataset.description[0].upper() + dataset.description[1:]
    return (
        f"## [{page.title}]({page.file}.html)\n\n{description}; {page.n_components} components "
        f"({page.reason}).\n\n{found}\n\n![The data with both fits: {page.title}](figures/{page.file}.png)"
    )
