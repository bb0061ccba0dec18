"""The templates of pages."""

from jinja2 import Environment, PackageLoader, StrictUndefined

__all__ = ["environment"]


def environment() -> Environment:
    """Whatever is filled in is escaped, and nothing may be missing."""
    return Environment(
        loader=PackageLoader("bayesgmm.report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
