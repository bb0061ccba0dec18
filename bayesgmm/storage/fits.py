"""Save a fit to one netCDF file, and load it again without unpickling anything."""

import dataclasses
import io
import os
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import numpy as np
import xarray as xr

import bayesgmm
from bayesgmm.errors import FileProblem
from bayesgmm.fit import Fit
from bayesgmm.results import check_fit
from bayesgmm.storage import hdf5
from bayesgmm.storage.contents import check_contents
from bayesgmm.storage.seal import is_sealed, sealed, unsealed
from bayesgmm.support.files import reason, replace_file
from bayesgmm.support.sentences import plain, shown_error, shown_value

if TYPE_CHECKING:
    from bayesgmm.estimator import BayesGaussianMixture

__all__ = ["load", "save"]

FORMAT = 5


def save(bayes: "BayesGaussianMixture", path: str | os.PathLike[str]) -> Path:
    """Write a fit to a netCDF file that ArviZ and xarray read, too.

    Parameters
    ----------
    bayes : BayesGaussianMixture
        A fitted one.
    path : str or path
        The file is written beside its target and renamed into place, so that a fit is there whole or not at
        all. Names of rows that a file cannot hold, such as periods, and those of several levels become text
        in it; numbers, text and dates stay what they are.

    Raises
    ------
    ParameterError
        Where `bayes` is no fit by full Bayes.
    FileProblem
        Where the folder does not exist or cannot be written to, or the target is no ordinary file.
    """
    check_fit(bayes)
    tree = bayes.fit_.tree()
    tree.attrs["bayesgmm_format"] = FORMAT
    # What a user has added to posterior_ is kept; what was changed in it is not.
    tree.update({name: group.copy() for name, group in bayes._added_groups(tree).items()})
    # Through memory: on a full disk HDF5 does not raise, it brings the process down.
    content = sealed(bytes(tree.to_netcdf(None, engine="h5netcdf")))
    return replace_file(path, lambda temporary: temporary.write_bytes(content))


def load(path: str | os.PathLike[str]) -> "BayesGaussianMixture":
    """Read a fit that :func:`save` has written.

    The file ends in a checksum of all that comes before, which is verified before anything is used. Nothing
    outside the file is read, whatever it refers to.

    Raises
    ------
    FileProblem
        Where the file is missing or damaged, or was not written by this version of the package.
    """
    source = _source(path)
    content = _whole(source)
    try:
        with xr.open_datatree(io.BytesIO(content), engine="h5netcdf") as opened:
            tree = opened.load()
            # xarray passes over a variable with the name of a group, such as log_likelihood.
            for node in tree.subtree:
                for variable in node.variables.values():
                    variable.load()
        bayes = _restored(tree)
        check_contents(bayes.fit_, str(source), str(tree.attrs["data_sha256"]))
    except FileProblem:
        raise
    except Exception as error:
        # The checksum is right: it was made by hand, or a method was made known in another session.
        details = getattr(error, "details", {}) | {"path": str(source), "reason": str(error)}
        raise FileProblem(f"{str(source)!r} cannot be used here: {shown_error(error)}", **details) from error
    return bayes


def _source(path: str | os.PathLike[str]) -> Path:
    if not isinstance(path, str | os.PathLike):
        raise FileProblem(
            f"path must be that of a file written by bayesgmm.save; got {shown_value(path)}.",
            path=shown_value(path),
        )
    source = Path(path)
    try:
        # No file has a name with NUL in it.
        found = "\0" not in str(source) and source.is_file()
    except OSError as error:
        # Such as a name that is too long.
        raise FileProblem(f"{str(source)!r} cannot be read: {reason(error)}.", path=str(source)) from None
    if not found:
        raise FileProblem(
            f"No file at {str(source)!r}; give the path of a fit written by bayesgmm.save.", path=str(source)
        )
    return source


def _whole(source: Path) -> bytes:
    """The content of a file that is what was written, in this format, and refers to nothing outside."""
    name = str(source)
    try:
        if not is_sealed(source):
            # Another program's, another version's, or cut short: only its attributes are looked at.
            _refuse(name, hdf5.root_attributes(source))
        content = unsealed(source)
        if content is None:
            raise FileProblem(
                f"{name!r} is damaged: its content is not what was written, by its checksum; take a copy "
                f"of it, or fit and save it again.",
                path=name,
            )
        _check_format(name, hdf5.root_attributes(io.BytesIO(content)))
        hdf5.check_self_contained(content, name)
    except FileProblem:
        raise
    # HDF5 calls damage by many names, when it comes to the place.
    except Exception as error:
        raise FileProblem(f"{name!r} cannot be read: {shown_error(error)}.", path=name) from None
    return content


def _refuse(name: str, attributes: "dict[str, object] | None") -> NoReturn:
    """Say of a file without a checksum what it is."""
    if attributes is None:
        raise FileProblem(
            f"{name!r} is not a netCDF file, or a damaged one; give a file written by bayesgmm.save.",
            path=name,
        )
    _check_format(name, attributes)
    raise FileProblem(
        f"{name!r} is damaged, or was written again by another program: the checksum at its end is not "
        f"there; take a copy of it, or fit and save it again.",
        path=name,
    )


def _check_format(name: str, attributes: "dict[str, object] | None") -> None:
    """Refuse other files, and those of other versions."""
    found = (attributes or {}).get("bayesgmm_format")
    if found is None:
        raise FileProblem(
            f"{name!r} was not written by bayesgmm.save; use arviz.from_netcdf for other files.",
            path=name,
            format=None,
        )
    if found != FORMAT:
        writer = plain(str((attributes or {}).get("created_by", "another version of bayesgmm")))
        raise FileProblem(
            f"{name!r} was written by {writer} in format {found}, and bayesgmm "
            f"{bayesgmm.__version__} reads format {FORMAT}; fit the data again, or read the file with "
            f"{writer}.",
            path=name,
            format=found,
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
        bayes.feature_names_in_ = np.array(fit.rows.names, dtype=object)
    own = fit.tree().children
    for name, group in tree.children.items():
        if name not in own:
            bayes._add_group(name, group.to_dataset())
    return bayes
