"""From a path to bytes, or to what is wrong with the path."""

import difflib
import os
import sys
from pathlib import Path

from bayesgmm.rows.files.kinds import PACKED_ENDINGS
from bayesgmm.rows.files.words import label_of, problem, quote_path

__all__ = ["read_bytes"]

TABLES = (".csv", ".tsv", ".parquet", ".feather", ".arff")
ENDINGS = TABLES + tuple(table + packed for table in TABLES for packed in PACKED_ENDINGS)


def read_bytes(path: str) -> bytes:
    if path == "-":
        return _standard_input()
    if os.path.isdir(path):
        tables = [name for name in _files_in(path) or [] if name.endswith(ENDINGS)]
        hint = (
            f"such as {quote_path(os.path.join(path, min(tables)))}"
            if tables
            else "a csv, tsv, parquet or feather file"
        )
        raise problem(path, f"{label_of(path)} is a directory; name a file in it, {hint}.")
    try:
        return Path(path).read_bytes()
    except FileNotFoundError:
        raise problem(path, f"There is no file {label_of(path)}; {_similar_file(path)}") from None
    except (OSError, ValueError) as error:  # a ValueError is a NUL character in the name
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
        raise problem(
            path,
            f"{label_of(path)} cannot be read ({reason[:1].lower()}{reason[1:]}); "
            "check its name and its permissions.",
        ) from None


def _standard_input() -> bytes:
    # None where the caller has closed it; a closed descriptor shows only when it is read.
    try:
        return sys.stdin.buffer.read()
    except (AttributeError, OSError, ValueError):
        raise problem(
            "-", "Standard input is closed; send the table through a pipe, or name a file."
        ) from None


def _similar_file(path: str) -> str:
    folder, name = Path(path).parent, Path(path).name
    found = _files_in(folder)
    if found is None:
        return f"there is no folder {quote_path(str(folder))} either, so check the path."
    close = difflib.get_close_matches(name, found, n=1)
    return (
        f"did you mean {quote_path(str(folder / close[0]))}?" if close else "check its name and its folder."
    )


def _files_in(folder: str | Path) -> list[str] | None:
    try:
        return [entry.name for entry in os.scandir(folder) if entry.is_file()]
    except OSError:
        return None
