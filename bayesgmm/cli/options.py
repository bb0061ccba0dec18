"""Options that several commands have, and what their values may be."""

from typing import Any

import click
from click.shell_completion import CompletionItem

from bayesgmm.support.sentences import shorten

__all__ = [
    "COLUMNS",
    "DROP_MISSING",
    "ID_COLUMN",
    "JSON",
    "LARGEST",
    "QUIET",
    "DataSet",
    "File",
    "Folder",
    "Numbers",
    "Whole",
]

LARGEST = 1_000_000


class Whole(click.ParamType):
    """A whole number between two bounds."""

    name = "integer"

    def __init__(self, minimum: int, maximum: int | None = None) -> None:
        self.minimum, self.maximum = minimum, maximum

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """The number, or a refusal that names the bounds."""
        try:
            number = int(value)
        except ValueError:
            number = None
        if number is None or number < self.minimum or (self.maximum is not None and number > self.maximum):
            bounds = (
                f"of at least {self.minimum}"
                if self.maximum is None
                else f"from {self.minimum} to {self.maximum}"
            )
            option = param.opts[0] if param else "The value"
            raise click.BadParameter(
                f"{option} must be a whole number {bounds}; got {shorten(str(value))!r}."
            )
        return number


class Numbers(click.ParamType):
    """Numbers of components, such as 1:6 or 2,3,5."""

    name = "numbers"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> list[int]:
        """The numbers, or a refusal."""
        if isinstance(value, list):
            return value
        first, colon, last = str(value).partition(":")
        try:
            found = (
                list(range(int(first), int(last) + 1)) if colon else [int(k) for k in str(value).split(",")]
            )
        except ValueError:
            found = []
        if not found or min(found) < 1 or max(found) > LARGEST:
            raise click.BadParameter(
                f"-k must be numbers of components such as 1:6 or 2,3,5; got {shorten(str(value))!r}."
            )
        return found


class File(click.ParamType):
    """The path of a file, which a shell completes."""

    name = "file"

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """Leave it to the shell."""
        return [CompletionItem(incomplete, type="file")]


class Folder(click.ParamType):
    """The path of a folder, which a shell completes."""

    name = "folder"

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """Leave it to the shell."""
        return [CompletionItem(incomplete, type="dir")]


class DataSet(click.ParamType):
    """The name of a shipped data set."""

    name = "name"

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """The names that begin so."""
        from bayesgmm.rows.datasets import names

        return [CompletionItem(name) for name in names() if name.startswith(incomplete)]


COLUMNS = click.option("--columns", metavar="A,B", help="Columns to cluster, by name; all, if not given.")
ID_COLUMN = click.option(
    "--id-column",
    metavar="NAME",
    help="The column that names the rows, and is not clustered; their numbers in the file, if not given.",
)
DROP_MISSING = click.option(
    "--drop-missing", is_flag=True, help="Leave out rows with a missing value, and say how many."
)
QUIET = click.option("-q", "--quiet", is_flag=True, help="No progress on stderr; notes and errors remain.")
JSON = click.option(
    "--json", "as_json", is_flag=True, help="One JSON object on stdout, and nothing else there."
)
