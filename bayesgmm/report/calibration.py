"""`write_calibration`: the page on a check by refits."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from bayesgmm.calibration import CalibrationCheck
from bayesgmm.calibration.refit import AMONG
from bayesgmm.plots.calibration import plot_calibration
from bayesgmm.report.drawing import Sketch, drawn, inlined
from bayesgmm.report.pages import environment
from bayesgmm.report.tables import Table
from bayesgmm.results import check_fit
from bayesgmm.support.arguments import check_kind
from bayesgmm.support.files import as_path, check_writable, replace_file
from bayesgmm.support.sentences import count
from bayesgmm.wording.numbers import p_value

if TYPE_CHECKING:
    from bayesgmm.estimator import BayesGaussianMixture

__all__ = ["write_calibration"]

WHAT = {"pairs": "whether two rows share a component", "rows": "which component a row is of"}
BY = {"posterior": "posterior", "em": "EM"}
# Sets of ranks that p-values come of.
REPLICATIONS = 20_000


def write_calibration(
    check: CalibrationCheck, bayes: "BayesGaussianMixture", path: str | os.PathLike[str]
) -> Path:
    """Write a page on ``bayes.check_calibration()``; the same check gives the same bytes.

    Parameters
    ----------
    check : CalibrationCheck
    bayes : BayesGaussianMixture
        The fit that was checked.
    path : str or path
        The file is written beside its target and renamed into place.

    Raises
    ------
    ParameterError
        Where either is something else.
    FileProblem
        Where the folder does not exist or cannot be written to.
    """
    check_kind(check, "check", CalibrationCheck, "the result of bayes.check_calibration()")
    check_fit(bayes)
    check_writable(as_path(path))
    fit = bayes.fit_
    title = (
        f"Calibration: {count(fit.draws.n_components, 'group')} in {count(len(fit.rows), 'observation')} of "
        f"{count(fit.rows.n_features, 'feature')}, {count(len(check.refits), 'refit')}"
    )
    text = (
        environment()
        .get_template("calibration.html")
        .render(
            title=title,
            ok=check.ok,
            findings=[str(finding) for finding in check.findings],
            picture=inlined(drawn(_sketch(check))),
            memberships=_memberships(check),
            ranks=_ranks(check),
            among=AMONG,
            created_by=fit.provenance.created_by,
        )
    )
    return replace_file(path, lambda temporary: temporary.write_text(text, encoding="utf-8", newline="\n"))


def _sketch(check: CalibrationCheck) -> Sketch:
    outside = int((~check.ranks["inside"]).sum())
    return Sketch(
        "calibration",
        f"Distribution functions of ranks, of which {outside} leave their band; confidence against accuracy.",
        "Left: how many refits have a rank below each place, less what uniform ranks have; the band holds "
        "all lines of a right posterior in 99 % of checks. Beside it: a mark a refit; above the diagonal it "
        "is more often right than it is sure, below less often.",
        lambda: plot_calibration(check),
    )


def _memberships(check: CalibrationCheck) -> Table:
    rows = [
        (
            f"{WHAT[row.of]}, by {BY[row.by]}",
            str(row.refits),
            f"{row.confidence:.4f}",
            f"{row.accuracy:.4f}",
            f"{row.difference:+.4f}",
            f"{row.se:.4f}",
        )
        for row in check.memberships.itertuples()
    ]
    columns = ("what", "refits", "confidence", "accuracy", "difference", "standard error")
    return Table("How sure, and how often right, of simulated rows.", columns, rows, "lrrrrr")


def _ranks(check: CalibrationCheck) -> Table:
    rows = [
        (
            str(name),
            str(row["refits"]),
            f"{row['mean_rank']:.3f}",
            p_value(row["p"], REPLICATIONS),
            "inside" if row["inside"] else "outside",
        )
        for name, row in check.ranks.to_dict("index").items()
    ]
    caption = (
        "Ranks of what was simulated: their mean is 0.5 where the posterior is right, above where it lies "
        "too low; p is how often uniform ranks are as far from uniform as these."
    )
    return Table(caption, ("quantity", "refits", "mean rank", "p", "band of 99 %"), rows, "lrrrl")
