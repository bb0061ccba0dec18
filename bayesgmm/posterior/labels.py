"""From a sampler's draws to relabelled draws, with memberships and labelling diagnostics."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bayesgmm.bayes.component_priors import log_density_in_place, order_probabilities
from bayesgmm.bayes.priors import ResolvedPrior
from bayesgmm.mixture import density
from bayesgmm.mixture.draws import MixtureDraws
from bayesgmm.mixture.params import MixtureParams
from bayesgmm.posterior import passes, relabel
from bayesgmm.posterior.labelling import (
    LabellingDiagnostics,
    diagnose_labelling,
    labelling_by_prior,
)
from bayesgmm.posterior.relabel import Relabelling
from bayesgmm.posterior.streamed import StreamedResponsibilities
from bayesgmm.rows.part import part_of
from bayesgmm.rows.rows import Rows

__all__ = ["Labels", "labelled"]

Array = NDArray[np.float64]

# Labels are compared between methods on so many rows, spread over all.
COMPARED_ROWS = 2000


@dataclass(frozen=True, eq=False)
class Labels:
    """Relabelled draws, and what was computed with them.

    Parameters
    ----------
    draws : MixtureDraws
        Components as in the reference.
    log_likelihood : ndarray, shape (chain, draw)
        Of all rows, with their weights.
    relabelling : Relabelling
        From the labels that the sampler gave.
    diagnostics : LabellingDiagnostics
    membership, membership_sd : ndarrays, shape (N, K)
        Mean and standard deviation between draws of each row's responsibilities.
    """

    draws: MixtureDraws
    log_likelihood: Array
    relabelling: Relabelling
    diagnostics: LabellingDiagnostics
    membership: Array
    membership_sd: Array


def labelled(
    draws: MixtureDraws, reference: MixtureParams, rows: Rows, cores: int, prior: ResolvedPrior | None = None
) -> Labels:
    """Give the components of every draw the labels of a reference; O(S N K (K + D^2)).

    Where the prior tells components apart, draws keep the labels that they have, which are those of the
    prior.

    Parameters
    ----------
    draws : MixtureDraws
    reference : MixtureParams
        EM's estimate.
    rows : Rows
    cores : int
        Threads; the result does not depend on it.
    prior : ResolvedPrior, optional
        In the units of the draws; by default one that treats all components alike.
    """
    if prior is not None and not prior.is_exchangeable:
        return _labelled_by_prior(draws, reference, rows, cores, prior)
    k = draws.n_components
    # From an order of their own, so that nothing depends on the labels that the sampler gave.
    order, unlabelled = draws.canonical_order, draws.in_canonical_order
    counting = rows.counting
    of_reference = density.responsibilities(counting.values, reference)
    log_likelihood, overlap = passes.log_likelihoods_and_overlaps(
        counting.columns, *unlabelled.stacked, of_reference, cores, counting.weights
    )
    lead = draws.weights.shape[:2]
    found = relabel.match(overlap.reshape(*lead, k, k))
    renamed = unlabelled.permuted(found.permutations)
    # From the labels that the chains gave, whose switches are counted.
    given = np.take_along_axis(order, found.permutations, axis=2)
    relabelling = Relabelling(given, found.margins)
    mean, sd, _ = passes.memberships(rows.columns, *renamed.stacked, cores)
    some = part_of(len(rows), COMPARED_ROWS)
    compared = rows.taken(some)
    diagnostics = diagnose_labelling(
        StreamedResponsibilities(compared.columns, *renamed.stacked, cores, compared.weights),
        mean[some],
        renamed.component_parameters,
        relabelling,
    )
    return Labels(renamed, log_likelihood.reshape(lead), relabelling, diagnostics, mean, sd)


def _labelled_by_prior(
    draws: MixtureDraws, reference: MixtureParams, rows: Rows, cores: int, prior: ResolvedPrior
) -> Labels:
    """The draws as they are, and how far the prior tells which component is which."""
    lead, k = draws.weights.shape[:2], draws.n_components
    weights, means, stds = (
        a.reshape(-1, *a.shape[2:]) for a in (draws.weights, draws.means, draws.component_stds)
    )
    in_place = log_density_in_place(weights, means, stds, prior, draws.family.by_feature)
    own, other = order_probabilities(in_place)
    margins = (own - other).reshape(lead) if k > 1 else np.full(lead, np.inf)
    relabelling = Relabelling(np.tile(np.arange(k), (*lead, 1)), margins)
    counting = rows.counting
    log_likelihood, _ = passes.log_likelihoods_and_overlaps(
        counting.columns,
        *draws.stacked,
        density.responsibilities(counting.values, reference),
        cores,
        counting.weights,
    )
    mean, sd, _ = passes.memberships(rows.columns, *draws.stacked, cores)
    diagnostics = labelling_by_prior(float(own.mean()), draws.component_parameters, relabelling)
    return Labels(draws, log_likelihood.reshape(lead), relabelling, diagnostics, mean, sd)
