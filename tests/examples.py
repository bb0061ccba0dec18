"""What several test files make their inputs with."""

import copy
from dataclasses import replace

import numpy as np

from bayesgmm import MixtureParams
from bayesgmm.posterior.labels import labelled


def random_mixture(rng, n_components, n_features, spread=2.0):
    """A mixture with covariances of moderate condition, for tests that need any."""
    a = rng.normal(size=(n_components, n_features, n_features)) * 0.4 + np.eye(n_features)
    return MixtureParams(
        rng.dirichlet(np.full(n_components, 3.0)),
        rng.normal(scale=spread, size=(n_components, n_features)),
        a @ np.swapaxes(a, 1, 2),
    )


def with_fit(bayes, **changes):
    """The estimator whose record has some fields replaced."""
    other = copy.copy(bayes)
    other._forget()
    other.fit_ = replace(bayes.fit_, **changes)
    return other


def with_verdict(bayes, **changes):
    """The estimator as if some fields of its verdict were others."""
    other = with_fit(bayes)
    # The verdict is worked out when first asked for, and kept under its name.
    vars(other.fit_)["verdict"] = replace(bayes.verdict_, **changes)
    return other


def named_again(bayes, draws):
    """The record of a fit's draws under other names, as the fit itself would have made it."""
    fit = bayes.fit_
    return replace(fit, labels=labelled(draws, fit.em.params_, fit.rows, 2))
