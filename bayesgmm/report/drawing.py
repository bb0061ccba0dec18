"""From a sketch to the file inside the file: drawn as SVG or as an image, and packed as a data URI."""

import io
import re
import warnings
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import matplotlib
import matplotlib.style
from matplotlib.figure import Figure
from PIL import Image

__all__ = ["Drawing", "Picture", "Sketch", "drawn", "inlined"]

LARGEST_SVG = 120_000
PNG_DPI = 130
_STYLE: dict[Any, Any] = {
    # Ids in an SVG file are hashes; with a salt they are the same in each run.
    "svg.hashsalt": "bayesgmm",
    "svg.fonttype": "path",
    "font.size": 9.5,
    "axes.titlesize": 10.5,
    "figure.titlesize": 10.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
}


@dataclass(frozen=True)
class Sketch:
    """A picture to be drawn: its place on the page, its words, and how to draw it."""

    key: str
    alt: str
    caption: str
    draw: Callable[[], Figure]
    vector: bool = True


@dataclass(frozen=True)
class Drawing:
    """A sketch that has been drawn: an SVG file, or an image where that would be too large; width and height
    in CSS pixels."""

    sketch: Sketch
    content: str | Image.Image
    width: int
    height: int


@dataclass(frozen=True)
class Picture:
    """A drawing as part of a page, as a data URI; width and height in CSS pixels."""

    key: str
    alt: str
    caption: str
    uri: str
    width: int
    height: int


@contextmanager
def _house_style() -> Iterator[None]:
    """Matplotlib's own defaults and ours, whatever the caller has set."""
    with matplotlib.style.context("default"), matplotlib.rc_context(_STYLE), warnings.catch_warnings():
        # A name may hold letters that matplotlib's font lacks; tables and alt texts still show it.
        warnings.filterwarnings("ignore", message=r"Glyph .* missing from", category=UserWarning)
        yield


def drawn(sketch: Sketch) -> Drawing:
    """Draw a picture, as SVG where that is small and as an image otherwise."""
    with _house_style():
        figure = sketch.draw()
        width, height = figure.get_size_inches()
        content = _svg(figure) if sketch.vector else None
        return Drawing(sketch, content or _image(figure), round(96 * width), round(96 * height))


def inlined(drawing: Drawing) -> Picture:
    """The drawing as a data URI; an image as PNG of 256 colours, which takes a third of the space and cannot
    be told apart.

    Packing an image leaves the interpreter to others: the next picture can be drawn beside it.
    """
    if isinstance(drawing.content, str):
        uri = "data:image/svg+xml," + quote(drawing.content, safe=" =()*,.;'!~@$+/-_")
    else:
        small = io.BytesIO()
        image = drawing.content.quantize(256, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
        image.save(small, format="png", optimize=True)
        uri = "data:image/png;base64," + b64encode(small.getvalue()).decode("ascii")
    of = drawing.sketch
    return Picture(of.key, of.alt, of.caption, uri, drawing.width, drawing.height)


def _svg(figure: Figure) -> str | None:
    """The figure as SVG, or None where that is too large."""
    stream = io.StringIO()
    figure.savefig(
        stream, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None}
    )
    svg = re.sub(r"<!--.*?-->|<!DOCTYPE.*?>|<\?xml.*?\?>", "", stream.getvalue(), flags=re.DOTALL)
    # A hundredth of a point is finer than any screen.
    svg = re.sub(r' d="[^"]*"', lambda m: re.sub(r"\d+\.\d{3,}", _two_decimals, m[0]), svg)
    svg = " ".join(svg.split())
    return svg if len(svg) <= LARGEST_SVG else None


def _two_decimals(found: re.Match[str]) -> str:
    return f"{float(found[0]):.2f}".rstrip("0").rstrip(".")


def _image(figure: Figure) -> Image.Image:
    pixels = io.BytesIO()
    figure.savefig(pixels, format="rgba", dpi=PNG_DPI)
    width, height = (figure.get_size_inches() * PNG_DPI).astype(int).tolist()
    return Image.frombytes("RGBA", (width, height), pixels.getvalue()).convert("RGB")
