"""Files that are written whole or not at all."""

import errno
import glob
import os
import platform
import stat
import tempfile
import zlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from bayesgmm.errors import FileProblem
from bayesgmm.support.sentences import shown_value

__all__ = ["as_path", "cannot_write", "check_writable", "reason", "replace_file"]

# Read once: it can be read by setting it only, which other threads would feel.
_UMASK = os.umask(0)
os.umask(_UMASK)
# Of a folder that several machines share: numbers of processes are each machine's own.
_MACHINE = f"{zlib.crc32(platform.node().encode()):08x}"


def as_path(path: object) -> Path:
    """A path that a file can have.

    Raises
    ------
    FileProblem
    """
    if not isinstance(path, str | os.PathLike) or isinstance(os.fspath(path), bytes):
        raise FileProblem(
            f"path must be text or a pathlib.Path; got {shown_value(path)}.", path=shown_value(path)
        )
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

    A file that is there already keeps its permissions, and of a symbolic link the target is written. What a
    program that was killed has left of the same file is removed.

    Raises
    ------
    FileProblem
        Where the target is a folder or another file that is not an ordinary one, or its folder is missing or
        cannot be written to.
    """
    path = as_path(path)
    check_writable(path)
    target = Path(os.path.realpath(path))
    check_writable(target)
    _remove_left_over(target)
    temporary = _temporary(path, target)
    try:
        write(temporary)
        temporary.chmod(_mode(target))
        try:
            temporary.replace(target)
        except OSError as error:
            raise cannot_write(path, error) from None
    finally:
        temporary.unlink(missing_ok=True)
    return path


def _temporary(path: Path, target: Path) -> Path:
    """An empty file beside the target; `path` is what the user calls it."""
    prefix = f"{_stem(target)}{_MACHINE}-{os.getpid()}-"
    try:
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=prefix, suffix=".part")
    except OSError as error:
        raise cannot_write(path, error) from None
    os.close(handle)
    return Path(name)


def _stem(target: Path) -> str:
    return f".{target.name[:40]}."


def _remove_left_over(target: Path) -> None:
    """Remove temporary files of programs on this machine that run no more."""
    for left in target.parent.glob(f"{glob.escape(_stem(target))}{_MACHINE}-*-*.part"):
        process = left.name.removeprefix(f"{_stem(target)}{_MACHINE}-").split("-")[0]
        if process.isdecimal() and not _runs(int(process)):
            with suppress(OSError):
                left.unlink()


def _runs(process: int) -> bool:
    """Whether a process of this number runs, or one that nothing can be said of."""
    # Elsewhere a signal of 0 is none that asks only.
    if os.name != "posix":
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def cannot_write(path: Path, error: OSError) -> FileProblem:
    """What the system has said of a file, in a sentence."""
    is_long = error.errno == errno.ENAMETOOLONG
    remedy = "give it a shorter name" if is_long else "free some space or choose another place"
    return FileProblem(f"{str(path)!r} cannot be written ({reason(error)}); {remedy}.", path=str(path))


def reason(error: OSError) -> str:
    """What the system says of a fault, in its own words."""
    return os.strerror(error.errno or 0).lower()


def _mode(target: Path) -> int:
    """Permissions of the file that is there, or those that the umask leaves a new one."""
    if target.exists():
        return stat.S_IMODE(target.stat().st_mode)
    return 0o666 & ~_UMASK


def check_writable(target: Path) -> None:
    """Refuse a target that cannot be written, before any work is done.

    Raises
    ------
    FileProblem
    """
    try:
        kind = target.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        kind = stat.S_IFREG
    except OSError as error:
        # Such as a name that is too long, or links in a circle.
        raise cannot_write(target, error) from None
    if not stat.S_ISREG(kind) and not stat.S_ISDIR(kind):
        # A file renamed into its place would replace a device such as /dev/null.
        raise FileProblem(f"{str(target)!r} is not an ordinary file; give the name of one.", path=str(target))
    if target.is_dir():
        raise FileProblem(f"{str(target)!r} is a folder; give the name of a file in it.", path=str(target))
    parent = target.parent
    if not parent.is_dir():
        raise FileProblem(f"The folder {str(parent)!r} does not exist; create it first.", folder=str(parent))
    if not os.access(parent, os.W_OK):
        raise FileProblem(
            f"The folder {str(parent)!r} cannot be written to; choose another.", folder=str(parent)
        )
