"""The evidence of one Gaussian in two columns, exact but for the error of weights, in no coordinates of the
package's."""

import numpy as np
from scipy import stats
from scipy.special import betaln, logsumexp, multigammaln


def exact_evidence(X, prior, draws=100_000):
    """Log evidence of one component in two columns, by weights of draws from the normal-inverse-Wishart
    distribution, which is the posterior under |Sigma|^-((D + 1) / 2): sampled in no coordinates of the
    package's."""
    (n, d), rng = X.shape, np.random.default_rng(0)
    centre = X.mean(axis=0)
    # Not by the scatter matrix, which squares how nearly collinear columns are.
    upper = np.linalg.qr(X - centre, mode="r")
    log_det = 2 * np.log(np.abs(np.diagonal(upper))).sum()
    constant = -0.5 * d * ((n - 1) * np.log(2 * np.pi) + np.log(n) - (n - 1) * np.log(2))
    constant += multigammaln((n - 1) / 2, d) - 0.5 * (n - 1) * log_det
    bartlett = np.zeros((draws, d, d))
    for i in range(d):
        bartlett[:, i, i] = np.sqrt(rng.chisquare(n - 1 - i, draws))
        bartlett[:, i, :i] = rng.normal(size=(draws, i))
    inverse = np.linalg.inv(bartlett)
    root = upper.T @ np.swapaxes(inverse, 1, 2)
    stds = np.linalg.norm(root, axis=2)
    log_det = log_det + 2 * np.log(np.diagonal(inverse, axis1=1, axis2=2)).sum(axis=1)
    means = centre + (root @ rng.normal(size=(draws, d, 1)))[..., 0] / np.sqrt(n)
    (_, alpha, rate), eta = prior.std_prior, prior.lkj_eta
    log_prior = stats.gamma.logpdf(stds, alpha, scale=1 / rate).sum(axis=1)
    log_prior += stats.norm.logpdf(means, prior.mean_loc, prior.mean_scale).sum(axis=1)
    log_prior += (eta - 1) * (log_det - 2 * np.log(stds).sum(axis=1))
    log_prior -= (2 * eta - 1) * np.log(2) + betaln(eta, eta)
    # dSigma = 2^D prod tau^D dtau dR.
    log_prior -= d * np.log(2) + d * np.log(stds).sum(axis=1)
    return constant + logsumexp(log_prior + 0.5 * (d + 1) * log_det) - np.log(draws)
