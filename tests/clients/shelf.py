"""The collections that most of these tests install: small, each there for one trait."""

from testansible import Key
from testgalaxy import Catalog, small_version

REPOSITORY = "shelf"
CLASHING = ("all.versions", "api.index", "collections.all", "index.v3", "v3.collections")
"""Names that are words in the paths of servers."""
MANY = 120
"""More than fit on a page."""


def shelf(key: Key) -> Catalog:
    """Make them all; acme.signed has a signature of this key."""
    catalog = Catalog()
    for number in ("1.0.0", "1.1.0", "2.0.0", "2.1.0-rc.1"):
        catalog.add(small_version("acme.base", number))
    for number in ("1.0.0", "1.2.0", "2.0.0"):
        catalog.add(small_version("acme.app", number, dependencies={"acme.base": ">=1.0.0,<2.0.0"}))
    for number in ("0.1.0-alpha.2", "0.1.0-alpha.10"):
        catalog.add(small_version("acme.early", number))
    catalog.add(small_version("acme.built", "1.0.1+build.5"))
    catalog.add(small_version("acme.future", "1.0.0"))
    catalog.add(small_version("acme.future", "2.0.0", requires_ansible=">=99.0.0"))
    catalog.add(small_version("acme.old", "1.0.0"))
    catalog.deprecate("acme", "old")
    for minor in range(MANY):
        catalog.add(small_version("acme.many", f"1.{minor}.0", docs=False))
    for name in CLASHING:
        catalog.add(small_version(name, "1.0.0"))
    signed = small_version("acme.signed", "1.0.0")
    assert isinstance(signed.artifact, bytes)
    catalog.add(signed)
    catalog.sign("acme", "signed", "1.0.0", text=key.sign(signed.artifact), fingerprint=key.fingerprint)
    return catalog
