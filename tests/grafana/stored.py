"""The dashboards as the chart brings them, and all that is on them."""

import json
from typing import Any, NamedTuple

import pytest
from dashboards.files import FOLDER
from dashboards.page import FLEET, RESOURCE, SERVER
from dashboards.queries import ALL, ALL_PODS, Query, panels, queries

Page = dict[str, Any]
Panel = dict[str, Any]

PAGES: dict[str, Page] = {path.stem: json.loads(path.read_text()) for path in sorted(FOLDER.glob("*.json"))}
VALUES = {FLEET: ALL, RESOURCE: {"namespace": "mirrors", "name": "community"}, SERVER: ALL_PODS}
"""Values of the variables of each page."""


class Placed(NamedTuple):
    """A panel, and the uid of the page that it is on."""

    page: str
    panel: Panel


PANELS = [Placed(uid, panel) for uid, page in PAGES.items() for panel in panels(page)]
QUERIES: list[Query] = [query for uid, page in PAGES.items() for query in queries(page, VALUES[uid])]

every_page = pytest.mark.parametrize("page", PAGES.values(), ids=[*PAGES])
every_panel = pytest.mark.parametrize(
    "panel", [each.panel for each in PANELS], ids=[f"{each.page}: {each.panel['title']}" for each in PANELS]
)
every_query = pytest.mark.parametrize(
    "query", QUERIES, ids=[f"{each.dashboard}: {each.panel}: {each.ref}" for each in QUERIES]
)
