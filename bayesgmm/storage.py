"""Save a fit to one netCDF file, and load it again without unpickling anything."""

import json
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
from sklearn.utils.validation import check_is_fitted

from bayesgmm.em.record import em_from_dataset
from bayesgmm.errors import FileProblem
from bayesgmm.rows.labels import default_index
from bayesgmm.rows.rows import Rows

if TYPE_CHECKING:
    from bayesgmm.estimator import BayesGaussianMixture

__all__ = ["check_writable", "load", "replace_file", "save"]

FORMAT = 2


def save(bayes: "BayesGaussianMixture", path: str | os.PathLike[str]) -> Path:
    """Write a fit to a netCDF file that ArviZ and xarray read, too.

    Parameters
    ----------
    bayes : BayesGaussianMixture
        A fitted one.
    path : str or path
        The file is written beside its target and renamed into place, so that a fit is there whole or not at all.

    Raises
    ------
    FileProblem
        Where the folder does not exist or cannot be written to.
    """
    check_is_fitted(bayes)
    tree = bayes.posterior_.copy()
    tree.attrs["bayesgmm_format"] = FORMAT
    # Through memory: on a full disk HDF5 does not raise, it brings the process down.
    content = bytes(tree.to_netcdf(None, engine="h5netcdf"))
    return replace_file(path, lambda temporary: temporary.write_bytes(content))


def load(path: str | os.PathLike[str]) -> "BayesGaussianMixture":
    """Read a fit that :func:`save` has written.

    Raises
    ------
    FileProblem
        Where the file is missing, or was not written by this package.
    """
    source = Path(path)
    if not source.is_file():
        raise FileProblem(
            f"No file at {str(source)!r}; give the path of a fit written by bayesgmm.save.", path=str(source)
        )
    try:
        with xr.open_datatree(source, engine="h5netcdf") as opened:
            tree = opened.load()
    except (OSError, ValueError) as error:
        raise FileProblem(f"{str(source)!r} is not a netCDF file: {error}.", path=str(source)) from None
    if tree.attrs.get("bayesgmm_format") != FORMAT:
        raise FileProblem(
            f"{str(source)!r} was not written by bayesgmm.save (format {tree.attrs.get('bayesgmm_format')}, "
            f"expected {FORMAT}); use arviz.from_netcdf for other files.",
            path=str(source),
            format=tree.attrs.get("bayesgmm_format"),
            expected=FORMAT,
        )
    return _restored(tree)


def _restored(tree: xr.DataTree) -> "BayesGaussianMixture":
    from bayesgmm.bayes.priors import Prior
    from bayesgmm.estimator import BayesGaussianMixture
    from bayesgmm.results import judged

    attrs = tree.attrs
    fields = {k: _tuples(v) for k, v in json.loads(attrs["prior_fields"]).items()}
    prior = Prior(**fields)
    bayes = BayesGaussianMixture(
        prior=prior if attrs["prior_given"] else None,
        random_state=int(attrs["random_state"]) if attrs["random_state"] else None,
        n_components=int(attrs["n_components"]),
        draws=int(attrs["draws"]),
        tune=int(attrs["tune"]),
        chains=int(attrs["chains"]),
        covariance_type=str(attrs["covariance_type"]),
        method=str(attrs["method_asked"]),
        max_time=None if np.isnan(attrs["max_time"]) else float(attrs["max_time"]),
        target_accept=float(attrs["target_accept"]),
    )
    bayes.prior_ = prior
    bayes.posterior_ = tree
    features = tuple(str(f) for f in tree["posterior"]["feature"].to_numpy())
    values = tree["observed_data"]["x"].to_numpy()
    bayes.rows_ = Rows(values, features, default_index(len(values)), named=bool(attrs["named_features"]))
    bayes.em_ = em_from_dataset({name: tree[name].dataset for name in ("em", "em_modes")})
    bayes.predictive_seed_ = int(attrs["predictive_seed"])
    for estimator in (bayes, bayes.em_):
        estimator.n_features_in_ = tree["posterior"].sizes["feature"]
        if attrs["named_features"]:
            estimator.feature_names_in_ = tree["posterior"]["feature"].to_numpy().astype(object)
    bayes.verdict_ = judged(tree)
    return bayes


def _tuples(value: Any) -> Any:
    return tuple(_tuples(v) for v in value) if isinstance(value, list) else value


def replace_file(path: str | os.PathLike[str], write: Callable[[Path], object]) -> Path:
    """Let `write` fill a temporary file beside `path`, then rename it into place.

    Raises
    ------
    FileProblem
        Where the target is a folder, or its folder is missing or cannot be written to.
    """
    target = Path(path)
    check_writable(target)
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name[:40]}.", suffix=".part")
    os.close(handle)
    temporary = Path(name)
    try:
        write(temporary)
        # mkstemp makes a private file; a result is as public as the umask says.
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)
    return target


def check_writable(target: Path) -> None:
    """Refuse a target that cannot be written, before any work is done."""
    if target.is_dir():
        raise FileProblem(f"{str(target)!r} is a folder; give the name of a file in it.", path=str(target))
    parent = target.parent
    if not parent.is_dir():
        raise FileProblem(f"The folder {str(parent)!r} does not exist; create it first.", folder=str(parent))
    if not os.access(parent, os.W_OK):
        raise FileProblem(
            f"The folder {str(parent)!r} cannot be written to; choose another.", folder=str(parent)
        )
