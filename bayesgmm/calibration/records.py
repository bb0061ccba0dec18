"""Refits in a file, one line each: a check that was interrupted is taken up where it ended."""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np

from bayesgmm.calibration.refit import Refit
from bayesgmm.em import EMGaussianMixture
from bayesgmm.errors import FileProblem
from bayesgmm.fit import Fit
from bayesgmm.methods.checkpoints import settings_of_em
from bayesgmm.support.files import as_path, cannot_write, check_writable, reason, replace_file

__all__ = ["Records"]

FORMAT = 1


class Records:
    """The refits of a check, in a file where one is named.

    Parameters
    ----------
    path : str, path or None
        It is written anew, beside its target and renamed into place, after each refit.
    fit : Fit
    em : EMGaussianMixture, optional
        With the settings of EM in refits, where they are not the default's.
    seed : int
        Of the check.

    Raises
    ------
    FileProblem
        Where a file that is there holds something else, or the check of another fit or with another seed.
    """

    def __init__(self, path: Any, fit: Fit, em: EMGaussianMixture | None, seed: int) -> None:
        self._path = None if path is None else as_path(path)
        self._head = {"bayesgmm_calibration": FORMAT, "fit": fingerprint(fit, em), "seed": seed}
        self.refits: dict[int, Refit] = {}
        if self._path is not None:
            check_writable(self._path)
            if self._path.exists():
                self.refits = self._read(self._path)

    def add(self, index: int, refit: Refit) -> None:
        """Note refit number `index`."""
        self.refits[index] = refit
        if self._path is None:
            return
        lines = [self._head, *({"refit": i, **r.to_json()} for i, r in sorted(self.refits.items()))]
        text = "".join(f"{json.dumps(line, ensure_ascii=True)}\n" for line in lines)
        try:
            replace_file(self._path, lambda temporary: temporary.write_text(text, encoding="ascii"))
        except OSError as error:
            raise cannot_write(self._path, error) from None

    def _read(self, path: Path) -> dict[int, Refit]:
        name = str(path)
        try:
            head, *lines = [json.loads(line) for line in path.read_text(encoding="ascii").splitlines()]
            is_ours = isinstance(head, dict) and head.get("bayesgmm_calibration") == FORMAT
            refits = {int(line["refit"]): Refit.from_json(line) for line in lines} if is_ours else {}
        except OSError as error:
            raise FileProblem(f"{name!r} cannot be read ({reason(error)}).", path=name) from None
        except (ValueError, KeyError, TypeError, AttributeError):
            is_ours = False
        if not is_ours:
            raise FileProblem(
                f"{name!r} holds no refits of a calibration check, or is damaged; name another file, or "
                f"delete it.",
                path=name,
            )
        for what, told in (("fit", "another fit"), ("seed", "a check with another seed")):
            if head.get(what) != self._head[what]:
                raise FileProblem(
                    f"{name!r} holds refits of {told}; name another file, or delete it.",
                    path=name,
                    other=what,
                )
        return refits


def fingerprint(fit: Fit, em: EMGaussianMixture | None) -> str:
    """A checksum of rows, prior, settings and draws, on all of which refits depend."""
    settings = fit.settings
    asked = [getattr(settings, name) for name in settings.__dataclass_fields__ if name != "cores"]
    found = hashlib.sha256(repr([fit.rows.sha256, fit.prior, asked, settings_of_em(em)]).encode())
    for values in (fit.rows.weights, *fit.draws.values.values(), fit.em.params_.means):
        found.update(np.ascontiguousarray(values).tobytes())
    return found.hexdigest()
