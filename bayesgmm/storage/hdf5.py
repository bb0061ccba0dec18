"""What an HDF5 file says of itself before any of its data are read."""

import io
from pathlib import Path
from typing import Any

import h5py

from bayesgmm.errors import FileProblem

__all__ = ["check_self_contained", "root_attributes"]

# How netCDF marks a dimension that has no values.
DIMENSION_ONLY = b"This is a netCDF dimension but not a netCDF variable"


def root_attributes(source: Path | io.BytesIO) -> dict[str, object] | None:
    """Attributes of the root, numbers and text only; None where there is no HDF5 file that can be opened."""
    try:
        with h5py.File(source, "r") as file:
            return {name: _plain(value) for name, value in file.attrs.items()}
    # HDF5 calls damage by many names, when it comes to the place.
    except Exception:
        return None


def _plain(value: Any) -> object:
    item = value.item() if getattr(value, "size", 0) == 1 else value
    return item.decode("utf-8", "replace") if isinstance(item, bytes) else item


def check_self_contained(content: bytes, name: str) -> None:
    """Refuse a file that refers to other files, or declares more data than it holds.

    Links within a file are refused, too: :func:`bayesgmm.save` writes none, and they may go in circles.

    Parameters
    ----------
    content : bytes
    name : str
        Of the file, for the message.

    Raises
    ------
    FileProblem
    """
    with h5py.File(io.BytesIO(content), "r") as file:
        # Visitors stop at what is not None; an exception would not pass through HDF5.
        found = file.visititems_links(_link_fault) or file.visititems(_data_fault)
    if found:
        raise FileProblem(
            f"{name!r} was not written by bayesgmm.save: {found}; do not use it.", path=name, fault=found
        )


def _link_fault(at: str, link: Any) -> str | None:
    return None if isinstance(link, h5py.HardLink) else f"{at!r} in it is a link to another place"


def _data_fault(at: str, item: Any) -> str | None:
    if not isinstance(item, h5py.Dataset):
        return None
    if item.is_virtual or item.external:
        return f"the data of {at!r} lie in another file"
    # What is declared and not there would be filled. Text has a size of its own; dimensions hold nothing.
    is_text = h5py.check_string_dtype(item.dtype) is not None
    is_dimension = bytes(item.attrs.get("NAME", b"")).startswith(DIMENSION_ONLY)
    held = item.id.get_storage_size()
    if is_text or is_dimension or item.nbytes <= held:
        return None
    return f"{at!r} in it declares {item.nbytes} bytes and holds {held}"
