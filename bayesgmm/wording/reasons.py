"""What was found, as a code and numbers, and where its sentence is looked up."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from bayesgmm.support.sentences import plain

__all__ = ["CONSOLE", "PAGE", "Reason", "sentences", "worded", "worded_for_page"]

CONSOLE, PAGE = "console", "page"

_SENTENCES: dict[tuple[str, str], Callable[..., str]] = {}


@dataclass(frozen=True)
class Reason:
    """One thing that was found; its sentence is ``str(reason)``.

    Parameters
    ----------
    code : str
        What it is, in one word that programs may rely on.
    values : mapping, optional
        The numbers and strings that belong to it, as JSON can hold them; also tuples of these, and other
        reasons. NumPy's numbers become Python's.

    Raises
    ------
    TypeError
        Where a value is none of these.

    Examples
    --------
    >>> reason = Reason("transitions_diverged", {"n": 1})
    >>> print(reason)
    1 transition diverged, so that a part of the posterior may be missing; raise target_accept.
    >>> Reason.from_json(reason.to_json()) == reason
    True
    """

    code: str
    values: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", {str(name): _plain(v) for name, v in self.values.items()})

    def __hash__(self) -> int:
        return hash((self.code, tuple(sorted(self.values.items(), key=lambda item: item[0]))))

    def __str__(self) -> str:
        return self.sentence()

    def sentence(self, audience: str = CONSOLE) -> str:
        """In words for an audience; where it has none of its own, in those of the console."""
        told = _SENTENCES.get((audience, self.code)) or _SENTENCES.get((CONSOLE, self.code))
        if told is not None:
            # Names of columns and rows may hold anything, also what would command a terminal.
            return plain(told(**self.values))
        numbers = ", ".join(f"{name} {value}" for name, value in self.values.items())
        return plain(f"{self.code.replace('_', ' ').capitalize()}{': ' * bool(numbers)}{numbers}.")

    def to_json(self) -> dict[str, Any]:
        """As JSON holds it; a reason among the values is held alike."""
        return {"code": self.code, "values": {name: _as_json(v) for name, v in self.values.items()}}

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> "Reason":
        """What :meth:`to_json` was made of."""
        return cls(found["code"], {name: _from_json(v) for name, v in found["values"].items()})


def worded(function: Callable[..., str]) -> Callable[..., str]:
    """Register a sentence: the function's name is the code, its parameters are the names of the values."""
    return _register(CONSOLE, function)


def worded_for_page(function: Callable[..., str]) -> Callable[..., str]:
    """The same for the page, whose reader is not a statistician."""
    return _register(PAGE, function)


def sentences() -> dict[tuple[str, str], Callable[..., str]]:
    """All sentences, by audience and code."""
    return dict(_SENTENCES)


def _register(audience: str, function: Callable[..., str]) -> Callable[..., str]:
    _SENTENCES[audience, function.__name__] = function
    return function


def _plain(value: Any) -> Any:
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, list | tuple):
        return tuple(_plain(v) for v in value)
    if value is None or isinstance(value, str | bool | int | float | Reason):
        return value
    raise TypeError(f"A reason holds numbers and strings, and tuples of them; got {type(value).__name__}.")


def _as_json(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_as_json(v) for v in value]
    return value.to_json() if isinstance(value, Reason) else value


def _from_json(value: Any) -> Any:
    if isinstance(value, list):
        return [_from_json(v) for v in value]
    return Reason.from_json(value) if isinstance(value, dict) else value
