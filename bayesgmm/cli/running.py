"""What takes the time of a command, announced before and shown while it runs."""

from typing import TYPE_CHECKING, Any

import bayesgmm
from bayesgmm.cli.streams import busy, say
from bayesgmm.support.sentences import count

if TYPE_CHECKING:
    from bayesgmm import BayesGaussianMixture
    from bayesgmm.comparison import Comparison
    from bayesgmm.rows.rows import Rows

__all__ = ["run_comparison", "run_fit"]

# Fewer rows are compared in a second or two.
ROWS_AT_ONCE = 2000


def run_fit(rows: "Rows", quiet: bool, n_components: int, **settings: Any) -> "BayesGaussianMixture":
    """Fit both ways, and say so before."""
    n, d = rows.values.shape
    with busy("starting", quiet):
        estimator = bayesgmm.BayesGaussianMixture(n_components, progressbar=not quiet, **settings)
    say(f"fitting {count(n, 'row')}, {count(d, 'column')}, {count(n_components, 'component')}", quiet)
    return estimator.fit(rows)


def run_comparison(bayes: "BayesGaussianMixture", quiet: bool) -> "Comparison":
    """Compare, with a line for each part on a terminal; where it takes more than a moment, say so before."""
    n = len(bayes.rows_)
    if n > ROWS_AT_ONCE:
        say(f"comparing EM with the posterior, {count(n, 'row')}", quiet)
    return bayesgmm.compare(bayes, progressbar=not quiet)
