"""A dashboard as one picture: its panels where they are on Grafana's grid, each drawn by its kind."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from xml.sax.saxutils import escape

from dashboards.page import COLUMNS, Document
from dashboards.pictures import curves, figures, spans, svg
from dashboards.pictures.prometheus import Series

WIDTH = 1280.0
"""How wide a picture is, in pixels."""
_UNIT, _GAP, _MARGIN, _HEAD = 36.0, 8.0, 12.0, 46.0
_TITLE = 30.0

_STYLE = """
  svg { font-family: Inter, system-ui, "DejaVu Sans", sans-serif; font-size: 12px; fill: #ccccdc; }
  .ground { fill: #111217; }
  .panel { fill: #181b1f; stroke: #25272e; }
  .title { font-size: 13px; font-weight: 500; }
  .page { font-size: 18px; font-weight: 500; }
  .row { font-size: 15px; font-weight: 500; }
  .figure { font-weight: 500; }
  .head { font-weight: 500; fill: #9fa7b3; }
  .link { fill: #6e9fff; }
  .small { font-size: 10.5px; fill: #9fa7b3; }
  .legend { font-size: 11px; }
  .faint { fill: #7b8087; }
  .grid { stroke: #2a2d34; stroke-width: 1; }
  .unfilled { fill: #24282f; }
  .curve { fill: none; stroke-width: 1.5; stroke-linejoin: round; }
  .dots { fill: none; stroke-width: 5; stroke-linecap: round; }
"""


def picture(page: Document, subject: str, answers: Mapping[int, Sequence[Series]], start: float, end: float) -> str:
    """Return the page about `subject` in SVG.

    `answers` are those of each panel by its id, for the time from `start` to `end`, in seconds since 1970.
    """
    height = _HEAD + max(each["gridPos"]["y"] + each["gridPos"]["h"] for each in page["panels"]) * _UNIT + _MARGIN
    title = escape(f"{page['title']}: {subject}")
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH:g} {height:g}" role="img">',
            f"<title>{title}</title>",
            f"<style>{_STYLE}</style>",
            svg.rect(0, 0, WIDTH, height, kind="ground"),
            svg.text(_MARGIN, 29, f"{page['title']}: {subject}", kind="page"),
            svg.text(WIDTH - _MARGIN, 29, _told(start, end), kind="small", anchor="end"),
            *(_placed(each, answers.get(each["id"], ()), (start, end)) for each in page["panels"]),
            "</svg>\n",
        ]
    )


def _told(start: float, end: float) -> str:
    """Return the time that is shown, for people."""
    first, last = (datetime.fromtimestamp(moment, UTC) for moment in (start, end))
    form = "%H:%M" if first.date() == last.date() else "%Y-%m-%d %H:%M"
    return f"{first:%Y-%m-%d %H:%M} – {last.strftime(form)} UTC"


def _placed(panel: Mapping[str, Any], answers: Sequence[Series], span: tuple[float, float]) -> str:
    grid = panel["gridPos"]
    column = (WIDTH - 2 * _MARGIN + _GAP) / COLUMNS
    x, y = _MARGIN + grid["x"] * column, _HEAD + grid["y"] * _UNIT
    width, height = grid["w"] * column - _GAP, grid["h"] * _UNIT - _GAP
    if panel["type"] == "row":
        return svg.text(x, y + 20, panel["title"], kind="row")
    body = svg.framed(0, _TITLE, width, height - _TITLE - 4, _body(panel, answers, width, height - _TITLE - 4, span))
    title = svg.text(10, 20, svg.fitted(panel["title"], width - 14, 13), kind="title")
    ground = svg.rect(0.5, 0.5, width - 1, height - 1, kind="panel")
    return svg.framed(x, y, width, height, [ground, title, body])


def _body(
    panel: Mapping[str, Any], answers: Sequence[Series], width: float, height: float, span: tuple[float, float]
) -> Iterator[str]:
    kind = panel["type"]
    if kind in _OF_NOW:
        return _OF_NOW[kind](panel, answers, width, height)
    return _OVER_TIME[kind](panel, answers, width, height, span)


_OF_NOW = {"stat": figures.number, "bargauge": figures.bars, "table": figures.table}
_OVER_TIME = {"timeseries": curves.curves, "heatmap": curves.heatmap, "state-timeline": spans.states}
