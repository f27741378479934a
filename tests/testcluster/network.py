"""The node's network: a namespace of its own, and one cable from there to the machine.

The machine's own network is left as it is: no forwarding, no routes but that of the cable's subnet, no rules. From
inside, the machine's end of the cable is all that can be reached: there is no default route.
"""

import ipaddress
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from testcluster.caching import cluster_cache, locked
from testcluster.commands import run
from testcluster.errors import ClusterError

PODS = "10.244.0.0/24"
SERVICES = "10.96.0.0/16"
API_SERVICE = "10.96.0.1"

_RANGES = ("10.201.0.0/16", "172.30.0.0/16", "192.168.0.0/16", "198.18.0.0/15")
"""Where a subnet for the cable is looked for: private use, and the range for benchmarks (RFC 2544)."""


@dataclass(frozen=True)
class Cable:
    """The two ends: the machine's and the node's."""

    host: str
    node: str


def connect(pid: int) -> Cable:
    """Lay the cable between this machine and the network namespace of the process `pid`; it vanishes with that."""
    name = f"cs{pid}"
    with locked(cluster_cache() / ".network.lock"):  # until the address is on it, another might take the same
        subnet = free_subnet(_taken())
        host, node = (str(subnet.network_address + number) for number in (1, 2))
        _ip("link", "add", name, "type", "veth", "peer", "name", "eth0", "netns", str(pid))
        _ip("address", "add", f"{host}/{subnet.prefixlen}", "dev", name)
        _ip("link", "set", name, "up")
    inside = ("nsenter", f"--net=/proc/{pid}/ns/net", "ip")
    run([*inside, "address", "add", f"{node}/{subnet.prefixlen}", "dev", "eth0"])
    run([*inside, "link", "set", "eth0", "up"])
    # Services are no address of anybody: each packet to one is redirected, but only after it found a route.
    run([*inside, "route", "add", SERVICES, "dev", "eth0", "src", node])
    return Cable(host, node)


def free_subnet(taken: Iterable[ipaddress.IPv4Network]) -> ipaddress.IPv4Network:
    """The first subnet of the ranges that overlaps with nothing that this machine has a route to."""
    used = list(taken)
    for each in _RANGES:
        for subnet in ipaddress.IPv4Network(each).subnets(new_prefix=24):
            if not any(subnet.overlaps(other) for other in used):
                return subnet
    raise ClusterError("This machine has routes to all private addresses; none is left for a test cluster.")


def cni_config() -> dict[str, Any]:
    """How pods are connected: by a bridge in the node's namespace."""
    bridge = {
        "type": "bridge",
        "bridge": "pods",
        "isGateway": True,
        "ipMasq": True,
        "hairpinMode": True,
        "ipam": {"type": "host-local", "ranges": [[{"subnet": PODS}]], "routes": [{"dst": "0.0.0.0/0"}]},
    }
    ports = {"type": "portmap", "capabilities": {"portMappings": True}}
    return {"cniVersion": "0.4.0", "name": "pods", "plugins": [bridge, ports]}


def _taken() -> list[ipaddress.IPv4Network]:
    """All subnets that this machine has a route to; its default route, which is to everywhere else, does not count."""
    routes = json.loads(run(["ip", "-json", "-4", "route", "show", "table", "all"]).stdout or "[]")
    destinations = (str(route.get("dst", "default")) for route in routes)
    return [ipaddress.IPv4Network(dst, strict=False) for dst in destinations if dst not in ("default", "0.0.0.0/0")]


def _ip(*arguments: str) -> None:
    run(["ip", *arguments])
