"""The commands, but for the demonstration and the choice of a number of components.

Each calls the package's public functions and shows what they return.
"""

from pathlib import Path
from typing import Any

import click

import bayesgmm
from bayesgmm.cli.files import check_targets, write, write_report
from bayesgmm.cli.group import COMPLETE_VARIABLE, main
from bayesgmm.cli.options import (
    COVARIANCE_TYPE,
    JSON,
    LARGEST,
    OF_TABLES,
    PRIOR,
    QUIET,
    DataSet,
    File,
    Folder,
    OneOf,
    Whole,
    reading_a_table,
)
from bayesgmm.cli.running import model_of, read, run_comparison, run_fit
from bayesgmm.cli.streams import Page, busy
from bayesgmm.cli.text import print_fit, show_fit
from bayesgmm.methods import DEFAULT_METHOD, METHODS

__all__ = ["compare", "completion", "datasets", "fit", "report"]


@main.command()
@click.argument("data", type=File())
@click.option(
    "-k",
    "--components",
    "n_components",
    type=Whole(1),
    required=True,
    metavar="K",
    help="Number of components.",
)
@reading_a_table
@COVARIANCE_TYPE
@PRIOR
@click.option(
    "--method",
    type=OneOf("--method", lambda: list(METHODS)),
    default=DEFAULT_METHOD,
    show_default=True,
    help="smc: tempering, for several modes and the evidence; auto: nuts, and smc where that is not enough; "
    "laplace: a quick approximation, with a check.",
)
@click.option(
    "--draws",
    type=Whole(4, LARGEST),
    default=1000,
    show_default=True,
    metavar="S",
    help="Kept draws of each chain, or of each run of smc and laplace.",
)
@click.option(
    "--chains",
    type=Whole(1, LARGEST),
    default=4,
    show_default=True,
    metavar="M",
    help="Chains, or independent runs.",
)
@click.option(
    "--cores",
    type=Whole(1, LARGEST),
    metavar="N",
    help="Threads; all cores, if not given. No result depends on it.",
)
@click.option(
    "--seed",
    type=Whole(0),
    default=0,
    show_default=True,
    metavar="N",
    help="The same seed, the same draws.",
)
@click.option(
    "--report",
    type=File(),
    metavar="HTML",
    help="Write a report that opens in any browser; it holds the values of the rows.",
)
@click.option("--save", type=File(), metavar="NC", help="Write the fit, for compare, report and ArviZ.")
@click.option(
    "--checkpoint",
    type=Folder(),
    metavar="FOLDER",
    help="Keep what has been drawn: the same command goes on from there, whatever has ended it.",
)
@JSON
@QUIET
def fit(
    data: str,
    covariance_type: str | None,
    prior: dict[str, Any] | None,
    report: str | None,
    save: str | None,
    as_json: bool,
    quiet: bool,
    seed: int,
    **settings: Any,
) -> None:
    """Fit K Gaussians to a table, by EM and by full Bayes.

    DATA is a csv, tsv, parquet or feather file with a header, or - for standard input.

    \b
    Examples:
      bayesgmm datasets faithful > geyser.csv
      bayesgmm fit geyser.csv -k 2
      bayesgmm fit geyser.csv -k 2 --report out.html --save fit.nc
      bayesgmm fit geyser.csv -k 2 --method laplace --json > fit.json
      bayesgmm fit geyser.csv -k 2 --covariance-type diag --prior 'std_prior=gamma(2, (2, 0.2))'
      bayesgmm datasets penguins > penguins.csv
      bayesgmm fit penguins.csv -k 3 --drop-missing --columns bill_length_mm,bill_depth_mm
      bayesgmm fit penguins.csv -k 3 --drop-missing --except species,island,sex
      bayesgmm datasets galaxies | bayesgmm fit - -k 3 --quiet
      bayesgmm datasets galaxies | bayesgmm fit - -k 5 --draws 20000 --checkpoint drawn
    """
    with busy("reading the data", quiet):
        check_targets(data, {"--report": report, "--save": save})
        reading = {name: settings.pop(name) for name in OF_TABLES}
        table = read(data, reading)
        settings |= model_of(table.rows, covariance_type, prior)
    bayes = run_fit(table.rows, quiet, random_state=seed, missing=reading["missing"], **settings)
    if save is not None:
        write(Path(save), lambda: bayesgmm.save(bayes, save))
    result = run_comparison(bayes, quiet)
    if report is not None:
        write_report(bayes, report, quiet, comparison=result)
    if as_json:
        print_fit(bayes, result, dropped=table.dropped, report=report, fit=save)
    else:
        files = {"Report": report, "Fit": save}
        show_fit(
            bayes,
            result,
            dropped=table.dropped if reading["drop_missing"] else None,
            **{what: path for what, path in files.items() if path is not None},
        )


@main.command()
@click.argument("fit", type=File())
@JSON
def compare(fit: str, as_json: bool) -> None:
    """Hold EM against the posterior of a saved fit.

    FIT is a file written by "bayesgmm fit --save" or by bayesgmm.save.

    \b
    Examples:
      bayesgmm datasets faithful | bayesgmm fit - -k 2 --save fit.nc
      bayesgmm compare fit.nc
      bayesgmm compare fit.nc --json > comparison.json
    """
    with busy("reading the fit"):
        bayes = bayesgmm.load(fit)
    result = run_comparison(bayes, quiet=False)
    if as_json:
        print_fit(bayes, result)
    else:
        show_fit(bayes, result)


@main.command()
@click.argument("fit", type=File())
@click.option("--output", type=File(), required=True, metavar="FILE", help="The file to write.")
@click.option(
    "--format",
    type=click.Choice(("html", "json")),
    default="html",
    show_default=True,
    help="html: a page for any browser; json: its sentences and numbers for programs.",
)
@click.option(
    "--interactive/--no-interactive",
    default=True,
    show_default=True,
    help="Whether readers can point at single observations; without, the page runs no script and is a "
    "megabyte smaller.",
)
@QUIET
def report(fit: str, output: str, format: str, interactive: bool, quiet: bool) -> None:
    """Write a report on a saved fit.

    FIT is a file written by "bayesgmm fit --save" or by bayesgmm.save.

    \b
    Examples:
      bayesgmm datasets faithful | bayesgmm fit - -k 2 --save fit.nc
      bayesgmm report fit.nc --output out.html
      bayesgmm report fit.nc --format json --output out.json
    """
    with busy("reading the fit", quiet):
        check_targets(fit, {"--output": output})
        bayes = bayesgmm.load(fit)
    write_report(bayes, output, quiet, format=format, interactive=interactive)
    Page().line(f"Report written to {output!r}", wrap=False)


@main.command()
@click.argument("name", required=False, type=DataSet())
def datasets(name: str | None) -> None:
    """List the shipped data sets, or print one as csv.

    \b
    Examples:
      bayesgmm datasets
      bayesgmm datasets iris > iris.csv
      bayesgmm datasets faithful | bayesgmm fit - -k 2
    """
    if name is None:
        _list_datasets()
        return
    dataset = bayesgmm.datasets.load(name)
    if dataset.path is not None:
        click.echo(dataset.path.read_bytes(), nl=False)
    else:
        click.echo(dataset.whole.to_csv(index=False), nl=False)


def _list_datasets() -> None:
    with busy("reading the data sets"):
        found = [bayesgmm.datasets.load(name) for name in bayesgmm.datasets.names()]
    columns = {
        "name": [dataset.name for dataset in found],
        "N": [str(dataset.X.shape[0]) for dataset in found],
        "D": [str(dataset.X.shape[1]) for dataset in found],
        "source": [dataset.source for dataset in found],
    }
    Page().table(columns, right=["N", "D"])


@main.command()
@click.argument("shell", type=click.Choice(("bash", "zsh", "fish")))
def completion(shell: str) -> None:
    """Print a script that lets the Tab key complete commands, options and names.

    Read it where the shell starts: bash in ~/.bashrc, zsh in ~/.zshrc after compinit, fish in
    ~/.config/fish/completions/bayesgmm.fish.

    \b
    Examples:
      bayesgmm completion bash >> ~/.bashrc
      bayesgmm completion zsh >> ~/.zshrc
      bayesgmm completion fish > ~/.config/fish/completions/bayesgmm.fish
    """
    from click.shell_completion import get_completion_class

    writer = get_completion_class(shell)
    assert writer is not None
    click.echo(writer(main, {}, "bayesgmm", COMPLETE_VARIABLE).source())
