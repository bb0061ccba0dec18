"""The command that checks a saved fit by refits of simulated rows."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

import bayesgmm
from bayesgmm.cli.files import check_targets, write
from bayesgmm.cli.group import main
from bayesgmm.cli.options import JSON, LARGEST, QUIET, File, Whole
from bayesgmm.cli.program import WRITTEN, Target
from bayesgmm.cli.streams import Page, busy, say
from bayesgmm.support.sentences import count

if TYPE_CHECKING:
    from bayesgmm.calibration import CalibrationCheck

__all__ = ["check"]


@main.command()
@click.argument("fit", type=File())
@click.option(
    "-n",
    "--refits",
    type=Whole(1, LARGEST),
    default=50,
    show_default=True,
    metavar="N",
    help="Number of refits; each takes about as long as a fit of twice the rows.",
)
@click.option(
    "--records",
    type=File(),
    metavar="FILE",
    help="Keep the refits in a file: an interrupted check goes on where it ended.",
)
@click.option("--report", type=File(), metavar="HTML", help="Write a page that opens in any browser.")
@click.option(
    "--seed", type=Whole(0), default=0, show_default=True, metavar="N", help="The same seed, the same refits."
)
@JSON
@QUIET
def check(
    fit: str, refits: int, records: str | None, report: str | None, seed: int, as_json: bool, quiet: bool
) -> None:
    """Are intervals and memberships calibrated for data like these?

    Rows are simulated from draws of the posterior and fitted again together with the data; where all is
    right, what they were simulated from has uniform ranks among the new draws. FIT is a file written by
    "bayesgmm fit --save" or by bayesgmm.save.

    \b
    Examples:
      bayesgmm datasets faithful | bayesgmm fit - -k 2 --save fit.nc
      bayesgmm check fit.nc -n 20
      bayesgmm check fit.nc --records refits.jsonl --report check.html
    """
    with busy("reading the fit", quiet):
        check_targets(fit, {"--records": records, "--report": report})
        bayes = bayesgmm.load(fit)
        from bayesgmm.calibration.refit import n_simulated
    say(f"{count(refits, 'refit')}, with {count(n_simulated(bayes.rows_), 'simulated row')} each", quiet)
    if records is not None:
        click.get_current_context().meta[WRITTEN].append(Target.of(records))
    found = bayes.check_calibration(refits, records=records, random_state=seed, progressbar=not quiet)
    if report is not None:
        from bayesgmm.report.calibration import write_calibration

        write(Path(report), lambda: write_calibration(found, bayes, report))
    files = {"records": records, "report": report}
    if as_json:
        click.echo(json.dumps(found.to_json() | {"files": files}, indent=2, allow_nan=False))
    else:
        _show(found, files)


def _show(found: "CalibrationCheck", files: dict[str, str | None]) -> None:
    page = Page()
    for number, finding in enumerate(found.findings):
        page.line(str(finding), style="" if number else "green" if found.ok else "bold red")
    page.line()
    table = found.ranks
    columns = {"quantity": [str(name) for name in table.index]}
    columns |= {"refits": [str(n) for n in table["refits"]]}
    columns |= {"mean rank": [f"{v:.3f}" for v in table["mean_rank"]], "p": [f"{v:.4f}" for v in table["p"]]}
    columns["inside"] = ["yes" if inside else "no" for inside in table["inside"]]
    page.table(columns, right=["refits", "mean rank", "p", "inside"], optional=[["refits"]])
    named = {what: path for what, path in files.items() if path is not None}
    if named:
        page.line()
    for what, path in named.items():
        page.line(f"{what.capitalize()} written to {path!r}", wrap=False)
