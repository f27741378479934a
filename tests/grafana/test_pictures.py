"""A picture is drawn from a dashboard and the answers to its queries alone, and shows what Grafana would show."""

from collections.abc import Mapping, Sequence
from xml.etree import ElementTree

import pytest
from dashboards.pictures.picture import picture
from dashboards.pictures.prometheus import Series
from dashboards.queries import Query, queries

from grafana.stored import PAGES, VALUES, Page, every_page

START, END = 1_795_600_000.0, 1_795_600_600.0
FLEET, RESOURCE, SERVER = (PAGES[f"collectionsync-{name}"] for name in ("fleet", "resource", "server"))
OURS = {"namespace": "mirrors", "name": "community"}


def drawn(page: Page, answers: Mapping[int, Sequence[Series]]) -> str:
    return picture(page, "mirrors/community", answers, START, END)


def texts(svg: str) -> list[str]:
    return [element.text or "" for element in ElementTree.fromstring(svg).iter() if element.tag.endswith("}text")]


def colors(svg: str, attribute: str = "fill") -> list[str]:
    found = (element.get(attribute) for element in ElementTree.fromstring(svg).iter())
    return [each for each in found if each]


def query(page: Page, title: str, ref: str = "A") -> tuple[int, Query]:
    """A panel's id, and one of its queries."""
    (panel,) = (each for each in page["panels"] if each["title"] == title and each["type"] != "row")
    (found,) = (each for each in queries(page, VALUES[page["uid"]]) if (each.panel, each.ref) == (title, ref))
    return panel["id"], found


def only(page: Page, title: str) -> Page:
    """The page with this panel and no other."""
    return {**page, "panels": [each for each in page["panels"] if each["title"] == title and each["type"] != "row"]}


def shown(page: Page, title: str, *values: float, labels: Mapping[str, str] = OURS, ref: str = "A") -> str:
    """A panel with one series, whose values are as far apart as its points."""
    panel, asked = query(page, title, ref)
    points = tuple((START + index * asked.step_seconds, value) for index, value in enumerate(values))
    return drawn(only(page, title), {panel: [Series(asked, labels, points)]})


@every_page
def test_each_panel_is_there_with_its_title(page: Page) -> None:
    found = texts(drawn(page, {}))
    assert {panel["title"] for panel in page["panels"]} <= {*found}


@every_page
def test_a_picture_shows_what_it_is_about_and_when(page: Page) -> None:
    found = texts(drawn(page, {}))
    assert found[:2] == [f"{page['title']}: mirrors/community", "2026-11-25 09:46 – 09:56 UTC"]


def test_a_panel_without_data_says_so_as_in_grafana() -> None:
    found = texts(drawn(only(FLEET, "Late by"), {}))
    assert "None is late" in found


def test_a_figure_is_written_in_its_unit() -> None:
    assert "1.5 GiB" in texts(shown(RESOURCE, "Their documents", 1.5 * 2**30))


def test_a_figure_has_the_text_and_the_colour_that_are_mapped_to_it() -> None:
    svg = shown(RESOURCE, "Ready", 0.0)
    assert "No" in texts(svg)
    assert "#f2495c" in colors(svg)


def test_a_figure_has_the_colour_of_the_threshold_that_it_is_over() -> None:
    assert "#73bf69" in colors(shown(FLEET, "Not ready", 0.0))
    assert "#f2495c" in colors(shown(FLEET, "Not ready", 1.0))


def test_the_name_of_a_figure_is_shown_where_the_panel_is_about_that() -> None:
    labels = {"result": "Failed", "reason": "OOMKilled"}
    found = texts(shown(RESOURCE, "The last run", 1.0, labels=labels))
    assert {"Failed", "OOMKilled"} <= {*found}


def test_bars_are_as_long_as_their_values() -> None:
    panel, asked = query(FLEET, "Closest to their memory limit")
    values = {"a": 0.5, "b": 0.95}
    series = [Series(asked, {"namespace": "mirrors", "name": name}, ((END, value),)) for name, value in values.items()]
    svg = drawn(only(FLEET, "Closest to their memory limit"), {panel: series})
    filled = [each for each in ElementTree.fromstring(svg).iter() if each.get("fill-opacity") == "0.8"]
    long, short = (float(each.get("width", "")) for each in filled)
    assert long / short == pytest.approx(0.95 / 0.5, rel=0.01)
    assert [each.get("fill") for each in filled] == ["#ff9830", "#73bf69"]


@pytest.mark.parametrize(
    "name", ["short", "tenant-6314e932-and-so-on", "a-name-that-is-so-long-that-no-label-has-room-for-it"]
)
def test_a_bar_begins_where_its_label_has_ended(name: str) -> None:
    svg = shown(FLEET, "Longest last runs", 60.0, labels={"namespace": "mirrors", "name": name})
    (label,) = (each for each in ElementTree.fromstring(svg).iter() if (each.text or "").startswith("mirrors/"))
    (bar,) = (each for each in ElementTree.fromstring(svg).iter() if each.get("class") == "unfilled")
    written = label.text or ""
    # The widest of the usual fonts has its lower-case letters and digits at 0.6 of its size.
    assert float(label.get("x", "")) + len(written) * 12 * 0.6 < float(bar.get("x", ""))
    assert float(bar.get("width", "")) > 40
    assert written == f"mirrors/{name}" or written.endswith("…")


def test_the_table_has_a_row_for_each_resource_out_of_all_queries() -> None:
    title = "All CollectionSyncs"
    panel, ready = query(FLEET, title, "A")
    _, info = query(FLEET, title, "B")
    other = {"namespace": "partners", "name": "other"}
    answers = [
        Series(ready, OURS, ((END, 2.0),)),
        Series(ready, other, ((END, 0.0),)),
        Series(info, {**OURS, "result": "Partial", "reason": "ItemsSkipped"}, ((END, 1.0),)),
    ]
    found = texts(drawn(only(FLEET, title), {panel: answers}))
    rows = found[found.index("Namespace") :]
    assert {"community", "other", "yes", "no", "Partial", "ItemsSkipped"} <= {*rows}
    assert "1" not in rows, "the value of what always is 1 is hidden"


def test_curves_are_called_by_their_labels_with_what_is_calculated() -> None:
    found = texts(shown(RESOURCE, "Resident memory, by run", 2.0**25, 2.0**24, labels={"run_id": "0123456789"}))
    assert "0123456789  max 32 MiB" in found


def test_a_limit_is_a_dashed_red_line() -> None:
    svg = shown(RESOURCE, "Resident memory, by run", 2.0**26, 2.0**26, ref="B")
    assert dashed(svg) == ["#f2495c"]


def test_the_limit_of_each_operator_is_a_dashed_red_line() -> None:
    title = "Memory admitted, against the budget"
    assert dashed(shown(FLEET, title, 2.0**30, 2.0**30, labels={"namespace": "system"}, ref="B")) == ["#f2495c"]
    assert dashed(shown(FLEET, title, 2.0**30, 2.0**30, labels={"namespace": "system"}, ref="A")) == []


def dashed(svg: str) -> list[str]:
    """The colours of dashed lines."""
    found = (each for each in ElementTree.fromstring(svg).iter() if each.get("stroke-dasharray"))
    return [each.get("stroke", "") for each in found]


def paths(svg: str) -> list[str]:
    """The lines of curves."""
    return [each.get("d", "") for each in ElementTree.fromstring(svg).iter() if each.get("class") == "curve"]


def test_a_gap_in_the_data_is_one_in_the_curve() -> None:
    title = "Resident memory, by run"
    whole = shown(RESOURCE, title, 1e6, 2e6, 3e6, 4e6, labels={"run_id": "a"})
    broken = shown(RESOURCE, title, 1e6, 2e6, float("nan"), 3e6, 4e6, labels={"run_id": "a"})
    assert [len(paths(svg)) for svg in (whole, broken)] == [1, 2]


def test_a_run_that_was_scraped_once_is_a_dot() -> None:
    svg = shown(RESOURCE, "Resident memory, by run", 1e6, labels={"run_id": "a"})
    assert paths(svg) == []
    assert "dots" in colors(svg, "class")


def test_columns_of_runs_that_failed_are_red() -> None:
    labels = {"result": "Failed", "reason": "OOMKilled"}
    assert "#f2495c" in colors(shown(FLEET, "Runs that ended, by result and reason", 0.0, 1.0, labels=labels))


def test_a_bucket_shows_only_what_is_in_it_and_not_what_is_below() -> None:
    title = "Fetching a version, spread"
    panel, asked = query(RESOURCE, title)
    buckets = {"0.1": 0.3, "0.25": 0.1 + 0.2, "0.5": 0.4, "+Inf": 0.4}
    series = [Series(asked, {"le": le}, ((START + asked.step_seconds, value),)) for le, value in buckets.items()]
    svg = drawn(only(RESOURCE, title), {panel: series})
    cells = [each for each in ElementTree.fromstring(svg).iter() if each.get("fill") == "#ff9830"]
    assert len(cells) == 2
    assert {"100 ms", "250 ms", "500 ms"} <= {*texts(svg)}


def test_what_was_the_case_is_drawn_from_when_to_when() -> None:
    svg = shown(RESOURCE, "Conditions over time", 1.0, 1.0, 0.0, 0.0, ref="A")
    spans = [each for each in ElementTree.fromstring(svg).iter() if each.get("fill-opacity") == "0.85"]
    assert [each.get("fill") for each in spans] == ["#73bf69", "#f2495c"]


def test_pods_whose_names_differ_at_their_ends_are_told_apart() -> None:
    pod = "collectionsync-server-5b5795c4f4-74zs2"
    assert pod in texts(shown(SERVER, "Database, by pod", 1.0, 1.0, labels={"pod": pod}))


def test_answers_have_the_colour_of_what_their_status_is_about() -> None:
    codes = {"200": "#73bf69", "304": "#5794f2", "404": "#ff9830", "503": "#f2495c"}
    for code, color in codes.items():
        assert color in colors(shown(SERVER, "Requests by status", 1.0, 2.0, labels={"code": code}), "stroke")


@every_page
def test_a_picture_of_a_page_that_is_full_is_light(page: Page) -> None:
    answers: dict[int, list[Series]] = {}
    for each in queries(page, VALUES[page["uid"]]):
        labels = {**OURS, "run_id": "0123456789", "le": "0.1", "reason": "Succeeded", "result": "Succeeded"}
        points = tuple((START + 2 * index, float(index // 5 % 7)) for index in range(300))
        panel, _ = query(page, each.panel, each.ref)
        answers.setdefault(panel, []).append(Series(each, labels, points[-1:] if each.instant else points))
    assert 20_000 < len(drawn(page, answers).encode()) < 400_000
