"""Reading tables: values against numpy's own, and each problem by its full sentence."""

import errno
import io
import os
import re
import shlex
import time
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal

from bayesgmm import datasets
from bayesgmm.errors import FileProblem
from bayesgmm.rows.files import Table, parse_columns, read_table

LONG = "n" * 10_000
ODD = '<b onclick="x">it\'s, é 😀</b>'


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(content, name="x.csv"):
    data = content if isinstance(content, bytes) else content.encode()
    with open(name, "wb") as stream:
        stream.write(data)
    return name


def read(content, name="x.csv", **options):
    return read_table(write(content, name), **options)


def problem(content, name="x.csv", **options):
    """The sentence of the problem that this content makes."""
    return problem_of(write(content, name), **options)


def problem_of(path, **options):
    with pytest.raises(FileProblem) as caught:
        read_table(path, **options)
    assert caught.value.details["path"] == os.fspath(path)
    return str(caught.value)


def csv_field(name):
    return '"' + name.replace('"', '""') + '"'


# ------------------------------------------------------------ what can be read


@pytest.mark.parametrize(
    ("content", "name"),
    [
        ("a,b\n1,2\n3,4.5\n", "x.csv"),
        ("a,b\n1,2\n3,4.5", "x.csv"),
        ("a,b\r\n1,2\r\n3,4.5\r\n", "x.csv"),
        ("a,b\r1,2\r3,4.5\r", "x.csv"),
        ("\ufeffa,b\n1,2\n3,4.5\n", "x.csv"),
        ("\n\na,b\n1,2\n\n3,4.5\n\n\n", "x.csv"),
        ('"a","b"\n"1",2\n3,"4.5"\n', "x.csv"),
        ("a, b\n 1, 2\n3 ,4.5\n", "x.csv"),
        ("a;b\n1;2\n3;4.5\n", "x.csv"),
        ("a\tb\n1\t2\n3\t4.5\n", "x.tsv"),
        ("a\tb\n1\t2\n3\t4.5\n", "x.txt"),
        ("a\tb\n1\t2\n3\t4.5\n", "X.TSV"),
    ],
)
def test_forms_of_text(content, name):
    table = read(content, name)
    assert isinstance(table, Table)
    assert_array_equal(table.X, [[1, 2], [3, 4.5]])
    assert table.X.dtype == np.float64 and table.X.flags["C_CONTIGUOUS"]
    assert table.names == ["a", "b"]
    assert table.dropped == 0
    assert_array_equal(table.row_numbers, [1, 2])
    assert table.path == name


def test_path_object_and_columns_in_the_order_asked_for():
    path = datasets.penguins().path
    table = read_table(path, columns=["body_mass_g", "bill_length_mm"], drop_missing=True)
    assert_array_equal(table.X, datasets.penguins().X[:, [3, 0]])
    assert table.names == ["body_mass_g", "bill_length_mm"]
    assert table.dropped == 2
    assert_array_equal(table.row_numbers, np.delete(np.arange(344), [3, 271]) + 1)
    assert table.path == str(path)


def test_values_are_read_to_the_last_digit():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((500, 3)) * 10.0 ** rng.integers(-20, 20, (500, 3))
    text = "a,b,c\n" + "\n".join(",".join(map(repr, row)) for row in x.tolist())
    assert_array_equal(read(text).X, x)


def test_integers_beyond_64_bits_are_numbers():
    assert_array_equal(read(f"a,b\n1{'0' * 30},1\n3,2\n").X, [[1e30, 1], [3, 2]])


def test_the_comma_of_a_name_is_not_the_separator():
    table = read("length, in mm;width, in mm;n, total\n1.5;2;3\n3;4;4\n")
    assert table.names == ["length, in mm", "width, in mm", "n, total"]


def test_spaces_after_the_separator():
    table = read('a, "b, c"\n1, NA\n2, 3\n4, "5"\n', drop_missing=True)
    assert table.names == ["a", "b, c"]
    assert_array_equal(table.X, [[2, 3], [4, 5]])


def test_standard_input(monkeypatch):
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(b"a,b\n1,2\n3,4\n")))
    table = read_table("-")
    assert_array_equal(table.X, [[1, 2], [3, 4]])
    assert table.path == "-"


def test_parquet_by_suffix_and_by_first_bytes():
    frame = pd.DataFrame({"a": [1.5, 2, 3], "b": pd.array([1, None, 3], dtype="Int64"), "s": list("xyz")})
    frame.to_parquet("x.parquet")
    os.link("x.parquet", "x.dat")
    for name in ("x.parquet", "x.dat"):
        table = read_table(name, columns="a,b", drop_missing=True)
        assert_array_equal(table.X, [[1.5, 1], [3, 3]])
        assert_array_equal(table.row_numbers, [1, 3])


def test_parquet_index_is_a_column_only_if_it_has_a_name():
    frame = pd.DataFrame({"a": [1.5, 2, 3]}, index=[7, 8, 10])
    frame.to_parquet("x.parquet")
    assert read_table("x.parquet").names == ["a"]
    frame.rename_axis("id").to_parquet("x.parquet")
    table = read_table("x.parquet")
    assert table.names == ["id", "a"]
    assert_array_equal(table.X[:, 0], [7, 8, 10])


@pytest.mark.parametrize("name", [ODD, LONG, "two\nlines", "'", '"', "a;b", "--columns", "é" * 70])
def test_odd_names(name):
    text = f"{csv_field(name)},y\n1,2\n3,4\n"
    assert read(text).names == [name, "y"]
    table = read(text, columns=[name])
    assert table.names == [name]
    assert_array_equal(table.X, [[1], [3]])


def test_parse_columns():
    assert parse_columns("a, b c ,d") == ["a", "b c", "d"]
    assert parse_columns('"a,b",c,"d""e"') == ["a,b", "c", 'd"e']


def test_dropping_rows_with_missing_values_looks_at_the_chosen_columns_only():
    text = "a,b,c\n1,,NA\n2,3,nan\n,,\n5,6,1\n"
    table = read(text, columns="a,b", drop_missing=True)
    assert_array_equal(table.X, [[2, 3], [5, 6]])
    assert table.dropped == 2
    assert_array_equal(table.row_numbers, [2, 4])
    assert read(text, columns="b,a", drop_missing=True).X[0].tolist() == [3, 2]


def test_an_empty_line_is_a_missing_value_where_there_is_one_column():
    table = read("a\n1\n\n3\n\n", drop_missing=True)
    assert_array_equal(table.X, [[1], [3]])
    assert table.dropped == 1
    assert_array_equal(table.row_numbers, [1, 3])


def test_a_single_row_is_not_called_constant():
    assert_array_equal(read("a,b\n1,2\n").X, [[1, 2]])


def test_whole_numbers_among_names_are_names():
    assert read("size,2019\n1,2\n3,4\n").names == ["size", "2019"]


def test_columns_chosen_by_name_are_names_even_if_they_are_numbers():
    assert_array_equal(read("2019,2020\n1,2\n3,4\n", columns=["2020"]).X, [[2], [4]])


def test_columns_without_a_name_may_be_left_alone():
    assert_array_equal(read(",a,s\n1,2,x\n2,3,y\n", columns="a").X, [[2], [3]])


def test_a_large_table_is_read_quickly():
    rng = np.random.default_rng(0)
    x = rng.integers(0, 1000, (100_000, 4)) / 8
    pd.DataFrame(x, columns=list("abcd")).to_csv("x.csv", index=False)
    start = time.process_time()
    assert_array_equal(read_table("x.csv").X, x)
    # About 0.1 s of processor time; the bound leaves room for a slow machine.
    assert time.process_time() - start < 2


# ------------------------------------------------------------ no such file, or no table in it


def test_missing_file():
    write("a\n1\n", "penguins.csv")
    assert problem_of("penguin.csv") == "There is no file 'penguin.csv'; did you mean 'penguins.csv'?"
    assert problem_of("zzz") == "There is no file 'zzz'; check its name and its folder."
    assert (
        problem_of("no/x.csv")
        == "There is no file 'no/x.csv'; there is no folder 'no' either, so check the path."
    )


def test_missing_file_in_another_folder(folder):
    (folder / "data").mkdir()
    nothing = os.path.join("data", "x.csv")
    assert problem_of(nothing) == f"There is no file {nothing!r}; check its name and its folder."
    write("a\n1\n", "data/penguins.csv")
    nearly = os.path.join("data", "pengiuns.csv")
    right = os.path.join("data", "penguins.csv")
    assert problem_of(nearly) == f"There is no file {nearly!r}; did you mean {right!r}?"


def test_directory(folder):
    (folder / "data").mkdir()
    assert problem_of("data") == "'data' is a directory; name a file in it, a csv, tsv or parquet file."
    write("", "data/a.txt")
    write("a\n1\n", "data/b.csv")
    write("a\n1\n", "data/c.csv")
    b = os.path.join("data", "b.csv")
    assert problem_of("data") == f"'data' is a directory; name a file in it, such as {b!r}."


def test_names_that_no_file_can_have():
    assert (
        problem_of("a\0b")
        == "'a\\x00b' cannot be read (embedded null byte); check its name and its permissions."
    )
    assert problem_of("x" * 1000) == (
        f"'…{'x' * 59}' cannot be read (file name too long); check its name and its permissions."
    )


def test_forbidden_file(monkeypatch):
    def refuse(path):
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    # Not by chmod: root may read every file.
    monkeypatch.setattr("pathlib.Path.read_bytes", refuse)
    assert problem_of("x.csv") == (
        "'x.csv' cannot be read (permission denied); check its name and its permissions."
    )


@pytest.mark.parametrize("content", ["", "\n\n", "  \n", "\ufeff"])
def test_empty_file(content):
    assert problem(content) == (
        "'x.csv' is empty; it needs a header line with column names and one line per observation."
    )


def test_header_only():
    assert problem("a,b\n") == (
        "'x.csv' names 2 columns ('a', 'b') but has no rows; it needs one row per observation."
    )
    assert problem("a,b,c,d,e,f,g") == (
        "'x.csv' names 7 columns ('a', 'b', 'c', 'd', 'e' and 2 more) but has no rows; "
        "it needs one row per observation."
    )
    pd.DataFrame({"a": []}).to_parquet("x.parquet")
    assert problem_of("x.parquet") == (
        "'x.parquet' names 1 column ('a') but has no rows; it needs one row per observation."
    )


@pytest.mark.parametrize(
    ("content", "byte", "line"),
    [
        ("a,b\n1,2\n3,é\n".encode("latin-1"), "0xe9", 3),
        ("a,b\n1,2\n".encode("utf-16"), "0x[f][ef]", 1),
        (b"a,b\n1,\0\n", "0x00", 2),
    ],
)
def test_not_utf8(content, byte, line):
    assert re.fullmatch(
        rf"'x\.csv' is not UTF-8 text \(byte {byte} in line {line}\); export it as csv in UTF-8\.",
        problem(content),
    )


def test_broken_parquet():
    sentence = problem(b"PAR1 and nothing else", "x.dat")
    assert re.fullmatch(r"'x\.dat' cannot be read as parquet \([^\n]{10,120}\); write it again\.", sentence)


def test_ragged_rows():
    assert problem("a,b\n1,2\n\n1,2,3\n") == (
        "Line 4 of 'x.csv' has 3 values, but the header names 2 columns; "
        "put a value that contains the separator in double quotes."
    )
    assert problem("\na,b\n1,2\n1,2,3\n").startswith("Line 4 of 'x.csv' has 3 values")
    # R's write.table leaves the row names without a name.
    assert problem("a,b\n1,2,3\n2,3,4\n") == (
        "Row 1 of 'x.csv' has 3 values, but its header names 2 columns; give every column a name."
    )


def test_open_quotation_mark():
    expected = "A quotation mark opened in line 3 of 'x.csv' is never closed; close it or remove it."
    assert problem('a,b\n1,2\n3,"4\n5,6\n') == expected
    assert problem('\na,b\n3,"4\n5,6\n') == expected


def test_standard_input_is_called_so(monkeypatch):
    def sentence(content):
        monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(content)))
        return problem_of("-")

    assert sentence(b"") == (
        "Standard input is empty; it needs a header line with column names and one line per observation."
    )
    assert sentence(b"a,b\n1,inf\n2,3") == (
        "Standard input has 1 infinite value, the first in column 'b', row 1 (line 2); "
        "correct the value or remove the row."
    )
    assert sentence(b"a,b\n1,x\n2,y").startswith("Column 'b' of standard input holds 'x'")


# ------------------------------------------------------------ the header and the choice of columns


def test_header_that_is_data():
    assert problem("1.5,2\n3,4\n") == (
        "The first line of 'x.csv' (1.5, 2) looks like data; add a header line with 2 column names above it, "
        "or, if these are the names, choose among them with --columns 1.5,2."
    )
    # Two equal values cannot be names; a missing value among numbers is data too.
    no_names = "The first line of 'x.csv' ({}) looks like data; add a header line with {} above it."
    assert problem("2,2\n3,4\n") == no_names.format("2, 2", "2 column names")
    assert problem("1,NA,1\n3,4,5\n") == no_names.format("1, NA, 1", "3 column names")
    assert problem("7,7\n") == no_names.format("7, 7", "2 column names")
    assert problem("1\n3\n").startswith("The first line of 'x.csv' (1) looks like data")
    assert problem("1,2\n3,4\n", columns=["a"]).startswith("The first line of 'x.csv' (1, 2) looks like data")
    # The first flower of the header-less iris file.
    assert problem("5.1,3.5,setosa\n4.9,3.0,setosa\n") == (
        "The first line of 'x.csv' (5.1, 3.5, setosa) looks like data; add a header line with 3 column names "
        "above it, or, if these are the names, choose among them with --columns 5.1,3.5."
    )


def test_unknown_column():
    text = "bill_length,bill_depth\n1,2\n3,4\n"
    assert problem(text, columns="bill_lenght") == (
        "'x.csv' has no column 'bill_lenght'; did you mean 'bill_length'?"
    )
    assert problem(text, columns=["bill_depth", "BILL_LENGTH"]) == (
        "'x.csv' has no column 'BILL_LENGTH'; did you mean 'bill_length'?"
    )
    assert problem(text, columns=["zzz"]) == (
        "'x.csv' has no column 'zzz'; its columns are 'bill_length', 'bill_depth'."
    )
    assert problem(f"{LONG},b\n1,2\n3,4\n", columns=[LONG + "m"]) == (
        f"'x.csv' has no column '{'n' * 39}…{'n' * 19}m'; did you mean '{'n' * 39}…{'n' * 20}'?"
    )


def test_columns_asked_for_twice_or_not_at_all():
    text = "a,b\n1,2\n3,4\n"
    assert problem(text, columns="a,b,a") == "Column 'a' of 'x.csv' was asked for 2 times; name it once."
    assert (
        problem(text, columns=[])
        == "No column of 'x.csv' was asked for; name at least one with --columns a,b."
    )


@pytest.mark.parametrize("columns", [None, "a", "b"])
def test_repeated_names(columns):
    assert problem("a,b,a\n1,2,3\n2,3,4\n", columns=columns) == (
        "2 columns of 'x.csv' are called 'a' (numbers 1, 3); give each its own name."
    )


def test_column_without_a_name():
    # What pandas and R write for row numbers.
    assert problem(",a,b\n0,1,2\n1,2,3\n") == (
        "Column 1 of 'x.csv' has no name; give it one, or choose among the others with --columns a,b."
    )


# ------------------------------------------------------------ cells that are no numbers


def test_text_columns_are_not_left_out_without_a_word():
    assert problem("s,a,b\nx,1,2\ny,3,4\n") == (
        "Column 's' of 'x.csv' holds 'x' in row 1 (line 2), which is not a number; "
        "choose the numeric columns with --columns a,b."
    )
    assert problem_of(write(datasets.penguins().path.read_bytes())) == (
        "3 columns of 'x.csv' are not numeric ('species' holds 'Adelie' in row 1, 'island' holds 'Torgersen' "
        "in row 1, 'sex' holds 'male' in row 1); choose the numeric columns with "
        "--columns bill_length_mm,bill_depth_mm,flipper_length_mm,body_mass_g,year."
    )


def test_text_columns_beyond_three_are_counted():
    assert problem("p,q,r,s,t,a\nx,x,x,x,x,1\n,,,,y,2\n") == (
        "5 columns of 'x.csv' are not numeric ('p' holds 'x' in row 1, 'q' holds 'x' in row 1, "
        "'r' holds 'x' in row 1 and 2 more); choose the numeric columns with --columns a."
    )


def test_few_bad_cells_are_to_be_corrected():
    text = "a,b\n1,5\n2,?\n3,6\n4,{}\n5,7\n"
    assert problem(text.format(8)) == (
        "Column 'b' of 'x.csv' holds '?' in row 2 (line 3), which is not a number; correct that value, "
        "or choose the numeric columns with --columns a."
    )
    assert problem(text.format("?"), columns=["b", "a"]) == (
        "Column 'b' of 'x.csv' holds '?' in row 2 (line 3), which is not a number; correct these 2 values, "
        "or choose the numeric columns with --columns a."
    )


def test_the_position_of_a_bad_cell_is_carried_along():
    with pytest.raises(FileProblem) as caught:
        read("a,b\n1,5\n2,6\n3,x\n")
    assert caught.value.details["column"] == "b" and caught.value.details["row"] == 3


def test_text_column_asked_for():
    text = "s,a,t,b\nx,1,y,5\ny,3,x,6\n"
    assert problem(text, columns=["s", "a"]) == (
        "Column 's' of 'x.csv' holds 'x' in row 1 (line 2), which is not a number; "
        "choose the numeric columns with --columns a."
    )
    # Nothing is left of the choice, so that the whole file is looked at.
    assert problem(text, columns=["s"]).endswith("choose the numeric columns with --columns a,b.")


def test_no_numeric_column_at_all():
    assert problem("s,t\nx,y\ny,x\n") == (
        "2 columns of 'x.csv' are not numeric ('s' holds 'x' in row 1, 't' holds 'y' in row 1); "
        "no other column is numeric, so that nothing is left to cluster."
    )
    assert problem("a b c\n1 2 3\n4 5 6\n") == (
        "Column 'a b c' of 'x.csv' holds '1 2 3' in row 1 (line 2), which is not a number; "
        "write numbers, and separate columns by commas, semicolons or tabs."
    )


def test_decimal_commas():
    assert problem("a;b\n1,5;2\n3;4,5\n", columns=["a"]) == (
        "Column 'a' of 'x.csv' holds '1,5' in row 1 (line 2), which is not a number; "
        "write decimals with a point, not with a comma."
    )


@pytest.mark.parametrize("cell", ["True", "0x10", "1_0", "1+2j", "2020-01-01", "1d3", "١"])
def test_what_is_not_a_number(cell):
    assert problem(f"a,b\n{cell},1\n{cell},2\n").startswith(
        f"Column 'a' of 'x.csv' holds '{cell}' in row 1 (line 2), which is not a number;"
    )


def test_parquet_columns_that_are_no_numbers():
    days = pd.date_range("2020-01-01", periods=2)
    frame = pd.DataFrame({"a": [1, 2], "day": days, "flag": [True, False], "list": [[1], [2]]})
    frame.to_parquet("x.parquet")
    assert problem_of("x.parquet") == (
        "3 columns of 'x.parquet' are not numeric ('day' holds '2020-01-01 00:00:00' in row 1, "
        "'flag' holds 'True' in row 1, 'list' holds '[1]' in row 1); "
        "choose the numeric columns with --columns a."
    )


def test_the_line_is_left_out_where_rows_are_not_lines():
    sentence = "Column 'b' of 'x.csv' holds 'x' in row 2, which is not a number;"
    assert problem("a,b\n1,2\n\n3,x\n").startswith(sentence)
    assert problem('"a\na",b\n1,2\n3,x\n').startswith(sentence)


def test_the_suggested_columns_can_be_pasted():
    text = f"{csv_field(ODD)},s,{csv_field('length, in mm')}\n1,x,2\n3,y,4\n"
    _, _, option = problem(text).partition(" with --columns ")
    (argument,) = shlex.split(option.removesuffix("."))
    table = read(text, columns=argument)
    assert table.names == [ODD, "length, in mm"]
    assert_array_equal(table.X, [[1, 2], [3, 4]])


def test_long_names_and_cells_are_shortened():
    short = "n" * 39 + "…" + "n" * 20
    assert problem(f"{LONG},b,c\n1,2,{'x' * 61}\n3,4,y\n") == (
        f"Column 'c' of 'x.csv' holds '{'x' * 39}…{'x' * 20}' in row 1 (line 2), which is not a number; "
        "choose the numeric columns with --columns b and 1 more."
    )
    assert problem(f"{LONG},b\n7,2\n7,4\n").startswith(f"Column '{short}' of 'x.csv' is constant")
    assert f"'{'m' * 60}'" in problem(f"{'m' * 60},b\n7,2\n7,4\n")


# ------------------------------------------------------------ missing, infinite and constant values


def test_missing_values():
    assert problem("a,b\n1,2\n3,\n,\n5,6\n") == (
        "'x.csv' has 3 missing values in 2 rows, the first in column 'b', row 2 (line 3); "
        "fill in what is missing, or leave out those rows with --drop-missing."
    )
    assert problem("a,b\n1,NA\n3,4\n") == (
        "'x.csv' has 1 missing value in 1 row, the first in column 'b', row 1 (line 2); "
        "fill in what is missing, or leave out that row with --drop-missing."
    )
    # A row that ends too early lacks values.
    assert problem("a,b\n1,2\n3\n").startswith(
        "'x.csv' has 1 missing value in 1 row, the first in column 'b'"
    )


@pytest.mark.parametrize("drop_missing", [False, True])
def test_nothing_left(drop_missing):
    assert problem("a,b,c\n1,,2\n2,,\n3,,4\n", drop_missing=drop_missing) == (
        "Every row of 'x.csv' lacks a value (column 'b' lacks 3 of 3), so that nothing is left to fit; "
        "fill the values in, or leave that column out with --columns a,c."
    )
    assert problem("a,b\n,1\n,2\n", columns=["a"], drop_missing=drop_missing) == (
        "Every row of 'x.csv' lacks a value (column 'a' lacks 2 of 2), so that nothing is left to fit; "
        "fill the values in."
    )


@pytest.mark.parametrize("drop_missing", [False, True])
def test_infinite_values_are_always_an_error(drop_missing):
    # The second infinity stands in a row that would be dropped.
    assert problem("a,b\n1,2\n3,inf\n-inf,\n", drop_missing=drop_missing) == (
        "'x.csv' has 2 infinite values, the first in column 'b', row 2 (line 3); "
        "correct the value or remove the row."
    )
    assert problem("a,b\n1,1e999\n3,4\n", drop_missing=drop_missing) == (
        "'x.csv' has 1 infinite value, the first in column 'b', row 1 (line 2); "
        "correct the value or remove the row."
    )


def test_constant_column():
    assert problem("a,b,c\n1,0.5,2\n2,0.5,3\n") == (
        "Column 'b' of 'x.csv' is constant (every value is 0.5), so that no Gaussian has a density for it; "
        "leave it out with --columns a,c."
    )
    assert problem("a,b\n1,3\n2,3\n", columns="b") == (
        "Column 'b' of 'x.csv' is constant (every value is 3), so that no Gaussian has a density for it; "
        "choose another."
    )
    # Constant among the rows that are left.
    assert problem("a,b\n1,3\n,4\n2,3\n", drop_missing=True).startswith("Column 'b' of 'x.csv' is constant")
