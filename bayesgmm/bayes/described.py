"""A prior in lines of text, one per distribution: what `Prior.describe` gives."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from bayesgmm.bayes.common_scales import CommonLaw, CommonScale
from bayesgmm.bayes.log_laws import described_volume, volume_law
from bayesgmm.mixture.families import posterior_family_of

if TYPE_CHECKING:
    from bayesgmm.bayes.priors import ResolvedPrior

__all__ = ["described"]

Array = NDArray[np.float64]


def described(prior: "ResolvedPrior", feature_names: Sequence[str], covariance_type: str) -> list[str]:
    """See :meth:`bayesgmm.bayes.priors.Prior.describe`."""
    k = len(prior.concentration)
    family = posterior_family_of(covariance_type)
    apart = any(family.std_parts(k))
    lines = [_line("weights", "Dirichlet", *prior.concentration)]
    if len(prior.mixed):
        mixed = (_line("", "Dirichlet", *[a] * k)[3:] for a in prior.mixed)
        lines = [f"weights ~ {' or '.join(mixed)}"]
    for j, name in enumerate(feature_names):
        lines += _lines("means", name, "Normal", prior.mean_loc[:, j], prior.mean_scale[:, j])
    of_stds: Sequence[str | None] = feature_names if family.by_feature else [None]
    for j, feature in enumerate(of_stds):
        variable = f"{'shape of ' * apart}stds"
        told = _lines(variable, feature, prior.std_record.title, *prior.std_numbers[..., j])
        if isinstance(prior.std_record, CommonScale) and family.by_component and k > 1 and not apart:
            told = [f"{told[0]}: {prior.std_record.words(*prior.shared_std_numbers[:, j])}"]
        lines += told
    if apart and not isinstance(prior.std_law, CommonLaw):
        variable, title, numbers = described_volume(volume_law(prior.std_law))
        lines.append(_line(variable, title, *numbers))
    if len(feature_names) > 1 and family.has_correlations:
        lines.append(_line("correlations", "LKJ", prior.lkj_eta))
    for j, name in enumerate(feature_names):
        if prior.resolution[j] > 0:
            lines.append(f"resolution[{name}] = {prior.resolution[j]:.4g}")
    return lines


def _lines(variable: str, feature: str | None, title: str, *numbers: Array) -> list[str]:
    """A line for all components, or one for each where their numbers, each of shape (K,), differ."""
    by_component = np.transpose(numbers)
    if not np.ptp(by_component, axis=0).any():
        return [_line(variable if feature is None else f"{variable}[{feature}]", title, *by_component[0])]
    inside = "" if feature is None else f", {feature}"
    return [_line(f"{variable}[component {k}{inside}]", title, *own) for k, own in enumerate(by_component)]


def _line(variable: str, title: str, *numbers: float) -> str:
    return f"{variable} ~ {title}({', '.join(f'{v:.4g}' for v in numbers)})"
