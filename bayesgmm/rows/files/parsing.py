"""From bytes to columns, whatever these hold."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from bayesgmm.rows.files.kinds import check_kind, kind_of, unpacked
from bayesgmm.rows.files.source import Source
from bayesgmm.rows.files.text import parse_text
from bayesgmm.rows.files.words import label_of, problem
from bayesgmm.support.sentences import shorten

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["parse"]


def parse(
    path: str,
    raw: bytes,
    id_column: str | None = None,
    left_out: Sequence[str] = (),
    codes: Sequence[str] = (),
    asked_for: Sequence[str] | None = None,
) -> Source:
    """The columns of a file.

    Parameters
    ----------
    path : str
        What the file is called.
    raw : bytes
        What it holds.
    id_column : str, optional
        The column that names the rows, whose cells in text are taken as they are: 007 and NA are names.
    left_out : sequence of str, optional
        Columns that are not looked at.
    codes : sequence of str, optional
        What cells hold in place of a missing value.
    asked_for : sequence of str, optional
        Columns to be taken; all others but for `left_out` and `id_column`, if not given.
    """
    raw = unpacked(path, raw)
    kind = kind_of(raw)
    if kind is not None:
        source = _parse_arrow(path, raw, kind)
    else:
        check_kind(path, raw)
        # A file of that name which is text is one of text; another one is damaged.
        is_named_so = path.lower().endswith(".parquet") and not _is_text(raw)
        source = _parse_arrow(path, raw, "parquet") if is_named_so else parse_text(path, raw, id_column)
    return replace(
        source,
        id_column=id_column,
        left_out=tuple(left_out),
        codes=tuple(codes),
        asked_for=None if asked_for is None else tuple(asked_for),
    )


def _is_text(raw: bytes) -> bool:
    try:
        return "\0" not in raw.decode()
    except UnicodeDecodeError:
        return False


def _parse_arrow(path: str, raw: bytes, kind: str) -> Source:
    import pyarrow as pa

    try:
        frame = _read_arrow(pa.BufferReader(raw), kind)
    except (pa.ArrowException, OSError, ValueError) as error:
        reason = shorten((str(error).splitlines() or ["damaged"])[0].rstrip("."), 120)
        raise problem(
            path, f"{label_of(path)} cannot be read as {kind} ({reason}); write it again."
        ) from None
    if any(name is not None for name in frame.index.names):
        # A named index is a column of the file like any other; an unnamed one only numbers the rows.
        frame = frame.reset_index(allow_duplicates=True)
    names = [str(name).strip() for name in frame.columns]
    frame.columns = range(len(names))
    for j in frame.columns:
        if frame[j].dtype == object:
            frame[j] = frame[j].map(_as_text)
    return Source(path, names, frame, is_text=False)


def _as_text(cell: object) -> object:
    return cell.decode(errors="backslashreplace") if isinstance(cell, bytes) else cell


def _read_arrow(stream: Any, kind: str) -> "pd.DataFrame":
    import pyarrow.feather
    import pyarrow.ipc
    import pyarrow.parquet

    if kind == "parquet":
        table = pyarrow.parquet.read_table(stream)
    elif kind == "feather":
        table = pyarrow.feather.read_table(stream)
    else:
        table = pyarrow.ipc.open_stream(stream).read_all()
    return table.to_pandas()
