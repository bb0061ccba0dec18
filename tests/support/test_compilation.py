"""The disk cache of compiled code knows all its sources."""

import ast
import os
import pickle
import re
import subprocess
import sys
from pathlib import Path

import pytest

import bayesgmm
from bayesgmm.mixture import kernels
from bayesgmm.support import compilation, compiled_files

PACKAGE = Path(bayesgmm.__file__).parent


def test_every_file_with_compiled_code_is_a_source():
    decorated = re.compile(r"^@(entry|inlined|inlined_in_order|c_entry)\b", re.MULTILINE)
    found = {str(p.relative_to(PACKAGE)) for p in PACKAGE.rglob("*.py") if decorated.search(p.read_text())}
    assert found <= set(compilation.SOURCES)


def test_compiled_code_takes_its_memory_at_a_distance():
    """Floats of compiled functions come from `allocation`, so that where they lie cannot change how a loop
    rounds."""
    found = []
    for name in set(compilation.SOURCES) - {"support/allocation.py"}:
        for function in ast.walk(ast.parse((PACKAGE / name).read_text())):
            marks = [ast.unparse(d) for d in getattr(function, "decorator_list", [])]
            if not any(re.match(r"(entry|inlined|inlined_in_order|c_entry)\b", mark) for mark in marks):
                continue
            for call in (node for node in ast.walk(function) if isinstance(node, ast.Call)):
                text = ast.unparse(call)
                # Integers do not round, and of nothing no loop runs.
                harmless = "np.int" in text or re.fullmatch(r"np\.empty\((0|\(0, .*\))\)", text)
                if re.match(r"np\.(empty|zeros|ones|full|array)\b", text) and not harmless:
                    found.append(f"{name}: {function.name}: {text}")
    assert found == []


def test_entries_are_stamped_with_the_digest_of_all_sources():
    assert kernels.accumulate._cache._cache_file._source_stamp == compilation.source_digest()


@pytest.fixture
def trial(tmp_path):
    """A package of two files, whose compiled code is cached as this one's is; returns what runs a line of
    Python with it."""
    package = tmp_path / "trial"
    # As far below the sources' folder as the package's own.
    (package / "support").mkdir(parents=True)
    source = Path(compilation.__file__).read_text()
    names = re.search(r"SOURCES = \(.*?\n\)", source, re.DOTALL).group()
    source = source.replace(names, 'SOURCES = ("helper.py", "caller.py")')
    files = Path(compiled_files.__file__).read_text()
    for name, text in {"compilation": source, "compiled_files": files}.items():
        (package / "support" / f"{name}.py").write_text(text.replace("bayesgmm.", "trial."))
    for file in ("__init__.py", "support/__init__.py", "helper.py", "caller.py"):
        (package / file).write_text("")

    def run(code, **files):
        for name, text in files.items():
            (package / f"{name}.py").write_text(text)
        command = [sys.executable, "-c", code]
        # Beside the sources, whatever folder the tests' own compiled code is kept in.
        variables = {name: value for name, value in os.environ.items() if name != "NUMBA_CACHE_DIR"}
        done = subprocess.run(
            command, cwd=tmp_path, env=variables, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return float(done.stdout)

    return run


def test_a_change_in_another_file_is_noticed(trial):
    """A helper is changed in one file; an entry in another, cached before, must not run the old code."""
    caller = (
        "from trial.support.compilation import entry\nfrom trial.helper import helper\n"
        "@entry\ndef caller(x):\n    return helper(x)\n"
    )
    helper = "from trial.support.compilation import inlined\n@inlined\ndef helper(x):\n    return x + {}\n"
    code = "from trial.caller import caller; print(caller(0.0))"
    assert [trial(code, caller=caller, helper=helper.format(v)) for v in (1.0, 2.0)] == [1.0, 2.0]


CALLER = "from trial.support.compilation import entry\n@entry\ndef caller(x):\n    return x + 1.0\n"
# The value, how often damage was told, and whether the code had been there.
TELLING = (
    "import warnings\n"
    "with warnings.catch_warnings(record=True) as told:\n"
    "    warnings.simplefilter('always')\n"
    "    from trial.caller import caller\n"
    "    value = caller(1.0)\n"
    "damage = [str(w.message) for w in told if 'damaged' in str(w.message)]\n"
    "assert all('__pycache__' in sentence for sentence in damage), damage\n"
    "print(value + 10 * len(damage) + 100 * sum(caller.stats.cache_hits.values()))"
)


def cut(content):
    return content[: len(content) // 2]


def flipped(content):
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


@pytest.mark.parametrize("ending", ["nbi", "nbc"])
@pytest.mark.parametrize("damage", [cut, flipped, lambda content: b"", lambda content: b"garbage"])
def test_damaged_files_are_told_once_and_written_anew(damage, ending, trial, tmp_path):
    assert trial(TELLING, caller=CALLER) == 2.0
    (path,) = tmp_path.rglob(f"caller.caller-*.{ending}")
    path.write_bytes(damage(path.read_bytes()))
    assert trial(TELLING) == 12.0
    assert trial(TELLING) == 102.0


def test_files_of_another_version_are_replaced_without_a_word(trial, tmp_path):
    assert trial(TELLING, caller=CALLER) == 2.0
    (path,) = tmp_path.rglob("caller.caller-*.nbi")
    head, rest = path.read_bytes().split(b"\n", 1)
    for other in (head[:-1] + b"?\n" + rest, pickle.dumps("0.60.0") + rest):
        path.write_bytes(other)
        assert trial(TELLING) == 2.0
    assert trial(TELLING) == 102.0


def test_a_type_that_is_no_more_is_no_obstacle(trial):
    """What was cached for a named tuple is not read when its class has gone."""
    caller = (
        "from typing import NamedTuple\nfrom trial.support.compilation import entry\n"
        "class {}(NamedTuple):\n    first: float\n    second: float\n"
        "@entry\ndef caller(x):\n    return x.first + x.second\n"
    )
    for name in ("Pair", "Two"):
        code = f"from trial.caller import *; print(caller({name}(1.0, 2.0)))"
        assert trial(code, caller=caller.format(name)) == 3.0
