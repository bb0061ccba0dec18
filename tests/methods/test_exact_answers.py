"""The default prior on a few rows: evidence and similarities against sums over all allocations.

Given the common scale of the standard deviations and the width of its t distribution, components are
independent, and so are the rows of each; both numbers, and each standard deviation, are summed over a grid.
Ten rows with three components have no maximum of the likelihood.
"""

from itertools import product

import numpy as np
import pytest
from brute_force import assert_exact
from scipy import stats
from scipy.special import gammaln, logsumexp

from bayesgmm import BayesGaussianMixture, Prior

ROWS = np.array([-2.1, -1.7, -1.6, -0.4, 0.3, 0.35, 0.9, 2.2, 2.4, 5.1])


def subset_sums(x):
    """Sizes, sums and sums of squares of all subsets, by their bit masks."""
    member = (np.arange(2 ** len(x))[:, None] >> np.arange(len(x))) & 1
    return member.sum(axis=1), member @ x, member @ x**2


def log_of_subsets(x, prior, log_s):
    """Log density of each subset as one component with standard deviation s, its mean integrated out, shape
    (2^N, S)."""
    n, total, squares = (v[:, None] for v in subset_sums(x))
    variance, prior_variance = np.exp(2 * log_s), float(prior.mean_scale[0, 0]) ** 2
    middle = float(prior.mean_loc[0, 0])
    squares, total = squares - 2 * middle * total + n * middle**2, total - n * middle
    wide = variance + n * prior_variance
    quadratic = squares / variance - prior_variance * total**2 / (variance * wide)
    return -0.5 * (n * np.log(2 * np.pi * variance) + np.log(wide / variance) + quadratic)


def conditional(prior, n_scales=81, n_widths=25, n_stds=161):
    """Grid of log s, log densities of it given a scale and a width (S, G), and log weights of these (G,)."""
    mu, common, own, df = (float(v[0]) for v in prior.shared_std_numbers)
    w = stats.gamma(df / 2, scale=2 / df).ppf((np.arange(n_widths) + 0.5) / n_widths)
    z = np.linspace(-5, 5, n_scales)
    log_weights = stats.norm.logpdf(z) + np.log(z[1] - z[0]) - np.log(n_widths)
    scale, width, log_weights = (
        v.ravel() for v in np.broadcast_arrays(mu + common * z / np.sqrt(w[:, None]), w[:, None], log_weights)
    )
    log_s = np.linspace(mu - 14, mu + 14, n_stds)
    densities = stats.norm.logpdf(log_s[:, None], scale, own / np.sqrt(width)) + np.log(log_s[1] - log_s[0])
    # No component is narrower than can be seen.
    t = float(prior.resolution[0]) ** 2 / 12 / np.exp(2 * log_s)
    return log_s, densities - ((t / 0.5) ** 4)[:, None], log_weights


def log_of_sizes(sizes, prior):
    """Log probability of allocations with these sizes, under a mixture of Dirichlet weights."""
    k = sizes.shape[1]
    each = [
        gammaln(k * a) - gammaln(k * a + sizes.sum(axis=1)) + (gammaln(a + sizes) - gammaln(a)).sum(axis=1)
        for a in (prior.mixed if len(prior.mixed) else prior.concentration[:1])
    ]
    return logsumexp(each, axis=0) - np.log(len(each))


def by_brute_force(x, k, prior):
    """Log evidence, and the probability that each two rows are of one component."""
    log_s, densities, log_weights = conditional(prior)
    of_rows = np.stack(
        [logsumexp(row[:, None] + densities, axis=0) for row in log_of_subsets(x, prior, log_s)]
    )
    labels = np.array(list(product(range(k), repeat=len(x))))
    bits = 1 << np.arange(len(x))
    masks = np.stack([(labels == c) @ bits for c in range(k)], axis=1)
    # One of each set of allocations that differ in the names of components.
    _, first, copies = np.unique(np.sort(masks, axis=1), axis=0, return_index=True, return_counts=True)
    masks, labels = masks[first], labels[first]
    joint = np.array([logsumexp(log_weights + of_rows[m].sum(axis=0)) for m in masks])
    sizes = np.stack([(labels == c).sum(axis=1) for c in range(k)], axis=1)
    terms = joint + log_of_sizes(sizes, prior) + np.log(copies)
    # What the resolution leaves of the prior.
    empty = of_rows[0]
    seen = logsumexp(log_weights + k * empty)
    evidence = logsumexp(terms)
    together = labels[:, :, None] == labels[:, None, :]
    return evidence - seen, np.tensordot(np.exp(terms - evidence), together, axes=1)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize(("n", "k"), [(7, 2), (10, 3)])
def test_the_default_fit_of_a_few_rows_has_the_exact_answers(n, k):
    x = ROWS[-n:]
    prior = Prior.from_data(x[:, None])
    evidence, together = by_brute_force(x, k, prior.resolve(k, 1))
    fits = [
        BayesGaussianMixture(k, method="smc", draws=2000, random_state=seed, progressbar=False).fit(
            x[:, None]
        )
        for seed in (1, 2, 3)
    ]
    assert_exact(fits, evidence, together)
