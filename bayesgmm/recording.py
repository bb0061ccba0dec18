"""From draws to the record of a fit."""

from dataclasses import dataclass, field

from bayesgmm.bayes.priors import Prior
from bayesgmm.em import EMGaussianMixture
from bayesgmm.em.baseline import in_order_of
from bayesgmm.fit import Fit
from bayesgmm.methods.method import Drawn
from bayesgmm.methods.settings import Settings
from bayesgmm.mixture.draws import MixtureDraws
from bayesgmm.posterior.labels import labelled
from bayesgmm.posterior.verdict import Verdict
from bayesgmm.rows.rows import Rows
from bayesgmm.support.progress import Steps
from bayesgmm.support.provenance import Provenance

__all__ = ["Recorder"]


@dataclass(frozen=True, eq=False)
class Recorder:
    """Turns draws into the record of a fit, once for the same draws: a method asks for its own verdict."""

    rows: Rows
    em: EMGaussianMixture
    prior: Prior
    prior_given: bool
    settings: Settings
    provenance: Provenance
    steps: Steps
    # By the identity of draws, which are kept so that no others get it.
    _known: dict[int, tuple[MixtureDraws, Fit]] = field(default_factory=dict)

    def verdict(self, drawn: Drawn) -> Verdict:
        """The verdict on some draws; where they are refused as such, modes are not looked for."""
        found = self._labelled(drawn).verdict
        return self.of(drawn).verdict if found.label_free_ok else found

    def of(self, drawn: Drawn) -> Fit:
        """The record, with relabelled draws, memberships, and modes where draws tell their shares."""
        fit = self._labelled(drawn)
        if fit.knows_shares and fit.modes is None:
            with self.steps.step("modes of the posterior"):
                fit = fit.with_modes(fit.find_modes(self.settings.cores))
            self._known[id(drawn.draws)] = drawn.draws, fit
        return fit.with_reason(drawn.reason)

    def _labelled(self, drawn: Drawn) -> Fit:
        """The record without the modes, unless they are known."""
        if id(drawn.draws) not in self._known:
            with self.steps.step("labels and memberships"):
                fit = self._made(drawn)
                # Made here, so that its time counts as that of this step.
                fit.verdict  # noqa: B018
            self._known[id(drawn.draws)] = drawn.draws, fit
        return self._known[id(drawn.draws)][1]

    def _made(self, drawn: Drawn) -> Fit:
        k, d = drawn.draws.n_components, self.rows.n_features
        prior = self.prior.resolve(k, d, self.settings.covariance_type)
        labels = labelled(drawn.draws, self.em.params_, self.rows, self.settings.cores, prior)
        exchangeable = prior.is_exchangeable
        return Fit(
            rows=self.rows,
            em=self.em if exchangeable else in_order_of(self.em, labels.membership, self.rows),
            prior=self.prior,
            prior_given=self.prior_given,
            settings=self.settings,
            provenance=self.provenance,
            method=drawn.method,
            labels=labels,
            sampler=drawn.stats,
            check=drawn.check,
            method_reason=drawn.reason,
            log_evidence=drawn.log_evidence,
            groups=drawn.groups,
        )
