"""Where collections come from, and by which credentials: several sources, tokens, passwords, private CAs."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from collectionsync.report import Result
from peer import ours
from peer.comparing import compare
from serving import Serve
from syncing import published, source
from testgalaxy import Catalog, small_catalog
from testpulp import Peer, TaskFailedError

TOKEN = "f1a2c3d4e5f60718293a4b5c6d7e8f90"


def requirement(name: str, url: str | None = None) -> str:
    return f"  - name: {name}\n" + (f"    source: {url}\n" if url else "")


def first() -> Catalog:
    return small_catalog({"acme.tools": ["1.0.0"], "acme.lib": ["1.0.0", "2.0.0"]})


def second(dependency: str) -> Catalog:
    """Has an acme.tools of its own, and an app that depends on something."""
    return small_catalog(
        {"acme.tools": ["1.0.0", "9.0.0"], "acme.app": ["1.0.0"], "acme.near": ["1.0.0"]},
        dependencies={"acme.app": {dependency: "*"}},
        requires_ansible=">=2.16.0",
    )


async def test_a_requirement_that_names_its_source_and_a_dependency_at_the_first_one(
    serve: Serve, database: str, peer: Peer, tmp_path: Path
) -> None:
    one, two = await serve(first()), await serve(second("acme.lib"), unpaged=False)
    asked = "collections:\n" + requirement("acme.app", two.url) + requirement("acme.tools", two.url)
    theirs = await peer.mirror(one.url, asked)
    ended, _ = await asyncio.gather(
        ours.mirror(one.url, asked, database, tmp_path, sources=[{"name": "second", **source(two.url)}]), theirs.sync()
    )
    assert (ended.result, ended.skipped) == (Result.SUCCEEDED, {})
    mine = await ours.content(database)
    compare(mine, await theirs.content())
    assert mine.names == ["acme.app 1.0.0", "acme.lib 1.0.0", "acme.lib 2.0.0", "acme.tools 1.0.0", "acme.tools 9.0.0"]


async def test_a_dependency_that_only_the_other_source_has_fails_a_sync_by_pulp_and_is_found_by_ours(
    serve: Serve, database: str, peer: Peer, tmp_path: Path
) -> None:
    """ansible-galaxy looks for dependencies on every server that it knows, and so must a mirror."""
    one, two = await serve(first()), await serve(second("acme.near"), unpaged=False)
    asked = "collections:\n" + requirement("acme.app", two.url)
    theirs = await peer.mirror(one.url, asked)
    with pytest.raises(TaskFailedError):
        await theirs.sync()
    ended = await ours.mirror(one.url, asked, database, tmp_path, sources=[{"name": "second", **source(two.url)}])
    assert ended.result is Result.SUCCEEDED
    assert await published(database) == ["acme.app 1.0.0", "acme.near 1.0.0"]


@pytest.mark.parametrize(
    "login",
    [{"token": TOKEN}, {"username": "mirror", "password": "correct horse"}],
    ids=["a token", "a password"],
)
async def test_credentials_and_a_private_ca(
    serve: Serve, database: str, peer: Peer, tmp_path: Path, login: dict[str, Any]
) -> None:
    galaxy = await serve(first(), tls=True, **login)
    theirs = await peer.mirror(galaxy.url, ca_cert=galaxy.ca_pem.decode(), **login)
    for name, text in ({**login, "ca.crt": galaxy.ca_pem.decode()}).items():
        file = tmp_path / "secrets" / "galaxy" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    known: dict[str, Any] = {"secretRef": {"name": "galaxy"}, "certSecretRef": {"name": "galaxy"}}
    ended, _ = await asyncio.gather(
        ours.mirror(galaxy.url, None, database, tmp_path, source=known, secrets=tmp_path / "secrets"), theirs.sync()
    )
    assert ended.result is Result.SUCCEEDED
    compare(await ours.content(database), await theirs.content())
    assert len(await published(database)) == 3
