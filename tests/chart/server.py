"""The part of a release that serves what is mirrored, as tests look at it."""

from typing import Any

from chart.rendering import Chart, Object, of, only
from collectionsync import cli

NAME = "mirrors-collectionsync-server"
COMPONENT = "app.kubernetes.io/component"
EVERYTHING: Object = {
    "ingress": {"enabled": True, "host": "mirror.example.com"},
    "httpRoute": {"enabled": True, "parentRefs": [{"name": "public"}]},
    "autoscaling": {"enabled": True},
}
"""Values of the server with which there is one object of each kind."""


def serving(chart: Chart, /, **values: Any) -> list[Object]:
    """Return the objects of the server; `server` are its values, and the others are those of the chart."""
    server = {"enabled": True, **values.pop("server", {})}
    objects = chart.render(server=server, **values)
    return [each for each in objects if each["metadata"]["labels"][COMPONENT] == "server"]


def pod(chart: Chart, /, **values: Any) -> Object:
    """Return the server's pod."""
    found: Object = only(serving(chart, **values), "Deployment")["spec"]["template"]
    return found


def options(chart: Chart, /, **values: Any) -> Any:
    """Return what the server's own command line makes of the container's arguments."""
    (container,) = pod(chart, **values)["spec"]["containers"]
    return cli._parser().parse_args(container["args"])


def service(objects: list[Object], name: str = NAME) -> Object:
    """Return the Service of this name."""
    (found,) = [each for each in of(objects, "Service") if each["metadata"]["name"] == name]
    return found


def told_to_the_operator(chart: Chart, /, **server: Any) -> str | None:
    """Return where the operator says that repositories are served."""
    objects = chart.render(server=server)
    (operator,) = [each for each in of(objects, "Deployment") if each["metadata"]["name"] == "mirrors-collectionsync"]
    (container,) = operator["spec"]["template"]["spec"]["containers"]
    url: str | None = cli._parser().parse_args(container["args"]).server_url
    return url
