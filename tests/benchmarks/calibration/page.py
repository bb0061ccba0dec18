"""The tables and the figure of reports/calibration.md, from records."""

import numpy as np
from matplotlib.figure import Figure

from bayesgmm.plots.style import BAYES, EM
from calibration import summary
from calibration.cells import CELLS
from calibration.records import Job
from calibration.scores import KINDS

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
    groups = dict.fromkeys(CELLS[name].group for name in cells)
    lines = []
    for group in groups:
        lines += [f"### {group.replace('_', ' ')}", "", row(*COLUMNS), "|" + "---|" * len(COLUMNS)]
        for name, rs in cells.items():
            if CELLS[name].group == group:
                lines.append(cell_row(name, rs, failed[name]))
        lines.append("")
    return lines


def cell_row(name, records, n_failed):
    label = name.removeprefix(CELLS[name].group + "-").replace("-", " ")
    count = f"{len(records)}" + f", {n_failed} failed" * (n_failed > 0)
    if not records:
        return row(label, count, *["–"] * (len(COLUMNS) - 2))
    return row(label, count, *scores(records))


def scores(records):
    """The columns of a table after the first two."""
    said = ", ".join(f"{100 * summary.share(records, n):.0f} %" for n in ("settled", "identifiable"))
    gaps = [with_error(summary.gaps(records, side)) for side in ("em", "bayes")]
    losses = [
        ", ".join(f"{summary.mean_of(records, side, score):.3g}" for side in ("em", "bayes"))
        for score in ("log_loss", "brier")
    ]
    inside = summary.em_inside(records)
    covered = [pair(c) for c in summary.coverages(records).values()]
    return said, *gaps, *losses, *covered, "–" if inside is None else f"{inside:.2f}"


def pair(covered):
    return "–" if covered is None else f"{covered[0]:.2f} ({covered[1]:.2f})"


def with_error(values):
    """Mean and its standard error over data sets."""
    error = f" ± {values.std(ddof=1) / np.sqrt(len(values)):.3f}" if len(values) > 1 else ""
    return f"{values.mean():+.3f}{error}"


def other_priors(records):
    """A table of priors tried on the half that chooses, with short chains, as lines: each group and prior, of
    the data sets that all priors have been fitted to."""
    chosen = {
        job: r for job, r in records.items() if job.half == "choose" and job.short and "failed" not in r
    }
    priors = list(dict.fromkeys(job.prior for job in chosen))
    common = set.intersection(*({(j.cell, j.index) for j in chosen if j.prior == p} for p in priors))
    header = ("group", "prior", "data sets", "settled", "confidence − accuracy", "its size by cell")
    lines = [row(*header, "log loss", "Brier", *KINDS, "EM inside")]
    lines.append("|" + "---|" * (len(header) + 3 + len(KINDS)))
    groups = dict.fromkeys(c.group for c in CELLS.values() if any(c.name == name for name, _ in common))
    for group in groups:
        jobs = [(name, i) for name, i in sorted(common) if CELLS[name].group == group]
        for prior in priors:
            rs = [chosen[Job("choose", name, i, True, prior)] for name, i in jobs]
            lines.append(row(group.replace("_", " "), prior or "default", f"{len(rs)}", *prior_row(rs)))
    return [*lines, ""]


def prior_row(records):
    gaps = summary.gaps(records, "bayes")
    names = np.array([r["cell"] for r in records])
    size = np.mean([abs(gaps[names == name].mean()) for name in np.unique(names)])
    losses = [f"{summary.mean_of(records, 'bayes', score):.3f}" for score in ("log_loss", "brier")]
    covered = [pair(c) for c in summary.coverages(records).values()]
    inside = f"{summary.em_inside(records):.2f}"
    settled = f"{100 * summary.share(records, 'settled'):.0f} %"
    return settled, with_error(gaps), f"{size:.3f}", *losses, *covered, inside


def drawn(records):
    """Reliability of memberships in the overlapping cells."""
    cells = {
        n: rs for n, rs in by_cell(records, "report", False)[0].items() if CELLS[n].group == "overlapping"
    }
    figure = Figure(figsize=(8.4, 7.4), layout="constrained")
    axes = figure.subplots(2, 2, sharex=True, sharey=True).ravel()
    for ax, (name, rs) in zip(axes, cells.items(), strict=False):
        ax.plot([0.3, 1], [0.3, 1], color="0.6", linewidth=1, linestyle="--")
        for side, colour, label in (("em", EM, "EM"), ("bayes", BAYES, "posterior")):
            x, y, error = summary.reliability(rs, side)
            ax.errorbar(x, y, error, color=colour, marker="o", markersize=4, capsize=2, label=label)
        ax.set_title(f"{CELLS[name].n} rows, {CELLS[name].k} clusters", fontsize="medium")
    axes[0].legend()
    figure.supxlabel("probability of the likeliest component")
    figure.supylabel("share of rows that belong to it")
    figure.suptitle("On the dashed line, what is said is true as often as it claims to be")
    return figure
