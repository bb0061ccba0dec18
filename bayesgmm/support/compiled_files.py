"""The files in which numba keeps compiled code, with checksums: damaged ones are compiled anew.

numba reads its files with pickle and runs what they hold. One that was cut short would end every start with
an EOFError, and one with a flipped bit might do anything.
"""

import hashlib
import pickle
import warnings
from functools import cache
from pathlib import Path
from typing import Any

import numba as nb
from numba.core.caching import IndexDataCacheFile
from numba.core.serialize import dumps

__all__ = ["CheckedFiles"]

_MARK = b"bayesgmm "


class CheckedFiles(IndexDataCacheFile):
    """An index and the compiled code that it names, each written behind its version and its checksum.

    Parameters
    ----------
    cache_path, filename_base : str
        Folder, and how the names of the files begin.
    digest : str
        Of all sources of compiled code. Files with another one are stale, and written again.
    """

    def __init__(self, cache_path: str, filename_base: str, digest: str) -> None:
        super().__init__(cache_path=cache_path, filename_base=filename_base, source_stamp=digest)
        self._version = f"{nb.__version__} {digest}"

    def _load_index(self) -> dict[Any, str]:
        return self._read(self._index_path) or {}

    def _save_index(self, overloads: dict[Any, str]) -> None:
        self._write(self._index_path, overloads)

    def _load_data(self, name: str) -> Any:
        return self._read(self._data_path(name))

    def _save_data(self, name: str, data: Any) -> None:
        self._write(self._data_path(name), data)

    @property
    def _head(self) -> bytes:
        # The version is read before the rest, which may hold types that this package has no more.
        return _MARK + self._version.encode() + b"\n"

    def _write(self, path: str, thing: Any) -> None:
        content = dumps(thing)
        with self._open_for_write(path) as file:
            file.write(self._head + hashlib.sha256(content).digest() + content)

    def _read(self, path: str) -> Any:
        """What was written, or None where it is missing, of another version or damaged."""
        try:
            whole = Path(path).read_bytes()
        except FileNotFoundError:
            return None
        head, size = self._head, hashlib.sha256().digest_size
        if not whole.startswith(head):
            # Another version's begins as this one's, or with the first byte of a pickle.
            if not whole.startswith((_MARK, b"\x80")):
                _tell_damage(str(Path(path).parent))
            return None
        digest, content = whole[len(head) : len(head) + size], whole[len(head) + size :]
        if hashlib.sha256(content).digest() != digest:
            _tell_damage(str(Path(path).parent))
            return None
        return pickle.loads(content)


@cache
def _tell_damage(folder: str) -> None:
    """Say once a process and folder that something is compiled again."""
    warnings.warn(
        f"Compiled code in {folder!r} is damaged and is compiled again, which takes a minute or two; if this "
        f"happens again, delete the folder's files with the endings .nbi and .nbc.",
        RuntimeWarning,
        stacklevel=2,
    )
