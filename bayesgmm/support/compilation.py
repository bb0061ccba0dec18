"""How this package's numba functions are compiled and cached.

Two kinds: an *entry* is called from Python or by the sampler, and is kept in numba's disk cache; an *inlined*
helper lives inside the entries that use it. Helpers are inlined for a reason of correctness, too: a process
that has just compiled an entry would otherwise call another copy of a helper than a process that finds the
entry in the cache, and the two round differently, so that one seed would give two results.

numba looks for changes in the file of the entry only. Here every entry's cache is stamped with a digest of
all `SOURCES`, so that a change of a helper in another file is noticed; and its files are checked before they
are used, see :mod:`bayesgmm.support.compiled_files`.
"""

import hashlib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numba as nb
from numba.core.ccallback import CFunc

from bayesgmm.support.compiled_files import CheckedFiles

__all__ = ["SOURCES", "c_entry", "entry", "inlined", "inlined_in_order", "source_digest"]

SOURCES = (
    "support/allocation.py",
    "support/compilation.py",
    "support/compiled_files.py",
    "mixture/elementary.py",
    "mixture/missing_cells.py",
    "mixture/kernels.py",
    "mixture/covariance_family.py",
    "mixture/families.py",
    "mixture/std_numbers.py",
    "mixture/coordinates.py",
    "em/axes.py",
    "em/leg.py",
    "em/m_step.py",
    "em/squarem.py",
    "em/steps.py",
    "em/one_correlation.py",
    "em/volume_shape.py",
    "methods/optimisation.py",
    "bayes/log_laws.py",
    "bayes/common_scales.py",
    "bayes/resolution.py",
    "bayes/std_priors.py",
    "bayes/rotation.py",
    "bayes/compiled_prior.py",
    "bayes/target.py",
    "methods/tempering_path.py",
    "methods/moves.py",
    "methods/whitened_nuts.py",
    "posterior/partitions.py",
    "posterior/passes.py",
    "posterior/pointwise.py",
)

# No reordering that could assume the absence of infinities or NaN: -inf is a legal log density.
_OPTIONS: dict[str, Any] = {"fastmath": {"contract", "reassoc", "nsz", "arcp"}, "error_model": "numpy"}

inlined = nb.njit(**_OPTIONS, forceinline=True)
# For arithmetic that is an exercise in rounding: there nothing may be reordered.
inlined_in_order = nb.njit(fastmath={"contract", "nsz"}, error_model="numpy", forceinline=True)


@cache
def source_digest() -> str:
    """SHA-256 of the sources of all compiled code."""
    digest = hashlib.sha256()
    for name in SOURCES:
        digest.update((Path(__file__).parents[1] / name).read_bytes())
    return digest.hexdigest()


def entry(function: Callable[..., Any]) -> Any:
    """Compile on first call, cache on disk, release the interpreter's lock; inlined into other entries."""
    return _stamped(nb.njit(**_OPTIONS, cache=True, nogil=True, forceinline=True)(function))


def c_entry(signature: Any) -> Callable[[Callable[..., Any]], Callable[[], Any]]:
    """Compile to a C function of the given signature, cached on disk, when first asked for."""

    def decorate(function: Callable[..., Any]) -> Callable[[], Any]:
        @cache
        def build() -> Any:
            compiled = CFunc(function, (signature.args, signature.return_type), {}, dict(_OPTIONS))
            compiled.enable_caching()
            _stamped(compiled)
            compiled.compile()
            return compiled

        return build

    return decorate


def _stamped(compiled: Any) -> Any:
    kept = compiled._cache
    kept._cache_file = CheckedFiles(kept._cache_path, kept._impl.filename_base, source_digest())
    return compiled
