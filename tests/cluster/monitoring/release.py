"""The operator's release as these tests have it monitored."""

from typing import Any

from testcluster.monitoring import CHOSEN

RELEASE = "collectionsync"
MONITORING: dict[str, Any] = {
    "ifMissing": "fail",
    "serviceMonitor": {"enabled": True, "interval": "5s", "labels": CHOSEN},
    "podMonitor": {"enabled": True, "labels": CHOSEN},
    "prometheusRule": {"enabled": True, "labels": CHOSEN},
    "dashboards": {"enabled": True},
}
CONFINED: dict[str, Any] = {"enabled": True}
"""Whoever scrapes has to get through with policies in force as well."""
READERS, TOKEN = "readers", "a-token-of-these-tests"
"""The Secret that says who may read from the server, and what whoever may has to send."""
SERVERS_ALERTS = "CollectionSyncServer"
"""What the names of alerts begin with that there are only where there is a server."""
SERVING: dict[str, Any] = {
    "enabled": True,
    "service": {"type": "NodePort"},
    "access": {"existingSecret": READERS},
    "shutdownDelaySeconds": 0,
}
