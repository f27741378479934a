"""The document about what is in the image is made of those about its parts."""

import json
from pathlib import PurePosixPath
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from release.sbom import Document, combined, is_inventory

DIGEST = "sha256:" + "5" * 64


def part(name: str, *, needs: str = "") -> Document:
    root = {"ref": f"root of {name}", "dependsOn": [name]}
    return {
        "metadata": {"tools": {"components": [{"type": "application", "name": f"tool of {name}"}]}},
        "components": [{"type": "library", "bom-ref": name, "name": name, "version": "1"}],
        "dependencies": [root, {"ref": name, "dependsOn": [needs]} if needs else {"ref": name}],
    }


def both(**changed: Any) -> Document:
    given = {"digest": DIGEST, "version": "1.2.3", "time": 1_700_000_000, **changed}
    return combined([part("libc"), part("aiohttp", needs="libc")], **given)


def test_the_document_keeps_to_the_standard() -> None:
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(json.dumps(both())) is None


def test_the_image_is_its_subject_and_consists_of_all_the_parts() -> None:
    document = both()
    subject = document["metadata"]["component"]
    assert (subject["type"], subject["version"]) == ("container", "1.2.3")
    assert subject["purl"] == f"pkg:oci/collectionsync@sha256%3A{'5' * 64}?tag=1.2.3"
    assert document["dependencies"] == [
        {"ref": subject["bom-ref"], "dependsOn": ["aiohttp", "libc"]},
        {"ref": "libc"},
        {"ref": "aiohttp", "dependsOn": ["libc"]},
    ]


def test_every_tool_is_named() -> None:
    tools = both()["metadata"]["tools"]["components"]
    assert [tool["name"] for tool in tools] == ["tool of libc", "tool of aiohttp"]


@pytest.mark.parametrize("changed", [{"digest": "sha256:" + "6" * 64}, {"time": 1_700_000_001}])
def test_another_image_has_another_serial_number(changed: dict[str, Any]) -> None:
    assert both(**changed)["serialNumber"] != both()["serialNumber"] == both()["serialNumber"]


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("var/lib/dpkg/status", True),
        ("opt/collectionsync/lib/python3.13/site-packages/kopf-1.45.2.dist-info/METADATA", True),
        ("var/lib/dpkg/status-old", False),
        ("opt/collectionsync/lib/python3.13/site-packages/kopf/__init__.py", False),
    ],
)
def test_only_what_tells_of_packages_is_read(path: str, expected: bool) -> None:
    assert is_inventory(PurePosixPath(path)) == expected
