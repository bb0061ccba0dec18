"""Choosing a family and a number of components by EM alone: no posterior, and in about a second on small
data."""

import math
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from sklearn.exceptions import ConvergenceWarning

from bayesgmm.em.cell import Cell
from bayesgmm.em.collapse import scales_apart
from bayesgmm.em.estimator import EMGaussianMixture
from bayesgmm.em.maxima import SAME_MAXIMUM
from bayesgmm.em.run import Status
from bayesgmm.em.sweep import Sweep
from bayesgmm.em.telling import EVERY, HIGHER
from bayesgmm.errors import DataError, DegenerateFitError
from bayesgmm.mixture.families import family_of
from bayesgmm.rows.checks import check_fittable
from bayesgmm.rows.features import missing_of
from bayesgmm.rows.rows import Rows
from bayesgmm.selection.em_selection import ACCEPTED, FAILED, SPURIOUS, Choice, EMSelection, preferred
from bayesgmm.selection.families import Chosen
from bayesgmm.support import arguments
from bayesgmm.support.clock import Clock
from bayesgmm.wording import Reason

__all__ = ["select_by_em"]

# Moves are spent on fits whose BIC is above the best by less than this, and on the best by the others; so
# many in all, and on each so many in vain: the square of K of the former, if that is more.
IN_REACH, MOST_MOVES, FEWEST = 15.0, 120, 6
# How a table of maxima calls what has collapsed.
DEGENERATE = Status.DEGENERATE.value.split(":")[0]
NUMBERS = ("log_likelihood", "n_parameters", "bic", "icl", "aic")


def select_by_em(
    rows: Rows, ks: Sequence[int], chosen: Chosen, *, random_state: Any, cores: int
) -> EMSelection:
    """Every family with every number of components by EM, and the best by BIC fitted in full.

    Parameters
    ----------
    rows : Rows
    ks : sequence of int
        Numbers of components, in increasing order.
    chosen : Chosen
    random_state : int, Generator, RandomState or None
    cores : int

    Raises
    ------
    DataError
        Where the rows allow no fit.
    DegenerateFitError
        Where every fit ends in a collapsed component.
    """
    rows = rows.by_pattern
    allowed, failures = _allowed(rows, ks, chosen.names)
    seed = arguments.seed_sequence(random_state)
    sweep = Sweep(rows, allowed, EMGaussianMixture().reg_covar, cores, seed)
    sweep.run()
    _go_on(sweep)
    sweep.finish()
    failures |= {
        at: _collapsed(at, rows, sweep.cells[at])
        for at in map(Choice._make, sweep.cells)
        if not sweep.cells[at].is_found
    }
    if not any(cell.is_found for cell in sweep.cells.values()):
        raise DegenerateFitError(next(iter(failures.values())), n_fits=len(failures))
    choices = [Choice(name, k) for name in chosen.names for k in ks]
    table, models = _with_fits_in_full(sweep, choices, rows, random_state, cores)
    best = preferred(table)
    model = models[best["bic"]] if best else None
    return EMSelection(table, best, model, failures, chosen.coinciding, _set_aside(sweep, best, model))


def _allowed(
    rows: Rows, ks: Sequence[int], names: Sequence[str]
) -> tuple[dict[str, list[int]], dict[Choice, str]]:
    """Numbers of components by family for which the rows suffice, and why the others have no fit.

    Raises
    ------
    DataError
        Where there are none.
    """
    correlated = {name: family_of(name).has_correlations for name in names}
    faults = {kind: _faults(rows, ks, kind) for kind in set(correlated.values())}
    allowed = {name: [k for k in ks if k not in faults[kind]] for name, kind in correlated.items()}
    if not any(allowed.values()):
        raise faults[correlated[names[0]]][ks[0]]
    failures = {
        Choice(name, k): str(error) for name, kind in correlated.items() for k, error in faults[kind].items()
    }
    return {name: numbers for name, numbers in allowed.items() if numbers}, failures


def _faults(rows: Rows, ks: Sequence[int], correlated: bool) -> dict[int, DataError]:
    """Why numbers of components cannot be fitted; where the largest can, all can."""
    found: dict[int, DataError] = {}
    for k in reversed(ks):
        try:
            check_fittable(rows.values, rows.names, k, correlated)
        except DataError as error:
            found[k] = error
            continue
        break
    return found


def _go_on(sweep: Sweep) -> None:
    """Search on where a better maximum would matter, from the best on."""
    found = [cell for cell in sweep.cells.values() if cell.is_found]
    sound = [cell for cell in found if cell.is_sound] or found
    if sound:
        sweep.hunt(min(sound, key=_icl), FEWEST)
        sweep.hunt(min(sound, key=_aic), FEWEST)
    hunted: set[int] = set()
    while True:
        left = MOST_MOVES - sum(cell.n_moves for cell in found)
        bic = {id(cell): cell.bic for cell in found}
        reach = min((bic[id(cell)] for cell in found if cell.is_sound), default=math.inf) + IN_REACH
        cells = [cell for cell in found if bic[id(cell)] < reach and id(cell) not in hunted]
        if left <= 0 or not cells:
            return
        cell = min(cells, key=lambda c: bic[id(c)])
        hunted.add(id(cell))
        sweep.hunt(cell, min(left, max(FEWEST, cell.n_components**2)))


def _icl(cell: Cell) -> float:
    return cell.icl


def _aic(cell: Cell) -> float:
    return cell.aic


def _with_fits_in_full(
    sweep: Sweep, choices: Sequence[Choice], rows: Rows, random_state: Any, cores: int
) -> tuple[pd.DataFrame, dict[Choice, EMGaussianMixture]]:
    """The table, and the fits in full of what BIC prefers and has preferred on the way."""
    models: dict[Choice, EMGaussianMixture] = {}
    while True:
        table = _table(choices, sweep.cells)
        for known, model in models.items():
            values = {
                "log_likelihood": model.log_likelihood_,
                "bic": model.bic(rows),
                "icl": model.icl(rows),
                "aic": model.aic(rows),
            }
            table.loc[known, list(values)] = list(values.values())
            # A search of its own may find that what had looked sound was a saddle.
            if model.modes_["spurious"].iloc[0]:
                table.loc[known, "verdict"] = SPURIOUS
        at = preferred(table).get("bic")
        if at is None or at in models:
            return table, models
        models[at] = _fitted(sweep.cells[at], at, rows, random_state, cores)
        # What it has found may be better, and begins the families around its own.
        sweep.take(at, models[at].params_)


def _set_aside(
    sweep: Sweep, best: Mapping[str, Choice], model: EMGaussianMixture | None
) -> dict[Choice, float]:
    """See :class:`bayesgmm.selection.EMSelection`."""
    found = {Choice(*at): cell.set_aside for at, cell in sweep.cells.items()}
    if model is not None:
        spurious = model.modes_[model.modes_["spurious"] & (model.modes_["status"] != DEGENERATE)]
        higher = spurious["log_likelihood"].max() - model.log_likelihood_
        found[best["bic"]] = float(higher) if higher > SAME_MAXIMUM * abs(model.log_likelihood_) else 0.0
    return {at: gain for at, gain in found.items() if gain > 0}


def _collapsed(at: Choice, rows: Rows, cell: Cell) -> str:
    walk = None if cell.best is None else cell.best.walk
    apart = None if walk is None else scales_apart(walk.problem, rows, walk.state)
    if apart is not None:
        return str(apart)
    values = {"family": at.covariance_type, "k": at.n_components, "n_rows": len(rows)}
    return str(Reason("fit_collapsed", values))


def _table(choices: Sequence[Choice], cells: Mapping[tuple[str, int], Cell]) -> pd.DataFrame:
    """See :class:`bayesgmm.selection.EMSelection`."""
    records = []
    for at in choices:
        cell = cells.get(at)
        if cell is None or not cell.is_found:
            records.append({"verdict": FAILED})
            continue
        values = {name: getattr(cell, name) for name in NUMBERS}
        records.append({**values, "verdict": ACCEPTED if cell.is_sound else SPURIOUS})
    index = pd.MultiIndex.from_tuples(choices, names=Choice._fields)
    table = pd.DataFrame(records, index=index, columns=[*NUMBERS, "verdict"])
    return table.astype(dict.fromkeys(NUMBERS, float))


def _fitted(cell: Cell, at: Choice, rows: Rows, random_state: Any, cores: int) -> EMGaussianMixture:
    """The fit that an estimator of its own would make, or the better one that is known."""
    em = EMGaussianMixture(
        at.n_components,
        covariance_type=at.covariance_type,
        random_state=random_state,
        missing=missing_of(rows),
        cores=cores,
    )
    with warnings.catch_warnings():
        # What it has set aside is told with the family and number, once for all fits.
        warnings.filterwarnings("ignore", HIGHER, ConvergenceWarning)
        warnings.filterwarnings("ignore", EVERY, ConvergenceWarning)
        return em.fit_within(rows, Clock(None), known=[cell.params])
