"""`write_report`: put the page together and write it."""

import json
import os
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bayesgmm.comparison import compare
from bayesgmm.comparison.result import at_hand, check_comparison
from bayesgmm.methods import find
from bayesgmm.plots.style import colour
from bayesgmm.report import tables
from bayesgmm.report.drawing import Picture, Sketch, drawn, inlined
from bayesgmm.report.figures import sketches
from bayesgmm.report.interactive import interactive_view, stop_bundling, view_script
from bayesgmm.report.machine import numbers
from bayesgmm.report.names import Name, Shortener
from bayesgmm.report.pages import environment
from bayesgmm.report.summary import stand_in, summarise
from bayesgmm.results import check_fit
from bayesgmm.support.arguments import check_choice, check_flag, check_kind
from bayesgmm.support.files import as_path, check_writable, replace_file
from bayesgmm.support.progress import Steps
from bayesgmm.support.sentences import count, plain
from bayesgmm.wording.rows import numbering

if TYPE_CHECKING:
    from bayesgmm.comparison import Comparison
    from bayesgmm.comparison.partitioning import Partition
    from bayesgmm.estimator import BayesGaussianMixture

__all__ = ["write_report"]

FORMATS = ("html", "json")


def write_report(
    bayes: "BayesGaussianMixture",
    path: str | os.PathLike[str],
    *,
    title: str | None = None,
    format: str = "html",
    interactive: bool = True,
    comparison: "Comparison | None" = None,
    progressbar: bool = True,
) -> Path:
    """Write a fit, and the comparison of EM and posterior, as one file: a page for people, or JSON for
    programs.

    The same fit gives the same bytes each time. Where ``bayes.verdict_`` is not ok, the report says so first,
    and leaves out whatever would describe single components. The page holds the values of up to 5,000
    observations, for its interactive view: who may read the page may read them.

    Parameters
    ----------
    bayes : BayesGaussianMixture
        A fitted or loaded one.
    path : str or path
        The file is written beside its target and renamed into place: it is there whole or not at all.
    title : str, optional
        The heading; None makes one of the numbers of groups and observations.
    format : {"html", "json"}, default "html"
        "html" is one page that needs no network. "json" holds the same sentences and numbers, in the shape
        that :func:`bayesgmm.report.machine.numbers` describes, and ``title``.
    interactive : bool, default True
        Whether the page has the view in which single observations can be looked at. Without it the page runs
        no script and is about a megabyte smaller. It is not free of the data: pictures show observations,
        tables give extremes of the features and the values of those observations on which EM and Bayes differ
        most.
    comparison : Comparison, optional
        ``compare(bayes)``, where it has been made already: with true labels, say. Without it, what
        ``compare(bayes)`` has given is taken where it is still held, and made where it is not.
    progressbar : bool, default True
        Show progress on a terminal or in a notebook.

    Returns
    -------
    Path
        Where the report is.

    Raises
    ------
    ParameterError
        Where `bayes` is no fit by full Bayes, the title is no text, the format is neither, or the comparison
        is none or of another fit.
    FileProblem
        Where the folder does not exist or cannot be written to; nothing is drawn then.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from bayesgmm import BayesGaussianMixture, datasets, write_report
    >>> bayes = BayesGaussianMixture(1, draws=50, random_state=0, progressbar=False)
    >>> bayes = bayes.fit(datasets.galaxies().X)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     report = write_report(bayes, Path(folder) / "galaxies.html", progressbar=False)
    ...     report.read_text(encoding="utf-8").startswith("<!doctype html>")
    True
    """
    _check_arguments(bayes, title, format, comparison)
    check_flag(interactive, "interactive")
    check_flag(progressbar, "progressbar")
    check_writable(as_path(path))
    interactive = interactive and format == "html"
    heading = plain(title) if title is not None else _title(bayes)
    with ThreadPoolExecutor(2) as pool, _ended_at_once():
        if interactive:
            # Seconds of compiled code, beside the comparison's.
            pool.submit(view_script)
        result = comparison or at_hand(bayes) or compare(bayes, progressbar=progressbar)
        part = stand_in(bayes)
        if format == "json":
            content = {"title": heading} | numbers(bayes, result, part)
            text = json.dumps(content, indent=2, allow_nan=False) + "\n"
        else:
            text = _page(bayes, result, part, heading, interactive, pool, progressbar)
    return replace_file(path, lambda temporary: temporary.write_text(text, encoding="utf-8", newline="\n"))


def _check_arguments(bayes: object, title: object, format: object, comparison: object) -> None:
    """Refuse what no report can be made of."""
    check_fit(bayes)
    check_kind(title, "title", str | None, "text, or None")
    check_choice(format, "format", FORMATS)
    if comparison is not None:
        check_comparison(comparison, bayes, name="comparison")


@contextmanager
def _ended_at_once() -> Iterator[None]:
    """Where the program is ended, the pool need not finish the script."""
    try:
        yield
    except KeyboardInterrupt:
        stop_bundling()
        raise


def _pictures(todo: list[Sketch], pool: ThreadPoolExecutor, progressbar: bool) -> dict[str, Picture]:
    """All drawn, in their order; the pool packs them."""
    packed: list[Future[Picture]] = []
    with Steps(enabled=progressbar) as steps, steps.step("report", total=len(todo)) as progress:
        for done, sketch in enumerate(todo, start=1):
            packed.append(pool.submit(inlined, drawn(sketch)))
            progress(done, len(todo), 0)
        pictures = [one.result() for one in packed]
    return {picture.key: picture for picture in pictures}


def _page(
    bayes: "BayesGaussianMixture",
    result: "Comparison",
    part: "Partition | None",
    title: str,
    interactive: bool,
    pool: ThreadPoolExecutor,
    progressbar: bool,
) -> str:
    fit, features = bayes.fit_, bayes.fit_.names
    shorten, names = Shortener(features), [Name.of(f) for f in features]
    pictures = _pictures(sketches(bayes, result, names, part), pool, progressbar)
    k, ok = bayes.em_.params_.n_components, bayes.verdict_.ok
    method = find(fit.method)
    view = interactive_view(bayes, names, part, result.sides) if interactive else None
    by_component: dict[str, Any] = {}
    if ok:
        by_component["parameters"] = tables.parameters(bayes, result, names)
    if ok and k > 1:
        by_component["groups"] = tables.groups(bayes, result, names)
        by_component["assignments"] = tables.assignments(bayes, result, names)
    page = (
        environment()
        .get_template("template.html")
        .render(
            title=title,
            summary=summarise(bayes, result, part).told(shorten),
            pictures=pictures,
            view=view,
            tables=by_component
            | {
                "likelihood": tables.likelihood(result, ok),
                "checks": tables.checks(result, shorten),
                "modes": tables.modes(bayes),
                "posterior_modes": tables.posterior_modes(bayes) if "modes" in pictures else None,
                "diagnostics": tables.diagnostics(bayes, shorten),
            },
            colours=[colour(c) for c in range(k)],
            labels_of_prior=bayes.labelling_.by_prior is not None,
            prior=[shorten(line) for line in fit.prior.describe(features, k, fit.covariance_type)],
            prior_given=fit.prior_given,
            provenance=tables.provenance(bayes, names),
            ok=ok,
            numbering=numbering(bayes.rows_, "components"),
            em_has_floor=fit.no_maximum is not None,
            heading=method.heading,
            story=method.story,
            k=k,
            created_by=fit.provenance.created_by,
        )
    )
    placeless = [key for key in pictures if f'id="figure-{key}"' not in page]
    assert not placeless, f"template.html has no place for {placeless}."
    return page


def _title(bayes: "BayesGaussianMixture") -> str:
    n, d = bayes.rows_.values.shape
    k = count(bayes.em_.params_.n_components, "group")
    return f"{k} in {count(n, 'observation')} of {count(d, 'feature')}"
