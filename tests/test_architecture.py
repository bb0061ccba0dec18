"""The house: a room imports from rooms below it, never from one above."""

import ast
from pathlib import Path

import house

import bayesgmm

PACKAGE = Path(bayesgmm.__file__).parent
# From the ground up: a room uses rooms below it, never above.
ORDER = (
    "errors",
    "support",
    "wording",
    "rows",
    "mixture",
    "em",
    "bayes",
    "methods",
    "posterior",
    "fit",
    "recording",
    "overview",
    "calibration",
    "results",
    "estimator",
    "storage",
    "comparison",
    "selection",
    "plots",
    "report",
    "cli",
    "__main__",
)
RANK = {name: floor for floor, name in enumerate(ORDER)}
HOMES = bayesgmm._HOMES


def imported(path):
    """Names of this package's first-level modules that a file imports at run time."""
    tree = ast.parse(path.read_text())
    typing_only = {
        id(node)
        for block in ast.walk(tree)
        if isinstance(block, ast.If) and ast.unparse(block.test) == "TYPE_CHECKING"
        for node in ast.walk(block)
    }
    for node in ast.walk(tree):
        if id(node) in typing_only:
            continue
        # What a dotted name or a string leads to would not be seen.
        assert not (isinstance(node, ast.ImportFrom) and node.level), f"{path}: a relative import"
        if isinstance(node, ast.Name) and node.id in ("import_module", "__import__"):
            assert path.relative_to(PACKAGE).as_posix() in ("__init__.py", "methods/__init__.py")
        # The root imports a name's module when it is asked for.
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "bayesgmm" and node.attr in HOMES:
            yield HOMES[node.attr].split(".")[1]
        if isinstance(node, ast.ImportFrom) and node.module == "bayesgmm":
            yield from (HOMES.get(a.name, f".{a.name}").split(".")[1] for a in node.names)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("bayesgmm."):
            yield node.module.split(".")[1]
        elif isinstance(node, ast.Import):
            yield from (a.name.split(".")[1] for a in node.names if a.name.startswith("bayesgmm."))


def first_level(path):
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def test_every_module_has_its_place():
    found = {first_level(p) for p in PACKAGE.rglob("*.py")} - {"__init__"}
    assert found == set(RANK)


def test_imports_go_down_only():
    wrong = []
    for path in PACKAGE.rglob("*.py"):
        here = first_level(path)
        if here == "__init__":
            continue
        wrong += [
            f"{path.relative_to(PACKAGE)} imports {there}"
            for there in imported(path)
            if there in RANK and there != here and RANK[there] >= RANK[here]
        ]
    assert wrong == []


def test_priors_model_and_sampling_have_never_heard_of_em():
    for path in (PACKAGE / "bayes").rglob("*.py"):
        assert "em" not in set(imported(path)), path


def test_families_are_named_in_one_place():
    assert house.family_literals() == []


def test_methods_are_named_in_their_room_only():
    assert house.method_literals() == []


def test_what_a_fit_says_is_asked_of_its_record():
    assert house.reaches() == []


def test_few_modules_are_loose():
    assert len(house.loose_modules()) <= 8


def test_functions_and_files_are_short():
    assert house.long_functions() == []
    assert house.long_files() == []


def test_compiled_code_is_handed_records_and_not_long_lists():
    assert max(house.compiled_functions().values()) <= 8


def test_tests_hold_no_sentences():
    # Assert codes and details, and hand the sentence to the fixture golden.
    assert house.whole_sentences() == []


def test_a_sentence_would_be_found():
    held = ast.parse(
        '"""This docstring is a sentence of eight words."""\n'
        'x = f"This one has {x} and more than eight words."\npass\n'
    )
    assert [house.is_sentence(text) for _, text in house.strings(held)] == [True]
    assert house.is_sentence("A regular expression that holds a sentence as well" + r"\.$")
    assert not house.is_sentence("Seven words are not many to hold.")
