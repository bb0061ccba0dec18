"""Which method is used, why, and what each says of itself."""

import warnings

import numpy as np
import pytest
from brute_force import by_brute_force, prior_of, rows
from covariance_families import TABLE

from bayesgmm import BayesGaussianMixture, Prior, datasets
from bayesgmm.bayes.target import Target
from bayesgmm.em import EMGaussianMixture
from bayesgmm.errors import DataError, ParameterError, SamplingError
from bayesgmm.methods.starts import Start, find_starts, shared_out
from bayesgmm.rows.rows import Rows
from bayesgmm.support.clock import Clock
from bayesgmm.wording import Reason

QUIET = {"progressbar": False, "random_state": 0}


def test_evidence_is_in_the_users_units():
    """That of brute force, in units a thousand times smaller: each row's density is then a thousandth."""
    X = rows(1)
    _, wanted = by_brute_force(X, 2, "lognormal", 2.0)
    prior = prior_of("lognormal", 2.0).standardised(0.0, 1e-3)
    bayes = BayesGaussianMixture(2, method="smc", prior=prior, **QUIET).fit(1000 * X)
    value, error = bayes.log_evidence_
    assert abs(value - (wanted - len(X) * np.log(1000))) < max(4 * error, 0.05)
    assert 0 < error < 0.05
    assert bayes.method_ == "smc"
    tempering = bayes.posterior_["tempering"]
    assert (tempering["beta"].max("stage") == 1).all()
    assert tempering["log_evidence"].shape == (4,)


def test_auto_stays_with_nuts_where_that_is_enough(faithful_fit):
    assert (faithful_fit.method, faithful_fit.method_) == ("auto", "nuts")
    assert faithful_fit.method_reason_ == ""
    assert faithful_fit.log_evidence_ is None
    assert faithful_fit.verdict_.exploration == "one mode"


def test_auto_tempers_where_names_cannot_be_trusted():
    X = np.random.default_rng(0).normal(size=(50, 1))
    bayes = BayesGaussianMixture(2, draws=500, **QUIET).fit(X)
    assert bayes.method_ == "smc"
    assert bayes.method_reason_.startswith("Tempering, after NUTS, whose verdict was: ")
    assert bayes.verdict_.label_free_ok
    assert not bayes.verdict_.ok
    assert bayes.verdict_.exploration in ("not identified", "several modes, explored")


def test_auto_says_why_it_does_not_temper():
    X = np.random.default_rng(0).normal(size=(50, 1))
    prior = Prior(concentration=(1.0, 2.0), mean_loc=0.0, mean_scale=2.0, std_prior=("lognormal", 0.0, 0.5))
    bayes = BayesGaussianMixture(2, draws=100, tune=100, prior=prior, **QUIET).fit(X)
    assert bayes.method_ == "nuts"
    assert bayes.method_reason_.startswith(
        "NUTS, since the prior does not treat all components alike. But its verdict is: "
    )
    bayes = BayesGaussianMixture(2, draws=50, tune=100, **QUIET).fit(X)
    assert bayes.method_reason_.startswith("NUTS, since tempering needs draws=100 or more. But")


def test_one_component_can_be_tempered_and_one_row_is_refused():
    bayes = BayesGaussianMixture(1, method="smc", draws=200, **QUIET).fit(datasets.galaxies().X)
    assert bayes.verdict_.label_free.r_hat < 1.02
    assert bayes.mode_map_.n_modes == 1
    prior = Prior(mean_loc=0.0, mean_scale=1.0, std_prior=("lognormal", 0.0, 0.5))
    with pytest.raises(DataError):
        # One row does not make an EM fit, whatever the method.
        BayesGaussianMixture(2, method="smc", prior=prior, draws=200, **QUIET).fit([[1.0]])


def test_time_that_runs_out_is_told(monkeypatch):
    X = datasets.faithful().X
    em = EMGaussianMixture(3, random_state=0).fit(X)
    # Optimisations and EM would not be begun.
    monkeypatch.setattr(Clock, "is_over", False)
    bayes = BayesGaussianMixture(3, method="smc", draws=100, chains=2, em=em, max_time=1e-6, **QUIET).fit(X)
    assert not bayes.verdict_.label_free_ok
    assert bayes.verdict_.reasons[0] == Reason("tempering_stopped", {"beta": 0.0})
    assert bayes.verdict_.exploration == "not explored"
    assert bayes.log_evidence_ is None


def test_auto_keeps_its_chains_where_tempering_fails(monkeypatch):
    X = np.random.default_rng(0).normal(size=(50, 1))

    def failing(*_args, **_more):
        raise SamplingError("Nothing works.")

    monkeypatch.setattr("bayesgmm.methods.smc.sample_smc", failing)
    bayes = BayesGaussianMixture(2, draws=200, **QUIET).fit(X)
    assert bayes.method_ == "nuts"
    assert bayes.method_reason_.startswith(
        "NUTS, since tempering failed: Nothing works. But its verdict is: "
    )
    monkeypatch.setattr("bayesgmm.methods.smc.LONGEST_TEMPERING", 0.01)
    bayes = BayesGaussianMixture(2, draws=200, **QUIET).fit(X)
    assert "ask for it by method='smc'" in bayes.method_reason_


def test_equal_concentrations_may_be_given_one_by_one():
    X = np.random.default_rng(0).normal(size=(30, 1))
    several = Prior(
        concentration=(2.0, 2.0, 2.0), mean_loc=0.0, mean_scale=2.0, std_prior=("lognormal", 0.0, 0.5)
    )
    one = Prior(concentration=2.0, mean_loc=0.0, mean_scale=2.0, std_prior=("lognormal", 0.0, 0.5))
    fits = [
        BayesGaussianMixture(3, method="smc", prior=p, draws=200, chains=2, **QUIET).fit(X)
        for p in (several, one)
    ]
    assert fits[0].log_evidence_ == fits[1].log_evidence_


def test_a_single_run_has_no_standard_error_and_is_not_repeated():
    bayes = BayesGaussianMixture(1, method="smc", draws=200, chains=1, **QUIET).fit(rows(1))
    assert np.isnan(bayes.log_evidence_[1])
    assert not bayes.verdict_.label_free_ok


@pytest.mark.parametrize("value", [0, -1.0, True, "soon"])
def test_unusable_times_are_refused(value):
    with pytest.raises(ParameterError, match=r"max_time must be a positive number of seconds or None"):
        BayesGaussianMixture(2, max_time=value).fit(rows(1))


def test_tempering_refuses_what_it_cannot_do():
    prior = Prior(concentration=(1.0, 2.0), mean_loc=0.0, mean_scale=2.0, std_prior=("lognormal", 0.0, 0.5))
    with pytest.raises(ParameterError, match=r'method="smc" needs a prior that treats all components alike'):
        BayesGaussianMixture(2, method="smc", prior=prior, **QUIET).fit(rows(1))
    with pytest.raises(ParameterError, match=r'method="smc" needs at least 100 draws'):
        BayesGaussianMixture(2, method="smc", draws=50, **QUIET).fit(rows(1))


@pytest.mark.slow
@pytest.mark.parametrize("family", list(TABLE)[1:])
def test_every_family_can_be_tempered(family, faithful_frame):
    X = faithful_frame[::4]
    settings = {"covariance_type": family, "draws": 300, **QUIET}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tempered = BayesGaussianMixture(2, method="smc", **settings).fit(X)
        chains = BayesGaussianMixture(2, method="nuts", **settings).fit(X)
    for name in ("weights", "means", "stds"):
        a, b = (f.posterior_["posterior"][name] for f in (tempered, chains))
        sd = b.std(("chain", "draw"))
        assert (abs(a.mean(("chain", "draw")) - b.mean(("chain", "draw"))) < 0.3 * sd).all()
        assert (abs(a.std(("chain", "draw")) / sd - 1) < 0.3).all()


def test_chains_start_at_the_modes_that_matter():
    """Two maxima of the likelihood that mirror each other matter alike."""
    side = np.random.default_rng(0).normal(0, 0.3, 15)
    X = np.concatenate([side - 4, 4 - side, np.linspace(-0.5, 0.5, 15)])[:, None]
    prior = Prior(mean_loc=0.0, mean_scale=4.0, std_prior=("lognormal", 0.0, 0.7))
    target = Target(Rows.unchecked(X), 2, prior, np.zeros(1), np.full(1, X.std()))
    first = EMGaussianMixture(2, random_state=0).fit(X).params_
    mirrored = type(first)(first.weights, -first.means, first.covariances)
    starts = find_starts(target, [first, first, mirrored])
    assert [round(s.share, 3) for s in starts] == [0.5, 0.5]
    assert shared_out(4, starts).tolist() == [2, 2]
    assert shared_out(1, starts).tolist() == [1]


def test_chains_are_shared_out_by_share_and_none_goes_without():
    starts = [Start(None, s) for s in (0.7, 0.2, 0.1)]
    assert shared_out(4, starts).tolist() == [2, 1, 1]
    assert shared_out(10, starts).tolist() == [7, 2, 1]
