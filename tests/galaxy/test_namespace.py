"""The metadata of a namespace: read with what is kept, and held against its own digest."""

import hashlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectionsync.galaxy.errors import ContentError
from collectionsync.galaxy.namespace import read_namespace
from testgalaxy import PNG, Namespace
from testgalaxy.layout import DEFAULT_LAYOUT

FULL = Namespace(
    name="acme",
    company="Acme für alle",
    email="tools@acme.example",
    description="What <we> & \U0001f600 do",
    resources="# Tools\n\nA page.",
    links={"Home": "https://acme.example/", "Forge": "https://forge.acme.example/?a=b&c=d"},
    avatar=PNG,
)


def served(namespace: Namespace = FULL, **members: Any) -> bytes:
    return json.dumps({**namespace.document(DEFAULT_LAYOUT), **members}).encode()


def test_it_is_what_the_server_says() -> None:
    found = read_namespace("acme", served())
    assert (found.name, found.company, found.email) == ("acme", FULL.company, FULL.email)
    assert [(link.name, link.url) for link in found.links or ()] == list(FULL.links.items())
    assert found.avatar_sha256 == hashlib.sha256(PNG).hexdigest()
    assert found.metadata_sha256 == FULL.metadata_sha256


def test_the_digest_is_the_one_that_a_real_pulp_was_seen_to_have() -> None:
    # SHA-256 of this very text, as pulp_ansible makes it of a namespace that was never described further.
    text = (
        '{"avatar_sha256": null, "company": "", "description": "", "email": "", "links": {}, '
        '"name": "lab", "resources": ""}'
    )
    assert read_namespace("lab", b'{"name": "lab"}').digest() == hashlib.sha256(text.encode()).hexdigest()


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=5)


@given(texts, texts, texts, texts, st.dictionaries(texts, texts, max_size=3), st.none() | st.binary())
def test_the_digest_agrees_with_the_servers_whatever_is_said(
    company: str, email: str, description: str, resources: str, links: dict[str, str], avatar: bytes | None
) -> None:
    made = Namespace(
        name="acme",
        company=company,
        email=email,
        description=description,
        resources=resources,
        links=links,
        avatar=avatar,
    )
    assert read_namespace("acme", served(made)).digest() == made.metadata_sha256


@pytest.mark.parametrize(
    "members",
    [
        {"company": "Evil"},
        {"email": ""},
        {"description": None},
        {"resources": "x"},
        {"links": []},
        {"links": [{"name": "Home", "url": "https://evil.example/"}]},
        {"avatar_sha256": None},
        {"avatar_sha256": "0" * 64},
        {"metadata_sha256": "0" * 64},
        {"metadata_sha256": "x" * 10_000},
    ],
    ids=lambda members: next(iter(members)),
)
def test_what_does_not_match_its_digest_is_refused_in_few_words(members: dict[str, Any]) -> None:
    with pytest.raises(ContentError, match="the metadata of the namespace acme has sha256") as caught:
        read_namespace("acme", served(**members))
    assert caught.value.reason == "DigestMismatch"
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize("members", [{"metadata_sha256": None}, {"metadata_sha256": ""}, {"avatar_url": "/elsewhere"}])
def test_what_the_digest_does_not_cover_may_be_anything(members: dict[str, Any]) -> None:
    assert read_namespace("acme", served(**members)).company == FULL.company


def test_another_namespaces_metadata_is_refused() -> None:
    with pytest.raises(ContentError, match="is that of acme") as caught:
        read_namespace("other", served())
    assert caught.value.reason == "WrongNamespace"


def test_what_a_server_adds_of_its_own_is_left_out() -> None:
    encoded = read_namespace("acme", served(groups=[{"id": 1}], users=["ann"], id=7, related_fields={})).encoded()
    assert set(json.loads(encoded)) == {
        *("name", "company", "email", "description", "resources", "links"),
        *("avatar_sha256", "avatar_url", "metadata_sha256"),
    }


def test_what_was_kept_can_be_read_again() -> None:
    found = read_namespace("acme", served())
    assert read_namespace("acme", found.encoded()) == found


@pytest.mark.parametrize("links", [None, []])
def test_no_links_are_no_links_however_they_are_written(links: object) -> None:
    made = Namespace(name="acme")
    assert read_namespace("acme", served(made, links=links)).digest() == made.metadata_sha256


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"null",
        b"<html></html>",
        b"{}",
        b'{"name": 5}',
        b'{"name": "acme", "company": 5}',
        b'{"name": "acme", "links": {"Home": "https://acme.example/"}}',
        b'{"name": "acme", "links": [{"name": "Home"}]}',
        b'{"name": "acme", "avatar_sha256": []}',
        b'{"name": "acme\xff"}',
        b'{"name": "acme", "x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    ],
)
def test_what_is_no_metadata_is_refused(body: bytes) -> None:
    with pytest.raises(ContentError) as caught:
        read_namespace("acme", body)
    assert caught.value.reason == "InvalidJSON"
