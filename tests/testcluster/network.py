"""The node's network: a namespace of its own, and one cable from there to the machine.

The machine's own network is left as it is: no forwarding, no routes but that of the cable's subnet, no rules. From
inside, the machine's end of the cable is all that can be reached: there is no default route.
"""

import ipaddress
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from testcluster.caching import cluster_cache, locked
from testcluster.commands import run
from testcluster.errors import ClusterError
from testcluster.packages import search_path

PODS = "10.244.0.0/24"
SERVICES = "10.96.0.0/16"
API_SERVICE = "10.96.0.1"
POLICY_QUEUE = 100
"""The queue of packets on which network policies are decided."""

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


def queue_new_connections(pid: int) -> bool:
    """Let the namespace of `pid` queue the first packet of each connection of a pod; whether this machine's kernel can.

    A packet that nobody takes out of the queue is dropped. Answers are not queued, nor what the node's own processes
    send: a kubelet may always probe.
    """
    iptables = ("nsenter", f"--net=/proc/{pid}/ns/net", "iptables", "--wait", "--table", "mangle", "--append")
    first = ("--match", "conntrack", "--ctstate", "NEW", "--jump", "NFQUEUE", "--queue-num", str(POLICY_QUEUE))
    environment = {"PATH": search_path()}
    rules = [("FORWARD", *first), ("INPUT", "--source", PODS, *first)]
    return all(not run([*iptables, *rule], environment=environment, check=False).returncode for rule in rules)


def policies_are_decided(pid: int) -> bool:
    """Whether somebody in the namespace of `pid` takes packets out of the queue."""
    queues = Path(f"/proc/{pid}/net/netfilter/nfnetlink_queue")
    return any(line.split()[0] == str(POLICY_QUEUE) for line in queues.read_text().splitlines())


def cni_config(*, isolation_socket: Path | None) -> dict[str, Any]:
    """How pods are connected: each by a cable to the node, which routes, so that all packets meet the node's rules.

    With a socket, no pod starts before its network policies are in force.
    """
    cable = {
        "type": "ptp",
        "ipMasq": True,
        "ipam": {"type": "host-local", "ranges": [[{"subnet": PODS}]], "routes": [{"dst": "0.0.0.0/0"}]},
    }
    ports = {"type": "portmap", "capabilities": {"portMappings": True}}
    plugins: list[dict[str, Any]] = [cable, ports]
    if isolation_socket is not None:
        plugins.append({"type": "isolation", "socket": str(isolation_socket)})
    return {"cniVersion": "0.4.0", "name": "pods", "plugins": plugins}


def _taken() -> list[ipaddress.IPv4Network]:
    """All subnets that this machine has a route to; its default route, which is to everywhere else, does not count."""
    routes = json.loads(run(["ip", "-json", "-4", "route", "show", "table", "all"]).stdout or "[]")
    destinations = (str(route.get("dst", "default")) for route in routes)
    return [ipaddress.IPv4Network(dst, strict=False) for dst in destinations if dst not in ("default", "0.0.0.0/0")]


def _ip(*arguments: str) -> None:
    run(["ip", *arguments])
