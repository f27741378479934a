"""The table of requirement files: what is asked for, of which catalog, and where the two are meant to differ."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from testgalaxy import PNG, Catalog, small_catalog

VERSIONS = ("0.9.0", "1.0.0-rc.1", "1.0.0", "1.0.1", "1.1.0-beta.2", "1.1.0", "1.10.0", "1.2.0", "2.0.0-rc.1", "2.0.0")
"""What acme.tools has, in the order in which they were made; releases and pre-releases."""


@dataclass(frozen=True, kw_only=True)
class Difference:
    """Versions (`namespace.name version`) that only one of the two is to have, and why that is right."""

    reason: str
    only_ours: frozenset[str] = frozenset()
    only_pulp: frozenset[str] = frozenset()


SAME = Difference(reason="")


@dataclass(frozen=True, kw_only=True)
class Case:
    """A requirement file and a catalog. `spec` are fields of our resource, `remote` those of Pulp's that mean the same.

    `requirements` is None where everything is asked for. `skipped` is what ours tells to have gone without, and why,
    where Pulp says nothing.
    """

    name: str
    requirements: str | None
    catalog: Callable[[], Catalog]
    spec: Mapping[str, Any] = field(default_factory=dict)
    remote: Mapping[str, Any] = field(default_factory=dict)
    difference: Difference = SAME
    skipped: Mapping[str, str] = field(default_factory=dict)


def requirements(*entries: str) -> str:
    """The text of a requirements.yml: each entry a name, and perhaps a colon and a range."""
    lines = []
    for entry in entries:
        name, _, versions = entry.partition(":")
        lines.append(f"  - name: {name}\n" + (f'    version: "{versions}"\n' if versions else ""))
    return "---\ncollections:\n" + "".join(lines)


def tools() -> Catalog:
    """One collection with every kind of version, and one that nobody asks for."""
    return small_catalog({"acme.tools": VERSIONS, "acme.other": ["1.0.0"]})


def _range(name: str, text: str, difference: Difference = SAME) -> Case:
    return Case(name=name, requirements=requirements(f"acme.tools:{text}"), catalog=tools, difference=difference)


def _tools(*versions: str) -> frozenset[str]:
    return frozenset(f"acme.tools {version}" for version in versions)


RANGES = (
    _range("one version", "1.0.0"),
    _range("one version with an operator", "==1.0.0"),
    _range("every version", "*"),
    _range("a lower bound", ">=1.0.1"),
    _range("a lower bound that is not in it", ">1.0.1"),
    _range("both bounds", ">=1.0.0,<=1.2.0"),
    _range("a pre-release", "1.0.0-rc.1"),
    _range("from a pre-release on", ">=1.1.0-beta.1"),
    _range("up to a version that is not in it, and its pre-releases below", "<=1.0.0"),
    _range("without its pre-releases", "!=1.10.0,>=1.2.0"),
    _range(
        "below a version",
        "<2.0.0",
        Difference(
            reason="A pre-release of 2.0.0 is below it (semver.org, 11), and `<2.0.0` holds for it in ansible-galaxy."
            " The SimpleSpec that Pulp reads ranges with leaves pre-releases of an upper bound out.",
            only_ours=_tools("2.0.0-rc.1"),
        ),
    ),
    _range(
        "every other version",
        "!=1.1.0",
        Difference(
            reason="`!=1.1.0` is about 1.1.0 alone in ansible-galaxy; to SimpleSpec its pre-releases are meant too.",
            only_ours=_tools("1.1.0-beta.2"),
        ),
    ),
    _range(
        "a partial version",
        "1.0",
        Difference(
            reason="`1.0` is 1.0.0 in ansible-galaxy; to SimpleSpec it is every 1.0.x.",
            only_pulp=_tools("1.0.1"),
        ),
    ),
    _range(
        "above a partial version",
        ">1.0",
        Difference(
            reason="`>1.0` is above 1.0.0 in ansible-galaxy; to SimpleSpec it is above every 1.0.x.",
            only_ours=_tools("1.0.1", "1.1.0-beta.2"),
        ),
    ),
    Case(
        name="two ranges of one collection",
        requirements=requirements("acme.tools:1.0.0", "acme.tools:>=2.0.0"),
        catalog=tools,
    ),
    Case(
        name="a collection without a range and one with it",
        requirements=requirements("acme.other", "acme.tools:1.2.0"),
        catalog=tools,
    ),
    Case(
        name="a collection that has nothing but pre-releases",
        requirements=requirements("acme.early"),
        catalog=lambda: small_catalog({"acme.early": ["0.1.0-alpha.1", "0.1.0-rc.1"]}),
    ),
    Case(name="everything", requirements=None, catalog=tools),
)


def needing(dependencies: Mapping[str, Mapping[str, str]], **collections: list[str]) -> Callable[[], Catalog]:
    """A catalog of the namespace acme, with what its collections depend on."""
    named = {f"acme.{name}": versions for name, versions in collections.items()}
    return lambda: small_catalog(named, dependencies=dependencies)


_CHAIN = needing(
    {"acme.app": {"acme.web": "*"}, "acme.web": {"acme.net": ">=1.1.0"}},
    app=["1.0.0"],
    web=["1.0.0", "1.1.0"],
    net=["1.0.0", "1.1.0", "1.2.0"],
    other=["1.0.0"],
)
_DIAMOND = needing(
    {
        "acme.app": {"acme.left": "1.0.0", "acme.right": "1.0.0"},
        "acme.left": {"acme.base": "<=1.0.0"},
        "acme.right": {"acme.base": ">=1.1.0"},
    },
    app=["1.0.0"],
    left=["1.0.0"],
    right=["1.0.0"],
    base=["1.0.0", "1.0.1", "1.1.0"],
)
DEPENDENCIES = (
    Case(name="a chain", requirements=requirements("acme.app"), catalog=_CHAIN),
    Case(name="a diamond with two ranges", requirements=requirements("acme.app"), catalog=_DIAMOND),
    Case(
        name="a circle",
        requirements=requirements("acme.a:1.0.0"),
        catalog=needing(
            {"acme.a": {"acme.b": "*"}, "acme.b": {"acme.a": ">=2.0.0"}}, a=["1.0.0", "2.0.0"], b=["1.0.0", "2.0.0"]
        ),
    ),
    Case(
        name="without dependencies",
        requirements=requirements("acme.app"),
        catalog=_CHAIN,
        spec={"dependencies": False},
        remote={"sync_dependencies": False},
    ),
    Case(
        name="a dependency that one version of what is asked for satisfies",
        requirements=requirements("acme.app", "acme.base:1.1.0"),
        catalog=needing(
            {"acme.app": {"acme.web": "*"}, "acme.web": {"acme.base": ">=1.0.0"}},
            app=["1.0.0"],
            web=["1.0.0"],
            base=["1.0.0", "1.1.0", "1.2.0"],
        ),
        difference=Difference(
            reason="A dependency means every version in its range, whoever asked for one of them before: a client may"
            " be told to take any. Pulp drops it when a version that it has seen satisfies it, so that the order"
            " of its requests decides what is mirrored.",
            only_ours=frozenset({"acme.base 1.0.0", "acme.base 1.2.0"}),
        ),
    ),
    Case(
        name="pre-releases of a dependency",
        requirements=requirements("acme.app"),
        catalog=needing(
            {"acme.app": {"acme.net": ">=1.0.0"}}, app=["1.0.0"], net=["1.0.0-rc.1", "1.0.0", "1.1.0-rc.1"]
        ),
    ),
)

HIGHEST = (
    Case(
        name="the two highest",
        requirements=requirements("acme.tools"),
        catalog=tools,
        spec={"latest": 2},
        remote={"sync_highest_versions": 2},
    ),
    Case(
        name="the highest within a range",
        requirements=requirements("acme.tools:<=1.2.0"),
        catalog=tools,
        spec={"latest": 1},
        remote={"sync_highest_versions": 1},
    ),
    Case(
        name="more than there are releases",
        requirements=requirements("acme.tools"),
        catalog=lambda: small_catalog({"acme.tools": ["1.0.0-rc.1", "1.0.0", "1.1.0-rc.1", "1.1.0-rc.2"]}),
        spec={"latest": 2},
        remote={"sync_highest_versions": 2},
    ),
    Case(
        name="the highest of dependencies as well",
        requirements=requirements("acme.app"),
        catalog=_CHAIN,
        spec={"latest": 1},
        remote={"sync_highest_versions": 1},
    ),
)


def signed() -> Catalog:
    """acme.app is signed in its newest version; of what it needs, acme.net is signed, and acme.web is not."""
    catalog = needing(
        {"acme.app": {"acme.net": "*", "acme.web": "*"}, "acme.web": {"acme.base": "*"}},
        app=["1.0.0", "1.1.0"],
        net=["1.0.0"],
        web=["1.0.0"],
        base=["1.0.0"],
    )()
    for name, version in (("app", "1.1.0"), ("net", "1.0.0"), ("base", "1.0.0")):
        catalog.sign("acme", name, version)
    catalog.sign("acme", "app", "1.1.0", fingerprint="00112233445566778899AABBCCDDEEFF00112233")
    return catalog


def said() -> Catalog:
    """Everything that a server says beside the content: deprecation, signatures, marks, namespaces with a picture."""
    catalog = small_catalog({"acme.tools": ["1.0.0", "1.1.0"], "acme.old": ["1.0.0"], "other.old": ["1.0.0"]})
    catalog.deprecate("acme", "old")
    catalog.deprecate("other", "old")
    catalog.sign("acme", "tools", "1.1.0")
    catalog.mark("acme", "tools", "1.0.0", "certified")
    catalog.mark("acme", "tools", "1.0.0", "tested")
    catalog.describe("acme", company="Acme", description="Tools.", links={"home": "https://example.com/"}, avatar=PNG)
    return catalog


def excluding(*excludes: tuple[str, str | None]) -> Callable[[], Catalog]:
    """acme.app, which needs acme.tools, at a server that excludes these."""

    def made() -> Catalog:
        catalog = small_catalog(
            {"acme.tools": VERSIONS, "acme.app": ["1.0.0", "2.0.0"], "acme.other": ["1.0.0"]},
            dependencies={"acme.app": {"acme.tools": ">=1.0.0"}},
        )
        for name, versions in excludes:
            catalog.exclude(name, versions)
        return catalog

    return made


SAID = (
    Case(name="signatures, marks, deprecations, namespaces", requirements=None, catalog=said),
    Case(name="the same by names", requirements=requirements("acme.tools", "acme.old"), catalog=said),
    Case(
        name="only what is signed",
        requirements=requirements("acme.app"),
        catalog=signed,
        spec={"signedOnly": True},
        remote={"signed_only": True},
    ),
    Case(
        name="only what is signed of everything",
        requirements=None,
        catalog=signed,
        spec={"signedOnly": True},
        remote={"signed_only": True},
    ),
    Case(
        name="a collection that the server excludes",
        requirements=None,
        catalog=excluding(("acme.other", None)),
    ),
    Case(
        name="versions that the server excludes",
        requirements=requirements("acme.tools"),
        catalog=excluding(("acme.tools", ">=1.1.0,<=1.10.0")),
    ),
    Case(
        name="an excluded version's dependencies",
        requirements=requirements("acme.app"),
        catalog=excluding(("acme.app", None)),
        skipped={"acme.app *": "Excluded"},
    ),
    Case(
        name="an excluded dependency",
        requirements=requirements("acme.app:2.0.0"),
        catalog=excluding(("acme.tools", "<=1.2.0")),
    ),
)

EVERY = (*RANGES, *DEPENDENCIES, *HIGHEST, *SAID)
