"""The command that chooses: how many components, and of which covariance family."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

import bayesgmm
from bayesgmm.cli.files import check_targets, write_figure
from bayesgmm.cli.group import main
from bayesgmm.cli.options import (
    COVARIANCE_TYPE,
    JSON,
    LARGEST,
    PRIOR,
    QUIET,
    Families,
    File,
    Numbers,
    Whole,
    reading_a_table,
)
from bayesgmm.cli.program import Stop
from bayesgmm.cli.running import model_of, read
from bayesgmm.cli.streams import busy, say
from bayesgmm.cli.text import print_em_selection, print_selection, show_em_selection, show_selection
from bayesgmm.support.sentences import count, shorten

if TYPE_CHECKING:
    from bayesgmm.selection import EMSelection, Selection

__all__ = ["select"]


@main.command()
@click.argument("data", type=File())
@click.option(
    "-k",
    "--components",
    "ks",
    type=Numbers(),
    default="1:6",
    show_default=True,
    metavar="KS",
    help="Numbers of components.",
)
@reading_a_table
@COVARIANCE_TYPE
@click.option(
    "--em-only",
    is_flag=True,
    help="BIC, ICL and AIC of EM alone, in about a second; no posterior is drawn from.",
)
@click.option(
    "--families",
    type=Families(),
    metavar="A,B",
    help="With --em-only: covariance families to choose from, or all.",
)
@PRIOR
@click.option(
    "--draws",
    type=Whole(100, LARGEST),
    default=500,
    show_default=True,
    metavar="S",
    help="Posterior draws (particles) of each run of tempering.",
)
@click.option(
    "--bootstrap",
    "n_bootstrap",
    type=Whole(0, LARGEST),
    default=49,
    show_default=True,
    metavar="B",
    help="Data sets simulated for each likelihood-ratio test, at the most; 0 leaves the tests out.",
)
@click.option("--overfitted", is_flag=True, help="Also ask how many of many components have rows.")
@click.option(
    "--seed", type=Whole(0), default=0, show_default=True, metavar="N", help="The same seed, the same table."
)
@click.option("--figure", type=File(), metavar="PNG", help="Draw the criteria into a png or svg file.")
@JSON
@QUIET
def select(
    data: str,
    ks: list[int],
    covariance_type: str | None,
    em_only: bool,
    families: str | list[str] | None,
    prior: dict[str, Any] | None,
    draws: int,
    n_bootstrap: int,
    overfitted: bool,
    seed: int,
    figure: str | None,
    as_json: bool,
    quiet: bool,
    **reading: Any,
) -> None:
    """How many components? Every criterion in one table.

    By EM: BIC, AIC, ICL and a bootstrap likelihood-ratio test; by the posterior: leave-one-out, log evidence
    and the number of components that have rows. With --em-only BIC, ICL and AIC alone, also for several
    covariance families. DATA is a csv, tsv, parquet or feather file with a header, or - for standard input.

    \b
    Examples:
      bayesgmm datasets faithful > geyser.csv
      bayesgmm select geyser.csv -k 1:4
      bayesgmm select geyser.csv -k 2,3 --bootstrap 0 --figure criteria.png
      bayesgmm select geyser.csv -k 1:3 --covariance-type diag --bootstrap 0
      bayesgmm select geyser.csv -k 1:9 --em-only --families all --figure bic.png
      bayesgmm datasets galaxies | bayesgmm select - -k 1:4 --overfitted
    """
    with busy("reading the data", quiet):
        check_targets(data, {"--figure": figure})
        if figure is not None and Path(figure).suffix.lower() not in (".png", ".svg"):
            raise Stop(f"--figure must end in .png or .svg; got {shorten(figure)!r}.")
        table = read(data, reading)
        model = model_of(table.rows, covariance_type, prior)
    say(f"fitting {count(len(table.rows), 'row')} with {', '.join(map(str, ks))} components", quiet)
    dropped = table.dropped if reading["drop_missing"] else None
    asked: dict[str, Any] = {
        "families": families,
        "overfitted": overfitted,
        "random_state": seed,
        "progressbar": not quiet,
        "missing": reading["missing"],
        **model,
    }
    if em_only:
        by_em = bayesgmm.select_components(table.rows, ks, criteria="em", **asked)
        if figure is not None:
            _draw_families(by_em, figure)
        if as_json:
            print_em_selection(by_em, table.dropped)
        else:
            show_em_selection(by_em, dropped, figure)
        return
    choice = bayesgmm.select_components(table.rows, ks, draws=draws, n_bootstrap=n_bootstrap, **asked)
    if figure is not None:
        _draw_criteria(choice, figure)
    if as_json:
        print_selection(choice, table.dropped)
    else:
        show_selection(choice, dropped, figure)


def _draw_families(choice: "EMSelection", figure: str) -> None:
    from bayesgmm.plots.families import plot_families

    write_figure(plot_families(choice), figure, dpi=120)


def _draw_criteria(choice: "Selection", figure: str) -> None:
    from bayesgmm.plots.criteria import plot_criteria

    write_figure(plot_criteria(choice), figure, dpi=120)
