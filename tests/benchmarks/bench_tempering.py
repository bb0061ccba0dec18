"""Tempering against PyMC's sample_smc with the same model, and the evidence against other estimates; writes
reports/benchmark_tempering.md.

Run it with nothing else running: python tests/benchmarks/bench_tempering.py. Both tools use all cores.
"""

import multiprocessing
import os
import platform
import signal
import time
import warnings
from pathlib import Path

import numpy as np
from arviz_stats.base import array_stats
from scipy.special import gammaln, logsumexp

CORES = len(os.sched_getaffinity(0))
REPORT = Path(__file__).parents[2] / "reports" / "benchmark_tempering.md"
RUNS = 10
LIMIT = 300


def setup(name, k):
    """Target and the mixtures that its modes are optimised to from."""
    from bayesgmm import EMGaussianMixture, Prior, datasets
    from bayesgmm.bayes.target import Target
    from bayesgmm.rows.rows import Rows

    X = datasets.load(name).X
    target = Target(Rows.unchecked(X), k, Prior.from_data(X), X.mean(axis=0), X.std(axis=0))
    mixtures = []
    for j in range(max(1, k - 1), k + 1):
        mixtures += EMGaussianMixture(j, random_state=0).fit(X).mode_params_
    return target, mixtures


def units(target):
    return len(target.rows) * np.log(target.scale).sum()


def tempered(target, mixtures, seed, draws=1000, chains=4):
    """Draws, initial mixture, and the seconds of both."""
    from bayesgmm.methods.initial_mixture import find_initial_mixture
    from bayesgmm.methods.tempering import FEWEST_PARTICLES, sample_smc

    began = time.perf_counter()
    settings = {"chains": chains, "cores": CORES}
    initial_seed, pilot_seed, run_seed = np.random.SeedSequence(seed).spawn(3)
    initial = find_initial_mixture(target, mixtures, np.random.default_rng(initial_seed), CORES)
    pilot = sample_smc(target, initial, draws=max(FEWEST_PARTICLES, draws // 4), **settings, seed=pilot_seed)
    initial = initial.refitted(np.concatenate(list(pilot.q)))
    middle = time.perf_counter()
    found = sample_smc(target, initial, draws=draws, **settings, seed=run_seed)
    return found, initial, middle - began, time.perf_counter() - middle


def label_free(target, values):
    """Log-likelihood, sorted weights and their entropy, shape (chain, draw, quantity)."""
    from bayesgmm.mixture.draws import MixtureDraws
    from bayesgmm.posterior import passes

    stacked = MixtureDraws.of(values, target.covariance_type).stacked
    ll, _ = passes.log_likelihoods_and_overlaps(
        np.asfortranarray(target.X), *stacked, np.ones((len(target.X), 1))
    )
    w = np.sort(values["weights"], axis=-1)
    entropy = -(w * np.log(np.maximum(w, 1e-300))).sum(axis=-1)
    return np.concatenate([ll.reshape(*w.shape[:2], 1), entropy[..., None], w], axis=-1)


def ess_between(quantities):
    """Draws over how much more means of runs scatter than those of independent draws would; the smallest over
    quantities."""
    n, total = quantities.shape[1], quantities.shape[0] * quantities.shape[1]
    excess = n * quantities.mean(axis=1).var(axis=0, ddof=1) / quantities.var(axis=1).mean(axis=0)
    return float((total / np.maximum(excess, 1.0)).min())


def by_pymc(name, k, seed, chains):
    """pm.sample_smc at its defaults: draws, log evidence of each chain, seconds with its compilation."""
    import pymc as pm

    from bayesgmm import Prior, datasets
    from bayesgmm.bayes.model import build_model

    X = datasets.load(name).X
    model = build_model(X, k, Prior.from_data(X), [f"x{j}" for j in range(X.shape[1])], "full")
    began = time.perf_counter()
    signal.signal(signal.SIGALRM, lambda *_: (_ for _ in ()).throw(TimeoutError()))
    signal.alarm(LIMIT)
    try:
        with model:
            found = pm.sample_smc(random_seed=seed, chains=chains, cores=CORES, progressbar=False)
    finally:
        signal.alarm(0)
        for child in multiprocessing.active_children():
            child.kill()
    seconds = time.perf_counter() - began
    evidence = np.asarray(found["sample_stats"]["log_marginal_likelihood"], dtype=object)
    # One number a stage and chain; the last that is a number is the run's.
    logs = [float(np.asarray(c, dtype=float)[np.isfinite(np.asarray(c, dtype=float))][-1]) for c in evidence]
    posterior = found["posterior"].dataset
    values = {v: posterior[v].to_numpy() for v in ("weights", "means", "stds", "corr_chol")}
    return values, np.array(logs), seconds


def bridge(target, mixtures, seed):
    """Log evidence by bridge sampling (Meng and Wong 1996) between the initial mixture and draws of the
    posterior, and its check.

    Draws of the initial mixture are weighed by the posterior, and the other way round; the Pareto shape of
    the first weights is the check.
    """
    from bayesgmm.methods.particles import path_of
    from bayesgmm.methods.tempering_path import Particles, densities

    found, initial, *_ = tempered(target, mixtures, seed)
    k = target.n_components
    own, share = initial.draw(8000, target.coordinates, np.random.default_rng(seed))
    path = path_of(target, initial, 1.0)

    def ratios(q):
        q = np.ascontiguousarray(q.reshape(-1, q.shape[-1]))
        particles = Particles(q, np.empty_like(q), np.empty(len(q)), np.empty(len(q)))
        densities(particles, path)
        return particles.log_posterior - particles.log_initial

    of_reference, of_posterior = ratios(own), ratios(found.q)
    n1, n2 = len(of_posterior), len(of_reference)
    log_z = logsumexp(of_reference) - np.log(n2)
    for _ in range(1000):
        a = logsumexp(of_reference - np.logaddexp(np.log(n1) + of_reference, np.log(n2) + log_z))
        b = logsumexp(-np.logaddexp(np.log(n1) + of_posterior, np.log(n2) + log_z))
        new = a - np.log(n2) - b + np.log(n1)
        if abs(new - log_z) < 1e-9:
            break
        log_z = new
    _, shape = array_stats.psislw(-of_reference, r_eff=1.0)
    return log_z + np.log(share) + gammaln(k + 1) - units(target), float(shape)


def averaged(logs):
    return float(logsumexp(logs) - np.log(len(logs)))


def speed():
    target, mixtures = setup("faithful", 4)
    tempered(target, mixtures, 0, draws=100, chains=2)
    ours = [tempered(target, mixtures, seed) for seed in range(5)]
    preparing, seconds = np.median([[o[2], o[3]] for o in ours], axis=0)
    # As many runs as of the other: the smallest of several noisy numbers depends on how many runs there are.
    ess = float(np.median([ess_between(label_free(target, target.constrained(o[0].q))) for o in ours]))
    lines = [
        "## Old Faithful, K = 4",
        "",
        f"Four runs of 1,000 particles: {seconds:.1f} s, after {preparing:.1f} s for the initial mixture and "
        "a pilot of 250 particles a run (target: 5 s; medians of five); "
        f"label-free effective draws {ess:.0f}, {ess / (seconds + preparing):.0f} a second with both "
        "(smallest over log-likelihood, sorted weights "
        "and their entropy, from the scatter of four runs).",
        "",
    ]
    try:
        values, logs, theirs = by_pymc("faithful", 4, 0, chains=4)
        theirs_ess = ess_between(label_free(target, values))
        ratio = (ess / (seconds + preparing)) / (theirs_ess / theirs)
        lines += [
            f"`pm.sample_smc` at its defaults, the same model: {theirs:.0f} s for four chains of "
            f"{values['weights'].shape[1]} draws, compilation "
            f"included, {theirs_ess:.1f} effective, {theirs_ess / theirs:.3f} a second. Ratio {ratio:.0f} "
            "(target: 100). Log evidence of its chains "
            f"{', '.join(f'{x:.2f}' for x in logs)}; of our fits "
            f"{', '.join(f'{averaged(o[0].log_evidence) - units(target):.2f}' for o in ours)}.",
            "",
        ]
    except TimeoutError:
        lines += [f"`pm.sample_smc` at its defaults did not finish four chains in {LIMIT} s.", ""]
    return lines


def evidence_at_equal_time():
    target, mixtures = setup("faithful", 2)
    wanted = averaged(tempered(target, mixtures, 99, draws=4000, chains=8)[0].log_evidence) - units(target)
    ours, took = [], []
    for seed in range(RUNS):
        found, _, a, b = tempered(target, mixtures, seed, draws=1000, chains=1)
        ours.append(float(found.log_evidence[0]) - units(target))
        took.append(a + b)
    error = float(np.sqrt(np.mean((np.array(ours) - wanted) ** 2)))
    lines = [
        "## Evidence over ten runs",
        "",
        f"Old Faithful, K = 2, against {wanted:.3f} from eight of our runs of 4,000 particles (equal to "
        "brute force on small data in the tests): "
        f"root mean squared error of single runs {error:.3f}, {np.median(took):.1f} s a run.",
        "",
    ]
    try:
        _, logs, seconds = by_pymc("faithful", 2, 0, chains=RUNS)
        theirs = float(np.sqrt(np.mean((logs - wanted) ** 2)))
        lines += [
            f"`pm.sample_smc`, ten chains: {theirs:.3f}, {seconds * CORES / RUNS:.1f} s a chain, compilation "
            "included. Ours was not given the rest of "
            "that time.",
            "",
        ]
    except TimeoutError:
        lines += [f"`pm.sample_smc` did not finish ten chains in {LIMIT} s.", ""]
    return lines


def galaxies():
    lines = [
        "## Galaxies (velocities / 1000)",
        "",
        "Log evidence of two independent fits of four runs, and by bridge sampling between the initial "
        "mixture and draws of a third, which passes its check "
        "where Pareto k is below 0.7.",
        "",
        "| K | first | second | difference | bridge | Pareto k |",
        "|---|---|---|---|---|---|",
    ]
    for k in range(1, 7):
        target, mixtures = setup("galaxies", k)
        first, second = (
            averaged(tempered(target, mixtures, seed)[0].log_evidence) - units(target) for seed in (1, 2)
        )
        other, shape = bridge(target, mixtures, 3)
        lines.append(
            f"| {k} | {first:.2f} | {second:.2f} | {abs(first - second):.2f} | {other:.2f} | {shape:.2f} |"
        )
        print(lines[-1], flush=True)
    return [*lines, ""]


def main():
    warnings.simplefilter("ignore")
    machine = f"{CORES} cores of {platform.machine()}, Python {platform.python_version()}."
    lines = ["# Tempering", "", machine, ""]
    for part in (galaxies, speed, evidence_at_equal_time):
        lines += part()
        print("\n".join(lines[-6:]), flush=True)
        REPORT.write_text("\n".join(lines).rstrip() + "\n")


if __name__ == "__main__":
    main()
