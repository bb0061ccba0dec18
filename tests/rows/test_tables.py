"""Tables as people have them: how numbers are written, what stands above the header, packed and foreign
files, codes of missing values, columns that are left out."""

import bz2
import gzip
import io
import lzma
import re
import shlex
import time
import zipfile

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.ipc
import pytest
from numpy.testing import assert_array_equal

from bayesgmm.errors import FileProblem
from bayesgmm.rows.files import parse_columns, read_table
from bayesgmm.rows.files.evidence import Evidence
from bayesgmm.rows.files.notation import NOTATIONS, readings_one_by_one

NBSP, THIN, NARROW, MINUS = "\u00a0", "\u2009", "\u202f", "\u2212"


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(content, name="x.csv"):
    with open(name, "wb") as stream:
        stream.write(content if isinstance(content, bytes) else content.encode())
    return name


def read(content, name="x.csv", **options):
    return read_table(write(content, name), **options).rows


def problem(content, name="x.csv", **options):
    write(content, name)
    with pytest.raises(FileProblem) as caught:
        read_table(name, **options)
    return caught.value


# ------------------------------------------------------------ how numbers are written


@pytest.mark.parametrize(
    ("cells", "values"),
    [
        (["1,250,000", "30,000"], [1250000, 30000]),
        (["30,000", "1,250.5"], [30000, 1250.5]),
        (["-30,000", "+1,250.5"], [-30000, 1250.5]),
        (["1.234,5", "7,25"], [1234.5, 7.25]),
        (["1.234.567", "12"], [1234567, 12]),
        (["0,125", "30,000"], [0.125, 30]),
        (["1,5", "2"], [1.5, 2]),
        (["1 234", "12 345 678"], [1234, 12345678]),
        (["1 234,5", "7"], [1234.5, 7]),
        ([f"1{NBSP}234", f"7{THIN}250.5"], [1234, 7250.5]),
        ([f"1{NARROW}234,5", "2"], [1234.5, 2]),
        (["1'234", "7'250.5"], [1234, 7250.5]),
        (["1’234’567", "2"], [1234567, 2]),
        ([f"{MINUS}1.5", "2"], [-1.5, 2]),
        ([f"{MINUS}1,5", f"{MINUS}1.234,25"], [-1.5, -1234.25]),
        (["1,5e3", "2"], [1500, 2]),
        # As it always was: a point alone is a decimal point.
        (["1.234", "7.250"], [1.234, 7.25]),
    ],
)
@pytest.mark.parametrize("separator", [";", "\t"])
def test_notations(cells, values, separator):
    text = f"a{separator}b\n" + "".join(f"{c}{separator}{i}\n" for i, c in enumerate(cells))
    assert_array_equal(read(text).values[:, 0], values)


@pytest.mark.parametrize(
    "cell", ["1,2,3", "1,00,000", "12,345,6", "1.2.3", "1 2 3", "1,234,5", "1_000", "'1"]
)
def test_what_is_in_no_notation(cell):
    frame = pd.DataFrame({0: [cell, "1,234,567.5"]})
    assert_array_equal(Evidence(frame, [0]).reading(0).bad, [0])


@pytest.mark.parametrize("notation", NOTATIONS)
def test_many_cells_are_read_as_one_by_one(notation):
    rng = np.random.default_rng(0)
    cells = ["".join(rng.choice(list("0123456789+-.,e' \u00a0"), n)) for n in rng.integers(1, 8, 5000)]
    cells += [
        "inf",
        "-Infinity",
        "1e999",
        "+1",
        "1.",
        ",5",
        "1e-400",
        "1\n",
        "",
        "nan",
        "1.234.567,5",
        "1’234",
        "٣",
    ]
    values = notation.numbers(cells)
    assert_array_equal(values, readings_one_by_one(notation, cells))
    assert np.isfinite(values).sum() > 300


def test_a_mark_that_comes_late_rules_the_other_reading_out():
    cells = [f"{i // 1000 + 1},{i % 1000:03}" for i in range(3000)]
    for last, first in (("1,234.5", 1000), ("7,25", 1)):
        rows = read("a;b\n" + "".join(f"{cell};{i}\n" for i, cell in enumerate([*cells, last])))
        assert rows.values[0, 0] == first


def test_thousands_or_decimals(golden):
    for separator, quote in ((",", '"'), (";", "")):
        text = f"a{separator}b\n{quote}30,000{quote}{separator}1\n{quote}1,250{quote}{separator}2\n"
        found = problem(text)
        golden(found, column="a", row=1, readings=(30000.0, 30.0))
        # Another column may tell.
        told = text.replace(f"{separator}1\n", f"{separator}1.5\n")
        assert_array_equal(read(told).values[:, 0], [30000, 1250])
    told = "a;b;c\n30,000;1,5;1\n1,250;2;3\n"
    assert_array_equal(read(told, columns="a,b").values[:, 0], [30, 1.25])


def test_a_decimal_comma_elsewhere_makes_points_thousands():
    assert_array_equal(read("a;b\n1.234;1,5\n7.250;2\n").values, [[1234, 1.5], [7250, 2]])
    # A column that contradicts is read as it can be.
    assert_array_equal(read("a;b\n1.25;1,5\n7.5;2\n").values, [[1.25, 1.5], [7.5, 2]])
    # After a contradiction nothing tells of a third.
    found = problem("a;b;c\n1.25;1,5;1.234\n7.5;2;2.345\n")
    assert found.details["readings"] == (1234.0, 1.234)


def test_points_between_thousands_in_another_column_make_points_thousands():
    rows = read("pop;area\n1.234.567;1.234\n2.345.678;2.345\n3.111.222;12.345\n")
    assert_array_equal(rows.values, [[1234567, 1234], [2345678, 2345], [3111222, 12345]])
    # Zeros at the end are digits as well, and cells may be missing.
    rows = read("pop;area;n\n1.234.567;1.000;5\n2.345.678;;\n3.111.222;2.000;7\n", drop_missing=True)
    assert_array_equal(rows.values, [[1234567, 1000, 5], [3111222, 2000, 7]])


def test_a_column_that_nobody_asked_for_proves_nothing(golden):
    text = 'w,tags\n1.234,"1,2"\n2.345,"3,4"\n3.456,"1,3"\n'
    for options in ({"columns": "w"}, {"left_out": "tags"}, {"id_column": "tags"}):
        assert_array_equal(read(text, **options).values[:, 0], [1.234, 2.345, 3.456])
    # Among columns that are separated by commas, three decimals are more likely than thousands.
    golden(problem(text), column="w", row=1, readings=(1234.0, 1.234))
    assert_array_equal(read(text.replace("1.234", "1.2340")).values[:, 1], [1.2, 3.4, 1.3])
    told = "a;b;c\n30,000;1,5;1\n1,250;2;3\n"
    assert problem(told, columns="a").details["readings"] == (30000.0, 30.0)


def test_thousands_beside_small_whole_numbers(golden):
    text = "pop;area\n1.234;5\n567;6\n12.345;7\n"
    golden(problem(text), column="pop", row=1, readings=(1234.0, 1.234))
    assert problem("sep=;\n" + text.replace("12.345", "2.000")).details["column"] == "pop"
    assert problem("sep=;\na\n1.000\n5\n\n").details["readings"] == (1000.0, 1.0)
    # What another column, or another number of decimals, proves.
    assert_array_equal(read(text.replace(";5", ";5.5")).values[:, 0], [1.234, 567, 12.345])
    assert_array_equal(read(text.replace(";5", ";5,5")).values[:, 0], [1234, 567, 12345])
    assert_array_equal(read(text.replace("567", "567.0")).values[:, 0], [1.234, 567, 12.345])
    assert_array_equal(read(text.replace(";", ",")).values[:, 0], [1.234, 567, 12.345])
    # A code is no small number.
    rows = read(text.replace("567", "-99"), missing_values="-99", drop_missing=True)
    assert_array_equal(rows.values[:, 0], [1.234, 12.345])


@pytest.mark.parametrize(
    "cells",
    [
        ["192.168.100.101", "192.168.100.102", "192.168.100.103"],
        ["10.168.100.101", "192.168.100.102", "192.168.100.103"],
        ["555 123 456", "555 123 457", "612 345 678"],
        ["12 345 678 901", "98 765 432 109", "11 222 333 444"],
        ["+48 555 123 456", "+48 555 123 457", "+48 612 345 678"],
    ],
)
def test_identifiers_are_no_measurements(cells, golden):
    text = "n;w\n" + "".join(
        f"{cell};{w}\n" for cell, w in zip(cells, ("1.234", "2.345", "3.456"), strict=True)
    )
    golden(problem(text), column="n", row=1)
    # They prove nothing either.
    assert_array_equal(read(text, columns="w").values[:, 0], [1.234, 2.345, 3.456])


def test_grouped_numbers_with_evidence_are_measurements():
    for cells, values in (
        (["12.345.678", "1.234.567"], [12345678, 1234567]),
        (["123 456 789", "12"], [123456789, 12]),
        (["123 456 789,5", "123 456 788,5"], [123456789.5, 123456788.5]),
        (["-123 456 789", "123 456 788"], [-123456789, 123456788]),
        (["1 234", "5 678"], [1234, 5678]),
    ):
        text = "n;w\n" + "".join(f"{cell};{i}\n" for i, cell in enumerate(cells))
        assert_array_equal(read(text).values[:, 0], values)


def test_a_column_is_read_in_one_notation_or_not_at_all():
    found = problem("a;b\n1,250,000;1\n1.5.2;2\n3,000;3\n4;4\n")
    assert (found.details["column"], found.details["row"]) == ("a", 2)
    found = problem("a;b\n1,250.5;1\n1.250,5;2\n3,000;3\n1,100.5;4\n")
    assert found.details["row"] == 2


def test_spaces_of_a_file_that_is_one_column_separate_columns():
    assert problem("a b\n1 234\n5 678\n").details["column"] == "a b"
    assert_array_equal(read("population\n1 234\n5 678\n").values[:, 0], [1234, 5678])


@pytest.mark.parametrize("seed", range(5))
def test_written_with_thousands_apart_and_read_again(seed):
    rng = np.random.default_rng(seed)
    x = np.round(rng.normal(0, 10.0 ** rng.integers(3, 8), (60, 3)), 2)
    x[0] = 1234567.25
    for decimal, thousands in ((".", ","), (",", "."), (",", " "), (",", NARROW), (".", "'"), (",", "")):
        swap = str.maketrans({",": thousands, ".": decimal})
        lines = [";".join(f"{v:,.2f}".translate(swap) for v in row) for row in x]
        assert_array_equal(read("a;b;c\n" + "\n".join(lines)).values, x)


def test_a_large_table_with_thousands_is_read_quickly():
    x = np.random.default_rng(0).integers(0, 10**7, (50_000, 2))
    write("a;b\n" + "".join(f"{a:,};{b:,}\n" for a, b in x))
    start = time.process_time()
    assert_array_equal(read_table("x.csv").rows.values, x)
    # About 1 s; the bound leaves room for a slow machine.
    assert time.process_time() - start < 8


def seconds(**options):
    start = time.process_time()
    rows = read_table("x.csv", **options).rows
    return time.process_time() - start, rows


def test_one_text_with_a_mark_costs_little():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(50_000, 10)))
    plain = frame.to_csv(index=False, header=[f"c{j}" for j in range(10)])
    write(plain)
    base, rows = seconds()
    lines = plain.splitlines()
    write(
        "\n".join(
            [
                f"{lines[0]},note",
                *(f'{line},"{"5,4" if i == 7 else "a"}"' for i, line in enumerate(lines[1:])),
            ]
        )
    )
    for options in ({"left_out": "note"}, {"columns": ",".join(rows.names)}):
        took, found = seconds(**options)
        assert_array_equal(found.values, rows.values)
        # The bound leaves room for a slow machine; it was 20 times as long.
        assert took < 3 * base + 0.3


def test_decimal_commas_are_read_quickly():
    x = np.random.default_rng(0).normal(size=(50_000, 10))
    frame = pd.DataFrame(x)
    write(frame.to_csv(index=False, sep=";", header=list("abcdefghij")))
    base, rows = seconds()
    write(frame.to_csv(index=False, sep=";", decimal=",", header=list("abcdefghij")))
    took, found = seconds()
    assert_array_equal(found.values, rows.values)
    assert took < 5 * base + 0.5


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "utf-8-sig"])
def test_encodings_with_a_mark(encoding):
    assert_array_equal(read("a,é\r\n1,2\r\n3,4\r\n".encode(encoding)).values, [[1, 2], [3, 4]])


# ------------------------------------------------------------ above the header


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("sep=;\na;b\n1;2\n3;4\n", "ab"),
        ('\ufeff"sep=;"\r\na;b\r\n1;2\r\n3;4\r\n', "ab"),
        ("SEP=|\na|b\n1|2\n3|4\n", "ab"),
        ("# made by me, 2024\n#\na,b\n1,2\n3,4\n", "ab"),
        ("% made by me\n\na;b\n1;2\n3;4\n", "ab"),
        ("# made by me\n# a, b\n1,2\n3,4\n", "ab"),
        ("#,b\n1,2\n3,4\n", "#b"),
        ("%,b\n1,2\n3,4\n", "%b"),
        ("# it's \"odd\na,b\n1,2\n3,4\n", "ab"),
    ],
)
def test_above_the_header(text, names):
    rows = read(text)
    assert "".join(rows.names) == names
    assert_array_equal(rows.values, [[1, 2], [3, 4]])


def test_a_name_that_begins_with_the_mark_of_a_comment_stays():
    assert read("#id,a\nx,1\ny,2\n", id_column="#id").names == ("a",)
    assert read("size,2019\n1,2\n3,4\n").names == ("size", "2019")
    assert read("# c\nsize,year\n1,2\n3,4\n").names == ("size", "year")


@pytest.mark.parametrize(
    ("first", "second"),
    [("1'663,5;−2,5", "7;3"), ("1.234,5;?", "1;2"), ("NA;1 234,5", "1;2"), ("#DIV/0!;1,5", "2;3")],
)
@pytest.mark.parametrize("mark", ["#", "%", "# "])
def test_a_header_with_the_mark_of_a_comment_is_never_lost(mark, first, second):
    """Found by random tables: the row below it was taken for the header."""
    write(f"{mark}n,a;2019\n{first}\n{second}\n9;8\n5;7\n")
    rows = read_table("x.csv", missing_values="?,#DIV/0!", drop_missing=True).rows
    assert rows.names[1] == "2019"
    assert rows.index[-1] == 4


def test_a_column_with_decimal_commas_alone(golden):
    golden(problem("a\n1,5\n2,5\n"), row=1)
    assert_array_equal(read("sep=;\na\n1,5\n2,5\n").values, [[1.5], [2.5]])


def test_titles_above_years_and_decimal_commas():
    write("Population of towns\n\ntown;area;2020\na;1,5;2\nb;2,5;4\n")
    with pytest.warns(UserWarning, match="taken for a title"):
        rows = read_table("x.csv", left_out="town").rows
    assert_array_equal(rows.values, [[1.5, 2], [2.5, 4]])


@pytest.mark.parametrize(
    "title",
    ["Results of spring\n", "Results\n\n", "Results,,\n", "Station: Kiel\nDate, 2020\n", "A\nB\nC\n\n\n"],
)
def test_titles_are_told(title, golden):
    write(f"{title}a,b,c\n1,2,3\n3,4,6\n")
    with pytest.warns(UserWarning, match="taken for a title") as caught:
        rows = read_table("x.csv").rows
    assert rows.names == ("a", "b", "c")
    golden(str(caught[0].message))
    with pytest.warns(UserWarning, match="taken for a title"):
        found = problem(f"{title}a,b,c\n1,2,3\n3,x,6\n4,5,9\n1,1,2\n")
    assert found.details["row"] == 2


def test_no_header_is_taken_for_a_title():
    assert problem("a,b\n1,2,3\n2,3,4\n").details["row"] == 1
    assert problem(",a,b\n0,1,2\n1,2,3\n").details["column_number"] == 1


@pytest.mark.parametrize(
    "text",
    [
        "site,count\nA12,1,5\n13,2,6\n14,3,7\n15,9,9\n",
        "site,count\nA12,low,5\n13,2,6\n14,3,7\n",
        "site,count\nA12,low,high\n13,2,6\n14,3,7\n",
        "site\nA12,1,5\n13,2,6\n14,3,7\n",
        "site\nA12,2019,2020\n13,2018,2020\n14,3,7\n",
    ],
)
def test_no_row_is_taken_for_a_header(text, golden):
    golden(problem(text), row=1)


def test_a_header_of_years_below_a_title_or_a_comment():
    assert problem("# by year, thousands\n2019,2020\n1,2\n3,4\n").details["line"] == 1
    write("Population\ntown,2019,2020\n1,2,3\n2,5,9\n")
    with pytest.warns(UserWarning, match="taken for a title"):
        assert read_table("x.csv").rows.names == ("town", "2019", "2020")


def test_several_comments_that_may_name_the_columns(golden):
    for text in ("# x,y\n# units: m,s\n1,2\n3,4\n", "# made by me, 2024\n# x,y\n1,2\n3,4\n"):
        write(text)
        with pytest.warns(UserWarning, match="comment") as caught:
            rows = read_table("x.csv").rows
        assert rows.names == ("x", "y")
        assert_array_equal(rows.values, [[1, 2], [3, 4]])
        golden(str(caught[0].message))
    # Any comment fits a single column; the nearest one names it.
    write("# made by me\n# x\n1\n2\n")
    with pytest.warns(UserWarning, match="comment"):
        assert read_table("x.csv").rows.names == ("x",)


def test_the_line_of_a_row_counts_what_stands_above():
    found = problem("sep=;\n# c\n\na;b\n1;2\n3;4,x\n5;6\n7;8\n")
    assert re.search(r"row 2 \(line 6\)", str(found))
    assert re.search(r"^Line 7 ", str(problem("# c\n# d\n\na,b\n1,2\n3,4\n1,2,3\n")))


ARFF = """% of 1988
@RELATION iris

@attribute 'sepal length' NUMERIC
@attribute width real % in cm
@attribute class {a,'b c'}
@DATA
1,2,a
% a comment
3,?,'b c'

4,5.5,a
"""


def test_arff():
    rows = read(ARFF, "x.arff", left_out="class", drop_missing=True)
    assert rows.names == ("sepal length", "width")
    assert_array_equal(rows.values, [[1, 2], [4, 5.5]])
    assert list(rows.index) == [1, 3]


def test_arff_that_is_not_read(golden):
    golden(problem("@relation x\n@attribute a numeric\n@data\n{0 1}\n"), kind="sparse ARFF")
    golden(problem("@relation x\n@data\n1\n"))
    golden(problem("@relation x\n@attribute a numeric\n@data\n"))


# ------------------------------------------------------------ rows that are no observations


def test_a_row_of_units(golden):
    golden(problem("a,b\ncm,kg\n1,2\n3,5\n"), row=1, columns=["a", "b"])
    golden(problem("a,b,c\ncm,kg,7\n1,2,3\n3,5,4\n"), row=1)
    golden(problem("a,b\nlength,weight\ncm,kg\n1,2\n3,5\n5,5\n"), row=1)
    golden(problem("a,b\n1,2\n3,5\n7,1\nx,y\n"), row=4)


def test_a_repeated_header(golden):
    golden(problem("a,b\n1,2\na,b\n3,5\n"), row=2)
    golden(problem("a,b\n1,2\na,b\n3,5\n7,8\na,b\n"), row=2)


def test_a_minus_of_its_own_in_every_column():
    assert_array_equal(read(f"a,b\n{MINUS}1.5,{MINUS}2\n3,{MINUS}4\n").values, [[-1.5, -2], [3, -4]])


# ------------------------------------------------------------ packed and foreign files


@pytest.mark.parametrize(("module", "ending"), [(gzip, "gz"), (bz2, "bz2"), (lzma, "xz")])
def test_packed_files(module, ending, golden):
    packed = module.compress(b"a\tb\n1\t2\n3\t4\n" * 1)
    for name in (f"x.tsv.{ending}", "x.csv"):
        assert_array_equal(read(packed, name).values, [[1, 2], [3, 4]])
    golden(problem(packed[:-9]), hide=[r"(?<=\().*(?=\);)"])


def test_feather_and_arrow_and_parquet_under_any_name():
    frame = pd.DataFrame({"a": [1.5, 2, 3], "s": list("xyz"), "b": [3, 4, 6]})
    wanted = frame[["a", "b"]].to_numpy()
    for compression in ("lz4", "zstd", "uncompressed"):
        frame.to_feather("x.feather", compression=compression)
        assert_array_equal(read_table("x.feather", left_out="s").rows.values, wanted)
    table, stream = pa.Table.from_pandas(frame), io.BytesIO()
    with pa.ipc.new_stream(stream, table.schema) as writer:
        writer.write_table(table)
    frame.to_parquet("x.dat")
    with open("x.dat", "rb") as parquet:
        packed = gzip.compress(parquet.read())
    for content in (stream.getvalue(), packed):
        assert_array_equal(read(content, "x.csv", columns="a,b").values, wanted)
    assert_array_equal(read("a,b\n1,2\n3,4\n", "x.parquet").values, [[1, 2], [3, 4]])


def test_a_small_file_that_unpacks_to_an_absurd_size(monkeypatch, golden):
    monkeypatch.setattr("bayesgmm.rows.files.kinds.MOST_UNPACKED", 2**20)
    for module in (gzip, bz2, lzma):
        assert len(read(module.compress(b"a,b\n" + b"1,2\n3,4\n" * 1000))) == 2000
        golden(problem(module.compress(b"0" * 2**21)))


def zipped(*names, **content):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name in names:
            archive.writestr(name, content.get(name, "x"))
    return stream.getvalue()


FOREIGN = {
    "xlsx": zipped("[Content_Types].xml", "xl/workbook.xml"),
    "ods": zipped("mimetype", mimetype="application/vnd.oasis.opendocument.spreadsheet"),
    "docx": zipped("word/document.xml"),
    "npz": zipped("a.npy"),
    "zip": zipped("a.csv"),
    "damaged zip": zipped("a.csv")[:30],
    "xls": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(100),
    "pdf": b"%PDF-1.7\n%\xe2\xe3",
    "sqlite": b"SQLite format 3\0" + bytes(100),
    "hdf5": b"\x89HDF\r\n\x1a\n" + bytes(100),
    "netcdf": b"CDF\x01" + bytes(100),
    "npy": b"\x93NUMPY\x01\0",
    "pickle": b"\x80\x04\x95\0",
    "rds": gzip.compress(b"X\n\0\0\0\x03\0\x04"),
    "sav": b"$FL2@(#) SPSS DATA FILE",
    "zstd": b"\x28\xb5\x2f\xfd\x04",
    "html": b"\n<!DOCTYPE html>\n<html><table>",
    "xml": b"\xef\xbb\xbf<?xml version='1.0'?>",
    "json": b'[\n  {"a": 1, "b": 2}]',
    "lfs": b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n",
    "png": b"\x89PNG\r\n\x1a\n",
}


@pytest.mark.parametrize("kind", FOREIGN)
def test_foreign_files_are_named(kind, golden):
    found = problem(FOREIGN[kind])
    assert found.details["kind"]
    golden(found)


def test_damaged_tables_of_arrow(golden):
    pd.DataFrame({"a": [1.5, 2]}).to_feather("x.feather")
    with open("x.feather", "rb") as stream:
        golden(problem(stream.read()[:60]), hide=[r"(?<=\().*(?=\);)"])


# ------------------------------------------------------------ missing values


CODES = "a,b\n1,{}\n2,5\n3,6\n4,7\n5,{}\n6,9\n"


@pytest.mark.parametrize("code", [".", "?", "-", "--", "#DIV/0!", "missing", "n.d.", "*", "x"])
def test_codes_of_missing_values(code, golden):
    text = CODES.format(code, code)
    found = problem(text)
    golden(found, column="b", row=1)
    (_, _, option) = str(found).partition("--missing-values ")
    given, drop = shlex.split(option.removesuffix("."))
    assert drop == "--drop-missing"
    for missing in (given, [code]):
        rows = read(text, missing_values=missing, drop_missing=True)
        assert_array_equal(rows.values[:, 1], [5, 6, 7, 9])


def test_what_is_always_missing():
    for code in ("", "NA", "NULL", "null", "#N/A", "nan", "N/A", "None"):
        assert len(read(CODES.format(code, code), drop_missing=True)) == 4


def test_several_codes_in_several_columns(golden):
    text = "a,b,c\n1,.,2\n2,5,-\n?,6,1\n4,7,7\n5,?,8\n6,9,9\n"
    found = problem(text)
    golden(found, columns=["a", "b", "c"])
    assert len(read(text, missing_values=".,-,?", drop_missing=True)) == 2


def test_a_mistyped_number_is_not_called_missing(golden):
    golden(problem("a,b\n1,2\n2,1.2.3\n3,4\n4,5\n"), column="b", row=2)


def test_numbers_that_stand_for_missing_values():
    text = "id,a,b\n-999,1,-999\n2,2,-999.0\n3,3,4\n4,-999,5\n5,7,9\n"
    rows = read(text, id_column="id", missing_values="-999", drop_missing=True)
    assert_array_equal(rows.values, [[3, 4], [7, 9]])
    assert list(rows.index) == [3, 5]
    frame = pd.DataFrame({"a": [1, -999, 3], "b": [1.5, 2, 3]})
    frame.to_parquet("x.parquet")
    assert len(read_table("x.parquet", missing_values=[-999], drop_missing=True).rows) == 2


@pytest.mark.parametrize(
    ("cells", "code"),
    [
        (["1,5", "-999,00", "2,5"], "-999"),
        (["1.5", f"{MINUS}999", "2.5"], "-999"),
        (["1,500.5", "-9,999.0", "7.5"], "-9999"),
        (["1.234,5", "-9.999", "7,5"], "-9999"),
        (["1,5", "-999.0", "2,5"], "-999"),
        (["1 500", "-9 999,0", "2 500"], "-9999"),
        (["1,5", "-999,00", "2,5"], "-999,00"),
        (["1.5", "9.99e2", "2.5"], "999"),
    ],
)
def test_a_code_that_is_a_number_stands_for_all_ways_to_write_it(cells, code):
    text = "a;b\n" + "".join(f"{cell};{i}\n" for i, cell in enumerate(cells))
    rows = read(text, missing_values=[code], drop_missing=True)
    assert_array_equal(rows.values[:, 1], [0, 2])
    assert rows.values.min() >= 0


def test_a_code_is_compared_after_its_column_was_read():
    text = "a;b\n1.234.567;1,5\n1.234;2,5\n7;3,5\n"
    assert read(text, missing_values="1.234", drop_missing=True).values[:, 0].tolist() == [1234567, 7]
    assert len(read(text, missing_values="1234", drop_missing=True)) == 2
    assert len(read(text, missing_values=["3.5"], drop_missing=True)) == 2


# ------------------------------------------------------------ columns that are left out


def test_texts_are_left_out_and_codes_taken_as_missing(golden):
    text = "name,a,b,c\nx,1,?,3\ny,2,3,4\nz,3,4,1\nw,5,6,2\n"
    found = problem(text)
    golden(found, column="name", columns=["name", "b"])
    rows = pasted(text, found)
    assert rows.names == ("a", "b", "c")
    assert_array_equal(rows.values[:, 1], [3, 4, 6])
    text = wide(30, "s").replace(",7,", ",?,")
    found = problem(text)
    golden(found)
    assert pasted(text, found).n_features == 30


def pasted(text, found):
    """The rows that the options at the end of a message read."""
    options = shlex.split(str(found).removesuffix(".")[str(found).index(" --") :])
    given, names = {}, {"--columns": "columns", "--except": "left_out", "--missing-values": "missing_values"}
    for option, value in zip(options, [*options[1:], ""], strict=True):
        if option in names:
            given[names[option]] = value
    return read(text, **given, drop_missing="--drop-missing" in options)


def wide(n, name="name"):
    rng = np.random.default_rng(n)
    header = [name, *(f"g{j}" for j in range(n))]
    lines = [",".join([f"s{i}", *map(str, rng.integers(0, 99, n))]) for i in range(30)]
    return "\n".join([",".join(header), *lines])


@pytest.mark.parametrize("n", [2, 6, 7, 20, 21, 60, 300])
def test_no_suggestion_fails_when_pasted(n):
    text = wide(n)
    found = str(problem(text)).removesuffix(".")
    option, value = shlex.split(found[found.index(" --") :])
    names = {"--columns": "columns", "--except": "left_out"}
    assert read(text, **{names[option]: value}).n_features == n
    assert "more" not in found


def test_a_text_column_among_many(golden):
    golden(problem(wide(60)), column="name", columns=["name"])
    golden(problem(wide(60, "")), column_number=1)
    assert read(wide(60, ""), left_out='""').n_features == 60


def test_columns_that_would_be_refused_next_are_left_out_as_well(golden):
    lines = [line + (",k,z,NA" if i == 0 else ",7,,") for i, line in enumerate(wide(10).splitlines())]
    found = problem("\n".join(lines))
    golden(found)
    option = shlex.split(str(found).removesuffix("."))[-1]
    assert read("\n".join(lines), left_out=parse_columns(option)).n_features == 10


def test_missing_values_of_suggested_columns(golden):
    golden(problem("s,a,b\nx,1,2\ny,3,\nz,4,5\n"), column="s")


def test_columns_that_cannot_be_left_out(golden):
    text = "a,b,c\n1,2,3\n3,4,5\n"
    assert read(text, left_out="b").names == ("a", "c")
    assert read(text, left_out=["b", "c"]).names == ("a",)
    golden(problem(text, left_out="d"), column="d")
    golden(problem(text, left_out="a", columns="a,b"), column="a")
    golden(problem(text, left_out="a", id_column="a"), column="a")
    golden(problem(text, left_out="a,b,c"), columns=["a", "b", "c"])


def test_what_is_left_out_is_not_looked_at():
    assert read("a,a,b\n1,2,x\n3,4,y\n".replace("a,a", "a,c"), left_out="b").names == ("a", "c")
    assert read("a,a,b\n1,2,3\n3,4,7\n", left_out="a").names == ("b",)
    # Not even as evidence of how numbers are written.
    assert problem("a;b\n30,000;1.5\n1,250;2.5\n", left_out="b").details["readings"] == (30000.0, 30.0)
