"""How sure are memberships, and how right? EM against the posterior, on simulated clusters whose labels are
known.

Writes reports/calibration.md and reports/calibration.png. Run it: python
tests/benchmarks/bench_calibration.py (half an hour on two cores; --quick for a tenth of the data sets, on the
screen only).
"""

import argparse
import warnings
from concurrent.futures import ProcessPoolExecutor
from itertools import pairwise, permutations, product
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from bayesgmm import BayesGaussianMixture, Prior
from bayesgmm.bayes.priors import DEFAULT_MEAN_SCALE, DEFAULT_STD_SCALE, DEFAULT_STD_SHAPE
from bayesgmm.mixture.density import simulate_from
from bayesgmm.plots.style import BAYES, EM
from bayesgmm.support.arguments import available_cores

REPORTS = Path(__file__).parents[2] / "reports"
DATA_SETS, FOR_PRIORS = 100, 40
NEAREST, FURTHEST = 2.0, 3.0
WEIGHTS = {2: (0.6, 0.4), 3: (0.4, 0.35, 0.25)}
SETTINGS = list(product((60, 200), WEIGHTS))
SHAPES = np.array([[[1.0, 0.0], [0.0, 1.0]], [[1.2, 0.5], [0.0, 0.7]], [[0.7, 0.0], [-0.4, 1.1]]])
BINS = np.array([0.33, 0.5, 0.6, 0.7, 0.8, 0.9, 0.97, 1.0 + 1e-9])
# Concentration, family of the standard deviations with its first number and the second in units of the
# columns'.
PRIORS = {
    "1, inverse gamma": (1.0, "inversegamma"),
    "2, inverse gamma": (2.0, "inversegamma"),
    "3, inverse gamma (default)": (3.0, "inversegamma"),
    "4, inverse gamma": (4.0, "inversegamma"),
    "2, log-normal": (2.0, "lognormal"),
}


def clusters(n, k, seed):
    """Rows and the clusters that they come from, between 2 and 3 standard deviations apart along the first
    feature."""
    rng = np.random.default_rng([n, k, seed])
    distance = rng.uniform(NEAREST, FURTHEST)
    means = np.arange(k)[:, None] * np.array([distance, 0.3])
    return simulate_from(np.array(WEIGHTS[k]), means, SHAPES[:k], n, rng)


def named(memberships, labels):
    """Memberships with their columns in the order that gives the smallest log loss."""
    rows = np.arange(len(labels))
    orders = [memberships[:, list(p)] for p in permutations(range(memberships.shape[1]))]
    return min(orders, key=lambda m: -np.log(np.maximum(m[rows, labels], 1e-12)).sum())


def judged(memberships, labels):
    """Log loss, and confidence and hit of each row, under the best naming."""
    m, rows = named(memberships, labels), np.arange(len(labels))
    loss = -np.log(np.maximum(m[rows, labels], 1e-12)).mean()
    return loss, m.max(axis=1), m.argmax(axis=1) == labels


def by_default(job):
    """EM and the posterior with default settings, on one data set."""
    warnings.simplefilter("ignore")
    n, k, seed = job
    X, labels = clusters(n, k, seed)
    fit = BayesGaussianMixture(k, random_state=seed, cores=1, progressbar=False).fit(X)
    both = judged(fit.em_.predict_proba(X), labels), judged(fit.membership_, labels)
    return *both, fit.verdict_.label_free_ok, fit.method_


def by_prior(job):
    """The posterior under each prior, with short chains."""
    warnings.simplefilter("ignore")
    n, k, seed = job
    X, labels = clusters(n, k, 10_000 + seed)
    loc, s = X.mean(axis=0), X.std(axis=0)
    out = []
    for concentration, family in PRIORS.values():
        numbers = (
            (DEFAULT_STD_SHAPE, DEFAULT_STD_SCALE * s)
            if family == "inversegamma"
            else (np.log(0.65 * s), 0.5)
        )
        prior = Prior(
            concentration=concentration,
            mean_loc=loc,
            mean_scale=DEFAULT_MEAN_SCALE * s,
            std_prior=(family, *numbers),
        )
        settings = {
            "method": "nuts",
            "draws": 400,
            "tune": 400,
            "chains": 2,
            "cores": 1,
            "progressbar": False,
        }
        fit = BayesGaussianMixture(k, prior=prior, random_state=seed, **settings).fit(X)
        out.append(judged(fit.membership_, labels))
    return out


def summary(results):
    """Means over data sets of log loss, confidence, accuracy and their difference, the last two figures its
    standard error."""
    loss = [r[0] for r in results]
    confidence, accuracy = (np.array([r[i].mean() for r in results]) for i in (1, 2))
    gap = confidence - accuracy
    return np.mean(loss), confidence.mean(), accuracy.mean(), gap.mean(), gap.std(ddof=1) / np.sqrt(len(gap))


def row(*cells):
    return "| " + " | ".join(cells) + " |"


def numbers(values):
    loss, confidence, accuracy, gap, error = values
    return f"{loss:.2f}", f"{confidence:.3f}", f"{accuracy:.3f}", f"{gap:+.3f} ± {error:.3f}"


def reliability(ax, results, colour, label):
    """Share of hits in bins of confidence, with standard errors over data sets."""
    confidence = np.concatenate([r[1] for r in results])
    hit = np.concatenate([r[2] for r in results])
    owner = np.repeat(np.arange(len(results)), [len(r[1]) for r in results])
    x, y, error = [], [], []
    for low, high in pairwise(BINS):
        inside = (confidence >= low) & (confidence < high)
        if inside.sum() < 20:
            continue
        share = hit[inside].mean()
        # Rows of one data set are right or wrong together.
        away = np.bincount(owner[inside], hit[inside] - share, minlength=len(results))
        x.append(confidence[inside].mean())
        y.append(share)
        error.append(np.sqrt((away**2).sum()) / inside.sum())
    ax.errorbar(x, y, error, color=colour, marker="o", markersize=4, capsize=2, label=label)


def drawn(found):
    figure = Figure(figsize=(8.4, 7.4), layout="constrained")
    axes = figure.subplots(2, 2, sharex=True, sharey=True).ravel()
    for ax, (n, k) in zip(axes, SETTINGS, strict=True):
        ax.plot([0.3, 1], [0.3, 1], color="0.6", linewidth=1, linestyle="--")
        reliability(ax, [r[0] for r in found[n, k]], EM, "EM")
        reliability(ax, [r[1] for r in found[n, k]], BAYES, "posterior")
        ax.set_title(f"{n} rows, {k} clusters", fontsize="medium")
    axes[0].legend()
    figure.supxlabel("probability of the likeliest component")
    figure.supylabel("share of rows that belong to it")
    figure.suptitle("On the dashed line, what is said is true as often as it claims to be")
    return figure


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    quick = parser.parse_args().quick
    n_sets, n_for_priors = (DATA_SETS // 10, FOR_PRIORS // 10) if quick else (DATA_SETS, FOR_PRIORS)
    found, others = {}, {}
    with ProcessPoolExecutor(available_cores()) as pool:
        for n, k in SETTINGS:
            found[n, k] = list(pool.map(by_default, [(n, k, s) for s in range(n_sets)]))
            print(n, k, *(numbers(summary([r[i] for r in found[n, k]])) for i in (0, 1)), flush=True)
        for n, k in SETTINGS:
            others[n, k] = list(pool.map(by_prior, [(n, k, s) for s in range(n_for_priors)]))
    lines = [
        "# How sure, and how right? EM against the posterior",
        "",
        f"{n_sets} simulated data sets a setting: overlapping clusters in two dimensions, neighbours "
        f"{NEAREST:g} to {FURTHEST:g} standard deviations apart,",
        "weights 0.6 and 0.4, or 0.4, 0.35 and 0.25, each with a covariance of its own; fitted with the true "
        "number of components and default",
        "settings. Confidence is the mean probability of the likeliest component, accuracy the share of rows "
        "that belong to it, both under the",
        "naming of components that suits each best. What is calibrated has a confidence near its accuracy; ± "
        "is a standard error over data sets.",
        "Written by `python tests/benchmarks/bench_calibration.py`.",
        "",
        "| rows | clusters | method | log loss | confidence | accuracy | difference | settled |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for (n, k), results in found.items():
        settled = np.mean([r[2] for r in results])
        tempered = np.mean([r[3] == "smc" for r in results])
        lines.append(row(str(n), str(k), "EM", *numbers(summary([r[0] for r in results])), "–"))
        said = f"{100 * settled:.0f} %, {100 * tempered:.0f} % tempered"
        lines.append(row(str(n), str(k), "posterior", *numbers(summary([r[1] for r in results])), said))
    lines += [
        "",
        "Settled: the verdict accepts what does not depend on labels.",
        "",
        "![Reliability of EM's responsibilities and of posterior memberships](calibration.png)",
        "",
        "## Other priors",
        "",
        f"{n_for_priors} other data sets a setting, two chains of 400 draws. A prior is given as the "
        "concentration of the weights and the family of the",
        "standard deviations: inverse gamma of shape 4 and scale 2.4 s, or log-normal of median 0.65 s and "
        "log-sd 0.5, s being the column's.",
        "",
        "| rows | clusters | prior | log loss | confidence | accuracy | difference |",
        "|---|---|---|---|---|---|---|",
    ]
    for (n, k), results in others.items():
        for i, name in enumerate(PRIORS):
            lines.append(row(str(n), str(k), name, *numbers(summary([r[i] for r in results]))))
    text = "\n".join([*lines, ""])
    print(text)
    if not quick:
        (REPORTS / "calibration.md").write_text(text)
        drawn(found).savefig(REPORTS / "calibration.png", dpi=110)


if __name__ == "__main__":
    main()
