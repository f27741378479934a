"""Whatever a resource can ask for is taken as it is, by its name and nested where it belongs."""

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from msgspec import inspect

from collectionsync.manifest import from_object, load
from collectionsync.pod_template import PodTemplate
from collectionsync.resource import Spec
from manifest.features import FEATURES
from manifest.samples import Manifest, encoded, manifest


def fields(at: inspect.Type, path: str) -> Iterator[str]:
    """Every field that there is below `at`, with its path; those of a pod are Kubernetes' own."""
    if isinstance(at, inspect.Metadata):
        yield from fields(at.type, path)
    elif isinstance(at, inspect.UnionType):
        for each in at.types:
            yield from fields(each, path)
    elif isinstance(at, inspect.VarTupleType):
        yield from fields(at.item_type, f"{path}[]")
    elif isinstance(at, inspect.StructType) and at.cls is not PodTemplate:
        for field in at.fields:
            yield f"{path}.{field.encode_name}"
            yield from fields(field.type, f"{path}.{field.encode_name}")


def paths(value: Any, path: str) -> Iterator[str]:
    """Every field that a manifest sets, with its path."""
    if isinstance(value, list):
        for each in value:
            yield from paths(each, f"{path}[]")
    elif isinstance(value, dict):
        for name, each in value.items():
            yield f"{path}.{name}"
            yield from paths(each, f"{path}.{name}")


@pytest.mark.parametrize("fields", FEATURES.values(), ids=FEATURES)
def test_what_can_be_asked_for_is_accepted(fields: Manifest) -> None:
    assert load(encoded(manifest(**fields))) == from_object(manifest(**fields))


def test_every_field_is_set_by_one_of_them() -> None:
    known = set(fields(inspect.type_info(Spec), "spec"))
    # The sources besides the first are like it.
    alike = {
        path for path in known if path.startswith("spec.sources[].") and path.replace("sources[]", "source") in known
    }
    assert known - alike <= {path for spec in FEATURES.values() for path in paths(spec, "spec")}


def test_what_a_cluster_fills_in_means_what_a_manifest_without_it_means() -> None:
    filled = from_object(manifest(**FEATURES["defaults that a cluster has filled in"])).spec
    assert filled == from_object(manifest()).spec


def test_a_spec_that_is_written_again_is_the_same() -> None:
    for spec in FEATURES.values():
        resource = from_object(manifest(**spec))
        assert load(msgspec.json.encode(resource)) == resource
