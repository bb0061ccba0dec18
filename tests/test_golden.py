"""The golden file can fail: a sentence that is missing, that differs or that nobody asks for does."""

import ast
from pathlib import Path

import golden_file
import pytest
from conftest import COLLECTED
from golden_file import Golden

from bayesgmm.errors import DataError, ParameterError

TESTS = Path(__file__).parent


def test_a_sentence_that_differs_or_is_missing_fails():
    known = {"a": "One.", "a #2": "Two."}
    test = Golden("a", known, update=False)
    test("One.")
    with pytest.raises(AssertionError):
        test("Three.")
    with pytest.raises(AssertionError, match="There is no sentence 'a #3' yet"):
        test("Three.")
    with pytest.raises(AssertionError, match="There is no sentence 'b' yet"):
        Golden("b", known, update=False)("One.")


def test_a_sentence_that_nobody_asks_for_is_left_over():
    test = Golden("a", {"a": "One.", "a #2": "Two.", "ab": "Three.", "a[x]": "Four."}, update=False)
    test("One.")
    assert test.left_over() == {"a #2"}


def test_what_varies_is_hidden():
    Golden("a", {"a": "*** of ***."}, update=False)("12 of /tmp/x.", hide=[r"\d+", "/tmp/x"])


def test_errors_are_told_by_kind_details_and_sentence():
    known = {"a": "Row 3 is missing."}
    with Golden("a", known, update=False).raises(DataError, row=3, values=[1.0, 2.0]):
        raise DataError("Row 3 is missing.", row=3, values=(1.0, 2.0))
    for details in ({"row": 4}, {"column": 3}):
        with pytest.raises(AssertionError), Golden("a", known, update=False).raises(DataError, **details):
            raise DataError("Row 3 is missing.", row=3)
    # A kind is not its parent.
    with pytest.raises(AssertionError), Golden("a", known, update=False).raises(ValueError):
        raise ParameterError("Row 3 is missing.")


def test_the_file_is_written_as_it_is_read(monkeypatch, tmp_path):
    monkeypatch.setattr(golden_file, "PATH", tmp_path / "sentences.txt")
    found = {"b[10]": "One.\n\nTwo = = lines.", "b[9]": "", "a": "Nächste: ‘x’."}
    golden_file.write(found)
    assert golden_file.read() == found
    assert list(golden_file.read()) == ["a", "b[9]", "b[10]"]


def test_every_sentence_belongs_to_a_test(request):
    known = {key.split(" #")[0] for key in golden_file.read()}
    functions = {}
    for file in {key.split("::")[0] for key in known}:
        path = TESTS / file
        tree = ast.parse(path.read_text("utf-8")) if path.is_file() else ast.Module([], [])
        functions[file] = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    stale = {k for k in known if k.split("::")[1].split("[")[0] not in functions[k.split("::")[0]]}
    if not any("::" in a or a.endswith(".py") for a in request.config.args):
        # Where whole folders were collected it is known which parameters there are, too.
        collected = request.config.stash[COLLECTED]
        files = {name.split("::")[0].removeprefix("tests/") for name in collected}
        stale |= {k for k in known if k.split("::")[0] in files and f"tests/{k}" not in collected}
    assert stale == set()
