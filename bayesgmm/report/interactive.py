"""The one view of a page that answers a hand: a scatter plot with two features to choose, and what is known
of each point.

Altair describes the plot; `view.js` shows it, together with the libraries it needs, as one script inside the
page.
"""

import json
import subprocess
import sys
from base64 import b64encode
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from bayesgmm.comparison.sides import Sides
from bayesgmm.mixture.density import CERTAIN
from bayesgmm.plots.groups import em_labels, telling_features
from bayesgmm.report.chart import DATA, chart
from bayesgmm.report.names import Name
from bayesgmm.report.points import points_of, records_of
from bayesgmm.support.sentences import distinct
from bayesgmm.wording import view as wording
from bayesgmm.wording.rows import called

if TYPE_CHECKING:
    from bayesgmm.comparison.partitioning import Partition
    from bayesgmm.estimator import BayesGaussianMixture

__all__ = ["View", "interactive_view", "stop_bundling", "view_script"]

Array = NDArray[np.float64]

MOST_FEATURES = 30
# As in view.js.
MOST_VALUES = 8
# Seconds; it takes two.
LONGEST_WAIT = 60


@dataclass(frozen=True)
class View:
    """What the page needs: ``data`` is JSON and ``script`` JavaScript, both safe inside a script element.

    ``fingerprint`` is the script's, by which a browser knows the one that may run.
    """

    data: str
    script: str
    fingerprint: str
    alt: str
    caption: str
    note: str


def interactive_view(
    bayes: "BayesGaussianMixture",
    names: Sequence[Name],
    part: "Partition | None",
    sides: Sides | None = None,
) -> View | None:
    """The view, of 5,000 observations and 30 features at the most; None of one group in one dimension, where
    nothing can be chosen.

    Parameters
    ----------
    bayes : BayesGaussianMixture
    names : sequence of Name
        The features.
    part : Partition or None
        Whose clusters are shown where component-wise summaries must not be used; None elsewhere.
    sides : Sides, optional
        Of a comparison, whose EM fit and intervals are told of each observation; by default of the baseline.
    """
    X, sides = bayes.rows_.values, sides or Sides.of(bayes)
    k, d = bayes.em_.params_.means.shape
    if k == 1 and d == 1:
        return None
    points = points_of(bayes, part, sides)
    by = "" if k == 1 else "component" if part is None else "cluster of the partition"
    shown = min(d, MOST_FEATURES)
    fields = {f"f{j}": name for j, name in enumerate(distinct([n.short for n in names[:shown]]))}
    doubt = "1 − largest membership" if part is None else "1 − similarity to the own cluster"
    records = records_of(X[:, :shown], points, bayes.rows_)
    spec = chart(fields, _first_two(X[:, :shown], bayes), points, records).to_dict()
    # Not given to the chart: Altair would copy the points a dozen times, one by one.
    spec["datasets"] |= {DATA: records}
    content = {
        "spec": spec,
        "names": fields | {"u": doubt},
        "heading": "Component" if part is None else "Cluster",
    }
    script = view_script()
    return View(
        # A script element ends where its text says so, whatever a name may hold.
        json.dumps(content, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c"),
        script,
        "sha256-" + b64encode(sha256(script.encode()).digest()).decode("ascii"),
        wording.alt(n_points=len(points.rows), n_features=d, n_uncertain=int(points.uncertain.sum()), by=by),
        wording.caption(
            rows=called(bayes.rows_),
            by=by,
            most_values=MOST_VALUES,
            threshold=CERTAIN,
            ci_prob=sides.ci_prob,
        ),
        wording.note(len(points.rows), len(X), shown, d),
    )


@cache
def view_script() -> str:
    """Vega, Vega-Lite, vega-embed and `view.js` in one; about 0.9 MB, and seconds of compiled code when first
    asked for."""
    import altair as alt

    here = files("bayesgmm.report")
    own = here.joinpath("view.js").read_text(encoding="utf-8")
    licences = here.joinpath("view_licences.txt").read_text(encoding="utf-8")
    version = alt.SCHEMA_VERSION.removeprefix("v").rsplit(".", 1)[0]
    whole = f"/*!\n{licences}*/\n{_bundle(own, version)}"
    return whole.replace("\r\n", "\n").replace("</script", "<\\/script")


def _bundle(own: str, version: str) -> str:
    """Our script and what it needs, put together by vl-convert."""
    # It holds the interpreter's lock all the while: in a process of its own, pictures are drawn beside it.
    if sys.executable and not getattr(sys, "frozen", False):
        with suppress(OSError, subprocess.SubprocessError):
            # An interpreter of another program may print anything; what has this sum is the bundle.
            digest, _, bundle = _bundled_elsewhere(own, version).partition(b"\n")
            if digest.decode("ascii", "replace") == sha256(bundle).hexdigest():
                return bundle.decode()
    import vl_convert

    return vl_convert.javascript_bundle(own, vl_version=version)


def _bundled_elsewhere(own: str, version: str) -> bytes:
    """What the other process prints."""
    command = [sys.executable, "-P", "-c", _BUNDLER, version]
    no_window = getattr(subprocess, "CREATE_NO_WINDOW", 0)
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, creationflags=no_window) as process:
        _bundlers.add(process)
        try:
            printed = process.communicate(own.encode(), timeout=LONGEST_WAIT)[0]
        finally:
            process.kill()
            is_wanted = process in _bundlers
            _bundlers.discard(process)
    if not is_wanted:
        raise _Unwanted
    return printed


class _Unwanted(Exception):
    """Nobody waits for the script any more."""


_bundlers: set["subprocess.Popen[bytes]"] = set()


def stop_bundling() -> None:
    """End the other process, whose result nobody waits for."""
    while _bundlers:
        _bundlers.pop().kill()


_BUNDLER = """
import hashlib, sys, vl_convert
own = sys.stdin.buffer.read().decode()
bundle = vl_convert.javascript_bundle(own, vl_version=sys.argv[1]).encode()
sys.stdout.buffer.write(hashlib.sha256(bundle).hexdigest().encode() + b"\\n" + bundle)
"""


# ------------------------------------------------------------ what is told of each point


def _first_two(X: Array, bayes: "BayesGaussianMixture") -> tuple[str, str]:
    """What is drawn at first; one feature stands against the doubt."""
    if X.shape[1] == 1:
        return "f0", "u"
    x, y = telling_features(X, em_labels(bayes))
    return f"f{x}", f"f{y}"
