"""Every rule of the CRD holds on the command line, too: beside each rule stand what it takes and what it refuses."""

from typing import Any

import pytest

from collectionsync.manifest import ManifestError, from_object, load
from collectionsync.rules import RULES
from manifest.samples import COLLECTION, SOURCE, Manifest, encoded, manifest

REQUIREMENTS = {"configMapKeyRef": {"name": "mirror", "key": "requirements.yml"}}


def named(name: str) -> Manifest:
    return manifest() | {"metadata": {"name": name}}


def at(url: str, **source: Any) -> Manifest:
    return manifest(source={"url": url} | source)


def limited(memory: str | int) -> Manifest:
    return manifest(resources={"limits": {"memory": memory}})


ACCEPTED: list[tuple[str, Manifest]] = [
    ("metadata.name: at most 52 characters", named("a" * 52)),
    ("exactly one of collections, all, requirementsFrom", manifest(all=False)),
    ("exactly one of collections, all, requirementsFrom", manifest(collections=None, all=True)),
    ("exactly one of collections, all, requirementsFrom", manifest(collections=None, requirementsFrom=REQUIREMENTS)),
    ("schedule and interval exclude each other", manifest(schedule="17 3 * * *")),
    ("interval: at least 1m", manifest(interval="60s")),
    ("timeout: at least 1s", manifest(timeout="1s")),
    ("jitter: must be a duration", manifest(jitter="0s")),
    ("startingDeadline: must be a duration", manifest(startingDeadline="1h")),
    ("suspendReason needs suspend: true", manifest(suspend=True, suspendReason="upgrade")),
    ("url: must be an http or https URL", at("https://[::1]:8443/api/")),
    ("url: credentials belong in the Secret of secretRef", at("https://galaxy.example.com/api/?a=b")),
    ("url: http needs insecure: true", at("http://galaxy.example.com/", insecure=True)),
    ("insecure: https excludes insecure: true", at("https://galaxy.example.com/", insecure=False)),
    ("maxInFlight: at least 1Mi", manifest(fetch={"maxInFlight": 1048576})),
    ("memory: at least 32Mi", limited("32Mi")),
    ("memory: at least 32Mi", limited(33554432)),
    ("memory: at least 32Mi", limited("0.5Gi")),
]
REFUSED: list[tuple[str, str, Manifest]] = [
    ("metadata.name: at most 52 characters", "metadata.name", named("a" * 53)),
    ("exactly one of collections, all, requirementsFrom", "spec", manifest(collections=None)),
    ("exactly one of collections, all, requirementsFrom", "spec", manifest(all=True)),
    ("exactly one of collections, all, requirementsFrom", "spec", manifest(requirementsFrom=REQUIREMENTS)),
    ("schedule and interval exclude each other", "spec", manifest(schedule="@daily", interval="6h")),
    ("interval: at least 1m", "spec.interval", manifest(interval="59s")),
    ("timeout: at least 1s", "spec.timeout", manifest(timeout="0s")),
    ("jitter: must be a duration", "spec.jitter", manifest(jitter="9999999999999h")),
    ("startingDeadline: must be a duration", "spec.startingDeadline", manifest(startingDeadline="9999999999999h")),
    ("suspendReason needs suspend: true", "spec.suspendReason", manifest(suspendReason="upgrade")),
    ("url: must be an http or https URL", "spec.source.url", at("ftp://galaxy.example.com/")),
    ("url: must be an http or https URL", "spec.source.url", at("galaxy.example.com")),
    ("url: must be an http or https URL", "spec.source.url", at("https:///api/")),
    ("url: must be an http or https URL", "spec.source.url", at("https://[::1/api/")),
    (
        "url: credentials belong in the Secret of secretRef",
        "spec.source.url",
        at("https://me:secret@galaxy.example.com/"),
    ),
    ("url: http needs insecure: true", "spec.source.url", at("http://galaxy.example.com/")),
    ("insecure: https excludes insecure: true", "spec.source.insecure", manifest(source=SOURCE | {"insecure": True})),
    ("maxInFlight: at least 1Mi", "spec.fetch.maxInFlight", manifest(fetch={"maxInFlight": "1Ki"})),
    ("maxInFlight: at least 1Mi", "spec.fetch.maxInFlight", manifest(fetch={"maxInFlight": "much"})),
    ("memory: at least 32Mi", "spec.resources.limits.memory", limited("31Mi")),
    ("memory: at least 32Mi", "spec.resources.limits.memory", limited(33554431)),
    ("memory: at least 32Mi", "spec.resources.limits.memory", limited("64 MB")),
    ("memory: at least 32Mi", "spec.resources.limits.memory", limited(-1)),
]


@pytest.mark.parametrize(("message", "document"), ACCEPTED)
def test_what_a_rule_allows_is_accepted(message: str, document: Manifest) -> None:
    assert load(encoded(document)) == from_object(document)


@pytest.mark.parametrize(("message", "path", "document"), REFUSED)
def test_what_a_rule_forbids_is_refused_with_its_path(message: str, path: str, document: Manifest) -> None:
    with pytest.raises(ManifestError) as caught:
        load(encoded(document))
    assert caught.value.path == path


@pytest.mark.parametrize("rule", [rule for rule in RULES if rule.holds], ids=lambda rule: rule.message)
def test_every_rule_has_an_example_of_both_kinds(rule: Any) -> None:
    assert rule.message in {message for message, _ in ACCEPTED}
    assert rule.message in {message for message, _, _ in REFUSED}


@pytest.mark.parametrize(
    ("document", "sentence"),
    [
        (limited("16Mi"), "spec.resources.limits.memory: at least 32Mi, found '16Mi'"),
        (
            limited("lots"),
            "spec.resources.limits.memory: 'lots' is no quantity; expected a number and a unit, such as 64Mi or 1.5G",
        ),
        (manifest(suspendReason="upgrade"), "spec.suspendReason: needs suspend: true"),
        (manifest(interval="5s"), "spec.interval: at least 1m"),
        (at("http://galaxy.example.com/"), "spec.source.url: http needs insecure: true"),
    ],
)
def test_a_broken_rule_is_told_in_one_sentence(document: Manifest, sentence: str) -> None:
    with pytest.raises(ManifestError) as caught:
        from_object(document)
    assert str(caught.value) == sentence


def test_a_password_in_a_url_is_not_repeated() -> None:
    with pytest.raises(ManifestError) as caught:
        from_object(at("https://me:hunter2@galaxy.example.com/"))
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("spec", "sentence"),
    [
        (
            {"collections": [COLLECTION, {"name": "a.b"}, COLLECTION]},
            "spec.collections[2].name: community.general is listed already, as spec.collections[0]",
        ),
        (
            {"exclude": [{"name": "a.b"}, {"name": "a.b", "version": "*"}]},
            "spec.exclude[1].name: a.b is listed already, as spec.exclude[0]",
        ),
    ],
)
def test_a_list_that_is_a_map_holds_no_key_twice(spec: Manifest, sentence: str) -> None:
    with pytest.raises(ManifestError) as caught:
        from_object(manifest(**spec))
    assert str(caught.value) == sentence


def test_two_ranges_of_one_collection_may_be_excluded() -> None:
    excluded = [{"name": "a.b", "version": "1.0.0"}, {"name": "a.b", "version": "2.0.0"}]
    assert len(from_object(manifest(exclude=excluded)).spec.exclude) == 2
