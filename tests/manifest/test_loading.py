"""One manifest becomes one resource, from JSON, from YAML, and from what a cluster answers."""

from pathlib import Path

import msgspec
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from collectionsync import manifest_yaml
from collectionsync.manifest import MAX_MANIFEST_BYTES, ManifestError, from_object, load
from manifest.samples import COLLECTION, Manifest, encoded, manifest

EXAMPLE = Path(__file__).parents[2] / "examples" / "collectionsync.yaml"


def problem(data: bytes) -> ManifestError:
    with pytest.raises(ManifestError) as caught:
        load(data)
    return caught.value


def test_json_and_yaml_of_one_manifest_are_the_same_resource() -> None:
    document = manifest(interval="6h")
    assert load(encoded(document)) == load(yaml.safe_dump(document).encode())


def test_the_example_is_a_manifest() -> None:
    assert load(EXAMPLE.read_bytes()).metadata.name == "community"


def test_fields_are_read_by_their_camel_case_names() -> None:
    spec = load(encoded(manifest(onError="Fail", fetch={"maxInFlight": "8Mi"}))).spec
    assert (spec.on_error, spec.fetch.max_in_flight) == ("Fail", "8Mi")


def test_the_namespace_is_default_where_the_manifest_names_none() -> None:
    assert load(encoded(manifest())).metadata.namespace == "default"


def test_metadata_and_status_that_a_cluster_adds_are_passed_over() -> None:
    document = manifest() | {"status": {"observedGeneration": 3, "later": [1]}}
    document["metadata"] |= {
        "uid": "d9607e19",
        "generation": 3,
        "resourceVersion": "812",
        "managedFields": [{"manager": "kubectl", "fieldsV1": {"f:spec": {}}}],
        "ownerReferences": [{"kind": "Application"}],
        "labels": {"team": "platform"},
    }
    assert load(encoded(document)).spec == load(encoded(manifest())).spec
    assert from_object(document).metadata.generation == 3


def test_a_resource_that_is_encoded_is_a_manifest_again() -> None:
    resource = from_object(manifest(podTemplate={"nodeSelector": {"disk": "ssd"}}) | {"status": {"conditions": []}})
    assert load(msgspec.json.encode(resource)) == resource


def test_a_byte_order_mark_and_white_space_are_no_part_of_it() -> None:
    assert load(b"\xef\xbb\xbf\n  " + encoded(manifest()) + b"\n").metadata.name == "community"


def test_empty_documents_around_the_manifest_do_not_count() -> None:
    assert load(b"---\n---\n" + yaml.safe_dump(manifest()).encode() + b"---\n").metadata.name == "community"


def test_an_unquoted_date_stays_a_text() -> None:
    text = yaml.safe_dump(manifest()).replace(
        "name: community.general", "name: community.general\n    version: 2026-01-01"
    )
    collections = load(text.encode()).spec.collections
    assert collections is not None
    assert collections[0].version == "2026-01-01"


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "the manifest is empty"),
        (b" \n\t", "the manifest is empty"),
        (b"# only a comment\n", "the manifest is empty"),
        (b"\xff\xfe\x00{", "the manifest is not text in UTF-8 (byte 0)"),
        (b"{", "the manifest starts with { and is not JSON: Input data was truncated"),
        (b"a: b: c", "the manifest is not YAML: mapping values are not allowed in this context (line 1, column 5)"),
        (b"- a", "the manifest is no mapping; expected apiVersion, kind, metadata and spec"),
        (b"hello", "the manifest is no mapping; expected apiVersion, kind, metadata and spec"),
        (b"a: 1\n---\nb: 2", "the manifest holds 2 documents; pass one, and no more"),
        (b"a: 1\nb: 2\na: 3", "line 3: 'a' is given twice in one mapping"),
        (b"? [a]\n: b", "line 1: a key must be plain text"),
        (b"[" * 100_000, "the manifest is nested too deeply"),
        (b'{"a":' * 100_000, "the manifest is nested too deeply"),
        (b"#" * (MAX_MANIFEST_BYTES + 1), "the manifest is larger than 1572864 bytes, which no cluster would take"),
    ],
)
def test_what_is_no_manifest_at_all_is_refused_as_a_whole(data: bytes, sentence: str) -> None:
    error = problem(data)
    assert (error.path, str(error)) == ("", sentence)


@pytest.mark.parametrize("text", ["a: !!python/name:os.system x", "a: !!timestamp x", "a: !!binary AAA="])
def test_yaml_constructs_nothing_but_what_json_has(text: str) -> None:
    assert "could not determine a constructor" in str(problem(text.encode()))


@pytest.mark.parametrize(
    ("text", "path", "sentence"),
    [
        ("kind: CollectionSync", "apiVersion", "apiVersion: missing; expected collectionsync.dev/v1alpha1"),
        (
            "apiVersion: apps/v1\nkind: CollectionSync",
            "apiVersion",
            "apiVersion: expected collectionsync.dev/v1alpha1, found 'apps/v1'",
        ),
        ("apiVersion: collectionsync.dev/v1alpha1\nkind: 3", "kind", "kind: expected CollectionSync, found no text"),
        (
            "apiVersion: v1\nkind: List\nitems: []",
            "kind",
            "kind: a List holds several objects; pass one CollectionSync in a manifest",
        ),
        (
            "apiVersion: collectionsync.dev/v1alpha1\nkind: CollectionSync",
            "metadata",
            "metadata: missing, and it is required",
        ),
    ],
)
def test_something_else_than_a_collectionsync_is_refused(text: str, path: str, sentence: str) -> None:
    error = problem(text.encode())
    assert (error.path, str(error)) == (path, sentence)


@pytest.mark.parametrize("place", ["kind", "metadata", "spec", "status"])
def test_aliases_that_multiply_cost_nothing(place: str) -> None:
    bomb = ["a0: &a0 [x]"] + [f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 9)}]" for level in range(1, 40)]
    head = ["apiVersion: collectionsync.dev/v1alpha1", "kind: CollectionSync"]
    lines = [line for line in head if not line.startswith(place)]
    assert len(str(problem("\n".join([*lines, *bomb, f"{place}: *a39"]).encode()))) < 200


def test_merges_that_multiply_cost_nothing() -> None:
    bomb = ["a0: &a0 {k: 1}"] + [
        f"a{level}: &a{level} {{<<: [*a{level - 1}, *a{level - 1}]}}" for level in range(1, 60)
    ]
    assert "the merges (<<) make too much of it" in str(problem("\n".join(bomb).encode()))


def test_a_mapping_that_merges_itself_is_refused() -> None:
    assert str(problem(b"a: &a {<<: *a}")) == "the manifest is nested too deeply"


def test_what_is_merged_gives_way_to_what_stands_beside_it_even_where_that_is_merged_before_it_is_read() -> None:
    text = "deep: {down: {below: &own {<<: {name: merged, kept: 1}, name: own}}}\nabove: {<<: *own}\n"
    own = {"name": "own", "kept": 1}
    assert manifest_yaml.document(text) == {"deep": {"down": {"below": own}}, "above": own}


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_any_bytes_are_a_manifest_or_refused(data: bytes) -> None:
    with pytest.raises(ManifestError):
        load(data)


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
_FIELDS = st.sampled_from(["collections", "all", "exclude", "fetch", "timeout", "target", "podTemplate", "resources"])


def refusal(document: Manifest) -> ManifestError | None:
    try:
        load(encoded(document))
    except ManifestError as error:
        return error
    return None


def refusal_of_object(document: Manifest) -> ManifestError | None:
    try:
        from_object(document)
    except ManifestError as error:
        return error
    return None


@given(_FIELDS, _VALUES)
def test_any_value_of_a_field_is_accepted_or_refused_with_a_path(field: str, value: object) -> None:
    error = refusal(manifest(**{field: value}))
    assert error is None or error.path.startswith("spec")


@given(_VALUES)
def test_json_and_a_clusters_answer_are_judged_alike(value: object) -> None:
    document = manifest(collections=[COLLECTION, value])
    assert str(refusal(document)) == str(refusal_of_object(document))
