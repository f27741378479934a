"""Each alert is a file with all that somebody needs who is woken by it, and has a runbook of the same name."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from alerts.situations import SITUATIONS
from chart.rendering import CHART
from collectionsync.status import ConditionType, Reason
from docs.pages import ROOT, blocks, code, commands, links, read
from docs.test_metrics import documented

FILES = sorted(CHART.glob("files/alerts/*"))
RUNBOOKS = sorted(ROOT.glob("docs/runbooks/*.md"))
INDEX = "docs/runbooks/README.md"
PAGES = [page for page in RUNBOOKS if page.name != "README.md"]
HEADINGS = ["Meaning", "Impact", "Diagnosis", "Mitigation", "When it ends"]
VARIABLES = {"NAMESPACE", "NAME", "OPERATOR_NAMESPACE", "SERVER_NAMESPACE"}


def stem(path: Path) -> str:
    return path.stem


def alert(file: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(file.read_text())
    return found


def typed(page: Path) -> list[str]:
    """The commands of a page, those within lists included."""
    return commands(re.sub(r"^  (?=```|\$ )", "", page.read_text(), flags=re.MULTILINE))


def metrics(text: str) -> set[str]:
    """The names of the project's metrics in an expression or a page; those of a histogram by what they belong to."""
    return {re.sub(r"_(bucket|count|sum)$", "", name) for name in re.findall(r"\bcollectionsync_[a-z_]+", text)}


@pytest.fixture(scope="module")
def known() -> set[str]:
    return {*documented("The operator"), *documented("A worker"), *documented("A server")}


@pytest.mark.parametrize("file", FILES, ids=stem)
def test_a_file_is_one_alert_and_is_called_like_it(file: Path) -> None:
    rule = alert(file)
    assert list(rule) == ["alert", "expr", "for", "labels", "annotations"]
    assert rule["alert"].startswith("CollectionSync")
    words = re.findall(r"OOM|[A-Z][a-z]+", rule["alert"])
    assert "".join(words) == rule["alert"]
    assert file.name == "-".join(words).lower() + ".yaml"


@pytest.mark.parametrize("file", FILES, ids=stem)
def test_an_alert_says_how_bad_it_is_and_what_it_is(file: Path) -> None:
    rule = alert(file)
    assert set(rule["labels"]) == {"severity"}
    assert rule["labels"]["severity"] in {"critical", "warning", "info"}
    assert set(rule["annotations"]) == {"summary", "description"}
    assert all(rule["annotations"].values())


@pytest.mark.parametrize("file", FILES, ids=stem)
def test_an_alert_asks_for_metrics_that_there_are(file: Path, known: set[str]) -> None:
    rule = alert(file)
    assert metrics(rule["expr"]), "it asks for something"
    assert metrics(rule["expr"] + rule["annotations"]["description"]) <= known


def test_the_situations_are_told_in_metrics_that_there_are(known: set[str]) -> None:
    assert metrics(" ".join(series for each in SITUATIONS for series in each.series)) <= known


def test_each_alert_has_a_runbook_and_each_runbook_an_alert() -> None:
    assert FILES
    assert [page.stem for page in PAGES] == [file.stem for file in FILES]


def test_the_index_leads_to_each_runbook_by_the_name_of_its_alert_and_says_how_bad_it_is() -> None:
    text = read(INDEX)
    assert [link for link in links(text) if "#" not in link and "/" not in link] == [page.name for page in PAGES]
    for file in FILES:
        rule = alert(file)
        row = rf"^\| \[{rule['alert']}\]\({file.stem}\.md\) \| {rule['labels']['severity']} \| {rule['for']} \|"
        assert re.search(row, text, re.MULTILINE), row


@pytest.mark.parametrize("page", PAGES, ids=stem)
def test_a_runbook_answers_what_somebody_asks_who_was_woken(page: Path) -> None:
    text = page.read_text()
    assert re.findall(r"^# (.+)$", text, re.MULTILINE) == [alert(CHART / f"files/alerts/{page.stem}.yaml")["alert"]]
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == HEADINGS
    assert typed(page)
    assert "promql" not in text or blocks(text, "promql")


@pytest.mark.parametrize("page", RUNBOOKS, ids=stem)
def test_commands_name_what_they_are_about_by_the_same_variables(page: Path) -> None:
    used = set(re.findall(r"\$\{?([A-Z_]+)\b", " ".join(typed(page))))
    assert used <= VARIABLES
    assert used or page.name == "README.md"
    assert not re.findall(r"<[a-z-]+>", page.read_text()), "one way to write what has to be filled in is enough"


@pytest.mark.parametrize("page", RUNBOOKS, ids=stem)
def test_a_runbook_speaks_of_metrics_that_there_are(page: Path, known: set[str]) -> None:
    assert metrics(page.read_text()) <= known


@pytest.mark.parametrize("page", RUNBOOKS, ids=stem)
def test_what_a_runbook_calls_a_reason_or_a_condition_is_one(page: Path) -> None:
    words = {word for each in code(page.read_text()) for word in re.findall(r"^[A-Z][a-zA-Z]+$", each)}
    of_kubernetes = {"Job", "Pod", "Pending", "ContainerCreating", "ImagePullBackOff", "True", "Unschedulable"}
    assert words <= {*Reason, *ConditionType, *of_kubernetes, "CollectionSync", "Skip", "Fail"}
