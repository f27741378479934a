"""What helm tells after an installation is what works next."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from chart.rendering import CHART, Chart, only
from collectionsync import manifest

Notes = Callable[..., str]
INSTALL = "ansible-galaxy collection install ansible.posix"


@pytest.fixture
def notes(chart: Chart, tmp_path: Path) -> Notes:
    """The notes of a release. Helm shows them where there is a cluster, so they are made an object here."""
    folder = tmp_path / "collectionsync"
    shutil.copytree(CHART, folder)
    folder.joinpath("templates", "NOTES.txt").rename(folder / "notes.txt")
    told = 'kind: Notes\nmetadata: {name: notes}\ntext: {{ tpl (.Files.Get "notes.txt") . | toJson }}\n'
    folder.joinpath("templates", "notes.yaml").write_text(told)
    copied = Chart(chart.helm, chart.home, folder)

    def read(**values: Any) -> str:
        return str(only(copied.render(namespace="tools", **values), "Notes")["text"])

    return read


def test_they_name_the_secret_that_the_operator_looks_for(notes: Notes) -> None:
    told = notes(database={"existingSecret": {"name": "app", "key": "dsn"}})
    assert "kubectl create secret generic app --namespace default" in told
    assert "--from-literal=dsn=" in told


def test_they_speak_of_a_namespace_that_is_watched(notes: Notes) -> None:
    told = notes(operator={"watchNamespaces": ["team-a", "team-b"]})
    assert "the CollectionSyncs of team-a, team-b." in told
    assert "secret generic collectionsync-database --namespace team-a" in told
    assert "the CollectionSyncs of all namespaces." in notes()


def test_their_manifest_is_one_that_is_accepted(notes: Notes) -> None:
    lines = notes().splitlines()
    first = next(number for number, line in enumerate(lines) if line.endswith("<<MANIFEST"))
    last = lines.index("MANIFEST")  # where a shell looks for it: at the beginning of its line
    resource = manifest.load("\n".join(lines[first + 1 : last]).encode())
    assert f"collectionsync/{resource.metadata.name}" in lines[last + 1]


def test_they_say_where_the_operator_logs(notes: Notes) -> None:
    assert "kubectl logs --namespace tools deployment/mirrors-collectionsync" in notes()


def test_they_say_how_to_install_from_the_server(notes: Notes) -> None:
    told = notes(
        server={"enabled": True, "publicURL": "https://mirror.example.com/galaxy/"}, artifacts={"url": "s3://a"}
    )
    assert f"{INSTALL} --server https://mirror.example.com/galaxy/tools/default/api/\n" in told
    assert "port-forward" not in told
    assert "artifacts.url" not in told
    assert "contentPolicy: Full" in told


def test_they_lead_to_a_server_that_pods_alone_reach_through_a_port_of_this_machine(notes: Notes) -> None:
    told = notes(server={"enabled": True, "service": {"port": 8000}})
    assert "pods do so from http://mirrors-collectionsync-server.tools.svc:8000," in told
    assert "kubectl port-forward --namespace tools service/mirrors-collectionsync-server 8080:8000 &" in told
    assert f"{INSTALL} --server http://127.0.0.1:8080/tools/default/api/\n" in told
    assert "name an object store in artifacts.url" in told


def test_they_remind_of_a_token_where_not_everybody_may_read(notes: Notes) -> None:
    told = notes(server={"enabled": True, "access": {"existingSecret": "readers"}})
    assert f"{INSTALL} --token TOKEN --server " in told
    assert "The server's pods wait for readers as well, in namespace tools." in told


def test_they_speak_of_no_server_where_there_is_none(notes: Notes) -> None:
    assert "server" not in notes(artifacts={"url": "s3://a", "existingSecret": "store"})


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({}, "collectionsync-database --namespace tools"),
        ({"operator": {"watchNamespaces": ["a"]}}, "collectionsync-database --namespace tools"),
        ({"operator": {"watchNamespaces": ["a"]}, "database": {"bundled": {"enabled": True}}}, None),
        ({"database": {"bundled": {"enabled": True}}}, None),
    ],
    ids=str,
)
def test_they_ask_for_each_secret_that_the_server_lacks_once(
    notes: Notes, values: dict[str, Any], named: str | None
) -> None:
    told = notes(server={"enabled": True}, **values)
    assert told.count("kubectl create secret generic") == (1 if named else 0) + (
        "watchNamespaces" in str(values) and bool(named)
    )
    assert named is None or told.count(f"kubectl create secret generic {named}") == 1
    own = notes(server={"enabled": True, "database": {"existingSecret": {"name": "reader"}}}, **values)
    assert own.count("kubectl create secret generic reader --namespace tools") == 1


def test_they_remind_of_the_definition_where_it_is_left_to_another_release(notes: Notes) -> None:
    assert "another one has to bring it" in notes(crds={"enabled": False})
    assert "another one has to bring it" not in notes()
