"""How tests run the command line: in this process, in another one, or on a terminal."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from bayesgmm import cli

QUICK = ["--draws", "50", "--chains", "2"]
FIT = ["fit", "data.csv", "-k", "2"]
# What the installed script does.
PROGRAM = [sys.executable, "-c", "from bayesgmm.cli import main; main()"]
# A shell starts what runs in the background with interrupts ignored, and children inherit that.
INTERRUPTIBLE = [
    sys.executable,
    "-c",
    "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); from bayesgmm.cli import main; "
    "main()",
]
# The same with a command that does nothing but print into a buffer, to be flushed at the end.
PRINTING = [
    sys.executable,
    "-c",
    "from bayesgmm.cli import main; main.command('print')(lambda: print('x')); main()",
]
BUFFERED = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def run(*args, charset="utf-8", **options):
    return CliRunner(charset=charset).invoke(cli.main, list(args), **options)


def done(*args, **options):
    """A run that ends well."""
    result = run(*args, **options)
    assert result.exit_code == 0, (result.stderr, result.exception)
    return result


def refusal(*args, **options):
    """The sentence with which a command is refused; nothing may have been printed or written besides."""
    before = {path: path.read_bytes() for path in Path().rglob("*") if path.is_file()}
    result = run(*args, **options)
    assert result.exit_code == 2, (result.stdout, result.exception)
    assert result.stdout == ""
    assert {path: path.read_bytes() for path in Path().rglob("*") if path.is_file()} == before
    *announcements, sentence = result.stderr.splitlines()
    assert all(line.endswith(" ...") for line in announcements)
    assert sentence.startswith("bayesgmm: ")
    return sentence.removeprefix("bayesgmm: ")


def terminal(args, columns):
    """What a terminal so many columns wide would have been sent."""
    pty = pytest.importorskip("pty")
    screen, end = pty.openpty()
    environment = os.environ | {"COLUMNS": str(columns), "TERM": "xterm"}
    sent = b""
    with subprocess.Popen([*PROGRAM, *args], stdin=end, stdout=end, stderr=end, env=environment) as process:
        os.close(end)
        while True:
            try:
                sent += os.read(screen, 65536)
            except OSError:  # how Linux says that the program has gone
                break
    os.close(screen)
    assert process.returncode == 0
    return sent.decode()
