"""The panel that shows what was the case when."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from dashboards.pictures import fields, svg
from dashboards.pictures.curves import Frame, time_axis
from dashboards.pictures.prometheus import Series

_SIZE = 11.0
_LEAST_NAMES, _MOST_OF_WIDTH = 130.0, 0.45
"""What the names of series take of the width: at least so much, and at most this share of it."""


def states(
    panel: Mapping[str, Any], answers: Sequence[Series], width: float, height: float, span: tuple[float, float]
) -> Iterator[str]:
    """Yield a row for each series, in the colour that its value has."""
    widest = max((svg.width(fields.name(each), _SIZE) for each in answers), default=0.0) + 12
    names = max(_LEAST_NAMES, min(widest, width * _MOST_OF_WIDTH))
    frame = Frame(width, height, *span, max(1, len(answers)), names)
    yield from time_axis(frame)
    for index, each in enumerate(answers):
        settings = fields.of(panel, fields.name(each))
        top, bottom = frame.y(frame.highest - index), frame.y(frame.highest - index - 1)
        yield svg.text(6, (top + bottom) / 2 + 4, svg.fitted(fields.name(each), names - 6, _SIZE), kind="legend")
        for start, end, value in _spans(each):
            left = frame.x(max(start, frame.start))
            _, color = fields.shown(settings, value)
            yield svg.rect(left, top + 2, max(0.0, frame.x(end) - left), bottom - top - 4, color=color, opacity=0.85)


def _spans(series: Series) -> Iterator[tuple[float, float, float]]:
    """Yield from when to when a series had which value."""
    step = series.query.step_seconds
    open_at, value = math.nan, math.nan
    last = math.nan
    for moment, now in series.points:
        if now != value or moment - last > step * 1.5:
            if not math.isnan(value):
                yield open_at, last, value
            open_at, value = moment, now
        last = moment
    if not math.isnan(value):
        yield open_at, last, value
