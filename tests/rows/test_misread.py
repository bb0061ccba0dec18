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
