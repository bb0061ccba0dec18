"""The command line, and the only place that prints and exits.

``demo``, ``fit``, ``select``, ``compare``, ``report`` and ``datasets`` each call the package's public functions and show what they
return. Results go to standard output; progress, notes and errors go to standard error. Whatever the package turns
down is said in one sentence, while a fault of its own keeps its traceback.
"""

# This file is longer than most, since much of it is help and sentences.

# Click is all that is imported from outside: help and mistyped options must not wait for PyMC, pandas or scikit-learn.
import errno
import math
import os
import stat
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

import bayesgmm
from bayesgmm.errors import BayesGMMError

if TYPE_CHECKING:
    import pandas as pd

    from bayesgmm import BayesGaussianMixture
    from bayesgmm.comparison import Comparison, Selection

__all__ = ["main"]

_WRITTEN = f"{__name__}.written"
_SETTINGS = (
    "method",
    "method_reason",
    "draws",
    "tune",
    "chains",
    "target_accept",
    "covariance_type",
    "prior",
)
_LARGEST = 1_000_000
_LONGEST_NAME = 60
_NARROWEST_WORDS = 14
# What a disk or a folder does to a program, as opposed to what a program does to itself.
_WRITE_FAULTS = {errno.EACCES, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.ENOSPC, errno.EPERM, errno.EROFS}


# ------------------------------------------------------------ how a command ends


class _Stop(click.ClickException):
    """The end of a command that cannot be carried out, in one sentence."""

    exit_code = 2


class _Interrupted(_Stop):
    exit_code = 130


class _Program(click.Group):
    """A group of commands whose every refusal is one sentence on standard error."""

    def main(  # type: ignore[override]
        self, args: Sequence[str] | None = None, prog_name: str | None = None, **options: Any
    ) -> NoReturn:
        """Run a command and exit; the codes are in the help."""
        options["standalone_mode"] = False
        _prepare_streams()
        with warnings.catch_warnings(), _insistent_interrupts():
            warnings.showwarning = _note
            try:
                code = super().main(args, "bayesgmm", **options)
            except click.ClickException as error:
                code = error.exit_code
                print(f"bayesgmm: {_one_line(_sentence(error))}", file=sys.stderr)
        sys.exit(code)

    # Options of the group are read in the first of these, all else happens in the second.
    def make_context(self, *args: Any, **options: Any) -> click.Context:
        with _ended_well([]):
            return super().make_context(*args, **options)

    def invoke(self, ctx: click.Context) -> None:
        with _ended_well(ctx.meta.setdefault(_WRITTEN, [])):
            super().invoke(ctx)
            # What nobody reads any more must be noticed here, not when the interpreter closes its files.
            sys.stdout.flush()

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args[0] not in self.commands and not ctx.resilient_parsing:
            raise _Stop(f"There is no command {args[0]!r}{_hint(args[0], list(self.commands), ctx)}")
        return super().resolve_command(ctx, args)


def _prepare_streams() -> None:
    """Make both streams able to take any text."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by the caller
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115 -- it stays open to the end
        elif hasattr(getattr(sys, name), "reconfigure"):
            # A letter that the terminal does not know becomes an escape, not a traceback.
            getattr(sys, name).reconfigure(errors="backslashreplace")


@contextmanager
def _insistent_interrupts() -> Iterator[None]:
    """See to it that Ctrl-C ends the command even if it falls into a callback, where Python drops exceptions."""
    import _thread
    import time

    before = sys.unraisablehook

    def again() -> None:
        time.sleep(0.2)
        _thread.interrupt_main()

    def hook(dropped: Any) -> None:
        if not issubclass(dropped.exc_type, KeyboardInterrupt):
            before(dropped)
            return
        # LLVM calls back while functions are compiled; once more, when it has come back from there. A Timer would wait
        # here for its thread, and on a busy machine the interrupt would fall into this hook and be dropped as well.
        _thread.start_new_thread(again, ())

    sys.unraisablehook = hook
    try:
        yield
    finally:
        sys.unraisablehook = before


@contextmanager
def _ended_well(written: list[str]) -> Iterator[None]:
    """Turn refusals of the package, Ctrl-C and a reader who has gone into an end that click understands."""
    try:
        yield
    except BrokenPipeError:
        _discard_output()
        raise click.exceptions.Exit(0) from None
    except OSError as error:
        # Standard output has no file name; a file that cannot be written is dealt with where it is written.
        if error.errno not in _WRITE_FAULTS or error.filename is not None:
            raise
        _discard_output()
        raise _Stop(f"The results cannot be written ({_reason(error)}).") from None
    except KeyboardInterrupt:
        if sys.stderr.isatty():
            print(file=sys.stderr)  # ends the line on which the terminal has shown ^C
        kept = " and ".join(repr(path) for path in written)
        outcome = f"only {kept}" if written else "nothing"
        raise _Interrupted(
            f"interrupted, {outcome} {'were' if len(written) > 1 else 'was'} written"
        ) from None
    except MemoryError:
        raise _Stop("The memory does not suffice; use fewer rows, components, draws or chains.") from None
    except BayesGMMError as error:
        raise _Stop(str(error)) from None
    except (TypeError, ValueError) as error:
        if not _is_of_validation(error):
            raise
        raise _Stop(str(error)) from None


def _is_of_validation(error: Exception) -> bool:
    """Whether an error was raised to turn down an argument; any other is a fault, to be shown in full."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return trace is not None and trace.tb_frame.f_globals.get("__name__") == "bayesgmm.validation"


def _discard_output() -> None:
    """Let what is still to be flushed go nowhere."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            os.dup2(nowhere, stream.fileno())


def _sentence(error: click.ClickException) -> str:
    """What was wrong with the command line, in words without click's headings."""
    ctx = getattr(error, "ctx", None)
    if isinstance(error, click.NoSuchOption):
        options = [name for p in ctx.command.get_params(ctx) for name in p.opts] if ctx else []
        return f"There is no option {error.option_name!r}{_hint(error.option_name, options, ctx)}"
    if isinstance(error, click.MissingParameter) and error.param is not None and ctx is not None:
        option = [error.param.opts[0]] if isinstance(error.param, click.Option) else []
        name = " ".join([*option, error.param.make_metavar(ctx)])
        return f"The command {ctx.info_name!r} needs {name}; see '{ctx.command_path} --help'."
    if isinstance(error, click.UsageError) and not isinstance(error, click.BadParameter) and ctx is not None:
        return f"{error.format_message().rstrip('.')}; see '{ctx.command_path} --help'."
    return error.message


def _hint(name: str, known: list[str], ctx: click.Context | None) -> str:
    import difflib

    close = difflib.get_close_matches(name, known, n=1)
    path = ctx.command_path if ctx else "bayesgmm"
    return f"; did you mean {close[0]!r}?" if close else f"; see '{path} --help'."


# ------------------------------------------------------------ what goes to standard error


def _note(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: Any = None,
    line: str | None = None,
) -> None:
    print(f"bayesgmm: note: {_one_line(str(message))}", file=sys.stderr)


def _say(text: str, quiet: bool) -> None:
    """Announce a long step, whose own display, if any, is for terminals."""
    if not quiet:
        print(f"bayesgmm: {_one_line(text)} ...", file=sys.stderr, flush=True)


@contextmanager
def _busy(text: str, quiet: bool = False) -> Iterator[None]:
    """A spinner on a terminal while the block runs: imports alone can take seconds."""
    if quiet or not sys.stderr.isatty():
        yield
        return
    from rich.console import Console
    from rich.text import Text

    with Console(stderr=True).status(Text(_one_line(text))):
        yield


def _one_line(text: str) -> str:
    return "".join(c if c.isprintable() else " " for c in text)


def _count(n: int, noun: str) -> str:
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"


# ------------------------------------------------------------ what goes to standard output


class _Page:
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
        self.console.print(_one_line(text), style=style, soft_wrap=not (wrap and self.terminal))

    def table(
        self, columns: dict[str, list[str]], *, right: Sequence[str], optional: Sequence[Sequence[str]] = ()
    ) -> None:
        """A table of text by column; on a narrow terminal the last of the optional groups of columns go first."""
        cells = {name: [_one_line(text) for text in column] for name, column in columns.items()}
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
    needed = {name: w if name in right else min(w, _NARROWEST_WORDS) for name, w in widths.items()}
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


# ------------------------------------------------------------ the result of a fit, as text and as JSON


def _show(
    bayes: "BayesGaussianMixture", result: "Comparison", *, dropped: int | None = None, **files: str
) -> None:
    """Data, verdict, comparison, parameters and the files written, in that order."""
    page = _Page()
    page.line(_heading(bayes, dropped), style="bold")
    page.line()
    first, *rest = _sentences(result.verdict)
    page.line(first, style="green" if bayes.verdict_.ok else "bold red")
    for sentence in rest:
        page.line(sentence)
    _show_tempering(page, bayes)
    if not bayes.em_.converged_:
        page.line(f"EM ended {bayes.em_.status_}.", style="bold red")
    page.line()
    _show_parameters(page, bayes.verdict_.ok, result)
    if files:
        page.line()
    for what, path in files.items():
        page.line(f"{what} written to {path!r}", wrap=False)


def _show_tempering(page: _Page, bayes: "BayesGaussianMixture") -> None:
    """Why a method was chosen, and what tempering tells of the whole posterior."""
    if bayes.method_reason_:
        page.line(bayes.method_reason_)
    if bayes.log_evidence_ is not None:
        value, error = bayes.log_evidence_
        page.line(f"Log evidence {value:.2f}, standard error between runs {error:.2f}.")
    if "modes" in bayes.posterior_ and bayes.mode_map_.n_modes > 1:
        page.line()
        for line in str(bayes.mode_map_).splitlines():
            page.line(line)


def _heading(bayes: "BayesGaussianMixture", dropped: int | None) -> str:
    n, d = bayes.posterior_["observed_data"]["x"].shape
    features = ", ".join(map(_shortened, _features(bayes)))
    left_out = "" if dropped is None else f" ({_count(dropped, 'row')} with a missing value left out)"
    components = _count(bayes.em_.params_.n_components, "component")
    return f"{_count(n, 'observation')}{left_out}, {_count(d, 'column')} ({features}), {components}"


def _show_parameters(page: _Page, ok: bool, result: "Comparison") -> None:
    table = result.parameters
    if not ok:
        page.line("One by one, these numbers do not mean what they seem to (see above).", style="bold red")
    page.line(
        "EM estimate; posterior mean, sd and 95 % interval; difference (EM minus mean) in posterior sds:",
        style="dim",
    )
    numbers = ["em", "mean", "sd", "lower", "upper", "difference"]
    columns = {"parameter": [_shortened(str(name)) for name in table.index]}
    columns |= {name: [f"{value:.4g}" for value in table[name]] for name in numbers}
    columns["inside"] = ["yes" if inside else "no" for inside in table["inside"]]
    page.table(
        columns, right=[*numbers, "inside"], optional=[["sd"], ["lower", "upper"], ["inside"], ["difference"]]
    )
    page.line()
    page.line("Log-likelihood: " + ", ".join(f"{k} {v:.2f}" for k, v in result.log_likelihood.items()))


def _sentences(text: str) -> list[str]:
    import re

    return re.split(r"(?<=[.]) +(?=[A-Z])", text)


def _shortened(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else name[: _LONGEST_NAME - 1] + "…"


def _features(bayes: "BayesGaussianMixture") -> list[str]:
    return [str(name) for name in bayes.posterior_["posterior"]["feature"].to_numpy()]


def _print_json(
    bayes: "BayesGaussianMixture", result: "Comparison", *, dropped: int | None = None, **files: str | None
) -> None:
    """The same as :func:`_show` for programs: one JSON object, and numbers in full."""
    import json

    n, d = bayes.posterior_["observed_data"]["x"].shape
    attrs = bayes.posterior_.attrs
    verdict = bayes.verdict_
    content = {
        "n_observations": n,
        "n_dropped": dropped,
        "n_features": d,
        "n_components": bayes.em_.params_.n_components,
        "features": _features(bayes),
        "verdict": {
            "ok": verdict.ok,
            "reasons": list(verdict.reasons),
            "r_hat": verdict.components.r_hat,
            "effective_sample_size": verdict.components.ess,
            "divergences": verdict.divergences,
            "exploration": verdict.exploration,
            "pareto_k": verdict.importance.pareto_k if verdict.importance else None,
        },
        "log_evidence": None if bayes.log_evidence_ is None else list(bayes.log_evidence_),
        "modes": bayes.mode_map_.table.to_dict("records") if "modes" in bayes.posterior_ else None,
        "comparison": result.verdict,
        "em": {"converged": bayes.em_.converged_, "status": bayes.em_.status_, "n_iter": bayes.em_.n_iter_},
        "log_likelihood": result.log_likelihood.to_dict(),
        "parameters": result.parameters.reset_index().to_dict("records"),
        "settings": {name: attrs[name] for name in _SETTINGS}
        | {"random_state": _seed(attrs["random_state"])},
        "created_by": attrs["created_by"],
        "data_sha256": attrs["data_sha256"],
        "files": files,
    }
    print(json.dumps(_plain(content), indent=2, allow_nan=False))


def _seed(text: str) -> int | None:
    """The seed, if it was a number."""
    return int(text) if text.isdecimal() else None


def _plain(value: Any) -> Any:
    """Numpy's numbers as Python's, and null for what is no number: JSON knows no NaN."""
    if isinstance(value, dict):
        return {key: _plain(v) for key, v in value.items()}
    if isinstance(value, list):
        return [_plain(v) for v in value]
    value = value.item() if hasattr(value, "item") else value
    return None if isinstance(value, float) and not math.isfinite(value) else value


# ------------------------------------------------------------ files


def _check_targets(source: str | None, targets: dict[str, str | None]) -> None:
    """Refuse, before any work, outputs that cannot be written or that would overwrite what is read or one another."""
    taken = {} if source in (None, "-") else {os.path.realpath(source): f"is the file to be read, {source!r}"}
    for option, path in targets.items():
        if path is None:
            continue
        _check_target(Path(path))
        real = os.path.realpath(path)
        if real in taken:
            raise _Stop(f"The file of {option} {taken[real]}; give it another name.")
        taken[real] = f"is that of {option}, too"


def _check_target(target: Path) -> None:
    from bayesgmm.storage import check_writable

    try:
        kind = target.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        kind = stat.S_IFREG
    except OSError as error:
        raise _cannot_write(target, error) from None
    if not stat.S_ISREG(kind) and not stat.S_ISDIR(kind):
        # A file renamed into its place would replace a device such as /dev/null.
        raise _Stop(f"{str(target)!r} is not an ordinary file; give the name of one.")
    check_writable(target)


def _check_folder(folder: Path) -> None:
    """Refuse a folder that neither is there nor can be created."""
    nearest = next(p for p in (folder, *folder.parents) if os.path.exists(p))
    if not nearest.is_dir():
        raise _Stop(f"{str(nearest)!r} is a file, not a folder; name a folder with --output.")
    if not os.access(nearest, os.W_OK):
        raise _Stop(f"The folder {str(nearest)!r} cannot be written to; name another with --output.")


def _write(target: Path, write: Callable[[], object]) -> None:
    """Let `write` make the file, and remember that it is there."""
    try:
        write()
    except OSError as error:
        if error.errno not in _WRITE_FAULTS:
            raise
        raise _cannot_write(target, error) from None
    click.get_current_context().meta[_WRITTEN].append(str(target))


def _cannot_write(target: Path, error: OSError) -> _Stop:
    return _Stop(
        f"{str(target)!r} cannot be written ({_reason(error)}); free some space or choose another place."
    )


def _reason(error: OSError) -> str:
    return os.strerror(error.errno or 0).lower()


def _write_fit(bayes: "BayesGaussianMixture", path: str) -> None:
    _write(Path(path), lambda: bayesgmm.save(bayes, path))


def _write_report(
    bayes: "BayesGaussianMixture", path: str | Path, quiet: bool, title: str | None = None
) -> None:
    from bayesgmm.report import write_report

    _say(f"writing the report {str(path)!r}", quiet)
    _write(Path(path), lambda: write_report(bayes, path, title=title, progressbar=not quiet))


def _load(path: str) -> "BayesGaussianMixture":
    try:
        return bayesgmm.load(path)
    except BayesGMMError:
        raise
    except (KeyError, OSError, RuntimeError, ValueError) as error:
        # HDF5 finds damage inside a file only when it comes to the place, and calls it by many names.
        raise _Stop(f"{path!r} is damaged ({str(error).strip(chr(39))}); fit and save it again.") from None


# ------------------------------------------------------------ commands


class _Whole(click.ParamType):
    """A whole number between two bounds."""

    name = "integer"

    def __init__(self, minimum: int, maximum: int | None = None) -> None:
        self.minimum, self.maximum = minimum, maximum

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
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
                f"{option} must be a whole number {bounds}; got {_shortened(str(value))!r}."
            )
        return number


class _Numbers(click.ParamType):
    """Numbers of components, such as 1:6 or 2,3,5."""

    name = "numbers"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> list[int]:
        if isinstance(value, list):
            return value
        first, colon, last = str(value).partition(":")
        try:
            found = (
                list(range(int(first), int(last) + 1)) if colon else [int(k) for k in str(value).split(",")]
            )
        except ValueError:
            found = []
        if not found or min(found) < 1 or max(found) > _LARGEST:
            raise click.BadParameter(
                f"-k must be numbers of components such as 1:6 or 2,3,5; got {_shortened(str(value))!r}."
            )
        return found


_COLUMNS = click.option("--columns", metavar="A,B", help="Columns to cluster, by name; all, if not given.")
_DROP_MISSING = click.option(
    "--drop-missing", is_flag=True, help="Leave out rows with a missing value, and say how many."
)
_QUIET = click.option("-q", "--quiet", is_flag=True, help="No progress on stderr; notes and errors remain.")
_JSON = click.option(
    "--json", "as_json", is_flag=True, help="One JSON object on stdout, and nothing else there."
)


@click.group(
    cls=_Program,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(bayesgmm.__version__, prog_name="bayesgmm", message="%(prog)s %(version)s")
@click.pass_context
def main(ctx: click.Context) -> None:
    """Gaussian mixtures fitted twice, by EM and by full Bayes, and where the two agree.

    Results go to stdout; progress, notes and errors go to stderr.

    \b
    Examples:
      bayesgmm demo
      bayesgmm fit data.csv -k 3 --report out.html
      bayesgmm select data.csv -k 1:6
      bayesgmm datasets faithful | bayesgmm fit - -k 2

    \b
    Exit codes:
      0    done, also where the verdict refuses a reading of
           the components one by one: that is a result, which
           stands first in the text and under "verdict" in --json
      1    a fault in the program; a traceback shows where
      2    something in the input, the options or the disk,
           said in one sentence; no file is left half-written
      130  interrupted
    """
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


@main.command()
@click.option("--output", default="reports", show_default=True, metavar="DIR", help="Folder of the report.")
@_QUIET
def demo(output: str, quiet: bool) -> None:
    """Fit the Old Faithful geyser both ways and write a report.

    272 eruptions, their length and the waiting time to the next, two components, seed 0. The report
    is old_faithful.html; its folder is created if it is missing.

    \b
    Examples:
      bayesgmm demo
      bayesgmm demo --output /tmp/geyser
    """
    target = Path(output) / "old_faithful.html"
    _check_folder(target.parent)
    with _busy("starting", quiet):
        if target.parent.exists():
            _check_target(target)
        faithful = bayesgmm.datasets.load("faithful")
    bayes = _fit(faithful.frame[faithful.features], quiet, n_components=2, random_state=0)
    with _busy("comparing", quiet):
        result = bayesgmm.compare(bayes)
    _write_folder(target.parent)
    _write_report(bayes, target, quiet, title="Old Faithful")
    _show(bayes, result, Report=str(target))


def _write_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _cannot_write(folder, error) from None


@main.command()
@click.argument("data")
@click.option(
    "-k",
    "--components",
    "n_components",
    type=_Whole(1),
    required=True,
    metavar="K",
    help="Number of components.",
)
@_COLUMNS
@click.option(
    "--method",
    type=click.Choice(("auto", "nuts", "smc", "laplace")),
    default="auto",
    show_default=True,
    help="smc: tempering, for several modes and the evidence; auto: nuts, and smc where that is not enough; laplace: a quick approximation, with a check.",
)
@_DROP_MISSING
@click.option(
    "--draws",
    type=_Whole(4, _LARGEST),
    default=1000,
    show_default=True,
    metavar="S",
    help="Kept draws per chain.",
)
@click.option("--chains", type=_Whole(1, _LARGEST), default=4, show_default=True, metavar="M", help="Chains.")
@click.option(
    "--cores", type=_Whole(1, _LARGEST), metavar="N", help="Chains that run at once; all cores, if not given."
)
@click.option(
    "--seed",
    type=_Whole(0),
    default=0,
    show_default=True,
    metavar="N",
    help="The same seed, the same draws.",
)
@click.option("--report", metavar="HTML", help="Write a report that opens in any browser.")
@click.option("--save", metavar="NC", help="Write the fit, for compare, report and ArviZ.")
@_JSON
@_QUIET
def fit(
    data: str,
    columns: str | None,
    drop_missing: bool,
    report: str | None,
    save: str | None,
    as_json: bool,
    quiet: bool,
    seed: int,
    **settings: Any,
) -> None:
    """Fit K Gaussians to a table, by EM and by full Bayes.

    DATA is a csv, tsv or parquet file with a header, or - for standard input.

    \b
    Examples:
      bayesgmm fit data.csv -k 3
      bayesgmm fit data.csv -k 3 --columns width,height
      bayesgmm fit data.csv -k 3 --report out.html --save fit.nc
      bayesgmm fit data.csv -k 3 --drop-missing --json > fit.json
      bayesgmm datasets faithful | bayesgmm fit - -k 2
    """
    with _busy("reading the data", quiet):
        _check_targets(data, {"--report": report, "--save": save})
        frame, dropped = _read(data, columns, drop_missing)
    bayes = _fit(frame, quiet, random_state=seed, **settings)
    if save is not None:
        _write_fit(bayes, save)
    with _busy("comparing", quiet):
        result = bayesgmm.compare(bayes)
    if report is not None:
        _write_report(bayes, report, quiet)
    left_out = dropped if drop_missing else None
    if as_json:
        _print_json(bayes, result, dropped=dropped, report=report, fit=save)
    else:
        files = {"Report": report, "Fit": save}
        _show(
            bayes,
            result,
            dropped=left_out,
            **{what: path for what, path in files.items() if path is not None},
        )


def _read(data: str, columns: str | None, drop_missing: bool) -> tuple["pd.DataFrame", int]:
    """The columns to fit, and the number of rows left out."""
    import pandas as pd

    from bayesgmm.tables import read_table

    table = read_table(data, columns=columns, drop_missing=drop_missing)
    return pd.DataFrame(table.X, columns=table.names), table.dropped


def _fit(frame: "pd.DataFrame", quiet: bool, n_components: int, **settings: Any) -> "BayesGaussianMixture":
    n, d = frame.shape
    with _busy("starting", quiet):
        estimator = bayesgmm.BayesGaussianMixture(n_components, progressbar=not quiet, **settings)
    _say(f"fitting {_count(n, 'row')}, {_count(d, 'column')}, {_count(n_components, 'component')}", quiet)
    return estimator.fit(frame)


@main.command()
@click.argument("data")
@click.option(
    "-k",
    "--components",
    "ks",
    type=_Numbers(),
    default="1:6",
    show_default=True,
    metavar="KS",
    help="Numbers of components.",
)
@_COLUMNS
@_DROP_MISSING
@click.option(
    "--draws",
    type=_Whole(100, _LARGEST),
    default=500,
    show_default=True,
    metavar="S",
    help="Particles of a run.",
)
@click.option(
    "--bootstrap",
    "n_bootstrap",
    type=_Whole(0, _LARGEST),
    default=49,
    show_default=True,
    metavar="B",
    help="Data sets simulated for each likelihood-ratio test, at the most; 0 leaves the tests out.",
)
@click.option("--overfitted", is_flag=True, help="Also ask how many of many components have rows.")
@click.option(
    "--seed", type=_Whole(0), default=0, show_default=True, metavar="N", help="The same seed, the same table."
)
@click.option("--figure", metavar="PNG", help="Draw the criteria into a png or svg file.")
@_JSON
@_QUIET
def select(
    data: str,
    ks: list[int],
    columns: str | None,
    drop_missing: bool,
    draws: int,
    n_bootstrap: int,
    overfitted: bool,
    seed: int,
    figure: str | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """How many components? Every criterion in one table.

    By EM: BIC, AIC, ICL and a bootstrap likelihood-ratio test; by the posterior: leave-one-out, log evidence and the number of
    components that have rows. DATA is a csv, tsv or parquet file with a header, or - for standard input.

    \b
    Examples:
      bayesgmm select data.csv -k 1:6
      bayesgmm select data.csv -k 2,3,4 --bootstrap 0 --figure criteria.png
      bayesgmm datasets faithful | bayesgmm select - -k 1:4 --overfitted
    """
    with _busy("reading the data", quiet):
        _check_targets(data, {"--figure": figure})
        if figure is not None and Path(figure).suffix.lower() not in (".png", ".svg"):
            raise _Stop(f"--figure must end in .png or .svg; got {_shortened(figure)!r}.")
        frame, dropped = _read(data, columns, drop_missing)
    _say(f"fitting {_count(len(frame), 'row')} with {', '.join(map(str, ks))} components", quiet)
    choice = bayesgmm.select_components(
        frame,
        ks,
        draws=draws,
        n_bootstrap=n_bootstrap,
        overfitted=overfitted,
        random_state=seed,
        progressbar=not quiet,
    )
    if figure is not None:
        from bayesgmm.plots import plot_criteria

        _write(Path(figure), lambda: plot_criteria(choice).savefig(figure, dpi=120))
    if as_json:
        _print_selection(choice, dropped)
    else:
        _show_selection(choice, dropped if drop_missing else None, figure)


def _print_selection(choice: "Selection", dropped: int) -> None:
    import json

    found = {
        "verdict": choice.verdict,
        "best": dict(choice.best),
        "table": choice.table.reset_index().to_dict("records"),
        "occupied": None
        if choice.occupied is None
        else choice.occupied.table.reset_index().to_dict("records"),
        "rows_left_out": dropped,
    }
    click.echo(json.dumps(_plain(found), indent=2))


def _show_selection(choice: "Selection", dropped: int | None, figure: str | None) -> None:
    page, t = _Page(), choice.table
    page.line(choice.verdict, style="bold")
    if dropped is not None:
        page.line(f"{_count(dropped, 'row')} with a missing value left out.")
    page.line()

    def numbers(name: str, digits: int = 1) -> list[str]:
        return [f"{v:.{digits}f}" if math.isfinite(v) else "" for v in t[name]]

    def with_errors(name: str, digits: int) -> list[str]:
        both = zip(numbers(name, digits), numbers(f"{name}_se", digits), strict=True)
        return [f"{value} ± {error}" if value else "" for value, error in both]

    columns = {
        "K": [str(k) for k in t.index],
        "log-likelihood": numbers("log_likelihood", 2),
        "BIC": numbers("bic"),
        "AIC": numbers("aic"),
        "ICL": numbers("icl"),
        "LR p": numbers("lr_p_value", 2),
        "left out": with_errors("elpd_difference", 1),
        "log evidence": with_errors("log_evidence", 2),
        "probability": numbers("probability", 2),
        "occupied": numbers("occupied"),
        "verdict": list(t["verdict"]),
    }
    optional = [["ICL"], ["left out"], ["log-likelihood"], ["occupied"], ["AIC"]]
    page.table(columns, right=[name for name in columns if name != "verdict"], optional=optional)
    if figure is not None:
        page.line()
        page.line(f"Figure written to {figure!r}", wrap=False)


@main.command()
@click.argument("fit")
@_JSON
def compare(fit: str, as_json: bool) -> None:
    """Hold EM against the posterior of a saved fit.

    FIT is a file written by "bayesgmm fit --save" or by bayesgmm.save.

    \b
    Examples:
      bayesgmm compare fit.nc
      bayesgmm compare fit.nc --json
    """
    with _busy("comparing"):
        bayes = _load(fit)
        result = bayesgmm.compare(bayes)
    if as_json:
        _print_json(bayes, result)
    else:
        _show(bayes, result)


@main.command()
@click.argument("fit")
@click.option("--output", required=True, metavar="HTML", help="The file to write.")
@_QUIET
def report(fit: str, output: str, quiet: bool) -> None:
    """Write a report on a saved fit.

    FIT is a file written by "bayesgmm fit --save" or by bayesgmm.save.

    \b
    Examples:
      bayesgmm fit data.csv -k 3 --save fit.nc
      bayesgmm report fit.nc --output out.html
    """
    with _busy("reading the fit", quiet):
        _check_targets(fit, {"--output": output})
        bayes = _load(fit)
    _write_report(bayes, output, quiet)
    _Page().line(f"Report written to {output!r}", wrap=False)


@main.command()
@click.argument("name", required=False)
def datasets(name: str | None) -> None:
    """List the shipped data sets, or print one as csv.

    \b
    Examples:
      bayesgmm datasets
      bayesgmm datasets iris > iris.csv
      bayesgmm datasets faithful | bayesgmm fit - -k 2
    """
    if name is None:
        _list_datasets()
        return
    dataset = bayesgmm.datasets.load(name)
    if dataset.path is not None:
        click.echo(dataset.path.read_bytes(), nl=False)
    else:
        click.echo(dataset.frame.to_csv(index=False), nl=False)


def _list_datasets() -> None:
    with _busy("reading the data sets"):
        found = [bayesgmm.datasets.load(name) for name in bayesgmm.datasets.names()]
    columns = {
        "name": [dataset.name for dataset in found],
        "N": [str(dataset.X.shape[0]) for dataset in found],
        "D": [str(dataset.X.shape[1]) for dataset in found],
        "source": [dataset.source for dataset in found],
    }
    _Page().table(columns, right=["N", "D"])
