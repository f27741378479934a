"""A source, a database or a disk that goes away in mid-run: the run ends with 69, and the next one goes on from there."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from collectionsync.report import ExitCode, Result
from collectionsync.store.embedded import EmbeddedPostgres
from collectionsync.store.postgres_local import is_worked_in, read_postmaster
from commandline import Commands
from postgres import short_folder
from serving import Hold, Serve, fetched, hold_after
from syncing import (
    Ended,
    Manifest,
    manifest,
    names,
    published,
    rows,
    served_documents,
    stored_documents,
    sync,
    until,
    wrong_digests,
)
from testgalaxy import Catalog, Fault, TestGalaxy, kind, small_catalog
from testgalaxy.wirefaults import status

pytestmark = pytest.mark.slow

STORED, ALL = 8, 30


def tools(docs: int | bool = True) -> Catalog:
    return small_catalog({"acme.tools": [f"1.{minor}.0" for minor in range(ALL)]}, docs=docs)


async def stored_names(database: str) -> set[str]:
    return {version for version, _ in await stored_documents(database)}


async def test_a_source_that_stops_in_mid_run_ends_the_run_with_69(serve: Serve, database: str) -> None:
    galaxy = await serve(tools())
    held = hold_after(galaxy, STORED)
    async with running(manifest(galaxy.url, "acme.tools"), database) as run:
        await held.reached(database)
        await galaxy.__aexit__()
        ended = await run
    assert (ended.code, ended.result, ended.outcome.reason) == (
        ExitCode.UNAVAILABLE,
        Result.FAILED,
        "SourceUnavailable",
    )
    assert await published(database) == []


async def test_a_source_that_is_back_is_asked_for_the_rest_only(serve: Serve, database: str) -> None:
    galaxy = await serve(tools())
    document = manifest(galaxy.url, "acme.tools")
    held = hold_after(galaxy, STORED)
    async with running(document, database) as run:
        await held.reached(database)
        await galaxy.__aexit__()
        await run
    stored = await stored_names(database)
    port = int(galaxy.origin.rpartition(":")[2])
    back = await serve(galaxy.catalog, port=port)
    ended = await sync(document, database)
    assert ended.result is Result.SUCCEEDED
    assert len(stored) == STORED
    assert fetched(back) == set(names(galaxy.catalog)) - stored
    assert await published(database) == names(galaxy.catalog)


async def test_a_source_that_answers_nothing_but_errors_ends_the_run_with_69(serve: Serve, database: str) -> None:
    galaxy = await serve(tools())
    galaxy.faults.add(Fault(kind("detail", "docs"), status(503), after=10))
    ended = await sync(manifest(galaxy.url, "acme.tools"), database)
    assert (ended.code, ended.outcome.reason) == (ExitCode.UNAVAILABLE, "SourceUnavailable")
    assert await published(database) == []


async def test_credentials_that_expire_in_mid_run_end_it_with_77(serve: Serve, database: str) -> None:
    galaxy = await serve(tools())
    galaxy.faults.add(Fault(kind("detail", "docs"), status(401), after=10))
    ended = await sync(manifest(galaxy.url, "acme.tools"), database)
    assert ended.code is ExitCode.AUTHENTICATION
    assert await published(database) == []
