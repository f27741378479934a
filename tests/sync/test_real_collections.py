"""Real collections, out of the ansible package, over TLS and gzip, by the real command."""

import pytest

from collectionsync.worker.budget import MEBIBYTE
from commandline import Commands
from serving import Serve
from syncing import (
    manifest,
    names,
    published,
    rows,
    served_documents,
    stored_documents,
    value,
    wrong_digests,
)
from testgalaxy import Catalog, corpus

pytestmark = pytest.mark.slow

# The second one depends on a third, which nobody names.
ASKED = ["ansible.posix", "community.docker"]
DEPENDENCY = "community.library_inventory_filtering_v1"


async def test_real_collections_arrive_byte_by_byte_and_answer_queries(
    commands: Commands, serve: Serve, database: str
) -> None:
    catalog = Catalog(source.version() for source in corpus.with_dependencies(ASKED))
    assert {version.collection for version in catalog} == {*ASKED, DEPENDENCY}
    galaxy = await serve(catalog, tls=True, gzip=True)
    secrets = commands.secret("authority", ca_crt=galaxy.ca_pem)
    document = manifest(galaxy.url, *ASKED, source={"certSecretRef": {"name": "authority"}})

    ended = await commands.sync(document, "--secrets", secrets, database=database)

    assert ended.code == 0, ended.err
    assert ended.report is not None
    assert ended.report["result"] == "Succeeded"
    assert ended.report["fetchedBytes"] < ended.report["documents"]["bytes"] / 2
    assert ended.report["peakRssBytes"] < 64 * MEBIBYTE
    assert await published(database) == names(catalog)
    assert await stored_documents(database) == served_documents(catalog)
    assert await wrong_digests(database) == 0
    assert await modules(database, "ansible.posix") >= {"acl", "authorized_key", "mount", "synchronize"}
    assert await value(database, OPTION, "community.docker", "docker_container", "image") == "str"


MODULES = """
    SELECT content ->> 'content_name'
    FROM collection_docs, json_array_elements(docs -> 'contents') content
    WHERE namespace || '.' || name = $1 AND content ->> 'content_type' = 'module'
"""
OPTION = """
    SELECT option ->> 'type'
    FROM collection_docs, json_array_elements(docs -> 'contents') content,
         json_array_elements(content -> 'doc_strings' -> 'doc' -> 'options') option
    WHERE namespace || '.' || name = $1 AND content ->> 'content_type' = 'module'
      AND content ->> 'content_name' = $2 AND option ->> 'name' = $3
"""


async def modules(database: str, collection: str) -> set[str]:
    return {name for (name,) in await rows(database, MODULES, collection)}
