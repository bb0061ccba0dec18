"""Files that are written whole or not at all."""

import os
import stat
import tempfile
from collections.abc import Callable
from pathlib import Path

from bayesgmm.errors import FileProblem

__all__ = ["as_path", "check_writable", "replace_file"]


def as_path(path: object) -> Path:
    """A path that a file can have.

    Raises
    ------
    FileProblem
    """
    if not isinstance(path, str | os.PathLike) or isinstance(os.fspath(path), bytes):
        raise FileProblem(f"path must be text or a pathlib.Path; got {path!r}.", path=str(path))
    name = os.fspath(path)
    try:
        possible = "\0" not in os.fsencode(name).decode("latin-1")
    except UnicodeEncodeError:
        possible = False
    if not possible:
        raise FileProblem(f"No file can have the name {name!r}; give it another.", path=name)
    return Path(name)


def replace_file(path: str | os.PathLike[str], write: Callable[[Path], object]) -> Path:
    """Let `write` fill a temporary file beside `path`, then rename it into place.

    A file that is there already keeps its permissions, and of a symbolic link the target is written.

    Raises
    ------
    FileProblem
        Where the target is a folder, or its folder is missing or cannot be written to.
    """
    path = as_path(path)
    check_writable(path)
    target = Path(os.path.realpath(path))
    check_writable(target)
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name[:40]}.", suffix=".part")
    os.close(handle)
    temporary = Path(name)
    try:
        write(temporary)
        temporary.chmod(_mode(target))
        _rename(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)
    return path


def _rename(temporary: Path, target: Path) -> None:
    try:
        temporary.replace(target)
    except OSError as error:
        # Such as a name that is too long.
        raise FileProblem(
            f"{str(target)!r} cannot be written: {error.strerror}; give another name.", path=str(target)
        ) from None


def _mode(target: Path) -> int:
    """Permissions of the file that is there, or those that the umask leaves a new one."""
    if target.exists():
        return stat.S_IMODE(target.stat().st_mode)
    umask = os.umask(0)
    os.umask(umask)
    return 0o666 & ~umask


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
