"""Progress of the steps of a fit: bars on a terminal or in a notebook, nothing elsewhere."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

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

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._progress.stop()

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
