"""Where a run stores what it brings: which database, and which store of artifacts.

Whoever runs the command comes first, then the manifest, then folders of the user's own.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from collectionsync.manifest import ManifestError
from collectionsync.resource import CollectionSync, ContentPolicy
from collectionsync.worker import secrets

if TYPE_CHECKING:
    from collectionsync.artifacts.store import ArtifactStore


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line says beside the manifest.

    `database_uri` is None where it names no database, and `artifacts`, a URL, where it names no store for them.
    """

    database_uri: str | None
    report: Path | None
    metrics_address: tuple[str, int] | None
    progress: str
    secrets: Path | None
    spool: Path
    config_maps: Path | None = None
    artifacts: str | None = None


def database_uri(resource: CollectionSync, options: Options) -> str | None:
    """Return which database is meant; None if by nobody.

    Raises:
        SecretError: the Secret that the manifest names cannot be used.
    """
    reference = resource.spec.target.database_secret_ref
    if options.database_uri is not None or reference is None:
        return options.database_uri
    return secrets.database_uri(reference, options.secrets)


def artifact_store(resource: CollectionSync, options: Options) -> "ArtifactStore | None":
    """Return where artifacts go; None where only metadata is mirrored.

    Raises:
        ManifestError, ArtifactStoreError: no store is meant, or not one that can be used.
    """
    if resource.spec.content_policy is not ContentPolicy.FULL:
        return None
    # Imported here: most of what it takes, a worker without artifacts never needs.
    from collectionsync.artifacts.store import ArtifactStore

    named = resource.spec.target.artifacts
    settings = secrets.store_settings(named.secret_ref if named else None, options.secrets)
    if options.artifacts is not None:
        return ArtifactStore.open(options.artifacts, settings)
    if named is not None:
        return ArtifactStore.open(named.url, settings)
    if database_uri(resource, options) is not None:
        problem = "contentPolicy Full needs a store for artifacts: set it, or pass --artifacts URL"
        raise ManifestError("spec.target.artifacts", problem)
    from collectionsync.store.embedded import data_folder

    return ArtifactStore.open((data_folder() / "artifacts").absolute().as_uri(), {})
