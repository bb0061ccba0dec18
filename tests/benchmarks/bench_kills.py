"""Commands that are ended at random moments: is anything lost or half-written, and is every message true?

Writes reports/kills.md. Run it: python tests/benchmarks/bench_kills.py (--kills 60 of each command, half an
hour on two cores).

Each command is started in a folder of its own and sent SIGINT, SIGTERM or SIGKILL after a random part of the
time that it takes. Afterwards every file that it was to write is whole or is what it was before; nothing else
is left but what SIGKILL leaves, which the next run removes; standard error says what was written, and that is
so; and the same command then ends well.
"""

import argparse
import os
import platform
import re
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

import bayesgmm

REPORT = Path(__file__).parents[2] / "reports" / "kills.md"
PROGRAM = [sys.executable, "-c", "from bayesgmm.cli import main; main()"]
CODES = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGKILL: -9}
# A file with this content was there before.
OLD = b"old"


def is_fit(path):
    bayesgmm.load(path)


def is_page(path):
    text = path.read_text()
    assert text.startswith("<!doctype html>") and text.rstrip().endswith("</html>")


def is_figure(path):
    assert path.read_bytes().startswith(b"\x89PNG") and b"IEND" in path.read_bytes()[-12:]


def is_records(path):
    assert all(line.startswith("{") and line.endswith("}") for line in path.read_text().splitlines())


# Arguments, and the files that are written with what holds of whole ones.
COMMANDS = {
    "fit": (
        "fit data.csv -k 2 --draws 500 --save fit2.nc --report fit.html --seed 1",
        {"fit2.nc": is_fit, "fit.html": is_page},
    ),
    "select": (
        "select data.csv -k 1:2 --bootstrap 5 --draws 200 --figure criteria.png",
        {"criteria.png": is_figure},
    ),
    "compare": ("compare fit.nc", {}),
    "report": ("report fit.nc --output report.html", {"report.html": is_page}),
    "check": (
        "check fit.nc -n 6 --records refits.jsonl --report check.html",
        {"refits.jsonl": is_records, "check.html": is_page},
    ),
    "demo": ("demo --output pages", {"pages/old_faithful.html": is_page}),
}


def prepared(folder, data, fit):
    (folder / "data.csv").write_bytes(data)
    (folder / "fit.nc").write_bytes(fit)


def started(folder, arguments):
    # A shell that is no terminal would have its children ignore SIGINT.
    return subprocess.Popen(
        [*PROGRAM, *arguments.split()],
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )


def faults(folder, files, before, code, told, kind):
    """What is wrong after a command has been ended; its name for each fault."""
    found = []
    changed = []
    for name, is_whole in files.items():
        path = folder / name
        content = path.read_bytes() if path.exists() else None
        if content == before.get(name):
            continue
        changed.append(name)
        try:
            is_whole(path)
        except Exception:
            found.append(f"{name} is half-written")
    left = list(folder.rglob("*.part"))
    if kind != signal.SIGKILL and code == CODES[kind]:
        if left:
            found.append("a temporary file is left")
        said = set(re.findall(r"'([^']+)'", told)) if "only" in told else set()
        if "written" in told and said != set(changed):
            found.append(f"it says {told!r}, and {changed} are written")
    elif kind != signal.SIGKILL and code not in (0, CODES[kind], -kind):
        found.append(f"exit code {code}: {told[-200:]!r}")
    return found


def trial(job):
    """One kill: how the command ended, and what was wrong."""
    command, number, seconds, data, fit = job
    arguments, files = COMMANDS[command]
    rng = np.random.default_rng([number, len(command), ord(command[0])])
    kind = [signal.SIGINT, signal.SIGTERM, signal.SIGKILL][number % 3]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        prepared(folder, data, fit)
        if number % 2 and command not in ("check", "demo"):
            for file in files:
                (folder / file).write_bytes(OLD)
        before = {file: OLD for file in files if (folder / file).exists()}
        child = started(folder, arguments)
        time.sleep(rng.uniform(0.02, 1.0) * seconds)
        child.send_signal(kind)
        told = child.communicate()[1].splitlines()
        told = told[-1] if told else ""
        code = child.returncode
        found = faults(folder, files, before, code, told, kind)
        again = started(folder, arguments)
        told = again.communicate()[1]
        if again.returncode != 0:
            found.append(f"the next run ended with {again.returncode}: {told[-200:]!r}")
        if list(folder.rglob("*.part")):
            found.append("the next run leaves a temporary file")
        for file, is_whole in files.items():
            is_whole(folder / file)
        return kind.name, code != 0, found


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, default=60)
    parser.add_argument("--command", choices=list(COMMANDS), action="append")
    options = parser.parse_args()
    began = time.perf_counter()
    faithful = bayesgmm.datasets.faithful()
    frame = faithful.frame[faithful.features]
    bayes = bayesgmm.BayesGaussianMixture(2, draws=500, random_state=0, progressbar=False).fit(frame)
    lines = ["| command | kills | ended by them | faults |", "|---|---|---|---|"]
    with tempfile.TemporaryDirectory() as name:
        data = frame.to_csv(index=False).encode()
        fit = bayesgmm.save(bayes, Path(name) / "fit.nc").read_bytes()
        for command in options.command or COMMANDS:
            folder = Path(tempfile.mkdtemp(dir=name))
            prepared(folder, data, fit)
            start = time.perf_counter()
            assert started(folder, COMMANDS[command][0]).wait() == 0
            # Two at a time take longer than one.
            seconds = 1.5 * (time.perf_counter() - start)
            with ThreadPoolExecutor(2) as pool:
                found = list(
                    pool.map(trial, [(command, i, seconds, data, fit) for i in range(options.kills)])
                )
            wrong = [fault for *_, faults in found for fault in faults]
            for fault in wrong:
                print(f"  {command}: {fault}")
            ended = sum(ended for _, ended, _ in found)
            lines.append(f"| {command} | {len(found)} | {ended} | {len(wrong)} |")
            print(lines[-1], flush=True)
    minutes = (time.perf_counter() - began) / 60
    text = [
        "# Commands that are ended at random moments",
        "",
        "By SIGINT, SIGTERM and SIGKILL in turn, after a random part of the time that they take; half of the "
        "runs have older files in the place of those to be written. A fault is a file that is half-written, "
        "a temporary file that is left (after SIGKILL: by the next run), a message on what was written that "
        "is not so, or a next run that does not end well.",
        f"Written by `python tests/benchmarks/bench_kills.py --kills {options.kills}` in {minutes:.0f} min "
        f"on {os.cpu_count()} cores ({platform.machine()}).",
        "",
        *lines,
        "",
    ]
    if options.kills >= 20 and not options.command:
        REPORT.write_text("\n".join(text))


if __name__ == "__main__":
    main()
