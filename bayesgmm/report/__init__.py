"""A fit as one HTML file that needs nothing else: figures, style and text are all inside.

`write` puts the page together, `summary` finds the sentences, `tables` the rows, `figures` the pictures,
`names` the names; `template.html` is the page. Whatever is said is computed from the fit. Where the
verdict forbids component-wise summaries, the page says so first and leaves out all that would need it.
"""

from bayesgmm.report.write import write_report

__all__ = ["write_report"]
