"""Panels that show now: single figures, bars and tables."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from dashboards.pictures import fields, svg
from dashboards.pictures.prometheus import Series

_PADDING = 10.0
_BAR_ROW = 34.0
_LABEL_SIZE = 12.0
_MOST_OF_WIDTH = 0.55
"""How much of the width the labels of bars may take, as a share."""


def number(panel: Mapping[str, Any], answers: Sequence[Series], width: float, height: float) -> Iterator[str]:
    """Yield one large figure, or the name of the series where the panel is about that."""
    settings = fields.of(panel, "")
    if answers:
        content, color = fields.shown(settings, answers[0].last)
        if panel["options"]["textMode"] == "name":
            content, color = fields.name(answers[0]), fields.COLORS["text"]
    else:
        content, color = settings["noValue"], fields.COLORS["text"]
    parts = content.split(": ") if len(content) > 14 else [content]
    size = min(34.0, *(width / max(1, len(part)) * 1.45 for part in parts))
    top = height / 2 - size * 1.2 * (len(parts) - 1) / 2
    for index, part in enumerate(parts):
        y = top + size * (0.35 + 1.2 * index)
        yield svg.text(width / 2, y, part, kind="figure", anchor="middle", color=color, size=size)


def bars(panel: Mapping[str, Any], answers: Sequence[Series], width: float, height: float) -> Iterator[str]:
    """Yield a bar for each series, the longest of them first."""
    if not answers:
        yield nothing(panel, width, height)
        return
    most = fields.of(panel, "").get("max") or max(each.last for each in answers)
    widest = max(svg.width(fields.name(each), _LABEL_SIZE) for each in answers)
    told_width, value_width = min(widest, width * _MOST_OF_WIDTH), 86.0
    left = told_width + 2 * _PADDING
    room = width - left - value_width - _PADDING
    row = min(_BAR_ROW, height / len(answers))
    for index, each in enumerate(sorted(answers, key=lambda series: -series.last)):
        settings = fields.of(panel, fields.name(each))
        content, color = fields.shown(settings, each.last)
        y = index * row
        yield svg.text(_PADDING, y + row / 2 + 4, svg.fitted(fields.name(each), told_width, _LABEL_SIZE))
        yield svg.rect(left, y + 4, room, row - 8, kind="unfilled")
        filled = room * min(1.0, max(0.0, each.last / most)) if most else 0.0
        yield svg.rect(left, y + 4, filled, row - 8, color=color, opacity=0.8)
        yield svg.text(width - _PADDING, y + row / 2 + 4, content, anchor="end", color=color)


def nothing(panel: Mapping[str, Any], width: float, height: float) -> str:
    """Return what stands in a panel without data."""
    content = panel["fieldConfig"]["defaults"].get("noValue") or "No data"
    return svg.text(width / 2, height / 2, content, kind="faint", anchor="middle")


def table(panel: Mapping[str, Any], answers: Sequence[Series], width: float, height: float) -> Iterator[str]:
    """Yield the rows of the table that Grafana's transformations `merge` and `organize` make of the answers."""
    organized = next(each["options"] for each in panel["transformations"] if each["id"] == "organize")
    columns = sorted(organized["indexByName"], key=lambda field: organized["indexByName"][field])
    titles = {field: organized["renameByName"][field] for field in columns}
    settings = {field: fields.of(panel, titles[field]) for field in columns}
    scale = (width - 2 * _PADDING) / sum(settings[field]["custom.width"] for field in columns)
    row_height = 26.0
    rows = merged(answers)
    x = _PADDING
    for field in columns:
        room = settings[field]["custom.width"] * scale
        yield svg.text(x, 16, svg.fitted(titles[field], room - 6, 12), kind="head")
        for index, row in enumerate(rows):
            y = 28 + index * row_height
            if y < height and field in row:
                yield from _cell(settings[field], row[field], x, y, room - 12, row_height)
        x += room
    for index in range(min(len(rows), int((height - 28) / row_height)) + 1):
        y = 28 + index * row_height - 4
        yield svg.line(_PADDING, y, width - _PADDING, y, kind="grid")


def merged(answers: Sequence[Series]) -> list[dict[str, str | float]]:
    """Return one row for each CollectionSync: its labels, and the value of each query as `Value #A` and so on."""
    rows: dict[tuple[str, str], dict[str, str | float]] = {}
    for each in answers:
        row = rows.setdefault((each.labels["namespace"], each.labels["name"]), {})
        row.update({**each.labels, f"Value #{each.query.ref}": each.last})
    return [rows[key] for key in sorted(rows)]


def _cell(
    settings: fields.Settings, value: str | float, x: float, y: float, room: float, height: float
) -> Iterator[str]:
    baseline = y + height / 2
    if isinstance(value, str):
        yield svg.text(x, baseline, svg.fitted(value, room, 12), kind="link" if settings.get("links") else "")
        return
    content, color = fields.shown(settings, value)
    kind = settings.get("custom.cellOptions", {}).get("type")
    if kind == "gauge":
        gauge = room - 60
        yield svg.rect(x, y + 1, gauge, height - 10, kind="unfilled")
        yield svg.rect(x, y + 1, gauge * min(1.0, value / settings["max"]), height - 10, color=color, opacity=0.8)
        yield svg.text(x + room, baseline, content, anchor="end", color=color)
    else:
        yield svg.text(x, baseline, svg.fitted(content, room, 12), color=color if kind == "color-text" else "")
