"""The display of steps: bars with the time left on a terminal, nothing in a pipe."""

import io
import re

import pytest
from rich.console import Console

from bayesgmm.support.progress import Steps


def shown(width, terminal=True, name="sampling"):
    """What a step sends that is stopped half-way after ten seconds, and then finished."""
    stream, now = io.StringIO(), 0.0
    console = Console(
        file=stream, force_terminal=terminal, width=width, color_system=None, get_time=lambda: now
    )
    steps = Steps(enabled=True, console=console)
    with steps, steps.step(name, total=100) as progress:
        for done in range(0, 60, 10):
            now = done / 5
            progress(done, 100, 0)
        steps._progress.refresh()
        halfway = stream.getvalue()
    return halfway, stream.getvalue()


@pytest.mark.parametrize("width", [40, 100])
def test_time_left(width):
    halfway, whole = shown(width)
    # Five more times ten in two seconds each.
    assert "0:10 left" in halfway
    last = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", whole).strip().splitlines()[-1]
    assert last.startswith("done sampling ")
    assert "left" not in last
    assert len(last) <= width
    assert ("100/100" in last) == (width == 100)


def test_a_long_name_is_wrapped_on_a_narrow_terminal():
    halfway, _ = shown(40, name="likelihood ratio, 1 against 2")
    lines = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", halfway).replace("\r", "\n").splitlines()
    assert "0:10 left" in halfway
    assert "…" not in halfway
    assert max(map(len, lines)) <= 40
    assert all(any(word in line for line in lines) for word in ("likelihood", "ratio", "against 2"))


def test_nothing_in_a_pipe():
    assert shown(100, terminal=False) == ("", "")


def test_a_name_is_no_markup():
    assert "[red]steps" in shown(100, name="[red]steps")[1]
