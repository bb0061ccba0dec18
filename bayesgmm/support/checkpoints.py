"""Pieces of long work in a folder: what was done is read again, whatever has ended the program."""

import io
import json
import os
import warnings
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayesgmm.errors import FileProblem
from bayesgmm.support.files import as_path, cannot_write, reason, replace_file
from bayesgmm.support.sentences import listed

__all__ = ["Arrays", "Checkpoints"]

Arrays = Mapping[str, NDArray[Any]]

FORMAT = 2
HEAD, TIE = "checkpoint.json", "tie"


class Checkpoints:
    """Pieces of one piece of work, by name; without a folder nothing is kept.

    Each file is written beside its target and renamed into place, so that a piece is there whole or not at
    all. Where a piece cannot be written the work goes on without, and a warning says so.

    Parameters
    ----------
    folder : str, path or None
        It is made where it is missing.
    made_of : mapping of str, optional
        What the pieces depend on, such as data and settings.

    Raises
    ------
    FileProblem
        Where the folder cannot be read or written to, or is of other work.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> from bayesgmm.support.checkpoints import Checkpoints
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     at = np.zeros(1)
    ...     first = Checkpoints(folder, {"seed": "0"}).kept("sum", at, lambda: {"x": np.array([3.0])})
    ...     again = Checkpoints(folder, {"seed": "0"}).get("sum", at)
    >>> again["x"]
    array([3.])
    """

    def __init__(self, folder: object = None, made_of: Mapping[str, str] | None = None) -> None:
        self._folder = None if folder is None else as_path(folder)
        if self._folder is not None:
            self._begin(self._folder, dict(made_of or {}))

    def kept(self, name: str, tie: NDArray[Any], make: Callable[[], Arrays]) -> Arrays:
        """The piece of this name, made where it is not there; see :meth:`get`."""
        found = self.get(name, tie)
        if found is None:
            found = make()
            self.put(name, found, tie)
        return found

    def within(self, name: str) -> "Checkpoints":
        """The same folder for pieces whose names begin with this one."""
        return _Within(self, name)

    def get(self, name: str, tie: NDArray[Any]) -> Arrays | None:
        """The piece of this name, or None where it is not there, or was tied to other numbers.

        Parameters
        ----------
        name : str
        tie : ndarray
            What the piece is relative to, and is made again from run to run: on another machine it may differ
            by rounding.

        Raises
        ------
        FileProblem
            Where its file is damaged.
        """
        path = self._path(name)
        if path is None or not path.exists():
            return None
        try:
            with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as arrays:
                found = dict(arrays)
                return found if np.array_equal(found.pop(TIE), tie) else None
        except OSError as error:
            raise FileProblem(f"{str(path)!r} cannot be read ({reason(error)}).", path=str(path)) from None
        # NumPy and zlib call damage by many names, when they come to the place.
        except (ValueError, EOFError, KeyError, zipfile.BadZipFile, NotImplementedError):
            raise FileProblem(
                f"{str(path)!r} is damaged; delete it, and what was in it is made again.", path=str(path)
            ) from None

    def put(self, name: str, arrays: Arrays, tie: NDArray[Any]) -> None:
        """Keep a piece; where that cannot be, warn, and keep no further ones.

        Warns
        -----
        RuntimeWarning
        """
        path = self._path(name)
        if path is None:
            return
        content = io.BytesIO()
        named: dict[str, Any] = {**arrays, TIE: tie}
        np.savez(content, **named)
        try:
            replace_file(path, lambda temporary: temporary.write_bytes(content.getvalue()))
        except (OSError, FileProblem) as error:
            why = reason(error) if isinstance(error, OSError) else str(error)
            self._folder = None
            warnings.warn(
                f"The checkpoint {str(path)!r} could not be written ({why.rstrip('.')}); the fit goes on, "
                f"and what follows is not kept.",
                RuntimeWarning,
                stacklevel=2,
            )

    def _path(self, name: str) -> Path | None:
        return None if self._folder is None else self._folder / f"{name}.npz"

    @staticmethod
    def _begin(folder: Path, made_of: dict[str, str]) -> None:
        """Make the folder, or refuse one of other work."""
        try:
            is_file = folder.exists() and not folder.is_dir()
        except OSError as error:
            # Such as a name that is too long.
            raise cannot_write(folder, error) from None
        if is_file:
            raise FileProblem(
                f"{str(folder)!r} is a file; name a folder for checkpoints.", folder=str(folder)
            )
        head = folder / HEAD
        if not head.exists():
            _refuse_a_folder_in_use(folder)
            try:
                folder.mkdir(parents=True, exist_ok=True)
                text = json.dumps({"bayesgmm_checkpoint": FORMAT, "made_of": made_of}, indent=1)
                replace_file(head, lambda temporary: temporary.write_text(f"{text}\n", encoding="utf-8"))
            except OSError as error:
                raise cannot_write(folder, error) from None
            return
        if not os.access(folder, os.W_OK):
            raise FileProblem(
                f"The folder {str(folder)!r} cannot be written to; choose another.", folder=str(folder)
            )
        found = _read(head)
        other = sorted(key for key in {*found, *made_of} if found.get(key) != made_of.get(key))
        if other:
            are = "is" if len(other) == 1 else "are"
            raise FileProblem(
                f"{str(folder)!r} has the checkpoints of another fit: {listed(other)} {are} not the same; "
                f"name another folder, or delete this one.",
                folder=str(folder),
                other=other,
            )


class _Within(Checkpoints):
    """Pieces of a part, in the folder of the whole."""

    def __init__(self, whole: Checkpoints, name: str) -> None:
        super().__init__()
        self._whole, self._name = whole, name

    def get(self, name: str, tie: NDArray[Any]) -> Arrays | None:
        return self._whole.get(f"{self._name}-{name}", tie)

    def put(self, name: str, arrays: Arrays, tie: NDArray[Any]) -> None:
        self._whole.put(f"{self._name}-{name}", arrays, tie)


def _refuse_a_folder_in_use(folder: Path) -> None:
    """One with other files may be anything."""
    if folder.exists() and any(not entry.name.endswith(".part") for entry in folder.iterdir()):
        raise FileProblem(
            f"{str(folder)!r} holds other files, and no checkpoints; name an empty or a new folder.",
            folder=str(folder),
        )


def _read(head: Path) -> dict[str, str]:
    name = str(head)
    try:
        found = json.loads(head.read_text(encoding="utf-8"))
        made_of = found["made_of"] if found["bayesgmm_checkpoint"] == FORMAT else None
    except OSError as error:
        raise FileProblem(f"{name!r} cannot be read ({reason(error)}).", path=name) from None
    except (ValueError, KeyError, TypeError):
        made_of = None
    if not isinstance(made_of, dict):
        raise FileProblem(
            f"{name!r} is damaged, or of another version; delete its folder, or name another.", path=name
        )
    return made_of
