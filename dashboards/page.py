"""A page: its variables and links, and its panels in rows on Grafana's grid of 24 columns."""

import json
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import dashboard as model

from dashboards.panels import DATASOURCE, Panel

COLUMNS = 24
TAG = "collectionsync"
FLEET, RESOURCE, SERVER = "collectionsync-fleet", "collectionsync-resource", "collectionsync-server"
"""The uids of the pages, which the links between them lead to."""

Document = dict[str, Any]
"""A dashboard as Grafana imports it."""


@dataclass(frozen=True, slots=True)
class Place:
    """A panel with its size on the grid."""

    panel: Panel
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Row:
    """A heading with panels below it, from left to right and from top to bottom."""

    title: str
    places: Sequence[Place]


def place(width: int, height: int, *panels: Panel) -> list[Place]:
    """Return these panels in one size."""
    return [Place(panel, width, height) for panel in panels]


def document(
    *,
    uid: str,
    title: str,
    description: str,
    variables: Sequence[dashboard.QueryVariable],
    links: Sequence[dashboard.DashboardLink],
    rows: Sequence[Row],
) -> Document:
    """Return the whole page."""
    builder = (
        dashboard.Dashboard(title)
        .uid(uid)
        .description(description)
        .tags([TAG])
        .time("now-6h", "now")
        .refresh("30s")
        .timezone("browser")
        .tooltip(model.DashboardCursorSync.CROSSHAIR)
        .readonly()
        .variables([dashboard.DatasourceVariable("datasource").label("Data source").type("prometheus"), *variables])
        .links([*links])
    )
    built = builder.build()
    built.panels = [*_laid_out(rows)]
    found: Document = json.loads(JSONEncoder().encode(built))
    for each in found["links"]:
        del each["placement"]  # it would hide the link in a menu, which is all that the library knows
    return found


def text(page: Document) -> str:
    """Return a page as the chart's file has it."""
    return json.dumps(page, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def variable(name: str, label: str, query: str, *, several: bool) -> dashboard.QueryVariable:
    """Return a variable whose values are a label's. With `several` it may have more than one, and has all at first."""
    found = (
        dashboard.QueryVariable(name)
        .label(label)
        .datasource(DATASOURCE)
        .query({"query": query, "refId": f"variable-{name}"})
        .definition(query)
        .refresh(model.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(model.VariableSort.ALPHABETICAL_ASC)
    )
    if several:
        found.multi(True).include_all(True).all_value(".*")
        found.current(model.VariableOption(selected=True, text=["All"], value=["$__all"]))
    return found


def link(title: str, uid: str, variables: str = "") -> dashboard.DashboardLink:
    """Return a link at the top of a page to another page, with the time that is looked at."""
    url = f"/d/{uid}?{variables}var-datasource=${{datasource}}"
    return (
        dashboard.DashboardLink(title)
        .type(model.DashboardLinkType.LINK)
        .url(url)
        .keep_time(True)
        .icon("dashboard")
        .tooltip(title)
    )


def _laid_out(rows: Sequence[Row]) -> Iterator[Panel | model.RowPanel]:
    y = 0
    for row in rows:
        grid = model.GridPos(h=1, w=COLUMNS, x=0, y=y)
        yield model.RowPanel(title=row.title, grid_pos=grid, id_val=_id(row.title, ""), panels=[])
        y += 1
        x = 0
        for index, each in enumerate(row.places):
            each.panel.grid_pos = model.GridPos(h=each.height, w=each.width, x=x, y=y)
            each.panel.id_val = _id(row.title, each.panel.title or "")
            yield each.panel
            x += each.width
            if x == COLUMNS or index == len(row.places) - 1:
                x, y = 0, y + each.height


def _id(row: str, title: str) -> int:
    """Return what a panel is known by in links: the same as long as it is called the same, wherever it moves."""
    return zlib.crc32(f"{row}/{title}".encode()) % 1_000_000 + 1
