"""Options that several commands have, and what their values may be."""

from collections.abc import Callable, Sequence
from typing import Any

import click
from click.shell_completion import CompletionItem

from bayesgmm.support.sentences import shorten

__all__ = [
    "COVARIANCE_TYPE",
    "JSON",
    "LARGEST",
    "OF_TABLES",
    "PRIOR",
    "QUIET",
    "DataSet",
    "Families",
    "File",
    "Folder",
    "Numbers",
    "OneOf",
    "PriorParts",
    "Whole",
    "reading_a_table",
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


class OneOf(click.ParamType):
    """A name that a registry has when it is asked for.

    Parameters
    ----------
    option : str
        For the refusal.
    names : function without parameters
        Those there are.
    """

    name = "name"

    def __init__(self, option: str, names: Callable[[], Sequence[str]]) -> None:
        self.option, self.names = option, names

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:
        """All of them, in the help of a command."""
        return f"[{'|'.join(self.names())}]"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The name, or a refusal that lists those there are."""
        if value not in self.names():
            raise click.BadParameter(
                f"{self.option} must be one of {', '.join(self.names())}; got {shorten(str(value))!r}."
            )
        return str(value)

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """The names that begin so."""
        return [CompletionItem(name) for name in self.names() if name.startswith(incomplete)]


class Families(click.ParamType):
    """Names of covariance families, such as tied,full; or all of them."""

    name = "families"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> str | list[str]:
        """The names; whether there are such families is said where they are fitted."""
        if isinstance(value, list) or value == "all":
            return value
        return [name.strip() for name in str(value).split(",") if name.strip()]

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """The names that begin as what stands behind the last comma."""
        before, comma, last = incomplete.rpartition(",")
        names = _families() if comma else ["all", *_families()]
        return [CompletionItem(before + comma + name) for name in names if name.startswith(last)]


class PriorParts(click.ParamType):
    """Parts of a prior, as names and values."""

    name = "prior"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> dict[str, Any]:
        """The parts, or a refusal that points at one."""
        from bayesgmm.bayes.prior_text import prior_parts
        from bayesgmm.errors import ParameterError

        if isinstance(value, dict):
            return value
        try:
            return prior_parts(str(value))
        except ParameterError as error:
            raise click.BadParameter(f"--prior: {error}") from None


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


_READING = {
    "columns": click.option(
        "--columns",
        metavar="A,B",
        help="Columns to cluster, by name; all, if not given, which must then be numbers.",
    ),
    "left_out": click.option(
        "--except",
        "left_out",
        multiple=True,
        metavar="A,B",
        help="Columns to leave out, by name, such as texts and numbers of rows.",
    ),
    "id_column": click.option(
        "--id-column",
        metavar="NAME",
        help="The column that names the rows, and is not clustered; if not given, their numbers in the file, "
        "from 1.",
    ),
    "missing_values": click.option(
        "--missing-values",
        multiple=True,
        metavar="A,B",
        help="What cells hold in place of a missing value, such as ? or -999; empty cells, NA and NaN are "
        "always taken for one.",
    ),
    "drop_missing": click.option(
        "--drop-missing", is_flag=True, help="Leave out rows with a missing value, and say how many."
    ),
    "missing": click.option(
        "--missing",
        type=click.Choice(["refuse", "model"]),
        default="refuse",
        help="What is done with missing values: refuse, or model them as missing at random, so that a row "
        "counts with the cells that it has. [default: refuse]",
    ),
}
OF_TABLES = tuple(_READING)


def reading_a_table[F: Callable[..., Any]](command: F) -> F:
    """The options of how a table is read, for a command; `OF_TABLES` are the names of their values."""
    for option in reversed(_READING.values()):
        command = option(command)
    return command


def _families() -> list[str]:
    from bayesgmm.mixture.families import NAMES

    return list(NAMES)


COVARIANCE_TYPE = click.option(
    "--covariance-type",
    type=OneOf("--covariance-type", _families),
    help="What the covariances of the components may be and share, by this program's name or mclust's; full, "
    "if not given. Of mclust's a posterior has EII, VII, EEI, VEI, EVI, VVI, EEE and VVV.",
)
PRIOR = click.option(
    "--prior",
    type=PriorParts(),
    metavar="PARTS",
    help="Parts of the prior, in the units of the data, such as 'mean_scale=(2, 20), std_prior=gamma(2, 1)'; "
    "what is not given is derived from the data.",
)
QUIET = click.option("-q", "--quiet", is_flag=True, help="No progress on stderr; notes and errors remain.")
JSON = click.option(
    "--json", "as_json", is_flag=True, help="One JSON object on stdout, and nothing else there."
)
