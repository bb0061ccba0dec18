"""Tables that could be read as other ones without a word: none of them is."""

import pandas as pd
import pytest
from numpy.testing import assert_array_equal

from bayesgmm.errors import FileProblem, ParameterError
from bayesgmm.rows.files import read_table


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def read(content, name="x.csv", **options):
    with open(name, "wb") as stream:
        stream.write(content if isinstance(content, bytes) else content.encode())
    return read_table(name, **options).rows


def problem(content, name="x.csv", **options):
    with pytest.raises(FileProblem) as caught:
        read(content, name, **options)
    return caught.value


ARFF = "@relation r\n@attribute a numeric\n@attribute b numeric\n@data\n"


# ------------------------------------------------------------ blank lines


@pytest.mark.parametrize("blank", [" ", "\t", " \t "], ids=["space", "tab", "both"])
@pytest.mark.parametrize(("head", "name"), [("a,b\n", "x.csv"), (ARFF, "x.arff")], ids=["csv", "arff"])
def test_a_blank_line_hides_no_surplus_value(blank, head, name, golden):
    golden(problem(f"{head}{blank}\n1,2,3\n4,5,6\n7,8,8\n", name), row=1)
    assert_array_equal(
        read(f"{head}{blank}\n1,2\n4,5\n{blank}\n7,8\n", name).values, [[1, 2], [4, 5], [7, 8]]
    )


def test_blank_lines_above_a_header():
    assert_array_equal(read(" \na\n1\n2\n").values, [[1], [2]])
    with pytest.warns(UserWarning, match="2 lines above the header"):
        assert read("T\n\t\nU\n \na,b\n1,2\n2,4\n").names == ("a", "b")
    assert_array_equal(read(" \n\t\na,b\n1,2\n2,4\n").values, [[1, 2], [2, 4]])


def test_values_that_pandas_would_drop_are_refused(monkeypatch, golden):
    # Whatever the first row was taken for.
    layout = "bayesgmm.rows.files.text.laid_out"
    from bayesgmm.rows.files.preamble import Layout

    text = "a,b\n1,2,3\n4,5,6\n"
    monkeypatch.setattr(layout, lambda *_: Layout(text, 1, ",", ["a", "b"], []))
    golden(problem(text))


# ------------------------------------------------------------ lines that are one value


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ('"a,b"\n"1,2"\n"3,4"\n"5,7"\n', "x.csv"),
        ("a,b\n1,2\n3,4\n5,7\n", "x.tsv"),
        ("sep=;\na,b\n1,2\n3,4\n5,7\n", "x.csv"),
        ('"a;b;c"\n"1;2;3"\n"3;4;3"\n\n', "x.csv"),
        ('a,b\n"1,2"\n"3,4"\n"5,7"\n', "x.csv"),
        ('a,b,c\n"1,2,3"\n"3,4,5"\n', "x.csv"),
    ],
    ids=["quotes", "tsv", "sep", "semicolons", "rows", "wide rows"],
)
def test_lines_that_are_one_value(text, name, golden):
    golden(problem(text, name), row=1)
    assert problem(text, name, columns="a").details["row"] == 1


def test_a_column_whose_name_or_cells_hold_commas():
    assert_array_equal(read('"length, cm"\n1.5\n2.5\n').values, [[1.5], [2.5]])
    assert_array_equal(read('sep=;\n"length, in cm, x"\n"1,5"\n"2,5"\n').values, [[1.5], [2.5]])
    assert_array_equal(read('n,a\n1,"1,5"\n2,"2,5"\n').values, [[1, 1.5], [2, 2.5]])
    rows = read('a,b\n"1,5",\n"2,5",1\n"3,5",2\n', drop_missing=True)
    assert_array_equal(rows.values, [[2.5, 1], [3.5, 2]])


# ------------------------------------------------------------ both marks in one column


@pytest.mark.parametrize("cells", [["1.234", "2,345", "3,456"], ["30,000", "1.500", "-45,000"]])
def test_both_marks_in_one_column_are_refused(cells, golden):
    text = "a;b\n" + "".join(f"{cell};{i}\n" for i, cell in enumerate(cells))
    found = problem(text)
    large, small = found.details["readings"]
    assert large == 1000 * small
    golden(found, column="a", row=1)
    # What another cell or column tells.
    assert read(text + "1,234.5;7\n").values[0, 0] in (1.234, 30000)
    assert read(text.replace(";0", ";0,5")).values[0, 0] in (1234, 30)


# ------------------------------------------------------------ spaces between columns


def test_row_names_before_a_space_are_no_thousands(golden):
    golden(problem('"x"\n"1" 234\n"2" 345\n"3" 456\n'), line=2)
    golden(problem('x\n\n"a" 234\n"b" 345\n'), line=3)
    golden(problem("x\n1 234\n2 345\n3 456\n"), row=1)
    assert problem('x\n"1 234"\n"2 345"\n').details["row"] == 1


def test_spaces_between_thousands_of_one_column():
    assert_array_equal(read("x\n1 234\n12 345\n3 456\n").values[:, 0], [1234, 12345, 3456])
    assert_array_equal(read('"x"\n"4 234"\n"5 345" \n').values[:, 0], [4234, 5345])
    assert_array_equal(read("x;y\n1 234;2\n2 345;3\n").values[:, 0], [1234, 2345])


# ------------------------------------------------------------ a first row in place of a header


@pytest.mark.parametrize("mark", ["?", "-", ".", "*", "—", "..", "2020-01-01", "5%", "12:30", "#DIV/0!"])
def test_a_first_row_without_letters_is_no_header(mark, golden):
    golden(problem(f"{mark},5,3\n1,4,3\n2,5,8\n3,6,7\n"), line=1)
    assert problem(f"{mark},5,3\n1,4,3\n2,5,8\n", id_column=mark).details["line"] == 1


@pytest.mark.parametrize("text", ["?\n1\n2\n", "-,.\n1,2\n3,4\n"], ids=["one", "two"])
def test_marks_alone_are_no_header(text):
    assert problem(text).details["line"] == 1


@pytest.mark.parametrize(
    "text",
    [
        "setosa,5,3\nsetosa,4,3\nvirg,5,8\n",
        "virg,5,3\nsetosa,4,3\nvirg,5,8\n",
        "1 Jan 2020,5,3\n12 Jan 2020,4,3\n1 Feb 2020,5,8\n",
        "5.5 kg,5,3\n6 kg,4,3\n7.25 kg,5,8\n",
        "s1,5,a\ns2,4,a\ns3,5,b\n",
        "5 kg\n6 kg\n7 kg\n",
    ],
    ids=["text", "later", "date", "unit", "two texts", "one column"],
)
def test_names_that_are_like_the_cells_are_a_row(text, golden):
    golden(problem(text), line=1)


def test_names_beside_numbers_are_no_row():
    text = "name,2019,2020\nx,1,2\ny,2,3\nz,4,4\n"
    assert problem(text).details["column"] == "name"
    assert read(text, left_out="name").names == ("2019", "2020")
    assert read(text.replace("name", "x"), columns="2019,2020").names == ("2019", "2020")
    assert read(text.replace("name", "x"), id_column="x").names == ("2019", "2020")
    for first in ("#", "%"):
        assert read(text.replace("name", first), left_out=first).names == ("2019", "2020")
    assert read("*,a,b\n1,2,3\n2,3,5\n").names == ("*", "a", "b")
    assert read("#\n1\n2\n").names == ("#",)
    assert problem("a,2019\n1,2\na,2019\n3,5\n").details["row"] == 2
    assert problem("x1,x2\nx1,a\nx3,b\n").details["column"] == "x1"


# ------------------------------------------------------------ separators


def test_commas_in_names_and_numbers_separate_no_columns():
    text = "length, cm;width, cm\n1,5;2,5\n3,5;4,7\n"
    rows = read(text)
    assert rows.names == ("length, cm", "width, cm")
    assert_array_equal(rows.values, [[1.5, 2.5], [3.5, 4.7]])
    assert_array_equal(read(text.replace(";", "\t")).values, rows.values)
    found = read("tags;more,a,b\nx;y,1,2\nz;y,2,4\n", columns="a,b")
    assert_array_equal(found.values, [[1, 2], [2, 4]])


# ------------------------------------------------------------ what is no text


def test_an_index_with_the_name_of_a_column(golden):
    frame = pd.DataFrame({"a": [1, 2, 4], "b": [2, 3, 5]}, index=pd.Index([7, 8, 9], name="a"))
    frame.to_parquet("x.parquet")
    with pytest.raises(FileProblem) as caught:
        read_table("x.parquet")
    golden(caught.value, column="a")
    assert read_table("x.parquet", left_out="a").rows.names == ("b",)


def test_bytes_of_a_table(golden):
    frame = pd.DataFrame({"a": [b"\xff", b"1", None], "b": [2, 3, 5]})
    frame.to_parquet("x.parquet")
    with pytest.raises(FileProblem) as caught:
        read_table("x.parquet")
    golden(caught.value, column="a", row=1)
    frame["a"] = [b"1", b"2.5", b"4"]
    frame.to_parquet("x.parquet")
    assert_array_equal(read_table("x.parquet").rows.values, [[1, 2], [2.5, 3], [4, 5]])


@pytest.mark.parametrize(
    "options",
    [
        {"columns": 3},
        {"columns": b"a"},
        {"columns": [None]},
        {"left_out": 3},
        {"left_out": 0},
        {"missing_values": 3},
        {"id_column": 3},
        {"id_column": ["a"]},
        {"drop_missing": "x"},
    ],
    ids=str,
)
def test_arguments_of_another_type(options, golden):
    with pytest.raises(ParameterError) as caught:
        read("a,b\n1,2\n3,4\n5,7\n", **options)
    golden(caught.value)


# ------------------------------------------------------------ ARFF and marks


def test_quotes_and_comments_of_arff():
    text = "@relation r\n  % c\n@attribute a {'p, q',r}\n@attribute b numeric\n@data\n"
    rows = read(text + "'p, q',2\nr,3\n \t% d\nr,5\n", "x.arff", columns="b")
    assert_array_equal(rows.values[:, 0], [2, 3, 5])
    assert list(rows.index) == [1, 2, 3]
    assert_array_equal(read(f"{ARFF}  % c\n1,2\n3,4\n").values, [[1, 2], [3, 4]])
    assert problem(f"{ARFF}  % c\n'p, q',2,3\n", "x.arff").details["row"] == 1


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_second_mark_of_the_encoding_is_no_part_of_a_name(encoding):
    assert read("\ufeffa,b\n1,2\n3,4\n".encode(encoding)).names == ("a", "b")
    assert problem("\ufeff\ufeff \n").details["path"] == "x.csv"
