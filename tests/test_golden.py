"""The golden file can fail: a sentence that is missing, that differs or that nobody asks for does."""

import golden_file
import pytest
from golden_file import COLLECTED, Golden

from bayesgmm.errors import DataError, ParameterError


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
    config = request.config
    if config.option.update_golden:
        pytest.skip("it is written when all is over")
    assert golden_file.without_a_test(golden_file.read(), config.stash[COLLECTED], config.args) == []


def test_a_sentence_whose_test_is_gone_is_found():
    here = "test_golden.py::test_a_sentence_whose_test_is_gone_is_found"
    keys = [here, f"{here} #2", f"{here}[gone]", "test_golden.py::test_gone", "gone/test_gone.py::test_gone"]
    collected = [f"tests/{here}"]
    assert golden_file.without_a_test(keys, collected, ["tests"]) == keys[2:]
    # Of a file whose tests were asked for one by one no parameters are known.
    assert golden_file.without_a_test(keys, collected, [f"tests/{here}"]) == keys[3:]
    assert golden_file.without_a_test(keys, [], ["tests/other.py"]) == keys[3:]
