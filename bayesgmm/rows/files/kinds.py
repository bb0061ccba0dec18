"""Which kind of file it is, by its first bytes: a name may lie. What is packed is unpacked."""

import bz2
import gzip
import io
import lzma
import zipfile
import zlib
from collections.abc import Callable
from typing import Any

from bayesgmm.errors import FileProblem
from bayesgmm.rows.files.words import label_of, problem

__all__ = ["PACKED_ENDINGS", "check_kind", "kind_of", "unpacked"]

PACKED_ENDINGS = (".gz", ".bz2", ".xz")

_UNPACK: dict[bytes, tuple[str, Callable[[io.BytesIO], Any]]] = {
    b"\x1f\x8b": ("gzip", lambda packed: gzip.GzipFile(fileobj=packed)),
    b"BZh": ("bzip2", bz2.BZ2File),
    b"\xfd7zXZ\0": ("xz", lzma.LZMAFile),
}
# More bytes than that, from a packed file, are a mistake or a trap rather than a table.
MOST_UNPACKED = 2**32
_PIECE = 2**24

# What pyarrow reads.
_TABLES = {b"PAR1": "parquet", b"ARROW1": "feather", b"FEA1": "feather", b"\xff\xff\xff\xff": "arrow stream"}

_SHEET = "save it as csv (UTF-8) from the program that wrote it, or with pandas by to_csv"
_EXPORT = "export the table from it as csv"
_TEXT = "name the table itself, as csv, tsv, parquet or feather"
_PANDAS = "read it with pandas and write it by to_csv"
# Kinds that are not read: first bytes, name, what to do.
_OTHERS: tuple[tuple[bytes, str, str], ...] = (
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an Excel workbook of the old kind (xls)", _SHEET),
    (b"%PDF", "a PDF document", _TEXT),
    (b"SQLite format 3\0", "an SQLite database", _EXPORT),
    (b"\x89HDF\r\n\x1a\n", "an HDF5 file", _EXPORT),
    (b"CDF\x01", "a netCDF file", _EXPORT),
    (b"CDF\x02", "a netCDF file", _EXPORT),
    (b"CDF\x05", "a netCDF file", _EXPORT),
    (b"\x93NUMPY", "an array of NumPy (npy)", "load it with numpy.load and pass the array to fit"),
    (b"MATLAB 5.0", "a MATLAB file", _EXPORT),
    (b"$FL2", "an SPSS file (sav)", _PANDAS),
    (b"$FL3", "an SPSS file (zsav)", _PANDAS),
    (b"<stata_dta>", "a Stata file (dta)", _PANDAS),
    (b"RDX2", "an R data file", "write the data frame with write.csv(x, row.names = FALSE)"),
    (b"RDX3", "an R data file", "write the data frame with write.csv(x, row.names = FALSE)"),
    (b"X\n\0\0\0", "an R data file (rds)", "write the data frame with write.csv(x, row.names = FALSE)"),
    (b"ORC", "an ORC file", _PANDAS),
    (b"Obj\x01", "an Avro file", _EXPORT),
    (b"\x28\xb5\x2f\xfd", "packed by zstd", "unpack it"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", "unpack it and name the table in it"),
    (b"Rar!", "a rar archive", "unpack it and name the table in it"),
    (b"\x89PNG", "a picture (png)", _TEXT),
    (b"\xff\xd8\xff", "a picture (jpeg)", _TEXT),
    (b"GIF8", "a picture (gif)", _TEXT),
    (b"{\\rtf", "a document (rtf)", _TEXT),
    (b"\x80\x02", "a pickle of Python, which is never loaded", "write the table as csv"),
    (b"\x80\x03", "a pickle of Python, which is never loaded", "write the table as csv"),
    (b"\x80\x04", "a pickle of Python, which is never loaded", "write the table as csv"),
    (b"\x80\x05", "a pickle of Python, which is never loaded", "write the table as csv"),
)
# The same of text, in small letters and after blanks.
_OTHER_TEXTS: tuple[tuple[bytes, str, str], ...] = (
    (b"<!doctype html", "a web page", "download the table itself, not the page that shows it"),
    (b"<html", "a web page", "download the table itself, not the page that shows it"),
    (b"<?xml", "XML", _EXPORT),
    (b"[{", "JSON", _PANDAS),
    (b'{"', "JSON", _PANDAS),
    (b"version https://git-lfs", "a pointer of Git LFS", "fetch the table with git lfs pull"),
)


def unpacked(path: str, raw: bytes) -> bytes:
    """What a file holds that is packed by gzip, bzip2 or xz; any other as it is."""
    for start, (name, unpack) in _UNPACK.items():
        if raw.startswith(start):
            try:
                with unpack(io.BytesIO(raw)) as stream:
                    found = _most_of(stream)
            except (EOFError, OSError, ValueError, lzma.LZMAError, zlib.error) as error:
                raise problem(
                    path,
                    f"{label_of(path)} is packed by {name}, but cannot be unpacked "
                    f"({str(error).rstrip('.') or 'damaged'}); fetch or pack it again.",
                    kind=name,
                ) from None
            if len(found) > MOST_UNPACKED:
                raise problem(
                    path,
                    f"{label_of(path)} unpacks to more than {MOST_UNPACKED // 2**20} MiB, which is more than "
                    f"can be fitted; check what it holds, and take a part of its rows.",
                    kind=name,
                )
            return found
    return raw


def _most_of(stream: Any) -> bytes:
    """What a stream holds, up to what is too much: a small file may unpack to more than the memory."""
    pieces, size = [], 0
    while size <= MOST_UNPACKED and (piece := stream.read(_PIECE)):
        pieces.append(piece)
        size += len(piece)
    return b"".join(pieces)


def kind_of(raw: bytes) -> str | None:
    """The kind of table that pyarrow reads, or None where it is none."""
    return next((kind for start, kind in _TABLES.items() if raw.startswith(start)), None)


def check_kind(path: str, raw: bytes) -> None:
    """Refuse what is known to be no table that can be read here, by what it is."""
    if raw.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        raise _archive(path, raw)
    for start, name, advice in _OTHERS:
        if raw.startswith(start):
            raise _refused(path, name, advice)
    head = raw[:1000].removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    # White space between the brackets of JSON may be any.
    head = b"".join(head.split()) if head[:1] in b"[{" and head else head
    for start, name, advice in _OTHER_TEXTS:
        if head.startswith(start):
            raise _refused(path, name, advice)


def _refused(path: str, name: str, advice: str) -> FileProblem:
    return problem(
        path, f"{label_of(path)} is {name}, not csv, tsv, parquet or feather; {advice}.", kind=name
    )


def _archive(path: str, raw: bytes) -> FileProblem:
    """Of a zip, what it stands for: spreadsheets are archives, too."""
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            inside = archive.namelist()
            mime = archive.read("mimetype")[:200] if "mimetype" in inside else b""
    except (zipfile.BadZipFile, OSError, RuntimeError, NotImplementedError, zlib.error, EOFError):
        return _refused(path, "a damaged zip archive or workbook", "fetch it again, or " + _SHEET)
    if any(name.startswith("xl/") for name in inside):
        return _refused(path, "an Excel workbook (xlsx)", _SHEET)
    if b"opendocument.spreadsheet" in mime:
        return _refused(path, "an OpenDocument spreadsheet (ods)", _SHEET)
    if any(name.startswith("word/") for name in inside) or b"opendocument" in mime:
        return _refused(path, "a document of a word processor", _TEXT)
    if inside and all(name.endswith(".npy") for name in inside):
        return _refused(path, "a file of NumPy arrays (npz)", "load it with numpy.load and pass one to fit")
    return _refused(path, "a zip archive", "unpack it and name the table in it")
