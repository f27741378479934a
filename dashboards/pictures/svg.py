"""The few elements of SVG that pictures are made of. Lengths are in pixels."""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from xml.sax.saxutils import escape, quoteattr

Point = tuple[float, float]

_CHARACTER = 0.61
"""The width of a character as a share of the font's size, on average, of the widest of the usual fonts: DejaVu Sans."""


def text(
    x: float, y: float, content: str, *, kind: str = "", anchor: str = "start", color: str = "", size: float = 0
) -> str:
    """Return a line of text whose baseline begins, has its middle or ends at this point."""
    return _element(
        "text",
        {
            "x": _short(x),
            "y": _short(y),
            "class": kind,
            "text-anchor": "" if anchor == "start" else anchor,
            "fill": color,
            "font-size": _short(size) if size else "",
        },
        escape(content),
    )


def rect(
    x: float, y: float, width: float, height: float, *, kind: str = "", color: str = "", opacity: float = 1
) -> str:
    """Return a rectangle."""
    place = {"x": _short(x), "y": _short(y), "width": _short(width), "height": _short(height)}
    return _element("rect", {**place, "class": kind, "fill": color, "fill-opacity": _opacity(opacity)})


def line(x1: float, y1: float, x2: float, y2: float, *, kind: str = "", color: str = "") -> str:
    """Return a straight line."""
    ends = {"x1": _short(x1), "y1": _short(y1), "x2": _short(x2), "y2": _short(y2)}
    return _element("line", {**ends, "class": kind, "stroke": color})


def curve(points: Sequence[Point], *, color: str, dashed: bool = False) -> str:
    """Return a line through these points; a single point is a dot."""
    dash = "6 4" if dashed else ""
    return _element("path", {"class": "curve", "stroke": color, "stroke-dasharray": dash, "d": _path(points)})


def area(points: Sequence[Point], *, color: str, opacity: float) -> str:
    """Return the area within these points."""
    return _element("path", {"fill": color, "fill-opacity": _opacity(opacity), "d": f"{_path(points)}z"})


def dots(points: Iterable[Point], *, color: str) -> str:
    """Return a dot at each of these points."""
    path = "".join(f"M{_short(x)} {_short(y)}h0" for x, y in points)
    return _element("path", {"class": "dots", "stroke": color, "d": path})


def framed(x: float, y: float, width: float, height: float, content: Iterable[str]) -> str:
    """Return elements with an origin of their own, cut off at their frame."""
    place = f'x="{_short(x)}" y="{_short(y)}" width="{_short(width)}" height="{_short(height)}"'
    return "\n".join([f"<svg {place}>", *content, "</svg>"])


def width(content: str, size: float) -> float:
    """Return about how wide a text is."""
    return len(content) * size * _CHARACTER


def fitted(content: str, room: float, size: float) -> str:
    """Return a text, cut short where it is wider than there is room for."""
    if width(content, size) <= room:
        return content
    return content[: max(1, int(room / (size * _CHARACTER)) - 1)].rstrip() + "…"


def _path(points: Sequence[Point]) -> str:
    """Each point is told by its distance from the one before, which is short; distances add up to where they lead."""
    tenths = [(round(x * 10), round(y * 10)) for x, y in points]
    steps = [(x2 - x1, y2 - y1) for (x1, y1), (x2, y2) in pairwise(tenths)] or [(0, 0)]
    return f"M{_short(points[0][0])} {_short(points[0][1])}l" + " ".join(f"{x / 10:g} {y / 10:g}" for x, y in steps)


def _element(name: str, attributes: dict[str, str], content: str = "") -> str:
    told = "".join(f" {key}={quoteattr(value)}" for key, value in attributes.items() if value)
    return f"<{name}{told}>{content}</{name}>" if content else f"<{name}{told}/>"


def _opacity(opacity: float) -> str:
    return "" if opacity >= 1 else f"{opacity:.2g}"


def _short(number: float) -> str:
    """Return a length to a tenth of a pixel, without the zeros that say nothing."""
    return f"{round(number, 1) + 0:g}" if abs(number) < 100_000 else f"{number:.0f}"
