"""What docs/collectionsync.md shows of a spec is taken as it stands there, and no field is left out."""

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
import yaml

from collectionsync.manifest import from_object
from collectionsync.resource import ArtifactStore, CollectionRequirement
from collectionsync.source import Source, Timeouts
from docs.pages import blocks, code, read, section
from manifest.samples import Manifest, manifest

SPEC = section(read("docs/collectionsync.md"), "Writing a spec")
PARTS = [yaml.safe_load(block)["spec"] for block in blocks(SPEC, "yaml")]


def keys(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        for each in value:
            yield from keys(each)
    elif isinstance(value, dict):
        for name, each in value.items():
            yield name
            yield from keys(each)


@pytest.mark.parametrize("part", PARTS, ids=lambda part: ",".join(part))
def test_a_part_of_a_spec_that_is_shown_can_be_used(part: Manifest) -> None:
    selected = {"all", "requirementsFrom"} & set(part)
    assert from_object(manifest(**({"collections": None} if selected else {}), **part)).spec


@pytest.mark.parametrize("struct", [Source, Timeouts, CollectionRequirement, ArtifactStore])
def test_every_field_is_shown_or_named(struct: type[msgspec.Struct]) -> None:
    told = {word for each in code(SPEC) for word in each.removeprefix(".spec.").replace(":", ".").split(".")}
    shown = set(keys(PARTS))
    assert {field.encode_name for field in msgspec.structs.fields(struct)} <= told | shown
