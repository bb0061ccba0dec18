"""NUTS on the whitened log posterior, by nutpie.

nutpie samples any C function that gives a log density and its gradient. Ours runs without the interpreter's
lock, so chains use as many cores as they are given; a chain's draws depend on its seed alone.

In whitened coordinates the posterior is a standard normal and a small rest. The trajectory of the normal is
known, a rotation; only the rest is left to the integrator, which then takes steps twice as long: Shahbaba,
Lan, Johnson and Neal (2014), Split Hamiltonian Monte Carlo, section 3.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numba as nb
import numpy as np
from numpy.typing import NDArray
from sklearn.covariance import ledoit_wolf

from bayesgmm.bayes.target import Target, log_posterior
from bayesgmm.errors import SamplingError
from bayesgmm.methods.laplace_approximation import Laplace
from bayesgmm.methods.raw_draws import RawDraws, check_complete, check_in_time, read
from bayesgmm.support.allocation import empty, zeros
from bayesgmm.support.checkpoints import Checkpoints
from bayesgmm.support.clock import Clock
from bayesgmm.support.compilation import c_entry, inlined

__all__ = ["Progress", "sample_nuts"]

Array = NDArray[np.float64]
# Called with the number of finished iterations, of all iterations, and of divergences.
Progress = Callable[[int, int, int], None]

# Starts are drawn from the Laplace approximation, this many times wider, so that R-hat has something to find.
OVERDISPERSION = 1.5

TRIED_STARTS = 20

# In radians of that rotation. Three steps of this length, the trajectory of a tree of depth two, are a little
# more than the half-turn after which it leads back.
LONGEST_STEP = 1.2

_LOG_POSTERIOR = nb.types.int64(
    nb.types.uint64,
    nb.types.CPointer(nb.types.double),
    nb.types.CPointer(nb.types.double),
    nb.types.CPointer(nb.types.double),
    nb.types.CPointer(nb.types.double),
)
_EXPAND = nb.types.int64(
    nb.types.uint64,
    nb.types.uint64,
    nb.types.CPointer(nb.types.double),
    nb.types.CPointer(nb.types.double),
    nb.types.CPointer(nb.types.double),
)


class _Whitened(NamedTuple):
    """What the sampler's function reads: a posterior, and the coordinates z of q = centre + whitening @ z."""

    beta: float
    packed_prior: Array
    centre: Array
    whitening: Array
    X: Array
    sample_weight: Array


# The sampler calls a C function with one pointer to data of its own. Everything goes into one array of
# floats: five integers and the inverse temperature, then the packed prior, the centre, the whitening matrix,
# the data and the rows' weights.
_HEADER = 6


def pack(target: Target, centre: Array, whitening: Array) -> Array:
    """One array with all that :func:`whitened_log_posterior` reads, for q = centre + whitening @ z."""
    n, d = target.rows.shape
    prior, weights = target.packed_prior, target.sample_weight
    header = [n, d, target.n_parameters, len(prior), len(weights), target.beta]
    return np.concatenate([header, prior, centre, whitening.ravel(), target.rows.ravel(order="F"), weights])


@inlined
def _unpacked(pointer):
    """Views of what :func:`pack` has put together."""
    header = nb.carray(pointer, (_HEADER,))
    N, D, P, M, n_weights = int(header[0]), int(header[1]), int(header[2]), int(header[3]), int(header[4])
    data = nb.carray(pointer, (_HEADER + M + P + P * P + N * D + n_weights,))
    centre = _HEADER + M
    whitening = centre + P
    X = whitening + P * P
    weights = X + N * D
    return _Whitened(
        header[5],
        data[_HEADER:centre],
        data[centre:whitening],
        data[whitening:X].reshape((P, P)),
        data[X:weights].reshape((D, N)).T,
        data[weights:],
    )


@c_entry(_LOG_POSTERIOR)
def whitened_log_posterior(n, z_, gradient_, value_, data_):
    """Log posterior and gradient at centre + whitening @ z, for the sampler; returns 0, or 1 where
    the value is not finite."""
    data = _unpacked(data_)
    P, centre, whitening = len(data.centre), data.centre, data.whitening
    given, wanted = nb.carray(z_, (P,)), nb.carray(gradient_, (P,))
    value = nb.carray(value_, (1,))

    # Copies that lie where memory should.
    z, gradient_z, q, gradient_q = empty(P), zeros(P), empty(P), empty(P)
    for i in range(P):
        z[i] = given[i]
    for i in range(P):
        s = centre[i]
        for j in range(P):
            s += whitening[i, j] * z[j]
        q[i] = s
    log_prior, log_likelihood = log_posterior(
        q, data.X, data.sample_weight, data.packed_prior, data.beta, gradient_q
    )
    for i in range(P):
        for j in range(P):
            gradient_z[j] += whitening[i, j] * gradient_q[i]
    for i in range(P):
        wanted[i] = gradient_z[i]
    value[0] = log_prior + data.beta * log_likelihood
    if not math.isfinite(value[0]):
        return 1
    for j in range(P):
        if not math.isfinite(gradient_z[j]):
            return 1
    return 0


@c_entry(_EXPAND)
def _copy(n, _n_expanded, z, out, _data):
    """What nutpie stores of a draw: the whitened vector itself."""
    for i in range(n):
        out[i] = z[i]
    return 0


def sample_nuts(
    target: Target,
    approximation: Laplace,
    *,
    draws: int,
    tune: int,
    chains: int,
    cores: int,
    seed: np.random.SeedSequence,
    target_accept: float = 0.8,
    progress: Progress | None = None,
    clock: Clock | None = None,
    checkpoints: Checkpoints | None = None,
) -> RawDraws:
    """Draw from the posterior by NUTS in the coordinates z of q = mode + whitening @ z.

    Hoffman and Gelman (2014), The No-U-Turn sampler, as implemented in nutpie. A pilot run, whitened by the
    curvature at the mode, measures the posterior's covariance; the kept run is whitened by that. A diagonal
    mass matrix goes on adapting in both.

    Parameters
    ----------
    target : Target
    approximation : Laplace
        Mode and whitening.
    draws, tune, chains : int
        Kept draws and warm-up draws per chain, and chains.
    cores : int
        Chains that run at the same time; the draws do not depend on it.
    seed : numpy.random.SeedSequence
    target_accept : float
        Acceptance rate that the step size is adapted to.
    progress : callable, optional
    clock : Clock, optional
        Where its time passes, the draws so far are kept, of each chain as many. All chains then run at once,
        so that they come equally far.
    checkpoints : Checkpoints, optional
        Where the pilot run and the kept one are read, or kept.

    Raises
    ------
    SamplingError
        If no chain can start, one stopped before its last draw, naming the chain, or the time has passed
        before each has 50 draws.
    """
    _check_starts(target, approximation)
    plan = _WarmUp.of(tune)
    total = chains * (tune + draws)
    pilot_seed, chain_seed = seed.spawn(2)
    clock, checkpoints = clock or Clock(None), checkpoints or Checkpoints()
    run = _Run(target, chains, cores if clock.left is None else max(cores, chains), target_accept, clock)
    done = chains * (plan.pilot_tune + plan.pilot_draws)
    pilot = checkpoints.kept(
        "pilot",
        np.vstack([approximation.mode, approximation.whitening]),
        lambda: run(
            approximation, plan.pilot_tune, plan.pilot_draws, pilot_seed, _shifted(progress, 0, total)
        ),
    )
    check_in_time(pilot["z"], plan.pilot_draws, "draws of warm-up")
    adapted = adapt(approximation, pilot["z"])
    found = dict(
        checkpoints.kept(
            "chains",
            np.vstack([adapted.mode, adapted.whitening]),
            lambda: run(adapted, plan.final_tune, draws, chain_seed, _shifted(progress, done, total)),
        )
    )
    kept = check_in_time(found["z"], draws, "draws")
    q = adapted.mode + found.pop("z") @ adapted.whitening.T
    return RawDraws(q, found).cut(kept)


def adapt(approximation: Laplace, z: Array) -> Laplace:
    """Centre and whitening from pilot draws z, shape (chain, draw, n), in the coordinates of `approximation`.

    Curvature at the mode misjudges a posterior with heavy tails; its covariance does not. Covariances are
    taken within chains, so that chains at different modes do not blow them up, and shrunk towards a multiple
    of the identity (Ledoit and Wolf 2004), which is what they are where the approximation was right.
    """
    within = (z - z.mean(axis=1, keepdims=True)).reshape(-1, z.shape[2])
    covariance, _ = ledoit_wolf(within, assume_centered=True)
    centre = approximation.mode + approximation.whitening @ z.mean(axis=(0, 1))
    whitening = approximation.whitening @ np.linalg.cholesky(covariance)
    return replace(approximation, mode=centre, whitening=whitening)


@dataclass(frozen=True)
class _WarmUp:
    """How warm-up iterations are spent: a pilot run, and a step size for its covariance."""

    pilot_tune: int
    pilot_draws: int
    final_tune: int

    @classmethod
    def of(cls, tune: int) -> "_WarmUp":
        pilot_tune, pilot_draws = tune * 2 // 5, tune * 7 // 20
        return cls(pilot_tune, pilot_draws, tune - pilot_tune - pilot_draws)


@dataclass(frozen=True)
class _Run:
    """One run of nutpie: all chains, whitened by a given approximation."""

    target: Target
    chains: int
    cores: int
    target_accept: float
    clock: Clock

    def __call__(
        self,
        approximation: Laplace,
        tune: int,
        draws: int,
        seed: np.random.SeedSequence,
        progress: Callable[[Any], None] | None,
    ) -> dict[str, NDArray[Any]]:
        """The draws ``z``, shape (chain, draw, n), and the statistics, each (chain, draw)."""
        import nutpie

        # The array must outlive the run: the C function reads it.
        data = pack(self.target, approximation.mode, approximation.whitening)
        sampler = nutpie.sample(
            _compiled_model(data, self.target.n_parameters),
            draws=draws,
            tune=tune,
            chains=self.chains,
            cores=self.cores,
            seed=int(seed.generate_state(1, np.uint64)[0] >> 1),
            progress_bar=False,
            save_warmup=False,
            target_accept=self.target_accept,
            blocking=False,
            progress_callback=progress,
            progress_rate=100,
            # Its conversion to labelled arrays takes as long as the draws of a small fit.
            return_raw_trace=True,
        )
        try:
            trace = sampler.wait(timeout=self.clock.left)
        except TimeoutError:
            trace = sampler.abort()
        except KeyboardInterrupt:
            sampler.cancel()
            raise
        except RuntimeError as error:
            # Its other chains may still be at work, and read the data.
            _STILL_READ.append(data)
            raise SamplingError(f"The sampler stopped: {str(error).splitlines()[0]}.") from None
        positions, stats = trace.get_arrow_trace()
        found = read(positions, stats, (self.chains, draws, self.target.n_parameters))
        if not self.clock.is_over:
            check_complete(found["z"], draws, self.chains)
        return found


# Data of runs that have failed.
_STILL_READ: list[Array] = []


def _check_starts(target: Target, approximation: Laplace) -> None:
    """Refuse what no chain could start from: nutpie would fail for the first chain while others still run."""
    rng = np.random.default_rng(0)
    z = rng.normal(scale=OVERDISPERSION, size=(TRIED_STARTS, target.n_parameters))
    if not any(np.isfinite(target(approximation.mode + approximation.whitening @ row)[0]) for row in z):
        raise SamplingError(
            f"No chain can start: of {TRIED_STARTS} points around the posterior mode none has a finite log "
            f"posterior; check the data for extreme values and the prior's scales against the data's.",
            tried=TRIED_STARTS,
        )


def _compiled_model(data: Array, n: int) -> Any:
    from nutpie.compile_pymc import CompiledPyMCModel

    class Whitened(CompiledPyMCModel):
        """With settings that ``nutpie.sample`` has no argument for."""

        def _make_sampler(self, settings: Any, *others: Any) -> Any:
            full = settings.as_dict()["settings"]
            full["trajectory_kind"] = "ExactNormal"
            step_size = full["adapt_options"]["step_size_settings"]["adapt_options"]
            step_size["dual_average"]["max_step_size"] = LONGEST_STEP
            settings.update_settings(full)
            return super()._make_sampler(settings, *others)

    def start(seed: int) -> Array:
        return np.random.default_rng(seed).normal(scale=OVERDISPERSION, size=n)

    return Whitened(
        dims={"z": ("parameter",)},
        compiled_logp_func=whitened_log_posterior(),
        compiled_expand_func=_copy(),
        initial_point_func=start,
        shared_data={},
        shared_var_keys={},
        user_data=data,
        n_expanded=n,
        shape_info=(["z"], [slice(0, n)], [(n,)]),
        logp_func=None,
        expand_func=None,
        _n_dim=n,
        _shapes={"z": (n,)},
        _coords={"parameter": np.arange(n)},
    )


def _shifted(progress: Progress | None, before: int, total: int) -> Callable[[Any], None] | None:
    if progress is None:
        return None

    def callback(chains: Any) -> None:
        done = before + sum(c.finished_draws for c in chains)
        progress(done, total, sum(c.divergences for c in chains))

    return callback
