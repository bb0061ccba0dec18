"""The verdict as a classifier: how often does it accept a wrong posterior, and refuse a right one?

Writes reports/verdict.md. Run it: python tests/benchmarks/bench_verdict.py (20 minutes on two cores;
--data-sets 1 for a part, on the screen only).

Data sets of all kinds of `kinds`, each fitted in several ways, good and bad: by default settings, by chains
of a single start of EM, by chains that are much too short, by Laplace's method, by tempering with few
particles. Each is held against draws of long tempering with another seed, where two such agree with each
other. A posterior is wrong where a similarity of two rows, or the mean or standard deviation of the
log-likelihood, is not that of the long one; components are wrong where a parameter's mean or standard
deviation is not.
"""

import argparse
import os
import platform
import time
import warnings
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
from kinds import GROUPS
from scipy.optimize import linear_sum_assignment

from bayesgmm import BayesGaussianMixture, EMGaussianMixture
from bayesgmm.errors import BayesGMMError
from bayesgmm.support.arguments import available_cores

REPORT = Path(__file__).parents[2] / "reports" / "verdict.md"
KINDS = GROUPS["ties"] + GROUPS["modes"]
DATA_SETS = 4
LONG = {"method": "smc", "draws": 3000, "repeats": 3}
WAYS = ("default", "single start", "too short", "Laplace", "few particles")
# What is called wrong: a difference of similarities; of a mean, in posterior sds; of the log of an sd.
SIMILARITY, MEAN, SPREAD = 0.1, 0.5, 0.4


def settings_of(way, k, seed):
    """How a posterior of the bank is drawn."""
    return {
        "default": {},
        "single start": {
            "method": "nuts",
            "em": EMGaussianMixture(k, n_init=1, random_state=seed),
        },
        "too short": {"method": "nuts", "draws": 100, "tune": 60, "chains": 2},
        "Laplace": {"method": "laplace"},
        "few particles": {"method": "smc", "draws": 200, "repeats": 0},
    }[way]


def judged(job):
    """Of one data set: what each way's verdict says and whether it is right; None where the long runs do not
    tell."""
    warnings.simplefilter("ignore")
    at, index = job
    X, k = KINDS[at](np.random.default_rng([at, index, 11]))
    common = {"cores": 1, "progressbar": False}
    try:
        long = [BayesGaussianMixture(k, **LONG, random_state=s, **common).fit(X) for s in (901, 902)]
    except (BayesGMMError, ArithmeticError):
        return None
    if not all(one.verdict_.label_free_ok for one in long) or is_wrong(*long):
        return None
    # Components are held against those of a long run only where its own are accepted.
    with_components = next((one for one in long if one.verdict_.ok), None)
    found = {}
    for way in WAYS:
        try:
            one = BayesGaussianMixture(k, **settings_of(way, k, index), random_state=index, **common).fit(X)
        except BayesGMMError:
            continue
        verdict = one.verdict_
        known = verdict.ok and with_components is not None
        components = components_are_wrong(one, with_components) if known else None
        found[way] = (verdict.label_free_ok, is_wrong(one, long[0]), verdict.ok, components)
    return found


def is_wrong(one, other):
    """Whether what does not depend on labels differs."""
    if np.abs(one.similarity_ - other.similarity_).max() > SIMILARITY:
        return True
    return bool(
        differ(one.log_likelihood_draws_.ravel()[:, None], other.log_likelihood_draws_.ravel()[:, None])
    )


def components_are_wrong(one, other):
    """Whether a parameter differs, with components named alike."""
    order = linear_sum_assignment(-one.membership_.T @ other.membership_)[1]
    pairs = [
        (one.fit_.draws.weights, other.fit_.draws.weights[..., order]),
        (one.fit_.draws.means, other.fit_.draws.means[:, :, order]),
        (one.fit_.draws.component_stds, other.fit_.draws.component_stds[:, :, order]),
    ]
    return any(
        differ(a.reshape(-1, np.prod(a.shape[2:])), b.reshape(-1, np.prod(b.shape[2:]))) for a, b in pairs
    )


def differ(a, b):
    """Whether means or standard deviations of any column differ; quantiles stand for both, since some
    posteriors have neither."""
    (la, ma, ua), (lb, mb, ub) = (np.quantile(x, [0.16, 0.5, 0.84], axis=0) for x in (a, b))
    sd_a, sd_b = (np.maximum(u - low, 1e-300) / 2 for u, low in ((ua, la), (ub, lb)))
    return bool(((np.abs(ma - mb) > MEAN * sd_b) | (np.abs(np.log(sd_a / sd_b)) > SPREAD)).any())


def rates(title, found):
    """A line: of all, of label-free draws and of components."""
    cells = [title, len(found)]
    for accepts, wrong in ((0, 1), (2, 3)):
        # Where it refuses components nothing is known of them.
        rows = [f for f in found if accepts == 0 or f[3] is not None]
        is_bad = sum(f[wrong] for f in rows)
        accepted_bad = sum(f[accepts] and f[wrong] for f in rows)
        if accepts == 0:
            refused_good = sum(not f[0] and not f[1] for f in found)
            accepted = sum(f[0] for f in found)
            cells += [f"{accepted_bad} of {is_bad}", f"{accepted_bad} of {accepted}"]
            cells += [f"{refused_good} of {len(found) - is_bad}"]
        else:
            cells += [f"{accepted_bad} of {len(rows)}"]
    return "| " + " | ".join(map(str, cells)) + " |"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--data-sets", type=int, default=DATA_SETS)
    options = parser.parse_args()
    began = time.perf_counter()
    jobs = [(at, index) for index in range(options.data_sets) for at in range(len(KINDS))]
    with ProcessPoolExecutor(available_cores()) as pool:
        found = dict(zip(jobs, pool.map(judged, jobs), strict=True))
    known = {job: f for job, f in found.items() if f is not None}
    of_all = [verdict for f in known.values() for verdict in f.values()]
    lines = [rates(way, [f[way] for f in known.values() if way in f]) for way in WAYS]
    lines += [
        rates(title, [v for (at, _), f in known.items() if (at % 2 == 0) == even for v in f.values()])
        for title, even in (("every other kind", True), ("the other kinds", False))
    ]
    lines.append(rates("all", of_all))
    for (at, index), ways in sorted(known.items()):
        for way, (accepts, wrong, ok, components) in ways.items():
            if accepts and (wrong or (ok and components)):
                print(f"{KINDS[at].__name__} {index}, {way}: accepted, wrong {wrong} {components}")
    minutes = (time.perf_counter() - began) / 60
    text = [
        "# The verdict as a classifier",
        "",
        f"{len(of_all)} posteriors of {len(known)} data sets of {len({at for at, _ in known})} kinds, each "
        f"held against long tempering with another seed; of {len(found) - len(known)} further data sets two "
        "long runs disagree or are refused, so that nothing is known of them.",
        f"Wrong: a similarity of two rows differs by more than {SIMILARITY:g}, or of the log-likelihood the "
        f"median by {MEAN:g} of its standard deviation or that by a factor of {np.exp(SPREAD):.1f}; of "
        "components the same of weights, means and standard deviations, where a long run's are accepted.",
        "Chains too short and particles too few are refused for that: R-hat is not below 1.01, or "
        "effective draws are fewer than 400, however near to the posterior they may be.",
        f"Written by `python tests/benchmarks/bench_verdict.py` in {minutes:.0f} min on {os.cpu_count()} "
        f"cores ({platform.machine()}).",
        "",
        "| way | posteriors | wrong ones accepted | accepted ones wrong | right ones refused "
        "| accepted components wrong |",
        "|---|---|---|---|---|---|",
        *lines,
        "",
    ]
    print("\n".join(text))
    if options.data_sets >= DATA_SETS:
        REPORT.write_text("\n".join(text))


if __name__ == "__main__":
    main()
