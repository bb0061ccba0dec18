"""One simulation: parameters from the prior, rows, a fit, and the rank of each quantity; or with a fault."""

import warnings

import numpy as np

from bayesgmm import BayesGaussianMixture, Prior
from bayesgmm.calibration.ranks import rank_of
from sbc import simulator
from sbc.quantities import log_joint, quantities

# Draws that a truth is ranked among; one less than the number of ranks.
AMONG = 99
# Faults that need a fit of their own, and those of what is made of the draws.
OF_FITS = ("prior of correlations", "half of the data")
OF_DRAWS = ("variances for standard deviations", "no normalisation", "a mode is missing")


def prior_of(eta=simulator.ETA):
    """The simulator's, for the package."""
    s = simulator
    return Prior(
        concentration=("mixture", *s.CONCENTRATIONS),
        mean_loc=0.0,
        mean_scale=s.MEAN_SCALE,
        std_prior=("hierarchical", s.MU, s.COMMON, s.OWN, s.DF),
        lkj_eta=eta,
    )


def simulation(job):
    """Ranks by fault and quantity, and what the verdict says: whether it accepts the draws, and components,
    and the method.

    `job` is the number of the simulation, the method, K, D, N, the family, the share of cells that are
    missing, and a fault of the fit or ""; of a fit without a fault, the ranks of all faults of draws are
    given, too.
    """
    index, method, k, d, n, family, missing, fault = job
    warnings.simplefilter("ignore")
    rng = np.random.default_rng([index, k, d, n])
    truth = simulator.simulated(k, d, n, family, rng)
    if missing:
        truth = truth._replace(X=simulator.with_missing(truth.X, missing, rng))
    rows = truth.X[: n // 2] if fault == "half of the data" else truth.X
    prior = prior_of(simulator.ETA + 1) if fault == "prior of correlations" else prior_of()
    fit = BayesGaussianMixture(
        k,
        covariance_type=family,
        prior=prior,
        method=method,
        random_state=index,
        cores=1,
        progressbar=False,
        missing="model",
    ).fit(rows)
    draws = fit.fit_.draws
    at = np.linspace(0, draws.weights[..., 0].size - 1, AMONG).astype(int)
    mixtures = [x.reshape(-1, *x.shape[2:])[at] for x in (draws.weights, draws.means, draws.covariances)]
    true = quantities(*(x[None] for x in truth[:3]), truth.X)
    ranks = {}
    for name in ("",) if fault else ("", *OF_DRAWS):
        found = quantities_of(name, mixtures, truth.X)
        ranks[name or fault] = {q: rank_of(true[q][0], values, rng) for q, values in found.items()}
    verdict = fit.verdict_
    return ranks, verdict.label_free_ok, verdict.ok, fit.method_


def quantities_of(fault, mixtures, X):
    """What is ranked, of draws with a fault."""
    weights, means, covariances = mixtures
    if fault == "variances for standard deviations":
        covariances = covariances @ covariances
    if fault == "a mode is missing":
        # As of chains that have never gone to the other side.
        mean = np.einsum("sk,sk->s", weights, means[..., 0])
        side = np.flatnonzero(mean > np.median(mean))
        weights, means, covariances = (np.resize(x[side], x.shape) for x in mixtures)
    found = quantities(weights, means, covariances, X)
    if fault == "no normalisation":
        joint = np.exp(log_joint(weights, means, covariances, X[:2]))
        found["same component"] = (joint[:, 0] * joint[:, 1]).sum(axis=1)
    return found
