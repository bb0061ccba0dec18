"""What is measured of one fit, against what is true: numbers that fit on one line of JSON.

A place (p) is the share of draws below a value: the value lies in the central interval of mass c where
|p - 1/2| <= c/2.
"""

from itertools import product

import numpy as np

from bayesgmm.mixture.matching import best_match
from bayesgmm.posterior.pointwise import log_densities
from bayesgmm.rows.rows import Rows

# Of the probability of the likeliest component.
BINS = np.array([0.33, 0.5, 0.6, 0.7, 0.8, 0.9, 0.97, 1.0 + 1e-9])
SMALLEST = 1e-12
DIGITS = 5
# Standard deviations between means, beyond which further is no worse.
FAR = 1e6
KINDS = ("weights", "means", "sds", "correlations", "density")


def scored(fit, data):
    """Everything that the page tells of a fit, whose EM and posterior have the same components' names."""
    truth, draws = data.truth, fit.fit_.draws
    known = fit.n_components == len(truth.weights)
    found = {
        "settled": bool(fit.verdict_.label_free_ok),
        "identifiable": bool(fit.verdict_.ok),
        "method": fit.method_,
        "em": memberships_scored(fit.em_.predict_proba(data.X), data.labels, len(truth.weights)),
        "bayes": memberships_scored(fit.membership_, data.labels, len(truth.weights)),
        "em_places": parameter_places(draws, em_values(fit.em_.params_)),
        "places": parameter_places(in_order_of(truth, draws), truth_values(truth)) if known else {},
    }
    log_density = log_densities(Rows.unchecked(data.points).columns, *draws.stacked)
    found["places"]["density"] = places(log_density, truth.log_density(data.points))
    return found


# ------------------------------------------------------------ memberships


def onto(n, m):
    """The maps of n things onto m."""
    return [np.array(p) for p in product(range(m), repeat=n) if len(set(p)) == m]


def named(memberships, labels, k):
    """Memberships and labels under the naming of the smallest log loss.

    With as many components as clusters, components are put into another order. Where they are more, several
    are one cluster's, and their memberships are summed; where they are fewer, several clusters are one
    component's, and their labels become one.
    """
    fitted = memberships.shape[1]
    if fitted >= k:
        both = [(memberships @ np.eye(k)[p], labels) for p in onto(fitted, k)]
    else:
        both = [(memberships, p[labels]) for p in onto(k, fitted)]
    return min(both, key=lambda pair: log_loss(*pair))


def log_loss(memberships, labels):
    """Mean over rows of minus the log membership of the cluster that they come from."""
    return -np.log(np.maximum(memberships[np.arange(len(labels)), labels], SMALLEST)).mean()


def memberships_scored(memberships, labels, k):
    """Log loss, Brier score, confidence, accuracy, and for each bin of confidence the number of rows, the sum
    of their confidence and the number of hits."""
    m, labels = named(memberships, labels, k)
    confidence, hit = m.max(axis=1), m.argmax(axis=1) == labels
    place = np.digitize(confidence, BINS) - 1
    bins = [
        np.bincount(place[place >= 0], w[place >= 0], len(BINS)) for w in (np.ones(len(m)), confidence, hit)
    ]
    found = {
        "log_loss": log_loss(m, labels),
        "brier": ((m - np.eye(m.shape[1])[labels]) ** 2).sum(axis=1).mean(),
        "confidence": confidence.mean(),
        "accuracy": hit.mean(),
    }
    return {name: round(float(v), DIGITS) for name, v in found.items()} | {"bins": rounded(np.array(bins).T)}


# ------------------------------------------------------------ parameters


def in_order_of(truth, draws):
    """The draws with their components in the order of those true ones whose means are nearest.

    Medians stand for the draws: those of chains that went astray may not be anywhere near.
    """
    means, stds = (np.median(values, axis=(0, 1)) for values in (draws.means, draws.component_stds))
    spread = np.hypot(stds.mean(axis=0), truth.stds.mean(axis=0))
    away = np.minimum(np.abs(means[None] - truth.means[:, None]) / spread, FAR)
    order = best_match(-(away**2).sum(axis=2))
    return draws.permuted(np.broadcast_to(order, draws.weights.shape))


def truth_values(truth):
    """Weights, means, standard deviations and correlations of a truth, each flat."""
    return _flat(truth.weights, truth.means, truth.stds, truth.correlations)


def em_values(params):
    """The same of EM's estimate."""
    return _flat(
        params.weights, params.means, params.stds, params.corr_chol @ np.swapaxes(params.corr_chol, 1, 2)
    )


def _flat(weights, means, stds, correlations, lead=()):
    i, j = np.triu_indices(means.shape[-1], 1)
    parts = {"weights": weights, "means": means, "sds": stds}
    if len(i):
        parts["correlations"] = correlations[..., i, j]
    return {kind: values.reshape(*lead, -1) for kind, values in parts.items()}


def parameter_places(draws, values):
    """For each kind of parameter the places of its values among the draws; empty for a single component's
    weight."""
    stds = draws.component_stds
    of_draws = _flat(draws.weights, draws.means, stds, draws.correlations, (draws.weights[..., 0].size,))
    found = {kind: places(of_draws[kind], values[kind]) for kind in values}
    if draws.n_components == 1:
        found["weights"] = []
    return found


def places(draws, values):
    """Share of the draws (S, Q) below each value (Q,)."""
    return rounded((draws < values).mean(axis=0))


def rounded(values):
    """As lists of numbers with few digits."""
    return np.round(values, DIGITS).tolist()
