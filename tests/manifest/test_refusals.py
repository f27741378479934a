"""What a type refuses is told with its path, what was found, and what to write instead."""

import pytest

from collectionsync.manifest import ManifestError, from_object, load
from manifest.samples import COLLECTION, SOURCE, Manifest, encoded, manifest


def problem(document: Manifest) -> ManifestError:
    with pytest.raises(ManifestError) as caught:
        load(encoded(document))
    with pytest.raises(ManifestError) as again:
        from_object(document)
    assert str(again.value) == str(caught.value)
    return caught.value


@pytest.mark.parametrize(
    ("document", "sentence"),
    [
        (manifest(colections=[]), "spec.colections: unknown field; did you mean collections?"),
        (manifest(onerror="Skip"), "spec.onerror: unknown field; did you mean onError?"),
        (
            manifest(collections=[COLLECTION, {"name": "a.b", "verison": "1"}]),
            "spec.collections[1].verison: unknown field; did you mean version?",
        ),
        (
            manifest(target={"path": "x"}),
            "spec.target.path: unknown field; known: repository, databaseSecretRef, artifacts",
        ),
        (
            manifest(source=SOURCE | {"token": "hunter2"}),
            "spec.source.token: unknown field; credentials belong in the Secret that spec.source.secretRef names",
        ),
        (
            manifest(sources=[{"name": "hub", "url": "https://hub.example.com/", "password": "hunter2"}]),
            "spec.sources[0].password: unknown field; credentials belong in the Secret that spec.sources[0].secretRef"
            " names",
        ),
        (manifest() | {"sepc": {}}, "sepc: unknown field; did you mean spec?"),
    ],
)
def test_an_unknown_field_is_refused_with_its_path(document: Manifest, sentence: str) -> None:
    assert str(problem(document)) == sentence


@pytest.mark.parametrize(
    ("document", "path"),
    [
        (manifest(source=None), "spec.source"),
        (manifest(source={}), "spec.source.url"),
        (manifest(collections=[{}]), "spec.collections[0].name"),
        (manifest() | {"metadata": {}}, "metadata.name"),
    ],
)
def test_a_missing_field_is_refused_with_its_path(document: Manifest, path: str) -> None:
    assert str(problem(document)) == f"{path}: missing, and it is required"


@pytest.mark.parametrize(
    ("spec", "sentence"),
    [
        (
            {"collections": [{"name": "a.b", "version": 1.0}]},
            "spec.collections[0].version: must be a string, found 1.0; put it in quotes",
        ),
        ({"collections": ["a.b"]}, 'spec.collections[0]: must be a mapping, found "a.b"; write name: a.b'),
        ({"collections": {"a.b": "*"}}, "spec.collections: must be a list, found a mapping"),
        ({"dependencies": "yes"}, 'spec.dependencies: must be true or false, found "yes"'),
        ({"fetch": {"concurrency": "20"}}, 'spec.fetch.concurrency: must be a whole number, found "20"'),
        (
            {"resources": {"limits": {"memory": True}}},
            "spec.resources.limits.memory: must be a whole number or a string, found true; put it in quotes",
        ),
        (
            {"podTemplate": {"nodeSelector": {"a": "b", "example.com/ssd": True}}},
            "spec.podTemplate.nodeSelector[example.com/ssd]: must be a string, found true; put it in quotes",
        ),
    ],
)
def test_a_value_of_the_wrong_type_is_refused_with_what_was_found(spec: Manifest, sentence: str) -> None:
    assert str(problem(manifest(**spec))) == sentence


@pytest.mark.parametrize(
    ("spec", "sentence"),
    [
        ({"onError": "skip"}, 'spec.onError: must be Skip or Fail, found "skip"'),
        ({"contentPolicy": "all"}, 'spec.contentPolicy: must be Metadata or Full, found "all"'),
        (
            {"collections": [{"name": "a.b", "type": "hg"}]},
            'spec.collections[0].type: must be galaxy or git or url or file or dir or subdirs, found "hg"',
        ),
    ],
)
def test_an_unknown_word_is_refused_with_the_known_ones(spec: Manifest, sentence: str) -> None:
    assert str(problem(manifest(**spec))) == sentence


@pytest.mark.parametrize(
    ("spec", "sentence"),
    [
        (
            {"collections": [{"name": "Community.General"}]},
            'spec.collections[0].name: must look like community.general, found "Community.General"',
        ),
        ({"timeout": "30 minutes"}, 'spec.timeout: must look like 1h30m, found "30 minutes"'),
        (
            {"sources": [{"name": "my hub", "url": "https://hub.example.com/"}]},
            'spec.sources[0].name: must look like automation_hub, found "my hub"',
        ),
        (
            {"source": SOURCE | {"headers": [{"name": "X-Mirror:", "value": "a"}]}},
            'spec.source.headers[0].name: must look like X-Forwarded-For, found "X-Mirror:"',
        ),
        (
            {"source": SOURCE | {"headers": [{"name": "X-Mirror", "value": "a\r\nHost: b"}]}},
            'spec.source.headers[0].value: must look like mirror of example.org, found "a\\r\\nHost: b"',
        ),
        (
            {"collections": [{"name": "a.b", "version": "1.0.0", "signatures": ["file:///etc/passwd"]}]},
            "spec.collections[0].signatures[0]: must look like https://example.com/manifest.asc, found"
            ' "file:///etc/passwd"',
        ),
        ({"timeZone": "Central European"}, 'spec.timeZone: must look like Europe/Zurich, found "Central European"'),
        ({"target": {"repository": "../etc"}}, 'spec.target.repository: must look like community, found "../etc"'),
        (
            {"source": SOURCE | {"secretRef": {"name": "../../etc"}}},
            'spec.source.secretRef.name: must look like galaxy-mirror, found "../../etc"',
        ),
    ],
)
def test_a_malformed_text_is_refused_with_an_example(spec: Manifest, sentence: str) -> None:
    assert str(problem(manifest(**spec))) == sentence


@pytest.mark.parametrize(
    ("spec", "sentence"),
    [
        ({"fetch": {"concurrency": 0}}, "spec.fetch.concurrency: must be at least 1, found 0"),
        ({"fetch": {"concurrency": 101}}, "spec.fetch.concurrency: must be at most 100, found 101"),
        ({"source": SOURCE | {"rateLimit": 0}}, "spec.source.rateLimit: must be more than 0, found 0"),
        ({"latest": 0}, "spec.latest: must be at least 1, found 0"),
        ({"maxSkipped": "1000%"}, "spec.maxSkipped: longer than 4 characters"),
        (
            {"collections": [{"name": f"a.{'b' * 65}"}]},
            f'spec.collections[0].name: must look like community.general, found "a.{"b" * 57}…',
        ),
        ({"collections": []}, "spec.collections: must not be empty"),
        ({"collections": [COLLECTION] * 501}, "spec.collections: more than 500 entries"),
        ({"suspend": True, "suspendReason": "x" * 257}, "spec.suspendReason: longer than 256 characters"),
        (
            {"podTemplate": {"metadata": {"labels": {"team": "x" * 64}}}},
            "spec.podTemplate.metadata.labels[team]: longer than 63 characters",
        ),
    ],
)
def test_a_value_out_of_bounds_is_refused_with_the_bound(spec: Manifest, sentence: str) -> None:
    assert str(problem(manifest(**spec))) == sentence


@pytest.mark.parametrize(
    ("spec", "path"),
    [
        ({"collections": [{"name": "a.b\n"}]}, "spec.collections[0].name"),
        ({"timeout": "30m\n"}, "spec.timeout"),
        (
            {"collections": [{"name": "a.b", "version": "1.0.0", "signatures": ["https://keys.example.com/a\n"]}]},
            "spec.collections[0].signatures",
        ),
        ({"target": {"repository": "community\n"}}, "spec.target.repository"),
    ],
)
def test_a_text_that_ends_in_a_line_break_is_refused(spec: Manifest, path: str) -> None:
    assert str(problem(manifest(**spec))) == f"{path}: ends in a line break; write it on one line"


def test_a_reason_to_suspend_may_end_in_a_line_break() -> None:
    assert load(encoded(manifest(suspend=True, suspendReason="upgrade\n"))).spec.suspend


def test_a_long_text_is_shown_in_part() -> None:
    assert len(str(problem(manifest(timeout="x" * 30)))) < 120
    assert len(str(problem(manifest(target={"repository": "X" * 63})))) < 140


def test_a_key_that_yaml_takes_for_something_else_is_refused() -> None:
    with pytest.raises(ManifestError, match="a key is not text; put it in quotes"):
        load(b"apiVersion: collectionsync.dev/v1alpha1\nkind: CollectionSync\nmetadata: {name: a}\nspec: {on: true}\n")
