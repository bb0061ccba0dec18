"""Many covariance families and numbers of components at once: one search, whose starts all of them share.

A fit for each family and number on its own begins anew every time. Here the partitions of three trees serve
all; what a family has come to begins another with the same number; and from one number of components to the
next leads a component divided or given up. What looks best after a few passes is run to a loose tolerance,
and where a better maximum would matter the search goes on by moves, as that for a single fit does.
"""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from bayesgmm.em.cell import FIRST, Cell, Partition, Search
from bayesgmm.em.hunt import LOOSE
from bayesgmm.em.problem import FIRST_ROWS, standardised_problem
from bayesgmm.em.trees import Trees
from bayesgmm.mixture.params import MixtureParams
from bayesgmm.rows.rows import Rows

__all__ = ["Sweep"]

Array = NDArray[np.float64]

# Families with the same number of components from whose ends another begins, and components that are divided
# or given up in turn.
DONORS, NEIGHBOURS = 2, 3
# A cell is in reach of the best where its BIC is above that by less than this, or by this part of what the
# best has gained over a single component.
NEAR, PART = 40.0, 0.1
# Passes at the end, of cells in reach of the best and of others, and over all rows where a part was searched.
LAST_PASSES, LAST_OF_OTHERS, LAST_OF_MANY = 1000, 60, 10


class Sweep:
    """The search over families and numbers of components.

    Parameters
    ----------
    rows : Rows
    allowed : mapping of sequence of int
        By family, the numbers of components that the rows allow.
    reg_covar : float
        See :class:`bayesgmm.EMGaussianMixture`.
    n_threads : int
    seed : numpy.random.SeedSequence

    Attributes
    ----------
    cells : dict of Cell
        By family and number of components.
    """

    def __init__(
        self,
        rows: Rows,
        allowed: Mapping[str, Sequence[int]],
        reg_covar: float,
        n_threads: int,
        seed: np.random.SeedSequence,
    ) -> None:
        part, tree, hunt = seed.spawn(3)
        self._seed = hunt.generate_state(2).tolist()
        searches = _searches(rows, allowed, reg_covar, n_threads, part)
        self.cells = {(s.name, k): Cell(s, k) for s in searches for k in allowed[s.name]}
        self.ks = sorted({k for _, k in self.cells})
        self._by_k = {k: [c for (_, at), c in self.cells.items() if at == k] for k in self.ks}
        # Families with the same coordinates share their rows.
        forms = list({id(s.problem.X): s.problem.X for s in searches}.values())
        if not any(s.units.is_by_column for s in searches):
            forms.append(searches[0].units.by_column(searches[0].problem.X))
        self._trees = Trees(forms, self.ks, np.random.default_rng(tree))

    def run(self) -> None:
        """All cells from the trees and from each other; then, near the best, up through the numbers of
        components by dividing and down by giving up."""
        for k in self.ks:
            cuts = [Partition(r) for r in self._trees.cut(k)]
            for cell in self._by_k[k]:
                cell.offer(cuts, FIRST)
            self._exchange(self._by_k[k], k)
        for step, ks in ((-1, self.ks), (1, self.ks[::-1])):
            for k in ks:
                cells = self.near(self._by_k[k])
                # All of them, also where the first has found something.
                better = [cell.offer(self._from(cell, step), LOOSE) for cell in cells]
                if any(better):
                    self._exchange(cells, k)
        for cells in self._by_k.values():
            self._inherit(cells)

    def take(self, at: tuple[str, int], params: MixtureParams) -> None:
        """Take on a mixture found elsewhere, in the units of the data, as an end of a family's.

        Parameters
        ----------
        at : str and int
            The family, and its number of components.
        params : MixtureParams
        """
        self._begin(self.cells[at], params)
        self._inherit(self._by_k[at[1]])

    def _inherit(self, cells: Iterable[Cell]) -> None:
        """Let families begin from what families within them have come to with as many components, where that
        is higher: a larger family has a maximum that is no lower."""
        ordered = sorted(cells, key=lambda c: c.n_parameters)
        for i, cell in enumerate(ordered):
            # What these have come to so before comes along.
            for smaller in ordered[:i]:
                if cell.is_below_one_within(smaller):
                    self._begin(cell, smaller.params)

    def _begin(self, cell: Cell, params: MixtureParams) -> None:
        cell.begin(params, LOOSE, LAST_OF_MANY if cell.is_carried else LAST_PASSES)

    def near(self, cells: Iterable[Cell]) -> list[Cell]:
        """Those whose BIC is in reach of the best."""
        best = min(cell.bic for cell in self.cells.values())
        single = min((c.bic for c in self._by_k[self.ks[0]] if c.is_found), default=best)
        reach = max(NEAR, PART * (single - best))
        return [cell for cell in cells if cell.bic <= best + reach]

    def _from(self, cell: Cell, step: int) -> list[Partition]:
        """Starts from the same family with one component less, or more."""
        other = self.cells.get((cell.search.name, cell.n_components + step))
        if other is None or not other.is_sound:
            return []
        return other.divided(NEIGHBOURS) if step < 0 else other.given_up(NEIGHBOURS)

    def _exchange(self, cells: Iterable[Cell], k: int) -> None:
        """Let what the best families have come to begin others with as many components."""
        ends: dict[bytes, Partition] = {}
        for cell in sorted(self._by_k[k], key=lambda c: -c.log_likelihood):
            if cell.is_sound and len(ends) < DONORS:
                ends.setdefault(cell.end.key, cell.end)
        for cell in cells:
            cell.offer(ends.values(), FIRST)

    def hunt(self, cell: Cell, most_in_vain: int) -> bool:
        """See :meth:`Cell.hunt`; what is found begins other families in reach, too."""
        if not cell.hunt(most_in_vain, self._seed):
            return False
        for other in self.near(self._by_k[cell.n_components]):
            if other is not cell and cell.is_sound:
                other.offer([cell.end], LOOSE)
        return True

    def finish(self) -> None:
        """Bring all cells to all rows, and those in reach to a loose tolerance."""
        near = {id(cell) for cell in self.near(self.cells.values())}
        for cell in self.cells.values():
            is_near = id(cell) in near
            most = LAST_PASSES if is_near else LAST_OF_OTHERS
            is_part = cell.search.problem is not cell.search.whole
            cell.finish(LOOSE if is_near else FIRST, LAST_OF_MANY if is_part else most)
        for cells in self._by_k.values():
            self._inherit(cells)


def _searches(
    rows: Rows, families: Iterable[str], reg_covar: float, n_threads: int, seed: np.random.SeedSequence
) -> list[Search]:
    """Of each family; those with the same coordinates share the rows."""
    found: list[Search] = []
    for name in families:
        whole, units = standardised_problem(rows, name, reg_covar, n_threads)
        alike = next((s for s in found if s.units.is_same(units) and s.whole.floor == whole.floor), None)
        if alike is not None:
            whole, problem = (p.with_family(whole.family) for p in (alike.whole, alike.problem))
            if alike.problem is alike.whole:
                problem = whole
            found.append(Search(name, whole, problem, units, alike.products))
            continue
        # The same rows for all families.
        few = len(whole.X) < 2 * FIRST_ROWS
        problem = whole if few else whole.subsample(FIRST_ROWS, np.random.default_rng(seed))
        n, d = problem.X.shape
        products = (problem.X[:, :, None] * problem.X[:, None, :]).reshape(n, d * d)
        found.append(Search(name, whole, problem, units, products))
    return found
