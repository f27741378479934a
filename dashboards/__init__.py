"""The project's Grafana dashboards as code, and pictures of them: for development, and no part of what is installed.

`python -m dashboards` writes the JSON that the chart brings, and `python -m dashboards.pictures` draws it as it looks
with the data of a Prometheus.
"""

import warnings

with warnings.catch_warnings():
    # The library would rather have Grafana's second format, and warns of its own modules that know another. The first
    # one is what every Grafana in use reads, and its sidecar.
    warnings.filterwarnings("ignore", "Prefer using dashboardv2", DeprecationWarning)
    from grafana_foundation_sdk.builders import bargauge, dashboard

__all__ = ["bargauge", "dashboard"]
