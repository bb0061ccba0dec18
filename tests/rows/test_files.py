"""Reading tables: values against numpy's own, and each problem by its details and its sentence."""

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
from bayesgmm.errors import FileProblem, ParameterError
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
    """The problem that this content makes."""
    return problem_of(write(content, name), **options)


def problem_of(path, **options):
    with pytest.raises(FileProblem) as caught:
        read_table(path, **options)
    assert caught.value.details["path"] == os.fspath(path)
    return caught.value


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
    assert_array_equal(table.rows.values, [[1, 2], [3, 4.5]])
    assert table.rows.values.dtype == np.float64 and table.rows.values.flags["C_CONTIGUOUS"]
    assert list(table.rows.names) == ["a", "b"]
    assert table.dropped == 0
    assert_array_equal(table.rows.index, [1, 2])
    assert table.rows.source == name


def test_path_object_and_columns_in_the_order_asked_for():
    path = datasets.penguins().path
    table = read_table(path, columns=["body_mass_g", "bill_length_mm"], drop_missing=True)
    assert_array_equal(table.rows.values, datasets.penguins().X[:, [3, 0]])
    assert list(table.rows.names) == ["body_mass_g", "bill_length_mm"]
    assert table.dropped == 2
    assert_array_equal(table.rows.index, np.delete(np.arange(344), [3, 271]) + 1)
    assert table.rows.source == path.name


def test_values_are_read_to_the_last_digit():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((500, 3)) * 10.0 ** rng.integers(-20, 20, (500, 3))
    text = "a,b,c\n" + "\n".join(",".join(map(repr, row)) for row in x.tolist())
    assert_array_equal(read(text).rows.values, x)


def test_integers_beyond_64_bits_are_numbers():
    assert_array_equal(read(f"a,b\n1{'0' * 30},1\n3,2\n").rows.values, [[1e30, 1], [3, 2]])


def test_the_comma_of_a_name_is_not_the_separator():
    table = read("length, in mm;width, in mm;n, total\n1.5;2;3\n3;4;4\n")
    assert list(table.rows.names) == ["length, in mm", "width, in mm", "n, total"]


def test_spaces_after_the_separator():
    table = read('a, "b, c"\n1, NA\n2, 3\n4, "5"\n', drop_missing=True)
    assert list(table.rows.names) == ["a", "b, c"]
    assert_array_equal(table.rows.values, [[2, 3], [4, 5]])


def test_standard_input(monkeypatch):
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(b"a,b\n1,2\n3,4\n")))
    table = read_table("-")
    assert_array_equal(table.rows.values, [[1, 2], [3, 4]])
    assert table.rows.source == "standard input"


def test_parquet_by_suffix_and_by_first_bytes():
    frame = pd.DataFrame({"a": [1.5, 2, 3], "b": pd.array([1, None, 3], dtype="Int64"), "s": list("xyz")})
    frame.to_parquet("x.parquet")
    os.link("x.parquet", "x.dat")
    for name in ("x.parquet", "x.dat"):
        table = read_table(name, columns="a,b", drop_missing=True)
        assert_array_equal(table.rows.values, [[1.5, 1], [3, 3]])
        assert_array_equal(table.rows.index, [1, 3])


def test_parquet_index_is_a_column_only_if_it_has_a_name():
    frame = pd.DataFrame({"a": [1.5, 2, 3]}, index=[7, 8, 10])
    frame.to_parquet("x.parquet")
    assert list(read_table("x.parquet").rows.names) == ["a"]
    frame.rename_axis("id").to_parquet("x.parquet")
    table = read_table("x.parquet")
    assert list(table.rows.names) == ["id", "a"]
    assert_array_equal(table.rows.values[:, 0], [7, 8, 10])


@pytest.mark.parametrize("name", [ODD, LONG, "two\nlines", "'", '"', "a;b", "--columns", "é" * 70])
def test_odd_names(name):
    text = f"{csv_field(name)},y\n1,2\n3,4\n"
    assert list(read(text).rows.names) == [name, "y"]
    table = read(text, columns=[name])
    assert list(table.rows.names) == [name]
    assert_array_equal(table.rows.values, [[1], [3]])


def test_parse_columns():
    assert parse_columns("a, b c ,d") == ["a", "b c", "d"]
    assert parse_columns('"a,b",c,"d""e"') == ["a,b", "c", 'd"e']


def test_dropping_rows_with_missing_values_looks_at_the_chosen_columns_only():
    text = "a,b,c\n1,,NA\n2,3,nan\n,,\n5,6,1\n"
    table = read(text, columns="a,b", drop_missing=True)
    assert_array_equal(table.rows.values, [[2, 3], [5, 6]])
    assert table.dropped == 2
    assert_array_equal(table.rows.index, [2, 4])
    assert read(text, columns="b,a", drop_missing=True).rows.values[0].tolist() == [3, 2]


def test_an_empty_line_is_a_missing_value_where_there_is_one_column():
    table = read("a\n1\n\n3\n\n", drop_missing=True)
    assert_array_equal(table.rows.values, [[1], [3]])
    assert table.dropped == 1
    assert_array_equal(table.rows.index, [1, 3])


# ------------------------------------------------------------ names of the rows

TEXT = "id,a,b\n007,1,2\nNA,2,\n x y ,3,5\n007,4,4\n"


def test_rows_are_named_by_a_column_that_is_no_part_of_the_data():
    table = read(TEXT, id_column="id", drop_missing=True)
    assert table.rows.names == ("a", "b")
    assert_array_equal(table.rows.values, [[1, 2], [3, 5], [4, 4]])
    assert (list(table.rows.index), table.rows.index.name) == (["007", "x y", "007"], "id")
    assert table.rows.row(1) == "row 'x y' of x.csv"
    assert list(read(TEXT, id_column="id", columns="a").rows.index) == ["007", "NA", "x y", "007"]


@pytest.mark.parametrize(
    ("cells", "names"),
    [
        (["3", "-1", "0"], [3, -1, 0]),
        (["3", "01", "0"], ["3", "01", "0"]),
        (["9" * 18, "1", "2"], [10**18 - 1, 1, 2]),
        (["9" * 19, "1", "2"], ["9" * 19, "1", "2"]),
        (["1.0", "2", "3"], ["1.0", "2", "3"]),
    ],
)
def test_names_are_numbers_only_where_they_are_written_as_numbers(cells, names):
    text = "a,id\n" + "".join(f"{i},{cell}\n" for i, cell in enumerate(cells))
    assert list(read(text, id_column="id").rows.index) == names


def test_names_in_parquet_are_what_they_are():
    days = pd.date_range("2024-02-28", periods=3)
    frame = pd.DataFrame({"a": [1.5, 2, None], "day": days, "n": pd.array([7, 8, None], dtype="Int64")})
    frame.to_parquet("x.parquet")
    table = read_table("x.parquet", columns="a", id_column="day", drop_missing=True)
    assert list(table.rows.index) == list(days[:2])
    # The number that is missing belongs to a row that is left out.
    assert list(read_table("x.parquet", columns="a", id_column="n", drop_missing=True).rows.index) == [7, 8]
    frame["n"] = [7.0, 8.0, np.nan]
    frame.to_parquet("x.parquet")
    index = read_table("x.parquet", columns="a", id_column="n", drop_missing=True).rows.index
    assert list(index) == [7, 8] and index.dtype == np.int64


@pytest.mark.parametrize(
    ("text", "options", "details"),
    [
        (TEXT, {"id_column": "idd"}, {"column": "idd"}),
        (TEXT, {"id_column": "id", "columns": "a,id"}, {"column": "id"}),
        ("id\n1\n2\n", {"id_column": "id"}, {"column": "id"}),
        ("id,a\nx,1\n,2\n,3\n", {"id_column": "id"}, {"column": "id", "row": 2, "count": 2}),
        ("id,a,id\nx,1,2\ny,2,3\n", {"id_column": "id"}, {"column": "id"}),
        # The column that names the rows is no remedy.
        ("id,a,b\n1,x,2\n2,y,3\n", {"id_column": "id"}, {"column": "a"}),
    ],
    ids=["unknown", "asked for", "alone", "missing", "repeated", "not numeric"],
)
def test_names_that_rows_cannot_have(text, options, details, golden):
    golden(problem(text, **options), **details)


def test_a_missing_name_in_parquet(golden):
    pd.DataFrame({"a": [1.5, 2, 3], "id": ["x", None, "z"]}).to_parquet("x.parquet")
    golden(problem_of("x.parquet", id_column="id"), row=2)


def test_a_single_row_is_not_called_constant():
    assert_array_equal(read("a,b\n1,2\n").rows.values, [[1, 2]])


def test_whole_numbers_among_names_are_names():
    assert list(read("size,2019\n1,2\n3,4\n").rows.names) == ["size", "2019"]


def test_columns_chosen_by_name_are_names_even_if_they_are_numbers():
    assert_array_equal(read("2019,2020\n1,2\n3,4\n", columns=["2020"]).rows.values, [[2], [4]])


def test_columns_without_a_name_may_be_left_alone():
    assert_array_equal(read(",a,s\n1,2,x\n2,3,y\n", columns="a").rows.values, [[2], [3]])


def test_a_large_table_is_read_quickly():
    rng = np.random.default_rng(0)
    x = rng.integers(0, 1000, (100_000, 4)) / 8
    pd.DataFrame(x, columns=list("abcd")).to_csv("x.csv", index=False)
    start = time.process_time()
    assert_array_equal(read_table("x.csv").rows.values, x)
    # About 0.1 s of processor time; the bound leaves room for a slow machine.
    assert time.process_time() - start < 2


# ------------------------------------------------------------ no such file, or no table in it


def test_missing_file(golden):
    write("a\n1\n", "penguins.csv")
    golden(problem_of("penguin.csv"))
    golden(problem_of("zzz"))
    golden(problem_of("no/x.csv"))


def test_missing_file_in_another_folder(folder, golden):
    (folder / "data").mkdir()
    nothing = os.path.join("data", "x.csv")
    golden(problem_of(nothing))
    write("a\n1\n", "data/penguins.csv")
    nearly = os.path.join("data", "pengiuns.csv")
    golden(problem_of(nearly))


def test_directory(folder, golden):
    (folder / "data").mkdir()
    golden(problem_of("data"))
    write("", "data/a.txt")
    write("a\n1\n", "data/b.csv")
    write("a\n1\n", "data/c.csv")
    golden(problem_of("data"))


def test_names_that_no_file_can_have(golden):
    golden(problem_of("a\0b"))
    golden(problem_of("x" * 1000))


def test_forbidden_file(monkeypatch, golden):
    def refuse(path):
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    # Not by chmod: root may read every file.
    monkeypatch.setattr("pathlib.Path.read_bytes", refuse)
    golden(problem_of("x.csv"))


@pytest.mark.parametrize("content", ["", "\n\n", "  \n", "\ufeff"])
def test_empty_file(content, golden):
    golden(problem(content))


def test_header_only(golden):
    golden(problem("a,b\n"))
    golden(problem("a,b,c,d,e,f,g"))
    pd.DataFrame({"a": []}).to_parquet("x.parquet")
    golden(problem_of("x.parquet"))


@pytest.mark.parametrize(
    ("content", "byte", "line"),
    [
        ("a,b\n1,2\n3,é\n".encode("latin-1"), "0xe9", 3),
        ("a,b\n1,2\n".encode("utf-16-le"), "0x00", 1),
        (b"a,b\n1,\0\n", "0x00", 2),
    ],
)
def test_not_utf8(content, byte, line, golden):
    found = problem(content)
    assert re.search(rf"byte {byte} in line {line}\b", str(found))
    golden(found, hide=["0x.."])


def test_broken_parquet(golden):
    golden(problem(b"PAR1 and nothing else", "x.dat"), hide=[r"(?<=\()[^\n]{10,120}(?=\);)"])


def test_ragged_rows(golden):
    golden(problem("a,b\n1,2\n\n1,2,3\n"), line=4)
    golden(problem("\na,b\n1,2\n1,2,3\n"), line=4)
    # R's write.table leaves the row names without a name.
    golden(problem("a,b\n1,2,3\n2,3,4\n"), row=1)


def test_open_quotation_mark(golden):
    golden(problem('a,b\n1,2\n3,"4\n5,6\n'), line=3)
    golden(problem('\na,b\n3,"4\n5,6\n'), line=3)


def test_standard_input_is_called_so(monkeypatch, golden):
    def sentence(content):
        monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(content)))
        return problem_of("-")

    golden(sentence(b""))
    golden(sentence(b"a,b\n1,inf\n2,3"), column="b", row=1, count=1)
    golden(sentence(b"a,b\n1,x\n2,y"), column="b", columns=["b"], row=1)


# ------------------------------------------------------------ the header and the choice of columns


def test_header_that_is_data(golden):
    golden(problem("1.5,2\n3,4\n"), line=1)
    # Two equal values cannot be names; a missing value among numbers is data too.
    golden(problem("2,2\n3,4\n"), line=1)
    golden(problem("1,NA,1\n3,4,5\n"), line=1)
    golden(problem("7,7\n"), line=1)
    golden(problem("1\n3\n"), line=1)
    golden(problem("1,2\n3,4\n", columns=["a"]), line=1)
    # The first flower of the header-less iris file.
    golden(problem("5.1,3.5,setosa\n4.9,3.0,setosa\n"), line=1)


def test_unknown_column(golden):
    text = "bill_length,bill_depth\n1,2\n3,4\n"
    golden(problem(text, columns="bill_lenght"), column="bill_lenght")
    golden(problem(text, columns=["bill_depth", "BILL_LENGTH"]), column="BILL_LENGTH")
    golden(problem(text, columns=["zzz"]), column="zzz")
    golden(problem(f"{LONG},b\n1,2\n3,4\n", columns=[LONG + "m"]))


def test_columns_asked_for_twice_or_not_at_all(golden):
    text = "a,b\n1,2\n3,4\n"
    golden(problem(text, columns="a,b,a"), column="a")
    golden(problem(text, columns=[]))


@pytest.mark.parametrize("columns", [None, "a", "b"])
def test_repeated_names(columns, golden):
    golden(problem("a,b,a\n1,2,3\n2,3,4\n", columns=columns), column="a")


def test_column_without_a_name(golden):
    # What pandas and R write for row numbers.
    golden(problem(",a,b\n0,1,2\n1,2,3\n"), column_number=1)


# ------------------------------------------------------------ cells that are no numbers


def test_text_columns_are_not_left_out_without_a_word(golden):
    golden(problem("s,a,b\nx,1,2\ny,3,4\n"), column="s", columns=["s"], row=1)
    golden(
        problem_of(write(datasets.penguins().path.read_bytes())),
        column="species",
        columns=["species", "island", "sex"],
        row=1,
    )


def test_text_columns_beyond_three_are_counted(golden):
    golden(
        problem("p,q,r,s,t,a\nx,x,x,x,x,1\n,,,,y,2\n"), column="p", columns=["p", "q", "r", "s", "t"], row=1
    )


def test_few_bad_cells_are_to_be_corrected(golden):
    text = "a,b\n1,5\n2,?\n3,6\n4,{}\n5,7\n"
    golden(problem(text.format(8)), column="b", columns=["b"], row=2)
    golden(problem(text.format("?"), columns=["b", "a"]), column="b", columns=["b"], row=2)


def test_the_position_of_a_bad_cell_is_carried_along():
    with pytest.raises(FileProblem) as caught:
        read("a,b\n1,5\n2,6\n3,x\n")
    assert caught.value.details["column"] == "b" and caught.value.details["row"] == 3


def test_text_column_asked_for(golden):
    text = "s,a,t,b\nx,1,y,5\ny,3,x,6\n"
    golden(problem(text, columns=["s", "a"]), column="s", columns=["s"], row=1)
    # Nothing is left of the choice, so that the whole file is looked at.
    golden(problem(text, columns=["s"]), column="s", columns=["s"], row=1)


def test_no_numeric_column_at_all(golden):
    golden(problem("s,t\nx,y\ny,x\n"), column="s", columns=["s", "t"], row=1)
    golden(problem("a b c\n1 2 3\n4 5 6\n"), column="a b c", columns=["a b c"], row=1)


def test_decimal_commas():
    assert_array_equal(read("a;b\n1,5;2\n3;4,5\n").rows.values, [[1.5, 2], [3, 4.5]])


@pytest.mark.parametrize("cell", ["True", "0x10", "1_0", "1+2j", "2020-01-01", "1d3", "١"])
def test_what_is_not_a_number(cell, golden):
    golden(problem(f"a,b\n{cell},1\n{cell},2\n"), column="a", columns=["a"], row=1)


def test_parquet_columns_that_are_no_numbers(golden):
    days = pd.date_range("2020-01-01", periods=2)
    frame = pd.DataFrame({"a": [1, 2], "day": days, "flag": [True, False], "list": [[1], [2]]})
    frame.to_parquet("x.parquet")
    golden(problem_of("x.parquet"), column="day", columns=["day", "flag", "list"], row=1)


def test_the_line_is_left_out_where_rows_are_not_lines(golden):
    golden(problem("a,b\n1,2\n\n3,x\n"), column="b", columns=["b"], row=2)
    golden(problem('"a\na",b\n1,2\n3,x\n'), column="b", columns=["b"], row=2)


def test_the_suggested_columns_can_be_pasted():
    text = f"{csv_field(ODD)},s,{csv_field('length, in mm')}\n1,x,2\n3,y,4\n"
    _, _, option = str(problem(text)).partition(" with --columns ")
    (argument,) = shlex.split(option.removesuffix("."))
    table = read(text, columns=argument)
    assert list(table.rows.names) == [ODD, "length, in mm"]
    assert_array_equal(table.rows.values, [[1, 2], [3, 4]])


def test_long_names_and_cells_are_shortened(golden):
    golden(problem(f"{LONG},b,c\n1,2,{'x' * 61}\n3,4,y\n"), column="c", columns=["c"], row=1)
    golden(problem(f"{LONG},b\n7,2\n7,4\n"))
    assert f"'{'m' * 60}'" in str(problem(f"{'m' * 60},b\n7,2\n7,4\n"))


# ------------------------------------------------------------ missing, infinite and constant values


def test_missing_values(golden):
    golden(problem("a,b\n1,2\n3,\n,\n5,6\n"), column="b", row=2, count=3)
    golden(problem("a,b\n1,NA\n3,4\n"), column="b", row=1, count=1)
    # A row that ends too early lacks values.
    golden(problem("a,b\n1,2\n3\n"), column="b", row=2, count=1)


def test_missing_values_are_kept_where_they_are_modelled():
    rows = read("a,b\n1,NA\n3,4\n,5\n", missing="model").rows
    assert_array_equal(rows.values, [[1, np.nan], [3, 4], [np.nan, 5]])
    assert_array_equal(rows.n_missing, [1, 1])
    assert rows.row(2) == "row 3 of x.csv"


def test_what_has_no_value_cannot_be_modelled(golden):
    golden(problem("a,b\n1,\n3,\n", missing="model"), column="b")
    golden(problem("a,b\n1,2\n,\n,\n4,5\n", missing="model"), row=2, count=2)
    golden(problem("a,b\n1,2\n1,\n1,5\n", missing="model"), column="a")
    with golden.raises(ParameterError, name="missing"):
        read("a\n1\n2\n", missing="model", drop_missing=True)
    with golden.raises(ParameterError, name="missing"):
        read("a\n1\n2\n", missing="drop")


@pytest.mark.parametrize("drop_missing", [False, True])
def test_nothing_left(drop_missing, golden):
    golden(problem("a,b,c\n1,,2\n2,,\n3,,4\n", drop_missing=drop_missing), column="b", count=4)
    golden(problem("a,b\n,1\n,2\n", columns=["a"], drop_missing=drop_missing), column="a", count=2)


@pytest.mark.parametrize("drop_missing", [False, True])
def test_infinite_values_are_always_an_error(drop_missing, golden):
    # The second infinity stands in a row that would be dropped.
    golden(problem("a,b\n1,2\n3,inf\n-inf,\n", drop_missing=drop_missing), column="b", row=2, count=2)
    golden(problem("a,b\n1,1e999\n3,4\n", drop_missing=drop_missing), column="b", row=1, count=1)


def test_constant_column(golden):
    golden(problem("a,b,c\n1,0.5,2\n2,0.5,3\n"), column="b")
    golden(problem("a,b\n1,3\n2,3\n", columns="b"), column="b")
    # Constant among the rows that are left.
    golden(problem("a,b\n1,3\n,4\n2,3\n", drop_missing=True), column="b")
