"""What is counted about the source itself: `python tests/house.py` prints it, test_architecture.py holds it.

Each count returns the places, so that a failing test names them.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import bayesgmm

PACKAGE = Path(bayesgmm.__file__).parent
TESTS = Path(__file__).parent
LONGEST_FILE, LONGEST_FUNCTION = 400, 60
# A sentence, rather than a fragment: so many words that end with a full stop.
WORDS_OF_A_SENTENCE = 8


def sources(folder: Path = PACKAGE) -> Iterator[tuple[Path, ast.Module]]:
    """The Python files below a folder, parsed."""
    for path in sorted(folder.rglob("*.py")):
        yield path, ast.parse(path.read_text())


def strings(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Line and text of the strings of a module but for docstrings; what is formatted is one word."""
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    parts = {id(v) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for v in node.values}
    for node in ast.walk(tree):
        if id(node) in docstrings | parts:
            continue
        if isinstance(node, ast.JoinedStr):
            text = "".join(v.value if isinstance(v, ast.Constant) else "x" for v in node.values)
            yield node.lineno, text
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.lineno, node.value


def is_sentence(text: str) -> bool:
    """Eight words or more that end with a full stop, also as a regular expression has it."""
    enough = len(re.findall(r"\w[\w'.-]*", text)) >= WORDS_OF_A_SENTENCE
    return enough and bool(re.search(r"\.[\"')$]*\s*$", text))


def literals(names: set[str], allowed: tuple[str, ...]) -> list[str]:
    """Places in the package where one of the names stands as a string, outside the allowed files and
    folders."""
    return [
        f"{path.relative_to(PACKAGE)}:{line} {text!r}"
        for path, tree in sources()
        if not str(path.relative_to(PACKAGE)).startswith(allowed)
        for line, text in strings(tree)
        if text in names
    ]


def family_literals() -> list[str]:
    """Names of covariance families outside their registry."""
    from bayesgmm.mixture.families import FAMILIES

    return literals(set(FAMILIES), ("mixture/families.py",))


def method_literals() -> list[str]:
    """Names of methods outside their room."""
    from bayesgmm.methods import METHODS

    # EM's kinds of starts have one of the same name.
    return literals(set(METHODS), ("methods/", "wording/", "em/starts.py"))


def reaches() -> list[str]:
    """Places that reach into a tree of draws, or its attributes, rather than ask the record of the fit."""
    pattern = re.compile(r"posterior_\[|\btree\[|\.attrs\b")
    return [
        f"{path.relative_to(PACKAGE)}:{number} {line.strip()}"
        for path in sorted(PACKAGE.rglob("*.py"))
        if str(path.relative_to(PACKAGE)) not in ("fit.py", "storage/fits.py", "storage/hdf5.py")
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if pattern.search(line) and not line.lstrip().startswith((">>>", "..."))
    ]


def loose_modules() -> list[str]:
    """Modules directly in the package."""
    return [path.name for path in sorted(PACKAGE.glob("*.py"))]


def functions() -> dict[str, int]:
    """Lines of each function's body and signature; its docstring is not counted."""
    found = {}
    for path, tree in sources():
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                has_text = ast.get_docstring(node, clean=False) is not None
                text = node.body[0].end_lineno - node.body[0].lineno + 1 if has_text else 0
                place = f"{path.relative_to(PACKAGE)}:{node.lineno} {node.name}"
                found[place] = node.end_lineno - node.lineno + 1 - text
    return found


def long_functions() -> list[str]:
    """Functions above the limit."""
    return [f"{place}: {lines}" for place, lines in functions().items() if lines > LONGEST_FUNCTION]


def long_files() -> list[str]:
    """Files above the limit."""
    lengths = {path: len(path.read_text().splitlines()) for path in PACKAGE.rglob("*.py")}
    return [f"{path.relative_to(PACKAGE)}: {n}" for path, n in sorted(lengths.items()) if n > LONGEST_FILE]


def compiled_functions() -> dict[str, int]:
    """Compiled functions that Python calls, and how many positional arguments each takes."""
    found = {}
    for path, tree in sources():
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef) and any(
                isinstance(d, ast.Name) and d.id in ("entry", "inlined", "inlined_in_order")
                for d in node.decorator_list
            ):
                found[f"{path.relative_to(PACKAGE)}:{node.lineno} {node.name}"] = len(node.args.args)
    return found


def whole_sentences() -> list[str]:
    """Strings of the tests that hold whole sentences of the package; what a benchmark prints is its own."""
    return [
        f"{path.relative_to(TESTS)}:{line} {text[:60]!r}"
        for path, tree in sources(TESTS)
        if "benchmarks" not in path.parts
        for line, text in strings(tree)
        if is_sentence(text)
    ]


def table() -> list[tuple[str, object]]:
    """Each figure by its name."""
    lines = sorted(functions().values())
    return [
        ("covariance-family literals outside mixture/families.py", len(family_literals())),
        ("names of methods outside methods/ and wording/", len(method_literals())),
        ("reaches into posterior_[...] or .attrs outside fit.py and storage/", len(reaches())),
        ("loose modules in bayesgmm/", len(loose_modules())),
        ("most positional arguments of compiled code", max(compiled_functions().values())),
        ("median function, lines", median(lines)),
        ("90th percentile of functions, lines", lines[int(0.9 * len(lines))]),
        ("longest function, lines", lines[-1]),
        ("functions above 60 lines", len(long_functions())),
        ("files above 400 lines", len(long_files())),
        ("whole sentences in tests", len(whole_sentences())),
    ]


if __name__ == "__main__":
    for name, value in table():
        print(f"{value!s:>6}  {name}")
