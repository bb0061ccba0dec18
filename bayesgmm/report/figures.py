"""The pictures of a report: what is drawn, and what it shows in words."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from bayesgmm import plots
from bayesgmm.methods import find
from bayesgmm.mixture.density import CERTAIN
from bayesgmm.plots.chains import MOST_PANELS, candidates
from bayesgmm.report.drawing import Sketch
from bayesgmm.report.names import Name
from bayesgmm.support.sentences import count
from bayesgmm.wording.numbers import percent
from bayesgmm.wording.page import listed
from bayesgmm.wording.reasons import PAGE

if TYPE_CHECKING:
    from bayesgmm.comparison import Comparison, Partition
    from bayesgmm.estimator import BayesGaussianMixture

__all__ = ["sketches"]

# More of them make an SVG too large.
MOST_CHECKS_AS_SVG = 24


def sketches(
    bayes: "BayesGaussianMixture", result: "Comparison", names: Sequence[Name], part: "Partition | None"
) -> list[Sketch]:
    """The pictures that the verdict allows, in the order of the page."""
    ok, k = bayes.verdict_.ok, bayes.em_.params_.n_components
    out = [_fit(bayes, result, names)]
    if part is not None:
        out.append(_similarity(bayes, part))
    if k > 1:
        out.append(_uncertainty(bayes))
    if ok and k > 1:
        out.append(_responsibilities(bayes, result))
    if ok:
        out += [_parameters(result), _shapes(bayes, result)]
    if bayes.fit_.modes is not None and bayes.fit_.modes.n_modes > 1:
        out.append(_modes(bayes))
    out += [_likelihood(bayes, result), _predictive(result), _pit(bayes, result), _em(bayes), _prior(bayes)]
    # Other draws have no order that a trace could show.
    if ok and find(bayes.fit_.method).has_chains:
        out += _chains(bayes)
    return out


def _fit(bayes: "BayesGaussianMixture", result: "Comparison", names: Sequence[Name]) -> Sketch:
    ok, k, n = bayes.verdict_.ok, bayes.em_.params_.n_components, len(bayes.membership_)
    band = f"{percent(result.ci_prob)} band"
    densities = f"EM's density (dashed) and the posterior mean density (solid) with its {band}"
    if len(names) == 1:
        alt = f"Histogram of {names[0].short} for {count(n, 'observation')}, with {densities}."
        caption = "The histogram shows the data. Where the band is wide, the data leave the density open."
    elif not ok:
        shown = min(len(names), 6)
        alt = (
            f"Scatter plots of {count(shown, 'feature')} pair by pair for {count(n, 'observation')}; on "
            f"the diagonal {densities}."
        )
        caption = "Observations and densities only: neither depends on labels."
    else:
        what = (
            f"Scatter plot of {names[1].short} against {names[0].short}"
            if len(names) == 2
            else f"Scatter plots of {count(min(len(names), 6), 'feature')} pair by pair"
        )
        alt = (
            f"{what} for {count(n, 'observation')}, marked by component; around each of "
            f"{count(k, 'component')} EM's 95 % ellipse (dashed), that of the posterior mean (solid) and "
            f"those of single draws (thin)."
        )
        caption = (
            "An ellipse holds 95 % of its component. The fan of thin ones shows how far the data leave its "
            "location and shape open: where it is narrow and the dashed line lies within it, EM and Bayes "
            "say the same."
        )
        if len(names) > 2:
            alt += f" On the diagonal {densities}."
    # A grid of panels would be too large as SVG in any case.
    grid = len(names) > 2
    return Sketch("fit", alt, caption, lambda: plots.plot_fit(bayes, result, components=ok), vector=not grid)


def _similarity(bayes: "BayesGaussianMixture", part: "Partition") -> Sketch:
    n = len(part.rows)
    alt = (
        f"Square of {n} by {n} observations, sorted by the {count(part.n_clusters, 'cluster')} of the "
        f"partition: the darker a point, the more probable it is that the two observations share a group."
    )
    caption = (
        "Dark blocks along the diagonal are observations that stay together in nearly all draws. Grey ones, "
        "and dark spots away from the diagonal, are what the data leave open. None of it depends on labels."
    )
    return Sketch("similarity", alt, caption, lambda: plots.plot_similarity(bayes, part), vector=False)


def _uncertainty(bayes: "BayesGaussianMixture") -> Sketch:
    n = count(len(bayes.membership_), "observation")
    if bayes.verdict_.ok:
        uncertain = int((bayes.membership_.max(axis=1) < CERTAIN).sum())
        alt = (
            f"{n}, the darker and larger the smaller the posterior probability of their likeliest group. "
            f"For {uncertain} it is below {CERTAIN}."
        )
        caption = (
            "Where groups overlap, no method can tell with certainty which observation belongs where; "
            "elsewhere it can."
        )
    else:
        alt = f"{n}, the darker and larger the less the draws agree on which others share a group with them."
        caption = (
            "For each observation the probability that the best guess is wrong whether it shares a group "
            "with another one, on average over all others."
        )
    return Sketch("uncertainty", alt, caption, lambda: plots.plot_uncertainty(bayes), vector=False)


def _responsibilities(bayes: "BayesGaussianMixture", result: "Comparison") -> Sketch:
    alt = (
        "For the observations whose component is least certain: EM's responsibility (hollow diamond) beside "
        f"the posterior membership with its {percent(result.ci_prob)} interval between draws."
    )
    caption = (
        "EM gives each probability as one number. The bars show how far it would move if the parameters "
        "were other ones that the data allow as well."
    )
    return Sketch(
        "responsibilities", alt, caption, lambda: plots.plot_responsibilities(bayes, result), vector=False
    )


def _parameters(result: "Comparison") -> Sketch:
    n, inside = len(result.parameters), int(result.parameters["inside"].sum())
    alt = (
        "Forest of the parameters in posterior standard deviations: a line for each "
        f"{percent(result.ci_prob)} posterior interval, a diamond for EM's estimate. "
        f"{inside} of {n} estimates lie inside."
    )
    caption = (
        "Zero is the posterior mean. One unit is one posterior standard deviation of that parameter, "
        "so that all rows can be compared."
    )
    return Sketch("parameters", alt, caption, lambda: plots.plot_parameters(result))


def _shapes(bayes: "BayesGaussianMixture", result: "Comparison") -> Sketch:
    kinds = list(result.shapes.index.unique("shape"))
    k = count(bayes.em_.params_.n_components, "component")
    alt = (
        f"For each of {k} the {percent(result.ci_prob)} posterior interval of {listed(kinds)}, with EM's "
        "value as a hollow diamond beside it."
    )
    told = {
        "volume": "Volume is the root of the covariance's determinant: the size of a group.",
        "axis ratio": "The axis ratio is that of its longest axis to its shortest: 1 is a ball.",
        "orientation": "Orientation is the angle of the longest axis from the first feature; where a group "
        "is nearly round, it means little.",
        "turn": "The turn is the angle between the longest axis and EM's; where a group is nearly round, it "
        "means little.",
    }
    return Sketch("shapes", alt, " ".join(told[kind] for kind in kinds), lambda: plots.plot_shapes(result))


def _modes(bayes: "BayesGaussianMixture") -> Sketch:
    found = bayes.mode_map_
    shares = listed([f"{100 * s:.0f} %" for s in found.table["share"]])
    alt = (
        f"A bar with the shares of {count(found.n_modes, 'mode')} of the posterior: {shares}. Below, for "
        f"each the observations marked by their most probable component."
    )
    caption = (
        "A mode is a local maximum of the posterior: one way to form the groups. Colours have no meaning "
        "across panels, since components of different modes have no labels in common. Shares come from "
        "optimisation that starts at draws, with their standard errors."
    )
    if bayes.n_features_in_ == 1:
        caption += " With one feature heights mean nothing: they are random, so that points lie apart."
    return Sketch("modes", alt, caption, lambda: plots.plot_modes(bayes), vector=False)


def _prior(bayes: "BayesGaussianMixture") -> Sketch:
    alt = (
        "For each feature the data as a histogram, mixtures drawn from the prior (thin), their mean "
        "(dashed), and the posterior predictive density (solid)."
    )
    caption = (
        "Each thin line is a density that the prior holds possible. Where the solid line resembles the "
        "dashed one instead of the data, it is the prior that speaks. What the prior says of weights and "
        "correlations is not shown."
    )
    return Sketch("prior", alt, caption, lambda: plots.plot_prior(bayes), vector=False)


def _likelihood(bayes: "BayesGaussianMixture", result: "Comparison") -> Sketch:
    s, ok = result.log_likelihood, bayes.verdict_.ok
    alt = (
        f"Histogram of the log-likelihood of {bayes.log_likelihood_draws_.size} posterior draws, with mean "
        f"{s['mean']:.2f}; a dashed line at EM's {s['em']:.2f}"
    )
    alt += f" and a solid one at {s['at_posterior_mean']:.2f}, that of the posterior mean." if ok else "."
    free = bayes.em_.n_parameters()
    caption = (
        "EM looks for the largest log-likelihood. Draws do not: they lie where most of the posterior is, "
        f"here {s['em'] - s['mean']:.1f} below EM's on average. With {free} free parameters and many "
        f"observations it would be about {free / 2:g}, half their number."
    )
    if result.no_maximum is not None:
        # There is no largest one, and how far draws lie from EM's tells of the floor.
        caption = result.better_maximum.finding.sentence(PAGE)
    return Sketch("likelihood", alt, caption, lambda: plots.plot_log_likelihood(bayes, result, components=ok))


def _predictive(result: "Comparison") -> Sketch:
    odd = sum(check.odd for check in result.predictive)
    alt = (
        f"For each of {count(len(result.predictive), 'statistic')} the middle 50 and 95 % of its values in "
        f"simulated data sets, the value in the data, and p. In {odd} of them p is below 0.025 or above "
        f"0.975."
    )
    caption = (
        "Data sets of the same size were simulated from the fitted mixture. A diamond far from its line is a "
        "feature of the data that the mixture does not reproduce; of many checks a few may stand out by "
        "chance."
    )
    vector = len(result.predictive) <= MOST_CHECKS_AS_SVG
    return Sketch("predictive", alt, caption, lambda: plots.plot_predictive(result), vector=vector)


def _pit(bayes: "BayesGaussianMixture", result: "Comparison") -> Sketch:
    shown = min(len(result.pit.columns), 6)
    alt = (
        f"Histograms for {count(shown, 'feature')}: of each observation the probability that the fit gives "
        f"to smaller values, by the posterior and by EM, with the band that would hold 95 % of the bars if "
        f"the probabilities were uniform."
    )
    caption = (
        "Where the fit describes a feature, all bars are about equally high. High at both ends: the fit is "
        "too narrow. High in the middle: it is too wide. To one side: it is shifted. The fit has seen these "
        "observations, so that bars scatter less than the band: inside it they prove little."
    )
    return Sketch("pit", alt, caption, lambda: plots.plot_pit(result))


def _em(bayes: "BayesGaussianMixture") -> Sketch:
    em = bayes.em_
    alt = (
        f"Left: the log-likelihood still to be gained over {count(int(em.n_iter_), 'EM step')}, on a "
        f"logarithmic axis. Right: {count(len(em.modes_), 'distinct maximum').replace('maximums', 'maxima')} "
        f"with the number of starts that ended there."
    )
    caption = (
        "An EM run ends at a maximum near its start, so that many are needed; the right panel shows "
        "where they ended."
    )
    if bayes.fit_.no_maximum is not None:
        caption += " Here every run is one with a floor, and these are maxima under the floor."
    return Sketch("em", alt, caption, lambda: plots.plot_em(bayes))


def _chains(bayes: "BayesGaussianMixture") -> list[Sketch]:
    chains, draws = bayes.log_likelihood_draws_.shape
    every = len(candidates(bayes.fit_.draws, bayes.fit_.names))
    shown = min(every, MOST_PANELS)
    which = "weights, means and standard deviations"
    if shown < every:
        which = f"the {shown} of {every} {which} of the smallest effective sample size"
    trace = Sketch(
        "trace",
        f"Trace plots of {which}: {count(chains, 'chain')} over {draws} draws, one panel a parameter.",
        f"Shown are {which}. Chains that agree cover the same range and show no trend.",
        lambda: plots.trace_figure(bayes),
        vector=False,
    )
    rank = Sketch(
        "rank",
        f"Rank plots of the same parameters: for each of {count(chains, 'chain')} the difference between the "
        f"distribution of its ranks and the uniform one.",
        "Lines of chains that agree stay near the middle. A small p says that chains differ more than chance "
        "would explain if draws were independent, and black dots mark where; they are thinned for that, but "
        "where chains move slowly p comes out too small, so look at the traces then.",
        lambda: plots.rank_figure(bayes),
        vector=False,
    )
    return [trace, rank]
