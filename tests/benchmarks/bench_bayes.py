"""The posterior against the same model written by hand; writes reports/benchmark_bayes.md.

Run it with nothing else running, in an environment with the dependency group jax (without it NumPyro's column
is empty): python tests/benchmarks/bench_bayes.py [data set ...]. Every tool samples every data set in a
process of its own; with data sets given, only their rows are measured again.
"""

import json
import os
import platform
import signal
import subprocess
import sys
import time
import warnings
from pathlib import Path

import numpy as np

THREADS = len(os.sched_getaffinity(0))
REPORT = Path(__file__).parents[2] / "reports" / "benchmark_bayes.md"
TOOLS = {
    "ours": "bayesgmm",
    "nutpie": "(a) by hand, nutpie",
    "pymc": "(b) by hand, PyMC's NUTS",
    "numpyro": "(c) NumPyro, dense mass",
}
# Components; and for the peers chains, warm-up and draws: with many rows a full run would take hours.
DATA = {
    "faithful": (2, (4, 500, 1000)),
    "iris": (3, (4, 500, 1000)),
    "banknote": (2, (4, 500, 1000)),
    "simulated 5,000 x 4": (4, (2, 200, 200)),
    "simulated 100,000 x 4": (4, (2, 60, 40)),
}
TARGETS = {"nutpie": 30, "numpyro": 8}
LIMIT = 480


def load(name):
    """Rows and K."""
    k = DATA[name][0]
    if name.startswith("simulated"):
        n = int(name.split()[1].replace(",", ""))
        rng = np.random.default_rng(0)
        means = rng.normal(0, 4, (k, 4))
        # Long and thin: condition numbers of the covariances around a thousand.
        axes = np.linalg.qr(rng.normal(size=(k, 4, 4)))[0] * np.geomspace(1.5, 0.05, 4)
        labels = rng.integers(k, size=n)
        return np.einsum("nij,nj->ni", axes[labels], rng.normal(size=(n, 4))) + means[labels], k
    from bayesgmm import datasets

    return datasets.load(name).X, k


def em_and_prior(X, k):
    """The start and the prior that all tools share."""
    from bayesgmm import EMGaussianMixture, Prior

    prior = Prior.from_data(X)
    return EMGaussianMixture(k, random_state=0).fit(X).params_, prior.resolve(k, X.shape[1])


def worst_ess(X, em, weights, means, cholesky):
    """Smallest bulk effective sample size of weights, means, stds and correlations, components named as in
    EM."""
    import arviz_stats as azs
    import xarray as xr

    from bayesgmm.mixture import density
    from bayesgmm.mixture.draws import MixtureDraws
    from bayesgmm.posterior import passes, relabel

    chains, n, k = weights.shape
    stds = np.sqrt((cholesky**2).sum(axis=-1))
    values = {"weights": weights, "means": means, "stds": stds, "corr_chol": cholesky / stds[..., None]}
    draws = MixtureDraws.of(values, "full")
    part = np.asfortranarray(X[:: max(1, len(X) // 2000)])
    _, overlap = passes.log_likelihoods_and_overlaps(part, *draws.stacked, density.responsibilities(part, em))
    labels = relabel.match(overlap.reshape(chains, n, k, k)).permutations
    quantities = draws.permuted(labels).parameter_values
    data = xr.Dataset({"value": (("chain", "draw", "parameter"), quantities)})
    return float(azs.ess(data, method="bulk")["value"].min())


def by_bayesgmm(X, k, run):
    """From the EM estimate on: the mode, warm-up and draws. Medians over seeds where a run takes moments."""
    from bayesgmm import Prior
    from bayesgmm.bayes.target import Target
    from bayesgmm.methods.laplace_approximation import laplace
    from bayesgmm.methods.whitened_nuts import sample_nuts
    from bayesgmm.rows.rows import Rows

    em, _ = em_and_prior(X, k)
    target = Target(Rows.unchecked(X), k, Prior.from_data(X), X.mean(axis=0), X.std(axis=0))
    draws = 500 if len(X) >= 100_000 else 1000

    def sample(draws, seed):
        found = sample_nuts(
            target,
            laplace(target, target.unconstrained(em)),
            draws=draws,
            tune=600,
            chains=4,
            cores=THREADS,
            seed=np.random.SeedSequence(seed),
        )
        return target.constrained(found.q)

    if len(X) < 100_000:
        sample(10, 0)
    found = []
    for seed in range(5 if len(X) < 1000 else 1):
        start = time.perf_counter()
        values = sample(draws, seed)
        seconds = time.perf_counter() - start
        factors = values["stds"][..., None] * values["corr_chol"]
        found.append((worst_ess(X, em, values["weights"], values["means"], factors), seconds))
    ess, seconds = np.array(found).T
    return float(np.median(ess / seconds) * np.median(seconds)), float(np.median(seconds))


def whole_fit(X, k):
    """Seconds of a fit from data to verdict."""
    from bayesgmm import BayesGaussianMixture

    draws = 500 if len(X) >= 100_000 else 1000
    BayesGaussianMixture(k, draws=20, tune=40, random_state=0, progressbar=False).fit(X[:200])
    start = time.perf_counter()
    BayesGaussianMixture(k, draws=draws, random_state=0, progressbar=False).fit(X)
    return time.perf_counter() - start


def pymc_model(X, k, prior):
    """As the manuals show it: K LKJCholeskyCov, pm.Mixture of MvNormal."""
    import pymc as pm

    d = X.shape[1]
    with pm.Model() as model:
        w = pm.Dirichlet("w", prior.concentration)
        components = []
        for j in range(k):
            mean = pm.Normal(f"mean_{j}", prior.mean_loc[j], prior.mean_scale[j], shape=d)
            stds = pm.InverseGamma.dist(*prior.std_numbers[:, j], shape=d)
            chol, _, _ = pm.LKJCholeskyCov(f"chol_{j}", n=d, eta=prior.lkj_eta, sd_dist=stds)
            components.append(pm.MvNormal.dist(mu=mean, chol=chol))
        pm.Mixture("x", w=w, comp_dists=components, observed=X)
    return model


def pymc_start(em):
    rows, cols = np.tril_indices(em.n_features)
    start = {"w": np.array(em.weights)}
    for j in range(em.n_components):
        start |= {f"mean_{j}": np.array(em.means[j]), f"chol_{j}": em.cholesky[j][rows, cols]}
    return start


def pymc_draws(posterior, k, d):
    chains, n = posterior.sizes["chain"], posterior.sizes["draw"]
    rows, cols = np.tril_indices(d)
    cholesky = np.zeros((chains, n, k, d, d))
    for j in range(k):
        cholesky[:, :, j, rows, cols] = posterior[f"chol_{j}"].to_numpy()
    means = np.stack([posterior[f"mean_{j}"].to_numpy() for j in range(k)], axis=2)
    return posterior["w"].to_numpy(), means, cholesky


def share_that_counts(stats, warmup, draws):
    """Of a peer's time: all of it, but of a run cut short only what came after warm-up, by leapfrog steps."""
    if draws == 1000:
        return 1.0
    after, before = float(stats.sum()), float(warmup.sum())
    return after / (after + before)


def by_nutpie(X, k, run):
    import nutpie

    chains, tune, draws = run
    em, prior = em_and_prior(X, k)
    compiled = nutpie.compile_pymc_model(
        pymc_model(X, k, prior), initial_points=pymc_start(em), jitter_rvs=set()
    )
    start = time.perf_counter()
    tree = nutpie.sample(
        compiled, draws=draws, tune=tune, chains=chains, cores=THREADS, seed=1, progress_bar=False
    )
    seconds = time.perf_counter() - start
    share = share_that_counts(tree["sample_stats"]["n_steps"], tree["warmup_sample_stats"]["n_steps"], draws)
    return worst_ess(X, em, *pymc_draws(tree["posterior"], k, X.shape[1])), seconds * share


def by_pymc(X, k, run):
    import pymc as pm

    chains, tune, draws = run
    em, prior = em_and_prior(X, k)
    with pymc_model(X, k, prior):
        tree = pm.sample(
            draws=draws,
            tune=tune,
            chains=chains,
            cores=THREADS,
            random_seed=1,
            nuts_sampler="pymc",
            init="adapt_diag",
            initvals=pymc_start(em),
            progressbar=False,
            discard_tuned_samples=False,
            compute_convergence_checks=False,
        )
    seconds = float(tree["posterior"].attrs.get("sampling_time", tree.attrs.get("sampling_time")))
    share = share_that_counts(tree["sample_stats"]["n_steps"], tree["warmup_sample_stats"]["n_steps"], draws)
    return worst_ess(X, em, *pymc_draws(tree["posterior"], k, X.shape[1])), seconds * share


def by_numpyro(X, k, run):
    chains, tune, draws = run
    os.environ["XLA_FLAGS"] = f"--xla_force_host_platform_device_count={THREADS}"
    import jax
    import jax.numpy as jnp
    import numpyro
    import numpyro.distributions as dist
    from numpyro.infer import MCMC, NUTS, init_to_value

    jax.config.update("jax_enable_x64", True)
    em, prior = em_and_prior(X, k)
    d = X.shape[1]

    def model(x):
        w = numpyro.sample("w", dist.Dirichlet(jnp.array(prior.concentration)))
        with numpyro.plate("components", k):
            means = numpyro.sample("means", dist.Normal(prior.mean_loc, prior.mean_scale).to_event(1))
            stds = numpyro.sample("stds", dist.InverseGamma(*prior.std_numbers).to_event(1))
            corr = numpyro.sample("corr", dist.LKJCholesky(d, prior.lkj_eta))
        factors = stds[..., None] * corr
        mixture = dist.MixtureSameFamily(
            dist.Categorical(probs=w), dist.MultivariateNormal(means, scale_tril=factors)
        )
        numpyro.sample("x", mixture, obs=x)

    start = {"w": em.weights, "means": em.means, "stds": em.stds, "corr": em.corr_chol}
    kernel = NUTS(
        model,
        dense_mass=True,
        init_strategy=init_to_value(values={n: jnp.array(v) for n, v in start.items()}),
    )
    method = "parallel" if chains > 1 else "sequential"
    mcmc = MCMC(
        kernel, num_warmup=tune, num_samples=draws, num_chains=chains, chain_method=method, progress_bar=False
    )
    keys = jax.random.split(jax.random.PRNGKey(1), 2)
    rows = jnp.array(X)
    mcmc.warmup(keys[0], rows)
    state = mcmc.post_warmup_state
    mcmc.run(keys[1], rows)
    # Again: compiling does not count.
    mcmc.post_warmup_state = None if draws == 1000 else state
    begin = time.perf_counter()
    mcmc.run(keys[1], rows)
    v = {n: np.asarray(a) for n, a in mcmc.get_samples(group_by_chain=True).items()}
    seconds = time.perf_counter() - begin
    return worst_ess(X, em, v["w"], v["means"], v["stds"][..., None] * v["corr"]), seconds


def measure(tool, name):
    """Effective draws of the worst parameter, and seconds; in this process."""
    warnings.simplefilter("ignore")
    X, k = load(name)
    if tool == "fit":
        return 0.0, whole_fit(X, k)
    function = {"ours": by_bayesgmm, "nutpie": by_nutpie, "pymc": by_pymc, "numpyro": by_numpyro}[tool]
    return function(X, k, DATA[name][1])


def in_process(tool, name):
    """`measure` in a process of its own: (effective draws, seconds) or why there are none."""
    command = [sys.executable, "-W", "ignore", __file__, "--one", tool, name]
    with subprocess.Popen(command, stdout=-1, stderr=-1, text=True, start_new_session=True) as run:
        try:
            out, err = run.communicate(timeout=LIMIT)
        except subprocess.TimeoutExpired:
            # PyMC's chains are processes of their own, and would go on beside the next tool.
            os.killpg(run.pid, signal.SIGKILL)
            return f"not within {LIMIT // 60} minutes"
    if run.returncode:
        last = (err.splitlines() or [""])[-1]
        return "not installed" if "No module named" in last else f"failed: {last}"
    return tuple(json.loads(out.splitlines()[-1]))


def ess_rows(names):
    for name in names:
        ours, fit = in_process("ours", name), in_process("fit", name)
        if isinstance(ours, str) or isinstance(fit, str):
            raise RuntimeError(f"bayesgmm itself on {name}: {ours}, {fit}")
        cells = [f"| {name}, K={DATA[name][0]} | {fit[1]:.1f} s | {ours[0] / ours[1]:.3g} ({ours[1]:.2f} s)"]
        for tool in ("nutpie", "pymc", "numpyro"):
            found = in_process(tool, name)
            if isinstance(found, str):
                cells.append(found)
                continue
            rate = found[0] / found[1]
            target = f", target {TARGETS[tool]}" if tool in TARGETS else ""
            cells.append(f"{rate:.3g}: **{ours[0] / ours[1] / rate:.0f} x**{target}")
        row = " | ".join(cells) + " |"
        print(row, flush=True)
        yield row


def fresh_process_row():
    """From a fresh process to a finished summary of faithful, with warm caches."""
    # JAX is there for NumPyro's column only, and SciPy would import it in passing.
    without_jax = (
        "import importlib.machinery as m; find = m.PathFinder.find_spec\n"
        "m.PathFinder.find_spec = lambda name, *rest: None if name == 'jax' else find(name, *rest)\n"
    )
    ours = (
        "from bayesgmm import BayesGaussianMixture, datasets; import arviz_stats as azs\n"
        "b = BayesGaussianMixture(2, random_state=0, progressbar=False).fit(datasets.faithful().X)\n"
        "print(azs.summary(b.posterior_))\n"
    )
    by_hand = (
        f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
        "import bench_bayes as b, nutpie, arviz_stats as azs\n"
        "X, k = b.load('faithful'); em, prior = b.em_and_prior(X, k)\n"
        "c = nutpie.compile_pymc_model(b.pymc_model(X, k, prior), initial_points=b.pymc_start(em), "
        "jitter_rvs=set())\n"
        f"t = nutpie.sample(c, draws=1000, tune=500, chains=4, cores={THREADS}, seed=1, progress_bar=False)\n"
        "print(azs.summary(t))\n"
    )
    times = []
    for code in (ours, by_hand):
        each = []
        for _ in range(4):
            start = time.perf_counter()
            subprocess.run(
                [sys.executable, "-W", "ignore", "-c", without_jax + code], check=True, capture_output=True
            )
            each.append(time.perf_counter() - start)
        # The first fills the caches.
        times.append(float(np.median(each[1:])))
    return (
        f"| fresh process to summary, warm caches, faithful K=2, 4 x 1000 draws | {times[0]:.1f} s; (a) "
        f"{times[1]:.1f} s, "
        f"{times[1] / times[0]:.1f} x | 6 s; 6 x |"
    )


def evaluation_row():
    """One evaluation of log posterior and gradient against one pass of the kernel."""
    from bayesgmm.bayes.target import Target
    from bayesgmm.mixture.kernels import accumulate
    from bayesgmm.rows.rows import Rows

    ratios = []
    for name in ("iris", "simulated 5,000 x 4"):
        X, k = load(name)
        from bayesgmm import EMGaussianMixture, Prior

        em = EMGaussianMixture(k, random_state=0).fit(X).params_
        target = Target(Rows.unchecked(X), k, Prior.from_data(X), X.mean(axis=0), X.std(axis=0))
        q = target.unconstrained(em)
        p = em.rescaled(-target.shift / target.scale, 1 / target.scale)
        arguments = (
            target.rows,
            np.empty(0),
            np.log(p.weights),
            np.array(p.means),
            np.array(p.cholesky),
            False,
        )
        target(q), accumulate(*arguments)
        times = np.empty((200, 2))
        for row in times:
            start = time.perf_counter()
            target(q)
            middle = time.perf_counter()
            accumulate(*arguments)
            row[:] = middle - start, time.perf_counter() - middle
        a, b = np.median(times, axis=0)
        ratios.append(f"{name} {1e6 * a:.1f} us / {1e6 * b:.1f} us = {a / b:.2f}")
    return f"| one log posterior and gradient against one pass of the kernel | {'; '.join(ratios)} | 1.3 |"


def cores_row():
    """Two cores against one: the time of sampling, 4 chains."""
    from bayesgmm import BayesGaussianMixture

    cells = []
    for name in ("faithful", "simulated 5,000 x 4"):
        X, k = load(name)
        times = np.empty((3, 2))
        for row in times:
            for i, cores in enumerate((1, THREADS)):
                start = time.perf_counter()
                BayesGaussianMixture(k, cores=cores, draws=1000, random_state=0, progressbar=False).fit(X)
                row[i] = time.perf_counter() - start
        one, many = np.median(times, axis=0)
        cells.append(f"{name} {one:.1f} s / {many:.1f} s = {one / many:.2f}")
    return (
        f"| {THREADS} cores against one, whole fit of 4 chains | {'; '.join(cells)} | 1.7 at N >= 5,000, "
        "never slower |"
    )


def machine():
    model = platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        lines = cpuinfo.read_text().splitlines()
        model = next((line.split(":")[1].strip() for line in lines if "model name" in line), model)
    return f"{model}, {THREADS} cores for all, Python {platform.python_version()}"


def write(rows, others):
    heads = ["data", "whole fit, bayesgmm", *TOOLS.values()]
    text = [
        "# The posterior, against the same model written by hand",
        "",
        f"On {machine()}. Written by `python tests/benchmarks/bench_bayes.py`.",
        "",
        "Effective draws per second (bulk) of the worst weight, mean, standard deviation or correlation. All "
        "start at the EM estimate",
        "and have the same prior; from there on everything counts but compiling, for bayesgmm the "
        "optimisation to the mode and its curvature,",
        "too (medians over five seeds where a run takes moments). The runs of the others have 4 chains of "
        "500 + 1000 iterations; with",
        "5,000 rows 2 of 200 + 200, with 100,000 rows 4 of 60 + 40, and then only what comes after warm-up "
        "counts for them: with so few",
        "draws the smallest of dozens of sample sizes is a rough figure, and a low one. A whole fit is EM "
        "from 20 starts, 4 chains of",
        "600 + 1000 iterations (with 100,000 rows 500), labels, memberships and verdict. In the fresh "
        "process JAX, which is there for",
        "NumPyro only, cannot be imported on either side.",
        "",
        "| " + " | ".join(heads) + " |",
        "|" + "---|" * len(heads),
        *rows,
        "",
        "| what | measured | target |",
        "|---|---|---|",
        *others,
        "",
    ]
    REPORT.write_text("\n".join(text))


def main(names):
    warnings.simplefilter("ignore")
    rows, others = [], []
    if names:
        lines = REPORT.read_text().splitlines()
        rows = [line for line in lines if line.startswith(tuple(f"| {d}, K=" for d in DATA))]
        others = lines[lines.index("| what | measured | target |") + 2 :]
    else:
        for row in (fresh_process_row, evaluation_row, cores_row):
            others.append(row())
            print(others[-1], flush=True)
    # Written after every row: the last ones take long.
    for name, row in zip(names or DATA, ess_rows(names or DATA), strict=True):
        rows = [r for r in rows if not r.startswith(f"| {name}, K=")] + [row]
        rows.sort(key=lambda r: [r.startswith(f"| {d}, K=") for d in DATA].index(True))
        write(rows, others)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        print(json.dumps(measure(*sys.argv[2:4])))
    else:
        main(sys.argv[1:])
