"""Save a fit to one netCDF file, and load it again without unpickling anything."""

import dataclasses
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr
from sklearn.utils.validation import check_is_fitted

import bayesgmm
from bayesgmm.errors import FileProblem, ParameterError
from bayesgmm.fit import Fit

if TYPE_CHECKING:
    from bayesgmm.estimator import BayesGaussianMixture

__all__ = ["check_writable", "load", "replace_file", "save"]

FORMAT = 3


def save(bayes: "BayesGaussianMixture", path: str | os.PathLike[str]) -> Path:
    """Write a fit to a netCDF file that ArviZ and xarray read, too.

    Parameters
    ----------
    bayes : BayesGaussianMixture
        A fitted one.
    path : str or path
        The file is written beside its target and renamed into place, so that a fit is there whole or not at
        all.

    Raises
    ------
    FileProblem
        Where the folder does not exist or cannot be written to.
    """
    check_is_fitted(bayes)
    tree = bayes.fit_.tree()
    tree.attrs["bayesgmm_format"] = FORMAT
    # What a user has added to posterior_ is kept; what was changed in it is not.
    tree.update({name: group.copy() for name, group in bayes._added_groups(tree).items()})
    # Through memory: on a full disk HDF5 does not raise, it brings the process down.
    content = bytes(tree.to_netcdf(None, engine="h5netcdf"))
    return replace_file(path, lambda temporary: temporary.write_bytes(content))


def load(path: str | os.PathLike[str]) -> "BayesGaussianMixture":
    """Read a fit that :func:`save` has written.

    Raises
    ------
    FileProblem
        Where the file is missing, or was not written by this version of the package.
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
    _check_format(source, tree)
    try:
        return _restored(tree)
    except ParameterError as error:
        # Of a method that was made known in another session, for one.
        raise FileProblem(f"{str(source)!r} cannot be used here: {error}", **error.details) from None


def _check_format(source: Path, tree: xr.DataTree) -> None:
    """Refuse other files, and those of other versions."""
    found = tree.attrs.get("bayesgmm_format")
    if found is None:
        raise FileProblem(
            f"{str(source)!r} was not written by bayesgmm.save; use arviz.from_netcdf for other files.",
            path=str(source),
            format=None,
        )
    if found != FORMAT:
        writer = str(tree.attrs.get("created_by", "another version of bayesgmm"))
        raise FileProblem(
            f"{str(source)!r} was written by {writer} in format {found}, and bayesgmm "
            f"{bayesgmm.__version__} reads format {FORMAT}; fit the data again, or read the file with "
            f"{writer}.",
            path=str(source),
            format=int(found),
            expected=FORMAT,
            created_by=writer,
        )


def _restored(tree: xr.DataTree) -> "BayesGaussianMixture":
    from bayesgmm.estimator import BayesGaussianMixture

    fit = Fit.from_tree(tree)
    settings = dataclasses.asdict(fit.settings) | {"cores": None}
    prior, seed = fit.prior if fit.prior_given else None, fit.provenance.random_state
    bayes = BayesGaussianMixture(**settings, prior=prior, random_state=seed)
    bayes.fit_ = fit
    bayes.n_features_in_ = fit.rows.n_features
    if fit.rows.named:
        bayes.feature_names_in_ = np.array(fit.names, dtype=object)
    own = fit.tree().children
    for name, group in tree.children.items():
        if name not in own:
            bayes._add_group(name, group.to_dataset())
    return bayes


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
