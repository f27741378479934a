"""Each file is read as ansible-galaxy reads it, and refused where ansible-galaxy stops.

Each intended difference has its reason beside it.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from collectionsync.manifest import ManifestError
from collectionsync.requirements import read_requirements

SERVER = ("hub", "https://hub.example.com/api/")
KEY = "https://keys.example.com/a.asc"

ALIKE = {
    "names": "collections:\n- community.general\n- name: ansible.posix\n",
    "a list in one line": "{collections: [community.general, {name: ansible.posix}]}",
    "JSON": '{"collections": ["community.general", {"name": "ansible.posix", "version": ">=2"}]}',
    "ranges": (
        "collections:\n- {name: a.b, version: '>=1.0.0,<2.0.0'}\n- {name: c.d, version: '==1.2.3'}\n"
        "- {name: e.f, version: '*'}\n- {name: g.h, version: 1.2.3}\n- {name: i.j, version: '!=1.0'}\n"
    ),
    "two ranges of one collection": "collections:\n- {name: a.b, version: '1.0.0'}\n- {name: a.b, version: '2.0.0'}\n",
    "a source by name": "collections: [{name: a.b, source: hub}]",
    "a source by URL": "collections: [{name: a.b, source: 'https://hub.example.com/api/'}]",
    "a source of its own": "collections: [{name: a.b, source: 'https://other.example.com'}]",
    "a source that is empty": "collections: [{name: a.b, source: ''}, {name: c.d, source: null}]",
    "the type galaxy": "collections: [{name: a.b, type: galaxy, source: hub}]",
    "a type that is empty": "collections: [{name: a.b, type: null}]",
    "signatures": f"collections: [{{name: a.b, version: 1.0.0, signatures: [{KEY}, {KEY}.2]}}]",
    "one signature": f"collections: [{{name: a.b, version: 1.0.0, signatures: {KEY}}}]",
    "no signatures": "collections: [{name: a.b, signatures: null}, {name: c.d, signatures: []}]",
    "keys of no meaning": "collections: [{name: a.b, scm: git, comment: 'for the web team'}]",
    "roles that are none": "roles:\ncollections: [a.b]",
    "anchors": "collections: [&b {name: a.b, version: '>=1'}, {<<: *b, name: c.d}, {<<: *b, version: '<1'}]",
    "a document that is marked": "---\n# ours\ncollections:\n- a.b\n...\n",
    "a byte order mark": "\ufeffcollections: [a.b]",
    "versions that only look like numbers": "collections: [{name: a.b, version: 1.0.0}, {name: c.d, version: '1.0'}]",
    "underscores and digits": "collections: [_a1._b_2]",
}
REFUSED = {
    "an empty file": "",
    "a comment": "# nothing yet\n",
    "a list of roles": "- src: geerlingguy.apache\n",
    "a text": "community.general",
    "no YAML": "collections: [",
    "a range beside the name": "collections: ['community.general:1.0.0']",
    "a range beside the name, as pip has it": "collections: ['community.general>=1.0.0']",
    "two dots": "collections: [a.b.c]",
    "no dot": "collections: [general]",
    "a hyphen": "collections: [my-namespace.collection]",
    "a digit in front": "collections: [1a.b]",
    "no name": "collections: [{version: 1.0.0}]",
    "a name that is empty": "collections: [{name: null}]",
    "a number": "collections: [3]",
    "nothing": "collections: [null]",
    "a version that is a float": "collections: [{name: a.b, version: 1.0}]",
    "a version that is an integer": "collections: [{name: a.b, version: 1}]",
    "a version that YAML 1.1 takes for minutes": "collections: [{name: a.b, version: 1:30}]",
    "a version that YAML 1.1 takes for ten": "collections: [{name: a.b, version: 1_0}]",
    "a version that looks like a power": "collections: [{name: a.b, version: 1e3}]",
    "a version that is true": "collections: [{name: a.b, version: on}]",
    "a version that is nothing": "collections: [{name: a.b, version: null}]",
    "a version that is empty": "collections: [{name: a.b, version: ''}]",
    "a version that is a list": "collections: [{name: a.b, version: [1.0.0]}]",
    "a range of pip": "collections: [{name: a.b, version: ~=1.0}]",
    "a range with spaces": "collections: [{name: a.b, version: '>=1.0, <2.0'}]",
    "a type that is none": "collections: [{name: a.b, type: hg}]",
    "a list of lists": "collections: [[a.b]]",
    "an object": "collections: [!!python/name:os.system '']",
    "two documents": "collections: [a.b]\n---\ncollections: [c.d]\n",
}
# Why we stop where ansible-galaxy does not.
STRICTER = {
    "no collections": ("collections: []", "to mirror nothing is an oversight, and would empty a mirror"),
    "no key": ("roles: []", "the same"),
    "a mapping": ("collections: {a.b: {version: 1.0.0}}", "ansible-galaxy takes the keys, and loses the versions"),
    "a key twice": ("collections: [{name: a.b, version: 1.0.0, version: 2.0.0}]", "the first would be lost"),
    "capitals": ("collections: [Community.General]", "no Galaxy server has such names"),
    "letters beyond ASCII": ("collections: [ä.b]", "the same"),
    "credentials in a URL": ("collections: [{name: a.b, source: 'https://a:b@c.example/'}]", "they belong in a Secret"),
}
# What ansible-galaxy refuses, and a mirror passes over with a warning.
LOOSER = {
    "another key at the top": "collections: [a.b]\nfuture: true\n",
}


@pytest.fixture(scope="module")
def oracle(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What ansible-galaxy makes of each of these texts: the collections, or the error that it stops with."""
    folder = tmp_path_factory.mktemp("ansible")
    texts = [*ALIKE.values(), *REFUSED.values(), *(text for text, _ in STRICTER.values()), *LOOSER.values()]
    files = [folder / f"{number}.yml" for number in range(len(texts))]
    for file, text in zip(files, texts, strict=True):
        file.write_text(text, encoding="utf-8")
    program = Path(__file__).with_name("ansible_reading.py")
    command = [sys.executable, str(program), "=".join(SERVER), *map(str, files)]
    environment = os.environ | {"ANSIBLE_HOME": str(folder / "home"), "ANSIBLE_LOCAL_TEMP": str(folder / "tmp")}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment, cwd=folder)
    return dict(zip(texts, map(json.loads, done.stdout.splitlines()), strict=True))


def ours(text: str) -> list[list[object]]:
    """What we make of a text, in the same terms."""
    found = read_requirements(text.encode(), path="requirements.yml").collections
    return [
        [each.name, each.version, SERVER[1] if each.source == SERVER[0] else each.source, sorted(each.signatures)]
        for each in found
    ]


@pytest.mark.parametrize("text", ALIKE.values(), ids=ALIKE)
def test_a_file_means_what_it_means_to_ansible(oracle: dict[str, Any], text: str) -> None:
    assert ours(text) == oracle[text]


@pytest.mark.parametrize("text", REFUSED.values(), ids=REFUSED)
def test_what_ansible_stops_at_is_refused(oracle: dict[str, Any], text: str) -> None:
    assert isinstance(oracle[text], str)
    with pytest.raises(ManifestError):
        ours(text)


@pytest.mark.parametrize(("text", "reason"), STRICTER.values(), ids=STRICTER)
def test_what_cannot_be_meant_is_refused_though_ansible_reads_it(
    oracle: dict[str, Any], text: str, reason: str
) -> None:
    assert isinstance(oracle[text], list), reason
    with pytest.raises(ManifestError):
        ours(text)


@pytest.mark.parametrize("text", LOOSER.values(), ids=LOOSER)
def test_a_key_of_a_later_ansible_is_warned_of_and_keeps_no_mirror_from_being_kept(
    oracle: dict[str, Any], text: str
) -> None:
    assert "Expecting only 'roles' and/or 'collections'" in oracle[text]
    assert read_requirements(text.encode(), path="requirements.yml").warnings


def test_an_entry_that_occurs_twice_is_one_though_ansible_keeps_both() -> None:
    text = "collections: [a.b, {name: a.b}, {name: a.b, version: '*'}]"
    assert ours(text) == [["a.b", "*", None, []]]
