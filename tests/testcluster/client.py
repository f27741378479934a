"""The few questions that a starting node is asked, without the cost of a kubectl each."""

import http.client
import json
import socket
import ssl
import struct
from typing import Any

from testcluster.certificates import Pair
from testcluster.components import DOMAIN, NODE_NAME, Layout

_TIMEOUT_SECONDS = 5.0


class Client:
    """Asks an API server that may not be there yet."""

    def __init__(self, layout: Layout, pair: Pair) -> None:
        self._layout = layout
        self._context = ssl.create_default_context(cafile=layout.authority.certificate)
        self._context.load_cert_chain(pair.certificate, pair.key)

    def is_up(self) -> bool:
        """Whether the API server is ready."""
        return self._get("/readyz") is not None

    def node_is_ready(self) -> bool:
        """Whether pods are put on the node."""
        node = self._object(f"/api/v1/nodes/{NODE_NAME}")
        conditions = {each["type"]: each["status"] for each in node.get("status", {}).get("conditions", [])}
        return conditions.get("Ready") == "True" and not node["spec"].get("taints")

    def has_default_account(self) -> bool:
        """Whether pods may be made in the namespace `default`."""
        return bool(self._object("/api/v1/namespaces/default/serviceaccounts/default"))

    def services_route(self) -> bool:
        """Whether kube-proxy has put its rules in force."""
        connection = http.client.HTTPConnection(*self._layout.proxy_health, timeout=_TIMEOUT_SECONDS)
        return _answer(connection, "/healthz") is not None

    def names_resolve(self) -> bool:
        """Whether the name of a Service, that of the API server, has an address."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
            asking.settimeout(_TIMEOUT_SECONDS)
            try:
                asking.connect((self._layout.cable.node, 53))
                asking.send(_question(f"kubernetes.default.svc.{DOMAIN}"))
                answer = asking.recv(512)
            except OSError:
                return False
        _, flags, _, answers = struct.unpack("!4H", answer[:8])
        return not flags & 0xF and bool(answers)

    def _object(self, path: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self._get(path) or b"{}")
        return found

    def _get(self, path: str) -> bytes | None:
        host, _, port = self._layout.server.removeprefix("https://").partition(":")
        connection = http.client.HTTPSConnection(host, int(port), timeout=_TIMEOUT_SECONDS, context=self._context)
        return _answer(connection, path)


def _question(name: str) -> bytes:
    """A packet that asks for the IPv4 addresses of this name (RFC 1035)."""
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    return struct.pack("!6H", 1, 0, 1, 0, 0, 0) + labels + b"\0" + struct.pack("!2H", 1, 1)


def _answer(connection: http.client.HTTPConnection, path: str) -> bytes | None:
    """The body of an answer of 200, and None for any other or none at all."""
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        body = response.read()
        return body if response.status == http.client.OK else None
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
