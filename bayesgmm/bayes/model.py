"""`build_model`: the posterior density as a PyMC model, which defines it; `target` is the same density
written for speed."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pymc as pm
import pytensor
import pytensor.tensor as pt
from pytensor.tensor import TensorVariable

from bayesgmm.bayes.common_scales import CommonScale
from bayesgmm.bayes.common_stds import common_scale_stds
from bayesgmm.bayes.dirichlet_weights import dirichlet_weights
from bayesgmm.bayes.distribution import GaussianMixture
from bayesgmm.bayes.priors import Prior, ResolvedPrior
from bayesgmm.bayes.products import volume_shape_stds
from bayesgmm.bayes.resolution import correlation_bounds, std_bounds
from bayesgmm.bayes.transforms import CorrelationCholesky
from bayesgmm.errors import ParameterError
from bayesgmm.mixture.covariance_family import CovarianceFamily
from bayesgmm.mixture.families import DEFAULT_FAMILY, posterior_family_of, uncorrelated_family
from bayesgmm.rows.rows import Rows
from bayesgmm.support.arguments import check_integer

__all__ = ["build_model"]


def build_model(
    X: Any,
    n_components: int,
    prior: Prior,
    feature_names: Sequence[str] | None = None,
    covariance_type: str = DEFAULT_FAMILY,
) -> pm.Model:
    """The Bayesian Gaussian mixture, as a PyMC model.

    ::

        weights ~ Dirichlet,  means ~ Normal,  stds ~ the family of the prior,  corr_chol ~ LKJ,
        x ~ GaussianMixture(weights, means, diag(stds) corr_chol)

    Where the prior has a resolution, its factor is the potential ``resolution``, of which
    ``pm.sample_prior_predictive`` takes no notice.

    Parameters
    ----------
    X : array_like or data frame, shape (N, D), or Rows
        The data, in the units of the prior. Missing cells are refused, but in Rows, which have them only
        where that was asked for: the density of a row is then that of its cells that are there.
    n_components : int
        K.
    prior : Prior
    feature_names : sequence of D str, optional
        By default the columns of a data frame, otherwise x0, x1, ...
    covariance_type : str, default "full"
        As `BayesGaussianMixture` takes it.

    Returns
    -------
    pm.Model
        With the variables ``weights`` (cluster), ``means`` (cluster, feature) and the observed ``x`` (obs,
        feature). ``stds`` is (cluster, feature) full, diag, VEI, EVI and tied_corr, (feature,) tied and
        tied_diag, (cluster,) spherical, a single number tied_spherical; ``corr_chol`` is (cluster, feature,
        feature_bis) full and (feature, feature_bis) tied and tied_corr. Other families, and a single feature,
        have none.

    Examples
    --------
    >>> import numpy as np
    >>> from bayesgmm import Prior
    >>> from bayesgmm.bayes.model import build_model
    >>> X = np.random.default_rng(0).normal(size=(20, 2))
    >>> model = build_model(X, 3, Prior.from_data(X))
    >>> [v.name for v in model.value_vars]
    ['weights_simplex__', 'means', 'stds_log__', 'corr_chol_cholcorr__']
    """
    # Rows have missing cells only where that was asked for.
    rows = Rows.of(X, may_miss=isinstance(X, Rows))
    K, D = check_integer(n_components, "n_components", 1), rows.n_features
    names = list(rows.features if feature_names is None else feature_names)
    if len(names) != D:
        raise ParameterError(
            f"feature_names has {len(names)} name(s), but X has {D} column(s); pass one for each.",
            n_names=len(names),
            n_columns=D,
        )
    family = posterior_family_of(covariance_type)
    resolved = prior.resolve(K, D, covariance_type)
    coords = {"cluster": range(K), "feature": names, "feature_bis": names, "obs": rows.obs}
    with pm.Model(coords=coords) as model:
        # Shapes beside dims: the lengths of dims are known only when the model runs, and would leave
        # broadcasts in the graph.
        weights = dirichlet_weights(resolved)
        means = pm.Normal(
            "means", resolved.mean_loc, resolved.mean_scale, shape=(K, D), dims=("cluster", "feature")
        )
        factors, family = _factors(resolved, K, D, family)
        if resolved.resolution.any():
            pm.Potential("resolution", _log_visibility(model, resolved, family))
        # A shared variable: a constant would be part of the compiled code, and a large one would keep
        # that code out of the cache on disk.
        data = pytensor.shared(np.ascontiguousarray(rows.values), name="x_data", shape=(None, D))
        GaussianMixture(
            "x",
            weights=weights,
            means=means,
            cholesky=factors,
            covariance_type=family.name,
            sample_weight=rows.weights if len(rows.weights) else None,
            observed=data,
            dims=("obs", "feature"),
        )
    return model


def _factors(
    resolved: ResolvedPrior, K: int, D: int, family: CovarianceFamily
) -> tuple[TensorVariable, CovarianceFamily]:
    """Standard deviations and correlations join the model in context; returns `cholesky` and the family it is
    given in."""
    shapes, dims = family.shapes(K, D), family.dims(D)
    parts = family.std_parts(K)
    if any(parts):
        return volume_shape_stds(resolved, parts, dims["stds"]), family
    if isinstance(resolved.std_record, CommonScale):
        stds = common_scale_stds(resolved, family, dims["stds"])
    else:
        distribution = getattr(pm, resolved.std_record.pymc)
        values = map(family.std_values, resolved.std_numbers)
        numbers = dict(zip(resolved.std_record.pymc_numbers, values, strict=True))
        stds = distribution("stds", **numbers, shape=shapes["stds"], dims=dims["stds"])
    if "corr_chol" not in dims:
        return stds, uncorrelated_family(family)
    # Without an explicit shape LKJCorr could not be drawn from: its inner loop would depend on the length
    # of a dim.
    corr_chol = pm.LKJCorr(
        "corr_chol",
        n=D,
        eta=resolved.lkj_eta,
        shape=shapes["corr_chol"],
        dims=dims["corr_chol"],
        default_transform=CorrelationCholesky(D),
    )
    return stds[..., None] * corr_chol, family


def _log_visibility(model: pm.Model, resolved: ResolvedPrior, family: CovarianceFamily) -> TensorVariable:
    """Log of the prior's factors for what can be seen; see `resolution`."""
    a = family.of_stds(std_bounds(resolved.resolution, family.by_feature))
    value = -pt.sum((a / pt.sqr(model["stds"])) ** 4)
    if "corr_chol" not in model.named_vars:
        return value
    identity = pt.as_tensor(np.eye(resolved.n_features))
    inverse = pt.linalg.solve_triangular(model["corr_chol"], identity, lower=True)
    b = correlation_bounds(resolved.resolution, resolved.mean_scale)
    return value - pt.sum((b * pt.sqr(inverse).sum(axis=-2)) ** 4)
