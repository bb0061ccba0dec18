"""The tables of a report, as rows of text."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from bayesgmm.methods import find
from bayesgmm.mixture.density import CERTAIN
from bayesgmm.posterior.verdict import Verdict
from bayesgmm.report.names import Name, Shortener, quantities
from bayesgmm.support.sentences import count, plain, shorten, with_sd
from bayesgmm.wording.comparison import LIKELIHOOD
from bayesgmm.wording.numbers import number, p_value, percent, probability, signed
from bayesgmm.wording.rows import about_missing, numbering

if TYPE_CHECKING:
    from bayesgmm.comparison import Comparison
    from bayesgmm.estimator import BayesGaussianMixture
    from bayesgmm.fit import Fit

__all__ = [
    "Table",
    "assignments",
    "checks",
    "diagnostics",
    "groups",
    "likelihood",
    "modes",
    "parameters",
    "provenance",
]

Cell = str | Name

MOST_FEATURES = 6
MOST_PARAMETERS = 250
MOST_ASSIGNMENTS = 15
SHOWN_FEATURES = 4


@dataclass(frozen=True)
class Table:
    """A caption, the heads of the columns and the rows; ``align`` has a letter a column, l for words and r
    for numbers."""

    caption: str
    columns: Sequence[Cell]
    rows: Sequence[Sequence[Cell]]
    align: str


def groups(bayes: "BayesGaussianMixture", result: "Comparison", names: Sequence[Name]) -> Table:
    """Each component at a glance: its share, its observations, its means."""
    shown = names[:MOST_FEATURES]
    table = result.parameters
    labels, certain = result.assignments["bayes_label"].to_numpy(), bayes.membership_.max(axis=1) > CERTAIN
    k, d = bayes.em_.params_.means.shape
    rows = []
    for c in range(k):
        weight = table.iloc[c]
        means = [table.iloc[k + c * d + j] for j in range(len(shown))]
        rows.append(
            (
                f"component {c}",
                f"{100 * weight['em']:.1f} %",
                f"{100 * weight['mean']:.1f} %",
                f"{100 * weight['lower']:.1f} to {100 * weight['upper']:.1f} %",
                str((labels == c).sum()),
                str((certain & (labels == c)).sum()),
                *(f"{with_sd(m['mean'], m['sd'])} ± {with_sd(m['sd'], m['sd'])}" for m in means),
            )
        )
    heads = (
        "Group",
        "Share, EM",
        "Share, Bayes",
        f"{percent(result.ci_prob)} interval",
        "Observations",
        f"membership above {CERTAIN}",
    )
    caption = "The groups. Means are posterior means ± posterior standard deviations."
    if len(shown) < len(names):
        caption += f" The first {len(shown)} of {len(names)} features."
    columns: list[Cell] = [*heads, *(Name(f"mean of {n.short}", f"mean of {n.full}") for n in shown)]
    return Table(caption, columns, rows, "l" + "r" * (len(columns) - 1))


def parameters(bayes: "BayesGaussianMixture", result: "Comparison", names: Sequence[Name]) -> Table:
    """Every parameter, EM beside the posterior; of very many those that differ most."""
    table = result.parameters
    what_each_is = quantities(bayes.fit_.draws, names)
    size = table["difference"].abs().to_numpy()
    kept = np.sort(np.argsort(-size, kind="stable")[:MOST_PARAMETERS])
    rows = []
    for i in kept:
        (what, component), p = what_each_is[i], table.iloc[i]
        em, mean, sd, low, high = (with_sd(p[c], p["sd"]) for c in ("em", "mean", "sd", "lower", "upper"))
        inside = "inside" if p["inside"] else "outside"
        rows.append(
            (
                what,
                component,
                em,
                mean,
                sd,
                f"{low} to {high}",
                signed(p["difference"]),
                inside,
                p["decided_by"] or "–",
            )
        )
    caption = (
        "All parameters."
        if len(kept) == len(table)
        else f"The {len(kept)} of {len(table)} parameters that differ most."
    )
    caption += (
        " The last three columns say how far EM lies from the posterior mean, in posterior standard "
        "deviations, whether it lies in the interval, and whether the data or the prior made the difference "
        "or, where there is hardly one, decided."
    )
    heads = (
        "Parameter",
        "Component",
        "EM",
        "Posterior mean",
        "Posterior sd",
        f"{percent(result.ci_prob)} interval",
        "EM − mean, in sd",
        "EM is",
        "Decided by",
    )
    return Table(caption, heads, rows, "lrrrrrrll")


def assignments(bayes: "BayesGaussianMixture", result: "Comparison", names: Sequence[Name]) -> Table:
    """The observations on which EM and the posterior differ most."""
    shown = names[:SHOWN_FEATURES]
    # Two rows may have the same name, so that they are chosen by their places.
    table = result.assignments.reset_index(drop=True)
    table = table.nlargest(MOST_ASSIGNMENTS, "largest_difference", keep="first")
    X = bayes.rows_.values
    rows = [
        (
            shorten(plain(bayes.rows_.label(i))),
            str(a["em_label"]),
            str(a["bayes_label"]),
            probability(a["em_probability"]),
            probability(a["bayes_probability"]),
            probability(a["sd"]),
            probability(a["largest_difference"]),
            *("missing" if np.isnan(X[i, j]) else number(X[i, j]) for j in range(len(shown))),
        )
        for i, a in zip(table.index, table.to_dict("records"), strict=True)
    ]
    heads = (
        "Observation",
        "EM's group",
        "Bayes's group",
        "p by EM",
        "p by Bayes",
        "sd of p",
        "Largest difference",
    )
    caption = (
        f"The {count(len(rows), 'observation')} on which EM and Bayes differ most. p is the probability of "
        f"EM's group, sd its standard deviation between draws; the largest difference is that over all "
        f"groups. {numbering(bayes.rows_, 'Groups')}."
    )
    columns: list[Cell] = [*heads, *shown]
    return Table(caption, columns, rows, "l" + "r" * (len(columns) - 1))


def likelihood(result: "Comparison", components: bool) -> Table:
    """The total log-likelihood at the estimates and along the draws."""
    s = result.log_likelihood
    rows = [("EM", f"{s['em']:.2f}")]
    if components:
        rows.append((LIKELIHOOD["at_posterior_mean"], f"{s['at_posterior_mean']:.2f}"))
    rows += [
        ("draws: mean ± sd", f"{s['mean']:.2f} ± {s['sd']:.2f}"),
        (f"draws: central {percent(result.ci_prob)}", f"{s['lower']:.2f} to {s['upper']:.2f}"),
        ("draws: largest", f"{s['largest']:.2f}"),
    ]
    return Table("Total log-likelihood of the data.", ("Where", "Log-likelihood"), rows, "lr")


def checks(result: "Comparison", shorten: Shortener) -> Table:
    """Every posterior predictive check as numbers."""
    rows = []
    for c in result.predictive:
        # Counts have no decimals.
        is_count = c.observed == round(c.observed) and (c.replicated == np.round(c.replicated)).all()
        sd = 0.0 if is_count else c.replicated.std()
        low, high = (with_sd(v, sd) for v in np.quantile(c.replicated, (0.025, 0.975)))
        rows.append(
            (
                shorten(c.name),
                with_sd(c.observed, sd),
                f"{low} to {high}",
                p_value(c.p_value, len(c.replicated)),
            )
        )
    caption = (
        "p is the share of replications with a larger value than the data (ties count half), of "
        f"{len(result.predictive[0].replicated)} replications."
    )
    return Table(caption, ("Statistic", "Data", "95 % of the replications", "p"), rows, "lrrr")


def modes(bayes: "BayesGaussianMixture") -> Table:
    """The distinct maxima that EM's starts have led to."""
    table = bayes.em_.modes_
    best = table["log_likelihood"].iloc[0]
    rows = [
        (
            str(place),
            f"{m['log_likelihood']:.2f}",
            signed(m["log_likelihood"] - best) if place else "chosen",
            str(m["n_starts"]),
            probability(m["smallest_weight"]),
            f"{m['status']}, looks spurious" if m["spurious"] else str(m["status"]),
        )
        for place, m in enumerate(table.to_dict("records"))
    ]
    heads = ("Maximum", "Log-likelihood", "against the chosen", "Starts", "Smallest weight", "Status")
    floor = "" if bayes.fit_.no_maximum is None else " under a floor that keeps components from collapsing"
    return Table(f"Distinct local maxima of the likelihood{floor}.", heads, rows, "lrrrrl")


def posterior_modes(bayes: "BayesGaussianMixture") -> Table:
    """The modes of the posterior and what separates them."""
    found = bayes.mode_map_
    rows = [
        (
            str(m + 1),
            f"{100 * row['share']:.0f} ± {100 * row['share_se']:.0f} %",
            signed(row["log_posterior"]) if row["log_posterior"] else "highest",
            str(row["n_occupied"]),
            str(row["what"]),
        )
        for m, row in enumerate(found.table.to_dict("records"))
    ]
    heads = ("Mode", "Share of the posterior", "Log density", "Components in use", "What it is")
    caption = "Modes of the posterior that hold 2 % or more"
    caption += f"; the others hold {100 * found.others:.0f} % together." if found.others > 0 else "."
    return Table(caption, heads, rows, "lrrrl")


def diagnostics(bayes: "BayesGaussianMixture", shorten: Shortener) -> Table:
    """The numbers behind the verdict."""
    v = bayes.verdict_
    # Of independent draws neither agreement nor autocorrelation says anything.
    rows = [] if v.check.is_weighted else _of_convergence(v, shorten)
    rows += [(what, value, "–") for what, value in v.check.rows()]
    c = v.labelling
    rows.append(("draws whose label assignment is ambiguous", f"{100 * c.nearly_tied:.1f} %", "–"))
    if len(bayes.em_.weights_) > 1:
        for method, share in c.agreement.items():
            rows.append((f"draws labelled alike by {_METHODS[method]}", f"{100 * share:.1f} %", "–"))
        rows.append(("draws with two components of one kind", f"{100 * c.non_permutation_rate:.1f} %", "–"))
        if c.by_prior is None:
            rows.append(("label switches, chain by chain", ", ".join(map(str, c.switches)), "–"))
    return Table("Diagnostics of the draws.", ("Quantity", "Value", "at"), rows, "lrl")


_METHODS = {
    "iterative ECR": "iterative ECR",
    "Stephens": "Stephens’ divergence",
    "parameters": "their parameters",
    "prior": "the prior, given their components",
}


def _of_convergence(v: Verdict, shorten: Shortener) -> list[tuple[Any, ...]]:
    rows: list[tuple[Any, ...]] = []
    for d, what in ((v.label_free, "label-free quantities"), (v.components, "parameters of the components")):
        # Where labels are ambiguous, it means nothing which component's parameter it is.
        said = v.ok or d is v.label_free
        places = [shorten(at) if at and said else "–" for at in (d.r_hat_at, d.ess_at)]
        rows.append((f"largest R-hat, {what}", f"{d.r_hat:.3f}", places[0]))
        rows.append((f"smallest effective sample size, {what}", f"{d.ess:.0f}", places[1]))
    return rows


def _drawn(fit: "Fit") -> list[tuple[str, str]]:
    """How the posterior was drawn from."""
    told = find(fit.method).described(fit.settings)
    if fit.log_evidence is not None:
        value, error = fit.log_evidence
        between = f", standard error between runs {error:.2f}" if math.isfinite(error) else ""
        told.append(("Log evidence", f"{value:.2f}{between}, given the modes that were found"))
    return told + ([] if fit.method_reason is None else [("Method", str(fit.method_reason))])


def provenance(bayes: "BayesGaussianMixture", names: Sequence[Name]) -> list[tuple[str, str]]:
    """Everything needed to make the fit again: settings, seeds, data and versions."""
    fit, made = bayes.fit_, bayes.fit_.provenance
    n, d = fit.X.shape
    k, missing = fit.draws.n_components, about_missing(fit.rows)
    seed = f"not a number; SeedSequence of entropy {made.seed_entropy}"
    seed = seed if made.random_state is None else str(made.random_state)
    features = ", ".join(m.short for m in names[:20]) + (f" and {d - 20} more" if d > 20 else "")
    return [
        ("Observations, N", str(n)),
        *([("Sum of their weights", f"{fit.rows.total_weight:g}")] if len(fit.rows.weights) else []),
        ("Features, D", f"{d}: {features}"),
        *([] if missing is None else [("Missing cells", str(missing))]),
        ("Components, K", str(k)),
        ("Covariances", fit.covariance_type),
        *_drawn(fit),
        ("random_state", plain(seed)),
        ("Seed of the predictive checks", str(made.predictive_seed)),
        (
            "EM",
            f"{count(int(bayes.em_.modes_['n_starts'].sum()), 'run')} to convergence; "
            f"{count(int(bayes.em_.n_iter_), 'step')}; {bayes.em_.status_}",
        ),
        ("SHA-256 of the data", fit.rows.sha256),
        ("Versions", f"{made.versions}; Python {made.python}"),
    ]
