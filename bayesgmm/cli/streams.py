"""Standard error and standard output: notes and progress on the one, results on the other."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

__all__ = ["Page", "busy", "note", "one_line", "say"]

NARROWEST_WORDS = 14


# ------------------------------------------------------------ what goes to standard error


def note(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: Any = None,
    line: str | None = None,
) -> None:
    """Show a warning as a note: in place of ``warnings.showwarning``."""
    print(f"bayesgmm: note: {one_line(str(message))}", file=sys.stderr)


def say(text: str, quiet: bool) -> None:
    """Announce a long step, whose own display, if any, is for terminals."""
    if not quiet:
        print(f"bayesgmm: {one_line(text)} ...", file=sys.stderr, flush=True)


@contextmanager
def busy(text: str, quiet: bool = False) -> Iterator[None]:
    """A spinner on a terminal while the block runs: imports alone can take seconds."""
    if quiet or not sys.stderr.isatty():
        yield
        return
    from rich.console import Console
    from rich.text import Text

    with Console(stderr=True).status(Text(one_line(text))):
        yield


def one_line(text: str) -> str:
    """The text without line breaks and without anything that would command a terminal."""
    return "".join(c if c.isprintable() else " " for c in text)


# ------------------------------------------------------------ what goes to standard output


class Page:
    """Standard output: wrapped and in colour on a terminal, one line a sentence and no colour in a pipe."""

    def __init__(self) -> None:
        from rich.console import Console

        self.terminal = sys.stdout.isatty()
        self.console = Console(
            force_terminal=self.terminal,
            width=None if self.terminal else 1_000_000,
            highlight=False,
            markup=False,
            emoji=False,
        )

    def line(self, text: str = "", style: str = "", *, wrap: bool = True) -> None:
        """One paragraph; one with a path in it is better left to the terminal to wrap."""
        self.console.print(one_line(text), style=style, soft_wrap=not (wrap and self.terminal))

    def table(
        self, columns: dict[str, list[str]], *, right: Sequence[str], optional: Sequence[Sequence[str]] = ()
    ) -> None:
        """A table of text by column; on a narrow terminal the last of the optional groups of columns go
        first."""
        cells = {name: [one_line(text) for text in column] for name, column in columns.items()}
        left_out = _too_many(cells, right, optional, self.console.width)
        kept = {name: column for name, column in cells.items() if name not in left_out}
        with self.console.capture() as drawn:
            self.console.print(_rich_table(kept, right))
        for row in drawn.get().splitlines():
            print(row.rstrip())
        if left_out:
            self.line(f"(no room for {', '.join(n for n in cells if n in left_out)})", style="dim")


def _too_many(
    cells: dict[str, list[str]], right: Sequence[str], optional: Sequence[Sequence[str]], width: int
) -> set[str]:
    """Optional columns that a terminal of this width has no room for, if the others are to be read."""
    from rich.cells import cell_len  # some letters take two places

    widths = {name: max(map(cell_len, [name, *column])) + 2 for name, column in cells.items()}
    # Words can be wrapped, numbers cannot.
    needed = {name: w if name in right else min(w, NARROWEST_WORDS) for name, w in widths.items()}
    left_out: set[str] = set()
    for group in reversed(optional):
        if sum(w for other, w in needed.items() if other not in left_out) - 2 <= width:
            break
        left_out.update(group)
    return left_out


def _rich_table(cells: dict[str, list[str]], right: Sequence[str]) -> Any:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold")
    for name in cells:
        justify: Any = "right" if name in right else "left"
        table.add_column(name, justify=justify, no_wrap=name in right, overflow="fold")
    for row in zip(*cells.values(), strict=True):
        table.add_row(*map(Text, row))
    return table
