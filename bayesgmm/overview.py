"""What a fit shows of itself when it is printed or stands at the end of a notebook's cell."""

from html import escape
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bayesgmm.support.sentences import count, plain, shorten, with_sd

if TYPE_CHECKING:
    from bayesgmm.results import PosteriorResults

__all__ = ["as_html", "as_text", "component_table", "panel", "table_in_html"]

# A table for a first look; posterior_ and the report have the rest.
MOST_COMPONENTS, MOST_FEATURES = 12, 6
LONGEST_NAME = 20
LINE = 88
HIDDEN = (
    "Single components are not shown: partition(bayes) and bayes.similarity_ do not depend on their names."
)
NEXT = (
    ("print(compare(bayes))", "EM against the posterior, parameter by parameter"),
    ('write_report(bayes, "report.html")', "all of it with figures, as one page"),
    ("bayes.posterior_", "the draws, for every function of ArviZ"),
)


def as_text(bayes: "PosteriorResults") -> str:
    """Data, fit, verdict, components where the verdict allows them, and where to look next."""
    components = HIDDEN
    if bayes.verdict_.ok:
        table = component_table(bayes)
        left_out = _left_out(bayes)
        components = (
            "Posterior mean ± sd:\n" + table.to_string(line_width=LINE) + (f"\n{left_out}" * bool(left_out))
        )
    width = max(len(code) for code, _ in NEXT)
    following = "\n".join(f"  {code:<{width}}  {what}" for code, what in NEXT)
    return "\n\n".join([_heading(bayes), str(bayes.verdict_), components, f"Next:\n{following}"])


def as_html(bayes: "PosteriorResults") -> str:
    """The same for a notebook: no scripts, nothing from elsewhere, and the colours of the page around it."""
    ok = bayes.verdict_.ok
    parts = [f"<p><strong>{_in_html(_heading(bayes))}</strong></p>", _verdict(str(bayes.verdict_), ok)]
    if ok:
        parts += ["<p>Posterior mean ± sd:</p>", table_in_html(component_table(bayes))]
        parts += [f"<p>{_left_out(bayes)}</p>"] if _left_out(bayes) else []
    else:
        parts.append(f"<p>{escape(HIDDEN)}</p>")
    following = "".join(f"<li><code>{escape(code)}</code>: {escape(what)}</li>" for code, what in NEXT)
    parts.append(f"<p>Next:</p><ul>{following}</ul>")
    return panel(*parts)


def panel(*parts: str) -> str:
    """Parts of HTML in a frame that is readable on light and on dark ground."""
    style = "border:1px solid rgba(128,128,128,.45);border-radius:6px;padding:.2em 1em;max-width:60em;overflow-x:auto"
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

    Only for a fit whose verdict allows a reading of single components.
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
    sizes = ((k, MOST_COMPONENTS, "more component"), (d, MOST_FEATURES, "more feature"))
    parts = [count(n - most, what) for n, most, what in sizes if n > most]
    return f"And {' and '.join(parts)}." if parts else ""


def _heading(bayes: "PosteriorResults") -> str:
    fit, draws = bayes.fit_, bayes.fit_.draws
    n, d = fit.X.shape
    names = ", ".join(map(_short, fit.names[:MOST_FEATURES])) + (", …" if d > MOST_FEATURES else "")
    return (
        f"Gaussian mixture of {count(draws.n_components, 'component')} ({fit.covariance_type} covariances), fitted to "
        f"{count(n, 'observation')} of {count(d, 'feature')}: {names}.\n"
        f"EM {'converged' if bayes.em_.converged_ else f'ended {bayes.em_.status_}'} at a log-likelihood of "
        f"{bayes.em_.log_likelihood_:.2f}. "
        f"Posterior: {fit.method}, {draws.n_chains} x {draws.n_draws} draws."
    )


def _short(name: str) -> str:
    return shorten(plain(name), LONGEST_NAME)


def _in_html(text: str) -> str:
    return escape(text).replace("\n", "<br>")
