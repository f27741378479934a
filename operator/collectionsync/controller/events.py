"""Events (core/v1) on a CollectionSync: what `kubectl describe` shows. Pure.

Each is a new object: the operator may create events and do nothing else with them.
"""

from datetime import datetime
from typing import Any
from uuid import uuid4

from collectionsync.controller import rfc3339
from collectionsync.controller.conditions import Notice
from collectionsync.resource import API_VERSION, KIND

COMPONENT = "collectionsync-operator"
"""Who tells."""


def event(namespace: str, name: str, uid: str, notice: Notice, now: datetime) -> dict[str, Any]:
    """Return the event that tells `notice` of this resource.

    https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/event-v1/
    """
    time = rfc3339.render(now)
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": f"{name}.{uuid4().hex[:16]}", "namespace": namespace},
        "involvedObject": {
            "apiVersion": API_VERSION,
            "kind": KIND,
            "name": name,
            "namespace": namespace,
            "uid": uid,
        },
        "type": "Warning" if notice.warning else "Normal",
        "reason": notice.reason,
        "message": notice.message,
        "source": {"component": COMPONENT},
        "firstTimestamp": time,
        "lastTimestamp": time,
        "count": 1,
    }
