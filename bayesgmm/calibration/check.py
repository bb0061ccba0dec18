"""`check_calibration`: refit by refit, with progress, and taken up again where it was interrupted."""

import os

import numpy as np

from bayesgmm.calibration.records import Records
from bayesgmm.calibration.refit import Refitting, refitted
from bayesgmm.calibration.result import CalibrationCheck
from bayesgmm.em import EMGaussianMixture
from bayesgmm.errors import ParameterError
from bayesgmm.fit import Fit
from bayesgmm.support.arguments import check_flag, check_integer
from bayesgmm.support.progress import Steps

__all__ = ["check_calibration"]


def check_calibration(
    fit: Fit,
    em: EMGaussianMixture | None,
    refit: Refitting,
    n: int,
    records: str | os.PathLike[str] | None,
    random_state: int,
    progressbar: bool,
) -> CalibrationCheck:
    """Posterior simulation-based calibration; see ``BayesGaussianMixture.check_calibration``.

    Parameters
    ----------
    fit : Fit
    em : EMGaussianMixture, optional
        With the settings of EM in refits, where they are not the default's.
    refit : callable
        Fits rows as `fit` was, with the same prior and another seed.
    n, records, random_state, progressbar
        As there.
    """
    n = check_integer(n, "n", 1)
    seed = check_integer(random_state, "random_state", 0)
    check_flag(progressbar, "progressbar")
    if not fit.verdict.label_free_ok:
        raise ParameterError(
            "A fit can be checked by refits where its draws are those of the posterior; the verdict on this "
            "one is that they are not (see verdict_): raise draws, or use method='smc'.",
            reasons=[reason.code for reason in fit.verdict.reasons],
        )
    known = Records(records, fit, em, seed)
    with Steps(enabled=progressbar) as steps, steps.step("refits", total=n) as progress:
        for index in range(n):
            if index not in known.refits:
                known.add(index, refitted(fit, refit, np.random.SeedSequence([seed, index])))
            progress(index + 1, n, 0)
    return CalibrationCheck.of([known.refits[index] for index in range(n)], fit)
