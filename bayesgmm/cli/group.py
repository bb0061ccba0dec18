"""The program itself: what all commands belong to."""

import click

import bayesgmm
from bayesgmm.cli.program import Program

__all__ = ["COMPLETE_VARIABLE", "main"]

# Under this name click finds the request of a shell for completions.
COMPLETE_VARIABLE = "_BAYESGMM_COMPLETE"


@click.group(
    cls=Program,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(bayesgmm.__version__, prog_name="bayesgmm", message="%(prog)s %(version)s")
@click.pass_context
def main(ctx: click.Context) -> None:
    """Gaussian mixtures fitted twice, by EM and by full Bayes, and where the two agree.

    Results go to stdout; progress, notes and errors go to stderr.

    \b
    Examples:
      bayesgmm demo
      bayesgmm datasets faithful > geyser.csv
      bayesgmm select geyser.csv -k 1:4
      bayesgmm fit geyser.csv -k 2 --report out.html
      bayesgmm datasets galaxies | bayesgmm fit - -k 3

    \b
    Exit codes:
      0    done, also where the verdict refuses summaries of
           single components: that is a result, which stands
           first in the text and under "verdict" in --json
      1    a fault in the program; a traceback shows where
      2    something in the input, the options or the disk,
           said in one sentence; no file is left half-written
      130  interrupted

    The Tab key completes commands, options and names after "bayesgmm completion bash" (or zsh, or
    fish); see "bayesgmm completion --help". NO_COLOR=1 turns colours off.
    """
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())
