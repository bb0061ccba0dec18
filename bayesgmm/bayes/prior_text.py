"""A prior, or parts of one, written as one line of text, as a command line or a file of settings can hold
it."""

import ast
import difflib
from collections.abc import Iterator
from dataclasses import fields
from typing import Any, NoReturn

from bayesgmm.bayes.priors import Prior
from bayesgmm.bayes.std_priors import EVERY_FAMILY
from bayesgmm.errors import ParameterError

__all__ = ["prior_parts"]

PARTS = tuple(field.name for field in fields(Prior))
EXAMPLE = "mean_loc=(3.5, 70), mean_scale=9, std_prior=gamma(2, 1)"
# What one part is tried with: numbers that are fine whatever it is.
FINE: dict[str, Any] = {"mean_loc": 0.0, "mean_scale": 1.0, "std_prior": ("halfnormal", 1.0)}
SHOWN = 30


def prior_parts(text: str) -> dict[str, Any]:
    """The arguments of `Prior` that a text gives, checked one by one; those that it leaves out are left out
    here, too.

    The text is a list of parts, each a name and a value: a number, numbers in brackets, one for each feature
    or component, brackets of these in brackets, one for each component, or for ``std_prior`` a family and its
    numbers, written like a call. A printed ``Prior(...)`` is read as well.

    Raises
    ------
    ParameterError
        Where a part cannot be read, or cannot be part of a prior; ``details`` has ``part``, that piece of the
        text.

    Examples
    --------
    >>> from bayesgmm.bayes.prior_text import prior_parts
    >>> prior_parts("mean_loc=(3.5, 70), std_prior=gamma(2, 1)")
    {'mean_loc': (3.5, 70.0), 'std_prior': ('gamma', 2.0, 1.0)}
    """
    found: dict[str, Any] = {}
    for name, node, part in _parts(text):
        if name not in PARTS:
            close = difflib.get_close_matches(name, PARTS, n=1)
            hint = f"; did you mean {close[0]!r}?" if close else "."
            _refuse(f"There is no {name!r} in a prior, which has {', '.join(PARTS)}{hint}", part)
        if name in found:
            _refuse(f"{name} is given twice, the second time as '{part}'.", part)
        is_named = name == "std_prior" or (name == "concentration" and _named(node))
        value = _family(node, part) if is_named else _number(node, part)
        try:
            found[name] = getattr(Prior(**(FINE | {name: value})), name)
        except ParameterError as error:
            raise ParameterError(f"In '{part}': {error}", part=part, **error.details) from None
    if not found:
        _refuse(f"The prior is empty; write names and values, such as '{EXAMPLE}'.", text)
    return found


def _parts(text: str) -> Iterator[tuple[str, ast.expr, str]]:
    """Name, value and own piece of text of each part; values by Python's grammar, of which nothing is run."""
    bare = " ".join(text.split())
    if bare.startswith("Prior(") and bare.endswith(")"):
        bare = bare.removeprefix("Prior(").removesuffix(")")
    for part in _split(bare):
        name, equals, value = (piece.strip() for piece in part.partition("="))
        if not part:
            _refuse("There is a comma with no part of the prior before or behind it.", part)
        if not (equals and name.isidentifier()):
            _refuse(f"'{part}' is no name and value, such as mean_scale=9.", part)
        try:
            node = ast.parse(value, mode="eval").body
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            _refuse(
                f"The value in '{part}' cannot be read; write names and values, such as '{EXAMPLE}'.", part
            )
        yield name, node, part


def _split(text: str) -> Iterator[str]:
    """The pieces between those commas that stand outside brackets."""
    depth, start = 0, 0
    for i, letter in enumerate(text):
        depth += (letter in "([") - (letter in ")]")
        if letter == "," and depth == 0:
            yield text[start:i].strip()
            start = i + 1
    rest = text[start:].strip()
    if depth:
        _refuse(f"A bracket is {'not closed' if depth > 0 else 'closed, but not opened,'} in '{rest}'.", rest)
    if rest or start:
        yield rest


def _number(node: ast.expr, part: str) -> Any:
    """A number, or several in brackets, or several of these brackets in brackets."""
    if not isinstance(node, ast.Tuple | ast.List):
        return _single(node, part)
    return tuple(
        tuple(_single(number, part) for number in each.elts)
        if isinstance(each, ast.Tuple | ast.List)
        else _single(each, part)
        for each in node.elts
    )


def _single(node: ast.expr, part: str) -> float:
    sign = -1.0 if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub) else 1.0
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd):
        node = node.operand
    value = node.value if isinstance(node, ast.Constant) else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        _refuse(f"'{part}' must hold a number, or numbers in brackets, such as 9 or (3.5, 70).", part)
    return sign * value


def _named(node: ast.expr) -> bool:
    """Whether a value is a name and its numbers: mixture(1, 4), or ('mixture', 1, 4)."""
    first = node.elts[0] if isinstance(node, ast.Tuple | ast.List) and node.elts else None
    return isinstance(node, ast.Call) or (isinstance(first, ast.Constant) and isinstance(first.value, str))


def _family(node: ast.expr, part: str) -> tuple[Any, ...]:
    """A family of standard deviations and its numbers: gamma(2, 1), or ('gamma', 2, 1) as a prior prints
    it."""
    name: Any = None
    numbers: list[ast.expr] = []
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and not node.keywords:
        name, numbers = node.func.id, node.args
    elif isinstance(node, ast.Tuple | ast.List) and node.elts and isinstance(node.elts[0], ast.Constant):
        name, numbers = node.elts[0].value, node.elts[1:]
    if not isinstance(name, str):
        known = ", ".join(f"{f.name}({', '.join(f.numbers)})" for f in EVERY_FAMILY.values())
        _refuse(f"'{part}' must name a family and its numbers, which are {known}.", part)
    # A description writes families as HalfCauchy(2).
    return name.lower(), *(_number(each, part) for each in numbers)


def _refuse(message: str, part: str) -> NoReturn:
    raise ParameterError(message, part=part)
