"""What a fit shows of itself when it is printed or stands at the end of a notebook's cell."""

from html import escape
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bayesgmm.support.sentences import plain, shorten, with_sd
from bayesgmm.wording import Reason
from bayesgmm.wording import overview as wording
from bayesgmm.wording.rows import about_missing

if TYPE_CHECKING:
    from bayesgmm.results import PosteriorResults

__all__ = ["as_html", "as_text", "component_table", "panel", "table_in_html"]

# A table for a first look; posterior_ and the report have the rest.
MOST_COMPONENTS, MOST_FEATURES = 12, 6
LONGEST_NAME = 20
LINE = 88


def as_text(bayes: "PosteriorResults") -> str:
    """Data, fit, verdict, components where the verdict allows them, and where to look next."""
    components = wording.COMPONENTS_HIDDEN
    if bayes.verdict_.ok:
        table = component_table(bayes)
        left_out = _left_out(bayes)
        components = (
            f"{wording.TABLE_HEADING}\n"
            + table.to_string(line_width=LINE)
            + (f"\n{left_out}" * bool(left_out))
        )
    width = max(len(code) for code, _ in wording.NEXT)
    following = "\n".join(f"  {code:<{width}}  {what}" for code, what in wording.NEXT)
    first = map(str, _said_first(bayes))
    return "\n\n".join([_heading(bayes), *first, str(bayes.verdict_), components, f"Next:\n{following}"])


def as_html(bayes: "PosteriorResults") -> str:
    """The same for a notebook: no scripts, nothing from elsewhere, and the colours of the page around it."""
    ok = bayes.verdict_.ok
    parts = [f"<p><strong>{_in_html(_heading(bayes))}</strong></p>"]
    parts += [f"<p>{_in_html(str(reason))}</p>" for reason in _said_first(bayes)]
    parts.append(_verdict(str(bayes.verdict_), ok))
    if ok:
        parts += [f"<p>{wording.TABLE_HEADING}</p>", table_in_html(component_table(bayes))]
        parts += [f"<p>{_left_out(bayes)}</p>"] if _left_out(bayes) else []
    else:
        parts.append(f"<p>{escape(wording.COMPONENTS_HIDDEN)}</p>")
    following = "".join(
        f"<li><code>{escape(code)}</code>: {escape(what)}</li>" for code, what in wording.NEXT
    )
    parts.append(f"<p>Next:</p><ul>{following}</ul>")
    return panel(*parts)


def _said_first(bayes: "PosteriorResults") -> list[Reason]:
    """What has to be known of EM, or of the prior, before the verdict is read."""
    fit = bayes.fit_
    return [reason for reason in (fit.no_maximum, fit.prior_conflict) if reason is not None]


def panel(*parts: str) -> str:
    """Parts of HTML in a frame that is readable on light and on dark ground."""
    style = (
        "border:1px solid rgba(128,128,128,.45);border-radius:6px;padding:.2em "
        "1em;max-width:60em;overflow-x:auto"
    )
    return f'<div class="bayesgmm tex2jax_ignore mathjax_ignore" style="{style}">{"".join(parts)}</div>'


def table_in_html(table: pd.DataFrame) -> str:
    """A table in the colours of the page around it; numbers with four digits."""
    html = table.to_html(border=0, na_rep="–", float_format=lambda v: f"{v:.4g}", justify="right")
    return html.replace("<table ", '<table cellpadding="4" style="color:inherit;text-align:right" ', 1)


def _verdict(text: str, ok: bool) -> str:
    """A paragraph marked as good news or as bad; the words alone say it, too."""
    colour = "rgb(20,150,105)" if ok else "rgb(215,90,20)"
    return f'<p style="border-left:4px solid {colour};padding-left:.7em">{_in_html(text)}</p>'


def component_table(bayes: "PosteriorResults") -> pd.DataFrame:
    """Posterior means and standard deviations of weights and means, as text; one column a component.

    Only for a fit whose verdict allows component-wise summaries.
    """
    draws, features = bayes.fit_.draws, bayes.fit_.names[:MOST_FEATURES]
    shown = slice(0, MOST_COMPONENTS)
    rows = [
        _with_errors(draws.weights[..., shown]),
        *(_with_errors(draws.means[..., shown, j]) for j in range(len(features))),
    ]
    # Columns of the data may have any names, also the same ones after shortening.
    names = ["weight", *(f"mean of {_short(name)}" for name in features)]
    return pd.DataFrame(rows, index=names, columns=[f"component {k}" for k in range(len(rows[0]))])


def _with_errors(values: NDArray[np.float64]) -> list[str]:
    """Mean and standard deviation of each component, of draws of shape (chain, draw, K)."""
    mean, sd = values.mean(axis=(0, 1)), values.std(axis=(0, 1))
    return [f"{with_sd(v, e)} ± {with_sd(e, e)}" for v, e in zip(mean, sd, strict=True)]


def _left_out(bayes: "PosteriorResults") -> str:
    k, d = bayes.fit_.draws.n_components, bayes.fit_.draws.n_features
    return wording.left_out(k - MOST_COMPONENTS, d - MOST_FEATURES)


def _heading(bayes: "PosteriorResults") -> str:
    fit, draws = bayes.fit_, bayes.fit_.draws
    n, d = fit.X.shape
    return wording.heading(
        k=draws.n_components,
        covariance_type=fit.covariance_type,
        n=n,
        features=[_short(name) for name in fit.names[:MOST_FEATURES]],
        more_features=d > MOST_FEATURES,
        d=d,
        missing=about_missing(fit.rows),
        em_ended="" if bayes.em_.converged_ else str(bayes.em_.status_),
        has_floor=fit.no_maximum is not None,
        log_likelihood=bayes.em_.log_likelihood_,
        method=fit.method,
        chains=draws.n_chains,
        draws=draws.n_draws,
    )


def _short(name: str) -> str:
    return shorten(plain(name), LONGEST_NAME)


def _in_html(text: str) -> str:
    return escape(text).replace("\n", "<br>")
