"""A checksum at the end of a file, so that damage anywhere in it is seen before anything of it is used.

HDF5 does not look at what comes after its own end, so that other programs read such a file as they did.
"""

import hashlib
import re
from pathlib import Path

__all__ = ["is_sealed", "sealed", "unsealed"]

_SEAL = re.compile(rb"\nbayesgmm sha256 ([0-9a-f]{64})\n")
_LENGTH = len("\nbayesgmm sha256 \n") + 64


def sealed(content: bytes) -> bytes:
    """The content with its checksum behind it."""
    return content + _seal_of(content)


def is_sealed(path: Path) -> bool:
    """Whether a file ends in a checksum, right or wrong; only its end is read."""
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - _LENGTH))
        return _SEAL.fullmatch(file.read()) is not None


def unsealed(path: Path) -> bytes | None:
    """The content before the checksum, or None where it is not the one that the checksum was made of."""
    whole = path.read_bytes()
    content = whole[:-_LENGTH]
    return content if whole[-_LENGTH:] == _seal_of(content) else None


def _seal_of(content: bytes) -> bytes:
    return b"\nbayesgmm sha256 %s\n" % hashlib.sha256(content).hexdigest().encode()
