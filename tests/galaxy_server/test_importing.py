"""Docs are made of what plugins say of themselves, in the shape that an importer gives them."""

from typing import Any

from testgalaxy.fragments import Fragments
from testgalaxy.importing import contents_of, docs_blob
from testgalaxy.yamldocs import load_yaml, plugin_strings

MODULE = b'''
DOCUMENTATION = r"""
module: greet
short_description: Greet
description: Greets.
version_added: 1.2.0
extends_documentation_fragment: [acme.tools.common]
options:
  whom:
    type: dict
    suboptions:
      name: {type: str, default: "a\\\\d"}
"""
EXAMPLES = """
- acme.tools.greet: {}
"""
RETURN = "greeting: {description: It., sample: 2024-01-02}"
'''
FRAGMENT = b'''
class ModuleDocFragment:
    DOCUMENTATION = """
options:
  port: {type: int}
"""
'''


def built() -> dict[str, Any]:
    fragments = Fragments()
    fragments.see("acme.tools", "plugins/doc_fragments/common.py", FRAGMENT)
    members = {
        "README.md": b"# a < b",
        "plugins/modules/greet.py": MODULE,
        "plugins/action/greet.py": b"",
        "plugins/filter/shout.py": b"",
        "plugins/filter/shout.yml": b"DOCUMENTATION: {name: shout, short_description: Shout}",
        "plugins/module_utils/__init__.py": b"",
        "roles/web/README.md": b"Web",
        "roles/web/tasks/main.yml": b"",
    }
    return docs_blob("acme.tools", members, "README.md", fragments)


def entry(kind: str, name: str) -> dict[str, Any]:
    return next(e for e in built()["contents"] if (e["content_type"], e["content_name"]) == (kind, name))


def test_contents_are_listed_by_type_and_name() -> None:
    listed = [(item["content_type"], item["name"], item["description"]) for item in contents_of(built())]
    assert listed == [
        ("action", "greet", None),
        ("filter", "shout", "Shout"),
        ("module", "greet", "Greet"),
        ("role", "web", None),
    ]


def test_options_become_lists_of_named_members_with_fragments_merged_in() -> None:
    options = entry("module", "greet")["doc_strings"]["doc"]["options"]
    assert options == [
        {"name": "port", "type": "int"},
        {"name": "whom", "type": "dict", "suboptions": [{"name": "name", "type": "str", "default": "a\\d"}]},
    ]


def test_a_version_added_says_of_which_collection() -> None:
    doc = entry("module", "greet")["doc_strings"]["doc"]
    assert (doc["version_added"], doc["version_added_collection"]) == ("1.2.0", "acme.tools")


def test_return_values_are_lists_and_dates_stay_strings() -> None:
    assert entry("module", "greet")["doc_strings"]["return"] == [
        {"name": "greeting", "description": "It.", "sample": "2024-01-02"}
    ]


def test_examples_stay_as_they_were_written() -> None:
    assert entry("module", "greet")["doc_strings"]["examples"] == "\n- acme.tools.greet: {}\n"


def test_what_is_no_yaml_is_no_documentation() -> None:
    assert load_yaml("a: [") is None


def test_strings_that_are_put_together_are_read_too() -> None:
    assert plugin_strings(b"DOCUMENTATION = ('a: ' '1')") == {"DOCUMENTATION": "a: 1"}
