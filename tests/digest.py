"""The numbers that the package computes from fixed seeds, written to a file, and two such files compared.

    python tests/digest.py write before.json
    python tests/digest.py write after.json
    python tests/digest.py compare before.json after.json

A change that is meant to leave results alone leaves every entry equal, to the last bit on one machine, if
both are written with ``--in-order``: compiled code then adds and multiplies in the order in which it is
written. Otherwise the compiler may choose another order, by the processor and by the code around it; a chain
of NUTS turns a last bit into other draws. Caches of compiled code must be empty, or of such a run.

Only what is public is read, so that one copy of this file measures both sides. The JSON file is for readers
and holds small arrays whole; a .npz file beside it holds all. ``--only em/iris`` takes the entries named so.
"""

import argparse
import hashlib
import json
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from dataclasses import fields, is_dataclass
from functools import cache, partial
from operator import attrgetter
from pathlib import Path

import numpy as np
import pandas as pd
from numba.core.cpu_options import FastMathOptions

import bayesgmm as bg

FAMILIES = ("full", "tied", "diag", "spherical")
METHODS = ("nuts", "smc", "laplace")
SMALL = 32
TOLERANCE = 1e-12
# Sentences and tables of a report may go; the numbers that stay may not change.
MAY_GO = "report/"

EM_DATA = [("faithful", k) for k in (1, 2, 3, 4)]
EM_DATA += [("galaxies", 3), ("iris", 2), ("iris", 3), ("penguins", 3), ("banknote", 2), ("simulated", 3)]
EM_STARTS = ("k-means++", "kmeans", "random", "random_from_data", "ward")
EM_GIVEN = {"means_init": [[2.0, 50.0], [4.0, 80.0], [4.5, 70.0]], "weights_init": [0.4, 0.4, 0.2]}
CRITERIA = ("score", "bic", "aic", "icl", "entropy")

BAYES_DATA = [("nuts", "galaxies", 3, "full"), ("nuts", "iris", 3, "full"), ("nuts", "penguins", 3, "diag")]
BAYES_DATA += [
    ("laplace", "iris", 3, "tied"),
    ("smc", "faithful", 3, "full"),
    ("auto", "galaxies", 3, "full"),
]
BAYES = {f"{method}-{name}-{k}-{family}": (method, name, k, family) for method, name, k, family in BAYES_DATA}
# Of default size: its component-wise summaries are identifiable.
BAYES["readable"] = ("auto", "faithful", 2, "full", None, 1000, 4)
BAYES_READ = ("log_evidence_", "verdict_.ok", "membership_", "membership_sd_", "similarity_", "relabelling_",
              "labelling_", "log_likelihood_draws_", "em_.params_", "em_.log_likelihood_")  # fmt: skip
# What had another name before: it is written under that, on both sides.
FORMERLY = {"labelling_": "certificate_", "ci_prob": "mass"}
# What tables were made of, and no result.
LEFT_OUT = ("sides",)
SAVED = ("nuts-iris-3-full", "smc-faithful-3-full", "readable")
VARIABLES = ("weights", "means", "stds", "corr_chol")
# In the units of faithful, whose columns have standard deviations of about 1 and 14.
STD_PRIORS = {
    "halfnormal": ((1.0, 12.0),),
    "exponential": ((1.0, 0.1),),
    "gamma": (2.0, (2.0, 0.2)),
    "lognormal": ((-0.5, 2.0), 0.6),
    "inversegamma": (4.0, (2.5, 30.0)),
}


@cache
def rows_of(name):
    """The rows of a data set; those that are simulated are more than the first runs of EM look at."""
    if name == "simulated":
        return bg.EMGaussianMixture(3, random_state=1).fit(rows_of("iris")).sample(8000)[0]
    return bg.datasets.load(name).X


@cache
def bayes_fit(method, name, k, family="full", std_prior=None, draws=200, chains=2):
    """A fit with a fixed seed, made once for all the entries that look at it."""
    settings = {"draws": draws, "chains": chains, "random_state": 1, "progressbar": False}
    if std_prior is not None:
        numbers = {"mean_loc": (3.5, 70.0), "mean_scale": (2.0, 20.0), "concentration": 2.0, "lkj_eta": 1.5}
        settings["prior"] = bg.Prior(std_prior=(std_prior, *STD_PRIORS[std_prior]), **numbers)
    return bg.BayesGaussianMixture(k, method=method, covariance_type=family, **settings).fit(rows_of(name))


def read(thing, paths):
    """Yield the attributes at dotted paths; one that is not there is told, and left out."""
    for path in paths:
        former = FORMERLY.get(path, path)
        try:
            yield former, attrgetter(path if hasattr(thing, path.split(".")[0]) else former)(thing)
        except AttributeError as error:
            print(f"{path}: {error}", file=sys.stderr)


def em_entries(name, k, family="full", weighted=False, errors="information", **settings):
    """A fit by EM, what it says of its rows, and its standard errors."""
    X = rows_of(name)
    weights = np.arange(len(X)) % 4 / 2.0 if weighted else None
    em = bg.EMGaussianMixture(k, covariance_type=family, random_state=1, **settings)
    em.fit(X, sample_weight=weights)
    yield from read(em, [a for a in dir(em) if a.endswith("_") and not a.startswith("_")])
    yield "predict_proba", em.predict_proba(X)
    yield "score_samples", em.score_samples(X)
    yield from ((criterion, getattr(em, criterion)(X, sample_weight=weights)) for criterion in CRITERIA)
    yield "standard_errors", em.standard_errors(X, weights, method=errors, n_bootstrap=12, random_state=4)


def bayes_entries(bayes, name):
    """A fit by Bayes, and what it says of its rows."""
    X, posterior = rows_of(name), bayes.posterior_["posterior"]
    yield from ((f"posterior/{v}", posterior[v].to_numpy()) for v in VARIABLES if v in posterior)
    yield "method", METHODS.index(bayes.method_)
    yield from read(bayes, BAYES_READ)
    yield "predict_proba", bayes.predict_proba(X)
    yield "score_samples", bayes.score_samples(X)
    yield "memberships", bayes.memberships()
    yield "pairs", bayes.similarity([0, 1, 2], [3, 4, 2])


def fitted_entries(*args):
    """The entries of a small fit."""
    return bayes_entries(bayes_fit(*args), args[1])


def partition_entries(*args):
    """One clustering for all draws."""
    return ((loss, bg.partition(bayes_fit(*args), loss)) for loss in ("vi", "binder"))


def saved_entries(*args):
    """A fit from a file: whether it is the one that was written, and what is made of it on request only."""
    bayes = bayes_fit(*args)
    with tempfile.TemporaryDirectory() as folder:
        loaded = bg.load(bg.save(bayes, Path(folder) / "fit.nc"))
    before, after = (dict(bayes_entries(fit, args[1])) for fit in (bayes, loaded))
    found = dict(leaves("", after))
    same = {name: digest_of(found[name]) == digest_of(array) for name, array in leaves("", before)}
    yield "unchanged", same
    yield "fit", after
    yield "partition", bg.partition(loaded)
    yield "mode_map_", loaded.mode_map_
    tree = loaded.add_log_likelihood().add_posterior_predictive().posterior_
    for group in ("log_likelihood", "posterior_predictive"):
        yield group, [variable.to_numpy() for variable in tree[group].data_vars.values()]
    yield "model_/logp", loaded.model_.compile_logp()(loaded.model_.initial_point())


def compared_entries(*args, labels=None):
    """EM held against the posterior."""
    result = bg.compare(bayes_fit(*args), labels)
    yield "result", result
    yield from read(result, ("clusterings", "pit", "sensitivity"))


def report_entries(*args):
    """The report for programs."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "report.json"
        bg.write_report(bayes_fit(*args), path, format="json", progressbar=False)
        return json.loads(path.read_text(encoding="utf-8")).items()


def selection_entries():
    """Numbers of components; the largest once more with a small concentration."""
    settings = {"draws": 100, "chains": 2, "n_bootstrap": 19, "overfitted": True}
    settings |= {"random_state": 0, "progressbar": False}
    chosen = bg.select_components(rows_of("faithful"), [1, 2, 3], **settings)
    yield "chosen", chosen
    yield "log_evidence", {k: bayes.log_evidence_ for k, bayes in chosen.fits.items()}


def cases():
    """By name, what is computed: functions that yield names and values."""
    found = {f"em/{name}/{k}/{f}": partial(em_entries, name, k, f) for name, k in EM_DATA for f in FAMILIES}
    found |= {f"em/weighted/{f}": partial(em_entries, "faithful", 2, f, True) for f in FAMILIES}
    found |= {f"em/starts/{s}": partial(em_entries, "faithful", 3, init_params=s) for s in EM_STARTS}
    found["em/starts/given"] = partial(em_entries, "faithful", 3, **EM_GIVEN)
    for errors in ("bootstrap", "parametric"):
        found[f"em/{errors}"] = partial(em_entries, "iris", 3, "tied", errors=errors)
    for method in METHODS:
        few = (fitted_entries, method, "faithful", 2)
        found |= {f"bayes/{method}-faithful-2-{f}": partial(*few, f) for f in FAMILIES}
        if method != "smc":
            found |= {f"priors/{method}/{p}": partial(*few, "full", p) for p in STD_PRIORS}
    for name, args in BAYES.items():
        found[f"bayes/{name}"] = partial(fitted_entries, *args)
        found[f"partition/{name}"] = partial(partition_entries, *args)
        found[f"compare/{name}"] = partial(compared_entries, *args)
        found[f"report/{name}"] = partial(report_entries, *args)
    found |= {f"saved/{name}": partial(saved_entries, *BAYES[name]) for name in SAVED}
    labels = partial(compared_entries, *BAYES["nuts-iris-3-full"], labels=bg.datasets.iris().labels)
    return found | {"compare/labels": labels, "select": selection_entries}


def leaves(path, value):
    """Yield the numbers in tables, mappings, sequences and records as arrays, each with its path."""
    if isinstance(value, list | tuple) and all(isinstance(v, int | float | None) for v in value):
        value = np.array([np.nan if v is None else v for v in value])
    if isinstance(value, pd.DataFrame | dict):
        children = value.items()
    elif is_dataclass(value):
        children = ((f.name, getattr(value, f.name)) for f in fields(value) if f.name not in LEFT_OUT)
    elif isinstance(value, list | tuple):
        children = enumerate(value)
    else:
        array = np.asarray(value)
        if array.dtype.kind in "biuf" and array.size:
            # One kind of NaN, and one type of number.
            yield path, np.where(np.isnan(array), np.nan, array.astype(float))
        return
    for name, child in children:
        yield from leaves(f"{path}/{FORMERLY.get(name, name)}", child)


def digest_of(array):
    """A hash, and a small array whole; of a large one a few numbers that tell a reader which it is."""
    values = array.ravel()
    entry = {"shape": list(array.shape), "sha256": hashlib.sha256(values.tobytes()).hexdigest()}
    if values.size <= SMALL:
        return entry | {"values": [v.hex() for v in values.tolist()]}
    summaries = {"sum": values.sum(), "min": values.min(), "max": values.max(), "first": values[:3]}
    return entry | {name: np.asarray(v).tolist() for name, v in summaries.items()}


def write(path, only):
    """Compute the entries whose names begin with `only`, and write them; 1 where something failed."""
    arrays, failed = {}, 0
    for case, make in cases().items():
        if not (case.startswith(only) or only.startswith(f"{case}/")):
            continue
        began = time.perf_counter()
        try:
            found = [leaf for key, value in make() for leaf in leaves(f"{case}/{key}", value)]
        except Exception:
            found, failed = [], 1
            traceback.print_exc()
        arrays |= {name: array for name, array in found if name.startswith(only)}
        print(f"{time.perf_counter() - began:6.1f} s  {case}", file=sys.stderr)
    entries = {name: digest_of(array) for name, array in arrays.items()}
    path.write_text(json.dumps(entries, indent=1) + "\n", encoding="utf-8")
    np.savez(path.with_suffix(".npz"), **arrays)
    print(f"{len(entries)} entries")
    return failed


def relative_difference(a, b):
    """The largest; a number below a thousandth of the largest in its entry counts as being of that size."""
    size = np.maximum(abs(a), abs(b))
    size = np.maximum(size, 1e-3 * size.max(where=np.isfinite(size), initial=0.0))
    with np.errstate(invalid="ignore"):
        away = np.where((a == b) | (np.isnan(a) & np.isnan(b)), 0.0, abs(a - b) / size)
    return np.where(np.isnan(away), np.inf, away).max()


def compare(before, after, only):
    """Print a line for each entry, and how many there are of each kind; 1 where one is missing or differs."""
    old, new = (json.loads(path.read_text(encoding="utf-8")) for path in (before, after))
    old_arrays, new_arrays = (np.load(path.with_suffix(".npz")) for path in (before, after))
    kinds = Counter()
    for name in sorted(name for name in old | new if name.startswith(only)):
        detail = ""
        if name not in new:
            kind = "MISSING (may be)" if name.startswith(MAY_GO) else "MISSING"
        elif name not in old:
            kind = "added"
        elif old[name]["shape"] != new[name]["shape"]:
            kind, detail = "DIFFERS", f" in shape: {old[name]['shape']}, {new[name]['shape']}"
        elif old[name]["sha256"] == new[name]["sha256"]:
            kind = "equal"
        else:
            away = relative_difference(old_arrays[name], new_arrays[name])
            kind, detail = "close" if away <= TOLERANCE else "DIFFERS", f" by {away:.1e}"
        kinds[kind] += 1
        print(f"{name}: {kind}{detail}")
    print(f"{kinds.total()} entries: " + ", ".join(f"{n} {kind}" for kind, n in kinds.most_common()))
    return int(kinds["MISSING"] + kinds["DIFFERS"] > 0)


def keep_order():
    """Let numba's compiler reorder no arithmetic, whatever the code allows."""

    def no_flags(self, _value):
        self.flags = set()

    FastMathOptions.__init__ = no_flags


def main():
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("command", choices=("write", "compare"))
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="one to write, or two to compare")
    parser.add_argument("--only", metavar="PREFIX", default="", help="the entries whose names begin so")
    parser.add_argument("--in-order", action="store_true", help="reorder no arithmetic; slow")
    asked = parser.parse_args()
    if asked.in_order:
        keep_order()
    warnings.simplefilter("ignore")
    return (write if asked.command == "write" else compare)(*asked.files, asked.only)


if __name__ == "__main__":
    sys.exit(main())
