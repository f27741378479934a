"""What keeps every run of a resource from starting: nowhere to put its artifacts, told before there is a Job."""

from dataclasses import replace
from typing import Any

import pytest

from collectionsync.controller.faults import fault
from collectionsync.controller.jobs import JobDefaults
from collectionsync.resource import ArtifactStore
from collectionsync.status import Reason
from controller.planning import decide, is_true, ready, seen
from controller.samples import DEFAULTS, STORE, resource

FULL: dict[str, Any] = {"contentPolicy": "Full"}


def installed_with(url: str) -> JobDefaults:
    return replace(DEFAULTS, artifacts=ArtifactStore(url=url))


def test_metadata_need_no_object_store() -> None:
    assert fault(resource(), DEFAULTS) is None
    assert fault(resource(), installed_with("file:///srv")) is None


def test_artifacts_need_an_object_store_of_the_resource_or_of_the_operator() -> None:
    found = fault(resource(**FULL), DEFAULTS)
    assert found is not None
    assert found.reason == Reason.ARTIFACT_STORE_MISSING
    assert "spec.target.artifacts" in found.message
    assert "artifacts.url" in found.message
    assert fault(resource(**FULL), replace(DEFAULTS, artifacts=STORE)) is None
    assert fault(resource(**FULL, target={"artifacts": {"url": "s3://own"}}), DEFAULTS) is None


@pytest.mark.parametrize("url", ["file:///srv/artifacts", "FILE:///srv/artifacts"])
def test_a_folder_is_no_object_store_for_jobs_whoever_names_it(url: str) -> None:
    found = fault(resource(**FULL), installed_with(url))
    assert found is not None
    assert found.reason == Reason.INVALID_SPEC
    assert "artifacts.url of the operator's chart" in found.message
    assert "s3://BUCKET/PREFIX" in found.message


def test_a_folder_that_the_resource_names_is_refused_with_its_path() -> None:
    given = resource(**FULL, target={"artifacts": {"url": "file:///srv/artifacts"}})
    found = fault(given, replace(DEFAULTS, artifacts=STORE))
    assert found is not None
    assert found.message.startswith("spec.target.artifacts.url: a Job has no folder that outlives it")


def test_no_job_is_started_and_the_resource_stalls_until_there_is_a_store() -> None:
    decided = decide(seen(fault=fault(resource(**FULL), DEFAULTS), **FULL))
    assert decided.start is None
    assert ready(decided.status) == ("False", "ArtifactStoreMissing")
    assert is_true(decided.status) == {"Stalled": "ArtifactStoreMissing"}
    again = decide(seen(status=decided.status, **FULL))
    assert again.start is not None
    assert again.start.trigger == "Spec/3"
