"""Tiny collections that are whole in every way, for tests that must not wait for real ones.

Each version has a real tarball whose chain of checksums holds, a MANIFEST and FILES that say what is in it, and docs
of the shape that a real importer makes.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from testgalaxy.catalog import Catalog, Version
from testgalaxy.documents import Document, as_stored, document, dumps
from testgalaxy.rendering import manifest_document, metadata_document
from testgalaxy.tarballs import Chain, make_chain, make_tarball

DocsChoice = bool | bytes | int | Callable[[str, str, str], bytes | None]
Dependencies = Mapping[str, Mapping[str, str]]

_MODULE = """#!/usr/bin/python
DOCUMENTATION = '''
module: hello
short_description: Say hello
description: [Says hello.]
options:
  name: {{description: [Whom to greet.], type: str, required: true}}
'''
# {collection} {version}
"""


def small_catalog(
    collections: Mapping[str, Sequence[str]],
    *,
    docs: DocsChoice = True,
    dependencies: Dependencies | None = None,
    requires_ansible: str | None = ">=2.15.0",
) -> Catalog:
    """A catalog of tiny versions, each collection's created in the order given.

    `docs`: True for small ones, False for none (404), a number for that many bytes or more, bytes for exactly that
    body, or a function of namespace, name and version that gives a body or None.
    `dependencies` goes by `ns.name`, or by `ns.name:1.0.0` for one version.
    """
    known = dependencies or {}
    return Catalog(
        small_version(
            collection,
            version,
            docs=docs,
            dependencies=known.get(f"{collection}:{version}", known.get(collection, {})),
            requires_ansible=requires_ansible,
        )
        for collection, versions in collections.items()
        for version in versions
    )


def small_version(
    collection: str,
    version: str,
    *,
    docs: DocsChoice = True,
    dependencies: Mapping[str, str] | None = None,
    requires_ansible: str | None = ">=2.15.0",
    tags: Sequence[str] = ("tools", "test"),
    files: Mapping[str, bytes] | None = None,
) -> Version:
    """One tiny version, to put into a catalog. Other values for any field: `dataclasses.replace`.

    `files` are more members of its tarball, so that the same version has another digest.
    """
    namespace, _, name = collection.partition(".")
    info = _collection_info(namespace, name, version, dict(dependencies or {}), list(tags))
    members = {
        "README.md": f"# {collection}\n\nVersion {version}.\n".encode(),
        "meta/runtime.yml": f'---\nrequires_ansible: "{requires_ansible}"\n'.encode() if requires_ansible else b"",
        "plugins/modules/hello.py": _MODULE.format(collection=collection, version=version).encode(),
        **(files or {}),
    }
    chain: Chain = make_chain(info, members)
    tarball = make_tarball(chain, members)
    contents = [{"name": "hello", "content_type": "module", "description": "Say hello"}]
    return Version(
        namespace=namespace,
        name=name,
        version=version,
        sha256=hashlib.sha256(tarball).hexdigest(),
        size=len(tarball),
        metadata=metadata_document(info, dumps(as_stored(contents))),
        manifest=manifest_document(chain.manifest),
        files=document(as_stored(chain.files)),
        docs=_docs(docs, namespace, name, version),
        artifact=tarball,
        requires_ansible=requires_ansible,
        dependencies=dict(dependencies or {}),
        tags=tuple(tags),
    )


def with_tarball(version: Version, tarball: bytes) -> Version:
    """The version with another artifact, and its digest and size; the documents stay."""
    digest = hashlib.sha256(tarball).hexdigest()
    return replace(version, artifact=tarball, sha256=digest, size=len(tarball))


def _collection_info(
    namespace: str, name: str, version: str, dependencies: dict[str, str], tags: list[str]
) -> dict[str, Any]:
    home = f"https://example.com/{namespace}/{name}"
    return {
        "namespace": namespace,
        "name": name,
        "version": version,
        "authors": ["A. Author <author@example.com>"],
        "readme": "README.md",
        "tags": tags,
        "description": f"Tools of {namespace} für tests.",
        "license": ["Apache-2.0"],
        "license_file": None,
        "dependencies": dependencies,
        "repository": f"{home}.git",
        "documentation": None,
        "homepage": home,
        "issues": f"{home}/issues",
    }


def _docs(choice: DocsChoice, namespace: str, name: str, version: str) -> Document | None:
    if callable(choice):
        made = choice(namespace, name, version)
        return Document(made) if made is not None else None
    if isinstance(choice, bytes):
        return Document(choice)
    if choice is False:
        return None
    blob = small_docs(namespace, name, version)
    if choice is not True:
        missing = choice - blob.size
        blob = small_docs(namespace, name, version, padding="x" * max(0, missing))
    return blob


def small_docs(namespace: str, name: str, version: str, *, padding: str = "") -> Document:
    """Docs as an importer makes them, of about a kilobyte and `padding`."""
    options = [
        {"name": "name", "description": ["Whom to greet."], "required": True, "type": "str"},
        {"name": "state", "choices": ["absent", "present"], "default": "present", "description": ["What to do."]},
    ]
    doc = {
        "module": "hello",
        "collection": f"{namespace}.{name}",
        "plugin_name": f"{namespace}.{name}.hello",
        "short_description": "Say hello — naïvely",
        "description": ["Says hello.", padding] if padding else ["Says hello."],
        "author": ["A. Author (@author)"],
        "options": options,
        "has_action": False,
    }
    examples = f"\n- name: Say hello\n  {namespace}.{name}.hello:\n    name: world\n"
    result = [{"name": "greeting", "description": "What was said.", "returned": "always", "type": "str"}]
    strings = {"doc": doc, "examples": examples, "metadata": None, "return": result}
    module = {"content_name": "hello", "content_type": "module", "doc_strings": strings}
    utility = {"content_name": "greetings", "content_type": "module_utils", "doc_strings": None}
    blob = {
        "collection_readme": {"name": "README.md", "html": f"<h1>{namespace}.{name}</h1>\n<p>Version {version}.</p>"},
        "documentation_files": [],
        "contents": [{**entry, "readme_file": None, "readme_html": None} for entry in (module, utility)],
    }
    return document({"docs_blob": as_stored(blob)})
