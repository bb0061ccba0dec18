"""`Fit`: the record of one fit, and its labelled form that ArviZ reads.

Rows, EM's estimate, the prior, relabelled draws, what the sampler says of itself and how to make it all
again. What an estimator, a comparison, a figure or a report says is read off this record; the tree of
``posterior_`` is made from it and belongs to the user.
"""

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from bayesgmm.bayes.log_prior import log_prior
from bayesgmm.bayes.priors import Prior, ResolvedPrior
from bayesgmm.bayes.target import Target
from bayesgmm.em import EMGaussianMixture
from bayesgmm.em.stored import em_groups, em_of_groups
from bayesgmm.methods import find
from bayesgmm.methods.check import MethodCheck
from bayesgmm.methods.needles import about_needle
from bayesgmm.methods.settings import Settings
from bayesgmm.mixture.draws import MixtureDraws
from bayesgmm.posterior import verdict as judging
from bayesgmm.posterior.decided import Pull, about_prior, pull_of_prior
from bayesgmm.posterior.labelling import LabellingDiagnostics
from bayesgmm.posterior.labels import Labels
from bayesgmm.posterior.modes import ModeMap, find_modes, mode_map, modes_dataset
from bayesgmm.posterior.relabel import Relabelling
from bayesgmm.posterior.unbounded import about_no_maximum
from bayesgmm.posterior.verdict import Diagnostics, Quantities, Verdict
from bayesgmm.rows.labels import restored
from bayesgmm.rows.rows import Rows
from bayesgmm.support.provenance import Provenance
from bayesgmm.wording import Reason

__all__ = ["Fit"]

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Fit:
    """One fit of a Gaussian mixture, by EM and by full Bayes.

    Parameters
    ----------
    rows : Rows
    em : EMGaussianMixture
        The baseline, fitted to the same rows.
    prior : Prior
        As used, in the units of the data.
    prior_given : bool
        Whether it was the user's, and not derived from the data.
    settings : Settings
    provenance : Provenance
    method : str
        Which method the draws are of.
    labels : Labels
        The relabelled draws.
    sampler : mapping of ndarrays, shape (chain, draw)
        What the method has noted of each draw.
    check : MethodCheck
        What the method says of its draws.
    method_reason : Reason, optional
        Why that method was used, where it was chosen.
    log_evidence : tuple of two floats, optional
        Log evidence in the user's units and its standard error.
    groups : mapping of Datasets
        Further groups of the method for the tree.
    modes : ModeMap, optional
        Of the posterior, where they have been looked for.
    """

    rows: Rows
    em: EMGaussianMixture
    prior: Prior
    prior_given: bool
    settings: Settings
    provenance: Provenance
    method: str
    labels: Labels
    sampler: Mapping[str, NDArray[Any]]
    check: MethodCheck
    method_reason: Reason | None = None
    log_evidence: tuple[float, float] | None = None
    groups: Mapping[str, xr.Dataset] = field(default_factory=dict)
    modes: ModeMap | None = None

    @property
    def draws(self) -> MixtureDraws:
        """The relabelled draws."""
        return self.labels.draws

    @property
    def X(self) -> Array:
        """The data, shape (N, D)."""
        return self.rows.values

    @property
    def names(self) -> list[str]:
        """Names of the features, as they are shown."""
        return self.rows.shown

    @property
    def covariance_type(self) -> str:
        """The covariance family."""
        return self.settings.covariance_type

    @property
    def target(self) -> Target:
        """The log posterior that was drawn from."""
        k, near = self.draws.n_components, self.em.params_
        return Target.standardising(self.rows, k, self.prior, self.covariance_type, near)

    @property
    def resolved_prior(self) -> ResolvedPrior:
        """The prior for these components and features, as arrays."""
        return self.prior.resolve(self.draws.n_components, self.draws.n_features, self.covariance_type)

    @cached_property
    def log_prior(self) -> dict[str, Array]:
        """Log prior density of each draw, variable by variable; see :mod:`bayesgmm.bayes.log_prior`."""
        return log_prior(self.draws.values, self.resolved_prior, self.covariance_type)

    @property
    def log_prior_draws(self) -> Array:
        """Log prior density of each draw, all variables together, shape (chain, draw)."""
        lead = self.draws.n_chains, self.draws.n_draws
        return np.sum([v.reshape(*lead, -1).sum(axis=2) for v in self.log_prior.values()], axis=0)

    @cached_property
    def prior_pull(self) -> Pull:
        """How far the prior moves each parameter; see :mod:`bayesgmm.posterior.decided`."""
        values = self.draws.parameter_values
        values = values.reshape(-1, values.shape[-1])
        return pull_of_prior(values, self.log_prior_draws.ravel(), self.verdict.effective_draws)

    @cached_property
    def diagnostics(self) -> tuple[Diagnostics, Diagnostics]:
        """Convergence of what does not depend on labels, and of the components' parameters."""

        def sizes(values: Array) -> Array | None:
            return self.check.effective_sizes(values, self.sampler)

        named = judging.named_quantities(self.draws, self.names)
        return judging.diagnose(self.label_free, sizes), judging.diagnose(named, sizes)

    @cached_property
    def verdict(self) -> Verdict:
        """Whether component-wise summaries are identifiable, and the draws of the posterior at all."""
        shares = self.modes.table["share"].tolist() if self.modes is not None and self.knows_shares else ()
        labels, missed = self.labels.diagnostics, about_needle(self.target, self.em.params_)
        return judging.judge(*self.diagnostics, labels, self.draws.n_chains, self.check, shares, missed)

    @property
    def knows_shares(self) -> bool:
        """Whether the share of the draws at a mode is that of the posterior."""
        return self.check.knows_shares(judging.agree(self.diagnostics[0], self.draws.n_chains))

    @property
    def no_maximum(self) -> Reason | None:
        """That the likelihood has no maximum for these data, where EM has found none, and what that means."""
        return about_no_maximum(self.em, self.resolved_prior, of_baseline=True)

    @property
    def prior_conflict(self) -> Reason | None:
        """That the prior, not the data, sets some parameters, where EM lies far from the posterior for that
        reason; None also where there is nothing to hold it against: component-wise summaries are not
        identifiable, or the likelihood has no maximum."""
        if not self.verdict.ok or self.no_maximum is not None:
            return None
        em = MixtureDraws.single(self.em.params_, self.covariance_type)
        return about_prior(self.draws, self.names, em, self.prior_pull)

    def with_modes(self, modes: ModeMap) -> "Fit":
        """The record of the same draws, with the modes that were found."""
        return self._but(modes=modes)

    def with_reason(self, reason: Reason | None) -> "Fit":
        """The record of the same draws, with why its method was used."""
        return self._but(method_reason=reason)

    def _but(self, **changed: Any) -> "Fit":
        """With other fields, on which neither the diagnostics nor the log prior depend: these are kept."""
        other = dataclasses.replace(self, **changed)
        for name in ("diagnostics", "log_prior"):
            if name in vars(self):
                vars(other)[name] = vars(self)[name]
        return other

    @property
    def label_free(self) -> Quantities:
        """Quantities of each draw that do not depend on labels."""
        return judging.label_free_quantities(self.draws, self.labels.log_likelihood, self.em.params_.means)

    def find_modes(self, cores: int) -> ModeMap:
        """The modes of the posterior, made by some hundred optimisations from draws."""
        return find_modes(self.target, self.draws, cores)

    def tree(self) -> xr.DataTree:
        """The record as labelled data, for ArviZ and for files; arrays are shared with the record."""
        posterior = self.draws.to_dataset(self.rows.features)
        tree = xr.DataTree.from_dict({**_groups(self, posterior), **self.groups})
        tree.attrs.update(_attributes(self))
        return tree

    @classmethod
    def from_tree(cls, tree: xr.DataTree) -> "Fit":
        """The record that :meth:`tree` has labelled."""
        return _from_tree(tree)


# ------------------------------------------------------------ to labelled data


def _groups(fit: Fit, posterior: xr.Dataset) -> dict[str, xr.Dataset]:
    """The groups of the tree that every fit has."""
    labels, coords = fit.labels, {str(d): posterior[d] for d in ("chain", "draw", "cluster", "feature")}
    sampled = {d: coords[d] for d in ("chain", "draw")}
    by_feature = {d: coords[d] for d in ("cluster", "feature")}
    obs, agreement = fit.rows.obs, labels.diagnostics.agreement
    stats = {**fit.sampler, "total_log_likelihood": labels.log_likelihood}
    densities = {
        # What belongs to no variable has one number a draw.
        v: (posterior[v if v in posterior else "weights"].dims[: x.ndim], x)
        for v, x in fit.log_prior.items()
    }
    groups = {
        "posterior": posterior,
        "sample_stats": xr.Dataset({k: (("chain", "draw"), v) for k, v in stats.items()}, coords=sampled),
        "observed_data": xr.Dataset(
            {"x": (("obs", "feature"), fit.X)}, {"obs": obs, "feature": coords["feature"]}, fit.rows.called
        ),
        "relabelling": xr.Dataset(
            {
                "permutations": (("chain", "draw", "cluster"), labels.relabelling.permutations),
                "margins": (("chain", "draw"), labels.relabelling.margins),
                "agreement": ("method", list(agreement.values())),
                "non_permutation_rate": labels.diagnostics.non_permutation_rate,
            },
            coords=sampled | {"cluster": coords["cluster"], "method": list(agreement)},
        ),
        "membership": xr.Dataset(
            {
                "mean": (("obs", "cluster"), labels.membership),
                "sd": (("obs", "cluster"), labels.membership_sd),
            },
            coords={"obs": obs, "cluster": coords["cluster"]},
        ),
        "log_prior": xr.Dataset(densities, coords=coords),
        "constant_data": _constant_data(fit, by_feature),
        **em_groups(fit.em, by_feature),
    }
    return groups if fit.modes is None else groups | {"modes": modes_dataset(fit.modes, fit.rows)}


def _constant_data(fit: Fit, coords: Mapping[str, Any]) -> xr.Dataset:
    """The prior's numbers, and the weights of the rows where there are any."""
    prior = fit.resolved_prior
    constants: dict[str, Any] = {
        "concentration": ("cluster", prior.concentration),
        "mixed_concentrations": ("mixed", prior.mixed),
        "mean_loc": (("cluster", "feature"), prior.mean_loc),
        "mean_scale": (("cluster", "feature"), prior.mean_scale),
        "std_numbers": (("std_number", "cluster", "feature"), prior.std_numbers),
        "resolution": ("feature", prior.resolution),
        "lkj_eta": ((), prior.lkj_eta),
    }
    if len(fit.rows.weights):
        constants["sample_weight"] = ("obs", fit.rows.weights)
        coords = {**coords, "obs": fit.rows.obs}
    return xr.Dataset(constants, coords=coords, attrs={"std_family": prior.std_family})


_EVIDENCE = ("log_evidence", "log_evidence_se")


def _attributes(fit: Fit) -> dict[str, Any]:
    """Attributes of the tree: method, settings, prior and provenance, as plain numbers and text."""
    settings = dataclasses.asdict(fit.settings)
    # The number of cores is the machine's, and no result depends on it.
    del settings["cores"]
    method_asked, max_time = settings.pop("method"), settings.pop("max_time")
    provenance = dataclasses.asdict(fit.provenance)
    random_state, reason = provenance.pop("random_state"), fit.method_reason
    return {
        **settings,
        **provenance,
        **fit.check.numbers(),
        **dict(zip(_EVIDENCE, fit.log_evidence or (), strict=False)),
        "method": fit.method,
        "method_reason": "" if reason is None else str(reason),
        "method_reason_fields": "" if reason is None else json.dumps(reason.to_json()),
        "method_asked": method_asked,
        "max_time": float("nan") if max_time is None else float(max_time),
        "random_state": "" if random_state is None else str(random_state),
        "prior": repr(fit.prior),
        "prior_fields": json.dumps(dataclasses.asdict(fit.prior)),
        "prior_given": int(fit.prior_given),
        "named_features": int(fit.rows.named),
        "feature_names": json.dumps(fit.rows.names),
        "data_sha256": fit.rows.sha256,
    }


# ------------------------------------------------------------ and back


def _from_tree(tree: xr.DataTree) -> Fit:
    attrs: dict[str, Any] = {str(k): v for k, v in tree.attrs.items()}
    stats = {str(v): x.to_numpy() for v, x in tree["sample_stats"].data_vars.items()}
    log_likelihood = stats.pop("total_log_likelihood")
    method, reason = find(str(attrs["method"])), str(attrs["method_reason_fields"])
    evidence = tuple(float(attrs[name]) for name in _EVIDENCE if name in attrs)
    fields = {k: _tuples(v) for k, v in json.loads(attrs["prior_fields"]).items()}
    draws = MixtureDraws.from_dataset(tree["posterior"].dataset, str(attrs["covariance_type"]))
    relabelling, labelling = _relabelling(tree["relabelling"].dataset)
    rows = _rows(tree, tuple(map(str, json.loads(attrs["feature_names"]))), bool(attrs["named_features"]))
    return Fit(
        rows=rows,
        em=em_of_groups(tree["em"].dataset, tree["em_modes"].dataset, tree["em"].attrs, rows),
        prior=Prior(**fields),
        prior_given=bool(attrs["prior_given"]),
        settings=Settings.of_attributes(attrs),
        provenance=_provenance(attrs),
        method=method.name,
        labels=Labels(
            draws,
            log_likelihood,
            relabelling,
            labelling,
            tree["membership"]["mean"].to_numpy(),
            tree["membership"]["sd"].to_numpy(),
        ),
        sampler=stats,
        check=method.check_type.from_numbers(attrs),
        method_reason=Reason.from_json(json.loads(reason)) if reason else None,
        log_evidence=evidence if len(evidence) == 2 else None,
        groups={name: tree[name].dataset for name in method.groups},
        modes=mode_map(tree["modes"].dataset) if "modes" in tree else None,
    )


def _rows(tree: xr.DataTree, names: tuple[str, ...], named: bool) -> Rows:
    observed, constants = tree["observed_data"].dataset, tree["constant_data"].dataset
    index = restored(observed["obs"].to_numpy(), observed.attrs)
    weights = constants["sample_weight"].to_numpy() if "sample_weight" in constants else np.empty(0)
    source, numbers = str(observed.attrs["source"]), bool(observed.attrs["file_numbers"])
    return Rows(observed["x"].to_numpy(), names, index, weights, source, named, numbers)


def _provenance(attrs: Mapping[str, Any]) -> Provenance:
    return Provenance(
        str(attrs["created_by"]),
        str(attrs["versions"]),
        str(attrs["python"]),
        int(attrs["random_state"]) if attrs["random_state"] else None,
        str(attrs["seed_entropy"]),
        int(attrs["predictive_seed"]),
    )


def _relabelling(group: xr.Dataset) -> tuple[Relabelling, LabellingDiagnostics]:
    found = Relabelling(group["permutations"].to_numpy(), group["margins"].to_numpy())
    shares = zip(group["method"].to_numpy(), group["agreement"].to_numpy(), strict=True)
    labelling = LabellingDiagnostics(
        {str(method): float(share) for method, share in shares},
        found.nearly_tied,
        float(group["non_permutation_rate"]),
        tuple(int(n) for n in found.n_switches),
    )
    return found, labelling


def _tuples(value: Any) -> Any:
    return tuple(_tuples(v) for v in value) if isinstance(value, list) else value
