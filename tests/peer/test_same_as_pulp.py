"""The same requirement file against the same galaxy, once by this project and once by Pulp: the same mirror."""

import asyncio
from pathlib import Path

import pytest

from collectionsync.report import Result
from peer import ours
from peer.cases import EVERY, Case
from peer.comparing import compare
from serving import Serve
from testpulp import Peer


@pytest.mark.parametrize("unpaged", [True, False], ids=["unpaged", "paged"])
@pytest.mark.parametrize("case", EVERY, ids=lambda case: case.name)
async def test_the_two_mirror_the_same(
    case: Case, unpaged: bool, serve: Serve, database: str, peer: Peer, tmp_path: Path
) -> None:
    galaxy = await serve(case.catalog(), unpaged=unpaged)
    theirs = await peer.mirror(galaxy.url, case.requirements, **case.remote)
    ended, _ = await asyncio.gather(
        ours.mirror(galaxy.url, case.requirements, database, tmp_path, **case.spec), theirs.sync()
    )
    assert (ended.result, ended.skipped) == (Result.PARTIAL if case.skipped else Result.SUCCEEDED, case.skipped)
    compare(await ours.content(database), await theirs.content(), case.difference)
