"""What is said of the resource is what it is: its fields, its conditions, its reasons, and manifests that load."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from collectionsync.manifest import load
from collectionsync.resource import KIND, Spec
from collectionsync.status import ConditionType, Reason, Status
from docs.pages import PAGES, blocks, code, name, read, rows, section

PAGE = "docs/collectionsync.md"


def documented(heading: str) -> list[str]:
    """What the first column of the table below a heading names."""
    return [each for row in rows(section(read(PAGE), heading)) for each in code(row[0])]


def names(struct: type[msgspec.Struct]) -> list[str]:
    """The fields of a struct as a manifest spells them."""
    return [field.encode_name for field in msgspec.structs.fields(struct)]


def manifests(page: Path) -> list[str]:
    return [block for block in blocks(page.read_text(), "yaml") if f"kind: {KIND}\n" in block]


def test_every_reason_is_in_the_table_once_and_no_other() -> None:
    assert sorted(documented("Reasons")) == sorted(Reason)


def test_the_runbook_of_a_resource_that_is_not_ready_says_what_to_do_about_every_reason() -> None:
    told = set(code(section(read("docs/runbooks/collection-sync-not-ready.md"), "Mitigation")))
    of_no_failure = {Reason.SUCCEEDED, Reason.NO_CHANGE, Reason.ITEMS_SKIPPED, Reason.QUEUED, Reason.SUSPENDED}
    of_other_conditions = {Reason.NEAR_LIMIT, Reason.STARTING_DEADLINE_EXCEEDED}
    assert set(Reason) - of_no_failure - of_other_conditions <= told


def test_every_condition_is_in_the_table_once_and_no_other() -> None:
    assert documented("Conditions") == list(ConditionType)


def test_every_field_of_the_status_is_in_the_table_once_and_no_other() -> None:
    assert sorted(documented("Fields")) == sorted(names(Status))


@pytest.mark.parametrize("field", names(Spec))
def test_every_field_of_the_spec_is_named(field: str) -> None:
    told = code(section(read(PAGE), "Writing a spec"))
    assert any(
        each.removeprefix(".").removeprefix("spec.").partition(".")[0].partition(":")[0] == field for each in told
    )


@pytest.mark.parametrize("page", [page for page in PAGES if manifests(page)], ids=name)
def test_a_manifest_that_is_shown_can_be_used(page: Path) -> None:
    for manifest in manifests(page):
        load(manifest.encode())


def test_the_readme_shows_a_part_of_the_example() -> None:
    (shown,) = blocks(read("README.md"), "yaml")
    assert is_part(yaml.safe_load(shown), yaml.safe_load(read("examples/collectionsync.yaml")))


def is_part(shown: Any, whole: Any) -> bool:
    """Whether each field that is shown is there with the same value."""
    if isinstance(shown, dict):
        return isinstance(whole, dict) and all(key in whole and is_part(shown[key], whole[key]) for key in shown)
    return bool(shown == whole)
