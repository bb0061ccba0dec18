"""What a fit would cost, counted before it begins: a refusal where it cannot end, a note where it is long.

A count and not a measurement, on two cores: what is said and done must not depend on the machine or its
load.
"""

import warnings

from bayesgmm.errors import ParameterError
from bayesgmm.methods.settings import Settings
from bayesgmm.mixture.families import DIAGONAL_FAMILY, FAMILIES, family_of
from bayesgmm.wording import Reason

__all__ = ["announce", "check_size", "seconds_of_evaluation", "seconds_of_nuts"]

# The curvature at a mode has the square of their number, and its eigenvalues take the cube.
MOST_PARAMETERS = 10_000
SECONDS_PER_CUBE = 1e-9
# Of a gradient: a term of the likelihood, and an entry of the whitening matrix, which is read twice.
SECONDS_PER_TERM, SECONDS_PER_ENTRY = 3e-9, 1e-9
# A trajectory in whitened coordinates; more parameters take shorter steps.
STEPS, FEW_PARAMETERS = 3, 30
# A note is worth reading from so many seconds on.
LONG = 120
# More than any machine of these years has; and far more chains than say anything more of convergence.
MOST_GIGABYTES, MOST_CHAINS = 64, 1_000


def check_size(settings: Settings, n_features: int) -> None:
    """Refuse more parameters, chains or draws than any method here can take.

    Raises
    ------
    ParameterError
    """
    k, name = settings.n_components, settings.covariance_type
    n = family_of(name).n_parameters(k, n_features)
    if n <= MOST_PARAMETERS:
        _check_draws(settings, n)
        return
    families = (family for family in FAMILIES.values() if family.has_posterior)
    sizes = {family.name: family.n_parameters(k, n_features) for family in families}
    fitting = {other: size for other, size in sizes.items() if size <= MOST_PARAMETERS}
    largest = max(fitting, key=lambda other: fitting[other], default=None)
    remedy = "" if largest is None else f"choose covariance_type={largest!r} ({fitting[largest]}), or "
    raise ParameterError(
        f"n_components={k} with covariance_type={name!r} and {n_features} columns has {n} parameters, and a "
        f"posterior of at most {MOST_PARAMETERS} can be drawn from; {remedy}keep fewer columns.",
        n_parameters=n,
        most=MOST_PARAMETERS,
        n_features=n_features,
    )


def _check_draws(settings: Settings, n_parameters: int) -> None:
    chains, draws = settings.chains, settings.draws
    if chains > MOST_CHAINS:
        raise ParameterError(
            f"chains={chains} is more than the {MOST_CHAINS} that can be run; choose fewer chains, and more "
            f"draws of each.",
            chains=chains,
            most=MOST_CHAINS,
        )
    gigabytes = 8e-9 * chains * draws * n_parameters
    if gigabytes > MOST_GIGABYTES:
        raise ParameterError(
            f"chains={chains} with draws={draws} of {n_parameters} parameters would take {gigabytes:,.0f} GB "
            f"of memory, and at most {MOST_GIGABYTES} GB can be held; choose fewer draws.",
            gigabytes=gigabytes,
            most_gigabytes=MOST_GIGABYTES,
        )


def seconds_of_evaluation(n_rows: int, n_components: int, n_features: int) -> float:
    """Roughly how long the log posterior and its gradient take on one core."""
    terms = n_rows * n_components * (1 + n_features + n_features * n_features / 8)
    return 2e-6 + SECONDS_PER_TERM * terms


def seconds_of_nuts(settings: Settings, n_rows: int, n_features: int) -> float:
    """Roughly how long a fit by NUTS takes on two cores."""
    k, d = settings.n_components, n_features
    n = family_of(settings.covariance_type).n_parameters(k, d)
    likelihood = seconds_of_evaluation(n_rows, k, d)
    steps = STEPS * max(1.0, n / FEW_PARAMETERS) ** 0.25
    iterations = settings.chains * (settings.draws + settings.tune)
    sampling = iterations * steps * (likelihood + SECONDS_PER_ENTRY * n * n) / 2
    return sampling + 2 * n * likelihood + SECONDS_PER_CUBE * n**3


def announce(settings: Settings, n_rows: int, n_features: int) -> None:
    """Say before a long fit that it will be one.

    Warns
    -----
    UserWarning
    """
    seconds = seconds_of_nuts(settings, n_rows, n_features)
    if settings.method not in ("auto", "nuts") or settings.max_time is not None or seconds < LONG:
        return
    n = family_of(settings.covariance_type).n_parameters(settings.n_components, n_features)
    fewer = family_of(DIAGONAL_FAMILY).n_parameters(settings.n_components, n_features)
    values = {
        "minutes": seconds / 60,
        "n_parameters": n,
        "n_parameters_of_diag": fewer if fewer < n else 0,
        "n_rows": n_rows,
    }
    warnings.warn(str(Reason("fit_takes_long", values)), UserWarning, stacklevel=3)
