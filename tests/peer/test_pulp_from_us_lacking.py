"""What fails all of a sync by Pulp where another server lacks it: ours has it, whatever it was given itself."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from commandline import Commands
from peer import ours
from peer.cases import requirements
from peer.comparing import compare
from peer.upstream import upstream
from serving import Serve
from syncing import rows
from testgalaxy import PNG, Catalog, Document, Fault, Version, kind, small_catalog, small_version
from testgalaxy.wirefaults import status
from testpulp import Peer, TaskFailedError

Edit = Callable[[dict[str, Any]], None]


def without(*names: str) -> Edit:
    def edit(metadata: dict[str, Any]) -> None:
        for name in names:
            del metadata[name]

    return edit


def blank(value: object) -> Edit:
    """All that may be empty is."""

    def edit(metadata: dict[str, Any]) -> None:
        for name in metadata:
            if name not in ("tags", "dependencies", "contents"):
                metadata[name] = value

    return edit


EDITS: dict[str, Edit] = {
    "no tags": without("tags"),
    "no dependencies": without("dependencies"),
    "neither": without("tags", "dependencies"),
    "null tags and dependencies": lambda metadata: metadata.update(tags=None, dependencies=None),
    "everything else null": blank(None),
    "nothing else": lambda metadata: metadata.clear(),
}


def edited(name: str, edit: Edit) -> Version:
    version = small_version(name, "1.0.0", dependencies={})
    metadata = version.metadata.json()
    edit(metadata)
    return replace(version, metadata=Document(json.dumps(metadata).encode()))


@pytest.mark.parametrize("asked_for", ["everything", "by name"])
@pytest.mark.parametrize("case", EDITS)
async def test_metadata_that_lack_something_are_completed(
    serve: Serve, commands: Commands, database: str, peer: Peer, tmp_path: Path, case: str, asked_for: str
) -> None:
    name = f"reef.{'a' if asked_for == 'by name' else 'b'}{list(EDITS).index(case)}"
    galaxy = await serve(Catalog([edited(name, EDITS[case])]))
    async with upstream(galaxy, commands, database, tmp_path) as source:
        theirs = await peer.mirror(source.url, requirements(name) if asked_for == "by name" else None)
        await theirs.sync()
        compare(await ours.content(database), await theirs.content())


async def test_docs_that_the_source_has_not_are_empty(
    serve: Serve, commands: Commands, database: str, peer: Peer, tmp_path: Path
) -> None:
    galaxy = await serve(small_catalog({"reef.undocumented": ["1.0.0"]}, docs=False))
    async with upstream(galaxy, commands, database, tmp_path) as source:
        theirs = await peer.mirror(source.url)
        await theirs.sync()
        assert (await theirs.content()).names == ["reef.undocumented 1.0.0"]


@pytest.mark.parametrize("body", [b"{}", b'{"docs_blob":null}', b'{"docs_blob":{}}'])
async def test_docs_without_a_member_that_pulp_must_find_are_served_with_it(
    serve: Serve, commands: Commands, database: str, peer: Peer, tmp_path: Path, body: bytes
) -> None:
    name = f"reef.docs{len(body)}"
    galaxy = await serve(small_catalog({name: ["1.0.0"]}, docs=body))
    async with upstream(galaxy, commands, database, tmp_path) as source:
        theirs = await peer.mirror(source.url)
        await theirs.sync()
        assert (await theirs.content()).names == [f"{name} 1.0.0"]


async def test_a_signature_by_an_unknown_key_is_a_signature_all_the_same(
    serve: Serve, commands: Commands, database: str, peer: Peer, tmp_path: Path
) -> None:
    catalog = small_catalog({"reef.signed": ["1.0.0"]})
    catalog.sign("reef", "signed", "1.0.0")
    galaxy = await serve(catalog)
    async with upstream(galaxy, commands, database, tmp_path) as source:
        await rows(database, "UPDATE source_signature SET pubkey_fingerprint = NULL, signing_service = NULL")
        theirs = await peer.mirror(source.url)
        await theirs.sync()
        ((_, _, fingerprint),) = (await theirs.content()).signatures
        assert fingerprint == ""


async def test_a_namespace_whose_avatar_could_not_be_had_is_left_out(
    serve: Serve, commands: Commands, database: str, peer: Peer, tmp_path: Path
) -> None:
    catalog = small_catalog({"atoll.tools": ["1.0.0"]})
    catalog.describe("atoll", company="Atoll", avatar=PNG)
    galaxy = await serve(catalog)
    galaxy.faults.add(Fault(kind("avatar"), status(404)))
    async with upstream(galaxy, commands, database, tmp_path) as source:
        theirs = await peer.mirror(source.url)
        await theirs.sync()
        pulps = await theirs.content()
        assert (pulps.names, pulps.namespaces) == (["atoll.tools 1.0.0"], frozenset())


async def test_versions_without_artifacts_fail_a_pulp_which_cannot_do_without(
    serve: Serve, commands: Commands, database: str, peer: Peer, tmp_path: Path
) -> None:
    """A mirror of metadata alone is for clients that look; what is to be installed or mirrored from it is Full."""
    galaxy = await serve(small_catalog({"reef.light": ["1.0.0"]}))
    async with upstream(galaxy, commands, database, tmp_path, contentPolicy="Metadata") as source:
        with pytest.raises(TaskFailedError):
            await (await peer.mirror(source.url)).sync()
        assert (await source.asked())["artifact 404"] > 0
