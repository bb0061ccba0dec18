"""With many rows maximum likelihood and the posterior are one (Bernstein and von Mises); with few they are
not."""

import numpy as np

from bayesgmm import BayesGaussianMixture, MixtureParams
from bayesgmm.comparison.sides import Sides
from bayesgmm.comparison.tables import parameter_table
from bayesgmm.mixture import density

SIZES = (60, 600, 6000)
TRUTH = MixtureParams(
    [0.6, 0.4], [[0.0, 0.0], [4.0, 1.0]], [[[1.0, 0.4], [0.4, 1.0]], [[0.6, -0.2], [-0.2, 1.4]]]
)


def test_em_and_posterior_agree_as_rows_grow():
    distances, errors = [], []
    for size in SIZES:
        X, _ = density.simulate(TRUTH, size, np.random.default_rng(size))
        bayes = BayesGaussianMixture(2, random_state=0, progressbar=False).fit(X)
        assert bayes.verdict_.ok
        table = parameter_table(Sides.of(bayes))
        distances.append(table["difference"].abs().mean())
        errors.append(np.abs(np.log(table["em_se"] / table["sd"])).mean())
    assert distances[0] > 2 * distances[1] > 4 * distances[2]
    assert distances[2] < 0.1
    assert errors[0] > 1.5 * errors[2]
    # The Monte-Carlo error of a standard deviation of 4,000 draws is a few hundredths.
    assert errors[2] < 0.04
