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
