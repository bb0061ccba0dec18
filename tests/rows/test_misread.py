"""Tables that could be read as other ones without a word: none of them is."""

import pytest
from numpy.testing import assert_array_equal

from bayesgmm.errors import FileProblem
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
