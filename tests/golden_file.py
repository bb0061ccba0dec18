"""The one file that holds the package's prose: tests/golden/sentences.txt.

A test asserts codes and numbers, and hands the sentence to the fixture ``golden``::

    golden(str(bayes.verdict_))  # equals what the file has under this test's name
    with golden.raises(DataError, row=17, column="width"):  # type and details here, the message in the file
        fit(X)

The key of a sentence is the test's own name, with a number behind it from the second sentence of a test on.
``pytest --update-golden`` writes the sentences of those tests that ran; a sentence that is missing from the
file, that differs, or that no test asks for any more fails. What varies between machines or runs is hidden:
``golden(text, hide=[str(folder)])``.
"""

import re
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

PATH = Path(__file__).parent / "golden" / "sentences.txt"
MARK = "== "
HIDDEN = "***"
# What a run of pytest knows: the tests that were found, and the sentences of those that ran.
COLLECTED = pytest.StashKey[list[str]]()
UPDATED = pytest.StashKey[dict[str, "Golden"]]()


def read():
    """The sentences by their keys."""
    found = {}
    for part in ("\n" + PATH.read_text("utf-8")).split("\n" + MARK)[1:]:
        key, text = part.split("\n", 1)
        assert key not in found, f"{key} is twice in {PATH}."
        found[key] = text.rstrip("\n")
    return found


def write(found):
    """In the order of their keys; numbers in them count as numbers."""
    keys = sorted(found, key=lambda key: [int(p) if p.isdigit() else p for p in re.split(r"(\d+)", key)])
    PATH.write_text("".join(f"{MARK}{key}\n{found[key]}\n\n" for key in keys), "utf-8", newline="\n")


class Golden:
    """The sentences of one test."""

    def __init__(self, name, known, update):
        self.name, self.known, self.update, self.asked = name, known, update, {}

    def __call__(self, found, /, hide=(), **details):
        """Hold a text, or an error with these among its details, against the file.

        Each of `hide`, a regular expression, is hidden wherever it occurs.
        """
        for name, value in details.items():
            assert name in found.details, f"{name} is not among {found.details}."
            assert same(found.details[name], value), f"{name} is {found.details[name]!r}, not {value!r}."
        text = str(found).rstrip("\n")
        for pattern in hide:
            text = re.sub(pattern, HIDDEN, text)
        assert not any(line.startswith(MARK) for line in text.splitlines())
        key = self.name if not self.asked else f"{self.name} #{len(self.asked) + 1}"
        self.asked[key] = text
        if not self.update:
            assert key in self.known, f"There is no sentence {key!r} yet; run pytest --update-golden.\n{text}"
            assert text == self.known[key]

    @contextmanager
    def raises(self, kind, /, hide=(), **details):
        """An error of exactly this kind is raised, with these among its details, and its message is the
        file's."""
        with pytest.raises(kind) as caught:
            yield caught
        assert type(caught.value) is kind
        self(caught.value, hide, **details)

    def left_over(self):
        """Keys that the file has under this test's name and that it has not asked for."""
        own = {k for k in self.known if k == self.name or k.startswith(f"{self.name} #")}
        return own - set(self.asked)


def without_a_test(keys, collected, args):
    """Keys whose test there is not.

    Parameters
    ----------
    keys : iterable of str
    collected : list of str
        All tests that were found, also those that were deselected.
    args : list of str
        What pytest was asked to run: of a file that it was asked for by single tests no more is known than
        its functions.
    """
    files = {name.split("::")[0] for name in collected} - {a.split("::")[0] for a in args if "::" in a}
    known = set(collected)
    return [key for key in keys if not _has_test(f"tests/{key.split(' #')[0]}", files, known)]


def _has_test(name, files, collected):
    file, function = name.split("::", 1)
    if file in files:
        return name in collected
    path = PATH.parents[2] / file
    return path.is_file() and f"def {function.split('[')[0]}(" in path.read_text("utf-8")


def same(found, wanted):
    """Whether a detail is as it should be; two that are no numbers are alike, and so are a tuple and a
    list."""
    if isinstance(wanted, float) and np.isnan(wanted):
        return bool(np.isnan(found))
    if isinstance(wanted, list | tuple):
        return len(found) == len(wanted) and all(map(same, found, wanted))
    return bool(found == wanted)
