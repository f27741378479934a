"""Each panel says what it shows, in what unit, has a place of its own, and asks the data source that is chosen."""

import itertools
import re
from collections import Counter

from dashboards.page import COLUMNS

from docs.pages import ROOT
from grafana.stored import PANELS, Page, Panel, every_page, every_panel

KINDS = {"stat", "bargauge", "table", "timeseries", "state-timeline", "heatmap"}
UNITS = {"none", "locale", "bytes", "binBps", "s", "percentunit", "ops", "reqps"}


@every_panel
def test_a_panel_is_of_a_kind_that_is_easily_read(panel: Panel) -> None:
    assert panel["type"] in KINDS


@every_panel
def test_a_panel_describes_itself_in_full_sentences(panel: Panel) -> None:
    assert panel["title"].strip()
    assert re.fullmatch(r"[A-Z].{25,}\.", panel["description"]), panel["description"]


@every_panel
def test_a_panel_has_a_unit(panel: Panel) -> None:
    assert panel["fieldConfig"]["defaults"]["unit"] in UNITS


def test_columns_of_figures_with_a_unit_have_one_that_is_known() -> None:
    (table,) = (each.panel for each in PANELS if each.panel["type"] == "table")
    settings = [each for override in table["fieldConfig"]["overrides"] for each in override["properties"]]
    assert {each["value"] for each in settings if each["id"] == "unit"} == {"s", "locale", "percentunit", "bytes"}


@every_panel
def test_a_panel_without_data_says_so_in_words(panel: Panel) -> None:
    if panel["type"] in {"stat", "bargauge"}:
        assert panel["fieldConfig"]["defaults"]["noValue"]


@every_panel
def test_a_pages_runbook_is_there(panel: Panel) -> None:
    for page in re.findall(r"docs/[\w/-]+\.md", panel["description"]):
        assert (ROOT / page).is_file(), page


@every_page
def test_no_two_panels_have_one_id(page: Page) -> None:
    ids = Counter(panel["id"] for panel in page["panels"])
    assert [each for each, count in ids.items() if count > 1] == []


@every_page
def test_no_two_panels_have_one_title(page: Page) -> None:
    titles = Counter(panel["title"] for panel in page["panels"] if panel["type"] != "row")
    assert [each for each, count in titles.items() if count > 1] == []


@every_page
def test_no_panel_lies_over_another(page: Page) -> None:
    taken: dict[tuple[int, int], str] = {}
    for panel in page["panels"]:
        grid = panel["gridPos"]
        columns, lines = range(grid["x"], grid["x"] + grid["w"]), range(grid["y"], grid["y"] + grid["h"])
        for cell in itertools.product(columns, lines):
            assert cell not in taken, f"{panel['title']} lies over {taken[cell]}"
            taken[cell] = panel["title"]


@every_page
def test_the_panels_fill_the_width_of_the_page(page: Page) -> None:
    height = max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in page["panels"])
    assert sum(panel["gridPos"]["w"] * panel["gridPos"]["h"] for panel in page["panels"]) == height * COLUMNS


@every_panel
def test_a_panel_asks_the_data_source_that_is_chosen(panel: Panel) -> None:
    chosen = {"type": "prometheus", "uid": "${datasource}"}
    assert [panel["datasource"], *(target["datasource"] for target in panel["targets"])] == [chosen] * (
        1 + len(panel["targets"])
    )


@every_panel
def test_a_panel_of_now_asks_for_now_and_one_over_time_for_a_range(panel: Panel) -> None:
    of_now = panel["type"] in {"stat", "bargauge", "table"}
    assert {target["instant"] for target in panel["targets"]} == {of_now}


@every_panel
def test_a_range_has_a_smallest_step(panel: Panel) -> None:
    for target in panel["targets"]:
        assert target["instant"] or target["interval"] == panel["interval"]


def test_memory_against_its_limit_is_orange_from_90_percent_on_and_red_at_the_limit() -> None:
    shares = [each.panel for each in PANELS if each.panel["fieldConfig"]["defaults"].get("max") == 1]
    assert [panel["fieldConfig"]["defaults"]["thresholds"]["steps"][1:] for panel in shares] == [
        [{"value": 0.9, "color": "orange"}, {"value": 1, "color": "red"}]
    ]
