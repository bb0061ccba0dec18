"""One function per figure: results in, a matplotlib `Figure` out.

    plot_fit               the data with both fits
    plot_responsibilities  who belongs where, by EM and by the posterior
    plot_parameters        EM estimates against posterior intervals
    plot_log_likelihood    the draws' log-likelihood, with EM's
    plot_predictive        posterior predictive checks
    plot_em                how EM converged, and which maxima it found
    plot_modes             the modes of the posterior, and how the data group at each
    plot_criteria          how many components each criterion prefers
    plot_families          which covariance family and number of components EM's criteria prefer
    plot_uncertainty       which observations are certain of their component
    plot_similarity        which observations belong together, whatever groups are called
    plot_ball              how far other partitions lie from the posterior's
    plot_shapes            how large, long and turned the components are
    plot_labelling         how far labels of components can be trusted
    plot_kmeans            k-means beside both fits
    plot_pit               whether the data lie where both fits expect them
    plot_calibration       whether refits of simulated rows find what they were simulated from
    plot_prior             what the prior expected of the data, and what came of it
    trace_figure, rank_figure   ArviZ's pictures of the chains

What summarises single components is drawn only where the verdict allows it; otherwise there is a
`ParameterError`. Of figures that can do without labels that part is left out.

In all of them EM is black, dashed or hollow; the posterior is solid and in the colour of its component.
Colours are those of Okabe and Ito, and none of them stands alone: a marker, a line style or a number says the
same. Nothing here touches pyplot's list of figures, so that nothing needs a display and nothing has to be
closed.
"""

from bayesgmm.plots.ball import plot_ball
from bayesgmm.plots.calibration import plot_calibration
from bayesgmm.plots.chains import rank_figure, trace_figure
from bayesgmm.plots.criteria import plot_criteria
from bayesgmm.plots.em import plot_em
from bayesgmm.plots.families import plot_families
from bayesgmm.plots.fit import plot_fit
from bayesgmm.plots.forest import plot_parameters, plot_predictive
from bayesgmm.plots.kmeans import plot_kmeans
from bayesgmm.plots.labelling import plot_labelling
from bayesgmm.plots.likelihood import plot_log_likelihood
from bayesgmm.plots.modes import plot_modes
from bayesgmm.plots.pit import plot_pit
from bayesgmm.plots.prior import plot_prior
from bayesgmm.plots.responsibilities import plot_responsibilities
from bayesgmm.plots.shapes import plot_shapes
from bayesgmm.plots.similarity import plot_similarity
from bayesgmm.plots.uncertainty import plot_uncertainty

__all__ = [
    "plot_ball",
    "plot_calibration",
    "plot_criteria",
    "plot_em",
    "plot_families",
    "plot_fit",
    "plot_kmeans",
    "plot_labelling",
    "plot_log_likelihood",
    "plot_modes",
    "plot_parameters",
    "plot_pit",
    "plot_predictive",
    "plot_prior",
    "plot_responsibilities",
    "plot_shapes",
    "plot_similarity",
    "plot_uncertainty",
    "rank_figure",
    "trace_figure",
]
