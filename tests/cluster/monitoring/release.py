"""The operator's release as these tests have it monitored."""

from typing import Any

RELEASE = "collectionsync"
MONITORING: dict[str, Any] = {
    "ifMissing": "fail",
    "serviceMonitor": {"enabled": True, "interval": "5s"},
    "podMonitor": {"enabled": True},
    "prometheusRule": {"enabled": True},
    "dashboards": {"enabled": True},
}
CONFINED: dict[str, Any] = {"enabled": True}
"""Whoever scrapes has to get through with policies in force as well."""
