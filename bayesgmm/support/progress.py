"""Progress of the steps of a fit: bars on a terminal or in a notebook, nothing elsewhere."""

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import copy_context
from threading import Event, Thread
from types import TracebackType
from typing import Any, Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Column
from rich.text import Text

__all__ = ["Steps"]


# Below this many columns of a terminal bar and count are left out.
NARROW = 72
# Of the lines below a notebook's cell, in columns; and how often they are shown anew, in seconds.
CELL_WIDTH, CELL_REFRESH = 100, 0.25


class _TimeLeft(ProgressColumn):
    """Time left of a step that can tell, and nothing where none is known or left."""

    # Less often than ten times a second, or the figure could not be read.
    max_refresh = 0.5

    def render(self, task: Task) -> Text:
        seconds = task.time_remaining
        if task.finished or seconds is None:
            return Text()
        minutes, seconds = divmod(int(seconds), 60)
        hours, minutes = divmod(minutes, 60)
        clock = f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"
        return Text(f"{clock} left", style="progress.remaining")


class _BelowCell:
    """The steps as text below a notebook's cell, in one place that is shown anew.

    Rich's own display for notebooks asks for ipywidgets, with a warning where these are missing; this one
    needs nothing that a notebook has not, and is the same with them and without.
    """

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._handle: Any = None
        self._ended = Event()
        # In the context of the cell, or the notebook would not know whose output it is.
        self._thread = Thread(target=copy_context().run, args=(self._keep_showing,), daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._ended.set()
        self._thread.join()
        self._show()

    def _keep_showing(self) -> None:
        while not self._ended.wait(CELL_REFRESH):
            self._show()

    def _show(self) -> None:
        from IPython.display import display

        page = Console(file=io.StringIO(), force_jupyter=False, color_system=None, width=CELL_WIDTH)
        with page.capture() as drawn:
            page.print(self._progress.get_renderable())
        text = {"text/plain": "\n".join(line.rstrip() for line in drawn.get().splitlines())}
        if self._handle is not None:
            self._handle.update(text, raw=True)
        elif text["text/plain"]:
            self._handle = display(text, raw=True, display_id=True)


def _whole() -> Column:
    """A column that is never cut: where there is no room, the name of the step is wrapped."""
    return Column(no_wrap=True)


class Steps:
    """A display of named steps, one line each.

    Examples
    --------
    >>> from bayesgmm.support.progress import Steps
    >>> with Steps(enabled=False) as steps:
    ...     with steps.step("sampling", total=100) as progress:
    ...         progress(50, 100, 0)
    """

    def __init__(self, enabled: bool, console: Console | None = None) -> None:
        console = console or Console(stderr=True)
        bar = (BarColumn(24, table_column=_whole()), MofNCompleteColumn(table_column=_whole()))
        self._progress = Progress(
            SpinnerColumn(finished_text="[green]done[/green]", table_column=_whole()),
            TextColumn("{task.description}", markup=False, table_column=Column()),
            *(() if console.width < NARROW else bar),
            TimeElapsedColumn(table_column=_whole()),
            _TimeLeft(table_column=_whole()),
            console=console,
            disable=not (enabled and (console.is_terminal or console.is_jupyter)),
        )
        below_cell = console.is_jupyter and not self._progress.disable
        self._display = _BelowCell(self._progress) if below_cell else self._progress

    def __enter__(self) -> Self:
        self._display.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._display.stop()

    @contextmanager
    def step(self, name: str, total: int | None = None) -> Iterator[Callable[[int, int, int], None]]:
        """One line while the block runs; yields a function of (done, total, divergences)."""
        task = self._progress.add_task(name, total=total)

        def update(done: int, of: int, divergences: int) -> None:
            note = f"{name}, {divergences} divergences" if divergences else name
            self._progress.update(task, completed=done, total=of, description=note)

        yield update
        size = total or 1
        self._progress.update(task, completed=size, total=size)
