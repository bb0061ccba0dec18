"""Shapes of a mixture's parameters as they are given to the PyMC distribution."""

from collections.abc import Iterable

from bayesgmm.errors import ParameterError
from bayesgmm.mixture.covariance_family import CovarianceFamily

__all__ = ["check_shapes"]


def check_shapes(shapes: list[tuple[int | None, ...]], family: CovarianceFamily) -> None:
    """Refuse parameters whose shapes, as far as known before anything runs, are not those of a mixture.

    Parameters
    ----------
    shapes : list of tuples
        Of weights, means and what stands for the covariances; None is a length that is not known yet.
    family : CovarianceFamily

    Raises
    ------
    ParameterError
    """
    # Lengths of the axes, as letters.
    letters = ("k", "kd", "".join({"cluster": "k", "feature": "d"}[dim] for dim in family.matrix_dims))
    fits = [len(s) for s in shapes] == [len(x) for x in letters]
    if fits:
        known: dict[str, set[int]] = {"k": set(), "d": set()}
        for shape, names in zip(shapes, letters, strict=True):
            for n, name in zip(shape, names, strict=True):
                if n is not None:
                    known[name].add(n)
        fits = all(len(lengths) <= 1 for lengths in known.values())
    if not fits:
        got = [_shape_text("?" if n is None else str(n) for n in s) for s in shapes]
        raise ParameterError(
            "A GaussianMixture needs weights (K,), means (K, D) and cholesky "
            f"{_shape_text(letters[2].upper())}; got {got[0]}, {got[1]} and {got[2]}.",
            shapes=shapes,
        )


def _shape_text(lengths: Iterable[str]) -> str:
    parts = list(lengths)
    return "(" + ", ".join(parts) + ("," * (len(parts) == 1)) + ")"
