"""What commands have in common: what was asked for, and what takes the time, announced before and shown while
it runs."""

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

import bayesgmm
from bayesgmm.cli.program import WRITTEN, Target
from bayesgmm.cli.streams import busy, say
from bayesgmm.support.sentences import count

if TYPE_CHECKING:
    from bayesgmm import BayesGaussianMixture
    from bayesgmm.comparison import Comparison
    from bayesgmm.rows.files import Table
    from bayesgmm.rows.rows import Rows

__all__ = ["model_of", "read", "run_comparison", "run_fit"]

# Fewer rows are compared in a second or two.
ROWS_AT_ONCE = 2000


def run_fit(
    rows: "Rows", quiet: bool, n_components: int, checkpoint: str | None = None, **settings: Any
) -> "BayesGaussianMixture":
    """Fit both ways, and say so before; what has been drawn is kept in a folder, where one is named."""
    n, d = rows.values.shape
    with busy("starting", quiet):
        estimator = bayesgmm.BayesGaussianMixture(n_components, progressbar=not quiet, **settings)
    say(f"fitting {count(n, 'row')}, {count(d, 'column')}, {count(n_components, 'component')}", quiet)
    if checkpoint is None:
        return estimator.fit(rows)
    click.get_current_context().meta[WRITTEN].append(Target.of(checkpoint))
    return estimator.fit(rows, checkpoint=checkpoint)


def run_comparison(bayes: "BayesGaussianMixture", quiet: bool) -> "Comparison":
    """Compare, with a line for each part on a terminal; where it takes more than a moment, say so before."""
    n = len(bayes.rows_)
    if n > ROWS_AT_ONCE:
        say(f"comparing EM with the posterior, {count(n, 'row')}", quiet)
    return bayesgmm.compare(bayes, progressbar=not quiet)


def read(data: str, reading: dict[str, Any]) -> "Table":
    """The rows to fit, and the number of those left out."""
    from bayesgmm.rows.files import parse_columns, read_table

    # A suggestion that is pasted behind a command adds to what is there.
    several = {
        option: [name for text in reading[option] for name in parse_columns(text)]
        for option in ("left_out", "missing_values")
    }
    return read_table(data, **(reading | several))


def model_of(rows: "Rows", covariance_type: str | None, prior: dict[str, Any] | None) -> dict[str, Any]:
    """What was asked for of the model; the default prior, with those parts in place of its own that were
    given."""
    model = {} if covariance_type is None else {"covariance_type": covariance_type}
    if prior is None:
        return model
    return model | {"prior": replace(bayesgmm.Prior.from_data(rows, **model), **prior)}
