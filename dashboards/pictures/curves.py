"""Panels over time that have a scale: curves, columns and heatmaps."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

from dashboards.pictures import fields, svg, units
from dashboards.pictures.figures import nothing
from dashboards.pictures.prometheus import Series

_LEFT, _RIGHT, _TOP, _AXIS = 64.0, 12.0, 8.0, 20.0
_LEGEND_ROW = 17.0
_MOST_LEGEND_ROWS = 3
_SECONDS = (5, 10, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 7 * 86400)


@dataclass(frozen=True, slots=True)
class Frame:
    """Where the data of a panel are drawn, and the time that is shown, in seconds since 1970."""

    width: float
    height: float
    start: float
    end: float
    highest: float = 1.0
    left: float = _LEFT

    def x(self, moment: float) -> float:
        """Return where a point in time is."""
        return self.left + (self.width - self.left - _RIGHT) * (moment - self.start) / (self.end - self.start)

    def y(self, value: float) -> float:
        """Return where a value is."""
        return _TOP + (self.height - _TOP - _AXIS) * (1 - value / self.highest)


def curves(
    panel: Mapping[str, Any], answers: Sequence[Series], width: float, height: float, span: tuple[float, float]
) -> Iterator[str]:
    """Yield the curves or columns of the series, with axes and a legend."""
    answers = [each for each in answers if any(not math.isnan(value) for _, value in each.points)]
    if not answers:
        yield nothing(panel, width, height)
        return
    legend = [*_legend(panel, answers, width)]
    plot_height = height - _LEGEND_ROW * len(legend) - 4
    drawn = _stacked(panel, answers)
    unit = panel["fieldConfig"]["defaults"].get("unit", "none")
    highest = max(value for each in drawn for *_, value in each if not math.isnan(value))
    levels = units.ticks(highest * 1.05, unit, max(2, int(plot_height / 40)))
    frame = Frame(width, plot_height, *span, levels[-1])
    yield from _axes(frame, [(level, units.written(level, unit)) for level in levels])
    yield from _thresholds(panel, frame)
    for index in reversed(range(len(answers))):
        settings = fields.of(panel, fields.name(answers[index]))
        yield from _series(settings, answers[index], drawn[index], index, frame)
    for row, entries in enumerate(legend):
        yield from _legend_row(entries, plot_height + _LEGEND_ROW * (row + 1))


def heatmap(
    panel: Mapping[str, Any], answers: Sequence[Series], width: float, height: float, span: tuple[float, float]
) -> Iterator[str]:
    """Yield the buckets of a histogram over time, the fuller the brighter."""
    counted = _per_bucket(answers)
    most = max((count for _, counts in counted for count in counts.values()), default=0.0)
    if not most:
        yield nothing(panel, width, height)
        return
    used = [index for index, (_, counts) in enumerate(counted) if any(counts.values())]
    rows = counted[used[0] : used[-1] + 1]
    frame = Frame(width, height, *span, len(rows))
    names = [units.written(bound, "s") if math.isfinite(bound) else "more" for bound, _ in rows]
    yield from _axes(frame, [(index + 1, name) for index, name in enumerate(names)])
    step = answers[0].query.step_seconds
    cell = max(1.5, frame.x(span[0] + step) - frame.x(span[0]))
    for index, (_, counts) in enumerate(rows):
        top = frame.y(index + 1)
        for moment, count in counts.items():
            if count > 0:
                left = max(_LEFT, frame.x(moment) - cell)
                opacity = 0.15 + 0.85 * math.sqrt(count / most)
                yield svg.rect(
                    left, top + 1, frame.x(moment) - left, frame.y(index) - top - 2, color="#ff9830", opacity=opacity
                )


def time_axis(frame: Frame) -> Iterator[str]:
    """Yield the times below a panel, in UTC."""
    span = frame.end - frame.start
    step = next((each for each in _SECONDS if span / each <= max(2, frame.width / 75)), _SECONDS[-1])
    form = "%H:%M:%S" if step < 60 else "%H:%M" if span < 2 * 86400 else "%m-%d %H:%M"
    for moment in range(math.ceil(frame.start / step) * step, int(frame.end) + 1, step):
        x = frame.x(moment)
        yield svg.line(x, _TOP, x, frame.height - _AXIS, kind="grid")
        if x < frame.width - 20:
            told = datetime.fromtimestamp(moment, UTC).strftime(form)
            yield svg.text(x, frame.height - 5, told, kind="small", anchor="middle")


def _axes(frame: Frame, levels: Sequence[tuple[float, str]]) -> Iterator[str]:
    yield from time_axis(frame)
    for level, told in levels:
        y = frame.y(level)
        yield svg.line(_LEFT, y, frame.width - _RIGHT, y, kind="grid")
        yield svg.text(_LEFT - 6, y + 4, told, kind="small", anchor="end")


def _thresholds(panel: Mapping[str, Any], frame: Frame) -> Iterator[str]:
    defaults = panel["fieldConfig"]["defaults"]
    if defaults.get("custom", {}).get("thresholdsStyle", {}).get("mode", "off") == "off":
        return
    for step in defaults["thresholds"]["steps"]:
        if step.get("value") is not None and step["value"] <= frame.highest:
            y = frame.y(step["value"])
            yield svg.curve([(_LEFT, y), (frame.width - _RIGHT, y)], color=fields.COLORS[step["color"]], dashed=True)


_Drawn = list[tuple[float, float, float]]
"""Points in time, each with the value that a curve is filled from and the one that it is at."""


def _stacked(panel: Mapping[str, Any], answers: Sequence[Series]) -> list[_Drawn]:
    custom = panel["fieldConfig"]["defaults"].get("custom", {})
    stacks = custom.get("stacking", {}).get("mode") == "normal"
    below: dict[float, float] = {}
    found = []
    for each in answers:
        drawn = []
        for moment, value in each.points:
            base = below.get(moment, 0.0) if stacks else 0.0
            drawn.append((moment, base, base + value))
            below[moment] = base + (0.0 if math.isnan(value) else value)
        found.append(drawn)
    return found


def _series(settings: fields.Settings, series: Series, drawn: _Drawn, index: int, frame: Frame) -> Iterator[str]:
    color, step = fields.color(settings, index), series.query.step_seconds
    if settings.get("custom.drawStyle") == "bars":
        wide = max(1.5, (frame.x(frame.start + step) - frame.x(frame.start)) * 0.8)
        for moment, base, value in drawn:
            if value > base:
                y, right = frame.y(value), frame.x(moment)
                left = max(_LEFT, right - wide)
                yield svg.rect(left, y, right - left, frame.y(base) - y, color=color, opacity=0.85)
        return
    dashed = "custom.lineStyle" in settings
    for piece in _pieces(drawn, step):
        if settings.get("custom.lineInterpolation") == "stepAfter":
            piece = [*_steps(piece)]
        top = [(frame.x(moment), frame.y(value)) for moment, _, value in piece]
        if len(piece) > 1 and settings.get("custom.fillOpacity"):
            bottom = [(frame.x(moment), frame.y(base)) for moment, base, _ in reversed(piece)]
            yield svg.area([*top, *bottom], color=color, opacity=settings["custom.fillOpacity"] / 100)
        if len(top) > 1:
            yield svg.curve(_thinned(top), color=color, dashed=dashed)
        if not dashed and (len(top) == 1 or (settings.get("custom.showPoints") == "always" and len(top) < 40)):
            yield svg.dots(top, color=color)


def _pieces(drawn: _Drawn, step: float) -> Iterator[_Drawn]:
    """Yield the parts of a curve that have no gap."""
    piece: _Drawn = []
    for point in drawn:
        if math.isnan(point[2]) or (piece and point[0] - piece[-1][0] > step * 1.5):
            if piece:
                yield piece
            piece = []
        if not math.isnan(point[2]):
            piece.append(point)
    if piece:
        yield piece


def _steps(piece: _Drawn) -> Iterator[tuple[float, float, float]]:
    yield piece[0]
    for (_, base, value), (moment, next_base, next_value) in pairwise(piece):
        yield moment, base, value
        yield moment, next_base, next_value


def _thinned(points: Sequence[svg.Point]) -> list[svg.Point]:
    """Leave out what lies on a level line between its neighbours."""
    inner = zip(points, points[1:], points[2:], strict=False)
    kept = [here for before, here, after in inner if not abs(before[1] - here[1]) + abs(after[1] - here[1]) < 0.05]
    return [points[0], *kept, points[-1]]


def _per_bucket(answers: Sequence[Series]) -> list[tuple[float, dict[float, float]]]:
    """Return the buckets by their upper bound, each with what is in it alone: Prometheus counts those below, too.

    It counts by rates, so that what is left of two that are alike may be next to nothing, and is nothing then.
    """
    found, below = [], dict[float, float]()
    for each in sorted(answers, key=lambda series: float(series.labels["le"])):
        found.append(
            (float(each.labels["le"]), {at: round(value - below.get(at, 0.0), 6) for at, value in each.points})
        )
        below = dict(each.points)
    return found


def _legend(
    panel: Mapping[str, Any], answers: Sequence[Series], width: float
) -> Iterator[list[tuple[str, str, float]]]:
    """Yield the rows of the legend, each entry with its colour and where it begins."""
    calculations = panel["options"]["legend"].get("calcs") or ()
    entries: list[tuple[str, str, float]] = []
    x, rows = 10.0, 1
    for index, each in enumerate(answers):
        settings = fields.of(panel, fields.name(each))
        values = [value for _, value in each.points if not math.isnan(value)]
        told = "".join(f"  {_CALLED[name]} {_calculated(name, values, settings)}" for name in calculations)
        label = svg.fitted(fields.name(each) + told, width - 40, 11)
        needed = svg.width(label, 11) + 28
        if entries and x + needed > width:
            yield entries
            entries, x, rows = [], 10.0, rows + 1
            if rows > _MOST_LEGEND_ROWS:
                return
        entries.append((label, fields.color(settings, index), x))
        x += needed
    yield entries


_CALLED = {"max": "max", "mean": "mean", "sum": "sum", "lastNotNull": "last"}
_CALCULATIONS: Mapping[str, Callable[[Sequence[float]], float]] = {
    "max": max,
    "mean": lambda values: sum(values) / len(values),
    "sum": sum,
    "lastNotNull": lambda values: values[-1],
}


def _calculated(name: str, values: Sequence[float], settings: fields.Settings) -> str:
    return units.written(_CALCULATIONS[name](values), settings.get("unit", "none"), decimals=settings.get("decimals"))


def _legend_row(entries: Sequence[tuple[str, str, float]], y: float) -> Iterator[str]:
    for label, color, x in entries:
        yield svg.rect(x, y - 6, 12, 3, color=color)
        yield svg.text(x + 17, y - 1, label, kind="legend")
