"""The way to the server, and the URL that is told of it."""

import pytest

from chart.rendering import Chart, Object, RefusedError, only
from chart.server import NAME, options, service, serving, told_to_the_operator


def path(prefix: str) -> Object:
    """The path of an Ingress that leads to the server."""
    return {
        "path": prefix,
        "pathType": "Prefix",
        "backend": {"service": {"name": NAME, "port": {"name": "http"}}},
    }


def test_its_services_lead_to_its_ports_and_the_one_for_everybody_not_to_its_metrics(chart: Chart) -> None:
    objects = serving(chart, server={"service": {"port": 8000, "annotations": {"a": "b"}}})
    front, metrics = service(objects), service(objects, f"{NAME}-metrics")
    assert front["spec"]["ports"] == [{"name": "http", "port": 8000, "targetPort": "http"}]
    assert front["spec"]["type"] == "ClusterIP"
    assert front["metadata"]["annotations"] == {"a": "b"}
    assert metrics["spec"]["ports"] == [{"name": "metrics", "port": 9090, "targetPort": "metrics"}]


@pytest.mark.parametrize(
    ("given", "port"),
    [
        ({"type": "NodePort", "nodePort": 30080}, 30080),
        ({"type": "LoadBalancer", "nodePort": 30080}, 30080),
        ({"type": "NodePort"}, None),
        ({"type": "ClusterIP", "nodePort": 30080}, None),
    ],
    ids=str,
)
def test_a_port_of_the_nodes_is_asked_for_where_there_is_one(chart: Chart, given: Object, port: int | None) -> None:
    spec = service(serving(chart, server={"service": given}))["spec"]
    assert spec["type"] == given["type"]
    assert spec["ports"][0].get("nodePort") == port


def test_an_ingress_leads_to_the_service(chart: Chart) -> None:
    ingress = {"enabled": True, "className": "nginx", "host": "mirror.example.com", "annotations": {"a": "b"}}
    tls = {"enabled": True, "secretName": "mirror-tls"}
    found = only(serving(chart, server={"ingress": {**ingress, "tls": tls}}), "Ingress")
    assert found["metadata"]["annotations"] == {"a": "b"}
    assert found["spec"] == {
        "ingressClassName": "nginx",
        "tls": [{"hosts": ["mirror.example.com"], "secretName": "mirror-tls"}],
        "rules": [{"host": "mirror.example.com", "http": {"paths": [path("/")]}}],
    }


def test_an_ingress_takes_what_it_is_not_told_from_the_public_url(chart: Chart) -> None:
    server: Object = {"publicURL": "https://mirror.example.com:8443/galaxy/", "ingress": {"enabled": True}}
    spec = only(serving(chart, server=server), "Ingress")["spec"]
    assert spec == {"rules": [{"host": "mirror.example.com", "http": {"paths": [path("/galaxy")]}}]}


def test_an_ingress_without_a_host_is_refused(chart: Chart) -> None:
    with pytest.raises(RefusedError, match=r"server\.ingress\.host: name the host"):
        serving(chart, server={"ingress": {"enabled": True}})


def test_a_certificate_may_be_left_to_the_controller(chart: Chart) -> None:
    server: Object = {"ingress": {"enabled": True, "host": "mirror.example.com", "tls": {"enabled": True}}}
    assert only(serving(chart, server=server), "Ingress")["spec"]["tls"] == [{"hosts": ["mirror.example.com"]}]


def test_a_route_belongs_to_its_gateways_and_leads_to_the_service(chart: Chart) -> None:
    parents = [{"name": "public", "namespace": "gateways", "sectionName": "https"}]
    route = {"enabled": True, "parentRefs": parents, "hostnames": ["mirror.example.com"], "annotations": {"a": "b"}}
    server: Object = {"httpRoute": route, "service": {"port": 8000}, "publicURL": "https://mirror.example.com/galaxy"}
    found = only(serving(chart, server=server), "HTTPRoute")
    assert found["apiVersion"] == "gateway.networking.k8s.io/v1"
    assert found["metadata"]["annotations"] == {"a": "b"}
    assert found["spec"] == {
        "parentRefs": parents,
        "hostnames": ["mirror.example.com"],
        "rules": [
            {
                "matches": [{"path": {"type": "PathPrefix", "value": "/galaxy"}}],
                "backendRefs": [{"name": NAME, "port": 8000}],
            }
        ],
    }


@pytest.mark.parametrize(
    ("server", "url"),
    [
        ({}, f"http://{NAME}.tools.svc"),
        ({"service": {"port": 8000}}, f"http://{NAME}.tools.svc:8000"),
        ({"ingress": {"enabled": True, "host": "a.example.com"}}, "http://a.example.com"),
        ({"ingress": {"enabled": True, "host": "a.example.com", "tls": {"enabled": True}}}, "https://a.example.com"),
        ({"ingress": {"host": "a.example.com"}}, f"http://{NAME}.tools.svc"),
        ({"publicURL": "https://b.example.com/galaxy/"}, "https://b.example.com/galaxy"),
        (
            {"publicURL": "https://b.example.com", "ingress": {"enabled": True, "host": "a.example.com"}},
            "https://b.example.com",
        ),
    ],
    ids=str,
)
def test_the_operator_tells_what_clients_reach_it_by(chart: Chart, server: Object, url: str) -> None:
    assert told_to_the_operator(chart, enabled=True, **server) == url


def test_answers_go_by_the_request_unless_a_public_url_is_named(chart: Chart) -> None:
    server: Object = {"ingress": {"enabled": True, "host": "mirror.example.com"}}
    assert options(chart, server=server).public_url is None, "pods ask by the name of the Service, and others do not"
