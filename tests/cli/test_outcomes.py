"""What a run that goes well tells: by its exit code, its report, and what it did not ask for again."""

import json
import re
import subprocess
from typing import Any

import pytest

from commandline import Commands
from serving import Serve
from syncing import manifest, names, published
from testgalaxy import Catalog, Version, small_catalog

pytestmark = pytest.mark.slow

FIELDS = {
    "result",
    "reason",
    "message",
    "startTime",
    "durationSeconds",
    "baseRssBytes",
    "peakRssBytes",
    "memoryLimitBytes",
    "cgroupPeakBytes",
    "fetchedBytes",
    "requests",
    "retries",
    "versions",
    "documents",
    "artifacts",
    "skipped",
    "warnings",
    "revision",
    "content",
}


def tools(count: int = 5, *, docs: int = 20_000) -> Catalog:
    return small_catalog({"acme.tools": [f"1.{minor}.0" for minor in range(count)]}, docs=docs)


async def test_a_sync_that_succeeds_exits_with_0_and_publishes_everything(
    commands: Commands, serve: Serve, database: str
) -> None:
    galaxy = await serve(tools())
    ended = await commands.sync(manifest(galaxy.url, "acme.tools"), database=database)
    assert ended.code == 0, ended.err
    assert await published(database) == names(galaxy.catalog)


async def test_the_report_has_every_field_by_its_name_in_camel_case(
    commands: Commands, serve: Serve, database: str
) -> None:
    galaxy = await serve(tools())
    report = (await commands.sync(manifest(galaxy.url, "acme.tools"), database=database)).report
    assert report is not None
    assert report.keys() == FIELDS
    assert report["versions"].keys() == {
        "discovered",
        "created",
        "unchanged",
        "skipped",
        "failed",
        "removed",
        "excluded",
    }
    assert report["artifacts"].keys() == {"created", "bytes"}
    assert report["documents"].keys() == {"created", "bytes"}
    assert report["content"].keys() == {"versions", "collections", "bytes"}


def documents_bytes(version: Version) -> int:
    parts = (version.metadata, version.manifest, version.files, version.docs)
    return sum(part.size for part in parts if part is not None)


async def test_the_report_tells_the_facts_of_the_run(commands: Commands, serve: Serve, database: str) -> None:
    galaxy = await serve(tools())
    report = (await commands.sync(manifest(galaxy.url, "acme.tools"), database=database)).report
    assert report is not None
    assert (report["result"], report["reason"], report["skipped"]) == ("Succeeded", "Succeeded", [])
    assert report["versions"] == {
        "discovered": 5,
        "created": 5,
        "unchanged": 0,
        "skipped": 0,
        "failed": 0,
        "removed": 0,
        "excluded": 0,
    }
    stored_bytes = sum(map(documents_bytes, galaxy.catalog))
    assert report["documents"] == {"created": 20, "bytes": stored_bytes}
    assert report["content"] == {"versions": 5, "collections": 1, "bytes": stored_bytes}
    assert report["requests"] == len(galaxy.requests)
    assert report["fetchedBytes"] == sum(request.bytes for request in galaxy.requests if request.status == 200)
    assert report["retries"] == 0
    assert report["memoryLimitBytes"] <= 64 * 1024 * 1024
    assert 0 < report["baseRssBytes"] <= report["peakRssBytes"]
    assert report["durationSeconds"] > 0
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", report["startTime"])
    assert re.fullmatch(r"[0-9a-f]{64}", report["revision"])


async def test_the_revision_is_the_same_for_the_same_content(commands: Commands, serve: Serve, database: str) -> None:
    galaxy = await serve(tools())
    revisions = set()
    for repository in ("one", "two"):
        document = manifest(galaxy.url, "acme.tools", target={"repository": repository})
        report = (await commands.sync(document, database=database)).report
        assert report is not None
        revisions.add(report["revision"])
    assert len(revisions) == 1


async def test_a_report_of_many_failures_stays_within_4096_bytes(
    commands: Commands, serve: Serve, database: str
) -> None:
    galaxy = await serve(tools(1))
    missing = [f"acme.missing_{'x' * 50}_{number}" for number in range(120)]
    running = commands.start_sync(manifest(galaxy.url, "acme.tools", *missing), database=database)
    ended = await running.ended()
    assert ended.report is not None
    assert ended.report["versions"]["skipped"] == 120
    assert 0 < len(ended.report["skipped"]) < 120
    assert len(running.report_path.read_bytes()) <= 4096


async def test_a_second_run_changes_nothing_and_costs_next_to_nothing(
    commands: Commands, serve: Serve, database: str
) -> None:
    galaxy = await serve(tools(40))
    document = manifest(galaxy.url, "acme.tools")
    first = (await commands.sync(document, database=database)).report
    second = await commands.sync(document, database=database)
    assert first is not None
    assert second.report is not None
    assert (second.code, second.report["result"], second.report["revision"]) == (0, "NoChange", first["revision"])
    assert second.report["requests"] < 0.1 * first["requests"]
    assert second.report["fetchedBytes"] < 0.05 * first["fetchedBytes"]
    assert second.report["versions"]["unchanged"] == 40
    assert second.report["content"] == first["content"]


async def test_what_cannot_be_had_is_named_and_the_exit_code_is_still_0(
    commands: Commands, serve: Serve, database: str
) -> None:
    galaxy = await serve(tools())
    ended = await commands.sync(manifest(galaxy.url, "acme.tools", "acme.missing"), database=database)
    assert ended.report is not None
    assert (ended.code, ended.report["result"]) == (0, "Partial")
    assert ended.report["skipped"] == [{"name": "acme.missing", "version": "*", "reason": "NotFound"}]


async def test_on_error_fail_exits_with_65_and_publishes_nothing(
    commands: Commands, serve: Serve, database: str
) -> None:
    galaxy = await serve(tools())
    document = manifest(galaxy.url, "acme.tools", "acme.missing", onError="Fail")
    ended = await commands.sync(document, database=database)
    assert ended.report is not None
    assert (ended.code, ended.report["result"], ended.report["reason"]) == (65, "Failed", "NotFound")
    assert ended.report["content"] is None
    assert await published(database) == []


def as_yaml(document: dict[str, Any]) -> bytes:
    spec = document["spec"]
    return f"""---
apiVersion: collectionsync.dev/v1alpha1
kind: CollectionSync
metadata:
  name: mirror
spec:
  # a comment is what JSON does not have
  source:
    url: {spec["source"]["url"]}
    insecure: true
  collections:
  - name: acme.tools
""".encode()


@pytest.mark.parametrize("encode", [as_yaml, lambda document: json.dumps(document).encode()], ids=["yaml", "json"])
async def test_a_manifest_comes_from_standard_input(
    commands: Commands, serve: Serve, database: str, encode: Any
) -> None:
    galaxy = await serve(tools())
    running = commands.start_sync("-", database=database, stdin=subprocess.PIPE)
    assert running.process.stdin is not None
    running.process.stdin.write(encode(manifest(galaxy.url, "acme.tools")))
    running.process.stdin.close()
    ended = await running.ended()
    assert ended.code == 0, ended.err
    assert await published(database) == names(galaxy.catalog)


async def test_a_manifest_in_yaml_comes_from_a_file(commands: Commands, serve: Serve, database: str) -> None:
    galaxy = await serve(tools())
    file = commands.folder / "mirror.yaml"
    file.write_bytes(as_yaml(manifest(galaxy.url, "acme.tools")))
    assert (await commands.sync(file, database=database)).code == 0
    assert await published(database) == names(galaxy.catalog)
