"""A mirror by this project, and what it holds: read from its tables, and put as Pulp's own lists are."""

from pathlib import Path
from typing import Any

from syncing import Ended, manifest, rows, sync
from testpulp import Content, Release, Signature

CONFIG_MAP = "asked"
_PLACE = "r.namespace = 'default' AND r.name = 'default'"
_CLAIMED = f"""
    repository r JOIN repository_claim k ON k.repository_id = r.id
    JOIN repository_content c ON c.repository_id = r.id AND c.version_id = k.version_id AND c.removed IS NULL
    JOIN collection_version v ON v.id = k.version_id
    WHERE {_PLACE}
"""
_NAME = "v.namespace || '.' || v.name || ' ' || v.version"
_RELEASES = "SELECT namespace, name, version, sha256 FROM repository_current"
_DEPRECATED = f"""
    SELECT DISTINCT d.namespace || '.' || d.name
    FROM repository_deprecation d JOIN repository r ON r.id = d.repository_id WHERE {_PLACE}
"""
_SIGNATURES = f"""
    SELECT DISTINCT held.version, s.sha256, s.pubkey_fingerprint
    FROM (SELECT {_NAME} AS version, k.version_id, k.source_id FROM {_CLAIMED}) held
    JOIN source_signature s USING (version_id, source_id)
"""
_MARKS = f"""
    SELECT DISTINCT held.version, mark
    FROM (SELECT {_NAME} AS version, k.version_id, k.source_id FROM {_CLAIMED}) held
    JOIN source_version s USING (version_id, source_id), unnest(s.marks) mark
"""
_NAMESPACES = f"""
    SELECT DISTINCT held.namespace, n.body ->> 'metadata_sha256'
    FROM (SELECT v.namespace, k.source_id FROM {_CLAIMED}) held
    JOIN source_namespace n ON n.source_id = held.source_id AND n.name = held.namespace
    WHERE n.body ->> 'metadata_sha256' IS NOT NULL
"""


async def content(database: str) -> Content:
    """All that the repository `default` of the namespace `default` has."""
    return Content(
        releases=frozenset(Release(*row) for row in await rows(database, _RELEASES)),
        deprecated=frozenset(name for (name,) in await rows(database, _DEPRECATED)),
        signatures=frozenset(Signature(*row) for row in await rows(database, _SIGNATURES)),
        marks=frozenset((version, mark) for version, mark in await rows(database, _MARKS)),
        namespaces=frozenset((name, sha256) for name, sha256 in await rows(database, _NAMESPACES)),
    )


async def mirror(
    url: str, requirements: str | None, database: str, folder: Path, *, secrets: Path | None = None, **spec: Any
) -> Ended:
    """Sync with this text of a requirements.yml, or all that the server has where it is None; `folder` is for files."""
    if requirements is None:
        return await sync(manifest(url, all=True, **spec), database, secrets=secrets)
    config_map = folder / CONFIG_MAP
    config_map.mkdir(exist_ok=True)
    (config_map / "requirements.yml").write_text(requirements)
    document = manifest(url, requirementsFrom={"configMapKeyRef": {"name": CONFIG_MAP}}, **spec)
    return await sync(document, database, secrets=secrets, config_maps=folder)
