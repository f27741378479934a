"""What keeps any run of a resource from starting, though its spec can be read: where its artifacts would go. PURE.

A worker would find out as well, and say so; here it is known before there is a Job.
"""

from collectionsync.controller.conditions import Because
from collectionsync.controller.jobs import JobDefaults, artifact_store
from collectionsync.resource import CollectionSync, ContentPolicy
from collectionsync.status import Reason


def fault(resource: CollectionSync, defaults: JobDefaults) -> Because | None:
    """Return why no Job of this resource could do what it asks for; None where one may."""
    if resource.spec.content_policy is not ContentPolicy.FULL:
        return None
    store = artifact_store(resource.spec, defaults)
    if store is None:
        message = (
            "spec.contentPolicy is Full, and there is no object store for the artifacts: name one in "
            "spec.target.artifacts, or have the operator installed with one (artifacts.url of the chart)"
        )
        return Because(reason=Reason.ARTIFACT_STORE_MISSING, message=message)
    if _is_folder(store.url):
        where = (
            "spec.target.artifacts.url" if resource.spec.target.artifacts else "artifacts.url of the operator's chart"
        )
        message = (
            f"{where}: a Job has no folder that outlives it, so artifacts cannot be kept in one; name an object store, "
            "such as s3://BUCKET/PREFIX"
        )
        return Because(reason=Reason.INVALID_SPEC, message=message)
    return None


def _is_folder(url: str) -> bool:
    scheme, separator, _ = url.partition("://")
    return not separator or scheme.lower() == "file"
