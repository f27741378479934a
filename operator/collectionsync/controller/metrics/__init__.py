"""/metrics of the operator: read off the cache when it is scraped, so that it agrees with what the status says.

What follows from the cache survives a restart and goes with its resource; only counters are kept, for as long as the
process lives. Names follow https://prometheus.io/docs/practices/naming/ and what kube-state-metrics does. No text of an
error is ever a label.
"""

from collectionsync.controller.metrics.collector import OperatorCollector
from collectionsync.controller.metrics.counters import RunCounters

__all__ = ["OperatorCollector", "RunCounters"]
