"""What a printed fit says of itself."""

from collections.abc import Sequence

from bayesgmm.support.sentences import count
from bayesgmm.wording.reasons import Reason

__all__ = ["COMPONENTS_HIDDEN", "NEXT", "TABLE_HEADING", "heading", "left_out"]

COMPONENTS_HIDDEN = (
    "Single components are not shown: partition(bayes) and bayes.similarity_ do not depend on labels."
)
TABLE_HEADING = "Posterior mean ± sd:"
# Where to look next: code that runs, and what it does.
NEXT = (
    ("print(compare(bayes))", "EM against the posterior, parameter by parameter"),
    ('write_report(bayes, "report.html")', "all of it with figures, as one page"),
    ("bayes.posterior_", "the draws, for every function of ArviZ"),
)


def heading(
    *,
    k: int,
    covariance_type: str,
    n: int,
    features: Sequence[str],
    more_features: bool,
    d: int,
    em_ended: str,
    has_floor: bool,
    log_likelihood: float,
    method: str,
    chains: int,
    draws: int,
    missing: Reason | None = None,
) -> str:
    """Data, EM and posterior in three sentences.

    Parameters
    ----------
    features : sequence of str
        The names that are shown.
    more_features : bool
        Whether there are others.
    missing : Reason or None
        That cells are missing.
    em_ended : str
        How EM ended, if it has not converged; else empty.
    has_floor : bool
        Whether a floor keeps EM from collapsing.
    """
    names = ", ".join(features) + (", …" if more_features else "")
    em = f"EM{' with a floor' * has_floor} {f'ended {em_ended}' if em_ended else 'converged'}"
    return (
        f"Gaussian mixture of {count(k, 'component')} ({covariance_type} covariances), fitted to "
        f"{count(n, 'observation')} of {count(d, 'feature')}: {names}.\n"
        + ("" if missing is None else f"{missing}\n")
        + f"{em} at a log-likelihood of {log_likelihood:.2f}. "
        f"Posterior: {method}, {chains} x {draws} draws."
    )


def left_out(components: int, features: int) -> str:
    """How many components and features a table leaves out; empty where it has all."""
    sizes = ((components, "more component"), (features, "more feature"))
    parts = [count(n, what) for n, what in sizes if n > 0]
    return f"And {' and '.join(parts)}." if parts else ""
