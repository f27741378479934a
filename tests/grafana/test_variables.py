"""The variables that queries and links speak of are those of the page."""

import json
import re
from urllib.parse import parse_qsl, urlsplit

import pytest
from dashboards.page import FLEET, RESOURCE, SERVER
from dashboards.queries import variables_in

from grafana.stored import PAGES, PANELS, Page, every_page


def names(page: Page) -> list[str]:
    return [each["name"] for each in page["templating"]["list"]]


@every_page
def test_a_page_has_variables_for_the_data_source_and_for_what_is_shown(page: Page) -> None:
    assert names(page) == ["datasource", "namespace", "pod" if page["uid"] == SERVER else "name"]


@every_page
def test_no_data_source_is_written_down(page: Page) -> None:
    source, *others = page["templating"]["list"]
    assert (source["type"], source["query"], source.get("current")) == ("datasource", "prometheus", None)
    assert {each["datasource"]["uid"] for each in others} == {"${datasource}"}
    assert set(re.findall(r'"uid": "([^"]*)"', json.dumps(page))) == {"${datasource}", page["uid"]}


@every_page
def test_queries_speak_of_variables_of_the_page_only(page: Page) -> None:
    used = {
        name
        for panel in page["panels"]
        for target in panel.get("targets", ())
        for name in variables_in(target["expr"])
        if not name.startswith("__")
    }
    assert used <= {*names(page)}


@every_page
def test_a_variable_speaks_of_those_before_it_only(page: Page) -> None:
    known: set[str] = set()
    for variable in page["templating"]["list"]:
        assert variables_in(json.dumps(variable.get("query"))) <= known
        known.add(variable["name"])


@pytest.mark.parametrize("uid", [FLEET, RESOURCE])
def test_what_can_be_chosen_is_also_what_cannot_be_read(uid: str) -> None:
    for variable in PAGES[uid]["templating"]["list"][1:]:
        assert variable["query"]["query"].startswith("label_values(collectionsync_created_timestamp_seconds")


@pytest.mark.parametrize("uid", [FLEET, SERVER])
def test_a_page_of_many_shows_everything_at_first_and_lets_any_be_chosen(uid: str) -> None:
    for variable in PAGES[uid]["templating"]["list"][1:]:
        assert (variable["multi"], variable["includeAll"], variable["allValue"]) == (True, True, ".*")
        assert variable["current"]["value"] == ["$__all"]


def test_the_page_of_one_shows_one() -> None:
    for variable in PAGES[RESOURCE]["templating"]["list"][1:]:
        assert not variable.get("multi")
        assert not variable.get("includeAll")


def test_links_lead_to_pages_that_are_there_with_variables_that_they_have() -> None:
    found = [link["url"] for page in PAGES.values() for link in page["links"]]
    found += [link["url"] for _, panel in PANELS for link in links_of_cells(panel)]
    assert len(found) == 7
    for url in found:
        parts = urlsplit(url)
        _, folder, uid = parts.path.split("/")
        given = {name.removeprefix("var-") for name, _ in parse_qsl(parts.query) if name.startswith("var-")}
        assert folder == "d"
        assert "datasource" in given
        assert given <= {*names(PAGES[uid])}


@every_page
def test_links_to_the_other_page_are_in_sight_and_keep_the_time(page: Page) -> None:
    assert page["links"]
    for link in page["links"]:
        assert "placement" not in link
        assert link["keepTime"] is True


def test_a_row_of_the_table_leads_to_the_page_of_its_resource() -> None:
    (link,) = (link for _, panel in PANELS for link in links_of_cells(panel))
    assert link["url"].startswith("/d/collectionsync-resource?")
    given = dict(parse_qsl(urlsplit(link["url"]).query))
    assert given["var-namespace"] == "${__data.fields.Namespace}"
    assert given["var-name"] == "${__data.fields.CollectionSync}"


def test_the_fields_that_the_tables_link_speaks_of_are_columns_of_it() -> None:
    (table,) = (each.panel for each in PANELS if each.panel["type"] == "table")
    renamed = table["transformations"][1]["options"]["renameByName"]
    assert (renamed["namespace"], renamed["name"]) == ("Namespace", "CollectionSync")


def links_of_cells(panel: Page) -> list[dict[str, str]]:
    return [
        link
        for override in panel["fieldConfig"]["overrides"]
        for setting in override["properties"]
        if setting["id"] == "links"
        for link in setting["value"]
    ]
