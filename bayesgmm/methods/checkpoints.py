"""What the checkpoints of a fit depend on: with anything else the draws would be others."""

import dataclasses
import hashlib

import numpy as np

from bayesgmm.bayes.priors import Prior
from bayesgmm.em import EMGaussianMixture
from bayesgmm.errors import ParameterError
from bayesgmm.methods.settings import Settings
from bayesgmm.rows.rows import Rows
from bayesgmm.support.checkpoints import Checkpoints
from bayesgmm.support.provenance import Provenance
from bayesgmm.support.sentences import shown_value

__all__ = ["checkpoints_of", "settings_of_em"]


def checkpoints_of(
    folder: object,
    rows: Rows,
    prior: Prior,
    em: EMGaussianMixture | None,
    settings: Settings,
    provenance: Provenance,
) -> Checkpoints:
    """The checkpoints of a fit in a folder; none without a folder.

    Raises
    ------
    ParameterError
        Where the fit is not one that can be repeated: without an integer as seed, or limited in time.
    FileProblem
        Where the folder is that of another fit, or cannot be used.
    """
    if folder is None:
        return Checkpoints()
    if provenance.random_state is None:
        raise ParameterError(
            "checkpoint needs an integer as random_state: another seed, as without one, would give other "
            "draws each time.",
            random_state=None,
        )
    if settings.max_time is not None:
        raise ParameterError(
            f"checkpoint needs a fit that takes its time, since draws that were cut short differ from run to "
            f"run; got max_time={shown_value(settings.max_time)}, leave it out.",
            max_time=settings.max_time,
        )
    asked = dataclasses.asdict(settings)
    # No draw depends on them.
    for name in ("cores", "max_time"):
        del asked[name]
    made_of = {
        "the data": rows.sha256,
        "the weights of the rows": hashlib.sha256(np.ascontiguousarray(rows.weights).tobytes()).hexdigest(),
        "the prior": hashlib.sha256(repr(prior).encode()).hexdigest(),
        "em": settings_of_em(em),
        "random_state": str(provenance.random_state),
        "the packages": provenance.versions,
    }
    return Checkpoints(folder, made_of | {name: str(value) for name, value in asked.items()})


def settings_of_em(em: EMGaussianMixture | None) -> str:
    """A checksum of the settings of a prepared baseline, and of its estimate where it is fitted already."""
    if em is None:
        return "none"
    told = {name: value for name, value in em.get_params().items() if name not in ("cores", "progressbar")}
    if hasattr(em, "params_"):
        told["means"] = em.params_.means.tolist()
    return hashlib.sha256(repr(sorted(told.items())).encode()).hexdigest()
