"""The notebooks run, and what they store is what a repository viewer shows."""

import re
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOKS = sorted((Path(__file__).parents[1] / "notebooks").glob("*.ipynb"))


def cells(path, kind):
    return [c for c in nbformat.read(path, as_version=4).cells if c.cell_type == kind]


def words(output):
    """All text of an output, without its pictures."""
    data = output.get("data", {})
    return " ".join(
        [output.get("text", ""), *(str(v) for kind, v in sorted(data.items()) if kind != "image/png")]
    )


def test_notebooks_are_numbered_without_gaps():
    assert [p.stem[:3] for p in NOTEBOOKS] == [f"{i:02d}_" for i in range(1, 7)]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_the_files_that_a_notebook_names_exist(path):
    text = " ".join(c.source for c in cells(path, "markdown"))
    here = [f"notebooks/{name}" for name in re.findall(r"`(\d\d_\w+\.ipynb)`", text)]
    for name in here + re.findall(r"`(reports/[\w.]+)`", text):
        assert (path.parents[1] / name).is_file(), name


def said(notebook):
    """What each cell says, a cell an entry, with # for numbers, whose last digits are those of a machine."""
    outputs = [
        "".join(words(o) for o in c.outputs if o.get("name") != "stderr")
        for c in notebook.cells
        if c.cell_type == "code"
    ]
    number = re.compile(r"[-+−]?\d+(\.\d+)?(e[-+]?\d+)?")
    return [" ".join(number.sub("#", text).replace("-", " ").split()) for text in outputs]


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_a_notebook_runs_its_claims_hold_and_it_says_what_is_stored(path):
    notebook = nbformat.read(path, as_version=4)
    stored = said(notebook)
    NotebookClient(notebook, timeout=600, kernel_name="python3").execute()
    assert said(notebook) == stored


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_a_notebook_is_stored_with_its_outputs(path):
    assert path.stat().st_size < 1_000_000
    code = cells(path, "code")
    assert all(c.execution_count for c in code)
    outputs = [o for c in code for o in c.outputs]
    assert any("image/png" in o.get("data", {}) for o in outputs)
    assert not [o for o in outputs if o.output_type == "error" or o.get("name") == "stderr"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_a_notebook_asserts_what_it_says(path):
    assert sum(c.source.count("assert") for c in cells(path, "code")) >= 3


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_outputs_name_no_directory_of_the_machine_that_ran_them(path):
    said = [words(o) for c in cells(path, "code") for o in c.outputs]
    assert not [text for text in said if re.search(r"(?<![\w.<])/\w+/\w+", text)]
