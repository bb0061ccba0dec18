"""What several test files make their inputs with."""

import numpy as np

from bayesgmm import MixtureParams
from bayesgmm.bayes.target import Target
from bayesgmm.estimator import _Fit
from bayesgmm.methods.running import Drawn
from bayesgmm.support.progress import Steps


def random_mixture(rng, n_components, n_features, spread=2.0):
    """A mixture with covariances of moderate condition, for tests that need any."""
    a = rng.normal(size=(n_components, n_features, n_features)) * 0.4 + np.eye(n_features)
    return MixtureParams(
        rng.dirichlet(np.full(n_components, 3.0)),
        rng.normal(scale=spread, size=(n_components, n_features)),
        a @ np.swapaxes(a, 1, 2),
    )


def named_again(bayes, values, stats):
    """The tree of a fit's draws under other names, as the fit itself would have made it."""
    posterior = bayes.posterior_["posterior"].dataset
    rows = bayes.rows_
    family, k = str(bayes.posterior_.attrs["covariance_type"]), posterior.sizes["cluster"]
    target = Target.standardising(rows, k, bayes.prior_, family)
    prior = bayes.prior_.resolve(k, rows.n_features, family)
    fit = _Fit(target, bayes.em_, rows, prior, {"cores": 2}, Steps(enabled=False))
    return fit.labelled(Drawn("nuts", values, stats))[0]
