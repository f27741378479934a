"""The few questions that a starting node is asked, without the cost of a kubectl each."""

import http.client
import json
import ssl
from typing import Any

from testcluster.certificates import Pair
from testcluster.components import NODE_NAME, Layout

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

    def _object(self, path: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self._get(path) or b"{}")
        return found

    def _get(self, path: str) -> bytes | None:
        host, _, port = self._layout.server.removeprefix("https://").partition(":")
        connection = http.client.HTTPSConnection(host, int(port), timeout=_TIMEOUT_SECONDS, context=self._context)
        return _answer(connection, path)


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
