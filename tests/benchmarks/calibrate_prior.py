"""How sure are memberships, and how right? The default prior against others, on simulated clusters whose labels are known.

Writes reports/prior_calibration.md. Run it: python tests/benchmarks/calibrate_prior.py (a quarter of an hour on two cores).
"""

import warnings
from itertools import permutations
from pathlib import Path

import numpy as np

from bayesgmm import BayesGaussianMixture, Prior
from bayesgmm.bayes.priors import (
    DEFAULT_CONCENTRATION,
    DEFAULT_MEAN_SCALE,
    DEFAULT_STD_LOG_SCALE,
    DEFAULT_STD_MEDIAN,
)

REPORT = Path(__file__).parents[2] / "reports" / "prior_calibration.md"
REPLICATIONS = 40
DEFAULT = (DEFAULT_CONCENTRATION, DEFAULT_STD_MEDIAN, DEFAULT_STD_LOG_SCALE)
# Concentration, and median (in standard deviations of the column) and log-sd of the components' standard deviations.
PRIORS = [(1.0, 0.5, 0.7), (1.0, 0.65, 0.5), (2.0, 0.5, 0.7), (2.0, 0.65, 0.5), (4.0, 0.65, 0.5)]
# Rows, distance of neighbouring clusters in standard deviations, weights of the clusters.
SETTINGS = [
    (60, 2.0, (0.6, 0.4)),
    (60, 3.0, (0.6, 0.4)),
    (200, 2.5, (0.6, 0.4)),
    (120, 3.0, (0.85, 0.15)),
    (150, 3.0, (0.5, 0.3, 0.2)),
]
SHAPES = np.array([[[1.0, 0.0], [0.0, 1.0]], [[1.2, 0.5], [0.0, 0.7]], [[0.7, 0.0], [-0.4, 1.1]]])


def clusters(n, distance, weights, seed):
    """Rows and the clusters that they come from; cluster j is centred at (j distance, 0.3 j)."""
    rng = np.random.default_rng(seed)
    labels = rng.choice(len(weights), n, p=weights)
    noise = np.einsum("nij,nj->ni", SHAPES[labels], rng.normal(size=(n, 2)))
    return noise + labels[:, None] * np.array([distance, 0.3]), labels


def prior_of(X, concentration, median, log_sd):
    mean, std = X.mean(axis=0), X.std(axis=0)
    return Prior(
        concentration=concentration,
        mean_loc=mean,
        mean_scale=DEFAULT_MEAN_SCALE * std,
        std_prior=("lognormal", np.log(median * std), log_sd),
    )


def scores(memberships, labels):
    """Log loss, mean of the largest membership, and share of rows given to their cluster, under the best naming."""
    k, rows = memberships.shape[1], np.arange(len(labels))
    best = min(
        (memberships[:, list(p)] for p in permutations(range(k))),
        key=lambda m: -np.log(np.maximum(m[rows, labels], 1e-12)).sum(),
    )
    loss = -np.log(np.maximum(best[rows, labels], 1e-12)).mean()
    return loss, best.max(axis=1).mean(), (best.argmax(axis=1) == labels).mean()


def measured(setting):
    """Scores over replications, of EM and of the posterior under each prior; see :func:`summarised`."""
    em, posterior = [], {p: [] for p in PRIORS}
    for seed in range(REPLICATIONS):
        X, labels = clusters(*setting, seed)
        for prior in PRIORS:
            fit = BayesGaussianMixture(
                len(setting[2]),
                prior=prior_of(X, *prior),
                draws=400,
                tune=400,
                chains=2,
                random_state=seed,
                progressbar=False,
            ).fit(X)
            posterior[prior].append((*scores(fit.membership_, labels), fit.verdict_.label_free.r_hat < 1.05))
        em.append((*scores(fit.em_.predict_proba(X), labels), fit.em_.converged_))
    return summarised(em), {p: summarised(v) for p, v in posterior.items()}


def summarised(scores):
    """Means over data sets, and the standard errors of the log loss and of confidence less accuracy."""
    loss, confidence, accuracy, settled = np.array(scores, dtype=float).T
    errors = [x.std(ddof=1) / np.sqrt(len(x)) for x in (loss, confidence - accuracy)]
    return loss.mean(), confidence.mean(), accuracy.mean(), settled.mean(), *errors


def row(setting, name, values):
    loss, confidence, accuracy, agreed, loss_error, error = values
    n, distance, weights = setting
    shares = ", ".join(f"{w:g}" for w in weights)
    return (
        f"| {n} rows, weights {shares}, {distance:g} apart | {name} | {loss:.2f} ± {loss_error:.2f} | {confidence:.3f} | {accuracy:.3f} "
        f"| {confidence - accuracy:+.3f} ± {error:.3f} | {100 * agreed:.0f} % |"
    )


def main():
    warnings.simplefilter("ignore")
    rows = []
    for setting in SETTINGS:
        em, posterior = measured(setting)
        rows.append(row(setting, "EM", em))
        for prior, values in posterior.items():
            name = f"{prior[0]:g}, {prior[1]:g}, {prior[2]:g}" + (" (default)" if prior == DEFAULT else "")
            rows.append(row(setting, name, values))
    text = "\n".join(
        [
            "# How sure, and how right? The default prior against others",
            "",
            f"Means over {REPLICATIONS} simulated data sets a row. A prior is given as the concentration of the weights, and median (in standard",
            "deviations of the column) and log-sd of the components' standard deviations. Confidence is the mean of the largest membership;",
            "what is calibrated has a confidence near its accuracy (± standard errors over data sets; all priors see the same ones). For EM the last column is the share of converged fits, otherwise",
            "the share whose label-free R-hat is below 1.05 with two chains of 400 draws. Written by `python tests/benchmarks/calibrate_prior.py`.",
            "",
            "| data | prior | log loss | confidence | accuracy | difference | settled |",
            "|---|---|---|---|---|---|---|",
            *rows,
            "",
        ]
    )
    REPORT.write_text(text)
    print(text)


if __name__ == "__main__":
    main()
