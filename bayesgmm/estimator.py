"""`BayesGaussianMixture`: EM, then the posterior, then its labels, in that order and with one seed.

This is the only module that knows that there is an order of steps.
"""

import dataclasses
import hashlib
import json
import numbers
import platform
from importlib.metadata import version
from typing import Any, Self

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, DensityMixin
from sklearn.utils.validation import validate_data

import bayesgmm
from bayesgmm import density, families, validation
from bayesgmm.bayes.importance import FEWEST_DRAWS, sample_laplace
from bayesgmm.bayes.laplace import laplace
from bayesgmm.bayes.log_prior import prior_groups
from bayesgmm.bayes.priors import Prior, ResolvedPrior
from bayesgmm.bayes.sampling import sample_nuts
from bayesgmm.bayes.target import Target
from bayesgmm.em import EMGaussianMixture
from bayesgmm.em.record import em_dataset
from bayesgmm.em.steps import FAMILIES
from bayesgmm.errors import ParameterError
from bayesgmm.posterior import draws as drawn
from bayesgmm.posterior import passes, relabel
from bayesgmm.posterior.certificate import certify
from bayesgmm.posterior.streamed import StreamedResponsibilities
from bayesgmm.progress import Steps
from bayesgmm.results import PosteriorResults, judged

__all__ = ["BayesGaussianMixture"]

Array = NDArray[np.float64]

DEFAULT_TUNE = 600
# Names are compared between methods on so many rows, evenly spaced.
CERTIFIED_ROWS = 2000
METHODS = ("nuts", "laplace")


class BayesGaussianMixture(PosteriorResults, DensityMixin, BaseEstimator):
    """Gaussian mixture by maximum likelihood and by full Bayes, for a comparison of the two.

    EM gives the baseline and a start. From there the posterior's mode is climbed to, its curvature measured, and NUTS run
    in coordinates in which the posterior is nearly round. Draws are relabelled to the EM components afterwards,
    and ``verdict_`` says whether the components may be read one by one at all.

    Parameters
    ----------
    n_components : int, default 1
        Number of components, K.
    covariance_type : {"full", "tied", "diag", "spherical"}, default "full"
        Each component its own general covariance; one for all; its own diagonal; its own single variance. Standard deviations
        have the prior's distribution one by one, correlation matrices the LKJ distribution one by one.
    method : {"nuts", "laplace"}, default "nuts"
        NUTS, or draws from the Gaussian at the posterior mode, weighted and checked: quicker, and right only where
        ``verdict_`` says so (Pareto k below 0.7, or less with few draws), and of the mode that EM found.
    prior : Prior or None, default None
        In the units of the data; None derives a weakly informative one from the data (``Prior.from_data``).
    draws : int, default 1000
        Kept draws per chain.
    tune : int or None, default None
        Warm-up draws per chain; None means 600. They are part of no result, and method "laplace" has none.
    chains : int, default 4
        With method "laplace" independent batches of draws.
    cores : int or None, default None
        Chains that run at once; None means all cores. The draws do not depend on it.
    target_accept : float, default 0.8
        Acceptance rate that the step size is adapted to.
    random_state : int, Generator, RandomState or None, default None
    progressbar : bool, default True
        Show progress on a terminal or in a notebook.

    Attributes
    ----------
    em_ : EMGaussianMixture
        The baseline, fitted to the same data.
    posterior_ : xarray.DataTree
        Groups posterior (relabelled), sample_stats, log_prior, observed_data, constant_data (the prior's numbers), relabelling,
        membership, em and em_modes; on request log_likelihood and posterior_predictive. ArviZ reads it as it is.
    model_ : pymc.Model
        The model, open to anyone; built when first asked for.
    prior_ : Prior
        The prior used, in the units of the data.
    method_ : str
        The method used.
    verdict_ : Verdict
        ``ok`` and ``reasons``.
    relabelling_ : Relabelling
        The permutations applied, and how certain they are.
    certificate_ : Certificate
        How far the names of the components can be trusted: what other methods of relabelling say, and more.
    membership_, membership_sd_ : ndarrays, shape (N, K)
        Posterior mean and standard deviation of each row's responsibilities.
    similarity_ : ndarray, shape (N, N)
        P(two rows share a component), whatever the components are called; made when first asked for.
    log_likelihood_draws_ : ndarray, shape (chains, draws)
        Total log-likelihood of each draw.

    Examples
    --------
    >>> from bayesgmm import BayesGaussianMixture, datasets
    >>> X = datasets.faithful().X
    >>> bayes = BayesGaussianMixture(n_components=2, random_state=0, progressbar=False).fit(X)
    >>> bayes.verdict_.ok
    True
    """

    def __init__(
        self,
        n_components: int = 1,
        *,
        covariance_type: str = "full",
        method: str = "nuts",
        prior: Prior | None = None,
        draws: int = 1000,
        tune: int | None = None,
        chains: int = 4,
        cores: int | None = None,
        target_accept: float = 0.8,
        random_state: Any = None,
        progressbar: bool = True,
    ) -> None:
        self.n_components = n_components
        self.covariance_type = covariance_type
        self.method = method
        self.prior = prior
        self.draws = draws
        self.tune = tune
        self.chains = chains
        self.cores = cores
        self.target_accept = target_accept
        self.random_state = random_state
        self.progressbar = progressbar

    def fit(self, X: ArrayLike, y: object = None) -> Self:
        """Fit both ways to the rows of X, shape (N, D).

        Returns
        -------
        self

        Raises
        ------
        DataError, ParameterError
            Where X, the prior or a setting is not usable; nothing is built or drawn then.
        SamplingError
            Where a chain stopped before its last draw.
        """
        settings = self._settings()
        rows = validation.check_data(X)
        names = validation.column_names(X, rows.shape[1])
        validation.check_fittable(rows, names, settings["n_components"], self.covariance_type)
        prior = self.prior or Prior.from_data(rows, covariance_type=self.covariance_type)
        resolved = prior.resolve(settings["n_components"], rows.shape[1], self.covariance_type)
        seed = validation.seed_sequence(self.random_state)
        em_seed, chain_seed, predictive_seed = seed.spawn(3)
        with Steps(enabled=self.progressbar) as steps:
            with steps.step("EM from many starts"):
                em = EMGaussianMixture(
                    settings["n_components"],
                    covariance_type=self.covariance_type,
                    random_state=np.random.default_rng(em_seed),
                ).fit(X)
            shift, scale = families.location_scale(rows, np.empty(0), self.covariance_type)
            target = Target(rows, settings["n_components"], prior, shift, scale, self.covariance_type)
            values, stats, checks = self._sample(target, em, settings, chain_seed, steps)
            with steps.step("labels and memberships"):
                tree = self._labelled(values, stats, rows, names, em, resolved)
                tree.attrs.update(checks)
                found = judged(tree)
        # Together and last: a fit that fails leaves an earlier one whole.
        validate_data(self, X, reset=True, skip_check_array=True)
        tree.attrs.update(self._provenance(rows, settings, prior, seed))
        self._forget()
        self.em_, self.prior_, self.posterior_, self.verdict_ = em, prior, tree, found
        self.predictive_seed_ = int(predictive_seed.generate_state(1)[0])
        tree.attrs["predictive_seed"] = self.predictive_seed_
        return self

    def _settings(self) -> dict[str, int]:
        if self.prior is not None and not isinstance(self.prior, Prior):
            raise ParameterError(f"prior must be a bayesgmm.Prior or None; got {type(self.prior).__name__}.")
        if not (isinstance(self.target_accept, numbers.Real) and 0 < self.target_accept < 1):
            raise ParameterError(
                f"target_accept must be a number between 0 and 1; got {self.target_accept!r}."
            )
        validation.check_choice(self.covariance_type, "covariance_type", FAMILIES)
        validation.check_choice(self.method, "method", METHODS)
        check = validation.check_integer
        settings = {
            "n_components": check(self.n_components, "n_components", 1),
            "draws": check(self.draws, "draws", 4),
            "tune": DEFAULT_TUNE if self.tune is None else check(self.tune, "tune", 20),
            "chains": check(self.chains, "chains", 1),
            "cores": validation.available_cores() if self.cores is None else check(self.cores, "cores", 1),
        }
        total = settings["draws"] * settings["chains"]
        if self.method == "laplace" and total < FEWEST_DRAWS:
            raise ParameterError(
                f'method="laplace" needs at least {FEWEST_DRAWS} draws in all for its check; got {total} '
                f"(draws={settings['draws']} times chains={settings['chains']})."
            )
        return settings

    def _sample(
        self,
        target: Target,
        em: EMGaussianMixture,
        settings: dict[str, int],
        seed: np.random.SeedSequence,
        steps: Steps,
    ) -> tuple[dict[str, Array], dict[str, NDArray[Any]], dict[str, float]]:
        """Parameters and statistics, with leading axes (chain, draw), and what the method says of itself."""
        with steps.step("posterior mode"):
            approximation = laplace(target, target.unconstrained(em.params_))
        sizes = {k: settings[k] for k in ("draws", "chains", "cores")}
        if self.method == "laplace":
            with steps.step("weighted draws"):
                found = sample_laplace(target, approximation, **sizes, seed=seed)
            checks = {"pareto_k": found.pareto_k, "largest_k": found.largest_k, "importance_ess": found.ess}
            return target.constrained(found.q), {"logp": found.log_posterior}, checks
        sizes["tune"] = settings["tune"]
        with steps.step("sampling", total=sizes["chains"] * (sizes["draws"] + sizes["tune"])) as progress:
            raw = sample_nuts(
                target,
                approximation,
                **sizes,
                seed=seed,
                target_accept=self.target_accept,
                progress=progress,
            )
        return target.constrained(raw.q), raw.stats, {}

    def _labelled(
        self,
        values: dict[str, Array],
        stats: dict[str, NDArray[Any]],
        rows: Array,
        names: list[str],
        em: EMGaussianMixture,
        prior: ResolvedPrior,
    ) -> xr.DataTree:
        """The tree of relabelled draws, with the permutations and memberships beside them."""
        columns, cores = np.asfortranarray(rows), self._settings()["cores"]
        order = drawn.canonical_order(values["weights"], values["means"])
        unlabelled = drawn.permuted(drawn.posterior_dataset(values, names, self.covariance_type), order)
        draws = drawn.stacked(unlabelled)
        log_likelihood, overlap = passes.log_likelihoods_and_overlaps(
            columns, *draws, density.responsibilities(rows, em.params_), cores
        )
        chains, n_draws, k = values["weights"].shape
        relabelling = relabel.match(overlap.reshape(chains, n_draws, k, k))
        posterior = drawn.permuted(unlabelled, relabelling.permutations)
        # From the names that the chains gave, whose switches are counted.
        given = np.take_along_axis(order, relabelling.permutations, axis=2)
        relabelling = relabel.Relabelling(given, relabelling.margins)
        renamed = drawn.stacked(posterior)
        mean, sd, _ = passes.memberships(columns, *renamed, cores)
        some = drawn.evenly(len(rows), CERTIFIED_ROWS)
        certificate = certify(
            StreamedResponsibilities(np.asfortranarray(rows[some]), *renamed, cores),
            mean[some],
            drawn.component_parameters(posterior),
            relabelling,
        )
        stats = stats | {"total_log_likelihood": log_likelihood.reshape(chains, n_draws)}
        others = {**prior_groups(posterior, prior, self.covariance_type), **em_dataset(em, names)}
        return drawn.posterior_tree(posterior, stats, rows, (relabelling, certificate), (mean, sd), others)

    def _provenance(
        self, rows: Array, settings: dict[str, int], prior: Prior, seed: np.random.SeedSequence
    ) -> dict[str, Any]:
        packages = ("bayesgmm", "nutpie", "numpy", "numba", "scipy", "scikit-learn", "arviz", "pymc")
        return {
            "created_by": f"bayesgmm {bayesgmm.__version__}",
            # What a later fit needs to draw the same, whatever kind of seed was given.
            "seed_entropy": str(seed.entropy),
            "random_state": str(int(self.random_state))
            if isinstance(self.random_state, numbers.Integral)
            else "",
            "prior": repr(prior),
            "prior_fields": json.dumps(dataclasses.asdict(prior)),
            "prior_given": int(self.prior is not None),
            "covariance_type": self.covariance_type,
            "method": self.method,
            "target_accept": float(self.target_accept),
            "python": platform.python_version(),
            "versions": ", ".join(f"{p} {version(p)}" for p in packages),
            "named_features": int(hasattr(self, "feature_names_in_")),
            "data_sha256": hashlib.sha256(np.ascontiguousarray(rows).tobytes()).hexdigest(),
            **{k: v for k, v in settings.items() if k != "cores"},
        }
