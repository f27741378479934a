"""The RSS curve as an SVG that needs nothing: written by hand, on its own ground, for light and dark readers."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

from bench.curve import Curve, thinned
from bench.figures import MB, MIB

WIDTH, HEIGHT = 860, 460
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 26, 70, 58
_LOWEST_MB, _HIGHEST_MB = 10, 10_000
_TICKS_MB = (10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000)
_POINTS = 400

_STYLE = """
  svg { font: 13px system-ui, sans-serif; }
  .ground { fill: #ffffff; }
  text { fill: #24292f; }
  .small { font-size: 12px; fill: #57606a; }
  .title { font-size: 15px; font-weight: 600; }
  .grid { stroke: #d8dee4; }
  .axis { stroke: #57606a; }
  .other { stroke: #b35900; stroke-width: 1.5; stroke-dasharray: 7 4; }
  .label-other { fill: #b35900; }
  .curve { fill: none; stroke-width: 1.8; stroke-linejoin: round; }
  .c0 { stroke: #0969da; } .t0 { fill: #0969da; }
  .c1 { stroke: #1a7f37; } .t1 { fill: #1a7f37; }
  @media (prefers-color-scheme: dark) {
    .ground { fill: #0d1117; }
    text { fill: #e6edf3; }
    .small { fill: #9198a1; }
    .grid { stroke: #2a313c; }
    .axis { stroke: #9198a1; }
    .other { stroke: #f0883e; }
    .label-other { fill: #f0883e; }
    .c0 { stroke: #58a6ff; } .t0 { fill: #58a6ff; }
    .c1 { stroke: #3fb950; } .t1 { fill: #3fb950; }
  }
"""


@dataclass(frozen=True, slots=True)
class Line:
    """A run's curve with its peak, which the kernel knows better than the samples do."""

    label: str
    curve: Curve
    peak_bytes: int


@dataclass(frozen=True, slots=True)
class Level:
    """A height to compare with, in MB (millions of bytes)."""

    label: str
    megabytes: int


SEED_LEVELS = (
    Level("pulp_ansible before its pull request 2454", 4160),
    Level("within that pull request", 897),
    Level("after it", 598),
)


def plot(
    lines: Sequence[Line],
    levels: Sequence[Level] = SEED_LEVELS,
    *,
    title: str = "Resident memory of a first sync of six collections, over TLS",
    origin: str = "the process began",
) -> str:
    """Return the SVG: time since `origin` to the right, resident megabytes upwards on a logarithmic scale."""
    end = _round_up(max(line.curve[-1].seconds for line in lines if line.curve))
    body = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-labelledby="title">',
        f'<title id="title">{title}</title>',
        f"<style>{_STYLE}</style>",
        f'<rect class="ground" width="{WIDTH}" height="{HEIGHT}" rx="6"/>',
        f'<text class="title" x="{_LEFT}" y="28">{title}</text>',
        *_axes(end, origin),
        *(part for level in levels for part in _level(level)),
        *(part for index, line in reversed([*enumerate(lines)]) for part in _line(index, line, end)),
        "</svg>",
    ]
    return "\n".join(body) + "\n"


def _x(seconds: float, end: float) -> float:
    return _LEFT + (WIDTH - _LEFT - _RIGHT) * seconds / end


def _y(megabytes: float) -> float:
    share = math.log(max(megabytes, _LOWEST_MB) / _LOWEST_MB) / math.log(_HIGHEST_MB / _LOWEST_MB)
    return HEIGHT - _BOTTOM - (HEIGHT - _TOP - _BOTTOM) * share


def _round_up(seconds: float) -> float:
    """Return the next length at which an axis can end."""
    step = _step(seconds)
    return math.ceil(seconds / step) * step


def _step(seconds: float) -> float:
    """Return the distance of ticks: 1, 2 or 5 times a power of ten, for at most ten of them."""
    power = 10.0 ** math.floor(math.log10(seconds / 10))
    return next(factor * power for factor in (1, 2, 5, 10) if seconds / (factor * power) <= 10)


def _axes(end: float, origin: str) -> Iterator[str]:
    bottom = _y(_LOWEST_MB)
    for megabytes in _TICKS_MB:
        y = _y(megabytes)
        yield f'<line class="grid" x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
        yield f'<text class="small" x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{megabytes:,}</text>'
    step = _step(end)
    for index in range(round(end / step) + 1):
        x = _x(index * step, end)
        yield f'<line class="axis" x1="{x:.1f}" x2="{x:.1f}" y1="{bottom:.1f}" y2="{bottom + 5:.1f}"/>'
        yield f'<text class="small" x="{x:.1f}" y="{bottom + 20:.1f}" text-anchor="middle">{index * step:g}</text>'
    yield f'<line class="axis" x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{bottom:.1f}" y2="{bottom:.1f}"/>'
    middle = (_LEFT + WIDTH - _RIGHT) / 2
    yield f'<text x="{middle:.1f}" y="{HEIGHT - 16}" text-anchor="middle">time since {origin}, s</text>'
    yield f'<text x="{_LEFT - 48}" y="{_TOP - 16}">RSS, MB (10⁶ bytes, logarithmic)</text>'


def _level(level: Level) -> Iterator[str]:
    y = _y(level.megabytes)
    yield f'<line class="other" x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
    text = f"{escape(level.label)}: {level.megabytes:,} MB"
    yield f'<text class="label-other" x="{WIDTH - _RIGHT - 4}" y="{y - 5:.1f}" text-anchor="end">{text}</text>'


def _line(index: int, line: Line, end: float) -> Iterator[str]:
    points = (f"{_x(point.seconds, end):.1f},{_y(point.rss_bytes / MB):.1f}" for point in thinned(line.curve, _POINTS))
    yield f'<polyline class="curve c{index % 2}" points="{" ".join(points)}"/>'
    peak = f"peak {line.peak_bytes / MB:.1f} MB ({line.peak_bytes / MIB:.1f} MiB)"
    y = _y(line.peak_bytes / MB) - 12 - 18 * index
    x = WIDTH - _RIGHT - 4
    yield f'<text class="t{index % 2}" x="{x}" y="{y:.1f}" text-anchor="end">{escape(line.label)}: {peak}</text>'
