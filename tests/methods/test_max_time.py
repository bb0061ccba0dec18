"""A limited time is obeyed by every part of a fit: what was reached is kept where it is enough, or told."""

import dataclasses

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

from bayesgmm import BayesGaussianMixture, datasets, estimator, load, save
from bayesgmm.em import EMGaussianMixture
from bayesgmm.errors import SamplingError
from bayesgmm.methods import laplace_approximation, raw_draws, whitened_nuts
from bayesgmm.methods.nuts import Nuts, NutsCheck
from bayesgmm.support import clock
from bayesgmm.support.clock import Clock
from bayesgmm.wording import Reason

QUIET = {"random_state": 0, "progressbar": False}


class After(Clock):
    """A clock whose time has passed when it has been asked so many times."""

    def __init__(self, times):
        super().__init__(3600.0)
        self.times = times

    @property
    def is_over(self):
        self.times -= 1
        return self.times < 0


@pytest.fixture
def stopped(monkeypatch):
    """A clock that stands still, until a test moves it on."""
    now = [100.0]
    monkeypatch.setattr(clock.time, "monotonic", lambda: now[0])
    return now


def test_a_clock_counts_down(stopped):
    limited = Clock(5.0)
    stopped[0] += 3.0
    assert (limited.left, limited.is_over, limited.seconds) == (2.0, False, 5.0)
    assert limited.share(0.5).left == 1.0
    stopped[0] += 3.0
    assert (limited.left, limited.is_over) == (0.0, True)
    assert Clock(None).share(0.5).left is None


def test_a_run_of_em_ends_where_it_is_and_no_further_one_begins(monkeypatch):
    X = datasets.faithful().X
    with pytest.warns(ConvergenceWarning, match="out of time"):
        em = EMGaussianMixture(3, random_state=0).fit_within(X, After(2))
    assert em.modes_["n_starts"].sum() == 1
    assert em.n_iter_ <= 20
    assert not em.converged_


def test_no_time_for_nuts_is_refused_with_what_was_reached(golden):
    X = datasets.faithful().X
    target = BayesGaussianMixture(2, method="laplace", draws=50, **QUIET).fit(X).fit_.target
    found = laplace_approximation.laplace(target, np.zeros(target.n_parameters))
    settings = {"draws": 1000, "tune": 600, "chains": 2, "cores": 2, "seed": np.random.SeedSequence(0)}
    with golden.raises(SamplingError, wanted=210, needed=210, reached=0):
        whitened_nuts.sample_nuts(target, found, clock=Clock(1e-6), **settings)


class DuringDraws(Clock):
    """All the time for the warm-up, then two seconds, and then none: what a run of the sampler asks."""

    def __init__(self):
        self.seconds = 3600.0
        self.lefts, self.ends = iter([3600.0, 3600.0, 2.0]), iter([False, True])

    @property
    def left(self):
        return next(self.lefts)

    @property
    def is_over(self):
        return next(self.ends)


def test_nuts_keeps_the_draws_that_it_had(monkeypatch):
    """Far more draws than there is time for, and enough time for a few."""
    monkeypatch.setattr(Clock, "share", lambda clock, part: DuringDraws())
    X = np.random.default_rng(0).normal(size=(40, 1))
    settings = {"method": "nuts", "chains": 2, "tune": 50, "draws": 1_000_000}
    bayes = BayesGaussianMixture(1, max_time=3600.0, **settings, **QUIET).fit(X)
    n = bayes.fit_.draws.n_draws
    assert raw_draws.FEWEST_DRAWS <= n < 1_000_000
    assert all(v.shape == (2, n) for v in bayes.fit_.sampler.values())
    assert np.isfinite(bayes.fit_.draws.means).all()
    assert Reason("draws_cut_short", {"n": n, "wanted": 1_000_000}) in bayes.verdict_.reasons
    assert not bayes.verdict_.ok


def test_that_draws_were_cut_short_is_saved(tmp_path):
    X = np.random.default_rng(0).normal(size=(40, 1))
    bayes = BayesGaussianMixture(1, method="nuts", draws=60, tune=50, chains=2, **QUIET).fit(X)
    check = dataclasses.replace(bayes.fit_.check, draws_wanted=100, draws_made=60)
    bayes.fit_ = dataclasses.replace(bayes.fit_, check=check)
    again = load(save(bayes, tmp_path / "fit.nc"))
    assert again.fit_.check == check
    assert [r.code for r in again.verdict_.reasons][-1:] != []
    # A file of an earlier version knows nothing of it.
    known = {k: v for k, v in check.numbers().items() if not k.startswith("draws_")}
    assert NutsCheck.from_numbers(known).draws_wanted == 0


@pytest.mark.parametrize("wanted", [1000, 30])
def test_too_few_draws_are_refused(wanted, golden):
    z = np.zeros((2, wanted, 3))
    z[1, 20:] = np.nan
    with golden.raises(SamplingError, reached=20, wanted=wanted, needed=min(wanted, 50)):
        raw_draws.check_in_time(z, wanted, "draws")
    assert raw_draws.check_in_time(z[:1], wanted, "draws") == wanted


def test_laplace_is_refused_where_its_time_passes(golden, monkeypatch):
    monkeypatch.setattr(estimator, "Clock", lambda seconds: After(1))
    X = np.random.default_rng(0).normal(size=(60, 3))
    with golden.raises(SamplingError, reached=1000, wanted=16000):
        em = EMGaussianMixture(1).fit(X)
        BayesGaussianMixture(1, method="laplace", em=em, max_time=3600.0, **QUIET).fit(X)


def test_a_curvature_of_many_parameters_is_given_up(monkeypatch, golden):
    monkeypatch.setattr(laplace_approximation, "PARAMETERS_AT_ONCE", 4)
    X = np.random.default_rng(0).normal(size=(60, 3))
    target = BayesGaussianMixture(1, method="laplace", draws=50, **QUIET).fit(X).fit_.target
    with golden.raises(SamplingError, reached=7, wanted=9):
        laplace_approximation.negative_hessian(target, np.zeros(9), After(1))


def test_auto_does_not_begin_to_temper_when_time_has_passed(monkeypatch):
    drawn = []
    draw = Nuts.draw

    def draws(method, problem):
        found = draw(method, problem)
        drawn.append(True)
        return found

    monkeypatch.setattr(Nuts, "draw", draws)
    monkeypatch.setattr(Clock, "is_over", property(lambda clock: clock.seconds == 3600.0 and bool(drawn)))
    X = np.random.default_rng(0).normal(size=(50, 1))
    bayes = BayesGaussianMixture(2, draws=200, max_time=3600.0, **QUIET).fit(X)
    assert bayes.method_ == "nuts"
    assert bayes.fit_.method_reason.values["obstacle"] == Reason("no_time_to_temper")


def test_a_mode_is_given_up_between_legs(monkeypatch, golden):
    monkeypatch.setattr(laplace_approximation, "STEPS_AT_ONCE", 2)
    X = np.random.default_rng(0).normal(size=(60, 3))
    target = BayesGaussianMixture(1, method="laplace", draws=50, **QUIET).fit(X).fit_.target
    with golden.raises(SamplingError):
        laplace_approximation.optimised(target, np.ones(9), clock=After(1))
    found, value = laplace_approximation.optimised(target, np.ones(9), clock=Clock(3600.0))
    assert value == pytest.approx(laplace_approximation.optimised(target, np.ones(9))[1], rel=1e-10)
