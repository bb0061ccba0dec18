"""How a command ends: refusals in one sentence, interrupts, a reader who has gone, and the exit codes."""

import errno
import os
import signal
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import click

from bayesgmm.cli.streams import note, one_line
from bayesgmm.errors import BayesGMMError
from bayesgmm.support.files import reason

__all__ = ["WRITE_FAULTS", "WRITTEN", "Interrupted", "Program", "Stop", "Target", "Terminated"]

# Where a command keeps the files that it writes.
WRITTEN = f"{__name__}.written"

# What a disk or a folder does to a program, as opposed to what a program does to itself.
WRITE_FAULTS = {errno.EACCES, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.ENOSPC, errno.EPERM, errno.EROFS}


class Stop(click.ClickException):
    """The end of a command that cannot be carried out, in one sentence."""

    exit_code = 2


class Interrupted(Stop):
    """The end of a command by Ctrl-C."""

    exit_code = 130


class Terminated(Stop):
    """The end of a command by SIGTERM."""

    exit_code = 143


class _Termination(KeyboardInterrupt):
    """SIGTERM: whatever cleans up after Ctrl-C does so after it, too."""


@dataclass(frozen=True)
class Target:
    """A file that a command is about to write, and what is there before."""

    path: str
    before: tuple[int, int, int] | None

    @classmethod
    def of(cls, path: str | Path) -> "Target":
        return cls(str(path), _state(str(path)))

    @property
    def is_written(self) -> bool:
        """Whether there is another file now. It is asked at the end: an interrupt may fall between a file's
        being written and its being noted."""
        return _state(self.path) != self.before


def _state(path: str) -> tuple[int, int, int] | None:
    """What changes when another file is renamed into a place."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size


class Program(click.Group):
    """A group of commands whose every refusal is one sentence on standard error."""

    def main(  # type: ignore[override]
        self, args: Sequence[str] | None = None, prog_name: str | None = None, **options: Any
    ) -> NoReturn:
        """Run a command and exit; the codes are in the help."""
        options["standalone_mode"] = False
        _prepare_streams()
        with warnings.catch_warnings(), _insistent_interrupts(), _termination():
            warnings.showwarning = note
            try:
                code = super().main(args, "bayesgmm", **options)
            except click.ClickException as error:
                code = error.exit_code
                print(f"bayesgmm: {one_line(_sentence(error))}", file=sys.stderr)
        sys.exit(code)

    # Options of the group are read in the first of these, all else happens in the second.
    def make_context(self, *args: Any, **options: Any) -> click.Context:
        with _ended_well([]):
            return super().make_context(*args, **options)

    def invoke(self, ctx: click.Context) -> None:
        with _ended_well(ctx.meta.setdefault(WRITTEN, [])):
            super().invoke(ctx)
            # What nobody reads any more must be noticed here, not when the interpreter closes its files.
            sys.stdout.flush()

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands with whole sentences; click cuts them where a line would end."""
        with formatter.section("Commands"):
            formatter.write_dl(
                [(name, command.get_short_help_str(200)) for name, command in sorted(self.commands.items())]
            )

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args[0] not in self.commands and not ctx.resilient_parsing:
            raise Stop(f"There is no command {args[0]!r}{_hint(args[0], list(self.commands), ctx)}")
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
    """See to it that Ctrl-C and SIGTERM end the command even if they fall into a callback, where Python drops
    exceptions."""
    import _thread
    import time

    before = sys.unraisablehook

    def again(signum: signal.Signals) -> None:
        time.sleep(0.2)
        _thread.interrupt_main(signum)

    def hook(dropped: Any) -> None:
        if not issubclass(dropped.exc_type, KeyboardInterrupt):
            before(dropped)
            return
        # LLVM calls back while functions are compiled; once more, when it has come back from there. A Timer
        # would wait here for its thread, and on a busy machine the interrupt would fall into this hook and be
        # dropped as well.
        terminated = issubclass(dropped.exc_type, _Termination)
        _thread.start_new_thread(again, (signal.SIGTERM if terminated else signal.SIGINT,))

    sys.unraisablehook = hook
    try:
        yield
    finally:
        sys.unraisablehook = before


@contextmanager
def _termination() -> Iterator[None]:
    """Let SIGTERM end the command as Ctrl-C does: nothing half-written stays, and no process."""

    def end(*_: object) -> NoReturn:
        raise _Termination

    try:
        before = signal.signal(signal.SIGTERM, end)
    except ValueError:  # not in the main thread, which alone receives signals
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def _ended_well(targets: list[Target]) -> Iterator[None]:
    """Turn refusals of the package, signals and a reader who has gone into an end that click understands."""
    try:
        yield
    except BrokenPipeError:
        _discard_output()
        raise click.exceptions.Exit(0) from None
    except OSError as error:
        # Standard output has no file name; a file that cannot be written is dealt with where it is written.
        if error.errno not in WRITE_FAULTS or error.filename is not None:
            raise
        _discard_output()
        raise Stop(f"The results cannot be written ({reason(error)}).") from None
    except KeyboardInterrupt as end:
        if sys.stderr.isatty():
            print(file=sys.stderr)  # ends the line on which the terminal has shown ^C
        written = [repr(target.path) for target in targets if target.is_written]
        outcome = f"only {' and '.join(written)}" if written else "nothing"
        outcome += f" {'were' if len(written) > 1 else 'was'} written"
        if isinstance(end, _Termination):
            raise Terminated(f"terminated, {outcome}") from None
        raise Interrupted(f"interrupted, {outcome}") from None
    except MemoryError:
        raise Stop("The memory does not suffice; use fewer rows, components, draws or chains.") from None
    except BayesGMMError as error:
        raise Stop(str(error)) from None
    except (TypeError, ValueError) as error:
        if not _is_of_validation(error):
            raise
        raise Stop(str(error)) from None


def _is_of_validation(error: Exception) -> bool:
    """Whether an error was raised to turn down an argument; any other is a fault, to be shown in full."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return trace is not None and trace.tb_frame.f_globals.get("__name__") == "bayesgmm.rows.checks"


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
