"""Whom the release's pods may talk to, spelt out: whoever wants more has to write it here."""

from typing import Any

from chart.rendering import Chart, Object, of, only
from chart.server import serving
from collectionsync.controller.jobs import _LABELS as WORKER_LABELS

DNS: Object = {"ports": [{"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "TCP"}]}
SCRAPED: Object = {"ports": [{"port": "metrics"}]}


def policies(chart: Chart, *, bundled: bool = False, **policy: Any) -> dict[str, Object]:
    """Return the policies of a release by the component that they confine."""
    objects = chart.render(networkPolicy={"enabled": True, **policy}, database={"bundled": {"enabled": bundled}})
    return {each["metadata"]["labels"]["app.kubernetes.io/component"]: each for each in of(objects, "NetworkPolicy")}


def test_the_test_reaches_what_it_asks_and_nothing_else(chart: Chart) -> None:
    objects = chart.render(networkPolicy={"enabled": True}, database={"bundled": {"enabled": True}})
    (spec,) = [
        each["spec"]
        for each in chart.render_test(networkPolicy={"enabled": True}, database={"bundled": {"enabled": True}})
        if each["kind"] == "NetworkPolicy"
    ]
    (pod,) = [each for each in chart.render_test() if each["kind"] == "Pod"]
    assert spec["podSelector"]["matchLabels"].items() <= pod["metadata"]["labels"].items()
    assert spec["policyTypes"] == ["Ingress", "Egress"]
    names, api_server, database, operator, bundled = spec["egress"]
    assert (names, api_server, database) == (
        DNS,
        {"ports": [{"port": 443}, {"port": 6443}]},
        {"ports": [{"port": 5432}]},
    )
    for rule, kind, port in ((operator, "Deployment", "health"), (bundled, "StatefulSet", "postgresql")):
        (peer,) = rule["to"]
        asked = only(objects, kind)["spec"]["template"]["metadata"]["labels"]
        assert peer["podSelector"]["matchLabels"].items() <= asked.items()
        assert rule["ports"] == [{"port": port}]


def test_nothing_is_confined_unless_it_is_asked_for(chart: Chart) -> None:
    values: Object = {"networkPolicy": {"jobs": {"namespaces": ["a"]}}, "database": {"bundled": {"enabled": True}}}
    assert of(chart.render(**values), "NetworkPolicy") == []


def test_the_operator_reaches_the_api_server_and_names_and_nothing_else(chart: Chart) -> None:
    spec = policies(chart)["operator"]["spec"]
    assert spec["policyTypes"] == ["Ingress", "Egress"]
    assert spec["egress"] == [{"ports": [{"port": 443}, {"port": 6443}]}, DNS]


def test_the_operator_is_scraped_by_everybody_and_asked_for_its_health_by_the_test(chart: Chart) -> None:
    scraped, asked = policies(chart)["operator"]["spec"]["ingress"]
    assert scraped == SCRAPED
    (test,) = [each for each in chart.render_test() if each["kind"] == "Pod"]
    assert asked["ports"] == [{"port": "health"}]
    assert asked["from"][0]["podSelector"]["matchLabels"].items() <= test["metadata"]["labels"].items()


def test_the_policy_of_the_operator_confines_its_pod(chart: Chart) -> None:
    objects = chart.render(networkPolicy={"enabled": True})
    selected = only(objects, "NetworkPolicy")["spec"]["podSelector"]["matchLabels"]
    assert selected.items() <= only(objects, "Deployment")["spec"]["template"]["metadata"]["labels"].items()


def test_jobs_are_confined_where_their_namespaces_are_named_or_watched(chart: Chart) -> None:
    objects = chart.render(
        networkPolicy={"enabled": True, "jobs": {"namespaces": ["a", "b"]}}, operator={"watchNamespaces": ["b", "c"]}
    )
    found = [each for each in of(objects, "NetworkPolicy") if each["metadata"]["name"].endswith(".jobs")]
    assert [each["metadata"]["namespace"] for each in found] == ["b", "c", "a"]


def test_a_job_reaches_its_source_its_database_and_names_and_nothing_else(chart: Chart) -> None:
    spec = policies(chart, jobs={"namespaces": ["a"]})["worker"]["spec"]
    assert spec["podSelector"]["matchLabels"].items() <= WORKER_LABELS.items()
    assert spec["policyTypes"] == ["Ingress", "Egress"]
    assert spec["egress"] == [DNS, {"ports": [{"port": 443}]}, {"ports": [{"port": 5432}]}]
    assert spec["ingress"] == [SCRAPED]


def test_a_job_reaches_an_object_store_where_the_release_has_one_or_says_where_it_is(chart: Chart) -> None:
    def egress(**values: Any) -> list[Object]:
        objects = chart.render(
            networkPolicy={"enabled": True, "jobs": {"namespaces": ["a"], **values.pop("jobs", {})}}, **values
        )
        (found,) = [each for each in of(objects, "NetworkPolicy") if each["metadata"]["name"].endswith(".jobs")]
        rules: list[Object] = found["spec"]["egress"]
        return rules

    peer = [{"ipBlock": {"cidr": "192.0.2.0/24"}}]
    assert egress(artifacts={"url": "s3://mirror"})[3:] == [{"ports": [{"port": 443}]}]
    assert egress(jobs={"artifacts": {"to": peer, "ports": [9000]}})[3:] == [{"to": peer, "ports": [{"port": 9000}]}]
    assert egress(jobs={"artifacts": {"ports": [9000]}})[3:] == [], (
        "who narrows sources down does not open all of the world"
    )


def test_a_job_reaches_the_bundled_database(chart: Chart) -> None:
    egress = policies(chart, bundled=True, jobs={"namespaces": ["a"]})["worker"]["spec"]["egress"]
    assert len(egress) == 4
    (peer,) = egress[-1]["to"]
    assert peer["namespaceSelector"]["matchLabels"] == {"kubernetes.io/metadata.name": "tools"}
    assert peer["podSelector"]["matchLabels"]["app.kubernetes.io/component"] == "database"


def test_the_bundled_database_is_reached_by_jobs_and_by_the_test_and_reaches_nobody(chart: Chart) -> None:
    spec = policies(chart, bundled=True)["database"]["spec"]
    assert spec["policyTypes"] == ["Ingress", "Egress"]
    assert "egress" not in spec
    (rule,) = spec["ingress"]
    assert rule["ports"] == [{"port": "postgresql"}]
    jobs, test = rule["from"]
    assert jobs["namespaceSelector"] == {}
    assert jobs["podSelector"]["matchLabels"].items() <= WORKER_LABELS.items()
    assert test == {"podSelector": {"matchLabels": {**test["podSelector"]["matchLabels"]}}}
    assert test["podSelector"]["matchLabels"]["app.kubernetes.io/component"] == "test"


def confined_server(chart: Chart, /, **values: Any) -> Object:
    """Return the policy of the server."""
    policy = {"enabled": True, **values.pop("networkPolicy", {})}
    found: Object = only(serving(chart, networkPolicy=policy, **values), "NetworkPolicy")["spec"]
    return found


def test_the_server_is_asked_by_everybody_and_scraped_by_everybody_unless_somebody_is_named(chart: Chart) -> None:
    anybody, scraped, test = confined_server(chart)["ingress"]
    assert (anybody, scraped) == ({"ports": [{"port": "http"}]}, SCRAPED)
    peer = [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "ingress"}}}]
    narrow = confined_server(chart, networkPolicy={"server": {"from": peer}, "metricsFrom": peer})["ingress"]
    assert narrow == [{"from": peer, "ports": [{"port": "http"}]}, {"from": peer, **SCRAPED}, test]
    (pod,) = [each for each in chart.render_test() if each["kind"] == "Pod"]
    assert test["from"][0]["podSelector"]["matchLabels"].items() <= pod["metadata"]["labels"].items()
    assert test["ports"] == [{"port": "http"}]


def test_the_server_reaches_names_its_database_and_its_object_store_and_nothing_else(chart: Chart) -> None:
    assert confined_server(chart)["policyTypes"] == ["Ingress", "Egress"]
    assert confined_server(chart)["egress"] == [DNS, {"ports": [{"port": 5432}]}]
    peer = [{"ipBlock": {"cidr": "192.0.2.0/24"}}]
    jobs = {"database": {"to": peer, "ports": [6432]}, "artifacts": {"to": peer, "ports": [9000]}}
    assert confined_server(chart, networkPolicy={"jobs": jobs})["egress"] == [
        DNS,
        {"to": peer, "ports": [{"port": 6432}]},
    ]
    stored = confined_server(chart, networkPolicy={"jobs": jobs}, artifacts={"url": "s3://mirror"})["egress"]
    assert stored[2:] == [{"to": peer, "ports": [{"port": 9000}]}]


def test_the_server_reaches_the_bundled_database_and_the_test_reaches_the_server(chart: Chart) -> None:
    values: Object = {
        "server": {"enabled": True},
        "networkPolicy": {"enabled": True},
        "database": {"bundled": {"enabled": True}},
    }
    objects = {each["metadata"]["name"]: each["spec"] for each in of(chart.render(**values), "NetworkPolicy")}
    server = objects["mirrors-collectionsync-server"]
    labels = server["podSelector"]["matchLabels"]
    database = objects["mirrors-collectionsync-postgresql"]
    (to_database,) = server["egress"][-1]["to"]
    assert to_database == {"podSelector": database["podSelector"]}
    assert {"podSelector": {"matchLabels": labels}} in database["ingress"][0]["from"]
    test = only(chart.render_test(**values), "NetworkPolicy")["spec"]
    assert {"to": [{"podSelector": {"matchLabels": labels}}], "ports": [{"port": "http"}]} in test["egress"]


def test_all_of_it_can_be_narrowed_down(chart: Chart) -> None:
    peer = [{"ipBlock": {"cidr": "192.0.2.0/24"}}]
    found = policies(
        chart,
        metricsFrom=peer,
        dns={"to": peer, "ports": [5353]},
        apiServer={"to": peer, "ports": [6443]},
        jobs={
            "namespaces": ["a"],
            "source": {"to": peer, "ports": [8443]},
            "database": {"to": peer, "ports": [6432]},
        },
    )
    operator, worker = found["operator"]["spec"], found["worker"]["spec"]
    names = {"to": peer, "ports": [{"port": 5353, "protocol": "UDP"}, {"port": 5353, "protocol": "TCP"}]}
    assert operator["ingress"][0] == {"from": peer, **SCRAPED}
    assert operator["egress"] == [{"to": peer, "ports": [{"port": 6443}]}, names]
    assert worker["ingress"] == [{"from": peer, **SCRAPED}]
    assert worker["egress"] == [
        names,
        {"to": peer, "ports": [{"port": 8443}]},
        {"to": peer, "ports": [{"port": 6432}]},
    ]
