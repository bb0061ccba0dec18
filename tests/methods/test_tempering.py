"""Tempering against sums over all allocations, quadrature, and posteriors whose shares are known by
symmetry."""

import math
from dataclasses import replace

import numpy as np
import pytest
from brute_force import MEAN_LOC, MEAN_SCALE, STDS, by_brute_force, of_draws, prior_of, rows
from covariance_families import TABLE
from scipy import integrate, stats
from scipy.special import logsumexp

from bayesgmm import BayesGaussianMixture, EMGaussianMixture, MixtureParams, Prior, datasets
from bayesgmm.bayes.prior_draws import draw_prior
from bayesgmm.bayes.target import Target, log_posterior
from bayesgmm.errors import SamplingError
from bayesgmm.methods import initial_mixture, moves, proposals, tempering_path
from bayesgmm.methods import particles as particle_module
from bayesgmm.methods import tempering as smc
from bayesgmm.methods.ancestry import ancestral_ess
from bayesgmm.methods.smc import _mean_evidence
from bayesgmm.methods.starts import find_starts
from bayesgmm.methods.whitened_nuts import sample_nuts
from bayesgmm.mixture.coordinates import unconstrained
from bayesgmm.mixture.families import family_of
from bayesgmm.rows.rows import Rows

CASES = [(family, 1, k, 2.0) for family in STDS for k in (1, 2, 3)]
CASES += [(family, 2, k, 2.0) for family in STDS for k in (1, 2)]
CASES += [("lognormal", 2, 3, 2.0), ("gamma", 2, 3, 1.0)]
# With one feature and two components these have the same posterior; what differs is their layout.
LAYOUTS = ("diag", "spherical")
QUICK = {
    ("lognormal", 1, 2, 2.0),
    ("inversegamma", 1, 1, 2.0),
    ("gamma", 1, 3, 2.0),
}
SEVERAL = [
    pytest.param(*c, id="-".join(map(str, c)), marks=() if c in QUICK else pytest.mark.slow) for c in CASES
]


def tempered(target, draws=2000, chains=8, seed=1, **more):
    rng = np.random.default_rng(seed)
    found = initial_mixture.find_initial_mixture(target, [], rng, 2)
    return smc.sample_smc(
        target, found, draws=draws, chains=chains, cores=2, seed=np.random.SeedSequence(seed), **more
    )


def small_target(family="lognormal", d=1, k=2, eta=2.0):
    return Target(Rows.unchecked(rows(d)), k, prior_of(family, eta), np.zeros(d), np.ones(d))


def evaluated(q, target, found, beta):
    """Particles at q with their densities on the path."""
    q = np.ascontiguousarray(q)
    particles = tempering_path.Particles(q, np.empty_like(q), np.empty(len(q)), np.empty(len(q)))
    tempering_path.densities(particles, particle_module.path_of(target, found, beta))
    return particles


@pytest.mark.parametrize(("family", "d", "k", "eta"), SEVERAL)
def test_draws_and_evidence_are_those_of_brute_force(family, d, k, eta):
    target = small_target(family, d, k, eta)
    wanted, log_evidence = by_brute_force(target.X, k, family, eta)
    found = tempered(target)
    assert found.finished
    runs = found.log_evidence
    mean = logsumexp(runs) - math.log(len(runs))
    error = np.exp(runs - mean).std(ddof=1) / math.sqrt(len(runs))
    assert abs(mean - log_evidence) < 0.1
    # The grid of the brute force is right to about 0.005 where priors reach far down.
    assert abs(mean - log_evidence) < 3 * error + 0.005
    drawn = of_draws(target.X, target.constrained(found.q))
    varying = drawn.std(axis=(0, 1)) > 1e-9
    away = drawn.mean(axis=(0, 1)) - wanted
    np.testing.assert_allclose(away[~varying], 0, atol=1e-8)
    of_mean = drawn.mean(axis=1).std(axis=0, ddof=1) / math.sqrt(len(drawn))
    by_family = drawn.std(axis=(0, 1)) / np.sqrt(ancestral_ess(drawn, found.ancestor))
    # Eight runs alone tell their error within a fourth.
    assert (np.abs(away) < 4 * np.maximum(of_mean, by_family) + 2e-4)[varying].all()


@pytest.mark.parametrize("layout", LAYOUTS)
def test_other_layouts_have_the_same_evidence(layout):
    target = replace(small_target("gamma", k=2), covariance_type=layout)
    _, log_evidence = by_brute_force(target.X, 2, "gamma", 2.0)
    found = tempered(target, draws=1000)
    mean = logsumexp(found.log_evidence) - math.log(8)
    error = np.exp(found.log_evidence - mean).std(ddof=1) / math.sqrt(8)
    assert abs(mean - log_evidence) < 3 * error + 0.005


def test_one_normal_has_the_evidence_of_quadrature():
    target = small_target(k=1)
    x = target.X[:, 0]

    def inner(u):
        s = math.exp(u)
        cov = s * s * np.eye(len(x)) + MEAN_SCALE**2
        return math.exp(
            stats.multivariate_normal(np.full(len(x), MEAN_LOC), cov).logpdf(x)
            + stats.norm(-0.2, 0.5).logpdf(u)
        )

    value, _ = integrate.quad(inner, -3, 3, epsabs=0)
    found = tempered(target, chains=4)
    assert abs(logsumexp(found.log_evidence) - math.log(4) - math.log(value)) < 0.01


def test_one_normal_on_galaxies_has_the_evidence_of_quadrature():
    X = datasets.galaxies().X
    prior = Prior.from_data(X)
    loc, scale = np.ravel(prior.mean_loc)[0], np.ravel(prior.mean_scale)[0]
    mu, common, own, df = prior.resolve(1, 1).shared_std_numbers[:, 0]
    x, n = X[:, 0] - loc, len(X)

    def of_std_only(u):
        """The mean integrated out: x is normal with covariance s^2 I + scale^2 1 1'."""
        v = np.exp(2 * u)
        quadratic = (x @ x - scale**2 * x.sum() ** 2 / (v + n * scale**2)) / v
        log_det = (n - 1) * np.log(v) + np.log(v + n * scale**2)
        of_prior = stats.t(df, mu, np.hypot(common, own)).logpdf(u)
        return of_prior - 0.5 * (quadratic + log_det + n * np.log(2 * np.pi))

    u = np.linspace(np.log(X.std()) - 1.5, np.log(X.std()) + 1.5, 4001)
    wanted = logsumexp(of_std_only(u)) + np.log(u[1] - u[0])
    bayes = BayesGaussianMixture(1, method="smc", random_state=0, progressbar=False).fit(X)
    assert bayes.log_evidence_[0] == pytest.approx(wanted, abs=0.05)


@pytest.mark.slow
@pytest.mark.parametrize("family", list(TABLE))
def test_evidence_does_not_depend_on_units_or_family_layout(family):
    """Against importance sampling from the prior, which needs no gradient, no order and no initial
    mixture."""
    X = rows(2)
    prior = Prior(concentration=1.0, mean_loc=0.5, mean_scale=1.0, std_prior=("lognormal", 0.0, 0.3))
    target = Target(Rows.unchecked(X), 2, prior, np.zeros(2), np.ones(2), family)
    values = draw_prior(prior.resolve(2, 2, family), family, 400_000, np.random.default_rng(0))
    q, ll = unconstrained(values, target.family), np.empty(400_000)
    scratch = np.empty(q.shape[1])
    for i, row in enumerate(q):
        ll[i] = log_posterior(row, target.rows, target.sample_weight, target.packed_prior, 1.0, scratch)[1]
    wanted = logsumexp(ll) - math.log(len(ll))
    error = np.exp(ll - wanted).std() / math.sqrt(len(ll))
    found = tempered(target, draws=1000, chains=4)
    mean = logsumexp(found.log_evidence) - math.log(4)
    own = np.exp(found.log_evidence - mean).std(ddof=1) / 2
    assert error < 0.04
    assert abs(mean - wanted) < 4 * math.hypot(error, own)


def test_mirrored_data_have_two_modes_of_half_each():
    """Three groups and two components: the middle group joins one side or the other."""
    rng = np.random.default_rng(0)
    side = rng.normal(0, 0.3, 15)
    X = np.concatenate([side - 4, -(side - 4), np.linspace(-0.5, 0.5, 15)])[:, None]
    prior = Prior(mean_loc=0.0, mean_scale=4.0, std_prior=("lognormal", 0.0, 0.7))
    target = Target(Rows.unchecked(X), 2, prior, np.zeros(1), np.full(1, X.std()))
    found = tempered(target, draws=1000, chains=4)
    v = target.constrained(found.q)
    low = np.take_along_axis(v["weights"], v["means"][..., 0].argsort(axis=2), axis=2)[..., 0]
    left = (low > 0.5).mean()
    assert ((low < 0.45) | (low > 0.55)).mean() > 0.9
    assert abs(left - 0.5) < 0.05


def test_one_seed_gives_the_same_draws_on_any_number_of_cores():
    target = small_target()
    found = initial_mixture.find_initial_mixture(target, [], np.random.default_rng(0), 1)
    again = initial_mixture.find_initial_mixture(target, [], np.random.default_rng(0), 2)
    np.testing.assert_array_equal(found.centres, again.centres)
    runs = [
        smc.sample_smc(target, found, draws=200, chains=2, cores=cores, seed=np.random.SeedSequence(3))
        for cores in (1, 2, 5)
    ]
    for other in runs[1:]:
        np.testing.assert_array_equal(runs[0].q, other.q)
        np.testing.assert_array_equal(runs[0].log_evidence, other.log_evidence)


@pytest.mark.parametrize(
    ("scale", "std_prior"),
    [(1e8, ("inversegamma", 0.01, 0.01)), (1e6, ("halfnormal", 1e6)), (1e3, ("lognormal", 0.0, 20.0))],
)
def test_priors_that_reach_beyond_all_numbers_are_tempered_with(scale, std_prior):
    X = datasets.faithful().X
    target = Target.standardising(
        Rows.unchecked(X), 2, Prior(mean_loc=0.0, mean_scale=scale, std_prior=std_prior), "full"
    )
    found = tempered(target, draws=200, chains=2)
    assert found.finished
    assert np.isfinite(found.log_evidence).all()
    assert np.isfinite(found.q).all()


def test_time_that_runs_out_ends_at_the_last_finished_stage():
    target = small_target(k=3)
    found = tempered(target, draws=200, chains=2, max_time=1e-9)
    assert not found.finished
    assert [len(t) for t in found.betas] == [0, 0]
    assert found.q.shape == (2, 200, target.n_parameters)


def test_progress_ends_at_the_end():
    told = []
    tempered(small_target(), draws=200, chains=2, progress=lambda *numbers: told.append(numbers))
    assert told[-1] == (2000, 2000, 0)
    assert {total for _, total, _ in told} == {2000}


def test_a_posterior_that_is_finite_nowhere_is_refused():
    target = small_target()
    found = initial_mixture.find_initial_mixture(target, [], np.random.default_rng(0), 1)
    lost = Target(Rows.unchecked(target.X * 1e200), 2, target.prior, target.shift, target.scale)
    with pytest.raises(
        SamplingError, match=r"The log posterior is not finite at 200 of 200 draws around its modes"
    ):
        smc.sample_smc(lost, found, draws=200, chains=1, cores=1, seed=np.random.SeedSequence(0))


def test_weights_choose_an_inverse_temperature_and_particles():
    ratios = np.random.default_rng(0).normal(size=500) * 20
    step = particle_module._next_step(ratios, 1.0)
    w = np.exp(step * (ratios - ratios.max()))
    assert w.sum() ** 2 / (w**2).sum() == pytest.approx(400, rel=1e-6)
    assert particle_module._next_step(ratios / 1000, 0.7) == 0.7
    rng = np.random.default_rng(1)
    weights = rng.gamma(1.0, size=500)
    counts = np.mean(
        [np.bincount(particle_module._resampled(weights, ratios, rng), minlength=500) for _ in range(4000)],
        axis=0,
    )
    np.testing.assert_allclose(counts, 500 * weights / weights.sum(), atol=0.06)


def test_the_density_of_many_coordinates_is_that_of_all_places():
    """InitialComponents out of sight are given up half-way; what is left out must not be seen in density or
    gradient."""
    X = datasets.iris().X
    target = Target.standardising(Rows.unchecked(X), 3, Prior.from_data(X), "full")
    mixtures = EMGaussianMixture(3, random_state=0).fit(X).mode_params_
    found = initial_mixture.find_initial_mixture(target, mixtures, np.random.default_rng(0), 2)
    assert found.centres.shape[1] > 3 * tempering_path.BLOCK
    q, _ = found.draw(300, target.coordinates, np.random.default_rng(1))
    particles = evaluated(q, target, found, 0.0)
    of_places = [
        stats.multivariate_t(c, f @ f.T, df=initial_mixture.DEGREES_OF_FREEDOM)
        for c, f in zip(found.centres, found.factors, strict=True)
    ]

    def density(points):
        return logsumexp(
            [math.log(w) + p.logpdf(points) for w, p in zip(found.weights, of_places, strict=True)], axis=0
        )

    np.testing.assert_allclose(particles.log_initial, density(q), atol=1e-8)
    for i in range(0, q.shape[1], 5):
        step = np.zeros(q.shape[1])
        step[i] = 1e-5
        np.testing.assert_allclose(
            (density(q + step) - density(q - step)) / 2e-5, particles.gradient[:, i], rtol=1e-3, atol=1e-4
        )


@pytest.mark.parametrize("beta", [0.4, 1.0])
def test_an_exchange_is_accepted_by_the_ratio_of_metropolis_and_hastings(beta):
    """Bounds refuse most proposals early: just below its ratio each must be taken, just above it refused."""
    k, d, rng = 3, 2, np.random.default_rng(0)
    target = small_target("gamma", d, k)
    found = initial_mixture.find_initial_mixture(target, [], rng, 1)
    own, p = target.coordinates.own, 6
    q = found.draw(60, target.coordinates, rng)[0]
    # Half of the components to be given up are where the kernels are highest: there the bounds are close.
    q[:30] = q[0]
    kernels = proposals.kernels(target, q[:1], beta, proposals.prior_piece(target, rng), rng)
    centres, factors, stds = kernels[:3]

    def log_kernels(theta):
        of_each = []
        for c, f, s in zip(centres, factors, stds, strict=True):
            rest = np.delete(np.arange(p), [1, 2])
            value = stats.multivariate_normal(c[1:3], f @ f.T).logpdf(theta[1:3])
            of_each.append(value + stats.norm(c[rest], s[rest]).logpdf(theta[rest]).sum())
        return logsumexp(of_each)

    def weights_part(j, logit, proportion):
        """Free coordinates of the weights, of the logit of the j-th and the log ratio of the other two."""
        log_w = np.empty(3)
        log_w[j] = -np.logaddexp(0, -logit)
        log_w[np.delete(np.arange(3), j)] = -np.logaddexp(0, logit) - np.logaddexp(
            0, [-proportion, proportion]
        )
        return (log_w - log_w.mean())[:2]

    def log_volume(j, logit, proportion):
        h = 1e-5
        columns = [
            (weights_part(j, logit + a, proportion + b) - weights_part(j, logit - a, proportion - b))
            / (2 * h)
            for a, b in ((h, 0), (0, h))
        ]
        return math.log(abs(np.linalg.det(np.array(columns))))

    chosen = np.column_stack([rng.integers(k, size=60), rng.integers(len(centres), size=60)])
    normals = rng.standard_normal((60, p))
    particles = evaluated(q, target, found, beta)
    wanted = np.empty(60)
    for s, (j, c) in enumerate(chosen):
        log_w = np.append(q[s, :2], -q[s, :2].sum())
        log_w -= logsumexp(log_w)
        logit = log_w[j] - logsumexp(np.delete(log_w, j))
        proportion = -np.diff(np.delete(log_w, j))[0]
        theta = np.concatenate([[logit], q[s, own[j]]])
        new = centres[c] + stds[c] * normals[s]
        new[1:3] = centres[c, 1:3] + factors[c] @ normals[s, 1:3]
        there = q[s].copy()
        there[:2], there[own[j]] = weights_part(j, new[0], proportion), new[1:]
        there, _ = target.coordinates.sorted_along(found.direction, there[None])
        after = evaluated(there, target, found, beta)
        wanted[s] = beta * (after.log_posterior[0] - particles.log_posterior[s])
        wanted[s] += (1 - beta) * (after.log_initial[0] - particles.log_initial[s])
        wanted[s] += log_kernels(theta) - log_kernels(new)
        wanted[s] += log_volume(j, new[0], proportion) - log_volume(j, logit, proportion)
    for offset, outcome in ((-1e-5, 1.0), (1e-5, 0.0)):
        accepted, moved = np.empty(60), tempering_path.Particles(*(a.copy() for a in particles))
        choices = moves.Choices(chosen, normals, wanted + offset)
        moves.replacements(
            moved, particle_module.path_of(target, found, beta), own, kernels, choices, accepted
        )
        np.testing.assert_array_equal(accepted, outcome)


def test_refits_do_not_shrink_places_without_draws():
    target = small_target(k=2)
    found = initial_mixture.find_initial_mixture(target, [], np.random.default_rng(0), 1)
    far = np.argmin(found.weights)
    volume = np.linalg.slogdet(found.factors[far])[1] - 0.5 * 5 * math.log(found.broader[far])
    drawn = found.centres[np.argmax(found.weights)] + 1e-3 * np.random.default_rng(0).normal(size=(500, 5))
    again = found.refitted(drawn).refitted(drawn)
    after = np.linalg.slogdet(again.factors[far])[1] - 0.5 * 5 * math.log(again.broader[far])
    assert after == pytest.approx(volume, abs=0.5)


def test_the_reference_is_a_density_on_sorted_components():
    target = small_target(k=2)
    found = initial_mixture.find_initial_mixture(target, [], np.random.default_rng(0), 1)
    q, share = found.draw(4000, target.coordinates, np.random.default_rng(1))
    assert (np.diff(target.constrained(q)["means"][..., 0], axis=1) * found.direction[0] >= 0).all()
    assert 0.2 < share <= 1
    references = evaluated(q, target, found, 0.0).log_initial
    wanted = logsumexp(
        [
            math.log(w) + stats.multivariate_t(c, f @ f.T, df=initial_mixture.DEGREES_OF_FREEDOM).logpdf(q)
            for w, c, f in zip(found.weights, found.centres, found.factors, strict=True)
        ],
        axis=0,
    )
    np.testing.assert_allclose(references, wanted, atol=1e-8)
    step = 1e-5
    for i in range(q.shape[1]):
        ahead, behind = q[:50].copy(), q[:50].copy()
        ahead[:, i] += step
        behind[:, i] -= step
        ends = []
        for moved in (ahead, behind):
            at = np.array([target(row)[0] for row in moved])
            ends.append(0.3 * at + 0.7 * evaluated(moved, target, found, 0.3).log_initial)
        gradient = evaluated(q[:50], target, found, 0.3).gradient
        np.testing.assert_allclose((ends[0] - ends[1]) / (2 * step), gradient[:, i], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("size", [40, 4000])
@pytest.mark.slow
def test_a_refitted_reference_leaves_the_evidence_right_and_the_way_shorter(size):
    target = small_target("gamma", k=3)
    _, log_evidence = by_brute_force(target.X, 3, "gamma", 2.0)
    first = initial_mixture.find_initial_mixture(target, [], np.random.default_rng(0), 2)
    pilot = smc.sample_smc(target, first, draws=1000, chains=4, cores=2, seed=np.random.SeedSequence(0))
    drawn = np.concatenate(list(pilot.q))[:: 4000 // size]
    again = first.refitted(drawn)
    assert again.weights.sum() == pytest.approx(1)
    np.testing.assert_allclose(
        again.factors @ again.inverses, np.broadcast_to(np.eye(8), (len(again.weights), 8, 8)), atol=1e-9
    )
    found = smc.sample_smc(target, again, draws=2000, chains=8, cores=2, seed=np.random.SeedSequence(1))
    mean = logsumexp(found.log_evidence) - math.log(8)
    error = np.exp(found.log_evidence - mean).std(ddof=1) / math.sqrt(8)
    assert abs(mean - log_evidence) < 3 * error + 0.005
    if size == 4000:
        assert np.mean([len(t) for t in found.betas]) < np.mean([len(t) for t in pilot.betas])
        # What the pilot drew, the initial mixture has the moments of.
        of_reference, _ = again.draw(20_000, target.coordinates, np.random.default_rng(2))
        np.testing.assert_allclose(
            of_reference.mean(axis=0), drawn.mean(axis=0), atol=0.25 * drawn.std(axis=0).max()
        )


@pytest.mark.parametrize("family", list(TABLE))
def test_renaming_a_vector_renames_its_components(family):
    k, d = 3, 2
    target = Target(Rows.unchecked(rows(d)), k, prior_of("lognormal", 2.0), np.zeros(d), np.ones(d), family)
    q = np.random.default_rng(0).normal(size=(4, target.n_parameters))
    order = np.array([[2, 0, 1], [0, 1, 2], [1, 0, 2], [2, 1, 0]])
    renamed = target.coordinates.permuted(q, order)
    before, after = target.constrained(q), target.constrained(renamed)
    own = {name for name, dims in family_of(family).dims(d).items() if "cluster" in dims}
    # A component's own standard deviations may be made of what it shares.
    assert ("stds" in own) == (TABLE[family].std(0, 0) != TABLE[family].std(1, 0))
    for name, v in before.items():
        wanted = v if name not in own else np.stack([x[o] for x, o in zip(v, order, strict=True)])
        np.testing.assert_allclose(after[name], wanted, atol=1e-12)
    np.testing.assert_allclose(target(renamed[0])[0], target(q[0])[0], rtol=1e-12)


def test_families_tell_how_many_draws_a_sample_is_worth():
    rng = np.random.default_rng(0)
    chains, families, each = 4, 200, 5
    centres = rng.normal(size=(chains, families, 1))
    alone = rng.normal(size=(chains, families * each, 1))
    same = np.repeat(centres, each, axis=1)
    ancestor = np.tile(np.repeat(np.arange(families), each), (chains, 1))
    # Families of five equal draws are worth a fifth; independent draws are worth themselves, whoever their
    # ancestors are.
    assert ancestral_ess(same, ancestor)[0] == pytest.approx(chains * families, rel=0.25)
    assert ancestral_ess(alone, ancestor)[0] > 0.7 * chains * families * each


@pytest.mark.parametrize(("families", "wanted"), [(1, 1), (2, 8), (5, 20)])
def test_few_families_are_not_taken_for_many_draws(families, wanted):
    rng = np.random.default_rng(0)
    chains, each = 4, 1000 // families
    ancestor = np.tile(np.repeat(np.arange(families), each), (chains, 1))
    found = []
    for _ in range(200):
        same = np.repeat(rng.normal(size=(chains, families, 1)), each, axis=1)
        found.append(ancestral_ess(same + 1e-9 * rng.normal(size=same.shape), ancestor)[0])
    assert np.median(found) < 2 * wanted


def test_a_component_without_rows_is_among_the_places():
    """With far more components than groups, empty ones carry weight that modes alone would miss."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 1))
    prior = Prior.from_data(X)
    target = Target(Rows.unchecked(X), 2, prior, X.mean(axis=0), X.std(axis=0))
    start = MixtureParams([1.0], [[0.0]], [[[1.0]]])
    found = initial_mixture.find_initial_mixture(target, [start], rng, 1)
    smallest = np.array([np.min(target.constrained(c)["weights"]) for c in found.centres])
    assert (smallest < 0.05).any()


@pytest.mark.slow
@pytest.mark.parametrize("k", [1, 2, 3])
def test_evidence_of_galaxies_is_that_of_bridge_sampling_with_chains(k):
    """Meng and Wong (1996), eq. 4.1: between draws of NUTS, which knows nothing of tempering, and a density
    that is normalised."""
    X = datasets.galaxies().X
    target = Target(Rows.unchecked(X), k, Prior.from_data(X), X.mean(axis=0), X.std(axis=0))
    mixtures = EMGaussianMixture(k, random_state=0).fit(X).mode_params_
    rng = np.random.default_rng(0)
    at = initial_mixture.find_initial_mixture(target, mixtures, rng, 2)
    raw = sample_nuts(
        target,
        find_starts(target, mixtures)[0].approximation,
        draws=2000,
        tune=600,
        chains=4,
        cores=2,
        seed=np.random.SeedSequence(1),
    )
    q = raw.q.reshape(-1, target.n_parameters)
    chains, _ = target.coordinates.sorted_along(at.direction, q)
    own, share = at.draw(8000, target.coordinates, rng)

    def log_ratios(q):
        particles = evaluated(q, target, at, 1.0)
        return particles.log_posterior - particles.log_initial

    a, b = log_ratios(own), log_ratios(chains)
    log_z = logsumexp(a) - math.log(len(a))
    for _ in range(500):
        up = logsumexp(a - np.logaddexp(a, log_z)) - math.log(len(a))
        down = logsumexp(-np.logaddexp(b, log_z)) - math.log(len(b))
        log_z = up - down
    wanted = log_z + math.log(share) + math.lgamma(k + 1)
    bayes = BayesGaussianMixture(k, method="smc", random_state=0, progressbar=False).fit(X)
    found = bayes.log_evidence_[0] + len(X) * math.log(X.std())
    # Chains are at the largest mode; others hold a few per cent.
    assert abs(found - wanted) < 0.1


@pytest.mark.parametrize("runs", [2, 4, 8])
def test_the_error_of_an_evidence_holds_for_few_runs(runs):
    """1.96 of it make an interval of 95 %, of estimates whose scatter is known."""
    rng = np.random.default_rng(runs)
    found = [_mean_evidence(np.log1p(0.01 * rng.standard_normal(runs))) for _ in range(4000)]
    inside = np.mean([abs(mean) < 1.96 * error for mean, error in found])
    assert abs(inside - 0.95) < 4 * np.sqrt(0.95 * 0.05 / 4000)
