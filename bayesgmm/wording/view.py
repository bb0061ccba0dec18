"""Words around a page's view: what it shows, what can be done with it, and what is left out."""

from bayesgmm.support.sentences import count
from bayesgmm.wording.numbers import percent

__all__ = ["alt", "caption", "note"]


def alt(*, n_points: int, n_features: int, n_uncertain: int, by: str) -> str:
    """What the view shows; `by` is "component", "cluster of the partition", or nothing where there is one
    group."""
    several = n_features > 1
    axes = "two features to be chosen" if several else "the feature against how uncertain each observation is"
    marked = ""
    if by:
        are = "uncertain one is" if n_uncertain == 1 else "uncertain ones are"
        marked = f", by colour and shape the {by}; {n_uncertain} {are} larger, with a thick outline"
    return f"Scatter plot of {count(n_points, 'observation')}: {axes}{marked}."


def caption(*, rows: str, by: str, most_values: int, threshold: float, ci_prob: float) -> str:
    """What can be done; `rows` says how rows are called."""
    point = (
        "Point at an observation, tap it, or type its row, for its values "
        f"(of {count(most_values, 'feature')} at the most)"
    )
    if not by:
        return f"{point}. Rows are {rows}."
    if by == "component":
        return (
            f"{point}, and for the probability of each component by the posterior (with its "
            f"{percent(ci_prob)} interval) "
            f"and by EM. Uncertain ones, whose likeliest component has a probability below {threshold}, are "
            f"larger and have a thick outline. Rows are {rows}."
        )
    return (
        f"{point}, and for how probably it shares a group with the others of its cluster, on average. "
        "Clusters are those of the one partition for all draws; they are not the groups of the mixture. "
        f"Uncertain ones, where that probability is below {threshold}, are larger and have a thick outline. "
        f"Rows are {rows}."
    )


def note(shown: int, n: int, features: int, d: int) -> str:
    """What is not there; nothing where all is."""
    left_out = [f"{shown} of {count(n, 'observation')}, chosen at random"] if shown < n else []
    left_out += [f"the first {features} of {count(d, 'feature')}"] if features < d else []
    return f"Shown here: {' and '.join(left_out)}." if left_out else ""
