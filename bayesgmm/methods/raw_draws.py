"""What nutpie gives back, and whether it is all that was asked for."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayesgmm.errors import SamplingError

__all__ = ["RawDraws", "check_complete", "check_in_time", "read"]

Array = NDArray[np.float64]

# Of a chain whose time has passed; fewer say nothing.
FEWEST_DRAWS = 50

# Of nutpie's statistics, those that a person or ArviZ reads.
KEPT = frozenset(
    {
        "depth",
        "maxdepth_reached",
        "diverging",
        "energy",
        "energy_error",
        "logp",
        "mean_tree_accept",
        "n_steps",
        "step_size",
    }
)


@dataclass(frozen=True)
class RawDraws:
    """Unconstrained draws, shape (chain, draw, n), and the sampler's statistics, each (chain, draw)."""

    q: Array
    stats: dict[str, NDArray[Any]]

    def cut(self, draws: int) -> "RawDraws":
        """The first so many draws of each chain."""
        return RawDraws(self.q[:, :draws], {name: v[:, :draws] for name, v in self.stats.items()})


def read(positions: list[Any], stats: list[Any], shape: tuple[int, int, int]) -> dict[str, NDArray[Any]]:
    """Columns of nutpie's record batches, one batch a chain, without warm-up; NaN where a chain stopped early
    or has not begun. The shape is that of "z", (chain, draw, n)."""
    import pyarrow

    chains, draws, n = shape
    found: dict[str, NDArray[Any]] = {"z": np.full(shape, np.nan)}
    for chain, (position, stat) in enumerate(zip(positions, stats, strict=True)):
        first = int(stat.column("tuning").to_numpy().sum())
        for name in sorted(KEPT & set(stat.column_names)):
            values = stat.column(name).to_numpy()[first:]
            of_all = found.setdefault(name, np.zeros((chains, draws), values.dtype))
            of_all[chain, : len(values)] = values[:draws]
        z = pyarrow.array(position.column("z"))
        rows = z.flatten().to_numpy().reshape(len(z), n)[first:]
        found["z"][chain, : len(rows)] = rows[:draws]
    return found


def check_in_time(z: Array, wanted: int, what: str) -> int:
    """How many draws each chain has, those that were wanted or, where the time has passed, enough.

    Raises
    ------
    SamplingError
    """
    reached = int(np.isfinite(z).all(axis=2).sum(axis=1).min())
    needed = min(wanted, FEWEST_DRAWS) if what == "draws" else wanted
    if reached < needed:
        raise SamplingError(
            f"When max_time had passed a chain had {reached} of {wanted} {what}, and {needed} are needed; "
            "allow more time, ask for fewer draws, or use method='laplace'.",
            reached=reached,
            wanted=wanted,
            needed=needed,
        )
    return reached


def check_complete(z: Array, draws: int, chains: int) -> None:
    # nutpie fills what an interrupted chain did not reach with NaN.
    finished = np.isfinite(z).all(axis=2).sum(axis=1)
    if z.shape[1] < draws or (finished < draws).any():
        worst = int(finished.argmin())
        raise SamplingError(
            f"Chain {worst} of {chains} stopped after {int(finished[worst])} of {draws} draws; "
            "try another random_state or a higher target_accept.",
            chain=worst,
            finished=finished,
        )
