"""Every rule of the CRD holds on the command line, too: beside each rule stands what it takes and what it refuses."""

from typing import Any

import pytest

from collectionsync.manifest import ManifestError, from_object, load
from collectionsync.rules import RULES
from manifest.ruled import ACCEPTED, HUB, REFUSED, at, awaited, collected, limited, sent, stored
from manifest.samples import COLLECTION, Manifest, encoded, manifest


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
        (manifest(maxSkipped="5"), "spec.maxSkipped: a number, or a percentage from 0% to 100%, found '5'"),
        (
            collected([HUB], source="hub_"),
            "spec.collections: the source of community.general, 'hub_', is not known; a source is one of spec.sources,"
            " by name or URL, or an https URL",
        ),
        (
            collected(type="git"),
            "spec.collections[0].type: a mirror has what a Galaxy server published; build the collection, upload it to"
            " one, and leave type out, found 'git'",
        ),
        (sent(Host="a"), "spec.source.headers[0].name: a header that is not for a resource to set, found 'Host'"),
        (awaited(read="1ms"), "spec.source.timeouts.read: at least 100ms, found '1ms'"),
        (manifest(verify="Members"), "spec.verify: Members needs contentPolicy: Full"),
    ],
)
def test_a_broken_rule_is_told_in_one_sentence(document: Manifest, sentence: str) -> None:
    with pytest.raises(ManifestError) as caught:
        from_object(document)
    assert str(caught.value) == sentence


@pytest.mark.parametrize(
    "document",
    [
        at("https://me:hunter2@galaxy.example.com/"),
        at("https://me:hunter2@galaxy.example.com/ "),
        at("https://galaxy.example.com/?token=hunter2 "),
        collected(source="https://me:hunter2@hub.example.com/"),
        collected(source="http://me:hunter2@hub.example.com/"),
        collected(version="1.0.0", signatures=["https://me:hunter2@keys.example.com/"]),
        sent(Authorization="Token hunter2"),
        stored("s3://AKIA:hunter2@mirror"),
        stored("s3://mirror?secret=hunter2"),
        stored("ftp://mirror?secret=hunter2"),
    ],
    ids=str,
)
def test_a_password_is_not_repeated(document: Manifest) -> None:
    with pytest.raises(ManifestError) as caught:
        from_object(document)
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
        (
            {"sources": [HUB, {"name": "hub", "url": "https://other.example.com/"}]},
            "spec.sources[1].name: hub is listed already, as spec.sources[0]",
        ),
        (
            {"podTemplate": {"imagePullSecrets": [{"name": "registry"}, {"name": "registry"}]}},
            "spec.podTemplate.imagePullSecrets[1].name: registry is listed already, as"
            " spec.podTemplate.imagePullSecrets[0]",
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
