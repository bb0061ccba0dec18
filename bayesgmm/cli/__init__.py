"""The command line, and the only place that prints and exits.

``demo``, ``fit``, ``select``, ``compare``, ``report``, ``check`` and ``datasets`` each call the package's
public functions and show what they return; ``completion`` prints scripts for shells. Results go to standard
output; progress, notes and errors go to standard error. Whatever the package turns down is said in one
sentence, while a fault of its own keeps its traceback.

Of what is imported from outside, only click is imported at the top of a file: help, completions and mistyped
options must not wait for PyMC, pandas or scikit-learn.
"""

from bayesgmm.cli.checking import check
from bayesgmm.cli.commands import compare, completion, datasets, fit, report
from bayesgmm.cli.demo import demo
from bayesgmm.cli.group import main
from bayesgmm.cli.selecting import select

__all__ = ["check", "compare", "completion", "datasets", "demo", "fit", "main", "report", "select"]
