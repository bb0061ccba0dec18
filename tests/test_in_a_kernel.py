"""What a fit and its figures show below a cell, in a kernel of their own: with ipywidgets and without."""

import importlib.util

import nbformat
import pytest
from nbclient import NotebookClient

# A kernel finds no module of this name: what is not installed for some users.
WITHOUT_WIDGETS = "import sys; sys.modules['ipywidgets'] = None"
WITH_WIDGETS = "import ipywidgets"
HAVE_WIDGETS = importlib.util.find_spec("ipywidgets") is not None
STEPS = """
import time
from bayesgmm.support.progress import Steps

with Steps(enabled=True) as steps:
    with steps.step("sampling", total=100) as progress:
        for done in range(0, 101, 10):
            time.sleep(0.1)
            progress(done, 100, 0)
    with steps.step("labels"):
        pass
"""
FIT = """
from bayesgmm import BayesGaussianMixture, datasets
from bayesgmm.plots import plot_fit, trace_figure

bayes = BayesGaussianMixture(2, draws=50, tune=100, method="nuts", random_state=0)
bayes.fit(datasets.faithful().X[::2]);
"""
widgets = pytest.mark.parametrize(
    "widgets",
    [
        WITHOUT_WIDGETS,
        pytest.param(
            WITH_WIDGETS, marks=pytest.mark.skipif(not HAVE_WIDGETS, reason="ipywidgets is an extra")
        ),
    ],
    ids=["without", "with"],
)


def run(*cells):
    """The outputs of each cell, run one after the other in a fresh kernel."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(c) for c in cells])
    NotebookClient(notebook, timeout=600, kernel_name="python3").execute()
    return [cell.outputs for cell in notebook.cells]


def said(outputs):
    """All text of the outputs, and whether any of it is an error's or a warning's."""
    assert not [o for o in outputs if o.output_type == "error" or o.get("name") == "stderr"]
    return "\n".join(o.get("text", "") or o.get("data", {}).get("text/plain", "") for o in outputs)


def pictures(outputs):
    said(outputs)
    return sum("image/png" in o.get("data", {}) for o in outputs)


@widgets
def test_steps_are_shown_in_one_place_and_without_a_warning(widgets):
    _, outputs = run(widgets, STEPS)
    assert len(outputs) == 1
    lines = said(outputs).splitlines()
    assert [line.split()[0] for line in lines] == ["done", "done"]
    assert "sampling" in lines[0]
    assert "100/100" in lines[0]
    assert "labels" in lines[1]


@pytest.mark.slow
@pytest.mark.parametrize("before", ["", "%matplotlib inline", "import matplotlib.pyplot"])
def test_a_figure_as_the_last_line_is_shown_once(before):
    drawn = "from bayesgmm.plots.style import axes_for, figure_of; figure_of(axes_for(None, 3, 2))"
    _, outputs, nothing = run(before, drawn, f"{drawn};")
    assert pictures(outputs) == 1
    assert said(outputs) == "<Figure size 300x200 with 1 Axes>"
    assert not nothing


@pytest.mark.slow
@widgets
def test_a_fit_and_its_figures(widgets):
    _, fitted, *figures = run(widgets, FIT, "plot_fit(bayes)", "trace_figure(bayes)")
    assert "sampling" in said(fitted)
    assert [pictures(outputs) for outputs in figures] == [1, 1]
