"""What the records of one cell, or of one prior, say together."""

import numpy as np

from calibration.scores import KINDS


def gaps(records, side):
    """Confidence minus accuracy of each data set."""
    return np.array([r[side]["confidence"] - r[side]["accuracy"] for r in records])


def size_by_cell(records, side):
    """Mean over cells of the mean gap without its sign."""
    values, names = gaps(records, side), np.array([r["cell"] for r in records])
    return float(np.mean([abs(values[names == name].mean()) for name in np.unique(names)]))


def mean_of(records, side, name):
    """Mean over data sets of one score of memberships."""
    return float(np.mean([r[side][name] for r in records]))


def share(records, name):
    """Share of data sets of which something is true."""
    return float(np.mean([r[name] for r in records]))


def pooled_places(records, kind, group="places"):
    """Places of all values of a kind in all data sets; from EM's values with group "em_places"."""
    parts = [np.array(r[group].get(kind, [])) for r in records]
    return np.concatenate(parts) if parts else np.empty(0)


def coverage(places, mass):
    """Share of values in the central interval of some mass."""
    return float(np.mean(np.abs(places - 0.5) <= mass / 2))


def covered_by_set(records, kind):
    """Share of the values of each data set in their intervals of 95 %; data sets that have none left out."""
    parts = [np.array(r["places"].get(kind, [])) for r in records]
    return np.array([coverage(p, 0.95) for p in parts if len(p)])


def coverages(records):
    """Of each kind of parameter, the shares in the intervals of 95 and 50 %; None where nothing is known."""
    found = {}
    for kind in KINDS:
        p = pooled_places(records, kind)
        found[kind] = (coverage(p, 0.95), coverage(p, 0.5)) if len(p) else None
    return found


def em_inside(records):
    """Share of EM's parameters, of all kinds, in the posterior's interval of 95 %."""
    p = np.concatenate([pooled_places(records, kind, "em_places") for kind in KINDS])
    return coverage(p, 0.95) if len(p) else None


def reliability(records, side):
    """Confidence, share of hits and its standard error over data sets, in bins of confidence with 20 rows or
    more: shape (3, bins)."""
    # (data sets, bins, 3): rows, sum of confidence, hits.
    bins = np.array([r[side]["bins"] for r in records])
    rows, confidence, hits = bins.sum(axis=0).T
    keep = rows >= 20
    rows, share_of_hits = rows[keep], hits[keep] / rows[keep]
    # Rows of one data set are right or wrong together.
    away = bins[:, keep, 2] - share_of_hits * bins[:, keep, 0]
    return np.array([confidence[keep] / rows, share_of_hits, np.sqrt((away**2).sum(axis=0)) / rows])
