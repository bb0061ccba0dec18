"""The tables and the figure of reports/calibration.md, from records."""

import numpy as np
from matplotlib.figure import Figure

from bayesgmm.plots.style import BAYES, EM
from calibration import summary
from calibration.cells import CELLS, GROUPS
from calibration.records import Job
from calibration.scores import KINDS

SIDES = ("em", "bayes")
INTRODUCTION = """# How sure, and how right? EM against the posterior

Simulated clusters of which all is known, {cells} kinds of data, called cells; {done} fits of the {planned}
that a whole run has, each of a data set of its own, with default settings. The prior was chosen on other
data sets of the same cells, by another seed; those of this page were not looked at before.

Confidence is the mean probability of the likeliest component, accuracy the share of rows that belong to it,
both under the naming of components that suits each best. What is calibrated has a confidence near its
accuracy. "Size by cell" is their difference without its sign, of each cell, and the mean over cells. The
other columns are the shares of true weights, means, standard deviations and correlations, and of true
densities at 20 further points, in the posterior's central intervals of 95 %. ± is a standard error over
data sets.

Written by `python tests/benchmarks/bench_calibration.py --write`.
"""
LEGEND = """K clusters in D features and N rows. Neighbours are so many standard deviations apart along one
feature; along the others they differ little. Clusters differ in their standard deviations, by a fifth or
so, and in their correlations, which are drawn anew for each data set. Where nothing else is said, weights
are 0.6 and 0.4, or 0.4, 0.35 and 0.25, and rows are normal.

Settled: the verdict accepts what does not depend on labels; identifiable: what does, too. Log loss and
Brier score are those of memberships, summed over components. Shares inside intervals are those of 95 %, and
in brackets of 50 %, with the components in the order of the true means that are nearest, whatever the
verdict. EM inside: the share of EM's parameters in the posterior's intervals of 95 %.
"""
OF_PRIORS = """On the half that chooses; two chains of 400 draws by NUTS alone, so that few settle. What is
not said of a prior is the default's, as it was at the time, and numbers are in units of the columns, each
of mean 0 and standard deviation 1.
"""
COLUMNS = (
    "cell",
    "data sets",
    "settled, identifiable",
    "confidence − accuracy: EM",
    "posterior",
    "log loss: EM, posterior",
    "Brier: EM, posterior",
    "weights",
    "means",
    "sds",
    "correlations",
    "density",
    "EM inside",
)


def row(*cells):
    return "| " + " | ".join(cells) + " |"


def by_cell(records, half, short, prior=""):
    """Records of a half, of one length of chains and one prior, cell by cell in the order of the table, and
    how many fits of each cell failed."""
    found, failed = {name: [] for name in CELLS}, dict.fromkeys(CELLS, 0)
    for job, record in records.items():
        if (job.half, job.short, job.prior) == (half, short, prior) and job.cell in CELLS:
            if "failed" in record:
                failed[job.cell] += 1
            else:
                found[job.cell].append(record)
    return {
        name: sorted(rs, key=lambda r: r["index"]) for name, rs in found.items() if rs or failed[name]
    }, failed


def tables(records, half, short, prior=""):
    """A table for each group, as lines; `records` by their jobs."""
    cells, failed = by_cell(records, half, short, prior)
    lines = []
    for group, said in GROUPS.items():
        rows = [cell_row(n, rs, failed[n]) for n, rs in cells.items() if CELLS[n].group == group]
        if rows:
            lines += [f"### {titled(group)}", "", said, ""]
            lines += [row(*COLUMNS), "|" + "---|" * len(COLUMNS), *rows, ""]
        if rows and group == "overlapping" and (half, short, prior) == ("report", False, ""):
            lines += [
                "![Reliability of EM's responsibilities and of posterior memberships](calibration.png)",
                "",
            ]
    return lines


def titled(group):
    """The group's name for people."""
    return (group[0].upper() + group[1:]).replace("_k", " K").replace("_", " ")


def cell_row(name, records, n_failed):
    label = name.removeprefix(CELLS[name].group + "-").replace("-", " ").replace("to", "–")
    count = f"{len(records)}" + f", {n_failed} failed" * (n_failed > 0)
    if not records:
        return row(label, count, *["–"] * (len(COLUMNS) - 2))
    return row(label, count, *scores(records))


def scores(records):
    """The columns of a table after the first two."""
    said = ", ".join(f"{100 * summary.share(records, n):.0f} %" for n in ("settled", "identifiable"))
    gaps = [with_error(summary.gaps(records, side)) for side in SIDES]
    losses = [
        ", ".join(f"{summary.mean_of(records, side, score):.3g}" for side in SIDES)
        for score in ("log_loss", "brier")
    ]
    inside = summary.em_inside(records)
    covered = [pair(c) for c in summary.coverages(records).values()]
    return said, *gaps, *losses, *covered, "–" if inside is None else f"{inside:.2f}"


def pair(covered):
    return "–" if covered is None else f"{covered[0]:.2f} ({covered[1]:.2f})"


def share_with_error(values):
    """Mean and its standard error, of shares of each data set; nothing where there are none."""
    if not len(values):
        return "–"
    error = f" ± {values.std(ddof=1) / np.sqrt(len(values)):.3f}" if len(values) > 1 else ""
    return f"{values.mean():.3f}{error}"


def with_error(values):
    """Mean and its standard error over data sets."""
    error = f" ± {values.std(ddof=1) / np.sqrt(len(values)):.3f}" if len(values) > 1 else ""
    return f"{values.mean():+.3f}{error}"


def overview(records):
    """A table of one row a group, as lines: means over fits, and standard errors over data sets."""
    cells, _ = by_cell(records, "report", False)
    header = (
        "group",
        "cells",
        "fits",
        "confidence − accuracy: EM",
        "posterior",
        "size by cell: EM, posterior",
    )
    lines = [row(*header, *KINDS), "|" + "---|" * (len(header) + len(KINDS))]
    for group in GROUPS:
        parts = [rs for name, rs in cells.items() if CELLS[name].group == group and rs]
        rs = [r for part in parts for r in part]
        if rs:
            gaps = [with_error(summary.gaps(rs, side)) for side in SIDES]
            sizes = ", ".join(f"{summary.size_by_cell(rs, side):.3f}" for side in SIDES)
            covered = [share_with_error(summary.covered_by_set(rs, kind)) for kind in KINDS]
            lines.append(row(titled(group), str(len(parts)), str(len(rs)), *gaps, sizes, *covered))
    return [*lines, ""]


def other_priors(records, priors=()):
    """A table of priors tried on the half that chooses, with short chains, as lines: each group and prior, of
    the data sets that all priors have been fitted to which were tried on the group at all; then all of these
    together, where the priors are the same. `priors` are those to tell of; all, where there are none."""
    chosen = {
        job: r
        for job, r in records.items()
        if job.half == "choose" and job.short and "failed" not in r and (not priors or job.prior in priors)
    }
    header = ("group", "prior", "data sets", "settled", "confidence − accuracy", "size by cell")
    lines = [row(*header, "log loss", "Brier", *KINDS, "EM inside")]
    lines.append("|" + "---|" * (len(header) + 3 + len(KINDS)))
    groups = [group for group in GROUPS if any(CELLS[job.cell].group == group for job in chosen)]
    for members in [*([group] for group in groups), *([groups] if len(groups) > 1 else [])]:
        inside = {job: r for job, r in chosen.items() if CELLS[job.cell].group in members}
        title = titled(members[0]) if len(members) == 1 else "All"
        for prior, rs in in_common(inside).items():
            lines.append(row(title, f"`{prior}`" if prior else "default", str(len(rs)), *prior_row(rs)))
    return [*lines, ""] if chosen else []


def in_common(records):
    """The records of each prior, of those data sets that all of the priors have been fitted to."""
    priors = list(dict.fromkeys(job.prior for job in records))
    fitted = [{(job.cell, job.index) for job in records if job.prior == prior} for prior in priors]
    jobs = sorted(set.intersection(*fitted))
    found = {p: [records[Job("choose", name, i, True, p)] for name, i in jobs] for p in priors}
    return found if jobs else {}


def prior_row(records):
    size = summary.size_by_cell(records, "bayes")
    losses = [f"{summary.mean_of(records, 'bayes', score):.3f}" for score in ("log_loss", "brier")]
    covered = [pair(c) for c in summary.coverages(records).values()]
    inside = f"{summary.em_inside(records):.2f}"
    settled = f"{100 * summary.share(records, 'settled'):.0f} %"
    return settled, with_error(summary.gaps(records, "bayes")), f"{size:.3f}", *losses, *covered, inside


def whole(records, priors=()):
    """The page, as text."""
    planned = sum(cell.data_sets for cell in CELLS.values())
    done = sum(job.half == "report" and not job.short and not job.prior for job in records)
    tried = other_priors(records, priors)
    lines = [INTRODUCTION.format(done=done, planned=planned, cells=len(CELLS)), *overview(records)]
    lines += ["## Cell by cell", "", LEGEND, *tables(records, "report", False)]
    if tried:
        lines += ["## Other priors", "", OF_PRIORS, *tried]
    return "\n".join(lines)


def drawn(records):
    """Reliability of memberships in the overlapping cells."""
    cells = {
        n: rs for n, rs in by_cell(records, "report", False)[0].items() if CELLS[n].group == "overlapping"
    }
    figure = Figure(figsize=(8.4, 7.4), layout="constrained")
    axes = figure.subplots(2, 2, sharex=True, sharey=True).ravel()
    for ax, (name, rs) in zip(axes, cells.items(), strict=False):
        ax.plot([0.3, 1], [0.3, 1], color="0.6", linewidth=1, linestyle="--")
        for side, colour, label in zip(SIDES, (EM, BAYES), ("EM", "posterior"), strict=True):
            x, y, error = summary.reliability(rs, side)
            ax.errorbar(x, y, error, color=colour, marker="o", markersize=4, capsize=2, label=label)
        ax.set_title(f"{CELLS[name].n} rows, {CELLS[name].k} clusters", fontsize="medium")
    axes[0].legend()
    figure.supxlabel("probability of the likeliest component")
    figure.supylabel("share of rows that belong to it")
    figure.suptitle("On the dashed line, what is said is true as often as it claims to be")
    return figure
