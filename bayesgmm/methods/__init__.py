"""Methods of inference: each one object, behind one door.

* ``nuts``: chains of the No-U-Turn sampler from the posterior modes that matter;
* ``smc``: tempering from many modes to the posterior, and the log evidence on the way;
* ``laplace``: weighted draws from the Gaussian at the posterior mode, quick and checked;
* ``auto``: a strategy, which draws nothing itself; it chooses among these and says why.

A method checks settings, draws, and says what it knows of its own draws; see
:class:`bayesgmm.methods.method.Method`. Whoever needs a method asks :func:`find`, and nobody else knows them
by name. To add one, write a file with its object and add a line to ``METHODS``, or :func:`register` the
object.

Methods are imported when first asked for: their names alone cost nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bayesgmm.methods.method import Method

__all__ = ["DEFAULT_METHOD", "METHODS", "WITH_EVIDENCE", "find", "register"]

# Where each method is, as a module of this room and a name in it, or the method itself.
METHODS: "dict[str, str | Method]" = {
    "auto": "auto:AUTO",
    "nuts": "nuts:NUTS",
    "smc": "smc:SMC",
    "laplace": "laplace:LAPLACE",
}
DEFAULT_METHOD = "auto"
# The one that also gives the log evidence, by which numbers of components are compared.
WITH_EVIDENCE = "smc"


def find(name: Any) -> "Method":
    """The method of that name.

    Raises
    ------
    ParameterError
        Where there is none; the message lists those there are.

    Examples
    --------
    >>> from bayesgmm.methods import find
    >>> find("laplace").title
    'draws from the Gaussian at the posterior mode, weighted and checked'
    """
    # Names alone are also asked for by the command line's help, which must not wait for NumPy.
    from bayesgmm.support.arguments import check_choice

    check_choice(name, "method", METHODS)
    found = METHODS[name]
    if isinstance(found, str):
        module, attribute = found.split(":")
        found = METHODS[name] = getattr(import_module(f"{__name__}.{module}"), attribute)
    return found


def register(method: "Method") -> None:
    """Make a method known by its name."""
    METHODS[method.name] = method
