"""A spec for each thing that a resource can ask for: together they set every field that there is."""

from manifest.samples import SOURCE, Manifest

HUB = {
    "name": "automation_hub",
    "url": "https://console.example.com/api/automation-hub/content/published/",
    "secretRef": {"name": "hub-token"},
}

FEATURES: dict[str, Manifest] = {
    "one source in every detail": {
        "source": {
            "url": "http://galaxy.example.com/api/",
            "insecure": True,
            "secretRef": {"name": "galaxy-token"},
            "certSecretRef": {"name": "galaxy-ca"},
            "proxySecretRef": {"name": "proxy"},
            "rateLimit": 7.5,
            "headers": [{"name": "X-Forwarded-For", "value": "192.0.2.1"}, {"name": "User-Agent", "value": "mirror/1"}],
            "timeouts": {"connect": "2s", "read": "1m30s", "total": "1h"},
        }
    },
    "several sources": {
        "sources": [HUB, {"name": "lab", "url": "http://lab.example.com/", "insecure": True}],
        "collections": [
            {"name": "redhat.rhel_system_roles", "source": "automation_hub"},
            {"name": "lab.tools", "source": "http://lab.example.com/"},
            {"name": "acme.tools", "source": "https://galaxy.acme.example.com/api/"},
        ],
    },
    "everything": {"collections": None, "all": True},
    "a requirements file": {
        "collections": None,
        "requirementsFrom": {"configMapKeyRef": {"name": "ansible", "key": "requirements.yml"}},
    },
    "exceptions": {"exclude": [{"name": "community.general", "version": "<8"}, {"name": "f5networks.f5_beacon"}]},
    "the latest": {
        "latest": 3,
        "collections": [{"name": "community.general", "version": ">=8", "latest": 1, "type": "galaxy"}],
    },
    "pre-releases as needed": {"prereleases": "WhenNeeded"},
    "no dependencies": {"dependencies": False},
    "a threshold in items": {"onError": "Skip", "maxSkipped": 10},
    "a threshold in percent": {"maxSkipped": "2%"},
    "a mirror": {"mirror": True},
    "signatures": {
        "signedOnly": True,
        "recheckInterval": "24h",
        "collections": [
            {
                "name": "community.general",
                "version": "9.5.0",
                "signatures": ["https://keys.example.com/community-general-9.5.0.asc"],
            }
        ],
    },
    "artifacts": {
        "contentPolicy": "Full",
        "verify": "Members",
        "target": {
            "repository": "community",
            "databaseSecretRef": {"name": "pg", "key": "uri"},
            "artifacts": {"url": "s3://mirror/collections", "secretRef": {"name": "s3"}},
        },
        "resources": {"limits": {"memory": "96Mi"}},
    },
    "a pace of its own": {"fetch": {"concurrency": 4, "maxInFlight": "8Mi"}, "timeout": "5m"},
    "a schedule": {
        "schedule": "17 3 * * *",
        "timeZone": "Europe/Zurich",
        "jitter": "10m",
        "startingDeadline": "1h",
    },
    "an interval": {"interval": "90m"},
    "a pause": {"suspend": True, "suspendReason": "the source is being moved"},
    "Jobs of its own": {
        "backoffLimit": 0,
        "successfulRunsHistoryLimit": 0,
        "failedRunsHistoryLimit": 1,
        "podTemplate": {"priorityClassName": "low", "imagePullSecrets": [{"name": "registry"}]},
    },
    "defaults that a cluster has filled in": {
        "source": SOURCE | {"insecure": False, "timeouts": {"connect": "10s", "read": "30s", "total": "15m"}},
        "collections": [{"name": "community.general", "version": "*", "type": "galaxy"}],
        "all": False,
        "contentPolicy": "Metadata",
        "mirror": False,
        "onError": "Skip",
        "prereleases": "All",
        "recheckInterval": "168h",
        "signedOnly": False,
        "verify": "Chain",
    },
}
