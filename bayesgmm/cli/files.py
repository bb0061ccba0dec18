"""Files that a command writes: refused before any work where they cannot be, and remembered once they are
there."""

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bayesgmm.cli.program import WRITE_FAULTS, WRITTEN, Stop, Target
from bayesgmm.cli.streams import say
from bayesgmm.support.files import cannot_write

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from bayesgmm import BayesGaussianMixture

__all__ = [
    "check_folder",
    "check_targets",
    "write",
    "write_figure",
    "write_folder",
    "write_report",
]


def check_targets(source: str | None, targets: dict[str, str | None]) -> None:
    """Refuse, before any work, outputs that cannot be written or that would overwrite what is read or one
    another."""
    from bayesgmm.support.files import check_writable

    taken = {} if source in (None, "-") else {os.path.realpath(source): f"is the file to be read, {source!r}"}
    for option, path in targets.items():
        if path is None:
            continue
        check_writable(Path(path))
        real = os.path.realpath(path)
        if real in taken:
            raise Stop(f"The file of {option} {taken[real]}; give it another name.")
        taken[real] = f"is that of {option}, too"


def check_folder(folder: Path) -> None:
    """Refuse a folder that neither is there nor can be created."""
    nearest = next(p for p in (folder, *folder.parents) if os.path.exists(p))
    if not nearest.is_dir():
        raise Stop(f"{str(nearest)!r} is a file, not a folder; name a folder with --output.")
    if not os.access(nearest, os.W_OK):
        raise Stop(f"The folder {str(nearest)!r} cannot be written to; name another with --output.")


def write_folder(folder: Path) -> None:
    """Make a folder, and those above it, where they are missing."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise cannot_write(folder, error) from None


def write(target: Path, write: Callable[[], object]) -> None:
    """Let `write` make the file, having noted that it will."""
    click.get_current_context().meta[WRITTEN].append(Target.of(target))
    try:
        write()
    except OSError as error:
        # A folder may go while a fit is made; any other file that is missing is a fault of the program.
        folder = os.path.dirname(os.path.abspath(error.filename or ""))
        gone = error.errno == errno.ENOENT and folder == os.path.abspath(target.parent)
        if error.errno not in WRITE_FAULTS and not gone:
            raise
        raise cannot_write(target, error) from None


def write_report(
    bayes: "BayesGaussianMixture",
    path: str | Path,
    quiet: bool,
    **settings: Any,
) -> None:
    """Write a report, and say so before."""
    from bayesgmm.report import write_report

    say(f"writing the report {str(path)!r}", quiet)
    write(Path(path), lambda: write_report(bayes, path, progressbar=not quiet, **settings))


def write_figure(figure: "Figure", path: str | Path, dpi: int) -> None:
    """Write a figure in the format that its name ends in; the same figure gives the same bytes."""
    from bayesgmm.support.files import replace_file

    kind = Path(path).suffix[1:].lower()
    # Both would otherwise hold a version or a date.
    metadata = {"Software": None} if kind == "png" else {"Date": None}
    write(
        Path(path),
        lambda: replace_file(
            path, lambda temporary: figure.savefig(temporary, format=kind, dpi=dpi, metadata=metadata)
        ),
    )
