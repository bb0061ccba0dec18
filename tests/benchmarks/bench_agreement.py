"""From the same start: bayesgmm, mclust and scikit-learn, family by family; writes docs/agreement.md.

    python tests/benchmarks/bench_agreement.py

The text is tests/benchmarks/agreement.md, the numbers in it are of this run. Needs R and mclust (Debian:
r-base-core, r-cran-mclust); where they are missing the page says so instead of mclust's numbers. Latent GOLD
is not run.
"""

import argparse
import platform
import subprocess
import tempfile
import warnings
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import NamedTuple

import numpy as np
import pandas as pd
import sklearn
from bench_mclust import called, has_mclust
from scipy.linalg import expm
from scipy.optimize import linear_sum_assignment
from sklearn.mixture import GaussianMixture

from bayesgmm import EMGaussianMixture, MixtureParams, datasets
from bayesgmm.mixture.covariance_family import CovarianceFamily
from bayesgmm.mixture.density import log_likelihood_per_obs
from bayesgmm.mixture.families import distinct_families, family_of

PAGE = Path(__file__).parents[2] / "docs" / "agreement.md"
TEXT = Path(__file__).parent / "agreement.md"
SCRIPT = Path(__file__).parent / "agreement.R"
OF_SKLEARN = ("full", "tied", "diag", "spherical")
# Of mclust's log-likelihood and of its M steps that iterate; of the mean log-likelihood in scikit-learn.
TIGHT, TIGHT_MEAN = "1e-13", 1e-14
# Log-likelihoods that differ by less are the same; the page's tables have as many digits.
SAME = 1e-5
# Of "A quick tour of mclust", the vignette of mclust 6.0.0: data set, family, K, log-likelihood, BIC.
PUBLISHED = [
    ("faithful", "EEE", 3, -1126.326, -2314.316),
    ("galaxies", "V", 3, -203.1792, -441.6122),
]
MISSING = "*not run: R with mclust was not there*"

Array = np.ndarray


class Case(NamedTuple):
    """A data set with the groups whose moments are the start."""

    X: Array
    groups: Array
    told: str


@dataclass
class Fit:
    """Log-likelihood, BIC as its program counts it, number of parameters, and the estimate."""

    log_likelihood: float
    bic: float
    n_parameters: int
    params: MixtureParams


def cases() -> dict[str, Case]:
    """The shipped data sets."""
    found = {}
    for name in datasets.names():
        data = datasets.load(name)
        if data.labels is not None:
            groups, told = pd.factorize(np.asarray(data.labels), sort=True)[0], "the labels of the data set"
        elif name == "faithful":
            groups, told = (data.X[:, 0] > 3).astype(int), "eruptions above 3 minutes or not"
        else:
            groups, told = np.digitize(data.X[:, 0], [15, 30]), "cut at 15 and 30 thousand km/s"
        found[name] = Case(data.X, groups, told)
    return found


def start(case: Case, family: CovarianceFamily) -> dict[str, Array]:
    """Weights, means and precisions of the groups, in scikit-learn's shapes; the estimator constrains what
    is still free."""
    X, groups = case.X, case.groups
    k, d = groups.max() + 1, X.shape[1]
    weights = np.bincount(groups) / len(groups)
    means = np.stack([X[groups == j].mean(axis=0) for j in range(k)])
    own = np.stack([np.cov(X[groups == j].T, bias=True).reshape(d, d) for j in range(k)])
    if not family.by_component:
        own = np.broadcast_to(np.einsum("k,kij->ij", weights, own), own.shape)
    if not family.has_correlations:
        own = own * np.eye(d)
    if not family.by_feature:
        own = np.trace(own, axis1=1, axis2=2)[:, None, None] / d * np.eye(d)
    precisions = family.compressed(np.linalg.inv(own))
    return {"weights_init": weights, "means_init": means, "precisions_init": precisions}


def own_fit(case: Case, family: CovarianceFamily) -> tuple[EMGaussianMixture, Fit]:
    k = case.groups.max() + 1
    em = EMGaussianMixture(k, covariance_type=family.name, tol=1e-13, **start(case, family)).fit(case.X)
    bic = em.bic(case.X)
    return em, Fit(em.log_likelihood_, bic, em.n_parameters(), em.params_)


def sklearn_fit(case: Case, family: CovarianceFamily, **settings: float) -> Fit:
    """scikit-learn's, run out and with nothing added to the variances unless the settings say so."""
    k, d = case.groups.max() + 1, case.X.shape[1]
    settings = {"tol": TIGHT_MEAN, "reg_covar": 0.0, "max_iter": 20_000} | settings
    gm = GaussianMixture(k, covariance_type=family.name, **settings, **start(case, family)).fit(case.X)
    covariances = family.expanded(gm.covariances_, k, d, "covariances")
    total, bic = gm.score(case.X) * len(case.X), gm.bic(case.X)
    return Fit(total, bic, gm._n_parameters(), MixtureParams(gm.weights_, gm.means_, covariances))


class Jobs:
    """Fits of mclust, asked for one by one and made by one call of R."""

    def __init__(self) -> None:
        self.asked: dict[str, tuple[Array, Array, str, str]] = {}

    def ask(self, key: str, X: Array, z: Array, family: str, tolerance: str = TIGHT) -> None:
        self.asked[key] = (X, z, family, tolerance)

    def run(self) -> tuple[str, dict[str, Fit]]:
        """Versions, and what was asked for."""
        with tempfile.TemporaryDirectory() as folder:
            lines = []
            for i, (key, (X, z, family, tolerance)) in enumerate(self.asked.items()):
                rows, start_of_it = Path(folder) / f"{i}.csv", Path(folder) / f"{i}.z.csv"
                pd.DataFrame(X).to_csv(rows, index=False)
                pd.DataFrame(z).to_csv(start_of_it, index=False)
                lines.append("\t".join([key, str(rows), str(start_of_it), family, tolerance]))
            jobs = Path(folder) / "jobs.tsv"
            jobs.write_text("\n".join(lines) + "\n")
            command = ["Rscript", str(SCRIPT), str(jobs)]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
        head, *rest = (row.split("\t") for row in done.stdout.splitlines())
        return f"mclust {head[1]}, R {head[2]}", {row[0]: self._fit(row) for row in rest}

    def _fit(self, row: list[str]) -> Fit:
        X, z = self.asked[row[0]][:2]
        k, d = z.shape[1], X.shape[1]
        weights, means, covariances = (np.array(text.split(","), float) for text in row[4:])
        params = MixtureParams(weights, means.reshape(k, d), covariances.reshape(k, d, d))
        return Fit(float(row[1]), float(row[2]), int(row[3]), params)


def distances(one: MixtureParams, other: MixtureParams) -> tuple[float, float]:
    """Largest differences of means, in standard deviations of the component, and of covariances, against the
    products of these; components of one are matched with those of the other by their means."""
    apart = np.abs(one.means[:, None] - other.means[None]) / one.stds[:, None]
    mine, theirs = linear_sum_assignment(apart.sum(axis=2))
    scale = one.stds[mine, :, None] * one.stds[mine, None, :]
    spread = np.abs(one.covariances[mine] - other.covariances[theirs]) / scale
    return float(apart[mine, theirs].max()), float(spread.max())


def slope(X: Array, params: MixtureParams, angle: float = 1e-5) -> float:
    """The largest derivative of the log-likelihood in a rotation, in radians, of the axes that all components
    have in common, everything else left as it is: 0 at a maximum."""
    d = X.shape[1]
    axes = np.linalg.eigh(params.covariances[0])[1]

    def total(turn: Array) -> float:
        rotation = axes @ expm(turn) @ axes.T
        turned = rotation @ params.covariances @ rotation.T
        return log_likelihood_per_obs(X, MixtureParams(params.weights, params.means, turned)).sum()

    slopes = []
    for i in range(d):
        for j in range(i):
            turn = np.zeros((d, d))
            turn[i, j], turn[j, i] = angle, -angle
            slopes.append((total(turn) - total(-turn)) / (2 * angle))
    return float(np.abs(slopes).max())


@dataclass
class Cell:
    """A family on a data set: ours, and theirs where there is one."""

    case: Case
    family: CovarianceFamily
    em: EMGaussianMixture
    own: Fit
    peer: Fit | None
    mclust: Fit | None = None
    # mclust with its default tolerance, and from our responsibilities; ours from where mclust ended.
    default: Fit | None = None
    from_ours: Fit | None = None
    from_theirs: float = np.nan
    sklearn_default: Fit | None = None
    sklearn_added: Fit | None = None

    @property
    def differs(self) -> bool:
        """Whether mclust ended at another log-likelihood."""
        return bool(self.mclust) and abs(self.own.log_likelihood - self.mclust.log_likelihood) > SAME

    def line(self) -> str:
        d = self.case.X.shape[1]
        mclust, peer = (f"{fit.log_likelihood:.5f}" if fit else "" for fit in (self.mclust, self.peer))
        others = [fit for fit in (self.mclust, self.peer) if fit]
        gaps = [self.own.log_likelihood - fit.log_likelihood for fit in others]
        gap = max(gaps, key=abs) if others else np.nan
        apart = [distances(self.own.params, fit.params) for fit in others]
        mark = " **differs**" if abs(gap) > SAME else ""
        told = f"{gap:+.1e}{mark} | {{:.0e}} | {{:.0e}}".format(*np.max(apart, axis=0)) if others else " | | "
        return (
            f"| {self.family.name} | {called(self.family.name, d)} | {self.own.n_parameters} | "
            f"{self.own.log_likelihood:.5f} | {mclust} | {peer} | {told} |"
        )


def measured(with_r: bool) -> tuple[str, dict[str, list[Cell]]]:
    """Versions of R and mclust, and the cells of each data set."""
    cells: dict[str, list[Cell]] = {}
    for name, case in cases().items():
        cells[name] = []
        for family in distinct_families(case.X.shape[1]):
            em, own = own_fit(case, family)
            cell = Cell(case, family, em, own, None)
            if family.name in OF_SKLEARN:
                cell.peer = sklearn_fit(case, family)
                cell.sklearn_default = sklearn_fit(case, family, tol=1e-3)
                cell.sklearn_added = sklearn_fit(case, family, reg_covar=1e-6)
            cells[name].append(cell)
    return (fill_in(cells) if with_r else ""), cells


def fill_in(cells: dict[str, list[Cell]]) -> str:
    """mclust's fits: from the groups, from our responsibilities; then ours from where mclust ended."""
    jobs = Jobs()
    flat = {f"{name} {cell.family.mclust}": cell for name, of_name in cells.items() for cell in of_name}
    for key, cell in flat.items():
        X, z = cell.case.X, np.eye(cell.case.groups.max() + 1)[cell.case.groups]
        family = called(cell.family.name, X.shape[1])
        jobs.ask(f"{key} tight", X, z, family)
        jobs.ask(f"{key} default", X, z, family, "default")
        jobs.ask(f"{key} ours", X, cell.em.predict_proba(X), family)
    version, found = jobs.run()
    for key, cell in flat.items():
        cell.mclust, cell.default = found[f"{key} tight"], found[f"{key} default"]
        cell.from_ours = found[f"{key} ours"]
        if cell.differs:
            cell.from_theirs = from_theirs(cell)
    return version


def from_theirs(cell: Cell) -> float:
    """Our log-likelihood with mclust's estimate as the start."""
    params = cell.mclust.params
    em = EMGaussianMixture(
        len(params.means),
        covariance_type=cell.family.name,
        weights_init=params.weights / params.weights.sum(),
        means_init=params.means,
        precisions_init=cell.family.compressed(np.linalg.inv(params.covariances)),
        tol=1e-13,
    )
    return em.fit(cell.case.X).log_likelihood_


def tables(cells: dict[str, list[Cell]]) -> str:
    head = (
        "| bayesgmm | mclust | parameters | log L, bayesgmm | log L, mclust | log L, scikit-learn | "
        "largest difference | of means | of covariances |\n" + "|---" * 9 + "|"
    )
    parts = []
    for name, of_name in cells.items():
        case = of_name[0].case
        n, d = case.X.shape
        title = f"**{name}**, N = {n}, D = {d}, K = {case.groups.max() + 1}; start: {case.told}."
        parts.append("\n".join([title, "", head, *(cell.line() for cell in of_name)]))
    return "\n\n".join(parts)


def flat_cells(cells: dict[str, list[Cell]]) -> list[tuple[str, Cell]]:
    return [(name, cell) for name, of_name in cells.items() for cell in of_name]


def agreement(cells: dict[str, list[Cell]]) -> str:
    """A sentence on how many are the same, and on BIC and the numbers of parameters."""
    every = flat_cells(cells)
    of_peer = [cell for _, cell in every if cell.peer]
    gap = max(abs(c.own.log_likelihood - c.peer.log_likelihood) for c in of_peer)
    bic = max(abs(c.own.bic - c.peer.bic) for c in of_peer)
    parameters = sum(c.own.n_parameters == c.peer.n_parameters for c in of_peer)
    lines = [
        f"* scikit-learn: in {len(of_peer)} fits the largest difference of log-likelihoods is {gap:.0e}, "
        f"of BIC {bic:.0e}. Numbers of parameters are the same in {parameters} of {len(of_peer)}."
    ]
    with_r = [cell for _, cell in every if cell.mclust]
    if not with_r:
        return "\n".join([*lines, f"* mclust: {MISSING}."])
    same = [c for c in with_r if not c.differs]
    gap = max(abs(c.own.log_likelihood - c.mclust.log_likelihood) for c in same)
    bic = max(abs(c.own.bic + c.mclust.bic) for c in same)
    parameters = sum(c.own.n_parameters == c.mclust.n_parameters for c in with_r)
    others = sorted({c.family.name for c in with_r if c.differs})
    rest = f"; the others are all of {', '.join(others)}, see below" if others else ""
    lines.append(
        f"* mclust: {len(same)} of {len(with_r)} fits have the same log-likelihood{rest}. Among those that "
        f"have, the largest difference is {gap:.0e}, of BIC, with mclust's sign turned, {bic:.0e}. Numbers "
        f"of parameters are the same in {parameters} of {len(with_r)}."
    )
    return "\n".join(lines)


def differing(cells: dict[str, list[Cell]]) -> str:
    """The fits whose ends differ, and what each side makes of the other's end."""
    if not any(c.mclust for _, c in flat_cells(cells)):
        return MISSING
    rows = []
    for name, c in flat_cells(cells):
        if c.differs:
            X = c.case.X
            ours, theirs = (f"{slope(X, fit.params):.2g}" for fit in (c.own, c.mclust))
            rows.append(
                f"| {name} | {c.family.name} | {c.own.log_likelihood:.5f} | {c.mclust.log_likelihood:.5f} | "
                f"{c.default.log_likelihood:.5f} | {ours} | {theirs} | {c.from_theirs:.5f} |"
            )
    head = (
        "| data | family | log L, bayesgmm | mclust | mclust, default tolerance | slope at bayesgmm's end | "
        "slope at mclust's end | bayesgmm, started at mclust's end |\n" + "|---" * 8 + "|"
    )
    return "\n".join([head, *rows]) if rows else "None did in this run."


def stopping(cells: dict[str, list[Cell]]) -> dict[str, str]:
    """How far below its own end each stops with default settings, and what reg_covar costs."""
    every = flat_cells(cells)

    def worst(kind: str, of: str) -> str:
        lost = {
            f"{name} {c.family.name}": getattr(c, of).log_likelihood - getattr(c, kind).log_likelihood
            for name, c in every
            if getattr(c, kind)
        }
        if not lost:
            return MISSING
        at = max(lost, key=lost.get)
        return f"{lost[at]:.3g} ({at})"

    return {
        "mclust_stops": worst("default", "mclust"),
        "sklearn_stops": worst("sklearn_default", "peer"),
        "sklearn_added": worst("sklearn_added", "peer"),
    }


def in_metres() -> str:
    """What scikit-learn's reg_covar costs on iris in metres rather than centimetres."""
    case, family = cases()["iris"], family_of("full")
    small = case._replace(X=case.X / 100)
    plain, added = sklearn_fit(small, family), sklearn_fit(small, family, reg_covar=1e-6)
    return f"{plain.log_likelihood - added.log_likelihood:.2f}"


def icl() -> dict[str, str]:
    """Both definitions at one estimate: the mean entropy, and the logarithm of the largest responsibility."""
    X = datasets.faithful().X
    em = EMGaussianMixture(3, covariance_type="tied", random_state=0).fit(X)
    hard = em.bic(X) - 2 * np.log(em.predict_proba(X).max(axis=1)).sum()
    return {"icl_own": f"{em.icl(X):.2f}", "icl_mclust": f"{hard:.2f}"}


def published() -> str:
    """mclust's vignette beside the default fit of this package."""
    rows = [
        "| data | family, K | vignette: log L | BIC | bayesgmm, default fit: log L | -BIC |",
        "|---" * 6 + "|",
    ]
    for name, family, k, total, bic in PUBLISHED:
        X = datasets.load(name).X
        em = EMGaussianMixture(k, covariance_type=family, random_state=0).fit(X)
        rows.append(
            f"| {name} | {family}, {k} | {total} | {bic} | {em.log_likelihood_:.4f} | {-em.bic(X):.4f} |"
        )
    return "\n".join(rows)


def names() -> str:
    """The families by their names in each program."""
    # Equations of its syntax, for indicators y1 and y2; the rest has no name in what we have read.
    latent_gold = {
        "VVV": "`y1 \\| Cluster; y2 \\| Cluster; y1 <-> y2 \\| Cluster;`",
        "EEE": "`y1; y2; y1 <-> y2;` (by analogy)",
        "VVI": "`y1 \\| Cluster; y2 \\| Cluster;`",
        "EEI": "`y1; y2;`",
    }
    head = "| bayesgmm | mclust | scikit-learn | Latent GOLD | covariance of a component |"
    rows = [head, "|---" * 5 + "|"]
    for family in distinct_families(2):
        theirs = f"`{family.name}`" if family.name in OF_SKLEARN else "-"
        one = called(family.name, 1)
        mclust = family.mclust if one == family.mclust else f"{family.mclust} ({one} with one column)"
        ours = " or ".join(f"`{name}`" for name in dict.fromkeys([family.name, family.mclust]))
        rows.append(
            f"| {ours} | {mclust} | {theirs} | {latent_gold.get(family.mclust, '-')} | {family.title} |"
        )
    return "\n".join(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--without-r", action="store_true", help="as where R is missing")
    parser.add_argument("--output", type=Path, default=PAGE)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    version, cells = measured(has_mclust() and not options.without_r)
    values = {
        "versions": f"{version or 'mclust: ' + MISSING}, scikit-learn {sklearn.__version__}, Python "
        f"{platform.python_version()}",
        "agreement": agreement(cells),
        "tables": tables(cells),
        "differing": differing(cells),
        "published": published(),
        "names": names(),
        "sklearn_metres": in_metres(),
        **stopping(cells),
        **icl(),
    }
    options.output.parent.mkdir(exist_ok=True)
    options.output.write_text(Template(TEXT.read_text()).substitute(values))
    print(values["agreement"], values["differing"], sep="\n")


if __name__ == "__main__":
    main()
