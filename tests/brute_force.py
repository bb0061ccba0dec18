"""Sums over all allocations of a few rows, with the parameters integrated by quadrature.

Given who belongs to which component, components are independent: the evidence of each is an integral over its
standard deviations and correlation, with the means done in closed form. What is compared does not depend on
names of components.
"""

from itertools import product

import numpy as np
from scipy import stats
from scipy.special import gammaln, logsumexp
from scipy_std_priors import scipy_std_prior

from bayesgmm import MixtureParams, Prior
from bayesgmm.mixture import density

# Numbers with which the grid below reaches far enough; a half-Cauchy prior reaches beyond any.
STDS = {
    "halfnormal": (1.5,),
    "exponential": (0.8,),
    "gamma": (2.0, 1.5),
    "lognormal": (-0.2, 0.5),
    "inversegamma": (5.0, 4.0),
}
MEAN_LOC, MEAN_SCALE, CONCENTRATION = 0.5, 2.0, 1.5


def rows(d, n=8):
    rng = np.random.default_rng(d)
    return rng.normal(scale=0.7, size=(n, d)) + np.where(np.arange(n) < n // 2, -0.8, 1.4)[:, None]


def grid(family, d, eta):
    """Covariances (G, D, D), standard deviations (G, D) and log prior weights (G,) of a grid over one
    component."""
    # Half-normal and exponential priors reach far down: at exp(-8.5) less than 2e-4 of them is left.
    u = np.linspace(-8.5, 3.5, 241 if d == 1 else 61)
    of_std = scipy_std_prior(family, *STDS[family]).logpdf(np.exp(u)) + u + np.log(u[1] - u[0])
    if d == 1:
        return np.exp(2 * u)[:, None, None], np.exp(u)[:, None], of_std
    t = np.linspace(-6.0, 6.0, 49)
    rho = np.tanh(t)
    # LKJ of two features is a Beta(eta, eta) on (-1, 1); d rho / dt = 1 - rho^2.
    of_rho = (
        stats.beta(eta, eta).logpdf((rho + 1) / 2) - np.log(2) + np.log1p(-(rho**2)) + np.log(t[1] - t[0])
    )
    i, j, k = (a.ravel() for a in np.meshgrid(range(len(u)), range(len(u)), range(len(t)), indexing="ij"))
    a, b = np.exp(u[i]), np.exp(u[j])
    cross = rho[k] * a * b
    covariances = np.stack([np.stack([a * a, cross], -1), np.stack([cross, b * b], -1)], -2)
    return covariances, np.stack([a, b], -1), of_std[i] + of_std[j] + of_rho[k]


def inverse(a):
    """Inverses and log determinants of matrices (G, 1, 1) or (G, 2, 2)."""
    if a.shape[1] == 1:
        return 1 / a, np.log(a[:, 0, 0])
    det = a[:, 0, 0] * a[:, 1, 1] - a[:, 0, 1] * a[:, 1, 0]
    swapped = a[:, ::-1, ::-1] * np.array([[1, -1], [-1, 1]])
    return swapped.transpose(0, 2, 1) / det[:, None, None], np.log(det)


def of_one_component(X, covariances, stds, log_weights):
    """Log evidence, E[mean] and E[standard deviations] of one component that holds exactly the rows of X.

    The rows' mean is normal with the covariance of the prior's mean plus Sigma / n; what is left is the rows'
    scatter around it. No large numbers cancel, however tight the component.
    """
    n, d = X.shape
    if n == 0:
        share = np.exp(log_weights - logsumexp(log_weights))
        return logsumexp(log_weights), np.full(d, MEAN_LOC), share @ stds
    away = X.mean(axis=0) - MEAN_LOC
    scatter = (X - X.mean(axis=0)).T @ (X - X.mean(axis=0))
    precision, log_det = inverse(covariances)
    of_mean, log_det_of_mean = inverse(np.eye(d) * MEAN_SCALE**2 + covariances / n)
    pull = of_mean @ away
    quadratic = np.tensordot(precision, scatter, 2) + pull @ away
    log_det = (n - 1) * log_det + log_det_of_mean + d * np.log(n) + n * d * np.log(2 * np.pi)
    terms = log_weights - 0.5 * (quadratic + log_det)
    evidence = logsumexp(terms)
    share = np.exp(terms - evidence)
    return evidence, share @ (MEAN_LOC + MEAN_SCALE**2 * pull), share @ stds


def by_brute_force(X, k, family, eta):
    """E[sum_k w_k mu_k], E[sum_k w_k sd_k], and P(z_i = z_j) for all pairs of rows; and the log evidence."""
    n, d = X.shape
    nodes = grid(family, d, eta)
    subsets = [np.array([(s >> i) & 1 for i in range(n)], bool) for s in range(2**n)]
    evidence, means, stds = zip(*(of_one_component(X[s], *nodes) for s in subsets), strict=True)
    evidence, means, stds = np.array(evidence), np.array(means), np.array(stds)
    z = np.array(list(product(range(k), repeat=n)))
    members = z[:, None, :] == np.arange(k)[:, None]
    code = members @ (1 << np.arange(n))
    counts = members.sum(axis=2)
    log_p = gammaln(CONCENTRATION + counts).sum(axis=1) + evidence[code].sum(axis=1)
    total = gammaln(k * CONCENTRATION) - gammaln(k * CONCENTRATION + n) - k * gammaln(CONCENTRATION)
    p = np.exp(log_p - logsumexp(log_p))
    weights = (CONCENTRATION + counts) / (k * CONCENTRATION + n)
    same = np.einsum("s,ski,skj->ij", p, members, members)
    mix = np.einsum("s,sk,ski->i", p, weights, means[code])
    spread = np.einsum("s,sk,ski->i", p, weights, stds[code])
    return np.concatenate([mix, spread, same[np.triu_indices(n, 1)]]), total + logsumexp(log_p)


def prior_of(family, eta):
    return Prior(
        concentration=CONCENTRATION,
        mean_loc=MEAN_LOC,
        mean_scale=MEAN_SCALE,
        std_prior=(family, *STDS[family]),
        lkj_eta=eta,
    )


def of_draws(X, values):
    """The same quantities of each draw, shape (chain, draw, quantity)."""
    factors = values["corr_chol"] * values["stds"][..., None]
    w = values["weights"]
    n, k = len(X), w.shape[2]
    flat = (a.reshape(-1, *a.shape[2:]) for a in (w, values["means"], factors))
    r = np.stack(
        [
            density.responsibilities(X, MixtureParams(a / a.sum(), b, c @ c.transpose(0, 2, 1)))
            for a, b, c in zip(*flat, strict=True)
        ]
    ).reshape(*w.shape[:2], n, k)
    same = np.einsum("cdik,cdjk->cdij", r, r)[..., *np.triu_indices(n, 1)]
    mix, spread = (np.einsum("cdk,cdki->cdi", w, values[name]) for name in ("means", "stds"))
    return np.concatenate([mix, spread, same], axis=-1)


def assert_exact(fits, evidence, together):
    """That fits of the same rows with other seeds have this evidence and similarities, to four errors."""
    found = np.array([fit.log_evidence_ for fit in fits])
    error = np.hypot(np.sqrt((found[:, 1] ** 2).sum()) / len(fits), 0.01)
    assert abs(found[:, 0].mean() - evidence) < 4 * error
    similarities = np.array([fit.similarity_ for fit in fits])
    # Of a few fits the scatter is itself uncertain.
    mcse = np.maximum(similarities.std(axis=0, ddof=1) / np.sqrt(len(fits)), 0.004)
    assert (np.abs(similarities.mean(axis=0) - together) < 4 * mcse).all()
