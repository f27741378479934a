"""CustomResourceDefinitions of others in a cluster, until it serves what they define."""

import time
from pathlib import Path
from typing import Any

from testcluster.cluster import Cluster
from testcluster.errors import ClusterError

_PATIENCE_SECONDS = 180.0
_PAUSE_SECONDS = 0.1


def define(cluster: Cluster, definitions: Path) -> None:
    """Make known to a cluster what the file defines, or those of the folder.

    Raises ClusterError where it does not serve them in time.
    """
    # By the server: an annotation, which it would otherwise stand in once more, has no room for a definition.
    cluster.kubectl("apply", "--server-side", "--filename", str(definitions))
    end = time.monotonic() + _PATIENCE_SECONDS
    # `kubectl wait` gives up on a definition that nobody has looked at yet, and whose conditions are null.
    while missing := [each["metadata"]["name"] for each in _known(cluster, definitions) if not _is_established(each)]:
        if time.monotonic() > end:
            raise ClusterError(f"The test cluster does not serve {', '.join(missing)} after {_PATIENCE_SECONDS:.0f} s.")
        time.sleep(_PAUSE_SECONDS)


def _known(cluster: Cluster, definitions: Path) -> list[dict[str, Any]]:
    found = cluster.json("get", "--filename", str(definitions))
    listed: list[dict[str, Any]] = found["items"] if found["kind"] == "List" else [found]
    return listed


def _is_established(definition: dict[str, Any]) -> bool:
    conditions = definition.get("status", {}).get("conditions") or []
    return any((each["type"], each["status"]) == ("Established", "True") for each in conditions)
