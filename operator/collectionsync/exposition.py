"""/metrics of a process: one address, one collector, and what Prometheus's client knows of the process itself.

Imported only where an address is asked for.
"""

import contextlib
from collections.abc import Iterator

from prometheus_client import CollectorRegistry, PlatformCollector, ProcessCollector, start_http_server
from prometheus_client.registry import Collector


@contextlib.contextmanager
def exposed(address: str, port: int, collector: Collector) -> Iterator[int]:
    """Serve /metrics and yield the port, which is chosen by the kernel where `port` is 0.

    Raises:
        OSError: the address cannot be listened on.
    """
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    registry.register(collector)
    server, thread = start_http_server(port, address, registry)
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
